/* sentinel.c - a row of our own table CosmosWatchAlerts_CL, for the Logs Ingestion API.
 *
 * The table SecurityAlert takes no rows from outside. This one has its column names where it has the meaning, so
 * that a Sentinel rule (one alert for the first row of each SystemAlertId) copies columns into a real alert, and
 * what analysts search by stands in columns of its own. "always": there in every row; the others are left
 * out when unknown.
 *
 * column              | type     |        | meaning
 * --------------------|----------|--------|---------------------------------------------------------------
 * TimeGenerated       | datetime | always | last event. Rows may arrive hours later: rules look at
 *                     |          |        | ingestion_time(), as NRT rules do by themselves
 * SchemaVersion       | string   | always | "1.0"
 * SystemAlertId       | string   | always | the alert, the same over all updates
 * RecordId            | string   | always | this row: SystemAlertId "-" UpdateNumber
 * UpdateNumber        | long     | always | grows; not from 0, a first row may have many merged in it.
 *                     |          |        | arg_max(UpdateNumber, *) is the state now
 * IsFinal             | boolean  | always | the last row of this alert
 * IsSample            | boolean  | always | made by `cosmowatch sample`
 * Status              | string   | always | New; Dismissed when suppressed
 * AlertType           | string   | always | type id
 * AlertVariant        | string   |        | "FirstSeen"
 * DisplayName         | string   | always | title
 * AlertSeverity       | string   | always | Informational, Low, Medium, High
 * ConfidenceScore     | real     | always | 0 to 1
 * Tactics             | string   | always | as Defender spells it
 * Techniques          | dynamic  | always | ["T1078"]
 * SubTechniques       | dynamic  | always | ["T1078.004"]
 * StartTime           | datetime | always | first event
 * EndTime             | datetime | always | last event
 * EventCount          | long     | always | events behind it so far
 * VendorName          | string   | always | "cosmowatch"
 * ProductName         | string   | always | "cosmowatch"
 * ProductVersion      | string   | always | of the agent
 * ProviderName        | string   | always | detector
 * CompromisedEntity   | string   | always | account name
 * AlertResourceId     | string   |        | full id of the account (_ResourceId is reserved)
 * SubscriptionId      | string   |        | of the account
 * Api                 | string   |        | NoSQL, MongoDB, Cassandra, Gremlin, Table
 * AlertSubject        | string   | always | what it is about: an address, a principal, a container ...
 * CorrelationKey      | string   | always | account "|" subject: alerts of one story
 * Description         | string   | always | what this type of alert means
 * Reason              | string   | always | why it fired, with the numbers
 * ClientIpAddress     | string   |        | first client address; all are in Entities
 * ClientPrincipal     | string   |        | first principal
 * ClientApplication   | string   |        | first user agent
 * Operation           | string   |        | seen most
 * StatusCode          | int      |        | when there was one only
 * Outcome             | string   |        | Success, Failure when all statuses agree
 * Entities            | dynamic  | always | as Defender writes them: $id, Type, Address ...
 * ExtendedProperties  | dynamic  | always | text -> text, Defender's keys
 * Evidence            | dynamic  | always | facts by name: numbers, times, lists, [{value, count}]
 * RemediationSteps    | dynamic  | always | texts
 * InvestigationSteps  | dynamic  | always | texts
 * PreventionSteps     | dynamic  | always | texts
 * EvidenceQuery       | string   |        | KQL that shows the rows behind it
 * EvidenceTables      | dynamic  | always | tables that prove it
 * SampleActivityId    | string   |        | one of the requests
 * AlertLink           | string   |        | portal
 * FieldsCut           | int      | always | texts and lists that were cut to fit; 0: the row is complete
 *
 * A field over 64 KB is cut by the service, which breaks a dynamic one; the whole row stays below that.
 * Source of the rules: Azure Monitor, custom tables and Logs Ingestion API limits; read August 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "outputs/encode/members.h"
#include "outputs/output.h"

#define ROW_MAX 60000

static void add_identity(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;

    pen_time(p, "TimeGenerated", a->last_ns);
    pen_text(p, "SchemaVersion", "1.0");
    pen_text(p, "SystemAlertId", a->id);
    pen_text(p, "RecordId", a->record_id);
    pen_i64(p, "UpdateNumber", a->update);
    pen_bool(p, "IsFinal", a->is_final);
    pen_bool(p, "IsSample", a->is_sample);
    pen_text(p, "Status", a->is_suppressed ? "Dismissed" : "New");
    pen_text(p, "AlertType", a->type->id);
    pen_known(p, "AlertVariant", slice_of(a->variant[0] == '.' ? a->variant + 1 : a->variant));
    pen_slice(p, "DisplayName", buf_slice(&g->title));
    pen_text(p, "AlertSeverity", severity_name(a->severity));
    pen_real(p, "ConfidenceScore", a->confidence / 100.0);
    pen_text(p, "Tactics", a->type->intent);
    pen_techniques(p, "Techniques", a, false);
    pen_techniques(p, "SubTechniques", a, true);
    pen_time(p, "StartTime", a->first_ns);
    pen_time(p, "EndTime", a->last_ns);
    pen_i64(p, "EventCount", a->count);
    pen_text(p, "VendorName", GIST_VENDOR);
    pen_text(p, "ProductName", GIST_VENDOR);
    pen_text(p, "ProductVersion", COSMOWATCH_VERSION);
    pen_text(p, "ProviderName", a->detector);
}

static void add_victim(struct pen *p, const struct gist *g)
{
    CLEANUP(buf_release) struct buf key = BUF_INIT((size_t)4 << 20);
    const struct alert *a = g->alert;

    pen_text(p, "CompromisedEntity", a->account);
    if (g->has_arm) {
        pen_id(p, "AlertResourceId", buf_slice(&g->resource));
        pen_id(p, "SubscriptionId", g->arm.subscription);
    }
    if (a->api != API_UNKNOWN)
        pen_text(p, "Api", api_name(a->api));
    pen_text(p, "AlertSubject", a->subject);
    gist_add_correlation(&key, a);
    p->out->failed |= key.failed;
    pen_slice(p, "CorrelationKey", buf_slice(&key));
    pen_slice(p, "Description", buf_slice(&g->description));
    pen_slice(p, "Reason", buf_slice(&g->why));
}

static void add_client(struct pen *p, const struct gist *g)
{
    pen_known(p, "ClientIpAddress", g->address);
    pen_known(p, "ClientPrincipal", g->principal);
    pen_known(p, "ClientApplication", g->user_agent);
    pen_known(p, "Operation", g->operation);
    if (g->status >= 0)
        pen_i64(p, "StatusCode", g->status);
    if (g->outcome != GIST_UNKNOWN)
        pen_text(p, "Outcome", g->outcome == GIST_SUCCESS ? "Success" : "Failure");
}

static void write_alert(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;
    int next_id = 2;

    add_identity(p, g);
    add_victim(p, g);
    add_client(p, g);
    pen_entities(p, "Entities", g, &next_id);
    pen_open(p, "ExtendedProperties", '{');
    pen_details(p, a);
    pen_close(p, '}');
    pen_facts(p, "Evidence", a);
    pen_steps(p, "RemediationSteps", a, a->type->remediate);
    pen_steps(p, "InvestigationSteps", a, a->type->investigate);
    pen_steps(p, "PreventionSteps", a, a->type->prevent);
    pen_known(p, "EvidenceQuery", buf_slice(&g->query));
    pen_strings(p, "EvidenceTables", a->type->tables, ARRAY_LEN(a->type->tables));
    pen_known(p, "SampleActivityId", slice_of(alert_text(a, "activityId")));
    pen_known(p, "AlertLink", buf_slice(&g->link));
    pen_i64(p, "FieldsCut", p->cuts);
}

static int sentinel_encode(const struct alert *a, struct buf *out, struct error *err)
{
    return document_write(a, out, ROW_MAX, write_alert, err);
}

const struct encoder encoder_sentinel = {
    .name = "sentinel", .content_type = "application/json", .is_json = true, .encode = sentinel_encode,
};
