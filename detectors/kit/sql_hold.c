/* sql_hold.c - conditions on fields that hold for (nearly) every item, or for none. See sql_judge_parts.h.
 *
 * A tautology need not be a constant: c.id = c.id, IS_DEFINED(c), NOT (c.id = 'x'), LENGTH(c.id) >= 0, c.id LIKE '%',
 * IIF(..., true, true). So conditions are worked out as far as they do not depend on the item, through NOT, AND, OR,
 * comparisons with true and false, and choices. Depth and width are bounded; what is larger holds for some.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sql_judge_parts.h"
#include "detectors/kit/sql_words.h"
#include "detectors/kit/word_list.h"

#define CORE_DEPTH_MAX 6u
#define CORE_CHILDREN_MAX 16u
#define TIME_LOW 1e6  /* _ts is in seconds since 1970: all items are younger ... */
#define TIME_HIGH 4e9 /* ... and older */

/* ---- the same value twice ------------------------------------------------------------------------ */

bool sql_same_tokens(const struct judge *g, const struct sql_node *a, const struct sql_node *b)
{
    if (a->last - a->first != b->last - b->first)
        return false;
    for (uint32_t i = 0; i <= a->last - a->first; i++)
        if (!slice_eq(token_text(g, a->first + i), token_text(g, b->first + i)))
            return false;
    return true;
}

/* c.id and c["id"] are one field. */
static bool same_field(const struct judge *g, const struct sql_node *a, const struct sql_node *b)
{
    for (; a->kind == NODE_FIELD && b->kind == NODE_FIELD; a = first_child(g, a), b = first_child(g, b))
        if (!slice_eq(field_name(g, a), field_name(g, b)))
            return false;
    return a->kind == b->kind && sql_same_tokens(g, a, b);
}

/* The one field or alias that an expression is made of: LOWER(c.id), c.id || '', [c.id], c._ts + 0. NULL: none or more. */
static const struct sql_node *only_field(const struct judge *g, const struct sql_node *n, size_t depth)
{
    const struct sql_node *found = NULL;

    if (n->kind == NODE_FIELD || n->kind == NODE_NAME || n->kind == NODE_INDEX)
        return n;
    if (depth == CORE_DEPTH_MAX || !(n->refs & REFS_FIELD) || (n->refs & (REFS_SUBQUERY | REFS_UDF)) ||
        n->children > CORE_CHILDREN_MAX)
        return NULL;
    for (uint32_t i = n->child; i; i = node(g, i)->next) {
        const struct sql_node *one = node(g, i)->refs & REFS_FIELD ? only_field(g, node(g, i), depth + 1) : NULL;

        if (one && found && !same_field(g, one, found))
            return NULL;
        if (node(g, i)->refs & REFS_FIELD && !one)
            return NULL;
        found = one ? one : found;
    }
    return found;
}

bool sql_same_value(const struct judge *g, const struct sql_node *a, const struct sql_node *b)
{
    const struct sql_node *left = only_field(g, a, 0), *right = left ? only_field(g, b, 0) : NULL;

    return right && same_field(g, left, right);
}

/* ---- conditions that hold for every item, or for none -------------------------------------------- */

bool sql_is_always_there(const struct judge *g, const struct sql_node *n)
{
    return n && (n->kind == NODE_NAME || (n->kind == NODE_FIELD && sql_is_system_property(field_name(g, n))));
}

bool sql_is_call_of(const struct judge *g, const struct sql_node *n, const char *const *names, size_t len)
{
    return n->kind == NODE_CALL && word_in_nocase(token_text(g, n->tok), names, len);
}

const struct sql_node *sql_core_of(const struct judge *g, const struct sql_node *n)
{
    const struct sql_node *only = only_field(g, n, 0);

    for (int i = 0; !only && i < 4 && n->kind == NODE_CALL && n->child; i++)
        n = first_child(g, n);
    return only ? only : n;
}

#define SOME ((struct sql_hold){ .reach = HOLDS_SOME })

static struct sql_hold hold(enum sql_hold_reach reach, const struct sql_node *core)
{
    return (struct sql_hold){ .reach = reach, .core = core };
}

static struct sql_hold inverse(struct sql_hold h)
{
    h.reach = h.reach == HOLDS_ALL ? HOLDS_NONE : h.reach == HOLDS_NONE ? HOLDS_ALL : HOLDS_SOME;
    return h;
}

static struct sql_hold hold_at(const struct judge *g, const struct sql_node *n, size_t depth);

/* The weaker of two: an ordinary field before one that every item has. */
static struct sql_hold both(const struct judge *g, struct sql_hold a, struct sql_hold b)
{
    a.is_self &= b.is_self;
    if (!a.core || (b.core && sql_is_always_there(g, a.core)))
        a.core = b.core;
    return a;
}

static struct sql_hold hold_of_chain(const struct judge *g, const struct sql_node *n, size_t depth)
{
    enum sql_hold_reach strong = n->kind == NODE_OR ? HOLDS_ALL : HOLDS_NONE; /* one such child decides */
    struct sql_hold ret = { 0 };
    bool first = true, all_weak = n->children <= CORE_CHILDREN_MAX;

    for (uint32_t i = n->child; i && n->children <= CORE_CHILDREN_MAX; i = node(g, i)->next) {
        struct sql_hold h = hold_at(g, node(g, i), depth + 1);

        if (h.reach == strong)
            return h;
        all_weak &= h.reach != HOLDS_SOME;
        ret = first ? h : both(g, ret, h);
        first = false;
    }
    return all_weak ? ret : SOME;
}

/* Compared with something so low (high) that nearly every value passes: != '', > '', >= 0, != null, < 'zzz'. */
static bool passes_nearly_all(const struct judge *g, uint8_t op, const struct sql_node *right, bool is_time)
{
    struct slice text = string_of(g, right);
    double number = right->kind == NODE_NUMBER ? sql_number_of(g, right) : 0;

    if (op == OP_NE)
        return right->kind == NODE_NULL || right->kind == NODE_UNDEFINED || (right->kind == NODE_STRING && text.len <= 1) ||
               right->kind == NODE_NUMBER;
    if (op == OP_GT || op == OP_GE)
        return (right->kind == NODE_STRING && text.len <= 1) ||
               (right->kind == NODE_NUMBER && number <= (is_time ? TIME_LOW : 0)) || right->kind == NODE_NEGATE ||
               right->kind == NODE_NULL;
    return (op == OP_LT || op == OP_LE) &&
           ((right->kind == NODE_STRING && text.len >= 1 && text.at[0] >= 'z') || (is_time && number >= TIME_HIGH));
}

/* LEFT(c.x, 0), INDEX_OF(c.x, ''), ARRAY_LENGTH([c.x]): the item does not change the answer. */
static bool ignores_its_field(const struct judge *g, const struct sql_node *n)
{
    if (n->kind != NODE_CALL || !n->child)
        return false;
    const struct sql_node *last = node(g, n->last_child);

    if (IS_CALL_OF(g, n, "left", "right", "substring", "replicate"))
        return last->kind == NODE_NUMBER && sql_number_of(g, last) <= 0;
    if (IS_CALL_OF(g, n, "index_of"))
        return n->children >= 2 && second_child(g, n)->kind == NODE_STRING && string_of(g, second_child(g, n)).len == 0;
    return IS_CALL_OF(g, n, "array_length") && first_child(g, n)->kind == NODE_ARRAY;
}

/* (SELECT VALUE COUNT(1) FROM z IN c.items) */
static bool is_count(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_SUBQUERY && n->code != WORD_EXISTS && n->code != WORD_ARRAY && n->first + 2 < n->last &&
           slice_eq_nocase(token_text(g, n->first + 2), SL("VALUE")) &&
           slice_eq_nocase(token_text(g, n->first + 3), SL("COUNT"));
}

/* >= 0, > -1, != -1 */
static bool passes_all_counts(const struct judge *g, uint8_t op, const struct sql_node *right)
{
    bool is_negative = right->kind == NODE_NEGATE;

    return (is_negative && (op == OP_GT || op == OP_GE || op == OP_NE)) ||
           (right->kind == NODE_NUMBER && op == OP_GE && sql_number_of(g, right) <= 0);
}

static uint8_t mirrored(uint8_t op)
{
    switch (op) {
    case OP_LT: return OP_GT;
    case OP_LE: return OP_GE;
    case OP_GT: return OP_LT;
    case OP_GE: return OP_LE;
    default: return op;
    }
}

/* COALESCE(c.x, 'k') = 'k', (c.x ?? 1) = 1: true of each item that has no x. */
static bool equals_its_default(const struct judge *g, const struct sql_node *a, uint8_t op, const struct sql_node *b)
{
    bool has_default = IS_CALL_OF(g, a, "coalesce") || (a->kind == NODE_BINARY && a->code == OP_COALESCE);

    return has_default && op == OP_EQ && is_literal(b) && node(g, a->last_child)->kind == b->kind &&
           slice_eq(token_text(g, node(g, a->last_child)->tok), token_text(g, b->tok));
}

static struct sql_hold hold_of_compare(const struct judge *g, const struct sql_node *n, size_t depth)
{
    const struct sql_node *a = first_child(g, n), *b = second_child(g, n);
    uint8_t op = n->code;

    if (is_constant(a)) {
        const struct sql_node *t = a;

        a = b;
        b = t;
        op = mirrored(op);
    }
    if ((b->kind == NODE_TRUE || b->kind == NODE_FALSE) && (op == OP_EQ || op == OP_NE)) {
        struct sql_hold h = hold_at(g, a, depth + 1); /* IS_NULL(c.id) = false */

        return (b->kind == NODE_TRUE) == (op == OP_EQ) ? h : inverse(h);
    }
    if (!is_constant(b)) {
        if (sql_same_value(g, a, b))
            return (struct sql_hold){ .reach = op == OP_EQ || op == OP_GE || op == OP_LE ? HOLDS_ALL : HOLDS_NONE,
                                      .core = sql_core_of(g, a), .is_self = true };
        if (!sql_is_always_there(g, a) || !sql_is_always_there(g, b) || (op != OP_NE && op != OP_EQ))
            return SOME;
        return hold(op == OP_NE ? HOLDS_ALL : HOLDS_NONE, a); /* c.id != c._rid */
    }
    if (is_count(g, a) && passes_all_counts(g, op, b))
        return hold(HOLDS_ALL, NULL);
    const struct sql_node *core = sql_core_of(g, a);
    bool is_system = sql_is_always_there(g, core);

    if (!(core->refs & REFS_FIELD))
        return SOME;
    if (ignores_its_field(g, a) || equals_its_default(g, a, op, b))
        return hold(HOLDS_ALL, core);
    if (passes_nearly_all(g, op, b, core->kind == NODE_FIELD && slice_eq(field_name(g, core), SL("_ts"))))
        return hold(HOLDS_ALL, core);
    if (is_system && core == a && (op == OP_EQ || op == OP_NE))
        return hold(op == OP_NE ? HOLDS_ALL : HOLDS_NONE, core);
    return SOME;
}

static struct sql_hold hold_of_in(const struct judge *g, const struct sql_node *n)
{
    const struct sql_node *left = first_child(g, n);
    struct sql_hold h = hold(HOLDS_NONE, sql_core_of(g, left));
    bool all_constant = true;

    for (uint32_t i = left->next; i; i = node(g, i)->next) {
        if (!is_constant(node(g, i)) && sql_same_value(g, left, node(g, i)))
            h = (struct sql_hold){ .reach = HOLDS_ALL, .core = h.core, .is_self = true };
        all_constant &= is_constant(node(g, i));
    }
    if (h.reach == HOLDS_NONE && (!all_constant || !sql_is_always_there(g, left)))
        return SOME;
    return n->is_negated ? inverse(h) : h;
}

static struct sql_hold hold_of_like(const struct judge *g, const struct sql_node *n)
{
    const struct sql_node *left = first_child(g, n), *right = second_child(g, n);
    struct slice pattern = string_of(g, right);
    struct sql_hold h = hold(HOLDS_NONE, sql_core_of(g, left));

    if (!is_constant(right) && sql_same_value(g, left, right))
        h = (struct sql_hold){ .reach = HOLDS_ALL, .core = h.core, .is_self = true };
    else if (right->kind == NODE_STRING && pattern.len > 0 && pattern.len <= 3 && pattern.at[0] == '%' &&
             pattern.at[pattern.len - 1] == '%')
        h.reach = HOLDS_ALL;
    else if (right->kind != NODE_STRING || !sql_is_always_there(g, left))
        return SOME;
    return n->is_negated ? inverse(h) : h;
}

static struct sql_hold hold_of_between(const struct judge *g, const struct sql_node *n)
{
    const struct sql_node *left = first_child(g, n), *low = second_child(g, n), *high = node(g, n->last_child);
    const struct sql_node *core = sql_core_of(g, left);
    bool is_time = core->kind == NODE_FIELD && slice_eq(field_name(g, core), SL("_ts"));

    if (n->children != 3)
        return SOME;
    if (n->is_negated)
        return is_constant(low) && is_constant(high) && sql_is_always_there(g, left) ? hold(HOLDS_ALL, core) : SOME;
    if (!is_constant(low) && sql_same_value(g, left, low))
        return (struct sql_hold){ .reach = HOLDS_ALL, .core = core, .is_self = true };
    if (low->kind == NODE_STRING
            ? string_of(g, low).len <= 1
            : is_time && passes_nearly_all(g, OP_GE, low, true) && passes_nearly_all(g, OP_LE, high, true))
        return hold(HOLDS_ALL, core);
    return SOME;
}

/* x ? a : b, IIF(x, a, b) */
static struct sql_hold hold_of_choice(const struct judge *g, const struct sql_node *n, size_t depth)
{
    struct sql_hold when = hold_at(g, first_child(g, n), depth + 1), yes = hold_at(g, second_child(g, n), depth + 1),
                    no = hold_at(g, node(g, n->last_child), depth + 1);

    if (when.reach != HOLDS_SOME)
        return both(g, when.reach == HOLDS_ALL ? yes : no, when);
    return yes.reach == no.reach ? both(g, yes, no) : SOME;
}

static bool holds_value(const struct judge *g, const struct sql_node *list, const struct sql_node *value)
{
    for (uint32_t i = list->child; i; i = node(g, i)->next)
        if (!is_constant(node(g, i)) && sql_same_value(g, node(g, i), value))
            return true;
    return false;
}

static struct sql_hold hold_of_call(const struct judge *g, const struct sql_node *n, size_t depth)
{
    if (!n->child)
        return SOME;
    const struct sql_node *a = first_child(g, n), *b = node(g, a->next), *core = sql_core_of(g, a);

    if (IS_CALL_OF(g, n, "iif") && n->children == 3)
        return hold_of_choice(g, n, depth);
    if (!(n->refs & REFS_FIELD) || (n->refs & REFS_UDF))
        return SOME;
    if (IS_CALL_OF(g, n, "is_defined", "is_string", "is_primitive", "is_number"))
        return hold(IS_CALL_OF(g, n, "is_number") && sql_is_always_there(g, a) &&
                            !(a->kind == NODE_FIELD && slice_eq(field_name(g, a), SL("_ts")))
                        ? HOLDS_NONE
                        : HOLDS_ALL,
                    core);
    if (IS_CALL_OF(g, n, "is_null", "is_array", "is_object", "is_bool"))
        return hold(IS_CALL_OF(g, n, "is_object") && a->kind == NODE_NAME ? HOLDS_ALL : HOLDS_NONE, core);
    if (IS_CALL_OF(g, n, "coalesce") && node(g, n->last_child)->kind == NODE_TRUE)
        return hold(HOLDS_ALL, core);
    if (n->children < 2 ||
        !IS_CALL_OF(g, n, "contains", "startswith", "endswith", "regexmatch", "stringequals", "array_contains"))
        return SOME;
    if (!is_constant(b) && (sql_same_value(g, a, b) || (a->kind == NODE_ARRAY && holds_value(g, a, b))))
        return (struct sql_hold){ .reach = HOLDS_ALL, .core = core, .is_self = true };
    if (b->kind != NODE_STRING)
        return SOME;
    if (string_of(g, b).len == 0 || (IS_CALL_OF(g, n, "regexmatch") && string_of(g, b).len <= 3))
        return hold(HOLDS_ALL, core);
    return sql_is_always_there(g, a) ? hold(HOLDS_NONE, core) : SOME;
}

/* EXISTS over nothing, or over the item itself, without a condition that tells. */
static struct sql_hold hold_of_exists(const struct judge *g, const struct sql_node *n, size_t depth)
{
    const struct sql_node *source = NULL;
    struct sql_hold h = hold(HOLDS_ALL, NULL);

    for (uint32_t i = first_child(g, n)->child; i; i = node(g, i)->next) {
        const struct sql_node *clause = node(g, i);

        if (clause->code == WORD_FROM)
            source = node(g, clause->last_child);
        else if (clause->code == WORD_WHERE)
            h = hold_at(g, first_child(g, clause), depth + 1);
        else if (clause->code == WORD_GROUP || clause->code == WORD_OFFSET || clause->code == WORD_TOP)
            return SOME;
    }
    return h.reach == HOLDS_ALL && source && source->kind != NODE_NAME ? hold(HOLDS_ALL, source) : h;
}

static struct sql_hold hold_at(const struct judge *g, const struct sql_node *n, size_t depth)
{
    if (depth >= CORE_DEPTH_MAX)
        return SOME;
    if (n->kind == NODE_SUBQUERY)
        return n->code == WORD_EXISTS ? hold_of_exists(g, n, depth) : SOME;
    if (is_constant(n)) {
        enum truth t = sql_truth_of(g, n);

        return t == TRUTH_UNKNOWN ? SOME : hold(t == TRUTH_YES ? HOLDS_ALL : HOLDS_NONE, NULL);
    }
    switch (n->kind) {
    case NODE_NOT: return inverse(hold_at(g, first_child(g, n), depth + 1));
    case NODE_AND: case NODE_OR: return hold_of_chain(g, n, depth);
    case NODE_TERNARY: return n->children == 3 ? hold_of_choice(g, n, depth) : SOME;
    case NODE_IN: return hold_of_in(g, n);
    case NODE_LIKE: return hold_of_like(g, n);
    case NODE_BETWEEN: return hold_of_between(g, n);
    case NODE_CALL: return hold_of_call(g, n, depth);
    case NODE_BINARY:
        if (n->code == OP_COALESCE) /* c.x ?? true */
            return second_child(g, n)->kind == NODE_TRUE ? hold(HOLDS_ALL, sql_core_of(g, first_child(g, n))) : SOME;
        return is_compare(n) ? hold_of_compare(g, n, depth) : SOME;
    default: return SOME;
    }
}

struct sql_hold sql_hold_of(const struct judge *g, const struct sql_node *n)
{
    struct sql_hold h = hold_at(g, n, 0);

    h.is_everywhere = !h.core || sql_is_always_there(g, h.core);
    return h;
}
