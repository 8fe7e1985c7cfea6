/* slow_leak - a reader's weeks leave their band though no hour or day stands out.
 *
 * Why:     who knows that volumes are watched takes a little every hour. Over weeks the little adds up, and sums
 *          of weeks are steady where hours are not: what doubles for a month is seen in two or three weeks.
 * Reads:   data-plane tables (own tables where the account logs no data-plane rows): successful reads, bytes.
 * Judges:  once a UTC day for each reader and container (kit/reader.h), by days that are over. The sums of the last
 *          7, 14 and 28 days are held against the weeks before them (2 to 8 of them): the median week, the
 *          spread of weeks, the highest week, and a least ratio (1.9, 1.8 and 1.45; with two weeks before them
 *          2, 1.9 and 1.7). Days count as at most
 *          twice the highest day of a usual week: one large export is another detector's business.
 *          Growth is not a leak: the limit rises with what the other readers of the container grew by, and with
 *          the reader's own trend before; and when the others fell by what this one rose, load has moved.
 *          A reader without such weeks (new, or rare) is told when all readers of the container together leave
 *          their band and it makes up at least half of the excess.
 * Keeps:   slow_leak.days, 200 bytes a reader and container.
 * Tells:   once in four weeks for a reader.
 * Trust:   a principal spares and teaches its own days; they are no part of the container's.
 * Blind:   the first three weeks of history. A leak that grows slower than customers do. One spread over many
 *          readers. The size of a container is in no table that is read, so its share cannot be told.
 * Source:  ATT&CK T1030, T1020. Figures: tests/unit/test_detector_data_leak.c simulates
 *          readers with weekends, noise, drift and growth.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/bin.h"
#include "detectors/kit/days.h"
#include "detectors/kit/request.h"
#include "detectors/kit/scale.h"
#include "detectors/kit/sensitivity.h"
#include "enrich/caller.h"
#include "enrich/enrich.h"
#include "settings/option.h"

#include <stdlib.h>

#define WEEKS_MIN 2
#define WEEKS_YOUNG 2     /* these say what a week is like, but little of how much it varies: ratios are higher */
#define WEEKS_MAX 8
#define QUIET_DAYS 28     /* after telling */
#define SPREAD_MIN_Q8 40  /* weeks of a steady reader still differ by a tenth */
#define GROWTH_MAX_Q8 512 /* others that grew more than fourfold are no measure */
#define TREND_MAX_Q8 90
#define TREND_WEEK_Q8 30  /* of a week's window: a twelfth */

struct slow_leak {
    int sensitivity;
    int64_t floor_bytes, z10;
    struct reader_memo memo;
};

static const struct option_spec slow_leak_options[] = {
    { .key = "floor", .type = OPT_BYTES, .at = offsetof(struct slow_leak, floor_bytes), .preset = "100MiB",
      .min = 1024, .max = INT64_MAX, .help = "an excess of weeks below this never alerts" },
    { .key = "deviations", .type = OPT_INT, .at = offsetof(struct slow_leak, z10), .preset = "33",
      .min = 10, .max = 200, .help = "tenths of a standard deviation of weeks that must be exceeded" },
    SENSITIVITY_OPTION(struct slow_leak, "low: deviations and least ratios (as powers) half as large again; high: two thirds"),
    { 0 },
};

static const struct leak_window { int32_t days, ratio_q8, young_q8; } windows[] = {
    { .days = 7, .ratio_q8 = 240, .young_q8 = 262 },
    { .days = 14, .ratio_q8 = 222, .young_q8 = 240 },
    { .days = 28, .ratio_q8 = 131, .young_q8 = 180 },
};

/* ---- memory ------------------------------------------------------------------------------------ */

enum { UNJUDGED, ORDINARY, OVER };

struct leak {
    struct days days;
    int32_t told[2];        /* day it was told last, up to newest-2 and newest-3; 0: never */
    uint8_t verdict[2];     /* of the newest day and the one before: a look saved */
    uint8_t is_told[2];     /* on these days */
    uint32_t padding;
};

static const struct baseline_memory leak_memory = {
    .name = "slow_leak.days",
    .version = 1,
    .size = sizeof(struct leak),
    .max_keys = 500000,
};

static void leak_close(void *self, int32_t closed)
{
    struct leak *l = self;

    l->told[1] = l->told[0];
    if (l->is_told[1])
        l->told[0] = slots_day(closed);
    l->is_told[1] = l->is_told[0];
    l->verdict[1] = l->verdict[0];
    l->is_told[0] = l->verdict[0] = 0;
}

struct entered {
    struct leak *leak;
    enum slot_age age;
};

/* Add the observation to its day. False: beyond the horizon, or no memory. */
static bool enter(const struct detector_context *ctx, const struct observation *obs, uint64_t subject,
                  struct slice label, struct entered *ret)
{
    struct slice key = slice_make((const char *)&subject, sizeof(subject));

    ret->leak = baseline_put(ctx->baseline, &leak_memory, obs->text[F_ACCOUNT], key, label, obs->minute_ns, NULL);
    if (!ret->leak)
        return false;
    ret->age = days_enter(&ret->leak->days, obs->minute_ns, leak_close, ret->leak);
    days_add(&ret->leak->days, ret->age, obs->bytes_out);
    return ret->age != SLOT_LATE;
}

/* ---- weeks ------------------------------------------------------------------------------------- */

/* The last `window` days and the weeks before them. */
struct weeks {
    int32_t window, n;             /* days; weeks before them */
    int64_t taken;                 /* in the window, wild days cut */
    int64_t before;                /* in all the weeks before */
    int64_t usual, highest;        /* median and highest week before */
    int32_t spread_q8, trend_q8;   /* of the weeks before; trend: by how much they say the window grew */
    bool is_regular;               /* something in each of at least WEEKS_MIN weeks */
};

static int by_amount(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* Of `n` days that end with `end`; each counts as `most` at most. */
static int64_t sum_days(const struct days *d, int32_t end, int32_t n, int64_t most)
{
    int64_t sum = 0;

    for (int32_t i = 0; i < n; i++) {
        int64_t day = days_amount(d, end - i);

        sum = i64_add_sat(sum, day < most ? day : most);
    }
    return sum;
}

static int64_t highest_day(const struct days *d, int32_t end)
{
    int64_t highest = 0;

    for (int32_t i = 0; i < 7; i++)
        highest = days_amount(d, end - i) > highest ? days_amount(d, end - i) : highest;
    return highest;
}

static int64_t median(int64_t *sorted, int32_t n)
{
    qsort(sorted, (size_t)n, sizeof(sorted[0]), by_amount);
    return n % 2 ? sorted[n / 2] : sorted[n / 2 - 1] / 2 + sorted[n / 2] / 2;
}

/* Mean distance from the middle week, as a standard deviation (times 1.25). */
static int32_t spread_of(const int64_t *week, int32_t n, int64_t usual)
{
    int32_t sum = 0, middle = scale_log_q8(usual), spread;

    for (int32_t i = 0; i < n; i++)
        sum += abs(scale_log_q8(week[i]) - middle);
    spread = sum * 5 / (4 * n);
    return spread < SPREAD_MIN_Q8 ? SPREAD_MIN_Q8 : spread;
}

/* The newer half of the weeks against the older one, carried on to the middle of the window. week[0] is newest. */
static int32_t trend_of(const int64_t *week, int32_t n, int32_t window)
{
    int32_t half = n / 2, newer = 0, older = 0, trend, most;

    for (int32_t i = 0; i < half; i++) {
        newer += scale_log_q8(week[i]);
        older += scale_log_q8(week[n - 1 - i]);
    }
    /* the halves' middles lie n - half weeks apart, the window's half of (n + window) behind that of all */
    trend = (newer - older) / half * (n * 7 + window) / (14 * (n - half));
    most = window / 7 * TREND_WEEK_Q8 < TREND_MAX_Q8 ? window / 7 * TREND_WEEK_Q8 : TREND_MAX_Q8;
    return trend < 0 ? 0 : trend > most ? most : trend;
}

static void read_weeks(const struct days *d, int32_t last, int32_t window, struct weeks *ret)
{
    int64_t week[WEEKS_MAX], sorted[WEEKS_MAX], most = INT64_MAX;
    int32_t n = (days_history(d, last) - window) / 7;

    *ret = (struct weeks){ .window = window, .n = n < 0 ? 0 : n > WEEKS_MAX ? WEEKS_MAX : n };
    ret->is_regular = ret->n >= WEEKS_MIN;
    for (int32_t i = 0; i < ret->n; i++) {
        sorted[i] = highest_day(d, last - window - 7 * i);
        ret->is_regular = ret->is_regular && sorted[i] > 0;
    }
    if (ret->is_regular) /* one large export, before or now, is another detector's business */
        most = i64_add_sat(median(sorted, ret->n), median(sorted, ret->n));
    ret->taken = sum_days(d, last, window, most);
    for (int32_t i = 0; i < ret->n; i++) {
        week[i] = sorted[i] = sum_days(d, last - window - 7 * i, 7, most);
        ret->before = i64_add_sat(ret->before, week[i]);
        ret->highest = week[i] > ret->highest ? week[i] : ret->highest;
    }
    if (!ret->is_regular)
        return;
    ret->usual = median(sorted, ret->n);
    ret->spread_q8 = spread_of(week, ret->n, ret->usual);
    ret->trend_q8 = trend_of(week, ret->n, window);
}

/* ---- judging ----------------------------------------------------------------------------------- */

struct finding {
    int32_t window;
    int64_t taken, usual, limit; /* in the window; what is usual in as many days */
    int64_t growth_tenths;       /* that was granted: 12 is 1.2 times */
    bool is_new;                 /* a reader without weeks of its own, held against the container */
};

/* What the other readers of the container did meanwhile, as a mean day before and in the window. */
struct others {
    int64_t before, now;
};

static struct others others_of(const struct weeks *own, const struct weeks *all)
{
    struct others o = { 0 };

    if (all->n != own->n || all->n == 0) /* the container is younger than the reader: cannot be */
        return o;
    o.before = all->before > own->before ? (all->before - own->before) / (7 * own->n) : 0;
    o.now = all->taken > own->taken ? (all->taken - own->taken) / own->window : 0;
    return o;
}

static int32_t growth_of(const struct others *o, int64_t own_day)
{
    int32_t growth;

    if (o->before < own_day / 4) /* too few others to measure by */
        return 0;
    growth = scale_log_q8(o->now) - scale_log_q8(o->before);
    return growth < 0 ? 0 : growth > GROWTH_MAX_Q8 ? 0 : growth;
}

/* The others fell by a fifth, and by half of what this one rose. */
static bool has_moved(const struct others *o, int64_t own_before, int64_t own_now)
{
    int64_t fell = o->before - o->now;

    return fell > 0 && fell >= o->before / 5 && fell >= (own_now - own_before) / 2;
}

static int64_t window_usual(const struct weeks *w)
{
    return w->usual / 7 * w->window;
}

static int32_t by_sensitivity(const struct slow_leak *d, int32_t distance_q8)
{
    return d->sensitivity == SENSITIVITY_LOW ? distance_q8 * 3 / 2
           : d->sensitivity == SENSITIVITY_HIGH ? distance_q8 * 2 / 3 : distance_q8;
}

/* More than this in the window is unusual. */
static int64_t limit_of(const struct slow_leak *d, const struct weeks *w, int32_t ratio_q8, int32_t growth_q8)
{
    int32_t by_z = (int32_t)((int64_t)w->spread_q8 * d->z10 / 10), by_band = by_z > ratio_q8 ? by_z : ratio_q8;
    int64_t usual = window_usual(w), highest = w->highest / 7 * w->window, limit;

    limit = scale_exp_q8(scale_log_q8(usual) + by_sensitivity(d, by_band) + growth_q8);
    highest = scale_exp_q8(scale_log_q8(highest) + growth_q8 + 32); /* and a tenth above the highest week */
    limit = highest > limit ? highest : limit;
    return limit > i64_add_sat(usual, d->floor_bytes) ? limit : i64_add_sat(usual, d->floor_bytes);
}

static bool own_leaves_band(const struct slow_leak *d, const struct weeks *own, const struct weeks *all,
                            int32_t ratio_q8, struct finding *ret)
{
    struct others o = others_of(own, all);
    int64_t own_before = own->before / (7 * own->n), own_now = own->taken / own->window;
    int32_t growth = growth_of(&o, own_before);

    growth = growth > own->trend_q8 ? growth : own->trend_q8;
    *ret = (struct finding){ .window = own->window, .taken = own->taken, .usual = window_usual(own),
                             .limit = limit_of(d, own, ratio_q8, growth),
                             .growth_tenths = scale_exp_q8(2048 + growth) * 10 / 256 };
    return own->taken > ret->limit && !has_moved(&o, own_before, own_now);
}

static bool new_reader_lifts_all(const struct slow_leak *d, const struct weeks *own, const struct weeks *all,
                                 int32_t ratio_q8, struct finding *ret)
{
    int64_t excess;

    if (!all->is_regular)
        return false;
    *ret = (struct finding){ .window = own->window, .taken = own->taken, .usual = window_usual(all), .is_new = true,
                             .limit = limit_of(d, all, ratio_q8, all->trend_q8), .growth_tenths = 10 };
    excess = all->taken - ret->usual;
    return all->taken > ret->limit && own->taken - own->before / (own->n ? own->n * 7 : 1) * own->window >= excess / 2;
}

static int32_t ratio_of(const struct leak_window *window, const struct weeks *w)
{
    return w->n <= WEEKS_YOUNG ? window->young_q8 : window->ratio_q8;
}

/* By the days up to `last`. A pure function of days that are over, so it is the same for every row of a day. */
static bool is_over(const struct slow_leak *d, const struct days *own, const struct days *all, int32_t last,
                    struct finding *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
        struct weeks reader, container;

        read_weeks(own, last, windows[i].days, &reader);
        read_weeks(all, last, windows[i].days, &container);
        if (reader.taken < d->floor_bytes)
            continue;
        if (reader.is_regular ? own_leaves_band(d, &reader, &container, ratio_of(&windows[i], &reader), ret)
                              : new_reader_lifts_all(d, &reader, &container, ratio_of(&windows[i], &container), ret))
            return true;
    }
    return false;
}

/* The day on which this began, a week back at most: two days that both tell are one alert. */
static int32_t began(const struct slow_leak *d, const struct days *own, const struct days *all, int32_t last)
{
    struct finding f;
    int32_t day = last;

    while (last - day < 7 && is_over(d, own, all, day - 1, &f))
        day--;
    return day + 2;
}

/* ---- telling ----------------------------------------------------------------------------------- */

static int tell(const struct observation *obs, const struct detector_context *ctx, const struct reader *r,
                const struct finding *found, int32_t began_day, int32_t history, struct error *err)
{
    struct fact_list f = { .len = 0 };
    char label[READER_LABEL_MAX];
    int64_t end = ((int64_t)days_last_over(obs->minute_ns) + 1) * NS_PER_DAY;

    bin_facts_reader(&f, obs, r);
    facts_add_number(&f, "windowDays", FACT_MAX, found->window);
    facts_add_number(&f, "takenBytes", FACT_MAX, found->taken);
    facts_add_number(&f, "usualBytes", FACT_MAX, found->usual);
    facts_add_number(&f, "limitBytes", FACT_MAX, found->limit);
    facts_add_number(&f, "times10", FACT_MAX, found->usual > 0 ? found->taken / (found->usual / 10 + 1) : 0);
    facts_add_number(&f, "historyDays", FACT_MAX, history);
    if (found->growth_tenths > 10)
        facts_add_number(&f, "growth10", FACT_MAX, found->growth_tenths);
    facts_add_set(&f, "reason", found->is_new
        ? SL("it has no such weeks of its own: all readers of the container together left their band, and most of that is this one")
        : SL("no single hour need stand out: the sum of weeks left its band"));
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "slow_leak", .state_version = 1, .type = "CosmosDBX_DataExfiltration.LowAndSlow",
        .variant = found->is_new ? ".NewReader" : NULL, .severity = SEVERITY_MEDIUM, .confidence = found->is_new ? 55 : 65,
        .api = obs->api, .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID],
        .subject = reader_label(r, obs, label), .bucket_ns = began_day * NS_PER_DAY,
        .first_ns = end - found->window * NS_PER_DAY, .last_ns = end - 1, .count = 1,
        .facts = f.at, .facts_len = f.len }, err);
}

static int slow_leak_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                             struct error *err)
{
    struct slow_leak *d = self;
    const struct reader *r;
    struct entered container, reader;
    char room[READER_LABEL_MAX];
    int32_t last = days_last_over(obs->minute_ns);
    struct finding found;
    struct leak *l;
    struct days all;

    if (ctx->is_counted_elsewhere || !request_is_data_read(obs))
        return 0;
    r = reader_of(&d->memo, obs);
    if (reader_is_trusted(ctx->enrich, obs)) {
        (void)enter(ctx, obs, reader_container_hash(obs, r->hash), reader_label(r, obs, room), &reader); /* to learn is all */
        return 0;
    }
    if (!enter(ctx, obs, reader_container_hash(obs, 0), reader_container(obs, room), &container))
        return 0;
    all = container.leak->days;
    if (!enter(ctx, obs, reader_container_hash(obs, r->hash), reader_label(r, obs, room), &reader))
        return 0;
    l = reader.leak;
    if (l->verdict[reader.age] == UNJUDGED) /* the first row of its day */
        l->verdict[reader.age] = is_over(d, &l->days, &all, last, &found) ? OVER : ORDINARY;
    if (LIKELY(l->verdict[reader.age] == ORDINARY) || l->is_told[reader.age] || ctx->is_backfill ||
        (l->told[reader.age] && last + 2 - l->told[reader.age] < QUIET_DAYS) || ctx->is_learning)
        return 0;
    l->is_told[reader.age] = 1;
    (void)is_over(d, &l->days, &all, last, &found); /* again, for the figures */
    return tell(obs, ctx, r, &found, began(d, &l->days, &all, last), days_history(&l->days, last), err);
}

static const char *const slow_leak_types[] = { "CosmosDBX_DataExfiltration.LowAndSlow", NULL };
static const struct baseline_memory *const slow_leak_memories[] = { &leak_memory, NULL };

const struct detector_ops detector_slow_leak = {
    .name = "slow_leak",
    .summary = "a reader's weeks leave their band though no hour stands out",
    .reads = OBS_REQUEST,
    .types = slow_leak_types,
    .options = slow_leak_options,
    .size = sizeof(struct slow_leak),
    .memories = slow_leak_memories,
    .observe = slow_leak_observe,
};
