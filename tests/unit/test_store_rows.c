/* What the store promises about its rows: what goes in comes out, in order, once; transactions are all
 * or nothing; who may open it and who may not. SPDX-License-Identifier: Apache-2.0 */
#include "store_kit.h"

#include "alert/catalogue.h"

#include "base/buf.h"
#include "base/log.h"
#include "baseline/baseline.h"
#include "tests/kit/suite.h"
#include "store/inside.h" /* to count what a query costs */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static struct folder folder;
static struct store *store;

static void set_up(void)
{
    log_set_fd(-1);
    folder = folder_new();
    store = store_at(folder.path, STORE_RUN);
}

static void tear_down(void)
{
    store_close(store);
    folder_remove(&folder);
}

static void reopen(void)
{
    store_close(store);
    store = store_at(folder.path, STORE_RUN);
    ck_assert_ptr_null(store_recovery(store));
}

/* ---- ledger ------------------------------------------------------------------------------------- */

static int keep_window(void *self, const struct window *w, struct error *err)
{
    (void)err;
    *(struct window *)self = *w;
    return 0;
}

START_TEST(a_window_comes_back_as_it_was_put)
{
    struct window w = { .source = "prod", .from_ns = -5, .to_ns = INT64_MAX, .state = WINDOW_GAP,
                        .is_backfill = true, .attempts = 3, .rechecks = 2, .read_ns = 77, .records = 1000000,
                        .observations = 4, .reason = "429 too many \"requests\"\x01" };
    struct window back = { 0 };

    OK(store_put_window(store, &w, err));
    reopen();
    OK(store_each_window(store, "prod", INT64_MIN, keep_window, &back, err));
    ck_assert_str_eq(back.source, w.source);
    ck_assert_str_eq(back.reason, w.reason);
    ck_assert(back.from_ns == w.from_ns && back.to_ns == w.to_ns && back.state == w.state && back.is_backfill &&
              back.attempts == 3 && back.rechecks == 2 && back.read_ns == 77 && back.records == 1000000 &&
              back.observations == 4);
}
END_TEST

START_TEST(putting_a_window_again_replaces_it)
{
    struct window w = window_nth("prod", 1, WINDOW_PENDING), back = { 0 };

    OK(store_put_window(store, &w, err));
    w.to_ns = w.from_ns + 1; /* split */
    w.state = WINDOW_READING;
    OK(store_put_window(store, &w, err));
    OK(store_each_window(store, NULL, 0, keep_window, &back, err));
    ck_assert_int_eq(count_windows(store, NULL), 1);
    ck_assert(back.to_ns == w.to_ns && back.state == WINDOW_READING);
}
END_TEST

START_TEST(an_empty_window_is_refused)
{
    struct window w = window_nth("prod", 1, WINDOW_PENDING);

    w.to_ns = w.from_ns;
    FAILS(store_put_window(store, &w, err), ERR_BUG);
}
END_TEST

static int stop_at_once(void *self, const struct window *w, struct error *err)
{
    (void)w;
    ++*(int *)self;
    return error_set(err, ERR_CANCELLED, "enough");
}

START_TEST(windows_come_in_order_of_source_and_time_and_a_callback_can_stop)
{
    struct window last = { 0 };
    int n = 0;

    for (int i = 9; i >= 0; i--) {
        struct window w = window_nth(i % 2 ? "b" : "a", i, WINDOW_PENDING);

        OK(store_put_window(store, &w, err));
    }
    OK(store_each_window(store, NULL, 0, keep_window, &last, err));
    ck_assert_str_eq(last.source, "b");
    ck_assert_int_eq(last.from_ns, 9 * NS_PER_MIN);
    ck_assert_int_eq(count_windows(store, "a"), 5);
    ck_assert_int_eq(count_windows(store, "none"), 0);
    FAILS(store_each_window(store, "a", 0, stop_at_once, &n, err), ERR_CANCELLED);
    ck_assert_int_eq(n, 1);
}
END_TEST

START_TEST(what_a_window_held_is_kept_until_it_is_final)
{
    struct window w = window_nth("prod", 1, WINDOW_CLOSED);
    CLEANUP(buf_release) struct buf seen = BUF_INIT(1 << 20);

    OK(store_put_window(store, &w, err));
    OK(store_put_seen(store, &w, SL("a\0b"), err));
    w.rechecks = 1;
    OK(store_put_window(store, &w, err));
    OK(store_get_seen(store, &w, &seen, err));
    ck_assert(slice_eq(buf_slice(&seen), SL("a\0b")));

    buf_clear(&seen);
    w.to_ns++; /* another interval: what was seen is not of it */
    OK(store_get_seen(store, &w, &seen, err));
    ck_assert_uint_eq(seen.len, 0);
    w.to_ns--;
    for (int i = 0; i < 2; i++) {
        OK(store_put_seen(store, &w, SL("a\0b"), err));
        w.state = i ? WINDOW_GAP : WINDOW_RECHECKED;
        OK(store_put_window(store, &w, err));
        OK(store_get_seen(store, &w, &seen, err));
        ck_assert_uint_eq(seen.len, 0);
    }
}
END_TEST

START_TEST(compaction_joins_final_neighbours_only)
{
    static const enum window_state states[] = { WINDOW_RECHECKED, WINDOW_RECHECKED, WINDOW_RECHECKED, WINDOW_GAP,
                                                WINDOW_RECHECKED, WINDOW_CLOSED, WINDOW_RECHECKED,
                                                WINDOW_RECHECKED };
    struct window first = { 0 };

    for (int i = 0; i < (int)ARRAY_LEN(states); i++) {
        struct window w = window_nth("prod", i, states[i]);

        OK(store_put_window(store, &w, err));
        (void)snprintf(w.source, sizeof w.source, "other"); /* must not join over the border */
        w.state = i == 0 ? WINDOW_RECHECKED : WINDOW_CLOSED;
        OK(store_put_window(store, &w, err));
    }
    OK(store_compact_ledger(store, 7 * NS_PER_MIN, err)); /* the last window ends later: left alone */
    ck_assert_int_eq(count_windows(store, "prod"), 6);
    ck_assert_int_eq(count_windows(store, "other"), 8);
    OK(store_each_window(store, "prod", INT64_MIN, keep_window, &first, err));
    ck_assert_int_eq(first.from_ns, 7 * NS_PER_MIN);
    OK(store_compact_ledger(store, INT64_MAX, err));
    ck_assert_int_eq(count_windows(store, "prod"), 5);
    OK(store_compact_ledger(store, INT64_MAX, err));
    ck_assert_int_eq(count_windows(store, "prod"), 5);
    reopen(); /* no hole was left for the repair to see */
}
END_TEST

/* What of two windows, one after the other, differs: then they stay two. */
static const struct { const char *what, *source; int64_t from_ns; bool is_backfill, is_one; } neighbours[] = {
    { .what = "nothing", .source = "prod", .from_ns = 2 * NS_PER_MIN, .is_one = true },
    { .what = "nobody read what is between", .source = "prod", .from_ns = 2 * NS_PER_MIN + 100 },
    { .what = "the second was only learned from", .source = "prod", .from_ns = 2 * NS_PER_MIN, .is_backfill = true },
    { .what = "the source", .source = "prod-2", .from_ns = 2 * NS_PER_MIN },
};

static void put_neighbours(size_t i)
{
    struct window w = window_nth("prod", 1, WINDOW_RECHECKED);

    w.records = 3;
    w.observations = 2;
    w.rechecks = 4;
    w.read_ns = 70;
    OK(store_put_window(store, &w, err));
    w = window_nth(neighbours[i].source, 2, WINDOW_RECHECKED);
    w.from_ns = neighbours[i].from_ns;
    w.is_backfill = neighbours[i].is_backfill;
    w.records = 30;
    w.observations = 20;
    w.rechecks = 5;
    w.read_ns = 80;
    OK(store_put_window(store, &w, err));
}

static int keep_first_end(void *self, const struct window *w, struct error *err)
{
    int64_t *end_ns = self;

    (void)err;
    *end_ns = *end_ns ? *end_ns : w->to_ns;
    return 0;
}

START_TEST(compaction_leaves_what_differs_apart_and_sums_the_rest)
{
    struct window w = { 0 };
    int64_t first_end_ns = 0;

    put_neighbours((size_t)_i);
    OK(store_compact_ledger(store, 3 * NS_PER_MIN, err));
    ck_assert_msg(count_windows(store, NULL) == (neighbours[_i].is_one ? 1 : 2), "%s", neighbours[_i].what);
    OK(store_each_window(store, NULL, INT64_MIN, keep_window, &w, err));
    ck_assert_int_eq(w.to_ns, 3 * NS_PER_MIN);
    ck_assert_int_eq(w.records, neighbours[_i].is_one ? 33 : 30);
    ck_assert_int_eq(w.observations, neighbours[_i].is_one ? 22 : 20);
    ck_assert_int_eq(w.rechecks, 5);
    ck_assert_int_eq(w.read_ns, 80);
    OK(store_each_window(store, NULL, INT64_MIN, keep_first_end, &first_end_ns, err));
    ck_assert_int_eq(first_end_ns, (neighbours[_i].is_one ? 3 : 2) * NS_PER_MIN);
}
END_TEST

static bool are_alike(const struct window *a, const struct window *b)
{
    return a->state == b->state;
}

static int note_run(void *self, const struct window_run *r, struct error *err)
{
    struct window_run *all = self;

    (void)err;
    all->windows++;
    all->w = r->w;
    return 0;
}

START_TEST(a_run_is_of_windows_that_touch)
{
    struct window_run all = { 0 };

    put_neighbours((size_t)_i);
    OK(store_each_run(store, NULL, INT64_MIN, are_alike, note_run, &all, err));
    ck_assert_msg(all.windows == (neighbours[_i].is_one ? 1 : 2), "%s", neighbours[_i].what);
    ck_assert_int_eq(all.w.to_ns, 3 * NS_PER_MIN);
    ck_assert_int_eq(all.w.records, neighbours[_i].is_one ? 33 : 30);
}
END_TEST

/* ---- transactions ------------------------------------------------------------------------------- */

START_TEST(a_rollback_takes_everything_back)
{
    struct window w = window_nth("prod", 1, WINDOW_CLOSED);

    OK(store_begin(store, err));
    put_nth(store, "soc", 1);
    OK(store_put_window(store, &w, err));
    OK(store_put_blob(store, "x", SL("y"), err));
    store_rollback(store);
    store_rollback(store); /* fine without a transaction */
    ck_assert_int_eq(count_windows(store, NULL), 0);
    ck_assert_int_eq(count_alerts(store), 0);
    ck_assert_int_eq(count_pending(store, "soc"), 0);
}
END_TEST

START_TEST(a_commit_outlives_the_process_and_what_was_not_committed_does_not)
{
    pid_t pid;
    int status = 0;

    store_close(store);
    pid = fork();
    if (pid == 0) {
        struct store *s = store_at(folder.path, STORE_RUN);

        OK(store_begin(s, err));
        put_nth(s, "soc", 1);
        OK(store_commit(s, err));
        OK(store_begin(s, err));
        put_nth(s, "soc", 2);
        (void)kill(getpid(), SIGKILL);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert(WIFSIGNALED(status));
    store = store_at(folder.path, STORE_RUN);
    ck_assert_int_eq(count_pending(store, "soc"), 1);
}
END_TEST

START_TEST(transactions_do_not_nest_and_a_commit_needs_one)
{
    FAILS(store_commit(store, err), ERR_BUG);
    OK(store_begin(store, err));
    FAILS(store_begin(store, err), ERR_BUG);
    OK(store_commit(store, err));
}
END_TEST

static void *take_from_other_thread(void *arg)
{
    int64_t *seen = arg;
    struct output_counts c = { 0 };
    struct error why = { 0 };

    if (store_count_output(store, "soc", &c, &why) == 0)
        *seen = c.pending;
    return NULL;
}

START_TEST(another_thread_waits_for_the_transaction_and_sees_all_of_it)
{
    pthread_t thread;
    int64_t seen = -1;

    OK(store_begin(store, err));
    put_nth(store, "soc", 1);
    ck_assert_int_eq(pthread_create(&thread, NULL, take_from_other_thread, &seen), 0);
    for (int i = 2; i < 50; i++)
        put_nth(store, "soc", i);
    OK(store_commit(store, err));
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(seen, 49);
}
END_TEST

/* ---- alerts ------------------------------------------------------------------------------------- */

START_TEST(an_alert_is_found_by_id_and_by_unique_prefix)
{
    struct alert *a = alert_nth(7), *back = NULL;
    char prefix[40];

    OK(store_put_alert(store, a, err));
    OK(store_get_alert(store, a->id, &back, err));
    ck_assert_str_eq(back->subject, a->subject);
    ck_assert_int_eq(back->count, 8);
    alert_freep(&back);
    (void)snprintf(prefix, sizeof prefix, "%.8s", a->id);
    for (char *c = prefix; *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'f' ? *c - 32 : *c);
    OK(store_get_alert(store, prefix, &back, err));
    ck_assert_str_eq(back->id, a->id);
    alert_freep(&back);
    prefix[3] = '\0';
    FAILS(store_get_alert(store, prefix, &back, err), ERR_INPUT);
    FAILS(store_get_alert(store, "zzzz", &back, err), ERR_INPUT);
    FAILS(store_get_alert(store, "' OR 1=1 --", &back, err), ERR_INPUT);
    FAILS(store_get_alert(store, "00000000-0000-0000-0000-000000000000", &back, err), ERR_NOT_FOUND);
    FAILS(store_get_alert(store, "0000000000000000000000000000000000000000000000", &back, err), ERR_INPUT);
    alert_free(a);
}
END_TEST

START_TEST(a_prefix_of_two_alerts_is_refused)
{
    struct alert *a = alert_nth(1), *b = alert_nth(2), *back = NULL;

    (void)snprintf(a->id, sizeof a->id, "abcd0000-0000-5000-8000-000000000001");
    (void)snprintf(b->id, sizeof b->id, "abcd0000-0000-5000-8000-000000000002");
    OK(store_put_alert(store, a, err));
    OK(store_put_alert(store, b, err));
    FAILS(store_get_alert(store, "abcd", &back, err), ERR_INPUT);
    OK(store_get_alert(store, b->id, &back, err));
    ck_assert_str_eq(back->subject, b->subject);
    alert_free(a);
    alert_free(b);
    alert_free(back);
}
END_TEST

struct listing { int64_t last_ns; int n; };

static int list_alert(void *self, const struct alert *a, struct error *err)
{
    struct listing *l = self;

    (void)err;
    ck_assert(l->n == 0 || a->last_ns <= l->last_ns);
    l->last_ns = a->last_ns;
    l->n++;
    return 0;
}

/* Of what waits for soc: the first is accepted, the others are refused. */
static void settle_first(size_t n)
{
    struct delivery_row rows[8];
    size_t got = 0;

    OK(store_take(store, "soc", n, rows, &got, err));
    ck_assert_uint_eq(got, n);
    for (size_t i = 0; i < n; i++) {
        struct settlement one = { .seq = rows[i].seq, .what = i == 0 ? SETTLE_ACCEPTED : SETTLE_PARKED, .now_ns = 1,
                                  .reason = i == 0 ? NULL : "HTTP 400" };

        OK(store_settle(store, &one, 1, err));
        delivery_row_release(&rows[i]);
    }
}

START_TEST(alerts_are_listed_newest_first_and_filtered)
{
    const struct { struct alert_filter filter; int wanted; } cases[] = {
        { { 0 }, 40 },
        { { .limit = 7 }, 7 },
        { { .min_severity = SEVERITY_HIGH }, 10 },
        { { .min_severity = SEVERITY_MEDIUM, .limit = 100 }, 20 },
        { { .since_ns = NS_PER_DAY * 20000 + 30 * NS_PER_MIN }, 10 },
        { { .until_ns = NS_PER_DAY * 20000 + 9 * NS_PER_MIN }, 10 },
        { { .type = "CosmosDB_TorAnomaly" }, 40 },
        { { .type = "CosmosDB_SuspiciousIp" }, 0 },
        { { .account = "contoso-orders" }, 40 },
        { { .account = "contoso" }, 0 },
        { { .only_open = true }, 30 },
        { { .only_open = true, .min_severity = SEVERITY_HIGH }, 10 - 2 },
        { { .types = ",CosmosDB_TorAnomaly," }, 40 },
        { { .types = ",CosmosDB_SuspiciousIp,CosmosDBX_FullScan," }, 0 },
        { { .types = ",osmosDB_TorAnomaly," }, 0 },
        { { .told = TOLD_WAITING }, 3 },
        { { .told = TOLD_REFUSED }, 2 },
        { { .told = TOLD_ACCEPTED }, 1 },
        { { .told = TOLD_NOBODY }, 40 - 6 },
        { { .told = TOLD_SUPPRESSED }, 4 },
        { { .told = TOLD_SUPPRESSED, .min_severity = SEVERITY_HIGH }, 1 },
    };

    for (int i = 0; i < 40; i++) {
        struct alert *a = alert_nth(i);

        a->is_final = i < 10;
        a->is_suppressed = i >= 36;
        OK(store_put_alert(store, a, err));
        if (i >= 20 && i < 26)
            OK(store_add_delivery(store, "soc", a, err));
        alert_free(a);
    }
    settle_first(3);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct listing l = { 0 };

        OK(store_each_alert(store, &cases[i].filter, list_alert, &l, err));
        ck_assert_msg(l.n == cases[i].wanted, "case %zu: %d, wanted %d", i, l.n, cases[i].wanted);
    }
}
END_TEST

/* ---- page by page --------------------------------------------------------------------------------- */

#define PAGE 50

struct leaf { /* where a page ended */
    int64_t last_ns, steps;
    char id[37];
    int n;
};

static int turn(void *self, const struct alert *a, struct error *err)
{
    struct leaf *l = self;

    (void)err;
    ck_assert(l->n == 0 || a->last_ns < l->last_ns || (a->last_ns == l->last_ns && strcmp(a->id, l->id) > 0));
    l->last_ns = a->last_ns;
    memcpy(l->id, a->id, sizeof l->id);
    return ++l->n % PAGE == 0; /* 1 stops */
}

static int count_steps(void *self)
{
    ++*(int64_t *)self;
    return 0;
}

static void read_page(struct leaf *l)
{
    char after[37];
    struct alert_filter f = { .since_ns = INT64_MIN, .until_ns = l->n ? l->last_ns : INT64_MAX, .after_id = l->n ? after : NULL };

    memcpy(after, l->id, sizeof after);
    l->steps = 0;
    sqlite3_progress_handler(store->db, 1, count_steps, &l->steps);
    OK(store_each_alert(store, &f, turn, l, err));
    sqlite3_progress_handler(store->db, 0, NULL, NULL);
}

/* Four alerts a minute: pages end within one. */
static void put_many(int n)
{
    OK(store_begin(store, err));
    for (int i = 0; i < n; i++) {
        struct alert *a = alert_nth(i);

        a->last_ns = NS_PER_DAY * 20000 + i / 4 * NS_PER_MIN;
        OK(store_put_alert(store, a, err));
        alert_free(a);
    }
    OK(store_commit(store, err));
}

START_TEST(a_page_of_ten_thousand_alerts_reads_its_own_rows_only)
{
    struct leaf l = { 0 };
    int64_t first;

    put_many(10000);
    read_page(&l);
    ck_assert_int_eq(l.n, PAGE);
    first = l.steps;
    ck_assert_int_gt(first, 0);
    ck_assert_int_lt(first, PAGE * 100);
    for (int page = 1; page < 10000 / PAGE; page++) {
        read_page(&l);
        ck_assert_int_eq(l.n, (page + 1) * PAGE); /* none twice, none left out: turn() saw the order */
        ck_assert_int_lt(l.steps, 2 * first);
    }
    read_page(&l);
    ck_assert_int_eq(l.n, 10000);
}
END_TEST

static int add_tally(void *self, const struct alert_tally *t, struct error *err)
{
    int64_t *n = self;

    (void)err;
    ck_assert_str_eq(t->type, "CosmosDB_TorAnomaly");
    ck_assert_int_eq(t->day_ns % NS_PER_DAY, 0);
    n[t->is_suppressed ? 4 : t->severity] += t->n;
    n[5] += t->day_ns == 20001 * NS_PER_DAY ? t->n : 0;
    return 0;
}

START_TEST(alerts_are_counted_by_day_type_and_severity)
{
    int64_t n[6] = { 0 };

    for (int i = 0; i < 1444; i += 4) { /* the last is of the next day */
        struct alert *a = alert_nth(i + (i / 4) % 4);

        a->is_suppressed = i < 40;
        OK(store_put_alert(store, a, err));
        alert_free(a);
    }
    OK(store_tally_alerts(store, NS_PER_DAY * 20000 + 20 * NS_PER_MIN, add_tally, n, err));
    ck_assert_int_eq(n[0] + n[1] + n[2] + n[3], 361 - 10);
    ck_assert_int_eq(n[4], 5);
    ck_assert_int_eq(n[5], 1);
    ck_assert_int_eq(n[SEVERITY_HIGH], 361 / 4 - 2);
}
END_TEST

static int ask_the_store_again(void *self, const struct alert *a, struct error *err)
{
    struct alert *back = NULL;
    int *n = self;

    if (store_get_alert(store, a->id, &back, err) < 0)
        return -1;
    alert_free(back);
    *n += count_alerts(store);
    return 0;
}

START_TEST(a_callback_may_use_the_store)
{
    int n = 0;

    for (int i = 0; i < 5; i++)
        put_nth(store, "soc", i);
    OK(store_each_alert(store, &(struct alert_filter){ 0 }, ask_the_store_again, &n, err));
    ck_assert_int_eq(n, 25);
}
END_TEST

/* ---- deliveries --------------------------------------------------------------------------------- */

static size_t take(const char *output, struct delivery_row *rows, size_t max)
{
    size_t n = 0;

    OK(store_take(store, output, max, rows, &n, err));
    return n;
}

static void settle(int64_t seq, int what, const char *reason, struct slice refused)
{
    struct settlement s = { .seq = seq, .now_ns = 123, .reason = reason, .refused = refused };

    s.what = (__typeof__(s.what))what;
    OK(store_settle(store, &s, 1, err));
}

START_TEST(deliveries_come_in_order_each_output_its_own)
{
    struct delivery_row rows[10];
    size_t n;

    for (int i = 0; i < 8; i++) {
        struct alert *a = alert_nth(i);

        OK(store_put_alert(store, a, err));
        OK(store_add_delivery(store, i % 2 ? "b" : "a", a, err));
        OK(store_add_delivery(store, i % 2 ? "b" : "a", a, err)); /* idempotent */
        alert_free(a);
    }
    n = take("a", rows, 10);
    ck_assert_uint_eq(n, 4);
    for (size_t i = 0; i < n; i++) {
        struct alert *a = alert_nth((int)(2 * i));

        ck_assert_str_eq(rows[i].record_id, a->record_id);
        ck_assert_str_eq(rows[i].alert->subject, a->subject);
        ck_assert_str_eq(rows[i].output, "a");
        ck_assert(i == 0 || rows[i].seq > rows[i - 1].seq);
        delivery_row_release(&rows[i]);
        alert_free(a);
    }
    ck_assert_uint_eq(take("b", rows, 3), 3);
    for (size_t i = 0; i < 3; i++)
        delivery_row_release(&rows[i]);
    ck_assert_uint_eq(take("none", rows, 3), 0);
    ck_assert_uint_eq(take("a", rows, 0), 0);
}
END_TEST

/* As after going back to an earlier release. */
START_TEST(an_alert_of_a_type_that_this_release_does_not_know_waits_and_holds_up_no_other)
{
    static const struct alert_type later = { .id = "CosmosDBX_OfALaterRelease" };
    struct alert *unknown = alert_nth(1);
    struct output_counts c = { 0 };
    struct delivery_row rows[2];
    size_t n = 0;

    unknown->type = &later;
    OK(store_add_delivery(store, "soc", unknown, err));
    put_nth(store, "soc", 2);
    for (int i = 0; i < 2; i++) {
        OK(store_take(store, "soc", 1, rows, &n, err));
        ck_assert_uint_eq(n, 1);
        ck_assert_int_eq(rows[0].alert->count, 3);
        delivery_row_release(&rows[0]);
    }
    ck_assert_ptr_null(store_recovery(store)); /* nothing is damaged */
    OK(store_count_output(store, "soc", &c, err));
    ck_assert_int_eq(c.pending, 2);
    alert_free(unknown);
}
END_TEST

START_TEST(the_snapshot_is_sent_not_the_later_version)
{
    struct alert *a = alert_nth(1);
    struct delivery_row row;

    OK(store_put_alert(store, a, err));
    OK(store_add_delivery(store, "soc", a, err));
    a->count = 999;
    OK(store_put_alert(store, a, err));
    ck_assert_uint_eq(take("soc", &row, 1), 1);
    ck_assert_int_eq(row.alert->count, 2);
    delivery_row_release(&row);
    alert_free(a);
}
END_TEST

START_TEST(an_accepted_delivery_is_gone_and_stays_gone_when_offered_again)
{
    struct delivery_row row;
    struct output_counts c;

    put_nth(store, "soc", 1);
    ck_assert_uint_eq(take("soc", &row, 1), 1);
    settle(row.seq, SETTLE_ACCEPTED, NULL, SL(""));
    settle(row.seq, SETTLE_ACCEPTED, NULL, SL("")); /* told twice, counted once */
    delivery_row_release(&row);
    put_nth(store, "soc", 1); /* the window is read again after a crash */
    ck_assert_uint_eq(take("soc", &row, 1), 0);
    OK(store_count_output(store, "soc", &c, err));
    ck_assert(c.pending == 0 && c.parked == 0 && c.accepted == 1 && c.oldest_pending_ns == 0);
}
END_TEST

START_TEST(what_is_offered_again_changes_nobodys_payload)
{
    struct delivery_row rows[2];

    put_nth(store, "soc", 1);
    put_nth(store, "soc", 2);
    put_nth(store, "soc", 1); /* known, and not the newest */
    ck_assert_uint_eq(take("soc", rows, 2), 2);
    ck_assert_int_eq(rows[0].alert->count, 2);
    ck_assert_int_eq(rows[1].alert->count, 3);
    delivery_row_release(&rows[0]);
    delivery_row_release(&rows[1]);
}
END_TEST

/* The operator gave it up while it was on its way. */
START_TEST(what_was_dropped_stays_dropped_whatever_the_receiver_says_then)
{
    static const int said[] = { SETTLE_ACCEPTED, SETTLE_PARKED, SETTLE_TRIED };
    struct delivery_row row;
    struct output_counts c;
    int64_t n = 0;

    put_nth(store, "soc", 1);
    ck_assert_uint_eq(take("soc", &row, 1), 1);
    OK(store_drop_output(store, "soc", &n, err));
    settle(row.seq, said[_i], "late", SL("{}"));
    OK(store_count_output(store, "soc", &c, err));
    ck_assert(n == 1 && c.pending == 0 && c.parked == 0 && c.accepted == 0 && c.dropped == 1);
    delivery_row_release(&row);
}
END_TEST

static int64_t count_payloads(void)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    int64_t n;

    ck_assert_int_eq(sqlite3_open_v2(folder_file(&folder, "store.db"), &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT count(*) FROM payload", -1, &q, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(q), SQLITE_ROW);
    n = sqlite3_column_int64(q, 0);
    (void)sqlite3_finalize(q);
    (void)sqlite3_close(db);
    return n;
}

START_TEST(what_is_accepted_or_dropped_takes_no_room_any_more)
{
    struct delivery_row rows[3];
    struct output_counts c;
    int64_t n = 0;

    for (int i = 0; i < 3; i++)
        put_nth(store, "soc", i);
    ck_assert_uint_eq(take("soc", rows, 3), 3);
    ck_assert_int_eq(count_payloads(), 3);
    settle(rows[0].seq, SETTLE_ACCEPTED, NULL, SL(""));
    ck_assert_int_eq(count_payloads(), 2);
    settle(rows[1].seq, SETTLE_PARKED, "400", SL(""));
    OK(store_drop_output(store, "soc", &n, err)); /* what is parked as well */
    ck_assert_int_eq(n, 2);
    ck_assert_int_eq(count_payloads(), 0);
    OK(store_count_output(store, "soc", &c, err));
    ck_assert(c.pending == 0 && c.parked == 0 && c.accepted == 1 && c.dropped == 2);
    for (size_t i = 0; i < 3; i++)
        delivery_row_release(&rows[i]);
}
END_TEST

static int note_length(void *self, const struct delivery_row *r, struct error *err UNUSED)
{
    *(size_t *)self = r->refused.len;
    return 0;
}

START_TEST(refused_bytes_beyond_what_is_kept_are_cut_and_the_alert_stays_listed)
{
    static char large[STORE_REFUSED_MAX + 1000];
    struct delivery_row row;
    size_t kept = 0;

    memset(large, 'x', sizeof large);
    put_nth(store, "soc", 1);
    ck_assert_uint_eq(take("soc", &row, 1), 1);
    settle(row.seq, SETTLE_PARKED, "400", slice_make(large, sizeof large));
    OK(store_each_parked(store, NULL, note_length, &kept, err));
    ck_assert_uint_eq(kept, STORE_REFUSED_MAX);
    delivery_row_release(&row);
}
END_TEST

START_TEST(a_try_is_counted_and_keeps_its_place)
{
    struct delivery_row rows[2];
    struct output_counts c;

    put_nth(store, "soc", 3);
    put_nth(store, "soc", 4);
    ck_assert_uint_eq(take("soc", rows, 1), 1);
    settle(rows[0].seq, SETTLE_TRIED, "503 Service Unavailable", SL(""));
    OK(store_settle(store, &(struct settlement){ .seq = rows[0].seq, .what = SETTLE_TRIED, .now_ns = 456, .reason = "503" }, 1,
                    err));
    delivery_row_release(&rows[0]);
    reopen();
    ck_assert_uint_eq(take("soc", rows, 2), 2);
    ck_assert_int_eq(rows[0].attempts, 2);
    ck_assert(rows[0].first_try_ns == 123 && rows[0].last_try_ns == 456);
    ck_assert_str_eq(rows[0].reason, "503");
    ck_assert_int_eq(rows[1].attempts, 0);
    OK(store_count_output(store, "soc", &c, err));
    ck_assert_int_eq(c.oldest_pending_ns, rows[0].alert->last_ns);
    delivery_row_release(&rows[0]);
    delivery_row_release(&rows[1]);
}
END_TEST

static int keep_parked(void *self, const struct delivery_row *r, struct error *err)
{
    struct buf *b = self;

    (void)err;
    ck_assert(r->is_parked);
    buf_addf(b, "%s|%s|%d|", r->output, r->reason, r->attempts);
    buf_add_slice(b, buf_slice(&r->refused));
    buf_add_char(b, '\n');
    return 0;
}

START_TEST(a_parked_delivery_keeps_reason_and_bytes_and_can_be_retried_or_dropped)
{
    CLEANUP(buf_release) struct buf list = BUF_INIT(1 << 16);
    struct delivery_row rows[3];
    struct output_counts c;
    int64_t n = 0;

    for (int i = 0; i < 3; i++)
        put_nth(store, "soc", i);
    ck_assert_uint_eq(take("soc", rows, 3), 3);
    settle(rows[0].seq, SETTLE_PARKED, "400 bad field", SL("{\"a\":\"\0\xff\"}"));
    settle(rows[1].seq, SETTLE_PARKED, "too large", SL(""));
    reopen();
    OK(store_each_parked(store, NULL, keep_parked, &list, err));
    ck_assert(slice_eq(buf_slice(&list), SL("soc|400 bad field|1|{\"a\":\"\0\xff\"}\nsoc|too large|1|\n")));
    OK(store_count_output(store, "soc", &c, err));
    ck_assert(c.pending == 1 && c.parked == 2);

    OK(store_retry_parked(store, "soc", rows[0].record_id, &n, err));
    ck_assert_int_eq(n, 1);
    OK(store_drop_parked(store, "soc", NULL, &n, err));
    ck_assert_int_eq(n, 1);
    OK(store_drop_parked(store, "other", NULL, &n, err));
    ck_assert_int_eq(n, 0);
    OK(store_count_output(store, "soc", &c, err));
    ck_assert(c.pending == 2 && c.parked == 0 && c.accepted == 0 && c.dropped == 1); /* one that is retried is not given up */
    for (size_t i = 0; i < 3; i++)
        delivery_row_release(&rows[i]);
    ck_assert_uint_eq(take("soc", rows, 3), 2); /* the retried one first: it is the older */
    ck_assert_int_eq(rows[0].alert->count, 1);
    ck_assert_uint_eq(rows[0].refused.len, 0);
    delivery_row_release(&rows[0]);
    delivery_row_release(&rows[1]);
}
END_TEST

static int say_state(void *self, const char *output, const char *record_id, const char *state, int attempts,
                     const char *reason)
{
    buf_addf(self, "%s %s %d %s;", output, state, attempts, reason);
    ck_assert_uint_gt(strlen(record_id), 36);
    return 0;
}

START_TEST(the_delivery_states_of_one_alert_are_told)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(1024);
    struct alert *a = alert_nth(5);
    struct delivery_row row;

    put_nth(store, "a", 5);
    put_nth(store, "b", 5);
    ck_assert_uint_eq(take("a", &row, 1), 1);
    settle(row.seq, SETTLE_PARKED, "no", SL(""));
    delivery_row_release(&row);
    OK(store_each_delivery_of(store, a->id, say_state, &said, err));
    ck_assert_str_eq(buf_cstr(&said), "a parked 1 no;b pending 0 ;");
    alert_free(a);
}
END_TEST

START_TEST(old_alerts_are_forgotten_unless_a_delivery_is_unfinished)
{
    struct delivery_row rows[1500];
    size_t n;

    OK(store_begin(store, err));
    for (int i = 0; i < 1500; i++)
        put_nth(store, "soc", i);
    OK(store_commit(store, err));
    n = take("soc", rows, 1500);
    ck_assert_uint_eq(n, 1500);
    OK(store_begin(store, err));
    for (size_t i = 0; i < n; i++) {
        if (i == 700)
            settle(rows[i].seq, SETTLE_PARKED, "no", SL(""));
        else if (i != 3)
            settle(rows[i].seq, SETTLE_ACCEPTED, NULL, SL(""));
        delivery_row_release(&rows[i]);
    }
    OK(store_commit(store, err));
    OK(store_forget_alerts(store, NS_PER_DAY * 20000 + 1400 * NS_PER_MIN, err));
    ck_assert_int_eq(count_alerts(store), 102);
    ck_assert_int_eq(count_pending(store, "soc"), 1);
    OK(store_forget_alerts(store, 0, err));
    ck_assert_int_eq(count_alerts(store), 102);
}
END_TEST

/* ---- the rest ----------------------------------------------------------------------------------- */

START_TEST(named_values_are_replaced_and_absent_ones_are_told)
{
    CLEANUP(buf_release) struct buf value = BUF_INIT(1 << 20);
    bool found = true;

    OK(store_get_blob(store, "feed/tor", &value, &found, err));
    ck_assert(!found);
    OK(store_put_blob(store, "feed/tor", SL("one"), err));
    OK(store_put_blob(store, "feed/tor", SL(""), err));
    OK(store_get_blob(store, "feed/tor", &value, &found, err));
    ck_assert(found && value.len == 0);
    OK(store_put_blob(store, "feed/tor", SL("a\0b"), err));
    OK(store_get_blob(store, "feed/tor", &value, &found, err));
    ck_assert(slice_eq(buf_slice(&value), SL("a\0b")));
    value.max = 4;
    FAILS(store_get_blob(store, "feed/tor", &value, &found, err), ERR_LIMIT);
}
END_TEST

START_TEST(bad_rows_are_bounded_newest_kept)
{
    int64_t n = 0;
    char *large = calloc(1, 1 << 20);

    OK(store_park_row(store, "prod", slice_make(large, 1 << 20), "too long", 1, err));
    free(large);
    OK(store_begin(store, err));
    for (int i = 0; i < 10050; i++)
        OK(store_park_row(store, "prod", SL("{broken\0"), "not JSON", i, err));
    OK(store_commit(store, err));
    OK(store_count_bad_rows(store, &n, err));
    ck_assert_int_eq(n, 10000);
    ck_assert_int_lt(store_size(store), 8 << 20);
}
END_TEST

struct counted { int64_t n; char pad[56]; };

static const struct baseline_memory counted_memory = { .name = "test.counted", .version = 3,
                                                       .size = sizeof(struct counted), .max_keys = 1000 };

static struct baseline *baseline_for_test(void)
{
    struct baseline *b = baseline_new(&(struct baseline_config){ .horizon_ns = NS_PER_HOUR, .learn_ns = NS_PER_DAY });

    ck_assert_ptr_nonnull(b);
    OK(baseline_declare(b, &counted_memory, err));
    return b;
}

static int put_changed(void *self, const struct baseline_row *row, struct error *err)
{
    return store_put_baseline(self, row, err);
}

static void save_changed(struct baseline *b)
{
    OK(store_begin(store, err));
    OK(baseline_each_changed(b, put_changed, store, err));
    OK(store_commit(store, err));
    baseline_mark_clean(b);
}

START_TEST(baselines_come_back_and_deleted_ones_do_not)
{
    static char long_key[5000];
    const struct slice keys[] = { SL("k\0\xff"), SL(""), { .at = long_key, .len = sizeof long_key }, SL("gone") };
    struct baseline *b = baseline_for_test();

    for (int64_t round = 0; round < 2; round++) { /* written again: the newer one counts */
        for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
            struct counted *c = baseline_put(b, &counted_memory, SL("contoso"), keys[i], SL("label"),
                                             i + 1 < ARRAY_LEN(keys) ? NS_PER_MIN + round : round, NULL);

            ck_assert_ptr_nonnull(c);
            c->n = 40 + (int64_t)i + 10 * round;
        }
        save_changed(b);
    }
    baseline_expire(b, &counted_memory, NS_PER_MIN); /* "gone" alone is so old */
    save_changed(b);
    baseline_free(b);

    reopen();
    b = baseline_for_test();
    OK(store_load_baselines(store, b, err));
    for (size_t i = 0; i < ARRAY_LEN(keys) - 1; i++) {
        const struct counted *back = baseline_get(b, &counted_memory, SL("contoso"), keys[i]);

        ck_assert_msg(back && back->n == 50 + (int64_t)i, "key %zu", i);
    }
    ck_assert_ptr_null(baseline_get(b, &counted_memory, SL("contoso"), SL("gone")));
    baseline_free(b);
}
END_TEST

/* ---- who may open it ---------------------------------------------------------------------------- */

START_TEST(a_second_agent_is_refused_with_the_pid_of_the_first)
{
    struct store *second = NULL;
    struct error why = { 0 };
    char pid[32];

    ck_assert_int_eq(store_open(&(struct store_config){ .dir = folder.path }, STORE_RUN, &second, &why), -1);
    (void)snprintf(pid, sizeof pid, "(pid %d)", (int)getpid());
    ck_assert_ptr_nonnull(strstr(why.msg, "another cosmowatch"));
    ck_assert_ptr_nonnull(strstr(why.msg, pid));
    store_close(store);
    store = store_at(folder.path, STORE_RUN); /* the lock goes with the holder */
}
END_TEST

START_TEST(a_lock_that_a_killed_agent_left_to_its_child_is_waited_for)
{
    char path[256];
    pid_t dead = fork(), heir;
    int fd;

    if (dead == 0)
        _exit(0);
    ck_assert_int_eq(waitpid(dead, NULL, 0), dead);
    store_close(store);
    (void)snprintf(path, sizeof path, "%s/lock", folder.path);
    fd = open(path, O_RDWR | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
    ck_assert_int_eq(ftruncate(fd, 0), 0);
    ck_assert_int_gt(dprintf(fd, "%d\n", (int)dead), 0);
    heir = fork();
    if (heir == 0) {
        (void)poll(NULL, 0, 100); /* long enough to be met, as a rule */
        _exit(0);
    }
    (void)close(fd);
    store = store_at(folder.path, STORE_RUN);
    ck_assert_int_eq(waitpid(heir, NULL, 0), heir);
}
END_TEST

START_TEST(readers_work_beside_the_agent_and_cannot_write)
{
    struct store *reader, *writer;
    struct window w = window_nth("prod", 1, WINDOW_PENDING);
    struct error why = { 0 };

    put_nth(store, "soc", 1);
    reader = store_at(folder.path, STORE_READ);
    ck_assert_int_eq(count_alerts(reader), 1);
    put_nth(store, "soc", 2);
    ck_assert_int_eq(count_alerts(reader), 2);
    ck_assert_int_eq(store_put_window(reader, &w, &why), -1);
    writer = store_at(folder.path, STORE_WRITE);
    OK(store_put_window(writer, &w, err));
    ck_assert_int_eq(count_windows(store, NULL), 1);
    ck_assert_int_eq(count_windows(reader, NULL), 1);
    store_close(reader);
    store_close(writer);
}
END_TEST

START_TEST(a_store_that_is_not_there_is_told_to_readers)
{
    struct folder empty = folder_new();
    struct store *s = NULL;

    FAILS(store_open(&(struct store_config){ .dir = empty.path }, STORE_READ, &s, err), ERR_NOT_FOUND);
    FAILS(store_open(&(struct store_config){ .dir = "/tmp/cw-no-such-folder" }, STORE_WRITE, &s, err),
          ERR_NOT_FOUND);
    FAILS(store_open(&(struct store_config){ .dir = "/etc/passwd" }, STORE_READ, &s, err), ERR_CONFIG);
    FAILS(store_open(&(struct store_config){ .dir = "/tmp/cw-no-such-folder/sub" }, STORE_RUN, &s, err), ERR_IO);
    folder_remove(&empty);
}
END_TEST

START_TEST(a_store_that_others_may_write_is_refused)
{
    char file[128];
    struct store *s = NULL;

    store_close(store);
    store = NULL;
    ck_assert_int_eq(chmod(folder.path, 0770), 0);
    FAILS(store_open(&(struct store_config){ .dir = folder.path }, STORE_RUN, &s, err), ERR_CONFIG);
    ck_assert_int_eq(chmod(folder.path, 0755), 0);
    (void)snprintf(file, sizeof file, "%s/store.db", folder.path);
    ck_assert_int_eq(chmod(file, 0662), 0);
    FAILS(store_open(&(struct store_config){ .dir = folder.path }, STORE_RUN, &s, err), ERR_CONFIG);
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(symlink("/tmp/cw-elsewhere", file), 0);
    FAILS(store_open(&(struct store_config){ .dir = folder.path }, STORE_RUN, &s, err), ERR_CONFIG);
}
END_TEST

START_TEST(files_are_ours_alone)
{
    static const char *const names[] = { "store.db", "store.db-wal", "lock" };

    put_nth(store, "soc", 1);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char file[128];
        struct stat st;

        (void)snprintf(file, sizeof file, "%s/%s", folder.path, names[i]);
        ck_assert_int_eq(stat(file, &st), 0);
        ck_assert_uint_eq(st.st_mode & 0777, 0600);
    }
}
END_TEST

static void raw_sql(const char *sql)
{
    char file[128];
    sqlite3 *db = NULL;

    (void)snprintf(file, sizeof file, "%s/store.db", folder.path);
    ck_assert_int_eq(sqlite3_open(file, &db), SQLITE_OK);
    ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(db));
    ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

START_TEST(a_newer_format_is_refused_and_left_alone)
{
    struct store *s = NULL;
    struct error why = { 0 };
    static const enum store_mode modes[] = { STORE_RUN, STORE_WRITE, STORE_READ };

    put_nth(store, "soc", 1);
    store_close(store);
    store = NULL;
    raw_sql("UPDATE meta SET value = 7, crc = 592995168; PRAGMA user_version = 7");
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        ck_assert_int_eq(store_open(&(struct store_config){ .dir = folder.path }, modes[i], &s, &why), -1);
        ck_assert_msg(why.code == ERR_STATE && strstr(why.msg, "newer cosmowatch (format 7"), "%s", why.msg);
    }
    raw_sql("SELECT count(*) FROM delivery WHERE state = 0");
}
END_TEST

START_TEST(fullness_counts_what_is_used_and_ends_when_space_is_freed)
{
    static char filling[1 << 20];

    store_close(store);
    OK(store_open(&(struct store_config){ .dir = folder.path, .max_bytes = 1 << 20 }, STORE_RUN, &store, err));
    ck_assert(!store_is_full(store));
    for (int i = 0; i < 3; i++)
        OK(store_put_blob(store, i % 2 ? "b" : "a", slice_make(filling, sizeof filling), err));
    ck_assert(store_is_full(store));
    OK(store_put_blob(store, "a", SL(""), err));
    OK(store_put_blob(store, "b", SL(""), err));
    ck_assert(!store_is_full(store));
}
END_TEST

START_TEST(a_store_removed_while_in_use_is_noticed_and_made_anew)
{
    struct error why = { 0 };

    put_nth(store, "soc", 1);
    folder_empty(folder.path);
    ck_assert_int_eq(store_begin(store, &why), -1);
    ck_assert_int_eq(why.code, ERR_STATE);
    ck_assert_ptr_nonnull(strstr(why.msg, "removed"));
    OK(store_begin(store, err)); /* said once */
    put_nth(store, "soc", 2);
    OK(store_commit(store, err));
    reopen();
    ck_assert_int_eq(count_pending(store, "soc"), 1);
}
END_TEST

START_TEST(a_foreign_lock_is_waited_for_then_told)
{
    char file[128];
    sqlite3 *backup = NULL;
    struct error why = { 0 };

    (void)snprintf(file, sizeof file, "%s/store.db", folder.path);
    ck_assert_int_eq(sqlite3_open(file, &backup), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(backup, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(store_begin(store, &why), -1);
    ck_assert_int_eq(why.code, ERR_BUSY);
    ck_assert_int_eq(count_pending(store, "soc"), 0); /* reading goes on */
    ck_assert_int_eq(sqlite3_exec(backup, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_close(backup), SQLITE_OK);
    OK(store_begin(store, err));
    put_nth(store, "soc", 1);
    OK(store_commit(store, err));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("rows");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_window_comes_back_as_it_was_put);
    tcase_add_test(t, putting_a_window_again_replaces_it);
    tcase_add_test(t, an_empty_window_is_refused);
    tcase_add_test(t, windows_come_in_order_of_source_and_time_and_a_callback_can_stop);
    tcase_add_test(t, what_a_window_held_is_kept_until_it_is_final);
    tcase_add_test(t, compaction_joins_final_neighbours_only);
    tcase_add_loop_test(t, compaction_leaves_what_differs_apart_and_sums_the_rest, 0, (int)ARRAY_LEN(neighbours));
    tcase_add_loop_test(t, a_run_is_of_windows_that_touch, 0, (int)ARRAY_LEN(neighbours));
    tcase_add_test(t, a_rollback_takes_everything_back);
    tcase_add_test(t, a_commit_outlives_the_process_and_what_was_not_committed_does_not);
    tcase_add_test(t, transactions_do_not_nest_and_a_commit_needs_one);
    tcase_add_test(t, another_thread_waits_for_the_transaction_and_sees_all_of_it);
    tcase_add_test(t, an_alert_is_found_by_id_and_by_unique_prefix);
    tcase_add_test(t, a_prefix_of_two_alerts_is_refused);
    tcase_add_test(t, alerts_are_listed_newest_first_and_filtered);
    tcase_add_test(t, a_page_of_ten_thousand_alerts_reads_its_own_rows_only);
    tcase_add_test(t, alerts_are_counted_by_day_type_and_severity);
    tcase_add_test(t, a_callback_may_use_the_store);
    tcase_add_test(t, deliveries_come_in_order_each_output_its_own);
    tcase_add_test(t, an_alert_of_a_type_that_this_release_does_not_know_waits_and_holds_up_no_other);
    tcase_add_test(t, the_snapshot_is_sent_not_the_later_version);
    tcase_add_test(t, an_accepted_delivery_is_gone_and_stays_gone_when_offered_again);
    tcase_add_test(t, what_is_offered_again_changes_nobodys_payload);
    tcase_add_loop_test(t, what_was_dropped_stays_dropped_whatever_the_receiver_says_then, 0, 3);
    tcase_add_test(t, what_is_accepted_or_dropped_takes_no_room_any_more);
    tcase_add_test(t, refused_bytes_beyond_what_is_kept_are_cut_and_the_alert_stays_listed);
    tcase_add_test(t, a_try_is_counted_and_keeps_its_place);
    tcase_add_test(t, a_parked_delivery_keeps_reason_and_bytes_and_can_be_retried_or_dropped);
    tcase_add_test(t, the_delivery_states_of_one_alert_are_told);
    tcase_add_test(t, old_alerts_are_forgotten_unless_a_delivery_is_unfinished);
    tcase_add_test(t, named_values_are_replaced_and_absent_ones_are_told);
    tcase_add_test(t, bad_rows_are_bounded_newest_kept);
    tcase_add_test(t, baselines_come_back_and_deleted_ones_do_not);
    tcase_add_test(t, a_second_agent_is_refused_with_the_pid_of_the_first);
    tcase_add_test(t, a_lock_that_a_killed_agent_left_to_its_child_is_waited_for);
    tcase_add_test(t, readers_work_beside_the_agent_and_cannot_write);
    tcase_add_test(t, a_store_that_is_not_there_is_told_to_readers);
    tcase_add_test(t, a_store_that_others_may_write_is_refused);
    tcase_add_test(t, files_are_ours_alone);
    tcase_add_test(t, a_newer_format_is_refused_and_left_alone);
    tcase_add_test(t, fullness_counts_what_is_used_and_ends_when_space_is_freed);
    tcase_add_test(t, a_store_removed_while_in_use_is_noticed_and_made_anew);
    tcase_add_test(t, a_foreign_lock_is_waited_for_then_told);
    return run_group("store rows", t);
}
