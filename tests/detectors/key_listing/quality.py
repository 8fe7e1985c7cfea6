#!/usr/bin/env python3
"""How well the detectors of keys do on weeks of made-up life with attacks in them.

    python3 quality.py BINARY [--seeds 20] [--first 1] [--keep DIR]

A seed is one subscription over 45 days: five accounts with applications that scale out, Terraform on hosted agents
(a new address each day), a weekly rotation, people in the portal at the office and at home, an occasional new host,
a new colleague, a new pipeline. Attacks come after day 20. The rows go through `BINARY replay --json`, without
configuration. Printed: how many attacks of each kind were told, and false alarms by type, per account and month.
SPDX-License-Identifier: Apache-2.0
"""
import argparse
import collections
import datetime
import json
import os
import random
import subprocess
import sys
import tempfile

SUB = "11111111-2222-3333-4444-555555555555"
START = datetime.datetime(2026, 5, 1)
DAYS, LEARN = 45, 20
PS, CLI = "1950a258-227b-4e31-a9cf-717495945fc2", "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
PORTAL = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"
OPS = {"list": "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/LISTKEYS/ACTION",
       "conn": "microsoft.documentdb/databaseAccounts/listConnectionStrings/action",
       "ro": "Microsoft.DocumentDB/databaseAccounts/readonlykeys/action",
       "regen": "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/REGENERATEKEY/ACTION",
       "write": "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/WRITE",
       "grant": "MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE",
       "st": "MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION",
       "sb": "MICROSOFT.SERVICEBUS/NAMESPACES/AUTHORIZATIONRULES/LISTKEYS/ACTION",
       "acr": "MICROSOFT.CONTAINERREGISTRY/REGISTRIES/LISTCREDENTIALS/ACTION"}
AGENTS = ["cosmos-netstandard-sdk/3.47.0|1|X64|Ubuntu 22.04.4 LTS|.NET 8.0.4|N|",
          "azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10", "Node.js/20.11.0 (linux; x64) azure-cosmos-js/4.0.0"]
THIEVES = ["azsdk-python-cosmos/4.7.0 Python/3.12.2 (Linux)", "curl/8.5.0", "python-requests/2.31.0",
           "azsdk-go-azcosmos/v1.1.0 (go1.22; linux)"]
EDGE = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/124.0.0.0 Safari/537.36 Edg/124.0.0.0"
PEOPLE = ["ada@contoso.example", "bob@contoso.example", "dan@contoso.example"]
ACCOUNTS = ["orders", "payroll", "catalog", "ledger", "stage"]


class World:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.rows, self.truth, self.corr = [], [], 0
        r = self.r
        self.apps = {a: {"agent": r.choice(AGENTS), "net": "20.%d.%d" % (r.randrange(30, 200), r.randrange(250)),
                         "key": r.choice(["PrimaryMasterKey", "SecondaryMasterKey"])} for a in ACCOUNTS}
        self.people = {p: {"office": "81.2.69.%d" % r.randrange(1, 250), "home": "91.%d.%d" % (r.randrange(1, 250),
                       r.randrange(250))} for p in PEOPLE}

    def at(self, day, hour, minute=0, second=0):
        return START + datetime.timedelta(days=day, hours=hour, minutes=minute, seconds=second)

    def act(self, t, account, op, caller, ip, app, ok=True, oid=None, props=None):
        self.corr += 1
        cosmos = op in ("list", "conn", "ro", "regen", "write")
        rid = "/subscriptions/%s/resourcegroups/rg/providers/%s%s" % (
            SUB, "microsoft.documentdb/databaseaccounts/" if cosmos else "x.other/things/", account)
        for i, st in enumerate(("Start", "Success" if ok else "Failure")):
            when = t + datetime.timedelta(milliseconds=400 * i)
            self.rows.append({"Type": "AzureActivity", "TimeGenerated": when.isoformat() + "Z", "SubscriptionId": SUB,
                              "_ResourceId": rid, "OperationNameValue": OPS[op], "ActivityStatusValue": st,
                              "Caller": caller, "CallerIpAddress": ip, "CorrelationId": "c-%d" % self.corr,
                              "EventDataId": "e-%d-%d" % (self.corr, i),
                              "Claims_d": json.dumps({"appid": app, "oid": oid or "oid-" + caller}),
                              "Properties_d": json.dumps(props or {"entity": rid})})

    def req(self, t, account, ip, agent, key, n=1, status=200, size=2000):
        for i in range(n):
            self.corr += 1
            when = t + datetime.timedelta(seconds=2 * i)
            self.rows.append({"Type": "CDBDataPlaneRequests", "TimeGenerated": when.isoformat() + "Z",
                              "AccountName": account.upper(), "ActivityId": "a-%d" % self.corr, "OperationName": "Query",
                              "_ResourceId": "/subscriptions/%s/resourcegroups/rg/providers/microsoft.documentdb/"
                              "databaseaccounts/%s" % (SUB, account), "RequestResourceType": "DocumentFeed",
                              "DatabaseName": "shop", "CollectionName": "items", "StatusCode": status,
                              "ClientIpAddress": ip, "UserAgent": agent, "KeyType": key, "AuthTokenType": key,
                              "ResponseLength": size, "RequestLength": 100, "RequestCharge": 2.8, "DurationMs": 3.1})

    # ---- ordinary life ---------------------------------------------------------------------------------

    def azure(self):
        """A hosted agent or function: anywhere in a cloud region."""
        return "%s.%d.%d.%d" % (self.r.choice(["13", "20", "40", "52"]), self.r.randrange(60, 250), self.r.randrange(250),
                                self.r.randrange(1, 250))

    def life(self):
        r = self.r
        for d in range(DAYS):
            ip = self.azure()
            for i, a in enumerate(ACCOUNTS):
                self.act(self.at(d, 5, 30, 3 * i), a, "list", "11110000-0000-4000-8000-00000000aaaa", ip, "tf-app")
                app = self.apps[a]
                for h in range(0, 24, 2):       # hosts come and go in the /24, at noon next door
                    net = app["net"] if r.random() < 0.9 else "%s.%d" % (app["net"].rsplit(".", 1)[0], r.randrange(250))
                    self.req(self.at(d, h, r.randrange(60)), a, "%s.%d" % (net, r.randrange(1, 250)), app["agent"], app["key"])
                self.req(self.at(d, 4, 1), a, "10.1.2.%d" % r.randrange(1, 99), app["agent"], app["key"])
            self.act(self.at(d, 5, 31), "st1", "st", "11110000-0000-4000-8000-00000000aaaa", ip, "tf-app")
            self.act(self.at(d, 5, 32), "bus", "sb", "11110000-0000-4000-8000-00000000aaaa", ip, "tf-app")
            if d % 7 == 3:                      # rotation: all accounts, list and regenerate one key
                for i, a in enumerate(ACCOUNTS):
                    self.act(self.at(d, 2, 0, 20 * i), a, "list", "22220000-0000-4000-8000-00000000bbbb", "10.9.9.9", "rot-app")
                    self.act(self.at(d, 2, 0, 20 * i + 5), a, "regen", "22220000-0000-4000-8000-00000000bbbb", "10.9.9.9", "rot-app")
            for p, where in self.people.items():
                if r.random() < 0.5 and d % 7 < 5:
                    a = r.choice(ACCOUNTS)
                    ip = where["office"] if r.random() < 0.7 else "%s.%d" % (where["home"], r.randrange(1, 250))
                    t = self.at(d, r.randrange(8, 18), r.randrange(50))
                    self.act(t, a, "list", p, ip, PORTAL)
                    self.req(t + datetime.timedelta(seconds=30), a, ip, EDGE, "PrimaryMasterKey", r.randrange(1, 6))
                    if r.random() < 0.2:        # and two more accounts, one after the other
                        for k, b in enumerate(r.sample(ACCOUNTS, 3)):
                            self.act(t + datetime.timedelta(minutes=2 + 3 * k), b, "list", p, ip, PORTAL)
        # news: a new host in another region, a colleague, a pipeline
        a = r.choice(ACCOUNTS)
        d = r.randrange(LEARN, DAYS - 3)
        for h in range(0, 20, 3):
            self.req(self.at(d, h, 5), a, "51.%d.7.8" % r.randrange(100, 120), self.apps[a]["agent"], self.apps[a]["key"])
        self.act(self.at(r.randrange(LEARN, DAYS - 3), 10), r.choice(ACCOUNTS), "list", "cleo@contoso.example", "81.2.69.77", PORTAL)
        self.act(self.at(r.randrange(LEARN, DAYS - 3), 11), r.choice(ACCOUNTS), "list", "33330000-0000-4000-8000-00000000cccc",
                 self.azure(), "new-pipeline")

    # ---- attacks ---------------------------------------------------------------------------------------

    def foreign(self):
        return "%d.%d.%d.%d" % (self.r.choice([45, 77, 103, 141, 185, 193]), self.r.randrange(250), self.r.randrange(250),
                                self.r.randrange(1, 250))

    def expect(self, kind, types, t, account=None, key=None):
        self.truth.append({"kind": kind, "types": types, "day": t.date().isoformat(), "account": account, "key": key})

    def attack(self, kind, day):
        r, ip = self.r, self.foreign()
        a = r.choice(ACCOUNTS)
        key = r.choice(["PrimaryMasterKey", "SecondaryMasterKey"])
        t = self.at(day, r.randrange(0, 23), r.randrange(50))
        script, suspicious = "CosmosDB_SuspiciousListKeys.MaliciousScript", "AzureCosmosDB_SuspiciousListKeys.SuspiciousPrincipal"
        stolen, leaked, unread = "CosmosDBX_StolenKeyUse", "CosmosDBX_KeyPubliclyLeaked", "CosmosDBX_ServiceSideKeyTheft"
        if kind.startswith("script"):
            caller, app = {"script by a stranger": ("eve%d@contoso.example" % day, r.choice([PS, CLI])),
                           "script by a taken-over colleague": (PEOPLE[1], r.choice([PS, CLI])),
                           "script by a new service principal": ("sp-%d" % day, "evil-app")}[kind]
            self.expect(kind, [script], t)
            for i, b in enumerate(r.sample(ACCOUNTS, r.randrange(3, 6))):
                self.act(t + datetime.timedelta(seconds=r.randrange(2, 60) + 60 * i), b, r.choice(["list", "conn"]), caller, ip, app)
            for o in r.sample(["st", "sb", "acr"], r.randrange(0, 4)):
                self.act(t + datetime.timedelta(seconds=320), "thing", o, caller, ip, app)
        elif kind == "new principal":
            self.expect(kind, [suspicious], t, a)
            self.act(t, a, "list", "eve%d@contoso.example" % day, ip, r.choice([PS, CLI, PORTAL]))
        elif kind == "known principal, new tool":
            self.expect(kind, [suspicious], t, a)
            self.act(t, a, "list", "ada@contoso.example", ip, CLI if day % 2 else PS)
        elif kind == "guest with a fresh role":
            oid = "0d0d0d0d-1111-4222-8333-%012d" % day
            self.expect(kind, [suspicious], t, a)
            self.act(t - datetime.timedelta(hours=2), a, "grant", "bob@contoso.example", "81.2.69.9", PORTAL,
                     props={"requestbody": json.dumps({"Properties": {"PrincipalId": oid}})})
            self.act(t, a, "list", "eve_x.com#EXT#@contoso.example%d" % day, ip, PORTAL, oid=oid)
        elif kind.startswith("stolen"):
            caller, rip = {"stolen by a stranger": ("eve%d@contoso.example" % day, ip),
                           "stolen by a colleague": (PEOPLE[2], "81.2.69.200"),
                           "stolen from the pipeline": (None, None)}[kind]
            if caller:
                self.act(t, a, r.choice(["list", "conn"]), caller, rip, r.choice([PS, PORTAL]))
                if caller.startswith("eve"):
                    self.expect("new principal", [suspicious], t, a)
            use = t + datetime.timedelta(minutes=r.randrange(5, 20 * 60))
            self.expect(kind, [stolen], use, a, key)
            known = kind == "stolen by a stranger" and r.random() < 0.4
            self.req(use, a, self.foreign(), self.apps[a]["agent"] if known else r.choice(THIEVES), key, 30, 200, 40000)
        elif kind == "leaked":
            self.expect(kind, [leaked], t, a, key)
            for i in range(r.randrange(10, 40)):
                self.req(self.at(day, r.randrange(24), r.randrange(60)), a, self.foreign(), r.choice(THIEVES), key)
        elif kind == "all keys renewed":
            self.expect(kind, ["CosmosDBX_KeyRegenerated"], t, a)
            for i in range(4):
                self.act(t + datetime.timedelta(minutes=i), a, "regen", "eve%d@contoso.example" % day, ip, PS)

    def attacks(self):
        kinds = ["script by a stranger", "script by a taken-over colleague", "script by a new service principal",
                 "new principal", "known principal, new tool", "guest with a fresh role", "stolen by a stranger",
                 "stolen by a colleague", "stolen from the pipeline", "leaked", "all keys renewed"]
        self.r.shuffle(kinds)
        for i, k in enumerate(kinds):
            self.attack(k, LEARN + 2 * i)


def judge(binary, world, keep, seed):
    path = os.path.join(keep, "keys-%d.ndjson" % seed)
    with open(path, "w", encoding="utf-8") as f:
        for row in world.rows:
            f.write(json.dumps(row, separators=(",", ":")) + "\n")
    out = subprocess.run([binary, "replay", "--json", path], capture_output=True, text=True, check=True).stdout
    mine = ("ListKeys", "CosmosDBX_Key", "CosmosDBX_Stolen", "CosmosDBX_ServiceSide")
    return [a for a in map(json.loads, out.splitlines()) if any(m in a["alertType"] for m in mine)]


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    p.add_argument("binary")
    p.add_argument("--seeds", type=int, default=20)
    p.add_argument("--first", type=int, default=1)
    p.add_argument("--keep", help="leave the rows in this folder")
    p.add_argument("-v", action="store_true", help="show what was missed and what was false")
    a = p.parse_args()
    told, wanted, false = collections.Counter(), collections.Counter(), collections.Counter()
    worst = collections.Counter()
    with tempfile.TemporaryDirectory() as tmp:
        for seed in range(a.first, a.first + a.seeds):
            quiet, loud = World(seed), World(seed)
            quiet.life()
            loud.life()
            loud.attacks()
            alerts = judge(a.binary, loud, a.keep or tmp, seed)
            for x in loud.truth:
                wanted[x["kind"]] += 1
                hit = any(al["alertType"] in x["types"] and al["startTimeUtc"][:10] <= x["day"] <= al["endTimeUtc"][:10] and
                          (not x["account"] or al["accountName"] == x["account"]) for al in alerts)
                told[x["kind"]] += hit
                if a.v and not hit:
                    print("missed", seed, x, file=sys.stderr)
            for al in judge(a.binary, quiet, a.keep or tmp, seed):
                false[al["alertType"], al["severity"]] += 1
                worst[seed, al["accountName"]] += 1
                if a.v:
                    print("false", seed, al["alertType"], al["severity"], al["accountName"], al["reasons"], file=sys.stderr)
    print("attack                                   told")
    for k in sorted(wanted):
        print("%-40s %d of %d" % (k, told[k], wanted[k]))
    months = a.seeds * len(ACCOUNTS) * (DAYS - LEARN + 6) / 30
    print("\nfalse alarm                                                        number  per account and month")
    for (t, s), n in sorted(false.items()):
        print("%-60s %-6s %5d  %.3f" % (t, s, n, n / months))
    print("most on one account: %d" % max(worst.values(), default=0))


if __name__ == "__main__":
    main()
