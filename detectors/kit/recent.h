/* recent.h - the newest few things with a time, in a fixed array: when it is full, the oldest leaves.
 *
 * For memories that no slot ends: a list that only fills up remembers its first day for ever and nothing after it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_RECENT_H
#define COSMOWATCH_KIT_RECENT_H

#include "base/base.h"

/* Put one behind the others, or in the oldest's place; it is left out when all that are kept are as new. Every element of
 * `size` bytes begins with its time, an int64_t; *len grows up to `max`. */
void recent_add(void *each, size_t size, uint32_t *len, size_t max, const void *one);

#endif
