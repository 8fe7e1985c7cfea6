/* band.c - see band.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/band.h"

#include "detectors/kit/scale.h"

#include <stdlib.h>
#include <string.h>

#define LEVEL_Q8 32              /* a level in 1/256 octave */
#define LEVEL_FIRST_Q8 (12 * 256) /* 4 KiB */
#define BIN_LEVELS 4
#define BIN_FIRST_LEVEL 17       /* 16 KiB */
#define ERROR_LOWEST (-12)       /* levels */
#define SPREAD_MIN_Q8 128        /* half an octave, one bin: finer than that we do not know */
#define P99_SPREAD_Q8 90         /* steadier than this no reader stays */
#define SEEN_MIN 3               /* days of an hour before it is judged by its own */
#define SEEN_MAX 15
#define QUIET_DAYS 14
#define HOURS_KEPT_MIN 1
#define HOURS_ODD_MAX 3
#define ERRORS_MIN 20            /* hours that were expected, before any is judged by its own */
#define STEP_MAX 8               /* levels that one day may move an hour by, once it is known */
#define WEEKDAY_PARTS 24         /* of a level: a weekday takes over what its 24 hours were off by */
#define WEEKDAY_MAX 64           /* levels */

#define RUN_DAYS 94              /* three months */
#define RUN_NEAR 4               /* levels: a third less is the same volume come back */
#define RUN_DRIFT 1              /* hours: summer time, a late start */
#define RUNS_BY_CALENDAR 2
#define RUNS_AT_HOUR 3           /* days that no rhythm joins: it comes any day, of weekends if one was of a weekend */
#define RUN_DAYS_AT_HOUR 30
#define RUNS_ANY_HOUR 6          /* hours far from each other: it keeps none */

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static uint8_t level_of(int64_t bytes)
{
    int32_t level = (scale_log_q8(bytes) - LEVEL_FIRST_Q8) / LEVEL_Q8 + 1;

    return (uint8_t)(bytes < 1 ? 0 : level < 1 ? 1 : level > UINT8_MAX ? UINT8_MAX : level);
}

static int32_t level_q8(int32_t level) /* its lower end */
{
    return LEVEL_FIRST_Q8 + (level - 1) * LEVEL_Q8;
}

static size_t bin_of(uint8_t level)
{
    int bin = (level - BIN_FIRST_LEVEL) / BIN_LEVELS;

    return (size_t)(level < BIN_FIRST_LEVEL ? 0 : bin >= BAND_BINS ? BAND_BINS - 1 : bin);
}

static size_t error_bin(int32_t error)
{
    int32_t bin = error - ERROR_LOWEST;

    return (size_t)(error < ERROR_LOWEST ? 0 : bin >= BAND_ERRORS ? BAND_ERRORS - 1 : bin);
}

/* ---- counts ------------------------------------------------------------------------------------ */

static void count(uint8_t *bins, size_t n, size_t at)
{
    for (size_t i = 0; bins[at] == UINT8_MAX && i < n; i++)
        bins[i] /= 2;
    ++bins[at];
}

static void halve(uint8_t *bins, size_t n, int32_t times)
{
    for (size_t i = 0; i < n; i++)
        bins[i] = (uint8_t)(times >= 8 ? 0U : (bins[i] + (1U << times) - 1) >> times);
}

static int64_t sum_of(const uint8_t *bins, size_t n)
{
    int64_t sum = 0;

    for (size_t i = 0; i < n; i++)
        sum += bins[i];
    return sum;
}

/* Where `rank` of the samples (from 1) lie, in bins from the first one's lower end, by `width`: those of a bin are
 * spread evenly. */
static int32_t quantile(const uint8_t *bins, size_t n, int64_t rank, int32_t width)
{
    int64_t below = 0;

    for (size_t i = 0; i < n; i++) {
        if (below + bins[i] >= rank)
            return (int32_t)i * width + (int32_t)((2 * (rank - below) - 1) * width / (2 * (int64_t)bins[i]));
        below += bins[i];
    }
    return 0;
}

/* Of the `part`th in a hundred. */
static int64_t rank_of(int64_t samples, int64_t part)
{
    return (part * samples + 99) / 100;
}

/* What lies between the quarters, as a standard deviation: a few wild hours cannot stretch it. */
static int32_t spread(const uint8_t *bins, size_t n, int64_t samples, int32_t width)
{
    return (quantile(bins, n, rank_of(samples, 75), width) - quantile(bins, n, rank_of(samples, 25), width)) * 741 / 1000;
}

struct shape { /* of counted bins, in 1/256 octave from the first one's lower end */
    int32_t middle, p99, spread;
};

static struct shape shape_of(const uint8_t *bins, size_t n, int64_t samples, int32_t width)
{
    struct shape ret = { .middle = quantile(bins, n, rank_of(samples, 50), width),
                         .p99 = quantile(bins, n, rank_of(samples, 99), width), .spread = spread(bins, n, samples, width) };

    ret.spread = ret.spread < SPREAD_MIN_Q8 ? SPREAD_MIN_Q8 : ret.spread;
    return ret;
}

/* About what was expected hours are a bell on the logarithmic scale, and its 99th percentile is the most that is believed:
 * weeks in which a release doubled everything, or an export that nobody knew yet, are more than one in a hundred hours. */
static struct shape shape_of_errors(const uint8_t *errors, int64_t samples)
{
    struct shape ret = shape_of(errors, BAND_ERRORS, samples, LEVEL_Q8);
    int32_t most = spread(errors, BAND_ERRORS, samples, LEVEL_Q8);

    most = ret.middle + (most < P99_SPREAD_Q8 ? P99_SPREAD_Q8 : most) * 233 / 100;
    ret.p99 = ret.p99 < most ? ret.p99 : most;
    return ret;
}

/* ---- hours of the day -------------------------------------------------------------------------- */

static int32_t weekday_of(int32_t day) /* 0: Sunday; the first of January 1970 was a Thursday */
{
    return (day + 4) % 7;
}

static bool is_weekend(int32_t day)
{
    return weekday_of(day) == 0 || weekday_of(day) == 6;
}

struct cell { /* an hour of a kind of day */
    uint8_t *usual, *seen;
    int shift; /* within *seen */
    int32_t weekday;
};

static struct cell cell_of(struct band *b, int32_t day, int32_t hour)
{
    int kind = is_weekend(day);

    return (struct cell){ .usual = &b->usual[kind][hour], .seen = &b->seen[hour], .shift = 4 * kind,
                          .weekday = weekday_of(day) };
}

static int32_t times_seen(const struct cell *c)
{
    return *c->seen >> c->shift & SEEN_MAX;
}

static int32_t clamp(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}

static int32_t expected_level(const struct band *b, const struct cell *c)
{
    return *c->usual + b->weekday[c->weekday] / WEEKDAY_PARTS;
}

/* Nearer to the level: the mean of the first days, then a quarter of the way. */
static void learn_level(struct cell *c, int32_t error)
{
    int32_t n = times_seen(c), part = n < 5 ? n + 1 : 6, step = error / part;

    step = step == 0 ? (error > 0) - (error < 0) : step;
    step = n < SEEN_MIN ? step : clamp(step, -STEP_MAX, STEP_MAX);
    *c->usual = (uint8_t)clamp(*c->usual + step, 1, UINT8_MAX);
}

/* What an error counts as at most, in levels: three standard deviations. */
static int32_t most_error(const struct band *b)
{
    int64_t samples = sum_of(b->errors, BAND_ERRORS);
    struct shape shape;

    if (samples < ERRORS_MIN)
        return INT32_MAX / 2;
    shape = shape_of_errors(b->errors, samples);
    return ERROR_LOWEST + (shape.middle + 3 * shape.spread) / LEVEL_Q8;
}

/* An hour above its limit teaches nearly nothing: the three hours of a weekly job are more than one in a hundred, and
 * must not become the percentile of all the others. What is there to stay arrives by a level a day. */
static void learn_hour(struct band *b, int32_t day, int32_t hour, int32_t level, bool is_above,
                       int32_t most)
{
    struct cell c = cell_of(b, day, hour);
    int32_t n = times_seen(&c), error = level - expected_level(b, &c);
    int16_t *of_day = &b->weekday[c.weekday];

    if (n < SEEN_MAX)
        *c.seen = (uint8_t)(*c.seen + (1 << c.shift));
    if (n == 0) {
        *c.usual = (uint8_t)clamp(level - *of_day / WEEKDAY_PARTS, 1, UINT8_MAX);
        return;
    }
    if (n >= SEEN_MIN && is_above) {
        *c.usual = (uint8_t)clamp(*c.usual + 1, 1, UINT8_MAX);
        return;
    }
    error = error < most ? error : most;
    if (n >= SEEN_MIN)
        count(b->errors, BAND_ERRORS, error_bin(error));
    learn_level(&c, error);
    if (n >= 2)
        *of_day = (int16_t)clamp(*of_day + error, -WEEKDAY_MAX * WEEKDAY_PARTS, WEEKDAY_MAX * WEEKDAY_PARTS);
}

/* ---- runs -------------------------------------------------------------------------------------- */

struct run {
    int32_t day, from, to;
    uint8_t level;
    bool is_above;
};

static bool was_above(const struct band *b, size_t i)
{
    return b->run_above & 1U << i;
}

static bool is_at_hour(const struct band *b, size_t i, int32_t hour)
{
    return hour >= b->run_from[i] - RUN_DRIFT && hour <= b->run_to[i] + RUN_DRIFT;
}

static bool is_like(const struct run *a, const struct run *b)
{
    return a->is_above && b->is_above && abs(a->level - b->level) <= RUN_NEAR && b->from >= a->from - RUN_DRIFT &&
           b->from <= a->to + RUN_DRIFT;
}

static struct run run_at(const struct band *b, size_t i)
{
    return (struct run){ .day = b->run_day[i], .from = b->run_from[i], .to = b->run_to[i], .level = b->run_level[i],
                         .is_above = was_above(b, i) };
}

/* Of a job that is kept so often later on, and on such a day, that this run of it tells nothing more. */
static bool is_spare(const struct band *b, size_t at, const struct run *newest)
{
    struct run r = run_at(b, at);
    int later = is_like(&r, newest), of_kind = later && is_weekend(newest->day) == is_weekend(r.day);

    for (size_t i = 0; i < BAND_RUNS; i++) {
        struct run other = run_at(b, i);
        bool is_later = other.day > r.day && is_like(&r, &other);

        later += is_later;
        of_kind += is_later && is_weekend(other.day) == is_weekend(r.day);
    }
    return later > RUNS_AT_HOUR && of_kind > 0;
}

/* One that was above its limit is worth more than all that only came near it, or the busy hours of an office would crowd
 * out what is new. */
static int32_t level_worth(uint8_t level, bool is_above)
{
    return level + (level && is_above ? UINT8_MAX : 0);
}

static int32_t worth(const struct band *b, size_t i, const struct run *r)
{
    return b->run_level[i] && is_spare(b, i, r) ? 1 : level_worth(b->run_level[i], was_above(b, i));
}

/* What is to leave: what a later run says as well, or else the least. */
static size_t least_worth(const struct band *b, const struct run *r)
{
    size_t ret = 0;

    for (size_t i = 1; i < BAND_RUNS; i++) {
        int32_t of_this = worth(b, i, r), of_ret = worth(b, ret, r);

        if (of_this < of_ret || (of_this == of_ret && b->run_day[i] < b->run_day[ret]))
            ret = i;
    }
    return ret;
}

/* Slots come in order, so a run that goes on in the next slot of its day is found at its end. */
static void add_run(struct band *b, const struct run *r)
{
    size_t lowest;

    for (size_t i = 0; i < BAND_RUNS; i++) {
        if (b->run_day[i] + RUN_DAYS < r->day)
            b->run_level[i] = 0;
        if (b->run_level[i] && b->run_day[i] == r->day && b->run_to[i] + 1 == r->from) {
            b->run_to[i] = (uint8_t)r->to;
            b->run_level[i] = b->run_level[i] > r->level ? b->run_level[i] : r->level;
            b->run_above |= (uint8_t)(r->is_above << i);
            return;
        }
    }
    lowest = least_worth(b, r);
    if (worth(b, lowest, r) > level_worth(r->level, r->is_above))
        return;
    b->run_day[lowest] = (uint16_t)r->day;
    b->run_from[lowest] = (uint8_t)r->from;
    b->run_to[lowest] = (uint8_t)r->to;
    b->run_level[lowest] = r->level;
    b->run_above = (uint8_t)((b->run_above & ~(1U << lowest)) | (unsigned)r->is_above << lowest);
}

/* The runs of hours[2], which begins at hour `start` of the day. */
static void add_runs(struct band *b, int32_t day, int32_t start)
{
    struct run r = { .day = day };

    for (int32_t h = 0; h <= BAND_HOURS; h++) {
        if (h < BAND_HOURS && b->large & 1U << h) {
            r.from = r.level ? r.from : start + h;
            r.to = start + h;
            r.level = b->hours[2][h] > r.level ? b->hours[2][h] : r.level;
            r.is_above = r.is_above || b->above & 1U << h;
        } else if (r.level) {
            add_run(b, &r);
            r.level = 0;
            r.is_above = false;
        }
    }
}

bool band_is_rhythm(int32_t day, int32_t other)
{
    int32_t gap = abs(day - other), months = (gap * 100 + 1522) / 3044; /* of 30.44 days */

    if (gap < 6)
        return false;
    return gap % 7 == 0 || (months > 0 && months <= 3 && abs(gap * 100 - months * 3044) <= 250);
}

static bool is_run_of(const struct band *b, size_t i, uint8_t level, int32_t today)
{
    return b->run_level[i] && b->run_level[i] + RUN_NEAR >= level && b->run_day[i] + RUN_DAYS >= today;
}

/* The highest level that three days reached, or two in rhythm with today. */
static uint8_t usual_day(const struct band *b, int32_t today)
{
    uint8_t best = 0;

    for (size_t i = 0; i < BAND_RUNS; i++) {
        int days = 0, by_calendar = 0;

        for (size_t k = 0; k < BAND_RUNS; k++) {
            days += is_run_of(b, k, b->run_level[i], today);
            by_calendar += is_run_of(b, k, b->run_level[i], today) && band_is_rhythm(b->run_day[k], today);
        }
        if (b->run_level[i] > best && (days >= RUNS_AT_HOUR || by_calendar >= RUNS_BY_CALENDAR))
            best = b->run_level[i];
    }
    return best;
}

struct come_back { /* runs of at least a level */
    int by_calendar; /* at the judged hour, in rhythm with today */
    int at_hour;     /* at the judged hour, in no rhythm with each other, above the limit */
    bool is_of_kind; /* one of these on a day like today, of the week or of the weekend */
    int hours;       /* different ones of those above the limit */
};

static struct come_back look_back(const struct band *b, uint8_t level, int32_t today, int32_t hour)
{
    struct come_back n = { 0 };

    for (size_t i = 0; i < BAND_RUNS; i++) {
        bool is_here = is_at_hour(b, i, hour), is_new_day = is_here, is_new_rhythm = is_here, is_new_hour = true;

        if (!is_run_of(b, i, level, today))
            continue;
        for (size_t k = 0; k < i; k++) {
            bool is_same_day = b->run_day[k] == b->run_day[i], is_other = is_run_of(b, k, level, today);
            bool is_other_here = is_other && is_at_hour(b, k, hour);

            is_new_day = is_new_day && !(is_other_here && is_same_day);
            if (!was_above(b, k))
                continue;
            is_new_rhythm = is_new_rhythm &&
                            !(is_other_here && (is_same_day || band_is_rhythm(b->run_day[k], b->run_day[i])));
            is_new_hour = is_new_hour && !(is_other && is_at_hour(b, k, b->run_from[i]));
        }
        n.by_calendar += is_new_day && band_is_rhythm(b->run_day[i], today);
        is_new_rhythm = is_new_rhythm && was_above(b, i) && b->run_day[i] + RUN_DAYS_AT_HOUR >= today;
        n.at_hour += is_new_rhythm;
        n.is_of_kind = n.is_of_kind || (is_new_rhythm && is_weekend(b->run_day[i]) == is_weekend(today));
        n.hours += is_new_hour && was_above(b, i);
    }
    return n;
}

/* The highest level that is usual at this hour because it came back. */
static uint8_t usual_run(const struct band *b, int32_t today, int32_t hour)
{
    uint8_t best = 0;

    for (size_t i = 0; i < BAND_RUNS; i++) {
        struct come_back n;

        if (b->run_level[i] <= best || !is_run_of(b, i, 0, today))
            continue;
        n = look_back(b, b->run_level[i], today, hour);
        if (n.by_calendar >= RUNS_BY_CALENDAR || (n.at_hour >= RUNS_AT_HOUR && n.is_of_kind) ||
            n.hours >= RUNS_ANY_HOUR)
            best = b->run_level[i];
    }
    return best;
}

/* ---- folding ----------------------------------------------------------------------------------- */

static uint8_t highest(const uint8_t *hours)
{
    uint8_t best = 0;

    for (size_t h = 0; h < BAND_HOURS; h++)
        best = hours[h] > best ? hours[h] : best;
    return best;
}

/* Halve the counts for each month that began since. A part of folding, by the folded slot's own time: what
 * judges a slot must be the same whether it is the newest one or the one before. */
static void fade(struct band *b, int32_t day)
{
    int32_t month = day / BAND_FADE_DAYS, times = b->faded ? month - b->faded : 0;

    if (times > 0) {
        halve(b->bins, BAND_BINS, times);
        halve(b->errors, BAND_ERRORS, times);
    }
    if (times >= 0)
        b->faded = (uint16_t)month;
}

static int32_t hour_of_day(int32_t slot, int32_t hour)
{
    return (slot + hour) % 24; /* a slot's name counts hours from a midnight */
}

/* `slot` is the one that hours[2] belongs to. */
static void fold(struct band *b, int32_t slot)
{
    int32_t day = slots_day(slot), most;

    fade(b, day);
    if (highest(b->hours[2]) == 0)
        return;
    most = most_error(b);
    for (int32_t h = 0; h < BAND_HOURS; h++) {
        uint8_t level = b->hours[2][h];
        bool is_above = b->above & 1U << h;

        if (!level)
            continue;
        count(b->bins, BAND_BINS, bin_of(is_above && b->taught && b->taught < level ? b->taught : level));
        learn_hour(b, day, hour_of_day(slot, h), level, is_above, most);
    }
    if (b->large)
        add_runs(b, day, hour_of_day(slot, 0));
}

struct enter {
    struct band *band;
    const struct band_rule *rule;
    int32_t len;
};

struct closed_hours {
    uint32_t above, large;
};

/* Which hours of the closing slot were above what was ordinary for them, or, where nothing is yet, above the floor. As
 * a volume that came back is usual up to twice, half of that is worth remembering. */
static struct closed_hours judge_hours(const struct enter *e, int32_t closed)
{
    const uint8_t *hours = e->band->hours[1];
    uint8_t least = level_of(e->rule->floor_bytes / 2);
    struct closed_hours ret = { 0 };

    if (highest(hours) < least) /* spare the work */
        return ret;
    for (int32_t h = 0; h < e->len; h++) {
        struct band_view v;
        int64_t limit, large;

        if (hours[h] < least)
            continue;
        /* What is folded now is what judged the closing slot: the version "before". */
        band_look(e->band, SLOT_BEFORE, closed, h, e->len, &v);
        v.peak = 0; /* a job that is usual by now is still no ordinary hour */
        limit = band_limit(&v, e->rule);
        limit = limit ? limit : e->rule->floor_bytes;
        ret.above |= (uint32_t)(hours[h] > level_of(limit)) << h;
        if (e->rule->is_of_days) { /* each of them is remembered */
            ret.above |= (uint32_t)(hours[h] > level_of(limit)) << h;
            ret.large |= (uint32_t)(hours[h] >= level_of(e->rule->floor_bytes)) << h;
            continue;
        }
        large = limit / 2;
        if (!v.is_of_hour && large > v.median * 2) /* the first weeks: a job of the night may be as large as noon */
            large = larger(v.median * 2, e->rule->floor_bytes / 2);
        ret.large |= (uint32_t)(hours[h] > level_of(large)) << h;
    }
    return ret;
}

/* The level of the 99th percentile of all hours, 0 with too few of them. */
static uint8_t level_p99(const struct band *b, const struct band_rule *rule)
{
    int64_t samples = sum_of(b->bins, BAND_BINS);

    if (samples < rule->samples)
        return 0;
    return (uint8_t)(BIN_FIRST_LEVEL + shape_of(b->bins, BAND_BINS, samples, BIN_LEVELS * LEVEL_Q8).p99 / LEVEL_Q8);
}

/* `closed` is newest-1: its hours become final. Those of newest-2 are folded for good. */
static void enter_step(void *self, int32_t closed, int32_t next)
{
    const struct enter *e = self;
    struct band *b = e->band;
    struct closed_hours hours = judge_hours(e, closed);
    uint8_t taught = hours.above ? level_p99(b, e->rule) : 0;

    fold(b, closed - e->len);
    fade(b, slots_day(next - 3 * e->len)); /* after a pause: the empty slots in between */
    b->above = hours.above;
    b->large = hours.large;
    b->taught = taught;
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
    b->is_of_days = rule->is_of_days;
    return age;
}

void band_note(struct band *b, enum slot_age age, int32_t hour, int64_t bytes)
{
    uint8_t level = level_of(bytes);

    if (age != SLOT_LATE && hour >= 0 && hour < BAND_HOURS && level > b->hours[age][hour])
        b->hours[age][hour] = level;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static void set_view(struct band_view *v, const struct shape *shape, int32_t from_q8)
{
    v->middle_q8 = from_q8 + shape->middle;
    v->median = scale_exp_q8(v->middle_q8);
    v->p99 = scale_exp_q8(from_q8 + shape->p99);
    v->spread_q8 = shape->spread;
}

void band_look_all(const struct band *b, struct band_view *ret)
{
    struct shape shape;

    *ret = (struct band_view){ .spread_q8 = SPREAD_MIN_Q8, .samples = sum_of(b->bins, BAND_BINS) };
    if (!ret->samples)
        return;
    shape = shape_of(b->bins, BAND_BINS, ret->samples, BIN_LEVELS * LEVEL_Q8);
    set_view(ret, &shape, level_q8(BIN_FIRST_LEVEL));
    ret->p99_of_all = ret->p99;
}

/* The hour's own level, and about it the errors of all hours. False: not seen often enough. */
static bool look_at_hour(const struct band *b, const struct cell *c, struct band_view *ret)
{
    int64_t errors = sum_of(b->errors, BAND_ERRORS);
    struct shape shape;

    ret->is_of_hour = !b->is_of_days && times_seen(c) >= SEEN_MIN && errors >= ERRORS_MIN;
    if (!ret->is_of_hour)
        return false;
    shape = shape_of_errors(b->errors, errors);
    set_view(ret, &shape, level_q8(expected_level(b, c) + ERROR_LOWEST));
    return true;
}

/* Nearly all hours are ones in which it is active, or ones in which it never is. What comes at any hour, and seldom, has
 * hours without activity too, and they say nothing. */
static bool keeps_hours(const struct band *b)
{
    int often = 0, seldom = 0;

    for (int32_t i = 0; i < 2 * BAND_HOURS; i++) {
        int32_t seen = b->seen[i / 2] >> (i % 2 ? 4 : 0) & SEEN_MAX;

        often += seen >= SEEN_MIN;
        seldom += seen > 0 && seen < SEEN_MIN;
    }
    return often >= HOURS_KEPT_MIN && seldom <= HOURS_ODD_MAX;
}

void band_look(const struct band *b, enum slot_age age, int32_t slot, int32_t hour, int32_t len_hours,
               struct band_view *ret)
{
    struct band known = *b;
    int32_t hour_day = hour_of_day(slot, hour), today = slots_day(slot);
    struct cell c = cell_of(&known, today, hour_day);
    uint8_t level;

    if (age == SLOT_NOW)
        fold(&known, slot - 2 * len_hours);
    band_look_all(&known, ret);
    if (b->first != SLOT_NEVER && b->first <= slot - 2 * len_hours)
        ret->history_days = today - slots_day(b->first);
    level = known.is_of_days ? usual_day(&known, today) : usual_run(&known, today, hour_day);
    ret->peak = level ? scale_exp_q8(level_q8(level + 1) - 1) : 0;
    if (!look_at_hour(&known, &c, ret))
        ret->is_quiet_hour = times_seen(&c) < SEEN_MIN && ret->history_days >= QUIET_DAYS &&
                             !known.is_of_days && keeps_hours(&known);
}

/* ---- for people -------------------------------------------------------------------------------- */

static int64_t usual_of(const struct band *b, int32_t weekday, int32_t hour)
{
    int32_t level = b->usual[weekday == 0 || weekday == 6][hour];

    return level ? scale_exp_q8(level_q8(clamp(level + b->weekday[weekday] / WEEKDAY_PARTS, 1, UINT8_MAX))) : 0;
}

/* An hour of the newest slot's day: what it usually has, and what it had as far as that is still kept. */
static void look_at_day(const struct band *b, int32_t hour, int32_t len, struct baseline_hour *ret)
{
    int32_t slot = b->newest - b->newest % 24 + hour / len * len, age = (b->newest - slot) / len;
    struct band_view v;

    if (slot <= b->newest && age < 3 && b->hours[age][hour % len])
        ret->seen = scale_exp_q8(level_q8(b->hours[age][hour % len]));
    ret->usual = usual_of(b, weekday_of(slots_day(slot)), hour);
    if (!ret->usual)
        return;
    band_look(b, slot == b->newest ? SLOT_NOW : SLOT_BEFORE, slot, hour % len, len, &v);
    ret->p99 = larger(v.p99, ret->usual);
}

bool band_look_hours(const struct band *b, int32_t len_hours, struct baseline_hours *ret)
{
    struct band_view all;
    bool is_known = false;

    band_look_all(b, &all);
    ret->median = all.median;
    ret->p99 = all.p99;
    for (int32_t day = 0; day < 7; day++)
        for (int32_t hour = 0; hour < BAND_HOURS; hour++) {
            ret->usual[day][hour] = usual_of(b, (day + 1) % 7, hour);
            is_known = is_known || ret->usual[day][hour];
        }
    if (b->newest == SLOT_NEVER)
        return false;
    ret->day_ns = slots_day(b->newest) * NS_PER_DAY;
    for (int32_t hour = 0; hour < BAND_HOURS; hour++)
        look_at_day(b, hour, len_hours, &ret->day[hour]);
    return is_known;
}

int64_t band_ordinary(const struct band_view *v, const struct band_rule *rule)
{
    return larger(scale_exp_q8(v->middle_q8 + (int32_t)((int64_t)v->spread_q8 * rule->z10 / 10)), rule->floor_bytes);
}

int64_t band_limit(const struct band_view *v, const struct band_rule *rule)
{
    int64_t by_q, limit, most;

    if (v->samples < rule->samples)
        return 0;
    if (__builtin_mul_overflow(v->p99 - v->median + 1, (int64_t)rule->q, &by_q) ||
        __builtin_add_overflow(by_q, v->p99, &by_q))
        by_q = INT64_MAX;
    /* Hours that scatter stretch that to more than the percentile of all hours says is large. */
    most = larger(v->p99_of_all, v->median);
    if (v->p99_of_all > 0 && most < INT64_MAX / rule->q && by_q > most * rule->q)
        by_q = most * rule->q;
    /* Where nothing is usual, the largest of all hours is enough. */
    limit = v->is_quiet_hour ? larger(v->p99, rule->floor_bytes) : larger(band_ordinary(v, rule), by_q);
    /* A volume that comes back is usual, up to twice of it. */
    return larger(limit, v->peak > INT64_MAX / 2 ? INT64_MAX : 2 * v->peak);
}

int64_t band_z10(const struct band_view *v, int64_t bytes)
{
    return v->samples ? (int64_t)(scale_log_q8(bytes) - v->middle_q8) * 10 / v->spread_q8 : 0;
}

/* ---- version 1 --------------------------------------------------------------------------------- */

#define OLD_PEAKS 6

struct band_1 { /* levels were quarter octaves above one byte */
    int32_t newest, first;
    uint16_t bins[BAND_BINS];
    struct { uint16_t day; uint8_t level, padding; } peaks[OLD_PEAKS];
    uint8_t hours[3][BAND_HOURS];
    uint8_t limit, taught;
    uint16_t faded;
};

static uint8_t level_from_1(uint8_t level)
{
    return level ? level_of(scale_exp_q8(level * 64 + 32)) : 0;
}

static void bins_from_1(const uint16_t *from, uint8_t *to)
{
    uint32_t highest_bin = 0, divisor;

    for (size_t i = 0; i < BAND_BINS; i++)
        highest_bin = from[i] > highest_bin ? from[i] : highest_bin;
    divisor = highest_bin / UINT8_MAX + 1;
    for (size_t i = 0; i < BAND_BINS; i++)
        to[i] = (uint8_t)((from[i] + divisor - 1) / divisor);
}

bool band_migrate(uint16_t from_version, const void *from, size_t from_size, void *to)
{
    struct band_1 old;
    struct band *b = to;

    if (from_version != 1 || from_size != sizeof(old))
        return false;
    memcpy(&old, from, sizeof(old));
    b->newest = old.newest;
    b->first = old.first;
    b->faded = old.faded;
    bins_from_1(old.bins, b->bins);
    for (size_t i = 0; i < OLD_PEAKS; i++) { /* at an hour that nobody noted: at any */
        b->run_day[i] = old.peaks[i].day;
        b->run_level[i] = level_from_1(old.peaks[i].level);
        b->run_to[i] = BAND_HOURS - 1;
        b->run_above |= (uint8_t)(1U << i);
    }
    for (size_t age = 0; age < 3; age++)
        for (size_t h = 0; h < BAND_HOURS; h++) {
            b->hours[age][h] = level_from_1(old.hours[age][h]);
            if (age == 2 && old.limit && old.hours[age][h] > old.limit)
                b->above |= 1U << h;
        }
    b->large = b->above;
    b->taught = b->above ? level_from_1(old.taught) : 0;
    return true;
}
