"""Who gets which alert, and what an operator does about the rest: routes, back-fills, parked alerts, full queues,
outputs that leave the configuration.

Run one test: COSMOWATCH=build/cosmowatch PYTHONPATH=tests python3 -m pytest tests/flow/test_outputs.py -k NAME
SPDX-License-Identifier: Apache-2.0
"""

import json
import os


from flow import kit
from flow.rows import feeds
from flow.story import SHORT, small_world

DEAD = "http://127.0.0.1:9/hook"  # discard: nobody listens


def file_output(dir_, name, **more):
    return {"name": name, "type": "file", "path": os.path.join(dir_, name + ".ndjson"), **more}


def records(dir_, name):
    path = os.path.join(dir_, name + ".ndjson")
    return [a["recordId"] for a in kit.ndjson(path)] if os.path.exists(path) else []


def configure(azure, dir_, outputs, **top):
    return kit.config(azure, dir_, outputs, source=SHORT, feeds=feeds(dir_), **top)


def stand(cfg):
    _, text, _ = kit.run(["outputs", "status", "--json", "-c", cfg])
    return {o["name"]: o for o in map(json.loads, text.splitlines())}


def read(azure, seed):
    rows, types = small_world(seed=seed, hours=4)
    azure.add_rows(rows.rows)
    return types


def caught_up(cfg, agent):
    """This agent itself, not the one that ran before it."""
    code, text, _ = kit.run(["status", "--json", "-c", cfg], check=False)
    said = json.loads(text) if code == 0 else {}
    return said.get("pid") == agent.child.pid and all(s["state"] == "up to date" for s in said["sources"])


def test_routes_part_the_alerts_and_say_why(dir_):
    high = {"propertyJPath": "Severity", "propertyType": "String", "expectedValue": "High", "operator": "Equals"}
    tor = {"propertyJPath": "AlertType", "propertyType": "String", "expectedValue": "tor", "operator": "Contains"}
    with kit.Azure(dir_) as azure:
        read(azure, 31)
        cfg = configure(azure, dir_, [
            file_output(dir_, "all"),
            file_output(dir_, "tagged", route={"tags": ["pci"]}),
            file_output(dir_, "untagged", route={"not": {"tags": ["pci"]}}),
            file_output(dir_, "other", route={"tags": ["lab"]}),
            file_output(dir_, "rules", route={"rule_sets": [{"rules": [high]}, {"rules": [tor]}]}),
            file_output(dir_, "mixed", route={"any_of": [{"min_severity": "high"}, {"tactics": ["Exfiltration"]}]}),
        ], accounts=[{"name": "contoso-orders", "tags": ["pci"], "owner": "pay@contoso.example"},
                     {"name": "contoso-lab", "tags": ["lab"]}])
        kit.run(["run", "--until-caught-up", "-c", cfg])
        written = kit.ndjson(os.path.join(dir_, "all.ndjson"))
        want = {
            "tagged": [a for a in written if a["evidence"].get("accountTags") == ["pci"]],
            "untagged": [a for a in written if "accountTags" not in a["evidence"]],
            "other": [],
            "rules": [a for a in written if a["severity"] == "High" or "tor" in a["alertType"].lower()],
            "mixed": [a for a in written if a["severity"] == "High" or a["intent"] == "Exfiltration"],
        }
        for name, alerts in want.items():
            assert records(dir_, name) == [a["recordId"] for a in alerts], name
        assert want["tagged"] and len(want["rules"]) < len(written)
        assert {a["accountName"] for a in want["tagged"]} == {"contoso-orders"}
        assert all(a["evidence"]["accountOwner"] == ["pay@contoso.example"] for a in want["tagged"])
        told = want["tagged"][0]
        _, text, _ = kit.run(["outputs", "route", told["systemAlertId"][:12], "--json", "-c", cfg])
        said = {o["output"]: o for o in map(json.loads, text.splitlines())}
        assert said["tagged"]["wanted"] and "accepted as " + told["systemAlertId"] in said["tagged"]["delivery"]
        assert not said["other"]["wanted"] and said["other"]["why"] == "tags does not hold"
        assert not said["untagged"]["wanted"] and said["untagged"]["why"] == "not: number 1 holds"
        _, text, _ = kit.run(["outputs", "route", "CosmosDB_TorAnomaly", "-c", cfg])
        assert "rules            gets it" in text and "tagged           does not get it: tags" in text


def test_a_misspelt_route_is_an_error_with_its_place(dir_):
    with kit.Azure(dir_) as azure:
        cfg = configure(azure, dir_, [file_output(dir_, "soc", route={
            "types": ["CosmosDB_TorAnomly"], "not": {"tacticz": ["x"]}, "rule_sets": [{"rules": [
                {"propertyJPath": "Severty", "propertyType": "String", "expectedValue": "High", "operator": "Equals"}]}]})])
        code, _, err = kit.run(["check", "-c", cfg], check=False)
    assert code == 2
    for words in ("'CosmosDB_TorAnomly' is no alert type; did you mean 'CosmosDB_TorAnomaly'?",
                  "unknown key 'tacticz' under outputs[0].route.not; did you mean 'tactics'?",
                  "'Severty' is no member of an exported alert; did you mean 'Severity'?"):
        assert words in err
    assert err.count("cosmowatch.yaml:") == 3


def test_a_refused_alert_is_parked_with_its_reason_and_goes_out_after_the_repair(dir_):
    with kit.Azure(dir_) as azure:
        read(azure, 32)
        azure.control("hooks/soc", {"default": 400, "body": "field 'x' is unknown"})
        cfg = configure(azure, dir_, [file_output(dir_, "all"),
                                      {"name": "soc", "type": "webhook", "url": azure.url + "/hook/soc"}])
        kit.run(["run", "--until-caught-up", "-c", cfg])
        _, text, _ = kit.run(["outputs", "parked", "soc", "--json", "-c", cfg])
        parked = [json.loads(line) for line in text.splitlines()]
        assert sorted(p["recordId"] for p in parked) == sorted(records(dir_, "all")) and parked
        assert all("400" in p["reason"] and p["ageSeconds"] >= 0 and p["refused"] for p in parked)
        _, text, _ = kit.run(["outputs", "parked", "-c", cfg])
        assert "parked for" in text
        code, _, err = kit.run(["outputs", "retry", "sok", "-c", cfg], check=False)
        assert code == 2 and "did you mean 'soc'?" in err
        code, _, err = kit.run(["outputs", "drop", "soc", parked[0]["recordId"], "-c", cfg], check=False)
        assert code == 2 and "--yes" in err and stand(cfg)["soc"]["parked"] == len(parked)
        azure.control("hooks/soc", {"default": 200})
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the agent", lambda: caught_up(cfg, agent), pause_s=0.3)
            kit.run(["outputs", "drop", "soc", parked[0]["recordId"], "--yes", "-c", cfg])
            kit.wait_for("the log", lambda: "the operator dropped alerts" in agent.tail(10 ** 6))
            assert agent.stop() == 0
        _, text, _ = kit.run(["outputs", "retry", "soc", "-c", cfg])
        assert text.startswith("%d " % (len(parked) - 1))
        kit.run(["run", "--until-caught-up", "-c", cfg])
        now = stand(cfg)["soc"]
        assert (now["accepted"], now["parked"], now["dropped"]) == (len(parked) - 1, 0, 1)


def test_a_later_output_gets_what_was_before_it_when_asked_and_only_once(dir_):
    with kit.Azure(dir_) as azure:
        read(azure, 33)
        cfg = configure(azure, dir_, [file_output(dir_, "first")])
        kit.run(["run", "--until-caught-up", "-c", cfg])
        last = {r.rsplit("-", 1)[0]: r for r in records(dir_, "first")}
        configure(azure, dir_, [file_output(dir_, "first"), file_output(dir_, "late"),
                                file_output(dir_, "option", backfill="7d")])
        kit.run(["run", "--until-caught-up", "-c", cfg])
        assert records(dir_, "late") == []
        assert sorted(records(dir_, "option")) == sorted(last.values()) and last
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the agent", lambda: caught_up(cfg, agent), pause_s=0.3)
            kit.run(["outputs", "backfill", "late", "--since", "30d", "-c", cfg])
            kit.wait_for("the first of them", lambda: records(dir_, "late"))
            agent.kill()
        kit.run(["run", "--until-caught-up", "-c", cfg])
        assert sorted(set(records(dir_, "late"))) == sorted(last.values())
        for name in ("first", "option"):
            assert len(records(dir_, name)) == len(set(records(dir_, name)))
        before = stand(cfg)["late"]["accepted"]
        kit.run(["outputs", "backfill", "late", "--since", "30d", "-c", cfg])
        kit.run(["run", "--until-caught-up", "-c", cfg])
        assert stand(cfg)["late"]["accepted"] == before == len(last)
        code, _, err = kit.run(["outputs", "backfill", "late", "-c", cfg], check=False)
        assert code == 2 and "--since" in err


def test_what_an_output_owes_outlives_its_lines_in_the_configuration(dir_):
    with kit.Azure(dir_) as azure:
        read(azure, 34)
        gone = {"name": "gone", "type": "webhook", "url": DEAD}
        cfg = configure(azure, dir_, [file_output(dir_, "all"), gone])
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the alerts", lambda: caught_up(cfg, agent) and stand(cfg)["all"]["pending"] == 0, pause_s=0.3)
            assert agent.stop() == 0
        owed = stand(cfg)["gone"]["pending"]
        assert owed == len(records(dir_, "all")) > 0
        configure(azure, dir_, [file_output(dir_, "all")])
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the log", lambda: "no longer configured" in agent.tail(10 ** 6))
            kit.wait_for("the status", lambda: "not configured" in kit.run(["status", "-c", cfg])[1], pause_s=0.3)
            assert agent.tail(10 ** 6).count("no longer configured") == 1
            assert agent.stop() == 0
        assert stand(cfg)["gone"]["pending"] == owed
        configure(azure, dir_, [file_output(dir_, "all"), {**gone, "url": azure.url + "/hook/soc"}])
        kit.run(["run", "--until-caught-up", "-c", cfg])
        assert stand(cfg)["gone"]["accepted"] == owed and stand(cfg)["gone"]["pending"] == 0


def test_a_full_queue_parks_its_oldest_or_makes_reading_wait(dir_):
    with kit.Azure(dir_) as azure:
        read(azure, 35)
        azure.control("hooks/slow", {"default": 503})
        dead = {"name": "dead", "type": "webhook", "url": DEAD, "queue": 2, "on_full": "park"}
        cfg = configure(azure, dir_, [file_output(dir_, "all"), dead])
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the alerts", lambda: caught_up(cfg, agent) and stand(cfg)["all"]["pending"] == 0, pause_s=0.3)
            assert agent.stop() == 0
        whole = records(dir_, "all")
        assert stand(cfg)["dead"]["pending"] == 2 and stand(cfg)["dead"]["parked"] == len(whole) - 2 > 0
        sub = os.path.join(dir_, "hold")
        os.mkdir(sub)
        slow = {"name": "slow", "type": "webhook", "url": azure.url + "/hook/slow", "queue": 1, "on_full": "hold"}
        cfg = configure(azure, sub, [file_output(sub, "all"), slow])
        with kit.Agent(cfg, sub) as agent:
            kit.wait_for("reading to wait", lambda: "queue of output 'slow' is full" in kit.run(
                ["status", "-c", cfg], check=False)[1], pause_s=0.3)
            azure.control("hooks/slow", {"default": 200})
            kit.wait_for("all to arrive", lambda: caught_up(cfg, agent) and stand(cfg)["slow"]["pending"] == 0, pause_s=0.3)
            assert agent.stop() == 0
        assert stand(cfg)["slow"]["accepted"] == len(records(sub, "all")) > 1
        assert {r.rsplit("-", 1)[0] for r in records(sub, "all")} == {r.rsplit("-", 1)[0] for r in whole}
