/* query_raw.c - see query_raw.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/query_raw.h"

#include "detectors/kit/sql_words.h"

static const struct query_lex_rules raw_rules = { .quotes = "" };

static bool is_alnum(unsigned char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || c >= 0x80;
}

/* ---- the value that was closed early ------------------------------------------------------------- */

/* What stands where the statement stops to make sense. A name with an apostrophe leaves a word there. */
static void judge_break(struct query_reading *r)
{
    size_t i = r->error_tok;
    const struct query_token *t = &r->tokens[i], *before = t - 1;

    query_found(r, Q_BROKEN, 20, i, i);
    if (i == 0 || before->kind != QUERY_STRING)
        return;
    struct slice inside = query_string_inside(&r->lex, i - 1);
    unsigned char end = inside.len ? (unsigned char)inside.at[inside.len - 1] : 0;
    bool ends_in_word = is_alnum(end) || end == ' ' || end == '.';

    if (t->kind == QUERY_NAME || t->kind == QUERY_NUMBER) {
        r->is_name_break = inside.len > 0 && ends_in_word;
        if (t->kind == QUERY_NUMBER && !r->is_name_break)
            query_found(r, Q_BROKEN_OUT, 40, i - 1, i);
        return;
    }
    if (t->kind == QUERY_STRING || t->kind == QUERY_OPEN_STRING) {
        query_found(r, Q_BROKEN_OUT, 40, i - 1, i);
        return;
    }
    if (t->kind != QUERY_OP || t->op == ',' || t->op == ')')
        return;
    bool in_a_name = is_alnum(end) && t->op < 0x80 && strchr("-.&/!?: ", (int)t->op);

    bool is_slip = t->op == QUERY_OP2('&', '&') && t[1].kind == QUERY_NAME; /* a programmer's "and" */

    query_found(r, Q_BROKEN_OUT, in_a_name ? 25 : is_slip ? 40 : 64, i - 1, i);
}

static bool is_connector(const struct query_lex *lex, size_t i)
{
    return query_is_word(lex, i, "or") || query_is_word(lex, i, "and");
}

/* 'x') OR ..., '' OR ..., 'a' or 'a': logic behind a value, in text that does not parse. */
static void judge_logic(struct query_reading *r)
{
    const struct query_lex *lex = &r->lex;
    bool is_odd = false; /* a quote too many: the rest of the statement is out of step */

    for (size_t i = 0; i + 1 < lex->len; i++)
        is_odd |= lex->tokens[i].kind == QUERY_OPEN_STRING;
    for (size_t i = 1; i + 1 < lex->len; i++) {
        if (lex->tokens[i - 1].kind != QUERY_STRING)
            continue;
        size_t at = i;

        while (query_is_op(lex, at, ')'))
            at++;
        if (!is_connector(lex, at))
            continue;
        bool is_empty = query_string_inside(lex, i - 1).len == 0;
        bool is_early = r->error_tok >= i && r->error_tok < at; /* the bracket was not open */
        size_t value = at + 1;
        bool same = query_is_literal(lex, value) && (value + 2 >= lex->len || is_connector(lex, value + 1));

        if (same)
            query_found(r, Q_BROKEN_TAUTOLOGY, 64, i - 1, value);
        else if (query_is_word(lex, at, "or") && (is_empty || is_odd || is_early))
            query_found(r, Q_BROKEN_OUT, 64, i - 1, value);
        else if (lex->tokens[value].kind == QUERY_NAME && query_is_op(lex, value + 1, '(') &&
                 sql_is_inference_function(query_token_text(lex, value)))
            query_found(r, Q_FOREIGN_WORD, 62, at, value + 1);
    }
}

/* = ''' AND ...: nothing but a quote was put in. */
static void judge_lone_quote(struct query_reading *r)
{
    struct slice s = r->lex.text;

    for (size_t i = 1; i + 2 < s.len; i++) {
        char q = s.at[i];

        if ((q != '\'' && q != '"') || s.at[i + 1] != q || s.at[i + 2] != q || s.at[i - 1] == q || s.at[i - 1] == '\\' ||
            is_alnum((unsigned char)s.at[i - 1]))
            continue;
        if (i + 3 < s.len && (s.at[i + 3] == q || is_alnum((unsigned char)s.at[i + 3])))
            continue;
        query_found_at(r, Q_LONE_QUOTE, 60, (uint32_t)i, 3);
        return;
    }
}

/* ---- words --------------------------------------------------------------------------------------- */

static struct slice raw_text(const struct query_reading *r, size_t i)
{
    return query_token_text(&r->raw, i);
}

static void found_raw(struct query_reading *r, enum query_rule rule, int score, size_t first, size_t last)
{
    size_t end = r->raw.len - 1;
    const struct query_token *a = &r->raw_tokens[first < end ? first : end], *b = &r->raw_tokens[last < end ? last : end];

    query_found_at(r, rule, score, a->at, b->at + b->len - a->at);
}

static bool is_word(const struct query_reading *r, size_t i, const char *const *words, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (query_is_word(&r->raw, i, words[k]))
            return true;
    return false;
}

/* (select ..., select ... from ...; a lone one may be a word of a name. */
static int score_select(const struct query_lex *raw, size_t i)
{
    if (i > 0 && query_is_op(raw, i - 1, '('))
        return 66;
    for (size_t k = i + 2; k < i + 16 && k + 1 < raw->len; k++)
        if (query_is_word(raw, k, "from"))
            return 68;
    return 45;
}

static void judge_foreign(struct query_reading *r, size_t i)
{
    const struct query_lex *raw = &r->raw;
    struct slice text = raw_text(r, i);

    if (text.len < 2 || text.len > 24)
        return;
    int score = sql_foreign_score(text, raw_text(r, i + 1));

    if (query_is_word(raw, i, "order") && query_is_word(raw, i + 1, "by") && i + 2 < raw->len &&
        raw->tokens[i + 2].kind == QUERY_NUMBER)
        score = 70;
    if (query_is_word(raw, i, "null") && query_is_op(raw, i + 1, ',') && query_is_word(raw, i + 2, "null"))
        score = 66;
    if (query_is_word(raw, i, "select"))
        score = score_select(raw, i);
    if (query_is_word(raw, i, "group") && query_is_word(raw, i + 1, "by") && i + 2 < raw->len &&
        raw->tokens[i + 2].kind == QUERY_NUMBER)
        score = 64;
    if (i > 0 && query_is_op(raw, i - 1, '@') && i > 1 && query_is_op(raw, i - 2, '@'))
        score = 80;
    if (score >= 20)
        found_raw(r, Q_FOREIGN_WORD, score, i, i + 1);
}

static bool is_compare(const struct query_lex *lex, size_t i, bool *ret_word)
{
    static const unsigned ops[] = { '=', '<', '>', QUERY_OP2('=', '='), QUERY_OP2('!', '='), QUERY_OP2('<', '>'),
                                    QUERY_OP2('<', '='), QUERY_OP2('>', '=') };

    *ret_word = query_is_word(lex, i, "eq") || query_is_word(lex, i, "ne") || query_is_word(lex, i, "like");
    for (size_t k = 0; k < ARRAY_LEN(ops); k++)
        if (query_is_op(lex, i, ops[k]))
            return true;
    return *ret_word;
}

/* [or|and] value compare value, quotes taken away: or 1=1, or one=one, or 123< */
static void judge_tautology(struct query_reading *r, size_t i)
{
    static const char *const connectors[] = { "or", "and", "having", "not", "xor" };
    const struct query_lex *raw = &r->raw;
    bool word_op = false;
    size_t at = i + 1;

    if (!is_word(r, i, connectors, ARRAY_LEN(connectors)) && !query_is_op(raw, i, QUERY_OP2('|', '|')) &&
        !query_is_op(raw, i, QUERY_OP2('&', '&')))
        return;
    while (query_is_op(raw, at, '(') || query_is_word(raw, at, "not"))
        at++;
    if (is_compare(raw, at, &word_op) && !word_op) { /* or ""="": nothing on the left */
        found_raw(r, Q_BROKEN_TAUTOLOGY, 66, i, at);
        return;
    }
    bool is_or = query_is_word(raw, i, "or") || query_is_op(raw, i, QUERY_OP2('|', '|'));
    bool is_behind_value = i > 0 && (raw->tokens[i - 1].kind == QUERY_NUMBER || query_is_word(raw, i - 1, "true") ||
                                     query_is_word(raw, i - 1, "false"));

    if (is_or && is_behind_value && query_is_word(raw, at, "true")) {
        found_raw(r, Q_BROKEN_TAUTOLOGY, 64, i, at); /* 4 or true, true || true */
        return;
    }
    if (at + 1 >= raw->len || !is_compare(raw, at + 1, &word_op))
        return;
    bool left = raw->tokens[at].kind == QUERY_NUMBER, right = at + 2 < raw->len && raw->tokens[at + 2].kind == QUERY_NUMBER;
    bool is_wide = query_is_word(raw, i, "or") && raw->tokens[at].kind == QUERY_NAME && at + 3 >= raw->len && !word_op;
    bool same = at + 2 < raw->len && slice_eq_nocase(raw_text(r, at), raw_text(r, at + 2)) &&
                raw->tokens[at].kind != QUERY_OP;

    if ((left && right) || same)
        found_raw(r, Q_BROKEN_TAUTOLOGY, 76, i, at + 2);
    else if ((left && !word_op) || is_wide)
        found_raw(r, Q_BROKEN_TAUTOLOGY, 62, i, at + 1);
}

/* Once may be chance: 50%20 */
static void found_encoded(struct query_reading *r, size_t i)
{
    bool again = false;

    for (size_t k = 0; k < r->findings_len; k++)
        again |= r->findings[k].rule == Q_ENCODED;
    found_raw(r, Q_ENCODED, again ? 64 : 40, i, i + 1);
}

static void judge_op(struct query_reading *r, size_t i)
{
    static const char *const verbs[] = { "drop",    "select",  "insert",   "update", "delete", "exec",
                                         "execute", "waitfor", "shutdown", "create", "alter",  "truncate",
                                         "grant",   "analyze", "declare",  "system", "begin" };
    const struct query_lex *raw = &r->raw;
    const struct query_token *t = &raw->tokens[i];
    size_t left = raw->len - i; /* tokens behind, the end too */

    if (t->op == ';' && is_word(r, i + 1, verbs, ARRAY_LEN(verbs)))
        found_raw(r, Q_SECOND_STATEMENT, 80, i, i + 1);
    else if (t->op == ';' && query_is_word(raw, i + 1, "g") && query_is_op(raw, i + 2, '.'))
        found_raw(r, Q_SECOND_STATEMENT, 80, i, i + 2);
    else if (t->op == ';' && i + 1 < raw->len && (query_is_op(raw, i + 1, '-') || query_is_op(raw, i + 1, '#')))
        found_raw(r, Q_FOREIGN_MARK, 66, i, i + 1);
    else if (t->op == '-' && query_is_op(raw, i + 1, '-') && r->raw_tokens[i + 1].at == t->at + 1)
        found_raw(r, Q_FOREIGN_MARK,
                  left <= 4 || query_is_word(raw, i + 2, "and") || query_is_op(raw, i + 2, ')') ? 55 : 35, i, i + 1);
    else if (t->op == '#' && (left <= 3 || query_is_word(raw, i + 1, "and") || query_is_op(raw, i + 1, ')')))
        found_raw(r, Q_FOREIGN_MARK, 55, i, i);
    else if (t->op == '/' && query_is_op(raw, i + 1, '*'))
        found_raw(r, Q_FOREIGN_MARK, 55, i, i + 1);
    else if (t->op == '%' && i + 1 < raw->len && raw->tokens[i + 1].kind == QUERY_NUMBER && raw->tokens[i + 1].len >= 2 &&
             raw->tokens[i + 1].at == t->at + 1)
        found_encoded(r, i);
    else if (t->op == '<' &&
             (query_is_op(raw, i + 1, '/') || query_is_word(raw, i + 1, "script") || query_is_op(raw, i + 1, '?')))
        found_raw(r, Q_CODE, 66, i, i + 1);
    else if (t->op == QUERY_OP2(':', ':') || (t->op == QUERY_OP2('-', '>') && query_is_op(raw, i + 1, '>')))
        found_raw(r, Q_FOREIGN_MARK, 62, i, i + 1);
    else if (t->op == '{' && (query_is_op(raw, i + 1, '{') || query_is_op(raw, i + 1, '%')))
        found_raw(r, Q_CODE, 62, i, i + 1);
    else if (t->op == '&' &&
             (query_is_word(raw, i + 1, "gt") || query_is_word(raw, i + 1, "lt") || query_is_op(raw, i + 1, '#')))
        found_raw(r, Q_ENCODED, 40, i, i + 1);
}

void query_judge_raw(struct query_reading *r)
{
    uint32_t first_value = UINT32_MAX;

    for (size_t i = 0; i + 1 < r->lex.len && first_value == UINT32_MAX; i++)
        if (r->tokens[i].kind == QUERY_STRING || r->tokens[i].kind == QUERY_OPEN_STRING)
            first_value = r->tokens[i].at;
    if (r->error_tok > 0 && r->tokens[r->error_tok].at < first_value)
        first_value = r->tokens[r->error_tok - 1].at; /* instead of a value */
    for (size_t i = 0; i < r->error_tok && r->tokens[i].at < first_value; i++)
        if (r->tokens[i].kind == QUERY_NUMBER)
            first_value = r->tokens[i].at;
    judge_break(r);
    judge_lone_quote(r);
    judge_logic(r);
    query_lex_run(&r->raw, &raw_rules, r->lex.text);
    size_t n = 0;

    for (size_t i = 0; i < r->raw.len; i++) {
        const struct query_token *t = &r->raw_tokens[i];

        if (t->kind != QUERY_OP || (t->op != '\'' && t->op != '"' && t->op != '`'))
            r->raw_tokens[n++] = *t;
    }
    r->raw.len = n;
    for (size_t i = 0; i + 1 < r->raw.len; i++) {
        const struct query_token *t = &r->raw_tokens[i];

        if (t->at < first_value)
            continue;
        judge_tautology(r, i);
        if (t->kind == QUERY_NAME)
            judge_foreign(r, i);
        if (t->kind == QUERY_NAME && query_is_word(&r->raw, i, "function") && query_is_op(&r->raw, i + 1, '('))
            found_raw(r, Q_CODE, 66, i, i + 1);
        if (t->kind == QUERY_OP)
            judge_op(r, i);
    }
}
