/* What detectors/slow_leak.c promises, most of it by simulated readers: at least 80 % of the leaks that double a
 * reader for 30 days are told, with at most one false alarm an account and quarter.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/bench.h"
#include "tests/kit/suite.h"

#include "base/timeutil.h"
#include "detectors/kit/days.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct detector_ops detector_slow_leak;

#define TYPE "CosmosDBX_DataExfiltration.LowAndSlow"
#define MB INT64_C(1000000)

struct reads { /* of one reader on one day */
    int day, hour;
    int64_t bytes;
    const char *account, *agent, *container, *address;
};

static int64_t time_of(int day, int hour)
{
    return bench_time(BENCH_DAY0) + day * NS_PER_DAY + hour * NS_PER_HOUR;
}

static struct observation as_observation(const struct reads *r)
{
    struct observation o = { .minute_ns = time_of(r->day, r->hour), .bytes_out = r->bytes, .count = 3 };

    o.text[F_ACCOUNT] = slice_of(r->account ? r->account : "shop-prod");
    o.text[F_ADDRESS] = slice_of(r->address ? r->address : "10.1.2.3");
    o.text[F_KEY_KIND] = SL("PrimaryMasterKey");
    o.text[F_USER_AGENT] = slice_of(r->agent ? r->agent : "azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.11");
    o.text[F_OPERATION] = SL("Query");
    o.text[F_DATABASE] = SL("shop");
    o.text[F_CONTAINER] = slice_of(r->container ? r->container : "orders");
    return o;
}

static void feed(struct bench *b, struct reads r)
{
    struct observation o = as_observation(&r);

    if (o.bytes_out > 0)
        bench_feed(b, &o);
}

/* Weekends at a third, every day a little different. */
static int64_t usual(int day, int64_t bytes)
{
    return bytes * (day % 7 < 5 ? 90 + 5 * (day * 7 % 5) : 33) / 100;
}

static void feed_usual(struct bench *b, int first, int days)
{
    for (int day = first; day < first + days; day++)
        feed(b, (struct reads){ .day = day, .hour = 9, .bytes = usual(day, 200 * MB) });
}

START_TEST(a_reader_that_doubles_for_a_month_is_told_once_with_its_figures)
{
    struct bench *b = bench_open(&detector_slow_leak, "");
    const struct alert *a;

    feed_usual(b, 0, 60);
    for (int day = 60; day < 90; day++)
        feed(b, (struct reads){ .day = day, .hour = 9, .bytes = 2 * usual(day, 200 * MB) + 8 * MB });
    a = bench_only(b, TYPE);
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    ck_assert_str_eq(a->subject, "account key / azsdk-java-cosmos / private -> shop/orders");
    ck_assert_int_ge(alert_number(a, "times10", 0), 15);
    ck_assert_int_gt(alert_number(a, "takenBytes", 0), alert_number(a, "limitBytes", 0));
    ck_assert_int_gt(alert_number(a, "usualBytes", 0), 500 * MB);
    ck_assert_int_ge(alert_number(a, "windowDays", 0), 7);
    ck_assert_int_ge(alert_number(a, "historyDays", 0), 60);
    ck_assert_int_eq(a->count, 2); /* days that told it: the next one cannot know yet that it was told */
    ck_assert_int_eq(a->last_ns - a->first_ns + 1, (alert_number(a, "windowDays", 0) + 1) * NS_PER_DAY);
    bench_free(b);
}
END_TEST

START_TEST(a_week_of_three_times_as_much_is_told_after_two_weeks_of_history)
{
    struct bench *b = bench_open(&detector_slow_leak, "");
    const struct alert *a;

    feed_usual(b, 0, 14);
    for (int day = 14; day < 21; day++)
        feed(b, (struct reads){ .day = day, .hour = 9, .bytes = 3 * usual(day, 200 * MB) });
    feed_usual(b, 21, 3);
    a = bench_only(b, TYPE);
    ck_assert_int_eq(alert_number(a, "windowDays", 0), 7);
    ck_assert_int_ge(alert_number(a, "times10", 0), 22);
    ck_assert_int_le(alert_number(a, "historyDays", 0), 21);
    bench_free(b);
}
END_TEST

static void feed_even(struct bench *b, int first, int days, int64_t bytes)
{
    for (int day = first; day < first + days; day++)
        feed(b, (struct reads){ .day = day, .hour = 9, .bytes = bytes });
}

/* Two weeks say what a week is like, three say something of how much it varies: nearly twice is then enough. */
START_TEST(after_three_weeks_a_lower_ratio_is_enough)
{
    for (int weeks = 2; weeks <= 3; weeks++) {
        struct bench *b = bench_open(&detector_slow_leak, "");

        feed_even(b, 0, 7 * weeks, 100 * MB);
        feed_even(b, 7 * weeks, 7, 197 * MB);
        feed_even(b, 7 * weeks + 7, 3, 100 * MB);
        ck_assert_msg(bench_alerts(b) == (weeks == 3), "%d weeks: %zu alerts", weeks, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

/* One busy day a week, so that the others may rise: no day counts more than twice the highest. */
static int64_t one_busy_day(int day)
{
    return (day % 7 ? 40 : 400) * MB;
}

START_TEST(a_reader_is_told_once_in_four_weeks)
{
    struct bench *b = bench_open(&detector_slow_leak, "");
    int64_t first = INT64_MAX, again = INT64_MAX;

    for (int day = 0; day < 110; day++) /* twice as much for a week; seven times, three weeks later */
        feed(b, (struct reads){ .day = day, .hour = 9,
                                .bytes = day >= 60 && day < 67    ? 200 * MB
                                         : day >= 86 && day < 100 ? 700 * MB
                                                                  : one_busy_day(day) });
    for (size_t i = 0; i < bench_alerts(b); i++)
        first = bench_alert(b, i)->last_ns < first ? bench_alert(b, i)->last_ns : first;
    for (size_t i = 0; i < bench_alerts(b); i++)
        if (bench_alert(b, i)->last_ns > first && bench_alert(b, i)->last_ns < again)
            again = bench_alert(b, i)->last_ns;
    ck_assert_int_eq(first, time_of(67, 0) - 1);
    ck_assert_int_eq(again - first, 28 * NS_PER_DAY);
    bench_free(b);
}
END_TEST

/* The others of the container: busy on one day a week before, on each day afterwards. */
START_TEST(others_that_grew_more_than_fourfold_are_no_measure)
{
    static const struct {
        int tenths;
        size_t alerts;
    } cases[] = { { .tenths = 38, .alerts = 0 }, { .tenths = 42, .alerts = 1 } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench_open(&detector_slow_leak, "");
        size_t own = 0;

        for (int day = 0; day < 66; day++) {
            int64_t now = 64 * MB * cases[i].tenths / 7;

            feed(b, (struct reads){ .day = day, .hour = 9, .bytes = day < 56 ? 100 * MB : 199 * MB });
            feed(b, (struct reads){ .day = day, .hour = 9, .bytes = day < 56 ? one_busy_day(day) : now,
                                    .agent = "azsdk-python-cosmos/4.7.0" });
        }
        for (size_t k = 0; k < bench_alerts(b); k++)
            own += strstr(bench_alert(b, k)->subject, "java") != NULL;
        ck_assert_msg(own == cases[i].alerts, "%d: %zu of %zu alerts", cases[i].tenths, own, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

START_TEST(a_release_that_adds_a_quarter_and_growth_over_weeks_are_no_leaks)
{
    struct bench *b = bench_open(&detector_slow_leak, "");

    for (int day = 0; day < 120; day++) /* a release on the 60th day, and three in a hundred a week */
        feed(b, (struct reads){ .day = day, .hour = 9, .bytes = usual(day, 200 * MB) * (100 + day * 3 / 7) / 100 * (day < 60 ? 4 : 5) / 4 });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(small_excess_short_history_and_learning_are_silent)
{
    struct bench *b = bench_open(&detector_slow_leak, "");

    feed_usual(b, 0, 60);
    for (int day = 60; day < 90; day++)
        feed(b, (struct reads){ .day = day, .hour = 9, .bytes = usual(day, 200 * MB) * 5 / 4 });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);

    b = bench_open(&detector_slow_leak, ""); /* below the floor, however often */
    for (int day = 0; day < 90; day++)
        feed(b, (struct reads){ .day = day, .hour = 9, .bytes = (day < 60 ? 1 : 4) * MB });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);

    b = bench_open(&detector_slow_leak, "");
    feed_usual(b, 0, 20); /* no four weeks to compare with */
    for (int day = 20; day < 26; day++)
        feed(b, (struct reads){ .day = day, .hour = 9, .bytes = 900 * MB });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(one_wild_day_is_not_a_leak)
{
    struct bench *b = bench_open(&detector_slow_leak, "");

    feed_usual(b, 0, 60);
    feed(b, (struct reads){ .day = 60, .hour = 3, .bytes = 50000 * MB });
    feed_usual(b, 60, 30);
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_weekly_and_a_monthly_job_are_not_leaks)
{
    struct bench *b = bench_open(&detector_slow_leak, "");

    for (int day = 0; day < 150; day++) {
        if (day % 7 == 6)
            feed(b, (struct reads){ .day = day, .hour = 2, .bytes = 3000 * MB, .container = "weekly" });
        feed(b, (struct reads){ .day = day, .hour = 9, .bytes = usual(day, 100 * MB), .container = "monthly" });
        if (day % 30 == 29)
            feed(b, (struct reads){ .day = day, .hour = 2, .bytes = 3000 * MB, .container = "monthly" });
    }
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(growth_of_all_readers_and_moved_load_are_not_leaks)
{
    static const char *const agents[] = { "azsdk-java-cosmos/4.60.0", "azsdk-python-cosmos/4.7.0 Python/3.12.2",
                                          "azsdk-go-azcosmos/v1.1.0 (go1.22; linux)" };
    struct bench *b = bench_open(&detector_slow_leak, "");

    for (int day = 0; day < 100; day++)
        for (size_t i = 0; i < ARRAY_LEN(agents); i++)
            feed(b, (struct reads){ .day = day, .hour = 9, .agent = agents[i],
                                    .bytes = usual(day, 200 * MB) * (day < 60 ? 10 : 20) / 10 });
    ck_assert_uint_eq(bench_alerts(b), 0); /* twice the customers for all of them */
    bench_free(b);

    b = bench_open(&detector_slow_leak, "");
    for (int day = 0; day < 100; day++)
        for (size_t i = 0; i < 2; i++)
            feed(b, (struct reads){ .day = day, .hour = 9, .agent = agents[i],
                                    .bytes = usual(day, 200 * MB) * (day < 60 ? 10 : i ? 1 : 19) / 10 });
    ck_assert_uint_eq(bench_alerts(b), 0); /* one took over the other's work */
    bench_free(b);
}
END_TEST

START_TEST(a_new_reader_that_lifts_the_whole_container_is_told)
{
    struct bench *b = bench_open(&detector_slow_leak, "");
    const struct alert *a;

    feed_usual(b, 0, 60);
    for (int day = 60; day < 80; day++) {
        feed_usual(b, day, 1);
        feed(b, (struct reads){ .day = day, .hour = 3, .bytes = 300 * MB, .agent = "python-requests/2.31.0",
                                .address = "203.0.113.9" });
    }
    a = bench_only(b, TYPE);
    ck_assert_str_eq(a->subject, "account key / python-requests / 203.0.113.0/24 -> shop/orders");
    ck_assert_str_eq(a->variant, ".NewReader");
    bench_free(b);

    b = bench_open(&detector_slow_leak, ""); /* a redeployed application replaces the old one */
    feed_usual(b, 0, 60);
    for (int day = 60; day < 90; day++)
        feed(b, (struct reads){ .day = day, .hour = 9, .bytes = usual(day, 200 * MB), .agent = "azsdk-go-azcosmos/v1.1.0" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

/* ---- simulation -------------------------------------------------------------------------------- */

static uint64_t seed_state;

static double chance(void)
{
    seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed_state >> 11) / 9007199254740992.0;
}

static double normal(void)
{
    double sum = 0;

    for (int i = 0; i < 12; i++)
        sum += chance();
    return sum - 6;
}

struct sim_reader { /* logarithms */
    double level, noise, weekend, drift, shock;
};

#define READERS 6
static const char *const sim_agents[READERS] = {
    "azsdk-java-cosmos/4.60.0", "azsdk-python-cosmos/4.7.0 Python/3.12.2", "azsdk-go-azcosmos/v1.1.0 (go1.22; linux)",
    "Node.js/20.11.0 (linux; x64) azure-cosmos-js/4.0.0", "orders-worker", "reporting",
};

/* COSMOWATCH_SEED tries another one. */
static uint64_t sim_seed(uint64_t preset)
{
    const char *text = getenv("COSMOWATCH_SEED");

    return text ? strtoull(text, NULL, 10) : preset;
}

struct sim_leak {
    int from, days;
    double factor;
};

/* An account of six readers on two containers. The first one leaks. */
static void simulate(struct bench *b, const char *account, int days, const struct sim_leak *leak)
{
    struct sim_reader r[READERS];
    double growth = 0.03 * chance(), size = 0; /* a week */

    for (int i = 0; i < READERS; i++)
        r[i] = (struct sim_reader){ .level = log(50e6) + 4 * chance(), .noise = 0.1 + 0.4 * chance(),
                                    .weekend = -1.6 * chance(), .shock = 0.02 + 0.05 * chance() };
    for (int day = 0; day < days; day++) {
        size += growth / 7;
        for (int i = 0; i < READERS; i++) {
            double bytes;

            r[i].drift = 0.97 * r[i].drift + r[i].shock * normal();
            bytes = exp(r[i].level + size + r[i].drift + r[i].noise * normal() + (day % 7 < 5 ? 0 : r[i].weekend));
            if (chance() < 1.0 / 60)
                bytes *= 6; /* an export, a replay, a cache that was lost */
            if (i == 0 && day >= leak->from && day < leak->from + leak->days)
                bytes += (leak->factor - 1) * exp(r[i].level + size + (day % 7 < 5 ? 0 : r[i].weekend));
            feed(b, (struct reads){ .day = day, .hour = 10, .bytes = (int64_t)bytes, .account = account,
                                    .agent = sim_agents[i], .container = i % 2 ? "orders" : "customers" });
        }
    }
}

START_TEST(fewer_false_alarms_than_one_an_account_and_quarter)
{
    struct bench *b = bench_open(&detector_slow_leak, "");
    enum { ACCOUNTS = 150, DAYS = 200, WARM = 14 };
    double quarters = ACCOUNTS * (DAYS - WARM) / 91.0;

    seed_state = sim_seed(4711);
    for (int i = 0; i < ACCOUNTS; i++) {
        char name[24];

        (void)snprintf(name, sizeof(name), "acc%d", i);
        simulate(b, name, DAYS, &(struct sim_leak){ .days = 0 });
    }
    printf("false alarms an account and quarter: %.3f\n", (double)bench_alerts(b) / quarters);
    ck_assert_msg((double)bench_alerts(b) / quarters <= 1, "%zu in %.0f", bench_alerts(b), quarters);
    bench_free(b);
}
END_TEST

START_TEST(four_of_five_leaks_of_a_month_at_twice_are_told_and_most_of_a_week_at_three_times)
{
    enum { ACCOUNTS = 200 };
    static const struct { struct sim_leak leak; int least; } cases[] = {
        { .leak = { .from = 100, .days = 30, .factor = 2 }, .least = 80 },
        { .leak = { .from = 100, .days = 30, .factor = 3 }, .least = 90 },
        { .leak = { .from = 14, .days = 30, .factor = 2 }, .least = 40 }, /* in the weeks that are to tell what is usual */
        { .leak = { .from = 100, .days = 7, .factor = 3 }, .least = 60 },
        { .leak = { .from = 14, .days = 7, .factor = 3 }, .least = 55 },
    };

    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        const struct sim_leak *leak = &cases[c].leak;
        int told = 0;

        for (int i = 0; i < ACCOUNTS; i++) {
            struct bench *b = bench_open(&detector_slow_leak, "");
            bool is_told = false;

            seed_state = sim_seed(5) + (uint64_t)i * 1931;
            simulate(b, "acc", leak->from + leak->days + 3, leak);
            for (size_t n = 0; n < bench_alerts(b); n++)
                is_told = is_told || (strstr(bench_alert(b, n)->subject, "azsdk-java-cosmos") &&
                                      bench_alert(b, n)->last_ns >= time_of(leak->from + 3, 0));
            told += is_told;
            bench_free(b);
        }
        printf("leaks of %.0fx for %d days after %d told: %d of %d\n", leak->factor, leak->days, leak->from, told, ACCOUNTS);
        ck_assert_msg(told * 100 >= cases[c].least * ACCOUNTS, "%.0fx: %d of %d", leak->factor, told, ACCOUNTS);
    }
}
END_TEST

/* ---- the ring of days -------------------------------------------------------------------------- */

START_TEST(days_keep_amounts_over_pauses_and_forget_them)
{
    struct days d = { 0 };
    int32_t day0 = days_last_over(time_of(0, 0)) + 2;

    for (int day = 0; day < 10; day++)
        days_add(&d, days_enter(&d, time_of(day, 5), NULL, NULL), (day + 1) * MB);
    ck_assert_int_eq(days_amount(&d, day0 + 8), 0); /* still open */
    ck_assert_int_eq(days_enter(&d, time_of(40, 0), NULL, NULL), SLOT_NOW);
    for (int day = 0; day < 10; day++)
        ck_assert_msg(llabs(days_amount(&d, day0 + day) - (day + 1) * MB) <= (day + 1) * MB / 250, "day %d", day);
    for (int day = 10; day < 40; day++)
        ck_assert_int_eq(days_amount(&d, day0 + day), 0);
    ck_assert_int_eq(days_history(&d, day0 + 38), 39);
    ck_assert_int_eq(days_enter(&d, time_of(39, 0), NULL, NULL), SLOT_BEFORE);
    ck_assert_int_eq(days_enter(&d, time_of(38, 0), NULL, NULL), SLOT_LATE);
    for (int day = 41; day < 120; day++)
        (void)days_enter(&d, time_of(day, 0), NULL, NULL);
    for (int32_t day = day0; day < day0 + 110; day++)
        ck_assert_int_eq(days_amount(&d, day), 0);
}
END_TEST

/* ---- the same rows, the same alerts ------------------------------------------------------------ */

struct arrival { int64_t at_ns; struct observation obs; };

static int by_arrival(const void *a, const void *b)
{
    const struct arrival *x = a, *y = b;

    return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

static char *run_shuffled(uint64_t seed, int64_t horizon_ns, bool plain)
{
    enum { DAYS = 100, A_DAY = 8, ROWS = DAYS * A_DAY };
    struct baseline_config cfg = { .horizon_ns = horizon_ns, .learn_ns = 14 * NS_PER_DAY };
    struct bench *b = bench_open_with(&detector_slow_leak, "", &cfg);
    struct arrival *all = calloc((size_t)ROWS * 2, sizeof(*all));
    size_t n = 0;
    char *text;

    seed_state = seed;
    for (int i = 0; i < ROWS; i++) {
        int day = i / A_DAY, who = (int)(chance() * 3);
        struct reads r = { .day = day, .hour = i == 0 ? 0 : (int)(chance() * 24), .agent = sim_agents[who],
                           .bytes = (int64_t)((30 + 20 * chance()) * 1e6) * (who == (int)(seed % 3) && day > 60 ? 4 : 1) };

        all[n++].obs = as_observation(&r);
    }
    if (!plain)
        seed_state += 12345;
    for (size_t i = 0, len = n; i < len; i++) {
        all[i].at_ns = all[i].obs.minute_ns;
        if (plain)
            continue;
        all[i].at_ns += (int64_t)(chance() * (double)horizon_ns);
        if (chance() < 0.3) {
            all[n] = all[i];
            all[n].obs.bytes_out = all[i].obs.bytes_out / 3;
            all[n].obs.count = 1;
            all[i].obs.bytes_out -= all[n].obs.bytes_out;
            all[i].obs.count -= 1;
            all[n].at_ns = all[n].obs.minute_ns + (int64_t)(chance() * (double)horizon_ns);
            n++;
        }
    }
    qsort(all, n, sizeof(*all), by_arrival);
    for (size_t i = 0; i < n; i++) {
        bench_feed(b, &all[i].obs);
        if (!plain && chance() < 0.01)
            bench_restart(b);
    }
    text = bench_text(b, NULL);
    bench_free(b);
    free(all);
    return text;
}

START_TEST(order_lateness_splits_and_restarts_do_not_change_the_alerts)
{
    static const int64_t hours[] = { 1, 4, 12, 24 };
    size_t alerts = 0;

    for (uint64_t seed = 1; seed <= 24; seed++) {
        int64_t horizon = hours[seed % ARRAY_LEN(hours)] * NS_PER_HOUR;
        char *plain = run_shuffled(seed, horizon, true), *shuffled = run_shuffled(seed, horizon, false);

        ck_assert_msg(strcmp(plain, shuffled) == 0, "seed %d:\n%s\nbut shuffled\n%s", (int)seed, plain, shuffled);
        alerts += strstr(plain, TYPE) != NULL;
        free(plain);
        free(shuffled);
    }
    ck_assert_uint_gt(alerts, 10);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_reader_that_doubles_for_a_month_is_told_once_with_its_figures);
    tcase_add_test(t, a_week_of_three_times_as_much_is_told_after_two_weeks_of_history);
    tcase_add_test(t, others_that_grew_more_than_fourfold_are_no_measure);
    tcase_add_test(t, a_reader_is_told_once_in_four_weeks);
    tcase_add_test(t, after_three_weeks_a_lower_ratio_is_enough);
    tcase_add_test(t, a_release_that_adds_a_quarter_and_growth_over_weeks_are_no_leaks);
    tcase_add_test(t, small_excess_short_history_and_learning_are_silent);
    tcase_add_test(t, one_wild_day_is_not_a_leak);
    tcase_add_test(t, a_weekly_and_a_monthly_job_are_not_leaks);
    tcase_add_test(t, growth_of_all_readers_and_moved_load_are_not_leaks);
    tcase_add_test(t, a_new_reader_that_lifts_the_whole_container_is_told);
    tcase_add_test(t, fewer_false_alarms_than_one_an_account_and_quarter);
    tcase_add_test(t, four_of_five_leaks_of_a_month_at_twice_are_told_and_most_of_a_week_at_three_times);
    tcase_add_test(t, days_keep_amounts_over_pauses_and_forget_them);
    tcase_add_test(t, order_lateness_splits_and_restarts_do_not_change_the_alerts);
    return run_group("detectors/slow_leak", t);
}
