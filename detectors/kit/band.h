/* band.h - how much is usual in an hour, learned from closed slots. 300 bytes a subject.
 *
 * "How much" is bytes; a detector of other amounts scales them to the bins (a read as 16 KiB). With a slot of 24
 * hours and hour 0 alone it is a band of days (is_of_days).
 *
 * Holds, on a logarithmic scale:
 *   - how often an active hour reached which volume, whatever the time of day;
 *   - what each hour of a working day and of a weekend day usually reaches, what a weekday differs by, and how far
 *     hours were from what their hour made likely. Where the hour was seen often enough it is judged by these: the
 *     same volume may be nothing at noon and everything at night. Where not, by all hours;
 *   - a few runs of hours that came near their limit: those above it first, then the largest, and of a job that comes
 *     every day the last ones, so that it leaves room for others and is known when it moves by an hour. A job by the
 *     calendar, too rare for any percentile, is known by them: seen twice at this hour of this weekday or of this day
 *     of the month, or on three days at this hour, it is usual, at that hour. A reader that had such hours at six
 *     different ones keeps no hours.
 * All fade: counts halve every 30 days, or when they are full; runs older than a quarter are forgotten.
 *
 * Versions (slots.h): rows of the newest slot s are judged with slots up to s-2, rows of s-1 with slots up
 * to s-3. Keeping everything twice would cost 200 bytes, so the struct keeps "up to s-3" and the hours of s-2
 * apart; judging the newest slot adds them on the fly.
 *
 * An hour above the limit is taught as the 99th percentile only, and as one of the few runs: an attack of hours
 * does not move the band, a job that comes back does.
 *
 * All arithmetic is in integers: the same on every machine.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_BAND_H
#define COSMOWATCH_KIT_BAND_H

#include "baseline/baseline.h"
#include "baseline/slots.h"

#define BAND_VERSION 2   /* of the struct, for the memories that hold one */
#define BAND_BINS 48     /* half octaves from 16 KiB to 256 GiB an hour; beyond goes to the ends */
#define BAND_ERRORS 32   /* eighths of an octave, from 1.5 octaves below the expected to 2.5 above */
#define BAND_RUNS 8
#define BAND_FADE_DAYS 30 /* counts halve */
#define BAND_HOURS 24    /* the longest slot */

/* A level is an eighth of an octave above 4 KiB; 0: the hour was not active. */
struct band {
    int32_t newest, first;                /* slots; first: with any row */
    uint32_t above, large;                /* hours of newest-2 above their limit, above half of it; a bit each */
    uint16_t faded;                       /* the month (of BAND_FADE_DAYS) that counts are faded to */
    int16_t weekday[7];                   /* what it differs by, in parts of a level */
    uint16_t run_day[BAND_RUNS];          /* all below: of slots up to newest-3 */
    uint8_t run_level[BAND_RUNS];         /* 0: free */
    uint8_t run_from[BAND_RUNS], run_to[BAND_RUNS]; /* hours of the day, both included */
    uint8_t run_above;                    /* a bit each: above the limit, not only near it */
    uint8_t is_of_days;                   /* as the rule says */
    uint8_t taught;                       /* hours that are above count as this in bins[]; 0: as they are */
    uint8_t bins[BAND_BINS];              /* active hours */
    uint8_t errors[BAND_ERRORS];          /* of hours that were expected */
    uint8_t usual[2][BAND_HOURS];         /* level of an hour of a working day, of a weekend day */
    uint8_t seen[BAND_HOURS];             /* how often: low and high half, 15 and more are 15 */
    uint8_t hours[3][BAND_HOURS];         /* levels in newest, newest-1 (open), newest-2 (closed) */
};

struct band_rule { /* sensitivity */
    int32_t z10;         /* robust z in tenths that must be exceeded */
    int32_t q;           /* (x - P99) / (P99 - P50 + 1) that must be exceeded */
    int64_t floor_bytes; /* and this */
    int64_t samples;     /* active hours before a band says anything */
    bool is_of_days;     /* no hours, only days: judged by all of them, and what came on three is usual on any */
};

struct band_view { /* what slots taught, for one judged hour */
    int64_t samples;     /* active hours, fading */
    int64_t median, p99; /* bytes in an hour */
    int64_t p99_of_all;  /* of all hours */
    int32_t middle_q8, spread_q8; /* 256 * log2 of the median; robust standard deviation, >= half octave */
    int64_t peak;        /* what comes back at this hour; 0: nothing */
    int64_t history_days;/* since the first row, 0: not seen by closed slots */
    bool is_of_hour;     /* made from this hour of such days; else from all hours */
    bool is_quiet_hour;  /* known for two weeks, and hardly ever active at this hour of such days */
};

/* Enter the slot of an hour. On SLOT_LATE nothing else may be called for this row. The rule decides at
 * which level a closed slot's hours are taught. */
enum slot_age band_enter(struct band *b, int32_t slot, int32_t len_hours, const struct band_rule *rule);
/* The hour (0..len-1 within its slot) now has this many bytes. Volumes only grow. */
void band_note(struct band *b, enum slot_age age, int32_t hour, int64_t bytes);
void band_look(const struct band *b, enum slot_age age, int32_t slot, int32_t hour, int32_t len_hours,
               struct band_view *ret);
/* Of all hours up to newest-3, for people. */
void band_look_all(const struct band *b, struct band_view *ret);
/* The hours of a week and of the newest day, for people. False: none is known yet. */
bool band_look_hours(const struct band *b, int32_t len_hours, struct baseline_hours *ret);
/* More than this in an hour is unusual. 0 when there are too few samples. */
int64_t band_limit(const struct band_view *v, const struct band_rule *rule);
/* Are two days weeks or months (three at most) apart? A job by the calendar comes back so. */
bool band_is_rhythm(int32_t day, int32_t other);
/* By the median and spread alone, at least the floor: what rare hours, however large, cannot move. */
int64_t band_ordinary(const struct band_view *v, const struct band_rule *rule);
/* Robust z of a volume, in tenths. */
int64_t band_z10(const struct band_view *v, int64_t bytes);
/* For the memories that hold a band. Of version 1 all is kept but what it did not know: hours of the day. */
bool band_migrate(uint16_t from_version, const void *from, size_t from_size, void *to);

#endif
