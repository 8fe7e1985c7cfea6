/* habit.c - see habit.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/habit.h"

#include "base/buf.h"
#include "baseline/slots.h"
#include "detectors/kit/slots.h"

static void fold(struct habit_learned *l, uint32_t hours, int32_t slot, int32_t span_days)
{
    if (!hours)
        return;
    if (l->last == SLOT_NEVER || slots_day(slot) - slots_day(l->last) > span_days)
        *l = (struct habit_learned){ .first = slot, .last_day = -1 };
    if (slots_day(slot) != l->last_day)
        l->days++;
    l->last = slot;
    l->last_day = slots_day(slot);
    l->hours |= hours;
}

static void fold_usual(void *learned, const void *open, int32_t slot)
{
    fold(learned, *(const uint32_t *)open, slot, HABIT_DAYS);
}

static void fold_long(void *learned, const void *open, int32_t slot)
{
    fold(learned, *(const uint32_t *)open, slot, HABIT_LONG_DAYS);
}

static const struct slots_kind usual_kind = { .learned_size = sizeof(struct habit_learned),
                                              .open_size = sizeof(uint32_t), .fold = fold_usual };
static const struct slots_kind long_kind = { .learned_size = sizeof(struct habit_learned),
                                             .open_size = sizeof(uint32_t), .fold = fold_long };

static uint32_t hour_bit(int64_t time_ns)
{
    return 1u << (time_ns < 0 ? 0 : time_ns / NS_PER_HOUR % 24);
}

static void view(const struct habit_learned *l, int32_t slot, int32_t span_days, struct habit_view *ret)
{
    *ret = (struct habit_view){ .is_known = false };
    if (l->last == SLOT_NEVER || slots_day(slot) - slots_day(l->last) > span_days)
        return;
    *ret = (struct habit_view){ .is_known = true, .days = l->days, .hours = l->hours,
                                .age_days = slots_day(slot) - slots_day(l->first),
                                .idle_days = slots_day(slot) - slots_day(l->last) };
}

static void note(struct baseline *b, const struct baseline_memory *m, struct slice account, struct slice key,
                 struct slice label, int64_t time_ns, const struct slots_kind *k, struct habit_view *ret)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(time_ns, len);
    int32_t span = k == &usual_kind ? HABIT_DAYS : HABIT_LONG_DAYS;
    struct habit_view unused;
    struct habit *h;
    enum slot_age age;
    uint32_t *open;

    if (!ret)
        ret = &unused;
    *ret = (struct habit_view){ .is_known = false };
    h = baseline_put(b, m, account, key, label, time_ns, NULL);
    if (!h)
        return;
    age = slots_enter(&h->newest, slot, len, k, h->learned, h->open);
    view(slots_learned(k, h->learned, age), slot, span, ret);
    open = slots_open(k, h->open, age);
    if (open)
        *open |= hour_bit(time_ns);
}

void habit_note(struct baseline *b, const struct baseline_memory *m, struct slice account, struct slice key,
                struct slice label, int64_t time_ns, struct habit_view *ret)
{
    note(b, m, account, key, label, time_ns, &usual_kind, ret);
}

void habit_note_long(struct baseline *b, const struct baseline_memory *m, struct slice account, struct slice key,
                     struct slice label, int64_t time_ns, struct habit_view *ret)
{
    note(b, m, account, key, label, time_ns, &long_kind, ret);
}

static void look(struct baseline *b, const struct habit *known, int64_t time_ns, const struct slots_kind *k,
                 struct habit_view *ret)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(time_ns, len);
    struct habit h;
    enum slot_age age;

    *ret = (struct habit_view){ .is_known = false };
    if (!known)
        return;
    h = *known; /* time goes on in a copy: whoever looks changes nothing */
    age = slots_enter(&h.newest, slot, len, k, h.learned, h.open);
    view(slots_learned(k, h.learned, age), slot, k == &usual_kind ? HABIT_DAYS : HABIT_LONG_DAYS, ret);
}

void habit_look(struct baseline *b, const struct baseline_memory *m, struct slice account, struct slice key,
                int64_t time_ns, struct habit_view *ret)
{
    look(b, baseline_get(b, m, account, key), time_ns, &usual_kind, ret);
}

void habit_look_long(struct baseline *b, const struct baseline_memory *m, struct slice account, struct slice key,
                     int64_t time_ns, struct habit_view *ret)
{
    look(b, baseline_get(b, m, account, key), time_ns, &long_kind, ret);
}

bool habit_is_noted(struct baseline *b, const struct baseline_memory *m, struct slice account, struct slice key,
                    int64_t time_ns, struct habit_view *ret)
{
    const struct habit *h = baseline_get(b, m, account, key);

    if (!h || h->newest != slots_of(time_ns, slots_len(baseline_cfg(b))) || !(h->open[0] & hour_bit(time_ns)))
        return false;
    look(b, h, time_ns, &usual_kind, ret);
    return true;
}

struct slice habit_key(char kind, struct slice name, char *room, size_t size)
{
    name = slice_cut(name, size - 1);
    room[0] = kind;
    if (name.len)
        memcpy(room + 1, name.at, name.len);
    return slice_make(room, name.len + 1);
}

void habit_describe(const void *value, struct buf *out)
{
    const struct habit *h = value;
    const struct habit_learned *l = &h->learned[0];

    if (l->last == SLOT_NEVER)
        buf_add_str(out, "seen, not learned yet");
    else
        buf_addf(out, "seen on %u days in %d", l->days, (int)(slots_day(l->last) - slots_day(l->first) + 1));
}

void habit_confirm(void *value, int32_t slot)
{
    struct habit *h = value;
    int32_t since = slot - 14 * 24;

    for (size_t i = 0; i < ARRAY_LEN(h->learned); i++) {
        struct habit_learned *l = &h->learned[i];

        if (l->last == SLOT_NEVER || l->first > since)
            l->first = since > SLOT_NEVER ? since : 1;
        l->last = l->last > slot ? l->last : slot;
        l->last_day = slots_day(l->last);
        l->days = l->days > 14 ? l->days : 14;
        l->hours |= h->open[0] | h->open[1];
    }
}
