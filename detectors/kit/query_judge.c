/* query_judge.c - see query_judge.h.
 *
 * Thresholds, in points of the score; as sql_case.c, which says why:
 *   60  a statement of a client without history, and any probe
 *   64  a statement that is new for a known client but no extension of what it sends
 *   75  a text that we cannot parse and the service took: its grammar may have grown
 *   78  a statement of a known shape
 *   any finding inside the run that was put into a known statement
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/query_judge.h"


#include <stdlib.h>

#define THRESHOLD_ALONE 60
#define THRESHOLD_NEW 64
#define THRESHOLD_UNREADABLE 75
#define THRESHOLD_KNOWN 78

struct query_bench {
    const struct query_dialect *dialect;
    struct query_reading reading;
    struct query_shape_filter filter;
};

struct query_bench *query_bench_new(const struct query_dialect *d)
{
    struct query_bench *b = calloc(1, sizeof(*b));

    if (b) {
        b->dialect = d;
        query_reading_init(&b->reading);
    }
    return b;
}

void query_bench_free(struct query_bench *b)
{
    free(b);
}

void query_bench_print_shape(struct query_bench *b, struct buf *out)
{
    query_reading_print(&b->reading, out);
}

/* ---- conclusions --------------------------------------------------------------------------------- */

static void keep_findings(const struct query_reading *r, struct query_case *k)
{
    int best = -1;

    for (size_t i = 0; i < r->findings_len; i++) {
        const struct query_finding *f = &r->findings[i];

        if (f->score < 10)
            continue;
        k->findings[k->findings_len++] = (struct query_finding_text){
            .rule = f->rule, .text = slice_make(r->lex.text.at + f->at, f->len) };
        if (f->score > best) {
            best = f->score;
            k->variant = query_rule_variant(f->rule);
        }
        if (f->rule == Q_DROP_INSIDE || f->rule == Q_DROP)
            k->severity = SEVERITY_HIGH;
    }
}

static void conclude(const struct query_reading *r, struct query_case *k, enum query_verdict v, int confidence)
{
    k->verdict = v;
    k->severity = SEVERITY_MEDIUM;
    k->confidence = confidence;
    k->lesson.grade = query_score(r, false) >= THRESHOLD_KNOWN || v == VERDICT_PROBE ? GRADE_ATTACK : GRADE_UNUSUAL;
    keep_findings(r, k);
    if (v != VERDICT_ATTACK)
        k->severity = SEVERITY_LOW;
    if (!k->variant)
        k->variant = query_rule_variant(Q_NONE);
}

/* ---- held against history ------------------------------------------------------------------------ */

struct asker { const struct query_bench *b; const struct query_client *c; };

static bool ask_known(void *self, uint64_t hash)
{
    const struct asker *a = self;

    return query_shape_filter_may_know(&a->b->filter, hash) && query_shape_is_known(a->c, hash);
}

/* Injected text goes on behind a value. Rank 1: with a word or a step, which says more than a bracket. */
static int ask_start(void *self, size_t i)
{
    const struct asker *a = self;
    const struct query_reading *r = &a->b->reading;
    size_t tok = r->shape.tok[i];

    if (query_is_literal(&r->lex, tok) || !a->b->dialect->may_insert(r, tok))
        return 0;
    return r->tokens[tok].kind == QUERY_NAME || r->tokens[tok].op == '.' ? 1 : 2;
}

/* Or it stands where a value belongs. */
static bool ask_value(void *self, size_t i)
{
    const struct asker *a = self;

    return a->b->dialect->takes_value(&a->b->reading, a->b->reading.shape.tok[i]);
}

struct extension {
    bool found, has_new_field, starts_with_or;
    uint32_t from, to; /* bytes */
    uint64_t base;
};

static struct extension find_extension(struct query_bench *b, const struct query_client *c)
{
    const struct query_reading *r = &b->reading;
    const struct query_shape *sh = &r->shape;
    struct asker a = { .b = b, .c = c };
    struct extension ret = { 0 };

    query_shape_filter_load(c, &b->filter);
    uint64_t value = query_value_word();
    struct query_insertion_ask ask = { .self = &a, .is_known = ask_known, .start_rank = ask_start, .takes_value = ask_value,
                                       .values = &value, .values_len = 1 };
    struct query_insertion in = query_client_search(c, query_shape_find_insertion, sh, &ask);

    if (!in.found && b->dialect->takes_value)
        in = query_client_search(c, query_shape_find_replacement, sh, &ask);

    if (!in.found || in.from == in.to)
        return ret;
    const struct query_token *first = &r->tokens[sh->tok[in.from]], *last = &r->tokens[sh->tok[in.to - 1]];

    ret = (struct extension){ .found = true, .base = in.base_hash, .from = first->at, .to = last->at + last->len,
                              .starts_with_or = query_is_word(&r->lex, sh->tok[in.from], "or") };
    for (size_t i = 0; i < sh->fields_len; i++) {
        uint32_t at = r->tokens[sh->fields_tok[i]].at;

        if (at >= ret.from && at < ret.to && !query_word_is_known(c, sh->fields[i]))
            ret.has_new_field = true;
    }
    return ret;
}

/* Mail eq 'x' or OtherMail eq 'x': one search for two properties. The run is `or`, one comparison, and nothing else; what it
 * compares with stands just before it as well. */
static bool asks_for_the_same(const struct query_reading *r, const struct extension *e)
{
    size_t before = 0, last = 0, connectors = 0, equals = 0;

    for (size_t i = 0; i + 1 < r->lex.len && r->tokens[i].at < e->to; i++) {
        bool is_value = query_is_literal(&r->lex, i);

        if (is_value && r->tokens[i].at < e->from)
            before = i;
        if (r->tokens[i].at < e->from)
            continue;
        last = is_value ? i : last;
        connectors +=
            query_is_word(&r->lex, i, "or") || query_is_word(&r->lex, i, "and") || query_is_word(&r->lex, i, "not");
        equals += query_is_word(&r->lex, i, "eq");
    }
    return before && last && connectors == 1 && equals == 1 &&
           slice_eq(query_token_text(&r->lex, before), query_token_text(&r->lex, last));
}

/* How sure the run that was put in makes us; 0: an ordinary builder's addition. */
static int score_extension(const struct query_reading *r, const struct extension *e, struct query_case *k)
{
    int rest = 30;
    bool hit = false;

    for (size_t i = 0; i < r->findings_len; i++) {
        const struct query_finding *f = &r->findings[i];

        if (f->score < 10 || f->at >= e->to || f->at + f->len <= e->from)
            continue;
        if (f->rule == Q_WRITE_MORE && !e->has_new_field) /* a property that this client writes elsewhere */
            continue;
        rest = rest * (100 - f->score) / 100;
        hit = true;
    }
    if (!hit && e->starts_with_or && e->has_new_field && !asks_for_the_same(r, e)) {
        k->note = NOTE_NEW_ALTERNATIVE;
        return 65;
    }
    return hit ? 100 - rest : 0;
}

static void judge_readable(struct query_bench *b, const struct query_client *c, struct query_case *k, enum query_run run)
{
    const struct query_reading *r = &b->reading;
    int score = query_score(r, false), probe = query_score(r, true);
    bool is_known_client = query_client_is_known(c);

    if (k->is_known && score < THRESHOLD_KNOWN && probe < THRESHOLD_ALONE)
        return;
    struct extension e = is_known_client && !k->is_known ? find_extension(b, c) : (struct extension){ 0 };
    int threshold = is_known_client && !e.found ? THRESHOLD_NEW : THRESHOLD_ALONE;

    if (e.found) {
        query_read_run(&b->reading, b->dialect, e.from, e.to);
        int more = score_extension(r, &e, k);

        score = more > score ? more : score;
        k->base_shape = e.base;
        k->is_extension = true;
        k->inserted = slice_make(k->statement.at + e.from, e.to - e.from);
    }
    if (probe >= THRESHOLD_ALONE && (run != RUN_OK || score < threshold)) {
        conclude(r, k, VERDICT_PROBE, probe);
        return;
    }
    if (score >= threshold)
        conclude(r, k, run == RUN_REFUSED ? VERDICT_PROBE : VERDICT_ATTACK, score);
}

static void judge_broken(const struct query_reading *r, struct query_case *k, enum query_run run)
{
    int good = query_score(r, false), probe = query_score(r, true);
    int all = 100 - (100 - good) * (100 - probe) / 100;

    k->lesson.grade = GRADE_ATTACK; /* broken text teaches nothing */
    if (run == RUN_OK) {
        k->lesson.grade = GRADE_ORDINARY; /* taken by the service, so its grammar is newer than ours */
        if (all >= THRESHOLD_UNREADABLE)
            conclude(r, k, VERDICT_ATTACK, all);
        return;
    }
    if (all >= THRESHOLD_ALONE) {
        conclude(r, k, VERDICT_PROBE, all);
        return;
    }
    k->verdict = r->is_name_break ? VERDICT_ORDINARY : VERDICT_BROKEN;
}

void query_judge(struct query_bench *b, const struct query_client *c, struct slice text, enum query_run run,
                 struct query_case *ret)
{
    struct query_reading *r = &b->reading;

    query_read(r, b->dialect, text);
    *ret = (struct query_case){ .statement = r->lex.text, .id = query_text_id(text) };
    ret->is_plain = !r->is_broken && query_score(r, false) < THRESHOLD_KNOWN && query_score(r, true) < THRESHOLD_ALONE;
    ret->lesson =
        (struct query_lesson) { .shape = r->shape.hash, .words = r->shape.fields, .words_len = r->shape.fields_len };
    ret->is_known = !r->is_broken && query_shape_is_known(c, r->shape.hash);
    if (r->is_broken)
        judge_broken(r, ret, run);
    else
        judge_readable(b, c, ret, run);
}
