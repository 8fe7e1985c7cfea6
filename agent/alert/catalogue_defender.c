/* catalogue_defender.c - the types of Microsoft Defender for Azure Cosmos DB.
 *
 * Ids, names, severities and tactics are those of the Defender for Cloud alerts reference (state June
 * 2026), so that rules written for the cloud's own product keep matching; the words are ours. Facts used
 * in the templates are those the detector of each type gives.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"
#include "record/secret_words.h"

const struct alert_type alert_types_defender[] = {
    {
        .id = "CosmosDB_TorAnomaly",
        .display_name = "Access from a Tor exit node",
        .severity = SEVERITY_HIGH,
        .intent = "InitialAccess",
        .techniques = { "T1078.004", "T1090.003" },
        .description =
            "The Azure Cosmos DB account {account} was used successfully from {subject}, an active exit "
            "of the Tor network. Whoever holds a working credential is hiding where he is.",
        .why = "{subject} is a Tor exit[[ (list {feed}[[, listed since {listedSince:time}]])]] and made "
               "{count} successful request(s)[[ with {keyKind}]][[ as {principal}]] to {account}"
               "[[, container {container}]][[, reading {bytesOut:bytes}]][[; {firstTouch}]].",
        .investigate = { LOOK_ADDRESS, LOOK_KEY, LOOK_PRINCIPAL, LOOK_EXTENT,
                         "Was the same credential used from an ordinary address within the hour? Then "
                         "two parties share one secret." },
        .remediate = { ACT_EVIDENCE, ACT_CLOSE, ACT_KEYS,
                       "If a principal was used: disable it, revoke its sessions, remove its roles.",
                       "Search code hosts and pipeline logs for the connection string." },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_FIREWALL, PREVENT_KEYS },
        .tables = { "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests",
                    "CDBGremlinRequests", "CDBTableApiRequests" },
        .kql = KQL_ADDRESS,
    },
    {
        .id = "CosmosDB_SuspiciousIp",
        .display_name = "Access from a suspicious IP",
        .severity = SEVERITY_MEDIUM,
        .intent = "InitialAccess",
        .techniques = { "T1078.004" },
        .description =
            "The Azure Cosmos DB account {account} was used successfully from {subject}, an address that "
            "threat intelligence lists as a threat.",
        .why = "{subject} is listed[[ as {category}]][[ by {feed}]][[ with confidence {listingConfidence}]] "
               "and made {count} successful request(s)[[ with {keyKind}]][[ as {principal}]] to {account}"
               "[[, container {container}]][[, reading {bytesOut:bytes}]][[; {firstTouch}]].",
        .investigate = { LOOK_ADDRESS,
                         "Look at the listing itself: category, age, who reports it; shared NAT and "
                         "cloud egress addresses inherit a bad name from former tenants.",
                         LOOK_KEY, LOOK_PRINCIPAL, LOOK_EXTENT },
        .remediate = { ACT_EVIDENCE, ACT_CLOSE, ACT_KEYS,
                       "If the address is your own egress, look for an infected machine behind it." },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_FIREWALL, PREVENT_KEYS },
        .tables = { "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests",
                    "CDBGremlinRequests", "CDBTableApiRequests" },
        .kql = KQL_ADDRESS,
    },
    {
        .id = "CosmosDB_GeoAnomaly",
        .display_name = "Access from an unusual location",
        .severity = SEVERITY_LOW,
        .intent = "InitialAccess",
        .techniques = { "T1078.004" },
        .description =
            "The Azure Cosmos DB account {account} was used successfully from a place from which it is not used, or by "
            "one identity from two places too far apart.",
        .why = "{count} successful request(s) to {account}[[ from {address}]][[ in {observedValue}]][[ ({network})]]"
               "[[ as {principal}]][[ with {keyKind}]][[: {reason}]][[; {travelKm} km within {travelMinutes} min]]"
               "[[; usual are {usualValues}]][[; {baseline}]][[; places from {placeSource}]].",
        .investigate = { LOOK_REQUESTS, LOOK_PRINCIPAL, LOOK_KEY,
                         "Does the user travel, is there a new office, a VPN exit, a partner or a recovery drill? Ask "
                         "the owner of {account}.",
                         "Is the program[[ ({userAgent})]] one that the account is used with?" },
        .remediate = { ACT_EVIDENCE, ACT_CLOSE, ACT_KEYS,
                       "If a principal was used: disable it, revoke its sessions, remove its roles.",
                       "If it is explained: put the range into `networks` as trusted; do not switch the alert off." },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_FIREWALL,
                     "Conditional Access with named locations, for workload identities too." },
        .tables = { "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests",
                    "CDBGremlinRequests", "CDBTableApiRequests" },
        .kql = KQL_ADDRESS,
        .open_days = 7,
    },
    {
        .id = "CosmosDB_DataExfiltrationAnomaly",
        .display_name = "Unusual volume of data extracted",
        .severity = SEVERITY_MEDIUM,
        .intent = "Exfiltration",
        .techniques = { "T1213.006", "T1530", "T1020" },
        .description =
            "Far more data was read from {account} than its history makes likely. It may be a new job "
            "or a person taking the data away.",
        .why = "{bytesOut:bytes} were read[[ from {container}]][[ in unusual hours ({hours})]][[ in a day ({reason})]]"
               "[[ by {reader}]][[ from {address}]][[; the largest hour had {largestHourBytes:bytes}]]"
               "[[, usual is {usualBytes:bytes} an hour]][[, 99th percentile {usualP99Bytes:bytes}]][[ ({usualOf})]]"
               "[[; usual is {usualDayBytes:bytes} on such a day]]"
               "[[, {historyDays} days of history]]"
               "[[; this reader was never seen before ({newReader})]].",
        .investigate = { LOOK_EXTENT,
                         "Is there a job behind it: backup, migration, export, redeployed change feed, "
                         "load test? Ask the owner of {account}.",
                         LOOK_ADDRESS, LOOK_KEY, LOOK_PRINCIPAL,
                         "Where did the data go: storage writes and outbound traffic of the reading host." },
        .remediate = { ACT_EVIDENCE, ACT_CLOSE, ACT_KEYS,
                       "Judge the duty to report a breach with the list of containers read.",
                       "If it is a legitimate job, confirm it so that it becomes usual." },
        .prevent = { PREVENT_ENTRA, PREVENT_NETWORK, PREVENT_ROLES,
                     "A lower throughput ceiling (RU/s) slows a thief; page limits in the application." },
        .tables = { "CDBDataPlaneRequests", "CDBDataPlaneRequests5M", "CDBMongoRequests",
                    "CDBCassandraRequests", "CDBGremlinRequests", "CDBTableApiRequests" },
        .kql = KQL_REQUESTS "[[| where Container in {container:kqlset}\n]]" KQL_ONLY(KQL_READS)
               "| summarize Bytes=sum(ResponseLength), Requests=count() by bin(TimeGenerated, 1h), Type, Client, Agent, "
               "Principal, Key, Database, Container\n| order by Bytes desc",
    },
    {
        .id = "CosmosDB_SuspiciousListKeys.MaliciousScript",
        .display_name = "Extraction of Azure Cosmos DB accounts keys via a potentially malicious script",
        .severity = SEVERITY_MEDIUM,
        .intent = "Collection",
        .techniques = { "T1552", "T1555.006", "T1580", "T1059.001", "T1078.004" },
        .description =
            "{subject} read the keys of one Azure Cosmos DB account after the other, as scripts do that collect the "
            "secrets of a whole subscription (MicroBurst is one).",
        .why = "{subject} listed keys of several accounts within 15 minutes"
               "[[ ({distinctAccounts}: {accounts})]][[ with {application}]][[ from {address}]][[, and of {distinctServices} other service(s) "
               "({otherServices})]][[: {reason}]][[; usual readers are {usualReaders}]].",
        .investigate = { "Who is {subject}: its sign-ins around {first}, their risk, device and address.",
                         "What else did it read in the same run: storage, Key Vault, registries, app settings?",
                         "For each account of the list: was a key used from a new address since "
                         "('A key was read by one and used by another from elsewhere')?",
                         "Is it a new pipeline, inventory or rotation job? Its owner knows." },
        .remediate = { ACT_EVIDENCE,
                       "Unless {subject} can explain it: disable it, revoke its sessions, take its roles away.",
                       "Regenerate the keys of every account in the list, and of the other services of that run.",
                       "If it is a job of yours: nothing, it becomes usual when it comes back." },
        .prevent = { "Use Microsoft Entra ID only: set disableLocalAuth on the accounts (" KEYS_ALONE ").", PREVENT_KEYS,
                     "Custom roles without listKeys; Privileged Identity Management for those who need it.",
                     "Set disableKeyBasedMetadataWriteAccess, so that a key cannot change the account." },
        .tables = { "AzureActivity" },
        .kql = "AzureActivity\n"
               "| where TimeGenerated between ({first:kql} .. {last:kql})\n"
               "| where OperationNameValue has_any (" SECRET_WORDS_KQL ")\n"
               "[[| where Caller in~ {principal:kqlset}\n]]"
               "| project TimeGenerated, OperationNameValue, ActivityStatusValue, _ResourceId, CallerIpAddress, "
               "Application = tostring(Claims_d.appid), CorrelationId\n"
               "| order by TimeGenerated asc\n| take 1000",
    },
    {
        .id = "AzureCosmosDB_SuspiciousListKeys.SuspiciousPrincipal",
        .display_name = "Suspicious extraction of Azure Cosmos DB account keys",
        .severity = SEVERITY_HIGH,
        .intent = "CredentialAccess",
        .techniques = { "T1555.006", "T1552", "T1528", "T1078.004" },
        .description =
            "Keys of the Azure Cosmos DB account {account} were read by {subject}, which is suspicious for the reasons "
            "named here. A key gives everything in the account to whoever holds it.",
        .why = "{subject}[[ ({callerName})]] read keys of {account} ({count} operation(s))[[ with {application}]]"
               "[[ from {address}]][[: {reason}]][[; usual readers are {usualReaders}]].",
        .investigate = { "Who is {subject}: its sign-ins around {first}, their risk, device and address.",
                         "Why does its role[[ ({role})]] allow reading keys; since when, given by whom?",
                         "Was a key of {account} used from a new address since "
                         "('A key was read by one and used by another from elsewhere')?",
                         LOOK_KEY },
        .remediate = { ACT_EVIDENCE, "Unless {subject} can explain it: disable it, revoke its sessions, take its roles away.", ACT_KEYS,
                       PREVENT_ENTRA, "If the caller is legitimate: nothing, it becomes usual by itself." },
        .prevent = { PREVENT_ENTRA, PREVENT_KEYS,
                     "Custom roles without listKeys; Privileged Identity Management for those who need it.",
                     "Conditional Access for workload identities, with named locations." },
        .tables = { "AzureActivity" },
        .kql = "AzureActivity\n"
               "| where TimeGenerated between ({first:kql} - 1d .. {last:kql} + 1d)\n"
               "| where ([[Caller in~ {principal:kqlset} and ]]" KQL_OF_ACCOUNT ") or "
               "OperationNameValue =~ \"MICROSOFT.AUTHORIZATION/ROLEASSIGNMENTS/WRITE\"\n"
               "| project TimeGenerated, OperationNameValue, ActivityStatusValue, Caller, CallerIpAddress, "
               "GrantedTo = extract(@\"(?i)principalid[^0-9a-f]+([0-9a-f-]+)\", 1, tostring(Properties_d)), "
               "Application = tostring(Claims_d.appid), CorrelationId, _ResourceId\n"
               "| order by TimeGenerated asc\n| take 1000",
    },
    {
        .id = "CosmosDB_SqlInjection.DataExfiltration",
        .display_name = "SQL injection: potential data exfiltration",
        .severity = SEVERITY_MEDIUM,
        .intent = "Exfiltration",
        .techniques = { "T1190", "T1213.006" },
        .description =
            "A statement that ran on {account} was changed from outside in a form that can succeed in "
            "Azure Cosmos DB, so data may have left through the application.",
        .why = "The client {subject} ran {count} statement(s) that look injected[[: {reason}]]"
               "[[; answers carried {bytesOut:bytes}]][[, usual for this statement is {usualBytes:bytes}]]"
               "[[; literals visible: {literalsVisible}]].",
        .investigate = { "Find the page or API that builds the statement: the application's log at the second of "
                         "the sample ActivityId.",
                         "Is the shape new for this client? Compare with its statements of the last 14 days.",
                         "The address is the application's; the attacker is behind it: look for his "
                         "requests in the application's or gateway's log.",
                         LOOK_EXTENT },
        .remediate = { ACT_CODE, ACT_EVIDENCE,
                       "Treat the application's credential as exposed where it can read more than this container: "
                       "change its key or principal." },
        .prevent = { PREVENT_QUERIES, PREVENT_ROLES,
                     "Log full query text while investigating, where privacy allows." },
        .tables = { "CDBQueryRuntimeStatistics", "CDBDataPlaneRequests" },
        .kql = "CDBQueryRuntimeStatistics\n"
               "| where TimeGenerated between ({first:kql} .. {last:kql})\n"
               "| where AccountName =~ {account:kql}[[ and CollectionName in {container:kqlset}]]\n"
               "[[| where ActivityId in {activityId:kqlset}\n]]"
               "| join kind=leftouter (CDBDataPlaneRequests\n"
               "    | where TimeGenerated between ({first:kql} - 1h .. {last:kql} + 1h)\n"
               "    | project ActivityId, ClientIpAddress, StatusCode, ResponseLength, UserAgent, "
               "AadPrincipalId) on ActivityId\n"
               "| project TimeGenerated, QueryText, ClientIpAddress, StatusCode, ResponseLength, "
               "UserAgent, AadPrincipalId, DatabaseName, CollectionName, ActivityId\n"
               "| order by TimeGenerated asc\n| take 1000",
    },
    {
        .id = "CosmosDB_SqlInjection.FailedFuzzingAttempt",
        .display_name = "SQL injection: fuzzing attempt",
        .severity = SEVERITY_LOW,
        .intent = "PreAttack",
        .techniques = { "T1595.002", "T1190" },
        .description =
            "Somebody tries statements against {account} that are known from SQL attacks and cannot "
            "succeed in Azure Cosmos DB: a sign that an attacker works on the application in front of it.",
        .why = "The client {subject} sent {count} statement(s) that cannot succeed here[[: {reason}]]"
               "[[; {failedRequests} were refused as malformed]][[, in at least {distinctShapes} different "
               "forms]][[; literals visible: {literalsVisible}]].",
        .investigate = { "Find the end user behind the requests in the application's log, by time and ActivityId.",
                         "Compare with release times: a bug fails with one shape at a steady rate, fuzzing with "
                         "many shapes in bursts.",
                         "Look for a success among the failures: 'SQL injection: potential data "
                         "exfiltration' of the same client." },
        .remediate = { ACT_CODE, "Rate-limit or block the end user at the gateway; keys need no change." },
        .prevent = { PREVENT_QUERIES, "A WAF rule for the pattern; generic error pages." },
        .tables = { "CDBDataPlaneRequests", "CDBQueryRuntimeStatistics" },
        .kql = "CDBDataPlaneRequests\n"
               "| where TimeGenerated between ({first:kql} .. {last:kql})\n"
               "| where AccountName =~ {account:kql}[[ and CollectionName in {container:kqlset}]]\n"
               "| where OperationName in (\"Query\", \"SqlQuery\")\n"
               "| join kind=leftouter (CDBQueryRuntimeStatistics\n"
               "    | where TimeGenerated between ({first:kql} - 1h .. {last:kql} + 1h)\n"
               "    | summarize QueryText = take_any(QueryText) by ActivityId) on ActivityId\n"
               "| where StatusCode == 400 or isnotempty(QueryText)\n"
               "| project TimeGenerated, StatusCode, QueryText, ClientIpAddress, UserAgent, RequestLength, "
               "DatabaseName, CollectionName, ActivityId\n"
               "| order by TimeGenerated asc\n| take 1000",
    },
    { .id = NULL },
};
