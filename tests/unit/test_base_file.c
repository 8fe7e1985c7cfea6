/* What base/file promises: the whole file or a reason. SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

static char path[] = "/tmp/cw-file-XXXXXX";

START_TEST(a_file_comes_whole_behind_what_is_there)
{
    CLEANUP(buf_release) struct buf got = BUF_INIT(1 << 20), wanted = BUF_INIT(1 << 20);
    struct error err = { 0 };
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    buf_add_str(&wanted, "before");
    buf_add_str(&got, "before");
    for (int i = 0; i < 5000; i++) {
        (void)fprintf(f, "line %d\n", i);
        buf_addf(&wanted, "line %d\n", i);
    }
    (void)fclose(f);
    ck_assert_int_eq(file_read(&got, path, &err), 0);
    ck_assert_str_eq(buf_cstr(&got), buf_cstr(&wanted));
}
END_TEST

START_TEST(what_cannot_be_read_whole_is_an_error)
{
    static const struct { const char *path; size_t max; enum error_code code; const char *says; } cases[] = {
        { "/nonexistent/file", 100, ERR_IO, "/nonexistent/file cannot be opened" },
        { "/tmp", 100, ERR_IO, "/tmp cannot be read to its end" },
        { path, 10, ERR_LIMIT, "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf got = BUF_INIT(cases[i].max);
        struct error err = { 0 };

        ck_assert_int_eq(file_read(&got, cases[i].path, &err), -1);
        ck_assert_int_eq(err.code, cases[i].code);
        ck_assert_ptr_nonnull(strstr(err.msg, cases[i].says));
        buf_release(&got);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("base/file");
    TCase *t = tcase_create("file");
    SRunner *r = NULL;
    int failed = 0, fd = mkstemp(path);

    (void)close(fd);
    tcase_add_test(t, a_file_comes_whole_behind_what_is_there);
    tcase_add_test(t, what_cannot_be_read_whole_is_an_error);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_set_fork_status(r, CK_NOFORK); /* the second reads what the first wrote */
    srunner_run_all(r, CK_ENV);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    (void)unlink(path);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
