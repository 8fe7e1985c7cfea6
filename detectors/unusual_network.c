/* unusual_network - access through a provider that the account never used, or around its private path.
 *
 * Why:     who hides rents a host by the hour; who stole a key from inside a private network uses it outside.
 * Reads:   all data-plane tables: address of successful requests; whose network it is: networks and .mmdb
 *          files (enrich/places.h). Private endpoints of the account from CDBControlPlaneRequests.
 * Judges:  CloudProviderAnomaly: a cloud or hosting provider (by ASN) from which the account was not used
 *          in 60 days. Medium; .Hosting for rented servers, .DataCenter (Low) for what only sounds like one.
 *          PrivatePathBypassed: an account that was used by private addresses only, on at least 7 days, or that
 *          has private endpoints and no public client in 60 days, is used from a public one. Medium.
 * Trust:   an address or network for both; an asn for its provider, not for a way around the private path.
 * Keeps:   usual.value: providers, paths; unusual_network.endpoints: private endpoints of an account, by
 *          closed slots.
 * Azure:   with a feed of its service tags its hosts are those of a provider like any other, but none in a
 *          neighbourhood (/16) that the account knows: a feed that is new makes no news. Its services (Data Factory, Power
 *          BI ...) come around the private path by design.
 * Blind:   where no file knows systems, CloudProviderAnomaly cannot judge. Hosts in Azure are Microsoft's addresses
 *          without that feed, and are not told. A service endpoint and some private endpoints show no address: that counts
 *          as private.
 * Source:  Defender's *_CloudProviderAnomaly, *_DataCenterAnomaly; ATT&CK T1583.003, T1133.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/detector.h"
#include "detectors/kit/access.h"
#include "detectors/kit/provider.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "settings/option.h"

#include <stdio.h>

#define PROVIDER "CosmosDBX_CloudProviderAnomaly"
#define BYPASSED "CosmosDBX_PrivatePathBypassed"
#define PRIVATE_DAYS 7

struct unusual_network {
    int sensitivity;
};

static const struct option_spec unusual_network_options[] = {
    SENSITIVITY_OPTION(struct unusual_network, "low: no mere data centres; high: new providers also where they come every week"),
    { 0 },
};

/* ---- private endpoints ----------------------------------------------------------------------------------- */

struct endpoints {
    int32_t newest;
    uint8_t has[2];              /* by slots up to s-2, s-3 */
    struct {
        uint8_t said, has;       /* open slots: did a row say, and was any endpoint there */
    } open[2];
    uint8_t padding[2];
};

static const struct baseline_memory endpoints_memory = {
    .name = "unusual_network.endpoints", .version = 1, .size = sizeof(struct endpoints), .max_keys = 100000,
};

static void endpoints_step(void *self, int32_t closed, int32_t next)
{
    struct endpoints *e = self;

    (void)closed;
    (void)next;
    e->has[1] = e->has[0];
    if (e->open[1].said)
        e->has[0] = e->open[1].has;
    e->open[1] = e->open[0];
    e->open[0].said = e->open[0].has = 0;
}

static bool names_any(struct slice list)
{
    list = slice_trim(list);
    return !slice_empty(list) && !slice_eq(list, SL("[]")) && !slice_eq_nocase(list, SL("null"));
}

static void note_endpoints(const struct observation *obs, const struct detector_context *ctx)
{
    struct slice list = obs_extra(obs, F_PRIVATE_ENDPOINTS);
    int32_t len = slots_len(baseline_cfg(ctx->baseline));
    struct endpoints *e;
    enum slot_age age;

    if (slice_empty(list) || slice_empty(obs->text[F_ACCOUNT]))
        return;
    e = baseline_put(ctx->baseline, &endpoints_memory, obs->text[F_ACCOUNT], SL(""), obs->text[F_ACCOUNT],
                     obs->minute_ns, NULL);
    if (!e)
        return;
    age = slots_advance(&e->newest, slots_of(obs->minute_ns, len), len, endpoints_step, e);
    if (age == SLOT_LATE)
        return;
    e->open[age].said = 1;
    e->open[age].has |= names_any(list);
}

static bool has_endpoints(const struct observation *obs, const struct detector_context *ctx)
{
    int32_t len = slots_len(baseline_cfg(ctx->baseline));
    const struct endpoints *known = baseline_get(ctx->baseline, &endpoints_memory, obs->text[F_ACCOUNT], SL(""));
    struct endpoints e;

    if (!known)
        return false;
    e = *known;
    return e.has[slots_advance(&e.newest, slots_of(obs->minute_ns, len), len, endpoints_step, &e) == SLOT_NOW ? 0 : 1];
}

/* ---- judging ------------------------------------------------------------------------------------------------ */

struct finding {
    const struct unusual_network *options;
    const struct observation *obs;
    const struct detector_context *ctx;
    struct place place;
    bool is_counted;
};

static bool is_silent(const struct finding *in)
{
    return in->ctx->is_backfill || in->ctx->is_learning;
}

static bool is_trusted(const struct finding *in)
{
    return in->place.is_trusted ||
           access_trusts(in->ctx, in->obs, TRUSTED_ADDRESS, in->obs->text[F_ADDRESS]);
}

static int judge_provider(const struct finding *in, struct error *err)
{
    const struct observation *obs = in->obs;
    struct baseline *b = in->ctx->baseline;
    struct slice account = obs->text[F_ACCOUNT];
    struct provider p = provider_find(in->place.asn, slice_of(in->place.org));
    struct access_alert alert = { .detector = "unusual_network", .type = PROVIDER, .severity = SEVERITY_MEDIUM,
                                  .confidence = 55, .is_counted = in->is_counted };
    struct access_facts f = { .len = 0 };
    struct usual_view seen, near;
    char number[24];

    seen = usual_touch(b, account, USUAL_PROVIDER, slice_make((const char *)&p.id, sizeof p.id), obs->minute_ns);
    (void)snprintf(number, sizeof number, "AS%u", p.id);
    alert.subject = slice_of(p.name[0] ? p.name : in->place.org[0] ? in->place.org : number);
    if (seen.is_first_touch)
        usual_list_add(b, account, USUAL_PROVIDER, alert.subject, obs->minute_ns);
    near = access_touch_network(in->ctx, obs);
    if (!usual_is_unseen(&seen) || (in->place.is_azure && !usual_is_unseen(&near)))
        return 0;
    usual_note_new(b, account, USUAL_PROVIDER, obs->minute_ns);
    if (p.kind == PROVIDER_OTHER || is_silent(in) || is_trusted(in) ||
        enrich_trusts_asn(in->ctx->enrich, account, in->place.asn, obs->minute_ns))
        return 0;
    if (in->options->sensitivity != SENSITIVITY_HIGH &&
        usual_is_restless(b, account, USUAL_PROVIDER, obs->minute_ns) && p.kind != PROVIDER_HOSTING)
        return 0;
    if (p.kind == PROVIDER_HOSTING)
        alert.variant = ".Hosting";
    if (p.kind == PROVIDER_DATA_CENTER) {
        alert.variant = ".DataCenter";
        alert.severity = SEVERITY_LOW;
        alert.confidence = 35;
    }
    if (!sensitivity_wants(in->options->sensitivity, alert.confidence))
        return 0;
    access_add_request(&f, obs, &in->place, in->is_counted);
    access_add_set(&f, "observedValue", alert.subject);
    access_add_number(&f, "asn", FACT_MAX, in->place.asn);
    access_add_set(&f, "reason", p.kind == PROVIDER_CLOUD     ? SL("a cloud provider that the account never used")
                                 : p.kind == PROVIDER_HOSTING ? SL("a hosting provider that the account never used")
                                                              : SL("a data centre that the account never used"));
    access_add_usual(&f, in->ctx, obs, USUAL_PROVIDER, &seen);
    return access_emit(&alert, obs, &f, in->ctx, err);
}

static int tell_path(const struct finding *in, const struct usual_view *seen, bool by_endpoints, struct error *err)
{
    const struct observation *obs = in->obs;
    struct access_alert alert = { .detector = "unusual_network", .type = BYPASSED, .severity = SEVERITY_MEDIUM,
                                  .confidence = 60, .subject = access_who(obs), .is_counted = in->is_counted };
    struct access_facts f = { .len = 0 };

    access_add_request(&f, obs, &in->place, in->is_counted);
    access_add_set(&f, "observedValue", SL("a public address"));
    access_add_set(&f, "reason", by_endpoints ? SL("the account has private endpoints and was used around them")
                                              : SL("the account was used by private addresses only until now"));
    access_add_usual(&f, in->ctx, obs, USUAL_PATH, seen);
    return access_emit(&alert, obs, &f, in->ctx, err);
}

static int judge_path(const struct finding *in, bool is_private, struct error *err)
{
    const struct observation *obs = in->obs;
    struct baseline *b = in->ctx->baseline;
    struct slice account = obs->text[F_ACCOUNT];
    struct usual_view seen = usual_touch(b, account, USUAL_PATH, is_private ? SL("private") : SL("public"),
                                         obs->minute_ns), before;
    bool by_endpoints;

    if (is_private || !usual_is_unseen(&seen) || is_silent(in))
        return 0;
    before = usual_look(b, account, USUAL_PATH, SL("private"), obs->minute_ns);
    by_endpoints = has_endpoints(obs, in->ctx);
    if (before.active_days < PRIVATE_DAYS && !(by_endpoints && !usual_is_unseen(&before)))
        return 0;
    return tell_path(in, &seen, by_endpoints, err);
}

static int unusual_network_observe(void *self, const struct observation *obs,
                                   const struct detector_context *ctx, struct error *err)
{
    struct finding in = { .options = self, .obs = obs, .ctx = ctx };
    bool is_private;

    if (obs->kind == OBS_CONTROL) {
        note_endpoints(obs, ctx);
        return 0;
    }
    in.is_counted = !ctx->is_counted_elsewhere;
    if (!obs_ok(obs) || !access_is_customers(obs))
        return 0;
    is_private = enrich_is_private(obs->text[F_ADDRESS]);
    if (!is_private) {
        enrich_place(ctx->enrich, obs->text[F_ADDRESS], obs->text[F_PLACE], obs->minute_ns, &in.place);
        if (in.place.is_microsoft) /* the portal and trusted services come around the private path */
            return 0;
        if (in.place.asn && judge_provider(&in, err) < 0)
            return -1;
        if (in.place.is_azure_service)
            return 0;
        if (is_trusted(&in)) /* neither a way around nor a habit */
            return 0;
    }
    return judge_path(&in, is_private, err);
}

static const char *unusual_network_blind(void *self, const struct detector_context *ctx)
{
    (void)self;
    if (!enrich_knows_networks(ctx->enrich))
        return "nobody tells whose network an address is in: no network has an asn, and no .mmdb file that could "
               "be read (places:) has system numbers; access through an unusual provider cannot be told";
    return NULL;
}

static const char *const unusual_network_types[] = { PROVIDER, BYPASSED, NULL };
static const struct baseline_memory *const unusual_network_memories[] = { USUAL_MEMORIES, &endpoints_memory, NULL };

const struct detector_ops detector_unusual_network = {
    .name = "unusual_network",
    .summary = "access through a provider that the account never used, or around its private path",
    .reads = OBS_REQUEST | OBS_CONTROL,
    .types = unusual_network_types,
    .options = unusual_network_options,
    .size = sizeof(struct unusual_network),
    .memories = unusual_network_memories,
    .observe = unusual_network_observe,
    .blind = unusual_network_blind,
};
