"""The end of our certificates and of those we were shown is told before it comes: in the log, the status, the metrics, the
health and by check.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import re

from flow import certs, kit
from flow.http_way import Receiver, Sink
from flow.listener import context, free_port
from flow.rows import feeds
from flow.story import SHORT, is_up_to_date, small_world
from flow.test_console import Console

DAY_NS = 86400 * 10**9


def test_a_certificate_that_ends_soon_is_told_before_it_does(dir_, shim):
    ca = certs.ca(dir_)
    soon, key = certs.issue(dir_, "soon", "ours", days="20")
    later, later_key = certs.issue(dir_, "later", "ours", days="400")
    port = free_port()
    with kit.Azure(dir_) as azure, Receiver() as r:
        url = "http://127.0.0.1:%d/" % r.port
        cfg = kit.config(azure, dir_, [
            {"name": "soc", "type": "webhook", "url": url, "tls": {"ca": ca, "cert": soon, "key": key}},
            {"name": "siem", "type": "webhook", "url": url, "tls": {"cert": later, "key": later_key}},
        ], source=SHORT, console={"listen": "127.0.0.1:%d" % port})
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the console", lambda: "component=console" in agent.tail(1 << 20))
            kit.wait_for("the end of the look-back", lambda: is_up_to_date(cfg))
            log = agent.tail(1 << 20)
            assert len(re.findall(r"our certificate outputs.soc.tls.cert ends in 19d", log)) == 1 and "siem" not in log
            told = {c["name"]: c for c in json.loads(kit.run(["status", "--json", "-c", cfg])[1])["certificates"]}
            assert set(told) == {"outputs.soc.tls.cert", "outputs.siem.tls.cert"} and "reason" in told["outputs.soc.tls.cert"]
            assert "outputs.soc.tls.cert ends in 19d" in kit.run(["status", "-c", cfg])[1]
            console = Console(port)
            metrics = console.get("/metrics")[2]
            assert len(re.findall(r'^cosmowatch_certificate_expiry_timestamp_seconds\{certificate="outputs\.\w+\.tls\.cert"\} \d+$',
                                  metrics, re.M)) == 2
            status, _, health = console.get("/healthz")
            assert status == 200 and "is a certificate that ends in 19d" in health
            assert agent.stop() == 0
        code, said, _ = kit.run(["check", "-c", cfg])
        assert "note  certificate outputs.soc.tls.cert" in said and soon in said and "siem" not in said
        shim.set(wall_offset_ns=25 * DAY_NS)
        code, said, _ = kit.run(["check", "-c", cfg], check=False, env=shim.env)
        assert code == 1 and "FAIL  certificate outputs.soc.tls.cert" in said and "ended at 20" in said
        assert "FAIL  certificate outputs.soc.tls.ca" in said
        with open(ca, "a", encoding="ascii") as f, open(later, encoding="ascii") as more:
            f.write(more.read())
        assert "1 of 2 authorities have ended" in kit.run(["check", "-c", cfg], check=False, env=shim.env)[1]


def test_an_ended_certificate_turns_health_red(dir_, shim):
    certs.ca(dir_)
    cert, key = certs.issue(dir_, "ours", "ours", days="20")
    port = free_port()
    shim.set(wall_offset_ns=25 * DAY_NS)
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, [{"name": "soc", "type": "webhook", "url": azure.url + "/hook/soc",
                                        "tls": {"cert": cert, "key": key}}], console={"listen": "127.0.0.1:%d" % port})
        with kit.Agent(cfg, dir_, env=shim.env) as agent:
            kit.wait_for("the console", lambda: "component=console" in agent.tail(1 << 20))
            kit.wait_for("red", lambda: "is a certificate that ended at" in Console(port).get("/healthz")[2])
            assert "level=error component=tls msg=\"our certificate outputs.soc.tls.cert ended at" in agent.tail(1 << 20)
            assert Console(port).get("/healthz")[0] == 503


def peers_told(cfg):
    """{place: reason or None}"""
    return {p["name"]: p["reason"] for p in json.loads(kit.run(["status", "--json", "-c", cfg])[1])["peerCertificates"]}


def test_what_the_other_side_shows_is_told_before_it_ends(dir_, shim):
    ca = certs.ca(dir_, days="400")
    shim.set(wall_offset_ns=-18 * DAY_NS)
    old = lambda name: context(*certs.issue(dir_, name, name, days="20", env=shim.env))
    port = free_port()
    rows, _ = small_world(seed=11)
    with kit.Azure(dir_) as azure, Receiver(old("theirs")) as r, Sink(old("siem")) as siem, \
            Receiver(context(*certs.issue(dir_, "renewed", "renewed", days="20"))) as renewed:
        azure.add_rows(rows.rows)
        places = {"localhost:%d" % r.port: "soc", "127.0.0.1:%d" % siem.port: "siem", "localhost:%d" % renewed.port: "new"}
        web = lambda name, at: {"name": name, "type": "webhook", "url": "https://localhost:%d/" % at, "tls": {"ca": ca}}
        cfg = kit.config(azure, dir_, [web("soc", r.port), web("new", renewed.port), {
            "name": "siem", "type": "syslog", "address": "127.0.0.1:%d" % siem.port, "tls": {"ca": ca}}], feeds=feeds(dir_),
            source=SHORT, console={"listen": "127.0.0.1:%d" % port})
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("alerts everywhere", lambda: r.posts() and renewed.posts() and siem.got)
            kit.wait_for("the peers", lambda: is_up_to_date(cfg) and set(peers_told(cfg)) == set(places))
            told = {places[p]: reason for p, reason in peers_told(cfg).items()}
            assert told["soc"].startswith("ends in 1d") and told["siem"].startswith("ends in 1d") and told["new"] is None
            shown = kit.run(["status", "-c", cfg])[1]
            assert "certificate of the other side\n  localhost:%d ends in 1d" % r.port in shown
            console = Console(port)
            metrics = console.get("/metrics")[2]
            assert set(re.findall(r'^cosmowatch_peer_certificate_expiry_timestamp_seconds\{peer="([\w.:]+)"\} \d+$', metrics,
                                  re.M)) == set(places)
            status, _, health = console.get("/healthz")
            assert status == 200 and "has a certificate that ends in 1d" in health
            assert agent.stop() == 0
            log = agent.tail(1 << 20)
            assert sorted(re.findall(r'msg="certificate of (\S+) ends in 1d', log)) == sorted(
                p for p, name in places.items() if name != "new"), "once each"
            assert "certificate=theirs" in log and "ask whoever runs it to renew it" in log
        code, said, _ = kit.run(["check", "--online", "-c", cfg], check=False)
        assert "note  certificate of localhost:%d" % r.port in said, (code, said)
        assert "certificate of localhost:%d" % renewed.port not in said
