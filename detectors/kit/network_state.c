/* network_state.c - see network_state.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/network_state.h"

#include "enrich/prefix.h"

#include <string.h>

enum {
    LIST_KNOWN = 1,   /* of addresses; a row about a virtual network may leave it out */
    LIST_EMPTY = 2,
    WHOLE_AZURE = 4,
    EVERYTHING = 8,   /* ranges that are half of all addresses or more */
    VNET_FILTER = 16,
    PRIVATE_KNOWN = 32,
    PRIVATE_ON = 64,
    ANY_ORIGIN = 128,
    MORE_RANGES = 256,
    MORE_ORIGINS = 512,
};

#define V4_BITS 96 /* of a prefix, before those of IPv4 */
#define ALL_V4 ((int64_t)1 << 32)

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* The next run of bytes that are in `set` (or are not, where !is_in). */
static bool next_run(struct slice *rest, const char *set, bool is_in, struct slice *ret)
{
    size_t from = 0, to;

    *ret = *rest;
    if (rest->len == 0)
        return false;
    while (from < rest->len && is_one_of(rest->at[from], set) != is_in)
        from++;
    for (to = from; to < rest->len && is_one_of(rest->at[to], set) == is_in;)
        to++;
    *ret = slice_make(rest->at + from, to - from);
    *rest = slice_make(rest->at + to, rest->len - to);
    return ret->len > 0;
}

static void keep_ranges(const struct few *f, struct network_state *ret)
{
    ret->ranges = f->len < NETWORK_RANGES ? f->len : NETWORK_RANGES;
    if (f->len > NETWORK_RANGES)
        ret->flags |= MORE_RANGES;
    for (uint32_t i = 0; i < ret->ranges; i++)
        memcpy(ret->range[i], f->text[i], NETWORK_RANGE_TEXT - 1);
}

/* "1.1.1.1,10.0.0.0/8", or the same as JSON. */
static void read_list(struct slice text, struct network_state *ret)
{
    struct few wide = { .len = 0 };
    struct slice rest = text, word;
    int64_t covered = 0;
    bool is_any = false, is_text = false;

    while (next_run(&rest, " \t\r\n,;[]{}\"'", false, &word)) {
        struct prefix p;
        char name[PREFIX_TEXT_MAX];
        int bits;

        is_text = true;
        if (!prefix_parse(word, &p) || !address_is_v4(&p.first))
            continue;
        bits = (int)p.bits - V4_BITS;
        is_any = true;
        prefix_format(&p, name);
        if (bits == 32 && strcmp(name, "0.0.0.0") == 0)
            ret->flags |= WHOLE_AZURE;
        if (bits >= NETWORK_WIDE_BITS || bits < 0)
            continue;
        covered += ALL_V4 >> bits;
        few_add(&wide, slice_of(name));
    }
    if (is_any || !is_text)
        ret->flags |= LIST_KNOWN;
    if (!is_text)
        ret->flags |= LIST_EMPTY;
    if (covered >= ALL_V4 / 2)
        ret->flags |= EVERYTHING;
    keep_ranges(&wide, ret);
}

/* Rules as JSON, with quotes or without: of "allowedOrigins" what follows up to the next name, else all of it. */
static void read_origins(struct slice text, struct network_state *ret)
{
    struct slice mark = SL("allowedorigins"), rest = text;
    bool is_named = slice_find_nocase(text, SL("allowed")) != SIZE_MAX;
    struct few origins = { .len = 0 };

    while (rest.len) {
        size_t at = is_named ? slice_find_nocase(rest, mark) : 0, end;
        struct slice part, word;

        if (at == SIZE_MAX)
            break;
        at += is_named ? mark.len : 0;
        part = slice_make(rest.at + at, rest.len - at);
        end = slice_find(part, SL("}"));
        part.len = end == SIZE_MAX ? part.len : end;
        for (const char *const *name = (const char *const[]){ "allowedMethods", "allowedHeaders", "exposedHeaders",
                                                              "maxAgeInSeconds", NULL }; is_named && *name; name++)
            if ((end = slice_find_nocase(part, slice_of(*name))) != SIZE_MAX)
                part.len = end;
        rest = slice_make(part.at + part.len, rest.len - at - part.len);
        while (next_run(&part, " \t\r\n,;[]{}\"'\\", false, &word)) {
            if (word.at[0] == ':') /* between a name and what it says */
                word = slice_make(word.at + 1, word.len - 1);
            if (slice_eq(word, SL("*")))
                ret->flags |= ANY_ORIGIN;
            else if (slice_starts_nocase(word, SL("http")))
                few_add(&origins, word);
        }
        if (!is_named)
            break;
    }
    ret->origins = origins.len < NETWORK_ORIGINS ? origins.len : NETWORK_ORIGINS;
    if (origins.len > NETWORK_ORIGINS)
        ret->flags |= MORE_ORIGINS;
    for (uint32_t i = 0; i < ret->origins; i++)
        memcpy(ret->origin[i], origins.text[i], FEW_TEXT);
}

bool network_state_read(const struct observation *obs, struct network_state *ret)
{
    struct slice op = slice_trim(obs->text[F_OPERATION]), filter = obs_extra(obs, F_VNET_FILTER);
    struct slice private_on = obs_extra(obs, F_PRIVATE_ENDPOINT_ON);
    bool is_account = slice_starts_nocase(op, SL("AccountUpdate")) || slice_starts_nocase(op, SL("AccountCreate"));

    memset(ret, 0, sizeof *ret); /* compared as bytes */
    /* In the workspace a text that is absent is empty. The filter is a bool: only where it is said is the state. */
    if (obs->kind != OBS_CONTROL || slice_empty(filter) || (!is_account && !slice_starts_nocase(op, SL("VirtualNetwork"))))
        return false;
    if (slice_eq_nocase(filter, SL("true")))
        ret->flags |= VNET_FILTER;
    if (!slice_empty(private_on))
        ret->flags |= PRIVATE_KNOWN | (slice_eq_nocase(private_on, SL("true")) ? PRIVATE_ON : 0);
    if (!is_account)
        return true;
    read_list(obs_extra(obs, F_IP_RANGE_FILTER), ret);
    read_origins(obs_extra(obs, F_CORS), ret);
    return true;
}

static bool is_all(const struct network_state *s)
{
    return (s->flags & LIST_KNOWN) &&
           ((s->flags & EVERYTHING) || ((s->flags & LIST_EMPTY) && !(s->flags & VNET_FILTER)));
}

static bool is_inside(const struct network_state *s, const struct prefix *p)
{
    for (uint32_t i = 0; i < s->ranges; i++) {
        struct prefix wide;

        if (prefix_parse(slice_of(s->range[i]), &wide) && wide.bits <= p->bits && prefix_holds(&wide, &p->first))
            return true;
    }
    return false;
}

static bool has_new_range(const struct network_state *from, const struct network_state *to, struct few *ranges)
{
    bool is_new = false;

    for (uint32_t i = 0; i < to->ranges; i++) {
        struct prefix p;

        if (!prefix_parse(slice_of(to->range[i]), &p) || is_inside(from, &p))
            continue;
        is_new = true;
        if (ranges)
            few_add(ranges, slice_of(to->range[i]));
    }
    return is_new;
}

static bool has_new_origin(const struct network_state *from, const struct network_state *to, struct few *origins)
{
    bool is_new = false;

    for (uint32_t i = 0; i < to->origins; i++) {
        bool is_known = false;

        for (uint32_t k = 0; k < from->origins && !is_known; k++)
            is_known = strcmp(from->origin[k], to->origin[i]) == 0;
        if (is_known)
            continue;
        is_new = true;
        if (origins)
            few_add(origins, slice_of(to->origin[i]));
    }
    return is_new;
}

uint32_t network_opened(const struct network_state *from, const struct network_state *to, struct few *ranges,
                        struct few *origins)
{
    uint32_t before = from->flags, after = to->flags, opened = 0;

    if ((before & LIST_KNOWN) && !is_all(from)) { /* what was open to all can only become narrower */
        if (is_all(to))
            opened |= OPENED_ALL;
        if ((after & WHOLE_AZURE) && !(before & WHOLE_AZURE))
            opened |= OPENED_WHOLE_AZURE;
        if (!(before & MORE_RANGES) && has_new_range(from, to, ranges))
            opened |= OPENED_WIDE;
    }
    if ((before & VNET_FILTER) && !(after & VNET_FILTER) && !is_all(from))
        opened |= OPENED_VNET;
    if ((before & PRIVATE_ON) && (after & PRIVATE_KNOWN) && !(after & PRIVATE_ON))
        opened |= OPENED_PRIVATE;
    if ((before & LIST_KNOWN) && !(before & ANY_ORIGIN)) {
        if (after & ANY_ORIGIN)
            opened |= OPENED_CORS_ALL;
        if (!(before & MORE_ORIGINS) && has_new_origin(from, to, origins))
            opened |= OPENED_CORS;
    }
    return opened;
}

int64_t network_span(struct slice first, struct slice last)
{
    struct address a, b;
    int64_t from = 0, to = 0;

    if (!address_parse(first, &a) || !address_parse(last, &b) || !address_is_v4(&a) || !address_is_v4(&b))
        return 0;
    for (size_t i = 12; i < 16; i++) {
        from = from * 256 + a.at[i];
        to = to * 256 + b.at[i];
    }
    return to >= from ? to - from + 1 : 0;
}
