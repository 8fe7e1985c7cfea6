"""The templates of packaging/azure as tests see them.

    PYTHONPATH=tests python3 -m flow.templates      their queries, as lines for tests/conformance/kusto-check.mjs

SPDX-License-Identifier: Apache-2.0
"""

import json
import os

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLES = {"custom": "CosmosWatchAlerts_CL", "asim": "ASimAlertEventLogs", "common_security_log": "CommonSecurityLog"}


def template(name):
    with open(os.path.join(ROOT, "packaging", "azure", name + ".json"), encoding="utf-8") as f:
        return json.load(f)


def columns(table):
    """As the simulator and schemas.json spell types."""
    return [[c["name"], {"boolean": "bool"}.get(c["type"], c["type"])] for c in template("dcr")["variables"]["columns"][table]]


def rule_query():
    return template("rule")["resources"][0]["properties"]["query"]


def workbook_queries():
    """By name, with what a reader of the workbook would have chosen."""
    items = template("workbook")["variables"]["content"]["items"]
    found = {i["name"]: i["content"]["query"] for i in items if i["type"] == 3}
    found.update({"parameter " + p["name"]: p["query"] for i in items if i["type"] == 9
                  for p in i["content"]["parameters"] if "query" in p})
    return {k: q.replace("{TimeRange:grain}", "1h").replace("{TimeRange}", "> ago(1d)").replace("{Account}", "*")
            for k, q in found.items()}


if __name__ == "__main__":
    print(json.dumps({"name": "analytics rule", "query": rule_query()}))
    for name, query in workbook_queries().items():
        print(json.dumps({"name": "workbook, " + name, "query": query}))
