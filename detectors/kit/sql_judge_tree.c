/* sql_judge_tree.c - what a statement that parses says. See sql_judge.h.
 *
 * The leading thought: injected text came in through a value. So what counts is what stands directly
 * behind a literal. `WHERE 1=1 AND ...` and `('all' = 'all' OR ...)` have their constant in front, a
 * parameter (@p) cannot be broken out of, and an SDK puts `AND (true)` behind a bracket of its own.
 *
 * What can succeed in this dialect: there is no UNION, no second statement, no delay, no write, and a
 * query sees one container. What remains is turning a condition true, asking true/false questions
 * about fields, sub-queries over the item's own arrays, and cutting the tail with a comment.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/alternative.h"
#include "detectors/kit/sql_judge_parts.h"
#include "detectors/kit/sql_words.h"
#include "detectors/kit/word_list.h"

/* ---- the value that was broken out of ----------------------------------------------------------- */

enum hole { HOLE_NONE, HOLE_BOOL, HOLE_NUMBER, HOLE_STRING, HOLE_EMPTY };

/* What literal stands directly before the connector in front of token `first`? Closing and opening
 * brackets between are looked through. *ret_tok: the literal. */
static enum hole hole_before(const struct judge *g, uint32_t first, uint32_t *ret_tok)
{
    uint32_t i = first;

    while (i > 0 && sql_token_is(token(g, i - 1), TOK_OP, OP_OPEN))
        i--;
    while (i > 0 && sql_token_is(token(g, i - 1), TOK_NAME, WORD_NOT))
        i--;
    if (i < 2)
        return HOLE_NONE;
    i -= 2;
    while (i > 0 && sql_token_is(token(g, i), TOK_OP, OP_CLOSE))
        i--;
    const struct sql_token *t = token(g, i);

    *ret_tok = i;
    if (t->kind == TOK_STRING) /* LIKE '%' is what an empty input leaves in LIKE '%...%' */
        return t->len == 2 || (t->len == 3 && g->s->lex.text.at[t->at + 1] == '%') ? HOLE_EMPTY : HOLE_STRING;
    if (t->kind == TOK_NUMBER)
        return HOLE_NUMBER;
    if (t->kind == TOK_NAME && (t->code == WORD_TRUE || t->code == WORD_FALSE || t->code == WORD_NULL))
        return HOLE_BOOL;
    return HOLE_NONE;
}

/* ---- OR ----------------------------------------------------------------------------------------- */

struct place {
    enum hole hole;
    uint32_t hole_tok;
    bool is_grouped;   /* an OR in brackets beside other conditions: how people write filters by hand */
    bool is_bracketed; /* an OR in brackets */
    bool is_pair;      /* of two alternatives */
    const struct sql_node *before;
    bool is_mixed;     /* the branch goes on with AND: x = '' OR y > '' AND z, which people put in brackets */
};

static bool is_signed_literal(const struct judge *g, const struct sql_node *n)
{
    return is_literal(n->kind == NODE_NEGATE ? first_child(g, n) : n);
}

static bool is_nothing(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_NULL || n->kind == NODE_UNDEFINED || (n->kind == NODE_STRING && string_of(g, n).len == 0);
}

/* LENGTH('x') */
static bool is_asked_text(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_CALL && n->children == 1 && first_child(g, n)->kind == NODE_STRING;
}

/* 'x', -1, null, LENGTH('x'): the value of a box, or what is asked about it. */
static bool is_of_a_box(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_NULL || is_signed_literal(g, n) || is_asked_text(g, n);
}

static struct slice box_text(const struct judge *g, const struct sql_node *n)
{
    return token_text(g, is_asked_text(g, n) ? first_child(g, n)->last : n->last);
}

/* What stands for "no filter" where a value belongs. */
static bool is_wildcard(struct slice quoted)
{
    return WORD_IN_NOCASE(slice_make(quoted.at + 1, quoted.len - 2), "*", "%", "all", "any");
}

/* Same text as in the value before, and more than a letter: (c.role = 'all' OR 'all' = 'all'). A number stands for
 * "no filter" when it is none that the field has: (c.level = -1 OR -1 = -1), or when the answer is no. What is compared
 * with nothing, or stands for everything, is no attacker's: c.role = 'x' OR 'x' = '', c.role = '*' OR '*' = '*'. */
static bool repeats_the_value(const struct judge *g, const struct sql_node *n, const struct place *at)
{
    if (!is_compare(n) || n->code != OP_EQ)
        return false;
    const struct sql_node *a = first_child(g, n), *b = second_child(g, n);
    struct slice value = token_text(g, at->hole_tok);

    if (!is_of_a_box(g, a) || !is_of_a_box(g, b) || !(slice_eq(value, box_text(g, a)) || slice_eq(value, box_text(g, b))))
        return false;
    if (at->hole == HOLE_BOOL)
        return a->kind == NODE_NULL || b->kind == NODE_NULL;
    if (at->hole == HOLE_NUMBER)
        return at->is_grouped && !(sql_truth_of(g, n) == TRUTH_YES && a->kind == NODE_NUMBER && sql_number_of(g, a) > 0);
    if (at->hole != HOLE_STRING)
        return false;
    if (is_wildcard(value) || is_nothing(g, a) || is_nothing(g, b) ||
        (b->kind == NODE_STRING && is_wildcard(token_text(g, b->last))))
        return true;
    return value.len >= 4 && (at->is_grouped || at->is_bracketed);
}

static bool is_quoted_field(const struct judge *g, const struct sql_node *n);

/* AND (c.owner = '' OR '' = ''): both halves of an optional filter whose box is empty, in brackets of their own. Where a
 * machine writes the statement, each comparison has brackets anyway, and names stand in quotes. */
static bool is_empty_box(const struct judge *g, const struct sql_node *n, const struct place *at)
{
    const struct sql_node *field = first_child(g, at->before);

    return at->is_grouped && at->is_bracketed && at->is_pair && at->hole == HOLE_EMPTY &&
           is_compare(n) && n->code == OP_EQ && is_nothing(g, first_child(g, n)) &&
           is_nothing(g, second_child(g, n)) && is_compare(at->before) && field->kind == NODE_FIELD &&
           !is_quoted_field(g, field);
}

static void judge_or_constant(struct judge *g, const struct sql_node *n, const struct place *at)
{
    enum truth t = sql_truth_of(g, n);
    bool with_text = is_compare(n) && (first_child(g, n)->kind == NODE_STRING || second_child(g, n)->kind == NODE_STRING);

    if (is_literal(n)) {
        sql_found(g, RULE_BARE_LITERAL, n->kind == NODE_STRING ? 65 : 62, n->first, n->last);
        return;
    }
    if (n->kind == NODE_TRUE || n->kind == NODE_FALSE) {
        int score = n->kind == NODE_FALSE ? 20 : at->is_grouped ? 30 : 68;

        if (at->hole == HOLE_EMPTY && score > 20)
            score += at->is_grouped ? 15 : 25; /* a feature flag beside an empty filter looks so too */
        sql_found(g, RULE_OR_CONSTANT, score, n->first, n->last);
        return;
    }
    if (n->kind == NODE_NULL || n->kind == NODE_UNDEFINED)
        return;
    if (repeats_the_value(g, n, at)) {
        sql_found(g, RULE_OR_CONSTANT, t == TRUTH_YES ? 10 : 5, n->first, n->last); /* a hint when it was put in */
        return;
    }
    int score = is_empty_box(g, n, at) ? g->j->is_masked ? 64 : 45 /* masked all have brackets: told until it is usual */
                : with_text            ? 85
                : !at->is_grouped      ? 78
                : t == TRUTH_NO        ? 45
                                       : 64; /* (x OR 1=0): a builder's last */

    sql_found(g, t == TRUTH_NO ? RULE_CONSTANT_ANSWER : RULE_OR_CONSTANT, score, n->first, n->last);
}

/* (a AND b), as somebody wrote it; not (a) AND b. */
static bool is_bracketed_chain(const struct judge *g, const struct sql_node *n)
{
    uint32_t open = 0, closed = 0;

    while (n->first > open && sql_token_is(token(g, n->first - open - 1), TOK_OP, OP_OPEN))
        open++;
    while (sql_token_is(token(g, first_child(g, n)->last + closed + 1), TOK_OP, OP_CLOSE))
        closed++;
    return open > closed;
}

/* c["name"] */
static bool is_quoted_field(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_FIELD && token(g, n->tok)->kind == TOK_STRING;
}

static void judge_blind(struct judge *g, const struct sql_node *n);
static bool is_named_once(const struct judge *g, const struct sql_node *field);

/* x = "" OR LENGTH(c.p2) > 20 in masked text: behind a value that is not there, a question about a property that the
 * statement names nowhere else. (Two boxes of a form, of which one is empty, both ask with =.) */
static bool asks_elsewhere(const struct judge *g, const struct sql_node *before, const struct sql_node *n)
{
    if (n->kind == NODE_CALL && before->kind == NODE_CALL && slice_eq(token_text(g, before->tok), token_text(g, n->tok)))
        return false; /* CONTAINS(c.p1, "") OR CONTAINS(c.p2, ""): one empty box, for two properties */
    const struct sql_node *core = sql_core_of(g, is_compare(n) || n->kind == NODE_LIKE ? first_child(g, n) : n);

    if (n->kind == NODE_BINARY && (n->code == OP_EQ || n->code == OP_NE) && first_child(g, n)->kind != NODE_CALL)
        return false;
    if (n->kind == NODE_CALL && sql_is_always_there(g, core))
        return true;
    return (n->kind == NODE_CALL || n->kind == NODE_LIKE || is_compare(n)) && core->kind == NODE_FIELD &&
           is_named_once(g, core);
}

/* c._etag > '...', c._self LIKE '...' in masked text: what applications look up is the id, and what is younger. */
static bool is_seldom_asked(const struct judge *g, const struct sql_node *core)
{
    return core->kind == NODE_FIELD && !WORD_IN(field_name(g, core), "id", "_ts") && sql_is_always_there(g, core);
}

/* LENGTH(c.x) >= 0, ARRAY_LENGTH(c.x) > -1: no answer at all. */
static bool is_length_of_any(const struct judge *g, const struct sql_node *n)
{
    const struct sql_node *right = is_compare(n) ? second_child(g, n) : n;

    return is_compare(n) && IS_CALL_OF(g, first_child(g, n), "length", "array_length") &&
           ((n->code == OP_GE && right->kind == NODE_NUMBER && sql_number_of(g, right) <= 0) ||
            (right->kind == NODE_NEGATE && (n->code == OP_GE || n->code == OP_GT || n->code == OP_NE)));
}

/* email, ownerId: there in each item that has to do with somebody. (legacyId, overriddenBy may be asked for.) */
static bool is_somebody(struct slice field)
{
    return sql_is_sensitive_field(field) ||
           WORD_IN_NOCASE(field, "email", "mail", "emailaddress", "e_mail", "user", "userid", "user_id", "username",
                          "user_name", "login", "loginname", "owner", "ownerid", "owner_id", "account", "accountid",
                          "account_id", "customer", "customerid", "customer_id", "tenant", "tenantid", "tenant_id");
}

/* c.owner = 'x' OR (c.y ?? 1) = 1, OR IS_NUMBER(c.y), OR IS_DEFINED(c.email), OR c.secret > '': of an alternative on a
 * property of its own nobody asks what is true of each item that lacks it, of which type it is, or whether there is what
 * is always there. */
static void judge_other_property(struct judge *g, const struct sql_node *n, const struct sql_node *before,
                                 const struct sql_node *asked)
{
    bool has_value = is_compare(before) && before->code == OP_EQ && first_child(g, before)->kind == NODE_FIELD;
    bool is_type = has_value && IS_CALL_OF(g, n, "is_string", "is_number", "is_primitive");
    bool is_there = has_value && IS_CALL_OF(g, n, "is_defined") && asked->kind == NODE_FIELD &&
                    is_somebody(field_name(g, asked));
    bool is_default = is_compare(n) && n->code == OP_EQ && is_literal(second_child(g, n));
    bool is_secret = is_compare(n) && n->code != OP_EQ && asked->kind == NODE_FIELD &&
                     sql_is_sensitive_field(field_name(g, asked));

    if ((is_type || is_there || is_default) && !sql_same_value(g, first_child(g, before), asked))
        sql_found(g, RULE_OR_ALWAYS, 62, n->first, n->last);
    sql_found(g, RULE_BLIND, is_secret ? 64 : 0, n->first, n->last);
}

/* True of each item that has the property. People ask for that too, but not like this: with EXISTS and no condition beside
 * a value, with a length of 0 or more, or of the property that the condition in front compares with one value. */
static void judge_weak_hold(struct judge *g, const struct sql_node *n, const struct place *at)
{
    const struct sql_node *before = at->before, *asked = n->children ? first_child(g, n) : n;
    bool picks = (is_compare(before) && before->code == OP_EQ) || before->kind == NODE_LIKE ||
                 IS_CALL_OF(g, before, "startswith", "contains", "endswith");
    bool is_needless = picks && before->children >= 2 && is_literal(second_child(g, before)) &&
                       !is_nothing(g, second_child(g, before)) && n->kind != NODE_SUBQUERY &&
                       !(second_child(g, before)->kind == NODE_NUMBER && IS_CALL_OF(g, n, "is_string")) &&
                       sql_same_value(g, first_child(g, before), asked);
    bool is_open = n->kind == NODE_SUBQUERY && n->code == WORD_EXISTS && !at->is_grouped;

    sql_found(g, RULE_OR_ALWAYS, is_length_of_any(g, n) ? 66 : 0, n->first, n->last);
    sql_found(g, RULE_NEEDLESS, is_needless ? 64 : 0, before->first, n->last);
    sql_found(g, RULE_SUBQUERY, is_open ? 62 : 0, n->first, n->last);
    if (!at->is_grouped)
        judge_other_property(g, n, before, asked);
}

static void judge_or_branch(struct judge *g, const struct sql_node *n, const struct place *at)
{
    /* OR '1'='1' AND the rest of the statement. (Masked text is written out with all brackets.) */
    if (n->kind == NODE_AND && (g->j->is_masked || is_constant(first_child(g, n)) || !is_bracketed_chain(g, n))) {
        struct place mixed = *at;

        mixed.is_mixed = !g->j->is_masked && !at->is_bracketed;
        judge_or_branch(g, first_child(g, n), &mixed);
        return;
    }
    if (is_constant(n)) {
        judge_or_constant(g, n, at);
        return;
    }
    if (n->kind == NODE_SUBQUERY || (n->refs & REFS_SUBQUERY))
        sql_found(g, RULE_SUBQUERY, at->hole == HOLE_EMPTY && !at->is_grouped ? 62 : 35, n->first, n->last);
    if (n->refs & REFS_UDF)
        sql_found(g, RULE_UDF,
                  !(n->refs & REFS_FIELD)                     ? 66
                  : at->hole == HOLE_EMPTY && !at->is_grouped ? 62
                                                              : 25,
                  n->first, n->last);
    struct sql_hold h = sql_hold_of(g, n);

    if (n->kind == NODE_NAME) { /* OR c */
        sql_found(g, RULE_BARE_LITERAL, 65, n->first, n->last);
        return;
    }
    if (h.reach == HOLDS_ALL && h.is_self) {
        sql_found(g, RULE_OR_SELF, 82, n->first, n->last);
        return;
    }
    if (h.reach == HOLDS_ALL && !h.is_everywhere)
        judge_weak_hold(g, n, at);
    if (g->j->is_masked && (is_compare(n) || n->kind == NODE_LIKE) && !(n->kind == NODE_BINARY && n->code == OP_EQ) &&
        sql_is_always_there(g, sql_core_of(g, first_child(g, n))) && is_constant(second_child(g, n)))
        sql_found(g, RULE_OR_ALWAYS,
                  !is_seldom_asked(g, sql_core_of(g, first_child(g, n))) ? 15
                  : at->hole == HOLE_EMPTY                               ? 62
                                                                         : 45,
                  n->first, n->last); /* OR c.id LIKE 'str2': was it '%'? counts inside a known shape */
    if (g->j->is_masked && is_compare(n) &&
        is_quoted_field(g, first_child(g, n)) != is_quoted_field(g, second_child(g, n)) &&
        first_child(g, n)->kind == NODE_FIELD && second_child(g, n)->kind == NODE_FIELD)
        sql_found(g, RULE_OR_SELF, 62, n->first, n->last); /* c["str1"] = c.p1: one field, masked in two ways */
    if (h.reach == HOLDS_ALL && (h.is_everywhere || !(n->refs & REFS_SUBQUERY))) {
        int score = h.is_everywhere ? 72 : 35;

        if (at->hole == HOLE_EMPTY)
            score += h.is_everywhere ? 28 : at->is_mixed ? 28 : 22;
        else if (at->is_mixed && !h.is_everywhere)
            score += 28;
        else if (at->is_grouped)
            score -= 10;
        sql_found(g, RULE_OR_ALWAYS, score, n->first, n->last);
    } else if (h.reach == HOLDS_SOME) {
        judge_blind(g, n);
    }
    if (g->j->is_masked && at->hole == HOLE_EMPTY && !at->is_grouped && asks_elsewhere(g, at->before, n))
        sql_found(g, RULE_BLIND, 62, n->first, n->last);
}

/* 'a' = 'b': two texts compared with each other. */
static bool is_text_compare(const struct judge *g, const struct sql_node *n)
{
    return is_compare(n) && first_child(g, n)->kind == NODE_STRING && second_child(g, n)->kind == NODE_STRING;
}

static bool is_plain_true(const struct sql_node *n)
{
    return n->kind == NODE_TRUE;
}

#define SANDWICH_MAX 8u /* of a longer chain: a list that somebody's code made */

static const struct sql_node *first_of_and(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_AND ? first_child(g, n) : n;
}

static const struct sql_node *last_of_and(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_AND ? node(g, n->last_child) : n;
}

static bool is_answer(const struct sql_node *n)
{
    return n->kind == NODE_TRUE || n->kind == NODE_FALSE;
}

/* Does it ask the same field as `n`, by comparing it with a value in the same way? (IS_DEFINED(x) = false does not ask
 * as x = '' does.) */
static bool asks_again(const struct judge *g, const struct sql_node *n, const struct sql_node *again)
{
    bool compares = n->kind == NODE_CALL || n->kind == NODE_LIKE || n->kind == NODE_IN || is_compare(n);

    if (!compares || n->kind != again->kind || n->code != again->code || n->children < 2 || again->children < 2 ||
        !(n->refs & REFS_FIELD))
        return false;
    return sql_same_value(g, first_child(g, n), first_child(g, again)) && is_constant(second_child(g, n)) &&
           is_constant(second_child(g, again)) && is_answer(second_child(g, n)) == is_answer(second_child(g, again)) &&
           (n->kind != NODE_CALL || slice_eq(token_text(g, n->tok), token_text(g, again->tok)));
}

/* (a AND b), said with brackets; masked text says all so. */
static bool is_said_together(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_AND && (g->j->is_masked || is_bracketed_chain(g, n));
}

/* (from >= 5 AND from < 9) OR (to > 5 AND to <= 9) OR (from < 5 AND to > 9): what overlaps, as people ask for it. In masked
 * text x = 'a' AND y = 'b' OR z OR ... has such brackets as well. */
static bool is_list_of_chains(const struct judge *g, const struct sql_node *a, const struct sql_node *b,
                              const struct sql_node *c)
{
    const struct sql_node *end = first_child(g, c);

    return is_said_together(g, a) && is_said_together(g, b) && is_said_together(g, c) &&
           (!g->j->is_masked || (is_compare(end) && end->code != OP_EQ));
}

/* c.state = 'a' OR (c.state = 'b' AND c.since < 5) OR ...: an alternative of the same field with more to it. */
static bool is_one_of_its(const struct judge *g, const struct sql_node *n, const struct sql_node *between)
{
    return is_said_together(g, between) && asks_again(g, n, first_child(g, between));
}

/* x = 'a' OR <something else> OR x = '': what closes the quote that the statement opens last. People keep the
 * alternatives of one field together. */
static void judge_sandwich(struct judge *g, const struct sql_node *n)
{
    const struct sql_node *a = first_child(g, n);
    size_t k = 0;

    for (uint32_t i = a->next; i && n->children <= SANDWICH_MAX; i = node(g, i)->next, k++) {
        const struct sql_node *between = node(g, i), *next = node(g, between->next);
        const struct sql_node *end = next->kind == NODE_NONE ? NULL : first_of_and(g, next);

        if (end && asks_again(g, last_of_and(g, a), end) && !asks_again(g, last_of_and(g, a), between) &&
            !is_one_of_its(g, last_of_and(g, a), between) && !is_list_of_chains(g, a, between, next)) {
            bool is_mixed = next->kind == NODE_AND || a->kind == NODE_AND;
            bool is_empty = string_of(g, second_child(g, end)).len == 0 && second_child(g, end)->kind == NODE_STRING;

            sql_found(g, RULE_SANDWICH, is_mixed && is_empty ? 68 : is_mixed || is_empty ? 62 : 40, end->first, end->last);
        }
        a = between;
    }
}

/* A property, an operator, a text or a number; false for anything else. */
static bool alternative_of(const struct judge *g, const struct sql_node *n, struct alternative *ret)
{
    static const enum compare_op ops[] = { [OP_EQ] = COMPARE_EQ, [OP_NE] = COMPARE_NE, [OP_LT] = COMPARE_LT,
                                           [OP_LE] = COMPARE_LE, [OP_GT] = COMPARE_GT, [OP_GE] = COMPARE_GE };

    if (!is_compare(n) || !is_literal(second_child(g, n)))
        return false;
    const struct sql_node *value = second_child(g, n);

    ret->op = ops[n->code];
    ret->kind = value->kind == NODE_STRING ? COMPARE_TEXT : COMPARE_NUMBER;
    ret->text = string_of(g, value);
    ret->number = sql_number_of(g, value);
    return true;
}

static bool is_the_rest_of(const struct judge *g, const struct sql_node *n, const struct sql_node *again)
{
    struct alternative a = { 0 }, b = { 0 };

    return alternative_of(g, n, &a) && alternative_of(g, again, &b) &&
           sql_same_value(g, first_child(g, n), first_child(g, again)) && alternatives_leave_nothing_out(&a, &b);
}

/* c.year = 5 OR c.year > 3. (c.kind = 'a' OR c.kind != 'b' is clumsy, and people's.) */
static bool is_wider(const struct judge *g, const struct sql_node *n, const struct sql_node *again)
{
    struct alternative a = { 0 }, b = { 0 };

    return alternative_of(g, n, &a) && alternative_of(g, again, &b) && b.op != COMPARE_NE &&
           first_child(g, n)->kind == NODE_FIELD && first_child(g, again)->kind == NODE_FIELD &&
           sql_same_value(g, first_child(g, n), first_child(g, again)) && alternative_is_wider(&a, &b);
}

/* A, and B which is A and something else: the something else does not count any more. And (A and B) or A with another
 * value, which says little alone. */
static void judge_beside_and(struct judge *g, const struct sql_node *one, const struct sql_node *all)
{
    uint32_t first = one->first < all->first ? one->first : all->first, last = one->last > all->last ? one->last : all->last;

    for (uint32_t i = all->child; i && (one->refs & REFS_FIELD); i = node(g, i)->next) {
        if (one->kind == node(g, i)->kind && sql_same_tokens(g, one, node(g, i)))
            sql_found(g, RULE_NEEDLESS, 66, first, last);
        if (asks_again(g, one, node(g, i)) || is_the_rest_of(g, one, node(g, i)))
            sql_found(g, RULE_MIXED, 20, one->first, one->last);
    }
}

/* Alternatives are different ones: none makes another needless. */
static void judge_pairs(struct judge *g, const struct sql_node *n)
{
    for (uint32_t i = n->child; i && n->children <= SANDWICH_MAX; i = node(g, i)->next)
        for (uint32_t k = node(g, i)->next; k; k = node(g, k)->next) {
            const struct sql_node *a = node(g, i), *b = node(g, k);

            if (a->kind == NODE_AND && b->kind != NODE_AND)
                judge_beside_and(g, b, a);
            if (b->kind == NODE_AND && a->kind != NODE_AND)
                judge_beside_and(g, a, b);
            if (!g->j->is_masked && (is_wider(g, a, b) || is_wider(g, b, a)))
                sql_found(g, RULE_NEEDLESS, 62, a->first, b->last);
            if (!is_constant(a) && a->kind == b->kind && sql_same_tokens(g, a, b) && sql_hold_of(g, a).reach == HOLDS_ALL)
                sql_found(g, RULE_NEEDLESS, 62, a->first, b->last); /* STARTSWITH(c.x, '') OR STARTSWITH(c.x, '') */
        }
}

/* c.name = '' */
static bool asks_for_nobody(const struct judge *g, const struct sql_node *n)
{
    return is_compare(n) && n->code == OP_EQ && first_child(g, n)->kind == NODE_FIELD &&
           second_child(g, n)->kind == NODE_STRING && string_of(g, second_child(g, n)).len == 0;
}

/* c.kind = 'x' OR c.price > 0 OR c.name = '': the last one is there for the quote that the statement itself closes. Boxes
 * of a form all ask with =. */
static void judge_stub(struct judge *g, const struct sql_node *n)
{
    const struct sql_node *first = last_of_and(g, first_child(g, n)), *last = node(g, n->last_child);
    const struct sql_node *end = first_of_and(g, last), *field = first_child(g, end);
    bool is_wide = false;

    if (!asks_for_nobody(g, end) || n->children > SANDWICH_MAX)
        return;
    for (uint32_t i = first_child(g, n)->next; i && node(g, i) != last; i = node(g, i)->next) {
        const struct sql_node *between = first_of_and(g, node(g, i));
        uint32_t tok = 0;

        if (sql_same_value(g, sql_core_of(g, between), field))
            return; /* IS_DEFINED(c.x) = false OR IS_NULL(c.x) OR c.x = '': not there, in three ways */

        if (asks_for_nobody(g, first) && (!is_compare(between) || second_child(g, between)->kind == NODE_STRING ||
                                          !sql_is_always_there(g, field)))
            return; /* boxes for searching, of which some are empty */
        is_wide |= (between->refs & REFS_FIELD) && hole_before(g, between->first, &tok) != HOLE_NONE &&
                   (sql_is_always_there(g, field) || !(is_compare(between) && between->code == OP_EQ)) &&
                   !asks_for_nobody(g, between);
    }
    if (is_wide)
        sql_found(g, RULE_STUB, 62, end->first, end->last);
}

/* c["kind"] = 'x' OR c.admin = true: who writes statements, a person or a library, writes names in one way; so does who
 * puts something in, and does not see the rest. (Libraries that ask ( c.id = 'x' AND c["kind"] = 'y' ) begin with a dot.) */
static void judge_two_hands(struct judge *g, const struct sql_node *n, const struct sql_node *before,
                            const struct sql_node *child, int score)
{
    const struct sql_node *first = sql_core_of(g, first_of_and(g, first_child(g, n)));
    const struct sql_node *left = sql_core_of(g, last_of_and(g, before));
    const struct sql_node *right = sql_core_of(g, first_of_and(g, child));

    if (is_quoted_field(g, first) && is_quoted_field(g, left) && right->kind == NODE_FIELD && !is_quoted_field(g, right))
        sql_found(g, RULE_TWO_HANDS, score, child->first, child->last);
}

/* c.kind != 'x' OR (c.kind = 'x' AND c.ok = true): if it is an x, then it is a good one. */
static bool is_implication(const struct judge *g, const struct sql_node *before, const struct sql_node *child)
{
    return is_compare(before) && before->code == OP_NE && child->kind == NODE_AND &&
           (g->j->is_masked || is_bracketed_chain(g, child));
}

static void judge_alternative(struct judge *g, const struct sql_node *n, const struct sql_node *before,
                              const struct sql_node *child, const struct place *at)
{
    judge_or_branch(g, child, at);
    judge_two_hands(g, n, before, child, 62);
}

/* x = 'a' OR NOT (x = 'a'); and, which counts only when it was put in, x = 'a' OR x LIKE 'b'. */
static void judge_contrast(struct judge *g, const struct sql_node *before, const struct sql_node *child)
{
    bool searches = child->kind == NODE_LIKE || IS_CALL_OF(g, child, "regexmatch", "startswith", "endswith", "contains");

    if (child->kind == NODE_NOT && first_child(g, child)->kind == before->kind &&
        sql_same_tokens(g, before, first_child(g, child)))
        sql_found(g, RULE_OR_SELF, 66, before->first, child->last);
    if (searches && is_compare(before) && before->code == OP_EQ && (before->refs & REFS_FIELD) &&
        sql_same_value(g, first_child(g, before), first_child(g, child)))
        sql_found(g, RULE_NEEDLESS, 20, before->first, child->last);
}

/* c._ts > 5 OR (c._ts = 5 AND c.id > 'x'): the next page of what is sorted. */
static bool is_cursor(const struct judge *g, const struct sql_node *before, const struct sql_node *next)
{
    const struct sql_node *same = first_of_and(g, next);

    return is_compare(before) && before->code != OP_EQ && before->code != OP_NE && is_compare(same) && same->code == OP_EQ &&
           sql_same_value(g, first_child(g, before), first_child(g, same)) &&
           slice_eq(token_text(g, before->last), token_text(g, same->last));
}

/* pk, tenantId, ownerId: whose items a statement is about. */
static bool is_scope(struct slice field)
{
    return WORD_IN_NOCASE(field, "pk", "partitionkey", "partition_key", "tenant", "tenantid", "tenant_id", "org", "orgid",
                          "org_id", "organizationid", "organization_id", "companyid", "company_id", "owner", "ownerid",
                          "owner_id", "userid", "user_id", "accountid", "account_id", "customerid", "customer_id");
}

static bool names_field(const struct judge *g, const struct sql_node *chain, const struct sql_node *field)
{
    for (uint32_t i = chain->child; i; i = node(g, i)->next)
        if (sql_same_value(g, sql_core_of(g, node(g, i)), field))
            return true;
    return false;
}

/* c.tenantId = 'a' AND c.sku = 'x' OR c.kind = 'y': what was to be sought of one tenant is sought of all. Who means that
 * puts brackets, or names the tenant again. */
static void judge_out_of_scope(struct judge *g, const struct sql_node *chain, const struct sql_node *child)
{
    const struct sql_node *other = first_of_and(g, child);
    bool is_scoped = false;

    if (g->j->is_masked || chain->kind != NODE_AND || is_bracketed_chain(g, chain) || !(other->refs & REFS_FIELD))
        return;
    for (uint32_t i = chain->child; i; i = node(g, i)->next) {
        const struct sql_node *one = node(g, i);

        is_scoped |= is_compare(one) && one->code == OP_EQ && first_child(g, one)->kind == NODE_FIELD &&
                     is_scope(field_name(g, first_child(g, one)));
    }
    if (is_scoped && !names_field(g, chain, sql_core_of(g, other)))
        sql_found(g, RULE_MIXED, 62, chain->first, child->last);
}

static void judge_or(struct judge *g, const struct sql_node *n, bool is_grouped)
{
    const struct sql_node *before = first_child(g, n);

    bool chain_hole = false;

    if ((n->refs & REFS_FIELD) == 0)
        return; /* 1 OR true: a lesson, not an application */
    judge_sandwich(g, n);
    judge_stub(g, n);
    judge_pairs(g, n);
    struct sql_hold first = sql_hold_of(g, before);

    /* c.id = c.id OR ...: put in through a name */
    if (!is_constant(before) && first.reach == HOLDS_ALL && !is_cursor(g, before, node(g, before->next)))
        sql_found(g, first.is_self ? RULE_OR_SELF : RULE_OR_ALWAYS,
                  first.is_self         ? 50
                  : first.is_everywhere ? 40
                                        : 0,
                  before->first, before->last);
    for (uint32_t i = before->next; i; i = node(g, i)->next) {
        const struct sql_node *child = node(g, i);
        struct place at = { .is_grouped = is_grouped, .before = last_of_and(g, before), .is_pair = n->children == 2,
                            .is_bracketed = n->first > 0 && sql_token_is(token(g, n->first - 1), TOK_OP, OP_OPEN) };

        at.hole = hole_before(g, child->first, &at.hole_tok);
        if (is_the_rest_of(g, last_of_and(g, before), first_of_and(g, child)) && !is_implication(g, before, child))
            sql_found(g, RULE_OR_SELF, at.hole == HOLE_NUMBER && g->j->is_masked ? 50 : 66, before->first, child->last);
        judge_contrast(g, last_of_and(g, before), child);
        if (at.hole != HOLE_NONE && at.hole != HOLE_BOOL) /* which nobody types */
            judge_out_of_scope(g, before, child);
        if (at.hole == HOLE_NONE && chain_hole && is_text_compare(g, child))
            sql_found(g, RULE_CONSTANT_ANSWER, 70, child->first, child->last); /* = 'x' OR f(c.id) OR 'a'='b' */
        chain_hole |= at.hole == HOLE_STRING || at.hole == HOLE_EMPTY;
        if (at.hole != HOLE_NONE && !(is_constant(before) && !is_literal(before) && before == first_child(g, n)))
            judge_alternative(g, n, before, child, &at);
        else if (!is_constant(before))
            sql_found(g, RULE_OR_ALWAYS, sql_hold_of(g, child).reach == HOLDS_ALL ? 12 : 0, child->first, child->last);
        before = child;
    }
}

/* ---- AND ---------------------------------------------------------------------------------------- */

/* The question of a blind probe about one field: a short prefix, a length, a bound of one letter.
 * *ret_field: the field, or NULL when the condition is no such question. */
static bool is_short_guess(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_STRING && string_of(g, n).len <= 3;
}

/* (x ? true : false), IIF(x, 1, 0) = 1, NOT x, EXISTS(SELECT VALUE 1 WHERE x): x itself */
static const struct sql_node *bare_question(const struct judge *g, const struct sql_node *n)
{
    if (n->kind == NODE_NOT)
        n = first_child(g, n);
    if (is_compare(n) && is_constant(second_child(g, n)) &&
        (first_child(g, n)->kind == NODE_TERNARY || IS_CALL_OF(g, first_child(g, n), "iif")))
        n = first_child(g, n);
    bool is_choice = n->kind == NODE_TERNARY || (IS_CALL_OF(g, n, "iif") && n->children == 3);

    if (is_choice && is_constant(second_child(g, n)) && is_constant(node(g, n->last_child)))
        return first_child(g, n);
    if (n->kind == NODE_SUBQUERY && n->code == WORD_EXISTS)
        for (uint32_t i = first_child(g, n)->child; i; i = node(g, i)->next)
            if (node(g, i)->kind == NODE_CLAUSE && node(g, i)->code == WORD_WHERE)
                return first_child(g, node(g, i));
    return n;
}

static bool has_short_item(const struct judge *g, const struct sql_node *list)
{
    return list->kind == NODE_ARRAY && list->child && is_short_guess(g, first_child(g, list));
}

static const struct sql_node *field_asked(const struct judge *g, const struct sql_node *n, bool *ret_short)
{
    const struct sql_node *left = is_compare(n) || n->kind == NODE_LIKE ? first_child(g, n) : n;

    if (left->kind == NODE_CALL && left->child && sql_is_inference_function(token_text(g, left->tok))) {
        *ret_short = (left->children >= 2 && is_short_guess(g, second_child(g, left))) ||
                     (is_compare(n) && is_short_guess(g, second_child(g, n)));
        return sql_core_of(g, left);
    }
    *ret_short = true;
    if (IS_CALL_OF(g, left, "replace", "stringtonumber", "stringtoboolean", "stringtoarray", "stringtoobject",
                   "translate", "reverse"))
        return sql_core_of(g, left);
    if (n->kind == NODE_LIKE && is_short_guess(g, second_child(g, n)))
        return left;
    if (n->kind == NODE_BETWEEN && n->children == 3 && is_short_guess(g, second_child(g, n)) &&
        is_short_guess(g, node(g, n->last_child)))
        return sql_core_of(g, first_child(g, n));
    if (IS_CALL_OF(g, n, "array_contains") && n->children >= 2 && has_short_item(g, first_child(g, n)))
        return sql_core_of(g, second_child(g, n));
    if (is_compare(n) && n->code != OP_EQ && n->code != OP_NE && is_short_guess(g, second_child(g, n)))
        return left;
    return NULL;
}

/* A masked property that the statement names here and nowhere else: it neither shows it nor sorts by it. */
static bool is_named_once(const struct judge *g, const struct sql_node *field)
{
    size_t named = 0;

    if (!sql_is_masked_name(field_name(g, field)))
        return false; /* id, name and type stay as they are */
    for (uint32_t i = 0; i + 1 < g->s->lex.len && named < 2; i++)
        named += slice_eq(token_text(g, i), token_text(g, field->tok));
    return named == 1;
}

/* STARTSWITH(c.p2, "a"), SUBSTRING(c.p2, 3, 1) = "k": the service leaves a single letter as it is. A box for searching
 * has more, or ignores the case. */
static bool asks_one_letter(const struct judge *g, const struct sql_node *n)
{
    const struct sql_node *letter = second_child(g, n);

    if (!is_compare(n) && !(IS_CALL_OF(g, n, "startswith", "endswith") && n->children == 2))
        return false;
    return letter->kind == NODE_STRING && string_of(g, letter).len == 1 &&
           (n->kind == NODE_CALL || IS_CALL_OF(g, first_child(g, n), "substring", "left", "right"));
}

static void judge_blind(struct judge *g, const struct sql_node *n)
{
    bool is_short = false;

    n = bare_question(g, n);
    const struct sql_node *field = field_asked(g, n, &is_short);

    if (!field || field->kind != NODE_FIELD)
        return;
    const struct sql_node *call = is_compare(n) ? first_child(g, n) : n;
    bool cuts_letters = IS_CALL_OF(g, call, "length", "substring", "left", "right", "regexmatch", "array_length");
    bool is_secret = sql_is_sensitive_field(field_name(g, field));
    int score = 12 + (cuts_letters ? 6 : 0) + (is_secret ? 36 : 0) + (is_short || (cuts_letters && is_secret) ? 15 : 0);

    if (g->j->is_masked && asks_one_letter(g, n) && is_named_once(g, field))
        score = 62;
    sql_found(g, RULE_BLIND, score, n->first, n->last);
}

/* x = 'a' AND <question> AND x = 'a': the same, where the answer is yes or no. */
static void judge_question_between(struct judge *g, const struct sql_node *n)
{
    const struct sql_node *a = first_child(g, n);

    for (uint32_t i = a->next; i && n->children <= SANDWICH_MAX; i = node(g, i)->next) {
        const struct sql_node *between = node(g, i), *next = node(g, between->next);
        const struct sql_node *question = bare_question(g, between);
        bool is_short = false;

        if (next->kind != NODE_NONE && asks_again(g, a, next) &&
            slice_eq(token_text(g, a->last), token_text(g, next->last)) && !asks_again(g, a, between))
            sql_found(g, RULE_SANDWICH, field_asked(g, question, &is_short) && is_short ? 48 : 12, next->first, next->last);
        a = between;
    }
}

/* c.pin > '4' AND c.pin = 'x': who knows the value asks for no range. */
static void judge_range_beside_value(struct judge *g, const struct sql_node *a, const struct sql_node *b)
{
    bool is_pair = is_compare(a) && is_compare(b) && is_literal(second_child(g, a)) && is_literal(second_child(g, b)) &&
                   a->code != OP_NE && b->code != OP_NE && (a->code == OP_EQ) != (b->code == OP_EQ);

    if (is_pair && first_child(g, a)->kind == NODE_FIELD && sql_same_value(g, first_child(g, a), first_child(g, b)))
        sql_found(g, RULE_SANDWICH, 62, a->first, b->last);
}

static bool is_made_up(const struct judge *g, const struct sql_node *n)
{
    const struct sql_node *a = first_child(g, n), *b = second_child(g, n);

    return a->kind == NODE_NUMBER && b->kind == NODE_NUMBER &&
           numbers_are_made_up(token_text(g, a->tok), token_text(g, b->tok));
}

/* AND 'a' = 'a' behind a value. */
static int score_constant_answer(const struct judge *g, const struct sql_node *n, enum hole hole)
{
    int score = first_child(g, n)->kind == NODE_STRING ? 72 : is_made_up(g, n) ? 66 : 45;

    return score + (hole != HOLE_EMPTY ? 0 : sql_truth_of(g, n) == TRUTH_NO ? 17 : 10);
}

static void judge_and(struct judge *g, const struct sql_node *n)
{
    const struct sql_node *before = first_child(g, n);
    bool chain_hole = false;

    if ((n->refs & REFS_FIELD) == 0)
        return;
    judge_question_between(g, n);
    for (uint32_t i = before->next; i; i = node(g, i)->next) {
        const struct sql_node *child = node(g, i);
        uint32_t hole_tok = 0;
        enum hole hole = hole_before(g, child->first, &hole_tok);

        judge_range_beside_value(g, before, child);
        if (is_text_compare(g, child) && (is_constant(before) || (hole == HOLE_NONE && chain_hole)))
            sql_found(g, RULE_CONSTANT_ANSWER, 65, child->first, child->last); /* true AND '1'='1' */
        chain_hole |= hole == HOLE_STRING || hole == HOLE_EMPTY;
        if (hole == HOLE_NONE || (is_constant(before) && !is_literal(before))) {
            before = child;
            continue;
        }
        if (is_literal(child))
            sql_found(g, RULE_BARE_LITERAL, child->kind == NODE_STRING ? 62 : 40, child->first, child->last);
        else if (is_constant(child) && is_compare(child))
            sql_found(g, RULE_CONSTANT_ANSWER, score_constant_answer(g, child, hole), child->first, child->last);
        else if ((child->refs & REFS_SUBQUERY) && hole == HOLE_EMPTY)
            sql_found(g, RULE_SUBQUERY, 35, child->first, child->last);
        else if (sql_hold_of(g, child).is_self)
            sql_found(g, RULE_OR_SELF, 55, child->first, child->last);
        if (child->refs & REFS_FIELD) {
            judge_blind(g, child);
            judge_two_hands(g, n, before, child, 45);
        }
        before = child;
    }
}

/* ---- the rest of the tree ----------------------------------------------------------------------- */

static bool takes_a_value(const struct sql_node *parent, size_t child_index)
{
    switch (parent->kind) {
    case NODE_CALL: return child_index > 0 || parent->children == 1; /* LOWER('' OR 'a') */
    case NODE_IN: case NODE_LIKE: case NODE_BETWEEN: return child_index > 0;
    case NODE_BINARY: return true;
    default: return false;
    }
}

static bool is_choice(const struct judge *g, const struct sql_node *n)
{
    return IS_CALL_OF(g, n, "iif"); /* takes a condition */
}

/* CONTAINS(c.x, '' OR true), IN ('' OR 1=1, ...): nobody writes a chain that begins with a literal. */
static void judge_logic_in_value(struct judge *g, const struct sql_node *parent)
{
    size_t index = 0;

    for (uint32_t i = parent->child; i; i = node(g, i)->next, index++) {
        const struct sql_node *n = node(g, i);

        if ((n->kind == NODE_OR || n->kind == NODE_AND) && takes_a_value(parent, index) &&
            is_constant(first_child(g, n)) && !(parent->kind == NODE_CALL && is_choice(g, parent)))
            sql_found(g, RULE_LOGIC_IN_VALUE, 85, n->first, n->last);
    }
}

/* '' - '', 'a' || 'b': a value that is worked out from text literals, where a field is compared with it. */
static void judge_literal_sum(struct judge *g, const struct sql_node *n)
{
    const struct sql_node *a = first_child(g, n), *b = second_child(g, n);

    if (n->kind != NODE_BINARY || is_compare(n) || n->code == OP_COALESCE || !is_constant(n) ||
        (a->kind != NODE_STRING && b->kind != NODE_STRING))
        return;
    int score = n->code == OP_CONCAT ? 15 : n->code == OP_PLUS ? 40 : 66;

    if (a->kind == NODE_STRING && string_of(g, a).len == 0)
        score += 20;
    sql_found(g, RULE_LITERAL_SUM, score, n->first, n->last);
}

/* Behind an escaped quote: a connector, and at the end an operator that waits for a value. */
static bool swallows_a_condition(struct slice inside, char quote)
{
    size_t i = 0;

    while (i + 1 < inside.len && !(inside.at[i] == '\\' && inside.at[i + 1] == quote))
        i += inside.at[i] == '\\' ? 2 : 1;
    for (i += 2; i < inside.len && (inside.at[i] == ' ' || inside.at[i] == ')' || inside.at[i] == '%'); i++)
        ;
    if (i >= inside.len)
        return false;
    struct slice rest = slice_trim(slice_make(inside.at + i, inside.len - i));
    char last = rest.len > 4 ? rest.at[rest.len - 1] : '\0';

    return (slice_starts_nocase(rest, SL("and ")) || slice_starts_nocase(rest, SL("or ")) || rest.at[0] == ',') &&
           last != '\0' && strchr("=<>(,%", last) &&
           (slice_find(rest, SL(".")) != SIZE_MAX || slice_find(rest, SL("[")) != SIZE_MAX);
}

static bool stands_in_where(const struct judge *g, uint32_t tok)
{
    for (uint32_t i = tok; i > 0; i--)
        if (sql_token_is(token(g, i), TOK_NAME, WORD_WHERE))
            return true;
        else if (sql_token_is(token(g, i), TOK_NAME, WORD_SELECT) || sql_token_is(token(g, i), TOK_NAME, WORD_FROM))
            return false;
    return false;
}

static void judge_compare(struct judge *g, const struct sql_node *n)
{
    const struct sql_node *a = first_child(g, n), *b = second_child(g, n);

    if (b->kind == NODE_STRING && string_of(g, b).len > 8 &&
        swallows_a_condition(string_of(g, b), g->s->lex.text.at[token(g, b->tok)->at]))
        sql_found(g, RULE_SWALLOWED, 72, b->first, b->last);
    if (!is_constant(b) && sql_same_value(g, a, b) && stands_in_where(g, n->first))
        sql_found(g, RULE_OR_SELF, 30, n->first, n->last); /* c.price <= c.price, put in through a number */

    if (is_compare(a) && is_literal(b) && is_literal(second_child(g, a)))
        sql_found(g, RULE_CHAINED_COMPARE, (n->refs & REFS_FIELD) ? 72 : 30, n->first, n->last);
    if (a->refs & REFS_FIELD)
        judge_literal_sum(g, b);
}

#define SUBQUERIES_MAX 64u /* each looks for its source in all of the text */

/* FROM of a sub-query must go back to an alias of the statement. */
static void judge_subquery(struct judge *g, const struct sql_node *sub)
{
    const struct sql_node *select = first_child(g, sub);

    if (g->j->is_masked || sub->is_negated)
        return; /* names mean nothing, or it feeds FROM */
    for (uint32_t i = select->child; i; i = node(g, i)->next) {
        const struct sql_node *from = node(g, i);

        if (from->kind != NODE_CLAUSE || from->code != WORD_FROM)
            continue;
        /* The source is the last child of "x IN source", else the first. */
        const struct sql_node *source = from->children >= 2 && sql_token_is(token(g, node(g, from->child)->last + 1),
                                                                            TOK_NAME, WORD_IN)
                                            ? second_child(g, from) : first_child(g, from);

        while (source->kind == NODE_FIELD || source->kind == NODE_INDEX)
            source = first_child(g, source);
        if (source->kind != NODE_NAME)
            return;
        for (uint32_t t = 0; t + 1 < g->s->lex.len; t++)
            if ((t < sub->first || t > sub->last) && token(g, t)->kind == TOK_NAME &&
                slice_eq_nocase(token_text(g, t), token_text(g, source->tok)))
                return;
        if (slice_eq_nocase(token_text(g, source->tok), SL("root")) || slice_eq_nocase(token_text(g, source->tok), SL("c")))
            return;
        sql_found(g, RULE_FOREIGN_CONTAINER, 75, sub->first, sub->last);
        return;
    }
}

static void judge_order(struct judge *g, const struct sql_node *clause)
{
    for (uint32_t i = clause->child; i; i = node(g, i)->next)
        if (node(g, i)->kind == NODE_NUMBER)
            sql_found(g, RULE_ORDER_CONSTANT, 48, clause->first, clause->last);
}

/* An AND that holds an OR beside a real condition: the OR was put in brackets on purpose. */
static bool groups_its_or(const struct judge *g, const struct sql_node *and_node, uint32_t or_index)
{
    for (uint32_t i = and_node->child; i; i = node(g, i)->next)
        if (i != or_index && !is_plain_true(node(g, i)))
            return true;
    return false;
}

void sql_judge_tree(struct judge *g)
{
    size_t subqueries = 0;

    for (uint32_t i = 1; i < g->s->nodes_len; i++) { /* marks: code is free on NODE_OR, is_negated on others */
        const struct sql_node *n = node(g, i);

        for (uint32_t c = n->kind == NODE_AND ? n->child : 0; c; c = node(g, c)->next)
            if (node(g, c)->kind == NODE_OR && groups_its_or(g, n, c))
                g->s->nodes[c].code = 1;
        for (uint32_t c = n->kind == NODE_CLAUSE && n->code == WORD_FROM ? n->child : 0; c; c = node(g, c)->next)
            g->s->nodes[c].is_negated = true; /* a sub-query that is the source itself */
    }
    for (uint32_t i = 1; i < g->s->nodes_len; i++) {
        const struct sql_node *n = node(g, i);

        switch (n->kind) {
        case NODE_OR: judge_or(g, n, n->code == 1); break;
        case NODE_AND: judge_and(g, n); break;
        case NODE_BINARY:
            if (is_compare(n))
                judge_compare(g, n);
            judge_logic_in_value(g, n);
            break;
        case NODE_CALL: case NODE_IN: case NODE_LIKE: case NODE_BETWEEN:
            if (n->kind == NODE_IN || IS_CALL_OF(g, n, "array_contains")) /* x IN ('a', x) */
                sql_found(g, RULE_OR_SELF, sql_hold_of(g, n).is_self ? 66 : 0, n->first, n->last);
            judge_logic_in_value(g, n);
            if ((n->refs & REFS_FIELD) && n->children >= 2)
                judge_literal_sum(g, second_child(g, n));
            break;
        case NODE_SUBQUERY:
            if (subqueries++ < SUBQUERIES_MAX)
                judge_subquery(g, n);
            break;
        case NODE_CLAUSE:
            if (n->code == WORD_ORDER)
                judge_order(g, n);
            break;
        default: break;
        }
    }
}
