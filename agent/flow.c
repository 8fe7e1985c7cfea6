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
#include "alert/suppress.h"
#include "backfill.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "certificates.h"
#include "delivery/route.h"
#include "enrich/enrich.h"
#include "enrich/trusted.h"
#include "feeder.h"
#include "kept_trust.h"
#include "net/http.h"
#include "queues.h"
#include "requests.h"
#include "status.h"
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SEEN_MAX_BYTES (64u << 20)
#define STATUS_EVERY_MS 2000
#define UPKEEP_EVERY_MS 600000

struct flow {
    struct flow_config cfg;
    struct worker *workers;
    size_t workers_len;
    struct board board;
    struct backfill *backfill;
    struct queues *queues;
    int64_t status_due_ms, upkeep_due_ms;
    struct outage unsaid; /* the status could not be written */
    bool is_stale;        /* a commit failed and the store could not be read since: nothing is judged by what is left */
    int64_t warned_ns; /* when exceptions that end were last spoken of */
};

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
    for (size_t i = 0; i < f->cfg.outputs_len; i++) {
        bool is_wanted = false;

        if (route_judge(f->cfg.routes[i], a, &is_wanted, NULL, err) < 0 ||
            (is_wanted && store_add_delivery(f->cfg.store, f->cfg.outputs[i].name, a, err) < 0))
            return -1;
    }
    return 0;
}

/* A gap is said as an alert of its own. */
static int emit_gap(struct flow *f, const struct job *job, const struct stage_loader *load, struct error *err)
{
    CLEANUP(buf_release) struct buf from = BUF_HERE(64);
    CLEANUP(buf_release) struct buf to = BUF_HERE(64);
    const struct window *w = &job->window;

    engine_excuse(f->cfg.engine, w->to_ns);
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

/* A statement that no reader survives; its row counts all the same. */
static void park_statement(void *self, struct slice text, const char *reason)
{
    struct worker *w = self;
    struct error err = { 0 };

    if (store_park_row(w->board->store, w->source.name, text, reason, sv_wall_ns(w->board->sv), &err) < 0)
        log_event(LOG_LEVEL_WARN, w->source.name, "a statement that cannot be read could not be kept either",
                  "cause", err.msg, NULL);
}

/* What the window was seen to hold is taken off. Where that is not known (a damaged row was taken out of the store, another
 * release wrote it) all of it counts once more: a number too high is the smaller harm, a row unseen the greater. */
static int take_off_seen(struct flow *f, struct worker *w, struct job *job, struct error *err)
{
    CLEANUP(buf_release) struct buf old = BUF_INIT(SEEN_MAX_BYTES);
    CLEANUP(buf_release) struct buf from = BUF_HERE(64);
    struct error why = { 0 };

    if (store_get_seen(f->cfg.store, &job->window, &old, err) < 0)
        return -1;
    if (old.len > 0 && fold_surplus(job->batch.fold, buf_slice(&old), &why) == 0)
        return 0;
    if (old.len > 0 && why.code != ERR_STATE) {
        *err = why;
        return -1;
    }
    time_add_iso(&from, job->window.from_ns, 0);
    log_event(LOG_LEVEL_WARN, w->source.name, "late rows came and what was read before is not known: the window is read once "
              "more as a whole, its alerts may count rows twice", "from", buf_cstr(&from), "cause",
              why.msg[0] ? why.msg : "it is no longer in the store", NULL);
    return 0;
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
        if (take_off_seen(f, w, job, err) < 0)
            return error_wrap(err, "re-check");
        w->status.late_rows += job->batch.records - job->window.records;
    }
    engine_tell_unread(f->cfg.engine, park_statement, w);
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

static const struct trusted *trusted_of(struct flow *f)
{
    return enrich_trusted(engine_enrich(f->cfg.engine));
}

static int commit(struct flow *f, struct job *job, const struct buf *seen, struct error *err)
{
    struct store *s = f->cfg.store;

    FAULT_POINT("txn.begin");
    if (store_begin(s, err) < 0)
        return -1;
    if (stage_settle(engine_stage(f->cfg.engine), watermark_ns(f), write_alert, f, err) < 0 ||
        baseline_each_changed(engine_baseline(f->cfg.engine), write_baseline, f, err) < 0 ||
        write_window(f, job, seen, err) < 0 || kept_trust_save(f->cfg.store, trusted_of(f), err) < 0 ||
        queues_bound(f->queues, err) < 0)
        goto failed;
    FAULT_POINT("txn.before_commit");
    if (store_commit(s, err) < 0)
        goto failed;
    FAULT_POINT("txn.after_commit");
    baseline_mark_clean(engine_baseline(f->cfg.engine));
    stage_commit(engine_stage(f->cfg.engine));
    trusted_mark_saved(trusted_of(f));
    delivery_wake(f->cfg.delivery);
    atomic_store(&f->board.full_output, queues_full(f->queues));
    return 0;
failed:
    store_rollback(s);
    return -1;
}

static int adopt_alert(void *self, const struct alert *a, struct error *err)
{
    struct flow *f = self;
    CLEANUP(buf_release) struct buf copy = BUF_INIT(ALERT_SAVED_MAX);
    struct alert *own = NULL;

    if (alert_save(a, &copy, err) < 0 || alert_load(buf_slice(&copy), &own, err) < 0)
        return -1;
    return stage_adopt(engine_stage(f->cfg.engine), own, err);
}

/* Baselines and open alerts as the store has them: at the start, and after a commit that failed. */
static int reload(struct flow *f, struct error *err)
{
    const struct alert_filter open_ones = { .until_ns = INT64_MAX, .since_ns = INT64_MIN, .only_open = true };

    f->is_stale = true;
    engine_forget(f->cfg.engine);
    if (store_load_baselines(f->cfg.store, engine_baseline(f->cfg.engine), err) < 0 ||
        store_each_alert(f->cfg.store, &open_ones, adopt_alert, f, err) < 0 ||
        kept_trust_load(f->cfg.store, trusted_of(f), err) < 0)
        return -1;
    f->is_stale = false;
    return 0;
}

/* Without what was learned everything would be new, and would be learned so. */
static int freshen(struct flow *f, struct error *err)
{
    return f->is_stale && reload(f, err) < 0 ? error_wrap(err, "state") : 0;
}

/* What was changed in memory and not kept is not there: the state is read back, at the latest before it is needed. */
static void forget_failed(struct flow *f)
{
    struct error err = { 0 };

    if (reload(f, &err) < 0)
        log_event(LOG_LEVEL_ERROR, "flow", "state could not be read back after a failed commit", "cause", err.msg, "what_now",
                  "nothing is judged until it can", NULL);
}

static void describe_window(struct worker *w, struct job *job)
{
    struct window *win = &job->window;

    win->read_ns = worker_now_ns(w);
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
    int rc;

    if (freshen(f, err) < 0)
        return -1;
    rc = judge(f, w, job, &seen, err);
    describe_window(w, job);
    if (rc == 0)
        rc = commit(f, job, &seen, err);
    if (rc == 0)
        return 0;
    forget_failed(f);
    return -1;
}

/* ---- start, loop, end ---------------------------------------------------------------------------------------- */

void flow_stop(struct flow *f)
{
    atomic_store(&f->board.is_stopping, true);
}

static int make_helpers(struct flow *f, struct error *err)
{
    const struct flow_config *c = &f->cfg;
    const struct backfill_config backfill = { .sv = c->sv, .store = c->store, .outputs = c->outputs,
                                              .routes = c->routes, .outputs_len = c->outputs_len };
    const struct queues_config queues = { .sv = c->sv, .store = c->store, .outputs = c->outputs,
                                          .outputs_len = c->outputs_len };

    return backfill_new(&backfill, &f->backfill, err) < 0 || queues_new(&queues, &f->queues, err) < 0 ? -1 : 0;
}

int flow_new(const struct flow_config *cfg, struct flow **ret, struct error *err)
{
    struct flow *f = calloc(1, sizeof *f);
    pthread_condattr_t monotonic;

    if (!f)
        return error_set(err, ERR_NOMEM, "no memory for the flow");
    f->cfg = *cfg;
    f->board.sv = cfg->sv;
    f->board.store = cfg->store;
    f->board.horizon_ns = cfg->horizon_ns;
    (void)pthread_mutex_init(&f->board.lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&f->board.job_ready, &monotonic);
    (void)pthread_cond_init(&f->board.job_done, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    f->workers = calloc(cfg->sources_len + 1, sizeof *f->workers);
    if (!f->workers) {
        flow_free(f);
        return error_set(err, ERR_NOMEM, "no memory for the sources");
    }
    for (; f->workers_len < cfg->sources_len; f->workers_len++)
        if (worker_init(&f->workers[f->workers_len], &f->board, &cfg->sources[f->workers_len], err) < 0) {
            f->workers_len++;
            flow_free(f);
            return -1;
        }
    if (make_helpers(f, err) < 0 || reload(f, err) < 0) {
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
        worker_release(&f->workers[i]);
    }
    free(f->workers);
    backfill_free(f->backfill);
    queues_free(f->queues);
    (void)pthread_cond_destroy(&f->board.job_ready);
    (void)pthread_cond_destroy(&f->board.job_done);
    (void)pthread_mutex_destroy(&f->board.lock);
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

static void note_status_written(struct flow *f, bool is_written, const struct error *why)
{
    int64_t lasted_ms = 0, now = sv_mono_ms(f->cfg.sv);

    if (!is_written && outage_note(&f->unsaid, now) != OUTAGE_QUIET)
        log_event(LOG_LEVEL_WARN, "status", "could not be written", "cause", why->msg, NULL);
    if (is_written && outage_end(&f->unsaid, now, &lasted_ms))
        log_event(LOG_LEVEL_INFO, "status", "is written again", NULL);
}

void flow_say_status(struct flow *f)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(4u << 20);
    struct source_status sources[64];
    size_t n = 0;
    struct error err = { 0 };

    pthread_mutex_lock(&f->board.lock);
    for (; n < f->workers_len && n < ARRAY_LEN(sources); n++)
        sources[n] = f->workers[n].status;
    pthread_mutex_unlock(&f->board.lock);
    certificates_watch(f->cfg.certificates, f->cfg.sv);
    status_build(&text, &(struct status_parts){
        .sv = f->cfg.sv, .store = f->cfg.store, .engine = f->cfg.engine, .delivery = f->cfg.delivery,
        .feeder = f->cfg.feeder, .certificates = f->cfg.certificates, .sources = sources, .sources_len = n });
    note_status_written(f, buf_check(&text, &err) == 0 &&
                               store_put_blob(f->cfg.store, STORE_BLOB_STATUS, buf_slice(&text), &err) == 0, &err);
    f->status_due_ms = sv_mono_ms(f->cfg.sv) + STATUS_EVERY_MS;
}

static void warn_of_suppression(void *self UNUSED, const char *name, const char *what)
{
    log_event(LOG_LEVEL_WARN, "suppression", what, "name", name, NULL);
}

static void warn_of_trust(void *self UNUSED, const char *name, const char *what)
{
    log_event(LOG_LEVEL_WARN, "trusted", what, "entry", name, NULL);
}

/* Once a day: an exception that ends unnoticed is a night's alarm. */
static void warn_of_endings(struct flow *f, int64_t now_ns)
{
    if (f->warned_ns != 0 && now_ns < f->warned_ns + NS_PER_DAY)
        return;
    f->warned_ns = now_ns;
    suppress_warn(stage_suppress(engine_stage(f->cfg.engine)), now_ns, warn_of_suppression, NULL);
    trusted_warn(enrich_trusted(engine_enrich(f->cfg.engine)), now_ns, warn_of_trust, NULL);
}

/* What the operator asked for since: forget, confirm. Between windows, so that no window is judged half before and
 * half after it. */
static void carry_out_requests(struct flow *f)
{
    int64_t n = 0;
    struct error err = { 0 };
    char text[24];

    if (freshen(f, &err) < 0)
        return; /* the next window says so; they stay */
    if (requests_apply(f->cfg.store, engine_baseline(f->cfg.engine), watermark_ns(f), &n, &err) < 0) {
        log_event(LOG_LEVEL_ERROR, "requests", "could not be carried out, they stay", "cause", err.msg, NULL);
        forget_failed(f);
        return;
    }
    (void)snprintf(text, sizeof text, "%lld", (long long)n);
    if (n > 0)
        log_event(LOG_LEVEL_INFO, "requests", "carried out what the operator asked for", "entries", text, NULL);
}

static int64_t newest_read_ns(struct flow *f)
{
    int64_t newest = 0;

    for (size_t i = 0; i < f->workers_len; i++)
        if (f->workers[i].status.read_to_ns > newest)
            newest = f->workers[i].status.read_to_ns;
    return newest;
}

/* Old windows merge, old alerts leave: now and then. */
static void upkeep(struct flow *f)
{
    int64_t now = newest_read_ns(f); /* not our clock: set wrong, it would make everything old */
    struct error err = { 0 };

    warn_of_endings(f, sv_wall_ns(f->cfg.sv));
    f->upkeep_due_ms = sv_mono_ms(f->cfg.sv) + UPKEEP_EVERY_MS;
    if (store_compact_ledger(f->cfg.store, now - 3 * NS_PER_DAY, &err) < 0 ||
        store_forget_alerts(f->cfg.store, now - f->cfg.retention_ns, &err) < 0)
        log_event(LOG_LEVEL_WARN, "store", "upkeep failed", "cause", err.msg, NULL);
}

static void take_job(struct flow *f, struct worker *w)
{
    struct error err = { 0 };
    int rc = process(f, w, &w->job, &err);

    pthread_mutex_lock(&f->board.lock);
    w->job.why = err;
    w->job.state = rc == 0 ? JOB_DONE : JOB_FAILED;
    pthread_cond_broadcast(&f->board.job_done);
    pthread_mutex_unlock(&f->board.lock);
}

/* What has to do with outputs and not with windows. */
static void tend_outputs(struct flow *f)
{
    if (backfill_step(f->backfill))
        delivery_wake(f->cfg.delivery);
    if (sv_mono_ms(f->cfg.sv) < f->status_due_ms)
        return;
    backfill_look(f->backfill);
    queues_look(f->queues);
    atomic_store(&f->board.full_output, queues_full(f->queues));
}

static void loop(struct flow *f, void (*on_progress)(void *self), void *self)
{
    bool is_done = false;

    carry_out_requests(f); /* before anything is judged */
    backfill_look(f->backfill);
    while (!is_done && !board_is_stopping(&f->board)) {
        struct worker *w = NULL;

        pthread_mutex_lock(&f->board.lock);
        w = next_ready(f);
        if (!w && backfill_is_idle(f->backfill) && !(f->cfg.until_caught_up && all_caught_up(f)))
            board_wait_ms(&f->board, &f->board.job_ready, 200);
        w = w ? w : next_ready(f);
        is_done = !w && f->cfg.until_caught_up && all_caught_up(f) && backfill_is_idle(f->backfill);
        pthread_mutex_unlock(&f->board.lock);
        if (f->cfg.feeder) /* before the job: its rows are judged by what is known now */
            feeder_swap(f->cfg.feeder, f->cfg.store);
        if (w)
            take_job(f, w);
        tend_outputs(f);
        if (on_progress)
            on_progress(self);
        if (sv_mono_ms(f->cfg.sv) >= f->status_due_ms) {
            carry_out_requests(f);
            flow_say_status(f);
        }
        if (sv_mono_ms(f->cfg.sv) >= f->upkeep_due_ms)
            upkeep(f);
    }
}

/* Let every worker out: those that wait for a judgement get a refusal, those that wait for an answer are interrupted. */
static void stop_workers(struct flow *f)
{
    flow_stop(f);
    if (f->cfg.source_http) /* a query may take minutes */
        http_client_cancel(f->cfg.source_http);
    for (size_t i = 0; i < f->workers_len; i++) {
        struct worker *w = &f->workers[i];

        pthread_mutex_lock(&f->board.lock);
        if (w->job.state == JOB_READY)
            w->job.state = JOB_FAILED;
        pthread_cond_broadcast(&f->board.job_done);
        pthread_mutex_unlock(&f->board.lock);
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
