"""What an operator says and sees: incidents, suppressions, trust, samples, and what was learned.

Run one test: COSMOWATCH=build/cosmowatch PYTHONPATH=tests python3 -m pytest tests/flow/test_operator.py -k NAME
SPDX-License-Identifier: Apache-2.0
"""

import datetime
import json
import os
import subprocess

from flow import kit
from flow.rows import Rows, feeds
from flow.story import SHORT, catch_up, essence, final, hours_ago, outputs, small_world


def delivered(dir_):
    return {a["alertType"] for a in kit.ndjson(os.path.join(dir_, "alerts.ndjson"))}


def injection_world(seed=21):
    """Attempts that fail, then one that comes through."""
    r = Rows(seed)
    r.ordinary(hours_ago(5), hours_ago(0.2), per_hour=10)
    t = hours_ago(3)
    for i in range(4):
        r.query(t + datetime.timedelta(seconds=i), "SELECT c.id FROM c WHERE c.customer = 'x' UNION SELECT * FROM users",
                status=400, bytes_out=300)
    for i in range(3):
        r.query(t + datetime.timedelta(minutes=30, seconds=i), "SELECT c.id, c.total FROM c WHERE c.customer = '' OR 1=1 --'",
                bytes_out=90000)
    return r


def test_a_chain_of_alerts_is_an_incident_in_both_modes_in_replay_and_after_a_kill(dir_):
    rows = injection_world()
    export = os.path.join(dir_, "export.ndjson")
    rows.exported(export)
    found = []
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        for mode in ("summarize", "rows"):
            sub = os.path.join(dir_, mode)
            os.mkdir(sub)
            cfg = catch_up(azure, sub, mode=mode)
            found.append(essence(final(cfg)))
            assert "CosmosDBX_Incident.Injection" in delivered(sub)
        sub = os.path.join(dir_, "killed")
        os.mkdir(sub)
        cfg = kit.config(azure, sub, outputs(sub), feeds=feeds(sub), source={**SHORT, "catch_up": "10m", "window": "10m"})
        for i in range(15):
            with kit.Agent(cfg, sub, ["--until-caught-up"]) as agent:
                kit.wait_for("some progress", lambda: os.path.exists(os.path.join(sub, "state")) or agent.child.poll())
                agent.kill()
        kit.run(["run", "--until-caught-up", "-c", cfg])
        found.append(essence(final(cfg)))
    cfg = os.path.join(dir_, "replay.yaml")
    with open(cfg, "w", encoding="utf-8") as f:
        json.dump({"feeds": feeds(dir_)}, f)
    _, out, _ = kit.run(["replay", "--json", "-c", cfg, export])
    found.append(essence({json.loads(line)["systemAlertId"]: json.loads(line) for line in out.splitlines()}))
    for other in found[1:]:
        assert found[0] == other
    (incident,) = [a for a in found[0].values() if a["alertType"] == "CosmosDBX_Incident.Injection"]
    members = {i for i, a in found[0].items() if not a["alertType"].startswith("CosmosDBX_Incident")}
    assert set(incident["evidence"]["members"]) <= members and len(incident["evidence"]["members"]) >= 2
    assert incident["evidence"]["timeline"] == sorted(incident["evidence"]["timeline"])


def test_a_suppressed_alert_is_kept_and_not_delivered(dir_):
    rows, types = small_world(seed=31)
    rules = [{"name": "exercise", "reason": "red team", "comment": "ask Kim", "types": ["CosmosDB_TorAnomaly"],
              "addresses": ["198.51.100.23"], "expires": "2100-01-01"},
             {"name": "other account", "reason": "x", "types": ["CosmosDB_SuspiciousIp"], "accounts": ["elsewhere"]},
             {"name": "over", "reason": "x", "types": ["CosmosDB_SuspiciousIp"], "expires": "2020-01-01"}]
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT, feeds=feeds(dir_), suppressions=rules)
        _, _, log = kit.run(["run", "--until-caught-up", "-c", cfg])
    assert "CosmosDB_TorAnomaly" in {a["alertType"] for a in final(cfg).values()}
    assert types - delivered(dir_) == {"CosmosDB_TorAnomaly"}
    _, text, _ = kit.run(["alerts", "list", "-c", cfg])
    assert [line for line in text.splitlines() if "Tor" in line and "(suppressed)" in line]
    for flag in ("--suppressed", "--would-suppress"):
        _, text, _ = kit.run(["alerts", "list", flag, "--json", "-c", cfg])
        assert {json.loads(line)["alertType"] for line in text.splitlines()} == {"CosmosDB_TorAnomaly"}
    _, text, _ = kit.run(["status", "--json", "-c", cfg])
    assert json.loads(text)["judgement"]["openSuppressedAlerts"] == 1
    assert "over" in log and "ended on 2020-01-01" in log and "exercise" not in log


def test_mistakes_in_suppressions_and_trust_are_told_together_with_their_places(dir_):
    path = os.path.join(dir_, "bad.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write("suppressions:\n  - { name: a, reason: b, types: [CosmosDB_TorAnomly] }\n  - { name: c, reason: d }\n"
                "trusted:\n  - { address: 10.0.0.0/64 }\n")
    os.chmod(path, 0o600)
    code, _, err = kit.run(["check", path], check=False)
    assert code == 2
    assert "bad.yaml:2:" in err and "CosmosDB_TorAnomaly" in err and "bad.yaml:3:" in err and "bad.yaml:5:" in err


def test_a_trusted_address_is_not_told_and_others_are(dir_):
    rows, types = small_world(seed=32)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = catch_up(azure, dir_, trusted=[{"address": "198.51.100.0/24", "note": "our relay"},
                                             {"address": "203.0.113.66", "until": "2020-01-01"}])
        assert types - delivered(dir_) == {"CosmosDB_TorAnomaly"}
        used = lambda: json.loads(kit.run(["status", "--json", "-c", cfg])[1])["trusted"]
        before = used()
        assert before[0]["daysUsed"] in (1, 2) and before[0]["lastUsed"] and before[0]["note"] == "our relay"
        assert before[1]["daysUsed"] == 0 and before[1]["lastUsed"] is None
        shown = kit.run(["status", "-c", cfg])[1]
        assert "2 entries, 1 of them vouched for nobody so far\n  address 203.0.113.66\n" in shown, shown
        with open(cfg, encoding="utf-8") as f:
            doc = json.load(f)
        doc["trusted"].insert(0, {"agent": "never-seen*"})  # another place in the list, after a restart
        with open(cfg, "w", encoding="utf-8") as f:
            json.dump(doc, f)
        kit.run(["run", "--until-caught-up", "-c", cfg])
        assert used()[1:] == [{**t, "name": str(n)} for n, t in enumerate(before, 2)]
        reported = json.loads(kit.run(["report", "--json", "-c", cfg])[1])["trusted"]
        assert [t["daysUsed"] for t in reported] == [0, before[0]["daysUsed"], 0]
        page = kit.run(["report", "-c", cfg])[1]
        assert "Whom the configuration trusts" in page and page.count("nobody so far") == 2


def test_samples_of_every_type_arrive_marked_and_leave_no_trace(dir_):
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, outputs(dir_, azure), source=SHORT)
        kit.run(["run", "--until-caught-up", "-c", cfg])
        _, listed, _ = kit.run(["sample", "--list"])
        types = {line.split()[0] for line in listed.splitlines()}
        _, out, _ = kit.run(["sample", "--output", "file", "-c", cfg])
        kit.run(["sample", "CosmosDB_TorAnomaly", "CosmosDBX_Incident.KeyTheft", "--output", "hook", "-c", cfg])
        assert len(azure.control("alerts?hook=soc")) == 2
    got = kit.ndjson(os.path.join(dir_, "alerts.ndjson"))
    assert {a["alertType"] for a in got} == types and len(out.splitlines()) == len(types)
    assert all(a["isSample"] and a["alertDisplayName"].startswith("[SAMPLE ALERT] ") for a in got)
    assert not [a for a in got if "{" in a["description"]]
    assert final(cfg) == {}
    code, _, err = kit.run(["sample", "CosmosDB_TorAnomly"], check=False)
    assert code == 2 and "CosmosDB_TorAnomaly" in err
    code, _, err = kit.run(["sample", "--output", "nobody", "-c", cfg], check=False)
    assert code == 2 and "nobody" in err
    for form in ("defender", "cef", "leef", "ocsf", "ecs", "asim"):
        _, text, _ = kit.run(["sample", "--format", form])
        assert text


def learned(cfg, *args):
    _, out, _ = kit.run(["baseline", "show", *args, "--json", "-c", cfg])
    return [json.loads(line) for line in out.splitlines()]


def test_what_was_learned_is_shown_forgotten_and_confirmed_with_and_without_an_agent(dir_):
    rows = Rows(33)
    rows.ordinary(hours_ago(5), hours_ago(0.2), per_hour=20)
    rows.ordinary(hours_ago(5), hours_ago(0.2), per_hour=5, account="contoso-other")
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = catch_up(azure, dir_)
        assert learned(cfg, "contoso-orders") and learned(cfg, "contoso-other")
        _, text, _ = kit.run(["baseline", "show", "contoso-orders", "-c", cfg])
        assert "volume.band" in text and "active hours" in text
        code, _, err = kit.run(["baseline", "forget", "no-such-account", "-c", cfg], check=False)
        assert code == 1 and "nothing like that" in err
        band = learned(cfg, "contoso-orders", "volume.band")[0]
        code, _, err = kit.run(["baseline", "confirm", "contoso-orders", "volume.band", band["label"], "-c", cfg], check=False)
        assert code == 1 and "measured" in err
        reader = learned(cfg, "contoso-orders", "volume.reader")[0]
        assert reader["canBeConfirmed"]
        _, text, _ = kit.run(["baseline", "confirm", "contoso-orders", "volume.reader", reader["label"], "-c", cfg])
        assert text.startswith("1 entry will be taken as usual")
        _, text, _ = kit.run(["baseline", "forget", "contoso-other", "-c", cfg])
        assert "forgotten" in text
        assert learned(cfg, "contoso-other")  # no agent runs: it waits
        _, _, log = kit.run(["run", "--until-caught-up", "-c", cfg])
        assert "carried out" in log
        assert not learned(cfg, "contoso-other") and learned(cfg, "contoso-orders")
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the agent", lambda: kit.run(["status", "-c", cfg], check=False)[0] == 0)
            kit.run(["baseline", "forget", "contoso-orders", "volume.band", band["label"], "-c", cfg])
            kit.wait_for("one entry to go", lambda: band["label"] not in
                         {e["label"] for e in learned(cfg, "contoso-orders", "volume.band")}, pause_s=0.2)
            kit.run(["baseline", "forget", "contoso-orders", "-c", cfg])
            kit.wait_for("the account to be forgotten", lambda: not learned(cfg, "contoso-orders"), pause_s=0.2)
            assert agent.stop() == 0


def test_a_damaged_file_of_service_tags_is_told_and_the_last_good_one_stays(dir_):
    path = os.path.join(dir_, "ServiceTags_Public.json")
    tag = {"name": "AzureCloud.westeurope", "properties": {"region": "westeurope", "systemService": "",
                                                           "addressPrefixes": ["20.50.0.0/16", "2603:1020::/32"]}}
    feed = {"name": "azure", "type": "azure_service_tags", "path": path}
    rows, _ = small_world(seed=33)

    def run_with(text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT, feeds=[feed])
        _, _, log = kit.run(["run", "--until-caught-up", "-c", cfg])
        _, status, _ = kit.run(["status", "--json", "-c", cfg])
        return log, next(f for f in json.loads(status)["feeds"] if f["name"] == "azure")

    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        whole = json.dumps({"cloud": "Public", "values": [tag]})
        _, said = run_with(whole)
        assert said["entries"] == 2 and said["reason"] is None
        log, said = run_with(whole[:-20])
        assert said["entries"] == 2 and "ServiceTags_*.json is expected" in said["reason"]
        assert "what was known stays in use" in log and "feed 'azure'" in log


def printing_verbs(cfg, export):
    """Every verb that prints much, on a store with something in it."""
    return [["replay", "-c", cfg, export], ["replay", "--json", "-c", cfg, export], ["alerts", "list", "-c", cfg],
            ["alerts", "export", "-c", cfg], ["report", "-c", cfg], ["report", "--json", "-c", cfg], ["queries", "-c", cfg],
            ["queries", "--alerts", "-c", cfg], ["config", "sample"], ["config", "schema"], ["config", "man"],
            ["azure", "template", "all"], ["sample", "-c", cfg], ["sample", "--json", "-c", cfg], ["rules", "types"],
            ["rules", "test", os.path.join(kit.ROOT, "tests/detectors/full_scan"), "-c", cfg], ["coverage", "-c", cfg],
            ["outputs", "status", "-c", cfg], ["baseline", "show", "contoso-orders", "-c", cfg], ["status", "-c", cfg],
            ["status", "--json", "-c", cfg], ["store", "export", "-c", cfg], ["store", "check", "-c", cfg]]


def test_whoever_has_read_enough_is_told_nothing_and_a_full_disk_is_told(dir_):
    """`| head` closes the pipe: that is no fault, but of a shell's redirection into a full disk somebody has to know."""
    rows, _ = small_world(seed=38, hours=3)
    export = os.path.join(dir_, "export.ndjson")
    rows.exported(export)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = catch_up(azure, dir_)
    for verb in printing_verbs(cfg, export):
        _, whole, quiet = kit.run(verb)
        assert len(whole) > 40, verb
        read, write = os.pipe()
        os.close(read)
        with os.fdopen(write, "wb") as gone:
            p = subprocess.run([kit.AGENT, *verb], stdout=gone, stderr=subprocess.PIPE, timeout=kit.DEADLINE_S)
        said = p.stderr.decode()
        assert p.returncode == 1 and said in quiet, (verb, said)
        with open("/dev/full", "wb") as full:
            p = subprocess.run([kit.AGENT, *verb], stdout=full, stderr=subprocess.PIPE, timeout=kit.DEADLINE_S)
        said = p.stderr.decode()
        assert p.returncode == 1 and said.count("No space left on device") == 1, (verb, said)
