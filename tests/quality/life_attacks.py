"""Attacks put into the made-up life, each labelled with who did it, where, when, and which alerts would tell it.

Thieves differ: rented hosts, homes abroad or in the account's own country; tools of their own, the application's SDK in
another version, or its very user agent; a burst, or a few requests an hour over a day. What a row of the table is about
is always there (an unusual place is one that the account never saw); the rest is chance.
SPDX-License-Identifier: Apache-2.0
"""

import json
import random

import life
import life_agents
import life_logs
import life_moves
import life_net
import life_rows
import life_teardown

FIRST, LAST = 36, 80  # days between which attacks begin
A5 = "CosmosDB_SuspiciousListKeys.MaliciousScript"
A6 = "AzureCosmosDB_SuspiciousListKeys.SuspiciousPrincipal"
VOLUME = "CosmosDB_DataExfiltrationAnomaly"
KINDS = {  # row of the table -> alert types that tell it
    "Tor": ("CosmosDB_TorAnomaly",), "listed address": ("CosmosDB_SuspiciousIp",), "key listing by script": (A5,),
    "suspicious principal": (A6,),
    "stolen key": ("CosmosDBX_StolenKeyUse", "CosmosDBX_KeyPubliclyLeaked", "CosmosDBX_ServiceSideKeyTheft"),
    "unusual place": ("CosmosDB_GeoAnomaly",),
    "unusual application": ("CosmosDBX_ApplicationAnomaly", "CosmosDBX_SuspiciousApplication"),
    "volume, 10x of P99": (VOLUME,), "volume, 3x of P99": (VOLUME,),
    "volume, low and slow": ("CosmosDBX_DataExfiltration.LowAndSlow", VOLUME),
    "brute force": ("CosmosDBX_BruteForce", "CosmosDBX_RefusedAccess"), "enumeration": ("CosmosDBX_Enumeration",),
    "full scan": ("CosmosDBX_FullScan",), "change feed": ("CosmosDBX_ChangeFeedTap",),
    "unusual network": ("CosmosDBX_CloudProviderAnomaly", "CosmosDBX_PrivatePathBypassed"),
    "unusual principal": ("CosmosDBX_PrincipalAnomaly", "CosmosDBX_AuthMethodAnomaly"),
    "right given": ("CosmosDBX_DataRole", "CosmosDBX_AzureRoleGrant", "CosmosDBX_MongoUserBackdoor", "CosmosDBX_ElevatedAccess"),
    "dormant account": ("CosmosDBX_DormantAccountUsed",), "key regeneration": ("CosmosDBX_KeyRegenerated",),
    "resources deleted": ("CosmosDBX_MassDelete.Resources", "CosmosDBX_LockRemoved"),
    "backup weakened": ("CosmosDBX_BackupWeakened", "CosmosDBX_MassDelete.Ttl"),
    "restored elsewhere": ("CosmosDBX_RestoreElsewhere",), "copy job": ("CosmosDBX_CopyJob",),
    "strange endpoint": ("CosmosDBX_PartnerPrivateEndpoint",), "server code": ("CosmosDBX_ServerSideCode",),
    "logs switched off": ("CosmosDBX_LoggingImpaired",), "alarms switched off": ("CosmosDBX_AlertingImpaired",),
    "network opened": ("CosmosDBX_NetworkOpened", "CosmosDBX_CorsOpened"),
    "mass deletion": ("CosmosDBX_MassDelete.Documents", "CosmosDBX_Ransom"),
}
LATE = ("restored elsewhere", "copy job", "strange endpoint", "server code", "network opened", "mass deletion", "logs switched off",
        "alarms switched off")  # what came later takes nobody's place
# A leak may be told by an hour that stands out as well; a false alarm of those counts where hours are measured.
FALSE = {"volume, low and slow": ("CosmosDBX_DataExfiltration.LowAndSlow",)}
AGAIN = {"stolen key": 2, "suspicious principal": 2, "volume, 10x of P99": 2, "volume, 3x of P99": 2, "volume, low and slow": 2,
         "unusual place": 2, "right given": 3, "mass deletion": 3}  # episodes a seed; others 1


class Episode:
    """begin, end in hours; actors: addresses, callers and principals of the attacker; the account None for several."""

    def __init__(self, kind, variant, account):
        self.kind, self.variant, self.account = kind, variant, account
        self.types, self.begin, self.end, self.actors = KINDS[kind], None, None, set()
        self.note = ""

    def at(self, hour, *actors):
        self.begin = hour if self.begin is None else min(self.begin, hour)
        self.end = hour if self.end is None else max(self.end, hour)
        self.actors.update(a for a in actors if a)


class Attacks:
    def __init__(self, world, seed):
        self.world, self.net, self.log, self.r = world, world.net, world.log, random.Random(seed * 7919 + 1)
        self.episodes, self.tor, self.listed = [], [], []
        self.busy, self.taken = set(), set()  # days of accounts; colleagues whose session was used already
        self.tor = [self.net.rented(self.r) for _ in range(30)]
        self.listed = [(self.net.rented(self.r) if self.r.random() < .6 else self.net.at_home(self.r, self.r.choice(life_net.FOREIGN)),
                        self.r.choice(["botnet", "c2", "bruteforce"]), self.r.randrange(60, 100)) for _ in range(40)]

    def run(self):
        todo = [k for k in KINDS for _ in range(AGAIN.get(k, 1))]
        todo.sort(key=lambda k: (k != "volume, low and slow", k != "unusual network", k != "stolen key", k != "unusual place", k in LATE))  # the choosy first
        for kind in todo:
            getattr(self, "_" + kind.split(",")[0].replace(" ", "_"))(kind)
        return self.episodes

    # ---- where, when, who ----------------------------------------------------------------------------------

    def _colleague(self, people):
        """Somebody whose session nobody had before."""
        person = self.r.choice([p for p in people if p.name not in self.taken] or people)
        self.taken.add(person.name)
        return person

    def _begin(self, kind, variant, fits=lambda a: True, days=1):
        """An episode on an account that fits, on days on which nothing else happens to it."""
        w, r = self.world, self.r
        accounts = [a for a in w.accounts if a is not w.rare and fits(a)]
        for _ in range(400):
            account, day = r.choice(accounts), r.randrange(FIRST, LAST - days)
            span = {(account.name, d) for d in range(day - 1, day + days + 1)}
            if not span & self.busy:
                self.busy |= span
                episode = Episode(kind, variant, account)
                self.episodes.append(episode)
                return episode, account, day * 24 + self._hour()
        raise RuntimeError("no room for " + kind)

    def _was_attacked(self, account):
        return any(e.account is account for e in self.episodes)

    def _hour(self):
        return self.r.choice([self.r.uniform(0, 23), self.r.uniform(8, 18)])  # at night, or when all are at work

    def _foreign(self, account):
        """A country that never used the account, and a host in it."""
        countries = [c for c in life_net.FOREIGN + ["SG", "JP", "CA", "FI", "MD"] if c not in account.countries]
        country = self.r.choice(countries)
        account.countries.add(country)
        if country in self.net.people and (self.r.random() < .5 or not self.net.rented(self.r, [country])):
            return self.net.at_home(self.r, country)
        return self._noted(account, self.net.rented(self.r, [country]))

    def _near(self, account):
        """An access line in a country where the account is at home."""
        return self.net.at_home(self.r, account.country)

    def _rented(self, account, new=False):
        """A rented host; `new`: of a provider that never used the account."""
        return self._noted(account, self.net.rented(self.r, but=account.numbers if new else ()))

    def _noted(self, account, address):
        """What the account has seen is no news in a later episode."""
        for (number, country), prefixes in self.net.hosting.items():
            if any(address.startswith(p + ".") for p in prefixes):
                account.numbers.add(number)
                account.countries.add(country)
        return address

    def _address(self, account):
        return self.r.choice([self._rented, self._rented, self._foreign, self._foreign, self._near])(account)

    def _tool(self, account):
        """An agent of a family that the account never saw."""
        r = self.r
        if account.api == "mongo":
            families = [f for f in ("pymongo", "mongoose", "mongojava") if f not in account.families]
        else:
            families = [f for f in life_agents.FAMILIES if f not in account.families] + life_agents.TOOLS
        family = r.choice([f for f in families if f not in account.families] or ["rust"])
        account.families.add(family)
        return family if "/" in family else life_agents.Sdk(r, family).text()

    def _agent(self, account, client):
        """Mostly one's own tool; the same SDK on another machine; or the application's own text."""
        x = self.r.random()
        if x < .5:
            return self._tool(account)
        return life_agents.Sdk(self.r, client.sdk.family).text() if x < .8 else client.sdk.text()

    def _thief(self, account, address, agent=None, client=None):
        """Who uses a stolen credential of the application."""
        client = client or self.r.choice(account.clients)
        key = client.key
        if not account.entra and self.r.random() < .15:
            key = life.OTHER_KEY[key]
        return {"address": address, "agent": agent or self._agent(account, client), "key": key, "principal": client.principal}

    def _use(self, e, hour, account, who, mb=None):
        """Reads with the credential: a burst of some minutes, or a few an hour over most of a day."""
        r = self.r
        client = account.clients[0]
        container = r.choice(client.containers)
        slow = r.random() < .4
        steps = r.randrange(5, 20)
        size = (mb or r.uniform(.05, 6)) * 1e6
        for i in range(steps):
            t = hour + i * (r.uniform(.6, 1.0) if slow else r.uniform(.01, .06))
            e.at(t, who["address"])
            self.log.request(t, account, who, r.choice(["Query", "Query", "Read", "ReadFeed"]), container=container,
                             count=r.randrange(1, 5), size=size / steps)

    # ---- access --------------------------------------------------------------------------------------------

    def _Tor(self, kind):
        e, account, hour = self._begin(kind, "")
        self._use(e, hour, account, self._thief(account, self.r.choice(self.tor)))

    def _listed_address(self, kind):
        e, account, hour = self._begin(kind, "")
        self._use(e, hour, account, self._thief(account, self.r.choice(self.listed)[0]))

    def _unusual_place(self, kind):
        r = self.r
        e, account, hour = self._begin(kind, "", lambda a: not a.private or r.random() < .3)
        if account.entra and account.people and r.random() < .4:    # a colleague's session, while he is at home
            e.variant, person = "a colleague in two places", r.choice(account.people)
            self.world._portal(hour - r.uniform(0, 1), person, account, None)
            who = {"address": self._foreign(account), "agent": person.browser, "key": "AadToken", "principal": person.oid}
        else:
            e.variant = "a country that is new"
            who = self._thief(account, self._foreign(account))
        self._use(e, hour, account, who)

    def _unusual_application(self, kind):
        r = self.r
        e, account, hour = self._begin(kind, "a tool of one's own")
        client = r.choice(account.clients)
        inside = r.random() < .3        # on the application's own host
        if inside:
            e.variant += ", on the application's host"
        address = client.who(r)["address"] if inside else self._address(account)
        self._use(e, hour, account, self._thief(account, address, self._tool(account), client))

    def _unusual_network(self, kind):
        r = self.r
        private = r.random() < .3
        e, account, hour = self._begin(kind, "past the private path" if private else "a provider that is new",
                                       lambda a: a.private == private and not (private and self._was_attacked(a)))
        if private:             # nobody else comes from outside in this life
            self.busy.update((account.name, day) for day in range(life.DAYS))
        self._use(e, hour, account, self._thief(account, self._near(account) if private else self._rented(account, new=True)))

    def _unusual_principal(self, kind):
        r = self.r
        way = r.choice(["new principal", "new principal", "a key where everybody has a principal"])
        e, account, hour = self._begin(kind, way, lambda a: a.entra)
        who = self._thief(account, r.choice([self._address, self._near])(account))
        who.update({"principal": life.guid(r), "key": "AadToken"} if way.startswith("new") else
                   {"principal": "", "key": r.choice(["PrimaryMasterKey", "SecondaryMasterKey"])})
        self._use(e, hour, account, who)

    # ---- keys ----------------------------------------------------------------------------------------------

    def _key_listing_by_script(self, kind):
        r, w = self.r, self.world
        who = r.choice(["a stranger", "a taken-over colleague", "a service principal"])
        e = Episode(kind, who, None)
        self.episodes.append(e)
        hour = r.randrange(FIRST, LAST) * 24 + self._hour()
        caller = {"a stranger": "kim%d@%s" % (r.randrange(99), life.TENANT), "a taken-over colleague": "",
                  "a service principal": life.guid(r)}[who]
        if who == "a taken-over colleague":
            caller = self._colleague(w.people).name
        app = life.guid(r) if who == "a service principal" else r.choice([life_rows.POWERSHELL, life_rows.CLI])
        address = r.choice([self.net.rented(r), self.net.hosted_agent(r), self.net.at_home(r, w.country)])
        targets = r.sample(w.accounts, r.randrange(3, len(w.accounts) + 1))
        pause = r.choice([2, 5, 20, 60, 120]) / 3600.0  # seconds between accounts
        for i, account in enumerate(targets):
            t = hour + i * pause * r.uniform(.7, 1.3)
            e.at(t, address, caller)
            self.log.keys_read(t, account, caller, address, app, r.choice(["listKeys", "listKeys", "listConnectionStrings", "readonlykeys"]))
            if r.random() < .3:
                self.log.activity(t + .001, "Microsoft.Storage/storageAccounts/listKeys/action",
                                  "microsoft.storage/storageaccounts/st%d" % i, caller, address, app)

    def _suspicious_principal(self, kind):
        r, w = self.r, self.world
        way = r.choice(["a stranger", "a stranger", "a colleague with another tool from abroad", "a colleague's portal from abroad",
                        "a guest with a fresh role", "the pipeline's secret, from a rented host", "from a listed address", "over Tor"])
        e, account, hour = self._begin(kind, way, lambda a: not a.entra and bool(a.people))
        person = self._colleague(account.people) if way.startswith("a colleague") else r.choice(account.people)
        app, oid, props = life_rows.PORTAL, "", None
        caller, address = person.name, self._foreign(account)
        if way == "a stranger":
            caller, app = "mallory%d@%s" % (r.randrange(99), life.TENANT), r.choice([life_rows.POWERSHELL, life_rows.CLI, life_rows.PORTAL])
            address = self._address(account)
        elif way.startswith("a guest"):
            oid, caller = life.guid(r), "x_elsewhere.example#EXT#@" + life.TENANT
            self.log.activity(hour - r.uniform(.2, 12), "Microsoft.Authorization/roleAssignments/write", account.name, person.name,
                              person.home, life_rows.PORTAL, props={"requestbody": '{"Properties":{"PrincipalId":"%s"}}' % oid})
        elif way.startswith("the pipeline"):
            caller, app, address = life.TERRAFORM, "tf-app", self._rented(account)
        elif way == "over Tor":
            address = r.choice(self.tor)
        elif way == "from a listed address":
            address = r.choice(self.listed)[0]
        elif "another tool" in way:
            app = r.choice([life_rows.POWERSHELL, life_rows.CLI])
        e.at(hour, address, caller)
        self.log.keys_read(hour, account, caller, address, app, r.choice(["listKeys", "listConnectionStrings", "readonlykeys"]), oid=oid, props=props)

    def _right_given(self, kind):
        r, w = self.r, self.world
        way = r.choice(["a data role for himself", "a data role for another", "Owner of the account", "Contributor for himself",
                        "access to all subscriptions"])
        e, account, hour = self._begin(kind, way, lambda a: bool(a.people))
        person = self._colleague(account.people)
        caller, oid, address = person.name, person.oid, self._address(account)
        if r.random() < .5:
            caller, oid = "trent%d@%s" % (r.randrange(99), life.TENANT), life.guid(r)
        app = r.choice([life_rows.CLI, life_rows.POWERSHELL, life_rows.PORTAL])
        e.at(hour, caller)
        if way.startswith("a data role"):
            who = oid if way.endswith("himself") else life.guid(r)
            self.log.data_role(hour, account, caller, address, app, who, scope=r.choice(["/", "/dbs", "/dbs/" + account.database]), oid=oid)
            self._use(e, hour + .3, account, {"address": address, "agent": self._tool(account), "key": "AadToken", "principal": who})
        elif way.startswith("access"):
            e.account = None
            self.log.activity(hour, "Microsoft.Authorization/elevateAccess/action", "microsoft.authorization/x", caller, address, app, oid=oid)
        else:
            target = "microsoft.documentdb/databaseaccounts/" + account.name
            role = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635" if way.startswith("Owner") else "b24988ac-6180-42a0-ab88-20f7382dd24c"
            self.log.role(hour, target, caller, address, app, life.guid(r) if way.startswith("Owner") else oid, role, oid=oid)

    def _stolen_key(self, kind):
        r = self.r
        way = r.choice(["read by a stranger", "read by a colleague's session", "out of the code", "out of the code", "leaked to many"])
        leaked = way == "leaked to many"    # then nothing is news any more, so it is the only attack there
        e, account, hour = self._begin(kind, way, lambda a: not a.entra and not (leaked and self._was_attacked(a)), days=2)
        client = r.choice(account.clients)
        if way.startswith("read"):
            stranger = way.endswith("stranger")
            caller = ("trudy%d@%s" % (r.randrange(99), life.TENANT) if stranger or not account.people
                      else self._colleague(account.people).name)
            address = self._address(account)
            self.log.keys_read(hour, account, caller, address, r.choice([life_rows.POWERSHELL, life_rows.CLI, life_rows.PORTAL]))
            hour += r.uniform(.05, 20)
        if leaked:
            self.busy.update((account.name, day) for day in range(life.DAYS))
            for _ in range(r.randrange(12, 40)):
                address = self.net.rented(r) if r.random() < .5 else self.net.at_home(r, r.choice(list(self.net.people)))
                t = hour + r.uniform(0, 14)
                e.at(t, address)
                self.log.request(t, account, {"address": address, "agent": self._agent_of_many(account), "key": client.key},
                                 container=client.containers[0], count=r.randrange(1, 9), size=r.uniform(1e3, 1e5))
            return
        who = self._thief(account, self._address(account), client=client)
        e.note = "%s %s" % (who["address"], who["agent"][:40])
        self._use(e, hour, account, who)

    def _agent_of_many(self, account):
        if account.api == "mongo":
            return life_agents.Sdk(self.r, "pymongo").text()
        return self.r.choice(life_agents.TOOLS + [life_agents.Sdk(self.r, "python").text(), life_agents.Sdk(self.r, "node").text()])

    def _key_regeneration(self, kind):
        r = self.r
        way = r.choice(["all keys", "one key by a stranger", "one key, applications locked out"])
        e, account, hour = self._begin(kind, way, lambda a: not a.entra)
        caller = "oscar%d@%s" % (r.randrange(99), life.TENANT)
        address = self._address(account)
        for i in range(4 if way == "all keys" else 1):
            e.at(hour + i / 60.0, address, caller)
            self.log.activity(hour + i / 60.0, "Microsoft.DocumentDB/databaseAccounts/regenerateKey/action", account.name, caller,
                              address, r.choice([life_rows.POWERSHELL, life_rows.PORTAL]))
        if not way.endswith("stranger"):
            for i in range(8):
                who = account.clients[0].who(r)
                self.log.request(hour + .1 + i * .1, account, who, container=account.containers[0], status=401, count=r.randrange(20, 200), size=9e3)

    def _resources_deleted(self, kind):
        """A colleague's session, or the pipeline's own identity from elsewhere."""
        r = self.r
        way = r.choice(["containers", "accounts", "a lock, then a database", "by the pipeline"])
        e, account, hour = self._begin(kind, way)
        e.account = None        # one alert over all accounts of the caller
        caller = life_teardown.PIPELINE if way == "by the pipeline" else self._colleague(account.people).name
        address, app = self._address(account), life_rows.PORTAL if "@" in caller else "ci-app"
        root = life_teardown.ACCOUNTS
        gone = {"containers": [root + account.name + "/sqldatabases/shop/containers/" + c for c in account.containers],
                "accounts": [root + a.name for a in r.sample(self.world.accounts, r.randrange(1, 5))],
                "a lock, then a database": [root + account.name + "/sqldatabases/shop"],
                "by the pipeline": [root + "%s/sqldatabases/shop/containers/%s" % (a.name, c) for a in self.world.accounts
                                    for c in a.containers]}[way]
        if way.startswith("a lock"):
            e.at(hour, caller)
            self.log.activity(hour, "Microsoft.Authorization/locks/delete", root + account.name
                              + "/providers/microsoft.authorization/locks/keep", caller, address, app)
            hour += r.uniform(.1, 20)
        for i, path in enumerate(gone):
            e.at(hour + i / 100.0, caller)
            inside = path.count("/") > 2 and ("sqlDatabases/containers/" if "/containers/" in path else "sqlDatabases/") or ""
            self.log.activity(hour + i / 100.0, life_teardown.DELETE % inside, path, caller, address, app)

    def _backup_weakened(self, kind):
        r = self.r
        way = r.choice(["policy", "time to live"])
        e, account, hour = self._begin(kind, way, lambda a: a.api == "sql")
        e.at(hour)
        if way == "policy":
            self.log.control(hour, account, "AccountUpdateStart", HttpMethod="PUT",
                             **dict(account.backup, BackupIntervalInMinutes=1440, BackupStorageRedundancy="Local"))
        else:
            self.log.control(hour, account, "SqlContainersUpdate", OperationType="Update", ResourceUri="sqlDatabases/shop/containers/items",
                             ResourceDetails="{id:items,partitionKey:{paths:[/pk],kind:Hash},defaultTtl:%d}" % r.choice([1, 3600, 864000]))

    # ---- by the service itself -----------------------------------------------------------------------------

    def _who_administers(self, account):
        """A new guest, or a colleague whose session was taken."""
        if self.r.random() < .5 or not account.people:
            return "mallory%d@%s" % (self.r.randrange(99), life.TENANT), "a new caller"
        return self._colleague(account.people).name, "a colleague"

    def _restored_elsewhere(self, kind):
        e, account, hour = self._begin(kind, "")
        caller, e.variant = self._who_administers(account)
        address = self._address(account)
        e.account = None  # the copy is another account
        e.at(hour, address, caller)
        life_moves.restore(self.log, hour, account, caller, address, life_rows.POWERSHELL, "copy-of-it", "rg-x", life_moves.OTHER % 7)

    def _copy_job(self, kind):
        e, account, hour = self._begin(kind, "", lambda a: a not in self.world.service.copied)
        caller, e.variant = self._who_administers(account)
        address = self._address(account)
        for i, what in enumerate(("services/write", "dataTransferJobs/write")):
            e.at(hour + i * .3, address, caller)
            self.log.activity(hour + i * .3, life_moves.ACCOUNT + what, life_moves.within(account, ("services/DataTransfer",
                              "dataTransferJobs/j")[i]), caller, address, life_rows.CLI)

    def _strange_endpoint(self, kind):
        service = self.world.service
        e, account, hour = self._begin(kind, "", lambda a: a in service.lists)
        caller, e.variant = self._who_administers(account)
        strange = life_moves.OTHER % 8
        address = self._address(account)
        e.at(hour, address, caller, strange)
        self.log.activity(hour, life_moves.ACCOUNT + "privateEndpointConnections/write", life_moves.within(
                          account, "privateEndpointConnections/pe-9"), caller, address, life_rows.PORTAL)
        self.log.control(hour + .1, account, "AccountUpdateComplete", PrivateEndpointConnections=json.dumps(
            [life_moves.endpoint(strange, "pe-9")]))

    def _server_code(self, kind):
        e, account, hour = self._begin(kind, self.r.choice(["a key", "Azure Resource Manager"]), lambda a: a.api != "mongo")
        if e.variant == "a key":
            who = self._thief(account, self._address(account))
            e.at(hour, who["address"])
            self.log.request(hour, account, who, "Create", self.r.choice(["StoredProcedure", "Trigger", "UserDefinedFunction"]),
                             account.containers[0], status=201, size=900)
            return
        caller, _ = self._who_administers(account)
        address = self._address(account)
        e.at(hour, address, caller)
        self.log.activity(hour, life_moves.ACCOUNT + "sqlDatabases/containers/triggers/write",
                          life_moves.within(account, "sqlDatabases/shop/containers/items/triggers/t"), caller, address, life_rows.CLI)

    def _logs_switched_off(self, kind):
        e, account, hour = self._begin(kind, "", lambda a: a in self.world.logs.logged)
        caller, e.variant = self._who_administers(account)
        address = self._address(account)
        e.at(hour, address, caller)
        self.log.activity(hour, life_logs.SETTING + "delete", life_logs.setting(account), caller, address, life_rows.CLI)
        life_logs.state(self.log, hour + .01, account, on=False)

    def _alarms_switched_off(self, kind):
        e, account, hour = self._begin(kind, "")
        caller, e.variant = self._who_administers(account)
        address = self._address(account)
        e.account = None  # of the subscription
        e.at(hour, address, caller)
        self.log.activity(hour, "Microsoft.Security/pricings/write", "microsoft.security/pricings/CosmosDbs", caller, address,
                          life_rows.CLI, props={"requestbody": json.dumps({"properties": {"pricingTier": "Free"}})})
        self.log.activity(hour + .1, "Microsoft.Security/automations/delete", "microsoft.security/automations/export", caller,
                          address, life_rows.CLI)

    def _network_opened(self, kind):
        r, doors = self.r, self.world.doors
        way = r.choice(["all networks", "all of Azure", "a wide range", "any origin"])
        e, account, hour = self._begin(kind, way, lambda a: a is not doors.loaded)
        (caller, _), address = self._who_administers(account), self._address(account)
        columns = {"all networks": {"IpRangeFilter": ""}, "all of Azure": {"IpRangeFilter": "203.0.113.0/24,0.0.0.0"},
                   "a wide range": {"IpRangeFilter": "203.0.113.0/24,104.0.0.0/8"},
                   "any origin": {"Cors": "[{\"allowedOrigins\":\"*\"}]"}}[way]
        for i in (0, r.uniform(.2, 30)):  # and back again
            if i == 0:
                e.at(hour, caller, address)
            doors.state(hour + i, account, caller, life_rows.CLI, address, **({} if i else columns))

    def _mass_deletion(self, kind):
        r = self.r
        e, account, hour = self._begin(kind, r.choice(["documents", "documents by its own client", "a container", "a note"]))
        who = self._thief(account, self._address(account))
        if e.variant.endswith("client"):
            who = account.clients[0].who(r)
        e.at(hour, who["address"])
        ok, container = 200 if account.api == "mongo" else 204, account.clients[0].containers[0]
        if e.variant.startswith("documents"):
            for i in range(12):
                self.log.request(hour + i * .03, account, who, "delete" if account.api == "mongo" else "Delete", "Document", container,
                                 status=ok, count=r.randrange(8000, 15000) if account.table == "5m" else 300, size=0)
            return
        self.log.request(hour, account, who, "drop" if account.api == "mongo" else "Delete", "Collection", container, status=ok, size=0)
        if e.variant == "a note":
            self.log.request(hour + .1, account, who, "Create", "DocumentFeed", "READ_ME_TO_RECOVER", status=201, size=900)

    # ---- data ----------------------------------------------------------------------------------------------

    def _p99(self, account, container, client, hour):
        """P99 of the hours with reads in the four weeks before: of the client, or of all of the container (None)."""
        sums = {}
        for (name, cont, c), hours in self.world.read.items():
            if name == account.name and cont == container and client in (None, c):
                for h, size in hours.items():
                    if hour - 672 <= h < hour:
                        sums[h] = sums.get(h, 0) + size
        ordered = sorted(sums.values())
        return ordered[int(.99 * (len(ordered) - 1))] if len(ordered) >= 100 else 0

    def _take(self, e, hour, account, who, container, size, minutes=50):
        n = self.r.randrange(3, 10)
        op = self.r.choice(["Query", "ReadFeed", "Query"])
        for i in range(n):
            t = hour + i * minutes / 60.0 / n
            e.at(t, who["address"])
            self.log.request(t, account, who, op, container=container, count=max(1, int(size / n / 3e6)), size=size / n)

    def _volume(self, kind):
        if "slow" in kind:
            self._slow(kind)
            return
        r, factor = self.r, 10 if "10x" in kind else 3
        while True:
            e, account, hour = self._begin(kind, "")
            client = r.choice([c for c in account.clients if c.bytes_hour])
            container, own = r.choice(client.containers), r.random() < .5
            size = factor * self._p99(account, container, client if own else None, hour)
            if size >= 60e6:        # less is no volume
                break
            self.episodes.remove(e)
        e.variant = "the application's own host" if own else "a new reader"
        e.note = "%s %s %d MB" % (container, client.sdk.family, size / 1e6)
        hour = int(hour) + .05      # within one hour of the clock
        self._take(e, hour, account, client.who(r) if own else self._thief(account, self._address(account)), container, size)

    def _slow(self, kind):
        """As much again as an application reads, every day for 30 days."""
        r = self.r
        e, account, hour = self._begin(kind, "", lambda a: a.name.split("-")[0] in ("shop", "mobile", "world", "batch", "partner", "feed"), days=31)
        client = next(c for c in account.clients if c.sdk.family != "functions")
        own, container = r.random() < .5, r.choice(client.containers)
        e.variant = "on the application's host" if own else "a new reader"
        thief = None if own else self._thief(account, self._address(account), client=client)
        hour = int(hour / 24) * 24
        past = [sum(self.world.read[account.name, container, client].get(hour - 24 * d - h, 0) for h in range(24)) for d in range(1, 15)]
        daily = sum(past) / 14
        for day in range(30):
            for h in sorted(r.sample(range(24), r.randrange(8, 20))):
                who = thief or client.who(r)
                t = hour + day * 24 + h + r.random() * .9
                e.at(t, who["address"])
                self.log.request(t, account, who, "Query", container=container, count=max(1, int(daily / 14 / client.page)),
                                 size=daily / 14 * r.uniform(.6, 1.4))
        e.note = "%s %s %d MB a day" % (container, client.sdk.family, daily / 1e6)

    def _full_scan(self, kind):
        r = self.r
        by_text = r.random() < .4
        e, account, hour = self._begin(kind, "SELECT * FROM c" if by_text else "ReadFeed",
                                       lambda a: a.api == "sql" and (a.table == "raw" or not by_text))
        own = r.random() < .3
        client = account.clients[0]
        who = client.who(r) if own else self._thief(account, self._address(account))
        e.variant += ", the application's host" if own else ""
        size, pages = r.uniform(20e6, 400e6), r.randrange(20, 150)
        container = r.choice(account.containers)
        e.at(hour, who["address"])
        e.at(hour + .4)
        if by_text:
            self.log.query_text(hour, account, who, container, r.choice(["SELECT * FROM c", "SELECT VALUE c FROM c", "SELECT c.id, c.data FROM c"]), pages, size)
        else:
            for i in range(4):
                self.log.request(hour + i * .1, account, who, "ReadFeed", container=container, count=pages // 4, size=size / 4)

    def _change_feed(self, kind):
        r = self.r
        e, account, hour = self._begin(kind, "", lambda a: a.api == "sql")
        own = r.random() < .2
        e.variant = "the application's host, another SDK" if own else "a new follower"
        client = account.clients[0]
        who = self._thief(account, client.who(r)["address"], self._tool(account), client) if own else self._thief(account, self._address(account))
        container = r.choice(account.containers)
        for i in range(r.randrange(8, 30)):
            t = hour + i * r.uniform(.08, .3)
            e.at(t, who["address"])
            for status, size in ((200, r.uniform(1e4, 4e6)), (304, 0)):
                self.log.request(t, account, who, "ReadFeed", container=container, status=status, count=r.randrange(1, 6), size=size)

    def _enumeration(self, kind):
        r = self.r
        e, account, hour = self._begin(kind, "")
        own = r.random() < .25
        client = account.clients[0]
        e.variant = "the application's own credential and host" if own else "a thief"
        who = client.who(r) if own else self._thief(account, self._address(account))
        e.at(hour, who["address"])
        if account.api == "mongo":
            for i, op in enumerate(("listDatabases", "listCollections", "usersInfo", "collStats")):
                self.log.request(hour + i * .01, account, who, op, size=900)
            return
        kinds = ["DatabaseFeed", "CollectionFeed"] + r.sample(["OfferFeed", "StoredProcedureFeed", "UserFeed", "TriggerFeed", "PermissionFeed"], r.randrange(1, 4))
        for i, what in enumerate(kinds):
            self.log.request(hour + i * r.choice([.01, .2]), account, who, r.choice(["ReadFeed", "Query"]), what, count=r.randrange(1, 6), size=2000)
        e.at(hour + len(kinds) * .2)

    def _dormant_account(self, kind):
        e = Episode(kind, "", self.world.rare)
        hour = self.r.randrange(66, 69) * 24 + self._hour()
        self.episodes.append(e)
        self._use(e, hour, e.account, self._thief(e.account, self._address(e.account)), mb=self.r.uniform(1, 150))

    def _brute_force(self, kind):
        r = self.r
        way = r.choice(["one address", "one address, slowly", "from many addresses", "guessed in the end"])
        e, account, hour = self._begin(kind, way, lambda a: not a.private)
        agent = self._tool(account) if r.random() < .6 else account.clients[0].sdk.text()
        status = 401 if account.api == "mongo" else r.choice([401, 403])
        many = way == "from many addresses"
        addresses = [self.net.rented(r) if r.random() < .6 else self.net.at_home(r, r.choice(list(self.net.people)))
                     for _ in range(r.randrange(40, 80) if many else 1)]
        for i in range(len(addresses) if many else 6):
            address = addresses[i % len(addresses)]
            slow = "slowly" in way
            t = hour + i * (.15 if slow else .01)
            e.at(t, address)
            self.log.request(t, account, {"address": address, "agent": agent, "key": "Invalid"}, container=account.containers[0],
                             status=status, count=r.randrange(6, 12) if many else r.randrange(20, 60), size=3e3)
        if way == "guessed in the end":
            self._use(e, hour + .2, account, self._thief(account, addresses[0], agent))
