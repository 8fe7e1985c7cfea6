/* What the detectors of unusual access promise one by one. Months of life: test_detector_access_life.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/bench.h"
#include "tests/kit/suite.h"

#include "alert/catalogue.h"
#include "base/buf.h"
#include "enrich/networks.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

extern const struct detector_ops detector_unusual_place, detector_unusual_application, detector_unusual_principal,
    detector_unusual_network, detector_refused_access, detector_dormant_account;

#define NL "{\"country\":\"Netherlands\",\"city\":\"Amsterdam\",\"latitude\":52.37,\"longitude\":4.90}"
#define US "{\"country\":\"United States\",\"city\":\"New York\",\"latitude\":40.71,\"longitude\":-74.0}"
#define BE "{\"country\":\"Belgium\",\"city\":\"Brussels\",\"latitude\":50.85,\"longitude\":4.35}"
#define JAVA "azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10"
#define ALICE "aaaaaaaa-1111-4222-8333-000000000001"

struct req {
    const char *address, *place, *agent, *key, *principal, *account;
    int32_t status;
    int64_t count, bytes;
    enum table table;
};

static void feed(struct bench *b, int64_t t, const struct req *r)
{
    struct observation o = { .minute_ns = t, .status = r->status, .count = r->count, .table = r->table,
                             .bytes_out = r->bytes ? r->bytes : 1000,
                             .api = r->table == TABLE_MONGO ? API_MONGODB : API_UNKNOWN };

    o.text[F_ADDRESS] = slice_of(r->address ? r->address : "203.10.1.7");
    o.text[F_PLACE] = slice_of(r->place ? r->place : "");
    o.text[F_USER_AGENT] = slice_of(r->agent ? r->agent : JAVA);
    o.text[F_KEY_KIND] = slice_of(r->key ? r->key : r->principal ? "AadToken" : "PrimaryMasterKey");
    o.text[F_PRINCIPAL] = slice_of(r->principal ? r->principal : "");
    o.text[F_ACCOUNT] = slice_of(r->account ? r->account : "");
    o.text[F_OPERATION] = SL("Query");
    o.text[F_CONTAINER] = SL("orders");
    o.text[F_REGION] = SL("West Europe");
    bench_feed(b, &o);
}

static int64_t day(unsigned n)
{
    return bench_time(BENCH_DAY0) + (int64_t)n * NS_PER_DAY;
}

static int64_t at(unsigned n, unsigned hour, unsigned minute)
{
    return day(n) + hour * NS_PER_HOUR + minute * NS_PER_MIN;
}

/* Every two hours, days from..to-1. */
static void live(struct bench *b, unsigned from, unsigned to, const struct req *r)
{
    for (unsigned d = from; d < to; d++)
        for (unsigned h = 0; h < 24; h += 2)
            feed(b, at(d, h, 30), r);
}

static struct bench *after_a_month(const struct detector_ops *ops, const char *yaml, const struct req *r)
{
    struct bench *b = bench_open(ops, yaml);

    live(b, 0, 30, r);
    ck_assert_uint_eq(bench_alerts(b), 0);
    return b;
}

static void add_networks(struct bench *b, const char *csv)
{
    struct network_table *t = network_table_new();
    struct feed_report report = { 0 };
    struct error err = { 0 };

    ck_assert_int_eq(network_table_parse_csv(t, slice_of(csv), &report, &err), 0);
    ck_assert_int_eq(enrich_set_networks(bench_enrich(b), t, &err), 0);
}

static void why_says(const struct alert *a, const char *words)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(1u << 16);

    alert_why(a, &out);
    ck_assert_msg(strstr(buf_cstr(&out), words) != NULL, "'%s' is not in '%s'", words, buf_cstr(&out));
    ck_assert_msg(strchr(buf_cstr(&out), '{') == NULL, "unfilled: '%s'", buf_cstr(&out));
}

static bool has_text(const struct alert *a, const char *fact, const char *text)
{
    const struct fact *f = alert_fact(a, fact);

    for (size_t i = 0; f && i < f->len; i++)
        if (strcmp(f->entries[i].text, text) == 0)
            return true;
    return false;
}

/* ---- places ----------------------------------------------------------------------------------------------- */

START_TEST(a_new_country_is_told_with_the_usual_ones)
{
    struct bench *b = after_a_month(&detector_unusual_place, "", &(struct req){ .place = NL });
    const struct alert *a;

    feed(b, at(30, 10, 0), &(struct req){ .place = US, .address = "198.51.100.7" });
    feed(b, at(30, 10, 1), &(struct req){ .place = US, .address = "198.51.100.8" });
    a = bench_only(b, "CosmosDB_GeoAnomaly");
    ck_assert_str_eq(a->variant, ".Country");
    ck_assert_str_eq(a->subject, "United States");
    ck_assert_int_eq(a->severity, SEVERITY_LOW);
    ck_assert_int_eq(a->count, 2);
    ck_assert(has_text(a, "usualValues", "NL (FREQUENT)"));
    ck_assert_str_eq(alert_text(a, "rarity"), "UNSEEN");
    why_says(a, "in United States");
    why_says(a, "places from workspace");
    bench_free(b);
}
END_TEST

START_TEST(an_account_of_private_addresses_has_its_region_too)
{
    struct bench *b = bench_open(&detector_unusual_place, "");

    add_networks(b, "cidr,country,asn,org\n198.51.100.0/25,US,7922,Comcast\n");
    live(b, 0, 30, &(struct req){ .address = "10.0.0.4" });
    feed(b, at(30, 10, 0), &(struct req){ .address = "198.51.100.7" }); /* not a drill: the region is old */
    ck_assert_int_eq(bench_only(b, "CosmosDB_GeoAnomaly")->severity, SEVERITY_LOW); /* and so is the program */
    bench_free(b);
}
END_TEST

START_TEST(no_source_of_places_is_said_and_nothing_is_judged)
{
    struct bench *b = bench_open(&detector_unusual_place, "");
    const struct detector_context ctx = { .baseline = bench_baseline(b), .enrich = bench_enrich(b) };

    live(b, 0, 30, &(struct req){ .address = "203.10.1.7" });
    feed(b, at(30, 10, 0), &(struct req){ .address = "198.51.100.7" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    ck_assert_ptr_nonnull(detector_unusual_place.blind(NULL, &ctx));
    ck_assert_ptr_nonnull(detector_unusual_network.blind(NULL, &ctx));
    feed(b, at(30, 10, 1), &(struct req){ .place = NL });
    ck_assert_ptr_null(detector_unusual_place.blind(NULL, &ctx));
    add_networks(b, "cidr,asn\n203.10.0.0/16,64500\n");
    ck_assert_ptr_null(detector_unusual_network.blind(NULL, &ctx));
    bench_free(b);
}
END_TEST

START_TEST(a_new_country_while_learning_trusted_or_of_microsoft_is_silent)
{
    struct bench *b = bench_open(&detector_unusual_place, "");

    add_networks(b, "cidr,country,org,trusted\n198.51.100.0/25,US,,true\n198.51.100.128/25,US,Microsoft,\n");
    live(b, 0, 10, &(struct req){ .place = NL });
    feed(b, at(10, 10, 0), &(struct req){ .place = US, .address = "192.0.2.1" }); /* learning */
    live(b, 10, 30, &(struct req){ .place = NL });
    feed(b, at(30, 10, 0), &(struct req){ .address = "198.51.100.7" });
    feed(b, at(30, 10, 0), &(struct req){ .address = "198.51.100.200" });
    feed(b, at(30, 10, 0), &(struct req){ .address = "104.42.195.92", .place = BE });
    feed(b, at(30, 10, 0), &(struct req){ .address = "192.0.2.1", .place = BE, .status = 403 });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_country_is_forgotten_after_sixty_days)
{
    struct bench *b = bench_open(&detector_unusual_place, "");

    live(b, 0, 20, &(struct req){ .place = NL });
    live(b, 5, 6, &(struct req){ .place = US });
    live(b, 20, 64, &(struct req){ .place = NL });
    feed(b, at(64, 10, 0), &(struct req){ .place = US });
    ck_assert_uint_eq(bench_alerts(b), 0);
    live(b, 64, 126, &(struct req){ .place = NL });
    feed(b, at(126, 10, 0), &(struct req){ .place = US });
    why_says(bench_only(b, "CosmosDB_GeoAnomaly"), "last seen 62 days before");
    bench_free(b);
}
END_TEST

START_TEST(nobody_crosses_an_ocean_in_an_hour)
{
    struct bench *b = bench_open(&detector_unusual_place, "");
    const struct alert *a;

    live(b, 0, 30, &(struct req){ .place = NL, .principal = ALICE });
    live(b, 0, 30, &(struct req){ .place = US, .principal = "somebody-else" });
    feed(b, at(30, 9, 0), &(struct req){ .place = NL, .principal = ALICE });
    feed(b, at(30, 10, 0), &(struct req){ .place = BE, .principal = ALICE, .address = "192.0.2.9" }); /* near */
    bench_forget_alerts(b);                                                  /* the country is news, the trip is not */
    feed(b, at(30, 11, 0), &(struct req){ .place = US, .principal = ALICE, .address = "198.51.100.7", .count = 3 });
    a = bench_only(b, "CosmosDB_GeoAnomaly");
    ck_assert_str_eq(a->variant, ".ImpossibleTravel");
    ck_assert_str_eq(a->subject, ALICE);
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    ck_assert_int_eq(a->count, 3);
    ck_assert_int_eq(alert_number(a, "travelMinutes", 0), 120);
    ck_assert_int_gt(alert_number(a, "travelKm", 0), 5500);
    why_says(a, "km within 120 min");
    bench_free(b);
    b = bench_open(&detector_unusual_place, "");
    live(b, 0, 30, &(struct req){ .place = NL, .principal = ALICE });
    live(b, 0, 30, &(struct req){ .place = US, .principal = "somebody-else" });
    feed(b, at(30, 9, 0), &(struct req){ .place = NL, .principal = ALICE });
    feed(b, at(30, 18, 0), &(struct req){ .place = US, .principal = ALICE }); /* a flight */
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

/* ---- networks --------------------------------------------------------------------------------------------- */

START_TEST(a_rented_host_of_a_provider_never_used_is_told)
{
    struct bench *b = bench_open(&detector_unusual_network, "");
    const struct alert *a;

    add_networks(b, "cidr,asn,org\n203.10.0.0/16,64500,Example Carrier\n198.51.100.0/24,14061,DigitalOcean LLC\n"
                    "192.0.2.0/25,64501,Other Carrier\n192.0.2.128/25,8075,Microsoft\n");
    live(b, 0, 30, &(struct req){ .address = "203.10.1.7" });
    feed(b, at(30, 9, 0), &(struct req){ .address = "192.0.2.1" });
    feed(b, at(30, 9, 0), &(struct req){ .address = "192.0.2.200" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, at(30, 9, 0), &(struct req){ .address = "198.51.100.9" });
    a = bench_only(b, "CosmosDBX_CloudProviderAnomaly");
    ck_assert_str_eq(a->subject, "DigitalOcean");
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    why_says(a, "a cloud provider that the account never used");
    bench_free(b);
}
END_TEST

START_TEST(a_way_around_the_private_path_is_told)
{
    struct bench *b = after_a_month(&detector_unusual_network, "", &(struct req){ .address = "10.0.0.4" });

    feed(b, at(30, 9, 0), &(struct req){ .address = "104.42.195.92" }); /* the portal's */
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, at(30, 9, 0), &(struct req){ .address = "198.51.100.9" });
    ck_assert_int_eq(bench_only(b, "CosmosDBX_PrivatePathBypassed")->severity, SEVERITY_MEDIUM);
    bench_free(b);
}
END_TEST

/* ---- programs --------------------------------------------------------------------------------------------- */

START_TEST(an_upgrade_is_no_new_program_and_a_new_one_becomes_usual)
{
    struct bench *b = after_a_month(&detector_unusual_application, "", &(struct req){ .agent = NULL });

    feed(b, at(30, 9, 0), &(struct req){ .agent = "azsdk-java-cosmos/5.0.0 Windows11/10.0 JRE/21.0.1" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    live(b, 30, 34, &(struct req){ .agent = "Gremlin.Net/3.6.4 .NET/6.0.16" });
    why_says(bench_only(b, "CosmosDBX_ApplicationAnomaly"), "Gremlin.Net made");
    bench_forget_alerts(b);
    live(b, 34, 60, &(struct req){ .agent = "Gremlin.Net/3.7.0 .NET/8.0.1" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_driver_of_another_language_is_another_program)
{
    struct bench *b = after_a_month(&detector_unusual_application, "", &(struct req){ .agent = "PyMongo/4.6.0" });

    feed(b, at(30, 9, 0), &(struct req){ .agent = "PyMongo/4.9.1" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, at(30, 9, 0), &(struct req){ .agent = "mongo-java-driver|sync/4.7.2" });
    ck_assert_str_eq(bench_only(b, "CosmosDBX_ApplicationAnomaly")->subject, "mongo-java-driver");
    bench_free(b);
}
END_TEST

START_TEST(scanners_of_the_whole_internet_are_told_only_when_they_get_in)
{
    struct bench *b = after_a_month(&detector_unusual_application, "", &(struct req){ .agent = NULL });

    feed(b, at(30, 9, 0), &(struct req){ .agent = "Mozilla/5.0 zgrab/0.x", .status = 401 });
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, at(30, 9, 0), &(struct req){ .agent = "Mozilla/5.0 zgrab/0.x" });
    ck_assert_int_eq(bench_only(b, "CosmosDBX_SuspiciousApplication")->severity, SEVERITY_HIGH);
    bench_forget_alerts(b);
    feed(b, at(30, 9, 0), &(struct req){ .agent = "gobuster/3.6", .status = 401 });
    ck_assert_int_eq(bench_only(b, "CosmosDBX_SuspiciousApplication")->severity, SEVERITY_MEDIUM);
    bench_free(b);
}
END_TEST

START_TEST(where_programs_come_and_go_only_those_from_elsewhere_are_told)
{
    struct bench *b = bench_open(&detector_unusual_application, "");
    char agent[32];

    for (unsigned d = 0; d < 40; d++) {
        (void)snprintf(agent, sizeof agent, "job-%c%c-x", 'a' + (char)(d % 26), 'a' + (char)(d / 2 % 26));
        live(b, d, d + 1, &(struct req){ .agent = agent });
    }
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, at(40, 9, 0), &(struct req){ .agent = "job-zz-q", .address = "198.51.100.9" });
    ck_assert_int_eq(bench_only(b, "CosmosDBX_ApplicationAnomaly")->severity, SEVERITY_MEDIUM);
    bench_free(b);
}
END_TEST

START_TEST(a_request_that_two_tables_tell_of_counts_once)
{
    struct bench *b = bench_open(&detector_unusual_application, "");
    const struct req mongo = { .agent = JAVA, .table = TABLE_MONGO };

    for (unsigned d = 0; d < 30; d++) {
        struct observation o = { .minute_ns = at(d, 9, 0), .api = API_MONGODB };

        o.text[F_ADDRESS] = SL("203.10.1.7");
        o.text[F_USER_AGENT] = SL(JAVA);
        o.text[F_OPERATION] = SL("Query");
        bench_feed(b, &o);
        feed(b, at(d, 9, 0), &mongo);
        if (d == 29) {
            o.text[F_USER_AGENT] = SL("sqlmap/1.7.2#stable (https://sqlmap.org)");
            bench_feed(b, &o);
            feed(b, at(d, 9, 0), &(struct req){ .agent = "sqlmap/1.7.2#stable (https://sqlmap.org)",
                                                .table = TABLE_MONGO });
        }
    }
    ck_assert_int_eq(bench_only(b, "CosmosDBX_SuspiciousApplication")->count, 1);
    bench_free(b);
}
END_TEST

/* ---- principals ------------------------------------------------------------------------------------------- */

START_TEST(a_principal_whose_role_is_new_is_low)
{
    struct bench *b = after_a_month(&detector_unusual_principal, "", &(struct req){ .principal = ALICE });
    struct slice extra[F_COUNT - F_GROUP_COUNT] = { { .at = NULL } };
    struct observation o = { .kind = OBS_CONTROL, .table = TABLE_CONTROL_PLANE, .minute_ns = at(28, 9, 0),
                             .extra = extra };

    extra[F_ROLE_ASSIGN_PRINCIPAL - F_GROUP_COUNT] = SL("bob");
    bench_feed(b, &o);
    feed(b, at(30, 9, 0), &(struct req){ .principal = "bob", .address = "198.51.100.9" });
    ck_assert_int_eq(bench_only(b, "CosmosDBX_PrincipalAnomaly")->severity, SEVERITY_LOW);
    bench_forget_alerts(b);
    feed(b, at(30, 9, 0), &(struct req){ .principal = "mallory", .address = "198.51.100.9" });
    ck_assert_int_eq(bench_only(b, "CosmosDBX_PrincipalAnomaly")->severity, SEVERITY_MEDIUM);
    ck_assert(has_text(bench_only(b, "CosmosDBX_PrincipalAnomaly"), "usualValues", ALICE " (FREQUENT)"));
    bench_free(b);
}
END_TEST

START_TEST(a_key_on_an_account_of_entra_is_told_and_a_rotation_is_not)
{
    struct bench *b = after_a_month(&detector_unusual_principal, "", &(struct req){ .principal = ALICE });

    feed(b, at(30, 9, 0), &(struct req){ .key = "PrimaryMasterKey" });
    ck_assert_str_eq(bench_only(b, "CosmosDBX_AuthMethodAnomaly")->variant, ".Key");
    bench_free(b);
    b = after_a_month(&detector_unusual_principal, "", &(struct req){ .key = "PrimaryMasterKey" });
    live(b, 30, 31, &(struct req){ .key = "SecondaryMasterKey", .address = "203.10.200.1" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, at(31, 9, 0), &(struct req){ .key = "SecondaryReadonlyMasterKey", .address = "198.51.100.9" });
    ck_assert_str_eq(bench_only(b, "CosmosDBX_AuthMethodAnomaly")->variant, ".OtherKey");
    bench_free(b);
}
END_TEST

/* ---- refusals --------------------------------------------------------------------------------------------- */

static const struct req stranger = { .address = "198.51.100.9", .agent = "curl/8.5.0", .status = 401, .count = 19 };

START_TEST(twenty_refusals_in_five_minutes_are_an_attempt_nineteen_are_not)
{
    struct bench *b = after_a_month(&detector_refused_access, "", &(struct req){ .agent = NULL });
    const struct alert *a;

    feed(b, at(30, 9, 0), &stranger);
    feed(b, at(30, 9, 10), &stranger);
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, at(30, 9, 14), &(struct req){ .address = "198.51.100.9", .agent = "curl/8.5.0", .status = 403 });
    a = bench_only(b, "CosmosDBX_BruteForce");
    ck_assert_str_eq(a->variant, ".Attempt");
    ck_assert_int_eq(a->severity, SEVERITY_LOW);
    ck_assert_int_eq(a->count, 39);
    ck_assert_int_eq(alert_number(a, "failedRequests", 0), 39);
    why_says(a, "401=38, 403=1");
    bench_free(b);
}
END_TEST

START_TEST(who_gets_in_after_an_attempt_is_high_even_when_that_row_came_first)
{
    struct req entry = { .address = "198.51.100.9", .agent = JAVA, .count = 2 };
    struct req attempt = stranger;

    attempt.count = 25;
    for (int order = 0; order < 2; order++) {
        struct bench *b = after_a_month(&detector_refused_access, "", &(struct req){ .agent = NULL });
        const struct alert *a;

        feed(b, order ? at(30, 9, 58) : at(30, 10, 20), order ? &attempt : &entry);
        feed(b, order ? at(30, 10, 20) : at(30, 9, 58), order ? &entry : &attempt);
        a = bench_only(b, "CosmosDBX_BruteForce");
        ck_assert_str_eq(a->variant, ".Success");
        ck_assert_int_eq(a->severity, SEVERITY_HIGH);
        ck_assert_int_eq(a->count, 27);
        bench_forget_alerts(b);
        feed(b, at(30, 10, 40), &entry); /* too late to belong to it */
        ck_assert_uint_eq(bench_alerts(b), 0);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_client_with_an_old_key_is_no_attacker)
{
    struct bench *b = after_a_month(&detector_refused_access, "", &(struct req){ .agent = JAVA });

    for (unsigned d = 30; d < 40; d++)
        for (unsigned h = 0; h < 24; h++)
            feed(b, at(d, h, 0), &(struct req){ .agent = JAVA, .status = 401, .count = 400, .address = "203.10.44.1" });
    feed(b, at(40, 9, 0), &(struct req){ .agent = JAVA, .address = "203.10.44.1" }); /* mended */
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(many_small_strangers_are_a_spread)
{
    struct bench *b = after_a_month(&detector_refused_access, "", &(struct req){ .agent = NULL });
    char address[32];
    const struct alert *a;

    for (unsigned i = 0; i < 30; i++) {
        (void)snprintf(address, sizeof address, "198.51.100.%u", i + 1);
        feed(b, at(30, 9, i), &(struct req){ .address = address, .agent = "curl/8.5.0", .status = 401, .count = 7 });
    }
    a = bench_only(b, "CosmosDBX_BruteForce");
    ck_assert_str_eq(a->variant, ".Spread");
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    ck_assert_int_eq(a->count, 210);
    bench_free(b);
}
END_TEST

START_TEST(listed_and_scanning_strangers_are_told_when_refused)
{
    struct bench *b = bench_open(&detector_refused_access, "");
    static const char *const accounts[] = { "one", "two", "three", "four" };

    bench_add_feed(b, "tor", FEED_TOR, 90, "203.0.113.66\n");
    feed(b, at(0, 9, 0), &(struct req){ .address = "203.0.113.66", .status = 403 }); /* no learning needed */
    ck_assert_str_eq(bench_only(b, "CosmosDBX_RefusedAccess")->variant, ".Tor");
    for (size_t i = 0; i < ARRAY_LEN(accounts); i++)
        live(b, 0, 30, &(struct req){ .account = accounts[i] });
    bench_forget_alerts(b);
    for (size_t i = 0; i < 4; i++) {
        feed(b, at(30, 9, 0), &(struct req){ .account = accounts[i], .address = "198.51.100.9", .status = 403 });
        ck_assert_uint_eq(bench_alerts(b), i < 2 ? 0 : i + 1);
    }
    ck_assert_str_eq(bench_alert(b, 0)->variant, ".Scan");
    bench_free(b);
}
END_TEST

/* ---- dormancy --------------------------------------------------------------------------------------------- */

START_TEST(an_account_that_slept_is_told_and_a_habit_is_not)
{
    struct bench *b = bench_open(&detector_dormant_account, "");
    const struct alert *a;

    live(b, 0, 20, &(struct req){ .agent = NULL });
    feed(b, at(45, 9, 0), &(struct req){ .agent = NULL }); /* 26 days */
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, at(80, 9, 0), &(struct req){ .agent = NULL });
    a = bench_only(b, "CosmosDBX_DormantAccountUsed");
    ck_assert_int_eq(a->severity, SEVERITY_LOW);
    why_says(a, "after 35 days");
    feed(b, at(80, 9, 5), &(struct req){ .bytes = 60 << 20 });
    ck_assert_int_eq(bench_only(b, "CosmosDBX_DormantAccountUsed")->severity, SEVERITY_MEDIUM);
    bench_forget_alerts(b);
    feed(b, at(118, 9, 0), &(struct req){ .agent = NULL }); /* 38 days: about as long as before */
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_key_that_slept_is_told_in_unknown_hands_only)
{
    struct bench *b = bench_open(&detector_dormant_account, "");

    live(b, 0, 2, &(struct req){ .key = "SecondaryMasterKey" });
    live(b, 0, 60, &(struct req){ .key = "PrimaryMasterKey" });
    feed(b, at(60, 9, 0), &(struct req){ .key = "SecondaryMasterKey" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, at(60, 9, 0), &(struct req){ .key = "SecondaryMasterKey", .address = "198.51.100.9", .agent = "curl/8" });
    ck_assert_str_eq(bench_only(b, "CosmosDBX_DormantAccountUsed")->subject, "SecondaryMasterKey");
    bench_free(b);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("access");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_new_country_is_told_with_the_usual_ones);
    tcase_add_test(t, an_account_of_private_addresses_has_its_region_too);
    tcase_add_test(t, no_source_of_places_is_said_and_nothing_is_judged);
    tcase_add_test(t, a_new_country_while_learning_trusted_or_of_microsoft_is_silent);
    tcase_add_test(t, a_country_is_forgotten_after_sixty_days);
    tcase_add_test(t, nobody_crosses_an_ocean_in_an_hour);
    tcase_add_test(t, a_rented_host_of_a_provider_never_used_is_told);
    tcase_add_test(t, a_way_around_the_private_path_is_told);
    tcase_add_test(t, an_upgrade_is_no_new_program_and_a_new_one_becomes_usual);
    tcase_add_test(t, a_driver_of_another_language_is_another_program);
    tcase_add_test(t, scanners_of_the_whole_internet_are_told_only_when_they_get_in);
    tcase_add_test(t, where_programs_come_and_go_only_those_from_elsewhere_are_told);
    tcase_add_test(t, a_request_that_two_tables_tell_of_counts_once);
    tcase_add_test(t, a_principal_whose_role_is_new_is_low);
    tcase_add_test(t, a_key_on_an_account_of_entra_is_told_and_a_rotation_is_not);
    tcase_add_test(t, twenty_refusals_in_five_minutes_are_an_attempt_nineteen_are_not);
    tcase_add_test(t, who_gets_in_after_an_attempt_is_high_even_when_that_row_came_first);
    tcase_add_test(t, a_client_with_an_old_key_is_no_attacker);
    tcase_add_test(t, many_small_strangers_are_a_spread);
    tcase_add_test(t, listed_and_scanning_strangers_are_told_when_refused);
    tcase_add_test(t, an_account_that_slept_is_told_and_a_habit_is_not);
    tcase_add_test(t, a_key_that_slept_is_told_in_unknown_hands_only);
    return run_group("access", t);
}
