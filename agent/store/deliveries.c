/* deliveries.c - what each output still owes, what it refused, what it took.
 *
 * A delivery is a small row that changes with every attempt and, until it is done, a payload with the
 * snapshot to send. Accepted and dropped ones keep the small row until their alert is forgotten: that is
 * what makes store_add_delivery idempotent when a window is read again.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/num.h"
#include "store/inside.h"

#include <stdio.h>

#define DELIVERY_COLUMNS 9

struct delivery_state { /* the small row */
    int64_t seq;
    char output[64], alert_id[37], record_id[64];
    int64_t state, attempts, first_try_ns, last_try_ns, alert_last_ns;
    char reason[200];
};

static int add_row(struct store *s, const struct delivery_state *d, int *ret_added, struct error *err)
{
    static const char sql[] =
        "INSERT OR IGNORE INTO delivery (output, alert_id, record_id, state, attempts, first_try_ns, last_try_ns,"
        " alert_last_ns, reason, crc, seq) VALUES (?,?,?,?,?,?,?,?,?,?,?)";
    static const char change[] =
        "UPDATE delivery SET output = ?, alert_id = ?, record_id = ?, state = ?, attempts = ?, first_try_ns = ?,"
        " last_try_ns = ?, alert_last_ns = ?, reason = ?, crc = ? WHERE seq = ?";
    bool is_new = ret_added != NULL;
    CLEANUP(query_close) struct query q;

    if (query_open(&q, s, is_new ? sql : change, err) < 0)
        return -1;
    query_add_text(&q, d->output);
    query_add_text(&q, d->alert_id);
    query_add_text(&q, d->record_id);
    query_add_i64(&q, d->state);
    query_add_i64(&q, d->attempts);
    query_add_i64(&q, d->first_try_ns);
    query_add_i64(&q, d->last_try_ns);
    query_add_i64(&q, d->alert_last_ns);
    query_add_text(&q, d->reason);
    query_add_crc(&q);
    if (d->seq > 0)
        query_add_i64(&q, d->seq);
    else
        query_add_null(&q); /* the next number */
    if (query_run(&q, err) < 0)
        return -1;
    if (is_new)
        *ret_added = sqlite3_changes(s->db);
    return 0;
}

static void read_row(const struct query *q, struct delivery_state *d)
{
    query_text(q, 0, d->output, sizeof(d->output));
    query_text(q, 1, d->alert_id, sizeof(d->alert_id));
    query_text(q, 2, d->record_id, sizeof(d->record_id));
    d->state = query_i64(q, 3);
    d->attempts = query_i64(q, 4);
    d->first_try_ns = query_i64(q, 5);
    d->last_try_ns = query_i64(q, 6);
    d->alert_last_ns = query_i64(q, 7);
    query_text(q, 8, d->reason, sizeof(d->reason));
}

int store_put_payload(struct store *s, int64_t seq, const char *output, struct slice alert, struct slice refused,
                      struct error *err)
{
    static const char sql[] =
        "INSERT INTO payload (seq, output, alert, refused, crc) VALUES (?,?,?,?,?) ON CONFLICT (seq)"
        " DO UPDATE SET output = excluded.output, alert = excluded.alert, refused = excluded.refused,"
        " crc = excluded.crc";
    CLEANUP(query_close) struct query q;

    if (query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_i64(&q, seq);
    query_add_text(&q, output);
    query_add_bytes(&q, alert);
    query_add_bytes(&q, refused);
    query_add_crc(&q);
    return query_run(&q, err);
}

static void state_of_alert(struct delivery_state *d, const char *output, const struct alert *a)
{
    *d = (struct delivery_state){ .state = STATE_PENDING, .alert_last_ns = a->last_ns };
    (void)snprintf(d->output, sizeof(d->output), "%s", output);
    (void)snprintf(d->alert_id, sizeof(d->alert_id), "%s", a->id);
    (void)snprintf(d->record_id, sizeof(d->record_id), "%s", a->record_id);
}

int store_rebuild_delivery(struct store *s, int64_t seq, const char *output, const struct alert *a,
                           bool is_parked, struct error *err)
{
    struct delivery_state d;
    int added = 0;

    state_of_alert(&d, output, a);
    d.seq = seq;
    if (is_parked) {
        d.state = STATE_PARKED;
        (void)snprintf(d.reason, sizeof(d.reason), "refused; the reason was lost with a damaged row");
    }
    return add_row(s, &d, &added, err);
}

int store_add_delivery(struct store *s, const char *output, const struct alert *a, struct error *err)
{
    bool is_new = false;

    return store_offer(s, output, a, &is_new, err);
}

int store_offer(struct store *s, const char *output, const struct alert *a, bool *ret_new, struct error *err)
{
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(buf_release) struct buf payload = BUF_INIT(STORE_ALERT_MAX);
    struct delivery_state d;
    bool is_ours = false;
    int rc, added = 0;

    if (!in)
        return -1;
    if (alert_save(a, &payload, err) < 0)
        return error_wrap(err, "alert %s", a->id);
    state_of_alert(&d, output, a);
    if (store_txn_open(s, &is_ours, err) < 0)
        return -1;
    rc = add_row(s, &d, &added, err);
    if (rc == 0 && added > 0)
        rc = store_put_payload(s, sqlite3_last_insert_rowid(s->db), output, buf_slice(&payload),
                               slice_make(NULL, 0), err);
    *ret_new = added > 0;
    return store_txn_close(s, is_ours, rc, err);
}

/* ---- taking ------------------------------------------------------------------------------------- */

void delivery_row_release(struct delivery_row *r)
{
    alert_freep(&r->alert);
    buf_release(&r->refused);
}

/* Columns: the row, its crc, seq, alert, refused. False when something of it is damaged (ERR_STATE), or sound and yet not for
 * this release to read, which has gone back from a later one (ERR_INPUT). */
static bool row_of_query(const struct query *q, struct delivery_row *ret, struct error *err)
{
    struct delivery_state d;

    if (!query_row_is_sound(q, 0, DELIVERY_COLUMNS) || query_is_null(q, 11)) {
        (void)error_set(err, ERR_STATE, "a delivery's row is damaged");
        return false;
    }
    if (!query_row_is_sound(q, 10, 4)) {
        (void)error_set(err, ERR_STATE, "a delivery's payload is damaged");
        return false;
    }
    read_row(q, &d);
    *ret = (struct delivery_row){ .seq = query_i64(q, 10), .attempts = (int)d.attempts,
                                  .first_try_ns = d.first_try_ns, .last_try_ns = d.last_try_ns,
                                  .is_parked = d.state == STATE_PARKED, .refused = BUF_INIT(STORE_REFUSED_MAX) };
    (void)snprintf(ret->output, sizeof(ret->output), "%s", d.output);
    (void)snprintf(ret->alert_id, sizeof(ret->alert_id), "%s", d.alert_id);
    (void)snprintf(ret->record_id, sizeof(ret->record_id), "%s", d.record_id);
    (void)snprintf(ret->reason, sizeof(ret->reason), "%s", d.reason);
    buf_add_slice(&ret->refused, query_bytes(q, 13));
    if (alert_load(query_bytes(q, 12), &ret->alert, err) == 0 && buf_check(&ret->refused, err) == 0)
        return true;
    delivery_row_release(ret);
    if (err->code == ERR_STATE)
        err->code = ERR_INPUT;
    return false;
}

int store_take(struct store *s, const char *output, size_t max, struct delivery_row *ret, size_t *ret_n,
               struct error *err)
{
    static const char sql[] =
        "SELECT d.output, d.alert_id, d.record_id, d.state, d.attempts, d.first_try_ns, d.last_try_ns,"
        " d.alert_last_ns, d.reason, d.crc, d.seq, p.output, p.alert, p.refused, p.crc FROM delivery d"
        " LEFT JOIN payload p ON p.seq = d.seq WHERE d.state = 0 AND d.output = ?1 ORDER BY d.seq";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    size_t n = 0;
    int more = 1;

    if (!in || query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_text(&q, output);
    while (n < max && (more = query_step(&q, err)) == 1) {
        struct error why = { 0 };

        if (row_of_query(&q, &ret[n], &why)) {
            n++;
            continue;
        }
        if (why.code == ERR_INPUT) {
            log_event(LOG_LEVEL_WARN, "store", "an alert that is to be delivered waits for a release that knows it", "output",
                      output, "why", why.msg, NULL);
            continue;
        }
        *err = why;
        more = -1;
        /* Opening again goes through every row and rebuilds this one from its twins. */
        if (err->code == ERR_STATE)
            s->is_suspect = s->must_reopen = true;
        break;
    }
    if (more < 0) {
        while (n > 0)
            delivery_row_release(&ret[--n]);
        return -1;
    }
    *ret_n = n;
    return 0;
}

/* ---- settling ----------------------------------------------------------------------------------- */

static int count_total(struct store *s, const char *output, int64_t accepted, int64_t dropped, struct error *err)
{
    static const char look[] = "SELECT output, accepted, dropped, crc FROM output_total WHERE output = ?";
    static const char put[] = "INSERT OR REPLACE INTO output_total (output, accepted, dropped, crc) VALUES (?,?,?,?)";
    CLEANUP(query_close) struct query old = { 0 };
    CLEANUP(query_close) struct query q = { 0 };
    int found;

    if (query_open(&old, s, look, err) < 0)
        return -1;
    query_add_text(&old, output);
    found = query_step(&old, err);
    if (found < 0)
        return -1;
    if (found == 1 && query_row_is_sound(&old, 0, 3)) {
        accepted = i64_add_sat(accepted, query_i64(&old, 1));
        dropped = i64_add_sat(dropped, query_i64(&old, 2));
    }
    query_close(&old);
    if (query_open(&q, s, put, err) < 0)
        return -1;
    query_add_text(&q, output);
    query_add_i64(&q, accepted);
    query_add_i64(&q, dropped);
    query_add_crc(&q);
    return query_run(&q, err);
}

/* 1: found, 0: gone, -1. With the payload's alert in ret_alert when asked for. */
static int get_state(struct store *s, int64_t seq, struct delivery_state *ret, struct buf *ret_alert,
                     struct error *err)
{
    static const char sql[] =
        "SELECT d.output, d.alert_id, d.record_id, d.state, d.attempts, d.first_try_ns, d.last_try_ns,"
        " d.alert_last_ns, d.reason, d.crc, p.alert FROM delivery d LEFT JOIN payload p ON p.seq = d.seq"
        " WHERE d.seq = ?";
    /* Most settle without a look at what was sent. */
    static const char bare[] =
        "SELECT output, alert_id, record_id, state, attempts, first_try_ns, last_try_ns, alert_last_ns, reason"
        " FROM delivery WHERE seq = ?";
    CLEANUP(query_close) struct query q = { 0 };
    int found;

    if (query_open(&q, s, ret_alert ? sql : bare, err) < 0)
        return -1;
    query_add_i64(&q, seq);
    found = query_step(&q, err);
    if (found != 1)
        return found;
    read_row(&q, ret);
    ret->seq = seq;
    if (ret_alert)
        buf_add_slice(ret_alert, query_bytes(&q, 10));
    return ret_alert && buf_check(ret_alert, err) < 0 ? -1 : 1;
}

static int drop_payload(struct store *s, int64_t seq, struct error *err)
{
    static const char sql[] = "DELETE FROM payload WHERE seq = ?";
    CLEANUP(query_close) struct query q;

    if (query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_i64(&q, seq);
    return query_run(&q, err);
}

static int settle_parked(struct store *s, const struct delivery_state *d, struct slice alert, struct slice refused,
                         struct error *err)
{
    int rc;

    FAULT_POINT("park.before");
    if (refused.len > STORE_REFUSED_MAX)
        refused.len = STORE_REFUSED_MAX;
    rc = store_put_payload(s, d->seq, d->output, alert, refused, err);
    FAULT_POINT("park.after");
    return rc;
}

static int settle_one(struct store *s, const struct settlement *what, struct error *err)
{
    CLEANUP(buf_release) struct buf alert = BUF_INIT(STORE_ALERT_MAX);
    struct delivery_state d;
    int found = get_state(s, what->seq, &d, what->what == SETTLE_PARKED ? &alert : NULL, err);

    /* Gone or done: repaired, dropped by the operator, or settled before a commit that seemed to fail. */
    if (found != 1 || d.state == STATE_ACCEPTED || d.state == STATE_DROPPED)
        return found < 0 ? -1 : 0;
    d.attempts++;
    d.last_try_ns = what->now_ns;
    if (d.first_try_ns == 0)
        d.first_try_ns = what->now_ns;
    (void)snprintf(d.reason, sizeof(d.reason), "%s", what->reason ? what->reason : "");
    switch (what->what) {
    case SETTLE_TRIED:
        break;
    case SETTLE_ACCEPTED:
        d.state = STATE_ACCEPTED;
        if (drop_payload(s, d.seq, err) < 0 || count_total(s, d.output, 1, 0, err) < 0)
            return -1;
        break;
    case SETTLE_PARKED:
        d.state = STATE_PARKED;
        if (settle_parked(s, &d, buf_slice(&alert), what->refused, err) < 0)
            return -1;
        break;
    }
    return add_row(s, &d, NULL, err);
}

int store_settle(struct store *s, const struct settlement *each, size_t n, struct error *err)
{
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    bool is_ours = false;
    int rc = 0;

    if (!in || store_txn_open(s, &is_ours, err) < 0)
        return -1;
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = settle_one(s, &each[i], err);
    return store_txn_close(s, is_ours, rc, err);
}

/* ---- looking ------------------------------------------------------------------------------------ */

int store_count_output(struct store *s, const char *output, struct output_counts *ret, struct error *err)
{
    static const char pending[] = "SELECT count(*) FROM delivery WHERE state = 0 AND output = ?";
    static const char parked[] = "SELECT count(*) FROM delivery WHERE state = 1 AND output = ?";
    static const char accepted[] = "SELECT coalesce(sum(accepted), 0) FROM output_total WHERE output = ?";
    static const char dropped[] = "SELECT coalesce(sum(dropped), 0) FROM output_total WHERE output = ?";
    static const char oldest[] =
        "SELECT alert_last_ns FROM delivery WHERE state = 0 AND output = ? ORDER BY seq LIMIT 1";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    struct output_counts c = { 0 };
    const struct { const char *sql; int64_t *to; } each[] = {
        { .sql = pending, .to = &c.pending }, { .sql = parked, .to = &c.parked },
        { .sql = accepted, .to = &c.accepted }, { .sql = dropped, .to = &c.dropped },
        { .sql = oldest, .to = &c.oldest_pending_ns },
    };

    if (!in)
        return -1;
    for (size_t i = 0; i < ARRAY_LEN(each); i++) {
        CLEANUP(query_close) struct query q;
        int found;

        if (query_open(&q, s, each[i].sql, err) < 0)
            return -1;
        query_add_text(&q, output);
        found = query_step(&q, err);
        if (found < 0)
            return -1;
        if (found == 1)
            *each[i].to = query_i64(&q, 0);
    }
    *ret = c;
    return 0;
}

int store_each_output(struct store *s, int (*fn)(void *self, const char *output, const struct output_counts *counts,
                                                 struct error *err), void *self, struct error *err)
{
    static const char sql[] = "SELECT output FROM output_total UNION SELECT output FROM delivery WHERE state = 0"
                              " UNION SELECT output FROM delivery WHERE state = 1 ORDER BY 1";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    int more;

    if (!in || query_open(&q, s, sql, err) < 0)
        return -1;
    while ((more = query_step(&q, err)) == 1) {
        struct output_counts counts = { 0 };
        char output[64];

        query_text(&q, 0, output, sizeof output);
        if (store_count_output(s, output, &counts, err) < 0 || fn(self, output, &counts, err) < 0)
            return -1;
    }
    return more;
}

int store_each_output_between(struct store *s, int64_t from_ns, int64_t to_ns,
                              int (*fn)(void *self, const char *output, const struct output_counts *counts, struct error *err),
                              void *self, struct error *err)
{
    static const char sql[] =
        "SELECT output, sum(state = 0), sum(state = 1), sum(state = 2), sum(state = 3) FROM delivery"
        " WHERE alert_last_ns >= ? AND alert_last_ns <= ? GROUP BY output ORDER BY output";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    int more;

    if (!in || query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_i64(&q, from_ns);
    query_add_i64(&q, to_ns);
    while ((more = query_step(&q, err)) == 1) {
        const struct output_counts counts = { .pending = query_i64(&q, 1), .parked = query_i64(&q, 2),
                                              .accepted = query_i64(&q, 3), .dropped = query_i64(&q, 4) };
        char output[64];

        query_text(&q, 0, output, sizeof output);
        if (fn(self, output, &counts, err) < 0)
            return -1;
    }
    return more;
}

int store_each_parked(struct store *s, const char *output,
                      int (*fn)(void *self, const struct delivery_row *r, struct error *err), void *self,
                      struct error *err)
{
    static const char sql[] =
        "SELECT d.output, d.alert_id, d.record_id, d.state, d.attempts, d.first_try_ns, d.last_try_ns,"
        " d.alert_last_ns, d.reason, d.crc, d.seq, p.output, p.alert, p.refused, p.crc FROM delivery d"
        " LEFT JOIN payload p ON p.seq = d.seq WHERE d.state = 1 AND (?1 IS NULL OR d.output = ?1)"
        " ORDER BY d.output, d.seq";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    int more;

    if (!in || query_open(&q, s, sql, err) < 0)
        return -1;
    if (output)
        query_add_text(&q, output);
    else
        query_add_null(&q);
    while ((more = query_step(&q, err)) == 1) {
        CLEANUP(delivery_row_release) struct delivery_row row = { 0 };
        struct error why = { 0 };

        if (!row_of_query(&q, &row, &why)) {
            if (why.code == ERR_NOMEM) {
                *err = why;
                return -1;
            }
            log_event(LOG_LEVEL_WARN, "store", "a parked delivery cannot be read and is left out", "why", why.msg,
                      NULL);
            continue;
        }
        if (fn(self, &row, err) < 0)
            return -1;
    }
    return more;
}

/* ---- what the operator decides, and what a full queue does ------------------------------------------ */

struct seq_list {
    int64_t *seqs;
    size_t n;
};

static void seq_list_release(struct seq_list *l)
{
    sqlite3_free(l->seqs);
}

/* Deliveries of an output that a move is about; the query names its columns ?1 to ?3. */
struct which {
    const char *sql, *output, *record_id; /* NULL: all */
    int64_t keep;
};

static const char parked_sql[] = "SELECT seq FROM delivery WHERE state = 1 AND output = ?1"
                                 " AND (?2 IS NULL OR record_id = ?2) AND ?3 >= 0 ORDER BY seq";
static const char unfinished_sql[] = "SELECT seq FROM delivery WHERE state IN (0, 1) AND output = ?1"
                                     " AND ?2 IS NULL AND ?3 >= 0 ORDER BY seq";
/* All pending ones but the newest. */
static const char surplus_sql[] = "SELECT seq FROM delivery WHERE state = 0 AND output = ?1 AND ?2 IS NULL"
                                  " ORDER BY seq DESC LIMIT -1 OFFSET ?3";

static int list_seqs(struct store *s, const struct which *which, struct seq_list *ret, struct error *err)
{
    CLEANUP(query_close) struct query q;
    size_t room = 0;
    int more;

    if (query_open(&q, s, which->sql, err) < 0)
        return -1;
    query_add_text(&q, which->output);
    if (which->record_id)
        query_add_text(&q, which->record_id);
    else
        query_add_null(&q);
    query_add_i64(&q, which->keep);
    while ((more = query_step(&q, err)) == 1) {
        if (ret->n == room) {
            int64_t *bigger = sqlite3_realloc64(ret->seqs, (room + 256) * 2 * sizeof(*bigger));

            if (!bigger)
                return error_set(err, ERR_NOMEM, "the deliveries of '%s'", which->output);
            ret->seqs = bigger;
            room = (room + 256) * 2;
        }
        ret->seqs[ret->n++] = query_i64(&q, 0);
    }
    return more;
}

/* Where deliveries go, and the words that go with them. */
struct move {
    int64_t to; /* STATE_PENDING, STATE_PARKED or STATE_DROPPED */
    const char *reason; /* of parking */
    int64_t now_ns;
};

static int move_one(struct store *s, int64_t seq, const struct move *m, struct error *err)
{
    CLEANUP(buf_release) struct buf alert = BUF_INIT(STORE_ALERT_MAX);
    struct delivery_state d;
    int rc = get_state(s, seq, &d, &alert, err);

    if (rc != 1)
        return rc;
    d.state = m->to;
    if (m->to == STATE_PARKED) {
        d.last_try_ns = m->now_ns;
        (void)snprintf(d.reason, sizeof d.reason, "%s", m->reason);
    }
    rc = m->to == STATE_DROPPED
             ? drop_payload(s, d.seq, err)
             : store_put_payload(s, d.seq, d.output, buf_slice(&alert), slice_make(NULL, 0), err);
    return rc < 0 ? -1 : add_row(s, &d, NULL, err);
}

static int move_all(struct store *s, const struct which *which, const struct move *m, int64_t *ret_n, struct error *err)
{
    CLEANUP(seq_list_release) struct seq_list list = { 0 };

    if (list_seqs(s, which, &list, err) < 0)
        return -1;
    for (size_t i = 0; i < list.n; i++)
        if (move_one(s, list.seqs[i], m, err) < 0)
            return -1;
    *ret_n = (int64_t)list.n;
    return m->to == STATE_DROPPED && list.n > 0 ? count_total(s, which->output, 0, *ret_n, err) : 0;
}

static int move_in_txn(struct store *s, const struct which *which, const struct move *m, int64_t *ret_n,
                       struct error *err)
{
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    bool is_ours = false;
    int64_t n = 0;
    int rc;

    if (!in || store_txn_open(s, &is_ours, err) < 0)
        return -1;
    rc = move_all(s, which, m, &n, err);
    if (store_txn_close(s, is_ours, rc, err) < 0)
        return -1;
    *ret_n = n;
    return 0;
}

int store_retry_parked(struct store *s, const char *output, const char *record_id, int64_t *ret_n,
                       struct error *err)
{
    return move_in_txn(s, &(struct which){ .sql = parked_sql, .output = output, .record_id = record_id },
                       &(struct move){ .to = STATE_PENDING }, ret_n, err);
}

int store_drop_parked(struct store *s, const char *output, const char *record_id, int64_t *ret_n,
                      struct error *err)
{
    return move_in_txn(s, &(struct which){ .sql = parked_sql, .output = output, .record_id = record_id },
                       &(struct move){ .to = STATE_DROPPED }, ret_n, err);
}

int store_drop_output(struct store *s, const char *output, int64_t *ret_n, struct error *err)
{
    return move_in_txn(s, &(struct which){ .sql = unfinished_sql, .output = output },
                       &(struct move){ .to = STATE_DROPPED }, ret_n, err);
}

int store_park_surplus(struct store *s, const char *output, int64_t keep, const char *reason, int64_t now_ns,
                       int64_t *ret_n, struct error *err)
{
    return move_in_txn(s, &(struct which){ .sql = surplus_sql, .output = output, .keep = keep },
                       &(struct move){ .to = STATE_PARKED, .reason = reason, .now_ns = now_ns }, ret_n, err);
}

int store_each_delivery_of(struct store *s, const char *alert_id,
                           int (*fn)(void *self, const char *output, const char *record_id, const char *state,
                                     int attempts, const char *reason),
                           void *self, struct error *err)
{
    static const char *const states[] = { [STATE_PENDING] = "pending", [STATE_PARKED] = "parked",
                                          [STATE_ACCEPTED] = "accepted", [STATE_DROPPED] = "dropped" };
    static const char sql[] =
        "SELECT output, alert_id, record_id, state, attempts, first_try_ns, last_try_ns, alert_last_ns, reason"
        " FROM delivery WHERE alert_id = ? ORDER BY seq";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    int more;

    if (!in || query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_text(&q, alert_id);
    while ((more = query_step(&q, err)) == 1) {
        struct delivery_state d;
        const char *state;

        read_row(&q, &d);
        state = d.state >= 0 && (size_t)d.state < ARRAY_LEN(states) ? states[d.state] : "unknown";
        if (fn(self, d.output, d.record_id, state, (int)d.attempts, d.reason) < 0)
            break; /* enough seen; fn has no error to give */
    }
    return more < 0 ? -1 : 0;
}
