/* template - alerts in a body of the operator's own, for receivers that want their own JSON.
 *
 *     body: '{"text": "{{ alertDisplayName }} on {{ accountName }}", "priority": {{ severity }}, "raw": {{ alert }}}'
 *
 * {{ member }} is a member of the native format (outputs/encode/json.c), {{ entities.1.address }} goes into it,
 * {{ alert }} is the whole. Every value is JSON-encoded, so that no text of a log row can end a string or add a member:
 * by itself it stands with its quotes, inside a string of the template without them. What an alert does not have is null,
 * inside a string nothing. Checked at the start: unknown members, and that the body is JSON whatever the texts hold.
 *
 * One request an alert, with its record id in the header webhook-id, the same over retries.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "base/json_in.h"
#include "base/json_out.h"
#include "outputs/kit/endpoint.h"
#include "outputs/kit/verdict.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"

#include <json-c/json.h>
#include <stddef.h>
#include <strings.h>

#define BODY_MAX ((size_t)4 << 20)
#define FIELD_MAX 200

enum template_method { TEMPLATE_POST, TEMPLATE_PUT, TEMPLATE_PATCH };

struct template {
    char *url, *body, *content_type, *header;
    int method;
    struct secret token, header_value;
    char *token_reference, *header_value_reference;
    struct endpoint endpoint;

    struct http_header headers[2]; /* of the request under way */
    const char *record_id;
};

static const char *const methods[] = { "POST", "PUT", "PATCH", NULL };

/* config/alert.schema.json has the same; a test holds them against each other. */
static const char *const members[] = {
    "schemaVersion", "recordId", "systemAlertId", "update", "isFinal", "isSample", "status", "alertType", "variant",
    "alertDisplayName", "severity", "confidence", "intent", "techniques", "subTechniques", "startTimeUtc", "endTimeUtc",
    "count", "vendorName", "productName", "source", "detector", "compromisedEntity", "accountName", "api", "subject",
    "resourceIdentifiers", "description", "reasons", "entities", "evidence", "evidenceCut", "extendedProperties",
    "remediationSteps", "investigationSteps", "preventionSteps", "query", "tables", "sample", "alertUri", "extendedLinks",
    "alert", NULL,
};

/* ---- rendering ---------------------------------------------------------------------------------- */

struct renderer {
    struct buf *out;
    bool in_string, is_escaped; /* of the template's own JSON */
    void (*value)(void *self, struct slice path, struct buf *json); /* appends one JSON value, or nothing: null */
    void *self;
};

static void pass_text(struct renderer *r, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];

        if (r->is_escaped)
            r->is_escaped = false;
        else if (r->in_string && c == '\\')
            r->is_escaped = true;
        else if (c == '"')
            r->in_string = !r->in_string;
    }
    buf_add_slice(r->out, text);
}

static void pass_value(struct renderer *r, struct slice path)
{
    CLEANUP(buf_release) struct buf json = BUF_INIT(BODY_MAX), quoted = BUF_INIT(BODY_MAX * 2);
    struct slice inner;

    r->value(r->self, path, &json);
    r->out->failed |= json.failed;
    if (!r->in_string) {
        buf_add_slice(r->out, json.len > 0 ? buf_slice(&json) : SL("null"));
        return;
    }
    if (json.len == 0)
        return;
    if (json.at[0] != '"') { /* a number or a document within a text */
        json_add_string(&quoted, buf_slice(&json));
        r->out->failed |= quoted.failed;
    }
    inner = json.at[0] != '"' ? buf_slice(&quoted) : buf_slice(&json);
    if (inner.len >= 2)
        buf_add(r->out, inner.at + 1, inner.len - 2);
}

/* -1: "{{" without "}}"; ret_bad is where. */
static int render(struct renderer *r, const char *body, const char **ret_bad)
{
    const char *open, *close;

    for (; (open = strstr(body, "{{")) != NULL; body = close + 2) {
        close = strstr(open, "}}");
        if (!close) {
            *ret_bad = open;
            return -1;
        }
        pass_text(r, slice_make(body, (size_t)(open - body)));
        pass_value(r, slice_trim(slice_make(open + 2, (size_t)(close - open) - 2)));
    }
    pass_text(r, slice_of(body));
    return 0;
}

/* ---- checking ----------------------------------------------------------------------------------- */

struct checking {
    const struct yaml_node *node;
    struct settings_errors *errors;
};

static bool is_member(struct slice name)
{
    for (size_t i = 0; members[i]; i++)
        if (slice_eq(name, slice_of(members[i])))
            return true;
    return false;
}

/* A value that would break out if it could. */
static void check_value(void *self, struct slice path, struct buf *json)
{
    struct checking *c = self;
    struct slice rest = path, name = { 0 };
    const char *near;

    (void)slice_split(&rest, '.', &name);
    if (!is_member(name)) {
        near = settings_nearest(name, members);
        settings_errors_add(c->errors, c->node, "{{ %.*s }} is no member of an alert%s%s%s", SLF(slice_cut(name, 60)),
                            near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    json_add_string(json, SL("\"}]\\\n,\"x\":{\""));
}

static bool is_json_type(const char *content_type)
{
    return !content_type || strcasestr(content_type, "json") != NULL;
}

static bool is_json(const struct buf *text)
{
    struct json_object *o = NULL;
    bool ret = json_parse_strict(buf_slice(text), &o);

    json_object_put(o);
    return ret;
}

static void check_body(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    const struct template *t = self;
    CLEANUP(buf_release) struct buf out = BUF_INIT(BODY_MAX);
    struct checking c = { .node = value, .errors = errors };
    struct renderer r = { .out = &out, .value = check_value, .self = &c };
    const char *bad = NULL;

    if (!t->body || !t->body[0]) {
        settings_errors_add(errors, value, "the body is empty");
        return;
    }
    if (render(&r, t->body, &bad) < 0) {
        settings_errors_add(errors, value, "\"{{\" without \"}}\" at '%.40s'", bad);
        return;
    }
    if (is_json_type(t->content_type) && !is_json(&out))
        settings_errors_add(errors, value, "the body is not JSON once its placeholders are filled in; a placeholder "
                                           "stands for a whole value, or inside a string for a part of it");
}

static const struct option_spec template_options[] = {
    { .key = "url", .type = OPT_URL, .at = offsetof(struct template, url), .required = true,
      .example = "https://tickets.example.net/api/alerts", .help = "where to send; https, or http to this host" },
    { .key = "method", .type = OPT_ENUM, .at = offsetof(struct template, method), .values = methods, .preset = "POST",
      .help = "request method" },
    /* Before body, whose check asks for it. */
    { .key = "content_type", .type = OPT_STRING, .at = offsetof(struct template, content_type),
      .preset = "application/json", .min = 1, .max = 200, .help = "what the body is; one with json in it is checked to be JSON" },
    { .key = "body", .type = OPT_STRING, .at = offsetof(struct template, body), .required = true, .check = check_body,
      .example = "{\"title\": {{ alertDisplayName }}, \"text\": \"{{ accountName }}: {{ reasons.0 }}\"}",
      .help = "the body, with {{ member }} for members of the alert in its native format" },
    { .key = "token", .type = OPT_SECRET, .at = offsetof(struct template, token),
      .reference_at = offsetof(struct template, token_reference), .example = "${env:TICKET_TOKEN}",
      .help = "reference to a secret sent as Authorization: Bearer" },
    { .key = "header", .type = OPT_STRING, .at = offsetof(struct template, header), .example = "X-Api-Key",
      .help = "name of one further header" },
    { .key = "header_value", .type = OPT_SECRET, .at = offsetof(struct template, header_value),
      .reference_at = offsetof(struct template, header_value_reference), .example = "${env:TICKET_KEY}",
      .help = "reference to its value" },
    ENDPOINT_OPTIONS(offsetof(struct template, endpoint)),
    { 0 },
};

/* ---- sending ------------------------------------------------------------------------------------ */

static bool is_good_header(const char *name, const struct secret *value)
{
    for (const char *p = name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '-' || *p == '_'))
            return false;
    for (size_t i = 0; i < value->len; i++)
        if ((unsigned char)secret_reveal(value)[i] < 0x20 || secret_reveal(value)[i] == 0x7f)
            return false;
    return *name && strcasecmp(name, "host") != 0 && strcasecmp(name, "content-length") != 0 &&
           strcasecmp(name, "transfer-encoding") != 0 && strcasecmp(name, "content-type") != 0;
}

static int template_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct template *t = self;

    if (t->header && !is_good_header(t->header, &t->header_value))
        return error_set(err, ERR_CONFIG, "output '%s': '%.40s' cannot be set as a header", name, t->header);
    return endpoint_open(&t->endpoint, t->url, name, sv, err);
}

static void template_close(void *self UNUSED)
{
}

static bool read_again(void *self)
{
    struct template *t = self;
    bool is_new = endpoint_read_again(&t->token, t->token_reference);

    is_new |= endpoint_read_again(&t->header_value, t->header_value_reference);
    return is_new;
}

static int prepare(void *self, struct http_request *req, struct error *err UNUSED)
{
    struct template *t = self;
    size_t n = 0;

    if (t->record_id)
        t->headers[n++] = (struct http_header){ .name = "webhook-id", .value = slice_of(t->record_id) };
    if (t->header)
        t->headers[n++] = (struct http_header){ .name = t->header,
                                                .value = { .at = secret_reveal(&t->header_value),
                                                           .len = t->header_value.len } };
    req->headers = t->headers;
    req->headers_len = n;
    req->bearer = secret_empty(&t->token) ? NULL : &t->token;
    return 0;
}

static struct json_object *step(struct json_object *o, struct slice name)
{
    CLEANUP(buf_release) struct buf key = BUF_INIT(FIELD_MAX);
    struct json_object *found = NULL;
    size_t index = 0;

    buf_add_slice(&key, name);
    if (key.failed)
        return NULL;
    if (!json_object_is_type(o, json_type_array)) {
        (void)json_object_object_get_ex(o, buf_cstr(&key), &found);
        return found;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (name.at[i] < '0' || name.at[i] > '9' || index > 100000)
            return NULL;
        index = index * 10 + (size_t)(name.at[i] - '0');
    }
    return slice_empty(name) ? NULL : json_object_array_get_idx(o, index);
}

static void add_value(void *self, struct slice path, struct buf *json)
{
    struct json_object *o = self;
    struct slice rest = path, name = { 0 };

    if (slice_eq(path, SL("alert"))) {
        buf_add_str(json, json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
        return;
    }
    while (o && slice_split(&rest, '.', &name))
        o = step(o, name);
    if (json_object_is_type(o, json_type_string)) /* ours escapes what some receivers stumble over, U+2028 and the like */
        json_add_string(json, slice_make(json_object_get_string(o), (size_t)json_object_get_string_len(o)));
    else if (o)
        buf_add_str(json, json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE));
}

static int deliver_one(void *self, const struct output_item *item, struct delivery_result *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf body = BUF_INIT(BODY_MAX), native = BUF_INIT(BODY_MAX);
    struct template *t = self;
    const struct endpoint_user user = { .self = t, .read_again = read_again, .prepare = prepare };
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    struct renderer r = { .out = &body, .value = add_value };
    const char *bad = NULL;
    struct json_object *o;

    buf_add_slice(&native, item->payload);
    o = json_tokener_parse(buf_cstr(&native));
    if (!o)
        return error_set(err, ERR_BUG, "the native format is no JSON");
    r.self = o;
    (void)render(&r, t->body, &bad); /* was checked at the start */
    json_object_put(o);
    if (buf_check(&body, err) < 0)
        return -1;
    t->record_id = item->alert->record_id;
    if (endpoint_call(&t->endpoint, &user, &(struct http_request){
            .method = methods[t->method], .url = t->url, .body = buf_slice(&body), .content_type = t->content_type },
            &answer, err) < 0)
        return -1;
    return verdict_from_answer(&answer, ret, 1, err);
}

static int template_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                            struct error *err)
{
    return deliver_each(items, n, ret_each, deliver_one, self, err);
}

static int template_probe(void *self, struct buf *said, struct error *err)
{
    struct template *t = self;
    const struct endpoint_user user = { .self = t, .read_again = read_again, .prepare = prepare };

    t->record_id = NULL;
    return endpoint_probe(&t->endpoint, &user, t->url, said, err);
}

static const char *template_format(const void *self UNUSED)
{
    return "json"; /* what placeholders name */
}

const struct output_ops output_template = {
    .name = "template",
    .summary = "alerts in a body of your own, as HTTP requests",
    .options = template_options,
    .size = sizeof(struct template),
    .default_format = "json",
    .fixed_format = template_format,
    .batch_max = 50,
    .batch_bytes_max = (size_t)1 << 20,
    .open = template_open,
    .deliver = template_deliver,
    .probe = template_probe,
    .close = template_close,
};
