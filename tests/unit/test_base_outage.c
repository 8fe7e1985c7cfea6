/* What does not work is said once, now and then while it lasts, and once when it works again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/outage.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdlib.h>

START_TEST(a_day_without_is_said_a_handful_of_times_at_growing_intervals)
{
    struct outage o = { 0 };
    int64_t last = 0, pause = 0;
    int said = 0;

    ck_assert_int_eq(outage_note(&o, 1000), OUTAGE_NEW);
    for (int64_t now = 2000; now < 86400000; now += 1000) {
        enum outage_say say = outage_note(&o, now);

        ck_assert_int_ne(say, OUTAGE_NEW);
        if (say == OUTAGE_QUIET)
            continue;
        ck_assert_int_ge(now - last, pause);
        pause = now - last;
        last = now;
        said++;
    }
    ck_assert_int_ge(said, 4);
    ck_assert_int_le(said, 8);
}
END_TEST

START_TEST(its_end_is_said_once_with_its_length_and_the_next_one_is_new)
{
    struct outage o = { 0 };
    int64_t lasted = 0;

    ck_assert(!outage_end(&o, 500, &lasted));
    ck_assert_int_eq(outage_note(&o, 0), OUTAGE_NEW); /* the clock's zero is a time like any other */
    ck_assert(outage_is_on(&o));
    ck_assert_int_eq(outage_note(&o, 10), OUTAGE_QUIET);
    ck_assert(outage_end(&o, 7001, &lasted));
    ck_assert_int_eq(lasted, 7000);
    ck_assert(!outage_is_on(&o) && !outage_end(&o, 7002, &lasted));
    ck_assert_int_eq(outage_note(&o, 7003), OUTAGE_NEW);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("said");

    tcase_add_test(t, a_day_without_is_said_a_handful_of_times_at_growing_intervals);
    tcase_add_test(t, its_end_is_said_once_with_its_length_and_the_next_one_is_new);
    return run_group("base_outage", t);
}
