/* catalogue_parts.h - the tables that make up the catalogue, and the sentences they share. For
 * agent/alert/catalogue*.c alone.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CATALOGUE_PARTS_H
#define COSMOWATCH_CATALOGUE_PARTS_H

#include "alert/catalogue.h"

/* Each ends with an entry without id. A new family of types: its file, one line here, one in catalogue.c. */
extern const struct alert_type alert_types_defender[]; /* what Defender for Cosmos DB has */
extern const struct alert_type alert_types_agent[];    /* about the agent's own eyes */
extern const struct alert_type alert_types_access[];   /* who comes, from where, with what */
extern const struct alert_type alert_types_keys[];     /* account keys: read, stolen, leaked, regenerated */
extern const struct alert_type alert_types_rights[];   /* rights given to data, keys, subscriptions */
extern const struct alert_type alert_types_injection[]; /* injection into any dialect, beyond what Defender has */
extern const struct alert_type alert_types_data[];     /* discovery, collection, slow exfiltration */
extern const struct alert_type alert_types_defence[];  /* networks opened, logs and alarms impaired */
extern const struct alert_type alert_types_destruction[]; /* data and resources destroyed */
extern const struct alert_type alert_types_moves[];    /* data moved by the service itself, code left in it */
extern const struct alert_type alert_types_incident[]; /* chains of alerts */

/* Of AzureActivity: rows about the account, or about the cluster of that name, and what is in it. */
#define KQL_OF_ACCOUNT                                                                             \
    "(tolower(_ResourceId) has strcat(\"/databaseaccounts/\", tolower({account:kql}))"             \
    " or tolower(_ResourceId) has strcat(\"/mongoclusters/\", tolower({account:kql})))"

/* Requests of accounts in all their tables, under one name for each meaning; conditions go between this and an end.
 * `more`: further tables, `from`: how much earlier than the alert. A workspace may lack any of the tables, and the rows of a
 * MongoDB account often stand in its own one alone. */
#define KQL_REQUESTS_OF(more, from, accounts)                                                      \
    "union isfuzzy=true CDBDataPlaneRequests, CDBMongoRequests, CDBCassandraRequests, "            \
    "CDBGremlinRequests, CDBTableApiRequests" more "\n"                                            \
    "| where TimeGenerated between ({first:kql}" from " .. {last:kql})\n"                          \
    "| where AccountName " accounts "\n"                                                           \
    "| extend Client = coalesce(column_ifexists(\"ClientIpAddress\", \"\"), "                     \
    "column_ifexists(\"Address\", \"\")), Agent = column_ifexists(\"UserAgent\", \"\"), "         \
    "Principal = coalesce(column_ifexists(\"AadPrincipalId\", \"\"), "                           \
    "column_ifexists(\"UserId\", \"\")), Key = coalesce(column_ifexists(\"KeyType\", \"\"), "    \
    "column_ifexists(\"AuthTokenType\", \"\"), column_ifexists(\"AuthorizationTokenType\", \"\")), " \
    "Status = column_ifexists(\"StatusCode\", int(null)), Database = column_ifexists(\"DatabaseName\", \"\"), " \
    "Container = coalesce(column_ifexists(\"CollectionName\", \"\"), column_ifexists(\"TableName\", \"\"))\n"
#define KQL_REQUESTS_AND(more) KQL_REQUESTS_OF(more, "", "=~ {account:kql}")
#define KQL_REQUESTS KQL_REQUESTS_AND("")
#define KQL_REQUESTS_END                                                                           \
    "| project Type, TimeGenerated, OperationName, Status, "                                       \
    "Error = column_ifexists(\"ErrorCode\", \"\"), Client, Agent, Principal, Key, "               \
    "Database, Container, ResponseLength, ActivityId\n"                                            \
    "| order by TimeGenerated asc\n| take 1000"

/* The rows of the clients of the alert; of IPv6 they may be a range ("2001:db8:1:2::/64"), which no row has as a text. */
#define KQL_FROM_CLIENT                                                                            \
    "(Client has_any {address:kqlset} or ipv6_is_in_any_range(Client, pack_array{address:kqlset}))"

/* The rows of an address: used by the types whose subject is a client address. */
#define KQL_ADDRESS KQL_REQUESTS "[[| where " KQL_FROM_CLIENT "\n]]" KQL_REQUESTS_END

/* What is said of the data plane's rows (`operations`) no other table can say: there all rows are shown. */
#define KQL_ONLY(operations) "| where Type != \"CDBDataPlaneRequests\" or (" operations ")\n"
#define KQL_READS                                                                                  \
    "Status between (200 .. 299) and OperationName in~ (\"Query\", \"SqlQuery\", \"JSQuery\", "   \
    "\"ReadFeed\", \"Read\", \"Execute\")"

#define LOOK_REQUESTS                                                                              \
    "List every request of[[ {address}]][[ {principal}]] in the last 30 days, over all accounts: first seen, " \
    "statuses, keys, user agents, containers, bytes (the query of this alert, with a wider time)."
#define LOOK_ADDRESS                                                                               \
    "List every request of {subject} in the last 30 days, over all accounts: first seen, statuses, "  \
    "keys, user agents, containers, bytes (the query of this alert, with a wider time)."
#define LOOK_KEY                                                                                   \
    "Find out who read the keys of {account} in the last 90 days[[ (used here: {keyKind})]]: "     \
    "AzureActivity, listKeys, readonlykeys, listConnectionStrings, regenerateKey."
#define LOOK_PRINCIPAL                                                                             \
    "If a principal was used[[ ({principal})]]: which data-plane role does it hold, since when, "  \
    "given by whom; its sign-ins at the same time."
#define LOOK_EXTENT                                                                                \
    "Measure what was read or written from {first} until now: containers, documents, bytes"       \
    "[[ ({bytesOut:bytes} so far)]]; is there personal or secret data in it?"
#define ACT_EVIDENCE                                                                               \
    "Export the rows of the query below before retention removes them."
#define ACT_CLOSE                                                                                  \
    "Close the door: the firewall of {account} is an allow-list, take out the range that lets "   \
    "the address in, or turn public network access off where private endpoints exist (up to 15 min)."
#define ACT_KEYS                                                                                   \
    "Change the keys of {account} without an outage: applications to the secondary key, regenerate " \
    "the primary, move back, regenerate the secondary; all four keys if theft is proven."
#define ACT_CODE                                                                                   \
    "Deploy the parameterised query; until then block the input pattern at the gateway."
/* Azure's own policy for it leaves out accounts of MongoDB, Cassandra, Gremlin and Table. */
#define KEYS_ALONE "API for NoSQL; the applications of the other APIs know keys alone and would be shut out"
#define PREVENT_ENTRA "Use Microsoft Entra ID only: set disableLocalAuth on {account} (" KEYS_ALONE ")."
#define PREVENT_NETWORK "Turn public network access off and use private endpoints."
#define PREVENT_FIREWALL "Keep firewall rules narrow: no 0.0.0.0, no whole-Azure rule."
#define PREVENT_KEYS "Keep keys in Key Vault only, rotated by calendar, never in code or pipelines."
#define PREVENT_QUERIES                                                                            \
    "Use parameterised queries only; allow-list field names and sort orders that users may choose."
#define PREVENT_ROLES "Give applications the least data-plane role; no listKeys in custom roles."


#endif
