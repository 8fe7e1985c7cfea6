/* feeder.h - keeps the feeds of `feeds:` fresh: a worker that reads files, asks URLs (ETag) and the
 * workspace, parses, and hands finished tables to the flow thread between two batches. What was parsed is
 * kept in the store, so that a restart without network is not blind.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FEEDER_H
#define COSMOWATCH_FEEDER_H

#include "base/error.h"
#include "base/services.h"

struct enrich;
struct engine;
struct feeder;
struct json_object;
struct store;
struct settings;

MUST_CHECK int feeder_new(const struct settings *cfg, const struct services *sv, struct enrich *enrich,
                          struct feeder **ret, struct error *err);
void feeder_free(struct feeder *f);
/* Load what the store kept, then try every feed once, in the caller's thread: so that nothing is judged
 * with a feed that could have been there. A feed that fails is said and tried again later. */
MUST_CHECK int feeder_first(struct feeder *f, struct store *store, struct error *err);
/* Files and inline networks only, no store: for replay. */
MUST_CHECK int feeder_files(struct feeder *f, struct error *err);
MUST_CHECK int feeder_start(struct feeder *f, struct error *err); /* the refreshing thread */
void feeder_stop(struct feeder *f);
/* Between batches, on the flow thread: put finished tables in place and keep them in the store. */
void feeder_swap(struct feeder *f, struct engine *e, struct store *store);
struct json_object *feeder_status(struct feeder *f);

#endif
