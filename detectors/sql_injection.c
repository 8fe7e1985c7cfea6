/* sql_injection - somebody else's text stands in an application's query.
 *
 * Why:     an application that builds statements by joining strings lets its users write conditions.
 *          Cosmos DB has no UNION, no second statement and no delay, so what succeeds is narrow: a
 *          condition turned true, a question about a field, a tail cut off by a comment. What cannot
 *          succeed (other dialects, broken text) tells that somebody is trying.
 * Reads:   query texts joined with their request (OBS_TEXT); refused queries without text (OBS_REQUEST,
 *          operation Query, status 400): a text that does not parse leaves no text in the log.
 * Keeps:   per client (agent family on a container): the shapes of its statements and the property
 *          names in them, learned by closed slots (kit/query_history.h); per sender and ten minutes what
 *          failed, per client and slot what an attack took (kit/query_window.h). All bounded.
 * Blind:   values bound as parameters (cannot inject); an injection that looks like one more ordinary
 *          condition to a client without history; one stray quote (a name with an apostrophe).
 * Alerts:  one per client, type and UTC day. The address is the application's: the attacker is behind it.
 * Source:  Microsoft Defender for Azure Cosmos DB alert reference (June 2026) for the two types and
 *          their meaning; CWE-943, ATT&CK T1190.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/injection.h"

#include "base/num.h"
#include "base/timeutil.h"
#include "settings/option.h"

#define TYPE_EXFILTRATION "CosmosDB_SqlInjection.DataExfiltration"
#define TYPE_FUZZING "CosmosDB_SqlInjection.FailedFuzzingAttempt"
#define TYPE_MASKED "CosmosDBX_NoSqlInjection" /* either, told from text whose literals the service took out */

struct sql_injection {
    struct injection_limits limits;
    int64_t burst_requests; /* refused queries without text in ten minutes that alert */
};

static const struct option_spec sql_injection_options[] = {
    INJECTION_OPTIONS(struct sql_injection, limits),
    { .key = "burst_requests", .type = OPT_INT, .at = offsetof(struct sql_injection, burst_requests),
      .preset = "40", .min = 5, .max = 1000000,
      .help = "refused queries of one sender in ten minutes that alert when no text is logged" },
    { 0 },
};

static const struct injection_kind nosql = {
    .detector = "sql_injection", .state_version = 1, .api = API_NOSQL, .attack_type = TYPE_EXFILTRATION,
    .probe_type = TYPE_FUZZING, .burst_type = TYPE_FUZZING, .operation = "Query",
};

static int observe_text(struct injection_scene *s, struct error *err)
{
    const struct observation *o = s->obs;
    struct query_case k;

    if (o->text[F_QUERY_TEXT].len == 0)
        return 0;
    if (injection_judge(s, &k, err) < 0)
        return -1;
    if (k.is_masked)
        k.type = TYPE_MASKED;
    return injection_conclude(s, &k, err);
}

/* Refused queries whose text the log does not have. */
static int observe_refusal(const struct sql_injection *d, struct injection_scene *s, struct error *err)
{
    const struct observation *o = s->obs;
    struct query_tally more = injection_tally(o);
    int64_t usual = 0;

    if (o->status != 400 || !slice_eq_nocase(o->text[F_OPERATION], SL("Query")))
        return 0;
    uint64_t sender = injection_sender(o) ^ 1; /* apart from the windows that have texts */
    size_t minute = (size_t)((o->minute_ns - time_floor(o->minute_ns, QUERY_WINDOW_NS)) / NS_PER_MIN);
    struct query_window *win = query_window_put(&s->client, sender, o->minute_ns);

    if (!win)
        return error_set(err, ERR_NOMEM, "memory of failing queries");
    bool was_over = win->is_over;
    struct query_window now;
    int64_t least = sensitivity_count(d->limits.sensitivity, d->burst_requests, 5);

    win->failed = i64_add_sat(win->failed, o->count);
    win->minute_count[minute] = i64_add_sat(win->minute_count[minute], o->count);
    win->minute_bytes[minute] = i64_add_sat(win->minute_bytes[minute], o->bytes_in);
    query_tally_add(&win->weak, &more);
    now = *win;
    if (!query_failing_learn(&s->client, sender, now.failed, &usual))
        return error_set(err, ERR_NOMEM, "memory of failing queries");
    if (s->ctx->is_backfill)
        return 0;
    if (!was_over) {
        if (now.failed < least || now.failed / 10 < usual || !query_window_lengths_differ(&now))
            return 0;
        win = query_window_put(&s->client, sender, o->minute_ns);
        if (!win)
            return error_set(err, ERR_NOMEM, "memory of failing queries");
        win->is_over = true;
        more = now.weak;
    }
    return injection_emit_burst(s, &more, &(struct injection_burst){
        .type = TYPE_FUZZING, .variant = ".SyntaxErrors", .rule = "burst", .has_failed = true, .confidence = 40,
        .reason = "many refused queries of different lengths within ten minutes, far more than this sender's usual",
        .severity = now.failed / 10 >= d->burst_requests ? SEVERITY_MEDIUM : SEVERITY_LOW }, err);
}

static int sql_injection_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                 struct error *err)
{
    struct sql_injection *d = self;
    CLEANUP(injection_scene_release) struct injection_scene s = { .kind = &nosql, .limits = &d->limits, .obs = obs,
                                                                  .ctx = ctx };

    if (obs->api != API_NOSQL && obs->api != API_UNKNOWN)
        return 0; /* each dialect has a detector of its own */
    if (obs->kind == OBS_REQUEST && obs->status != 400)
        return 0;
    if (injection_scene_open(&s, err) < 0)
        return -1;
    return obs->kind == OBS_TEXT ? observe_text(&s, err) : observe_refusal(d, &s, err);
}

static const char *const sql_injection_types[] = { TYPE_EXFILTRATION, TYPE_FUZZING, TYPE_MASKED, NULL };
static const struct baseline_memory *const sql_injection_memories[] = {
    &query_memory_client, &query_memory_shape, &query_memory_word, &query_memory_window, &query_memory_failing,
    &query_memory_take, NULL };

extern const struct detector_ops detector_sql_injection;
const struct detector_ops detector_sql_injection = {
    .name = "sql_injection",
    .summary = "somebody else's text stands in an application's query",
    .reads = OBS_TEXT | OBS_REQUEST, .types = sql_injection_types, .options = sql_injection_options,
    .size = sizeof(struct sql_injection), .memories = sql_injection_memories,
    .observe = sql_injection_observe,
};
