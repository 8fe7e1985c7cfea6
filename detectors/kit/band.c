/* band.c - see band.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/band.h"

#include "detectors/kit/scale.h"

#include <string.h>

#define FIRST_LEVEL (14 * 4)  /* 16 KiB */
#define FADE_DAYS 30
#define PEAK_DAYS 60
#define PEAK_NEAR 2           /* quarter octaves: a third less is the same volume come back */
#define SPREAD_MIN_Q8 128     /* half an octave, one bin: finer than that we do not know */

static uint8_t level_of(int64_t bytes)
{
    int32_t level = scale_log_q8(bytes) / 64;

    return (uint8_t)(bytes < 1 ? 0 : level < 1 ? 1 : level);
}

static size_t bin_of(uint8_t level)
{
    int bin = (level - FIRST_LEVEL) / 2;

    return (size_t)(level < FIRST_LEVEL ? 0 : bin >= BAND_BINS ? BAND_BINS - 1 : bin);
}

static int32_t bin_middle_q8(size_t bin)
{
    return FIRST_LEVEL * 64 + (int32_t)bin * 128 + 64;
}

/* ---- counting ---------------------------------------------------------------------------------- */

/* Hours above `limit` (0: no limit) count as `taught`. */
static void count_hours(uint16_t *bins, const uint8_t *hours, uint8_t limit, uint8_t taught)
{
    for (size_t h = 0; h < BAND_HOURS; h++) {
        uint8_t level = limit && hours[h] > limit ? taught : hours[h];
        uint16_t *bin = &bins[bin_of(level)];

        if (level && *bin < UINT16_MAX)
            ++*bin;
    }
}

static uint8_t highest(const uint8_t *hours)
{
    uint8_t best = 0;

    for (size_t h = 0; h < BAND_HOURS; h++)
        best = hours[h] > best ? hours[h] : best;
    return best;
}

/* The peaks are the highest days of the last PEAK_DAYS; of equal ones the newer stays. Days come in order. */
static void add_peak(struct band *b, int32_t day, uint8_t level)
{
    size_t lowest = 0;

    if (!level)
        return;
    for (size_t i = 0; i < BAND_PEAKS; i++) {
        if (b->peaks[i].level && b->peaks[i].day + PEAK_DAYS < day)
            b->peaks[i].level = 0;
        if (b->peaks[i].level && b->peaks[i].day == day) {
            if (level > b->peaks[i].level)
                b->peaks[i].level = level;
            return;
        }
        if (b->peaks[i].level < b->peaks[lowest].level ||
            (b->peaks[i].level == b->peaks[lowest].level && b->peaks[i].day < b->peaks[lowest].day))
            lowest = i;
    }
    if (level >= b->peaks[lowest].level) {
        b->peaks[lowest].day = (uint16_t)day;
        b->peaks[lowest].level = level;
    }
}

/* Halve the counts for each month that began since. A part of folding, by the folded slot's own time: what
 * judges a slot must be the same whether it is the newest one or the one before. */
static void fade(struct band *b, int32_t day)
{
    int32_t month = day / FADE_DAYS, times = b->faded ? month - b->faded : 0;

    for (size_t i = 0; times > 0 && i < BAND_BINS; i++)
        b->bins[i] = (uint16_t)(times >= 16 ? 0U : (b->bins[i] + (1U << times) - 1) >> times);
    if (times >= 0)
        b->faded = (uint16_t)month;
}

/* `slot` is the one that hours[2] belongs to. */
static void fold(struct band *b, int32_t slot)
{
    fade(b, slots_day(slot));
    count_hours(b->bins, b->hours[2], b->limit, b->taught);
    add_peak(b, slots_day(slot), highest(b->hours[2]));
}

struct enter {
    struct band *band;
    const struct band_rule *rule;
    int32_t len;
};

struct teaching {
    uint8_t limit, taught;
};

static struct teaching teaching_of(const struct enter *e, int32_t closed)
{
    struct band_view v;
    int64_t limit;

    /* An hour below the floor is never above the limit: spare the work. */
    if (highest(e->band->hours[1]) < level_of(e->rule->floor_bytes))
        return (struct teaching){ .limit = 0 };
    /* What is folded now is what judged the closing slot: the version "before". */
    band_look(e->band, SLOT_BEFORE, closed, e->len, &v);
    limit = band_limit(&v, e->rule);
    return (struct teaching){ .limit = limit ? level_of(limit) : 0, .taught = level_of(v.p99) };
}

/* `closed` is newest-1: its hours become final. Those of newest-2 are folded for good. */
static void enter_step(void *self, int32_t closed, int32_t next)
{
    const struct enter *e = self;
    struct band *b = e->band;
    struct teaching t = teaching_of(e, closed);

    fold(b, closed - e->len);
    fade(b, slots_day(next - 3 * e->len)); /* after a pause: the empty slots in between */
    b->limit = t.limit;
    b->taught = t.taught;
    memcpy(b->hours[2], b->hours[1], BAND_HOURS);
    memcpy(b->hours[1], b->hours[0], BAND_HOURS);
    memset(b->hours[0], 0, BAND_HOURS);
}

enum slot_age band_enter(struct band *b, int32_t slot, int32_t len_hours, const struct band_rule *rule)
{
    struct enter e = { .band = b, .rule = rule, .len = len_hours };
    enum slot_age age = slots_advance(&b->newest, slot, len_hours, enter_step, &e);

    if (age != SLOT_LATE && (b->first == SLOT_NEVER || slot < b->first))
        b->first = slot;
    return age;
}

void band_note(struct band *b, enum slot_age age, int32_t hour, int64_t bytes)
{
    uint8_t level = level_of(bytes);

    if (age != SLOT_LATE && hour >= 0 && hour < BAND_HOURS && level > b->hours[age][hour])
        b->hours[age][hour] = level;
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* 256 * log2 of the volume that `rank` of the samples (from 1) do not exceed; a bin's are spread evenly. */
static int32_t quantile_q8(const uint16_t *bins, int64_t rank)
{
    int64_t below = 0;

    for (size_t i = 0; i < BAND_BINS; i++) {
        if (below + bins[i] >= rank)
            return FIRST_LEVEL * 64 + (int32_t)i * 128 +
                   (int32_t)((2 * (rank - below) - 1) * 128 / (2 * (int64_t)bins[i]));
        below += bins[i];
    }
    return 0;
}

/* Median distance from the middle, outwards from its bin, times 1.4826: a standard deviation that a few
 * wild hours cannot stretch. */
static int32_t spread_q8(const uint16_t *bins, int64_t samples, int32_t middle)
{
    int32_t distance = 0, best;
    int64_t within = 0;
    size_t low = bin_of((uint8_t)(middle / 64)), high = low + 1;

    /* low counts down to 0 by standing one above the bin it means */
    low++;
    while (2 * within < samples && (low > 0 || high < BAND_BINS)) {
        int32_t down = low > 0 ? middle - bin_middle_q8(low - 1) : INT32_MAX;
        int32_t up = high < BAND_BINS ? bin_middle_q8(high) - middle : INT32_MAX;

        down = down < 0 ? -down : down;
        if (down <= up) {
            within += bins[--low];
            distance = down;
        } else {
            within += bins[high++];
            distance = up;
        }
    }
    best = distance * 1483 / 1000;
    return best < SPREAD_MIN_Q8 ? SPREAD_MIN_Q8 : best;
}

bool band_is_rhythm(int32_t day, int32_t other)
{
    int32_t gap = day > other ? day - other : other - day;

    return gap >= 6 && (gap % 7 == 0 || (gap >= 28 && gap <= 31));
}

/* The highest volume that came back: on three days, or on two that are weeks or a month apart. */
static uint8_t usual_peak(const struct band *b, int32_t today)
{
    uint8_t best = 0;

    for (size_t i = 0; i < BAND_PEAKS; i++) {
        int days = 0;
        bool rhythm = false;
        uint8_t level = b->peaks[i].level;

        if (level <= best || b->peaks[i].day + PEAK_DAYS < today)
            continue;
        for (size_t k = 0; k < BAND_PEAKS; k++) {
            if (b->peaks[k].level + PEAK_NEAR < level || !b->peaks[k].level ||
                b->peaks[k].day + PEAK_DAYS < today)
                continue;
            days++;
            rhythm = rhythm || band_is_rhythm(b->peaks[i].day, b->peaks[k].day);
        }
        if (days >= 3 || rhythm)
            best = level;
    }
    return best;
}

void band_look(const struct band *b, enum slot_age age, int32_t slot, int32_t len_hours,
               struct band_view *ret)
{
    struct band known = *b;
    uint8_t peak;

    *ret = (struct band_view){ .spread_q8 = SPREAD_MIN_Q8 };
    if (age == SLOT_NOW)
        fold(&known, slot - 2 * len_hours);
    for (size_t i = 0; i < BAND_BINS; i++)
        ret->samples += known.bins[i];
    if (b->first != SLOT_NEVER && b->first <= slot - 2 * len_hours)
        ret->history_days = slots_day(slot) - slots_day(b->first);
    peak = usual_peak(&known, slots_day(slot));
    ret->peak = peak ? scale_exp_q8(peak * 64 + 63) : 0;
    if (!ret->samples)
        return;
    ret->middle_q8 = quantile_q8(known.bins, (ret->samples + 1) / 2);
    ret->median = scale_exp_q8(ret->middle_q8);
    ret->p99 = scale_exp_q8(quantile_q8(known.bins, (99 * ret->samples + 99) / 100));
    ret->spread_q8 = spread_q8(known.bins, ret->samples, ret->middle_q8);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t band_ordinary(const struct band_view *v, const struct band_rule *rule)
{
    return larger(scale_exp_q8(v->middle_q8 + (int32_t)((int64_t)v->spread_q8 * rule->z10 / 10)), rule->floor_bytes);
}

int64_t band_limit(const struct band_view *v, const struct band_rule *rule)
{
    int64_t by_q, limit;

    if (v->samples < rule->samples)
        return 0;
    if (__builtin_mul_overflow(v->p99 - v->median + 1, (int64_t)rule->q, &by_q) ||
        __builtin_add_overflow(by_q, v->p99, &by_q))
        by_q = INT64_MAX;
    limit = larger(band_ordinary(v, rule), by_q);
    /* A volume that comes back is usual, up to twice of it. */
    return larger(limit, v->peak > INT64_MAX / 2 ? INT64_MAX : 2 * v->peak);
}

int64_t band_z10(const struct band_view *v, int64_t bytes)
{
    return v->samples ? (int64_t)(scale_log_q8(bytes) - v->middle_q8) * 10 / v->spread_q8 : 0;
}
