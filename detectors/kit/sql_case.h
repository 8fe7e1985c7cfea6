/* sql_case.h - a NoSQL statement of one client: judged by itself and against what the client is known for.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SQL_CASE_H
#define COSMOWATCH_SQL_CASE_H

#include "detectors/kit/query_case.h"
#include "detectors/kit/sql_judge.h"

struct sql_bench; /* scratch memory; about 1.5 MB, made once */
struct sql_bench *sql_bench_new(void); /* NULL without memory */
void sql_bench_free(struct sql_bench *b);

/* Judge `raw` as sent by `c` with that result. Slices in *ret live until the next call. */
void sql_case_judge(struct sql_bench *b, const struct query_client *c, struct slice raw, enum query_run run,
                    struct query_case *ret);

uint64_t sql_case_id(struct slice raw); /* what the case's id will be */

/* The shape of the statement judged last, for people. */
struct buf;
void sql_case_print_shape(struct sql_bench *b, struct buf *out);

#endif
