/* What base/buf.h promises: a ceiling from birth, the first failure is remembered, adds are whole.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdlib.h>

START_TEST(an_untouched_buf_is_an_empty_text)
{
    struct buf b = BUF_INIT(10);
    struct error err = { 0 };
    char *taken;

    ck_assert_str_eq(buf_cstr(&b), "");
    ck_assert_uint_eq(buf_slice(&b).len, 0);
    ck_assert_int_eq(buf_check(&b, &err), 0);
    taken = buf_take(&b);
    ck_assert_str_eq(taken, "");
    free(taken);
    buf_release(&b);
    buf_release(NULL);
}
END_TEST

START_TEST(the_ceiling_can_be_reached_but_not_passed)
{
    for (size_t max = 0; max <= 130; max++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(max);
        struct error err = { 0 };

        for (size_t i = 0; i < max; i++)
            buf_add_char(&b, 'x');
        ck_assert_int_eq(buf_check(&b, &err), 0);
        ck_assert_uint_eq(b.len, max);
        buf_add_char(&b, 'y');
        ck_assert_int_eq(buf_check(&b, &err), -1);
        ck_assert_int_eq(err.code, ERR_LIMIT);
        ck_assert_uint_eq(b.len, max);
        ck_assert_uint_eq(strlen(buf_cstr(&b)), max);
    }
}
END_TEST

START_TEST(an_add_that_does_not_fit_adds_nothing_and_stops_the_rest)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(5);
    struct error err = { 0 };

    buf_add_str(&b, "abc");
    buf_add_str(&b, "def");
    buf_add_char(&b, 'g');
    buf_addf(&b, "%d", 1);
    buf_add_i64(&b, 1);
    ck_assert_str_eq(buf_cstr(&b), "abc");
    ck_assert_int_eq(buf_check(&b, &err), -1);
    ck_assert_ptr_null(buf_take(&b));
    buf_clear(&b);
    buf_addf(&b, "%s", "12345");
    ck_assert_int_eq(buf_check(&b, &err), 0);
    ck_assert_str_eq(buf_cstr(&b), "12345");
}
END_TEST

START_TEST(a_format_that_does_not_fit_adds_nothing)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(80);

    buf_add_str(&b, "head ");
    buf_addf(&b, "%0100d", 1);
    ck_assert(b.failed);
    ck_assert(b.is_full);
    ck_assert_str_eq(buf_cstr(&b), "head ");
}
END_TEST

START_TEST(formats_longer_than_the_room_are_written_whole)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(100000);

    for (int i = 0; i < 100; i++)
        buf_addf(&b, "%0200d", i);
    ck_assert_uint_eq(b.len, 20000);
    ck_assert_str_eq(buf_cstr(&b) + 19998, "99");
}
END_TEST

START_TEST(nul_bytes_are_kept)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(100);

    buf_add_slice(&b, SL("a\0b"));
    buf_add(&b, NULL, 0);
    buf_add_str(&b, NULL);
    ck_assert(slice_eq(buf_slice(&b), SL("a\0b")));
    ck_assert_int_eq(b.at[3], '\0');
}
END_TEST

START_TEST(integers_at_the_edges_are_written_whole)
{
    static const struct { int64_t v; const char *want; } cases[] = {
        { 0, "0" }, { -1, "-1" }, { 10, "10" }, { INT64_MAX, "9223372036854775807" },
        { INT64_MIN, "-9223372036854775808" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(100);

        buf_add_i64(&b, cases[i].v);
        ck_assert_str_eq(buf_cstr(&b), cases[i].want);
    }
}
END_TEST

START_TEST(taken_text_leaves_an_empty_buf_with_the_same_ceiling)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(3);
    char *taken;

    buf_add_str(&b, "abc");
    taken = buf_take(&b);
    ck_assert_str_eq(taken, "abc");
    ck_assert_uint_eq(b.max, 3);
    ck_assert_uint_eq(b.len, 0);
    free(taken);
    buf_add_str(&b, "abcd");
    ck_assert(b.failed);
}
END_TEST

START_TEST(a_reservation_beyond_all_memory_fails_and_is_no_overflow)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(SIZE_MAX - 1), c = BUF_INIT(SIZE_MAX);
    struct error err = { 0 };

    buf_add_str(&b, "x");
    ck_assert(!buf_reserve(&b, SIZE_MAX));
    ck_assert_int_eq(buf_check(&b, &err), -1);
    ck_assert_int_eq(err.code, ERR_LIMIT);
    ck_assert(!buf_reserve(&c, 1)); /* no room for the NUL to be counted */
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_untouched_buf_is_an_empty_text,
        the_ceiling_can_be_reached_but_not_passed,
        an_add_that_does_not_fit_adds_nothing_and_stops_the_rest,
        a_format_that_does_not_fit_adds_nothing,
        formats_longer_than_the_room_are_written_whole,
        nul_bytes_are_kept,
        integers_at_the_edges_are_written_whole,
        taken_text_leaves_an_empty_buf_with_the_same_ceiling,
        a_reservation_beyond_all_memory_fails_and_is_no_overflow,
    };

    return run_tests("buf", tests, ARRAY_LEN(tests));
}
