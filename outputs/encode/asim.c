/* asim.c - a row of Sentinel's built-in table ASimAlertEventLogs (ASIM AlertEvent schema 0.1): alerts that every
 * normalised query finds without a parser.
 *
 * column                                | type     | value
 * --------------------------------------|----------|----------------------------------------------------
 * TimeGenerated                         | datetime | last event; a rule must look at ingestion_time()
 * EventCount                            | int      | events behind it, at most 2147483647
 * EventStartTime, EventEndTime          | datetime | first and last event
 * EventType, EventSubType               | string   | "Alert"; Threat, Anomaly or Suspicious Activity
 * EventUid                              | string   | record id: an update is another row
 * AlertId, EventOriginalUid             | string   | alert id: the same over all updates (the schema makes
 *                                       |          | AlertId an alias of EventUid; then no row could say
 *                                       |          | which alert it updates)
 * EventOriginalType, EventOriginalSubType | string | type id, variant
 * EventMessage, AlertDescription        | string   | description
 * EventSeverity, EventOriginalSeverity  | string   | Informational, Low, Medium, High
 * EventProduct, EventVendor, EventProductVersion, EventSchemaVersion | string | ours; "0.1"
 * EventReportUrl                        | string   | portal
 * EventResult                           | string   | Success, Failure when all statuses agree
 * AlertName                             | string   | title
 * AlertStatus, AlertOriginalStatus      | string   | Active, or Closed when suppressed; New or Dismissed
 * AlertVerdict                          | string   | "Unknown"
 * DetectionMethod                       | string   | Threat Intelligence, Behavioral Analytics,
 *                                       |          | Intrusion Detection, Scheduled Alerts
 * RuleName, Rule, RuleDescription       | string   | type id, type id, why it fired
 * AttackTactics, AttackTechniques, AttackRemediationSteps | string | "Initial Access"; "Name (Txxxx), ..."; joined
 * ThreatCategory                        | string   | Malware, Ransomware, Phishing; Unknown: no word for it
 * ThreatName, ThreatOriginalCategory    | string   | name of the list, its category
 * ThreatConfidence, ThreatRiskLevel     | int      | 0 to 100
 * ThreatFirstReportedTime               | datetime | listed since
 * IndicatorType, IndicatorAssociation   | string   | Ip, User or Cloud Resource; Associated or Targeted
 * DvcIpAddr                             | string   | client address: what the parsers' filters look at
 * DvcId, DvcIdType, DvcHostname, DvcScopeId | string | victim, "AzureResourceId", account, subscription
 * Username, UsernameType, UserId, UserIdType | string | principal: UPN or Simple, or GUID
 * AdditionalEntities                    | dynamic  | entities as Defender writes them
 * AdditionalFields                      | dynamic  | facts, reason, query, Update, FieldsCut
 *
 * A field over 64 KB is cut by the service, which breaks a dynamic one; the whole row stays below that.
 * Source: Azure Monitor table reference ASimAlertEventLogs; ASIM alert schema reference; read August 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "outputs/encode/members.h"
#include "outputs/kit/attack.h"
#include "outputs/kit/severity.h"
#include "outputs/output.h"

#define ROW_MAX 60000

static void add_event(struct pen *p, const struct gist *g)
{
    static const char *const kinds[] = { [GIST_LISTED] = "Threat", [GIST_BEHAVIOUR] = "Anomaly",
                                         [GIST_STATEMENT] = "Threat", [GIST_RULE] = "Suspicious Activity" };
    const struct alert *a = g->alert;

    pen_time(p, "TimeGenerated", a->last_ns);
    pen_i64(p, "EventCount", a->count > INT32_MAX ? INT32_MAX : a->count);
    pen_time(p, "EventStartTime", a->first_ns);
    pen_time(p, "EventEndTime", a->last_ns);
    pen_text(p, "EventType", "Alert");
    pen_text(p, "EventSubType", kinds[g->method]);
    pen_text(p, "EventUid", a->record_id);
    pen_text(p, "EventOriginalUid", a->id);
    pen_text(p, "EventOriginalType", a->type->id);
    pen_known(p, "EventOriginalSubType", slice_of(a->variant[0] == '.' ? a->variant + 1 : a->variant));
    pen_slice(p, "EventMessage", buf_slice(&g->description));
    pen_text(p, "EventSeverity", severity_name(a->severity));
    pen_text(p, "EventOriginalSeverity", severity_name(a->severity));
    pen_text(p, "EventProduct", GIST_VENDOR);
    pen_text(p, "EventVendor", GIST_VENDOR);
    pen_text(p, "EventProductVersion", COSMOWATCH_VERSION);
    pen_text(p, "EventSchemaVersion", "0.1");
    pen_known(p, "EventReportUrl", buf_slice(&g->link));
    if (g->outcome != GIST_UNKNOWN)
        pen_text(p, "EventResult", g->outcome == GIST_SUCCESS ? "Success" : "Failure");
}

static void join_step(void *self, struct slice text)
{
    struct buf *out = self;

    buf_add_str(out, out->len > 0 ? " " : "");
    buf_add_slice(out, text);
}

static void add_attack(struct pen *p, const struct alert *a)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)1 << 20);
    const struct attack_tactic *tactic = attack_tactic(a->type->intent);

    if (tactic)
        pen_text(p, "AttackTactics", tactic->name);
    gist_add_technique_names(&text, a);
    pen_known(p, "AttackTechniques", buf_slice(&text));
    buf_take_refusal(p->out, &text);
    buf_clear(&text);
    p->out->failed |= !parts_each_step(a, a->type->remediate, join_step, &text) || text.failed;
    pen_known(p, "AttackRemediationSteps", buf_slice(&text));
}

static void add_alert(struct pen *p, const struct gist *g)
{
    static const char *const methods[] = {
        [GIST_LISTED] = "Threat Intelligence", [GIST_BEHAVIOUR] = "Behavioral Analytics",
        [GIST_STATEMENT] = "Intrusion Detection", [GIST_RULE] = "Scheduled Alerts",
    };
    const struct alert *a = g->alert;

    pen_text(p, "AlertId", a->id);
    pen_slice(p, "AlertName", buf_slice(&g->title));
    pen_slice(p, "AlertDescription", buf_slice(&g->description));
    pen_text(p, "AlertStatus", a->is_suppressed ? "Closed" : "Active");
    pen_text(p, "AlertOriginalStatus", a->is_suppressed ? "Dismissed" : "New");
    pen_text(p, "AlertVerdict", "Unknown");
    pen_text(p, "DetectionMethod", methods[g->method]);
    pen_text(p, "RuleName", a->type->id);
    pen_text(p, "Rule", a->type->id);
    pen_slice(p, "RuleDescription", buf_slice(&g->why));
    add_attack(p, a);
}

/* The schema's words for a list's: it has few. What the list says itself stands in ThreatOriginalCategory. */
static struct slice threat_category(struct slice listed)
{
    static const struct { struct slice listed, word; } words[] = {
        { .listed = SL("botnet"), .word = SL("Malware") },         { .listed = SL("c2"), .word = SL("Malware") },
        { .listed = SL("ransomware"), .word = SL("Ransomware") },  { .listed = SL("phishing"), .word = SL("Phishing") },
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_eq(listed, words[i].listed))
            return words[i].word;
    return slice_empty(listed) ? listed : SL("Unknown");
}

static void add_threat(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;

    pen_known(p, "ThreatCategory", threat_category(slice_of(alert_text(a, "category"))));
    pen_known(p, "ThreatOriginalCategory", slice_of(alert_text(a, "category")));
    pen_known(p, "ThreatName", slice_of(alert_text(a, "feed")));
    pen_i64(p, "ThreatConfidence", a->confidence);
    pen_i64(p, "ThreatRiskLevel", severity_scale(a->severity)->risk);
    if (alert_fact(a, "listedSince"))
        pen_time(p, "ThreatFirstReportedTime", alert_number(a, "listedSince", 0));
    if (g->family != FIT_NO_ADDRESS)
        pen_text(p, "IndicatorType", "Ip");
    else
        pen_text(p, "IndicatorType", slice_empty(g->principal) ? "Cloud Resource" : "User");
    pen_text(p, "IndicatorAssociation",
             g->family == FIT_NO_ADDRESS && slice_empty(g->principal) ? "Targeted" : "Associated");
}

static void add_parties(struct pen *p, const struct gist *g)
{
    if (g->family != FIT_NO_ADDRESS)
        pen_id(p, "DvcIpAddr", g->address);
    if (g->has_arm) {
        pen_id(p, "DvcId", buf_slice(&g->resource));
        pen_text(p, "DvcIdType", "AzureResourceId");
        pen_id(p, "DvcScopeId", g->arm.subscription);
    }
    pen_known(p, "DvcHostname", slice_of(g->alert->account));
    if (slice_empty(g->principal))
        return;
    if (fit_is_uuid(g->principal)) {
        pen_id(p, "UserId", g->principal);
        pen_text(p, "UserIdType", "GUID");
    } else {
        pen_slice(p, "Username", g->principal);
        pen_text(p, "UsernameType", slice_find(g->principal, SL("@")) != SIZE_MAX ? "UPN" : "Simple");
    }
}

static void write_alert(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;
    int next_id = 2;

    add_event(p, g);
    add_alert(p, g);
    add_threat(p, g);
    add_parties(p, g);
    pen_entities(p, "AdditionalEntities", g, &next_id);
    pen_open(p, "AdditionalFields", '{');
    pen_facts(p, "Facts", a);
    pen_known(p, "Query", buf_slice(&g->query));
    pen_text(p, "Detector", a->detector);
    pen_text(p, "Subject", a->subject);
    pen_i64(p, "Update", a->update);
    pen_i64(p, "Count", a->count);
    pen_bool(p, "IsFinal", a->is_final);
    pen_bool(p, "IsSample", a->is_sample);
    pen_i64(p, "FieldsCut", p->cuts);
    pen_close(p, '}');
}

static int asim_encode(const struct alert *a, struct buf *out, struct error *err)
{
    return document_write(a, out, ROW_MAX, write_alert, err);
}

const struct encoder encoder_asim = {
    .name = "asim", .content_type = "application/json", .is_json = true, .encode = asim_encode,
};
