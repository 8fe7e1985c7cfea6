/* suppress.h - alerts that the operator does not want to be told, and why.
 *
 * A rule names alert types and what must be true of them; everything it names must hold. A condition on addresses,
 * principals ... holds when the alert has such values and *all* of them are among the rule's: a rule for the backup
 * host does not hide the thief who came on the same day. A suppressed alert is stored, counted and still a member
 * of incidents; it is only not delivered. Rules expire by event time, so that a replay judges as the day did.
 *
 *     suppressions:
 *       - { name: nightly export, types: [CosmosDB_DataExfiltrationAnomaly], addresses: [198.51.100.7],
 *           reason: planned, comment: "CHG-1234, ask Kim", expires: 2027-01-31 }
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SUPPRESS_H
#define COSMOWATCH_SUPPRESS_H

#include "alert/alert.h"

struct settings_errors;
struct suppress;
struct yaml_node;

struct suppress_view { /* borrowed */
    const char *name, *reason, *comment; /* comment "" when unsaid */
    int64_t expires_ns;                  /* INT64_MAX: never */
    int64_t warn_before_ns;
};

/* `list`: the node of `suppressions:`, or NULL for no rules. What is wrong goes to errors, all of it; then -1. */
MUST_CHECK int suppress_read(const struct yaml_node *list, struct suppress **ret, struct settings_errors *errors);
void suppress_free(struct suppress *s);
void suppress_freep(struct suppress **s);
size_t suppress_len(const struct suppress *s);                 /* NULL: 0 */
void suppress_look(const struct suppress *s, size_t i, struct suppress_view *ret);
/* What must be true of an alert, as the configuration has it: "types: CosmosDB_TorAnomaly; accounts: a, b". */
struct buf;
void suppress_add_conditions(const struct suppress *s, size_t i, struct buf *out);
/* Name of the first rule that covers the alert as it is, or NULL. */
const char *suppress_find(const struct suppress *s, const struct alert *a);
/* Does a rule cover what `a` adds to an alert (alert_draft.is_aside)? What it does not say is no reason against it. */
bool suppress_covers_aside(const struct suppress *s, const struct alert *a);
/* "suppression 'x' ends on ... and then its alerts are told again", for each that is over or will be within its
 * warning time; `fn` may be called any number of times. */
void suppress_warn(const struct suppress *s, int64_t now_ns, void (*fn)(void *self, const char *name, const char *what),
                   void *self);

#endif
