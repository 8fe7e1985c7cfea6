/* slice.c - see slice.h. ASCII case only: what people write in any script is compared byte by byte.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/slice.h"

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;

    return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool slice_same_nocase(const char *a, const char *b, size_t len)
{
    if (len > 0 && memcmp(a, b, len) == 0) /* what has one usual spelling mostly comes in it */
        return true;
    for (size_t i = 0; i < len; i++)
        if (lower(a[i]) != lower(b[i]))
            return false;
    return true;
}

int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.at, b.at, n);

    if (c != 0)
        return c < 0 ? -1 : 1;
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq(slice_make(s.at, prefix.len), prefix);
}

bool slice_starts_nocase(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_same_nocase(s.at, prefix.at, prefix.len);
}

bool slice_ends_nocase(struct slice s, struct slice suffix)
{
    if (s.len < suffix.len)
        return false;
    return suffix.len == 0 || slice_same_nocase(s.at + (s.len - suffix.len), suffix.at, suffix.len);
}

size_t slice_find(struct slice s, struct slice needle)
{
    const char *hit;

    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return SIZE_MAX;
    hit = memmem(s.at, s.len, needle.at, needle.len);
    return hit ? (size_t)(hit - s.at) : SIZE_MAX;
}

size_t slice_find_nocase(struct slice s, struct slice needle)
{
    unsigned char first;

    if (needle.len == 0)
        return 0;
    if (s.len < needle.len)
        return SIZE_MAX;
    first = lower(needle.at[0]);
    for (size_t i = 0; i <= s.len - needle.len; i++)
        if (lower(s.at[i]) == first && slice_same_nocase(s.at + i, needle.at, needle.len))
            return i;
    return SIZE_MAX;
}

struct slice slice_trim(struct slice s)
{
    while (s.len > 0 && is_blank(s.at[s.len - 1]))
        s.len--;
    while (s.len > 0 && is_blank(s.at[0])) {
        s.at++;
        s.len--;
    }
    return s;
}

bool slice_split(struct slice *rest, char sep, struct slice *ret_part)
{
    const char *hit;
    size_t len;

    if (!rest->at)
        return false;
    hit = rest->len > 0 ? memchr(rest->at, sep, rest->len) : NULL;
    len = hit ? (size_t)(hit - rest->at) : rest->len;
    *ret_part = slice_make(rest->at, len);
    *rest = hit ? slice_make(hit + 1, rest->len - len - 1) : slice_make(NULL, 0);
    return true;
}

struct slice slice_cut(struct slice s, size_t max)
{
    size_t len = max;

    if (s.len <= max)
        return s;
    /* A character has at most three continuation bytes; more of them in a row is not UTF-8. */
    while (len > 0 && max - len < 4 && ((unsigned char)s.at[len] & 0xc0) == 0x80)
        len--;
    if (max - len == 4 || (len == 0 && ((unsigned char)s.at[0] & 0xc0) == 0x80))
        len = max;
    return slice_make(s.at, len);
}

void slice_keep(struct slice s, char *room, size_t size)
{
    s = slice_cut(s, size - 1);
    if (s.len)
        memcpy(room, s.at, s.len);
    room[s.len] = '\0';
}

struct slice slice_lower(struct slice s, char *room, size_t max)
{
    s = slice_cut(s, max);
    for (size_t i = 0; i < s.len; i++)
        room[i] = s.at[i] == '\0' ? '?' : (char)lower(s.at[i]);
    return slice_make(room, s.len);
}
