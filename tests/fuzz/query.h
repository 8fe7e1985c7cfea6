/* query.h - what the entry points for query texts share: a text is judged with its own first half as what the client
 * usually sends, for every outcome a query may have, and the case keeps its promises.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FUZZ_QUERY_H
#define COSMOWATCH_FUZZ_QUERY_H

#include "detectors/kit/query_judge.h"
#include "tests/fuzz/fuzz.h"

struct fuzz_query {
    void *scratch; /* of the dialect's reader; made once, that is its owner's business */
    void (*judge)(void *scratch, const struct query_client *client, struct slice text, enum query_run run,
                  struct query_case *ret);
    void (*print_shape)(void *scratch, struct buf *out); /* of the text judged last */
};

void fuzz_query(const struct fuzz_query *q, struct slice text);
struct baseline *fuzz_query_memory(void);            /* empty, with what statements are learned in */
void fuzz_query_case(const struct query_case *k);    /* the promises of a case */

/* The same for a dialect of query_judge.h. *kept is its scratch, NULL at the first call. */
void fuzz_query_dialect(struct query_bench **kept, const struct query_dialect *dialect, struct slice text);

#endif
