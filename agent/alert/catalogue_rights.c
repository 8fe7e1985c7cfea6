/* catalogue_rights.c - rights that open the data, given by somebody who gives none. Facts are those of
 * detectors/role_granted.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"

#define KQL_CHANGES(operations)                                                                    \
    "AzureActivity\n"                                                                              \
    "| where TimeGenerated between ({first:kql} - 1h .. {last:kql} + 1h)\n"                        \
    "| where OperationNameValue has_any (" operations ")\n"
#define KQL_CHANGE_COLUMNS                                                                         \
    "| project TimeGenerated, OperationNameValue, ActivityStatusValue, Caller, CallerIpAddress, "  \
    "Application = tostring(Claims_d.appid), Body = tostring(Properties_d.requestbody), CorrelationId, _ResourceId\n" \
    "| order by TimeGenerated asc\n| take 1000"

#define ASK_GIVER                                                                                  \
    "Ask[[ {principal}]] who asked for it: is there a ticket, a new colleague, a deployment? Look at the sign-ins[[ from " \
    "{address}]] around {first}: device, risk, place."
#define ACT_STOP_GIVER                                                                             \
    "If the caller[[ ({principal})]] cannot explain it: disable it, revoke its sessions, take its roles away, and look at " \
    "all it gave since."
#define PREVENT_GIVERS                                                                             \
    "Let few give rights: no standing Owner or User Access Administrator, activation on demand with approval instead."

const struct alert_type alert_types_rights[] = {
    {
        .id = "CosmosDBX_DataRole",
        .display_name = "Data-plane role given by somebody who gives none",
        .severity = SEVERITY_MEDIUM,
        .intent = "Persistence",
        .techniques = { "T1098.003", "T1136.003" },
        .description =
            "A role on the data of the Azure Cosmos DB account {account} was made or given[[ by {principal}]], who "
                "gave none "
            "before. Its holder reads or writes with a token of his own: no key is needed, and changing the keys does not "
            "stop him.",
        .why = "[[{principal}[[ ({callerName})]][[ with {application}]][[ from {address}]] changed data-plane roles of ]]"
               "[[{account}]]: {count} operation(s)[[, role {grantedRole}]][[ at {grantedScope}]][[ to {grantee}]]"
               "[[ ({granteeType})]][[; {reason}]].",
        .investigate = { ASK_GIVER,
                         "Who is the grantee[[ ({grantee})]]: a person, an application, a guest? Since when is it in the "
                         "directory, and who made it?",
                         "What does the role allow[[ ({grantedRole})]], and where[[ ({grantedScope})]]? Compare "
                         "with what the "
                         "application needs.",
                         "What did the grantee read or write since {first}: the data-plane rows of that principal." },
        .remediate = { "Delete the assignment: az cosmosdb sql role assignment delete, and a definition that nobody needs.",
                       ACT_STOP_GIVER, ACT_EVIDENCE,
                       "If it is a new administrator or pipeline: nothing, it becomes usual by itself." },
        .prevent = { PREVENT_GIVERS,
                     "Give data-plane roles at a database or container, from code that is reviewed; no star in definitions.",
                     "Send CDBControlPlaneRequests and AzureActivity to the workspace: only both say who gave what "
                     "to whom." },
        .tables = { "AzureActivity", "CDBControlPlaneRequests" },
        .kql = KQL_CHANGES("\"SQLROLEASSIGNMENTS\", \"SQLROLEDEFINITIONS\"") "| where " KQL_OF_ACCOUNT "\n"
               "| project TimeGenerated, Type, Operation = OperationNameValue, Status = ActivityStatusValue, Caller, "
               "CallerIpAddress, Role = \"\", Scope = \"\", Grantee = \"\", _ResourceId\n"
               "| union isfuzzy=true (CDBControlPlaneRequests\n"
               "| where TimeGenerated between ({first:kql} - 1h .. {last:kql} + 1h)\n"
               "| where AccountName =~ {account:kql} and OperationName startswith \"SqlRole\"\n"
               "| project TimeGenerated, Type, Operation = OperationName, Status = tostring(HttpStatusCode), Caller = \"\", "
               "CallerIpAddress = \"\", Role = column_ifexists(\"AssociatedRoleDefinitionId\", \"\"), "
               "Scope = column_ifexists(\"RoleAssignmentScope\", \"\"), "
               "Grantee = column_ifexists(\"RoleAssignmentPrincipalId\", \"\"), _ResourceId)\n"
               "| order by TimeGenerated asc\n| take 1000",
    },
    {
        .id = "CosmosDBX_MongoUserBackdoor",
        .display_name = "Database user or role of MongoDB written by somebody new",
        .severity = SEVERITY_MEDIUM,
        .intent = "Persistence",
        .techniques = { "T1136.003", "T1098" },
        .description =
            "{subject} wrote a user or a role of the Azure Cosmos DB for MongoDB account {account} and did not do "
                "so in 60 days. "
            "Such a user signs in with a password of its own, outlives the account's keys, and is in no directory.",
        .why = "{subject}[[ ({callerName})]][[ with {application}]][[ from {address}]] wrote {count} user or role "
               "definition(s) of {account}[[: user {grantee}]][[, role {grantedRole}]][[; {reason}]].",
        .investigate = { ASK_GIVER,
                         "Which user or role is it[[ ({changed})]], with which privileges? az cosmosdb mongodb user "
                         "definition "
                         "show says so.",
                         "Did that user sign in since {first}, and from where? See UserId in CDBMongoRequests." },
        .remediate = { "Drop the user: az cosmosdb mongodb user definition delete; and the role if nobody needs it.",
                       ACT_STOP_GIVER, ACT_EVIDENCE,
                       "If it is a new administrator or pipeline: nothing, it becomes usual by itself." },
        .prevent = { PREVENT_GIVERS,
                     "Users and roles of MongoDB are written by one pipeline; custom roles of people without "
                     "mongodbUserDefinitions/write." },
        .tables = { "AzureActivity" },
        .kql = KQL_CHANGES("\"MONGODBUSERDEFINITIONS\", \"MONGODBROLEDEFINITIONS\"") "| where " KQL_OF_ACCOUNT "\n"
               "| where Caller =~ {subject:kql}\n" KQL_CHANGE_COLUMNS,
    },
    {
        .id = "CosmosDBX_AzureRoleGrant",
        .display_name = "Azure role that opens Cosmos DB given by somebody who gives none",
        .severity = SEVERITY_MEDIUM,
        .intent = "Persistence",
        .techniques = { "T1098.003" },
        .description =
            "{subject} gave an Azure role with which account keys are read, backups restored, or further roles "
                "given, at the "
            "scope {grantedScope}, and gave none in 60 days. It holds for every Azure Cosmos DB account below that scope.",
        .why = "{subject}[[ ({callerName})]][[ with {application}]][[ from {address}]] gave {grantedRole}[[ to {grantee}]]"
               "[[ ({granteeType})]] at {grantedScope}: {count} assignment(s)[[; {reason}]].",
        .investigate = { ASK_GIVER,
                         "Who is {grantee}, and what did it do since {first}: key readings (listKeys), restores, "
                         "further roles?",
                         "Which accounts are below {grantedScope}? Look for alerts about their keys.",
                         "What allowed {subject} to give roles[[ ({role})]], since when, and was that on purpose?" },
        .remediate = { "Delete the assignment: az role assignment delete.", ACT_STOP_GIVER,
                       "If keys were read since: change the keys of the accounts below the scope.", ACT_EVIDENCE,
                       "If it is a new administrator or pipeline: nothing, it becomes usual by itself." },
        .prevent = { PREVENT_GIVERS, PREVENT_ENTRA,
                     "Cosmos DB Operator manages accounts and reads no keys: give it instead of Contributor." },
        .tables = { "AzureActivity" },
        .kql = KQL_CHANGES("\"ROLEASSIGNMENTS\"") "| where Caller =~ {subject:kql}\n" KQL_CHANGE_COLUMNS,
    },
    {
        .id = "CosmosDBX_ElevatedAccess",
        .display_name = "Access to all subscriptions taken",
        .severity = SEVERITY_HIGH,
        .intent = "PrivilegeEscalation",
        .techniques = { "T1098.003", "T1548.005" },
        .description =
            "{subject}, a global administrator of the directory, made itself User Access Administrator at the root: it can "
            "now give itself any role in every subscription, and with it the keys of every Azure Cosmos DB account. "
                "It is meant "
            "for emergencies, and is a known step before data is taken and backups are deleted.",
        .why = "{subject}[[ ({callerName})]][[ with {application}]][[ from {address}]] elevated its access {count} time(s)"
               "[[; {reason}]].",
        .investigate = { "Ask {subject} at once, by telephone: is there an emergency, a break-glass exercise?",
                         "Its sign-ins around {first}[[ from {address}]]: device, risk, second factor, changes of methods.",
                         "What followed: role assignments, listKeys, deleted locks, diagnostic settings, backups, "
                         "accounts, by "
                         "{subject} and by whoever got a role from it." },
        .remediate = { "Take it back: the switch 'Access management for Azure resources' of {subject} in the directory's "
                       "properties, or delete its User Access Administrator assignment at scope /.",
                       "If it was not on purpose: disable {subject}, revoke its sessions, reset its methods; delete "
                       "every role "
                       "that was given since {first}.",
                       ACT_EVIDENCE },
        .prevent = { "Few global administrators, phishing-resistant sign-in, activation with approval; break-glass accounts "
                     "are watched.",
                     "Resource locks and delete protection do not stop who holds all subscriptions: keep a backup "
                     "elsewhere." },
        .tables = { "AzureActivity" },
        .kql = KQL_CHANGES("\"ELEVATEACCESS\", \"ROLEASSIGNMENTS\"") "| where Caller =~ {subject:kql}\n" KQL_CHANGE_COLUMNS,
    },
    { .id = NULL },
};
