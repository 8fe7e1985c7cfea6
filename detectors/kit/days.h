/* days.h - what a subject took on each of the last nine weeks' days. 176 bytes a subject.
 *
 * One ring serves both versions that learning needs (baseline/slots.h; a slot here is a UTC day): a row of day
 * D is judged with the days up to D-2, one of D-1 with those up to D-3, and a day that is over never changes.
 * Amounts are kept to 0.3 %.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_DAYS_H
#define COSMOWATCH_KIT_DAYS_H

#include "detectors/kit/band.h"

#define DAYS_LOOKED 63 /* days that a look takes in */
#define DAYS_KEPT 72   /* so that a look from up to a week earlier finds the same */
#define DAYS_SLOT_HOURS 24

struct days {
    int32_t newest, first;      /* slots of a day */
    int32_t folded;             /* the newest day in the ring, counted from 1970; 0: none */
    int32_t padding;
    int64_t open[2];            /* sums of the newest day and of the one before */
    uint16_t level[DAYS_KEPT];  /* by day modulo DAYS_KEPT: 1 + 256 * log2, 0: nothing */
};

/* Enter the day of a row; `closing`, which may be NULL, is told of each shift as by slots_advance(). On
 * SLOT_LATE nothing else may be called for this row. */
enum slot_age days_enter(struct days *d, int64_t time_ns, void (*closing)(void *self, int32_t closed), void *self);
void days_add(struct days *d, enum slot_age age, int64_t amount);
/* Of a day that is over; 0 for one that the ring does not hold. */
int64_t days_amount(const struct days *d, int32_t day);
/* The newest day that is over for a row of this time. */
int32_t days_last_over(int64_t time_ns);
/* What is usual for day `today`, from days that were over: by the same weekday where at least four of them were
 * active, else by all active days, if there are `samples`. ret->samples 0: nothing can be said. `peak` is a sum that
 * came back (band.h). */
void days_look(const struct days *d, int32_t today, int64_t samples, struct band_view *ret);
/* Whole days that are over and were not before the first row, ending with `last`; at most DAYS_LOOKED. */
int32_t days_history(const struct days *d, int32_t last);

#endif
