/* sql_injection - somebody else's text stands in an application's query.
 *
 * Why:     an application that builds statements by joining strings lets its users write conditions.
 *          Cosmos DB has no UNION, no second statement and no delay, so what succeeds is narrow: a
 *          condition turned true, a question about a field, a tail cut off by a comment. What cannot
 *          succeed (other dialects, broken text) tells that somebody is trying.
 * Reads:   query texts joined with their request (OBS_TEXT); refused queries without text (OBS_REQUEST,
 *          operation Query, status 400): a text that does not parse leaves no text in the log.
 * Keeps:   per client (agent family on a container): the shapes of its statements and the property
 *          names in them, learned by closed slots (kit/sql_history.h); per sender and ten minutes what
 *          failed, per client and slot what an attack took (kit/sql_window.h). All bounded.
 * Blind:   values bound as parameters (cannot inject); an injection that looks like one more ordinary
 *          condition to a client without history; one stray quote (a name with an apostrophe).
 * Alerts:  one per client, type and UTC day. The address is the application's: the attacker is behind it.
 * Source:  Microsoft Defender for Azure Cosmos DB alert reference (June 2026) for the two types and
 *          their meaning; CWE-943, ATT&CK T1190.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/detector.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "baseline/slots.h"
#include "detectors/kit/sql_case.h"
#include "detectors/kit/sql_text.h"
#include "detectors/kit/sql_window.h"
#include "detectors/kit/sql_words.h"
#include "settings/option.h"

#define STATE_VERSION 1
#define QUERY_TEXT_MAX 1024
#define SHAPE_TEXT_MAX 2048
#define REASON_TEXT_MAX 512
#define QUOTE_MAX 96
#define FACTS_MAX 48

#define TYPE_EXFILTRATION "CosmosDB_SqlInjection.DataExfiltration"
#define TYPE_FUZZING "CosmosDB_SqlInjection.FailedFuzzingAttempt"

struct sql_injection {
    int64_t burst_shapes;   /* distinct broken statements in ten minutes that alert */
    int64_t burst_requests; /* refused queries without text in ten minutes that alert */
    int64_t fuzzing_medium; /* distinct failing shapes in ten minutes that make Medium */
    int64_t high_bytes;     /* at least this much taken in a slot before severity High */
    struct sql_bench *bench;
};

static const struct option_spec sql_injection_options[] = {
    { .key = "burst_shapes", .type = OPT_INT, .at = offsetof(struct sql_injection, burst_shapes),
      .preset = "12", .min = 2, .max = 200, .help = "distinct broken statements of one sender in ten minutes that alert" },
    { .key = "burst_requests", .type = OPT_INT, .at = offsetof(struct sql_injection, burst_requests),
      .preset = "40", .min = 5, .max = 1000000,
      .help = "refused queries of one sender in ten minutes that alert when no text is logged" },
    { .key = "fuzzing_medium", .type = OPT_INT, .at = offsetof(struct sql_injection, fuzzing_medium),
      .preset = "20", .min = 2, .max = 200, .help = "distinct failing statements in ten minutes that raise fuzzing to Medium" },
    { .key = "high_bytes", .type = OPT_BYTES, .at = offsetof(struct sql_injection, high_bytes),
      .preset = "256KiB", .min = 1, .help = "taken in a slot, and ten times the usual answer, to raise an injection to High" },
    { 0 },
};

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

static void fact_entry(struct facts *f, const char *name, struct slice key, int64_t number)
{
    if (f->len < FACTS_MAX && key.len > 0)
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = FACT_MAP, .text = key, .number = number };
}

struct scene { /* one observation on its way to a draft */
    struct sql_injection *self;
    const struct observation *obs;
    const struct detector_context *ctx;
    struct sql_client client;
    struct buf label;     /* owned; the subject */
    char status[16];
};

static void scene_release(struct scene *s)
{
    buf_release(&s->label);
}

static void add_who(const struct scene *s, struct facts *f)
{
    const struct slice *t = s->obs->text;

    fact_text(f, "address", t[F_ADDRESS]);
    fact_text(f, "userAgent", t[F_USER_AGENT]);
    fact_text(f, "principal", t[F_PRINCIPAL]);
    fact_text(f, "keyKind", t[F_KEY_KIND]);
    fact_text(f, "database", t[F_DATABASE]);
    fact_text(f, "container", t[F_CONTAINER]);
}

static void add_what(struct scene *s, struct facts *f)
{
    const struct observation *o = s->obs;
    struct buf status = BUF_INIT(sizeof(s->status));

    fact_number(f, "requests", FACT_SUM, o->count);
    fact_number(f, "ru", FACT_SUM, o->ru_milli);
    fact_number(f, "bytesOut", FACT_SUM, o->bytes_out);
    fact_text(f, "activityId", o->sample);
    fact_entry(f, "operations", slice_empty(o->text[F_OPERATION]) ? SL("Query") : o->text[F_OPERATION], o->count);
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

static int emit(const struct scene *s, const char *type, const char *variant, enum severity severity,
                int confidence, const struct sql_tally *when, const struct facts *f, struct error *err)
{
    const struct observation *o = s->obs;

    return alert_emit(s->ctx->sink, &(struct alert_draft){
        .detector = "sql_injection", .state_version = STATE_VERSION, .type = type, .variant = variant,
        .severity = severity, .confidence = confidence, .api = API_NOSQL, .account = o->text[F_ACCOUNT],
        .resource_id = o->text[F_RESOURCE_ID], .subject = buf_slice(&s->label),
        .bucket_ns = time_floor(o->minute_ns, NS_PER_DAY), .first_ns = when->first_ns,
        .last_ns = when->last_ns, .count = when->requests, .facts = f->at, .facts_len = f->len }, err);
}

static struct sql_tally tally_of(const struct observation *o)
{
    return (struct sql_tally){ .requests = o->count, .ru_milli = o->ru_milli, .bytes_out = o->bytes_out,
                               .first_ns = o->first_ns, .last_ns = o->last_ns };
}

/* ---- reasons -------------------------------------------------------------------------------------- */

/* `OR 1 = 1` is ...; this client's usual statement ends before it */
static void write_reason(const struct sql_case *k, const struct sql_finding_text *f, struct buf *out)
{
    struct slice text = slice_trim(f->text);

    if (text.len == 0) {
        buf_add_str(out, "the statement ends in the middle");
        return;
    }
    buf_add_char(out, '`');
    buf_add_slice(out, slice_cut(text, QUOTE_MAX));
    buf_add_str(out, text.len > QUOTE_MAX ? "...` " : "` ");
    buf_add_str(out, sql_rule_sentence(f->rule));
    if (k->is_extension)
        buf_add_str(out, k->cuts_tail ? "; the rest of this client's usual statement is commented out"
                                      : "; this client's usual statement does not have it");
}

/* Texts that the facts borrow while the draft is built. */
struct words {
    struct buf shape, reasons[SQL_FINDINGS_MAX + 1];
};

static void words_release(struct words *w)
{
    buf_release(&w->shape);
    for (size_t i = 0; i < ARRAY_LEN(w->reasons); i++)
        buf_release(&w->reasons[i]);
}

static void add_case(const struct scene *s, const struct sql_case *k, struct words *w, struct facts *f)
{
    w->shape = BUF_INIT(SHAPE_TEXT_MAX);
    sql_case_print_shape(s->self->bench, &w->shape); /* a longer one stays cut: that is enough to read */
    fact_text(f, "query", slice_cut(k->statement, QUERY_TEXT_MAX));
    fact_text(f, "queryShape", slice_cut(buf_slice(&w->shape), QUERY_TEXT_MAX));
    fact_text(f, "literalsVisible", k->reading.is_masked ? SL("no") : SL("yes"));
    for (size_t i = 0; i < k->findings_len; i++) {
        w->reasons[i] = BUF_INIT(REASON_TEXT_MAX);
        write_reason(k, &k->findings[i], &w->reasons[i]);
        fact_text(f, "rule", slice_of(sql_rule_name(k->findings[i].rule)));
        fact_text(f, "reason", buf_slice(&w->reasons[i]));
    }
    if (k->note)
        fact_text(f, "reason", slice_of(k->note));
}

/* ---- what the cases lead to ----------------------------------------------------------------------- */

/* High when much more came out than usual, or when many texts were tried (blind, letter by letter). */
static int raise_attack(struct scene *s, const struct sql_case *k, struct facts *f, enum severity *severity,
                        struct error *err)
{
    int64_t usual = k->base_shape ? sql_shape_usual_bytes(&s->client, k->base_shape) : 0, ten_times = 0;
    struct sql_take *take = sql_take_put(&s->client, k->base_shape);

    if (!take)
        return error_set(err, ERR_NOMEM, "memory of an injection");
    take->bytes_out = i64_add_sat(take->bytes_out, s->obs->bytes_out);
    sql_bits_add(&take->texts, k->reading.id[0]);
    if (usual > 0)
        fact_number(f, "usualBytes", FACT_MAX, usual);
    if (usual > 0 && i64_mul(usual, 10, &ten_times) && take->bytes_out >= ten_times &&
        take->bytes_out >= s->self->high_bytes)
        *severity = SEVERITY_HIGH;
    if (sql_bits_count(&take->texts) >= s->self->fuzzing_medium)
        *severity = SEVERITY_HIGH;
    return 0;
}

static int emit_attack(struct scene *s, const struct sql_case *k, struct error *err)
{
    CLEANUP(words_release) struct words w = { 0 };
    struct facts f = { 0 };
    struct sql_tally when = tally_of(s->obs);
    enum severity severity = k->verdict == VERDICT_WIDENED ? SEVERITY_LOW : SEVERITY_MEDIUM;

    add_who(s, &f);
    add_what(s, &f);
    add_case(s, k, &w, &f);
    if (k->verdict == VERDICT_ATTACK && raise_attack(s, k, &f, &severity, err) < 0)
        return -1;
    return emit(s, TYPE_EXFILTRATION, k->variant, severity, k->confidence, &when, &f, err);
}

/* Same sender: nothing of a burst is told from another address's. */
static uint64_t sender_of(const struct observation *o)
{
    static const enum field fields[] = { F_ADDRESS, F_USER_AGENT, F_PRINCIPAL, F_KEY_KIND };
    uint64_t h = 0;

    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        h = hash64(o->text[fields[i]].at, o->text[fields[i]].len, h + i);
    return h;
}

static int emit_probe(struct scene *s, const struct sql_case *k, struct error *err)
{
    CLEANUP(words_release) struct words w = { 0 };
    struct facts f = { 0 };
    struct sql_tally when = tally_of(s->obs);
    struct sql_window *win = sql_window_put(&s->client, sender_of(s->obs), s->obs->minute_ns);

    if (!win)
        return error_set(err, ERR_NOMEM, "memory of failing statements");
    sql_bits_add(&win->all, k->reading.shape);
    sql_bits_add(&win->strong, k->reading.shape);
    int64_t all = sql_bits_count(&win->all), strong = sql_bits_count(&win->strong);

    add_who(s, &f);
    add_what(s, &f);
    add_case(s, k, &w, &f);
    fact_number(&f, "distinctShapes", FACT_MAX, win->is_over ? all : strong);
    return emit(s, TYPE_FUZZING, k->variant, (win->is_over ? all : strong) >= s->self->fuzzing_medium
                                                  ? SEVERITY_MEDIUM : SEVERITY_LOW,
                k->confidence, &when, &f, err);
}

/* Facts of a burst are the same for every row of it, so that no order of rows shows through. */
static int emit_burst(struct scene *s, const struct sql_tally *t, int64_t distinct, enum severity severity,
                      int confidence, const char *reason, struct error *err)
{
    struct facts f = { 0 };

    add_who(s, &f);
    fact_number(&f, "requests", FACT_SUM, t->requests);
    fact_number(&f, "failedRequests", FACT_SUM, t->requests);
    fact_number(&f, "ru", FACT_SUM, t->ru_milli);
    fact_number(&f, "bytesOut", FACT_SUM, t->bytes_out);
    fact_entry(&f, "statusCodes", SL("400"), t->requests);
    fact_entry(&f, "operations", SL("Query"), t->requests);
    fact_text(&f, "rule", SL("burst"));
    fact_text(&f, "reason", slice_of(reason));
    if (distinct > 0)
        fact_number(&f, "distinctShapes", FACT_MAX, distinct);
    return emit(s, TYPE_FUZZING, ".SyntaxErrors", severity, confidence, t, &f, err);
}

static int count_broken(struct scene *s, const struct sql_case *k, struct error *err)
{
    struct sql_window *win = sql_window_put(&s->client, sender_of(s->obs), s->obs->minute_ns);
    struct sql_tally more = tally_of(s->obs);

    if (!win)
        return error_set(err, ERR_NOMEM, "memory of failing statements");
    sql_bits_add(&win->all, k->reading.shape);
    int64_t distinct = sql_bits_count(&win->all);

    if (!win->is_over) {
        sql_tally_add(&win->weak, &more);
        if (distinct < s->self->burst_shapes)
            return 0;
        win->is_over = true;
        more = win->weak;
    }
    return emit_burst(s, &more, distinct, distinct >= s->self->fuzzing_medium ? SEVERITY_MEDIUM : SEVERITY_LOW, 60,
                      "many different statements that do not parse within ten minutes", err);
}

/* ---- observations --------------------------------------------------------------------------------- */

static void scene_open(struct scene *s)
{
    const struct observation *o = s->obs;
    struct baseline *b = s->ctx->baseline;

    s->label = BUF_INIT(512);
    sql_client_family(o->text[F_USER_AGENT], &s->label);
    buf_add_str(&s->label, " on ");
    buf_add_slice(&s->label, slice_cut(o->text[F_DATABASE], 128));
    buf_add_char(&s->label, '/');
    buf_add_slice(&s->label, slice_cut(o->text[F_CONTAINER], 128));
    s->client = (struct sql_client){ .baseline = b, .account = o->text[F_ACCOUNT], .len = slots_len(baseline_cfg(b)),
                                     .seen_ns = o->minute_ns, .label = buf_slice(&s->label) };
    s->client.slot = slots_of(o->minute_ns, s->client.len);
    s->client.hash = hash64(s->label.at, s->label.len, 0);
}

static int learn(const struct scene *s, const struct sql_case *k, struct error *err)
{
    struct sql_lesson lesson = { .shape = k->reading.shape, .middle = k->reading.middle,
                                 .with_list = k->reading.with_list, .reach = k->reading.reach, .grade = k->grade, .requests = s->obs->count,
                                 .bytes = s->obs->bytes_out, .words = k->words, .words_len = k->words_len };

    return sql_history_learn(&s->client, &lesson) ? 0 : error_set(err, ERR_NOMEM, "memory of query shapes");
}

static enum sql_run run_of(int32_t status)
{
    if (status < 0)
        return RUN_UNKNOWN;
    return status < 400 ? RUN_OK : RUN_REFUSED;
}

static int observe_nosql_text(struct scene *s, struct error *err)
{
    const struct observation *o = s->obs;
    struct sql_case k;
    int result = 0;

    if (o->text[F_QUERY_TEXT].len == 0)
        return 0;
    sql_case_judge(s->self->bench, &s->client, o->text[F_QUERY_TEXT], run_of(o->status), &k);
    if (k.verdict != VERDICT_PROBE && k.verdict != VERDICT_ATTACK && sql_has_tool_mark(o->text[F_USER_AGENT])) {
        k.verdict = VERDICT_PROBE;
        k.variant = ".ToolMarks";
        k.confidence = 90;
        k.note = "the user agent is the mark of an attack tool";
        k.grade = GRADE_ATTACK;
    }
    if (!s->ctx->is_backfill)
        switch (k.verdict) {
        case VERDICT_ORDINARY: break;
        case VERDICT_BROKEN: result = count_broken(s, &k, err); break;
        case VERDICT_PROBE: result = emit_probe(s, &k, err); break;
        case VERDICT_ATTACK: case VERDICT_WIDENED: result = emit_attack(s, &k, err); break;
        }
    /* A refused statement (throttled, unauthorised) teaches nothing, however ordinary. */
    if (result < 0 || run_of(o->status) == RUN_REFUSED)
        return result;
    return learn(s, &k, err);
}

/* Refused queries whose text the log does not have. */
static int observe_nosql_refusal(struct scene *s, struct error *err)
{
    const struct observation *o = s->obs;
    struct sql_tally more = tally_of(o);
    int64_t usual = 0;

    if (o->status != 400 || !slice_eq_nocase(o->text[F_OPERATION], SL("Query")))
        return 0;
    uint64_t sender = sender_of(o) ^ 1; /* apart from the windows that have texts */
    size_t minute = (size_t)((o->minute_ns - time_floor(o->minute_ns, SQL_WINDOW_NS)) / NS_PER_MIN);
    struct sql_window *win = sql_window_put(&s->client, sender, o->minute_ns);

    if (!win)
        return error_set(err, ERR_NOMEM, "memory of failing queries");
    bool was_over = win->is_over;
    struct sql_window now;

    win->failed = i64_add_sat(win->failed, o->count);
    win->minute_count[minute] = i64_add_sat(win->minute_count[minute], o->count);
    win->minute_bytes[minute] = i64_add_sat(win->minute_bytes[minute], o->bytes_in);
    sql_tally_add(&win->weak, &more);
    now = *win;
    if (!sql_failing_learn(&s->client, sender, now.failed, &usual))
        return error_set(err, ERR_NOMEM, "memory of failing queries");
    if (s->ctx->is_backfill)
        return 0;
    if (!was_over) {
        if (now.failed < s->self->burst_requests || now.failed / 10 < usual || !sql_window_lengths_differ(&now))
            return 0;
        win = sql_window_put(&s->client, sender, o->minute_ns);
        if (!win)
            return error_set(err, ERR_NOMEM, "memory of failing queries");
        win->is_over = true;
        more = now.weak;
    }
    return emit_burst(s, &more, 0, now.failed / 10 >= s->self->burst_requests ? SEVERITY_MEDIUM : SEVERITY_LOW, 40,
                      "many refused queries of different lengths within ten minutes, far more than this sender's usual", err);
}

static int sql_injection_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                 struct error *err)
{
    CLEANUP(scene_release) struct scene s = { .self = self, .obs = obs, .ctx = ctx };

    /* Other dialects get a case here, each with a kit file of its own. */
    switch (obs->api) {
    case API_NOSQL: case API_UNKNOWN: break;
    case API_MONGODB: case API_CASSANDRA: case API_GREMLIN: case API_TABLE: case API_COUNT: default: return 0;
    }
    if (obs->kind == OBS_REQUEST && obs->status != 400)
        return 0;
    scene_open(&s);
    if (buf_check(&s.label, err) < 0)
        return -1;
    return obs->kind == OBS_TEXT ? observe_nosql_text(&s, err) : observe_nosql_refusal(&s, err);
}

static int sql_injection_open(void *self, struct error *err)
{
    struct sql_injection *d = self;

    d->bench = sql_bench_new();
    return d->bench ? 0 : error_set(err, ERR_NOMEM, "sql_injection");
}

static void sql_injection_close(void *self)
{
    struct sql_injection *d = self;

    sql_bench_free(d->bench);
    d->bench = NULL;
}

static const char *const sql_injection_types[] = { TYPE_EXFILTRATION, TYPE_FUZZING, NULL };
static const struct baseline_memory *const sql_injection_memories[] = {
    &sql_memory_client, &sql_memory_shape, &sql_memory_word, &sql_memory_window, &sql_memory_failing,
    &sql_memory_take, NULL };

extern const struct detector_ops detector_sql_injection;
const struct detector_ops detector_sql_injection = {
    .name = "sql_injection",
    .summary = "somebody else's text stands in an application's query",
    .reads = OBS_TEXT | OBS_REQUEST, .types = sql_injection_types, .options = sql_injection_options,
    .size = sizeof(struct sql_injection), .memories = sql_injection_memories, .open = sql_injection_open,
    .observe = sql_injection_observe, .close = sql_injection_close,
};
