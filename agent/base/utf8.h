/* utf8.h - one character of foreign text at a time.
 * Source: RFC 3629; The Unicode Standard, table 3-7 and "U+FFFD substitution of maximal subparts".
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_UTF8_H
#define COSMOWATCH_UTF8_H

#include "base/slice.h"

#define UTF8_BAD UINT32_MAX

/* Code point of the character that starts at s.at[i] (i < s.len) and the bytes it takes, at least 1.
 * UTF8_BAD for a sequence that is overlong, cut, a surrogate or beyond U+10FFFF; the bytes taken are
 * then those that one U+FFFD stands for. */
size_t utf8_next(struct slice s, size_t i, uint32_t *ret);

#endif
