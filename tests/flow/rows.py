"""Rows of the shapes Azure writes, for the system tests. Seeded: the same seed, the same rows.
SPDX-License-Identifier: Apache-2.0
"""

import datetime
import json
import random
import uuid

UTC = datetime.timezone.utc
DOTNET = "cosmos-netstandard-sdk/3.47.0|1|X64|Ubuntu 22.04.4 LTS|.NET 8.0.4|N|"
JAVA = "azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10"


def iso(t):
    return t.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def resource_id(account):
    return ("/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/rg-prod/providers/"
            "microsoft.documentdb/databaseaccounts/" + account)


class Rows:
    def __init__(self, seed=1):
        self.random = random.Random(seed)
        self.rows = []

    def guid(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def _add(self, table, row, t, late_s):
        late = datetime.timedelta(seconds=120 if late_s is None else late_s)
        self.rows.append({"table": table, "row": row, "ingested": iso(t + late), "visible": iso(t + late)})

    def request(self, t, account="contoso-orders", op="Query", status=200, address="192.0.2.10", agent=DOTNET,
                key="PrimaryMasterKey", principal="", container="orders", bytes_out=2048, activity=None, late_s=None,
                **more):
        activity = activity or self.guid()
        row = {"TimeGenerated": iso(t), "_ResourceId": resource_id(account), "AccountName": account.upper(),
               "ActivityId": activity, "OperationName": op, "RequestResourceType": "DocumentFeed",
               "RequestResourceId": "/dbs/shop/colls/%s/docs" % container, "DatabaseName": "shop",
               "CollectionName": container, "PartitionId": "", "StatusCode": status, "DurationMs": 4.25,
               "RequestCharge": 2.83, "RequestLength": 176.0, "ResponseLength": float(bytes_out),
               "ClientIpAddress": address, "UserAgent": agent, "ConnectionMode": "Gateway", "KeyType": key,
               "AuthTokenType": key, "AadPrincipalId": principal, "AadAppliedRoleAssignmentId": "",
               "ResourceTokenPermissionId": "", "ResourceTokenPermissionMode": "", "ResourceTokenUserRid": "",
               "RegionName": "West Europe", "Type": "CDBDataPlaneRequests"}
        row.update(more)
        self._add("CDBDataPlaneRequests", row, t, late_s)
        return activity

    def text(self, t, query, activity, account="contoso-orders", container="orders", late_s=None):
        row = {"TimeGenerated": iso(t), "AccountName": account.upper(), "ActivityId": activity,
               "CorrelatedActivityId": self.guid(), "DatabaseName": "shop", "CollectionName": container,
               "PartitionKeyRangeId": "0", "QueryText": json.dumps({"query": query, "parameters": []}),
               "Type": "CDBQueryRuntimeStatistics"}
        self._add("CDBQueryRuntimeStatistics", row, t, late_s)

    def query(self, t, query, late_s=None, text_late_s=None, **kw):
        a = self.request(t, late_s=late_s, **kw)
        self.text(t, query, a, late_s=late_s if text_late_s is None else text_late_s,
                  account=kw.get("account", "contoso-orders"), container=kw.get("container", "orders"))

    def ordinary(self, start, end, per_hour=30, **kw):
        """Everyday traffic of one application."""
        t = start
        while t < end:
            for _ in range(per_hour):
                at = t + datetime.timedelta(seconds=self.random.random() * 3600)
                if at >= end:
                    continue
                if self.random.random() < 0.4:
                    self.query(at, "SELECT c.id, c.total FROM c WHERE c.customer = 'k%d'" % self.random.randrange(500),
                               bytes_out=self.random.randrange(500, 9000), **kw)
                else:
                    self.request(at, op=self.random.choice(["Read", "Upsert", "ReadFeed"]),
                                 bytes_out=self.random.randrange(200, 4000), **kw)
            t += datetime.timedelta(hours=1)

    def attack(self, t):
        """Tor, a listed address, an injection: needs no learning. Returns the types that must alert."""
        for i in range(12):
            self.request(t + datetime.timedelta(seconds=i * 7), address="198.51.100.23", op="ReadFeed", bytes_out=40000)
        for i in range(3):
            self.request(t + datetime.timedelta(minutes=20, seconds=i), address="203.0.113.66", op="Query")
        for i in range(4):
            self.query(t + datetime.timedelta(minutes=40, seconds=i),
                       "SELECT c.id, c.total FROM c WHERE c.customer = '' OR 1=1 --'", bytes_out=90000)
        return {"CosmosDB_TorAnomaly", "CosmosDB_SuspiciousIp", "CosmosDB_SqlInjection.DataExfiltration"}

    def write(self, path):
        with open(path, "w", encoding="utf-8") as f:
            for r in self.rows:
                f.write(json.dumps(r, separators=(",", ":")) + "\n")

    def exported(self, path):
        """The same rows as an export would hold them: one object a line."""
        with open(path, "w", encoding="utf-8") as f:
            for r in self.rows:
                f.write(json.dumps(r["row"], separators=(",", ":")) + "\n")


def feeds(dir_):
    """Feed entries of the configuration, with their files."""
    import os
    tor, bad = os.path.join(dir_, "tor.txt"), os.path.join(dir_, "bad.csv")
    with open(tor, "w", encoding="utf-8") as f:
        f.write("# exits\n198.51.100.23\n198.51.100.99\n")
    with open(bad, "w", encoding="utf-8") as f:
        f.write("address,category,confidence\n203.0.113.66,botnet,90\n")
    return [{"name": "tor", "type": "tor_exits", "path": tor},
            {"name": "bad", "type": "addresses", "path": bad, "format": "csv"}]


def no_places():
    """A database of places (MaxMind DB 2.0) that knows none: one node, both ways lead nowhere."""
    def text(s):
        return bytes([2 << 5 | len(s)]) + s.encode()

    about = {"binary_format_major_version": b"\xa1\x02", "binary_format_minor_version": b"\xa0", "build_epoch": b"\x01\x02\x01",
             "database_type": text("Nowhere"), "description": b"\xe0", "ip_version": b"\xa1\x06", "languages": b"\x00\x04",
             "node_count": b"\xc1\x01", "record_size": b"\xa1\x18"}
    return (b"\0\0\1" * 2 + bytes(16) + text("no data") + b"\xab\xcd\xefMaxMind.com" + bytes([7 << 5 | len(about)]) +
            b"".join(text(k) + v for k, v in about.items()))
