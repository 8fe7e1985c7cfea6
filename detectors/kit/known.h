/* known.h - since when something was seen: an address of an account, a reader of a container.
 *
 * "Known" is what closed slots say (baseline/slots.h), so it does not depend on the order of rows. Writing the
 * same thing down twice changes nothing, so several detectors may share a memory of it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_KNOWN_H
#define COSMOWATCH_KIT_KNOWN_H

#include "baseline/baseline.h"

struct known { /* the struct of such a memory */
    int32_t newest;
    int32_t first; /* first slot it was seen in */
};

struct known_ask {
    struct baseline *baseline;
    const struct baseline_memory *memory;
    struct slice account, key, label;
    int64_t time_ns;
    int32_t len_hours; /* of a slot: slots_len(), or 24 for what is judged by the day */
};

/* See it now. Days since it was first seen when closed slots knew it (0: the day before yesterday's child),
 * -1 when they did not or without memory. */
int64_t known_touch(const struct known_ask *k);

void known_confirm(void *value, int32_t slot); /* for baseline_memory.confirm */

#endif
