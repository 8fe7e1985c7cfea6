/* query_judge.h - a CQL, Gremlin or OData statement of one client: judged by itself and against what the
 * client is known for.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_QUERY_JUDGE_H
#define COSMOWATCH_QUERY_JUDGE_H

#include "detectors/kit/query_reading.h"

struct query_bench; /* scratch memory, about 0.6 MB, made once */
struct query_bench *query_bench_new(const struct query_dialect *d); /* NULL without memory */
void query_bench_free(struct query_bench *b);
void query_bench_print_shape(struct query_bench *b, struct buf *out); /* of the text judged last, for people */

/* Judge `text` as sent by `c` with that result. Slices in *ret live until the next call. */
void query_judge(struct query_bench *b, const struct query_client *c, struct slice text, enum query_run run,
                 struct query_case *ret);

#endif
