/* ecs.c - Elastic Common Schema 9.4.0, one document for a data stream (logs-cosmowatch.alert-default).
 *
 * field                                  | from
 * ---------------------------------------|-----------------------------------------------------------------
 * @timestamp, event.created, event.end   | last event; event.start first event; event.duration in ns
 * event.kind                             | "alert"
 * event.id                               | record id, also the _id of _bulk: with the alert id an update would
 *                                        | be answered 409 and lost. azure_cosmos.alert_id is the alert
 * event.sequence                         | n of the record
 * event.code, rule.id                    | type id
 * event.category, event.type             | database, intrusion_detection; access and allowed, error and denied,
 *                                        | or info, by event.outcome
 * event.severity, event.risk_score       | 21, 47, 73: kit/severity.c
 * event.action, event.reason, event.url  | operation seen most, why it fired, portal
 * message                                | why it fired
 * threat.*                               | ATT&CK; indicator and feed when a list names the address
 * source.*                               | first client address (ip only when it is one: a bad one fails the
 *                                        | whole document), place, bytes to the account
 * destination.*                          | account name, bytes it answered
 * user.*, user_agent.original            | first principal, first user agent
 * http.request.id, .response.status_code | a sample; the status when there was one only
 * cloud.*, service.*, observer.*         | subscription, region, account; the agent
 * related.ip, related.user, related.hosts| all addresses and principals, the account
 * azure_cosmos.*                         | what ECS has no field for. facts: numbers, times, lists of texts; a map
 *                                        | is a list of "Query=198", as keys from logs would become fields
 * azure_cosmos.fields_cut                | how many texts and lists were cut
 *
 * Keyword fields are searchable up to 1,024 characters: texts in them are cut there.
 * Source: elastic/ecs, tag v9.4.0; the "External Alerts" rule of elastic/detection-rules; read August 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "outputs/encode/members.h"
#include "outputs/kit/attack.h"
#include "outputs/kit/severity.h"
#include "outputs/output.h"

#define DOCUMENT_MAX 250000
#define KEYWORD_MAX 1024

static void keyword(struct pen *p, const char *key, struct slice value)
{
    pen_known_limited(p, key, value, KEYWORD_MAX);
}

/* ---- the event ------------------------------------------------------------------------------------ */

static void add_event(struct pen *p, const struct gist *g)
{
    static const struct { const char *outcome, *types[3]; } by_outcome[] = {
        [GIST_UNKNOWN] = { "unknown", { "info" } },
        [GIST_SUCCESS] = { "success", { "access", "allowed", "info" } },
        [GIST_FAILURE] = { "failure", { "error", "denied", "info" } },
    };
    const struct alert *a = g->alert;

    pen_open(p, "event", '{');
    pen_text(p, "kind", "alert");
    pen_strings(p, "category", (const char *const[]){ "database", "intrusion_detection" }, 2);
    pen_strings(p, "type", by_outcome[g->outcome].types, 3);
    pen_text(p, "outcome", by_outcome[g->outcome].outcome);
    keyword(p, "action", g->operation);
    pen_text(p, "id", a->record_id);
    pen_text(p, "code", a->type->id);
    pen_text(p, "module", GIST_VENDOR);
    pen_text(p, "dataset", GIST_VENDOR ".alert");
    pen_text(p, "provider", GIST_VENDOR);
    pen_i64(p, "severity", severity_scale(a->severity)->ecs);
    pen_i64(p, "risk_score", severity_scale(a->severity)->risk);
    pen_time(p, "created", a->last_ns);
    pen_time(p, "start", a->first_ns);
    pen_time(p, "end", a->last_ns);
    pen_i64(p, "duration", a->last_ns > a->first_ns ? (int64_t)((uint64_t)a->last_ns - (uint64_t)a->first_ns) : 0);
    pen_i64(p, "sequence", a->update);
    keyword(p, "reason", buf_slice(&g->why));
    if (g->link.len > 0)
        pen_id(p, "url", buf_slice(&g->link));
    pen_close(p, '}');
}

static void add_rule(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;
    const struct attack_tactic *tactic = attack_tactic(a->type->intent);

    pen_open(p, "rule", '{');
    pen_text(p, "id", a->type->id);
    keyword(p, "name", buf_slice(&g->title));
    pen_slice(p, "description", buf_slice(&g->description));
    if (tactic)
        pen_text(p, "category", tactic->name);
    pen_text(p, "ruleset", GIST_VENDOR);
    pen_text(p, "version", COSMOWATCH_VERSION);
    pen_close(p, '}');
}

/* ---- threat --------------------------------------------------------------------------------------- */

static void add_names(struct pen *p, const struct alert *a, bool subs)
{
    const char *const *each = a->type->techniques;

    pen_open(p, "name", '[');
    for (size_t i = 0; i < TECHNIQUES_MAX && each[i]; i++) {
        struct slice id = subs ? slice_of(each[i]) : parts_technique(each[i]);
        bool is_new = !subs || strchr(each[i], '.') != NULL;
        const char *name = attack_technique(id.at, id.len);

        for (size_t j = 0; j < i && !subs; j++)
            is_new &= !slice_eq(id, parts_technique(each[j]));
        if (is_new)
            pen_slice(p, NULL, name ? slice_of(name) : id);
    }
    pen_close(p, ']');
}

static void add_framework(struct pen *p, const struct alert *a)
{
    const struct attack_tactic *tactic = attack_tactic(a->type->intent);
    bool has_subs = false;

    for (size_t i = 0; i < TECHNIQUES_MAX && a->type->techniques[i]; i++)
        has_subs |= strchr(a->type->techniques[i], '.') != NULL;
    pen_text(p, "framework", "MITRE ATT&CK");
    if (tactic) {
        pen_open(p, "tactic", '{');
        pen_strings(p, "id", &tactic->id, 1);
        pen_strings(p, "name", &tactic->name, 1);
        pen_close(p, '}');
    }
    if (!a->type->techniques[0])
        return;
    pen_open(p, "technique", '{');
    pen_techniques(p, "id", a, false);
    add_names(p, a, false);
    if (has_subs) {
        pen_open(p, "subtechnique", '{');
        pen_techniques(p, "id", a, true);
        add_names(p, a, true);
        pen_close(p, '}');
    }
    pen_close(p, '}');
}

static void add_indicator(void *self, const struct entity *e)
{
    const struct entity_threat *t = e->threats;
    enum fit_family family = fit_address(e->id);
    struct pen *p = self;

    if (e->kind != ENTITY_IP || e->threats_len == 0 || family == FIT_NO_ADDRESS)
        return;
    pen_open(p, "indicator", '{');
    pen_text(p, "type", family == FIT_IPV4 ? "ipv4-addr" : "ipv6-addr");
    pen_id(p, "ip", e->id);
    keyword(p, "provider", slice_of(t->feed));
    keyword(p, "description", slice_of(t->category));
    if (t->confidence >= 0)
        pen_text(p, "confidence", t->confidence < 34 ? "Low" : t->confidence < 67 ? "Medium" : "High");
    if (t->since_ns != INT64_MIN)
        pen_time(p, "first_seen", t->since_ns);
    pen_close(p, '}');
    pen_open(p, "feed", '{');
    keyword(p, "name", slice_of(t->feed));
    pen_close(p, '}');
}

/* ---- parties -------------------------------------------------------------------------------------- */

static void add_bytes(struct pen *p, const struct alert *a, const char *fact)
{
    int64_t bytes = alert_number(a, fact, -1);

    if (bytes >= 0)
        pen_i64(p, "bytes", bytes);
}

static void add_geo(void *self, const struct entity *e)
{
    const struct entity_place *place = e->place;
    struct pen *p = self;

    if (e->kind != ENTITY_IP || !place || fit_address(e->id) == FIT_NO_ADDRESS)
        return;
    pen_open(p, "geo", '{');
    keyword(p, "country_name", place->country);
    keyword(p, "region_name", place->state);
    keyword(p, "city_name", place->city);
    if (place->has_point && place->latitude >= -90 && place->latitude <= 90 && place->longitude >= -180 &&
        place->longitude <= 180) {
        pen_open(p, "location", '{');
        pen_real(p, "lat", place->latitude);
        pen_real(p, "lon", place->longitude);
        pen_close(p, '}');
    }
    pen_close(p, '}');
}

static void add_parties(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;
    const char *written = alert_text(a, "address");

    pen_open(p, "source", '{');
    keyword(p, "address", slice_empty(g->address) ? slice_of(written) : g->address);
    keyword(p, "ip", g->address);
    add_bytes(p, a, "bytesIn");
    gist_each_entity(g, add_geo, p);
    pen_close(p, '}');
    pen_open(p, "destination", '{');
    keyword(p, "address", slice_of(a->account));
    add_bytes(p, a, "bytesOut");
    pen_close(p, '}');
    if (!slice_empty(g->principal)) {
        pen_open(p, "user", '{');
        keyword(p, fit_is_uuid(g->principal) ? "id" : "name", g->principal);
        pen_close(p, '}');
    }
    if (!slice_empty(g->user_agent)) {
        pen_open(p, "user_agent", '{');
        keyword(p, "original", g->user_agent);
        pen_close(p, '}');
    }
}

static void add_http(struct pen *p, const struct gist *g)
{
    struct slice activity = slice_of(alert_text(g->alert, "activityId"));

    pen_open(p, "http", '{');
    pen_open(p, "request", '{');
    keyword(p, "id", activity);
    pen_close(p, '}');
    pen_open(p, "response", '{');
    if (g->status >= 0)
        pen_i64(p, "status_code", g->status);
    pen_close(p, '}');
    pen_close(p, '}');
}

static void add_place(struct pen *p, const struct gist *g)
{
    struct slice account = slice_of(g->alert->account);

    pen_open(p, "cloud", '{');
    pen_text(p, "provider", "azure");
    keyword(p, "region", g->region);
    pen_open(p, "account", '{');
    keyword(p, "id", g->has_arm ? g->arm.subscription : SL("unknown"));
    pen_close(p, '}');
    pen_open(p, "service", '{');
    pen_text(p, "name", "cosmosdb");
    pen_close(p, '}');
    pen_open(p, "instance", '{');
    keyword(p, "name", account);
    pen_close(p, '}');
    pen_close(p, '}');
    pen_open(p, "service", '{');
    pen_text(p, "type", "cosmosdb");
    keyword(p, "name", account);
    pen_close(p, '}');
    pen_open(p, "observer", '{');
    pen_text(p, "vendor", GIST_VENDOR);
    pen_text(p, "product", GIST_VENDOR);
    pen_text(p, "version", COSMOWATCH_VERSION);
    pen_text(p, "type", "ids");
    pen_close(p, '}');
}

struct related {
    struct pen *pen;
    enum entity_kind kind;
    size_t n;
};

static void add_relative(void *self, const struct entity *e)
{
    struct related *r = self;

    if (e->kind != r->kind || slice_empty(e->id) ||
        (e->kind == ENTITY_IP && fit_address(e->id) == FIT_NO_ADDRESS))
        return;
    if (r->n++ == 0)
        pen_open(r->pen, e->kind == ENTITY_IP ? "ip" : "user", '[');
    pen_limited(r->pen, NULL, e->id, KEYWORD_MAX);
}

static void add_related(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;
    static const enum entity_kind kinds[] = { ENTITY_IP, ENTITY_ACCOUNT };

    pen_open(p, "related", '{');
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct related r = { .pen = p, .kind = kinds[i] };

        gist_each_entity(g, add_relative, &r);
        if (r.n > 0)
            pen_close(p, ']');
    }
    if (a->account[0]) {
        pen_open(p, "hosts", '[');
        pen_limited(p, NULL, slice_of(a->account), KEYWORD_MAX);
        pen_close(p, ']');
    }
    pen_close(p, '}');
}

/* ---- our own -------------------------------------------------------------------------------------- */

static void add_fact(struct pen *p, const struct fact *f)
{
    size_t n = f->len < p->list_max ? f->len : p->list_max;

    pen_open(p, f->name, '[');
    for (size_t i = 0; i < n; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT(FACT_TEXT_MAX + 64);

        if (f->kind != FACT_MAP) {
            pen_limited(p, NULL, slice_of(f->entries[i].text), KEYWORD_MAX);
            continue;
        }
        buf_add_slice(&text, slice_cut(slice_of(f->entries[i].text), KEYWORD_MAX - 64));
        buf_add_char(&text, '=');
        buf_add_i64(&text, f->entries[i].number);
        buf_take_refusal(p->out, &text);
        pen_limited(p, NULL, buf_slice(&text), KEYWORD_MAX);
    }
    pen_close(p, ']');
    p->cuts += n < f->len || f->more;
}

static void add_facts(struct pen *p, const struct alert *a)
{
    pen_open(p, "facts", '{');
    for (size_t i = 0; i < a->facts_len; i++) {
        const struct fact *f = &a->facts[i];

        if (fact_is_list(f))
            add_fact(p, f);
        else if (parts_is_time(f->name))
            pen_time(p, f->name, f->number);
        else
            pen_i64(p, f->name, f->number);
    }
    pen_close(p, '}');
}

static void add_own(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;

    pen_open(p, "azure_cosmos", '{');
    pen_text(p, "alert_id", a->id);
    pen_text(p, "record_id", a->record_id);
    pen_i64(p, "update", a->update);
    pen_bool(p, "is_final", a->is_final);
    pen_bool(p, "is_sample", a->is_sample);
    keyword(p, "resource_id", buf_slice(&g->resource));
    keyword(p, "account", slice_of(a->account));
    if (a->api != API_UNKNOWN)
        pen_text(p, "api", api_name(a->api));
    keyword(p, "subject", slice_of(a->subject));
    pen_i64(p, "event_count", a->count);
    pen_i64(p, "confidence", a->confidence);
    keyword(p, "variant", slice_of(a->variant[0] == '.' ? a->variant + 1 : a->variant));
    pen_text(p, "detector", a->detector);
    add_facts(p, a);
    pen_known(p, "query", buf_slice(&g->query));
    pen_steps(p, "investigation_steps", a, a->type->investigate);
    pen_steps(p, "remediation_steps", a, a->type->remediate);
    pen_steps(p, "prevention_steps", a, a->type->prevent);
    pen_i64(p, "fields_cut", p->cuts);
    pen_close(p, '}');
}

static void write_alert(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;

    pen_time(p, "@timestamp", a->last_ns);
    pen_open(p, "ecs", '{');
    pen_text(p, "version", "9.4.0");
    pen_close(p, '}');
    pen_open(p, "data_stream", '{');
    pen_text(p, "type", "logs");
    pen_text(p, "dataset", GIST_VENDOR ".alert");
    pen_text(p, "namespace", "default");
    pen_close(p, '}');
    pen_slice(p, "message", buf_slice(&g->why));
    pen_strings(p, "tags", (const char *const[]){ a->is_sample ? "sample" : NULL }, 1);
    add_event(p, g);
    add_rule(p, g);
    pen_open(p, "threat", '{');
    add_framework(p, a);
    gist_each_entity(g, add_indicator, p);
    pen_close(p, '}');
    add_parties(p, g);
    add_http(p, g);
    add_place(p, g);
    add_related(p, g);
    add_own(p, g);
}

static int ecs_encode(const struct alert *a, struct buf *out, struct error *err)
{
    return document_write(a, out, DOCUMENT_MAX, write_alert, err);
}

const struct encoder encoder_ecs = {
    .name = "ecs", .content_type = "application/json", .is_json = true, .encode = ecs_encode,
};
