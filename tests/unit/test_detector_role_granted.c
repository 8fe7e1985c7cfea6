/* What detectors/role_granted.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "enrich/trusted.h"
#include "settings/errors.h"
#include "settings/yaml_node.h"
#include "tests/unit/key_kit.h"

extern const struct detector_ops detector_role_granted;

#define DATA "CosmosDBX_DataRole"
#define MONGO "CosmosDBX_MongoUserBackdoor"
#define AZURE "CosmosDBX_AzureRoleGrant"
#define ELEVATED "CosmosDBX_ElevatedAccess"
#define ASSIGN "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/SQLROLEASSIGNMENTS/WRITE"
#define DEFINE "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/SQLROLEDEFINITIONS/WRITE"
#define USER "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/MONGODBUSERDEFINITIONS/WRITE"
#define ELEVATE "MICROSOFT.AUTHORIZATION/ELEVATEACCESS/ACTION"
#define EVE "eve@contoso.example"
#define EVE_ID "eeeeeeee-1111-4222-8333-444444444444"
#define BOB_ID "bbbbbbbb-1111-4222-8333-444444444444"
#define GROUP "/subscriptions/" SUBSCRIPTION "/resourcegroups/rg"
#define ACCOUNT GROUP "/providers/microsoft.documentdb/databaseaccounts/shop-prod"
#define CONTRIBUTOR "b24988ac-6180-42a0-ab88-20f7382dd24c"

static char texts[4000][400]; /* of rows, until they are forgotten */
static size_t texts_len;

static const char *text(const char *format, ...) PRINTF_LIKE(1, 2);

static const char *text(const char *format, ...)
{
    va_list ap;

    ck_assert_uint_lt(texts_len, ARRAY_LEN(texts));
    va_start(ap, format);
    (void)vsnprintf(texts[texts_len], sizeof texts[0], format, ap);
    va_end(ap);
    return texts[texts_len++];
}

static struct key_row *last_row(void)
{
    return &key_rows[key_rows_len - 1];
}

static void set(enum field f, const char *value)
{
    last_row()->extra[f - F_GROUP_COUNT] = slice_of(value);
}

static void forget(void)
{
    key_forget();
    texts_len = 0;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

/* The activity row of a data role: `id` of the assignment or "", `request` or "". */
static void gives(int64_t at, const char *caller, const char *id, const char *request, const char *status)
{
    key_act((struct act){ .at = at, .op = ASSIGN, .caller = caller, .app = CLI, .status = status,
                          .object_id = strcmp(caller, EVE) == 0 ? EVE_ID : NULL });
    if (*id)
        set(F_RESOURCE_URI, text("sqlroleassignments/%s", id));
    set(F_CLIENT_REQUEST_ID, request);
}

static struct key_row *control(int64_t at, const char *op, const char *request)
{
    struct key_row *r = key_row_new(at);

    r->obs.kind = OBS_CONTROL;
    r->obs.table = TABLE_CONTROL_PLANE;
    r->obs.status = 200;
    r->obs.text[F_ACCOUNT] = SL("shop-prod");
    r->obs.text[F_OPERATION] = slice_of(op);
    (void)snprintf(r->resource, sizeof r->resource, "%s", ACCOUNT);
    r->extra[F_ACTIVITY_ID - F_GROUP_COUNT] = slice_of(request);
    return r;
}

static void given(int64_t at, const char *id, const char *request, const char *who, const char *scope)
{
    (void)control(at, "SqlRoleAssignmentCreateComplete", request);
    set(F_ROLE_ASSIGNMENT, id);
    set(F_ROLE_ASSIGN_PRINCIPAL, who);
    set(F_ROLE_ASSIGN_PRINCIPAL_TYPE, "AadUser");
    set(F_ROLE_ASSIGN_SCOPE, scope);
    set(F_ROLE_DEFINITION_ID, "00000000-0000-0000-0000-000000000002");
}

static void reads(int64_t at, const char *who)
{
    key_req((struct req){ .at = time_floor(at, NS_PER_MIN), .key = "AadToken", .status = 200 });
    last_row()->obs.text[F_PRINCIPAL] = slice_of(who);
}

/* An Azure role: both rows of the assignment, and what the second says. */
static void grants(int64_t at, const char *caller, const char *scope, const char *role, const char *who, const char *end)
{
    const char *correlation = text("grant-%zu", key_rows_len);
    const char *id = text("%s/providers/microsoft.authorization/roleassignments/a%zu", scope, key_rows_len);
    const char *body = text("{\"requestbody\":\"{\\\"Id\\\":\\\"x\\\",\\\"Properties\\\":{\\\"PrincipalId\\\":\\\"%s\\\","
                            "\\\"PrincipalType\\\":\\\"User\\\",\\\"RoleDefinitionId\\\":\\\"/subscriptions/" SUBSCRIPTION
                            "/providers/Microsoft.Authorization/roleDefinitions/%s\\\"}}\"}", who, role);

    for (int i = 0; i < 2; i++) {
        key_act((struct act){ .at = at + i * NS_PER_S, .op = GRANT, .caller = caller, .app = CLI, .correlation = correlation,
                              .object_id = strcmp(caller, EVE) == 0 ? EVE_ID : NULL, .status = i ? end : "Start",
                              .properties = i ? NULL : body });
        (void)snprintf(last_row()->resource, sizeof last_row()->resource, "%s", id);
        last_row()->obs.text[F_ACCOUNT] = strstr(scope, "databaseaccounts") ? SL("shop-prod") : SL("");
    }
}

static void elevates(int64_t at, const char *caller)
{
    key_act((struct act){ .at = at, .op = ELEVATE, .caller = caller });
    last_row()->obs.text[F_ACCOUNT] = SL("");
    last_row()->resource[0] = '\0';
    set(F_SUBSCRIPTION_ID, NULL);
}

static struct bench *judged_with(const char *yaml)
{
    struct bench *b = bench_open(&detector_role_granted, yaml);

    key_feed(b, 0);
    forget();
    return b;
}

static struct bench *judged(void)
{
    return judged_with("");
}

static bool reason_has(const struct alert *a, const char *part)
{
    const struct fact *f = alert_fact(a, "reason");

    for (size_t i = 0; f && i < f->len; i++)
        if (strstr(f->entries[i].text, part))
            return true;
    return false;
}

/* ---- data roles ----------------------------------------------------------------------------------- */

START_TEST(a_data_role_is_told_with_all_that_both_tables_say_in_any_order)
{
    for (int order = 0; order < 2; order++) {
        struct bench *b;
        const struct alert *a;

        key_usual("shop-prod", 0, 30, true);
        gives(key_day(30, 11, order), EVE, "a1", "r1", "Success");
        given(key_day(30, 11, 1 - order), "a1", "r1", BOB_ID, "/dbs");
        b = judged();
        a = bench_only(b, DATA);
        ck_assert_str_eq(a->variant, ".AccountScope");
        ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
        ck_assert_int_eq(a->count, 1);
        ck_assert_str_eq(a->subject, EVE);
        ck_assert_str_eq(alert_text(a, "grantee"), BOB_ID);
        ck_assert_str_eq(alert_text(a, "grantedScope"), "/dbs");
        ck_assert_str_eq(alert_text(a, "grantedRole"), "Cosmos DB Built-in Data Contributor");
        ck_assert_int_eq(a->last_ns - a->first_ns, NS_PER_MIN);
        bench_free(b);
    }
}
END_TEST

START_TEST(the_two_tables_are_joined_by_the_request_or_by_the_assignment)
{
    static const struct { const char *id, *request; bool is_joined; } rows[] = {
        { .id = "a1", .request = "r1", .is_joined = true }, { .id = "", .request = "R1", .is_joined = true },
        { .id = "A1", .request = "", .is_joined = true },   { .id = "a2", .request = "r2", .is_joined = false },
        { .id = "", .request = "", .is_joined = false },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 30, true);
        gives(key_day(30, 11, 0), EVE, rows[i].id, rows[i].request, "Success");
        given(key_day(30, 11, 1), "a1", "r1", BOB_ID, "/dbs/shop");
        b = judged();
        ck_assert_msg((alert_fact(bench_only(b, DATA), "grantee") != NULL) == rows[i].is_joined, "case %zu", i);
        bench_free(b);
    }
}
END_TEST

START_TEST(whole_accounts_have_several_spellings)
{
    static const struct { const char *scope; bool is_wide; } scopes[] = {
        { "/", true }, { "/dbs", true }, { "/dbs/", true }, { "/dbs/shop", false }, { "/dbs/shop/colls/orders", false },
        { ACCOUNT, true }, { ACCOUNT "/", true }, { ACCOUNT "/dbs/shop", false }, { "", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 30, true);
        gives(key_day(30, 11, 0), EVE, "a1", "r1", "Success");
        given(key_day(30, 11, 1), "a1", "r1", BOB_ID, scopes[i].scope);
        b = judged();
        ck_assert_msg((strcmp(bench_only(b, DATA)->variant, ".AccountScope") == 0) == scopes[i].is_wide, "'%s'",
                      scopes[i].scope);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_star_counts_among_what_is_allowed_only)
{
    static const struct { const char *permissions; bool is_wild; } cases[] = {
        { "{dataActions:[a/read],notDataActions:[]}", false }, { "{dataActions:[a/items/*],notDataActions:[]}", true },
        { "{dataActions:[a/read],notDataActions:[a/items/*]}", false }, { "{notDataActions:[],dataActions:[a/*]}", true },
        { "[{dataActions:[a],notDataActions:[b/*]},{dataActions:[c/*],notDataActions:[]}]", true }, { "", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;
        const struct alert *a;

        key_usual("shop-prod", 0, 30, true);
        key_act((struct act){ .at = key_day(30, 11, 0), .op = DEFINE, .caller = EVE });
        set(F_CLIENT_REQUEST_ID, "r1");
        (void)control(key_day(30, 11, 1), "SqlRoleDefinitionCreateComplete", "r1");
        set(F_ROLE_DEFINITION_ID, "d1");
        set(F_ROLE_DEFINITION_PERMISSIONS, cases[i].permissions);
        b = judged();
        a = bench_only(b, DATA);
        ck_assert_msg(strcmp(a->variant, cases[i].is_wild ? ".Wildcard" : ".Definition") == 0, "case %zu", i);
        ck_assert_int_eq(a->severity, cases[i].is_wild ? SEVERITY_MEDIUM : SEVERITY_LOW);
        bench_free(b);
    }
}
END_TEST

START_TEST(to_oneself_is_high)
{
    struct bench *b;

    key_usual("shop-prod", 0, 30, true);
    gives(key_day(30, 11, 0), EVE, "a1", "r1", "Success");
    given(key_day(30, 11, 1), "a1", "r1", EVE_ID, "/dbs/shop");
    b = judged();
    ck_assert_int_eq(bench_only(b, DATA)->severity, SEVERITY_HIGH);
    ck_assert(reason_has(bench_only(b, DATA), "to itself"));
    bench_free(b);
}
END_TEST

START_TEST(a_grantee_who_reads_within_the_hour_is_high_and_later_or_by_habit_not)
{
    static const struct { int64_t after_min; int habit_day; enum severity severity; } cases[] = {
        { .after_min = 0, .habit_day = -1, .severity = SEVERITY_HIGH },
        { .after_min = 60, .habit_day = -1, .severity = SEVERITY_HIGH },
        { .after_min = 61, .habit_day = -1, .severity = SEVERITY_MEDIUM },
        { .after_min = -1, .habit_day = -1, .severity = SEVERITY_MEDIUM },
        { .after_min = 10, .habit_day = 20, .severity = SEVERITY_MEDIUM },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int read_first = 0; read_first < 2; read_first++) {
            struct bench *b = bench_open(&detector_role_granted, "");
            int64_t at = key_day(30, 11, 40);

            key_usual("shop-prod", 0, 30, true);
            if (cases[i].habit_day >= 0)
                reads(key_day(cases[i].habit_day, 11, 0), BOB_ID);
            key_feed(b, 0);
            forget();
            for (int half = 0; half < 2; half++) {
                if (half == read_first) {
                    gives(at - NS_PER_S, EVE, "a1", "r1", "Success");
                    given(at + 5 * NS_PER_S, "a1", "r1", BOB_ID, "/dbs/shop");
                } else {
                    reads(at + cases[i].after_min * NS_PER_MIN, BOB_ID);
                }
                key_feed(b, 0);
                key_forget();
            }
            forget();
            ck_assert_msg(bench_only(b, DATA)->severity == cases[i].severity, "case %zu, %d", i, read_first);
            ck_assert_int_eq(bench_only(b, DATA)->count, 1);
            bench_free(b);
        }
}
END_TEST

START_TEST(only_what_was_done_counts)
{
    static const struct { const char *statuses[3]; bool is_completed, is_told; } cases[] = {
        { .statuses = { "Start" }, .is_told = false },
        { .statuses = { "Start", "Failure" }, .is_told = false },
        { .statuses = { "Started", "Failed" }, .is_told = false },
        { .statuses = { "Start", "Accept" }, .is_told = false },
        { .statuses = { "Start", "Accept" }, .is_completed = true, .is_told = true },
        { .statuses = { "Start", "Accept", "Failure" }, .is_told = false },
        { .statuses = { "Start", "Accept", "Success" }, .is_told = true },
        { .statuses = { "Started", "Succeeded" }, .is_told = true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 30, true);
        for (int k = 0; k < 3 && cases[i].statuses[k]; k++)
            gives(key_day(30, 11, k), EVE, "a1", "r1", cases[i].statuses[k]);
        if (cases[i].is_completed)
            given(key_day(30, 11, 1), "a1", "r1", BOB_ID, "/");
        b = judged();
        ck_assert_msg(bench_alerts(b) == cases[i].is_told, "case %zu: %zu", i, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

START_TEST(who_gave_one_within_sixty_days_gives_by_habit)
{
    static const struct { int before; bool is_told; } cases[] = { { 60, false }, { 61, true }, { 1, false }, { 0, true } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench_open(&detector_role_granted, "");

        key_usual("shop-prod", 0, 90, true);
        gives(key_day(90 - cases[i].before, 6, 0), EVE, "a0", "r0", "Success");
        key_feed(b, 0);
        forget();
        if (cases[i].before)
            bench_forget_alerts(b);
        gives(key_day(90, 11, 0), EVE, "a1", "r1", "Success");
        key_feed(b, 0);
        forget();
        ck_assert_msg((bench_alerts(b) > 0) == cases[i].is_told, "%d days before", cases[i].before);
        bench_free(b);
    }
}
END_TEST

START_TEST(the_same_assignment_again_is_no_news_unless_it_is_anothers)
{
    for (int is_moved = 0; is_moved < 2; is_moved++) {
        struct bench *b;

        key_usual("shop-prod", 0, 30, true);
        gives(key_day(5, 6, 0), TERRAFORM, "a1", "r0", "Success");
        given(key_day(5, 6, 1), "a1", "r0", BOB_ID, "/dbs/shop");
        gives(key_day(30, 11, 0), EVE, "a1", "r1", "Success");
        given(key_day(30, 11, 1), "a1", "r1", is_moved ? EVE_ID : BOB_ID, "/dbs/shop");
        b = judged();
        ck_assert_int_eq((int)bench_alerts(b), is_moved);
        if (is_moved)
            ck_assert(reason_has(bench_only(b, DATA), "is another's now"));
        bench_free(b);
    }
}
END_TEST

START_TEST(a_request_id_that_somebody_used_before_hides_nobody)
{
    struct bench *b;

    key_usual("shop-prod", 0, 30, true);
    gives(key_day(5, 6, 0), TERRAFORM, "a0", "r0", "Success");
    gives(key_day(30, 6, 0), TERRAFORM, "a1", "r1", "Success");
    gives(key_day(30, 11, 0), EVE, "a2", "r1", "Success");
    b = judged();
    ck_assert_str_eq(bench_only(b, DATA)->subject, EVE);
    ck_assert_str_eq(alert_text(bench_only(b, DATA), "principal"), EVE);
    bench_free(b);
}
END_TEST

START_TEST(an_account_without_an_activity_log_tells_what_is_wide_without_a_name)
{
    static const struct { const char *scope; bool is_known, is_told; } cases[] = {
        { .scope = "/", .is_told = true }, { .scope = "/dbs/shop", .is_told = false },
        { .scope = "/", .is_known = true, .is_told = false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        for (int d = 0; d < 30; d++)
            key_req((struct req){ .at = key_day(d, 9, 0) });
        if (cases[i].is_known)
            given(key_day(5, 9, 0), "a0", "r0", BOB_ID, "/");
        given(key_day(30, 11, 1), "a1", "r1", BOB_ID, cases[i].scope);
        b = judged();
        ck_assert_msg(bench_alerts(b) == cases[i].is_told, "case %zu", i);
        if (cases[i].is_told)
            ck_assert_str_eq(bench_only(b, DATA)->subject, BOB_ID);
        bench_free(b);
    }
}
END_TEST

/* ---- the others ------------------------------------------------------------------------------------ */

START_TEST(users_of_mongodb_are_told_once_whatever_their_rows)
{
    struct bench *b;

    key_usual("shop-prod", 0, 30, true);
    for (int i = 0; i < 3; i++)
        key_act((struct act){ .at = key_day(30, 11, i), .op = USER, .caller = EVE, .correlation = "m1",
                              .status = (const char *const[]){ "Start", "Accept", "Success" }[i] });
    key_act((struct act){ .at = key_day(30, 11, 9), .op = USER, .caller = "ann@contoso.example", .status = "Failure" });
    b = judged();
    ck_assert_int_eq(bench_only(b, MONGO)->count, 1);
    ck_assert_int_eq(bench_only(b, MONGO)->severity, SEVERITY_MEDIUM);
    bench_free(b);
}
END_TEST

START_TEST(azure_roles_are_told_that_open_an_account_we_know)
{
    static const struct { const char *scope, *role, *who, *end; int told; } cases[] = {
        { ACCOUNT, CONTRIBUTOR, BOB_ID, "Success", SEVERITY_MEDIUM },
        { GROUP, CONTRIBUTOR, BOB_ID, "Success", SEVERITY_MEDIUM },
        { "/subscriptions/" SUBSCRIPTION, "8E3AF657-A8FF-443C-A75C-2FE8C4BCB635", BOB_ID, "Succeeded", SEVERITY_MEDIUM },
        { "", CONTRIBUTOR, BOB_ID, "Success", SEVERITY_MEDIUM },
        { GROUP, CONTRIBUTOR, EVE_ID, "Success", SEVERITY_HIGH },
        { GROUP, CONTRIBUTOR, BOB_ID, "Failure", -1 },
        { GROUP, "230815da-be43-4aae-9cb4-875f7bd000aa", BOB_ID, "Success", -1 },  /* no keys */
        { GROUP, "99999999-be43-4aae-9cb4-875f7bd000aa", BOB_ID, "Success", -1 },  /* of one's own */
        { GROUP "2", CONTRIBUTOR, BOB_ID, "Success", -1 },                         /* no account in it */
        { GROUP "/providers/microsoft.web/sites/x", CONTRIBUTOR, BOB_ID, "Success", -1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 30, true);
        grants(key_day(30, 11, 0), EVE, cases[i].scope, cases[i].role, cases[i].who, cases[i].end);
        b = judged();
        ck_assert_msg(bench_alerts(b) == (cases[i].told >= 0), "case %zu: %zu", i, bench_alerts(b));
        if (cases[i].told >= 0) {
            ck_assert_int_eq((int)bench_only(b, AZURE)->severity, cases[i].told);
            ck_assert_str_eq(alert_text(bench_only(b, AZURE), "grantee"), cases[i].who);
        }
        bench_free(b);
    }
}
END_TEST

START_TEST(activations_on_demand_are_the_habit_of_who_makes_them)
{
    struct bench *b;

    key_usual("shop-prod", 0, 30, true);
    for (int d = 1; d < 30; d++)
        grants(key_day(d, 8, 0), "ms-pim", GROUP, CONTRIBUTOR, BOB_ID, "Success");
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(elevated_access_is_told_in_a_young_log_too_and_of_who_does_so_by_habit_not)
{
    struct bench *b;

    elevates(key_day(0, 8, 0), EVE);
    b = judged();
    ck_assert_int_eq(bench_only(b, ELEVATED)->severity, SEVERITY_HIGH);
    bench_free(b);

    b = bench_open(&detector_role_granted, "");
    elevates(key_day(0, 8, 0), EVE);
    key_feed(b, 0);
    forget();
    bench_forget_alerts(b);
    elevates(key_day(7, 8, 0), EVE);
    key_feed(b, 0);
    ck_assert_uint_eq(bench_alerts(b), 0);
    forget();
    bench_free(b);
}
END_TEST

START_TEST(all_else_is_silent_while_the_log_is_young_and_during_a_backfill)
{
    for (int is_backfill = 0; is_backfill < 2; is_backfill++) {
        struct bench *b = bench_open(&detector_role_granted, "");
        int days = is_backfill ? 30 : 10;

        bench_set_backfill(b, is_backfill);
        key_usual("shop-prod", 0, days, true);
        gives(key_day(days, 11, 0), EVE, "a1", "r1", "Success");
        key_act((struct act){ .at = key_day(days, 11, 0), .op = USER, .caller = EVE });
        grants(key_day(days, 11, 0), EVE, GROUP, CONTRIBUTOR, BOB_ID, "Success");
        grants(key_day(days, 11, 0), EVE, "", CONTRIBUTOR, BOB_ID, "Success");
        if (is_backfill)
            elevates(key_day(days, 11, 0), EVE);
        key_feed(b, 0);
        forget();
        ck_assert_uint_eq(bench_alerts(b), 0);
        bench_free(b);
    }
}
END_TEST

START_TEST(who_may_give_rights_is_not_told)
{
    struct bench *b = bench_open(&detector_role_granted, "");
    struct settings_errors errors = { 0 };
    struct yaml_tree *yaml = NULL;
    struct trusted *list = NULL;

    ck_assert_int_eq(yaml_tree_parse(SL("- { principal: eve@contoso.example, note: onboarding }"), "t", &yaml, &errors), 0);
    ck_assert_int_eq(trusted_read(yaml_tree_root(yaml), &list, &errors), 0);
    enrich_set_trusted(bench_enrich(b), list);
    yaml_tree_free(yaml);
    key_usual("shop-prod", 0, 30, true);
    gives(key_day(30, 11, 0), EVE, "a1", "r1", "Success");
    key_act((struct act){ .at = key_day(30, 11, 0), .op = USER, .caller = EVE });
    grants(key_day(30, 11, 0), EVE, GROUP, CONTRIBUTOR, EVE_ID, "Success");
    elevates(key_day(30, 11, 0), EVE);
    key_feed(b, 0);
    forget();
    ck_assert_uint_eq(bench_alerts(b), 0);
    settings_errors_release(&errors);
    bench_free(b);
}
END_TEST

START_TEST(sensitivity_is_about_one_sign_and_about_habits_elsewhere)
{
    static const char *const words[] = { "sensitivity: low", "", "sensitivity: high" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 30, true);
        key_usual("payroll", 0, 30, true);
        gives(key_day(30, 11, 0), EVE, "a1", "r1", "Success"); /* one sign */
        gives(key_day(30, 11, 0), "mallory@contoso.example", "a2", "r2", "Success");
        last_row()->extra[F_OBJECT_ID - F_GROUP_COUNT] = SL(BOB_ID);
        given(key_day(30, 11, 1), "a2", "r2", BOB_ID, "/dbs/shop"); /* two */
        gives(key_day(5, 11, 0), "ops@contoso.example", "a3", "r3", "Success"); /* known elsewhere */
        last_row()->obs.text[F_ACCOUNT] = SL("payroll");
        gives(key_day(30, 11, 0), "ops@contoso.example", "a4", "r4", "Success");
        b = judged_with(words[i]);
        ck_assert_msg(bench_alerts(b) == i + 1, "%s: %zu", words[i], bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

/* ---- any order --------------------------------------------------------------------------------------- */

static void any_order_rows(unsigned seed)
{
    static const char *const callers[] = { EVE, TERRAFORM, "ann@contoso.example", "mallory@contoso.example" };
    static const char *const scopes[] = { "/", "/dbs", "/dbs/shop" };
    static const char *const who[] = { EVE_ID, BOB_ID, "cccccccc-1111-4222-8333-444444444444" };
    static const char *const places[] = { ACCOUNT, GROUP, "" };

    texts_len = 0;
    key_seed = seed;
    key_usual("shop-prod", 0, 24, true);
    gives(key_day(23, 21, 0), "zoe@contoso.example", "own", "own", "Success"); /* told at any sensitivity */
    given(key_day(23, 21, 1), "own", "own", "dddddddd-1111-4222-8333-444444444444", "/dbs/shop");
    reads(key_day(23, 21, 30), "dddddddd-1111-4222-8333-444444444444");
    for (int i = 0; i < 60; i++) {
        int64_t at = key_day(20, 0, 0) + (int64_t)key_dice(4 * 24 * 60) * NS_PER_MIN + key_dice(60) * NS_PER_S;
        const char *id = text("a%u", key_dice(40)), *request = key_dice(4) ? text("r%d", i) : "";
        const char *grantee = who[key_dice(3)];

        switch (key_dice(5)) {
        case 0:
        case 1:
            gives(at, callers[key_dice(4)], id, request, key_dice(8) ? "Success" : "Failure");
            given(at + key_dice(20) * NS_PER_S, id, *request ? request : text("r%d", i), grantee, scopes[key_dice(3)]);
            break;
        case 2:
            grants(at, callers[key_dice(4)], places[key_dice(3)], CONTRIBUTOR, grantee, key_dice(4) ? "Success" : "Failure");
            break;
        case 3: reads(at, grantee); break;
        default: key_act((struct act){ .at = at, .op = USER, .caller = callers[key_dice(4)] }); break;
        }
    }
}

START_TEST(any_order_gives_the_same_alerts)
{
    key_same_in_any_order(&detector_role_granted, "", any_order_rows);
    key_same_in_any_order(&detector_role_granted, "sensitivity: low", any_order_rows);
    key_same_in_any_order(&detector_role_granted, "sensitivity: high", any_order_rows);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_data_role_is_told_with_all_that_both_tables_say_in_any_order,
        the_two_tables_are_joined_by_the_request_or_by_the_assignment,
        whole_accounts_have_several_spellings,
        a_star_counts_among_what_is_allowed_only,
        to_oneself_is_high,
        a_grantee_who_reads_within_the_hour_is_high_and_later_or_by_habit_not,
        only_what_was_done_counts,
        who_gave_one_within_sixty_days_gives_by_habit,
        the_same_assignment_again_is_no_news_unless_it_is_anothers,
        a_request_id_that_somebody_used_before_hides_nobody,
        an_account_without_an_activity_log_tells_what_is_wide_without_a_name,
        users_of_mongodb_are_told_once_whatever_their_rows,
        azure_roles_are_told_that_open_an_account_we_know,
        activations_on_demand_are_the_habit_of_who_makes_them,
        elevated_access_is_told_in_a_young_log_too_and_of_who_does_so_by_habit_not,
        all_else_is_silent_while_the_log_is_young_and_during_a_backfill,
        who_may_give_rights_is_not_told,
        sensitivity_is_about_one_sign_and_about_habits_elsewhere,
        any_order_gives_the_same_alerts,
        NULL,
    };

    return key_run("role_granted", tests);
}
