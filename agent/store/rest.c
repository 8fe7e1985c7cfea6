/* rest.c - baselines, rows that could not be decoded, named values.
 * SPDX-License-Identifier: Apache-2.0 */
#include "baseline/baseline.h"
#include "base/log.h"
#include "store/inside.h"

#include <stdio.h>

/* ---- baselines ---------------------------------------------------------------------------------- */

static struct slice id_of(const struct baseline_row *row)
{
    return slice_make((const char *)row->id, sizeof(row->id));
}

static int delete_baseline(struct store *s, const struct baseline_row *row, struct error *err)
{
    static const char sql[] = "DELETE FROM baseline WHERE memory = ? AND id = ?";
    CLEANUP(query_close) struct query q;

    if (query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_text(&q, row->memory);
    query_add_bytes(&q, id_of(row));
    return query_run(&q, err);
}

int store_put_baseline(struct store *s, const struct baseline_row *row, struct error *err)
{
    static const char sql[] =
        "INSERT INTO baseline (memory, id, version, account, key, label, value, seen_ns, crc)"
        " VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (memory, id) DO UPDATE SET version = excluded.version,"
        " account = excluded.account, key = excluded.key, label = excluded.label, value = excluded.value,"
        " seen_ns = excluded.seen_ns, crc = excluded.crc";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };

    if (!in)
        return -1;
    if (row->is_deleted)
        return delete_baseline(s, row, err);
    if (row->value.len > UINT16_MAX)
        return error_set(err, ERR_LIMIT, "baseline '%s': a value of %zu bytes is too long", row->memory,
                         row->value.len);
    if (query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_text(&q, row->memory);
    query_add_bytes(&q, id_of(row));
    query_add_i64(&q, row->version);
    /* For people only: the id tells entries apart, so these may be cut. */
    query_add_bytes(&q, slice_cut(row->account, STORE_BASELINE_TEXT_MAX));
    query_add_bytes(&q, slice_cut(row->key, STORE_BASELINE_TEXT_MAX));
    query_add_bytes(&q, slice_cut(row->label, STORE_BASELINE_TEXT_MAX));
    query_add_bytes(&q, row->value);
    query_add_i64(&q, row->seen_ns);
    query_add_crc(&q);
    return query_run(&q, err);
}

/* 1: loaded, 0: damaged or of a later release (left out), -1: memory. */
static int load_baseline(const struct query *q, struct baseline *b, struct error *err)
{
    char memory[128];
    struct baseline_row row = { .memory = memory };
    struct slice id = query_bytes(q, 1);
    struct error why = { 0 };

    if (!query_row_is_sound(q, 0, 8) || id.len != sizeof(row.id))
        return 0;
    query_text(q, 0, memory, sizeof(memory));
    memcpy(row.id, id.at, sizeof(row.id));
    row.version = (uint16_t)query_i64(q, 2);
    row.account = query_bytes(q, 3);
    row.key = query_bytes(q, 4);
    row.label = query_bytes(q, 5);
    row.value = query_bytes(q, 6);
    row.seen_ns = query_i64(q, 7);
    if (baseline_load_row(b, &row, &why) == 0)
        return 1;
    if (why.code == ERR_STATE)
        return 0;
    *err = why;
    return -1;
}

int store_load_baselines(struct store *s, struct baseline *b, struct error *err)
{
    static const char sql[] =
        "SELECT memory, id, version, account, key, label, value, seen_ns, crc FROM baseline ORDER BY rowid";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    int64_t left_out = 0;
    int more;

    if (!in || query_open(&q, s, sql, err) < 0)
        return -1;
    while ((more = query_step(&q, err)) == 1) {
        int loaded = load_baseline(&q, b, err);

        if (loaded < 0)
            return -1;
        left_out += loaded == 0;
    }
    if (left_out > 0) {
        char n[24];

        (void)snprintf(n, sizeof(n), "%lld", (long long)left_out);
        log_event(LOG_LEVEL_WARN, "store", "baselines that cannot be read are learned again", "rows", n, NULL);
    }
    return more;
}

/* ---- rows that could not be decoded ------------------------------------------------------------- */

int store_park_row(struct store *s, const char *source, struct slice raw, const char *reason, int64_t now_ns,
                   struct error *err)
{
    static const char add[] = "INSERT INTO bad_row (source, raw, reason, seen_ns, crc) VALUES (?,?,?,?,?)";
    static const char trim[] = "DELETE FROM bad_row WHERE id <= ?";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    CLEANUP(query_close) struct query old = { 0 };
    bool is_ours = false;
    int rc;

    if (!in || store_txn_open(s, &is_ours, err) < 0)
        return -1;
    rc = query_open(&q, s, add, err);
    if (rc == 0) {
        query_add_text(&q, source);
        query_add_bytes(&q, slice_make(raw.at, raw.len > STORE_RAW_ROW_MAX ? STORE_RAW_ROW_MAX : raw.len));
        query_add_text(&q, reason);
        query_add_i64(&q, now_ns);
        query_add_crc(&q);
        rc = query_run(&q, err);
    }
    if (rc == 0)
        rc = query_open(&old, s, trim, err);
    if (rc == 0) {
        query_add_i64(&old, sqlite3_last_insert_rowid(s->db) - STORE_BAD_ROWS_MAX);
        rc = query_run(&old, err);
    }
    return store_txn_close(s, is_ours, rc, err);
}

int store_count_bad_rows(struct store *s, int64_t *ret, struct error *err)
{
    static const char sql[] = "SELECT count(*) FROM bad_row";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };

    if (!in || query_open(&q, s, sql, err) < 0 || query_step(&q, err) < 0)
        return -1;
    *ret = query_i64(&q, 0);
    return 0;
}

int store_each_bad_row(struct store *s, size_t limit,
                       int (*fn)(void *self, const struct bad_row *r, struct error *err), void *self, struct error *err)
{
    static const char sql[] = "SELECT source, raw, reason, seen_ns, crc FROM bad_row ORDER BY id DESC LIMIT ?";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    int more;

    if (!in || query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_i64(&q, (int64_t)limit);
    while ((more = query_step(&q, err)) == 1) {
        struct bad_row r = { .raw = query_bytes(&q, 1), .seen_ns = query_i64(&q, 3) };

        query_text(&q, 0, r.source, sizeof r.source);
        query_text(&q, 2, r.reason, sizeof r.reason);
        if (fn(self, &r, err) < 0)
            return -1;
    }
    return more;
}

/* ---- named values ------------------------------------------------------------------------------- */

int store_put_blob(struct store *s, const char *name, struct slice value, struct error *err)
{
    static const char sql[] =
        "INSERT INTO blob (name, value, crc) VALUES (?,?,?) ON CONFLICT (name) DO UPDATE SET value = excluded.value,"
        " crc = excluded.crc";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };

    if (!in)
        return -1;
    if (value.len > STORE_BLOB_MAX)
        return error_set(err, ERR_LIMIT, "'%s' takes %zu bytes, more than %u", name, value.len, STORE_BLOB_MAX);
    if (query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_text(&q, name);
    query_add_bytes(&q, value);
    query_add_crc(&q);
    return query_run(&q, err);
}

/* A damaged value counts as absent: every named value can be fetched or made again. */
int store_get_blob(struct store *s, const char *name, struct buf *ret, bool *ret_found, struct error *err)
{
    static const char sql[] = "SELECT name, value, crc FROM blob WHERE name = ?";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    int found;

    if (!in || query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_text(&q, name);
    found = query_step(&q, err);
    if (found < 0)
        return -1;
    if (found == 1 && !query_row_is_sound(&q, 0, 2)) {
        log_event(LOG_LEVEL_WARN, "store", "a stored value is damaged and counts as absent", "name", name, NULL);
        found = 0;
    }
    if (found == 1)
        buf_add_slice(ret, query_bytes(&q, 1));
    if (buf_check(ret, err) < 0)
        return -1;
    *ret_found = found == 1;
    return 0;
}
