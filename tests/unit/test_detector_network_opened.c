/* The network around an account was opened (detectors/network_opened.c): limits from both sides, any order, restarts.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/timeutil.h"
#include "detectors/kit/network_state.h"
#include "settings/option.h"
#include "tests/unit/key_kit.h"

extern const struct detector_ops detector_network_opened;

#define TYPE "CosmosDBX_NetworkOpened"
#define CORS "CosmosDBX_CorsOpened"
#define CLUSTER "CosmosDBX_ClusterFirewall"
#define WRITE "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/WRITE"
#define RULE "MICROSOFT.DOCUMENTDB/MONGOCLUSTERS/FIREWALLRULES/WRITE"
#define CLOSED "198.51.100.7,203.0.113.0/24"
#define EVE "eve@contoso.example"

struct state { /* a row of the control plane; what is NULL has a preset: a list of addresses, no filter, no endpoint */
    int64_t at;
    const char *list, *vnet, *private_on, *cors, *id, *op;
    int32_t status;
};

static void key_state(struct state s)
{
    struct key_row *r = key_row_new(s.at);

    r->obs.kind = OBS_CONTROL;
    r->obs.table = TABLE_CONTROL_PLANE;
    r->obs.status = s.status ? s.status : 200;
    r->obs.text[F_ACCOUNT] = SL("shop-prod");
    r->obs.text[F_OPERATION] = slice_of(s.op ? s.op : "AccountUpdateComplete");
    (void)snprintf(r->resource, sizeof r->resource,
                   "/subscriptions/" SUBSCRIPTION "/resourcegroups/rg/providers/microsoft.documentdb/databaseaccounts/shop-prod");
    r->extra[F_ACTIVITY_ID - F_GROUP_COUNT] = slice_of(s.id);
    r->extra[F_IP_RANGE_FILTER - F_GROUP_COUNT] = slice_of(s.list ? s.list : CLOSED);
    r->extra[F_VNET_FILTER - F_GROUP_COUNT] = slice_of(s.vnet ? s.vnet : "false");
    r->extra[F_PRIVATE_ENDPOINT_ON - F_GROUP_COUNT] = slice_of(s.private_on ? s.private_on : "false");
    r->extra[F_CORS - F_GROUP_COUNT] = slice_of(s.cors);
}

static struct bench *fresh(void)
{
    key_forget();
    return bench_open(&detector_network_opened, NULL);
}

/* Four weeks; the state is repeated each Monday by a deployment. */
static void life(void)
{
    key_usual("shop-prod", 0, 28, true);
    for (int d = 1; d < 28; d += 7)
        key_state((struct state){ .at = key_day(d, 6, 0), .id = "weekly" });
}

static size_t told(struct bench *b, const char *type)
{
    size_t n = 0;

    for (size_t i = 0; i < bench_alerts(b); i++)
        n += strcmp(bench_alert(b, i)->type->id, type) == 0;
    return n;
}

/* What the change from one state to the other says. */
static const char *variant_of(struct state from, struct state to, const char *type)
{
    static char variant[64];
    struct bench *b = fresh();

    key_usual("shop-prod", 0, 28, true);
    from.at = key_day(5, 9, 0);
    to.at = key_day(27, 15, 0);
    key_state(from);
    key_state(to);
    key_feed(b, 0);
    (void)snprintf(variant, sizeof variant, "%s", !told(b, type) ? "none" : bench_only(b, type)->variant);
    bench_free(b);
    return variant;
}

START_TEST(what_is_opened_is_told_and_what_is_closed_is_not)
{
    static const struct { struct state from, to; const char *variant; } changes[] = {
        { { .list = CLOSED }, { .list = "" }, ".All" },
        { { .list = CLOSED }, { .list = "[]" }, ".All" },
        { { .list = CLOSED }, { .list = "", .vnet = "true" }, "none" },
        { { .list = "" }, { .list = CLOSED }, "none" },
        { { .list = "" }, { .list = "" }, "none" },
        { { .list = "" }, { .list = "0.0.0.0,10.0.0.0/8" }, "none" },
        { { .list = CLOSED }, { .list = "not a list" }, "none" },
        { { .list = CLOSED }, { .list = CLOSED ",0.0.0.0" }, ".WholeAzure" },
        { { .list = CLOSED }, { .list = "[{\"ipAddressOrRange\":\"0.0.0.0\"}]" }, ".WholeAzure" },
        { { .list = CLOSED ",0.0.0.0" }, { .list = "0.0.0.0" }, "none" },
        { { .list = CLOSED }, { .list = CLOSED ",0.0.0.0/0" }, ".All" },
        { { .list = CLOSED }, { .list = CLOSED ",0.0.0.0/1" }, ".All" },
        { { .list = CLOSED }, { .list = CLOSED ",0.0.0.0/2" }, ".WideRange" },
        { { .list = CLOSED }, { .list = CLOSED ",10.0.0.0/15" }, ".WideRange" },
        { { .list = CLOSED }, { .list = CLOSED ",10.0.0.0/16" }, "none" },
        { { .list = CLOSED ",10.0.0.0/8" }, { .list = CLOSED ",10.2.0.0/15" }, "none" },
        { { .list = CLOSED ",10.0.0.0/15" }, { .list = CLOSED ",10.0.0.0/14" }, ".WideRange" },
        { { .list = CLOSED ",10.0.0.0/15" }, { .list = CLOSED ",192.0.2.9,10.0.0.0/15" }, "none" },
        { { .list = CLOSED }, { .list = CLOSED ",192.0.2.77" }, "none" },
        { { .list = CLOSED }, { .list = CLOSED ",4.210.172.107,13.88.56.148,13.91.105.215,40.91.218.243" }, "none" },
        { { .list = CLOSED, .vnet = "true" }, { .list = CLOSED }, ".VnetRemoved" },
        { { .list = CLOSED, .vnet = "True" }, { .list = "" }, ".All" },
        { { .list = "", .vnet = "true" }, { .list = "", .vnet = "false" }, ".All" },
        { { .list = CLOSED }, { .list = CLOSED, .vnet = "true" }, "none" },
        { { .private_on = "true" }, { .private_on = "false" }, ".PrivateEndpointRemoved" },
        { { .private_on = "false" }, { .private_on = "true" }, "none" },
        { { .private_on = "true" }, { .private_on = "" }, "none" },
        { { .list = CLOSED }, { .list = "", .status = 403 }, "none" },
        { { .list = CLOSED }, { .list = "", .status = 399 }, ".All" },
        { { .list = CLOSED }, { .list = "", .op = "SqlContainersDelete" }, "none" },
        { { .list = CLOSED }, { .list = "", .vnet = "" }, "none" },
        { { .list = CLOSED }, { .list = "", .op = "AccountCreateComplete" }, "none" },
        { { .list = CLOSED }, { .list = "", .op = "VirtualNetworkDeleteComplete" }, "none" },
        { { .list = CLOSED, .vnet = "true" }, { .list = "", .op = "VirtualNetworkDeleteComplete" }, ".VnetRemoved" },
        { { .list = CLOSED }, { .list = "", .op = "AccountUpdateStart", .status = 202 }, ".All" },
    };

    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        const char *variant = variant_of(changes[i].from, changes[i].to, TYPE);

        ck_assert_msg(strcmp(variant, changes[i].variant) == 0, "%zu: %s, not %s", i, variant, changes[i].variant);
    }
}
END_TEST

START_TEST(an_origin_is_told_once_it_is_new)
{
    static const struct { const char *from, *to; int severity; } changes[] = {
        { "", "[{\"allowedOrigins\":\"*\",\"allowedHeaders\":\"*\"}]", SEVERITY_MEDIUM },
        { "", "{allowedOrigins:*}", SEVERITY_MEDIUM },
        { "", "*", SEVERITY_MEDIUM },
        { "", "[{\"allowedOrigins\":\"https://shop.example\",\"allowedHeaders\":\"*\",\"allowedMethods\":[\"*\"]}]", SEVERITY_LOW },
        { "", "{allowedMethods:*,allowedOrigins:https://shop.example,exposedHeaders:*}", SEVERITY_LOW },
        { "https://shop.example", "https://shop.example,https://evil.example", SEVERITY_LOW },
        { "https://shop.example,https://a.example", "https://a.example", -1 },
        { "*", "https://shop.example", -1 },
        { "*", "*", -1 },
        { "", "[{\"allowedHeaders\":\"*\"}]", -1 },
        { "", "", -1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct bench *b = fresh();

        key_usual("shop-prod", 0, 28, true);
        key_state((struct state){ .at = key_day(5, 9, 0), .cors = changes[i].from });
        key_state((struct state){ .at = key_day(27, 9, 0), .cors = changes[i].to });
        key_feed(b, 0);
        ck_assert_msg((told(b, CORS) == 1) == (changes[i].severity >= 0), "%zu", i);
        ck_assert_uint_eq(told(b, TYPE), 0);
        if (changes[i].severity >= 0)
            ck_assert_msg((int)bench_only(b, CORS)->severity == changes[i].severity, "%zu", i);
        bench_free(b);
    }
}
END_TEST

/* Opened at three in the afternoon by somebody, in two rows, and written again by the pipeline at six. */
static void opened(unsigned seed UNUSED)
{
    life();
    key_state((struct state){ .at = key_day(27, 15, 0), .list = "", .id = "REQUEST-1", .op = "AccountUpdateStart", .status = 202 });
    key_state((struct state){ .at = key_day(27, 15, 3), .list = "", .id = "request-1" });
    key_act((struct act){ .at = key_day(27, 15, 4), .op = WRITE, .caller = EVE, .request = "Request-1", .address = "198.51.100.9" });
    key_state((struct state){ .at = key_day(27, 18, 0), .list = "", .id = "request-2" });
    key_act((struct act){ .at = key_day(27, 18, 1), .op = WRITE, .caller = "ops@contoso.example", .app = PORTAL,
                          .request = "request-2", .address = "192.0.2.90" });
}

START_TEST(who_opened_it_is_who_wrote_first)
{
    struct bench *b = fresh();
    const struct alert *a;

    opened(1);
    key_feed(b, 0);
    ck_assert_uint_eq(bench_alerts(b), 1);
    a = bench_only(b, TYPE);
    ck_assert_str_eq(a->variant, ".All");
    ck_assert_int_eq(a->severity, SEVERITY_HIGH);
    ck_assert_int_eq(a->count, 2); /* operations, not rows */
    ck_assert_int_eq(a->first_ns, key_day(27, 15, 0));
    ck_assert_str_eq(alert_text(a, "writtenBy"), "2026-03-28T15:04:00Z " EVE " from 198.51.100.9 with Azure PowerShell");
    ck_assert_ptr_null(alert_fact(a, "putBackAt"));
    bench_free(b);
    key_same_in_any_order(&detector_network_opened, NULL, opened);
}
END_TEST

static void across_midnight(unsigned seed UNUSED)
{
    life();
    key_state((struct state){ .at = key_day(26, 22, 30), .list = "", .id = "r1" });
    key_act((struct act){ .at = key_day(26, 22, 31), .op = WRITE, .caller = EVE, .request = "r1" });
    key_state((struct state){ .at = key_day(27, 1, 0), .list = "", .id = "r2" });
    key_act((struct act){ .at = key_day(27, 1, 1), .op = WRITE, .caller = "ops@contoso.example", .app = PORTAL, .request = "r2" });
}

START_TEST(who_writes_it_again_after_midnight_is_not_the_first)
{
    struct bench *b = fresh();

    across_midnight(1);
    key_feed(b, 0);
    ck_assert_uint_eq(bench_alerts(b), 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_ptr_nonnull(strstr(alert_text(bench_alert(b, i), "writtenBy"), "T22:31:00Z " EVE));
        ck_assert_int_eq(bench_alert(b, i)->severity, SEVERITY_HIGH);
    }
    bench_free(b);
    key_same_in_any_order(&detector_network_opened, NULL, across_midnight);
}
END_TEST

START_TEST(a_caller_who_writes_accounts_is_no_sign_of_its_own)
{
    struct bench *b = fresh();

    life();
    key_state((struct state){ .at = key_day(27, 15, 0), .list = "", .id = "r" });
    key_act((struct act){ .at = key_day(27, 15, 4), .op = WRITE, .caller = "ops@contoso.example", .app = PORTAL, .request = "r" });
    key_feed(b, 0);
    ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_MEDIUM);
    ck_assert_str_eq(alert_text(bench_only(b, TYPE), "principal"), "ops@contoso.example");
    bench_free(b);
}
END_TEST

static void after_a_day_of_deployments(unsigned seed UNUSED)
{
    static char request[30][16];

    life();
    for (int i = 0; i < (int)ARRAY_LEN(request); i++) { /* more writers than are kept */
        (void)snprintf(request[i], sizeof request[i], "deploy%d", i);
        key_act((struct act){ .at = key_day(27, 10, i), .op = WRITE, .caller = "ops@contoso.example", .request = request[i] });
    }
    key_state((struct state){ .at = key_day(27, 11, 0), .list = "", .id = "r" });
    key_act((struct act){ .at = key_day(27, 11, 1), .op = WRITE, .caller = EVE, .request = "r" });
}

START_TEST(who_is_new_is_named_after_any_number_of_deployments)
{
    struct bench *b = fresh();

    after_a_day_of_deployments(1);
    key_feed(b, 0);
    ck_assert_int_eq(bench_only(b, TYPE)->severity, SEVERITY_HIGH);
    ck_assert_str_eq(alert_text(bench_only(b, TYPE), "principal"), EVE);
    bench_free(b);
    key_same_in_any_order(&detector_network_opened, NULL, after_a_day_of_deployments);
}
END_TEST

START_TEST(without_the_id_those_of_the_same_minutes_are_named)
{
    for (int minutes = 15; minutes <= 16; minutes++) {
        struct bench *b = fresh();

        life();
        key_state((struct state){ .at = key_day(27, 15, 0), .list = "" });
        key_act((struct act){ .at = key_day(27, 15, minutes), .op = WRITE, .caller = EVE, .request = "another" });
        key_feed(b, 0);
        ck_assert_ptr_null(alert_fact(bench_only(b, TYPE), "principal"));
        ck_assert((alert_fact(bench_only(b, TYPE), "writtenNearby") != NULL) == (minutes == 15));
        ck_assert_int_eq(bench_only(b, TYPE)->severity, minutes == 15 ? SEVERITY_HIGH : SEVERITY_MEDIUM);
        bench_free(b);
    }
}
END_TEST

static void opened_and_shut(unsigned seed UNUSED)
{
    life();
    key_state((struct state){ .at = key_day(27, 9, 0), .id = "before" });
    key_state((struct state){ .at = key_day(27, 10, 0), .list = CLOSED ",0.0.0.0", .id = "open" });
    key_state((struct state){ .at = key_day(27, 10, 4), .id = "shut" });
    key_state((struct state){ .at = key_day(27, 11, 0), .id = "later" });
}

START_TEST(what_was_taken_back_is_said_with_its_time)
{
    struct bench *b = fresh();
    const struct alert *a;

    opened_and_shut(1);
    key_feed(b, 0);
    a = bench_only(b, TYPE);
    ck_assert_str_eq(a->variant, ".WholeAzure");
    ck_assert_int_eq(alert_number(a, "putBackAt", 0), key_day(27, 10, 4));
    ck_assert_int_eq(a->last_ns, key_day(27, 10, 0));
    bench_free(b);
    key_same_in_any_order(&detector_network_opened, NULL, opened_and_shut);
}
END_TEST

/* Open for ever, shut for an hour. */
static void shut_and_opened(unsigned seed UNUSED)
{
    key_usual("shop-prod", 0, 28, true);
    key_state((struct state){ .at = key_day(5, 9, 0), .list = "", .id = "ever" });
    key_state((struct state){ .at = key_day(27, 11, 50), .id = "shut" });
    key_state((struct state){ .at = key_day(27, 12, 50), .list = "", .id = "open" });
}

START_TEST(what_was_shut_a_while_ago_is_opened_again)
{
    struct bench *b = fresh();

    shut_and_opened(1);
    key_feed(b, 0);
    ck_assert_int_eq(bench_only(b, TYPE)->first_ns, key_day(27, 12, 50));
    bench_free(b);
    key_same_in_any_order(&detector_network_opened, NULL, shut_and_opened);
}
END_TEST

static void accepted_and_failed(unsigned seed UNUSED)
{
    life();
    key_state((struct state){ .at = key_day(27, 10, 0), .list = "", .id = "x", .op = "AccountUpdateStart", .status = 202 });
    key_state((struct state){ .at = key_day(27, 10, 4), .list = "", .id = "x", .status = 500 });
}

START_TEST(a_change_that_failed_is_said_to_have_failed)
{
    struct bench *b = fresh();

    accepted_and_failed(1);
    key_feed(b, 0);
    ck_assert_ptr_nonnull(strstr(alert_text(bench_only(b, TYPE), "reason"), "all networks"));
    ck_assert_uint_eq(alert_fact(bench_only(b, TYPE), "reason")->len, 2);
    bench_free(b);
    key_same_in_any_order(&detector_network_opened, NULL, accepted_and_failed);
}
END_TEST

/* A job opens the account each night and shuts it again. */
static struct bench *nights(int n, const char *yaml)
{
    struct bench *b;

    key_forget();
    b = bench_open(&detector_network_opened, yaml);
    life();
    for (int d = 27 - n; d <= 27; d++) {
        key_state((struct state){ .at = key_day(d, 2, 0), .list = CLOSED ",0.0.0.0", .id = "open" });
        key_state((struct state){ .at = key_day(d, 2, 30), .id = "shut" });
    }
    bench_set_backfill(b, true);
    for (size_t i = 0; i < key_rows_len; i++)
        key_rows[i].visible = 0;
    key_feed(b, 0);
    bench_free(b);
    b = bench_open(&detector_network_opened, yaml);
    key_feed(b, 0);
    return b;
}

static bool is_last_night_told(int before, const char *yaml)
{
    struct bench *b = nights(before, yaml);
    bool is_told = false;

    for (size_t i = 0; i < bench_alerts(b); i++)
        is_told = is_told || bench_alert(b, i)->first_ns >= key_day(27, 0, 0);
    bench_free(b);
    return is_told;
}

START_TEST(what_happens_each_night_is_no_news)
{
    ck_assert(is_last_night_told(2, NULL));
    ck_assert(!is_last_night_told(3, NULL));
    ck_assert(is_last_night_told(0, "sensitivity: low"));
    ck_assert(!is_last_night_told(1, "sensitivity: low"));
    ck_assert(is_last_night_told(9, "sensitivity: high"));
    ck_assert(!is_last_night_told(10, "sensitivity: high"));
}
END_TEST

START_TEST(the_first_state_and_a_backfill_tell_nothing)
{
    struct bench *b = fresh();

    key_usual("shop-prod", 0, 28, true);
    key_state((struct state){ .at = key_day(27, 15, 0), .list = "" });
    key_feed(b, 0);
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
    b = fresh();
    opened(1);
    bench_set_backfill(b, true);
    key_feed(b, 0);
    ck_assert_uint_eq(bench_drafts(b), 0);
    bench_set_backfill(b, false);
    key_forget();
    key_state((struct state){ .at = key_day(27, 19, 0), .list = "", .id = "request-3" }); /* the same, seen live */
    key_feed(b, 0);
    ck_assert_int_eq(bench_only(b, TYPE)->first_ns, key_day(27, 19, 0));
    bench_free(b);
}
END_TEST

START_TEST(a_young_account_is_still_being_set_up)
{
    for (int days = 13; days <= 16; days += 3) {
        struct bench *b = fresh();

        key_usual("shop-prod", 0, days + 1, true);
        key_state((struct state){ .at = key_day(0, 6, 0) });
        key_state((struct state){ .at = key_day(days, 15, 0), .list = "" });
        key_feed(b, 0);
        ck_assert_uint_eq(told(b, TYPE), days == 16);
        bench_free(b);
    }
}
END_TEST

START_TEST(an_account_made_anew_has_no_state_before)
{
    struct bench *b = fresh();

    life();
    key_state((struct state){ .at = key_day(27, 15, 0), .list = "", .op = "AccountCreateComplete", .id = "new" });
    key_state((struct state){ .at = key_day(27, 15, 20), .list = "", .id = "set" });
    key_feed(b, 0);
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(many_writes_do_not_hide_one)
{
    struct bench *b = fresh();

    life();
    for (int i = 0; i < 60; i++)
        key_state((struct state){ .at = key_day(27, 12, i), .id = "again" });
    key_state((struct state){ .at = key_day(27, 13, 5), .list = "", .id = "it" });
    for (int i = 6; i < 60; i++)
        key_state((struct state){ .at = key_day(27, 13, i), .list = "192.0.2.1", .id = "more" });
    key_feed(b, 0);
    ck_assert_int_eq(bench_only(b, TYPE)->first_ns, key_day(27, 13, 5));
    ck_assert_int_eq(alert_number(bench_only(b, TYPE), "putBackAt", 0), key_day(27, 13, 6));
    bench_free(b);
}
END_TEST

/* ---- clusters ------------------------------------------------------------------------------------------------------ */

static void rule(int day, const char *caller, const char *first, const char *last)
{
    static char bodies[64][200];
    static size_t n;
    char *body = bodies[n++ % 64];

    (void)snprintf(body, sizeof bodies[0], "{\"requestbody\":\"{\\\"properties\\\":{\\\"startIpAddress\\\":\\\"%s\\\","
                   "\\\"endIpAddress\\\":\\\"%s\\\"}}\"}", first ? first : "", last ? last : "");
    key_act((struct act){ .at = key_day(day, 15, 0), .op = RULE, .caller = caller, .properties = first ? body : NULL });
}

START_TEST(a_rule_of_a_cluster_is_told_by_its_width)
{
    static const struct { const char *first, *last; int severity; } rules[] = {
        { "0.0.0.0", "255.255.255.255", SEVERITY_HIGH }, { "0.0.0.0", "127.255.255.255", SEVERITY_HIGH },
        { "0.0.0.0", "127.255.255.254", SEVERITY_MEDIUM }, { "0.0.0.0", "0.0.0.0", SEVERITY_MEDIUM },
        { "10.0.0.0", "10.1.0.0", SEVERITY_MEDIUM }, { "10.0.0.0", "10.0.255.255", -1 },
        { "198.51.100.7", "198.51.100.7", -1 }, { NULL, NULL, SEVERITY_LOW }, { "10.0.0.9", "10.0.0.1", SEVERITY_LOW },
    };

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct bench *b = fresh();

        key_usual("shop-prod", 0, 28, true);
        rule(27, EVE, rules[i].first, rules[i].last);
        key_feed(b, 0);
        ck_assert_msg((told(b, CLUSTER) == 1) == (rules[i].severity >= 0), "%zu", i);
        if (rules[i].severity >= 0)
            ck_assert_msg((int)bench_only(b, CLUSTER)->severity == rules[i].severity, "%zu", i);
        bench_free(b);
    }
}
END_TEST

START_TEST(who_writes_such_rules_by_habit_is_no_news)
{
    static const struct { const char *first, *last; } rules[] = { { "0.0.0.0", "255.255.255.255" }, { NULL, NULL } };

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        struct bench *b = fresh();

        key_usual("shop-prod", 0, 28, true);
        rule(10, TERRAFORM, rules[i].first, rules[i].last); /* young */
        rule(27, TERRAFORM, rules[i].first, rules[i].last);
        key_feed(b, 0);
        ck_assert_uint_eq(bench_alerts(b), 0);
        rule(27, EVE, rules[i].first, rules[i].last);
        key_rows[0] = key_rows[key_rows_len - 1];
        key_rows_len = 1;
        key_feed(b, 0);
        ck_assert_str_eq(bench_only(b, CLUSTER)->subject, EVE);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_known_administrator_is_no_stranger_where_rules_are_written)
{
    for (int i = 0; i < 4; i++) {
        struct bench *b = fresh();

        key_usual("shop-prod", 0, 28, true);
        if (i & 1)
            rule(10, TERRAFORM, NULL, NULL); /* young: not told */
        rule(27, i & 2 ? "ops@contoso.example" : EVE, NULL, NULL);
        key_feed(b, 0);
        ck_assert_msg((told(b, CLUSTER) == 1) == (i != 3), "%d", i);
        bench_free(b);
    }
}
END_TEST

static void rules_of_a_day(unsigned seed UNUSED)
{
    key_usual("shop-prod", 0, 28, true);
    rule(26, EVE, "0.0.0.0", "255.255.255.255");
    key_act((struct act){ .at = key_day(26, 15, 1), .op = RULE, .caller = EVE, .status = "Accept", .correlation = "c",
                          .properties = "{\"startIpAddress\":\"0.0.0.0\",\"endIpAddress\":\"0.0.0.0\"}" });
    key_act((struct act){ .at = key_day(26, 15, 2), .op = RULE, .caller = EVE, .status = "Success", .correlation = "c",
                          .properties = "{\"startIpAddress\":\"0.0.0.0\",\"endIpAddress\":\"0.0.0.0\"}" });
    key_act((struct act){ .at = key_day(26, 15, 3), .op = RULE, .caller = EVE, .status = "Failure",
                          .properties = "{\"startIpAddress\":\"0.0.0.0\",\"endIpAddress\":\"0.0.0.0\"}" });
}

START_TEST(rules_are_told_in_any_order)
{
    struct bench *b = fresh();

    rules_of_a_day(1);
    key_feed(b, 0);
    ck_assert_int_eq(bench_only(b, CLUSTER)->count, 2);
    bench_free(b);
    key_same_in_any_order(&detector_network_opened, NULL, rules_of_a_day);
}
END_TEST

/* Changes in a row by several hands, by the seed. */
static void busy(unsigned seed)
{
    static const char *const lists[] = { CLOSED, "", CLOSED ",0.0.0.0", CLOSED ",10.0.0.0/8", CLOSED ",20.0.0.0/6" };
    static const char *const ids[] = { "id-0", "id-1", "id-2", "id-3", "id-4", "id-5", "id-6", "id-7" };

    life();
    for (unsigned i = 0; i < 8; i++) {
        unsigned pick = (seed * 7 + i * 3) % ARRAY_LEN(lists);

        key_state((struct state){ .at = key_day(26, 19 + (int)(seed + i) % 5, (int)i * 7), .list = lists[pick], .id = ids[i],
                                  .cors = i % 3 ? "" : "https://x.example", .private_on = i % 2 ? "true" : "false" });
        key_act((struct act){ .at = key_day(26, 19 + (int)(seed + i) % 5, (int)i * 7 + 1), .op = WRITE, .request = ids[i],
                              .caller = i % 2 ? EVE : "ops@contoso.example" });
    }
    key_state((struct state){ .at = key_day(27, 1, 0), .list = "", .id = "next" }); /* another day */
}

START_TEST(the_same_alerts_whatever_came_first)
{
    key_same_in_any_order(&detector_network_opened, NULL, busy);
}
END_TEST

int main(void)
{
    return key_run("detector_network_opened", (const TTest *const[]){
        what_is_opened_is_told_and_what_is_closed_is_not, an_origin_is_told_once_it_is_new, who_opened_it_is_who_wrote_first,
        who_writes_it_again_after_midnight_is_not_the_first,
        a_caller_who_writes_accounts_is_no_sign_of_its_own, who_is_new_is_named_after_any_number_of_deployments,
        without_the_id_those_of_the_same_minutes_are_named,
        what_was_taken_back_is_said_with_its_time, what_was_shut_a_while_ago_is_opened_again, a_change_that_failed_is_said_to_have_failed,
        what_happens_each_night_is_no_news, the_first_state_and_a_backfill_tell_nothing,
        a_young_account_is_still_being_set_up, an_account_made_anew_has_no_state_before, many_writes_do_not_hide_one,
        a_rule_of_a_cluster_is_told_by_its_width, who_writes_such_rules_by_habit_is_no_news,
        a_known_administrator_is_no_stranger_where_rules_are_written, rules_are_told_in_any_order,
        the_same_alerts_whatever_came_first, NULL });
}
