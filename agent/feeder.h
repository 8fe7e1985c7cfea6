/* feeder.h - keeps the feeds of `feeds:` fresh: a worker that reads files, asks URLs (ETag) and the
 * workspace, parses, and hands finished tables to the flow thread between two batches. What was parsed is
 * kept in the store, so that a restart without network is not blind.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FEEDER_H
#define COSMOWATCH_FEEDER_H

#include "base/error.h"
#include "base/services.h"
#include "settings/option.h"
#include "source/source.h"

struct engine;
struct enrich;
struct feeder;
struct json_object;
struct store;

#define FEEDER_AZURE "azure_service_tags" /* one at most; tells who is where, not who is bad */
/* `type:` of a feed: name, one line for people. Same options for all (feeder_options). */
struct feeder_type { const char *name, *summary; };
extern const struct feeder_type feeder_types[];          /* ended by a NULL name */
extern const struct option_spec feeder_options[];

struct feeder_settings { /* filled from feeder_options */
    char *path, *url, *source, *columns;
    int format, category;
    int64_t confidence, refresh_ms;
};

struct feeder_feed {
    const char *name, *type;
    const struct feeder_settings *settings; /* borrowed */
};

struct feeder_source { /* where `type: workspace` feeds ask */
    const char *name;
    const struct source_ops *ops;
    void *self;
};

struct feeder_config {
    const struct services *sv;   /* http may be NULL when no feed has a url */
    struct enrich *enrich;
    const char *config_dir;      /* relative paths are tried here when they are not where we stand */
    const struct feeder_feed *feeds;
    size_t feeds_len;
    const struct feeder_source *sources;
    size_t sources_len;
};

MUST_CHECK int feeder_new(const struct feeder_config *cfg, struct feeder **ret, struct error *err);
void feeder_free(struct feeder *f); /* stops the thread */
/* What the store kept (NULL: nothing), then every feed once, in the caller's thread. A feed that fails is said and tried
 * again later; with `is_strict` (check) it is an error. */
MUST_CHECK int feeder_first(struct feeder *f, struct store *store, bool is_strict, struct error *err);
/* Only the feeds that are files, no network; one that cannot be read is an error: for replay. */
MUST_CHECK int feeder_files(struct feeder *f, struct error *err);
/* The start of the agent: what the store kept, then the refreshing thread. Waits until each feed was asked once, so that
 * nothing is judged without a list that could have been there; but not for one that does not answer: not longer than
 * wait_ms, nor when `is_enough`. */
MUST_CHECK int feeder_begin(struct feeder *f, struct store *store, int64_t wait_ms, bool (*is_enough)(void), struct error *err);
/* Between batches, on the flow thread: put finished tables in place and keep them in the store. */
void feeder_swap(struct feeder *f, struct store *store);
/* An array of {name, type, entries, refreshedAt, reason}; the caller's. */
struct json_object *feeder_status(struct feeder *f);
/* "path", or config_dir/path when only that exists. */
void feeder_add_path(struct buf *out, const char *config_dir, const char *path);

#endif
