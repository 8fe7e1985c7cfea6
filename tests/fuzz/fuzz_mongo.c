/* fuzz_mongo - any bytes as a MongoDB command: read, shape, judge, against its own first half as history.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/mongo_case.h"
#include "tests/fuzz/query.h"

static void judge(void *scratch, const struct query_client *client, struct slice text, enum query_run run,
                  struct query_case *ret)
{
    mongo_judge(scratch, client, text, run, ret);
}

static void print_shape(void *scratch, struct buf *out)
{
    mongo_print_shape(scratch, out);
}

FUZZ_TARGET(mongo)
{
    static struct mongo_reading reading;
    static bool is_ready;

    if (!is_ready)
        PROMISE(mongo_reading_init(&reading));
    is_ready = true;
    fuzz_query(&(struct fuzz_query){ .scratch = &reading, .judge = judge, .print_shape = print_shape },
               slice_make((const char *)data, size));
    return 0;
}
