/* flow.h - the running agent: source workers read windows, the flow thread judges and commits them, the
 * outputs' workers deliver. See flow.c, which a newcomer reads first.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FLOW_H
#define COSMOWATCH_FLOW_H

#include "base/services.h"
#include "delivery/delivery.h"
#include "engine.h"
#include "store/store.h"
#include "worker.h"

struct certificates; /* certificates.h */
struct feeder; /* feeder.h */
struct route;  /* delivery/route.h */

struct flow_config {
    const struct services *sv;
    struct http_client *source_http; /* of the sources, so that the end does not wait for a query under way; NULL: none */
    struct store *store;
    struct engine *engine;
    struct delivery *delivery;
    struct feeder *feeder;          /* NULL: no feeds */
    struct certificates *certificates; /* watched, and told in the status; NULL: none */
    const struct worker_source *sources;
    size_t sources_len;
    const struct delivery_output_config *outputs;
    struct route *const *routes;    /* which alerts each of them gets */
    size_t outputs_len;
    int64_t horizon_ns;
    int64_t retention_ns;           /* alerts kept */
    bool until_caught_up;           /* end when every source has read up to now (tests, demo) */
};

struct flow;

MUST_CHECK int flow_new(const struct flow_config *cfg, struct flow **ret, struct error *err);
void flow_free(struct flow *f);
/* Runs until flow_stop() (or caught up). 0: ended as asked. Calls on_ready once when the first loop
 * starts; may be NULL. */
MUST_CHECK int flow_run(struct flow *f, void (*on_progress)(void *self), void *self, struct error *err);
/* Leave the last word for `cosmowatch status` (flow_run does it too; again after the outputs ended). */
void flow_say_status(struct flow *f);
/* Async-signal-safe. */
void flow_stop(struct flow *f);

#endif
