/* networks.h - what the operator says about addresses, inline or in a CSV file, and what is known of
 * everybody's: the addresses of the portal's middleware.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_NETWORKS_H
#define COSMOWATCH_NETWORKS_H

#include "enrich/enrich.h"
#include "enrich/feeds.h"
#include "enrich/prefix.h"

#define NETWORKS_MAX 1000000

struct network_table;

struct network_table *network_table_new(void); /* NULL without memory */
void network_table_free(struct network_table *t);
void network_table_freep(struct network_table **t);
size_t network_table_len(const struct network_table *t);

/* One inline entry: `cidr` is an address or a range; the texts of n are copied, NULL is "". n->lat, lon NAN
 * and n->until_ns INT64_MAX when unsaid. ERR_CONFIG when cidr is neither. */
MUST_CHECK int network_table_add(struct network_table *t, struct slice cidr, const struct network *n,
                                 struct error *err);
/* The same, of a range that was parsed before. */
MUST_CHECK int network_table_add_range(struct network_table *t, const struct prefix *range, const struct network *n,
                                       struct error *err);
/* CSV with the header cidr,name,country,city,lat,lon,asn,org[,trusted,until]: in any order, only cidr is
 * needed, and unknown columns are an error (a misspelt one would silently do nothing). `trusted` is
 * true/false/yes/no/1/0, `until` an ISO date or time. A bad line is reported and left out; ERR_CONFIG for
 * a bad header. */
MUST_CHECK int network_table_parse_csv(struct network_table *t, struct slice bytes,
                                       struct feed_report *report, struct error *err);
/* The addresses that the portal's Data Explorer and tools come from (Azure firewall page for Cosmos DB,
 * old and new list, all clouds). */
MUST_CHECK int network_table_add_standing(struct network_table *t, struct error *err);

/* "AS64500" or "64500". */
bool asn_parse(struct slice s, int64_t *ret);

/* ---- for enrich.c ------------------------------------------------------------------------------ */
const struct prefix *network_table_ranges(const struct network_table *t);
const struct network *network_table_at(const struct network_table *t, size_t i);

/* Cut the next field of a CSV line off (feed_parse.c); false at the end. */
bool csv_field(struct slice *rest, struct slice *ret);

#endif
