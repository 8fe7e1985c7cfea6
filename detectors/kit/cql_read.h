/* cql_read.h - the grammar of CQL v3 as far as an injection can bend it.
 *
 * SELECT, INSERT, UPDATE, DELETE, BATCH and the definitions are read leniently: relations of a WHERE are
 * read as such, the rest as words that must balance. There is no OR, no UNION and no sub-query, a text is one
 * statement, and -- // and block comments are cut out (Apache Cassandra CQL reference, "Definitions" and "Data
 * manipulation", read 2026). So what succeeds is a comment that cuts a condition off, or widening.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CQL_READ_H
#define COSMOWATCH_CQL_READ_H

#include "detectors/kit/query_reading.h"

extern const struct query_dialect cql_dialect;

#endif
