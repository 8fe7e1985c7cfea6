/* fuzz_export - any bytes as a file of exported rows, plain or packed: in memory, and as `replay` reads it from a file.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/replay.h"
#include "tests/fuzz/fuzz_record.h"

static void on_bad(void *self UNUSED, const char *path UNUSED, struct slice raw, const char *reason)
{
    PROMISE(reason && reason[0]);
    fuzz_touch(raw);
}

FUZZ_TARGET(export)
{
    struct slice rest = slice_make((const char *)data, size);
    enum table table = (enum table)fuzz_choose(&rest, TABLE_COUNT);
    struct replay *r = NULL;
    struct error err = { 0 };
    size_t n = 0;

    fuzz_decode(rest, true, table);
    PROMISE(replay_new(&(struct replay_config){ .table = table, .on_bad = on_bad, .max_bytes = (size_t)64 << 20 }, &r,
                       &err) == 0);
    if (replay_add_file(r, fuzz_file("rows", rest), &err) == 0 && replay_finish(r, &err) == 0)
        (void)replay_observations(r, &n);
    replay_free(r);
    return 0;
}
