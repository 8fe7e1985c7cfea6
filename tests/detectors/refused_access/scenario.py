"""A forgotten client knocks with its old key for days; a stranger guesses, and another one gets in.
SPDX-License-Identifier: Apache-2.0
"""

from kit import row

CONFIG = "detectors:\n  unusual_application: { enabled: false }\n"
FILES = {}


def at(day, hour, minute=0, second=0):
    return "2026-03-%02dT%02d:%02d:%02dZ" % (day, hour, minute, second)


def rows():
    for day in range(1, 29):
        for hour in range(0, 24, 3):
            yield row(at(day, hour))
            # nearly: steady, of one known program, from the application's own network
            for second in range(0, 30 if day > 24 else 0):
                yield row(at(day, hour, 5, second), status=401, address="192.0.2.200")
    for second in range(40):
        yield row(at(28, 14, 0, second), status=401, address="198.51.100.9", agent="curl/8.5.0")
        yield row(at(28, 14, 1, second), status=403, address="203.0.113.9", agent="curl/8.5.0")
    yield row(at(28, 14, 20), address="203.0.113.9", agent="curl/8.5.0")
    # nearly: fewer
    for second in range(15):
        yield row(at(28, 16, 0, second), status=401, address="198.51.100.10", agent="curl/8.5.0")


EXPECTED = [
    {"alertType": "CosmosDBX_BruteForce", "severity": "Low", "count": 40},
    {"alertType": "CosmosDBX_BruteForce", "severity": "High", "count": 41},
]
