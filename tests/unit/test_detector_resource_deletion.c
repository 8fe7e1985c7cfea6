/* What detectors/resource_deletion.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/timeutil.h"
#include "settings/option.h"
#include "tests/unit/key_kit.h"

extern const struct detector_ops detector_resource_deletion;

#define TYPE "CosmosDBX_MassDelete.Resources"
#define LOCK "CosmosDBX_LockRemoved"
#define EVE "eve@contoso.example"
#define ROOT "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/"
#define DELETE_ACCOUNT ROOT "DELETE"
#define DELETE_CONTAINER ROOT "SQLDATABASES/CONTAINERS/DELETE"
#define DELETE_LOCK "MICROSOFT.AUTHORIZATION/LOCKS/DELETE"
#define GROUP "/subscriptions/" SUBSCRIPTION "/resourcegroups/rg"
#define LOCK_OF(scope) scope "/providers/microsoft.authorization/locks/keep"
#define LOCK_OF_ACCOUNT LOCK_OF(GROUP "/providers/microsoft.documentdb/databaseaccounts/shop-prod")

static const char *const paths[] = { "sqldatabases/shop/containers/a", "sqldatabases/shop/containers/b",
                                     "sqldatabases/shop/containers/c", "sqldatabases/shop/containers/d",
                                     "sqldatabases/shop/containers/e", "sqldatabases/shop/containers/f",
                                     "sqldatabases/shop/containers/g" };

static struct bench *judged_with(const char *yaml)
{
    struct bench *b = bench_open(&detector_resource_deletion, yaml);

    key_feed(b, 0);
    key_forget();
    return b;
}

static struct bench *judged(void)
{
    return judged_with("");
}

static void delete_one(int64_t at, const char *caller, size_t i)
{
    struct act a = { .at = at, .op = DELETE_CONTAINER, .uri = paths[i], .caller = caller, .status = "Start" };

    key_act(a);
    a.status = "Success";
    a.at += NS_PER_S;
    key_act(a);
}

static void delete_account(int64_t at, const char *caller, const char *account)
{
    key_act((struct act){ .at = at, .op = DELETE_ACCOUNT, .caller = caller, .account = account });
}

static void remove_lock(int64_t at, const char *caller, const char *id, const char *account)
{
    key_act((struct act){ .at = at, .op = DELETE_LOCK, .caller = caller, .resource = id, .account = account });
}

static void control(int64_t at, const char *op, const char *type, const char *uri)
{
    struct key_row *r = key_row_new(at);

    r->obs.kind = OBS_CONTROL;
    r->obs.table = TABLE_CONTROL_PLANE;
    r->obs.status = 204;
    r->obs.text[F_ACCOUNT] = SL("shop-prod");
    (void)snprintf(r->resource, sizeof r->resource, GROUP "/providers/microsoft.documentdb/databaseaccounts/shop-prod");
    r->obs.text[F_OPERATION] = slice_of(op);
    r->obs.extra = r->extra;
    r->extra[F_OPERATION_TYPE - F_GROUP_COUNT] = slice_of(type);
    r->extra[F_RESOURCE_URI - F_GROUP_COUNT] = slice_of(uri);
}

START_TEST(three_containers_by_a_stranger_are_high_and_two_are_nothing)
{
    for (size_t n = 2; n <= 3; n++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        for (size_t i = 0; i < n; i++)
            delete_one(key_day(20, 3, (int)i * 20), EVE, i);
        b = judged();
        ck_assert_uint_eq(bench_alerts(b), n == 3);
        if (n == 3) {
            const struct alert *a = bench_only(b, TYPE);

            ck_assert_int_eq(a->severity, SEVERITY_HIGH);
            ck_assert_str_eq(a->subject, EVE);
            ck_assert_str_eq(a->account, "");
            ck_assert_str_eq(alert_text(a, "accounts"), "shop-prod");
            ck_assert_str_eq(alert_text(a, "resources"), "shop-prod/sqldatabases/shop/containers/a");
            ck_assert_str_eq(alert_text(a, "deleted"), "containers");
            ck_assert_int_eq(a->count, 3);
            ck_assert_int_eq(alert_number(a, "inAnHour", 0), 3);
        }
        bench_free(b);
    }
}
END_TEST

START_TEST(three_in_more_than_an_hour_are_nothing)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    for (size_t i = 0; i < 3; i++)
        delete_one(key_day(20, 3, (int)i * 31), EVE, i);
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(one_resource_is_one_however_often_it_is_deleted_and_what_failed_is_none)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    for (size_t i = 0; i < 6; i++)
        delete_one(key_day(20, 3, (int)i * 5), EVE, i % 2);
    key_act((struct act){ .at = key_day(20, 3, 40), .op = DELETE_CONTAINER, .uri = paths[4], .caller = EVE,
        .status = "Failure" });
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(one_account_by_a_stranger_is_medium_and_a_young_one_is_nothing)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    key_usual("new-one", 15, 5, true);
    delete_account(key_day(20, 3, 0), EVE, "new-one");
    delete_account(key_day(20, 12, 0), EVE, "shop-prod");
    b = judged();
    ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_MEDIUM);
    ck_assert_str_eq(alert_text(bench_only(b, TYPE), "accounts"), "shop-prod");
    ck_assert_int_eq(bench_only(b, TYPE)->count, 1);
    bench_free(b);
}
END_TEST

START_TEST(accounts_of_which_no_row_came_before_count_when_they_are_several)
{
    static const char *const names[] = { "one", "two", "three" };
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    for (size_t i = 0; i < 3; i++)
        delete_account(key_day(20, 3, (int)i), EVE, names[i]);
    b = judged();
    ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_HIGH);
    ck_assert_int_eq(bench_only(b, TYPE)->count, 3);
    bench_free(b);
}
END_TEST

START_TEST(a_weekly_teardown_is_usual_and_one_that_takes_more_than_twice_as_much_is_not)
{
    for (size_t last = 6; last <= 7; last++) {
        struct bench *b;

        key_usual("shop-prod", 0, 50, true);
        for (int week = 0; week < 6; week++)
            for (size_t i = 0; i < 3; i++)
                delete_one(key_day(3 + 7 * week, 20, (int)i), TERRAFORM, i);
        for (size_t i = 0; i < last; i++)
            delete_one(key_day(45, 20, (int)i), TERRAFORM, i);
        b = judged();
        ck_assert_uint_eq(bench_alerts(b), last == 7);
        if (last == 7) {
            ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_MEDIUM);
            ck_assert_int_eq(alert_number(bench_only(b, TYPE), "usualMost", 0), 3);
        }
        bench_free(b);
    }
}
END_TEST

START_TEST(a_flood_is_counted_to_its_end)
{
    static char names[200][48];

    for (int is_known = 0; is_known < 2; is_known++) {
        struct bench *b;

        key_usual("shop-prod", 0, 30, true);
        if (is_known)
            for (int d = 2; d < 28; d += 5)
                for (size_t i = 0; i < 5; i++)
                    delete_one(key_day(d, 20, (int)i), EVE, i);
        for (size_t i = 0; i < ARRAY_LEN(names); i++) {
            (void)snprintf(names[i], sizeof names[i], "sqldatabases/shop/containers/n%zu", i);
            for (int row = 0; row < 2; row++)
                key_act((struct act){ .at = key_day(29, 20, (int)i / 20) + row * NS_PER_S, .op = DELETE_CONTAINER,
                                      .uri = names[i], .caller = EVE, .status = row ? "Success" : "Accept" });
        }
        b = judged();
        ck_assert_int_eq(bench_only(b, TYPE)->count, 200);
        ck_assert_int_eq(alert_number(bench_only(b, TYPE), "inAnHour", 0), 200);
        ck_assert_uint_lt(bench_drafts(b), 4000);
        bench_free(b);
    }
}
END_TEST

START_TEST(who_deletes_one_now_and_then_may_delete_five_at_once)
{
    for (size_t n = 5; n <= 6; n++) {
        struct bench *b;

        key_usual("shop-prod", 0, 50, true);
        for (int d = 3; d < 40; d += 18)
            delete_one(key_day(d, 20, 0), TERRAFORM, 0);
        for (size_t i = 0; i < n; i++)
            delete_one(key_day(45, 20, (int)i), TERRAFORM, i);
        b = judged();
        ck_assert_uint_eq(bench_alerts(b), n == 6);
        bench_free(b);
    }
}
END_TEST

START_TEST(who_deletes_containers_by_habit_does_not_delete_accounts)
{
    struct bench *b;

    key_usual("shop-prod", 0, 50, true);
    for (int week = 0; week < 6; week++)
        delete_one(key_day(3 + 7 * week, 20, 0), TERRAFORM, 0);
    delete_account(key_day(45, 20, 0), TERRAFORM, "shop-prod");
    b = judged();
    ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_MEDIUM);
    bench_free(b);
}
END_TEST

START_TEST(an_environment_for_each_pull_request_is_usual)
{
    static char names[30][16];
    struct bench *b;

    key_usual("shop-prod", 0, 45, true);
    for (int i = 0; i < 30; i++) {
        (void)snprintf(names[i], sizeof names[i], "pr-%d", i);
        key_act((struct act){ .at = key_day(i + 10, 8, 0), .op = ROOT "WRITE", .account = names[i], .caller = TERRAFORM });
        delete_account(key_day(i + 11, 9, 0), TERRAFORM, names[i]);
    }
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(nothing_is_new_in_a_log_that_was_just_begun)
{
    struct bench *b;

    key_usual("shop-prod", 0, 5, true);
    for (size_t i = 0; i < 7; i++)
        delete_one(key_day(5, 3, (int)i), EVE, i);
    delete_account(key_day(5, 4, 0), EVE, "shop-prod");
    remove_lock(key_day(5, 2, 0), EVE, LOCK_OF_ACCOUNT, "shop-prod");
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_lock_removed_is_medium_and_a_deletion_after_it_makes_both_high)
{
    static const struct { const char *lock, *account; int hours; bool is_high; } cases[] = {
        { LOCK_OF_ACCOUNT, "shop-prod", 1, true }, { LOCK_OF_ACCOUNT, "shop-prod", 24, true },
        { LOCK_OF_ACCOUNT, "shop-prod", 25, false }, { LOCK_OF_ACCOUNT, "shop-prod", -1, false },
        { LOCK_OF(GROUP), "", 1, true }, { LOCK_OF("/subscriptions/" SUBSCRIPTION), "", 1, true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        remove_lock(key_day(20, 3, 0), EVE, cases[i].lock, cases[i].account);
        key_act((struct act){ .at = key_day(20, 3 + cases[i].hours, 0), .op = DELETE_CONTAINER, .uri = paths[0],
                              .caller = "mallory@contoso.example" });
        b = judged();
        ck_assert_int_eq(bench_only(b, LOCK)->severity, cases[i].is_high ? SEVERITY_HIGH : SEVERITY_MEDIUM);
        ck_assert_int_eq(bench_only(b, LOCK)->count, 1);
        ck_assert_uint_eq(bench_alerts(b), cases[i].is_high ? 2 : 1);
        if (cases[i].is_high) {
            ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_HIGH);
            ck_assert_str_eq(alert_text(bench_only(b, LOCK), "deletedBy"), "mallory@contoso.example");
        }
        bench_free(b);
    }
}
END_TEST

START_TEST(the_locks_of_last_week_do_not_hide_the_one_of_today)
{
    static char who[8][40];
    struct bench *b;
    bool is_high = false;

    key_usual("shop-prod", 0, 40, true);
    for (int d = 30; d < 38; d++) { /* each by somebody else, more than are kept */
        (void)snprintf(who[d - 30], sizeof who[0], "user%d@contoso.example", d);
        remove_lock(key_day(d, 3, 0), who[d - 30], LOCK_OF(GROUP), "");
    }
    remove_lock(key_day(39, 3, 0), EVE, LOCK_OF(GROUP), "");
    key_act((struct act){ .at = key_day(39, 4, 0), .op = DELETE_CONTAINER, .uri = paths[0], .caller = EVE });
    b = judged();
    for (size_t i = 0; i < bench_alerts(b); i++) {
        const struct alert *a = bench_alert(b, i);

        is_high |= strcmp(a->type->id, LOCK) == 0 && a->first_ns >= key_day(39, 0, 0) && a->severity == SEVERITY_HIGH;
    }
    ck_assert(is_high);
    bench_free(b);
}
END_TEST

START_TEST(a_lock_on_what_is_not_ours_is_nothing_nor_one_that_is_removed_by_habit)
{
    struct bench *b;

    key_usual("shop-prod", 0, 50, true);
    remove_lock(key_day(20, 3, 0), EVE, LOCK_OF("/subscriptions/" SUBSCRIPTION "/resourcegroups/other"), "");
    remove_lock(key_day(20, 4, 0), EVE, LOCK_OF(GROUP "/providers/microsoft.storage/storageaccounts/x"), "");
    for (int d = 2; d < 50; d += 7)
        remove_lock(key_day(d, 3, 0), TERRAFORM, LOCK_OF(GROUP), "");
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_deletion_that_both_logs_have_is_one)
{
    struct bench *b;

    key_usual("shop-prod", 0, 22, true);
    for (size_t i = 0; i < 3; i++) {
        delete_one(key_day(20, 3, (int)i), EVE, i);
        control(key_day(20, 3, (int)i), "SqlContainersDelete", "Delete", paths[i]);
    }
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 1);
    ck_assert_int_eq(bench_only(b, TYPE)->count, 3);
    ck_assert_str_eq(bench_only(b, TYPE)->subject, EVE);
    bench_free(b);
}
END_TEST

START_TEST(what_the_activity_log_does_not_name_is_told_without_a_name)
{
    for (int is_log_read = 0; is_log_read < 2; is_log_read++) {
        const struct alert *a;
        struct bench *b;

        for (int d = 0; d < 22; d++)
            for (int h = 0; h < 24; h += 3)
                key_req((struct req){ .at = key_day(d, h, 10) });
        if (is_log_read)
            key_usual("shop-prod", 0, 22, true);
        for (size_t i = 0; i < 3; i++)
            control(key_day(20, 3, (int)i), "SqlContainersDelete", "Delete",
                i == 1 ? "sqlDatabases/shop/containers/B" : paths[i]);
        b = judged();
        a = bench_only(b, TYPE);
        ck_assert_str_eq(a->subject, "shop-prod");
        ck_assert_str_eq(a->account, "shop-prod");
        ck_assert_str_ne(alert_text(a, "callerUnknown"), "");
        ck_assert_int_eq(a->severity, SEVERITY_HIGH);
        ck_assert_int_eq(a->count, 3);
        bench_free(b);
    }
}
END_TEST

START_TEST(what_nobody_names_is_told_though_no_row_comes_after_it)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    for (size_t i = 0; i < 3; i++)
        control(key_day(20, 3, (int)i), "SqlContainersDelete", "Delete", paths[i]);
    b = judged();
    ck_assert_str_ne(alert_text(bench_only(b, TYPE), "callerUnknown"), "");
    ck_assert_int_eq(bench_only(b, TYPE)->count, 3);
    bench_free(b);
}
END_TEST

START_TEST(many_without_a_name_in_one_account_hide_none_in_another)
{
    static char many[60][64];
    struct bench *b;

    key_usual("shop-prod", 0, 22, true);
    key_usual("shop-eu", 0, 22, true);
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        (void)snprintf(many[i], sizeof many[i], "sqlDatabases/shop/containers/many%zu", i);
        control(key_day(20, 3, (int)i / 2), "SqlContainersDelete", "Delete", many[i]);
    }
    for (size_t i = 0; i < 3; i++) {
        control(key_day(20, 3, 40 + (int)i), "SqlContainersDelete", "Delete", paths[i]);
        key_rows[key_rows_len - 1].obs.text[F_ACCOUNT] = SL("shop-eu");
        (void)snprintf(key_rows[key_rows_len - 1].resource, sizeof key_rows[0].resource,
                       GROUP "/providers/microsoft.documentdb/databaseaccounts/shop-eu");
    }
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 2);
    for (size_t i = 0; i < 2; i++) {
        const struct alert *a = bench_alert(b, i);

        ck_assert_int_eq(a->count, strcmp(a->account, "shop-eu") == 0 ? 3 : 60);
    }
    bench_free(b);
}
END_TEST

START_TEST(throughput_and_roles_and_failures_of_the_control_plane_delete_nothing)
{
    struct bench *b;

    for (int d = 0; d < 22; d++)
        for (int h = 0; h < 24; h += 3)
            key_req((struct req){ .at = key_day(d, h, 10) });
    for (size_t i = 0; i < 7; i++) {
        control(key_day(20, 3, (int)i), "SqlContainersThroughputUpdate", "ThroughputUpdate", paths[i]);
        control(key_day(20, 3, (int)i), "SqlContainersUpdate", "Update", paths[i]);
        control(key_day(20, 3, (int)i), "SqlStoredProceduresDelete", "Delete",
            "sqlDatabases/shop/containers/a/storedProcedures/x");
        control(key_day(20, 3, (int)i), "SqlContainersDelete", "Delete", paths[i]);
        key_rows[key_rows_len - 1].obs.status = 403;
    }
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(sensitivity_moves_the_limit)
{
    static const struct { const char *yaml; size_t n; bool is_told; } cases[] = {
        { "sensitivity: high\n", 1, false }, { "sensitivity: high\n", 2, true }, { "sensitivity: low\n", 5, false },
        { "sensitivity: low\n", 6, true }, { "deletions: 5\n", 4, false }, { "deletions: 5\n", 5, true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        for (size_t k = 0; k < cases[i].n; k++)
            delete_one(key_day(20, 3, (int)k), EVE, k);
        b = judged_with(cases[i].yaml);
        ck_assert_msg(bench_alerts(b) == cases[i].is_told, "case %zu", i);
        bench_free(b);
    }
}
END_TEST

static void an_attack(unsigned seed)
{
    key_seed = seed;
    key_usual("shop-prod", 0, 25, true);
    key_usual("shop-eu", 0, 25, true);
    remove_lock(key_day(20, 21, 55), EVE, LOCK_OF_ACCOUNT, "shop-prod");
    remove_lock(key_day(20, 22, 5), EVE, LOCK_OF("/subscriptions/" SUBSCRIPTION), "");
    for (size_t i = 0; i < 5; i++)
        key_act((struct act){ .at = key_day(20, 23, 30 + (int)key_dice(58)), .op = DELETE_CONTAINER, .uri = paths[i],
            .caller = EVE,
                              .account = i % 2 ? "shop-eu" : "shop-prod", .address = i == 3 ? "198.51.100.7" : NULL });
    key_act((struct act){ .at = key_day(20, 23, 50), .op = DELETE_ACCOUNT, .status = "Accept", .caller = EVE,
        .correlation = "x" });
    key_act((struct act){ .at = key_day(21, 0, 4), .op = DELETE_ACCOUNT, .caller = EVE, .correlation = "x" });
    for (size_t i = 0; i < 4; i++)
        control(key_day(22, 5, (int)key_dice(60)), "SqlContainersDelete", "Delete", paths[i]);
}

START_TEST(the_order_of_rows_does_not_matter)
{
    key_same_in_any_order(&detector_resource_deletion, "", an_attack);
}
END_TEST

START_TEST(backfill_teaches_and_tells_nothing)
{
    struct bench *b = bench_open(&detector_resource_deletion, "");

    bench_set_backfill(b, true);
    key_usual("shop-prod", 0, 30, true);
    for (int week = 0; week < 4; week++)
        for (size_t i = 0; i < 3; i++)
            delete_one(key_day(1 + 7 * week, 20, (int)i), TERRAFORM, i);
    remove_lock(key_day(20, 3, 0), EVE, LOCK_OF_ACCOUNT, "shop-prod");
    key_feed(b, 0);
    key_forget();
    bench_set_backfill(b, false);
    for (size_t i = 0; i < 3; i++)
        delete_one(key_day(30, 20, (int)i), TERRAFORM, i);
    key_feed(b, 0);
    key_forget();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

int main(void)
{
    return key_run("detector_resource_deletion", (const TTest *const[]){
        three_containers_by_a_stranger_are_high_and_two_are_nothing, three_in_more_than_an_hour_are_nothing,
        one_resource_is_one_however_often_it_is_deleted_and_what_failed_is_none,
        one_account_by_a_stranger_is_medium_and_a_young_one_is_nothing,
        accounts_of_which_no_row_came_before_count_when_they_are_several,
        a_weekly_teardown_is_usual_and_one_that_takes_more_than_twice_as_much_is_not,
        a_flood_is_counted_to_its_end, who_deletes_one_now_and_then_may_delete_five_at_once,
        who_deletes_containers_by_habit_does_not_delete_accounts, an_environment_for_each_pull_request_is_usual,
        nothing_is_new_in_a_log_that_was_just_begun, a_lock_removed_is_medium_and_a_deletion_after_it_makes_both_high,
        the_locks_of_last_week_do_not_hide_the_one_of_today,
        a_lock_on_what_is_not_ours_is_nothing_nor_one_that_is_removed_by_habit, a_deletion_that_both_logs_have_is_one,
        what_the_activity_log_does_not_name_is_told_without_a_name,
        what_nobody_names_is_told_though_no_row_comes_after_it,
        many_without_a_name_in_one_account_hide_none_in_another,
        throughput_and_roles_and_failures_of_the_control_plane_delete_nothing,
        sensitivity_moves_the_limit, the_order_of_rows_does_not_matter, backfill_teaches_and_tells_nothing, NULL });
}
