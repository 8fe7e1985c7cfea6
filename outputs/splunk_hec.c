/* splunk_hec - alerts as events of Splunk's HTTP Event Collector.
 *
 * Event:    members of the Common Information Model (data models Alerts and Intrusion Detection) at the top, where
 *           Enterprise Security looks for them; the whole alert, in the output's format, as "alert". The indexed
 *           fields alert_id and record_id tell an update from a second copy. Tags are given on Splunk's side: an event
 *           type for our sourcetype with the tags alert, ids and attack.
 * Accepted: code 0, which says "looked valid", before anything is on disk. With `acknowledge` (the token must have indexer
 *           acknowledgement) only when Splunk has it for good: the batch has a channel and is asked for until it says
 *           yes. An id is good in its channel only and a yes is said once, so what is not acknowledged in time is sent
 *           again over a new channel: twice rather than never. Load balancers in front must be sticky.
 * Refused:  a format error (codes 6, 12, 13, 15): the batch is halved until the guilty are alone. What concerns the token
 *           or the index is held, since no alert is at fault.
 * Source:   Splunk "HTTP Event Collector" REST reference and troubleshooting pages, CIM data models; read 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/json_out.h"
#include "base/timeutil.h"
#include "base/uuid.h"
#include "outputs/kit/endpoint.h"
#include "outputs/kit/gist.h"
#include "outputs/kit/severity.h"
#include "outputs/kit/verdict.h"
#include "settings/option.h"

#include <json-c/json.h>
#include <stddef.h>
#include <stdio.h>

#define BATCH_BYTES ((size_t)512 << 10)  /* of payloads */
#define BODY_MAX ((size_t)4 << 20)
#define POLL_FIRST_MS 500
#define POLL_MOST_MS 10000

struct splunk_hec {
    char *url, *index, *source, *sourcetype, *host;
    struct secret token;
    char *token_reference;
    bool acknowledge, gzip;
    int64_t ack_timeout_ms;
    struct endpoint endpoint;

    struct authorization authorization;
    char channel[37];            /* "" : make a new one */
};

static const struct option_spec splunk_hec_options[] = {
    { .key = "url", .type = OPT_URL, .at = offsetof(struct splunk_hec, url), .required = true,
      .example = "https://splunk.example.net:8088", .help = "the collector, without /services/..." },
    { .key = "token", .type = OPT_SECRET, .at = offsetof(struct splunk_hec, token), .required = true,
      .reference_at = offsetof(struct splunk_hec, token_reference), .example = "${file:/etc/cosmowatch/hec-token}",
      .help = "reference to the HEC token" },
    { .key = "index", .type = OPT_STRING, .at = offsetof(struct splunk_hec, index), .example = "security",
      .help = "index to write to; unset: the token's own" },
    { .key = "source", .type = OPT_STRING, .at = offsetof(struct splunk_hec, source), .preset = "cosmowatch",
      .help = "source of the events" },
    { .key = "sourcetype", .type = OPT_STRING, .at = offsetof(struct splunk_hec, sourcetype),
      .preset = "cosmowatch:alert", .help = "source type of the events" },
    { .key = "host", .type = OPT_STRING, .at = offsetof(struct splunk_hec, host), .example = "collector-1",
      .help = "host of the events; unset: the sender as Splunk sees it" },
    { .key = "acknowledge", .type = OPT_BOOL, .at = offsetof(struct splunk_hec, acknowledge), .preset = "false",
      .help = "accepted only when indexed; the token must have indexer acknowledgement" },
    { .key = "ack_timeout", .type = OPT_DURATION, .at = offsetof(struct splunk_hec, ack_timeout_ms), .preset = "5m",
      .min = 1000, .max = 3600000, .help = "not indexed for so long: send again" },
    { .key = "gzip", .type = OPT_BOOL, .at = offsetof(struct splunk_hec, gzip), .preset = "true",
      .help = "compress requests" },
    ENDPOINT_OPTIONS(offsetof(struct splunk_hec, endpoint)),
    { 0 },
};

/* ---- opening ------------------------------------------------------------------------------------ */

static void splunk_hec_close(void *self)
{
    struct splunk_hec *s = self;

    authorization_close(&s->authorization);
    s->channel[0] = '\0';
}

static int splunk_hec_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct splunk_hec *s = self;

    if (endpoint_open(&s->endpoint, s->url, name, sv, err) < 0)
        return -1;
    s->authorization = (struct authorization){ .scheme = "Splunk", .secret = &s->token,
                                               .reference = s->token_reference };
    return authorization_open(&s->authorization, err);
}

/* ---- events ------------------------------------------------------------------------------------- */

static void add_cim(struct buf *out, const struct gist *g)
{
    const struct alert *a = g->alert;
    const char *severity = severity_scale(a->severity)->cim;

    json_add_known(out, "app", SL(GIST_VENDOR));
    json_add_known(out, "vendor_product", SL(GIST_VENDOR));
    json_add_known(out, "type", SL("alert"));
    json_add_known(out, "id", slice_of(a->id));
    json_add_known(out, "signature", buf_slice(&g->title));
    json_add_known(out, "signature_id", slice_of(a->type->id));
    json_add_known(out, "severity", slice_of(severity));
    json_add_key(out, "severity_id");
    json_add_i64(out, severity_scale(a->severity)->cef);
    json_add_known(out, "category", slice_of(a->type->intent));
    json_add_key(out, "mitre_technique_id");
    buf_add_char(out, '[');
    for (size_t i = 0; i < TECHNIQUES_MAX && a->type->techniques[i]; i++) {
        json_add_comma(out);
        json_add_str(out, a->type->techniques[i]);
    }
    buf_add_char(out, ']');
    json_add_known(out, "action", SL("allowed")); /* this product sees, it does not block */
    json_add_known(out, "ids_type", SL("application"));
    json_add_known(out, "src", g->address);
    json_add_known(out, "user", g->principal);
    json_add_known(out, "http_user_agent", g->user_agent);
    json_add_known(out, "dest", slice_of(a->account));
    json_add_known(out, "dest_type", SL("Azure Cosmos DB"));
    if (g->has_arm)
        json_add_known(out, "vendor_account", g->arm.subscription);
    json_add_known(out, "vendor_region", g->region);
    json_add_known(out, "subject", slice_of(a->subject));
    json_add_known(out, "description", buf_slice(&g->why));
}

static int add_event(const struct splunk_hec *s, const struct output_item *item, struct buf *out, struct error *err)
{
    CLEANUP(gist_release) struct gist g = { 0 };
    const struct alert *a = item->alert;

    if (gist_init(&g, a, false, err) < 0)
        return -1;
    buf_addf(out, "{\"time\":%" PRId64 ".%03d", time_floor(a->last_ns, NS_PER_S) / NS_PER_S,
             (int)((a->last_ns - time_floor(a->last_ns, NS_PER_S)) / NS_PER_MS));
    json_add_known(out, "host", slice_of(s->host));
    json_add_known(out, "source", slice_of(s->source));
    json_add_known(out, "sourcetype", slice_of(s->sourcetype));
    json_add_known(out, "index", slice_of(s->index));
    buf_add_str(out, ",\"event\":{");
    add_cim(out, &g);
    json_add_key(out, "alert");
    if (slice_starts(item->payload, SL("{")))
        buf_add_slice(out, item->payload);
    else
        json_add_string(out, item->payload);
    buf_add_str(out, "},\"fields\":{");
    json_add_known(out, "alert_id", slice_of(a->id));
    json_add_known(out, "record_id", slice_of(a->record_id));
    buf_add_str(out, "}}\n");
    return buf_check(out, err);
}

/* ---- sending ------------------------------------------------------------------------------------ */

struct call_state {
    struct splunk_hec *s;
    struct http_header headers[2];
};

/* The token's header, and the channel's. */
static int prepare(void *self, struct http_request *req, struct error *err)
{
    struct call_state *c = self;
    struct endpoint_user user = authorization_user(&c->s->authorization);

    if (user.prepare(user.self, req, err) < 0)
        return -1;
    c->headers[0] = req->headers[0];
    c->headers[1] = (struct http_header){ .name = "X-Splunk-Request-Channel", .value = slice_of(c->s->channel) };
    req->headers = c->headers;
    req->headers_len = c->s->channel[0] ? 2 : 1;
    return 0;
}

static bool read_again(void *self)
{
    struct endpoint_user user = authorization_user(&((struct call_state *)self)->s->authorization);

    return user.read_again(user.self);
}

static int call(struct splunk_hec *s, const char *path, struct slice body, struct http_answer *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf url = BUF_HERE(4096);
    struct call_state state = { .s = s };
    const struct endpoint_user user = { .self = &state, .read_again = read_again, .prepare = prepare };

    if (endpoint_add_url(&url, s->url, path, err) < 0)
        return -1;
    return endpoint_call(&s->endpoint, &user, &(struct http_request){
        .method = slice_empty(body) ? "GET" : "POST", .url = buf_cstr(&url), .body = body,
        .content_type = slice_empty(body) ? NULL : "application/json", .gzip_body = s->gzip && !slice_empty(body) },
        ret, err);
}

static int64_t number_of(struct json_object *o, const char *key, int64_t otherwise)
{
    struct json_object *v = NULL;

    return json_object_object_get_ex(o, key, &v) && json_object_is_type(v, json_type_int) ? json_object_get_int64(v)
                                                                                           : otherwise;
}

static void release_json(struct json_object **o)
{
    json_object_put(*o);
}

static struct json_object *read_json(const struct buf *body)
{
    struct json_tokener *tok = json_tokener_new();
    struct json_object *o = tok && body->len > 0 && body->len < INT32_MAX
                                ? json_tokener_parse_ex(tok, body->at, (int)body->len) : NULL;

    json_tokener_free(tok);
    return o;
}

/* The code decides where the status alone would mislead: 400 may be the event's fault or the token's. */
static int judge_code(int64_t code, const struct http_answer *answer, struct delivery_result *ret_each, size_t n,
                      struct error *err)
{
    static const char *const remedies[] = {
        [1] = "token disabled", [2] = "no token", [3] = "token refused", [4] = "token unknown",
        [7] = "the index does not exist or the token may not write to it",
        [10] = "the token has indexer acknowledgement: set acknowledge", [11] = "channel refused",
        [14] = "the token has no indexer acknowledgement: unset acknowledge", [16] = "token refused", [21] = "token unknown",
        [22] = "token disabled",
    };
    bool is_setup = code > 0 && (size_t)code < ARRAY_LEN(remedies) && remedies[code];

    if (verdict_from_answer(answer, ret_each, n, err) < 0)
        return -1;
    for (size_t i = 0; i < n && is_setup; i++) {
        char said[sizeof ret_each[i].reason];

        memcpy(said, ret_each[i].reason, sizeof said);
        ret_each[i].verdict = DELIVERY_HOLD;
        (void)snprintf(ret_each[i].reason, sizeof ret_each[i].reason, "%s (%.120s)", remedies[code], said);
    }
    if (answer->status >= 200 && answer->status < 300 && code != 0)
        verdict_all(ret_each, n, DELIVERY_RETRY, 0, "HTTP 200 without Splunk's code 0: is this a HEC?");
    return 0;
}

/* True when it is indexed. Errors are the caller's to count as "not yet". */
static bool is_acknowledged(struct splunk_hec *s, int64_t ack_id, struct error *err)
{
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    CLEANUP(buf_release) struct buf path = BUF_HERE(200), body = BUF_HERE(100);
    struct json_object *o = NULL, *acks = NULL, *is_true = NULL;
    char id[24];
    bool ret = false;

    buf_addf(&path, "/services/collector/ack?channel=%s", s->channel);
    buf_addf(&body, "{\"acks\":[%" PRId64 "]}", ack_id);
    if (call(s, buf_cstr(&path), buf_slice(&body), &answer, err) < 0)
        return false;
    (void)snprintf(id, sizeof id, "%" PRId64, ack_id);
    o = read_json(&answer.body);
    ret = json_object_object_get_ex(o, "acks", &acks) && json_object_object_get_ex(acks, id, &is_true) &&
          json_object_get_boolean(is_true);
    json_object_put(o);
    return ret;
}

static int await_ack(struct splunk_hec *s, int64_t ack_id, struct delivery_result *ret_each, size_t n, struct error *err)
{
    int64_t until = sv_mono_ms(s->endpoint.sv) + s->ack_timeout_ms, wait = POLL_FIRST_MS;
    struct error last = { 0 };

    while (sv_mono_ms(s->endpoint.sv) < until) {
        if (is_acknowledged(s, ack_id, &last)) {
            verdict_all(ret_each, n, DELIVERY_ACCEPTED, 0, "");
            return 0;
        }
        if (!http_client_wait(s->endpoint.sv->http, wait))
            return error_set(err, ERR_CANCELLED, "stopped while waiting for the indexer");
        wait = wait * 2 > POLL_MOST_MS ? POLL_MOST_MS : wait * 2;
    }
    s->channel[0] = '\0';
    verdict_all(ret_each, n, DELIVERY_RETRY, 0,
                last.msg[0] ? last.msg : "taken, but not acknowledged by the indexer in time; sent again");
    return 0;
}

static int splunk_hec_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                              struct error *err)
{
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    CLEANUP(buf_release) struct buf body = BUF_INIT(BODY_MAX);
    CLEANUP(release_json) struct json_object *o = NULL;
    struct splunk_hec *s = self;
    int64_t code, ack_id;

    for (size_t i = 0; i < n; i++)
        if (add_event(s, &items[i], &body, err) < 0)
            return -1;
    if (s->acknowledge && !s->channel[0])
        uuid_v4(s->endpoint.sv, s->channel);
    if (call(s, "/services/collector/event", buf_slice(&body), &answer, err) < 0) {
        s->channel[0] = '\0'; /* whoever answers next may be another indexer */
        return -1;
    }
    o = read_json(&answer.body);
    code = number_of(o, "code", -1);
    ack_id = number_of(o, "ackId", -1);
    if (!s->acknowledge || code != 0)
        return judge_code(code, &answer, ret_each, n, err);
    if (ack_id < 0) {
        verdict_all(ret_each, n, DELIVERY_HOLD, 0,
                    "taken without an ackId: the token has no indexer acknowledgement; switch it on there, or unset "
                    "acknowledge");
        return 0;
    }
    return await_ack(s, ack_id, ret_each, n, err);
}

static int splunk_hec_probe(void *self, struct buf *said, struct error *err)
{
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    struct splunk_hec *s = self;

    if (call(s, "/services/collector/health", (struct slice){ 0 }, &answer, err) < 0)
        return -1;
    if (answer.status != 200)
        return error_set(err, answer.status == 503 ? ERR_BUSY : ERR_SERVER, "the collector's health is HTTP %d: %.100s",
                         answer.status, buf_cstr(&answer.body));
    buf_add_str(said, "the collector says that it is healthy; whether it knows the token shows with the first alert");
    return 0;
}

const struct output_ops output_splunk_hec = {
    .name = "splunk_hec",
    .summary = "alerts as events of Splunk's HTTP Event Collector",
    .options = splunk_hec_options,
    .size = sizeof(struct splunk_hec),
    .default_format = "json",
    .batch_max = 100,
    .batch_bytes_max = BATCH_BYTES,
    .open = splunk_hec_open,
    .deliver = splunk_hec_deliver,
    .probe = splunk_hec_probe,
    .close = splunk_hec_close,
};
