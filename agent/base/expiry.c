/* expiry.c - see expiry.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/expiry.h"

#include "base/num.h"
#include "base/timeutil.h"

bool expiry_say(struct buf *out, int64_t expires_ns, int64_t warn_before_ns, int64_t now_ns)
{
    bool is_over = now_ns >= expires_ns;

    if (expires_ns == INT64_MAX || i64_add_sat(now_ns, warn_before_ns) < expires_ns)
        return false;
    buf_add_str(out, is_over ? "ended on " : "ends on ");
    time_add_iso(out, expires_ns, 0);
    buf_add_str(out, is_over ? "; its alerts are told again, take it out or renew it"
                             : "; from then on its alerts are told again");
    return true;
}
