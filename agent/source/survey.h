/* survey.h - for `check --online`: what arrives of each account, and how much of the workspace it is.
 *
 * The volume is that of Azure Monitor's own table Usage (an hour of a table a row: DataType, Quantity in megabytes),
 * as gigabytes in 30 days. What a gigabyte costs hangs on region and contract: that is left to whoever pays.
 * Sources: Azure Monitor table reference, Usage (read 2026-11). Threads: none.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SURVEY_H
#define COSMOWATCH_SURVEY_H

#include "source/kql.h"

struct answer_row;

/* (Account:string, Type:string, Rows:long, DelayMs:long, Texts:long, Masked:long) of 24 h, by account. */
MUST_CHECK int survey_add_accounts_query(struct buf *out, const struct kql_scope *sc, struct error *err);
/* (Type:string, Megabytes:long of the last 30 days at most, Hours:long since the first of them). */
MUST_CHECK int survey_add_usage_query(struct buf *out, struct error *err);

struct survey {
    struct buf *said;
    char account[64];      /* of the rows just seen */
    bool has_requests, has_texts, is_masked;
    int64_t mb_month[TABLE_COUNT]; /* 0: nothing arrives */
};

int survey_account_row(void *self, const struct answer_row *row, struct error *err);
void survey_end_account(struct survey *s); /* after the last row */
int survey_usage_row(void *self, const struct answer_row *row, struct error *err);
void survey_end_usage(struct survey *s);

#endif
