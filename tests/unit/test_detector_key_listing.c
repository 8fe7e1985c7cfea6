/* What detectors/key_listing.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/key_kit.h"

extern const struct detector_ops detector_key_listing;

#define TYPE "CosmosDB_SuspiciousListKeys.MaliciousScript"
#define EVE "eve@contoso.example"

static const char *const accounts[] = { "orders", "payroll", "catalog", "mongo", "stage" };

/* The fortnight before: four accounts at work, Terraform reads the keys of all of them each morning. */
static void fortnight(int days)
{
    for (size_t i = 0; i < 4; i++)
        key_usual(accounts[i], 0, days, true);
}

static void script(int day, int first_minute, size_t n, struct act like)
{
    for (size_t i = 0; i < n; i++) {
        struct act a = like;

        a.at = key_day(day, 3, first_minute) + (int64_t)i * 4 * NS_PER_S;
        a.account = accounts[i];
        a.caller = like.caller ? like.caller : EVE;
        a.status = "Start";
        if (!like.status)
            key_act(a);
        a.status = like.status ? like.status : "Success";
        key_act(a);
    }
}

static struct bench *judged(void)
{
    struct bench *b = bench_open(&detector_key_listing, "");

    key_feed(b, 0);
    key_forget();
    return b;
}

START_TEST(keys_of_four_accounts_in_a_minute_by_a_stranger_are_high)
{
    struct bench *b;
    const struct alert *a;

    fortnight(20);
    script(20, 0, 4, (struct act){ 0 });
    b = judged();
    a = bench_only(b, TYPE);
    ck_assert_int_eq(a->severity, SEVERITY_HIGH);
    ck_assert_str_eq(a->variant, ".PowerShell");
    ck_assert_str_eq(a->subject, EVE);
    ck_assert_int_eq(a->count, 4);
    ck_assert_int_eq(alert_number(a, "distinctAccounts", 0), 4);
    ck_assert_uint_eq(alert_fact(a, "accounts")->len, 4);
    ck_assert_str_eq(alert_text(a, "application"), "Azure PowerShell");
    ck_assert_str_eq(alert_text(a, "usualReaders"), TERRAFORM);
    ck_assert_str_eq(alert_text(a, "address"), "203.0.113.5");
    ck_assert_str_eq(a->resource_id, "/subscriptions/" SUBSCRIPTION);
    bench_free(b);
}
END_TEST

START_TEST(two_accounts_in_a_larger_subscription_are_not_a_script)
{
    struct bench *b;

    fortnight(20);
    script(20, 0, 2, (struct act){ 0 });
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(two_accounts_and_two_other_services_are)
{
    struct bench *b;

    fortnight(20);
    script(20, 0, 2, (struct act){ 0 });
    key_act((struct act){ .at = key_day(20, 3, 5), .caller = EVE, .account = "st1",
                          .op = "MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION" });
    key_act((struct act){ .at = key_day(20, 3, 6), .caller = EVE, .account = "acr",
                          .op = "Microsoft.ContainerRegistry/registries/listCredentials/action" });
    b = judged();
    ck_assert_str_eq(bench_only(b, TYPE)->variant, ".MicroBurst");
    ck_assert_uint_eq(alert_fact(bench_only(b, TYPE), "otherServices")->len, 2);
    ck_assert_int_eq(bench_only(b, TYPE)->count, 4);
    bench_free(b);
}
END_TEST

static void services(int n)
{
    static const char *const ops[] = { "MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION",
                                       "MICROSOFT.CACHE/REDIS/LISTKEYS/ACTION",
                                       "MICROSOFT.SERVICEBUS/NAMESPACES/AUTHORIZATIONRULES/LISTKEYS/ACTION" };

    for (int i = 0; i < n; i++)
        key_act((struct act){ .at = key_day(20, 3, 5 + i), .caller = EVE, .account = "other", .op = ops[i] });
}

START_TEST(two_accounts_and_one_other_service_are_not)
{
    struct bench *b;

    fortnight(20);
    script(20, 0, 2, (struct act){ 0 });
    services(1);
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(three_other_services_make_it_high_also_of_a_reader_of_keys)
{
    for (int n = 2; n <= 3; n++) {
        struct bench *b;

        fortnight(20);
        key_act((struct act){ .at = key_day(10, 3, 0), .caller = EVE, .account = accounts[0] });
        script(20, 0, 2, (struct act){ 0 });
        services(n);
        b = judged();
        ck_assert_msg(bench_only(b, TYPE)->severity == (n == 3 ? SEVERITY_HIGH : SEVERITY_MEDIUM), "%d services", n);
        bench_free(b);
    }
}
END_TEST

START_TEST(both_accounts_of_a_small_subscription_are)
{
    struct bench *b;

    key_usual("orders", 0, 20, true);
    key_usual("payroll", 0, 20, true);
    script(20, 0, 2, (struct act){ 0 });
    b = judged();
    ck_assert_int_eq(alert_number(bench_only(b, TYPE), "distinctAccounts", 0), 2);
    bench_free(b);
}
END_TEST

START_TEST(a_run_over_the_edge_of_a_bin_is_one_run)
{
    struct bench *b;

    fortnight(20);
    for (int i = 0; i < 3; i++)
        key_act((struct act){ .at = key_day(20, 3, 3 + 5 * i), .caller = EVE, .account = accounts[i] });
    b = judged();
    ck_assert_int_eq(bench_only(b, TYPE)->count, 3);
    bench_free(b);
}
END_TEST

START_TEST(the_same_accounts_over_an_hour_are_not_a_run)
{
    struct bench *b;

    fortnight(20);
    for (int i = 0; i < 4; i++)
        key_act((struct act){ .at = key_day(20, 3, 17 * i), .caller = EVE, .account = accounts[i] });
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(terraform_never_alerts)
{
    struct bench *b;

    fortnight(60);
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_weekly_rotation_known_from_the_backfill_never_alerts)
{
    struct bench *b = bench_open(&detector_key_listing, "");

    fortnight(14);
    for (int d = 0; d < 14; d += 7)
        script(d, 20, 4, (struct act){ .caller = "rotator", .app = "rotator-app" });
    bench_set_backfill(b, true);
    key_feed(b, 0);
    bench_set_backfill(b, false);
    key_forget();
    for (int d = 14; d < 60; d += 7) {
        for (size_t i = 0; i < 4; i++)
            key_usual(accounts[i], d, 7, true);
        script(d, 20, 4, (struct act){ .caller = "rotator", .app = "rotator-app" });
    }
    key_feed(b, 0);
    key_forget();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_monthly_job_whose_days_fall_together_is_no_run)
{
    struct bench *b;

    fortnight(60);
    for (int i = 0; i < 4; i++) /* each account on a day of its own */
        key_act((struct act){ .at = key_day(16 + 2 * i, 3, 0), .account = accounts[i], .caller = "rotator", .app = "rotator-app" });
    script(50, 20, 4, (struct act){ .caller = "rotator", .app = "rotator-app" });
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

/* What was read so a fortnight ago and is read again is a job by calendar; sooner, it has to have come twice. */
START_TEST(a_job_is_by_calendar_from_a_fortnight_on)
{
    for (int pause = 13; pause <= 14; pause++) {
        struct bench *b;

        fortnight(60);
        for (int i = 0; i < 4; i++) /* each account in an hour of its own */
            key_act((struct act){ .at = key_day(50 - pause, 3 + 2 * i, 0), .account = accounts[i], .caller = "rotator",
                                  .app = "rotator-app" });
        script(50, 20, 4, (struct act){ .caller = "rotator", .app = "rotator-app" });
        b = judged();
        ck_assert_msg(bench_alerts(b) == (pause < 14), "after %d days", pause);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_person_in_the_portal_may_look_at_a_few_accounts)
{
    struct bench *b;

    fortnight(20);
    for (int i = 0; i < 5; i++)
        key_act((struct act){ .at = key_day(20, 10, 2 * i), .account = accounts[i], .app = PORTAL });
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(ten_accounts_in_the_portal_are_too_many_for_a_person)
{
    static const char *const many[] = { "a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10" };

    for (size_t n = 9; n <= ARRAY_LEN(many); n++) {
        struct bench *b;

        fortnight(20);
        for (size_t i = 0; i < n; i++)
            key_act((struct act){ .at = key_day(20, 10, (int)i), .account = many[i], .app = PORTAL });
        b = judged();
        ck_assert_msg(bench_alerts(b) == (n == 10), "%zu accounts: %zu alerts", n, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

START_TEST(a_person_s_script_alerts_from_the_first_row_an_application_s_only_after_learning)
{
    static const struct {
        const char *name, *app;
        size_t alerts;
    } cases[] = {
        { .name = "PowerShell", .app = POWERSHELL, .alerts = 1 },
        { .name = "CLI", .app = CLI, .alerts = 1 },
        { .name = "service principal", .app = TERRAFORM_APP, .alerts = 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        script(0, 0, 4, (struct act){ .app = cases[i].app });
        b = judged();
        ck_assert_msg(bench_alerts(b) == cases[i].alerts, "%s", cases[i].name);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_new_service_principal_over_all_accounts_alerts_once_learned)
{
    struct bench *b;

    fortnight(20);
    script(20, 0, 4, (struct act){ .caller = "0f0f0f0f-1111-4222-8333-000000000001", .app = "some-app" });
    b = judged();
    ck_assert_str_eq(bench_only(b, TYPE)->variant, ".Rest");
    ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_HIGH);
    bench_free(b);
}
END_TEST

START_TEST(refused_runs_are_low_and_apart)
{
    struct bench *b;

    fortnight(20);
    script(20, 0, 4, (struct act){ .status = "Failure" });
    b = judged();
    ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_LOW);
    ck_assert_str_eq(bench_only(b, TYPE)->variant, ".Refused");
    ck_assert_str_eq(bench_only(b, TYPE)->subject, EVE " (refused)");
    ck_assert_int_eq(alert_number(bench_only(b, TYPE), "failedRequests", 0), 4);
    ck_assert_ptr_null(alert_fact(bench_only(b, TYPE), "requests"));
    bench_free(b);
}
END_TEST

START_TEST(one_operation_counts_once_in_any_spelling)
{
    struct bench *b;

    fortnight(20);
    for (int i = 0; i < 3; i++)
        for (int again = 0; again < 2; again++)
            key_act((struct act){ .at = key_day(20, 3, i), .caller = again ? EVE : "Eve@Contoso.Example",
                                  .account = accounts[i], .status = again ? "Succeeded" : "Success",
                                  .op = again ? "microsoft.documentdb/databaseAccounts/listKeys/action" : LIST_KEYS,
                                  .correlation = "d0d0d0d0-0000-4000-8000-000000000001" });
    b = judged();
    ck_assert_int_eq(bench_only(b, TYPE)->count, 3);
    bench_free(b);
}
END_TEST

START_TEST(what_was_done_once_is_news_again_after_a_fortnight)
{
    static const struct {
        int pause;
        size_t alerts;
    } cases[] = { { .pause = 10, .alerts = 1 }, { .pause = 14, .alerts = 1 },
                  { .pause = 15, .alerts = 2 }, { .pause = 20, .alerts = 2 } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        fortnight(45);
        script(20, 0, 4, (struct act){ 0 });
        script(20 + cases[i].pause, 0, 4, (struct act){ 0 });
        b = judged();
        ck_assert_msg(bench_alerts(b) == cases[i].alerts, "after %d days", cases[i].pause);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_listed_address_makes_it_high)
{
    struct bench *b = bench_open(&detector_key_listing, "");

    bench_add_feed(b, "bad", FEED_BOTNET, 80, "203.0.113.5\n");
    for (int i = 0; i < 3; i++) /* still learning: nothing else is known */
        key_act((struct act){ .at = key_day(0, 3, i), .caller = EVE, .account = accounts[i] });
    key_feed(b, 0);
    key_forget();
    ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_HIGH);
    bench_free(b);
}
END_TEST

static void any_order_rows(unsigned seed)
{
    static const char *const others[] = { "MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION",
                                          "MICROSOFT.CACHE/REDIS/LISTKEYS/ACTION",
                                          "MICROSOFT.SERVICEBUS/NAMESPACES/AUTHORIZATIONRULES/LISTKEYS/ACTION" };

    key_seed = seed;
    fortnight(18);
    for (int i = 0; i < 60; i++) { /* about midnight, too */
        int64_t at = key_day(18, 23, 40) + (int64_t)key_dice(40 * 60) * NS_PER_S;
        bool is_other = key_dice(5) == 0;

        key_act((struct act){ .at = at, .caller = key_dice(2) ? EVE : "mallory", .account = accounts[key_dice(5)],
                              .op = is_other ? others[key_dice(3)] : key_dice(3) ? LIST_KEYS : READONLY_KEYS,
                              .status = key_dice(4) ? "Success" : "Failure", .app = key_dice(3) ? POWERSHELL : CLI });
    }
    fortnight(1);
    key_usual("orders", 19, 2, true);
}

START_TEST(any_order_gives_the_same_alerts)
{
    key_same_in_any_order(&detector_key_listing, "", any_order_rows);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        keys_of_four_accounts_in_a_minute_by_a_stranger_are_high,
        two_accounts_in_a_larger_subscription_are_not_a_script,
        two_accounts_and_two_other_services_are,
        two_accounts_and_one_other_service_are_not,
        three_other_services_make_it_high_also_of_a_reader_of_keys,
        both_accounts_of_a_small_subscription_are,
        a_run_over_the_edge_of_a_bin_is_one_run,
        the_same_accounts_over_an_hour_are_not_a_run,
        terraform_never_alerts,
        a_weekly_rotation_known_from_the_backfill_never_alerts,
        a_monthly_job_whose_days_fall_together_is_no_run,
        a_job_is_by_calendar_from_a_fortnight_on,
        a_person_in_the_portal_may_look_at_a_few_accounts,
        ten_accounts_in_the_portal_are_too_many_for_a_person,
        a_person_s_script_alerts_from_the_first_row_an_application_s_only_after_learning,
        a_new_service_principal_over_all_accounts_alerts_once_learned,
        refused_runs_are_low_and_apart,
        one_operation_counts_once_in_any_spelling,
        what_was_done_once_is_news_again_after_a_fortnight,
        a_listed_address_makes_it_high,
        any_order_gives_the_same_alerts,
        NULL,
    };

    return key_run("key_listing", tests);
}
