/* mongo_injection - an operator, code or a stage stands in a command where an application sends a value
 *
 * Why:     a web framework that turns password[$ne]=x into an object hands it to the driver as a filter: the
 *          login works without a password. Script operators are hardly supported here, so an attempt is
 *          telling; patterns read a secret letter by letter; stages reach other collections.
 * Reads:   command text of CDBMongoRequests (OBS_TEXT); there is no text unless the account logs full text.
 * Keeps:   per client how each field is compared (with a value, under which operator), its shapes and stages,
 *          learned by closed slots (kit/query_history.h); per sender and ten minutes the distinct guesses
 *          about one field (kit/query_window.h). All bounded.
 * Blind:   {"$exists": true} or {"$ne": null} on an ordinary field of a client without history: everyday.
 * Alerts:  one per client, type and UTC day: Low when refused; High when code ran or much more came out.
 * Source:  OWASP testing guide (NoSQL injection); MongoDB manual, query operators (read 2026); CWE-943, ATT&CK
 *          T1190.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/injection.h"

#include "detectors/kit/mongo_case.h"
#include "settings/option.h"

struct mongo_injection {
    struct injection_limits limits;
};

static const struct option_spec mongo_injection_options[] = {
    INJECTION_OPTIONS(struct mongo_injection, limits),
    { 0 },
};

static const struct injection_kind kind = {
    .detector = "mongo_injection", .state_version = 1, .api = API_MONGODB, .attack_type = MONGO_TYPE_OPERATOR,
    .probe_type = MONGO_TYPE_OPERATOR, .burst_type = MONGO_TYPE_OPERATOR, .operation = "find",
};

static int mongo_injection_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                   struct error *err)
{
    const struct mongo_injection *d = self;

    return injection_observe(&kind, &d->limits, obs, ctx, err);
}

static const char *const mongo_injection_types[] = { MONGO_TYPE_OPERATOR, MONGO_TYPE_SCRIPT, MONGO_TYPE_REGEX,
                                                     MONGO_TYPE_PIPELINE, NULL };
static const struct baseline_memory *const mongo_injection_memories[] = {
    &query_memory_client, &query_memory_shape, &query_memory_word, &query_memory_window, &query_memory_take, NULL };

extern const struct detector_ops detector_mongo_injection;
const struct detector_ops detector_mongo_injection = {
    .name = "mongo_injection",
    .summary = "an operator, code or a stage stands in a command where an application sends a value",
    .reads = OBS_TEXT, .types = mongo_injection_types, .options = mongo_injection_options,
    .size = sizeof(struct mongo_injection), .memories = mongo_injection_memories,
    .observe = mongo_injection_observe,
};
