/* sample.c - see sample.h. Facts are data: each row says for which types. A new type needs a row here only when a
 * sentence of it names a fact that no row gives it yet; a test says so.
 * SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include "alert/catalogue.h"
#include "base/timeutil.h"

#define SAMPLE_RESOURCE                                                                            \
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/sample-rg/providers/"     \
    "microsoft.documentdb/databaseaccounts/sample-cosmos"

#define INJECTIONS "CosmosDB_SqlInjection* CosmosDBX_*Injection* CosmosDBX_QueryAnomaly"
#define KEYS "*ListKeys* CosmosDBX_KeyRead* CosmosDBX_StolenKeyUse CosmosDBX_ServiceSideKeyTheft CosmosDBX_KeyRegenerated*"
#define RIGHTS "CosmosDBX_DataRole* CosmosDBX_MongoUserBackdoor CosmosDBX_AzureRoleGrant CosmosDBX_ElevatedAccess"
#define LISTED "CosmosDB_TorAnomaly CosmosDB_SuspiciousIp CosmosDBX_RefusedAccess"
#define UNUSUAL                                                                                    \
    "CosmosDB_GeoAnomaly CosmosDBX_*Anomaly CosmosDBX_SuspiciousApplication CosmosDBX_PrivatePathBypassed " \
    "CosmosDBX_DormantAccountUsed"
#define READERS                                                                                    \
    "CosmosDB_DataExfiltrationAnomaly CosmosDBX_DataExfiltration* CosmosDBX_Enumeration CosmosDBX_FullScan " \
    "CosmosDBX_ChangeFeedTap CosmosDBX_NumberOfDocuments CosmosDBX_MassDelete.Documents CosmosDBX_Ransom"
#define MOVES "CosmosDBX_RestoreElsewhere CosmosDBX_CopyJob CosmosDBX_NotebookWorkspace CosmosDBX_ServerSideCode"
#define DESTROYED "CosmosDBX_MassDelete.Resources CosmosDBX_MassDelete.Ttl CosmosDBX_LockRemoved CosmosDBX_BackupWeakened"
#define OPENED "CosmosDBX_NetworkOpened CosmosDBX_CorsOpened CosmosDBX_ClusterFirewall"
#define IMPAIRED "CosmosDBX_LoggingImpaired CosmosDBX_AlertingImpaired"
#define CHAINS "CosmosDBX_Incident*"
#define DATA "CosmosDB_* CosmosDBX_*"
/* A row or two of the activity log, and no request of the data plane. */
#define CHANGES                                                                                    \
    "*ListKeys* CosmosDBX_KeyRead* CosmosDBX_KeyRegenerated* CosmosDBX_PartnerPrivateEndpoint CosmosDBX_RestoreElsewhere " \
    "CosmosDBX_CopyJob CosmosDBX_NotebookWorkspace " RIGHTS " " DESTROYED " " OPENED " " IMPAIRED

enum { AN_HOUR_AGO = 1, A_WEEK_AGO }; /* numbers of rows whose fact is a time */

static const struct sample_fact {
    const char *types; /* patterns, blank between them; '*' stands for anything */
    const char *but;   /* of these none; NULL: all */
    const char *name;
    enum fact_kind kind;
    const char *text;
    int64_t number;
    int when;          /* the number is that time */
} facts[] = {
    { .types = DATA, .name = "address", .kind = FACT_SET, .text = "192.0.2.1" },
    { .types = DATA, .but = CHANGES, .name = "userAgent", .kind = FACT_SET, .text = "cosmos-netstandard-sdk/3.47.0" },
    { .types = DATA, .but = CHANGES, .name = "keyKind", .kind = FACT_SET, .text = "PrimaryMasterKey" },
    { .types = DATA, .but = CHANGES, .name = "database", .kind = FACT_SET, .text = "sample-db" },
    { .types = DATA, .but = CHANGES, .name = "container", .kind = FACT_SET, .text = "sample-container" },
    { .types = DATA, .but = CHANGES, .name = "region", .kind = FACT_SET, .text = "West Europe" },
    { .types = DATA, .but = CHANGES, .name = "activityId", .kind = FACT_SAMPLE,
      .text = "00000000-0000-0000-0000-000000000001" },
    { .types = DATA, .but = CHANGES, .name = "operations", .kind = FACT_MAP, .text = "Query", .number = 40 },
    { .types = DATA, .but = CHANGES, .name = "operations", .kind = FACT_MAP, .text = "ReadFeed", .number = 2 },
    { .types = DATA, .but = CHANGES, .name = "statusCodes", .kind = FACT_MAP, .text = "200", .number = 42 },
    { .types = DATA, .but = CHANGES, .name = "requests", .kind = FACT_SUM, .number = 42 },
    { .types = DATA, .but = CHANGES, .name = "bytesOut", .kind = FACT_SUM, .number = 7400000000 },
    { .types = CHANGES, .name = "operations", .kind = FACT_MAP, .text = "microsoft.documentdb/databaseaccounts/write",
      .number = 1 },
    { .types = CHANGES, .name = "requests", .kind = FACT_SUM, .number = 1 },
    { .types = DATA, .name = "reason", .kind = FACT_SET, .text = "a sample reason" },

    { .types = LISTED, .name = "feed", .kind = FACT_SET, .text = "sample-feed" },
    { .types = "CosmosDB_TorAnomaly CosmosDBX_RefusedAccess", .name = "category", .kind = FACT_SET, .text = "tor" },
    { .types = "CosmosDB_SuspiciousIp", .name = "category", .kind = FACT_SET, .text = "botnet" },
    { .types = LISTED, .name = "listingConfidence", .kind = FACT_MAX, .number = 90 },
    { .types = LISTED, .name = "listedSince", .kind = FACT_MIN, .when = A_WEEK_AGO },
    { .types = "CosmosDB_TorAnomaly CosmosDB_SuspiciousIp", .name = "firstTouch", .kind = FACT_SET,
      .text = "the address had never touched this account before" },
    { .types = "CosmosDBX_RefusedAccess CosmosDBX_BruteForce", .name = "failedRequests", .kind = FACT_SUM, .number = 42 },
    { .types = "CosmosDBX_RefusedAccess CosmosDBX_BruteForce", .name = "statusCodes", .kind = FACT_MAP, .text = "401",
      .number = 42 },

    { .types = READERS " " INJECTIONS, .name = "usualBytes", .kind = FACT_MAX, .number = 40000000 },
    { .types = "CosmosDB_DataExfiltrationAnomaly", .name = "usualP99Bytes", .kind = FACT_MAX, .number = 61000000 },
    { .types = READERS, .name = "historyDays", .kind = FACT_MAX, .number = 41 },
    { .types = READERS, .name = "reader", .kind = FACT_SET, .text = "account key / dotnet-v3 / 192.0.2.0/24" },
    { .types = "CosmosDBX_DataExfiltration*", .name = "takenBytes", .kind = FACT_MAX, .number = 96000000000 },
    { .types = "CosmosDBX_DataExfiltration*", .name = "limitBytes", .kind = FACT_MAX, .number = 21000000000 },
    { .types = "CosmosDBX_DataExfiltration*", .name = "windowDays", .kind = FACT_MAX, .number = 30 },
    { .types = "CosmosDBX_Enumeration", .name = "listed", .kind = FACT_SET, .text = "databases" },
    { .types = "CosmosDBX_Enumeration", .name = "listed", .kind = FACT_SET, .text = "containers" },
    { .types = "CosmosDBX_ChangeFeedTap", .name = "firstSeen", .kind = FACT_MIN, .when = AN_HOUR_AGO },
    { .types = "CosmosDBX_NumberOfDocuments", .name = "largestHour", .kind = FACT_MAX, .number = 84000 },
    { .types = "CosmosDBX_NumberOfDocuments", .name = "usualHour", .kind = FACT_MAX, .number = 900 },

    { .types = "CosmosDBX_MassDelete.Documents", .name = "dayDeletes", .kind = FACT_MAX, .number = 84000 },
    { .types = "CosmosDBX_MassDelete.Documents", .name = "usualDay", .kind = FACT_MAX, .number = 900 },
    { .types = "CosmosDBX_MassDelete.Documents", .name = "usualDayMost", .kind = FACT_MAX, .number = 1400 },
    { .types = "CosmosDBX_Ransom", .name = "destroyed", .kind = FACT_SET, .text = "sample-db/sample-container" },
    { .types = "CosmosDBX_Ransom", .name = "destroyedFrom", .kind = FACT_MIN, .when = AN_HOUR_AGO },
    { .types = "CosmosDBX_Ransom", .name = "note", .kind = FACT_SET, .text = "sample-db/READ_ME" },

    { .types = "CosmosDB_SqlInjection* CosmosDBX_NoSqlInjection*", .name = "query", .kind = FACT_SET,
      .text = "SELECT * FROM c WHERE c.id = '' OR 1=1 --'" },
    { .types = "CosmosDBX_MongoInjection.Operator", .name = "query", .kind = FACT_SET,
      .text = "{\"find\":\"users\",\"filter\":{\"user\":\"admin\",\"password\":{\"$ne\":null}}}" },
    { .types = "CosmosDBX_MongoInjection.JavaScript", .name = "query", .kind = FACT_SET,
      .text = "{\"find\":\"users\",\"filter\":{\"$where\":\"this.user == 'admin' || true\"}}" },
    { .types = "CosmosDBX_MongoInjection.RegexBlind", .name = "query", .kind = FACT_SET,
      .text = "{\"find\":\"users\",\"filter\":{\"token\":{\"$regex\":\"^a7\"}}}" },
    { .types = "CosmosDBX_MongoInjection.Pipeline", .name = "query", .kind = FACT_SET,
      .text = "{\"aggregate\":\"orders\",\"pipeline\":[{\"$unionWith\":\"users\"}]}" },
    { .types = "CosmosDBX_CqlInjection", .name = "query", .kind = FACT_SET,
      .text = "SELECT * FROM shop.users WHERE id = 'x' /* ' AND active = true */ ALLOW FILTERING" },
    { .types = "CosmosDBX_GremlinInjection", .name = "query", .kind = FACT_SET,
      .text = "g.V('x').union(g.V(), g.V()).valueMap()" },
    { .types = "CosmosDBX_TableInjection*", .name = "query", .kind = FACT_SET,
      .text = "PartitionKey eq 'x' or PartitionKey ne ''" },
    { .types = "CosmosDBX_QueryAnomaly", .name = "query", .kind = FACT_SET, .text = "SELECT * FROM c" },
    { .types = INJECTIONS, .name = "literalsVisible", .kind = FACT_SET, .text = "yes" },
    { .types = "CosmosDB_SqlInjection.FailedFuzzingAttempt", .name = "distinctShapes", .kind = FACT_MAX, .number = 14 },
    { .types = "CosmosDBX_QueryAnomaly", .name = "knownShapes", .kind = FACT_MAX, .number = 6 },

    { .types = RIGHTS, .name = "principal", .kind = FACT_SET, .text = "sample.user@contoso.example" },
    { .types = RIGHTS, .name = "callerName", .kind = FACT_SET, .text = "Sample User" },
    { .types = RIGHTS, .name = "application", .kind = FACT_SET, .text = "Azure portal" },
    { .types = RIGHTS, .name = "role", .kind = FACT_SET, .text = "Owner" },
    { .types = RIGHTS, .name = "changed", .kind = FACT_SET, .text = SAMPLE_RESOURCE },
    { .types = "CosmosDBX_DataRole* CosmosDBX_AzureRoleGrant", .name = "grantee", .kind = FACT_SET,
      .text = "00000000-0000-0000-0000-0000000000aa" },
    { .types = "CosmosDBX_DataRole* CosmosDBX_AzureRoleGrant", .name = "granteeType", .kind = FACT_SET, .text = "User" },
    { .types = "CosmosDBX_MongoUserBackdoor", .name = "grantee", .kind = FACT_SET, .text = "sample-db.sample-user" },
    { .types = "CosmosDBX_MongoUserBackdoor", .name = "grantedRole", .kind = FACT_SET, .text = "sample-db.sample-role" },
    { .types = "CosmosDBX_DataRole*", .name = "grantedRole", .kind = FACT_SET, .text = "Cosmos DB Built-in Data Contributor" },
    { .types = "CosmosDBX_DataRole*", .name = "grantedScope", .kind = FACT_SET, .text = "/" },
    { .types = "CosmosDBX_AzureRoleGrant", .name = "grantedRole", .kind = FACT_SET, .text = "Contributor" },
    { .types = "CosmosDBX_AzureRoleGrant", .name = "grantedScope", .kind = FACT_SET, .text = SAMPLE_RESOURCE },

    { .types = KEYS, .name = "principal", .kind = FACT_SET, .text = "sample.user@contoso.example" },
    { .types = KEYS, .name = "callerName", .kind = FACT_SET, .text = "Sample User" },
    { .types = KEYS, .name = "application", .kind = FACT_SET, .text = "Azure PowerShell" },
    { .types = KEYS, .name = "accounts", .kind = FACT_SET, .text = "sample-cosmos" },
    { .types = KEYS, .name = "usualReaders", .kind = FACT_SET, .text = "deploy@contoso.example" },
    { .types = KEYS, .name = "role", .kind = FACT_SET, .text = "DocumentDB Account Contributor" },
    { .types = KEYS, .name = "distinctAccounts", .kind = FACT_MAX, .number = 4 },
    { .types = KEYS, .name = "logDays", .kind = FACT_MAX, .number = 90 },
    { .types = "CosmosDBX_StolenKeyUse", .name = "reader", .kind = FACT_SET, .text = "sample.user@contoso.example" },
    { .types = "CosmosDBX_StolenKeyUse", .name = "readerAddress", .kind = FACT_SET, .text = "198.51.100.7" },
    { .types = "CosmosDBX_StolenKeyUse", .name = "readAt", .kind = FACT_MIN, .when = AN_HOUR_AGO },
    { .types = "CosmosDBX_KeyPubliclyLeaked", .name = "newNetworks", .kind = FACT_MAX, .number = 17 },
    { .types = "CosmosDBX_KeyPubliclyLeaked", .name = "usualNewNetworks", .kind = FACT_MAX, .number = 1 },

    { .types = DESTROYED, .name = "principal", .kind = FACT_SET, .text = "sample.user@contoso.example" },
    { .types = DESTROYED, .name = "callerName", .kind = FACT_SET, .text = "Sample User" },
    { .types = DESTROYED, .name = "application", .kind = FACT_SET, .text = "Azure CLI" },
    { .types = "CosmosDBX_MassDelete.Resources", .name = "accounts", .kind = FACT_SET, .text = "sample-cosmos" },
    { .types = "CosmosDBX_MassDelete.Resources", .name = "resources", .kind = FACT_SET,
      .text = "sample-cosmos/sqldatabases/sample-db/containers/sample-container" },
    { .types = "CosmosDBX_MassDelete.Resources", .name = "inAnHour", .kind = FACT_MAX, .number = 1 },
    { .types = "CosmosDBX_LockRemoved", .name = "changed", .kind = FACT_SET,
      .text = SAMPLE_RESOURCE "/providers/microsoft.authorization/locks/sample-lock" },
    { .types = "CosmosDBX_LockRemoved", .name = "deletedBy", .kind = FACT_SET, .text = "sample.user@contoso.example" },
    { .types = "CosmosDBX_BackupWeakened", .name = "weakened", .kind = FACT_SET, .text = "retention from 720 h to 8 h" },
    { .types = "CosmosDBX_MassDelete.Ttl", .name = "timeToLive", .kind = FACT_SET, .text = "1 s" },
    { .types = "CosmosDBX_MassDelete.Ttl", .name = "usualTimeToLive", .kind = FACT_SET, .text = "never" },

    { .types = IMPAIRED, .name = "principal", .kind = FACT_SET, .text = "sample.user@contoso.example" },
    { .types = IMPAIRED, .name = "callerName", .kind = FACT_SET, .text = "Sample User" },
    { .types = IMPAIRED, .name = "application", .kind = FACT_SET, .text = "Azure CLI" },
    { .types = IMPAIRED, .name = "role", .kind = FACT_SET, .text = "Contributor" },
    { .types = "CosmosDBX_LoggingImpaired", .name = "item", .kind = FACT_SET, .text = "to-siem" },
    { .types = "CosmosDBX_LoggingImpaired", .name = "unseen", .kind = FACT_SET,
      .text = "what that setting carried, unless another one carries it too" },
    { .types = "CosmosDBX_AlertingImpaired", .name = "item", .kind = FACT_SET, .text = "cosmosdbs" },
    { .types = "CosmosDBX_AlertingImpaired", .name = "unseen", .kind = FACT_SET,
      .text = "the plan of Defender for Azure Cosmos DB was set to Free: it raises no alerts any more" },

    { .types = "*Principal*", .name = "principal", .kind = FACT_SET, .text = "sample.user@contoso.example" },
    { .types = UNUSUAL " CosmosDBX_KeyPubliclyLeaked", .name = "network", .kind = FACT_SET, .text = "AS64500 Sample Hosting" },
    { .types = UNUSUAL, .name = "observedValue", .kind = FACT_SET, .text = "a sample value" },
    { .types = UNUSUAL, .name = "usualValues", .kind = FACT_SET, .text = "another sample value" },
    { .types = UNUSUAL, .name = "baseline", .kind = FACT_SET, .text = "41 days, 3 values" },
    { .types = "CosmosDBX_DormantAccountUsed", .name = "pauseDays", .kind = FACT_MAX, .number = 45 },
    { .types = "CosmosDBX_DormantAccountUsed", .name = "usualPauseDays", .kind = FACT_MAX, .number = 3 },

    { .types = MOVES " CosmosDBX_PartnerPrivateEndpoint", .name = "principal", .kind = FACT_SET,
      .text = "sample.user@contoso.example" },
    { .types = MOVES, .name = "callerName", .kind = FACT_SET, .text = "Sample User" },
    { .types = MOVES " CosmosDBX_PartnerPrivateEndpoint", .name = "application", .kind = FACT_SET,
      .text = "Azure PowerShell" },
    { .types = MOVES, .name = "role", .kind = FACT_SET, .text = "DocumentDB Account Contributor" },
    { .types = "CosmosDBX_RestoreElsewhere", .name = "source", .kind = FACT_SET,
      .text = "00000000-0000-0000-0000-0000000000aa" },
    { .types = "CosmosDBX_RestoreElsewhere", .name = "sourceRegion", .kind = FACT_SET, .text = "westeurope" },
    { .types = "CosmosDBX_RestoreElsewhere", .name = "target", .kind = FACT_SET, .text = "sample-cosmos-copy" },
    { .types = "CosmosDBX_RestoreElsewhere", .name = "targetGroup", .kind = FACT_SET,
      .text = "00000000-0000-0000-0000-000000000001/another-rg" },
    { .types = "CosmosDBX_RestoreElsewhere", .name = "targetRegion", .kind = FACT_SET, .text = "East US" },
    { .types = "CosmosDBX_CopyJob", .name = "item", .kind = FACT_SET, .text = "datatransferjobs/sample-job" },
    { .types = "CosmosDBX_CopyJob", .name = "destination", .kind = FACT_SET, .text = "https://sample.blob.example" },
    { .types = "CosmosDBX_NotebookWorkspace", .name = "item", .kind = FACT_SET, .text = "notebookworkspaces/default" },
    { .types = "CosmosDBX_ServerSideCode", .name = "item", .kind = FACT_SET, .text = "sampleprocedure" },
    { .types = "CosmosDBX_PartnerPrivateEndpoint", .name = "partner", .kind = FACT_SET,
      .text = "00000000-0000-0000-0000-0000000000bb" },
    { .types = "CosmosDBX_PartnerPrivateEndpoint", .name = "endpoint", .kind = FACT_SET,
      .text = "/subscriptions/00000000-0000-0000-0000-0000000000bb/resourcegroups/partner-rg/providers/"
              "microsoft.network/privateendpoints/sample" },
    { .types = "CosmosDBX_PartnerPrivateEndpoint", .name = "operationId", .kind = FACT_SET,
      .text = "00000000-0000-0000-0000-000000000002" },

    { .types = OPENED, .name = "principal", .kind = FACT_SET, .text = "sample.user@contoso.example" },
    { .types = OPENED, .name = "application", .kind = FACT_SET, .text = "Azure PowerShell" },
    { .types = "CosmosDBX_NetworkOpened CosmosDBX_CorsOpened", .name = "writtenBy", .kind = FACT_SET,
      .text = "2026-01-01T09:00:00Z sample.user@contoso.example from 192.0.2.1 with Azure PowerShell" },
    { .types = "CosmosDBX_NetworkOpened CosmosDBX_CorsOpened", .name = "writtenNearby", .kind = FACT_SET,
      .text = "2026-01-01T09:05:00Z another.user@contoso.example from 192.0.2.2" },
    { .types = "CosmosDBX_NetworkOpened CosmosDBX_CorsOpened", .name = "putBackAt", .kind = FACT_MIN, .when = AN_HOUR_AGO },
    { .types = "CosmosDBX_NetworkOpened CosmosDBX_CorsOpened", .name = "seenOpenAt", .kind = FACT_MAX, .when = AN_HOUR_AGO },
    { .types = "CosmosDBX_NetworkOpened", .name = "historyDays", .kind = FACT_MAX, .number = 41 },
    { .types = "CosmosDBX_NetworkOpened", .name = "addedRange", .kind = FACT_SET, .text = "198.18.0.0/15" },
    { .types = "CosmosDBX_CorsOpened", .name = "addedOrigin", .kind = FACT_SET, .text = "https://sample.example" },
    { .types = "CosmosDBX_ClusterFirewall", .name = "callerName", .kind = FACT_SET, .text = "Sample User" },
    { .types = "CosmosDBX_ClusterFirewall", .name = "role", .kind = FACT_SET, .text = "Contributor" },
    { .types = "CosmosDBX_ClusterFirewall", .name = "addedRange", .kind = FACT_SET, .text = "0.0.0.0-255.255.255.255" },
    { .types = "CosmosDBX_ClusterFirewall", .name = "changed", .kind = FACT_SET,
      .text = "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/sample-rg/providers/"
              "microsoft.documentdb/mongoclusters/sample-cosmos/firewallrules/sample" },

    { .types = "CosmosDBX_LogSilence", .name = "gapFrom", .kind = FACT_SET, .text = "2026-01-01T00:00:00Z" },
    { .types = "CosmosDBX_LogSilence", .name = "gapTo", .kind = FACT_SET, .text = "2026-01-01T06:00:00Z" },

    { .types = CHAINS, .name = "accounts", .kind = FACT_SET, .text = "sample-cosmos" },
    { .types = "CosmosDBX_Incident.SameActor", .name = "accounts", .kind = FACT_SET, .text = "sample-cosmos-2" },
    { .types = CHAINS, .name = "types", .kind = FACT_MAX, .number = 3 },
    { .types = CHAINS, .name = "members", .kind = FACT_SET, .text = "00000000-0000-0000-0000-00000000000a" },
    { .types = CHAINS, .name = "members", .kind = FACT_SET, .text = "00000000-0000-0000-0000-00000000000b" },
    { .types = CHAINS, .name = "members", .kind = FACT_SET, .text = "00000000-0000-0000-0000-00000000000c" },
    { .types = CHAINS, .name = "timeline", .kind = FACT_SET, .text = "2026-01-01T09:00:00Z the first member alert: 192.0.2.1" },
    { .types = CHAINS, .name = "timeline", .kind = FACT_SET, .text = "2026-01-01T10:30:00Z the second member alert: 192.0.2.1" },
    { .types = CHAINS, .name = "timeline", .kind = FACT_SET, .text = "2026-01-01T11:15:00Z the third member alert: 192.0.2.1" },
    { .types = CHAINS, .name = "raised", .kind = FACT_SET, .text = "the gravest member is Medium, the chain raises it to High" },
};

#define FACTS_MAX ARRAY_LEN(facts)

/* '*' stands for any run of characters. */
static bool matches(struct slice pattern, struct slice id)
{
    while (pattern.len > 0) {
        if (pattern.at[0] == '*') {
            struct slice rest = slice_make(pattern.at + 1, pattern.len - 1);

            for (size_t i = 0; i <= id.len; i++)
                if (matches(rest, slice_make(id.at + i, id.len - i)))
                    return true;
            return false;
        }
        if (id.len == 0 || id.at[0] != pattern.at[0])
            return false;
        pattern = slice_make(pattern.at + 1, pattern.len - 1);
        id = slice_make(id.at + 1, id.len - 1);
    }
    return id.len == 0;
}

static bool is_among(const char *types, const char *type)
{
    struct slice rest = slice_of(types), pattern = { 0 };

    while (slice_split(&rest, ' ', &pattern))
        if (matches(pattern, slice_of(type)))
            return true;
    return false;
}

static bool is_told(const struct sample_fact *f, const char *type)
{
    return is_among(f->types, type) && !(f->but && is_among(f->but, type));
}

static struct slice subject_of(const char *type)
{
    if (matches(SL("CosmosDBX_Incident.SameActor"), slice_of(type)))
        return SL("192.0.2.0/24");
    if (matches(SL("CosmosDBX_Incident*"), slice_of(type)))
        return SL("sample-cosmos");
    if (is_among(RIGHTS, type))
        return SL("sample.user@contoso.example");
    if (matches(SL("*ListKeys*"), slice_of(type)) || matches(SL("*KeyRe*"), slice_of(type)) ||
        matches(SL("*Principal*"), slice_of(type)) || matches(SL("CosmosDBX_RestoreElsewhere"), slice_of(type)) ||
        matches(SL("CosmosDBX_CopyJob"), slice_of(type)) || matches(SL("CosmosDBX_ClusterFirewall"), slice_of(type)) || matches(SL("CosmosDBX_NotebookWorkspace"), slice_of(type)))
        return SL("sample.user@contoso.example");
    if (matches(SL("*Injection*"), slice_of(type)) || matches(SL("*QueryAnomaly"), slice_of(type)))
        return SL("dotnet-v3 on sample-db/sample-container");
    if (matches(SL("CosmosDBX_PartnerPrivateEndpoint"), slice_of(type)))
        return SL("private endpoints");
    if (matches(SL("CosmosDBX_ServerSideCode"), slice_of(type)))
        return SL("stored procedures of sample-db/sample-container");
    if (matches(SL("*.Resources"), slice_of(type)) || matches(SL("*LockRemoved"), slice_of(type)))
        return SL("sample.user@contoso.example");
    if (matches(SL("*BackupWeakened"), slice_of(type)))
        return SL("backup");
    if (matches(SL("*.Ttl"), slice_of(type)))
        return SL("sqldatabases/sample-db/containers/sample-container");
    if (matches(SL("CosmosDBX_NetworkOpened"), slice_of(type)) || matches(SL("CosmosDBX_CorsOpened"), slice_of(type)))
        return SL("sample-cosmos");
    if (matches(SL("CosmosDBX_LoggingImpaired"), slice_of(type)))
        return SL("diagnostic logs");
    if (matches(SL("CosmosDBX_AlertingImpaired"), slice_of(type)))
        return SL("sample.user@contoso.example");
    if (matches(SL("CosmosDBX_LogSilence"), slice_of(type)))
        return SL("sample-source");
    return matches(SL("*Exfiltration*"), slice_of(type))
               ? SL("account key / dotnet-v3 / 192.0.2.0/24 -> sample-db/sample-container") : SL("192.0.2.1");
}

static enum api api_of(const char *type)
{
    return matches(SL("*Mongo*"), slice_of(type))     ? API_MONGODB
           : matches(SL("*Cql*"), slice_of(type))     ? API_CASSANDRA
           : matches(SL("*Gremlin*"), slice_of(type)) ? API_GREMLIN
           : matches(SL("*Table*"), slice_of(type))   ? API_TABLE : API_NOSQL;
}

int sample_alert(const char *type, int64_t now_ns, struct alert **ret, struct error *err)
{
    const struct alert_type *t = alert_type_find(type);
    struct fact_value each[FACTS_MAX];
    const int64_t times[] = { 0, [AN_HOUR_AGO] = now_ns - NS_PER_HOUR, [A_WEEK_AGO] = now_ns - 7 * NS_PER_DAY };
    size_t n = 0;

    if (!t)
        return error_set(err, ERR_NOT_FOUND, "no alert type is called '%s'", type);
    for (size_t i = 0; i < ARRAY_LEN(facts); i++)
        if (is_told(&facts[i], t->id))
            each[n++] = (struct fact_value){ .name = facts[i].name, .kind = facts[i].kind,
                                             .text = slice_of(facts[i].text),
                                             .number = facts[i].when ? times[facts[i].when] : facts[i].number };
    const struct alert_draft d = {
        .detector = "sample", .state_version = 1, .type = t->id, .severity = t->severity, .confidence = 50,
        .api = api_of(t->id),
        .account = matches(SL("CosmosDBX_Incident.SameActor"), slice_of(t->id)) ? SL("") : SL("sample-cosmos"),
        .resource_id = SL(SAMPLE_RESOURCE), .subject = subject_of(t->id), .bucket_ns = time_floor(now_ns, NS_PER_DAY),
        .first_ns = now_ns - NS_PER_MIN, .last_ns = now_ns,
        .count = t->is_incident ? 3 : is_among(CHANGES, t->id) ? 1 : 42, .facts = each,
        .facts_len = n,
    };

    if (alert_from_draft(&d, ret, err) < 0)
        return -1;
    (*ret)->is_sample = true;
    return 0;
}
