/* ocsf.c - OCSF 1.8.0 Detection Finding (class 2004), profiles cloud, security_control and, with threat
 * intelligence, osint. For data lakes, Amazon Security Lake and whatever reads OCSF.
 *
 * attribute                         | from
 * ----------------------------------|----------------------------------------------------------------------
 * activity_id, type_uid             | 1 Create for the first record, 2 Update for the others. Never 3 Close: that
 *                                   | a day is over closes nothing that somebody may be working on
 * metadata.uid                      | record id; a receiver drops a second copy by it
 * finding_info.uid                  | alert id, the same over all updates
 * metadata.sequence                 | n of the record
 * metadata.correlation_uid          | account "|" subject
 * metadata.is_truncated             | true when texts or lists were cut; unmapped.fields_cut says how many
 * time, start_time, end_time        | last, first, last event; ms since 1970
 * finding_info.created_time, ..     | first event, .modified_time last event
 * severity_id, confidence_id        | kit/severity.c; 1 below 34, 2 below 67, 3
 * status_id                         | 1 New; 3 Suppressed
 * finding_info.attacks, attacks     | one per technique, with the tactic
 * finding_info.analytic             | type id; type 1 Rule, 2 Behavioral
 * resources[0]                      | the account; uid is its full id, its name when that is unknown
 * cloud.account                     | subscription
 * evidences[0]                      | actor, src_endpoint, api, http_request, database; data holds the facts
 * evidences[1..]                    | the other addresses
 * observables                       | addresses, resource, user agent, principal
 * osint                             | lists that name the address
 * remediation.desc                  | what to do, one step a line
 * unmapped                          | what OCSF has no place for: investigation, query, sample, fields_cut
 *
 * Consumers refuse unknown attributes, so nothing stands outside of `unmapped` and evidences[].data.
 * Source: ocsf/ocsf-schema, tag 1.8.0. SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "outputs/encode/members.h"
#include "outputs/kit/attack.h"
#include "outputs/kit/severity.h"
#include "outputs/output.h"

#include <stdio.h>

#define DOCUMENT_MAX 250000 /* Event Hubs, basic tier: 256 KB a message */

static const char *const confidences[] = { "Unknown", "Low", "Medium", "High" };

static int confidence_id(int confidence)
{
    return confidence < 34 ? 1 : confidence < 67 ? 2 : 3;
}

static const char *or_unknown(const char *text)
{
    return text[0] ? text : "unknown";
}

/* ---- what kind of finding ------------------------------------------------------------------------- */

static void add_class(struct pen *p, const struct alert *a)
{
    bool is_first = a->update == 0;

    pen_i64(p, "activity_id", is_first ? 1 : 2);
    pen_text(p, "activity_name", is_first ? "Create" : "Update");
    pen_i64(p, "category_uid", 2);
    pen_text(p, "category_name", "Findings");
    pen_i64(p, "class_uid", 2004);
    pen_text(p, "class_name", "Detection Finding");
    pen_i64(p, "type_uid", is_first ? 200401 : 200402);
    pen_text(p, "type_name", is_first ? "Detection Finding: Create" : "Detection Finding: Update");
}

static void add_judgement(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;
    int confidence = confidence_id(a->confidence);

    pen_ms(p, "time", a->last_ns);
    pen_ms(p, "start_time", a->first_ns);
    pen_ms(p, "end_time", a->last_ns);
    pen_i64(p, "timezone_offset", 0);
    pen_i64(p, "count", a->count > 1 ? a->count : 1);
    pen_i64(p, "severity_id", severity_scale(a->severity)->ocsf);
    pen_text(p, "severity", severity_name(a->severity));
    pen_i64(p, "confidence_id", confidence);
    pen_text(p, "confidence", confidences[confidence]);
    pen_i64(p, "confidence_score", a->confidence);
    pen_i64(p, "status_id", a->is_suppressed ? 3 : 1);
    pen_text(p, "status", a->is_suppressed ? "Suppressed" : "New");
    pen_bool(p, "is_alert", true);
    pen_slice(p, "message", buf_slice(&g->why));
    pen_i64(p, "action_id", 3);
    pen_text(p, "action", "Observed");
    pen_i64(p, "disposition_id", 19);
    pen_text(p, "disposition", "Alert");
}

static void add_named(struct pen *p, const char *key, struct slice id, const char *name)
{
    pen_open(p, key, '{');
    pen_id(p, "uid", id);
    if (name)
        pen_text(p, "name", name);
    pen_close(p, '}');
}

static void add_attacks(struct pen *p, const struct alert *a)
{
    const struct attack_tactic *tactic = attack_tactic(a->type->intent);

    pen_open(p, "attacks", '[');
    for (size_t i = 0; i < TECHNIQUES_MAX && a->type->techniques[i]; i++) {
        struct slice whole = slice_of(a->type->techniques[i]), parent = parts_technique(a->type->techniques[i]);

        pen_open(p, NULL, '{');
        pen_text(p, "version", ATTACK_VERSION);
        if (tactic)
            add_named(p, "tactic", slice_of(tactic->id), tactic->name);
        add_named(p, "technique", parent, attack_technique(parent.at, parent.len));
        if (parent.len < whole.len)
            add_named(p, "sub_technique", whole, attack_technique(whole.at, whole.len));
        pen_close(p, '}');
    }
    pen_close(p, ']');
}

static void add_finding(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;
    const struct attack_tactic *tactic = attack_tactic(a->type->intent);
    bool is_behaviour = g->method == GIST_BEHAVIOUR;

    pen_open(p, "finding_info", '{');
    pen_text(p, "uid", a->id);
    pen_slice(p, "title", buf_slice(&g->title));
    pen_slice(p, "desc", buf_slice(&g->description));
    pen_open(p, "types", '[');
    if (tactic)
        pen_text(p, NULL, tactic->name);
    pen_close(p, ']');
    pen_open(p, "analytic", '{');
    pen_i64(p, "type_id", is_behaviour ? 2 : 1);
    pen_text(p, "type", is_behaviour ? "Behavioral" : "Rule");
    pen_text(p, "uid", a->type->id);
    pen_text(p, "name", a->type->display_name);
    pen_text(p, "version", COSMOWATCH_VERSION);
    pen_close(p, '}');
    add_attacks(p, a);
    pen_ms(p, "created_time", a->first_ns);
    pen_ms(p, "modified_time", a->last_ns);
    pen_ms(p, "first_seen_time", a->first_ns);
    pen_ms(p, "last_seen_time", a->last_ns);
    pen_strings(p, "data_sources", a->type->tables, ARRAY_LEN(a->type->tables));
    if (g->link.len > 0)
        pen_id(p, "src_url", buf_slice(&g->link));
    pen_i64(p, "related_events_count", a->count > 0 ? a->count : 0);
    pen_close(p, '}');
}

/* ---- where ---------------------------------------------------------------------------------------- */

static void add_cloud(struct pen *p, const struct gist *g)
{
    pen_open(p, "cloud", '{');
    pen_text(p, "provider", "Azure");
    pen_known(p, "region", g->region);
    pen_open(p, "account", '{');
    if (g->has_arm)
        pen_id(p, "uid", g->arm.subscription);
    else
        pen_text(p, "name", "unknown");
    pen_i64(p, "type_id", 13);
    pen_text(p, "type", "Azure Subscription");
    pen_close(p, '}');
    pen_close(p, '}');
}

static void add_resource(struct pen *p, const struct gist *g)
{
    const char *account = or_unknown(g->alert->account);

    pen_open(p, "resources", '[');
    pen_open(p, NULL, '{');
    if (g->resource.len > 0)
        pen_slice(p, "uid", buf_slice(&g->resource));
    else
        pen_text(p, "uid", account);
    pen_text(p, "name", account);
    pen_text(p, "type", "Microsoft.DocumentDB/databaseAccounts");
    pen_i64(p, "role_id", 1);
    pen_text(p, "role", "Target");
    pen_close(p, '}');
    pen_close(p, ']');
}

/* ---- who ------------------------------------------------------------------------------------------ */

static void add_actor(struct pen *p, const struct gist *g)
{
    if (slice_empty(g->principal) && slice_empty(g->application))
        return;
    pen_open(p, "actor", '{');
    if (!slice_empty(g->principal)) {
        pen_open(p, "user", '{');
        pen_slice(p, fit_is_uuid(g->principal) ? "uid" : "name", g->principal);
        pen_i64(p, "type_id", 0);
        pen_text(p, "type", "Unknown");
        pen_close(p, '}');
    }
    pen_known(p, "app_uid", g->application);
    pen_close(p, '}');
}

static void add_endpoint(struct pen *p, const struct entity *e)
{
    const struct entity_place *place = e->place;

    pen_open(p, "src_endpoint", '{');
    pen_id(p, "ip", e->id);
    if (place && (!slice_empty(place->city) || !slice_empty(place->state))) {
        pen_open(p, "location", '{'); /* country is a code of two letters in OCSF; logs bring its name */
        pen_known(p, "city", place->city);
        pen_known(p, "region", place->state);
        pen_known(p, "desc", place->country);
        if (place->has_point && place->latitude >= -90 && place->latitude <= 90 && place->longitude >= -180 &&
            place->longitude <= 180) {
            pen_real(p, "lat", place->latitude);
            pen_real(p, "long", place->longitude);
        }
        pen_close(p, '}');
    }
    pen_close(p, '}');
}

static void add_api(struct pen *p, const struct gist *g)
{
    const char *activity = alert_text(g->alert, "activityId");

    if (slice_empty(g->operation))
        return;
    pen_open(p, "api", '{');
    pen_slice(p, "operation", g->operation);
    pen_open(p, "service", '{');
    pen_text(p, "name", "Azure Cosmos DB");
    pen_close(p, '}');
    if (activity[0]) {
        pen_open(p, "request", '{');
        pen_text(p, "uid", activity);
        pen_close(p, '}');
    }
    if (g->status >= 0) {
        pen_open(p, "response", '{');
        pen_i64(p, "code", g->status);
        pen_close(p, '}');
    }
    pen_close(p, '}');
}

static void add_database(struct pen *p, const struct alert *a)
{
    CLEANUP(buf_release) struct buf name = BUF_INIT((size_t)1 << 20);

    gist_add_container(&name, a);
    p->out->failed |= name.failed;
    if (name.len == 0)
        return;
    pen_open(p, "database", '{');
    pen_i64(p, "type_id", 6);
    pen_text(p, "type", "NoSQL");
    pen_slice(p, "name", buf_slice(&name));
    pen_close(p, '}');
}

struct walk { /* over the addresses */
    struct pen *pen;
    const struct gist *gist;
    size_t n;
};

static void add_rest_of_first(struct pen *p, const struct gist *g)
{
    add_actor(p, g);
    add_api(p, g);
    if (!slice_empty(g->user_agent)) {
        pen_open(p, "http_request", '{');
        pen_slice(p, "user_agent", g->user_agent);
        pen_close(p, '}');
    }
    add_database(p, g->alert);
    pen_facts(p, "data", g->alert);
}

static void add_evidence(void *self, const struct entity *e)
{
    struct walk *w = self;

    if (e->kind != ENTITY_IP || fit_address(e->id) == FIT_NO_ADDRESS || w->n >= w->pen->list_max)
        return;
    pen_open(w->pen, NULL, '{');
    add_endpoint(w->pen, e);
    if (w->n++ == 0)
        add_rest_of_first(w->pen, w->gist);
    pen_close(w->pen, '}');
}

static void add_evidences(struct pen *p, const struct gist *g)
{
    struct walk w = { .pen = p, .gist = g };

    pen_open(p, "evidences", '[');
    gist_each_entity(g, add_evidence, &w);
    if (w.n == 0) {
        pen_open(p, NULL, '{');
        add_rest_of_first(p, g);
        pen_close(p, '}');
    }
    pen_close(p, ']');
}

static void add_observable(struct pen *p, int type_id, const char *type, const char *name, struct slice value)
{
    if (slice_empty(value))
        return;
    pen_open(p, NULL, '{');
    pen_i64(p, "type_id", type_id);
    pen_text(p, "type", type);
    pen_text(p, "name", name);
    pen_slice(p, "value", value);
    pen_close(p, '}');
}

static void add_seen_address(void *self, const struct entity *e)
{
    struct walk *w = self;
    char name[48];

    if (e->kind != ENTITY_IP || fit_address(e->id) == FIT_NO_ADDRESS || w->n >= w->pen->list_max)
        return;
    (void)snprintf(name, sizeof name, "evidences[%zu].src_endpoint.ip", w->n++);
    add_observable(w->pen, 2, "IP Address", name, e->id);
}

static void add_observables(struct pen *p, const struct gist *g)
{
    struct walk w = { .pen = p, .gist = g };
    bool is_uuid = fit_is_uuid(g->principal);

    pen_open(p, "observables", '[');
    gist_each_entity(g, add_seen_address, &w);
    add_observable(p, 10, "Resource UID", "resources[0].uid", buf_slice(&g->resource));
    add_observable(p, 16, "HTTP User-Agent", "evidences[0].http_request.user_agent", g->user_agent);
    add_observable(p, is_uuid ? 31 : 4, is_uuid ? "User UID" : "User Name",
                   is_uuid ? "evidences[0].actor.user.uid" : "evidences[0].actor.user.name", g->principal);
    pen_close(p, ']');
}

static void add_threats(void *self, const struct entity *e)
{
    struct walk *w = self;
    struct pen *p = w->pen;

    if (e->kind != ENTITY_IP || fit_address(e->id) == FIT_NO_ADDRESS)
        return;
    for (size_t i = 0; i < e->threats_len; i++) {
        const struct entity_threat *t = &e->threats[i];
        int confidence = t->confidence < 0 ? 0 : confidence_id(t->confidence);

        if (w->n++ == 0)
            pen_open(p, "osint", '[');
        pen_open(p, NULL, '{');
        pen_i64(p, "type_id", 1);
        pen_text(p, "type", "IP Address");
        pen_id(p, "value", e->id);
        pen_text(p, "name", t->feed);
        pen_known(p, "category", slice_of(t->category));
        pen_i64(p, "confidence_id", confidence);
        pen_text(p, "confidence", confidences[confidence]);
        if (t->since_ns >= 946684800 * NS_PER_S)
            pen_ms(p, "created_time", t->since_ns);
        pen_close(p, '}');
    }
}

static bool add_osint(struct pen *p, const struct gist *g)
{
    struct walk w = { .pen = p, .gist = g };

    gist_each_entity(g, add_threats, &w);
    if (w.n > 0)
        pen_close(p, ']');
    return w.n > 0;
}

/* ---- the rest -------------------------------------------------------------------------------------- */

static void join_step(void *self, struct slice text)
{
    struct buf *out = self;

    buf_add_str(out, out->len > 0 ? "\n" : "");
    buf_add_slice(out, text);
}

static void add_remediation(struct pen *p, const struct alert *a)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1 << 20);

    p->out->failed |= !parts_each_step(a, a->type->remediate, join_step, &text) || text.failed;
    if (text.len == 0)
        return;
    pen_open(p, "remediation", '{');
    pen_slice(p, "desc", buf_slice(&text));
    pen_close(p, '}');
}

static void add_unmapped(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;

    pen_open(p, "unmapped", '{');
    pen_text(p, "subject", a->subject);
    pen_known(p, "variant", slice_of(a->variant[0] == '.' ? a->variant + 1 : a->variant));
    pen_text(p, "detector", a->detector);
    pen_bool(p, "is_final", a->is_final);
    pen_bool(p, "is_sample", a->is_sample);
    pen_steps(p, "investigation_steps", a, a->type->investigate);
    pen_steps(p, "prevention_steps", a, a->type->prevent);
    pen_known(p, "query", buf_slice(&g->query));
    pen_i64(p, "fields_cut", p->cuts);
    pen_close(p, '}');
}

/* Last: it says whether anything was cut. */
static void add_metadata(struct pen *p, const struct gist *g, bool has_osint)
{
    CLEANUP(buf_release) struct buf key = BUF_INIT((size_t)4 << 20);
    const struct alert *a = g->alert;

    gist_add_correlation(&key, a);
    p->out->failed |= key.failed;
    pen_open(p, "metadata", '{');
    pen_text(p, "version", "1.8.0");
    pen_text(p, "uid", a->record_id);
    pen_open(p, "profiles", '[');
    pen_text(p, NULL, "cloud");
    pen_text(p, NULL, "security_control");
    if (has_osint)
        pen_text(p, NULL, "osint");
    pen_close(p, ']');
    pen_open(p, "product", '{');
    pen_text(p, "vendor_name", GIST_VENDOR);
    pen_text(p, "name", GIST_VENDOR);
    pen_text(p, "version", COSMOWATCH_VERSION);
    pen_close(p, '}');
    pen_text(p, "event_code", a->type->id);
    pen_text(p, "log_provider", "Azure Monitor");
    pen_limited(p, "correlation_uid", buf_slice(&key), 1024);
    pen_i64(p, "sequence", a->update);
    pen_bool(p, "is_truncated", p->cuts > 0);
    pen_close(p, '}');
}

static void write_alert(struct pen *p, const struct gist *g)
{
    bool has_osint;

    add_class(p, g->alert);
    add_judgement(p, g);
    add_finding(p, g);
    add_attacks(p, g->alert);
    add_cloud(p, g);
    add_resource(p, g);
    add_evidences(p, g);
    add_observables(p, g);
    has_osint = add_osint(p, g);
    add_remediation(p, g->alert);
    add_unmapped(p, g);
    add_metadata(p, g, has_osint);
}

static int ocsf_encode(const struct alert *a, struct buf *out, struct error *err)
{
    return document_write(a, out, DOCUMENT_MAX, write_alert, err);
}

const struct encoder encoder_ocsf = {
    .name = "ocsf", .content_type = "application/json", .is_json = true, .encode = ocsf_encode,
};
