/* catalogue_data.c - discovery, collection and slow exfiltration: what comes before and beside a large theft.
 *
 * The cloud's own product has one type for volume; these are ours. Facts used in the templates are those of
 * detectors/kit/bin.c and of the detector of each type.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"

#define DATA_TABLES { "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests", "CDBGremlinRequests", "CDBTableApiRequests" }

#define LOOK_JOB                                                                                   \
    "Ask the owner of {account}: is there a backup, a migration, an export, a Spark job, a new service or a "  \
    "redeployment behind {reader}?"
#define LOOK_NEIGHBOURS                                                                            \
    "Look at the same reader in the hours after: 'Unusual volume of data extracted' of it is the next step."
#define LOOK_WHERE                                                                                 \
    "Where did the data go: storage writes and outbound traffic of the reading host."
#define ACT_READER                                                                                 \
    "If nobody knows the reader, stop it: close the network to it, change the key it used, or disable the principal."
#define ACT_USUAL "If it is a legitimate job it becomes usual by itself within days; then nothing is to be done."

/* The rows of one reader on one container. */
#define KQL_READER(operations)                                                                     \
    KQL_REQUESTS "[[| where Container in {container:kqlset}\n]]" KQL_ONLY(operations)               \
    "[[| where Agent has_any {userAgent:kqlset} or isempty(Agent)\n]]"                             \
    "| summarize Requests=count(), Bytes=sum(ResponseLength), NotFound=countif(Status == 404), "   \
    "NothingNew=countif(Status == 304), First=min(TimeGenerated), Last=max(TimeGenerated) "        \
    "by bin(TimeGenerated, 1h), Type, Client, Agent, Principal, Key, OperationName, Database, Container\n" \
    "| order by TimeGenerated asc\n| take 1000"

const struct alert_type alert_types_data[] = {
    {
        .id = "CosmosDBX_Enumeration",
        .display_name = "Account mapped out",
        .severity = SEVERITY_LOW,
        .intent = "Discovery",
        .techniques = { "T1580", "T1526", "T1619" },
        .description =
            "Somebody lists what {account} holds (databases, containers, throughput, scripts, users) who did not do so "
            "before. It is the first step of whoever holds a credential and does not know the account.",
        .why = "{reader} listed {listed} of {account}[[ ({places})]] in {requests} request(s)[[; {reason}]][[; usual for this "
               "client is {usualListed}]].",
        .investigate = { "Is it a person at the portal's Data Explorer, a monitoring tool, or a new deployment? Ask the owner "
                         "of {account}.",
                         LOOK_KEY, LOOK_PRINCIPAL, LOOK_NEIGHBOURS,
                         "List what the addresses[[ {address}]] did on all accounts that day." },
        .remediate = { ACT_EVIDENCE, ACT_READER },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_ROLES,
                     "Data-plane roles without readMetadata of more than one container." },
        .tables = DATA_TABLES,
        .kql = KQL_REQUESTS "[[| where " KQL_FROM_CLIENT "\n]]"
               "| extend ResourceType = column_ifexists(\"RequestResourceType\", \"\")\n"
               "| where ResourceType !in (\"Document\", \"DocumentFeed\")\n"
               "| project TimeGenerated, Type, OperationName, ResourceType, Status, Client, Agent, Database, Container, "
               "Principal, Key, ActivityId\n"
               "| order by TimeGenerated asc\n| take 1000",
    },
    {
        .id = "CosmosDBX_FullScan",
        .display_name = "Whole container read",
        .severity = SEVERITY_MEDIUM,
        .intent = "Collection",
        .techniques = { "T1213.006", "T1119" },
        .description =
            "A reader of {account} goes through a container without any condition, page after page. Applications ask for "
            "what they need; backups, migrations and thieves ask for everything.",
        .why = "{reader} read {bytesOut:bytes} from {container} in {requests} page(s) without a condition[[ ({reason})]]"
               "[[; the most it usually reads so is {usualBytes:bytes} a day]][[; new reader: {newReader}]].",
        .investigate = { LOOK_JOB, "Is it all of the container? Compare with its size in the portal.", LOOK_KEY, LOOK_PRINCIPAL,
                         LOOK_WHERE, LOOK_EXTENT },
        .remediate = { ACT_EVIDENCE, ACT_READER, "Judge the duty to report a breach with what the container holds.", ACT_USUAL },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_ROLES,
                     "A lower throughput ceiling (RU/s) slows whoever reads everything." },
        .tables = { "CDBDataPlaneRequests", "CDBQueryRuntimeStatistics", "CDBMongoRequests", "CDBCassandraRequests",
                    "CDBGremlinRequests", "CDBTableApiRequests" },
        .kql = KQL_READER("Status between (200 .. 299) and OperationName in~ (\"ReadFeed\", \"Query\", \"SqlQuery\")"),
    },
    {
        .id = "CosmosDBX_ChangeFeedTap",
        .display_name = "New reader of the change feed",
        .severity = SEVERITY_MEDIUM,
        .intent = "Collection",
        .techniques = { "T1213.006", "T1119" },
        .description =
            "Somebody new follows the change feed of a container of {account}: it gives every document there is and every "
            "change from then on, cheaply and without a query that would stand out.",
        .why = "{reader} follows the changes of {container}[[ since {firstSeen:time}]] and did not before: {requests} request(s), "
               "{bytesOut:bytes}[[ ({reason})]].",
        .investigate = { LOOK_JOB, "Was a function app, a connector or a lease container (often named leases) created lately?",
                         LOOK_KEY, LOOK_PRINCIPAL, LOOK_WHERE },
        .remediate = { ACT_EVIDENCE, ACT_READER, "Delete the lease container if it is not yours.", ACT_USUAL },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK,
                     "Data-plane roles without readChangeFeed for whoever only looks things up." },
        .tables = { "CDBDataPlaneRequests", "CDBMongoRequests" },
        .kql = KQL_READER("OperationName =~ \"ReadFeed\" and Status in (200, 206, 304)"),
    },
    {
        .id = "CosmosDBX_DataExfiltration.LowAndSlow",
        .display_name = "Data extracted little by little",
        .severity = SEVERITY_MEDIUM,
        .intent = "Exfiltration",
        .techniques = { "T1030", "T1020", "T1213.006" },
        .description =
            "Over weeks more was read from {account} than the weeks before make likely, although no hour stands out. Whoever "
            "knows that volumes are watched takes a little at a time.",
        .why = "{reader} took {takenBytes:bytes} from {container} in the {windowDays} days before {last}; usual in as many days is "
               "{usualBytes:bytes}[[ ({times10:tenths} times as much)]], the limit {limitBytes:bytes}[[, with growth by "
               "{growth10:tenths} granted]][[, {historyDays} days of history]][[; {reason}]].",
        .investigate = { "Was there a release, a new customer or a new report in these weeks? Ask the owner of {account}.",
                         "Which hours and addresses carry the excess? Nights and weekends are telling.",
                         LOOK_KEY, LOOK_PRINCIPAL, LOOK_WHERE },
        .remediate = { ACT_EVIDENCE, ACT_READER, "Judge the duty to report a breach with what was read in these weeks." },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_ROLES, PREVENT_KEYS },
        .tables = { "CDBDataPlaneRequests", "CDBDataPlaneRequests15M", "CDBMongoRequests", "CDBCassandraRequests",
                    "CDBGremlinRequests", "CDBTableApiRequests" },
        .kql = KQL_REQUESTS_OF("", " - 28d", "=~ {account:kql}") "[[| where Container in {container:kqlset}\n]]"
               KQL_ONLY(KQL_READS)
               "| summarize Bytes=sum(ResponseLength), Requests=count(), Addresses=dcount(Client) "
               "by bin(TimeGenerated, 1d), Type, Agent, Principal, Key, Database, Container\n| order by TimeGenerated asc",
    },
    {
        .id = "CosmosDBX_NumberOfDocuments",
        .display_name = "Unusual number of documents read one by one",
        .severity = SEVERITY_MEDIUM,
        .intent = "Collection",
        .techniques = { "T1119", "T1213.006" },
        .description =
            "A reader of {account} fetches documents by id in numbers that its history does not make likely, or asks for many "
            "ids that do not exist: the picture of somebody who walks through ids.",
        .why = "{reader} made {requests} point read(s) on {container} in unusual hours[[ ({hours})]][[, of which {absent} found "
               "nothing]][[; {reason}]][[; the largest hour had {largestHour}]][[, usual is {usualHour} an hour]]"
               "[[, 99th percentile {usualP99Hour}]][[ ({usualOf})]].",
        .investigate = { "Is it a cache that warms up, an import that checks what exists, or a load test? Ask the owner of {account}.",
                         "Are the ids a sequence (RequestResourceId)? Then the application may hand out what a user may not "
                         "see: look for the end user in its log.",
                         LOOK_KEY, LOOK_PRINCIPAL, LOOK_EXTENT },
        .remediate = { ACT_EVIDENCE, "Check in the application that the caller may see the document, at every access by id.",
                       ACT_READER },
        .prevent = { "Ids that cannot be guessed; a rate limit per end user.", PREVENT_ROLES, PREVENT_NETWORK },
        .tables = { "CDBDataPlaneRequests", "CDBPartitionKeyRUConsumption" },
        .kql = KQL_READER("OperationName =~ \"Read\" and RequestResourceType =~ \"Document\""),
    },
    { .id = NULL },
};
