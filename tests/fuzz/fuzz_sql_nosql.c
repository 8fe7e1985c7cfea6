/* fuzz_sql_nosql - any bytes as a NoSQL statement: read, shape, judge, against its own first half as history.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sql_case.h"
#include "tests/fuzz/query.h"

static void judge(void *scratch, const struct query_client *client, struct slice text, enum query_run run,
                  struct query_case *ret)
{
    sql_case_judge(scratch, client, text, run, ret);
}

static void print_shape(void *scratch, struct buf *out)
{
    sql_case_print_shape(scratch, out);
}

FUZZ_TARGET(sql_nosql)
{
    static struct sql_bench *bench; /* 1.5 MB of scratch: once */

    if (!bench)
        bench = sql_bench_new();
    PROMISE(bench);
    fuzz_query(&(struct fuzz_query){ .scratch = bench, .judge = judge, .print_shape = print_shape },
               slice_make((const char *)data, size));
    return 0;
}
