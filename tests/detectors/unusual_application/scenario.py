"""Upgrades and releases of known programs; then a tool, a script and another SDK, and a stranger who administers.
SPDX-License-Identifier: Apache-2.0
"""

from kit import activity, row

CONFIG = """\
trusted:
  - { agent: "contoso-migration*", note: our own tool }
  - { principal: 77777777-0000-4000-8000-000000000007, note: our own pipeline }
"""
CLI, PORTAL = "04b07795-8ddb-461a-bbee-02f9e1bf7b46", "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"
SERVICE = "a232010e-820c-4083-83bb-3ace5fc29d0b"
ELSE = "99999999-0000-4000-8000-000000000009"
FILES = {}


def at(day, hour, minute=0):
    return "2026-03-%02dT%02d:%02d:00Z" % (day, hour, minute)


def rows():
    for day in range(1, 29):
        for hour in range(0, 24, 3):
            yield row(at(day, hour), agent="cosmos-netstandard-sdk/3.%d.0|1|X64|Ubuntu 22.04|.NET 8.0.4|N|" % (30 + day // 9))
            yield row(at(day, hour, 1), agent="orders-api-v%d.2" % day)
        yield activity(at(day, 8), "CONTOSO-ORDERS", "WRITE", "ada@contoso.example", CLI)
    # alerts
    yield row(at(28, 14), agent="sqlmap/1.7.2#stable (https://sqlmap.org)")
    yield row(at(28, 14, 1), agent="python-requests/2.31.0")
    yield row(at(28, 14, 2), agent="Node.js/20.11.0 (linux; x64) azure-cosmos-js/4.0.0")
    yield activity(at(28, 16), "CONTOSO-ORDERS", "WRITE", "ada@contoso.example", ELSE)
    # nearly: known, the portal, the service itself, what is trusted, what did not come through
    for app in (CLI, PORTAL, SERVICE, "77777777-0000-4000-8000-000000000007"):
        yield activity(at(28, 17), "CONTOSO-ORDERS", "WRITE", "ada@contoso.example", app)
    yield {**activity(at(28, 17), "CONTOSO-ORDERS", "WRITE", "ada@contoso.example", "66666666-0000-4000-8000-000000000006"),
           "ActivityStatusValue": "Failure"}
    # nearly: a jump of the version, what the operator trusts, a browser
    yield row(at(28, 15), agent="cosmos-netstandard-sdk/4.0.0|1|Arm64|Windows 11|.NET 10.0.1|N|")
    yield row(at(28, 15, 1), agent="contoso-migration/2.0")
    yield row(at(28, 15, 2), agent="Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/124.0.0.0 Safari/537.36")


EXPECTED = [
    {"alertType": "CosmosDBX_SuspiciousApplication", "severity": "High", "count": 1},
    {"alertType": "CosmosDBX_SuspiciousApplication", "severity": "Low", "count": 1},
    {"alertType": "CosmosDBX_ApplicationAnomaly", "severity": "Low", "count": 1},
    {"alertType": "CosmosDBX_ApplicationAnomaly", "severity": "Low", "count": 1, "variant": "ApplicationId",
     "subject": ELSE, "query": lambda q: "AzureActivity | where tolower(tostring(Claims_d.appid))" in q and ELSE in q},
]
