/* slots.h - two-version learning for a detector's struct. Read agent/baseline/slots.h first: it says why.
 *
 * For state that is small enough to keep twice. The detector's baseline struct holds
 *
 *     struct seen_shapes {                        struct baseline_memory .size = sizeof(struct ...)
 *         int32_t newest;                         slots_enter() keeps it
 *         struct shapes_learned learned[2];       [0] judges the newest slot, [1] the one before
 *         struct shapes_open open[2];             [0] sums of the newest slot, [1] of the one before
 *     };
 *
 * and per observation:
 *
 *     enum slot_age age = slots_enter(&st->newest, slots_of(obs->minute_ns, len), len,
 *                                     &shapes_slots, st->learned, st->open);
 *     const struct shapes_learned *known = slots_learned(&shapes_slots, st->learned, age);
 *     struct shapes_open *sums = slots_open(&shapes_slots, st->open, age);     NULL when late
 *
 * State too big to keep twice keeps one version and what the last closed slot adds to it, and calls
 * slots_advance() itself (volume.c does).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_SLOTS_H
#define COSMOWATCH_KIT_SLOTS_H

#include "baseline/slots.h"

struct slots_kind {
    size_t learned_size, open_size; /* of one version, of one slot's sums */
    /* Add what a closed slot saw to what was learned. Called in ascending order of `slot`, also with
     * all-zero sums (a slot in which the key was not seen), so it must be able to add nothing. */
    void (*fold)(void *learned, const void *open, int32_t slot);
};

/* Shift learned[2] and open[2] as far as the row's slot asks for, and say where the row belongs. */
enum slot_age slots_enter(int32_t *newest, int32_t slot, int32_t len_hours, const struct slots_kind *k,
                          void *learned, void *open);
const void *slots_learned(const struct slots_kind *k, const void *learned, enum slot_age age);
void *slots_open(const struct slots_kind *k, void *open, enum slot_age age); /* NULL: SLOT_LATE */

#endif
