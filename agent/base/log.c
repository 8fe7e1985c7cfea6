/* log.c - see log.h. The one place with mutable state at file scope.
 *
 * A line is one write(2), so that lines of several threads do not mix. Under systemd the journal has
 * the time already and wants the priority in front ("<4>", sd-daemon(3)); elsewhere the line starts
 * with the time. A line that cannot be written is lost: logging must not stop the watch.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/buf.h"
#include "base/term.h"
#include "base/timeutil.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_MAX 16384 /* holds component, message and several values, all escaped */
#define LOG_VALUE_MAX 1024
#define LOG_REPEATS_MAX 64
#define LOG_FOLD_MS 60000

struct log_repeat {
    char component[64], message[128]; /* longer ones are compared by what fits */
    enum log_level level;
    int64_t first_ms; /* 0: free */
    int64_t folded;   /* lines not written since */
};

static struct {
    pthread_mutex_t lock;
    enum log_level max;
    int fd;
    bool is_journal, is_checked; /* checked: is_journal is known for fd */
    struct log_repeat repeats[LOG_REPEATS_MAX];
} sink = { .lock = PTHREAD_MUTEX_INITIALIZER, .max = LOG_LEVEL_INFO, .fd = STDERR_FILENO };

static int64_t log_clock_ns(clockid_t id)
{
    struct timespec now = { 0 };

    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

/* JOURNAL_STREAM is "device:inode" of the stderr that systemd gave us; after a redirection it is
 * still set but no longer true. systemd.exec(5). */
static bool log_is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    char here[64];

    if (!stream || fstat(fd, &st) < 0)
        return false;
    (void)snprintf(here, sizeof(here), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(here, stream) == 0;
}

/* "text", escaped; without quotes when it is one plain word. */
static void add_value(struct buf *out, const char *cstr)
{
    struct slice s = slice_cut(slice_of(cstr ? cstr : ""), LOG_VALUE_MAX);
    bool is_word = s.len > 0;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            is_word = false;
    }
    if (is_word) {
        buf_add_slice(out, s);
        return;
    }
    buf_add_char(out, '"');
    for (size_t i = 0, run; i < s.len; i = run) {
        for (run = i; run < s.len && s.at[run] != '"' && s.at[run] != '\\'; run++)
            ;
        term_add_safe(out, slice_make(s.at + i, run - i));
        if (run < s.len) {
            buf_add_char(out, '\\');
            buf_add_char(out, s.at[run++]);
        }
    }
    buf_add_char(out, '"');
}

static void add_pair(struct buf *out, const char *key, const char *value)
{
    buf_add_char(out, ' ');
    buf_add_str(out, key);
    buf_add_char(out, '=');
    add_value(out, value);
}

/* A pair that does not fit is left out whole, and with it what follows. */
static void add_last_pair(struct buf *out, const char *key, const char *value)
{
    size_t before = out->len;

    add_pair(out, key, value);
    if (out->failed)
        out->len = before;
}

static void add_head(struct buf *out, enum log_level level, const char *component, const char *message)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    static const int priorities[] = { 3, 4, 6, 7 };

    if (sink.is_journal) {
        buf_addf(out, "<%d>", priorities[level]);
    } else {
        buf_add_str(out, "time=");
        time_add_iso(out, log_clock_ns(CLOCK_REALTIME), 3);
        buf_add_char(out, ' ');
    }
    buf_addf(out, "level=%s", names[level]);
    add_pair(out, "component", component);
    add_pair(out, "msg", message);
}

static void log_write(struct buf *line)
{
    size_t done = 0;

    line->max++; /* the end of the line always fits */
    buf_add_char(line, '\n');
    while (done < line->len) {
        ssize_t n = write(sink.fd, line->at + done, line->len - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        done += (size_t)n;
    }
}

/* Say how many lines were folded into this one, and free it. */
static void repeat_end(struct log_repeat *r)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(LOG_LINE_MAX);

    if (r->folded > 0 && sink.fd >= 0) {
        add_head(&line, r->level, r->component, r->message);
        buf_addf(&line, " repeated=%" PRId64, r->folded);
        log_write(&line);
    }
    r->first_ms = 0;
    r->folded = 0;
}

static void copy_cut(char *to, size_t size, const char *from)
{
    struct slice s = slice_cut(slice_of(from), size - 1);

    if (s.len > 0)
        memcpy(to, s.at, s.len);
    to[s.len] = '\0';
}

/* True when this line was said within the last minute: it is counted, not written. */
static bool log_fold(enum log_level level, const char *component, const char *message)
{
    int64_t now_ms = log_clock_ns(CLOCK_BOOTTIME) / NS_PER_MS + 1; /* a minute asleep is a minute */
    struct log_repeat key, *found = NULL, *oldest = &sink.repeats[0];

    copy_cut(key.component, sizeof(key.component), component);
    copy_cut(key.message, sizeof(key.message), message);
    for (size_t i = 0; i < LOG_REPEATS_MAX; i++) {
        struct log_repeat *r = &sink.repeats[i];

        if (r->first_ms > 0 && now_ms - r->first_ms >= LOG_FOLD_MS)
            repeat_end(r);
        if (r->first_ms < oldest->first_ms)
            oldest = r;
        if (r->first_ms > 0 && strcmp(r->message, key.message) == 0 &&
            strcmp(r->component, key.component) == 0)
            found = r;
    }
    if (found) {
        found->folded++;
        return true;
    }
    if (oldest->first_ms > 0)
        repeat_end(oldest);
    memcpy(oldest->component, key.component, sizeof(key.component));
    memcpy(oldest->message, key.message, sizeof(key.message));
    oldest->level = level;
    oldest->first_ms = now_ms;
    return false;
}

void log_set_level(enum log_level max)
{
    (void)pthread_mutex_lock(&sink.lock);
    sink.max = max;
    (void)pthread_mutex_unlock(&sink.lock);
}

void log_set_fd(int fd)
{
    (void)pthread_mutex_lock(&sink.lock);
    sink.fd = fd;
    sink.is_checked = false;
    (void)pthread_mutex_unlock(&sink.lock);
}

void log_event(enum log_level level, const char *component, const char *message, ...)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(LOG_LINE_MAX);
    const char *key;
    va_list ap;

    (void)pthread_mutex_lock(&sink.lock);
    if (!sink.is_checked) {
        sink.is_journal = log_is_journal(sink.fd);
        sink.is_checked = true;
    }
    if (level <= sink.max && sink.fd >= 0 && !log_fold(level, component, message)) {
        add_head(&line, level, component, message);
        va_start(ap, message);
        while ((key = va_arg(ap, const char *)) != NULL && !line.failed)
            add_last_pair(&line, key, va_arg(ap, const char *));
        va_end(ap);
        line.failed = false;
        log_write(&line);
    }
    (void)pthread_mutex_unlock(&sink.lock);
}

void log_flush_repeats(void)
{
    (void)pthread_mutex_lock(&sink.lock);
    for (size_t i = 0; i < LOG_REPEATS_MAX; i++)
        if (sink.repeats[i].first_ms > 0)
            repeat_end(&sink.repeats[i]);
    (void)pthread_mutex_unlock(&sink.lock);
}
