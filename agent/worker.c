/* worker.c - see worker.h. A window that cannot be read stays what it was in the ledger and is read again; nothing
 * of the failed attempt is kept.
 * SPDX-License-Identifier: Apache-2.0 */
#include "worker.h"

#include "apart/apart.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/num.h"
#include "base/timeutil.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PAUSE_PART_MS 60000 /* so late it is noticed that this host slept */
#define FOLD_MAX_BYTES (INT64_C(512) << 20) /* of one window; a fuller one is halved */

int64_t worker_now_ns(const struct worker *w)
{
    int64_t now = 0;

    return w->source.ops->now(w->source.self, &now) ? now : sv_wall_ns(w->board->sv);
}

void board_wait_ms(struct board *b, pthread_cond_t *cond, int64_t ms)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += (time_t)(ms / 1000);
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    (void)pthread_cond_timedwait(cond, &b->lock, &t);
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
    w->is_ledger_stale = true;
    if (store_each_window(w->board->store, w->source.name, INT64_MIN, ledger_keep, w, err) < 0)
        return error_wrap(err, "ledger of %s", w->source.name);
    w->is_ledger_stale = false;
    return 0;
}

/* ---- source worker --------------------------------------------------------------------------------------- */

static void on_bad_row(void *self, struct slice raw, const char *reason)
{
    struct worker *w = self;
    struct error err = { 0 };

    w->bad_rows++;
    if (store_park_row(w->board->store, w->source.name, raw, reason, sv_wall_ns(w->board->sv), &err) < 0)
        log_event(LOG_LEVEL_WARN, w->source.name, "a row that cannot be read could not be kept either",
                  "cause", err.msg, NULL);
}

/* Give the job to the flow thread and wait for its end. */
static int hand_over(struct worker *w)
{
    struct board *f = w->board;
    int rc = -1;

    pthread_mutex_lock(&f->lock);
    w->job.state = board_is_stopping(f) ? JOB_FAILED : JOB_READY;
    pthread_cond_signal(&f->job_ready);
    while (w->job.state == JOB_READY)
        pthread_cond_wait(&f->job_done, &f->lock);
    rc = w->job.state == JOB_DONE ? 0 : -1;
    w->job.state = JOB_NONE;
    pthread_mutex_unlock(&f->lock);
    return rc;
}

/* Whole, although every job that ends, of any source, wakes us: who was told to wait is not to ask earlier. */
static void pause_worker(struct worker *w, int64_t ms)
{
    struct board *f = w->board;
    int64_t until_ms = i64_add_sat(sv_mono_ms(f->sv), ms), left;

    pthread_mutex_lock(&f->lock);
    while (!board_is_stopping(f) && (left = until_ms - sv_mono_ms(f->sv)) > 0)
        board_wait_ms(f, &f->job_done, left < PAUSE_PART_MS ? left : PAUSE_PART_MS);
    pthread_mutex_unlock(&f->lock);
}

static void set_state(struct worker *w, const char *state, const char *reason)
{
    pthread_mutex_lock(&w->board->lock);
    w->status.state = state;
    w->status.broken_since_ms = w->outage.since_ms;
    if (reason)
        (void)snprintf(w->status.reason, sizeof w->status.reason, "%s", reason);
    pthread_mutex_unlock(&w->board->lock);
}

/* How long the service asked to be left alone. A throttled query service that does not say so counts its
 * requests over 30 seconds (Azure Monitor service limits). */
static int64_t asked_for_ms(const struct error *why)
{
    return why->code == ERR_BUSY && why->retry_after_ms == 0 ? 30000 : why->retry_after_ms;
}

/* Something is in the way of this source: say it once, then now and then, and wait. At the end it is ourselves. */
static int64_t say_failing(struct worker *w, const char *what, const struct error *why)
{
    if (board_is_stopping(w->board))
        return 0;

    int64_t now = sv_mono_ms(w->board->sv), delay = backoff_next(&w->backoff, asked_for_ms(why), w->board->sv);
    enum outage_say say = outage_note(&w->outage, now);
    CLEANUP(buf_release) struct buf wait = BUF_HERE(64);
    CLEANUP(buf_release) struct buf since = BUF_HERE(64);

    set_state(w, "failing", why->msg);
    if (say == OUTAGE_QUIET)
        return delay;
    fmt_duration_ms(&wait, delay);
    fmt_duration_ms(&since, now - w->outage.since_ms);
    log_event(LOG_LEVEL_WARN, w->source.name, say == OUTAGE_NEW ? what : "reading is still interrupted", "cause", why->msg,
              "retrying_in", buf_cstr(&wait), "since", buf_cstr(&since), NULL);
    return delay;
}

static void say_works(struct worker *w)
{
    CLEANUP(buf_release) struct buf after = BUF_HERE(64);
    int64_t lasted_ms = 0;

    backoff_reset(&w->backoff);
    if (!outage_end(&w->outage, sv_mono_ms(w->board->sv), &lasted_ms))
        return;
    fmt_duration_ms(&after, lasted_ms);
    log_event(LOG_LEVEL_INFO, w->source.name, "reading works again", "after", buf_cstr(&after), NULL);
}

/* The window stays closed and is looked at again later; no other waits for that. */
static void recheck_failed(struct worker *w, const char *what, const struct error *why)
{
    w->is_recheck_put_off = true;
    pause_worker(w, say_failing(w, what, why));
}

/* A window could not be read: keep it open. */
static void read_failed(struct worker *w, struct window *win, const struct error *why)
{
    int64_t delay = say_failing(w, "window could not be read", why);
    struct error err = { 0 };

    win->attempts++;
    win->state = WINDOW_PENDING;
    (void)snprintf(win->reason, sizeof win->reason, "%.199s", why->msg);
    if (store_put_window(w->board->store, win, &err) < 0)
        log_event(LOG_LEVEL_ERROR, w->source.name, "the ledger could not be written", "cause", err.msg, NULL);
    (void)ledger_note(w, win, &err);
    pause_worker(w, delay);
}

static int read_window(struct worker *w, const struct window *win, struct error *err)
{
    const struct source_request req = {
        .from_ns = win->from_ns,
        .to_ns = win->to_ns,
        .is_backfill = win->is_backfill,
        .horizon_ns = w->board->horizon_ns,
    };

    fold_reset(w->fold);
    w->job.batch = (struct source_batch){ .fold = w->fold, .bad_self = w, .on_bad = on_bad_row };
    FAULT_POINT("query.sent");
    if (w->source.ops->read(w->source.self, &req, &w->job.batch, err) < 0)
        return -1;
    FAULT_POINT("rows.decoded");
    return 0;
}

/* How much of the history that teaches was read: what is left is what the planner still means to read before the
 * time from which alerts are raised. */
static int history_percent(const struct worker *w, const struct window *win)
{
    int64_t left = worker_now_ns(w) - w->timing.lookback_ns - win->to_ns, all = w->timing.backfill_ns;

    left = left < 0 ? 0 : left > all ? all : left;
    return all > 0 ? 100 - (int)(100.0 * (double)left / (double)all) : 100;
}

static void note_success(struct worker *w, const struct job *job)
{
    struct board *f = w->board;
    int percent = history_percent(w, &job->window);

    pthread_mutex_lock(&f->lock);
    w->status.windows++;
    w->status.queries += job->batch.queries;
    w->status.rows += job->is_recheck ? 0 : job->batch.records;
    w->status.bad_rows = w->bad_rows;
    w->status.skew_ns = worker_now_ns(w) - sv_wall_ns(f->sv);
    if (!job->is_recheck && job->window.to_ns > w->status.read_to_ns)
        w->status.read_to_ns = job->window.to_ns;
    w->status.last_success_ns = sv_wall_ns(f->sv);
    w->status.is_backfilling = job->window.is_backfill;
    w->status.history_percent = percent;
    w->status.state = "reading";
    w->status.reason[0] = '\0';
    w->status.broken_since_ms = 0;
    pthread_mutex_unlock(&f->lock);
}

/* Said to be lost when it is noted as lost: as long as that fails, what is wrong is said instead. */
static void do_gap(struct worker *w, struct window *win)
{
    struct error err = { 0 };

    fold_reset(w->fold);
    w->job.batch = (struct source_batch){ .fold = w->fold };
    w->job.window = *win;
    w->job.is_recheck = false;
    w->job.is_gap = true;
    if (hand_over(w) < 0) {
        w->is_ledger_stale = true;
        pause_worker(w, say_failing(w, "an interval that can no longer be read could not be noted as lost", &w->job.why));
        return;
    }
    log_event(LOG_LEVEL_ERROR, w->source.name, "an interval can no longer be read and is lost",
              "cause", win->reason, NULL);
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
    if (store_put_window(w->board->store, win, &err) < 0)
        log_event(LOG_LEVEL_ERROR, w->source.name, "the ledger could not be written", "cause", err.msg, NULL);
    (void)ledger_note(w, win, &err);
}

/* Read (again) and have it judged; what is durable afterwards goes into the ledger in memory. */
static void do_window(struct worker *w, struct window *win, bool is_recheck)
{
    struct error err = { 0 };

    if (!is_recheck) {
        win->state = WINDOW_PENDING;
        if (store_put_window(w->board->store, win, &err) < 0) {
            read_failed(w, win, &err);
            return;
        }
        FAULT_POINT("window.planned");
    }
    if (read_window(w, win, &err) < 0) {
        if (board_is_stopping(w->board))
            return;
        if (is_recheck)
            recheck_failed(w, "re-check could not be read", &err);
        else if (err.code == ERR_LIMIT)
            too_much(w, win, &err);
        else
            read_failed(w, win, &err);
        return;
    }
    w->job.window = *win;
    w->job.is_recheck = is_recheck;
    w->job.is_gap = false;
    if (hand_over(w) < 0) {
        w->is_ledger_stale = true;
        if (board_is_stopping(w->board))
            return;
        if (is_recheck)
            recheck_failed(w, "re-check was read but could not be judged and kept", &w->job.why);
        else
            pause_worker(w, say_failing(w, "window was read but could not be judged and kept, it stays open", &w->job.why));
        return;
    }
    say_works(w);
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
        recheck_failed(w, "re-check could not be counted", &err);
        return;
    }
    say_works(w);
    if (now > win->records) {
        do_window(w, win, true);
        return;
    }
    win->rechecks++;
    if (window_is_rechecked(&w->timing, win))
        win->state = WINDOW_RECHECKED;
    if (store_put_window(w->board->store, win, &err) < 0 || ledger_note(w, win, &err) < 0)
        log_event(LOG_LEVEL_ERROR, w->source.name, "the ledger could not be written", "cause", err.msg, NULL);
}

static void note_caught_up(struct worker *w)
{
    pthread_mutex_lock(&w->board->lock);
    w->status.is_caught_up = true;
    pthread_cond_signal(&w->board->job_ready);
    pthread_mutex_unlock(&w->board->lock);
}

static void say_full(struct worker *w, const char *output)
{
    char text[200];

    (void)snprintf(text, sizeof text, "the queue of output '%s' is full: reading resumes when it is out", output);
    set_state(w, "paused", text);
}

static bool knows_time(const struct worker *w)
{
    int64_t now = 0;

    return w->source.ops->now(w->source.self, &now);
}

/* Our clock may be wrong by years; what is counted does not matter, the answer's date does. */
static int ask_time(struct worker *w, struct error *err)
{
    int64_t now = sv_wall_ns(w->board->sv), count = 0;
    const int64_t edges[2] = { now - NS_PER_S, now };

    if (w->source.ops->count(w->source.self, edges, 1, &count, err) < 0)
        return -1;
    return knows_time(w) ? 0 : error_set(err, ERR_SERVER, "the answer has no date");
}

/* By the ledger and the time now. */
static void plan_window(struct worker *w, struct window_plan *ret)
{
    struct window_timing without = w->timing;

    if (w->is_recheck_put_off) {
        memset(without.recheck_ns, 0, sizeof without.recheck_ns);
        window_next(&without, w->source.name, w->ledger, w->ledger_len, worker_now_ns(w), ret);
        if (ret->task != WINDOW_TASK_NONE)
            return;
        w->is_recheck_put_off = false;
    }
    window_next(&w->timing, w->source.name, w->ledger, w->ledger_len, worker_now_ns(w), ret);
}

/* What to do next, by the source's time. As long as that is unknown our own clock does for beginning to read: a failed
 * attempt is noted, so that a gap will be known as one. It does not do for finding that nothing is to be done, that a
 * re-check is due or that an interval is lost: -1 then. */
static int plan_next(struct worker *w, struct window_plan *ret)
{
    struct error err = { 0 };

    if (!knows_time(w) && ask_time(w, &err) < 0) {
        plan_window(w, ret);
        if (ret->task == WINDOW_TASK_READ)
            return 0;
        pause_worker(w, say_failing(w, "the service's time could not be asked", &err));
        return -1;
    }
    plan_window(w, ret);
    return 0;
}

/* The ledger as the store has it, before anything is planned: half of one would plan the same hours again. */
static int freshen_ledger(struct worker *w)
{
    struct error err = { 0 };

    if (!w->is_ledger_stale || ledger_load(w, &err) == 0)
        return 0;
    pause_worker(w, say_failing(w, "the ledger could not be read", &err));
    return -1;
}

void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct board *f = w->board;

    while (!board_is_stopping(f)) {
        struct window_plan plan = { 0 };

        if (store_is_full(f->store)) {
            set_state(w, "paused", "the store is full: undelivered alerts wait, reading resumes when they are out");
            pause_worker(w, 5000);
            continue;
        }
        if (atomic_load(&f->full_output)) {
            say_full(w, atomic_load(&f->full_output));
            pause_worker(w, 1000);
            continue;
        }
        if (freshen_ledger(w) < 0 || plan_next(w, &plan) < 0)
            continue;
        switch (plan.task) {
        case WINDOW_TASK_READ: do_window(w, &plan.window, false); break;
        case WINDOW_TASK_RECHECK: do_recheck(w, &plan.window); break;
        case WINDOW_TASK_GAP: do_gap(w, &plan.window); break;
        case WINDOW_TASK_NONE:
            if (f->sv->reader)
                apart_rest(f->sv->reader);
            if (f->sv->statement_reader)
                apart_rest(f->sv->statement_reader);
            set_state(w, "up to date", "");
            note_caught_up(w);
            pause_worker(w, plan.wait_ms < 1 ? 1 : plan.wait_ms > 60000 ? 60000 : plan.wait_ms);
            break;
        }
    }
    return NULL;
}

/* ---- start and end ----------------------------------------------------------------------------------------- */

int worker_init(struct worker *w, struct board *board, const struct worker_source *source, struct error *err)
{
    w->board = board;
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

void worker_release(struct worker *w)
{
    fold_free(w->fold);
    free(w->ledger);
}
