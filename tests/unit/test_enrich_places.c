/* What agent/enrich/places.h promises: who is asked first, and that nothing is guessed.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/places.h"

#include "base/timeutil.h"
#include "base/buf.h"
#include "enrich/country.h"
#include "enrich/networks.h"
#include "tests/kit/mmdb.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ROW "{\"country\":\"Netherlands\",\"state\":\"\",\"city\":\"Utrecht\",\"latitude\":52.09,\"longitude\":5.12}"

static char dir[64];
static struct error err;

static const char *in_dir(const char *name)
{
    static char path[4][160];
    static unsigned turn;
    char *p = path[turn++ % 4];

    (void)snprintf(p, 160, "%s/%s", dir, name);
    return p;
}

static void set_up(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/places-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void tear_down(void)
{
    (void)unlink(in_dir("city.mmdb"));
    (void)unlink(in_dir("asn.mmdb"));
    (void)unlink(in_dir("bad.mmdb"));
    (void)rmdir(dir);
}

static void write_city(const char *country, const char *city)
{
    const struct mmdb_entry entries[] = {
        { .cidr = "203.0.113.0/24", .country = country, .city = city, .lat = 52.37, .lon = 4.9 },
        { .cidr = "198.51.100.0/25", .country = "JP", .is_flat = 1 },
        { .cidr = "2001:db8::/32", .country = "DE" },
    };

    mmdb_write(in_dir("city.mmdb"), "GeoLite2-City", 1772323200, entries, ARRAY_LEN(entries));
}

static void write_asn(void)
{
    const struct mmdb_entry entries[] = {
        { .cidr = "203.0.113.0/24", .asn = 64500, .org = "Example Carrier" },
        { .cidr = "198.51.100.0/24", .asn = 8075, .org = "MICROSOFT-CORP-MSN-AS-BLOCK" },
    };

    mmdb_write(in_dir("asn.mmdb"), "GeoLite2-ASN", 1772323200, entries, ARRAY_LEN(entries));
}

static struct place find(const struct enrich *e, const char *address, const char *row)
{
    struct place p;

    enrich_place(e, slice_of(address), slice_of(row), 0, &p);
    return p;
}

static void add_network(struct enrich *e, const char *cidr, const struct network *n)
{
    struct network_table *t = network_table_new();

    ck_assert_int_eq(network_table_add(t, slice_of(cidr), n, &err), 0);
    ck_assert_int_eq(enrich_set_networks(e, t, &err), 0);
}

START_TEST(without_any_source_nothing_is_known_and_nothing_guessed)
{
    struct enrich *e = enrich_new();
    struct place p = find(e, "203.0.113.5", "");

    ck_assert(!enrich_knows_countries(e) && !enrich_knows_networks(e));
    ck_assert_str_eq(p.country, "");
    ck_assert(isnan(p.lat) && p.asn == 0 && !p.is_trusted);
    p = find(e, "nonsense", ROW);
    ck_assert_str_eq(p.country, "");
    p = find(e, "203.0.113.5", "{\"country\":\"\"}");
    ck_assert_str_eq(p.country, "");
    p = find(e, "203.0.113.5", "{broken");
    ck_assert_str_eq(p.country, "");
    p = find(e, "104.42.195.92", "");
    ck_assert(p.is_microsoft);
    enrich_free(e);
}
END_TEST

START_TEST(the_row_tells_when_nobody_else_does)
{
    struct enrich *e = enrich_new();
    struct place p = find(e, "203.0.113.5", ROW);

    ck_assert_str_eq(p.country, "NL");
    ck_assert_str_eq(p.city, "Utrecht");
    ck_assert_str_eq(p.source, "workspace");
    ck_assert_double_eq_tol(p.lat, 52.09, 1e-9);
    ck_assert(enrich_knows_countries(e) && !enrich_knows_networks(e));
    enrich_free(e);
}
END_TEST

START_TEST(files_come_before_the_row_and_the_operator_before_both)
{
    struct enrich *e = enrich_new();
    struct network n = { .name = "office", .country = "Belgium", .lat = 50.8, .lon = 4.3, .is_trusted = true,
                         .until_ns = INT64_MAX };
    struct place p;

    write_city("FR", "Lyon");
    write_asn();
    ck_assert_int_eq(places_add_database(enrich_places(e), in_dir("city.mmdb"), PLACES_NOW, &err), 0);
    ck_assert_int_eq(places_add_database(enrich_places(e), in_dir("asn.mmdb"), PLACES_NOW, &err), 0);
    p = find(e, "203.0.113.5", ROW);
    ck_assert_str_eq(p.country, "FR");
    ck_assert_str_eq(p.city, "Lyon");
    ck_assert_str_eq(p.source, "GeoLite2-City of 2026-03-01");
    ck_assert_str_eq(p.org, "Example Carrier");
    ck_assert_int_eq(p.asn, 64500);
    ck_assert(!p.is_microsoft);
    p = find(e, "198.51.100.7", "");
    ck_assert_str_eq(p.country, "JP");
    ck_assert(p.is_microsoft);
    p = find(e, "198.51.100.200", ROW); /* the file has no country for it, the row has */
    ck_assert_str_eq(p.country, "NL");
    p = find(e, "2001:db8::1", "");
    ck_assert_str_eq(p.country, "DE");
    ck_assert_str_eq(find(e, "192.0.2.1", "").country, "");
    add_network(e, "203.0.113.0/26", &n);
    p = find(e, "203.0.113.5", ROW);
    ck_assert_str_eq(p.country, "BE");
    ck_assert_str_eq(p.network, "office");
    ck_assert_int_eq(p.asn, 64500); /* which the operator did not say */
    ck_assert(p.is_trusted);
    ck_assert_str_eq(find(e, "203.0.113.99", "").country, "FR");
    enrich_free(e);
}
END_TEST

START_TEST(a_changed_file_is_read_again_and_a_damaged_one_is_not)
{
    struct enrich *e = enrich_new();
    FILE *f;

    write_city("FR", "Lyon");
    ck_assert_int_eq(places_add_database(enrich_places(e), in_dir("city.mmdb"), PLACES_NOW, &err), 0);
    ck_assert_str_eq(find(e, "203.0.113.5", "").country, "FR");
    write_city("IT", "Roma");
    ck_assert_str_eq(find(e, "203.0.113.5", "").country, "FR"); /* until told to look */
    ck_assert_int_eq(places_refresh(enrich_places(e), &err), 1);
    ck_assert_str_eq(find(e, "203.0.113.5", "").country, "IT");
    f = fopen(in_dir("bad.mmdb"), "wb");
    ck_assert_ptr_nonnull(f);
    (void)fputs("no database", f);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_int_eq(rename(in_dir("bad.mmdb"), in_dir("city.mmdb")), 0);
    ck_assert_int_eq(places_refresh(enrich_places(e), &err), -1);
    ck_assert_int_eq(err.code, ERR_INPUT);
    ck_assert_int_eq(places_refresh(enrich_places(e), &err), 0); /* said once */
    ck_assert_str_eq(find(e, "203.0.113.5", "").country, "IT");
    write_city("ES", "Vigo");
    ck_assert_int_eq(places_refresh(enrich_places(e), &err), 1);
    ck_assert_str_eq(find(e, "203.0.113.5", "").country, "ES");
    (void)unlink(in_dir("city.mmdb"));
    ck_assert_int_eq(places_refresh(enrich_places(e), &err), 0);
    ck_assert_str_eq(find(e, "203.0.113.5", "").country, "ES");
    ck_assert_int_eq(places_add_database(enrich_places(e), in_dir("none.mmdb"), PLACES_NOW, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
    enrich_free(e);
}
END_TEST

START_TEST(writing_into_a_file_takes_nothing_away)
{
    struct enrich *e = enrich_new();
    FILE *f;

    write_city("FR", "Lyon");
    ck_assert_int_eq(places_add_database(enrich_places(e), in_dir("city.mmdb"), PLACES_NOW, &err), 0);
    f = fopen(in_dir("city.mmdb"), "wb"); /* empty, and the same file */
    ck_assert_ptr_nonnull(f);
    ck_assert_str_eq(find(e, "203.0.113.5", "").country, "FR");
    ck_assert_int_eq(places_refresh(enrich_places(e), &err), -1);
    ck_assert_str_eq(find(e, "203.0.113.6", "").country, "FR");
    ck_assert_int_eq(fclose(f), 0);
    enrich_free(e);
}
END_TEST

START_TEST(a_file_that_comes_later_is_read_then)
{
    struct enrich *e = enrich_new();

    ck_assert_int_eq(places_add_database(enrich_places(e), in_dir("city.mmdb"), PLACES_NOW, &err), -1);
    write_city("FR", "Lyon");
    ck_assert_int_eq(places_refresh(enrich_places(e), &err), 0);
    ck_assert_str_eq(find(e, "203.0.113.5", "").country, "");
    (void)unlink(in_dir("city.mmdb"));
    ck_assert_int_eq(places_add_database(enrich_places(e), in_dir("city.mmdb"), PLACES_LATER, &err), -1);
    ck_assert_str_eq(find(e, "203.0.113.5", "").country, "");
    ck_assert(!places_know_countries(enrich_places(e)));
    write_city("IT", "Roma");
    ck_assert_int_eq(places_refresh(enrich_places(e), &err), 1);
    ck_assert_str_eq(find(e, "203.0.113.5", "").country, "IT");
    enrich_free(e);
}
END_TEST

START_TEST(countries_have_one_spelling)
{
    ck_assert_str_eq(country_code(SL("united states")), "US");
    ck_assert_str_eq(country_code(SL("nl")), "NL");
    ck_assert_str_eq(country_code(SL("T\xc3\xbcrkiye")), "TR");
    ck_assert_ptr_null(country_code(SL("Atlantis")));
    ck_assert_ptr_null(country_code(SL("")));
    ck_assert_str_eq(country_name(SL("DE")), "Germany");
    ck_assert_ptr_null(country_name(SL("ZZ")));
}
END_TEST

START_TEST(words_and_distance)
{
    char room[PLACE_TEXT_MAX];
    struct place p = { .country = "NL", .city = "Den \"Haag\"", .lat = 52, .lon = 4.25 };
    struct slice text = place_text(&p, room);

    ck_assert(slice_eq(text, SL("{\"country\":\"Netherlands\",\"city\":\"Den \\\"Haag\\\"\",\"latitude\":52.0000,"
                                "\"longitude\":4.2500}")));
    ck_assert(slice_empty(place_text(&(struct place){ .country = "", .city = "" }, room)));
    ck_assert_double_eq_tol(place_distance_km(52.37, 4.9, 40.71, -74.0), 5860, 40);
    ck_assert(isnan(place_distance_km((double)NAN, 0, 0, 0)));
}
END_TEST

START_TEST(a_place_is_read_back_and_told_in_words)
{
    static const struct { const char *text, *words; bool is_place; } cases[] = {
        { ROW, "Utrecht, Netherlands", true },
        { "{\"country\":\"Brazil\"}", "Brazil", true },
        { "{\"country\":\"Brazil\",\"latitude\":91,\"longitude\":1}", "Brazil", true },
        { "{\"city\":\"Utrecht\"}", "{\"city\":\"Utrecht\"}", false },
        { "branch office", "branch office", false },
        { "", "", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_INIT(1024);
        struct place_said said;

        ck_assert_int_eq(place_read(slice_of(cases[i].text), &said), cases[i].is_place);
        ck_assert(isnan(said.lat) == (i != 0));
        place_words(slice_of(cases[i].text), &out);
        ck_assert_str_eq(buf_cstr(&out), cases[i].words);
        buf_release(&out);
    }
}
END_TEST

START_TEST(countries_have_a_middle)
{
    double nl[2], ng[2];

    ck_assert(country_middle(SL("nl"), &nl[0], &nl[1]) && country_middle(SL("NG"), &ng[0], &ng[1]));
    ck_assert(!country_middle(SL("??"), &nl[0], &nl[1]));
    ck_assert_double_eq_tol(place_distance_km(nl[0], nl[1], ng[0], ng[1]), 4700, 300);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("places");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, without_any_source_nothing_is_known_and_nothing_guessed);
    tcase_add_test(t, the_row_tells_when_nobody_else_does);
    tcase_add_test(t, files_come_before_the_row_and_the_operator_before_both);
    tcase_add_test(t, a_changed_file_is_read_again_and_a_damaged_one_is_not);
    tcase_add_test(t, writing_into_a_file_takes_nothing_away);
    tcase_add_test(t, a_file_that_comes_later_is_read_then);
    tcase_add_test(t, countries_have_one_spelling);
    tcase_add_test(t, words_and_distance);
    tcase_add_test(t, a_place_is_read_back_and_told_in_words);
    tcase_add_test(t, countries_have_a_middle);
    return run_group("places", t);
}
