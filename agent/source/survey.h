/* survey.h - for `check --online`: what arrives of each account, whether its addresses have places, how much of the
 * workspace it is, what the aggregated tables would save; and the command that mends what is missing, ready to copy:
 * Azure's own command line finds the ids by the names that we know.
 *
 * The volume is that of Azure Monitor's own table Usage (an hour of a table a row: DataType, Quantity in megabytes),
 * as gigabytes in 30 days. What a gigabyte costs hangs on region and contract: that is left to whoever pays.
 * The aggregated table has a row for what agrees in five minutes in all its grouping columns: those are counted.
 * Sources: Azure Monitor table reference, Usage and CDBDataPlaneRequests5M; Azure CLI reference, monitor
 * diagnostic-settings, role assignment, rest (read 2026-11). Threads: none.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SURVEY_H
#define COSMOWATCH_SURVEY_H

#include "source/kql.h"

struct answer_row;

/* (Account:string, Type:string, Rows:long, DelayMs:long, Texts:long, Masked:long) of 24 h, by account. */
MUST_CHECK int survey_add_accounts_query(struct buf *out, const struct kql_scope *sc, struct error *err);
/* (Type:string, Megabytes:long of the last 30 days at most, Hours:long since the first of them). */
MUST_CHECK int survey_add_usage_query(struct buf *out, struct error *err);

/* (Account:string, Addresses:long, Placed:long) of 24 h. */
MUST_CHECK int survey_add_places_query(struct buf *out, const struct kql_scope *sc, struct error *err);
/* (Rows:long, Groups:long) of an hour. */
MUST_CHECK int survey_add_aggregate_query(struct buf *out, struct error *err);

#define SURVEY_HAS_PLACES "of its addresses have a place"

struct survey {
    struct buf *said;
    const char *workspace; /* its id, a GUID */
    char account[64];      /* of the rows just seen */
    bool has_requests, has_texts, is_masked;
    int64_t mb_month[TABLE_COUNT]; /* 0: nothing arrives */
    int64_t rows, groups;          /* of an hour of requests, and what of them the aggregated table would hold */
};

int survey_account_row(void *self, const struct answer_row *row, struct error *err);
void survey_end_account(struct survey *s); /* after the last row */
int survey_usage_row(void *self, const struct answer_row *row, struct error *err);
int survey_place_row(void *self, const struct answer_row *row, struct error *err);
int survey_aggregate_row(void *self, const struct answer_row *row, struct error *err); /* after usage rows */
void survey_end_usage(struct survey *s);

/* Commands, each on a line of its own: "  do: az ...". */
void survey_do_role(const struct survey *s, const char *client_id /* NULL: not known */);
void survey_do_logs(const struct survey *s, struct slice account, const char *category);
void survey_do_activity(const struct survey *s);

#endif
