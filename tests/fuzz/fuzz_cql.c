/* fuzz_cql - any bytes as a CQL text: read, shape, judge, against its own first half as history.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/cql_read.h"
#include "tests/fuzz/query.h"

FUZZ_TARGET(cql)
{
    static struct query_bench *kept;

    fuzz_query_dialect(&kept, &cql_dialect, slice_make((const char *)data, size));
    return 0;
}
