/* num.h - checked numbers. Foreign numbers go through here; atoi and friends are banned.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_NUM_H
#define COSMOWATCH_NUM_H

#include "base/slice.h"

/* Sums and products that report overflow instead of wrapping: false on overflow. */
static inline bool i64_add(int64_t a, int64_t b, int64_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}
static inline bool i64_mul(int64_t a, int64_t b, int64_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}
static inline bool size_mul(size_t a, size_t b, size_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}
/* Sums that stick at INT64_MAX / INT64_MIN: for counters that must never wrap. */
int64_t i64_add_sat(int64_t a, int64_t b);

/* Whole slice is a decimal integer in [min, max]; no blanks, no '+'. */
bool parse_i64(struct slice s, int64_t min, int64_t max, int64_t *ret);
/* Whole slice is a finite decimal real (as JSON spells them). */
bool parse_real(struct slice s, double *ret);
/* "300ms" "30s" "5m" "2h" "14d" "2w", a sum of them ("1h 30m", largest first), or a bare 0 ->
 * milliseconds. What fmt_duration_ms writes can be read back. */
bool parse_duration_ms(struct slice s, int64_t *ret_ms);
/* "512", "64KiB", "10MB", "1GiB" -> bytes (k/M/G/T = 1000s, Ki/Mi/Gi/Ti = 1024s; any case). */
bool parse_bytes(struct slice s, int64_t *ret);

struct buf;
void fmt_bytes(struct buf *out, int64_t bytes);      /* "7.4 GB" (powers of 1000), "512 B" */
void fmt_duration_ms(struct buf *out, int64_t ms);   /* "14d", "1h 30m", "250ms": two units, the
                                                        rest is cut; "0" */
void fmt_count(struct buf *out, int64_t n);          /* "1,234,567" */

#endif
