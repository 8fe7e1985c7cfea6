/* bad_address - a working credential used from a Tor exit, or from an address known to be a threat.
 *
 * Why:     who holds a stolen key hides where he is. An application has no reason to come over Tor, so one
 *          successful request is enough; no learning is needed, it alerts from the first row.
 * Reads:   all data-plane tables: address, status, operation, key kind, principal. Listings that held at
 *          the time of the event, not of the poll: exits come and go within hours.
 * Keeps:   when each address first touched each account, by closed slots (slots.h), so that "never here
 *          before" does not depend on the order of rows. Least recently seen addresses leave first;
 *          one that comes back after that counts as new.
 * Severity: Tor is High when the address is new to the account, wrote, or held a read-write key, else Medium.
 *          A threat listing is High when two feeds vouch for it (confidence >= 80, within 7 days), Low
 *          when all that is said is scanner or proxy, else Medium.
 * Trust:   an address or network spares its listings. A principal does not (whoever stole its token uses it from
 *          here), nor an asn (exits of Tor stand in ordinary networks).
 * Blind:   refused requests (401, 403) are not told here; they are attempts, not access. A VNet service
 *          endpoint hides the address.
 * Source:  Defender for Azure Cosmos DB alerts of the same ids; ATT&CK T1078.004, T1090.003.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/request.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "enrich/caller.h"
#include "enrich/enrich.h"
#include "enrich/places.h"
#include "settings/option.h"

#include <stdio.h>

#define LISTINGS_MAX 16
#define FACTS_MAX (24 + 3 * LISTINGS_MAX)
#define CONFIDENCE_SURE 80
#define CONFIDENCE_TOR 90
#define RECENT_NS (7 * NS_PER_DAY)

struct bad_address {
    int sensitivity;
    int64_t min_confidence;
};

static const struct option_spec bad_address_options[] = {
    { .key = "min_confidence", .type = OPT_INT, .at = offsetof(struct bad_address, min_confidence),
      .preset = "25", .min = 0, .max = 100,
      .help = "listings that their feed is less sure of than this are ignored (0..100)" },
    SENSITIVITY_OPTION(struct bad_address, "low: only listings half way from min_confidence to 100; high: from half of "
                       "min_confidence on"),
    { 0 },
};

/* ---- who was here before ----------------------------------------------------------------------- */

struct touch {
    int32_t newest; /* slots.h */
    int32_t first;  /* first slot with a successful request of the address */
};

static const struct baseline_memory touch_memory = {
    .name = "bad_address.touch",
    .version = 1,
    .size = sizeof(struct touch),
    .max_keys = 1000000,
};

static void nothing_to_fold(void *self, int32_t closed, int32_t next)
{
    (void)self;
    (void)closed;
    (void)next;
}

/* Every successful request passes here, listed or not: an address is listed today and was here last week.
 * True when closed slots already knew the address. */
static bool touch_account(struct baseline *b, const struct observation *obs)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(obs->minute_ns, len);
    struct slice account = obs->text[F_ACCOUNT], address = obs->text[F_ADDRESS];
    const struct touch *known = baseline_get(b, &touch_memory, account, address);
    struct touch *t;
    bool is_new = false;

    if (known && known->newest >= slot && known->first <= slot)
        return known->first <= slot - 2 * len;
    t = baseline_put(b, &touch_memory, account, address, address, obs->minute_ns, &is_new);
    if (!t)
        return false;
    if (is_new)
        t->first = slot;
    if (slots_advance(&t->newest, slot, len, nothing_to_fold, NULL) != SLOT_LATE && slot < t->first)
        t->first = slot;
    return t->first <= slot - 2 * len;
}

/* ---- facts ------------------------------------------------------------------------------------- */

struct facts {
    struct fact_value at[FACTS_MAX];
    size_t len;
    char place[PLACE_TEXT_MAX];
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

static void add_map(struct facts *f, const char *name, struct slice key, int64_t number)
{
    if (f->len < FACTS_MAX && !slice_empty(key))
        f->at[f->len++] = (struct fact_value){ .name = name, .kind = FACT_MAP, .text = key,
                                               .number = number };
}

/* What the row says of itself, or else what the operator or a file says. */
static void add_place(struct facts *f, const struct observation *obs, const struct enrich *e)
{
    struct place place;

    if (!slice_empty(obs->text[F_PLACE])) {
        add_set(f, "place", obs->text[F_PLACE]);
        return;
    }
    enrich_place(e, obs->text[F_ADDRESS], SL(""), obs->minute_ns, &place);
    add_set(f, "place", place_text(&place, f->place));
}

static void add_request(struct facts *f, const struct observation *obs, const char *status_text,
                        bool is_counted)
{
    const char *key_name = "";

    (void)key_kind_parse(obs->text[F_KEY_KIND], &key_name); /* only the name is wanted here */
    add_set(f, "address", obs->text[F_ADDRESS]);
    add_set(f, "keyKind", *key_name ? slice_of(key_name) : obs->text[F_KEY_KIND]);
    add_set(f, "principal", obs->text[F_PRINCIPAL]);
    add_set(f, "userAgent", obs->text[F_USER_AGENT]);
    add_set(f, "database", obs->text[F_DATABASE]);
    add_set(f, "container", obs->text[F_CONTAINER]);
    add_set(f, "region", obs->text[F_REGION]);
    if (f->len < FACTS_MAX && !slice_empty(obs->sample))
        f->at[f->len++] = (struct fact_value){ .name = "activityId", .kind = FACT_SAMPLE,
                                               .number = (int64_t)(obs->key % FACT_SAMPLES), .text = obs->sample };
    if (!is_counted)
        return;
    add_map(f, "operations", obs->text[F_OPERATION], obs->count);
    add_map(f, "statusCodes", slice_of(status_text), obs->count);
    add_number(f, "requests", FACT_SUM, obs->count);
    add_number(f, "bytesOut", FACT_SUM, obs->bytes_out);
    add_number(f, "bytesIn", FACT_SUM, obs->bytes_in);
    add_number(f, "ruMilli", FACT_SUM, obs->ru_milli);
}

static void add_listing(struct facts *f, const struct listing *l)
{
    add_set(f, "feed", slice_of(l->feed));
    add_set(f, "category", slice_of(feed_category_name(l->category)));
    add_set(f, "listing", slice_of(l->note));
    add_number(f, "listingConfidence", FACT_MAX, l->confidence);
    if (l->from_ns != INT64_MIN)
        add_number(f, "listedSince", FACT_MIN, l->from_ns);
}

/* ---- judging ----------------------------------------------------------------------------------- */

struct verdict {
    const char *type, *variant;
    enum severity severity;
    int confidence;
};

static struct verdict judge_tor(const struct observation *obs, bool was_here)
{
    struct verdict v = { .type = "CosmosDB_TorAnomaly", .severity = SEVERITY_HIGH,
                         .confidence = CONFIDENCE_TOR };

    if (request_effect(obs) == REQUEST_WRITE) {
        v.variant = ".Write";
    } else if (!was_here) {
        v.variant = ".FirstSeen";
    } else {
        v.variant = ".Repeated";
        if (key_kind_parse(obs->text[F_KEY_KIND], NULL) != KEY_READ_WRITE)
            v.severity = SEVERITY_MEDIUM;
    }
    return v;
}

static const char *const category_variants[FEED_CATEGORY_COUNT] = {
    [FEED_TOR] = ".Tor",           [FEED_BOTNET] = ".Botnet",         [FEED_C2] = ".C2",
    [FEED_PHISHING] = ".Phishing", [FEED_BRUTE_FORCE] = ".BruteForce", [FEED_RANSOMWARE] = ".Ransomware",
    [FEED_PROXY] = ".Proxy",       [FEED_SCANNER] = ".Scanner",       [FEED_MALICIOUS] = ".Malicious",
};

static bool vouches_strongly(const struct listing *l, int64_t time_ns)
{
    return l->confidence >= CONFIDENCE_SURE && l->seen_ns != INT64_MIN && l->seen_ns >= time_ns - RECENT_NS;
}

/* Two feeds: the same list under two of its own categories is one voice. */
static bool two_feeds_vouch(const struct listing *each, size_t n, int64_t time_ns)
{
    const char *first = NULL;

    for (size_t i = 0; i < n; i++) {
        if (each[i].category == FEED_TOR || !vouches_strongly(&each[i], time_ns))
            continue;
        if (first && strcmp(first, each[i].feed) != 0)
            return true;
        first = each[i].feed;
    }
    return false;
}

/* The listings are sorted best first; Tor ones speak in their own alert. */
static struct verdict judge_threat(const struct listing *each, size_t n, int64_t time_ns)
{
    struct verdict v = { .type = "CosmosDB_SuspiciousIp", .severity = SEVERITY_LOW };

    for (size_t i = 0; i < n; i++) {
        enum feed_category c = each[i].category;

        if (c == FEED_TOR)
            continue;
        /* The gravest saying names the variant: a proxy that is also a botnet's is a botnet's. */
        if (!v.variant || (v.severity == SEVERITY_LOW && c != FEED_SCANNER && c != FEED_PROXY)) {
            v.variant = category_variants[c];
            v.confidence = each[i].confidence;
        }
        if (c != FEED_SCANNER && c != FEED_PROXY)
            v.severity = SEVERITY_MEDIUM;
    }
    if (v.severity == SEVERITY_MEDIUM && two_feeds_vouch(each, n, time_ns))
        v.severity = SEVERITY_HIGH;
    return v;
}

struct finding {
    const struct observation *obs;
    const struct listing *listings;
    size_t listings_len;
    bool was_here, is_counted;
};

static int emit(const struct finding *in, const struct verdict *v, const struct detector_context *ctx,
                struct error *err)
{
    const struct observation *obs = in->obs;
    bool is_tor = strcmp(v->type, "CosmosDB_TorAnomaly") == 0;
    struct facts f = { .len = 0 };
    const struct network *net = enrich_network(ctx->enrich, obs->text[F_ADDRESS], obs->minute_ns);
    char status[16];

    (void)snprintf(status, sizeof(status), "%d", (int)obs->status);
    add_request(&f, obs, status, in->is_counted);
    add_place(&f, obs, ctx->enrich);
    for (size_t i = 0; i < in->listings_len; i++) {
        if ((in->listings[i].category == FEED_TOR) == is_tor)
            add_listing(&f, &in->listings[i]);
    }
    if (!in->was_here)
        add_set(&f, "firstTouch", SL("the address had never touched this account before"));
    if (net)
        add_set(&f, "network", slice_of(net->name));

    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "bad_address", .state_version = 1, .type = v->type, .variant = v->variant,
        .severity = v->severity, .confidence = v->confidence, .api = obs->api,
        .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID],
        .subject = obs->text[F_ADDRESS], .bucket_ns = time_floor(obs->minute_ns, NS_PER_DAY),
        .first_ns = obs->first_ns, .last_ns = obs->last_ns, .count = in->is_counted ? obs->count : 0,
        .facts = f.at, .facts_len = f.len }, err);
}

static size_t find_listings(const struct bad_address *d, const struct observation *obs,
                            const struct detector_context *ctx, struct listing ret[LISTINGS_MAX])
{
    int64_t least = sensitivity_confidence(d->sensitivity, d->min_confidence);
    size_t n;

    if (enrich_trusts(ctx->enrich, TRUSTED_ADDRESS, obs->text[F_ACCOUNT], obs->text[F_ADDRESS], obs->minute_ns))
        return 0;
    n = enrich_listings(ctx->enrich, obs->text[F_ADDRESS], obs->minute_ns, ret, LISTINGS_MAX);
    while (n > 0 && ret[n - 1].confidence < least)
        n--; /* sorted: the unsure ones are last */
    return n;
}

static int bad_address_observe(void *self, const struct observation *obs,
                               const struct detector_context *ctx, struct error *err)
{
    const struct bad_address *d = self;
    struct listing listings[LISTINGS_MAX];
    struct finding in = { .obs = obs, .listings = listings };
    bool has_tor = false, has_threat = false;

    if (!obs_ok(obs) || slice_empty(obs->text[F_ADDRESS]) || caller_is_service(obs->text[F_KEY_KIND]))
        return 0;
    in.is_counted = !ctx->is_counted_elsewhere;
    in.was_here = touch_account(ctx->baseline, obs);
    if (ctx->is_backfill)
        return 0;
    in.listings_len = find_listings(d, obs, ctx, listings);
    for (size_t i = 0; i < in.listings_len; i++) {
        has_tor = has_tor || listings[i].category == FEED_TOR;
        has_threat = has_threat || listings[i].category != FEED_TOR;
    }
    if (has_tor) {
        struct verdict v = judge_tor(obs, in.was_here);

        if (emit(&in, &v, ctx, err) < 0)
            return -1;
    }
    if (has_threat) {
        struct verdict v = judge_threat(listings, in.listings_len, obs->minute_ns);

        if (emit(&in, &v, ctx, err) < 0)
            return -1;
    }
    return 0;
}

static const char *bad_address_blind(void *self, const struct detector_context *ctx)
{
    (void)self;
    if (!enrich_has_feeds(ctx->enrich))
        return "no feed holds any address: neither Tor exits nor threats can be told";
    if (!enrich_has_category(ctx->enrich, FEED_TOR))
        return "no list of Tor exits is loaded";
    return NULL;
}

static const char *const bad_address_types[] = { "CosmosDB_TorAnomaly", "CosmosDB_SuspiciousIp", NULL };
static const struct baseline_memory *const bad_address_memories[] = { &touch_memory, NULL };

const struct detector_ops detector_bad_address = {
    .name = "bad_address",
    .summary = "a working credential used from a Tor exit or a listed address",
    .reads = OBS_REQUEST,
    .types = bad_address_types,
    .options = bad_address_options,
    .size = sizeof(struct bad_address),
    .memories = bad_address_memories,
    .observe = bad_address_observe,
    .blind = bad_address_blind,
};
