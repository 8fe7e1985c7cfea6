/* fuzz_odata - any bytes as a Table API filter or web address: read, shape, judge, against its own first half as history.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/odata_read.h"
#include "tests/fuzz/query.h"

FUZZ_TARGET(odata)
{
    static struct query_bench *kept;
    struct buf filter = BUF_INIT(QUERY_TEXT_MAX);

    fuzz_query_dialect(&kept, &odata_dialect, odata_filter_of(slice_make((const char *)data, size), &filter));
    buf_release(&filter);
    return 0;
}
