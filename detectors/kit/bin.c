/* bin.c - see bin.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/bin.h"

#include "base/buf.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "baseline/slots.h"
#include "enrich/caller.h"

#include <stdio.h>

const struct baseline_memory bin_memory = {
    .name = "kit.bin",
    .version = 2,
    .size = sizeof(struct bin),
    .max_keys = 2000000,
};

struct addresses { /* of a bin with more than one: the smallest in text order */
    struct address each[BIN_ADDRESSES];
    char largest[ADDRESS_TEXT_MAX]; /* the last one as text */
    uint16_t len;
};

const struct baseline_memory bin_addresses_memory = {
    .name = "kit.bin_addresses",
    .version = 1,
    .size = sizeof(struct addresses),
    .max_keys = 50000,
};

_Static_assert(sizeof(struct bin_key) == 24, "no padding in a key");

static struct slice key_text(const struct bin_key *key)
{
    return slice_make((const char *)key, sizeof(*key));
}

struct bin *bin_put(const struct detector_context *ctx, const struct observation *obs, const struct bin_key *key)
{
    return baseline_put(ctx->baseline, &bin_memory, obs->text[F_ACCOUNT], key_text(key), SL(""), obs->minute_ns, NULL);
}

static void count(uint32_t *counter, int64_t more)
{
    int64_t sum = (int64_t)*counter + more;

    *counter = sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

static uint32_t *counter_of(struct bin *b, struct slice operation)
{
    if (slice_eq_nocase(operation, SL("Query")) || slice_eq_nocase(operation, SL("SqlQuery")))
        return &b->query;
    if (slice_eq_nocase(operation, SL("ReadFeed")))
        return &b->read_feed;
    if (slice_eq_nocase(operation, SL("Read")))
        return &b->read;
    return slice_eq_nocase(operation, SL("Execute")) ? &b->execute : &b->other;
}

static void add_sample(struct bin *b, struct slice id)
{
    struct slice cut = slice_cut(id, sizeof(b->sample) - 1);

    if (cut.len == 0 || (b->sample[0] && slice_cmp(cut, slice_of(b->sample)) >= 0))
        return;
    memset(b->sample, 0, sizeof(b->sample));
    memcpy(b->sample, cut.at, cut.len);
}

void bin_add(struct bin *b, const struct observation *obs, int64_t bytes, uint64_t marks)
{
    if (!b->last_ns) {
        b->first_ns = obs->first_ns;
        b->last_ns = obs->last_ns;
    }
    b->first_ns = obs->first_ns < b->first_ns ? obs->first_ns : b->first_ns;
    b->last_ns = obs->last_ns > b->last_ns ? obs->last_ns : b->last_ns;
    add_sample(b, obs->sample);
    b->marks |= marks;
    b->bytes = i64_add_sat(b->bytes, bytes);
    b->requests = i64_add_sat(b->requests, obs->count);
    b->ru_milli = i64_add_sat(b->ru_milli, obs->ru_milli);
    count(counter_of(b, obs->text[F_OPERATION]), obs->count);
    if (obs->status != 200)
        count(obs->status == 304 ? &b->not_modified
              : obs->status == 404 ? &b->absent
              : obs->status > 200 && obs->status < 300 ? &b->other_ok : &b->refused, obs->count);
}

/* Keep the BIN_ADDRESSES smallest in text order: what an alert's set would keep as well. Of a fleet of a thousand
 * hosts nearly every address is known or too large, so that is found out first. */
static void addresses_add(struct addresses *all, const struct address *a, const char *text)
{
    size_t at = all->len;

    for (size_t i = 0; i < all->len; i++)
        if (memcmp(&all->each[i], a, sizeof(*a)) == 0)
            return;
    if (all->len == BIN_ADDRESSES && strcmp(text, all->largest) > 0)
        return;
    for (; at > 0; at--) {
        char other[ADDRESS_TEXT_MAX];

        address_format(&all->each[at - 1], other);
        if (strcmp(other, text) < 0)
            break;
    }
    if (all->len == BIN_ADDRESSES)
        all->len--;
    memmove(&all->each[at + 1], &all->each[at], (all->len - at) * sizeof(*a));
    all->each[at] = *a;
    all->len++;
    address_format(&all->each[all->len - 1], all->largest);
}

/* Most bins have one address: it stands in the bin itself. */
void bin_add_address(struct bin *b, const struct detector_context *ctx, const struct observation *obs,
                     const struct bin_key *key, const struct reader *r)
{
    struct addresses *more;
    bool is_new = false;

    if (!r->has_address)
        return;
    if (!b->has_address) {
        b->address = r->address;
        b->has_address = 1;
        return;
    }
    if (memcmp(&b->address, &r->address, sizeof(r->address)) == 0 && !b->has_more_addresses)
        return;
    more = baseline_put(ctx->baseline, &bin_addresses_memory, obs->text[F_ACCOUNT], key_text(key), SL(""),
                        obs->minute_ns, &is_new);
    if (!more)
        return;
    b->has_more_addresses = 1;
    if (is_new) {
        char first[ADDRESS_TEXT_MAX];

        address_format(&b->address, first);
        addresses_add(more, &b->address, first);
    }
    addresses_add(more, &r->address, r->address_text);
}

const struct bin *bin_tell(struct bin *b, const struct observation *obs, int64_t bytes, uint64_t marks,
                           const struct reader *r, struct bin *room)
{
    if (!b->is_told) {
        b->is_told = 1;
        return b;
    }
    *room = (struct bin){ .address = r->address, .has_address = r->has_address };
    bin_add(room, obs, bytes, marks);
    return room;
}

void bin_sweep(int64_t *swept_ns, const struct detector_context *ctx)
{
    int64_t horizon_ns = slots_len(baseline_cfg(ctx->baseline)) * NS_PER_HOUR;
    int64_t kept_ns = 2 * NS_PER_DAY + 2 * horizon_ns; /* a day's bin may rest for a day, and a day's slot is late by another */

    /* A backfill reads hours that lie far behind the watermark: they are not over. */
    if (ctx->is_backfill || ctx->watermark_ns == INT64_MAX || ctx->watermark_ns < *swept_ns + horizon_ns)
        return;
    *swept_ns = ctx->watermark_ns;
    baseline_expire(ctx->baseline, &bin_memory, ctx->watermark_ns - kept_ns);
    baseline_expire(ctx->baseline, &bin_addresses_memory, ctx->watermark_ns - kept_ns);
}

/* ---- facts ------------------------------------------------------------------------------------- */

void bin_facts_sums(struct fact_list *f, const struct bin *part)
{
    int64_t not_200 = (int64_t)part->other_ok + part->not_modified + part->absent + part->refused;

    facts_add_number(f, "bytesOut", FACT_SUM, part->bytes);
    facts_add_number(f, "requests", FACT_SUM, part->requests);
    facts_add_number(f, "ruMilli", FACT_SUM, part->ru_milli);
    facts_add_map(f, "operations", SL("Query"), part->query);
    facts_add_map(f, "operations", SL("ReadFeed"), part->read_feed);
    facts_add_map(f, "operations", SL("Read"), part->read);
    facts_add_map(f, "operations", SL("Execute"), part->execute);
    facts_add_map(f, "operations", SL("other"), part->other);
    facts_add_map(f, "statusCodes", SL("200"), part->requests - not_200);
    facts_add_map(f, "statusCodes", SL("2xx"), part->other_ok);
    facts_add_map(f, "statusCodes", SL("304"), part->not_modified);
    facts_add_map(f, "statusCodes", SL("404"), part->absent);
    facts_add_map(f, "statusCodes", SL("other"), part->refused);
}

void bin_facts_addresses(struct bin_facts *f, const struct detector_context *ctx, const struct observation *obs,
                         const struct bin *part, const struct bin_key *key)
{
    const struct addresses *more = NULL;
    const struct address *each = &part->address;
    size_t n = part->has_address ? 1 : 0;

    if (part->has_more_addresses)
        more = baseline_get(ctx->baseline, &bin_addresses_memory, obs->text[F_ACCOUNT], key_text(key));
    if (more) {
        each = more->each;
        n = more->len;
    }
    if (n > BIN_ADDRESSES)
        n = BIN_ADDRESSES;
    for (size_t i = n; i > 0; i--) { /* downwards: upwards gcc 13 and 14 see one more than there is, and warn */
        address_format(&each[i - 1], f->addresses[i - 1]);
        facts_add_set(&f->f, "address", slice_of(f->addresses[i - 1]));
    }
}

void bin_facts_reader(struct fact_list *f, const struct observation *obs, const struct reader *r)
{
    const char *key_name = "";

    (void)key_kind_parse(obs->text[F_KEY_KIND], &key_name); /* only the name is wanted here */
    facts_add_set(f, "reader", reader_name(r));
    facts_add_set(f, "principal", obs->text[F_PRINCIPAL]);
    if (slice_empty(obs->text[F_PRINCIPAL]))
        facts_add_set(f, "keyKind", slice_of(key_name)); /* part of the reader; beside a principal it is not */
    facts_add_set(f, "userAgent", reader_agent(r));
    facts_add_set(f, "network", reader_network(r));
    facts_add_set(f, "database", obs->text[F_DATABASE]);
    facts_add_set(f, "container", obs->text[F_CONTAINER]);
}

void bin_facts_hour(struct bin_facts *f, const struct observation *obs)
{
    CLEANUP(buf_release) struct buf hour = BUF_HERE(sizeof(f->hour) - 1);

    time_add_iso(&hour, time_floor(obs->minute_ns, NS_PER_HOUR), 0);
    (void)snprintf(f->hour, sizeof(f->hour), "%s", buf_cstr(&hour));
    facts_add_set(&f->f, "hours", slice_of(f->hour));
}
