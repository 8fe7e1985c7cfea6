/* alerts.c - the newest version of each alert.
 *
 * A row that is damaged is left out of a list and is "not found" when asked for by id: the flow then
 * begins the alert anew under the same id. store_heal takes such rows out at the next start.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/log.h"
#include "store/inside.h"

#include <ctype.h>
#include <stdio.h>

#define ALERT_COLUMNS 7
#define FORGET_AT_ONCE 500

int store_put_alert(struct store *s, const struct alert *a, struct error *err)
{
    static const char sql[] =
        "INSERT INTO alert (id, type, account, severity, last_ns, is_final, payload, crc) VALUES (?,?,?,?,?,?,?,?)"
        " ON CONFLICT (id) DO UPDATE SET type = excluded.type, account = excluded.account,"
        " severity = excluded.severity, last_ns = excluded.last_ns, is_final = excluded.is_final,"
        " payload = excluded.payload, crc = excluded.crc";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(buf_release) struct buf payload = BUF_INIT(STORE_ALERT_MAX);
    CLEANUP(query_close) struct query q = { 0 };

    if (!in)
        return -1;
    if (alert_save(a, &payload, err) < 0)
        return error_wrap(err, "alert %s", a->id);
    if (query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_text(&q, a->id);
    query_add_text(&q, a->type->id);
    query_add_text(&q, a->account);
    query_add_i64(&q, a->severity);
    query_add_i64(&q, a->last_ns);
    query_add_i64(&q, a->is_final);
    query_add_bytes(&q, buf_slice(&payload));
    query_add_crc(&q);
    return query_run(&q, err);
}

/* 1: loaded, 0: damaged (counted, told), -1: memory. */
static int load_row(const struct query *q, struct alert **ret, struct error *err)
{
    struct error why = { 0 };

    if (!query_row_is_sound(q, 0, ALERT_COLUMNS))
        (void)error_set(&why, ERR_STATE, "checksum");
    else if (alert_load(query_bytes(q, 6), ret, &why) == 0)
        return 1;
    if (why.code == ERR_NOMEM) {
        *err = why;
        return -1;
    }
    log_event(LOG_LEVEL_WARN, "store", "a stored alert cannot be read and is left out", "why", why.msg, NULL);
    return 0;
}

static bool is_id_prefix(const char *id)
{
    size_t n = 0;

    for (; id[n]; n++)
        if (!isxdigit((unsigned char)id[n]) && id[n] != '-')
            return false;
    return n >= 4 && n <= 36;
}

int store_get_alert(struct store *s, const char *id, struct alert **ret, struct error *err)
{
    /* 'g' sorts after every hexadecimal digit and '-'. */
    static const char sql[] =
        "SELECT id, type, account, severity, last_ns, is_final, payload, crc FROM alert"
        " WHERE id >= ?1 AND id < ?1 || 'g' ORDER BY id LIMIT 2";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(alert_freep) struct alert *a = NULL;
    CLEANUP(query_close) struct query q = { 0 };
    char lower[40];
    size_t n = 0;
    int found;

    if (!in)
        return -1;
    if (!is_id_prefix(id))
        return error_set(err, ERR_INPUT, "'%.40s' is not an alert id: give 4 to 36 hexadecimal digits", id);
    for (; id[n]; n++)
        lower[n] = (char)tolower((unsigned char)id[n]);
    lower[n] = '\0';
    if (query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_text(&q, lower);
    found = query_step(&q, err);
    if (found == 1)
        found = load_row(&q, &a, err);
    if (found < 0)
        return -1;
    if (found == 0)
        return error_set(err, ERR_NOT_FOUND, "there is no alert '%s'", lower);
    found = query_step(&q, err);
    if (found == 1)
        return error_set(err, ERR_INPUT, "more than one alert begins with '%s'", lower);
    if (found == 0)
        *ret = TAKE(a);
    return found;
}

#define IS_SUPPRESSED                                                                                          \
    "CASE WHEN json_valid(CAST(payload AS TEXT)) THEN json_extract(CAST(payload AS TEXT), '$.suppressed') ELSE 0 END"

/* Both ends of the time stand bare, so that the index of times gives both and an early page reads only its rows. */
#define EACH_ALERT(more)                                                                                       \
    "SELECT id, type, account, severity, last_ns, is_final, payload, crc FROM alert"                           \
    " WHERE " more "last_ns >= ?1 AND last_ns <= ?2 AND severity >= ?3 AND (?4 IS NULL OR type = ?4)"          \
    " AND (?5 IS NULL OR account IN (?5, '')) AND (?6 IS NULL OR instr(?6, ',' || type || ',') > 0)"           \
    " AND (?7 IS NULL OR last_ns < ?2 OR id > ?7)"                                                             \
    " AND CASE ?8 WHEN 0 THEN 1"                                                                               \
    " WHEN 1 THEN EXISTS (SELECT 1 FROM delivery d WHERE d.alert_id = alert.id AND d.state = 0)"               \
    " WHEN 2 THEN EXISTS (SELECT 1 FROM delivery d WHERE d.alert_id = alert.id AND d.state = 1)"               \
    " WHEN 3 THEN EXISTS (SELECT 1 FROM delivery d WHERE d.alert_id = alert.id AND d.state = 2)"               \
    " WHEN 4 THEN NOT EXISTS (SELECT 1 FROM delivery d WHERE d.alert_id = alert.id)"                           \
    " ELSE " IS_SUPPRESSED " END"

static void add_text_or_null(struct query *q, const char *text)
{
    if (text)
        query_add_text(q, text);
    else
        query_add_null(q);
}

/* What the query could not ask: an alert over several accounts names them inside. */
static bool is_wanted(const struct alert_filter *f, const struct alert *a)
{
    return !f->account || alert_is_about(a, f->account);
}

int store_each_alert(struct store *s, const struct alert_filter *f,
                     int (*fn)(void *self, const struct alert *a, struct error *err), void *self,
                     struct error *err)
{
    static const char sql[] = EACH_ALERT("") " ORDER BY last_ns DESC, id";
    static const char oldest_first_sql[] = EACH_ALERT("") " ORDER BY last_ns, id";
    /* The partial index of open alerts is used only when the condition stands in the text. */
    static const char open_sql[] = EACH_ALERT("is_final = 0 AND ") " ORDER BY last_ns DESC, id";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    size_t shown = 0;
    int more, said = 0;

    if (!in || query_open(&q, s, f->oldest_first ? oldest_first_sql : f->only_open ? open_sql : sql, err) < 0)
        return -1;
    query_add_i64(&q, f->since_ns);
    query_add_i64(&q, f->until_ns ? f->until_ns : INT64_MAX);
    query_add_i64(&q, f->min_severity);
    add_text_or_null(&q, f->type);
    add_text_or_null(&q, f->account);
    add_text_or_null(&q, f->types);
    add_text_or_null(&q, f->after_id);
    query_add_i64(&q, f->told);
    while (said == 0 && (f->limit == 0 || shown < f->limit) && (more = query_step(&q, err)) != 0) {
        CLEANUP(alert_freep) struct alert *a = NULL;
        int loaded = more < 0 ? -1 : load_row(&q, &a, err);

        if (loaded < 0)
            return -1;
        if (loaded == 0 || !is_wanted(f, a) || (f->only_open && a->is_final))
            continue;
        said = fn(self, a, err);
        shown++;
    }
    return said < 0 ? -1 : 0;
}

int store_tally_alerts(struct store *s, int64_t since_ns,
                       int (*fn)(void *self, const struct alert_tally *t, struct error *err), void *self,
                       struct error *err)
{
    static const char sql[] =
        "SELECT last_ns / 86400000000000, type, severity, " IS_SUPPRESSED " AS quiet, count(*) FROM alert"
        " WHERE last_ns >= ? GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4";
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };
    int more;

    if (!in || query_open(&q, s, sql, err) < 0)
        return -1;
    query_add_i64(&q, since_ns);
    while ((more = query_step(&q, err)) == 1) {
        char type[128];
        const struct alert_tally t = { .day_ns = query_i64(&q, 0) * NS_PER_DAY, .type = type,
                                       .severity = (int)query_i64(&q, 2), .is_suppressed = query_i64(&q, 3) != 0,
                                       .n = query_i64(&q, 4) };

        query_text(&q, 1, type, sizeof type);
        if (fn(self, &t, err) < 0)
            return -1;
    }
    return more;
}

int store_count_alerts(struct store *s, int64_t since_ns, int64_t until_ns, int64_t *ret, struct error *err)
{
    CLEANUP(store_leave) struct store *in = store_enter(s, err);
    CLEANUP(query_close) struct query q = { 0 };

    if (!in || query_open(&q, s, "SELECT count(*) FROM alert WHERE last_ns >= ? AND last_ns <= ?", err) < 0)
        return -1;
    query_add_i64(&q, since_ns);
    query_add_i64(&q, until_ns);
    if (query_step(&q, err) != 1)
        return -1;
    *ret = query_i64(&q, 0);
    return 0;
}

/* Some of what is old and done; *ret_n says how many. */
static int forget_some(struct store *s, int64_t before_ns, int *ret_n, struct error *err)
{
    static const char deliveries[] =
        "DELETE FROM delivery WHERE alert_id IN (SELECT id FROM alert a WHERE last_ns < ?1 AND NOT EXISTS"
        " (SELECT 1 FROM delivery d WHERE d.alert_id = a.id AND d.state IN (0, 1)) ORDER BY last_ns LIMIT ?2)";
    static const char alerts[] =
        "DELETE FROM alert WHERE id IN (SELECT id FROM alert a WHERE last_ns < ?1 AND NOT EXISTS"
        " (SELECT 1 FROM delivery d WHERE d.alert_id = a.id AND d.state IN (0, 1)) ORDER BY last_ns LIMIT ?2)";
    const char *const both[] = { deliveries, alerts };

    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        CLEANUP(query_close) struct query q;

        if (query_open(&q, s, both[i], err) < 0)
            return -1;
        query_add_i64(&q, before_ns);
        query_add_i64(&q, FORGET_AT_ONCE);
        if (query_run(&q, err) < 0)
            return -1;
        *ret_n = sqlite3_changes(s->db);
    }
    return 0;
}

int store_forget_alerts(struct store *s, int64_t before_ns, struct error *err)
{
    int n = FORGET_AT_ONCE;

    while (n == FORGET_AT_ONCE) {
        CLEANUP(store_leave) struct store *in = store_enter(s, err); /* others get a turn in between */
        bool is_ours = false;
        int rc;

        if (!in || store_txn_open(s, &is_ours, err) < 0)
            return -1;
        rc = forget_some(s, before_ns, &n, err);
        if (rc == 0)
            rc = store_exec(s, "PRAGMA incremental_vacuum(500)", err);
        if (store_txn_close(s, is_ours, rc, err) < 0)
            return -1;
    }
    return 0;
}
