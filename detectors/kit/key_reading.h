/* key_reading.h - who read keys of an account, kept for as long as a use may follow.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KEY_READING_H
#define COSMOWATCH_KEY_READING_H

#include "detectors/detector.h"
#include "detectors/kit/few.h"
#include "detectors/kit/key_event.h"
#include "enrich/caller.h"

#define KEY_READINGS_MAX 24 /* readers of an account in a slot; those without the habit go first, others are left out */

struct key_reading {
    char caller[CALLER_MAX], address[FEW_TEXT], app[FEW_TEXT];
    int64_t first_ns, last_ns;
    uint8_t is_readonly, is_habitual, is_person, has_network, is_v4, bucket /* key_use_bucket() */, padding[2];
};

struct key_readings { /* of an account in a slot */
    uint32_t len, unused;
    struct key_reading each[KEY_READINGS_MAX];
};

extern const struct baseline_memory key_readings_memory;

struct key_reading key_reading_of(const struct key_event *e, const struct key_usual *usual, const struct enrich *enrich);
/* The reader's entry of the slot, with this reading in it; NULL: no room. */
const struct key_reading *key_reading_keep(const struct observation *obs, const struct key_reading *r, int32_t slot,
                                           const struct detector_context *ctx);
/* All of a slot; NULL: none. */
const struct key_readings *key_readings_of(const struct detector_context *ctx, struct slice account, int32_t slot);

#endif
