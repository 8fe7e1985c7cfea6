/* odd_hours.h - which hours of its last days were above what a subject's hours usually reach. 112 bytes a subject.
 *
 * A job that starts an hour later each day, or whenever it is asked for, is above the limit of its hour on every day
 * and yet takes what it always takes. Where most days of two weeks had such an hour, and no hour of the day had it on
 * more than half of them, the hour tells nothing: what tells is that it takes more than on those days, or that a day
 * has more such hours than they had. Whoever keeps an hour is judged by it (band.h).
 *
 * Versions as in days.h: a row of day D is judged with the days up to D-2. What an attack had on two days is not usual,
 * but whoever comes on half of two weeks is told on these days and then no more.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_ODD_HOURS_H
#define COSMOWATCH_KIT_ODD_HOURS_H

#include "baseline/slots.h"

#define ODD_KEPT 16 /* two weeks, looked at from the newest day or from the one before */

struct odd_hours {
    int32_t newest, folded;     /* slot of the newest day; newest day in the ring, counted from 1970, 0: none */
    uint32_t open_hours[2];     /* of the newest day and the one before: a bit each */
    uint16_t open_level[2];
    uint32_t hours[ODD_KEPT];   /* by day modulo ODD_KEPT */
    uint16_t level[ODD_KEPT];   /* of the day's largest such hour: 1 + 256 * log2, 0: none */
};

struct odd_usual { /* what most of the days before had */
    int64_t bytes;  /* in the largest such hour */
    int hours;      /* as many of them as three days had */
};

/* On SLOT_LATE nothing else may be called for this row. */
enum slot_age odd_hours_enter(struct odd_hours *o, int64_t time_ns);
/* The hour of the day is above its limit, and has this many bytes by now. */
void odd_hours_add(struct odd_hours *o, enum slot_age age, int32_t hour, int64_t bytes);
/* For the day of a row. False: few days had such hours, or they came at the same hour. */
bool odd_hours_usual(const struct odd_hours *o, int64_t time_ns, struct odd_usual *ret);

#endif
