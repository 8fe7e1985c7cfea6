/* refused_access - many refused sign-ins of strangers, and refusals of those who are known to be bad.
 *
 * Why:     guessing keys, trying stolen ones that were rotated, and looking for accounts whose firewall is open
 *          leave 401 and 403. So does every client that was forgotten in a rotation, all day long.
 * Reads:   all data-plane tables: status, address, user agent (401 and 403; the Mongo and Cassandra tables'
 *          authentication errors are 401, record.h).
 * Judges:  only strangers: an address that got in during the last 60 days, a program that did from the same
 *          neighbourhood (/16), or an address that has been refused on 3 days already is a client with an old
 *          key, not an attacker.
 *          BruteForce: .Attempt `threshold` refusals in 5 minutes, or five times that in an hour, by one
 *          address (a /64 of IPv6): Low. .Spread `spread` an hour by all strangers together, each counted up
 *          to the threshold: Medium. .Success an address gets in within 30 minutes after such 5 minutes: High.
 *          RefusedAccess, Low: .Tor and .SuspiciousIp one refusal of a listed address, from the first row on;
 *          .Scan a stranger refused on `scan_accounts` accounts within a horizon.
 * Keeps:   usual.address, usual.value; hours of strangers (refused_access.*; dropped when no row can come any more).
 * Trust:   an address, for everything here: your own scanner. No asn: strangers come from ordinary networks.
 * Blind:   refused logins may not be logged at all (IBM's connector says so; 403 of the firewall are). An
 *          attacker in the application's own neighbourhood with its own program. Fewer than the threshold.
 * Source:  Defender's *_BruteForce, GuardDuty Discovery:RDS; ATT&CK T1110.001, T1110.003, T1110.004, T1595.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/access.h"
#include "detectors/kit/sensitivity.h"
#include "enrich/prefix.h"
#include "settings/option.h"

#include <stdio.h>

#define BRUTE "CosmosDBX_BruteForce"
#define REFUSED "CosmosDBX_RefusedAccess"
#define BINS 12             /* of 5 minutes in an hour */
#define SUCCESS_BINS 6      /* half an hour */
#define STEADY_DAYS 3
#define LISTINGS_MAX 4
#define NAMES_MAX (FACT_SET_MAX + 1) /* one more than an alert keeps, so that it can say "more" */
#define NAME_MAX_LEN 40
#define SCAN_ACCOUNTS_MAX 8

struct refused_access {
    int sensitivity;
    int64_t threshold, spread, scan_accounts, min_confidence;
    int64_t swept_ns; /* watermark of the last sweep; saves work, judges nothing */
};

static const struct option_spec refused_access_options[] = {
    { .key = "threshold", .type = OPT_INT, .at = offsetof(struct refused_access, threshold), .preset = "20",
      .min = 3, .max = 1000000, .help = "refusals of one address within 5 minutes" },
    { .key = "spread", .type = OPT_INT, .at = offsetof(struct refused_access, spread), .preset = "200",
      .min = 10, .max = 1000000, .help = "refusals of all strangers on one account within an hour" },
    { .key = "scan_accounts", .type = OPT_INT, .at = offsetof(struct refused_access, scan_accounts), .preset = "3",
      .min = 2, .max = SCAN_ACCOUNTS_MAX, .help = "accounts on which one stranger is refused within a horizon" },
    { .key = "min_confidence", .type = OPT_INT, .at = offsetof(struct refused_access, min_confidence),
      .preset = "50", .min = 0, .max = 100, .help = "listings that their feed is less sure of are ignored (0..100)" },
    SENSITIVITY_OPTION(struct refused_access, "low: twice threshold, spread and scan_accounts, and listings half way from "
                       "min_confidence to 100; high: half of all four"),
    { 0 },
};

struct limits { /* options as the sensitivity has them */
    int64_t threshold, spread, scan_accounts, min_confidence;
};

static struct limits limits_of(const struct refused_access *d)
{
    struct limits l = { .threshold = sensitivity_count(d->sensitivity, d->threshold, 3),
                        .spread = sensitivity_count(d->sensitivity, d->spread, 10),
                        .scan_accounts = sensitivity_count(d->sensitivity, d->scan_accounts, 2),
                        .min_confidence = sensitivity_confidence(d->sensitivity, d->min_confidence) };

    if (l.scan_accounts > SCAN_ACCOUNTS_MAX)
        l.scan_accounts = SCAN_ACCOUNTS_MAX;
    return l;
}

/* ---- sets of names -------------------------------------------------------------------------------------- */

struct names { /* the smallest in text order: what an alert's set would keep as well */
    char each[NAMES_MAX][NAME_MAX_LEN];
    uint32_t len, padding;
};

static void names_add(struct names *n, struct slice name)
{
    char text[NAME_MAX_LEN] = "";
    size_t at = 0;

    (void)snprintf(text, sizeof text, "%.*s", SLF(slice_cut(name, sizeof text - 1)));
    if (!text[0])
        return;
    while (at < n->len && strcmp(n->each[at], text) < 0)
        at++;
    if (at == NAMES_MAX || (at < n->len && strcmp(n->each[at], text) == 0))
        return;
    if (n->len == NAMES_MAX)
        n->len--;
    memmove(n->each[at + 1], n->each[at], (n->len - at) * sizeof n->each[0]);
    memcpy(n->each[at], text, sizeof text);
    n->len++;
}

static void add_names(struct access_facts *f, const char *fact, const struct names *n)
{
    for (uint32_t i = 0; i < n->len; i++)
        access_add_set(f, fact, slice_of(n->each[i]));
}

/* ---- memories --------------------------------------------------------------------------------------------- */

struct sum {
    int64_t refused, unauthorized, forbidden; /* 401 and 403 */
    int64_t first_ns, last_ns;
};

struct hour { /* one stranger on one account */
    uint32_t refused[BINS], got_in[BINS];
    int64_t bytes_out[BINS]; /* of what got in */
    struct sum sum;
    uint16_t told_success;   /* bit a bin */
    uint8_t is_told, padding[5];
    struct names agents;
};

struct crowd { /* all strangers on one account in an hour */
    struct sum sum;
    int64_t parts;           /* each stranger up to the threshold */
    uint8_t is_told, padding[7];
    struct names sources;
};

struct scan { /* one stranger on all accounts in a slot (slots.h): of its rows all or none are learning */
    struct scanned {
        char account[64];
        struct sum sum;
        int32_t api;
        uint8_t is_told, padding[3];
    } each[SCAN_ACCOUNTS_MAX];
    uint32_t len, padding;
};

static const struct baseline_memory hour_memory = {
    .name = "refused_access.hour", .version = 1, .size = sizeof(struct hour), .max_keys = 50000,
};
static const struct baseline_memory crowd_memory = {
    .name = "refused_access.crowd", .version = 1, .size = sizeof(struct crowd), .max_keys = 50000,
};
static const struct baseline_memory scan_memory = {
    .name = "refused_access.scan", .version = 1, .size = sizeof(struct scan), .max_keys = 20000,
};

static void sum_add(struct sum *s, const struct observation *obs, int64_t count)
{
    if (s->refused == 0) {
        s->first_ns = obs->first_ns;
        s->last_ns = obs->last_ns;
    }
    s->first_ns = obs->first_ns < s->first_ns ? obs->first_ns : s->first_ns;
    s->last_ns = obs->last_ns > s->last_ns ? obs->last_ns : s->last_ns;
    s->refused = i64_add_sat(s->refused, count);
    if (obs->status == 401)
        s->unauthorized = i64_add_sat(s->unauthorized, count);
    else
        s->forbidden = i64_add_sat(s->forbidden, count);
}

static struct sum sum_of(const struct observation *obs, int64_t count)
{
    struct sum s = { 0 };

    sum_add(&s, obs, count);
    return s;
}

static uint32_t add_u32(uint32_t a, int64_t b)
{
    int64_t sum = i64_add_sat(a, b);

    return sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum;
}

/* ---- the finding ------------------------------------------------------------------------------------------ */

struct finding {
    struct limits limits;
    const struct observation *obs;
    const struct detector_context *ctx;
    struct agent agent;
    char source_room[PREFIX_TEXT_MAX];
    struct slice source; /* the address, or the /64 */
    int64_t count;       /* 0: counted elsewhere */
    int64_t hour;
    size_t bin;
    bool is_stranger, is_trusted;
};

static bool is_silent(const struct finding *in, struct slice account, int64_t time_ns)
{
    return in->ctx->is_backfill || baseline_is_learning(in->ctx->baseline, account, time_ns);
}

static void read_source(struct finding *in)
{
    struct slice text = in->obs->text[F_ADDRESS];
    struct address a;
    struct prefix range;

    in->source = text;
    if (memchr(text.at, ':', text.len) && address_parse(text, &a) && !address_is_v4(&a)) {
        range = prefix_of(&a, 64);
        prefix_format(&range, in->source_room);
        in->source = slice_of(in->source_room);
    }
}

#define SOURCE_KEY_MAX 96
static struct slice source_key(const struct finding *in, int64_t when, char room[SOURCE_KEY_MAX])
{
    struct slice source = slice_cut(in->source, SOURCE_KEY_MAX - sizeof when);

    memcpy(room, &when, sizeof when);
    memcpy(room + sizeof when, source.at, source.len);
    return slice_make(room, source.len + sizeof when);
}

static void add_sum(struct access_facts *f, const struct sum *s)
{
    if (s->unauthorized)
        access_add_map(f, "statusCodes", SL("401"), s->unauthorized);
    if (s->forbidden)
        access_add_map(f, "statusCodes", SL("403"), s->forbidden);
    access_add_number(f, "failedRequests", FACT_SUM, s->refused);
}

static void add_place(struct access_facts *f, const struct finding *in, struct place *place)
{
    enrich_place(in->ctx->enrich, in->obs->text[F_ADDRESS], in->obs->text[F_PLACE], in->obs->minute_ns, place);
    access_add_set(f, "place", place_text(place, f->place));
    access_add_set(f, "network", slice_of(place->network[0] ? place->network : place->org));
}

static int emit(const struct finding *in, struct alert_draft *d, const struct access_facts *f, struct error *err)
{
    d->detector = "refused_access";
    d->state_version = 1;
    d->bucket_ns = time_floor(d->bucket_ns ? d->bucket_ns : in->obs->minute_ns, NS_PER_DAY);
    d->facts = f->at;
    d->facts_len = f->len;
    if (!d->account.len) {
        d->api = in->obs->api;
        d->account = in->obs->text[F_ACCOUNT];
        d->resource_id = in->obs->text[F_RESOURCE_ID];
    }
    return alert_emit(in->ctx->sink, d, err);
}

/* ---- brute force -------------------------------------------------------------------------------------------- */

static bool is_attack(const struct finding *in, const struct hour *h)
{
    if (h->sum.refused >= 5 * in->limits.threshold)
        return true;
    for (size_t i = 0; i < BINS; i++)
        if (h->refused[i] >= in->limits.threshold)
            return true;
    return false;
}

static int tell_attempt(const struct finding *in, struct hour *h, struct error *err)
{
    struct sum part = h->is_told ? sum_of(in->obs, in->count) : h->sum;
    struct access_facts f = { .len = 0 };
    struct place place;

    access_add_set(&f, "address", in->source);
    add_names(&f, "userAgent", &h->agents);
    add_sum(&f, &part);
    add_place(&f, in, &place);
    access_add_set(&f, "reason", SL("many refusals by one address that had not got in before"));
    h->is_told = 1;
    return emit(in, &(struct alert_draft){ .type = BRUTE, .variant = ".Attempt", .severity = SEVERITY_LOW,
                                           .confidence = 50, .subject = in->source, .first_ns = part.first_ns,
                                           .last_ns = part.last_ns, .count = part.refused }, &f, err);
}

/* Do five minutes of attack lie within half an hour before the bin? `before`: the hour before, or NULL. */
static bool follows_attack(const struct finding *in, const struct hour *before, const struct hour *h, size_t bin)
{
    for (size_t back = 0; back <= SUCCESS_BINS; back++) {
        uint32_t refused = back <= bin ? h->refused[bin - back]
                           : before    ? before->refused[BINS + bin - back]
                                       : 0;

        if (refused >= in->limits.threshold)
            return true;
    }
    return false;
}

static int tell_success(const struct finding *in, struct hour *h, int64_t hour, size_t bin,
                        const struct hour *more, struct error *err)
{
    bool was_told = ((unsigned)h->told_success >> bin & 1U) != 0;
    const struct hour *part = was_told ? more : h;
    int64_t first_ns = hour * NS_PER_HOUR + (int64_t)bin * 5 * NS_PER_MIN;
    struct access_facts f = { .len = 0 };
    struct place place;

    if (was_told && !part->got_in[bin])
        return 0;
    access_add_set(&f, "address", in->source);
    add_place(&f, in, &place);
    access_add_number(&f, "requests", FACT_SUM, part->got_in[bin]);
    access_add_number(&f, "bytesOut", FACT_SUM, part->bytes_out[bin]);
    access_add_set(&f, "reason", SL("an address got in within half an hour after many refusals"));
    h->told_success = (uint16_t)(h->told_success | 1U << bin);
    return emit(in, &(struct alert_draft){ .type = BRUTE, .variant = ".Success", .severity = SEVERITY_HIGH,
                                           .confidence = 80, .subject = in->source, .bucket_ns = first_ns,
                                           .first_ns = first_ns,
                                           .last_ns = first_ns + 5 * NS_PER_MIN - 1,
                                           .count = part->got_in[bin] }, &f, err);
}

/* Every bin of the hour that got in after an attack. `more` is what the row at hand adds (all zero: nothing). */
static int judge_success(const struct finding *in, int64_t hour, const struct hour *more, struct error *err)
{
    struct slice account = in->obs->text[F_ACCOUNT];
    char room[SOURCE_KEY_MAX];
    const struct hour *found = baseline_get(in->ctx->baseline, &hour_memory, account, source_key(in, hour, room));
    const struct hour *before;
    struct hour *h;

    if (!found || is_silent(in, account, hour * NS_PER_HOUR))
        return 0;
    h = baseline_put(in->ctx->baseline, &hour_memory, account, source_key(in, hour, room), SL(""),
                     hour * NS_PER_HOUR, NULL);
    before = baseline_get(in->ctx->baseline, &hour_memory, account, source_key(in, hour - 1, room));
    for (size_t i = 0; h && i < BINS; i++)
        if (h->got_in[i] && follows_attack(in, before, h, i) && tell_success(in, h, hour, i, more, err) < 0)
            return -1;
    return 0;
}

static int judge_crowd(const struct finding *in, int64_t part, struct error *err)
{
    struct baseline *b = in->ctx->baseline;
    struct slice account = in->obs->text[F_ACCOUNT];
    struct crowd *c = baseline_put(b, &crowd_memory, account,
                                   slice_make((const char *)&in->hour, sizeof in->hour), SL(""),
                                   in->obs->minute_ns, NULL);
    struct access_facts f = { .len = 0 };
    struct sum told;

    if (!c)
        return 0;
    sum_add(&c->sum, in->obs, in->count);
    c->parts = i64_add_sat(c->parts, part);
    names_add(&c->sources, in->source);
    if (c->parts < in->limits.spread || is_silent(in, account, in->obs->minute_ns))
        return 0;
    told = c->is_told ? sum_of(in->obs, in->count) : c->sum;
    c->is_told = 1;
    add_names(&f, "address", &c->sources);
    add_sum(&f, &told);
    access_add_set(&f, "reason", SL("many refusals by many addresses that had not got in before"));
    return emit(in, &(struct alert_draft){ .type = BRUTE, .variant = ".Spread", .severity = SEVERITY_MEDIUM,
                                           .confidence = 50, .subject = SL("many addresses"),
                                           .first_ns = told.first_ns, .last_ns = told.last_ns,
                                           .count = told.refused }, &f, err);
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int judge_refusal(const struct finding *in, struct error *err)
{
    struct slice account = in->obs->text[F_ACCOUNT];
    char room[SOURCE_KEY_MAX];
    struct hour *h = baseline_put(in->ctx->baseline, &hour_memory, account, source_key(in, in->hour, room),
                                  in->source, in->obs->minute_ns, NULL);
    static const struct hour nothing;
    int64_t before;

    if (!h)
        return 0;
    before = h->sum.refused;
    sum_add(&h->sum, in->obs, in->count);
    h->refused[in->bin] = add_u32(h->refused[in->bin], in->count);
    names_add(&h->agents, in->agent.name);
    if (is_attack(in, h) && !is_silent(in, account, in->obs->minute_ns) && tell_attempt(in, h, err) < 0)
        return -1;
    if (h->refused[in->bin] >= in->limits.threshold &&
        (judge_success(in, in->hour, &nothing, err) < 0 || judge_success(in, in->hour + 1, &nothing, err) < 0))
        return -1;
    return judge_crowd(in, smaller(h->sum.refused, in->limits.threshold) -
                               smaller(before, in->limits.threshold), err);
}

static int judge_entry(const struct finding *in, struct error *err)
{
    struct slice account = in->obs->text[F_ACCOUNT];
    char room[SOURCE_KEY_MAX];
    struct hour *h = baseline_put(in->ctx->baseline, &hour_memory, account, source_key(in, in->hour, room),
                                  in->source, in->obs->minute_ns, NULL);
    struct hour more = { .is_told = 0 };

    if (!h)
        return 0;
    h->got_in[in->bin] = add_u32(h->got_in[in->bin], in->count);
    h->bytes_out[in->bin] = i64_add_sat(h->bytes_out[in->bin], in->obs->bytes_out);
    more.got_in[in->bin] = add_u32(0, in->count);
    more.bytes_out[in->bin] = in->obs->bytes_out;
    return judge_success(in, in->hour, &more, err);
}

/* ---- refusals of the bad ------------------------------------------------------------------------------------- */

static int judge_listed(const struct finding *in, struct error *err)
{
    struct listing listings[LISTINGS_MAX];
    size_t n = enrich_listings(in->ctx->enrich, in->obs->text[F_ADDRESS], in->obs->minute_ns, listings, LISTINGS_MAX);
    struct access_facts f = { .len = 0 };
    struct place place;
    bool is_tor = false, is_listed = false;

    for (size_t i = 0; i < n; i++) {
        if (listings[i].confidence < in->limits.min_confidence)
            continue;
        is_listed = true;
        is_tor = is_tor || listings[i].category == FEED_TOR;
        access_add_set(&f, "feed", slice_of(listings[i].feed));
        access_add_set(&f, "category", slice_of(feed_category_name(listings[i].category)));
        access_add_number(&f, "listingConfidence", FACT_MAX, listings[i].confidence);
    }
    if (!is_listed || in->is_trusted || in->ctx->is_backfill)
        return 0;
    enrich_place(in->ctx->enrich, in->obs->text[F_ADDRESS], in->obs->text[F_PLACE], in->obs->minute_ns, &place);
    access_add_request(&f, in->obs, &place, in->count > 0);
    access_add_number(&f, "failedRequests", FACT_SUM, in->count);
    access_add_set(&f, "reason", is_tor ? SL("a Tor exit was refused") : SL("a listed address was refused"));
    return emit(in, &(struct alert_draft){ .type = REFUSED, .variant = is_tor ? ".Tor" : ".SuspiciousIp",
                                           .severity = SEVERITY_LOW, .confidence = 60,
                                           .subject = in->obs->text[F_ADDRESS], .first_ns = in->obs->first_ns,
                                           .last_ns = in->obs->last_ns, .count = in->count }, &f, err);
}

static int tell_scan(const struct finding *in, struct slice account, enum api api, const struct sum *part,
                     struct error *err)
{
    struct access_facts f = { .len = 0 };
    struct place place;

    if (is_silent(in, account, in->obs->minute_ns))
        return 0;
    access_add_set(&f, "address", in->source);
    add_sum(&f, part);
    add_place(&f, in, &place);
    access_add_set(&f, "reason", SL("a stranger was refused on several accounts in one day or less"));
    /* Without the resource id: that of the accounts seen before is no longer at hand. */
    return emit(in, &(struct alert_draft){ .type = REFUSED, .variant = ".Scan", .severity = SEVERITY_LOW,
                                           .confidence = 55, .api = api, .account = account,
                                           .subject = in->source, .first_ns = part->first_ns,
                                           .last_ns = part->last_ns, .count = part->refused }, &f, err);
}

/* The one memory that spans accounts: it is keyed by the address alone. */
static int judge_scan(const struct finding *in, struct error *err)
{
    struct slice account = slice_cut(in->obs->text[F_ACCOUNT], 63);
    char room[SOURCE_KEY_MAX];
    int32_t slot = slots_of(in->obs->minute_ns, slots_len(baseline_cfg(in->ctx->baseline)));
    struct scan *s = baseline_put(in->ctx->baseline, &scan_memory, SL(""), source_key(in, slot, room), in->source,
                                  in->obs->minute_ns, NULL);
    struct scanned *mine = NULL;
    struct sum row = sum_of(in->obs, in->count);

    if (!s)
        return 0;
    for (uint32_t i = 0; i < s->len && !mine; i++)
        if (slice_eq(slice_of(s->each[i].account), account))
            mine = &s->each[i];
    if (!mine && s->len < SCAN_ACCOUNTS_MAX) {
        mine = &s->each[s->len++];
        *mine = (struct scanned){ .api = (int32_t)in->obs->api };
        memcpy(mine->account, account.at, account.len);
    }
    if (mine)
        sum_add(&mine->sum, in->obs, in->count);
    if (s->len < in->limits.scan_accounts)
        return 0;
    if (!mine || mine->is_told) { /* more accounts than are kept: known to be a scan */
        return tell_scan(in, account, in->obs->api, &row, err);
    }
    for (uint32_t i = 0; i < s->len; i++) {
        struct scanned *e = &s->each[i];

        if (!e->is_told && tell_scan(in, slice_of(e->account), (enum api)e->api, &e->sum, err) < 0)
            return -1;
        e->is_told = 1;
    }
    return 0;
}

/* ---- the observation -------------------------------------------------------------------------------------------- */

/* Hours that can get no row any more. */
static void sweep(struct refused_access *d, const struct detector_context *ctx)
{
    int64_t horizon_ns = slots_len(baseline_cfg(ctx->baseline)) * NS_PER_HOUR, before;

    if (ctx->is_backfill || ctx->watermark_ns == INT64_MAX || ctx->watermark_ns < d->swept_ns + horizon_ns)
        return;
    d->swept_ns = ctx->watermark_ns;
    before = ctx->watermark_ns - 3 * horizon_ns - NS_PER_DAY;
    baseline_expire(ctx->baseline, &hour_memory, before);
    baseline_expire(ctx->baseline, &crowd_memory, before);
    baseline_expire(ctx->baseline, &scan_memory, before);
}

/* Note who got in and who was refused, and say whether this is somebody new. */
static void meet(struct finding *in)
{
    const struct observation *obs = in->obs;
    struct baseline *b = in->ctx->baseline;
    struct slice account = obs->text[F_ACCOUNT];
    char room[CLIENT_KEY_MAX];
    struct slice client = client_key(&in->agent, &in->ctx->caller->near, room);
    struct usual_view address, program, refused = { .active_days = 0 };

    if (obs_ok(obs)) {
        address = usual_touch(b, account, USUAL_ADDRESS, in->source, obs->minute_ns);
        program = usual_touch(b, account, USUAL_CLIENT, client, obs->minute_ns);
    } else {
        address = usual_look(b, account, USUAL_ADDRESS, in->source, obs->minute_ns);
        program = usual_look(b, account, USUAL_CLIENT, client, obs->minute_ns);
        refused = usual_touch(b, account, USUAL_REFUSED, in->source, obs->minute_ns);
    }
    in->is_stranger = usual_is_unseen(&address) && usual_is_unseen(&program) && refused.active_days < STEADY_DAYS;
}

static int refused_access_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                  struct error *err)
{
    struct refused_access *d = self;
    struct finding in = { .limits = limits_of(d), .obs = obs, .ctx = ctx };
    bool is_counted = !ctx->is_counted_elsewhere;
    bool is_refused = obs->status == 401 || obs->status == 403;

    sweep(d, ctx);
    if ((!is_refused && !obs_ok(obs)) || !access_is_customers(obs) || slice_empty(obs->text[F_ADDRESS]))
        return 0;
    in.count = is_counted ? obs->count : 0;
    in.agent = ctx->caller->agent;
    in.hour = obs->minute_ns / NS_PER_HOUR;
    in.bin = (size_t)(obs->minute_ns / (5 * NS_PER_MIN) % BINS);
    read_source(&in);
    meet(&in);
    if (!in.is_stranger && !is_refused)
        return 0;
    in.is_trusted = access_trusts(ctx, obs, TRUSTED_ADDRESS, obs->text[F_ADDRESS]);
    if (is_refused && judge_listed(&in, err) < 0)
        return -1;
    if (!in.is_stranger || in.is_trusted || in.count == 0)
        return 0;
    if (!is_refused)
        return judge_entry(&in, err);
    if (judge_refusal(&in, err) < 0)
        return -1;
    return judge_scan(&in, err);
}

static const char *const refused_access_types[] = { REFUSED, BRUTE, NULL };
static const struct baseline_memory *const refused_access_memories[] = {
    USUAL_MEMORIES, &hour_memory, &crowd_memory, &scan_memory, NULL,
};

const struct detector_ops detector_refused_access = {
    .name = "refused_access",
    .summary = "many refused sign-ins of strangers, and refusals of those known to be bad",
    .reads = OBS_REQUEST,
    .types = refused_access_types,
    .options = refused_access_options,
    .size = sizeof(struct refused_access),
    .memories = refused_access_memories,
    .observe = refused_access_observe,
};
