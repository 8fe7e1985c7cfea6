"""The console of the running agent: pages, metrics, health, and who may look.

SPDX-License-Identifier: Apache-2.0
"""

import base64
import html.parser
import http.client
import json
import os
import re
import socket
import subprocess

import pytest

from flow import kit
from flow.listener import free_port
from flow.rows import feeds
from flow.story import SHORT, outputs, small_world

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u202e"


class Console:
    def __init__(self, port):
        self.port = port

    def get(self, path, method="GET", **headers):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=kit.DEADLINE_S)
        c.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        a = c.getresponse()
        body = a.read().decode()
        c.close()
        return a.status, dict(a.getheaders()), body

    def page(self, path):
        status, headers, body = self.get(path)
        assert status == 200, "%s: %d %s" % (path, status, body[:300])
        Page(body)
        return body


class Page(html.parser.HTMLParser):
    """Every tag is closed in order, nothing runs or loads from elsewhere."""

    VOID = {"meta", "link", "input", "img", "br"}

    def __init__(self, text):
        super().__init__()
        self.open = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            assert not name.startswith("on") and name != "style", (tag, name)
            if name in ("src", "href") and tag in ("script", "link", "img"):
                assert value.startswith("/"), value
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, tag

    def handle_data(self, data):
        assert not (self.open and self.open[-1] == "script" and data.strip())


class World:
    def __init__(self, dir_, console=None, hostile=False, untold=(), **top):
        self.dir, self.port = dir_, free_port()
        self.azure = kit.Azure(dir_)
        rows, self.types = small_world(seed=41)
        if hostile:
            for r in rows.rows:
                if r["row"].get("ClientIpAddress", "").startswith("198.51.100"):
                    r["row"]["UserAgent"] = HOSTILE
        self.types -= set(untold)
        self.azure.add_rows(rows.rows)
        settings = {"listen": "127.0.0.1:%d" % self.port, **(console or {})}
        self.cfg = kit.config(self.azure, dir_, outputs(dir_), feeds=feeds(dir_), source=SHORT, console=settings, **top)
        self.agent = kit.Agent(self.cfg, dir_)
        self.console = Console(self.port)

    def __enter__(self):
        kit.wait_for("alerts", lambda: self.types <= {a["alertType"] for a in
                                                      kit.ndjson(os.path.join(self.dir, "alerts.ndjson"))})
        kit.wait_for("the console", lambda: "component=console" in self.agent.tail(1 << 20))
        return self

    def __exit__(self, *_):
        self.agent.stop()
        self.agent.log.close()
        self.azure.close()


def whole(text, *patterns):
    """The text, once all of the patterns are in it."""
    return all(re.search(p, text, re.M) for p in patterns) and text


SOMETHING = (r"^cosmowatch_output_last_accepted_timestamp_seconds\{", r"^cosmowatch_source_rows_total\S* [1-9]")


def test_pages_show_what_happened(dir_):
    with World(dir_) as w:
        kit.wait_for("health", lambda: w.console.get("/healthz")[0] == 200)
        kit.wait_for("readiness", lambda: w.console.get("/readyz")[0] == 200)
        overview = w.console.page("/")
        assert "All sources are read" in overview and "Access from a Tor exit node" in overview
        assert '<rect class="read"' in overview
        listed = w.console.page("/alerts?severity=3&since=7d&q=tor")
        ids = re.findall(r'href="/alerts/([0-9a-f-]{36})"', listed)
        assert len(ids) == 1
        alert = kit.wait_for("the alert's acceptance", lambda: whole(w.console.page("/alerts/" + ids[0]), "accepted"))
        for word in ("Investigate", "Contain and recover", "CDBDataPlaneRequests", "198.51.100."):
            assert word in alert
        assert "contoso-orders" in w.console.page("/accounts")
        w.console.page("/accounts/contoso-orders")
        assert "CosmosDB_TorAnomaly" in w.console.page("/rules")
        for path, status in (("/nothing", 404), ("/alerts/00000000-0000-5000-8000-000000000000", 404),
                             ("/alerts?severity=9", 400), ("/alerts/..%2f..%2fetc", 400), ("/accounts/nobody", 404)):
            assert w.console.get(path)[0] == status, path
        assert w.console.get("/", method="POST")[0] == 405


def test_what_an_attacker_wrote_is_shown_as_text(dir_):
    with World(dir_, hostile=True) as w:
        for id_ in re.findall(r'href="/alerts/([0-9a-f-]{36})"', w.console.page("/alerts")):
            body = w.console.page("/alerts/" + id_)
            assert "<img src=x" not in body and "\u202e" not in body
            if "onerror" in body:
                assert "&lt;img src=x onerror=alert(2)&gt;" in body
                break
        else:
            raise AssertionError("no page showed the hostile text")
        _, headers, body = w.console.get("/alerts?q=%3Cscript%3Ealert(3)%3C/script%3E&account=%22%3E%3Cb%3E")
        assert "<script>alert" not in body and "<b>" not in body
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert "unsafe" not in headers["Content-Security-Policy"]


def families(text):
    return re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M)


UNSAMPLED = {"cosmowatch_detector_blind", "cosmowatch_certificate_expiry_timestamp_seconds",
             "cosmowatch_peer_certificate_expiry_timestamp_seconds", "cosmowatch_trusted_last_used_timestamp_seconds",
             "cosmowatch_trusted_used_days"}


def test_metrics_are_well_formed_in_both_formats(dir_):
    with World(dir_) as w:
        kit.wait_for("read rows and accepted alerts", lambda: whole(w.console.get("/metrics")[2], *SOMETHING))
        _, headers, text = w.console.get("/metrics")
        assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
        _, headers, open_ = w.console.get("/metrics", Accept="application/openmetrics-text; version=1.0.0")
        assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_.endswith("# EOF\n")
    for body in (text, open_):
        names = [n for n, _ in families(body)]
        assert len(names) == len(set(names)), "a family twice"
        samples = [line.split(" ")[0] for line in body.splitlines() if not line.startswith("#")]
        assert len(samples) == len(set(samples)), "a sample twice"
    for name, kind in families(open_):
        sample = name + ("_total" if kind == "counter" else "")
        assert not name.endswith("_total")
        assert name in UNSAMPLED or re.search(r"^%s[{ ]" % sample, open_, re.M), "no sample of " + name
    assert 'cosmowatch_source_rows_total{source="prod",type="log_analytics"} 0' not in open_
    assert re.search(r'cosmowatch_output_accepted_alerts_total\{output="file",type="file"\} [1-9]', open_)


def test_health_turns_red_with_the_reason_and_green_again(dir_):
    port = free_port()
    console = Console(port)
    with kit.Azure(dir_) as azure:
        azure.control("faults", {"match": {"path": "/query"}, "action": {"status": 403}, "count": None})
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT, console={"listen": "127.0.0.1:%d" % port})
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the console", lambda: "component=console" in agent.tail(1 << 20))
            kit.wait_for("a problem", lambda: '"kind":"source"' in console.get("/healthz")[2])
            status, _, body = console.get("/healthz")
            problem = json.loads(body)["problems"][0]
            assert status == 503 and problem["kind"] == "source" and problem["name"] == "prod" and problem["what"]
            assert "Something needs you" in console.page("/")
            assert "cosmowatch_healthy 0" in console.get("/metrics")[2]
            assert console.get("/readyz")[0] == 503
            azure.control("faults", method="DELETE")
            kit.wait_for("health", lambda: console.get("/healthz")[0] == 200)
            assert agent.stop() == 0


def test_only_who_may_look_looks(dir_):
    with open(os.path.join(dir_, "token"), "w", encoding="utf-8") as f:
        f.write("open sesame\n")
    os.chmod(os.path.join(dir_, "token"), 0o600)
    with World(dir_, console={"token": "${file:%s/token}" % dir_, "hosts": ["soc.example.net"]}) as w:
        basic = "Basic " + base64.b64encode(b"anybody:open sesame").decode()
        assert w.console.get("/")[0] == 401
        assert w.console.get("/metrics")[0] == 401
        assert w.console.get("/", Authorization="Bearer open sesam")[0] == 401
        assert w.console.get("/", Authorization="Basic " + base64.b64encode(b"anybody:").decode())[0] == 401
        assert w.console.get("/", Authorization="Bearer open sesame")[0] == 200
        assert w.console.get("/", Authorization=basic)[0] == 200
        for host, status in (("soc.example.net", 200), ("localhost:%d" % w.port, 200), ("evil.example", 421), ("", 421),
                             ("127.0.0.1.evil.example", 421)):
            assert w.console.get("/", Host=host, Authorization=basic)[0] == status, host
        assert "open sesame" not in w.agent.tail(1 << 20)


@pytest.mark.parametrize("console, words", [
    ({"listen": "0.0.0.0:9797"}, "token"),
    ({"listen": "[::]:9797", "token": "${env:COSMOWATCH_TEST_SECRET}"}, "cert"),
    ({"listen": "localhost:http"}, "no address"),
    ({"listne": "127.0.0.1:9797"}, "listen"),
])
def test_an_unsafe_or_misspelt_console_is_refused(dir_, console, words):
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT, console=console)
        code, out, err = kit.run(["check", cfg], check=False)
    assert code != 0 and words in out + err


def test_a_taken_port_does_not_stop_the_work(dir_):
    with socket.create_server(("127.0.0.1", 0)) as taken, kit.Azure(dir_) as azure:
        rows, types = small_world(seed=42)
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, outputs(dir_), feeds=feeds(dir_), source=SHORT,
                         console={"listen": "127.0.0.1:%d" % taken.getsockname()[1]})
        _, _, err = kit.run(["run", "--until-caught-up", "-c", cfg])
    assert "cannot listen on" in err
    assert types <= {a["alertType"] for a in kit.ndjson(os.path.join(dir_, "alerts.ndjson"))}


def test_a_unix_socket_serves_too_and_leaves_nothing(dir_):
    path = os.path.join(dir_, "console.sock")
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT, console={"listen": "unix:" + path})
        for kill in (True, False):  # the file of a killed agent is in nobody's way
            with kit.Agent(cfg, dir_) as agent:
                kit.wait_for("the socket", lambda: os.path.exists(path) and subprocess.run(
                    ["curl", "-s", "--unix-socket", path, "http://localhost/healthz"], capture_output=True,
                    check=False).stdout.startswith(b'{"healthy"'))
                assert os.stat(path).st_mode & 0o777 == 0o660
                agent.kill() if kill else agent.stop()
    assert not os.path.exists(path)


def test_rules_and_dashboard_ask_for_metrics_that_exist(dir_):
    with World(dir_) as w:
        kit.wait_for("accepted alerts", lambda: "last_accepted_timestamp_seconds{" in w.console.get("/metrics")[2])
        names = {n for n, _ in families(w.console.get("/metrics")[2])}
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "packaging", "prometheus")
    rules = os.path.join(folder, "cosmowatch.rules.yml")
    with open(os.path.join(folder, "grafana-dashboard.json"), encoding="utf-8") as f:
        queries = [t["expr"] for p in json.load(f)["panels"] for t in p["targets"]]
    with open(rules, encoding="utf-8") as f:
        queries += re.findall(r"^ +expr: (.*)$", f.read(), re.M)
    assert len(queries) > 15
    for q in queries:
        asked = set(re.findall(r"\b(?:cosmowatch|process)_[a-z_]+", q))
        assert asked <= names, "no such metric: %s" % (asked - names)
