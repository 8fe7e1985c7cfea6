/* sql.c - statements, checksums and what SQLite's errors mean here.
 *
 * Statements are prepared once and kept. A statement that is still running (a callback asks the store
 * something while it walks the same table) is prepared a second time instead of being reset under its
 * user.
 * SPDX-License-Identifier: Apache-2.0 */
#include "store/inside.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

static uint32_t crc_bytes(uint32_t crc, const void *at, size_t len)
{
    while (len > 0) { /* zlib counts in unsigned int */
        uInt part = len > (1U << 30) ? (1U << 30) : (uInt)len;

        crc = (uint32_t)crc32(crc, at, part);
        at = (const char *)at + part;
        len -= part;
    }
    return crc;
}

/* Each value with its kind and length in front, so that ("ab", "c") is not ("a", "bc"). */
static uint32_t crc_value(uint32_t crc, char kind, const void *at, uint64_t len)
{
    unsigned char head[9] = { (unsigned char)kind };

    for (size_t i = 0; i < 8; i++)
        head[1 + i] = (unsigned char)(len >> (8 * i));
    crc = crc_bytes(crc, head, sizeof(head));
    return kind == 'b' && len > 0 ? crc_bytes(crc, at, len) : crc;
}

static uint32_t crc_i64(uint32_t crc, int64_t v)
{
    return crc_value(crc, 'i', NULL, (uint64_t)v);
}

bool sql_is_damage(int rc)
{
    return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB || rc == SQLITE_IOERR_SHORT_READ ||
           rc == SQLITE_IOERR_READ || rc == SQLITE_IOERR_CORRUPTFS || rc == SQLITE_IOERR_DATA;
}

/* A journal that cannot be opened says CANTOPEN, and what the kernel said is forgotten by then. A damaged file can be
 * opened. */
bool sql_is_refused(int rc)
{
    return (rc & 0xff) == SQLITE_NOMEM || rc == SQLITE_IOERR_NOMEM || (rc & 0xff) == SQLITE_CANTOPEN ||
           rc == SQLITE_IOERR_SHMMAP || rc == SQLITE_IOERR_SHMOPEN || rc == SQLITE_IOERR_MMAP;
}

/* Of a page that it has no memory for it says the same as of one that is damaged, but for the code. */
bool sql_complaint_is_refusal(const char *text)
{
    static const char says[] = "error code=";
    const char *at = strstr(text, says);
    struct slice code = slice_of(at ? at + sizeof says - 1 : "");

    code.len = strspn(code.at, "0123456789");
    return slice_eq(code, SL("7")) || slice_eq(code, SL("3082")); /* SQLITE_NOMEM, SQLITE_IOERR_NOMEM */
}

static int disk_error(struct store *s, int rc, struct error *err)
{
    int os = s->db ? sqlite3_system_errno(s->db) : 0;

    s->must_reopen = true;
    if (os == EFBIG)
        return error_set(err, ERR_IO,
                         "the store in '%s' hit a file-size limit: raise the limit (LimitFSIZE=)", s->dir);
    if (os == EDQUOT)
        return error_set(err, ERR_LIMIT, "the disk quota of the store in '%s' is used up: raise it", s->dir);
    return error_set(err, ERR_IO, "the disk under the store in '%s' failed (%s, code %d): check disk and mount",
                     s->dir, os ? strerror(os) : sqlite3_errstr(rc), rc);
}

int store_sql_error(struct store *s, int rc, struct error *err)
{
    int kind = rc & 0xff;

    if (kind != SQLITE_CONSTRAINT && kind != SQLITE_BUSY && kind != SQLITE_TOOBIG)
        s->is_poisoned = true;
    if (sql_is_damage(rc)) {
        s->is_suspect = s->must_reopen = true;
        return error_set(err, ERR_STATE, "the store in '%s' is damaged (%s): it is repaired when opened again",
                         s->dir, sqlite3_errstr(rc));
    }
    if (rc == SQLITE_IOERR_NOMEM)
        kind = SQLITE_NOMEM;
    switch (kind) {
    case SQLITE_FULL:
        return error_set(err, ERR_LIMIT,
                         "no space left for the store in '%s': free disk space, then it goes on by itself",
                         s->dir);
    case SQLITE_IOERR:
        return disk_error(s, rc, err);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, ERR_BUSY, "the store in '%s' is held by another program (a backup?)", s->dir);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
        s->must_reopen = true;
        return error_set(err, ERR_IO, "the store in '%s' cannot be opened or written (%s): check owner, "
                         "permissions and mount", s->dir, sqlite3_errstr(rc));
    case SQLITE_NOMEM:
        return error_set(err, ERR_NOMEM, "no memory for the store in '%s'", s->dir);
    case SQLITE_TOOBIG:
        return error_set(err, ERR_LIMIT, "a value is too large for the store in '%s'", s->dir);
    default:
        return error_set(err, ERR_BUG, "store in '%s': %s (code %d)", s->dir,
                         s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc), rc);
    }
}

int store_exec(struct store *s, const char *sql, struct error *err)
{
    int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : store_sql_error(s, rc, err);
}

/* ---- statements --------------------------------------------------------------------------------- */

int query_open(struct query *q, struct store *s, const char *sql, struct error *err)
{
    struct store_cached *kept = NULL;
    sqlite3_stmt *stmt = NULL;
    int rc;

    *q = (struct query){ .s = s };
    for (size_t i = 0; i < s->cached && !kept; i++)
        if (s->cache[i].sql == sql)
            kept = &s->cache[i];
    if (kept && !sqlite3_stmt_busy(kept->stmt)) {
        *q = (struct query){ .s = s, .stmt = kept->stmt, .is_cached = true };
        return 0;
    }
    rc = sqlite3_prepare_v3(s->db, sql, -1, kept ? 0 : SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    if (rc != SQLITE_OK)
        return store_sql_error(s, rc, err);
    q->stmt = stmt;
    if (!kept && s->cached < sizeof(s->cache) / sizeof(s->cache[0])) {
        s->cache[s->cached++] = (struct store_cached){ .sql = sql, .stmt = stmt };
        q->is_cached = true;
    }
    return 0;
}

void query_close(struct query *q)
{
    if (!q->stmt)
        return;
    if (q->is_cached) {
        (void)sqlite3_reset(q->stmt); /* repeats the error that query_step told */
        (void)sqlite3_clear_bindings(q->stmt);
    } else {
        (void)sqlite3_finalize(q->stmt);
    }
    q->stmt = NULL;
}

static void query_bound(struct query *q, int rc)
{
    if (rc != SQLITE_OK && q->failed == SQLITE_OK)
        q->failed = rc;
}

void query_add_i64(struct query *q, int64_t v)
{
    q->crc = crc_i64(q->crc, v);
    query_bound(q, sqlite3_bind_int64(q->stmt, ++q->bound, v));
}

void query_add_text(struct query *q, const char *text)
{
    size_t len = strlen(text);

    q->crc = crc_value(q->crc, 'b', text, len);
    query_bound(q, sqlite3_bind_text64(q->stmt, ++q->bound, text, len, SQLITE_STATIC, SQLITE_UTF8));
}

void query_add_bytes(struct query *q, struct slice v)
{
    q->crc = crc_value(q->crc, 'b', v.at, v.len);
    /* "" and NULL are two things in SQL; an empty slice may have no address */
    query_bound(q, sqlite3_bind_blob64(q->stmt, ++q->bound, v.at ? v.at : "", v.len, SQLITE_STATIC));
}

void query_add_null(struct query *q)
{
    q->crc = crc_value(q->crc, 'n', NULL, 0);
    query_bound(q, sqlite3_bind_null(q->stmt, ++q->bound));
}

void query_add_crc(struct query *q)
{
    query_bound(q, sqlite3_bind_int64(q->stmt, ++q->bound, (int64_t)q->crc));
}

int query_step(struct query *q, struct error *err)
{
    int rc = q->failed;

    if (rc == SQLITE_OK)
        rc = sqlite3_step(q->stmt);
    if (rc == SQLITE_ROW)
        return 1;
    if (rc == SQLITE_DONE)
        return 0;
    return store_sql_error(q->s, rc, err);
}

int query_run(struct query *q, struct error *err)
{
    int more;

    while ((more = query_step(q, err)) == 1)
        continue;
    return more;
}

int64_t query_i64(const struct query *q, int col)
{
    return sqlite3_column_int64(q->stmt, col);
}

struct slice query_bytes(const struct query *q, int col)
{
    const char *at = sqlite3_column_blob(q->stmt, col); /* before _bytes, as SQLite asks */
    int len = sqlite3_column_bytes(q->stmt, col);

    return slice_make(at, at && len > 0 ? (size_t)len : 0);
}

void query_text(const struct query *q, int col, char *ret, size_t size)
{
    struct slice v = slice_cut(query_bytes(q, col), size - 1);

    if (v.len > 0)
        memcpy(ret, v.at, v.len);
    ret[v.len] = '\0';
}

bool query_is_null(const struct query *q, int col)
{
    return sqlite3_column_type(q->stmt, col) == SQLITE_NULL;
}

uint32_t stmt_crc(sqlite3_stmt *stmt, uint32_t crc, int first, int n)
{
    for (int i = first; i < first + n; i++) {
        int type = sqlite3_column_type(stmt, i);

        if (type == SQLITE_INTEGER) {
            crc = crc_i64(crc, sqlite3_column_int64(stmt, i));
        } else if (type == SQLITE_TEXT || type == SQLITE_BLOB) {
            const void *at = sqlite3_column_blob(stmt, i);
            int len = sqlite3_column_bytes(stmt, i);

            crc = crc_value(crc, 'b', at, len > 0 ? (uint64_t)len : 0);
        } else { /* NULL; no table of ours holds a real, whose kind is then the damage */
            crc = crc_value(crc, type == SQLITE_NULL ? 'n' : 'r', NULL, 0);
        }
    }
    return crc;
}

bool stmt_row_is_sound(sqlite3_stmt *stmt, int first, int n)
{
    return sqlite3_column_type(stmt, first + n) == SQLITE_INTEGER &&
           sqlite3_column_int64(stmt, first + n) == (int64_t)stmt_crc(stmt, 0, first, n);
}

bool query_row_is_sound(const struct query *q, int first, int n)
{
    return stmt_row_is_sound(q->stmt, first, n);
}
