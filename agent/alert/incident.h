/* incident.h - alerts that belong together: a key is taken, used elsewhere, data leaves.
 *
 * An incident is an alert of its own (types CosmosDBX_Incident.*, catalogue_incident.c) whose members are alerts
 * of one account, or of one actor over several accounts. Its identity is (type, account or actor, UTC day of the
 * chain's first member), and it is said again as it grows: with each further type of alert, and at its end.
 *
 * The same rows give the same incidents whatever the order, the split and the restarts, because nothing here is
 * ever taken back. What is kept are *signals*, one per (account, type, day) and one per (actor, day), that only
 * grow: the interval widens, the severity rises, sets of texts keep their smallest. Two signals are linked when
 * their intervals come within reach of each other in the order of the chain; a wider interval keeps a link. So
 * the incident of a day either exists from some row on, or never, and its day is that of a signal, which never
 * moves. An attack that goes on over midnight is an incident of each day on which a chain begins; the later one
 * names the day before (fact `continues`).
 *
 * Signals live in the baseline: they are written in the same transaction as the alerts, bounded, and forgotten
 * when no incident can need them any more.
 *
 * Suppressed and Informational alerts are members, and one that is neither must be among them; the severity is
 * that of the gravest member which is not suppressed, raised by one step.
 * Blind: an actor is a network (/24, of IPv6 /64) or a principal; private addresses are everybody's and no actor.
 * Threads: the flow thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_INCIDENT_H
#define COSMOWATCH_INCIDENT_H

#include "alert/alert.h"

struct baseline;
struct incidents;
struct stage;
struct stage_loader;

/* Declares its memories in the baseline, which it borrows. */
MUST_CHECK int incidents_new(struct baseline *b, struct incidents **ret, struct error *err);
void incidents_free(struct incidents *x);
/* One draft, and the alert it went into. is_suppressed: the draft alone would be. */
MUST_CHECK int incidents_note(struct incidents *x, const struct alert_draft *d, const struct alert *whole,
                              bool is_suppressed, struct error *err);
/* Put the incidents that changed into the stage. watermark_ns: what was read before the drafts just noted;
 * INT64_MAX: all there is. */
MUST_CHECK int incidents_settle(struct incidents *x, struct stage *stage, int64_t watermark_ns,
                                const struct stage_loader *load, struct error *err);
/* After a failed commit, with the baseline. */
void incidents_forget(struct incidents *x);

#endif
