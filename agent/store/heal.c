/* heal.c - rows whose checksum is wrong: rebuilt from their twins, or taken out and told.
 *
 *   delivery  <- payload (it holds output and alert)
 *   payload   <- alert   (the newest version of the alert instead of the snapshot)
 *   window    <- its neighbours: the interval between them is pending again
 * An alert or delivery that is lost for good makes the windows that are not final doubtful: they are
 * read again and arrive at the same alerts with the same ids. What they taught the baselines is then
 * taught twice; a detector that has seen a day twice is the smaller harm.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "store/inside.h"

#include <stdio.h>

/* ---- rows --------------------------------------------------------------------------------------- */

static int exec_rowid(struct store *s, const char *sql, int64_t rowid, struct error *err)
{
    CLEANUP(query_close) struct query q;

    if (query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_i64(&q, rowid);
    return query_run(&q, err);
}

static int put_pending_window(struct store *s, const struct window *w, struct error *err)
{
    struct window again = *w;

    again.state = WINDOW_PENDING;
    again.attempts = again.rechecks = 0;
    again.read_ns = again.records = again.observations = 0;
    (void)snprintf(again.reason, sizeof(again.reason), "read again: the store was damaged");
    return store_put_window_inside(s, &again, err);
}

struct ledger_walk {
    struct store *s;
    struct window last; /* of the walk */
    int64_t *windows;   /* set to pending so far */
};

static int fill_one_hole(void *self, const struct window *w, struct error *err)
{
    struct ledger_walk *walk = self;
    struct window hole = *w;

    if (strcmp(walk->last.source, w->source) == 0 && walk->last.to_ns < w->from_ns) {
        hole.from_ns = walk->last.to_ns;
        hole.to_ns = w->from_ns;
        if (put_pending_window(walk->s, &hole, err) < 0)
            return -1;
        ++*walk->windows;
    }
    walk->last = *w;
    return 0;
}

/* Windows of a source touch: where one is missing, its row was lost. */
static int fill_ledger(struct store *s, int64_t *windows, struct error *err)
{
    struct ledger_walk walk = { .s = s, .windows = windows };

    return store_each_window_inside(s, fill_one_hole, &walk, err);
}

static int doubt_one(void *self, const struct window *w, struct error *err)
{
    struct ledger_walk *walk = self;

    if (w->state != WINDOW_CLOSED && w->state != WINDOW_READING)
        return 0;
    ++*walk->windows;
    return put_pending_window(walk->s, w, err);
}

/* What an open window taught may be among the losses: read it again as if never seen. */
static int doubt_windows(struct store *s, int64_t *windows, struct error *err)
{
    struct ledger_walk walk = { .s = s, .windows = windows };

    if (store_exec(s, "DELETE FROM seen", err) < 0)
        return -1;
    return store_each_window_inside(s, doubt_one, &walk, err);
}

/* ---- healing ------------------------------------------------------------------------------------ */

struct healing {
    struct store *s;
    int64_t dropped, rebuilt; /* rows */
    int64_t windows;          /* to be read again */
    bool is_ledger_torn, is_alert_lost;
};

/* Delete every row of `t` whose checksum is wrong. */
static int drop_unsound(struct healing *h, const struct store_table *t, int64_t *ret_n, struct error *err)
{
    char *text = sqlite3_mprintf("SELECT rowid, %s, crc FROM %s NOT INDEXED", t->columns, t->name);
    char *remove = sqlite3_mprintf("DELETE FROM %s WHERE rowid = ?", t->name);
    sqlite3_stmt *scan = NULL, *gone = NULL;
    int rc = text && remove ? SQLITE_OK : SQLITE_NOMEM;

    *ret_n = 0;
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(h->s->db, text, -1, &scan, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(h->s->db, remove, -1, &gone, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(scan)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        if (stmt_row_is_sound(scan, 1, t->n))
            continue;
        ++*ret_n;
        (void)sqlite3_bind_int64(gone, 1, sqlite3_column_int64(scan, 0));
        if (sqlite3_step(gone) != SQLITE_DONE)
            rc = sqlite3_errcode(h->s->db);
        (void)sqlite3_reset(gone);
    }
    (void)sqlite3_finalize(scan);
    (void)sqlite3_finalize(gone);
    sqlite3_free(text);
    sqlite3_free(remove);
    h->dropped += *ret_n;
    return rc == SQLITE_DONE ? 0 : store_sql_error(h->s, rc, err);
}

static int drop_unsound_named(struct healing *h, const char *name, int64_t *ret_n, struct error *err)
{
    for (size_t i = 0; i < store_tables_len; i++)
        if (strcmp(store_tables[i].name, name) == 0)
            return drop_unsound(h, &store_tables[i], ret_n, err);
    return error_set(err, ERR_BUG, "no table '%s'", name);
}

/* A row that nothing can be made of again: an alert was to go somewhere, and will not. */
static int give_up(struct healing *h, const char *remove, int64_t seq, struct error *err)
{
    h->dropped++;
    h->is_alert_lost = true;
    return exec_rowid(h->s, remove, seq, err);
}

/* A sound payload whose delivery row is gone: its bytes tell output and alert, and that it is not done. */
static int rebuild_deliveries(struct healing *h, struct error *err)
{
    static const char orphans[] =
        "SELECT p.seq, p.output, p.alert, p.refused, p.crc FROM payload p "
        "LEFT JOIN delivery d ON d.seq = p.seq WHERE d.seq IS NULL";
    static const char remove[] = "DELETE FROM payload WHERE seq = ?";
    CLEANUP(query_close) struct query q;
    int more;

    if (query_open(&q, h->s, orphans, err) < 0)
        return -1;
    while ((more = query_step(&q, err)) == 1) {
        CLEANUP(alert_freep) struct alert *a = NULL;
        struct error why = { 0 };
        char output[64];

        query_text(&q, 1, output, sizeof(output));
        if (alert_load(query_bytes(&q, 2), &a, &why) < 0) {
            if (why.code == ERR_NOMEM) {
                *err = why;
                return -1;
            }
            if (give_up(h, remove, query_i64(&q, 0), err) < 0)
                return -1;
            continue;
        }
        h->rebuilt++;
        if (store_rebuild_delivery(h->s, query_i64(&q, 0), output, a, query_bytes(&q, 3).len > 0, err) < 0)
            return -1;
    }
    return more;
}

/* An unfinished delivery whose payload is gone: send the newest version of the alert, else it is lost. */
static int rebuild_payloads(struct healing *h, struct error *err)
{
    static const char bare[] =
        "SELECT d.seq, d.output, a.payload FROM delivery d LEFT JOIN payload p ON p.seq = d.seq "
        "LEFT JOIN alert a ON a.id = d.alert_id WHERE d.state IN (0, 1) AND p.seq IS NULL";
    static const char remove[] = "DELETE FROM delivery WHERE seq = ?";
    CLEANUP(query_close) struct query q;
    int more;

    if (query_open(&q, h->s, bare, err) < 0)
        return -1;
    while ((more = query_step(&q, err)) == 1) {
        char output[64];

        query_text(&q, 1, output, sizeof(output));
        if (query_is_null(&q, 2)) {
            if (give_up(h, remove, query_i64(&q, 0), err) < 0)
                return -1;
            continue;
        }
        h->rebuilt++;
        if (store_put_payload(h->s, query_i64(&q, 0), output, query_bytes(&q, 2), slice_make(NULL, 0), err) < 0)
            return -1;
    }
    return more;
}

static int heal_rows(struct healing *h, bool is_thorough, struct error *err)
{
    static const char *const always[] = { "window", "payload", "delivery" };
    static const char *const thorough[] = { "seen", "baseline", "output_total", "bad_row", "blob" };
    int64_t n = 0;

    if (is_thorough) {
        if (drop_unsound_named(h, "alert", &n, err) < 0)
            return -1;
        h->is_alert_lost |= n > 0;
        for (size_t i = 0; i < ARRAY_LEN(thorough); i++)
            if (drop_unsound_named(h, thorough[i], &n, err) < 0)
                return -1;
    }
    for (size_t i = 0; i < ARRAY_LEN(always); i++) {
        if (drop_unsound_named(h, always[i], &n, err) < 0)
            return -1;
        h->is_ledger_torn |= i == 0 && n > 0;
    }
    if (rebuild_deliveries(h, err) < 0 || rebuild_payloads(h, err) < 0)
        return -1;
    if (h->is_ledger_torn && fill_ledger(h->s, &h->windows, err) < 0)
        return -1;
    return h->is_alert_lost ? doubt_windows(h->s, &h->windows, err) : 0;
}

/* After a salvage that could not read everything: what is missing may have been a window or an alert. */
int store_heal_losses(struct store *s, struct error *err)
{
    struct healing h = { .s = s, .is_ledger_torn = true, .is_alert_lost = true };

    return heal_rows(&h, true, err);
}

int store_heal(struct store *s, bool is_thorough, struct error *err)
{
    /* A hole that a look found is a row that went without a trace. */
    struct healing h = { .s = s, .is_ledger_torn = is_thorough && store_has_file(s->dir, SUSPECT_FILE, "") };
    bool is_ours = false;
    int rc;

    if (store_txn_open(s, &is_ours, err) < 0)
        return -1;
    rc = heal_rows(&h, is_thorough, err);
    if (store_txn_close(s, is_ours, rc, err) < 0)
        return error_wrap(err, "repair of single rows");
    if (h.dropped > 0)
        store_note(s, "%lld damaged rows were taken out of the store in '%s', %lld rebuilt from copies",
                   (long long)h.dropped, s->dir, (long long)h.rebuilt);
    if (h.windows > 0)
        store_note(s, "%lld windows are read again", (long long)h.windows);
    return 0;
}
