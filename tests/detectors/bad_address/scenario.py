"""A Tor exit, a botnet's address and a scanner use an account; refusals and the service itself do too.
SPDX-License-Identifier: Apache-2.0
"""

from kit import row

CONFIG = """\
feeds:
  - { name: tor, type: tor_exits, path: "{dir}/exits.txt" }
  - { name: ours, type: addresses, path: "{dir}/bad.txt", category: botnet, confidence: 90 }
  - { name: noise, type: addresses, path: "{dir}/scanners.txt", category: scanner, confidence: 60 }
networks:
  - { cidr: 203.0.113.99, name: our own relay, trusted: true }
"""
FILES = {
    "exits.txt": "203.0.113.66\n203.0.113.99\n2001:db8::66\n",
    "bad.txt": "# by hand\n198.51.100.0/28 ; zeus\n",
    "scanners.txt": "198.51.100.200\n",
}


def rows():
    # a customer from an ordinary address
    yield row("2026-03-02T09:00:00Z")
    # alert: over Tor, reading and then writing
    yield row("2026-03-02T10:00:01Z", address="203.0.113.66", agent="python-requests/2.31.0", size=5000)
    yield row("2026-03-02T10:00:02Z", "Upsert", address="203.0.113.66", agent="python-requests/2.31.0", size=100)
    # alert: the same exit in IPv6, with a read-only key, new to the account
    yield row("2026-03-02T10:05:00Z", address="2001:db8::66", key="PrimaryReadonlyMasterKey")
    # alerts: a listed range, and a scanner
    yield row("2026-03-02T11:00:00Z", "ReadFeed", address="198.51.100.9", key="AadToken",
              principal="0a0a0a0a-1111-4222-8333-444444444444")
    yield row("2026-03-02T12:00:00Z", address="198.51.100.200")
    # nearly: refused, throttled, the neighbour of the range, a trusted relay, the service talking to itself
    yield row("2026-03-02T13:00:00Z", status=401, address="203.0.113.66", account="CONTOSO-OTHER")
    yield row("2026-03-02T13:00:01Z", status=403, address="203.0.113.66", account="CONTOSO-OTHER")
    yield row("2026-03-02T13:00:02Z", status=429, address="198.51.100.9", account="CONTOSO-OTHER")
    yield row("2026-03-02T13:01:00Z", address="198.51.100.16", account="CONTOSO-OTHER")
    yield row("2026-03-02T13:02:00Z", address="203.0.113.99", account="CONTOSO-OTHER")
    yield row("2026-03-02T13:03:00Z", address="203.0.113.66", key="SystemReadWrite", account="CONTOSO-OTHER",
              agent="Microsoft.Azure.Documents.Common/2.14.0")


EXPECTED = [
    {"alertType": "CosmosDB_TorAnomaly", "severity": "High", "count": 2, "accountName": "contoso-orders"},
    {"alertType": "CosmosDB_TorAnomaly", "severity": "High", "count": 1, "accountName": "contoso-orders"},
    {"alertType": "CosmosDB_SuspiciousIp", "severity": "Medium", "count": 1},
    {"alertType": "CosmosDB_SuspiciousIp", "severity": "Low", "count": 1},
    # of refused_access: what is no access yet
    {"alertType": "CosmosDBX_RefusedAccess", "severity": "Low", "count": 2, "accountName": "contoso-other"},
]
