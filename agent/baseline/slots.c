/* slots.c - see slots.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "baseline/slots.h"

#include "baseline/baseline.h"

/* Slot names start a day before 1970, so that the first hour of 1970 is not 0 = never. A whole day,
 * because every slot length divides one. */
#define EPOCH_SHIFT_HOURS 24

int32_t slots_len(const struct baseline_config *cfg)
{
    int64_t hours = cfg->horizon_ns / NS_PER_HOUR;

    return hours < 1 ? 1 : hours > 24 ? 24 : (int32_t)hours;
}

int32_t slots_of(int64_t time_ns, int32_t len_hours)
{
    int64_t hour = time_ns < 0 ? 0 : time_ns / NS_PER_HOUR; /* no Cosmos DB row is from before 1970 */

    return (int32_t)(hour - hour % len_hours) + EPOCH_SHIFT_HOURS;
}

int64_t slots_start_ns(int32_t slot)
{
    return ((int64_t)slot - EPOCH_SHIFT_HOURS) * NS_PER_HOUR;
}

int32_t slots_day(int32_t slot)
{
    return (slot - EPOCH_SHIFT_HOURS) / 24;
}

enum slot_age slots_advance(int32_t *newest, int32_t slot, int32_t len_hours,
                            void (*step)(void *self, int32_t closed, int32_t next), void *self)
{
    if (*newest == SLOT_NEVER)
        *newest = slot;
    for (int done = 0; *newest < slot; done++) {
        int32_t next = done == 2 ? slot : *newest + len_hours;

        if (next > slot) /* kept under another slot length */
            next = slot;
        step(self, *newest - len_hours, next);
        *newest = next;
    }
    if (slot == *newest)
        return SLOT_NOW;
    return slot >= *newest - len_hours ? SLOT_BEFORE : SLOT_LATE;
}
