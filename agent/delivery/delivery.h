/* delivery.h - one worker per output: take, encode, hand over, settle; retry, hold, park.
 *
 * The only place that decides what a verdict means: ACCEPTED settles; RETRY waits with full jitter, never
 * earlier than asked; HOLD keeps order, says it once and tries slowly; REFUSED parks with the reason and
 * the bytes; ERR_LIMIT of a batch halves it (a lone alert that still does not fit is parked); a batch
 * refused as a whole (400) is bisected until the guilty are alone. An output that is dead, slow or hostile
 * delays no other. One log line when an output breaks, at growing intervals while it stays so, one when
 * it heals.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_DELIVERY_H
#define COSMOWATCH_DELIVERY_H

#include "base/services.h"
#include "outputs/output.h"

struct store;
struct delivery;

struct delivery_output_config {
    const char *name;                 /* of the configured output */
    const struct output_ops *ops;
    void *self;                       /* options filled in; opened by the worker; not freed here */
    const struct encoder *encoder;
    int64_t max_per_second;           /* alerts handed over; 0: no limit */
    int64_t queue_max;                /* alerts that may wait; 0: no bound of its own (queues.h) */
    bool parks_when_full;             /* else reading waits */
    int64_t backfill_ms;              /* age of alerts a new output still gets (backfill.h) */
};

MUST_CHECK int delivery_new(struct store *store, const struct services *sv,
                            const struct delivery_output_config *outputs, size_t n,
                            struct delivery **ret, struct error *err); /* copies the array */
MUST_CHECK int delivery_start(struct delivery *d, struct error *err);  /* threads */
void delivery_wake(struct delivery *d);           /* new rows may be there; any thread */
/* Try to finish what is pending for up to grace_ms, then stop the workers (in-flight calls are
 * cancelled through the http client by the caller). */
void delivery_stop(struct delivery *d, int64_t grace_ms);
void delivery_free(struct delivery *d);

struct delivery_status {
    const char *name, *type, *format;
    enum { DELIVERY_IDLE, DELIVERY_WORKING, DELIVERY_WAITING, DELIVERY_HELD } state;
    int64_t accepted, parked, dropped, retried, pending;
    int64_t last_accepted_ns; /* wall */
    int64_t broken_since_ms;  /* monotonic; 0: works */
    char reason[200];         /* of the trouble, "" when none */
};
size_t delivery_get_status(struct delivery *d, struct delivery_status *ret, size_t max);

#endif
