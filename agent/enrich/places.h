/* places.h - where an address is and whose network it is part of.
 *
 * Asked in this order, and the first that knows the country gives country, city and position together:
 *   1. what the operator said (networks:),
 *   2. the .mmdb files (places: databases:), in the order of the list: MaxMind's layout (country.iso_code,
 *      city.names.en, location, autonomous_system_number) and the flat one (country_code, city, latitude, asn),
 *   3. what the row says (F_PLACE: the workspace's geo_info_from_ip_address).
 * The network's number and owner come from 1 and 2 alone. Nothing is ever guessed: a country that nobody
 * told is "".
 *
 * Of each file a copy is read (mmdb.h). places_refresh() opens one anew when it has changed; until then, and when the new one
 * is damaged or half written, what was read before answers.
 *
 * What was found for an address is remembered (bounded, the oldest leave): a file is
 * asked once, not per observation.
 * Threads: the flow thread.
 * Source: MaxMind DB file format 2.0, libmaxminddb 1.7.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_PLACES_H
#define COSMOWATCH_PLACES_H

#include "enrich/enrich.h"
#include "settings/option.h"

struct places;

struct place { /* texts are valid until the next question or refresh; "" when nobody told */
    const char *country; /* ISO code (country.h), or the source's own word when it is none we know */
    const char *city, *org;
    const char *source;  /* "networks", "GeoLite2-City of 2026-03-01", "workspace" */
    const char *network; /* the operator's or a standing name, or a service tag of Azure */
    const char *region;  /* "Azure westeurope", by the service tags */
    double lat, lon;     /* NAN when unsaid */
    int64_t asn;         /* 0 when unsaid */
    bool is_trusted;     /* so the operator says */
    bool is_microsoft;   /* a standing address, or a network that Microsoft announces and no service tag names */
    bool is_azure, is_azure_service; /* by the service tags: rented by anybody; one of Microsoft's services */
};

struct places *places_new(void); /* NULL without memory */
void places_free(struct places *p);
/* ERR_IO, ERR_INPUT: not there, or no .mmdb. With PLACES_LATER it is asked for again at each refresh all the same. */
enum places_when { PLACES_NOW, PLACES_LATER };
MUST_CHECK int places_add_database(struct places *p, const char *path, enum places_when when, struct error *err);
/* Open what has changed on disk; how many were. -1: at least one could not be read (said once for each change); what was
 * read of it before stays. */
MUST_CHECK int places_refresh(struct places *p, struct error *err);
/* Can the .mmdb files, or have rows so far, told a country; can the files tell a network? */
bool places_know_countries(const struct places *p);
bool places_know_networks(const struct places *p);
/* net: what enrich_network says, or NULL. */
void places_find(struct places *p, const struct network *net, struct slice address, struct slice row_place,
                 struct place *ret);

/* The section `places:` of the configuration. */
struct places_settings {
    struct string_list databases; /* paths as written */
};
extern const struct option_spec places_options[];

/* As geo_info_from_ip_address would write it, for the alert. Empty when the place says nothing. */
#define PLACE_TEXT_MAX 320
struct slice place_text(const struct place *p, char room[PLACE_TEXT_MAX]);
/* And back: {"country":"Netherlands","state":"North Holland","city":"Amsterdam","latitude":52.3,"longitude":4.9}. False:
 * it is something else, or names no country. */
struct place_said {
    char country[64], city[64];
    double lat, lon; /* NAN when unsaid */
    bool is_refused; /* memory was missing to read it: it may be a place */
};
bool place_read(struct slice text, struct place_said *ret);
/* "Amsterdam, Netherlands"; what is no such text stays as it is. Without memory to read it `out` has failed. */
struct buf;
void place_words(struct slice text, struct buf *out);
/* Great-circle distance in km; NAN when a position is unsaid. */
double place_distance_km(double lat1, double lon1, double lat2, double lon2);

#endif
