/* What detectors/logging_impaired.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/option.h"
#include "tests/unit/key_kit.h"

extern const struct detector_ops detector_logging_impaired;

#define LOGGING "CosmosDBX_LoggingImpaired"
#define ALERTING "CosmosDBX_AlertingImpaired"
#define EVE "eve@contoso.example"
#define OPS "ops@contoso.example" /* administers something each day (key_usual) */
#define DB "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/"
#define DELETE "MICROSOFT.INSIGHTS/DIAGNOSTICSETTINGS/DELETE"
#define WRITE "MICROSOFT.INSIGHTS/DIAGNOSTICSETTINGS/WRITE"
#define GROUP_ID "/subscriptions/" SUBSCRIPTION "/resourcegroups/rg/providers/"
#define ACCOUNT_ID GROUP_ID "microsoft.documentdb/databaseaccounts/shop-prod"
#define WORKSPACE_ID GROUP_ID "microsoft.operationalinsights/workspaces/law"

static struct bench *judged_with(const char *yaml)
{
    struct bench *b = bench_open(&detector_logging_impaired, yaml);

    key_feed(b, 0);
    key_forget();
    return b;
}

static struct bench *judged(void)
{
    return judged_with("");
}

static void act(int64_t at, const char *op, const char *caller, const char *status)
{
    struct act a = { .at = at, .op = op, .caller = caller, .status = status, .resource = ACCOUNT_ID,
                     .uri = "providers/microsoft.insights/diagnosticsettings/to-siem" };

    if (!strncmp(op, DB, strlen(DB)))
        a.uri = NULL;
    key_act(a);
}

static void elsewhere(int64_t at, const char *op, const char *caller, const char *resource, const char *properties)
{
    key_act((struct act){ .at = at, .op = op, .caller = caller, .resource = resource, .properties = properties });
    key_rows[key_rows_len - 1].obs.text[F_ACCOUNT] = SL("");
}

static void state(int64_t at, const char *operation, enum field field, const char *value)
{
    struct key_row *r = key_row_new(at);
    static unsigned n;
    static char ids[400][40];

    (void)snprintf(ids[n % 400], sizeof ids[0], "a1b2c3d4-0000-4000-8000-%012u", n);
    r->obs.kind = OBS_CONTROL;
    r->obs.table = TABLE_CONTROL_PLANE;
    r->obs.status = 200;
    r->obs.text[F_ACCOUNT] = SL("shop-prod");
    r->obs.text[F_OPERATION] = slice_of(operation);
    (void)snprintf(r->resource, sizeof r->resource, "%s", ACCOUNT_ID);
    r->extra[field - F_GROUP_COUNT] = slice_of(value);
    r->extra[F_ACTIVITY_ID - F_GROUP_COUNT] = slice_of(ids[n++ % 400]);
}

/* ---- a setting ------------------------------------------------------------------------------------------- */

START_TEST(a_deleted_setting_is_told_with_all_that_its_row_says)
{
    for (int is_stranger = 0; is_stranger < 2; is_stranger++) {
        struct bench *b;
        const struct alert *a;

        key_usual("shop-prod", 0, 20, true);
        act(key_day(20, 3, 0), DELETE, is_stranger ? EVE : OPS, "Start");
        act(key_day(20, 3, 0), DELETE, is_stranger ? EVE : OPS, is_stranger ? "Succeeded" : "Success");
        b = judged();
        a = bench_only(b, LOGGING);
        ck_assert_int_eq(a->severity, is_stranger ? SEVERITY_HIGH : SEVERITY_MEDIUM);
        ck_assert_str_eq(a->account, "shop-prod");
        ck_assert_str_eq(a->variant, ".DiagnosticDeleted");
        ck_assert_str_eq(alert_text(a, "principal"), is_stranger ? EVE : OPS);
        ck_assert_str_eq(alert_text(a, "item"), "to-siem");
        ck_assert_str_eq(alert_text(a, "address"), "203.0.113.5");
        ck_assert_str_eq(a->resource_id, ACCOUNT_ID);
        ck_assert_int_eq(a->count, 1);
        ck_assert_int_eq(a->first_ns, key_day(20, 3, 0));
        bench_free(b);
    }
}
END_TEST

START_TEST(what_comes_within_a_quarter_of_an_hour_explains_it)
{
    static const struct {
        const char *name, *op, *status;
        int minutes, severity; /* -1: not told */
    } cases[] = {
        { .name = "account deleted after", .op = DB "DELETE", .status = "Success", .minutes = 15, .severity = -1 },
        { .name = "account deleted later", .op = DB "DELETE", .status = "Success", .minutes = 16,
          .severity = SEVERITY_MEDIUM },
        { .name = "account deleted before", .op = DB "DELETE", .status = "Accept", .minutes = -15, .severity = -1 },
        { .name = "account deleted long before", .op = DB "DELETE", .status = "Accept", .minutes = -16,
          .severity = SEVERITY_MEDIUM },
        { .name = "deletion begun", .op = DB "DELETE", .status = "Start", .minutes = 1, .severity = -1 },
        { .name = "deletion refused", .op = DB "DELETE", .status = "Failure", .minutes = 1, .severity = SEVERITY_MEDIUM },
        { .name = "a database deleted", .op = DB "SQLDATABASES/DELETE", .status = "Success", .minutes = 1,
          .severity = SEVERITY_MEDIUM },
        { .name = "written anew", .op = WRITE, .status = "Success", .minutes = 15, .severity = SEVERITY_LOW },
        { .name = "written later", .op = WRITE, .status = "Success", .minutes = 16, .severity = SEVERITY_MEDIUM },
        { .name = "written before", .op = WRITE, .status = "Success", .minutes = -15, .severity = SEVERITY_LOW },
        { .name = "writing failed", .op = WRITE, .status = "Failure", .minutes = 1, .severity = SEVERITY_MEDIUM },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        act(key_day(20, 3, 30), DELETE, OPS, "Success");
        if (!strcmp(cases[i].status, "Failure"))
            act(key_day(20, 3, 30 + cases[i].minutes), cases[i].op, OPS, "Start");
        act(key_day(20, 3, 30 + cases[i].minutes), cases[i].op, OPS, cases[i].status);
        b = judged();
        ck_assert_msg(bench_alerts(b) == (cases[i].severity >= 0), "%s: %zu", cases[i].name, bench_alerts(b));
        if (cases[i].severity >= 0)
            ck_assert_msg((int)bench_only(b, LOGGING)->severity == cases[i].severity, "%s", cases[i].name);
        bench_free(b);
    }
}
END_TEST

START_TEST(it_waits_until_what_explains_it_was_read_and_over_a_restart)
{
    struct bench *b = bench_open(&detector_logging_impaired, "");
    int64_t t = key_day(20, 3, 0);

    key_usual("shop-prod", 0, 20, true);
    key_feed(b, 0);
    key_forget();
    act(t, DELETE, OPS, "Success");
    key_rows[0].obs.text[F_RESOURCE_ID] = slice_of(key_rows[0].resource);
    key_rows[0].obs.extra = key_rows[0].extra;
    bench_feed(b, &key_rows[0].obs);
    bench_settle(b, t + 15 * NS_PER_MIN - 1);
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_restart(b);
    bench_settle(b, t + 15 * NS_PER_MIN);
    ck_assert_int_eq(bench_only(b, LOGGING)->count, 1);
    bench_settle(b, INT64_MAX);
    ck_assert_uint_eq(bench_drafts(b), 1);
    key_forget();
    bench_free(b);
}
END_TEST

/* Each is told though many wait: those whose time is up make room. */
START_TEST(a_hundred_settings_in_a_row_are_told)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    for (int i = 0; i < 100; i++)
        act(key_day(20, 3, i / 2), DELETE, EVE, "Success");
    b = judged();
    ck_assert_int_eq(bench_only(b, LOGGING)->count, 100);
    bench_free(b);
}
END_TEST

/* A batch may hold days of them, and what explains each. */
START_TEST(forty_accounts_taken_down_in_a_row_are_not)
{
    static char callers[40][24]; /* none has the habit */
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    for (int i = 0; i < 40; i++) {
        (void)snprintf(callers[i], sizeof callers[i], "eve%d@contoso.example", i);
        act(key_day(20, 0, 40 * i), DELETE, callers[i], "Success");
        act(key_day(20, 0, 40 * i + 5), DB "DELETE", callers[i], "Success");
    }
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(habit_and_youth_are_silent)
{
    static const struct { const char *name; int days, before; size_t alerts; } cases[] = {
        { .name = "young", .days = 10, .alerts = 0 },
        { .name = "known", .days = 210, .before = 199, .alerts = 0 },
        { .name = "long ago", .days = 210, .before = 202, .alerts = 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, cases[i].days, true);
        if (cases[i].before) {
            act(key_day(cases[i].days - cases[i].before, 3, 0), DELETE, OPS, "Success");
            act(key_day(cases[i].days - cases[i].before, 3, 1), DB "DELETE", OPS, "Success");
        }
        act(key_day(cases[i].days, 3, 0), DELETE, OPS, "Success");
        b = judged();
        ck_assert_msg(bench_alerts(b) == cases[i].alerts, "%s: %zu", cases[i].name, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

START_TEST(a_setting_of_something_else_is_none_of_ours_that_of_the_subscription_is)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    elsewhere(key_day(20, 3, 0), DELETE, EVE, GROUP_ID
              "microsoft.keyvault/vaults/v/providers/microsoft.insights/diagnosticsettings/x", NULL);
    elsewhere(key_day(20, 3, 0), DELETE, EVE, "", NULL);
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
    key_usual("shop-prod", 0, 20, true);
    elsewhere(key_day(20, 3, 0), DELETE, EVE, "/subscriptions/" SUBSCRIPTION
              "/providers/microsoft.insights/diagnosticsettings/activity", NULL);
    b = judged();
    ck_assert_str_eq(bench_only(b, LOGGING)->subject, "activity log");
    bench_free(b);
}
END_TEST

/* ---- categories -------------------------------------------------------------------------------------------- */

START_TEST(a_category_is_told_when_it_was_on)
{
    static const struct { enum field field; const char *unseen, *variant; } cases[] = {
        { F_DATA_PLANE_TRACE, "DataPlaneRequests", ".CategoryOff" },
        { F_CONTROL_PLANE_TRACE, "ControlPlaneRequests", ".CategoryOff" },
        { F_MONGO_TRACE, "MongoRequests", ".CategoryOff" },
        { F_CASSANDRA_TRACE, "CassandraRequests", ".CategoryOff" },
        { F_GREMLIN_TRACE, "GremlinRequests", ".CategoryOff" },
        { F_FULL_TEXT, "full text of queries", ".FullTextOff" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int was_on = 0; was_on < 2; was_on++) {
            struct bench *b;

            key_usual("shop-prod", 0, 20, true);
            state(key_day(10, 3, 0), "AccountUpdateComplete", cases[i].field, was_on ? "True" : "false");
            state(key_day(20, 3, 0), "DiagnosticLogUpdateComplete", cases[i].field, "False");
            b = judged();
            ck_assert_msg(bench_alerts(b) == (size_t)was_on, "%s", cases[i].unseen);
            if (was_on) {
                ck_assert_str_eq(alert_text(bench_only(b, LOGGING), "unseen"), cases[i].unseen);
                ck_assert_str_eq(bench_only(b, LOGGING)->variant, cases[i].variant);
                ck_assert_int_eq(bench_only(b, LOGGING)->severity, SEVERITY_MEDIUM);
            }
            bench_free(b);
        }
}
END_TEST

START_TEST(a_category_that_is_on_again_or_stays_off_is_no_news)
{
    for (int minutes = 15; minutes < 17; minutes++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        state(key_day(10, 3, 0), "AccountUpdateComplete", F_DATA_PLANE_TRACE, "true");
        state(key_day(20, 3, 0), "DiagnosticLogUpdateComplete", F_DATA_PLANE_TRACE, "false");
        state(key_day(20, 3, minutes), "DiagnosticLogUpdateComplete", F_DATA_PLANE_TRACE, "true");
        b = judged();
        ck_assert_uint_eq(bench_alerts(b), minutes == 16);
        bench_free(b);
    }
    key_usual("shop-prod", 0, 28, true);
    state(key_day(10, 3, 0), "AccountUpdateComplete", F_DATA_PLANE_TRACE, "true");
    for (int day = 20; day < 28; day += 2)
        state(key_day(day, 3, 0), "AccountUpdateComplete", F_DATA_PLANE_TRACE, "false");
    {
        struct bench *b = judged();

        ck_assert_int_eq(bench_only(b, LOGGING)->count, 1);
        bench_free(b);
    }
}
END_TEST

START_TEST(what_was_off_is_on_for_a_week_before_off_is_news)
{
    for (int days = 6; days < 8; days++) {
        struct bench *b;

        key_usual("shop-prod", 0, 30, true);
        state(key_day(16, 3, 0), "AccountUpdateComplete", F_FULL_TEXT, "false");
        state(key_day(20, 3, 0), "AccountUpdateComplete", F_FULL_TEXT, "true");
        state(key_day(20 + days, 3, 0), "AccountUpdateComplete", F_FULL_TEXT, "false");
        b = judged();
        ck_assert_msg(bench_alerts(b) == (days == 7), "%d days", days);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_usual_writer_explains_a_category_another_one_is_named)
{
    for (int is_usual = 0; is_usual < 2; is_usual++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        state(key_day(10, 3, 0), "AccountUpdateComplete", F_MONGO_TRACE, "true");
        if (is_usual)
            act(key_day(12, 3, 0), WRITE, OPS, "Success");
        act(key_day(20, 3, 0), WRITE, OPS, "Success");
        state(key_day(20, 3, 1), "DiagnosticLogUpdateComplete", F_MONGO_TRACE, "false");
        b = judged();
        ck_assert_uint_eq(bench_alerts(b), !is_usual);
        if (!is_usual)
            ck_assert_str_eq(alert_text(bench_only(b, LOGGING), "principal"), OPS);
        bench_free(b);
    }
}
END_TEST

/* ---- workspaces and alarms ----------------------------------------------------------------------------------- */

START_TEST(what_the_row_says_decides)
{
#define OI "MICROSOFT.OPERATIONALINSIGHTS/WORKSPACES/"
#define BODY(properties) "{\"requestbody\":\"{\\\"properties\\\":{" properties "}}\"}"
#define PLAN "/subscriptions/" SUBSCRIPTION "/providers/microsoft.security/pricings/"
    static const struct { const char *op, *resource, *properties; int severity; } cases[] = {
        { OI "DELETE", WORKSPACE_ID, NULL, SEVERITY_MEDIUM },
        { OI "WRITE", WORKSPACE_ID, NULL, -1 },
        { OI "WRITE", WORKSPACE_ID, BODY("\\\"workspaceCapping\\\":{\\\"dailyQuotaGb\\\":1}"), SEVERITY_MEDIUM },
        { OI "WRITE", WORKSPACE_ID, BODY("\\\"workspaceCapping\\\":{\\\"dailyQuotaGb\\\":-1}"), -1 },
        { OI "TABLES/WRITE", WORKSPACE_ID "/tables/CDBMongoRequests", NULL, SEVERITY_LOW },
        { OI "TABLES/WRITE", WORKSPACE_ID "/tables/CDBMongoRequests", BODY("\\\"plan\\\":\\\"Auxiliary\\\""),
          SEVERITY_MEDIUM },
        { OI "TABLES/WRITE", WORKSPACE_ID "/tables/CDBMongoRequests", BODY("\\\"plan\\\":\\\"Analytics\\\""), -1 },
        { OI "TABLES/WRITE", WORKSPACE_ID "/tables/Syslog", BODY("\\\"plan\\\":\\\"Basic\\\""), -1 },
        { OI "TABLES/DELETE", WORKSPACE_ID "/tables/AzureActivity", NULL, SEVERITY_MEDIUM },
        { "MICROSOFT.SECURITY/PRICINGS/WRITE", PLAN "CosmosDbs", BODY("\\\"pricingTier\\\":\\\"Free\\\""), SEVERITY_MEDIUM },
        { "MICROSOFT.SECURITY/PRICINGS/WRITE", PLAN "CosmosDbs", BODY("\\\"pricingTier\\\":\\\"Standard\\\""), -1 },
        { "MICROSOFT.SECURITY/PRICINGS/WRITE", PLAN "CosmosDbs", NULL, SEVERITY_LOW },
        { "MICROSOFT.SECURITY/PRICINGS/WRITE", PLAN "Dns", BODY("\\\"pricingTier\\\":\\\"Free\\\""), -1 },
        { "MICROSOFT.SECURITY/ALERTSSUPPRESSIONRULES/WRITE", PLAN "x", NULL, SEVERITY_LOW },
        { "MICROSOFT.SECURITY/AUTOMATIONS/DELETE", PLAN "x", NULL, SEVERITY_MEDIUM },
        { "MICROSOFT.INSIGHTS/ACTIONGROUPS/DELETE", PLAN "x", NULL, SEVERITY_LOW },
        { "MICROSOFT.INSIGHTS/SCHEDULEDQUERYRULES/DELETE", PLAN "x", NULL, SEVERITY_LOW },
        { "MICROSOFT.INSIGHTS/ACTIVITYLOGALERTS/DELETE", PLAN "x", NULL, SEVERITY_LOW },
        { "MICROSOFT.SECURITYINSIGHTS/DATACONNECTORS/DELETE", WORKSPACE_ID "/x", NULL, SEVERITY_MEDIUM },
        { "MICROSOFT.SECURITYINSIGHTS/ALERTRULES/DELETE", WORKSPACE_ID "/x", NULL, SEVERITY_MEDIUM },
        { "MICROSOFT.SECURITYINSIGHTS/ALERTRULES/WRITE", WORKSPACE_ID "/x", NULL, -1 },
        { "MICROSOFT.SECURITYINSIGHTS/ALERTRULES/WRITE", WORKSPACE_ID "/x", BODY("\\\"enabled\\\":false"), SEVERITY_MEDIUM },
        { "MICROSOFT.SECURITYINSIGHTS/ALERTRULES/WRITE", WORKSPACE_ID "/x", BODY("\\\"enabled\\\":true"), -1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int is_stranger = 0; is_stranger < 2; is_stranger++) {
            struct bench *b;
            int want = cases[i].severity < 0 ? -1 : cases[i].severity + is_stranger;

            key_usual("shop-prod", 0, 20, true);
            elsewhere(key_day(20, 3, 0), cases[i].op, is_stranger ? EVE : OPS, cases[i].resource, cases[i].properties);
            b = judged();
            ck_assert_msg(bench_alerts(b) == (want >= 0), "%zu %s: %zu", i, cases[i].op, bench_alerts(b));
            if (want >= 0)
                ck_assert_msg((int)bench_alert(b, 0)->severity == want, "%zu %s", i, cases[i].op);
            bench_free(b);
        }
}
END_TEST

START_TEST(a_state_written_again_is_no_news_whoever_writes_it)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    elsewhere(key_day(10, 3, 0), OI "WRITE", TERRAFORM, WORKSPACE_ID, BODY("\\\"dailyQuotaGb\\\":5"));
    elsewhere(key_day(20, 3, 0), OI "WRITE", OPS, WORKSPACE_ID, BODY("\\\"dailyQuotaGb\\\":5"));
    elsewhere(key_day(10, 3, 0), OI "TABLES/WRITE", TERRAFORM, WORKSPACE_ID "/tables/CDBX",
              BODY("\\\"plan\\\":\\\"Basic\\\""));
    elsewhere(key_day(20, 3, 0), OI "TABLES/WRITE", OPS, WORKSPACE_ID "/tables/CDBX",
              BODY("\\\"plan\\\":\\\"Basic\\\""));
    b = judged();
    for (size_t i = 0; i < bench_alerts(b); i++)
        ck_assert_int_lt(bench_alert(b, i)->first_ns, key_day(11, 0, 0));
    bench_free(b);
}
END_TEST

/* ---- all of it ---------------------------------------------------------------------------------------------- */

static void a_bad_day(unsigned seed)
{
    key_usual("shop-prod", 0, 20, true);
    state(key_day(8, 3, 0), "AccountUpdateComplete", F_DATA_PLANE_TRACE, "true");
    state(key_day(8, 3, 0), "AccountUpdateComplete", F_FULL_TEXT, "true");
    for (int i = 0; i < 4; i++) {
        act(key_day(20, 3 + i, (int)seed), DELETE, seed % 2 ? EVE : OPS, "Success");
        if (i == 1)
            act(key_day(20, 3 + i, (int)seed + 9), DB "DELETE", OPS, "Success");
        if (i == 2)
            act(key_day(20, 3 + i, (int)seed + 14), WRITE, TERRAFORM, "Success");
        state(key_day(20, 3 + i, (int)seed + 1), "DiagnosticLogUpdateComplete", F_DATA_PLANE_TRACE, "false");
        state(key_day(20, 4 + i, 7 * i), "AccountUpdateComplete", F_FULL_TEXT, i % 2 ? "false" : "true");
        elsewhere(key_day(20, 5, 9 * i), "MICROSOFT.SECURITY/AUTOMATIONS/DELETE", i % 2 ? EVE : OPS, WORKSPACE_ID, NULL);
        elsewhere(key_day(20, 5, 9 * i), OI "DELETE", i % 2 ? EVE : OPS, WORKSPACE_ID, NULL);
    }
}

START_TEST(the_same_in_any_order_and_after_a_restart)
{
    key_same_in_any_order(&detector_logging_impaired, "", a_bad_day);
}
END_TEST

START_TEST(a_backfill_learns_and_tells_nothing)
{
    struct bench *b = bench_open(&detector_logging_impaired, "");

    a_bad_day(2);
    bench_set_backfill(b, true);
    key_feed(b, 0);
    ck_assert_uint_eq(bench_drafts(b), 0);
    key_forget();
    bench_set_backfill(b, false);
    act(key_day(31, 3, 0), DELETE, OPS, "Success");
    key_feed(b, 0);
    key_forget();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(sensitivity_is_about_low_findings_and_thin_habits)
{
    static const struct { const char *yaml; size_t alerts; } levels[] = {
        { "sensitivity: low", 0 }, { "sensitivity: normal", 1 }, { "sensitivity: high", 2 },
    };

    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        for (int day = 4; day < 8; day += 2) {
            act(key_day(day, 3, 0), DELETE, TERRAFORM, "Success");
            act(key_day(day, 3, 1), DB "DELETE", TERRAFORM, "Success");
        }
        act(key_day(20, 3, 0), DELETE, TERRAFORM, "Success");
        elsewhere(key_day(20, 4, 0), "MICROSOFT.INSIGHTS/ACTIONGROUPS/DELETE", OPS, WORKSPACE_ID, NULL);
        b = judged_with(levels[i].yaml);
        ck_assert_msg(bench_alerts(b) == levels[i].alerts, "%s: %zu", levels[i].yaml, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

int main(void)
{
    return key_run("detector_logging_impaired", (const TTest *const[]){
        a_deleted_setting_is_told_with_all_that_its_row_says, what_comes_within_a_quarter_of_an_hour_explains_it,
        it_waits_until_what_explains_it_was_read_and_over_a_restart, a_hundred_settings_in_a_row_are_told,
        forty_accounts_taken_down_in_a_row_are_not,
        habit_and_youth_are_silent, a_setting_of_something_else_is_none_of_ours_that_of_the_subscription_is,
        a_category_is_told_when_it_was_on, a_category_that_is_on_again_or_stays_off_is_no_news,
        what_was_off_is_on_for_a_week_before_off_is_news,
        a_usual_writer_explains_a_category_another_one_is_named, what_the_row_says_decides,
        a_state_written_again_is_no_news_whoever_writes_it, the_same_in_any_order_and_after_a_restart,
        a_backfill_learns_and_tells_nothing, sensitivity_is_about_low_findings_and_thin_habits, NULL });
}
