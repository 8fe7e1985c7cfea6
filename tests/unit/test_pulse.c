/* Who has stopped logging: told once, whatever the windows, and not for nights, weekends, holidays or our own trouble.
 * SPDX-License-Identifier: Apache-2.0 */
#include "engine.h"
#include "pulse.h"

#include "alert/catalogue.h"
#include "base/buf.h"
#include "fold/fold.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define HORIZON (2 * NS_PER_HOUR)
#define START (20003 * NS_PER_DAY) /* a Monday */
#define DAY(d) (START + (d) * NS_PER_DAY)

static struct error err;

/* When an account sends rows: every hour but these. */
enum habit { ALWAYS, OFFICE, NIGHTLY, MONTHLY };

struct life {
    const char *account;
    enum habit habit;
    enum table table;
    int64_t from_ns, to_ns;       /* 0: from the first day, for ever */
    int64_t quiet_ns, loud_ns;    /* silent between these two; 0: never */
};

static bool is_there(const struct life *l, int64_t hour_ns)
{
    int64_t day = (hour_ns - START) / NS_PER_DAY, hour = hour_ns / NS_PER_HOUR % 24;

    if (hour_ns < l->from_ns || (l->to_ns && hour_ns >= l->to_ns) || (hour_ns >= l->quiet_ns && hour_ns < l->loud_ns))
        return false;
    switch (l->habit) {
    case ALWAYS: return true;
    case OFFICE: return day % 7 < 5 && hour >= 8 && hour < 18;
    case NIGHTLY: return hour == 2;
    case MONTHLY: return day % 30 == 0;
    }
    return false;
}

static struct engine *engine;
static struct fold *fold;
static struct buf told; /* "subject at first row missing\n", as the stage has them at the end */
static int64_t read_to;
static bool is_learning;
static int64_t other_read_to; /* by a second source that has no rows; 0: there is none */

static void set_up(void)
{
    ck_assert_int_eq(engine_new(&(struct engine_config){ .baseline = { .horizon_ns = HORIZON, .learn_ns = 14 * NS_PER_DAY } },
                                &engine, &err), 0);
    fold = fold_new(64u << 20);
    told = BUF_INIT(1u << 20);
    read_to = other_read_to = 0;
    is_learning = false;
}

static void tear_down(void)
{
    engine_free(engine);
    fold_free(fold);
    buf_release(&told);
}

static void add_row(const struct life *l, int64_t t)
{
    struct record r;

    record_clear(&r);
    r.table = l->table ? l->table : TABLE_DATA_PLANE;
    r.time_ns = r.first_ns = r.last_ns = t;
    r.status = 200;
    r.count = 1;
    r.text[F_ACCOUNT] = slice_of(l->account);
    r.text[F_OPERATION] = SL("Query");
    r.text[F_RESOURCE_ID] = SL("/subscriptions/11111111-2222-4333-8444-555555555555/resourcegroups/rg/providers/"
                               "microsoft.documentdb/databaseaccounts/a");
    ck_assert_int_eq(fold_add(fold, &r, &err), 0);
}

/* Rows reach us up to an hour and a half late, each always by as much: windows are of the time of arrival. */
static int64_t late_ns(const char *account, int64_t t)
{
    uint64_t x = (uint64_t)(t / NS_PER_MIN) * 2654435761u + (uint64_t)account[0] * 40503u;

    return (int64_t)(x >> 7 & 63) * NS_PER_MIN * 90 / 64;
}

static void read_window(const struct life *lives, size_t n, int64_t to, bool is_replay)
{
    fold_reset(fold);
    for (size_t i = 0; i < n; i++)
        for (int64_t t = read_to - HORIZON - read_to % NS_PER_HOUR; t < to; t += NS_PER_HOUR) {
            int64_t row = t + 20 * NS_PER_MIN, arrives = row + late_ns(lives[i].account, row);

            if (t >= START && is_there(&lives[i], t) && arrives >= read_to && arrives < to)
                add_row(&lives[i], row);
        }
    ck_assert_msg(engine_judge(engine, fold_sorted(fold), fold_len(fold), is_learning,
                               is_replay ? INT64_MAX : other_read_to && other_read_to < read_to ? other_read_to : read_to, NULL,
                               &err) == 0, "%s", err.msg);
    read_to = to;
}

static void live(const struct life *lives, size_t n, int64_t to, int64_t window_ns)
{
    if (read_to == 0)
        read_to = START;
    while (read_to < to)
        read_window(lives, n, read_to + window_ns < to ? read_to + window_ns : to, false);
}

static int add_told(void *self, const struct alert *a, struct error *e)
{
    struct buf *out = self;

    buf_addf(out, "%s%s|%s|%lld|%s|%lld\n", a->type->id, a->variant, a->subject, (long long)a->count, a->id,
             (long long)(a->first_ns - START) / NS_PER_HOUR);
    for (const struct fact *f = a->facts; f < a->facts + a->facts_len; f++)
        for (size_t i = 0; i < f->len; i++)
            buf_addf(out, "  %s=%s\n", f->name, f->entries[i].text);
    return buf_check(out, e);
}

static const char *alerts(void)
{
    buf_clear(&told);
    ck_assert_int_eq(stage_each(engine_stage(engine), add_told, &told, &err), 0);
    return buf_cstr(&told);
}

static const struct life usual[] = {
    { .account = "shop", .habit = ALWAYS },
    { .account = "orders", .habit = ALWAYS },
    { .account = "desk", .habit = OFFICE },
    { .account = "batch", .habit = NIGHTLY },
    { .account = "close", .habit = MONTHLY },
};
#define USUAL ARRAY_LEN(usual)

START_TEST(nights_weekends_and_a_holiday_are_no_silence)
{
    struct life lives[USUAL];

    memcpy(lives, usual, sizeof lives);
    lives[2].quiet_ns = DAY(28); /* a Monday off after a weekend */
    lives[2].loud_ns = DAY(29);
    live(lives, USUAL, DAY(70), NS_PER_HOUR);
    ck_assert_str_eq(alerts(), "");
}
END_TEST

START_TEST(an_account_that_falls_silent_is_told_once_after_its_usual_pause_and_the_horizon)
{
    struct life lives[USUAL];

    memcpy(lives, usual, sizeof lives);
    lives[0].quiet_ns = DAY(30) + 10 * NS_PER_HOUR;
    lives[0].loud_ns = INT64_MAX;
    live(lives, USUAL, DAY(30) + 14 * NS_PER_HOUR, NS_PER_HOUR);
    ck_assert_str_eq(alerts(), "");
    live(lives, USUAL, DAY(30) + 17 * NS_PER_HOUR, NS_PER_HOUR);
    ck_assert_msg(strstr(alerts(), "CosmosDBX_LogSilence.Account|shop|1|"), "%s", alerts());
    ck_assert_msg(strstr(alerts(), "silentSince=2024-11-06T10:00:00Z"), "%s", alerts());
    live(lives, USUAL, DAY(60), NS_PER_HOUR);
    ck_assert_msg(strstr(alerts(), "shop|1|") && !strstr(strstr(alerts(), "LogSilence") + 1, "LogSilence"), "%s", alerts());
}
END_TEST

START_TEST(the_windows_play_no_part_nor_that_it_is_over_when_they_are_read)
{
    static const int64_t windows[] = { NS_PER_HOUR, 20 * NS_PER_MIN, 6 * NS_PER_HOUR, NS_PER_DAY };
    CLEANUP(buf_release) struct buf want = BUF_INIT(1u << 20);
    struct life lives[USUAL];

    memcpy(lives, usual, sizeof lives);
    lives[0].quiet_ns = DAY(30) + 10 * NS_PER_HOUR;
    lives[0].loud_ns = DAY(30) + 14 * NS_PER_HOUR;
    lives[2].quiet_ns = DAY(35);
    lives[2].loud_ns = DAY(43);
    for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
        tear_down();
        set_up();
        live(lives, USUAL, DAY(60), windows[i]);
        if (i == 0)
            buf_add_str(&want, alerts());
        ck_assert_msg(strstr(alerts(), "Account|shop|1|") && strstr(alerts(), "Account|desk|1|"), "%s", alerts());
        ck_assert_str_eq(alerts(), buf_cstr(&want));
    }
}
END_TEST

START_TEST(a_replay_takes_no_hole_for_silence)
{
    struct life lives[USUAL];

    memcpy(lives, usual, sizeof lives);
    lives[0].quiet_ns = DAY(30);
    lives[0].loud_ns = DAY(35);
    for (read_to = START; read_to < DAY(60);)
        read_window(lives, USUAL, read_to + NS_PER_HOUR, true);
    ck_assert_str_eq(alerts(), "");
}
END_TEST

START_TEST(when_all_fall_silent_one_alert_names_them)
{
    struct life lives[USUAL];

    memcpy(lives, usual, sizeof lives);
    for (size_t i = 0; i < USUAL; i++) {
        lives[i].quiet_ns = DAY(30) + 10 * NS_PER_HOUR;
        lives[i].loud_ns = INT64_MAX;
    }
    live(lives, USUAL, DAY(31), NS_PER_HOUR);
    ck_assert_msg(strstr(alerts(), "LogSilence.All|all accounts|2|"), "%s", alerts());
    ck_assert_msg(strstr(alerts(), "silent=orders\n  silent=shop\n"), "%s", alerts());
    ck_assert_msg(!strstr(alerts(), ".Account"), "%s", alerts());
}
END_TEST

START_TEST(a_table_that_stops_is_told_while_its_account_goes_on)
{
    const struct life lives[] = {
        { .account = "shop", .habit = ALWAYS },
        { .account = "shop", .habit = ALWAYS, .table = TABLE_MONGO, .quiet_ns = DAY(30), .loud_ns = INT64_MAX },
        { .account = "orders", .habit = ALWAYS, .quiet_ns = DAY(40), .loud_ns = INT64_MAX },
        { .account = "orders", .habit = ALWAYS, .table = TABLE_MONGO, .quiet_ns = DAY(40), .loud_ns = INT64_MAX },
    };

    live(lives, ARRAY_LEN(lives), DAY(50), NS_PER_HOUR);
    ck_assert_msg(strstr(alerts(), "LogSilence.Table|shop in CDBMongoRequests|1|"), "%s", alerts());
    ck_assert_msg(strstr(alerts(), "LogSilence.Account|orders|1|"), "%s", alerts());
    ck_assert_msg(!strstr(alerts(), "orders in"), "%s", alerts());
}
END_TEST

START_TEST(what_is_not_read_lost_or_not_known_yet_is_no_silence)
{
    struct life lives[USUAL];

    memcpy(lives, usual, sizeof lives);
    lives[1].to_ns = DAY(10); /* known for ten days only */
    live(lives, USUAL, DAY(20), NS_PER_HOUR);
    ck_assert_str_eq(alerts(), "");
    /* The source fails for a day, and then a day of it is lost. */
    for (size_t i = 0; i < USUAL; i++) {
        lives[i].quiet_ns = DAY(21);
        lives[i].loud_ns = DAY(22);
    }
    live(lives, USUAL, DAY(21), NS_PER_HOUR);
    engine_excuse(engine, DAY(22));
    read_to = DAY(22);
    live(lives, USUAL, DAY(40), NS_PER_HOUR);
    ck_assert_str_eq(alerts(), "");
}
END_TEST

/* What the one that goes on brings is further ahead of what both have read than is remembered. */
START_TEST(a_second_source_that_is_away_for_days_makes_no_silence_of_the_first)
{
    struct life lives[USUAL];

    memcpy(lives, usual, sizeof lives);
    live(lives, USUAL, DAY(30), NS_PER_HOUR);
    other_read_to = DAY(30);
    live(lives, USUAL, DAY(42), NS_PER_HOUR);
    for (; other_read_to < DAY(43); other_read_to += 2 * NS_PER_HOUR) /* it catches up while the first goes on */
        live(lives, USUAL, read_to + NS_PER_HOUR / 6, NS_PER_HOUR / 6);
    other_read_to = 0;
    live(lives, USUAL, DAY(60), NS_PER_HOUR);
    ck_assert_str_eq(alerts(), "");
    /* and no blindness: */
    lives[0].quiet_ns = DAY(60);
    lives[0].loud_ns = INT64_MAX;
    live(lives, USUAL, DAY(61), NS_PER_HOUR);
    ck_assert_msg(strstr(alerts(), "CosmosDBX_LogSilence.Account|shop|1|"), "%s", alerts());
}
END_TEST

START_TEST(while_learning_nothing_is_told_and_nothing_later)
{
    struct life lives[USUAL];

    memcpy(lives, usual, sizeof lives);
    lives[0].quiet_ns = DAY(30);
    lives[0].loud_ns = INT64_MAX;
    is_learning = true;
    live(lives, USUAL, DAY(32), 6 * NS_PER_HOUR);
    is_learning = false;
    live(lives, USUAL, DAY(50), NS_PER_HOUR);
    ck_assert_str_eq(alerts(), "");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("pulse");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, nights_weekends_and_a_holiday_are_no_silence);
    tcase_add_test(t, an_account_that_falls_silent_is_told_once_after_its_usual_pause_and_the_horizon);
    tcase_add_test(t, the_windows_play_no_part_nor_that_it_is_over_when_they_are_read);
    tcase_add_test(t, a_replay_takes_no_hole_for_silence);
    tcase_add_test(t, when_all_fall_silent_one_alert_names_them);
    tcase_add_test(t, a_table_that_stops_is_told_while_its_account_goes_on);
    tcase_add_test(t, what_is_not_read_lost_or_not_known_yet_is_no_silence);
    tcase_add_test(t, a_second_source_that_is_away_for_days_makes_no_silence_of_the_first);
    tcase_add_test(t, while_learning_nothing_is_told_and_nothing_later);
    return run_group("pulse", t);
}
