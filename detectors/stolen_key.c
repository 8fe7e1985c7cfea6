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
 *              (Medium), or from a /16 that is new where such ones seldom come (Low). A browser is Data Explorer as a rule, and whoever sits there read the key himself: told only when
 *              no such reading can come any more, two horizons later.
 *          KeyPubliclyLeaked: `networks` new /16 with one key kind in one day, and twice as many as on any day before.
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
#include "base/map.h"
#include "base/timeutil.h"
#include "baseline/slots.h"
#include "detectors/detector.h"
#include "detectors/kit/key_event.h"
#include "detectors/kit/request.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "detectors/kit/usual.h"
#include "enrich/caller.h"
#include "enrich/enrich.h"
#include "enrich/user_agent.h"
#include "settings/option.h"

#include <stdio.h>
#include <string.h>

#define TYPE_STOLEN "CosmosDBX_StolenKeyUse"
#define TYPE_LEAKED "CosmosDBX_KeyPubliclyLeaked"
#define TYPE_UNREAD "CosmosDBX_ServiceSideKeyTheft"
#define UNREAD_DAYS 90
#define AGENT_DAYS 2 /* a program seen on one day may be that of the thief's first visit */
#define BULK_BYTES (100 * INT64_C(1000000))

struct stolen_key {
    int sensitivity;
    int64_t within_ms, networks, log_ms;
    int64_t swept_ns; /* saves work, judges nothing */
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

static const char *const kinds[] = { "PrimaryMasterKey", "SecondaryMasterKey", "PrimaryReadonlyMasterKey",
                                     "SecondaryReadonlyMasterKey" };
#define KINDS 4
#define BUCKETS 256 /* a wide network is one of these; IPv4 the upper half */

/* RARE_NETWORK: on this account new networks are not everyday life (usual_is_restless). */
enum use_class { USE_NEW_AGENT = 1, USE_BROWSER = 2, USE_RARE_NETWORK = 4 };
#define CLASSES 8
#define USE_PLACES (KINDS * CLASSES * BUCKETS)

struct use { /* requests from elsewhere that are told together */
    int64_t count, bytes_out, bytes_in, ru_milli, reads, writes, others;
    int64_t first_ns, last_ns, log_days;
    int32_t api;
    uint8_t is_told, padding[3];
    char sample[FEW_TEXT];
    struct few addresses, agents, containers, networks;
};

static const struct baseline_memory use_memory = {
    .name = "stolen_key.use",
    .version = 1,
    .size = sizeof(struct use),
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

static const struct baseline_memory known_memory = { /* networks, wide networks, client programs */
    .name = "stolen_key.places",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 1000000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

static void use_add(struct use *to, const struct use *more)
{
    if (!to->count || more->first_ns < to->first_ns)
        to->first_ns = more->first_ns;
    if (!to->count || more->last_ns > to->last_ns)
        to->last_ns = more->last_ns;
    if (!to->sample[0] || (more->sample[0] && strcmp(more->sample, to->sample) < 0))
        memcpy(to->sample, more->sample, sizeof to->sample);
    to->count += more->count;
    to->bytes_out += more->bytes_out;
    to->bytes_in += more->bytes_in;
    to->ru_milli += more->ru_milli;
    to->reads += more->reads;
    to->writes += more->writes;
    to->others += more->others;
    to->log_days = more->log_days > to->log_days ? more->log_days : to->log_days;
    to->api = more->api > to->api ? more->api : to->api;
    few_unite(&to->addresses, &more->addresses);
    few_unite(&to->agents, &more->agents);
    few_unite(&to->containers, &more->containers);
    few_unite(&to->networks, &more->networks);
}

/* ---- one request ------------------------------------------------------------------------------- */

struct request {
    const struct observation *obs;
    const struct detector_context *ctx;
    int32_t len, slot;
    size_t kind;          /* index of kinds[] */
    struct user_agent agent;
    struct slice product;
    struct network_of net;
    bool is_elsewhere, is_new_wide, is_new_agent;
};

static bool kind_of(struct slice word, size_t *ret)
{
    const char *name = "";

    (void)key_kind_parse(word, &name); /* the name says more than the class */
    for (size_t i = 0; i < KINDS; i++)
        if (strcmp(name, kinds[i]) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

static bool is_readonly(size_t kind)
{
    return kind >= 2;
}

static uint8_t bucket_of(const struct network_of *net)
{
    return (uint8_t)((net->is_v4 ? 128 : 0) | (hash64(net->wide, strlen(net->wide), 0) & 127));
}

static struct slice known_key(char what, struct slice name, char room[96])
{
    name = slice_cut(name, 90);
    room[0] = what;
    if (name.len)
        memcpy(room + 1, name.at, name.len);
    return slice_make(room, name.len + 1);
}

/* On how many days closed slots saw it. */
static int64_t note_known(const struct request *r, char what, struct slice name)
{
    struct baseline *b = r->ctx->baseline;
    char room[96];
    struct slice key = known_key(what, name, room), account = r->obs->text[F_ACCOUNT];
    struct habit_view v;

    if (habit_is_noted(b, &known_memory, account, key, r->obs->minute_ns))
        habit_look(b, &known_memory, account, key, r->obs->minute_ns, &v);
    else
        habit_note(b, &known_memory, account, key, name, r->obs->minute_ns, &v);
    return v.days;
}

static bool is_ours(const struct request *r)
{
    const struct network *net = enrich_network(r->ctx->enrich, r->obs->text[F_ADDRESS], r->obs->minute_ns);

    return (net && net->is_microsoft) || enrich_trusts(r->ctx->enrich, TRUSTED_ADDRESS, r->obs->text[F_ACCOUNT],
                                                       r->obs->text[F_ADDRESS], r->obs->minute_ns);
}

/* False: nothing that this detector looks at. */
static bool read_request(struct request *r)
{
    const struct observation *obs = r->obs;
    bool is_known, is_known_wide;

    if (!obs_ok(obs) || !kind_of(obs->text[F_KEY_KIND], &r->kind))
        return false;
    user_agent_parse(obs->text[F_USER_AGENT], &r->agent);
    r->product = slice_empty(r->agent.product) ? SL("no agent") : r->agent.product;
    r->is_new_agent = note_known(r, 'a', r->product) < AGENT_DAYS;
    if (!network_of(obs->text[F_ADDRESS], &r->net) || is_ours(r))
        return true;
    is_known = note_known(r, 'n', slice_of(r->net.near)) > 0;
    is_known_wide = note_known(r, 'w', slice_of(r->net.wide)) > 0;
    r->is_new_wide = !is_known_wide && !is_known;
    r->is_elsewhere = !is_known && (!is_known_wide || r->is_new_agent);
    if (r->is_new_wide)
        usual_note_new(r->ctx->baseline, obs->text[F_ACCOUNT], USUAL_WIDE_OF_KEY, obs->minute_ns);
    return true;
}

static struct use use_of(const struct request *r)
{
    const struct observation *obs = r->obs;
    struct use u = { .count = obs->count, .bytes_out = obs->bytes_out, .bytes_in = obs->bytes_in,
                     .ru_milli = obs->ru_milli, .first_ns = obs->first_ns, .last_ns = obs->last_ns,
                     .api = (int32_t)obs->api };
    enum request_effect effect = request_effect(obs);
    struct slice sample = slice_cut(obs->sample, FEW_TEXT - 1);

    u.reads = effect == REQUEST_READ ? obs->count : 0;
    u.writes = effect == REQUEST_WRITE ? obs->count : 0;
    u.others = obs->count - u.reads - u.writes;
    u.log_days = key_log_days(r->ctx->baseline, obs->text[F_ACCOUNT], obs->text[F_RESOURCE_ID], obs->minute_ns);
    if (sample.len)
        memcpy(u.sample, sample.at, sample.len);
    few_add(&u.addresses, obs->text[F_ADDRESS]);
    few_add(&u.agents, r->product);
    few_add(&u.containers, obs->text[F_CONTAINER]);
    few_add(&u.networks, slice_of(r->net.near));
    return u;
}

static void add_use(struct fact_list *f, const struct use *u, size_t kind)
{
    facts_add_set(f, "keyKind", slice_of(kinds[kind]));
    facts_add_few(f, "address", &u->addresses);
    facts_add_few(f, "network", &u->networks);
    facts_add_few(f, "userAgent", &u->agents);
    facts_add_few(f, "container", &u->containers);
    facts_add_sample(f, slice_of(u->sample), 0);
    facts_add_map(f, "operations", SL("reads"), u->reads);
    facts_add_map(f, "operations", SL("writes"), u->writes);
    facts_add_map(f, "operations", SL("other"), u->others);
    facts_add_number(f, "requests", FACT_SUM, u->count);
    facts_add_number(f, "bytesOut", FACT_SUM, u->bytes_out);
    facts_add_number(f, "bytesIn", FACT_SUM, u->bytes_in);
    facts_add_number(f, "ruMilli", FACT_SUM, u->ru_milli);
}

/* ---- readings ---------------------------------------------------------------------------------- */

#define READINGS_MAX 24

struct reading {
    char caller[CALLER_MAX], address[FEW_TEXT], app[FEW_TEXT];
    int64_t first_ns, last_ns;
    uint8_t is_readonly, is_habitual, is_person, has_network, is_v4, bucket, padding[2];
};

struct readings { /* of an account in a slot */
    uint32_t len, unused;
    struct reading each[READINGS_MAX];
};

static const struct baseline_memory readings_memory = {
    .name = "stolen_key.readings",
    .version = 1,
    .size = sizeof(struct readings),
    .max_keys = 5000,
};

static struct slice slot_key(int32_t slot, size_t place, char room[32])
{
    int n = place == SIZE_MAX ? snprintf(room, 32, "%d", slot) : snprintf(room, 32, "%d/%zu", slot, place);

    return slice_make(room, (size_t)n);
}

static struct reading reading_of(const struct key_event *e, const struct key_usual *usual, const struct enrich *enrich)
{
    struct reading r = { .first_ns = e->obs->minute_ns, .last_ns = e->obs->minute_ns,
                         .is_readonly = e->action == KEY_ACTION_LIST_READONLY,
                         .is_habitual = usual->reads_here.days >= 2 || key_event_is_trusted(enrich, e),
                         .is_person = e->is_person };
    struct slice address = slice_cut(e->obs->text[F_ADDRESS], FEW_TEXT - 1);
    struct network_of net;

    memcpy(r.caller, e->caller.at, e->caller.len);
    if (e->app_id.len)
        memcpy(r.app, e->app_id.at, e->app_id.len);
    if (address.len)
        memcpy(r.address, address.at, address.len);
    r.has_network = network_of(address, &net);
    if (r.has_network) {
        r.is_v4 = net.is_v4;
        r.bucket = bucket_of(&net);
    }
    return r;
}

static bool is_same_reader(const struct reading *a, const struct reading *b)
{
    return strcmp(a->caller, b->caller) == 0 && strcmp(a->address, b->address) == 0 &&
           strcmp(a->app, b->app) == 0 && a->is_readonly == b->is_readonly && a->is_habitual == b->is_habitual;
}

/* The reader's entry of the slot with this reading in it; NULL: no room. */
static const struct reading *keep_reading(const struct observation *obs, const struct reading *r, int32_t slot,
                                          const struct detector_context *ctx)
{
    char room[32];
    struct readings *all = baseline_put(ctx->baseline, &readings_memory, obs->text[F_ACCOUNT],
                                        slot_key(slot, SIZE_MAX, room), SL(""), obs->minute_ns, NULL);
    struct reading *mine = NULL;

    if (!all)
        return NULL;
    for (uint32_t i = 0; i < all->len && !mine; i++)
        if (is_same_reader(&all->each[i], r))
            mine = &all->each[i];
    if (!mine && all->len < READINGS_MAX) {
        mine = &all->each[all->len++];
        *mine = *r;
    }
    if (!mine)
        return NULL;
    mine->first_ns = r->first_ns < mine->first_ns ? r->first_ns : mine->first_ns;
    mine->last_ns = r->last_ns > mine->last_ns ? r->last_ns : mine->last_ns;
    return mine;
}

/* ---- StolenKeyUse ------------------------------------------------------------------------------ */

static size_t place_of(size_t kind, unsigned class, uint8_t bucket)
{
    return (kind * CLASSES + class) * BUCKETS + bucket;
}

static bool has_new_agent(size_t place)
{
    return place / BUCKETS % CLASSES & USE_NEW_AGENT;
}

/* Told although nobody strange read the key: something about it is not everyday life. */
static bool is_telling(size_t place)
{
    return place / BUCKETS % CLASSES & (USE_NEW_AGENT | USE_RARE_NETWORK);
}

/* Can this use be of the key that this reading gave away? Growing either only makes it likelier: first only gets
 * earlier, last only later. */
static bool is_story(const struct stolen_key *d, const struct reading *r, const struct use *u, size_t place)
{
    size_t kind = place / BUCKETS / CLASSES;
    unsigned class = (unsigned)(place / BUCKETS % CLASSES);

    if (r->is_readonly && !is_readonly(kind))
        return false;
    /* A usual reader's key is used by new hosts (of a known network, or where networks come and go), and by people in
     * the portal, who read it themselves. */
    if (r->is_habitual && (d->sensitivity == SENSITIVITY_LOW || !is_telling(place) || (class & USE_BROWSER) || !r->has_network))
        return false;
    if (time_floor(r->first_ns, NS_PER_MIN) > u->last_ns || r->last_ns < u->first_ns - d->within_ms * NS_PER_MS)
        return false;
    return !r->has_network || r->bucket != place % BUCKETS;
}

static bool is_browser(size_t place)
{
    return place / BUCKETS % CLASSES & USE_BROWSER;
}

static int tell_story(const struct reading *r, const struct use *part, size_t place, const struct observation *obs,
                      const struct detector_context *ctx, struct error *err)
{
    size_t kind = place / BUCKETS / CLASSES;
    CLEANUP(buf_release) struct buf who = BUF_INIT(512), where = BUF_INIT(256);
    struct fact_list f = { .len = 0 };
    struct few readers = { .len = 0 };
    bool is_grave = !r->is_habitual && has_new_agent(place), is_weak = r->is_habitual && !has_new_agent(place);

    key_readers_look(ctx->baseline, obs->text[F_ACCOUNT], part->first_ns, &readers);
    add_use(&f, part, kind);
    if (r->is_habitual) { /* a usual reader beside a strange one is not the suspect */
        facts_add_set(&f, "habitualReader", slice_of(r->caller));
    } else {
        facts_add_set(&f, "principal", slice_of(r->caller));
        facts_add_set(&f, "readerAddress", slice_of(r->address));
        facts_add_set(&f, "appId", slice_of(r->app));
        facts_add_number(&f, "readAt", FACT_MIN, r->first_ns);
    }
    facts_add_few(&f, "usualReaders", &readers);
    buf_addf(&who, "keys were read by %s%s%s, %s", r->caller, r->address[0] ? " from " : "", r->address,
             r->is_habitual ? "who does so by habit" : "who does not read keys of this account by habit");
    facts_add_set(&f, "reason", buf_slice(&who));
    buf_addf(&where, "%s was then used from a network unlike the reader's, not seen with a key in the %d days before",
             kinds[kind], HABIT_DAYS);
    facts_add_set(&f, "reason", buf_slice(&where));
    if (has_new_agent(place))
        facts_add_set(&f, "reason", SL("the client program is new to this account as well"));

    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "stolen_key", .state_version = 1, .type = TYPE_STOLEN,
        .severity = is_grave ? SEVERITY_HIGH : is_weak ? SEVERITY_LOW : SEVERITY_MEDIUM,
        .confidence = is_grave ? 90 : is_weak ? 40 : r->is_habitual ? 55 : 65,
        .api = (enum api)part->api, .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID],
        .subject = slice_of(kinds[kind]), .bucket_ns = time_floor(part->first_ns, NS_PER_DAY),
        .first_ns = part->first_ns, .last_ns = part->last_ns, .count = part->count, .facts = f.at,
        .facts_len = f.len }, err);
}

/* A part that adds no requests, only that a further reading fits. */
static struct use without_requests(const struct use *u)
{
    return (struct use){ .first_ns = u->first_ns, .last_ns = u->last_ns, .api = u->api };
}

/* The use has grown by `added`: which readings fit it? */
static int find_readers(const struct stolen_key *d, const struct request *r, struct use *u, size_t place,
                        const struct use *added, struct error *err)
{
    struct baseline *b = r->ctx->baseline;
    int32_t from = slots_of(u->first_ns - d->within_ms * NS_PER_MS, r->len), to = slots_of(u->last_ns, r->len);
    bool is_added_told = false;

    if (is_browser(place))
        return 0; /* judged when the slot is closed */
    for (int32_t slot = from; slot <= to; slot += r->len) {
        char room[32];
        const struct readings *all = baseline_get(b, &readings_memory, r->obs->text[F_ACCOUNT],
                                                  slot_key(slot, SIZE_MAX, room));

        for (uint32_t i = 0; all && i < all->len; i++) {
            struct use part;

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
static int find_uses(const struct stolen_key *d, const struct observation *obs, const struct reading *r, int32_t slot,
                     int32_t len, const struct detector_context *ctx, struct error *err)
{
    struct baseline *b = ctx->baseline;
    int32_t to = slots_of(r->last_ns + d->within_ms * NS_PER_MS, len);

    for (; slot <= to; slot += len) {
        char room[32];
        const struct places *all = baseline_get(b, &places_memory, obs->text[F_ACCOUNT], slot_key(slot, SIZE_MAX, room));

        for (size_t place = 0; all && place < USE_PLACES; place++) {
            struct slice key;
            const struct use *known;
            struct use *u, part;

            if (!(all->bits[place / 8] >> place % 8 & 1) || is_browser(place))
                continue;
            key = slot_key(slot, place, room);
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
static bool is_explained(const struct reading *r, size_t place)
{
    bool is_v4 = place % BUCKETS >= BUCKETS / 2;

    return r->has_network ? r->bucket == place % BUCKETS || (r->is_person && r->is_v4 != is_v4) : r->is_person;
}

struct span { /* slots whose readings may have to do with a use */
    int32_t from, to, len;
};

static struct span span_before(const struct stolen_key *d, const struct use *u, const struct detector_context *ctx)
{
    int32_t len = slots_len(baseline_cfg(ctx->baseline));

    return (struct span){ .from = slots_of(u->first_ns - d->within_ms * NS_PER_MS, len), .to = slots_of(u->last_ns, len),
                          .len = len };
}

static const struct readings *readings_of(const struct detector_context *ctx, struct slice account, int32_t slot)
{
    char room[32];

    return baseline_get(ctx->baseline, &readings_memory, account, slot_key(slot, SIZE_MAX, room));
}

static bool is_explained_by_any(const struct stolen_key *d, const struct use *u, size_t place, struct slice account,
                                const struct detector_context *ctx)
{
    struct span span = span_before(d, u, ctx);

    for (int32_t slot = span.from; slot <= span.to; slot += span.len) {
        const struct readings *all = readings_of(ctx, account, slot);

        for (uint32_t i = 0; all && i < all->len; i++)
            if (is_explained(&all->each[i], place))
                return true;
    }
    return false;
}

static int judge_browser(const struct stolen_key *d, const struct use *u, size_t place, const struct observation *obs,
                         const struct detector_context *ctx, struct error *err)
{
    struct span span = span_before(d, u, ctx);
    bool is_told = false;

    if (is_explained_by_any(d, u, place, obs->text[F_ACCOUNT], ctx))
        return 0;
    for (int32_t slot = span.from; slot <= span.to; slot += span.len) {
        const struct readings *all = readings_of(ctx, obs->text[F_ACCOUNT], slot);

        for (uint32_t i = 0; all && i < all->len; i++) {
            struct use part = is_told ? without_requests(u) : *u;

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
static int tell_unread(const struct closing *c, const struct use *u, size_t place, int32_t read_days)
{
    size_t kind = place / BUCKETS / CLASSES;
    bool is_bulk = u->bytes_out >= BULK_BYTES, is_long = read_days > UNREAD_DAYS;
    CLEANUP(buf_release) struct buf unread = BUF_INIT(256), where = BUF_INIT(256), bulk = BUF_INIT(256);
    struct fact_list f = { .len = 0 };

    add_use(&f, u, kind);
    facts_add_number(&f, "logDays", FACT_MAX, u->log_days);
    if (is_long)
        buf_addf(&unread, "no key of the account was read in the %" PRId64 " days of its activity log on record",
                 u->log_days < UNREAD_DAYS ? u->log_days : UNREAD_DAYS);
    else
        buf_add_str(&unread, "nobody had just read the key, so it was taken long before or elsewhere");
    facts_add_set(&f, "reason", buf_slice(&unread));
    buf_addf(&where, "%s was used from a network %snot seen in the %d days before", kinds[kind],
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
        .subject = slice_of(kinds[kind]), .bucket_ns = time_floor(u->first_ns, NS_PER_DAY), .first_ns = u->first_ns,
        .last_ns = u->last_ns, .count = u->count, .facts = f.at, .facts_len = f.len }, c->err);
}

/* Nobody read the key who could have taken it. A browser's key is as a rule one that the portal read long ago. */
static bool is_unread(const struct closing *c, const struct use *u, size_t place, int32_t read_days)
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
    const struct places *now = baseline_get(b, &places_memory, account, slot_key(slot, SIZE_MAX, room));
    const struct places *before = baseline_get(b, &places_memory, account, slot_key(slot - c->len, SIZE_MAX, room));

    for (size_t place = 0; now && place < USE_PLACES; place++) {
        bool was_before = before && before->bits[place / 8] >> place % 8 & 1; /* and was judged then */
        const struct use *u;

        if (!(now->bits[place / 8] >> place % 8 & 1))
            continue;
        u = baseline_get(b, &use_memory, account, slot_key(slot, place, room));
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

    (void)next;
    if (a->is_read[1])
        a->last_read = closed;
    if (a->is_used[1] && !c->ctx->is_backfill && c->rc == 0)
        c->rc = judge_closed(c, closed, a->last_read == SLOT_NEVER ? INT32_MAX : slots_day(closed) - slots_day(a->last_read));
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

/* ---- KeyPubliclyLeaked ------------------------------------------------------------------------- */

#define WIDE_BITS 1024

struct wide { /* distinct wide networks, counted by hashed bits */
    uint8_t bits[WIDE_BITS / 8];
};

static int64_t wide_count(const struct wide *w)
{
    int64_t n = 0;

    for (size_t i = 0; i < sizeof w->bits; i++)
        n += __builtin_popcount(w->bits[i]);
    return n;
}

static void wide_add(struct wide *w, const char *name)
{
    uint64_t bit = hash64(name, strlen(name), 1) % WIDE_BITS;

    w->bits[bit / 8] |= (uint8_t)(1u << bit % 8);
}

struct day { /* new networks of one key kind in a day, while rows may come */
    struct wide wide;
    struct use use;
    uint8_t has_new_agent, padding[7];
};

static const struct baseline_memory day_memory = {
    .name = "stolen_key.day",
    .version = 1,
    .size = sizeof(struct day),
    .max_keys = 5000,
};

struct spread_learned { /* how many new networks a day brings */
    struct wide wide;   /* of `day` so far */
    int32_t day;        /* 0: none */
    struct { int32_t day; int32_t n; } over[2], most; /* the two days before `day`; the largest of those before */
};

struct spread {
    int32_t newest;
    struct spread_learned learned[2];
    struct wide open[2];
};

static const struct baseline_memory spread_memory = {
    .name = "stolen_key.spread",
    .version = 1,
    .size = sizeof(struct spread),
    .max_keys = 20000,
};

static void spread_fold(void *learned, const void *open, int32_t slot)
{
    struct spread_learned *l = learned;
    const struct wide *o = open;

    if (slots_day(slot) != l->day) {
        if (l->over[1].n >= l->most.n || l->over[1].day - l->most.day > HABIT_DAYS) {
            l->most.day = l->over[1].day;
            l->most.n = l->over[1].n;
        }
        l->over[1] = l->over[0];
        l->over[0].day = l->day;
        l->over[0].n = (int32_t)wide_count(&l->wide);
        l->wide = (struct wide){ .bits = { 0 } };
        l->day = slots_day(slot);
    }
    for (size_t i = 0; i < sizeof o->bits; i++)
        l->wide.bits[i] |= o->bits[i];
}

static const struct slots_kind spread_kind = { .learned_size = sizeof(struct spread_learned),
                                               .open_size = sizeof(struct wide), .fold = spread_fold };

/* The most that a day brought up to the day before yesterday: all slots of today agree on that. */
static int64_t usual_most(const struct spread_learned *l, int32_t today)
{
    int64_t most = today - l->most.day <= HABIT_DAYS ? l->most.n : 0;

    for (size_t i = 0; i < 2; i++)
        if (l->over[i].day <= today - 2 && today - l->over[i].day <= HABIT_DAYS && l->over[i].n > most)
            most = l->over[i].n;
    if (l->day && l->day <= today - 2 && today - l->day <= HABIT_DAYS && wide_count(&l->wide) > most)
        most = wide_count(&l->wide);
    return most;
}

static int tell_leaked(const struct request *r, const struct day *day, const struct use *part, int64_t usual,
                       const struct stolen_key *d, struct error *err)
{
    int64_t n = wide_count(&day->wide);
    int64_t networks = sensitivity_count(d->sensitivity, d->networks, 3);
    bool is_grave = day->has_new_agent || n >= 2 * networks;
    CLEANUP(buf_release) struct buf many = BUF_INIT(256);
    struct fact_list f = { .len = 0 };

    add_use(&f, part, r->kind);
    facts_add_number(&f, "newNetworks", FACT_MAX, n);
    facts_add_number(&f, "usualNewNetworks", FACT_MAX, usual);
    buf_addf(&many, "%s was used from %" PRId64 " or more networks in a day that never used a key of this account; the "
             "most on a day before was %" PRId64, kinds[r->kind], networks, usual);
    facts_add_set(&f, "reason", buf_slice(&many));
    if (day->has_new_agent)
        facts_add_set(&f, "reason", SL("client programs that are new to the account are among them"));
    return alert_emit(r->ctx->sink, &(struct alert_draft){
        .detector = "stolen_key", .state_version = 1, .type = TYPE_LEAKED,
        .severity = is_grave ? SEVERITY_HIGH : SEVERITY_MEDIUM, .confidence = is_grave ? 85 : 60,
        .api = (enum api)part->api, .account = r->obs->text[F_ACCOUNT], .resource_id = r->obs->text[F_RESOURCE_ID],
        .subject = slice_of(kinds[r->kind]), .bucket_ns = time_floor(part->first_ns, NS_PER_DAY),
        .first_ns = part->first_ns, .last_ns = part->last_ns, .count = part->count, .facts = f.at,
        .facts_len = f.len }, err);
}

static int judge_spread(const struct stolen_key *d, const struct request *r, const struct use *added, struct error *err)
{
    struct baseline *b = r->ctx->baseline;
    struct slice account = r->obs->text[F_ACCOUNT], kind = slice_of(kinds[r->kind]);
    struct spread *s = baseline_put(b, &spread_memory, account, kind, kind, r->obs->minute_ns, NULL);
    char room[32];
    int32_t today = slots_day(r->slot);
    enum slot_age age;
    struct wide *open;
    struct day *day;
    struct use part;
    int64_t n, usual;

    if (!s)
        return 0;
    age = slots_enter(&s->newest, r->slot, r->len, &spread_kind, s->learned, s->open);
    open = slots_open(&spread_kind, s->open, age);
    usual = usual_most(slots_learned(&spread_kind, s->learned, age), today);
    if (!open)
        return 0;
    wide_add(open, r->net.wide);
    day = baseline_put(b, &day_memory, account, slot_key(today, r->kind, room), SL(""), r->obs->minute_ns, NULL);
    if (!day)
        return 0;
    wide_add(&day->wide, r->net.wide);
    use_add(&day->use, added);
    day->has_new_agent |= r->is_new_agent;
    n = wide_count(&day->wide);
    if (r->ctx->is_backfill || n < sensitivity_count(d->sensitivity, d->networks, 3) || n <= 2 * usual)
        return 0;
    part = day->use.is_told ? *added : day->use;
    day->use.is_told = 1;
    return tell_leaked(r, day, &part, usual, d, err);
}

/* ---- the observation --------------------------------------------------------------------------- */

static int observe_request(const struct stolen_key *d, const struct observation *obs,
                           const struct detector_context *ctx, struct error *err)
{
    struct request r = { .obs = obs, .ctx = ctx, .len = slots_len(baseline_cfg(ctx->baseline)) };
    unsigned class;
    size_t place;
    struct slice account = obs->text[F_ACCOUNT];
    struct places *all;
    struct use *u, added;
    char room[32];
    bool is_elsewhere_too = ctx->is_counted_elsewhere, is_judged;

    r.slot = slots_of(obs->minute_ns, r.len);
    is_judged = !is_elsewhere_too && read_request(&r) && r.is_elsewhere &&
                !baseline_is_learning(ctx->baseline, account, obs->minute_ns);
    if (account_goes_on(d, obs, is_judged ? KEY_USED : NOTHING, ctx, err) < 0)
        return -1;
    if (!is_judged)
        return 0;

    added = use_of(&r);
    class = (r.is_new_agent ? USE_NEW_AGENT : 0u) | (r.agent.kind == AGENT_BROWSER ? USE_BROWSER : 0u) |
            (r.is_new_wide && !usual_is_restless(ctx->baseline, account, USUAL_WIDE_OF_KEY, obs->minute_ns) ? USE_RARE_NETWORK
                                                                                                          : 0u);
    place = place_of(r.kind, class, bucket_of(&r.net));
    all = baseline_put(ctx->baseline, &places_memory, account, slot_key(r.slot, SIZE_MAX, room), SL(""),
                       obs->minute_ns, NULL);
    if (all)
        all->bits[place / 8] |= (uint8_t)(1u << place % 8);
    u = baseline_put(ctx->baseline, &use_memory, account, slot_key(r.slot, place, room), SL(""), obs->minute_ns, NULL);
    if (!all || !u)
        return 0;
    use_add(u, &added);
    if (!ctx->is_backfill && find_readers(d, &r, u, place, &added, err) < 0)
        return -1;
    return r.is_new_wide ? judge_spread(d, &r, &added, err) : 0;
}

static int observe_activity(const struct stolen_key *d, const struct observation *obs,
                            const struct detector_context *ctx, struct error *err)
{
    int32_t len = slots_len(baseline_cfg(ctx->baseline)), slot = slots_of(obs->minute_ns, len);
    struct key_event e;
    struct key_usual usual;
    struct reading r;
    const struct reading *kept;
    bool is_read = key_event_read(obs, &e) && e.outcome == KEY_DONE &&
                   (e.action == KEY_ACTION_LIST || e.action == KEY_ACTION_LIST_READONLY);

    key_event_note(ctx->baseline, &e, &usual);
    if (slice_empty(obs->text[F_ACCOUNT]))
        return 0;
    if (account_goes_on(d, obs, is_read ? KEY_READ : NOTHING, ctx, err) < 0)
        return -1;
    if (!is_read)
        return 0;
    r = reading_of(&e, &usual, ctx->enrich);
    kept = keep_reading(obs, &r, slot, ctx);
    if (!kept || ctx->is_backfill)
        return 0;
    r = *kept;
    return find_uses(d, obs, &r, slot, len, ctx, err);
}

static const struct baseline_memory *const short_memories[] = { &use_memory, &places_memory, &readings_memory,
                                                                &day_memory, NULL };

static int stolen_key_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                              struct error *err)
{
    struct stolen_key *d = self;

    key_sweep(ctx, d->within_ms * NS_PER_MS + NS_PER_DAY, short_memories, &d->swept_ns);
    return obs->kind == OBS_ACTIVITY ? observe_activity(d, obs, ctx, err) : observe_request(d, obs, ctx, err);
}

static const char *const stolen_key_types[] = { TYPE_STOLEN, TYPE_LEAKED, TYPE_UNREAD, NULL };
static const struct baseline_memory *const stolen_key_memories[] = {
    &use_memory,        &places_memory,         &known_memory,       &readings_memory,
    &account_memory,    &day_memory,            &spread_memory,      &key_habits_memory,
    &key_readers_memory, &key_operations_memory, USUAL_MEMORIES,     NULL,
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
