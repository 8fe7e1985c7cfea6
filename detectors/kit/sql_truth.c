/* sql_truth.c - conditions that are true (or false) whatever the item holds. See sql_judge_parts.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "detectors/kit/sql_judge_parts.h"
#include "detectors/kit/sql_words.h"

/* ---- constants ---------------------------------------------------------------------------------- */

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

enum truth sql_truth_of(const struct judge *g, const struct sql_node *n)
{
    enum truth t = TRUTH_UNKNOWN;

    if (n->kind == NODE_TRUE || n->kind == NODE_FALSE)
        return n->kind == NODE_TRUE ? TRUTH_YES : TRUTH_NO;
    if (n->kind == NODE_NOT) {
        t = sql_truth_of(g, first_child(g, n));
        return t == TRUTH_UNKNOWN ? t : t == TRUTH_YES ? TRUTH_NO : TRUTH_YES;
    }
    return is_compare(n) ? truth_of_compare(g, n) : t;
}

/* ---- branches that are true anyway -------------------------------------------------------------- */

bool sql_same_tokens(const struct judge *g, const struct sql_node *a, const struct sql_node *b)
{
    if (a->last - a->first != b->last - b->first)
        return false;
    for (uint32_t i = 0; i <= a->last - a->first; i++)
        if (!slice_eq(token_text(g, a->first + i), token_text(g, b->first + i)))
            return false;
    return true;
}

bool sql_is_always_there(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_NAME || (n->kind == NODE_FIELD && sql_is_system_property(field_name(g, n)));
}

bool sql_is_call_of(const struct judge *g, const struct sql_node *n, const char *const *names, size_t len)
{
    if (n->kind != NODE_CALL)
        return false;
    for (size_t i = 0; i < len; i++)
        if (slice_eq_nocase(token_text(g, n->tok), slice_of(names[i])))
            return true;
    return false;
}

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

const struct sql_node *sql_core_of(const struct judge *g, const struct sql_node *n)
{
    for (int i = 0; i < 4 && n->kind == NODE_CALL && n->child; i++)
        n = first_child(g, n);
    return n;
}

bool sql_is_wide(const struct judge *g, const struct sql_node *n, const struct sql_node **ret_core)
{
    if (n->kind == NODE_NOT) {
        const struct sql_node *in = first_child(g, n);

        *ret_core = sql_core_of(g, is_compare(in) ? first_child(g, in) : in);
        if (is_compare(in)) /* NOT (c.id = 'x') */
            return in->code == OP_EQ && sql_is_always_there(g, *ret_core) && is_constant(second_child(g, in));
        return IS_CALL_OF(g, in, "is_null", "is_array", "is_object", "is_bool");
    }
    if (n->kind == NODE_BETWEEN && !n->is_negated && n->children == 3) {
        *ret_core = sql_core_of(g, first_child(g, n));
        return second_child(g, n)->kind == NODE_STRING && string_of(g, second_child(g, n)).len <= 1;
    }
    *ret_core = sql_core_of(g, n);
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

        *ret_core = sql_core_of(g, first_child(g, n));
        return second_child(g, n)->kind == NODE_STRING && pattern.len > 0 && pattern.len <= 3 &&
               pattern.at[0] == '%' && pattern.at[pattern.len - 1] == '%';
    }
    if (is_compare(n) && is_constant(second_child(g, n))) {
        *ret_core = sql_core_of(g, first_child(g, n));
        if (n->code == OP_NE && sql_is_always_there(g, *ret_core))
            return true;
        return ((*ret_core)->refs & REFS_FIELD) && passes_nearly_all(g, n, second_child(g, n));
    }
    if (is_compare(n) && is_constant(first_child(g, n)) && first_child(g, n)->kind == NODE_STRING) {
        *ret_core = sql_core_of(g, second_child(g, n)); /* '' != c.id, '' < c.id */
        return ((*ret_core)->refs & REFS_FIELD) && string_of(g, first_child(g, n)).len <= 1 &&
               (n->code == OP_NE || n->code == OP_LT || n->code == OP_LE);
    }
    return false;
}

bool sql_is_self_compare(const struct judge *g, const struct sql_node *n)
{
    if (!is_compare(n) && n->kind != NODE_IN && n->kind != NODE_LIKE && n->kind != NODE_BETWEEN)
        return false;
    return (first_child(g, n)->refs & REFS_FIELD) && sql_same_tokens(g, first_child(g, n), second_child(g, n));
}
