"""syslog with the real binary against rsyslogd and syslog-ng: what they understood is compared with the alert.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import re
import socket
import threading

import pytest

from flow import certs, kit
from flow import syslog_receivers as receivers
from flow.listener import free_port
from flow.rows import feeds
from flow.story import SHORT, small_world


def config(dir_, **output):
    path = os.path.join(dir_, "cosmowatch.yaml")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"store": {"path": os.path.join(dir_, "state")}, "outputs": [output]}, f)
    os.chmod(path, 0o600)
    return path


def syslog(port, **more):
    return {"name": "soc", "type": "syslog", "address": "127.0.0.1:%d" % port, "transport": "tcp",
            "hostname": "collector.example.net", "timeout": "5s", "connect_timeout": "5s", **more}


def send_sample(dir_, check=True, **output):
    return kit.run(["outputs", "test", "soc", "-c", config(dir_, **output)], check=check)


FORMS = {
    "rfc5424-octets": {}, "rfc5424-lf": {"framing": "newline"},
    "rfc5424-json": {"format": "json", "max_message": "64KiB"}, "rfc5424-leef": {"format": "leef"},
    "rfc3164-octets": {"header": "rfc3164"}, "rfc3164iso-lf": {"header": "rfc3164_iso", "framing": "newline"},
    "rfc3164-leef": {"header": "rfc3164_iso", "format": "leef"},
}


@pytest.mark.parametrize("form", sorted(FORMS))
def test_rsyslog_reads_every_form(dir_, form):
    more = FORMS[form]
    with receivers.rsyslog(dir_, receivers.TCP) as r:
        _, out, _ = send_sample(dir_, **syslog(r.port, **more))
        got = r.wait(1)
    assert "accepted a marked sample" in out
    m = got[0]["r"]
    assert len(got) == 1 and m["host"] == "collector.example.net"
    assert (m["facility"], m["severity"]) == ("local4", "err") or m["severity"] == "warning", m
    if more.get("header"):  # the receiver takes "CEF:" for the tag: what Microsoft's agent expects
        assert re.match(r"<\d+>\S.* collector\.example\.net (CEF:0|LEEF:2\.0)\|", m["raw"]), m["raw"]
    else:
        assert m["app"] == "cosmowatch" and m["msgid"] == "CosmosDB_TorAnomaly" and m["procid"].isdigit(), m
    if more.get("format") == "json":
        assert json.loads(m["msg"])["alertType"] == "CosmosDB_TorAnomaly"
    elif more.get("format") != "leef" and not more.get("header") and "cef" in got[0]:
        assert got[0]["cef"]["Extensions"]["externalId"]


def test_structured_data_is_read_back(dir_):
    with receivers.rsyslog(dir_, receivers.TCP) as r:
        send_sample(dir_, **syslog(r.port, structured_data="alert@32473"))
        sd = r.wait(1)[0]["rfc5424-sd"]["alert@32473"]
    assert sd["type"].lower() == "cosmosdb_toranomaly" and sd["account"] == "sample-cosmos"
    assert sd["recordid"].startswith(sd["id"])


def test_udp_arrives_and_has_to_be_wanted(dir_):
    code, out, _ = send_sample(dir_, check=False, **syslog(9, transport="udp"))
    assert code == 1 and "best_effort" in out
    with receivers.rsyslog(dir_, receivers.UDP) as r:
        send_sample(dir_, **syslog(r.port, transport="udp", best_effort=True))
        assert r.wait(1)[0]["r"]["app"] == "cosmowatch"
    code, out, _ = send_sample(dir_, check=False, **syslog(r.port, transport="udp", best_effort=True))
    assert code == 1 and "refused" in out


@pytest.fixture
def pki(dir_):
    certs.ca(dir_)
    certs.issue(dir_, "server", "siem")
    certs.issue(dir_, "client", "cosmowatch", alt="DNS:cosmowatch")
    return lambda name: os.path.join(dir_, name)


def tls(p, **more):
    return {"ca": p("ca.pem"), "cert": p("client.pem"), "key": p("client.key"), **more}


def test_tls_both_ways_with_rsyslog(dir_, pki):
    with receivers.rsyslog(dir_, receivers.TLS) as r:
        _, out, _ = send_sample(dir_, **syslog(r.port, transport="tls", tls=tls(pki)))
        r.wait(1)
        assert "TLSv1.3, certificate of 'siem' issued by 'test CA ca'" in out
        # A receiver that demands a certificate and gets none says so only after the handshake of TLS 1.3.
        code, out, _ = send_sample(dir_, check=False, **syslog(r.port, transport="tls", tls={"ca": pki("ca.pem")}))
        assert code == 1 and ("closed" in out or "certificate" in out), out
        certs.ca(dir_, "other")
        certs.issue(dir_, "stranger", "cosmowatch", alt="DNS:cosmowatch", by="other")
        code, out, _ = send_sample(dir_, check=False, **syslog(r.port, transport="tls", tls=tls(
            pki, cert=pki("stranger.pem"), key=pki("stranger.key"))))
        assert code == 1, out
        assert len(r.messages()) == 1


def test_whom_tls_does_not_trust_it_tells(dir_, pki):
    certs.ca(dir_, "other")
    with receivers.rsyslog(dir_, receivers.TLS_ANON) as r:
        for more, words in (({"ca": pki("other.pem")}, "not trusted"), ({"server_name": "other.example"}, "not for this name"),
                            ({"fingerprints": ["sha-256:" + ":".join(["AB"] * 32)]}, "another fingerprint: sha-256:")):
            code, out, _ = send_sample(dir_, check=False, **syslog(r.port, transport="tls", tls=tls(pki, **more)))
            assert code == 1 and words in out, out
        send_sample(dir_, **syslog(r.port, transport="tls", tls={"fingerprints": [certs.fingerprint(pki("server.pem"))]}))
        r.wait(1)


SOURCES = {
    "octet_counting": 'syslog(ip(127.0.0.1) port({port}) transport("tcp"))',
    "newline": 'network(ip(127.0.0.1) port({port}) transport("tcp") flags(syslog-protocol))',
    "tls": ('syslog(ip(127.0.0.1) port({port}) transport("tls") tls(key-file("{d}/server.key") cert-file("{d}/server.pem") '
            'ca-file("{d}/ca.pem") peer-verify(required-trusted)))'),
}


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_syslog_ng_reads_it_too(dir_, pki, source):
    with receivers.syslog_ng(dir_, SOURCES[source]) as r:
        more = {"transport": "tls", "tls": tls(pki)} if source == "tls" else {"framing": source}
        send_sample(dir_, **syslog(r.port, structured_data="alert@32473", **more))
        m = r.wait(1)[0]
    assert m["MESSAGE"].startswith("CEF:0|cosmowatch|") and m["MSGID"] == "CosmosDB_TorAnomaly"
    assert m["_SDATA"]["alert@32473"]["account"] == "sample-cosmos"
    assert (m["FACILITY"] if "FACILITY" in m else "local4") == "local4"


# ---- runs ----------------------------------------------------------------------------------------------------

def external_ids(messages):
    return {re.search(r"externalId=(\S+)", m["r"]["raw"]).group(1) for m in messages}


def ids_in_store(cfg):
    _, out, _ = kit.run(["alerts", "export", "-c", cfg])
    return {json.loads(line)["systemAlertId"] for line in out.splitlines()}


def pending(cfg):
    _, text, _ = kit.run(["outputs", "status", "--json", "-c", cfg], check=False)
    return [json.loads(x)["pending"] for x in text.splitlines()]


def test_alerts_of_a_whole_run_arrive(dir_, pki):
    rows, _ = small_world(seed=31)
    with kit.Azure(dir_) as azure, receivers.rsyslog(dir_, receivers.TLS) as r:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, [syslog(r.port, transport="tls", tls=tls(pki))], source=SHORT, feeds=feeds(dir_))
        kit.run(["run", "--until-caught-up", "-c", cfg])
        want = ids_in_store(cfg)
        kit.wait_for("the alerts", lambda: external_ids(r.messages()) == want)


@pytest.mark.parametrize("kill", [False, True], ids=["ended", "killed"])
@pytest.mark.parametrize("when", ["under way", "when all was delivered"])
def test_a_receiver_that_is_restarted_misses_nothing(dir_, when, kill):
    rows, _ = small_world(seed=32, hours=3)
    before = os.path.join(dir_, "before.json")
    with kit.Azure(dir_) as azure, receivers.rsyslog(dir_, receivers.TCP) as r:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, [syslog(r.port)], source=SHORT, feeds=feeds(dir_))
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("a first alert", lambda: len(r.messages()) > 0)
            if when != "under way":
                kit.wait_for("the deliveries", lambda: pending(cfg) == [0] and external_ids(r.messages()) == ids_in_store(cfg))
            r.stop(kill=kill)
            os.rename(os.path.join(dir_, "out.json"), before)
            r.start()
            # What was delivered just before comes again, without any new alert.
            kit.wait_for("the tail", lambda: len(r.messages()) > 0)
            kit.wait_for("the end of the backlog", lambda: pending(cfg) == [0], pause_s=0.2)
            want = ids_in_store(cfg)
            kit.wait_for("all alerts", lambda: external_ids(r.messages() + kit.ndjson(before)) == want)
            assert agent.stop() == 0
            assert when == "under way" or "sent again" in agent.tail(10 ** 6)


class Sink:
    """Accepts; reads or not."""

    def __init__(self, reads, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.reads, self.data, self.held = reads, b"", []
        self.connected = threading.Event()
        threading.Thread(target=self._main, daemon=True).start()

    def _main(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.held.append(s)
            self.connected.set()
            if self.reads:
                threading.Thread(target=self._read, args=(s,), daemon=True).start()

    def _read(self, s):
        try:
            while True:
                more = s.recv(65536)
                if not more:
                    break
                self.data += more
        except OSError:
            pass
        s.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)  # ends the accept that holds it
        self.listener.close()
        for s in self.held:
            s.close()


def test_what_a_dead_receiver_never_read_is_sent_again(dir_):
    dead = Sink(reads=False, port=free_port())  # one that is nobody else's when another listens on it
    cfg_rows, _ = small_world(seed=33, hours=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows(cfg_rows.rows)
        cfg = kit.config(azure, dir_, [syslog(dead.port)], source=SHORT, feeds=feeds(dir_))
        with kit.Agent(cfg, dir_) as agent:
            # The kernel of the dead one takes it all: every alert counts as delivered, and nobody read it.
            kit.wait_for("the deliveries", lambda: pending(cfg) == [0] and ids_in_store(cfg), pause_s=0.2)
            dead.close()
            alive = Sink(reads=True, port=dead.port)
            want = ids_in_store(cfg)
            got = lambda: set(re.findall(r"externalId=(\S+)", alive.data.decode()))
            kit.wait_for("what was never read", lambda: got() == want)
            assert agent.stop() == 0
            alive.close()


def test_nobody_there_is_said_once_and_the_alerts_wait(dir_):
    port = free_port()
    rows, _ = small_world(seed=34, hours=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, [syslog(port)], source=SHORT, feeds=feeds(dir_))
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the complaint", lambda: "alerts are kept" in agent.tail(10 ** 6))
            with receivers.rsyslog(dir_, receivers.TCP, port=port) as r:
                kit.wait_for("the deliveries", lambda: pending(cfg) == [0], pause_s=0.2)
                kit.wait_for("all alerts", lambda: external_ids(r.messages()) == ids_in_store(cfg))
                assert agent.stop() == 0
        log = agent.tail(10 ** 6)
    assert log.count("alerts are kept") == 1 and "output.soc" in log and "Connection refused" in log
    assert "delivery works again" in log
