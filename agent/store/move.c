/* move.c - everything durable as lines of JSON, and back: for a move to another machine, or back to an earlier
 * release that cannot read this one's file.
 *
 *   {"store":"cosmowatch","format":1}                      first
 *   {"table":"window","row":{"source":"prod", ...}}        one a row, columns by their name in schema.c
 *   {"end":true,"rows":1234,"crc":...}                     last; CRC-32 of all lines before, newlines included
 *
 * Bytes that are no text are {"hex":"..."}. Columns go by name, so that an earlier release can leave out what it
 * does not know; a column that it needs and does not find is refused. Checksums of rows are made anew: a row whose
 * checksum is wrong is left out of an export and counted, never passed on as sound.
 * What the store holds are rows of logs and what was made of them; credentials are not among it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/json_out.h"
#include "base/num.h"
#include "base/utf8.h"
#include "store/inside.h"

#include <json-c/json.h>
#include <zlib.h>

#define LINE_MAX_BYTES ((size_t)3 * STORE_BLOB_MAX) /* hex doubles */
#define STORE_NAME "cosmowatch"

/* ---- out ------------------------------------------------------------------------------------------ */

struct export {
    struct store *s;
    int (*line)(void *self, struct slice line, struct error *err);
    void *self;
    struct buf text;
    uint32_t crc;
    struct store_moved moved;
};

static void export_release(struct export *x)
{
    buf_release(&x->text);
}

static int write_line(struct export *x, struct error *err)
{
    buf_add_char(&x->text, '\n');
    if (buf_check(&x->text, err) < 0)
        return error_wrap(err, "export");
    x->crc = (uint32_t)crc32_z(x->crc, (const unsigned char *)x->text.at, x->text.len);
    return x->line(x->self, buf_slice(&x->text), err);
}

static bool is_text(struct slice s)
{
    for (size_t i = 0; i < s.len;) {
        uint32_t c = 0;

        i += utf8_next(s, i, &c);
        if (c == UTF8_BAD)
            return false;
    }
    return true;
}

static void add_bytes(struct buf *out, struct slice s)
{
    static const char digits[] = "0123456789abcdef";

    if (is_text(s)) {
        json_add_string(out, s);
        return;
    }
    buf_add_str(out, "{\"hex\":\"");
    for (size_t i = 0; i < s.len; i++) {
        buf_add_char(out, digits[(unsigned char)s.at[i] >> 4]);
        buf_add_char(out, digits[(unsigned char)s.at[i] & 15]);
    }
    buf_add_str(out, "\"}");
}

/* All columns of a table by name: the number first where it has one, crc last. */
static int prepare_columns(struct store *s, const struct store_table *t, sqlite3_stmt **ret, struct error *err)
{
    char *text = sqlite3_mprintf("SELECT %s%s, crc FROM %s ORDER BY rowid",
                                 t->has_number && strcmp(t->name, "delivery") == 0 ? "seq, "
                                 : t->has_number                                  ? "id, "
                                                                                  : "",
                                 t->columns, t->name);
    int rc = text ? sqlite3_prepare_v2(s->db, text, -1, ret, NULL) : SQLITE_NOMEM;

    sqlite3_free(text);
    return rc == SQLITE_OK ? 0 : store_sql_error(s, rc, err);
}

static int export_row(struct export *x, const struct store_table *t, sqlite3_stmt *row, struct error *err)
{
    int columns = t->n + t->has_number;

    buf_clear(&x->text);
    buf_addf(&x->text, "{\"table\":\"%s\",\"row\":{", t->name);
    for (int i = 0; i < columns; i++) {
        json_add_key(&x->text, sqlite3_column_name(row, i));
        if (sqlite3_column_type(row, i) == SQLITE_INTEGER)
            json_add_i64(&x->text, sqlite3_column_int64(row, i));
        else
            add_bytes(&x->text, slice_make(sqlite3_column_blob(row, i), (size_t)sqlite3_column_bytes(row, i)));
    }
    buf_add_str(&x->text, "}}");
    x->moved.rows++;
    return write_line(x, err);
}

static int export_table(struct export *x, const struct store_table *t, struct error *err)
{
    sqlite3_stmt *row = NULL;
    int rc;

    if (prepare_columns(x->s, t, &row, err) < 0)
        return -1;
    while ((rc = sqlite3_step(row)) == SQLITE_ROW) {
        if (!stmt_row_is_sound(row, t->has_number, t->n)) {
            x->moved.left_out++;
            continue;
        }
        if (export_row(x, t, row, err) < 0) {
            (void)sqlite3_finalize(row);
            return -1;
        }
    }
    (void)sqlite3_finalize(row);
    return rc == SQLITE_DONE ? 0 : store_sql_error(x->s, rc, err);
}

static int export_all(struct export *x, struct error *err)
{
    buf_addf(&x->text, "{\"store\":\"" STORE_NAME "\",\"format\":%d}", STORE_FORMAT);
    if (write_line(x, err) < 0)
        return -1;
    for (size_t i = 0; i < store_tables_len; i++)
        if (export_table(x, &store_tables[i], err) < 0)
            return error_wrap(err, "export of table %s", store_tables[i].name);
    buf_clear(&x->text);
    buf_addf(&x->text, "{\"end\":true,\"rows\":%" PRId64 ",\"crc\":%" PRIu32 "}", x->moved.rows, x->crc);
    return write_line(x, err);
}

int store_export(struct store *s, int (*line)(void *self, struct slice line, struct error *err), void *self,
                 struct store_moved *ret, struct error *err)
{
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(export_release) struct export x = { .s = s, .line = line, .self = self, .text = BUF_INIT(LINE_MAX_BYTES) };
    int rc;

    /* One view of all tables, while the agent may go on writing. */
    if (!in || store_exec(s, "BEGIN", err) < 0)
        return -1;
    rc = export_all(&x, err);
    (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL); /* nothing was changed */
    *ret = x.moved;
    return rc;
}

/* ---- in ------------------------------------------------------------------------------------------- */

struct import {
    struct store *s;
    int (*next)(void *self, struct slice *ret_line, struct error *err);
    void *self;
    sqlite3_stmt *columns[16], *insert[16]; /* by the order of store_tables */
    uint32_t crc;
    int64_t line;
    struct store_moved moved;
    bool is_over;
};

static void import_release(struct import *m)
{
    for (size_t i = 0; i < ARRAY_LEN(m->insert); i++) {
        (void)sqlite3_finalize(m->columns[i]);
        (void)sqlite3_finalize(m->insert[i]);
    }
}

static int prepare_insert(struct import *m, size_t i, struct error *err)
{
    const struct store_table *t = &store_tables[i];
    char *text = sqlite3_mprintf("INSERT INTO %s VALUES (?%.*s)", t->name, 2 * (t->n + t->has_number),
                                 ",?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?");
    int rc = text ? sqlite3_prepare_v2(m->s->db, text, -1, &m->insert[i], NULL) : SQLITE_NOMEM;

    sqlite3_free(text);
    if (rc != SQLITE_OK)
        return store_sql_error(m->s, rc, err);
    return prepare_columns(m->s, t, &m->columns[i], err);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(struct slice hex, struct buf *out)
{
    if (hex.len % 2 != 0)
        return false;
    for (size_t i = 0; i < hex.len; i += 2) {
        int high = digit(hex.at[i]), low = digit(hex.at[i + 1]);

        if (high < 0 || low < 0)
            return false;
        buf_add_char(out, (char)(high << 4 | low));
    }
    return true;
}

static struct slice text_of(struct json_object *o)
{
    return slice_make(json_object_get_string(o), (size_t)json_object_get_string_len(o));
}

/* A string, or {"hex":...}. */
static bool read_bytes(struct json_object *value, struct buf *out)
{
    struct json_object *hex = NULL;

    buf_reserve(out, 1); /* bytes, if none, not NULL */
    if (json_object_is_type(value, json_type_string)) {
        buf_add_slice(out, text_of(value));
        return true;
    }
    return json_object_is_type(value, json_type_object) && json_object_object_get_ex(value, "hex", &hex) &&
           json_object_is_type(hex, json_type_string) && read_hex(text_of(hex), out);
}

/* One column as its table declares it. `room` holds the bytes until the statement is done with them. */
static int bind_column(struct query *q, sqlite3_stmt *columns, int i, struct json_object *row, struct buf *room,
                       struct error *err)
{
    const char *name = sqlite3_column_name(columns, i), *kind = sqlite3_column_decltype(columns, i);
    struct json_object *value = NULL;
    bool is_number = kind && strcmp(kind, "INTEGER") == 0;

    if (!json_object_object_get_ex(row, name, &value))
        return error_set(err, ERR_INPUT, "column '%s' is missing: it was written by a release that has another", name);
    if (is_number ? !json_object_is_type(value, json_type_int) : !read_bytes(value, room))
        return error_set(err, ERR_INPUT, "column '%s' is no %s", name, is_number ? "whole number" : "text");
    if (is_number)
        query_add_i64(q, json_object_get_int64(value));
    else if (kind && strcmp(kind, "TEXT") == 0)
        query_add_text(q, buf_cstr(room));
    else
        query_add_bytes(q, buf_slice(room));
    return buf_check(room, err);
}

static int import_row(struct import *m, size_t table, struct json_object *row, struct error *err)
{
    const struct store_table *t = &store_tables[table];
    struct buf room[16] = { 0 };
    struct query q = { .s = m->s, .is_cached = true };
    int rc = 0, columns = t->n + t->has_number;

    if (!m->insert[table] && prepare_insert(m, table, err) < 0)
        return -1;
    q.stmt = m->insert[table];
    for (int i = 0; i < columns && rc == 0; i++) {
        room[i] = BUF_INIT(STORE_BLOB_MAX);
        rc = bind_column(&q, m->columns[table], i, row, &room[i], err);
        if (t->has_number && i == 0)
            q.crc = 0; /* the number is not in it */
    }
    if (rc == 0) {
        query_add_crc(&q);
        rc = query_run(&q, err);
    }
    query_close(&q);
    for (int i = 0; i < columns; i++)
        buf_release(&room[i]);
    m->moved.rows++;
    return rc;
}

static int import_end(struct import *m, struct json_object *o, uint32_t crc, struct error *err)
{
    struct json_object *rows = NULL, *sum = NULL;

    if (!json_object_object_get_ex(o, "rows", &rows) || !json_object_object_get_ex(o, "crc", &sum))
        return error_set(err, ERR_INPUT, "the last line is not whole");
    if (json_object_get_int64(rows) != m->moved.rows + m->moved.left_out || json_object_get_int64(sum) != (int64_t)crc)
        return error_set(err, ERR_INPUT, "the export was changed or damaged on its way: its checksum differs; fetch it "
                         "again");
    m->is_over = true;
    return 0;
}

static int import_start(struct json_object *o, struct error *err)
{
    struct json_object *store = NULL;

    if (!json_object_object_get_ex(o, "store", &store) || strcmp(json_object_get_string(store), STORE_NAME) != 0)
        return error_set(err, ERR_INPUT, "this is no export of a store: `cosmowatch store export` makes one");
    return 0;
}

static int import_object(struct import *m, struct json_object *o, uint32_t crc, struct error *err)
{
    struct json_object *table = NULL, *row = NULL;

    if (m->line == 1)
        return import_start(o, err);
    if (m->is_over)
        return error_set(err, ERR_INPUT, "there is more after the end");
    if (json_object_object_get_ex(o, "end", NULL))
        return import_end(m, o, crc, err);
    if (!json_object_object_get_ex(o, "table", &table) || !json_object_object_get_ex(o, "row", &row) ||
        !json_object_is_type(row, json_type_object))
        return error_set(err, ERR_INPUT, "neither a row nor the end");
    for (size_t i = 0; i < store_tables_len; i++)
        if (slice_eq(text_of(table), slice_of(store_tables[i].name)))
            return import_row(m, i, row, err);
    m->moved.left_out++; /* of a later release */
    return 0;
}

static int import_line(struct import *m, struct slice line, struct error *err)
{
    struct json_tokener *reader = json_tokener_new();
    struct json_object *o = NULL;
    uint32_t before = m->crc;
    int rc = -1;

    m->line++;
    m->crc = (uint32_t)crc32_z(m->crc, (const unsigned char *)line.at, line.len);
    m->crc = (uint32_t)crc32_z(m->crc, (const unsigned char *)"\n", 1);
    if (line.len > LINE_MAX_BYTES)
        (void)error_set(err, ERR_LIMIT, "too long");
    else if (!reader || !(o = json_tokener_parse_ex(reader, line.at, (int)line.len)) ||
             !json_object_is_type(o, json_type_object))
        (void)error_set(err, ERR_INPUT, "no JSON object");
    else
        rc = import_object(m, o, before, err);
    json_object_put(o);
    json_tokener_free(reader);
    return rc == 0 ? 0 : error_wrap(err, "line %" PRId64, m->line);
}

static int import_all(struct import *m, struct error *err)
{
    struct slice line;
    int more;

    while ((more = m->next(m->self, &line, err)) == 1)
        if (import_line(m, line, err) < 0)
            return -1;
    if (more < 0)
        return -1;
    return m->is_over ? 0 : error_set(err, ERR_INPUT, "the export ends before its end: it was cut; fetch it again");
}

/* An import is for a new store: two histories in one would be none. */
static int make_room(struct store *s, bool is_replacing, struct error *err)
{
    for (size_t i = 0; i < store_tables_len; i++) {
        char *text = sqlite3_mprintf(is_replacing ? "DELETE FROM %s" : "SELECT 1 FROM %s LIMIT 1", store_tables[i].name);
        sqlite3_stmt *stmt = NULL;
        int rc = text ? sqlite3_prepare_v2(s->db, text, -1, &stmt, NULL) : SQLITE_NOMEM;

        if (rc == SQLITE_OK)
            rc = sqlite3_step(stmt);
        (void)sqlite3_finalize(stmt);
        sqlite3_free(text);
        if (rc == SQLITE_ROW)
            return error_set(err, ERR_STATE, "the store is not empty: import into another folder, or say --replace to "
                             "lose what '%.100s' holds", s->dir);
        if (rc != SQLITE_DONE)
            return store_sql_error(s, rc, err);
    }
    return 0;
}

int store_import(struct store *s, bool is_replacing, int (*next)(void *self, struct slice *ret_line, struct error *err),
                 void *self, struct store_moved *ret, struct error *err)
{
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(import_release) struct import m = { .s = s, .next = next, .self = self };
    bool is_ours = false;
    int rc;

    if (!in || store_txn_open(s, &is_ours, err) < 0)
        return -1;
    rc = make_room(s, is_replacing, err);
    if (rc == 0)
        rc = import_all(&m, err);
    *ret = m.moved;
    if (rc == 0)
        return store_txn_close(s, is_ours, 0, err);
    import_release(&m); /* before the transaction that they are part of is undone */
    m = (struct import){ .s = s };
    return store_txn_close(s, is_ours, -1, err);
}
