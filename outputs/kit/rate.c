/* rate.c - see rate.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/rate.h"

#include "net/http.h"

bool rate_is_cancelled(const struct services *sv)
{
    return sv->http && !http_client_wait(sv->http, 0);
}

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

size_t rate_take(struct rate *r, size_t want, const struct services *sv)
{
    if (r->per_s <= 0)
        return rate_is_cancelled(sv) ? 0 : want;
    for (;;) {
        size_t have;

        fill(r, sv_mono_ms(sv));
        have = (size_t)(r->tokens_ms / 1000);
        if (have > 0) {
            have = have < want ? have : want;
            r->tokens_ms -= (int64_t)have * 1000;
            return rate_is_cancelled(sv) ? 0 : have;
        }
        if (sv->http && !http_client_wait(sv->http, (1000 - r->tokens_ms) / r->per_s + 1))
            return 0;
    }
}
