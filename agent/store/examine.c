/* examine.c - is the store sound? Looks only, beside a running agent too: SQLite's own check, the checksum of every
 * row, alerts that can be read, a ledger without overlap or hole, nothing without its other half.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "base/buf.h"
#include "base/timeutil.h"
#include "store/inside.h"

#include <stdio.h>

#define COMPLAINTS_MAX 20 /* of SQLite: the first ones tell enough */
#define STEPS_PER_LOOK 20000

static const char repaired_at_start[] =
    "restart the agent: it repairs the store at its start, says what was lost and reads doubtful windows again; "
    "if it happens again, check the disk";
static const char told_only[] =
    "nothing is lost; rows in the overlap may have counted twice: please report it with `cosmowatch coverage`";
static const char tidied_by_compact[] = "nothing is lost; `cosmowatch store compact` clears it away";

struct examination {
    struct store *s;
    const struct store_examiner *to;
    bool is_damaged;
    int64_t steps;      /* of SQLite, while it goes through the pages */
    struct window last; /* of the walk over the ledger */
};

static int found(struct examination *x, const char *remedy, struct error *err, const char *fmt, ...) PRINTF_LIKE(4, 5);

static int found(struct examination *x, const char *remedy, struct error *err, const char *fmt, ...)
{
    char text[400];
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    x->is_damaged |= remedy == repaired_at_start;
    return x->to->found(x->to->self, text, remedy, err);
}

static void look_on(struct examination *x, const char *at, int64_t done)
{
    if (x->to->looking)
        x->to->looking(x->to->self, at, done);
}

/* ---- SQLite's view -------------------------------------------------------------------------------- */

static int on_steps(void *self)
{
    struct examination *x = self;

    x->steps += STEPS_PER_LOOK;
    look_on(x, "pages", x->steps);
    return 0;
}

static int look_at_pages(struct examination *x, struct error *err)
{
    static const char sql[] = "PRAGMA integrity_check(20)";
    CLEANUP(query_close) struct query q;
    int more, n = 0;

    if (query_open(&q, x->s, sql, err) < 0)
        return -1;
    sqlite3_progress_handler(x->s->db, STEPS_PER_LOOK, on_steps, x);
    while ((more = query_step(&q, err)) == 1 && n++ < COMPLAINTS_MAX) {
        char text[300];

        query_text(&q, 0, text, sizeof text);
        for (char *c = text; *c; c++) /* SQLite's text has several lines */
            if (*c == '\n')
                *c = ' ';
        if (sql_complaint_is_refusal(text))
            more = error_set(err, ERR_NOMEM, "no memory to look at the store in '%s'", x->s->dir);
        else if (strcmp(text, "ok") != 0 && found(x, repaired_at_start, err, "the file: %s", text) < 0)
            more = -1;
        if (more < 0)
            break;
    }
    sqlite3_progress_handler(x->s->db, 0, NULL, NULL);
    return more < 0 ? -1 : 0;
}

/* ---- rows ----------------------------------------------------------------------------------------- */

/* Does an alert's row hold the alert that it is filed under? SQLite's code. */
static int look_at_alert(sqlite3_stmt *row, int64_t *unreadable)
{
    const int id = 0, payload = 6;
    CLEANUP(alert_freep) struct alert *a = NULL;
    struct error why = { 0 };
    struct slice bytes = slice_make(sqlite3_column_blob(row, payload), (size_t)sqlite3_column_bytes(row, payload));
    const char *filed = (const char *)sqlite3_column_text(row, id);
    int rc = alert_load(bytes, &a, &why);

    if (!filed || (rc < 0 && why.code == ERR_NOMEM))
        return SQLITE_NOMEM;
    *unreadable += rc < 0 || strcmp(a->id, filed) != 0;
    return SQLITE_OK;
}

static int look_at_rows(struct examination *x, const struct store_table *t, struct error *err)
{
    char *text = sqlite3_mprintf("SELECT %s, crc FROM %s NOT INDEXED", t->columns, t->name);
    bool is_alert = strcmp(t->name, "alert") == 0;
    sqlite3_stmt *row = NULL;
    int64_t rows = 0, unsound = 0, unreadable = 0;
    int rc = text ? sqlite3_prepare_v2(x->s->db, text, -1, &row, NULL) : SQLITE_NOMEM;

    sqlite3_free(text);
    while (rc == SQLITE_OK && (rc = sqlite3_step(row)) == SQLITE_ROW) {
        rc = SQLITE_OK;
        look_on(x, t->name, ++rows);
        if (!stmt_row_is_sound(row, 0, t->n))
            unsound++;
        else if (is_alert)
            rc = look_at_alert(row, &unreadable);
    }
    (void)sqlite3_finalize(row);
    if (sql_is_damage(rc)) {
        if (found(x, repaired_at_start, err, "table %s: after %" PRId64 " rows it cannot be read on", t->name, rows) < 0)
            return -1;
    } else if (rc != SQLITE_DONE) {
        return store_sql_error(x->s, rc, err);
    }
    if (unsound > 0 &&
        found(x, repaired_at_start, err, "table %s: the checksum of %" PRId64 " rows is wrong", t->name, unsound) < 0)
        return -1;
    if (unreadable > 0 && found(x, "export them, and please report it: `cosmowatch store export`", err,
                                "table %s: %" PRId64 " alerts are sound and cannot be read", t->name, unreadable) < 0)
        return -1;
    return x->to->counted(x->to->self, t->name, rows, err);
}

/* ---- the ledger ----------------------------------------------------------------------------------- */

static int look_at_window(void *self, const struct window *w, struct error *err)
{
    struct examination *x = self;
    CLEANUP(buf_release) struct buf from = BUF_HERE(64), to = BUF_HERE(64);
    bool is_next = strcmp(x->last.source, w->source) == 0;
    int rc = 0;

    time_add_iso(&from, is_next ? x->last.to_ns : w->from_ns, 0);
    time_add_iso(&to, w->from_ns, 0);
    if (w->from_ns >= w->to_ns)
        rc = found(x, told_only, err, "ledger of %s: a window without length at %s", w->source, buf_cstr(&to));
    else if (is_next && x->last.to_ns > w->from_ns)
        rc = found(x, told_only, err, "ledger of %s: two windows overlap from %s to %s", w->source, buf_cstr(&to),
                   buf_cstr(&from));
    else if (is_next && x->last.to_ns < w->from_ns)
        rc = found(x, repaired_at_start, err, "ledger of %s: no window from %s to %s, so it was never read", w->source,
                   buf_cstr(&from), buf_cstr(&to));
    x->last = *w;
    return rc;
}

/* A damaged row ends the walk: it was counted already, and nothing can be said about what touches it. */
static int look_at_ledger(struct examination *x, struct error *err)
{
    bool must_reopen = x->s->must_reopen, is_suspect = x->s->is_suspect;
    struct error why = { 0 };

    if (store_each_window_inside(x->s, look_at_window, x, &why) == 0)
        return 0;
    if (why.code != ERR_STATE) {
        *err = why;
        return -1;
    }
    x->s->must_reopen = must_reopen;
    x->s->is_suspect = is_suspect;
    return 0;
}

/* ---- halves without the other ---------------------------------------------------------------------- */

static int look_at_pairs(struct examination *x, struct error *err)
{
    static const struct { const char *sql, *what, *remedy; } pairs[] = {
        { "SELECT count(*) FROM payload p LEFT JOIN delivery d ON d.seq = p.seq WHERE d.seq IS NULL",
          "alerts to be delivered are in no queue", repaired_at_start },
        { "SELECT count(*) FROM delivery d LEFT JOIN payload p ON p.seq = d.seq WHERE d.state IN (0, 1) AND p.seq IS NULL",
          "deliveries have nothing to send", repaired_at_start },
        { "SELECT count(*) FROM seen s LEFT JOIN window w ON w.source = s.source AND w.from_ns = s.from_ns"
          " WHERE w.source IS NULL", "lists of what a window held belong to no window", tidied_by_compact },
    };

    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        CLEANUP(query_close) struct query q;
        int64_t n;

        if (query_open(&q, x->s, pairs[i].sql, err) < 0 || query_step(&q, err) != 1)
            return -1;
        n = query_i64(&q, 0);
        if (n > 0 && found(x, pairs[i].remedy, err, "%" PRId64 " %s", n, pairs[i].what) < 0)
            return -1;
    }
    return 0;
}

static int look_at_all(struct examination *x, struct error *err)
{
    if (look_at_pages(x, err) < 0)
        return -1;
    for (size_t i = 0; i < store_tables_len; i++)
        if (look_at_rows(x, &store_tables[i], err) < 0)
            return -1;
    if (x->is_damaged) /* what is missing would be told a second time */
        return 0;
    return look_at_ledger(x, err) < 0 || look_at_pairs(x, err) < 0 ? -1 : 0;
}

int store_examine(struct store *s, const struct store_examiner *to, struct error *err)
{
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    struct examination x = { .s = s, .to = to };
    int rc;

    if (!in || store_exec(s, "BEGIN", err) < 0)
        return -1;
    rc = look_at_all(&x, err);
    (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL); /* nothing was changed */
    /* A large store is not gone through at every start: ask for it. */
    if (x.is_damaged && store_mark_suspect(s, true, err) < 0)
        return -1;
    return rc;
}
