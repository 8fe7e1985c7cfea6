/* outage.c - see outage.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/outage.h"

#include "base/num.h"

enum outage_say outage_note(struct outage *o, int64_t now_ms)
{
    enum outage_say say = OUTAGE_STILL;

    if (!outage_is_on(o)) {
        o->since_ms = now_ms > 0 ? now_ms : 1;
        o->again_ms = OUTAGE_AGAIN_FIRST_MS;
        say = OUTAGE_NEW;
    } else if (now_ms < o->again_at_ms) {
        return OUTAGE_QUIET;
    } else {
        o->again_ms = o->again_ms > OUTAGE_AGAIN_MOST_MS / 4 ? OUTAGE_AGAIN_MOST_MS : o->again_ms * 4;
    }
    o->again_at_ms = i64_add_sat(now_ms, o->again_ms);
    return say;
}

bool outage_end(struct outage *o, int64_t now_ms, int64_t *ret_lasted_ms)
{
    if (!outage_is_on(o))
        return false;
    *ret_lasted_ms = now_ms - o->since_ms;
    *o = (struct outage) { 0 };
    return true;
}
