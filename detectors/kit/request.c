/* request.c - see request.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/request.h"

#include "detectors/kit/slots.h"
#include "enrich/caller.h"

static const struct {
    struct slice name;
    enum request_effect effect;
} data_plane_words[] = {
    { .name = SL("Query"), .effect = REQUEST_READ },    { .name = SL("SqlQuery"), .effect = REQUEST_READ },
    { .name = SL("ReadFeed"), .effect = REQUEST_READ }, { .name = SL("Read"), .effect = REQUEST_READ },
    { .name = SL("JSQuery"), .effect = REQUEST_READ },  { .name = SL("Execute"), .effect = REQUEST_READ },
    { .name = SL("Head"), .effect = REQUEST_OTHER },    { .name = SL("HeadFeed"), .effect = REQUEST_OTHER },
    { .name = SL("Create"), .effect = REQUEST_WRITE },  { .name = SL("Update"), .effect = REQUEST_WRITE },
    { .name = SL("Replace"), .effect = REQUEST_WRITE }, { .name = SL("Upsert"), .effect = REQUEST_WRITE },
    { .name = SL("Delete"), .effect = REQUEST_WRITE },  { .name = SL("Patch"), .effect = REQUEST_WRITE },
    { .name = SL("Batch"), .effect = REQUEST_WRITE },
};

/* Writes first: "findAndModify", "QueryInsert". */
static const struct {
    struct slice verb;
    enum request_effect effect;
} other_words[] = {
    { .verb = SL("insert"), .effect = REQUEST_WRITE }, { .verb = SL("update"), .effect = REQUEST_WRITE },
    { .verb = SL("delete"), .effect = REQUEST_WRITE }, { .verb = SL("upsert"), .effect = REQUEST_WRITE },
    { .verb = SL("modify"), .effect = REQUEST_WRITE }, { .verb = SL("replace"), .effect = REQUEST_WRITE },
    { .verb = SL("create"), .effect = REQUEST_WRITE }, { .verb = SL("drop"), .effect = REQUEST_WRITE },
    { .verb = SL("truncate"), .effect = REQUEST_WRITE }, { .verb = SL("merge"), .effect = REQUEST_WRITE },
    { .verb = SL("batch"), .effect = REQUEST_WRITE },  { .verb = SL("find"), .effect = REQUEST_READ },
    { .verb = SL("getmore"), .effect = REQUEST_READ }, { .verb = SL("aggregate"), .effect = REQUEST_READ },
    { .verb = SL("select"), .effect = REQUEST_READ },  { .verb = SL("query"), .effect = REQUEST_READ },
    { .verb = SL("read"), .effect = REQUEST_READ },    { .verb = SL("get"), .effect = REQUEST_READ },
    { .verb = SL("distinct"), .effect = REQUEST_READ }, { .verb = SL("eval"), .effect = REQUEST_READ },
    { .verb = SL("traversal"), .effect = REQUEST_READ },
};

bool request_is_data_plane(const struct observation *obs)
{
    return obs->table == TABLE_DATA_PLANE || obs->table == TABLE_DATA_PLANE_5M ||
           obs->table == TABLE_DATA_PLANE_15M;
}

enum request_effect request_effect(const struct observation *obs)
{
    struct slice word = obs->text[F_OPERATION];

    for (size_t i = 0; i < ARRAY_LEN(data_plane_words); i++) {
        if (slice_eq_nocase(word, data_plane_words[i].name))
            return data_plane_words[i].effect;
    }
    for (size_t i = 0; !request_is_data_plane(obs) && i < ARRAY_LEN(other_words); i++) {
        if (slice_find_nocase(word, other_words[i].verb) != SIZE_MAX)
            return other_words[i].effect;
    }
    return REQUEST_OTHER;
}

bool request_is_data_read(const struct observation *obs)
{
    return obs->status >= 200 && obs->status < 300 && obs->bytes_out > 0 && !slice_empty(obs->text[F_CONTAINER]) &&
           request_effect(obs) == REQUEST_READ && !caller_is_service(obs->text[F_KEY_KIND]);
}

struct tables_seen {
    int32_t newest;
    int32_t first; /* first slot with a data-plane row of this API */
};

const struct baseline_memory request_tables_memory = {
    .name = "kit.tables",
    .version = 1,
    .size = sizeof(struct tables_seen),
    .max_keys = 200000,
};

static void nothing_to_fold(void *self, int32_t closed, int32_t next)
{
    (void)self;
    (void)closed;
    (void)next;
}

bool request_is_counted_elsewhere(struct baseline *b, const struct observation *obs)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(obs->minute_ns, len);
    struct slice key = slice_of(api_name(obs->api));
    const struct tables_seen *known = baseline_get(b, &request_tables_memory, obs->text[F_ACCOUNT], key);
    struct tables_seen *t;
    bool is_new = false;

    if (!request_is_data_plane(obs))
        return known && known->first <= slot - 2 * len;
    if (known && known->newest >= slot && known->first <= slot)
        return false;
    t = baseline_put(b, &request_tables_memory, obs->text[F_ACCOUNT], key, key, obs->minute_ns, &is_new);
    if (!t)
        return false; /* without memory both tables count */
    if (slots_advance(&t->newest, slot, len, nothing_to_fold, NULL) == SLOT_LATE)
        return false;
    if (is_new || slot < t->first)
        t->first = slot;
    return false;
}
