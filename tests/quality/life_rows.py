"""Log rows of the made-up life, as `cosmowatch replay` takes them.
SPDX-License-Identifier: Apache-2.0
"""

import datetime
import json

START = datetime.datetime(2026, 1, 5)  # a Monday
SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
PORTAL, POWERSHELL, CLI = ("c44b4083-3bb0-49c1-b47d-974e53cbdf3c", "1950a258-227b-4e31-a9cf-717495945fc2",
                           "04b07795-8ddb-461a-bbee-02f9e1bf7b46")
READS = ("Query", "ReadFeed", "Read")


def iso(hours):
    """Hours since the start of the life."""
    return (START + datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def resource(account):
    return ("/subscriptions/%s/resourcegroups/rg-prod/providers/microsoft.documentdb/databaseaccounts/%s"
            % (SUBSCRIPTION, account))


class Rows:
    def __init__(self):
        self.rows, self.serial = [], 0

    def id(self):
        self.serial += 1
        return "a1b2c3d4-0000-4000-8000-%012x" % self.serial

    def request(self, hours, account, who, op="Query", kind="DocumentFeed", container="", status=200, count=1, size=2000.0):
        """Requests of one kind. who: address, agent, key, principal. An account whose `table` is 5m logs sums of five
        minutes, a Mongo account its own table, others a row a request. size is of all of them together."""
        if account.table == "5m":
            self._summed(hours, account, who, op, kind, container, status, count, size)
            return
        for i in range(count):
            t = hours + i * min(2.0, 400.0 / count) / 3600
            if account.api == "mongo":
                self._mongo(t, account, who, op, container, status, size / count)
            else:
                self._single(t, account, who, op, kind, container, status, size / count)

    def _common(self, account, who, op, kind, container, status):
        key = who["key"]
        return {"_ResourceId": resource(account.name), "AccountName": account.name.upper(), "OperationName": op,
                "RequestResourceType": kind, "DatabaseName": account.database if container else "",
                "CollectionName": container, "StatusCode": status, "ClientIpAddress": who["address"],
                "UserAgent": who["agent"], "ConnectionMode": "Gateway", "KeyType": key, "AuthTokenType": key,
                "AadPrincipalId": who.get("principal", ""), "RegionName": who.get("region", account.region)}

    def _summed(self, hours, account, who, op, kind, container, status, count, size):
        slot = int(hours * 12) / 12.0
        row = self._common(account, who, op, kind, container, status)
        row.update({"Type": "CDBDataPlaneRequests5M", "TimeGenerated": iso(slot), "RequestCount": float(count),
                    "TotalResponseLength": float(int(size)), "TotalRequestLength": 150.0 * count,
                    "TotalRequestCharge": 2.9 * count, "TotalDurationMs": 3.5 * count})
        self.rows.append(row)

    def _single(self, hours, account, who, op, kind, container, status, size):
        row = self._common(account, who, op, kind, container, status)
        row.update({"Type": "CDBDataPlaneRequests", "TimeGenerated": iso(hours), "ActivityId": self.id(),
                    "ResponseLength": float(int(size)), "RequestLength": 150.0, "RequestCharge": 2.9, "DurationMs": 3.5})
        self.rows.append(row)

    def _mongo(self, hours, account, who, op, container, status, size):
        name = {"Query": "find", "Read": "find", "ReadFeed": "find", "Upsert": "update", "Create": "insert"}.get(op, op)
        self.rows.append({
            "Type": "CDBMongoRequests", "TimeGenerated": iso(hours), "_ResourceId": resource(account.name),
            "AccountName": account.name.upper(), "ActivityId": self.id(), "OperationName": name,
            "OpCode": "MongoOpCode_OP_MSG", "ErrorCode": {200: "0", 201: "0", 401: "18", 403: "13"}.get(status, "50"),
            "DatabaseName": account.database, "CollectionName": container, "Address": who["address"],
            "UserAgent": who["agent"], "UserId": who.get("principal", ""), "AuthorizationTokenType": who["key"],
            "ResponseLength": float(int(size)), "RequestLength": 120.0, "RequestCharge": 3.1, "DurationMs": 4.0,
            "PIICommandText": "", "RegionName": account.region})

    def query_text(self, hours, account, who, container, text, pages, size):
        """One statement in pages: each a data-plane row and a row with its text."""
        for i in range(pages):
            t = hours + i * 1.5 / 3600
            self._single(t, account, who, "Query", "DocumentFeed", container, 200, size / pages)
            self.rows.append({"Type": "CDBQueryRuntimeStatistics", "TimeGenerated": iso(t), "_ResourceId": resource(account.name),
                              "AccountName": account.name.upper(), "ActivityId": self.rows[-1]["ActivityId"],
                              "DatabaseName": account.database, "CollectionName": container, "PartitionKeyRangeId": "0",
                              "QueryText": json.dumps({"query": text, "parameters": []})})

    def activity(self, hours, operation, target, caller, address, app, ok=True, oid="", props=None):
        """Two rows of AzureActivity: it started, and how it ended."""
        provider = "microsoft.documentdb/databaseaccounts/" if "/" not in target else ""
        rid = "/subscriptions/%s/resourcegroups/rg-prod/providers/%s%s" % (SUBSCRIPTION, provider, target)
        correlation = self.id()
        for i, state in enumerate(("Start", "Success" if ok else "Failure")):
            self.rows.append({
                "Type": "AzureActivity", "TimeGenerated": iso(hours + i * 0.4 / 3600), "SubscriptionId": SUBSCRIPTION,
                "_ResourceId": rid, "CategoryValue": "Administrative", "OperationNameValue": operation.upper(),
                "ActivityStatusValue": state, "Caller": caller, "CallerIpAddress": address, "CorrelationId": correlation,
                "EventDataId": self.id(), "Claims_d": json.dumps({"appid": app, "oid": oid or "oid-of-" + caller}),
                "Properties_d": json.dumps(dict(props or {}, entity=rid))})

    def keys_read(self, hours, account, caller, address, app, how="listKeys", **more):
        self.activity(hours, "Microsoft.DocumentDB/databaseAccounts/%s/action" % how, account.name, caller, address, app, **more)

    def role(self, hours, target, caller, address, app, who, role, oid="", ok=True):
        """An Azure role given at `target` ("" is the resource group): to whom and which stands in the first of its rows."""
        name = (target + "/providers/" if target else "") + "microsoft.authorization/roleassignments/" + self.id()
        self.activity(hours, "Microsoft.Authorization/roleAssignments/write", name, caller, address, app, ok=ok, oid=oid, props={
            "requestbody": json.dumps({"Properties": {"PrincipalId": who, "PrincipalType": "User", "RoleDefinitionId":
                                       "/providers/Microsoft.Authorization/roleDefinitions/" + role}})})

    def data_role(self, hours, account, caller, address, app, who, scope="/dbs", definition=2, oid="", name=None):
        """A data-plane role: who gives it stands in one table, what and to whom in another."""
        name = name or self.id()
        self.activity(hours, "Microsoft.DocumentDB/databaseAccounts/sqlRoleAssignments/write",
                      "microsoft.documentdb/databaseaccounts/%s/sqlroleassignments/%s" % (account.name, name), caller, address, app, oid=oid)
        self.control(hours, account, "SqlRoleAssignmentCreateComplete", RoleAssignmentId=name, RoleAssignmentPrincipalId=who,
                     RoleAssignmentPrincipalType="AadServicePrincipal", RoleAssignmentScope=scope,
                     AssociatedRoleDefinitionId="00000000-0000-0000-0000-%012d" % definition)

    def control(self, hours, account, operation, **columns):
        row = {"Type": "CDBControlPlaneRequests", "TimeGenerated": iso(hours), "_ResourceId": resource(account.name),
               "AccountName": account.name.upper(), "ActivityId": self.id(), "OperationName": operation,
               "RegionName": account.region, "HttpMethod": "POST", "HttpStatusCode": 200, "Result": "OK"}
        row.update(columns)
        self.rows.append(row)
