/* concern.h - which rows of tables that are about everything (AzureActivity, SecurityAlert) concern us.
 *
 * Told twice from the same lists, as KQL for the workspace and as a test for rows that come from files,
 * so that a replay judges what the live source would have been sent.
 * Source: Azure RBAC permissions reference (names of operations).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONCERN_H
#define COSMOWATCH_CONCERN_H

#include "record/record.h"

struct buf;

/* True for every table but these two. */
bool concern_has(const struct record *rec);
void concern_add_activity_filter(struct buf *out); /* "    | where ...\n" */
void concern_add_alert_filter(struct buf *out);

#endif
