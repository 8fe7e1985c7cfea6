/* key_reader - somebody suspicious reads the keys of an account, or somebody who never did.
 *
 * Why:     a key is the whole account, and whoever may call listKeys can have it. Who does so by habit is known soon;
 *          a newcomer, a strange address or a role granted an hour ago is worth a look, each with its name.
 * Reads:   AzureActivity: listKeys, readonlykeys, listConnectionStrings of accounts; role assignments.
 * Judges:  reasons, each with a name: new principal (no key read in 60 days), application, country (not of pipelines
 *          on Microsoft's hosts, which are put where there is room), a cloud or hosting provider not used before, dormant
 *          (idle for 30 days, and a quarter longer than it usually is), role granted in the 24 hours before (not to
 *          usual readers, nor to who got one on a day before: roles on demand come and go daily), guest, proxy address;
 *          known bad: Tor or a listed address.
 *          One reason is Medium; two, or a known-bad address, High. An hour at which the caller is never active
 *          is told but does not count. Known bad needs no learning.
 *          A caller who reads keys elsewhere in the same tenant, and here for the first time in 60 days, with no
 *          other reason: Low, CosmosDBX_KeyRead.FirstTime. Refused attempts from known-bad addresses are Low (.Refused).
 * Trust:   a key_reader, for all but known-bad addresses; an address or network spares its listing and its country, an
 *          asn its country. No principal: what it may do with data says nothing about keys.
 * Keeps:   who reads which keys and how (keys.habits, kit/key_event.h); role grants and reads for a day, to be held
 *          against each other whichever comes first.
 * Blind:   risk of the user and of the sign-in (other tables); whether somebody of the same team read keys before; a
 *          role that was granted through a group; beyond 24 readings of one principal in a slot, a role's row that
 *          comes after theirs. A young account: one reason alone is not told; a young activity log: only known-bad addresses.
 * Source:  Defender's alert of this id; ATT&CK T1555.006, T1552, T1078.004.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/timeutil.h"
#include "baseline/slots.h"
#include "detectors/detector.h"
#include "detectors/kit/key_event.h"
#include "detectors/kit/provider.h"
#include "detectors/kit/role_grant.h"
#include "detectors/kit/sensitivity.h"
#include "enrich/country.h"
#include "enrich/enrich.h"
#include "enrich/places.h"
#include "settings/option.h"

#include <stdio.h>
#include <string.h>

#define TYPE_SUSPICIOUS "AzureCosmosDB_SuspiciousListKeys.SuspiciousPrincipal"
#define TYPE_FIRST "CosmosDBX_KeyRead.FirstTime"
#define DORMANT_DAYS 30
#define GRANTED_NS NS_PER_DAY
#define HOURS_DAYS 5 /* days that say when a caller works */
#define LISTINGS_MAX 8

struct key_reader {
    int sensitivity;
    int64_t swept_ns; /* saves work, judges nothing */
};

static const struct option_spec key_reader_options[] = {
    SENSITIVITY_OPTION(struct key_reader, "low: known-bad addresses and two reasons only, no first readings; high: an unusual "
                       "hour is a reason too"),
    { 0 },
};

/* ---- reasons ----------------------------------------------------------------------------------- */

/* In the order of their variants' names: the first one names the alert (smallest name, as alerts merge), but a
 * known-bad address goes before. */
enum reason {
    REASON_DORMANT = 1, REASON_GUEST = 2, REASON_GRANTED = 4, REASON_APPLICATION = 8, REASON_PRINCIPAL = 16,
    REASON_PROXY = 32, REASON_LISTED = 64, REASON_TOR = 128, REASON_LOCATION = 256,
    REASON_HOUR = 512, /* supports only */
    REASON_RENTED = 1024,
};
#define REASONS_BAD (REASON_LISTED | REASON_TOR)

static const struct {
    uint32_t reason;
    const char *variant;
} variants[] = {
    { .reason = REASON_LISTED, .variant = ".SuspiciousIp" },
    { .reason = REASON_TOR, .variant = ".Tor" },
    { .reason = REASON_DORMANT, .variant = ".Dormant" },
    { .reason = REASON_GUEST, .variant = ".Guest" },
    { .reason = REASON_GRANTED, .variant = ".JustGranted" },
    { .reason = REASON_APPLICATION, .variant = ".NewApplication" },
    { .reason = REASON_PRINCIPAL, .variant = ".NewPrincipal" },
    { .reason = REASON_PROXY, .variant = ".Proxy" },
    { .reason = REASON_LOCATION, .variant = ".UnusualLocation" },
    { .reason = REASON_RENTED, .variant = ".UnusualNetwork" },
};

static const char *variant_of(uint32_t reasons)
{
    for (size_t i = 0; i < ARRAY_LEN(variants); i++)
        if (reasons & variants[i].reason)
            return variants[i].variant;
    return NULL;
}

static enum severity severity_of(uint32_t reasons)
{
    if ((reasons & REASONS_BAD) || __builtin_popcount(reasons & ~(uint32_t)REASON_HOUR) >= 2)
        return SEVERITY_HIGH;
    return SEVERITY_MEDIUM;
}

/* Are they enough to tell? */
static bool are_enough(const struct key_reader *d, uint32_t reasons)
{
    if (d->sensitivity == SENSITIVITY_LOW)
        return severity_of(reasons) == SEVERITY_HIGH;
    return (d->sensitivity == SENSITIVITY_HIGH ? reasons : reasons & ~(uint32_t)REASON_HOUR) != 0;
}

static int confidence_of(uint32_t reasons)
{
    return reasons & REASONS_BAD ? 90 : severity_of(reasons) == SEVERITY_HIGH ? 80 : 60;
}

/* ---- what the row brings ----------------------------------------------------------------------- */

struct reading {
    const struct key_reader *options;
    const struct key_event *event;
    const struct detector_context *ctx;
    struct key_usual usual;
    uint32_t reasons;
    bool is_silent; /* no log to judge by, or a reader that the operator trusts: only known-bad addresses are told */
    bool is_young;  /* an account that everybody is new to: one reason says nothing */
    struct slice country, provider;
    char country_room[FEW_TEXT];
    struct listing listings[LISTINGS_MAX];
    size_t listings_len;
};

static const struct baseline_memory country_memory = { /* countries and providers of key readers */
    .name = "key_reader.country",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 50000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

static void find_listings(struct reading *r)
{
    const struct observation *obs = r->event->obs;

    if (enrich_trusts(r->ctx->enrich, TRUSTED_ADDRESS, r->event->account, obs->text[F_ADDRESS], obs->minute_ns))
        return;
    r->listings_len = enrich_listings(r->ctx->enrich, obs->text[F_ADDRESS], obs->minute_ns, r->listings, LISTINGS_MAX);
    for (size_t i = 0; i < r->listings_len; i++) {
        enum feed_category c = r->listings[i].category;

        r->reasons |= c == FEED_TOR                          ? REASON_TOR
                      : c == FEED_SCANNER || c == FEED_PROXY ? REASON_PROXY
                                                             : REASON_LISTED;
    }
    if (r->reasons & REASONS_BAD)
        r->reasons &= ~(uint32_t)REASON_PROXY; /* said more strongly */
}

/* Is the place new for this caller, or, when the caller is new, for every reader of the subscription? Called for
 * every read: it is noted too. `what` tells kinds of places apart. */
static bool is_new_place(const struct reading *r, const char *what, struct slice place)
{
    const struct key_event *e = r->event;
    struct baseline *b = r->ctx->baseline;
    int64_t t = e->obs->minute_ns;
    struct slice whose[] = { e->subscription, e->caller };
    bool is_new = false;

    if (slice_empty(place))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(whose); i++) {
        char room[CALLER_MAX + 2 * FEW_TEXT];
        struct habit_view any, this;
        int n = snprintf(room, sizeof room, "%zu%s%.*s\x1f", i, what, SLF(whose[i])), m;

        habit_note(b, &country_memory, SL(""), slice_make(room, (size_t)n), whose[i], t, &any);
        m = snprintf(room + n, sizeof room - (size_t)n, "%.*s", SLF(slice_cut(place, FEW_TEXT)));
        habit_note(b, &country_memory, SL(""), slice_make(room, (size_t)n + (size_t)m), place, t, &this);
        /* The caller's own places count when it has any, hence last. */
        if (any.is_known)
            is_new = !this.is_known;
    }
    return is_new;
}

/* Pipelines run on hosts of the cloud, in whatever region has room: that is no place. */
static bool is_hosted_agent(const struct reading *r, const struct place *place)
{
    return !r->event->is_person && (place->is_microsoft || place->is_azure);
}

/* By one name for each country, whoever told it: networks have codes, the workspace has names. */
static bool is_new_country(struct reading *r)
{
    const struct observation *obs = r->event->obs;
    const char *name = NULL;
    struct place place;

    enrich_place(r->ctx->enrich, obs->text[F_ADDRESS], obs->text[F_PLACE], obs->minute_ns, &place);
    if (is_hosted_agent(r, &place))
        return false;
    name = country_name(slice_of(place.country));
    (void)snprintf(r->country_room, sizeof r->country_room, "%.*s",
                   SLF(slice_cut(slice_of(name ? name : place.country), sizeof r->country_room - 1)));
    r->country = slice_of(r->country_room);
    return is_new_place(r, "", r->country);
}

/* Whose network it is; told only of those who rent hosts to anybody, noted of all. */
static bool is_new_provider(struct reading *r)
{
    const struct observation *obs = r->event->obs;
    struct provider p;
    struct place place;
    char id[16];
    bool is_new;

    enrich_place(r->ctx->enrich, obs->text[F_ADDRESS], obs->text[F_PLACE], obs->minute_ns, &place);
    if (!place.asn)
        return false;
    p = provider_find(place.asn, slice_of(place.org));
    (void)snprintf(id, sizeof id, "%u", p.id);
    is_new = is_new_place(r, "@", slice_of(id));
    if (place.is_microsoft || (p.kind != PROVIDER_CLOUD && p.kind != PROVIDER_HOSTING))
        return false;
    r->provider = slice_of(*p.name ? p.name : "a hosting provider");
    return is_new;
}

static bool is_strange_hour(const struct key_event *e, const struct habit_view *active)
{
    int hour = (int)(e->obs->minute_ns / NS_PER_HOUR % 24);
    uint32_t near = 1u << hour | 1u << (hour + 1) % 24 | 1u << (hour + 23) % 24;

    return active->days >= HOURS_DAYS && !(active->hours & near);
}

/* Away for long, and longer than it usually is: a job that comes every month is not asleep in between. */
static bool is_dormant(const struct habit_view *active)
{
    return active->is_known && active->idle_days > DORMANT_DAYS &&
           (active->days < 2 ||
            4 * active->idle_days * (active->days - 1) > 5 * (active->age_days - active->idle_days));
}

static bool is_trusted_place(const struct reading *r)
{
    const struct observation *obs = r->event->obs;
    const struct enrich *e = r->ctx->enrich;
    struct place place;

    enrich_place(e, obs->text[F_ADDRESS], obs->text[F_PLACE], obs->minute_ns, &place);
    return enrich_trusts(e, TRUSTED_ADDRESS, r->event->account, obs->text[F_ADDRESS], obs->minute_ns) ||
           enrich_trusts_asn(e, r->event->account, place.asn, obs->minute_ns);
}

static void find_reasons(struct reading *r)
{
    const struct key_event *e = r->event;
    const struct key_usual *u = &r->usual;
    bool is_new_country_ = is_new_country(r), is_new_provider_ = is_new_provider(r);

    find_listings(r);
    r->is_silent = !u->is_logged || key_event_is_trusted(r->ctx->enrich, e);
    if (r->is_silent)
        return;
    r->is_young = key_event_is_learning(r->ctx->baseline, e, u);
    if (!u->reads.is_known)
        r->reasons |= REASON_PRINCIPAL;
    if (is_dormant(&u->active))
        r->reasons |= REASON_DORMANT;
    /* An application is news about somebody we know; about a stranger everything is. */
    if (u->reads.is_known && !slice_empty(e->app_id) && !u->application.is_known)
        r->reasons |= REASON_APPLICATION;
    if (e->is_guest && !u->reads_here.is_known && !r->is_young)
        r->reasons |= REASON_GUEST;
    if (is_new_country_ && !is_trusted_place(r))
        r->reasons |= REASON_LOCATION;
    if (is_new_provider_ && !is_trusted_place(r))
        r->reasons |= REASON_RENTED;
    if (is_strange_hour(e, &u->active))
        r->reasons |= REASON_HOUR;
    if (r->is_young && severity_of(r->reasons) != SEVERITY_HIGH)
        r->reasons = 0;
}

/* ---- telling ----------------------------------------------------------------------------------- */

static void add_reason(struct fact_list *f, struct buf *text, const char *sentence, ...) PRINTF_LIKE(3, 4);

static void add_reason(struct fact_list *f, struct buf *text, const char *sentence, ...)
{
    va_list ap;

    va_start(ap, sentence);
    buf_vaddf(text, sentence, ap);
    va_end(ap);
    facts_add_set(f, "reason", buf_slice(text));
}

/* The feed that knows most of the listings of one kind; they are sorted by confidence. */
static const struct listing *first_listing(const struct reading *r, bool (*is_kind)(enum feed_category c))
{
    for (size_t i = 0; i < r->listings_len; i++)
        if (is_kind(r->listings[i].category))
            return &r->listings[i];
    return &r->listings[0];
}

static bool is_mild(enum feed_category c)
{
    return c == FEED_SCANNER || c == FEED_PROXY;
}

static bool is_threat(enum feed_category c)
{
    return c != FEED_TOR && !is_mild(c);
}

#define TEXTS 12

/* Those that say nothing of the caller's history. */
static void add_general_reasons(struct fact_list *f, struct buf *text, uint32_t reasons, int64_t time_ns)
{
    if (reasons & REASON_GRANTED)
        facts_add_set(f, "reason", SL("just granted: the caller got a role in the 24 hours before"));
    if (reasons & REASON_HOUR)
        add_reason(f, text, "unusual hour: the caller was never active around %02d:00 UTC",
                   (int)(time_ns / NS_PER_HOUR % 24));
}

static void add_reasons(struct fact_list *f, const struct reading *r, struct buf texts[TEXTS])
{
    const struct key_event *e = r->event;
    const struct key_usual *u = &r->usual;
    bool is_short = u->log.age_days < HABIT_DAYS;
    int64_t known = is_short ? u->log.age_days : HABIT_DAYS; /* days */
    struct buf *t = texts;

    if (r->reasons & REASON_PRINCIPAL)
        add_reason(f, t++, is_short ? "new principal: no key was read by it in the %" PRId64 " days that the activity log is known"
                                    : "new principal: no key was read by it in the last %" PRId64 " days", known);
    if (r->reasons & REASON_APPLICATION)
        add_reason(f, t++, "new application: the caller used %s%.*s for the first time in %" PRId64 " days",
                   e->tool_name[0] ? e->tool_name : "application ", e->tool_name[0] ? 0 : (int)e->app_id.len,
                   e->app_id.at, known);
    if (r->reasons & REASON_DORMANT)
        add_reason(f, t++, "dormant: nothing was seen of the caller for %" PRId64 " days", u->active.idle_days);
    if (r->reasons & REASON_GUEST)
        add_reason(f, t++, "guest: the caller is a user of another tenant and is new to this account");
    if (r->reasons & REASON_LOCATION)
        add_reason(f, t++, "unusual location: no key was read from %.*s before by %s", SLF(r->country),
                   u->reads.is_known ? "this caller" : "anybody of this subscription");
    if (r->reasons & REASON_RENTED)
        add_reason(f, t++, "rented host: no key was read from %.*s before by %s", SLF(r->provider),
                   u->reads.is_known ? "this caller" : "anybody of this subscription");
    if (r->reasons & REASON_TOR)
        add_reason(f, t++, "Tor: the address is an exit of the Tor network");
    if (r->reasons & REASON_LISTED)
        add_reason(f, t++, "listed address: %s by %s",
                   feed_category_name(first_listing(r, is_threat)->category), first_listing(r, is_threat)->feed);
    if (r->reasons & REASON_PROXY)
        add_reason(f, t++, "proxy: the address is listed as %s by %s",
                   feed_category_name(first_listing(r, is_mild)->category), first_listing(r, is_mild)->feed);
    add_general_reasons(f, t, r->reasons, e->obs->minute_ns);
}

/* What of a reading is told: also later, when a role's row turns up. */
struct kept {
    char account[FEW_TEXT + 8], resource[200], caller[CALLER_MAX], name[96], app[FEW_TEXT], tool[32], address[FEW_TEXT],
        place[224], role[64], correlation[FEW_TEXT], operation[32], country[FEW_TEXT];
    int64_t time_ns, first_ns, last_ns;
    uint32_t reasons; /* found in the reading itself */
    int32_t api;
    uint8_t is_refused, padding[7];
};

#define KEEP(field, slice) slice_keep(slice, field, sizeof(field))

static struct kept kept_of(const struct reading *r)
{
    const struct key_event *e = r->event;
    const struct observation *obs = e->obs;
    struct kept k = { .time_ns = obs->minute_ns, .first_ns = obs->first_ns, .last_ns = obs->last_ns,
                      .reasons = r->reasons, .api = (int32_t)obs->api, .is_refused = e->outcome == KEY_REFUSED };

    KEEP(k.account, e->account);
    KEEP(k.resource, obs->text[F_RESOURCE_ID]);
    KEEP(k.caller, e->caller);
    KEEP(k.name, obs_extra(obs, F_CALLER_NAME));
    KEEP(k.app, e->app_id);
    KEEP(k.tool, slice_of(e->tool_name));
    KEEP(k.address, obs->text[F_ADDRESS]);
    KEEP(k.place, obs->text[F_PLACE]);
    KEEP(k.role, obs_extra(obs, F_ROLE));
    KEEP(k.correlation, obs_extra(obs, F_CORRELATED_ID));
    KEEP(k.operation, key_event_operation(e));
    KEEP(k.country, r->country);
    return k;
}

static void add_kept(struct fact_list *f, const struct kept *k)
{
    facts_add_set(f, "callerName", slice_of(k->name));
    facts_add_set(f, "appId", slice_of(k->app));
    facts_add_set(f, "application", slice_of(k->tool));
    facts_add_set(f, "address", slice_of(k->address));
    facts_add_set(f, "place", slice_of(k->place));
    facts_add_set(f, "country", slice_of(k->country));
    facts_add_set(f, "role", slice_of(k->role));
    facts_add_set(f, "correlationId", slice_of(k->correlation));
    facts_add_map(f, "operations", slice_of(k->operation), 1);
    facts_add_number(f, k->is_refused ? "failedRequests" : "requests", FACT_SUM, 1);
}

/* `is_counted`: the alert does not have this reading yet. `f` may hold more. */
static int tell_kept(const struct kept *k, uint32_t reasons, const char *type, bool is_counted, struct fact_list *f,
                     const struct detector_context *ctx, struct error *err)
{
    bool is_first = strcmp(type, TYPE_FIRST) == 0, is_low = is_first || k->is_refused;
    CLEANUP(buf_release) struct buf subject = BUF_HERE(512);
    struct few readers = { .len = 0 };

    buf_addf(&subject, "%s%s", k->caller, k->is_refused ? " (refused)" : "");
    facts_add_set(f, "principal", slice_of(k->caller));
    key_readers_look(ctx->baseline, slice_of(k->account), k->time_ns, &readers);
    facts_add_few(f, "usualReaders", &readers);
    if (is_counted)
        add_kept(f, k);
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "key_reader", .state_version = 1, .type = type,
        .variant = is_first ? NULL : k->is_refused ? ".Refused" : variant_of(reasons),
        .severity = is_low ? SEVERITY_LOW : severity_of(reasons), .confidence = is_low ? 50 : confidence_of(reasons),
        .api = (enum api)k->api, .account = slice_of(k->account), .resource_id = slice_of(k->resource),
        .subject = buf_slice(&subject), .bucket_ns = time_floor(k->time_ns, NS_PER_DAY), .first_ns = k->first_ns,
        .last_ns = k->last_ns, .count = is_counted ? 1 : 0, .is_aside = !is_counted,
        .facts = f->at, .facts_len = f->len }, err);
}

static int tell(const struct reading *r, const char *type, struct error *err)
{
    struct kept k = kept_of(r);
    struct buf texts[TEXTS];
    struct fact_list f = { .len = 0 };
    int rc;

    for (size_t i = 0; i < TEXTS; i++)
        texts[i] = BUF_INIT(512);
    for (size_t i = 0; i < r->listings_len; i++) {
        facts_add_set(&f, "feed", slice_of(r->listings[i].feed));
        facts_add_set(&f, "category", slice_of(feed_category_name(r->listings[i].category)));
        facts_add_number(&f, "listingConfidence", FACT_MAX, r->listings[i].confidence);
    }
    add_reasons(&f, r, texts);
    rc = tell_kept(&k, r->reasons, type, true, &f, r->ctx, err);
    for (size_t i = 0; i < TEXTS; i++)
        buf_release(&texts[i]);
    return rc;
}

/* ---- roles just granted ------------------------------------------------------------------------ */

/* The grant's row and the reading's row come in any order, so each looks for the other. */

struct grants { /* to one principal in a slot */
    int64_t first_ns, last_ns;
};

#define READINGS_MAX 24

struct readings { /* of one principal in a slot */
    uint32_t len, unused;
    struct kept each[READINGS_MAX];
};

static const struct baseline_memory grants_memory = {
    .name = "key_reader.grants",
    .version = 1,
    .size = sizeof(struct grants),
    .max_keys = 20000,
};

static const struct baseline_memory granted_memory = { /* to whom roles are given time and again */
    .name = "key_reader.granted",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 50000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

static const struct baseline_memory readings_memory = {
    .name = "key_reader.readings",
    .version = 1,
    .size = sizeof(struct readings),
    .max_keys = 2000,
};

static struct slice slot_key(struct slice who, int32_t slot, char room[FEW_TEXT + 16])
{
    int n = snprintf(room, FEW_TEXT + 16, "%.*s\x1f%d", SLF(who), slot);

    return slice_make(room, (size_t)n);
}

static bool is_within(const struct grants *g, int64_t read_ns)
{
    return g->first_ns <= read_ns && g->last_ns >= read_ns - GRANTED_NS;
}

/* Was a role granted in the 24 hours before the reading? What `slot` holds is given as `in_slot`, unless NULL. */
static bool was_granted(const struct detector_context *ctx, struct slice who, int32_t this_slot,
                        const struct grants *in_slot, int64_t read_ns)
{
    int32_t len = slots_len(baseline_cfg(ctx->baseline));

    for (int32_t slot = slots_of(read_ns - GRANTED_NS, len); slot <= slots_of(read_ns, len); slot += len) {
        char room[FEW_TEXT + 16];
        const struct grants *g = baseline_get(ctx->baseline, &grants_memory, SL(""), slot_key(who, slot, room));

        if (g && is_within(in_slot && slot == this_slot ? in_slot : g, read_ns))
            return true;
    }
    return false;
}

static void keep_reading(const struct reading *r, struct slice who)
{
    struct baseline *b = r->ctx->baseline;
    int64_t t = r->event->obs->minute_ns;
    char room[FEW_TEXT + 16];
    struct readings *all = baseline_put(b, &readings_memory, SL(""),
                                        slot_key(who, slots_of(t, slots_len(baseline_cfg(b))), room), r->event->caller,
                                        t, NULL);

    if (all && all->len < READINGS_MAX)
        all->each[all->len++] = kept_of(r);
}

/* A grant whose row came after the reading's: the alert learns one more reason, or comes to be. */
static int tell_granted(const struct key_reader *d, const struct kept *k, const struct detector_context *ctx,
                        struct error *err)
{
    bool is_new = !are_enough(d, k->reasons);
    CLEANUP(buf_release) struct buf text = BUF_HERE(512);
    struct fact_list f = { .len = 0 };

    if (!are_enough(d, k->reasons | REASON_GRANTED))
        return 0;
    add_general_reasons(&f, &text, k->reasons | REASON_GRANTED, k->time_ns);
    return tell_kept(k, k->reasons | REASON_GRANTED, TYPE_SUSPICIOUS, is_new, &f, ctx, err);
}

static int observe_grant(const struct key_reader *d, const struct change *c, const struct detector_context *ctx,
                         struct error *err)
{
    struct baseline *b = ctx->baseline;
    int32_t len = slots_len(baseline_cfg(b));
    char room[FEW_TEXT + 16];
    struct role_grant grant;
    struct grants *g, before, now;
    const char *who = grant.grantee;
    struct habit_view usual;
    int64_t t;
    bool is_new = false;

    if (!role_grant_add(b, c, &grant))
        return 0;
    t = grant.done_ns;
    habit_note(b, &granted_memory, SL(""), slice_of(who), slice_of(who), t, &usual);
    if (usual.is_known)
        return 0;
    g = baseline_put(b, &grants_memory, SL(""), slot_key(slice_of(who), slots_of(t, len), room), slice_of(who), t,
                     &is_new);
    if (!g)
        return 0;
    before = is_new ? (struct grants){ .first_ns = INT64_MAX, .last_ns = INT64_MIN } : *g;
    g->first_ns = t < before.first_ns ? t : before.first_ns;
    g->last_ns = t > before.last_ns ? t : before.last_ns;
    now = *g;
    for (int32_t slot = slots_of(t, len); !ctx->is_backfill && slot <= slots_of(t + GRANTED_NS, len); slot += len) {
        const struct readings *all = baseline_get(b, &readings_memory, SL(""), slot_key(slice_of(who), slot, room));

        for (size_t i = 0; all && i < all->len; i++) {
            if (is_within(&now, all->each[i].time_ns) && !was_granted(ctx, slice_of(who), slots_of(t, len), &before,
                                                                      all->each[i].time_ns) &&
                tell_granted(d, &all->each[i], ctx, err) < 0)
                return -1;
        }
    }
    return 0;
}

/* ---- the observation --------------------------------------------------------------------------- */

static int judge_read(struct reading *r, struct error *err)
{
    const struct key_event *e = r->event;
    uint32_t found = r->reasons & ~(uint32_t)REASON_HOUR;
    struct slice who = slice_empty(e->object_id) ? slice_cut(e->caller, FEW_TEXT - 1) : e->object_id;

    bool is_silent = r->is_silent || r->is_young;

    if (!found && !is_silent && !r->usual.reads_here.is_known && r->options->sensitivity != SENSITIVITY_LOW &&
        tell(r, TYPE_FIRST, err) < 0)
        return -1;
    if (!is_silent && r->usual.reads_here.days < 2) {
        keep_reading(r, who);
        if (was_granted(r->ctx, who, SLOT_NEVER, NULL, r->event->obs->minute_ns))
            r->reasons |= REASON_GRANTED;
    }
    return are_enough(r->options, r->reasons) ? tell(r, TYPE_SUSPICIOUS, err) : 0;
}

static const struct baseline_memory *const short_memories[] = { &grants_memory, &readings_memory, &role_grants_memory,
                                                                &key_operations_memory, NULL };

static int key_reader_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                              struct error *err)
{
    struct key_reader *d = self;
    struct key_event e;
    struct reading r = { .options = d, .event = &e, .ctx = ctx };
    struct change c;
    bool is_key = key_event_read(obs, &e);

    key_sweep(ctx, GRANTED_NS, short_memories, &d->swept_ns);
    key_event_note(ctx->baseline, &e, &r.usual);
    (void)change_read(obs, &c); /* false of the Start, which says to whom */
    if (role_grant_is(&c))
        return observe_grant(d, &c, ctx, err);
    if (!is_key || (e.action != KEY_ACTION_LIST && e.action != KEY_ACTION_LIST_READONLY) ||
        key_event_is_repeat(ctx->baseline, &e, 'r'))
        return 0;
    if (e.outcome == KEY_REFUSED) {
        find_listings(&r);
        return ctx->is_backfill || !(r.reasons & REASONS_BAD)
                   ? 0
                   : tell(&r, TYPE_SUSPICIOUS, err);
    }
    find_reasons(&r);
    return ctx->is_backfill ? 0 : judge_read(&r, err);
}

static const char *const key_reader_types[] = { TYPE_SUSPICIOUS, TYPE_FIRST, NULL };
static const struct baseline_memory *const key_reader_memories[] = {
    &country_memory,     &grants_memory,     &granted_memory,     &readings_memory,
    &role_grants_memory, &key_habits_memory, &key_readers_memory, &key_operations_memory, NULL,
};

const struct detector_ops detector_key_reader = {
    .name = "key_reader",
    .summary = "keys read by somebody suspicious, or for the first time",
    .reads = OBS_ACTIVITY,
    .types = key_reader_types,
    .options = key_reader_options,
    .size = sizeof(struct key_reader),
    .memories = key_reader_memories,
    .observe = key_reader_observe,
};
