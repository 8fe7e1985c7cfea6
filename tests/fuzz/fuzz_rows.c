/* fuzz_rows - any bytes as rows, all the way: decoded, folded, judged by every detector with its presets, merged into alerts,
 * told. SPDX-License-Identifier: Apache-2.0 */
#include "alert/stage.h"
#include "assemble.h"
#include "engine.h"
#include "outputs/output.h"
#include "record/decode.h"
#include "source/replay.h"
#include "tests/fuzz/fuzz.h"

static int tell(void *self, const struct alert *a, struct error *err)
{
    struct buf *out = self;

    PROMISE(a->type && a->count >= 0 && a->confidence >= 0 && a->confidence <= 100);
    PROMISE(encoder_find("json")->encode(a, out, err) == 0);
    buf_add_char(out, '\n');
    return 0;
}

static int settle(void *self UNUSED, const struct alert *a UNUSED, bool is_told UNUSED, struct error *err UNUSED)
{
    return 0;
}

static void judge(struct slice rows, struct buf *told)
{
    struct assembly a = { 0 };
    struct replay *r = NULL;
    struct error err = { 0 };
    const struct observation *obs;
    size_t n = 0;

    PROMISE(assemble(&a, NULL, ASSEMBLE_ENGINE | ASSEMBLE_PRESETS, &err) == 0);
    PROMISE(replay_new(&(struct replay_config){ .max_bytes = (size_t)64 << 20 }, &r, &err) == 0);
    if (replay_add_text(r, "rows", rows, &err) == 0 && replay_finish(r, &err) == 0) {
        obs = replay_observations(r, &n);
        PROMISE(engine_judge(a.engine, obs, n, false, INT64_MAX, NULL, &err) == 0);
        PROMISE(stage_settle(engine_stage(a.engine), INT64_MAX, settle, NULL, &err) == 0);
        PROMISE(stage_each(engine_stage(a.engine), tell, told, &err) == 0);
    }
    replay_free(r);
    assembly_release(&a);
}

FUZZ_TARGET(rows)
{
    struct buf told = BUF_INIT((size_t)64 << 20), again = BUF_INIT((size_t)64 << 20);
    char *padded = fuzz_padded(slice_make((const char *)data, size), DECODE_PADDING);

    judge(slice_make(padded, size), &told);
    if (told.len > 0) {
        judge(slice_make(padded, size), &again);
        PROMISE(slice_eq(buf_slice(&told), buf_slice(&again)));
    }
    free(padded);
    buf_release(&told);
    buf_release(&again);
    return 0;
}
