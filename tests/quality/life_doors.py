"""Who may come in, in weeks of made-up life: each account has its list of addresses; developers add their own and the
portal's, Terraform writes the same state again, a job lets Azure in each night to load data, and now and then a partner gets a
wide range. The control plane logs the whole state after each write, the activity log who it was.
SPDX-License-Identifier: Apache-2.0
"""

import json
import random

import life_rows

WRITE = "Microsoft.DocumentDB/databaseAccounts/write"
PORTAL_ADDRESSES = ["4.210.172.107", "13.88.56.148", "13.91.105.215", "40.91.218.243"]
LOADER = "0d0d0d0d-aaaa-4222-8333-000000000009"


class Doors:
    def __init__(self, world, seed, days, terraform):
        self.world, self.log, self.r, self.terraform = world, world.log, random.Random(seed * 53 + 11), terraform
        self.lists = {a: ["198.51.100.%d" % self.r.randrange(1, 99), "203.0.113.0/24"] for a in world.accounts}
        self.loaded = world.apps_named("batch")
        for day in range(days):
            self._plan_day(day)
        for account in self.r.sample(world.accounts, 2):
            if self.r.random() < .3:
                world.at(24 * self.r.randrange(20, days - 5) + 11, self.add, account, "it-admin@contoso.example", ["100.64.0.0/13"])

    def _plan_day(self, day):
        world, r = self.world, self.r
        for i, account in enumerate(world.accounts):
            if day % 7 == 2:
                world.at(day * 24 + 5.4 + i / 200.0, self.state, account, self.terraform, "tf-app")
            if day % 7 < 5 and account.people and r.random() < .06:
                mine = ["198.18.%d.%d" % (r.randrange(256), r.randrange(256))] + (PORTAL_ADDRESSES if r.random() < .3 else [])
                hour = day * 24 + r.uniform(8, 17)
                world.at(hour, self.add, account, r.choice(account.people).name, mine)
                world.at(hour + r.uniform(1, 200), self.take, account, r.choice(account.people).name, mine)
        world.at(day * 24 + 1.5, self.add, self.loaded, LOADER, ["0.0.0.0"])
        world.at(day * 24 + 2.2, self.take, self.loaded, LOADER, ["0.0.0.0"])

    def add(self, hour, account, caller, addresses):
        self.lists[account] = self.lists[account] + [a for a in addresses if a not in self.lists[account]]
        self.state(hour, account, caller)

    def take(self, hour, account, caller, addresses):
        self.lists[account] = [a for a in self.lists[account] if a not in addresses]
        self.state(hour, account, caller)

    def state(self, hour, account, caller, app=life_rows.PORTAL, address=None, **columns):
        """A write, as both logs have it."""
        self.log.activity(hour, WRITE, account.name, caller, address or self.world.office + ".9", app)
        request = self.log.id()
        for row in self.log.rows[-2:]:
            row["HTTPRequest"] = json.dumps({"clientRequestId": request, "clientIpAddress": row["CallerIpAddress"], "method": "PUT"})
        for i, (what, status) in enumerate((("Start", 202), ("Complete", 200))):
            self.log.control(hour + i * .04, account, "AccountUpdate" + what, ActivityId=request, HttpMethod="PUT",
                             HttpStatusCode=status, **{"IpRangeFilter": ",".join(self.lists[account]),
                             "EnableVirtualNetworkFilter": False, "EnablePrivateEndpointConnection": account.private, **columns})
