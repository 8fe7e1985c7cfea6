/* tables.h - which column means what. The one place that knows column names.
 *
 * A column is looked up by name in any case, for a table, in one of two forms: as Log Analytics spells
 * its tables (and as our own queries name their results), or raw: Event Hubs, storage, and the legacy
 * AzureDiagnostics table, whose names are those of the raw records with a type suffix (_s _d _g _b _t).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TABLES_H
#define COSMOWATCH_TABLES_H

#include "record/record.h"

enum means {
    MEANS_TEXT,          /* -> text[field] */
    MEANS_JSON,          /* -> text[field]; a nested value is kept as raw JSON */
    MEANS_ACCOUNT,       /* account name: lower case */
    MEANS_RESOURCE,      /* ARM id: lower case; tells the account when no column does */
    MEANS_ADDRESS,       /* address: port cut off */
    MEANS_TIME,
    MEANS_FIRST,
    MEANS_LAST,
    MEANS_STATUS,
    MEANS_COUNT,
    MEANS_RU,            /* real RU -> 1/1000 */
    MEANS_RU_MILLI,      /* already 1/1000 */
    MEANS_BYTES_IN,
    MEANS_BYTES_OUT,
    MEANS_DURATION_MS,   /* real ms -> us */
    MEANS_DURATION_US,
    MEANS_ROWS,
    MEANS_API_KIND,      /* text[F_API_KIND] and the api */
    MEANS_CLAIMS,        /* JSON text of token claims */
    MEANS_AUTHORIZATION, /* JSON text: evidence */
    MEANS_HTTP_REQUEST,  /* JSON text: clientRequestId */
    MEANS_MORE,          /* AdditionalFields: JSON text of further raw columns */
};

enum column_form { FORM_TABLE, FORM_RAW };

struct column {
    const char *name;  /* lower case, without suffix */
    enum means means;
    enum field field;  /* of MEANS_TEXT, MEANS_JSON, MEANS_ADDRESS ... */
    uint8_t rank;      /* several columns of one meaning: the lowest non-empty one wins */
    uint32_t tables;   /* bits 1 << enum table */
    bool not_raw;      /* in raw form the name means something else */
};

/* NULL: unknown column, to be ignored. */
const struct column *column_find(struct slice name, enum table t, enum column_form form);

/* The table, for the unit test: sorted by name. */
const struct column *columns_all(size_t *ret_n);

/* HTTP status of a row of the Mongo, Cassandra, Gremlin or Table tables, from ErrorCode; -1 unknown. */
int32_t status_from_error_code(enum table t, struct slice code);
enum api api_of_table(enum table t);

#endif
