/* timeutil.h - event time: int64_t nanoseconds since 1970-01-01 UTC. Text at the edge only.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TIMEUTIL_H
#define COSMOWATCH_TIMEUTIL_H

#include "base/slice.h"

struct buf;

/* ISO 8601 / RFC 3339 UTC as Azure writes it: 2026-08-20T10:00:01.1234567Z, 0..9 fractional digits,
 * 'Z' or +hh:mm or nothing (= UTC), 'T' or blank between date and time, date alone. Years
 * 1678..2261 (the range of int64 nanoseconds). A leap second :60 counts as :59. */
bool time_parse_iso(struct slice s, int64_t *ret_ns);
/* RFC 1123 "Sun, 06 Nov 1994 08:49:37 GMT". */
bool time_parse_http(struct slice s, int64_t *ret_ns);
void time_add_iso(struct buf *out, int64_t ns, int digits); /* digits: 0, 3, 7 or 9; always Z */
int64_t time_floor(int64_t ns, int64_t step_ns);            /* floor to a multiple, also below 0 */

#endif
