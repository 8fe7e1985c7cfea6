"""A made-up fortnight of Cosmos DB logs with an attack in its last night.

    python3 -m sim.story --seed 1 --end 2026-08-20T06:00:00Z --days 15 --scale 1 --out rows.ndjson --truth truth.json
                         [--tor-exits tor.txt] [--bad-addresses bad.csv]

Four accounts go about their work with a rhythm of day and week: web applications, a Functions change feed, a
nightly export, reports, a person in the portal, Terraform reading keys. In the last night (03:00 UTC) before
--end everything leads up to, in this order:

  -13 h  contoso-orders   a stolen primary key is used from a Tor exit
  -10 h  contoso-payroll  an address of the threat list reads with the secondary key
   -7 h  contoso-catalog  someone tries SQL injection through the web shop: many 400s (which leave no query text),
                          then statements that run and return all products
    0 h  contoso-payroll  the report job's identity reads everything, from its usual address

Rows have the shapes of the tables in schemas.json; a query leaves one row in CDBDataPlaneRequests and one or two in
CDBQueryRuntimeStatistics with the same ActivityId. Same seed, same rows.
"""

import argparse
import gzip
import json
import math
import random
import sys

from .kql import types as T

SUB = "11111111-2222-3333-4444-555555555555"
WORKSPACE = "33333333-3333-3333-3333-333333333333"
MIN, HOUR, DAY = 60 * T.SEC, 3600 * T.SEC, T.DAY

DOTNET = "cosmos-netstandard-sdk/3.47.0|1|X64|Ubuntu 22.04.4 LTS|.NET 8.0.4|N|"
FUNCTIONS = DOTNET + "CosmosDBTriggerFunctions"
JAVA = "azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10"
PYTHON = "azsdk-python-cosmos/4.7.0 Python/3.12.2 (Linux-5.15.0-x86_64-with-glibc2.35)"
NODE = "Node.js/20.11.0 (linux; x64) azure-cosmos-js/4.0.0"
GO = "azsdk-go-azcosmos/v1.1.0 (go1.22; linux)"
EDGE = ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 "
        "Safari/537.36 Edg/124.0.0.0")

TOR_EXIT = "203.0.113.66"
THREAT = "198.51.100.77"
TOR_LIST = ["203.0.113.66", "203.0.113.67", "198.51.100.201", "2001:db8:dead::7"]
BAD_LIST = [("198.51.100.77", "botnet", 90), ("198.51.100.78", "botnet", 80), ("203.0.113.200", "scanner", 60)]
REPORT_PRINCIPAL = "0a0a0a0a-1111-4222-8333-444444444441"
ORDERS_PRINCIPAL = "0a0a0a0a-1111-4222-8333-444444444442"
CATEGORIES = ["shoes", "hats", "coats", "bags", "socks", "gloves", "belts", "scarves"]


# The night ends no more than 25.5 hours before --end, the first of its attacks begins 13 hours before it.
ATTACKED_WITHIN_HOURS = 39


def resource(account):
    return "/subscriptions/%s/resourcegroups/rg-prod/providers/microsoft.documentdb/databaseaccounts/%s" % (SUB, account)


class Story:
    def __init__(self, seed, end, days, scale):
        self.r = random.Random(seed)
        self.end, self.days, self.scale = end, days, scale
        self.start = end - days * DAY
        night = end - end % DAY + 3 * HOUR
        while night > end - HOUR - 30 * MIN:
            night -= DAY
        self.night = night
        self.items = []
        self.truth = []

    # -- rows -----------------------------------------------------------------------------------------------

    def guid(self):
        n = self.r.getrandbits(128)
        h = "%032x" % n
        return "%s-%s-4%s-a%s-%s" % (h[:8], h[8:12], h[13:16], h[17:20], h[20:])

    def put(self, table, t, row, lag=(120, 300)):
        if not self.start <= t < self.end:
            return
        r = self.r
        ing = t + int(r.uniform(*lag) * T.SEC)
        if r.random() < 0.004:
            ing += int(r.uniform(600, 7200) * T.SEC)          # a late one
        vis = ing + int(r.uniform(0, 20) * T.SEC)
        row["TimeGenerated"] = T.format_datetime(t)
        row["Type"] = table
        row["TenantId"] = WORKSPACE
        self.items.append((ing, {"table": table, "row": row, "ingested": T.format_datetime(ing),
                                 "visible": T.format_datetime(vis)}))

    def dp(self, t, actor, op, kind, path, status=200, resp=0.0, req=0.0, charge=1.0, ms=None, coll=None, act=None, **more):
        """One row of CDBDataPlaneRequests."""
        a = act or self.guid()
        r = self.r
        key = actor["auth"]
        row = {"_ResourceId": resource(actor["account"]), "AccountName": actor["account"].upper(), "ActivityId": a,
               "OperationName": op, "RequestResourceType": kind, "RequestResourceId": path,
               "DatabaseName": actor["db"], "CollectionName": coll or actor["coll"],
               "PartitionId": "7f3c2b1a-0000-4000-8000-%012d" % r.randrange(1, 5) if actor["mode"] == "Direct" else "",
               "StatusCode": status, "DurationMs": round(ms if ms is not None else r.lognormvariate(0.6, 0.7), 2),
               "RequestCharge": round(float(charge), 2), "RequestLength": float(req), "ResponseLength": float(resp),
               "ClientIpAddress": actor["ip"] if isinstance(actor["ip"], str) else r.choice(actor["ip"]),
               "UserAgent": actor["ua"], "ConnectionMode": actor["mode"], "KeyType": key, "AuthTokenType": key,
               "AadPrincipalId": actor.get("principal", ""),
               "AadAppliedRoleAssignmentId": "5c5c5c5c-1111-4222-8333-444444444444" if actor.get("principal") else "",
               "ResourceTokenPermissionId": "permreadproducts" if key == "ResourceToken" else "",
               "ResourceTokenPermissionMode": "Read" if key == "ResourceToken" else "", "ResourceTokenUserRid": "",
               "RegionName": "West Europe"}
        row.update(more)
        self.put("CDBDataPlaneRequests", t, row)
        return a

    def text(self, t, actor, activity, query, params=(), coll=None, parts=1):
        """Rows of CDBQueryRuntimeStatistics for one query; ids and values are hidden where full text is off."""
        corr = self.guid()
        doc = json.dumps({"query": query, "parameters": [{"name": n, "value": v} for n, v in params]},
                         separators=(",", ":"))
        for i in range(parts):
            self.put("CDBQueryRuntimeStatistics", t - self.r.randrange(20000, 400000),
                     {"_ResourceId": resource(actor["account"]), "AccountName": actor["account"].upper(),
                      "ActivityId": activity, "CorrelatedActivityId": corr, "DatabaseName": actor["db"],
                      "CollectionName": coll or actor["coll"], "PartitionKeyRangeId": str(i), "QueryText": doc}, (180, 380))

    def docs(self, actor, coll=None, item=None):
        p = "/dbs/%s/colls/%s/docs" % (actor["db"], coll or actor["coll"])
        return p if item is None else p + "/" + item

    # -- ordinary work --------------------------------------------------------------------------------------

    def rhythm(self, day0, per_day, weekend=0.45, floor=0.12):
        """Times of one day: most between 7 and 19, fewer at the weekend."""
        wd = (day0 // DAY) % 7          # 0001-01-01 was a Monday
        n = per_day * self.scale * (weekend if wd >= 5 else 1.0) * self.r.uniform(0.92, 1.08)
        n = int(n) + (self.r.random() < n % 1)
        out = []
        while len(out) < n:
            h = self.r.random() * 24
            w = floor + (1 - floor) * max(0.0, math.sin((h - 6) / 14 * math.pi)) if 6 <= h <= 20 else floor
            if self.r.random() < w:
                out.append(day0 + int(h * HOUR))
        return sorted(out)

    def service(self, day0, actor, per_day, mix, queries, weekend=0.45):
        """Point reads, queries and writes of one application. mix: {kind: weight}."""
        r = self.r
        kinds, weights = list(mix), list(mix.values())
        for t in self.rhythm(day0, per_day, weekend):
            k = r.choices(kinds, weights)[0]
            item = "%s-%d" % (actor["coll"][0], r.randrange(1000, 9000))
            if k == "read":
                x = r.random()
                if x < 0.02:
                    self.dp(t, actor, "Read", "Document", self.docs(actor, None, item), 404, 201)
                else:
                    self.dp(t, actor, "Read", "Document", self.docs(actor, None, item), 200, r.randrange(280, 1400))
            elif k == "query":
                make, size = r.choice(queries)
                q, params = make(r)
                resp = int(r.lognormvariate(math.log(size), 0.35))
                a = self.dp(t, actor, "Query", "DocumentFeed", self.docs(actor), 200, resp, 120 + len(q),
                            2.8 + resp / 6000, r.uniform(4, 30))
                self.text(t, actor, a, q, params, parts=2 if r.random() < 0.1 else 1)
            elif k == "upsert":
                x = r.random()
                if x < 0.01:
                    self.dp(t, actor, "Upsert", "Document", self.docs(actor, None, item), 429, 180, 2048, 0.38)
                else:
                    self.dp(t, actor, "Upsert", "Document", self.docs(actor, None, item), 200, r.randrange(300, 900),
                            r.randrange(300, 900), 10.6)
            elif k == "create":
                if r.random() < 0.01:
                    self.dp(t, actor, "Create", "DocumentFeed", self.docs(actor), 409, 210, r.randrange(300, 900), 1.9)
                else:
                    self.dp(t, actor, "Create", "DocumentFeed", self.docs(actor), 201, r.randrange(300, 900),
                            r.randrange(300, 900), 7.81)
            elif k == "delete":
                self.dp(t, actor, "Delete", "Document", self.docs(actor, None, item), 204, 0, 0, 7.81)
            elif k == "meta":
                self.dp(t, actor, "Read", "Collection", "/dbs/%s/colls/%s" % (actor["db"], actor["coll"]), 200, 1180, 0, 2.0,
                        ConnectionMode="Gateway", PartitionId="")

    def change_feed(self, day0, actor):
        step = int(10 * MIN / min(max(self.scale, 0.2), 5))
        t = day0 + self.r.randrange(MIN)
        while t < day0 + DAY:
            if self.r.random() < 0.12:
                self.dp(t, actor, "ReadFeed", "DocumentFeed", self.docs(actor), 200, self.r.randrange(900, 9000), 0, 1.4)
            else:
                self.dp(t, actor, "ReadFeed", "DocumentFeed", self.docs(actor), 304, 0, 0, 1.0, 1.4)
            t += step

    def export(self, day0, actor, at, pages, size):
        """A job that reads a container page by page, every night the same."""
        t = day0 + at + self.r.randrange(3 * MIN)
        for _ in range(int(pages * self.r.uniform(0.95, 1.05))):
            self.dp(t, actor, "ReadFeed", "DocumentFeed", self.docs(actor), 200, int(size * self.r.uniform(0.9, 1.1)), 0,
                    190, self.r.uniform(80, 160))
            t += self.r.randrange(2 * T.SEC, 5 * T.SEC)

    def activity(self, t, account, op, caller, ip, appid, status=("Start", "Success"), sub=("", "OK")):
        """Two rows of AzureActivity: begun and done."""
        corr, req = self.guid(), self.guid()
        rid = resource(account)
        for i, (st, su) in enumerate(zip(status, sub)):
            self.put("AzureActivity", t + i * 4000000, {
                "SubscriptionId": SUB, "ResourceGroup": "RG-PROD", "Resource": account, "_ResourceId": rid,
                "ResourceProviderValue": "MICROSOFT.DOCUMENTDB", "CategoryValue": "Administrative",
                "Level": "Informational", "OperationNameValue": op, "ActivityStatusValue": st, "ActivitySubstatusValue": su,
                "Caller": caller, "CallerIpAddress": ip, "CorrelationId": corr, "EventDataId": self.guid(),
                "Authorization_d": json.dumps({"action": op, "scope": rid, "evidence": {"role": "Contributor",
                                               "principalType": "User" if "@" in caller else "ServicePrincipal"}}),
                "Claims_d": json.dumps({"appid": appid, "oid": "0d0d0d0d-1111-4222-8333-444444444444", "ipaddr": ip}),
                "HTTPRequest": json.dumps({"clientRequestId": req, "clientIpAddress": ip, "method": "POST"}),
                "Properties_d": json.dumps({"statusCode": su, "entity": rid})}, (180, 900))

    def portal(self, day0, actor):
        """A person opens Data Explorer: keys are listed, then used from a browser."""
        r = self.r
        if (day0 // DAY) % 7 >= 5:
            return
        t = day0 + 9 * HOUR + r.randrange(6 * HOUR)
        self.activity(t, actor["account"], "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/LISTKEYS/ACTION", "ada@contoso.example",
                      actor["ip"], "c44b4083-3bb0-49c1-b47d-974e53cbdf3c")
        t += 20 * T.SEC
        for kind, path in (("DatabaseFeed", "/dbs"), ("Collection", "/dbs/%s/colls/%s" % (actor["db"], actor["coll"]))):
            self.dp(t, actor, "ReadFeed" if kind == "DatabaseFeed" else "Read", kind, path, 200, 900, 0, 2.0)
            t += 2 * T.SEC
        for _ in range(r.randrange(4, 12)):
            q = "SELECT * FROM c"
            a = self.dp(t, actor, "Query", "DocumentFeed", self.docs(actor), 200, r.randrange(20000, 90000), 176, 8.4)
            self.text(t, actor, a, q)
            t += r.randrange(5 * T.SEC, 4 * MIN)

    def mongo(self, day0, per_day):
        r = self.r
        for t in self.rhythm(day0, per_day):
            op = r.choices(["find", "insert", "update", "aggregate"], [6, 2, 2, 1])[0]
            throttled = r.random() < 0.004
            cmd = {"find": {"find": "users", "filter": {"email": "u%d@contoso.example" % r.randrange(500)}, "limit": 10},
                   "insert": {"insert": "users", "ordered": True}, "update": {"update": "users", "ordered": True},
                   "aggregate": {"aggregate": "users", "pipeline": [{"$match": {"active": True}}], "cursor": {}}}[op]
            self.put("CDBMongoRequests", t, {
                "_ResourceId": resource("contoso-mongo"), "AccountName": "CONTOSO-MONGO", "ActivityId": self.guid(),
                "OperationName": op, "OpCode": "MongoOpCode_OP_QUERY", "ErrorCode": "16500" if throttled else "0",
                "DatabaseName": "shop", "CollectionName": "users", "DurationMs": round(r.lognormvariate(2, 0.5), 2),
                "RequestCharge": 0.0 if throttled else round(r.uniform(3, 12), 2),
                "RequestLength": float(r.randrange(150, 900)),
                "ResponseLength": 180.0 if throttled else float(r.randrange(300, 12000)), "Address": "192.0.2.60",
                "UserAgent": "PyMongo/4.6.0", "UserId": "", "AuthorizationTokenType": "PrimaryMasterKey",
                "PIICommandText": json.dumps(cmd, separators=(",", ":")), "RegionName": "West Europe",
                "RetryCount": 2 if throttled else 0, "RetriedDueToRateLimiting": throttled,
                "RateLimitingDelayMs": 850.0 if throttled else 0.0})

    # -- the last day ---------------------------------------------------------------------------------------

    def attack(self, kind, account, address, start, end, **more):
        self.truth.append(dict({"alertType": kind, "account": account, "address": address,
                                "start": T.format_datetime(start), "end": T.format_datetime(end)}, **more))

    def tor(self):
        a = {"account": "contoso-orders", "db": "shop", "coll": "customers", "ip": TOR_EXIT, "ua": PYTHON,
             "mode": "Gateway", "auth": "PrimaryMasterKey"}
        t0 = t = self.night - 13 * HOUR
        self.dp(t, a, "ReadFeed", "DatabaseFeed", "/dbs", 200, 900, 0, 2.0)
        n = 0
        while n < 214:
            t += self.r.randrange(T.SEC // 2, 2 * T.SEC)
            act = self.dp(t, a, "Query", "DocumentFeed", self.docs(a), 200, self.r.randrange(20000, 60000), 176, 8.4)
            self.text(t, a, act, "SELECT * FROM c")
            n += 1
        self.attack("CosmosDB_TorAnomaly", a["account"], TOR_EXIT, t0, t, requests=n + 1)

    def threat(self):
        a = {"account": "contoso-payroll", "db": "hr", "coll": "employees", "ip": THREAT, "ua": GO, "mode": "Gateway",
             "auth": "SecondaryMasterKey"}
        t0 = t = self.night - 10 * HOUR
        for i in range(40):
            self.dp(t, a, "Read", "Document", self.docs(a, None, "e-%d" % (1000 + i)), 200, self.r.randrange(400, 900))
            t += self.r.randrange(T.SEC, 4 * T.SEC)
        self.attack("CosmosDB_SuspiciousIp", a["account"], THREAT, t0, t, requests=40)

    def injection(self, shop):
        r = self.r
        a = dict(shop, ip=shop["ip"][0])
        t0 = t = self.night - 7 * HOUR
        for i in range(45):            # statements that do not parse: no text in the log
            self.dp(t, a, "Query", "DocumentFeed", self.docs(a), 400, 260, 150 + r.randrange(160), 0.0, 3.1)
            t += r.randrange(2 * T.SEC, 12 * T.SEC)
            if i % 6 == 5:             # and a few that parse and find nothing
                p = r.choice(["x' AND 1=2 --", "zz' OR 'a'='b", "x' AND IS_DEFINED(c.nothing) --"])
                q = "SELECT * FROM c WHERE c.category = '%s' AND c.active = true" % p
                act = self.dp(t, a, "Query", "DocumentFeed", self.docs(a), 200, 312, 120 + len(q), 2.8)
                self.text(t, a, act, q)
                t += r.randrange(2 * T.SEC, 12 * T.SEC)
        self.attack("CosmosDB_SqlInjection.FailedFuzzingAttempt", a["account"], a["ip"], t0, t, requests=52)
        t += 4 * MIN
        t1 = t
        for p in ["' OR 1=1 --", "' OR true --", "shoes' OR 'a'='a"]:
            q = "SELECT * FROM c WHERE c.category = '%s' AND c.active = true" % p
            for _ in range(2):
                act = self.dp(t, a, "Query", "DocumentFeed", self.docs(a), 200, int(240000 * r.uniform(0.95, 1.05)),
                              120 + len(q), 61.0, 48.0)
                self.text(t, a, act, q)
                t += r.randrange(5 * T.SEC, 20 * T.SEC)
        self.attack("CosmosDB_SqlInjection.DataExfiltration", a["account"], a["ip"], t1, t, requests=6)

    def extraction(self, report):
        t0 = t = self.night
        n, total = 0, 0
        while t < t0 + 50 * MIN:
            size = int(self.r.uniform(3.6e6, 4.1e6))
            self.dp(t, report, "ReadFeed", "DocumentFeed", self.docs(report), 200, size, 0, 480, self.r.uniform(150, 300))
            total += size
            n += 1
            t += self.r.randrange(3 * T.SEC, 5 * T.SEC)
        self.attack("CosmosDB_DataExfiltrationAnomaly", report["account"], report["ip"], t0, t, requests=n, bytes=total,
                    principal=REPORT_PRINCIPAL)

    # -- all of it ------------------------------------------------------------------------------------------

    def build(self):
        k = "PrimaryMasterKey"
        web = {"account": "contoso-orders", "db": "shop", "coll": "orders", "ip": ["192.0.2.10", "192.0.2.11"], "ua": DOTNET,
               "mode": "Direct", "auth": k}
        svc = {"account": "contoso-orders", "db": "shop", "coll": "customers", "ip": "192.0.2.12", "ua": JAVA,
               "mode": "Gateway", "auth": "AadToken", "principal": ORDERS_PRINCIPAL}
        feed = dict(web, ip="192.0.2.20", ua=FUNCTIONS, mode="Gateway")
        job = dict(web, ip="192.0.2.30", ua=PYTHON, mode="Gateway")
        person = dict(web, ip="203.0.113.7", ua=EDGE, mode="Gateway")
        pay = {"account": "contoso-payroll", "db": "hr", "coll": "payslips", "ip": "192.0.2.40", "ua": JAVA,
               "mode": "Gateway", "auth": "AadToken", "principal": "0a0a0a0a-1111-4222-8333-444444444440"}
        report = dict(pay, coll="employees", ip="192.0.2.41", ua=PYTHON, principal=REPORT_PRINCIPAL)
        shop = {"account": "contoso-catalog", "db": "store", "coll": "products", "ip": ["192.0.2.50", "192.0.2.51"],
                "ua": NODE, "mode": "Gateway", "auth": k}
        cache = dict(shop, ip="192.0.2.55", ua=GO, auth="PrimaryReadonlyMasterKey")
        phone = dict(shop, coll="reviews", ip="2001:db8::41", auth="ResourceToken")

        q_orders = [(lambda r: ("SELECT * FROM c WHERE c.customerId = @id AND c.status = @s",
                                [("@id", "c-%d" % r.randrange(900)), ("@s", r.choice(["open", "sent", "paid"]))]), 5200),
                    (lambda r: ("SELECT VALUE COUNT(1) FROM c WHERE c.status = @s", [("@s", "open")]), 320)]
        q_cust = [(lambda r: ("SELECT c.id, c.name FROM c WHERE c.email = @e", [("@e", "u%d@contoso.example" % r.randrange(900))]),
                   900)]
        # full text is off for contoso-payroll: the log shows shapes
        q_pay = [(lambda r: ("SELECT * FROM c WHERE c.p1 = @param1 AND c.p2 = @param2", []), 4100),
                 (lambda r: ("SELECT c.p1, c.p2 FROM c WHERE c.p3 = 'str1'", []), 2600)]
        # the shop's category page is the statement that can be broken out of
        q_shop = [(lambda r: ("SELECT * FROM c WHERE c.category = '%s' AND c.active = true" % r.choice(CATEGORIES), []), 24000),
                  (lambda r: ("SELECT TOP 10 * FROM c WHERE CONTAINS(c.name, @q) ORDER BY c.rank", [("@q", "red")]), 9000)]
        day0 = self.start - self.start % DAY
        while day0 < self.end:
            self.service(day0, web, 1100, {"read": 55, "query": 22, "upsert": 14, "create": 8, "delete": 1, "meta": 1}, q_orders)
            self.service(day0, svc, 420, {"read": 60, "query": 30, "upsert": 10}, q_cust)
            self.change_feed(day0, feed)
            self.export(day0, job, 2 * HOUR, 60, 1500000)
            self.portal(day0, person)
            self.service(day0, pay, 380, {"read": 55, "query": 35, "upsert": 10}, q_pay, 0.1)
            if (day0 // DAY) % 7 < 5:
                self.export(day0, report, 7 * HOUR, 12, 260000)
            self.service(day0, shop, 1500, {"read": 60, "query": 38, "meta": 1}, q_shop, 0.9)
            self.service(day0, cache, 240, {"read": 100}, [], 1.0)
            self.service(day0, phone, 80, {"read": 100}, [], 1.2)
            self.mongo(day0, 320)
            self.activity(day0 + 6 * HOUR + self.r.randrange(HOUR), "contoso-catalog",
                          "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/LISTKEYS/ACTION",
                          "0e0e0e0e-2222-4222-8333-444444444444", "192.0.2.90", "00000000-0000-0000-0000-0000000000aa")
            if (day0 // DAY) % 7 == 2:
                self.put("CDBControlPlaneRequests", day0 + 10 * HOUR, {
                    "_ResourceId": resource("contoso-orders"), "AccountName": "CONTOSO-ORDERS", "ActivityId": self.guid(),
                    "OperationName": "SqlContainersThroughputUpdate", "RegionName": "West Europe", "HttpMethod": "PUT",
                    "HttpStatusCode": 200, "Result": "OK", "ApiKind": "Sql", "ApiKindResourceType": "Containers",
                    "OperationType": "ThroughputUpdate", "ResourceUri": "sqlDatabases/shop/containers/orders"}, (240, 460))
            day0 += DAY
        self.tor()
        self.threat()
        self.injection(shop)
        self.extraction(report)
        self.items.sort(key=lambda x: x[0])
        return [x[1] for x in self.items]


def generate(seed=1, end="2026-08-20T06:00:00Z", days=15, scale=1.0):
    """(rows as {table,row,ingested,visible} in order of ingestion, truth)."""
    t = T.parse_datetime(end)
    if t is None:
        raise ValueError("end is not a datetime: %s" % end)
    s = Story(seed, t, days, scale)
    items = s.build()
    accounts = ["contoso-orders", "contoso-payroll", "contoso-catalog", "contoso-mongo"]
    return items, {"seed": seed, "start": T.format_datetime(s.start), "end": end, "rows": len(items), "accounts": accounts,
                   "resources": {a: resource(a) for a in accounts}, "workspace": WORKSPACE, "attacks": s.truth}


def main(argv=None):
    p = argparse.ArgumentParser(prog="sim.story", description=__doc__.split("\n")[0])
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--end", default="2026-08-20T06:00:00Z", help="ISO time; the night before it has the attack")
    p.add_argument("--days", type=int, default=15)
    p.add_argument("--scale", type=float, default=1.0)
    p.add_argument("--out", default="-")
    p.add_argument("--truth")
    p.add_argument("--tor-exits", help="write the list of Tor exits, one a line")
    p.add_argument("--bad-addresses", help="write the threat list: address,category,confidence")
    a = p.parse_args(argv)
    items, truth = generate(a.seed, a.end, a.days, a.scale)
    enc = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
    text = "".join(enc(x) + "\n" for x in items)
    if a.out == "-":
        sys.stdout.write(text)
    elif a.out.endswith(".gz"):
        with gzip.open(a.out, "wt", encoding="utf-8", compresslevel=1) as f:
            f.write(text)
    else:
        with open(a.out, "w", encoding="utf-8") as f:
            f.write(text)
    if a.truth:
        with open(a.truth, "w", encoding="utf-8") as f:
            json.dump(truth, f, indent=1)
            f.write("\n")
    if a.tor_exits:
        with open(a.tor_exits, "w", encoding="utf-8") as f:
            f.write("".join(x + "\n" for x in TOR_LIST))
    if a.bad_addresses:
        with open(a.bad_addresses, "w", encoding="utf-8") as f:
            f.write("address,category,confidence\n" + "".join("%s,%s,%d\n" % x for x in BAD_LIST))


if __name__ == "__main__":
    main()
