/* volume - far more data read in an hour than history makes likely.
 *
 * Why:     whoever has a working credential and wants the data reads it. Query, ReadFeed and Read answers
 *          are that data, ResponseLength is their size, and a reader's hours resemble each other.
 * Reads:   data-plane tables (the own tables of Mongo, Cassandra, Gremlin and Table API only where the
 *          account does not log data-plane rows): successful reads, response bytes, who and from where.
 * Judges:  a reader = container + principal or key kind + agent family + network (the /24 of a public
 *          address, /64 of IPv6, or "private"). So a stolen key used from elsewhere is a reader of
 *          its own, and a thousand autoscaled hosts are one. Hour sums are held against band.h: robust z and
 *          distance from P99 above the sensitivity, at least 20 active hours of history, and a floor.
 *          A reader too young for a band is held against what the whole container usually reads in an
 *          hour (P99), else the account; if the account never saw it before, it is High.
 *          Many readers that each stay small: the sum of what each read, counted up to the floor, against its
 *          own band ("spread", Low).
 * Keeps:   volume.band, 240 bytes a reader with everything (least recently seen leaves first); sums and facts
 *          of hours that may still get rows (volume.hour, dropped when no row can come any more).
 * Blind:   below the floor an hour; paced reads of one reader below it (day sums would see those); a thief on
 *          the application's own host with its own key and agent, unless he reads more than it does.
 *          Beyond 20 addresses of one network and hour only the 20 smallest texts are told.
 * Source:  Defender's alert of this id; Sentinel's SQL rule (z > 3 and Q > 3); ATT&CK T1213.006.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/band.h"
#include "detectors/kit/request.h"
#include "detectors/kit/slots.h"
#include "enrich/caller.h"
#include "enrich/enrich.h"
#include "enrich/prefix.h"
#include "enrich/user_agent.h"
#include "settings/option.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY_MAX 2048
#define MATURE_DAYS 7 /* a reader younger than this is held against the container, not itself */
#define FACTS_MAX (32 + FACT_SET_MAX + 1)
#define ADDRESSES_MAX (FACT_SET_MAX + 1) /* one more than an alert keeps, so that it can say "more" */

enum { SENSITIVITY_LOW, SENSITIVITY_MEDIUM, SENSITIVITY_HIGH };

struct volume {
    int sensitivity;
    int64_t floor_bytes, samples;
    struct band_rule rule;
    int64_t swept_ns; /* watermark of the last sweep; saves work, judges nothing */
};

static const char *const sensitivities[] = { "low", "medium", "high", NULL };

static const struct option_spec volume_options[] = {
    { .key = "sensitivity", .type = OPT_ENUM, .at = offsetof(struct volume, sensitivity),
      .preset = "medium", .values = sensitivities,
      .help = "how far outside the usual: low 5, medium 3, high 2 robust standard deviations" },
    { .key = "floor", .type = OPT_BYTES, .at = offsetof(struct volume, floor_bytes), .preset = "50MiB",
      .min = 1024, .max = INT64_MAX, .help = "an hour with less than this never alerts" },
    { .key = "min_samples", .type = OPT_INT, .at = offsetof(struct volume, samples), .preset = "20",
      .min = 5, .max = 1000, .help = "active hours before a reader is held against itself" },
    { 0 },
};

/* ---- memories ---------------------------------------------------------------------------------- */

static void band_describe(const void *value, struct buf *out)
{
    const struct band *b = value;
    struct band_view v;

    band_look(b, SLOT_BEFORE, b->newest, 1, &v);
    buf_addf(out, "%lld active hours, median ", (long long)v.samples);
    fmt_bytes(out, v.median);
    buf_add_str(out, ", 99th percentile ");
    fmt_bytes(out, v.p99);
}

static const struct baseline_memory band_memory = {
    .name = "volume.band",
    .version = 1,
    .size = sizeof(struct band),
    .max_keys = 1000000,
    .describe = band_describe,
};

struct hour { /* one subject's hour while rows may still come */
    int64_t bytes, requests, ru_milli;
    int64_t first_ns, last_ns;
    uint32_t query, read_feed, read, execute, other; /* requests by operation */
    uint32_t not_200;                                /* requests with another 2xx status */
    struct address address;                          /* the first one seen; further ones: addresses */
    uint8_t has_address, has_more_addresses, is_told, padding[5];
};

static const struct baseline_memory hour_memory = {
    .name = "volume.hour",
    .version = 1,
    .size = sizeof(struct hour),
    .max_keys = 1000000,
};

struct addresses { /* of an hour with more than one: the smallest in text order */
    struct address each[ADDRESSES_MAX];
    uint32_t len;
};

static const struct baseline_memory addresses_memory = {
    .name = "volume.addresses",
    .version = 1,
    .size = sizeof(struct addresses),
    .max_keys = 50000,
};

struct reader { /* principal or key kind + agent + network on the whole account */
    int32_t newest, first;
};

static const struct baseline_memory reader_memory = {
    .name = "volume.reader",
    .version = 1,
    .size = sizeof(struct reader),
    .max_keys = 1000000,
};

/* ---- who reads what ---------------------------------------------------------------------------- */

struct subject {
    const struct observation *obs;
    const struct detector_context *ctx;
    int32_t len, slot, hour;     /* slot length; slot; hour within the slot */
    char key_room[KEY_MAX], reader_room[KEY_MAX];
    struct slice container;      /* "shop/orders" */
    struct slice reader;         /* "PrimaryMasterKey / dotnet-v3 / 203.0.113.0/24" */
    struct slice who, agent;     /* parts of it */
    char network[PREFIX_TEXT_MAX];
    struct address address;
    bool has_address;
};

static struct slice who_of(const struct observation *obs)
{
    const char *name = "";
    enum key_kind kind = key_kind_parse(obs->text[F_KEY_KIND], &name);

    if (!slice_empty(obs->text[F_PRINCIPAL]))
        return slice_cut(obs->text[F_PRINCIPAL], 200);
    if (*name)
        return slice_of(name);
    return kind == KEY_OTHER ? slice_cut(obs->text[F_KEY_KIND], 64) : SL("unknown credential");
}

static void read_network(struct subject *s)
{
    struct slice text = s->obs->text[F_ADDRESS];
    struct prefix range;

    s->has_address = address_parse(text, &s->address);
    if (!s->has_address || enrich_is_private(text)) {
        (void)snprintf(s->network, sizeof(s->network), "%s",
                       s->has_address || slice_empty(text) ? "private" : "unknown network");
        return;
    }
    range = prefix_of(&s->address, address_is_v4(&s->address) ? 120 : 64);
    prefix_format(&range, s->network);
}

/* Texts are joined with a byte that no name of Azure holds, so that "a" + "bc" is not "ab" + "c". */
static struct slice join(char *room, size_t max, const struct slice *parts, size_t n, const char *glue)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        struct slice part = parts[i];

        if (i > 0) {
            size_t glue_len = strlen(glue);

            if (len + glue_len > max)
                break;
            memcpy(room + len, glue, glue_len);
            len += glue_len;
        }
        part = slice_cut(part, max - len);
        if (part.len)
            memcpy(room + len, part.at, part.len);
        len += part.len;
    }
    return slice_make(room, len);
}

static void read_subject(struct subject *s, const struct observation *obs,
                         const struct detector_context *ctx)
{
    struct user_agent agent;
    struct slice place[] = { slice_cut(obs->text[F_DATABASE], 256),
                             slice_cut(obs->text[F_CONTAINER], 256) };

    s->obs = obs;
    s->ctx = ctx;
    s->len = slots_len(baseline_cfg(ctx->baseline));
    s->slot = slots_of(obs->minute_ns, s->len);
    s->hour = (int32_t)((obs->minute_ns - slots_start_ns(s->slot)) / NS_PER_HOUR);
    user_agent_parse(obs->text[F_USER_AGENT], &agent);
    s->who = who_of(obs);
    s->agent = slice_empty(agent.product) ? SL("no agent") : agent.product;
    read_network(s);
    s->container = join(s->key_room, sizeof(s->key_room), place, ARRAY_LEN(place), "/");
    if (slice_empty(place[0]))
        s->container = slice_make(s->container.at + 1, s->container.len - 1);
    s->reader = join(s->reader_room, sizeof(s->reader_room),
                     (struct slice[]){ s->who, s->agent, slice_of(s->network) }, 3, " / ");
}

/* ---- hours ------------------------------------------------------------------------------------- */

/* Kinds of subject that share volume.band: they differ in the first letter of the key. */
enum { ACCOUNT = 'A', CONTAINER = 'C', SPREAD = 'S', READER = 'R' };

static struct slice subject_key(const struct subject *s, char kind, bool with_hour, char room[KEY_MAX])
{
    int64_t hour = slots_start_ns(s->slot) / NS_PER_HOUR + s->hour;
    struct slice parts[] = {
        slice_make(&kind, 1),
        kind == ACCOUNT ? SL("") : s->container,
        kind == READER ? s->reader : SL(""),
        with_hour ? slice_make((const char *)&hour, sizeof(hour)) : SL(""),
    };

    return join(room, KEY_MAX, parts, ARRAY_LEN(parts), "\x1f");
}

static void label_of(const struct subject *s, char kind, struct buf *out)
{
    buf_add_slice(out, kind == READER ? s->reader
                       : kind == SPREAD ? SL("many small readers") : SL("all readers"));
    if (kind != ACCOUNT) {
        buf_add_str(out, " -> ");
        buf_add_slice(out, s->container);
    }
}

static uint32_t add_u32(uint32_t a, int64_t b)
{
    int64_t sum = (int64_t)a + b;

    return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

static uint32_t *counter_of(struct hour *h, struct slice operation)
{
    if (slice_eq_nocase(operation, SL("Query")) || slice_eq_nocase(operation, SL("SqlQuery")))
        return &h->query;
    if (slice_eq_nocase(operation, SL("ReadFeed")))
        return &h->read_feed;
    if (slice_eq_nocase(operation, SL("Read")))
        return &h->read;
    return slice_eq_nocase(operation, SL("Execute")) ? &h->execute : &h->other;
}

static void count_operation(struct hour *h, const struct observation *obs)
{
    uint32_t *counter = counter_of(h, obs->text[F_OPERATION]);

    *counter = add_u32(*counter, obs->count);
    if (obs->status != 200)
        h->not_200 = add_u32(h->not_200, obs->count);
}

static void hour_add(struct hour *h, const struct observation *obs, int64_t bytes)
{
    if (h->requests == 0) {
        h->first_ns = obs->first_ns;
        h->last_ns = obs->last_ns;
    }
    h->first_ns = obs->first_ns < h->first_ns ? obs->first_ns : h->first_ns;
    h->last_ns = obs->last_ns > h->last_ns ? obs->last_ns : h->last_ns;
    h->bytes = i64_add_sat(h->bytes, bytes);
    h->requests = i64_add_sat(h->requests, obs->count);
    h->ru_milli = i64_add_sat(h->ru_milli, obs->ru_milli);
    count_operation(h, obs);
}

/* Keep the ADDRESSES_MAX smallest in text order: what an alert's set would keep as well. */
static void addresses_add(struct addresses *all, const struct address *a)
{
    char text[ADDRESS_TEXT_MAX], other[ADDRESS_TEXT_MAX];
    size_t at = all->len;

    address_format(a, text);
    for (; at > 0; at--) {
        int order;

        address_format(&all->each[at - 1], other);
        order = strcmp(other, text);
        if (order == 0)
            return;
        if (order < 0)
            break;
    }
    if (at == ADDRESSES_MAX)
        return;
    if (all->len == ADDRESSES_MAX)
        all->len--;
    memmove(&all->each[at + 1], &all->each[at], (all->len - at) * sizeof(*a));
    all->each[at] = *a;
    all->len++;
}

/* Most hours have one address: it stands in the hour itself. */
static void hour_add_address(const struct subject *s, struct hour *h, struct slice hour_key)
{
    struct addresses *more;
    bool is_new = false;

    if (!s->has_address)
        return;
    if (!h->has_address) {
        h->address = s->address;
        h->has_address = 1;
        return;
    }
    if (memcmp(&h->address, &s->address, sizeof(s->address)) == 0 && !h->has_more_addresses)
        return;
    more = baseline_put(s->ctx->baseline, &addresses_memory, s->obs->text[F_ACCOUNT], hour_key, SL(""),
                        s->obs->minute_ns, &is_new);
    if (!more)
        return;
    h->has_more_addresses = 1;
    if (is_new)
        addresses_add(more, &h->address);
    addresses_add(more, &s->address);
}

/* ---- facts ------------------------------------------------------------------------------------- */

struct facts {
    struct fact_value at[FACTS_MAX];
    size_t len;
    char texts[ADDRESSES_MAX][ADDRESS_TEXT_MAX];
    char hour[32];
};

static void add_set(struct facts *f, const char *name, struct slice text)
{
    if (f->len < FACTS_MAX && !slice_empty(text))
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = FACT_SET, .text = text };
}

static void add_number(struct facts *f, const char *name, enum fact_kind kind, int64_t number)
{
    if (f->len < FACTS_MAX)
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = kind, .number = number };
}

static void add_map(struct facts *f, const char *name, const char *key, int64_t number)
{
    if (f->len < FACTS_MAX && number > 0)
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = FACT_MAP, .text = slice_of(key),
                                               .number = number };
}

static void add_sums(struct facts *f, const struct hour *h)
{
    add_number(f, "bytesOut", FACT_SUM, h->bytes);
    add_number(f, "requests", FACT_SUM, h->requests);
    add_number(f, "ruMilli", FACT_SUM, h->ru_milli);
    add_map(f, "operations", "Query", h->query);
    add_map(f, "operations", "ReadFeed", h->read_feed);
    add_map(f, "operations", "Read", h->read);
    add_map(f, "operations", "Execute", h->execute);
    add_map(f, "operations", "other", h->other);
    add_map(f, "statusCodes", "200", h->requests - (int64_t)h->not_200);
    add_map(f, "statusCodes", "2xx", h->not_200);
}

static void add_addresses(struct facts *f, const struct subject *s, const struct hour *h,
                          struct slice hour_key)
{
    const struct addresses *more = NULL;
    size_t n = h->has_address ? 1 : 0;

    if (h->has_more_addresses)
        more = baseline_get(s->ctx->baseline, &addresses_memory, s->obs->text[F_ACCOUNT], hour_key);
    if (more)
        n = more->len;
    for (size_t i = 0; i < n; i++) {
        address_format(more ? &more->each[i] : &h->address, f->texts[i]);
        add_set(f, "address", slice_of(f->texts[i]));
    }
}

static void add_subject(struct facts *f, const struct subject *s, char kind)
{
    const char *key_name = "";
    CLEANUP(buf_release) struct buf hour = BUF_INIT(sizeof(f->hour) - 1);

    time_add_iso(&hour, time_floor(s->obs->minute_ns, NS_PER_HOUR), 0);
    (void)snprintf(f->hour, sizeof(f->hour), "%s", buf_cstr(&hour));
    add_set(f, "hours", slice_of(f->hour));
    add_set(f, "database", s->obs->text[F_DATABASE]);
    add_set(f, "container", s->obs->text[F_CONTAINER]);
    if (kind != READER) {
        add_set(f, "reader", SL("many small readers together"));
        return;
    }
    (void)key_kind_parse(s->obs->text[F_KEY_KIND], &key_name); /* only the name is wanted here */
    add_set(f, "reader", s->reader);
    add_set(f, "principal", s->obs->text[F_PRINCIPAL]);
    if (slice_empty(s->obs->text[F_PRINCIPAL]))
        add_set(f, "keyKind", slice_of(key_name)); /* part of the reader; beside a principal it is not */
    add_set(f, "userAgent", s->agent);
    add_set(f, "network", slice_of(s->network));
}

/* ---- judging ----------------------------------------------------------------------------------- */

struct judgement {
    int64_t limit;
    struct band_view usual; /* what the limit was made from */
    bool is_own;            /* the subject's own band, not that of the container or account */
    bool is_new_reader;
};

static int tell(const struct volume *d, const struct subject *s, char kind, struct hour *h,
                const struct hour *increment, const struct judgement *j, struct slice hour_key,
                struct error *err)
{
    CLEANUP(buf_release) struct buf subject = BUF_INIT(KEY_MAX);
    const struct observation *obs = s->obs;
    const struct hour *part = h->is_told ? increment : h;
    struct facts f = { .len = 0 };

    (void)d;
    add_subject(&f, s, kind);
    add_sums(&f, part);
    if (kind == READER) {
        add_addresses(&f, s, part, hour_key);
        add_set(&f, "activityId", obs->sample);
    }
    if (j->usual.samples) {
        add_number(&f, "usualBytes", FACT_MAX, j->usual.median);
        add_number(&f, "usualP99Bytes", FACT_MAX, j->usual.p99);
        add_number(&f, "zScore10", FACT_MAX, band_z10(&j->usual, h->bytes));
    }
    if (j->usual.history_days) /* "0 days of history" would only repeat that the reader is new */
        add_number(&f, "historyDays", FACT_MAX, j->usual.history_days);
    add_number(&f, "limitBytes", FACT_MAX, j->limit);
    add_number(&f, "largestHourBytes", FACT_MAX, h->bytes);
    if (!j->is_own)
        add_set(&f, "comparedWith", SL("the whole container or account"));
    if (j->is_new_reader)
        add_set(&f, "newReader", SL("yes"));
    label_of(s, kind, &subject);
    h->is_told = 1;

    return alert_emit(s->ctx->sink, &(struct alert_draft){
        .detector = "volume", .state_version = 1, .type = "CosmosDB_DataExfiltrationAnomaly",
        .variant = kind == SPREAD ? ".Spread" : ".Bytes",
        .severity = kind == SPREAD     ? SEVERITY_LOW
                    : j->is_new_reader ? SEVERITY_HIGH
                                       : SEVERITY_MEDIUM,
        .confidence = kind == SPREAD ? 40 : j->is_new_reader ? 80 : 70,
        .api = obs->api, .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID],
        .subject = buf_slice(&subject), .bucket_ns = time_floor(obs->minute_ns, NS_PER_DAY),
        .first_ns = part->first_ns, .last_ns = part->last_ns, .count = part->requests,
        .facts = f.at, .facts_len = f.len }, err);
}

struct entered { /* a subject with this observation in it */
    struct band *band;
    struct hour *hour;
    enum slot_age age;
    int64_t bytes_before; /* of the hour */
};

/* False: nothing to judge (beyond the horizon, or no memory). */
static bool enter(const struct volume *d, const struct subject *s, char kind, int64_t bytes,
                  struct entered *ret)
{
    char key_room[KEY_MAX], hour_room[KEY_MAX];
    CLEANUP(buf_release) struct buf label = BUF_INIT(KEY_MAX);
    struct slice account = s->obs->text[F_ACCOUNT], hour_key = subject_key(s, kind, true, hour_room);

    label_of(s, kind, &label);
    ret->band = baseline_put(s->ctx->baseline, &band_memory, account,
                             subject_key(s, kind, false, key_room), buf_slice(&label),
                             s->obs->minute_ns, NULL);
    if (!ret->band)
        return false;
    ret->age = band_enter(ret->band, s->slot, s->len, &d->rule);
    if (ret->age == SLOT_LATE)
        return false;
    ret->hour = baseline_put(s->ctx->baseline, &hour_memory, account, hour_key, SL(""),
                             s->obs->minute_ns, NULL);
    if (!ret->hour)
        return false;
    ret->bytes_before = ret->hour->bytes;
    hour_add(ret->hour, s->obs, bytes);
    band_note(ret->band, ret->age, s->hour, ret->hour->bytes);
    if (kind == READER)
        hour_add_address(s, ret->hour, hour_key);
    return true;
}

static void nothing_to_fold(void *self, int32_t closed, int32_t next)
{
    (void)self;
    (void)closed;
    (void)next;
}

/* Days since closed slots first saw this reader anywhere on the account; 0: never. */
static int64_t reader_age_days(const struct subject *s)
{
    bool is_new = false;
    struct reader *r = baseline_put(s->ctx->baseline, &reader_memory, s->obs->text[F_ACCOUNT], s->reader,
                                    s->reader, s->obs->minute_ns, &is_new);

    if (!r)
        return MATURE_DAYS; /* without memory: rather Medium than High */
    if (is_new)
        r->first = s->slot;
    if (slots_advance(&r->newest, s->slot, s->len, nothing_to_fold, NULL) != SLOT_LATE && s->slot < r->first)
        r->first = s->slot;
    return r->first <= s->slot - 2 * s->len ? slots_day(s->slot) - slots_day(r->first) : 0;
}

static bool look(const struct volume *d, const struct subject *s, char kind, struct band_view *ret)
{
    char room[KEY_MAX];
    const struct band *b = baseline_get(s->ctx->baseline, &band_memory, s->obs->text[F_ACCOUNT],
                                        subject_key(s, kind, false, room));

    if (!b)
        return false;
    band_look(b, s->slot == b->newest ? SLOT_NOW : SLOT_BEFORE, s->slot, s->len, ret);
    return ret->samples >= d->rule.samples;
}

/* What a reader may read in an hour: what it usually does; too young for that, what the container usually
 * gives to all its readers together; and where that is unknown too, the account. */
static void judge_reader(const struct volume *d, const struct subject *s, const struct entered *e,
                         int64_t age_days, struct judgement *ret)
{
    struct band_view own, all;

    *ret = (struct judgement){ .is_new_reader = age_days < MATURE_DAYS };
    band_look(e->band, e->age, s->slot, s->len, &own);
    if (own.samples >= d->rule.samples && own.history_days >= MATURE_DAYS) {
        ret->usual = own;
        ret->limit = band_limit(&own, &d->rule);
        ret->is_own = true;
        ret->is_new_reader = false;
        return;
    }
    ret->usual = own;
    ret->limit = d->rule.floor_bytes;
    if (look(d, s, CONTAINER, &all) || look(d, s, ACCOUNT, &all)) {
        ret->usual = all;
        ret->usual.history_days = own.history_days;
        if (all.p99 > ret->limit)
            ret->limit = all.p99;
    }
    if (own.peak > ret->limit / 2)
        ret->limit = own.peak > INT64_MAX / 2 ? INT64_MAX : 2 * own.peak;
}

/* What this observation alone adds, for an hour that was told already. */
static struct hour increment_of(const struct subject *s, const struct entered *e)
{
    struct hour h = { 0 };

    hour_add(&h, s->obs, e->hour->bytes - e->bytes_before);
    if (s->has_address) {
        h.address = s->address;
        h.has_address = 1;
    }
    return h;
}

static int judge(const struct volume *d, const struct subject *s, char kind, const struct entered *e,
                 int64_t age_days, struct error *err)
{
    struct judgement j = { .is_own = true };
    char room[KEY_MAX];
    struct hour increment;

    if (e->hour->bytes <= d->rule.floor_bytes)
        return 0;
    if (kind == READER) {
        judge_reader(d, s, e, age_days, &j);
    } else {
        band_look(e->band, e->age, s->slot, s->len, &j.usual);
        j.limit = band_limit(&j.usual, &d->rule);
        if (j.limit == 0)
            return 0; /* too few samples to say anything of the sum */
    }
    if (e->hour->bytes <= j.limit)
        return 0;
    increment = increment_of(s, e);
    return tell(d, s, kind, e->hour, &increment, &j, subject_key(s, kind, true, room), err);
}

/* ---- the observation --------------------------------------------------------------------------- */

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Hours that can get no row any more: three horizons behind what has been read. Only tidies up: whoever would
 * have used such an hour is beyond the horizon. */
static void sweep(struct volume *d, const struct detector_context *ctx)
{
    int64_t horizon_ns = slots_len(baseline_cfg(ctx->baseline)) * NS_PER_HOUR;

    /* A backfill reads hours that lie far behind the watermark: they are not over. */
    if (ctx->is_backfill || ctx->watermark_ns == INT64_MAX || ctx->watermark_ns < d->swept_ns + horizon_ns)
        return;
    d->swept_ns = ctx->watermark_ns;
    baseline_expire(ctx->baseline, &hour_memory, ctx->watermark_ns - 3 * horizon_ns);
    baseline_expire(ctx->baseline, &addresses_memory, ctx->watermark_ns - 3 * horizon_ns);
}

static bool is_read(const struct observation *obs)
{
    return obs->status >= 200 && obs->status < 300 && obs->bytes_out > 0 &&
           !slice_empty(obs->text[F_CONTAINER]) && request_effect(obs) == REQUEST_READ &&
           !caller_is_service(obs->text[F_KEY_KIND]);
}

static int volume_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                          struct error *err)
{
    struct volume *d = self;
    struct subject s;
    struct entered account, container, spread, reader;
    int64_t age_days, small_part;
    bool is_elsewhere = request_is_counted_elsewhere(ctx->baseline, obs);

    sweep(d, ctx);
    if (is_elsewhere || !is_read(obs))
        return 0;
    read_subject(&s, obs, ctx);
    if (!enter(d, &s, ACCOUNT, obs->bytes_out, &account) ||
        !enter(d, &s, CONTAINER, obs->bytes_out, &container) ||
        !enter(d, &s, READER, obs->bytes_out, &reader))
        return 0;
    age_days = reader_age_days(&s);
    if (!ctx->is_backfill && !baseline_is_learning(ctx->baseline, obs->text[F_ACCOUNT], obs->minute_ns) &&
        judge(d, &s, READER, &reader, age_days, err) < 0)
        return -1;

    /* Of each reader's hour the part below the floor: one large reader is told above, and does not make the
     * sum of the small ones unusual. The parts add up to the same in any order. */
    small_part = smaller(reader.hour->bytes, d->rule.floor_bytes) -
                 smaller(reader.bytes_before, d->rule.floor_bytes);
    if (!enter(d, &s, SPREAD, small_part, &spread))
        return 0;
    if (ctx->is_backfill || baseline_is_learning(ctx->baseline, obs->text[F_ACCOUNT], obs->minute_ns))
        return 0;
    return judge(d, &s, SPREAD, &spread, age_days, err);
}

static int volume_open(void *self, struct error *err)
{
    struct volume *d = self;
    static const struct { int32_t z10, q; } strict[] = { [SENSITIVITY_LOW] = { .z10 = 50, .q = 5 },
                                                         [SENSITIVITY_MEDIUM] = { .z10 = 30, .q = 3 },
                                                         [SENSITIVITY_HIGH] = { .z10 = 20, .q = 2 } };

    (void)err;
    d->rule = (struct band_rule){ .z10 = strict[d->sensitivity].z10, .q = strict[d->sensitivity].q,
                                  .floor_bytes = d->floor_bytes, .samples = d->samples };
    return 0;
}

static const char *const volume_types[] = { "CosmosDB_DataExfiltrationAnomaly", NULL };
static const struct baseline_memory *const volume_memories[] = {
    &band_memory, &hour_memory, &addresses_memory, &reader_memory, &request_tables_memory, NULL,
};

const struct detector_ops detector_volume = {
    .name = "volume",
    .summary = "far more data read in an hour than history makes likely",
    .reads = OBS_REQUEST,
    .types = volume_types,
    .options = volume_options,
    .size = sizeof(struct volume),
    .memories = volume_memories,
    .open = volume_open,
    .observe = volume_observe,
};
