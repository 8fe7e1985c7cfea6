"""Nine weeks of an application; then its key takes as much again every day, an hour like any other.
SPDX-License-Identifier: Apache-2.0
"""

import datetime

from kit import row

CONFIG = "detectors:\n  slow_leak: { floor: 100MiB }\n"
FILES = {}
MB = 1000000
START = datetime.date(2026, 1, 5)


def rows():
    for day in range(95):
        date = (START + datetime.timedelta(days=day)).isoformat()
        weekend = day % 7 > 4
        for hour in range(0, 24, 2):
            size = (8 if weekend else 24 + day * 7 % 5) * MB
            # alert: from the 65th day on it is twice as much, in no hour more than 60 MB
            if day >= 65:
                size = size * 2
            yield row("%sT%02d:10:00Z" % (date, hour), size=size)
        # nearly: another application, as steady, and a large export once
        yield row("%sT09:20:00Z" % date, size=(4000 if day == 70 else 150) * MB, container="items")


EXPECTED = [
    {"alertType": "CosmosDB_DataExfiltrationAnomaly", "severity": "Medium"},  # the export
    {"alertType": "CosmosDBX_DataExfiltration.LowAndSlow", "severity": "Medium"},
]
