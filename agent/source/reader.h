/* reader.h - read one window completely: ask, judge the answer, cut the window smaller, ask again.
 *
 * An answer counts only when it is complete: well formed, no `error` beside the tables, fewer rows than
 * the cap, well below the service's size limit, with the columns we need. What is not is thrown away
 * unread and its window is halved, each half wholly, down to one tick; a tick is cut by hash. Then the
 * limit is real (ERR_LIMIT). Time-outs halve too, but a service that does nothing but time out is not a
 * window too large: after a few of them the reading fails as ERR_SERVER and goes on smaller next time.
 *
 * The way of asking is handed in, so that the judging and cutting can be tested without a network.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_READER_H
#define COSMOWATCH_READER_H

#include "net/http.h"
#include "record/decode.h"
#include "source/kql.h"
#include "source/source.h"

struct apart;

#define READER_BYTES_NEAR ((size_t)96 << 20) /* of the service's 100 MiB */
#define READER_ROWS_MAX 500000               /* of one answer, by the service */

struct reader {
    /* 0 with an answer that is HTTP 200; else the verdicts of azure_query_run. */
    int (*ask)(void *self, struct slice query, int64_t wait_s, struct http_answer *ret, struct error *err);
    void *self;
    struct decoder *decoder;
    struct apart *apart;    /* where counts are read; NULL: at home */
    struct kql_scope scope; /* what stays the same from window to window */
    int64_t wait_s;         /* server time limit to ask for */

    /* What the last failures of the same window taught; zero at first. */
    int64_t failing_from_ns;
    int failures;           /* in a row, of answers that were no answers */
    unsigned depth;         /* halvings to begin with */
};

/* As source_ops.read. */
MUST_CHECK int reader_read(struct reader *r, const struct source_request *req, struct source_batch *batch,
                           struct error *err);

/* As source_ops.count. */
MUST_CHECK int reader_count(struct reader *r, const int64_t *edges, size_t n, int64_t *ret_counts,
                            struct error *err);

#endif
