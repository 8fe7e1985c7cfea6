/* What is read next: order, growth, re-checks, gaps, and clocks that are wrong.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/window.h"

#include "base/timeutil.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>

#define MIN NS_PER_MIN
#define HOUR NS_PER_HOUR
#define DAY NS_PER_DAY

static int64_t at(const char *iso)
{
    int64_t ns = 0;

    ck_assert_msg(time_parse_iso(slice_of(iso), &ns), "%s", iso);
    return ns;
}

static struct window_timing ordinary(void)
{
    return (struct window_timing){ .window_ns = 5 * MIN, .settle_ns = 2 * MIN, .catch_up_ns = HOUR,
                                   .backfill_ns = 14 * DAY, .backfill_window_ns = 6 * HOUR, .lookback_ns = DAY,
                                   .recheck_ns = { 15 * MIN, HOUR, 4 * HOUR, DAY }, .retention_ns = 30 * DAY };
}

static struct window closed(int64_t from, int64_t to, int rechecks)
{
    return (struct window){ .source = "s", .from_ns = from, .to_ns = to, .state = WINDOW_CLOSED,
                            .read_ns = to + 2 * MIN, .rechecks = rechecks };
}

static struct window_plan next(const struct window_timing *t, const struct window *ledger, size_t n, int64_t now)
{
    struct window_plan p;

    window_next(t, "s", ledger, n, now, &p);
    return p;
}

#define ck_window(p, want_task, want_from, want_to)                                                        \
    do {                                                                                                   \
        ck_assert_int_eq((p).task, want_task);                                                             \
        ck_assert_msg((p).window.from_ns == (want_from) && (p).window.to_ns == (want_to),                  \
                      "%" PRId64 "..%" PRId64 ", wanted %" PRId64 "..%" PRId64, (p).window.from_ns,        \
                      (p).window.to_ns, (int64_t)(want_from), (int64_t)(want_to));                         \
    } while (0)

START_TEST(the_first_window_begins_the_backfill)
{
    struct window_timing t = ordinary();
    int64_t now = at("2026-08-20T10:07:31Z");
    struct window_plan p = next(&t, NULL, 0, now);

    ck_window(p, WINDOW_TASK_READ, at("2026-08-05T06:00:00Z"), at("2026-08-05T12:00:00Z"));
    ck_assert(p.window.is_backfill);
    ck_assert_int_eq(p.window.state, WINDOW_PENDING);
    ck_assert_str_eq(p.window.source, "s");
}
END_TEST

START_TEST(backfill_ends_where_the_lookback_begins)
{
    struct window_timing t = ordinary();
    int64_t now = at("2026-08-20T10:07:31Z");
    struct window w = closed(at("2026-08-19T00:00:00Z"), at("2026-08-19T06:00:00Z"), 0);
    struct window_plan p;

    w.is_backfill = true;
    p = next(&t, &w, 1, now);
    ck_window(p, WINDOW_TASK_READ, at("2026-08-19T06:00:00Z"), at("2026-08-19T10:05:00Z"));
    ck_assert(p.window.is_backfill);
    w = p.window;
    w.state = WINDOW_CLOSED;
    p = next(&t, &w, 1, now);
    ck_window(p, WINDOW_TASK_READ, at("2026-08-19T10:05:00Z"), at("2026-08-19T11:05:00Z"));
    ck_assert(!p.window.is_backfill);
}
END_TEST

START_TEST(without_backfill_the_lookback_is_first)
{
    struct window_timing t = ordinary();
    struct window_plan p;

    t.backfill_ns = 0;
    p = next(&t, NULL, 0, at("2026-08-20T10:07:31Z"));
    ck_window(p, WINDOW_TASK_READ, at("2026-08-19T10:05:00Z"), at("2026-08-19T11:05:00Z"));
    ck_assert(!p.window.is_backfill);
}
END_TEST

START_TEST(nothing_is_asked_that_retention_has_taken_at_the_first_start)
{
    struct window_timing t = ordinary();
    struct window_plan p;

    t.retention_ns = 7 * DAY;
    p = next(&t, NULL, 0, at("2026-08-20T10:07:31Z"));
    ck_assert_int_eq(p.task, WINDOW_TASK_READ);
    ck_assert_int_eq(p.window.from_ns, at("2026-08-13T10:10:00Z"));
    ck_assert(p.window.is_backfill);
}
END_TEST

START_TEST(a_look_back_that_retention_has_cut_short_raises_alerts_all_the_same)
{
    struct window_timing t = ordinary();
    struct window_plan p;

    t.retention_ns = 6 * HOUR;
    p = next(&t, NULL, 0, at("2026-08-20T10:07:31Z"));
    ck_window(p, WINDOW_TASK_READ, at("2026-08-20T04:10:00Z"), at("2026-08-20T05:10:00Z"));
    ck_assert(!p.window.is_backfill);
}
END_TEST

START_TEST(lengths_that_do_not_fit_each_other_end_at_multiples)
{
    struct window_timing t = ordinary();
    const int64_t base = at("2026-08-20T10:00:00Z");
    struct window w = closed(base - 5 * MIN, base, 4);

    t.catch_up_ns = 7 * MIN;
    ck_window(next(&t, &w, 1, base + 9 * HOUR), WINDOW_TASK_READ, base, base + 5 * MIN);
    t.catch_up_ns = MIN; /* less than one window: one window */
    ck_window(next(&t, &w, 1, base + 9 * HOUR), WINDOW_TASK_READ, base, base + 5 * MIN);
    t.backfill_window_ns = 7 * MIN;
    w.is_backfill = true;
    ck_window(next(&t, &w, 1, base + 3 * DAY), WINDOW_TASK_READ, base, base + 5 * MIN);
}
END_TEST

START_TEST(new_windows_follow_the_last_one_and_leave_the_settling_time)
{
    struct window_timing t = ordinary();
    const int64_t base = at("2026-08-20T10:00:00Z");
    struct window w = closed(base - 5 * MIN, base, 4);
    static const struct { int64_t now, to; } cases[] = { /* after base; to 0: nothing yet */
        { .now = 0, .to = 0 },
        { .now = 7 * MIN - 100, .to = 0 },
        { .now = 7 * MIN, .to = 5 * MIN },
        { .now = 11 * MIN, .to = 5 * MIN },
        { .now = 12 * MIN, .to = 10 * MIN },      /* a little behind: more at once */
        { .now = 40 * MIN, .to = 35 * MIN },
        { .now = 62 * MIN, .to = 60 * MIN },
        { .now = 10 * HOUR, .to = 60 * MIN },     /* far behind: no more than catch_up */
    };

    w.state = WINDOW_RECHECKED;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct window_plan p = next(&t, &w, 1, base + cases[i].now);

        if (cases[i].to == 0) {
            ck_assert_msg(p.task == WINDOW_TASK_NONE, "case %zu", i);
            ck_assert_msg(p.wait_ms > 0 && p.wait_ms <= 5 * 60000 + 1, "case %zu: %" PRId64, i, p.wait_ms);
        } else {
            ck_assert_msg(p.task == WINDOW_TASK_READ && p.window.from_ns == base && p.window.to_ns == base + cases[i].to,
                          "case %zu: to %" PRId64, i, (p.window.to_ns - base) / MIN);
        }
    }
}
END_TEST

START_TEST(windows_are_contiguous_over_days_of_outage)
{
    struct window_timing t = ordinary();
    const int64_t now = at("2026-08-20T10:00:00Z");
    struct window w = closed(now - 6 * DAY - 5 * MIN, now - 6 * DAY, 0);
    int64_t covered = w.to_ns;
    size_t windows = 0;

    w.state = WINDOW_RECHECKED;
    for (;;) {
        struct window_plan p = next(&t, &w, 1, now);

        if (p.task == WINDOW_TASK_NONE)
            break;
        ck_window(p, WINDOW_TASK_READ, covered, p.window.to_ns);
        ck_assert(p.window.to_ns > covered && p.window.to_ns <= now - t.settle_ns);
        covered = p.window.to_ns;
        w = p.window;
        w.state = WINDOW_RECHECKED;
        ck_assert(++windows < 200);
    }
    ck_assert(covered > now - t.settle_ns - t.window_ns);
    ck_assert(windows <= 6 * 24 + 12); /* a week of outage costs few queries */
}
END_TEST

START_TEST(an_open_window_stays_first_however_often_it_failed)
{
    struct window_timing t = ordinary();
    const int64_t base = at("2026-08-20T10:00:00Z");
    struct window ledger[2] = { closed(base - 10 * MIN, base - 5 * MIN, 0), closed(base - 5 * MIN, base, 0) };
    struct window_plan p;

    ledger[1].state = WINDOW_READING;
    ledger[1].attempts = 7;
    p = next(&t, ledger, 2, base + 6 * HOUR); /* re-checks are due, too, and much is unread */
    ck_window(p, WINDOW_TASK_READ, base - 5 * MIN, base);
    ck_assert_int_eq(p.window.attempts, 7);
    ck_assert_int_eq(p.window.state, WINDOW_PENDING);
}
END_TEST

START_TEST(a_recheck_that_is_due_comes_before_the_next_new_window)
{
    struct window_timing t = ordinary();
    const int64_t base = at("2026-08-20T10:00:00Z");
    static const struct { int64_t now; int done, want; } cases[] = { /* want: -1 none; else rechecks of the plan */
        { .now = 14 * MIN, .done = 0, .want = -1 },
        { .now = 15 * MIN, .done = 0, .want = 0 },
        { .now = 15 * MIN, .done = 1, .want = -1 },
        { .now = HOUR, .done = 1, .want = 1 },
        { .now = 5 * HOUR, .done = 0, .want = 2 }, /* three are due: one will do */
        { .now = 2 * DAY, .done = 3, .want = 3 },
        { .now = 2 * DAY, .done = 4, .want = -1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct window w = closed(base - 5 * MIN, base, cases[i].done);
        struct window_plan p = next(&t, &w, 1, base + cases[i].now);

        if (cases[i].want < 0)
            ck_assert_msg(p.task == WINDOW_TASK_READ, "case %zu: task %d", i, (int)p.task);
        else
            ck_assert_msg(p.task == WINDOW_TASK_RECHECK && p.window.rechecks == cases[i].want && p.window.to_ns == base,
                          "case %zu: task %d, %d", i, (int)p.task, p.window.rechecks);
    }
}
END_TEST

START_TEST(waiting_ends_when_the_next_recheck_is_due)
{
    struct window_timing t = ordinary();
    const int64_t base = at("2026-08-20T10:00:00Z");
    struct window ledger[2] = { closed(base - 15 * MIN, base - 10 * MIN, 0), closed(base - 10 * MIN, base, 0) };
    struct window_plan p = next(&t, ledger, 2, base + 3 * MIN);

    ck_assert_int_eq(p.task, WINDOW_TASK_NONE);
    ck_assert_int_eq(p.wait_ms, 2 * 60000 + 1);
    p = next(&t, &ledger[1], 1, base + 7 * MIN - 100); /* all but due: no busy waiting */
    ck_assert_int_eq(p.task, WINDOW_TASK_NONE);
    ck_assert_int_ge(p.wait_ms, 50);
}
END_TEST

START_TEST(a_late_first_reading_makes_rechecks_needless)
{
    struct window_timing t = ordinary();
    const int64_t base = at("2026-08-10T10:00:00Z");
    struct window w = closed(base, base + HOUR, 0);

    ck_assert(!window_is_rechecked(&t, &w));
    ck_window(next(&t, &w, 1, w.to_ns + 15 * MIN), WINDOW_TASK_RECHECK, base, base + HOUR); /* its age is that of its end */
    w.read_ns = w.to_ns + DAY;
    ck_assert(window_is_rechecked(&t, &w));
    w.read_ns = w.to_ns + 2 * HOUR; /* 15m and 1h are moot, 4h is not */
    ck_assert(!window_is_rechecked(&t, &w));
    ck_assert_int_eq(next(&t, &w, 1, w.to_ns + 3 * HOUR).task, WINDOW_TASK_READ);
    ck_assert_int_eq(next(&t, &w, 1, w.to_ns + 4 * HOUR).task, WINDOW_TASK_RECHECK);
    w.rechecks = 4;
    ck_assert(window_is_rechecked(&t, &w));
    w.rechecks = 0;
    w.is_backfill = true;
    ck_assert(window_is_rechecked(&t, &w));
}
END_TEST

START_TEST(what_retention_took_is_one_gap)
{
    struct window_timing t = ordinary();
    const int64_t now = at("2026-08-20T10:02:00Z");
    struct window w = closed(now - 40 * DAY - 5 * MIN, now - 40 * DAY, 0);
    struct window_plan p;

    w.state = WINDOW_RECHECKED;
    p = next(&t, &w, 1, now);
    ck_window(p, WINDOW_TASK_GAP, now - 40 * DAY, at("2026-07-21T10:00:00Z"));
    ck_assert_int_eq(p.window.state, WINDOW_GAP);
    ck_assert(p.window.reason[0] != '\0');
    w = p.window;
    p = next(&t, &w, 1, now);
    ck_window(p, WINDOW_TASK_READ, at("2026-07-21T10:00:00Z"), at("2026-07-21T11:00:00Z"));

    w.state = WINDOW_PENDING; /* failed until it was too late */
    p = next(&t, &w, 1, now);
    ck_window(p, WINDOW_TASK_GAP, w.from_ns, w.to_ns);

    t.retention_ns = 0;
    ck_assert_int_eq(next(&t, &w, 1, now).task, WINDOW_TASK_READ);
}
END_TEST

START_TEST(a_gap_is_what_is_gone_and_no_more)
{
    struct window_timing t = ordinary();
    const int64_t base = at("2026-08-20T10:00:00Z");
    struct window w = closed(base, base + HOUR, 0);

    w.state = WINDOW_PENDING;
    ck_assert_int_eq(next(&t, &w, 1, w.to_ns + 30 * DAY - 100).task, WINDOW_TASK_READ); /* its last tick is there still */
    ck_window(next(&t, &w, 1, w.to_ns + 30 * DAY), WINDOW_TASK_GAP, base, base + HOUR);
    w.state = WINDOW_RECHECKED;
    ck_assert_int_eq(next(&t, &w, 1, w.to_ns + 30 * DAY + 5 * MIN).task, WINDOW_TASK_READ);
    ck_window(next(&t, &w, 1, w.to_ns + 30 * DAY + 5 * MIN + 100), WINDOW_TASK_GAP, w.to_ns, w.to_ns + 5 * MIN);
}
END_TEST

START_TEST(a_clock_that_is_wrong_plans_nothing_odd)
{
    struct window_timing t = ordinary();
    const int64_t base = at("2026-08-20T10:00:00Z");
    struct window w = closed(base - 5 * MIN, base, 0);
    static const int64_t back[] = { 0, 100, MIN, HOUR, 40 * DAY };

    for (size_t i = 0; i < ARRAY_LEN(back); i++) {
        struct window_plan p = next(&t, &w, 1, base - back[i]);

        ck_assert_msg(p.task == WINDOW_TASK_NONE, "case %zu", i);
        ck_assert_msg(p.wait_ms > 0 && p.wait_ms <= 5 * 60000 + 1, "case %zu: waits %" PRId64, i, p.wait_ms);
    }
    ck_assert_int_eq(next(&t, NULL, 0, at("1970-01-01T00:03:00Z")).task, WINDOW_TASK_NONE);
    ck_assert_int_eq(next(&t, &w, 1, at("2001-01-01T00:00:00Z")).task, WINDOW_TASK_NONE);
}
END_TEST

START_TEST(an_odd_end_leads_back_to_multiples)
{
    struct window_timing t = ordinary();
    const int64_t base = at("2026-08-20T10:00:00Z");
    struct window w = closed(base, base + MIN + 700, 4);
    struct window_plan p;

    w.state = WINDOW_GAP;
    p = next(&t, &w, 1, base + 9 * MIN);
    ck_window(p, WINDOW_TASK_READ, base + MIN + 700, base + 5 * MIN);
    p = next(&t, &w, 1, base + 9 * HOUR);
    ck_window(p, WINDOW_TASK_READ, base + MIN + 700, base + HOUR);
}
END_TEST

int main(void)
{
    TCase *c = tcase_create("plan");

    tcase_add_test(c, the_first_window_begins_the_backfill);
    tcase_add_test(c, backfill_ends_where_the_lookback_begins);
    tcase_add_test(c, without_backfill_the_lookback_is_first);
    tcase_add_test(c, nothing_is_asked_that_retention_has_taken_at_the_first_start);
    tcase_add_test(c, a_look_back_that_retention_has_cut_short_raises_alerts_all_the_same);
    tcase_add_test(c, lengths_that_do_not_fit_each_other_end_at_multiples);
    tcase_add_test(c, new_windows_follow_the_last_one_and_leave_the_settling_time);
    tcase_add_test(c, windows_are_contiguous_over_days_of_outage);
    tcase_add_test(c, an_open_window_stays_first_however_often_it_failed);
    tcase_add_test(c, a_recheck_that_is_due_comes_before_the_next_new_window);
    tcase_add_test(c, waiting_ends_when_the_next_recheck_is_due);
    tcase_add_test(c, a_late_first_reading_makes_rechecks_needless);
    tcase_add_test(c, what_retention_took_is_one_gap);
    tcase_add_test(c, a_gap_is_what_is_gone_and_no_more);
    tcase_add_test(c, a_clock_that_is_wrong_plans_nothing_odd);
    tcase_add_test(c, an_odd_end_leads_back_to_multiples);
    return run_group("source_window", c);
}
