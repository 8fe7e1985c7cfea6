"""The cases in this folder, judged by the real binary: `cosmowatch rules test`, see README.md.
SPDX-License-Identifier: Apache-2.0
"""

import glob
import json
import os
import re
import shutil
import subprocess

import pytest

from detectors import kit
from sim.kql import run, types
from sim.store import Store

HERE = os.path.dirname(os.path.abspath(__file__))
AGENT = os.environ.get("COSMOWATCH", os.path.join(os.path.dirname(os.path.dirname(HERE)), "build", "cosmowatch"))
FOLDERS = sorted(e.name for e in os.scandir(HERE) if e.is_dir() and any(f.endswith(".expected.json") for f in os.listdir(e.path)))


def rules(*args):
    return subprocess.run([AGENT, "rules", *args], capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_rows_raise_the_expected_alerts_and_no_others(folder):
    done = rules("test", "--quiet", os.path.join(HERE, folder))
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_type_has_a_hit_a_near_miss_and_a_noise_case():
    # CosmosDBX_LogSilence alone is no matter of rows but of their absence: flow/test_way.py has it
    done = rules("test", "--complete", "--quiet", HERE)
    assert done.returncode == 0, done.stdout + done.stderr


HITS = sorted(glob.glob(os.path.join(HERE, "*", "hit*.ndjson")))
NO_ROWS = {"defender/hit.ndjson", "defender/hit_old_spelling.ndjson"}  # their alerts are Microsoft's own


@pytest.mark.parametrize("path", HITS, ids=[os.path.relpath(p, HERE) for p in HITS])
def test_the_query_of_each_alert_finds_rows_among_those_that_raised_it(path, tmp_path):
    case, store = kit.Case(path), Store()
    now = types.parse_datetime("2030-01-01T00:00:00Z")
    store.add([{"table": r["Type"], "row": {k: v for k, v in r.items() if k != "Type"}} for r in case.rows()], now)
    for alert in kit.replay(case, str(tmp_path)):
        _, rows, _ = run(alert["query"], store.view(()), now)
        assert list(rows) or os.path.relpath(path, HERE) in NO_ROWS, alert["alertType"] + "\n" + alert["query"]


def test_who_gave_a_role_to_whom_stands_in_the_query_of_the_one_who_used_it(tmp_path):
    case, store = kit.Case(os.path.join(HERE, "key_reader", "hit_just_granted.ndjson")), Store()
    now = types.parse_datetime("2030-01-01T00:00:00Z")
    store.add([{"table": r["Type"], "row": {k: v for k, v in r.items() if k != "Type"}} for r in case.rows()], now)
    alert = next(a for a in kit.replay(case, str(tmp_path)) if a.get("variant") == "JustGranted")
    _, rows, _ = run(alert["query"], store.view(()), now)
    told = [list(map(str, r.values() if isinstance(r, dict) else r)) for r in rows]
    assert any("boss@contoso.example" in r and "eeeeeeee-0000-4000-8000-000000000001" in r for r in told), told


RULE = "suppressions:\n- { name: r, reason: w, types: [CosmosDBX_StolenKeyUse], addresses: [198.51.100.0/24] }\n"


def test_a_suppressed_alert_stays_so_when_a_second_reader_fits_it(tmp_path):
    case = kit.Case(os.path.join(HERE, "stolen_key", "hit.ndjson"))
    rows = list(case.rows())
    rows += [{**r, "Caller": "mallory@contoso.example", "CallerIpAddress": "203.0.114.9",
              "CorrelationId": "c1" + r["CorrelationId"], "EventDataId": "e1" + r["EventDataId"],
              "TimeGenerated": r["TimeGenerated"].replace("T03:", "T04:")}
             for r in rows if r.get("Caller", "").startswith("eve")]
    case.rows, case.CONFIG = lambda: rows, RULE
    found = [a for a in kit.replay(case, str(tmp_path)) if a["alertType"] == "CosmosDBX_StolenKeyUse"]
    assert all("mallory@contoso.example" in a["evidence"]["principal"] for a in found)
    assert {a["subject"]: a["status"] for a in found} == {"PrimaryMasterKey": "Dismissed", "SecondaryMasterKey": "Active"}


def test_the_query_of_missing_logs_sees_the_tables_of_every_api():
    done = subprocess.run([AGENT, "queries", "--alerts", "--json"], capture_output=True, text=True, timeout=60, check=True)
    query = next(q["query"] for q in map(json.loads, done.stdout.splitlines()) if "LogSilence" in q["name"])
    begin, end = re.search(r"datetime\((.*?)\) \.\. datetime\((.*?)\)", query).groups()
    store = Store()
    store.add([{"table": "CDB%sRequests" % api, "row": {"TimeGenerated": begin, "AccountName": "A"}}
               for api in ("DataPlane", "Mongo", "Cassandra", "Gremlin", "TableApi")], types.parse_datetime(begin))
    _, rows, _ = run(query, store.view(()), types.parse_datetime(end))
    assert len(list(rows)) == 5, query


def test_a_case_is_files_and_no_program():
    assert glob.glob(os.path.join(HERE, "*", "*.py")) == [], \
        "cases are rows and expected alerts, see README.md; what is no case belongs elsewhere"


# ---- the verb itself -------------------------------------------------------------------------------------------------

ROW = {"Type": "CDBDataPlaneRequests", "TimeGenerated": "2026-03-02T10:00:00Z", "AccountName": "A", "OperationName": "Query",
       "StatusCode": 401, "ClientIpAddress": "198.51.100.9", "UserAgent": "x/1", "AuthTokenType": "PrimaryMasterKey"}
LIFE = {**ROW, "TimeGenerated": "2026-02-01T10:00:00Z", "StatusCode": 200, "ClientIpAddress": "192.0.2.1",
        "repeat": {"times": 29, "every": "1d"}}
BRUTE = "CosmosDBX_BruteForce"


def write(dir_, name, rows, about=BRUTE, alerts=()):
    with open(os.path.join(dir_, name + ".ndjson"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(r) + "\n" for r in rows)
    with open(os.path.join(dir_, name + ".expected.json"), "w", encoding="utf-8") as f:
        json.dump({"about": about, "why": "because", "alerts": list(alerts)}, f)


def refused(times):
    return [LIFE, {**ROW, "repeat": {"times": times, "every": "2s"}}]


def test_a_case_that_holds_is_ok_and_one_that_differs_says_what(tmp_path):
    alert = {"alertType": BRUTE, "count": 20, "evidence": {"address": ["198.51.*"]}}
    write(tmp_path, "hit", refused(20), alerts=[alert])
    write(tmp_path, "near_miss", refused(19))
    done = rules("test", str(tmp_path))
    assert done.returncode == 0 and done.stdout.count("ok  ") == 2, done.stdout + done.stderr
    write(tmp_path, "hit", refused(20), alerts=[{**alert, "severity": "High"}])
    write(tmp_path, "near_miss", refused(20))
    done = rules("test", str(tmp_path))
    assert done.returncode == 1
    assert 'severity: expected "High", raised "Low"' in done.stdout
    assert 'raised, and nobody expected: {"alertType":"%s"' % BRUTE in done.stdout
    said = [json.loads(line) for line in rules("test", "--json", str(tmp_path)).stdout.splitlines()]
    write(tmp_path, "hit", refused(20), "CosmosDBX_ApplicationAnomaly", [{"alertType": "CosmosDBX_ApplicationAnomaly"}])
    assert BRUTE not in rules("test", str(tmp_path)).stdout.split("near_miss")[0], "left aside around a hit"
    assert [(s["kind"], s["ok"]) for s in said] == [("hit", False), ("near_miss", False)]


def test_expected_alerts_find_theirs_in_any_order(tmp_path):
    rows = refused(20) + [{**ROW, "ClientIpAddress": "203.0.113.9", "repeat": {"times": 21, "every": "2s"}}]
    write(tmp_path, "hit", rows, alerts=[{"alertType": BRUTE}, {"alertType": BRUTE, "count": 20}])
    assert rules("test", str(tmp_path)).returncode == 0
    write(tmp_path, "hit", rows, alerts=[{"alertType": BRUTE, "count": 21}, {"alertType": BRUTE}])
    assert rules("test", str(tmp_path)).returncode == 0
    write(tmp_path, "hit", rows, alerts=[{"alertType": BRUTE, "count": 21}, {"alertType": BRUTE, "count": 21}])
    assert rules("test", str(tmp_path)).returncode == 1


def test_short_forms_are_written_out(tmp_path):
    os.mkdir(tmp_path / "cases")
    with open(tmp_path / "defaults.ndjson", "w", encoding="utf-8") as f:
        f.write(json.dumps({"defaults": {**ROW, "Gone": 1}}) + "\n")
    rows = [{"include": "../defaults.ndjson"}, {**LIFE, "AccountName": "B"}, {"defaults": {"Type": ROW["Type"], "AccountName": "B", "Gone": None}},
            {"TimeGenerated": "2026-03-02T10:00:00Z", "UserAgent": "x/{n}",
             "repeat": [{"times": 2, "every": "1d"}, {"times": 20, "every": "1s"}]}]
    write(tmp_path / "cases", "hit", rows, alerts=[{"alertType": BRUTE, "count": 20, "accountName": "b"},
                                                   {"alertType": BRUTE, "startTimeUtc": "2026-03-03T10:00:00*"}])
    done = rules("test", str(tmp_path / "cases"))
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_folder_has_its_own_configuration_and_a_case_its_own(tmp_path):
    write(tmp_path, "hit", refused(3), alerts=[{"alertType": BRUTE}])
    assert rules("test", str(tmp_path)).returncode == 1
    given = tmp_path / "given.txt"
    given.write_text("detectors: { refused_access: { threshold: 3 } }\n")
    assert rules("test", "-c", str(given), str(tmp_path)).returncode == 0
    (tmp_path / "cosmowatch.yaml").write_text("detectors: { refused_access: { threshold: 4 } }\n")
    assert rules("test", "-c", str(given), str(tmp_path)).returncode == 1
    (tmp_path / "hit.yaml").write_text("detectors: { refused_access: { threshold: 3 } }\n")
    assert rules("test", str(tmp_path)).returncode == 0


@pytest.mark.parametrize("name, rows, about, alerts, sentence", [
    ("hit", ["no row"], BRUTE, [{"alertType": BRUTE}], "hit.ndjson:1: this is no JSON object on one line"),
    ("hit", refused(0), BRUTE, [{"alertType": BRUTE}], "'times' has to be from 1"),
    ("hit", [{**ROW, "repeat": {"times": 2, "every": "soon"}}], BRUTE, [{"alertType": BRUTE}], "'every' has to be a duration"),
    ("hit", [{"include": "nowhere.ndjson"}], BRUTE, [{"alertType": BRUTE}], "nowhere.ndjson cannot be opened"),
    ("hit", [{"include": "hit.ndjson"}], BRUTE, [{"alertType": BRUTE}], "more than 4 deep"),
    ("hit", refused(20), "CosmosDBX_Brute", [], "'about' has to name an alert type"),
    ("hit", refused(20), BRUTE, [], "a hit has to expect an alert of the type it is about"),
    ("noise", refused(20), BRUTE, [{"alertType": BRUTE}], "a noise case expects no alert of the type it is about"),
    ("first", refused(20), BRUTE, [], "the name of a case begins with hit, near_miss or noise"),
])
def test_what_is_no_case_is_said(tmp_path, name, rows, about, alerts, sentence):
    write(tmp_path, name, rows, about, alerts)
    done = rules("test", str(tmp_path))
    assert done.returncode == 2 and sentence in done.stderr, done.stderr


def test_rows_without_an_expectation_are_no_case_that_holds(tmp_path):
    write(tmp_path, "hit", refused(20), alerts=[{"alertType": BRUTE}])
    shutil.copy(tmp_path / "hit.ndjson", tmp_path / "near_miss.ndjson")
    done = rules("test", str(tmp_path))
    assert done.returncode == 2 and "there is no near_miss.expected.json" in done.stderr
    done = rules("test", str(tmp_path / "nowhere"))
    assert done.returncode == 2 and "there is no such folder" in done.stderr


def test_what_cannot_be_read_or_seen_is_a_difference(tmp_path):
    write(tmp_path, "near_miss", [{**ROW, "TimeGenerated": "yesterday"}])
    assert "a row could not be read" in rules("test", str(tmp_path)).stdout
    write(tmp_path, "hit", [{**ROW, "StatusCode": 200}], "CosmosDB_TorAnomaly", [{"alertType": "CosmosDB_TorAnomaly"}])
    assert "bad_address cannot judge: no feed" in rules("test", str(tmp_path)).stdout


def test_a_type_without_a_case_is_named(tmp_path):
    write(tmp_path, "hit", refused(20), alerts=[{"alertType": BRUTE}])
    done = rules("test", "--complete", "--quiet", str(tmp_path))
    assert done.returncode == 1
    assert "alert type %s has no near miss and no noise case.\n" % BRUTE in done.stdout
    types = [json.loads(line) for line in rules("types", "--json").stdout.splitlines()]
    for t in types:
        missing = "alert type %s has no " % t["alertType"] in done.stdout
        assert missing == (t["raisedBy"] != "the agent itself"), t
