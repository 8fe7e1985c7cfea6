"""Azure's own addresses by its service tags: a region and a provider that are new, and those that are not.
SPDX-License-Identifier: Apache-2.0
"""

import json

from kit import row

CONFIG = """\
feeds:
  - { name: azure, type: azure_service_tags, path: "{dir}/ServiceTags_Public_20260105.json" }
networks:
  - { cidr: 192.0.2.0/24, name: plant, country: NL, asn: 64500 }
detectors:
  unusual_network: { enabled: true }
"""


def tag(name, region, service, *prefixes):
    return {"name": name, "id": name, "properties": {
        "changeNumber": 7, "region": region, "regionId": 1, "platform": "Azure", "systemService": service,
        "addressPrefixes": prefixes, "networkFeatures": ["API", "NSG"]}}


FILES = {"ServiceTags_Public_20260105.json": json.dumps({"changeNumber": 300, "cloud": "Public", "values": [
    tag("AzureCloud.westeurope", "westeurope", "", "20.50.0.0/16", "20.61.0.0/16"),
    tag("AzureCloud.northeurope", "northeurope", "", "20.50.240.0/24"),
    tag("AzureCloud.eastasia", "eastasia", "", "20.187.0.0/16"),
    tag("DataFactory.WestEurope", "westeurope", "DataFactory", "20.61.7.0/24"),
]})}


def at(day, hour, minute=0):
    return "2026-03-%02dT%02d:%02d:00Z" % (day, hour, minute)


def rows():
    for day in range(1, 29):
        for hour in range(0, 24, 3):
            yield row(at(day, hour))
            yield row(at(day, hour, 1), address="20.50.0.9")
            yield row(at(day, hour), account="PLANT-ONLY")
    # alerts: a host in another region; a host in Azure where nobody ever used one: provider and region
    yield row(at(28, 14), address="20.187.1.1")
    yield row(at(28, 14), account="PLANT-ONLY", address="20.50.3.3")
    # nearly: another host and a service of the known region; a neighbour that the tags put elsewhere
    yield row(at(28, 15), address="20.50.200.1")
    yield row(at(28, 15), address="20.61.7.7")
    yield row(at(28, 15), address="20.50.240.5")


EXPECTED = [
    {"alertType": "CosmosDB_GeoAnomaly", "severity": "Low", "subject": "Azure eastasia", "accountName": "contoso-orders"},
    {"alertType": "CosmosDB_GeoAnomaly", "severity": "Low", "subject": "Azure westeurope", "accountName": "plant-only"},
    {"alertType": "CosmosDBX_CloudProviderAnomaly", "severity": "Medium", "subject": "Microsoft Azure",
     "accountName": "plant-only"},
]
