/* page.h - an alert as a person reads it at 3 a.m.: who did what, from where, why we say so, what next.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_PAGE_H
#define COSMOWATCH_PAGE_H

#include "alert/alert.h"

struct page_style { bool is_colour; int width; };

void page_add_card(struct buf *out, const struct alert *a, struct page_style st); /* ten lines or so */
void page_add_full(struct buf *out, const struct alert *a, struct page_style st); /* with steps and KQL */
void page_add_row(struct buf *out, const struct alert *a, struct page_style st);  /* one line of a list */
void page_add_row_head(struct buf *out, struct page_style st);

#endif
