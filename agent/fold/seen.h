/* seen.h - the packed list of what a window was seen to hold: key and sums of each observation.
 *
 * Format 1: "CWS" 0x01, varint n, then n entries sorted by key: varint of the key's distance to the one
 * before, then the sums as varints; CRC-32 of all before it, little-endian. Internal to agent/fold.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SEEN_H
#define COSMOWATCH_SEEN_H

#include "base/error.h"
#include "base/slice.h"

struct buf;

enum seen_sum { SEEN_COUNT, SEEN_RU, SEEN_IN, SEEN_OUT, SEEN_DURATION, SEEN_ROWS, SEEN_SUMS };

struct seen_entry {
    uint64_t key;
    int64_t sums[SEEN_SUMS]; /* never negative */
};

struct seen {
    struct seen_entry *at;
    size_t len, cap;
    bool failed; /* memory; seen_pack() passes it on */
};

void seen_release(struct seen *s);
void seen_add(struct seen *s, const struct seen_entry *e); /* any order */
bool seen_copy(struct seen *to, const struct seen *from);
struct seen_entry *seen_find(struct seen *s, uint64_t key); /* of a sorted list */
/* Sorts, joins equal keys, and writes; out->failed when memory ran out on the way. */
void seen_pack(struct seen *s, struct buf *out);
/* Replaces what s held. ERR_STATE: damaged or of another version; ERR_LIMIT: above max_bytes. */
MUST_CHECK int seen_unpack(struct seen *s, struct slice packed, size_t max_bytes, struct error *err);

#endif
