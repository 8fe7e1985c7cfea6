/* table_injection - somebody else's text stands in an application's $filter
 *
 * Why:     a $filter joined from strings lets users add conditions: an alternative that is always true gives
 *          every entity of the table. Other dialects' texts do not parse and tell that somebody is trying.
 * Reads:   text of CDBTableApiRequests (OBS_TEXT); there is no text unless the account logs full text.
 * Keeps:   per client the shapes and names of its texts, learned by closed slots (kit/query_history.h); per
 *          sender and ten minutes what failed (kit/query_window.h). All bounded.
 * Blind:   $select and $top, which the log does not hold; a condition that narrows.
 * Alerts:  one per client and UTC day: Medium when it ran (High when much more than usual came out), Low when not.
 * Source:  Azure Tables, "Querying tables and entities" (read 2026); CWE-943, ATT&CK T1190.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/injection.h"

#include "detectors/kit/odata_read.h"
#include "detectors/kit/query_judge.h"
#include "settings/option.h"

#define TYPE "CosmosDBX_TableInjection.ODataFilter"

struct table_injection {
    struct injection_limits limits;
    struct query_bench *bench;
    struct buf filter; /* decoded out of a web address */
};

static const struct option_spec table_injection_options[] = {
    INJECTION_OPTIONS(struct table_injection, limits),
    { 0 },
};

static void print_shape(void *bench, struct buf *out)
{
    query_bench_print_shape(bench, out);
}

static const struct injection_kind kind = {
    .detector = "table_injection", .state_version = 1, .api = API_TABLE, .attack_type = TYPE, .probe_type = TYPE,
    .burst_type = TYPE, .operation = "QueryEntities", .print_shape = print_shape,
};

static int table_injection_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                   struct error *err)
{
    struct table_injection *d = self;
    CLEANUP(injection_scene_release) struct injection_scene s = { .kind = &kind, .limits = &d->limits, .obs = obs,
                                                                  .ctx = ctx, .bench = d->bench };
    struct query_case k;

    if (obs->kind != OBS_TEXT || obs->api != API_TABLE || obs->text[F_QUERY_TEXT].len == 0)
        return 0;
    if (injection_scene_open(&s, err) < 0)
        return -1;
    query_judge(d->bench, &s.client, odata_filter_of(obs->text[F_QUERY_TEXT], &d->filter), injection_run(obs), &k);
    return injection_conclude(&s, &k, err);
}

static int table_injection_open(void *self, struct error *err)
{
    struct table_injection *d = self;

    d->filter = BUF_INIT(QUERY_TEXT_MAX);
    d->bench = query_bench_new(&odata_dialect);
    return d->bench ? 0 : error_set(err, ERR_NOMEM, "table_injection");
}

static void table_injection_close(void *self)
{
    struct table_injection *d = self;

    query_bench_free(d->bench);
    d->bench = NULL;
    buf_release(&d->filter);
}

static const char *const table_injection_types[] = { TYPE, NULL };
static const struct baseline_memory *const table_injection_memories[] = {
    &query_memory_client, &query_memory_shape, &query_memory_word, &query_memory_window, &query_memory_take, NULL };

extern const struct detector_ops detector_table_injection;
const struct detector_ops detector_table_injection = {
    .name = "table_injection",
    .summary = "somebody else's text stands in an application's $filter",
    .reads = OBS_TEXT, .types = table_injection_types, .options = table_injection_options, .size = sizeof(struct table_injection),
    .memories = table_injection_memories, .open = table_injection_open, .observe = table_injection_observe, .close = table_injection_close,
};
