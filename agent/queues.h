/* queues.h - what the queues of outputs need beside delivering: bounds, outputs that left the configuration, and
 * what the operator dropped.
 *
 * An output with `queue: n` has room for n waiting alerts. Above it `on_full: hold` stops reading until it has caught
 * up, `park` sets its oldest aside. An output that is no longer configured but owes alerts is said once at start and
 * in `status`; its rows wait until it is configured again or `cosmowatch outputs drop NAME` gives them up.
 * Threads: the flow thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_QUEUES_H
#define COSMOWATCH_QUEUES_H

#include "base/error.h"
#include "base/services.h"

struct delivery_output_config;
struct queues;
struct store;

struct queues_config { /* the array is borrowed */
    const struct services *sv;
    struct store *store;
    const struct delivery_output_config *outputs;
    size_t outputs_len;
};

MUST_CHECK int queues_new(const struct queues_config *cfg, struct queues **ret, struct error *err);
void queues_free(struct queues *q);
/* Park what is too much, within the caller's transaction if there is one. */
MUST_CHECK int queues_bound(struct queues *q, struct error *err);
/* Say what changed: outputs that left (the first time), alerts dropped by the operator. */
void queues_look(struct queues *q);
/* An output whose queue is full and that asks to wait for it, or NULL. */
const char *queues_full(struct queues *q);

#endif
