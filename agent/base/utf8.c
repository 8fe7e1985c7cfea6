/* utf8.c - see utf8.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

/* Bytes after the lead byte, 0 for no lead byte; the range that the second byte must be in. */
static size_t lead(unsigned char c, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (c >= 0xc2 && c <= 0xdf)
        return 1;
    if (c >= 0xe0 && c <= 0xef) {
        if (c == 0xe0)
            *low = 0xa0;
        if (c == 0xed)
            *high = 0x9f; /* surrogates */
        return 2;
    }
    if (c >= 0xf0 && c <= 0xf4) {
        if (c == 0xf0)
            *low = 0x90;
        if (c == 0xf4)
            *high = 0x8f;
        return 3;
    }
    return 0;
}

size_t utf8_next(struct slice s, size_t i, uint32_t *ret)
{
    unsigned char c = (unsigned char)s.at[i], low, high;
    size_t more;
    uint32_t v;

    if (c < 0x80) {
        *ret = c;
        return 1;
    }
    more = lead(c, &low, &high);
    *ret = UTF8_BAD;
    if (more == 0)
        return 1;
    v = c & (0x3fu >> more);
    for (size_t n = 1; n <= more; n++) {
        unsigned char next = i + n < s.len ? (unsigned char)s.at[i + n] : 0;

        if (next < low || next > high)
            return n;
        v = v << 6 | (next & 0x3fu);
        low = 0x80;
        high = 0xbf;
    }
    *ret = v;
    return more + 1;
}
