"""Twenty days of an application with a nightly export; then a thief with its key takes 3 GB.
SPDX-License-Identifier: Apache-2.0
"""

from kit import row

CONFIG = "detectors:\n  volume: { sensitivity: medium }\n  unusual_application: { enabled: false }\n"
FILES = {}
MB = 1000000


def at(day, hour, minute=0):
    return "2026-03-%02dT%02d:%02d:00Z" % (day, hour, minute)


def rows():
    for day in range(1, 21):
        for hour in range(24):
            yield row(at(day, hour, 10), size=(30 + 5 * (hour % 4)) * MB)
        # nearly: the export is far above the other hours, but comes every night
        yield row(at(day, 23, 30), "ReadFeed", size=900 * MB)
    for minute in range(10):
        # alert: the key from elsewhere, with a script, 3 GB in one hour
        yield row(at(20, 14, minute), address="203.0.113.7", agent="python-requests/2.31.0", size=300 * MB)
    # nearly: writes and refusals carry bytes too; a new reader below what the container usually gives
    yield row(at(20, 15), "Upsert", size=5000 * MB)
    yield row(at(20, 15, 1), status=400, size=5000 * MB)
    yield row(at(20, 15, 2), address="198.51.100.4", size=60 * MB)


EXPECTED = [
    {"alertType": "CosmosDB_DataExfiltrationAnomaly", "severity": "High", "count": 10},
]
