/* What detectors/bad_address.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/bench.h"
#include "tests/kit/suite.h"

#include "enrich/networks.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

extern const struct detector_ops detector_bad_address;

#define TOR "CosmosDB_TorAnomaly"
#define THREAT "CosmosDB_SuspiciousIp"
#define EXIT "203.0.113.66"

static struct observation request_at(const char *time, const char *address)
{
    struct observation o = { .minute_ns = bench_time(time), .bytes_out = 1000, .ru_milli = 2830 };

    o.text[F_ADDRESS] = slice_of(address);
    o.text[F_OPERATION] = SL("Query");
    o.text[F_KEY_KIND] = SL("PrimaryReadonlyMasterKey");
    o.text[F_DATABASE] = SL("shop");
    o.text[F_CONTAINER] = SL("orders");
    o.text[F_USER_AGENT] = SL("python-requests/2.31.0");
    o.sample = SL("0a0a0a0a-0000-4000-8000-000000000001");
    return o;
}

static struct bench *open_with_tor(void)
{
    struct bench *b = bench_open(&detector_bad_address, "");

    bench_add_feed(b, "tor", FEED_TOR, 90, EXIT "\n2001:db8::66\n");
    return b;
}

START_TEST(one_success_from_a_tor_exit_is_a_high_alert_when_the_address_is_new)
{
    struct bench *b = open_with_tor();
    struct observation o = request_at("2026-03-01T10:00", EXIT);
    const struct alert *a;

    bench_feed(b, &o);
    a = bench_only(b, TOR);
    ck_assert_int_eq(a->severity, SEVERITY_HIGH);
    ck_assert_str_eq(a->variant, ".FirstSeen");
    ck_assert_str_eq(a->subject, EXIT);
    ck_assert_int_eq(a->confidence, 90);
    ck_assert_int_eq(a->bucket_ns, bench_time("2026-03-01"));
    ck_assert_str_eq(alert_text(a, "feed"), "tor");
    ck_assert_str_eq(alert_text(a, "keyKind"), "PrimaryReadonlyMasterKey");
    ck_assert_str_eq(alert_text(a, "container"), "orders");
    ck_assert_int_eq(alert_number(a, "bytesOut", 0), 1000);
    ck_assert_int_eq(alert_number(a, "ruMilli", 0), 2830);
    ck_assert_int_eq(alert_number(a, "requests", 0), 1);
    ck_assert_uint_gt(strlen(alert_text(a, "firstTouch")), 0);
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

START_TEST(an_address_that_closed_slots_know_is_medium_unless_it_writes_or_may_write)
{
    static const struct {
        const char *name, *key, *operation, *variant;
        enum severity severity;
    } cases[] = {
        { .name = "read-only key reads", .key = "PrimaryReadOnlyMasterKey", .operation = "Query",
          .variant = ".Repeated", .severity = SEVERITY_MEDIUM },
        { .name = "principal reads", .key = "AadToken", .operation = "ReadFeed", .variant = ".Repeated",
          .severity = SEVERITY_MEDIUM },
        { .name = "principal writes", .key = "AadToken", .operation = "Upsert", .variant = ".Write",
          .severity = SEVERITY_HIGH },
        { .name = "read-write key reads", .key = "SecondaryMasterKey", .operation = "Read",
          .variant = ".Repeated", .severity = SEVERITY_HIGH },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench_open(&detector_bad_address, "");
        struct observation before = request_at("2026-03-01T10:00", EXIT);
        struct observation o = request_at("2026-03-02T10:00", EXIT);

        bench_feed(b, &before); /* not listed yet: only remembered */
        ck_assert_uint_eq(bench_alerts(b), 0);
        bench_add_feed(b, "tor", FEED_TOR, 90, EXIT);
        o.text[F_KEY_KIND] = slice_of(cases[i].key);
        o.text[F_OPERATION] = slice_of(cases[i].operation);
        bench_feed(b, &o);
        ck_assert_msg(bench_only(b, TOR)->severity == cases[i].severity, "%s", cases[i].name);
        ck_assert_msg(strcmp(bench_only(b, TOR)->variant, cases[i].variant) == 0, "%s: %s", cases[i].name,
                      bench_only(b, TOR)->variant);
        ck_assert_str_eq(alert_text(bench_only(b, TOR), "firstTouch"), "");
        bench_free(b);
    }
}
END_TEST

START_TEST(what_is_no_access_or_no_customer_stays_silent)
{
    static const struct {
        const char *name, *address, *key;
        int32_t status;
    } cases[] = {
        { .name = "refused 401", .address = EXIT, .key = "PrimaryMasterKey", .status = 401 },
        { .name = "refused 403", .address = EXIT, .key = "PrimaryMasterKey", .status = 403 },
        { .name = "throttled", .address = EXIT, .key = "PrimaryMasterKey", .status = 429 },
        { .name = "status absent", .address = EXIT, .key = "PrimaryMasterKey", .status = -1 },
        { .name = "the service itself", .address = EXIT, .key = "SystemReadWrite", .status = 200 },
        { .name = "neighbour address", .address = "203.0.113.67", .key = "PrimaryMasterKey", .status = 200 },
        { .name = "no address", .address = "", .key = "PrimaryMasterKey", .status = 200 },
        { .name = "not an address", .address = "203.0.113.66x", .key = "", .status = 200 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = open_with_tor();
        struct observation o = request_at("2026-03-01T10:00", cases[i].address);

        o.status = cases[i].status;
        o.text[F_KEY_KIND] = slice_of(cases[i].key);
        bench_feed(b, &o);
        ck_assert_msg(bench_alerts(b) == 0, "%s", cases[i].name);
        bench_free(b);
    }
}
END_TEST

START_TEST(the_service_s_user_agent_alone_excuses_nobody)
{
    struct bench *b = open_with_tor();
    struct observation o = request_at("2026-03-01T10:00", EXIT);

    o.text[F_USER_AGENT] = SL("Microsoft.Azure.Documents.Common/2.14.0");
    bench_feed(b, &o);
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

START_TEST(the_same_address_in_other_spelling_is_found)
{
    static const char *const spellings[] = { "2001:db8::66", "2001:DB8:0:0:0:0:0:66", "::ffff:" EXIT };

    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        struct bench *b = open_with_tor();
        struct observation o = request_at("2026-03-01T10:00", spellings[i]);

        bench_feed(b, &o);
        ck_assert_msg(bench_alerts(b) == 1, "%s", spellings[i]);
        bench_free(b);
    }
}
END_TEST

START_TEST(threat_severity_follows_category_feeds_and_age)
{
    static const struct {
        const char *name;
        enum feed_category one, two;
        int one_sure, two_sure; /* 0: no such feed */
        const char *when, *variant;
        enum severity severity;
    } cases[] = {
        { .name = "one feed", .one = FEED_BOTNET, .one_sure = 95, .when = "2026-03-01T10:00",
          .variant = ".Botnet", .severity = SEVERITY_MEDIUM },
        { .name = "scanner only", .one = FEED_SCANNER, .one_sure = 95, .when = "2026-03-01T10:00",
          .variant = ".Scanner", .severity = SEVERITY_LOW },
        { .name = "scanner and proxy, both sure", .one = FEED_SCANNER, .one_sure = 95, .two = FEED_PROXY,
          .two_sure = 90, .when = "2026-03-01T10:00", .variant = ".Scanner", .severity = SEVERITY_LOW },
        { .name = "two sure feeds", .one = FEED_C2, .one_sure = 80, .two = FEED_BOTNET, .two_sure = 90,
          .when = "2026-03-01T10:00", .variant = ".Botnet", .severity = SEVERITY_HIGH },
        { .name = "two feeds, one unsure", .one = FEED_C2, .one_sure = 79, .two = FEED_BOTNET,
          .two_sure = 90, .when = "2026-03-01T10:00", .variant = ".Botnet", .severity = SEVERITY_MEDIUM },
        { .name = "two sure feeds, last heard of seven days ago", .one = FEED_C2, .one_sure = 85,
          .two = FEED_BOTNET, .two_sure = 90, .when = "2026-03-08T00:00", .variant = ".Botnet",
          .severity = SEVERITY_HIGH },
        { .name = "and a minute more", .one = FEED_C2, .one_sure = 85,
          .two = FEED_BOTNET, .two_sure = 90, .when = "2026-03-08T00:01", .variant = ".Botnet",
          .severity = SEVERITY_MEDIUM },
        { .name = "two sure feeds, last heard of 8 days ago", .one = FEED_C2, .one_sure = 85,
          .two = FEED_BOTNET, .two_sure = 90, .when = "2026-03-09T10:00", .variant = ".Botnet",
          .severity = SEVERITY_MEDIUM },
        { .name = "a sure scanner does not hide a botnet", .one = FEED_SCANNER, .one_sure = 99,
          .two = FEED_BOTNET, .two_sure = 50, .when = "2026-03-01T10:00", .variant = ".Botnet",
          .severity = SEVERITY_MEDIUM },
        { .name = "unsaid", .one = FEED_MALICIOUS, .one_sure = 60, .when = "2026-03-01T10:00",
          .variant = ".Malicious", .severity = SEVERITY_MEDIUM },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench_open(&detector_bad_address, "");
        struct observation o = request_at(cases[i].when, "198.51.100.7");

        bench_add_feed(b, "one", cases[i].one, cases[i].one_sure, "198.51.100.0/24");
        if (cases[i].two_sure)
            bench_add_feed(b, "two", cases[i].two, cases[i].two_sure, "198.51.100.7");
        bench_feed(b, &o);
        ck_assert_msg(bench_only(b, THREAT)->severity == cases[i].severity, "%s: %s", cases[i].name,
                      severity_name(bench_only(b, THREAT)->severity));
        ck_assert_msg(strcmp(bench_only(b, THREAT)->variant, cases[i].variant) == 0, "%s: %s",
                      cases[i].name, bench_only(b, THREAT)->variant);
        bench_free(b);
    }
}
END_TEST

START_TEST(tor_and_threat_listings_speak_in_alerts_of_their_own)
{
    struct bench *b = open_with_tor();
    struct observation o = request_at("2026-03-01T10:00", EXIT);

    bench_add_feed(b, "bots", FEED_BOTNET, 90, EXIT " # zeus\n");
    bench_feed(b, &o);
    ck_assert_uint_eq(bench_alerts(b), 2);
    ck_assert_str_eq(alert_text(bench_only(b, TOR), "feed"), "tor");
    ck_assert_str_eq(alert_text(bench_only(b, THREAT), "feed"), "bots");
    ck_assert_str_eq(alert_text(bench_only(b, THREAT), "category"), "botnet");
    ck_assert_str_eq(alert_text(bench_only(b, THREAT), "listing"), "zeus");
    ck_assert_int_eq(alert_number(bench_only(b, THREAT), "listingConfidence", 0), 90);
    bench_free(b);
}
END_TEST

START_TEST(unsure_listings_are_ignored_as_configured)
{
    struct bench *b = bench_open(&detector_bad_address, "min_confidence: 60\n");
    struct observation o = request_at("2026-03-01T10:00", "198.51.100.7");

    bench_add_feed(b, "rumour", FEED_BOTNET, 59, "198.51.100.7");
    bench_feed(b, &o);
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_add_feed(b, "rumour", FEED_BOTNET, 60, "198.51.100.7");
    bench_feed(b, &o);
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

START_TEST(a_trusted_network_is_left_alone_until_its_trust_ends)
{
    struct bench *b = open_with_tor();
    struct network_table *t = network_table_new();
    struct network n = { .name = "our scanner", .lat = NAN, .lon = NAN, .is_trusted = true,
                         .until_ns = bench_time("2026-03-02") };
    struct error err = { 0 };
    struct observation before = request_at("2026-03-01T23:59", EXIT);
    struct observation after = request_at("2026-03-02T00:00", EXIT);

    ck_assert_int_eq(network_table_add(t, SL("203.0.113.0/24"), &n, &err), 0);
    ck_assert_int_eq(enrich_set_networks(bench_enrich(b), t, &err), 0);
    bench_feed(b, &before);
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_feed(b, &after);
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

START_TEST(the_place_is_the_row_s_own_word_or_the_operator_s)
{
    static const char said[] = "{\"country\":\"Nigeria\",\"city\":\"Lagos\"}";
    struct bench *b = open_with_tor();
    struct network_table *t = network_table_new();
    struct network n = { .name = "abroad", .country = "BR", .city = "Manaus", .lat = -3.1, .lon = -60, .until_ns = INT64_MAX };
    struct error err = { 0 };
    struct observation silent = request_at("2026-03-01T10:00", EXIT), talking = request_at("2026-03-02T10:00", EXIT);

    talking.text[F_PLACE] = slice_of(said);
    ck_assert_int_eq(network_table_add(t, SL("203.0.113.0/24"), &n, &err), 0);
    ck_assert_int_eq(enrich_set_networks(bench_enrich(b), t, &err), 0);
    bench_feed(b, &silent);
    ck_assert_str_eq(alert_text(bench_only(b, TOR), "place"),
                     "{\"country\":\"Brazil\",\"city\":\"Manaus\",\"latitude\":-3.1000,\"longitude\":-60.0000}");
    bench_feed(b, &talking);
    ck_assert_uint_eq(bench_alerts(b), 2);
    for (size_t i = 0; i < 2; i++)
        if (bench_alert(b, i)->bucket_ns == bench_time("2026-03-02"))
            ck_assert_str_eq(alert_text(bench_alert(b, i), "place"), said);
    bench_free(b);
}
END_TEST

START_TEST(what_the_slot_before_saw_does_not_make_an_address_known)
{
    static const char *const times[] = { "2026-03-01T23:30", "2026-03-02T00:30" };

    for (int first = 0; first < 2; first++) { /* in either order, or one of them would depend on it */
        struct bench *b = open_with_tor();
        struct observation one = request_at(times[first], EXIT), two = request_at(times[!first], EXIT);

        bench_feed(b, &one);
        bench_feed(b, &two);
        ck_assert_uint_eq(bench_alerts(b), 2);
        ck_assert_str_eq(bench_alert(b, 0)->variant, ".FirstSeen");
        ck_assert_str_eq(bench_alert(b, 1)->variant, ".FirstSeen");
        bench_free(b);
    }
}
END_TEST

START_TEST(backfill_teaches_who_was_here_and_says_nothing)
{
    struct bench *b = open_with_tor();
    struct observation before = request_at("2026-03-01T10:00", EXIT);
    struct observation o = request_at("2026-03-05T10:00", EXIT);

    bench_set_backfill(b, true);
    bench_feed(b, &before);
    bench_set_backfill(b, false);
    bench_feed(b, &o);
    ck_assert_str_eq(bench_only(b, TOR)->variant, ".Repeated");
    bench_free(b);
}
END_TEST

START_TEST(requests_of_one_day_are_one_alert_and_of_two_days_two)
{
    struct bench *b = open_with_tor();
    struct observation o1 = request_at("2026-03-01T00:00", EXIT);
    struct observation o2 = request_at("2026-03-01T23:59", EXIT);
    struct observation o3 = request_at("2026-03-02T00:00", EXIT);

    o2.text[F_CONTAINER] = SL("customers");
    bench_feed(b, &o1);
    bench_feed(b, &o2);
    ck_assert_int_eq(bench_only(b, TOR)->count, 2);
    ck_assert_uint_eq(alert_fact(bench_only(b, TOR), "container")->len, 2);
    bench_feed(b, &o3);
    ck_assert_uint_eq(bench_alerts(b), 2);
    bench_free(b);
}
END_TEST

START_TEST(accounts_do_not_share_who_was_here)
{
    struct bench *b = open_with_tor();
    struct observation before = request_at("2026-03-01T10:00", EXIT);
    struct observation o = request_at("2026-03-05T10:00", EXIT);

    before.text[F_ACCOUNT] = SL("other");
    bench_feed(b, &before);
    bench_forget_alerts(b);
    bench_feed(b, &o);
    ck_assert_str_eq(bench_only(b, TOR)->variant, ".FirstSeen");
    bench_free(b);
}
END_TEST

START_TEST(a_request_that_two_tables_tell_of_is_counted_once)
{
    struct bench *b = open_with_tor();
    struct observation dp = request_at("2026-03-01T10:00", EXIT);
    struct observation own;

    dp.api = API_MONGODB;
    bench_feed(b, &dp); /* from the next day on it is known that this account logs the data plane */
    bench_forget_alerts(b);
    dp.minute_ns = bench_time("2026-03-02T10:00");
    own = dp;
    own.table = TABLE_MONGO;
    own.text[F_OPERATION] = SL("find");
    bench_feed(b, &own);
    bench_feed(b, &dp);
    ck_assert_int_eq(bench_only(b, TOR)->count, 1);
    ck_assert_int_eq(alert_number(bench_only(b, TOR), "bytesOut", 0), 1000);
    bench_free(b);
}
END_TEST

START_TEST(an_account_without_data_plane_rows_is_seen_by_its_own_table)
{
    struct bench *b = open_with_tor();
    struct observation own = request_at("2026-03-02T10:00", EXIT);

    own.table = TABLE_CASSANDRA;
    own.api = API_CASSANDRA;
    own.text[F_OPERATION] = SL("QueryInsert");
    bench_feed(b, &own);
    ck_assert_str_eq(bench_only(b, TOR)->variant, ".Write");
    ck_assert_int_eq(bench_only(b, TOR)->count, 1);
    bench_free(b);
}
END_TEST

/* ---- the same rows, the same alerts ------------------------------------------------------------ */

static uint64_t seed_state;

static uint64_t chance(uint64_t below)
{
    seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
    return (seed_state >> 33) % below;
}

#define ROWS 400

static void random_rows(struct observation *o)
{
    static const char *const addresses[] = { EXIT, "203.0.113.67", "198.51.100.7", "198.51.100.8",
                                             "192.0.2.1" };
    static const char *const operations[] = { "Query", "Read", "Upsert", "Delete" };
    static const char *const keys[] = { "PrimaryMasterKey", "AadToken", "PrimaryReadonlyMasterKey" };

    for (size_t i = 0; i < ROWS; i++) {
        o[i] = request_at("2026-03-01", addresses[chance(ARRAY_LEN(addresses))]);
        o[i].minute_ns += (int64_t)chance(5 * 24 * 60) * NS_PER_MIN;
        o[i].first_ns = o[i].minute_ns + (int64_t)chance(30) * NS_PER_S;
        o[i].last_ns = o[i].first_ns + (int64_t)chance(30) * NS_PER_S;
        o[i].count = 2 + (int64_t)chance(50);
        o[i].bytes_out = (int64_t)chance(100000);
        o[i].ru_milli = (int64_t)chance(100000);
        o[i].status = chance(5) ? 200 : 403;
        o[i].text[F_OPERATION] = slice_of(operations[chance(ARRAY_LEN(operations))]);
        o[i].text[F_KEY_KIND] = slice_of(keys[chance(ARRAY_LEN(keys))]);
    }
}

struct arrival {
    int64_t at_ns;
    struct observation obs;
};

static int by_arrival(const void *a, const void *b)
{
    const struct arrival *x = a, *y = b;

    return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

/* Each row late by a chance below the horizon, some of them cut in two. */
static char *run_shuffled(const struct observation *rows, bool plain)
{
    struct arrival *all = calloc((size_t)ROWS * 2, sizeof(*all));
    struct bench *b = open_with_tor();
    size_t n = 0;
    char *text;

    bench_add_feed(b, "one", FEED_BOTNET, 90, "198.51.100.0/24");
    bench_add_feed(b, "two", FEED_C2, 85, "198.51.100.7");
    for (size_t i = 0; i < ROWS; i++) {
        struct observation o = rows[i];
        bool cut = !plain && chance(3) == 0;

        for (int part = 0; part < (cut ? 2 : 1); part++) {
            all[n].obs = o;
            if (cut) {
                all[n].obs.count = part ? o.count - 1 : 1;
                all[n].obs.bytes_out = part ? o.bytes_out - o.bytes_out / 3 : o.bytes_out / 3;
                all[n].obs.ru_milli = part ? o.ru_milli - o.ru_milli / 3 : o.ru_milli / 3;
            }
            all[n].at_ns = o.minute_ns + (plain ? 0 : (int64_t)chance(4 * 60) * NS_PER_MIN - 1);
            n++;
        }
    }
    qsort(all, n, sizeof(*all), by_arrival);
    for (size_t i = 0; i < n; i++) {
        bench_feed(b, &all[i].obs);
        if (!plain && chance(100) == 0)
            bench_restart(b);
    }
    text = bench_text(b, NULL);
    bench_free(b);
    free(all);
    return text;
}

START_TEST(order_lateness_splits_and_restarts_do_not_change_the_alerts)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct observation *rows = calloc(ROWS, sizeof(*rows));
        char *plain, *shuffled;

        seed_state = seed;
        random_rows(rows);
        plain = run_shuffled(rows, true);
        for (int again = 0; again < 3; again++) {
            shuffled = run_shuffled(rows, false);
            ck_assert_msg(strcmp(plain, shuffled) == 0, "seed %d:\n%s\nbut shuffled\n%s", (int)seed, plain,
                          shuffled);
            free(shuffled);
        }
        ck_assert_uint_gt(strlen(plain), 1000);
        free(plain);
        free(rows);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, one_success_from_a_tor_exit_is_a_high_alert_when_the_address_is_new);
    tcase_add_test(t, an_address_that_closed_slots_know_is_medium_unless_it_writes_or_may_write);
    tcase_add_test(t, what_is_no_access_or_no_customer_stays_silent);
    tcase_add_test(t, the_service_s_user_agent_alone_excuses_nobody);
    tcase_add_test(t, the_same_address_in_other_spelling_is_found);
    tcase_add_test(t, threat_severity_follows_category_feeds_and_age);
    tcase_add_test(t, tor_and_threat_listings_speak_in_alerts_of_their_own);
    tcase_add_test(t, unsure_listings_are_ignored_as_configured);
    tcase_add_test(t, a_trusted_network_is_left_alone_until_its_trust_ends);
    tcase_add_test(t, the_place_is_the_row_s_own_word_or_the_operator_s);
    tcase_add_test(t, what_the_slot_before_saw_does_not_make_an_address_known);
    tcase_add_test(t, backfill_teaches_who_was_here_and_says_nothing);
    tcase_add_test(t, requests_of_one_day_are_one_alert_and_of_two_days_two);
    tcase_add_test(t, accounts_do_not_share_who_was_here);
    tcase_add_test(t, a_request_that_two_tables_tell_of_is_counted_once);
    tcase_add_test(t, an_account_without_data_plane_rows_is_seen_by_its_own_table);
    tcase_add_test(t, order_lateness_splits_and_restarts_do_not_change_the_alerts);
    return run_group("detectors/bad_address", t);
}
