/* catalogue_access.c - who comes, from where and with what: the types beyond what Defender for Cosmos DB has.
 *
 * What is new to an account stays new for two slots of learning (baseline/slots.h): those types are open for
 * a week, so that one piece of news is one alert.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"

#define DATA_TABLES                                                                                \
    { "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests", "CDBGremlinRequests",    \
      "CDBTableApiRequests" }
/* Of the alerts about an application id: its rows of the activity log, under the names of the request tables. */
#define KQL_BY_APPLICATION                                                                         \
    "[[, (AzureActivity | where tolower(tostring(Claims_d.appid)) in {appId:kqlset}"               \
    " and " KQL_OF_ACCOUNT                                                                        \
    " | project Type, TimeGenerated, OperationName = OperationNameValue, AccountName = {account:kql}," \
    " Address = CallerIpAddress, UserAgent = tolower(tostring(Claims_d.appid)), UserId = Caller,"  \
    " ActivityId = CorrelationId)]]"
#define SAID "[[: {reason}]][[; usual are {usualValues}]][[; {baseline}]]."
#define ASK_OWNER                                                                                  \
    "Is there a deployment, a migration or a new service in the change calendar? Ask the owner of {account}."
#define ACT_PRINCIPAL "If a principal was used: disable it, revoke its sessions, remove its roles."

const struct alert_type alert_types_access[] = {
    {
        .id = "CosmosDBX_ApplicationAnomaly",
        .display_name = "Access by an unusual application",
        .severity = SEVERITY_LOW,
        .intent = "InitialAccess",
        .techniques = { "T1078.004", "T1213.006" },
        .description = "The account {account} was used by a program, or administered through an application, that did "
                       "not use it in the last 60 days. An upgrade of a known program is not told.",
        .why = "{observedValue} made {count} successful request(s) to {account}[[ from {address}]][[ with {keyKind}]]"
               "[[ as {principal}]][[ ({operations})]][[, reading {bytesOut:bytes}]]" SAID,
        .investigate = { ASK_OWNER, LOOK_REQUESTS, LOOK_KEY, LOOK_PRINCIPAL },
        .remediate = { "If it is yours: nothing, it becomes usual; a program that comes and goes belongs into the "
                       "trusted list.", ACT_EVIDENCE, ACT_CLOSE, ACT_KEYS },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_ROLES },
        .tables = { "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests", "CDBGremlinRequests",
                    "CDBTableApiRequests", "AzureActivity" },
        .kql = KQL_REQUESTS_AND(KQL_BY_APPLICATION) "[[| where Agent in {userAgent:kqlset}\n]]"
               "[[| where Agent in {appId:kqlset}\n]]" KQL_REQUESTS_END,
        .open_days = 7,
    },
    {
        .id = "CosmosDBX_SuspiciousApplication",
        .display_name = "Access by an attack or penetration-test tool",
        .severity = SEVERITY_HIGH,
        .intent = "InitialAccess",
        .techniques = { "T1078.004", "T1595.002" },
        .description = "The account {account} was used, or tried, by a program that names itself as a tool for attacks, "
                       "runs on a system made for them, or is a scripting client that is new here.",
        .why = "{observedValue} made {count} request(s) to {account}[[ from {address}]][[ with {keyKind}]]"
               "[[ as {principal}]][[ (statuses {statusCodes})]][[, reading {bytesOut:bytes}]]" SAID,
        .investigate = { LOOK_REQUESTS, "Is a test announced, or a developer at work (Postman, curl)? Ask the owner of "
                         "{account}.", LOOK_KEY, LOOK_EXTENT },
        .remediate = { ACT_EVIDENCE, ACT_CLOSE, ACT_KEYS, ACT_PRINCIPAL },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_FIREWALL, PREVENT_KEYS },
        .tables = DATA_TABLES,
        .kql = KQL_REQUESTS "[[| where Agent in {userAgent:kqlset}\n]]" KQL_REQUESTS_END,
        .open_days = 7,
    },
    {
        .id = "CosmosDBX_CloudProviderAnomaly",
        .display_name = "Access from an unusual cloud or hosting provider",
        .severity = SEVERITY_MEDIUM,
        .intent = "InitialAccess",
        .techniques = { "T1078.004", "T1583.003" },
        .description = "The account {account} was used from the network of a provider where anybody can rent a host, and "
                       "from which it was not used in the last 60 days.",
        .why = "{count} successful request(s) to {account} came from {observedValue}[[ ({address})]][[ with {keyKind}]]"
               "[[ as {principal}]][[, reading {bytesOut:bytes}]]" SAID,
        .investigate = { LOOK_REQUESTS, LOOK_KEY, "Is there a new partner, connector, build runner or egress? Ask the "
                         "owner of {account}.", LOOK_EXTENT },
        .remediate = { ACT_EVIDENCE, ACT_CLOSE, ACT_KEYS, ACT_PRINCIPAL,
                       "If it is yours: put the range into `networks` as trusted." },
        .prevent = { PREVENT_NETWORK, PREVENT_FIREWALL, PREVENT_ENTRA },
        .tables = DATA_TABLES,
        .kql = KQL_ADDRESS,
        .open_days = 7,
    },
    {
        .id = "CosmosDBX_PrincipalAnomaly",
        .display_name = "Access by an unusual principal",
        .severity = SEVERITY_MEDIUM,
        .intent = "InitialAccess",
        .techniques = { "T1078.004" },
        .description = "An identity that did not use the account {account} in the last 60 days read or wrote in it.",
        .why = "{subject} made {count} successful request(s) to {account}[[ from {address}]][[, container {container}]]"
               "[[, reading {bytesOut:bytes}]]" SAID,
        .investigate = { LOOK_PRINCIPAL, LOOK_REQUESTS, "Is it a new service, or the other half of a blue and green pair? "
                         "Ask the owner of {account}.", LOOK_EXTENT },
        .remediate = { ACT_EVIDENCE, ACT_PRINCIPAL, "If it is meant: nothing, it becomes usual." },
        .prevent = { PREVENT_ROLES, "Privileged Identity Management for people; one identity a service." },
        .tables = DATA_TABLES,
        .kql = KQL_REQUESTS "[[| where Principal in~ {principal:kqlset}\n]]" KQL_REQUESTS_END,
        .open_days = 7,
    },
    {
        .id = "CosmosDBX_AuthMethodAnomaly",
        .display_name = "Unusual way of signing in",
        .severity = SEVERITY_MEDIUM,
        .intent = "InitialAccess",
        .techniques = { "T1078.004", "T1550" },
        .description = "The account {account} was used with another kind of credential than usual. Keys that change places "
                       "in a rotation, in the hands of known clients, are not told.",
        .why = "{observedValue} was used for {count} successful request(s) to {account}[[ from {address}]]"
               "[[ by {userAgent}]][[, reading {bytesOut:bytes}]]" SAID,
        .investigate = { LOOK_KEY, LOOK_REQUESTS, "Is a rotation, an emergency access or a migration under way? Ask the "
                         "owner of {account}.", LOOK_EXTENT },
        .remediate = { ACT_EVIDENCE, ACT_KEYS, PREVENT_ENTRA },
        .prevent = { PREVENT_ENTRA, PREVENT_KEYS },
        .tables = DATA_TABLES,
        .kql = KQL_REQUESTS "[[| where Key in~ {keyKind:kqlset}\n]][[| where " KQL_FROM_CLIENT "\n]]"
               KQL_REQUESTS_END,
        .open_days = 7,
    },
    {
        .id = "CosmosDBX_PrivatePathBypassed",
        .display_name = "Private path bypassed",
        .severity = SEVERITY_MEDIUM,
        .intent = "InitialAccess",
        .techniques = { "T1133", "T1562.007" },
        .description = "The account {account}, which is used over private addresses, was used from a public one.",
        .why = "{count} successful request(s) to {account} came from {address}[[ with {keyKind}]][[ as {principal}]]"
               "[[ by {userAgent}]]" SAID,
        .investigate = { "Look for changes of the account's network settings in the last day: CDBControlPlaneRequests, "
                         "IpRangeFilter, public network access.", LOOK_REQUESTS, LOOK_KEY },
        .remediate = { ACT_EVIDENCE, ACT_CLOSE, ACT_KEYS },
        .prevent = { PREVENT_NETWORK, "Azure Policy: deny public network access on accounts with private endpoints." },
        .tables = { "CDBDataPlaneRequests", "CDBControlPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests",
                    "CDBGremlinRequests", "CDBTableApiRequests" },
        .kql = KQL_ADDRESS,
        .open_days = 7,
    },
    {
        .id = "CosmosDBX_RefusedAccess",
        .display_name = "Refused access from a bad source",
        .severity = SEVERITY_LOW,
        .intent = "PreAttack",
        .techniques = { "T1110", "T1595", "T1133" },
        .description = "Somebody who is known to be bad, or who tries one account after the other, was refused by "
                       "{account}.",
        .why = "{subject} was refused {count} time(s) by {account}[[ (statuses {statusCodes})]][[ as {category}]]"
               "[[, listed by {feed}]]" SAID,
        .investigate = { LOOK_REQUESTS, "Make sure that nothing succeeded: statuses 200 to 299 of the same address, in all "
                         "accounts.", "Is it a scanner of your own?" },
        .remediate = { ACT_EVIDENCE, "Nothing to undo while nothing succeeded; narrow the firewall of {account}." },
        .prevent = { PREVENT_NETWORK, PREVENT_FIREWALL, PREVENT_ENTRA },
        .tables = DATA_TABLES,
        .kql = KQL_ADDRESS,
    },
    {
        .id = "CosmosDBX_BruteForce",
        .display_name = "Many refused sign-ins",
        .severity = SEVERITY_LOW,
        .intent = "CredentialAccess",
        .techniques = { "T1110.001", "T1110.003", "T1110.004" },
        .description = "Strangers tried many times to use {account} and were refused; where one of them then got in, a "
                       "credential was found.",
        .why = "{subject}: {count} request(s) to {account}[[ from {address}]][[, {failedRequests} of them refused]]"
               "[[ (statuses {statusCodes})]][[ by {userAgent}]]" SAID,
        .investigate = { LOOK_REQUESTS, "Did anything succeed from the same addresses, or with the same key, afterwards?",
                         "Is it a client of yours with an old key, a clock that runs wrong, or a token that expired? Those "
                         "come steadily, from known places, with one program.", LOOK_KEY },
        .remediate = { "If it got in: change the keys, or disable the principal, at once.", ACT_EVIDENCE, ACT_CLOSE,
                       ACT_KEYS, ACT_PRINCIPAL },
        .prevent = { PREVENT_NETWORK, PREVENT_FIREWALL, PREVENT_ENTRA, PREVENT_KEYS },
        .tables = DATA_TABLES,
        .kql = KQL_ADDRESS,
    },
    {
        .id = "CosmosDBX_DormantAccountUsed",
        .display_name = "Dormant account used",
        .severity = SEVERITY_LOW,
        .intent = "InitialAccess",
        .techniques = { "T1078.004", "T1213.006" },
        .description = "The account {account}, or one of its keys, was not used for long and is used again.",
        .why = "{subject} was used for {count} successful request(s) after {pauseDays} days without any"
               "[[ (longest pause so far {usualPauseDays} days)]][[ from {address}]][[ by {userAgent}]][[ with {keyKind}]]"
               "[[ as {principal}]][[, reading {bytesOut:bytes}]]" SAID,
        .investigate = { "Is it a quarterly job, a test of recovery or an audit? Ask the owner of {account}.",
                         LOOK_REQUESTS, LOOK_KEY, LOOK_EXTENT },
        .remediate = { ACT_EVIDENCE, ACT_CLOSE, ACT_KEYS, "If nobody needs the account: back it up and delete it." },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_KEYS, "Delete accounts that nobody owns." },
        .tables = DATA_TABLES,
        .kql = KQL_REQUESTS KQL_REQUESTS_END,
        .open_days = 7,
    },
    { .id = NULL },
};
