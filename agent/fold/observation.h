/* observation.h - what detectors see: all records of one event-time minute that agree in every
 * grouping field, with a count and sums.
 *
 * Observations are additive: two with the same key mean the same as one with their sums, in any
 * order. Data-plane requests and query texts fold; control-plane and activity rows are few and stay
 * one observation each (count 1, `extra` filled).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OBSERVATION_H
#define COSMOWATCH_OBSERVATION_H

#include "record/record.h"

enum observation_kind {
    OBS_REQUEST = 1 << 0,  /* data plane, all APIs: no query text */
    OBS_TEXT = 1 << 1,     /* query text with its request (address, status, bytes ...) where known */
    OBS_CONTROL = 1 << 2,  /* CDBControlPlaneRequests */
    OBS_ACTIVITY = 1 << 3, /* AzureActivity */
    OBS_DEFENDER = 1 << 4, /* SecurityAlert */
};

struct observation {
    enum observation_kind kind;
    enum table table;
    enum api api;
    int64_t minute_ns;          /* start of the event-time minute; exact time for unfolded kinds */
    int64_t first_ns, last_ns;  /* of the rows inside */
    int32_t status;             /* -1 absent */
    struct slice text[F_GROUP_COUNT];
    const struct slice *extra;  /* [F_COUNT - F_GROUP_COUNT] or NULL; use obs_extra() */
    int64_t count, ru_milli, bytes_in, bytes_out, duration_us, rows; /* sums; absent counts as 0 */
    struct slice sample;        /* smallest ActivityId of the rows inside */
    uint64_t key;               /* hash64 of everything above that groups; set by fold */
};

static inline struct slice obs_extra(const struct observation *o, enum field f)
{
    return o->extra && f >= F_GROUP_COUNT ? o->extra[f - F_GROUP_COUNT]
                                          : (struct slice){ .at = NULL, .len = 0 };
}

static inline bool obs_ok(const struct observation *o) /* the request succeeded */
{
    return o->status >= 200 && o->status < 400;
}

#endif
