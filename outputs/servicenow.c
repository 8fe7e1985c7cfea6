/* servicenow - alerts as events of ServiceNow Event Management (em_event).
 *
 * message_key is the alert id: updates change the same ServiceNow alert. additional_info is a text that holds the whole
 * alert as JSON (in the output's format when that is JSON); em_event has no columns of its own kind.
 * time_of_event is GMT, "yyyy-MM-dd HH:mm:ss". Many records go in one request; the answer is one for all.
 * Role: evt_mgmt_integration. Source: ServiceNow "Event management: inbound web service", read 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/json_out.h"
#include "base/timeutil.h"
#include "outputs/kit/brief.h"
#include "outputs/kit/endpoint.h"
#include "outputs/kit/severity.h"

#include <stddef.h>

#define BATCH_BYTES ((size_t)512 << 10)
#define BODY_MAX ((size_t)4 << 20)

struct servicenow {
    char *url, *username;
    struct secret password, token;
    char *password_reference, *token_reference;
    struct endpoint endpoint;

    struct authorization authorization;
};

static const struct option_spec servicenow_options[] = {
    { .key = "url", .type = OPT_URL, .at = offsetof(struct servicenow, url), .required = true,
      .example = "https://example.service-now.com", .help = "the instance" },
    { .key = "username", .type = OPT_STRING, .at = offsetof(struct servicenow, username), .example = "cosmowatch",
      .help = "user with the role evt_mgmt_integration" },
    { .key = "password", .type = OPT_SECRET, .at = offsetof(struct servicenow, password),
      .reference_at = offsetof(struct servicenow, password_reference), .example = "${env:SERVICENOW_PASSWORD}",
      .help = "reference to the user's password" },
    { .key = "token", .type = OPT_SECRET, .at = offsetof(struct servicenow, token),
      .reference_at = offsetof(struct servicenow, token_reference), .example = "${file:/etc/cosmowatch/servicenow}",
      .help = "reference to an OAuth token, instead of user and password" },
    ENDPOINT_OPTIONS(offsetof(struct servicenow, endpoint)),
    { 0 },
};

static int servicenow_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct servicenow *s = self;

    if ((s->username != NULL) == !secret_empty(&s->token))
        return error_set(err, ERR_CONFIG, "output '%s': either username and password, or token", name);
    s->authorization = s->username
        ? (struct authorization){ .user = s->username, .secret = &s->password, .reference = s->password_reference }
        : (struct authorization){ .scheme = "Bearer", .secret = &s->token, .reference = s->token_reference };
    if (endpoint_open(&s->endpoint, s->url, name, sv, err) < 0)
        return -1;
    return authorization_open(&s->authorization, err);
}

static void servicenow_close(void *self)
{
    authorization_close(&((struct servicenow *)self)->authorization);
}

/* "2026-01-01 00:01:00" of "2026-01-01T00:01:00Z". */
static void add_time(struct buf *out, int64_t ns)
{
    CLEANUP(buf_release) struct buf iso = BUF_HERE(64);

    time_add_iso(&iso, time_floor(ns, NS_PER_S), 0);
    for (size_t i = 0; i < iso.len; i++)
        if (iso.at[i] == 'T')
            iso.at[i] = ' ';
    if (iso.len > 0 && iso.at[iso.len - 1] == 'Z')
        iso.len--;
    json_add_member(out, "time_of_event", buf_slice(&iso));
}

static int add_record(const struct output_item *item, struct buf *out, struct error *err)
{
    CLEANUP(brief_release) struct brief b = { 0 };
    CLEANUP(buf_release) struct buf text = BUF_INIT((size_t)64 << 10);
    const struct alert *a = item->alert;
    const char severity[] = { (char)('0' + severity_scale(a->severity)->servicenow), '\0' };

    if (brief_init(&b, a, 200, 2000, err) < 0)
        return -1;
    buf_add_slice(&text, buf_slice(&b.title));
    buf_add_char(&text, '\n');
    brief_add_plain(&text, &b);
    out->failed |= text.failed;
    buf_add_char(out, '{');
    json_add_member(out, "source", SL(GIST_VENDOR));
    json_add_member(out, "event_class", slice_of(a->detector));
    json_add_member(out, "node", slice_of(a->account));
    json_add_member(out, "resource", slice_cut(slice_of(a->subject), 200));
    json_add_member(out, "metric_name", slice_of(a->type->id));
    json_add_member(out, "type", slice_of(a->type->intent));
    json_add_member(out, "message_key", slice_of(a->id));
    json_add_member(out, "severity", slice_of(severity));
    add_time(out, a->last_ns);
    json_add_member(out, "resolution_state", SL("New"));
    json_add_member(out, "description", slice_cut(buf_slice(&text), 3900));
    json_add_member(out, "additional_info", slice_starts(item->payload, SL("{")) ? item->payload : SL("{}"));
    buf_add_char(out, '}');
    return buf_check(out, err);
}

static int servicenow_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                              struct error *err)
{
    CLEANUP(buf_release) struct buf body = BUF_INIT(BODY_MAX), url = BUF_HERE(4096);
    struct servicenow *s = self;
    const struct endpoint_user user = authorization_user(&s->authorization);

    buf_add_str(&body, "{\"records\":[");
    for (size_t i = 0; i < n; i++) {
        buf_add_str(&body, i > 0 ? "," : "");
        if (add_record(&items[i], &body, err) < 0)
            return -1;
    }
    buf_add_str(&body, "]}");
    if (buf_check(&body, err) < 0 || endpoint_add_url(&url, s->url, "/api/global/em/jsonv2", err) < 0)
        return -1;
    return endpoint_post(&s->endpoint, &user, buf_cstr(&url), buf_slice(&body), ret_each, n, err);
}

static int servicenow_probe(void *self, struct buf *said, struct error *err)
{
    struct servicenow *s = self;
    const struct endpoint_user user = authorization_user(&s->authorization);

    return endpoint_probe(&s->endpoint, &user, s->url, said, err);
}

const struct output_ops output_servicenow = {
    .name = "servicenow",
    .summary = "alerts as events of ServiceNow Event Management",
    .options = servicenow_options,
    .size = sizeof(struct servicenow),
    .default_format = "json",
    .batch_max = 50,
    .batch_bytes_max = BATCH_BYTES,
    .open = servicenow_open,
    .deliver = servicenow_deliver,
    .probe = servicenow_probe,
    .close = servicenow_close,
};
