/* unnamed.h - deletions that the control-plane table has, until the activity log says who did them, or had its time to.
 *
 * The two logs come in any order. A deletion waits as long as a row may be late (the horizon); one that the activity log
 * names meanwhile, by the same resource about the same hour, is that one's.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_UNNAMED_H
#define COSMOWATCH_KIT_UNNAMED_H

#include "detectors/kit/deletion.h"

/* Among the detector's memories; of the last what is older than a row may be is forgotten with key_sweep(). */
extern const struct baseline_memory unnamed_waiting_memory, unnamed_queue_memory, unnamed_known_memory;

struct unnamed { /* plain data */
    int64_t ns, first_ns, last_ns;
    char id[DELETION_ID_MAX], account[64];
};

/* False: 4,096 wait already; tell this one now. */
bool unnamed_wait(struct baseline *b, const struct observation *obs, const struct deletion *del);
/* The activity log has it. */
void unnamed_is_named(struct baseline *b, struct slice id, int64_t ns);
/* Take out those that nobody named in time, by time and id; fn returns -1 to stop, and the window is read again. A replay has
 * no watermark: there rows come in order of time, and `row_ns`, of the row at hand, says how far it is. */
typedef int (*unnamed_fn)(void *self, const struct unnamed *u, const struct detector_context *ctx, struct error *err);
MUST_CHECK int unnamed_settle(const struct detector_context *ctx, int64_t row_ns, unnamed_fn fn, void *self, struct error *err);

#endif
