"""Three weeks of an application and an administrator at the portal; then a thief maps the account out.
SPDX-License-Identifier: Apache-2.0
"""

from kit import row

CONFIG = "detectors:\n  enumeration: { min_kinds: 2 }\n  unusual_application: { enabled: false }\n"
FILES = {}
PORTAL = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"


def at(day, hour, minute=0):
    return "2026-03-%02dT%02d:%02d:00Z" % (day, hour, minute)


def lists(day, hour, agent, address):
    for minute, (operation, kind) in enumerate([("ReadFeed", "DatabaseFeed"), ("ReadFeed", "CollectionFeed"),
                                                ("Query", "OfferFeed"), ("ReadFeed", "StoredProcedureFeed")]):
        r = row(at(day, hour, minute), operation, agent=agent, address=address, size=900, container="")
        r["RequestResourceType"] = kind
        yield r


def rows():
    for day in range(1, 22):
        for hour in range(24):
            yield row(at(day, hour, 10), "Read")
            # nearly: what an SDK reads when it starts is no list of names
            start = row(at(day, hour, 11), "Read", size=700)
            start["RequestResourceType"] = "Collection"
            yield start
    for day in (3, 9, 16):
        yield from lists(day, 9, PORTAL, "192.0.2.77")
    # nearly: the administrator again, from home
    yield from lists(20, 21, PORTAL, "198.51.100.9")
    # alert: a script from an address that was never here
    yield from lists(20, 22, "python-requests/2.31.0", "203.0.113.7")


EXPECTED = [
    {"alertType": "CosmosDBX_Enumeration", "severity": "Medium", "count": 4},
]
