/* word_list.h - is a word one of a list? Asked for every name of every query text, so the first letter decides before
 * anything is measured or compared.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_WORD_LIST_H
#define COSMOWATCH_WORD_LIST_H

#include "base/slice.h"

static inline bool word_is(struct slice s, const char *word)
{
    return s.len > 0 && s.at[0] == word[0] && slice_eq(s, slice_of(word));
}

/* Case is ignored for ASCII letters. */
static inline bool word_is_nocase(struct slice s, const char *word)
{
    return s.len > 0 && (s.at[0] | 0x20) == (word[0] | 0x20) && slice_eq_nocase(s, slice_of(word));
}

static inline bool word_in(struct slice s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (word_is(s, list[i]))
            return true;
    return false;
}

static inline bool word_in_nocase(struct slice s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (word_is_nocase(s, list[i]))
            return true;
    return false;
}

#define WORD_IN(s, ...)                                                                            \
    word_in(s, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))
#define WORD_IN_NOCASE(s, ...)                                                                     \
    word_in_nocase(s, (const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

#endif
