/* pulse.c - see pulse.h. Every pulse is advanced hour by hour beside all others, so that whether others were there is
 * asked of the same hour. Hours that are not over yet are bits. SPDX-License-Identifier: Apache-2.0 */
#include "pulse.h"

#include "base/buf.h"
#include "base/timeutil.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOURS_AHEAD 128            /* bits; the horizon is a day at most, and so is a window */
#define SHORTEST_SILENCE 3         /* hours */
#define TIMES_USUAL 2
#define LONGEST_JUDGED 168         /* hours of silence */
#define PERIOD 672                 /* four weeks: pauses of this and the last one are usual */
#define HOURS_AT_ONCE (60 * 24)    /* a longer jump is a broken clock, or a store that lay still */

struct pulse {
    int32_t first, last;           /* hours since 1970 with rows; 0: none is over yet */
    int32_t days, last_day;
    int32_t period, pause[2];      /* longest pauses, hours */
    int32_t is_told;               /* the silence under way */
    uint64_t ahead[HOURS_AHEAD / 64];
    char account[64], table[40], resource_id[264];
};

struct pulse_clock {
    int32_t over;                  /* the newest hour that is over */
    int32_t excused;               /* hours up to here are nobody's silence */
};

static void pulse_describe(const void *value, struct buf *out)
{
    const struct pulse *p = value;

    buf_addf(out, "rows on %d days, longest pause %d h", (int)p->days,
             (int)(p->pause[0] > p->pause[1] ? p->pause[0] : p->pause[1]));
}

const struct baseline_memory pulse_memory = {
    .name = "coverage.pulse", .version = 1, .size = sizeof(struct pulse), .max_keys = 20000, .describe = pulse_describe,
};

const struct baseline_memory pulse_clock_memory = {
    .name = "coverage.clock", .version = 1, .size = sizeof(struct pulse_clock), .max_keys = 1,
};

static int32_t hour_of(int64_t ns)
{
    return ns < 0 || ns / NS_PER_HOUR > INT32_MAX ? 0 : (int32_t)(ns / NS_PER_HOUR);
}

static struct pulse_clock *clock_of(struct baseline *b, int32_t hour)
{
    return baseline_put(b, &pulse_clock_memory, SL(""), SL("clock"), SL(""), hour * NS_PER_HOUR, NULL);
}

/* ---- rows ------------------------------------------------------------------------------------------ */

/* The tables that grow with use. */
static const char *table_of(const struct observation *obs)
{
    switch ((int)obs->table) {
    case TABLE_DATA_PLANE:
    case TABLE_MONGO:
    case TABLE_CASSANDRA:
    case TABLE_GREMLIN:
    case TABLE_TABLE_API:
        /* In every mode: a text is one of the statistics. */
        return table_name(obs->kind == OBS_TEXT ? TABLE_QUERY_STATS : obs->table);
    case TABLE_QUERY_STATS:
        return table_name(TABLE_QUERY_STATS);
    default:
        return NULL;
    }
}

static void note_in(struct baseline *b, const struct observation *obs, const char *table, int32_t hour)
{
    bool is_new = false;
    struct pulse *p = baseline_put(b, &pulse_memory, obs->text[F_ACCOUNT], slice_of(table), slice_of(table),
                                   obs->minute_ns, &is_new);

    if (!p)
        return; /* without memory nothing is known of it, and so nothing is said */
    if (is_new) {
        (void)snprintf(p->account, sizeof p->account, "%.*s", SLF(obs->text[F_ACCOUNT]));
        (void)snprintf(p->table, sizeof p->table, "%s", table);
    }
    if (!p->resource_id[0] && obs->text[F_RESOURCE_ID].len < sizeof p->resource_id)
        (void)snprintf(p->resource_id, sizeof p->resource_id, "%.*s", SLF(obs->text[F_RESOURCE_ID]));
    p->ahead[hour % HOURS_AHEAD / 64] |= UINT64_C(1) << hour % 64;
}

void pulse_note(struct baseline *b, const struct observation *obs)
{
    const char *table = table_of(obs);
    int32_t hour = hour_of(obs->minute_ns), over;
    const struct pulse_clock *known = baseline_get(b, &pulse_clock_memory, SL(""), SL("clock"));
    struct pulse_clock *clock;

    if (!table || obs->text[F_ACCOUNT].len == 0 || obs->text[F_ACCOUNT].len >= sizeof((struct pulse *)0)->account)
        return;
    if (!known) {
        clock = clock_of(b, hour);
        if (!clock)
            return;
        /* Earlier rows may follow. */
        clock->over = hour - 1 - 2 * (int32_t)(baseline_cfg(b)->horizon_ns / NS_PER_HOUR);
        known = clock;
    }
    over = known->over;
    if (hour <= over) /* from beyond the horizon */
        return;
    if (hour > over + HOURS_AHEAD) {
        /* Another source is behind by days: what this one brings meanwhile is not remembered, so it is nobody's silence. Still
         * further ahead it is a clock of its own. */
        if (hour <= over + HOURS_AT_ONCE)
            pulse_excuse(b, obs->minute_ns);
        return;
    }
    note_in(b, obs, "", hour);
    note_in(b, obs, table, hour);
}

void pulse_excuse(struct baseline *b, int64_t until_ns)
{
    int32_t hour = hour_of(until_ns) + 1;
    struct pulse_clock *clock = baseline_get(b, &pulse_clock_memory, SL(""), SL("clock")) ? clock_of(b, hour) : NULL;

    if (clock && clock->excused < hour)
        clock->excused = hour;
}

/* ---- hours ------------------------------------------------------------------------------------------ */

struct names { struct { char account[64], table[40]; } *at; size_t len, cap; bool failed; };

static void add_name(void *self, const void *value)
{
    struct names *n = self;
    const struct pulse *p = value;

    if (n->len == n->cap) {
        size_t cap = n->cap ? n->cap * 2 : 64;
        void *grown = realloc(n->at, cap * sizeof *n->at);

        n->failed |= !grown;
        if (!grown)
            return;
        n->at = grown;
        n->cap = cap;
    }
    memcpy(n->at[n->len].account, p->account, sizeof p->account);
    memcpy(n->at[n->len++].table, p->table, sizeof p->table);
}

static void names_release(struct names *n)
{
    free(n->at);
}

static const struct pulse *look(struct baseline *b, const char *account, const char *table)
{
    return baseline_get(b, &pulse_memory, slice_of(account), slice_of(table));
}

static struct pulse *change(struct baseline *b, const char *account, const char *table)
{
    return baseline_put(b, &pulse_memory, slice_of(account), slice_of(table), slice_of(table), 0, NULL);
}

static int32_t usual_pause(const struct pulse *p)
{
    return p->pause[0] > p->pause[1] ? p->pause[0] : p->pause[1];
}

static int32_t silence_after(const struct pulse *p)
{
    int32_t hours = TIMES_USUAL * usual_pause(p);

    return hours > SHORTEST_SILENCE ? hours : SHORTEST_SILENCE;
}

/* The hour is over: were there rows in it? */
static void learn_hour(struct pulse *p, int32_t hour, int32_t excused)
{
    uint64_t bit = UINT64_C(1) << hour % 64, *bits = &p->ahead[hour % HOURS_AHEAD / 64];
    int32_t since = p->last > excused ? p->last : excused, pause = hour - since - 1;

    if (hour / PERIOD != p->period) {
        p->pause[1] = hour / PERIOD == p->period + 1 ? p->pause[0] : 0;
        p->pause[0] = 0;
        p->period = hour / PERIOD;
    }
    if (!(*bits & bit))
        return;
    *bits &= ~bit;
    if (p->first == 0)
        p->first = hour;
    else if (pause > p->pause[0])
        p->pause[0] = pause;
    if (hour / 24 != p->last_day)
        p->days++;
    p->last_day = hour / 24;
    p->last = hour;
    p->is_told = false;
}

static bool is_known(const struct pulse *p, const struct baseline_config *cfg)
{
    /* From the first to the last row, on half of the days: who was there once and gone for weeks is not missed. */
    return p->first != 0 && p->last - p->first >= cfg->learn_ns / NS_PER_HOUR && p->days * 48 >= p->last - p->first;
}

static bool falls_silent(const struct pulse *p, int32_t hour, const struct pulse_clock *clock, const struct baseline_config *cfg)
{
    int32_t since = p->last > clock->excused ? p->last : clock->excused, after = silence_after(p);

    return !p->is_told && hour - since >= after && after <= LONGEST_JUDGED && is_known(p, cfg);
}

struct others { const char *account; int32_t since; bool are_there; };

static void look_at_other(void *self, const void *value)
{
    struct others *o = self;
    const struct pulse *p = value;

    o->are_there |= !p->table[0] && strcmp(p->account, o->account) != 0 && p->last >= o->since;
}

static int tell(const struct pulse *p, int32_t hour, bool is_everybody, const struct alert_sink *sink, struct error *err)
{
    CLEANUP(buf_release) struct buf since = BUF_HERE(64), silent = BUF_HERE(256);
    int64_t from_ns = (int64_t)(p->last + 1) * NS_PER_HOUR;

    time_add_iso(&since, from_ns, 0);
    buf_addf(&silent, "%s%s%s", p->account, p->table[0] ? " in " : "", p->table);
    const struct fact_value facts[] = {
        { .name = "silent", .kind = FACT_SET, .text = buf_slice(&silent) },
        { .name = "silentSince", .kind = FACT_SET, .text = buf_slice(&since) },
        { .name = "silentHours", .kind = FACT_MAX, .number = hour - p->last },
        { .name = "usualPauseHours", .kind = FACT_MAX, .number = usual_pause(p) },
    };

    /* Of all together the day alone is part of the identity: they fall silent within hours of each other. */
    return alert_emit(sink, &(struct alert_draft){
        .detector = "coverage", .state_version = 1, .type = "CosmosDBX_LogSilence",
        .variant = is_everybody ? ".All" : p->table[0] ? ".Table" : ".Account", .severity = SEVERITY_MEDIUM, .confidence = 60,
        .account = is_everybody ? SL("") : slice_of(p->account),
        .resource_id = is_everybody ? SL("") : slice_of(p->resource_id),
        .subject = is_everybody ? SL("all accounts") : buf_slice(&silent),
        .bucket_ns = is_everybody ? from_ns - from_ns % NS_PER_DAY : from_ns, .first_ns = from_ns,
        .last_ns = (int64_t)(hour + 1) * NS_PER_HOUR, .count = 1, .facts = facts, .facts_len = ARRAY_LEN(facts) }, err);
}

static int judge(struct baseline *b, const struct pulse *p, int32_t hour, const struct alert_sink *sink, struct error *err)
{
    struct others o = { .account = p->account, .since = hour - silence_after(p) / 2 };
    const struct pulse *account = look(b, p->account, "");

    if (!sink)
        return 0;
    if (p->table[0]) /* of an account that is silent itself no table is missed */
        return account && account->last >= o.since ? tell(p, hour, false, sink, err) : 0;
    baseline_each(b, &pulse_memory, look_at_other, &o);
    return tell(p, hour, !o.are_there, sink, err);
}

static int advance_hour(struct baseline *b, const struct names *names, int32_t hour, const struct pulse_clock *clock,
                        const struct alert_sink *sink, struct error *err)
{
    for (size_t i = 0; i < names->len; i++) {
        struct pulse *p = change(b, names->at[i].account, names->at[i].table);

        if (p)
            learn_hour(p, hour, clock->excused);
    }
    for (size_t i = 0; i < names->len; i++) {
        const struct pulse *p = look(b, names->at[i].account, names->at[i].table);
        struct pulse *told;

        if (!p || !falls_silent(p, hour, clock, baseline_cfg(b)))
            continue;
        if (judge(b, p, hour, sink, err) < 0)
            return -1;
        told = change(b, names->at[i].account, names->at[i].table);
        if (told)
            told->is_told = true;
    }
    return 0;
}

int pulse_advance(struct baseline *b, int64_t watermark_ns, const struct alert_sink *sink, struct error *err)
{
    const struct pulse_clock *known = baseline_get(b, &pulse_clock_memory, SL(""), SL("clock"));
    int32_t to = hour_of(watermark_ns - baseline_cfg(b)->horizon_ns) - 1;
    CLEANUP(names_release) struct names names = { 0 };
    struct pulse_clock now;
    struct pulse_clock *kept;

    if (!known || to <= known->over)
        return 0;
    now = *known;
    if (to - now.over > HOURS_AT_ONCE) {
        now.over = to - HOURS_AHEAD;
        now.excused = to;
    }
    baseline_each(b, &pulse_memory, add_name, &names);
    if (names.failed)
        return error_set(err, ERR_NOMEM, "no memory for the hours of accounts");
    while (now.over < to)
        if (advance_hour(b, &names, ++now.over, &now, sink, err) < 0)
            return -1;
    kept = clock_of(b, to);
    if (kept)
        *kept = now;
    return 0;
}
