/* rows.h - alerts as a table. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_ROWS_H
#define COSMOWATCH_CONSOLE_ROWS_H

#include "base/error.h"

#define ROWS_LIMIT 500 /* of the page of all alerts */

struct alert;
struct alert_filter;
struct buf;
struct view;

/* The pieces: a table of alerts that somebody else chose. */
void rows_begin(struct buf *out);
void rows_add(struct buf *out, const struct alert *a);
void rows_end(struct buf *out);

/* A row each, newest first. `text`: only those with it in title, subject, account, an address or a principal; NULL: all. */
MUST_CHECK int rows_add_table(struct view *v, const struct alert_filter *f, const char *text, struct error *err);

/* Detectors that cannot judge, and why; nothing when all can. */
void rows_add_blind(struct view *v);

#endif
