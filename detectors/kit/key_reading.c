/* key_reading.c - see key_reading.h. SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/key_reading.h"

#include "detectors/kit/key_use.h"

#include <string.h>

const struct baseline_memory key_readings_memory = {
    .name = "stolen_key.readings",
    .version = 1,
    .size = sizeof(struct key_readings),
    .max_keys = 5000,
};

struct key_reading key_reading_of(const struct key_event *e, const struct key_usual *usual, const struct enrich *enrich)
{
    struct key_reading r = { .first_ns = e->obs->minute_ns, .last_ns = e->obs->minute_ns,
                         .is_readonly = e->action == KEY_ACTION_LIST_READONLY,
                         .is_habitual = usual->reads_here.days >= 2 || key_event_is_trusted(enrich, e),
                         .is_person = e->is_person };
    struct slice address = slice_cut(e->obs->text[F_ADDRESS], FEW_TEXT - 1);
    struct network_of net;

    memcpy(r.caller, e->caller.at, e->caller.len);
    if (e->app_id.len)
        memcpy(r.app, e->app_id.at, e->app_id.len);
    if (address.len)
        memcpy(r.address, address.at, address.len);
    r.has_network = network_of(address, &net);
    if (r.has_network) {
        r.is_v4 = net.is_v4;
        r.bucket = key_use_bucket(&net);
    }
    return r;
}

static bool is_same_reader(const struct key_reading *a, const struct key_reading *b)
{
    return strcmp(a->caller, b->caller) == 0 && strcmp(a->address, b->address) == 0 &&
           strcmp(a->app, b->app) == 0 && a->is_readonly == b->is_readonly && a->is_habitual == b->is_habitual;
}

/* Without room: who reads by habit gives way to who does not, the last one first. */
static struct key_reading *place_of(struct key_readings *all, const struct key_reading *r)
{
    struct key_reading *last = NULL;

    if (all->len < KEY_READINGS_MAX)
        return &all->each[all->len++];
    for (uint32_t i = 0; i < all->len && !r->is_habitual; i++)
        if (all->each[i].is_habitual && (!last || all->each[i].first_ns > last->first_ns))
            last = &all->each[i];
    return last;
}

const struct key_reading *key_reading_keep(const struct observation *obs, const struct key_reading *r, int32_t slot,
                                           const struct detector_context *ctx)
{
    char room[32];
    struct key_readings *all = baseline_put(ctx->baseline, &key_readings_memory, obs->text[F_ACCOUNT],
                                            key_slot(slot, SIZE_MAX, room), SL(""), obs->minute_ns, NULL);
    struct key_reading *mine = NULL;

    if (!all)
        return NULL;
    for (uint32_t i = 0; i < all->len && !mine; i++)
        if (is_same_reader(&all->each[i], r))
            mine = &all->each[i];
    if (!mine) {
        mine = place_of(all, r);
        if (!mine)
            return NULL;
        *mine = *r;
    }
    mine->first_ns = r->first_ns < mine->first_ns ? r->first_ns : mine->first_ns;
    mine->last_ns = r->last_ns > mine->last_ns ? r->last_ns : mine->last_ns;
    return mine;
}

const struct key_readings *key_readings_of(const struct detector_context *ctx, struct slice account, int32_t slot)
{
    char room[32];

    return baseline_get(ctx->baseline, &key_readings_memory, account, key_slot(slot, SIZE_MAX, room));
}
