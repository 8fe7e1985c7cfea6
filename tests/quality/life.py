"""Weeks of an ordinary subscription: accounts with applications that scale, are released and grow, people in the
portal, pipelines, jobs, drills, mishaps. Nothing here is an attack, and much of it nearly looks like one.

Written from what Azure customers do, not from what the detectors ask. A seed gives the same rows for ever.
SPDX-License-Identifier: Apache-2.0
"""

import collections
import datetime
import heapq
import random

import life_agents
import life_deletions
import life_doors
import life_logs
import life_moves
import life_net
import life_rows
import life_teardown

DAYS = 84
RARE_DAYS = 30  # the quarterly account's season; then nobody uses it
TENANT = "contoso.example"
TERRAFORM, ROTATION = "0f0f0f0f-1111-4222-8333-0000000000aa", "0f0f0f0f-1111-4222-8333-0000000000bb"
OTHER_KEY = {"PrimaryMasterKey": "SecondaryMasterKey", "SecondaryMasterKey": "PrimaryMasterKey"}
WEB_DAY = [.25, .18, .14, .12, .12, .16, .28, .5, .75, .9, 1, 1, .95, .95, 1, .95, .9, .85, .85, .9, .85, .7, .5, .35]
OFFICE_DAY = [0] * 7 + [.3, .8, 1, 1, .9, .6, .9, 1, .9, .7, .3] + [.05] * 2 + [0] * 4
FLAT_DAY = [1.0] * 24
WEEK = {"web": [1, 1, 1, 1, 1.05, .8, .75], "office": [1, 1, 1, 1, .85, .03, .02], "flat": [1] * 7}
SHAPES = {"web": WEB_DAY, "office": OFFICE_DAY, "flat": FLAT_DAY}


def guid(r):
    h = "%032x" % r.getrandbits(128)
    return "%s-%s-4%s-a%s-%s" % (h[:8], h[8:12], h[13:16], h[17:20], h[20:])


class Account:
    def __init__(self, name, table="5m", api="sql", region="West Europe", private=False, entra=False):
        self.name, self.table, self.api, self.region = name, table, api, region
        self.private, self.entra = private, entra
        self.database, self.containers = "shop", ["items", "orders", "events"]
        self.clients, self.people, self.key = [], [], "PrimaryMasterKey"
        self.country = life_net.REGIONS[region]
        self.countries, self.families, self.numbers = set(), set(), set()  # used by anybody, attacks included


class Client:
    """One application on one account."""

    def __init__(self, r, world, account, sdk, hosts, shape, mb_hour, containers, suffix="", growth=0.0, page_kb=40):
        self.account, self.sdk, self.shape = account, life_agents.Sdk(r, sdk, suffix), shape
        self.hosts, self.bytes_hour, self.containers = hosts, mb_hour * 1e6, containers
        self.growth, self.page, self.restarted = growth, page_kb * 1e3, False
        self.principal = guid(r) if account.entra else ""
        self.key = "AadToken" if account.entra else account.key
        self.noise = r.uniform(.12, .35)
        self.region = account.region
        self.pool = Pool(r, world.net, hosts, account.region)
        account.clients.append(self)
        account.families.add(sdk)
        account.countries.update([account.country] + (["IE"] if hosts == "fargate" else []))
        account.numbers.update([16509] if hosts == "fargate" else [])

    def who(self, r, peak=1.0):
        return {"address": self.pool.one(r, peak), "agent": self.sdk.text(), "key": self.key, "principal": self.principal,
                "region": self.region}


class Pool:
    """Where an application's requests come from."""

    def __init__(self, r, net, kind, region):
        self.net, self.kind, self.region = net, kind, region
        if kind == "private":
            self.prefix = "10.%d.%d" % (r.randrange(1, 200), r.randrange(1, 250))
            self.count = r.randrange(3, 12)
        elif kind == "nat":
            p = net.host(r, net.azure[region]).rsplit(".", 1)[0]
            self.fixed = ["%s.%d" % (p, r.randrange(2, 254)) for _ in range(2)]
        elif kind == "appservice":  # outbound addresses lie about in the region
            self.fixed = [net.host(r, net.azure[region]) for _ in range(r.randrange(5, 9))]
        elif kind == "vmss":
            self.nets = [net.host(r, net.azure[region]).rsplit(".", 1)[0] for _ in range(3)]
        elif kind == "fargate":     # containers at another cloud, each with an address out of all its ranges
            self.nets = ["18.%d" % r.randrange(130, 250) for _ in range(40)]
        elif kind == "company":     # a data centre of one's own, or a partner's
            p = net.host(r, net.people[life_net.REGIONS[region]]).rsplit(".", 1)[0]
            self.fixed = ["%s.%d" % (p, r.randrange(2, 254)) for _ in range(3)]

    def one(self, r, peak):
        if self.kind == "private":
            return "%s.%d" % (self.prefix, 4 + r.randrange(max(1, int(self.count * (0.5 + peak)))))
        if self.kind == "vmss":     # autoscale: any address of the scale set's networks, now and then a further one
            if r.random() < .002:
                self.nets.append(self.nets[0].rsplit(".", 1)[0] + ".%d" % r.randrange(1, 255))
            return "%s.%d" % (r.choice(self.nets), r.randrange(2, 254))
        if self.kind == "fargate":
            return self.net.host(r, self.nets)
        return r.choice(self.fixed)


class Person:
    def __init__(self, r, net, name, country):
        self.name, self.oid = name, guid(r)
        self.home, self.browser, self.country = net.at_home(r, country), life_agents.browser(r), country


class World:
    def __init__(self, seed):
        self.r, self.net, self.log = random.Random(seed), life_net.Net(), life_rows.Rows()
        self.read = collections.defaultdict(lambda: collections.defaultdict(float))  # (account, container, client) -> hour
        self.people = []
        self._found()
        self.accounts = self._accounts()
        for account in self.accounts:
            account.people = self.r.sample(self.people, self.r.randrange(1, 4))
            account.countries.update(p.country for p in account.people)
        self.blocked = collections.defaultdict(set)  # account name -> days on which something special happens
        self.moves, self.planned = [], 0  # heap of what is going to happen: hour, serial, what, arguments
        self.givers = random.Random(seed * 31 + 7)  # their own dice: what others do stays as it was
        self._plan()
        life_teardown.Teardown(self, seed).plan()
        life_deletions.Deletions(self, seed).plan()
        self.service = life_moves.Moves(self, seed, DAYS)
        self._plan_rights()
        self.doors = life_doors.Doors(self, seed, DAYS, TERRAFORM)
        self.logs = life_logs.Logs(self, seed, DAYS)

    # ---- who there is ------------------------------------------------------------------------------------

    def _found(self):
        r = self.r
        self.country = r.choice(["NL", "DE", "GB", "FR", "US"])
        self.region = {c: g for g, c in life_net.REGIONS.items()}[self.country]
        self.office = self.net.at_home(r, self.country).rsplit(".", 1)[0]
        for name in ("ada", "bob", "cleo", "dan", "eva", "finn"):
            country = self.country if r.random() < .85 else r.choice(["PL", "PT", "IE", "ES"])  # works from abroad
            self.people.append(Person(r, self.net, "%s@%s" % (name, TENANT), country))

    def _accounts(self):
        r, g = self.r, self.region
        sdk = lambda: r.choice(["java", "dotnet", "node", "python"])
        out = []

        def account(name, *a, **k):
            out.append(Account("%s-%s" % (name, "%04x" % r.randrange(65536)), *a, region=g, **k))
            return out[-1]

        def client(acc, *a, **k):
            return Client(r, self, acc, *a, growth=r.choice([0, 0, .01, .02, .04]), **k)

        shop = account("shop")
        client(shop, sdk(), r.choice(["vmss", "nat"]), "web", r.uniform(60, 400), ["items", "orders"])
        client(shop, "functions", "appservice", "flat", r.uniform(5, 30), ["events"])
        shop.export = client(shop, r.choice(["spark", "python"]), "nat", "flat", 0, ["orders"])
        mobile = account("mobile", entra=True)
        client(mobile, sdk(), "appservice", "web", r.uniform(80, 300), ["items", "events"], suffix=r.choice(["", "mobile-api/2.%"]))
        client(mobile, sdk(), "appservice", "web", r.uniform(20, 60), ["orders"])
        micro = account("micro", private=True)
        for container in micro.containers:
            client(micro, sdk(), "private", "web", r.uniform(30, 200), [container])
        micro.export = client(micro, "python", "private", "flat", 0, ["events"])
        batch = account("batch", entra=r.random() < .5)
        client(batch, sdk(), r.choice(["nat", "company"]), "flat", r.uniform(40, 120), ["events"])
        batch.export = client(batch, "python", "nat", "flat", 0, ["items"])
        mongo = account("mongo", table="raw", api="mongo")
        client(mongo, r.choice(["pymongo", "mongoose", "mongojava"]), r.choice(["nat", "vmss"]), "web", r.uniform(8, 30),
               ["items", "users"], page_kb=4000)
        intern = account("intern", table="raw")
        client(intern, sdk(), "company", "office", r.uniform(8, 25), ["items"], page_kb=1500)
        world = account("world")
        client(world, sdk(), r.choice(["vmss", "appservice"]), "web", r.uniform(100, 500), ["items", "orders"])
        partner = account("partner", entra=r.random() < .5)
        client(partner, sdk(), "company", "office", r.uniform(50, 150), ["orders"])
        client(partner, sdk(), r.choice(["nat", "nat", "fargate"]), "web", r.uniform(30, 90), ["items"])
        feed = account("feed")
        client(feed, "functions", "appservice", "flat", r.uniform(20, 60), ["events"])
        client(feed, sdk(), "nat", "web", r.uniform(30, 90), ["items"])
        self.rare = account("quarter", table="raw")
        client(self.rare, sdk(), "nat", "office", r.uniform(5, 20), ["items"], page_kb=1500)
        return out

    # ---- what is going to happen ---------------------------------------------------------------------------

    def _plan(self):
        r = self.r
        for account in self.accounts:
            for c in account.clients:
                day = r.uniform(2, 16)
                while day < (RARE_DAYS if account is self.rare else DAYS):
                    self.at(day * 24 + r.uniform(-8, 0) + 18, self._release, c)
                    day += r.uniform(7, 30)
        for day in range(DAYS):
            self._plan_day(day)
        for account in self.accounts:
            self._plan_rotation(account)
        for what in (self._drill, self._peak, self._peak, self._load_test, self._new_service, self._trip, self._trip,
                     self._colleague, self._pipeline, self._reindex, self._own_firewall, self._retry_storm, self._rollout,
                     self._postman, self._migration, self._laptop, self._laptop):
            if r.random() < .75:
                what()
        if r.random() < .5:
            self.at(24 * r.randrange(70, 80) + 10, self._quarterly)

    def at(self, hour, what, *a):
        self.planned += 1
        heapq.heappush(self.moves, (hour, self.planned, what, a))

    def day_of_change(self, account):
        """A working day after the first month on which the account has nothing else."""
        while True:
            day = self.r.randrange(16, DAYS - 3)
            if day % 7 < 5 and day not in self.blocked[account.name]:
                self.blocked[account.name].update((day - 1, day, day + 1))
                return day

    def apps(self, *names):
        return self.r.choice([a for a in self.accounts if not names or a.name.split("-")[0] in names])

    def apps_named(self, name):
        return next(a for a in self.accounts if a.name.split("-")[0] == name)

    def _plan_day(self, day):
        r = self.r
        if day % 7 < 5:
            agent = self.net.hosted_agent(r)
            for i, account in enumerate(self.accounts):
                self.at(day * 24 + 5.5 + i / 1200.0, self._refresh, account, agent)
            for person in self.people:
                if r.random() < .35:
                    mine = [a for a in self.accounts if person in a.people and (a is not self.rare or day < RARE_DAYS)]
                    if mine:
                        self.at(day * 24 + r.uniform(8, 17.5), self._portal, person, r.choice(mine), None)
        for account in self.accounts:
            export = getattr(account, "export", None)
            if export and (day % 7 == 6 or is_first_of_month(day)):
                size = 24 * account.clients[0].bytes_hour * .2 * (2 if is_first_of_month(day) else 1)
                self.at(day * 24 + 2.2, self._export, account, export, size)
            if not account.private and r.random() < .3:
                self.at(day * 24 + r.uniform(0, 23), self._scanner, account)
            for c in account.clients:
                if c.sdk.family == "functions":
                    self.at(day * 24, self._feed, account, c)

    def _plan_rights(self):
        """Who gives rights: a pipeline, activations on demand, onboarding; and now and then somebody tries in vain."""
        r = self.givers
        pim, admin = guid(r), "it-admin@" + TENANT
        for day in range(DAYS):
            if day % 7 < 5:
                for _ in range(r.randrange(3)):
                    self.at(day * 24 + r.uniform(7, 18), self._role, "", "MS-PIM-" + pim, "", pim, r.choice(self.people).oid)
            if r.random() < .08:
                self.at(day * 24 + r.uniform(9, 16), self._role, "", admin, self.office + ".9", life_rows.PORTAL, guid(r))
            if r.random() < .05:
                self.at(day * 24 + r.uniform(9, 16), self._role, "", r.choice(self.people).name, self.office + ".8", life_rows.CLI,
                        guid(r), False)
        for account in self.accounts:
            if account.entra or r.random() < .3:
                self._plan_data_roles(account, r)
            elif account.name.startswith("mongo"):
                for day in range(2, DAYS, 7):
                    self.at(day * 24 + 5.6, self._mongo_user, account, r.randrange(4))

    def _plan_data_roles(self, account, r):
        """Terraform writes the same assignments each week, and one more when there is a new service."""
        names = [(guid(r), guid(r)) for _ in range(3)]
        for day in range(2, DAYS, 7):
            if r.random() < .2:
                names.append((guid(r), guid(r)))
            for name, who in names:
                self.at(day * 24 + 5.6, self._data_role, account, name, who)

    def _role(self, hour, target, caller, address, app, who, ok=True):
        self.log.role(hour, target, caller, address, app, who, "b24988ac-6180-42a0-ab88-20f7382dd24c", ok=ok)

    def _data_role(self, hour, account, name, who):
        self.log.data_role(hour, account, TERRAFORM, self.net.hosted_agent(self.givers), "tf-app", who, name=name)

    def _mongo_user(self, hour, account, n):
        self.log.activity(hour, "Microsoft.DocumentDB/databaseAccounts/mongodbUserDefinitions/write",
                          "microsoft.documentdb/databaseaccounts/%s/mongodbuserdefinitions/shop.service%d" % (account.name, n),
                          TERRAFORM, self.net.hosted_agent(self.givers), "tf-app")

    # ---- single events -------------------------------------------------------------------------------------

    def _release(self, hour, c):
        c.sdk.release(self.r)
        who = c.who(self.r)
        for kind in ("DatabaseAccount", "Database", "Collection", "PartitionKeyRange"):
            self.log.request(hour, c.account, who, "Read", kind, c.containers[0], count=2, size=1500)
        if self.r.random() < .3:    # the cache warms up: one document after the other
            self._reads(hour + .1, c, c.containers[0], c.bytes_hour * self.r.uniform(.3, 1.2), "Read")

    def _refresh(self, hour, account, agent):
        self.log.keys_read(hour, account, TERRAFORM, agent, "tf-app")

    def _portal(self, hour, person, account, address):
        r = self.r
        if account.private:     # by way of the company's VPN, wherever one is
            address = "10.200.1.%d" % r.randrange(2, 60)
        address = address or ("%s.%d" % (self.office, r.randrange(2, 30)) if r.random() < .6 else person.home)
        if not account.entra:   # Azure itself sees the public address
            self.log.keys_read(hour, account, person.name, person.home if account.private else address, life_rows.PORTAL, oid=person.oid)
        who = {"address": address, "agent": person.browser, "key": "AadToken" if account.entra else account.key,
               "principal": person.oid if account.entra else ""}
        if account.api != "mongo":
            for kind in ("DatabaseFeed", "CollectionFeed", "OfferFeed"):
                self.log.request(hour + .01, account, who, "ReadFeed", kind, size=1200)
        for i in range(r.randrange(1, 6)):
            self.log.request(hour + .02 + i * .04, account, who, "Query", container=r.choice(account.clients[0].containers),
                             size=r.uniform(2e3, 4e5))

    def _export(self, hour, account, c, size):
        r = self.r
        size *= r.uniform(.85, 1.2) * (1 + c.growth) ** (hour / 168)
        for i in range(6):
            self._reads(hour + i * .12, c, c.containers[0], size / 6, "ReadFeed" if c.sdk.family == "spark" else "Query")

    def _feed(self, hour, account, c):
        for h in range(24):
            who, container = c.who(self.r), c.containers[0]
            self.log.request(hour + h + self.r.random() * .9, account, who, "ReadFeed", container=container, status=304,
                             count=self.r.randrange(150, 400), size=0)

    def _scanner(self, hour, account):
        """The internet knocks: nobody knows the key."""
        r = self.r
        who = {"address": self.net.rented(r), "agent": r.choice(["", "python-requests/2.28.1", "Mozilla/5.0 zgrab/0.x"]),
               "key": "Invalid"}
        self.log.request(hour, account, who, "Read", "DatabaseAccount", status=r.choice([401, 403]), count=r.randrange(1, 4), size=300)

    def _plan_rotation(self, account):
        r = self.r
        if account.entra or r.random() < .4:
            return
        day = r.randrange(3, 26)
        while day < DAYS - 2:
            self.at(day * 24 + 3.0, self._rotate, account, r.random() < .5)
            day += 28
        account.rotated = True

    def _rotate(self, hour, account, forgotten):
        """Applications move to the other key, then the first is made anew. A client may be forgotten with the old."""
        r, address = self.r, "10.9.9.%d" % self.r.randrange(2, 250)
        self.log.keys_read(hour, account, ROTATION, address, "rotation-app")
        old, account.key = account.key, OTHER_KEY[account.key]
        for c in account.clients:
            c.key = account.key
        self.log.activity(hour + 1, "Microsoft.DocumentDB/databaseAccounts/regenerateKey/action", account.name, ROTATION,
                          address, "rotation-app")
        if forgotten:
            c = r.choice(account.clients)
            who = dict(c.who(r), key=old)
            for h in range(r.randrange(20, 200)):
                self.at(hour + 1.1 + h, self._refused, account, who, 401, r.randrange(4, 40))

    def _refused(self, hour, account, who, status, count):
        self.log.request(hour + self.r.random() * .5, account, who, "Query", container=account.containers[0], status=status,
                         count=count, size=count * 300)

    def _drill(self):
        """The write region fails over for some hours; the application runs from the other region."""
        account = self.apps("world", "shop")
        c, day = account.clients[0], self.day_of_change(account)
        other = self.r.choice([g for g in life_net.REGIONS if g != self.region])
        self.at(day * 24 + 10, self._fail_over, account, c, self.region, other)
        self.at(day * 24 + 10 + self.r.uniform(1.5, 5), self._fail_over, account, c, other, self.region)

    def _fail_over(self, hour, account, c, source, target):
        for word in ("Start", "Complete"):
            self.log.control(hour, account, "RegionFailover" + word, CurrentWriteRegion=source, NewWriteRegion=target)
        c.home_pool = getattr(c, "home_pool", c.pool)
        c.pool = c.home_pool if target == account.region else Pool(self.r, self.net, c.pool.kind, target)
        c.region = target

    def _rollout(self):
        """A second region for good: the same application, nearer to its customers."""
        account = self.apps("world")
        other = self.r.choice([g for g in life_net.REGIONS if g != self.region])
        self.at(self.day_of_change(account) * 24 + 9, self._second_region, account, other)

    def _second_region(self, hour, account, region):
        for word in ("Start", "Complete"):
            self.log.control(hour, account, "RegionAdd" + word)
        first = account.clients[0]
        c = Client(self.r, self, account, first.sdk.family, first.hosts, "web", first.bytes_hour * .4e-6, first.containers)
        c.sdk, c.region, c.pool = first.sdk, region, Pool(self.r, self.net, first.hosts, region)
        account.countries.add(life_net.REGIONS[region])

    def _peak(self):
        account = self.apps("shop", "mobile", "micro", "mongo", "world")
        self.at(self.day_of_change(account) * 24 + 9, self._scale, account.clients[0], self.r.uniform(1.8, 3), self.r.randrange(3, 10))

    def _scale(self, hour, c, factor, hours):
        c.factor = factor
        self.at(hour + hours, self._unscale, c)

    def _unscale(self, hour, c):
        c.factor = 1

    def _load_test(self):
        account = self.apps("shop", "mobile", "micro", "world")
        self.at(self.day_of_change(account) * 24 + 21, self._scale, account.clients[0], self.r.uniform(3, 6), 2)

    def _retry_storm(self):
        account = self.apps("shop", "mobile", "batch", "partner", "world")
        self.at(self.day_of_change(account) * 24 + self.r.randrange(24), self._scale, account.clients[-1], self.r.uniform(2, 5), 2)

    def _new_service(self):
        account = self.apps("shop", "micro", "world", "partner")
        day = self.day_of_change(account)
        self.at(day * 24 + 11, self._start_service, account)

    def _start_service(self, hour, account):
        r = self.r
        c = Client(r, self, account, r.choice(["java", "dotnet", "node", "python"]), "private" if account.private else "nat", "web",
                   r.uniform(10, 50), [r.choice(account.containers)])
        self._release(hour, c)

    def _migration(self):
        """An application is written anew, in another language."""
        account = self.apps("mobile", "batch", "feed")
        self.at(self.day_of_change(account) * 24 + 8, self._rewrite, account.clients[-1])

    def _rewrite(self, hour, c):
        c.sdk = life_agents.Sdk(self.r, self.r.choice([f for f in ("java", "dotnet", "go", "node") if f != c.sdk.family]))
        c.account.families.add(c.sdk.family)
        self._release(hour, c)

    def _trip(self):
        """A colleague looks in from a conference or from holiday."""
        account = self.apps("shop", "mobile", "batch", "mongo", "intern", "world", "partner", "feed")
        if account.people:
            person, country = self.r.choice(account.people), self.r.choice(["ES", "IT", "PT", "US", "SE", "AT", "IN"])
            self.at(self.day_of_change(account) * 24 + self.r.uniform(7, 20), self._portal, person, account,
                    self.net.at_home(self.r, country))

    def _colleague(self):
        account = self.apps("shop", "mobile", "micro", "batch", "mongo", "intern", "world", "partner", "feed")
        new = Person(self.r, self.net, "gina@" + TENANT, self.country)
        day = self.day_of_change(account)
        for i in range(3):
            self.at((day + i) * 24 + self.r.uniform(9, 16), self._portal, new, account, None)

    def _pipeline(self):
        account = self.apps("shop", "micro", "mongo", "intern", "world", "feed", "quarter")
        day, caller = self.day_of_change(account), guid(self.r)
        for i in range(0, 14, 3):
            self.at((day + i) * 24 + 13, self._deploy, account, caller)

    def _deploy(self, hour, account, caller):
        self.log.keys_read(hour, account, caller, self.net.hosted_agent(self.r), "deploy-app-" + caller[:8])

    def _reindex(self):
        """Once: everything is read and written anew by the application's own job."""
        account = self.apps("batch", "shop", "partner")
        day = self.day_of_change(account)
        for h in range(self.r.randrange(1, 5)):
            self.at(day * 24 + 20 + h, self._once, account.clients[0], account.clients[0].bytes_hour * self.r.uniform(2, 8))

    def _once(self, hour, c, size):
        self._reads(hour + .05, c, c.containers[0], size, "ReadFeed")

    def _own_firewall(self):
        """A mistake in the firewall keeps the application out for a quarter of an hour."""
        account = self.apps("shop", "world", "feed", "mongo")
        c, hour = account.clients[0], self.day_of_change(account) * 24 + self.r.uniform(8, 18)
        for i in range(3):
            self.at(hour + i / 12.0, self._locked_out, account, c)

    def _locked_out(self, hour, account, c):
        for _ in range(4):
            self._refused(hour, account, c.who(self.r), 401 if account.api == "mongo" else 403, self.r.randrange(5, 60))

    def _postman(self):
        """A developer in the office tries the account by hand."""
        account, r = self.apps("intern", "feed", "shop"), self.r
        who = {"address": "%s.%d" % (self.office, r.randrange(2, 30)), "agent": "PostmanRuntime/7.36.3", "key": account.key}
        account.families.add(who["agent"])
        self.at(self.day_of_change(account) * 24 + r.uniform(9, 17), self._by_hand, account, who)

    def _by_hand(self, hour, account, who):
        self.log.request(hour, account, dict(who, key=account.key), container=account.clients[0].containers[0], count=5, size=40000)

    def _laptop(self):
        """A developer looks for a bug with the application's code on a laptop at home, some evenings."""
        account, r = self.apps("shop", "world", "feed", "intern", "mongo"), self.r
        if not account.people:
            return
        person, c, day = r.choice(account.people), account.clients[0], self.day_of_change(account)
        sdk = life_agents.Sdk(r, c.sdk.family)
        for evening in range(r.randrange(1, 4)):
            self.at((day + evening) * 24 + r.uniform(16, 21), self._debug, account, c, person, sdk.text(), r.random() < .5)

    def _debug(self, hour, account, c, person, agent, reads_key):
        if reads_key:
            self.log.keys_read(hour, account, person.name, person.home, life_rows.CLI if self.r.random() < .5 else life_rows.PORTAL,
                               oid=person.oid)
        who = {"address": person.home, "agent": agent, "key": c.key}
        for i in range(self.r.randrange(3, 12)):
            self.log.request(hour + .05 + i * .06, account, who, container=c.containers[0], count=self.r.randrange(1, 5), size=60000)

    def _quarterly(self, hour):
        c = self.rare.clients[0]
        for h in range(4):
            self._reads(hour + h, c, "items", c.bytes_hour, "Query")

    # ---- every hour ----------------------------------------------------------------------------------------

    def _reads(self, hour, c, container, size, op):
        """A volume of reads within some minutes, by the hosts of the client."""
        count = max(1, int(size / c.page / (1 if c.account.table == "5m" else 1)))
        self.log.request(hour, c.account, c.who(self.r), op, "Document" if op == "Read" else "DocumentFeed", container,
                         count=count if c.account.table == "5m" else min(count, 400), size=size)
        self.read[c.account.name, container, c][int(hour)] += size

    def _work(self, hour, c):
        r, day = self.r, hour // 24
        level = SHAPES[c.shape][hour % 24] * WEEK[c.shape][day % 7] * (1 + c.growth) ** (hour / 168.0)
        level *= r.lognormvariate(0, c.noise) * getattr(c, "factor", 1)
        size = c.bytes_hour * level
        if size < 2e3:
            return
        for container in c.containers:
            share = size / len(c.containers)
            self._reads(hour + r.random() * .9, c, container, share * r.uniform(.5, .7), "ReadFeed" if c.sdk.family == "functions" else "Query")
            self._reads(hour + r.random() * .9, c, container, share * r.uniform(.3, .5), "Read")
        who = c.who(r, level)
        self.log.request(hour + r.random() * .9, c.account, who, "Upsert", "Document", r.choice(c.containers), 201,
                         count=max(1, int(size / 4e5)) if c.account.table == "5m" else 1, size=600)
        if r.random() < .15:
            self.log.request(hour + r.random() * .9, c.account, who, "Read", "Document", c.containers[0], r.choice([404, 404, 412, 429]),
                             count=r.randrange(1, 20) if c.account.table == "5m" else 1, size=200)

    def live(self):
        for hour in range(DAYS * 24):
            while self.moves and self.moves[0][0] < hour + 1:
                when, _, what, a = heapq.heappop(self.moves)
                what(when, *a)
            for account in self.accounts:
                if account is self.rare and hour >= 24 * RARE_DAYS:
                    continue
                for c in account.clients:
                    if c.bytes_hour:
                        self._work(hour, c)
        return self.log.rows


def is_first_of_month(day):
    return (life_rows.START + datetime.timedelta(days=day)).day == 1
