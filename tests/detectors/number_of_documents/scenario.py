"""Three weeks of an application that reads by id; then somebody guesses ids.
SPDX-License-Identifier: Apache-2.0
"""

from kit import row

CONFIG = "detectors:\n  number_of_documents: { min_reads: 200, min_misses: 50 }\n"
FILES = {}


def at(day, hour, second=0):
    return "2026-03-%02dT%02d:%02d:%02dZ" % (day, hour, second // 60 % 60, second % 60)


def reads(day, hour, n, status=200, agent="azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10", address="192.0.2.10"):
    for i in range(n):
        yield row(at(day, hour, i * 3), "Read", status=status, size=400, agent=agent, address=address)


def rows():
    for day in range(1, 22):
        for hour in range(0, 24, 2):
            yield from reads(day, hour, 60)
            yield from reads(day, hour, 2, status=404)
    # nearly: three times the usual hour, below the floor
    yield from reads(20, 9, 180)
    # alert: ids that do not exist, asked for by a script
    yield from reads(20, 15, 300, status=404, agent="python-requests/2.31.0", address="203.0.113.7")


EXPECTED = [
    {"alertType": "CosmosDBX_NumberOfDocuments", "severity": "Medium", "count": 300},
]
