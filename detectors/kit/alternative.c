/* alternative.c - see alternative.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/alternative.h"

static bool is_above(const struct alternative *a)
{
    return a->op == COMPARE_GT || a->op == COMPARE_GE;
}

static bool is_below(const struct alternative *a)
{
    return a->op == COMPARE_LT || a->op == COMPARE_LE;
}

/* Which value comes first? False when they cannot be compared. */
static bool order_of(const struct alternative *a, const struct alternative *b, int *ret)
{
    if (a->kind != b->kind || (a->kind != COMPARE_TEXT && a->kind != COMPARE_NUMBER))
        return false;
    *ret = a->kind == COMPARE_TEXT ? slice_cmp(a->text, b->text) : (a->number > b->number) - (a->number < b->number);
    return true;
}

/* x > -1 OR x <= 200: below, above and between. (x < 3 OR x > 9 leaves out what lies between.) */
static bool overlap(const struct alternative *low, const struct alternative *high)
{
    return is_above(low) && is_below(high) && low->kind == COMPARE_NUMBER && high->kind == COMPARE_NUMBER &&
           low->number < high->number;
}

static bool is_pair(const struct alternative *a, const struct alternative *b, enum compare_op one, enum compare_op other)
{
    return (a->op == one && b->op == other) || (a->op == other && b->op == one);
}

bool alternatives_leave_nothing_out(const struct alternative *a, const struct alternative *b)
{
    int order = 1;
    bool is_same = order_of(a, b, &order) ? order == 0 : a->kind == b->kind && slice_eq(a->text, b->text);

    if (overlap(a, b) || overlap(b, a))
        return true;
    if (a->kind == COMPARE_FLAG && b->kind == COMPARE_FLAG && is_pair(a, b, COMPARE_EQ, COMPARE_EQ))
        return !is_same;
    return is_same &&
           (is_pair(a, b, COMPARE_EQ, COMPARE_NE) || is_pair(a, b, COMPARE_LT, COMPARE_GE) ||
            is_pair(a, b, COMPARE_LE, COMPARE_GT) || is_pair(a, b, COMPARE_LE, COMPARE_GE) ||
            is_pair(a, b, COMPARE_LE, COMPARE_NE) || is_pair(a, b, COMPARE_GE, COMPARE_NE));
}

bool alternative_is_wider(const struct alternative *a, const struct alternative *b)
{
    int order = 0;
    bool with_it = b->op == COMPARE_GE || b->op == COMPARE_LE;

    if (!order_of(a, b, &order))
        return false;
    if (a->op != COMPARE_EQ)
        return (is_above(b) && is_above(a) && order > 0) || (is_below(b) && is_below(a) && order < 0);
    return b->op == COMPARE_NE ? order != 0
           : is_above(b)       ? order > 0 || (order == 0 && with_it)
           : is_below(b)       ? order < 0 || (order == 0 && with_it)
                               : false;
}

#define FEW_DIGITS 2u

bool numbers_are_made_up(struct slice a, struct slice b)
{
    return a.len > FEW_DIGITS && b.len > FEW_DIGITS;
}
