/* arena.h - memory that dies together. One batch of records lives in one arena.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ARENA_H
#define COSMOWATCH_ARENA_H

#include "base/slice.h"

struct arena_block;
struct arena {
    struct arena_block *head;
    size_t used, max; /* bytes handed out; ceiling, 0 = none */
};

#define ARENA_INIT(max_bytes) ((struct arena){ .max = (max_bytes) })

void *arena_alloc(struct arena *a, size_t len); /* zeroed, 16-byte aligned; NULL: memory, ceiling */
bool arena_copy(struct arena *a, struct slice s, struct slice *ret); /* NUL-terminated copy */
void arena_reset(struct arena *a);   /* keeps the first block for the next batch */
void arena_release(struct arena *a);

#endif
