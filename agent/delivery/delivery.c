/* delivery.c - one thread per output, in an endless round: take what is due, encode, hand over, settle.
 *
 * Each round has one outcome: go on, wait (retry or hold), or stop. What may surprise:
 * - A batch is refused as a whole (every verdict REFUSED) by receivers that answer once for all: it is
 *   bisected until the guilty are alone, so that one poisonous alert costs log2(n) requests, not its
 *   neighbours. REFUSED for a single item is final.
 * - When the disk refuses to note that alerts were accepted, they are not sent again: the notes are kept
 *   and written before anything else is taken. Only a crash between accept and note sends twice (same
 *   record id).
 * - After ERR_LIMIT the batch size that fitted is remembered and grows again slowly.
 * - Waiting is on a condition variable with the monotonic clock; whether the time has come is asked of
 *   the services' clock, so that tests can run days in seconds (advance, delivery_wake).
 *
 * Locks: d->lock guards the shared part of every worker (status, generation); what only its thread
 * touches has no lock. Nothing calls out (store, output, log) while holding it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "delivery/delivery.h"

#include "alert/alert.h"
#include "base/buf.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/num.h"
#include "base/outage.h"
#include "delivery/rate.h"
#include "net/backoff.h"
#include "store/store.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH_MAX 1000               /* rows in memory per output, whatever the output would take */
#define PAYLOAD_MAX (1U << 20)       /* bytes of one encoded alert */
#define IDLE_LOOK_MS 60000           /* look at the store this often even when nobody woke us */
#define RETRY_BASE_MS 1000
#define RETRY_CAP_MS 300000
#define HOLD_BASE_MS 30000
#define HOLD_CAP_MS 900000           /* a role that was granted may take half an hour to spread */
#define HOLD_FLOOR_MS 10000          /* "slowly", also when the jitter says zero */
#define ASK_WITH_ALL 8               /* each so many tries: see rows_to_take */

enum outcome { GO_ON, WAIT_RETRY, WAIT_HOLD, STOP };

struct worker {
    struct delivery *d;
    struct delivery_output_config cfg;
    char *name, *component;
    pthread_t thread;
    bool has_thread;

    /* Of the worker's thread alone. */
    bool is_open;
    size_t batch_now;                /* alerts in one call that seem to fit */
    bool is_choosy;                  /* it took some and put off others in one call: it is not the receiver that is broken */
    struct rate rate;
    struct delivery_row *rows;       /* of the round under way */
    struct buf *payloads;
    struct output_item *items;
    struct delivery_result *results;
    size_t n;
    struct settlement *notes;        /* made in this round, not yet in the store */
    char (*reasons)[200];            /* one for each note */
    size_t notes_len;
    int64_t asked_wait_ms;           /* the longest that was asked for in this round */
    char trouble[200];
    struct backoff retry, hold;
    struct outage outage;
    unsigned tries;                  /* of this outage */

    /* Under d->lock. */
    uint64_t seen_generation;
    bool has_ended;
    struct delivery_status status;
};

struct delivery {
    struct store *store;
    const struct services *sv;
    struct worker *workers;
    size_t n;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool has_lock, has_cond;
    uint64_t generation;   /* grows with each wake */
    bool is_draining;      /* finish what is possible until drain_until_ms, then end */
    bool is_stopping;      /* end after the call under way */
    int64_t drain_until_ms;
};

/* ---- waiting ------------------------------------------------------------------------------------ */

static void wait_real(struct delivery *d, int64_t ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (ms % 1000) * NS_PER_MS;
    if (until.tv_nsec >= NS_PER_S) {
        until.tv_sec++;
        until.tv_nsec -= NS_PER_S;
    }
    (void)pthread_cond_timedwait(&d->changed, &d->lock, &until); /* callers ask again whatever woke them */
}

/* Until ms have passed; with is_wakeable also until something new may be there. False: end now. */
static bool wait_for(struct worker *w, int64_t ms, bool is_wakeable)
{
    struct delivery *d = w->d;
    int64_t due = i64_add_sat(sv_mono_ms(d->sv), ms);
    bool go_on = true;

    (void)pthread_mutex_lock(&d->lock);
    for (;;) {
        int64_t left = due - sv_mono_ms(d->sv);

        if (d->is_stopping || (d->is_draining && (is_wakeable || due > d->drain_until_ms))) {
            go_on = false;
            break;
        }
        if (left <= 0 || (is_wakeable && w->seen_generation != d->generation))
            break;
        wait_real(d, left < IDLE_LOOK_MS ? left : IDLE_LOOK_MS);
    }
    (void)pthread_mutex_unlock(&d->lock);
    return go_on;
}

/* What is committed after this is news for the next wait. */
static void note_generation(struct worker *w)
{
    (void)pthread_mutex_lock(&w->d->lock);
    w->seen_generation = w->d->generation;
    (void)pthread_mutex_unlock(&w->d->lock);
}

static bool must_stop(struct worker *w)
{
    bool ret;

    (void)pthread_mutex_lock(&w->d->lock);
    ret = w->d->is_stopping;
    (void)pthread_mutex_unlock(&w->d->lock);
    return ret;
}

/* ---- status and events -------------------------------------------------------------------------- */

/* state -1: as it is. */
static void set_status(struct worker *w, int state, int64_t accepted, int64_t parked, int64_t retried)
{
    int64_t now = accepted > 0 ? sv_wall_ns(w->d->sv) : 0;
    bool is_troubled;

    (void)pthread_mutex_lock(&w->d->lock);
    if (state >= 0)
        w->status.state = (__typeof__(w->status.state))state;
    w->status.broken_since_ms = w->outage.since_ms;
    w->status.accepted += accepted;
    w->status.parked += parked;
    w->status.retried += retried;
    if (now != 0)
        w->status.last_accepted_ns = now;
    is_troubled = w->status.state == DELIVERY_WAITING || w->status.state == DELIVERY_HELD; /* also while it tries again */
    (void)snprintf(w->status.reason, sizeof(w->status.reason), "%s", is_troubled ? w->trouble : "");
    (void)pthread_mutex_unlock(&w->d->lock);
}

static void copy_reason(char ret[200], const char *reason)
{
    struct slice cut = slice_cut(slice_of(reason[0] ? reason : "no reason was given"), 199);

    memcpy(ret, cut.at, cut.len);
    ret[cut.len] = '\0';
}

static void set_trouble(struct worker *w, const char *reason)
{
    copy_reason(w->trouble, reason);
}

/* Once when it breaks, then at growing intervals while it stays so. */
static void say_broken(struct worker *w, bool is_held, int64_t wait_ms)
{
    int64_t now = sv_mono_ms(w->d->sv);
    enum outage_say say = outage_note(&w->outage, now);
    bool is_new = say == OUTAGE_NEW;
    CLEANUP(buf_release) struct buf wait = BUF_HERE(64);
    CLEANUP(buf_release) struct buf since = BUF_HERE(64);

    if (say == OUTAGE_QUIET)
        return;
    fmt_duration_ms(&wait, wait_ms);
    fmt_duration_ms(&since, now - w->outage.since_ms);
    log_event(LOG_LEVEL_WARN, w->component,
              is_held ? (is_new ? "delivery on hold, alerts are kept" : "delivery still on hold, alerts are kept")
                      : (is_new ? "delivery interrupted, alerts are kept"
                                : "delivery still interrupted, alerts are kept"),
              "cause", w->trouble, "next_try_in", buf_cstr(&wait), "since", buf_cstr(&since), "remedy",
              is_held ? "correct credential, permission, address or setting; it goes on by itself"
                      : "none if the receiver comes back; it goes on by itself",
              NULL);
}

static void say_healed(struct worker *w)
{
    CLEANUP(buf_release) struct buf after = BUF_HERE(64);
    int64_t lasted_ms = 0;

    backoff_reset(&w->retry);
    backoff_reset(&w->hold);
    w->is_choosy = false;
    w->tries = 0;
    w->trouble[0] = '\0';
    if (!outage_end(&w->outage, sv_mono_ms(w->d->sv), &lasted_ms))
        return;
    fmt_duration_ms(&after, lasted_ms);
    log_event(LOG_LEVEL_INFO, w->component, "delivery works again", "after", buf_cstr(&after), NULL);
}

/* ---- notes for the store ------------------------------------------------------------------------ */

static void note(struct worker *w, size_t i, int what, const char *reason)
{
    struct settlement *s = &w->notes[w->notes_len];
    char *kept = w->reasons[w->notes_len++];

    if (what == SETTLE_ACCEPTED)
        kept[0] = '\0';
    else
        copy_reason(kept, reason);
    *s = (struct settlement){ .seq = w->rows[i].seq, .now_ns = sv_wall_ns(w->d->sv), .reason = kept };
    s->what = (__typeof__(s->what))what;
    if (what == SETTLE_PARKED) {
        s->refused = w->items[i].payload;
        log_event(LOG_LEVEL_WARN, w->component, "alert parked: the receiver will not take it", "record",
                  w->rows[i].record_id, "reason", kept, "remedy",
                  "look at it with 'cosmowatch outputs parked', then retry or drop it", NULL);
    }
}

static void count_notes(struct worker *w)
{
    int64_t accepted = 0, parked = 0, tried = 0;

    for (size_t i = 0; i < w->notes_len; i++) {
        accepted += w->notes[i].what == SETTLE_ACCEPTED;
        parked += w->notes[i].what == SETTLE_PARKED;
        tried += w->notes[i].what == SETTLE_TRIED;
    }
    set_status(w, -1, accepted, parked, tried);
}

/* One transaction per batch. -1: nothing was noted, try again later. */
static int write_notes(struct worker *w)
{
    struct error err = { 0 };

    if (w->notes_len == 0)
        return 0;
    if (store_settle(w->d->store, w->notes, w->notes_len, &err) < 0) {
        set_trouble(w, err.msg);
        return -1;
    }
    FAULT_POINT("deliver.marked");
    count_notes(w);
    w->notes_len = 0;
    return 0;
}

/* ---- one call to the output --------------------------------------------------------------------- */

static bool is_for_an_operator(enum error_code code)
{
    return code == ERR_AUTH || code == ERR_DENIED || code == ERR_NOT_FOUND || code == ERR_CONFIG;
}

/* deliver() judged nobody. */
static enum outcome judge_failure(struct worker *w, size_t first, size_t n, const struct error *why)
{
    if (why->code == ERR_CANCELLED && must_stop(w))
        return STOP; /* our own doing: no attempt of the receiver's */
    for (size_t i = first; i < first + n; i++)
        note(w, i, SETTLE_TRIED, why->msg);
    w->is_choosy = false;
    set_trouble(w, why->msg);
    if (why->retry_after_ms > w->asked_wait_ms)
        w->asked_wait_ms = why->retry_after_ms;
    return is_for_an_operator(why->code) ? WAIT_HOLD : WAIT_RETRY;
}

static bool are_all_refused(const struct delivery_result *each, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (each[i].verdict != DELIVERY_REFUSED)
            return false;
    return true;
}

static enum outcome judge_each(struct worker *w, size_t first, size_t n)
{
    enum outcome out = GO_ON;
    bool has_accepted = false;

    for (size_t i = first; i < first + n; i++)
        has_accepted |= w->results[i].verdict == DELIVERY_ACCEPTED;
    if (has_accepted)
        FAULT_POINT("deliver.accepted_unmarked");
    for (size_t i = first; i < first + n; i++) {
        const struct delivery_result *r = &w->results[i];

        switch (r->verdict) {
        case DELIVERY_ACCEPTED:
            note(w, i, SETTLE_ACCEPTED, "");
            continue;
        case DELIVERY_REFUSED:
            note(w, i, SETTLE_PARKED, r->reason);
            continue;
        case DELIVERY_RETRY:
            if (out == GO_ON)
                out = WAIT_RETRY;
            break;
        case DELIVERY_HOLD:
            out = WAIT_HOLD;
            break;
        }
        note(w, i, SETTLE_TRIED, r->reason);
        set_trouble(w, r->reason);
        if (r->retry_after_ms > w->asked_wait_ms)
            w->asked_wait_ms = r->retry_after_ms;
    }
    w->is_choosy |= has_accepted && out != GO_ON;
    return out;
}

static void forget_batch_limit(struct worker *w, size_t n)
{
    if (n >= w->batch_now && w->batch_now < w->cfg.ops->batch_max)
        w->batch_now += w->batch_now / 8 + 1;
    if (w->batch_now > w->cfg.ops->batch_max)
        w->batch_now = w->cfg.ops->batch_max;
}

static enum outcome deliver_range(struct worker *w, size_t first, size_t n);

static enum outcome deliver_halves(struct worker *w, size_t first, size_t n)
{
    enum outcome out = deliver_range(w, first, n / 2);

    return out == GO_ON ? deliver_range(w, first + n / 2, n - n / 2) : out;
}

static enum outcome deliver_now(struct worker *w, size_t first, size_t n)
{
    struct error why = { 0 };
    int rc;

    if (must_stop(w))
        return STOP;
    for (size_t i = first; i < first + n; i++)
        w->results[i] = (struct delivery_result){ .verdict = DELIVERY_RETRY };
    FAULT_POINT("deliver.before_send");
    rc = w->cfg.ops->deliver(w->cfg.self, w->items + first, n, w->results + first, &why);
    FAULT_POINT("deliver.sent_unanswered");
    if (rc == 0 && n > 1 && are_all_refused(w->results + first, n))
        return deliver_halves(w, first, n);
    if (rc == 0) {
        forget_batch_limit(w, n);
        return judge_each(w, first, n);
    }
    if (why.code != ERR_LIMIT)
        return judge_failure(w, first, n, &why);
    if (n > 1) {
        w->batch_now = n / 2;
        return deliver_halves(w, first, n);
    }
    (void)error_wrap(&why, "too large alone, %zu bytes", w->items[first].payload.len);
    note(w, first, SETTLE_PARKED, why.msg);
    return GO_ON;
}

/* No faster than the operator allows; what is sent again in halves counts again. Recursion is at most log2(BATCH_MAX)
 * deep. */
static enum outcome deliver_range(struct worker *w, size_t first, size_t n)
{
    enum outcome out = GO_ON;
    int64_t wait_ms = 0;

    while (n > 0 && out == GO_ON) {
        size_t part = rate_take(&w->rate, n, sv_mono_ms(w->d->sv), &wait_ms);

        if (part == 0 && !wait_for(w, wait_ms, false))
            return STOP;
        if (part > 0)
            out = deliver_now(w, first, part);
        first += part;
        n -= part;
    }
    return out;
}

/* ---- one round ---------------------------------------------------------------------------------- */

static void release_round(struct worker *w)
{
    for (size_t i = 0; i < w->n; i++) {
        buf_release(&w->payloads[i]);
        delivery_row_release(&w->rows[i]);
    }
    w->n = 0;
}

/* False: this one cannot be sent, and a note says so. */
static bool encode_one(struct worker *w, size_t i, enum outcome *ret)
{
    size_t max = w->cfg.ops->batch_bytes_max;
    struct error why = { 0 };

    w->items[i] = (struct output_item){ .alert = w->rows[i].alert };
    w->payloads[i] = BUF_INIT(PAYLOAD_MAX);
    if (w->cfg.encoder->encode(w->rows[i].alert, &w->payloads[i], &why) == 0 &&
        buf_check(&w->payloads[i], &why) == 0) {
        w->items[i].payload = buf_slice(&w->payloads[i]);
        if (max == 0 || w->payloads[i].len <= max)
            return true;
        (void)error_set(&why, ERR_LIMIT, "too large: %zu bytes as %s, the limit is %zu", w->payloads[i].len,
                        w->cfg.encoder->name, max);
    } else if (why.code == ERR_NOMEM) {
        set_trouble(w, why.msg);
        *ret = WAIT_RETRY;
        return false;
    } else {
        (void)error_wrap(&why, "it cannot be written as %s", w->cfg.encoder->name);
    }
    note(w, i, SETTLE_PARKED, why.msg);
    return false;
}

/* In order, in as few calls as count and bytes allow. */
static enum outcome deliver_rows(struct worker *w)
{
    size_t max = w->cfg.ops->batch_bytes_max;
    enum outcome out = GO_ON;
    size_t first = 0, bytes = 0;

    for (size_t i = 0; i < w->n && out == GO_ON; i++) {
        bool fits = encode_one(w, i, &out);
        size_t len = w->items[i].payload.len;
        bool is_over = fits && max > 0 && i > first && bytes + len > max;

        /* What came before an unsendable one, or before the one too many, goes now. */
        if ((!fits || is_over) && i > first && out == GO_ON)
            out = deliver_range(w, first, i - first);
        if (!fits || is_over) {
            first = fits ? i : i + 1;
            bytes = 0;
        }
        bytes += fits ? len : 0;
    }
    if (out == GO_ON && first < w->n)
        out = deliver_range(w, first, w->n - first);
    return out;
}

static int open_output(struct worker *w, enum outcome *ret)
{
    struct error why = { 0 };

    if (w->is_open)
        return 0;
    if (w->cfg.ops->open(w->cfg.self, w->name, w->d->sv, &why) == 0) {
        w->is_open = true;
        return 0;
    }
    w->cfg.ops->close(w->cfg.self); /* as output.h promises, also after a failed open */
    set_trouble(w, why.msg);
    *ret = why.code == ERR_NET || why.code == ERR_BUSY || why.code == ERR_SERVER || why.code == ERR_NOMEM ||
                   why.code == ERR_IO ? WAIT_RETRY : WAIT_HOLD;
    return -1;
}

/* Whether a broken receiver is back is asked with one alert: a thousand would be read, written out and noted in vain
 * each time, in the store that the others deliver from. But it may be this one alone that is not taken (of an index a
 * shard is away): now and then it is asked with all, and as long as it takes some, each time. */
static size_t rows_to_take(const struct worker *w)
{
    if (outage_is_on(&w->outage) && !w->is_choosy && w->tries % ASK_WITH_ALL != 0)
        return 1;
    return w->batch_now < BATCH_MAX ? w->batch_now : BATCH_MAX;
}

/* *ret_idle: there was nothing to do. */
static enum outcome one_round(struct worker *w, bool *ret_idle)
{
    size_t want = rows_to_take(w);
    enum outcome out = GO_ON;
    struct error why = { 0 };

    *ret_idle = false;
    w->asked_wait_ms = 0;
    note_generation(w);
    if (store_take(w->d->store, w->name, want, w->rows, &w->n, &why) < 0) {
        w->n = 0;
        set_trouble(w, why.msg);
        return WAIT_RETRY;
    }
    *ret_idle = w->n == 0;
    if (w->n == 0)
        return GO_ON;
    set_status(w, !outage_is_on(&w->outage) ? DELIVERY_WORKING : -1, 0, 0, 0);
    if (open_output(w, &out) == 0)
        out = deliver_rows(w);
    /* Notes of parked alerts borrow the payloads: keep the round until they are written. */
    while (write_notes(w) < 0) {
        set_status(w, DELIVERY_WAITING, 0, 0, 0);
        say_broken(w, false, RETRY_BASE_MS);
        if (!wait_for(w, backoff_next(&w->retry, RETRY_BASE_MS, w->d->sv), false))
            break; /* what was accepted is sent again after the restart, with the same record id */
    }
    w->notes_len = 0;
    release_round(w);
    return out;
}

static bool wait_out(struct worker *w, enum outcome out)
{
    bool is_held = out == WAIT_HOLD;
    int64_t floor_ms = is_held && w->asked_wait_ms < HOLD_FLOOR_MS ? HOLD_FLOOR_MS : w->asked_wait_ms;
    int64_t wait_ms = backoff_next(is_held ? &w->hold : &w->retry, floor_ms, w->d->sv);

    w->tries++;
    say_broken(w, is_held, wait_ms);
    set_status(w, is_held ? DELIVERY_HELD : DELIVERY_WAITING, 0, 0, 0);
    return wait_for(w, wait_ms, false);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    bool is_idle = false;

    for (bool go_on = true; go_on;) {
        enum outcome out = one_round(w, &is_idle);

        if (out == WAIT_RETRY || out == WAIT_HOLD) {
            go_on = wait_out(w, out);
            continue;
        }
        if (out == STOP)
            break;
        say_healed(w); /* idle as well: when the store was what was broken, nothing may be left to deliver */
        if (!is_idle) {
            go_on = !must_stop(w);
            continue;
        }
        set_status(w, DELIVERY_IDLE, 0, 0, 0);
        go_on = wait_for(w, IDLE_LOOK_MS, true);
    }
    if (w->is_open)
        w->cfg.ops->close(w->cfg.self);
    w->is_open = false;
    (void)pthread_mutex_lock(&w->d->lock);
    w->has_ended = true;
    (void)pthread_cond_broadcast(&w->d->changed);
    (void)pthread_mutex_unlock(&w->d->lock);
    return NULL;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static int worker_init(struct worker *w, struct delivery *d, const struct delivery_output_config *cfg,
                       struct error *err)
{
    size_t max;

    *w = (struct worker){ .d = d, .cfg = *cfg, .rate = { .per_s = cfg->max_per_second } };
    w->retry = (struct backoff){ .base_ms = RETRY_BASE_MS, .cap_ms = RETRY_CAP_MS };
    w->hold = (struct backoff){ .base_ms = HOLD_BASE_MS, .cap_ms = HOLD_CAP_MS };
    w->batch_now = cfg->ops->batch_max > 0 ? cfg->ops->batch_max : 1;
    max = w->batch_now < BATCH_MAX ? w->batch_now : BATCH_MAX;
    w->name = strdup(cfg->name);
    if (asprintf(&w->component, "output.%s", cfg->name) < 0)
        w->component = NULL;
    w->rows = calloc(max, sizeof(*w->rows));
    w->payloads = calloc(max, sizeof(*w->payloads));
    w->items = calloc(max, sizeof(*w->items));
    w->results = calloc(max, sizeof(*w->results));
    w->notes = calloc(max, sizeof(*w->notes));
    w->reasons = calloc(max, sizeof(*w->reasons));
    if (!w->name || !w->component || !w->rows || !w->payloads || !w->items || !w->results || !w->notes ||
        !w->reasons)
        return error_set(err, ERR_NOMEM, "output '%s'", cfg->name);
    w->cfg.name = w->name;
    w->status = (struct delivery_status){ .name = w->name, .type = cfg->ops->name, .format = cfg->encoder->name };
    return 0;
}

int delivery_new(struct store *store, const struct services *sv, const struct delivery_output_config *outputs,
                 size_t n, struct delivery **ret, struct error *err)
{
    struct delivery *d = calloc(1, sizeof(*d));
    pthread_condattr_t monotonic;

    if (!d)
        return error_set(err, ERR_NOMEM, "outputs");
    *d = (struct delivery){ .store = store, .sv = sv };
    d->workers = calloc(n > 0 ? n : 1, sizeof(*d->workers));
    d->has_lock = pthread_mutex_init(&d->lock, NULL) == 0;
    if (pthread_condattr_init(&monotonic) == 0) {
        (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        d->has_cond = pthread_cond_init(&d->changed, &monotonic) == 0;
        (void)pthread_condattr_destroy(&monotonic);
    }
    if (!d->workers || !d->has_lock || !d->has_cond) {
        delivery_free(d);
        return error_set(err, ERR_NOMEM, "outputs");
    }
    for (; d->n < n; d->n++) {
        if (worker_init(&d->workers[d->n], d, &outputs[d->n], err) == 0)
            continue;
        d->n++; /* half-built: freed like the others */
        delivery_free(d);
        return -1;
    }
    *ret = d;
    return 0;
}

int delivery_start(struct delivery *d, struct error *err)
{
    sigset_t all, before;
    int rc = 0;

    /* Signals are the main thread's. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    for (size_t i = 0; i < d->n && rc == 0; i++) {
        struct worker *w = &d->workers[i];
        char name[16];

        rc = pthread_create(&w->thread, NULL, worker_main, w);
        w->has_thread = rc == 0;
        (void)snprintf(name, sizeof(name), "out:%.11s", w->name);
        if (rc == 0)
            (void)pthread_setname_np(w->thread, name);
    }
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        return 0;
    delivery_stop(d, 0);
    return error_errno(err, ERR_NOMEM, rc, "no thread for an output: raise the limit of tasks or processes");
}

void delivery_wake(struct delivery *d)
{
    (void)pthread_mutex_lock(&d->lock);
    d->generation++;
    (void)pthread_cond_broadcast(&d->changed);
    (void)pthread_mutex_unlock(&d->lock);
}

static bool have_ended(const struct delivery *d)
{
    for (size_t i = 0; i < d->n; i++)
        if (d->workers[i].has_thread && !d->workers[i].has_ended)
            return false;
    return true;
}

static int64_t real_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

/* The grace is of real time: a service manager does not wait for a clock of tests. Returns when every
 * worker has ended or the grace is over; a call that is still under way is awaited by delivery_free,
 * so cancel the http client in between. */
void delivery_stop(struct delivery *d, int64_t grace_ms)
{
    int64_t until = real_ms() + grace_ms, left;

    FAULT_POINT("shutdown.drain");
    (void)pthread_mutex_lock(&d->lock);
    d->is_draining = true;
    d->drain_until_ms = i64_add_sat(sv_mono_ms(d->sv), grace_ms);
    (void)pthread_cond_broadcast(&d->changed);
    while (!have_ended(d) && (left = until - real_ms()) > 0)
        wait_real(d, left);
    d->is_stopping = true;
    (void)pthread_cond_broadcast(&d->changed);
    (void)pthread_mutex_unlock(&d->lock);
}

static void worker_release(struct worker *w)
{
    if (w->rows && w->payloads)
        release_round(w);
    free(w->rows);
    free(w->payloads);
    free(w->items);
    free(w->results);
    free(w->notes);
    free(w->reasons);
    free(w->component);
    free(w->name);
}

void delivery_free(struct delivery *d)
{
    if (!d)
        return;
    if (d->has_lock && d->has_cond && d->n > 0)
        delivery_stop(d, 0);
    for (size_t i = 0; i < d->n; i++)
        if (d->workers[i].has_thread)
            (void)pthread_join(d->workers[i].thread, NULL);
    for (size_t i = 0; i < d->n; i++)
        worker_release(&d->workers[i]);
    free(d->workers);
    if (d->has_cond)
        (void)pthread_cond_destroy(&d->changed);
    if (d->has_lock)
        (void)pthread_mutex_destroy(&d->lock);
    free(d);
}

size_t delivery_get_status(struct delivery *d, struct delivery_status *ret, size_t max)
{
    size_t n = d->n < max ? d->n : max;

    (void)pthread_mutex_lock(&d->lock);
    for (size_t i = 0; i < n; i++)
        ret[i] = d->workers[i].status;
    (void)pthread_mutex_unlock(&d->lock);
    for (size_t i = 0; i < n; i++) {
        struct output_counts counts;
        struct error ignored = { 0 }; /* the store's trouble is told by whoever needs the store */

        if (store_count_output(d->store, ret[i].name, &counts, &ignored) < 0)
            continue;
        ret[i].pending = counts.pending;
        ret[i].parked = counts.parked;
        ret[i].accepted = counts.accepted;
        ret[i].dropped = counts.dropped;
    }
    return n;
}
