/* status.h - what the running agent says of itself, as one JSON text: left in the store for
 * `cosmowatch status`, served by the console.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_STATUS_H
#define COSMOWATCH_STATUS_H

#include "base/buf.h"
#include "base/services.h"

struct error;
struct json_object;
struct store;
struct engine;
struct delivery;
struct feeder;
struct certificates;

struct source_status {
    const char *name, *type, *state; /* "starting" "reading" "up to date" "failing" "paused" */
    char reason[240];
    bool is_caught_up, is_backfilling;
    int history_percent;     /* while is_backfilling: how much of the history was read */
    int64_t read_to_ns;      /* ingestion time up to which everything was read */
    int64_t last_success_ns; /* wall */
    int64_t broken_since_ms; /* monotonic; 0: works */
    int64_t skew_ns;         /* server's clock minus ours */
    int64_t windows, queries, rows, late_rows, bad_rows;
};

struct status_parts {
    const struct services *sv;
    struct store *store;
    struct engine *engine;
    struct delivery *delivery;
    struct feeder *feeder;             /* may be NULL */
    struct certificates *certificates; /* may be NULL */
    const struct source_status *sources;
    size_t sources_len;
};

#define STATUS_MAX_BYTES (8u << 20)

void status_build(struct buf *out, const struct status_parts *p);

/* What the agent left last: its text (empty: none was left yet), and the caller's object, NULL when that is no JSON. -1 where
 * it could not be read, as for want of memory: that is not the same as no news of the agent. */
MUST_CHECK int status_read(struct store *store, struct buf *text, struct json_object **ret, struct error *err);

/* What a state of a source or an output means: works; waits and goes on by itself, so that nothing comes for now; needs
 * somebody. */
enum status_grade { STATUS_GOOD, STATUS_SLOW, STATUS_BAD };
enum status_grade status_grade(const char *state);

/* What both the console and the terminal say of a source and an output of that JSON, without name and state:
 * "3m behind, 41,587 rows, 2 late", "16 accepted, 2 pending, 0 parked, last accepted 3m ago". */
void status_add_source_words(struct buf *out, struct json_object *source);
void status_add_output_words(struct buf *out, struct json_object *output, int64_t now_ns);

#endif
