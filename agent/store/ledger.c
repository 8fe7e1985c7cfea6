/* ledger.c - which intervals of each source were read, are to be read, are lost.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "store/inside.h"

#include <stdio.h>

#define WINDOW_COLUMNS 11
#define SEEN_MAX STORE_BLOB_MAX

const char *window_state_name(enum window_state s)
{
    static const char *const names[] = {
        [WINDOW_PENDING] = "pending",     [WINDOW_READING] = "reading", [WINDOW_CLOSED] = "closed",
        [WINDOW_RECHECKED] = "rechecked", [WINDOW_GAP] = "gap",
    };

    return (size_t)s < ARRAY_LEN(names) ? names[s] : "unknown";
}

bool window_says_the_same(const struct window *a, const struct window *b)
{
    return a->state == b->state && strcmp(a->reason, b->reason) == 0;
}

static int put_row(struct store *s, const struct window *w, struct error *err)
{
    static const char sql[] =
        "INSERT INTO window (source, from_ns, to_ns, state, is_backfill, attempts, rechecks, read_ns, records,"
        " observations, reason, crc) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT (source, from_ns) DO UPDATE SET to_ns = excluded.to_ns, state = excluded.state,"
        " is_backfill = excluded.is_backfill, attempts = excluded.attempts, rechecks = excluded.rechecks,"
        " read_ns = excluded.read_ns, records = excluded.records, observations = excluded.observations,"
        " reason = excluded.reason, crc = excluded.crc";
    CLEANUP(query_close) struct query q;

    if (query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_text(&q, w->source);
    query_add_i64(&q, w->from_ns);
    query_add_i64(&q, w->to_ns);
    query_add_i64(&q, w->state);
    query_add_i64(&q, w->is_backfill);
    query_add_i64(&q, w->attempts);
    query_add_i64(&q, w->rechecks);
    query_add_i64(&q, w->read_ns);
    query_add_i64(&q, w->records);
    query_add_i64(&q, w->observations);
    query_add_text(&q, w->reason);
    query_add_crc(&q);
    return query_run(&q, err);
}

static int drop_seen(struct store *s, const char *source, int64_t from_ns, struct error *err)
{
    static const char sql[] = "DELETE FROM seen WHERE source = ? AND from_ns = ?";
    CLEANUP(query_close) struct query q;

    if (query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_text(&q, source);
    query_add_i64(&q, from_ns);
    return query_run(&q, err);
}

/* A final window is not compared with anything any more. */
static bool is_final(const struct window *w)
{
    return w->state == WINDOW_RECHECKED || w->state == WINDOW_GAP;
}

int store_put_window_inside(struct store *s, const struct window *w, struct error *err)
{
    bool is_ours = false;
    int rc;

    if (!is_final(w))
        return put_row(s, w, err);
    if (store_txn_open(s, &is_ours, err) < 0)
        return -1;
    rc = put_row(s, w, err);
    if (rc == 0)
        rc = drop_seen(s, w->source, w->from_ns, err);
    return store_txn_close(s, is_ours, rc, err);
}

int store_put_window(struct store *s, const struct window *w, struct error *err)
{
    CLEANUP(store_leave) struct store *in = store_enter(s, err);

    if (!in)
        return -1;
    if (w->from_ns >= w->to_ns)
        return error_set(err, ERR_BUG, "an empty window of '%s'", w->source);
    return store_put_window_inside(s, w, err);
}

int store_put_seen(struct store *s, const struct window *w, struct slice seen, struct error *err)
{
    static const char sql[] =
        "INSERT INTO seen (source, from_ns, to_ns, value, crc) VALUES (?,?,?,?,?) ON CONFLICT (source, from_ns)"
        " DO UPDATE SET to_ns = excluded.to_ns, value = excluded.value, crc = excluded.crc";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };

    if (!in)
        return -1;
    if (seen.len > SEEN_MAX)
        return error_set(err, ERR_LIMIT, "what a window of '%s' holds takes %zu bytes, more than %u", w->source,
                         seen.len, SEEN_MAX);
    if (query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_text(&q, w->source);
    query_add_i64(&q, w->from_ns);
    query_add_i64(&q, w->to_ns);
    query_add_bytes(&q, seen);
    query_add_crc(&q);
    return query_run(&q, err);
}

/* Nothing is added to ret when the window has none, or another end than when it was read. */
int store_get_seen(struct store *s, const struct window *w, struct buf *ret, struct error *err)
{
    static const char sql[] = "SELECT source, from_ns, to_ns, value, crc FROM seen WHERE source = ? AND from_ns = ?";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    int found;

    if (!in || query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_text(&q, w->source);
    query_add_i64(&q, w->from_ns);
    found = query_step(&q, err);
    if (found < 0)
        return -1;
    if (found == 0 || query_i64(&q, 2) != w->to_ns)
        return 0;
    if (!query_row_is_sound(&q, 0, 4)) {
        s->is_suspect = s->must_reopen = true; /* opening again takes the row out: then there is none */
        return error_set(err, ERR_STATE, "what a window of '%s' was seen to hold is damaged", w->source);
    }
    buf_add_slice(ret, query_bytes(&q, 3));
    return buf_check(ret, err);
}

/* ---- walking ------------------------------------------------------------------------------------ */

static void window_of_row(const struct query *q, struct window *w)
{
    *w = (struct window){ 0 };
    query_text(q, 0, w->source, sizeof(w->source));
    w->from_ns = query_i64(q, 1);
    w->to_ns = query_i64(q, 2);
    w->state = (enum window_state)query_i64(q, 3);
    w->is_backfill = query_i64(q, 4) != 0;
    w->attempts = (int)query_i64(q, 5);
    w->rechecks = (int)query_i64(q, 6);
    w->read_ns = query_i64(q, 7);
    w->records = query_i64(q, 8);
    w->observations = query_i64(q, 9);
    query_text(q, 10, w->reason, sizeof(w->reason));
}

static int walk(struct query *q, int (*fn)(void *self, const struct window *w, struct error *err), void *self,
                struct error *err)
{
    int more;

    while ((more = query_step(q, err)) == 1) {
        struct window w;

        if (!query_row_is_sound(q, 0, WINDOW_COLUMNS)) {
            /* An interval whose state is not known must not be taken for read. */
            q->s->is_suspect = q->s->must_reopen = true;
            return error_set(err, ERR_STATE, "a row of the window ledger is damaged: it is repaired when the store "
                             "is opened again");
        }
        window_of_row(q, &w);
        if (fn(self, &w, err) < 0)
            return -1;
    }
    return more;
}

int store_each_window_inside(struct store *s, int (*fn)(void *self, const struct window *w, struct error *err),
                             void *self, struct error *err)
{
    static const char sql[] =
        "SELECT source, from_ns, to_ns, state, is_backfill, attempts, rechecks, read_ns, records, observations,"
        " reason, crc FROM window ORDER BY source, from_ns";
    CLEANUP(query_close) struct query q;

    if (query_open(&q, s, sql, err) < 0)
        return -1;
    return walk(&q, fn, self, err);
}

int store_each_window(struct store *s, const char *source, int64_t since_ns,
                      int (*fn)(void *self, const struct window *w, struct error *err), void *self,
                      struct error *err)
{
    static const char of_one[] =
        "SELECT source, from_ns, to_ns, state, is_backfill, attempts, rechecks, read_ns, records, observations,"
        " reason, crc FROM window WHERE source = ?2 AND from_ns >= ?1 ORDER BY from_ns";
    static const char of_all[] =
        "SELECT source, from_ns, to_ns, state, is_backfill, attempts, rechecks, read_ns, records, observations,"
        " reason, crc FROM window WHERE from_ns >= ?1 ORDER BY source, from_ns";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };

    if (!in || query_open(&q, s, source ? of_one : of_all, err) < 0)
        return -1;
    query_add_i64(&q, since_ns);
    if (source)
        query_add_text(&q, source);
    return walk(&q, fn, self, err);
}

struct joining {
    struct window_run run;
    bool (*joins)(const struct window *a, const struct window *b);
    int (*fn)(void *self, const struct window_run *r, struct error *err);
    void *self;
};

static int join(void *self, const struct window *w, struct error *err)
{
    struct joining *j = self;
    struct window *run = &j->run.w;

    if (j->run.windows > 0 && strcmp(run->source, w->source) == 0 && run->to_ns == w->from_ns &&
        run->is_backfill == w->is_backfill && j->joins(run, w)) {
        run->to_ns = w->to_ns;
        run->records = i64_add_sat(run->records, w->records);
        j->run.windows++;
        return 0;
    }
    if (j->run.windows > 0 && j->fn(j->self, &j->run, err) < 0)
        return -1;
    j->run = (struct window_run){ .w = *w, .windows = 1 };
    return 0;
}

int store_each_run(struct store *s, const char *source, int64_t since_ns,
                   bool (*joins)(const struct window *a, const struct window *b),
                   int (*fn)(void *self, const struct window_run *r, struct error *err), void *self, struct error *err)
{
    struct joining j = { .joins = joins, .fn = fn, .self = self };

    if (store_each_window(s, source, since_ns, join, &j, err) < 0)
        return -1;
    return j.run.windows > 0 ? fn(self, &j.run, err) : 0;
}

/* ---- compaction --------------------------------------------------------------------------------- */

struct compaction {
    struct store *s;
    int64_t before_ns;
    struct window run; /* what grows; source "" when there is none */
    int64_t parts;     /* windows in it */
};

static int write_run(struct compaction *c, struct error *err)
{
    static const char sql[] = "DELETE FROM window WHERE source = ? AND from_ns > ? AND from_ns < ?";
    CLEANUP(query_close) struct query q = { 0 };

    if (c->parts < 2)
        return 0;
    if (query_open(&q, c->s, sql, err) < 0)
        return -1;
    query_add_text(&q, c->run.source);
    query_add_i64(&q, c->run.from_ns);
    query_add_i64(&q, c->run.to_ns);
    if (query_run(&q, err) < 0)
        return -1;
    return store_put_window_inside(c->s, &c->run, err);
}

static bool continues_run(const struct compaction *c, const struct window *w)
{
    return c->parts > 0 && strcmp(c->run.source, w->source) == 0 && c->run.to_ns == w->from_ns &&
           c->run.is_backfill == w->is_backfill;
}

static int compact_one(void *self, const struct window *w, struct error *err)
{
    struct compaction *c = self;
    bool can_join = w->state == WINDOW_RECHECKED && w->to_ns <= c->before_ns;

    if (can_join && continues_run(c, w)) {
        c->run.to_ns = w->to_ns;
        c->run.records = i64_add_sat(c->run.records, w->records);
        c->run.observations = i64_add_sat(c->run.observations, w->observations);
        c->run.attempts = 0;
        c->run.reason[0] = '\0';
        if (w->read_ns > c->run.read_ns)
            c->run.read_ns = w->read_ns;
        if (w->rechecks > c->run.rechecks)
            c->run.rechecks = w->rechecks;
        c->parts++;
        return 0;
    }
    if (write_run(c, err) < 0)
        return -1;
    c->parts = can_join ? 1 : 0;
    c->run = *w;
    return 0;
}

int store_compact_ledger(struct store *s, int64_t before_ns, struct error *err)
{
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    struct compaction c = { .s = s, .before_ns = before_ns };
    bool is_ours = false;
    int rc;

    if (!in || store_txn_open(s, &is_ours, err) < 0)
        return -1;
    rc = store_each_window_inside(s, compact_one, &c, err);
    if (rc == 0)
        rc = write_run(&c, err);
    if (rc == 0)
        rc = store_exec(s, "PRAGMA incremental_vacuum(500)", err);
    return store_txn_close(s, is_ours, rc, err);
}
