"""Alerts into a Sentinel workspace: the real agent, the simulated ingestion API, the shipped templates.

What is deployed in Azure is taken from the templates themselves: their columns make the rule of the simulator, their
queries run over what arrived. So agent, table, rule, analytics rule and workbook cannot drift apart.
SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import re

import pytest

from flow import kit
from flow.rows import feeds
from flow.templates import TABLES, columns, rule_query, template, workbook_queries
from flow.story import SHORT, final, small_world

RULE = "dcr-00000000000000000000000000000001"
STREAM = "Custom-CosmosWatchAlerts"


def stream(table="custom"):
    return {"table": TABLES[table], "columns": columns(table)}


def output(azure, name="sentinel", **more):
    out = {"name": name, "type": "sentinel", "endpoint": azure.url, "rule": RULE,
           "auth": {"type": "client_secret", "tenant": kit.TENANT, "client_id": kit.CLIENT,
                    "client_secret": "${env:COSMOWATCH_TEST_SECRET}", "authority": azure.url}}
    out.update(more)
    return out


def config(azure, dir_, outputs):
    return kit.config(azure, dir_, outputs, source=SHORT, feeds=feeds(dir_))


def kql(azure, query):
    table = azure.control("kql", {"query": query})
    names = [c["name"] for c in table["columns"]]
    return [dict(zip(names, row)) for row in table["rows"]]


@pytest.mark.parametrize("table", sorted(TABLES))
def test_every_alert_is_a_whole_row_of_the_table(dir_, table):
    rows, _ = small_world(seed=11)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        azure.control("dcrs", {"id": RULE, "streams": {STREAM: stream(table)}})
        cfg = config(azure, dir_, [output(azure, table=table)])
        kit.run(["run", "--until-caught-up", "-c", cfg])
        want = set(final(cfg))
        calls = azure.control("ingested")
        _, said, _ = kit.run(["outputs", "test", "-c", cfg])
    got = {"custom": "SystemAlertId", "asim": "AlertId", "common_security_log": "ExtID"}[table]
    assert {r[got] for c in calls for r in c["rows"]} == want
    for call in calls:
        assert call["gzip"] and call["raw_bytes"] <= 1000000
        assert call["dropped_columns"] == []
        for sent, stored in zip(call["rows"], call["stored"]):
            lost = [k for k, v in sent.items() if v is not None and stored.get(k) is None]
            assert not lost, "columns of a wrong type"
    assert "accepted a marked sample alert" in said


def test_the_analytics_rule_and_the_workbook_find_what_arrived(dir_):
    rows, _ = small_world(seed=12)
    with kit.Azure(dir_) as azure:
        azure.control("settings", {"ingest_into_tables": True})
        azure.control("geo", [{"net": net, "country": "Germany", "state": "", "city": "", "latitude": 50.1, "longitude": 8.7}
                              for net in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")])
        azure.add_rows(rows.rows)
        azure.control("dcrs", {"id": RULE, "streams": {STREAM: stream()}})
        cfg = config(azure, dir_, [output(azure)])
        kit.run(["run", "--until-caught-up", "-c", cfg])
        want = final(cfg)
        rule = template("rule")["resources"][0]["properties"]
        raised = kql(azure, rule_query())
        shown = {name: kql(azure, q) for name, q in workbook_queries().items()}
        # Five minutes later the same alerts are told again, as updates are: none is raised twice.
        now = azure.control("clock", {"advance_s": 301})["now"]
        again = [{**r, "UpdateNumber": 1000 + n} for n, r in enumerate(azure.control("ingested")[0]["stored"])]
        azure.control("rows", [{"table": "CosmosWatchAlerts_CL", "row": {k: v for k, v in r.items() if v is not None},
                                "ingested": now} for r in again])
        assert kql(azure, "CosmosWatchAlerts_CL | where UpdateNumber >= 1000 and ingestion_time() > ago(5m)")
        assert kql(azure, rule_query()) == []
    assert {r["SystemAlertId"] for r in raised} == set(want)
    for r in raised:
        for mapping in rule["entityMappings"]:
            for field in mapping["fieldMappings"]:
                assert field["columnName"] in r
        assert all(column in r for column in rule["customDetails"].values())
        overrides = rule["alertDetailsOverride"]
        named = re.findall(r"{{(\w+)}}", overrides["alertDisplayNameFormat"] + overrides["alertDescriptionFormat"])
        named += [overrides["alertSeverityColumnName"], overrides["alertTacticsColumnName"]]
        named += [p["value"] for p in overrides["alertDynamicProperties"]]
        assert all(r[column] not in (None, "") for column in named)
        assert r["AlertResourceId"].startswith("/subscriptions/")
    assert any(r["ClientIpAddress"] for r in raised)
    assert all(shown.values()), {k: len(v) for k, v in shown.items()}
    assert sum(r["Alerts"] for r in shown["over-time"]) == len(want)
    assert sum(r["Alerts"] for r in shown["by-tactic"]) == len(want)
    assert {r["SystemAlertId"] for r in shown["latest"]} == set(want)


def test_what_is_wrong_is_said_once_and_heals_without_a_restart(dir_, shim):
    """Role missing, rule unknown, stream unknown, secret wrong: each output waits for itself, none loses anything."""
    rows, _ = small_world(seed=13, hours=3)
    secret = "an0ther-secret"
    ids = {"role": "aaaaaaaa-0000-4000-8000-000000000001", "secret": "aaaaaaaa-0000-4000-8000-000000000002"}
    late_rule = RULE[:-1] + "2"
    auth = {"type": "client_secret", "tenant": kit.TENANT, "client_secret": "${env:ANOTHER_SECRET}"}
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        azure.control("dcrs", {"id": RULE, "streams": {STREAM: stream()}})
        azure.control("apps", {"client_id": ids["role"], "secrets": [secret], "dcrs": []})
        azure.control("apps", {"client_id": ids["secret"], "secrets": ["not-yet-this-one"]})
        auth["authority"] = azure.url
        outputs = [output(azure, "good"), output(azure, "rule", rule=late_rule),
                   output(azure, "stream", stream="Custom-Later"),
                   output(azure, "role", auth={**auth, "client_id": ids["role"]}),
                   output(azure, "secret", auth={**auth, "client_id": ids["secret"]})]
        cfg = config(azure, dir_, outputs)
        broken = {"rule": "NotFound", "stream": "Custom-Later", "role": "Monitoring Metrics Publisher",
                  "secret": "AADSTS7000215"}

        def lines(part):
            return [x for x in agent.tail(1 << 20).splitlines() if part in x]

        with kit.Agent(cfg, dir_, env={**shim.env, "ANOTHER_SECRET": secret}) as agent:
            kit.wait_for("a line for each broken output", lambda: len(lines("delivery on hold")) == len(broken))
            for name, words in broken.items():
                said = [x for x in lines("delivery on hold") if "output." + name in x]
                assert len(said) == 1 and words in said[0] and "remedy" in said[0], said
            azure.control("dcrs", {"id": late_rule, "streams": {STREAM: stream()}})
            azure.control("dcrs", {"id": RULE, "streams": {STREAM: stream(), "Custom-Later": stream()}})
            azure.control("apps", {"client_id": ids["role"], "dcrs": ["*"]})
            azure.control("apps", {"client_id": ids["secret"], "secrets": [secret]})
            shim.hasty(5)  # not more, and not before: a simulator that stands for a second is not one that does not answer
            kit.wait_for("every output healed", lambda: all(
                any("output." + name in x for x in lines("delivery works again")) for name in broken), pause_s=0.3)
            assert agent.stop() == 0
            log = agent.tail(1 << 20)
        want = set(final(cfg))
        calls = azure.control("ingested")
    ways = {"good": (RULE, STREAM, kit.CLIENT), "rule": (late_rule, STREAM, kit.CLIENT),
            "stream": (RULE, "Custom-Later", kit.CLIENT), "role": (RULE, STREAM, ids["role"]),
            "secret": (RULE, STREAM, ids["secret"])}
    for name, way in ways.items():
        came = [r["RecordId"] for c in calls if (c["dcr"], c["stream"], c["client"]) == way for r in c["rows"]]
        assert len(came) == len(set(came))
        assert {r[:36] for r in came} == want, name
    assert secret not in log and kit.SECRET not in log


def test_a_row_that_is_refused_is_parked_alone(dir_):
    rows, _ = small_world(seed=14)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        azure.control("dcrs", {"id": RULE, "streams": {STREAM: stream()}})
        cfg = config(azure, dir_, [output(azure), {"name": "file", "type": "file",
                                                   "path": os.path.join(dir_, "alerts.ndjson")}])
        # What is compressed cannot be matched, so the cap is: of all alerts only the largest is over it.
        kit.run(["run", "--until-caught-up", "-c", cfg])
        sizes = sorted(len(json.dumps(r, separators=(",", ":"))) for c in azure.control("ingested") for r in c["rows"])
        assert len(sizes) > 1 and sizes[-1] > sizes[-2] + 2
        azure.control("reset", {"keep_rows": True})
        azure.control("dcrs", {"id": RULE, "streams": {STREAM: stream()}})
        azure.control("settings", {"ingestion_cap": sizes[-2] + 3})
        sub = os.path.join(dir_, "again")
        os.mkdir(sub)
        cfg = config(azure, sub, [output(azure)])
        kit.run(["run", "--until-caught-up", "-c", cfg])
        calls = azure.control("ingested")
        _, parked, _ = kit.run(["outputs", "parked", "--json", "-c", cfg])
    parked = [json.loads(line) for line in parked.splitlines()]
    assert len(parked) == 1 and "Maximum allowed content length" in parked[0]["reason"]
    assert sum(len(c["rows"]) for c in calls) == len(sizes) - 1
    assert json.loads(parked[0]["refused"])["RecordId"] == parked[0]["recordId"]


def test_templates_are_printed_filled_in(dir_):
    with kit.Azure(dir_) as azure:
        cfg = config(azure, dir_, [output(azure, stream="Custom-Mine", table="asim")])
        _, dcr, _ = kit.run(["azure", "template", "dcr", "-c", cfg, "--workspace", "logs", "--principal", "p-1"])
        _, whole, _ = kit.run(["azure", "template", "all", "-c", cfg])
        code, _, said = kit.run(["azure", "template", "-c", cfg, "--output", "nobody"], check=False)
        assert code == 2 and "nobody" in said
        code, _, _ = kit.run(["azure", "template", "tabel", "-c", cfg], check=False)
        assert code == 2
        for name in ("table", "rule", "workbook", "policy"):
            _, text, _ = kit.run(["azure", "template", name, "-c", cfg])
            assert json.loads(text) == template(name)
    given = {k: v.get("defaultValue") for k, v in json.loads(dcr)["parameters"].items()}
    assert (given["workspaceName"], given["principalId"]) == ("logs", "p-1")
    assert (given["streamName"], given["table"]) == ("Custom-Mine", "asim")
    whole = json.loads(whole)
    known = set(whole["parameters"])
    for deployment in whole["resources"]:
        inner = deployment["properties"]["template"]
        assert set(deployment["properties"]["parameters"]) == set(inner["parameters"])
        for value in deployment["properties"]["parameters"].values():
            assert set(re.findall(r"parameters\('(\w+)'\)", value["value"])) <= known


def test_templates_agree_with_each_other_and_with_the_documented_table():
    table = template("table")["resources"][0]["properties"]["schema"]
    dcr = template("dcr")["variables"]
    assert [[c["name"], c["type"].lower()] for c in table["columns"]] == [[c["name"], c["type"]]
                                                                           for c in dcr["columns"]["custom"]]
    assert dcr["outputStreams"]["custom"] == "Custom-" + table["name"]
    with open(os.path.join(kit.ROOT, "outputs", "encode", "sentinel.c"), encoding="utf-8") as f:
        documented = re.findall(r"^ \* (\w+) +\| (datetime|string|long|boolean|real|dynamic|int) +\|", f.read(), re.M)
    assert [list(d) for d in documented] == [[c["name"], c["type"]] for c in dcr["columns"]["custom"]]
    with open(os.path.join(kit.ROOT, "tests", "sim", "schemas.json"), encoding="utf-8") as f:
        known = json.load(f)["tables"]
    for name, ours in TABLES.items():
        assert known[ours]["columns"] == columns(name)
    reserved = {"_ResourceId", "id", "_SubscriptionId", "TenantId", "Type", "UniqueId", "Title"}
    for c in table["columns"]:
        assert re.fullmatch(r"[A-Za-z]\w{0,44}", c["name"]) and c["name"] not in reserved
