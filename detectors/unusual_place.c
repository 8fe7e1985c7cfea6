/* unusual_place - access from where the account is never used, or from two places too far apart.
 *
 * Why:     an account is used from a few countries. A stolen credential is used from wherever the thief is.
 * Reads:   all data-plane tables: address and place of successful requests, principal, user agent, region.
 *          Places: networks, .mmdb files, the workspace (enrich/places.h).
 * Judges:  .Country: a country not seen on the account in 60 days. Low; Medium when the network (ASN) and the
 *          program are new to the account as well, or the network is a hosting provider's that is new. Silent
 *          when the Cosmos DB region that answered is new to the account too and the program is not: then the
 *          account was moved or a recovery is drilled. Where new countries are everyday life, only with a
 *          new program.
 *          .ImpossibleTravel: a principal in a place where it never was, while it was where it usually is
 *          less than a flight away: more than 500 km and faster than `max_speed`. Medium. Places count to
 *          the degree, times to the minute within hours: two places in the same hour are taken as mixed.
 *          .HighRiskCountry: a country of the operator's list, from the first row on. Medium.
 * Azure:   with a feed of its service tags the place of its addresses is the region ("Azure westeurope"), whatever
 *          country others take it for, but none in a neighbourhood (/16) that the account knows.
 * Trust:   an address or network, and an asn, for all of these; a principal for travel alone: a service that runs in two
 *          regions is in two places, and a stolen identity in one.
 * Keeps:   usual.value: countries, programs, networks, regions, places of principals; hours of principals that
 *          may still get rows (unusual_place.home, .away; dropped when no row can come any more).
 * Blind:   whoever sits behind an exit in a usual country; service endpoints and private endpoints hide the
 *          address. Trusted networks and Microsoft's own are left alone, so a host rented in Azure is without that feed. Keys
 *          do not travel: many hosts hold one. Beyond 6 usual and 8 unusual places of a principal in one hour
 *          the later ones are not looked at.
 * Source:  Defender's alert of this id; ATT&CK T1078.004.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/access.h"
#include "detectors/kit/provider.h"
#include "detectors/kit/sensitivity.h"
#include "enrich/country.h"
#include "enrich/prefix.h"
#include "settings/option.h"

#include <math.h>
#include <stdio.h>

#define TYPE "CosmosDB_GeoAnomaly"
#define TRAVEL_KM 500.0
#define REACH_HOURS 22 /* half the globe at 900 km/h */
#define KEY_MAX 320
#define HOMES_MAX 6
#define AWAYS_MAX 8
#define CODE_MAX 8

struct unusual_place {
    int sensitivity;
    struct string_list high_risk, usual;
    int64_t max_speed_kmh;
    int64_t swept_ns; /* watermark of the last sweep; saves work, judges nothing */
};

static const struct option_spec unusual_place_options[] = {
    { .key = "high_risk_countries", .type = OPT_STRING_LIST, .at = offsetof(struct unusual_place, high_risk),
      .help = "countries (ISO code or name) from which every access is told", .example = "[KP, Iran]" },
    { .key = "usual_countries", .type = OPT_STRING_LIST, .at = offsetof(struct unusual_place, usual),
      .help = "countries, or regions as Azure westeurope, that are never unusual, whatever was learned", .example = "[DE, Netherlands]" },
    { .key = "max_speed", .type = OPT_INT, .at = offsetof(struct unusual_place, max_speed_kmh), .preset = "1000",
      .min = 900, .max = 100000, .help = "km/h above which a principal cannot have travelled" },
    SENSITIVITY_OPTION(struct unusual_place, "low: a new country only with a new network and program, or a hosting provider; "
                       "high: also where new countries are everyday life or the account was moved"),
    { 0 },
};

/* ---- the finding ----------------------------------------------------------------------------------------- */

struct finding {
    const struct unusual_place *options;
    const struct observation *obs;
    const struct detector_context *ctx;
    struct place place;
    struct agent agent;
    struct usual_view program, network, region;
    struct provider provider;
    bool is_counted;
};

static bool is_silent(const struct finding *in, int64_t time_ns)
{
    return in->ctx->is_backfill ||
           baseline_is_learning(in->ctx->baseline, in->obs->text[F_ACCOUNT], time_ns);
}

static bool is_trusted(const struct finding *in)
{
    return in->place.is_trusted || access_trusts(in->ctx, in->obs, TRUSTED_ADDRESS, in->obs->text[F_ADDRESS]) ||
           enrich_trusts_asn(in->ctx->enrich, in->obs->text[F_ACCOUNT], in->place.asn, in->obs->minute_ns);
}

static bool is_listed(const struct string_list *list, const char *country)
{
    for (size_t i = 0; i < list->len; i++) {
        const char *code = country_code(slice_of(list->at[i]));

        if (slice_eq_nocase(slice_of(code ? code : list->at[i]), slice_of(country)))
            return true;
    }
    return false;
}

/* ---- countries ------------------------------------------------------------------------------------------- */

static const char *where(const struct finding *in)
{
    return in->place.region[0] ? in->place.region : in->place.country;
}

static int tell_country(const struct finding *in, struct access_alert *alert, const struct usual_view *seen,
                        struct slice reason, struct error *err)
{
    struct access_facts f = { .len = 0 };
    const char *name = country_name(slice_of(where(in)));

    access_add_request(&f, in->obs, &in->place, in->is_counted);
    access_add_set(&f, "observedValue", slice_of(name ? name : where(in)));
    access_add_set(&f, "reason", reason);
    if (in->place.asn)
        access_add_number(&f, "asn", FACT_MAX, in->place.asn);
    access_add_usual(&f, in->ctx, in->obs, USUAL_COUNTRY, seen);
    alert->detector = "unusual_place";
    alert->type = TYPE;
    alert->subject = slice_of(name ? name : where(in));
    alert->is_counted = in->is_counted;
    return access_emit(alert, in->obs, &f, in->ctx, err);
}

static int judge_country(const struct finding *in, struct error *err)
{
    const struct observation *obs = in->obs;
    struct baseline *b = in->ctx->baseline;
    struct slice account = obs->text[F_ACCOUNT], country = slice_of(where(in));
    struct usual_view seen = usual_touch(b, account, USUAL_COUNTRY, country, obs->minute_ns);
    struct usual_view near = access_touch_network(in->ctx, obs);
    struct access_alert alert = { .variant = ".Country", .severity = SEVERITY_LOW, .confidence = 40 };
    bool new_network = in->place.asn && usual_is_unseen(&in->network);
    bool new_program = usual_is_unseen(&in->program) && !slice_empty(in->agent.name);

    if (seen.is_first_touch)
        usual_list_add(b, account, USUAL_COUNTRY, country, obs->minute_ns);
    if (!usual_is_unseen(&seen) || (in->place.region[0] && !usual_is_unseen(&near)))
        return 0;
    usual_note_new(b, account, USUAL_COUNTRY, obs->minute_ns);
    if (is_silent(in, obs->minute_ns) || is_trusted(in) ||
        is_listed(&in->options->usual, where(in)))
        return 0;
    if (!new_program && in->options->sensitivity != SENSITIVITY_HIGH &&
        (usual_is_restless(b, account, USUAL_COUNTRY, obs->minute_ns) ||
         (!slice_empty(obs->text[F_REGION]) && usual_is_unseen(&in->region))))
        return 0;
    if (new_network && (new_program || in->provider.kind == PROVIDER_HOSTING)) {
        alert.severity = SEVERITY_MEDIUM;
        alert.confidence = 65;
    }
    if (!sensitivity_wants(in->options->sensitivity, alert.confidence))
        return 0;
    return tell_country(in, &alert, &seen,
                        alert.severity == SEVERITY_LOW ? (in->place.region[0] ? SL("a region of Azure from which the account was never used")
                                                              : SL("a country from which the account was never used"))
                        : new_program ? SL("country, network and program are all new to the account")
                                      : SL("a new country, and a hosting provider that the account never used"), err);
}

static int judge_high_risk(const struct finding *in, struct error *err)
{
    struct usual_view seen;
    struct access_alert alert = { .variant = ".HighRiskCountry", .severity = SEVERITY_MEDIUM, .confidence = 60 };

    if (in->options->high_risk.len == 0 || in->ctx->is_backfill ||
        !is_listed(&in->options->high_risk, in->place.country) || is_trusted(in))
        return 0;
    seen = usual_look(in->ctx->baseline, in->obs->text[F_ACCOUNT], USUAL_COUNTRY, slice_of(in->place.country),
                      in->obs->minute_ns);
    return tell_country(in, &alert, &seen, SL("a country of the operator's list of high risk"), err);
}

/* ---- travel ----------------------------------------------------------------------------------------------- */

struct spot { /* where, to the degree; the country keeps two sides of a border apart */
    int16_t lat, lon;
    char country[CODE_MAX];
};

struct homes { /* usual places of one principal and hour */
    struct home {
        struct spot spot;
        uint8_t first, last; /* minutes of the hour */
        uint8_t padding[2];
    } each[HOMES_MAX];
    uint32_t len;
};

struct aways { /* unusual ones, each address by itself, as it is what the alert names */
    struct away {
        struct spot spot;
        uint8_t first, last;
        uint8_t is_told, padding;
        struct address address;
        char city[32];
        int64_t requests, bytes_out;
    } each[AWAYS_MAX];
    uint32_t len, padding;
};

struct journey { /* the newest hour in which the principal was away: most never are */
    int64_t hour;
};

static const struct baseline_memory home_memory = {
    .name = "unusual_place.home", .version = 1, .size = sizeof(struct homes), .max_keys = 200000,
};
static const struct baseline_memory away_memory = {
    .name = "unusual_place.away", .version = 1, .size = sizeof(struct aways), .max_keys = 50000,
};
static const struct baseline_memory journey_memory = {
    .name = "unusual_place.journey", .version = 1, .size = sizeof(struct journey), .max_keys = 50000,
};

static struct slice key_with(struct slice principal, const void *at, size_t len, char room[KEY_MAX])
{
    principal = slice_cut(principal, KEY_MAX - len);
    memcpy(room, at, len);
    memcpy(room + len, principal.at, principal.len);
    return slice_make(room, len + principal.len);
}

static bool spot_eq(const struct spot *a, const struct spot *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Minutes between two stays; 0 when they overlap. */
static int64_t minutes_between(int64_t hour_a, const struct away *a, int64_t hour_h, const struct home *h)
{
    int64_t a_first = hour_a * 60 + a->first, a_last = hour_a * 60 + a->last;
    int64_t h_first = hour_h * 60 + h->first, h_last = hour_h * 60 + h->last;

    if (a_first > h_last)
        return a_first - h_last;
    return h_first > a_last ? h_first - a_last : 0;
}

struct trip {
    int64_t km, minutes;
};

static bool is_impossible(const struct finding *in, int64_t hour_a, const struct away *a, int64_t hour_h,
                          const struct home *h, struct trip *ret)
{
    double km = place_distance_km(a->spot.lat, a->spot.lon, h->spot.lat, h->spot.lon);

    *ret = (struct trip){ .km = (int64_t)km, .minutes = minutes_between(hour_a, a, hour_h, h) };
    return km > TRAVEL_KM && ret->km * 60 > in->options->max_speed_kmh * ret->minutes;
}

static void spot_text(const struct spot *s, char *room, size_t size)
{
    const char *name = country_name(slice_of(s->country));

    (void)snprintf(room, size, "%s (%d, %d)", name ? name : s->country, s->lat, s->lon);
}

/* One unusual stay against one usual one. The first time it brings all of the stay; later only `more`, what
 * the row at hand adds to it. */
static int tell_trip(const struct finding *in, int64_t hour, struct away *a, const struct home *h,
                     const struct trip *trip, const struct away *more, struct error *err)
{
    const struct observation *obs = in->obs;
    struct slice principal = obs->text[F_PRINCIPAL];
    const struct away *part = a->is_told ? more : a;
    char address[ADDRESS_TEXT_MAX], home[64], away[PLACE_TEXT_MAX];
    struct place place = { .country = a->spot.country, .city = a->city, .lat = a->spot.lat, .lon = a->spot.lon };
    struct access_facts f = { .len = 0 };

    address_format(&a->address, address);
    spot_text(&h->spot, home, sizeof home);
    access_add_set(&f, "principal", principal);
    access_add_set(&f, "address", slice_of(address));
    access_add_set(&f, "place", place_text(&place, away));
    access_add_set(&f, "usualValues", slice_of(home));
    access_add_set(&f, "reason", SL("a principal was in two places too far apart for the time between"));
    access_add_number(&f, "travelKm", FACT_MAX, trip->km);
    access_add_number(&f, "travelMinutes", FACT_MIN, trip->minutes);
    access_add_number(&f, "requests", FACT_SUM, part->requests);
    access_add_number(&f, "bytesOut", FACT_SUM, part->bytes_out);
    a->is_told = 1;
    return alert_emit(in->ctx->sink, &(struct alert_draft){
        .detector = "unusual_place", .state_version = 1, .type = TYPE, .variant = ".ImpossibleTravel",
        .severity = SEVERITY_MEDIUM, .confidence = 60, .api = obs->api, .account = obs->text[F_ACCOUNT],
        .resource_id = obs->text[F_RESOURCE_ID], .subject = principal,
        .bucket_ns = time_floor(hour * NS_PER_HOUR, ACCESS_WEEK_NS),
        .first_ns = hour * NS_PER_HOUR + a->first * NS_PER_MIN,
        .last_ns = hour * NS_PER_HOUR + a->last * NS_PER_MIN, .count = part->requests, .facts = f.at,
        .facts_len = f.len }, err);
}

/* False: nothing that was not known of this hour. */
static bool note_home(struct homes *h, const struct spot *spot, uint8_t minute, struct home **ret)
{
    for (uint32_t i = 0; i < h->len; i++) {
        struct home *e = &h->each[i];

        if (!spot_eq(&e->spot, spot))
            continue;
        *ret = e;
        if (minute >= e->first && minute <= e->last)
            return false;
        e->first = minute < e->first ? minute : e->first;
        e->last = minute > e->last ? minute : e->last;
        return true;
    }
    if (h->len == HOMES_MAX)
        return false;
    h->each[h->len] = (struct home){ .spot = *spot, .first = minute, .last = minute };
    *ret = &h->each[h->len++];
    return true;
}

static struct away *note_away(struct aways *w, const struct finding *in, const struct spot *spot,
                              const struct address *address, uint8_t minute)
{
    struct away *e = NULL;

    for (uint32_t i = 0; i < w->len && !e; i++)
        if (spot_eq(&w->each[i].spot, spot) && memcmp(&w->each[i].address, address, sizeof *address) == 0)
            e = &w->each[i];
    if (!e) {
        if (w->len == AWAYS_MAX)
            return NULL;
        e = &w->each[w->len++];
        *e = (struct away){ .spot = *spot, .address = *address, .first = minute, .last = minute };
        (void)snprintf(e->city, sizeof e->city, "%.*s", SLF(slice_cut(slice_of(in->place.city), sizeof e->city - 1)));
    }
    e->first = minute < e->first ? minute : e->first;
    e->last = minute > e->last ? minute : e->last;
    if (in->is_counted) {
        e->requests = i64_add_sat(e->requests, in->obs->count);
        e->bytes_out = i64_add_sat(e->bytes_out, in->obs->bytes_out);
    }
    return e;
}

static int judge_home(const struct finding *in, int64_t hour, const struct spot *spot, struct error *err)
{
    struct baseline *b = in->ctx->baseline;
    struct slice account = in->obs->text[F_ACCOUNT], principal = in->obs->text[F_PRINCIPAL];
    uint8_t minute = (uint8_t)(in->obs->minute_ns / NS_PER_MIN % 60);
    const struct journey *journey;
    char room[KEY_MAX];
    struct slice key = key_with(principal, &hour, sizeof hour, room);
    const struct homes *known = baseline_get(b, &home_memory, account, key);
    struct homes *homes;
    struct home *home = NULL;

    for (uint32_t i = 0; known && i < known->len; i++) /* nearly every row: nothing to write */
        if (spot_eq(&known->each[i].spot, spot) && minute >= known->each[i].first && minute <= known->each[i].last)
            return 0;
    homes = baseline_put(b, &home_memory, account, key, SL(""), in->obs->minute_ns, NULL);
    if (!homes || !note_home(homes, spot, minute, &home))
        return 0;
    journey = baseline_get(b, &journey_memory, account, principal);
    if (!journey || journey->hour < hour - REACH_HOURS)
        return 0;
    for (int64_t h = hour - REACH_HOURS; h <= hour + REACH_HOURS; h++) {
        struct trip trip;
        const struct aways *found = baseline_get(b, &away_memory, account,
                                                 key_with(principal, &h, sizeof h, room));
        struct aways *w = found ? baseline_put(b, &away_memory, account, key_with(principal, &h, sizeof h, room),
                                               SL(""), in->obs->minute_ns, NULL) : NULL;

        for (uint32_t i = 0; w && i < w->len; i++)
            if (is_impossible(in, h, &w->each[i], hour, home, &trip) && !is_silent(in, (h > hour ? h : hour) * NS_PER_HOUR) &&
                tell_trip(in, h, &w->each[i], home, &trip, &(struct away){ .requests = 0 }, err) < 0)
                return -1;
    }
    return 0;
}

static int judge_away(const struct finding *in, int64_t hour, const struct spot *spot, struct error *err)
{
    struct baseline *b = in->ctx->baseline;
    struct slice account = in->obs->text[F_ACCOUNT], principal = in->obs->text[F_PRINCIPAL];
    struct journey *journey = baseline_put(b, &journey_memory, account, principal, principal,
                                           in->obs->minute_ns, NULL);
    char room[KEY_MAX];
    struct aways *aways = baseline_put(b, &away_memory, account, key_with(principal, &hour, sizeof hour, room),
                                       SL(""), in->obs->minute_ns, NULL);
    struct address address;
    struct away more = { .requests = in->is_counted ? in->obs->count : 0,
                         .bytes_out = in->is_counted ? in->obs->bytes_out : 0 };
    struct away *away;

    if (!journey || !aways || !address_parse(in->obs->text[F_ADDRESS], &address))
        return 0;
    if (hour > journey->hour)
        journey->hour = hour;
    away = note_away(aways, in, spot, &address, (uint8_t)(in->obs->minute_ns / NS_PER_MIN % 60));
    if (!away)
        return 0;
    for (int64_t h = hour - REACH_HOURS; h <= hour + REACH_HOURS; h++) {
        const struct homes *homes = baseline_get(b, &home_memory, account,
                                                 key_with(principal, &h, sizeof h, room));
        struct trip trip;

        for (uint32_t i = 0; homes && i < homes->len; i++) {
            if (!is_impossible(in, hour, away, h, &homes->each[i], &trip) ||
                is_silent(in, (h > hour ? h : hour) * NS_PER_HOUR))
                continue;
            if (tell_trip(in, hour, away, &homes->each[i], &trip, &more, err) < 0)
                return -1;
            more = (struct away){ .requests = 0 }; /* the row is told once, whatever it is compared with */
        }
    }
    return 0;
}

static int judge_travel(const struct finding *in, struct error *err)
{
    const struct observation *obs = in->obs;
    int64_t hour = obs->minute_ns / NS_PER_HOUR;
    struct spot spot = { .country = { 0 } };
    char room[KEY_MAX];
    struct usual_view seen;

    if (slice_empty(obs->text[F_PRINCIPAL]) || isnan(in->place.lat) || isnan(in->place.lon))
        return 0;
    spot.lat = (int16_t)lround(in->place.lat);
    spot.lon = (int16_t)lround(in->place.lon);
    (void)snprintf(spot.country, sizeof spot.country, "%.*s",
                   SLF(slice_cut(slice_of(in->place.country), sizeof spot.country - 1)));
    seen = usual_touch(in->ctx->baseline, obs->text[F_ACCOUNT], USUAL_CELL,
                       key_with(obs->text[F_PRINCIPAL], &spot, sizeof spot, room), obs->minute_ns);
    if (!usual_is_unseen(&seen))
        return judge_home(in, hour, &spot, err);
    if (is_trusted(in) || access_trusts(in->ctx, obs, TRUSTED_PRINCIPAL, obs->text[F_PRINCIPAL]))
        return 0;
    return judge_away(in, hour, &spot, err);
}

/* ---- the observation -------------------------------------------------------------------------------------- */

/* Hours that can get no row any more and are out of reach of those that can. */
static void sweep(struct unusual_place *d, const struct detector_context *ctx)
{
    int64_t horizon_ns = slots_len(baseline_cfg(ctx->baseline)) * NS_PER_HOUR, before;

    if (ctx->is_backfill || ctx->watermark_ns == INT64_MAX || ctx->watermark_ns < d->swept_ns + horizon_ns)
        return;
    d->swept_ns = ctx->watermark_ns;
    before = ctx->watermark_ns - 3 * horizon_ns - REACH_HOURS * NS_PER_HOUR;
    baseline_expire(ctx->baseline, &home_memory, before);
    baseline_expire(ctx->baseline, &away_memory, before);
    baseline_expire(ctx->baseline, &journey_memory, before);
}

static void learn(struct finding *in)
{
    const struct observation *obs = in->obs;
    struct slice account = obs->text[F_ACCOUNT];

    in->program = usual_touch(in->ctx->baseline, account, USUAL_FAMILY, in->agent.name, obs->minute_ns);
    in->region = usual_touch(in->ctx->baseline, account, USUAL_REGION, obs->text[F_REGION], obs->minute_ns);
    if (!in->place.asn)
        return;
    in->provider = provider_find(in->place.asn, slice_of(in->place.org));
    in->network = usual_touch(in->ctx->baseline, account, USUAL_PROVIDER,
                              slice_make((const char *)&in->provider.id, sizeof in->provider.id), obs->minute_ns);
}

static int unusual_place_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                 struct error *err)
{
    struct unusual_place *d = self;
    struct finding in = { .options = d, .obs = obs, .ctx = ctx };

    in.is_counted = !ctx->is_counted_elsewhere;
    sweep(d, ctx);
    if (!obs_ok(obs) || !access_is_customers(obs))
        return 0;
    enrich_place(ctx->enrich, obs->text[F_ADDRESS], obs->text[F_PLACE], obs->minute_ns, &in.place);
    in.agent = ctx->caller->agent;
    learn(&in); /* also what comes by private addresses: its region and program are no news elsewhere */
    if (!where(&in)[0])
        return 0;
    if (in.place.is_microsoft || enrich_is_private(obs->text[F_ADDRESS]))
        return 0;
    if (judge_country(&in, err) < 0 || judge_high_risk(&in, err) < 0)
        return -1;
    return judge_travel(&in, err);
}

static const char *unusual_place_blind(void *self, const struct detector_context *ctx)
{
    (void)self;
    if (!enrich_knows_countries(ctx->enrich))
        return "nobody has told where an address is: no network has a country, no .mmdb file that could be read "
               "(places:) has one, and no row brought a place from the workspace; unusual countries and travel cannot be told";
    return NULL;
}

static const char *const unusual_place_types[] = { TYPE, NULL };
static const struct baseline_memory *const unusual_place_memories[] = {
    USUAL_MEMORIES, &home_memory, &away_memory, &journey_memory, NULL,
};

const struct detector_ops detector_unusual_place = {
    .name = "unusual_place",
    .summary = "access from where the account is never used, or from two places too far apart",
    .reads = OBS_REQUEST,
    .types = unusual_place_types,
    .options = unusual_place_options,
    .size = sizeof(struct unusual_place),
    .memories = unusual_place_memories,
    .observe = unusual_place_observe,
    .blind = unusual_place_blind,
};
