/* route.h - which alerts an output gets.
 *
 * All that a route says must hold; of a list one word is enough; what is left unsaid asks nothing. An entity
 * condition (address, principal ...) holds when *some* value of the alert is named: a suppression must cover all of
 * an alert, a route must not miss any of it. `any_of` and `not` hold maps of the same words, `rule_sets` the filters of
 * an export of Defender for Cloud (rule_set.h). Mistakes are told with file, line and column: a misspelt word would
 * silently deliver nothing.
 *
 *     route: { min_severity: medium, any_of: [{ tags: [pci] }, { tactics: [Exfiltration] }], not: { raised_by: defender } }
 *
 * Read only after route_read: any thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ROUTE_H
#define COSMOWATCH_ROUTE_H

#include "alert/alert.h"

struct accounts;
struct route;
struct settings_errors;
struct settings_route;
struct yaml_node;

/* `s` is borrowed as long as the route lives; `node`: where it was said, for messages, NULL: nothing was said. */
MUST_CHECK int route_read(const struct settings_route *s, const struct yaml_node *node, const struct accounts *accounts,
                          struct route **ret, struct settings_errors *errors);
void route_free(struct route *r);
/* why (may be NULL): when the alert is not wanted, the first condition that does not hold. */
struct buf;
MUST_CHECK int route_judge(const struct route *r, const struct alert *a, bool *ret_wanted, struct buf *why,
                           struct error *err);

#endif
