/* What agent/enrich promises about addresses, ranges, networks and the one question per observation.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "enrich/caller.h"
#include "enrich/enrich.h"
#include "enrich/feeds.h"
#include "enrich/networks.h"
#include "enrich/prefix.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- texts ------------------------------------------------------------------------------------- */

START_TEST(ranges_are_read_exactly_or_not_at_all)
{
    static const struct { const char *text, *back; } cases[] = {
        { .text = "192.0.2.1", .back = "192.0.2.1" },
        { .text = "192.0.2.1/32", .back = "192.0.2.1" },
        { .text = "192.0.2.129/25", .back = "192.0.2.128/25" },
        { .text = "10.1.2.3/8", .back = "10.0.0.0/8" },
        { .text = "1.2.3.4/0", .back = "0.0.0.0/0" },
        { .text = "0.0.0.0", .back = "0.0.0.0" },
        { .text = "255.255.255.255", .back = "255.255.255.255" },
        { .text = "2001:DB8:0:0::1", .back = "2001:db8::1" },
        { .text = "2001:db8::ffff/32", .back = "2001:db8::/32" },
        { .text = "::ffff:192.0.2.1", .back = "192.0.2.1" },
        { .text = "::ffff:192.0.2.0/120", .back = "192.0.2.0/24" },
        { .text = "::/0", .back = "::/0" },
        { .text = "", .back = NULL },
        { .text = "192.0.2", .back = NULL },
        { .text = "192.0.2.1.1", .back = NULL },
        { .text = "192.0.2.256", .back = NULL },
        { .text = "192.0.2.01", .back = NULL },
        { .text = "192.0.2.1 ", .back = NULL },
        { .text = "192.0.2.1/", .back = NULL },
        { .text = "192.0.2.1/33", .back = NULL },
        { .text = "192.0.2.1/-1", .back = NULL },
        { .text = "192.0.2.1/8/8", .back = NULL },
        { .text = "2001:db8::/129", .back = NULL },
        { .text = "fe80::1%eth0", .back = NULL },
        { .text = "[::1]", .back = NULL },
        { .text = ".1.2.3", .back = NULL },
        { .text = "1..2.3", .back = NULL },
        { .text = "localhost", .back = NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct prefix p;
        char back[PREFIX_TEXT_MAX];
        bool ok = prefix_parse(slice_of(cases[i].text), &p);

        ck_assert_msg(ok == (cases[i].back != NULL), "'%s'", cases[i].text);
        if (!ok)
            continue;
        prefix_format(&p, back);
        ck_assert_msg(strcmp(back, cases[i].back) == 0, "'%s' became '%s'", cases[i].text, back);
    }
}
END_TEST

START_TEST(private_addresses_are_told_from_public_ones)
{
    static const struct { const char *text; bool is_private; } cases[] = {
        { .text = "", .is_private = true },          { .text = "10.0.0.1", .is_private = true },
        { .text = "172.15.255.255" },                { .text = "172.16.0.0", .is_private = true },
        { .text = "172.31.255.255", .is_private = true }, { .text = "172.32.0.0" },
        { .text = "192.168.1.1", .is_private = true },    { .text = "192.169.0.0" },
        { .text = "127.0.0.1", .is_private = true },      { .text = "169.254.1.1", .is_private = true },
        { .text = "0.0.0.0", .is_private = true },        { .text = "11.0.0.0" },
        { .text = "100.63.255.255" },                     { .text = "100.64.0.0", .is_private = true },
        { .text = "100.127.255.255", .is_private = true }, { .text = "100.128.0.0" },
        { .text = "::1", .is_private = true },            { .text = "::", .is_private = true },
        { .text = "::2" },                                { .text = "fd00::1", .is_private = true },
        { .text = "fc00::1", .is_private = true },        { .text = "fe00::1" },
        { .text = "fe80::1", .is_private = true },        { .text = "fec0::1" },
        { .text = "::ffff:10.1.1.1", .is_private = true }, { .text = "2001:db8::1" },
        { .text = "not an address" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(enrich_is_private(slice_of(cases[i].text)) == cases[i].is_private, "'%s'",
                      cases[i].text);
}
END_TEST

/* ---- the index against the plain walk ---------------------------------------------------------- */

static uint64_t seed_state;

static uint64_t chance(uint64_t below)
{
    seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
    return (seed_state >> 33) % below;
}

static struct address random_address(void)
{
    struct address a;
    bool v4 = chance(2);

    memset(&a, 0, sizeof(a));
    if (v4)
        a.at[10] = a.at[11] = 0xff;
    /* few bits, so that ranges nest and addresses hit */
    for (size_t i = v4 ? 12 : 0; i < 16; i++)
        a.at[i] = chance(3) ? (uint8_t)(chance(2) * 0xff) : (uint8_t)chance(4);
    return a;
}

START_TEST(the_index_finds_the_same_ranges_as_looking_at_each)
{
    enum { RANGES = 200, QUESTIONS = 1000 };
    static struct prefix ranges[RANGES];

    for (seed_state = 1; seed_state <= 30; seed_state++) {
        uint64_t seed = seed_state;
        struct prefix_index *x;
        size_t n = chance(RANGES + 1);

        for (size_t i = 0; i < n; i++) {
            struct address a = random_address();

            ranges[i] = prefix_of(&a, chance(3) ? (unsigned)chance(129) : 128);
        }
        x = prefix_index_new(ranges, n);
        ck_assert_ptr_nonnull(x);
        for (size_t q = 0; q < QUESTIONS; q++) {
            struct address a = n && chance(2) ? ranges[chance(n)].first : random_address();
            size_t holding = 0, found = 0;
            unsigned last_bits = 129;
            uint32_t last = 0;

            for (size_t i = 0; i < n; i++)
                holding += prefix_holds(&ranges[i], &a);
            for (uint32_t k = prefix_index_first(x, &a); k != PREFIX_NONE; k = prefix_index_next(x, k)) {
                ck_assert(prefix_holds(&ranges[k], &a));
                ck_assert_uint_le(ranges[k].bits, last_bits);
                if (ranges[k].bits == last_bits)
                    ck_assert_uint_gt(k, last);
                last_bits = ranges[k].bits;
                last = k;
                found++;
            }
            ck_assert_uint_eq(found, holding);
        }
        prefix_index_free(x);
        seed_state = seed;
    }
}
END_TEST

START_TEST(ranges_at_the_ends_of_the_address_space_hold)
{
    static const char *const texts[] = { "::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:0/112", "::/127",
                                         "255.255.255.0/24", "0.0.0.0/0" };
    struct prefix ranges[ARRAY_LEN(texts)];
    struct prefix_index *x;
    struct address a;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        ck_assert(prefix_parse(slice_of(texts[i]), &ranges[i]));
    x = prefix_index_new(ranges, ARRAY_LEN(texts));
    ck_assert(address_parse(SL("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), &a));
    ck_assert_uint_eq(prefix_index_first(x, &a), 1);
    ck_assert(address_parse(SL("::1"), &a));
    ck_assert_uint_eq(prefix_index_first(x, &a), 2);
    ck_assert(address_parse(SL("::2"), &a));
    ck_assert_uint_eq(prefix_index_first(x, &a), 0);
    ck_assert(address_parse(SL("255.255.255.255"), &a));
    ck_assert_uint_eq(prefix_index_first(x, &a), 3);
    ck_assert_uint_eq(prefix_index_next(x, 3), 4);
    ck_assert_uint_eq(prefix_index_next(x, 4), 0);
    ck_assert_uint_eq(prefix_index_next(x, 0), PREFIX_NONE);
    prefix_index_free(x);
}
END_TEST

/* ---- networks ---------------------------------------------------------------------------------- */

static void set_csv(struct enrich *e, const char *text, struct feed_report *report)
{
    struct network_table *t = network_table_new();
    struct error err = { 0 };

    if (network_table_parse_csv(t, slice_of(text), report, &err) < 0)
        ck_abort_msg("%s", err.msg);
    ck_assert_int_eq(enrich_set_networks(e, t, &err), 0);
}

START_TEST(a_network_file_says_where_an_address_is)
{
    struct enrich *e = enrich_new();
    struct feed_report report;
    const struct network *n;

    set_csv(e, "# ours\ncidr,name,country,city,lat,lon,asn,org,trusted,until\r\n"
               "203.0.113.0/24,head office,DE,\"Frankfurt, Main\",50.11,8.68,AS64500,Example GmbH,true,2026-06-01\r\n"
               "203.0.113.128/25,guest,DE,,,,,,,\n2001:db8::/32,v6\n", &report);
    ck_assert_int_eq(report.entries, 3);
    ck_assert_int_eq(report.bad, 0);
    n = enrich_network(e, SL("203.0.113.7"), 0);
    ck_assert_str_eq(n->name, "head office");
    ck_assert_str_eq(n->country, "DE");
    ck_assert_str_eq(n->city, "Frankfurt, Main");
    ck_assert_str_eq(n->org, "Example GmbH");
    ck_assert_int_eq(n->asn, 64500);
    ck_assert(fabs(n->lat - 50.11) < 1e-9 && fabs(n->lon - 8.68) < 1e-9);
    ck_assert(n->is_trusted && !n->is_microsoft);
    n = enrich_network(e, SL("203.0.113.200"), 0);
    ck_assert_str_eq(n->name, "guest"); /* the narrowest one */
    ck_assert(isnan(n->lat) && isnan(n->lon));
    ck_assert_str_eq(n->city, "");
    ck_assert(!n->is_trusted);
    ck_assert_str_eq(enrich_network(e, SL("2001:db8::9"), 0)->name, "v6");
    ck_assert_ptr_null(enrich_network(e, SL("198.51.100.1"), 0));
    ck_assert_ptr_null(enrich_network(e, SL(""), 0));
    ck_assert_ptr_null(enrich_network(e, SL("203.0.113.7"), INT64_C(1780272000) * NS_PER_S)); /* 1 June */
    enrich_free(e);
}
END_TEST

START_TEST(a_bad_line_of_a_network_file_costs_only_itself)
{
    static const char *const bad[] = { "nonsense,x", ",x", "203.0.113.0/33,x", "203.0.113.0/24,x,DE,F,91",
                                       "203.0.113.0/24,x,DE,F,1,181", "203.0.113.0/24,x,DE,F,1,1,ASx",
                                       "203.0.113.0/24,x,DE,F,1,1,1,o,perhaps",
                                       "203.0.113.0/24,x,DE,F,1,1,1,o,true,soon" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct enrich *e = enrich_new();
        struct feed_report report;
        char text[300];

        (void)snprintf(text, sizeof(text), "cidr,name,country,city,lat,lon,asn,org,trusted,until\n%s\n"
                       "198.51.100.0/24,good\n", bad[i]);
        set_csv(e, text, &report);
        ck_assert_msg(report.bad == 1 && report.each[0].line == 2, "%s", bad[i]);
        ck_assert_ptr_null(enrich_network(e, SL("203.0.113.7"), 0));
        ck_assert_str_eq(enrich_network(e, SL("198.51.100.7"), 0)->name, "good");
        enrich_free(e);
    }
}
END_TEST

START_TEST(a_bad_header_is_a_configuration_error)
{
    static const char *const bad[] = { "name,country\n", "cidr,nmae\n", "cidr,name,name\n" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct network_table *t = network_table_new();
        struct feed_report report;
        struct error err = { 0 };

        ck_assert_msg(network_table_parse_csv(t, slice_of(bad[i]), &report, &err) < 0, "%s", bad[i]);
        ck_assert_int_eq(err.code, ERR_CONFIG);
        network_table_free(t);
    }
}
END_TEST

START_TEST(the_portal_s_middleware_is_known_from_birth)
{
    struct enrich *e = enrich_new();

    ck_assert(enrich_network(e, SL("13.91.105.215"), 0)->is_microsoft);
    ck_assert_str_eq(enrich_network(e, SL("104.42.195.92"), 0)->name, "Azure portal middleware");
    ck_assert_ptr_null(enrich_network(e, SL("13.91.105.216"), 0));
    enrich_free(e);
}
END_TEST

/* ---- listings ---------------------------------------------------------------------------------- */

static struct feed_table *list(const char *text, enum feed_category category, int confidence, bool is_own)
{
    struct feed_options opt = { .category = category, .confidence = confidence, .is_own = is_own };
    struct feed_table *t = NULL;
    struct feed_report report;
    struct error err = { 0 };

    ck_assert_int_eq(feed_parse(slice_of(text), &opt, 0, &t, &report, &err), 0);
    return t;
}

static void set_feed(struct enrich *e, const char *name, struct feed_table *t)
{
    struct error err = { 0 };

    ck_assert_int_eq(enrich_set_feed(e, name, t, &err), 0);
}

START_TEST(all_feeds_answer_best_first_and_up_to_the_asked_number)
{
    struct enrich *e = enrich_new();
    struct listing l[4];

    set_feed(e, "wide", list("203.0.0.0/16 w", FEED_SCANNER, 50, false));
    set_feed(e, "exact", list("203.0.113.7 x", FEED_C2, 90, false));
    set_feed(e, "alike", list("203.0.113.0/24", FEED_BOTNET, 50, false));
    ck_assert_uint_eq(enrich_listings(e, SL("203.0.113.7"), 0, l, 4), 3);
    ck_assert_str_eq(l[0].feed, "exact");
    ck_assert_str_eq(l[0].note, "x");
    ck_assert_str_eq(l[1].feed, "alike"); /* equally sure: by name, whatever the configuration's order */
    ck_assert_str_eq(l[2].feed, "wide");
    ck_assert_uint_eq(enrich_listings(e, SL("203.0.113.7"), 0, l, 2), 2);
    ck_assert_str_eq(l[1].feed, "alike");
    ck_assert_uint_eq(enrich_listings(e, SL("203.0.9.9"), 0, l, 4), 1);
    ck_assert_uint_eq(enrich_listings(e, SL("203.1.0.0"), 0, l, 4), 0);
    ck_assert_uint_eq(enrich_listings(e, SL(""), 0, l, 4), 0);
    ck_assert(enrich_has_category(e, FEED_C2));
    ck_assert(!enrich_has_category(e, FEED_TOR));
    enrich_free(e);
}
END_TEST

START_TEST(a_feed_is_replaced_and_removed_as_a_whole)
{
    struct enrich *e = enrich_new();
    struct listing l;

    ck_assert(!enrich_has_feeds(e));
    set_feed(e, "one", list("203.0.113.7", FEED_C2, 90, false));
    set_feed(e, "one", list("203.0.113.8", FEED_C2, 90, false));
    ck_assert_uint_eq(enrich_listings(e, SL("203.0.113.7"), 0, &l, 1), 0);
    ck_assert_uint_eq(enrich_listings(e, SL("203.0.113.8"), 0, &l, 1), 1);
    ck_assert_uint_eq(feed_table_len(enrich_feed(e, "one")), 1);
    set_feed(e, "one", NULL);
    ck_assert_ptr_null(enrich_feed(e, "one"));
    ck_assert_uint_eq(enrich_listings(e, SL("203.0.113.8"), 0, &l, 1), 0);
    ck_assert(!enrich_has_feeds(e));
    enrich_free(e);
}
END_TEST

START_TEST(microsoft_s_addresses_are_listed_only_by_the_operator)
{
    struct enrich *e = enrich_new();
    struct feed_report report;
    struct listing l[2];

    set_csv(e, "cidr,asn,org\n203.0.113.0/24,8075,\n198.51.100.0/24,,Microsoft Corporation\n", &report);
    set_feed(e, "foreign", list("13.91.105.215\n203.0.113.7\n198.51.100.7\n", FEED_C2, 90, false));
    ck_assert_uint_eq(enrich_listings(e, SL("13.91.105.215"), 0, l, 2), 0);
    ck_assert_uint_eq(enrich_listings(e, SL("203.0.113.7"), 0, l, 2), 0);
    ck_assert_uint_eq(enrich_listings(e, SL("198.51.100.7"), 0, l, 2), 0);
    set_feed(e, "own", list("13.91.105.215\n", FEED_MALICIOUS, 70, true));
    ck_assert_uint_eq(enrich_listings(e, SL("13.91.105.215"), 0, l, 2), 1);
    ck_assert_str_eq(l[0].feed, "own");
    enrich_free(e);
}
END_TEST

/* ---- keys -------------------------------------------------------------------------------------- */

START_TEST(key_words_are_read_in_every_spelling)
{
    static const struct { const char *word, *name; enum key_kind kind; } cases[] = {
        { .word = "PrimaryMasterKey", .name = "PrimaryMasterKey", .kind = KEY_READ_WRITE },
        { .word = "secondarymasterkey", .name = "SecondaryMasterKey", .kind = KEY_READ_WRITE },
        { .word = "PrimaryReadOnlyMasterKey", .name = "PrimaryReadonlyMasterKey", .kind = KEY_READ_ONLY },
        { .word = "SecondaryReadonlyMasterKey", .name = "SecondaryReadonlyMasterKey", .kind = KEY_READ_ONLY },
        { .word = "AadToken", .name = "AadToken", .kind = KEY_ENTRA },
        { .word = "ResourceToken", .name = "ResourceToken", .kind = KEY_RESOURCE_TOKEN },
        { .word = "SystemReadWrite", .name = "SystemReadWrite", .kind = KEY_SERVICE },
        { .word = "SystemAll", .name = "SystemAll", .kind = KEY_SERVICE },
        { .word = "Invalid", .name = "", .kind = KEY_UNSAID },
        { .word = "", .name = "", .kind = KEY_UNSAID },
        { .word = "NewToken", .name = "", .kind = KEY_OTHER },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *name = NULL;

        ck_assert_msg(key_kind_parse(slice_of(cases[i].word), &name) == cases[i].kind, "%s", cases[i].word);
        ck_assert_str_eq(name, cases[i].name);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, ranges_are_read_exactly_or_not_at_all);
    tcase_add_test(t, private_addresses_are_told_from_public_ones);
    tcase_add_test(t, the_index_finds_the_same_ranges_as_looking_at_each);
    tcase_add_test(t, ranges_at_the_ends_of_the_address_space_hold);
    tcase_add_test(t, a_network_file_says_where_an_address_is);
    tcase_add_test(t, a_bad_line_of_a_network_file_costs_only_itself);
    tcase_add_test(t, a_bad_header_is_a_configuration_error);
    tcase_add_test(t, the_portal_s_middleware_is_known_from_birth);
    tcase_add_test(t, all_feeds_answer_best_first_and_up_to_the_asked_number);
    tcase_add_test(t, a_feed_is_replaced_and_removed_as_a_whole);
    tcase_add_test(t, microsoft_s_addresses_are_listed_only_by_the_operator);
    tcase_add_test(t, key_words_are_read_in_every_spelling);
    return run_group("enrich/addresses", t);
}
