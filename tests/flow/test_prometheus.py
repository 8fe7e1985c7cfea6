"""Prometheus itself scrapes the running agent: its metrics, the alert rules and every query of the dashboard give what they
are there for.

SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import re
import subprocess
import urllib.parse
import urllib.request

import pytest

from flow import kit
from flow.listener import free_port
from flow.test_console import World

FOLDER = os.path.join(kit.ROOT, "packaging", "prometheus")
RULES = os.path.join(FOLDER, "cosmowatch.rules.yml")

# What must be so for a rule to fire: what its series hold, for how many minutes, in a world that is healthy otherwise.
FIRES = {
    "CosmowatchDown": ("up", "0x20", 10),
    "CosmowatchStuck": ("cosmowatch_status_timestamp_seconds", "0x20", 10),
    "CosmowatchSourceDown": ("cosmowatch_source_up", "0x30", 20),
    "CosmowatchSourceBehind": ("cosmowatch_source_lag_seconds", "7200x30", 20),
    "CosmowatchOutputDown": ("cosmowatch_output_up", "0x30", 20),
    "CosmowatchAlertsParked": ("cosmowatch_output_parked_alerts", "3x10", 5),
    "CosmowatchCertificateEnds": ("cosmowatch_certificate_expiry_timestamp_seconds", "0x20", 10),
    "CosmowatchFeedStale": ("cosmowatch_feed_refreshed_timestamp_seconds", "0x4000", 3000),
    "CosmowatchUnreadableRows": ("cosmowatch_source_unreadable_rows_total", "0+1x30", 20),
    "CosmowatchRowEndedReader": ("cosmowatch_reader_left_out_rows_total", "0+1x30", 20),
}


def dashboard():
    with open(os.path.join(FOLDER, "grafana-dashboard.json"), encoding="utf-8") as f:
        return json.load(f)


def promtool(*args, stdin=None):
    done = subprocess.run(["promtool", *args], input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with World(str(tmp_path_factory.mktemp("world"))) as w:
        kit.wait_for("accepted alerts", lambda: "last_accepted_timestamp_seconds{" in w.console.get("/metrics")[2])
        yield w


class Prometheus:
    def __init__(self, dir_, target):
        self.url = "http://127.0.0.1:%d" % free_port()
        config = os.path.join(dir_, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as f:
            json.dump({"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [RULES],
                       "scrape_configs": [{"job_name": "cosmowatch", "static_configs": [{"targets": [target]}]}]}, f)
        promtool("check", "config", config)
        self.log = open(os.path.join(dir_, "prometheus.log"), "wb")
        self.child = subprocess.Popen(["prometheus", "--config.file=" + config, "--storage.tsdb.path=" + os.path.join(dir_, "tsdb"),
                                       "--web.listen-address=" + self.url[7:]], stdout=self.log, stderr=self.log)

    def ask(self, path, **query):
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                "%s/api/v1/%s?%s" % (self.url, path, urllib.parse.urlencode(query)), timeout=kit.DEADLINE_S) as r:
            got = json.load(r)
        assert got["status"] == "success", got
        return got["data"]

    def has(self, query):
        try:
            return self.ask("query", query=query)["result"]
        except OSError:  # it is still starting
            return []

    def close(self):
        self.child.terminate()
        self.child.wait(kit.DEADLINE_S)
        self.log.close()


@pytest.fixture(scope="module")
def prometheus(world, tmp_path_factory):
    p = Prometheus(str(tmp_path_factory.mktemp("prometheus")), "127.0.0.1:%d" % world.port)
    try:
        kit.wait_for("two scrapes", lambda: p.has('up{job="cosmowatch"} == 1') and p.has("rate(cosmowatch_source_rows_total[5m])"))
        yield p
    finally:
        p.close()


def test_prometheus_finds_nothing_to_complain_about_in_the_metrics(world):
    promtool("check", "metrics", stdin=world.console.get("/metrics")[2])


def test_every_query_of_the_dashboard_gives_something(prometheus):
    asked = [(p["title"], t["expr"]) for p in dashboard()["panels"] for t in p["targets"]]
    assert len(asked) > 8
    for title, expr in asked:
        query = expr.replace("$instance", ".*")
        assert prometheus.ask("query", query=query)["resultType"] in ("vector", "scalar")
        # A healthy world has no blind detector only if every list and place is there: the panel may be empty then. And a
        # scrape that comes late leaves all of them empty until the next.
        if "detector_blind" not in expr:
            kit.wait_for("something in the panel '%s': %s" % (title, expr), lambda: prometheus.has(query))


def test_the_list_of_instances_is_filled(prometheus):
    for v in dashboard()["templating"]["list"]:
        if v["type"] == "query":
            metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", v["query"]["query"]).groups()
            series = prometheus.ask("series", **{"match[]": metric})
            assert any(s.get(label) for s in series), "%s has no series: the dashboard has no instance to choose" % metric


def test_every_rule_is_evaluated_and_none_fires_in_a_healthy_world(prometheus):
    groups = kit.wait_for("evaluated rules", lambda: [
        g for g in [prometheus.ask("rules")["groups"]] if all(r["health"] != "unknown" for x in g for r in x["rules"])])[0]
    rules = [r for g in groups for r in g["rules"]]
    assert {r["name"] for r in rules} == set(FIRES), "a rule that no case here covers, or a case without a rule"
    assert all(r["health"] == "ok" for r in rules), rules
    assert [r["name"] for r in rules if r["state"] == "firing"] == []


def samples(text, target):
    """[(name, labels with those that scraping adds)] of a scrape."""
    found = [("up", 'instance="%s",job="cosmowatch"' % target)]
    for line in text.splitlines():
        m = re.match(r"(\w+)(?:\{(.*)\})? \S+$", line)
        if m and not line.startswith("#"):
            found.append((m.group(1), ",".join(x for x in (m.group(2), found[0][1]) if x)))
    return found


HEALTHY = {"up": "1x5000", "cosmowatch_source_up": "1x5000", "cosmowatch_output_up": "1x5000", "cosmowatch_healthy": "1x5000",
           "cosmowatch_certificate_expiry_timestamp_seconds": "9000000000x5000",
           "cosmowatch_status_timestamp_seconds": "0+60x5000", "cosmowatch_feed_refreshed_timestamp_seconds": "0+60x5000"}


def test_each_rule_fires_when_it_should_and_alone(world, tmp_path):
    """promtool lets time pass: the series are those of a real scrape, with what one rule looks for gone wrong."""
    scrape = samples(world.console.get("/metrics")[2], "127.0.0.1:9797")
    # That world has no certificate of its own.
    scrape.append(("cosmowatch_certificate_expiry_timestamp_seconds", 'certificate="outputs.soc.tls.cert",' + scrape[0][1]))
    assert {name for name, _, _ in FIRES.values()} <= {name for name, _ in scrape}
    tests = []
    for rule, (wrong, values, minutes) in {**FIRES, "": ("", "", 20)}.items():
        series = [{"series": "%s{%s}" % (name, labels), "values": values if name == wrong else HEALTHY.get(name, "0x5000")}
                  for name, labels in scrape]
        tests.append({"name": rule or "healthy", "interval": "1m", "input_series": series, "promql_expr_test": [{
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})', "eval_time": "%dm" % minutes,
            "exp_samples": [{"labels": '{alertname="%s"}' % rule, "value": sum(n == wrong for n, _ in scrape)}] if rule else []}]})
    path = str(tmp_path / "rules_test.yml")
    with open(path, "w", encoding="utf-8") as f:
        json.dump({"rule_files": [RULES], "evaluation_interval": "1m", "tests": tests}, f)
    promtool("check", "rules", RULES)
    promtool("test", "rules", path)
