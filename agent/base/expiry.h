/* expiry.h - the sentence about an exception that ends: a suppression, a trusted thing.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_EXPIRY_H
#define COSMOWATCH_EXPIRY_H

#include "base/buf.h"

/* "ends on ...", or "ended on ...", with what that means for its alerts. False, and nothing said, while the end is
 * further off than warn_before_ns, or never (INT64_MAX). */
bool expiry_say(struct buf *out, int64_t expires_ns, int64_t warn_before_ns, int64_t now_ns);

#endif
