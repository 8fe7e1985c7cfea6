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
    { .id = NULL },
};
