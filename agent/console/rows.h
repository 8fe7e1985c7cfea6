/* rows.h - alerts as a table. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_ROWS_H
#define COSMOWATCH_CONSOLE_ROWS_H

#include "base/error.h"

#define ROWS_PER_PAGE 100

struct alert;
struct alert_filter;
struct buf;
struct view;

/* The pieces: a table of alerts that somebody else chose. */
void rows_begin(struct buf *out);
void rows_add(struct buf *out, const struct alert *a);
void rows_end(struct buf *out);

struct rows_stop { /* where a table ended: what the next one begins after */
    bool has_more;
    bool is_tired; /* so many were looked at in vain that the reader is asked before going on */
    int64_t last_ns;
    char id[37];
};

/* A row each, newest first, at most f->limit. `text`: only those with it in the title, the id, or anything that they
 * name; NULL: all. ret_stop may be NULL. */
MUST_CHECK int rows_add_table(struct view *v, const struct alert_filter *f, const char *text, struct rows_stop *ret_stop,
                              struct error *err);

/* Detectors that cannot judge, and why; nothing when all can. */
void rows_add_blind(struct view *v);

#endif
