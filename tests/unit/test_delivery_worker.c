/* What delivery promises: accepted or parked and nothing else, in order, nobody waits for another, never
 * earlier than asked, one line when it breaks and one when it heals. The outputs are fakes that follow a
 * script; the clock is ours. SPDX-License-Identifier: Apache-2.0 */
#include "log_kit.h"
#include "store_kit.h"

#include "base/buf.h"
#include "base/log.h"
#include "delivery/delivery.h"
#include "delivery/rate.h"
#include "tests/kit/suite.h"

#include <pthread.h>
#include <time.h>

/* ---- clock -------------------------------------------------------------------------------------- */

struct fake_clock { pthread_mutex_t lock; int64_t ms; int asked; };

static int64_t fake_mono(void *self)
{
    struct fake_clock *c = self;
    int64_t ms;

    pthread_mutex_lock(&c->lock);
    ms = c->ms;
    c->asked++;
    pthread_mutex_unlock(&c->lock);
    return ms;
}

static int64_t fake_wall(void *self)
{
    return NS_PER_DAY * 20000 + fake_mono(self) * NS_PER_MS;
}

static int jitter = 0xff; /* 0: no wait beyond what is asked for */

static void fake_random(void *self, void *at, size_t len)
{
    (void)self;
    memset(at, jitter, len);
}

static const struct clock_ops fake_clock_ops = { .wall_ns = fake_wall, .mono_ms = fake_mono };
static const struct random_ops fake_random_ops = { .bytes = fake_random };

/* ---- output ------------------------------------------------------------------------------------- */

struct fake {
    pthread_mutex_t lock;
    pthread_cond_t called;
    int calls, items;          /* so far */
    size_t largest;            /* batch */
    size_t most_bytes;         /* of one */
    char order[4000];          /* counts of the alerts accepted, in order */
    int64_t times[200];        /* mono of each call */
    struct fake_clock *clock;
    /* script */
    enum delivery_verdict verdict; /* of everything not named below */
    int64_t retry_after_ms;
    enum error_code fail_with;     /* deliver returns -1 */
    size_t batch_limit;            /* more: ERR_LIMIT */
    int64_t poison;                /* the alert of this count is refused, and a batch with it as a whole */
    int64_t put_off;               /* the alert of this count is wanted later, its neighbours now */
    bool is_judging_singly;        /* the batch is not refused as a whole */
    bool is_stuck;                 /* deliver does not return until cleared */
    enum error_code open_fails_with;
    int opens, closes;
};

static void fake_init(struct fake *f, struct fake_clock *clock)
{
    *f = (struct fake){ .clock = clock, .poison = -1, .put_off = -1 };
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->called, NULL);
}

static int fake_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct fake *f = self;
    enum error_code code;

    (void)name;
    (void)sv;
    pthread_mutex_lock(&f->lock);
    f->opens++;
    code = f->open_fails_with;
    pthread_cond_broadcast(&f->called);
    pthread_mutex_unlock(&f->lock);
    return code ? error_set(err, code, "scripted open failure") : 0;
}

static void fake_close(void *self)
{
    struct fake *f = self;

    pthread_mutex_lock(&f->lock);
    f->closes++;
    pthread_mutex_unlock(&f->lock);
}

static bool is_poisonous(const struct fake *f, const struct output_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (items[i].alert->count == f->poison)
            return true;
    return false;
}

static int fake_judge(struct fake *f, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                      struct error *err)
{
    if (f->batch_limit && n > f->batch_limit)
        return error_set(err, ERR_LIMIT, "more than %zu", f->batch_limit);
    if (f->fail_with) {
        (void)error_set(err, f->fail_with, "scripted failure");
        err->retry_after_ms = f->retry_after_ms;
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        bool is_guilty = f->is_judging_singly ? items[i].alert->count == f->poison : is_poisonous(f, items, n);

        ret_each[i] = (struct delivery_result){ .verdict = is_guilty ? DELIVERY_REFUSED
                                                         : items[i].alert->count == f->put_off ? DELIVERY_RETRY : f->verdict,
                                                .retry_after_ms = f->retry_after_ms };
        (void)snprintf(ret_each[i].reason, sizeof ret_each[i].reason, "%s",
                       is_guilty ? "HTTP 400: poison" : ret_each[i].verdict == DELIVERY_ACCEPTED ? "" : "HTTP 503");
        if (ret_each[i].verdict == DELIVERY_ACCEPTED)
            (void)snprintf(f->order + strlen(f->order), sizeof f->order - strlen(f->order), "%d ",
                           (int)items[i].alert->count);
    }
    return 0;
}

static int fake_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                        struct error *err)
{
    struct fake *f = self;
    size_t bytes = 0;
    int rc;

    for (size_t i = 0; i < n; i++)
        bytes += items[i].payload.len;
    pthread_mutex_lock(&f->lock);
    f->most_bytes = bytes > f->most_bytes ? bytes : f->most_bytes;
    f->times[f->calls < 200 ? f->calls : 199] = fake_mono(f->clock);
    f->calls++;
    f->items += (int)n;
    f->largest = n > f->largest ? n : f->largest;
    pthread_cond_broadcast(&f->called);
    while (f->is_stuck)
        pthread_cond_wait(&f->called, &f->lock);
    rc = fake_judge(f, items, n, ret_each, err);
    pthread_mutex_unlock(&f->lock);
    return rc;
}

static const struct output_ops fake_ops = { .name = "fake", .size = sizeof(struct fake), .batch_max = 500,
                                            .batch_bytes_max = 4000, .default_format = "count", .open = fake_open,
                                            .deliver = fake_deliver, .close = fake_close };

static size_t padded_to; /* bytes of each alert as written, 0: as few as do */

/* Alerts with a count of 13 cannot be encoded, those with 14 are too large for the output. */
static int encode_count(const struct alert *a, struct buf *out, struct error *err)
{
    if (a->count == 13)
        return error_set(err, ERR_INPUT, "thirteen");
    buf_addf(out, "%-*d", (int)padded_to, (int)a->count);
    for (int i = 0; a->count == 14 && i < 4000; i++)
        buf_add_char(out, 'x');
    return buf_check(out, err);
}

static const struct encoder count_encoder = { .name = "count", .content_type = "text/plain", .encode = encode_count };

/* ---- scene -------------------------------------------------------------------------------------- */

static struct folder folder;
static struct store *store;
static struct fake_clock clock_now;
static struct services services;
static struct fake soc, siem;
static struct delivery *delivery;
static int64_t soc_per_second;

static void set_up(void)
{
    folder = folder_new();
    store = store_at(folder.path, STORE_RUN);
    clock_now = (struct fake_clock){ .ms = 1000000 };
    pthread_mutex_init(&clock_now.lock, NULL);
    services = (struct services){ .clock = &fake_clock_ops, .clock_self = &clock_now, .random = &fake_random_ops };
    fake_init(&soc, &clock_now);
    fake_init(&siem, &clock_now);
    log_to(folder.path);
}

static int clock_asked(void)
{
    int n;

    pthread_mutex_lock(&clock_now.lock);
    n = clock_now.asked;
    pthread_mutex_unlock(&clock_now.lock);
    return n;
}

static void tear_down(void)
{
    delivery_free(delivery);
    delivery = NULL;
    soc_per_second = 0;
    padded_to = 0;
    jitter = 0xff;
    store_close(store);
    folder_remove(&folder);
}

static void start(size_t n)
{
    const struct delivery_output_config outputs[] = {
        { .name = "soc", .ops = &fake_ops, .self = &soc, .encoder = &count_encoder,
          .max_per_second = soc_per_second },
        { .name = "siem", .ops = &fake_ops, .self = &siem, .encoder = &count_encoder },
    };

    OK(delivery_new(store, &services, outputs, n, &delivery, err));
    OK(delivery_start(delivery, err));
}

static void put(const char *output, int from, int to)
{
    OK(store_begin(store, err));
    for (int i = from; i < to; i++)
        put_nth(store, output, i - 1); /* count is n + 1 */
    OK(store_commit(store, err));
}

static void advance(int64_t ms)
{
    pthread_mutex_lock(&clock_now.lock);
    clock_now.ms += ms;
    pthread_mutex_unlock(&clock_now.lock);
    delivery_wake(delivery);
}

static void set_fake(struct fake *f, enum delivery_verdict verdict, int64_t retry_after_ms)
{
    pthread_mutex_lock(&f->lock);
    f->verdict = verdict;
    f->retry_after_ms = retry_after_ms;
    f->fail_with = ERR_NONE;
    pthread_mutex_unlock(&f->lock);
}

static struct delivery_status status_of(size_t i)
{
    struct delivery_status s[2];

    ck_assert_uint_gt(delivery_get_status(delivery, s, 2), i);
    return s[i];
}

static int locked(struct fake *f, const int *count)
{
    int n;

    pthread_mutex_lock(&f->lock);
    n = *count;
    pthread_mutex_unlock(&f->lock);
    return n;
}

static int calls_of(struct fake *f)
{
    return locked(f, &f->calls);
}

static int closes_of(struct fake *f)
{
    return locked(f, &f->closes);
}

/* Wait for a state, with a generous bound. */
#define UNTIL(condition)                                                                           \
    do {                                                                                           \
        int until_left_ = 20000;                                                                   \
        while (!(condition) && until_left_-- > 0)                                                  \
            (void)usleep(1000);                                                                    \
        ck_assert_msg(until_left_ > 0, "never: %s", #condition);                                   \
    } while (0)

/* Let time pass until the n-th call. In steps: a step taken while the worker is not waiting yet is lost. No next one before
 * somebody has looked at the clock: while the worker does something else no hours pass. */
static void pass_time_in_steps_until_call(struct fake *f, int n, int64_t step_ms)
{
    for (int left = 5000; left > 0 && calls_of(f) < n; left--) {
        int asked = clock_asked();

        advance(step_ms);
        UNTIL(clock_asked() > asked || calls_of(f) >= n);
        (void)usleep(2000);
    }
    ck_assert_int_ge(calls_of(f), n);
}

static void pass_time_until_call(struct fake *f, int n)
{
    pass_time_in_steps_until_call(f, n, 60000);
}

static struct output_counts counts(const char *output)
{
    struct output_counts c = { 0 };

    OK(store_count_output(store, output, &c, err));
    return c;
}

/* ---- tests -------------------------------------------------------------------------------------- */

START_TEST(what_is_pending_at_start_and_what_comes_later_is_delivered_in_order)
{
    put("soc", 1, 4);
    start(1);
    UNTIL(counts("soc").accepted == 3);
    UNTIL(status_of(0).state == DELIVERY_IDLE);
    put("soc", 4, 6);
    delivery_wake(delivery);
    UNTIL(counts("soc").accepted == 5);
    ck_assert_str_eq(soc.order, "1 2 3 4 5 ");
    ck_assert_int_eq(soc.opens, 1);
    ck_assert_int_gt(status_of(0).last_accepted_ns, 0);
    ck_assert_str_eq(status_of(0).reason, "");
}
END_TEST

START_TEST(a_retry_is_never_earlier_than_asked_and_heals_by_itself)
{
    soc.verdict = DELIVERY_RETRY;
    soc.fail_with = _i == 1 ? ERR_BUSY : ERR_NONE; /* said of each alert, or of the call */
    soc.retry_after_ms = 120000;
    put("soc", 1, 3);
    start(1);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    ck_assert_str_eq(status_of(0).reason, _i == 1 ? "scripted failure" : "HTTP 503");
    advance(119999);
    (void)usleep(50000);
    ck_assert_int_eq(calls_of(&soc), 1);
    set_fake(&soc, DELIVERY_ACCEPTED, 0);
    pass_time_until_call(&soc, 2);
    UNTIL(counts("soc").accepted == 2);
    UNTIL(status_of(0).state == DELIVERY_IDLE);
    ck_assert_int_ge(soc.times[1] - soc.times[0], 120000);
    ck_assert_str_eq(soc.order, "1 2 ");
    ck_assert_int_eq(lines_with("delivery interrupted"), 1);
    ck_assert_int_eq(lines_with("delivery works again"), 1);
    ck_assert_int_eq(status_of(0).retried, 2);
}
END_TEST

START_TEST(a_transport_error_keeps_everything_and_counts_the_attempt)
{
    struct delivery_row row;
    size_t n = 0;

    soc.fail_with = ERR_NET;
    put("soc", 1, 2);
    start(1);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    OK(store_take(store, "soc", 1, &row, &n, err));
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(row.attempts, 1);
    ck_assert_ptr_nonnull(strstr(row.reason, "scripted failure"));
    delivery_row_release(&row);
}
END_TEST

START_TEST(a_hold_is_said_once_keeps_order_and_is_left_without_restart)
{
    soc.fail_with = ERR_DENIED;
    put("soc", 1, 5);
    start(1);
    pass_time_until_call(&soc, 12); /* at most 15 min between two: hours */
    ck_assert_int_eq(lines_with("delivery on hold"), 1);
    /* "still", at growing intervals: after 5 min, 20 min later, 80 min later, 5 h later */
    ck_assert_int_ge(lines_with("delivery still on hold"), 1);
    ck_assert_int_le(lines_with("delivery still on hold"), 4);
    ck_assert_int_eq((int)counts("soc").pending, 4);
    set_fake(&soc, DELIVERY_ACCEPTED, 0);
    put("soc", 5, 6);
    pass_time_until_call(&soc, calls_of(&soc) + 1);
    UNTIL(counts("soc").accepted == 5);
    ck_assert_str_eq(soc.order, "1 2 3 4 5 ");
    UNTIL(lines_with("delivery works again") == 1);
}
END_TEST

START_TEST(a_hold_is_not_hurried_by_new_alerts_or_by_jitter)
{
    static const struct { int64_t asked_ms, not_before_ms; } cases[] = { { 0, 10000 }, { 120000, 120000 } };

    jitter = 0;
    soc.verdict = DELIVERY_HOLD;
    soc.retry_after_ms = cases[_i].asked_ms;
    put("soc", 1, 2);
    start(1);
    UNTIL(status_of(0).state == DELIVERY_HELD);
    put("soc", 2, 3);
    advance(cases[_i].not_before_ms - 1);
    (void)usleep(50000);
    ck_assert_int_eq(calls_of(&soc), 1);
}
END_TEST

static int keep_parked(void *self, const struct delivery_row *r, struct error *err)
{
    struct buf *b = self;

    (void)err;
    buf_addf(b, "%d:%s:", (int)r->alert->count, r->reason);
    buf_add_slice(b, buf_slice(&r->refused));
    buf_add_char(b, ';');
    return 0;
}

START_TEST(one_poisonous_alert_of_500_is_parked_and_its_neighbours_are_delivered)
{
    CLEANUP(buf_release) struct buf parked = BUF_INIT(1000);

    soc.poison = 377;
    put("soc", 100, 600);
    start(1);
    UNTIL(counts("soc").pending == 0);
    ck_assert_int_eq((int)counts("soc").accepted, 499);
    ck_assert_int_eq((int)counts("soc").parked, 1);
    OK(store_each_parked(store, "soc", keep_parked, &parked, err));
    ck_assert_str_eq(buf_cstr(&parked), "377:HTTP 400: poison:377;");
    ck_assert_int_le(soc.calls, 25); /* bisected, not one by one */
    ck_assert_uint_eq(soc.largest, 500);
    ck_assert_int_eq(lines_with("alert parked"), 1);
}
END_TEST

START_TEST(a_receiver_that_judges_singly_is_not_asked_twice)
{
    soc.poison = 3;
    soc.is_judging_singly = true;
    put("soc", 1, 6);
    start(1);
    UNTIL(counts("soc").pending == 0);
    ck_assert_int_eq(soc.calls, 1);
    ck_assert_str_eq(soc.order, "1 2 4 5 ");
    ck_assert_int_eq((int)counts("soc").parked, 1);
}
END_TEST

START_TEST(a_batch_that_is_too_large_is_halved_and_the_size_remembered)
{
    soc.batch_limit = 64;
    put("soc", 100, 600);
    start(1);
    UNTIL(counts("soc").accepted == 500);
    ck_assert_int_eq((int)counts("soc").parked, 0);
    ck_assert_int_le(soc.calls, 40);
    ck_assert_ptr_eq(strstr(soc.order, "100 101 102 "), soc.order);
}
END_TEST

START_TEST(what_does_not_fit_alone_or_cannot_be_written_is_parked_with_the_reason)
{
    CLEANUP(buf_release) struct buf parked = BUF_INIT(20000);

    put("soc", 11, 17);
    start(1);
    UNTIL(counts("soc").pending == 0);
    ck_assert_str_eq(soc.order, "11 12 15 16 ");
    OK(store_each_parked(store, "soc", keep_parked, &parked, err));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&parked), "13:it cannot be written as count: thirteen:"));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&parked), "14:too large: 4002 bytes as count, the limit is 4000"));
}
END_TEST

START_TEST(a_lone_alert_that_the_receiver_finds_too_large_is_parked)
{
    soc.batch_limit = 1;
    soc.fail_with = ERR_LIMIT;
    put("soc", 1, 3);
    start(1);
    UNTIL(counts("soc").parked == 2);
}
END_TEST

START_TEST(a_batch_stays_within_the_bytes_the_output_takes)
{
    static const struct { size_t each; size_t largest; } cases[] = { { 400, 10 }, { 4000, 1 }, { 1333, 3 } }; /* of 4000 */
    CLEANUP(buf_release) struct buf order = BUF_INIT(1000);

    padded_to = cases[_i].each;
    put("soc", 101, 136);
    start(1);
    UNTIL(counts("soc").accepted == 35);
    ck_assert_uint_eq(soc.largest, cases[_i].largest);
    ck_assert_uint_eq(soc.most_bytes, cases[_i].largest * cases[_i].each);
    ck_assert_int_eq(soc.calls, (35 + (int)cases[_i].largest - 1) / (int)cases[_i].largest);
    for (int i = 101; i < 136; i++)
        buf_addf(&order, "%d ", i);
    ck_assert_str_eq(soc.order, buf_cstr(&order));
}
END_TEST

START_TEST(a_receiver_that_takes_more_again_gets_more_and_never_more_than_the_output_takes)
{
    soc.batch_limit = 64;
    put("soc", 1000, 3000);
    start(1);
    UNTIL(counts("soc").accepted == 2000);
    ck_assert_int_lt(soc.items, 5000); /* what fitted is remembered: each 500 halved anew would be 8000 */
    pthread_mutex_lock(&soc.lock);
    soc.batch_limit = 0;
    soc.largest = 0;
    pthread_mutex_unlock(&soc.lock);
    put("soc", 3000, 12000);
    delivery_wake(delivery);
    UNTIL(counts("soc").accepted == 11000);
    ck_assert_uint_eq(soc.largest, 500);
}
END_TEST

START_TEST(the_second_half_waits_when_the_first_must)
{
    soc.batch_limit = 2;
    soc.verdict = DELIVERY_RETRY;
    put("soc", 1, 5);
    start(1);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    ck_assert_int_eq(soc.calls, 2);
    ck_assert_int_eq(soc.items, 4 + 2);
}
END_TEST

/* Credentials are locked after a few tries: one that is refused sets the pace, not one that is put off. */
START_TEST(a_hold_among_retries_is_a_hold)
{
    soc.verdict = DELIVERY_HOLD;
    soc.put_off = _i == 0 ? 1 : 3;
    put("soc", 1, 4);
    start(1);
    UNTIL(status_of(0).reason[0]);
    ck_assert_int_eq(status_of(0).state, DELIVERY_HELD);
}
END_TEST

START_TEST(a_rate_lets_through_one_second_at_a_time)
{
    struct rate none = { 0 }, r = { .per_s = 10 }, third = { .per_s = 3 };
    int64_t wait_ms = 0;

    ck_assert_uint_eq(rate_take(&none, 500, 0, &wait_ms), 500);
    ck_assert_uint_eq(rate_take(&r, 3, 5000, &wait_ms), 3);
    ck_assert_uint_eq(rate_take(&r, 500, 5000, &wait_ms), 7);
    ck_assert_uint_eq(rate_take(&r, 500, 5000, &wait_ms), 0);
    ck_assert_int_eq(wait_ms, 100);
    ck_assert_uint_eq(rate_take(&r, 500, 5099, &wait_ms), 0);
    ck_assert_uint_eq(rate_take(&r, 500, 5100, &wait_ms), 1);
    ck_assert_uint_eq(rate_take(&r, 500, 5600, &wait_ms), 5);
    ck_assert_uint_eq(rate_take(&r, 500, 3600000, &wait_ms), 10);
    ck_assert_uint_eq(rate_take(&r, 1, 3601000, &wait_ms), 1);
    ck_assert_uint_eq(rate_take(&r, 500, 3602000, &wait_ms), 10); /* what was left does not come on top */
    ck_assert_uint_eq(rate_take(&r, 500, 0, &wait_ms), 10); /* a clock that ran back starts anew */
    ck_assert_uint_eq(rate_take(&third, 3, 0, &wait_ms), 3);
    ck_assert_uint_eq(rate_take(&third, 3, 0, &wait_ms), 0);
    ck_assert_uint_eq(rate_take(&third, 3, wait_ms, &wait_ms), 1); /* what it says to wait is enough */
}
END_TEST

START_TEST(an_output_gets_no_more_in_a_second_than_allowed)
{
    int64_t first, last;

    soc_per_second = 10;
    put("soc", 1, 13); /* 13 cannot be written */
    put("soc", 20, 33);
    start(1);
    for (int left = 20000; left > 0 && counts("soc").pending > 0; left--) {
        advance(50);
        (void)usleep(1000);
    }
    ck_assert_int_eq(counts("soc").pending, 0);
    first = soc.times[0];
    last = soc.times[soc.calls - 1];
    ck_assert_uint_le(soc.largest, 10);
    ck_assert_int_eq(soc.items, 25);
    /* Ten at once, the other fifteen a tenth of a second each. */
    ck_assert_int_ge(last - first, 1500);
    ck_assert_str_eq(soc.order, "1 2 3 4 5 6 7 8 9 10 11 12 20 21 22 23 24 25 26 27 28 29 30 31 32 ");
}
END_TEST

START_TEST(a_dead_output_delays_no_other)
{
    soc.is_stuck = true;
    put("soc", 101, 150);
    put("siem", 101, 150);
    start(2);
    UNTIL(calls_of(&soc) == 1);
    UNTIL(counts("siem").accepted == 49);
    put("siem", 150, 160);
    delivery_wake(delivery);
    UNTIL(counts("siem").accepted == 59);
    ck_assert_int_eq((int)counts("soc").pending, 49);
    pthread_mutex_lock(&soc.lock);
    soc.is_stuck = false;
    pthread_cond_broadcast(&soc.called);
    pthread_mutex_unlock(&soc.lock);
    UNTIL(counts("soc").accepted == 49);
}
END_TEST

/* What it costs the store, and so the others, while it is away: one row read, written out and noted per try, but for each
 * eighth. */
START_TEST(a_dead_output_is_tried_with_one_alert_and_goes_on_with_all)
{
    soc.fail_with = ERR_NET;
    put("soc", 101, 200);
    start(1);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    ck_assert_int_eq(soc.items, 99);
    pass_time_until_call(&soc, 8);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    ck_assert_int_eq(soc.items, 99 + 7);
    pass_time_until_call(&soc, 9);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    ck_assert_int_eq(soc.items, 99 + 7 + 99);
    pass_time_until_call(&soc, 11);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    pthread_mutex_lock(&soc.lock);
    ck_assert_int_eq(soc.items, 99 + 7 + 99 + 2);
    soc.fail_with = ERR_NONE;
    pthread_mutex_unlock(&soc.lock);
    pass_time_until_call(&soc, 13);
    UNTIL(counts("soc").accepted == 99);
    ck_assert_uint_eq(soc.largest, 99);
}
END_TEST

/* An index that has a shard away says 503 to its documents alone. */
START_TEST(one_alert_that_is_put_off_holds_back_no_other)
{
    soc.put_off = 101;
    put("soc", 101, 102);
    start(1);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    put("soc", 102, 112);
    pass_time_until_call(&soc, 9);
    UNTIL(counts("soc").accepted == 10);
    put("soc", 112, 122);
    pass_time_until_call(&soc, 10);
    UNTIL(counts("soc").accepted == 20);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    pthread_mutex_lock(&soc.lock);
    ck_assert_int_eq(soc.items, 8 + 11 + 11);
    soc.fail_with = ERR_NET; /* and now it is away: one alert per try again, but for each eighth */
    pthread_mutex_unlock(&soc.lock);
    put("soc", 122, 132);
    pass_time_until_call(&soc, 13);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    pthread_mutex_lock(&soc.lock);
    ck_assert_int_eq(soc.items, 8 + 11 + 11 + 11 + 2);
    soc.fail_with = ERR_NONE;
    soc.put_off = -1;
    pthread_mutex_unlock(&soc.lock);
    pass_time_until_call(&soc, 14);
    UNTIL(counts("soc").accepted == 31);
}
END_TEST

START_TEST(an_output_that_does_not_open_is_tried_again)
{
    soc.open_fails_with = ERR_CONFIG;
    put("soc", 1, 2);
    start(1);
    UNTIL(status_of(0).state == DELIVERY_HELD);
    ck_assert_ptr_nonnull(strstr(status_of(0).reason, "scripted open failure"));
    pthread_mutex_lock(&soc.lock);
    ck_assert_int_eq(soc.closes, 1);
    soc.open_fails_with = ERR_NONE;
    pthread_mutex_unlock(&soc.lock);
    pass_time_until_call(&soc, 1);
    UNTIL(counts("soc").accepted == 1);
}
END_TEST

/* A wrong address or credential is not asked every second, a busy receiver is not left alone for a quarter of an hour; and
 * no failure ends the worker. */
START_TEST(what_an_operator_must_correct_is_held_and_the_rest_is_tried_again)
{
    static const struct { enum error_code code; int state; } cases[] = {
        { ERR_AUTH, DELIVERY_HELD },     { ERR_DENIED, DELIVERY_HELD },    { ERR_NOT_FOUND, DELIVERY_HELD },
        { ERR_CONFIG, DELIVERY_HELD },   { ERR_NET, DELIVERY_WAITING },    { ERR_BUSY, DELIVERY_WAITING },
        { ERR_SERVER, DELIVERY_WAITING }, { ERR_NOMEM, DELIVERY_WAITING }, { ERR_IO, DELIVERY_WAITING },
        { ERR_CANCELLED, DELIVERY_WAITING },
    };

    soc.fail_with = siem.open_fails_with = cases[_i].code;
    put("soc", 1, 2);
    put("siem", 1, 2);
    start(2);
    UNTIL((int)status_of(0).state == cases[_i].state);
    if (cases[_i].code != ERR_CANCELLED) /* nothing to cancel while opening */
        UNTIL((int)status_of(1).state == cases[_i].state);
    set_fake(&soc, DELIVERY_ACCEPTED, 0);
    pass_time_until_call(&soc, 2);
    UNTIL(counts("soc").accepted == 1);
}
END_TEST

START_TEST(a_new_outage_begins_with_short_waits)
{
    static const struct { enum error_code code; int64_t longest_ms; } cases[] = { { ERR_NET, 1000 }, { ERR_AUTH, 30000 } };

    soc.fail_with = cases[_i].code;
    put("soc", 1, 2);
    start(1);
    pass_time_until_call(&soc, 12);
    set_fake(&soc, DELIVERY_ACCEPTED, 0);
    pass_time_until_call(&soc, 13);
    UNTIL(status_of(0).state == DELIVERY_IDLE);
    pthread_mutex_lock(&soc.lock);
    soc.fail_with = cases[_i].code;
    pthread_mutex_unlock(&soc.lock);
    put("soc", 2, 3);
    delivery_wake(delivery);
    UNTIL(status_of(0).reason[0]);
    pass_time_in_steps_until_call(&soc, 15, cases[_i].longest_ms / 10);
    ck_assert_int_lt(soc.times[14] - soc.times[13], 3 * cases[_i].longest_ms);
}
END_TEST

static void *stop_main(void *unused UNUSED)
{
    delivery_stop(delivery, 20000);
    return NULL;
}

START_TEST(stopping_waits_for_a_retry_that_is_due_within_the_grace)
{
    pthread_t stopper;

    soc.verdict = DELIVERY_RETRY;
    soc.retry_after_ms = 5000;
    put("soc", 1, 2);
    put("siem", 1, 2);
    start(2);
    UNTIL(status_of(0).state == DELIVERY_WAITING && status_of(1).state == DELIVERY_IDLE);
    ck_assert_int_eq(pthread_create(&stopper, NULL, stop_main, NULL), 0);
    UNTIL(closes_of(&siem) == 1); /* it is draining: who has nothing to do has ended */
    set_fake(&soc, DELIVERY_ACCEPTED, 0);
    for (int left = 5000; left > 0 && counts("soc").accepted == 0 && closes_of(&soc) == 0; left--) {
        advance(100);
        (void)usleep(1000);
    }
    (void)pthread_join(stopper, NULL);
    ck_assert_int_eq((int)counts("soc").accepted, 1);
}
END_TEST

START_TEST(stopping_finishes_what_is_possible)
{
    put("soc", 101, 1101);
    start(1);
    delivery_stop(delivery, 20000);
    ck_assert_int_eq((int)counts("soc").accepted, 1000);
    ck_assert_int_eq(closes_of(&soc), 1);
}
END_TEST

static int64_t real_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS;
}

START_TEST(stopping_does_not_wait_longer_than_the_grace_and_loses_nothing)
{
    int64_t before;

    soc.is_stuck = true; /* until it is told otherwise, below: longer than the test may take */
    siem.verdict = DELIVERY_RETRY;
    siem.retry_after_ms = 3600000;
    put("soc", 1, 4);
    put("siem", 1, 4);
    start(2);
    UNTIL(calls_of(&soc) == 1 && status_of(1).state == DELIVERY_WAITING);
    before = real_ms();
    delivery_stop(delivery, 300);
    ck_assert_int_ge(real_ms() - before, 250);
    pthread_mutex_lock(&soc.lock); /* the http client would be cancelled here */
    soc.is_stuck = false;
    pthread_cond_broadcast(&soc.called);
    pthread_mutex_unlock(&soc.lock);
    delivery_free(delivery);
    delivery = NULL;
    ck_assert_int_eq((int)(counts("soc").pending + counts("soc").accepted), 3);
    ck_assert_int_eq((int)counts("siem").pending, 3);
}
END_TEST

START_TEST(a_cancelled_call_is_no_attempt_of_the_receivers)
{
    struct delivery_row row;
    size_t n = 0;

    soc.is_stuck = true;
    put("soc", 1, 2);
    start(1);
    UNTIL(calls_of(&soc) == 1);
    delivery_stop(delivery, 0);
    pthread_mutex_lock(&soc.lock);
    soc.fail_with = ERR_CANCELLED;
    soc.is_stuck = false;
    pthread_cond_broadcast(&soc.called);
    pthread_mutex_unlock(&soc.lock);
    delivery_free(delivery);
    delivery = NULL;
    OK(store_take(store, "soc", 1, &row, &n, err));
    ck_assert(n == 1 && row.attempts == 0);
    delivery_row_release(&row);
}
END_TEST

START_TEST(what_is_wrong_is_told_while_it_is_tried_again)
{
    soc.fail_with = ERR_NET;
    put("soc", 1, 2);
    start(1);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    pthread_mutex_lock(&soc.lock);
    soc.is_stuck = true;
    pthread_mutex_unlock(&soc.lock);
    pass_time_until_call(&soc, 2);
    ck_assert_int_eq(status_of(0).state, DELIVERY_WAITING);
    ck_assert_str_eq(status_of(0).reason, "scripted failure");
    ck_assert_int_gt(status_of(0).broken_since_ms, 0);
    pthread_mutex_lock(&soc.lock);
    soc.fail_with = ERR_NONE;
    soc.is_stuck = false;
    pthread_cond_broadcast(&soc.called);
    pthread_mutex_unlock(&soc.lock);
    UNTIL(status_of(0).state == DELIVERY_IDLE);
    ck_assert_str_eq(status_of(0).reason, "");
    ck_assert_int_eq(status_of(0).broken_since_ms, 0);
}
END_TEST

START_TEST(when_the_store_is_back_and_nothing_is_due_all_is_well_again)
{
    char file[128], away[128];

    (void)snprintf(file, sizeof file, "%s/store.db", folder.path);
    (void)snprintf(away, sizeof away, "%s/away", folder.path);
    ck_assert_int_eq(rename(file, away), 0);
    ck_assert_int_eq(mkdir(file, 0700), 0);
    start(1);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    ck_assert_int_eq(rmdir(file), 0);
    ck_assert_int_eq(rename(away, file), 0);
    for (int left = 20000; left > 0 && status_of(0).state != DELIVERY_IDLE; left--) { /* a step before it waits is lost */
        advance(60000);
        (void)usleep(1000);
    }
    ck_assert_int_eq(status_of(0).state, DELIVERY_IDLE);
    ck_assert_int_eq(status_of(0).broken_since_ms, 0);
    ck_assert_int_eq(lines_with("delivery works again"), 1);
}
END_TEST

START_TEST(a_store_that_fails_holds_up_no_end)
{
    char file[128], away[128];

    (void)snprintf(file, sizeof file, "%s/store.db", folder.path);
    (void)snprintf(away, sizeof away, "%s/away", folder.path);
    soc.is_stuck = true;
    put("soc", 1, 2);
    start(1);
    UNTIL(calls_of(&soc) == 1);
    ck_assert_int_eq(rename(file, away), 0);
    ck_assert_int_eq(mkdir(file, 0700), 0);
    pthread_mutex_lock(&soc.lock);
    soc.is_stuck = false;
    pthread_cond_broadcast(&soc.called);
    pthread_mutex_unlock(&soc.lock);
    UNTIL(status_of(0).state == DELIVERY_WAITING);
    delivery_stop(delivery, 100);
    UNTIL(closes_of(&soc) == 1); /* it was accepted, and is sent again by the next start */
    ck_assert_int_eq(rmdir(file), 0);
    ck_assert_int_eq(rename(away, file), 0);
}
END_TEST

START_TEST(who_has_nothing_to_do_sleeps)
{
    int before;

    put("soc", 1, 2);
    start(1);
    UNTIL(counts("soc").accepted == 1);
    delivery_wake(delivery);
    UNTIL(status_of(0).state == DELIVERY_IDLE);
    (void)usleep(20000);
    before = clock_asked();
    (void)usleep(100000);
    ck_assert_int_lt(clock_asked() - before, 100);
}
END_TEST

START_TEST(a_delivery_without_outputs_starts_and_stops)
{
    start(0);
    delivery_wake(delivery);
    delivery_stop(delivery, 1000);
}
END_TEST

START_TEST(back_off_grows_while_a_receiver_stays_away)
{
    soc.fail_with = ERR_NET;
    put("soc", 1, 2);
    start(1);
    pass_time_until_call(&soc, 20);
    ck_assert_int_ge(soc.times[19] - soc.times[18], 100000); /* the jitter of this test is always the same */
    ck_assert_int_eq(lines_with("delivery interrupted"), 1);
    ck_assert_int_le(lines_with("delivery still interrupted"), 4);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("worker");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, what_is_pending_at_start_and_what_comes_later_is_delivered_in_order);
    tcase_add_loop_test(t, a_retry_is_never_earlier_than_asked_and_heals_by_itself, 0, 2);
    tcase_add_test(t, a_transport_error_keeps_everything_and_counts_the_attempt);
    tcase_add_test(t, a_hold_is_said_once_keeps_order_and_is_left_without_restart);
    tcase_add_loop_test(t, a_hold_is_not_hurried_by_new_alerts_or_by_jitter, 0, 2);
    tcase_add_test(t, one_poisonous_alert_of_500_is_parked_and_its_neighbours_are_delivered);
    tcase_add_test(t, a_receiver_that_judges_singly_is_not_asked_twice);
    tcase_add_test(t, a_batch_that_is_too_large_is_halved_and_the_size_remembered);
    tcase_add_test(t, what_does_not_fit_alone_or_cannot_be_written_is_parked_with_the_reason);
    tcase_add_test(t, a_lone_alert_that_the_receiver_finds_too_large_is_parked);
    tcase_add_loop_test(t, a_batch_stays_within_the_bytes_the_output_takes, 0, 3);
    tcase_add_test(t, a_receiver_that_takes_more_again_gets_more_and_never_more_than_the_output_takes);
    tcase_add_test(t, the_second_half_waits_when_the_first_must);
    tcase_add_loop_test(t, a_hold_among_retries_is_a_hold, 0, 2);
    tcase_add_test(t, a_rate_lets_through_one_second_at_a_time);
    tcase_add_test(t, an_output_gets_no_more_in_a_second_than_allowed);
    tcase_add_test(t, a_dead_output_delays_no_other);
    tcase_add_test(t, a_dead_output_is_tried_with_one_alert_and_goes_on_with_all);
    tcase_add_test(t, one_alert_that_is_put_off_holds_back_no_other);
    tcase_add_test(t, an_output_that_does_not_open_is_tried_again);
    tcase_add_loop_test(t, what_an_operator_must_correct_is_held_and_the_rest_is_tried_again, 0, 10);
    tcase_add_loop_test(t, a_new_outage_begins_with_short_waits, 0, 2);
    tcase_add_test(t, stopping_waits_for_a_retry_that_is_due_within_the_grace);
    tcase_add_test(t, stopping_finishes_what_is_possible);
    tcase_add_test(t, stopping_does_not_wait_longer_than_the_grace_and_loses_nothing);
    tcase_add_test(t, a_cancelled_call_is_no_attempt_of_the_receivers);
    tcase_add_test(t, what_is_wrong_is_told_while_it_is_tried_again);
    tcase_add_test(t, when_the_store_is_back_and_nothing_is_due_all_is_well_again);
    tcase_add_test(t, a_store_that_fails_holds_up_no_end);
    tcase_add_test(t, who_has_nothing_to_do_sleeps);
    tcase_add_test(t, a_delivery_without_outputs_starts_and_stops);
    tcase_add_test(t, back_off_grows_while_a_receiver_stays_away);
    return run_group("delivery", t);
}
