/* slice.h - borrowed text of known length; may hold NUL bytes; owns nothing.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SLICE_H
#define COSMOWATCH_SLICE_H

#include "base/base.h"

#include <string.h>

struct slice {
    const char *at; /* may be NULL when len is 0 */
    size_t len;
};

/* Slice of a string literal. */
#define SL(lit) ((struct slice){ .at = "" lit, .len = sizeof(lit) - 1 })
/* For printf: "%.*s", SLF(s) */
#define SLF(s) (int)((s).len > 4096 ? 4096 : (s).len), ((s).at ? (s).at : "")

static inline struct slice slice_of(const char *cstr)
{
    return (struct slice){ .at = cstr, .len = cstr ? strlen(cstr) : 0 };
}

static inline struct slice slice_make(const char *at, size_t len)
{
    return (struct slice){ .at = at, .len = len };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool slice_empty(struct slice s)
{
    return s.len == 0;
}

int slice_cmp(struct slice a, struct slice b); /* bytewise, shorter first: -1, 0, 1 */
bool slice_same_nocase(const char *a, const char *b, size_t len); /* both have len bytes */
/* ASCII case only. Most comparisons end with the lengths. */
static inline bool slice_eq_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && slice_same_nocase(a.at, b.at, a.len);
}
bool slice_starts(struct slice s, struct slice prefix);
bool slice_starts_nocase(struct slice s, struct slice prefix);
bool slice_ends_nocase(struct slice s, struct slice suffix);
/* Offset of needle in s, or SIZE_MAX. */
size_t slice_find(struct slice s, struct slice needle);
size_t slice_find_nocase(struct slice s, struct slice needle);
struct slice slice_trim(struct slice s); /* ASCII blanks both ends */
/* Cut the text before `sep` off the front of *rest; the whole rest when sep is absent.
 * Returns false when *rest was already used up (at == NULL). */
bool slice_split(struct slice *rest, char sep, struct slice *ret_part);
struct slice slice_cut(struct slice s, size_t max); /* at most max bytes, on a UTF-8 boundary */
/* Copies: the first into a room of `size` bytes, cut and terminated; the second in lower case (ASCII), a NUL as '?', at most
 * `max` bytes and not terminated. */
void slice_keep(struct slice s, char *room, size_t size);
struct slice slice_lower(struct slice s, char *room, size_t max);

#endif
