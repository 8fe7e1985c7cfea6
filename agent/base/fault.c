/* fault.c - the table behind the fault points. See fault.h; empty in release builds.
 *
 * A plan that cannot be read ends the process: a fault test whose fault silently never happens would
 * pass for the wrong reason.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"

#ifdef COSMOWATCH_FAULTS

#include "base/num.h"
#include "base/slice.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FAULT_PLANS_MAX 16
#define FAULT_SEEN_MAX 64

enum fault_action { FAULT_KILL, FAULT_ABORT, FAULT_ERROR, FAULT_DELAY };

struct fault_plan {
    char name[64];
    int64_t hit;       /* 1 is the first; 0: always */
    bool and_later;
    enum fault_action action;
    int64_t value;     /* errno or ms */
    int64_t hits;      /* so far */
};

static struct {
    pthread_mutex_t lock;
    bool is_read;
    struct fault_plan plans[FAULT_PLANS_MAX];
    size_t plans_len;
    const char *seen[FAULT_SEEN_MAX];
    size_t seen_len;
} faults = { .lock = PTHREAD_MUTEX_INITIALIZER };

static const struct { const char *name; int value; } fault_errnos[] = {
    { .name = "ENOSPC", .value = ENOSPC }, { .name = "EIO", .value = EIO },
    { .name = "EFBIG", .value = EFBIG },   { .name = "EACCES", .value = EACCES },
    { .name = "EROFS", .value = EROFS },   { .name = "EAGAIN", .value = EAGAIN },
    { .name = "EINTR", .value = EINTR },   { .name = "ENOMEM", .value = ENOMEM },
    { .name = "ECONNRESET", .value = ECONNRESET }, { .name = "ETIMEDOUT", .value = ETIMEDOUT },
};

static void fault_bad_plan(struct slice plan)
{
    (void)fprintf(stderr, "COSMOWATCH_FAULT: cannot read '%.*s'\n", SLF(plan));
    _exit(99);
}

static bool fault_parse_action(struct slice text, struct fault_plan *p)
{
    struct slice word = { 0 };
    struct slice rest = text;

    (void)slice_split(&rest, '=', &word);
    if (slice_eq(word, SL("kill"))) {
        p->action = FAULT_KILL;
        return true;
    }
    if (slice_eq(word, SL("abort"))) {
        p->action = FAULT_ABORT;
        return true;
    }
    if (slice_eq(word, SL("delay"))) {
        p->action = FAULT_DELAY;
        return parse_i64(rest, 0, 3600000, &p->value);
    }
    if (!slice_eq(word, SL("error")))
        return false;
    p->action = FAULT_ERROR;
    for (size_t i = 0; i < ARRAY_LEN(fault_errnos); i++) {
        if (slice_eq(rest, slice_of(fault_errnos[i].name))) {
            p->value = fault_errnos[i].value;
            return true;
        }
    }
    return parse_i64(rest, 1, 4095, &p->value);
}

static bool fault_parse_hit(struct slice text, struct fault_plan *p)
{
    if (slice_eq(text, SL("*"))) {
        p->hit = 0;
        return true;
    }
    if (text.len > 1 && text.at[text.len - 1] == '+') {
        p->and_later = true;
        text.len--;
    }
    return parse_i64(text, 1, INT32_MAX, &p->hit);
}

static void fault_read_environment(void)
{
    struct slice rest = slice_of(getenv("COSMOWATCH_FAULT"));
    struct slice text;

    faults.is_read = true;
    while (rest.len > 0 && slice_split(&rest, ';', &text)) {
        struct slice part = text, name, hit;
        struct fault_plan p = { 0 };

        if (text.len == 0)
            continue;
        if (faults.plans_len == FAULT_PLANS_MAX || !slice_split(&part, ':', &name) ||
            !slice_split(&part, ':', &hit) || name.len >= sizeof(p.name) || !fault_parse_hit(hit, &p) ||
            !fault_parse_action(part, &p))
            fault_bad_plan(text);
        memcpy(p.name, name.at, name.len);
        faults.plans[faults.plans_len++] = p;
    }
}

/* One short write per name and process; O_APPEND keeps lines of several processes whole. */
static void fault_log_first(const char *name)
{
    const char *path = getenv("COSMOWATCH_FAULT_LOG");
    char line[80];
    int fd, n;

    for (size_t i = 0; i < faults.seen_len; i++)
        if (strcmp(faults.seen[i], name) == 0)
            return;
    if (faults.seen_len < FAULT_SEEN_MAX)
        faults.seen[faults.seen_len++] = name;
    if (!path)
        return;
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    n = snprintf(line, sizeof(line), "%s\n", name);
    if (n > 0 && (size_t)n < sizeof(line) && write(fd, line, (size_t)n) != n)
        (void)fprintf(stderr, "COSMOWATCH_FAULT_LOG: cannot write '%s'\n", path);
    (void)close(fd);
}

int fault_hit(const char *name)
{
    int ret = 0;
    int64_t delay_ms = 0;

    (void)pthread_mutex_lock(&faults.lock);
    if (!faults.is_read)
        fault_read_environment();
    fault_log_first(name);
    for (size_t i = 0; i < faults.plans_len; i++) {
        struct fault_plan *p = &faults.plans[i];

        if (strcmp(p->name, name) != 0)
            continue;
        p->hits++;
        if (p->hit != 0 && p->hits != p->hit && !(p->and_later && p->hits > p->hit))
            continue;
        switch (p->action) {
        case FAULT_KILL: (void)kill(getpid(), SIGKILL); break;
        case FAULT_ABORT: abort();
        case FAULT_ERROR: ret = (int)p->value; break;
        case FAULT_DELAY: delay_ms = p->value; break;
        }
    }
    (void)pthread_mutex_unlock(&faults.lock);
    if (delay_ms > 0)
        (void)poll(NULL, 0, (int)delay_ms);
    return ret;
}

void fault_reset(void)
{
    (void)pthread_mutex_lock(&faults.lock);
    faults.is_read = false;
    faults.plans_len = 0;
    (void)pthread_mutex_unlock(&faults.lock);
}

#endif
