/* schema.c - the tables, and how an older store becomes a current one.
 *
 * The format number stands in table meta, with a checksum like every row; SQLite's user_version is an
 * echo for tools. So a bit that flips in the file's header is not taken for a newer release's store.
 * A release that changes a table appends a step, raises STORE_FORMAT and leaves the old steps alone.
 * What a step must never do: lose a pending or parked delivery.
 *
 *   window       ledger. state as in enum window_state; reason is ours
 *   seen         what a window was seen to hold, until its last re-check
 *   baseline     one struct of a detector's memory; account, key, label are foreign bytes, for people
 *   alert        newest version of each alert, as alert_save wrote it
 *   delivery     one row per (output, record): 0 pending, 1 parked, 2 accepted, 3 dropped
 *   payload      of a pending or parked delivery: the snapshot to send, the bytes that were refused
 *   output_total what was accepted and dropped since the store was made
 *   bad_row      log rows that could not be decoded, newest STORE_BAD_ROWS_MAX
 *   blob         named values
 * Rowid tables with explicit unique indexes, not WITHOUT ROWID: a damaged table can then be read by
 * rowid around the damage, without its indexes (salvage.c).
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/fault.h"
#include "store/inside.h"

#define APPLICATION_ID "1129793367" /* "CWSW": file(1) and we recognise it */

/* Columns in checksum order. salvage.c copies by this table. */
const struct store_table store_tables[] = {
    { .name = "window", .n = 11,
      .columns = "source, from_ns, to_ns, state, is_backfill, attempts, rechecks, read_ns, records, "
                 "observations, reason" },
    { .name = "seen", .n = 4, .columns = "source, from_ns, to_ns, value" },
    { .name = "baseline", .n = 8,
      .columns = "memory, id, version, account, key, label, value, seen_ns" },
    { .name = "alert", .n = 7, .columns = "id, type, account, severity, last_ns, is_final, payload" },
    { .name = "payload", .n = 4, .has_number = true, .columns = "seq, output, alert, refused" },
    { .name = "delivery", .n = 9, .has_number = true,
      .columns = "output, alert_id, record_id, state, attempts, first_try_ns, last_try_ns, "
                 "alert_last_ns, reason" },
    { .name = "output_total", .n = 3, .columns = "output, accepted, dropped" },
    { .name = "bad_row", .n = 4, .has_number = true, .columns = "source, raw, reason, seen_ns" },
    { .name = "blob", .n = 2, .columns = "name, value" },
};
const size_t store_tables_len = sizeof(store_tables) / sizeof(store_tables[0]);

/* steps[n] makes format n + 1 out of format n. */
static const char *const steps[STORE_FORMAT] = {
    [0] =
        "CREATE TABLE meta (name TEXT NOT NULL UNIQUE, value INTEGER NOT NULL, crc INTEGER NOT NULL);"
        "CREATE TABLE window (source TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,"
        " state INTEGER NOT NULL, is_backfill INTEGER NOT NULL, attempts INTEGER NOT NULL,"
        " rechecks INTEGER NOT NULL, read_ns INTEGER NOT NULL, records INTEGER NOT NULL,"
        " observations INTEGER NOT NULL, reason TEXT NOT NULL, crc INTEGER NOT NULL);"
        "CREATE UNIQUE INDEX window_key ON window (source, from_ns);"
        "CREATE TABLE seen (source TEXT NOT NULL, from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL,"
        " value BLOB NOT NULL, crc INTEGER NOT NULL);"
        "CREATE UNIQUE INDEX seen_key ON seen (source, from_ns);"
        "CREATE TABLE baseline (memory TEXT NOT NULL, id BLOB NOT NULL, version INTEGER NOT NULL,"
        " account BLOB NOT NULL, key BLOB NOT NULL, label BLOB NOT NULL, value BLOB NOT NULL,"
        " seen_ns INTEGER NOT NULL, crc INTEGER NOT NULL);"
        "CREATE UNIQUE INDEX baseline_id ON baseline (memory, id);"
        "CREATE TABLE alert (id TEXT NOT NULL, type TEXT NOT NULL, account TEXT NOT NULL,"
        " severity INTEGER NOT NULL, last_ns INTEGER NOT NULL, is_final INTEGER NOT NULL,"
        " payload BLOB NOT NULL, crc INTEGER NOT NULL);"
        "CREATE UNIQUE INDEX alert_id ON alert (id);"
        "CREATE INDEX alert_time ON alert (last_ns);"
        "CREATE INDEX alert_open ON alert (last_ns) WHERE is_final = 0;"
        "CREATE TABLE delivery (seq INTEGER PRIMARY KEY AUTOINCREMENT, output TEXT NOT NULL,"
        " alert_id TEXT NOT NULL, record_id TEXT NOT NULL, state INTEGER NOT NULL,"
        " attempts INTEGER NOT NULL, first_try_ns INTEGER NOT NULL, last_try_ns INTEGER NOT NULL,"
        " alert_last_ns INTEGER NOT NULL, reason TEXT NOT NULL, crc INTEGER NOT NULL);"
        "CREATE UNIQUE INDEX delivery_record ON delivery (output, record_id);"
        "CREATE INDEX delivery_alert ON delivery (alert_id);"
        "CREATE INDEX delivery_pending ON delivery (output, seq) WHERE state = 0;"
        "CREATE INDEX delivery_parked ON delivery (output, seq) WHERE state = 1;"
        "CREATE TABLE payload (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, output TEXT NOT NULL,"
        " alert BLOB NOT NULL, refused BLOB NOT NULL, crc INTEGER NOT NULL);"
        "CREATE UNIQUE INDEX payload_seq ON payload (seq);"
        "CREATE TABLE output_total (output TEXT NOT NULL UNIQUE, accepted INTEGER NOT NULL,"
        " dropped INTEGER NOT NULL, crc INTEGER NOT NULL);"
        "CREATE TABLE bad_row (id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL, raw BLOB NOT NULL,"
        " reason TEXT NOT NULL, seen_ns INTEGER NOT NULL, crc INTEGER NOT NULL);"
        "CREATE TABLE blob (name TEXT NOT NULL UNIQUE, value BLOB NOT NULL, crc INTEGER NOT NULL);"
        "PRAGMA application_id = " APPLICATION_ID ";",
};

int store_prepare_db(struct store *s, bool is_writable, struct error *err)
{
    (void)sqlite3_extended_result_codes(s->db, 1);
    (void)sqlite3_busy_timeout(s->db, 5000);
    (void)sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, (int)STORE_BLOB_MAX + (1 << 20));
    (void)sqlite3_limit(s->db, SQLITE_LIMIT_ATTACHED, 0);
    /* The file may come from somebody else: nothing in its schema may run. */
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    if (store_exec(s, "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;", err) < 0)
        return -1;
    if (!is_writable)
        return store_exec(s, "PRAGMA query_only = ON;", err);
    /* auto_vacuum counts only while the file is empty: later the pages of what was forgotten go back to
     * the disk in small steps. */
    return store_exec(s,
                      "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                      "PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 67108864;",
                      err);
}

/* One number; -1 with *ret_rc set. Outside of the statement cache: the handle may not live long. */
static int look_i64(struct store *s, const char *sql, int64_t *ret, bool *ret_is_sound, int *ret_rc)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW) {
        *ret = sqlite3_column_int64(stmt, 0);
        *ret_is_sound = sqlite3_column_count(stmt) < 3 || stmt_row_is_sound(stmt, 0, 2);
    }
    *ret_rc = rc;
    (void)sqlite3_finalize(stmt);
    return rc == SQLITE_ROW ? 0 : -1;
}

/* Checksum of everything that CREATE made. Returns SQLite's code. */
static int schema_crc(sqlite3 *db, uint32_t *ret)
{
    static const char sql[] = "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name";
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    *ret = 1;
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        *ret = stmt_crc(stmt, *ret, 0, 4);
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(stmt);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* What this program would make. */
static int model_crc(uint32_t *ret)
{
    sqlite3 *model = NULL;
    int rc = sqlite3_open(":memory:", &model);

    for (int i = 0; i < STORE_FORMAT && rc == SQLITE_OK; i++)
        rc = sqlite3_exec(model, steps[i], NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = schema_crc(model, ret);
    (void)sqlite3_close_v2(model);
    return rc;
}

/* The statements that made the tables stand in the file as text, where a bit can flip like in any other:
 * a partial index would then leave rows out. */
static int look_at_schema(struct store *s, bool *ret_is_ours, struct error *err)
{
    uint32_t made = 0, there = 0;
    int rc;

    if (model_crc(&made) != SQLITE_OK) /* nothing but memory stands in its way */
        return error_set(err, ERR_NOMEM, "no memory to compare the store in '%s' with", s->dir);
    rc = schema_crc(s->db, &there);
    if (sql_is_refused(rc))
        return store_sql_error(s, rc, err);
    *ret_is_ours = rc == SQLITE_OK && made == there;
    return 0;
}

int store_look(struct store *s, enum store_shape *ret, int64_t *ret_format, struct error *err)
{
    int64_t n = 0, pages = 0;
    bool is_sound = false;
    int rc = SQLITE_OK;

    if (look_i64(s, "SELECT count(*) FROM sqlite_master", &n, &is_sound, &rc) < 0 ||
        look_i64(s, "PRAGMA page_count", &pages, &is_sound, &rc) < 0) {
        if (!sql_is_damage(rc) && rc != SQLITE_ERROR)
            return store_sql_error(s, rc, err);
        *ret = SHAPE_DAMAGED;
        return 0;
    }
    if (n == 0) {
        *ret = pages <= 1 ? SHAPE_EMPTY : SHAPE_DAMAGED;
        return 0;
    }
    if (look_i64(s, "SELECT value, name, crc FROM meta WHERE name = 'format'", &n, &is_sound, &rc) < 0) {
        if (!sql_is_damage(rc) && rc != SQLITE_ERROR && rc != SQLITE_DONE)
            return store_sql_error(s, rc, err);
        is_sound = false;
    }
    if (is_sound && n == STORE_FORMAT && look_at_schema(s, &is_sound, err) < 0)
        return -1;
    if (!is_sound || n < 1) {
        *ret = SHAPE_DAMAGED;
        return 0;
    }
    *ret_format = n;
    *ret = n > STORE_FORMAT ? SHAPE_NEWER : n < STORE_FORMAT ? SHAPE_OLDER : SHAPE_CURRENT;
    return 0;
}

static int put_format(struct store *s, int64_t format, struct error *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO meta (value, name, crc) VALUES (?, ?, ?)";
    CLEANUP(query_close) struct query q;
    char echo[64];

    if (query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_i64(&q, format);
    query_add_text(&q, "format");
    query_add_crc(&q);
    if (query_run(&q, err) < 0)
        return -1;
    (void)sqlite3_snprintf((int)sizeof(echo), echo, "PRAGMA user_version = %lld", (long long)format);
    return store_exec(s, echo, err);
}

int store_migrate(struct store *s, int64_t format, struct error *err)
{
    for (; format < STORE_FORMAT; format++) {
        bool is_ours = false;
        int rc = 0;

        if (store_txn_open(s, &is_ours, err) < 0)
            return error_wrap(err, "upgrade to format %d", (int)format + 1);
        FAULT_POINT("state.migrate.step");
        rc = store_exec(s, steps[format], err);
        if (rc == 0)
            rc = put_format(s, format + 1, err);
        if (store_txn_close(s, is_ours, rc, err) < 0)
            return error_wrap(err, "upgrade to format %d", (int)format + 1);
    }
    return 0;
}
