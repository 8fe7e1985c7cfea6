"""Where rows and feeds come from: every kind of credential, of table and of feed, with the real binary.
SPDX-License-Identifier: Apache-2.0
"""

import base64
import datetime
import json
import os
import subprocess

import pytest

from flow import kit
from flow.rows import Rows, feeds, iso
from flow.story import SHORT, final, hours_ago, outputs, small_world

# ---- who asks ----------------------------------------------------------------------------------------------------

def certificate(dir_):
    """A key and a self-signed certificate in one file."""
    key, cert, both = (os.path.join(dir_, n) for n in ("key.pem", "cert.pem", "both.pem"))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=agent",
                    "-keyout", key, "-out", cert], check=True, capture_output=True)
    with open(both, "w", encoding="utf-8") as f:
        for part in (key, cert):
            with open(part, encoding="utf-8") as g:
                f.write(g.read())
    os.chmod(both, 0o600)
    with open(cert, encoding="utf-8") as f:
        return both, f.read()


def jwt_like(issuer, subject):
    part = lambda d: base64.urlsafe_b64encode(json.dumps(d).encode()).decode().rstrip("=")
    return ".".join([part({"alg": "RS256"}), part({"iss": issuer, "sub": subject, "aud": "api://AzureADTokenExchange"}), "c2ln"])


def auth_of(kind, dir_, azure):
    app = {"tenant": kit.TENANT, "client_id": kit.CLIENT, "authority": azure.url}
    if kind == "client_secret":
        return {"type": kind, **app, "client_secret": "${env:COSMOWATCH_TEST_SECRET}"}, {}
    if kind == "certificate":
        both, cert = certificate(dir_)
        azure.control("apps", {"client_id": kit.CLIENT, "tenants": [kit.TENANT], "certificates": [cert]})
        return {"type": kind, **app, "certificate": both}, {}
    if kind == "workload_identity":
        path, token = os.path.join(dir_, "federated"), jwt_like("https://issuer.example", "system:serviceaccount:soc:cosmowatch")
        azure.control("apps", {"client_id": kit.CLIENT, "tenants": [kit.TENANT], "federated": [{"token": token}]})
        with open(path, "w", encoding="utf-8") as f:
            f.write(token)
        return {"type": kind, **app, "token_file": path}, {}
    if kind == "environment":
        return {"type": "environment", "authority": azure.url}, {"AZURE_TENANT_ID": kit.TENANT, "AZURE_CLIENT_ID": kit.CLIENT,
                                                                "AZURE_CLIENT_SECRET": kit.SECRET}
    if kind == "managed_identity":
        return {"type": kind, "imds_endpoint": azure.url}, {}
    raise AssertionError(kind)


@pytest.mark.parametrize("kind", ["client_secret", "certificate", "workload_identity", "environment", "managed_identity"])
def test_every_kind_of_credential_reads_the_workspace(dir_, kind):
    rows, types = small_world(seed=11, hours=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        auth, env = auth_of(kind, dir_, azure)
        cfg = kit.config(azure, dir_, outputs(dir_), source={**SHORT, "auth": auth}, feeds=feeds(dir_))
        kit.run(["run", "--until-caught-up", "-c", cfg], env=env)
    assert types <= {a["alertType"] for a in final(cfg).values()}


# ---- which tables ---------------------------------------------------------------------------------------------------

LEGACY = {"ActivityId": "activityId_g", "RequestResourceType": "requestResourceType_s", "RequestResourceId": "requestResourceId_s",
          "StatusCode": "statusCode_s", "DurationMs": "duration_s", "RequestCharge": "requestCharge_s",
          "RequestLength": "requestLength_s", "ResponseLength": "responseLength_s", "ClientIpAddress": "clientIpAddress_s",
          "UserAgent": "userAgent_s", "ConnectionMode": "connectionMode_s", "KeyType": "keyType_s",
          "AuthTokenType": "authTokenType_s", "RegionName": "region_s", "DatabaseName": "databaseName_s",
          "CollectionName": "collectionName_s"}


def legacy(r):
    row = r["row"]
    out = {"TimeGenerated": row["TimeGenerated"], "ResourceProvider": "MICROSOFT.DOCUMENTDB", "Category": r["table"][3:],
           "Resource": row["AccountName"], "Type": "AzureDiagnostics",
           "_ResourceId": row.get("_ResourceId", "")}
    if r["table"] == "CDBQueryRuntimeStatistics":
        out.update({"activityId_g": row["ActivityId"], "databasename_s": row["DatabaseName"],
                    "collectionname_s": row["CollectionName"], "partitionkeyrangeid_s": "0", "querytext_s": row["QueryText"]})
    else:
        out["OperationName"] = row["OperationName"]
        out.update({new: str(row[old]) for old, new in LEGACY.items()})
    return {**r, "table": "AzureDiagnostics", "row": out}


@pytest.mark.parametrize("mode", ["summarize", "rows"])
def test_the_legacy_table_alerts_like_the_new_ones(dir_, mode):
    rows, types = small_world(seed=12, hours=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows([legacy(r) for r in rows.rows])
        cfg = kit.config(azure, dir_, outputs(dir_), mode=mode, source=SHORT, feeds=feeds(dir_))
        kit.run(["run", "--until-caught-up", "-c", cfg])
    got = {a["alertType"]: a for a in final(cfg).values()}
    assert types <= set(got)
    assert got["CosmosDB_TorAnomaly"]["count"] == 12 and got["CosmosDB_TorAnomaly"]["evidence"]["bytesOut"] == 12 * 40000


def test_the_aggregated_table_shows_what_it_can(dir_):
    t = hours_ago(2)
    t -= datetime.timedelta(minutes=t.minute % 5, seconds=t.second)
    row = {"TimeGenerated": iso(t), "AccountName": "CONTOSO-ORDERS", "OperationName": "Query", "RequestResourceType": "DocumentFeed",
           "DatabaseName": "shop", "CollectionName": "orders", "StatusCode": 200, "RequestCount": 1284.0, "TotalDurationMs": 18640.5,
           "TotalRequestCharge": 10733.2, "TotalRequestLength": 225984.0, "TotalResponseLength": 66562560.0,
           "ClientIpAddress": "198.51.100.23", "UserAgent": "azsdk-java-cosmos/4.60.0", "ConnectionMode": "Gateway",
           "KeyType": "PrimaryMasterKey", "AuthTokenType": "PrimaryMasterKey", "RegionName": "West Europe"}
    with kit.Azure(dir_) as azure:
        azure.add_rows([{"table": "CDBDataPlaneRequests5M", "row": row, "ingested": iso(t), "visible": iso(t)}])
        cfg = kit.config(azure, dir_, outputs(dir_), feeds=feeds(dir_),
                         source={**SHORT, "tables": ["CDBDataPlaneRequests5M", "AzureActivity"]})
        kit.run(["run", "--until-caught-up", "-c", cfg])
    tor = [a for a in final(cfg).values() if a["alertType"] == "CosmosDB_TorAnomaly"]
    assert len(tor) == 1 and tor[0]["count"] == 1284 and tor[0]["evidence"]["bytesOut"] == 66562560


def test_text_and_request_that_arrive_an_hour_apart_still_meet(dir_):
    r = Rows(13)
    t = hours_ago(3)
    for i in range(3):
        r.query(t + datetime.timedelta(seconds=i), "SELECT c.id FROM c WHERE c.customer = '' OR 1=1 --'", text_late_s=60, late_s=2400)
    with kit.Azure(dir_) as azure:
        azure.add_rows(r.rows)
        cfg = kit.config(azure, dir_, outputs(dir_), source={**SHORT, "catch_up": "5m"}, feeds=feeds(dir_))
        kit.run(["run", "--until-caught-up", "-c", cfg])
    got = [a for a in final(cfg).values() if a["alertType"].startswith("CosmosDB_SqlInjection")]
    assert len(got) == 1 and got[0]["count"] == 3 and got[0]["evidence"]["address"] == ["192.0.2.10"]


def test_two_workspaces_are_read_side_by_side(dir_):
    rows, types = small_world(seed=14, hours=3)
    with kit.Azure(dir_) as azure:
        azure.add_rows(rows.rows)
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT, feeds=feeds(dir_))
        with open(cfg, encoding="utf-8") as f:
            doc = json.load(f)
        doc["sources"].append({**doc["sources"][0], "name": "other", "workspace": "44444444-4444-4444-4444-444444444444"})
        with open(cfg, "w", encoding="utf-8") as f:
            json.dump(doc, f)
        kit.run(["run", "--until-caught-up", "-c", cfg])
        _, text, _ = kit.run(["status", "--json", "-c", cfg])
    assert {s["name"] for s in json.loads(text)["sources"]} == {"prod", "other"}
    assert types <= {a["alertType"] for a in final(cfg).values()}


@pytest.mark.parametrize("more, is_told", [({}, True), ({"shard": "0/2"}, False)])
def test_a_workspace_that_is_read_twice_is_told(dir_, more, is_told):
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT)
        with open(cfg, encoding="utf-8") as f:
            doc = json.load(f)
        doc["sources"].append({**doc["sources"][0], "name": "twin", **more})
        with open(cfg, "w", encoding="utf-8") as f:
            json.dump(doc, f)
        _, _, err = kit.run(["check", "-c", cfg])
    assert ("two sources read the same workspace" in err) == is_told


# ---- what the cloud's own product says --------------------------------------------------------------------------------------

def test_defenders_own_alerts_travel_the_same_road(dir_):
    from flow.rows import resource_id
    r = Rows(18)
    r.request(hours_ago(1), address="198.51.100.23")
    t = hours_ago(1)

    def alert(n, account, type_):
        row = {"TimeGenerated": iso(t), "StartTime": iso(t), "EndTime": iso(t), "AlertType": type_, "AlertSeverity": "High",
               "SystemAlertId": "0f0f0f0f-1111-4222-8333-44444444444%d" % n, "ProductName": "Azure Security Center", "Status": "New",
               "ResourceId": resource_id(account), "_ResourceId": resource_id(account), "DisplayName": "x", "AlertName": "x",
               "Entities": json.dumps([{"$id": "1", "Type": "ip", "Address": "198.51.100.23"}]),
               "ExtendedProperties": json.dumps({"Client principal name": "ada"})}
        return {"table": "SecurityAlert", "row": row, "ingested": iso(t), "visible": iso(t)}

    with kit.Azure(dir_) as azure:
        azure.add_rows(r.rows + [alert(1, "contoso-orders", "CosmosDB_TorAnomaly"),
                                 alert(2, "contoso-payroll", "CosmosDB_SuspiciousIp")])
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT, feeds=feeds(dir_))
        kit.run(["run", "--until-caught-up", "-c", cfg])
    told = {a["systemAlertId"]: a for a in kit.ndjson(os.path.join(dir_, "alerts.ndjson"))}
    alone = told.pop("0f0f0f0f-1111-4222-8333-444444444442")
    assert alone["alertType"] == "CosmosDB_SuspiciousIp" and alone["accountName"] == "contoso-payroll"
    assert alone["evidence"]["address"] == ["198.51.100.23"] and alone["evidence"]["principal"] == ["ada"]
    (ours,) = told.values()  # one story, both ids
    assert ours["alertType"] == "CosmosDB_TorAnomaly"
    assert ours["evidence"]["defenderAlertId"] == ["0f0f0f0f-1111-4222-8333-444444444441"]


DEFENDER_CASES = {  # options of the detector: numbers of the alerts that are passed on
    "preset": ({}, {1, 2, 3, 4, 5}),
    "severity": ({"min_severity": "high"}, {1}),
    "types": ({"types": ["CosmosDB_Susp*"]}, {2, 3}),
    "an old spelling": ({"types": ["CosmosDB_SusiciousListKeys.MaliciousScript"]}, {3}),
    "products": ({"products": ["Azure Sentinel"]}, {4, 6}),
    "any product but ours": ({"products": ["*"]}, {1, 2, 3, 4, 5, 6}),
    "resources": ({"resources": ["/subscriptions/*/databaseAccounts/CONTOSO-pay*"]}, set()),
    "one resource": ({"resources": ["RESOURCE"]}, {2}),
    "off": (False, set()),
}


@pytest.mark.parametrize("case", sorted(DEFENDER_CASES))
def test_which_of_defenders_alerts_are_passed_on_is_for_the_operator_to_say(dir_, case):
    from flow.rows import resource_id
    options, want = DEFENDER_CASES[case]
    t = iso(hours_ago(1))

    def row(n, type_, severity="Medium", account="contoso-orders", **more):
        return {"Type": "SecurityAlert", "TimeGenerated": t, "StartTime": t, "EndTime": t, "AlertType": type_,
                "AlertSeverity": severity, "SystemAlertId": "0f0f0f0f-1111-4222-8333-44444444444%d" % n,
                "ProductName": "Azure Security Center", "ResourceId": resource_id(account), **more}

    rows = [row(1, "CosmosDB_TorAnomaly", "High"), row(2, "CosmosDB_SuspiciousIp", account="contoso-payroll"),
            row(3, "CosmosDB_SusiciousListKeys.MaliciousScript"), row(4, "CosmosDB_GeoAnomaly", "Low", ProductName=""),
            row(5, "CosmosDB_SqlInjection.FailedFuzzingAttempt", "Low", ProductName="Microsoft Defender for Cloud"),
            row(6, "CosmosDB_DataExfiltrationAnomaly", ProductName="Azure Sentinel"),
            row(7, "CosmosDB_DataExfiltrationAnomaly", ProductName="cosmowatch"),
            row(8, "VM_SuspiciousProcess", "High"), row(9, "SQL.DB_Bruteforce", ResourceId="/subscriptions/x")]
    cfg, export = os.path.join(dir_, "replay.yaml"), os.path.join(dir_, "rows.ndjson")
    if options and "RESOURCE" in options.get("resources", []):
        options = {"resources": [resource_id("contoso-payroll").upper()]}
    with open(cfg, "w", encoding="utf-8") as f:
        json.dump({"detectors": {"defender": options}}, f)
    with open(export, "w", encoding="utf-8") as f:
        f.write("\n".join(map(json.dumps, rows)))
    _, out, _ = kit.run(["replay", "--json", "-c", cfg, export])
    told = {int(a["systemAlertId"][-1]): a for a in map(json.loads, out.splitlines())
            if a["systemAlertId"].startswith("0f0f0f0f")}  # beside them, an incident may join some
    assert set(told) == want
    if 3 in told:
        assert told[3]["alertType"] == "CosmosDB_SuspiciousListKeys.MaliciousScript"


def test_a_misspelt_type_of_defenders_is_an_error_with_its_place(dir_):
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, outputs(dir_), detectors={"defender": {"types": ["CosmosDB_TorAnomly"]}})
        code, _, err = kit.run(["check", "-c", cfg], check=False)
    assert code == 2 and "'CosmosDB_TorAnomly' is no alert type; did you mean 'CosmosDB_TorAnomaly'?" in err


# ---- who is known bad ----------------------------------------------------------------------------------------------------

FEEDS = {
    "bulk list": ("tor_exits", "198.51.100.23\n198.51.100.99\n", {}),
    "exit-addresses": ("tor_exits", "ExitNode 0011BD2485AD45D984EC4159C88FC066E5E3300E\nPublished 2026-01-01 00:00:00\n"
                                    "LastStatus 2026-01-01 00:00:00\nExitAddress 198.51.100.23 %s\n" %
                       datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d 00:00:00"), {}),
    "cidr": ("list", "# ours\n198.51.100.0/25 ; a block\n", {"category": "botnet"}),
    "csv": ("list", "ip,confidence,category\n198.51.100.23,95,c2\n", {"format": "csv"}),
    "stix": ("stix", json.dumps({"type": "bundle", "id": "bundle--0", "objects": [
        {"type": "indicator", "spec_version": "2.1", "id": "indicator--1", "pattern_type": "stix", "confidence": 80,
         "pattern": "[ipv4-addr:value = '198.51.100.23']", "valid_from": "2026-01-01T00:00:00Z", "labels": ["malicious-activity"],
         "created": "2026-01-01T00:00:00Z", "modified": "2026-01-01T00:00:00Z"}]}), {}),
}


@pytest.mark.parametrize("form", sorted(FEEDS))
def test_a_feed_from_a_url_is_fetched_with_its_etag(dir_, form):
    type_, text, options = FEEDS[form]
    r = Rows(15)
    r.request(hours_ago(1), address="198.51.100.23")
    with kit.Azure(dir_) as azure:
        azure.add_rows(r.rows)
        azure.control("feeds", {"path": "/feeds/x", "text": text, "etag": '"v1"'})
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT,
                         feeds=[{"name": "x", "type": type_, "url": azure.url + "/feeds/x", **options}])
        kit.run(["run", "--until-caught-up", "-c", cfg])
        asked = [q for q in azure.control("requests") if q["path"].startswith("/feeds/x")]
    want = "CosmosDB_TorAnomaly" if type_ == "tor_exits" else "CosmosDB_SuspiciousIp"
    assert [a["alertType"] for a in final(cfg).values()] == [want]
    assert asked and asked[0]["status"] == 200


def test_a_feed_that_did_not_change_is_not_fetched_again(dir_, shim):
    with kit.Azure(dir_) as azure:
        azure.control("feeds", {"path": "/feeds/x", "text": "198.51.100.23\n", "etag": "v1"})
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT, feeds=[{"name": "x", "type": "tor_exits", "url": azure.url + "/feeds/x"}])
        with kit.Agent(cfg, dir_, env=shim.env) as agent:
            def entries():
                code, text, _ = kit.run(["status", "--json", "-c", cfg], check=False)
                return code == 0 and json.loads(text)["feeds"][0]["entries"] == 1

            kit.wait_for("the feed", entries)  # not only its request: time must not pass while the answer is on its way
            shim.set(boot_offset_ns=2 * 3600 * 10**9)
            again = kit.wait_for("the next look", lambda: azure.control("requests?path=/feeds/x")[1:])
            assert agent.stop() == 0
        _, text, _ = kit.run(["status", "--json", "-c", cfg])
    assert again[0]["status"] == 304
    assert json.loads(text)["feeds"][0]["entries"] == 1


def test_a_feed_that_is_gone_leaves_what_was_known_in_use(dir_):
    r = Rows(16)
    with kit.Azure(dir_) as azure:
        azure.control("feeds", {"path": "/feeds/x", "text": "198.51.100.23\n", "etag": '"v1"'})
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT,
                         feeds=[{"name": "x", "type": "tor_exits", "url": azure.url + "/feeds/x"}])
        kit.run(["run", "--until-caught-up", "-c", cfg])
        azure.control("reset", {})
        r.request(datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=3), address="198.51.100.23", late_s=170)
        azure.add_rows(r.rows)
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the complaint", lambda: "what was known stays in use" in agent.tail())
            assert agent.stop() == 0
        _, text, _ = kit.run(["status", "--json", "-c", cfg])
    feed = json.loads(text)["feeds"][0]
    assert feed["reason"]


def test_a_feed_that_is_a_pipe_is_told_and_waited_for_by_nobody(dir_):
    pipe = os.path.join(dir_, "pipe")
    os.mkfifo(pipe)
    with kit.Azure(dir_) as azure:
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT, feeds=[{"name": "x", "type": "addresses", "path": pipe}])
        with kit.Agent(cfg, dir_) as agent:
            kit.wait_for("the complaint", lambda: "is no ordinary file" in agent.tail())
            assert agent.stop() == 0


def test_the_workspaces_own_indicators_are_a_feed(dir_):
    r = Rows(17)
    r.request(hours_ago(1), address="198.51.100.23")
    t = hours_ago(5)
    indicator = {"TimeGenerated": iso(t), "Id": "indicator--1", "ObservableKey": "ipv4-addr:value", "ObservableValue": "198.51.100.23",
                 "Pattern": "[ipv4-addr:value = '198.51.100.23']", "ValidFrom": iso(hours_ago(48)),
                 "ValidUntil": iso(hours_ago(-48)), "Confidence": 90, "IsActive": True, "IsDeleted": False, "Revoked": False,
                 "Modified": iso(t), "Created": iso(t), "Tags": "botnet"}
    with kit.Azure(dir_) as azure:
        azure.add_rows(r.rows + [{"table": "ThreatIntelIndicators", "row": indicator, "ingested": iso(t), "visible": iso(t)}])
        cfg = kit.config(azure, dir_, outputs(dir_), source=SHORT, feeds=[{"name": "sentinel", "type": "workspace"}])
        kit.run(["run", "--until-caught-up", "-c", cfg])
    assert [a["alertType"] for a in final(cfg).values()] == ["CosmosDB_SuspiciousIp"]
