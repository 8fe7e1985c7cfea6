/* related.h - what an alert belongs to: the members of an incident, the incident of a member, and what else the same
 * address or principal did. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_RELATED_H
#define COSMOWATCH_CONSOLE_RELATED_H

#include "base/error.h"

struct alert;
struct view;

/* An incident's members, first seen first, each a link. Nothing for other alerts. */
MUST_CHECK int related_add_members(struct view *v, const struct alert *a, struct error *err);
/* Incidents that the alert is a member of, and other alerts of the same client, within a fortnight. */
MUST_CHECK int related_add_others(struct view *v, const struct alert *a, struct error *err);

#endif
