/* What base/secret.h and the real clock and dice promise.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"
#include "base/services.h"

#include <check.h>

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
        the_clocks_run_and_the_dice_roll,
    };
    Suite *suite = suite_create("secret");
    TCase *group = tcase_create("secret");
    SRunner *runner = srunner_create(suite);
    int failed;

    for (size_t i = 0; i < ARRAY_LEN(tests); i++)
        tcase_add_test(group, tests[i]);
    suite_add_tcase(suite, group);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? 0 : 1;
}
