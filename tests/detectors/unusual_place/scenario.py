"""A month of an application and its people in known countries; then a thief far away, and a traveller too fast.
SPDX-License-Identifier: Apache-2.0
"""

from kit import row

CONFIG = """\
networks:
  - { cidr: 192.0.2.0/24, name: plant, country: Netherlands, city: Amsterdam, lat: 52.37, lon: 4.90, asn: 64500 }
  - { cidr: 198.51.100.0/25, name: far away, country: VN, lat: 21.03, lon: 105.85, asn: 64501 }
  - { cidr: 198.51.100.128/25, name: our office in Japan, country: JP, trusted: true }
  - { cidr: 203.0.113.0/24, name: a region of the cloud, country: IE, org: Microsoft }
"""
FILES = {}
BOB = "bbbbbbbb-1111-4222-8333-000000000002"


def at(day, hour, minute=0):
    return "2026-03-%02dT%02d:%02d:00Z" % (day, hour, minute)


def rows():
    for day in range(1, 29):
        for hour in range(0, 24, 3):
            yield row(at(day, hour))
        yield row(at(day, 9, 30), key="AadToken", principal=BOB, address="192.0.2.77")
    # alert: the key from a country, a network and with a program that are all new
    yield row(at(28, 14), address="198.51.100.9", agent="azsdk-go-azcosmos/v1.1.0 (go1.22; linux)")
    yield row(at(28, 14, 5), address="198.51.100.9", agent="azsdk-go-azcosmos/v1.1.0 (go1.22; linux)")
    # alert: Bob, half an hour after he was at home
    yield row(at(28, 10), address="198.51.100.20", key="AadToken", principal=BOB)
    # nearly: refused, a trusted office, a host of Microsoft's
    yield row(at(28, 15), address="198.51.100.9", status=403, account="CONTOSO-OTHER")
    yield row(at(28, 15), address="198.51.100.200")
    yield row(at(28, 15), address="203.0.113.9")


EXPECTED = [
    {"alertType": "CosmosDB_GeoAnomaly", "severity": "Medium", "count": 3, "accountName": "contoso-orders"},
    {"alertType": "CosmosDB_GeoAnomaly", "severity": "Medium", "count": 1, "accountName": "contoso-orders"},
    {"alertType": "CosmosDBX_ApplicationAnomaly", "severity": "Medium", "count": 2},
]
