/* catalogue_keys.c - what happens to account keys beyond Defender's two types: read for the first time, stolen, leaked,
 * used by somebody although nobody read them, regenerated. Facts are those of detectors/key_reader.c,
 * detectors/stolen_key.c and detectors/key_regenerated.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"

#define KQL_KEY_ROWS                                                                               \
    "AzureActivity\n"                                                                              \
    "| where TimeGenerated between ({first:kql} - 1d .. {last:kql} + 1d)\n"                        \
    "| where OperationNameValue has_any (\"LISTKEYS\", \"READONLYKEYS\", \"LISTCONNECTIONSTRINGS\", " \
    "\"REGENERATEKEY\")\n"                                                                         \
    "| where " KQL_OF_ACCOUNT "\n"

#define KQL_KEY_COLUMNS                                                                            \
    "| project TimeGenerated, OperationNameValue, ActivityStatusValue, Caller, CallerIpAddress, "  \
    "Application = tostring(Claims_d.appid), CorrelationId, _ResourceId\n"                         \
    "| order by TimeGenerated asc\n| take 1000"

/* The rows of one key kind from the networks of the alert, and who read keys around them. */
#define KQL_KEY_USE                                                                                \
    KQL_REQUESTS "| where Key =~ {subject:kql}\n[[| where " KQL_FROM_CLIENT "\n]]"                  \
    "| summarize Requests = count(), Bytes = sum(ResponseLength), First = min(TimeGenerated), "    \
    "Last = max(TimeGenerated), Operations = make_set(OperationName, 20), "                        \
    "Containers = make_set(Container, 20) by Type, Client, Agent\n"                                \
    "| order by First asc\n| take 1000"

#define TABLES_DATA                                                                                \
    "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests", "CDBGremlinRequests", "CDBTableApiRequests"

#define ACT_ALL_FOUR                                                                               \
    "Regenerate all four keys of {account}: applications to the secondary key first, then the primary, back, then " \
    "the secondary; both read-only keys too. Resource tokens made with them die as well."
#define ACT_STOP_CALLER                                                                            \
    "If the caller[[ ({principal})]] cannot explain it: disable it, revoke its sessions and take its roles away."
#define PREVENT_READERS                                                                            \
    "Custom roles without listKeys; Privileged Identity Management for those who need it."

const struct alert_type alert_types_keys[] = {
    {
        .id = "CosmosDBX_KeyRead.FirstTime",
        .display_name = "Account keys read by somebody new",
        .severity = SEVERITY_LOW,
        .intent = "CredentialAccess",
        .techniques = { "T1555.006", "T1552" },
        .description =
            "{subject} read keys of the Azure Cosmos DB account {account} for the first time in 60 days. A key gives "
            "everything in the account to whoever holds it, and says nothing about who that is.",
        .why = "{subject}[[ ({callerName})]] read keys of {account} {count} time(s)[[ with {application}]]"
               "[[ from {address}]], for the first time in 60 days[[; usual readers are {usualReaders}]]"
               "[[; {reason}]].",
        .investigate = { "Ask {subject}, or the owner of the application, what the key was for.",
                         "Which role allowed it[[ ({role})]], since when, given by whom?",
                         "Was a key of {account} used from a new address since?" },
        .remediate = { "If it is a new administrator or pipeline: nothing, it becomes usual by itself.",
                       ACT_STOP_CALLER, ACT_ALL_FOUR },
        .prevent = { PREVENT_ENTRA, PREVENT_KEYS, PREVENT_READERS },
        .tables = { "AzureActivity" },
        .kql = KQL_KEY_ROWS "| where Caller =~ {subject:kql}\n" KQL_KEY_COLUMNS,
    },
    {
        .id = "CosmosDBX_StolenKeyUse",
        .display_name = "A key was read by one and used by another from elsewhere",
        .severity = SEVERITY_HIGH,
        .intent = "CredentialAccess",
        .techniques = { "T1555.006", "T1550", "T1213.006" },
        .description =
            "Keys of the Azure Cosmos DB account {account} were read, and soon after {subject} was used from a place "
            "where neither the reader nor any application of this account was before: the key has changed hands.",
        .why = "[[{principal} read keys of {account}[[ at {readAt:time}]][[ from {readerAddress}]]; then ]]"
               "{subject} of {account} made {count} request(s)[[ from {address}]][[ with {userAgent}]]"
               "[[, reading {bytesOut:bytes}]][[: {reason}]][[; usual readers are {usualReaders}]].",
        .investigate = { "Who read the keys[[: was {principal} itself taken over? Its sign-ins around {readAt:time}, "
                         "risk, device, address]][[; usual readers: {habitualReader}; did one leave them in logs, "
                         "state files, variables]]?",
                         "[[Whose network is {network}? ]]Is there a deployment, a new region, a partner?",
                         LOOK_EXTENT,
                         "Did the same caller read keys of other accounts, storage or Key Vault secrets?" },
        .remediate = { ACT_EVIDENCE, ACT_CLOSE, ACT_ALL_FOUR, ACT_STOP_CALLER,
                       "If it was your own new host: add its network to `networks` so that it is known." },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_KEYS, PREVENT_READERS },
        .tables = { "AzureActivity", TABLES_DATA },
        .kql = KQL_KEY_USE,
    },
    {
        .id = "CosmosDBX_KeyPubliclyLeaked",
        .display_name = "One key is used from many unrelated networks",
        .severity = SEVERITY_HIGH,
        .intent = "CredentialAccess",
        .techniques = { "T1552.001", "T1078.004" },
        .description =
            "{subject} of the Azure Cosmos DB account {account} is used from many networks that have nothing to do with "
            "each other and never used a key of this account: it has become public, in a repository, an image or an "
            "application that was handed out.",
        .why = "{subject} of {account} was used from many networks in one day that never used a key of this account"
               "[[ ({newNetworks})]][[; the most before was {usualNewNetworks}]]: {count} request(s)[[ from {address}]]"
               "[[ with {userAgent}]][[, reading {bytesOut:bytes}]].",
        .investigate = { "Search code hosts, container images, pipeline logs and mobile packages for the connection "
                         "string of {account}.",
                         "Is the key inside an application that runs at customers? Then this is what that looks like.",
                         LOOK_EXTENT, LOOK_KEY },
        .remediate = { ACT_EVIDENCE, ACT_ALL_FOUR, ACT_CLOSE,
                       "Take the key out of what was published; a key in a repository's history stays published." },
        .prevent = { PREVENT_ENTRA, PREVENT_KEYS, PREVENT_FIREWALL,
                     "Clients outside get resource tokens with one partition key and a short life, or a back end." },
        .tables = { TABLES_DATA },
        .kql = KQL_KEY_USE,
    },
    {
        .id = "CosmosDBX_ServiceSideKeyTheft",
        .display_name = "A key is used from elsewhere although nobody read it",
        .severity = SEVERITY_MEDIUM,
        .intent = "CredentialAccess",
        .techniques = { "T1212", "T1078.004" },
        .description =
            "{subject} of the Azure Cosmos DB account {account} was used from a new network by a new program, and the "
            "activity log knows of nobody who read a key: it was given out long ago, or taken where no log is.",
        .why = "{subject} of {account} made {count} request(s)[[ from {address}]][[ with {userAgent}]]"
               "[[, reading {bytesOut:bytes}]][[; {reason}]].",
        .investigate = { "Is the activity log of the subscription complete[[, for all the {logDays} days]]?",
                         "Who was given a connection string long ago: partners, former employees, old hosts?",
                         "Are there notebook workspaces in the account, or a service that holds the key for you?",
                         LOOK_EXTENT, LOOK_KEY },
        .remediate = { ACT_EVIDENCE, ACT_ALL_FOUR, ACT_CLOSE,
                       "If it was your own new host: add its network to `networks` so that it is known." },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_KEYS },
        .tables = { TABLES_DATA, "AzureActivity" },
        .kql = KQL_KEY_USE,
    },
    {
        .id = "CosmosDBX_KeyRegenerated",
        .display_name = "Account keys were regenerated unexpectedly",
        .severity = SEVERITY_LOW,
        .intent = "Impact",
        .techniques = { "T1531", "T1098.001" },
        .description =
            "Keys of the Azure Cosmos DB account {account} were regenerated by {subject}. Every application that still "
            "has the old key is shut out; whoever holds the new one is in.",
        .why = "{subject} regenerated {count} key(s) of {account}[[ with {application}]][[ from {address}]]"
               "[[, {inAnHour} within an hour]][[; {refusedAfter} requests were refused with 401 in the hour after it]]"
               "[[: {reason}]].",
        .investigate = { "Is there a rotation in the change calendar, or an incident somebody responds to?",
                         "Ask {subject}; look at its sign-ins around {first}.",
                         "Which applications of {account} fail since, and with which key?" },
        .remediate = { "Tell the owners of the applications; give them the new keys through Key Vault.",
                       ACT_STOP_CALLER,
                       "If it was an attack: regenerate once more from a clean identity, all four keys." },
        .prevent = { PREVENT_ENTRA, PREVENT_KEYS, PREVENT_READERS,
                     "A resource lock: ReadOnly blocks regenerateKey, and listKeys with it (CanNotDelete blocks neither)." },
        .tables = { "AzureActivity", "CDBDataPlaneRequests" },
        .kql = KQL_KEY_ROWS "| where Caller =~ {subject:kql}\n" KQL_KEY_COLUMNS,
    },
    { .id = NULL },
};
