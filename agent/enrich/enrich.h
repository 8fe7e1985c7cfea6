/* enrich.h - where an address is, who is known bad, what the operator said about it. Read-only during
 * a batch; feeds are swapped between batches by the flow thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ENRICH_H
#define COSMOWATCH_ENRICH_H

#include "base/error.h"
#include "base/slice.h"
#include "enrich/trusted.h"

enum feed_category { FEED_TOR, FEED_BOTNET, FEED_C2, FEED_PHISHING, FEED_BRUTE_FORCE, FEED_RANSOMWARE,
                     FEED_PROXY, FEED_SCANNER, FEED_MALICIOUS /* unsaid */, FEED_CATEGORY_COUNT };
const char *feed_category_name(enum feed_category c);

struct listing { /* one hit of one feed */
    const char *feed;         /* feed name from the configuration */
    enum feed_category category;
    int confidence;           /* 0..100 */
    int64_t from_ns, until_ns;/* valid interval in event time; INT64_MIN / INT64_MAX when unsaid */
    int64_t seen_ns;          /* when the feed last vouched for it: its newest refresh with the address in
                                 it; modified or valid_from of an indicator. INT64_MIN when unsaid */
    const char *note;         /* actor or description from the feed, "" when none */
};

struct network { /* what the operator or a standing fact says */
    const char *name;         /* "head office", "Azure portal middleware" */
    const char *country, *city; /* "" when unsaid */
    double lat, lon;          /* NAN when unsaid */
    int64_t asn; const char *org; /* 0, "" */
    bool is_trusted, is_microsoft;
    /* By the service tags of Azure (service_tags.h). Anybody may rent there, so it is not `is_microsoft`. */
    bool is_azure, is_azure_service; /* the latter: a service of Microsoft's, not a customer's host */
    const char *region;       /* "Azure westeurope"; "" when unsaid */
    int64_t until_ns;         /* INT64_MAX: no expiry */
};

struct enrich;        /* the whole set */
struct feed_table;    /* feeds.h */
struct network_table; /* networks.h */
struct place;         /* places.h */
struct address;       /* prefix.h */
struct places;        /* places.h */

/* Knows the standing facts (portal middleware addresses) from birth. */
struct enrich *enrich_new(void); /* NULL without memory */
void enrich_free(struct enrich *e);
void enrich_freep(struct enrich **e);

/* Between batches, by the flow thread. Takes `table` also when it fails; what was there before then
 * stays. NULL removes the feed. The name is copied. */
MUST_CHECK int enrich_set_feed(struct enrich *e, const char *name, struct feed_table *table,
                               struct error *err);
/* The table in use, to be updated (feed_table_update) and saved; NULL when there is none. */
const struct feed_table *enrich_feed(const struct enrich *e, const char *name);
/* Replaces what the operator said; the standing facts stay. Takes `table` as above. */
MUST_CHECK int enrich_set_networks(struct enrich *e, struct network_table *table, struct error *err);
/* The service tags of Azure: asked where the operator and the standing facts say nothing, however wide those are.
 * Takes `table` as above; NULL: none. */
MUST_CHECK int enrich_set_azure(struct enrich *e, struct network_table *table, struct error *err);
/* The `trusted:` list; taken over. */
void enrich_set_trusted(struct enrich *e, struct trusted *list);
const struct trusted *enrich_trusted(const struct enrich *e); /* may be NULL */
/* Does any feed hold the category; is there any feed at all? For "blind" sentences. */
bool enrich_has_category(const struct enrich *e, enum feed_category c);
bool enrich_has_feeds(const struct enrich *e);

/* Listings that hold for the address at the event's time: up to max, best (highest confidence) first.
 * Addresses of Microsoft (enrich_network) are listed only by a feed that is the operator's own. */
size_t enrich_listings(const struct enrich *e, struct slice address, int64_t time_ns,
                       struct listing *ret, size_t max);
/* The narrowest known network that holds the address at that time, a service tag of Azure last; NULL when none. */
const struct network *enrich_network(const struct enrich *e, struct slice address, int64_t time_ns);
/* Where the address is, as places.h says; row_place is the row's F_PLACE. */
void enrich_place(const struct enrich *e, struct slice address, struct slice row_place, int64_t time_ns,
                  struct place *ret);
struct places *enrich_places(const struct enrich *e); /* its .mmdb files, to be added to and refreshed */
/* Can anybody tell a country (operator, file, rows so far); a network's number? For "blind" sentences. */
bool enrich_knows_countries(const struct enrich *e);
bool enrich_knows_networks(const struct enrich *e);
/* Does the operator trust the value in this respect? Addresses of trusted networks are trusted addresses. */
bool enrich_trusts(const struct enrich *e, enum trusted_kind kind, struct slice account, struct slice value,
                   int64_t time_ns);
/* Does the operator trust the system that the address is in? asn: what enrich_place() said; 0: no. */
bool enrich_trusts_asn(const struct enrich *e, struct slice account, int64_t asn, int64_t time_ns);
bool enrich_is_private(struct slice address); /* RFC 1918 and 6598, ULA, loopback, link-local, empty */
bool enrich_is_private_address(const struct address *a);

#endif
