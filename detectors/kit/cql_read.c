/* cql_read.c - see cql_read.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/cql_read.h"

#include "detectors/kit/mongo_score.h"
#include "detectors/kit/word_list.h"

#define PARENS_MAX 64u

static bool is_keyword(struct slice name)
{
    static const char *const words[] = {
        "select",    "from",     "where",  "and",       "or",    "in",     "limit",        "allow",
        "filtering", "order",    "group",  "by",        "asc",   "desc",   "per",          "partition",
        "insert",    "into",     "values", "update",    "set",   "delete", "using",        "ttl",
        "timestamp", "if",       "exists", "not",       "begin", "batch",  "apply",        "unlogged",
        "counter",   "contains", "key",    "distinct",  "json",  "as",     "token",        "null",
        "use",       "like",     "is",     "writetime", "count", "system", "system_schema"
    };

    return word_in_nocase(name, words, ARRAY_LEN(words));
}

struct parser {
    struct query_reading *r;
    size_t i;
    bool failed;
    bool from_first, to_last, is_below; /* relations of token() */
    bool has_column, is_behind_value;   /* of the WHERE so far */
    size_t column;                      /* of the relation in front */
};

static bool word(const struct parser *p, const char *w) { return query_is_word(&p->r->lex, p->i, w); }
static bool op(const struct parser *p, unsigned o) { return query_is_op(&p->r->lex, p->i, o); }
static bool at_end(const struct parser *p) { return p->i + 1 >= p->r->lex.len; }

static void fail(struct parser *p)
{
    if (!p->failed)
        p->r->error_tok = (uint32_t)p->i;
    p->failed = true;
}

static bool take_word(struct parser *p, const char *w)
{
    if (!word(p, w))
        return false;
    p->i++;
    return true;
}

/* ( ... ), [ ... ], { ... } with anything that balances inside; commas separate, two values do not meet. */
static void take_bracket(struct parser *p)
{
    char stack[PARENS_MAX];
    size_t depth = 0;
    bool was_value = false;

    do {
        const struct query_token *t = &p->r->tokens[p->i];
        bool is_value = query_is_literal(&p->r->lex, p->i);

        if (t->kind == QUERY_END || t->kind == QUERY_OPEN_STRING || t->kind == QUERY_BYTE || (is_value && was_value)) {
            fail(p);
            return;
        }
        was_value = is_value;
        if (t->kind == QUERY_OP && (t->op == '(' || t->op == '[' || t->op == '{')) {
            if (depth == PARENS_MAX) {
                p->r->is_beyond = true;
                fail(p);
                return;
            }
            stack[depth++] = (char)(t->op == '(' ? ')' : t->op == '[' ? ']' : '}');
        } else if (t->kind == QUERY_OP && (t->op == ')' || t->op == ']' || t->op == '}')) {
            if (depth == 0 || stack[depth - 1] != (char)t->op) {
                fail(p);
                return;
            }
            depth--;
        } else if (t->kind == QUERY_OP && (t->op == ';' || (p->i > 0 && p->r->tokens[p->i - 1].kind == QUERY_STRING &&
                                                           t->op != ',' && t->op != ':'))) {
            fail(p); /* a text is followed by a comma, a colon or the end */
            return;
        } else if (t->kind == QUERY_NAME && p->i > 0 && p->r->tokens[p->i - 1].kind == QUERY_STRING) {
            fail(p); /* 'O'Neill' */
            return;
        }
        p->i++;
    } while (depth > 0);
}

static bool is_open(const struct parser *p) { return op(p, '(') || op(p, '[') || op(p, '{'); }

/* A literal, a marker, a name, a call, a collection; with arithmetic behind it. */
static void take_term(struct parser *p)
{
    for (;;) {
        const struct query_token *t = &p->r->tokens[p->i];

        if (op(p, '-'))
            p->i++;
        t = &p->r->tokens[p->i];
        if (is_open(p)) {
            take_bracket(p);
        } else if (t->kind == QUERY_NAME) {
            p->i++;
            while (!p->failed && (op(p, '.') || is_open(p))) {
                if (is_open(p)) {
                    take_bracket(p);
                    continue;
                }
                p->i++;
                if (p->r->tokens[p->i].kind != QUERY_NAME)
                    fail(p);
                else
                    p->i++;
            }
        } else if (t->kind == QUERY_STRING || t->kind == QUERY_NUMBER || t->kind == QUERY_PARAM) {
            p->i++;
        } else {
            fail(p);
        }
        if (p->failed || !(op(p, '+') || op(p, '-') || op(p, '*') || op(p, '/') || op(p, '%')))
            return;
        if (query_is_literal(&p->r->lex, p->i - 1) && p->r->tokens[p->i - 1].kind == QUERY_STRING) {
            fail(p); /* a text is not calculated with */
            return;
        }
        p->i++;
    }
}

static bool take_compare(struct parser *p)
{
    static const unsigned ops[] = { '=', '<', '>', QUERY_OP2('<', '='), QUERY_OP2('>', '='), QUERY_OP2('!', '=') };

    for (size_t k = 0; k < ARRAY_LEN(ops); k++)
        if (op(p, ops[k])) {
            p->i++;
            return true;
        }
    return false;
}

static bool is_filtered(const struct parser *p)
{
    for (size_t i = p->i; i + 2 < p->r->lex.len; i++)
        if (query_is_word(&p->r->lex, i, "allow") && query_is_word(&p->r->lex, i + 1, "filtering"))
            return true;
    return false;
}

static bool is_end_of_ring(const struct parser *p, size_t i, struct slice digits, bool is_negative)
{
    struct slice text = query_token_text(&p->r->lex, i);

    if (text.len > 1 && slice_starts(text, SL("-")))
        return is_negative && slice_eq(slice_make(text.at + 1, text.len - 1), digits);
    return is_negative ? query_is_op(&p->r->lex, i, '-') && slice_eq(query_token_text(&p->r->lex, i + 1), digits)
                       : slice_eq(text, digits);
}

static bool is_plain_value(const struct query_reading *r, size_t column)
{
    return query_is_op(&r->lex, column + 1, '=') && query_is_literal(&r->lex, column + 2);
}

/* email = 'x' AND email > '', one directly behind the other: who knows the value asks for nothing else about it. */
static void judge_asked_again(struct parser *p, size_t first)
{
    struct query_reading *r = p->r;
    size_t before = p->column;

    if (p->has_column && slice_eq(query_token_text(&r->lex, before), query_token_text(&r->lex, first)) &&
        is_plain_value(r, before) != is_plain_value(r, first) && query_is_literal(&r->lex, p->i - 1))
        query_found(r, Q_SANDWICH, 62, before, p->i - 1);
    p->has_column = !query_is_op(&r->lex, first + 1, '(') && !query_is_op(&r->lex, first + 1, '[');
    p->column = first;
}

/* password LIKE 'a%', email LIKE '%' */
static void judge_pattern(struct parser *p, size_t first, size_t pattern)
{
    struct query_reading *r = p->r;
    bool is_text = r->tokens[pattern].kind == QUERY_STRING;
    struct slice text = is_text ? query_string_inside(&r->lex, pattern) : slice_make(NULL, 0);

    if (text.len > 0 && mongo_is_secret(query_token_text(&r->lex, first)))
        query_found(r, Q_WIDE_RANGE, 66, first, p->i - 1);
    else if (p->is_behind_value && text.len > 0 && text.len <= 2 && text.at[0] == '%' && text.at[text.len - 1] == '%')
        query_found(r, Q_WIDE_RANGE, 62, first, p->i - 1);
}

/* pass > '', token(id) >= -9223372036854775808 */
static void judge_relation(struct parser *p, size_t first, size_t compare)
{
    struct query_reading *r = p->r;
    const struct query_token *t = &r->tokens[compare];
    bool is_range = t->kind == QUERY_OP && (t->op == '>' || t->op == QUERY_OP2('>', '='));

    if (query_is_word(&r->lex, compare, "like"))
        judge_pattern(p, first, compare + 1);
    if (query_is_word(&r->lex, first, "token") && query_is_op(&r->lex, first + 1, '(')) {
        query_found(r, Q_TOKEN_RANGE, 15, first, p->i - 1);
        p->from_first |= is_range && is_end_of_ring(p, compare + 1, SL("9223372036854775808"), true);
        p->to_last |= !is_range && t->op != '=' && is_end_of_ring(p, compare + 1, SL("9223372036854775807"), false);
        p->is_below |= !is_range;
    }
    else if (is_range && mongo_is_secret(query_token_text(&r->lex, first)) && query_is_literal(&r->lex, compare + 1))
        query_found(r, Q_WIDE_RANGE, 66, first, p->i - 1);
    else if (is_range && compare + 1 < r->lex.len && r->tokens[compare + 1].kind == QUERY_STRING &&
             query_string_inside(&r->lex, compare + 1).len == 0)
        query_found(r, Q_WIDE_RANGE, is_filtered(p) && p->is_behind_value ? 64 : 30, first,
                    p->i - 1); /* a partition is paged through, a table is not filtered, and it stands behind a value */
    judge_asked_again(p, first);
    p->is_behind_value |= query_is_literal(&r->lex, p->i - 1) && !query_is_word(&r->lex, first, "token");
}

static void take_relation(struct parser *p)
{
    size_t first = p->i;

    if (query_is_literal(&p->r->lex, p->i)) {
        fail(p); /* a column stands on the left */
        return;
    }
    if (is_open(p)) {
        take_bracket(p);
    } else if (p->r->tokens[p->i].kind == QUERY_NAME) {
        p->i++;
        while (!p->failed && is_open(p))
            take_bracket(p);
    } else {
        fail(p);
    }
    size_t compare = p->i;

    if (p->failed)
        return;
    if (take_compare(p)) {
        take_term(p);
    } else if (take_word(p, "in")) {
        if (p->r->tokens[p->i].kind == QUERY_PARAM)
            p->i++;
        else if (op(p, '('))
            take_bracket(p);
        else
            fail(p);
    } else if (take_word(p, "contains")) {
        (void)take_word(p, "key");
        take_term(p);
    } else if (take_word(p, "like")) {
        take_term(p);
    } else if (take_word(p, "is")) {
        if (!take_word(p, "not") || !take_word(p, "null"))
            fail(p);
    } else {
        fail(p);
    }
    if (!p->failed)
        judge_relation(p, first, compare);
}

static void take_where(struct parser *p)
{
    size_t first = p->i;

    p->has_column = p->is_behind_value = false;
    do
        take_relation(p);
    while (!p->failed && take_word(p, "and"));
    if (p->from_first && (p->to_last || !p->is_below)) /* all of the ring; those who share the work take a part */
        query_found(p->r, Q_WIDE_RANGE, p->is_behind_value ? 64 : 30, first, p->i - 1);
    p->from_first = p->to_last = p->is_below = false;
}

/* What may follow a WHERE or a FROM. */
static void take_tail(struct parser *p)
{
    while (!p->failed && !at_end(p) && !op(p, ';')) {
        if (take_word(p, "limit")) {
            take_term(p);
        } else if (word(p, "per") && query_is_word(&p->r->lex, p->i + 1, "partition")) {
            p->i += 2;
            if (take_word(p, "limit"))
                take_term(p);
            else
                fail(p);
        } else if (word(p, "allow") && query_is_word(&p->r->lex, p->i + 1, "filtering")) {
            query_found(p->r, Q_FILTERING, 12, p->i, p->i + 1);
            p->i += 2;
        } else if ((word(p, "order") || word(p, "group")) && query_is_word(&p->r->lex, p->i + 1, "by")) {
            p->i += 2;
            do {
                if (p->r->tokens[p->i].kind != QUERY_NAME)
                    fail(p);
                else
                    take_term(p);
                (void)(take_word(p, "asc") || take_word(p, "desc") ||
                       (take_word(p, "ann") && take_word(p, "of") && (take_term(p), true)));
            } while (!p->failed && op(p, ',') && p->i++);
        } else if (take_word(p, "if")) {
            if (take_word(p, "not") || word(p, "exists")) {
                if (!take_word(p, "exists"))
                    fail(p);
            } else {
                take_where(p);
            }
        } else {
            fail(p);
        }
    }
}

/* Words up to one of the given, brackets balanced. */
static void take_until(struct parser *p, const char *const *stops, size_t n)
{
    while (!p->failed && !at_end(p) && !op(p, ';')) {
        for (size_t k = 0; k < n; k++)
            if (word(p, stops[k]))
                return;
        const struct query_token *t = &p->r->tokens[p->i];

        if (is_open(p))
            take_bracket(p);
        else if (t->kind == QUERY_OPEN_STRING || t->kind == QUERY_BYTE || op(p, ')') || op(p, ']') || op(p, '}') ||
                 (p->i > 0 && p->r->tokens[p->i - 1].kind == QUERY_STRING &&
                  (t->kind == QUERY_NAME || t->kind == QUERY_STRING) &&
                  !(t->kind == QUERY_NAME && is_keyword(query_token_text(&p->r->lex, p->i)))))
            fail(p);
        else
            p->i++;
    }
}

static void judge_table(struct parser *p)
{
    if (query_is_op(&p->r->lex, p->i + 1, '.') && (word(p, "system_schema") || word(p, "system")))
        query_found(p->r, Q_SYSTEM_READ, 20, p->i, p->i + 2);
}

static void take_statement(struct parser *p)
{
    static const char *const from[] = { "from" }, *const where[] = { "where", "if" }, *const tail[] = { "if", "using" };

    if (take_word(p, "select")) {
        take_until(p, from, ARRAY_LEN(from));
        if (!take_word(p, "from")) {
            fail(p);
            return;
        }
        judge_table(p);
        take_term(p);
        if (take_word(p, "where"))
            take_where(p);
        take_tail(p);
    } else if (word(p, "update") || word(p, "delete")) {
        p->i++;
        take_until(p, where, ARRAY_LEN(where));
        if (take_word(p, "where"))
            take_where(p);
        take_tail(p);
    } else if (take_word(p, "insert")) {
        take_until(p, tail, ARRAY_LEN(tail));
        take_until(p, NULL, 0);
    } else if (p->r->tokens[p->i].kind == QUERY_NAME) {
        take_until(p, NULL, 0);
    } else {
        fail(p);
    }
}

static void cql_read(struct query_reading *r)
{
    struct parser p = { .r = r };
    bool is_batch = query_is_word(&r->lex, 0, "begin");

    for (size_t i = 0; i + 1 < r->lex.len; i++)
        if (r->tokens[i].kind == QUERY_BYTE && r->lex.text.at[r->tokens[i].at] == '\0')
            query_found(r, Q_NUL, 70, i, i);
    for (size_t i = 0; i < r->lex.comments_len; i++)
        if (r->lex.comments[i].is_open) {
            p.i = r->lex.comments[i].before;
            fail(&p);
            r->is_broken = true;
            return;
        }
    take_statement(&p);
    while (!p.failed && op(&p, ';')) {
        p.i++;
        if (at_end(&p))
            break;
        if (!is_batch)
            fail(&p); /* a text is one statement */
        else
            take_statement(&p);
        is_batch &= !query_is_word(&r->lex, p.i - 1, "batch");
    }
    if (!p.failed && !at_end(&p))
        fail(&p);
    r->is_broken = p.failed;
}

static bool may_insert(const struct query_reading *r, size_t tok)
{
    return tok > 0 && (query_is_literal(&r->lex, tok - 1) || query_is_op(&r->lex, tok - 1, ')') ||
                       r->tokens[tok - 1].kind == QUERY_NAME || r->tokens[tok - 1].kind == QUERY_PARAM);
}

const struct query_dialect cql_dialect = {
    .lex = { .quotes = "'", .name_quote = '"', .doubles = true, .dollar_strings = true, .dash_comments = true,
             .slash_comments = true, .block_comments = true, .params = true },
    .read = cql_read, .is_keyword = is_keyword, .may_insert = may_insert,
};
