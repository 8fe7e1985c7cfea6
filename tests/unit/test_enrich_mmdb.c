/* What agent/enrich/mmdb.h promises: no file ends the process.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/mmdb.h"

#include "base/file.h"
#include "enrich/places.h"
#include "tests/kit/mmdb.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARKER "\xab\xcd\xefMaxMind.com"
#define MAP(n) ((char)(0xe0 | (n))) /* a control byte of so many pairs, less than 29 */
#define TEXT(n) ((char)(0x40 | (n)))

static char dir[64], path[96];
static struct error err;

static void set_up(void)
{
    (void)snprintf(dir, sizeof dir, "/tmp/mmdb-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/a.mmdb", dir);
    err = (struct error){ 0 };
}

static void tear_down(void)
{
    (void)unlink(path);
    (void)rmdir(dir);
}

static void add_text(struct buf *out, const char *text)
{
    buf_add_char(out, TEXT(strlen(text)));
    buf_add_str(out, text);
}

/* {"": {"": ... }}, so often, around an empty text */
static void add_nested(struct buf *out, size_t times)
{
    for (size_t i = 0; i < times; i++) {
        buf_add_char(out, MAP(1));
        buf_add_char(out, TEXT(0));
    }
    buf_add_char(out, TEXT(0));
}

static void is_refused(const char *why)
{
    MMDB_s db;

    ck_assert_int_eq(mmdb_open(path, &db, &err), -1);
    ck_assert_int_eq(err.code, ERR_INPUT);
    ck_assert_msg(strstr(err.msg, why) != NULL, "%s", err.msg);
    err = (struct error){ 0 };
}

/* A file that says no more than what `description` holds. */
static void is_refused_with(struct buf *description, const char *why)
{
    struct buf out = BUF_INIT(1u << 20);

    buf_add(&out, MARKER, sizeof MARKER - 1);
    buf_add_slice(&out, buf_slice(description));
    mmdb_write_bytes(path, buf_slice(&out));
    buf_release(&out);
    buf_release(description);
    is_refused(why);
}

/* What the one node of the file tells every address. */
static void write_told(struct buf *data)
{
    mmdb_write_one(path, buf_slice(data), 1);
    buf_release(data);
}

static struct place told(void)
{
    static char country[64];
    struct places *p = places_new();
    struct place ret;

    ck_assert_ptr_nonnull(p);
    ck_assert_msg(places_add_database(p, path, PLACES_NOW, &err) == 0, "%s", err.msg);
    places_find(p, NULL, SL("203.0.113.7"), SL(""), &ret);
    (void)snprintf(country, sizeof country, "%s", ret.country);
    ret.country = country;
    ret.city = ret.org = ret.source = "";
    places_free(p);
    return ret;
}

/* ---- the file as a whole -------------------------------------------------- */

START_TEST(a_tree_that_is_longer_than_the_file_is_not_gone_to)
{
    static const unsigned nodes[] = { 1431655764, /* of six bytes each: 8 bytes less than a multiple of 4 GiB */
                                      715827883, 4294967295, 200 };

    for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
        mmdb_write_one(path, SL("\x40"), nodes[i]);
        is_refused("longer than it is");
    }
}
END_TEST

START_TEST(what_is_no_file_or_says_nothing_is_refused)
{
    struct buf page = BUF_INIT(8192);
    MMDB_s db;

    mmdb_write_bytes(path, SL(""));
    is_refused("nothing at its end");
    /* The page ends behind the marker; what comes next is not mapped. */
    while (page.len < 4096 - (sizeof MARKER - 1))
        buf_add_char(&page, '\0');
    buf_add(&page, MARKER, sizeof MARKER - 1);
    mmdb_write_bytes(path, buf_slice(&page));
    is_refused("damaged");
    buf_release(&page);
    ck_assert_int_eq(mmdb_open(dir, &db, &err), -1);
    ck_assert_int_eq(err.code, ERR_INPUT);
    ck_assert_int_eq(mmdb_open("/nowhere/a.mmdb", &db, &err), -1);
    ck_assert_int_eq(err.code, ERR_IO);
}
END_TEST

START_TEST(a_description_without_end_is_not_laid_out)
{
    struct buf deep = BUF_INIT(1u << 16), doubling = BUF_INIT(1u << 16), lost = BUF_INIT(1024);

    add_nested(&deep, 8000);
    is_refused_with(&deep, "damaged");
    /* Each pair's values are pointers to the pair before: as many texts as 2 to the 28. */
    buf_add_char(&doubling, MAP(28));
    for (int i = 0; i < 28; i++) {
        size_t at = doubling.len;

        buf_add_char(&doubling, TEXT(1));
        buf_add_char(&doubling, (char)('A' + i));
        buf_add_char(&doubling, MAP(2));
        for (int side = 0; side < 2; side++) {
            buf_add_char(&doubling, TEXT(0));
            buf_add_char(&doubling, i == 0 ? TEXT(0) : '\x20');
            if (i > 0)
                buf_add_char(&doubling, (char)(at - (i == 1 ? 7 : 9) + 2));
        }
    }
    is_refused_with(&doubling, "damaged");
    buf_add(&lost, "\xe1\x41" "a\x3f\x7f\x7f\x7f\x7f", 8); /* a pointer beyond the end */
    is_refused_with(&lost, "damaged");
}
END_TEST

/* ---- one value -------------------------------------------------- */

START_TEST(pointers_to_what_is_told_are_followed)
{
    struct buf data = BUF_INIT(1024);

    buf_add_char(&data, MAP(2));
    add_text(&data, "city");
    buf_add(&data, "\x20\x13", 2); /* what is at 19 */
    add_text(&data, "country");
    buf_add(&data, "\x20\x13", 2);
    buf_add_char(&data, TEXT(0));
    ck_assert_uint_eq(data.len, 0x13);
    buf_add_char(&data, MAP(1));
    add_text(&data, "iso_code");
    add_text(&data, "NL");
    write_told(&data);
    ck_assert_str_eq(told().country, "NL");
}
END_TEST

START_TEST(what_stands_too_deep_is_not_stepped_over)
{
    static const struct { size_t times; const char *country; } cases[] = { { 14, "NL" }, { 15, "" }, { 1000000, "" } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf data = BUF_INIT(1u << 22);

        buf_add_char(&data, MAP(2));
        add_text(&data, "aside");
        add_nested(&data, cases[i].times);
        add_text(&data, "country_code");
        add_text(&data, "NL");
        write_told(&data);
        ck_assert_str_eq(told().country, cases[i].country);
    }
}
END_TEST

START_TEST(what_one_address_is_told_has_a_bound)
{
    static const struct { size_t len; const char *country; } cases[] = { { 65480, "NL" }, { 70000, "" } };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf data = BUF_INIT(1u << 18);
        size_t n = cases[i].len;

        buf_add_char(&data, MAP(2));
        add_text(&data, "aside");
        buf_add_char(&data, TEXT(n < 65821 ? 30 : 31));
        if (n < 65821)
            n -= 285;
        else {
            n -= 65821;
            buf_add_char(&data, (char)(n >> 16));
        }
        buf_add_char(&data, (char)(n >> 8 & 0xff));
        buf_add_char(&data, (char)(n & 0xff));
        for (size_t k = 0; k < cases[i].len; k++)
            buf_add_char(&data, 'x');
        add_text(&data, "country_code");
        add_text(&data, "NL");
        write_told(&data);
        ck_assert_str_eq(told().country, cases[i].country);
    }
}
END_TEST

START_TEST(cut_at_any_byte_it_is_refused_or_answers)
{
    const struct mmdb_entry entries[] = { { .cidr = "203.0.113.0/24", .country = "FR", .city = "Lyon", .lat = 45, .lon = 4 } };
    struct buf whole = BUF_INIT(8192);

    mmdb_write(path, "GeoLite2-City", 1772323200, entries, ARRAY_LEN(entries));
    ck_assert_int_eq(file_read(&whole, path, &err), 0);
    ck_assert_uint_gt(whole.len, 0);
    ck_assert_str_eq(told().country, "FR");
    for (size_t len = 0; len < whole.len; len++) {
        struct places *p = places_new();
        struct place at;

        ck_assert_ptr_nonnull(p);
        mmdb_write_bytes(path, slice_make(whole.at, len));
        if (places_add_database(p, path, PLACES_NOW, &err) == 0)
            places_find(p, NULL, SL("203.0.113.7"), SL(""), &at);
        else
            ck_assert_int_eq(err.code, ERR_INPUT);
        places_free(p);
    }
    buf_release(&whole);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("mmdb");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_tree_that_is_longer_than_the_file_is_not_gone_to);
    tcase_add_test(t, what_is_no_file_or_says_nothing_is_refused);
    tcase_add_test(t, a_description_without_end_is_not_laid_out);
    tcase_add_test(t, pointers_to_what_is_told_are_followed);
    tcase_add_test(t, what_stands_too_deep_is_not_stepped_over);
    tcase_add_test(t, what_one_address_is_told_has_a_bound);
    tcase_add_test(t, cut_at_any_byte_it_is_refused_or_answers);
    return run_group("mmdb", t);
}
