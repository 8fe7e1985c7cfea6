/* cql_injection - somebody else's text stands in an application's CQL
 *
 * Why:     CQL has no OR, no UNION, no sub-query and one statement a text, so what succeeds is narrow: a comment
 *          that cuts off a condition (the password of a login), or widening. Other attempts end as a syntax
 *          error and tell that somebody is trying.
 * Reads:   command text of CDBCassandraRequests (OBS_TEXT); there is no text unless the account logs full text.
 * Keeps:   per client the shapes and names of its texts, learned by closed slots (kit/query_history.h); per
 *          sender and ten minutes what failed (kit/query_window.h). All bounded.
 * Blind:   bound values (cannot inject); one stray quote (a name with an apostrophe).
 * Alerts:  one per client and UTC day: Medium when it ran (High when much more than usual came out), Low when not.
 * Source:  Apache Cassandra CQL reference (read 2026); CWE-943, ATT&CK T1190.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/injection.h"

#include "settings/option.h"

#define TYPE "CosmosDBX_CqlInjection"

struct cql_injection {
    struct injection_limits limits;
};

static const struct option_spec cql_injection_options[] = {
    INJECTION_OPTIONS(struct cql_injection, limits),
    { 0 },
};

static const struct injection_kind kind = {
    .detector = "cql_injection", .state_version = 1, .api = API_CASSANDRA, .attack_type = TYPE, .probe_type = TYPE,
    .burst_type = TYPE, .operation = "QuerySelect",
};

static int cql_injection_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                 struct error *err)
{
    const struct cql_injection *d = self;

    return injection_observe(&kind, &d->limits, obs, ctx, err);
}

static const char *const cql_injection_types[] = { TYPE, NULL };
static const struct baseline_memory *const cql_injection_memories[] = {
    &query_memory_client, &query_memory_shape, &query_memory_word, &query_memory_window, &query_memory_take, NULL };

extern const struct detector_ops detector_cql_injection;
const struct detector_ops detector_cql_injection = {
    .name = "cql_injection",
    .summary = "somebody else's text stands in an application's CQL",
    .reads = OBS_TEXT, .types = cql_injection_types, .options = cql_injection_options, .size = sizeof(struct cql_injection),
    .memories = cql_injection_memories, .observe = cql_injection_observe,
};
