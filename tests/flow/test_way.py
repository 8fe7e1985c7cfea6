"""The whole way with the real binary: rows in a workspace to alerts that arrive, and what may go wrong between.

Run one test: COSMOWATCH=build/cosmowatch PYTHONPATH=tests python3 -m pytest tests/flow/test_way.py -k NAME
SPDX-License-Identifier: Apache-2.0
"""

import contextlib
import datetime
import gzip
import json
import os
import random
import re
import signal
import sqlite3
import subprocess

import pytest

from flow import kit, oracles
from flow.rows import Rows, feeds, iso
from flow.story import SHORT, UTC, catch_up, essence, final, hours_ago, outputs, small_world


def test_attacks_alert_at_the_file_and_the_webhook(dir_):
    rows, types = small_world()
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = catch_up(azure, dir_, hook=True)
        written = kit.ndjson(os.path.join(dir_, "alerts.ndjson"))
        posts = azure.control("alerts?hook=soc")
        requests = azure.control("requests")
    assert types <= {a["alertType"] for a in written}
    assert len({a["recordId"] for a in written}) == len(written)
    assert posts, requests
    assert {a["systemAlertId"] for a in final(cfg).values()} == {a["systemAlertId"] for a in written}
    _, text, _ = kit.run(["alerts", "list", "-c", cfg])
    assert "Access from a Tor exit node" in text
    _, page, _ = kit.run(["alerts", "explain", written[0]["systemAlertId"][:8], "-c", cfg])
    for word in ("why", "Investigate", "Contain and recover", "The rows behind it", "Delivery", "accepted"):
        assert word in page
    _, status, _ = kit.run(["status", "-c", cfg])
    assert "up to date" in status
    _, coverage, _ = kit.run(["coverage", "-c", cfg])
    assert "closed" in coverage or "rechecked" in coverage


def test_both_modes_and_replay_give_the_same_alerts_with_the_same_ids(dir_):
    rows, types = small_world(seed=2)
    export = os.path.join(dir_, "export.ndjson")
    rows.exported(export)
    found = []
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        for mode in ("summarize", "rows"):
            sub = os.path.join(dir_, mode)
            os.mkdir(sub)
            found.append(essence(final(catch_up(azure, sub, mode=mode))))
    cfg = os.path.join(dir_, "replay.yaml")
    with open(cfg, "w", encoding="utf-8") as f:
        json.dump({"feeds": feeds(dir_)}, f)
    _, out, _ = kit.run(["replay", "--json", "-c", cfg, export])
    replayed = essence({json.loads(line)["systemAlertId"]: json.loads(line) for line in out.splitlines()})
    assert types <= {a["alertType"] for a in replayed.values()}
    assert found[0] == found[1]
    assert found[0] == replayed


def test_late_rows_are_found_by_the_recheck_and_count_once(dir_):
    rows, _ = small_world(seed=3)
    late = [r for r in rows.rows if rows.random.random() < 0.3]
    early = [r for r in rows.rows if r not in late]
    one_window = {"source": {"catch_up": "12h"}}
    with kit.Azure(dir_) as azure:
        whole = os.path.join(dir_, "whole")
        os.mkdir(whole)
        azure.add_rows(early)
        cfg = catch_up(azure, dir_, **one_window)
        azure.add_rows(late)  # same ingestion_time() as before, visible only now
        want = essence(final(catch_up(azure, whole, **one_window)))
        assert essence(final(cfg)) != want
        _, text, _ = kit.run(["coverage", "--json", "-c", cfg])
        end = max(json.loads(line)["to"] for line in text.splitlines())
        age = (datetime.datetime.now(UTC) - datetime.datetime.fromisoformat(end.replace("Z", "+00:00"))).total_seconds()
        kit.config(azure, dir_, outputs(dir_), source={**SHORT, "recheck": ["%ds" % (age + 3)]}, feeds=feeds(dir_))
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the late rows", lambda: essence(final(cfg)) == want, pause_s=0.3)
            assert agent.stop() == 0
        _, text, _ = kit.run(["status", "--json", "-c", cfg])
    prod = json.loads(text)["sources"][0]
    assert 0 < prod["lateRows"] < len(early) and prod["rows"] < len(early) / 2  # what is read again is not counted again


def soon_after(cfg, azure, dir_):
    """The configuration again, with a re-check of the newest window that is due in three seconds."""
    _, text, _ = kit.run(["coverage", "--json", "-c", cfg])
    end = max(json.loads(line)["to"] for line in text.splitlines())
    age = (datetime.datetime.now(UTC) - datetime.datetime.fromisoformat(end.replace("Z", "+00:00"))).total_seconds()
    kit.config(azure, dir_, outputs(dir_), source={**SHORT, "window": "10s", "recheck": ["%ds" % (age + 3)]}, feeds=feeds(dir_))


def test_a_recheck_without_memory_of_what_was_seen_judges_the_whole_window(dir_):
    """As after a repair of the store, which takes damaged rows out."""
    rows, types = small_world(seed=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows([r for r in rows.rows if r["row"].get("ClientIpAddress") != "198.51.100.23"])
        cfg = catch_up(azure, dir_, source={"catch_up": "12h"})
        azure.add_rows([r for r in rows.rows if r["row"].get("ClientIpAddress") == "198.51.100.23"])
        with contextlib.closing(sqlite3.connect(os.path.join(dir_, "state", "store.db"))) as db:
            assert db.execute("DELETE FROM seen").rowcount > 0
            db.commit()
        soon_after(cfg, azure, dir_)
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the late attack", lambda: types <= {a["alertType"] for a in final(cfg).values()}, pause_s=0.3)
            kit.wait_for("the word", lambda: "read once more as a whole" in agent.tail())
            assert agent.stop() == 0


def caught_up(azure, dir_):
    """A world that is read, and where its oldest window begins."""
    rows, _ = small_world(seed=3)
    azure.add_rows(rows.rows)
    cfg = catch_up(azure, dir_, source={"catch_up": "12h"})
    _, text, _ = kit.run(["coverage", "--json", "-c", cfg])
    return cfg, json.loads(text.splitlines()[-1])["from"]


def is_rechecked(cfg, first):
    _, text, _ = kit.run(["coverage", "--json", "-c", cfg])
    return any(w["from"] == first and w["state"] == "rechecked" for w in map(json.loads, text.splitlines()))


def test_a_recheck_that_fails_holds_up_no_new_window(dir_):
    with kit.Azure(dir_) as azure:
        cfg, first = caught_up(azure, dir_)
        azure.control("faults", {"match": {"path": "/query", "body": "datetime(%s" % first[:19]}, "count": None, "action": {"status": 500}})
        soon_after(cfg, azure, dir_)
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the re-check to fail", lambda: "re-check could not be counted" in agent.tail())
            late = Rows(78)
            with agent.standing():  # else a window might end between now and what comes now
                now = datetime.datetime.now(UTC)
                late.request(now - datetime.timedelta(seconds=1), address="198.51.100.23", op="ReadFeed",
                             account="contoso-late", late_s=0)
                for r in late.rows:
                    r["ingested"] = r["visible"] = iso(now)
                azure.add_rows(late.rows)
            kit.wait_for("the attack meanwhile", lambda: any("contoso-late" in json.dumps(a) for a in final(cfg).values()), pause_s=0.3)
            azure.control("faults", method="DELETE")  # and when it can be done, it is
            kit.wait_for("the re-check", lambda: is_rechecked(cfg, first), pause_s=0.3)
            assert agent.stop() == 0


def test_a_recheck_that_finds_nothing_more_counts_once_and_reads_nothing(dir_):
    with kit.Azure(dir_) as azure:
        cfg, first = caught_up(azure, dir_)
        soon_after(cfg, azure, dir_)
        before = azure.control("requests")[-1]["n"]
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the re-check", lambda: is_rechecked(cfg, first), pause_s=0.3)
            assert agent.stop() == 0
        asked = [e["kql"] for e in azure.control("requests?since=%d" % before)
                 if "ingestion_time() >= datetime(%s" % first[:19] in (e.get("kql") or "")]
    assert len(asked) == 1 and "N = sum(N)" in asked[0], len(asked)


def test_an_alert_full_of_an_attackers_texts_stops_nothing(dir_):
    """Twenty texts of the longest kind in each of three facts, of bytes that take six each where they are kept."""
    r = Rows(79)
    for n in range(20):
        text = "\t" * 4000 + "%02d" % n
        r.request(hours_ago(1) + datetime.timedelta(seconds=n), address="198.51.100.23", op="ReadFeed", agent=text)
        r.rows[-1]["row"].update(DatabaseName=text, CollectionName=text)
    with kit.Azure(dir_) as azure:
        azure.add_rows(r.rows)
        cfg = catch_up(azure, dir_)
        assert {a["alertType"] for a in final(cfg).values()} >= {"CosmosDB_TorAnomaly"}
        kit.run(["run", "--until-caught-up", "-c", cfg])  # and with it open


# Without a word of how long, the service counts over 30 seconds.
@pytest.mark.parametrize("headers, wait", [({"Retry-After": "3000"}, "5[0-9]m|1h"), ({}, "[3-5][0-9]s|1m")],
                         ids=["so long", "without a word"])
def test_a_source_that_was_told_to_wait_waits_while_another_reads_on(dir_, headers, wait):
    with kit.Azure(dir_) as azure:
        azure.control("faults", {"match": {"path": "/workspaces/" + kit.WORKSPACE}, "count": None,
                                 "action": {"status": 429, "headers": headers}})
        cfg = kit.config(azure, dir_, outputs(dir_), source={**SHORT, "window": "1m", "catch_up": "1m"})
        with open(cfg, encoding="utf-8") as f:
            doc = json.load(f)
        doc["sources"].append({**doc["sources"][0], "name": "second", "workspace": "44444444-4444-4444-4444-444444444444"})
        with open(cfg, "w", encoding="utf-8") as f:
            json.dump(doc, f)
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("a hundred answers for the other", lambda: len(azure.control("requests?path=/workspaces/4444")) > 100)
            asked = azure.control("requests?path=/workspaces/" + kit.WORKSPACE)
            said = agent.tail()
            assert agent.stop() == 0
    soon = asked[0]["time"] + 25  # however long a hundred took
    assert len([a for a in asked if a["time"] < soon]) <= 2  # the time, and a window
    assert re.search("retrying_in\\W+(%s)" % wait, said), said


FAULTS = {
    "partial answers": [{"match": {"path": "/query", "every": 3}, "action": {"partial": {"rows": 3}}, "count": 40}],
    "cut answers": [{"match": {"path": "/query", "every": 4}, "action": {"cut_after": 700}, "count": 6}],
    "429 with Retry-After": [{"match": {"path": "/query", "every": 2}, "count": 4,
                              "action": {"status": 429, "headers": {"Retry-After": "1"},
                                         "body": {"error": {"code": "ThrottledError", "message": "too many requests"}}}}],
    "503, then resets": [{"match": {"path": "/query"}, "action": {"status": 503}, "count": 2},
                         {"match": {"path": "/query", "skip": 2}, "action": {"reset": True}, "count": 2}],
    "empty 200": [{"match": {"path": "/query", "every": 5}, "action": {"empty200": True}, "count": 3}],
    "token endpoint down": [{"match": {"path": "/oauth2/"}, "action": {"status": 503}, "count": 2}],
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_faulty_service_loses_nothing(dir_, fault, shim):
    rows, _ = small_world(seed=4, hours=4)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        whole = os.path.join(dir_, "whole")
        os.mkdir(whole)
        want = essence(final(catch_up(azure, whole)))
        azure.control("reset", {"keep_rows": True})
        for f in FAULTS[fault]:
            azure.control("faults", f)
        shim.hasty()
        got = essence(final(catch_up(azure, dir_, source={"mode": "rows"}, env=shim.env)))
    assert got == want


def test_killed_at_random_two_hundred_times_nothing_is_lost_and_no_id_changes(dir_):
    kills = int(os.environ.get("COSMOWATCH_KILLS", "200"))
    rng = random.Random(int(os.environ.get("COSMOWATCH_SEED", "1")))
    hours = max(5, kills // 40)  # so that the last kill meets work, too
    rows, _ = small_world(seed=5, hours=hours)
    for h in range(7, hours, 5):
        rows.attack(hours_ago(h))
    long = {**SHORT, "lookback": "%dh" % (hours + 1)}
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        whole = os.path.join(dir_, "whole")
        os.mkdir(whole)
        want = final(catch_up(azure, whole, source=long))
        cfg = kit.config(azure, dir_, outputs(dir_, azure), feeds=feeds(dir_),
                         source={**long, "catch_up": "1m", "window": "1m"})
        for n in range(kills):
            with kit.Agent(cfg, dir_, ["--until-caught-up"]) as agent:
                try:
                    agent.wait(timeout=rng.random() * 0.25)
                except subprocess.TimeoutExpired:
                    pass
                agent.kill()
        kit.run(["run", "--until-caught-up", "-c", cfg])
        got = final(cfg)
        written = kit.ndjson(os.path.join(dir_, "alerts.ndjson"))
    assert essence(got) == essence(want)
    assert {a["systemAlertId"] for a in written} == set(want)
    bodies = {}
    for a in written:
        bodies.setdefault(a["recordId"], set()).add(json.dumps(a, sort_keys=True))
    changed = {k: v for k, v in bodies.items() if len(v) > 1}
    assert not changed, "seed %s: one record id with two contents" % os.environ.get("COSMOWATCH_SEED", "1")


# The three cases of CosmosDBX_LogSilence, which no rows raise.
@pytest.mark.parametrize("fails, lookback, is_silent", [(True, "3d", True), (True, "6h", False), (False, "6h", False)],
                         ids=["hit", "near_miss_still_readable", "noise_nothing_happens"])
def test_an_interval_beyond_retention_is_a_gap_and_alerts(dir_, fails, lookback, is_silent):
    rows, _ = small_world(seed=6, hours=2)
    source = {"lookback": lookback, "backfill": "0s"}
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, outputs(dir_), source=source)
        if fails:
            azure.control("faults", {"match": {"path": "/query"}, "action": {"status": 503}, "count": None})
            with kit.Agent(cfg, dir_) as agent:  # plans from that long ago and cannot read it
                kit.wait_for("a refused query", lambda: "could not be read" in agent.tail())
                assert agent.stop() == 0
        azure.control("reset", {"keep_rows": True})
        cfg = kit.config(azure, dir_, outputs(dir_), source={**source, "retention": "1d"})
        kit.run(["run", "--until-caught-up", "-c", cfg])
    got = final(cfg)
    assert ("CosmosDBX_LogSilence" in {a["alertType"] for a in got.values()}) == is_silent
    _, text, _ = kit.run(["coverage", "-c", cfg])
    assert ("gap" in text) == is_silent, text
    oracles.coverage_is_whole(cfg, may_have_gaps=is_silent)


def test_a_gap_that_cannot_be_kept_says_why_and_is_told_when_it_is(dir_):
    source = {"lookback": "3d", "backfill": "0s"}
    store = os.path.join(dir_, "state", "store.db")
    with kit.Azure(dir_) as azure:
        azure.control("faults", {"match": {"path": "/query"}, "action": {"status": 503}, "count": None})
        cfg = kit.config(azure, dir_, outputs(dir_), source=source)
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("a refused query", lambda: "could not be read" in agent.tail())
            with contextlib.closing(sqlite3.connect(store, timeout=kit.DEADLINE_S)) as db:
                db.execute("CREATE INDEX refusal ON window (abs(state * -2305843009213693952))")  # of 4, a gap, there is none
                db.commit()
            azure.control("reset", {"keep_rows": True})
            kit.config(azure, dir_, outputs(dir_), source={**source, "retention": "1d"})
            agent.child.send_signal(signal.SIGHUP)
            kit.wait_for("the reason", lambda: "integer overflow" in agent.tail())
            assert "is lost" not in agent.tail()
            with contextlib.closing(sqlite3.connect(store, timeout=kit.DEADLINE_S)) as db:
                db.execute("DROP INDEX refusal")
                db.commit()
            kit.wait_for("the gap", lambda: "is lost" in agent.tail())
            assert agent.stop() == 0
        kit.run(["run", "--until-caught-up", "-c", cfg])
    assert "CosmosDBX_LogSilence" in {a["alertType"] for a in final(cfg).values()}
    oracles.coverage_is_whole(cfg, may_have_gaps=True)


def test_a_missing_table_is_not_an_empty_answer_for_ever(dir_):
    rows, types = small_world(seed=7, hours=3)
    with kit.Azure(dir_) as azure:
        azure.control("settings", {"missing_tables": ["CDBMongoRequests", "CDBGremlinRequests", "AzureDiagnostics"]})
        azure.add_rows(rows.rows)
        cfg = catch_up(azure, dir_)
    assert types <= {a["alertType"] for a in final(cfg).values()}


def test_a_dead_output_does_not_hold_up_the_other(dir_):
    rows, types = small_world(seed=8, hours=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        out = outputs(dir_) + [{"name": "dead", "type": "webhook", "url": "http://127.0.0.1:1/nobody"}]
        cfg = kit.config(azure, dir_, out, source=SHORT, feeds=feeds(dir_))
        with kit.Agent(cfg, dir_) as agent:
            path = os.path.join(dir_, "alerts.ndjson")
            kit.wait_for("the file", lambda: types <= {a["alertType"] for a in kit.ndjson(path)})
            assert agent.stop() == 0
    _, text, _ = kit.run(["outputs", "status", "--json", "-c", cfg])
    status = {o["name"]: o for o in map(json.loads, text.splitlines())}
    assert status["file"]["pending"] == 0 and status["dead"]["pending"] == status["file"]["accepted"]


def test_a_second_agent_on_the_same_state_is_refused(dir_):
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT)
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the first agent's status", lambda: kit.run(["status", "-c", cfg], check=False)[0] == 0)
            code, _, err = kit.run(["run", "-c", cfg], check=False)
            assert code == 1 and "another cosmowatch" in err
            assert agent.stop() == 0


def test_a_wrong_secret_is_said_once_with_its_remedy_and_never_shown(dir_):
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT)
        secret = "canary-Zx9-wrong-secret"
        code, out, err = kit.run(["check", "--online", "-c", cfg], check=False, env={"COSMOWATCH_TEST_SECRET": secret})
        assert code == 1 and "7000215" in out + err
        with kit.Agent(cfg, dir_, env={"COSMOWATCH_TEST_SECRET": secret}) as agent:
            kit.wait_for("the complaint", lambda: "7000215" in agent.tail())
            assert agent.stop() == 0
            assert secret not in agent.tail(10 ** 6) + out + err
        for folder, _, names in os.walk(os.path.join(dir_, "state")):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    assert secret.encode() not in f.read()


# ---- replay ------------------------------------------------------------------------------------------------

def answer_form(rows, table):
    rows = [r["row"] for r in rows if r["table"] == table]
    names = sorted({k for r in rows for k in r})
    kinds = {"TimeGenerated": "datetime", "StatusCode": "int", "DurationMs": "real", "RequestCharge": "real",
             "RequestLength": "real", "ResponseLength": "real"}
    return {"tables": [{"name": "PrimaryResult", "columns": [{"name": n, "type": kinds.get(n, "string")} for n in names],
                        "rows": [[r.get(n) for n in names] for r in rows]}]}


def envelope(r):
    row, up = r["row"], r["row"].get("_ResourceId", "/x/databaseaccounts/" + r["row"]["AccountName"]).upper()
    names = {"StatusCode": "statusCode", "DurationMs": "duration", "ClientIpAddress": "clientIpAddress"}
    props = {names.get(k, k[0].lower() + k[1:]): str(int(v) if isinstance(v, float) and v.is_integer() else v)
             for k, v in row.items() if k not in ("TimeGenerated", "Type", "_ResourceId", "AccountName", "OperationName")}
    if r["table"] == "CDBQueryRuntimeStatistics":
        props = {k.lower(): v for k, v in props.items()}
    out = {"time": row["TimeGenerated"], "resourceId": up, "category": r["table"][3:], "properties": props}
    if "OperationName" in row:
        out["operationName"] = row["OperationName"]
    return out


def test_replay_reads_every_form_and_finds_the_same(dir_):
    rows, types = small_world(seed=9)
    cfg = os.path.join(dir_, "replay.yaml")
    with open(cfg, "w", encoding="utf-8") as f:
        json.dump({"feeds": feeds(dir_)}, f)
    p = lambda name: os.path.join(dir_, name)
    plain = [r["row"] for r in rows.rows]
    rows.exported(p("nd.json"))
    with open(p("array.json"), "w", encoding="utf-8") as f:
        json.dump(plain, f)
    with open(p("lines.json"), "w", encoding="utf-8") as f:
        f.writelines(json.dumps(envelope(r)) + "\n" for r in rows.rows)
    with open(p("hub.json"), "w", encoding="utf-8") as f:
        for i in range(0, len(rows.rows), 37):
            f.write(json.dumps({"records": [envelope(r) for r in rows.rows[i:i + 37]]}) + "\n")
    for t in ("CDBDataPlaneRequests", "CDBQueryRuntimeStatistics"):
        with open(p(t + ".json"), "w", encoding="utf-8") as f:
            json.dump(answer_form(rows.rows, t), f)
    with gzip.open(p("nd.json.gz"), "wt", encoding="utf-8") as f:
        f.writelines(json.dumps(r) + "\n" for r in plain)
    forms = {"ndjson": [p("nd.json")], "array": [p("array.json")], "storage lines": [p("lines.json")], "event hubs": [p("hub.json")],
             "answers": [p("CDBDataPlaneRequests.json"), p("CDBQueryRuntimeStatistics.json")], "gzip": [p("nd.json.gz")]}
    want = None
    for form, files in sorted(forms.items()):
        _, out, _ = kit.run(["replay", "--json", "-c", cfg] + files)
        ids = {json.loads(line)["systemAlertId"]: json.loads(line)["count"] for line in out.splitlines()}
        assert types <= {json.loads(line)["alertType"] for line in out.splitlines()}, form
        want = want or ids
        assert ids == want, form
    with open(p("nd.json"), "rb") as f:
        _, out, _ = kit.run(["replay", "--json", "-c", cfg, "-"], stdin=f.read())
    assert {json.loads(line)["systemAlertId"] for line in out.splitlines()} == set(want)


def test_replay_needs_no_configuration_and_parks_bad_rows_aside(dir_):
    rows, _ = small_world(seed=10)
    path = os.path.join(dir_, "rows.ndjson")
    rows.exported(path)
    with open(path, "a", encoding="utf-8") as f:
        f.write('{"Type":"CDBDataPlaneRequests","TimeGenerated":"yesterday"}\n{broken\n')
    code, out, err = kit.run(["replay", "--json", path])
    assert "CosmosDB_SqlInjection.DataExfiltration" in out
    assert "2" in err and "could not be read" in err


# ---- configuration ----------------------------------------------------------------------------------------------

def test_check_names_every_mistake_with_its_place_and_the_nearest_word(dir_):
    path = os.path.join(dir_, "bad.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("sources:\n  - name: prod\n    type: log_analytic\n"
                "  - name: two\n    type: log_analytics\n    workspce: x\n    mode: sumarize\n"
                "outputs:\n  - { name: a, type: webhook, url: \"ftp://x\" }\n"
                "detectors:\n  volum: {}\n")
    os.chmod(path, 0o600)
    code, out, err = kit.run(["check", "-c", path], check=False)
    assert code == 2
    for want in (path + ":3:", "log_analytics", path + ":6:", "workspace", path + ":7:", "summarize", path + ":9:", path + ":11:", "volume"):
        assert want in err, (want, err)


def test_check_names_every_mistake_about_networks_and_trust_at_once(dir_):
    path = os.path.join(dir_, "bad.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("networks:\n  - { cidr: 203.0.113.0/24, countri: DE }\n  - { cidr: 203.0.113.0/99 }\n"
                "  - { file: nobody.csv }\n  - { cidr: 192.0.2.1, lat: 500 }\n  - { cidr: 192.0.2.1, until: tomorrow }\n"
                "  - { name: nowhere }\ntrusted:\n  - { adress: 192.0.2.1 }\n")
    os.chmod(path, 0o600)
    code, _, err = kit.run(["check", "-c", path], check=False)
    assert code == 2
    for line, want in ((2, "'country'"), (3, "neither an address nor a range"), (4, "nobody.csv"), (5, "-90 to 90"),
                       (6, "2026-12-31"), (7, "'cidr' or 'file'"), (9, "'address'")):
        assert any(e.startswith("%s:%d:" % (path, line)) and want in e for e in err.splitlines()), (line, want, err)


def test_an_inline_network_that_is_trusted_silences_its_address(dir_):
    rows = Rows(19)
    rows.request(hours_ago(1), address="198.51.100.23")
    path, cfg = os.path.join(dir_, "rows.ndjson"), os.path.join(dir_, "replay.yaml")
    rows.exported(path)
    for trusted, alerts in ((False, 1), (True, 0)):
        with open(cfg, "w", encoding="utf-8") as f:
            json.dump({"feeds": feeds(dir_), "networks": [{"cidr": "198.51.100.0/24", "lat": 52.5, "lon": 13.4,
                                                          "asn": 64500, "trusted": trusted}]}, f)
        _, out, _ = kit.run(["replay", "--json", "-c", cfg, path])
        assert len(out.splitlines()) == alerts


def test_the_sample_configuration_is_valid_and_the_schema_is_json(dir_):
    _, sample, _ = kit.run(["config", "sample"])
    path = os.path.join(dir_, "sample.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(sample)
    os.chmod(path, 0o600)
    kit.run(["check", "-c", path])
    _, schema, _ = kit.run(["config", "schema"])
    assert "sources" in json.loads(schema)["properties"]


def test_every_verb_has_help_and_mistyped_words_get_a_hint():
    for verb in ("run", "check", "replay", "alerts", "outputs", "status", "coverage", "rules", "queries", "config"):
        _, out, _ = kit.run([verb, "--help"])
        assert out.startswith("usage: cosmowatch " + verb)
    code, _, err = kit.run(["repaly"], check=False)
    assert code == 2 and "replay" in err
    code, _, err = kit.run(["alerts", "--jsn"], check=False)
    assert code == 2 and "--json" in err
