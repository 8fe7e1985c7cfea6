/* backfill.h - alerts that were raised before an output was there, offered to it after all.
 *
 * Asked for by the output's option `backfill: 7d` (once, when an agent first runs with it) or by
 * `cosmowatch outputs backfill NAME --since WHEN`. What is asked is durable and carried out by the running agent in
 * small steps between windows, or at its next start. An alert goes as it stands now, under the record id it was last
 * told with, if the output's route wants it; an output that has had that record already does not get it again.
 * Suppressed alerts stay untold. A kill on the way costs nothing: what was asked still stands, and starts over.
 * Threads: the flow thread; backfill_ask from any process that may write the store.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BACKFILL_H
#define COSMOWATCH_BACKFILL_H

#include "base/error.h"
#include "base/services.h"

struct backfill;
struct delivery_output_config;
struct route;
struct store;

struct backfill_config { /* arrays are borrowed */
    const struct services *sv;
    struct store *store;
    const struct delivery_output_config *outputs;
    struct route *const *routes; /* as many */
    size_t outputs_len;
};

MUST_CHECK int backfill_new(const struct backfill_config *cfg, struct backfill **ret, struct error *err);
void backfill_free(struct backfill *b);
/* See what was asked for since. Cheap. */
void backfill_look(struct backfill *b);
/* One step, at most a few hundred alerts. True: deliveries were added. Failures are logged and tried again. */
bool backfill_step(struct backfill *b);
bool backfill_is_idle(const struct backfill *b);

/* Durable on return. since_ns: last time of the alert. The earlier one counts when two wait. */
MUST_CHECK int backfill_ask(struct store *s, const char *output, int64_t since_ns, struct error *err);
struct backfill_state { bool is_waiting; int64_t since_ns, alerts, done_ns; /* of the last one; done_ns 0: never */ };
MUST_CHECK int backfill_get(struct store *s, const char *output, struct backfill_state *ret, struct error *err);

#endif
