/* Memory refused to the store: every call of store.h, on a store that has something of everything. A call that
 * fails has changed all of it or nothing, and the same handle does it once there is memory again. An opening
 * that fails, of a damaged or half-repaired file too, has cost nothing that the next one does not find. See
 * torture_kit.h. SPDX-License-Identifier: Apache-2.0 */
#include "torture_kit.h"

#include "store_kit.h"

#include "baseline/baseline.h"

#include <fcntl.h>

#define PAGE 4096
#define ALERTS 12
#define WINDOWS 16

struct call {
    const char *name;
    const char *from; /* which store it begins with; NULL: the usual one */
    enum store_mode mode;
    int (*run)(struct store *s, struct buf *said, struct error *err); /* NULL: opening it is all */
    int dear;
};

static struct folder folder, made; /* where a scene plays; the stores that scenes begin with */
static struct buf exported = BUF_INIT(SAID_MAX);
static struct buf whole_before = BUF_INIT(SAID_MAX), whole_after = BUF_INIT(SAID_MAX); /* of the scene */

/* ---- what is done: changes --------------------------------------------------------------------------------- */

static int put_window(struct store *s, struct buf *said UNUSED, struct error *err)
{
    struct window w = window_nth("prod", WINDOWS, WINDOW_CLOSED);

    return store_put_window(s, &w, err);
}

static int put_seen(struct store *s, struct buf *said UNUSED, struct error *err)
{
    struct window w = window_nth("prod", WINDOWS - 2, WINDOW_CLOSED);

    return store_put_seen(s, &w, SL("seen anew"), err);
}

static int put_baseline(struct store *s, struct buf *said UNUSED, struct error *err)
{
    return store_put_baseline(s,
                              &(struct baseline_row) { .memory = "volume.actor",
                                                       .version = 1,
                                                       .account = SL("contoso-orders"),
                                                       .key = SL("another"),
                                                       .label = SL("an actor"),
                                                       .value = SL("value"),
                                                       .seen_ns = NS_PER_DAY,
                                                       .id = { 9 } },
                              err);
}

static struct alert *prepared; /* made where nothing is refused */
static char known_id[37];

static int put_alert(struct store *s, struct buf *said UNUSED, struct error *err)
{
    return store_put_alert(s, prepared, err);
}

static int add_delivery(struct store *s, struct buf *said UNUSED, struct error *err)
{
    return store_add_delivery(s, "other", prepared, err);
}

static int offer(struct store *s, struct buf *said, struct error *err)
{
    bool is_new = false;

    if (store_offer(s, "other", prepared, &is_new, err) < 0)
        return -1;
    buf_addf(said, "new: %d\n", is_new);
    return 0;
}

static int put_all(struct store *s, struct error *err)
{
    return put_baseline(s, NULL, err) < 0 || put_alert(s, NULL, err) < 0 || add_delivery(s, NULL, err) < 0 ||
                   put_window(s, NULL, err) < 0 || put_seen(s, NULL, err) < 0
               ? -1
               : 0;
}

/* What a window changes, in its one transaction. */
static int close_window(struct store *s, struct buf *said UNUSED, struct error *err)
{
    if (store_begin(s, err) < 0)
        return -1;
    if (put_all(s, err) < 0) {
        store_rollback(s);
        return -1;
    }
    return store_commit(s, err);
}

static int begin_and_undo(struct store *s, struct buf *said UNUSED, struct error *err)
{
    int rc;

    if (store_begin(s, err) < 0)
        return -1;
    rc = put_all(s, err);
    store_rollback(s);
    return rc;
}

static int compact_ledger(struct store *s, struct buf *said UNUSED, struct error *err)
{
    return store_compact_ledger(s, 5 * NS_PER_MIN, err);
}

static int forget_alerts(struct store *s, struct buf *said UNUSED, struct error *err)
{
    return store_forget_alerts(s, INT64_MAX, err);
}

/* One of each end; their numbers follow from how the store was filled. */
static int settle(struct store *s, struct buf *said UNUSED, struct error *err)
{
    static const struct settlement each[] = {
        { .seq = 4, .what = SETTLE_ACCEPTED, .now_ns = 7, .reason = "" },
        { .seq = 5, .what = SETTLE_TRIED, .now_ns = 7, .reason = "HTTP 503" },
        { .seq = 6, .what = SETTLE_PARKED, .now_ns = 7, .reason = "HTTP 400", .refused = { "{}", 2 } },
    };

    return store_settle(s, each, ARRAY_LEN(each), err);
}

static int tell_count(int rc, int64_t n, struct buf *said)
{
    if (rc == 0)
        buf_addf(said, "%lld\n", (long long)n);
    return rc;
}

static int retry_parked(struct store *s, struct buf *said, struct error *err)
{
    int64_t n = 0;
    int rc = store_retry_parked(s, "soc", NULL, &n, err);

    return tell_count(rc, n, said);
}

static int drop_parked(struct store *s, struct buf *said, struct error *err)
{
    int64_t n = 0;
    int rc = store_drop_parked(s, "soc", NULL, &n, err);

    return tell_count(rc, n, said);
}

static int drop_output(struct store *s, struct buf *said, struct error *err)
{
    int64_t n = 0;
    int rc = store_drop_output(s, "soc", &n, err);

    return tell_count(rc, n, said);
}

static int park_surplus(struct store *s, struct buf *said, struct error *err)
{
    int64_t n = 0;
    int rc = store_park_surplus(s, "soc", 2, "too many", 7, &n, err);

    return tell_count(rc, n, said);
}

static int park_row(struct store *s, struct buf *said UNUSED, struct error *err)
{
    return store_park_row(s, "prod", SL("{\"another"), "not JSON", 2, err);
}

static int put_blob(struct store *s, struct buf *said UNUSED, struct error *err)
{
    return store_put_blob(s, "feed/tor", SL("203.0.113.1"), err);
}

/* ---- what is done: looks ----------------------------------------------------------------------------------- */

static int tell_window(void *self, const struct window *w, struct error *err UNUSED)
{
    buf_addf(self, "%s %lld-%lld %s %lld\n", w->source, (long long)w->from_ns, (long long)w->to_ns,
             window_state_name(w->state), (long long)w->records);
    return 0;
}

static int tell_run(void *self, const struct window_run *r, struct error *err)
{
    buf_addf(self, "%lld of ", (long long)r->windows);
    return tell_window(self, &r->w, err);
}

static bool joins(const struct window *a, const struct window *b)
{
    return a->state == b->state;
}

static int tell_baseline(void *self, const struct baseline_row *row, struct error *err UNUSED)
{
    buf_addf(self, "%s %.*s %.*s %.*s\n", row->memory, SLF(row->account), SLF(row->label), SLF(row->value));
    return 0;
}

static int tell_alert(void *self, const struct alert *a, struct error *err UNUSED)
{
    buf_addf(self, "%s %s %lld %lld\n", a->id, a->subject, (long long)a->count,
             (long long)alert_number(a, "bytesOut", 0));
    return 0;
}

static int tell_tally(void *self, const struct alert_tally *t, struct error *err UNUSED)
{
    buf_addf(self, "%lld %s %d %d: %lld\n", (long long)t->day_ns, t->type, t->severity, t->is_suppressed,
             (long long)t->n);
    return 0;
}

static int tell_counts(void *self, const char *output, const struct output_counts *c, struct error *err UNUSED)
{
    buf_addf(self, "%s %lld %lld %lld %lld %lld\n", output, (long long)c->pending, (long long)c->parked,
             (long long)c->accepted, (long long)c->dropped, (long long)c->oldest_pending_ns);
    return 0;
}

static int tell_row(void *self, const struct delivery_row *r, struct error *err)
{
    buf_addf(self, "%lld %s %s %d %s %.*s ", (long long)r->seq, r->output, r->record_id, r->attempts, r->reason,
             SLF(buf_slice(&r->refused)));
    return tell_alert(self, r->alert, err);
}

static int tell_delivery(void *self, const char *output, const char *record_id, const char *state, int attempts,
                         const char *reason)
{
    buf_addf(self, "%s %s %s %d %s\n", output, record_id, state, attempts, reason);
    return 0;
}

static int tell_bad_row(void *self, const struct bad_row *r, struct error *err UNUSED)
{
    buf_addf(self, "%s %s %.*s\n", r->source, r->reason, SLF(r->raw));
    return 0;
}

static int look_at_ledger(struct store *s, struct buf *said, struct error *err)
{
    CLEANUP(buf_release) struct buf seen = BUF_INIT(1000);
    struct window w = window_nth("prod", WINDOWS - 2, WINDOW_CLOSED);

    if (store_each_window(s, "prod", 0, tell_window, said, err) < 0 ||
        store_each_window(s, NULL, 3 * NS_PER_MIN, tell_window, said, err) < 0 ||
        store_each_run(s, NULL, 0, joins, tell_run, said, err) < 0 || store_get_seen(s, &w, &seen, err) < 0 ||
        buf_check(&seen, err) < 0)
        return -1;
    buf_add_slice(said, buf_slice(&seen));
    return 0;
}

static const struct baseline_memory actor = { .name = "volume.actor", .version = 1, .size = 5, .max_keys = 100 };

static int look_at_baselines(struct store *s, struct buf *said, struct error *err)
{
    static const struct baseline_config cfg = { .horizon_ns = 12 * NS_PER_HOUR, .learn_ns = 14 * NS_PER_DAY };
    CLEANUP(baseline_freep) struct baseline *b = baseline_new(&cfg);
    struct baseline_stats stats;

    if (!b)
        return error_set(err, ERR_NOMEM, "baselines");
    if (baseline_declare(b, &actor, err) < 0 || store_load_baselines(s, b, err) < 0 ||
        store_each_baseline(s, "contoso-orders", NULL, tell_baseline, said, err) < 0 ||
        store_each_baseline(s, NULL, "volume.actor", tell_baseline, said, err) < 0)
        return -1;
    baseline_get_stats(b, &stats);
    buf_addf(said, "%lld keys\n", (long long)stats.keys);
    return 0;
}

static int look_at_alerts(struct store *s, struct buf *said, struct error *err)
{
    static const struct alert_filter filters[] = {
        { .limit = 5 },
        { .account = "contoso-orders", .type = "CosmosDB_TorAnomaly", .min_severity = 1, .oldest_first = true },
        { .types = ",CosmosDB_TorAnomaly,", .told = TOLD_WAITING },
        { .told = TOLD_REFUSED, .only_open = true },
    };
    CLEANUP(alert_freep) struct alert *one = NULL, *none = NULL;
    int64_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(filters); i++)
        if (store_each_alert(s, &filters[i], tell_alert, said, err) < 0)
            return -1;
    if (store_get_alert(s, known_id, &one, err) < 0 || tell_alert(said, one, err) < 0)
        return -1;
    if (store_get_alert(s, prepared->id, &none, err) == 0 || err->code != ERR_NOT_FOUND)
        return -1;
    *err = (struct error) { 0 };
    if (store_tally_alerts(s, 0, tell_tally, said, err) < 0 ||
        store_count_alerts(s, 0, INT64_MAX, &n, err) < 0)
        return -1;
    return tell_count(0, n, said);
}

static int look_at_deliveries(struct store *s, struct buf *said, struct error *err)
{
    struct delivery_row rows[ALERTS];
    struct output_counts counts = { 0 };
    size_t n = 0;
    int rc = 0;

    if (store_count_output(s, "soc", &counts, err) < 0 || store_each_output(s, tell_counts, said, err) < 0 ||
        store_each_output_between(s, 0, INT64_MAX, tell_counts, said, err) < 0 ||
        store_each_parked(s, NULL, tell_row, said, err) < 0)
        return -1;
    if (tell_counts(said, "soc", &counts, err) < 0 || store_take(s, "soc", ALERTS, rows, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        (void)tell_row(said, &rows[i], err);
        if (i == 0)
            rc = store_each_delivery_of(s, rows[i].alert_id, tell_delivery, said, err);
        delivery_row_release(&rows[i]);
    }
    return rc;
}

static int look_at_rest(struct store *s, struct buf *said, struct error *err)
{
    CLEANUP(buf_release) struct buf blob = BUF_INIT(1000);
    bool is_found = false, has_none = true;
    int64_t n = 0;

    if (store_each_bad_row(s, 10, tell_bad_row, said, err) < 0 || store_count_bad_rows(s, &n, err) < 0 ||
        store_get_blob(s, "feed/tor", &blob, &is_found, err) < 0 || buf_check(&blob, err) < 0 ||
        store_get_blob(s, "nothing", &blob, &has_none, err) < 0)
        return -1;
    buf_addf(said, "%.*s %d %d full %d\n", SLF(buf_slice(&blob)), is_found, has_none, store_is_full(s));
    return tell_count(0, n, said);
}

static int tell_finding(void *self, const char *what, const char *remedy, struct error *err UNUSED)
{
    buf_addf(self, "%s: %s\n", what, remedy);
    return 0;
}

static int tell_table(void *self, const char *table, int64_t rows, struct error *err UNUSED)
{
    buf_addf(self, "%s %lld\n", table, (long long)rows);
    return 0;
}

static int examine(struct store *s, struct buf *said, struct error *err)
{
    return store_examine(s, &(struct store_examiner) { .self = said, .found = tell_finding, .counted = tell_table },
                         err);
}

static int tell_line(void *self, struct slice line, struct error *err UNUSED)
{
    buf_add_slice(self, line);
    return 0;
}

static int export(struct store *s, struct buf *said, struct error *err)
{
    struct store_moved moved = { 0 };
    int rc = store_export(s, tell_line, said, &moved, err);

    return tell_count(rc, moved.rows, said);
}

static int next_line(void *self, struct slice *ret_line, struct error *err UNUSED)
{
    return slice_split(self, '\n', ret_line) && ret_line->len > 0;
}

static int import(struct store *s, struct buf *said, struct error *err)
{
    struct store_moved moved = { 0 };
    struct slice rest = buf_slice(&exported);
    int rc = store_import(s, true, next_line, &rest, &moved, err);

    return tell_count(rc, moved.rows, said);
}

static int no_hurry(void *self UNUSED, int percent UNUSED)
{
    return 0;
}

static int compact(struct store *s, struct buf *said UNUSED, struct error *err)
{
    return store_compact(s, no_hurry, NULL, err);
}

static const struct call calls[] = {
    { "open: nothing there", "nothing", STORE_RUN, NULL, 0 },
    { "open: the agent", NULL, STORE_RUN, NULL, 0 },
    { "open: with a journal", "journal", STORE_RUN, NULL, 0 },
    { "open: a reader", NULL, STORE_READ, NULL, 0 },
    { "open: a writer", NULL, STORE_WRITE, NULL, 0 },
    { "open: a damaged page", "page", STORE_RUN, NULL, 0 },
    { "open: a damaged row", "row", STORE_RUN, NULL, 0 },
    { "open: a damaged head", "head", STORE_RUN, NULL, 0 },
    { "open: beheaded", "beheaded", STORE_RUN, NULL, 0 },
    { "put window", NULL, STORE_RUN, put_window, 0 },
    { "put seen", NULL, STORE_RUN, put_seen, 0 },
    { "put baseline", NULL, STORE_RUN, put_baseline, 0 },
    { "put alert", NULL, STORE_RUN, put_alert, 0 },
    { "add delivery", NULL, STORE_RUN, add_delivery, 0 },
    { "offer", NULL, STORE_RUN, offer, 0 },
    { "close a window", NULL, STORE_RUN, close_window, 0 },
    { "begin and undo", NULL, STORE_RUN, begin_and_undo, 0 },
    { "compact ledger", NULL, STORE_RUN, compact_ledger, 0 },
    { "forget alerts", NULL, STORE_RUN, forget_alerts, 0 },
    { "settle", NULL, STORE_RUN, settle, 0 },
    { "retry parked", NULL, STORE_WRITE, retry_parked, 0 },
    { "drop parked", NULL, STORE_WRITE, drop_parked, 0 },
    { "drop output", NULL, STORE_WRITE, drop_output, 0 },
    { "park surplus", NULL, STORE_RUN, park_surplus, 0 },
    { "park row", NULL, STORE_RUN, park_row, 0 },
    { "put blob", NULL, STORE_RUN, put_blob, 0 },
    { "look at ledger", NULL, STORE_READ, look_at_ledger, 0 },
    { "look at baselines", NULL, STORE_READ, look_at_baselines, 0 },
    { "look at alerts", NULL, STORE_READ, look_at_alerts, 0 },
    { "look at deliveries", NULL, STORE_READ, look_at_deliveries, 0 },
    { "look at the rest", NULL, STORE_READ, look_at_rest, 0 },
    { "examine", NULL, STORE_READ, examine, 0 },
    { "examine damage", "row", STORE_READ, examine, 0 },
    { "export", NULL, STORE_READ, export, 0 },
    { "import over it", NULL, STORE_RUN, import, 0 },
    { "import into nothing", "nothing", STORE_RUN, import, 0 },
    { "compact", NULL, STORE_RUN, compact, 0 },
};

/* ---- the stores they begin with ---------------------------------------------------------------------------- */

static const char *in(const struct folder *f, const char *name, const char *suffix)
{
    static char paths[4][200];
    static size_t at;

    at = (at + 1) % ARRAY_LEN(paths);
    (void)snprintf(paths[at], sizeof paths[at], "%s/%s%s", f->path, name, suffix);
    return paths[at];
}

static void fill(void)
{
    struct store *s = store_at(folder.path, STORE_RUN);
    struct alert *known = alert_nth(3);

    OK(store_begin(s, err));
    for (int i = 0; i < ALERTS; i++)
        put_nth(s, "soc", i);
    (void)snprintf(known_id, sizeof known_id, "%.8s", known->id);
    alert_free(known);
    for (int i = 0; i < WINDOWS; i++) {
        struct window w = window_nth("prod", i, i < WINDOWS / 2 ? WINDOW_RECHECKED : WINDOW_CLOSED);

        OK(store_put_window(s, &w, err));
        OK(store_put_seen(s, &w, SL("seen"), err));
    }
    OK(store_put_baseline(s,
                          &(struct baseline_row) { .memory = "volume.actor",
                                                   .version = 1,
                                                   .account = SL("contoso-orders"),
                                                   .key = SL("k"),
                                                   .label = SL("an actor"),
                                                   .value = SL("value"),
                                                   .seen_ns = NS_PER_DAY,
                                                   .id = { 1, 2, 3 } },
                          err));
    OK(store_put_blob(s, "feed/tor", SL("198.51.100.1"), err));
    OK(store_park_row(s, "prod", SL("{"), "not JSON", 1, err));
    OK(store_commit(s, err));
    park_first(s, "{refused}");
    store_close(s);
}

static size_t read_file(const char *path, char *ret, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, ret, size);

    SCENE_NEEDS(n >= 0 && (size_t)n < size);
    (void)close(fd);
    return (size_t)n;
}

static void write_file(const char *path, const char *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    SCENE_NEEDS(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    (void)close(fd);
}

static char bytes[4 << 20];

static void keep_as(const char *name, size_t len)
{
    write_file(in(&made, name, ""), bytes, len);
}

/* The first place of a text in the file. */
static size_t place_of(const char *text, size_t len)
{
    const char *at = memmem(bytes, len, text, strlen(text));

    SCENE_NEEDS(at != NULL);
    return (size_t)(at - bytes);
}

static void make_stores(void)
{
    static char head[200], row[64];
    size_t len = read_file(in(&folder, "store.db", ""), bytes, sizeof bytes), at = place_of("198.51.0.3", len);

    keep_as("usual", len);
    memcpy(row, bytes + at, 10);
    memcpy(bytes + at, "198.51.0.8", 10); /* a bit of a row: its checksum tells */
    keep_as("row", len);
    memset(bytes + at / PAGE * PAGE, 0xee, PAGE); /* a page of alerts */
    keep_as("page", len);
    len = read_file(in(&made, "usual", ""), bytes, sizeof bytes);
    memcpy(head, bytes, sizeof head);
    memset(bytes, 0, 16);
    keep_as("head", len);
}

/* As a kill leaves it: all is in the journal. */
static void make_journal(void)
{
    struct store *s;
    size_t len;

    folder_empty(folder.path);
    write_file(in(&folder, "lock", ""), "", 0);
    s = store_at(folder.path, STORE_RUN);
    store_close(s);
    s = store_at(folder.path, STORE_RUN);
    for (int i = 0; i < ALERTS; i++)
        put_nth(s, "soc", i);
    len = read_file(in(&folder, "store.db", ""), bytes, sizeof bytes);
    keep_as("journal", len);
    len = read_file(in(&folder, "store.db", "-wal"), bytes, sizeof bytes);
    keep_as("journal-wal", len);
    keep_as("beheaded-wal", len);
    keep_as("beheaded", 0);
    store_close(s);
}

static void dump(struct store *s, struct buf *ret)
{
    struct error err = { 0 };
    struct store_moved moved = { 0 };

    buf_clear(ret);
    if (store_export(s, tell_line, ret, &moved, &err) < 0)
        scene_fail("cannot be read afterwards: %s", err.msg);
}

static void start(void)
{
    struct store *s;

    log_set_fd(-1);
    folder = folder_in_memory();
    made = folder_in_memory();
    prepared = alert_nth(100);
    fill();
    make_stores();
    s = store_at(folder.path, STORE_READ);
    dump(s, &exported);
    store_close(s);
    make_journal();
}

static void stop(void)
{
    folder_remove(&folder);
    folder_remove(&made);
    alert_free(prepared);
    buf_release(&exported);
    buf_release(&whole_before);
    buf_release(&whole_after);
}

static void before(void)
{
    const struct call *c = scene_now->with;
    const char *from = c->from ? c->from : "usual";
    size_t len;

    folder_empty(folder.path);
    if (strcmp(from, "nothing") == 0)
        return;
    write_file(in(&folder, "lock", ""), "", 0);
    len = read_file(in(&made, from, ""), bytes, sizeof bytes);
    write_file(in(&folder, "store.db", ""), bytes, len);
    if (access(in(&made, from, "-wal"), F_OK) == 0) {
        len = read_file(in(&made, from, "-wal"), bytes, sizeof bytes);
        write_file(in(&folder, "store.db", "-wal"), bytes, len);
    }
}

/* ---- one of them ------------------------------------------------------------------------------------------- */

static int open_it(enum store_mode mode, struct store **ret, struct error *err)
{
    return store_open(&(struct store_config) { .dir = folder.path, .max_bytes = INT64_MAX }, mode, ret, err);
}

/* The damaged file stays as evidence, whatever happened on the way. */
static void say_files(struct buf *said)
{
    static const char *const names[] = { "store.db.damaged-1", "store.db.damaged-1-wal", "store.db.damaged-2",
                                         "store.db.new", "store.db.mended", "salvage", "suspect" };

    struct stat st; /* an empty journal holds nothing */

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (stat(in(&folder, names[i], ""), &st) == 0 && (st.st_size > 0 || !strstr(names[i], "-wal")))
            buf_addf(said, "there is %s\n", names[i]);
}

static void say_whole(struct store *s, struct buf *said)
{
    static struct buf whole = BUF_INIT(SAID_MAX);

    dump(s, &whole);
    buf_add_slice(said, buf_slice(&whole));
    say_files(said);
    buf_release(&whole);
}

/* An opening that failed is made good by the next: nothing less is there than if it had not failed. */
static int play_open(enum store_mode mode, struct buf *said, struct error *err)
{
    struct error again = { 0 };
    struct store *s = NULL;
    int rc = open_it(mode, &s, err);

    (void)scene_pause();
    if (rc < 0 && open_it(mode, &s, &again) < 0)
        scene_fail("after '%s' the next opening fails: %s", err->msg, again.msg);
    say_whole(s, said);
    store_close(s);
    if (memory.nth < 0) {
        buf_clear(&whole_after);
        buf_add_slice(&whole_after, buf_slice(said));
    } else if (rc < 0 && !is_same(&whole_after, said)) {
        scene_differs(&whole_after, said, "after an opening that failed");
    }
    return rc;
}

/* What failed has changed all or nothing, and is done by the same handle when it is asked again. */
static void make_good(const struct call *c, struct store *s, const char *why)
{
    static struct buf now = BUF_INIT(SAID_MAX), words = BUF_INIT(SAID_MAX);
    struct error again = { 0 };

    dump(s, &now);
    if (!is_same(&now, &whole_before) && !is_same(&now, &whole_after))
        scene_fail("failed (%s) and left something half-done", why);
    if (c->run(s, &words, &again) < 0)
        scene_fail("after '%s' the same handle fails: %s", why, again.msg);
    dump(s, &now);
    if (!is_same(&now, &whole_after))
        scene_differs(&whole_after, &now, "done again by the same handle");
    buf_release(&now);
    buf_release(&words);
}

static int play(struct buf *said, struct error *err)
{
    const struct call *c = scene_now->with;
    struct store *s = NULL;
    bool was;
    int rc;

    if (!c->run)
        return play_open(c->mode, said, err);
    was = scene_pause();
    SCENE_NEEDS(open_it(c->mode, &s, err) == 0);
    if (memory.nth < 0)
        dump(s, &whole_before);
    scene_go_on(was);
    rc = c->run(s, said, err);
    (void)scene_pause();
    if (memory.nth < 0 && rc == 0)
        dump(s, &whole_after);
    else if (rc < 0)
        make_good(c, s, err->msg);
    buf_addf(said, "recovery: %s\n", store_recovery(s) ? store_recovery(s) : "none");
    say_whole(s, said);
    store_close(s);
    return rc;
}

START_TEST(a_call_without_memory_does_all_or_nothing_and_loses_nothing)
{
    const struct call *c = &calls[_i];
    const struct scene s = { .name = c->name, .before = before, .play = play, .with = c, .dear = c->dear };

    ck_assert_int_eq(scene_torture(&s), 0);
}
END_TEST

int main(void)
{
    return torture_main("torture: store", a_call_without_memory_does_all_or_nothing_and_loses_nothing,
                        (int)ARRAY_LEN(calls), start, stop);
}
