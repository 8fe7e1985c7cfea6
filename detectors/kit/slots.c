/* slots.c - see slots.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/slots.h"

#include <string.h>

struct shift {
    const struct slots_kind *kind;
    char *learned, *open;
};

static void shift_step(void *self, int32_t closed, int32_t next)
{
    const struct shift *s = self;
    const struct slots_kind *k = s->kind;

    (void)next;
    memcpy(s->learned + k->learned_size, s->learned, k->learned_size);
    k->fold(s->learned, s->open + k->open_size, closed);
    memcpy(s->open + k->open_size, s->open, k->open_size);
    memset(s->open, 0, k->open_size);
}

enum slot_age slots_enter(int32_t *newest, int32_t slot, int32_t len_hours, const struct slots_kind *k,
                          void *learned, void *open)
{
    struct shift s = { .kind = k, .learned = learned, .open = open };

    return slots_advance(newest, slot, len_hours, shift_step, &s);
}

const void *slots_learned(const struct slots_kind *k, const void *learned, enum slot_age age)
{
    return (const char *)learned + (age == SLOT_NOW ? 0 : k->learned_size);
}

void *slots_open(const struct slots_kind *k, void *open, enum slot_age age)
{
    return age == SLOT_LATE ? NULL : (char *)open + (age == SLOT_NOW ? 0 : k->open_size);
}
