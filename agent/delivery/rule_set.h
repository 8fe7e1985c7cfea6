/* rule_set.h - filters of Microsoft Defender for Cloud, as its continuous export and workflow automation have them.
 *
 * The `ruleSets` of an automation (Microsoft.Security/automations, 2019-01-01-preview and later) are taken as they
 * are, so that an export that exists is carried over: rules of a set are AND-ed, sets are OR-ed, texts compare without
 * case. A rule looks at the alert as `format: defender` writes it, whatever format its output has: "Severity",
 * "AlertType", "ExtendedProperties['Client IP address']", "Entities[*].Address". What a path does not find equals
 * nothing: of all operators only NotEquals holds.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_RULE_SET_H
#define COSMOWATCH_RULE_SET_H

#include "base/error.h"

struct alert;
struct rule_sets;
struct settings_errors;
struct yaml_node;

MUST_CHECK int rule_sets_read(const struct yaml_node *node, struct rule_sets **ret, struct settings_errors *errors);
void rule_sets_free(struct rule_sets *s);
MUST_CHECK int rule_sets_judge(const struct rule_sets *s, const struct alert *a, bool *ret, struct error *err);

#endif
