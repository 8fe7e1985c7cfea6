/* fuzz_gremlin - any bytes as a Gremlin text: read, shape, judge, against its own first half as history.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/gremlin_read.h"
#include "tests/fuzz/query.h"

FUZZ_TARGET(gremlin)
{
    static struct query_bench *kept;

    fuzz_query_dialect(&kept, &gremlin_dialect, slice_make((const char *)data, size));
    return 0;
}
