/* What base/num.h promises: whole fields, ranges, no wrap-around.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"

#include "base/buf.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

START_TEST(sums_stick_at_the_ends)
{
    ck_assert_int_eq(i64_add_sat(INT64_MAX, 1), INT64_MAX);
    ck_assert_int_eq(i64_add_sat(INT64_MIN, -1), INT64_MIN);
    ck_assert_int_eq(i64_add_sat(INT64_MAX, INT64_MIN), -1);
    ck_assert_int_eq(i64_add_sat(1, 2), 3);
}
END_TEST

START_TEST(integers_are_whole_fields_in_range)
{
    static const struct { struct slice text; int64_t min, max; bool fine; int64_t want; } cases[] = {
        { SL("0"), 0, 0, true, 0 },
        { SL("-0"), 0, 0, true, 0 },
        { SL("007"), 0, 10, true, 7 },
        { SL("9223372036854775807"), INT64_MIN, INT64_MAX, true, INT64_MAX },
        { SL("-9223372036854775808"), INT64_MIN, INT64_MAX, true, INT64_MIN },
        { SL("9223372036854775808"), INT64_MIN, INT64_MAX, false, 0 },
        { SL("-9223372036854775809"), INT64_MIN, INT64_MAX, false, 0 },
        { SL("18446744073709551616"), INT64_MIN, INT64_MAX, false, 0 },
        { SL("99999999999999999999999999"), INT64_MIN, INT64_MAX, false, 0 },
        { SL("5"), 1, 5, true, 5 },
        { SL("6"), 1, 5, false, 0 },
        { SL("0"), 1, 5, false, 0 },
        { SL(""), 0, 5, false, 0 },
        { SL("-"), -5, 5, false, 0 },
        { SL("+1"), -5, 5, false, 0 },
        { SL(" 1"), -5, 5, false, 0 },
        { SL("1 "), -5, 5, false, 0 },
        { SL("1.0"), -5, 5, false, 0 },
        { SL("0x1"), -5, 5, false, 0 },
        { SL("1\0"), -5, 5, false, 0 },
        { SL("--1"), -5, 5, false, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t v = 77;
        bool fine = parse_i64(cases[i].text, cases[i].min, cases[i].max, &v);

        ck_assert_msg(fine == cases[i].fine && v == (fine ? cases[i].want : 77), "'%.*s' -> %d %" PRId64,
                      SLF(cases[i].text), fine, v);
    }
    ck_assert(!parse_i64((struct slice){ 0 }, 0, 1, &(int64_t){ 0 }));
}
END_TEST

START_TEST(reals_are_spelled_as_json_spells_them)
{
    static const char *const fine[] = {
        "0", "-0", "0.0", "1", "-1", "2.83", "1e0", "1E+5", "1e-5", "0.1", "123456789012345678901234567890",
        "4.9406564584124654e-324", "1.7976931348623157e308", "1e-400", "0e999", "9007199254740993",
        "0.000000000000000000000000000001", "3.141592653589793238462643383279", "1e22", "1e23", "-2.5e-7",
        "8.41e21", "123456789012345e-22", "7205759403792793e-16",
    };
    static const char *const wrong[] = {
        "", "-", "+1", "01", "-01", ".5", "1.", "1.e5", "1e", "1e+", "1e+-5", "1e5.0", "NaN", "nan", "inf",
        "Infinity", "0x10", "1,5", " 1", "1 ", "1e999", "-1e999", "1d", "--1", "1e99999999999999999999",
    };
    char longest[500];

    for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
        double v = -77.0, want = strtod(fine[i], NULL);

        ck_assert_msg(parse_real(slice_of(fine[i]), &v), "'%s' refused", fine[i]);
        ck_assert_msg(memcmp(&v, &want, sizeof(v)) == 0, "'%s' is %.17g, not %.17g", fine[i], v, want);
    }
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        double v = -77.0;

        ck_assert_msg(!parse_real(slice_of(wrong[i]), &v), "'%s' taken as %g", wrong[i], v);
        ck_assert_double_eq(v, -77.0);
    }
    memset(longest, '1', sizeof(longest));
    ck_assert(!parse_real(slice_make(longest, sizeof(longest)), &(double){ 0 }));
    ck_assert(!parse_real(SL("1\0"), &(double){ 0 }));
}
END_TEST

START_TEST(short_reals_round_as_strtod_does)
{
    uint64_t state = 1;

    for (int i = 0; i < 200000; i++) {
        char text[64];
        double v = 0, want;

        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        (void)snprintf(text, sizeof(text), "%" PRIu64 ".%0*" PRIu64 "e%d", state >> 44,
                       (int)(state % 9 + 1), (state >> 20) % 10, (int)(state >> 33) % 40 - 20);
        want = strtod(text, NULL);
        if (!parse_real(slice_of(text), &v) || memcmp(&v, &want, sizeof(v)) != 0)
            ck_abort_msg("%s: %.17g, not %.17g", text, v, want);
    }
}
END_TEST

START_TEST(durations_have_units)
{
    static const struct { struct slice text; int64_t want; /* -1: refused */ } cases[] = {
        { SL("0"), 0 },          { SL("0s"), 0 },         { SL("300ms"), 300 },
        { SL("30s"), 30000 },    { SL("5m"), 300000 },    { SL("2h"), 7200000 },
        { SL("14d"), 1209600000 }, { SL("2w"), 1209600000 }, { SL("1h 30m"), 5400000 },
        { SL("1h30m"), 5400000 }, { SL("1m 500ms"), 60500 },
        { SL(""), -1 },          { SL("5"), -1 },         { SL("00"), -1 },   { SL("m"), -1 },
        { SL("-5m"), -1 },       { SL("5M"), -1 },        { SL("5 m"), -1 },  { SL("5m "), -1 },
        { SL(" 5m"), -1 },       { SL("30m 1h"), -1 },    { SL("1m 1m"), -1 }, { SL("1.5h"), -1 },
        { SL("1h,30m"), -1 },    { SL("5min"), -1 },      { SL("15250284453w"), -1 },
        { SL("9223372036854775808ms"), -1 },              { SL("9223372036854775807ms"), INT64_MAX },
        { SL("1s 9223372036854775807ms"), -1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t v = -1;

        (void)parse_duration_ms(cases[i].text, &v);
        ck_assert_msg(v == cases[i].want, "'%.*s' -> %" PRId64, SLF(cases[i].text), v);
    }
}
END_TEST

START_TEST(sizes_tell_thousands_from_powers_of_two)
{
    static const struct { struct slice text; int64_t want; } cases[] = {
        { SL("0"), 0 },           { SL("512"), 512 },      { SL("512B"), 512 },
        { SL("64KiB"), 65536 },   { SL("64Ki"), 65536 },   { SL("1k"), 1000 },
        { SL("10MB"), 10000000 }, { SL("10 MB"), 10000000 }, { SL("10mb"), 10000000 },
        { SL("1GiB"), 1073741824 }, { SL("2T"), 2000000000000 }, { SL("1TiB"), INT64_C(1) << 40 },
        { SL("8388607TiB"), INT64_C(8388607) << 40 },
        { SL("8388608TiB"), -1 }, { SL("9223372036854775808"), -1 },
        { SL(""), -1 },           { SL("B"), -1 },         { SL("-1"), -1 },   { SL("1.5GB"), -1 },
        { SL("1GBB"), -1 },       { SL("1 "), -1 },        { SL("1  MB"), -1 }, { SL("1iB"), -1 },
        { SL("1Gb/s"), -1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t v = -1;

        (void)parse_bytes(cases[i].text, &v);
        ck_assert_msg(v == cases[i].want, "'%.*s' -> %" PRId64, SLF(cases[i].text), v);
    }
}
END_TEST

START_TEST(sizes_are_written_in_three_figures)
{
    static const struct { int64_t v; const char *want; } cases[] = {
        { 0, "0 B" },           { 512, "512 B" },          { 999, "999 B" },
        { 1000, "1 kB" },       { 1049, "1 kB" },          { 1050, "1.1 kB" },
        { 7400000000, "7.4 GB" }, { 40000000, "40 MB" },   { 99940, "99.9 kB" },
        { 99950, "100 kB" },    { 999499, "999 kB" },      { 999500, "1 MB" },
        { 999999999, "1 GB" },  { -1500, "-1.5 kB" },      { INT64_MAX, "9.2 EB" },
        { INT64_MIN, "-9.2 EB" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(64);

        fmt_bytes(&b, cases[i].v);
        ck_assert_msg(strcmp(buf_cstr(&b), cases[i].want) == 0, "%" PRId64 " -> %s", cases[i].v,
                      buf_cstr(&b));
    }
}
END_TEST

START_TEST(durations_are_written_in_their_two_largest_units)
{
    static const struct { int64_t v; const char *want; } cases[] = {
        { 0, "0" },               { 1, "1ms" },          { 250, "250ms" },      { 1000, "1s" },
        { 1500, "1s 500ms" },     { 60000, "1m" },       { 5400000, "1h 30m" }, { 86400000, "1d" },
        { 1209600000, "14d" },    { 90061001, "1d 1h" }, { 86400000 + 60000, "1d" }, { -60000, "-1m" },
        { INT64_MIN, "-106751991167d 7h" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(64);

        fmt_duration_ms(&b, cases[i].v);
        ck_assert_msg(strcmp(buf_cstr(&b), cases[i].want) == 0, "%" PRId64 " -> %s", cases[i].v,
                      buf_cstr(&b));
    }
}
END_TEST

START_TEST(counts_have_commas)
{
    static const struct { int64_t v; const char *want; } cases[] = {
        { 0, "0" }, { 999, "999" }, { 1000, "1,000" }, { 1234567, "1,234,567" }, { -1000, "-1,000" },
        { INT64_MIN, "-9,223,372,036,854,775,808" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(64);

        fmt_count(&b, cases[i].v);
        ck_assert_str_eq(buf_cstr(&b), cases[i].want);
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        sums_stick_at_the_ends,
        integers_are_whole_fields_in_range,
        reals_are_spelled_as_json_spells_them,
        short_reals_round_as_strtod_does,
        durations_have_units,
        sizes_tell_thousands_from_powers_of_two,
        sizes_are_written_in_three_figures,
        durations_are_written_in_their_two_largest_units,
        counts_have_commas,
    };

    return run_tests("num", tests, ARRAY_LEN(tests));
}
