/* stage.h - drafts in, durable alerts and deliveries out: the stop between detectors and store.
 *
 * Holds the open alerts (those whose bucket may still get rows) and merges drafts into them. At the end
 * of a batch it decides what is told: a new alert at once; an update when the count passed the next power
 * of ten, when the severity rose, and once when the bucket is over. Deterministic record ids: n of
 * "<alert id>-<n>" is computed from how far the alert has come (level, severity, end), never from how
 * often it was sent.
 * Threads: the flow thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_STAGE_H
#define COSMOWATCH_STAGE_H

#include "alert/alert.h"

struct stage;

struct stage *stage_new(int64_t horizon_ns);
void stage_free(struct stage *s);
void stage_freep(struct stage **s);
/* Merge one draft (drafts may stand for alerts the stage does not hold: ask `load`, which gives the
 * stored alert of that id or NULL). */
struct stage_loader {
    void *self;
    int (*load)(void *self, const char *id, struct alert **ret /* NULL: none */, struct error *err);
};
MUST_CHECK int stage_emit(struct stage *s, const struct alert_draft *d, const struct stage_loader *load,
                          struct error *err);
/* As stage_emit(), but the draft is the whole alert: what was there before is replaced by it. For incidents, which
 * are computed anew from what they are made of; one that did not change is not touched. */
MUST_CHECK int stage_put(struct stage *s, const struct alert_draft *d, const struct stage_loader *load,
                         struct error *err);
/* Rules of suppression, borrowed; NULL: none. An alert is suppressed as long as each of its drafts is, each judged
 * alone: so the order of drafts plays no part, and a rule for one address does not hide another one. A suppressed
 * alert is held and stored as any other and not told; once a draft is not covered it is told. */
struct suppress;
void stage_set_suppress(struct stage *s, const struct suppress *rules);
const struct suppress *stage_suppress(const struct stage *s);
/* What is known of accounts is added to every alert about them; borrowed, NULL: nothing. */
struct accounts;
void stage_set_accounts(struct stage *s, const struct accounts *accounts);
/* Called with each draft of stage_emit() and the alert it went into; is_suppressed: the draft alone would be. */
void stage_watch(struct stage *s, int (*fn)(void *self, const struct alert_draft *d, const struct alert *whole,
                                            bool is_suppressed, struct error *err), void *self);
/* Take an alert that is open in the store (start, reload). */
MUST_CHECK int stage_adopt(struct stage *s, struct alert *a /* taken over */, struct error *err);
/* For each alert touched since the last call or over by now: fn(alert, is_told). is_told: the alert's
 * record id is new and it should go to the outputs. watermark_ns: event time before which no row is
 * expected any more minus nothing (the horizon is subtracted here); INT64_MAX ends every bucket. */
MUST_CHECK int stage_settle(struct stage *s, int64_t watermark_ns,
                            int (*fn)(void *self, const struct alert *a, bool is_told, struct error *err),
                            void *self, struct error *err);
/* After the commit: forget what is over. After a failed one: stage_forget() and adopt again. */
void stage_commit(struct stage *s);
void stage_forget(struct stage *s);
size_t stage_len(const struct stage *s);
/* Every alert held, in (first_ns, id) order: for replay. */
MUST_CHECK int stage_each(struct stage *s, int (*fn)(void *self, const struct alert *a, struct error *err),
                          void *self, struct error *err);

#endif
