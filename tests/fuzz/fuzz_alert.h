/* fuzz_alert.h - alerts for targets that need one. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FUZZ_ALERT_H
#define COSMOWATCH_FUZZ_ALERT_H

#include "alert/alert.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_NOW_NS (INT64_C(1787220000) * NS_PER_S)

/* An alert that has `text` in every place that a row can write to. */
static inline struct alert *fuzz_alert_with(struct slice text)
{
    static const char *const names[] = { "address", "principal", "userAgent", "database", "container", "keyKind", "feed",
                                         "category", "query", "place", "activityId", "appId", "region", "network",
                                         "operation", "client" };
    struct fact_value facts[ARRAY_LEN(names) + 3];
    struct alert *a = NULL;
    struct error err = { 0 };
    size_t n = 0;

    for (; n < ARRAY_LEN(names); n++)
        facts[n] = (struct fact_value){ .name = names[n], .kind = FACT_SET, .text = text };
    facts[n++] = (struct fact_value){ .name = "address", .kind = FACT_SET, .text = SL("2001:db8::66") };
    facts[n++] = (struct fact_value){ .name = "operations", .kind = FACT_MAP, .text = text, .number = 12 };
    facts[n++] = (struct fact_value){ .name = "bytesOut", .kind = FACT_SUM, .number = 7400000000 };
    PROMISE(alert_from_draft(&(struct alert_draft){
                .detector = "bad_address", .state_version = 1, .type = "CosmosDB_TorAnomaly", .severity = SEVERITY_MEDIUM,
                .confidence = 50, .account = text, .resource_id = text, .subject = text, .bucket_ns = FUZZ_NOW_NS,
                .first_ns = FUZZ_NOW_NS, .last_ns = FUZZ_NOW_NS + 999999999, .count = 12, .facts = facts,
                .facts_len = n }, &a, &err) == 0);
    PROMISE(a->type);
    return a;
}

/* One whole JSON document in valid UTF-8 on one line, by a reader that is not ours. */
void fuzz_check_json(struct slice text);
/* The alert in every format, each read back. */
void fuzz_check_formats(const struct alert *a);

#endif
