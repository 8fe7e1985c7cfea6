/* salvage.c - what to do with a damaged store: move it aside, save what can be read, read again what
 * is doubtful, and say so.
 *
 * Crash-safe by a marker file: "salvage" (holding the number) is durable before anything moves and
 * goes last. Whenever it is there at start, the steps are taken up again; each tolerates being done
 * already. The damaged file itself is never written to: it is the evidence.
 *
 * Tables are read by rowid without their indexes, around pages that cannot be read. Rows whose checksum
 * is wrong are copied too and left to heal.c, which can rebuild some of them from their twins.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"
#include "base/file.h"
#include "base/num.h"
#include "store/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SALVAGE_FILE "salvage"
#define DAMAGED_MAX 999
#define HOLES_MAX 100000     /* unreadable places in one table before it is given up */
#define ROWS_PER_COMMIT 5000
#define DB_PAGE_BYTES 4096

/* ---- moving aside ------------------------------------------------------------------------------- */

static int move_if_there(const char *from, const char *to, struct error *err)
{
    if (rename(from, to) < 0 && errno != ENOENT)
        return error_errno(err, ERR_IO, errno, "cannot move '%s' aside", from);
    return 0;
}

static int remove_if_there(const char *dir, const char *name, const char *suffix, struct error *err)
{
    CLEANUP(store_free_text) char *path = store_path(dir, name, suffix);

    if (!path)
        return error_set(err, ERR_NOMEM, "store '%s'", dir);
    if (unlink(path) < 0 && errno != ENOENT)
        return error_errno(err, ERR_IO, errno, "cannot remove '%s'", path);
    return 0;
}

static int write_marker(struct store *s, int number, struct error *err)
{
    CLEANUP(store_free_text) char *path = store_path(s->dir, SALVAGE_FILE, "");
    CLEANUP(store_free_text) char *temporary = store_path(s->dir, SALVAGE_FILE, ".tmp");
    CLEANUP(store_close_fd) int fd = -1;
    char text[24];
    int n = snprintf(text, sizeof(text), "%d\n", number);

    if (!path || !temporary)
        return error_set(err, ERR_NOMEM, "store '%s'", s->dir);
    fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, text, (size_t)n) != n || fsync(fd) < 0 || rename(temporary, path) < 0)
        return error_errno(err, errno == ENOSPC ? ERR_LIMIT : ERR_IO, errno, "cannot write '%s'", path);
    FAULT_POINT("state.rename.before_dirsync");
    return store_sync_dir(s->dir, err);
}

/* The number in the marker; 0: there is none. A marker is renamed into place whole, so one that cannot
 * be read is damage itself: then a number is used that fits no file, and the move starts over. */
static int read_marker(struct store *s, int *ret, struct error *err)
{
    CLEANUP(store_free_text) char *path = store_path(s->dir, SALVAGE_FILE, "");
    CLEANUP(store_close_fd) int fd = -1;
    char text[24];
    int64_t number = 0;
    ssize_t n;

    if (!path)
        return error_set(err, ERR_NOMEM, "store '%s'", s->dir);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    *ret = 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : error_errno(err, ERR_IO, errno, "cannot read '%s'", path);
    n = read(fd, text, sizeof(text));
    if (n > 0 && parse_i64(slice_trim(slice_make(text, (size_t)n)), 1, DAMAGED_MAX, &number))
        *ret = (int)number;
    else
        *ret = DAMAGED_MAX;
    return 0;
}

static void damaged_name(char *ret, size_t size, int number)
{
    (void)snprintf(ret, size, "store.db.damaged-%d", number);
}

/* Journal first: while the file is still in its place the move is not done, and a journal whose file
 * has gone would be deleted by SQLite. In the end damaged-<n> exists, if only as an empty file: that is
 * how a later start sees that the move is over. */
static int move_aside(struct store *s, const char *name, struct error *err)
{
    CLEANUP(store_free_text) char *wal = store_path(s->dir, "store.db", "-wal");
    CLEANUP(store_free_text) char *aside = store_path(s->dir, name, "");
    CLEANUP(store_free_text) char *aside_wal = store_path(s->dir, name, "-wal");

    if (!wal || !aside || !aside_wal)
        return error_set(err, ERR_NOMEM, "store '%s'", s->dir);
    if (move_if_there(wal, aside_wal, err) < 0)
        return -1;
    FAULT_POINT("quarantine.move");
    if (move_if_there(s->path, aside, err) < 0)
        return -1;
    if (!store_has_file(s->dir, name, "") && store_create_file(aside, s->dir, err) < 0)
        return -1;
    if (remove_if_there(s->dir, "store.db", "-shm", err) < 0)
        return -1;
    return store_sync_dir(s->dir, err);
}

/* ---- reading around damage ---------------------------------------------------------------------- */

struct salvage {
    sqlite3 *old;
    struct store *fresh;
    int64_t rows, holes; /* copied; places that could not be read */
    int64_t uncommitted;
    bool is_ours;
    int refused;         /* SQLite's code when memory was refused: no sign of a hole */
};

static int salvage_row(struct salvage *v, sqlite3_stmt *from, sqlite3_stmt *to, int n, struct error *err)
{
    int rc = SQLITE_OK;

    for (int i = 0; i < n && rc == SQLITE_OK; i++)
        rc = sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i + 1));
    if (rc == SQLITE_OK)
        rc = sqlite3_step(to);
    (void)sqlite3_reset(to);
    if ((rc & 0xff) == SQLITE_TOOBIG || (rc & 0xff) == SQLITE_MISMATCH ||
        (rc == SQLITE_DONE && sqlite3_changes(v->fresh->db) == 0)) {
        v->holes++; /* a row that cannot be ours: NULL where there is none, a key that was there */
        return 0;
    }
    if (rc != SQLITE_DONE)
        return store_sql_error(v->fresh, rc, err);
    v->rows++;
    if (++v->uncommitted < ROWS_PER_COMMIT)
        return 0;
    v->uncommitted = 0;
    if (store_txn_close(v->fresh, true, 0, err) < 0)
        return -1;
    return store_txn_open(v->fresh, &v->is_ours, err);
}

/* Could it not be read because it is damaged? */
static bool is_hole(struct salvage *v, int rc)
{
    if (sql_is_refused(rc))
        v->refused = rc;
    else
        v->holes++;
    return !v->refused;
}

static int refused(struct salvage *v, struct error *err)
{
    return store_sql_error(v->fresh, v->refused, err);
}

/* The next rowid >= at: 1 found, 0 none, -1 unreadable. */
static int probe(struct salvage *v, sqlite3_stmt *stmt, int64_t at, int64_t *ret)
{
    int rc;

    (void)sqlite3_bind_int64(stmt, 1, at);
    rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int64(stmt, 0);
    else if (sql_is_refused(rc))
        v->refused = rc;
    (void)sqlite3_reset(stmt);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

/* The first rowid at which reading works again after `bad`; false: there is none. A bad page covers a
 * run of rowids: double the step until past it, then halve back to its end. */
static bool skip_hole(struct salvage *v, sqlite3_stmt *stmt, int64_t bad, int64_t *ret)
{
    int64_t step = 1, low, high, found;

    if (probe(v, stmt, bad, &found) == 1) { /* the tree is sound there: it is this one row's content */
        *ret = found < INT64_MAX ? found + 1 : found;
        return found < INT64_MAX;
    }
    for (;; step *= 2) {
        if (step > INT64_MAX / 4 || bad > INT64_MAX - step)
            return false;
        if (probe(v, stmt, bad + step, &found) >= 0)
            break;
    }
    low = bad + step / 2; /* unreadable */
    high = bad + step;    /* readable */
    while (low + 1 < high) {
        int64_t middle = low + (high - low) / 2;

        if (probe(v, stmt, middle, &found) >= 0)
            high = middle;
        else
            low = middle;
    }
    *ret = high;
    return true;
}

static int salvage_with(struct salvage *v, sqlite3_stmt *scan, sqlite3_stmt *probing, sqlite3_stmt *to, int n,
                        struct error *err)
{
    int64_t start = 1, last = 0;

    for (int holes = 0; holes < HOLES_MAX; holes++) {
        int rc;

        (void)sqlite3_bind_int64(scan, 1, start);
        while ((rc = sqlite3_step(scan)) == SQLITE_ROW) {
            last = sqlite3_column_int64(scan, 0);
            if (salvage_row(v, scan, to, n, err) < 0)
                return -1;
        }
        (void)sqlite3_reset(scan);
        if (rc == SQLITE_DONE)
            return 0;
        if (!is_hole(v, rc))
            return refused(v, err);
        if (last < start)
            last = start - 1; /* disordered pages must not send us back */
        if (last == INT64_MAX)
            return 0;
        if (!skip_hole(v, probing, last + 1, &start) || v->refused)
            return v->refused ? refused(v, err) : 0;
    }
    return 0;
}

static int salvage_table(struct salvage *v, const struct store_table *t, struct error *err)
{
    int n = t->n + 1 + t->has_number; /* all columns: with crc, and the number that is the rowid */
    /* By place, not by name: the names stand in the file, and a bit may have flipped in one. */
    char *texts[3] = {
        sqlite3_mprintf("SELECT rowid, * FROM %s NOT INDEXED WHERE rowid >= ? ORDER BY rowid", t->name),
        sqlite3_mprintf("SELECT rowid FROM %s NOT INDEXED WHERE rowid >= ? ORDER BY rowid LIMIT 1", t->name),
        sqlite3_mprintf("INSERT OR IGNORE INTO %s VALUES (?%.*s)", t->name, 2 * (n - 1),
                        ",?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"),
    };
    sqlite3_stmt *scan = NULL, *probing = NULL, *to = NULL;
    int rc = -1, code;

    if (!texts[0] || !texts[1] || !texts[2])
        (void)error_set(err, ERR_NOMEM, "repair of the store in '%s'", v->fresh->dir);
    else if (sqlite3_prepare_v2(v->fresh->db, texts[2], -1, &to, NULL) != SQLITE_OK)
        (void)store_sql_error(v->fresh, sqlite3_errcode(v->fresh->db), err);
    else if ((code = sqlite3_prepare_v2(v->old, texts[0], -1, &scan, NULL)) != SQLITE_OK ||
             (code = sqlite3_prepare_v2(v->old, texts[1], -1, &probing, NULL)) != SQLITE_OK)
        rc = is_hole(v, code) ? 0 : refused(v, err); /* the table is not in what is left of the schema */
    else if (sqlite3_column_count(scan) != n + 1)
        rc = (v->holes++, 0);
    else
        rc = salvage_with(v, scan, probing, to, n, err);
    (void)sqlite3_finalize(scan);
    (void)sqlite3_finalize(probing);
    (void)sqlite3_finalize(to);
    for (size_t i = 0; i < 3; i++)
        sqlite3_free(texts[i]);
    return rc;
}

/* ---- opening what is damaged -------------------------------------------------------------------- */

static int look_at_schema(sqlite3 *db)
{
    return sqlite3_exec(db, "SELECT count(*) FROM sqlite_master", NULL, NULL, NULL);
}

/* v->old stays NULL when it cannot be read. -1: memory or descriptors were refused. */
static int open_damaged(struct salvage *v, const char *path, struct error *err)
{
    sqlite3 *db = NULL;
    /* Read-only: with a journal SQLite still merges it in memory, but never writes the file. */
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK) {
        /* Objects whose statement cannot be read are left out instead of making all unreadable. */
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, NULL);
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        (void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, (int)STORE_BLOB_MAX + (1 << 20));
        rc = look_at_schema(db);
        if (rc == SQLITE_OK) {
            v->old = db;
            return 0;
        }
    }
    v->refused = !db ? SQLITE_NOMEM : sql_is_refused(rc) ? rc : 0;
    (void)sqlite3_close_v2(db);
    return v->refused ? refused(v, err) : 0;
}

static int cannot_copy(const char *to, struct error *err)
{
    return error_errno(err, errno == ENOSPC ? ERR_LIMIT : ERR_IO, errno, "cannot write '%s'", to);
}

/* What cannot be read is left out. -1: it cannot be opened or written, which is no fault of the file's. */
static int copy_file(const char *from, const char *to, struct error *err)
{
    CLEANUP(store_close_fd) int in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    CLEANUP(store_close_fd) int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    char part[16384];
    ssize_t n;

    if (in < 0 || out < 0)
        return cannot_copy(to, err);
    while ((n = read(in, part, sizeof(part))) > 0)
        if (!file_write(out, slice_make(part, (size_t)n)))
            return cannot_copy(to, err);
    return 0;
}

/* The first 100 bytes are the same in every store of ours but for a few counters: put back what they
 * must be (sqlite.org/fileformat2.html, 1.3). Everything else may be sound. */
static int mend_header(const char *path, struct error *err)
{
    static const unsigned char start[24] = { 'S', 'Q', 'L', 'i', 't', 'e', ' ', 'f', 'o', 'r', 'm', 'a', 't', ' ',
                                             '3', 0, DB_PAGE_BYTES >> 8, DB_PAGE_BYTES & 0xff, 2, 2, 0, 64, 32, 32 };
    CLEANUP(store_close_fd) int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    unsigned char head[100];
    struct stat st;
    uint64_t pages;

    if (fd < 0 || fstat(fd, &st) < 0)
        return cannot_copy(path, err);
    if (pread(fd, head, sizeof(head), 0) != (ssize_t)sizeof(head))
        return 0;
    pages = (uint64_t)st.st_size / DB_PAGE_BYTES;
    memcpy(head, start, sizeof(start));
    for (size_t i = 0; i < 4; i++)
        head[28 + i] = (unsigned char)(pages >> (8 * (3 - i)));
    memset(head + 32, 0, 8);                    /* free list: not needed for reading */
    memcpy(head + 44, "\0\0\0\4", 4);           /* schema format */
    memcpy(head + 56, "\0\0\0\1", 4);           /* UTF-8 */
    memset(head + 72, 0, 20);                   /* reserved */
    memcpy(head + 92, head + 24, 4);            /* the page count is valid for this change counter */
    return pwrite(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) ? 0 : cannot_copy(path, err);
}

/* The damaged file as it is, else a copy with a mended header. v->old NULL: nothing in it can be read. */
static int open_any(struct salvage *v, const char *dir, const char *name, struct error *err)
{
    CLEANUP(store_free_text) char *path = store_path(dir, name, "");
    CLEANUP(store_free_text) char *wal = store_path(dir, name, "-wal");
    CLEANUP(store_free_text) char *copy = store_path(dir, "store.db.mended", "");
    CLEANUP(store_free_text) char *copy_wal = store_path(dir, "store.db.mended", "-wal");
    struct stat st;

    if (!path || !wal || !copy || !copy_wal)
        return error_set(err, ERR_NOMEM, "repair of the store in '%s'", dir);
    /* SQLite takes an empty file for new and deletes its journal, which is evidence. */
    if (stat(path, &st) < 0 || st.st_size < DB_PAGE_BYTES)
        return 0;
    if (open_damaged(v, path, err) < 0)
        return -1;
    if (v->old)
        return 0;
    if (copy_file(path, copy, err) < 0 || mend_header(copy, err) < 0 ||
        (store_has_file(dir, name, "-wal") && copy_file(wal, copy_wal, err) < 0))
        return -1;
    return open_damaged(v, copy, err);
}

static int remove_leftovers(struct store *s, struct error *err)
{
    static const char *const names[] = { "store.db.new", "store.db.mended" };
    static const char *const suffixes[] = { "", "-wal", "-shm" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        for (size_t j = 0; j < ARRAY_LEN(suffixes); j++)
            if (remove_if_there(s->dir, names[i], suffixes[j], err) < 0)
                return -1;
    return 0;
}

/* ---- the new file ------------------------------------------------------------------------------- */

static int fill(struct salvage *v, struct error *err)
{
    if (store_create_file(v->fresh->path, v->fresh->dir, err) < 0 || store_open_handle(v->fresh, true, err) < 0 ||
        store_prepare_db(v->fresh, true, err) < 0 || store_migrate(v->fresh, 0, err) < 0 ||
        store_txn_open(v->fresh, &v->is_ours, err) < 0)
        return -1;
    for (size_t i = 0; v->old && i < store_tables_len; i++)
        if (salvage_table(v, &store_tables[i], err) < 0)
            return -1;
    if (v->holes > 0 && store_heal_losses(v->fresh, err) < 0)
        return -1;
    if (store_txn_close(v->fresh, true, 0, err) < 0)
        return -1;
    /* All into the main file: it is renamed alone. */
    return store_exec(v->fresh, "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;", err);
}

static int make_new(struct store *s, const char *name, struct error *err)
{
    CLEANUP(store_free_text) char *path = store_path(s->dir, "store.db.new", "");
    struct store fresh = { .dir = s->dir, .path = path, .mode = STORE_RUN, .lock_fd = -1 };
    struct salvage v = { .fresh = &fresh };
    int rc;

    if (!path)
        return error_set(err, ERR_NOMEM, "repair of the store in '%s'", s->dir);
    if (remove_leftovers(s, err) < 0)
        return -1;
    if (open_any(&v, s->dir, name, err) < 0)
        return -1;
    if (!v.old)
        v.holes++;
    rc = fill(&v, err);
    (void)sqlite3_close_v2(v.old);
    store_close_handle(&fresh);
    if (rc < 0)
        return -1;
    if (rename(path, s->path) < 0)
        return error_errno(err, ERR_IO, errno, "cannot put the repaired store in place in '%s'", s->dir);
    FAULT_POINT("state.rename.before_dirsync");
    store_note(s, "%lld rows were saved from it%s", (long long)v.rows,
               v.holes > 0 ? ", some could not be read" : ", all that was in it");
    return store_sync_dir(s->dir, err);
}

static int salvage_as(struct store *s, int number, struct error *err)
{
    char name[40];

    damaged_name(name, sizeof(name), number);
    if (!store_has_file(s->dir, name, "") && move_aside(s, name, err) < 0)
        return -1;
    if (!store_has_file(s->dir, "store.db", "") && make_new(s, name, err) < 0)
        return error_wrap(err, "repair of the store (the damaged file is '%s')", name);
    if (remove_leftovers(s, err) < 0 || remove_if_there(s->dir, name, "-shm", err) < 0 ||
        remove_if_there(s->dir, SALVAGE_FILE, "", err) < 0)
        return -1;
    return store_sync_dir(s->dir, err);
}

int store_salvage(struct store *s, const char *why, struct error *err)
{
    char name[40];

    for (int number = 1; number < DAMAGED_MAX; number++) {
        damaged_name(name, sizeof(name), number);
        if (store_has_file(s->dir, name, "") || store_has_file(s->dir, name, "-wal"))
            continue;
        store_note(s, "the store in '%s' was damaged (%.100s) and is kept as '%s'", s->dir, why, name);
        /* The mark outlives the marker until the new file was gone through row by row. */
        if (store_mark_suspect(s, true, err) < 0 || write_marker(s, number, err) < 0)
            return -1;
        return salvage_as(s, number, err);
    }
    return error_set(err, ERR_STATE, "the store in '%s' is damaged again and again: check the disk, then remove the "
                     "files store.db.damaged-*", s->dir);
}

int store_resume_salvage(struct store *s, struct error *err)
{
    int number = 0;

    if (read_marker(s, &number, err) < 0)
        return -1;
    if (number == 0)
        return 0;
    store_note(s, "a repair of the store in '%s' that was interrupted was finished", s->dir);
    return salvage_as(s, number, err);
}
