/* What the file output promises: whole lines, on the disk, in the file that the path names now; half a line
 * left by a crash does not swallow the next alert. SPDX-License-Identifier: Apache-2.0 */
#include "store_kit.h"

#include "base/buf.h"
#include "outputs/output.h"
#include "settings/option.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

extern const struct output_ops output_file;

static struct folder folder;
static char path[128];
static void *self;

static void make(const char *where, bool sync)
{
    struct file_layout { char *path; bool sync; } *f;

    self = calloc(1, output_file.size);
    ck_assert_ptr_nonnull(self);
    OK(settings_table_presets(output_file.options, self, err));
    f = self; /* the first members, as the option table fills them */
    f->path = strdup(where);
    f->sync = sync;
}

static void set_up(void)
{
    folder = folder_new();
    (void)snprintf(path, sizeof path, "%s/alerts.json", folder.path);
    make(path, true);
}

static void tear_down(void)
{
    output_file.close(self);
    settings_table_release(output_file.options, self);
    free(self);
    folder_remove(&folder);
}

static struct output_item item(const char *text)
{
    return (struct output_item){ .payload = slice_of(text) };
}

static int deliver(const char *a, const char *b, struct error *err)
{
    struct output_item items[] = { item(a), item(b ? b : "") };
    struct delivery_result results[2] = { { .verdict = DELIVERY_HOLD }, { .verdict = DELIVERY_HOLD } };
    size_t n = b ? 2 : 1;
    int rc = output_file.deliver(self, items, n, results, err);

    for (size_t i = 0; rc == 0 && i < n; i++)
        ck_assert_int_eq(results[i].verdict, DELIVERY_ACCEPTED);
    return rc;
}

static void expect(const char *where, const char *wanted)
{
    char text[4096] = "";
    FILE *f = fopen(where, "r");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_lt(fread(text, 1, sizeof text - 1, f), sizeof text - 1);
    fclose(f);
    ck_assert_str_eq(text, wanted);
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    fclose(f);
}

START_TEST(one_alert_a_line_appended_with_mode_0640)
{
    struct stat st;

    (void)umask(0);
    OK(output_file.open(self, "f", NULL, err));
    OK(deliver("{1}", "{2}", err));
    OK(deliver("{3}", NULL, err));
    expect(path, "{1}\n{2}\n{3}\n");
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0640);
}
END_TEST

START_TEST(what_was_there_is_kept_and_half_a_line_is_ended)
{
    write_file("{0}\n{\"half");
    OK(output_file.open(self, "f", NULL, err));
    OK(deliver("{1}", NULL, err));
    expect(path, "{0}\n{\"half\n{1}\n");
}
END_TEST

START_TEST(a_file_that_ends_in_a_newline_or_is_empty_gets_no_blank_line)
{
    write_file("");
    OK(output_file.open(self, "f", NULL, err));
    OK(deliver("{1}", NULL, err));
    output_file.close(self);
    OK(output_file.open(self, "f", NULL, err));
    OK(deliver("{2}", NULL, err));
    expect(path, "{1}\n{2}\n");
}
END_TEST

START_TEST(a_rotated_or_removed_file_is_opened_anew)
{
    char old[160];

    (void)snprintf(old, sizeof old, "%s.1", path);
    OK(output_file.open(self, "f", NULL, err));
    OK(deliver("{1}", NULL, err));
    ck_assert_int_eq(rename(path, old), 0);
    OK(deliver("{2}", NULL, err));
    write_file("");
    OK(deliver("{3}", NULL, err));
    expect(old, "{1}\n");
    expect(path, "{3}\n");
    ck_assert_int_eq(unlink(path), 0);
    OK(deliver("{4}", NULL, err));
    expect(path, "{4}\n");
}
END_TEST

START_TEST(a_folder_that_is_missing_or_forbidden_needs_an_operator)
{
    output_file.close(self);
    settings_table_release(output_file.options, self);
    free(self);
    make("/tmp/cw-no-such-folder/alerts.json", true);
    FAILS(output_file.open(self, "f", NULL, err), ERR_NOT_FOUND);
    output_file.close(self);
    output_file.close(self); /* also twice */
    FAILS(deliver("{1}", NULL, err), ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_full_disk_keeps_the_batch_and_the_next_try_leaves_whole_lines)
{
    struct rlimit limit = { .rlim_cur = 10, .rlim_max = RLIM_INFINITY };
    struct error why = { 0 };

    (void)signal(SIGXFSZ, SIG_IGN);
    OK(output_file.open(self, "f", NULL, err));
    OK(deliver("{1}", NULL, err));
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_int_eq(deliver("{22222222}", "{3}", &why), -1);
    ck_assert_int_eq(why.code, ERR_IO);
    limit.rlim_cur = RLIM_INFINITY;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    OK(deliver("{22222222}", "{3}", err));
    expect(path, "{1}\n{22222\n{22222222}\n{3}\n");
}
END_TEST

static int stdout_pipe[2], stdout_kept;

static void take_stdout(bool is_nonblocking)
{
    ck_assert_int_eq(pipe(stdout_pipe), 0);
    if (is_nonblocking)
        ck_assert_int_eq(fcntl(stdout_pipe[1], F_SETFL, O_NONBLOCK), 0);
    (void)fflush(stdout);
    stdout_kept = dup(1);
    ck_assert_int_eq(dup2(stdout_pipe[1], 1), 1);
    (void)close(stdout_pipe[1]);
}

static void give_stdout_back(void)
{
    (void)dup2(stdout_kept, 1);
    (void)close(stdout_kept);
}

static void make_stdout(void)
{
    output_file.close(self);
    settings_table_release(output_file.options, self);
    free(self);
    make("-", true);
}

START_TEST(standard_output_is_written_and_never_closed)
{
    char text[64] = "";

    make_stdout();
    take_stdout(false);
    OK(output_file.open(self, "f", NULL, err));
    OK(deliver("{1}", "{2}", err));
    output_file.close(self);
    ck_assert_int_ne(fcntl(1, F_GETFD), -1);
    give_stdout_back();
    ck_assert_int_eq(read(stdout_pipe[0], text, sizeof text - 1), 8);
    ck_assert_str_eq(text, "{1}\n{2}\n");
}
END_TEST

START_TEST(a_reader_that_is_behind_delays_but_a_reader_that_is_gone_is_told)
{
    static char large[300000];
    struct error why = { 0 };
    int rc;

    memset(large, 'x', sizeof large - 1);
    make_stdout();
    (void)signal(SIGPIPE, SIG_IGN);
    take_stdout(true);
    OK(output_file.open(self, "f", NULL, err));
    rc = deliver(large, NULL, &why);
    ck_assert(rc == -1 && why.code == ERR_BUSY);
    (void)close(stdout_pipe[0]);
    why = (struct error){ 0 };
    rc = deliver("{1}", NULL, &why);
    give_stdout_back();
    ck_assert(rc == -1 && why.code == ERR_IO);
}
END_TEST

START_TEST(the_probe_writes_nothing)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(1000);
    struct stat st;

    OK(output_file.open(self, "f", NULL, err));
    OK(output_file.probe(self, &said, err));
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_size, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("output file");
    TCase *t = tcase_create("file");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, one_alert_a_line_appended_with_mode_0640);
    tcase_add_test(t, what_was_there_is_kept_and_half_a_line_is_ended);
    tcase_add_test(t, a_file_that_ends_in_a_newline_or_is_empty_gets_no_blank_line);
    tcase_add_test(t, a_rotated_or_removed_file_is_opened_anew);
    tcase_add_test(t, a_folder_that_is_missing_or_forbidden_needs_an_operator);
    tcase_add_test(t, a_full_disk_keeps_the_batch_and_the_next_try_leaves_whole_lines);
    tcase_add_test(t, standard_output_is_written_and_never_closed);
    tcase_add_test(t, a_reader_that_is_behind_delays_but_a_reader_that_is_gone_is_told);
    tcase_add_test(t, the_probe_writes_nothing);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
