/* kql.h - the query texts that the Log Analytics source sends. Pure: scope in, text out.
 *
 * Every query names its bounds: first TimeGenerated, wide (it only lets the engine skip old shards), then
 * ingestion_time(), exact and half-open. Tables that a workspace lacks are empty (`union isfuzzy=true`
 * with an empty datatable leg); so are optional columns (column_ifexists). Columns without which we would
 * be blind are named directly: if one goes away the service answers with an error, not with silence.
 * Results carry `Type` and are named like the table's columns, so that record/tables.c reads them.
 *
 * Names that come from the configuration are quoted; one that cannot be is ERR_CONFIG.
 * Sources: Kusto query language reference (union, join, column_ifexists, ingestion_time, hash), Azure
 * Monitor "Log data ingestion time", table reference of each table (read 2026-08).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KQL_H
#define COSMOWATCH_KQL_H

#include "base/buf.h"
#include "record/record.h"

enum kql_stream {
    KQL_REQUESTS, /* what every request table says, without query text */
    KQL_TEXTS,    /* query texts with the request they belong to */
    KQL_CONTROL,  /* control plane, activity log, alerts of the cloud's own product: row by row */
    KQL_STREAM_COUNT
};

#define KQL_LEGACY (1u << TABLE_COUNT)  /* AzureDiagnostics */
#define KQL_TABLE(t) (1u << (unsigned)(t))
#define KQL_TICK_NS 100                 /* resolution of datetime */
#define KQL_PARTS 64                    /* how fine one tick can be cut by hash */

struct kql_scope {
    int64_t from_ns, to_ns;      /* window of ingestion_time(), multiples of KQL_TICK_NS */
    int64_t bin_ns;              /* of summaries: one minute, one hour for backfill */
    bool is_rows;                /* rows instead of summaries */
    bool has_places;             /* let the workspace say where an address is */
    uint32_t tables;             /* KQL_TABLE(t) | KQL_LEGACY */
    char *const *accounts;       /* only these; none: all */
    size_t accounts_len;
    char *const *workspaces;     /* further ones, beside the one that is asked */
    size_t workspaces_len;
    int64_t shard, shards;       /* this agent takes accounts whose hash is shard of shards; 0: all */
    unsigned part_from, part_to; /* rows whose hash falls in [from, to) of KQL_PARTS; 0, 0: all */
    int64_t text_wait_ns;        /* how far a text and its request may arrive from each other */
    int64_t row_cap;             /* `take` */
};

const char *kql_stream_name(enum kql_stream s);
/* Does the scope have anything to ask in this stream? */
bool kql_has_stream(const struct kql_scope *sc, enum kql_stream s);
MUST_CHECK int kql_add_stream(struct buf *out, enum kql_stream s, const struct kql_scope *sc,
                              struct error *err);
/* Columns without which an answer of this stream is useless; NULL-terminated. */
const char *const *kql_needed_columns(enum kql_stream s, bool is_rows);

/* How many rows (pairs, for texts) do the n intervals [edges[i], edges[i+1]) hold? Answers rows of
 * (W:int index of the interval, N:long); empty intervals are left out. from/to of the scope are unused. */
#define KQL_COUNT_MAX 48
MUST_CHECK int kql_add_count(struct buf *out, const struct kql_scope *sc, const int64_t *edges, size_t n,
                             struct error *err);

/* Active indicators that are addresses, the newest row of each: TimeGenerated, Id, ObservableKey,
 * ObservableValue, Pattern, Confidence, ValidFrom, ValidUntil, Modified, Tags, Source, Data (JSON text with
 * labels, indicator_types, name, description). */
MUST_CHECK int kql_add_threat_intel(struct buf *out, int64_t now_ns, struct error *err);

/* A masked text names its columns p1, p2 and its literals str1 (parameters keep their own names, and
 * @p1 is a common one): see "diagnostics full-text query". */
#define KQL_MASKED_PATTERN "@\"[.]p[0-9]+\\b|'str[0-9]+'\""

/* For `check --online`: per existing table (Type:string, Rows:long of 24 h, Newest:datetime,
 * DelayMs:long newest row's, Texts:long, Masked:long). */
MUST_CHECK int kql_add_probe(struct buf *out, const struct kql_scope *sc, struct error *err);

/* Operations of the data plane that run a query, so that a query text may belong to them. */
bool kql_is_query_operation(struct slice operation);

#endif
