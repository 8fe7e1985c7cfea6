"""Scenarios of detectors: rows in, alerts out, through the real agent (`cosmowatch replay --json`).

A folder with a scenario.py is one scenario:
    CONFIG    text of cosmowatch.yaml; {dir} is the scenario's temporary folder
    FILES     name -> text, written beside it (feeds, networks)
    rows()    rows as Log Analytics exports them, those that alert and those that nearly do
    EXPECTED  one dict an alert, in any order: what the native alert must say (a value that is a callable is
              asked, one that is a dict is looked into); nothing else may alert
SPDX-License-Identifier: Apache-2.0
"""

import json
import os
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
AGENT = os.environ.get("COSMOWATCH", os.path.join(ROOT, "build", "cosmowatch"))


def row(time, operation="Query", status=200, address="192.0.2.10", key="PrimaryMasterKey", size=2000,
        agent="azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10", account="CONTOSO-ORDERS", container="orders",
        principal=""):
    return {
        "Type": "CDBDataPlaneRequests", "TimeGenerated": time, "AccountName": account,
        "_ResourceId": "/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/rg-prod/providers/"
                       "microsoft.documentdb/databaseaccounts/" + account.lower(),
        "ActivityId": "a1b2c3d4-0000-4000-8000-000000000001", "OperationName": operation,
        "RequestResourceType": "Document", "DatabaseName": "shop", "CollectionName": container,
        "StatusCode": status, "DurationMs": 2.5, "RequestCharge": 2.83, "RequestLength": 0.0,
        "ResponseLength": float(size), "ClientIpAddress": address, "UserAgent": agent,
        "ConnectionMode": "Gateway", "KeyType": key, "AuthTokenType": key, "AadPrincipalId": principal,
        "RegionName": "West Europe",
    }


def activity(time, account, operation, caller, app="1950a258-227b-4e31-a9cf-717495945fc2", address="192.0.2.5", number=[0]):
    """A done operation on an account in AzureActivity."""
    number[0] += 1
    return {"Type": "AzureActivity", "TimeGenerated": time, "SubscriptionId": "11111111-2222-3333-4444-555555555555",
            "_ResourceId": "/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/rg-prod/providers/"
                           "microsoft.documentdb/databaseaccounts/" + account.lower(),
            "OperationNameValue": "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/%s" % operation,
            "ActivityStatusValue": "Success", "Caller": caller, "CallerIpAddress": address,
            "CorrelationId": "c0c0c0c0-0000-4000-8000-%012d" % number[0],
            "EventDataId": "e0e0e0e0-0000-4000-8000-%012d" % number[0], "Claims_d": json.dumps({"appid": app})}


def replay(scenario, dir_):
    config = os.path.join(dir_, "cosmowatch.yaml")
    rows = os.path.join(dir_, "rows.ndjson")
    for name, text in {**scenario.FILES, "cosmowatch.yaml": scenario.CONFIG.replace("{dir}", dir_)}.items():
        with open(os.path.join(dir_, name), "w", encoding="utf-8") as f:
            f.write(text)
    with open(rows, "w", encoding="utf-8") as f:
        for r in scenario.rows():
            f.write(json.dumps(r) + "\n")
    done = subprocess.run([AGENT, "replay", "--json", "-c", config, rows], capture_output=True, text=True,
                          timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def says(alert, expected):
    for key, want in expected.items():
        have = alert.get(key)
        if isinstance(want, dict):
            if not isinstance(have, dict) or not says(have, want):
                return False
        elif not (want(have) if callable(want) else have == want):
            return False
    return True


def compare(alerts, expected):
    left = list(alerts)
    for want in expected:
        found = next((a for a in left if says(a, want)), None)
        assert found, "no alert says %r among\n%s" % (want, json.dumps(left, indent=1))
        left.remove(found)
    assert not left, "nobody expected\n" + json.dumps(left, indent=1)
