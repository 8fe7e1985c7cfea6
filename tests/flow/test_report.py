"""`cosmowatch report`: a span of time on one page and as JSON.

SPDX-License-Identifier: Apache-2.0
"""

import datetime
import json
import os
import pty
import re
import subprocess
import uuid
import zlib

import pytest

from flow import kit
from flow.story import catch_up, hours_ago, outputs, small_world
from flow.test_console import Page, World

TOO_MUCH_KB = 40 * 1024
SEVERITIES = ("High", "Medium", "Low", "Informational")


def report(cfg, *words):
    _, text, err = kit.run(["report", "--json", "-c", cfg, *words])
    got = json.loads(text)
    assert err == "" or "\r" not in err
    return got


def is_quiet(cfg):
    """All is read, and what was found is delivered."""
    code, text, _ = kit.run(["status", "--json", "-c", cfg], check=False)
    said = json.loads(text) if code == 0 else {"sources": [{}]}
    return all(s.get("state") == "up to date" for s in said["sources"]) and \
        all(o["pending"] == 0 and o["accepted"] > 0 for o in said["outputs"])


def page_of(cfg, dir_, *words):
    path = os.path.join(dir_, "page.html")
    kit.run(["report", "--out", path, "-c", cfg, *words])
    with open(path, encoding="utf-8") as f:
        body = f.read()
    Page(re.sub(r"<style>.*?</style>", "", body, flags=re.S))
    assert not re.search(r"<(script|img|link|iframe)|\b(?:src|href)=\"(?!#)", body), "it needs something from elsewhere"
    return body


def text_of(body):
    return re.sub(r"\s+", " ", re.sub(r"<style>.*?</style>|<[^>]+>", " ", body, flags=re.S))


@pytest.fixture(scope="module")
def pattern(tmp_path_factory):
    """One alert as a store holds it: others are made of it."""
    d = str(tmp_path_factory.mktemp("pattern"))
    rows, _ = small_world(seed=11, hours=3)
    with kit.Azure(d) as azure:
        azure.add_rows(rows.rows)
        cfg = catch_up(azure, d, source={"lookback": "4h"})
    lines = kit.run(["store", "export", "-c", cfg])[1].splitlines()
    return (lines[0].encode() + b"\n",
            next(json.loads(line) for line in lines if '"table":"alert"' in line and "TorAnomaly" in line))


def stored(dir_, pattern, alerts, **top):
    """A store that holds these alerts, each a dict of what differs: (configuration)."""
    head, one = pattern
    path = os.path.join(dir_, "export.ndjson")
    crc, n = zlib.crc32(head), 0
    with open(path, "wb") as f:
        f.write(head)
        for i, a in enumerate(alerts):
            row, payload = dict(one["row"]), json.loads(one["row"]["payload"])
            at = int(a["at"].timestamp()) * 10**9
            payload.update(id=str(uuid.UUID(int=i + 1)), first=at, last=at, severity=a.get("severity", 3),
                           subject=a.get("subject", "198.51.100.23"), account=a.get("account", "contoso-orders"),
                           suppressed=a.get("suppressed", False), final=True)
            payload["recordId"] = payload["id"] + "-0"
            row.update(id=payload["id"], account=payload["account"], severity=payload["severity"], last_ns=at, is_final=1,
                       payload=json.dumps(payload, separators=(",", ":")))
            line = json.dumps({"table": "alert", "row": row}, separators=(",", ":")).encode() + b"\n"
            crc, n = zlib.crc32(line, crc), n + 1
            f.write(line)
        f.write(b'{"end":true,"rows":%d,"crc":%d}\n' % (n, crc))
    doc = {"store": {"path": os.path.join(dir_, "state")}, "outputs": outputs(dir_), "sources": [
        {"name": "prod", "type": "log_analytics", "workspace": kit.WORKSPACE, "auth": {"type": "managed_identity"}}], **top}
    cfg = os.path.join(dir_, "cosmowatch.yaml")
    with open(cfg, "w", encoding="utf-8") as f:
        json.dump(doc, f)
    os.chmod(cfg, 0o600)
    kit.run(["store", "import", path, "-c", cfg])
    return cfg


def test_it_says_what_happened_on_one_page(dir_):
    with World(dir_, hostile=True, untold=["CosmosDB_SuspiciousIp"],
               suppressions=[{"name": "drill", "types": ["CosmosDB_SuspiciousIp"], "reason": "planned"},
                             {"name": "idle", "types": ["CosmosDBX_FullScan"], "reason": "test"}]) as w:
        kit.wait_for("nothing more to come", lambda: is_quiet(w.cfg))
        got = report(w.cfg, "--from", "1d")
        body = page_of(w.cfg, dir_, "--from=1d")
        assert kit.run(["report", "--from", "1h", "--to", "2h", "-c", w.cfg], check=False)[0] == 2
    for by in ("byType", "byAccount", "byTactic", "bySubject", "byDetector"):
        assert got["alerts"] == sum(t["alerts"] for t in got[by]) > 0, by
    assert got["alerts"] == sum(got["bySeverity"].values())
    assert got["alerts"] == sum(sum(b["bySeverity"].values()) for b in got["overTime"])
    assert [(s["name"], s["alerts"]) for s in got["suppressions"]] == [("drill", 1), ("idle", 0)]
    assert got["suppressedAlerts"] == 1 and got["alertsLeftOff"] == {}
    assert got["coverage"][0]["source"] == "prod" and got["coverage"][0]["gapSeconds"] == 0
    assert got["deliveries"][0]["accepted"] >= got["alerts"]
    with open(os.path.join(dir_, "page.json"), encoding="utf-8") as f:
        beside = json.load(f)
    assert beside["alerts"] == got["alerts"] and beside["byType"] == got["byType"]
    assert "Access from a Tor exit node" in body and "cosmowatch alerts explain" in body


def test_the_span_before_is_compared_and_every_list_is_in_order(dir_, pattern):
    alerts = [{"at": hours_ago(h), "severity": s, "account": a}
              for h, s, a in ((1, 3, "one"), (5, 3, "one"), (30, 2, "two"), (100, 1, "one"), (160, 0, "three"))]
    alerts += [{"at": hours_ago(24 * 8), "account": "two"}, {"at": hours_ago(24 * 9), "account": "gone"},
               {"at": hours_ago(24 * 20), "account": "one"}]
    cfg = stored(dir_, pattern, alerts)
    got = report(cfg)
    assert got["alerts"] == 5 and got["before"]["alerts"] == 2 and got["before"]["bySeverity"]["High"] == 2
    assert [(r["name"], r["alerts"], r["before"]) for r in got["byAccount"]] == [
        ("one", 3, 0), ("two", 1, 1), ("three", 1, 0)]
    assert got["bySeverity"] == {"High": 2, "Medium": 1, "Low": 1, "Informational": 1}
    assert [w["severity"] for w in got["worst"]] == ["High", "High", "Medium", "Low", "Informational"]
    assert got["worst"][0]["endTimeUtc"] > got["worst"][1]["endTimeUtc"]
    page = text_of(page_of(cfg, dir_))
    assert "Alerts 5 before: 2 (+150 %)" in page and "of which 0 % was read" in page
    days = report(cfg, "--from", "2d")
    assert days["alerts"] == 3 and days["before"]["alerts"] == 0  # the hundredth hour is further back than two days twice
    dates = [hours_ago(24 * d).strftime("%Y-%m-%d") for d in (10, 7)]
    assert report(cfg, "--from", dates[0], "--to", dates[1])["alerts"] == 2


def test_an_empty_time_says_so_and_what_was_not_watched(dir_, pattern):
    cfg = stored(dir_, pattern, [])
    page = text_of(page_of(cfg, dir_))
    assert "No alerts in this time, and nothing was read." in page and "no agent ran on this store" in page
    got = report(cfg, "--from", "2000-01-01", "--to", "2200-01-01")  # neither the beginning nor the end of time hurt
    assert got["alerts"] == 0 and got["to"] <= datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert 0 < len(got["overTime"]) <= 62


def test_a_watched_time_without_alerts_has_nothing_to_see_to(dir_):
    with kit.Azure(dir_) as azure:
        cfg = catch_up(azure, dir_, source={"lookback": "20h"})
    page = text_of(page_of(cfg, dir_, "--from", "10h"))
    assert "No alerts in this time." in page and "Nothing: all of this time was read, every alert was delivered." in page
    assert "20h" not in page
    longer = text_of(page_of(cfg, dir_, "--from", "10d"))
    assert "of this time were not read" in longer


def measured(args):
    """(kilobytes at most, standard output) of a run."""
    p = subprocess.Popen([kit.AGENT] + args, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = p.stdout.read()
    _, status, used = os.wait4(p.pid, 0)
    assert status == 0
    p.returncode = 0
    return used.ru_maxrss, out.decode()


def test_very_many_alerts_take_no_more_memory_than_some(tmp_path, pattern):
    """COSMOWATCH_REPORT_ALERTS=100000 by hand."""
    sizes = {}
    for n in (1000, int(os.environ.get("COSMOWATCH_REPORT_ALERTS", "20000"))):
        d = str(tmp_path / str(n))
        os.mkdir(d)
        now = hours_ago(0)
        cfg = stored(d, pattern, ({"at": now - datetime.timedelta(seconds=i % 500000), "severity": i % 4,
                                   "subject": "198.51.%d.%d" % (i // 250, i % 250), "account": "account-%d" % (i % 50)}
                                  for i in range(n)))
        sizes[n], text = measured(["report", "--json", "-c", cfg])
        html, body = measured(["report", "-c", cfg])
        got = json.loads(text)
        assert got["alerts"] == n
        shown = sum(r["alerts"] for r in got["bySubject"])
        assert len(got["bySubject"]) <= 1000 and shown + got["alertsLeftOff"].get("bySubject", 0) == n
        assert sum(r["alerts"] for r in got["byAccount"]) == n and len(body) < 300000
        sizes[n] = max(sizes[n], html)
    print("kilobytes:", sizes)
    small, large = sizes.values()
    assert large - small < TOO_MUCH_KB, sizes


def test_controls_are_served_by_what_is_on(dir_, pattern):
    cfg = stored(dir_, pattern, [{"at": hours_ago(1)}], detectors={"volume": {"enabled": False}})
    got = report(cfg)
    controls = {(c["framework"], c["control"]): c for c in got["controls"]}
    threat = {p["part"]: p for p in controls["MCSB v1", "LT-1"]["servedBy"]}
    assert threat["bad_address"] == {"part": "bad_address", "isOn": True, "alerts": 1} and not threat["volume"]["isOn"]
    assert {p["part"] for p in controls["CIS Azure 3.0.0", "5.4.2"]["servedBy"]} == {"unusual_network", "data_moved", "network_opened"}
    body = page_of(cfg, dir_)
    assert '<code class="off">volume</code>' in body and "<code>bad_address</code>" in body


def test_the_manual_has_the_same_table_of_controls(dir_, pattern):
    got = ["| %s %s | %s | %s |" % (c["framework"], c["control"], c["title"],
                                    ", ".join("`%s`" % p["part"] for p in c["servedBy"]))
           for c in report(stored(dir_, pattern, []))["controls"]]
    with open(os.path.join(kit.ROOT, "packaging", "manual", "reports.md"), encoding="utf-8") as f:
        rows = [line for line in f.read().splitlines() if re.match(r"\| (MCSB|CIS)", line)]
    assert rows == got


def test_deliveries_are_those_of_the_time_and_a_forgotten_output_is_named(dir_):
    rows, types = small_world(seed=12, hours=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = catch_up(azure, dir_, source={"lookback": "4h"}, hook=True)
    with open(cfg, encoding="utf-8") as f:
        doc = json.load(f)
    doc["outputs"] = [o for o in doc["outputs"] if o["name"] == "file"] + [
        {"name": "later", "type": "file", "path": os.path.join(dir_, "later.ndjson")}]
    with open(cfg, "w", encoding="utf-8") as f:
        json.dump(doc, f)
    by = {d["output"]: d for d in report(cfg)["deliveries"]}
    assert set(by) == {"file", "hook", "later"} and not by["hook"]["isConfigured"] and by["later"]["isConfigured"]
    assert by["file"]["accepted"] == by["hook"]["accepted"] >= len(types) and by["later"]["accepted"] == 0
    assert all(d["accepted"] == 0 for d in report(cfg, "--from", "9d", "--to", "2d")["deliveries"])


def test_a_page_that_cannot_be_written_leaves_the_old_one_and_a_terminal_gets_none(dir_, pattern):
    cfg = stored(dir_, pattern, [{"at": hours_ago(1)}])
    page = os.path.join(dir_, "page.html")
    page_of(cfg, dir_)
    before = open(page, "rb").read()
    os.mkdir(page + ".new")
    code, _, err = kit.run(["report", "--out", page, "-c", cfg], check=False)
    assert code == 1 and "page.html" in err and open(page, "rb").read() == before
    os.rmdir(page + ".new")
    above, below = pty.openpty()
    p = subprocess.run([kit.AGENT, "report", "-c", cfg], stdout=below, stderr=subprocess.PIPE, timeout=kit.DEADLINE_S,
                       check=False)
    os.close(below)
    os.close(above)
    assert p.returncode == 2 and b"--out report.html" in p.stderr
