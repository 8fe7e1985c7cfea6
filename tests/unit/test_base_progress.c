/* How far work is: the share, the rate, the time left; nothing invented when the whole is not known.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/progress.h"

#include "base/services.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdlib.h>

static struct buf at(int64_t total, int64_t done, int64_t ms)
{
    const struct progress p = { .what = "importing", .unit = "rows", .total = total, .begun_ms = 1000 };
    struct buf out = BUF_INIT(512);

    progress_add(&out, &p, done, 1000 + ms);
    return out;
}

START_TEST(the_line_tells_share_rate_and_time_left)
{
    static const struct { int64_t total, done, ms; const char *want; } cases[] = {
        { 4000, 1000, 1000, "importing [#####...............] 25 %, 1,000 rows/s, 3s left" },
        { 4000, 0, 0, "importing [....................] 0 %" },
        { 4000, 4000, 2000, "importing [####################] 100 %, 2,000 rows/s, 0 left" },
        { 4000, 9000, 1000, "importing [####################] 100 %, 9,000 rows/s, 0 left" },
        { 0, 0, 1000, "importing 0 rows" },
        { 0, 1234, 1000, "importing 1,234 rows, 1,234 rows/s" },
        { INT64_MAX, INT64_MAX / 2, 1000, NULL },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf got = at(cases[i].total, cases[i].done, cases[i].ms);

        if (cases[i].want)
            ck_assert_str_eq(buf_cstr(&got), cases[i].want);
        buf_release(&got);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("line");

    tcase_add_test(t, the_line_tells_share_rate_and_time_left);
    return run_group("base_progress", t);
}
