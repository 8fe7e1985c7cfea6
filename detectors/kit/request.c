/* request.c - see request.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/request.h"

#include "detectors/kit/slots.h"
#include "enrich/caller.h"

static const struct {
    const char *name;
    enum request_effect effect;
} data_plane_words[] = {
    { .name = "Query", .effect = REQUEST_READ },    { .name = "SqlQuery", .effect = REQUEST_READ },
    { .name = "ReadFeed", .effect = REQUEST_READ }, { .name = "Read", .effect = REQUEST_READ },
    { .name = "JSQuery", .effect = REQUEST_READ },  { .name = "Execute", .effect = REQUEST_READ },
    { .name = "Head", .effect = REQUEST_OTHER },    { .name = "HeadFeed", .effect = REQUEST_OTHER },
    { .name = "Create", .effect = REQUEST_WRITE },  { .name = "Update", .effect = REQUEST_WRITE },
    { .name = "Replace", .effect = REQUEST_WRITE }, { .name = "Upsert", .effect = REQUEST_WRITE },
    { .name = "Delete", .effect = REQUEST_WRITE },  { .name = "Patch", .effect = REQUEST_WRITE },
    { .name = "Batch", .effect = REQUEST_WRITE },
};

/* Writes first: "findAndModify", "QueryInsert". */
static const struct {
    const char *verb;
    enum request_effect effect;
} other_words[] = {
    { .verb = "insert", .effect = REQUEST_WRITE }, { .verb = "update", .effect = REQUEST_WRITE },
    { .verb = "delete", .effect = REQUEST_WRITE }, { .verb = "upsert", .effect = REQUEST_WRITE },
    { .verb = "modify", .effect = REQUEST_WRITE }, { .verb = "replace", .effect = REQUEST_WRITE },
    { .verb = "create", .effect = REQUEST_WRITE }, { .verb = "drop", .effect = REQUEST_WRITE },
    { .verb = "truncate", .effect = REQUEST_WRITE }, { .verb = "merge", .effect = REQUEST_WRITE },
    { .verb = "batch", .effect = REQUEST_WRITE },  { .verb = "find", .effect = REQUEST_READ },
    { .verb = "getmore", .effect = REQUEST_READ }, { .verb = "aggregate", .effect = REQUEST_READ },
    { .verb = "select", .effect = REQUEST_READ },  { .verb = "query", .effect = REQUEST_READ },
    { .verb = "read", .effect = REQUEST_READ },    { .verb = "get", .effect = REQUEST_READ },
    { .verb = "distinct", .effect = REQUEST_READ }, { .verb = "eval", .effect = REQUEST_READ },
    { .verb = "traversal", .effect = REQUEST_READ },
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
        if (slice_eq_nocase(word, slice_of(data_plane_words[i].name)))
            return data_plane_words[i].effect;
    }
    for (size_t i = 0; !request_is_data_plane(obs) && i < ARRAY_LEN(other_words); i++) {
        if (slice_find_nocase(word, slice_of(other_words[i].verb)) != SIZE_MAX)
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
