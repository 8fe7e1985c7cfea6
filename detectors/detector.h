/* detector.h - what every detector provides. Pure: no I/O, no clock, no logging, no own long-lived
 * memory: what it must remember lives in the baseline. All calls come from the flow thread.
 *
 * Observations arrive in any order inside the horizon, and any number may share a key (they are
 * additive). A detector must end in the same alerts whatever the order and the split:
 *   - sum into event-time bins, compare with what closed slots taught (baseline.h), never with "so far";
 *   - when a bin crosses its threshold, emit the whole bin so far; afterwards emit each further
 *     observation of the bin as an increment (alerts merge by adding);
 *   - identity of an alert is (type, account, subject, bucket), bucket usually the UTC day.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_DETECTOR_H
#define COSMOWATCH_DETECTOR_H

#include "alert/alert.h"
#include "baseline/baseline.h"
#include "fold/observation.h"

struct option_spec; /* settings/option.h */
struct enrich;      /* enrich/enrich.h: who is known bad, where an address is */
struct caller;      /* kit/access.h: who asked, from where */
struct statements;  /* kit/statements.h: who reads texts */

struct detector_context {
    struct baseline *baseline;
    const struct enrich *enrich;
    const struct alert_sink *sink;
    int64_t watermark_ns;  /* everything visible up to here was read before this batch */
    const struct caller *caller; /* of an OBS_REQUEST, else NULL */
    struct statements *statements; /* for an OBS_TEXT */
    bool is_learning;      /* the account of this observation still is (baseline.h) */
    bool is_counted_elsewhere; /* this request also left a data-plane row, and that one counts (kit/request.h) */
    bool is_backfill;      /* learning from history: emit nothing (the flow also drops drafts) */
};

struct detector_ops {
    const char *name, *summary;               /* key under `detectors:`; one line for people */
    unsigned reads;                           /* enum observation_kind bits */
    const char *const *types;                 /* catalogue ids it may emit, NULL-terminated */
    const struct option_spec *options;        /* NULL: none; key `enabled` (bool) is implied */
    size_t size;                              /* of self: zeroed, then filled from the options */
    const struct baseline_memory *const *memories; /* NULL-terminated; may be NULL */
    int (*open)(void *self, struct error *err);        /* may be NULL */
    int (*observe)(void *self, const struct observation *obs, const struct detector_context *ctx,
                   struct error *err);
    /* What was held back until its neighbours were read: after each batch that is no backfill, with the watermark as it was
     * before it, INT64_MAX when nothing more comes. May be NULL. */
    int (*settle)(void *self, const struct detector_context *ctx, struct error *err);
    void (*close)(void *self);                         /* may be NULL; also after a failed open */
    /* Why it cannot judge (no place source, no text ...) as a sentence, or NULL. May be NULL. */
    const char *(*blind)(void *self, const struct detector_context *ctx);
};

extern const struct detector_ops *const detectors_all[]; /* all.c, NULL-terminated */

#endif
