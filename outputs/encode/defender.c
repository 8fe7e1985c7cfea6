/* defender.c - the record that the cloud's own product puts into Event Hubs by continuous export: one flat
 * object, PascalCase, so that what people built on that export keeps working.
 *
 * Names and spellings are those of a published export record, not of the REST page that the export is said to
 * follow. VendorName and ProductName are ours: an alert must not claim to come from Microsoft. null and an
 * absent member mean the same; null is written where the published record has it.
 *
 * member                     | meaning here
 * ---------------------------|--------------------------------------------------------------------------
 * VendorName, ProductName    | "cosmowatch"
 * AlertType                  | type id, Defender's where it has one
 * StartTimeUtc, EndTimeUtc   | first and last event
 * TimeGenerated, ProcessingEndTime | last event too: an alert has no other time that a replay gives again
 * Severity, Intent           | Informational, Low, Medium, High; tactic
 * Status                     | "New"; "Dismissed" when suppressed
 * ConfidenceLevel, ConfidenceScore | "High" from 80 on, "Low" below 50, else null; 0 to 1
 * IsIncident                 | false
 * SystemAlertId              | alert id, the same over all updates. ExtendedProperties has "Record Id" and
 *                            | "Update" of this record: receivers replace by SystemAlertId
 * CorrelationKey             | account "|" subject
 * AzureResourceId, AzureResourceSubscriptionId | victim; null when it is unknown
 * WorkspaceId ..., AgentId   | "": platform alerts have none
 * CompromisedEntity          | account name
 * AlertDisplayName, Description | samples are marked as Defender marks its samples
 * Entities                   | $id, Type azure-resource, ip, account, cloud-application; $id "1" is the alert
 * ResourceIdentifiers        | [{$id, AzureResourceId, Type}]; empty when the victim is unknown
 * RemediationSteps, ExtendedLinks, AlertUri | what to do; portal
 * ExtendedProperties         | text -> text: kit/parts.c, then "Techniques", "Record Id", "Update", "Count",
 *                            | "Investigation steps", "Schema version" and, when something was cut, "Cut fields"
 *
 * Export cuts off at 32 KB; a larger record of ours is written with shorter texts.
 * Source: elastic/integrations microsoft_defender_cloud test event; Defender for Cloud pages on alert schemas
 * and continuous export; read August 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "outputs/encode/members.h"
#include "outputs/output.h"

#include <stdio.h>

#define RECORD_MAX 32000

static void add_identity(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;

    pen_text(p, "VendorName", GIST_VENDOR);
    pen_text(p, "AlertType", a->type->id);
    pen_text(p, "ProductName", GIST_VENDOR);
    pen_time(p, "StartTimeUtc", a->first_ns);
    pen_time(p, "EndTimeUtc", a->last_ns);
    pen_time(p, "TimeGenerated", a->last_ns);
    pen_time(p, "ProcessingEndTime", a->last_ns);
    pen_text(p, "Severity", severity_name(a->severity));
    pen_text(p, "Status", a->is_suppressed ? "Dismissed" : "New");
    pen_null(p, "ProviderAlertStatus");
    if (a->confidence >= 80 || a->confidence < 50)
        pen_text(p, "ConfidenceLevel", a->confidence >= 80 ? "High" : "Low");
    else
        pen_null(p, "ConfidenceLevel");
    pen_real(p, "ConfidenceScore", a->confidence / 100.0);
    pen_null(p, "ConfidenceReasons");
    pen_bool(p, "IsIncident", false);
    pen_id(p, "SystemAlertId", slice_of(a->id));
}

static void add_correlation(struct pen *p, const struct alert *a)
{
    CLEANUP(buf_release) struct buf key = BUF_INIT((size_t)4 << 20);

    gist_add_correlation(&key, a);
    p->out->failed |= key.failed;
    pen_limited(p, "CorrelationKey", buf_slice(&key), 1024);
}

static void add_victim(struct pen *p, const struct gist *g)
{
    static const char *const empty[] = { "WorkspaceId", "WorkspaceSubscriptionId", "WorkspaceResourceGroup",
                                         "AgentId" };

    if (g->has_arm) {
        pen_id(p, "AzureResourceId", buf_slice(&g->resource));
        pen_id(p, "AzureResourceSubscriptionId", g->arm.subscription);
    } else {
        pen_null(p, "AzureResourceId");
        pen_null(p, "AzureResourceSubscriptionId");
    }
    for (size_t i = 0; i < ARRAY_LEN(empty); i++)
        pen_text(p, empty[i], "");
    pen_text(p, "CompromisedEntity", g->alert->account[0] ? g->alert->account : "unknown");
}

static void add_identifiers(struct pen *p, const struct gist *g, int id)
{
    char text[16];

    pen_open(p, "ResourceIdentifiers", '[');
    if (g->has_arm) {
        (void)snprintf(text, sizeof text, "%d", id);
        pen_open(p, NULL, '{');
        pen_text(p, "$id", text);
        pen_id(p, "AzureResourceId", buf_slice(&g->resource));
        pen_text(p, "Type", "AzureResource");
        pen_close(p, '}');
    }
    pen_close(p, ']');
}

static void add_link(struct pen *p, const struct gist *g)
{
    if (g->link.len == 0) {
        pen_null(p, "ExtendedLinks");
        pen_null(p, "AlertUri");
        return;
    }
    pen_open(p, "ExtendedLinks", '[');
    pen_open(p, NULL, '{');
    pen_id(p, "Href", buf_slice(&g->link));
    pen_null(p, "Category");
    pen_text(p, "Label", "Account in the Azure portal");
    pen_text(p, "Type", "webLink");
    pen_close(p, '}');
    pen_close(p, ']');
    pen_id(p, "AlertUri", buf_slice(&g->link));
}

static void add_number(struct pen *p, const char *key, int64_t value)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%" PRId64, value);
    pen_text(p, key, text);
}

static void join_step(void *self, struct slice text)
{
    struct buf *out = self;

    buf_add_str(out, out->len > 0 ? "\n" : "");
    buf_add_slice(out, text);
}

/* Last: it says how much was cut. */
static void add_details(struct pen *p, const struct alert *a)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1 << 20);

    pen_open(p, "ExtendedProperties", '{');
    pen_details(p, a);
    gist_add_techniques(&text, a);
    pen_known(p, "Techniques", buf_slice(&text));
    buf_take_refusal(p->out, &text);
    buf_clear(&text);
    p->out->failed |= !parts_each_step(a, a->type->investigate, join_step, &text) || text.failed;
    pen_known(p, "Investigation steps", buf_slice(&text));
    pen_text(p, "Record Id", a->record_id);
    add_number(p, "Update", a->update);
    add_number(p, "Count", a->count);
    pen_text(p, "Schema version", "defender-export/1");
    if (p->cuts > 0)
        add_number(p, "Cut fields", p->cuts);
    pen_close(p, '}');
}

static void write_alert(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;
    int next_id = 2;

    add_identity(p, g);
    add_correlation(p, a);
    pen_text(p, "Intent", a->type->intent);
    add_victim(p, g);
    pen_limited(p, "AlertDisplayName", buf_slice(&g->title), 256);
    pen_slice(p, "Description", buf_slice(&g->description));
    pen_entities(p, "Entities", g, &next_id);
    add_identifiers(p, g, next_id);
    pen_steps(p, "RemediationSteps", a, a->type->remediate);
    add_link(p, g);
    add_details(p, a);
}

static int defender_encode(const struct alert *a, struct buf *out, struct error *err)
{
    return document_write(a, out, RECORD_MAX, write_alert, err);
}

const struct encoder encoder_defender = {
    .name = "defender", .content_type = "application/json", .is_json = true, .encode = defender_encode,
};
