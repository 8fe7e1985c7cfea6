/* unusual_application - a program that never used the account, or one made for attacking.
 *
 * Why:     a stolen key is used from the thief's own tools. An account is used by a handful of programs, and
 *          the user agent names them: no proof of innocence, but most do not hide.
 * Reads:   all data-plane tables: user agent, address, status, key kind. AzureActivity: which application (Claims_d.appid)
 *          administers the account.
 * Judges:  ApplicationAnomaly: the family of the program (dotnet-v3, java; for a text of its own its first
 *          word, without the number at its end) succeeded and was not seen in 60 days. An upgrade is the
 *          same family. Low; Medium when the neighbourhood of the address is new as well. Where new
 *          programs are everyday life (kit/usual.h) only those from a new neighbourhood are told.
 *          .ApplicationId the same for the application of a change or key reading through Azure Resource Manager, once
 *          the activity log is known as long as `learn`. Not Microsoft's own services; the portal as the browsers.
 *          SuspiciousApplication: a tool for attacks, or any program on a system made for them, from the
 *          first row on: High when it got in, Medium when it was refused (what walks through the whole
 *          internet is told only when it got in). A scripting client (curl, Postman,
 *          python-requests) that is new here and got in: Low.
 * Keeps:   usual.value: families, scripts, neighbourhoods, application ids of the account (kit/usual.h); what the key
 *          detectors know of the activity log (kit/key_event.h).
 * Trust:   an agent, for all of these: your own tool, your own scanner. It is the caller's word, as the agent is. An application id is
 *          none's word but Entra's: a principal or key_reader that names it, or its caller, spares it.
 * Blind:   whoever writes another program's agent. In direct mode the agent is only the suffix that the
 *          application chose, so an empty one says nothing there. The portal's browsers (`browsers`): a
 *          colleague in the Data Explorer looks like anybody in it; unusual_place sees where he is.
 * Source:  Defender's Storage.Blob_ApplicationAnomaly, Storage.Blob_SuspiciousApp; GuardDuty PenTest:*;
 *          ATT&CK T1078.004, T1213.006, T1595.002.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/detector.h"
#include "detectors/kit/access.h"
#include "detectors/kit/key_event.h"
#include "detectors/kit/sensitivity.h"
#include "settings/option.h"

#define ANOMALY "CosmosDBX_ApplicationAnomaly"
#define SUSPICIOUS "CosmosDBX_SuspiciousApplication"

struct unusual_application {
    int sensitivity;
    bool browsers;
};

static const struct option_spec unusual_application_options[] = {
    { .key = "browsers", .type = OPT_BOOL, .at = offsetof(struct unusual_application, browsers),
      .preset = "false", .help = "tell also when an account is used by a browser (portal) for the first time" },
    SENSITIVITY_OPTION(struct unusual_application, "low: tools, and new programs from new networks only; high: new programs "
                       "also where they come every week"),
    { 0 },
};

struct finding {
    const struct unusual_application *options;
    const struct observation *obs;
    const struct detector_context *ctx;
    struct agent agent;
    bool is_counted;
};

static bool is_trusted(const struct finding *in)
{
    return access_trusts(in->ctx, in->obs, TRUSTED_AGENT, in->obs->text[F_USER_AGENT]);
}

static int tell(const struct finding *in, const struct access_alert *alert, enum usual_what what,
                const struct usual_view *seen, struct slice reason, struct error *err)
{
    struct access_facts f = { .len = 0 };
    struct place place;

    enrich_place(in->ctx->enrich, in->obs->text[F_ADDRESS], in->obs->text[F_PLACE], in->obs->minute_ns, &place);
    access_add_request(&f, in->obs, &place, in->is_counted);
    access_add_set(&f, "observedValue", alert->subject);
    access_add_set(&f, "reason", reason);
    if (seen)
        access_add_usual(&f, in->ctx, in->obs, what, seen);
    return access_emit(alert, in->obs, &f, in->ctx, err);
}

static int judge_tool(const struct finding *in, struct error *err)
{
    bool got_in = obs_ok(in->obs);
    bool is_tool = in->agent.kind == AGENT_TOOL;
    struct access_alert alert = {
        .detector = "unusual_application", .type = SUSPICIOUS, .variant = is_tool ? ".Tool" : ".PenTestSystem",
        .severity = got_in ? SEVERITY_HIGH : SEVERITY_MEDIUM, .confidence = is_tool ? 90 : 75,
        .subject = in->agent.name, .is_counted = in->is_counted, .is_daily = true };

    if (!got_in && slice_eq(in->agent.name, SL("internet-scanner")))
        return 0; /* they knock everywhere, every day */
    return tell(in, &alert, USUAL_FAMILY, NULL,
                is_tool ? (got_in ? SL("a tool made for attacks got in") : SL("a tool made for attacks was refused"))
                        : (got_in ? SL("a system made for attacks got in") : SL("a system made for attacks was refused")),
                err);
}

static int judge_script(const struct finding *in, struct error *err)
{
    struct baseline *b = in->ctx->baseline;
    struct slice account = in->obs->text[F_ACCOUNT];
    struct usual_view seen = usual_touch(b, account, USUAL_SCRIPT, in->agent.product, in->obs->minute_ns);
    struct access_alert alert = { .detector = "unusual_application", .type = SUSPICIOUS, .variant = ".Script",
                                  .severity = SEVERITY_LOW, .confidence = 40, .subject = in->agent.product,
                                  .is_counted = in->is_counted };

    if (seen.is_first_touch)
        usual_list_add(b, account, USUAL_SCRIPT, in->agent.product, in->obs->minute_ns);
    if (!usual_is_unseen(&seen) || in->ctx->is_backfill || in->ctx->is_learning || is_trusted(in) ||
        !sensitivity_wants(in->options->sensitivity, alert.confidence))
        return 0;
    return tell(in, &alert, USUAL_SCRIPT, &seen, SL("a scripting client that never used this account"), err);
}

static int judge_family(const struct unusual_application *d, const struct finding *in,
                        const struct usual_view *network, struct error *err)
{
    struct baseline *b = in->ctx->baseline;
    const struct observation *obs = in->obs;
    struct slice account = obs->text[F_ACCOUNT];
    struct usual_view seen = usual_touch(b, account, USUAL_FAMILY, in->agent.name, obs->minute_ns);
    bool is_elsewhere = usual_is_unseen(network);
    struct access_alert alert = { .detector = "unusual_application", .type = ANOMALY,
                                  .severity = is_elsewhere ? SEVERITY_MEDIUM : SEVERITY_LOW,
                                  .confidence = is_elsewhere ? 60 : 40, .subject = in->agent.name,
                                  .is_counted = in->is_counted };

    if (seen.is_first_touch)
        usual_list_add(b, account, USUAL_FAMILY, in->agent.name, obs->minute_ns);
    if (!usual_is_unseen(&seen) || slice_empty(in->agent.name))
        return 0;
    usual_note_new(b, account, USUAL_FAMILY, obs->minute_ns);
    if ((in->agent.kind == AGENT_BROWSER && !d->browsers) || in->ctx->is_backfill ||
        in->ctx->is_learning || is_trusted(in) || !sensitivity_wants(d->sensitivity, alert.confidence))
        return 0;
    if (!is_elsewhere && d->sensitivity != SENSITIVITY_HIGH &&
        usual_is_restless(b, account, USUAL_FAMILY, obs->minute_ns))
        return 0;
    return tell(in, &alert, USUAL_FAMILY, &seen,
                is_elsewhere ? SL("a program that never used this account, from a network that never did")
                             : SL("a program that never used this account"), err);
}

/* ---- who administers it --------------------------------------------------------------------------- */

static int tell_application(const struct unusual_application *d, const struct key_event *e, const struct usual_view *seen,
                            bool is_elsewhere, const struct detector_context *ctx, struct error *err)
{
    const struct observation *obs = e->obs;
    struct access_alert alert = { .detector = "unusual_application", .type = ANOMALY, .variant = ".ApplicationId",
                                  .severity = is_elsewhere ? SEVERITY_MEDIUM : SEVERITY_LOW,
                                  .confidence = is_elsewhere ? 60 : 40, .subject = e->app_id, .is_counted = true };
    struct access_facts f = { .len = 0 };
    struct place place;

    if (!sensitivity_wants(d->sensitivity, alert.confidence))
        return 0;
    enrich_place(ctx->enrich, obs->text[F_ADDRESS], obs->text[F_PLACE], obs->minute_ns, &place);
    access_add_set(&f, "address", obs->text[F_ADDRESS]);
    access_add_set(&f, "place", place_text(&place, f.place));
    access_add_set(&f, "network", slice_of(place.network[0] ? place.network : place.org));
    access_add_set(&f, "principal", e->caller);
    access_add_set(&f, "appId", e->app_id);
    access_add_set(&f, "application", slice_of(e->tool_name));
    access_add_set(&f, "correlationId", obs_extra(obs, F_CORRELATED_ID));
    access_add_map(&f, "operations", obs->text[F_OPERATION], obs->count);
    access_add_number(&f, "requests", FACT_SUM, obs->count);
    access_add_set(&f, "observedValue", e->tool_name[0] ? slice_of(e->tool_name) : e->app_id);
    access_add_set(&f, "reason", is_elsewhere ? SL("an application that never administered this account, from a network that never did")
                                              : SL("an application that never administered this account"));
    access_add_usual(&f, ctx, obs, USUAL_APP_ID, seen);
    return access_emit(&alert, obs, &f, ctx, err);
}

static bool is_trusted_caller(const struct key_event *e, const struct detector_context *ctx)
{
    return access_trusts(ctx, e->obs, TRUSTED_PRINCIPAL, e->app_id) ||
           access_trusts(ctx, e->obs, TRUSTED_PRINCIPAL, e->caller) || key_event_is_trusted(ctx->enrich, e);
}

static int judge_activity(const struct unusual_application *d, const struct observation *obs,
                          const struct detector_context *ctx, struct error *err)
{
    struct baseline *b = ctx->baseline;
    struct neighbourhood near = neighbourhood_of(obs->text[F_ADDRESS]);
    struct key_event e;
    struct key_usual usual;
    struct usual_view seen, from;
    bool is_elsewhere;

    (void)key_event_read(obs, &e); /* whatever was done: who did it is read in any case */
    key_event_note(b, &e, &usual);
    if (slice_empty(e.account) || slice_empty(e.app_id) || e.tool == KEY_TOOL_MICROSOFT ||
        !slice_starts_nocase(obs_extra(obs, F_ACTIVITY_STATUS), SL("Succe")))
        return 0;
    seen = usual_touch(b, e.account, USUAL_APP_ID, e.app_id, obs->minute_ns);
    from = usual_touch(b, e.account, USUAL_MANAGED_FROM, neighbourhood_slice(&near), obs->minute_ns);
    if (seen.is_first_touch)
        usual_list_add(b, e.account, USUAL_APP_ID, e.app_id, obs->minute_ns);
    if (!usual_is_unseen(&seen))
        return 0;
    usual_note_new(b, e.account, USUAL_APP_ID, obs->minute_ns);
    is_elsewhere = usual_is_unseen(&from);
    if (ctx->is_backfill || (e.tool == KEY_TOOL_PORTAL && !d->browsers) || key_event_is_learning(b, &e, &usual) ||
        is_trusted_caller(&e, ctx))
        return 0;
    if (!is_elsewhere && d->sensitivity != SENSITIVITY_HIGH &&
        usual_is_restless(b, e.account, USUAL_APP_ID, obs->minute_ns))
        return 0;
    return tell_application(d, &e, &seen, is_elsewhere, ctx, err);
}

static int unusual_application_observe(void *self, const struct observation *obs,
                                       const struct detector_context *ctx, struct error *err)
{
    struct unusual_application *d = self;
    struct finding in = { .options = d, .obs = obs, .ctx = ctx };
    struct usual_view network;

    if (obs->kind == OBS_ACTIVITY)
        return judge_activity(d, obs, ctx, err);
    in.is_counted = !ctx->is_counted_elsewhere;
    if (!access_is_customers(obs))
        return 0;
    in.agent = ctx->caller->agent;
    if (in.agent.kind == AGENT_TOOL || in.agent.is_pentest)
        return ctx->is_backfill || is_trusted(&in) ? 0 : judge_tool(&in, err);
    if (!obs_ok(obs))
        return 0;
    if (in.agent.kind == AGENT_SCRIPT)
        return judge_script(&in, err);
    if (slice_empty(in.agent.name) && !slice_eq_nocase(obs->text[F_CONNECTION_MODE], SL("Direct")))
        in.agent.name = SL("no user agent");
    network = access_touch_network(ctx, obs);
    return judge_family(d, &in, &network, err);
}

static const char *const unusual_application_types[] = { ANOMALY, SUSPICIOUS, NULL };
static const struct baseline_memory *const unusual_application_memories[] = {
    USUAL_MEMORIES, &key_habits_memory, &key_readers_memory, NULL,
};

const struct detector_ops detector_unusual_application = {
    .name = "unusual_application",
    .summary = "a program that never used the account, or one made for attacking",
    .reads = OBS_REQUEST | OBS_ACTIVITY,
    .types = unusual_application_types,
    .options = unusual_application_options,
    .size = sizeof(struct unusual_application),
    .memories = unusual_application_memories,
    .observe = unusual_application_observe,
};
