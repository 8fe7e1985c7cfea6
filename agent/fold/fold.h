/* fold.h - rows in, observations out. One fold per batch; owned by one thread.
 *
 * In steady state no allocation per row: memory grows with distinct observations only.
 * Tables: the aggregated 5M/15M rows become observations of TABLE_DATA_PLANE (count = their requests, the
 * minute is that of their time); a query text becomes one of TABLE_QUERY_STATS whether it came joined
 * from the workspace or was joined here; rows of the Mongo, Cassandra, Gremlin and Table tables that carry
 * a command make an OBS_TEXT besides their OBS_REQUEST.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FOLD_H
#define COSMOWATCH_FOLD_H

#include "base/error.h"
#include "fold/observation.h"

struct fold;

struct fold *fold_new(size_t max_bytes); /* ceiling of its memory; NULL without memory */
void fold_free(struct fold *f);
/* Add one record (summarised rows too: rec->count and sums count). Copies what it keeps. A record
 * that makes no observation (query statistics not joined with their request yet, other tables, a summary of no row) adds
 * none. One without a time is ERR_INPUT; ERR_LIMIT at the ceiling (the caller splits its window). After a failure
 * the fold is good for fold_reset() only. */
MUST_CHECK int fold_add(struct fold *f, const struct record *rec, struct error *err);
/* As fold_add, but for a query text already joined with its request: makes an OBS_TEXT. */
MUST_CHECK int fold_add_text(struct fold *f, const struct record *rec, struct error *err);
size_t fold_len(const struct fold *f);
/* Sorted by (minute, kind, key): the same set of rows gives the same sequence. Views into f. */
const struct observation *fold_sorted(struct fold *f);
void fold_reset(struct fold *f); /* forget, keep memory */

/* What a window was seen to hold: (key, count, sums) of each observation, packed, for the re-check.
 * fold_surplus() reduces f to what `seen` does not yet contain (never below zero); afterwards
 * fold_seen() is that of the union (what was seen and what is new) and replaces it, until
 * fold_reset(). Format is versioned; an unreadable one is ERR_STATE. */
struct buf;
void fold_seen(struct fold *f, struct buf *out);
MUST_CHECK int fold_surplus(struct fold *f, struct slice seen, struct error *err);

#endif
