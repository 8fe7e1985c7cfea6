/* rate.c - see rate.h. SPDX-License-Identifier: Apache-2.0 */
#include "delivery/rate.h"

static void fill(struct rate *r, int64_t now_ms)
{
    int64_t most = r->per_s * 1000, passed = now_ms - r->last_ms;

    if (!r->is_started || passed < 0 || passed > 1000)
        passed = 1000;
    r->is_started = true;
    r->last_ms = now_ms;
    r->tokens_ms += passed * r->per_s;
    if (r->tokens_ms > most)
        r->tokens_ms = most;
}

size_t rate_take(struct rate *r, size_t want, int64_t now_ms, int64_t *ret_wait_ms)
{
    size_t have;

    if (r->per_s <= 0)
        return want;
    fill(r, now_ms);
    have = (size_t)(r->tokens_ms / 1000);
    if (have > want)
        have = want;
    r->tokens_ms -= (int64_t)have * 1000;
    if (have == 0)
        *ret_wait_ms = (1000 - r->tokens_ms + r->per_s - 1) / r->per_s;
    return have;
}
