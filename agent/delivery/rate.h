/* rate.h - at most so many alerts a second, for receivers that count. Pure.
 *
 * A token bucket that holds one second's worth: after a rest so many may go at once, and never more.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_DELIVERY_RATE_H
#define COSMOWATCH_DELIVERY_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rate {
    int64_t per_s;     /* 0: no limit */
    int64_t tokens_ms; /* thousandths of an alert, at most one second's worth */
    int64_t last_ms;
    bool is_started;
};

/* How many of `want` may go now. 0: none before *ret_wait_ms have passed. */
size_t rate_take(struct rate *r, size_t want, int64_t now_ms, int64_t *ret_wait_ms);

#endif
