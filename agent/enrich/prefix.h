/* prefix.h - addresses and address ranges, and which of many ranges hold an address.
 *
 * IPv4 lives inside IPv6 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so there is one kind of address, and
 * "::ffff:192.0.2.1" in a log is the same as "192.0.2.1".
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_PREFIX_H
#define COSMOWATCH_PREFIX_H

#include "base/error.h"
#include "base/slice.h"

struct address {
    uint8_t at[16]; /* network order */
};

struct prefix {
    struct address first; /* bits behind `bits` are zero */
    uint8_t bits;         /* 0..128; an IPv4 /24 is 120 */
};

/* "192.0.2.1", "2001:db8::1"; blanks around it, a zone ("%eth0") or brackets are refused. */
bool address_parse(struct slice s, struct address *ret);
bool address_is_v4(const struct address *a);
/* An address, or address/bits. Bits set behind the prefix are cleared ("10.0.0.1/8" is 10.0.0.0/8). */
bool prefix_parse(struct slice s, struct prefix *ret);
struct prefix prefix_of(const struct address *a, unsigned bits);
bool prefix_holds(const struct prefix *p, const struct address *a);
bool prefix_is_sound(const struct prefix *p); /* could prefix_of() have made it? */

#define ADDRESS_TEXT_MAX 46
#define PREFIX_TEXT_MAX 50
void address_format(const struct address *a, char ret[ADDRESS_TEXT_MAX]); /* IPv4 in dotted form */
void prefix_format(const struct prefix *p, char ret[PREFIX_TEXT_MAX]);    /* a lone address without "/" */

/* Every range that holds an address, narrowest first. Built once, then read only: single addresses
 * in a hash table, wider ranges as a sorted list of where the innermost range changes. */
struct prefix_index;

/* ranges[n]: the caller's, copied. NULL without memory. Equal ranges keep their order. */
struct prefix_index *prefix_index_new(const struct prefix *ranges, size_t n);
void prefix_index_free(struct prefix_index *x);

#define PREFIX_NONE UINT32_MAX
/* Number (as given to prefix_index_new) of the narrowest range that holds a, or PREFIX_NONE. */
uint32_t prefix_index_first(const struct prefix_index *x, const struct address *a);
/* The next wider one after `n`, or PREFIX_NONE. */
uint32_t prefix_index_next(const struct prefix_index *x, uint32_t n);

#endif
