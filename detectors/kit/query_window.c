/* query_window.c - see query_window.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/query_window.h"

#include "base/num.h"
#include "base/timeutil.h"
#include "detectors/kit/slots.h"

struct failing_state {
    int32_t newest, unused;
    int64_t learned[2], open[2]; /* largest window */
};

const struct baseline_memory query_memory_window = {
    .name = "query.window", .version = 1, .size = sizeof(struct query_window), .max_keys = 20000 };
const struct baseline_memory query_memory_failing = {
    .name = "query.failing", .version = 1, .size = sizeof(struct failing_state), .max_keys = 50000 };
const struct baseline_memory query_memory_take = {
    .name = "query.take", .version = 1, .size = sizeof(struct query_take), .max_keys = 50000 };

void query_bits_add(struct query_bits *b, uint64_t hash)
{
    b->bits[hash >> 6 & 3] |= UINT64_C(1) << (hash & 63);
}

int64_t query_bits_count(const struct query_bits *b)
{
    int64_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(b->bits); i++)
        n += __builtin_popcountll(b->bits[i]);
    return n;
}

void query_tally_add(struct query_tally *t, const struct query_tally *more)
{
    if (t->requests == 0 || more->first_ns < t->first_ns)
        t->first_ns = more->first_ns;
    if (t->requests == 0 || more->last_ns > t->last_ns)
        t->last_ns = more->last_ns;
    t->requests = i64_add_sat(t->requests, more->requests);
    t->ru_milli = i64_add_sat(t->ru_milli, more->ru_milli);
    t->bytes_out = i64_add_sat(t->bytes_out, more->bytes_out);
}

static void *put(const struct query_client *c, const struct baseline_memory *m, uint64_t what, int64_t when)
{
    struct { uint64_t client, what; int64_t when; } key = { .client = c->hash, .what = what, .when = when };

    return baseline_put(c->baseline, m, c->account, slice_make((const char *)&key, sizeof(key)), c->label,
                        c->seen_ns, NULL);
}

struct query_window *query_window_put(const struct query_client *c, uint64_t sender, int64_t minute_ns)
{
    return put(c, &query_memory_window, sender, time_floor(minute_ns, QUERY_WINDOW_NS));
}

struct query_take *query_take_put(const struct query_client *c, uint64_t base_shape)
{
    return put(c, &query_memory_take, base_shape, c->slot);
}

bool query_window_lengths_differ(const struct query_window *w)
{
    int64_t length = 0;

    for (size_t i = 0; i < ARRAY_LEN(w->minute_count); i++) {
        int64_t n = w->minute_count[i];

        if (n == 0)
            continue;
        if (w->minute_bytes[i] % n != 0)
            return true;
        if (length != 0 && w->minute_bytes[i] / n != length)
            return true;
        length = w->minute_bytes[i] / n;
    }
    return false;
}

static void fold_failing(void *learned, const void *open, int32_t slot)
{
    int64_t *to = learned;
    const int64_t *add = open;

    (void)slot;
    *to -= *to / 16; /* a bad release is forgotten after some days */
    if (*add > *to)
        *to = *add;
}

static const struct slots_kind failing_slots = { .learned_size = sizeof(int64_t), .open_size = sizeof(int64_t),
                                                 .fold = fold_failing };

bool query_failing_learn(const struct query_client *c, uint64_t sender, int64_t failed, int64_t *ret_usual)
{
    struct failing_state *s = put(c, &query_memory_failing, sender, 0);

    if (!s)
        return false;
    enum slot_age age = slots_enter(&s->newest, c->slot, c->len, &failing_slots, s->learned, s->open);
    int64_t *open = slots_open(&failing_slots, s->open, age);

    if (open && failed > *open)
        *open = failed;
    *ret_usual = *(const int64_t *)slots_learned(&failing_slots, s->learned, age);
    return true;
}
