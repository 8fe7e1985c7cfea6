/* volume - far more data read in an hour or a day than history makes likely.
 *
 * Why:     whoever has a working credential and wants the data reads it. Query, ReadFeed and Read answers
 *          are that data, ResponseLength is their size, and a reader's hours resemble each other.
 * Reads:   data-plane tables (the own tables of Mongo, Cassandra, Gremlin and Table API only where the
 *          account does not log data-plane rows): successful reads, response bytes, who and from where.
 * Judges:  a reader and container (kit/reader.h). Hour sums are held against band.h: what this hour of working or
 *          weekend days usually has, or all hours where it was not seen often enough: robust z and distance from P99
 *          above the sensitivity, at least 20 active hours of history, and a floor. A volume that came back twice at this
 *          hour of this weekday or day of the month, or at this hour of three other days, is usual up to twice itself.
 *          Day sums, in which an hour counts up to its ordinary limit (what is above is told by the hour), against
 *          the same weekday where four of them are known, else all days (two weeks at least), if something was
 *          read in four of its hours: "whole day".
 *          A reader that had such an hour on most days of two weeks, and not at the same time of the day
 *          (kit/odd_hours.h), is told for one that takes more than twice of that, or for a day with more of them.
 *          A reader too young for a band is held against what the whole container usually reads in an
 *          hour (P99), else the account; if the account never saw it before, it is High.
 *          Many readers that each stay small: the sum of what each read, counted up to the floor, against its
 *          own band ("spread", Low).
 * Keeps:   volume.band, 335 bytes a reader with everything (least recently seen leaves first), volume.day 200,
 *          volume.odd 150 for those that had an hour above its limit; sums and facts of hours and days that may still
 *          get rows (kit/bin.h).
 * Trust:   a principal spares and teaches its own hours and days, and what it has below the floor the spread. All else
 *          it reads is part of no sum, so that others cannot hide behind it. No address or agent: it may still carry data away.
 * Blind:   below the floor an hour and four of it a day; what is paced below that (slow_leak sees weeks); a thief on
 *          the application's own host with its own key and agent, unless he reads more than it does.
 *          Beyond 20 addresses of one network and hour only the 20 smallest texts are told.
 * Source:  Defender's alert of this id; Sentinel's SQL rule (z > 3 and Q > 3); ATT&CK T1213.006.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/band.h"
#include "detectors/kit/bin.h"
#include "detectors/kit/days.h"
#include "detectors/kit/known.h"
#include "detectors/kit/odd_hours.h"
#include "detectors/kit/request.h"
#include "detectors/kit/sensitivity.h"
#include "settings/option.h"

#include <stdio.h>

#define MATURE_DAYS 7   /* a reader younger than this is held against the container, not itself */
#define DAY_FLOORS 4    /* hours of the floor that a day must have */
#define SPREAD_FLOORS 4 /* that many readers at least */
#define DAY_SAMPLES 14
#define DAY_HOURS_MIN 4 /* in which something was read: one large hour speaks for itself */
#define HOUR_PART 4     /* of the floor, to count as such an hour */
#define WHOLE_DAY ", whole day"

/* Marks of a day: the hours in which enough was read, those above their limit, and whether these are too many. */
#define DAY_HOURS UINT64_C(0xffffff)
#define ODD_SHIFT 24
#define ODD_DAY (UINT64_C(1) << 63)

struct volume {
    int sensitivity;
    int64_t floor_bytes, samples;
    struct band_rule rule;
    int64_t swept_ns; /* watermark of the last sweep; saves work, judges nothing */
    struct reader_memo memo;
};

static const struct option_spec volume_options[] = {
    SENSITIVITY_OPTION(struct volume, "how far outside the usual: low 5, normal 3, high 2 robust standard deviations"),
    { .key = "floor", .type = OPT_BYTES, .at = offsetof(struct volume, floor_bytes), .preset = "50MiB",
      .min = 1024, .max = INT64_MAX, .help = "an hour with less than this never alerts" },
    { .key = "min_samples", .type = OPT_INT, .at = offsetof(struct volume, samples), .preset = "20",
      .min = 5, .max = 60, .help = "active hours before a reader is held against itself" },
    { 0 },
};

/* ---- memories ---------------------------------------------------------------------------------- */

static void band_describe(const void *value, struct buf *out)
{
    const struct band *b = value;
    struct band_view v;

    band_look_all(b, &v);
    buf_addf(out, "%lld active hours, median ", (long long)v.samples);
    fmt_bytes(out, v.median);
    buf_add_str(out, ", 99th percentile ");
    fmt_bytes(out, v.p99);
}

static bool band_hours(const void *value, int32_t len_hours, struct baseline_hours *ret)
{
    return band_look_hours(value, len_hours, ret);
}

static const struct baseline_memory band_memory = {
    .name = "volume.band",
    .version = BAND_VERSION,
    .size = sizeof(struct band),
    .max_keys = 1000000,
    .migrate = band_migrate,
    .describe = band_describe,
    .hours = band_hours,
};

struct day { /* what a reader took on its days, an hour up to its ordinary limit */
    struct days days;
    int64_t limit[2]; /* of the newest day and of the one before; 0: not asked for yet */
};

static const struct baseline_memory day_memory = {
    .name = "volume.day",
    .version = 1,
    .size = sizeof(struct day),
    .max_keys = 1000000,
};

static const struct baseline_memory odd_memory = { /* a reader's hours above their limit */
    .name = "volume.odd",
    .version = 1,
    .size = sizeof(struct odd_hours),
    .max_keys = 200000,
};

static const struct baseline_memory reader_memory = { /* a reader on the whole account */
    .name = "volume.reader",
    .version = 1,
    .size = sizeof(struct known),
    .max_keys = 1000000,
    .confirm = known_confirm,
};

/* ---- who reads what ---------------------------------------------------------------------------- */

struct subject {
    const struct observation *obs;
    const struct detector_context *ctx;
    const struct reader *reader;
    int32_t len, slot, hour;     /* slot length; slot; hour within the slot */
    bool is_trusted;
};

static void read_subject(struct volume *d, struct subject *s, const struct observation *obs,
                         const struct detector_context *ctx)
{
    s->obs = obs;
    s->ctx = ctx;
    s->len = slots_len(baseline_cfg(ctx->baseline));
    s->slot = slots_of(obs->minute_ns, s->len);
    s->hour = (int32_t)((obs->minute_ns - slots_start_ns(s->slot)) / NS_PER_HOUR);
    s->reader = reader_of(&d->memo, obs);
    s->is_trusted = reader_is_trusted(ctx->enrich, obs);
}

/* Kinds of subject. The first four share volume.band. */
enum { ACCOUNT = 'A', CONTAINER = 'C', SPREAD = 'S', READER = 'R', DAY = 'D' };

static struct bin_key key_of(const struct subject *s, char kind)
{
    struct bin_key key = { .tag = "volume", .start_ns = time_floor(s->obs->minute_ns, kind == DAY ? NS_PER_DAY : NS_PER_HOUR) };

    key.tag[7] = kind;
    if (kind == READER || kind == DAY)
        key.subject = reader_container_hash(s->obs, s->reader->hash);
    else if (kind != ACCOUNT)
        key.subject = reader_container_hash(s->obs, (uint64_t)kind);
    return key;
}

static struct slice label_of(const struct subject *s, char kind, char room[READER_LABEL_MAX])
{
    struct slice name = kind == SPREAD ? SL("many small readers -> ") : SL("all readers -> ");
    char container[READER_LABEL_MAX];
    struct slice text;

    if (kind == READER || kind == DAY)
        return reader_label(s->reader, s->obs, room);
    if (kind == ACCOUNT)
        return SL("all readers");
    text = reader_container(s->obs, container);
    memcpy(room, name.at, name.len);
    memcpy(room + name.len, text.at, text.len);
    return slice_make(room, name.len + text.len);
}

/* ---- judging ----------------------------------------------------------------------------------- */

struct judgement {
    int64_t limit;
    int64_t limit_of_hour;  /* whatever came back */
    int64_t ordinary;       /* as much of an hour counts for its day */
    struct band_view usual; /* what the limit was made from */
    bool is_own;            /* the subject's own band, not that of the container or account */
    bool is_new_reader;
};

static void add_usual(struct fact_list *f, const struct judgement *j, char kind, const struct bin *b)
{
    bool is_day = kind == DAY;

    if (j->usual.samples) {
        facts_add_number(f, is_day ? "usualDayBytes" : "usualBytes", FACT_MAX, j->usual.median);
        facts_add_number(f, is_day ? "usualDayP99Bytes" : "usualP99Bytes", FACT_MAX, j->usual.p99);
        facts_add_number(f, "zScore10", FACT_MAX, band_z10(&j->usual, b->bytes));
    }
    if (j->usual.samples && !is_day)
        facts_add_set(f, "usualOf", j->usual.is_of_hour ? SL("this hour of such days") : SL("all hours"));
    if (j->usual.history_days) /* "0 days of history" would only repeat that the reader is new */
        facts_add_number(f, "historyDays", FACT_MAX, j->usual.history_days);
    if (j->limit < INT64_MAX) /* a day that is told for its hours may have none */
        facts_add_number(f, is_day ? "dayLimitBytes" : "limitBytes", FACT_MAX, j->limit);
    facts_add_number(f, is_day ? "dayBytes" : "largestHourBytes", FACT_MAX, b->bytes);
    if (!j->is_own)
        facts_add_set(f, "comparedWith", SL("the whole container or account"));
    if (j->is_new_reader)
        facts_add_set(f, "newReader", SL("yes"));
}

struct hour_names {
    char each[24][32];
};

/* Both may hold, so that each stands for itself: which of them held first hangs on the order of rows. */
static void add_day_reasons(struct fact_list *f, const struct subject *s, const struct bin *b, const struct judgement *j,
                            struct hour_names *room)
{
    if (b->bytes > j->limit)
        facts_add_set(f, "reason", SL("the day's sum is unusual, no hour need be"));
    if (!(b->marks & ODD_DAY))
        return;
    facts_add_set(f, "reason", SL("more hours than on its other days were above what they usually have"));
    for (int h = 0; h < 24; h++) {
        CLEANUP(buf_release) struct buf hour = BUF_HERE(sizeof(room->each[h]) - 1);

        if (!(b->marks & UINT64_C(1) << (ODD_SHIFT + h)))
            continue;
        time_add_iso(&hour, time_floor(s->obs->minute_ns, NS_PER_DAY) + h * NS_PER_HOUR, 0);
        (void)snprintf(room->each[h], sizeof(room->each[h]), "%s", buf_cstr(&hour));
        facts_add_set(f, "hours", slice_of(room->each[h]));
    }
}

static int tell(const struct subject *s, char kind, struct bin *b, int64_t bytes, const struct judgement *j,
                struct error *err)
{
    const struct observation *obs = s->obs;
    struct bin_facts f = { .f.len = 0 };
    struct hour_names hours;
    char room[READER_LABEL_MAX + sizeof(WHOLE_DAY)];
    struct slice label = label_of(s, kind, room);
    struct bin increment;
    const struct bin *part = bin_tell(b, obs, bytes, 0, s->reader, &increment);
    struct bin_key key = key_of(s, kind);

    if (kind == SPREAD) {
        facts_add_set(&f.f, "reader", SL("many small readers together"));
        facts_add_set(&f.f, "database", obs->text[F_DATABASE]);
        facts_add_set(&f.f, "container", obs->text[F_CONTAINER]);
    } else {
        bin_facts_reader(&f.f, obs, s->reader);
        bin_facts_addresses(&f, s->ctx, obs, part, &key);
        facts_add_sample(&f.f, slice_of(part->sample), 0);
    }
    if (kind == DAY) { /* an alert of its own: its bytes are part of its hours' as well */
        memcpy(room + label.len, WHOLE_DAY, sizeof(WHOLE_DAY) - 1);
        label.len += sizeof(WHOLE_DAY) - 1;
        add_day_reasons(&f.f, s, b, j, &hours);
    } else {
        bin_facts_hour(&f, obs);
        facts_add_map(&f.f, "bytesByHour", slice_of(f.hour), part->bytes);
        if (part == b && j->usual.samples) /* once an hour: these add up */
            facts_add_map(&f.f, "usualByHour", slice_of(f.hour), j->usual.median);
    }
    bin_facts_sums(&f.f, part);
    add_usual(&f.f, j, kind, b);
    return alert_emit(s->ctx->sink, &(struct alert_draft){
        .detector = "volume", .state_version = 2, .type = "CosmosDB_DataExfiltrationAnomaly",
        .variant = kind == SPREAD ? ".Spread" : kind == DAY ? ".Day" : ".Bytes",
        .severity = kind == SPREAD     ? SEVERITY_LOW
                    : j->is_new_reader ? SEVERITY_HIGH
                                       : SEVERITY_MEDIUM,
        .confidence = kind == SPREAD ? 40 : j->is_new_reader ? 80 : kind == DAY ? 60 : 70,
        .api = obs->api, .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID],
        .subject = label, .bucket_ns = time_floor(obs->minute_ns, NS_PER_DAY),
        .first_ns = part->first_ns, .last_ns = part->last_ns, .count = part->requests,
        .facts = f.f.at, .facts_len = f.f.len }, err);
}

struct entered { /* a subject with this observation in it */
    struct band *band;
    struct bin *hour;
    enum slot_age age;
    int64_t bytes_before; /* of the hour */
};

static struct slice band_key(const struct bin_key *key)
{
    return slice_make((const char *)key, offsetof(struct bin_key, start_ns));
}

/* False: nothing to judge (beyond the horizon, or no memory). */
static bool enter(const struct volume *d, const struct subject *s, char kind, int64_t bytes,
                  struct entered *ret)
{
    struct bin_key key = key_of(s, kind);
    char room[READER_LABEL_MAX];

    ret->band = baseline_put(s->ctx->baseline, &band_memory, s->obs->text[F_ACCOUNT], band_key(&key),
                             label_of(s, kind, room), s->obs->minute_ns, NULL);
    if (!ret->band)
        return false;
    ret->age = band_enter(ret->band, s->slot, s->len, &d->rule);
    if (ret->age == SLOT_LATE)
        return false;
    key.tag[6] = s->is_trusted ? 't' : key.tag[6]; /* apart: trust may end within the hour */
    ret->hour = bin_put(s->ctx, s->obs, &key);
    if (!ret->hour)
        return false;
    ret->bytes_before = ret->hour->bytes;
    bin_add(ret->hour, s->obs, bytes, 0);
    band_note(ret->band, ret->age, s->hour, ret->hour->bytes);
    if (kind == READER)
        bin_add_address(ret->hour, s->ctx, s->obs, &key, s->reader);
    return true;
}

/* Days since closed slots first saw this reader anywhere on the account; 0: never. */
static int64_t reader_age_days(const struct subject *s)
{
    int64_t days = known_touch(&(struct known_ask){ .baseline = s->ctx->baseline, .memory = &reader_memory,
                                                    .account = s->obs->text[F_ACCOUNT],
                                                    .key = slice_make((const char *)&s->reader->hash, 8),
                                                    .label = reader_name(s->reader), .time_ns = s->obs->minute_ns,
                                                    .len_hours = s->len });

    return days < 0 ? 0 : days;
}

static bool look(const struct volume *d, const struct subject *s, char kind, struct band_view *ret)
{
    struct bin_key key = key_of(s, kind);
    const struct band *b = baseline_get(s->ctx->baseline, &band_memory, s->obs->text[F_ACCOUNT], band_key(&key));

    if (!b)
        return false;
    band_look(b, s->slot == b->newest ? SLOT_NOW : SLOT_BEFORE, s->slot, s->hour, s->len, ret);
    return ret->samples >= d->rule.samples;
}

/* Counts halve every month: a reader of an hour a day that was known then is known still. 0: it was not. */
static int64_t limit_known_before(const struct volume *d, const struct band_view *own)
{
    struct band_rule rule = d->rule;

    rule.samples = (rule.samples + 1) / 2;
    return own->history_days > BAND_FADE_DAYS ? band_limit(own, &rule) : 0;
}

/* What a reader may read in an hour: what it usually does; too young for that, what the container usually
 * gives to all its readers together; and where that is unknown too, the account. */
static void judge_reader(const struct volume *d, const struct subject *s, const struct entered *e,
                         int64_t age_days, struct judgement *ret)
{
    struct band_view own, all;
    int64_t before;

    *ret = (struct judgement){ .is_new_reader = age_days < MATURE_DAYS };
    band_look(e->band, e->age, s->slot, s->hour, s->len, &own);
    if (own.samples >= d->rule.samples && own.history_days >= MATURE_DAYS) {
        ret->usual = own;
        ret->limit = band_limit(&own, &d->rule);
        own.peak = 0;
        ret->limit_of_hour = band_limit(&own, &d->rule);
        ret->ordinary = band_ordinary(&own, &d->rule);
        ret->is_own = true;
        ret->is_new_reader = false;
        return;
    }
    ret->usual = own;
    ret->limit = ret->limit_of_hour = d->rule.floor_bytes;
    if (look(d, s, CONTAINER, &all) || look(d, s, ACCOUNT, &all)) {
        ret->usual = all;
        ret->usual.history_days = own.history_days;
        if (all.p99_of_all > ret->limit) /* when it works is not known yet */
            ret->limit = all.p99_of_all;
    }
    before = limit_known_before(d, &own);
    ret->limit = before > ret->limit ? before : ret->limit;
    ret->ordinary = ret->limit;
    if (own.peak > ret->limit / 2)
        ret->limit = own.peak > INT64_MAX / 2 ? INT64_MAX : 2 * own.peak;
}

/* ---- days -------------------------------------------------------------------------------------- */

static void close_limits(void *self, int32_t closed)
{
    struct day *day = self;

    (void)closed;
    day->limit[1] = day->limit[0];
    day->limit[0] = 0;
}

/* What a reader's day may sum up to. */
static int64_t day_limit(const struct volume *d, const struct days *days, int32_t today, struct band_view *ret)
{
    struct band_rule rule = d->rule;

    rule.samples = 1; /* days_look() says nothing when there are too few */
    rule.floor_bytes = d->floor_bytes > INT64_MAX / DAY_FLOORS ? INT64_MAX : DAY_FLOORS * d->floor_bytes;
    days_look(days, today, DAY_SAMPLES, ret);
    return ret->samples ? band_limit(ret, &rule) : INT64_MAX;
}

static int32_t hour_of_day(const struct subject *s)
{
    return (int32_t)((s->obs->minute_ns - time_floor(s->obs->minute_ns, NS_PER_DAY)) / NS_PER_HOUR);
}

struct odd { /* an hour above its limit */
    uint64_t mark; /* 0: it is not */
    int usual;     /* as many of them have days; 0: they have none, and the hour is told by itself */
};

/* Raises the hour's limit where its reader has such hours at any time of the day. */
static struct odd judge_odd(const struct subject *s, const struct entered *e, struct judgement *j)
{
    struct bin_key key = key_of(s, READER);
    char room[READER_LABEL_MAX];
    struct odd_usual usual = { 0 };
    struct odd_hours *all;
    enum slot_age age;

    all = baseline_put(s->ctx->baseline, &odd_memory, s->obs->text[F_ACCOUNT], band_key(&key),
                       label_of(s, READER, room), s->obs->minute_ns, NULL);
    age = all ? odd_hours_enter(all, s->obs->minute_ns) : SLOT_LATE;
    if (age == SLOT_LATE)
        return (struct odd){ 0 };
    odd_hours_add(all, age, hour_of_day(s), e->hour->bytes);
    if (!j->is_new_reader && odd_hours_usual(all, s->obs->minute_ns, &usual)) {
        int64_t most = usual.bytes > INT64_MAX / 2 ? INT64_MAX : 2 * usual.bytes;

        j->limit = most > j->limit ? most : j->limit;
    }
    return (struct odd){ .mark = UINT64_C(1) << (ODD_SHIFT + hour_of_day(s)), .usual = usual.hours };
}

static bool is_day_large(const struct volume *d, const struct bin *b)
{
    return b->bytes / DAY_FLOORS > d->floor_bytes && __builtin_popcountll(b->marks & DAY_HOURS) >= DAY_HOURS_MIN;
}

static int judge_day(const struct volume *d, const struct subject *s, int64_t bytes, int64_t hour_bytes,
                     const struct odd *odd, bool is_quiet, struct error *err)
{
    uint64_t mark = hour_bytes >= d->floor_bytes / HOUR_PART ? UINT64_C(1) << hour_of_day(s) : 0;
    struct bin_key key = key_of(s, DAY);
    char room[READER_LABEL_MAX];
    int32_t today = days_last_over(s->obs->minute_ns) + 2;
    struct day *day = baseline_put(s->ctx->baseline, &day_memory, s->obs->text[F_ACCOUNT], band_key(&key),
                                   label_of(s, DAY, room), s->obs->minute_ns, NULL);
    enum slot_age age = day ? days_enter(&day->days, s->obs->minute_ns, close_limits, day) : SLOT_LATE;
    struct judgement j = { .is_own = true };
    struct bin *b;

    if (age == SLOT_LATE)
        return 0;
    days_add(&day->days, age, bytes);
    b = is_quiet ? NULL : bin_put(s->ctx, s->obs, &key);
    if (!b)
        return 0;
    bin_add(b, s->obs, bytes, mark | odd->mark);
    bin_add_address(b, s->ctx, s->obs, &key, s->reader);
    if (odd->usual && __builtin_popcountll(b->marks & DAY_HOURS << ODD_SHIFT) > odd->usual)
        b->marks |= ODD_DAY;
    if (!(b->marks & ODD_DAY) && !is_day_large(d, b))
        return 0;
    if (!day->limit[age])
        day->limit[age] = day_limit(d, &day->days, today, &j.usual);
    if (LIKELY(b->bytes <= day->limit[age] && !(b->marks & ODD_DAY)))
        return 0;
    j.limit = day_limit(d, &day->days, today, &j.usual); /* again, for the figures */
    return tell(s, DAY, b, bytes, &j, err);
}

/* ---- the observation --------------------------------------------------------------------------- */

static int64_t part_below(const struct entered *e, int64_t most)
{
    int64_t now = e->hour->bytes < most ? e->hour->bytes : most;

    return now - (e->bytes_before < most ? e->bytes_before : most);
}

static int judge_spread(const struct volume *d, const struct subject *s, int64_t bytes, bool is_quiet, struct error *err)
{
    struct judgement j = { .is_own = true };
    struct entered e;

    if (!enter(d, s, SPREAD, bytes, &e) || e.hour->bytes / SPREAD_FLOORS <= d->floor_bytes || is_quiet)
        return 0;
    band_look(e.band, e.age, s->slot, s->hour, s->len, &j.usual);
    j.usual.is_quiet_hour = false; /* one more of many is no surprise at any hour */
    j.limit = band_limit(&j.usual, &d->rule);
    if (j.limit == 0 || e.hour->bytes <= j.limit) /* 0: too few samples to say anything of the sum */
        return 0;
    return tell(s, SPREAD, e.hour, bytes, &j, err);
}

/* What a trusted principal reads is usual for it when trust ends. */
static int learn_trusted(const struct volume *d, const struct subject *s, struct error *err)
{
    struct entered e, spread;
    struct judgement j = { .ordinary = d->rule.floor_bytes };
    struct odd odd = { 0 };
    int64_t age_days;

    if (!enter(d, s, READER, s->obs->bytes_out, &e))
        return 0;
    age_days = reader_age_days(s);
    if (e.hour->bytes > d->rule.floor_bytes) {
        judge_reader(d, s, &e, age_days, &j);
        if (e.hour->bytes > j.limit_of_hour)
            odd = judge_odd(s, &e, &j);
    }
    if (judge_day(d, s, part_below(&e, j.ordinary), e.hour->bytes, &odd, true, err) < 0)
        return -1;
    (void)enter(d, s, SPREAD, part_below(&e, d->rule.floor_bytes), &spread); /* to learn is all */
    return 0;
}

static int volume_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                          struct error *err)
{
    struct volume *d = self;
    struct subject s;
    struct entered account, container, reader;
    struct judgement j = { .limit = d->rule.floor_bytes, .ordinary = d->rule.floor_bytes };
    struct odd odd = { 0 };
    int64_t age_days, day_part, small_part;
    bool is_quiet, is_elsewhere = ctx->is_counted_elsewhere;

    bin_sweep(&d->swept_ns, ctx);
    if (is_elsewhere || !request_is_data_read(obs))
        return 0;
    read_subject(d, &s, obs, ctx);
    if (s.is_trusted)
        return learn_trusted(d, &s, err);
    if (!enter(d, &s, ACCOUNT, obs->bytes_out, &account) || !enter(d, &s, CONTAINER, obs->bytes_out, &container) ||
        !enter(d, &s, READER, obs->bytes_out, &reader))
        return 0;
    is_quiet = ctx->is_backfill || ctx->is_learning;
    age_days = reader_age_days(&s);
    if (UNLIKELY(reader.hour->bytes > d->rule.floor_bytes)) { /* below the floor nothing is unusual */
        judge_reader(d, &s, &reader, age_days, &j);
        if (UNLIKELY(reader.hour->bytes > j.limit_of_hour))
            odd = judge_odd(&s, &reader, &j);
    }
    /* Sums of parts are the same in any order. Of a day: what its hours did not tell. Of the many small ones: what
     * each read below the floor, so that one large reader does not make their sum unusual. */
    day_part = part_below(&reader, j.ordinary);
    small_part = part_below(&reader, d->rule.floor_bytes);
    if (reader.hour->bytes > j.limit && !is_quiet && tell(&s, READER, reader.hour, obs->bytes_out, &j, err) < 0)
        return -1;
    if (judge_day(d, &s, day_part, reader.hour->bytes, &odd, is_quiet, err) < 0)
        return -1;
    return judge_spread(d, &s, small_part, is_quiet, err);
}

static int volume_open(void *self, struct error *err)
{
    struct volume *d = self;

    (void)err;
    d->rule = (struct band_rule){ .z10 = sensitivity_z10(d->sensitivity), .q = sensitivity_q(d->sensitivity),
                                  .floor_bytes = d->floor_bytes, .samples = d->samples };
    return 0;
}

static const char *const volume_types[] = { "CosmosDB_DataExfiltrationAnomaly", NULL };
static const struct baseline_memory *const volume_memories[] = {
    &band_memory, &day_memory, &odd_memory, &reader_memory, &bin_memory, &bin_addresses_memory, NULL,
};

const struct detector_ops detector_volume = {
    .name = "volume",
    .summary = "far more data read in an hour or a day than history makes likely",
    .reads = OBS_REQUEST,
    .types = volume_types,
    .options = volume_options,
    .size = sizeof(struct volume),
    .memories = volume_memories,
    .open = volume_open,
    .observe = volume_observe,
};
