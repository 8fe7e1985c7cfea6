/* What detectors/server_code.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/access.h"
#include "detectors/kit/usual.h"
#include "settings/option.h"
#include "tests/unit/key_kit.h"

extern const struct detector_ops detector_server_code;

#define TYPE "CosmosDBX_ServerSideCode"
#define EVE "eve@contoso.example"
#define OPS "ops@contoso.example" /* administers something each day (key_usual) */
#define WRITE(kind) "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/SQLDATABASES/CONTAINERS/" kind "/WRITE"
#define PROCEDURE "sqldatabases/shop/containers/orders/storedprocedures/total"

static struct bench *judged_with(const char *yaml)
{
    struct bench *b = bench_open(&detector_server_code, yaml);

    key_feed(b, 0);
    key_forget();
    return b;
}

static struct bench *judged(void)
{
    return judged_with("");
}

/* The account knows these programs and where they run, as unusual_application would have learned. */
static struct bench *judged_where_known(const char *program, const char *other)
{
    struct bench *b = bench_open(&detector_server_code, "");
    struct neighbourhood near = neighbourhood_of(SL("192.0.2.10"));

    for (int d = 0; d < 18; d++) {
        (void)usual_touch(bench_baseline(b), SL("shop-prod"), USUAL_FAMILY, slice_of(program), key_day(d, 1, 0));
        (void)usual_touch(bench_baseline(b), SL("shop-prod"), USUAL_FAMILY, slice_of(other), key_day(d, 1, 0));
        (void)usual_touch(bench_baseline(b), SL("shop-prod"), USUAL_NETWORK, neighbourhood_slice(&near), key_day(d, 1, 0));
    }
    key_feed(b, 0);
    key_forget();
    return b;
}

/* A request about a kind of resource; a principal makes it Entra's. */
static struct observation *code(int64_t at, const char *kind, const char *op, const char *agent, const char *principal)
{
    struct key_row *r;

    key_req((struct req){ .at = at, .op = op, .agent = agent, .key = principal ? "AadToken" : NULL });
    r = &key_rows[key_rows_len - 1];
    r->obs.text[F_RESOURCE_TYPE] = slice_of(kind);
    r->obs.text[F_PRINCIPAL] = slice_of(principal);
    return &r->obs;
}

static void deploy(int64_t at, const char *caller, const char *op, const char *object_id)
{
    static unsigned n;
    char correlation[40];
    struct act a = { .at = at, .op = op, .caller = caller, .status = "Start", .object_id = object_id, .uri = PROCEDURE,
                     .correlation = correlation };

    (void)snprintf(correlation, sizeof correlation, "d0d0d0d0-0000-4000-8000-%012u", n++);
    key_act(a);
    a.status = "Success";
    key_act(a);
}

START_TEST(code_by_a_new_client_is_told_by_its_kind)
{
    static const struct {
        const char *kind, *op, *variant;
        int32_t status;
    } cases[] = {
        { .kind = "StoredProcedure", .op = "Create", .variant = ".StoredProcedure" },
        { .kind = "StoredProcedureFeed", .op = "Create", .variant = ".StoredProcedure" },
        { .kind = "storedprocedure", .op = "replace", .variant = ".StoredProcedure" },
        { .kind = "Trigger", .op = "Upsert", .variant = ".Trigger" },
        { .kind = "TriggerFeed", .op = "Create", .variant = ".Trigger" },
        { .kind = "UserDefinedFunction", .op = "Update", .variant = ".Udf" },
        { .kind = "StoredProcedure", .op = "Execute" },
        { .kind = "StoredProcedure", .op = "Read" },
        { .kind = "StoredProcedureFeed", .op = "ReadFeed" },
        { .kind = "StoredProcedure", .op = "Delete" },
        { .kind = "StoredProcedure", .op = "Create", .status = 403 },
        { .kind = "StoredProcedures", .op = "Create" },
        { .kind = "Triggers", .op = "Create" },
        { .kind = "User", .op = "Create" },
        { .kind = "Document", .op = "Create" },
        { .kind = "", .op = "Create" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        code(key_day(20, 3, 0), cases[i].kind, cases[i].op, PYTHON, NULL)->status = cases[i].status;
        b = judged();
        ck_assert_msg(bench_alerts(b) == (cases[i].variant != NULL), "%s %s: %zu", cases[i].kind, cases[i].op,
            bench_alerts(b));
        if (cases[i].variant) {
            ck_assert_str_eq(bench_only(b, TYPE)->variant, cases[i].variant);
            ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_MEDIUM);
        }
        bench_free(b);
    }
}
END_TEST

START_TEST(the_service_s_own_writes_are_nobody_s)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    code(key_day(20, 3, 0), "StoredProcedure", "Create", "Microsoft.Azure.Documents.Common/2.14.0", NULL)->text[F_KEY_KIND] =
        SL("SystemReadWrite");
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(who_deploys_code_by_habit_is_silent_and_another_beside_it_is_not)
{
    struct bench *b;
    const struct alert *a;

    key_usual("shop-prod", 0, 130, true);
    for (int d = 3; d < 130; d += 60)
        code(key_day(d, 3, 0), "StoredProcedure", "Replace", JAVA, NULL);
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
    key_usual("shop-prod", 0, 20, true);
    code(key_day(3, 3, 0), "StoredProcedure", "Replace", JAVA, NULL);
    code(key_day(19, 3, 0), "StoredProcedure", "Replace", JAVA, NULL);
    code(key_day(20, 3, 0), "Trigger", "Create", PYTHON, NULL);
    b = judged();
    a = bench_only(b, TYPE);
    ck_assert_str_eq(a->subject, "triggers of shop/orders");
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM); /* a program that the account does not know */
    bench_free(b);
}
END_TEST

START_TEST(a_principal_is_one_however_it_writes)
{
    static const char *const principal = "0c0c0c0c-1111-4222-8333-444444444444";
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    code(key_day(3, 3, 0), "StoredProcedure", "Replace", JAVA, principal);
    code(key_day(19, 3, 0), "StoredProcedure", "Replace", PYTHON, principal);
    code(key_day(19, 4, 0), "StoredProcedure", "Replace", PYTHON, principal)->text[F_ADDRESS] = SL("20.9.8.7"); /* a runner */
    deploy(key_day(19, 3, 0), "somebody", WRITE("TRIGGERS"), principal);
    b = judged_where_known("java", "python");
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_principal_with_another_program_from_elsewhere_is_somebody_else)
{
    static const char *const principal = "0c0c0c0c-1111-4222-8333-444444444444";
    static const struct { const char *agent, *address; size_t alerts; } cases[] = {
        { JAVA, "198.51.100.9", 0 }, { PYTHON, "192.0.2.99", 0 }, { PYTHON, "198.51.100.9", 1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        code(key_day(19, 3, 0), "StoredProcedure", "Replace", JAVA, principal);
        code(key_day(20, 3, 0), "StoredProcedure", "Replace", cases[i].agent, principal)->text[F_ADDRESS] =
            slice_of(cases[i].address);
        b = judged_where_known("java", "java");
        /* The first one is news as well: nobody wrote code here before. */
        ck_assert_msg(bench_alerts(b) == 1 + cases[i].alerts, "%zu: %zu", i, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

START_TEST(an_administrator_is_low_where_others_deploy_and_medium_where_nobody_does)
{
    for (int is_usual = 0; is_usual < 2; is_usual++) {
        for (int is_stranger = 0; is_stranger < 2; is_stranger++) {
            struct bench *b;
            const struct alert *a;

            key_usual("shop-prod", 0, 20, true);
            if (is_usual)
                deploy(key_day(3, 3, 0), TERRAFORM, WRITE("STOREDPROCEDURES"), NULL);
            deploy(key_day(20, 3, 0), is_stranger ? EVE : OPS, WRITE("STOREDPROCEDURES"), NULL);
            b = judged();
            a = bench_only(b, TYPE);
            ck_assert_int_eq(a->severity, is_usual && !is_stranger ? SEVERITY_LOW : SEVERITY_MEDIUM);
            ck_assert_str_eq(a->subject, "stored procedures of shop/orders");
            ck_assert_str_eq(alert_text(a, "item"), "total");
            ck_assert_int_eq(a->count, 1);
            bench_free(b);
        }
    }
}
END_TEST

START_TEST(what_both_tables_show_is_one_alert)
{
    struct bench *b;
    struct observation *o;

    key_usual("shop-prod", 0, 20, true);
    deploy(key_day(20, 3, 0), EVE, WRITE("STOREDPROCEDURES"), NULL);
    o = code(key_day(20, 3, 1), "StoredProcedure", "Create", PYTHON, NULL);
    o->text[F_DATABASE] = SL("Shop"); /* the data plane keeps the letters, Azure Resource Manager's ids do not */
    o->text[F_CONTAINER] = SL("Orders");
    b = judged();
    ck_assert_str_eq(alert_text(bench_only(b, TYPE), "principal"), EVE);
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

START_TEST(failed_deployments_and_young_accounts_are_silent)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    deploy(key_day(20, 3, 0), EVE, WRITE("STOREDPROCEDURES"), NULL);
    key_rows[key_rows_len - 1].extra[F_ACTIVITY_STATUS - F_GROUP_COUNT] = SL("Failure");
    deploy(key_day(20, 3, 0), EVE, WRITE("TRIGGERSX"), NULL);
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
    key_usual("shop-prod", 0, 6, true);
    deploy(key_day(5, 3, 0), EVE, WRITE("STOREDPROCEDURES"), NULL);
    code(key_day(5, 3, 0), "StoredProcedure", "Create", PYTHON, NULL);
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

static void a_bad_day(unsigned seed)
{
    key_usual("shop-prod", 0, 20, true);
    deploy(key_day(5, 4, 0), TERRAFORM, WRITE("STOREDPROCEDURES"), NULL);
    for (unsigned i = 0; i < 4; i++) {
        deploy(key_day(20, 3 + (int)i, (int)seed), seed % 2 ? EVE : OPS, WRITE("STOREDPROCEDURES"), NULL);
        code(key_day(20, 4, 7 * (int)i), "StoredProcedure", "Create", PYTHON, NULL)->count = 1 + seed;
        code(key_day(20, 5, 9 * (int)i), "TriggerFeed", "Create", seed % 3 ? JAVA : PYTHON, NULL);
        code(key_day(20, 5, 9 * (int)i), "UserDefinedFunction", "Replace", EDGE, i % 2 ? EVE : NULL);
    }
}

START_TEST(the_same_in_any_order_and_after_a_restart)
{
    key_same_in_any_order(&detector_server_code, "", a_bad_day);
}
END_TEST

START_TEST(a_backfill_learns_and_tells_nothing)
{
    struct bench *b = bench_open(&detector_server_code, "");

    key_usual("shop-prod", 0, 30, true);
    a_bad_day(2);
    bench_set_backfill(b, true);
    key_feed(b, 0);
    ck_assert_uint_eq(bench_drafts(b), 0);
    key_forget();
    bench_set_backfill(b, false);
    deploy(key_day(31, 3, 0), OPS, WRITE("STOREDPROCEDURES"), NULL);
    code(key_day(31, 4, 0), "UserDefinedFunction", "Replace", PYTHON, NULL);
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
        deploy(key_day(4, 3, 0), TERRAFORM, WRITE("TRIGGERS"), NULL);
        deploy(key_day(6, 3, 0), TERRAFORM, WRITE("TRIGGERS"), NULL);
        deploy(key_day(20, 3, 0), TERRAFORM, WRITE("TRIGGERS"), NULL);
        deploy(key_day(20, 4, 0), OPS, WRITE("STOREDPROCEDURES"), NULL);
        b = judged_with(levels[i].yaml);
        ck_assert_msg(bench_alerts(b) == levels[i].alerts, "%s: %zu", levels[i].yaml, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

int main(void)
{
    return key_run("detector_server_code", (const TTest *const[]){
        code_by_a_new_client_is_told_by_its_kind, the_service_s_own_writes_are_nobody_s,
        who_deploys_code_by_habit_is_silent_and_another_beside_it_is_not, a_principal_is_one_however_it_writes,
        a_principal_with_another_program_from_elsewhere_is_somebody_else,
        an_administrator_is_low_where_others_deploy_and_medium_where_nobody_does, what_both_tables_show_is_one_alert,
        failed_deployments_and_young_accounts_are_silent, the_same_in_any_order_and_after_a_restart,
        a_backfill_learns_and_tells_nothing, sensitivity_is_about_low_findings_and_thin_habits, NULL });
}
