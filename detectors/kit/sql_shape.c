/* sql_shape.c - see sql_shape.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sql_shape.h"

#include "base/buf.h"

#define PAREN_DEPTH_MAX 512u

enum { WORD_KIND_NAME = 1, WORD_KIND_FUNCTION, WORD_KIND_FIELD, WORD_KIND_VALUE, WORD_KIND_BOOL,
       WORD_KIND_PARAM, WORD_KIND_KEYWORD, WORD_KIND_OP, WORD_KIND_BAD,
       WORD_KIND_BEGINNING };

static uint64_t word_value(void) { return query_word_of_code(WORD_KIND_VALUE, 0); }
static uint64_t word_op(enum sql_op op) { return query_word_of_code(WORD_KIND_OP, (unsigned)op); }
static uint64_t word_key(enum sql_word w) { return query_word_of_code(WORD_KIND_KEYWORD, (unsigned)w); }

/* ---- folding ----------------------------------------------------------------------------------- */

/* `a = ? OR a = ?` -> `a = ?`: drop the last unit (the words after the last AND/OR) when the words just
 * before that AND/OR are the same. Units without any name (1 = 1) stay: they are evidence. Each kept
 * bracket has units of its own. */
#define FOLD_DEPTH_MAX 32u
enum { UNIT_AND, UNIT_OR };

struct fold {
    size_t unit_at[2]; /* index of the word after the last AND, after the last OR; 0 = none */
    bool has_name[2];  /* since then */
};

/* x AND a OR a: the second a is no more of the first's list, but an alternative to all before it. */
static bool outranks_and(const struct query_shape *sh, const struct sql_lex *lex, size_t unit)
{
    return sh->word[unit - 1] == query_word_of_code(WORD_KIND_KEYWORD, WORD_AND) &&
           sql_token_is(&lex->tokens[sh->tok[unit] - 1], TOK_NAME, WORD_AND);
}

/* Masked names are one word of a shape, but in one text the same mask is the same property: b = ? is no repetition of
 * a = ?. */
static bool same_names(const struct query_shape *sh, const struct sql_lex *lex, size_t a, size_t b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        const struct sql_token *left = &lex->tokens[sh->tok[a + i]], *right = &lex->tokens[sh->tok[b + i]];
        bool is_name = left->kind == TOK_NAME || (left->kind == TOK_STRING && sql_token_is(left - 1, TOK_OP, OP_OPEN_INDEX));

        if (is_name && !slice_eq(sql_token_text(lex, left), sql_token_text(lex, right)))
            return false;
    }
    return true;
}

static void fold_unit(struct query_shape *sh, const struct sql_lex *lex, struct fold *f, int which)
{
    size_t at = f->unit_at[which], len = sh->len - at;

    f->unit_at[which] = 0;
    if (which == UNIT_OR && at > len + 1 && outranks_and(sh, lex, at - 1 - len))
        return;
    if (at == 0 || at > sh->len || len == 0 || sh->is_cut || at - 1 < len || !f->has_name[which])
        return;
    if (query_shape_run_hash(sh, at, sh->len) == query_shape_run_hash(sh, at - 1 - len, at - 1) &&
        (!sh->fold_names || same_names(sh, lex, at, at - 1 - len, len)))
        sh->len = at - 1;
}

/* A connector or the end of a condition: units that end here may fold away. */
static void fold_close(struct query_shape *sh, const struct sql_lex *lex, struct fold *f, bool ends_or_unit)
{
    fold_unit(sh, lex, f, UNIT_AND);
    if (ends_or_unit)
        fold_unit(sh, lex, f, UNIT_OR);
}

static void fold_open(const struct query_shape *sh, struct fold *f, int which)
{
    f->unit_at[which] = sh->len;
    f->has_name[which] = false;
}

/* ---- token -> word ------------------------------------------------------------------------------ */

struct maker {
    struct query_shape *sh;
    const struct sql_lex *lex;
    struct fold folds[FOLD_DEPTH_MAX];
    size_t level; /* open kept brackets; deeper than FOLD_DEPTH_MAX share the last */
    bool fold_names;
    size_t depth;
    uint64_t keeps[PAREN_DEPTH_MAX / 64]; /* bit: this parenthesis is a word */
};

static bool paren_keeps(const struct maker *m, size_t depth)
{
    return depth >= PAREN_DEPTH_MAX || (m->keeps[depth / 64] >> (depth % 64) & 1u);
}

/* Parentheses that only group are no words; those of calls, lists and sub-queries are. */
static bool opens_group(const struct sql_token *prev, const struct sql_token *next)
{
    if (sql_token_is(next, TOK_NAME, WORD_SELECT))
        return false;
    if (!prev || prev->kind != TOK_NAME)
        return true;
    switch (prev->code) {
    case WORD_AND: case WORD_OR: case WORD_NOT: case WORD_WHERE: case WORD_SELECT: case WORD_BETWEEN:
    case WORD_LIKE: case WORD_BY: case WORD_VALUE: case WORD_DISTINCT: case WORD_TOP: case WORD_FROM:
    case WORD_JOIN: case WORD_LIMIT: case WORD_OFFSET: case WORD_AS:
        return true;
    default: return false;
    }
}

/* Returns whether the parenthesis is to be pushed. */
static bool track_paren(struct maker *m, const struct sql_token *t, const struct sql_token *prev)
{
    if (t->code == OP_OPEN) {
        bool keeps = !opens_group(prev, t + 1);

        if (m->depth < PAREN_DEPTH_MAX) {
            uint64_t bit = UINT64_C(1) << (m->depth % 64);

            m->keeps[m->depth / 64] = (m->keeps[m->depth / 64] & ~bit) | (keeps ? bit : 0);
        }
        m->depth++;
        return keeps;
    }
    if (m->depth == 0)
        return true; /* nothing to close: a broken statement keeps it */
    return paren_keeps(m, --m->depth);
}

static struct fold *fold_now(struct maker *m)
{
    return &m->folds[m->level < FOLD_DEPTH_MAX ? m->level : FOLD_DEPTH_MAX - 1];
}

static void mark_name(struct maker *m)
{
    struct fold *f = fold_now(m);

    f->has_name[UNIT_AND] = f->has_name[UNIT_OR] = true;
}

static void level_up(struct maker *m)
{
    m->level++;
    *fold_now(m) = (struct fold){ 0 };
}

static void level_down(struct maker *m)
{
    fold_close(m->sh, m->lex, fold_now(m), true);
    if (m->level > 0)
        m->level--;
    mark_name(m);
}

static bool last_is(const struct query_shape *sh, size_t back, uint64_t word)
{
    return sh->len >= back && sh->word[sh->len - back] == word;
}

/* A literal; `-5` is 5, and a list of literals is one literal. */
static void push_literal(struct maker *m, uint64_t word, uint32_t i)
{
    struct query_shape *sh = m->sh;

    if (last_is(sh, 1, word_op(OP_MINUS)) && sh->len >= 2) {
        const struct sql_token *before = &m->lex->tokens[sh->tok[sh->len - 2]];

        if ((before->kind == TOK_OP && before->code != OP_CLOSE && before->code != OP_CLOSE_INDEX) ||
            (before->kind == TOK_NAME && before->code != WORD_NONE))
            sh->len--;
    }
    if (last_is(sh, 1, word_op(OP_COMMA)) && last_is(sh, 2, word) && sh->len >= 2) {
        sh->len--;
        return;
    }
    query_shape_push(sh, word, i);
}

static void push_field(struct maker *m, struct slice name, uint32_t i)
{
    uint64_t word = m->fold_names ? query_word_of_code(WORD_KIND_FIELD, 0) : query_word_of_text(name, WORD_KIND_FIELD, false);

    if (!m->fold_names)
        query_shape_note_field(m->sh, word, i);
    query_shape_push(m->sh, word, i);
    mark_name(m);
}

static void push_name(struct maker *m, const struct sql_token *t, const struct sql_token *prev, uint32_t i)
{
    struct slice text = sql_token_text(m->lex, t);
    bool is_field = prev && sql_token_is(prev, TOK_OP, OP_DOT);
    bool is_call = sql_token_is(t + 1, TOK_OP, OP_OPEN) && !(prev && is_field && t->code != WORD_NONE);

    if (is_field && !is_call) {
        push_field(m, text, i);
        return;
    }
    switch (t->code) {
    case WORD_TRUE: case WORD_FALSE:
        push_literal(m, query_word_of_code(WORD_KIND_BOOL, 0), i);
        return;
    case WORD_AND: case WORD_OR:
        fold_close(m->sh, m->lex, fold_now(m), t->code == WORD_OR);
        query_shape_push(m->sh, word_key(t->code), i);
        fold_open(m->sh, fold_now(m), t->code == WORD_OR ? UNIT_OR : UNIT_AND);
        return;
    case WORD_ASC: case WORD_AS: return; /* the default, said or not */
    case WORD_NONE:
        mark_name(m);
        if (m->fold_names && !is_call)
            query_shape_push(m->sh, query_word_of_code(WORD_KIND_NAME, 0), i);
        else
            query_shape_push(m->sh, query_word_of_text(text, is_call ? WORD_KIND_FUNCTION : WORD_KIND_NAME, is_call), i);
        return;
    case WORD_WHERE: case WORD_GROUP: case WORD_ORDER: case WORD_OFFSET: case WORD_FROM:
        fold_close(m->sh, m->lex, fold_now(m), true);
        query_shape_push(m->sh, word_key(t->code), i);
        return;
    default: query_shape_push(m->sh, word_key(t->code), i); return;
    }
}

static void push_op(struct maker *m, const struct sql_token *t, const struct sql_token *prev, uint32_t i)
{
    if (t->code == OP_OPEN || t->code == OP_CLOSE) {
        bool keeps = track_paren(m, t, prev);

        if (keeps && t->code == OP_CLOSE)
            level_down(m);
        if (keeps)
            query_shape_push(m->sh, word_op(t->code), i);
        if (keeps && t->code == OP_OPEN)
            level_up(m);
        return;
    }
    switch (t->code) {
    case OP_DOT: return; /* the field's own word says it */
    case OP_COMMA: fold_close(m->sh, m->lex, fold_now(m), true); break;
    case OP_CLOSE_INDEX: case OP_CLOSE_OBJECT: level_down(m); break;
    default: break;
    }
    query_shape_push(m->sh, word_op(t->code), i);
    if (t->code == OP_OPEN_INDEX || t->code == OP_OPEN_OBJECT)
        level_up(m);
}

/* c["name"] means c.name; returns how many tokens were used, 0 when it is an index or an array. */
static uint32_t push_quoted_field(struct maker *m, uint32_t i, const struct sql_token *prev)
{
    const struct sql_token *t = &m->lex->tokens[i];
    bool after_value = prev && ((prev->kind == TOK_NAME && (prev->code == WORD_NONE || prev->code == WORD_VALUE)) ||
                                sql_token_is(prev, TOK_OP, OP_CLOSE_INDEX) ||
                                sql_token_is(prev, TOK_OP, OP_CLOSE));

    if (!after_value || i + 2 >= m->lex->len || t[1].kind != TOK_STRING ||
        !sql_token_is(&t[2], TOK_OP, OP_CLOSE_INDEX))
        return 0;
    push_field(m, sql_string_inside(m->lex, &t[1]), i + 1);
    return 3;
}

static void make_words(struct maker *m)
{
    const struct sql_lex *lex = m->lex;

    for (uint32_t i = 0; i + 1 < lex->len;) {
        const struct sql_token *t = &lex->tokens[i], *prev = i ? t - 1 : NULL;
        uint32_t used = 1;

        switch ((enum sql_token_kind)t->kind) {
        case TOK_NAME: push_name(m, t, prev, i); break;
        case TOK_STRING: case TOK_NUMBER: push_literal(m, word_value(), i); break;
        case TOK_PARAM: push_literal(m, query_word_of_code(WORD_KIND_PARAM, 0), i); break;
        case TOK_OP:
            used = t->code == OP_OPEN_INDEX ? push_quoted_field(m, i, prev) : 0;
            if (used == 0) {
                push_op(m, t, prev, i);
                used = 1;
            }
            break;
        case TOK_BAD: query_shape_push(m->sh, query_word_of_code(WORD_KIND_BAD, t->code), i); break;
        case TOK_END: default: return;
        }
        i += used;
    }
}

uint64_t sql_shape_beginning(const struct query_shape *sh, size_t words)
{
    return query_shape_run_hash(sh, 0, words) ^ query_word_of_code(WORD_KIND_BEGINNING, 0);
}

void sql_shape_make(struct query_shape *sh, const struct sql_lex *lex, bool fold_names)
{
    struct maker m = { .sh = sh, .lex = lex, .fold_names = fold_names };

    query_shape_start(sh, fold_names);
    make_words(&m);
    while (m.level > 0)
        level_down(&m);
    fold_close(sh, lex, fold_now(&m), true);
    for (size_t i = 4; fold_names && i < sh->len; i++)
        if (sh->word[i - 1] == word_value())
            query_shape_note_field(sh, sql_shape_beginning(sh, i), sh->tok[i - 1]);
    query_shape_end(sh);
}

/* ---- what was put in ---------------------------------------------------------------------------- */

/* Injected text goes on behind a value (or a name, in ORDER BY): with an operator, a word or a bracket. What came in as the
 * name of a property stands in front of a condition: WHERE c.x = c.x OR c.{name} = ... */
int sql_shape_start_rank(const struct query_shape *sh, const struct sql_lex *lex, size_t i)
{
    const struct sql_token *t = &lex->tokens[sh->tok[i]], *before = &lex->tokens[sh->tok[i - 1]];

    if (t->kind == TOK_NAME && t->code == WORD_NONE && before->kind == TOK_NAME)
        return before->code == WORD_WHERE || before->code == WORD_AND || before->code == WORD_OR ? 3 : 0;
    if (t->kind == TOK_NAME && t->code == WORD_NONE && before->kind == TOK_NUMBER && sh->tok[i] > 1 && sql_token_is(before - 1, TOK_NAME, WORD_TOP))
        return 3; /* TOP 5 c.pin, c.name */
    if (t->kind == TOK_STRING || t->kind == TOK_NUMBER || t->kind == TOK_PARAM || (t->kind == TOK_NAME && t->code == WORD_NONE))
        return 0;
    if (t->kind == TOK_OP && t->code >= OP_EQ && t->code <= OP_GE && (before->kind == TOK_NAME || sql_token_is(t - 1, TOK_OP, OP_CLOSE_INDEX)))
        return 0; /* a property and its value belong together */
    if (before->kind == TOK_OP && before->code != OP_CLOSE && before->code != OP_CLOSE_INDEX)
        return 0;
    return sql_token_is(t, TOK_NAME, WORD_OR) ? 1 : sql_token_is(t, TOK_NAME, WORD_AND) ? 2 : 3;
}

bool sql_shape_takes_value(const struct query_shape *sh, const struct sql_lex *lex, size_t i)
{
    const struct sql_token *t = &lex->tokens[sh->tok[i]], *before = &lex->tokens[sh->tok[i - 1]];

    if (t->kind == TOK_STRING || t->kind == TOK_NUMBER || t->kind == TOK_PARAM)
        return false;
    return (before->kind == TOK_OP && before->code >= OP_EQ && before->code <= OP_GE) ||
           (before->kind == TOK_NAME && (before->code == WORD_LIKE || before->code == WORD_BETWEEN));
}

uint64_t sql_shape_value(size_t i)
{
    return i == 0 ? word_value() : query_word_of_code(WORD_KIND_BOOL, 0);
}

/* ---- for people --------------------------------------------------------------------------------- */

void sql_shape_print(const struct query_shape *sh, const struct sql_lex *lex, struct buf *out)
{
    for (size_t i = 0; i < sh->len; i++) {
        const struct sql_token *t = &lex->tokens[sh->tok[i]];
        const struct sql_token *prev = sh->tok[i] ? t - 1 : NULL;
        bool is_field = prev && (sql_token_is(prev, TOK_OP, OP_DOT) ||
                                 (t->kind == TOK_STRING && sh->word[i] != word_value()));
        bool glue = is_field || (t->kind == TOK_OP && (t->code == OP_OPEN || t->code == OP_CLOSE ||
                                                       t->code == OP_COMMA));
        const struct sql_token *left = i ? &lex->tokens[sh->tok[i - 1]] : NULL;

        if (i && !glue && !(left->kind == TOK_OP && left->code == OP_OPEN))
            buf_add_char(out, ' ');
        if (is_field)
            buf_add_char(out, '.');
        if (is_field && t->kind == TOK_STRING)
            buf_add_slice(out, sql_string_inside(lex, t));
        else if (t->kind == TOK_STRING || t->kind == TOK_NUMBER ||
                 (t->kind == TOK_NAME && (t->code == WORD_TRUE || t->code == WORD_FALSE)))
            buf_add_char(out, '?');
        else if (t->kind == TOK_PARAM)
            buf_add_str(out, "@");
        else if (t->kind == TOK_BAD)
            buf_add_slice(out, slice_cut(sql_token_text(lex, t), 16));
        else
            buf_add_slice(out, sql_token_text(lex, t));
    }
}
