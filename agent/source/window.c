/* window.c - see window.h.
 *
 * The ledger says everything: what comes next follows from its rows and the source's time alone, so a
 * restart plans what the last run would have planned. Windows start at multiples of their length where
 * they can, so that two agents with the same configuration read the same windows.
 *
 * Backfill ends where the look-back begins, and that is reckoned from now: an installation that is
 * switched off in the middle of its first hour and on again a week later learns up to a day ago and
 * raises alerts from there on.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/window.h"

#include "base/timeutil.h"

#include <stdio.h>
#include <string.h>

#define TICK_NS 100
/* Before 2016-01-01 there was no such service: a clock that says so is wrong, and what would be planned
 * by it would stay in the ledger. */
#define FIRST_POSSIBLE_NS (INT64_C(1451606400) * NS_PER_S)
#define CLOCK_WAIT_MS 60000
#define MIN_WAIT_MS 50
#define RECHECKS 4

static size_t rechecks_planned(const struct window_timing *t)
{
    size_t n = 0;

    while (n < RECHECKS && t->recheck_ns[n] > 0)
        n++;
    return n;
}

/* How many of the ages lie within `age`? */
static size_t ages_within(const struct window_timing *t, int64_t age_ns)
{
    size_t n = 0, all = rechecks_planned(t);

    while (n < all && t->recheck_ns[n] <= age_ns)
        n++;
    return n;
}

/* Re-checks done, or made needless by a first reading that came as late as they would have. */
static size_t rechecks_done(const struct window_timing *t, const struct window *w)
{
    size_t by_age = w->read_ns > 0 ? ages_within(t, w->read_ns - w->to_ns) : 0;
    size_t counted = w->rechecks > 0 ? (size_t)w->rechecks : 0;

    return counted > by_age ? counted : by_age;
}

bool window_is_rechecked(const struct window_timing *t, const struct window *w)
{
    return w->is_backfill || rechecks_done(t, w) >= rechecks_planned(t);
}

static bool is_open(const struct window *w)
{
    return w->state == WINDOW_PENDING || w->state == WINDOW_READING;
}

static int64_t step_ns(const struct window_timing *t)
{
    return t->window_ns >= TICK_NS ? t->window_ns - t->window_ns % TICK_NS : NS_PER_MIN;
}

static int64_t cutoff_ns(const struct window_timing *t, int64_t now_ns)
{
    return t->retention_ns > 0 ? now_ns - t->retention_ns : INT64_MIN;
}

static void plan_wait(struct window_plan *ret, const struct window_timing *t, int64_t wait_ns)
{
    int64_t most_ns = step_ns(t); /* look again soon: the clock may be put right meanwhile */

    wait_ns = wait_ns > most_ns ? most_ns : wait_ns;
    ret->task = WINDOW_TASK_NONE;
    ret->wait_ms = wait_ns / NS_PER_MS + 1;
    if (ret->wait_ms < MIN_WAIT_MS)
        ret->wait_ms = MIN_WAIT_MS;
}

static void plan_gap(struct window_plan *ret)
{
    ret->task = WINDOW_TASK_GAP;
    ret->window.state = WINDOW_GAP;
    (void)snprintf(ret->window.reason, sizeof ret->window.reason,
                   "older than what the workspace keeps, or than it was allowed to be read");
}

/* A window that was begun and not finished: it stays first, however often it fails, until its rows are
 * gone. */
static bool plan_open(struct window_plan *ret, const struct window *ledger, size_t n, int64_t cutoff)
{
    for (size_t i = 0; i < n; i++) {
        if (!is_open(&ledger[i]))
            continue;
        ret->task = WINDOW_TASK_READ;
        ret->window = ledger[i];
        ret->window.state = WINDOW_PENDING;
        if (ledger[i].to_ns <= cutoff)
            plan_gap(ret);
        return true;
    }
    return false;
}

/* The oldest window whose next re-check is due. Several that became due meanwhile count as one.
 * *soonest: how long until the next one is. */
static bool plan_recheck(struct window_plan *ret, const struct window_timing *t, const struct window *ledger,
                         size_t n, int64_t now_ns, int64_t *soonest)
{
    for (size_t i = 0; i < n; i++) {
        const struct window *w = &ledger[i];
        size_t done, due;

        if (w->state != WINDOW_CLOSED || window_is_rechecked(t, w))
            continue;
        done = rechecks_done(t, w);
        due = ages_within(t, now_ns - w->to_ns);
        if (due <= done) {
            int64_t wait = w->to_ns + t->recheck_ns[done] - now_ns;

            *soonest = wait < *soonest ? wait : *soonest;
            continue;
        }
        ret->task = WINDOW_TASK_RECHECK;
        ret->window = *w;
        ret->window.rechecks = (int)due - 1; /* whoever does it counts one up */
        return true;
    }
    return false;
}

/* The newest end; SIZE_MAX: nothing was read yet. */
static size_t newest(const struct window *ledger, size_t n)
{
    size_t at = SIZE_MAX;

    for (size_t i = 0; i < n; i++)
        if (at == SIZE_MAX || ledger[i].to_ns > ledger[at].to_ns)
            at = i;
    return at;
}

static int64_t backfill_step_ns(const struct window_timing *t)
{
    int64_t step = step_ns(t);

    return t->backfill_window_ns > step ? t->backfill_window_ns - t->backfill_window_ns % step : step;
}

static void plan_new(struct window_plan *ret, const struct window_timing *t, const struct window *last,
                     int64_t now_ns, int64_t soonest)
{
    int64_t step = step_ns(t), cutoff = cutoff_ns(t, now_ns);
    int64_t limit = time_floor(now_ns - t->settle_ns, TICK_NS);
    int64_t alerts_from = time_floor(now_ns - t->lookback_ns, step); /* before: learning only */
    int64_t from, length, ready;
    bool is_backfill;

    if (last) {
        from = last->to_ns;
        is_backfill = last->is_backfill && from < alerts_from;
    } else {
        is_backfill = t->backfill_ns > 0;
        from = is_backfill ? time_floor(alerts_from - t->backfill_ns, backfill_step_ns(t)) : alerts_from;
        if (from < cutoff) /* nothing is lost that was never promised */
            from = time_floor(cutoff, step) + step;
        is_backfill = is_backfill && from < alerts_from;
    }
    ret->window.from_ns = from;
    ret->window.is_backfill = is_backfill;
    ret->window.state = WINDOW_PENDING;
    if (from < cutoff - step) {
        ret->window.to_ns = time_floor(cutoff, step);
        plan_gap(ret);
        return;
    }
    if (is_backfill) {
        length = backfill_step_ns(t);
        ready = from + length < alerts_from ? from + length : alerts_from;
    } else {
        int64_t ready_most = from + (t->catch_up_ns > step ? t->catch_up_ns : step);

        ready = time_floor(from, step) + step; /* back to multiples after an odd one */
        if (ready_most <= limit)
            ready = time_floor(ready_most, step);
        else if (ready + step <= limit)
            ready = time_floor(limit, step);
    }
    if (ready > limit) {
        int64_t wait = ready - limit;

        plan_wait(ret, t, wait < soonest ? wait : soonest);
        return;
    }
    ret->window.to_ns = ready;
    ret->task = WINDOW_TASK_READ;
}

void window_next(const struct window_timing *t, const char *source, const struct window *ledger, size_t n,
                 int64_t now_ns, struct window_plan *ret)
{
    int64_t soonest = INT64_MAX;
    size_t last = newest(ledger, n);

    *ret = (struct window_plan){ .task = WINDOW_TASK_NONE };
    (void)snprintf(ret->window.source, sizeof ret->window.source, "%s", source);
    if (now_ns < FIRST_POSSIBLE_NS) {
        ret->wait_ms = CLOCK_WAIT_MS;
        return;
    }
    if (plan_open(ret, ledger, n, cutoff_ns(t, now_ns)) ||
        plan_recheck(ret, t, ledger, n, now_ns, &soonest))
        return;
    plan_new(ret, t, last == SIZE_MAX ? NULL : &ledger[last], now_ns, soonest);
}
