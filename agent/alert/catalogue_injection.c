/* catalogue_injection.c - injection into the other dialects of Cosmos DB, and statements that are new.
 *
 * The cloud's own product has types for NoSQL statements only; these are ours. Facts used in the templates
 * are those of detectors/kit/injection.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"

#define WHY_INJECTED                                                                               \
    "The client {subject} ran or tried {count} {api} statement(s) that look injected[[: {reason}]]" \
    "[[; answers carried {bytesOut:bytes}]][[, usual for this statement is {usualBytes:bytes}]]"    \
    "[[; {failedRequests} were refused]][[; literals visible: {literalsVisible}]]."

#define LOOK_CODE                                                                                  \
    "Find the page or API that builds the statement: the application's log at the second of the sample "  \
    "ActivityId[[ ({activityId:first})]]."
#define LOOK_BEHIND                                                                                \
    "The address is the application's; the attacker is behind it: look for his requests in the "      \
    "application's or gateway's log."
#define LOOK_USUAL                                                                                 \
    "Is the form new for this client? Compare with its statements of the last 14 days and with release times."
#define LOOK_SUCCESS "Status and size of the answers: did it run, and did more come back than usual?"
#define ACT_CREDENTIAL                                                                             \
    "Treat the application's credential as exposed where it can read more than this container."
#define PREVENT_TEXT "Log full query text while investigating, where privacy allows."

/* One table holds command, address, status and size: no join. */
#define KQL_COMMANDS(table, container)                                                             \
    table "\n"                                                                                     \
    "| where TimeGenerated between ({first:kql} .. {last:kql})\n"                                  \
    "| where AccountName =~ {account:kql}[[ and " container " in {container:kqlset}]]"             \
    "[[ and UserAgent in {userAgent:kqlset}]]\n"                                                   \
    "| project TimeGenerated, OperationName, ErrorCode, PIICommandText, Address, UserAgent, "      \
    "RequestLength, ResponseLength, RequestCharge, " container ", ActivityId\n"                    \
    "| order by TimeGenerated asc\n| take 1000"

#define KQL_MONGO KQL_COMMANDS("CDBMongoRequests", "CollectionName")

#define INJECTION_TECHNIQUES { "T1190", "T1213.006" }

const struct alert_type alert_types_injection[] = {
    {
        .id = "CosmosDBX_NoSqlInjection",
        .display_name = "SQL injection seen in masked query text",
        .severity = SEVERITY_MEDIUM,
        .intent = "Exfiltration",
        .techniques = INJECTION_TECHNIQUES,
        .description =
            "A statement that ran on {account} has the structure of an injection. The service logged it without its "
            "literals (full-text query logging is off), so only the structure was judged.",
        .why = WHY_INJECTED,
        .investigate = { LOOK_CODE, LOOK_USUAL, LOOK_BEHIND,
                         "Turn full-text query logging on for a while, where privacy allows, to see the values.",
                         LOOK_EXTENT },
        .remediate = { ACT_CODE, ACT_EVIDENCE, ACT_CREDENTIAL },
        .prevent = { PREVENT_QUERIES, PREVENT_ROLES, PREVENT_TEXT },
        .tables = { "CDBQueryRuntimeStatistics", "CDBDataPlaneRequests" },
        .kql = "CDBQueryRuntimeStatistics\n"
               "| where TimeGenerated between ({first:kql} .. {last:kql})\n"
               "| where AccountName =~ {account:kql}[[ and CollectionName in {container:kqlset}]]\n"
               "| join kind=leftouter (CDBDataPlaneRequests\n"
               "    | where TimeGenerated between ({first:kql} - 1h .. {last:kql} + 1h)\n"
               "    | project ActivityId, ClientIpAddress, StatusCode, ResponseLength, UserAgent, "
               "AadPrincipalId) on ActivityId\n"
               "| project TimeGenerated, QueryText, ClientIpAddress, StatusCode, ResponseLength, "
               "UserAgent, AadPrincipalId, DatabaseName, CollectionName, ActivityId\n"
               "| order by TimeGenerated asc\n| take 1000",
    },
    {
        .id = "CosmosDBX_MongoInjection.Operator",
        .display_name = "MongoDB injection: an operator where a value belongs",
        .severity = SEVERITY_MEDIUM,
        .intent = "Exfiltration",
        .techniques = INJECTION_TECHNIQUES,
        .description =
            "A command on {account} compares a field with an operator object ($ne, $gt, $exists ...) where an "
            "application sends a plain value. A form field that arrives as an object makes a condition true for "
            "every document, such as a login without a password.",
        .why = WHY_INJECTED,
        .investigate = { LOOK_CODE, LOOK_SUCCESS, LOOK_USUAL, LOOK_BEHIND,
                         "If it is a login: which account came back, and what did its session do?", LOOK_EXTENT },
        .remediate = { "Check types at the edge of the application: a text field must be a text, not an object.",
                       ACT_EVIDENCE, "End the sessions that were opened by these requests; " ACT_CREDENTIAL },
        .prevent = { "Refuse keys that begin with $ in user input; use schema validation in front of the driver.",
                     "Compare passwords as hashes in the application, never in a filter.", PREVENT_ROLES, PREVENT_TEXT },
        .tables = { "CDBMongoRequests" },
        .kql = KQL_MONGO,
    },
    {
        .id = "CosmosDBX_MongoInjection.JavaScript",
        .display_name = "MongoDB injection: script code in a command",
        .severity = SEVERITY_HIGH,
        .intent = "Execution",
        .techniques = { "T1190", "T1059.007" },
        .description =
            "A command on {account} carries JavaScript ($where, $function, $accumulator, mapReduce). Azure Cosmos DB "
            "supports hardly any of it, so an attempt tells that somebody tries; where it runs, the attacker's code does.",
        .why = WHY_INJECTED,
        .investigate = { LOOK_CODE, "Did the service refuse it (ErrorCode), or did it run?", LOOK_BEHIND, LOOK_USUAL, LOOK_EXTENT },
        .remediate = { "Take script operators out of the application's reach: no user text in $where.", ACT_EVIDENCE, ACT_CREDENTIAL },
        .prevent = { "Refuse keys that begin with $ in user input.", PREVENT_ROLES, PREVENT_TEXT },
        .tables = { "CDBMongoRequests" },
        .kql = KQL_MONGO,
    },
    {
        .id = "CosmosDBX_MongoInjection.RegexBlind",
        .display_name = "MongoDB injection: a field is guessed letter by letter",
        .severity = SEVERITY_MEDIUM,
        .intent = "Exfiltration",
        .techniques = INJECTION_TECHNIQUES,
        .description =
            "A client of {account} asks with short patterns ($regex) whether a field begins with a letter or has a "
            "length. Answers of yes and no are enough to read a password or a token.",
        .why = WHY_INJECTED,
        .investigate = { LOOK_CODE, "Do the patterns grow by one character? Then read how far the guess came.",
                         "A type-ahead search grows as well, but on search fields and at human pace.", LOOK_BEHIND },
        .remediate = { "Refuse objects where the application expects a text; escape user text in patterns.", ACT_EVIDENCE,
                       "Change the secrets whose field was asked about." },
        .prevent = { "Refuse keys that begin with $ in user input; limit the rate of failing logins.", PREVENT_ROLES, PREVENT_TEXT },
        .tables = { "CDBMongoRequests" },
        .kql = KQL_MONGO,
    },
    {
        .id = "CosmosDBX_MongoInjection.Pipeline",
        .display_name = "MongoDB injection: a stage that reaches another collection",
        .severity = SEVERITY_MEDIUM,
        .intent = "Collection",
        .techniques = INJECTION_TECHNIQUES,
        .description =
            "A pipeline on {account} has a stage that reads or writes another collection ($lookup, $unionWith, "
            "$graphLookup, $out, $merge), sent by a client that never used it.",
        .why = WHY_INJECTED,
        .investigate = { LOOK_CODE, "Which collection does the stage name, and what is in it?", LOOK_USUAL, LOOK_BEHIND, LOOK_EXTENT },
        .remediate = { "Do not let users send stages; map their choice to pipelines of your own.", ACT_EVIDENCE, ACT_CREDENTIAL },
        .prevent = { "Allow-list stages, fields and sort orders.", PREVENT_ROLES, PREVENT_TEXT },
        .tables = { "CDBMongoRequests" },
        .kql = KQL_MONGO,
    },
    {
        .id = "CosmosDBX_CqlInjection",
        .display_name = "CQL injection",
        .severity = SEVERITY_MEDIUM,
        .intent = "Exfiltration",
        .techniques = INJECTION_TECHNIQUES,
        .description =
            "A CQL statement on {account} was changed from outside. CQL has no OR, UNION or sub-query, so what "
            "succeeds is cutting a condition off with a comment or widening it; the rest are attempts.",
        .why = WHY_INJECTED,
        .investigate = { LOOK_CODE, LOOK_SUCCESS, LOOK_USUAL, LOOK_BEHIND, LOOK_EXTENT },
        .remediate = { "Use prepared statements with bound values; until then block the pattern at the gateway.", ACT_EVIDENCE,
                       ACT_CREDENTIAL },
        .prevent = { "Prepare every statement; allow-list names that users may choose.", PREVENT_ROLES, PREVENT_TEXT },
        .tables = { "CDBCassandraRequests" },
        .kql = KQL_COMMANDS("CDBCassandraRequests", "CollectionName"),
    },
    {
        .id = "CosmosDBX_GremlinInjection",
        .display_name = "Gremlin injection",
        .severity = SEVERITY_MEDIUM,
        .intent = "Exfiltration",
        .techniques = { "T1190", "T1213.006", "T1485" },
        .description =
            "A Gremlin text on {account} has steps that the application did not write. The service takes script "
            "texts, so a value that is joined into one can add steps: read every vertex, change or drop them.",
        .why = WHY_INJECTED,
        .investigate = { LOOK_CODE, "Does the text hold drop(), property() or addV()? Then compare the graph with a backup.",
                         LOOK_SUCCESS, LOOK_USUAL, LOOK_BEHIND },
        .remediate = { "Use bindings for every value; until then block the pattern at the gateway.", ACT_EVIDENCE,
                       "If data was changed or dropped: restore to the minute before (continuous backup)." },
        .prevent = { "Use bindings; never join user text into a traversal.",
                     "Give readers a read-only key; turn continuous backup on.", PREVENT_TEXT },
        .tables = { "CDBGremlinRequests" },
        .kql = KQL_COMMANDS("CDBGremlinRequests", "CollectionName"),
    },
    {
        .id = "CosmosDBX_TableInjection.ODataFilter",
        .display_name = "Table injection: OData filter",
        .severity = SEVERITY_MEDIUM,
        .intent = "Exfiltration",
        .techniques = INJECTION_TECHNIQUES,
        .description =
            "A $filter on {account} was changed from outside, in a form that turns the condition true or asks about "
            "other entities.",
        .why = WHY_INJECTED,
        .investigate = { LOOK_CODE, LOOK_SUCCESS, LOOK_USUAL, LOOK_BEHIND, LOOK_EXTENT },
        .remediate = { "Build filters with the SDK's filter helpers, which double quotes in values.", ACT_EVIDENCE, ACT_CREDENTIAL },
        .prevent = { "Use the SDK's filter helpers (CreateQueryFilter, parameters); never join user text into a $filter.",
                     PREVENT_ROLES, PREVENT_TEXT },
        .tables = { "CDBTableApiRequests" },
        .kql = KQL_COMMANDS("CDBTableApiRequests", "TableName"),
    },
    {
        .id = "CosmosDBX_QueryAnomaly",
        .display_name = "A statement that this client never sent",
        .severity = SEVERITY_LOW,
        .intent = "Collection",
        .techniques = { "T1213.006" },
        .description =
            "A client of {account} that lives from few fixed statements sent one of another form. It may be a new "
            "release, a person at the application's credential, or an injection that looks ordinary.",
        .why = "The client {subject} sent {count} statement(s) of a form it never used[[; it is known for {knownShapes} "
               "form(s)]][[, since {historyDays} day(s)]][[: {reason}]][[; answers carried {bytesOut:bytes}]].",
        .investigate = { LOOK_USUAL, "Was there a release on that day? All its new forms are in this one alert.",
                         LOOK_ADDRESS, LOOK_KEY, LOOK_EXTENT },
        .remediate = { "If nobody knows the statement, treat the credential as used by somebody else.", ACT_EVIDENCE, ACT_KEYS },
        .prevent = { PREVENT_ENTRA, PREVENT_ROLES, PREVENT_QUERIES },
        .tables = { "CDBQueryRuntimeStatistics", "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests",
                    "CDBGremlinRequests", "CDBTableApiRequests" },
        .kql = "union isfuzzy=true\n"
               "  (CDBQueryRuntimeStatistics | project TimeGenerated, AccountName, Text=QueryText, Container=CollectionName, ActivityId),\n"
               "  (CDBMongoRequests | project TimeGenerated, AccountName, Text=PIICommandText, Container=CollectionName, ActivityId),\n"
               "  (CDBCassandraRequests | project TimeGenerated, AccountName, Text=PIICommandText, Container=CollectionName, ActivityId),\n"
               "  (CDBGremlinRequests | project TimeGenerated, AccountName, Text=PIICommandText, Container=CollectionName, ActivityId),\n"
               "  (CDBTableApiRequests | project TimeGenerated, AccountName, Text=PIICommandText, Container=TableName, ActivityId)\n"
               "| where TimeGenerated between ({first:kql} .. {last:kql})\n"
               "| where AccountName =~ {account:kql}[[ and Container in {container:kqlset}]] and isnotempty(Text)\n"
               "| summarize Requests=count(), First=min(TimeGenerated), Last=max(TimeGenerated) by Text, Container\n"
               "| order by Requests asc\n| take 1000",
    },
    { .id = NULL },
};
