/* unnamed.c - see unnamed.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/unnamed.h"

#include "base/map.h"
#include "base/timeutil.h"
#include "baseline/slots.h"

#include <stdio.h>
#include <string.h>

#define WAITING_MAX 48

struct waiting { /* in order of time */
    uint32_t len, unused;
    struct unnamed each[WAITING_MAX];
};

const struct baseline_memory unnamed_waiting_memory = {
    .name = "deletion.waiting", .version = 1, .size = sizeof(struct waiting), .max_keys = 1,
};

struct known { int64_t unused; };

const struct baseline_memory unnamed_known_memory = {
    .name = "deletion.known", .version = 1, .size = sizeof(struct known), .max_keys = 50000,
};

static struct slice known_key(struct slice id, int64_t hour, char room[48])
{
    int n = snprintf(room, 48, "%016" PRIx64 "%" PRId64, hash64(id.at, id.len, 0), hour);

    return slice_make(room, (size_t)n);
}

void unnamed_is_named(struct baseline *b, struct slice id, int64_t ns)
{
    char room[48];

    (void)baseline_put(b, &unnamed_known_memory, SL(""), known_key(id, ns / NS_PER_HOUR, room), SL(""), ns, NULL);
}

static bool is_named(struct baseline *b, const struct unnamed *u)
{
    char room[48];

    for (int64_t hour = u->first_ns / NS_PER_HOUR - 1; hour <= u->first_ns / NS_PER_HOUR + 1; hour++)
        if (baseline_get(b, &unnamed_known_memory, SL(""), known_key(slice_of(u->id), hour, room)))
            return true;
    return false;
}

void unnamed_wait(struct baseline *b, const struct observation *obs, const struct deletion *del)
{
    struct waiting *w = baseline_put(b, &unnamed_waiting_memory, SL(""), SL(""), SL(""), obs->minute_ns, NULL);
    struct unnamed u = { .ns = obs->minute_ns, .first_ns = obs->first_ns, .last_ns = obs->last_ns };
    uint32_t at;

    if (!w || w->len == WAITING_MAX || del->id.len >= UNNAMED_ID_MAX)
        return;
    slice_keep(del->id, u.id, sizeof u.id);
    slice_keep(obs->text[F_ACCOUNT], u.account, sizeof u.account);
    for (at = w->len; at > 0 && w->each[at - 1].ns > u.ns; at--)
        w->each[at] = w->each[at - 1];
    w->each[at] = u;
    w->len++;
}

bool unnamed_next(const struct detector_context *ctx, int64_t row_ns, struct unnamed *ret)
{
    struct baseline *b = ctx->baseline;
    const struct waiting *known = baseline_get(b, &unnamed_waiting_memory, SL(""), SL(""));
    int64_t now_ns = ctx->watermark_ns == INT64_MAX ? row_ns : ctx->watermark_ns, over_ns;
    struct waiting *w;

    if (!known || !known->len)
        return false;
    over_ns = now_ns - slots_len(baseline_cfg(b)) * NS_PER_HOUR;
    if (known->each[0].ns >= over_ns)
        return false;
    w = baseline_put(b, &unnamed_waiting_memory, SL(""), SL(""), SL(""), now_ns, NULL);
    while (w && w->len && w->each[0].ns < over_ns) {
        *ret = w->each[0];
        w->len--;
        memmove(&w->each[0], &w->each[1], w->len * sizeof w->each[0]);
        if (!is_named(b, ret))
            return true;
    }
    return false;
}
