/* What the file output promises: whole lines, on the disk, in the file that the path names now; half a line
 * left by a crash does not swallow the next alert. SPDX-License-Identifier: Apache-2.0 */
#include "store_kit.h"

#include "base/buf.h"
#include "outputs/kit/rotation.h"
#include "outputs/output.h"
#include "settings/option.h"

#include "base/fault.h"
#include "base/log.h"
#include "tests/kit/suite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <zlib.h>

extern const struct output_ops output_file;

static struct folder folder;
static char path[128];
static void *self;

enum { ALERT, BATCH, NEVER };

/* ---- what is asked of the disk ------------------------------------------------------------------------- */

static int syncs, folder_syncs; /* so far */
static int sync_that_fails; /* the n-th from here, 0: none */

static int count_sync(int *n, long call, int fd)
{
    ++*n;
    if (sync_that_fails > 0 && --sync_that_fails == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    return count_sync(&syncs, SYS_fdatasync, fd);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    struct stat st;

    return count_sync(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? &folder_syncs : &syncs, SYS_fsync, fd);
}

static void make(const char *where, int sync)
{
    struct file_layout { char *path; int sync; struct rotation rotate; } *f;

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
    make(path, BATCH);
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

static void set_sync(int sync)
{
    ((struct { char *path; int sync; } *)self)->sync = sync;
}

/* A new file is nothing without its name: that is the folder's. */
START_TEST(what_counts_as_delivered_is_on_the_disk)
{
    static const struct { int sync, syncs, folder_syncs; } cases[] = { { ALERT, 2, 1 }, { BATCH, 1, 1 }, { NEVER, 0, 0 } };

    set_sync(cases[_i].sync);
    OK(output_file.open(self, "f", NULL, err));
    for (int round = 1; round <= 2; round++) {
        OK(deliver("{1}", "{2}", err));
        ck_assert_int_eq(syncs, round * cases[_i].syncs);
        ck_assert_int_eq(folder_syncs, cases[_i].folder_syncs);
    }
}
END_TEST

static int lowest_free_fd(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

    (void)close(fd);
    return fd;
}

START_TEST(a_sync_that_fails_accepts_nothing_and_is_asked_again)
{
    int before;

    OK(output_file.open(self, "f", NULL, err));
    before = lowest_free_fd();
    sync_that_fails = 1 + _i; /* of the file, of its folder */
    FAILS(deliver("{1}", NULL, err), ERR_IO);
    ck_assert(_i == 1 || lowest_free_fd() < before); /* the kernel tells a descriptor once: it is closed */
    ck_assert(syncs == 1 && folder_syncs == _i);
    OK(deliver("{2}", NULL, err));
    ck_assert(syncs == 2 && folder_syncs == _i + 1);
    expect(path, "{1}\n{2}\n");
}
END_TEST

START_TEST(another_file_in_its_place_is_the_one_that_is_written)
{
    char away[140];

    (void)snprintf(away, sizeof away, "%s.1", path);
    OK(output_file.open(self, "f", NULL, err));
    OK(deliver("{1}", NULL, err));
    ck_assert_int_eq(rename(path, away), 0);
    write_file(""); /* as logrotate does with `create` */
    OK(deliver("{2}", NULL, err));
    expect(away, "{1}\n");
    expect(path, "{2}\n");
    ck_assert_int_eq(folder_syncs, 2);
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
    make("/tmp/cw-no-such-folder/alerts.json", BATCH);
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

/* ---- rotation ------------------------------------------------------------------------------------ */

static int64_t wall_now = INT64_C(1785585600) * NS_PER_S; /* 2026-08-01T12:00:00Z */

static int64_t set_wall(void *unused UNUSED)
{
    return wall_now;
}

static int64_t still_mono(void *unused UNUSED)
{
    return 0;
}

static const struct clock_ops set_clock = { .wall_ns = set_wall, .mono_ms = still_mono };
static const struct services services = { .clock = &set_clock };

static void open_rotating(int64_t size, int64_t age_ms, int64_t keep, bool gzip)
{
    struct { char *path; int sync; struct rotation rotate; } *f = self;

    f->rotate = (struct rotation){ .size = size, .age_ms = age_ms, .keep = keep, .gzip = gzip };
    OK(output_file.open(self, "f", &services, err));
}

static int text_of(const char *name, char *ret, size_t size)
{
    char where[300];
    gzFile z;
    int n;

    (void)snprintf(where, sizeof where, "%s/%s", folder.path, name);
    z = gzopen(where, "rb"); /* reads plain ones as they are */
    ck_assert_ptr_nonnull(z);
    n = gzread(z, ret, (unsigned)size - 1);
    ck_assert_int_ge(n, 0);
    ret[n] = '\0';
    ck_assert_int_eq(gzclose(z), Z_OK);
    return n;
}

/* All alert files in the folder, in the order of their names: "name: text; ...". */
static const char *folder_says(void)
{
    static char all[8192];
    struct dirent **names;
    int n = scandir(folder.path, &names, NULL, alphasort);

    all[0] = '\0';
    for (int i = 0; i < n; i++) {
        char text[2000];

        if (strncmp(names[i]->d_name, "alerts.json", 11) == 0) {
            (void)text_of(names[i]->d_name, text, sizeof text);
            for (char *c = text; *c; c++)
                *c = *c == '\n' ? ' ' : *c;
            (void)snprintf(all + strlen(all), sizeof all - strlen(all), "%s: %s; ", names[i]->d_name + 11, text);
        }
        free(names[i]);
    }
    free(names);
    return all;
}

static void age_file(const char *where, int64_t ns)
{
    const struct timespec times[2] = { { .tv_sec = ns / NS_PER_S }, { .tv_sec = ns / NS_PER_S } };

    ck_assert_int_eq(utimensat(AT_FDCWD, where, times, 0), 0);
}

START_TEST(a_file_is_set_aside_before_it_grows_beyond_its_size)
{
    open_rotating(12, 0, 30, true);
    OK(deliver("{1}", "{2}", err));
    OK(deliver("{3}", NULL, err)); /* 12 bytes: just fits */
    OK(deliver("{4}", NULL, err));
    ck_assert_str_eq(folder_says(), ": {4} ; -20260801T120000Z.gz: {1} {2} {3} ; ");
    OK(deliver("{a batch that is larger alone}", NULL, err));
    ck_assert_str_eq(folder_says(), ": {a batch that is larger alone} ; -20260801T120000Z-01.gz: {4} ; "
                                    "-20260801T120000Z.gz: {1} {2} {3} ; ");
}
END_TEST

START_TEST(a_file_is_set_aside_when_a_new_span_begins_also_over_a_restart)
{
    const int64_t day = INT64_C(86400) * NS_PER_S;

    open_rotating(0, 86400000, 30, false);
    OK(deliver("{1}", NULL, err));
    age_file(path, wall_now - day);
    output_file.close(self);
    open_rotating(0, 86400000, 30, false);
    OK(deliver("{2}", NULL, err));
    ck_assert_str_eq(folder_says(), ": {2} ; -20260801T120000Z: {1} ; ");
    age_file(path, wall_now - day / 4);
    OK(deliver("{3}", NULL, err)); /* the same day */
    ck_assert_str_eq(folder_says(), ": {2} {3} ; -20260801T120000Z: {1} ; ");
}
END_TEST

START_TEST(only_so_many_are_kept_and_nothing_else_is_touched)
{
    char other[160];
    FILE *f;

    (void)snprintf(other, sizeof other, "%s-20200101T000000Z.bak", path);
    f = fopen(other, "w");
    ck_assert_ptr_nonnull(f);
    fclose(f);
    open_rotating(1, 0, 2, true);
    for (int i = 1; i <= 5; i++) {
        char text[10];

        (void)snprintf(text, sizeof text, "{%d}", i);
        OK(deliver(text, NULL, err));
        wall_now += NS_PER_S;
    }
    ck_assert_ptr_null(strstr(folder_says(), "{2}"));
    ck_assert_ptr_nonnull(strstr(folder_says(), "-20200101T000000Z.bak: ; "));
    ck_assert_ptr_nonnull(strstr(folder_says(), ".gz: {3} ; "));
    ck_assert_ptr_nonnull(strstr(folder_says(), ".gz: {4} ; "));
    ck_assert_ptr_nonnull(strstr(folder_says(), ": {5} ; "));
}
END_TEST

/* What a crash can leave behind, at each place where it can come. */
START_TEST(what_a_crash_left_is_ended_and_nothing_is_lost_or_doubled)
{
    static const struct { const char *name, *text; bool is_zipped; } left[] = {
        { "-20260801T100000Z", "{1}\n", false },                                 /* renamed, not compressed */
        { "-20260801T100001Z", "{2}\n", false }, { "-20260801T100001Z.gz.new", "half", false }, /* half compressed */
        { "-20260801T100002Z", "{3}\n", false }, { "-20260801T100002Z.gz", "{3}\n", true },    /* plain one not yet removed */
        { "-20260801T100003Z.gz", "{4}\n", true },
    };

    for (size_t i = 0; i < ARRAY_LEN(left); i++) {
        char where[200];
        gzFile z;

        (void)snprintf(where, sizeof where, "%s%s", path, left[i].name);
        z = gzopen(where, left[i].is_zipped ? "wb" : "wbT");
        ck_assert_ptr_nonnull(z);
        ck_assert_int_gt(gzputs(z, left[i].text), 0);
        ck_assert_int_eq(gzclose(z), Z_OK);
    }
    open_rotating(1000, 0, 30, true);
    OK(deliver("{5}", NULL, err));
    ck_assert_str_eq(folder_says(), ": {5} ; -20260801T100000Z.gz: {1} ; -20260801T100001Z.gz: {2} ; "
                                    "-20260801T100002Z.gz: {3} ; -20260801T100003Z.gz: {4} ; ");
}
END_TEST

/* What is compressed is read from there, and the plain one removed then. */
START_TEST(what_is_set_aside_is_on_the_disk_whatever_sync_says)
{
    set_sync(NEVER);
    open_rotating(8, 0, 5, false);
    OK(deliver("{1}", NULL, err));
    ck_assert_int_eq(syncs, 0);
    OK(deliver("{a long one}", NULL, err));
    ck_assert(syncs == 1 && folder_syncs == 1);
}
END_TEST

/* In turn: the file, the folder of its new name, the compressed copy, the folder of that. */
START_TEST(the_plain_one_goes_when_the_compressed_copy_is_on_the_disk)
{
    char text[100];
    int plain = 0, unfinished = 0;
    struct dirent *e;
    DIR *d;

    set_sync(NEVER);
    open_rotating(8, 0, 5, true);
    OK(deliver("{1}", NULL, err));
    sync_that_fails = _i;
    OK(deliver("{a long one}", NULL, err));
    ck_assert(_i > 0 || (syncs == 2 && folder_syncs == 2));
    d = opendir(folder.path);
    ck_assert_ptr_nonnull(d);
    while ((e = readdir(d)) != NULL) {
        size_t len = strlen(e->d_name);

        unfinished += strstr(e->d_name, ".new") != NULL;
        if (strchr(e->d_name, '-') && e->d_name[len - 1] == 'Z') {
            plain++;
            ck_assert_int_gt(text_of(e->d_name, text, sizeof text), 0);
            ck_assert_str_eq(text, "{1}\n");
        }
    }
    closedir(d);
    ck_assert_int_eq(plain, _i >= 3 ? 1 : 0);
    ck_assert_int_eq(unfinished, 0);
}
END_TEST

START_TEST(a_rotation_that_fails_delays_no_alert)
{
    char blocked[200];

    log_set_fd(-1);
    (void)snprintf(blocked, sizeof blocked, "%s-20260801T120000Z.gz.new", path);
    ck_assert_int_eq(mkdir(blocked, 0700), 0); /* the compressed copy cannot be made */
    wall_now = INT64_C(1785585600) * NS_PER_S;
    open_rotating(1, 0, 30, true);
    OK(deliver("{1}", NULL, err));
    OK(deliver("{2}", NULL, err));
    expect(path, "{2}\n");
    ck_assert_int_eq(rmdir(blocked), 0);
    wall_now += NS_PER_S;
    OK(deliver("{3}", NULL, err));
    ck_assert_ptr_nonnull(strstr(folder_says(), "-20260801T120000Z.gz: {1} ; "));
    ck_assert_ptr_nonnull(strstr(folder_says(), "-20260801T120001Z.gz: {2} ; "));
}
END_TEST

START_TEST(a_link_stays_and_what_it_names_is_set_aside)
{
    char real[160];

    (void)snprintf(real, sizeof real, "%s/real", folder.path);
    ck_assert_int_eq(symlink(real, path), 0);
    wall_now = INT64_C(1785585600) * NS_PER_S;
    open_rotating(1, 0, 30, false);
    OK(deliver("{1}", NULL, err));
    OK(deliver("{2}", NULL, err));
    expect(real, "{2}\n");
    (void)snprintf(real, sizeof real, "%s/real-20260801T120000Z", folder.path);
    expect(real, "{1}\n");
}
END_TEST

#ifdef COSMOWATCH_FAULTS
static const char *const kill_points[] = { "file.set_aside", "file.zip.written", "file.zip.named" };

static void crash_and_open_again(int64_t size)
{
    output_file.close(self);
    settings_table_release(output_file.options, self);
    free(self);
    make(path, BATCH);
    open_rotating(size, 0, 30, true);
}

START_TEST(killed_in_the_middle_of_a_rotation_nothing_is_lost_or_doubled)
{
    char plan[80];
    int status = 0;
    pid_t child;

    (void)snprintf(plan, sizeof plan, "%s:1:kill", kill_points[_i]);
    open_rotating(1, 0, 30, true);
    OK(deliver("{1}", NULL, err));
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        ck_assert_int_eq(setenv("COSMOWATCH_FAULT", plan, 1), 0);
        fault_reset();
        OK(deliver("{2}", NULL, err));
        _exit(0);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s was not reached", kill_points[_i]);
    crash_and_open_again(1000);
    OK(deliver("{2}", NULL, err));
    ck_assert_str_eq(folder_says(), ": {2} ; -20260801T120000Z.gz: {1} ; ");
}
END_TEST
#endif

START_TEST(a_full_disk_is_said_with_what_to_do)
{
    struct error why = { 0 };

    output_file.close(self);
    settings_table_release(output_file.options, self);
    free(self);
    make("/dev/full", BATCH);
    OK(output_file.open(self, "f", &services, err));
    ck_assert_int_eq(deliver("{1}", NULL, &why), -1);
    ck_assert_int_eq(why.code, ERR_IO);
    ck_assert_str_eq(why.msg, "cannot write to '/dev/full': No space left on device; make room there");
}
END_TEST

START_TEST(with_a_sync_for_each_alert_those_before_a_failure_are_accepted)
{
    struct output_item items[] = { item("{1}"), item("{22222222}"), item("{3}") };
    struct delivery_result each[3] = { 0 };
    struct rlimit limit = { .rlim_cur = 10, .rlim_max = RLIM_INFINITY };

    (void)signal(SIGXFSZ, SIG_IGN);
    set_sync(ALERT);
    OK(output_file.open(self, "f", &services, err));
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    OK(output_file.deliver(self, items, 3, each, err));
    ck_assert_int_eq(each[0].verdict, DELIVERY_ACCEPTED);
    ck_assert_int_eq(each[1].verdict, DELIVERY_RETRY);
    ck_assert_int_eq(each[2].verdict, DELIVERY_RETRY);
    ck_assert_ptr_nonnull(strstr(each[1].reason, "File too large"));
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
    make("-", BATCH);
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
    take_stdout(_i == 1); /* whoever made the pipe made it block or not */
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

static void read_all_of(int fd, char *text, size_t size)
{
    ssize_t n = 0;
    size_t len = 0;

    while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
        len += (size_t)n;
    text[len] = '\0';
}

START_TEST(a_pipe_without_a_reader_is_told_and_what_was_cut_is_ended)
{
    static char large[300000], text[400000];
    struct error why = { 0 };
    int reader;

    (void)signal(SIGPIPE, SIG_IGN);
    memset(large, 'x', sizeof large - 1);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(output_file.open(self, "f", NULL, &why), -1);
    ck_assert_msg(why.code == ERR_IO && strstr(why.msg, "nobody reads"), "%s", why.msg);
    output_file.close(self);
    reader = open(path, O_RDONLY | O_NONBLOCK);
    OK(output_file.open(self, "f", NULL, err));
    ck_assert(deliver(large, NULL, &why) == -1 && why.code == ERR_BUSY);
    read_all_of(reader, text, sizeof text);
    OK(deliver("{1}", NULL, err));
    read_all_of(reader, text, sizeof text);
    ck_assert_str_eq(text, "\n{1}\n");
    (void)close(reader);
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
    TCase *t = tcase_create("file");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, one_alert_a_line_appended_with_mode_0640);
    tcase_add_loop_test(t, what_counts_as_delivered_is_on_the_disk, 0, 3);
    tcase_add_loop_test(t, a_sync_that_fails_accepts_nothing_and_is_asked_again, 0, 2);
    tcase_add_test(t, another_file_in_its_place_is_the_one_that_is_written);
    tcase_add_test(t, what_was_there_is_kept_and_half_a_line_is_ended);
    tcase_add_test(t, a_file_that_ends_in_a_newline_or_is_empty_gets_no_blank_line);
    tcase_add_test(t, a_rotated_or_removed_file_is_opened_anew);
    tcase_add_test(t, a_folder_that_is_missing_or_forbidden_needs_an_operator);
    tcase_add_test(t, a_full_disk_keeps_the_batch_and_the_next_try_leaves_whole_lines);
    tcase_add_test(t, a_file_is_set_aside_before_it_grows_beyond_its_size);
    tcase_add_test(t, a_file_is_set_aside_when_a_new_span_begins_also_over_a_restart);
    tcase_add_test(t, only_so_many_are_kept_and_nothing_else_is_touched);
    tcase_add_test(t, what_a_crash_left_is_ended_and_nothing_is_lost_or_doubled);
    tcase_add_test(t, what_is_set_aside_is_on_the_disk_whatever_sync_says);
    tcase_add_loop_test(t, the_plain_one_goes_when_the_compressed_copy_is_on_the_disk, 3, 5);
    tcase_add_loop_test(t, the_plain_one_goes_when_the_compressed_copy_is_on_the_disk, 0, 1);
    tcase_add_test(t, a_rotation_that_fails_delays_no_alert);
    tcase_add_test(t, a_link_stays_and_what_it_names_is_set_aside);
#ifdef COSMOWATCH_FAULTS
    tcase_add_loop_test(t, killed_in_the_middle_of_a_rotation_nothing_is_lost_or_doubled, 0, (int)ARRAY_LEN(kill_points));
#else
    (void)puts("SKIPPED: kills in the middle of a rotation need a build with FAULTS=1");
#endif
    tcase_add_test(t, a_full_disk_is_said_with_what_to_do);
    tcase_add_test(t, with_a_sync_for_each_alert_those_before_a_failure_are_accepted);
    tcase_add_test(t, standard_output_is_written_and_never_closed);
    tcase_add_loop_test(t, a_reader_that_is_behind_delays_but_a_reader_that_is_gone_is_told, 0, 2);
    tcase_add_test(t, a_pipe_without_a_reader_is_told_and_what_was_cut_is_ended);
    tcase_add_test(t, the_probe_writes_nothing);
    return run_group("output file", t);
}
