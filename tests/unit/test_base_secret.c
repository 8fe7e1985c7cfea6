/* What base/secret.h and the real clock and dice promise.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"
#include "base/services.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

START_TEST(an_unset_secret_is_an_empty_text)
{
    struct secret s = SECRET_INIT;

    ck_assert(secret_empty(&s));
    ck_assert_str_eq(secret_reveal(&s), "");
    secret_release(&s);
    secret_release(NULL);
}
END_TEST

START_TEST(a_secret_is_copied_replaced_and_moved)
{
    CLEANUP(secret_release) struct secret a = SECRET_INIT, b = SECRET_INIT;
    char text[] = "one";

    ck_assert(secret_set(&a, slice_of(text)));
    text[0] = 'x';
    ck_assert_str_eq(secret_reveal(&a), "one");
    ck_assert(secret_set(&a, SL("two words ")));
    ck_assert_str_eq(secret_reveal(&a), "two words ");
    ck_assert(secret_set(&a, slice_make(secret_reveal(&a), 3))); /* from itself */
    ck_assert_str_eq(secret_reveal(&a), "two");
    secret_move(&b, &a);
    ck_assert(secret_empty(&a));
    ck_assert_str_eq(secret_reveal(&b), "two");
    secret_move(&b, &b);
    ck_assert_str_eq(secret_reveal(&b), "two");
}
END_TEST

START_TEST(wiping_leaves_zeros)
{
    char text[] = "secret";
    static const char zeros[sizeof(text)];

    wipe(text, sizeof(text));
    ck_assert_mem_eq(text, zeros, sizeof(text));
    wipe(NULL, 0);
}
END_TEST

START_TEST(a_taken_variable_is_wiped_and_still_there)
{
    CLEANUP(secret_release) struct secret s = SECRET_INIT;

    (void)setenv("COSMOWATCH_TEST_TAKEN", "from outside", 1);
    const char *there = getenv("COSMOWATCH_TEST_TAKEN");
    for (int i = 0; i < 2; i++) { /* the second time after it was wiped, as at a reload */
        ck_assert(secret_env_is_set("COSMOWATCH_TEST_TAKEN"));
        ck_assert_int_eq(secret_from_env("COSMOWATCH_TEST_TAKEN", &s), SECRET_ENV_FOUND);
        ck_assert_str_eq(secret_reveal(&s), "from outside");
        ck_assert_mem_eq(there, "\0\0\0\0\0\0\0\0\0\0\0\0", sizeof("from outside") - 1);
    }
    (void)setenv("COSMOWATCH_TEST_TAKEN", "newer", 1);
    ck_assert_int_eq(secret_from_env("COSMOWATCH_TEST_TAKEN", &s), SECRET_ENV_FOUND);
    ck_assert_str_eq(secret_reveal(&s), "newer");
    (void)unsetenv("COSMOWATCH_TEST_TAKEN");
    ck_assert(!secret_env_is_set("COSMOWATCH_TEST_TAKEN"));
    ck_assert_int_eq(secret_from_env("COSMOWATCH_TEST_TAKEN", &s), SECRET_ENV_UNSET);
    (void)setenv("COSMOWATCH_TEST_EMPTY", "", 1);
    ck_assert(!secret_env_is_set("COSMOWATCH_TEST_EMPTY"));
    ck_assert_int_eq(secret_from_env("COSMOWATCH_TEST_EMPTY", &s), SECRET_ENV_FOUND);
    ck_assert_str_eq(secret_reveal(&s), "");
}
END_TEST

static const struct {
    const char *said, *told;
} repeats[] = {
    { "no such key: Tr0ub4dor&3/x!", "no such key: **************" },
    { "user=a&password=Tr0ub4dor%263%2Fx%21&z", "user=a&password=********************&z" },
    { "user=a&password=Tr0ub4dor%263%2fx%21", "user=a&password=********************" },
    { "{\"k\":\"Tr0ub4dor&3\\/x!\"}", "{\"k\":\"***************\"}" },
    { "54723075623464" "6f7226332f7821", "****************************" },
    { "547230756234646F7226332F7821", "****************************" },
    { "Basic VHIwdWI0ZG9yJjMveCE=", "Basic ******************E=" }, /* three alignments, with others before and after it */
    { "Basic YTpUcjB1YjRkb3ImMy94IQ==", "Basic YTp******************Q==" },
    { "Basic YWI6VHIwdWI0ZG9yJjMveCE=", "Basic YWI6******************E=" },
    { "Basic Y29zbW86VHIwdWI0ZG9yJjMveCE6eHl6", "Basic Y29zbW86******************E6eHl6" },
    { "the page /services/T000/B000/0123456789abcdefXYZ is not here",
      "the page /services/T000/B000/******************* is not here" },
    { "cut within: Tr0ub4dor", "cut within: *********" },
    { "short and ab12 stay", "short and ab12 stay" },
    { "", "" },
};

START_TEST(foreign_text_does_not_repeat_a_secret)
{
    CLEANUP(secret_release) struct secret a = SECRET_INIT, b = SECRET_INIT, tiny = SECRET_INIT;
    char text[128];

    ck_assert(secret_set(&tiny, SL("ab12")));
    ck_assert(secret_set(&a, SL("Tr0ub4dor&3/x!")));
    ck_assert(secret_set(&b, SL("https://hooks.example.net/services/T000/B000/0123456789abcdefXYZ")));
    for (size_t i = 0; i < ARRAY_LEN(repeats); i++) {
        (void)snprintf(text, sizeof text, "%s", repeats[i].said);
        secrets_hide(text, strlen(text));
        ck_assert_msg(strcmp(text, repeats[i].told) == 0, "%s became %s", repeats[i].said, text);
    }
    secret_release(&a); /* it is nobody's any more */
    (void)snprintf(text, sizeof text, "%s", repeats[0].said);
    secrets_hide(text, strlen(text));
    ck_assert_str_eq(text, repeats[0].said);
}
END_TEST

START_TEST(what_is_moved_keeps_its_content)
{
    char *at = malloc(64), *more;

    (void)snprintf(at, 64, "something secret");
    more = wiping_realloc(at, 4096);
    ck_assert_str_eq(more, "something secret");
    ck_assert_ptr_eq(wiping_realloc(more, 10), more);
    ck_assert_ptr_null(wiping_realloc(more, 0));
    more = wiping_realloc(NULL, 8);
    ck_assert_ptr_nonnull(more);
    wiping_free(more);
    wiping_free(NULL);
}
END_TEST

START_TEST(the_clocks_run_and_the_dice_roll)
{
    const struct services sv = { .clock = &clock_system, .random = &random_system };
    unsigned char a[600] = { 0 }, b[600] = { 0 };
    int64_t before_ms = sv_mono_ms(&sv);

    ck_assert_int_gt(sv_wall_ns(&sv), INT64_C(1700000000) * NS_PER_S);
    ck_assert_int_ge(sv_mono_ms(&sv), before_ms);
    sv_random(&sv, a, sizeof(a));
    sv_random(&sv, b, sizeof(b));
    ck_assert_mem_ne(a, b, sizeof(a));
    sv_random(&sv, a, 0);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_unset_secret_is_an_empty_text,
        a_secret_is_copied_replaced_and_moved,
        wiping_leaves_zeros,
        a_taken_variable_is_wiped_and_still_there,
        foreign_text_does_not_repeat_a_secret,
        what_is_moved_keeps_its_content,
        the_clocks_run_and_the_dice_roll,
    };

    return run_tests("secret", tests, ARRAY_LEN(tests));
}
