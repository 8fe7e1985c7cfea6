/* What detectors/backup_weakened.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "settings/option.h"
#include "tests/unit/key_kit.h"

extern const struct detector_ops detector_backup_weakened;

#define TYPE "CosmosDBX_BackupWeakened"
#define TTL "CosmosDBX_MassDelete.Ttl"
#define EVE "eve@contoso.example"
#define WRITE "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/WRITE"
#define PATH "sqlDatabases/shop/containers/orders"

struct ctl { int64_t at; const char *op, *interval, *retention, *redundancy, *tier, *details, *id; int32_t status; };

static void control(struct ctl c)
{
    struct key_row *r = key_row_new(c.at);
    const char *op = c.op ? c.op : "AccountUpdateStart";

    r->obs.kind = OBS_CONTROL;
    r->obs.table = TABLE_CONTROL_PLANE;
    r->obs.status = c.status ? c.status : 202;
    r->obs.text[F_ACCOUNT] = SL("shop-prod");
    (void)snprintf(r->resource, sizeof r->resource, "/subscriptions/" SUBSCRIPTION
                   "/resourcegroups/rg/providers/microsoft.documentdb/databaseaccounts/shop-prod");
    r->obs.text[F_OPERATION] = slice_of(op);
    r->obs.extra = r->extra;
    r->extra[F_BACKUP_INTERVAL - F_GROUP_COUNT] = slice_of(c.interval);
    r->extra[F_BACKUP_RETENTION - F_GROUP_COUNT] = slice_of(c.retention);
    r->extra[F_BACKUP_REDUNDANCY - F_GROUP_COUNT] = slice_of(c.redundancy);
    r->extra[F_BACKUP_TIER - F_GROUP_COUNT] = slice_of(c.tier);
    r->extra[F_ACTIVITY_ID - F_GROUP_COUNT] = slice_of(c.id);
    if (c.details) {
        r->extra[F_RESOURCE_DETAILS - F_GROUP_COUNT] = slice_of(c.details);
        r->extra[F_RESOURCE_URI - F_GROUP_COUNT] = SL(PATH);
        r->extra[F_OPERATION_TYPE - F_GROUP_COUNT] = strstr(op, "Throughput") ? SL("ThroughputUpdate")
                                                     : strstr(op, "Create")   ? SL("Create") : SL("Update");
    }
}

static struct bench *judged_with(const char *yaml)
{
    struct bench *b = bench_open(&detector_backup_weakened, yaml);

    key_feed(b, 0);
    key_forget();
    return b;
}

static struct bench *judged(void)
{
    return judged_with("");
}

static void usual(int64_t at)
{
    key_usual("shop-prod", 0, 20, true);
    control((struct ctl){ .at = at, .interval = "240", .retention = "720", .redundancy = "Geo",
        .tier = "Continuous30Days" });
}

START_TEST(each_change_for_the_worse_is_medium_and_for_the_better_nothing)
{
    static const struct { struct ctl c; const char *says; } cases[] = {
        { { .interval = "1440" }, "interval from 240 min to 1440 min" }, { { .interval = "240" }, NULL },
            { { .interval = "60" }, NULL },
        { { .retention = "719" }, "retention from 720 h to 719 h" }, { { .retention = "720" }, NULL },
        { { .redundancy = "Zone" }, "redundancy from Geo to Zone" }, { { .redundancy = "Local" },
            "redundancy from Geo to Local" },
        { { .redundancy = "geo" }, NULL }, { { .redundancy = "Other" }, NULL },
        { { .tier = "Continuous7Days" }, "continuous backup from 30 days to 7 days" }, { { .tier = "Continuous30Days" },
            NULL },
        { { .retention = "8", .status = 400 }, NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct ctl c = cases[i].c;
        struct bench *b;

        usual(key_day(18, 3, 0));
        c.at = key_day(19, 3, 0);
        control(c);
        b = judged();
        ck_assert_msg(bench_alerts(b) == (cases[i].says ? 1 : 0), "case %zu", i);
        if (cases[i].says) {
            ck_assert_str_eq(alert_text(bench_only(b, TYPE), "weakened"), cases[i].says);
            ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_MEDIUM);
            ck_assert_str_eq(alert_text(bench_only(b, TYPE), "principal"), "");
        }
        bench_free(b);
    }
}
END_TEST

START_TEST(start_and_complete_are_one_and_the_next_day_it_is_no_news)
{
    struct bench *b;

    usual(key_day(17, 3, 0));
    control((struct ctl){ .at = key_day(18, 3, 0), .retention = "8", .id = "one" });
    control((struct ctl){ .at = key_day(18, 3, 4), .retention = "8", .id = "one", .op = "AccountUpdateComplete",
        .status = 200 });
    control((struct ctl){ .at = key_day(19, 12, 0), .retention = "8", .id = "two" });
    b = judged();
    ck_assert_int_eq(bench_only(b, TYPE)->count, 1);
    ck_assert_int_eq(bench_only(b, TYPE)->last_ns - bench_only(b, TYPE)->first_ns, 4 * NS_PER_MIN);
    bench_free(b);
}
END_TEST

START_TEST(who_did_it_is_named_whichever_row_comes_first)
{
    for (int minutes = -2; minutes <= 2; minutes += 4) {
        struct bench *b;

        usual(key_day(18, 3, 0));
        control((struct ctl){ .at = key_day(19, 3, 10), .retention = "8", .id = "one" });
        key_act((struct act){ .at = key_day(19, 3, 10 + minutes), .op = WRITE, .caller = EVE, .request = "one" });
        key_act((struct act){ .at = key_day(19, 3, 11), .op = WRITE, .caller = "ada@contoso.example", .request = "other" });
        b = judged();
        ck_assert_str_eq(alert_text(bench_only(b, TYPE), "principal"), EVE);
        ck_assert_uint_eq(alert_fact(bench_only(b, TYPE), "principal")->len, 1);
        ck_assert_int_eq(bench_only(b, TYPE)->count, 1);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_deletion_within_a_day_makes_it_high)
{
    static const struct { int hours; bool is_high, is_first; } cases[] = {
        { 0, true, false }, { 24, true, false }, { 25, false, false }, { -1, false, false }, { 1, true, true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        usual(key_day(17, 3, 0));
        control((struct ctl){ .at = key_day(18, 3, 10), .retention = "8", .id = "one" });
        key_act((struct act){ .at = key_day(18, 3 + cases[i].hours, 10), .caller = EVE, .uri = "sqldatabases/shop",
                              .op = "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/SQLDATABASES/DELETE" });
        b = bench_open(&detector_backup_weakened, "");
        key_feed(b, cases[i].is_first ? 4 * NS_PER_HOUR - 2 * NS_PER_MIN : 0);
        key_forget();
        ck_assert_int_eq(bench_only(b, TYPE)->severity, cases[i].is_high ? SEVERITY_HIGH : SEVERITY_MEDIUM);
        ck_assert_int_eq(bench_only(b, TYPE)->count, 1);
        bench_free(b);
    }
}
END_TEST

START_TEST(an_account_where_something_is_deleted_each_night_forgets_neither_side)
{
    for (int is_first = 0; is_first < 2; is_first++) {
        struct bench *b;

        key_usual("shop-prod", 0, 40, true);
        control((struct ctl){ .at = key_day(2, 3, 0), .interval = "240", .retention = "720", .redundancy = "Geo" });
        for (int d = 3; d < 38; d++)
            for (int k = 0; k < 3; k++) /* more than are kept */
                key_act((struct act){ .at = key_day(d, 1, k), .caller = "ci@contoso.example", .uri = "sqldatabases/tmp",
                                      .op = "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/SQLDATABASES/DELETE" });
        for (int d = 16; d < 37; d++) { /* told, and of other days */
            control((struct ctl){ .at = key_day(d, 3, 0), .interval = d % 2 ? "300" : "240", .id = "other" });
            control((struct ctl){ .at = key_day(d, 3, 0), .retention = d % 2 ? "720" : "700", .id = "other" });
        }
        control((struct ctl){ .at = key_day(38, 3, 10), .redundancy = "Local", .id = "one" });
        key_act((struct act){ .at = key_day(38, 4, 10), .caller = EVE, .uri = "sqldatabases/shop",
                              .op = "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/SQLDATABASES/DELETE" });
        b = bench_open(&detector_backup_weakened, "sensitivity: high\n"); /* to and fro is told too */
        key_feed(b, is_first ? 4 * NS_PER_HOUR - 2 * NS_PER_MIN : 0);
        key_forget();
        for (size_t i = 0; i < bench_alerts(b); i++) {
            const struct alert *a = bench_alert(b, i);

            if (a->first_ns >= key_day(38, 0, 0))
                ck_assert_int_eq(a->severity, SEVERITY_HIGH);
        }
        ck_assert_uint_gt(bench_alerts(b), 8);
        bench_free(b);
    }
}
END_TEST

START_TEST(an_account_without_history_or_a_young_one_is_nothing)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    control((struct ctl){ .at = key_day(19, 3, 0), .retention = "8" });
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
    key_usual("shop-prod", 0, 5, true);
    control((struct ctl){ .at = key_day(1, 3, 0), .retention = "720" });
    control((struct ctl){ .at = key_day(4, 3, 0), .retention = "8" });
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(what_goes_to_and_fro_is_usual_the_third_time)
{
    static const char *const yaml[] = { "", "sensitivity: high\n" };

    for (size_t i = 0; i < 2; i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 60, true);
        for (int d = 20; d < 60; d += 10) {
            control((struct ctl){ .at = key_day(d, 3, 0), .retention = "720" });
            control((struct ctl){ .at = key_day(d + 5, 3, 0), .retention = "8" });
        }
        b = judged_with(yaml[i]);
        ck_assert_uint_eq(bench_alerts(b), i ? 4 : 2);
        bench_free(b);
    }
}
END_TEST

#define DETAILS(ttl) "{id:orders,indexingPolicy:{automatic:true,includedPaths:[{path:/*,indexes:[]}]},partitionKey:{paths:" \
                     "[/pk],kind:Hash}," ttl "uniqueKeyPolicy:{uniqueKeys:[]}}"

START_TEST(a_time_to_live_that_is_set_or_cut_is_told)
{
    static const struct { const char *before, *after; int severity; } cases[] = {
        { DETAILS(""), DETAILS("defaultTtl:1,"), SEVERITY_HIGH }, { DETAILS(""), DETAILS("defaultTtl:86399,"),
            SEVERITY_HIGH },
        { DETAILS(""), DETAILS("defaultTtl:86400,"), SEVERITY_MEDIUM },
        { DETAILS("defaultTtl:-1,"), DETAILS("defaultTtl:60,"), SEVERITY_HIGH },
        { DETAILS("defaultTtl:1000,"), DETAILS("defaultTtl:999,"), SEVERITY_HIGH },
        { DETAILS("defaultTtl:1000,"), DETAILS("defaultTtl:1000,"), -1 }, { DETAILS("defaultTtl:1000,"),
            DETAILS("defaultTtl:2000,"), -1 },
        { DETAILS("defaultTtl:1000,"), DETAILS("defaultTtl:-1,"), -1 }, { DETAILS("defaultTtl:1000,"), DETAILS(""), -1 },
        { DETAILS(""), "{id:orders,x:{defaultTtl:1}}", -1 }, { DETAILS(""), "{id:a,xdefaultTtl:1}", -1 },
        { DETAILS(""), "{defaultTtl:5}", SEVERITY_HIGH }, { DETAILS(""), "{id:a,defaultTtl:5", -1 },
        { NULL, DETAILS("defaultTtl:59,"), SEVERITY_MEDIUM }, { NULL, DETAILS("defaultTtl:60,"), -1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        if (cases[i].before)
            control((struct ctl){ .at = key_day(18, 3, 0), .op = "SqlContainersUpdate", .details = cases[i].before });
        b = judged();
        bench_forget_alerts(b);
        control((struct ctl){ .at = key_day(19, 3, 0), .op = "SqlContainersUpdate", .details = cases[i].after });
        key_feed(b, 0);
        key_forget();
        ck_assert_msg(bench_alerts(b) == (cases[i].severity >= 0 ? 1 : 0), "case %zu", i);
        if (cases[i].severity >= 0) {
            ck_assert_int_eq((int)bench_only(b, TTL)->severity, cases[i].severity);
            ck_assert_str_eq(bench_only(b, TTL)->subject, "sqldatabases/shop/containers/orders");
        }
        bench_free(b);
    }
}
END_TEST

START_TEST(a_container_that_was_just_made_may_be_changed)
{
    for (int day = 18; day >= 4; day -= 14) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        control((struct ctl){ .at = key_day(day, 3, 0), .op = "SqlContainersCreate", .details = DETAILS("") });
        control((struct ctl){ .at = key_day(19, 3, 0), .op = "SqlContainersUpdate", .details = DETAILS("defaultTtl:600,") });
        control((struct ctl){ .at = key_day(19, 3, 0), .op = "SqlContainersThroughputUpdate", .details = "{defaultTtl:1}" });
        b = judged();
        ck_assert_uint_eq(bench_alerts(b), day == 4);
        bench_free(b);
    }
}
END_TEST

START_TEST(sensitivity_leaves_out_what_costs_less)
{
    struct bench *b;

    usual(key_day(18, 3, 0));
    control((struct ctl){ .at = key_day(19, 3, 0), .interval = "1440" });
    control((struct ctl){ .at = key_day(19, 3, 0), .op = "SqlContainersUpdate", .details = DETAILS("defaultTtl:600,") });
    b = judged_with("sensitivity: low\n");
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

static void an_attack(unsigned seed)
{
    key_seed = seed;
    usual(key_day(17, 3, 0));
    control((struct ctl){ .at = key_day(17, 5, 0), .op = "SqlContainersUpdate", .details = DETAILS("") });
    control((struct ctl){ .at = key_day(18, 22, 0), .retention = "8", .redundancy = "Local", .id = "one" });
    control((struct ctl){ .at = key_day(18, 22, 0), .retention = "9", .id = "two" });
    control((struct ctl){ .at = key_day(18, 23, (int)key_dice(59)), .op = "SqlContainersUpdate", .id = "three",
                          .details = DETAILS("defaultTtl:1,") });
    key_act((struct act){ .at = key_day(18, 22, 1), .op = WRITE, .caller = EVE, .request = "one" });
    key_act((struct act){ .at = key_day(18, 23, 1),
        .op = "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/SQLDATABASES/CONTAINERS/WRITE",
                          .caller = EVE, .request = "three", .status = "Accept" });
    control((struct ctl){ .at = key_day(19, 12, 0), .retention = "8", .redundancy = "Local", .id = "four" });
    key_act((struct act){ .at = key_day(18, 22, (int)key_dice(59)), .caller = EVE, .uri = "sqldatabases/shop",
                          .op = "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/SQLDATABASES/DELETE" });
}

START_TEST(the_order_of_rows_does_not_matter)
{
    key_same_in_any_order(&detector_backup_weakened, "", an_attack);
}
END_TEST

int main(void)
{
    return key_run("detector_backup_weakened", (const TTest *const[]){
        each_change_for_the_worse_is_medium_and_for_the_better_nothing,
            start_and_complete_are_one_and_the_next_day_it_is_no_news,
        who_did_it_is_named_whichever_row_comes_first, a_deletion_within_a_day_makes_it_high,
        an_account_where_something_is_deleted_each_night_forgets_neither_side,
        an_account_without_history_or_a_young_one_is_nothing,
        what_goes_to_and_fro_is_usual_the_third_time, a_time_to_live_that_is_set_or_cut_is_told,
        a_container_that_was_just_made_may_be_changed, sensitivity_leaves_out_what_costs_less,
            the_order_of_rows_does_not_matter,
        NULL });
}
