/* elastic - alerts as documents of Elasticsearch or OpenSearch, by the bulk API.
 *
 * Action:   create with the record id as _id, so that a repeat is answered 409 and counts as delivered, and an update is a
 *           document of its own. The id is unique in a backing index: after a rollover a repeat can be there twice.
 * Accepted: item by item. HTTP 200 says only that the request was read.
 * Refused:  400 on an item (mapping, parsing): that alert is parked, its neighbours are delivered.
 * Held:     401, 403, 404 on the request or on an item: privilege, template or data stream are missing. So are those 400
 *           that are the cluster's: its limit of shards, a closed index, a pipeline or write index that is not there.
 * Stream:   require_data_stream stops a typo in `index` from creating a plain index of that name.
 * Source:   Elasticsearch reference "Bulk API", "Data streams", "Failure store"; read 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "base/json_in.h"
#include "base/json_out.h"
#include "base/log.h"
#include "outputs/kit/endpoint.h"
#include "outputs/kit/verdict.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"

#include <json-c/json.h>
#include <stddef.h>
#include <stdlib.h>

#define BATCH_BYTES ((size_t)2 << 20)
#define BODY_MAX ((size_t)4 << 20)
#define ANSWER_MAX ((size_t)4 << 20)

struct elastic {
    char *url, *index, *pipeline, *username;
    struct secret api_key, password;
    char *api_key_reference, *password_reference;
    bool require_data_stream, gzip;
    struct endpoint endpoint;

    char *name;
    struct authorization authorization;
    bool has_told_failure_store;
};

static void check_index(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    const char *name = ((const struct elastic *)self)->index;

    for (const char *p = name ? name : ""; *p; p++)
        if ((*p >= 'A' && *p <= 'Z') || strchr(" \"*\\<|,>/?#:", *p)) {
            settings_errors_add(errors, value, "an index or data stream is named in lower case without blanks and "
                                               "without any of \" * \\ < | , > / ? # :");
            return;
        }
    if (name && name[0] && strchr("-_+.", name[0]))
        settings_errors_add(errors, value, "an index or data stream must not begin with - _ + or a dot");
}

static const struct option_spec elastic_options[] = {
    { .key = "url", .type = OPT_URL, .at = offsetof(struct elastic, url), .required = true,
      .example = "https://elastic.example.net:9200", .help = "the cluster, without /_bulk" },
    { .key = "index", .type = OPT_STRING, .at = offsetof(struct elastic, index), .min = 1, .max = 255,
      .preset = "logs-cosmowatch.alert-default", .check = check_index, .help = "data stream or index" },
    { .key = "pipeline", .type = OPT_STRING, .at = offsetof(struct elastic, pipeline),
      .help = "ingest pipeline; unset: the index's own" },
    { .key = "require_data_stream", .type = OPT_BOOL, .at = offsetof(struct elastic, require_data_stream),
      .preset = "true", .help = "do not create a plain index; set to false for one, and for OpenSearch" },
    { .key = "api_key", .type = OPT_SECRET, .at = offsetof(struct elastic, api_key),
      .reference_at = offsetof(struct elastic, api_key_reference), .example = "${file:/etc/cosmowatch/elastic-key}",
      .help = "reference to an API key in its encoded form (base64 of id:key)" },
    { .key = "username", .type = OPT_STRING, .at = offsetof(struct elastic, username), .example = "cosmowatch",
      .help = "user, where there is no API key" },
    { .key = "password", .type = OPT_SECRET, .at = offsetof(struct elastic, password),
      .reference_at = offsetof(struct elastic, password_reference), .example = "${env:ELASTIC_PASSWORD}",
      .help = "reference to the user's password" },
    { .key = "gzip", .type = OPT_BOOL, .at = offsetof(struct elastic, gzip), .preset = "true",
      .help = "compress requests" },
    ENDPOINT_OPTIONS(offsetof(struct elastic, endpoint)),
    { 0 },
};

/* ---- opening ------------------------------------------------------------------------------------ */

static int elastic_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct elastic *s = self;

    if (s->username && !secret_empty(&s->api_key))
        return error_set(err, ERR_CONFIG, "output '%s': api_key and username exclude each other", name);
    if (endpoint_open(&s->endpoint, s->url, name, sv, err) < 0)
        return -1;
    s->name = strdup(name);
    if (!s->name)
        return error_set(err, ERR_NOMEM, "output '%s'", name);
    s->authorization = s->username
        ? (struct authorization){ .user = s->username, .secret = &s->password, .reference = s->password_reference }
        : (struct authorization){ .scheme = "ApiKey", .secret = &s->api_key, .reference = s->api_key_reference };
    return authorization_open(&s->authorization, err);
}

static void elastic_close(void *self)
{
    struct elastic *s = self;

    authorization_close(&s->authorization);
    free(s->name);
    s->name = NULL;
}

/* ---- sending ------------------------------------------------------------------------------------ */

static int add_documents(const struct elastic *s, const struct output_item *items, size_t n, struct buf *out,
                         struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (!slice_starts(items[i].payload, SL("{")))
            return error_set(err, ERR_CONFIG, "only JSON formats can be indexed: set format to ecs, ocsf or json");
        buf_add_str(out, "{\"create\":{");
        json_add_key(out, "_index");
        json_add_str(out, s->index);
        json_add_key(out, "_id");
        json_add_str(out, items[i].alert->record_id);
        buf_add_str(out, "}}\n");
        buf_add_slice(out, items[i].payload);
        buf_add_char(out, '\n');
    }
    return buf_check(out, err);
}

static void tell_failure_store(struct elastic *s)
{
    if (!s->has_told_failure_store)
        log_event(LOG_LEVEL_WARN, "output", "alerts went to the failure store, where nobody looks for them", "output",
                  s->name, "index", s->index, "remedy", "look at the failure store and correct mapping or pipeline", NULL);
    s->has_told_failure_store = true;
}

/* What is 400 although no document is at fault. By the first words: further on a reason may quote the document. */
static bool is_clusters_fault(const char *type, const char *reason)
{
    static const char *const words[] = { "Validation Failed: 1: this action would add [", "pipeline with id [",
                                         "no write index is defined for alias [" };

    if (strcmp(type, "index_closed_exception") == 0)
        return true;
    if (strcmp(type, "illegal_argument_exception") != 0 && strcmp(type, "validation_exception") != 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_starts(slice_of(reason), slice_of(words[i])))
            return true;
    return false;
}

static void judge_item(struct elastic *s, struct json_object *item, struct delivery_result *ret)
{
    struct json_object *done = NULL, *status = NULL, *error = NULL;
    CLEANUP(buf_release) struct buf said = BUF_HERE(4096);
    struct error clean = { 0 };
    int code;

    if (!json_object_object_get_ex(item, "create", &done) || !json_object_object_get_ex(done, "status", &status)) {
        verdict_all(ret, 1, DELIVERY_RETRY, 0, "the answer says nothing about this document");
        return;
    }
    code = json_object_get_int(status);
    if (strcmp(json_text(done, "failure_store", ""), "used") == 0)
        tell_failure_store(s);
    if (code == 409 || (code >= 200 && code < 300)) { /* 409: it is there already */
        verdict_all(ret, 1, DELIVERY_ACCEPTED, 0, "");
        return;
    }
    buf_addf(&said, "HTTP %d", code);
    if (json_object_object_get_ex(done, "error", &error))
        buf_addf(&said, " %.80s: %.160s", json_text(error, "type", ""), json_text(error, "reason", ""));
    (void)error_set(&clean, ERR_NONE, "%s", buf_cstr(&said)); /* makes foreign bytes harmless */
    verdict_all(ret, 1, delivery_from_http(code), 0, clean.msg);
    if (ret->verdict == DELIVERY_REFUSED && is_clusters_fault(json_text(error, "type", ""), json_text(error, "reason", "")))
        ret->verdict = DELIVERY_HOLD;
}

static int judge_items(struct elastic *s, const struct http_answer *answer, struct delivery_result *ret_each, size_t n,
                       struct error *err)
{
    struct json_tokener *tok = json_tokener_new();
    struct json_object *o = tok && answer->body.len < INT32_MAX
                                ? json_tokener_parse_ex(tok, answer->body.at ? answer->body.at : "",
                                                        (int)answer->body.len) : NULL;
    struct json_object *items = NULL, *errors = NULL;
    bool has_items = json_object_object_get_ex(o, "items", &items) && json_object_is_type(items, json_type_array);
    int rc = 0;

    if (has_items && json_object_array_length(items) == n)
        for (size_t i = 0; i < n; i++)
            judge_item(s, json_object_array_get_idx(items, i), &ret_each[i]);
    else if (!has_items && json_object_object_get_ex(o, "errors", &errors) && !json_object_get_boolean(errors))
        verdict_all(ret_each, n, DELIVERY_ACCEPTED, 0, "");
    else
        rc = error_set(err, ERR_SERVER, "HTTP %d whose body is not the answer of a bulk request: is this the cluster?",
                       answer->status);
    json_object_put(o);
    json_tokener_free(tok);
    return rc;
}

static int elastic_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                           struct error *err)
{
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    CLEANUP(buf_release) struct buf body = BUF_INIT(BODY_MAX), url = BUF_HERE(4096);
    struct elastic *s = self;
    const struct endpoint_user user = authorization_user(&s->authorization);

    if (add_documents(s, items, n, &body, err) < 0 ||
        endpoint_add_url(&url, s->url, "/_bulk?filter_path=errors,items.*.status,items.*.error,items.*.failure_store", err) < 0)
        return -1;
    if (s->require_data_stream)
        buf_add_str(&url, "&require_data_stream=true");
    if (s->pipeline)
        http_form_add(&url, "pipeline", slice_of(s->pipeline));
    if (buf_check(&url, err) < 0)
        return -1;
    if (endpoint_call(&s->endpoint, &user, &(struct http_request){
            .method = "POST", .url = buf_cstr(&url), .body = buf_slice(&body), .content_type = "application/x-ndjson",
            .gzip_body = s->gzip, .answer_max = ANSWER_MAX }, &answer, err) < 0)
        return -1;
    if (answer.status >= 200 && answer.status < 300) /* whatever says it: accepted is what an item says */
        return judge_items(s, &answer, ret_each, n, err);
    if (answer.status == 400 && s->require_data_stream &&
        slice_find(buf_slice(&answer.body), SL("unrecognized parameter: [require_data_stream]")) != SIZE_MAX) {
        verdict_all(ret_each, n, DELIVERY_HOLD, 0, "HTTP 400: OpenSearch, or an older Elasticsearch, does not know "
                    "require_data_stream; set require_data_stream: false");
        return 0;
    }
    return verdict_from_answer(&answer, ret_each, n, err);
}

static int elastic_probe(void *self, struct buf *said, struct error *err)
{
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    CLEANUP(buf_release) struct buf url = BUF_HERE(4096);
    struct elastic *s = self;
    const struct endpoint_user user = authorization_user(&s->authorization);

    if (endpoint_add_url(&url, s->url, "/", err) < 0 ||
        endpoint_call(&s->endpoint, &user, &(struct http_request){ .method = "GET", .url = buf_cstr(&url) }, &answer,
                      err) < 0)
        return -1;
    if (answer.status != 200)
        return error_set(err, answer.status == 401 ? ERR_AUTH : answer.status == 403 ? ERR_DENIED : ERR_SERVER,
                         "the cluster answers HTTP %d", answer.status);
    buf_add_str(said, "the cluster knows us; whether we may write shows with the first alert");
    return 0;
}

const struct output_ops output_elastic = {
    .name = "elastic",
    .summary = "alerts as documents of Elasticsearch or OpenSearch, by the bulk API",
    .options = elastic_options,
    .size = sizeof(struct elastic),
    .default_format = "ecs",
    .batch_max = 500,
    .batch_bytes_max = BATCH_BYTES,
    .open = elastic_open,
    .deliver = elastic_deliver,
    .probe = elastic_probe,
    .close = elastic_close,
};
