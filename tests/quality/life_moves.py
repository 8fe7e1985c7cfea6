"""What the service itself carries, and code in the database, in the made-up life: recovery exercises, exports by copy jobs,
private endpoints of one's own and of partners, deployments of code; and somebody who abuses each.

With dice of its own, so that the rest of a seed's life stays as it was.
SPDX-License-Identifier: Apache-2.0
"""

import json
import random

import life_rows

OTHER = "99999999-2222-3333-4444-%012d"
ACCOUNT = "Microsoft.DocumentDB/databaseAccounts/"
DEPLOY, EXPORT, RECOVERY = ("0f0f0f0f-1111-4222-8333-0000000000c%d" % i for i in range(3))


def endpoint(subscription, name):
    return "/subscriptions/%s/resourceGroups/rg-net/providers/Microsoft.Network/privateEndpoints/%s" % (subscription, name)


def within(account, item):
    """What is in an account, as a target of Rows.activity()."""
    return "microsoft.documentdb/databaseaccounts/" + account.name + (item and "/" + item)


def restore(log, hour, account, caller, address, app, name, group, subscription=life_rows.SUBSCRIPTION):
    """The right to the backup is used, and the account is made."""
    source = "/subscriptions/%s/providers/microsoft.documentdb/locations/westeurope/restorabledatabaseaccounts/%s" % (
        life_rows.SUBSCRIPTION, account.name)
    body = {"location": "West Europe", "properties": {"createMode": "Restore", "restoreParameters": {"restoreSource": source}}}
    log.activity(hour, "Microsoft.DocumentDB/locations/restorableDatabaseAccounts/restore/action", "x/y", caller, address, app)
    for row in log.rows[-2:]:
        row["_ResourceId"] = source
    log.activity(hour, ACCOUNT + "write", name, caller, address, app, props={"requestbody": json.dumps(body)})
    for row in log.rows[-2:]:
        row["_ResourceId"] = row["_ResourceId"].replace("rg-prod", group).replace(life_rows.SUBSCRIPTION, subscription)


class Moves:
    """Ordinary operations, put into the plan of a world."""

    def __init__(self, world, seed, days):
        self.w, self.r, self.log, self.days = world, random.Random(seed * 104729 + 3), world.log, days
        self.lists = {}  # account -> its private endpoints
        r = self.r
        accounts = [a for a in world.accounts if a is not world.rare]
        for account in r.sample(accounts, 4):   # code deployed through Azure Resource Manager, some weeks apart
            for day in range(r.randrange(2, 9), days, r.choice([7, 14, 21])):
                world.at(day * 24 + 11.2, self._deploy, account)
        for account in r.sample([a for a in accounts if a.api != "mongo"], 2):  # and by an application's own host as it starts
            for day in range(r.randrange(2, 9), days, r.choice([9, 16])):
                world.at(day * 24 + 18.2, self._code, account)
        self.copied = r.sample(accounts, 2)
        for account in self.copied:             # an export by a copy job, each week
            for day in range(r.randrange(1, 7), days, 7):
                world.at(day * 24 + 3.3, self._copy, account)
        source = r.choice(accounts)             # a recovery exercise a month
        for day in range(r.randrange(2, 12), days, 28):
            world.at(day * 24 + 8.6, self._exercise, source, day)
        for account in [a for a in accounts if a.private] + r.sample(accounts, 2):
            self.lists[account] = [endpoint(life_rows.SUBSCRIPTION, "pe-" + account.name)]
            for day in range(r.randrange(1, 8), days, r.randrange(6, 20)):
                world.at(day * 24 + 10.4, self._update, account)
            world.at(r.randrange(16, days - 3) * 24 + 13.1, self._own_endpoint, account)
        world.at(r.randrange(3, 13) * 24 + 9.7, self._partner, r.choice(list(self.lists)), OTHER % 1)  # a partner of long standing
        for account in r.sample(accounts, 3):   # tuning by an administrator: a dedicated gateway
            if account.people:
                world.at(r.randrange(20, days - 3) * 24 + 14.5, self._gateway, account)
        for _ in range(4):                      # refused: no right to it
            world.at(r.randrange(15, days - 3) * 24 + 15.5, self._refused, r.choice(accounts))

    def _act(self, hour, account, operation, caller, app, item="", ok=True, props=None):
        self.log.activity(hour, ACCOUNT + operation, within(account, item), caller, self.w.net.hosted_agent(self.r), app, ok=ok,
                          props=props)

    def _deploy(self, hour, account):
        for i, kind in enumerate(("storedProcedures", "triggers", "userDefinedFunctions")[:self.r.randrange(1, 4)]):
            self._act(hour + i * .01, account, "sqlDatabases/containers/%s/write" % kind, DEPLOY, "deploy-app",
                      "sqlDatabases/shop/containers/%s/%s/v1" % (account.containers[0], kind))

    def _code(self, hour, account):
        self.log.request(hour, account, account.clients[0].who(self.r), self.r.choice(["Create", "Replace"]), "StoredProcedure",
                         account.clients[0].containers[0], status=200, size=900)

    def _copy(self, hour, account):
        self._act(hour, account, "dataTransferJobs/write", EXPORT, "export-app", "dataTransferJobs/weekly-%d" % (hour // 24))

    def _exercise(self, hour, account, day):
        restore(self.log, hour, account, RECOVERY, "20.1.1.1", "recovery-app", "exercise-%d" % day, "rg-exercise-%d" % day)

    def _update(self, hour, account):
        for word, status in (("Start", 202), ("Complete", 200)):
            self.log.control(hour, account, "AccountUpdate" + word, HttpStatusCode=status,
                             PrivateEndpointConnections=json.dumps(self.lists[account]))

    def _own_endpoint(self, hour, account):
        self.lists[account].append(endpoint(life_rows.SUBSCRIPTION, "pe-second"))
        caller = account.people[0].name if account.people else DEPLOY
        self._act(hour, account, "privateEndpointConnectionsApproval/action", caller, life_rows.PORTAL)
        self._update(hour + .1, account)

    def _partner(self, hour, account, subscription):
        self.lists[account].append(endpoint(subscription, "pe-partner"))
        self._update(hour, account)

    def _gateway(self, hour, account):
        self._act(hour, account, "services/write", account.people[0].name, life_rows.PORTAL, "services/SqlDedicatedGateway")

    def _refused(self, hour, account):
        self._act(hour, account, self.r.choice(["dataTransferJobs/write", "sqlDatabases/containers/triggers/write"]),
                  "gus@contoso.example", life_rows.PORTAL, ok=False)
