/* map.h - open-addressing hash map from bytes to a fixed-size value. Owns copies of both.
 * Bounded by its user; iteration order is insertion order (deletions leave holes).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_MAP_H
#define COSMOWATCH_MAP_H

#include "base/error.h"
#include "base/slice.h"

struct map; /* opaque */

struct map *map_new(size_t value_size); /* NULL without memory */
void map_free(struct map *m);
void map_freep(struct map **m);
size_t map_len(const struct map *m);
/* Value of key, or NULL. Valid until the next map_put/map_clear. */
void *map_get(const struct map *m, struct slice key);
/* Value of key, zeroed when new (then *ret_new is true). NULL without memory. */
void *map_put(struct map *m, struct slice key, bool *ret_new);
bool map_del(struct map *m, struct slice key);
void map_clear(struct map *m);
/* Walk: start with *it = 0; false at the end. Keys are views. Deleting the current one is fine. */
bool map_next(const struct map *m, size_t *it, struct slice *ret_key, void **ret_value);

/* 64-bit hash of bytes (not cryptographic, same on every machine and run). */
uint64_t hash64(const void *at, size_t len, uint64_t seed);

#endif
