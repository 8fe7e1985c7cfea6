/* band.h - how much is usual in an hour, learned from closed slots. 208 bytes a subject.
 *
 * "How much" is bytes; a detector of other amounts scales them to the bins (a read as 16 KiB). With a slot of 24
 * hours and hour 0 alone it is a band of days.
 *
 * Holds, on a logarithmic scale, how often an active hour reached which volume (for median, spread and 99th
 * percentile), and the few days with the highest hours (so that a weekly export, too rare for any
 * percentile, is known on its third day). Both fade: counts halve every 30 days, days older than 60
 * are forgotten.
 *
 * Versions (slots.h): rows of the newest slot s are judged with slots up to s-2, rows of s-1 with slots up
 * to s-3. Keeping everything twice would cost 130 bytes, so the struct keeps "up to s-3" and the hours of s-2
 * apart; judging the newest slot adds them on the fly.
 *
 * An hour above the limit is taught as the 99th percentile only, and as one of the few highest days: an
 * attack of hours does not move the band, a job that comes back on three days does.
 *
 * All arithmetic is in integers: the same on every machine.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_BAND_H
#define COSMOWATCH_KIT_BAND_H

#include "baseline/slots.h"

#define BAND_BINS 48  /* half octaves from 16 KiB to 256 GiB an hour; beyond goes to the ends */
#define BAND_PEAKS 6
#define BAND_HOURS 24 /* the longest slot */

/* A level is a quarter octave: 4 * log2(bytes); 0: the hour was not active. */
struct band {
    int32_t newest, first;             /* slots; first: with any row */
    uint16_t bins[BAND_BINS];          /* active hours of slots up to newest-3 */
    struct { uint16_t day; uint8_t level, padding; } peaks[BAND_PEAKS]; /* same slots; level 0: free */
    uint8_t hours[3][BAND_HOURS];      /* levels in newest, newest-1 (open), newest-2 (closed) */
    uint8_t limit, taught;             /* hours of newest-2 above `limit` are taught as `taught`; 0: none */
    uint16_t faded;                    /* the month (of FADE_DAYS) that bins[] are faded to */
};

struct band_rule { /* sensitivity */
    int32_t z10;         /* robust z in tenths that must be exceeded */
    int32_t q;           /* (x - P99) / (P99 - P50 + 1) that must be exceeded */
    int64_t floor_bytes; /* and this */
    int64_t samples;     /* active hours before a band says anything */
};

struct band_view { /* what slots taught, for one judged slot */
    int64_t samples;     /* active hours, fading */
    int64_t median, p99; /* bytes in an hour */
    int32_t middle_q8, spread_q8; /* 256 * log2 of the median; robust standard deviation, >= half octave */
    int64_t peak;        /* reached on three days, or on two a week or a month apart; 0: none */
    int64_t history_days;/* since the first row, 0: not seen by closed slots */
};

/* Enter the slot of an hour. On SLOT_LATE nothing else may be called for this row. The rule decides at
 * which level a closed slot's hours are taught. */
enum slot_age band_enter(struct band *b, int32_t slot, int32_t len_hours, const struct band_rule *rule);
/* The hour (0..len-1 within its slot) now has this many bytes. Volumes only grow. */
void band_note(struct band *b, enum slot_age age, int32_t hour, int64_t bytes);
void band_look(const struct band *b, enum slot_age age, int32_t slot, int32_t len_hours,
               struct band_view *ret);
/* More than this in an hour is unusual. 0 when there are too few samples. */
int64_t band_limit(const struct band_view *v, const struct band_rule *rule);
/* Are two days weeks or a month apart? A job by the calendar comes back so. */
bool band_is_rhythm(int32_t day, int32_t other);
/* By the median and spread alone, at least the floor: what rare hours, however large, cannot move. */
int64_t band_ordinary(const struct band_view *v, const struct band_rule *rule);
/* Robust z of a volume, in tenths. */
int64_t band_z10(const struct band_view *v, int64_t bytes);

#endif
