/* suite.h - how a program of unit tests ends: its tests are run, its exit code says whether all passed.
 *
 * Verbosity, and whether each test is a process of its own, are Check's to say by its environment (CK_VERBOSITY, CK_FORK).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_SUITE_H
#define COSMOWATCH_TEST_SUITE_H

#include <check.h>
#include <stddef.h>

/* Takes the suite. */
static inline int run_suite(Suite *s)
{
    SRunner *r = srunner_create(s);
    int failed;

    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}

/* A suite of one group, which it takes. */
static inline int run_group(const char *name, TCase *t)
{
    Suite *s = suite_create(name);

    suite_add_tcase(s, t);
    return run_suite(s);
}

/* A group of tests that need nothing set up. The time is for a machine that does much else: it ends what would never end. */
static inline int run_tests(const char *name, const TTest *const *tests, size_t n)
{
    TCase *t = tcase_create(name);

    tcase_set_timeout(t, 120);
    for (size_t i = 0; i < n; i++)
        tcase_add_test(t, tests[i]);
    return run_group(name, t);
}

#endif
