/* outage.h - something does not work: said once with its cause, again at growing intervals, and once more
 * when it works. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTAGE_H
#define COSMOWATCH_OUTAGE_H

#include "base/base.h"

#define OUTAGE_AGAIN_FIRST_MS 300000 /* still so: after 5 min, then 4 times as long each time */
#define OUTAGE_AGAIN_MOST_MS 21600000

struct outage {
    int64_t since_ms, again_at_ms, again_ms;
}; /* of the monotonic clock; since_ms 0: it works */

enum outage_say { OUTAGE_QUIET, OUTAGE_NEW, OUTAGE_STILL };

/* It failed (again). What there is to say. */
enum outage_say outage_note(struct outage *o, int64_t now_ms);
/* It works. True when it did not before: *ret_lasted_ms is for how long. */
bool outage_end(struct outage *o, int64_t now_ms, int64_t *ret_lasted_ms);
static inline bool outage_is_on(const struct outage *o)
{
    return o->since_ms != 0;
}

#endif
