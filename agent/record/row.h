/* row.h - one row of cells -> one record. The order of work is planned once per table of columns, so
 * that a row costs one step per known column and nothing per unknown one.
 *
 * Internal to agent/record. A row_maker is used by one thread; its record is valid until the next
 * row_make() or row_reset().
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ROW_H
#define COSMOWATCH_ROW_H

#include "base/arena.h"
#include "record/scan.h"
#include "record/tables.h"

struct row_step {
    uint16_t cell;
    uint8_t means, field, rank;
    bool is_first; /* of its meaning: overwrites; later ones fill only what is empty */
};

/* How to read rows that have these columns, for one table. */
struct row_plan {
    enum table table;
    enum column_form form;
    bool is_lazy; /* holds JSON inside text: such records start from nothing */
    bool sets_account;
    unsigned generation; /* counts row_plan_begin(), so that a plan made anew is not taken for the old */
    size_t plain_len; /* so many steps in front only put a text where it belongs */
    size_t len;
    struct row_step steps[SCAN_COLUMNS_MAX];
};

struct row_maker;
struct row_maker *row_maker_new(void); /* NULL without memory */
void row_maker_free(struct row_maker *m);

void row_plan_begin(struct row_plan *p, enum table t, enum column_form form);
void row_plan_add(struct row_plan *p, struct slice name, size_t cell);
void row_plan_end(struct row_plan *p);

/* NULL and a reason when the row is damaged. */
const struct record *row_make(struct row_maker *m, const struct row_plan *p,
                              const struct scan_cell *cells, const char **ret_reason);

/* How a column of this name is wanted, whatever its table turns out to be. */
enum scan_want row_want(struct slice name);

#endif
