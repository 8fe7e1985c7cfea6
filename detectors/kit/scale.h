/* scale.h - amounts on a logarithmic scale, in integers: the same on every machine.
 *
 * The logarithm is the piecewise linear one (exponent, then the bits below as they are): monotone, exactly
 * reversible, at most 6 % from the true one. It says "how many times more", which is all it is for.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_SCALE_H
#define COSMOWATCH_KIT_SCALE_H

#include "base/base.h"

/* 256 * log2; 0 for everything below 2. */
static inline int32_t scale_log_q8(int64_t amount)
{
    int exponent;

    if (amount < 1)
        return 0;
    exponent = 63 - __builtin_clzll((unsigned long long)amount);
    return (int32_t)(exponent * 256 + (exponent >= 8 ? (amount >> (exponent - 8)) & 255
                                                     : (amount << (8 - exponent)) & 255));
}

static inline int64_t scale_exp_q8(int32_t q8)
{
    int exponent = q8 / 256;
    int64_t mantissa = 256 + q8 % 256;

    if (q8 < 0)
        return 0;
    if (exponent >= 62)
        return INT64_MAX;
    return exponent >= 8 ? mantissa << (exponent - 8) : mantissa >> (8 - exponent);
}

#endif
