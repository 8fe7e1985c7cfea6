/* json.c - the native format: one JSON object a line, every alert complete in itself.
 *
 * Names are those of Microsoft's alerts resource (Microsoft.Security, 2022-01-01) where it has them; the
 * rest is ours. The order of members is fixed, so that golden files and diffs are readable; receivers
 * must not depend on it. A member is left out when nothing is known, never empty or zero instead, unless
 * the table says "always". config/alert.schema.json says the same to machines: change both.
 * A change that could break a reader (a member renamed, retyped, or an "always" one left out) raises the
 * first number of schemaVersion; a new member raises the second.
 *
 * member                | type   |        | meaning
 * ----------------------|--------|--------|---------------------------------------------------------
 * schemaVersion         | text   | always | "1.0"
 * recordId              | text   | always | this record: systemAlertId "-" n. Retries repeat it: the key
 *                       |        |        | to remove duplicates by
 * systemAlertId         | text   | always | the alert, the same over all its updates; a uuid made of what
 *                       |        |        | it is about, so a replay gives the same one
 * update                | int    | always | n of recordId; 0 for the first record
 * isFinal               | bool   | always | the last record of this alert: its day is over
 * isSample              | bool   | always | made by `cosmowatch sample`; nothing happened
 * status                | text   | always | "Active"; whether somebody works on it is the SIEM's to know
 * alertType             | text   | always | type id; those of Defender for Azure Cosmos DB where it has one
 * variant               | text   |        | finer kind, "FirstSeen"
 * alertDisplayName      | text   | always | title
 * severity              | text   | always | Informational, Low, Medium, High
 * confidence            | int    | always | 0 to 100
 * intent                | text   | always | tactic as Defender spells it, "InitialAccess"
 * techniques            | texts  | always | ATT&CK v16 techniques without the part after the dot
 * subTechniques         | texts  | always | with it
 * startTimeUtc          | time   | always | first event; UTC, 7 digits of fraction
 * endTimeUtc            | time   | always | last event so far
 * count                 | int    | always | events (requests, changes) behind it so far
 * vendorName            | text   | always | "cosmowatch"
 * productName           | text   | always | "cosmowatch"
 * detector              | text   | always | module that raised it
 * compromisedEntity     | text   | always | full resource id of the account, its name when that is unknown
 * accountName           | text   | always | lower case
 * api                   | text   | always | NoSQL, MongoDB, Cassandra, Gremlin, Table, or "Unknown"
 * subject               | text   | always | what it is about: an address, a principal, a container ...
 * resourceIdentifiers   | list   |        | {"type": "AzureResource", "azureResourceId"}
 * description           | text   | always | what this type of alert means, for this account
 * reasons               | texts  | always | why it fired, a sentence with the numbers
 * entities              | list   | always | by "type": azure-resource {resourceId}; ip {address, location
 *                       |        |        | {countryName, state, city, latitude, longitude},
 *                       |        |        | threatIntelligence [{providerName, threatType, confidence 0-1,
 *                       |        |        | firstSeenUtc}]}; account {name, upnSuffix} or {aadUserId} or
 *                       |        |        | {name}; cloud-application {appId}
 * evidence              | object | always | facts by name: an int, a time, a list of texts, or an object of
 *                       |        |        | text -> int. Texts and keys are raw, at most 20
 * evidenceCut           | texts  |        | names of facts of which there were more than 20 values
 * extendedProperties    | object | always | text -> text: the detail keys that SIEM content looks for
 * remediationSteps      | texts  | always | what to do now
 * investigationSteps    | texts  | always | what to look at
 * preventionSteps       | texts  | always | what keeps it from happening again
 * query                 | text   |        | KQL that shows the rows, in the workspace they came from
 * tables                | texts  | always | log tables that prove it
 * sample                | object |        | {"activityId"}: one of the requests
 * alertUri              | text   |        | the account in the Azure portal
 * extendedLinks         | list   |        | the same as {Category, Label, Href, Type}, as Defender writes it
 *
 * Source of the vendor's names: Microsoft.Security alerts REST reference 2022-01-01, read August 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/json_out.h"
#include "base/timeutil.h"
#include "outputs/kit/parts.h"
#include "outputs/output.h"

#include <stdio.h>

#define TEXT_MAX 65536 /* one rendered text */

/* ---- members ------------------------------------------------------------------------------------ */

static void add_text(struct buf *out, const char *key, const char *value)
{
    json_add_key(out, key);
    json_add_str(out, value);
}

static void take_failure(struct buf *out, const struct buf *part)
{
    out->failed |= part->failed;
    out->is_full |= part->is_full;
}

/* A text that alert.h renders. One that does not fit is a failure, not an empty text. */
static void add_rendered(struct buf *out, const char *key, void (*render)(const struct alert *, struct buf *),
                         const struct alert *a)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(TEXT_MAX);

    render(a, &text);
    take_failure(out, &text);
    json_add_member(out, key, buf_slice(&text));
}

static void add_value(void *out, struct slice text)
{
    json_add_comma(out);
    json_add_string(out, text);
}

static void add_steps(struct buf *out, const char *key, const struct alert *a, const char *const *steps)
{
    json_add_key(out, key);
    buf_add_char(out, '[');
    out->failed |= !parts_each_step(a, steps, add_value, out);
    buf_add_char(out, ']');
}

static void add_strings(struct buf *out, const char *key, const char *const *texts, size_t max)
{
    json_add_key(out, key);
    buf_add_char(out, '[');
    for (size_t i = 0; i < max && texts[i]; i++)
        add_value(out, slice_of(texts[i]));
    buf_add_char(out, ']');
}

/* ---- groups of members -------------------------------------------------------------------------- */

static void add_identity(struct buf *out, const struct alert *a)
{
    add_text(out, "schemaVersion", "1.0");
    add_text(out, "recordId", a->record_id);
    add_text(out, "systemAlertId", a->id);
    json_add_member_i64(out, "update", a->update);
    json_add_member_bool(out, "isFinal", a->is_final);
    json_add_member_bool(out, "isSample", a->is_sample);
    add_text(out, "status", a->is_suppressed ? "Dismissed" : "Active"); /* by a suppression: as the other formats say */
    add_text(out, "alertType", a->type->id);
    json_add_known(out, "variant", slice_of(a->variant[0] == '.' ? a->variant + 1 : a->variant));
    add_rendered(out, "alertDisplayName", alert_title, a);
    add_text(out, "severity", severity_name(a->severity));
    json_add_member_i64(out, "confidence", a->confidence);
}

static void add_techniques(struct buf *out, const struct alert *a)
{
    const char *const *each = a->type->techniques;

    add_text(out, "intent", a->type->intent);
    json_add_key(out, "techniques");
    buf_add_char(out, '[');
    for (size_t i = 0; i < TECHNIQUES_MAX && each[i]; i++) {
        bool is_new = true;

        for (size_t j = 0; j < i; j++)
            is_new &= !slice_eq(parts_technique(each[i]), parts_technique(each[j]));
        if (is_new)
            add_value(out, parts_technique(each[i]));
    }
    buf_add_str(out, "]");
    json_add_key(out, "subTechniques");
    buf_add_char(out, '[');
    for (size_t i = 0; i < TECHNIQUES_MAX && each[i]; i++)
        if (strchr(each[i], '.'))
            add_value(out, slice_of(each[i]));
    buf_add_char(out, ']');
}

static void add_victim(struct buf *out, const struct alert *a)
{
    add_text(out, "vendorName", "cosmowatch");
    add_text(out, "productName", "cosmowatch");
    add_text(out, "detector", a->detector);
    add_text(out, "source", strcmp(a->detector, "defender") == 0 ? "defender" : "cosmowatch");
    add_text(out, "compromisedEntity", a->resource_id[0] ? a->resource_id : a->account);
    add_text(out, "accountName", a->account);
    add_text(out, "api", a->api == API_UNKNOWN ? "Unknown" : api_name(a->api));
    add_text(out, "subject", a->subject);
    if (!a->resource_id[0])
        return;
    json_add_key(out, "resourceIdentifiers");
    buf_add_str(out, "[{");
    add_text(out, "type", "AzureResource");
    add_text(out, "azureResourceId", a->resource_id);
    buf_add_str(out, "}]");
}

static void add_reasons(struct buf *out, const struct alert *a)
{
    CLEANUP(buf_release) struct buf why = BUF_INIT(TEXT_MAX);

    alert_why(a, &why);
    take_failure(out, &why);
    json_add_key(out, "reasons");
    buf_add_char(out, '[');
    if (why.len > 0)
        add_value(out, buf_slice(&why));
    buf_add_char(out, ']');
}

static void add_place(struct buf *out, const struct entity_place *p)
{
    json_add_key(out, "location");
    buf_add_char(out, '{');
    json_add_known(out, "countryName", p->country);
    json_add_known(out, "state", p->state);
    json_add_known(out, "city", p->city);
    if (p->has_point) {
        json_add_key(out, "latitude");
        json_add_real(out, p->latitude);
        json_add_key(out, "longitude");
        json_add_real(out, p->longitude);
    }
    buf_add_char(out, '}');
}

static void add_threats(struct buf *out, const struct entity *e)
{
    json_add_key(out, "threatIntelligence");
    buf_add_char(out, '[');
    for (size_t i = 0; i < e->threats_len; i++) {
        const struct entity_threat *t = &e->threats[i];

        json_add_comma(out);
        buf_add_char(out, '{');
        add_text(out, "providerName", t->feed);
        json_add_known(out, "threatType", slice_of(t->category));
        if (t->confidence >= 0) {
            json_add_key(out, "confidence");
            json_add_real(out, t->confidence / 100.0);
        }
        if (t->since_ns != INT64_MIN)
            json_add_member_time(out, "firstSeenUtc", t->since_ns, 7);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
}

/* Entra object ids are uuids; anything else without '@' is a name. */
static bool is_object_id(struct slice id)
{
    if (id.len != 36)
        return false;
    for (size_t i = 0; i < id.len; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = id.at[i];

        if (is_dash ? c != '-' : !strchr("0123456789abcdefABCDEF", c))
            return false;
    }
    return true;
}

static void add_entity(void *self, const struct entity *e)
{
    struct buf *out = self;

    json_add_comma(out);
    buf_add_char(out, '{');
    switch (e->kind) {
    case ENTITY_RESOURCE:
        add_text(out, "type", "azure-resource");
        json_add_member(out, "resourceId", e->id);
        break;
    case ENTITY_IP:
        add_text(out, "type", "ip");
        json_add_member(out, "address", e->id);
        if (e->place)
            add_place(out, e->place);
        if (e->threats_len > 0)
            add_threats(out, e);
        break;
    case ENTITY_ACCOUNT:
        add_text(out, "type", "account");
        if (!slice_empty(e->suffix)) {
            json_add_member(out, "name", e->name);
            json_add_member(out, "upnSuffix", e->suffix);
        } else {
            json_add_member(out, is_object_id(e->id) ? "aadUserId" : "name", e->id);
        }
        break;
    case ENTITY_APPLICATION:
        add_text(out, "type", "cloud-application");
        json_add_member(out, "appId", e->id);
        break;
    }
    buf_add_char(out, '}');
}

static void add_fact(struct buf *out, const struct fact *f)
{
    bool is_map = f->kind == FACT_MAP;

    if (!fact_is_list(f)) {
        if (parts_is_time(f->name))
            json_add_member_time(out, f->name, f->number, 7);
        else
            json_add_member_i64(out, f->name, f->number);
        return;
    }
    json_add_key(out, f->name);
    buf_add_char(out, is_map ? '{' : '[');
    for (size_t i = 0; i < f->len; i++) {
        json_add_comma(out);
        json_add_string(out, slice_of(f->entries[i].text));
        if (is_map) {
            buf_add_char(out, ':');
            json_add_i64(out, f->entries[i].number);
        }
    }
    buf_add_char(out, is_map ? '}' : ']');
}

static void add_evidence(struct buf *out, const struct alert *a)
{
    bool is_cut = false;

    json_add_key(out, "evidence");
    buf_add_char(out, '{');
    for (size_t i = 0; i < a->facts_len; i++) {
        add_fact(out, &a->facts[i]);
        is_cut |= a->facts[i].more;
    }
    buf_add_char(out, '}');
    if (!is_cut)
        return;
    json_add_key(out, "evidenceCut");
    buf_add_char(out, '[');
    for (size_t i = 0; i < a->facts_len; i++)
        if (a->facts[i].more)
            add_value(out, slice_of(a->facts[i].name));
    buf_add_char(out, ']');
}

static void add_detail(void *self, const char *key, struct slice value)
{
    json_add_member(self, key, value);
}

static void add_link(struct buf *out, const struct alert *a)
{
    CLEANUP(buf_release) struct buf link = BUF_INIT(TEXT_MAX);

    alert_portal_link(a, &link);
    take_failure(out, &link);
    if (link.len == 0)
        return;
    json_add_member(out, "alertUri", buf_slice(&link));
    json_add_key(out, "extendedLinks");
    buf_add_str(out, "[{");
    add_text(out, "Category", "");
    add_text(out, "Label", "Account in the Azure portal");
    json_add_member(out, "Href", buf_slice(&link));
    add_text(out, "Type", "webLink");
    buf_add_str(out, "}]");
}

static void add_proof(struct buf *out, const struct alert *a)
{
    CLEANUP(buf_release) struct buf query = BUF_INIT(TEXT_MAX);
    const char *activity = alert_text(a, "activityId");

    alert_kql(a, &query);
    take_failure(out, &query);
    json_add_known(out, "query", buf_slice(&query));
    add_strings(out, "tables", a->type->tables, ARRAY_LEN(a->type->tables));
    if (activity[0]) {
        json_add_key(out, "sample");
        buf_add_char(out, '{');
        add_text(out, "activityId", activity);
        buf_add_char(out, '}');
    }
    add_link(out, a);
}

static int json_encode(const struct alert *a, struct buf *out, struct error *err)
{
    buf_add_char(out, '{');
    add_identity(out, a);
    add_techniques(out, a);
    json_add_member_time(out, "startTimeUtc", a->first_ns, 7);
    json_add_member_time(out, "endTimeUtc", a->last_ns, 7);
    json_add_member_i64(out, "count", a->count);
    add_victim(out, a);
    add_rendered(out, "description", alert_description, a);
    add_reasons(out, a);
    json_add_key(out, "entities");
    buf_add_char(out, '[');
    parts_each_entity(a, add_entity, out);
    buf_add_char(out, ']');
    add_evidence(out, a);
    json_add_key(out, "extendedProperties");
    buf_add_char(out, '{');
    out->failed |= !parts_each_detail(a, add_detail, out);
    buf_add_char(out, '}');
    add_steps(out, "remediationSteps", a, a->type->remediate);
    add_steps(out, "investigationSteps", a, a->type->investigate);
    add_steps(out, "preventionSteps", a, a->type->prevent);
    add_proof(out, a);
    buf_add_char(out, '}');
    return buf_check(out, err);
}

const struct encoder encoder_json = {
    .name = "json",
    .content_type = "application/json",
    .is_json = true,
    .encode = json_encode,
};
