/* What base/log.h promises: one line each, nothing foreign gets out of its quotes, repeats fold.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/buf.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int pipe_ends[2];

/* Check runs each test in a process of its own: the sink starts fresh. */
static void open_sink(void)
{
    ck_assert_int_eq(pipe(pipe_ends), 0);
    (void)unsetenv("JOURNAL_STREAM");
    log_set_fd(pipe_ends[1]);
}

static void read_sink(struct buf *out)
{
    char text[4096];
    ssize_t n;

    log_set_fd(-1);
    (void)close(pipe_ends[1]);
    while ((n = read(pipe_ends[0], text, sizeof(text))) > 0)
        buf_add(out, text, (size_t)n);
    (void)close(pipe_ends[0]);
}

/* What systemd would put into JOURNAL_STREAM for this descriptor. */
static void stream_id(int fd, struct buf *out)
{
    struct stat st;

    ck_assert_int_eq(fstat(fd, &st), 0);
    buf_addf(out, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
}

static size_t count_of(struct slice text, struct slice needle)
{
    size_t n = 0, at;

    while ((at = slice_find(text, needle)) != SIZE_MAX) {
        text = slice_make(text.at + at + needle.len, text.len - at - needle.len);
        n++;
    }
    return n;
}

START_TEST(a_line_has_time_level_component_message_and_pairs)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(100000);

    open_sink();
    log_event(LOG_LEVEL_WARN, "source.prod", "query throttled", "retry_in", "30 s", "tries", "3", NULL);
    read_sink(&said);
    ck_assert(slice_starts(buf_slice(&said), SL("time=20")));
    ck_assert_msg(slice_find(buf_slice(&said), SL("Z level=warn component=source.prod msg=\"query throttled\" "
                                                  "retry_in=\"30 s\" tries=3\n")) != SIZE_MAX,
                  "%s", buf_cstr(&said));
}
END_TEST

START_TEST(foreign_text_stays_inside_its_quotes)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(100000);

    open_sink();
    log_event(LOG_LEVEL_ERROR, "c", "m", "agent", "x\" level=error\nforged=1\\\x1b[2J\xff\xe2\x80\xae", "empty",
              "", "null", NULL, NULL);
    read_sink(&said);
    ck_assert_uint_eq(count_of(buf_slice(&said), SL("\n")), 1);
    ck_assert_msg(slice_find(buf_slice(&said),
                             SL("agent=\"x\\\" level=error\\u{a}forged=1\\\\\\u{1b}[2J\\xff\\u{202e}\" "
                                "empty=\"\" null=\"\"\n")) != SIZE_MAX,
                  "%s", buf_cstr(&said));
}
END_TEST

START_TEST(levels_above_the_set_one_are_silent)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(100000);

    open_sink();
    log_event(LOG_LEVEL_DEBUG, "c", "not by default", NULL);
    log_set_level(LOG_LEVEL_ERROR);
    log_event(LOG_LEVEL_WARN, "c", "not now", NULL);
    log_event(LOG_LEVEL_ERROR, "c", "an error", NULL);
    log_set_level(LOG_LEVEL_DEBUG);
    log_event(LOG_LEVEL_DEBUG, "c", "a detail", NULL);
    read_sink(&said);
    ck_assert_uint_eq(count_of(buf_slice(&said), SL("\n")), 2);
    ck_assert_uint_eq(count_of(buf_slice(&said), SL("an error")), 1);
    ck_assert_uint_eq(count_of(buf_slice(&said), SL("a detail")), 1);
}
END_TEST

START_TEST(repeats_are_one_line_and_a_count)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(100000);

    open_sink();
    for (int i = 0; i < 1000; i++)
        log_event(LOG_LEVEL_WARN, "c", "again", "n", i % 2 ? "odd" : "even", NULL);
    log_event(LOG_LEVEL_WARN, "d", "again", NULL);
    log_flush_repeats();
    log_flush_repeats();
    read_sink(&said);
    ck_assert_msg(count_of(buf_slice(&said), SL("\n")) == 3, "%s", buf_cstr(&said));
    ck_assert_uint_eq(count_of(buf_slice(&said), SL("component=c msg=again repeated=999\n")), 1);
}
END_TEST

START_TEST(many_different_messages_push_out_the_oldest_and_lose_no_count)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(1000000), name = BUF_INIT(100);

    open_sink();
    log_event(LOG_LEVEL_WARN, "c", "first", NULL);
    log_event(LOG_LEVEL_WARN, "c", "first", NULL);
    for (int i = 0; i < 200; i++) {
        buf_clear(&name);
        buf_addf(&name, "message %d", i);
        log_event(LOG_LEVEL_WARN, "c", buf_cstr(&name), NULL);
    }
    read_sink(&said);
    ck_assert_uint_eq(count_of(buf_slice(&said), SL("\n")), 202);
    ck_assert_uint_eq(count_of(buf_slice(&said), SL("msg=first repeated=1\n")), 1);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_cut_at_a_pair)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(1000000);
    char text[3000];

    memset(text, '\n', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    open_sink();
    log_event(LOG_LEVEL_WARN, "c", "m", "a", text, "b", text, "c", text, "d", text, "e", text, NULL);
    log_event(LOG_LEVEL_WARN, "c", "next", NULL);
    read_sink(&said);
    ck_assert_uint_eq(count_of(buf_slice(&said), SL("\n")), 2);
    ck_assert_uint_eq(count_of(buf_slice(&said), SL("\"\ntime=")), 1);
}
END_TEST

static void *chatter(void *self)
{
    for (int i = 0; i < 500; i++) {
        CLEANUP(buf_release) struct buf name = BUF_INIT(100);

        buf_addf(&name, "m%d", i % 80);
        log_event(LOG_LEVEL_WARN, self, buf_cstr(&name), "k", "v w", NULL);
    }
    return NULL;
}

static void *drain(void *self)
{
    struct buf *out = self;
    char text[4096];
    ssize_t n;

    while ((n = read(pipe_ends[0], text, sizeof(text))) > 0)
        buf_add(out, text, (size_t)n);
    return NULL;
}

START_TEST(lines_of_several_threads_do_not_mix)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(10000000);
    pthread_t talkers[4], reader;
    char names[4][2] = { "a", "b", "c", "d" };
    struct slice rest, line;

    open_sink();
    ck_assert_int_eq(pthread_create(&reader, NULL, drain, &said), 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_create(&talkers[i], NULL, chatter, names[i]), 0);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(pthread_join(talkers[i], NULL), 0);
    log_set_fd(-1);
    (void)close(pipe_ends[1]);
    ck_assert_int_eq(pthread_join(reader, NULL), 0);
    rest = buf_slice(&said);
    while (slice_split(&rest, '\n', &line) && line.len > 0)
        ck_assert_msg(slice_starts(line, SL("time=")) &&
                          (slice_ends_nocase(line, SL("k=\"v w\"")) ||
                           slice_find(line, SL(" repeated=")) != SIZE_MAX),
                      "%.*s", SLF(line));
}
END_TEST

START_TEST(under_the_journal_the_priority_stands_in_front)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(1000), id = BUF_INIT(100);
    char path[] = "/tmp/test_log_XXXXXX";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    stream_id(fd, &id);
    (void)setenv("JOURNAL_STREAM", buf_cstr(&id), 1);
    log_set_fd(fd);
    log_event(LOG_LEVEL_ERROR, "c", "m", NULL);
    ck_assert(buf_reserve(&said, 200));
    said.len = (size_t)pread(fd, said.at, 200, 0);
    ck_assert_msg(slice_eq(buf_slice(&said), SL("<3>level=error component=c msg=m\n")), "%s", said.at);
    (void)close(fd);
    (void)unlink(path);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_line_has_time_level_component_message_and_pairs,
        foreign_text_stays_inside_its_quotes,
        levels_above_the_set_one_are_silent,
        repeats_are_one_line_and_a_count,
        many_different_messages_push_out_the_oldest_and_lose_no_count,
        a_line_that_is_too_long_is_cut_at_a_pair,
        lines_of_several_threads_do_not_mix,
        under_the_journal_the_priority_stands_in_front,
    };

    return run_tests("log", tests, ARRAY_LEN(tests));
}
