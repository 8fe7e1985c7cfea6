/* unnamed.c - see unnamed.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/unnamed.h"

#include "base/map.h"
#include "base/timeutil.h"
#include "baseline/slots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 4096

/* One key for each, so that what is deleted in one account crowds nothing out of another. */
const struct baseline_memory unnamed_waiting_memory = {
    .name = "deletion.waiting", .version = 1, .size = sizeof(struct unnamed), .max_keys = 2 * WAITING_MAX,
};

struct queue { int64_t len, oldest_ns; }; /* saves the walk over all of them */

const struct baseline_memory unnamed_queue_memory = {
    .name = "deletion.queue", .version = 1, .size = sizeof(struct queue), .max_keys = 1,
};

struct known { int64_t unused; };

const struct baseline_memory unnamed_known_memory = {
    .name = "deletion.known", .version = 1, .size = sizeof(struct known), .max_keys = 50000,
};

static struct slice key_of(struct slice id, int64_t number, char room[48])
{
    int n = snprintf(room, 48, "%016" PRIx64 "%" PRId64, hash64(id.at, id.len, 0), number);

    return slice_make(room, (size_t)n);
}

void unnamed_is_named(struct baseline *b, struct slice id, int64_t ns)
{
    char room[48];

    (void)baseline_put(b, &unnamed_known_memory, SL(""), key_of(id, ns / NS_PER_HOUR, room), SL(""), ns, NULL);
}

static bool is_named(struct baseline *b, const struct unnamed *u)
{
    char room[48];

    for (int64_t hour = u->first_ns / NS_PER_HOUR - 1; hour <= u->first_ns / NS_PER_HOUR + 1; hour++)
        if (baseline_get(b, &unnamed_known_memory, SL(""), key_of(slice_of(u->id), hour, room)))
            return true;
    return false;
}

static struct queue *queue_of(struct baseline *b, int64_t ns)
{
    return baseline_put(b, &unnamed_queue_memory, SL(""), SL(""), SL(""), ns, NULL);
}

bool unnamed_wait(struct baseline *b, const struct observation *obs, const struct deletion *del)
{
    struct queue *q = queue_of(b, obs->minute_ns);
    struct slice account = obs->text[F_ACCOUNT];
    struct unnamed *u;
    bool is_new = false;
    char room[48];

    if (!q || q->len >= WAITING_MAX)
        return false;
    u = baseline_put(b, &unnamed_waiting_memory, account, key_of(del->id, obs->first_ns, room), SL(""), obs->minute_ns, &is_new);
    if (!u)
        return false;
    if (!is_new)
        return true;
    u->ns = obs->minute_ns;
    u->first_ns = obs->first_ns;
    u->last_ns = obs->last_ns;
    slice_keep(del->id, u->id, sizeof u->id);
    slice_keep(account, u->account, sizeof u->account);
    if (q->len++ == 0 || u->ns < q->oldest_ns)
        q->oldest_ns = u->ns;
    return true;
}

struct due {
    int64_t over_ns;
    struct queue left;
    size_t len;
    const struct unnamed *each[WAITING_MAX]; /* those whose time is over */
};

static void look(void *self, const void *value)
{
    const struct unnamed *u = value;
    struct due *due = self;

    if (u->ns < due->over_ns && due->len < WAITING_MAX)
        due->each[due->len++] = u;
    else if (due->left.len++ == 0 || u->ns < due->left.oldest_ns)
        due->left.oldest_ns = u->ns;
}

static int by_time(const void *a, const void *b)
{
    const struct unnamed *x = *(const struct unnamed *const *)a, *y = *(const struct unnamed *const *)b;

    if (x->first_ns != y->first_ns)
        return x->first_ns < y->first_ns ? -1 : 1;
    return strcmp(x->id, y->id);
}

int unnamed_settle(const struct detector_context *ctx, int64_t row_ns, unnamed_fn fn, void *self, struct error *err)
{
    int64_t now_ns = ctx->watermark_ns == INT64_MAX ? row_ns : ctx->watermark_ns;
    const struct queue *known = baseline_get(ctx->baseline, &unnamed_queue_memory, SL(""), SL(""));
    struct due due = { .over_ns = time_floor(now_ns - slots_len(baseline_cfg(ctx->baseline)) * NS_PER_HOUR, NS_PER_MIN) };
    struct queue *q;

    if (!known || !known->len || known->oldest_ns >= due.over_ns)
        return 0;
    baseline_each(ctx->baseline, &unnamed_waiting_memory, look, &due);
    qsort(due.each, due.len, sizeof due.each[0], by_time);
    for (size_t i = 0; i < due.len; i++)
        if (!is_named(ctx->baseline, due.each[i]) && fn(self, due.each[i], ctx, err) < 0)
            return -1;
    baseline_expire(ctx->baseline, &unnamed_waiting_memory, due.over_ns);
    q = queue_of(ctx->baseline, known->oldest_ns);
    if (q)
        *q = due.left;
    return 0;
}
