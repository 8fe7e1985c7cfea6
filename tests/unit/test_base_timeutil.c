/* What base/timeutil.h promises: the calendar, all spellings that Azure writes, nothing else.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"

#include "base/buf.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <time.h>

#define REFUSED INT64_MIN

START_TEST(iso_texts_are_read_with_their_zone_and_fraction)
{
    static const struct { struct slice text; int64_t want; } cases[] = {
        { SL("1970-01-01T00:00:00Z"), 0 },
        { SL("1970-01-01"), 0 },
        { SL("1970-01-01 00:00:01"), NS_PER_S },
        { SL("1970-01-01t00:00:01z"), NS_PER_S },
        { SL("1970-01-01T00:00:00.1Z"), 100000000 },
        { SL("1970-01-01T00:00:00.1234567Z"), 123456700 },
        { SL("1970-01-01T00:00:00.123456789"), 123456789 },
        { SL("1970-01-01T01:00:00+01:00"), 0 },
        { SL("1970-01-01T00:00:00-00:30"), 1800 * NS_PER_S },
        { SL("1969-12-31T23:59:59.9999999Z"), -100 },
        { SL("2026-08-20T10:00:01.1234567Z"), INT64_C(1787220001123456700) },
        { SL("2000-02-29T00:00:00Z"), INT64_C(951782400) * NS_PER_S },
        { SL("2016-12-31T23:59:60Z"), INT64_C(1483228799) * NS_PER_S },
        { SL("2016-12-31T23:59:60.5Z"), INT64_C(1483228799) * NS_PER_S + 500000000 },
        { SL("1678-01-01T00:00:00+23:59"), INT64_C(-9214560000) * NS_PER_S - 86340 * NS_PER_S },
        { SL("2261-12-31T23:59:59.999999999-23:59"),
          INT64_C(9214646399) * NS_PER_S + 999999999 + 86340 * NS_PER_S },
        { SL("1677-12-31"), REFUSED },
        { SL("2262-01-01"), REFUSED },
        { SL("1601-01-01T00:00:00Z"), REFUSED },
        { SL("0001-01-01T00:00:00Z"), REFUSED },
        { SL("9999-12-31T23:59:59Z"), REFUSED },
        { SL("1900-02-29"), REFUSED },
        { SL("2023-02-29"), REFUSED },
        { SL("2026-04-31"), REFUSED },
        { SL("2026-00-01"), REFUSED },
        { SL("2026-13-01"), REFUSED },
        { SL("2026-01-00"), REFUSED },
        { SL("2026-01-01T24:00:00Z"), REFUSED },
        { SL("2026-01-01T00:60:00Z"), REFUSED },
        { SL("2026-01-01T00:00:61Z"), REFUSED },
        { SL("2026-01-01T00:00:00.Z"), REFUSED },
        { SL("2026-01-01T00:00:00.1234567890Z"), REFUSED },
        { SL("2026-01-01T00:00:00,5Z"), REFUSED },
        { SL("2026-01-01T00:00:00+0100"), REFUSED },
        { SL("2026-01-01T00:00:00+24:00"), REFUSED },
        { SL("2026-01-01T00:00:00+01:60"), REFUSED },
        { SL("2026-01-01T00:00:00ZZ"), REFUSED },
        { SL("2026-01-01T00:00:00 "), REFUSED },
        { SL("2026-01-01T00:00Z"), REFUSED },
        { SL("2026-01-01Z"), REFUSED },
        { SL("2026-1-01T00:00:00Z"), REFUSED },
        { SL("2026-01-01X00:00:00Z"), REFUSED },
        { SL("2026-01-0aT00:00:00Z"), REFUSED },
        { SL("2026-01-01T00:00:0/Z"), REFUSED },
        { SL("2026\0" "01-01T00:00:00Z"), REFUSED },
        { SL("08/20/2026 10:00:00 AM"), REFUSED },
        { SL(""), REFUSED },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t v = REFUSED;

        (void)time_parse_iso(cases[i].text, &v);
        ck_assert_msg(v == cases[i].want, "'%.*s' -> %" PRId64, SLF(cases[i].text), v);
    }
}
END_TEST

START_TEST(every_day_of_six_centuries_is_read_back)
{
    int64_t start, end;

    ck_assert(time_parse_iso(SL("1678-01-01"), &start));
    ck_assert(time_parse_iso(SL("2261-12-31"), &end));
    for (int64_t t = start; t <= end; t += NS_PER_DAY) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(40);
        int64_t back = 0, noon = t + NS_PER_DAY / 2 + 1;
        time_t seconds = (time_t)time_floor(t, NS_PER_S) / NS_PER_S;
        struct tm day;
        char want[16];

        time_add_iso(&b, noon, 9);
        (void)gmtime_r(&seconds, &day);
        (void)strftime(want, sizeof(want), "%Y-%m-%d", &day);
        if (!time_parse_iso(buf_slice(&b), &back) || back != noon || strncmp(buf_cstr(&b), want, 10) != 0)
            ck_abort_msg("%s is %s", buf_cstr(&b), want);
    }
}
END_TEST

START_TEST(iso_text_is_written_with_the_digits_asked_for)
{
    static const struct { int64_t ns; int digits; const char *want; } cases[] = {
        { 0, 0, "1970-01-01T00:00:00Z" },
        { 123456789, 0, "1970-01-01T00:00:00Z" },
        { 123456789, 3, "1970-01-01T00:00:00.123Z" },
        { 123456789, 7, "1970-01-01T00:00:00.1234567Z" },
        { 123456789, 9, "1970-01-01T00:00:00.123456789Z" },
        { -1, 9, "1969-12-31T23:59:59.999999999Z" },
        { -1, 0, "1969-12-31T23:59:59Z" },
        { INT64_MAX, 9, "2262-04-11T23:47:16.854775807Z" },
        { INT64_MIN, 9, "1677-09-21T00:12:43.145224192Z" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(40);

        time_add_iso(&b, cases[i].ns, cases[i].digits);
        ck_assert_str_eq(buf_cstr(&b), cases[i].want);
    }
}
END_TEST

START_TEST(http_dates_are_read_in_their_one_form)
{
    static const struct { struct slice text; int64_t want; } cases[] = {
        { SL("Sun, 06 Nov 1994 08:49:37 GMT"), INT64_C(784111777) * NS_PER_S },
        { SL("Thu, 01 Jan 1970 00:00:00 GMT"), 0 },
        { SL("Thu, 29 Feb 2024 23:59:59 GMT"), INT64_C(1709251199) * NS_PER_S },
        { SL("Sunday, 06-Nov-94 08:49:37 GMT"), REFUSED },
        { SL("Sun Nov  6 08:49:37 1994"), REFUSED },
        { SL("Sun, 06 Nov 1994 08:49:37 UTC"), REFUSED },
        { SL("Sun, 06 nov 1994 08:49:37 GMT"), REFUSED },
        { SL("Xxx, 06 Nov 1994 08:49:37 GMT"), REFUSED },
        { SL("Sun, 31 Nov 1994 08:49:37 GMT"), REFUSED },
        { SL("Sun, 06 Nov 1994 08:49:37 GM"), REFUSED },
        { SL(""), REFUSED },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t v = REFUSED;

        (void)time_parse_http(cases[i].text, &v);
        ck_assert_msg(v == cases[i].want, "'%.*s' -> %" PRId64, SLF(cases[i].text), v);
    }
}
END_TEST

START_TEST(floor_goes_down_on_both_sides_of_1970)
{
    ck_assert_int_eq(time_floor(0, 60), 0);
    ck_assert_int_eq(time_floor(59, 60), 0);
    ck_assert_int_eq(time_floor(60, 60), 60);
    ck_assert_int_eq(time_floor(-1, 60), -60);
    ck_assert_int_eq(time_floor(-60, 60), -60);
    ck_assert_int_eq(time_floor(-61, 60), -120);
    ck_assert_int_eq(time_floor(7, 0), 7);
    ck_assert_int_eq(time_floor(INT64_MIN, 60), INT64_MIN);
    ck_assert_int_eq(time_floor(INT64_MAX, 1), INT64_MAX);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        iso_texts_are_read_with_their_zone_and_fraction,
        every_day_of_six_centuries_is_read_back,
        iso_text_is_written_with_the_digits_asked_for,
        http_dates_are_read_in_their_one_form,
        floor_goes_down_on_both_sides_of_1970,
    };

    return run_tests("timeutil", tests, ARRAY_LEN(tests));
}
