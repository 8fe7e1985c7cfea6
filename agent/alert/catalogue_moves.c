/* catalogue_moves.c - data carried away by the service itself, and code left in it. Facts are those of
 * detectors/data_moved.c and detectors/server_code.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"

/* Who did what around it. A restore is told of no account: its rows name the copy or the number of the original. */
#define KQL_MOVES(operations)                                                                      \
    "AzureActivity\n"                                                                              \
    "| where TimeGenerated between ({first:kql} - 1d .. {last:kql} + 1d)\n"                        \
    "| where OperationNameValue has_any (" operations ")\n"
#define KQL_MOVES_COLUMNS                                                                          \
    "| project TimeGenerated, OperationNameValue, ActivityStatusValue, Caller, CallerIpAddress, "  \
    "Application = tostring(Claims_d.appid), CorrelationId, _ResourceId, Properties_d\n"           \
    "| order by TimeGenerated asc\n| take 1000"

#define ACT_STOP_CALLER                                                                            \
    "If the caller[[ ({principal})]] cannot explain it: disable it, revoke its sessions and take its roles away."
#define LOOK_CALLER                                                                                \
    "Ask[[ {principal}]] what it was for; look at the sign-ins around {first}, and at what else the caller changed that day."
#define PREVENT_RESTORE                                                                            \
    "Give CosmosRestoreOperator and */write on accounts to few, through Privileged Identity Management; no such right " \
    "over several subscriptions."

const struct alert_type alert_types_moves[] = {
    {
        .id = "CosmosDBX_RestoreElsewhere",
        .display_name = "A backup was restored to another account",
        .severity = SEVERITY_HIGH,
        .intent = "Exfiltration",
        .techniques = { "T1537", "T1578", "T1213.006" },
        .description =
            "{subject} restored the backup of an Azure Cosmos DB account to another account. The copy holds all that the "
            "original held at that time; it has keys, rights, a firewall and logs of its own, and nobody watches it yet.",
        .why = "{subject}[[ ({callerName})]] asked for a restore, {count} operation(s)[[ of the account {source}]][[ in "
               "{sourceRegion}]]"
               "[[; the copy is {target}]][[ in {targetGroup}]][[ in {targetRegion}]][[, with {application}]][[ from "
               "{address}]]"
               "[[: {reason}]].",
        .investigate = { "Is there a recovery or an exercise in the change calendar? " LOOK_CALLER,
                         "Find the copy[[ ({target})]]: who may read its keys, is its firewall open, does it send logs "
                         "anywhere?",
                         "Were keys of the copy read, and is it read from since? AzureActivity: listKeys of the copy.",
                         "Which role allowed it[[ ({role})]], since when, given by whom?" },
        .remediate = { "If nobody meant it: shut the copy's network, then delete the copy once the evidence is kept.",
                       ACT_EVIDENCE, ACT_STOP_CALLER,
                       "If keys of the copy were read: count everything in it as taken; secrets stored in it are to be "
                       "changed." },
        .prevent = { PREVENT_RESTORE,
                     "Azure Policy: accounts only in allowed regions and groups, with diagnostic settings and without "
                     "public access." },
        .tables = { "AzureActivity" },
        .kql = KQL_MOVES("\"RESTORE\", \"RESTORABLEDATABASEACCOUNTS\", \"LISTKEYS\", \"DATABASEACCOUNTS\"")
               "| where Caller =~ {subject:kql}\n" KQL_MOVES_COLUMNS,
    },
    {
        .id = "CosmosDBX_CopyJob",
        .display_name = "A copy job, or a service that moves data, was started",
        .severity = SEVERITY_MEDIUM,
        .intent = "Exfiltration",
        .techniques = { "T1537", "T1020" },
        .description =
            "{subject} started a job of the service on the Azure Cosmos DB account {account} that copies its data, or "
            "made a "
            "service for it. The service itself carries the data: no client shows up, no query, no unusual volume.",
        .why = "{subject}[[ ({callerName})]] wrote {count} such resource(s) of {account}[[ ({item})]][[, with destination "
               "{destination}]]"
               "[[, with {application}]][[ from {address}]][[: {reason}]].",
        .investigate = { "Is a migration or an analysis planned? " LOOK_CALLER,
                         "Look at the job in the account[[ ({item})]]: source, destination, state, documents copied.",
                         "[[Whose is {destination}? ]]Who may read the destination?",
                         "What else changed in {account} within a day: firewall, roles, private endpoints, restore?" },
        .remediate = { "If nobody meant it: cancel or pause the job, delete what it wrote at the "
                       "destination.",
                       ACT_EVIDENCE, ACT_STOP_CALLER, LOOK_EXTENT },
        .prevent = { "Custom roles without dataTransferJobs/write, copyJobs/write and services/write for those who only "
                     "operate.",
                     "A resource lock (ReadOnly) on accounts that no pipeline changes." },
        .tables = { "AzureActivity" },
        .kql = KQL_MOVES("\"DATATRANSFERJOBS\", \"COPYJOBS\", \"SERVICES\"") "| where " KQL_OF_ACCOUNT "\n"
               "| where Caller =~ {subject:kql}\n" KQL_MOVES_COLUMNS,
    },
    {
        .id = "CosmosDBX_PartnerPrivateEndpoint",
        .display_name = "A private endpoint of an unknown subscription was let in",
        .severity = SEVERITY_MEDIUM,
        .intent = "Exfiltration",
        .techniques = { "T1537", "T1133" },
        .description =
            "A private endpoint connection of the Azure Cosmos DB account {account} was approved whose owner is not known "
            "here. "
            "Through it the account answers inside a network of theirs, past the firewall's list of addresses.",
        .why = "A private endpoint connection was let into {account}[[ by {principal}]][[ with {application}]][[ from "
               "{address}]]"
               "[[: {endpoint}]][[, of the subscription {partner}]][[; {reason}]].",
        .investigate = { "[[Whose subscription is {partner}? ]]Is there a contract, a partner, a new landing zone of your "
                         "own?",
                         "Who approved it: [[{principal}; ]]AzureActivity, privateEndpointConnections, around {first}[[ "
                         "(client request "
                         "id {operationId})]].",
                         "Read the connection in the account's networking page: endpoint, description, who asked.",
                         "Requests through a private endpoint come from private addresses: is there one that is new, and "
                         "what does it read?" },
        .remediate = { "If nobody meant it: reject and remove the connection; it closes at once.",
                       ACT_EVIDENCE, ACT_KEYS, ACT_STOP_CALLER },
        .prevent = { "Azure Policy: private endpoint connections of allowed subscriptions alone; approval by few.",
                     "Name your partners' subscriptions in the change that lets them in." },
        .tables = { "CDBControlPlaneRequests", "AzureActivity" },
        .kql = "union isfuzzy=true\n"
               "(AzureActivity | where OperationNameValue has_any (\"PRIVATEENDPOINTCONNECTIONS\", "
               "\"PRIVATEENDPOINTCONNECTIONSAPPROVAL\")"
               " | where " KQL_OF_ACCOUNT
               " | project Type, TimeGenerated, Operation = OperationNameValue, Status = ActivityStatusValue, Caller, "
               "CallerIpAddress, "
               "Endpoints = tostring(Properties_d), CorrelationId, _ResourceId),\n"
               "(CDBControlPlaneRequests | where AccountName =~ {account:kql}"
               " | project Type, TimeGenerated, Operation = OperationName, Status = tostring(HttpStatusCode), "
               "Endpoints = tostring(PrivateEndpointConnections), CorrelationId = ActivityId, _ResourceId)\n"
               "| where TimeGenerated between ({first:kql} - 1d .. {last:kql} + 1d)\n"
               "| order by TimeGenerated asc\n| take 1000",
    },
    {
        .id = "CosmosDBX_NotebookWorkspace",
        .display_name = "A notebook workspace was used, a feature that was withdrawn",
        .severity = SEVERITY_MEDIUM,
        .intent = "Execution",
        .techniques = { "T1648", "T1212" },
        .description =
            "{subject} made, started or asked for the connection of a notebook workspace of the Azure Cosmos DB account "
            "{account}. "
            "The service withdrew notebooks; it is through them that keys of other customers were taken in 2021. Nobody "
            "has work there.",
        .why = "{subject}[[ ({callerName})]] used a notebook workspace of {account} {count} time(s)[[ with {application}]]"
               "[[ from {address}]][[: {reason}]].",
        .investigate = { LOOK_CALLER " An old script or a tool that tries everything, or somebody who looks for a way in?",
                         "Does the account have a notebook workspace[[ ({item})]]?", LOOK_KEY,
                         "Which role allowed it[[ ({role})]]?" },
        .remediate = { "Delete the workspace where there is one.", ACT_KEYS, ACT_STOP_CALLER },
        .prevent = { "Custom roles without notebookWorkspaces/*.", PREVENT_ENTRA },
        .tables = { "AzureActivity" },
        .kql = KQL_MOVES("\"NOTEBOOKWORKSPACES\"") "| where " KQL_OF_ACCOUNT "\n" KQL_MOVES_COLUMNS,
    },
    {
        .id = "CosmosDBX_ServerSideCode",
        .display_name = "Code in the database was written by somebody new",
        .severity = SEVERITY_MEDIUM,
        .intent = "Persistence",
        .techniques = { "T1505.001", "T1059.007" },
        .description =
            "JavaScript that runs inside the Azure Cosmos DB account {account} was written by somebody who never wrote "
            "any there: "
            "{subject}. It stays when keys are changed; a trigger or a procedure can alter or hand out what others write.",
        .why = "{subject} in {account} were written {count} time(s)[[ ({item})]][[ by {principal}[[ ({callerName})]]]][[ "
               "from {address}]]"
               "[[ with {userAgent}]][[ with {application}]][[, signed in with {keyKind}]][[: {reason}]].",
        .investigate = { "Is there a deployment? Ask its owner, and [[{principal}; ]]compare the code with what the "
                         "repository holds.",
                         "Read the code in Data Explorer[[ ({item})]]: what does it read, change, hand back? A trigger "
                         "before all "
                         "operations is the worst.",
                         "Has it been run since? CDBDataPlaneRequests, OperationName Execute, on the container.",
                         "Who is it[[: {address}]][[, {userAgent}]]: what else was done from there, on which accounts?" },
        .remediate = { "If nobody meant it: keep a copy of the code, then delete it, or put the former version back.",
                       ACT_EVIDENCE, ACT_KEYS, ACT_STOP_CALLER },
        .prevent = { "Deploy server-side code through Azure Resource Manager alone, from a repository.", PREVENT_ENTRA,
                     "No account key at clients: a key may write code, a data-plane role need not." },
        .tables = { "CDBDataPlaneRequests", "AzureActivity" },
        .kql = "union isfuzzy=true\n"
               "(CDBDataPlaneRequests | where AccountName =~ {account:kql} and (RequestResourceType startswith "
               "\"StoredProcedure\" "
               "or RequestResourceType startswith \"Trigger\" or RequestResourceType startswith \"UserDefinedFunction\")"
               " | project Type, TimeGenerated, Operation = strcat(OperationName, \" \", RequestResourceType), "
               "Status = tostring(StatusCode), Who = coalesce(AadPrincipalId, KeyType, AuthTokenType), From = "
               "ClientIpAddress, "
               "Agent = UserAgent, Code = RequestResourceId),\n"
               "(AzureActivity | where OperationNameValue has_any (\"STOREDPROCEDURES\", \"TRIGGERS\", "
               "\"USERDEFINEDFUNCTIONS\")"
               " | where " KQL_OF_ACCOUNT
               " | project Type, TimeGenerated, Operation = OperationNameValue, Status = ActivityStatusValue, Who = Caller, "
               "From = CallerIpAddress, Agent = tostring(Claims_d.appid), Code = _ResourceId)\n"
               "| where TimeGenerated between ({first:kql} - 1d .. {last:kql} + 1d)\n"
               "| order by TimeGenerated asc\n| take 1000",
    },
    { .id = NULL },
};
