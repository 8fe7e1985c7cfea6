/* enrich.c - all feeds and networks together, indexed for one question per observation.
 *
 * The index over all feeds is built anew when one changes: once an hour, a few hundred milliseconds at a
 * million entries, and looking up stays one hash probe and one binary search whatever the number of feeds.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/enrich.h"

#include "enrich/feeds.h"
#include "enrich/networks.h"
#include "enrich/places.h"
#include "enrich/prefix.h"

#include <stdlib.h>
#include <string.h>

struct feed {
    char *name;
    struct feed_table *table;
};

struct hit { /* what a range of the index stands for */
    uint32_t feed, entry;
};

struct enrich {
    struct feed *feeds;
    size_t feeds_len;
    struct prefix_index *index;     /* over the entries of all feeds; NULL: none */
    struct hit *hits;
    struct network_table *networks; /* the operator's, behind the standing ones */
    struct prefix_index *network_index;
    struct network_table *azure;    /* service tags; NULL: none */
    struct prefix_index *azure_index;
    struct places *places;
    struct trusted *trusted;
    bool networks_have_country, networks_have_asn, networks_are_trusted; /* any of the operator's */
};

/* ---- networks ---------------------------------------------------------------------------------- */

int enrich_set_networks(struct enrich *e, struct network_table *table, struct error *err)
{
    CLEANUP(network_table_freep) struct network_table *taken = table;
    struct prefix_index *index;

    if (network_table_add_standing(taken, err) < 0)
        return -1;
    index = prefix_index_new(network_table_ranges(taken), network_table_len(taken));
    if (!index)
        return error_set(err, ERR_NOMEM, "networks");
    prefix_index_free(e->network_index);
    network_table_free(e->networks);
    e->network_index = index;
    e->networks = TAKE(taken);
    e->networks_have_country = e->networks_have_asn = e->networks_are_trusted = false;
    for (size_t i = 0; i < network_table_len(e->networks); i++) {
        const struct network *n = network_table_at(e->networks, i);

        e->networks_have_country = e->networks_have_country || n->country[0] != '\0';
        e->networks_have_asn = e->networks_have_asn || n->asn != 0;
        e->networks_are_trusted = e->networks_are_trusted || n->is_trusted;
    }
    return 0;
}

int enrich_set_azure(struct enrich *e, struct network_table *table, struct error *err)
{
    CLEANUP(network_table_freep) struct network_table *taken = table;
    struct prefix_index *index = taken ? prefix_index_new(network_table_ranges(taken), network_table_len(taken)) : NULL;

    if (taken && !index)
        return error_set(err, ERR_NOMEM, "service tags");
    prefix_index_free(e->azure_index);
    network_table_free(e->azure);
    e->azure_index = index;
    e->azure = TAKE(taken);
    return 0;
}

static const struct network *find_network(const struct enrich *e, const struct address *a,
                                          int64_t time_ns)
{
    for (uint32_t n = prefix_index_first(e->network_index, a); n != PREFIX_NONE;
         n = prefix_index_next(e->network_index, n)) {
        const struct network *net = network_table_at(e->networks, n);

        if (time_ns < net->until_ns)
            return net;
    }
    if (e->azure_index) {
        uint32_t n = prefix_index_first(e->azure_index, a);

        return n == PREFIX_NONE ? NULL : network_table_at(e->azure, n);
    }
    return NULL;
}

/* A service's tag of all regions says where no more than the region's own, wider one does. */
static const char *azure_region(const struct enrich *e, struct slice address)
{
    struct address a;

    if (!e->azure_index || !address_parse(address, &a))
        return "";
    for (uint32_t n = prefix_index_first(e->azure_index, &a); n != PREFIX_NONE; n = prefix_index_next(e->azure_index, n))
        if (network_table_at(e->azure, n)->region[0])
            return network_table_at(e->azure, n)->region;
    return "";
}

const struct network *enrich_network(const struct enrich *e, struct slice address, int64_t time_ns)
{
    struct address a;

    return address_parse(address, &a) ? find_network(e, &a, time_ns) : NULL;
}

void enrich_place(const struct enrich *e, struct slice address, struct slice row_place, int64_t time_ns,
                  struct place *ret)
{
    places_find(e->places, enrich_network(e, address, time_ns), address, row_place, ret);
    if (ret->is_azure)
        ret->region = azure_region(e, address);
}

struct places *enrich_places(const struct enrich *e)
{
    return e->places;
}

bool enrich_knows_countries(const struct enrich *e)
{
    return e->networks_have_country || places_know_countries(e->places);
}

bool enrich_knows_networks(const struct enrich *e)
{
    return e->networks_have_asn || places_know_networks(e->places);
}

bool enrich_is_private_address(const struct address *a)
{
    static const struct address none = { { 0 } };
    const uint8_t *v4 = a->at + 12;

    /* 100.64.0.0/10 (RFC 6598) too: a virtual network may have it, and no client on the internet does. */
    if (address_is_v4(a))
        return v4[0] == 10 || v4[0] == 127 || (v4[0] == 100 && (v4[1] & 0xc0) == 64) || (v4[0] == 172 && (v4[1] & 0xf0) == 16) ||
               (v4[0] == 192 && v4[1] == 168) || (v4[0] == 169 && v4[1] == 254) ||
               (v4[0] | v4[1] | v4[2] | v4[3]) == 0;
    return (a->at[0] & 0xfe) == 0xfc ||                          /* fc00::/7, unique local */
           (a->at[0] == 0xfe && (a->at[1] & 0xc0) == 0x80) ||    /* fe80::/10, link-local */
           (memcmp(a->at, none.at, 15) == 0 && a->at[15] <= 1);  /* :: and ::1 */
}

bool enrich_is_private(struct slice address)
{
    struct address a;

    return slice_empty(address) || (address_parse(address, &a) && enrich_is_private_address(&a));
}

/* ---- life -------------------------------------------------------------------------------------- */

struct enrich *enrich_new(void)
{
    struct enrich *e = calloc(1, sizeof(*e));
    struct network_table *none = network_table_new();
    struct error err = { 0 };

    if (e)
        e->places = places_new();
    if (!e || !e->places || !none || enrich_set_networks(e, TAKE(none), &err) < 0) {
        network_table_free(none);
        enrich_free(e);
        return NULL;
    }
    return e;
}

void enrich_free(struct enrich *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->feeds_len; i++) {
        free(e->feeds[i].name);
        feed_table_free(e->feeds[i].table);
    }
    free(e->feeds);
    free(e->hits);
    prefix_index_free(e->index);
    prefix_index_free(e->network_index);
    network_table_free(e->networks);
    prefix_index_free(e->azure_index);
    network_table_free(e->azure);
    places_free(e->places);
    trusted_free(e->trusted);
    free(e);
}

void enrich_freep(struct enrich **e)
{
    enrich_free(*e);
    *e = NULL;
}

/* ---- trust --------------------------------------------------------------------------------------- */

void enrich_set_trusted(struct enrich *e, struct trusted *list)
{
    trusted_free(e->trusted);
    e->trusted = list;
}

bool enrich_trusts(const struct enrich *e, enum trusted_kind kind, struct slice account, struct slice value,
                   int64_t time_ns)
{
    const struct network *n = NULL;

    if (!e)
        return false;
    if (kind == TRUSTED_ADDRESS && e->networks_are_trusted)
        n = enrich_network(e, value, time_ns);
    return (n && n->is_trusted) || trusted_has(e->trusted, kind, account, value, time_ns);
}

bool enrich_trusts_asn(const struct enrich *e, struct slice account, int64_t asn, int64_t time_ns)
{
    return e && trusted_has_asn(e->trusted, account, asn, time_ns);
}

const struct trusted *enrich_trusted(const struct enrich *e)
{
    return e ? e->trusted : NULL;
}

/* ---- feeds ------------------------------------------------------------------------------------- */

static struct feed *find_feed(const struct enrich *e, const char *name)
{
    for (size_t i = 0; i < e->feeds_len; i++) {
        if (strcmp(e->feeds[i].name, name) == 0)
            return &e->feeds[i];
    }
    return NULL;
}

const struct feed_table *enrich_feed(const struct enrich *e, const char *name)
{
    const struct feed *f = find_feed(e, name);

    return f ? f->table : NULL;
}

static int rebuild(struct enrich *e, struct error *err)
{
    struct prefix *ranges = NULL;
    struct prefix_index *index = NULL;
    struct hit *hits = NULL;
    size_t n = 0, total = 0;

    for (size_t i = 0; i < e->feeds_len; i++)
        total += e->feeds[i].table ? e->feeds[i].table->len : 0;
    if (total) {
        ranges = calloc(total, sizeof(*ranges));
        hits = calloc(total, sizeof(*hits));
        if (!ranges || !hits)
            goto out_of_memory;
        for (size_t i = 0; i < e->feeds_len; i++) {
            const struct feed_table *t = e->feeds[i].table;

            for (size_t k = 0; t && k < t->len; k++) {
                ranges[n] = t->each[k].range;
                hits[n++] = (struct hit){ .feed = (uint32_t)i, .entry = (uint32_t)k };
            }
        }
        index = prefix_index_new(ranges, n);
        if (!index)
            goto out_of_memory;
    }
    free(ranges);
    free(e->hits);
    prefix_index_free(e->index);
    e->hits = hits;
    e->index = index;
    return 0;

out_of_memory:
    free(ranges);
    free(hits);
    return error_set(err, ERR_NOMEM, "index of %zu listings", total);
}

static struct feed *add_feed(struct enrich *e, const char *name)
{
    struct feed *feeds = realloc(e->feeds, (e->feeds_len + 1) * sizeof(*feeds));
    char *copy;

    if (!feeds)
        return NULL;
    e->feeds = feeds;
    copy = strdup(name);
    if (!copy)
        return NULL;
    feeds[e->feeds_len] = (struct feed){ .name = copy };
    return &feeds[e->feeds_len++];
}

int enrich_set_feed(struct enrich *e, const char *name, struct feed_table *table, struct error *err)
{
    struct feed *f = find_feed(e, name);
    struct feed_table *before;

    if (!f)
        f = add_feed(e, name);
    if (!f) {
        feed_table_free(table);
        return error_set(err, ERR_NOMEM, "feed '%s'", name);
    }
    before = f->table;
    f->table = table;
    if (rebuild(e, err) < 0) {
        f->table = before;
        feed_table_free(table);
        return -1;
    }
    feed_table_free(before);
    return 0;
}

bool enrich_has_category(const struct enrich *e, enum feed_category c)
{
    for (size_t i = 0; i < e->feeds_len; i++) {
        const struct feed_table *t = e->feeds[i].table;

        for (size_t k = 0; t && k < t->len; k++) {
            if (t->each[k].category == c)
                return true;
        }
    }
    return false;
}

bool enrich_has_feeds(const struct enrich *e)
{
    return e->index != NULL;
}

/* ---- the question ------------------------------------------------------------------------------ */

/* Best first; the feed's name decides between equals, so that the order of the configuration does not. */
static bool is_better(const struct listing *a, const struct listing *b)
{
    int by_name;

    if (a->confidence != b->confidence)
        return a->confidence > b->confidence;
    by_name = strcmp(a->feed, b->feed);
    return by_name ? by_name < 0 : a->category < b->category;
}

static size_t insert(struct listing *ret, size_t n, size_t max, const struct listing *l)
{
    size_t at = n;

    while (at > 0 && is_better(l, &ret[at - 1]))
        at--;
    if (at == max)
        return n;
    if (n == max)
        n--;
    memmove(&ret[at + 1], &ret[at], (n - at) * sizeof(*ret));
    ret[at] = *l;
    return n + 1;
}

size_t enrich_listings(const struct enrich *e, struct slice address, int64_t time_ns,
                       struct listing *ret, size_t max)
{
    const struct network *network = NULL;
    struct address a;
    uint32_t n;
    size_t found = 0;

    if (!e->index || !address_parse(address, &a))
        return 0;
    n = prefix_index_first(e->index, &a);
    if (n == PREFIX_NONE)
        return 0;
    network = find_network(e, &a, time_ns);
    for (; n != PREFIX_NONE; n = prefix_index_next(e->index, n)) {
        const struct feed *f = &e->feeds[e->hits[n].feed];
        const struct feed_entry *entry = &f->table->each[e->hits[n].entry];

        if (time_ns < entry->from_ns || time_ns >= entry->until_ns)
            continue;
        if (network && network->is_microsoft && !f->table->is_own)
            continue;
        found = insert(ret, found, max,
                       &(struct listing){ .feed = f->name,
                                          .category = (enum feed_category)entry->category,
                                          .confidence = entry->confidence,
                                          .from_ns = entry->from_ns,
                                          .until_ns = entry->until_ns,
                                          .seen_ns = entry->seen_ns,
                                          .note = feed_table_note(f->table, entry) });
    }
    return found;
}
