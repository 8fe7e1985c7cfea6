/* catalogue_agent.c - alerts about our own eyes: what was not seen and why.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"

/* A workspace may lack any of the tables. */
#define ARRIVED(table)                                                                             \
    "(" table " | where ingestion_time() between ({first:kql} .. {last:kql}) | project TimeGenerated, Type, AccountName)"

const struct alert_type alert_types_agent[] = {
    {
        .id = "CosmosDBX_LogSilence",
        .display_name = "Cosmos DB logs are missing",
        .severity = SEVERITY_MEDIUM,
        .intent = "DefenseEvasion",
        .techniques = { "T1562.008" },
        .description =
            "cosmowatch is blind: rows of {subject} could not be read and can no longer be, or rows that came every "
            "day have stopped coming. What happened in that time was not judged.",
        .why = "What happened then was not seen. [[The rows that source {subject} received from {gapFrom} to {gapTo} were never judged"
               "[[: {reason}]].]]"
               "[[{silent} sent no row since {silentSince}, for {silentHours} hours[[; the longest usual pause is "
               "{usualPauseHours} hours]].]]",
        .investigate = { "Is the application stopped or the account deleted, or does Azure Monitor's metric TotalRequests go "
                         "on without logs? Then logging was switched off: an alert of type CosmosDBX_LoggingImpaired about "
                         "the account, from about that time, names who did it; else AzureActivity, diagnosticSettings.",
                         "Was the reading identity's permission taken away, the workspace or its table plan "
                         "changed, the diagnostic setting removed?",
                         "Export the interval by other means and run `cosmowatch replay` over it." },
        .remediate = { "Restore the permission or the diagnostic setting.",
                       "`cosmowatch coverage` lists every interval that was lost and why." },
        .prevent = { "Alert on changes of diagnostic settings; keep a lock on the workspace." },
        .tables = { "CDBDataPlaneRequests", "CDBMongoRequests", "CDBCassandraRequests", "CDBGremlinRequests",
                    "CDBTableApiRequests", "CDBQueryRuntimeStatistics" },
        .kql = "union isfuzzy=true " ARRIVED("CDBDataPlaneRequests") ", " ARRIVED("CDBMongoRequests") ", "
               ARRIVED("CDBCassandraRequests") ", " ARRIVED("CDBGremlinRequests") ", " ARRIVED("CDBTableApiRequests") ", "
               ARRIVED("CDBQueryRuntimeStatistics") "\n"
               "| summarize Rows = count() by bin(TimeGenerated, 5m), Type, AccountName\n"
               "| order by TimeGenerated asc",
    },
    { .id = NULL },
};
