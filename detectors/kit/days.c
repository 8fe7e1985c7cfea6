/* days.c - see days.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/days.h"

#include "base/num.h"
#include "detectors/kit/scale.h"

#include <stdlib.h>

struct closing {
    struct days *days;
    void (*fn)(void *self, int32_t closed);
    void *self;
};

static void close_day(void *self, int32_t closed, int32_t next)
{
    const struct closing *c = self;
    struct days *d = c->days;
    int32_t day = slots_day(closed);

    (void)next;
    /* Days of a pause, which nobody closed. */
    for (int32_t gap = d->folded + 1, left = DAYS_KEPT; gap < day && left > 0; gap++, left--)
        d->level[gap % DAYS_KEPT] = 0;
    d->level[day % DAYS_KEPT] = d->open[1] > 0 ? (uint16_t)(1 + scale_log_q8(d->open[1])) : 0;
    d->folded = day;
    d->open[1] = d->open[0];
    d->open[0] = 0;
    if (c->fn)
        c->fn(c->self, closed);
}

enum slot_age days_enter(struct days *d, int64_t time_ns, void (*closing)(void *self, int32_t closed), void *self)
{
    struct closing c = { .days = d, .fn = closing, .self = self };
    int32_t slot = slots_of(time_ns, DAYS_SLOT_HOURS);
    enum slot_age age = slots_advance(&d->newest, slot, DAYS_SLOT_HOURS, close_day, &c);

    if (age != SLOT_LATE && (d->first == SLOT_NEVER || slot < d->first))
        d->first = slot;
    return age;
}

void days_add(struct days *d, enum slot_age age, int64_t amount)
{
    if (age != SLOT_LATE)
        d->open[age] = i64_add_sat(d->open[age], amount);
}

int64_t days_amount(const struct days *d, int32_t day)
{
    uint16_t level;

    if (day < 0 || day > d->folded || day <= d->folded - DAYS_KEPT)
        return 0;
    level = d->level[day % DAYS_KEPT];
    return level ? scale_exp_q8(level - 1) : 0;
}

int32_t days_last_over(int64_t time_ns)
{
    return slots_day(slots_of(time_ns, DAYS_SLOT_HOURS)) - 2;
}

int32_t days_history(const struct days *d, int32_t last)
{
    int32_t first = d->first == SLOT_NEVER ? INT32_MAX : slots_day(d->first);
    int32_t n = first > last ? 0 : last - first + 1;

    return n > DAYS_LOOKED ? DAYS_LOOKED : n;
}

/* ---- what is usual ----------------------------------------------------------------------------- */

#define WEEKDAYS_MIN 4
#define SPREAD_MIN_Q8 154 /* three of them are 3.5 times: a release that doubles all does not stand out on a busy day */

static int by_amount(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Active days, every `step` of them, sorted. */
static int32_t collect(const struct days *d, int32_t today, int32_t step, int64_t ret[DAYS_LOOKED])
{
    int32_t n = 0, gap = step > 1 ? step : 2;

    for (; gap < DAYS_LOOKED; gap += step)
        if (days_amount(d, today - gap) > 0)
            ret[n++] = days_amount(d, today - gap);
    qsort(ret, (size_t)n, sizeof(ret[0]), by_amount);
    return n;
}

/* The highest sum that at least two thirds of came on three days, or on two that are weeks or a month apart. Of every
 * `step`th day: a sum of every other weekday is not usual for a Sunday. */
static int64_t came_back(const struct days *d, int32_t today, int32_t step)
{
    int64_t best = 0;

    for (int32_t i = step > 1 ? step : 2; i < DAYS_LOOKED; i += step) {
        int64_t amount = days_amount(d, today - i);
        bool rhythm = false;
        int32_t n = 0;

        if (amount <= best)
            continue;
        for (int32_t k = step > 1 ? step : 2; k < DAYS_LOOKED; k += step) {
            if (days_amount(d, today - k) / 2 < amount / 3)
                continue;
            n++;
            rhythm = rhythm || band_is_rhythm(i, k);
        }
        if (n >= 3 || rhythm)
            best = amount;
    }
    return best;
}

void days_look(const struct days *d, int32_t today, int64_t samples, struct band_view *ret)
{
    int64_t amount[DAYS_LOOKED];
    int32_t step = 7, n = collect(d, today, step, amount), distance = 0;

    *ret = (struct band_view){ .spread_q8 = SPREAD_MIN_Q8, .history_days = days_history(d, today - 2) };
    if (n < WEEKDAYS_MIN) {
        step = 1;
        n = collect(d, today, step, amount);
        if (n < samples)
            return;
    }
    ret->samples = n;
    ret->median = amount[n / 2];
    ret->middle_q8 = scale_log_q8(ret->median);
    ret->p99 = amount[n - 1];
    for (int32_t i = 0; i < n; i++)
        distance += abs(scale_log_q8(amount[i]) - ret->middle_q8);
    distance = distance * 5 / (4 * n);
    ret->spread_q8 = distance < SPREAD_MIN_Q8 ? SPREAD_MIN_Q8 : distance;
    ret->peak = came_back(d, today, step);
}
