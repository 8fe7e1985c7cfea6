/* odata_read.h - the $filter of a Table API query.
 *
 * Comparisons (eq ne gt ge lt le) of properties and typed literals, joined by and, or, not; no comments, no
 * functions worth speaking of, one table (Azure Storage "Querying tables and entities", read 2026; the Table
 * API of Cosmos DB takes the same). What succeeds is a condition turned true, an alternative, a question about
 * another property.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ODATA_READ_H
#define COSMOWATCH_ODATA_READ_H

#include "detectors/kit/query_reading.h"

extern const struct query_dialect odata_dialect;

/* The filter in what the log holds: the text itself, or what stands behind $filter= in a web address
 * (decoded into out, which is cleared first). */
struct buf;
struct slice odata_filter_of(struct slice raw, struct buf *out);

#endif
