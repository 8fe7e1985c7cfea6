/* Power goes at any moment of the real flow over a story: whatever the disk is left with, the next start works, nothing
 * that was reported is lost, and run to the end it tells what an undisturbed run tells, with the same ids.
 *
 * COSMOWATCH_CRASH_STATES sets how many states (preset 2000), COSMOWATCH_SEED which.
 * A second time with syncs that do nothing: then the same checks must find losses, or they would see none at all.
 * SPDX-License-Identifier: Apache-2.0 */
#include "disk_kit.h"
#include "store_kit.h"

#include "alert/stage.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/num.h"
#include "delivery/delivery.h"
#include "delivery/route.h"
#include "engine.h"
#include "enrich/enrich.h"
#include "enrich/feeds.h"
#include "flow.h"
#include "settings/errors.h"
#include "settings/settings.h"
#include "source/source.h"
#include "source/window.h"
#include "tests/kit/suite.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define NOW (INT64_C(1787220000) * NS_PER_S) /* 2026-08-20T10:00:00Z, and it stays */
#define HOURS 3
#define RECORDS_MAX 400
#define OUTPUTS 2
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STATES 200 /* ten times as slow */
#else
#define STATES 2000
#endif

/* ---- the world: a clock that stands, a workspace with a story, two receivers --------------------------------- */

static int64_t still_wall(void *self)
{
    (void)self;
    return NOW;
}

static int64_t real_mono(void *self)
{
    (void)self;
    return clock_system.mono_ms(NULL);
}

/* A disk that fails a commit when the source is read from this time on, and lets nothing be opened until the source's
 * thread has met that: it rolls the dice then for how long to wait. */
static int64_t fails_from_ns;
static __thread bool is_source_thread;

static void maybe_fail(int64_t from_ns)
{
    is_source_thread = true;
    if (fails_from_ns == 0 || from_ns < fails_from_ns)
        return;
    fails_from_ns = 0;
    atomic_store(&disk_opens_nothing, true);
    atomic_store(&disk_fails_once, true);
}

static void dice(void *self, void *at, size_t len)
{
    random_system.bytes(self, at, len);
    if (is_source_thread)
        atomic_store(&disk_opens_nothing, false);
}

static const struct clock_ops still_clock = { .wall_ns = still_wall, .mono_ms = real_mono };
static const struct random_ops the_dice = { .bytes = dice };
static const struct services services = { .clock = &still_clock, .random = &the_dice };

struct told_to { char record_id[RECORDS_MAX][64]; size_t len; };

/* What receivers hold; they have power of their own. Guarded by the lock of `disk`'s notes: one worker each. */
static struct told_to *told; /* [OUTPUTS], shared with a child that is killed */

static int receiver_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    (void)self;
    (void)name;
    (void)sv;
    (void)err;
    return 0;
}

static int receiver_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                            struct error *err)
{
    size_t which = *(size_t *)self;
    struct told_to *t = &told[which];

    (void)err;
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_lt(t->len, RECORDS_MAX);
        (void)snprintf(t->record_id[t->len], sizeof t->record_id[0], "%s", items[i].alert->record_id);
        disk_note((int64_t)(which * RECORDS_MAX + t->len++));
        ret_each[i] = (struct delivery_result){ .verdict = DELIVERY_ACCEPTED };
    }
    return 0;
}

static void receiver_close(void *self)
{
    (void)self;
}

static const struct output_ops receiver = { .name = "receiver", .batch_max = 3, .open = receiver_open,
                                            .deliver = receiver_deliver, .close = receiver_close };
static const struct encoder ids = { .name = "ids", .encode = encode_id };

/* One row of the story: ordinary life, a Tor exit, a listed address, refusals, a statement that was broken into. */
static int add_row(struct fold *f, int64_t t, struct error *err)
{
    static const char *const accounts[] = { "orders", "payroll", "billing", "stock", "people" };
    int64_t minute = t / NS_PER_MIN % (HOURS * 60);
    struct record r;

    record_clear(&r);
    r.table = TABLE_DATA_PLANE;
    r.api = API_NOSQL;
    r.time_ns = r.first_ns = r.last_ns = t;
    r.status = 200;
    r.count = 1;
    r.bytes_out = 5000;
    r.text[F_ACCOUNT] = slice_of(accounts[minute / 5 % 5]);
    r.text[F_DATABASE] = SL("shop");
    r.text[F_CONTAINER] = SL("orders");
    r.text[F_OPERATION] = SL("Query");
    r.text[F_RESOURCE_TYPE] = SL("Document");
    r.text[F_ADDRESS] = minute % 10 == 3 ? SL("198.51.100.23") : minute % 35 == 4 ? SL("203.0.113.66") : SL("192.0.2.10");
    r.text[F_ACTIVITY_ID] = SL("00000000-0000-4000-8000-000000000001");
    if (minute % 20 == 7)
        r.status = 403;
    if (minute % 50 != 11)
        return fold_add(f, &r, err);
    r.text[F_QUERY_TEXT] = SL("SELECT c.id FROM c WHERE c.customer = '' OR 1=1 --'");
    return fold_add_text(f, &r, err);
}

static int source_read(void *self, const struct source_request *req, struct source_batch *batch, struct error *err)
{
    (void)self;
    maybe_fail(req->from_ns);
    disk_note(-req->from_ns); /* it asks for the next: what was before is durable */
    for (int64_t t = req->from_ns; t < req->to_ns; t += NS_PER_MIN, batch->records++)
        if (add_row(batch->fold, t, err) < 0)
            return -1;
    return 0;
}

static int source_count(void *self, const int64_t *edges, size_t n, int64_t *ret_counts, struct error *err)
{
    (void)self;
    (void)err;
    for (size_t i = 0; i < n; i++)
        ret_counts[i] = (edges[i + 1] - edges[i]) / NS_PER_MIN;
    return 0;
}

static void source_timing(const void *self, struct window_timing *ret)
{
    (void)self;
    *ret = (struct window_timing){ .window_ns = 5 * NS_PER_MIN, .settle_ns = NS_PER_MIN, .catch_up_ns = 30 * NS_PER_MIN,
                                   .lookback_ns = HOURS * NS_PER_HOUR, .recheck_ns = { NS_PER_HOUR },
                                   .retention_ns = 30 * NS_PER_DAY };
}

static bool source_now(const void *self, int64_t *ret_ns)
{
    (void)self;
    *ret_ns = still_wall(NULL);
    return true;
}

static const struct source_ops story = { .name = "story", .read = source_read, .count = source_count, .now = source_now,
                                         .timing = source_timing };

/* ---- one agent --------------------------------------------------------------------------------------------------- */

static struct enrich *lists;
static struct route *routes[OUTPUTS];
static struct settings_route route_settings;
static struct engine_detector detectors[64];
static size_t detectors_len;

static void make_lists(void)
{
    struct feed_table *tor = NULL, *bad = NULL;
    struct feed_report report = { 0 };
    struct feed_options o = FEED_OPTIONS_INIT;

    lists = enrich_new();
    o.category = FEED_TOR;
    OK(feed_parse(SL("198.51.100.23\n"), &o, 0, &tor, &report, err));
    o.category = FEED_BOTNET;
    o.is_own = true;
    OK(feed_parse(SL("203.0.113.66\n"), &o, 0, &bad, &report, err));
    OK(enrich_set_feed(lists, "tor", tor, err));
    OK(enrich_set_feed(lists, "bad", bad, err));
}

static void make_modules(void)
{
    struct settings_errors errors = { 0 };

    OK(settings_table_presets(settings_route_options, &route_settings, err));
    for (size_t i = 0; i < OUTPUTS; i++)
        ck_assert_int_eq(route_read(&route_settings, NULL, NULL, &routes[i], &errors), 0);
    for (; detectors_all[detectors_len]; detectors_len++) {
        const struct detector_ops *ops = detectors_all[detectors_len];

        detectors[detectors_len] = (struct engine_detector){ .ops = ops, .self = calloc(1, ops->size + 1) };
        if (ops->options)
            OK(settings_table_presets(ops->options, detectors[detectors_len].self, err));
    }
}

/* Everything between the open store and the end of the story. False: `err`. */
static bool run_to_end(struct store *store, struct error *err)
{
    static size_t numbers[OUTPUTS] = { 0, 1 };
    const struct delivery_output_config outputs[OUTPUTS] = {
        { .name = "soc", .ops = &receiver, .self = &numbers[0], .encoder = &ids },
        { .name = "archive", .ops = &receiver, .self = &numbers[1], .encoder = &ids },
    };
    const struct engine_config engine = { .detectors = detectors, .detectors_len = detectors_len, .enrich = lists,
                                          .baseline = { .horizon_ns = 2 * NS_PER_HOUR, .learn_ns = 2 * NS_PER_DAY } };
    const struct worker_source source = { .name = "prod", .ops = &story };
    struct flow_config cfg = { .sv = &services, .store = store, .sources = &source, .sources_len = 1, .outputs = outputs,
                               .routes = routes, .outputs_len = OUTPUTS, .horizon_ns = 2 * NS_PER_HOUR,
                               .retention_ns = 30 * NS_PER_DAY, .until_caught_up = true };
    struct flow *flow = NULL;
    bool is_fine = engine_new(&engine, &cfg.engine, err) == 0 &&
                   delivery_new(store, &services, outputs, OUTPUTS, &cfg.delivery, err) == 0 &&
                   delivery_start(cfg.delivery, err) == 0 && flow_new(&cfg, &flow, err) == 0 &&
                   flow_run(flow, NULL, NULL, err) == 0;

    for (int left = 20000; is_fine && left > 0 && count_pending(store, "soc") + count_pending(store, "archive") > 0; left--)
        (void)usleep(100);
    if (cfg.delivery)
        delivery_stop(cfg.delivery, 1000);
    flow_free(flow);
    delivery_free(cfg.delivery);
    engine_free(cfg.engine);
    return is_fine;
}

/* ---- what is held against what -------------------------------------------------------------------------------------- */

static int save_alert(void *self, const struct alert *a, struct error *err)
{
    return alert_save(a, self, err) < 0 ? -1 : (buf_add_char(self, '\n'), buf_check(self, err));
}

static struct buf alerts_of(struct store *s)
{
    struct buf text = BUF_INIT(16u << 20);

    OK(store_each_alert(s, &(struct alert_filter){ .since_ns = INT64_MIN, .until_ns = INT64_MAX, .oldest_first = true },
                        save_alert, &text, err));
    return text;
}

struct ledger { int64_t read_to, touched_to; bool is_torn; };

static int note_window(void *self, const struct window *w, struct error *err)
{
    struct ledger *l = self;

    (void)err;
    l->is_torn |= l->touched_to != 0 && l->touched_to != w->from_ns;
    l->touched_to = w->to_ns;
    if (w->state == WINDOW_CLOSED || w->state == WINDOW_RECHECKED)
        l->read_to = w->to_ns;
    return 0;
}

static struct folder folder;
static struct buf wanted;            /* the alerts of an undisturbed run */
static struct told_to wanted_told[OUTPUTS];

static bool was_told(const struct told_to *t, size_t n, const char *record_id)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(t->record_id[i], record_id) == 0)
            return true;
    return false;
}

/* What the world had seen before the power went: how far reading was reported, how much each receiver held. */
struct seen { int64_t read_to; size_t told[OUTPUTS]; };

static struct seen seen_before(size_t end)
{
    struct seen ret = { 0 };

    for (size_t i = 0; i < end; i++) {
        int64_t note = disk.events[i].at;

        if (disk.events[i].what != DISK_NOTE)
            continue;
        if (note < 0 && -note > ret.read_to)
            ret.read_to = -note;
        else if (note >= 0)
            ret.told[note / RECORDS_MAX] = (size_t)(note % RECORDS_MAX) + 1;
    }
    return ret;
}

/* NULL, or what is wrong right after the start. */
static const char *check_start(struct store *s, const struct seen *seen)
{
    struct ledger l = { 0 };

    if (store_recovery(s) && strstr(store_recovery(s), "damaged"))
        return "it had to be repaired";
    OK(store_each_window(s, "prod", INT64_MIN, note_window, &l, err));
    if (l.is_torn)
        return "the ledger has a hole";
    if (seen->read_to > NOW - HOURS * NS_PER_HOUR && l.read_to < seen->read_to)
        return "a window that was reported is not read";
    for (size_t o = 0; o < OUTPUTS; o++)
        for (size_t i = 0; i < seen->told[o]; i++) {
            char id[37];
            struct alert *a = NULL;
            struct error ignored = { 0 };
            int rc;

            (void)snprintf(id, sizeof id, "%.36s", wanted_told[o].record_id[i]);
            rc = store_get_alert(s, id, &a, &ignored);
            alert_free(a);
            if (rc < 0)
                return "an alert that was sent is not known";
        }
    return NULL;
}

static const char *check_end(struct store *s, const struct seen *seen)
{
    CLEANUP(buf_release) struct buf got = alerts_of(s);

    if (!slice_eq(buf_slice(&got), buf_slice(&wanted)))
        return "other alerts than undisturbed";
    for (size_t o = 0; o < OUTPUTS; o++) {
        for (size_t i = 0; i < wanted_told[o].len; i++)
            if (!was_told(&wanted_told[o], seen->told[o], wanted_told[o].record_id[i]) &&
                !was_told(&told[o], told[o].len, wanted_told[o].record_id[i]))
                return "an alert was never sent";
        for (size_t i = 0; i < told[o].len; i++)
            if (!was_told(&wanted_told[o], wanted_told[o].len, told[o].record_id[i]))
                return "an id that was never told";
    }
    return NULL;
}

static const char *start_and_end(const struct seen *seen)
{
    struct store *s = NULL;
    static struct error err;
    const char *wrong;

    err = (struct error){ 0 };
    if (store_open(&(struct store_config){ .dir = folder.path }, STORE_RUN, &s, &err) < 0)
        return err.msg;
    wrong = check_start(s, seen);
    if (!wrong && !run_to_end(s, &err))
        wrong = err.msg;
    if (!wrong)
        wrong = check_end(s, seen);
    store_close(s);
    return wrong;
}

/* ---- the tests ---------------------------------------------------------------------------------------------------------- */

static void record_story(bool is_lying)
{
    struct store *s;
    struct error err = { 0 };

    folder_empty(folder.path);
    memset(told, 0, OUTPUTS * sizeof *told);
    disk_begin(folder.path, is_lying);
    s = store_at(folder.path, STORE_RUN);
    ck_assert_msg(run_to_end(s, &err), "%s", err.msg);
    buf_release(&wanted);
    wanted = alerts_of(s);
    store_close(s);
    disk_end();
    memcpy(wanted_told, told, sizeof wanted_told);
    ck_assert_uint_gt(wanted_told[0].len, 8);
    ck_assert_uint_eq(wanted_told[0].len, wanted_told[1].len);
}

static int64_t number_of(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);

    return text && parse_i64(slice_of(text), 1, 100000000, &otherwise) ? otherwise : otherwise;
}

/* Open `n` states of the record; how many are wrong, and the first of them. */
static int64_t open_states(int64_t n, char *ret_first, size_t size)
{
    static struct disk_state state;
    uint64_t *known = calloc((size_t)n, sizeof *known);
    int64_t wrong = 0, opened = 0, seed = number_of("COSMOWATCH_SEED", 20260820);

    for (int64_t i = 0; i < n; i++) {
        struct seen seen;
        const char *what;
        uint64_t hash;
        size_t end;
        bool is_known = false;

        disk_seed = (unsigned)(seed + i * 2654435761);
        for (int k = 0; k < 8; k++)
            (void)disk_coin();
        end = (size_t)((double)disk.len * (double)(i + 1) / (double)n);
        disk_state_at(&state, end, (enum disk_luck)(i % 4));
        seen = seen_before(end);
        hash = disk_state_hash(&state) ^ (uint64_t)seen.read_to ^ seen.told[0] << 8 ^ seen.told[1] << 20;
        for (int64_t k = 0; k < opened && !is_known; k++)
            is_known = known[k] == hash;
        if (is_known)
            continue;
        known[opened++] = hash;
        folder_empty(folder.path);
        disk_state_write(&state, folder.path);
        memset(told, 0, OUTPUTS * sizeof *told);
        what = start_and_end(&seen);
        if (what && wrong++ == 0)
            (void)snprintf(ret_first, size, "seed %lld, state %lld of %lld, before event %zu, luck %d: %s", (long long)seed,
                           (long long)i, (long long)n, end, (int)(i % 4), what);
    }
    (void)printf("%lld crash states of %zu events, %lld of them different, %lld wrong\n", (long long)n, disk.len,
                 (long long)opened, (long long)wrong);
    free(known);
    return wrong;
}

static void set_up(void)
{
    log_set_fd(-1);
    folder = folder_new();
    told = mmap(NULL, OUTPUTS * sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(told, MAP_FAILED);
    make_lists();
    make_modules();
}

static void tear_down(void)
{
    folder_remove(&folder);
    (void)munmap(told, OUTPUTS * sizeof *told);
}

START_TEST(whatever_a_loss_of_power_leaves_nothing_is_lost_and_no_id_changes)
{
    char first[400] = "";

    record_story(false);
    ck_assert_msg(open_states(number_of("COSMOWATCH_CRASH_STATES", STATES), first, sizeof first) == 0, "%s", first);
}
END_TEST

static int save_learned(void *self, const struct baseline_row *row, struct error *err)
{
    struct buf *out = self;

    buf_addf(out, "%s ", row->memory);
    for (size_t i = 0; i < row->value.len; i++)
        buf_addf(out, "%02x", (unsigned)(unsigned char)row->value.at[i]);
    buf_add_char(out, '\n');
    return buf_check(out, err);
}

static struct buf learned_of(struct store *s)
{
    struct buf text = BUF_INIT(64u << 20);

    OK(store_each_baseline(s, NULL, NULL, save_learned, &text, err));
    return text;
}

/* The commit fails, and what was learned cannot be read back either. */
START_TEST(a_disk_that_fails_for_a_while_makes_nothing_forgotten)
{
    CLEANUP(buf_release) struct buf before = BUF_INIT(1), after = BUF_INIT(1);
    CLEANUP(store_closep) struct store *s = NULL;
    struct error err = { 0 };

    record_story(false);
    s = store_at(folder.path, STORE_RUN);
    before = learned_of(s);
    store_close(TAKE(s));
    folder_empty(folder.path);
    memset(told, 0, OUTPUTS * sizeof *told);
    fails_from_ns = NOW - 90 * NS_PER_MIN;
    s = store_at(folder.path, STORE_RUN);
    ck_assert_msg(run_to_end(s, &err), "%s", err.msg);
    ck_assert_int_eq(fails_from_ns, 0);
    ck_assert(!atomic_load(&disk_opens_nothing));
    ck_assert_ptr_null(check_end(s, &(struct seen){ 0 }));
    after = learned_of(s);
    ck_assert_uint_gt(before.len, 1000);
    ck_assert_msg(slice_eq(buf_slice(&after), buf_slice(&before)), "what was learned is something else");
}
END_TEST

START_TEST(without_syncs_the_same_checks_find_losses)
{
    char first[400] = "";

    record_story(true);
    ck_assert_int_gt(open_states(60, first, sizeof first), 10);
}
END_TEST

#ifdef COSMOWATCH_FAULTS

/* The story in a child that dies at the n-th passing of a named place. */
static bool dies_at(const char *point, int hit)
{
    char plan[80];
    int status;
    pid_t pid = fork();

    (void)snprintf(plan, sizeof plan, "%s:%d:kill", point, hit);
    if (pid == 0) {
        struct error err = { 0 };
        struct store *s;

        (void)setenv("COSMOWATCH_FAULT", plan, 1);
        fault_reset();
        s = store_at(folder.path, STORE_RUN);
        if (!run_to_end(s, &err))
            _exit(1);
        store_close(s);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0, "%s: status %x", plan,
                  (unsigned)status);
    return WIFSIGNALED(status);
}

START_TEST(killed_at_each_named_place_of_the_flow_nothing_is_lost_and_no_id_changes)
{
    static const char *const points[] = { "window.planned", "query.sent", "rows.decoded", "detector.before",
                                          "detector.after", "txn.begin", "txn.before_commit", "txn.after_commit",
                                          "txn.after_sync", "state.migrate.step", "deliver.before_send",
                                          "deliver.sent_unanswered", "deliver.accepted_unmarked", "deliver.marked",
                                          "shutdown.drain" };
    static const int hits[] = { 1, 2, 3, 5, 8, 13 };

    record_story(false);
    for (size_t i = 0; i < ARRAY_LEN(points); i++)
        for (size_t k = 0; k < ARRAY_LEN(hits); k++) {
            const char *wrong;
            bool is_dead;

            folder_empty(folder.path);
            memset(told, 0, OUTPUTS * sizeof *told);
            is_dead = dies_at(points[i], hits[k]);
            ck_assert_msg(is_dead || hits[k] > 1, "%s: never reached", points[i]);
            wrong = start_and_end(&(struct seen){ 0 });
            ck_assert_msg(!wrong, "%s, hit %d: %s", points[i], hits[k], wrong);
            if (!is_dead)
                break; /* it is not reached that often */
        }
}
END_TEST

#endif

int main(void)
{
    TCase *t = tcase_create("power");

    tcase_set_timeout(t, 36000);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, whatever_a_loss_of_power_leaves_nothing_is_lost_and_no_id_changes);
    tcase_add_test(t, without_syncs_the_same_checks_find_losses);
    tcase_add_test(t, a_disk_that_fails_for_a_while_makes_nothing_forgotten);
#ifdef COSMOWATCH_FAULTS
    tcase_add_test(t, killed_at_each_named_place_of_the_flow_nothing_is_lost_and_no_id_changes);
#else
    (void)puts("SKIPPED: the tests at named fault points need a build with FAULTS=1");
#endif
    return run_group("power loss", t);
}
