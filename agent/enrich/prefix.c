/* prefix.c - see prefix.h.
 *
 * Ranges nest or are disjoint, never overlap in part. So the ranges that hold an address are a chain: the
 * innermost one and its parents. What has to be found quickly is the innermost one only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/prefix.h"

#include "base/map.h"
#include "base/num.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t v4_mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* The common case, without the copy that inet_pton asks for. */
static bool dotted_parse(struct slice s, struct address *ret)
{
    const char *at = s.at, *end = NULL;
    uint8_t v4[4];

    if (s.len == 0 || s.len > sizeof("255.255.255.255") - 1) /* nothing may be no place at all */
        return false;
    end = s.at + s.len;
    for (size_t i = 0; i < sizeof v4; i++) {
        const char *from = at;
        unsigned part = 0;

        for (; at < end && *at >= '0' && *at <= '9'; at++)
            part = part * 10 + (unsigned)(*at - '0');
        /* Leading zeros are refused, as inet_pton does: octal or not is anybody's guess. */
        if (at == from || at > from + 3 || part > 255 || (*from == '0' && at > from + 1))
            return false;
        if (i + 1 < sizeof v4 ? at == end || *at++ != '.' : at != end)
            return false;
        v4[i] = (uint8_t)part;
    }
    memcpy(ret->at, v4_mapped, 12);
    memcpy(ret->at + 12, v4, 4);
    return true;
}

bool address_parse(struct slice s, struct address *ret)
{
    char text[ADDRESS_TEXT_MAX];
    struct in6_addr v6;

    if (dotted_parse(s, ret))
        return true;
    if (s.len == 0 || s.len >= sizeof(text) || memchr(s.at, '\0', s.len))
        return false;
    memcpy(text, s.at, s.len);
    text[s.len] = '\0';
    if (inet_pton(AF_INET6, text, &v6) != 1)
        return false;
    memcpy(ret->at, &v6, 16);
    return true;
}

bool address_is_v4(const struct address *a)
{
    return memcmp(a->at, v4_mapped, 12) == 0;
}

struct prefix prefix_of(const struct address *a, unsigned bits)
{
    struct prefix p = { .first = *a, .bits = (uint8_t)bits };

    for (unsigned i = bits / 8; i < 16; i++) {
        unsigned kept = i == bits / 8 ? 0xff00u >> (bits % 8) & 0xffu : 0;

        p.first.at[i] = (uint8_t)(p.first.at[i] & kept);
    }
    return p;
}

bool prefix_parse(struct slice s, struct prefix *ret)
{
    struct slice rest = s, host;
    struct address a;
    int64_t bits = 128;

    if (!slice_split(&rest, '/', &host) || !address_parse(host, &a))
        return false;
    if (host.len != s.len) {
        bool v4 = address_is_v4(&a) && memchr(host.at, '.', host.len) && !memchr(host.at, ':', host.len);

        if (!parse_i64(rest, 0, v4 ? 32 : 128, &bits))
            return false;
        if (v4)
            bits += 96;
    }
    *ret = prefix_of(&a, (unsigned)bits);
    return true;
}

bool prefix_holds(const struct prefix *p, const struct address *a)
{
    struct prefix q = prefix_of(a, p->bits);

    return memcmp(&q.first, &p->first, sizeof(q.first)) == 0;
}

bool prefix_is_sound(const struct prefix *p)
{
    return p->bits <= 128 && prefix_holds(p, &p->first);
}

static char *put_number(char *at, unsigned n) /* below 1000 */
{
    if (n >= 100)
        *at++ = (char)('0' + n / 100);
    if (n >= 10)
        *at++ = (char)('0' + n / 10 % 10);
    *at++ = (char)('0' + n % 10);
    return at;
}

void address_format(const struct address *a, char ret[ADDRESS_TEXT_MAX])
{
    if (address_is_v4(a)) { /* of each new client: printf would cost more than all else about it */
        for (size_t i = 12; i < 16; i++) {
            ret = put_number(ret, a->at[i]);
            *ret++ = i < 15 ? '.' : '\0';
        }
        return;
    }
    if (!inet_ntop(AF_INET6, a->at, ret, ADDRESS_TEXT_MAX))
        ret[0] = '\0'; /* cannot happen: the room is enough for any address */
}

void prefix_format(const struct prefix *p, char ret[PREFIX_TEXT_MAX])
{
    char *end;

    address_format(&p->first, ret);
    if (p->bits == 128)
        return;
    end = ret + strlen(ret);
    *end++ = '/';
    *put_number(end, address_is_v4(&p->first) && p->bits >= 96 ? p->bits - 96u : p->bits) = '\0';
}

/* ---- the index --------------------------------------------------------------------------------- */

struct edge { /* from this address on, until the next edge, `inner` is the innermost range */
    uint64_t high, low; /* the address as a number: comparing two words beats memcmp in the search */
    uint32_t inner;
};

struct prefix_index {
    struct prefix *ranges;
    uint32_t *parent;        /* next wider range (equal ones are chained by it as well) */
    uint32_t *hosts;         /* 1 + number of a range of one address, by hash; 0 free */
    size_t hosts_len;        /* power of two, or 0 */
    struct edge *edges;      /* ascending; the first one is at :: */
    size_t edges_len, n;
};

struct numbered {
    struct prefix range;
    uint32_t number;
};

static int wide_first(const void *a, const void *b)
{
    const struct numbered *x = a, *y = b;
    int order = memcmp(x->range.first.at, y->range.first.at, 16);

    if (order)
        return order;
    if (x->range.bits != y->range.bits)
        return x->range.bits < y->range.bits ? -1 : 1;
    return x->number > y->number ? -1 : x->number < y->number; /* later ones are outer: order is kept */
}

/* The address after the last one of a range; false when the range reaches the end. */
static bool address_behind(const struct prefix *p, struct address *ret)
{
    *ret = p->first;
    for (int bit = p->bits - 1; bit >= 0; bit--) {
        uint8_t mask = (uint8_t)(0x80u >> (bit % 8));

        if (!(ret->at[bit / 8] & mask)) {
            ret->at[bit / 8] |= mask;
            return true;
        }
        ret->at[bit / 8] &= (uint8_t)~mask;
    }
    return false;
}

static size_t host_hash(const struct prefix_index *x, const struct address *a)
{
    return (size_t)hash64(a->at, sizeof(a->at), 1) & (x->hosts_len - 1);
}

static struct edge edge_at(const struct address *a, uint32_t inner)
{
    uint64_t high, low;

    memcpy(&high, a->at, 8);
    memcpy(&low, a->at + 8, 8);
    return (struct edge){ .high = be64toh(high), .low = be64toh(low), .inner = inner };
}

static void edges_add(struct prefix_index *x, const struct address *from, uint32_t inner)
{
    struct edge e = edge_at(from, inner);
    struct edge *last = x->edges_len ? &x->edges[x->edges_len - 1] : NULL;

    if (last && last->high == e.high && last->low == e.low)
        last->inner = inner;
    else
        x->edges[x->edges_len++] = e;
}

/* Leave the ranges that end before `next` (NULL: all of them), from the inside out. */
static uint32_t leave_ranges(struct prefix_index *x, uint32_t inner, const struct address *next)
{
    while (inner != PREFIX_NONE && (!next || !prefix_holds(&x->ranges[inner], next))) {
        struct address behind;

        if (address_behind(&x->ranges[inner], &behind))
            edges_add(x, &behind, x->parent[inner]);
        inner = x->parent[inner];
    }
    return inner;
}

static void build(struct prefix_index *x, const struct numbered *sorted)
{
    static const struct address zero;
    uint32_t inner = PREFIX_NONE; /* innermost *wide* range at this point of the walk */

    edges_add(x, &zero, PREFIX_NONE);
    for (size_t i = 0; i < x->n; i++) {
        const struct prefix *p = &sorted[i].range;
        uint32_t number = sorted[i].number;

        inner = leave_ranges(x, inner, &p->first);
        if (p->bits == 128) {
            size_t place = host_hash(x, &p->first);

            /* Equal addresses follow each other: the newer one becomes the head of the chain. */
            while (x->hosts[place] && memcmp(x->ranges[x->hosts[place] - 1].first.at, p->first.at, 16) != 0)
                place = (place + 1) & (x->hosts_len - 1);
            x->parent[number] = x->hosts[place] ? x->hosts[place] - 1 : inner;
            x->hosts[place] = number + 1;
            continue;
        }
        x->parent[number] = inner;
        inner = number;
        edges_add(x, &p->first, inner);
    }
    (void)leave_ranges(x, inner, NULL);
}

struct prefix_index *prefix_index_new(const struct prefix *ranges, size_t n)
{
    struct prefix_index *x = calloc(1, sizeof(*x));
    struct numbered *sorted = calloc(n + 1, sizeof(*sorted));
    size_t hosts_len = 1;

    while (hosts_len < 2 * n + 1)
        hosts_len *= 2;
    if (x) {
        x->n = n;
        x->hosts_len = hosts_len;
        x->ranges = calloc(n + 1, sizeof(*x->ranges));
        x->parent = calloc(n + 1, sizeof(*x->parent));
        x->hosts = calloc(hosts_len, sizeof(*x->hosts));
        x->edges = calloc(2 * n + 1, sizeof(*x->edges));
    }
    if (!x || !sorted || !x->ranges || !x->parent || !x->hosts || !x->edges || n >= PREFIX_NONE) {
        prefix_index_free(x);
        free(sorted);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        x->ranges[i] = ranges[i];
        sorted[i] = (struct numbered){ .range = ranges[i], .number = (uint32_t)i };
    }
    qsort(sorted, n, sizeof(*sorted), wide_first);
    build(x, sorted);
    free(sorted);
    return x;
}

void prefix_index_free(struct prefix_index *x)
{
    if (!x)
        return;
    free(x->ranges);
    free(x->parent);
    free(x->hosts);
    free(x->edges);
    free(x);
}

/* Innermost wide range: that of the last edge that is not behind a. */
static uint32_t innermost(const struct prefix_index *x, const struct address *a)
{
    const struct edge *base = x->edges;
    size_t n = x->edges_len;
    struct edge e = edge_at(a, 0);

    while (n > 1) {
        const struct edge *middle = base + n / 2;

        base = middle->high < e.high || (middle->high == e.high && middle->low <= e.low) ? middle : base;
        n -= n / 2;
    }
    return base->inner;
}

uint32_t prefix_index_first(const struct prefix_index *x, const struct address *a)
{
    for (size_t i = host_hash(x, a); x->hosts[i]; i = (i + 1) & (x->hosts_len - 1)) {
        if (memcmp(x->ranges[x->hosts[i] - 1].first.at, a->at, 16) == 0)
            return x->hosts[i] - 1;
    }
    return innermost(x, a);
}

uint32_t prefix_index_next(const struct prefix_index *x, uint32_t n)
{
    return x->parent[n];
}
