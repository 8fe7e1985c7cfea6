/* What settings/errors.h promises: in the file's order, bounded, one line each; near words are found.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/errors.h"
#include "tests/kit/suite.h"

#include <check.h>

START_TEST(no_error_is_no_error)
{
    struct settings_errors e = { 0 };
    struct error err = { 0 };
    CLEANUP(buf_release) struct buf out = BUF_INIT(100);

    ck_assert(!settings_errors_any(&e));
    ck_assert_int_eq(settings_errors_first(&e, &err), 0);
    ck_assert_int_eq(err.code, ERR_NONE);
    settings_errors_print(&e, &out);
    ck_assert_uint_eq(out.len, 0);
    settings_errors_release(&e);
    settings_errors_release(NULL);
}
END_TEST

START_TEST(errors_are_sorted_by_place_and_equal_ones_keep_their_order)
{
    CLEANUP(settings_errors_release) struct settings_errors e = { 0 };
    CLEANUP(buf_release) struct buf out = BUF_INIT(1000);
    struct error err = { 0 };

    settings_errors_add_at(&e, "f", 3, 1, "d");
    settings_errors_add_at(&e, "f", 1, 9, "b");
    settings_errors_add_at(&e, "f", 2, 1, "c");
    settings_errors_add_at(&e, "f", 3, 1, "e");
    settings_errors_add_at(&e, "f", 0, 0, "whole");
    settings_errors_add_at(&e, "f", 1, 2, "a");
    settings_errors_print(&e, &out);
    ck_assert_str_eq(buf_cstr(&out), "f: whole\nf:1:2: a\nf:1:9: b\nf:2:1: c\nf:3:1: d\nf:3:1: e\n");
    ck_assert_int_eq(settings_errors_first(&e, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONFIG);
    ck_assert_str_eq(err.msg, "f: whole (and 5 more)");
}
END_TEST

START_TEST(a_hundred_are_kept_and_the_rest_is_counted)
{
    CLEANUP(settings_errors_release) struct settings_errors e = { 0 };
    CLEANUP(buf_release) struct buf out = BUF_INIT(100000);

    for (int i = 0; i < 250; i++)
        settings_errors_add_at(&e, "f", i + 1, 1, "x");
    ck_assert_uint_eq(e.len, SETTINGS_ERRORS_MAX);
    ck_assert_uint_eq(e.omitted, 150);
    settings_errors_print(&e, &out);
    ck_assert(slice_ends_nocase(buf_slice(&out), SL("\n... and 150 more\n")));
}
END_TEST

START_TEST(control_bytes_and_long_texts_stay_on_one_line)
{
    CLEANUP(settings_errors_release) struct settings_errors e = { 0 };
    char text[5000];

    memset(text, 'x', sizeof(text) - 1);
    text[0] = '\n';
    text[1] = '\x1b';
    text[sizeof(text) - 1] = '\0';
    settings_errors_add_at(&e, "f", 1, 1, "%s", text);
    ck_assert_ptr_null(strpbrk(e.at[0].text, "\n\x1b"));
    ck_assert_uint_lt(strlen(e.at[0].text), 1100);
}
END_TEST

START_TEST(the_nearest_word_is_found_when_it_is_near)
{
    static const char *const words[] = { "endpoint", "rule", "stream", "name", "type", "min_severity",
                                         "medium", "tls", NULL };
    static const struct { const char *typed, *want; } cases[] = {
        { "endpont", "endpoint" },   { "endpiont", "endpoint" },  { "Endpoint", "endpoint" },
        { "endpoints", "endpoint" }, { "end_point", "endpoint" }, { "rul", "rule" },
        { "nmae", "name" },          { "typ", "type" },           { "minseverity", "min_severity" },
        { "min-severity", "min_severity" }, { "meduim", "medium" }, { "tsl", "tls" },
        { "x", NULL },               { "", NULL },                { "xyz", NULL },
        { "password", NULL },        { "workspace", NULL },
    };
    char longest[500];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *got = settings_nearest(slice_of(cases[i].typed), words);

        ck_assert_msg(got == cases[i].want || (got && cases[i].want && strcmp(got, cases[i].want) == 0),
                      "'%s' -> %s", cases[i].typed, got ? got : "nothing");
    }
    memset(longest, 'n', sizeof(longest));
    ck_assert_ptr_null(settings_nearest(slice_make(longest, sizeof(longest)), words));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        no_error_is_no_error,
        errors_are_sorted_by_place_and_equal_ones_keep_their_order,
        a_hundred_are_kept_and_the_rest_is_counted,
        control_bytes_and_long_texts_stay_on_one_line,
        the_nearest_word_is_found_when_it_is_near,
    };

    return run_tests("settings_errors", tests, ARRAY_LEN(tests));
}
