/* query_reading.c - see query_reading.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/query_reading.h"

#include "base/buf.h"
#include "detectors/kit/query_raw.h"

enum { WORD_NAME = 1, WORD_VALUE, WORD_OP, WORD_PARAM, WORD_BAD };

uint64_t query_value_word(void)
{
    return query_word_of_code(WORD_VALUE, 0);
}

void query_reading_init(struct query_reading *r)
{
    r->lex.tokens = r->tokens;
    r->lex.tokens_max = QUERY_TOKENS_MAX;
    r->raw.tokens = r->raw_tokens;
    r->raw.tokens_max = QUERY_RAW_TOKENS_MAX;
    query_shape_init(&r->shape);
}

/* ---- findings ------------------------------------------------------------------------------------ */

#define HINT 30 /* below: ordinary statements have it too */

static bool is_in_run(const struct query_reading *r, const struct query_finding *f)
{
    return f->at < r->run_to && f->at + f->len > r->run_from;
}

/* Stronger than another one of its rule; of hints, which count where they stand, the one in the run. */
static bool says_more(const struct query_reading *r, const struct query_finding *f, const struct query_finding *other)
{
    return f->score > other->score || (f->score < HINT && other->score < HINT && is_in_run(r, f) && !is_in_run(r, other));
}

static void keep(struct query_reading *r, const struct query_finding *f)
{
    if (f->score <= 0)
        return;
    for (size_t i = 0; i < r->findings_len; i++)
        if (r->findings[i].rule == f->rule) {
            if (says_more(r, f, &r->findings[i]))
                r->findings[i] = *f;
            return;
        }
    if (r->findings_len < QUERY_FINDINGS_MAX)
        r->findings[r->findings_len++] = *f;
}

void query_found(struct query_reading *r, enum query_rule rule, int score, size_t first, size_t last)
{
    size_t end = r->lex.len - 1;
    const struct query_token *a = &r->tokens[first < end ? first : end], *b = &r->tokens[last < end ? last : end];

    keep(r, &(struct query_finding){ .rule = rule, .score = score > 100 ? 100 : score, .at = a->at,
                                     .len = b->at + b->len - a->at });
}

void query_found_at(struct query_reading *r, enum query_rule rule, int score, uint32_t at, uint32_t len)
{
    keep(r, &(struct query_finding){ .rule = rule, .score = score, .at = at, .len = len });
}

int query_score(const struct query_reading *r, bool probes)
{
    int rest = 10000;

    for (size_t i = 0; i < r->findings_len; i++)
        if (query_rule_is_probe(r->findings[i].rule) == probes)
            rest = rest * (100 - r->findings[i].score) / 100;
    return 100 - rest / 100;
}

/* ---- comments ------------------------------------------------------------------------------------ */

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* Does the text behind the quote go on like a statement? (`'90s only` does not.) */
static bool goes_on(struct slice rest)
{
    static const char *const words[] = { "and", "or", "order", "group", "limit", "allow",
                                         "not", "in", "if",    "per",   "where", "using" };

    rest = slice_trim(rest);
    if (rest.len > 0 && is_one_of(rest.at[0], ",)]}=<>!.;"))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct slice w = slice_of(words[i]);

        if (slice_starts_nocase(rest, w) && (rest.len == w.len || is_one_of(rest.at[w.len], " \t(")))
            return true;
    }
    return false;
}

/* //x' AND ...: a few letters, then the closing quote. `don't` has letters behind it. */
static void judge_worded_comment(struct query_reading *r, const struct query_comment *c, struct slice text)
{
    size_t quote = SIZE_MAX, quotes = 0;

    if (r->tokens[c->before - 1].kind != QUERY_STRING && !query_is_op(&r->lex, c->before - 1, ')') &&
        !query_is_op(&r->lex, c->before - 1, ';'))
        return;
    for (size_t k = 0; k < text.len; k++)
        if (is_one_of(text.at[k], "'\"")) {
            quote = quote == SIZE_MAX ? k : quote;
            quotes += text.at[k] == text.at[quote];
        }
    if (quotes % 2 == 0)
        return;
    struct slice rest = slice_make(text.at + quote + 1, text.len - quote - 1);

    if (quote <= 24 && (slice_trim(rest).len == 0 || (goes_on(rest) && !is_one_of(rest.at[0], "!."))))
        query_found_at(r, Q_COMMENT_TAIL, 64, c->at, c->len);
}

/* LIMIT 10, ALLOW FILTERING and nothing else */
static bool is_lone_clause(struct slice rest)
{
    rest = slice_trim(rest);
    if (slice_ends_nocase(rest, SL(";")))
        rest.len--;
    if (slice_eq_nocase(rest, SL("ALLOW FILTERING")))
        return true;
    if (slice_starts(rest, SL("ORDER BY ")))
        return (slice_ends_nocase(rest, SL(" ASC")) || slice_ends_nocase(rest, SL(" DESC"))) && rest.len < 64;
    if (!slice_starts(rest, SL("LIMIT ")) || rest.len == 6)
        return false;
    for (size_t i = 6; i < rest.len; i++)
        if (rest.at[i] < '0' || rest.at[i] > '9')
            return false;
    return true;
}

/* name FROM shop.items, name FROM items: a second source, without a blank in front as people put one */
static bool is_second_source(struct slice rest)
{
    size_t at = slice_find(rest, SL(" FROM "));

    if (at == SIZE_MAX || at == 0)
        return false;
    for (size_t i = 0; i < rest.len; i++)
        if ((i < at && is_one_of(rest.at[i], " ;:'\"")) || (i >= at + 6 && is_one_of(rest.at[i], " ,:'\"")))
            return false;
    return true;
}

/* -- AND day = 3, //).drop(): to the end of the text, on the line of the value in front of it, and it goes on where that
 * value was left. People comment on lines of their own, or in words. */
static bool is_rest_of_statement(const struct query_reading *r, const struct query_comment *c, struct slice text)
{
    size_t i = 0;
    bool compares = false;
    const struct query_token *before = &r->tokens[c->before - 1];

    if (c->before + 1u != r->lex.len)
        return false;
    for (size_t k = before->at + before->len; k < c->at; k++)
        if (r->lex.text.at[k] == '\n')
            return false;
    while (i < text.len && is_one_of(text.at[i], "-/ \t"))
        i++;
    struct slice rest = slice_make(text.at + i, text.len - i);

    for (size_t k = 0; k < rest.len; k++)
        compares |= is_one_of(rest.at[k], "=<>(");
    if (is_lone_clause(rest) || slice_eq(rest, SL(")")) || (i == 2 && is_second_source(rest)))
        return true;
    return rest.len > 1 && (is_one_of(rest.at[0], ")]") ? is_one_of(rest.at[1], ").,]")
                                                        : rest.at[0] != '.' && compares && goes_on(rest));
}

/* A comment that begins with the closing quote of a value; people do not write comments like that. */
static void judge_comment(struct query_reading *r, const struct query_comment *c)
{
    struct slice text = slice_make(r->lex.text.at + c->at, c->len);
    size_t i = 0, quotes = 0;

    if (slice_ends_nocase(text, SL("*/")))
        text.len -= 2;
    while (i < text.len && i < 8 && is_one_of(text.at[i], " -+%;)#/*\t"))
        i++;
    if (c->before == 0)
        return;
    if (is_rest_of_statement(r, c, text))
        query_found_at(r, Q_COMMENT_TAIL, 64, c->at, c->len);
    if (i >= text.len) {
        /* nothing in it, and nothing behind: what was there ended with it */
        if (c->before + 1u == r->lex.len && text.len <= 4 && (text.at[0] == '-' || text.at[0] == '/') &&
            text.at[1] == text.at[0])
            query_found_at(r, Q_COMMENT_TAIL, 62, c->at, c->len);
        return;
    }
    if (!is_one_of(text.at[i], "'\"")) {
        judge_worded_comment(r, c, text);
        return;
    }
    for (size_t k = i; k < text.len; k++)
        quotes += text.at[k] == text.at[i];
    struct slice rest = slice_trim(slice_make(text.at + i + 1, text.len - i - 1));
    bool is_tail = rest.len > 0 && !(rest.len == 1 && is_one_of(rest.at[0], ");"));

    if (!is_tail)
        query_found_at(r, Q_COMMENT_QUOTE, 78, c->at, c->len);
    else if (goes_on(rest))
        query_found_at(r, Q_COMMENT_TAIL, 88, c->at, c->len);
    else if (quotes % 2 == 1)
        query_found_at(r, Q_COMMENT_TAIL, c->is_open ? 66 : 40, c->at, c->len);
}

/* ---- the shape ----------------------------------------------------------------------------------- */

struct shaper {
    struct query_reading *r;
    const struct query_dialect *d;
    uint64_t value, comma;
    uint64_t groups[4]; /* bit: this open parenthesis is no word */
    size_t depth;
};

static bool is_name_word(const struct query_reading *r, size_t i)
{
    return r->tokens[r->shape.tok[i]].kind == QUERY_NAME;
}

/* `a = ? or a = ?` -> `a = ?`; and a list of values is one value. */
static void push_value(struct shaper *s, uint32_t tok)
{
    struct query_shape *sh = &s->r->shape;

    if (sh->len >= 2 && sh->word[sh->len - 1] == s->comma && sh->word[sh->len - 2] == s->value && !sh->is_cut) {
        sh->len--;
        return;
    }
    query_shape_push(sh, s->value, tok);
    size_t n = sh->len;

    if (n >= 7 && !sh->is_cut && is_name_word(s->r, n - 3) && is_name_word(s->r, n - 4) &&
        query_shape_run_hash(sh, n - 7, n - 4) == query_shape_run_hash(sh, n - 3, n))
        sh->len -= 4;
}

static void push_name(struct shaper *s, uint32_t i)
{
    struct query_reading *r = s->r;
    struct slice text = query_token_text(&r->lex, i);

    if (slice_eq_nocase(text, SL("true")) || slice_eq_nocase(text, SL("false"))) {
        push_value(s, i);
        return;
    }
    uint64_t word = query_word_of_text(text, WORD_NAME, true);

    if (!s->d->is_keyword(text) && !query_is_op(&r->lex, i + 1, '('))
        query_shape_note_field(&r->shape, word, i);
    query_shape_push(&r->shape, word, i);
}

/* Is this parenthesis a word? */
static bool keeps_paren(struct shaper *s, uint32_t i, bool opens)
{
    size_t word = s->depth / 64 % 4, bit = s->depth % 64;

    if (!s->d->is_group)
        return true;
    if (opens) {
        bool is_group = s->d->is_group(s->r, i);

        s->groups[word] = (s->groups[word] & ~(UINT64_C(1) << bit)) | (uint64_t)is_group << bit;
        s->depth++;
        return !is_group;
    }
    if (s->depth == 0)
        return true;
    s->depth--;
    return !(s->groups[s->depth / 64 % 4] >> (s->depth % 64) & 1u);
}

static void make_shape(struct query_reading *r, const struct query_dialect *d)
{
    struct shaper s = {
        .r = r, .d = d, .value = query_word_of_code(WORD_VALUE, 0), .comma = query_word_of_code(WORD_OP, ',')
    };

    query_shape_start(&r->shape, false);
    for (uint32_t i = 0; i + 1 < r->lex.len; i++) {
        const struct query_token *t = &r->tokens[i];

        switch ((enum query_token_kind)t->kind) {
        case QUERY_NAME: push_name(&s, i); break;
        case QUERY_STRING:
            if (d->is_key_string && d->is_key_string(r, i)) {
                uint64_t word = query_word_of_text(query_string_inside(&r->lex, i), WORD_NAME, false);

                query_shape_note_field(&r->shape, word, i);
                query_shape_push(&r->shape, word, i);
            } else {
                push_value(&s, i);
            }
            break;
        case QUERY_NUMBER: push_value(&s, i); break;
        case QUERY_PARAM: query_shape_push(&r->shape, query_word_of_code(WORD_PARAM, 0), i); break;
        case QUERY_OP:
            if (t->op == ';' && i + 2 == r->lex.len)
                break; /* a last semicolon says nothing */
            if ((t->op != '(' && t->op != ')') || keeps_paren(&s, i, t->op == '('))
                query_shape_push(&r->shape, query_word_of_code(WORD_OP, t->op), i);
            break;
        case QUERY_OPEN_STRING:
        case QUERY_BYTE: query_shape_push(&r->shape, query_word_of_code(WORD_BAD, t->kind), i); break;
        case QUERY_END: default: break;
        }
    }
    query_shape_end(&r->shape);
}

void query_reading_print(const struct query_reading *r, struct buf *out)
{
    for (size_t i = 0; i < r->shape.len; i++) {
        const struct query_token *t = &r->tokens[r->shape.tok[i]];
        const struct query_token *left = i ? &r->tokens[r->shape.tok[i - 1]] : NULL;
        bool glue = t->kind == QUERY_OP && strchr("().,;", t->op & 0x7f);

        if (i && !glue && !(left->kind == QUERY_OP && (left->op == '(' || left->op == '.')))
            buf_add_char(out, ' ');
        if (r->shape.word[i] == query_word_of_code(WORD_VALUE, 0) || t->kind == QUERY_PARAM)
            buf_add_char(out, '?');
        else
            buf_add_slice(out, slice_cut(query_token_text(&r->lex, r->shape.tok[i]), 64));
    }
}

/* ---- all of it ----------------------------------------------------------------------------------- */

static void find_all(struct query_reading *r, const struct query_dialect *d)
{
    r->is_broken = r->is_name_break = false;
    r->is_beyond = r->lex.is_cut;
    r->error_tok = 0;
    r->findings_len = 0;
    r->nodes_len = 1;
    d->read(r);
    for (size_t i = 0; i < r->lex.comments_len; i++)
        judge_comment(r, &r->lex.comments[i]);
    if (r->is_beyond)
        r->is_broken = false;
    if (r->is_broken)
        query_judge_raw(r);
}

void query_read_run(struct query_reading *r, const struct query_dialect *d, uint32_t from, uint32_t to)
{
    r->run_from = from;
    r->run_to = to;
    find_all(r, d);
}

/* What a comment leaves may be a known shape: the cut must show. And alternatives about one property are one word of the
 * shape, however many: that one of them takes away the sense of another must show too. */
static void show_in_shape(struct query_reading *r)
{
    for (size_t i = 0; i < r->findings_len; i++) {
        enum query_rule rule = r->findings[i].rule;

        if (rule == Q_COMMENT_TAIL || rule == Q_COMMENT_QUOTE)
            r->shape.hash ^= UINT64_C(0x636f6d6d656e7421);
        if ((rule == Q_NEEDLESS || rule == Q_MIXED || rule == Q_OR_SELF) && r->findings[i].score >= 60)
            r->shape.hash ^= UINT64_C(0x6f74686572206f72) + rule;
    }
}

void query_read(struct query_reading *r, const struct query_dialect *d, struct slice text)
{
    query_lex_run(&r->lex, &d->lex, text);
    r->run_from = r->run_to = 0;
    find_all(r, d);
    make_shape(r, d);
    if (query_score(r, false) >= 60)
        show_in_shape(r);
}
