/* store.c - opening, locking, transactions.
 *
 * Two rules shape this file. A handle whose sync or write failed is closed and opened anew before the next
 * use (the kernel reports a failed sync once and then forgets it). And
 * a file that was removed or replaced under us is noticed before the next use, not after hours of
 * writing into nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"
#include "base/log.h"
#include "base/num.h"
#include "store/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Above this size the whole-file check is left out at an ordinary start (it reads everything); rows
 * keep their checksums, and a store in which damage was seen is always checked. */
#define CHECK_ALWAYS_BYTES (INT64_C(256) << 20)
#define HEIR_WAIT_MS 5000
#define HEIR_STEP_MS 10

/* ---- small parts -------------------------------------------------------------------------------- */

char *store_path(const char *dir, const char *name, const char *suffix)
{
    char *ret = NULL;

    return asprintf(&ret, "%s/%s%s", dir, name, suffix) < 0 ? NULL : ret;
}

void store_free_text(char **text)
{
    free(*text);
}

void store_close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* nothing was written through it */
}

/* Without asking for memory: where it is refused, what is there must not seem to be missing. */
static bool stat_file(const char *dir, const char *name, const char *suffix, struct stat *ret)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s%s", dir, name, suffix);

    return len > 0 && (size_t)len < sizeof path && lstat(path, ret) == 0;
}

bool store_has_file(const char *dir, const char *name, const char *suffix)
{
    struct stat st;

    return stat_file(dir, name, suffix, &st);
}

void store_note(struct store *s, const char *fmt, ...)
{
    size_t len = strlen(s->recovery);
    va_list ap;

    if (len > 0 && len + 2 < sizeof(s->recovery)) {
        memcpy(s->recovery + len, "; ", 3);
        len += 2;
    }
    va_start(ap, fmt);
    (void)vsnprintf(s->recovery + len, sizeof(s->recovery) - len, fmt, ap);
    va_end(ap);
}

const char *store_recovery(const struct store *s)
{
    return s->recovery[0] ? s->recovery : NULL;
}

int store_sync_dir(const char *dir, struct error *err)
{
    CLEANUP(store_close_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    /* EINVAL: a file system that cannot sync folders; it promises nothing and we cannot do better */
    if (fd < 0 || (fsync(fd) < 0 && errno != EINVAL))
        return error_errno(err, ERR_IO, errno, "cannot sync the folder '%s'", dir);
    return 0;
}

int store_mark_suspect(struct store *s, bool is_set, struct error *err)
{
    CLEANUP(store_free_text) char *path = store_path(s->dir, SUSPECT_FILE, "");
    CLEANUP(store_close_fd) int fd = -1;

    if (!path)
        return error_set(err, ERR_NOMEM, "store '%s'", s->dir);
    if (!is_set)
        return unlink(path) < 0 && errno != ENOENT
                   ? error_errno(err, ERR_IO, errno, "cannot remove '%s'", path) : 0;
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? error_errno(err, ERR_IO, errno, "cannot write '%s'", path) : 0;
}

/* ---- the folder and the lock -------------------------------------------------------------------- */

static int check_folder(struct store *s, struct error *err)
{
    struct stat st;

    if (s->mode == STORE_RUN && mkdir(s->dir, 0700) < 0 && errno != EEXIST)
        return error_errno(err, ERR_IO, errno, "cannot create the state folder '%s'", s->dir);
    if (stat(s->dir, &st) < 0) {
        if (errno == ENOENT)
            return error_set(err, ERR_NOT_FOUND, "there is no state folder '%s'", s->dir);
        return error_errno(err, ERR_IO, errno, "cannot look at the state folder '%s'", s->dir);
    }
    if (!S_ISDIR(st.st_mode))
        return error_set(err, ERR_CONFIG, "the state folder '%s' is not a folder", s->dir);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return error_set(err, ERR_CONFIG, "others may write to the state folder '%s': chmod go-w it", s->dir);
    if (st.st_uid != geteuid() && st.st_uid != 0 && geteuid() != 0)
        return error_set(err, ERR_CONFIG, "the state folder '%s' belongs to user %u, not to us", s->dir,
                         (unsigned)st.st_uid);
    return 0;
}

static int check_file(struct store *s, bool *ret_exists, int64_t *ret_bytes, struct error *err)
{
    struct stat st;

    *ret_exists = false;
    *ret_bytes = 0;
    if (lstat(s->path, &st) < 0) {
        if (errno == ENOENT)
            return 0;
        return error_errno(err, ERR_IO, errno, "cannot look at '%s'", s->path);
    }
    if (!S_ISREG(st.st_mode))
        return error_set(err, ERR_CONFIG, "'%s' is not an ordinary file", s->path);
    if (st.st_mode & (S_IWGRP | S_IWOTH))
        return error_set(err, ERR_CONFIG, "others may write to '%s': chmod 600 it", s->path);
    *ret_exists = true;
    *ret_bytes = st.st_size;
    return 0;
}

/* Who held the lock and was killed may leave it to a child that it was just starting: that has it until it is a program of
 * its own. */
static bool is_let_go(int fd)
{
    for (int waited_ms = 0; waited_ms < HEIR_WAIT_MS; waited_ms += HEIR_STEP_MS) {
        (void)poll(NULL, 0, HEIR_STEP_MS);
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return true;
    }
    return false;
}

static int refuse_lock(const struct store *s, int64_t pid, struct error *err)
{
    if (pid > 0)
        return error_set(err, ERR_STATE, "another cosmowatch (pid %d) runs on '%s'", (int)pid, s->dir);
    return error_set(err, ERR_STATE, "another cosmowatch runs on '%s'", s->dir);
}

/* The lock file stays behind: removing it would let two processes lock two files of one name. */
static int take_lock(struct store *s, struct error *err)
{
    CLEANUP(store_free_text) char *path = store_path(s->dir, "lock", "");
    CLEANUP(store_close_fd) int fd = -1;
    char pid[24];
    ssize_t n;

    if (!path)
        return error_set(err, ERR_NOMEM, "store '%s'", s->dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_errno(err, ERR_IO, errno, "cannot open '%s'", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int64_t other = 0;

        if (errno != EWOULDBLOCK)
            return error_errno(err, ERR_IO, errno, "cannot lock '%s'", path);
        n = pread(fd, pid, sizeof(pid), 0);
        if (n <= 0 || !parse_i64(slice_trim(slice_make(pid, (size_t)n)), 1, INT32_MAX, &other))
            return refuse_lock(s, 0, err);
        if (kill((pid_t)other, 0) == 0 || errno != ESRCH || !is_let_go(fd))
            return refuse_lock(s, other, err);
    }
    n = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    /* The number is for people; the lock holds without it, even on a full disk. */
    if (ftruncate(fd, 0) == 0 && n > 0)
        (void)!pwrite(fd, pid, (size_t)n, 0);
    s->lock_fd = fd;
    fd = -1;
    return 0;
}

/* ---- the file ----------------------------------------------------------------------------------- */

void store_close_handle(struct store *s)
{
    for (size_t i = 0; i < s->cached; i++)
        (void)sqlite3_finalize(s->cache[i].stmt);
    s->cached = 0;
    /* _v2: a statement of an interrupted walk may still be there; the handle goes when it goes. */
    (void)sqlite3_close_v2(s->db);
    s->db = NULL;
    s->in_txn = s->must_reopen = s->is_poisoned = false;
}

/* Made before SQLite sees it, so that it and its side files are ours alone. */
int store_create_file(const char *path, const char *dir, struct error *err)
{
    CLEANUP(store_close_fd) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return error_errno(err, errno == ENOSPC ? ERR_LIMIT : ERR_IO, errno, "cannot create '%s'", path);
    return store_sync_dir(dir, err);
}

int store_open_handle(struct store *s, bool is_writable, struct error *err)
{
    int flags = (is_writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(s->path, &s->db, flags, NULL);
    struct stat st;

    if (rc != SQLITE_OK)
        return store_sql_error(s, rc, err);
    if (stat(s->path, &st) < 0)
        return error_errno(err, ERR_IO, errno, "cannot look at '%s'", s->path);
    s->dev = st.st_dev;
    s->ino = st.st_ino;
    return 0;
}

/* The first complaint of SQLite's own check, "" when there is none. */
static int integrity(struct store *s, char *ret, size_t size, struct error *err)
{
    static const char sql[] = "PRAGMA integrity_check(1)";
    CLEANUP(query_close) struct query q;

    if (query_open(&q, s, sql, err) < 0 || query_step(&q, err) < 0)
        return -1;
    query_text(&q, 0, ret, size);
    if (strcmp(ret, "ok") == 0)
        ret[0] = '\0';
    if (sql_complaint_is_refusal(ret))
        return error_set(err, ERR_NOMEM, "no memory to look at the store in '%s'", s->dir);
    for (char *c = ret; *c; c++) /* SQLite's text has several lines */
        if (*c == '\n')
            *c = ' ';
    return 0;
}

enum opened { OPENED, OPENED_NOT, OPENED_DAMAGED };

/* One try on the file as it is. DAMAGED: `why` says what is wrong with it. */
static enum opened try_file(struct store *s, bool is_thorough, char *why, size_t why_size, struct error *err)
{
    bool is_writable = s->mode != STORE_READ;
    enum store_shape shape = SHAPE_EMPTY;
    int64_t format = 0;
    struct error now = { 0 };

    why[0] = '\0';
    if (store_open_handle(s, is_writable, &now) < 0 || store_prepare_db(s, is_writable, &now) < 0 ||
        store_look(s, &shape, &format, &now) < 0)
        goto failed;
    if (shape == SHAPE_DAMAGED) {
        (void)snprintf(why, why_size, "it is not a store any more");
        return OPENED_DAMAGED;
    }
    if (shape == SHAPE_NEWER) {
        (void)error_set(err, ERR_STATE, "the store in '%s' was written by a newer cosmowatch (format %d, this one "
                        "knows %d): upgrade, or use another state folder", s->dir, (int)format, STORE_FORMAT);
        return OPENED_NOT;
    }
    if (s->mode != STORE_RUN) {
        if (shape == SHAPE_CURRENT)
            return OPENED;
        (void)error_set(err, ERR_STATE, "the store in '%s' is not of this release yet: start the agent once",
                        s->dir);
        return OPENED_NOT;
    }
    if (is_thorough && shape != SHAPE_EMPTY) {
        if (integrity(s, why, why_size, &now) < 0)
            goto failed;
        if (why[0])
            return OPENED_DAMAGED;
    }
    if (store_migrate(s, shape == SHAPE_EMPTY ? 0 : format, &now) == 0 && store_heal(s, is_thorough, &now) == 0)
        return OPENED;
failed:
    if (!s->is_suspect) {
        *err = now;
        return OPENED_NOT;
    }
    (void)snprintf(why, why_size, "%s", "SQLite cannot read it");
    return OPENED_DAMAGED;
}

/* A file of which only a side file is left, or that was emptied: SQLite would take it for new
 * and delete the side file, which may hold everything. */
static bool is_beheaded(const struct store *s, int64_t bytes)
{
    struct stat st;

    return bytes == 0 && stat_file(s->dir, "store.db", "-wal", &st) && st.st_size > 0;
}

static int open_file(struct store *s, bool was_used, struct error *err)
{
    int64_t bytes = 0;
    bool exists = false, is_thorough;
    char why[200];

    if (check_file(s, &exists, &bytes, err) < 0)
        return -1;
    if (s->mode != STORE_RUN) {
        if (!exists || bytes == 0)
            return error_set(err, ERR_NOT_FOUND, "there is no store in '%s' yet: the agent has not run here",
                             s->dir);
        switch (try_file(s, false, why, sizeof(why), err)) {
        case OPENED: return 0;
        case OPENED_NOT: return -1;
        case OPENED_DAMAGED: break;
        }
        return error_set(err, ERR_STATE, "the store in '%s' is damaged (%s): it is repaired when the agent starts",
                         s->dir, why);
    }
    if (was_used && bytes == 0 && !is_beheaded(s, bytes))
        store_note(s, "the store in '%s' was missing or empty: it starts anew, the look-back is read again",
                   s->dir);
    is_thorough = s->is_suspect || bytes <= CHECK_ALWAYS_BYTES || store_has_file(s->dir, SUSPECT_FILE, "");
    s->is_suspect = false;
    if (is_beheaded(s, bytes)) {
        if (store_salvage(s, "the file is empty or missing beside its journal", err) < 0)
            return -1;
    } else if (!exists && store_create_file(s->path, s->dir, err) < 0) {
        return -1;
    }
    /* Twice: what a salvage leaves is sound, so a second damage is a disk that lies; give up then. */
    for (int tries = 0; tries < 2; tries++) {
        switch (try_file(s, is_thorough, why, sizeof(why), err)) {
        case OPENED:
            return store_mark_suspect(s, false, err);
        case OPENED_NOT:
            return -1;
        case OPENED_DAMAGED:
            break;
        }
        store_close_handle(s);
        if (store_salvage(s, why, err) < 0)
            return -1;
        s->is_suspect = false;
        is_thorough = true;
    }
    return error_set(err, ERR_STATE, "the store in '%s' is damaged again right after its repair (%s): check the disk",
                     s->dir, why);
}

static int open_all(struct store *s, struct error *err)
{
    bool was_used;

    if (check_folder(s, err) < 0)
        return -1;
    was_used = store_has_file(s->dir, "lock", "");
    if (s->mode == STORE_RUN) {
        /* Again after the folder was removed: the lock we hold is of a file that is gone. */
        if (s->lock_fd >= 0 && !was_used) {
            (void)close(s->lock_fd);
            s->lock_fd = -1;
        }
        if (s->lock_fd < 0 && take_lock(s, err) < 0)
            return -1;
        if (store_resume_salvage(s, err) < 0)
            return -1;
    }
    if (open_file(s, was_used, err) < 0) {
        store_close_handle(s);
        return -1;
    }
    return 0;
}

int store_open(const struct store_config *cfg, enum store_mode mode, struct store **ret, struct error *err)
{
    CLEANUP(store_closep) struct store *s = calloc(1, sizeof(*s));
    pthread_mutexattr_t recursive;

    if (!s)
        return error_set(err, ERR_NOMEM, "store '%s'", cfg->dir);
    *s = (struct store){ .mode = mode, .max_bytes = cfg->max_bytes, .lock_fd = -1 };
    if (pthread_mutexattr_init(&recursive) == 0) {
        (void)pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
        s->has_lock = pthread_mutex_init(&s->lock, &recursive) == 0;
        (void)pthread_mutexattr_destroy(&recursive);
    }
    s->dir = strdup(cfg->dir);
    s->path = store_path(cfg->dir, "store.db", "");
    if (!s->has_lock || !s->dir || !s->path)
        return error_set(err, ERR_NOMEM, "store '%s'", cfg->dir);
    if (open_all(s, err) < 0)
        return -1;
    *ret = TAKE(s);
    return 0;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    store_close_handle(s);
    if (s->lock_fd >= 0)
        (void)close(s->lock_fd); /* and with it the lock goes */
    if (s->has_lock)
        (void)pthread_mutex_destroy(&s->lock);
    free(s->path);
    free(s->dir);
    free(s);
}

void store_closep(struct store **s)
{
    store_close(*s);
    *s = NULL;
}

/* ---- before each use ---------------------------------------------------------------------------- */

static bool is_still_ours(const struct store *s)
{
    struct stat st;

    return stat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino;
}

static int open_again(struct store *s, struct error *err)
{
    bool was_suspect = s->is_suspect;
    struct error why = { 0 };

    /* For the case that we die before the repair; without the mark the repair still follows now. */
    if (was_suspect && s->mode == STORE_RUN && store_mark_suspect(s, true, &why) < 0)
        log_event(LOG_LEVEL_WARN, "store", "damage could not be marked", "why", why.msg, NULL);
    store_close_handle(s);
    if (was_suspect)
        s->recovery[0] = '\0';
    if (open_all(s, err) < 0) {
        s->is_suspect = was_suspect;
        return error_wrap(err, "opening the store again");
    }
    return 0;
}

/* A commit that failed may have left its frames in the journal, where the next opening would take them for
 * committed after all. This handle knows better: let it move what is committed into the file and empty the
 * journal, then close it. While the disk refuses that, it stays: for reading it is right, and the next
 * commit writes the same place of the journal again, so its sync tells the truth about it. */
static bool can_be_closed(struct store *s)
{
    int rc = SQLITE_OK;

    if (s->mode == STORE_RUN && !s->is_suspect)
        rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    if (sql_is_damage(rc))
        s->is_suspect = true;
    return rc == SQLITE_OK || s->is_suspect;
}

static void roll_back(struct store *s)
{
    if (s->db && !sqlite3_get_autocommit(s->db))
        if (sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
            s->must_reopen = true;
    s->in_txn = s->is_poisoned = false;
}

/* Not within a transaction or another call: their statements belong to the handle they began on. */
static int make_usable(struct store *s, struct error *err)
{
    bool is_gone = s->db && s->mode == STORE_RUN && !is_still_ours(s);

    if (s->db && !sqlite3_get_autocommit(s->db)) { /* memory was refused to a roll-back: what it left is nobody's to see */
        roll_back(s);
        if (!sqlite3_get_autocommit(s->db))
            return error_set(err, ERR_NOMEM, "no memory to undo a transaction of the store in '%s'", s->dir);
    }
    if (s->db && !is_gone && (!s->must_reopen || !can_be_closed(s)))
        return 0;
    if (is_gone) {
        store_close_handle(s);
        s->recovery[0] = '\0';
        store_note(s, "the store in '%s' was removed or replaced while in use", s->dir);
        s->is_replaced = true;
    }
    if (s->is_suspect)
        s->is_replaced = true;
    if (open_again(s, err) < 0)
        return -1;
    if (s->is_replaced)
        log_event(LOG_LEVEL_ERROR, "store", "opened again after damage", "what",
                  s->recovery[0] ? s->recovery : "nothing had to be repaired", NULL);
    return 0;
}

struct store *store_enter(struct store *s, struct error *err)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->in_txn ? !s->is_poisoned : s->depth > 0 || make_usable(s, err) == 0) {
        s->depth++;
        return s;
    }
    if (s->in_txn)
        (void)error_set(err, ERR_IO, "the store's transaction has failed already");
    (void)pthread_mutex_unlock(&s->lock);
    return NULL;
}

void store_leave(struct store **s)
{
    if (!*s)
        return;
    (*s)->depth--;
    (void)pthread_mutex_unlock(&(*s)->lock);
}

/* ---- transactions ------------------------------------------------------------------------------- */

static int begin(struct store *s, struct error *err)
{
    int injected = FAULT_ERRNO("txn.begin");

    if (injected)
        return store_sql_error(s, injected == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE, err);
    if (store_exec(s, "BEGIN IMMEDIATE", err) < 0) {
        roll_back(s); /* without memory it may have failed half-way, within a transaction */
        return -1;
    }
    s->in_txn = true;
    s->is_poisoned = false;
    return 0;
}

static int commit(struct store *s, struct error *err)
{
    int injected, rc;

    if (s->is_poisoned || sqlite3_get_autocommit(s->db)) {
        roll_back(s);
        return error_set(err, ERR_IO, "the store's transaction has failed already, nothing of it was kept");
    }
    injected = FAULT_ERRNO("txn.before_commit");
    rc = injected == ENOSPC ? SQLITE_FULL
         : injected         ? SQLITE_IOERR_FSYNC
                            : sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        (void)store_sql_error(s, rc, err);
        roll_back(s);
        return error_wrap(err, "commit");
    }
    /* One step for SQLite in WAL mode with synchronous=FULL: written and synced when it returns. */
    FAULT_POINT("txn.after_commit");
    FAULT_POINT("txn.after_sync");
    s->in_txn = false;
    return 0;
}

int store_begin(struct store *s, struct error *err)
{
    CLEANUP(store_leave) struct store *in = store_enter(s, err);

    if (!in)
        return -1;
    if (s->in_txn)
        return error_set(err, ERR_BUG, "a transaction within a transaction");
    if (s->is_replaced) {
        s->is_replaced = false;
        return error_set(err, ERR_STATE, "the store had to be repaired: read it anew (%.150s)", s->recovery);
    }
    if (begin(s, err) < 0)
        return -1;
    in = NULL; /* stays locked until commit or rollback */
    return 0;
}

int store_commit(struct store *s, struct error *err)
{
    int rc;

    (void)pthread_mutex_lock(&s->lock);
    if (!s->in_txn) {
        (void)pthread_mutex_unlock(&s->lock);
        return error_set(err, ERR_BUG, "commit without a transaction");
    }
    rc = commit(s, err);
    s->depth--;
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_mutex_unlock(&s->lock); /* that of store_begin */
    return rc;
}

void store_rollback(struct store *s)
{
    (void)pthread_mutex_lock(&s->lock);
    if (s->in_txn) { /* ours: the lock is recursive, somebody else's we could not see */
        roll_back(s);
        s->depth--;
        (void)pthread_mutex_unlock(&s->lock);
    }
    (void)pthread_mutex_unlock(&s->lock);
}

int store_txn_open(struct store *s, bool *ret_is_ours, struct error *err)
{
    *ret_is_ours = !s->in_txn;
    return s->in_txn ? 0 : begin(s, err);
}

int store_txn_close(struct store *s, bool is_ours, int rc, struct error *err)
{
    if (!is_ours)
        return rc;
    if (rc < 0) {
        roll_back(s);
        return -1;
    }
    return commit(s, err);
}

/* ---- size --------------------------------------------------------------------------------------- */

int64_t store_size(struct store *s)
{
    static const char *const suffixes[] = { "", "-wal", "-shm" };
    int64_t sum = 0;

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        CLEANUP(store_free_text) char *path = store_path(s->dir, "store.db", suffixes[i]);
        struct stat st;

        if (path && stat(path, &st) == 0)
            sum = i64_add_sat(sum, st.st_size);
    }
    return sum;
}

static int64_t pragma_i64(struct store *s, const char *sql)
{
    CLEANUP(query_close) struct query q;
    struct error ignored = { 0 };

    if (query_open(&q, s, sql, &ignored) < 0)
        return 0;
    return query_step(&q, &ignored) == 1 ? query_i64(&q, 0) : 0;
}

/* Pages that were freed will be used again: they do not count, or a store that was full once would be
 * full for ever. Neither does the WAL, whose space is used again and again. */
bool store_is_full(struct store *s)
{
    static const char pages_sql[] = "PRAGMA page_count", free_sql[] = "PRAGMA freelist_count",
                      size_sql[] = "PRAGMA page_size";
    struct error ignored = { 0 }; /* a store that does not open says so at the next store_begin */
    CLEANUP(store_leave) struct store *in = s->max_bytes > 0 ? store_enter(s, &ignored) : NULL;

    if (!in)
        return false;
    return (pragma_i64(s, pages_sql) - pragma_i64(s, free_sql)) * pragma_i64(s, size_sql) >= s->max_bytes;
}
