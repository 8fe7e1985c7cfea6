/* join.h - query texts and the requests they belong to, brought together in memory by account and
 * ActivityId: what the workspace does for a live source (kql.c), for rows that come from files.
 *
 * Any order. One text per activity (the smallest of its parts); one pair per request row of a query
 * operation; a text without a request is alone. The sum of rows returned goes to one pair, not to each.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_JOIN_H
#define COSMOWATCH_JOIN_H

#include "base/error.h"
#include "fold/fold.h"

struct join;

struct join *join_new(size_t max_bytes); /* NULL without memory */
void join_free(struct join *j);
/* Remember what matters of a record; others are ignored. ERR_LIMIT at the ceiling. */
MUST_CHECK int join_add(struct join *j, const struct record *rec, struct error *err);
/* Every text, joined or alone, into the fold; the join is spent afterwards. */
MUST_CHECK int join_finish(struct join *j, struct fold *fold, int64_t *ret_joined, int64_t *ret_alone,
                           struct error *err);

#endif
