/* common_security_log.c - a row of the built-in table CommonSecurityLog, for the Logs Ingestion API: what arrives
 * when the same alert takes the way over syslog as CEF (encode/cef.c), so that rules and workbooks written for
 * one find the other.
 *
 * column                             | type     | value (key of CEF)
 * -----------------------------------|----------|-------------------------------------------------------
 * TimeGenerated                      | datetime | last event; a rule must look at ingestion_time()
 * StartTime, EndTime                 | datetime | first and last event (start, end)
 * DeviceVendor, DeviceProduct, DeviceVersion, DeviceEventClassID, Activity, LogSeverity
 *                                    | string   | the header: ours, type id, title, 0 to 10
 * ExtID                              | string   | alert id, the same over all updates (externalId)
 * SourceIP, SourceUserName, SourceUserID, SourceServiceName | string | client (src, suser, suid, sourceServiceName).
 *                                    |          | Any family of address: the column is text, entity mapping looks there
 * DestinationHostName, DestinationServiceName | string | account (dhost, destinationServiceName)
 * DeviceAction, EventOutcome, DeviceEventCategory, DeviceFacility, Reason, RequestClientApplication, Message
 *                                    | string   | (act, outcome, cat, deviceFacility, reason, requestClientApplication, msg)
 * EventType, EventCount              | int      | 2, correlated; events behind it, at most 2147483647 (type, cnt)
 * ReceivedBytes, SentBytes           | long     | (in, out)
 * DeviceCustomString1 .. 6 + Label   | string   | resource id, container, key kind, techniques, correlation, link (cs1 .. cs6)
 * DeviceCustomNumber1 .. 3, FieldDeviceCustomNumber1 .. 3, Label | int, long | update, HTTP status, fields cut (cn1 .. cn3):
 *                                    |          | the int ones are to be replaced by the long ones
 * DeviceCustomFloatingPoint1 + Label | real     | request units (cfp1)
 * FlexString1 + Label                | string   | record id: this row
 *
 * Source: Azure Monitor table reference CommonSecurityLog, Sentinel "CEF and CommonSecurityLog field mapping";
 * read August 2026. SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "outputs/encode/members.h"
#include "outputs/kit/severity.h"
#include "outputs/output.h"

#include <stdio.h>

#define ROW_MAX 60000

static void add_custom_string(struct pen *p, int n, const char *label, struct slice value)
{
    char key[40];

    if (slice_empty(value))
        return;
    (void)snprintf(key, sizeof key, "DeviceCustomString%d", n);
    pen_slice(p, key, value);
    (void)snprintf(key, sizeof key, "DeviceCustomString%dLabel", n);
    pen_text(p, key, label);
}

static void add_made_string(struct pen *p, int n, const char *label, const struct alert *a,
                            void (*fn)(struct buf *, const struct alert *))
{
    CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)4 << 20);

    fn(&text, a);
    p->out->failed |= text.failed;
    add_custom_string(p, n, label, buf_slice(&text));
}

static void add_custom_number(struct pen *p, int n, const char *label, int64_t value)
{
    char key[40];

    (void)snprintf(key, sizeof key, "DeviceCustomNumber%d", n);
    pen_i64(p, key, value > INT32_MAX ? INT32_MAX : value);
    (void)snprintf(key, sizeof key, "DeviceCustomNumber%dLabel", n);
    pen_text(p, key, label);
    (void)snprintf(key, sizeof key, "FieldDeviceCustomNumber%d", n);
    pen_i64(p, key, value);
}

static void add_header(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;
    char severity[8];

    (void)snprintf(severity, sizeof severity, "%d", severity_scale(a->severity)->cef);
    pen_time(p, "TimeGenerated", a->last_ns);
    pen_time(p, "StartTime", a->first_ns);
    pen_time(p, "EndTime", a->last_ns);
    pen_text(p, "DeviceVendor", GIST_VENDOR);
    pen_text(p, "DeviceProduct", GIST_VENDOR);
    pen_text(p, "DeviceVersion", COSMOWATCH_VERSION);
    pen_text(p, "DeviceEventClassID", a->type->id);
    pen_slice(p, "Activity", buf_slice(&g->title));
    pen_text(p, "LogSeverity", severity);
    pen_text(p, "ExtID", a->id);
    pen_text(p, "FlexString1", a->record_id);
    pen_text(p, "FlexString1Label", "recordId");
    add_custom_number(p, 1, "updateNumber", a->update);
}

static void add_who(struct pen *p, const struct gist *g)
{
    pen_known(p, "SourceIP", g->address);
    pen_known(p, "SourceUserName", g->principal);
    if (fit_is_uuid(g->principal))
        pen_id(p, "SourceUserID", g->principal);
    pen_known(p, "SourceServiceName", g->application);
    pen_text(p, "DestinationHostName", g->alert->account);
    pen_text(p, "DestinationServiceName", "Azure Cosmos DB");
    pen_known(p, "RequestClientApplication", g->user_agent);
}

static void add_bytes(struct pen *p, const char *key, const struct alert *a, const char *fact)
{
    if (alert_number(a, fact, -1) >= 0)
        pen_i64(p, key, alert_number(a, fact, -1));
}

static void add_what(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;

    pen_known(p, "DeviceAction", g->operation);
    if (g->outcome != GIST_UNKNOWN)
        pen_text(p, "EventOutcome", g->outcome == GIST_SUCCESS ? "success" : "failure");
    pen_text(p, "DeviceEventCategory", a->type->intent);
    pen_i64(p, "EventType", 2);
    pen_i64(p, "EventCount", a->count > INT32_MAX ? INT32_MAX : a->count);
    pen_text(p, "DeviceFacility", a->detector);
    pen_known(p, "Reason", slice_of(a->variant[0] == '.' ? a->variant + 1 : a->variant));
    add_bytes(p, "ReceivedBytes", a, "bytesIn");
    add_bytes(p, "SentBytes", a, "bytesOut");
    if (g->status >= 0)
        add_custom_number(p, 2, "httpStatusCode", g->status);
    if (alert_number(a, "ruMilli", -1) >= 0) {
        pen_real(p, "DeviceCustomFloatingPoint1", (double)alert_number(a, "ruMilli", 0) / 1000.0);
        pen_text(p, "DeviceCustomFloatingPoint1Label", "requestUnits");
    }
}

static void write_alert(struct pen *p, const struct gist *g)
{
    const struct alert *a = g->alert;

    add_header(p, g);
    add_who(p, g);
    add_what(p, g);
    add_custom_string(p, 1, "azureResourceId", buf_slice(&g->resource));
    add_made_string(p, 2, "databaseContainer", a, gist_add_container);
    add_made_string(p, 3, "keyKind", a, gist_add_key_kinds);
    add_made_string(p, 4, "mitreTechniques", a, gist_add_techniques);
    add_made_string(p, 5, "correlationKey", a, gist_add_correlation);
    add_custom_string(p, 6, "alertLink", buf_slice(&g->link));
    pen_slice(p, "Message", buf_slice(&g->why));
    add_custom_number(p, 3, "fieldsCut", p->cuts);
}

static int common_security_log_encode(const struct alert *a, struct buf *out, struct error *err)
{
    return document_write(a, out, ROW_MAX, write_alert, err);
}

const struct encoder encoder_common_security_log = {
    .name = "common_security_log", .content_type = "application/json", .is_json = true,
    .encode = common_security_log_encode,
};
