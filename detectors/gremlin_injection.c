/* gremlin_injection - somebody else's steps stand in an application's traversal
 *
 * Why:     the service takes traversals as texts, so joining strings is the usual way, and a value can add
 *          steps: start again from all vertices, change properties, drop the graph. Closures, classes and
 *          second statements do not run here and tell that somebody is trying.
 * Reads:   command text of CDBGremlinRequests (OBS_TEXT); there is no text unless the account logs full text.
 * Keeps:   per client the shapes and names of its texts, learned by closed slots (kit/query_history.h); per
 *          sender and ten minutes what failed (kit/query_window.h). All bounded.
 * Blind:   bindings (cannot inject); added steps that look like one more filter to a client without history.
 * Alerts:  one per client and UTC day: Medium when it ran (High when much more than usual came out, or something was dropped), Low when not.
 * Source:  Azure Cosmos DB for Apache Gremlin, supported steps (read 2026); CWE-943, ATT&CK T1190, T1485.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/injection.h"

#include "settings/option.h"

#define TYPE "CosmosDBX_GremlinInjection"

struct gremlin_injection {
    struct injection_limits limits;
};

static const struct option_spec gremlin_injection_options[] = {
    INJECTION_OPTIONS(struct gremlin_injection, limits),
    { 0 },
};

static const struct injection_kind kind = {
    .detector = "gremlin_injection", .state_version = 1, .api = API_GREMLIN, .attack_type = TYPE, .probe_type = TYPE,
    .burst_type = TYPE, .operation = "eval",
};

static int gremlin_injection_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                     struct error *err)
{
    const struct gremlin_injection *d = self;

    return injection_observe(&kind, &d->limits, obs, ctx, err);
}

static const char *const gremlin_injection_types[] = { TYPE, NULL };
static const struct baseline_memory *const gremlin_injection_memories[] = {
    &query_memory_client, &query_memory_shape, &query_memory_word, &query_memory_window, &query_memory_take, NULL };

extern const struct detector_ops detector_gremlin_injection;
const struct detector_ops detector_gremlin_injection = {
    .name = "gremlin_injection",
    .summary = "somebody else's steps stand in an application's traversal",
    .reads = OBS_TEXT, .types = gremlin_injection_types, .options = gremlin_injection_options, .size = sizeof(struct gremlin_injection),
    .memories = gremlin_injection_memories, .observe = gremlin_injection_observe,
};
