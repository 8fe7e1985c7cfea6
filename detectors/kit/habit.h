/* habit.h - has this been seen before, since when, on how many days, at which hours?
 *
 * "This" is anything that a key can name: a caller who reads keys, a network, an application. What is asked is
 * answered from closed slots (baseline/slots.h), so that the order of rows does not matter. A pause longer
 * than the habit's span makes it new again.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_HABIT_H
#define COSMOWATCH_KIT_HABIT_H

#include "baseline/baseline.h"

#define HABIT_DAYS 60       /* "not seen in 60 days" is new, as in Defender's anomaly alerts */
#define HABIT_LONG_DAYS 200 /* for what happens by calendar: a quarterly rotation, and a late one */

struct habit_learned {
    int32_t first, last; /* slots; SLOT_NEVER: not known */
    int32_t last_day;
    uint32_t days;       /* active ones since `first` */
    uint32_t hours;      /* bit h: seen between h:00 and h:59 UTC */
};

struct habit {
    int32_t newest;
    struct habit_learned learned[2];
    uint32_t open[2]; /* hours of the newest slot, of the one before */
};

struct habit_view {
    bool is_known;
    int64_t age_days;   /* since it was first seen; 0 when unknown */
    int64_t idle_days;  /* since it was last seen */
    int64_t days;       /* active ones */
    uint32_t hours;
};

/* Look and remember, for a row of this time. False in ret->is_known also without memory. The memory holds
 * struct habit; a memory is used with one of the two functions only. */
void habit_note(struct baseline *b, const struct baseline_memory *m, struct slice account, struct slice key,
                struct slice label, int64_t time_ns, struct habit_view *ret);
void habit_note_long(struct baseline *b, const struct baseline_memory *m, struct slice account, struct slice key,
                     struct slice label, int64_t time_ns, struct habit_view *ret);
/* Look only. */
void habit_look(struct baseline *b, const struct baseline_memory *m, struct slice account, struct slice key,
                int64_t time_ns, struct habit_view *ret);
void habit_look_long(struct baseline *b, const struct baseline_memory *m, struct slice account, struct slice key,
                     int64_t time_ns, struct habit_view *ret);
/* Was it noted in this very hour? Then noting it again changes nothing, and ret says what habit_note() would. */
bool habit_is_noted(struct baseline *b, const struct baseline_memory *m, struct slice account, struct slice key,
                    int64_t time_ns, struct habit_view *ret);

/* A key of one letter, for what kind of thing it is, and a name; in a room of `size` bytes, cut to it. */
struct slice habit_key(char kind, struct slice name, char *room, size_t size);

struct buf;
void habit_describe(const void *value, struct buf *out); /* for baseline_memory.describe */
void habit_confirm(void *value, int32_t slot);           /* for baseline_memory.confirm */

#endif
