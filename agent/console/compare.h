/* compare.h - what an alert saw, against what is usual: numbers as bars, hours as columns, values side by side.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_COMPARE_H
#define COSMOWATCH_CONSOLE_COMPARE_H

struct alert;
struct buf;

/* Nothing when the alert has neither numbers nor values to hold against each other. */
void compare_add(struct buf *out, const struct alert *a);
/* What was asked and how it was answered, by how often; nothing when the alert counts neither. */
void compare_add_requests(struct buf *out, const struct alert *a);

#endif
