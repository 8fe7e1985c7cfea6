/* table_injection - somebody else's text stands in an application's $filter
 *
 * Why:     a $filter joined from strings lets users add conditions: an alternative that is always true gives
 *          every entity of the table. Other dialects' texts do not parse and tell that somebody is trying.
 * Reads:   text of CDBTableApiRequests (OBS_TEXT); there is no text unless the account logs full text.
 * Keeps:   per client the shapes and names of its texts, learned by closed slots (kit/query_history.h); per
 *          sender and ten minutes what failed (kit/query_window.h). All bounded.
 * Blind:   $select and $top, which the log does not hold; a condition that narrows.
 * Alerts:  one per client and UTC day: Medium when it ran (High when much more than usual came out), Low when not.
 * Source:  Azure Tables, "Querying tables and entities" (read 2026); CWE-943, ATT&CK T1190.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/injection.h"

#include "settings/option.h"

#define TYPE "CosmosDBX_TableInjection.ODataFilter"

struct table_injection {
    struct injection_limits limits;
};

static const struct option_spec table_injection_options[] = {
    INJECTION_OPTIONS(struct table_injection, limits),
    { 0 },
};

static const struct injection_kind kind = {
    .detector = "table_injection", .state_version = 1, .api = API_TABLE, .attack_type = TYPE, .probe_type = TYPE,
    .burst_type = TYPE, .operation = "QueryEntities",
};

static int table_injection_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                   struct error *err)
{
    const struct table_injection *d = self;

    return injection_observe(&kind, &d->limits, obs, ctx, err);
}

static const char *const table_injection_types[] = { TYPE, NULL };
static const struct baseline_memory *const table_injection_memories[] = {
    &query_memory_client, &query_memory_shape, &query_memory_word, &query_memory_window, &query_memory_take, NULL };

extern const struct detector_ops detector_table_injection;
const struct detector_ops detector_table_injection = {
    .name = "table_injection",
    .summary = "somebody else's text stands in an application's $filter",
    .reads = OBS_TEXT, .types = table_injection_types, .options = table_injection_options, .size = sizeof(struct table_injection),
    .memories = table_injection_memories, .observe = table_injection_observe,
};
