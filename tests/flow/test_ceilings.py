"""Floods of every kind: the agent stays within its ceilings, says so, loses nothing and sees the next attack.

What is measured is the kernel's own peak (VmHWM), of the agent and its children. The unit that is shipped allows more
(MemoryHigh): oracles.CEILINGS and the tables here are what a flood may cost.
SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import datetime
import json
import os
import re
import socket
import time

from flow import kit, oracles
from flow.listener import Listener, free_port
from flow.rows import Rows, feeds
from flow.story import SHORT, final, outputs
from flow.test_console import Console

UTC = datetime.timezone.utc
MB = 1 << 20
ALERTS = int(os.environ.get("COSMOWATCH_FLOOD", "50000"))


@contextlib.contextmanager
def watched(agent, dir_):
    w = oracles.Watch(lambda: agent.child.pid if agent.child.poll() is None else None, os.path.join(dir_, "state"), every_s=0.1)
    try:
        yield w
    finally:
        w.stop()


def an_hour_ago():
    return datetime.datetime.now(UTC).replace(second=0, microsecond=0) - datetime.timedelta(hours=1)


def listed(dir_):
    path = os.path.join(dir_, "listed.csv")
    with open(path, "w", encoding="utf-8") as f:
        f.write("address,category,confidence\n198.18.0.0/15,botnet,90\n")
    return [{"name": "listed", "type": "addresses", "path": path, "format": "csv"}]


def lines_of(path):
    if not os.path.exists(path):
        return 0
    with open(path, "rb") as f:
        return sum(1 for _ in f)


def test_fifty_thousand_alerts_in_a_minute_are_told_within_the_ceilings(dir_):
    """Each from a listed address of its own; one output takes them, the other is dead and delays nobody."""
    r = Rows(5)
    for i in range(ALERTS):
        r.request(an_hour_ago() + datetime.timedelta(milliseconds=i * 60000 // ALERTS), op="ReadFeed", account="contoso-%d" % (i % 5),
                  address="198.18.%d.%d" % (i // 250, i % 250))
    to = outputs(dir_) + [{"name": "dead", "type": "webhook", "url": "http://127.0.0.1:9/x"}]
    with kit.Azure(dir_) as azure:
        azure.add_rows(r.rows)
        cfg = kit.config(azure, dir_, to, mode="rows", feeds=listed(dir_), source={**SHORT, "window": "10s"})
        with kit.Agent(cfg, dir_) as agent, watched(agent, dir_) as w:
            path = os.path.join(dir_, "alerts.ndjson")
            kit.wait_for("%d alerts" % ALERTS, lambda: lines_of(path) >= ALERTS, deadline_s=kit.DEADLINE_S * 10, pause_s=0.3)
            late = Rows(6)
            late.request(datetime.datetime.now(UTC), address="198.18.255.1", op="ReadFeed", account="the-next")
            azure.add_rows(late.rows, arriving=True)
            kit.wait_for("the next attack", lambda: any("the-next" in x for x in open(path, encoding="utf-8")),
                         deadline_s=kit.DEADLINE_S * 3, pause_s=1)
            said = agent.tail(MB)
        told = kit.ndjson(path)
        owed = {o["name"]: o["pending"] for o in map(json.loads, kit.run(["outputs", "status", "--json", "-c", cfg])[1].splitlines())}
    assert len({a["systemAlertId"] for a in told}) == ALERTS + 1
    assert owed["dead"] >= ALERTS + 1
    assert len(said.splitlines()) < 40, "a line for each alert"
    oracles.bounds({k: w.peak[k] for k in ("peak", "descriptors", "threads", "disk")}, {"peak": 768 * MB, "disk": 2048 * MB})


# ---- an answer of a hundred megabytes -----------------------------------------------------------------------------

class Swollen(Listener):
    """In front of the simulated Azure: an answer with rows comes with so many copies of its rows that it has `size` bytes,
    as HTTP chunks of a few bytes each."""

    def __init__(self, port, size):
        self.to, self.size, self.sent = port, size, 0
        super().__init__()

    def serve(self, s):
        with socket.create_connection(("127.0.0.1", self.to)) as back:
            while True:
                head, body = message(s)
                head = re.sub(rb"\r\naccept-encoding:[^\r]*", b"", head, flags=re.I)
                back.sendall(head + body)
                head, body = message(back)
                if b"/query " in head or b'"rows":[[' in body:
                    self.answer(s, head, body)
                else:
                    s.sendall(head + body)

    def answer(self, s, head, body):
        at, end = body.find(b'"rows":[[') + 8, body.rfind(b"]]") + 1
        if at < 8 or not 2000 < end - at:
            return s.sendall(head + body)
        block = b",".join([body[at:end]] * (MB // (end - at)))
        head = re.sub(rb"\r\ncontent-length:[^\r]*", b"\r\nTransfer-Encoding: chunked", head, flags=re.I)
        s.sendall(head + in_pieces(body[:at]))
        again, last = in_pieces(b"," + block), in_pieces(body[end:])
        s.sendall(in_pieces(block))
        for _ in range(self.size // len(block)):
            s.sendall(again)
        s.sendall(last + b"0\r\n\r\n")
        self.sent += 1
        return None


def in_pieces(data, n=5):
    return b"".join(b"%x\r\n%b\r\n" % (len(data[i:i + n]), data[i:i + n]) for i in range(0, len(data), n))


def message(s):
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            raise EOFError
        data += more
    head, body = data.split(b"\r\n\r\n", 1)
    size = int((re.search(rb"\r\ncontent-length: *(\d+)", head, re.I) or (0, b"0"))[1])
    while len(body) < size:
        more = s.recv(65536)
        if not more:
            raise EOFError
        body += more
    return head + b"\r\n\r\n", body


def test_an_answer_of_a_hundred_megabytes_in_chunks_of_a_few_bytes_costs_no_more_than_it_holds(dir_):
    r = Rows(7)
    for i in range(12):
        r.request(an_hour_ago() + datetime.timedelta(seconds=i), address="198.51.100.23", op="ReadFeed")
    with kit.Azure(dir_) as azure, Swollen(int(azure.url.rsplit(":", 1)[1]), 90 * MB) as front:
        azure.add_rows(r.rows)
        cfg = kit.config(azure, dir_, outputs(dir_), mode="rows", feeds=feeds(dir_),
                         source={**SHORT, "endpoint": "http://127.0.0.1:%d" % front.port})
        with kit.Agent(cfg, dir_, ["--until-caught-up"]) as agent, watched(agent, dir_) as w:
            assert agent.wait() == 0, agent.tail()
    assert front.sent >= 1
    alerts = final(cfg)
    assert [a["alertType"] for a in alerts.values() if a["alertType"] == "CosmosDB_TorAnomaly"]
    oracles.bounds({"peak": w.peak["peak"]}, {"peak": 640 * MB})


# ---- a failure that stays ----------------------------------------------------------------------------------------------

def test_what_fails_for_good_fills_no_log(dir_, shim):
    """Query service, two outputs and the disk fail for hours (waits are short): a line now and then."""
    with kit.Azure(dir_) as azure:
        r = Rows(8)
        r.request(an_hour_ago(), address="198.51.100.23", op="ReadFeed")
        azure.add_rows(r.rows)
        to = [{"name": n, "type": "webhook", "url": "http://127.0.0.1:9/%s" % n} for n in ("one", "two")]
        cfg = kit.config(azure, dir_, to, feeds=feeds(dir_), source={**SHORT, "window": "10s"})
        shim.hurry(600, time.time_ns(), time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        with kit.Agent(cfg, dir_, env=shim.env) as agent:
            kit.wait_for("an outage of the outputs", lambda: agent.tail(MB).count("delivery interrupted") == 2)
            azure.control("faults", {"match": {"path": "/query"}, "count": None, "action": {"status": 503}})
            before = len(azure.control("requests?path=/query&status=503"))
            kit.wait_for("a hundred failures", lambda: len(azure.control("requests?path=/query&status=503")) > before + 100)
            said = agent.tail(MB).splitlines()
    assert sum("component=prod" in x for x in said) <= 8, said
    assert sum("component=output." in x for x in said) <= 20
    assert sum("could not be read" in x for x in said) == 1


# ---- labels ------------------------------------------------------------------------------------------------------------

def series(console):
    """What /metrics tells of, without the values; and how many rows were read."""
    text = console.get("/metrics")[2]
    rows = re.search(r"^cosmowatch_source_rows_total\S* (\d+)", text, re.M)
    return {line.rsplit(" ", 1)[0] for line in text.splitlines() if not line.startswith("#")}, int(rows[1]) if rows else 0


def test_what_an_attacker_chooses_makes_no_label(dir_):
    """Accounts, addresses, programs, principals and containers by the thousand: /metrics has the lines that it had."""
    port, now = free_port(), datetime.datetime.now(UTC)
    few, many = Rows(9), Rows(10)
    few.request(an_hour_ago(), address="198.51.100.23", op="ReadFeed")
    for i in range(3000):
        many.request(now, address="10.%d.%d.%d" % (i % 9, i % 250, i // 250), account="a%d" % (i % 300), agent="agent-%d" % i,
                     principal="%032d" % i, container="c%d" % i)
    with kit.Azure(dir_) as azure:
        azure.add_rows(few.rows)
        cfg = kit.config(azure, dir_, outputs(dir_), feeds=feeds(dir_), source={**SHORT, "window": "10s"},
                         console={"listen": "127.0.0.1:%d" % port})
        with kit.Agent(cfg, dir_) as agent:
            console = Console(port)
            kit.wait_for("the console", lambda: "component=console" in agent.tail(MB))
            kit.wait_for("an alert", lambda: lines_of(os.path.join(dir_, "alerts.ndjson")) and console.get("/readyz")[0] == 200)
            kit.wait_for("the time of its acceptance", lambda: "cosmowatch_output_last_accepted" in str(series(console)[0]))
            before, _ = series(console)
            azure.add_rows(many.rows, arriving=True)
            kit.wait_for("the flood", lambda: series(console)[1] >= 3000, pause_s=0.3)
            after, _ = series(console)
    assert after == before, after ^ before
