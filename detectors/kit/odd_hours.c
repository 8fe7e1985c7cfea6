/* odd_hours.c - see odd_hours.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/odd_hours.h"

#include "detectors/kit/days.h"
#include "detectors/kit/scale.h"

#define LOOKED 14   /* days */
#define DAYS_MIN 7  /* of them with such an hour: a working day's job has ten */
#define DAYS_SAME 3
#define HOURS 24

static void close_day(void *self, int32_t closed, int32_t next)
{
    struct odd_hours *o = self;
    int32_t day = slots_day(closed);

    (void)next;
    for (int32_t gap = o->folded + 1, left = ODD_KEPT; gap < day && left > 0; gap++, left--) { /* nobody closed these */
        o->hours[gap % ODD_KEPT] = 0;
        o->level[gap % ODD_KEPT] = 0;
    }
    o->hours[day % ODD_KEPT] = o->open_hours[1];
    o->level[day % ODD_KEPT] = o->open_level[1];
    o->folded = day;
    o->open_hours[1] = o->open_hours[0];
    o->open_level[1] = o->open_level[0];
    o->open_hours[0] = 0;
    o->open_level[0] = 0;
}

enum slot_age odd_hours_enter(struct odd_hours *o, int64_t time_ns)
{
    return slots_advance(&o->newest, slots_of(time_ns, DAYS_SLOT_HOURS), DAYS_SLOT_HOURS, close_day, o);
}

void odd_hours_add(struct odd_hours *o, enum slot_age age, int32_t hour, int64_t bytes)
{
    uint16_t level = (uint16_t)(1 + scale_log_q8(bytes));

    if (age == SLOT_LATE)
        return;
    o->open_hours[age] |= 1U << hour;
    o->open_level[age] = level > o->open_level[age] ? level : o->open_level[age];
}

struct odd_days { /* that had such an hour */
    uint32_t hours[LOOKED];
    uint16_t level[LOOKED]; /* largest first */
    int n;
};

static void collect(const struct odd_hours *o, int32_t last, struct odd_days *ret)
{
    ret->n = 0;
    for (int32_t day = last; day > last - LOOKED; day--) {
        uint16_t level = day > o->folded || day <= o->folded - ODD_KEPT ? 0 : o->level[day % ODD_KEPT];
        int at = ret->n;

        if (!level)
            continue;
        for (; at > 0 && ret->level[at - 1] < level; at--)
            ret->level[at] = ret->level[at - 1];
        ret->level[at] = level;
        ret->hours[ret->n++] = o->hours[day % ODD_KEPT];
    }
}

/* One hour, give or take one, on more than half of the days. */
static bool keep_an_hour(const struct odd_days *days)
{
    for (int hour = 0; hour < HOURS; hour++) {
        uint32_t near = 1U << hour | 1U << (hour + 1) % HOURS | 1U << (hour + HOURS - 1) % HOURS;
        int n = 0;

        for (int i = 0; i < days->n; i++)
            n += (days->hours[i] & near) != 0;
        if (2 * n > days->n)
            return true;
    }
    return false;
}

/* As many as three days had: a theft that was told yesterday is not usual today. */
static int usual_hours(const struct odd_days *days)
{
    int most;

    for (most = HOURS; most > 1; most--) {
        int n = 0;

        for (int i = 0; i < days->n; i++)
            n += __builtin_popcount(days->hours[i]) >= most;
        if (n >= DAYS_SAME)
            break;
    }
    return most;
}

bool odd_hours_usual(const struct odd_hours *o, int64_t time_ns, struct odd_usual *ret)
{
    struct odd_days days;

    collect(o, days_last_over(time_ns), &days);
    if (days.n < DAYS_MIN || keep_an_hour(&days))
        return false;
    *ret = (struct odd_usual){ .bytes = scale_exp_q8(days.level[DAYS_MIN - 1] - 1), .hours = usual_hours(&days) };
    return true;
}
