/* known.c - see known.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/known.h"

#include "baseline/slots.h"

static void nothing_to_fold(void *self, int32_t closed, int32_t next)
{
    (void)self;
    (void)closed;
    (void)next;
}

static int64_t days_known(int32_t first, int32_t slot, int32_t len_hours)
{
    return first <= slot - 2 * len_hours ? slots_day(slot) - slots_day(first) : -1;
}

int64_t known_touch(const struct known_ask *k)
{
    int32_t slot = slots_of(k->time_ns, k->len_hours);
    const struct known *seen = baseline_get(k->baseline, k->memory, k->account, k->key);
    struct known *st;
    bool is_new = false;

    /* Most are as they were left: a look is cheaper than a write. */
    if (seen && seen->newest >= slot && seen->first <= slot)
        return days_known(seen->first, slot, k->len_hours);
    st = baseline_put(k->baseline, k->memory, k->account, k->key, k->label, k->time_ns, &is_new);
    if (!st)
        return -1;
    if (is_new)
        st->first = slot;
    if (slots_advance(&st->newest, slot, k->len_hours, nothing_to_fold, NULL) != SLOT_LATE && slot < st->first)
        st->first = slot;
    return days_known(st->first, slot, k->len_hours);
}

void known_confirm(void *value, int32_t slot)
{
    struct known *k = value;
    int32_t since = slot - 14 * 24; /* hours */

    if (k->first > since)
        k->first = since > SLOT_NEVER ? since : SLOT_NEVER + 1;
}
