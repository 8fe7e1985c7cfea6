/* What base/error.h promises: one line, cut at a character, code kept while context is added.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/error.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

START_TEST(control_bytes_of_foreign_text_become_question_marks)
{
    struct error err = { 0 };

    ck_assert_int_eq(error_set(&err, ERR_INPUT, "bad '%s'", "a\nb\x7f\x01\xc3\xa9"), -1);
    ck_assert_str_eq(err.msg, "bad 'a?b??\xc3\xa9'");
    ck_assert_int_eq(err.code, ERR_INPUT);
}
END_TEST

START_TEST(what_is_no_utf8_becomes_question_marks)
{
    struct error err = { 0 };

    (void)error_set(&err, ERR_INPUT, "'%s' '%.4s'", "\xff\xc3x\xed\xa0\x80\xc2\x9b[2J\xc2\xa0", "a\xe2\x82\xac\xe2\x82\xac");
    ck_assert_str_eq(err.msg, "'??x????[2J\xc2\xa0' 'a\xe2\x82\xac'");
    (void)error_set(&err, ERR_INPUT, "'%.3s'", "\xc3\xa9\xc3\xa9");
    ck_assert_str_eq(err.msg, "'\xc3\xa9?'");
}
END_TEST

START_TEST(a_long_message_is_cut_at_a_whole_character)
{
    struct error err = { 0 };
    char text[1024];

    for (size_t shift = 0; shift < 3; shift++) {
        memset(text, 0, sizeof(text));
        memset(text, 'x', shift);
        for (size_t i = 0; i < 200; i++)
            memcpy(text + shift + 3 * i, "\xe2\x82\xac", 3);
        (void)error_set(&err, ERR_INPUT, "%s", text);
        ck_assert_uint_le(strlen(err.msg), sizeof(err.msg) - 1);
        ck_assert_uint_ge(strlen(err.msg), sizeof(err.msg) - 4);
        ck_assert_uint_eq((strlen(err.msg) - shift) % 3, 0);
    }
}
END_TEST

START_TEST(a_message_may_quote_the_message_it_replaces)
{
    struct error err = { 0 };

    (void)error_set(&err, ERR_NET, "reset");
    (void)error_set(&err, ERR_BUSY, "after '%s'", err.msg);
    ck_assert_str_eq(err.msg, "after 'reset'");
}
END_TEST

START_TEST(wrapping_keeps_code_and_delay_and_puts_context_in_front)
{
    struct error err = { 0 };

    (void)error_set(&err, ERR_BUSY, "slow down");
    err.retry_after_ms = 30000;
    ck_assert_int_eq(error_wrap(&err, "source '%s'", "prod"), -1);
    ck_assert_str_eq(err.msg, "source 'prod': slow down");
    ck_assert_int_eq(err.code, ERR_BUSY);
    ck_assert_int_eq(err.retry_after_ms, 30000);
    (void)error_set(&err, ERR_NET, "x");
    ck_assert_int_eq(err.retry_after_ms, 0);
}
END_TEST

START_TEST(wrapping_for_ever_stays_within_the_message)
{
    struct error err = { 0 };
    char context[400];

    memset(context, 'c', sizeof(context) - 1);
    context[sizeof(context) - 1] = '\0';
    (void)error_set(&err, ERR_NET, "core");
    for (int i = 0; i < 100; i++)
        (void)error_wrap(&err, "level %d", i);
    ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
    ck_assert_int_eq(strncmp(err.msg, "level 99: level 98: ", 20), 0);
    (void)error_wrap(&err, "%s", context);
    ck_assert_uint_eq(strlen(err.msg), sizeof(err.msg) - 1);
}
END_TEST

START_TEST(errno_becomes_a_sentence)
{
    struct error err = { 0 };

    ck_assert_int_eq(error_errno(&err, ERR_IO, ENOSPC, "store '%s'", "x"), -1);
    ck_assert_str_eq(err.msg, "store 'x': No space left on device");
    ck_assert_int_eq(err.code, ERR_IO);
}
END_TEST

START_TEST(every_code_has_a_name_of_its_own)
{
    for (int a = ERR_NONE; a <= ERR_BUG; a++) {
        ck_assert_ptr_nonnull(error_code_name((enum error_code)a));
        for (int b = ERR_NONE; b < a; b++)
            ck_assert_str_ne(error_code_name((enum error_code)a), error_code_name((enum error_code)b));
    }
    ck_assert_str_eq(error_code_name((enum error_code)999), "unknown");
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        control_bytes_of_foreign_text_become_question_marks,
        what_is_no_utf8_becomes_question_marks,
        a_long_message_is_cut_at_a_whole_character,
        a_message_may_quote_the_message_it_replaces,
        wrapping_keeps_code_and_delay_and_puts_context_in_front,
        wrapping_for_ever_stays_within_the_message,
        errno_becomes_a_sentence,
        every_code_has_a_name_of_its_own,
    };

    return run_tests("error", tests, ARRAY_LEN(tests));
}
