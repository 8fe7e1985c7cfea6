/* service_tags_apart.c - see service_tags_apart.h. Of a tag the reader may say its name, its region and whether a service
 * has it: whom the operator trusts, and what is Microsoft's own, no tag can say, so it is not asked.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/service_tags_apart.h"

#include "enrich/feed_apart.h"

#include <math.h>

/* Behind it stand the two texts. */
struct told_range {
    struct prefix range;
    uint8_t is_service;
    uint16_t name_len, region_len;
};

/* ---- the reader's end ----------------------------------------------------------------------------------------------- */

static bool tell_range(struct apart_inside *in, const struct prefix *range, const struct network *n)
{
    struct slice name = slice_of(n->name), region = slice_of(n->region);
    const struct told_range told = { .range = *range, .is_service = n->is_azure_service, .name_len = (uint16_t)name.len,
                                     .region_len = (uint16_t)region.len };
    char *room = apart_room(in, sizeof told + name.len + region.len);

    if (!room)
        return false;
    memcpy(room, &told, sizeof told);
    memcpy(room + sizeof told, name.at, name.len);
    memcpy(room + sizeof told + name.len, region.at, region.len);
    apart_wrote(in, sizeof told + name.len + region.len);
    return true;
}

void service_tags_serve(struct apart_inside *in)
{
    CLEANUP(network_table_freep) struct network_table *t = NULL;
    struct feed_report report = { 0 };
    struct error err = { 0 };
    int rc = service_tags_parse(apart_body(in), &t, &report, &err);

    for (size_t i = 0; t && i < network_table_len(t); i++)
        if (!tell_range(in, &network_table_ranges(t)[i], network_table_at(t, i)))
            break;
    feed_tell_end(in, rc, &report, &err);
}

/* ---- the agent's end ------------------------------------------------------------------------------------------------ */

struct asking {
    struct network_table *table;
    struct feed_report *report;
};

static void begin(void *self)
{
    struct asking *k = self;

    network_table_free(k->table);
    k->table = network_table_new();
}

/* The next of the batch; NULL, or what is no such thing. */
static const char *next_range(struct slice *batch, struct told_range *ret, struct slice *ret_name, struct slice *ret_region)
{
    size_t size;

    if (batch->len < sizeof *ret)
        return "a size";
    memcpy(ret, batch->at, sizeof *ret);
    size = sizeof *ret + ret->name_len + ret->region_len;
    if (size > batch->len)
        return "a size";
    *ret_name = slice_make(batch->at + sizeof *ret, ret->name_len);
    *ret_region = slice_make(ret_name->at + ret->name_len, ret->region_len);
    *batch = slice_make(batch->at + size, batch->len - size);
    if (!prefix_is_sound(&ret->range) || ret->is_service > 1)
        return "a range";
    if (slice_empty(*ret_name) || !service_tag_text_is_sound(*ret_name) || !service_tag_text_is_sound(*ret_region))
        return "a tag's name";
    return NULL;
}

static int add_range(struct network_table *t, const struct told_range *told, struct slice name, struct slice region,
                     struct error *err)
{
    char texts[2][SERVICE_TAG_TEXT_MAX + 1] = { { 0 }, { 0 } };
    const struct network n = { .name = texts[0], .region = texts[1], .lat = NAN, .lon = NAN, .until_ns = INT64_MAX,
                               .is_azure = true, .is_azure_service = told->is_service == 1 };

    memcpy(texts[0], name.at, name.len);
    memcpy(texts[1], region.at, region.len);
    return network_table_add_range(t, &told->range, &n, err);
}

static enum apart_verdict take_batch(void *self, struct slice batch, struct error *err)
{
    struct asking *k = self;

    if (!k->table)
        return feed_no_memory(err);
    while (batch.len > 0) {
        struct told_range told;
        struct slice name, region;
        const char *lie = next_range(&batch, &told, &name, &region);

        if (lie)
            return apart_lie(err, lie);
        if (add_range(k->table, &told, name, region, err) < 0)
            return APART_STOP;
    }
    return APART_GO_ON;
}

static enum apart_verdict take_end(void *self, struct slice text, struct error *err)
{
    struct asking *k = self;
    enum apart_verdict v = k->table ? feed_take_end(text, k->report, err) : feed_no_memory(err);

    if (v == APART_GO_ON && network_table_len(k->table) == 0)
        return apart_lie(err, "a list of nothing"); /* it would take the place of what is known */
    return v;
}

int service_tags_parse_apart(struct apart *a, struct slice bytes, struct network_table **ret, struct feed_report *report,
                             struct error *err)
{
    struct asking k = { .report = report };
    uint64_t id = 0;
    struct apart_work w = { .service = FEED_SERVICE, .param = FEED_OF_SERVICE_TAGS, .body = bytes, .body_id = &id,
                            .self = &k, .begin = begin, .batch = take_batch, .end = take_end };

    *report = (struct feed_report){ 0 };
    if (apart_do(a, &w, err) < 0) {
        network_table_free(k.table);
        return -1;
    }
    report->entries = (int64_t)network_table_len(k.table);
    *ret = k.table;
    return 0;
}
