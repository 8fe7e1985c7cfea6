/* mongo_script.c - see mongo_script.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/mongo_script.h"

#include "detectors/kit/mongo_score.h"
#include "detectors/kit/query_lex.h"
#include "detectors/kit/word_list.h"

#define SCRIPT_TOKENS_MAX 512u
#define SCRIPT_TEXT_MAX 8192u

static const struct query_lex_rules script_rules = {
    .quotes = "\"'`", .escapes = true, .slash_comments = true, .block_comments = true
};

static bool is_or(const struct query_lex *lex, size_t i)
{
    return query_is_op(lex, i, QUERY_OP2('|', '|'));
}
static bool is_and(const struct query_lex *lex, size_t i)
{
    return query_is_op(lex, i, QUERY_OP2('&', '&'));
}

/* a function, not an expression: its statements are its author's */
static bool is_function(const struct query_lex *lex)
{
    size_t i = 0;

    while (query_is_op(lex, i, '('))
        i++;
    return query_is_word(lex, i, "function") || query_is_op(lex, i, '{') || query_is_word(lex, 0, "var");
}

/* The operand at `i`, up to the next connector or bracket of its level; *ret_asks: something of the document
 * is in it. */
static size_t operand_end(const struct query_lex *lex, size_t i, bool *ret_asks)
{
    size_t depth = 0;

    *ret_asks = false;
    for (; i + 1 < lex->len; i++) {
        if (query_is_op(lex, i, '(') || query_is_op(lex, i, '[') || query_is_op(lex, i, '{'))
            depth++;
        else if (query_is_op(lex, i, ')') || query_is_op(lex, i, ']') || query_is_op(lex, i, '}')) {
            if (depth-- == 0)
                break;
        } else if (depth == 0 && (is_or(lex, i) || is_and(lex, i) || query_is_op(lex, i, ';'))) {
            break;
        }
        *ret_asks |= lex->tokens[i].kind == QUERY_NAME &&
                     !WORD_IN(query_token_text(lex, i), "true", "false", "null", "undefined", "return");
    }
    return i;
}

static bool is_document(const struct query_lex *lex, size_t i)
{
    return query_is_word(lex, i, "this") || query_is_word(lex, i, "obj");
}

/* this.a == '' || isNaN('a'): outside of brackets there is only the document to ask. */
static bool has_foreign_alternative(const struct query_lex *lex)
{
    size_t depth = 0;
    bool asks = false;

    for (size_t i = 0; i + 1 < lex->len; i++) {
        depth += query_is_op(lex, i, '(') || query_is_op(lex, i, '[') || query_is_op(lex, i, '{');
        depth -=
            depth > 0 && (query_is_op(lex, i, ')') || query_is_op(lex, i, ']') || query_is_op(lex, i, '}'));
        if (depth == 0 && is_or(lex, i)) {
            if (!asks)
                return true;
            asks = false;
        }
        asks |= is_document(lex, i);
    }
    return !asks;
}

/* this.a == this.a, 'pass' + 'word': the same twice, a text in pieces */
static bool is_contrived(const struct query_lex *lex)
{
    static const unsigned same[] = { '=', QUERY_OP2('=', '='), QUERY_OP2('<', '='), QUERY_OP2('>', '=') };

    for (size_t i = 1; i + 2 < lex->len; i++) {
        if (query_is_op(lex, i, '+') && lex->tokens[i - 1].kind == QUERY_STRING &&
            lex->tokens[i + 1].kind == QUERY_STRING)
            return true;
        for (size_t k = 0; k < ARRAY_LEN(same); k++) {
            size_t right = i + 1 + (query_is_op(lex, i + 1, '=') ? 1 : 0); /* === may be cut in two */

            if (query_is_op(lex, i, same[k]) && is_document(lex, i - 1) && is_document(lex, right) &&
                !query_is_op(lex, right + 1, '.') && !query_is_op(lex, right + 1, '['))
                return true; /* this == this */
            if (i >= 3 && query_is_op(lex, i, same[k]) && is_document(lex, i - 3) && query_is_op(lex, i - 2, '.') &&
                is_document(lex, right) && query_is_op(lex, right + 1, '.') && right + 3 <= lex->len &&
                slice_eq(query_token_text(lex, i - 1), query_token_text(lex, right + 2)) &&
                !query_is_op(lex, right + 3, '.') && !query_is_op(lex, right + 3, '('))
                return true;
        }
    }
    return false;
}

/* this.a || 0: what stands in when there is nothing */
static bool is_nothing(const struct query_lex *lex, size_t i)
{
    const struct query_token *t = &lex->tokens[i];

    if (t->kind == QUERY_STRING)
        return query_string_inside(lex, i).len == 0;
    return t->kind == QUERY_NUMBER ? slice_eq(query_token_text(lex, i), SL("0"))
                                   : WORD_IN(query_token_text(lex, i), "false", "null", "undefined");
}

/* x || 1 == 1, true || x, !0: an alternative that is the same for every document. */
static bool has_constant_alternative(const struct query_lex *lex)
{
    bool asks = false;

    for (size_t i = 0; i + 1 < lex->len; i++) {
        if (!is_or(lex, i))
            continue;
        size_t end = operand_end(lex, i + 1, &asks);

        if (!asks && end > i + 1 && !(end == i + 2 && is_nothing(lex, i + 1)))
            return true;
    }
    size_t end = operand_end(lex, 0, &asks); /* nothing but a constant, or one in front */

    return !asks && end > 0 && (end + 1 >= lex->len || is_or(lex, end));
}

/* function() { return true }: whatever the document */
static bool asks_nothing(const struct query_lex *lex)
{
    for (size_t i = 0; i + 1 < lex->len; i++)
        if (is_document(lex, i))
            return false;
    return true;
}

/* function(): the code of $where; function(a, b) asks what it is given. */
static bool takes_nothing(const struct query_lex *lex)
{
    for (size_t i = 0; i + 2 < lex->len; i++)
        if (query_is_word(lex, i, "function"))
            return query_is_op(lex, i + 1, '(') && query_is_op(lex, i + 2, ')');
    return false;
}

/* this.hash.substr(0, 1), this.card.indexOf('4') */
static bool asks_for_a_letter(const struct query_lex *lex, size_t i)
{
    return WORD_IN_NOCASE(query_token_text(lex, i), "hash", "card", "salt", "iban", "ssn", "key") &&
           query_is_op(lex, i + 1, '.') &&
           (query_is_word(lex, i + 2, "substr") || query_is_word(lex, i + 2, "indexOf") ||
            query_is_word(lex, i + 2, "startsWith") || query_is_word(lex, i + 2, "slice") ||
            query_is_word(lex, i + 2, "match"));
}

static bool asks_for_a_secret(const struct query_lex *lex)
{
    for (size_t i = 2; i + 1 < lex->len; i++) {
        bool is_member = query_is_op(lex, i - 1, '.') && lex->tokens[i].kind == QUERY_NAME;
        bool is_index = query_is_op(lex, i - 1, '[') && lex->tokens[i].kind == QUERY_STRING;

        if ((is_member && (mongo_is_secret(query_token_text(lex, i)) || asks_for_a_letter(lex, i))) ||
            (is_index && mongo_is_secret(query_string_inside(lex, i))))
            return true;
    }
    return false;
}

/* a == 'x'; return true */
static bool has_second_statement(const struct query_lex *lex)
{
    for (size_t i = 0; i + 2 < lex->len; i++)
        if (query_is_op(lex, i, ';'))
            return true;
    return false;
}

/* code that ends in // or in a quote that nothing closes: the rest of a statement was there once */
static bool is_cut(const struct query_lex *lex)
{
    for (size_t i = 0; i + 1 < lex->len; i++)
        if (lex->tokens[i].kind == QUERY_OPEN_STRING)
            return true;
    return lex->comments_len > 0 && lex->comments[lex->comments_len - 1].before + 1u == lex->len &&
           lex->len > 1;
}

bool mongo_script_is_hostile(struct slice code, bool is_expression)
{
    struct query_token tokens[SCRIPT_TOKENS_MAX];
    struct query_lex lex = { .tokens = tokens, .tokens_max = SCRIPT_TOKENS_MAX };

    if (mongo_is_hostile_code(code))
        return true;
    query_lex_run(&lex, &script_rules, slice_cut(code, SCRIPT_TEXT_MAX));
    if (lex.len <= 1)
        return false;
    if (has_constant_alternative(&lex) || asks_for_a_secret(&lex) ||
        (is_function(&lex) && asks_nothing(&lex) && takes_nothing(&lex)))
        return true;
    if (is_contrived(&lex) ||
        (is_expression && !is_function(&lex) && !lex.is_cut && has_foreign_alternative(&lex)))
        return true;
    return !is_function(&lex) && !lex.is_cut && code.len <= SCRIPT_TEXT_MAX &&
           (has_second_statement(&lex) || is_cut(&lex));
}
