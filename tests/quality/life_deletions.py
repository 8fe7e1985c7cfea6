"""What applications delete through the data plane in ordinary weeks: a few documents all day, retention by night, bursts of
erasures, a clean-up after a release, tests that make and drop containers on hosts that change, people at the portal.

Its dice are its own: the rest of a seed's life stays as it was without it.
SPDX-License-Identifier: Apache-2.0
"""

import random

import life


class Deletions:
    def __init__(self, world, seed):
        self.world, self.log, self.r = world, world.log, random.Random(seed * 7919 + 3)

    def plan(self):
        r, at = self.r, self.world.at
        for account in self.world.accounts:
            if account is self.world.rare:
                continue
            for c in account.clients:
                many = r.uniform(2, 120)
                for day in range(life.DAYS):
                    for hour in range(0, 24, 3):
                        at(day * 24 + hour + r.random(), self._some, account, c, c.containers[0], max(1, int(r.gauss(many, many / 4))))
            if r.random() < .5:                             # retention by night, which grows with the shop
                many, hour = r.uniform(1500, 40000), r.uniform(0, 5)
                for day in range(life.DAYS):
                    if r.random() < .97:
                        size = int(many * r.uniform(.5, 1.5) * (1 + day / 120.0))
                        at(day * 24 + hour + r.uniform(0, .8), self._some, account, account.clients[0], account.containers[-1], size)
            if r.random() < .4:                             # requests to erase a customer, as they come
                day, many = r.uniform(1, 8), r.uniform(800, 6000)
                while day < life.DAYS:
                    at(int(day) * 24 + r.uniform(8, 17), self._some, account, account.clients[-1], account.clients[-1].containers[0],
                       int(many * r.uniform(.4, 1.6)))
                    day += r.expovariate(1 / 6.0)
            for _ in range(r.randrange(3)):                 # after a release
                at(r.randrange(16, life.DAYS) * 24 + r.uniform(8, 16), self._some, account, account.clients[0],
                   account.clients[0].containers[0], r.randrange(200, 3000))
        test = self.world.apps_named("intern")
        weekday = r.randrange(5)
        for day in range(life.DAYS):
            if day % 7 == weekday:                          # the test's data, each week
                at(day * 24 + 20, self._some, test, test.clients[0], "items", r.randrange(900, 1600))
            if day % 7 < 5:
                at(day * 24 + r.uniform(8, 18), self._run, test, r.randrange(1, 4))

    def _some(self, hour, account, client, container, count):
        who = client.who(self.r)
        for i in range(1 + count // 500 if account.table == "5m" else 1):
            part = min(500, count - i * 500) if account.table == "5m" else count
            if part > 0:
                self.log.request(hour + i / 12.0, account, who, "Delete", "Document", container,
                                 status=200 if account.api == "mongo" else 204, count=part, size=0)

    def _run(self, hour, account, many):
        """A run of integration tests on a build agent: makes its containers, and deletes them."""
        who = {"address": self.world.net.hosted_agent(self.r), "agent": account.clients[0].sdk.text(), "key": account.key}
        for i in range(many):
            for at, op, kind, status in ((0, "Create", "CollectionFeed", 201), (.2, "Delete", "Collection", 204)):
                self.log.request(hour + i * .02 + at, account, who, op, kind, "run-%d" % self.r.randrange(10000), status=status, size=0)
