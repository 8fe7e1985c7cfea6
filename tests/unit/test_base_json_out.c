/* What base/json_out.h, utf8.h and term.h promise: whatever comes in, the line that goes out is valid.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/json_in.h"
#include "base/json_out.h"

#include "base/term.h"
#include "base/utf8.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <json-c/json.h>
#include <math.h>
#include <stdlib.h>

#define BAD "\xef\xbf\xbd"

START_TEST(strings_are_escaped_and_made_valid)
{
    static const struct { struct slice in; const char *want; } cases[] = {
        { SL(""), "\"\"" },
        { SL("plain text"), "\"plain text\"" },
        { SL("\"\\/"), "\"\\\"\\\\/\"" },
        { SL("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
        { SL("\0\x01\x1f\x7f"), "\"\\u0000\\u0001\\u001f\\u007f\"" },
        { SL("\xc2\x80\xc2\x9f\xc2\xa0"), "\"\\u0080\\u009f\xc2\xa0\"" },
        { SL("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"), "\"\\u2028\\u2029\xe2\x80\xaa\"" },
        { SL("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
        { SL("a\xff" "b"), "\"a" BAD "b\"" },
        { SL("\x80"), "\"" BAD "\"" },
        { SL("\xc3"), "\"" BAD "\"" },
        { SL("\xc3("), "\"" BAD "(\"" },
        { SL("\xc0\xaf"), "\"" BAD BAD "\"" },             /* overlong slash */
        { SL("\xe0\x80\xaf"), "\"" BAD BAD BAD "\"" },     /* overlong slash */
        { SL("\xed\xa0\x80"), "\"" BAD BAD BAD "\"" },     /* surrogate */
        { SL("\xf4\x90\x80\x80"), "\"" BAD BAD BAD BAD "\"" }, /* beyond Unicode */
        { SL("\xe2\x82"), "\"" BAD "\"" },                 /* one for a sequence that was cut */
        { SL("\xf0\x9f\x98z"), "\"" BAD "z\"" },
        { SL("\xf8\x88\x80\x80\x80"), "\"" BAD BAD BAD BAD BAD "\"" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(200);

        json_add_string(&b, cases[i].in);
        ck_assert_msg(strcmp(buf_cstr(&b), cases[i].want) == 0, "case %zu: %s", i, buf_cstr(&b));
    }
}
END_TEST

START_TEST(any_bytes_at_all_can_be_read_back_by_json_c)
{
    uint64_t state = 9;

    for (int round = 0; round < 20000; round++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(1000);
        struct json_object *back = NULL;
        char noise[24];

        for (size_t i = 0; i < sizeof(noise); i++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
            noise[i] = (char)(state >> 56);
        }
        json_add_string(&b, slice_make(noise, sizeof(noise)));
        ck_assert_msg(json_parse_strict(buf_slice(&b), &back) && back, "%s", buf_cstr(&b));
        ck_assert_ptr_null(strpbrk(buf_cstr(&b), "\n\r"));
        json_object_put(back);
    }
}
END_TEST

START_TEST(commas_and_keys_come_by_themselves)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(200);

    buf_add_char(&b, '{');
    json_add_key(&b, "a\"");
    json_add_i64(&b, INT64_MIN);
    json_add_key(&b, "b");
    buf_add_char(&b, '[');
    for (int i = 0; i < 3; i++) {
        json_add_comma(&b);
        json_add_str(&b, i == 1 ? NULL : "{");
    }
    buf_add_char(&b, ']');
    json_add_key(&b, "c");
    json_add_bool(&b, true);
    buf_add_char(&b, '}');
    ck_assert_str_eq(buf_cstr(&b), "{\"a\\\"\":-9223372036854775808,\"b\":[\"{\",null,\"{\"],\"c\":true}");
}
END_TEST

START_TEST(reals_are_short_and_read_back)
{
    static const struct { double v; const char *want; } cases[] = {
        { 0, "0" }, { 0.1, "0.1" }, { 2.83, "2.83" }, { 1e300, "1e+300" }, { -1.5, "-1.5" },
        { 1.0 / 3, "0.3333333333333333" }, { 9007199254740993.0, "9007199254740992" },
        { 0.1 + 0.2, "0.30000000000000004" }, { INFINITY, "null" }, { -INFINITY, "null" }, { NAN, "null" },
        { 5e-324, "4.94065645841247e-324" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(64);

        json_add_real(&b, cases[i].v);
        ck_assert_str_eq(buf_cstr(&b), cases[i].want);
        if (isfinite(cases[i].v))
            ck_assert_double_eq(strtod(buf_cstr(&b), NULL), cases[i].v);
    }
}
END_TEST

START_TEST(text_for_people_cannot_move_the_cursor_or_turn_the_writing)
{
    static const struct { struct slice in; const char *want; } cases[] = {
        { SL("plain \xc3\xa9"), "plain \xc3\xa9" },
        { SL("\x1b[2J\n\t"), "\\u{1b}[2J\\u{a}\\u{9}" },
        { SL("\xc2\x9b" "31m"), "\\u{9b}31m" },
        { SL("a\xe2\x80\xae" "b"), "a\\u{202e}b" },
        { SL("\xff\xe2\x82z"), "\\xff\\xe2\\x82z" },
        { SL("\0"), "\\u{0}" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(200);

        term_add_safe(&b, cases[i].in);
        ck_assert_msg(strcmp(buf_cstr(&b), cases[i].want) == 0, "case %zu: %s", i, buf_cstr(&b));
    }
}
END_TEST

START_TEST(every_code_point_is_read_as_itself)
{
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        char text[4];
        size_t n = 0;
        uint32_t back = 0;

        if (c < 0x80) {
            text[n++] = (char)c;
        } else if (c < 0x800) {
            text[n++] = (char)(0xc0 | c >> 6);
            text[n++] = (char)(0x80 | (c & 0x3f));
        } else if (c < 0x10000) {
            text[n++] = (char)(0xe0 | c >> 12);
            text[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            text[n++] = (char)(0x80 | (c & 0x3f));
        } else {
            text[n++] = (char)(0xf0 | c >> 18);
            text[n++] = (char)(0x80 | (c >> 12 & 0x3f));
            text[n++] = (char)(0x80 | (c >> 6 & 0x3f));
            text[n++] = (char)(0x80 | (c & 0x3f));
        }
        if (c >= 0xd800 && c <= 0xdfff) { /* surrogates are no characters */
            if (utf8_next(slice_make(text, n), 0, &back) != 1 || back != UTF8_BAD)
                ck_abort_msg("U+%04X", c);
        } else if (utf8_next(slice_make(text, n), 0, &back) != n || back != c) {
            ck_abort_msg("U+%04X", c);
        }
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        strings_are_escaped_and_made_valid,
        any_bytes_at_all_can_be_read_back_by_json_c,
        commas_and_keys_come_by_themselves,
        reals_are_short_and_read_back,
        text_for_people_cannot_move_the_cursor_or_turn_the_writing,
        every_code_point_is_read_as_itself,
    };

    return run_tests("json_out", tests, ARRAY_LEN(tests));
}
