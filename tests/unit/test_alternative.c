/* What two comparisons of one property say together: detectors/kit/alternative. Each pair is held against the values that
 * pass it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/alternative.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdlib.h>

#define OPS (COMPARE_GE + 1)
#define VALUES 4 /* compared with 1, 2, 3, 4 */
#define ASKED 11 /* of 0, 0.5, 1 ... 5 */

static struct alternative number(int op, int value)
{
    return (struct alternative){ .op = (enum compare_op)op, .kind = COMPARE_NUMBER, .number = value };
}

static bool passes(const struct alternative *a, double x)
{
    switch (a->op) {
    case COMPARE_EQ: return x >= a->number && x <= a->number;
    case COMPARE_NE: return x < a->number || x > a->number;
    case COMPARE_LT: return x < a->number;
    case COMPARE_LE: return x <= a->number;
    case COMPARE_GT: return x > a->number;
    case COMPARE_GE: default: return x >= a->number;
    }
}

/* Who writes x != 1 OR x != 2 meant AND: that is not asked for here. */
START_TEST(what_leaves_nothing_out_is_passed_by_every_number)
{
    for (int k = 0; k < OPS * VALUES * OPS * VALUES; k++) {
        struct alternative a = number(k % OPS, 1 + k / OPS % VALUES);
        struct alternative b = number(k / (OPS * VALUES) % OPS, 1 + k / (OPS * VALUES * OPS));
        bool is_mistake = (a.op == COMPARE_NE || b.op == COMPARE_NE) && (a.number < b.number || a.number > b.number);
        bool all = true;

        for (int i = 0; i < ASKED; i++)
            all &= passes(&a, i / 2.0) || passes(&b, i / 2.0);
        ck_assert_msg(alternatives_leave_nothing_out(&a, &b) == (all && !is_mistake), "op %d with %g, op %d with %g", (int)a.op,
                      a.number, (int)b.op, b.number);
    }
}
END_TEST

START_TEST(what_is_wider_is_passed_by_all_of_the_other_and_more)
{
    for (int k = 0; k < OPS * VALUES * OPS * VALUES; k++) {
        struct alternative a = number(k % OPS, 1 + k / OPS % VALUES);
        struct alternative b = number(k / (OPS * VALUES) % OPS, 1 + k / (OPS * VALUES * OPS));
        bool all = true, more = false;

        for (int i = 0; i < ASKED; i++) {
            all &= !passes(&a, i / 2.0) || passes(&b, i / 2.0);
            more |= !passes(&a, i / 2.0) && passes(&b, i / 2.0);
        }
        ck_assert_msg(!alternative_is_wider(&a, &b) || (all && more), "op %d with %g, op %d with %g", (int)a.op, a.number,
                      (int)b.op, b.number);
        if (a.op == COMPARE_EQ)
            ck_assert(alternative_is_wider(&a, &b) == (all && more));
    }
}
END_TEST

START_TEST(values_of_two_kinds_are_not_compared)
{
    struct alternative text = { .op = COMPARE_EQ, .kind = COMPARE_TEXT, .text = SL("5") };
    struct alternative more = { .op = COMPARE_GT, .kind = COMPARE_TEXT, .text = SL("4") };
    struct alternative yes = { .op = COMPARE_EQ, .kind = COMPARE_FLAG, .text = SL("true") };
    struct alternative no = { .op = COMPARE_EQ, .kind = COMPARE_FLAG, .text = SL("false") };
    struct alternative five = number(COMPARE_NE, 5), low = number(COMPARE_GT, 0);

    ck_assert(!alternatives_leave_nothing_out(&text, &five));
    ck_assert(!alternative_is_wider(&text, &low));
    ck_assert(alternative_is_wider(&text, &more));
    ck_assert(alternatives_leave_nothing_out(&yes, &no));
    ck_assert(!alternatives_leave_nothing_out(&yes, &yes));
    ck_assert(!alternative_is_wider(&yes, &no));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("pairs");

    tcase_add_test(t, what_leaves_nothing_out_is_passed_by_every_number);
    tcase_add_test(t, what_is_wider_is_passed_by_all_of_the_other_and_more);
    tcase_add_test(t, values_of_two_kinds_are_not_compared);

    return run_group("alternative", t);
}
