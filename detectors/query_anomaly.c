/* query_anomaly - a client that lives from few fixed statements sends one of a form it never used
 *
 * Why:     most applications send the same few statements for months. A new form is a release, a person with
 *          the application's credential, or an injection that looks like an ordinary condition: no attack
 *          grammar is needed to see it.
 * Reads:   query and command texts of every API that ran (OBS_TEXT).
 * Keeps:   nothing of its own but what a new form took in a slot: it asks what the injection detectors learned
 *          (kit/query_history.h), so it is silent for an API whose injection detector is switched off.
 * Blind:   clients of many forms (people at a console, query builders); forms that differ in values only.
 *          What the injection detectors alert on is not told twice.
 * Alerts:  one per client and UTC day: all new forms of a release are in one alert, and a form is usual as soon
 *          as its slot has closed. Silent while the account is learning.
 * Source:  Azure Monitor table references of the request tables (read 2026); ATT&CK T1213.006.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/injection.h"

#include "base/num.h"
#include "baseline/slots.h"
#include "detectors/kit/sensitivity.h"
#include "settings/option.h"

#define TYPE "CosmosDBX_QueryAnomaly"
#define SHAPE_SALT UINT64_C(0x616e6f6d616c7921) /* its sums apart from those of attacks on a shape */

struct query_anomaly {
    int sensitivity;
    int64_t max_shapes;   /* a client of more forms has no fixed ones */
    int64_t min_days;     /* known for so long */
    int64_t medium_bytes; /* answers of a new form in a slot that make Medium */
};

static const struct option_spec query_anomaly_options[] = {
    { .key = "max_shapes", .type = OPT_INT, .at = offsetof(struct query_anomaly, max_shapes), .preset = "16", .min = 1, .max = 150,
      .help = "a client of more statement forms than this has no fixed ones" },
    { .key = "min_days", .type = OPT_INT, .at = offsetof(struct query_anomaly, min_days), .preset = "7", .min = 1, .max = 365,
      .help = "days that a client must be known" },
    { .key = "medium_bytes", .type = OPT_BYTES, .at = offsetof(struct query_anomaly, medium_bytes), .preset = "1MiB", .min = 1,
      .help = "answers of a new form in a slot that make the alert Medium" },
    SENSITIVITY_OPTION(struct query_anomaly, "low: clients of half of max_shapes, known for twice min_days; high: of twice "
                       "max_shapes, known for half of min_days"),
    { 0 },
};

#define KIND(which, name)                                                                          \
    { .detector = "query_anomaly", .state_version = 1, .api = which, .attack_type = TYPE, .probe_type = TYPE, \
      .burst_type = TYPE, .operation = name }

static const struct injection_kind kinds[API_COUNT] = {
    [API_UNKNOWN] = KIND(API_NOSQL, "Query"), [API_NOSQL] = KIND(API_NOSQL, "Query"), [API_MONGODB] = KIND(API_MONGODB, "find"),
    [API_CASSANDRA] = KIND(API_CASSANDRA, "QuerySelect"), [API_GREMLIN] = KIND(API_GREMLIN, "eval"),
    [API_TABLE] = KIND(API_TABLE, "QueryEntities"),
};

/* Here more is stricter: fewer clients have so few forms. */
static int64_t max_shapes(const struct query_anomaly *d)
{
    if (d->sensitivity == SENSITIVITY_LOW)
        return d->max_shapes / 2;
    return d->sensitivity == SENSITIVITY_HIGH ? 2 * d->max_shapes : d->max_shapes;
}

static int query_anomaly_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                 struct error *err)
{
    struct query_anomaly *d = self;
    struct injection_limits limits = { .burst_shapes = 1, .fuzzing_medium = 1, .high_bytes = 1 };
    CLEANUP(injection_scene_release) struct injection_scene s = { .limits = &limits, .obs = obs, .ctx = ctx };
    struct query_case k;

    if (obs->kind != OBS_TEXT || obs->api >= API_COUNT || obs->text[F_QUERY_TEXT].len == 0 || injection_run(obs) != RUN_OK ||
        ctx->is_backfill || ctx->is_learning)
        return 0;
    s.kind = &kinds[obs->api];
    if (injection_scene_open(&s, err) < 0)
        return -1;
    int64_t shapes = query_client_shapes(&s.client);
    int64_t days = (s.client.slot - query_client_first_slot(&s.client)) / 24;

    if (shapes == 0 || shapes > max_shapes(d) || !query_client_is_known(&s.client) ||
        days < sensitivity_count(d->sensitivity, d->min_days, 1))
        return 0;
    if (injection_judge(&s, &k, err) < 0)
        return -1;
    if (k.is_known || k.verdict != VERDICT_ORDINARY)
        return 0;
    struct query_take *take = query_take_put(&s.client, k.lesson.shape ^ SHAPE_SALT);

    if (!take)
        return error_set(err, ERR_NOMEM, "memory of new statements");
    take->bytes_out = i64_add_sat(take->bytes_out, obs->bytes_out);
    k.verdict = VERDICT_WIDENED;
    k.severity = take->bytes_out >= d->medium_bytes ? SEVERITY_MEDIUM : SEVERITY_LOW;
    k.confidence = 30;
    k.variant = ".NewShape";
    k.note = NOTE_NEW_FORM;
    k.known_shapes = shapes;
    k.history_days = days;
    return injection_tell(&s, &k, err);
}

static const char *const query_anomaly_types[] = { TYPE, NULL };
static const struct baseline_memory *const query_anomaly_memories[] = {
    &query_memory_client, &query_memory_shape, &query_memory_word, &query_memory_take, NULL };

extern const struct detector_ops detector_query_anomaly;
const struct detector_ops detector_query_anomaly = {
    .name = "query_anomaly",
    .summary = "a client that lives from few fixed statements sends one of a form it never used",
    .reads = OBS_TEXT, .types = query_anomaly_types, .options = query_anomaly_options,
    .size = sizeof(struct query_anomaly), .memories = query_anomaly_memories,
    .observe = query_anomaly_observe,
};
