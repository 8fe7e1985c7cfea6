/* key_spread.h - one key kind used from many unrelated new networks in a day: CosmosDBX_KeyPubliclyLeaked.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KEY_SPREAD_H
#define COSMOWATCH_KEY_SPREAD_H

#include "detectors/kit/key_use.h"

#define KEY_SPREAD_TYPE "CosmosDBX_KeyPubliclyLeaked"

struct key_spread_limits {
    int64_t networks; /* so many new ones in a day, and twice as many as on any day before */
};

extern const struct baseline_memory key_spread_memory, key_spread_day_memory;

/* r came from a new wide network; added is what it adds to the day's use. Emits what has to be told. */
MUST_CHECK int key_spread_judge(const struct key_spread_limits *limits, const struct key_request *r,
                                const struct key_use *added, struct error *err);

#endif
