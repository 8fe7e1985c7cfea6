/* sql_case.c - see sql_case.h.
 *
 * Thresholds, in points of sql_judge's score:
 *   60  a statement of a client without history
 *   64  a statement that is new for a known client but no extension of what it sends (its owner may
 *       have written it; injected text always sits in one of the client's own statements)
 *   78  a statement of a known shape
 *   any finding inside the run that was put into a known statement
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sql_case.h"

#include "base/buf.h"
#include "base/map.h"
#include "detectors/kit/sql_shape.h"
#include "detectors/kit/sql_text.h"
#include "detectors/kit/sql_words.h"

#include <stdlib.h>

#define OPENED_TOKENS_MAX 4096u
#define LONE_TOKENS_MAX 2048u /* each name is looked for in all of the text */
#define OPENED_TEXT_MAX (64u * 1024u)
#define THRESHOLD_ALONE 60
#define THRESHOLD_NEW 64
#define THRESHOLD_UNREADABLE 75 /* the service took what we cannot parse: its grammar has grown */
#define THRESHOLD_PROBE 60
#define THRESHOLD_KNOWN 78 /* a known shape, but these values make an attack of it: ('' = '' OR ...) */

#define COMMENT_WORD UINT64_C(0x2d2d2063757473) /* among the names of a client: it sends comments */

struct sql_reading { /* of a text alone */
    uint64_t shape;
    uint64_t middle;      /* FROM ... ORDER BY without its limit; 0: no condition with a value */
    uint64_t with_list;   /* the same with the list of properties */
    uint8_t reach;        /* enum query_reach */
    uint8_t outcome;      /* enum sql_outcome */
    uint8_t score, probe_score; /* all findings; those that can only be probes */
    bool is_masked, is_name_break;
};

struct sql_bench {
    struct sql_scratch scratch;
    struct query_shape shape, opened_shape;
    struct sql_lex opened;
    struct sql_token opened_tokens[OPENED_TOKENS_MAX];
    struct buf opened_text;
    struct sql_text text;
    struct sql_judgement judgement;
    struct sql_reading reading; /* of the statement at hand */
    struct query_shape_filter filter;
};

struct sql_bench *sql_bench_new(void)
{
    struct sql_bench *b = calloc(1, sizeof(*b));

    if (!b || !sql_text_init(&b->text)) {
        sql_bench_free(b);
        return NULL;
    }
    b->scratch.lex.tokens = b->scratch.tokens;
    b->scratch.lex.tokens_max = SQL_TOKENS_MAX;
    b->opened.tokens = b->opened_tokens;
    b->opened.tokens_max = OPENED_TOKENS_MAX;
    b->opened_text = BUF_INIT(OPENED_TEXT_MAX);
    query_shape_init(&b->shape);
    query_shape_init(&b->opened_shape);
    return b;
}

void sql_bench_free(struct sql_bench *b)
{
    if (!b)
        return;
    sql_text_release(&b->text);
    buf_release(&b->opened_text);
    free(b);
}

/* ---- the text alone ------------------------------------------------------------------------------ */

static int rule_score(const struct sql_judgement *j, enum sql_rule rule)
{
    for (size_t i = 0; i < j->findings_len; i++)
        if (j->findings[i].rule == rule)
            return j->findings[i].score;
    return 0;
}

static int score_of(const struct sql_judgement *j, bool probes)
{
    int rest = 10000;

    for (size_t i = 0; i < j->findings_len; i++)
        if (sql_rule_is_probe(j->findings[i].rule) == probes)
            rest = rest * (100 - j->findings[i].score) / 100;
    return 100 - rest / 100;
}

/* What the statement asks for around its condition: a hash of FROM ... ORDER BY without the limit, one of
 * the same with the list of properties, and how far it reaches. */
static void read_reach(const struct sql_bench *b, struct sql_reading *r)
{
    const struct query_shape *sh = &b->shape;
    uint64_t middle = 0, list = 0;
    size_t depth = 0, list_words = 0;
    bool in_list = true, in_offset = false, has_value = false, has_where = false, limited = false;

    for (size_t i = 1; i < sh->len; i++) {
        const struct sql_token *t = &b->scratch.lex.tokens[sh->tok[i]];

        if (t->kind == TOK_OP && (t->code == OP_OPEN || t->code == OP_OPEN_OBJECT || t->code == OP_OPEN_INDEX))
            depth++;
        if (t->kind == TOK_OP && depth > 0 &&
            (t->code == OP_CLOSE || t->code == OP_CLOSE_OBJECT || t->code == OP_CLOSE_INDEX))
            depth--;
        if (depth == 0 && t->kind == TOK_NAME) {
            in_list = in_list && t->code != WORD_FROM;
            in_offset = in_offset || t->code == WORD_OFFSET;
            limited = limited || t->code == WORD_TOP || t->code == WORD_OFFSET;
            has_where = has_where || t->code == WORD_WHERE;
        }
        if (in_list && !sql_token_is(t, TOK_NAME, WORD_TOP) &&
            !sql_token_is(t, TOK_NAME, WORD_VALUE) && t->kind != TOK_NUMBER) {
            list = list * UINT64_C(0x9e3779b97f4a7c15) + sh->word[i];
            list_words++;
        } else if (!in_list && !in_offset) {
            middle = middle * UINT64_C(0x9e3779b97f4a7c15) + sh->word[i];
            has_value = has_value || (has_where && (t->kind == TOK_STRING || t->kind == TOK_NUMBER || t->kind == TOK_PARAM));
        }
    }
    if (!has_value || r->outcome != SQL_OK)
        return;
    r->middle = middle | 1; /* odd: narrow or wide; even: limited or not */
    r->with_list = (middle ^ list * UINT64_C(0xd6e8feb86659fd93)) & ~UINT64_C(1);
    /* SELECT * and SELECT VALUE c are one word each. */
    r->reach = (uint8_t)((list_words == 1 ? REACH_WIDE : REACH_NARROW) | (limited ? REACH_LIMITED : REACH_UNLIMITED));
}

/* A comment in the middle or at the end: what an application sends has it always or never, so that a usual statement
 * whose tail has become a comment (LIMIT 9999 -- LIMIT 10) is another one. */
static bool has_comment_behind(const struct sql_lex *lex)
{
    return lex->comments_len > 0 && lex->comments[lex->comments_len - 1].before > 0;
}

/* What a cut leaves in the comment: nothing, a letter, or the statement's next words. Prose is neither. */
static bool is_cut_comment(const struct sql_lex *lex)
{
    const struct sql_comment *c = &lex->comments[lex->comments_len - 1];
    static const char *const words[] = { "asc", "desc", "offset", "limit", "order by", "group by", "from" };
    struct slice text = slice_make(lex->text.at + c->at, c->len);

    size_t quotes = 0;

    if (c->before + 1u != lex->len)
        return false; /* the statement goes on in the next line */
    for (size_t i = 0; i < text.len; i++)
        quotes += text.at[i] == '\'' || text.at[i] == '"';
    while (text.len > 0 && strchr("-+ \t\r", text.at[0]) && text.at[0] != '\0')
        text = slice_make(text.at + 1, text.len - 1);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct slice w = slice_of(words[i]);

        if (slice_starts_nocase(text, w) && (text.len == w.len || text.at[w.len] == ' ' || text.at[w.len] == '('))
            return true;
    }
    while (text.len > 0 && strchr(" )%", text.at[text.len - 1]) && text.at[text.len - 1] != '\0')
        text.len--;
    bool has_word = text.len > 1 && ((text.at[0] | 0x20) >= 'a' && (text.at[0] | 0x20) <= 'z');

    if (has_word && quotes == 1 && (text.at[text.len - 1] == '\'' || text.at[text.len - 1] == '"'))
        return true; /* -- done' */
    if (text.len <= 1)
        return text.len == 0 || (text.at[0] != '\'' && text.at[0] != '"'); /* --' is judged by itself */
    return strchr(",)]", text.at[0]) && text.at[0] != '\0';
}

static void read_text(struct sql_bench *b, struct slice statement, struct sql_reading *r)
{
    struct sql_judgement *j = &b->judgement;

    sql_lex_run(&b->scratch.lex, statement);
    sql_judge(&b->scratch, j);
    sql_shape_make(&b->shape, &b->scratch.lex, j->is_masked);
    r->shape = b->shape.hash;
    if (rule_score(j, RULE_COMMENT_TAIL) > 0 &&
        j->score >= THRESHOLD_ALONE) /* what is left may be a known shape: the cut must show */
        r->shape ^= UINT64_C(0x636f6d6d656e7421);
    if (rule_score(j, RULE_NEEDLESS) >= THRESHOLD_ALONE) /* alternatives on one property are one word of the shape */
        r->shape ^= UINT64_C(0x6e6565646c657373);
    if (has_comment_behind(&b->scratch.lex)) {
        r->shape ^= UINT64_C(0x626568696e642121);
        query_shape_note_field(&b->shape, COMMENT_WORD, 0);
    }
    r->outcome = (uint8_t)j->outcome;
    r->score = (uint8_t)score_of(j, false);
    r->probe_score = (uint8_t)score_of(j, true);
    r->is_masked = j->is_masked;
    r->is_name_break = j->is_name_break;
    r->middle = r->with_list = 0;
    r->reach = 0;
    read_reach(b, r);
}

/* ---- held against history ------------------------------------------------------------------------ */

struct asker {
    const struct sql_bench *b;
    const struct query_client *c;
    const struct query_shape *shape;
    const struct sql_lex *lex;
    bool is_cut; /* comments were opened */
};

static bool ask_known(void *self, uint64_t hash)
{
    const struct asker *a = self;

    return query_shape_filter_may_know(&a->b->filter, hash) && query_shape_is_known(a->c, hash);
}

static int ask_start(void *self, size_t i)
{
    const struct asker *a = self;

    if (a->is_cut && sql_token_is(&a->lex->tokens[a->shape->tok[i]], TOK_NAME, WORD_NONE))
        return 0; /* a tail is cut behind a value */
    return sql_shape_start_rank(a->shape, a->lex, i);
}

static bool ask_value(void *self, size_t i)
{
    const struct asker *a = self;

    return sql_shape_takes_value(a->shape, a->lex, i);
}

static struct query_insertion ask_insertion(struct asker *a)
{
    uint64_t values[SQL_SHAPE_VALUES] = { sql_shape_value(0), sql_shape_value(1) };
    struct query_insertion_ask ask = { .self = a, .is_known = ask_known, .start_rank = ask_start, .takes_value = ask_value,
                                       .values = values, .values_len = SQL_SHAPE_VALUES };
    struct query_insertion in = query_client_search(a->c, query_shape_find_insertion, a->shape, &ask);

    return in.found ? in : query_client_search(a->c, query_shape_find_replacement, a->shape, &ask);
}

struct extension {
    bool found, cuts_tail;
    bool has_filler;     /* letters stand between the dashes and the tail: nobody comments a line out like that */
    uint64_t base;
    uint32_t from, to;   /* bytes of the statement that were put in; from == to: nothing, only cut */
    bool starts_with_or, has_new_field;
    bool outranks_and;   /* ... AND x OR y, without brackets: the conditions before it count no more */
    bool asks_unseen;    /* masked: a range of a property that stands nowhere else */
    bool is_replaced;    /* it stands for a value */
    bool adds_secret;    /* a list of names that goes on with one that nobody asked for */
};

/* Masked names mean nothing across statements, but within one the same name has the same mask: a property
 * that stands in these bytes alone is one that the usual statement does not ask for. */
static bool has_lone_mask(const struct sql_lex *lex, uint32_t from, uint32_t to)
{
    for (size_t i = 1; i + 1 < lex->len && lex->len <= LONE_TOKENS_MAX; i++) {
        const struct sql_token *t = &lex->tokens[i];
        bool is_alone = true;

        if (t->at < from || t->at >= to || t->kind != TOK_NAME || !sql_token_is(t - 1, TOK_OP, OP_DOT) ||
            slice_eq(sql_token_text(lex, t), SL("_ts"))) /* what is newer may be asked of all */
            continue;
        for (size_t k = 0; k + 1 < lex->len && is_alone; k++)
            is_alone = (lex->tokens[k].at >= from && lex->tokens[k].at < to) ||
                       !slice_eq(sql_token_text(lex, &lex->tokens[k]), sql_token_text(lex, t));
        if (is_alone)
            return true;
    }
    return false;
}

/* Does the connector at `at` stand behind an AND of its own level? (BETWEEN 1 AND 2 is none.) WHERE (x AND y) OR z is the
 * same: whose statements are all in brackets has none around that OR. */
static bool stands_behind_and(const struct sql_lex *lex, size_t at)
{
    size_t depth = 0;
    bool saw_and = false;

    for (size_t i = at; i-- > 0;) {
        const struct sql_token *t = &lex->tokens[i];

        if (depth == 0 && sql_token_is(t, TOK_NAME, WORD_WHERE))
            return saw_and;
        saw_and |= depth == 1 && sql_token_is(t, TOK_NAME, WORD_AND);
        if (t->kind == TOK_OP && (t->code == OP_CLOSE || t->code == OP_CLOSE_INDEX || t->code == OP_CLOSE_OBJECT))
            depth++;
        else if (t->kind == TOK_OP && (t->code == OP_OPEN || t->code == OP_OPEN_INDEX || t->code == OP_OPEN_OBJECT)) {
            if (depth-- == 0)
                return false;
        } else if (depth == 0 && sql_token_is(t, TOK_NAME, WORD_OR)) {
            return false;
        } else if (depth == 0 && sql_token_is(t, TOK_NAME, WORD_AND) &&
                   !(i >= 2 && sql_token_is(t - 2, TOK_NAME, WORD_BETWEEN))) {
            return true;
        }
    }
    return false;
}

/* c, c AS all, {"all": c}: an alias, alone. */
static bool is_whole_item(const struct sql_token *t)
{
    bool is_before = sql_token_is(t - 1, TOK_OP, OP_COMMA) || (t - 1)->kind == TOK_NUMBER ||
                     sql_token_is(t - 1, TOK_NAME, WORD_SELECT);

    return sql_token_is(t, TOK_NAME, WORD_NONE) &&
           ((is_before && (t[1].kind != TOK_OP || t[1].code == OP_COMMA)) ||
            (sql_token_is(t - 1, TOK_OP, OP_COLON) && sql_token_is(t + 1, TOK_OP, OP_CLOSE_OBJECT)));
}

/* `, c.passwordHash` or `, c` in a list of names: nothing is compared, something more is shown. */
static bool adds_secret(const struct query_client *c, const struct query_shape *sh, const struct sql_lex *lex,
                        const struct query_insertion *in)
{
    bool found = false;

    if (sh->fold_names || (!sql_token_is(&lex->tokens[sh->tok[in->from]], TOK_OP, OP_COMMA) &&
                           !sql_token_is(&lex->tokens[sh->tok[in->to - 1]], TOK_OP, OP_COMMA)))
        return false;
    for (uint32_t i = sh->tok[in->from]; i <= sh->tok[in->to - 1]; i++) {
        const struct sql_token *t = &lex->tokens[i];

        bool is_name = t->kind == TOK_STRING &&
                       (sql_token_is(t - 1, TOK_OP, OP_OPEN_INDEX) || sql_token_is(t + 1, TOK_OP, OP_COLON));

        if ((t->kind == TOK_STRING && !is_name) || t->kind == TOK_NUMBER || t->kind == TOK_PARAM)
            return false;
        found |= (t->kind == TOK_NAME && sql_token_is(t - 1, TOK_OP, OP_DOT) &&
                  sql_is_sensitive_field(sql_token_text(lex, t))) ||
                 (is_name && sql_token_is(t - 1, TOK_OP, OP_OPEN_INDEX) &&
                  sql_is_sensitive_field(sql_string_inside(lex, t)));
        if (is_whole_item(t))
            return true;
    }
    for (size_t i = 0; i < sh->fields_len && found; i++)
        if (sh->fields_tok[i] >= sh->tok[in->from] && sh->fields_tok[i] <= sh->tok[in->to - 1] &&
            !query_word_is_known(c, sh->fields[i]))
            return true;
    return false;
}

/* c.p3 >= "str2", c.p3 LIKE "str2", IS_DEFINED(c.p3): a question, and none as builders add it: for one value, for all but
 * one, from one number to another, or for what the statement is sorted by. */
static bool asks_a_range(const struct sql_lex *lex, uint32_t from, uint32_t to)
{
    bool is_builders = false, asks = false, is_between = false, has_text = false;

    for (size_t i = 0; i + 1 < lex->len; i++) {
        const struct sql_token *t = &lex->tokens[i];
        bool is_name = sql_token_is(t, TOK_NAME, WORD_NONE) || sql_token_is(t, TOK_NAME, WORD_EXISTS);

        if (t->at < from || t->at >= to)
            continue;
        is_builders |= sql_token_is(t, TOK_OP, OP_EQ) || sql_token_is(t, TOK_NAME, WORD_IN) ||
                       sql_token_is(t, TOK_NAME, WORD_ORDER);
        asks |= sql_token_is(t, TOK_NAME, WORD_LIKE) || (is_name && sql_token_is(t + 1, TOK_OP, OP_OPEN)) ||
                (t->kind == TOK_OP && t->code > OP_NE && t->code <= OP_GE);
        is_between |= sql_token_is(t, TOK_NAME, WORD_BETWEEN);
        has_text |= t->kind == TOK_STRING;
    }
    return (asks || (is_between && has_text)) && !is_builders;
}

/* Has it sent its few shapes for long? */
static bool is_settled(const struct query_client *c)
{
    int32_t first = query_client_first_slot(c);

    return query_client_is_regular(c) && first <= c->slot && (int64_t)c->slot - first >= (int64_t)SHAPE_ADOPTION_DAYS * 24;
}

static void describe_run(const struct query_client *c, const struct query_shape *sh, const struct sql_lex *lex,
                         const struct query_insertion *in, struct extension *ret)
{
    ret->found = true;
    ret->base = in->base_hash;
    if (in->from == in->to)
        return;
    const struct sql_token *first = &lex->tokens[sh->tok[in->from]], *last = &lex->tokens[sh->tok[in->to - 1]];

    ret->from = first->at;
    ret->to = last->at + last->len;
    while (first < last && sql_token_is(first, TOK_OP, OP_CLOSE))
        first++; /* IN ('x') OR ... */
    ret->starts_with_or = sql_token_is(first, TOK_NAME, WORD_OR);
    ret->outranks_and = ret->starts_with_or && stands_behind_and(lex, (size_t)(first - lex->tokens));
    ret->has_new_field =
        sh->fold_names && ret->starts_with_or && query_client_is_regular(c) && has_lone_mask(lex, ret->from, ret->to);
    ret->asks_unseen = sh->fold_names && !ret->has_new_field && asks_a_range(lex, ret->from, ret->to) &&
                       has_lone_mask(lex, ret->from, ret->to) && is_settled(c);
    ret->is_replaced = in->is_replaced;
    ret->adds_secret = adds_secret(c, sh, lex, in);
    for (size_t i = 0; i < sh->fields_len; i++) {
        uint32_t at = lex->tokens[sh->fields_tok[i]].at;

        if (!sh->fold_names && at >= ret->from && at < ret->to && !query_word_is_known(c, sh->fields[i]))
            ret->has_new_field = true;
    }
}

/* What follows the run in the usual statement stands in a comment here. (A run that covers the whole
 * comment only says that the comment is prose.) */
static bool tail_is_in_comment(const struct sql_bench *b, const struct query_insertion *in)
{
    const struct query_shape *sh = &b->opened_shape;
    size_t in_comments = 0;

    for (size_t i = in->to; i < sh->len; i++)
        for (size_t k = 0; k < b->scratch.lex.comments_len; k++) {
            const struct sql_comment *c = &b->scratch.lex.comments[k];
            uint32_t at = b->opened.tokens[sh->tok[i]].at;

            in_comments += at >= c->at && at < c->at + c->len;
        }
    return in_comments > 0;
}

static size_t known_beginning(const struct sql_bench *b, const struct query_client *c)
{
    const struct query_shape *sh = &b->shape;

    for (size_t i = sh->len; i-- > 4 && !sh->is_cut;)
        if (sql_shape_start_rank(sh, &b->scratch.lex, i) != 0 && query_word_is_known(c, sql_shape_beginning(sh, i)))
            return i;
    return 0;
}

/* Masked text: the longest known beginning, and what follows it. The tail was a comment, or is another one. */
static struct query_insertion find_cut(const struct sql_bench *b, const struct query_client *c)
{
    query_ask_later(c, QUERY_WORD_KNOWN);
    size_t from = known_beginning(b, c);

    if (query_ask_now(c))
        from = known_beginning(b, c);
    query_ask_at_once(c);
    return (struct query_insertion){ .found = from > 0, .from = from, .to = b->shape.len };
}

/* The usual statement whose tail stands in a comment here: the comment is opened and looked for. */
static bool find_commented_out(struct sql_bench *b, const struct query_client *c, enum sql_comment_cut cut,
                               struct extension *ret)
{
    struct asker a = { .b = b, .c = c, .shape = &b->opened_shape, .lex = &b->opened, .is_cut = true };

    if (!sql_text_open_comments(&b->scratch.lex, cut, &b->opened_text))
        return false;
    sql_lex_run(&b->opened, buf_slice(&b->opened_text));
    sql_shape_make(&b->opened_shape, &b->opened, b->shape.fold_names);
    struct query_insertion in = { .found = ask_known(&a, b->opened_shape.hash), .base_hash = b->opened_shape.hash };

    if (!in.found)
        in = ask_insertion(&a);
    if (!in.found || b->opened_shape.hash == b->shape.hash || !tail_is_in_comment(b, &in))
        return false;
    describe_run(c, &b->opened_shape, &b->opened, &in, ret);
    ret->cuts_tail = true;
    ret->has_filler = cut != SQL_CUT_DASHES;
    return true;
}

static struct extension find_extension(struct sql_bench *b, const struct query_client *c)
{
    struct asker a = { .b = b, .c = c, .shape = &b->shape, .lex = &b->scratch.lex };
    struct extension ret = { 0 };

    query_shape_filter_load(c, &b->filter);
    for (int cut = 0; cut < SQL_CUTS; cut++)
        if (find_commented_out(b, c, (enum sql_comment_cut)cut, &ret))
            return ret;
    struct query_insertion in = ask_insertion(&a);

    if (!in.found && b->shape.fold_names)
        in = find_cut(b, c);
    if (in.found)
        describe_run(c, &b->shape, &b->scratch.lex, &in, &ret);
    return ret;
}

static struct slice finding_text(const struct sql_bench *b, const struct sql_finding *f)
{
    const struct sql_lex *lex = &b->scratch.lex;
    size_t from = lex->tokens[f->first].at, to = lex->tokens[f->last].at + lex->tokens[f->last].len;

    if (f->rule == RULE_COMMENT_TAIL || f->rule == RULE_COMMENT_QUOTE)
        for (size_t k = 0; k < lex->comments_len; k++)
            if (lex->comments[k].before == f->first + 1) {
                from = lex->comments[k].at;
                to = from + lex->comments[k].len;
            }
    return slice_make(lex->text.at + from, to - from);
}

/* Keep what fired for the alert, and name the case after its strongest finding. */
static void keep_findings(const struct sql_bench *b, struct query_case *k, bool probes)
{
    int best = -1;

    for (size_t i = 0; i < b->judgement.findings_len; i++) {
        const struct sql_finding *f = &b->judgement.findings[i];

        if (f->score < 10)
            continue;
        k->findings[k->findings_len++] = (struct query_finding_text){ .rule = QUERY_RULE_SQL + f->rule,
                                                                      .text = finding_text(b, f) };
        if (f->score > best && sql_rule_is_probe(f->rule) == probes) {
            best = f->score;
            k->variant = sql_rule_variant(f->rule);
        }
    }
}

static void conclude(const struct sql_bench *b, struct query_case *k, enum query_verdict v, enum query_grade g,
                     int confidence)
{
    k->verdict = v;
    k->severity = v == VERDICT_ATTACK ? SEVERITY_MEDIUM : SEVERITY_LOW;
    k->lesson.grade = g;
    k->confidence = confidence;
    keep_findings(b, k, v == VERDICT_PROBE);
    if (!k->variant)
        k->variant = v == VERDICT_PROBE ? ".ForeignDialect" : ".PredicateBypass";
}

/* c.state = 'new' OR (c.state = 'held' AND c.until < 5): what comes in addition is of the same property, or part of it. */
static bool keeps_its_property(const struct sql_lex *lex, const struct extension *e)
{
    const struct sql_token *before = NULL, *first = NULL;

    for (size_t i = 1; i + 1 < lex->len && lex->tokens[i].at < e->to && !first; i++) {
        const struct sql_token *t = &lex->tokens[i];

        if (t->kind != TOK_NAME || !sql_token_is(t - 1, TOK_OP, OP_DOT))
            continue;
        if (t->at < e->from)
            before = t;
        else
            first = t;
    }
    return before && first && sql_token_is(first + 1, TOK_OP, OP_EQ) &&
           slice_eq(sql_token_text(lex, before), sql_token_text(lex, first));
}

static bool has_word(const struct sql_lex *lex, const struct sql_finding *f)
{
    for (size_t i = f->first; i <= f->last; i++)
        if (lex->tokens[i].kind == TOK_STRING)
            return true;
    return false;
}

#define BLIND_GUESS 15  /* one letter, a length, a secret; less is a question as people ask it */
#define BLIND_SECRET 40 /* of a secret */

/* c.buyer = 'u1' OR c.seller = 'u1', CONTAINS(c.title, 'x') OR CONTAINS(c.text, 'x'): one search for two properties. The run
 * is OR, one question, and nothing else; what it asks for stands just before it as well. */
static bool asks_for_the_same(const struct sql_lex *lex, const struct extension *e)
{
    const struct sql_token *before = NULL, *last = NULL;
    size_t connectors = 0, equals = 0, calls = 0;

    for (size_t i = 0; i + 1 < lex->len && lex->tokens[i].at < e->to; i++) {
        const struct sql_token *t = &lex->tokens[i];
        bool is_value = t->kind == TOK_STRING || t->kind == TOK_NUMBER || t->kind == TOK_PARAM;

        if (is_value && t->at < e->from)
            before = t;
        if (t->at < e->from)
            continue;
        last = is_value ? t : last;
        connectors += sql_token_is(t, TOK_NAME, WORD_OR) || sql_token_is(t, TOK_NAME, WORD_AND);
        equals += sql_token_is(t, TOK_OP, OP_EQ);
        calls += t->kind == TOK_NAME && sql_token_is(t + 1, TOK_OP, OP_OPEN) && !sql_token_is(t, TOK_NAME, WORD_OR);
    }
    return before && last && connectors == 1 && equals + calls == 1 &&
           slice_eq(sql_token_text(lex, before), sql_token_text(lex, last));
}

/* How sure the run that was put in makes us; 0: an ordinary builder's addition. */
static int score_extension(const struct sql_bench *b, const struct query_client *c, const struct extension *e,
                           struct query_case *k)
{
    const struct sql_lex *lex = &b->scratch.lex;
    int rest = 30;

    if (e->cuts_tail && (e->from < e->to || e->has_filler)) {
        k->note = NOTE_TAIL_IN_COMMENT;
        return 85;
    }
    bool hit = false, is_same = asks_for_the_same(lex, e);

    for (size_t i = 0; i < b->judgement.findings_len; i++) {
        const struct sql_finding *f = &b->judgement.findings[i];
        uint32_t from = lex->tokens[f->first].at, to = lex->tokens[f->last].at + lex->tokens[f->last].len;

        if (from >= e->to || to <= e->from || f->score < 10)
            continue;
        bool is_lone = b->shape.fold_names && has_lone_mask(lex, from, to);

        if (f->rule == RULE_BLIND && has_word(lex, f) &&
            (is_same ? f->score < BLIND_SECRET : f->score < BLIND_GUESS && !b->shape.fold_names && !e->starts_with_or))
            continue; /* AND CONTAINS(c.title, 'lamp') */
        if (f->rule == RULE_BLIND && !e->has_new_field && f->score < (!is_lone ? 40 : query_client_is_regular(c) ? 12 : 18))
            continue; /* builders add STARTSWITH on fields they use */
        rest = rest * (100 - f->score) / 100;
        hit = true;
    }
    if (!hit && e->starts_with_or && e->has_new_field && !is_same && !keeps_its_property(lex, e)) {
        k->variant = ".PredicateBypass";
        k->note = NOTE_OR_NEW_PROPERTY;
        return 65;
    }
    if (!hit && e->outranks_and) {
        k->variant = ".PredicateBypass";
        k->note = NOTE_OR_OUTRANKS;
        return 65;
    }
    if (!hit && e->is_replaced && e->has_new_field) {
        k->variant = ".PredicateBypass";
        k->note = NOTE_PROPERTY_FOR_VALUE;
        return 62;
    }
    if (!hit && e->asks_unseen) {
        k->variant = ".BlindBoolean";
        k->note = NOTE_UNSEEN_QUESTION;
        return 62;
    }
    if (!hit && e->adds_secret) {
        k->variant = ".ProjectionWidening";
        k->note = NOTE_SECRET_ADDED;
        return 62;
    }
    return hit ? 100 - rest : 0;
}

static void judge_readable(struct sql_bench *b, const struct query_client *c, struct query_case *k, enum query_run run)
{
    const struct sql_reading *r = &b->reading;
    bool is_known_client = query_client_is_known(c);
    struct extension e = is_known_client ? find_extension(b, c) : (struct extension){ 0 };
    int score = r->score, threshold = is_known_client ? THRESHOLD_NEW : THRESHOLD_ALONE;

    if (e.found) {
        int more = score_extension(b, c, &e, k);

        score = more > score ? more : score;
        k->base_shape = e.base;
        k->is_extension = true;
        k->cuts_tail = e.cuts_tail;
        k->inserted = slice_make(k->statement.at + e.from, e.to - e.from);
        threshold = THRESHOLD_ALONE;
    }
    if (is_known_client && score < THRESHOLD_ALONE && has_comment_behind(&b->scratch.lex) &&
        is_cut_comment(&b->scratch.lex) && !(e.cuts_tail && e.from == e.to) && query_client_is_regular(c) &&
        !query_word_is_known(c, COMMENT_WORD)) {
        k->note = NOTE_COMMENT_CUTS;
        k->variant = ".PredicateBypass";
        score = threshold;
    }
    if (r->probe_score >= THRESHOLD_PROBE && run != RUN_OK) { /* what the service took is no foreign dialect */
        conclude(b, k, VERDICT_PROBE, GRADE_ATTACK, r->probe_score);
        return;
    }
    if (score >= threshold) {
        const char *variant = k->variant;

        conclude(b, k, run == RUN_REFUSED ? VERDICT_PROBE : VERDICT_ATTACK,
                 r->score >= THRESHOLD_KNOWN ? GRADE_ATTACK : GRADE_UNUSUAL, score);
        if (variant)
            k->variant = variant;
        return;
    }
    if (!is_known_client || run == RUN_REFUSED || !query_client_is_regular(c))
        return;
    unsigned list = query_reach_known(c, r->middle), limit = query_reach_known(c, r->with_list);
    bool wider = (r->reach & REACH_WIDE) && (list & REACH_NARROW) && !(list & REACH_WIDE);
    bool unlimited = (r->reach & REACH_UNLIMITED) && (limit & REACH_LIMITED) && !(limit & REACH_UNLIMITED);

    if (wider || unlimited) {
        k->verdict = VERDICT_WIDENED;
        k->severity = SEVERITY_LOW;
        k->lesson.grade = GRADE_UNUSUAL;
        k->confidence = 40;
        k->variant = wider ? ".ProjectionWidening" : ".LimitRemoved";
        k->note = wider ? NOTE_WHOLE_ITEMS : NOTE_LIMIT_GONE;
    }
}

static void judge_broken(struct sql_bench *b, struct query_case *k, enum query_run run)
{
    int all = b->judgement.score;

    if (run == RUN_OK) {
        if (all >= THRESHOLD_UNREADABLE)
            conclude(b, k, VERDICT_ATTACK, GRADE_ATTACK, all);
        return; /* else: taken by the service, so its grammar is newer than ours */
    }
    if (all >= THRESHOLD_PROBE) {
        conclude(b, k, VERDICT_PROBE, GRADE_ATTACK, all);
        return;
    }
    k->lesson.grade = GRADE_ATTACK; /* broken text teaches nothing */
    k->verdict = b->reading.is_name_break ? VERDICT_ORDINARY : VERDICT_BROKEN;
}

static void tell_reading(const struct sql_bench *b, struct query_case *k)
{
    const struct sql_reading *r = &b->reading;

    k->is_masked = r->is_masked;
    k->lesson = (struct query_lesson){ .shape = r->shape, .middle = r->middle, .with_list = r->with_list,
                                       .reach = r->reach };
}

void sql_case_judge(struct sql_bench *b, const struct query_client *c, struct slice raw, enum query_run run,
                    struct query_case *ret)
{
    struct sql_reading *r = &b->reading;

    *ret = (struct query_case){ .statement = sql_text_unwrap(&b->text, raw), .id = sql_case_id(raw) };
    read_text(b, ret->statement, r);
    tell_reading(b, ret);
    ret->lesson.words = b->shape.fields;
    ret->lesson.words_len = b->shape.fields_len;
    ret->is_plain = r->outcome != SQL_SYNTAX && r->score < THRESHOLD_KNOWN && r->probe_score < THRESHOLD_PROBE;
    ret->is_known = r->outcome != SQL_SYNTAX && query_shape_is_known(c, r->shape);
    if (r->outcome == SQL_SYNTAX)
        judge_broken(b, ret, run);
    else if (!ret->is_plain || !ret->is_known)
        judge_readable(b, c, ret, run);
}

uint64_t sql_case_id(struct slice raw)
{
    return hash64(raw.at, raw.len, 0x73716c31);
}

void sql_case_print_shape(struct sql_bench *b, struct buf *out)
{
    sql_shape_print(&b->shape, &b->scratch.lex, out);
}
