"""Three weeks of an application and a nightly backup; then a script lists all documents.
SPDX-License-Identifier: Apache-2.0
"""

from kit import row

CONFIG = "detectors:\n  full_scan: { floor: 10MiB }\n  change_feed: { min_requests: 5 }\n  unusual_application: { enabled: false }\n"
FILES = {}
MB = 1000000


def at(day, hour, minute=0):
    return "2026-03-%02dT%02d:%02d:00Z" % (day, hour, minute)


def pages(day, hour, agent, address, size):
    for minute in range(20):
        r = row(at(day, hour, minute), "ReadFeed", agent=agent, address=address, size=size)
        r["RequestResourceType"] = "DocumentFeed"
        yield r


def rows():
    for day in range(1, 22):
        for hour in range(24):
            yield row(at(day, hour, 10), "Read", size=40 * MB)
        # nearly: the backup reads everything, every night, and grows
        yield from pages(day, 2, "backup-agent/2.0", "192.0.2.20", (2 + day // 7) * MB)
    # nearly: a few pages, below the floor
    yield from list(pages(20, 12, "curl/8.5.0", "192.0.2.30", 200000))
    # alert: 30 MB in twenty pages, by a script
    yield from pages(20, 14, "python-requests/2.31.0", "203.0.113.7", 1500000)


EXPECTED = [
    {"alertType": "CosmosDBX_FullScan", "severity": "Medium", "count": 20},
]
