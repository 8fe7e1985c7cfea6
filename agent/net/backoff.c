/* backoff.c - see backoff.h. Full jitter: "Exponential Backoff And Jitter", AWS Architecture Blog.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/backoff.h"

#include <limits.h>

int64_t backoff_next(struct backoff *b, int64_t retry_after_ms, const struct services *sv)
{
    int64_t ceiling = b->base_ms;
    uint64_t dice = 0;
    int64_t delay;

    for (int i = 0; i < b->attempts && ceiling < b->cap_ms; i++)
        ceiling = ceiling > b->cap_ms / 2 ? b->cap_ms : ceiling * 2;
    if (ceiling > b->cap_ms)
        ceiling = b->cap_ms;
    if (b->attempts < INT_MAX)
        b->attempts++;
    if (ceiling < 0)
        ceiling = 0;
    sv_random(sv, &dice, sizeof(dice));
    delay = (int64_t)(dice % ((uint64_t)ceiling + 1));
    return delay < retry_after_ms ? retry_after_ms : delay;
}
