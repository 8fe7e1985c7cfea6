/* rate.h - at most so many alerts a second, for receivers that count.
 *
 * A token bucket of one second. Waiting is done here, in the output's own worker, and ends at once when
 * the agent is asked to stop. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTPUT_RATE_H
#define COSMOWATCH_OUTPUT_RATE_H

#include "base/services.h"

struct rate {          /* zeroed: no limit */
    int64_t per_s;     /* 0: no limit */
    int64_t tokens_ms; /* thousandths of an alert, at most one second's worth */
    int64_t last_ms;
    bool is_started;
};

/* How many of `want` (at least 1) may go now; waits until one may. 0: the agent stops. */
size_t rate_take(struct rate *r, size_t want, const struct services *sv);

/* The agent is asked to stop. */
bool rate_is_cancelled(const struct services *sv);

/* The option, for a struct rate at `offset`. */
#define RATE_OPTION(offset)                                                                        \
    { .key = "max_per_second", .type = OPT_INT, .at = (offset) + offsetof(struct rate, per_s), .preset = "0",      \
      .min = 0, .max = 1000000, .help = "alerts sent in a second at most; 0: as fast as the receiver takes them" }

#endif
