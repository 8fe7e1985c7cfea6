/* fuzz_answer - any bytes as an answer of the query API: decoded into records, and read as a small answer.
 * SPDX-License-Identifier: Apache-2.0 */
#include "record/decode.h"
#include "record/record.h"
#include "source/answer.h"
#include "tests/fuzz/fuzz_record.h"

static int look_at_row(void *self UNUSED, const struct answer_row *r, struct error *err UNUSED)
{
    fuzz_touch(answer_text(r, "Type"));
    (void)answer_int(r, "N", -1);
    return 0;
}

FUZZ_TARGET(answer)
{
    struct slice rest = slice_make((const char *)data, size);
    enum table table = (enum table)fuzz_choose(&rest, TABLE_COUNT);
    char *exact = fuzz_padded(rest, 0);
    struct error err = { 0 };

    fuzz_decode(rest, false, table);
    fuzz_done_or_told(answer_each_row(slice_make(exact, rest.len), look_at_row, NULL, &err), &err);
    free(exact);
    return 0;
}
