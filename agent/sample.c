/* sample.c - see sample.h. SPDX-License-Identifier: Apache-2.0 */
#include "sample.h"

#include "alert/catalogue.h"
#include "base/timeutil.h"

#define SAMPLE_RESOURCE                                                                            \
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/sample-rg/providers/"     \
    "microsoft.documentdb/databaseaccounts/sample-cosmos"

int sample_alert(const char *type, int64_t now_ns, struct alert **ret, struct error *err)
{
    const struct alert_type *t = alert_type_find(type);
    const struct fact_value facts[] = {
        { .name = "address", .kind = FACT_SET, .text = SL("192.0.2.1") },
        { .name = "userAgent", .kind = FACT_SET, .text = SL("cosmos-netstandard-sdk/3.47.0") },
        { .name = "keyKind", .kind = FACT_SET, .text = SL("PrimaryMasterKey") },
        { .name = "database", .kind = FACT_SET, .text = SL("sample-db") },
        { .name = "container", .kind = FACT_SET, .text = SL("sample-container") },
        { .name = "operations", .kind = FACT_MAP, .text = SL("Query"), .number = 42 },
        { .name = "statusCodes", .kind = FACT_MAP, .text = SL("200"), .number = 42 },
        { .name = "requests", .kind = FACT_SUM, .number = 42 },
        { .name = "bytesOut", .kind = FACT_SUM, .number = 7400000000 },
        { .name = "usualBytes", .kind = FACT_MAX, .number = 40000000 },
        { .name = "usualP99Bytes", .kind = FACT_MAX, .number = 61000000 },
        { .name = "reason", .kind = FACT_SET, .text = SL("a sample reason") },
        { .name = "query", .kind = FACT_SET, .text = SL("SELECT * FROM c WHERE c.id = '' OR 1=1") },
        { .name = "feed", .kind = FACT_SET, .text = SL("sample-feed") },
        { .name = "category", .kind = FACT_SET, .text = SL("tor") },
    };
    const struct alert_draft d = {
        .detector = "sample", .state_version = 1, .type = type, .severity = t ? t->severity : SEVERITY_LOW,
        .confidence = 50, .api = API_NOSQL, .account = SL("sample-cosmos"), .resource_id = SL(SAMPLE_RESOURCE),
        .subject = SL("192.0.2.1"), .bucket_ns = time_floor(now_ns, NS_PER_DAY), .first_ns = now_ns - NS_PER_MIN,
        .last_ns = now_ns, .count = 42, .facts = facts, .facts_len = ARRAY_LEN(facts),
    };

    if (!t)
        return error_set(err, ERR_NOT_FOUND, "no alert type is called '%s'", type);
    if (alert_from_draft(&d, ret, err) < 0)
        return -1;
    (*ret)->is_sample = true;
    return 0;
}
