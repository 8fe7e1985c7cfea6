"""What is logged and who is alarmed, in the made-up life: settings deployed and torn down, the full text of queries looked
at for a day, rules tuned; and somebody who switches the eyes off.

With dice of its own, so that the rest of a seed's life stays as it was.
SPDX-License-Identifier: Apache-2.0
"""

import json
import random

import life_moves
import life_rows

SETTING = "Microsoft.Insights/diagnosticSettings/"
MONITORING, OPERATIONS = "0f0f0f0f-1111-4222-8333-0000000000c7", "soc@contoso.example"
WORKSPACE = "microsoft.operationalinsights/workspaces/law"


def setting(account, name="to-siem"):
    return life_moves.within(account, "providers/microsoft.insights/diagnosticsettings/" + name)


def state(log, hour, account, on=True, full_text=False):
    log.control(hour, account, "DiagnosticLogUpdateComplete", EnableDataPlaneRequestsTrace=on, EnableControlPlaneRequestsTrace=True,
                SqlQueryTextTraceType=full_text)


class Logs:
    """Ordinary operations, put into the plan of a world."""

    def __init__(self, world, seed, days):
        self.w, self.r, self.log = world, random.Random(seed * 15485863 + 5), world.log
        r = self.r
        accounts = [a for a in world.accounts if a is not world.rare]
        self.logged = r.sample(accounts, 5)
        for account in self.logged:             # deployed again and again
            for day in range(r.randrange(1, 4), days, r.choice([1, 3, 7])):
                world.at(day * 24 + 4.1, self._deploy, account)
        for day in range(r.randrange(2, 9), days, 7):   # an environment for tests
            world.at(day * 24 + 19.3, self._tear_down, day)
        for account in r.sample(self.logged, 2):
            world.at(r.randrange(16, days - 3) * 24 + 10.9, self._full_text, account, True)
        for account in r.sample(accounts, 2):   # by hand, once
            if account.people:
                world.at(r.randrange(16, days - 3) * 24 + 15.1, self._replace, account)
        for day in range(r.randrange(2, 9), days, 7):   # rules tuned, plans and tables as the template has them
            world.at(day * 24 + 11.7, self._tune, day)
        world.at(r.randrange(16, days - 3) * 24 + 14.4, self._tidy)

    def _act(self, hour, operation, target, caller, app, props=None):
        self.log.activity(hour, operation, target, caller, self.w.net.hosted_agent(self.r), app,
                          props=props and {"requestbody": json.dumps(props)})

    def _deploy(self, hour, account):
        self._act(hour, SETTING + "write", setting(account), MONITORING, "monitoring-app")
        state(self.log, hour + .01, account)

    def _tear_down(self, hour, day):
        name = "microsoft.documentdb/databaseaccounts/test-%d" % day
        self._act(hour - 8, SETTING + "write", name + "/providers/microsoft.insights/diagnosticsettings/s", MONITORING, "monitoring-app")
        self._act(hour, SETTING + "delete", name + "/providers/microsoft.insights/diagnosticsettings/s", MONITORING, "monitoring-app")
        self._act(hour + .1, life_moves.ACCOUNT + "delete", name, MONITORING, "monitoring-app")

    def _full_text(self, hour, account, on):
        state(self.log, hour, account, full_text=on)
        if on:
            self.w.at(hour + 27, self._full_text, account, False)

    def _replace(self, hour, account):
        caller = account.people[0].name
        self._act(hour, SETTING + "delete", setting(account), caller, life_rows.PORTAL)
        self._act(hour + .1, SETTING + "write", setting(account, "to-siem-2"), caller, life_rows.PORTAL)

    def _tune(self, hour, day):
        self._act(hour, "Microsoft.SecurityInsights/alertRules/delete", WORKSPACE + "/providers/microsoft.securityinsights/alertrules/r%d" % day,
                  OPERATIONS, life_rows.PORTAL)
        self._act(hour + .1, "Microsoft.Security/alertsSuppressionRules/write", "microsoft.security/alertssuppressionrules/s%d" % day,
                  OPERATIONS, life_rows.PORTAL)
        self._act(hour + 1, "Microsoft.Security/pricings/write", "microsoft.security/pricings/CosmosDbs", MONITORING, "monitoring-app",
                  {"properties": {"pricingTier": "Standard"}})
        self._act(hour + 1, "Microsoft.OperationalInsights/workspaces/tables/write", WORKSPACE + "/tables/CDBDataPlaneRequests",
                  MONITORING, "monitoring-app")

    def _tidy(self, hour):
        """An administrator deletes an action group that nobody needs."""
        self._act(hour, "Microsoft.Insights/actionGroups/delete", "microsoft.insights/actiongroups/old", self.w.people[0].name,
                  life_rows.PORTAL)
