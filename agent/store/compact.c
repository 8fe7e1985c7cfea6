/* compact.c - give the room that was freed back to the disk, with the agent stopped.
 *
 * Not VACUUM: it takes twice the size in its temporary file and its journal. The store is written anew beside itself
 * (VACUUM INTO), synced, and renamed over the old one, which has no journal left at that moment: a journal of the
 * old file beside the new one would be damage. Killed at any point, either the old or the new one is there, whole.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"
#include "base/num.h"
#include "store/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define NEW_FILE "store.db.new" /* also salvage.c's: a leftover of either is removed by both */
#define STEPS_PER_LOOK 500      /* of SQLite's machine */

struct compacting {
    struct store *s;
    const char *path;   /* of the new file */
    int64_t bytes;      /* it cannot grow larger */
    int told;
    int (*progress)(void *self, int percent);
    void *self;
};

static int64_t file_size(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? st.st_size : 0;
}

/* SQLite asks now and then: tell, and stop when told so. */
static int look_at_progress(void *arg)
{
    struct compacting *c = arg;
    int percent = c->bytes > 0 ? (int)(file_size(c->path) * 100 / c->bytes) : 0;

    if (percent <= c->told || percent >= 100)
        return 0;
    c->told = percent;
    return c->progress(c->self, percent) < 0;
}

/* Pages in use, which is what the new file will take. */
static int used_bytes(struct store *s, int64_t *ret, struct error *err)
{
    static const char sql[] = "SELECT (p.page_count - f.freelist_count) * z.page_size FROM pragma_page_count p,"
                              " pragma_freelist_count f, pragma_page_size z";
    CLEANUP(query_close) struct query q;

    if (query_open(&q, s, sql, err) < 0 || query_step(&q, err) != 1)
        return -1;
    *ret = query_i64(&q, 0);
    return 0;
}

static int look_at_space(struct compacting *c, struct error *err)
{
    CLEANUP(buf_release) struct buf need = BUF_HERE(64), have = BUF_HERE(64);
    struct statvfs disk;
    int64_t room;

    if (used_bytes(c->s, &c->bytes, err) < 0)
        return -1;
    if (statvfs(c->s->dir, &disk) < 0)
        return error_errno(err, ERR_IO, errno, "cannot look at the disk under '%s'", c->s->dir);
    room = (int64_t)disk.f_bavail * (int64_t)disk.f_frsize;
    if (room > c->bytes + c->bytes / 20)
        return 0;
    fmt_bytes(&need, c->bytes + c->bytes / 20);
    fmt_bytes(&have, room);
    return error_set(err, ERR_LIMIT, "compacting needs %s free on the disk of '%s', there are %s: nothing was changed",
                     buf_cstr(&need), c->s->dir, buf_cstr(&have));
}

static int write_anew(struct compacting *c, struct error *err)
{
    CLEANUP(store_close_fd) int fd = -1;
    char *text = sqlite3_mprintf("VACUUM INTO %Q", c->path);
    int rc = text ? SQLITE_OK : SQLITE_NOMEM;

    if (unlink(c->path) < 0 && errno != ENOENT)
        rc = SQLITE_CANTOPEN;
    /* Made by us, so that nobody else can read it; SQLite fills an empty file. */
    if (rc == SQLITE_OK && store_create_file(c->path, c->s->dir, err) < 0) {
        sqlite3_free(text);
        return -1;
    }
    (void)sqlite3_limit(c->s->db, SQLITE_LIMIT_ATTACHED, 1);
    sqlite3_progress_handler(c->s->db, STEPS_PER_LOOK, look_at_progress, c);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(c->s->db, text, NULL, NULL, NULL);
    sqlite3_progress_handler(c->s->db, 0, NULL, NULL);
    (void)sqlite3_limit(c->s->db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_free(text);
    if (rc == SQLITE_INTERRUPT)
        return error_set(err, ERR_STATE, "compacting was stopped: nothing was changed");
    if (rc != SQLITE_OK)
        return store_sql_error(c->s, rc, err);
    fd = open(c->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 || fsync(fd) < 0 ? error_errno(err, ERR_IO, errno, "cannot sync '%s'", c->path) : 0;
}

/* All into the old file and its journal away; a reader that is looking in keeps it, and then we wait for no one. */
static int end_journal(struct store *s, struct error *err)
{
    static const char sql[] = "PRAGMA journal_mode = DELETE";
    CLEANUP(query_close) struct query q;
    char mode[16];

    if (query_open(&q, s, sql, err) < 0 || query_step(&q, err) != 1)
        return -1;
    query_text(&q, 0, mode, sizeof mode);
    if (strcmp(mode, "delete") == 0)
        return 0;
    return error_set(err, ERR_BUSY, "another program is reading the store in '%s': end it, then try again; nothing was "
                     "changed", s->dir);
}

static int put_in_place(struct compacting *c, struct error *err)
{
    FAULT_POINT("compact.before_rename");
    if (rename(c->path, c->s->path) < 0)
        return error_errno(err, ERR_IO, errno, "cannot put the compacted store in place in '%s'", c->s->dir);
    FAULT_POINT("state.rename.before_dirsync");
    return store_sync_dir(c->s->dir, err);
}

static int compact(struct compacting *c, struct error *err)
{
    static const char orphans[] = "DELETE FROM seen WHERE NOT EXISTS (SELECT 1 FROM window w WHERE w.source = seen.source"
                                  " AND w.from_ns = seen.from_ns)";

    if (store_exec(c->s, orphans, err) < 0 || look_at_space(c, err) < 0)
        return -1;
    if (write_anew(c, err) < 0 || end_journal(c->s, err) < 0) {
        (void)unlink(c->path); /* the store itself is as it was */
        return -1;
    }
    store_close_handle(c->s); /* the next use opens whichever file is there */
    if (put_in_place(c, err) < 0)
        return -1;
    (void)c->progress(c->self, 100);
    return 0;
}

int store_compact(struct store *s, int (*progress)(void *self, int percent), void *self, struct error *err)
{
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(store_free_text) char *path = store_path(s->dir, NEW_FILE, "");
    struct compacting c = { .s = s, .path = path, .progress = progress, .self = self };

    if (!in)
        return -1;
    if (!path)
        return error_set(err, ERR_NOMEM, "store '%s'", s->dir);
    if (s->in_txn || s->mode != STORE_RUN)
        return error_set(err, ERR_BUG, "compacting in the midst of something");
    return compact(&c, err);
}
