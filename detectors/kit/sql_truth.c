/* sql_truth.c - conditions on constants, worked out. See sql_judge_parts.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "detectors/kit/sql_judge_parts.h"

/* ---- constants ---------------------------------------------------------------------------------- */

struct value {
    enum { VALUE_OTHER, VALUE_BOOL, VALUE_NUMBER, VALUE_STRING } kind;
    bool boolean;
    double number;
    struct slice text;
};

double sql_number_of(const struct judge *g, const struct sql_node *n)
{
    double value = 0;

    return parse_real(token_text(g, n->tok), &value)
               ? value
               : 0; /* .5 and 1. are no JSON numbers; equal spelling stays equal */
}

static struct value value_of(const struct judge *g, const struct sql_node *n)
{
    struct value v = { .kind = VALUE_OTHER };

    switch (n->kind) {
    case NODE_TRUE: case NODE_FALSE:
        return (struct value){ .kind = VALUE_BOOL, .boolean = n->kind == NODE_TRUE };
    case NODE_STRING: return (struct value){ .kind = VALUE_STRING, .text = string_of(g, n) };
    case NODE_NUMBER:
        return (struct value){ .kind = VALUE_NUMBER, .number = sql_number_of(g, n) };
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
