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

#include "detectors/kit/cql_read.h"
#include "detectors/kit/query_judge.h"
#include "settings/option.h"

#define TYPE "CosmosDBX_CqlInjection"

struct cql_injection {
    struct injection_limits limits;
    struct query_bench *bench;
};

static const struct option_spec cql_injection_options[] = {
    INJECTION_OPTIONS(struct cql_injection, limits),
    { 0 },
};

static void print_shape(void *bench, struct buf *out)
{
    query_bench_print_shape(bench, out);
}

static const struct injection_kind kind = {
    .detector = "cql_injection", .state_version = 1, .api = API_CASSANDRA, .attack_type = TYPE, .probe_type = TYPE,
    .burst_type = TYPE, .operation = "QuerySelect", .print_shape = print_shape,
};

static int cql_injection_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                 struct error *err)
{
    struct cql_injection *d = self;
    CLEANUP(injection_scene_release) struct injection_scene s = { .kind = &kind, .limits = &d->limits, .obs = obs,
                                                                  .ctx = ctx, .bench = d->bench };
    struct query_case k;

    if (obs->kind != OBS_TEXT || obs->api != API_CASSANDRA || obs->text[F_QUERY_TEXT].len == 0)
        return 0;
    if (injection_scene_open(&s, err) < 0)
        return -1;
    query_judge(d->bench, &s.client, obs->text[F_QUERY_TEXT], injection_run(obs), &k);
    return injection_conclude(&s, &k, err);
}

static int cql_injection_open(void *self, struct error *err)
{
    struct cql_injection *d = self;

    d->bench = query_bench_new(&cql_dialect);
    return d->bench ? 0 : error_set(err, ERR_NOMEM, "cql_injection");
}

static void cql_injection_close(void *self)
{
    struct cql_injection *d = self;

    query_bench_free(d->bench);
    d->bench = NULL;
}

static const char *const cql_injection_types[] = { TYPE, NULL };
static const struct baseline_memory *const cql_injection_memories[] = {
    &query_memory_client, &query_memory_shape, &query_memory_word, &query_memory_window, &query_memory_take, NULL };

extern const struct detector_ops detector_cql_injection;
const struct detector_ops detector_cql_injection = {
    .name = "cql_injection",
    .summary = "somebody else's text stands in an application's CQL",
    .reads = OBS_TEXT, .types = cql_injection_types, .options = cql_injection_options, .size = sizeof(struct cql_injection),
    .memories = cql_injection_memories, .open = cql_injection_open, .observe = cql_injection_observe, .close = cql_injection_close,
};
