/* sql_judge.c - see sql_judge.h.
 *
 * The leading thought: injected text came in through a value. So what counts is what stands directly
 * behind a literal. `WHERE 1=1 AND ...` and `('all' = 'all' OR ...)` have their constant in front, a
 * parameter (@p) cannot be broken out of, and an SDK puts `AND (true)` behind a bracket of its own.
 *
 * What can succeed in this dialect: there is no UNION, no second statement, no delay, no write, and a
 * query sees one container. What remains is turning a condition true, asking true/false questions
 * about fields, sub-queries over the item's own arrays, and cutting the tail with a comment.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sql_judge.h"

#include "base/num.h"
#include "detectors/kit/sql_words.h"

/* ---- findings ---------------------------------------------------------------------------------- */

static const struct { const char *name, *sentence; bool is_probe; } rules[RULE_COUNT] = {
    [RULE_NONE] = { .name = "none", .sentence = "" },
    [RULE_OR_CONSTANT] = { .name = "or-constant", .sentence = "is a condition that does not depend on the data" },
    [RULE_OR_SELF] = { .name = "or-self", .sentence = "compares a property with itself: true for every item that has it" },
    [RULE_OR_ALWAYS] = { .name = "or-always", .sentence = "is true for every ordinary item" },
    [RULE_CONSTANT_ANSWER] = { .name = "constant-answer", .sentence = "is a constant behind a value: a probe for true and false answers" },
    [RULE_BARE_LITERAL] = { .name = "bare-literal", .sentence = "uses a text as a condition" },
    [RULE_LOGIC_IN_VALUE] = { .name = "logic-in-value", .sentence = "has a condition where a value belongs" },
    [RULE_CHAINED_COMPARE] = { .name = "chained-compare", .sentence = "compares the result of a comparison with a literal" },
    [RULE_LITERAL_SUM] = { .name = "literal-sum", .sentence = "calculates with text literals" },
    [RULE_COMMENT_TAIL] = { .name = "comment-tail", .sentence = "is a comment that swallows the closing quote and the rest of the statement" },
    [RULE_COMMENT_QUOTE] = { .name = "comment-quote", .sentence = "is a comment that swallows the closing quote" },
    [RULE_ORDER_CONSTANT] = { .name = "order-constant", .sentence = "orders by a constant: a column count probe" },
    [RULE_SUBQUERY] = { .name = "subquery", .sentence = "is a sub-query behind a value" },
    [RULE_BLIND] = { .name = "blind", .sentence = "asks about the content of a field letter by letter" },
    [RULE_UDF] = { .name = "udf", .sentence = "calls a user-defined function behind a value" },
    [RULE_FOREIGN_WORD] = { .name = "foreign-word", .sentence = "belongs to another database's dialect", .is_probe = true },
    [RULE_FOREIGN_CONTAINER] = { .name = "foreign-container", .sentence = "reads a container that a query cannot see", .is_probe = true },
    [RULE_FOREIGN_MARK] = { .name = "foreign-mark", .sentence = "ends or comments a statement in another dialect's way", .is_probe = true },
    [RULE_BROKEN_TAUTOLOGY] = { .name = "broken-tautology", .sentence = "is an always-true condition in text that does not parse", .is_probe = true },
    [RULE_TOOL_MARK] = { .name = "tool-mark", .sentence = "is the mark of an attack tool", .is_probe = true },
    [RULE_BROKEN] = { .name = "broken", .sentence = "is where the statement stops to make sense", .is_probe = true },
};

const char *sql_rule_name(enum sql_rule r) { return rules[r < RULE_COUNT ? r : RULE_NONE].name; }
const char *sql_rule_sentence(enum sql_rule r) { return rules[r < RULE_COUNT ? r : RULE_NONE].sentence; }
bool sql_rule_is_probe(enum sql_rule r) { return r < RULE_COUNT && rules[r].is_probe; }

struct judge {
    struct sql_scratch *s;
    struct sql_judgement *j;
};

static void found(struct judge *g, enum sql_rule rule, int score, uint32_t first, uint32_t last)
{
    struct sql_judgement *j = g->j;

    if (score <= 0)
        return;
    for (size_t i = 0; i < j->findings_len; i++)
        if (j->findings[i].rule == rule) { /* one of each rule: the strongest */
            if (score > j->findings[i].score)
                j->findings[i] = (struct sql_finding){ .rule = rule, .score = score, .first = first, .last = last };
            return;
        }
    if (j->findings_len < SQL_FINDINGS_MAX)
        j->findings[j->findings_len++] =
            (struct sql_finding){ .rule = rule, .score = score > 100 ? 100 : score, .first = first, .last = last };
}

static int combine(const struct sql_judgement *j)
{
    int rest = 10000; /* probability that none of the hints is right, in 1/10000 */

    for (size_t i = 0; i < j->findings_len; i++)
        rest = rest * (100 - j->findings[i].score) / 100;
    return 100 - rest / 100;
}

/* ---- nodes and tokens -------------------------------------------------------------------------- */

static const struct sql_node *node(const struct judge *g, uint32_t i) { return &g->s->nodes[i]; }
static const struct sql_token *token(const struct judge *g, uint32_t i) { return &g->s->tokens[i]; }

static struct slice token_text(const struct judge *g, uint32_t i)
{
    return sql_token_text(&g->s->lex, token(g, i));
}

static struct slice string_of(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_STRING ? sql_string_inside(&g->s->lex, token(g, n->tok)) : slice_make(NULL, 0);
}

static struct slice field_name(const struct judge *g, const struct sql_node *n)
{
    const struct sql_token *t = token(g, n->tok);

    return t->kind == TOK_STRING ? sql_string_inside(&g->s->lex, t) : sql_token_text(&g->s->lex, t);
}

static const struct sql_node *first_child(const struct judge *g, const struct sql_node *n)
{
    return node(g, n->child);
}

static const struct sql_node *second_child(const struct judge *g, const struct sql_node *n)
{
    return node(g, node(g, n->child)->next);
}

static bool is_literal(const struct sql_node *n)
{
    return n->kind == NODE_STRING || n->kind == NODE_NUMBER;
}

static bool is_compare(const struct sql_node *n)
{
    return n->kind == NODE_BINARY && n->code >= OP_EQ && n->code <= OP_GE;
}

/* Nothing below depends on the item or a parameter. */
static bool is_constant(const struct sql_node *n)
{
    return (n->refs & (REFS_FIELD | REFS_PARAM | REFS_UDF)) == 0; /* (SELECT VALUE 1) is constant too */
}

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

/* ---- constants ---------------------------------------------------------------------------------- */

enum truth { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN };

struct value {
    enum { VALUE_OTHER, VALUE_BOOL, VALUE_NUMBER, VALUE_STRING } kind;
    bool boolean;
    double number;
    struct slice text;
};

static double number_of(struct slice s)
{
    double n = 0;

    return parse_real(s, &n) ? n : 0; /* .5 and 1. are no JSON numbers; equal spelling stays equal */
}

static struct value value_of(const struct judge *g, const struct sql_node *n)
{
    struct value v = { .kind = VALUE_OTHER };

    switch (n->kind) {
    case NODE_TRUE: case NODE_FALSE:
        return (struct value){ .kind = VALUE_BOOL, .boolean = n->kind == NODE_TRUE };
    case NODE_STRING: return (struct value){ .kind = VALUE_STRING, .text = string_of(g, n) };
    case NODE_NUMBER:
        return (struct value){ .kind = VALUE_NUMBER, .number = number_of(token_text(g, n->tok)) };
    case NODE_NEGATE:
        v = value_of(g, first_child(g, n));
        v.number = -v.number;
        return v;
    case NODE_PLUS: return value_of(g, first_child(g, n));
    default: return v;
    }
}

static int order_of(const struct value *a, const struct value *b)
{
    if (a->kind == VALUE_NUMBER)
        return (a->number > b->number) - (a->number < b->number);
    if (a->kind == VALUE_STRING)
        return slice_cmp(a->text, b->text);
    return (int)a->boolean - (int)b->boolean;
}

static enum truth truth_of_compare(const struct judge *g, const struct sql_node *n)
{
    struct value a = value_of(g, first_child(g, n)), b = value_of(g, second_child(g, n));

    if (a.kind == VALUE_OTHER || b.kind == VALUE_OTHER)
        return TRUTH_UNKNOWN;
    if (a.kind != b.kind)
        return n->code == OP_NE ? TRUTH_YES : TRUTH_NO;
    int order = order_of(&a, &b);

    switch (n->code) {
    case OP_EQ: return order == 0 ? TRUTH_YES : TRUTH_NO;
    case OP_NE: return order != 0 ? TRUTH_YES : TRUTH_NO;
    case OP_LT: return order < 0 ? TRUTH_YES : TRUTH_NO;
    case OP_LE: return order <= 0 ? TRUTH_YES : TRUTH_NO;
    case OP_GT: return order > 0 ? TRUTH_YES : TRUTH_NO;
    default: return order >= 0 ? TRUTH_YES : TRUTH_NO;
    }
}

/* Truth of a constant condition. Calls of functions on constants are not worked out. */
static enum truth truth_of(const struct judge *g, const struct sql_node *n)
{
    enum truth t = TRUTH_UNKNOWN;

    if (n->kind == NODE_TRUE || n->kind == NODE_FALSE)
        return n->kind == NODE_TRUE ? TRUTH_YES : TRUTH_NO;
    if (n->kind == NODE_NOT) {
        t = truth_of(g, first_child(g, n));
        return t == TRUTH_UNKNOWN ? t : t == TRUTH_YES ? TRUTH_NO : TRUTH_YES;
    }
    return is_compare(n) ? truth_of_compare(g, n) : t;
}

/* ---- branches that are true anyway -------------------------------------------------------------- */

static bool same_tokens(const struct judge *g, const struct sql_node *a, const struct sql_node *b)
{
    if (a->last - a->first != b->last - b->first)
        return false;
    for (uint32_t i = 0; i <= a->last - a->first; i++)
        if (!slice_eq(token_text(g, a->first + i), token_text(g, b->first + i)))
            return false;
    return true;
}

static bool is_always_there(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_NAME || (n->kind == NODE_FIELD && sql_is_system_property(field_name(g, n)));
}

static bool is_call_of(const struct judge *g, const struct sql_node *n, const char *const *names, size_t len)
{
    if (n->kind != NODE_CALL)
        return false;
    for (size_t i = 0; i < len; i++)
        if (slice_eq_nocase(token_text(g, n->tok), slice_of(names[i])))
            return true;
    return false;
}

#define IS_CALL_OF(g, n, ...)                                                                      \
    is_call_of(g, n, (const char *const[]){ __VA_ARGS__ },                                         \
               sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* Compared with something so low that nearly every value passes: != '', > '', >= 0, != null. */
static bool passes_nearly_all(const struct judge *g, const struct sql_node *n, const struct sql_node *right)
{
    struct slice text = string_of(g, right);

    if (n->code == OP_NE)
        return right->kind == NODE_NULL || right->kind == NODE_UNDEFINED ||
               (right->kind == NODE_STRING && text.len <= 1) || right->kind == NODE_NUMBER;
    if (n->code == OP_GT || n->code == OP_GE)
        return (right->kind == NODE_STRING && text.len <= 1) ||
               (right->kind == NODE_NUMBER && number_of(token_text(g, right->tok)) <= 0) ||
               right->kind == NODE_NEGATE || right->kind == NODE_NULL;
    /* <= '~', < 'zzzz', <= 99999999 */
    return right->kind == NODE_STRING && text.len >= 1 && text.at[0] >= 'z';
}

/* The expression a call or field is about: LENGTH(c.id) -> c.id. */
static const struct sql_node *core_of(const struct judge *g, const struct sql_node *n)
{
    for (int i = 0; i < 4 && n->kind == NODE_CALL && n->child; i++)
        n = first_child(g, n);
    return n;
}

/* A condition that holds for (nearly) every item that has the field; *ret_core: that field. */
static bool is_wide(const struct judge *g, const struct sql_node *n, const struct sql_node **ret_core)
{
    if (n->kind == NODE_NOT) {
        const struct sql_node *in = first_child(g, n);

        *ret_core = core_of(g, is_compare(in) ? first_child(g, in) : in);
        if (is_compare(in)) /* NOT (c.id = 'x') */
            return in->code == OP_EQ && is_always_there(g, *ret_core) && is_constant(second_child(g, in));
        return IS_CALL_OF(g, in, "is_null", "is_array", "is_object", "is_bool");
    }
    if (n->kind == NODE_BETWEEN && !n->is_negated && n->children == 3) {
        *ret_core = core_of(g, first_child(g, n));
        return second_child(g, n)->kind == NODE_STRING && string_of(g, second_child(g, n)).len <= 1;
    }
    *ret_core = core_of(g, n);
    if (n->kind == NODE_CALL) {
        if (IS_CALL_OF(g, n, "is_defined", "is_string", "is_primitive", "is_number"))
            return true;
        return IS_CALL_OF(g, n, "contains", "startswith", "endswith", "regexmatch") && n->children >= 2 &&
               second_child(g, n)->kind == NODE_STRING &&
               (string_of(g, second_child(g, n)).len == 0 ||
                (IS_CALL_OF(g, n, "regexmatch") && string_of(g, second_child(g, n)).len <= 3));
    }
    if (n->kind == NODE_LIKE && !n->is_negated && n->children >= 2) {
        struct slice pattern = string_of(g, second_child(g, n));

        *ret_core = core_of(g, first_child(g, n));
        return second_child(g, n)->kind == NODE_STRING && pattern.len > 0 && pattern.len <= 3 &&
               pattern.at[0] == '%' && pattern.at[pattern.len - 1] == '%';
    }
    if (is_compare(n) && is_constant(second_child(g, n))) {
        *ret_core = core_of(g, first_child(g, n));
        if (n->code == OP_NE && is_always_there(g, *ret_core))
            return true;
        return ((*ret_core)->refs & REFS_FIELD) && passes_nearly_all(g, n, second_child(g, n));
    }
    if (is_compare(n) && is_constant(first_child(g, n)) && first_child(g, n)->kind == NODE_STRING) {
        *ret_core = core_of(g, second_child(g, n)); /* '' != c.id, '' < c.id */
        return ((*ret_core)->refs & REFS_FIELD) && string_of(g, first_child(g, n)).len <= 1 &&
               (n->code == OP_NE || n->code == OP_LT || n->code == OP_LE);
    }
    return false;
}

/* c.id = c.id, c.id IN (c.id), c.id LIKE c.id, c.id BETWEEN c.id AND ... */
static bool is_self_compare(const struct judge *g, const struct sql_node *n)
{
    if (!is_compare(n) && n->kind != NODE_IN && n->kind != NODE_LIKE && n->kind != NODE_BETWEEN)
        return false;
    return (first_child(g, n)->refs & REFS_FIELD) && same_tokens(g, first_child(g, n), second_child(g, n));
}

/* ---- OR ----------------------------------------------------------------------------------------- */

struct place {
    enum hole hole;
    uint32_t hole_tok;
    bool is_grouped;   /* an OR in brackets beside other conditions: how people write filters by hand */
    bool is_bracketed; /* an OR in brackets */
};

/* Same text as in the value before, and more than a letter: (c.role = 'all' OR 'all' = 'all'). */
static bool repeats_the_value(const struct judge *g, const struct sql_node *n, const struct place *at)
{
    struct slice value = sql_string_inside(&g->s->lex, token(g, at->hole_tok));

    return at->hole == HOLE_STRING && (at->is_grouped || at->is_bracketed) && value.len >= 2 && is_compare(n) &&
           (slice_eq(value, string_of(g, first_child(g, n))) || slice_eq(value, string_of(g, second_child(g, n))));
}

static void judge_or_constant(struct judge *g, const struct sql_node *n, const struct place *at)
{
    enum truth t = truth_of(g, n);
    bool with_text = is_compare(n) && (first_child(g, n)->kind == NODE_STRING || second_child(g, n)->kind == NODE_STRING);

    if (is_literal(n)) {
        found(g, RULE_BARE_LITERAL, n->kind == NODE_STRING ? 65 : 50, n->first, n->last);
        return;
    }
    if (n->kind == NODE_TRUE || n->kind == NODE_FALSE) {
        int score = n->kind == NODE_FALSE ? 20 : at->is_grouped ? 30 : 68;

        found(g, RULE_OR_CONSTANT, at->hole == HOLE_EMPTY && score > 20 ? score + 32 : score, n->first, n->last);
        return;
    }
    if (n->kind == NODE_NULL || n->kind == NODE_UNDEFINED)
        return;
    if (repeats_the_value(g, n, at)) {
        found(g, RULE_OR_CONSTANT, 9, n->first, n->last);
        return;
    }
    found(g, t == TRUTH_NO ? RULE_CONSTANT_ANSWER : RULE_OR_CONSTANT,
          with_text ? 85 : at->is_grouped ? 64 : 78, n->first, n->last);
}

static void judge_or_branch(struct judge *g, const struct sql_node *n, const struct place *at)
{
    const struct sql_node *core = NULL;

    if (n->kind == NODE_AND) { /* OR '1'='1' AND the rest of the statement */
        judge_or_branch(g, first_child(g, n), at);
        return;
    }
    if (is_constant(n)) {
        judge_or_constant(g, n, at);
        return;
    }
    if (n->kind == NODE_SUBQUERY || (n->refs & REFS_SUBQUERY))
        found(g, RULE_SUBQUERY, at->hole == HOLE_EMPTY ? 62 : 35, n->first, n->last);
    if (n->refs & REFS_UDF)
        found(g, RULE_UDF, at->hole == HOLE_EMPTY ? 62 : 25, n->first, n->last);
    if (is_self_compare(g, n)) {
        found(g, RULE_OR_SELF, 82, n->first, n->last);
        return;
    }
    if (g->j->is_masked && (is_compare(n) || n->kind == NODE_LIKE) && !(n->kind == NODE_BINARY && n->code == OP_EQ) &&
        is_always_there(g, core_of(g, first_child(g, n))) && is_constant(second_child(g, n)))
        found(g, RULE_OR_ALWAYS, 15, n->first, n->last); /* OR c.id LIKE 'str2': was it '%'? counts inside a known shape */
    if (is_wide(g, n, &core)) {
        int score = is_always_there(g, core) ? 72 : 35;

        if (at->hole == HOLE_EMPTY)
            score += 28;
        else if (at->is_grouped)
            score -= 10;
        found(g, RULE_OR_ALWAYS, score, n->first, n->last);
    }
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

static void judge_or(struct judge *g, const struct sql_node *n, bool is_grouped)
{
    const struct sql_node *before = first_child(g, n);

    bool chain_hole = false;

    if ((n->refs & REFS_FIELD) == 0)
        return; /* 1 OR true: a lesson, not an application */
    for (uint32_t i = before->next; i; i = node(g, i)->next) {
        const struct sql_node *child = node(g, i);
        struct place at = { .is_grouped = is_grouped,
                            .is_bracketed = n->first > 0 && sql_token_is(token(g, n->first - 1), TOK_OP, OP_OPEN) };

        at.hole = hole_before(g, child->first, &at.hole_tok);
        if (at.hole == HOLE_NONE && chain_hole && is_text_compare(g, child))
            found(g, RULE_CONSTANT_ANSWER, 70, child->first, child->last); /* = 'x' OR f(c.id) OR 'a'='b' */
        chain_hole |= at.hole == HOLE_STRING || at.hole == HOLE_EMPTY;
        if (at.hole != HOLE_NONE && !(is_constant(before) && !is_literal(before) && before == first_child(g, n)))
            judge_or_branch(g, child, &at);
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

static const struct sql_node *field_asked(const struct judge *g, const struct sql_node *n, bool *ret_short)
{
    const struct sql_node *left = is_compare(n) || n->kind == NODE_LIKE ? first_child(g, n) : n;

    if (left->kind == NODE_CALL && left->child && sql_is_inference_function(token_text(g, left->tok))) {
        *ret_short = (left->children >= 2 && is_short_guess(g, second_child(g, left))) ||
                     (is_compare(n) && is_short_guess(g, second_child(g, n)));
        return core_of(g, left);
    }
    *ret_short = true;
    if (n->kind == NODE_LIKE && is_short_guess(g, second_child(g, n)))
        return left;
    if (is_compare(n) && n->code != OP_EQ && n->code != OP_NE && is_short_guess(g, second_child(g, n)))
        return left;
    return NULL;
}

static void judge_blind(struct judge *g, const struct sql_node *n)
{
    bool is_short = false;
    const struct sql_node *field = field_asked(g, n, &is_short);

    if (!field || field->kind != NODE_FIELD)
        return;
    const struct sql_node *call = is_compare(n) ? first_child(g, n) : n;
    bool cuts_letters = IS_CALL_OF(g, call, "length", "substring", "left", "right", "regexmatch", "array_length");

    found(g, RULE_BLIND, 12 + (cuts_letters ? 6 : 0) + (sql_is_sensitive_field(field_name(g, field)) ? 36 : 0) + (is_short ? 15 : 0), n->first, n->last);
}

static void judge_and(struct judge *g, const struct sql_node *n)
{
    const struct sql_node *before = first_child(g, n);
    bool chain_hole = false;

    if ((n->refs & REFS_FIELD) == 0)
        return;
    for (uint32_t i = before->next; i; i = node(g, i)->next) {
        const struct sql_node *child = node(g, i);
        uint32_t hole_tok = 0;
        enum hole hole = hole_before(g, child->first, &hole_tok);

        if (is_text_compare(g, child) && (is_constant(before) || (hole == HOLE_NONE && chain_hole)))
            found(g, RULE_CONSTANT_ANSWER, 65, child->first, child->last); /* true AND '1'='1' */
        chain_hole |= hole == HOLE_STRING || hole == HOLE_EMPTY;
        if (hole == HOLE_NONE || (is_constant(before) && !is_literal(before))) {
            before = child;
            continue;
        }
        if (is_literal(child))
            found(g, RULE_BARE_LITERAL, child->kind == NODE_STRING ? 62 : 40, child->first, child->last);
        else if (is_constant(child) && is_compare(child))
            found(g, RULE_CONSTANT_ANSWER,
                  (first_child(g, child)->kind == NODE_STRING ? 72 : 45) + (hole == HOLE_EMPTY ? 20 : 0),
                  child->first, child->last);
        else if ((child->refs & REFS_SUBQUERY) && hole == HOLE_EMPTY)
            found(g, RULE_SUBQUERY, 35, child->first, child->last);
        else if (is_self_compare(g, child))
            found(g, RULE_OR_SELF, 55, child->first, child->last);
        if (child->refs & REFS_FIELD)
            judge_blind(g, child);
        before = child;
    }
}

/* ---- the rest of the tree ----------------------------------------------------------------------- */

static bool takes_a_value(const struct sql_node *parent, size_t child_index)
{
    switch (parent->kind) {
    case NODE_CALL: case NODE_IN: case NODE_LIKE: case NODE_BETWEEN: return child_index > 0;
    case NODE_BINARY: return true;
    default: return false;
    }
}

/* CONTAINS(c.x, '' OR true), IN ('' OR 1=1, ...): nobody writes a chain that begins with a literal. */
static void judge_logic_in_value(struct judge *g, const struct sql_node *parent)
{
    size_t index = 0;

    for (uint32_t i = parent->child; i; i = node(g, i)->next, index++) {
        const struct sql_node *n = node(g, i);

        if ((n->kind == NODE_OR || n->kind == NODE_AND) && takes_a_value(parent, index) &&
            is_literal(first_child(g, n)))
            found(g, RULE_LOGIC_IN_VALUE, 85, n->first, n->last);
    }
}

static void judge_binary(struct judge *g, const struct sql_node *n)
{
    const struct sql_node *a = first_child(g, n), *b = second_child(g, n);

    if (is_compare(n)) {
        if (is_compare(a) && is_literal(b) && is_literal(second_child(g, a)))
            found(g, RULE_CHAINED_COMPARE, (n->refs & REFS_FIELD) ? 72 : 30, n->first, n->last);
        return;
    }
    if (n->code == OP_COALESCE)
        return;
    if ((a->kind == NODE_STRING && is_constant(b)) || (b->kind == NODE_STRING && is_constant(a))) {
        int score = n->code == OP_CONCAT ? 15 : n->code == OP_PLUS ? 40 : 66;

        if (string_of(g, a).len == 0 && a->kind == NODE_STRING)
            score += 20;
        found(g, RULE_LITERAL_SUM, score, n->first, n->last);
    }
}

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
        found(g, RULE_FOREIGN_CONTAINER, 75, sub->first, sub->last);
        return;
    }
}

static void judge_order(struct judge *g, const struct sql_node *clause)
{
    for (uint32_t i = clause->child; i; i = node(g, i)->next)
        if (node(g, i)->kind == NODE_NUMBER)
            found(g, RULE_ORDER_CONSTANT, 48, clause->first, clause->last);
}

/* An AND that holds an OR beside a real condition: the OR was put in brackets on purpose. */
static bool groups_its_or(const struct judge *g, const struct sql_node *and_node, uint32_t or_index)
{
    for (uint32_t i = and_node->child; i; i = node(g, i)->next)
        if (i != or_index && !is_plain_true(node(g, i)))
            return true;
    return false;
}

static void judge_tree(struct judge *g)
{
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
        case NODE_BINARY: judge_binary(g, n); judge_logic_in_value(g, n); break;
        case NODE_CALL: case NODE_IN: case NODE_LIKE: case NODE_BETWEEN: judge_logic_in_value(g, n); break;
        case NODE_SUBQUERY: judge_subquery(g, n); break;
        case NODE_CLAUSE:
            if (n->code == WORD_ORDER)
                judge_order(g, n);
            break;
        default: break;
        }
    }
}

/* ---- comments ----------------------------------------------------------------------------------- */

/* A comment that begins with the quote of a value: the value was left early and its end commented out.
 * People do not write comments like that; `-- don't ask` has letters first. */
static void judge_comments(struct judge *g)
{
    const struct sql_lex *lex = &g->s->lex;

    for (size_t k = 0; k < lex->comments_len; k++) {
        const struct sql_comment *c = &lex->comments[k];
        struct slice text = slice_make(lex->text.at + c->at + 2, c->len - 2u);
        size_t i = 0;

        if (c->before == 0 || token(g, c->before - 1)->kind == TOK_NAME)
            continue; /* behind a name or a keyword: how people comment */
        while (i < text.len && i < 4 && strchr(" -+%;)#/*", text.at[i]) && text.at[i] != '\0')
            i++;
        if (i >= text.len || (text.at[i] != '\'' && text.at[i] != '"'))
            continue;
        char quote = text.at[i++];

        while (i < text.len && (text.at[i] == quote || strchr(" \t\r);%", text.at[i])) && text.at[i] != '\0')
            i++;
        found(g, i < text.len ? RULE_COMMENT_TAIL : RULE_COMMENT_QUOTE,
              i < text.len ? 88 : g->j->outcome == SQL_SYNTAX ? 52 : 30,
              c->before - 1, c->before - 1);
    }
}

/* ---- text that may not parse -------------------------------------------------------------------- */

static bool is_hole_token(const struct sql_token *t)
{
    return t->kind == TOK_STRING || t->kind == TOK_NUMBER;
}

/* Words of other dialects, behind the first value; in front of it they are a developer's mistake. */
static void judge_foreign_words(struct judge *g)
{
    const struct sql_lex *lex = &g->s->lex;
    bool seen_value = false;
    int weak = 0;
    uint32_t weak_at = 0;

    for (uint32_t i = 0; i + 1 < lex->len; i++) {
        const struct sql_token *t = token(g, i);

        if (sql_token_is(t, TOK_NAME, WORD_ORDER) && sql_token_is(t + 1, TOK_NAME, WORD_BY) && i + 2 < lex->len &&
            t[2].kind == TOK_NUMBER && i > 0 && g->j->outcome == SQL_SYNTAX)
            found(g, RULE_FOREIGN_WORD, 62, i, i + 2); /* counting columns: other dialects sort by number */
        seen_value |= is_hole_token(t) || t->kind == TOK_BAD || sql_token_is(t, TOK_NAME, WORD_WHERE) ||
                      sql_token_is(t, TOK_NAME, WORD_ORDER);
        if (t->kind == TOK_BAD && (t->code == BAD_DOUBLE_AT || t->code == BAD_HEX_NUMBER) && seen_value)
            found(g, RULE_FOREIGN_WORD, t->code == BAD_DOUBLE_AT ? 80 : 55, i, i);
        if (t->kind != TOK_NAME || t->code != WORD_NONE || !seen_value ||
            (i > 0 && sql_token_is(t - 1, TOK_OP, OP_DOT)) || t->len < 2 || t->len > 24)
            continue;
        int score = sql_foreign_score(token_text(g, i), token_text(g, i + 1));

        if (score >= 60)
            found(g, RULE_FOREIGN_WORD, score, i, i + 1);
        else if (score > weak) {
            weak = score;
            weak_at = i;
        }
    }
    if (g->j->outcome == SQL_SYNTAX)
        found(g, RULE_FOREIGN_WORD, weak, weak_at, weak_at);
}

/* [OR|AND] value compare value, token by token. */
static void judge_broken_tautology(struct judge *g)
{
    const struct sql_lex *lex = &g->s->lex;

    for (uint32_t i = 1; i + 3 < lex->len; i++) {
        const struct sql_token *t = token(g, i);
        uint32_t at = i + 1;

        if (!(t->kind == TOK_NAME && (t->code == WORD_OR || t->code == WORD_AND)) &&
            !sql_token_is(t, TOK_OP, OP_CONCAT))
            continue;
        while (at + 3 < lex->len && sql_token_is(token(g, at), TOK_OP, OP_OPEN))
            at++;
        if (sql_token_is(token(g, at), TOK_NAME, WORD_NOT))
            at++;
        if (at + 2 >= lex->len)
            continue;
        bool left = is_hole_token(token(g, at)), right = is_hole_token(token(g, at + 2)) || token(g, at + 2)->kind == TOK_BAD;
        const struct sql_token *op = token(g, at + 1);
        bool compares = (op->kind == TOK_OP && op->code >= OP_EQ && op->code <= OP_GE) ||
                        sql_token_is(op, TOK_NAME, WORD_LIKE) || sql_token_is(op, TOK_NAME, WORD_IN);

        if (left && compares && right && (is_hole_token(t - 1) || sql_token_is(t - 1, TOK_OP, OP_CLOSE)))
            found(g, RULE_BROKEN_TAUTOLOGY, 75, i, at + 2);
        else if (sql_token_is(token(g, at), TOK_NAME, WORD_TRUE) && is_hole_token(t - 1))
            found(g, RULE_BROKEN_TAUTOLOGY, 62, i, at);
    }
}

/* A value, then a mark that only another dialect ends or comments a statement with. */
static void judge_foreign_marks(struct judge *g)
{
    const struct sql_lex *lex = &g->s->lex;

    for (uint32_t i = 1; i + 1 < lex->len; i++) {
        const struct sql_token *t = token(g, i);

        if (t->kind != TOK_BAD || ((t->flags & TOK_FLAG_GLUED) && (t - 1)->kind == TOK_NAME))
            continue;
        bool behind = is_hole_token(t - 1) || sql_token_is(t - 1, TOK_OP, OP_CLOSE) ||
                      ((t - 1)->kind == TOK_NAME && (t - 1)->code != WORD_NONE);

        switch (t->code) {
        case BAD_SEMICOLON:
            if (t[1].kind == TOK_NAME)
                found(g, RULE_FOREIGN_MARK, behind ? 66 : 45, i, i + 1);
            else if (t[1].kind != TOK_END)
                found(g, RULE_FOREIGN_MARK, behind ? 55 : 30, i, i);
            break;
        case BAD_HASH: case BAD_BLOCK_COMMENT:
            found(g, RULE_FOREIGN_MARK, behind ? 62 : 25, i, i);
            break;
        case BAD_BACKTICK: found(g, RULE_FOREIGN_MARK, behind ? 40 : 25, i, i); break;
        default: break;
        }
    }
}

/* O'Neill, it's: the letter before the quote and the letter behind it belong to one word. */
static bool is_name_break(const struct judge *g)
{
    const struct sql_lex *lex = &g->s->lex;

    for (uint32_t i = 1; i + 1 < lex->len; i++) {
        const struct sql_token *t = token(g, i), *str = t - 1;

        if (str->kind != TOK_STRING || t->kind != TOK_NAME || !(str->len >= 3) || t->at != str->at + str->len)
            continue;
        unsigned char before = (unsigned char)lex->text.at[str->at + str->len - 2];

        if ((before | 0x20) >= 'a' || before >= 0x80)
            return true;
    }
    return false;
}

static void judge_broken(struct judge *g, const struct sql_tree *tree)
{
    judge_broken_tautology(g);
    judge_foreign_marks(g);
    if (g->j->outcome != SQL_SYNTAX)
        return;
    g->j->is_name_break = is_name_break(g);
    found(g, RULE_BROKEN, g->j->is_name_break ? 5 : 20, tree->error_tok, tree->error_tok);
}

/* ---- masked text -------------------------------------------------------------------------------- */

/* prefix + digits [ + "__" digits ] */
static bool is_mask(struct slice s, struct slice prefix)
{
    size_t i = prefix.len;
    size_t digits = 0;

    if (!slice_starts(s, prefix))
        return false;
    for (; i < s.len && s.at[i] >= '0' && s.at[i] <= '9'; i++)
        digits++;
    if (digits == 0)
        return false;
    if (i == s.len)
        return true;
    if (s.len - i < 3 || s.at[i] != '_' || s.at[i + 1] != '_')
        return false;
    for (i += 2; i < s.len; i++)
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    return true;
}

/* A string that names a property: c["name"], {"name": ...}. */
static bool is_property_string(const struct sql_lex *lex, size_t i)
{
    const struct sql_token *t = &lex->tokens[i];

    return (i > 1 && sql_token_is(t - 1, TOK_OP, OP_OPEN_INDEX) && sql_token_is(t + 1, TOK_OP, OP_CLOSE_INDEX)) ||
           sql_token_is(t + 1, TOK_OP, OP_COLON);
}

bool sql_is_masked(const struct sql_lex *lex)
{
    size_t masks = 0, plain = 0;

    for (size_t i = 0; i + 1 < lex->len; i++) {
        const struct sql_token *t = &lex->tokens[i];

        if (t->kind == TOK_STRING) {
            struct slice in = sql_string_inside(lex, t);
            bool is = is_mask(in, SL("str")) || is_mask(in, SL("p"));

            masks += is;
            plain += !is && in.len > 1 && !is_property_string(lex, i); /* short ones are left alone */
        } else if (t->kind == TOK_NAME && t->code == WORD_NONE) {
            struct slice in = sql_token_text(lex, t);

            masks += is_mask(in, SL("ident")) ||
                     (i > 0 && sql_token_is(t - 1, TOK_OP, OP_DOT) && is_mask(in, SL("p")));
        }
    }
    return masks > plain;
}

/* ---- all together ------------------------------------------------------------------------------- */

void sql_judge(struct sql_scratch *s, struct sql_judgement *ret)
{
    struct judge g = { .s = s, .j = ret };
    struct sql_tree tree = sql_parse(s);

    *ret = (struct sql_judgement){ .outcome = tree.outcome, .is_masked = sql_is_masked(&s->lex) };
    if (tree.outcome == SQL_OK)
        judge_tree(&g);
    else
        judge_broken(&g, &tree);
    judge_comments(&g);
    judge_foreign_words(&g);
    ret->score = combine(ret);
}
