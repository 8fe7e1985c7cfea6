/* injection.c - see injection.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/injection.h"

#include "base/map.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "baseline/slots.h"
#include "detectors/kit/sql_text.h"
#include "detectors/kit/sql_words.h"
#include "detectors/kit/statements.h"

#define QUERY_TEXT_MAX 1024
#define SHAPE_TEXT_MAX 2048
#define REASON_TEXT_MAX 512
#define QUOTE_MAX 96
#define FACTS_MAX 48
#define SERIES_MIN 6 /* guesses of one sender about one field in ten minutes */

/* ---- drafts --------------------------------------------------------------------------------------- */

struct facts { /* the facts of one draft, built up */
    struct fact_value at[FACTS_MAX];
    size_t len;
};

static void fact_number(struct facts *f, const char *name, enum fact_kind kind, int64_t number)
{
    if (f->len < FACTS_MAX)
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = kind, .number = number };
}

static void fact_text(struct facts *f, const char *name, struct slice text)
{
    if (f->len < FACTS_MAX && text.len > 0)
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = FACT_SET, .text = text };
}

/* One of the requests; of many statements a few. */
static void fact_sample(struct facts *f, const struct observation *o)
{
    if (f->len < FACTS_MAX && o->sample.len > 0)
        f->at[f->len++] = (struct fact_value){ .name = "activityId", .kind = FACT_SAMPLE,
                                               .number = (int64_t)(o->key % FACT_SAMPLES), .text = o->sample };
}

static void fact_entry(struct facts *f, const char *name, struct slice key, int64_t number)
{
    if (f->len < FACTS_MAX && key.len > 0)
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = FACT_MAP, .text = key, .number = number };
}

static void add_who(const struct injection_scene *s, struct facts *f)
{
    const struct slice *t = s->obs->text;

    fact_text(f, "address", t[F_ADDRESS]);
    fact_text(f, "userAgent", t[F_USER_AGENT]);
    fact_text(f, "principal", t[F_PRINCIPAL]);
    fact_text(f, "keyKind", t[F_KEY_KIND]);
    fact_text(f, "database", t[F_DATABASE]);
    fact_text(f, "container", t[F_CONTAINER]);
}

static void add_what(struct injection_scene *s, struct facts *f)
{
    const struct observation *o = s->obs;
    struct buf status = BUF_INIT(sizeof(s->status));

    fact_number(f, "requests", FACT_SUM, o->count);
    fact_number(f, "ru", FACT_SUM, o->ru_milli);
    fact_number(f, "bytesOut", FACT_SUM, o->bytes_out);
    fact_sample(f, o);
    fact_entry(f, "operations", slice_empty(o->text[F_OPERATION]) ? slice_of(s->kind->operation) : o->text[F_OPERATION], o->count);
    if (o->status >= 0) {
        buf_add_i64(&status, o->status);
        if (!status.failed && status.len < sizeof(s->status)) {
            memcpy(s->status, status.at, status.len);
            fact_entry(f, "statusCodes", slice_make(s->status, status.len), o->count);
        }
    }
    if (o->status >= 400)
        fact_number(f, "failedRequests", FACT_SUM, o->count);
    buf_release(&status);
}

static int emit(const struct injection_scene *s, const char *type, const char *variant, enum severity severity,
                int confidence, const struct query_tally *when, const struct facts *f, struct error *err)
{
    const struct observation *o = s->obs;

    return alert_emit(s->ctx->sink, &(struct alert_draft){
        .detector = s->kind->detector, .state_version = s->kind->state_version, .type = type, .variant = variant,
        .severity = severity, .confidence = confidence, .api = s->kind->api, .account = o->text[F_ACCOUNT],
        .resource_id = o->text[F_RESOURCE_ID], .subject = buf_slice(&s->label),
        .bucket_ns = time_floor(o->minute_ns, NS_PER_DAY), .first_ns = when->first_ns,
        .last_ns = when->last_ns, .count = when->requests, .facts = f->at, .facts_len = f->len }, err);
}

struct query_tally injection_tally(const struct observation *o)
{
    return (struct query_tally){ .requests = o->count, .ru_milli = o->ru_milli, .bytes_out = o->bytes_out,
                                 .first_ns = o->first_ns, .last_ns = o->last_ns };
}

/* ---- reasons -------------------------------------------------------------------------------------- */

/* `OR 1 = 1` is ...; this client's usual statement ends before it */
static void write_reason(const struct query_case *k, const struct query_finding_text *f, struct buf *out)
{
    struct slice text = slice_trim(f->text);

    if (text.len == 0) {
        buf_add_str(out, "the statement ends in the middle");
        return;
    }
    buf_add_char(out, '`');
    buf_add_slice(out, slice_cut(text, QUOTE_MAX));
    buf_add_str(out, text.len > QUOTE_MAX ? "...` " : "` ");
    buf_add_str(out, query_finding_sentence(f->rule));
    if (k->is_extension)
        buf_add_str(out, k->cuts_tail ? "; the rest of this client's usual statement is commented out"
                                      : "; this client's usual statement does not have it");
}

/* Texts that the facts borrow while the draft is built. */
struct words {
    struct buf shape, reasons[QUERY_FINDINGS_MAX + 1];
};

static void words_release(struct words *w)
{
    buf_release(&w->shape);
    for (size_t i = 0; i < ARRAY_LEN(w->reasons); i++)
        buf_release(&w->reasons[i]);
}

static int add_case(const struct injection_scene *s, const struct query_case *k, struct words *w, struct facts *f,
                    struct error *err)
{
    const struct observation *o = s->obs;

    w->shape = BUF_INIT(SHAPE_TEXT_MAX); /* a longer one stays cut: that is enough to read */
    if (statements_print_shape(s->ctx->statements, o->api, o->text[F_QUERY_TEXT], &w->shape, err) < 0)
        return -1;
    fact_text(f, "query", slice_cut(k->statement, QUERY_TEXT_MAX));
    fact_text(f, "queryShape", slice_cut(buf_slice(&w->shape), QUERY_TEXT_MAX));
    fact_text(f, "literalsVisible", k->is_masked ? SL("no") : SL("yes"));
    for (size_t i = 0; i < k->findings_len; i++) {
        w->reasons[i] = BUF_INIT(REASON_TEXT_MAX);
        write_reason(k, &k->findings[i], &w->reasons[i]);
        fact_text(f, "rule", slice_of(query_finding_name(k->findings[i].rule)));
        fact_text(f, "reason", buf_slice(&w->reasons[i]));
    }
    if (k->note)
        fact_text(f, "reason", slice_of(query_note_text(k->note)));
    if (k->known_shapes > 0)
        fact_number(f, "knownShapes", FACT_MAX, k->known_shapes);
    if (k->history_days > 0)
        fact_number(f, "historyDays", FACT_MAX, k->history_days);
    return 0;
}

/* ---- what the cases lead to ----------------------------------------------------------------------- */

/* High when much more came out than usual, or when many texts were tried (blind, letter by letter). */
static int raise_attack(struct injection_scene *s, const struct query_case *k, struct facts *f, enum severity *severity,
                        struct error *err)
{
    int64_t usual = k->base_shape ? query_shape_usual_bytes(&s->client, k->base_shape) : 0, ten_times = 0;
    struct query_take *take = query_take_put(&s->client, k->base_shape);

    if (!take)
        return error_set(err, ERR_NOMEM, "memory of an injection");
    take->bytes_out = i64_add_sat(take->bytes_out, s->obs->bytes_out);
    query_bits_add(&take->texts, k->id);
    if (usual > 0)
        fact_number(f, "usualBytes", FACT_MAX, usual);
    if (usual > 0 && i64_mul(usual, 10, &ten_times) && take->bytes_out >= ten_times &&
        take->bytes_out >= s->limits->high_bytes)
        *severity = SEVERITY_HIGH;
    if (query_bits_count(&take->texts) >= s->limits->fuzzing_medium)
        *severity = SEVERITY_HIGH;
    return 0;
}

int injection_tell(struct injection_scene *s, const struct query_case *k, struct error *err)
{
    CLEANUP(words_release) struct words w = { 0 };
    struct facts f = { 0 };
    struct query_tally when = injection_tally(s->obs);
    enum severity severity = k->severity;

    add_who(s, &f);
    add_what(s, &f);
    if (add_case(s, k, &w, &f, err) < 0)
        return -1;
    if (k->verdict == VERDICT_ATTACK && raise_attack(s, k, &f, &severity, err) < 0)
        return -1;
    return emit(s, k->type ? k->type : s->kind->attack_type, k->variant, severity, k->confidence, &when, &f, err);
}

uint64_t injection_sender(const struct observation *o)
{
    static const enum field fields[] = { F_ADDRESS, F_USER_AGENT, F_PRINCIPAL, F_KEY_KIND };
    uint64_t h = 0;

    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        h = hash64(o->text[fields[i]].at, o->text[fields[i]].len, h + i);
    return h;
}

static int emit_probe(struct injection_scene *s, const struct query_case *k, struct error *err)
{
    CLEANUP(words_release) struct words w = { 0 };
    struct facts f = { 0 };
    struct query_tally when = injection_tally(s->obs);
    struct query_window *win = query_window_put(&s->client, injection_sender(s->obs), s->obs->minute_ns);

    if (!win)
        return error_set(err, ERR_NOMEM, "memory of failing statements");
    query_bits_add(&win->all, k->lesson.shape);
    query_bits_add(&win->strong, k->lesson.shape);
    int64_t all = query_bits_count(&win->all), strong = query_bits_count(&win->strong);

    add_who(s, &f);
    add_what(s, &f);
    if (add_case(s, k, &w, &f, err) < 0)
        return -1;
    fact_number(&f, "distinctShapes", FACT_MAX, win->is_over ? all : strong);
    return emit(s, k->type ? k->type : s->kind->probe_type, k->variant,
                (win->is_over ? all : strong) >= s->limits->fuzzing_medium ? SEVERITY_MEDIUM : SEVERITY_LOW,
                k->confidence, &when, &f, err);
}

int injection_emit_burst(struct injection_scene *s, const struct query_tally *t, const struct injection_burst *b,
                         struct error *err)
{
    struct facts f = { 0 };

    add_who(s, &f);
    fact_number(&f, "requests", FACT_SUM, t->requests);
    fact_number(&f, "ru", FACT_SUM, t->ru_milli);
    fact_number(&f, "bytesOut", FACT_SUM, t->bytes_out);
    fact_entry(&f, "operations", slice_of(s->kind->operation), t->requests);
    if (b->has_failed) {
        fact_number(&f, "failedRequests", FACT_SUM, t->requests);
        fact_entry(&f, "statusCodes", SL("400"), t->requests);
    }
    fact_text(&f, "rule", slice_of(b->rule));
    fact_text(&f, "reason", slice_of(b->reason));
    if (b->distinct > 0)
        fact_number(&f, "distinctShapes", FACT_MAX, b->distinct);
    return emit(s, b->type, b->variant, b->severity, b->confidence, t, &f, err);
}

/* Add the row to a window of distinct things; true when it is to be told, with what is to be told in *more. */
static bool window_crosses(struct query_window *win, uint64_t thing, int64_t limit, struct query_tally *more)
{
    query_bits_add(&win->all, thing);
    if (win->is_over)
        return true;
    query_tally_add(&win->weak, more);
    if (query_bits_count(&win->all) < limit)
        return false;
    win->is_over = true;
    *more = win->weak;
    return true;
}

static int count_broken(struct injection_scene *s, const struct query_case *k, struct error *err)
{
    struct query_window *win = query_window_put(&s->client, injection_sender(s->obs), s->obs->minute_ns);
    struct query_tally more = injection_tally(s->obs);

    if (!win)
        return error_set(err, ERR_NOMEM, "memory of failing statements");
    if (!window_crosses(win, k->lesson.shape, sensitivity_count(s->limits->sensitivity, s->limits->burst_shapes, 2), &more))
        return 0;
    int64_t distinct = query_bits_count(&win->all);

    return injection_emit_burst(s, &more, &(struct injection_burst){
        .type = s->kind->burst_type, .variant = ".SyntaxErrors", .rule = "burst", .has_failed = true,
        .reason = "many different statements that do not parse within ten minutes", .distinct = distinct,
        .severity = distinct >= s->limits->fuzzing_medium ? SEVERITY_MEDIUM : SEVERITY_LOW, .confidence = 60 }, err);
}

/* Guesses about one field, each alone an ordinary search. */
static int count_series(struct injection_scene *s, const struct query_case *k, struct error *err)
{
    struct query_window *win = query_window_put(&s->client, injection_sender(s->obs) ^ k->series, s->obs->minute_ns);
    struct query_tally more = injection_tally(s->obs);

    if (!win)
        return error_set(err, ERR_NOMEM, "memory of guesses");
    if (!window_crosses(win, k->id, sensitivity_count(s->limits->sensitivity, SERIES_MIN, 2), &more))
        return 0;
    return injection_emit_burst(s, &more, &(struct injection_burst){
        .type = k->series_type, .variant = ".Series", .rule = "series",
        .reason = "one field is asked about with many different short patterns within ten minutes",
        .distinct = query_bits_count(&win->all), .severity = SEVERITY_MEDIUM, .confidence = 60 }, err);
}

/* ---- observations --------------------------------------------------------------------------------- */

int injection_scene_open(struct injection_scene *s, struct error *err)
{
    const struct observation *o = s->obs;
    struct baseline *b = s->ctx->baseline;

    s->label = BUF_INIT(512);
    sql_client_family(o->text[F_USER_AGENT], &s->label);
    buf_add_str(&s->label, " on ");
    buf_add_slice(&s->label, slice_cut(o->text[F_DATABASE], 128));
    if (!slice_empty(o->text[F_DATABASE])) /* the Table API has none */
        buf_add_char(&s->label, '/');
    buf_add_slice(&s->label, slice_cut(o->text[F_CONTAINER], 128));
    s->client = (struct query_client){ .baseline = b, .account = o->text[F_ACCOUNT], .len = slots_len(baseline_cfg(b)),
                                       .seen_ns = o->minute_ns, .label = buf_slice(&s->label) };
    s->client.slot = slots_of(o->minute_ns, s->client.len);
    s->client.hash = hash64(s->label.at, s->label.len, s->kind->api == API_NOSQL ? 0 : (uint64_t)s->kind->api);
    return buf_check(&s->label, err);
}

void injection_scene_release(struct injection_scene *s)
{
    buf_release(&s->label);
}

enum query_run injection_run(const struct observation *o)
{
    if (o->status < 0)
        return RUN_UNKNOWN;
    return o->status < 400 ? RUN_OK : RUN_REFUSED;
}

int injection_judge(struct injection_scene *s, struct query_case *ret, struct error *err)
{
    const struct observation *o = s->obs;

    return statements_judge(s->ctx->statements, o->api, &s->client, o->text[F_QUERY_TEXT], injection_run(o), ret, err);
}

static int learn(const struct injection_scene *s, const struct query_case *k, struct error *err)
{
    struct query_lesson lesson = k->lesson;

    lesson.requests = s->obs->count;
    lesson.bytes = s->obs->bytes_out;
    return query_history_learn(&s->client, &lesson) ? 0 : error_set(err, ERR_NOMEM, "memory of query shapes");
}

/* Is it told by itself? What only counts has no confidence of its own. */
static bool is_one(const struct query_case *k)
{
    return k->verdict == VERDICT_PROBE || k->verdict == VERDICT_ATTACK || k->verdict == VERDICT_WIDENED;
}

int injection_conclude(struct injection_scene *s, struct query_case *k, struct error *err)
{
    int result = 0;

    if (k->verdict != VERDICT_PROBE && k->verdict != VERDICT_ATTACK && sql_has_tool_mark(s->obs->text[F_USER_AGENT])) {
        k->verdict = VERDICT_PROBE;
        k->variant = ".ToolMarks";
        k->confidence = 90;
        k->note = NOTE_TOOL_MARK;
        k->lesson.grade = GRADE_ATTACK;
    }
    if (!s->ctx->is_backfill && sensitivity_wants(s->limits->sensitivity, is_one(k) ? k->confidence : 100))
        switch (k->verdict) {
        case VERDICT_ORDINARY: break;
        case VERDICT_BROKEN: result = count_broken(s, k, err); break;
        case VERDICT_PROBE: result = emit_probe(s, k, err); break;
        case VERDICT_ATTACK: case VERDICT_WIDENED: result = injection_tell(s, k, err); break;
        }
    if (result == 0 && !s->ctx->is_backfill && k->series && k->verdict == VERDICT_ORDINARY)
        result = count_series(s, k, err);
    /* A refused statement (throttled, unauthorised) teaches nothing, however ordinary. */
    if (result < 0 || injection_run(s->obs) == RUN_REFUSED)
        return result;
    return learn(s, k, err);
}

int injection_observe(const struct injection_kind *kind, const struct injection_limits *limits,
                      const struct observation *obs, const struct detector_context *ctx, struct error *err)
{
    CLEANUP(injection_scene_release) struct injection_scene s = { .kind = kind, .limits = limits, .obs = obs, .ctx = ctx };
    struct query_case k;

    if (obs->kind != OBS_TEXT || obs->api != kind->api || obs->text[F_QUERY_TEXT].len == 0)
        return 0;
    if (injection_scene_open(&s, err) < 0 || injection_judge(&s, &k, err) < 0)
        return -1;
    return injection_conclude(&s, &k, err);
}
