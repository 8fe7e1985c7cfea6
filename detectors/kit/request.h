/* request.h - what a request does, and whether another table tells of it as well.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_REQUEST_H
#define COSMOWATCH_KIT_REQUEST_H

#include "baseline/baseline.h"
#include "fold/observation.h"

enum request_effect { REQUEST_OTHER, REQUEST_READ, REQUEST_WRITE };

/* OperationName of CDBDataPlaneRequests is a short list (table reference), open at the end (Patch and Batch
 * are real and not on it). The words of the Mongo, Cassandra, Gremlin and Table tables are not published
 * ("QuerySelect" was seen): there the verb inside the word decides. A stored procedure (Execute) may do
 * either; what it returns was read. */
enum request_effect request_effect(const struct observation *obs);
bool request_is_data_plane(const struct observation *obs); /* CDBDataPlaneRequests, 5M, 15M */

/* A read that worked and gave data to a customer's credential. */
bool request_is_data_read(const struct observation *obs);

/* Mongo, Cassandra, Gremlin and Table requests leave a row in their own table and one in the data-plane
 * table. Where an account logs both, its own-table rows must not be counted again. Whether it does is
 * learned by closed slots, so on the first day both count. Whoever runs detectors asks once for every request and tells
 * them in the context. */
extern const struct baseline_memory request_tables_memory;
bool request_is_counted_elsewhere(struct baseline *b, const struct observation *obs);

#endif
