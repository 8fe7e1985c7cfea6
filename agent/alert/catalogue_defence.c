/* catalogue_defence.c - types about a weakened defence: an opened network, and what logs or raises alarms put out of work.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"

/* The states of the account around the alert, each with who asked for it where AzureActivity says so. */
#define KQL_STATES(columns)                                                                        \
    "CDBControlPlaneRequests\n"                                                                    \
    "| where TimeGenerated between ({first:kql} - 1d .. {last:kql} + 1d)\n"                        \
    "| where AccountName =~ {account:kql}\n"                                                       \
    "| where OperationName startswith \"Account\" or OperationName startswith \"VirtualNetwork\"\n" \
    "| extend Request = tolower(ActivityId)\n"                                                     \
    "| join kind=leftouter (AzureActivity\n"                                                       \
    "    | where TimeGenerated between ({first:kql} - 2d .. {last:kql} + 2d)\n"                    \
    "    | where " KQL_OF_ACCOUNT "\n"                                                             \
    "    | extend Request = tolower(tostring(parse_json(HTTPRequest).clientRequestId))\n"          \
    "    | where isnotempty(Request)\n"                                                            \
    "    | summarize Caller = take_any(Caller), CallerIpAddress = take_any(CallerIpAddress) by Request) on Request\n" \
    "| project TimeGenerated, OperationName, HttpStatusCode, Caller, CallerIpAddress, " columns ", ActivityId\n" \
    "| order by TimeGenerated asc\n| take 1000"

#define LOOK_WRITER                                                                                \
    "Ask who wrote it[[ ({principal})]], and look at the sign-ins at that time. When nobody is named, AzureActivity has " \
    "no row with the request's id: look for databaseAccounts/write of {account} in the same minutes."
#define ACT_STOP_WRITER                                                                            \
    "If it cannot be explained[[ by {principal}]]: disable the identity, revoke its sessions, take its roles away; then look " \
    "at what else it wrote."
#define PREVENT_POLICY "Azure Policy that denies accounts whose network is open."

/* ---- of logging_impaired ---- */

#define WHO_DID_IT                                                                                 \
    "Ask[[ {principal}]] who wanted it: is there a ticket, a pull request, a pipeline run? Look at the sign-ins around "   \
    "{first}: address, device, risk; and which role allowed it[[ ({role})]], since when, given by whom."
#define STOP_WHO                                                                                   \
    "If the caller[[ ({principal})]] cannot explain it: disable it, revoke its sessions and take its roles away, before " \
    "the logs are switched on again."
#define KQL_AROUND(hours)                                                                          \
    "union isfuzzy=true AzureActivity, CDBControlPlaneRequests\n"                                  \
    "| where TimeGenerated between ({first:kql} - " hours " .. {last:kql} + " hours ")\n"             \
    "| extend Operation = coalesce(column_ifexists(\"OperationNameValue\", \"\"), " \
    "column_ifexists(\"OperationName\", \"\")), Who = column_ifexists(\"Caller\", \"\"), Target = tolower(_ResourceId)\n"
#define KQL_AROUND_END                                                                             \
    "| project Type, TimeGenerated, Operation, Status = column_ifexists(\"ActivityStatusValue\", \"\"), Who, " \
    "Address = column_ifexists(\"CallerIpAddress\", \"\"), Request = column_ifexists(\"HTTPRequest\", \"\"), " \
    "ActivityId = column_ifexists(\"ActivityId\", \"\"), FullText = column_ifexists(\"SqlQueryTextTraceType\", \"\"), " \
    "DataPlane = column_ifexists(\"EnableDataPlaneRequestsTrace\", \"\"), " \
    "Properties = column_ifexists(\"Properties_d\", \"\"), Target\n"                               \
    "| order by TimeGenerated asc\n| take 1000"

const struct alert_type alert_types_defence[] = {
    {
        .id = "CosmosDBX_NetworkOpened",
        .display_name = "The network around an account was opened",
        .severity = SEVERITY_MEDIUM,
        .intent = "DefenseEvasion",
        .techniques = { "T1562.007", "T1133" },
        .description =
            "The Azure Cosmos DB account {account} lets in more networks than before. Whoever has a key, or finds one, can "
            "now use it from there.",
        .why = "{account} lets in what it did not before[[: {reason}]][[ ({addedRange})]]"
               "[[; first write: {writtenBy:first}]][[; the account was written in the same minutes by {writtenNearby}]]"
               "[[; its networks are known for {historyDays} days]]"
               "[[; it was taken back, wholly or in part, at {putBackAt:time} and last seen open at {seenOpenAt:time}]].",
        .investigate = { LOOK_WRITER,
                         "Compare the lists before and after (the query of this alert): which address or range is new, "
                         "whose is it? An emptied list is harmless only where public network access was switched off with "
                         "it, which no column says: look at publicNetworkAccess of {account}.",
                         "Which addresses used {account} since {first} that never did before, and with which key?",
                         "Were its keys listed in the days before?" },
        .remediate = { "Put the list of addresses and networks back as it was before {first:time} (may take 15 min).",
                       ACT_STOP_WRITER,
                       "If strangers came in since: regenerate the keys of {account}, all four." },
        .prevent = { PREVENT_NETWORK, PREVENT_FIREWALL, PREVENT_POLICY },
        .tables = { "CDBControlPlaneRequests", "AzureActivity" },
        .kql = KQL_STATES("IpRangeFilter, EnableVirtualNetworkFilter, VirtualNetworkResourceEntries, "
                          "EnablePrivateEndpointConnection, PrivateEndpointConnections"),
    },
    {
        .id = "CosmosDBX_CorsOpened",
        .display_name = "Web pages of a new origin may use an account",
        .severity = SEVERITY_LOW,
        .intent = "DefenseEvasion",
        .techniques = { "T1562.007" },
        .description =
            "The rules for cross-origin requests of the Azure Cosmos DB account {account} name an origin that they did not "
            "name before: its web pages may ask the account from a visitor's browser.",
        .why = "CORS of {account} lets in what it did not before[[: {reason}]][[ ({addedOrigin})]]"
               "[[; first write: {writtenBy:first}]][[; the account was written in the same minutes by {writtenNearby}]]"
               "[[; it was taken back, wholly or in part, at {putBackAt:time} and last seen so at {seenOpenAt:time}]].",
        .investigate = { LOOK_WRITER, "Whose is the origin[[ {addedOrigin}]]? Is there a web client that needs it?",
                         "Does a page carry a key or a resource token of {account}? Then it is public." },
        .remediate = { "Take the origin out of the CORS rules of {account}; `*` is never needed.", ACT_STOP_WRITER },
        .prevent = { "Web pages ask a back end, or carry resource tokens with a short life; never a key.", PREVENT_POLICY },
        .tables = { "CDBControlPlaneRequests", "AzureActivity" },
        .kql = KQL_STATES("Cors"),
    },
    {
        .id = "CosmosDBX_ClusterFirewall",
        .display_name = "The firewall of a MongoDB cluster was opened",
        .severity = SEVERITY_MEDIUM,
        .intent = "DefenseEvasion",
        .techniques = { "T1562.007", "T1133" },
        .description =
            "{subject} wrote a firewall rule of the Azure Cosmos DB for MongoDB (vCore) cluster {account} which lets in "
            "many, or nobody can tell whom.",
        .why = "{subject}[[ ({callerName})]] wrote {count} firewall rule(s) of {account}[[ with {application}]]"
               "[[ from {address}]][[: {reason}]][[ ({addedRange})]].",
        .investigate = { "Read the rule itself[[ ({changed})]]: from which to which address?",
                         "Ask {subject}; which role allowed it[[ ({role})]], since when, given by whom?",
                         "Who signed in to {account} since {first} from an address that is new?" },
        .remediate = { "Delete the rule, or narrow it to the addresses that are needed.", ACT_STOP_WRITER,
                       "If strangers came in since: change the passwords of the cluster's users." },
        .prevent = { PREVENT_NETWORK, PREVENT_FIREWALL, PREVENT_POLICY },
        .tables = { "AzureActivity" },
        .kql =
            "AzureActivity\n"
            "| where TimeGenerated between ({first:kql} - 1d .. {last:kql} + 1d)\n"
            "| where OperationNameValue =~ \"MICROSOFT.DOCUMENTDB/MONGOCLUSTERS/FIREWALLRULES/WRITE\"\n"
            "| where " KQL_OF_ACCOUNT "\n| where Caller =~ {subject:kql}\n"
            "| project TimeGenerated, ActivityStatusValue, Caller, CallerIpAddress, "
            "Application = tostring(Claims_d.appid), Properties_d, CorrelationId, _ResourceId\n"
            "| order by TimeGenerated asc\n| take 1000",
    },
    /* ---- logging_impaired ---- */
    {
        .id = "CosmosDBX_LoggingImpaired",
        .display_name = "Logs that are watched were switched off",
        .severity = SEVERITY_MEDIUM,
        .intent = "DefenseEvasion",
        .techniques = { "T1562.008" },
        .description =
            "[[Logs of the Azure Cosmos DB account {account} were switched off. ]]cosmowatch judges what the workspace "
            "receives: what is no longer logged is not seen by it, nor by Microsoft Sentinel or a rule of yours. It "
            "still sees changes through Azure Resource Manager and what Defender for Cloud finds, as long as "
            "AzureActivity and SecurityAlert reach the workspace, and the other accounts.",
        .why = "Less is logged since {first}: {subject}[[ of {account}]][[; not seen any more: {unseen}]][[; changed: "
               "{item}]][[, by {principal}]][[ ({callerName})]][[ with {application}]][[ from {address}]][[: {reason}]].",
        .investigate = { WHO_DID_IT,
                         "What happened to[[ {account}]] before, while it was still seen: keys read, roles given, firewall "
                         "opened, unusual readers? Look at the day before {first}.",
                         "What is still logged: `cosmowatch coverage`, and in the portal the account's diagnostic "
                         "settings, the plan, the retention and the daily cap of the workspace's tables.",
                         "What happened since {first} stands nowhere but in metrics: TotalRequests and its bytes by "
                         "operation; compare with the weeks before.",
                         "[[Where nobody is named, look for AzureActivity rows whose clientRequestId is {operationId}.]]" },
        .remediate = { STOP_WHO,
                       "Put a setting of the account back: `az monitor diagnostic-settings create --name NAME "
                       "--resource RESOURCE --workspace WORKSPACE --export-to-resource-specific true --logs "
                       "@categories.json`[[; NAME was {item}]][[; RESOURCE is {resourceId}]]. What is there: `az "
                       "monitor diagnostic-settings list --resource RESOURCE`. Of the activity log: `az monitor "
                       "diagnostic-settings subscription create`.",
                       "Full text of queries: Features, Diagnostics full-text query in the portal of the account. A "
                       "table's plan: `az monitor log-analytics workspace table update --plan Analytics`. A workspace "
                       "deleted less than 14 days ago: `az monitor log-analytics workspace recover`.",
                       "Treat the time from {first} until then as unseen: if keys may have been read before it, change "
                       "them.",
                       ACT_EVIDENCE },
        .prevent = { "Azure Policy (deployIfNotExists) that puts diagnostic settings of accounts back, with all categories.",
                     "No microsoft.insights/diagnosticSettings/delete in roles of those who do not run the logging; "
                     "Privileged Identity Management for those who do.",
                     "Two destinations, one of them in a subscription that the administrators of the accounts cannot "
                     "change; a lock on the workspace." },
        .tables = { "AzureActivity", "CDBControlPlaneRequests" },
        .kql = KQL_AROUND("1h")
               "| where Operation has_any (\"diagnosticSettings\", \"operationalinsights\", "
               "\"DiagnosticLogUpdate\", \"AccountUpdate\", \"databaseAccounts\")\n" KQL_AROUND_END,
    },
    {
        .id = "CosmosDBX_AlertingImpaired",
        .display_name = "Alarms were switched off",
        .severity = SEVERITY_MEDIUM,
        .intent = "DefenseEvasion",
        .techniques = { "T1562.001" },
        .description =
            "{subject} switched off something that raises or carries alarms where Azure Cosmos DB is watched: a plan of "
            "Defender for Cloud, an export of it, a rule, whom a rule tells. cosmowatch itself is not touched by that: "
            "what the workspace receives is judged and delivered as before.",
        .why = "Since {first}[[ {unseen}]][[: {item}]], {count} operation(s) by {subject}[[ ({callerName})]][[ with "
               "{application}]][[ from {address}]][[: {reason}]].",
        .investigate = { WHO_DID_IT,
                         "Read what was changed: [[{changed}; ]]does it concern accounts of Azure Cosmos DB? Many rules "
                         "do not.",
                         "What did the caller change in the day before and after: accounts, keys, roles, networks, logs?" },
        .remediate = { STOP_WHO,
                       "The plan is put back with `az security pricing create --name CosmosDbs --tier Standard`; a "
                       "suppression rule is removed with `az security alerts-suppression-rule delete`; rules and action "
                       "groups come from your templates.",
                       "Read the alerts that Defender for Cloud dismissed or did not raise since {first}." },
        .prevent = { "Azure Policy that keeps the plans of Defender for Cloud on.",
                     "Rules and action groups deployed from a repository, so that what is missing is put back; no "
                     "right to delete them for people." },
        .tables = { "AzureActivity" },
        .kql = "AzureActivity\n| where TimeGenerated between ({first:kql} - 1d .. {last:kql} + 1d)\n| where Caller =~ "
               "{subject:kql}\n| where OperationNameValue has_any (\"microsoft.security\", "
               "\"microsoft.securityinsights\", \"microsoft.insights\")\n| project TimeGenerated, OperationNameValue, "
               "ActivityStatusValue, Caller, CallerIpAddress, Application = tostring(Claims_d.appid), CorrelationId, "
               "_ResourceId, Properties_d\n| order by TimeGenerated asc\n| take 1000",
    },
    { .id = NULL },
};
