"""Three weeks of a function trigger on the change feed; then somebody else follows it too.
SPDX-License-Identifier: Apache-2.0
"""

from kit import row

CONFIG = "detectors:\n  change_feed: { min_requests: 5 }\n  unusual_application: { enabled: false }\n"
FILES = {}


def at(day, hour, minute=0):
    return "2026-03-%02dT%02d:%02d:00Z" % (day, hour, minute)


def follow(day, hour, agent, address):
    for minute in range(10):
        r = row(at(day, hour, minute), "ReadFeed", agent=agent, address=address, status=304 if minute % 3 else 200,
                size=0 if minute % 3 else 400000)
        r["RequestResourceType"] = "DocumentFeed"
        yield r


def rows():
    for day in range(1, 22):
        for hour in range(24):
            yield row(at(day, hour, 10), "Read")
            yield from follow(day, hour, "cosmos-netstandard-sdk/3.34.0|1|X64|Linux|.NET 6|N| CosmosDBTriggerFunctions",
                              "192.0.2.40")
    # nearly: a new address of the same network
    yield from follow(20, 3, "cosmos-netstandard-sdk/3.35.0|1|X64|Linux|.NET 6|N| CosmosDBTriggerFunctions", "192.0.2.41")
    # alert: a new follower
    yield from follow(20, 14, "azsdk-python-cosmos/4.7.0 Python/3.12.2", "203.0.113.7")


EXPECTED = [
    {"alertType": "CosmosDBX_ChangeFeedTap", "severity": "Medium", "count": 10},
]
