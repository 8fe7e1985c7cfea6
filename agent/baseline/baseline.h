/* baseline.h - what is normal: keyed, bounded, persistent memory for detectors.
 *
 * (memory, account, key) -> one fixed-size struct. The baseline alone knows about persistence,
 * eviction (bounded; least recently seen leaves first, counted), versions and reloading.
 *
 * Deterministic learning. Time is cut into *slots* as long as the horizon H (the lateness within which
 * a row is still guaranteed to be seen). An observation of slot t is judged with what slots up to t-2
 * taught, because those can no longer change: a row of slot t-2 is visible before slot t begins. State
 * that learns therefore keeps two versions (for the newest slot s and for s-1) and the open sums of
 * slots s and s-1; slots.h does this shifting once for all. Rows older than slot s-1 are beyond the
 * horizon: judged with the oldest version, not learned, counted (`late`). See slots.h.
 *
 * Threads: the flow thread only.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BASELINE_H
#define COSMOWATCH_BASELINE_H

#include "base/error.h"
#include "base/slice.h"

struct buf;

struct baseline_hours { /* bytes, or what the memory measures; 0: not active, or not known */
    int64_t usual[7][24];    /* UTC; Monday first */
    int64_t median, p99;     /* of all active hours */
    int64_t day_ns;          /* the newest day of which it knows anything: */
    struct baseline_hour { int64_t usual, p99, seen; } day[24];
};

struct baseline_place { /* that an account is used from */
    char name[40];           /* code of a country, or a region of Azure */
    double lat, lon;         /* NAN when the memory does not know */
    int days;                /* on how many of the last 60, by closed slots */
};

struct baseline_memory { /* one kind of memory, declared statically by its detector */
    const char *name;        /* "volume.actor": durable name, never reused for another meaning */
    uint16_t version;        /* of the struct; an older one is given to migrate or dropped */
    uint16_t size;           /* bytes of the struct, plain data without pointers */
    int64_t max_keys;        /* ceiling over all accounts */
    /* Optional: fill `to` (zeroed) from an older version; false drops the entry. */
    bool (*migrate)(uint16_t from_version, const void *from, size_t from_size, void *to);
    /* Optional: one line for `baseline show`. */
    void (*describe)(const void *value, struct buf *out);
    /* Optional: what the hours of a week usually reach, and those of the newest day did. */
    bool (*hours)(const void *value, int32_t len_hours, struct baseline_hours *ret);
    /* Optional: the place that a key of this memory is; false: it is something else. */
    bool (*place)(struct slice key, const void *value, struct baseline_place *ret);
    /* Optional: from `slot` (slots.h) on the key is as usual as one that was seen every day. */
    void (*confirm)(void *value, int32_t slot);
};

struct baseline_config {
    int64_t horizon_ns;   /* slot length; divides a day: 1 2 3 4 6 8 12 24 hours */
    int64_t learn_ns;     /* how long a key's account must have been seen before anomalies alert */
};

struct baseline;

struct baseline *baseline_new(const struct baseline_config *cfg);
void baseline_free(struct baseline *b);
void baseline_freep(struct baseline **b);
/* Declaring the same one again is fine (detectors may share a memory); another of its name is ERR_BUG. */
MUST_CHECK int baseline_declare(struct baseline *b, const struct baseline_memory *m, struct error *err);
const struct baseline_config *baseline_cfg(const struct baseline *b);

/* The struct of a key, zeroed when new (*ret_new, may be NULL). Marked changed. Valid until the next
 * baseline_put, baseline_drop_row or baseline_expire of the same memory. NULL: no memory. RAM holds only a
 * 128-bit hash of (memory, account, key) beside the struct: account, key and `label` (may be empty) live
 * in the store, for people; key need not be printable. seen_ns (the newest one counts, to the minute)
 * orders eviction. */
void *baseline_put(struct baseline *b, const struct baseline_memory *m, struct slice account,
                   struct slice key, struct slice label, int64_t seen_ns, bool *ret_new);
/* Forget every key of a memory last seen before the time: a walk over all of it, so not per row. */
void baseline_expire(struct baseline *b, const struct baseline_memory *m, int64_t before_ns);
/* Look only: NULL when unknown. Not marked changed. */
const void *baseline_get(struct baseline *b, const struct baseline_memory *m, struct slice account,
                         struct slice key);

/* Every struct of a memory, to look at, in no order: a walk over all of it, so not per row. fn changes nothing. */
void baseline_each(struct baseline *b, const struct baseline_memory *m, void (*fn)(void *self, const void *value),
                   void *self);

/* When the account was first seen at all, in event time, by closed slots only; learning is over for
 * slot t when t's start - first seen >= learn_ns and the account was active on half as many days as
 * learn_ns has (7 of 14: a test run a fortnight ago teaches nothing). Fed by the flow for every
 * observation, before the detectors see it; counts rows from beyond the horizon. An unknown account is
 * learning. */
void baseline_saw_account(struct baseline *b, struct slice account, int64_t minute_ns);
bool baseline_is_learning(struct baseline *b, struct slice account, int64_t minute_ns);

/* Persistence, driven by the store inside the window's transaction. */
struct baseline_row {
    const char *memory;
    uint8_t id[16];         /* with `memory` the durable primary key; the same on every machine */
    uint16_t version;
    struct slice account, key, label; /* for people and for sharding; empty when is_deleted */
    struct slice value;     /* the struct's bytes; empty when is_deleted */
    int64_t seen_ns;        /* to the minute */
    bool is_deleted;        /* evicted or dropped: delete (memory, id) from the store */
};
/* Every entry changed, evicted or dropped since the last baseline_mark_clean(), in the order in which
 * the store must apply them (a key may be deleted and then come again). -1 stops. */
int baseline_each_changed(struct baseline *b, int (*fn)(void *self, const struct baseline_row *row,
                          struct error *err), void *self, struct error *err);
void baseline_mark_clean(struct baseline *b);      /* after the commit */
/* Restores by (memory, id); account, key and label of the row are not needed. A row of a memory that
 * nobody declared (its detector is switched off) is left alone: 0. ERR_STATE: damaged, or of a newer
 * version than this program. */
MUST_CHECK int baseline_load_row(struct baseline *b, const struct baseline_row *row, struct error *err);
void baseline_forget_all(struct baseline *b);      /* before a reload, after a failed commit */

/* What the operator sees and changes, named by a row of the store with all its texts. False: not in memory (its
 * detector is switched off), or the memory has no such word. A drop or a confirmation is an unsaved change. */
bool baseline_describe_row(const struct baseline *b, const struct baseline_row *row, struct buf *out);
bool baseline_hours_row(const struct baseline *b, const struct baseline_row *row, struct baseline_hours *ret);
bool baseline_place_row(const struct baseline *b, const struct baseline_row *row, struct baseline_place *ret);
bool baseline_drop_row(struct baseline *b, const struct baseline_row *row);
bool baseline_confirm_row(struct baseline *b, const struct baseline_row *row, int64_t time_ns);
bool baseline_can_confirm(const struct baseline *b, const char *memory);

struct baseline_stats {
    int64_t keys, evicted, late, bytes;
    int64_t accounts, learning; /* seen at all; of them, those whose anomalies do not alert yet */
};
void baseline_get_stats(const struct baseline *b, struct baseline_stats *ret);

#endif
