/* engine.c - see engine.h. Order matters and is always the same: observations sorted by minute, kind and
 * key; for each, first the account's age, then the detectors in the order of detectors/all.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"

#include "alert/incident.h"
#include "base/map.h"
#include "detectors/kit/access.h"
#include "detectors/kit/request.h"
#include "detectors/kit/statements.h"
#include "pulse.h"

#include <stdlib.h>

struct engine {
    struct engine_detector *detectors;
    size_t detectors_len, opened;
    struct baseline *baseline;
    struct stage *stage;
    struct incidents *incidents;
    const struct enrich *enrich;
    const struct stage_loader *load; /* during engine_judge */
    uint64_t noted[1024];            /* hashes of account, table and hour, during engine_judge */
    struct agent_memo agents;
    struct statements *statements;
};

static int declare_memories(struct engine *e, struct error *err)
{
    if (baseline_declare(e->baseline, &request_tables_memory, err) < 0 ||
        baseline_declare(e->baseline, &pulse_memory, err) < 0 ||
        baseline_declare(e->baseline, &pulse_clock_memory, err) < 0)
        return -1;
    for (size_t i = 0; i < e->detectors_len; i++) {
        const struct baseline_memory *const *m = e->detectors[i].ops->memories;

        for (; m && *m; m++)
            if (baseline_declare(e->baseline, *m, err) < 0)
                return error_wrap(err, "detector %s", e->detectors[i].ops->name);
    }
    return 0;
}

static int open_detectors(struct engine *e, struct error *err)
{
    for (; e->opened < e->detectors_len; e->opened++) {
        const struct engine_detector *d = &e->detectors[e->opened];

        if (d->ops->open && d->ops->open(d->self, err) < 0) {
            e->opened++; /* close is called after a failed open too */
            return error_wrap(err, "detector %s", d->ops->name);
        }
    }
    return 0;
}

static int note_draft(void *self, const struct alert_draft *d, const struct alert *whole, bool is_suppressed,
                      struct error *err)
{
    return incidents_note(((struct engine *)self)->incidents, d, whole, is_suppressed, err);
}

int engine_new(const struct engine_config *cfg, struct engine **ret, struct error *err)
{
    CLEANUP(engine_freep) struct engine *e = calloc(1, sizeof *e);

    if (!e)
        return error_set(err, ERR_NOMEM, "no memory for the engine");
    e->detectors = calloc(cfg->detectors_len + 1, sizeof *e->detectors);
    e->baseline = baseline_new(&cfg->baseline);
    e->stage = stage_new(cfg->baseline.horizon_ns);
    if (!e->detectors || !e->baseline || !e->stage)
        return error_set(err, ERR_NOMEM, "no memory for the engine");
    if (cfg->detectors_len > 0)
        memcpy(e->detectors, cfg->detectors, cfg->detectors_len * sizeof *e->detectors);
    e->detectors_len = cfg->detectors_len;
    e->enrich = cfg->enrich;
    if (statements_new(cfg->statement_reader, &e->statements, err) < 0 || declare_memories(e, err) < 0 || incidents_new(e->baseline, &e->incidents, err) < 0 ||
        open_detectors(e, err) < 0)
        return -1;
    stage_set_suppress(e->stage, cfg->suppress);
    stage_set_accounts(e->stage, cfg->accounts);
    stage_watch(e->stage, note_draft, e);
    *ret = TAKE(e);
    return 0;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->opened; i++)
        if (e->detectors[i].ops->close)
            e->detectors[i].ops->close(e->detectors[i].self);
    free(e->detectors);
    incidents_free(e->incidents);
    statements_free(e->statements);
    baseline_free(e->baseline);
    stage_free(e->stage);
    free(e);
}

void engine_freep(struct engine **e)
{
    engine_free(*e);
    *e = NULL;
}

static int emit_to_stage(void *self, const struct alert_draft *d, struct error *err)
{
    struct engine *e = self;

    return stage_emit(e->stage, d, e->load, err);
}

static int emit_nothing(void *self UNUSED, const struct alert_draft *d UNUSED, struct error *err UNUSED)
{
    return 0;
}

/* Every observation passes here, and one of an hour is enough: what was noted in this batch is remembered. */
static bool is_noted(struct engine *e, const struct observation *obs)
{
    struct slice account = obs->text[F_ACCOUNT];
    int64_t hour = obs->minute_ns / NS_PER_HOUR;
    uint64_t hash = hash64(account.at, account.len, (uint64_t)hour << 16 | (uint64_t)obs->table << 8 | (uint64_t)obs->kind);
    uint64_t *noted = &e->noted[hash % ARRAY_LEN(e->noted)];
    bool was = *noted == hash;

    *noted = hash;
    return was;
}

/* What more than one detector asks is found out here, once. */
static int judge_one(struct engine *e, const struct observation *obs, struct detector_context *ctx, struct error *err)
{
    bool is_request = obs->kind == OBS_REQUEST;
    struct caller caller;

    if (is_request)
        caller = caller_of(&e->agents, obs);
    else
        statements_next(e->statements);
    if (obs->text[F_ACCOUNT].len > 0)
        baseline_saw_account(e->baseline, obs->text[F_ACCOUNT], obs->minute_ns);
    ctx->caller = is_request ? &caller : NULL;
    ctx->is_learning = baseline_is_learning(e->baseline, obs->text[F_ACCOUNT], obs->minute_ns);
    ctx->is_counted_elsewhere = is_request && request_is_counted_elsewhere(e->baseline, obs);
    for (size_t i = 0; i < e->detectors_len; i++) {
        const struct engine_detector *det = &e->detectors[i];

        if ((det->ops->reads & obs->kind) != 0 && det->ops->observe(det->self, obs, ctx, err) < 0)
            return error_wrap(err, "detector %s", det->ops->name);
    }
    return 0;
}

static int settle_detectors(struct engine *e, struct detector_context *ctx, struct error *err)
{
    ctx->caller = NULL;
    ctx->is_learning = ctx->is_counted_elsewhere = false;
    for (size_t i = 0; i < e->detectors_len; i++) {
        const struct engine_detector *det = &e->detectors[i];

        if (det->ops->settle && det->ops->settle(det->self, ctx, err) < 0)
            return error_wrap(err, "detector %s", det->ops->name);
    }
    return 0;
}

int engine_judge(struct engine *e, const struct observation *obs, size_t n, bool is_backfill,
                 int64_t watermark_ns, const struct stage_loader *load, struct error *err)
{
    const struct alert_sink sink = { .self = e, .emit = is_backfill ? emit_nothing : emit_to_stage };
    struct detector_context ctx = {
        .baseline = e->baseline,
        .enrich = e->enrich,
        .sink = &sink,
        .statements = e->statements,
        .watermark_ns = watermark_ns,
        .is_backfill = is_backfill,
    };

    /* A hole in an export is no silence: without a watermark nobody knows what was read. */
    bool is_replay = watermark_ns == INT64_MAX;

    e->load = load;
    memset(e->noted, 0, sizeof e->noted);
    if (!is_replay && pulse_advance(e->baseline, watermark_ns, is_backfill ? NULL : &sink, err) < 0)
        return error_wrap(err, "silence");
    for (size_t i = 0; i < n; i++) {
        if (!is_replay && !is_noted(e, &obs[i]))
            pulse_note(e->baseline, &obs[i]);
        if (judge_one(e, &obs[i], &ctx, err) < 0)
            return -1;
    }
    if (!is_backfill && settle_detectors(e, &ctx, err) < 0)
        return -1;
    e->load = NULL;
    return incidents_settle(e->incidents, e->stage, watermark_ns, load, err);
}

int engine_emit(struct engine *e, const struct alert_draft *d, const struct stage_loader *load,
                struct error *err)
{
    return stage_emit(e->stage, d, load, err);
}

void engine_tell_unread(struct engine *e, void (*fn)(void *self, struct slice text, const char *reason), void *self)
{
    statements_tell_unread(e->statements, fn, self);
}

void engine_excuse(struct engine *e, int64_t until_ns)
{
    pulse_excuse(e->baseline, until_ns);
}

struct baseline *engine_baseline(struct engine *e)
{
    return e->baseline;
}

struct stage *engine_stage(struct engine *e)
{
    return e->stage;
}

void engine_forget(struct engine *e)
{
    baseline_forget_all(e->baseline);
    stage_forget(e->stage);
    incidents_forget(e->incidents);
}

const struct enrich *engine_enrich(const struct engine *e)
{
    return e->enrich;
}

const char *engine_blind(struct engine *e, size_t *i, const char **ret_name)
{
    struct detector_context ctx = { .baseline = e->baseline, .enrich = e->enrich };

    while (*i < e->detectors_len) {
        const struct engine_detector *d = &e->detectors[(*i)++];
        const char *why = d->ops->blind ? d->ops->blind(d->self, &ctx) : NULL;

        if (why) {
            *ret_name = d->ops->name;
            return why;
        }
    }
    return NULL;
}
