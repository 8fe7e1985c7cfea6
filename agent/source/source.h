/* source.h - what every source of log rows provides: read one window completely, or say why not.
 *
 * A source owns nothing durable: the ledger is the store's, windows are planned by window.h. Calls come
 * from that source's own worker thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SOURCE_H
#define COSMOWATCH_SOURCE_H

#include "base/error.h"
#include "base/services.h"
#include "fold/fold.h"

struct option_spec;
struct buf;
struct window_timing; /* window.h */

struct source_request {
    int64_t from_ns, to_ns;   /* half-open window of ingestion time */
    bool is_backfill;         /* learning only: coarser bins are fine (1 h) */
    int64_t horizon_ns;
};

struct source_batch {
    struct fold *fold;        /* filled; the caller's */
    int64_t records;          /* rows represented */
    int64_t queries, splits, partials;
    int64_t bytes;            /* of answers */
    void *bad_self;           /* rows that could not be decoded */
    void (*on_bad)(void *self, struct slice raw, const char *reason);
};

struct source_ops {
    const char *name, *summary;      /* `type:` under sources */
    const struct option_spec *options;
    size_t size;
    int (*open)(void *self, const char *name, const struct services *sv, struct error *err);
    /* 0: everything visible in the window is in the batch. -1: nothing of this attempt may be kept.
     * ERR_LIMIT that survives splitting to one tick and by hash: the window is a gap. */
    int (*read)(void *self, const struct source_request *req, struct source_batch *batch, struct error *err);
    /* Cheap: how many rows does each window [edges[i], edges[i+1]) hold now? Fills ret_counts[n]. */
    int (*count)(void *self, const int64_t *edges, size_t n, int64_t *ret_counts, struct error *err);
    /* Token, permission, tables, query text ... for `check --online`: appends lines; 0 when usable. */
    int (*probe)(void *self, struct buf *said, struct error *err);
    /* Every query text it can send: fn(name, text). */
    int (*each_query)(void *self, int (*fn)(void *fn_self, const char *name, struct slice text, struct error *err),
                      void *fn_self, struct error *err);
    void (*close)(void *self);
    /* The source's own time, carried on from its last answer by our monotonic clock: nobody sets that one. False when
     * there was no answer yet. Any thread. */
    bool (*now)(const void *self, int64_t *ret_ns);
    /* Timing of windows, from the options. */
    void (*timing)(const void *self, struct window_timing *ret);
    /* Rows of a feed kept in the workspace (ThreatIntelIndicators) as a query answer; may be NULL. */
    int (*read_threat_intel)(void *self, struct buf *ret_answer, struct error *err);
};

extern const struct source_ops *const sources_all[]; /* all.c, NULL-terminated */

#endif
