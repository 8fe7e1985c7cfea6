"""Killed in the middle of a delivery and started again: every alert arrives, at each kind of receiver.

The receiver is caught with an alert in its hands (over HTTP: before it answers), the agent is killed, several times over.
Run one test: COSMOWATCH=build/cosmowatch PYTHONPATH=tests python3 -m pytest tests/flow/test_killed.py -k NAME
SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import json
import os
import re
import threading
import time

import pytest

from flow import certs, http_way, kit, listener
from flow.rows import feeds
from flow.test_kafka import Broker, kafka, mockbroker, read  # noqa: F401 (a fixture)
from flow.story import SHORT, final, small_world

KILLS = 4


def record_ids(data):
    return set(re.findall(rb'"recordId": ?"([^"]+)"', data))


class Http:
    """A receiver that holds each request for a moment before it answers, and remembers what it has for good. While it
    holds, every other request is lost with it; afterwards none is."""

    def __init__(self, answer, **output):
        self.kept, self.asked, self.hold_s, self.lock = {}, 0, 0.3, threading.Lock()
        self.receiver = http_way.Receiver()
        self.receiver.answer = lambda method, path, body: self._hold(answer, path, body)
        self.output = {"url": "http://127.0.0.1:%d" % self.receiver.port, "format": "json", "gzip": False, **output}

    def _hold(self, answer, path, body):
        self.asked += 1
        if self.hold_s:
            time.sleep(self.hold_s)
            if self.asked % 2:
                return 503, b"{}"
        with self.lock:  # what a killed agent asked may still be under way
            return answer(self, path, body)

    def keep(self, body):
        for i in record_ids(body):
            self.kept[i] = self.kept.get(i, 0) + 1

    def seen(self):
        return self.asked

    def arrived(self):
        return set(self.kept)


def webhook(way, _path, body):
    way.keep(body)
    return 200, b"{}"


def splunk(way, path, body):
    """Takes an event, and has it for good when the second question about it comes."""
    way.waiting = getattr(way, "waiting", {})
    if path.startswith("/services/collector/ack"):
        ack = json.loads(body)["acks"][0]
        event, questions = way.waiting.get(ack, (b"", 0))
        way.waiting[ack] = (event, questions + 1)
        if questions >= 1:
            way.keep(event)
        return 200, json.dumps({"acks": {str(ack): questions >= 1}}).encode()
    way.waiting[len(way.waiting)] = (body, 0)
    return 200, json.dumps({"text": "Success", "code": 0, "ackId": len(way.waiting) - 1}).encode()


def elastic(way, _path, body):
    """Documents by their id: a second copy is a conflict, and is no second document."""
    lines = body.splitlines()
    items = []
    for head, document in zip(lines[::2], lines[1::2]):
        i = json.loads(head)["create"]["_id"]
        new = i not in way.documents
        way.documents.add(i)
        if new:
            way.keep(document)
        items.append({"create": {"_id": i, "status": 201 if new else 409}})
    return 200, json.dumps({"errors": any(x["create"]["status"] != 201 for x in items), "items": items}).encode()


class Syslog:
    def __init__(self, dir_):
        certs.ca(dir_)
        cert, key = certs.issue(dir_, "server", "localhost")
        self.sink = http_way.Sink(listener.context(cert, key))
        self.output = {"type": "syslog", "address": "127.0.0.1:%d" % self.sink.port, "format": "json", "max_message": "64KB",
                       "tls": {"ca": os.path.join(dir_, "ca.pem")}}

    def arrived(self):
        return record_ids(self.sink.got)

    def seen(self):
        return len(self.arrived())


class File:
    def __init__(self, dir_):
        self.output = {"type": "file", "path": os.path.join(dir_, "out.ndjson")}

    def arrived(self):  # whole lines only: what a kill cut is no JSON
        return {a["recordId"].encode() for a in kit.ndjson(self.output["path"], was_killed=True)}

    def seen(self):
        return os.path.exists(self.output["path"]) and os.path.getsize(self.output["path"])


class Kafka:
    def __init__(self, broker):
        self.broker = broker
        self.output = kafka(broker)

    def arrived(self):
        return {json.loads(m["payload"])["recordId"].encode() for m in read(self.broker.bootstrap)}

    def seen(self):
        return len(read(self.broker.bootstrap))


@contextlib.contextmanager
def receiver(kind, dir_, request):
    if kind == "file":
        yield File(dir_)
    elif kind == "syslog_tls":
        way = Syslog(dir_)
        with way.sink:
            yield way
    elif kind == "kafka":
        with Broker(request.getfixturevalue("mockbroker"), dir_) as broker:
            yield Kafka(broker)
    else:
        more = {"webhook": {}, "splunk_hec": {"token": "${env:HEC}", "acknowledge": True},
                "elastic": {"api_key": "${env:HEC}", "require_data_stream": False}}[kind]
        way = Http({"webhook": webhook, "splunk_hec": splunk, "elastic": elastic}[kind], type=kind, **more)
        way.documents = set()
        with way.receiver:
            yield way


@pytest.mark.parametrize("kind", ["splunk_hec", "elastic", "webhook", "kafka", "syslog_tls", "file"])
def test_killed_while_it_delivers_every_alert_arrives(dir_, kind, request):
    env = {"HEC": "t0ken"}
    rows, _ = small_world(seed=41, hours=3)
    with kit.Azure(dir_) as azure, receiver(kind, dir_, request) as way:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, [{"name": "soc", **way.output}], feeds=feeds(dir_), source=SHORT)
        killed = 0
        for n in range(KILLS):
            before = way.seen()
            with kit.Agent(cfg, dir_, ["--until-caught-up"] if n else [], env=env) as agent:
                kit.wait_for("a delivery", lambda: way.seen() > before or agent.child.poll() is not None)
                killed += agent.child.poll() is None
                agent.kill()
        way.hold_s = 0
        kit.run(["run", "--until-caught-up", "-c", cfg], env=env)
        want = {a["recordId"].encode() for a in final(cfg).values()}
        kit.wait_for("the last alerts", lambda: want <= way.arrived())
        got = way.arrived()
        _, text, _ = kit.run(["outputs", "status", "--json", "-c", cfg], env=env)
        stand = json.loads(text.splitlines()[0])
    assert killed >= 1 and want
    assert stand["pending"] == 0 and stand["parked"] == 0
    assert {r.rsplit(b"-", 1)[0] for r in got} == {r.rsplit(b"-", 1)[0] for r in want}, "an alert that is not in the store"
    if kind == "elastic":
        assert set(way.kept.values()) == {1}
