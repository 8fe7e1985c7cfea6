"""What is deleted, unlocked and set anew in ordinary weeks: environments torn down, an account for each pull request,
Terraform's own clean-ups, people who tidy up, definitions that are written again and again.

Its dice are its own: the rest of a seed's life stays as it was without it.
SPDX-License-Identifier: Apache-2.0
"""

import random

import life
import life_rows

PIPELINE = "0f0f0f0f-1111-4222-8333-0000000000cc"
ACCOUNTS = "microsoft.documentdb/databaseaccounts/"
DELETE, WRITE = "Microsoft.DocumentDB/databaseAccounts/%sdelete", "Microsoft.DocumentDB/databaseAccounts/%swrite"
CONTAINERS = "sqlDatabases/containers/"


class Teardown:
    def __init__(self, world, seed):
        self.world, self.log, self.r = world, world.log, random.Random(seed * 104729 + 7)
        self.address = "10.9.8.%d" % self.r.randrange(2, 250)

    def plan(self):
        r, at, days = self.r, self.world.at, life.DAYS
        weekday, many = r.randrange(5), r.randrange(3, 10)
        test = self.world.apps_named("intern")
        for day in range(days):
            if day % 7 == weekday and r.random() < .95:     # the test environment, each week
                at(day * 24 + r.uniform(18, 23), self._environment, test, max(1, many + r.randrange(-2, 3)))
            if day % 7 < 5 and r.random() < .5:             # a pull request, and its end some days later
                name, hour = "pr-%04d" % r.randrange(10000), day * 24 + r.uniform(8, 18)
                at(hour, self._account, name, True)
                at(hour + r.uniform(2, 150), self._account, name, False)
            if day % 7 == (weekday + 2) % 5:                # the lock comes off for the release
                at(day * 24 + 11, self._unlock, self.world.accounts[0])
            if day % 7 < 5:
                at(day * 24 + 6.2, self._apply, r.choice(self.world.accounts))
        day = r.uniform(1, 10)
        while day < days:                                   # Terraform takes out what nobody declares any more
            at(int(day) * 24 + r.uniform(9, 17), self._take_out, r.choice(self.world.accounts), r.randrange(1, 4))
            day += r.uniform(6, 25)
        for _ in range(4):                                  # people tidy up
            at(r.randrange(16, days - 2) * 24 + r.uniform(9, 17), self._tidy, r.choice(self.world.people), r.randrange(1, 3))
        account = r.choice(self.world.accounts[1:])
        at(r.randrange(20, days - 2) * 24 + 10, self._policy, account, {"BackupRetentionIntervalInHours": 720})

    def _delete(self, hour, account, container, caller, app, ok=True):
        path = "%s%s/sqldatabases/shop/containers/%s" % (ACCOUNTS, account.name, container)
        self.log.activity(hour, DELETE % CONTAINERS, path, caller, self.address, app, ok=ok)
        if ok:
            self.log.control(hour, account, "SqlContainersDelete", OperationType="Delete", HttpStatusCode=204,
                             ResourceUri="sqlDatabases/shop/containers/" + container)

    def _environment(self, hour, account, many):
        for i in range(many):
            if self.r.random() < .1:
                self._delete(hour + i / 120.0, account, "test%d" % i, PIPELINE, "ci-app", ok=False)
            self._delete(hour + i / 120.0 + .003, account, "test%d" % i, PIPELINE, "ci-app")

    def _account(self, hour, name, is_made):
        self.log.activity(hour, (WRITE if is_made else DELETE) % "", ACCOUNTS + name, PIPELINE, self.address, "ci-app")

    def _unlock(self, hour, account):
        self.log.activity(hour, "Microsoft.Authorization/locks/delete",
                          ACCOUNTS + account.name + "/providers/microsoft.authorization/locks/keep", PIPELINE, self.address, "ci-app")

    def _take_out(self, hour, account, many):
        for i in range(many):
            self._delete(hour + i / 200.0, account, "old%d" % self.r.randrange(1000), life.TERRAFORM, "tf-app")

    def _tidy(self, hour, person, many):
        for i in range(many):
            self._delete(hour + i * .05, self.r.choice(self.world.accounts), "copy%d" % self.r.randrange(99), person.name, life_rows.PORTAL)

    def _apply(self, hour, account):
        """The same definitions again, and the state of the account with them."""
        self._policy(hour, account, {})
        for container, ttl in (("items", ""), ("events", "defaultTtl:2592000,"), ("sessions", "defaultTtl:1200,")):
            self.log.control(hour + .01, account, "SqlContainersUpdate", OperationType="Update",
                             ResourceUri="sqlDatabases/shop/containers/" + container,
                             ResourceDetails="{id:%s,partitionKey:{paths:[/pk],kind:Hash},%sconflictResolutionPolicy:{mode:"
                                             "LastWriterWins}}" % (container, ttl))

    def _policy(self, hour, account, change):
        backup = account.__dict__.setdefault("backup", {"BackupIntervalInMinutes": 240, "BackupRetentionIntervalInHours": 48,
                                                        "BackupStorageRedundancy": "Geo"})
        backup.update(change)
        self.log.activity(hour, WRITE % "", account.name, life.TERRAFORM, self.address, "tf-app")
        for word in ("Start", "Complete"):
            self.log.control(hour, account, "AccountUpdate" + word, HttpMethod="PUT", **backup)
