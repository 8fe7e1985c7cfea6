/* What detectors/key_reader.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/key_kit.h"

#include "enrich/trusted.h"
#include "settings/errors.h"
#include "settings/yaml_node.h"

extern const struct detector_ops detector_key_reader;

#define BAD "AzureCosmosDB_SuspiciousListKeys.SuspiciousPrincipal"
#define FIRST "CosmosDBX_KeyRead.FirstTime"
#define ADA "ada@contoso.example"
#define GERMANY "{\"country\":\"Germany\",\"city\":\"Berlin\"}"
#define PERU "{\"country\":\"Peru\",\"city\":\"Lima\"}"

static bool reason_has(const struct alert *a, const char *part)
{
    const struct fact *f = alert_fact(a, "reason");

    for (size_t i = 0; f && i < f->len; i++)
        if (strstr(f->entries[i].text, part))
            return true;
    return false;
}

static struct bench *judged(void)
{
    struct bench *b = bench_open(&detector_key_reader, "");

    key_feed(b, 0);
    key_forget();
    return b;
}

static const struct alert *last_alert(const struct bench *b)
{
    const struct alert *last = bench_alert(b, 0);

    for (size_t i = 1; i < bench_alerts(b); i++)
        if (bench_alert(b, i)->first_ns > last->first_ns)
            last = bench_alert(b, i);
    return last;
}

static bool dormant(const struct bench *b)
{
    for (size_t i = 0; i < bench_alerts(b); i++)
        if (reason_has(bench_alert(b, i), "dormant"))
            return true;
    return false;
}

/* Ada reads the keys of shop-prod every third day from Berlin in the portal. */
static void ada_for(int days)
{
    key_usual("shop-prod", 0, days, true);
    key_usual("payroll", 0, days, true);
    for (int d = 0; d < days; d += 3)
        key_act((struct act){ .at = key_day(d, 11, 0), .app = PORTAL, .place = GERMANY });
}

START_TEST(each_reason_has_its_name_and_one_is_medium)
{
    static const struct {
        const char *name, *variant, *reason;
        struct act act;
        enum severity severity;
    } cases[] = {
        { .name = "new principal", .variant = ".NewPrincipal", .reason = "no key was read by it in the 30 days",
          .act = { .caller = "eve@contoso.example" }, .severity = SEVERITY_MEDIUM },
        { .name = "new application", .variant = ".NewApplication", .reason = "Azure CLI for the first time",
          .act = { .app = CLI, .place = GERMANY }, .severity = SEVERITY_MEDIUM },
        { .name = "country", .variant = ".UnusualLocation", .reason = "from Peru before by this caller",
          .act = { .app = PORTAL, .place = PERU }, .severity = SEVERITY_MEDIUM },
        { .name = "two of them", .variant = ".NewApplication", .reason = "from Peru before",
          .act = { .app = CLI, .place = PERU }, .severity = SEVERITY_HIGH },
        { .name = "a new guest", .variant = ".Guest", .reason = "another tenant",
          .act = { .caller = "eve_fabrikam.com#EXT#@contoso.onmicrosoft.com" }, .severity = SEVERITY_HIGH },
        { .name = "a stranger from abroad", .variant = ".NewPrincipal", .reason = "by anybody of this subscription",
          .act = { .caller = "eve@contoso.example", .place = PERU }, .severity = SEVERITY_HIGH },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct act act = cases[i].act;
        const struct alert *a;
        struct bench *b;

        ada_for(30);
        act.at = key_day(30, 11, 0);
        key_act(act);
        b = judged();
        ck_assert_msg(bench_alerts(b) == 1, "%s: %zu alerts", cases[i].name, bench_alerts(b));
        a = bench_only(b, BAD);
        ck_assert_msg(strcmp(a->variant, cases[i].variant) == 0, "%s: %s", cases[i].name, a->variant);
        ck_assert_msg(a->severity == cases[i].severity, "%s: %s", cases[i].name, severity_name(a->severity));
        ck_assert_msg(reason_has(a, cases[i].reason), "%s: '%s'", cases[i].name, alert_text(a, "reason"));
        ck_assert_str_eq(alert_text(a, "usualReaders"), TERRAFORM);
        bench_free(b);
    }
}
END_TEST

START_TEST(ada_terraform_and_the_portal_never_alert)
{
    struct bench *b;

    ada_for(60);
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(known_elsewhere_and_new_here_is_low)
{
    struct bench *b;

    ada_for(30);
    key_act((struct act){ .at = key_day(30, 11, 0), .account = "payroll", .app = PORTAL, .place = GERMANY });
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 1);
    ck_assert_int_eq(bench_only(b, FIRST)->severity, SEVERITY_LOW);
    ck_assert_str_eq(bench_only(b, FIRST)->account, "payroll");
    ck_assert_str_eq(bench_only(b, FIRST)->subject, ADA);
    bench_free(b);
}
END_TEST

START_TEST(idle_for_more_than_thirty_days_is_dormant)
{
    struct bench *b;

    key_usual("shop-prod", 0, 60, true);
    key_act((struct act){ .at = key_day(5, 11, 0) });
    key_act((struct act){ .at = key_day(12, 11, 0) });
    key_act((struct act){ .at = key_day(52, 11, 0) });
    b = judged();
    for (size_t i = 0; i < bench_alerts(b); i++)
        ck_assert_int_eq(bench_alert(b, i)->first_ns, key_day(52, 11, 0));
    ck_assert_str_eq(bench_only(b, BAD)->variant, ".Dormant");
    ck_assert(reason_has(bench_only(b, BAD), "for 40 days"));
    bench_free(b);
}
END_TEST

START_TEST(idle_for_thirty_days_is_a_pause_and_a_day_more_is_dormant)
{
    for (int pause = 30; pause <= 31; pause++) {
        struct bench *b;

        key_usual("shop-prod", 0, 60, true);
        key_act((struct act){ .at = key_day(52 - pause - 7, 11, 0) });
        key_act((struct act){ .at = key_day(52 - pause, 11, 0) });
        key_act((struct act){ .at = key_day(52, 11, 0) });
        b = judged();
        ck_assert_msg(dormant(b) == (pause > 30), "after %d days", pause);
        bench_free(b);
    }
}
END_TEST

/* An hour supports another reason: here a new application. */
START_TEST(five_days_of_work_say_which_hours_are_usual)
{
    for (int days = 4; days <= 5; days++) {
        struct bench *b;

        key_usual("shop-prod", 0, 30, true);
        for (int d = 0; d < days; d++)
            key_act((struct act){ .at = key_day(20 + d, 11, 0), .app = PORTAL });
        key_act((struct act){ .at = key_day(29, 3, 0), .app = CLI });
        b = judged();
        ck_assert_msg(reason_has(last_alert(b), "new application"), "%s", alert_text(last_alert(b), "reason"));
        ck_assert_msg(reason_has(last_alert(b), "unusual hour") == (days == 5), "after %d days", days);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_role_of_the_day_before_counts_whichever_row_comes_first)
{
    static const char body[] = "{\"requestbody\":\"{\\\"Id\\\":\\\"x\\\",\\\"Properties\\\":{\\\"PrincipalId\\\":"
                               "\\\"0D0D0D0D-1111-4222-8333-444444444444\\\"}}\"}";
    char *texts[2];

    for (int grant_first = 0; grant_first < 2; grant_first++) {
        struct bench *b = bench_open(&detector_key_reader, "");
        struct act grant = { .at = key_day(30, 10, 0), .op = GRANT, .caller = "ops@contoso.example", .app = PORTAL,
                             .properties = body };
        struct act read = { .at = key_day(30, 11, 0), .caller = "eve@contoso.example",
                            .object_id = "0d0d0d0d-1111-4222-8333-444444444444" };

        ada_for(30);
        key_feed(b, 0);
        key_forget();
        key_act(grant_first ? grant : read);
        key_feed(b, 0);
        key_forget();
        key_act(grant_first ? read : grant);
        key_feed(b, 0);
        key_forget();
        ck_assert_str_eq(bench_only(b, BAD)->variant, ".JustGranted");
        ck_assert_int_eq(bench_only(b, BAD)->severity, SEVERITY_HIGH);
        ck_assert_int_eq(bench_only(b, BAD)->count, 1);
        texts[grant_first] = bench_text(b, "correlationId");
        bench_free(b);
    }
    ck_assert_str_eq(texts[0], texts[1]);
    free(texts[0]);
    free(texts[1]);
}
END_TEST

/* Eve's role: rows of its assignment, in this order, before she reads keys. */
static size_t told_after(const char *const *statuses, size_t n)
{
    struct bench *b;
    size_t told;

    ada_for(30);
    for (size_t i = 0; i < n; i++)
        key_act((struct act){ .at = key_day(30, 10, (int)i), .op = GRANT, .caller = "ops@contoso.example", .app = PORTAL,
                              .correlation = "g0", .status = statuses[i],
                              .properties = strcmp(statuses[i], "Start") == 0 || strcmp(statuses[i], "Started") == 0
                                                ? "\"principalId\":\"0d0d0d0d-1111-4222-8333-444444444444\""
                                                : NULL });
    key_act((struct act){ .at = key_day(30, 11, 0), .app = PORTAL, .place = GERMANY, .caller = ADA,
                          .object_id = "0d0d0d0d-1111-4222-8333-444444444444" });
    for (size_t i = 0; i < key_rows_len; i++) /* she read on one day only: a habit would not be told */
        if (key_rows[i].obs.minute_ns < key_day(29, 0, 0) && slice_eq(key_rows[i].obs.text[F_PRINCIPAL], SL(ADA)))
            key_rows[i].obs.text[F_PRINCIPAL] = SL("bob@contoso.example");
    b = judged();
    told = bench_alerts(b) > 0 && reason_has(last_alert(b), "just granted");
    bench_free(b);
    return told;
}

START_TEST(a_role_that_was_not_granted_in_the_end_is_none)
{
    static const struct { const char *statuses[4]; size_t n; bool is_granted; } cases[] = {
        { { "Start" }, 1, false },
        { { "Start", "Failure" }, 2, false },
        { { "Failed", "Started" }, 2, false },
        { { "Start", "Success" }, 2, true },
        { { "Succeeded", "Started" }, 2, true },
        { { "Start", "Failure", "Start", "Success" }, 4, true }, /* tried again */
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(told_after(cases[i].statuses, cases[i].n) == cases[i].is_granted, "case %zu", i);
}
END_TEST

START_TEST(a_role_that_comes_time_and_again_is_no_reason)
{
    static const struct { int day; bool is_told; } cases[] = { { 20, false }, { 30, true } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        ada_for(30);
        for (int day = cases[i].day; day <= 30; day += 5)
            key_act((struct act){ .at = key_day(day, 10, 0), .op = GRANT, .caller = "ms-pim", .app = PORTAL,
                                  .properties = "\"principalId\":\"0d0d0d0d-1111-4222-8333-444444444444\"" });
        key_act((struct act){ .at = key_day(30, 11, 0), .caller = "eve@contoso.example",
                              .object_id = "0d0d0d0d-1111-4222-8333-444444444444" });
        b = judged();
        ck_assert_msg(reason_has(last_alert(b), "just granted") == cases[i].is_told, "since day %d", cases[i].day);
        ck_assert(reason_has(last_alert(b), "new principal"));
        bench_free(b);
    }
}
END_TEST

START_TEST(a_role_of_more_than_a_day_before_or_after_the_reading_does_not)
{
    static const int offsets[] = { -50, -26, 2 };

    for (size_t i = 0; i < ARRAY_LEN(offsets); i++) {
        struct bench *b;

        ada_for(30);
        key_act((struct act){ .at = key_day(30, 11 + offsets[i], 0), .op = GRANT, .caller = "ops@contoso.example",
                              .app = PORTAL, .properties = "\"principalId\":\"0d0d0d0d-1111-4222-8333-444444444444\"" });
        key_act((struct act){ .at = key_day(30, 11, 0), .app = PORTAL, .place = GERMANY,
                              .object_id = "0d0d0d0d-1111-4222-8333-444444444444" });
        b = judged();
        ck_assert_msg(bench_alerts(b) == 0, "%d h", offsets[i]);
        bench_free(b);
    }
}
END_TEST

START_TEST(known_bad_addresses_alert_while_learning_everything_else_is_silent)
{
    static const struct {
        const char *name, *variant;
        enum feed_category category;
        enum severity severity;
        const char *status;
    } cases[] = {
        { .name = "Tor", .variant = ".Tor", .category = FEED_TOR, .severity = SEVERITY_HIGH },
        { .name = "botnet", .variant = ".SuspiciousIp", .category = FEED_BOTNET, .severity = SEVERITY_HIGH },
        { .name = "proxy", .variant = ".Proxy", .category = FEED_PROXY, .severity = SEVERITY_MEDIUM },
        { .name = "Tor, refused", .variant = ".Refused", .category = FEED_TOR, .severity = SEVERITY_LOW,
          .status = "Failed" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench_open(&detector_key_reader, "");

        bench_add_feed(b, "feed", cases[i].category, 90, "203.0.113.5\n");
        key_usual("shop-prod", 0, 5, true);
        key_act((struct act){ .at = key_day(5, 11, 0), .caller = "eve@contoso.example", .address = "203.0.113.9" });
        key_act((struct act){ .at = key_day(5, 11, 0), .status = cases[i].status });
        key_feed(b, 0);
        key_forget();
        ck_assert_msg(bench_alerts(b) == 1, "%s: %zu", cases[i].name, bench_alerts(b));
        ck_assert_msg(strcmp(bench_only(b, BAD)->variant, cases[i].variant) == 0, "%s", cases[i].name);
        ck_assert_msg(bench_only(b, BAD)->severity == cases[i].severity, "%s", cases[i].name);
        bench_free(b);
    }
}
END_TEST

START_TEST(start_refused_and_microsoft_s_own_rows_say_nothing)
{
    static const struct act acts[] = {
        { .caller = "eve@contoso.example", .status = "Start" },
        { .caller = "eve@contoso.example", .status = "Failure" },
        { .caller = "eve@contoso.example", .op = "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/WRITE" },
        { .caller = "azure-policy", .app = "1d78a85d-813d-46f0-b496-dd72f50a3ec0" },
    };

    for (size_t i = 0; i < ARRAY_LEN(acts); i++) {
        struct act act = acts[i];
        struct bench *b;

        ada_for(30);
        act.at = key_day(30, 11, 0);
        key_act(act);
        b = judged();
        ck_assert_msg(bench_alerts(b) == 0, "case %zu", i);
        bench_free(b);
    }
}
END_TEST

START_TEST(an_account_without_data_plane_logs_is_judged_by_its_activity_log)
{
    struct bench *b;

    ada_for(30);
    key_act((struct act){ .at = key_day(2, 6, 0), .account = "silent", .caller = TERRAFORM, .app = TERRAFORM_APP });
    key_act((struct act){ .at = key_day(30, 6, 0), .account = "silent", .caller = "eve@contoso.example" });
    b = judged();
    ck_assert_str_eq(bench_only(b, BAD)->account, "silent");
    bench_free(b);
}
END_TEST

START_TEST(of_readers_that_the_operator_trusts_only_known_bad_addresses_are_told)
{
    for (int is_listed = 0; is_listed < 2; is_listed++) {
        struct bench *b = bench_open(&detector_key_reader, "");
        struct settings_errors errors = { 0 };
        struct yaml_tree *yaml = NULL;
        struct trusted *list = NULL;

        ck_assert_int_eq(yaml_tree_parse(SL("- { key_reader: eve@contoso.example, note: audit }"), "t", &yaml, &errors), 0);
        ck_assert_int_eq(trusted_read(yaml_tree_root(yaml), &list, &errors), 0);
        enrich_set_trusted(bench_enrich(b), list);
        yaml_tree_free(yaml);
        if (is_listed)
            bench_add_feed(b, "bad", FEED_BOTNET, 90, "203.0.113.5\n");
        ada_for(30);
        key_act((struct act){ .at = key_day(30, 11, 0), .caller = "eve@contoso.example", .place = PERU,
                              .address = is_listed ? "203.0.113.5" : "203.0.113.6" });
        for (size_t i = 0; i + 1 < key_rows_len; i++) /* only the last one comes from the listed address */
            key_rows[i].obs.text[F_ADDRESS] = SL("203.0.113.7");
        key_feed(b, 0);
        key_forget();
        if (is_listed)
            ck_assert_str_eq(bench_only(b, BAD)->variant, ".SuspiciousIp");
        else
            ck_assert_uint_eq(bench_alerts(b), 0);
        settings_errors_release(&errors);
        bench_free(b);
    }
}
END_TEST

static void any_order_rows(unsigned seed)
{
    static const char *const callers[] = { ADA, "eve@contoso.example", "mallory#EXT#@x.example", "sp-1", "sp-2" };
    static const char *const objects[] = { NULL, "0d0d0d0d-1111-4222-8333-000000000001",
                                           "0d0d0d0d-1111-4222-8333-000000000002" };
    static const char *const places[] = { NULL, GERMANY, PERU };
    static const char *const grants[] = { NULL, "\"principalId\":\"0d0d0d0d-1111-4222-8333-000000000001\"",
                                          "\"principalId\":\"0d0d0d0d-1111-4222-8333-000000000002\"" };
    char correlations[60][16];

    key_seed = seed;
    ada_for(24);
    for (int i = 0; i < 60; i++) {
        unsigned who = key_dice(5), object = key_dice(3);
        int64_t at = key_day(20, 0, 0) + (int64_t)key_dice(4 * 24 * 60) * NS_PER_MIN;

        if (key_dice(3) == 0 && object > 0) {
            const char *end = key_dice(3) ? "Success" : "Failure";

            (void)snprintf(correlations[i], sizeof correlations[i], "grant-%d", i);
            key_act((struct act){ .at = at, .op = GRANT, .caller = "ops@contoso.example", .properties = grants[object],
                                  .status = "Start", .correlation = correlations[i] });
            key_act((struct act){ .at = at + key_dice(90) * NS_PER_MIN, .op = GRANT, .caller = "ops@contoso.example",
                                  .status = end, .correlation = correlations[i] });
        }
        key_act((struct act){ .at = at + (int64_t)key_dice(3600) * NS_PER_S, .caller = callers[who],
                              .app = key_dice(2) ? PORTAL : CLI, .object_id = objects[object],
                              .place = places[key_dice(3)], .account = key_dice(2) ? "shop-prod" : "payroll" });
    }
}

START_TEST(any_order_gives_the_same_alerts)
{
    key_same_in_any_order(&detector_key_reader, "", any_order_rows);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        each_reason_has_its_name_and_one_is_medium,
        ada_terraform_and_the_portal_never_alert,
        known_elsewhere_and_new_here_is_low,
        idle_for_more_than_thirty_days_is_dormant,
        idle_for_thirty_days_is_a_pause_and_a_day_more_is_dormant,
        five_days_of_work_say_which_hours_are_usual,
        a_role_of_the_day_before_counts_whichever_row_comes_first,
        a_role_that_was_not_granted_in_the_end_is_none,
        a_role_that_comes_time_and_again_is_no_reason,
        a_role_of_more_than_a_day_before_or_after_the_reading_does_not,
        known_bad_addresses_alert_while_learning_everything_else_is_silent,
        start_refused_and_microsoft_s_own_rows_say_nothing,
        an_account_without_data_plane_logs_is_judged_by_its_activity_log,
        of_readers_that_the_operator_trusts_only_known_bad_addresses_are_told,
        any_order_gives_the_same_alerts,
        NULL,
    };

    return key_run("key_reader", tests);
}
