/* unnamed.h - deletions that the control-plane table has, until the activity log says who did them, or had its time to.
 *
 * The two logs come in any order. A deletion waits as long as a row may be late (the horizon); one that the activity log
 * names meanwhile, by the same resource about the same hour, is that one's.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_UNNAMED_H
#define COSMOWATCH_KIT_UNNAMED_H

#include "detectors/kit/deletion.h"

#define UNNAMED_ID_MAX 256

/* Among the detector's memories; of the second what is older than a row may be is forgotten with key_sweep(). */
extern const struct baseline_memory unnamed_waiting_memory, unnamed_known_memory;

struct unnamed {
    int64_t ns, first_ns, last_ns;
    char id[UNNAMED_ID_MAX], account[64];
};

/* At most 48 wait: those beyond are left out, for so many are told anyway. */
void unnamed_wait(struct baseline *b, const struct observation *obs, const struct deletion *del);
/* The activity log has it. */
void unnamed_is_named(struct baseline *b, struct slice id, int64_t ns);
/* Take out the next one that nobody named in time; false: there is none yet. A replay has no watermark: there rows come in
 * order of time, and `row_ns`, of the row at hand, says how far it is. */
bool unnamed_next(const struct detector_context *ctx, int64_t row_ns, struct unnamed *ret);

#endif
