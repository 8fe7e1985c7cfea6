/* nearest.h - the nearest right word for a mistyped one. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_NEAREST_H
#define COSMOWATCH_NEAREST_H

#include "base/base.h"

/* The candidate at the smallest edit distance (insert, delete, replace, swap of neighbours), if that is
 * close enough to be a slip (at most a third of the word, at least 1); else NULL. */
const char *nearest_word(const char *word, const char *const *candidates, size_t n);

#endif
