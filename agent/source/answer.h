/* answer.h - whole small answers of the query API (counts, probes), read without making records of their rows.
 * Source: Azure Monitor "Log Analytics API response format" (read 2026-08).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ANSWER_H
#define COSMOWATCH_ANSWER_H

#include "base/error.h"
#include "base/slice.h"

#define ANSWER_COLUMNS_MAX 512
#define ANSWER_TEXT_MAX 1024 /* what is longer is cut */

enum answer_kind { ANSWER_ABSENT, ANSWER_NUMBER, ANSWER_TEXT, ANSWER_KINDS };
struct answer_cell {
    enum answer_kind kind;
    int64_t number; /* of a text what it begins with, or 0 */
    struct slice text;
};

/* One row of a small answer. Cells that are null, or columns that are missing, are absent. */
struct answer_row {
    const struct slice *columns;
    const struct answer_cell *cells; /* as many */
    size_t len;
};
struct slice answer_text(const struct answer_row *r, const char *column);   /* "" when absent */
int64_t answer_int(const struct answer_row *r, const char *column, int64_t absent);

/* fn for each row of the first table. `error` beside the tables is ERR_PARTIAL; anything that is no
 * answer is ERR_SERVER. */
MUST_CHECK int answer_each_row(struct slice body,
                               int (*fn)(void *self, const struct answer_row *r, struct error *err),
                               void *self, struct error *err);

#endif
