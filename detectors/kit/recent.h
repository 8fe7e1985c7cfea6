/* recent.h - the newest few things with a time, in a fixed array: when it is full, the oldest leaves.
 *
 * For memories that no slot ends: a list that only fills up remembers its first day for ever and nothing after it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_RECENT_H
#define COSMOWATCH_KIT_RECENT_H

#include "base/base.h"

/* Where one of the time `ns` belongs: behind the others, or in the oldest's place. Every element of `size` bytes begins with
 * its time, an int64_t; *len grows up to `max`. SIZE_MAX: all that are kept are as new. */
size_t recent_place(const void *each, size_t size, uint32_t *len, size_t max, int64_t ns);

#endif
