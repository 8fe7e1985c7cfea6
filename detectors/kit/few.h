/* few.h - a few short texts of a bin that may still be told: the smallest ones, as an alert keeps them.
 *
 * An alert's set keeps its FACT_SET_MAX smallest texts and whether there were more. A bin that is told as a
 * whole when it crosses its threshold must hold the same ones, and one more, or the alert would depend on the
 * order of rows.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_FEW_H
#define COSMOWATCH_KIT_FEW_H

#include "alert/alert.h"

#define FEW_MAX (FACT_SET_MAX + 1)
#define FEW_TEXT 48 /* bytes with the NUL: an account's name, an address, a GUID, an agent's name fit */

struct few { /* zeroed is empty; sorted */
    uint32_t len;
    char text[FEW_MAX][FEW_TEXT];
};

/* Texts are cut to FEW_TEXT - 1 bytes; empty ones are left out. */
void few_add(struct few *f, struct slice text);
void few_unite(struct few *f, const struct few *more);

/* ---- the facts of a draft ---------------------------------------------------------------------- */

#define FACT_LIST_MAX 192

struct fact_list { /* borrowed texts: alive until the draft was emitted */
    struct fact_value at[FACT_LIST_MAX];
    size_t len;
};

void facts_add_set(struct fact_list *f, const char *name, struct slice text); /* empty: nothing */
/* "activityId": one of the requests. `share`: what rows that come to one observation have in common, or 0. */
void facts_add_sample(struct fact_list *f, struct slice activity_id, uint64_t share);
void facts_add_few(struct fact_list *f, const char *name, const struct few *texts);
void facts_add_number(struct fact_list *f, const char *name, enum fact_kind kind, int64_t number);
void facts_add_map(struct fact_list *f, const char *name, struct slice key, int64_t number); /* 0: nothing */

#endif
