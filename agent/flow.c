/* flow.c - the loop that joins the stops. Read this first.
 *
 *   source worker   plan a window -> make it durable as pending -> read it completely -> hand it over
 *   flow thread     take a read window -> judge -> ONE transaction: baselines, alerts, deliveries, window
 *                   closed -> wake the outputs
 *   output worker   (delivery/) take what is committed, deliver, settle
 *
 * One window of a source is in flight at a time, and windows of a source are judged in order: that is
 * what lets detectors learn deterministically (baseline.h). A window that cannot be read or committed
 * stays what it was in the ledger and is read again; nothing of the failed attempt is kept.
 * SPDX-License-Identifier: Apache-2.0 */
#include "flow.h"

#include "alert/catalogue.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "feeder.h"
#include "net/backoff.h"
#include "source/window.h"
#include "status.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FOLD_MAX_BYTES (INT64_C(512) << 20) /* of one window; a fuller one is split */
#define SEEN_MAX_BYTES (64u << 20)
#define STATUS_EVERY_MS 2000
#define UPKEEP_EVERY_MS 600000

struct worker;

/* One read window on its way to the flow thread. Lives in its worker. */
struct job {
    struct window window;
    struct source_batch batch;
    bool is_recheck, is_gap;
    enum { JOB_NONE, JOB_READY, JOB_DONE, JOB_FAILED } state;
};

struct worker {
    struct flow *flow;
    struct flow_source source;
    struct window_timing timing;
    pthread_t thread;
    bool is_started;
    struct fold *fold;
    struct window *ledger; /* unfinished windows and the newest one, in order */
    size_t ledger_len, ledger_cap;
    struct job job;        /* guarded by flow->lock */
    struct backoff backoff;
    struct source_status status; /* guarded by flow->lock */
    int64_t bad_rows;
};

struct flow {
    struct flow_config cfg;
    struct worker *workers;
    size_t workers_len;
    pthread_mutex_t lock;
    pthread_cond_t job_ready, job_done;
    atomic_bool is_stopping;
    int64_t status_due_ms, upkeep_due_ms;
};

/* ---- small things ------------------------------------------------------------------------------- */

static bool stopping(struct flow *f)
{
    return atomic_load(&f->is_stopping);
}

static int64_t source_now_ns(const struct worker *w)
{
    return sv_wall_ns(w->flow->cfg.sv) + w->status.skew_ns;
}

/* Wait on cond for at most ms on the monotonic clock; the lock is held. */
static void wait_ms(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ms)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    (void)pthread_cond_timedwait(cond, lock, &t);
}

bool flow_route_wants(const struct flow_route *r, const struct alert *a)
{
    bool wanted = r->types_len == 0;

    if (a->severity < r->min_severity)
        return false;
    for (size_t i = 0; !wanted && i < r->types_len; i++) {
        size_t len = strlen(r->types[i]);

        wanted = len > 0 && r->types[i][len - 1] == '*'
                     ? strncmp(r->types[i], a->type->id, len - 1) == 0
                     : strcmp(r->types[i], a->type->id) == 0;
    }
    if (!wanted || r->accounts_len == 0)
        return wanted;
    for (size_t i = 0; i < r->accounts_len; i++)
        if (slice_eq_nocase(slice_of(r->accounts[i]), slice_of(a->account)))
            return true;
    return false;
}

/* ---- the ledger in memory -------------------------------------------------------------------------- */

static bool is_final(const struct window *w)
{
    return w->state == WINDOW_RECHECKED || w->state == WINDOW_GAP;
}

static int ledger_keep(void *self, const struct window *win, struct error *err)
{
    struct worker *w = self;

    /* A final window only matters as the newest one: it says where the next begins. */
    if (w->ledger_len > 0 && is_final(&w->ledger[w->ledger_len - 1]))
        w->ledger_len--;
    if (w->ledger_len == w->ledger_cap) {
        size_t cap = w->ledger_cap ? w->ledger_cap * 2 : 64;
        struct window *grown = realloc(w->ledger, cap * sizeof *grown);

        if (!grown)
            return error_set(err, ERR_NOMEM, "no memory for the ledger of %s", w->source.name);
        w->ledger = grown;
        w->ledger_cap = cap;
    }
    w->ledger[w->ledger_len++] = *win;
    return 0;
}

/* Bring the ledger in memory up to what was just made durable. */
static int ledger_note(struct worker *w, const struct window *win, struct error *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < w->ledger_len; i++)
        if (w->ledger[i].from_ns == win->from_ns) {
            w->ledger[i] = *win;
            goto tidy;
        }
    if (ledger_keep(w, win, err) < 0)
        return -1;
tidy:
    for (size_t i = 0; i < w->ledger_len; i++)
        if (!is_final(&w->ledger[i]) || i + 1 == w->ledger_len)
            w->ledger[kept++] = w->ledger[i];
    w->ledger_len = kept;
    return 0;
}

/* The ledger anew: after a commit that failed nobody knows but the store what is in it. */
static int ledger_load(struct worker *w, struct error *err)
{
    w->ledger_len = 0;
    if (store_each_window(w->flow->cfg.store, w->source.name, INT64_MIN, ledger_keep, w, err) < 0)
        return error_wrap(err, "ledger of %s", w->source.name);
    return 0;
}

/* Event time up to which everything visible was read, over all sources. */
static int64_t watermark_ns(struct flow *f)
{
    int64_t low = INT64_MAX;

    for (size_t i = 0; i < f->workers_len; i++)
        if (f->workers[i].status.read_to_ns < low)
            low = f->workers[i].status.read_to_ns;
    return low == INT64_MAX ? 0 : low;
}

/* ---- flow thread: judge and commit one window ---------------------------------------------------------- */

static int load_alert(void *self, const char *id, struct alert **ret, struct error *err)
{
    struct flow *f = self;
    struct error e = { 0 };

    *ret = NULL;
    if (store_get_alert(f->cfg.store, id, ret, &e) == 0 || e.code == ERR_NOT_FOUND)
        return 0;
    *err = e;
    return -1;
}

static int write_baseline(void *self, const struct baseline_row *row, struct error *err)
{
    return store_put_baseline(((struct flow *)self)->cfg.store, row, err);
}

static int write_alert(void *self, const struct alert *a, bool is_told, struct error *err)
{
    struct flow *f = self;

    if (store_put_alert(f->cfg.store, a, err) < 0)
        return -1;
    if (!is_told || a->is_suppressed)
        return 0;
    for (size_t i = 0; i < f->cfg.routes_len; i++)
        if (flow_route_wants(&f->cfg.routes[i], a) &&
            store_add_delivery(f->cfg.store, f->cfg.routes[i].output, a, err) < 0)
            return -1;
    return 0;
}

/* A gap is said as an alert of its own. */
static int emit_gap(struct flow *f, const struct job *job, const struct stage_loader *load, struct error *err)
{
    CLEANUP(buf_release) struct buf from = BUF_INIT(64);
    CLEANUP(buf_release) struct buf to = BUF_INIT(64);
    const struct window *w = &job->window;

    time_add_iso(&from, w->from_ns, 0);
    time_add_iso(&to, w->to_ns, 0);
    const struct fact_value facts[] = {
        { .name = "gapFrom", .kind = FACT_SET, .text = slice_of(buf_cstr(&from)) },
        { .name = "gapTo", .kind = FACT_SET, .text = slice_of(buf_cstr(&to)) },
        { .name = "reason", .kind = FACT_SET, .text = slice_of(w->reason) },
    };

    return engine_emit(f->cfg.engine, &(struct alert_draft){
        .detector = "coverage", .state_version = 1, .type = "CosmosDBX_LogSilence", .variant = ".Gap",
        .severity = SEVERITY_MEDIUM, .confidence = 100, .subject = slice_of(w->source),
        .bucket_ns = time_floor(w->from_ns, NS_PER_DAY), .first_ns = w->from_ns, .last_ns = w->to_ns,
        .count = 1, .facts = facts, .facts_len = ARRAY_LEN(facts) }, load, err);
}

static int judge(struct flow *f, struct worker *w, struct job *job, struct buf *seen, struct error *err)
{
    const struct stage_loader load = { .self = f, .load = load_alert };
    struct fold *fold = job->batch.fold;

    if (job->is_gap)
        return emit_gap(f, job, &load, err);
    fold_seen(fold, seen);
    if (buf_check(seen, err) < 0)
        return error_wrap(err, "remember what the window held");
    if (job->is_recheck) {
        CLEANUP(buf_release) struct buf old = BUF_INIT(SEEN_MAX_BYTES);

        if (store_get_seen(f->cfg.store, &job->window, &old, err) < 0 ||
            fold_surplus(fold, buf_slice(&old), err) < 0)
            return error_wrap(err, "re-check");
        w->status.late_rows += job->batch.records - job->window.records;
    }
    FAULT_POINT("detector.before");
    if (engine_judge(f->cfg.engine, fold_sorted(fold), fold_len(fold), job->window.is_backfill,
                     watermark_ns(f), &load, err) < 0)
        return -1;
    FAULT_POINT("detector.after");
    return 0;
}

static int write_window(struct flow *f, struct job *job, const struct buf *seen, struct error *err)
{
    struct window *w = &job->window;

    if (store_put_window(f->cfg.store, w, err) < 0)
        return -1;
    if (w->state != WINDOW_CLOSED)
        return 0;
    return store_put_seen(f->cfg.store, w, buf_slice(seen), err);
}

static int commit(struct flow *f, struct job *job, const struct buf *seen, struct error *err)
{
    struct store *s = f->cfg.store;

    FAULT_POINT("txn.begin");
    if (store_begin(s, err) < 0)
        return -1;
    if (stage_settle(engine_stage(f->cfg.engine), watermark_ns(f), write_alert, f, err) < 0 ||
        baseline_each_changed(engine_baseline(f->cfg.engine), write_baseline, f, err) < 0 ||
        write_window(f, job, seen, err) < 0)
        goto failed;
    FAULT_POINT("txn.before_commit");
    if (store_commit(s, err) < 0)
        goto failed;
    FAULT_POINT("txn.after_commit");
    baseline_mark_clean(engine_baseline(f->cfg.engine));
    stage_commit(engine_stage(f->cfg.engine));
    delivery_wake(f->cfg.delivery);
    return 0;
failed:
    store_rollback(s);
    return -1;
}

static int adopt_alert(void *self, const struct alert *a, struct error *err)
{
    struct flow *f = self;
    CLEANUP(buf_release) struct buf copy = BUF_INIT(4u << 20);
    struct alert *own = NULL;

    if (alert_save(a, &copy, err) < 0 || alert_load(buf_slice(&copy), &own, err) < 0)
        return -1;
    return stage_adopt(engine_stage(f->cfg.engine), own, err);
}

/* Baselines and open alerts as the store has them: at the start, and after a commit that failed. */
static int reload(struct flow *f, struct error *err)
{
    const struct alert_filter open_ones = { .until_ns = INT64_MAX, .since_ns = INT64_MIN, .only_open = true };

    baseline_forget_all(engine_baseline(f->cfg.engine));
    stage_forget(engine_stage(f->cfg.engine));
    if (store_load_baselines(f->cfg.store, engine_baseline(f->cfg.engine), err) < 0)
        return -1;
    return store_each_alert(f->cfg.store, &open_ones, adopt_alert, f, err);
}

static void describe_window(struct worker *w, struct job *job)
{
    struct window *win = &job->window;

    win->read_ns = source_now_ns(w);
    win->reason[0] = job->is_gap ? win->reason[0] : '\0';
    win->attempts = 0;
    if (job->is_gap) {
        win->state = WINDOW_GAP;
        return;
    }
    win->records = job->batch.records;
    win->observations = (int64_t)fold_len(job->batch.fold);
    if (job->is_recheck)
        win->rechecks++;
    win->state = window_is_rechecked(&w->timing, win) ? WINDOW_RECHECKED : WINDOW_CLOSED;
}

static int process(struct flow *f, struct worker *w, struct job *job, struct error *err)
{
    CLEANUP(buf_release) struct buf seen = BUF_INIT(SEEN_MAX_BYTES);
    struct error again = { 0 };
    int rc = judge(f, w, job, &seen, err);

    describe_window(w, job);
    if (rc == 0)
        rc = commit(f, job, &seen, err);
    if (rc == 0)
        return 0;
    if (reload(f, &again) < 0)
        log_event(LOG_LEVEL_ERROR, "flow", "state could not be read back after a failed commit",
                  "cause", again.msg, NULL);
    return -1;
}

/* ---- source worker --------------------------------------------------------------------------------------- */

static void on_bad_row(void *self, struct slice raw, const char *reason)
{
    struct worker *w = self;
    struct error err = { 0 };

    w->bad_rows++;
    if (store_park_row(w->flow->cfg.store, w->source.name, raw, reason, sv_wall_ns(w->flow->cfg.sv), &err) < 0)
        log_event(LOG_LEVEL_WARN, w->source.name, "a row that cannot be read could not be kept either",
                  "cause", err.msg, NULL);
}

/* Give the job to the flow thread and wait for its end. */
static int hand_over(struct worker *w)
{
    struct flow *f = w->flow;
    int rc = -1;

    pthread_mutex_lock(&f->lock);
    w->job.state = stopping(f) ? JOB_FAILED : JOB_READY;
    pthread_cond_signal(&f->job_ready);
    while (w->job.state == JOB_READY)
        pthread_cond_wait(&f->job_done, &f->lock);
    rc = w->job.state == JOB_DONE ? 0 : -1;
    w->job.state = JOB_NONE;
    pthread_mutex_unlock(&f->lock);
    return rc;
}

static void pause_worker(struct worker *w, int64_t ms)
{
    struct flow *f = w->flow;

    pthread_mutex_lock(&f->lock);
    if (!stopping(f))
        wait_ms(&f->job_done, &f->lock, ms);
    pthread_mutex_unlock(&f->lock);
}

static void set_state(struct worker *w, const char *state, const char *reason)
{
    pthread_mutex_lock(&w->flow->lock);
    w->status.state = state;
    if (reason)
        (void)snprintf(w->status.reason, sizeof w->status.reason, "%s", reason);
    pthread_mutex_unlock(&w->flow->lock);
}

/* How long the service asked to be left alone. A throttled query service that does not say so counts its
 * requests over 30 seconds (Azure Monitor service limits). */
static int64_t asked_for_ms(const struct error *why)
{
    return why->code == ERR_BUSY && why->retry_after_ms == 0 ? 30000 : why->retry_after_ms;
}

/* A window could not be read: say it once, keep it open, wait. */
static void read_failed(struct worker *w, struct window *win, const struct error *why)
{
    int64_t delay = backoff_next(&w->backoff, asked_for_ms(why), w->flow->cfg.sv);
    CLEANUP(buf_release) struct buf wait = BUF_INIT(64);
    struct error err = { 0 };

    fmt_duration_ms(&wait, delay);
    log_event(LOG_LEVEL_WARN, w->source.name, "window could not be read", "cause", why->msg,
              "retrying_in", buf_cstr(&wait), NULL);
    win->attempts++;
    win->state = WINDOW_PENDING;
    (void)snprintf(win->reason, sizeof win->reason, "%.199s", why->msg);
    if (store_put_window(w->flow->cfg.store, win, &err) < 0)
        log_event(LOG_LEVEL_ERROR, w->source.name, "the ledger could not be written", "cause", err.msg, NULL);
    (void)ledger_note(w, win, &err);
    set_state(w, "failing", why->msg);
    pause_worker(w, delay);
}

static int read_window(struct worker *w, const struct window *win, struct error *err)
{
    const struct source_request req = {
        .from_ns = win->from_ns,
        .to_ns = win->to_ns,
        .is_backfill = win->is_backfill,
        .horizon_ns = w->flow->cfg.horizon_ns,
    };

    fold_reset(w->fold);
    w->job.batch = (struct source_batch){ .fold = w->fold, .bad_self = w, .on_bad = on_bad_row };
    FAULT_POINT("query.sent");
    if (w->source.ops->read(w->source.self, &req, &w->job.batch, err) < 0)
        return -1;
    FAULT_POINT("rows.decoded");
    return 0;
}

static void note_success(struct worker *w, const struct job *job)
{
    struct flow *f = w->flow;

    pthread_mutex_lock(&f->lock);
    w->status.windows++;
    w->status.queries += job->batch.queries;
    w->status.rows += job->is_recheck ? 0 : job->batch.records;
    w->status.bad_rows = w->bad_rows;
    if (job->batch.skew_ns != 0)
        w->status.skew_ns = job->batch.skew_ns;
    if (!job->is_recheck && job->window.to_ns > w->status.read_to_ns)
        w->status.read_to_ns = job->window.to_ns;
    w->status.last_success_ns = sv_wall_ns(f->cfg.sv);
    w->status.is_backfilling = job->window.is_backfill;
    w->status.state = "reading";
    w->status.reason[0] = '\0';
    pthread_mutex_unlock(&f->lock);
}

static void do_gap(struct worker *w, struct window *win)
{
    struct error err = { 0 };

    log_event(LOG_LEVEL_ERROR, w->source.name, "an interval can no longer be read and is lost",
              "cause", win->reason, NULL);
    fold_reset(w->fold);
    w->job.batch = (struct source_batch){ .fold = w->fold };
    w->job.window = *win;
    w->job.is_recheck = false;
    w->job.is_gap = true;
    if (hand_over(w) == 0)
        (void)ledger_note(w, &w->job.window, &err);
}

/* More rows than can be read or held. The source has split its questions as far as they go; a shorter window
 * helps when memory was the limit. A moment that is too full even alone is lost, and said so. */
static void too_much(struct worker *w, struct window *win, const struct error *why)
{
    int64_t half = (win->to_ns - win->from_ns) / 2;
    struct error err = { 0 };

    (void)snprintf(win->reason, sizeof win->reason, "%.199s", why->msg);
    if (half < NS_PER_S) {
        do_gap(w, win);
        return;
    }
    log_event(LOG_LEVEL_WARN, w->source.name, "a window holds too much and is halved", "cause", why->msg, NULL);
    win->to_ns = win->from_ns + half - half % 100;
    win->attempts++;
    if (store_put_window(w->flow->cfg.store, win, &err) < 0)
        log_event(LOG_LEVEL_ERROR, w->source.name, "the ledger could not be written", "cause", err.msg, NULL);
    (void)ledger_note(w, win, &err);
}

/* Read (again) and have it judged; what is durable afterwards goes into the ledger in memory. */
static void do_window(struct worker *w, struct window *win, bool is_recheck)
{
    struct error err = { 0 };
    enum window_state before = win->state;

    if (!is_recheck) {
        win->state = WINDOW_PENDING;
        if (store_put_window(w->flow->cfg.store, win, &err) < 0) {
            read_failed(w, win, &err);
            return;
        }
        FAULT_POINT("window.planned");
    }
    if (read_window(w, win, &err) < 0) {
        if (stopping(w->flow))
            return;
        if (is_recheck) { /* stays closed; tried again later */
            win->state = before;
            log_event(LOG_LEVEL_WARN, w->source.name, "re-check could not be read", "cause", err.msg, NULL);
            pause_worker(w, backoff_next(&w->backoff, asked_for_ms(&err), w->flow->cfg.sv));
            return;
        }
        if (err.code == ERR_LIMIT)
            too_much(w, win, &err);
        else
            read_failed(w, win, &err);
        return;
    }
    w->job.window = *win;
    w->job.is_recheck = is_recheck;
    w->job.is_gap = false;
    if (hand_over(w) < 0) {
        if (!stopping(w->flow) && ledger_load(w, &err) < 0)
            log_event(LOG_LEVEL_ERROR, w->source.name, "the ledger could not be read", "cause", err.msg, NULL);
        pause_worker(w, backoff_next(&w->backoff, 0, w->flow->cfg.sv));
        return;
    }
    backoff_reset(&w->backoff);
    if (ledger_note(w, &w->job.window, &err) < 0)
        log_event(LOG_LEVEL_ERROR, w->source.name, err.msg, NULL);
    note_success(w, &w->job);
}

/* Does the closed window hold more rows now than when it was read? If not, one re-check is done. */
static void do_recheck(struct worker *w, struct window *win)
{
    const int64_t edges[2] = { win->from_ns, win->to_ns };
    int64_t now = 0;
    struct error err = { 0 };

    if (w->source.ops->count(w->source.self, edges, 1, &now, &err) < 0) {
        log_event(LOG_LEVEL_WARN, w->source.name, "re-check could not be counted", "cause", err.msg, NULL);
        set_state(w, "failing", err.msg);
        pause_worker(w, backoff_next(&w->backoff, asked_for_ms(&err), w->flow->cfg.sv));
        return;
    }
    backoff_reset(&w->backoff);
    if (now > win->records) {
        do_window(w, win, true);
        return;
    }
    win->rechecks++;
    if (window_is_rechecked(&w->timing, win))
        win->state = WINDOW_RECHECKED;
    if (store_put_window(w->flow->cfg.store, win, &err) < 0 || ledger_note(w, win, &err) < 0)
        log_event(LOG_LEVEL_ERROR, w->source.name, "the ledger could not be written", "cause", err.msg, NULL);
}

static void note_caught_up(struct worker *w)
{
    pthread_mutex_lock(&w->flow->lock);
    w->status.is_caught_up = true;
    pthread_cond_signal(&w->flow->job_ready);
    pthread_mutex_unlock(&w->flow->lock);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct flow *f = w->flow;

    while (!stopping(f)) {
        struct window_plan plan = { 0 };

        if (store_is_full(f->cfg.store)) {
            set_state(w, "paused", "the store is full: undelivered alerts wait, reading resumes when they are out");
            pause_worker(w, 5000);
            continue;
        }
        window_next(&w->timing, w->source.name, w->ledger, w->ledger_len, source_now_ns(w), &plan);
        switch (plan.task) {
        case WINDOW_TASK_READ: do_window(w, &plan.window, false); break;
        case WINDOW_TASK_RECHECK: do_recheck(w, &plan.window); break;
        case WINDOW_TASK_GAP: do_gap(w, &plan.window); break;
        case WINDOW_TASK_NONE:
            set_state(w, "up to date", "");
            note_caught_up(w);
            pause_worker(w, plan.wait_ms < 1 ? 1 : plan.wait_ms > 60000 ? 60000 : plan.wait_ms);
            break;
        }
    }
    return NULL;
}

/* ---- start, loop, end ---------------------------------------------------------------------------------------- */

void flow_stop(struct flow *f)
{
    atomic_store(&f->is_stopping, true);
}

static int worker_init(struct worker *w, struct flow *f, const struct flow_source *source, struct error *err)
{
    w->flow = f;
    w->source = *source;
    w->backoff = (struct backoff){ .base_ms = 1000, .cap_ms = 300000 };
    w->status = (struct source_status){ .name = source->name, .type = source->ops->name, .state = "starting" };
    source->ops->timing(source->self, &w->timing);
    w->fold = fold_new((size_t)FOLD_MAX_BYTES);
    if (!w->fold)
        return error_set(err, ERR_NOMEM, "no memory for source %s", source->name);
    if (ledger_load(w, err) < 0)
        return -1;
    for (size_t i = 0; i < w->ledger_len; i++)
        if (w->ledger[i].state != WINDOW_PENDING && w->ledger[i].state != WINDOW_READING &&
            w->ledger[i].to_ns > w->status.read_to_ns)
            w->status.read_to_ns = w->ledger[i].to_ns;
    return 0;
}

int flow_new(const struct flow_config *cfg, struct flow **ret, struct error *err)
{
    struct flow *f = calloc(1, sizeof *f);
    pthread_condattr_t monotonic;

    if (!f)
        return error_set(err, ERR_NOMEM, "no memory for the flow");
    f->cfg = *cfg;
    (void)pthread_mutex_init(&f->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&f->job_ready, &monotonic);
    (void)pthread_cond_init(&f->job_done, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    f->workers = calloc(cfg->sources_len + 1, sizeof *f->workers);
    if (!f->workers) {
        flow_free(f);
        return error_set(err, ERR_NOMEM, "no memory for the sources");
    }
    for (; f->workers_len < cfg->sources_len; f->workers_len++)
        if (worker_init(&f->workers[f->workers_len], f, &cfg->sources[f->workers_len], err) < 0) {
            f->workers_len++;
            flow_free(f);
            return -1;
        }
    if (reload(f, err) < 0) {
        flow_free(f);
        return error_wrap(err, "state");
    }
    *ret = f;
    return 0;
}

void flow_free(struct flow *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->workers_len; i++) {
        fold_free(f->workers[i].fold);
        free(f->workers[i].ledger);
    }
    free(f->workers);
    (void)pthread_cond_destroy(&f->job_ready);
    (void)pthread_cond_destroy(&f->job_done);
    (void)pthread_mutex_destroy(&f->lock);
    free(f);
}

static struct worker *next_ready(struct flow *f)
{
    for (size_t i = 0; i < f->workers_len; i++)
        if (f->workers[i].job.state == JOB_READY)
            return &f->workers[i];
    return NULL;
}

static bool all_caught_up(struct flow *f)
{
    for (size_t i = 0; i < f->workers_len; i++)
        if (!f->workers[i].status.is_caught_up)
            return false;
    return true;
}

void flow_say_status(struct flow *f)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(4u << 20);
    struct source_status sources[64];
    size_t n = 0;
    struct error err = { 0 };

    pthread_mutex_lock(&f->lock);
    for (; n < f->workers_len && n < ARRAY_LEN(sources); n++)
        sources[n] = f->workers[n].status;
    pthread_mutex_unlock(&f->lock);
    status_build(&text, &(struct status_parts){
        .sv = f->cfg.sv, .store = f->cfg.store, .engine = f->cfg.engine, .delivery = f->cfg.delivery,
        .feeder = f->cfg.feeder, .sources = sources, .sources_len = n });
    if (buf_check(&text, &err) < 0 ||
        store_put_blob(f->cfg.store, STORE_BLOB_STATUS, buf_slice(&text), &err) < 0)
        log_event(LOG_LEVEL_WARN, "status", "could not be written", "cause", err.msg, NULL);
    f->status_due_ms = sv_mono_ms(f->cfg.sv) + STATUS_EVERY_MS;
}

/* Old windows merge, old alerts leave: now and then. */
static void upkeep(struct flow *f)
{
    int64_t now = sv_wall_ns(f->cfg.sv);
    struct error err = { 0 };

    f->upkeep_due_ms = sv_mono_ms(f->cfg.sv) + UPKEEP_EVERY_MS;
    if (store_compact_ledger(f->cfg.store, now - 3 * NS_PER_DAY, &err) < 0 ||
        store_forget_alerts(f->cfg.store, now - f->cfg.retention_ns, &err) < 0)
        log_event(LOG_LEVEL_WARN, "store", "upkeep failed", "cause", err.msg, NULL);
}

static void take_job(struct flow *f, struct worker *w)
{
    struct error err = { 0 };
    int rc = process(f, w, &w->job, &err);

    if (rc < 0)
        log_event(LOG_LEVEL_ERROR, w->source.name, "window was read but could not be judged and kept",
                  "cause", err.msg, "what_now", "it stays open and is read again", NULL);
    pthread_mutex_lock(&f->lock);
    w->job.state = rc == 0 ? JOB_DONE : JOB_FAILED;
    if (rc < 0) {
        w->status.state = "failing";
        (void)snprintf(w->status.reason, sizeof w->status.reason, "%s", err.msg);
    }
    pthread_cond_broadcast(&f->job_done);
    pthread_mutex_unlock(&f->lock);
}

static void loop(struct flow *f, void (*on_progress)(void *self), void *self)
{
    bool is_done = false;

    while (!is_done && !stopping(f)) {
        struct worker *w = NULL;

        pthread_mutex_lock(&f->lock);
        w = next_ready(f);
        if (!w && !(f->cfg.until_caught_up && all_caught_up(f)))
            wait_ms(&f->job_ready, &f->lock, 200);
        w = w ? w : next_ready(f);
        is_done = !w && f->cfg.until_caught_up && all_caught_up(f);
        pthread_mutex_unlock(&f->lock);
        if (w)
            take_job(f, w);
        if (f->cfg.feeder)
            feeder_swap(f->cfg.feeder, f->cfg.store);
        if (on_progress)
            on_progress(self);
        if (sv_mono_ms(f->cfg.sv) >= f->status_due_ms)
            flow_say_status(f);
        if (sv_mono_ms(f->cfg.sv) >= f->upkeep_due_ms)
            upkeep(f);
    }
}

/* Let every worker out: those that wait for a judgement get a refusal. */
static void stop_workers(struct flow *f)
{
    flow_stop(f);
    for (size_t i = 0; i < f->workers_len; i++) {
        struct worker *w = &f->workers[i];

        pthread_mutex_lock(&f->lock);
        if (w->job.state == JOB_READY)
            w->job.state = JOB_FAILED;
        pthread_cond_broadcast(&f->job_done);
        pthread_mutex_unlock(&f->lock);
    }
    for (size_t i = 0; i < f->workers_len; i++)
        if (f->workers[i].is_started)
            (void)pthread_join(f->workers[i].thread, NULL);
}

int flow_run(struct flow *f, void (*on_progress)(void *self), void *self, struct error *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < f->workers_len; i++) {
        rc = pthread_create(&f->workers[i].thread, NULL, worker_main, &f->workers[i]);
        f->workers[i].is_started = rc == 0;
    }
    if (rc != 0)
        error_errno(err, ERR_IO, rc, "no thread for a source");
    else
        loop(f, on_progress, self);
    stop_workers(f);
    flow_say_status(f);
    return rc == 0 ? 0 : -1;
}
