/* What detectors/volume.c and detectors/kit/band.c promise.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/bench.h"
#include "tests/kit/suite.h"

#include "base/timeutil.h"
#include "detectors/kit/band.h"
#include "detectors/kit/odd_hours.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct detector_ops detector_volume;

#define TYPE "CosmosDB_DataExfiltrationAnomaly"
#define MB INT64_C(1000000)

static const struct band_rule rule = { .z10 = 30, .q = 3, .floor_bytes = 50 << 20, .samples = 20 };

struct reads { /* one minute of one reader */
    int64_t minute_ns, bytes;
    const char *address, *key, *agent, *container;
};

static struct observation as_observation(const struct reads *r)
{
    struct observation o = { .minute_ns = r->minute_ns, .bytes_out = r->bytes, .count = 3, .ru_milli = 5000 };

    o.text[F_ADDRESS] = slice_of(r->address ? r->address : "10.1.2.3");
    o.text[F_KEY_KIND] = slice_of(r->key ? r->key : "PrimaryMasterKey");
    o.text[F_USER_AGENT] =
        slice_of(r->agent ? r->agent : "azsdk-java-cosmos/4.60.0 Linux/5.15.0-1059-azure JRE/17.0.11");
    o.text[F_OPERATION] = SL("Query");
    o.text[F_DATABASE] = SL("shop");
    o.text[F_CONTAINER] = slice_of(r->container ? r->container : "orders");
    o.sample = SL("0a0a0a0a-0000-4000-8000-000000000001");
    return o;
}

static void feed(struct bench *b, struct reads r)
{
    struct observation o = as_observation(&r);

    bench_feed(b, &o);
}

static int64_t hour_of(int day, int hour)
{
    return bench_time(BENCH_DAY0) + day * NS_PER_DAY + hour * NS_PER_HOUR;
}

/* An application that reads `times` 30..50 MB in each hour of `days` days, in two portions. */
static void feed_times(struct bench *b, int first_day, int days, int times)
{
    for (int h = 0; h < days * 24; h++) {
        int64_t at = hour_of(first_day, h), bytes = times * (30 + 7 * (h % 4)) * MB;

        feed(b, (struct reads){ .minute_ns = at + 5 * NS_PER_MIN, .bytes = bytes / 2 });
        feed(b, (struct reads){ .minute_ns = at + 40 * NS_PER_MIN, .bytes = bytes - bytes / 2 });
    }
}

static void feed_usual(struct bench *b, int first_day, int days)
{
    feed_times(b, first_day, days, 1);
}

static struct bench *open_learned(int days)
{
    struct bench *b = bench_open(&detector_volume, "");

    bench_set_backfill(b, true);
    feed_usual(b, 0, days);
    bench_set_backfill(b, false);
    return b;
}

START_TEST(seven_gigabytes_in_an_hour_alert_with_the_usual_beside_them)
{
    struct bench *b = open_learned(20);
    const struct alert *a;

    for (int m = 0; m < 10; m++)
        feed(b, (struct reads){ .minute_ns = hour_of(20, 3) + m * NS_PER_MIN, .bytes = 700 * MB });
    a = bench_only(b, TYPE);
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    ck_assert_str_eq(a->variant, ".Bytes");
    ck_assert_str_eq(a->subject, "account key / azsdk-java-cosmos / private -> shop/orders");
    ck_assert_int_eq(alert_number(a, "bytesOut", 0), 7000 * MB);
    ck_assert_int_eq(alert_number(a, "requests", 0), 30);
    ck_assert_int_eq(a->count, 30);
    ck_assert_int_eq(alert_number(a, "historyDays", 0), 20);
    ck_assert(alert_number(a, "usualBytes", 0) > 30 * MB && alert_number(a, "usualBytes", 0) < 60 * MB);
    ck_assert(alert_number(a, "usualP99Bytes", 0) < 80 * MB);
    ck_assert_int_gt(alert_number(a, "zScore10", 0), 100);
    ck_assert_str_eq(alert_text(a, "hours"), "2026-03-21T03:00:00Z");
    ck_assert_str_eq(alert_text(a, "keyKind"), "PrimaryMasterKey");
    ck_assert_str_eq(alert_text(a, "address"), "10.1.2.3");
    ck_assert_ptr_null(alert_fact(a, "newReader"));
    bench_free(b);
}
END_TEST

START_TEST(an_hour_alerts_only_above_the_band_and_the_floor)
{
    static const struct {
        const char *name;
        int64_t bytes;
        size_t alerts;
    } cases[] = {
        { .name = "usual", .bytes = 50 * MB, .alerts = 0 },
        { .name = "twice the usual", .bytes = 90 * MB, .alerts = 0 },
        { .name = "ten times the usual", .bytes = 450 * MB, .alerts = 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = open_learned(20);

        feed(b, (struct reads){ .minute_ns = hour_of(20, 3), .bytes = cases[i].bytes });
        ck_assert_msg(bench_alerts(b) == cases[i].alerts, "%s", cases[i].name);
        bench_free(b);
    }
}
END_TEST

START_TEST(far_outside_the_band_but_below_the_floor_is_silent)
{
    struct bench *b = bench_open(&detector_volume, "");

    for (int h = 0; h < 20 * 24; h++)
        feed(b, (struct reads){ .minute_ns = hour_of(0, h), .bytes = 10000 });
    feed(b, (struct reads){ .minute_ns = hour_of(20, 0), .bytes = 50 << 20 });
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, (struct reads){ .minute_ns = hour_of(20, 0), .bytes = 1 });
    ck_assert_uint_eq(bench_alerts(b), 1);
    ck_assert_int_eq(alert_number(bench_only(b, TYPE), "bytesOut", 0), (50 << 20) + 1);
    bench_free(b);
}
END_TEST

START_TEST(writes_refusals_and_the_service_do_not_count)
{
    static const struct {
        const char *name, *operation, *key;
        int32_t status;
    } cases[] = {
        { .name = "upsert", .operation = "Upsert", .key = "PrimaryMasterKey", .status = 200 },
        { .name = "bad request", .operation = "Query", .key = "PrimaryMasterKey", .status = 400 },
        { .name = "nothing new", .operation = "ReadFeed", .key = "PrimaryMasterKey", .status = 304 },
        { .name = "throttled", .operation = "Query", .key = "PrimaryMasterKey", .status = 429 },
        { .name = "service", .operation = "Query", .key = "SystemReadOnly", .status = 200 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = open_learned(16);
        struct reads r = { .minute_ns = hour_of(16, 3), .bytes = 9000 * MB, .key = cases[i].key };
        struct observation o = as_observation(&r);

        o.text[F_OPERATION] = slice_of(cases[i].operation);
        o.status = cases[i].status;
        bench_feed(b, &o);
        ck_assert_msg(bench_alerts(b) == 0, "%s", cases[i].name);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_new_reader_beyond_the_container_s_usual_hour_is_high)
{
    struct bench *b = bench_open(&detector_volume, "");
    const struct alert *a;

    bench_set_backfill(b, true);
    feed_times(b, 0, 16, 2); /* 102 MB in this hour */
    bench_set_backfill(b, false);
    feed(b, (struct reads){ .minute_ns = hour_of(16, 3), .bytes = 90 * MB, .address = "203.0.113.9",
                            .agent = "python-requests/2.31.0" });
    ck_assert_uint_eq(bench_alerts(b), 0); /* less than all readers together usually read */
    feed(b, (struct reads){ .minute_ns = hour_of(16, 3) + NS_PER_MIN, .bytes = 90 * MB,
                            .address = "203.0.113.8", .agent = "python-requests/2.31.0" });
    a = bench_only(b, TYPE);
    ck_assert_int_eq(a->severity, SEVERITY_HIGH);
    ck_assert_str_eq(alert_text(a, "newReader"), "yes");
    ck_assert_str_eq(a->subject, "account key / python-requests / 203.0.113.0/24 -> shop/orders");
    ck_assert_int_eq(alert_number(a, "bytesOut", 0), 180 * MB);
    ck_assert_uint_eq(alert_fact(a, "address")->len, 2); /* also the one from before the crossing */
    bench_free(b);
}
END_TEST

START_TEST(a_known_reader_in_a_new_container_is_medium)
{
    struct bench *b = open_learned(16);

    feed(b, (struct reads){ .minute_ns = hour_of(16, 3), .bytes = 900 * MB, .container = "archive" });
    ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_MEDIUM);
    ck_assert_str_eq(alert_text(bench_only(b, TYPE), "comparedWith"), "the whole container or account");
    bench_free(b);
}
END_TEST

START_TEST(an_account_that_is_still_learning_is_silent)
{
    struct bench *b = open_learned(13);

    feed(b, (struct reads){ .minute_ns = hour_of(13, 3), .bytes = 9000 * MB });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_nightly_export_in_the_history_never_alerts)
{
    struct bench *b = bench_open(&detector_volume, "");

    bench_set_backfill(b, true);
    for (int day = 0; day < 15; day++) {
        feed_usual(b, day, 1);
        feed(b, (struct reads){ .minute_ns = hour_of(day, 23) + 50 * NS_PER_MIN, .bytes = 2000 * MB });
    }
    bench_set_backfill(b, false);
    for (int day = 15; day < 30; day++) {
        feed_usual(b, day, 1);
        feed(b, (struct reads){ .minute_ns = hour_of(day, 23) + 50 * NS_PER_MIN, .bytes = 2200 * MB });
    }
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_new_nightly_export_alerts_for_some_days_and_then_is_usual)
{
    struct bench *b = open_learned(16);

    for (int day = 16; day < 30; day++) {
        feed_usual(b, day, 1);
        feed(b, (struct reads){ .minute_ns = hour_of(day, 22) + 50 * NS_PER_MIN, .bytes = 2000 * MB });
    }
    ck_assert_uint_ge(bench_alerts(b), 3);
    ck_assert_uint_le(bench_alerts(b), 4);
    bench_free(b);
}
END_TEST

START_TEST(a_weekly_export_seen_twice_does_not_alert_the_third_time)
{
    struct bench *b = bench_open(&detector_volume, "");

    bench_set_backfill(b, true);
    feed_usual(b, 0, 3);
    feed(b, (struct reads){ .minute_ns = hour_of(2, 22), .bytes = 3000 * MB });
    feed_usual(b, 3, 7);
    feed(b, (struct reads){ .minute_ns = hour_of(9, 22), .bytes = 3000 * MB });
    feed_usual(b, 10, 6);
    bench_set_backfill(b, false);
    feed(b, (struct reads){ .minute_ns = hour_of(16, 22), .bytes = 3000 * MB });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_weekly_and_a_monthly_job_are_told_twice_and_then_usual)
{
    for (int gap = 7; gap <= 30; gap += 23) {
        struct bench *b = open_learned(20);

        for (int i = 0; i < 5; i++) {
            for (int hour = 20; hour < 24; hour++) /* of four hours */
                feed(b, (struct reads){ .minute_ns = hour_of(20 + i * gap, hour), .bytes = 3000 * MB });
            feed_usual(b, 20 + i * gap, gap);
        }
        ck_assert_msg(bench_alerts(b) == 2, "every %d days: %zu", gap, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

/* The same volume in the same hours again, and then a little elsewhere. */
struct elsewhere {
    const char *name;
    int day, hour;
    const char *agent;
    size_t alerts;
};

START_TEST(a_weekly_job_is_usual_at_its_hour_of_its_weekday_and_of_its_reader_only)
{
    static const struct elsewhere cases[] = {
        { .name = "the third time", .day = 30, .hour = 22, .alerts = 0 },
        { .name = "an hour late", .day = 30, .hour = 23, .alerts = 0 },
        { .name = "two weeks later", .day = 37, .hour = 22, .alerts = 0 },
        { .name = "a quarter after the first", .day = 107, .hour = 22, .alerts = 0 },
        { .name = "a week more: the first is forgotten", .day = 114, .hour = 22, .alerts = 1 },
        { .name = "another hour", .day = 30, .hour = 14, .alerts = 1 },
        { .name = "another weekday", .day = 32, .hour = 22, .alerts = 1 },
        { .name = "another reader", .day = 30, .hour = 22, .agent = "python-requests/2.31.0", .alerts = 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct elsewhere *c = &cases[i];
        struct bench *b = open_learned(16);

        for (int day = 16; day < c->day; day++) {
            feed_usual(b, day, 1);
            if (day == 16 || day == 23)
                feed(b, (struct reads){ .minute_ns = hour_of(day, 22), .bytes = 3000 * MB });
        }
        ck_assert_uint_eq(bench_alerts(b), 2);
        bench_forget_alerts(b);
        feed(b, (struct reads){ .minute_ns = hour_of(c->day, c->hour), .bytes = 3000 * MB, .agent = c->agent });
        ck_assert_msg(bench_alerts(b) == c->alerts, "%s: %zu", c->name, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

START_TEST(a_monthly_job_is_usual_after_two_months_on_its_day_at_its_hour)
{
    static const struct elsewhere cases[] = { /* days from the first of March: the 20th of each month before */
        { .name = "the third month", .day = 80, .hour = 4, .alerts = 0 },
        { .name = "another hour", .day = 80, .hour = 12, .alerts = 1 },
        { .name = "ten days later", .day = 90, .hour = 4, .alerts = 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct elsewhere *c = &cases[i];
        struct bench *b = open_learned(16);

        for (int day = 16; day < c->day; day++) {
            if (day == 19 || day == 50)
                feed(b, (struct reads){ .minute_ns = hour_of(day, 4), .bytes = 3000 * MB });
            feed_usual(b, day, 1);
        }
        ck_assert_uint_eq(bench_alerts(b), 2);
        bench_forget_alerts(b);
        feed(b, (struct reads){ .minute_ns = hour_of(c->day, c->hour), .bytes = 3000 * MB });
        ck_assert_msg(bench_alerts(b) == c->alerts, "%s: %zu", c->name, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

/* 600 MB an hour from 8 to 18 o'clock of working days, 2 MB otherwise. */
static int64_t office_bytes(int day, int hour)
{
    bool is_weekend = day % 7 == 0 || day % 7 == 6; /* the first day is a Sunday */

    return !is_weekend && hour >= 8 && hour < 18 ? (600 + 20 * (hour % 3)) * MB : 2 * MB;
}

START_TEST(what_is_usual_at_noon_is_not_at_night_nor_on_a_sunday)
{
    static const struct elsewhere cases[] = {
        { .name = "Wednesday noon", .day = 24, .hour = 12, .alerts = 0 },
        { .name = "Wednesday night", .day = 24, .hour = 2, .alerts = 1 },
        { .name = "Sunday noon", .day = 28, .hour = 12, .alerts = 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct elsewhere *c = &cases[i];
        struct bench *b = bench_open(&detector_volume, "");

        for (int h = 0; h < c->day * 24 + c->hour; h++)
            feed(b, (struct reads){ .minute_ns = hour_of(0, h), .bytes = office_bytes(h / 24, h % 24) });
        ck_assert_uint_eq(bench_alerts(b), 0);
        feed(b, (struct reads){ .minute_ns = hour_of(c->day, c->hour), .bytes = 610 * MB });
        ck_assert_msg(bench_alerts(b) == c->alerts, "%s: %zu", c->name, bench_alerts(b));
        if (c->alerts) { /* observed against usual, hour by hour */
            const struct alert *a = bench_only(b, TYPE);

            ck_assert_str_eq(alert_text(a, "usualOf"), "this hour of such days");
            ck_assert_int_eq(alert_fact(a, "bytesByHour")->entries[0].number, 610 * MB);
            ck_assert_str_eq(alert_fact(a, "usualByHour")->entries[0].text, alert_text(a, "hours"));
            ck_assert_int_lt(alert_fact(a, "usualByHour")->entries[0].number, 3 * MB);
            ck_assert_int_gt(alert_fact(a, "usualByHour")->entries[0].number, 1 * MB);
        }
        bench_free(b);
    }
}
END_TEST

/* A job of the night beside a little all day, and what a clock that is put forward after four weeks makes of it. */
static size_t alerts_of_shift(int hours, int64_t office_mb)
{
    struct bench *b = bench_open(&detector_volume, "");
    size_t ret;

    for (int h = 0; h < 90 * 24; h++) {
        int day = h / 24, hour = (h + (day >= 28 ? hours : 0)) % 24;
        int64_t bytes = (hour == 4 ? 600 * MB : 2 * MB) + (office_bytes(day, hour) > 500 * MB ? office_mb * MB : 0);

        feed(b, (struct reads){ .minute_ns = hour_of(0, h), .bytes = bytes * (80 + (h * 7 + day * 13) % 41) / 100 });
    }
    ret = bench_alerts(b);
    bench_free(b);
    return ret;
}

START_TEST(a_job_whose_clock_is_put_forward_an_hour_is_the_same_job)
{
    ck_assert_uint_eq(alerts_of_shift(0, 0), 0);
    ck_assert_uint_eq(alerts_of_shift(1, 0), 0);
    ck_assert_uint_eq(alerts_of_shift(2, 0), 3); /* on three days; then it is usual there */
    ck_assert_uint_eq(alerts_of_shift(0, 600), 0);
    ck_assert_uint_le(alerts_of_shift(1, 600), 6); /* an office opens in an hour that never had anything */
}
END_TEST

START_TEST(a_release_that_doubles_traffic_and_growth_over_weeks_are_silent)
{
    struct bench *b = open_learned(20);

    for (int day = 20; day < 60; day++)
        feed_times(b, day, 1, 2);
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);

    b = open_learned(20);
    for (int h = 20 * 24; h < 90 * 24; h++) /* a tenth more each week */
        feed(b, (struct reads){ .minute_ns = hour_of(0, h), .bytes = (30 + 7 * (h % 4)) * MB * (100 + (h / 24 - 20) * 3 / 2) / 100 });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

#define NO_JOB (-1)

/* A little in each hour, and a job of 600 MB that comes an hour later each day, or keeps its hour. */
static void feed_job(struct bench *b, int first_day, int days, int step)
{
    for (int h = first_day * 24; h < (first_day + days) * 24; h++) {
        feed(b, (struct reads){ .minute_ns = hour_of(0, h), .bytes = 2 * MB });
        if (step != NO_JOB && h % 24 == h / 24 * step % 24)
            feed(b, (struct reads){ .minute_ns = hour_of(0, h) + 30 * NS_PER_MIN, .bytes = 600 * MB });
    }
}

START_TEST(a_job_that_moves_is_told_for_more_of_it_only)
{
    static const struct moved {
        const char *name, *variant; /* NULL: silent */
        int step, hour;             /* of the day: 0 at the same hour; of what is read on top, 0 is the job's own */
        int64_t bytes;
        int first_day;              /* of the job */
    } cases[] = {
        { .name = "nothing else", .step = 1 },
        { .name = "up to twice of it", .step = 1, .bytes = 590 * MB },
        { .name = "more than twice", .step = 1, .bytes = 650 * MB, .variant = ".Bytes" },
        { .name = "a second hour", .step = 1, .hour = 6, .bytes = 300 * MB, .variant = ".Day" },
        { .name = "a second hour below the floor", .step = 1, .hour = 6, .bytes = 45 * MB },
        { .name = "two hours later each day, a second hour", .step = 2, .hour = 6, .bytes = 300 * MB, .variant = ".Day" },
        { .name = "it keeps its hour, a second one", .step = 0, .hour = 6, .bytes = 300 * MB, .variant = ".Bytes" },
        { .name = "it began lately and keeps its hour, a second one", .first_day = 34, .hour = 6, .bytes = 300 * MB,
          .variant = ".Bytes" },
        { .name = "it keeps its hour", .step = 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct moved *c = &cases[i];
        struct bench *b = bench_open(&detector_volume, "");

        feed_job(b, 0, c->first_day, NO_JOB);
        feed_job(b, c->first_day, 48 - c->first_day, c->step);
        ck_assert_msg(bench_alerts(b) == 0 || c->first_day, "%s: %zu before", c->name, bench_alerts(b));
        bench_forget_alerts(b);
        if (c->bytes) /* the job of day 48 is at midnight: 48 is a multiple of 24 */
            feed(b, (struct reads){ .minute_ns = hour_of(48, c->hour) + NS_PER_MIN, .bytes = c->bytes });
        feed_job(b, 48, 1, c->step);
        if (c->variant)
            ck_assert_msg(strcmp(bench_only(b, TYPE)->variant, c->variant) == 0, "%s: %s", c->name,
                          bench_only(b, TYPE)->variant);
        else
            ck_assert_msg(bench_alerts(b) == 0, "%s: %zu", c->name, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

START_TEST(a_day_with_more_such_hours_says_which)
{
    struct bench *b = bench_open(&detector_volume, "");
    const struct alert *a;

    feed_job(b, 0, 48, 1);
    feed(b, (struct reads){ .minute_ns = hour_of(48, 6) + NS_PER_MIN, .bytes = 300 * MB });
    feed_job(b, 48, 1, 1);
    a = bench_only(b, TYPE);
    ck_assert_str_eq(alert_text(a, "reason"), "more hours than on its other days were above what they usually have");
    ck_assert_uint_eq(alert_fact(a, "hours")->len, 2);
    ck_assert_str_eq(alert_fact(a, "hours")->entries[0].text, "2026-04-18T00:00:00Z");
    ck_assert_str_eq(alert_fact(a, "hours")->entries[1].text, "2026-04-18T06:00:00Z");
    bench_free(b);
}
END_TEST

/* Weeks in which nothing but one hour a day is read: too few hours for a band until the third week. */
START_TEST(one_hour_a_day_and_nothing_else_is_silent_whenever_it_comes)
{
    for (int step = 0; step < 6; step++) {
        struct bench *b = bench_open(&detector_volume, "");

        for (int day = 0; day < 60; day++)
            feed(b, (struct reads){ .minute_ns = hour_of(day, day * step % 24), .bytes = 600 * MB + day % 5 * 20 * MB });
        ck_assert_msg(bench_alerts(b) == 0, "%d hours later: %zu", step, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

static int64_t noon_of(int day)
{
    return hour_of(day, 12);
}

static void note_odd(struct odd_hours *o, int day, int hour, int64_t bytes)
{
    odd_hours_add(o, odd_hours_enter(o, noon_of(day)), hour, bytes);
}

START_TEST(odd_hours_are_usual_on_half_of_the_days_and_at_no_hour)
{
    static const struct {
        const char *name;
        int hours[14]; /* of the days that are looked at, oldest first; 0: none */
        bool is_usual;
    } cases[] = {
        { .name = "seven days", .hours = { 1, 0, 4, 0, 7, 0, 10, 0, 13, 0, 16, 0, 19 }, .is_usual = true },
        { .name = "six days", .hours = { 1, 0, 4, 0, 7, 0, 10, 0, 13, 0, 16 } },
        { .name = "half at an hour", .hours = { 5, 9, 6, 12, 4, 15, 5, 18 }, .is_usual = true },
        { .name = "more than half", .hours = { 5, 9, 6, 12, 4, 15, 5, 18, 5 } },
        { .name = "around midnight", .hours = { 23, 9, 24, 12, 1, 15, 24, 18, 24 } },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct odd_hours o = { 0 };
        struct odd_usual usual;

        for (int day = 0; day < 14; day++)
            if (cases[i].hours[day])
                note_odd(&o, 100 + day, cases[i].hours[day] % 24, 600 * MB);
        (void)odd_hours_enter(&o, noon_of(115)); /* days are over when the one after the next begins */
        ck_assert_msg(odd_hours_usual(&o, noon_of(115), &usual) == cases[i].is_usual, "%s", cases[i].name);
    }
}
END_TEST

START_TEST(odd_hours_judge_a_day_alike_when_it_is_the_newest_and_when_it_is_not)
{
    struct odd_hours o = { 0 };
    struct odd_usual newest, before;

    for (int day = 0; day < 40; day++) {
        note_odd(&o, day, day * 5 % 24, (600 + day % 7 * 50) * MB);
        if (day % 3 == 0)
            note_odd(&o, day, (day * 5 + 8) % 24, 700 * MB);
    }
    (void)odd_hours_enter(&o, noon_of(41));
    ck_assert(odd_hours_usual(&o, noon_of(41), &newest));
    note_odd(&o, 42, 3, 9000 * MB);
    ck_assert(odd_hours_usual(&o, noon_of(41), &before));
    ck_assert_int_eq(newest.bytes, before.bytes);
    ck_assert_int_eq(newest.hours, before.hours);
    ck_assert_int_eq(newest.hours, 2);
    ck_assert_int_gt(newest.bytes, 690 * MB); /* the seventh of fourteen */
    ck_assert_int_le(newest.bytes, 750 * MB);
    note_odd(&o, 80, 3, 600 * MB); /* after a pause */
    note_odd(&o, 81, 3, 600 * MB);
    ck_assert(!odd_hours_usual(&o, noon_of(81), &before));
}
END_TEST

START_TEST(a_day_whose_sum_is_unusual_alerts_though_no_hour_does)
{
    struct bench *b = open_learned(30);
    const struct alert *a;

    for (int h = 0; h < 24; h++) /* twice the usual hour, all day */
        feed(b, (struct reads){ .minute_ns = hour_of(30, h), .bytes = 80 * MB });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
    b = bench_open(&detector_volume, "");
    for (int h = 0; h < 30 * 24; h++) /* a reader of eight busy hours a day */
        feed(b, (struct reads){ .minute_ns = hour_of(0, h), .bytes = h % 24 < 8 ? (34 + 3 * (h % 5)) * MB : 100000 });
    for (int h = 0; h < 24; h++)
        feed(b, (struct reads){ .minute_ns = hour_of(30, h), .bytes = 51 * MB });
    a = bench_only(b, TYPE);
    ck_assert_str_eq(a->variant, ".Day");
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    ck_assert_str_eq(a->subject, "account key / azsdk-java-cosmos / private -> shop/orders, whole day");
    ck_assert_int_eq(alert_number(a, "dayBytes", 0), 24 * 51 * MB);
    ck_assert_int_gt(alert_number(a, "usualDayBytes", 0), 250 * MB);
    bench_free(b);
}
END_TEST

START_TEST(a_busy_weekday_is_usual_and_a_busy_sunday_is_not)
{
    for (int extra = 0; extra < 7; extra++) {
        struct bench *b = bench_open(&detector_volume, "");

        for (int day = 0; day < 43 + extra; day++) /* six days of 10 GB, one of 700 MB */
            for (int h = 0; h < 24; h++)
                feed(b, (struct reads){ .minute_ns = hour_of(day, h), .bytes = (day % 7 == 6 ? 30 : 420 + 5 * (h % 3)) * MB });
        for (int h = 0; h < 24; h++)
            feed(b, (struct reads){ .minute_ns = hour_of(43 + extra, h), .bytes = 425 * MB });
        ck_assert_msg(bench_alerts(b) == ((43 + extra) % 7 == 6), "day %d: %zu", (43 + extra) % 7, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

START_TEST(an_attack_of_two_hours_hardly_moves_the_band)
{
    struct bench *b = open_learned(16);

    feed(b, (struct reads){ .minute_ns = hour_of(16, 3), .bytes = 7000 * MB });
    feed(b, (struct reads){ .minute_ns = hour_of(16, 4), .bytes = 7000 * MB });
    feed_usual(b, 17, 2);
    bench_forget_alerts(b);
    feed(b, (struct reads){ .minute_ns = hour_of(19, 3), .bytes = 300 * MB });
    ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_MEDIUM);
    bench_free(b);
}
END_TEST

START_TEST(many_small_readers_together_are_low)
{
    struct bench *b = bench_open(&detector_volume, "");
    char address[32];
    const struct alert *a;

    /* forty known networks of 1 MB an hour each */
    for (int h = 0; h < 16 * 24; h++) {
        for (int n = 0; n < 40; n++) {
            (void)snprintf(address, sizeof(address), "198.51.%d.1", n);
            feed(b, (struct reads){ .minute_ns = hour_of(0, h), .bytes = MB, .address = address });
        }
    }
    ck_assert_uint_eq(bench_alerts(b), 0);
    for (int n = 0; n < 40; n++) { /* none of them reaches the floor */
        (void)snprintf(address, sizeof(address), "198.51.%d.1", n);
        feed(b, (struct reads){ .minute_ns = hour_of(16, 0), .bytes = 45 * MB, .address = address });
    }
    a = bench_only(b, TYPE);
    ck_assert_int_eq(a->severity, SEVERITY_LOW);
    ck_assert_str_eq(a->variant, ".Spread");
    ck_assert_str_eq(a->subject, "many small readers -> shop/orders");
    bench_free(b);
}
END_TEST

START_TEST(a_thousand_hosts_of_one_application_are_one_reader)
{
    struct bench *b = open_learned(16);
    struct baseline_stats before, after;

    baseline_get_stats(bench_baseline(b), &before);
    for (int n = 0; n < 1000; n++) {
        char address[32];

        (void)snprintf(address, sizeof(address), "10.2.%d.%d", n / 250, n % 250 + 1);
        feed(b, (struct reads){ .minute_ns = hour_of(16, 3), .bytes = 10000, .address = address });
    }
    baseline_get_stats(bench_baseline(b), &after);
    ck_assert_int_le(after.keys - before.keys, 5);
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(the_band_costs_less_than_340_bytes_a_reader)
{
    struct bench *b = bench_open(&detector_volume, "");
    const struct baseline_memory *band = detector_volume.memories[0];
    struct baseline_stats before, after;
    const int64_t readers = 98304; /* just after the index has doubled: the worst case */

    ck_assert_str_eq(band->name, "volume.band");
    baseline_get_stats(bench_baseline(b), &before);
    for (int64_t i = 0; i < readers; i++) {
        ck_assert_ptr_nonnull(baseline_put(bench_baseline(b), band, SL("shop-prod"),
                                           slice_make((const char *)&i, sizeof(i)), SL(""), 0, NULL));
        if (i % 1000 == 999)
            baseline_mark_clean(bench_baseline(b));
    }
    baseline_mark_clean(bench_baseline(b));
    baseline_get_stats(bench_baseline(b), &after);
    ck_assert_msg((after.bytes - before.bytes) / readers < 340, "%lld bytes",
                  (long long)((after.bytes - before.bytes) / readers));
    bench_free(b);
}
END_TEST

/* ---- the band itself --------------------------------------------------------------------------- */

static struct band_view learn_hours(const int64_t *bytes, size_t n)
{
    struct band b = { 0 };
    struct band_view v;
    int32_t first = slots_of(hour_of(0, 0), 1);

    for (size_t i = 0; i < n; i++) {
        int32_t slot = first + (int32_t)i;

        band_note(&b, band_enter(&b, slot, 1, &rule), 0, bytes[i]);
    }
    (void)band_enter(&b, first + (int32_t)n + 1, 1, &rule);
    band_look(&b, SLOT_NOW, b.newest, 0, 1, &v);
    return v;
}

START_TEST(quantiles_are_within_a_bin_of_the_truth)
{
    int64_t bytes[100];
    struct band_view v;

    for (int i = 0; i < 100; i++)
        bytes[i] = (i + 1) * MB;
    v = learn_hours(bytes, 100);
    ck_assert_int_eq(v.samples, 100);
    ck_assert_msg(v.median > 40 * MB && v.median < 62 * MB, "median %lld", (long long)v.median);
    ck_assert_msg(v.p99 > 85 * MB && v.p99 < 125 * MB, "p99 %lld", (long long)v.p99);
}
END_TEST

START_TEST(idle_hours_are_no_samples_and_few_samples_say_nothing)
{
    int64_t bytes[60] = { 0 };
    struct band_view v;

    for (int i = 0; i < 19; i++)
        bytes[3 * i] = MB;
    v = learn_hours(bytes, 60);
    ck_assert_int_eq(v.samples, 19);
    ck_assert_int_eq(band_limit(&v, &rule), 0);
    bytes[59] = MB;
    v = learn_hours(bytes, 60);
    ck_assert_int_eq(v.samples, 20);
    ck_assert_int_eq(band_limit(&v, &rule), rule.floor_bytes);
}
END_TEST

START_TEST(extreme_volumes_do_not_overflow)
{
    int64_t bytes[40];
    struct band_view v;

    for (int i = 0; i < 40; i++)
        bytes[i] = i % 2 ? INT64_MAX : 1;
    v = learn_hours(bytes, 40);
    ck_assert_int_gt(band_limit(&v, &rule), rule.floor_bytes);
    ck_assert_int_lt(band_z10(&v, 1), 1);
    ck_assert_int_gt(band_z10(&v, INT64_MAX), 0);
}
END_TEST

START_TEST(hours_beyond_the_limit_are_taught_at_the_limit)
{
    int64_t bytes[400];
    struct band_view before, after;

    for (int i = 0; i < 400; i++)
        bytes[i] = i < 390 ? 40 * MB : 7000 * MB;
    before = learn_hours(bytes, 390);
    after = learn_hours(bytes, 400); /* ten hours are more than one in a hundred: P99 would follow them */
    ck_assert_int_lt(after.samples, 1000 /* a month of fading began meanwhile */);
    ck_assert_msg(after.p99 < 4 * before.p99, "%lld", (long long)after.p99);
    ck_assert_msg(band_limit(&after, &rule) < 1000 * MB, "%lld", (long long)band_limit(&after, &rule));
}
END_TEST

START_TEST(a_slot_is_judged_alike_as_the_newest_and_as_the_one_before)
{
    for (int pause = 2; pause < 40; pause++) { /* days; somewhere in between a month of fading begins */
        struct band one = { 0 }, two;
        struct band_view newest, before;
        int32_t slot = slots_of(hour_of(20 + pause, 0), 4);

        for (int h = 0; h < 24 * 20; h++)
            band_note(&one, band_enter(&one, slots_of(hour_of(0, h), 4), 4, &rule), h % 4, 40 * MB);
        two = one;
        ck_assert_int_eq(band_enter(&one, slot, 4, &rule), SLOT_NOW);
        band_look(&one, SLOT_NOW, slot, 0, 4, &newest);
        ck_assert_int_eq(band_enter(&two, slot + 4, 4, &rule), SLOT_NOW);
        ck_assert_int_eq(band_enter(&two, slot, 4, &rule), SLOT_BEFORE);
        band_look(&two, SLOT_BEFORE, slot, 0, 4, &before);
        ck_assert_msg(newest.samples == before.samples && newest.p99 == before.p99 &&
                          newest.median == before.median && newest.peak == before.peak,
                      "pause of %d days: %lld and %lld samples", pause, (long long)newest.samples,
                      (long long)before.samples);
    }
}
END_TEST

START_TEST(old_history_fades_and_is_forgotten)
{
    struct band b = { 0 };
    struct band_view v;

    for (int h = 0; h < 24 * 20; h++)
        band_note(&b, band_enter(&b, slots_of(hour_of(0, h), 1), 1, &rule), 0, 40 * MB);
    (void)band_enter(&b, slots_of(hour_of(80, 0), 1), 1, &rule);
    band_look(&b, SLOT_NOW, b.newest, 0, 1, &v);
    ck_assert_msg(v.samples > 20 && v.samples < 300, "%lld", (long long)v.samples);
    ck_assert_int_eq(v.peak, 0);
    (void)band_enter(&b, slots_of(hour_of(900, 0), 1), 1, &rule);
    band_look(&b, SLOT_NOW, b.newest, 0, 1, &v);
    ck_assert_int_lt(v.samples, 20);
}
END_TEST

/* Months of thirty days, counted from 1970: any two of them halve the counts as often as they are apart. */
START_TEST(counts_halve_every_thirty_days)
{
    int first = 30 - slots_day(slots_of(hour_of(0, 0), 1)) % 30; /* of a month */

    for (int months = 0; months <= 4; months++) {
        struct band b = { 0 };
        struct band_view v;

        for (int h = 0; h < 96; h++)
            band_note(&b, band_enter(&b, slots_of(hour_of(first, h), 1), 1, &rule), 0, 40 * MB);
        for (int h = 0; h < 4; h++) /* a slot that is folded, on the month's last day */
            band_note(&b, band_enter(&b, slots_of(hour_of(first + 30 * months + 29, h), 1), 1, &rule), 0, h ? 0 : MB);
        band_look(&b, SLOT_NOW, b.newest, 0, 1, &v);
        ck_assert_msg(v.samples == (96 >> months) + 1, "after %d months: %lld", months, (long long)v.samples);
    }
}
END_TEST

struct old_band { /* version 1 */
    int32_t newest, first;
    uint16_t bins[48];
    struct { uint16_t day; uint8_t level, padding; } peaks[6];
    uint8_t hours[3][24];
    uint8_t limit, taught;
    uint16_t faded;
};

START_TEST(what_version_1_learned_is_kept)
{
    struct old_band old = { .newest = slots_of(hour_of(30, 0), 1), .first = slots_of(hour_of(0, 0), 1) };
    struct band b = { 0 };
    struct band_view v;

    old.bins[22] = 700; /* 32 MiB to 45 MiB */
    old.bins[24] = 20;
    old.peaks[0].day = (uint16_t)slots_day(slots_of(hour_of(16, 0), 1));
    old.peaks[1].day = (uint16_t)slots_day(slots_of(hour_of(23, 0), 1));
    old.peaks[0].level = old.peaks[1].level = 31 * 4 + 2; /* 3 GB */
    ck_assert(band_migrate(1, &old, sizeof(old), &b));
    ck_assert_int_eq(band_enter(&b, old.newest, 1, &rule), SLOT_NOW);
    band_look(&b, SLOT_NOW, old.newest, 0, 1, &v);
    ck_assert_int_ge(v.samples, rule.samples);
    ck_assert_int_eq(v.history_days, 30);
    ck_assert_msg(v.median > 30 * MB && v.median < 50 * MB, "median %lld", (long long)v.median);
    ck_assert_msg(v.peak > 2500 * MB && v.peak < 4000 * MB, "peak %lld", (long long)v.peak);
    ck_assert(!band_migrate(1, &old, sizeof(old) - 1, &b));
    ck_assert(!band_migrate(3, &old, sizeof(old), &b));
}
END_TEST

/* ---- the same rows, the same alerts ------------------------------------------------------------ */

static uint64_t seed_state;

static uint64_t chance(uint64_t below)
{
    seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
    return (seed_state >> 33) % below;
}

#define ROWS 3000
#define DAYS 12

static void random_rows(struct observation *o)
{
    static const char *const addresses[] = { "10.1.2.3", "10.1.2.4", "203.0.113.5", "203.0.113.250",
                                             "203.0.113.60", "198.51.100.7", "2001:db8::1",
                                             "2001:db8::2", "" };
    static const char *const keys[] = { "PrimaryMasterKey", "PrimaryMasterKey", "AadToken" };
    static const char *const agents[] = { "python-requests/2.31.0", "python-requests/2.32.0",
                                          "cosmos-netstandard-sdk/3.49.0|2|X64|Linux|.NET 6.0.36|L|" };
    static const char *const operations[] = { "Query", "SqlQuery", "Read", "ReadFeed", "Upsert" };

    for (size_t i = 0; i < ROWS; i++) {
        int64_t big = chance(40) == 0 ? 1000 : 1;

        o[i] = (struct observation){ .minute_ns = hour_of(0, 0) + (int64_t)chance(DAYS * 1440) * NS_PER_MIN };
        o[i].first_ns = o[i].minute_ns + (int64_t)chance(30) * NS_PER_S;
        o[i].last_ns = o[i].first_ns + (int64_t)chance(30) * NS_PER_S;
        o[i].count = 2 + (int64_t)chance(50);
        o[i].bytes_out = (int64_t)chance(3 * MB) * big;
        o[i].ru_milli = (int64_t)chance(100000);
        o[i].status = chance(6) ? 200 : chance(2) ? 206 : 404;
        o[i].text[F_ADDRESS] = slice_of(addresses[chance(ARRAY_LEN(addresses))]);
        o[i].text[F_KEY_KIND] = slice_of(keys[chance(ARRAY_LEN(keys))]);
        o[i].text[F_USER_AGENT] = slice_of(agents[chance(ARRAY_LEN(agents))]);
        o[i].text[F_OPERATION] = slice_of(operations[chance(ARRAY_LEN(operations))]);
        o[i].text[F_DATABASE] = SL("shop");
        o[i].text[F_CONTAINER] = chance(4) ? SL("orders") : SL("customers");
        o[i].sample = SL("0a0a0a0a-0000-4000-8000-000000000001");
    }
    o[0].minute_ns = hour_of(0, 0); /* so that learning begins for all orders alike */
}

/* One reader with a job of another hour each day, and towards the end now and then a second one. */
static void moving_rows(struct observation *o)
{
    enum { DAY_ROWS = 100, JOB_ROWS = 60, SECOND_ROWS = 20 };

    random_rows(o);
    for (size_t i = 0; i < ROWS; i++) {
        int day = (int)i / DAY_ROWS, row = (int)i % DAY_ROWS, hour = day * 7 % 24;
        bool is_second = row >= JOB_ROWS && row < JOB_ROWS + SECOND_ROWS && day > 16 && day % 4 == 0;

        hour = is_second ? (hour + 9) % 24 : row < JOB_ROWS ? hour : (int)chance(24);
        o[i].minute_ns = i ? hour_of(day, hour) + (int64_t)chance(60) * NS_PER_MIN : hour_of(0, 0);
        o[i].first_ns = o[i].last_ns = o[i].minute_ns;
        o[i].bytes_out = row < JOB_ROWS || is_second ? 10 * MB : 100000;
        o[i].status = 200;
        o[i].text[F_ADDRESS] = SL("10.1.2.3");
        o[i].text[F_KEY_KIND] = SL("PrimaryMasterKey");
        o[i].text[F_USER_AGENT] = SL("python-requests/2.31.0");
        o[i].text[F_OPERATION] = SL("Query");
        o[i].text[F_CONTAINER] = SL("orders");
    }
}

struct arrival {
    int64_t at_ns;
    struct observation obs;
};

static int by_arrival(const void *a, const void *b)
{
    const struct arrival *x = a, *y = b;

    return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

static char *run_shuffled(const struct observation *rows, const struct baseline_config *cfg, bool plain)
{
    struct arrival *all = calloc((size_t)ROWS * 2, sizeof(*all));
    struct bench *b = bench_open_with(&detector_volume, "sensitivity: high\nmin_samples: 8\n", cfg);
    int64_t horizon_min = cfg->horizon_ns / NS_PER_MIN;
    size_t n = 0;
    char *text;

    for (size_t i = 0; i < ROWS; i++) {
        struct observation o = rows[i];
        bool cut = !plain && chance(3) == 0;

        for (int part = 0; part < (cut ? 2 : 1); part++) {
            all[n].obs = o;
            if (cut) {
                all[n].obs.count = part ? o.count - 1 : 1;
                all[n].obs.bytes_out = part ? o.bytes_out - o.bytes_out / 3 : o.bytes_out / 3;
                all[n].obs.ru_milli = part ? o.ru_milli - o.ru_milli / 3 : o.ru_milli / 3;
            }
            all[n].at_ns = o.minute_ns;
            if (!plain)
                all[n].at_ns += (int64_t)chance((uint64_t)horizon_min) * NS_PER_MIN;
            n++;
        }
    }
    qsort(all, n, sizeof(*all), by_arrival);
    for (size_t i = 0; i < n; i++) {
        bench_feed(b, &all[i].obs);
        if (!plain && chance(800) == 0)
            bench_restart(b);
    }
    text = bench_text(b, "activityId");
    bench_free(b);
    free(all);
    return text;
}

/* activityId is left out: it points at rows for the analyst, and is the smallest of each observation, so that
 * cutting an observation in two shows two where one stood. */
static size_t count_texts(const char *text, const char *what)
{
    size_t n = 0;

    for (const char *at = text; (at = strstr(at, what)); at++)
        n++;
    return n;
}

/* How often the alerts say `what`, the same in any order. */
static size_t say_alike(void (*make)(struct observation *o), uint64_t seed, const char *what)
{
    static const int64_t horizons[] = { 1, 2, 4, 12, 24 };
    struct baseline_config cfg = { .horizon_ns = horizons[seed % ARRAY_LEN(horizons)] * NS_PER_HOUR,
                                   .learn_ns = 2 * NS_PER_DAY };
    struct observation *rows = calloc(ROWS, sizeof(*rows));
    char *plain, *shuffled;
    size_t ret;

    seed_state = seed;
    make(rows);
    plain = run_shuffled(rows, &cfg, true);
    for (int again = 0; again < 3; again++) {
        shuffled = run_shuffled(rows, &cfg, false);
        if (strcmp(plain, shuffled) != 0) {
            size_t at = 0;

            while (plain[at] == shuffled[at])
                at++;
            at = at > 300 ? at - 300 : 0;
            ck_abort_msg("seed %d:\n...%.600s\nbut shuffled\n...%.600s", (int)seed, plain + at, shuffled + at);
        }
        free(shuffled);
    }
    ret = count_texts(plain, what);
    free(plain);
    free(rows);
    return ret;
}

START_TEST(order_lateness_splits_and_restarts_do_not_change_the_alerts)
{
    size_t alerts = 0, days = 0;

    for (uint64_t seed = 1; seed <= 20; seed++)
        alerts += say_alike(random_rows, seed, TYPE);
    ck_assert_uint_gt(alerts, 100);
    for (uint64_t seed = 1; seed <= 5; seed++)
        days += say_alike(moving_rows, seed, "more hours than");
    ck_assert_uint_ge(days, 10);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 300); /* under sanitizers on a busy machine */
    tcase_add_test(t, seven_gigabytes_in_an_hour_alert_with_the_usual_beside_them);
    tcase_add_test(t, an_hour_alerts_only_above_the_band_and_the_floor);
    tcase_add_test(t, far_outside_the_band_but_below_the_floor_is_silent);
    tcase_add_test(t, writes_refusals_and_the_service_do_not_count);
    tcase_add_test(t, a_new_reader_beyond_the_container_s_usual_hour_is_high);
    tcase_add_test(t, a_known_reader_in_a_new_container_is_medium);
    tcase_add_test(t, an_account_that_is_still_learning_is_silent);
    tcase_add_test(t, a_nightly_export_in_the_history_never_alerts);
    tcase_add_test(t, a_new_nightly_export_alerts_for_some_days_and_then_is_usual);
    tcase_add_test(t, a_weekly_export_seen_twice_does_not_alert_the_third_time);
    tcase_add_test(t, a_weekly_and_a_monthly_job_are_told_twice_and_then_usual);
    tcase_add_test(t, a_weekly_job_is_usual_at_its_hour_of_its_weekday_and_of_its_reader_only);
    tcase_add_test(t, a_monthly_job_is_usual_after_two_months_on_its_day_at_its_hour);
    tcase_add_test(t, what_is_usual_at_noon_is_not_at_night_nor_on_a_sunday);
    tcase_add_test(t, a_job_whose_clock_is_put_forward_an_hour_is_the_same_job);
    tcase_add_test(t, a_release_that_doubles_traffic_and_growth_over_weeks_are_silent);
    tcase_add_test(t, what_version_1_learned_is_kept);
    tcase_add_test(t, a_job_that_moves_is_told_for_more_of_it_only);
    tcase_add_test(t, a_day_with_more_such_hours_says_which);
    tcase_add_test(t, one_hour_a_day_and_nothing_else_is_silent_whenever_it_comes);
    tcase_add_test(t, odd_hours_are_usual_on_half_of_the_days_and_at_no_hour);
    tcase_add_test(t, odd_hours_judge_a_day_alike_when_it_is_the_newest_and_when_it_is_not);
    tcase_add_test(t, a_day_whose_sum_is_unusual_alerts_though_no_hour_does);
    tcase_add_test(t, a_busy_weekday_is_usual_and_a_busy_sunday_is_not);
    tcase_add_test(t, an_attack_of_two_hours_hardly_moves_the_band);
    tcase_add_test(t, many_small_readers_together_are_low);
    tcase_add_test(t, a_thousand_hosts_of_one_application_are_one_reader);
    tcase_add_test(t, the_band_costs_less_than_340_bytes_a_reader);
    tcase_add_test(t, quantiles_are_within_a_bin_of_the_truth);
    tcase_add_test(t, idle_hours_are_no_samples_and_few_samples_say_nothing);
    tcase_add_test(t, extreme_volumes_do_not_overflow);
    tcase_add_test(t, hours_beyond_the_limit_are_taught_at_the_limit);
    tcase_add_test(t, a_slot_is_judged_alike_as_the_newest_and_as_the_one_before);
    tcase_add_test(t, old_history_fades_and_is_forgotten);
    tcase_add_test(t, counts_halve_every_thirty_days);
    tcase_add_test(t, order_lateness_splits_and_restarts_do_not_change_the_alerts);
    return run_group("detectors/volume", t);
}
