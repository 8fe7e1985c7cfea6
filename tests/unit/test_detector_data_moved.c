/* What detectors/data_moved.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/option.h"
#include "tests/unit/key_kit.h"

extern const struct detector_ops detector_data_moved;

#define RESTORE "CosmosDBX_RestoreElsewhere"
#define COPY "CosmosDBX_CopyJob"
#define ENDPOINT "CosmosDBX_PartnerPrivateEndpoint"
#define NOTEBOOK "CosmosDBX_NotebookWorkspace"
#define EVE "eve@contoso.example"
#define OPS "ops@contoso.example" /* administers something each day (key_usual) */
#define DB "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/"
#define OTHER "99999999-2222-3333-4444-555555555555"
#define ID(sub, group, account)                                                                    \
    "/subscriptions/" sub "/resourcegroups/" group "/providers/microsoft.documentdb/databaseaccounts/" account
#define BODY(location)                                                                             \
    "{\"requestbody\":\"{\\\"location\\\":\\\"" location "\\\",\\\"properties\\\":{\\\"createMode\\\":\\\"Restore\\\","  \
    "\\\"restoreParameters\\\":{\\\"restoreSource\\\":\\\"/subscriptions/" SUBSCRIPTION                \
    "/providers/Microsoft.DocumentDB/locations/westeurope/restorableDatabaseAccounts/0a0a\\\"}}}\"}"
#define PARTNER_ID "/subscriptions/" OTHER "/resourceGroups/p/providers/Microsoft.Network/privateEndpoints/pe-1"
#define OWN_ID "/subscriptions/" SUBSCRIPTION "/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/pe-0"

static struct bench *judged_with(const char *yaml)
{
    struct bench *b = bench_open(&detector_data_moved, yaml);

    key_feed(b, 0);
    key_forget();
    return b;
}

static struct bench *judged(void)
{
    return judged_with("");
}

/* The last row is about that. */
static void about(const char *resource, const char *item)
{
    struct key_row *r = &key_rows[key_rows_len - 1];

    if (resource)
        (void)snprintf(r->resource, sizeof r->resource, "%s", resource);
    r->extra[F_RESOURCE_URI - F_GROUP_COUNT] = slice_of(item);
}

/* The body stands in the row with which the operation begins. */
static void act(int64_t at, const char *op, const char *caller, const char *item, const char *properties)
{
    struct act a = { .at = at, .op = op, .caller = caller, .status = "Start", .properties = properties };

    key_act(a);
    about(NULL, item);
    a.status = "Success";
    a.at = at + 20 * NS_PER_S;
    a.properties = "{\"statusCode\":\"OK\"}";
    key_act(a);
    about(NULL, item);
    memcpy(key_rows[key_rows_len - 1].correlation, key_rows[key_rows_len - 2].correlation, sizeof key_rows[0].correlation);
}

static void restore_action(int64_t at, const char *caller)
{
    act(at, "MICROSOFT.DOCUMENTDB/LOCATIONS/RESTORABLEDATABASEACCOUNTS/RESTORE/ACTION", caller, NULL, NULL);
    for (size_t i = key_rows_len - 2; i < key_rows_len; i++) {
        (void)snprintf(key_rows[i].resource, sizeof key_rows[i].resource, "/subscriptions/" SUBSCRIPTION
                       "/providers/microsoft.documentdb/locations/westeurope/restorabledatabaseaccounts/0a0a");
        key_rows[i].obs.text[F_ACCOUNT] = SL("0a0a");
    }
}

static void restore_into(int64_t at, const char *caller, const char *resource, const char *body)
{
    act(at, DB "WRITE", caller, NULL, body);
    for (size_t i = key_rows_len - 2; i < key_rows_len; i++) {
        key_rows[i].obs.text[F_ACCOUNT] = SL("copy");
        (void)snprintf(key_rows[i].resource, sizeof key_rows[i].resource, "%s", resource);
    }
}

static void list(int64_t at, const char *operation, const char *endpoints, int32_t status)
{
    struct key_row *r = key_row_new(at);
    static unsigned n;
    static char ids[400][40];

    (void)snprintf(ids[n % 400], sizeof ids[0], "a1b2c3d4-0000-4000-8000-%012u", n);
    r->obs.kind = OBS_CONTROL;
    r->obs.table = TABLE_CONTROL_PLANE;
    r->obs.status = status;
    r->obs.text[F_ACCOUNT] = SL("shop-prod");
    r->obs.text[F_OPERATION] = slice_of(operation);
    (void)snprintf(r->resource, sizeof r->resource, "%s", ID(SUBSCRIPTION, "rg", "shop-prod"));
    r->extra[F_PRIVATE_ENDPOINTS - F_GROUP_COUNT] = slice_of(endpoints);
    r->extra[F_ACTIVITY_ID - F_GROUP_COUNT] = slice_of(ids[n++ % 400]);
}

/* ---- restore ------------------------------------------------------------------------------------------------ */

START_TEST(a_restore_is_high_by_a_stranger_or_to_a_strange_place_else_low)
{
    static const struct {
        const char *name, *caller, *resource, *body;
        enum severity severity;
    } cases[] = {
        { .name = "stranger, known group", .caller = EVE, .resource = ID(SUBSCRIPTION, "rg", "copy"),
          .severity = SEVERITY_HIGH },
        { .name = "administrator, known group", .caller = OPS, .resource = ID(SUBSCRIPTION, "rg", "copy"),
          .severity = SEVERITY_LOW },
        { .name = "administrator, new group", .caller = OPS, .resource = ID(SUBSCRIPTION, "other", "copy"),
          .severity = SEVERITY_HIGH },
        { .name = "administrator, other subscription", .caller = OPS, .resource = ID(OTHER, "rg", "copy"),
          .severity = SEVERITY_HIGH },
        { .name = "administrator, the row does not say where", .caller = OPS, .severity = SEVERITY_LOW },
        { .name = "stranger, the row does not say where", .caller = EVE, .severity = SEVERITY_HIGH },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;
        const struct alert *a;

        key_usual("shop-prod", 0, 20, true);
        if (cases[i].resource)
            restore_into(key_day(20, 3, 0), cases[i].caller, cases[i].resource, BODY("West Europe"));
        else
            restore_action(key_day(20, 3, 0), cases[i].caller);
        b = judged();
        a = bench_only(b, RESTORE);
        ck_assert_msg(a->severity == cases[i].severity, "%s: %d", cases[i].name, (int)a->severity);
        ck_assert_str_eq(a->subject, cases[i].caller);
        ck_assert_str_eq(alert_text(a, "source"), "0a0a");
        ck_assert_str_eq(a->account, "");
        if (cases[i].resource)
            ck_assert_str_eq(alert_text(a, "target"), "copy");
        ck_assert_uint_eq(bench_alerts(b), 1);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_restore_and_the_account_it_makes_are_one_alert)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    restore_action(key_day(20, 3, 0), EVE);
    restore_into(key_day(20, 3, 1), EVE, ID(OTHER, "rg", "copy"), BODY("East US"));
    b = judged();
    ck_assert_int_eq(bench_only(b, RESTORE)->count, 2);
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

START_TEST(no_restore_is_told_that_is_none)
{
    static const char *const bodies[] = {
        NULL, "{\"requestbody\":\"{\\\"properties\\\":{\\\"createMode\\\":\\\"Default\\\"}}\"}",
        "{\"requestbody\":\"{\\\"properties\\\":{\\\"createMode\\\":\\\"\\\",\\\"a\\\":\\\"Restore\\\"}}\"}",
        "{\"requestbody\":\"{\\\"tags\\\":{\\\"x\\\":\\\"createMode Restore\\\"}}\"}",
    };

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        restore_into(key_day(20, 3, 0), EVE, ID(SUBSCRIPTION, "rg", "copy"), bodies[i]);
        b = judged();
        ck_assert_msg(bench_alerts(b) == 0, "%zu", i);
        bench_free(b);
    }
}
END_TEST

START_TEST(an_exercise_each_quarter_is_told_once_and_another_subscription_again)
{
    struct bench *b;

    key_usual("shop-prod", 0, 200, true);
    restore_action(key_day(20, 10, 0), OPS);
    restore_action(key_day(110, 10, 0), OPS);
    restore_into(key_day(198, 10, 0), OPS, ID(SUBSCRIPTION, "exercise", "copy"), BODY("westeurope"));
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
    key_usual("shop-prod", 0, 120, true);
    restore_action(key_day(20, 10, 0), OPS);
    restore_into(key_day(80, 10, 0), OPS, ID(OTHER, "exercise", "copy"), BODY("westeurope"));
    restore_into(key_day(110, 10, 0), OPS, ID(OTHER, "exercise", "copy"), BODY("westeurope"));
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 2);
    bench_free(b);
}
END_TEST

START_TEST(a_habit_lasts_two_hundred_days_and_a_caller_sixty)
{
    for (int more = 0; more < 2; more++) {
        struct bench *b;

        key_usual("shop-prod", 0, 230, true);
        restore_action(key_day(20, 10, 0), OPS);
        restore_action(key_day(220 + more, 10, 0), OPS);
        b = judged();
        ck_assert_uint_eq(bench_alerts(b), 1 + (size_t)more);
        bench_free(b);
        key_usual("shop-prod", 0, 90, true);
        act(key_day(20, 10, 0), DB "WRITE", EVE, NULL, NULL);
        restore_action(key_day(80 + more, 10, 0), EVE);
        b = judged();
        ck_assert_int_eq(bench_only(b, RESTORE)->severity, more ? SEVERITY_HIGH : SEVERITY_LOW);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_failed_restore_and_one_while_the_log_is_young_are_silent)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    restore_action(key_day(20, 3, 0), EVE);
    key_rows[key_rows_len - 1].extra[F_ACTIVITY_STATUS - F_GROUP_COUNT] = SL("Failed");
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
    for (int day = 13; day <= 15; day += 2) {
        key_usual("shop-prod", 0, day, true);
        restore_action(key_day(day, 8, 0), EVE);
        b = judged();
        ck_assert_msg(bench_alerts(b) == (day == 15), "%d", day);
        bench_free(b);
    }
}
END_TEST

/* ---- copies --------------------------------------------------------------------------------------------------- */

START_TEST(a_copy_job_is_as_grave_as_it_is_new)
{
    static const struct {
        const char *name, *op, *item, *caller, *body;
        bool is_usual_here;
        int severity; /* -1: silent */
    } cases[] = {
        { .name = "administrator", .op = DB "DATATRANSFERJOBS/WRITE", .caller = OPS, .severity = SEVERITY_MEDIUM },
        { .name = "administrator, older operation", .op = DB "COPYJOBS/WRITE", .caller = OPS, .severity = SEVERITY_MEDIUM },
        { .name = "stranger", .op = DB "DATATRANSFERJOBS/WRITE", .caller = EVE, .severity = SEVERITY_HIGH },
        { .name = "stranger, jobs are usual", .op = DB "DATATRANSFERJOBS/WRITE", .caller = EVE, .is_usual_here = true,
          .severity = SEVERITY_MEDIUM },
        { .name = "administrator, jobs are usual", .op = DB "DATATRANSFERJOBS/WRITE", .caller = OPS, .is_usual_here = true,
          .severity = SEVERITY_LOW },
        { .name = "whose habit it is", .op = DB "DATATRANSFERJOBS/WRITE", .caller = TERRAFORM, .is_usual_here = true,
          .severity = -1 },
        { .name = "within the account", .op = DB "DATATRANSFERJOBS/WRITE", .caller = EVE, .severity = SEVERITY_HIGH,
          .body = "{\"requestbody\":\"{\\\"properties\\\":{\\\"source\\\":{\\\"component\\\":\\\"CosmosDBSql\\\"}}}\"}" },
        { .name = "to a blob", .op = DB "DATATRANSFERJOBS/WRITE", .caller = OPS, .severity = SEVERITY_MEDIUM,
          .body = "{\"requestbody\":\"{\\\"properties\\\":{\\\"destination\\\":{\\\"component\\\":\\\"AzureBlobStorage\\\","
                  "\\\"endpointUrl\\\":\\\"https://x.blob.example\\\"}}}\"}" },
        { .name = "the service for it", .op = DB "SERVICES/WRITE", .item = "services/datatransfer", .caller = OPS,
          .severity = SEVERITY_MEDIUM },
        { .name = "another service", .op = DB "SERVICES/WRITE", .item = "services/sqldedicatedgateway", .caller = OPS,
          .severity = -1 },
        { .name = "another service, stranger", .op = DB "SERVICES/WRITE", .item = "services/sqldedicatedgateway",
          .caller = EVE,
          .severity = SEVERITY_LOW },
        { .name = "a job deleted", .op = DB "DATATRANSFERJOBS/DELETE", .caller = EVE, .severity = -1 },
        { .name = "a job paused", .op = DB "DATATRANSFERJOBS/PAUSE/ACTION", .caller = EVE, .severity = -1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        if (cases[i].is_usual_here)
            act(key_day(5, 3, 0), DB "DATATRANSFERJOBS/WRITE", TERRAFORM, "datatransferjobs/nightly", NULL);
        act(key_day(20, 3, 0), cases[i].op, cases[i].caller, cases[i].item, cases[i].body);
        b = judged();
        ck_assert_msg(bench_alerts(b) == (cases[i].severity >= 0), "%s: %zu", cases[i].name, bench_alerts(b));
        if (cases[i].severity >= 0)
            ck_assert_msg((int)bench_only(b, COPY)->severity == cases[i].severity, "%s: %d", cases[i].name,
                          (int)bench_only(b, COPY)->severity);
        bench_free(b);
    }
}
END_TEST

START_TEST(what_the_body_says_is_told_with_it_whichever_row_comes_first)
{
    for (int is_last = 0; is_last < 2; is_last++) {
        struct bench *b;
        const struct alert *a;

        key_usual("shop-prod", 0, 20, true);
        act(key_day(20, 3, 0), DB "DATATRANSFERJOBS/WRITE", EVE, "datatransferjobs/x",
            "{\"requestbody\":\"{\\\"destination\\\":{\\\"endpointUrl\\\":\\\"https://x.blob.example\\\"}}\"}");
        key_rows[key_rows_len - 1 - (size_t)is_last].obs.minute_ns += NS_PER_MIN;
        key_rows[key_rows_len - 1 - (size_t)is_last].obs.first_ns += NS_PER_MIN;
        key_rows[key_rows_len - 1 - (size_t)is_last].obs.last_ns += NS_PER_MIN;
        b = judged();
        a = bench_only(b, COPY);
        ck_assert_str_eq(alert_text(a, "destination"), "https://x.blob.example");
        ck_assert_int_eq(a->count, 1);
        ck_assert_int_eq(a->last_ns - a->first_ns, (is_last ? 40 : 80) * NS_PER_S);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_body_of_what_failed_is_not_told)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    restore_into(key_day(20, 3, 0), EVE, ID(OTHER, "rg", "copy"), BODY("East US"));
    key_rows[key_rows_len - 1].extra[F_ACTIVITY_STATUS - F_GROUP_COUNT] = SL("Failure");
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

/* ---- private endpoints ---------------------------------------------------------------------------------------- */

START_TEST(a_subscription_in_the_list_is_told_once_the_list_was_seen_without_it)
{
    static const struct {
        const char *name, *before, *after, *operation;
        int32_t status;
        size_t alerts;
    } cases[] = {
        { .name = "new", .before = "[\"" OWN_ID "\"]", .after = "[\"" OWN_ID "\",\"" PARTNER_ID "\"]", .alerts = 1 },
        { .name = "new, no list before", .before = "", .after = PARTNER_ID, .alerts = 1 },
        { .name = "first list that is seen", .after = "[\"" PARTNER_ID "\"]" },
        { .name = "known", .before = "[\"" PARTNER_ID "\"]", .after = "[\"" PARTNER_ID "\"]" },
        { .name = "own", .before = "", .after = "[\"" OWN_ID "\"]" },
        { .name = "refused", .before = "", .after = PARTNER_ID, .status = 403 },
        { .name = "begun", .before = "", .after = PARTNER_ID, .operation = "AccountUpdateStart", .status = 202,
          .alerts = 1 },
        { .name = "a subnet", .before = "",
          .after = "/subscriptions/" OTHER "/resourceGroups/p/providers/Microsoft.Network/virtualNetworks/v" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        if (cases[i].before)
            list(key_day(10, 8, 0), "AccountUpdateComplete", cases[i].before, 200);
        list(key_day(20, 8, 0), cases[i].operation ? cases[i].operation : "AccountUpdateComplete", cases[i].after,
             cases[i].status ? cases[i].status : 200);
        b = judged();
        ck_assert_msg(bench_alerts(b) == cases[i].alerts, "%s: %zu", cases[i].name, bench_alerts(b));
        if (cases[i].alerts) {
            ck_assert_str_eq(alert_text(bench_only(b, ENDPOINT), "partner"), OTHER);
            ck_assert_int_eq(bench_only(b, ENDPOINT)->severity, SEVERITY_MEDIUM);
        }
        bench_free(b);
    }
}
END_TEST

START_TEST(an_approval_is_told_by_whom_it_lets_in)
{
#define APPROVED(id) "{\"requestbody\":\"{\\\"properties\\\":{\\\"privateEndpoint\\\":{\\\"id\\\":\\\"" id "\\\"}}}\"}"
#define REJECTED                                                                                   \
    "{\"requestbody\":\"{\\\"properties\\\":{\\\"privateEndpoint\\\":{\\\"id\\\":\\\"" PARTNER_ID "\\\"},"              \
    "\\\"privateLinkServiceConnectionState\\\":{\\\"status\\\":\\\"Rejected\\\"}}}\"}"
    static const struct {
        const char *name, *caller, *body, *partner;
        int severity;
    } cases[] = {
        { .name = "partner, administrator", .caller = OPS, .body = APPROVED(PARTNER_ID), .partner = OTHER,
          .severity = SEVERITY_MEDIUM },
        { .name = "partner, stranger", .caller = EVE, .body = APPROVED(PARTNER_ID), .partner = OTHER,
          .severity = SEVERITY_HIGH },
        { .name = "own, stranger", .caller = EVE, .body = APPROVED(OWN_ID), .severity = SEVERITY_LOW },
        { .name = "own, administrator", .caller = OPS, .body = APPROVED(OWN_ID), .severity = -1 },
        { .name = "unsaid, administrator", .caller = OPS, .severity = -1 },
        { .name = "unsaid, stranger", .caller = EVE, .severity = SEVERITY_LOW },
        { .name = "rejected", .caller = OPS, .body = REJECTED, .severity = -1 },
    };
    static const char *const ops[] = { DB "PRIVATEENDPOINTCONNECTIONS/WRITE",
        DB "PRIVATEENDPOINTCONNECTIONSAPPROVAL/ACTION" };

    for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
        const struct { const char *name, *caller, *body, *partner; int severity; } *k = (const void *)&cases[i / 2];
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        act(key_day(20, 3, 0), ops[i % 2], k->caller, "privateendpointconnections/pe-1", k->body);
        b = judged();
        ck_assert_msg(bench_alerts(b) == (k->severity >= 0), "%s: %zu", k->name, bench_alerts(b));
        if (k->severity >= 0) {
            ck_assert_msg((int)bench_only(b, ENDPOINT)->severity == k->severity, "%s", k->name);
            ck_assert_int_eq(bench_only(b, ENDPOINT)->count, 1);
            ck_assert(!k->partner == !alert_fact(bench_only(b, ENDPOINT), "partner"));
        }
        bench_free(b);
    }
}
END_TEST

START_TEST(an_approval_and_the_list_it_makes_are_one_alert)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    list(key_day(10, 8, 0), "AccountUpdateComplete", "", 200);
    act(key_day(20, 8, 0), DB "PRIVATEENDPOINTCONNECTIONS/WRITE", OPS, "privateendpointconnections/pe-1",
        APPROVED(PARTNER_ID));
    list(key_day(20, 8, 1), "AccountUpdateComplete", PARTNER_ID, 200);
    key_rows[key_rows_len - 1].extra[F_ACTIVITY_ID - F_GROUP_COUNT] = SL("one");
    list(key_day(20, 8, 3), "AccountUpdateStart", PARTNER_ID, 202);
    key_rows[key_rows_len - 1].extra[F_ACTIVITY_ID - F_GROUP_COUNT] = SL("one");
    b = judged();
    ck_assert_str_eq(alert_text(bench_only(b, ENDPOINT), "principal"), OPS);
    ck_assert_int_eq(bench_only(b, ENDPOINT)->count, 2);
    ck_assert_int_eq(alert_number(bench_only(b, ENDPOINT), "requests", 0), 2);
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

START_TEST(an_account_that_lets_partners_in_each_month_is_known_for_it)
{
    static const char *const subs[] = { "a1", "a2", "a3", "a4", "a5" };
    char text[ARRAY_LEN(subs)][160];
    struct bench *b;

    key_usual("shop-prod", 0, 180, true);
    list(key_day(10, 8, 0), "AccountUpdateComplete", "", 200);
    for (size_t i = 0; i < ARRAY_LEN(subs); i++) {
        (void)snprintf(text[i], sizeof text[i],
            "/subscriptions/%s/resourceGroups/p/providers/Microsoft.Network/privateEndpoints/x", subs[i]);
        list(key_day(20 + 30 * (int)i, 8, 0), "AccountUpdateComplete", text[i], 200);
    }
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 3);
    bench_free(b);
}
END_TEST

/* ---- notebooks ------------------------------------------------------------------------------------------------ */

START_TEST(notebooks_are_told_from_the_first_row_on_and_who_does_it_daily_once)
{
    struct bench *b;

    act(key_day(0, 8, 0), DB "NOTEBOOKWORKSPACES/LISTCONNECTIONINFO/ACTION", EVE, "notebookworkspaces/default", NULL);
    b = judged();
    ck_assert_int_eq(bench_only(b, NOTEBOOK)->severity, SEVERITY_MEDIUM);
    ck_assert_ptr_null(alert_fact(bench_only(b, NOTEBOOK), "reason")); /* nothing is known of anybody yet */
    bench_free(b);
    for (int d = 0; d < 9; d++)
        act(key_day(d, 8, 0), DB "NOTEBOOKWORKSPACES/WRITE", EVE, "notebookworkspaces/default", NULL);
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

START_TEST(refused_notebooks_are_low_and_deleted_ones_nothing)
{
    struct bench *b;

    for (int d = 0; d < 9; d++) {
        act(key_day(d, 8, 0), DB "NOTEBOOKWORKSPACES/WRITE", EVE, NULL, NULL);
        key_rows[key_rows_len - 1].extra[F_ACTIVITY_STATUS - F_GROUP_COUNT] = SL("Failure");
    }
    act(key_day(2, 9, 0), DB "NOTEBOOKWORKSPACES/DELETE", OPS, NULL, NULL);
    b = judged();
    ck_assert_int_eq(bench_only(b, NOTEBOOK)->severity, SEVERITY_LOW);
    bench_free(b);
}
END_TEST

/* ---- all of them ---------------------------------------------------------------------------------------------- */

static void a_bad_day(unsigned seed)
{
    key_usual("shop-prod", 0, 20, true);
    list(key_day(10, 8, 0), "AccountUpdateComplete", OWN_ID, 200);
    act(key_day(5, 4, 0), DB "DATATRANSFERJOBS/WRITE", TERRAFORM, NULL, NULL);
    for (unsigned i = 0; i < 3; i++) {
        restore_action(key_day(20, 3 + (int)i, (int)seed), seed % 2 ? EVE : OPS);
        restore_into(key_day(20, 4, 7 * (int)i), EVE, ID(OTHER, "rg", "copy"), BODY("East US"));
        act(key_day(20, 5, 9 * (int)i), DB "DATATRANSFERJOBS/WRITE", seed % 3 ? EVE : OPS, "datatransferjobs/x", NULL);
        act(key_day(20, 6, 9 * (int)i), DB "PRIVATEENDPOINTCONNECTIONS/WRITE", EVE, "privateendpointconnections/pe",
            APPROVED(PARTNER_ID));
        list(key_day(20, 6, 1 + 9 * (int)i), "AccountUpdateStart",
            i ? PARTNER_ID : "[\"" PARTNER_ID "\",\"" PARTNER_ID "x\"]", 202);
        list(key_day(20, 6, 2 + 9 * (int)i), "AccountUpdateComplete", PARTNER_ID, 200);
        key_rows[key_rows_len - 1].extra[F_ACTIVITY_ID - F_GROUP_COUNT] = key_rows[key_rows_len - 2].extra[F_ACTIVITY_ID - F_GROUP_COUNT];
        act(key_day(20, 7, (int)i), DB "NOTEBOOKWORKSPACES/WRITE", EVE, "notebookworkspaces/default", NULL);
    }
    key_rows[key_rows_len - 1].extra[F_ACTIVITY_STATUS - F_GROUP_COUNT] = SL("Failed");
}

START_TEST(the_same_in_any_order_and_after_a_restart)
{
    key_same_in_any_order(&detector_data_moved, "", a_bad_day);
}
END_TEST

START_TEST(a_backfill_learns_and_tells_nothing)
{
    struct bench *b = bench_open(&detector_data_moved, "");

    key_usual("shop-prod", 0, 30, true);
    a_bad_day(1);
    bench_set_backfill(b, true);
    key_feed(b, 0);
    ck_assert_uint_eq(bench_drafts(b), 0);
    key_forget();
    bench_set_backfill(b, false);
    act(key_day(31, 5, 0), DB "DATATRANSFERJOBS/WRITE", EVE, "datatransferjobs/x", NULL);
    restore_action(key_day(31, 6, 0), EVE);
    list(key_day(31, 7, 0), "AccountUpdateComplete", PARTNER_ID, 200);
    key_feed(b, 0);
    ck_assert_uint_eq(bench_alerts(b), 0);
    key_forget();
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
        act(key_day(4, 3, 0), DB "DATATRANSFERJOBS/WRITE", TERRAFORM, NULL, NULL);
        act(key_day(6, 3, 0), DB "DATATRANSFERJOBS/WRITE", TERRAFORM, NULL, NULL);
        act(key_day(20, 3, 0), DB "DATATRANSFERJOBS/WRITE", TERRAFORM, NULL, NULL);
        act(key_day(20, 4, 0), DB "DATATRANSFERJOBS/WRITE", OPS, NULL, NULL);
        b = judged_with(levels[i].yaml);
        ck_assert_msg(bench_alerts(b) == levels[i].alerts, "%s: %zu", levels[i].yaml, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

int main(void)
{
    return key_run("detector_data_moved", (const TTest *const[]){
        a_restore_is_high_by_a_stranger_or_to_a_strange_place_else_low, a_restore_and_the_account_it_makes_are_one_alert,
        no_restore_is_told_that_is_none, an_exercise_each_quarter_is_told_once_and_another_subscription_again,
        a_habit_lasts_two_hundred_days_and_a_caller_sixty, a_failed_restore_and_one_while_the_log_is_young_are_silent,
        a_copy_job_is_as_grave_as_it_is_new,
        what_the_body_says_is_told_with_it_whichever_row_comes_first, a_body_of_what_failed_is_not_told,
        a_subscription_in_the_list_is_told_once_the_list_was_seen_without_it, an_approval_is_told_by_whom_it_lets_in,
        an_approval_and_the_list_it_makes_are_one_alert, an_account_that_lets_partners_in_each_month_is_known_for_it,
        notebooks_are_told_from_the_first_row_on_and_who_does_it_daily_once,
            refused_notebooks_are_low_and_deleted_ones_nothing,
        the_same_in_any_order_and_after_a_restart, a_backfill_learns_and_tells_nothing,
        sensitivity_is_about_low_findings_and_thin_habits, NULL });
}
