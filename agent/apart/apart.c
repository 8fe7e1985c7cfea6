/* apart.c - see apart.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "apart/apart.h"

#include "apart/wire.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STALL_MS 20000
#define LIFE_MS 60000
#define LOST_MS 60000
#define SPELL_MS 600000
#define MESSAGE_MS 600000 /* progress that never comes to anything is none */
#define LOOK_EVERY_MS 500
#define AREA_LEAST ((size_t)1 << 20)
#define DESCRIPTORS_FROM (APART_PAGES + 1) /* ours stand above those that the reader gets */

struct left_out {
    struct apart_left_out row;
    char reason[120];
};

struct apart {
    pthread_mutex_t lock;
    int64_t stall_ms, life_ms, lost_max_ms, spell_ms;
    int64_t lost_ms, lost_from_ms; /* to deaths, in the spell that began then */
    int sock, pages_fd, area_fd; /* -1: none */
    pid_t pid;
    bool is_greeted;
    int64_t tainted_ms;   /* when it was given its first bytes; 0: not yet */
    struct apart_pages *pages;
    char *copy; /* APART_SLOT_BYTES: a batch that nobody else can change */
    char *area;           /* where bodies are laid out, each over the last */
    size_t area_len;
    uint64_t body_id;     /* of what is in it */
    bool reader_has_area;
    struct left_out left_out[APART_LEFT_OUT_MAX];
    size_t left_out_len;
    char end[96];         /* why the reader died, the last time */

    pthread_mutex_t status_lock; /* `lock` is held for as long as a body is read */
    struct apart_status status;
    int64_t passed_in_spell;
};

/* ---- status -------------------------------------------------------------------------------------------- */

void apart_look(struct apart *a, struct apart_status *ret)
{
    (void)pthread_mutex_lock(&a->status_lock);
    *ret = a->status;
    (void)pthread_mutex_unlock(&a->status_lock);
}

static void note_pid(struct apart *a, pid_t pid)
{
    a->pid = pid;
    (void)pthread_mutex_lock(&a->status_lock);
    a->status.pid = pid;
    (void)pthread_mutex_unlock(&a->status_lock);
}

static void note_death(struct apart *a)
{
    (void)pthread_mutex_lock(&a->status_lock);
    a->status.ended++;
    (void)snprintf(a->status.last_end, sizeof a->status.last_end, "%s", a->end);
    (void)pthread_mutex_unlock(&a->status_lock);
}

static void note_left_out(struct apart *a)
{
    (void)pthread_mutex_lock(&a->status_lock);
    a->status.left_out++;
    (void)pthread_mutex_unlock(&a->status_lock);
}

static void say_worn(void)
{
    log_event(LOG_LEVEL_WARN, "reader", "statements ended it too often", "cause",
              "more than a minute of the last ten went to readers that died",
              "what_now", "until the ten minutes are over, what is new in the accounts that these came from is set aside unread",
              "remedy", "cosmowatch coverage --unreadable shows them; please report it: the parser errs, and is attacked",
              NULL);
}

int64_t apart_pass_over(struct apart *a, bool is_worn)
{
    int64_t n = 0;

    (void)pthread_mutex_lock(&a->status_lock);
    a->status.left_out++;
    if (is_worn) {
        a->status.passed_over++;
        n = ++a->passed_in_spell;
    }
    (void)pthread_mutex_unlock(&a->status_lock);
    if (n == 1)
        say_worn();
    return n;
}

/* ---- life of a reader ---------------------------------------------------------------------------------- */

static void describe_end(struct apart *a, int status)
{
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        (void)snprintf(a->end, sizeof a->end, "SIGSYS, a system call that it may not make");
    else if (WIFSIGNALED(status))
        (void)snprintf(a->end, sizeof a->end, "SIG%s", sigabbrev_np(WTERMSIG(status)));
    else
        (void)snprintf(a->end, sizeof a->end, "exit status %d", WEXITSTATUS(status));
}

/* Make an end of it; why: NULL when it made one itself. A process that has begun to die keeps its own reason. */
static void put_down(struct apart *a, const char *why)
{
    int status = 0;

    if (a->pid <= 0)
        return;
    (void)kill(a->pid, SIGKILL);
    while (waitpid(a->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (why)
        (void)snprintf(a->end, sizeof a->end, "%s", why);
    else
        describe_end(a, status);
    (void)close(a->sock);
    a->sock = -1;
    a->reader_has_area = a->is_greeted = false;
    a->tainted_ms = 0;
    note_pid(a, 0);
}

static bool is_alive(const struct apart *a)
{
    struct pollfd p = { .fd = a->sock, .events = POLLIN };

    return a->pid > 0 && poll(&p, 1, 0) == 0; /* between two works it has nothing to say */
}

/* Coverage is counted in the reader's memory until it exits: such a build lets one that waits for work do so. */
static void let_go(struct apart *a UNUSED)
{
#ifdef COSMOWATCH_COVERAGE
    struct pollfd p = { .fd = a->sock, .events = POLLIN };

    if (is_alive(a) && shutdown(a->sock, SHUT_WR) == 0)
        (void)poll(&p, 1, 10000);
#endif
}

/* Signals for the agent are none for its reader: it ends when the agent does. They stay blocked. */
static int set_up_spawn(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, int sock, int pages)
{
    sigset_t blocked, none;
    int rc = 0;

    (void)sigemptyset(&none);
    (void)sigemptyset(&blocked);
    (void)sigaddset(&blocked, SIGTERM);
    (void)sigaddset(&blocked, SIGINT);
    (void)sigaddset(&blocked, SIGHUP);
    (void)sigaddset(&blocked, SIGQUIT);
    (void)sigaddset(&none, SIGPIPE);
    (void)sigaddset(&none, SIGXFSZ);
    if ((rc = posix_spawn_file_actions_adddup2(files, sock, APART_SOCKET)) != 0 ||
        (rc = posix_spawn_file_actions_adddup2(files, STDERR_FILENO, STDOUT_FILENO)) != 0 ||
        (rc = posix_spawn_file_actions_adddup2(files, pages, APART_PAGES)) != 0 ||
        (rc = posix_spawn_file_actions_addclosefrom_np(files, APART_PAGES + 1)) != 0 ||
        (rc = posix_spawnattr_setsigmask(attr, &blocked)) != 0 ||
        (rc = posix_spawnattr_setsigdefault(attr, &none)) != 0 ||
        (rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF)) != 0)
        return rc;
    return 0;
}

static int spawn(struct apart *a, int sock, struct error *err)
{
    static char name[] = APART_NAME;
    char *argv[] = { name, NULL }, *environment[] = { NULL };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    pid_t pid = 0;
    int rc = posix_spawn_file_actions_init(&files);

    if (rc != 0)
        return error_errno(err, ERR_NOMEM, rc, "the reader");
    rc = posix_spawnattr_init(&attr);
    if (rc == 0) {
        rc = set_up_spawn(&files, &attr, sock, a->pages_fd);
        if (rc == 0) /* what runs, even when a newer one lies in its place by now */
            rc = posix_spawn(&pid, "/proc/self/exe", &files, &attr, argv, environment);
        (void)posix_spawnattr_destroy(&attr);
    }
    (void)posix_spawn_file_actions_destroy(&files);
    if (rc != 0)
        return error_errno(err, ERR_IO, rc, "the reader cannot be started");
    note_pid(a, pid);
    return 0;
}

/* The same descriptor further up, out of the way of those the reader is given. */
static int lift(int fd)
{
    int up = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, DESCRIPTORS_FROM);
    int why = errno;

    if (fd >= 0)
        (void)close(fd);
    errno = why;
    return up;
}

enum heard { HEARD, HEARD_DEATH };

static int64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* stands while the host sleeps, as the reader does */
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static uint64_t progress_of(const struct apart *a)
{
    return atomic_load_explicit(&a->pages->mark.row, memory_order_relaxed) * 31 +
           atomic_load_explicit(&a->pages->mark.beat, memory_order_relaxed) * 7 +
           atomic_load_explicit(&a->pages->mark.stage, memory_order_relaxed);
}

/* The reader's next message; what ends the waiting otherwise is its death, or that it stands still. Time is what poll()
 * waited in vain: no clock that jumps ends a reader that works. */
static enum heard hear(struct apart *a, struct apart_told *ret)
{
    struct pollfd p = { .fd = a->sock, .events = POLLIN };
    uint64_t progress = progress_of(a);
    int64_t still_ms = 0, waited_ms = 0, limit_ms = a->is_greeted ? a->stall_ms : STALL_MS;

    for (;;) {
        int n = poll(&p, 1, LOOK_EVERY_MS);

        if (n > 0) {
            ssize_t got = recv(a->sock, ret, sizeof *ret, MSG_DONTWAIT);

            if (got == (ssize_t)sizeof *ret)
                return HEARD;
            put_down(a, got > 0 ? "a message that cannot be" : NULL);
            return HEARD_DEATH;
        }
        if (n < 0)
            continue; /* a signal: for the agent */
        waited_ms += LOOK_EVERY_MS;
        still_ms = progress_of(a) == progress ? still_ms + LOOK_EVERY_MS : 0;
        progress = progress_of(a);
        if (still_ms > limit_ms || waited_ms > MESSAGE_MS) {
            char why[64];

            (void)snprintf(why, sizeof why, "no progress for %" PRId64 " s",
                           (still_ms > limit_ms ? limit_ms : waited_ms) / 1000);
            put_down(a, why);
            return HEARD_DEATH;
        }
    }
}

/* A process, which will greet. */
static int make_one(struct apart *a, struct error *err)
{
    int pair[2] = { -1, -1 };
    int rc = -1;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return error_errno(err, ERR_IO, errno, "the reader cannot be started");
    a->sock = lift(pair[0]);
    pair[1] = lift(pair[1]);
    if (a->sock < 0 || pair[1] < 0)
        (void)error_errno(err, ERR_IO, errno, "the reader cannot be started");
    else
        rc = spawn(a, pair[1], err);
    if (pair[1] >= 0)
        (void)close(pair[1]);
    if (rc < 0) {
        if (a->sock >= 0)
            (void)close(a->sock);
        a->sock = -1;
    }
    return rc;
}

static int start(struct apart *a, struct error *err)
{
    struct apart_told told = { 0 };

    if (a->pid > 0 && a->is_greeted && !is_alive(a))
        put_down(a, NULL); /* died while nothing was asked of it */
    if (a->pid <= 0 && make_one(a, err) < 0)
        return -1;
    if (a->is_greeted)
        return 0;
    if (hear(a, &told) == HEARD && told.what == TOLD_READY) {
        a->is_greeted = true;
        return 0;
    }
    if (a->pid > 0)
        put_down(a, "a greeting that cannot be");
    return error_set(err, ERR_IO, "the reader cannot be started: it ended at once (%s); standard error has its last words",
                     a->end);
}

/* One that has seen nothing yet. It is not waited for. */
static void replace(struct apart *a)
{
    struct error err = { 0 };

    let_go(a);
    put_down(a, "replaced");
    (void)make_one(a, &err); /* the next work tries again, and says why not */
}

int apart_start(struct apart *a, struct error *err)
{
    int rc;

    (void)pthread_mutex_lock(&a->lock);
    rc = start(a, err);
    (void)pthread_mutex_unlock(&a->lock);
    return rc;
}

/* ---- shared memory ------------------------------------------------------------------------------------- */

/* Pages that nobody can cut: who cuts what another has mapped ends him. */
static int make_pages(struct apart *a, struct error *err)
{
    a->pages_fd = lift(memfd_create("cosmowatch-reader", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (a->pages_fd < 0 || ftruncate(a->pages_fd, sizeof *a->pages) < 0 ||
        fcntl(a->pages_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return error_errno(err, ERR_IO, errno, "shared memory for the reader");
    a->pages = mmap(NULL, sizeof *a->pages, PROT_READ | PROT_WRITE, MAP_SHARED, a->pages_fd, 0);
    if (a->pages == MAP_FAILED) {
        a->pages = NULL;
        return error_errno(err, ERR_NOMEM, errno, "shared memory for the reader");
    }
    return 0;
}

static void drop_area(struct apart *a)
{
    if (a->area)
        (void)munmap(a->area, a->area_len);
    if (a->area_fd >= 0)
        (void)close(a->area_fd);
    a->area = NULL;
    a->area_len = 0;
    a->area_fd = -1;
    a->reader_has_area = false;
    a->left_out_len = 0;
    a->body_id++; /* what was in it has to be laid out anew */
}

/* Memory that we can write and nobody else ever can: the seal spares only the mapping that is there. It is kept from body
 * to body: new pages cost more than decoding them does. */
static int make_area(struct apart *a, size_t need, struct error *err)
{
    size_t len = AREA_LEAST;

    while (len < need)
        len *= 2;
    drop_area(a);
    a->area_fd = lift(memfd_create("cosmowatch-body", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (a->area_fd < 0 || ftruncate(a->area_fd, (off_t)len) < 0)
        return error_errno(err, ERR_NOMEM, errno, "shared memory for the reader");
    a->area = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, a->area_fd, 0);
    if (a->area == MAP_FAILED) {
        a->area = NULL;
        return error_errno(err, ERR_NOMEM, errno, "shared memory for the reader");
    }
    a->area_len = len;
    if (fcntl(a->area_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE | F_SEAL_SEAL) < 0)
        return error_errno(err, ERR_IO, errno, "sealed memory for the reader");
    return 0;
}

static int lay_out_body(struct apart *a, const struct apart_work *w, struct error *err)
{
    size_t need = w->body.len + APART_PADDING;

    if (w->body.len > APART_BODY_MAX)
        return error_set(err, ERR_LIMIT, "%zu bytes are too many for the reader", w->body.len);
    if (need > a->area_len && make_area(a, need, err) < 0) {
        drop_area(a);
        return -1;
    }
    if (w->body.len > 0)
        memcpy(a->area, w->body.at, w->body.len);
    memset(a->area + w->body.len, 0, APART_PADDING);
    a->left_out_len = 0;
    a->body_id++;
    if (a->tainted_ms > 0 && now_ms() - a->tainted_ms > a->life_ms)
        replace(a);
    return 0;
}

/* ---- answers --------------------------------------------------------------------------------------------- */

enum apart_verdict apart_lie(struct error *err, const char *what)
{
    (void)error_set(err, ERR_SERVER, "%s", what);
    return APART_LIE;
}

void apart_tame(char *at, size_t size)
{
    at[size - 1] = '\0';
    for (char *p = at; *p; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
}

/* ---- one attempt --------------------------------------------------------------------------------------- */

static int ask(struct apart *a, const struct apart_ask *what, int fd)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { 0 };
    struct apart_ask copy = *what;
    struct iovec io = { .iov_base = &copy, .iov_len = sizeof copy };
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
    ssize_t n;

    if (fd >= 0) {
        struct cmsghdr *c;

        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    do
        n = sendmsg(a->sock, &m, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof copy ? 0 : -1;
}

static int begin(struct apart *a, struct apart_work *w)
{
    struct apart_ask what = { .what = ASK_WORK, .service = w->service, .param = w->param, .body_len = w->body.len,
                              .area_len = a->area_len };

    atomic_store(&a->pages->mark.row, APART_NO_ROW);
    w->lie_row = APART_NO_ROW;
    a->pages->left_out_len = a->left_out_len;
    for (size_t i = 0; i < a->left_out_len; i++)
        a->pages->left_out[i] = a->left_out[i].row;
    if (w->begin)
        w->begin(w->self);
    if (ask(a, &what, a->reader_has_area ? -1 : a->area_fd) < 0)
        return -1;
    a->reader_has_area = true;
    if (a->tainted_ms == 0)
        a->tainted_ms = now_ms();
    return 0;
}

enum attempt { DONE, STOPPED, DIED };

/* A batch or the last word, copied; false when its size cannot be. */
static bool copy_slot(struct apart *a, const struct apart_told *told, struct slice *ret)
{
    if (told->slot >= APART_SLOTS || told->len > APART_SLOT_BYTES || told->len == 0) /* or nothing, for ever */
        return false;
    memcpy(a->copy, a->pages->slots[told->slot], told->len);
    *ret = slice_make(a->copy, told->len);
    return true;
}

static enum attempt believe_nothing(struct apart *a, const struct error *why)
{
    char text[96];

    (void)snprintf(text, sizeof text, "an answer that cannot be: %.60s", why->msg);
    put_down(a, text);
    return DIED;
}

/* -1: no such question. */
static int answer(struct apart *a, struct apart_work *w, struct slice question, struct error *said)
{
    struct apart_ask what = { .what = ASK_ANSWER };

    if (!w->answer)
        return error_set(said, ERR_SERVER, "a question");
    if (w->answer(w->self, question, &what.param, said) != APART_GO_ON)
        return -1;
    (void)ask(a, &what, -1); /* one that died is noticed by hear() */
    return 0;
}

static enum attempt attempt(struct apart *a, struct apart_work *w, struct error *err)
{
    struct error lie = { .msg = "a size" };
    bool is_stopped = false;

    if (begin(a, w) < 0) {
        put_down(a, NULL);
        return DIED;
    }
    for (;;) {
        enum apart_verdict v = APART_GO_ON;
        struct apart_told told = { 0 };
        struct slice text;
        struct error said = { 0 };

        if (hear(a, &told) == HEARD_DEATH)
            return is_stopped ? STOPPED : DIED;
        if (told.what == TOLD_READY || (unsigned)told.what > TOLD_END || !copy_slot(a, &told, &text))
            return believe_nothing(a, &lie);
        if (told.what == TOLD_QUESTION) {
            if (answer(a, w, text, &said) < 0)
                return believe_nothing(a, &said);
            continue;
        }
        if (told.what == TOLD_BATCH) /* the copy is ours; a reader that died is noticed by hear() */
            (void)ask(a, &(struct apart_ask){ .what = ASK_GO_ON }, -1);
        if (!is_stopped)
            v = (told.what == TOLD_BATCH ? w->batch : w->end)(w->self, text, &said);
        if (v == APART_LIE)
            return believe_nothing(a, &said);
        w->lie_row = APART_NO_ROW;
        if (v == APART_STOP) {
            *err = said;
            is_stopped = true;
            (void)ask(a, &(struct apart_ask){ .what = ASK_STOP }, -1);
        }
        if (told.what == TOLD_END)
            return is_stopped ? STOPPED : DONE;
    }
}

/* ---- death and the row at fault ------------------------------------------------------------------------ */

struct deaths {
    uint64_t row; /* of the last one */
    int there;    /* times in a row */
    int64_t all;
};

const char *apart_left_out(const struct apart *a, uint64_t row)
{
    for (size_t i = 0; i < a->left_out_len; i++)
        if (a->left_out[i].row.row == row)
            return a->left_out[i].reason;
    return NULL;
}

size_t apart_left_out_len(const struct apart *a)
{
    return a->left_out_len;
}

/* The smallest piece first; when that was not it, the document around it. -1: there is nothing smaller than the body. */
static int leave_out(struct apart *a, uint64_t row, const char *piece)
{
    for (size_t i = 0; i < a->left_out_len; i++) {
        if (a->left_out[i].row.row != row)
            continue;
        if (a->left_out[i].row.whole)
            return -1;
        a->left_out[i].row.whole = true;
        return 0;
    }
    if (row == APART_NO_ROW || a->left_out_len == APART_LEFT_OUT_MAX)
        return -1;
    a->left_out[a->left_out_len].row = (struct apart_left_out){ .row = row };
    (void)snprintf(a->left_out[a->left_out_len].reason, sizeof a->left_out[0].reason,
                   "this %.20s ended the reader twice: %.60s", piece, a->end);
    a->left_out_len++;
    note_left_out(a);
    return 0;
}

static void say_left_out(const struct apart *a, uint64_t row, const char *piece)
{
    char where[32], what[64];

    (void)snprintf(where, sizeof where, "%" PRIu64, row);
    (void)snprintf(what, sizeof what, "a %.20s ended the reader twice and is set aside", piece);
    log_event(LOG_LEVEL_WARN, "reader", what, "cause", a->end, "row", where,
              "what_now", "what stands around it is read; it is kept with the unreadable rows",
              "remedy", "cosmowatch coverage --unreadable shows it; please report it: the parser errs, or is attacked",
              NULL);
}

/* It died at that row. 0: try again. */
static int after_death(struct apart *a, const struct apart_work *w, uint64_t row, struct deaths *d, struct error *err)
{
    const char *piece = w->piece ? w->piece : "row";

    note_death(a);
    d->there = d->all > 0 && d->row == row ? d->there + 1 : 1;
    d->row = row;
    d->all++;
    if (d->there < 2)
        return 0;
    d->there = 0;
    if (leave_out(a, row, piece) == 0) {
        say_left_out(a, row, piece);
        return 0;
    }
    if (row == APART_NO_ROW)
        return error_set(err, ERR_PARTIAL, "these bytes ended the reader twice before their first row: %s", a->end);
    if (a->left_out_len == APART_LEFT_OUT_MAX)
        return error_set(err, ERR_PARTIAL, "more than %d rows ended the reader; the last time: %s", APART_LEFT_OUT_MAX,
                         a->end);
    return error_set(err, ERR_PARTIAL, "row %" PRIu64 " ends the reader even when it is left out: %s", row, a->end);
}

/* What went wrong and is mended is said once. */
static void say_mended(const struct apart *a, const struct deaths *d)
{
    char times[32];

    if (d->all == 0 || a->left_out_len > 0)
        return;
    (void)snprintf(times, sizeof times, "%" PRId64, d->all);
    log_event(LOG_LEVEL_WARN, "reader", "ended and was started anew", "cause", a->end, "times", times,
              "what_now", "the same bytes were read again, nothing is lost", "remedy",
              "none is needed; if it comes back, look for what ends processes on this host (memory?)", NULL);
}

/* A spell begins with its first death. */
static void note_lost(struct apart *a, int64_t since_ms)
{
    int64_t now = now_ms();

    if (now - a->lost_from_ms > a->spell_ms) {
        a->lost_from_ms = since_ms;
        a->lost_ms = 0;
        (void)pthread_mutex_lock(&a->status_lock);
        a->passed_in_spell = 0;
        (void)pthread_mutex_unlock(&a->status_lock);
    }
    a->lost_ms += now - since_ms;
}

static int try_until_done(struct apart *a, struct apart_work *w, struct deaths *d, struct error *err)
{
    uint64_t row;

    for (;;) {
        if (start(a, err) < 0)
            return -1;
        switch (attempt(a, w, err)) {
        case DONE:
            say_mended(a, d);
            return 0;
        case STOPPED:
            return -1;
        case DIED:
            row = w->lie_row != APART_NO_ROW ? w->lie_row : atomic_load(&a->pages->mark.row);
            if (after_death(a, w, row, d, err) < 0)
                return -1;
            break;
        }
    }
}

bool apart_is_worn(struct apart *a)
{
    bool is_worn;

    (void)pthread_mutex_lock(&a->lock);
    is_worn = a->lost_ms >= a->lost_max_ms && now_ms() - a->lost_from_ms <= a->spell_ms;
    (void)pthread_mutex_unlock(&a->lock);
    return is_worn;
}

int apart_do(struct apart *a, struct apart_work *w, struct error *err)
{
    struct deaths d = { 0 };
    int64_t since_ms;
    int rc = 0;

    (void)pthread_mutex_lock(&a->lock);
    since_ms = now_ms();
    if (!a->area || *w->body_id != a->body_id) {
        rc = lay_out_body(a, w, err);
        *w->body_id = a->body_id;
    }
    if (rc == 0)
        rc = try_until_done(a, w, &d, err);
    if (d.all > 0)
        note_lost(a, since_ms);
    (void)pthread_mutex_unlock(&a->lock);
    return rc;
}

void apart_rest(struct apart *a)
{
    (void)pthread_mutex_lock(&a->lock);
    if (a->tainted_ms > 0) {
        drop_area(a);
        replace(a);
    }
    (void)pthread_mutex_unlock(&a->lock);
}

/* ---- begin and end ------------------------------------------------------------------------------------- */

int apart_new(const struct apart_config *cfg, struct apart **ret, struct error *err)
{
    struct apart *a = calloc(1, sizeof *a);

    if (!a)
        return error_set(err, ERR_NOMEM, "no memory for the reader");
    (void)pthread_mutex_init(&a->lock, NULL);
    (void)pthread_mutex_init(&a->status_lock, NULL);
    a->sock = a->pages_fd = a->area_fd = -1;
    a->stall_ms = cfg->stall_ms > 0 ? cfg->stall_ms : STALL_MS;
    a->life_ms = cfg->life_ms > 0 ? cfg->life_ms : LIFE_MS;
    a->lost_max_ms = cfg->lost_ms > 0 ? cfg->lost_ms : LOST_MS;
    a->spell_ms = cfg->spell_ms > 0 ? cfg->spell_ms : SPELL_MS;
    a->copy = malloc(APART_SLOT_BYTES);
    if (!a->copy)
        (void)error_set(err, ERR_NOMEM, "no memory for the reader");
    if (!a->copy || make_pages(a, err) < 0) {
        apart_free(a);
        return -1;
    }
    *ret = a;
    return 0;
}

void apart_free(struct apart *a)
{
    if (!a)
        return;
    let_go(a);
    put_down(a, "no longer needed");
    drop_area(a);
    if (a->pages)
        (void)munmap(a->pages, sizeof *a->pages);
    if (a->pages_fd >= 0)
        (void)close(a->pages_fd);
    (void)pthread_mutex_destroy(&a->lock);
    (void)pthread_mutex_destroy(&a->status_lock);
    free(a->copy);
    free(a);
}
