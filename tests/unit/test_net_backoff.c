/* Delays between tries. SPDX-License-Identifier: Apache-2.0 */
#include "net/backoff.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static unsigned char dice_byte;

static void same_bytes(void *self UNUSED, void *at, size_t len)
{
    memset(at, dice_byte, len);
}

static const struct random_ops same = { .bytes = same_bytes };
static const struct services sv = { .random = &same };
static const struct services real = { .random = &random_system };

START_TEST(delays_stay_between_zero_and_a_doubling_ceiling)
{
    static const int64_t ceilings[] = { 100, 200, 400, 800, 1000, 1000, 1000 };

    for (int round = 0; round < 200; round++) {
        struct backoff b = { .base_ms = 100, .cap_ms = 1000 };

        for (size_t i = 0; i < ARRAY_LEN(ceilings); i++) {
            int64_t d = backoff_next(&b, 0, &real);

            ck_assert_msg(d >= 0 && d <= ceilings[i], "try %zu: %" PRId64, i, d);
        }
    }
}
END_TEST

START_TEST(the_whole_range_is_used)
{
    int64_t low = INT64_MAX, high = 0;

    for (int i = 0; i < 2000; i++) {
        struct backoff b = { .base_ms = 1000, .cap_ms = 1000 };
        int64_t d = backoff_next(&b, 0, &real);

        low = d < low ? d : low;
        high = d > high ? d : high;
    }
    ck_assert_int_lt(low, 50);
    ck_assert_int_gt(high, 950);
}
END_TEST

START_TEST(what_the_other_side_asked_for_is_a_floor)
{
    struct backoff b = { .base_ms = 100, .cap_ms = 1000 };

    dice_byte = 0;
    ck_assert(backoff_next(&b, 5000, &sv) == 5000);
    ck_assert(backoff_next(&b, 1, &sv) == 1);
    dice_byte = 0xff;
    ck_assert(backoff_next(&b, 1, &sv) >= 1);
}
END_TEST

START_TEST(endless_failing_does_not_overflow)
{
    struct backoff b = { .base_ms = 1000, .cap_ms = INT64_MAX - 1, .attempts = INT_MAX - 2 };

    dice_byte = 0xff;
    for (int i = 0; i < 5; i++)
        ck_assert(backoff_next(&b, 0, &sv) >= 0);
    ck_assert_int_eq(b.attempts, INT_MAX);
    backoff_reset(&b);
    ck_assert_int_eq(b.attempts, 0);
    ck_assert(backoff_next(&b, 0, &sv) <= 1000);
}
END_TEST

START_TEST(nothing_set_means_no_delay)
{
    struct backoff b = { 0 };

    dice_byte = 0xff;
    ck_assert(backoff_next(&b, 0, &sv) == 0);
    ck_assert(backoff_next(&b, -1, &sv) == 0);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("backoff");

    tcase_add_test(t, delays_stay_between_zero_and_a_doubling_ceiling);
    tcase_add_test(t, the_whole_range_is_used);
    tcase_add_test(t, what_the_other_side_asked_for_is_a_floor);
    tcase_add_test(t, endless_failing_does_not_overflow);
    tcase_add_test(t, nothing_set_means_no_delay);
    return run_group("net_backoff", t);
}
