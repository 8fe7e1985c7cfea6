"""Rows and the real agent for tests that are more than one case: see README.md for the cases, whose short forms are read
here a second time.
SPDX-License-Identifier: Apache-2.0
"""

import datetime
import itertools
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


# ---- cases ----------------------------------------------------------------------------------------------------------

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def lines_of(path):
    """The lines of a file of rows, those that it includes too."""
    with open(path, encoding="utf-8") as f:
        for line in filter(str.strip, f):
            r = json.loads(line)
            if "include" in r:
                yield from lines_of(os.path.join(os.path.dirname(path), r["include"]))
            else:
                yield r


def rows_of(path):
    """The rows of a case, written out."""
    defaults, type_ = {}, None
    for r in lines_of(path):
        if "defaults" in r:
            defaults.setdefault(r["defaults"]["Type"], {}).update(r["defaults"])
            type_ = r["defaults"]["Type"]
            continue
        type_ = r.get("Type", type_)
        full = {"Type": type_, **defaults.get(type_, {}), **r}
        levels = full.pop("repeat", [])
        levels = levels if isinstance(levels, list) else [levels]
        text = json.dumps({k: v for k, v in full.items() if v is not None})
        steps = [[i * int(v["every"][:-1]) * UNITS[v["every"][-1]] for i in range(v["times"])] for v in levels]
        for n, offsets in enumerate(itertools.product(*steps)):
            one = json.loads(text.replace("{n}", str(n)) if levels else text)
            if levels:
                first = datetime.datetime.fromisoformat(one["TimeGenerated"].replace("Z", "+00:00"))
                one["TimeGenerated"] = (first + datetime.timedelta(seconds=sum(offsets))).strftime("%Y-%m-%dT%H:%M:%SZ")
            yield one


class Case:
    """A case as replay() takes it: its rows, its configuration and the files beside it."""

    def __init__(self, path):
        folder = os.path.dirname(path)
        own = path.replace(".ndjson", ".yaml")
        config = own if os.path.exists(own) else os.path.join(folder, "cosmowatch.yaml")
        self.CONFIG, self.FILES = "", {}
        if os.path.exists(config):
            with open(config, encoding="utf-8") as f:
                self.CONFIG = f.read()
        for name in os.listdir(folder):
            if name.endswith((".txt", ".csv", "Tags_Public.json")):
                with open(os.path.join(folder, name), encoding="utf-8") as f:
                    self.FILES[name] = f.read()
        self.rows = lambda: rows_of(path)
