"""An account of two services with Entra ID; then a third identity, and a key.
SPDX-License-Identifier: Apache-2.0
"""

from kit import row

CONFIG = "detectors:\n  unusual_principal: { enabled: true }\n"
FILES = {}
ONE = "11111111-1111-4222-8333-000000000001"
TWO = "22222222-1111-4222-8333-000000000002"


def at(day, hour, minute=0):
    return "2026-03-%02dT%02d:%02d:00Z" % (day, hour, minute)


def rows():
    for day in range(1, 29):
        for hour in range(0, 24, 3):
            yield row(at(day, hour), key="AadToken", principal=ONE)
            yield row(at(day, hour, 1), key="AadToken", principal=TWO, address="192.0.2.%d" % (day + 20))
    # alerts
    yield row(at(28, 14), key="AadToken", principal="33333333-1111-4222-8333-000000000003")
    yield row(at(28, 15), key="PrimaryMasterKey")
    # nearly: refused
    yield row(at(28, 14), key="AadToken", principal="44444444-1111-4222-8333-000000000004", status=403)


EXPECTED = [
    {"alertType": "CosmosDBX_PrincipalAnomaly", "severity": "Medium", "count": 1},
    {"alertType": "CosmosDBX_AuthMethodAnomaly", "severity": "Medium", "count": 1},
]
