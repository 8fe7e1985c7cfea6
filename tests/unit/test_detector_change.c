/* What a row of the activity log changed, by whom, and whether it is usual (detectors/kit/change.h).
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/change.h"

#include "base/timeutil.h"
#include "settings/option.h"
#include "tests/unit/key_kit.h"

#define DELETE "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/SQLDATABASES/DELETE"
#define TYPE "CosmosDBX_KeyRead.FirstTime" /* any will do */

static const struct baseline_memory habits = {
    .name = "test.change", .version = 1, .size = sizeof(struct habit), .max_keys = 1000,
};

static struct change_usual last;
static bool last_read, last_repeat;

static int probe_observe(void *self UNUSED, const struct observation *obs, const struct detector_context *ctx, struct error *err)
{
    struct change c;
    struct fact_list f = { .len = 0 };

    last_read = change_read(obs, &c);
    last_repeat = false;
    if (!last_read || !change_is_under(&c, "microsoft.documentdb/databaseaccounts/sqldatabases"))
        return 0;
    change_note(ctx->baseline, &habits, 'd', &c, &last);
    last_repeat = change_is_repeat(ctx->baseline, &c, 'T');
    return change_emit(&(struct change_alert){ .detector = "probe", .type = TYPE, .severity = SEVERITY_LOW, .confidence = 50,
                                               .subject = c.by.caller, .is_counted = !last_repeat }, &c, &f, ctx, err);
}

static const char *const types[] = { TYPE, NULL };
static const struct baseline_memory *const memories[] = { &habits, &key_habits_memory, &key_readers_memory,
                                                          &key_operations_memory, NULL };
static const struct detector_ops probe = { .name = "probe", .summary = "a test", .reads = OBS_ACTIVITY | OBS_REQUEST, .types = types,
                                           .size = 1, .memories = memories, .observe = probe_observe };

static struct bench *fresh(void)
{
    key_forget();
    return bench_open(&probe, NULL);
}

START_TEST(the_beginning_of_a_change_is_none_and_its_end_is)
{
    static const struct { const char *status; bool is_change; } rows[] = {
        { "Start", false }, { "Started", false }, { "Accept", true }, { "Accepted", true }, { "Success", true },
        { "Succeeded", true }, { "Failure", true }, { "Failed", true }, { "In Progress", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *b = fresh();

        key_act((struct act){ .at = key_day(0, 8, 0), .op = DELETE, .status = rows[i].status });
        key_feed(b, 0);
        ck_assert_msg(last_read == rows[i].is_change, "%s", rows[i].status);
        bench_free(b);
    }
}
END_TEST

START_TEST(microsofts_own_services_change_nothing_for_themselves)
{
    struct bench *b = fresh();

    key_act((struct act){ .at = key_day(0, 8, 0), .op = DELETE, .app = "a232010e-820c-4083-83bb-3ace5fc29d0b" });
    key_feed(b, 0);
    ck_assert(!last_read);
    bench_free(b);
}
END_TEST

START_TEST(a_name_that_only_begins_so_is_not_under_it)
{
    struct bench *b = fresh();

    key_act((struct act){ .at = key_day(0, 8, 0), .op = "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/SQLDATABASESX/DELETE" });
    key_feed(b, 0);
    ck_assert(last_read);
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(of_one_deployment_each_resource_counts)
{
    struct bench *b = fresh();

    key_usual("shop-prod", 0, 20, true);
    key_act((struct act){ .at = key_day(20, 8, 0), .op = DELETE, .uri = "sqldatabases/a", .correlation = "one" });
    key_act((struct act){ .at = key_day(20, 8, 1), .op = DELETE, .uri = "sqldatabases/b", .correlation = "one" });
    key_act((struct act){ .at = key_day(20, 8, 2), .op = DELETE, .uri = "sqldatabases/b", .correlation = "one" });
    key_feed(b, 0);
    ck_assert_int_eq(bench_only(b, TYPE)->count, 2);
    ck_assert_str_eq(alert_text(bench_only(b, TYPE), "changed"),
                     "/subscriptions/" SUBSCRIPTION "/resourcegroups/rg/providers/microsoft.documentdb/databaseaccounts/"
                     "shop-prod/sqldatabases/a");
    bench_free(b);
}
END_TEST

static void accepted_and_done(unsigned seed UNUSED)
{
    key_usual("shop-prod", 0, 20, true);
    key_act((struct act){ .at = key_day(20, 8, 0), .op = DELETE, .status = "Start", .correlation = "one" });
    key_act((struct act){ .at = key_day(20, 8, 1), .op = DELETE, .status = "Accept", .correlation = "one" });
    key_act((struct act){ .at = key_day(20, 8, 9), .op = DELETE, .status = "Success", .correlation = "one" });
    key_act((struct act){ .at = key_day(20, 9, 0), .op = DELETE, .correlation = "two" });
}

START_TEST(a_change_counts_once_whatever_its_rows_and_their_order)
{
    struct bench *b = fresh();
    const struct alert *a;

    accepted_and_done(1);
    key_feed(b, 0);
    ck_assert_uint_eq(bench_alerts(b), 1);
    a = bench_alert(b, 0);
    ck_assert_int_eq(a->count, 2);
    ck_assert_int_eq(alert_fact(a, "requests")->number, 2);
    ck_assert_int_eq(a->last_ns - a->first_ns, 59 * NS_PER_MIN);
    bench_free(b);
    key_same_in_any_order(&probe, NULL, accepted_and_done);
}
END_TEST

START_TEST(what_a_caller_does_each_week_is_its_habit_and_nobody_elses)
{
    struct bench *b = fresh();

    key_usual("shop-prod", 0, 30, true);
    for (int d = 2; d < 28; d += 7)
        key_act((struct act){ .at = key_day(d, 8, 0), .op = DELETE, .caller = TERRAFORM, .app = TERRAFORM_APP });
    key_act((struct act){ .at = key_day(29, 8, 0), .op = DELETE, .caller = TERRAFORM, .app = TERRAFORM_APP });
    key_act((struct act){ .at = key_day(29, 12, 0), .op = DELETE, .caller = "eve@contoso.example" });
    key_feed(b, 0);
    ck_assert(!last.is_young && !last.caller.is_known && !last.caller_here.is_known && last.here.is_known);
    ck_assert_int_eq(last.here.days, 4);
    bench_free(b);
    b = fresh();
    key_usual("shop-prod", 0, 30, true);
    for (int d = 2; d < 30; d += 7)
        key_act((struct act){ .at = key_day(d, 8, 0), .op = DELETE, .caller = TERRAFORM, .app = TERRAFORM_APP });
    key_act((struct act){ .at = key_day(29, 23, 0), .op = DELETE, .caller = TERRAFORM, .app = TERRAFORM_APP });
    key_feed(b, 0);
    ck_assert(last.caller.is_known && last.caller_here.is_known && last.here.is_known);
    bench_free(b);
}
END_TEST

START_TEST(what_failed_is_no_habit)
{
    struct bench *b = fresh();

    key_usual("shop-prod", 0, 20, true);
    for (int d = 2; d < 18; d++)
        key_act((struct act){ .at = key_day(d, 8, 0), .op = DELETE, .status = "Failure" });
    key_act((struct act){ .at = key_day(19, 8, 0), .op = DELETE });
    key_feed(b, 0);
    ck_assert(!last.is_young && !last.caller.is_known && !last.here.is_known);
    bench_free(b);
}
END_TEST

START_TEST(what_comes_each_quarter_is_remembered_where_it_is_asked_for_so)
{
    static const struct baseline_memory long_habits = { .name = "test.long", .version = 1, .size = sizeof(struct habit),
                                                        .max_keys = 9 };
    static const struct baseline_memory *const both[] = { &habits, &long_habits, &key_habits_memory, &key_readers_memory,
                                                          &key_operations_memory, NULL };
    struct detector_ops ops = probe;
    struct bench *b;
    struct change c;
    struct change_usual usual, usual_long;

    ops.memories = both;
    key_forget();
    b = bench_open(&ops, NULL);
    for (int d = 0; d <= 100; d += 100) {
        key_act((struct act){ .at = key_day(d, 8, 0), .op = DELETE });
        key_rows[key_rows_len - 1].obs.extra = key_rows[key_rows_len - 1].extra;
        ck_assert(change_read(&key_rows[key_rows_len - 1].obs, &c));
        change_note(bench_baseline(b), &habits, 'd', &c, &usual);
        change_note_long(bench_baseline(b), &long_habits, 'd', &c, &usual_long);
        ck_assert(!usual.caller.is_known);
        ck_assert(usual_long.caller.is_known == (d > 0) && usual_long.here.is_known == (d > 0));
    }
    bench_free(b);
}
END_TEST

START_TEST(a_body_is_read_by_names_and_texts_alone)
{
    static const struct { const char *properties, *says; } bodies[] = {
        { "{\"createMode\":\"Restore\"}", "Restore" },
        { "{\"requestbody\":\"{\\\"createMode\\\" : \\\"Restore\\\"}\"}", "Restore" },
        { "{\"a\":\"{\\\"b\\\":\\\"{\\\\\\\"CreateMode\\\\\\\":\\\\\\\"Restore\\\\\\\"}\\\"}\"}", "Restore" },
        { "{\"createMode\":\"\",\"x\":\"Restore\"}", "" },
        { "{\"createMode\":\"\",\"y\":{\"createMode\":\"Default\"}}", "Default" },
        { "{\"createMode\":null,\"x\":\"Restore\"}", "" },
        { "{\"notcreateMode\":\"Restore\"}", "" },
        { "{\"createModes\":\"Restore\"}", "" },
        { "{\"x\":\"createMode: Restore\"}", "" },
        { "{\"createMode\":\"Resto", "" },
        { "{\"createMode\":\"", "" },
        { "{\"createMode", "" },
        { "createMode\":\"Restore\"", "" },
        { "", "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct change c;

        key_forget();
        key_act((struct act){ .at = key_day(0, 8, 0), .op = DELETE, .properties = bodies[i].properties });
        key_rows[0].obs.extra = key_rows[0].extra;
        ck_assert(change_read(&key_rows[0].obs, &c));
        ck_assert_msg(slice_eq(change_says(&c, "createMode"), slice_of(bodies[i].says)), "%zu: '%.*s'", i,
                      SLF(change_says(&c, "createMode")));
    }
    key_forget();
}
END_TEST

START_TEST(a_log_that_was_just_begun_makes_nothing_new)
{
    struct bench *b = fresh();

    key_act((struct act){ .at = key_day(0, 8, 0), .op = DELETE });
    key_feed(b, 0);
    ck_assert(last.is_young);
    bench_free(b);
}
END_TEST

int main(void)
{
    return key_run("detector_change", (const TTest *const[]){
        the_beginning_of_a_change_is_none_and_its_end_is, microsofts_own_services_change_nothing_for_themselves,
        a_name_that_only_begins_so_is_not_under_it, a_change_counts_once_whatever_its_rows_and_their_order,
        of_one_deployment_each_resource_counts,
        what_a_caller_does_each_week_is_its_habit_and_nobody_elses, what_failed_is_no_habit,
        what_comes_each_quarter_is_remembered_where_it_is_asked_for_so, a_body_is_read_by_names_and_texts_alone,
        a_log_that_was_just_begun_makes_nothing_new, NULL });
}
