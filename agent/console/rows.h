/* rows.h - alerts as a table. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_ROWS_H
#define COSMOWATCH_CONSOLE_ROWS_H

#include "base/error.h"

#define ROWS_LIMIT 500 /* of the page of all alerts */

struct alert_filter;
struct view;

/* A row each, newest first. `text`: only those with it in title, subject or account; NULL: all. */
MUST_CHECK int rows_add_table(struct view *v, const struct alert_filter *f, const char *text, struct error *err);

/* Detectors that cannot judge, and why; nothing when all can. */
void rows_add_blind(struct view *v);

#endif
