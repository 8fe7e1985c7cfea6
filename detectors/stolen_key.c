/* stolen_key - a key used from where it never was: read by one and used by another, by everybody, or by somebody
 * although nobody read it.
 *
 * Why:     a key says nothing about who holds it. What gives a thief away is the place: the account's own applications
 *          come from the same few networks for months. Alone that is weak (a new host, an office that moved); beside
 *          the activity log it becomes a story.
 * Reads:   all data-plane tables: successful requests with an account key, address, agent. AzureActivity: who read keys.
 * Judges:  elsewhere = public address, neither the operator's trusted nor Microsoft's, in a /24 (IPv6: /64) from which
 *          no key came in 60 days; a /16 that is known counts as known when the client program is known too, which
 *          is what autoscaling looks like. Then
 *          StolenKeyUse: keys read within `within` before, by somebody who is not there (/16). High with a client
 *              program that is new as well, else Medium. By a usual reader (Terraform) only with such a program
 *              (Medium), or from a /16 that is new where such ones seldom come (Low). A browser is Data Explorer as a
 *              rule, and whoever sits there read the key himself: told only when no such reading can come any more, two
 *              horizons later.
 *          KeyPubliclyLeaked: `networks` new /16 with one key kind in one day, and twice as many as on any day before;
 *              a region of Azure, by its service tags, counts as one.
 *          ServiceSideKeyTheft: the same, and nobody read a key within `within` before: it was taken long ago, or out of
 *              code and backups. Medium with a new client program (High in bulk, if no key was read for 90 days), else
 *              Low. The activity log must be known for `log`. Told when no row of it can come any more: two
 *              horizons later.
 * Trust:   an address or network is not elsewhere; a key_reader is a usual reader. No asn (anybody rents from a cloud), no
 *          agent (a thief may choose it), and a key has no principal.
 * Keeps:   networks and client programs (stolen_key.places); uses from elsewhere and readings for `within`.
 * Blind:   a thief inside the known networks or behind a private address; an account younger than `learn`; keys of
 *          other kinds than the account's (Entra ID, resource tokens). A reader and thief in one /16. Beyond 24 readers
 *          of one account in a slot the others are not held against uses.
 * Source:  ATT&CK T1555.006 -> T1550, T1552.001, T1212; Sentinel's hunting query for Key Vault; ChaosDB (Wiz, 2021).
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/timeutil.h"
#include "baseline/slots.h"
#include "detectors/detector.h"
#include "detectors/kit/key_event.h"
#include "detectors/kit/key_reading.h"
#include "detectors/kit/key_spread.h"
#include "detectors/kit/key_use.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "detectors/kit/usual.h"
#include "enrich/enrich.h"
#include "enrich/user_agent.h"
#include "settings/option.h"

#include <stdio.h>
#include <string.h>

#define TYPE_STOLEN "CosmosDBX_StolenKeyUse"
#define TYPE_UNREAD "CosmosDBX_ServiceSideKeyTheft"
#define UNREAD_DAYS 90
#define BULK_BYTES (100 * INT64_C(1000000))

struct stolen_key {
    int sensitivity;
    int64_t within_ms, networks, log_ms;
    int64_t swept_ns; /* these save work, judge nothing */
    struct key_request_memo memo;
};

static const struct option_spec stolen_key_options[] = {
    { .key = "within", .type = OPT_DURATION, .at = offsetof(struct stolen_key, within_ms), .preset = "24h",
      .min = 60000, .max = 14 * INT64_C(86400000), .help = "a key is used so long after it was read by another: one story" },
    { .key = "networks", .type = OPT_INT, .at = offsetof(struct stolen_key, networks), .preset = "8", .min = 3,
      .max = 200, .help = "unrelated new networks that use one key kind in a day" },
    { .key = "log", .type = OPT_DURATION, .at = offsetof(struct stolen_key, log_ms), .preset = "14d",
      .min = 86400000, .max = 90 * INT64_C(86400000),
      .help = "the activity log must be known so long before \"nobody read the key\" says anything" },
    SENSITIVITY_OPTION(struct stolen_key, "low: twice networks and log, and no keys that usual readers read; high: half of "
                       "networks, but 3, and of log"),
    { 0 },
};

/* ---- uses -------------------------------------------------------------------------------------- */

/* RARE_NETWORK: on this account new networks are not everyday life (usual_is_restless). */
enum use_class { USE_NEW_AGENT = 1, USE_BROWSER = 2, USE_RARE_NETWORK = 4 };
#define CLASSES 8
#define USE_PLACES (KEY_USE_KINDS * CLASSES * KEY_USE_BUCKETS)

static const struct baseline_memory use_memory = {
    .name = "stolen_key.use",
    .version = 1,
    .size = sizeof(struct key_use),
    .max_keys = 8000,
};

struct places { /* which of the uses of a slot there are */
    uint8_t bits[USE_PLACES / 8];
};

static const struct baseline_memory places_memory = {
    .name = "stolen_key.uses",
    .version = 2,
    .size = sizeof(struct places),
    .max_keys = 20000,
};

/* ---- StolenKeyUse ------------------------------------------------------------------------------ */

static size_t place_of(size_t kind, unsigned class, uint8_t bucket)
{
    return (kind * CLASSES + class) * KEY_USE_BUCKETS + bucket;
}

static bool has_new_agent(size_t place)
{
    return place / KEY_USE_BUCKETS % CLASSES & USE_NEW_AGENT;
}

/* Told although nobody strange read the key: something about it is not everyday life. */
static bool is_telling(size_t place)
{
    return place / KEY_USE_BUCKETS % CLASSES & (USE_NEW_AGENT | USE_RARE_NETWORK);
}

/* Can this use be of the key that this reading gave away? Growing either only makes it likelier: first only gets
 * earlier, last only later. */
static bool is_story(const struct stolen_key *d, const struct key_reading *r, const struct key_use *u, size_t place)
{
    size_t kind = place / KEY_USE_BUCKETS / CLASSES;
    unsigned class = (unsigned)(place / KEY_USE_BUCKETS % CLASSES);

    if (r->is_readonly && !key_use_is_readonly(kind))
        return false;
    /* A usual reader's key is used by new hosts (of a known network, or where networks come and go), and by people in
     * the portal, who read it themselves. */
    if (r->is_habitual && (d->sensitivity == SENSITIVITY_LOW || !is_telling(place) || (class & USE_BROWSER) ||
                           !r->has_network))
        return false;
    if (time_floor(r->first_ns, NS_PER_MIN) > u->last_ns || r->last_ns < u->first_ns - d->within_ms * NS_PER_MS)
        return false;
    return !r->has_network || r->bucket != place % KEY_USE_BUCKETS;
}

static bool is_browser(size_t place)
{
    return place / KEY_USE_BUCKETS % CLASSES & USE_BROWSER;
}

static int tell_story(const struct key_reading *r, const struct key_use *part, size_t place, const struct observation *obs,
                      const struct detector_context *ctx, struct error *err)
{
    size_t kind = place / KEY_USE_BUCKETS / CLASSES;
    CLEANUP(buf_release) struct buf who = BUF_HERE(512), where = BUF_HERE(256);
    struct fact_list f = { .len = 0 };
    struct few readers = { .len = 0 };
    bool is_grave = !r->is_habitual && has_new_agent(place), is_weak = r->is_habitual && !has_new_agent(place);

    key_readers_look(ctx->baseline, obs->text[F_ACCOUNT], part->first_ns, &readers);
    key_use_facts(&f, part, kind);
    if (r->is_habitual) { /* a usual reader beside a strange one is not the suspect */
        facts_add_set(&f, "habitualReader", slice_of(r->caller));
    } else {
        facts_add_set(&f, "principal", slice_of(r->caller));
        facts_add_set(&f, "readerAddress", slice_of(r->address));
        facts_add_set(&f, "appId", slice_of(r->app));
        facts_add_number(&f, "readAt", FACT_MIN, r->first_ns);
        buf_addf(&who, "keys were read by %s%s%s, who does not read keys of this account by habit", r->caller,
                 r->address[0] ? " from " : "", r->address);
        facts_add_set(&f, "reason", buf_slice(&who));
    }
    facts_add_few(&f, "usualReaders", &readers);
    buf_addf(&where, "%s was then used from a network unlike the reader's, not seen with a key in the %d days before",
             key_use_kinds[kind], HABIT_DAYS);
    facts_add_set(&f, "reason", buf_slice(&where));
    if (has_new_agent(place))
        facts_add_set(&f, "reason", SL("the client program did not use a key of this account before either"));

    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "stolen_key", .state_version = 1, .type = TYPE_STOLEN,
        .severity = is_grave ? SEVERITY_HIGH : is_weak ? SEVERITY_LOW : SEVERITY_MEDIUM,
        .confidence = is_grave ? 90 : is_weak ? 40 : r->is_habitual ? 55 : 65,
        .api = (enum api)part->api, .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID],
        .subject = slice_of(key_use_kinds[kind]), .bucket_ns = time_floor(part->first_ns, NS_PER_DAY),
        .first_ns = part->first_ns, .last_ns = part->last_ns, .count = part->count, .is_aside = part->count == 0, .facts = f.at,
        .facts_len = f.len }, err);
}

/* A part that adds no requests, only that a further reading fits. */
static struct key_use without_requests(const struct key_use *u)
{
    return (struct key_use){ .first_ns = u->first_ns, .last_ns = u->last_ns, .api = u->api };
}

/* The use has grown by `added`: which readings fit it? */
static int find_readers(const struct stolen_key *d, const struct key_request *r, struct key_use *u, size_t place,
                        const struct key_use *added, struct error *err)
{
    int32_t from = slots_of(u->first_ns - d->within_ms * NS_PER_MS, r->len), to = slots_of(u->last_ns, r->len);
    bool is_added_told = false;

    if (is_browser(place))
        return 0; /* judged when the slot is closed */
    for (int32_t slot = from; slot <= to; slot += r->len) {
        const struct key_readings *all = key_readings_of(r->ctx, r->obs->text[F_ACCOUNT], slot);

        for (uint32_t i = 0; all && i < all->len; i++) {
            struct key_use part;

            if (!is_story(d, &all->each[i], u, place))
                continue;
            part = !u->is_told ? *u : is_added_told ? without_requests(u) : *added;
            u->is_told = 1;
            is_added_told = true;
            if (tell_story(&all->each[i], &part, place, r->obs, r->ctx, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* A reading has come (or grown): which uses fit it? */
static int find_uses(const struct stolen_key *d, const struct observation *obs, const struct key_reading *r, int32_t slot,
                     int32_t len, const struct detector_context *ctx, struct error *err)
{
    struct baseline *b = ctx->baseline;
    int32_t to = slots_of(r->last_ns + d->within_ms * NS_PER_MS, len);

    for (; slot <= to; slot += len) {
        char room[32];
        const struct places *all = baseline_get(b, &places_memory, obs->text[F_ACCOUNT], key_slot(slot, SIZE_MAX, room));

        for (size_t place = 0; all && place < USE_PLACES; place++) {
            struct slice key;
            const struct key_use *known;
            struct key_use *u, part;

            if (!(all->bits[place / 8] >> place % 8 & 1) || is_browser(place))
                continue;
            key = key_slot(slot, place, room);
            known = baseline_get(b, &use_memory, obs->text[F_ACCOUNT], key);
            if (!known || !is_story(d, r, known, place))
                continue;
            u = baseline_put(b, &use_memory, obs->text[F_ACCOUNT], key, SL(""), known->last_ns, NULL);
            if (!u)
                continue;
            part = u->is_told ? without_requests(u) : *u;
            u->is_told = 1;
            if (tell_story(r, &part, place, obs, ctx, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* Data Explorer: the portal lists keys, then the person's browser uses one. So a browser's use is explained by any
 * reading from the same place, whose row may come later than that of the use: it waits until none can come. ARM speaks
 * IPv6, the account may not: a person's reading over the other family says nothing about two places. */
static bool is_explained(const struct key_reading *r, size_t place)
{
    bool is_v4 = place % KEY_USE_BUCKETS >= KEY_USE_BUCKETS / 2;

    return r->has_network ? r->bucket == place % KEY_USE_BUCKETS || (r->is_person && r->is_v4 != is_v4) : r->is_person;
}

struct span { /* slots whose readings may have to do with a use */
    int32_t from, to, len;
};

static struct span span_before(const struct stolen_key *d, const struct key_use *u, const struct detector_context *ctx)
{
    int32_t len = slots_len(baseline_cfg(ctx->baseline));

    return (struct span){ .from = slots_of(u->first_ns - d->within_ms * NS_PER_MS, len), .to = slots_of(u->last_ns, len),
                          .len = len };
}

static bool is_explained_by_any(const struct stolen_key *d, const struct key_use *u, size_t place, struct slice account,
                                const struct detector_context *ctx)
{
    struct span span = span_before(d, u, ctx);

    for (int32_t slot = span.from; slot <= span.to; slot += span.len) {
        const struct key_readings *all = key_readings_of(ctx, account, slot);

        for (uint32_t i = 0; all && i < all->len; i++)
            if (is_explained(&all->each[i], place))
                return true;
    }
    return false;
}

static int judge_browser(const struct stolen_key *d, const struct key_use *u, size_t place, const struct observation *obs,
                         const struct detector_context *ctx, struct error *err)
{
    struct span span = span_before(d, u, ctx);
    bool is_told = false;

    if (is_explained_by_any(d, u, place, obs->text[F_ACCOUNT], ctx))
        return 0;
    for (int32_t slot = span.from; slot <= span.to; slot += span.len) {
        const struct key_readings *all = key_readings_of(ctx, obs->text[F_ACCOUNT], slot);

        for (uint32_t i = 0; all && i < all->len; i++) {
            struct key_use part = is_told ? without_requests(u) : *u;

            if (!is_story(d, &all->each[i], u, place))
                continue;
            is_told = true;
            if (tell_story(&all->each[i], &part, place, obs, ctx, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- ServiceSideKeyTheft ----------------------------------------------------------------------- */

struct account { /* what happened to keys, by slots */
    int32_t newest;
    int32_t last_read;       /* slot; of closed ones */
    uint8_t is_read[2], is_used[2]; /* in newest, newest-1: keys read, used from elsewhere */
};

static const struct baseline_memory account_memory = {
    .name = "stolen_key.account",
    .version = 1,
    .size = sizeof(struct account),
    .max_keys = 100000,
};

struct closing {
    const struct stolen_key *d;
    const struct observation *obs; /* of the same account: its ids */
    const struct detector_context *ctx;
    struct account *account;
    int32_t len;
    int rc;
    struct error *err;
};

static enum severity severity_unread(bool is_bulk, bool is_long, size_t place)
{
    if (!has_new_agent(place))
        return is_bulk ? SEVERITY_MEDIUM : SEVERITY_LOW;
    return is_bulk && is_long ? SEVERITY_HIGH : SEVERITY_MEDIUM;
}

/* read_days: since any key was read; beyond UNREAD_DAYS never. */
static int tell_unread(const struct closing *c, const struct key_use *u, size_t place, int32_t read_days)
{
    size_t kind = place / KEY_USE_BUCKETS / CLASSES;
    bool is_bulk = u->bytes_out >= BULK_BYTES, is_long = read_days > UNREAD_DAYS;
    CLEANUP(buf_release) struct buf unread = BUF_HERE(256), where = BUF_HERE(256), bulk = BUF_HERE(256);
    struct fact_list f = { .len = 0 };

    key_use_facts(&f, u, kind);
    facts_add_number(&f, "logDays", FACT_MAX, u->log_days);
    if (is_long)
        buf_addf(&unread, "no key of the account was read in the %" PRId64 " days of its activity log on record",
                 u->log_days < UNREAD_DAYS ? u->log_days : UNREAD_DAYS);
    else
        buf_add_str(&unread, "nobody had just read the key, so it was taken long before or elsewhere");
    facts_add_set(&f, "reason", buf_slice(&unread));
    buf_addf(&where, "%s was used from a network %snot seen in the %d days before", key_use_kinds[kind],
             has_new_agent(place) ? "and with a client program " : "", HABIT_DAYS);
    facts_add_set(&f, "reason", buf_slice(&where));
    if (is_bulk) {
        buf_add_str(&bulk, "it read in bulk");
        facts_add_set(&f, "reason", buf_slice(&bulk));
    }
    return alert_emit(c->ctx->sink, &(struct alert_draft){
        .detector = "stolen_key", .state_version = 1, .type = TYPE_UNREAD,
        .severity = severity_unread(is_bulk, is_long, place), .confidence = is_bulk && is_long ? 65 : 50,
        .api = (enum api)u->api, .account = c->obs->text[F_ACCOUNT], .resource_id = c->obs->text[F_RESOURCE_ID],
        .subject = slice_of(key_use_kinds[kind]), .bucket_ns = time_floor(u->first_ns, NS_PER_DAY), .first_ns = u->first_ns,
        .last_ns = u->last_ns, .count = u->count, .facts = f.at, .facts_len = f.len }, c->err);
}

/* Nobody read the key who could have taken it. A browser's key is as a rule one that the portal read long ago. */
static bool is_unread(const struct closing *c, const struct key_use *u, size_t place, int32_t read_days)
{
    if (!is_telling(place) || u->log_days * NS_PER_DAY <
                                 sensitivity_count(c->d->sensitivity, c->d->log_ms, NS_PER_DAY / NS_PER_MS) * NS_PER_MS)
        return false;
    if (c->d->sensitivity == SENSITIVITY_LOW)
        return read_days > UNREAD_DAYS && has_new_agent(place);
    if (read_days > UNREAD_DAYS)
        return has_new_agent(place) || !is_browser(place);
    return !is_browser(place) && !u->is_told && !is_explained_by_any(c->d, u, place, c->obs->text[F_ACCOUNT], c->ctx);
}

/* No row of the slot can come any more, neither of a use nor of a reading. */
static int judge_closed(const struct closing *c, int32_t slot, int32_t read_days)
{
    struct baseline *b = c->ctx->baseline;
    struct slice account = c->obs->text[F_ACCOUNT];
    char room[32];
    const struct places *now = baseline_get(b, &places_memory, account, key_slot(slot, SIZE_MAX, room));
    const struct places *before = baseline_get(b, &places_memory, account, key_slot(slot - c->len, SIZE_MAX, room));

    for (size_t place = 0; now && place < USE_PLACES; place++) {
        bool was_before = before && before->bits[place / 8] >> place % 8 & 1; /* and was judged then */
        const struct key_use *u;

        if (!(now->bits[place / 8] >> place % 8 & 1))
            continue;
        u = baseline_get(b, &use_memory, account, key_slot(slot, place, room));
        if (!u)
            continue;
        if (is_browser(place) && judge_browser(c->d, u, place, c->obs, c->ctx, c->err) < 0)
            return -1;
        if (!was_before && is_unread(c, u, place, read_days) && tell_unread(c, u, place, read_days) < 0)
            return -1;
    }
    return 0;
}

static void close_slot(void *self, int32_t closed, int32_t next)
{
    struct closing *c = self;
    struct account *a = c->account;
    int32_t read_days;

    (void)next;
    if (a->is_read[1])
        a->last_read = closed;
    read_days = a->last_read == SLOT_NEVER ? INT32_MAX : slots_day(closed) - slots_day(a->last_read);
    if (a->is_used[1] && !c->ctx->is_backfill && c->rc == 0)
        c->rc = judge_closed(c, closed, read_days);
    a->is_read[1] = a->is_read[0];
    a->is_used[1] = a->is_used[0];
    a->is_read[0] = a->is_used[0] = 0;
}

enum happening { NOTHING, KEY_READ, KEY_USED };

/* Let time go on for the account, and note what happened in the slot. */
static int account_goes_on(const struct stolen_key *d, const struct observation *obs, enum happening what,
                           const struct detector_context *ctx, struct error *err)
{
    int32_t len = slots_len(baseline_cfg(ctx->baseline)), slot = slots_of(obs->minute_ns, len);
    struct slice account = obs->text[F_ACCOUNT];
    const struct account *known = baseline_get(ctx->baseline, &account_memory, account, SL(""));
    struct closing c = { .d = d, .obs = obs, .ctx = ctx, .len = len, .err = err };
    enum slot_age age;

    if (known && known->newest >= slot && what == NOTHING)
        return 0;
    c.account = baseline_put(ctx->baseline, &account_memory, account, SL(""), account, obs->minute_ns, NULL);
    if (!c.account)
        return 0;
    age = slots_advance(&c.account->newest, slot, len, close_slot, &c);
    if (age != SLOT_LATE && what == KEY_READ)
        c.account->is_read[age] = 1;
    if (age != SLOT_LATE && what == KEY_USED)
        c.account->is_used[age] = 1;
    return c.rc;
}

/* ---- the observation --------------------------------------------------------------------------- */

static int judge_spread(const struct stolen_key *d, const struct key_request *r, const struct key_use *added,
                        struct error *err)
{
    const struct key_spread_limits limits = { .networks = sensitivity_count(d->sensitivity, d->networks, 3) };

    return key_spread_judge(&limits, r, added, err);
}

static unsigned class_of(const struct key_request *r)
{
    bool is_rare = r->is_new_wide && !usual_is_restless(r->ctx->baseline, r->obs->text[F_ACCOUNT], USUAL_WIDE_OF_KEY,
                                                        r->obs->minute_ns);

    return (r->is_new_agent ? USE_NEW_AGENT : 0u) | (r->agent.kind == AGENT_BROWSER ? USE_BROWSER : 0u) |
           (is_rare ? USE_RARE_NETWORK : 0u);
}

static int judge_use(struct stolen_key *d, const struct key_request *r, struct error *err)
{
    struct baseline *b = r->ctx->baseline;
    struct slice account = r->obs->text[F_ACCOUNT];
    size_t place = place_of(r->kind, class_of(r), key_use_bucket(&r->net));
    struct places *all;
    struct key_use *u, added = key_use_of(r);
    char room[32];

    all = baseline_put(b, &places_memory, account, key_slot(r->slot, SIZE_MAX, room), SL(""), r->obs->minute_ns, NULL);
    if (all)
        all->bits[place / 8] |= (uint8_t)(1u << place % 8);
    u = baseline_put(b, &use_memory, account, key_slot(r->slot, place, room), SL(""), r->obs->minute_ns, NULL);
    if (!all || !u)
        return 0;
    key_use_add(u, &added);
    if (!r->ctx->is_backfill && find_readers(d, r, u, place, &added, err) < 0)
        return -1;
    return r->is_new_wide ? judge_spread(d, r, &added, err) : 0;
}

static int observe_request(struct stolen_key *d, const struct observation *obs,
                           const struct detector_context *ctx, struct error *err)
{
    struct key_request r = { .memo = &d->memo, .obs = obs, .ctx = ctx, .len = slots_len(baseline_cfg(ctx->baseline)) };
    bool is_judged;

    r.slot = slots_of(obs->minute_ns, r.len);
    is_judged = !ctx->is_counted_elsewhere && key_request_read(&r) && r.is_elsewhere && !ctx->is_learning;
    if (account_goes_on(d, obs, is_judged ? KEY_USED : NOTHING, ctx, err) < 0)
        return -1;
    return is_judged ? judge_use(d, &r, err) : 0;
}

static int observe_activity(const struct stolen_key *d, const struct observation *obs,
                            const struct detector_context *ctx, struct error *err)
{
    int32_t len = slots_len(baseline_cfg(ctx->baseline)), slot = slots_of(obs->minute_ns, len);
    struct key_event e;
    struct key_usual usual;
    struct key_reading r;
    const struct key_reading *kept;
    bool is_read = key_event_read(obs, &e) && e.outcome == KEY_DONE &&
                   (e.action == KEY_ACTION_LIST || e.action == KEY_ACTION_LIST_READONLY);

    key_event_note(ctx->baseline, &e, &usual);
    if (slice_empty(obs->text[F_ACCOUNT]))
        return 0;
    if (account_goes_on(d, obs, is_read ? KEY_READ : NOTHING, ctx, err) < 0)
        return -1;
    if (!is_read)
        return 0;
    r = key_reading_of(&e, &usual, ctx->enrich);
    kept = key_reading_keep(obs, &r, slot, ctx);
    if (!kept || ctx->is_backfill)
        return 0;
    r = *kept;
    return find_uses(d, obs, &r, slot, len, ctx, err);
}

static const struct baseline_memory *const short_memories[] = { &use_memory, &places_memory, &key_readings_memory,
                                                                &key_spread_day_memory, NULL };

static int stolen_key_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                              struct error *err)
{
    struct stolen_key *d = self;

    key_sweep(ctx, d->within_ms * NS_PER_MS + NS_PER_DAY, short_memories, &d->swept_ns);
    return obs->kind == OBS_ACTIVITY ? observe_activity(d, obs, ctx, err) : observe_request(d, obs, ctx, err);
}

static const char *const stolen_key_types[] = { TYPE_STOLEN, KEY_SPREAD_TYPE, TYPE_UNREAD, NULL };
static const struct baseline_memory *const stolen_key_memories[] = {
    &use_memory,           &places_memory,     &key_places_memory, &key_readings_memory, &account_memory,
    &key_spread_day_memory, &key_spread_memory, &key_habits_memory, &key_readers_memory,  &key_operations_memory,
    USUAL_MEMORIES,        NULL,
};

const struct detector_ops detector_stolen_key = {
    .name = "stolen_key",
    .summary = "a key used from where it never was: stolen, leaked, or read by nobody",
    .reads = OBS_REQUEST | OBS_ACTIVITY,
    .types = stolen_key_types,
    .options = stolen_key_options,
    .size = sizeof(struct stolen_key),
    .memories = stolen_key_memories,
    .observe = stolen_key_observe,
};
