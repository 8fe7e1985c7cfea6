/* What base/slice.h promises about empty, absent, NUL-holding and cut text.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"
#include "tests/kit/suite.h"

#include <check.h>

static const struct slice absent = { 0 };

START_TEST(absent_and_empty_texts_are_equal_and_start_and_end_everything)
{
    ck_assert(slice_eq(absent, SL("")));
    ck_assert(slice_eq(slice_of(NULL), absent));
    ck_assert(slice_eq_nocase(absent, SL("")));
    ck_assert_int_eq(slice_cmp(absent, SL("")), 0);
    ck_assert(slice_starts(absent, absent));
    ck_assert(slice_starts(SL("a"), absent));
    ck_assert(slice_starts_nocase(absent, SL("")));
    ck_assert(slice_ends_nocase(absent, absent));
    ck_assert(!slice_starts(absent, SL("a")));
    ck_assert(!slice_ends_nocase(absent, SL("a")));
    ck_assert_uint_eq(slice_find(absent, absent), 0);
    ck_assert_uint_eq(slice_find(absent, SL("a")), SIZE_MAX);
    ck_assert_uint_eq(slice_find_nocase(absent, SL("a")), SIZE_MAX);
    ck_assert_uint_eq(slice_trim(absent).len, 0);
    ck_assert_uint_eq(slice_cut(absent, 3).len, 0);
}
END_TEST

START_TEST(order_is_by_bytes_and_a_prefix_comes_first)
{
    static const struct { struct slice a, b; int want; } cases[] = {
        { SL("a"), SL("b"), -1 },      { SL("b"), SL("a"), 1 },   { SL("a"), SL("ab"), -1 },
        { SL("ab"), SL("a"), 1 },      { SL(""), SL("a"), -1 },   { SL("\x7f"), SL("\x80"), -1 },
        { SL("a\0b"), SL("a\0c"), -1 }, { SL("a\0b"), SL("a\0b"), 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(slice_cmp(cases[i].a, cases[i].b) == cases[i].want, "case %zu", i);
}
END_TEST

START_TEST(case_is_folded_for_ascii_letters_only)
{
    ck_assert(slice_eq_nocase(SL("AzURE"), SL("aZure")));
    ck_assert(!slice_eq_nocase(SL("["), SL("{")));
    ck_assert(!slice_eq_nocase(SL("@"), SL("`")));
    ck_assert(!slice_eq_nocase(SL("\xc3\x89"), SL("\xc3\xa9")));
    ck_assert(slice_starts_nocase(SL("Bearer x"), SL("bearer ")));
    ck_assert(slice_ends_nocase(SL("a.JSON"), SL(".json")));
    ck_assert(slice_eq_nocase(SL("a\0B"), SL("A\0b")));
}
END_TEST

START_TEST(find_sees_past_nul_bytes_and_at_both_ends)
{
    ck_assert_uint_eq(slice_find(SL("a\0bc"), SL("bc")), 2);
    ck_assert_uint_eq(slice_find(SL("abc"), SL("abc")), 0);
    ck_assert_uint_eq(slice_find(SL("abc"), SL("abcd")), SIZE_MAX);
    ck_assert_uint_eq(slice_find(SL("aab"), SL("ab")), 1);
    ck_assert_uint_eq(slice_find_nocase(SL("xxUNION select"), SL("union")), 2);
    ck_assert_uint_eq(slice_find_nocase(SL("abC"), SL("c")), 2);
    ck_assert_uint_eq(slice_find_nocase(SL("abc"), SL("d")), SIZE_MAX);
}
END_TEST

START_TEST(trim_takes_blanks_from_both_ends_only)
{
    ck_assert(slice_eq(slice_trim(SL(" \t\r\n a b \v\f")), SL("a b")));
    ck_assert_uint_eq(slice_trim(SL(" \n ")).len, 0);
    ck_assert(slice_eq(slice_trim(SL("\xa0x")), SL("\xa0x")));
}
END_TEST

START_TEST(split_gives_every_part_and_then_ends)
{
    static const struct { struct slice text; size_t parts; const char *each[4]; } cases[] = {
        { SL("a,b,c"), 3, { "a", "b", "c" } }, { SL("a"), 1, { "a" } }, { SL(""), 1, { "" } },
        { SL(","), 2, { "", "" } },            { SL("a,,b,"), 4, { "a", "", "b", "" } },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct slice rest = cases[i].text, part;
        size_t n = 0;

        while (slice_split(&rest, ',', &part)) {
            ck_assert_msg(n < cases[i].parts && slice_eq(part, slice_of(cases[i].each[n])),
                          "case %zu part %zu '%.*s'", i, n, SLF(part));
            n++;
        }
        ck_assert_uint_eq(n, cases[i].parts);
        ck_assert(!slice_split(&rest, ',', &part));
    }
}
END_TEST

START_TEST(cut_never_leaves_half_a_character)
{
    static const struct { struct slice text; size_t max, want; } cases[] = {
        { SL("abc"), 3, 3 },
        { SL("abc"), 2, 2 },
        { SL("abc"), 0, 0 },
        { SL("a\xc3\xa9"), 2, 1 },
        { SL("a\xc3\xa9"), 3, 3 },
        { SL("\xf0\x9f\x98\x80x"), 1, 0 },
        { SL("\xf0\x9f\x98\x80x"), 3, 0 },
        { SL("\xf0\x9f\x98\x80x"), 4, 4 },
        { SL("\x80\x80\x80\x80\x80\x80\x80\x80"), 6, 6 }, /* no UTF-8: cut where told */
        { SL("\x80\x80\x80"), 2, 2 },
        { SL("abcd\x80\x80\x80\x80\x80"), 8, 8 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(slice_cut(cases[i].text, cases[i].max).len == cases[i].want, "case %zu: %zu", i,
                      slice_cut(cases[i].text, cases[i].max).len);
}
END_TEST

START_TEST(copies_are_cut_to_their_room_and_end)
{
    char room[8] = "xxxxxxx";
    struct slice low;

    slice_keep(SL("abcdefghij"), room, sizeof room);
    ck_assert_str_eq(room, "abcdefg");
    slice_keep(SL("abcdef\xc3\xa9"), room, sizeof room);
    ck_assert_str_eq(room, "abcdef");
    slice_keep((struct slice){ .at = NULL, .len = 0 }, room, sizeof room);
    ck_assert_str_eq(room, "");
    low = slice_lower(SL("A\0Z[\xc3\x84z"), room, sizeof room);
    ck_assert(slice_eq(low, SL("a?z[\xc3\x84z")));
    ck_assert_uint_eq(slice_lower(SL("ABCDEFGHIJ"), room, sizeof room).len, sizeof room);
    ck_assert_uint_eq(slice_lower((struct slice){ .at = NULL, .len = 0 }, room, sizeof room).len, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        absent_and_empty_texts_are_equal_and_start_and_end_everything,
        order_is_by_bytes_and_a_prefix_comes_first,
        case_is_folded_for_ascii_letters_only,
        find_sees_past_nul_bytes_and_at_both_ends,
        trim_takes_blanks_from_both_ends_only,
        split_gives_every_part_and_then_ends,
        cut_never_leaves_half_a_character,
        copies_are_cut_to_their_room_and_end,
    };

    return run_tests("slice", tests, ARRAY_LEN(tests));
}
