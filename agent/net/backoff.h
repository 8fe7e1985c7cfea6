/* backoff.h - full-jitter exponential back-off (delay = random in [0, min(cap, base * 2^n)]), never
 * earlier than what the other side asked for.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BACKOFF_H
#define COSMOWATCH_BACKOFF_H

#include "base/services.h"

struct backoff { int64_t base_ms, cap_ms; int attempts; };

/* Next delay; counts the attempt. retry_after_ms (0 unsaid) is a floor. */
int64_t backoff_next(struct backoff *b, int64_t retry_after_ms, const struct services *sv);
static inline void backoff_reset(struct backoff *b) { b->attempts = 0; }

#endif
