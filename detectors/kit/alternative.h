/* alternative.h - two comparisons of one property with values, held against each other, whatever the dialect.
 *
 * Who writes alternatives writes different ones. Where one makes another needless, or both together leave nothing out, two
 * authors wrote them. Whoever reads a dialect's tree says what a comparison is and whether two ask for the same property.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ALTERNATIVE_H
#define COSMOWATCH_ALTERNATIVE_H

#include "base/slice.h"

enum compare_op { COMPARE_EQ, COMPARE_NE, COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE };
enum compare_kind { COMPARE_OTHER, COMPARE_TEXT, COMPARE_NUMBER, COMPARE_FLAG };

struct alternative { /* property op value */
    enum compare_op op;
    enum compare_kind kind; /* of the value */
    struct slice text;
    double number;
};

/* x = 5 OR x != 5, x > 3 OR x < 9, x = true OR x = false: between them nothing is left out. */
bool alternatives_leave_nothing_out(const struct alternative *a, const struct alternative *b);

/* Whatever passes `a` passes `b`, and more does: x = 5 and x > 0. */
bool alternative_is_wider(const struct alternative *a, const struct alternative *b);

/* 4471 = 4471, 318 = 907: what a tool makes up for each of its questions. (Builders end their chains with 1 = 1.) */
bool numbers_are_made_up(struct slice a, struct slice b);

#endif
