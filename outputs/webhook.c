/* webhook - alerts as the body of an HTTP request, to whatever receives such.
 *
 * Accepted: a complete 2xx answer. Redirects are not followed: the credential must not travel.
 * batch:    single sends one alert a request with its record id in the header `webhook-id`, which stays
 *           the same over retries, so that a receiver can drop a second copy without reading the body
 *           (Standard Webhooks 1.0). array and ndjson send many; the ids are in the body.
 * Signing:  with `signing_secret` the headers webhook-timestamp and webhook-signature of Standard
 *           Webhooks (HMAC-SHA256 over id.timestamp.body) prove who sent it. The id of a batch is that
 *           of its first record. Signed bodies are not compressed: what is signed is what arrives.
 * HMAC:     with `hmac_secret` a header (X-Hub-Signature-256 unless told otherwise) holds "sha256=" and the
 *           HMAC-SHA256 of the body in hexadecimal, as GitHub signs and many receivers check. It says who sent the
 *           body, not when: where replays matter take signing_secret, or both.
 * Secrets:  read again after a 401, as a rotated file may hold the new one; only then an alarm.
 * Plain http is for loopback only, unless `allow_plain_http` says that the network is trusted.
 * Source:   standard-webhooks/standard-webhooks spec, read August 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/num.h"
#include "base/secret.h"
#include "net/http.h"
#include "net/openssl.h"
#include "outputs/encode/cloudevents.h"
#include "outputs/kit/endpoint.h"
#include "outputs/kit/verdict.h"
#include "outputs/output.h"
#include "settings/option.h"
#include "settings/yaml_node.h"

#include "alert/alert.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define WEBHOOK_BATCH_BYTES ((size_t)1 << 20)
#define HEADERS_MAX 32        /* of the operator */
#define OWN_HEADERS 5         /* id, timestamp, signature, HMAC, Authorization */
#define SIGNING_KEY_MAX 64    /* bytes, by the standard 24 to 64 */

enum webhook_method { WEBHOOK_POST, WEBHOOK_PUT };
enum webhook_batch { WEBHOOK_SINGLE, WEBHOOK_ARRAY, WEBHOOK_NDJSON };

struct webhook_header {
    char *name;
    struct secret value;      /* all of them: an operator may write a key in any */
    const char *reference;    /* "${...}": to be read again; NULL: as written */
};

struct webhook {
    char *url;
    int method, batch;        /* enum webhook_method, enum webhook_batch */
    const struct yaml_node *headers_node;
    struct secret token, signing_secret, hmac_secret, password;
    char *token_reference, *signing_reference, *hmac_reference, *password_reference;
    char *username, *hmac_header;
    bool gzip;
    struct endpoint endpoint;

    struct webhook_header headers[HEADERS_MAX];
    size_t headers_len;
    struct authorization basic;
};

static const char *const webhook_methods[] = { "POST", "PUT", NULL };
static const char *const webhook_batches[] = { "single", "array", "ndjson", NULL };

static const struct option_spec webhook_options[] = {
    { .key = "url", .type = OPT_URL, .at = offsetof(struct webhook, url), .required = true,
      .example = "https://soc.example.net/hooks/cosmos", .help = "where to send; https, or http to this host" },
    { .key = "method", .type = OPT_ENUM, .at = offsetof(struct webhook, method), .values = webhook_methods,
      .preset = "POST", .help = "request method" },
    { .key = "batch", .type = OPT_ENUM, .at = offsetof(struct webhook, batch), .values = webhook_batches,
      .preset = "single", .help = "single: one alert a request; array, ndjson: many" },
    { .key = "headers", .type = OPT_NODE, .at = offsetof(struct webhook, headers_node),
      .example = "{ X-Api-Key: \"${env:HOOK_KEY}\" }", .help = "further request headers, a map of texts or references" },
    { .key = "token", .type = OPT_SECRET, .at = offsetof(struct webhook, token),
      .reference_at = offsetof(struct webhook, token_reference), .example = "\"${env:HOOK_TOKEN}\"",
      .help = "reference to a secret sent as Authorization: Bearer" },
    { .key = "signing_secret", .type = OPT_SECRET, .at = offsetof(struct webhook, signing_secret),
      .reference_at = offsetof(struct webhook, signing_reference), .example = "\"${file:/etc/cosmowatch/whsec}\"",
      .help = "reference to a key (whsec_...) that signs each request as Standard Webhooks says" },
    { .key = "username", .type = OPT_STRING, .at = offsetof(struct webhook, username), .min = 1, .max = 255,
      .example = "cosmowatch", .help = "user of Authorization: Basic, in place of token" },
    { .key = "password", .type = OPT_SECRET, .at = offsetof(struct webhook, password),
      .reference_at = offsetof(struct webhook, password_reference), .example = "\"${file:/etc/cosmowatch/hook-password}\"",
      .help = "reference to the user's password" },
    { .key = "hmac_secret", .type = OPT_SECRET, .at = offsetof(struct webhook, hmac_secret),
      .reference_at = offsetof(struct webhook, hmac_reference), .example = "\"${file:/etc/cosmowatch/hook-hmac}\"",
      .help = "reference to a key that signs each body as GitHub does: sha256=HMAC-SHA256 in hexadecimal" },
    { .key = "hmac_header", .type = OPT_STRING, .at = offsetof(struct webhook, hmac_header),
      .preset = "X-Hub-Signature-256", .min = 1, .max = 100, .help = "where that signature stands" },
    { .key = "gzip", .type = OPT_BOOL, .at = offsetof(struct webhook, gzip), .preset = "false",
      .help = "compress the body; not together with signing_secret or hmac_secret" },
    ENDPOINT_OPTIONS(offsetof(struct webhook, endpoint)),
    { 0 },
};

/* ---- opening ------------------------------------------------------------------------------------ */

/* RFC 9110: a name is a token; a value holds no line end. Framing and identity are ours to write. */
static bool is_good_header(struct slice name, struct slice value)
{
    static const char *const ours[] = { "host", "content-length", "transfer-encoding", "connection", "content-type",
                                        "content-encoding", "webhook-id", "webhook-timestamp", "webhook-signature" };

    if (slice_empty(name))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

        if (!is_alnum && (c == '\0' || !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(ours); i++)
        if (slice_eq_nocase(name, slice_of(ours[i])))
            return false;
    for (size_t i = 0; i < value.len; i++)
        if (((unsigned char)value.at[i] < 0x20 && value.at[i] != '\t') || value.at[i] == 0x7f)
            return false;
    return true;
}

static int read_header(struct webhook_header *h, const struct yaml_node *n, struct error *err)
{
    if (n->kind != YAML_NODE_SCALAR)
        return yaml_node_refuse(n, err, "a header must be a text or a reference like ${env:NAME}");
    h->reference = slice_starts(n->text, SL("${")) ? n->text.at : NULL;
    if (h->reference && secret_ref_resolve(n->text, &h->value, err) < 0)
        return -1;
    if (!h->reference && !secret_set(&h->value, n->text))
        return error_set(err, ERR_NOMEM, "headers");
    if (!is_good_header(n->key, slice_make(secret_reveal(&h->value), h->value.len)))
        return yaml_node_refuse(n, err, "'%.40s' cannot be set as a header", n->key.at);
    h->name = strdup(n->key.at);
    return h->name ? 0 : error_set(err, ERR_NOMEM, "headers");
}

static int read_headers(struct webhook *w, struct error *err)
{
    const struct yaml_node *node = w->headers_node;

    if (!node || yaml_node_is_null(node))
        return 0;
    if (node->kind != YAML_NODE_MAP || node->len > HEADERS_MAX)
        return yaml_node_refuse(node, err, "headers must be a map of at most %d names and texts", HEADERS_MAX);
    for (const struct yaml_node *n = node->first; n; n = n->next)
        if (read_header(&w->headers[w->headers_len++], n, err) < 0)
            return -1;
    return 0;
}

static void webhook_close(void *self)
{
    struct webhook *w = self;

    for (size_t i = 0; i < w->headers_len; i++) {
        secret_release(&w->headers[i].value);
        free(w->headers[i].name);
        w->headers[i] = (struct webhook_header){ 0 };
    }
    w->headers_len = 0;
    authorization_close(&w->basic);
}

/* The bytes of the key behind whsec_, base64. 0: not of that form. */
static size_t signing_key(const struct webhook *w, unsigned char ret[SIGNING_KEY_MAX + 4])
{
    const char *text = secret_reveal(&w->signing_secret);
    size_t len, padding = 0;
    int n;

    if (strncmp(text, "whsec_", 6) != 0)
        return 0;
    text += 6;
    len = strlen(text);
    if (len == 0 || len % 4 != 0 || len > (SIGNING_KEY_MAX + 2) / 3 * 4)
        return 0;
    padding += text[len - 1] == '=';
    padding += text[len - 2] == '=';
    n = EVP_DecodeBlock(ret, (const unsigned char *)text, (int)len);
    return n > 0 && (size_t)n - padding <= SIGNING_KEY_MAX ? (size_t)n - padding : 0;
}

static int check_choices(const struct webhook *w, const char *name, struct error *err)
{
    if (w->gzip && (!secret_empty(&w->signing_secret) || !secret_empty(&w->hmac_secret)))
        return error_set(err, ERR_CONFIG, "output '%s': gzip excludes signing_secret and hmac_secret: what is signed is what "
                         "arrives", name);
    if (w->username && !secret_empty(&w->token))
        return error_set(err, ERR_CONFIG, "output '%s': token and username exclude each other", name);
    if (!w->username != secret_empty(&w->password))
        return error_set(err, ERR_CONFIG, "output '%s': username and password belong together", name);
    if (!is_good_header(slice_of(w->hmac_header), SL("")))
        return error_set(err, ERR_CONFIG, "output '%s': hmac_header '%.40s' cannot be set as a header", name, w->hmac_header);
    return 0;
}

static int open_basic(struct webhook *w, struct error *err)
{
    if (!w->username)
        return 0;
    w->basic = (struct authorization){ .user = w->username, .secret = &w->password, .reference = w->password_reference };
    return authorization_open(&w->basic, err);
}

static int webhook_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct webhook *w = self;
    unsigned char key[SIGNING_KEY_MAX + 4];
    bool is_signed = !secret_empty(&w->signing_secret);
    bool is_good_key = !is_signed || signing_key(w, key) >= 24;

    wipe(key, sizeof(key));
    if (endpoint_open(&w->endpoint, w->url, name, sv, err) < 0)
        return -1;
    if (!is_good_key)
        return error_set(err, ERR_CONFIG, "output '%s': signing_secret must be whsec_ and 24 to 64 bytes in base64",
                         name);
    return check_choices(w, name, err) < 0 || open_basic(w, err) < 0 ? -1 : read_headers(w, err);
}

/* ---- sending ------------------------------------------------------------------------------------ */

static void add_body(const struct webhook *w, const struct output_item *items, size_t n, struct buf *body)
{
    bool is_array = w->batch == WEBHOOK_ARRAY;

    if (is_array)
        buf_add_char(body, '[');
    for (size_t i = 0; i < n; i++) {
        if (is_array && i > 0)
            buf_add_char(body, ',');
        buf_add_slice(body, items[i].payload);
        if (w->batch == WEBHOOK_NDJSON)
            buf_add_char(body, '\n');
    }
    if (is_array)
        buf_add_char(body, ']');
}

/* Standard Webhooks: "v1," base64(HMAC-SHA256(key, id "." timestamp "." body)). */
static int sign(const struct webhook *w, const char *id, const char *timestamp, struct slice body, char ret[64],
                struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(WEBHOOK_BATCH_BYTES + (64 << 10));
    unsigned char key[SIGNING_KEY_MAX + 4], mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    size_t key_len = signing_key(w, key);
    bool is_done;

    buf_addf(&text, "%s.%s.", id, timestamp);
    buf_add_slice(&text, body);
    is_done = buf_check(&text, err) == 0 && HMAC(EVP_sha256(), key, (int)key_len, (const unsigned char *)text.at,
                                                 text.len, mac, &mac_len) && mac_len == 32;
    wipe(key, sizeof(key));
    if (!is_done)
        return error_set(err, ERR_NOMEM, "signature");
    memcpy(ret, "v1,", 3);
    (void)EVP_EncodeBlock((unsigned char *)ret + 3, mac, (int)mac_len);
    return 0;
}

/* GitHub's: "sha256=" hex(HMAC-SHA256(key, body)). */
static int sign_body(const struct webhook *w, struct slice body, char ret[80], struct error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    size_t at = strlen("sha256=");

    if (!HMAC(EVP_sha256(), secret_reveal(&w->hmac_secret), (int)w->hmac_secret.len, (const unsigned char *)body.at, body.len,
              mac, &mac_len) || mac_len != 32)
        return error_set(err, ERR_NOMEM, "signature");
    memcpy(ret, "sha256=", at);
    for (size_t i = 0; i < mac_len; i++) {
        ret[at++] = digits[mac[i] >> 4];
        ret[at++] = digits[mac[i] & 15];
    }
    ret[at] = '\0';
    return 0;
}

/* A request under way: prepared anew when a secret turned out to be another one meanwhile. */
struct sending {
    struct webhook *w;
    const char *id; /* NULL: a probe, which carries what we are known by and no alert */
    struct http_header headers[HEADERS_MAX + OWN_HEADERS];
    char timestamp[24], signature[64], hmac[80];
};

static int prepare(void *self, struct http_request *req, struct error *err)
{
    struct sending *s = self;
    struct webhook *w = s->w;
    size_t n = 0;

    req->bearer = secret_empty(&w->token) ? NULL : &w->token;
    req->headers = s->headers;
    if (w->username)
        s->headers[n++] = (struct http_header){ .name = "Authorization",
                                                .value = { .at = secret_reveal(&w->basic.line), .len = w->basic.line.len } };
    for (size_t i = 0; i < w->headers_len; i++)
        s->headers[n++] = (struct http_header){ .name = w->headers[i].name,
                                                .value = { .at = secret_reveal(&w->headers[i].value),
                                                           .len = w->headers[i].value.len } };
    req->headers_len = n;
    if (!s->id)
        return 0;
    s->headers[n++] = (struct http_header){ .name = "webhook-id", .value = slice_of(s->id) };
    if (!secret_empty(&w->signing_secret)) {
        (void)snprintf(s->timestamp, sizeof(s->timestamp), "%lld",
                       (long long)(sv_wall_ns(w->endpoint.sv) / NS_PER_S));
        if (sign(w, s->id, s->timestamp, req->body, s->signature, err) < 0)
            return -1;
        s->headers[n++] = (struct http_header){ .name = "webhook-timestamp", .value = slice_of(s->timestamp) };
        s->headers[n++] = (struct http_header){ .name = "webhook-signature", .value = slice_of(s->signature) };
    }
    if (!secret_empty(&w->hmac_secret)) {
        if (sign_body(w, req->body, s->hmac, err) < 0)
            return -1;
        s->headers[n++] = (struct http_header){ .name = w->hmac_header, .value = slice_of(s->hmac) };
    }
    req->headers_len = n;
    return 0;
}

/* True when one of them was rotated: worth one more try. */
static bool read_secrets_again(void *self)
{
    struct webhook *w = ((struct sending *)self)->w;
    bool is_new = endpoint_read_again(&w->token, w->token_reference);

    is_new |= endpoint_read_again(&w->signing_secret, w->signing_reference);
    is_new |= endpoint_read_again(&w->hmac_secret, w->hmac_reference);
    if (w->username)
        is_new |= authorization_user(&w->basic).read_again(&w->basic);
    for (size_t i = 0; i < w->headers_len; i++)
        is_new |= endpoint_read_again(&w->headers[i].value, w->headers[i].reference);
    return is_new;
}

/* One request with n alerts; its answer is the verdict of all. */
static int deliver_request(struct webhook *w, const struct output_item *items, size_t n,
                           struct delivery_result *ret_each, struct error *err)
{
    static const char *const types[][2] = { /* the latter for CloudEvents */
        [WEBHOOK_SINGLE] = { "application/json", CLOUDEVENTS_STRUCTURED_TYPE },
        [WEBHOOK_ARRAY] = { "application/json", CLOUDEVENTS_BATCH_TYPE },
        [WEBHOOK_NDJSON] = { "application/x-ndjson", "application/x-ndjson" },
    };
    CLEANUP(buf_release) struct buf body = BUF_INIT(WEBHOOK_BATCH_BYTES + (16 << 10));
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    struct sending sending = { .w = w, .id = items[0].alert->record_id };
    const struct endpoint_user user = { .self = &sending, .read_again = read_secrets_again, .prepare = prepare };
    struct http_request req = { .method = webhook_methods[w->method], .url = w->url, .gzip_body = w->gzip,
                                .content_type = types[w->batch][cloudevents_is_event(items[0].payload)] };

    add_body(w, items, n, &body);
    if (buf_check(&body, err) < 0)
        return -1;
    req.body = buf_slice(&body);
    if (endpoint_call(&w->endpoint, &user, &req, &answer, err) < 0)
        return -1;
    return verdict_from_answer(&answer, ret_each, n, err);
}

static int deliver_one(void *self, const struct output_item *item, struct delivery_result *ret, struct error *err)
{
    return deliver_request(self, item, 1, ret, err);
}

static int webhook_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                           struct error *err)
{
    struct webhook *w = self;

    return w->batch == WEBHOOK_SINGLE ? deliver_each(items, n, ret_each, deliver_one, w, err)
                                      : deliver_request(w, items, n, ret_each, err);
}

/* HEAD asks for nothing and shows nothing to a person; many receivers answer it with 405, which still
 * says that they are there and that TLS and name are right. */
static int webhook_probe(void *self, struct buf *said, struct error *err)
{
    struct webhook *w = self;
    struct sending sending = { .w = w };
    const struct endpoint_user user = { .self = &sending, .prepare = prepare };

    return endpoint_probe(&w->endpoint, &user, w->url, said, err);
}

const struct output_ops output_webhook = {
    .name = "webhook",
    .summary = "alerts as HTTP requests to any receiver",
    .options = webhook_options,
    .size = sizeof(struct webhook),
    .default_format = "json",
    .batch_max = 50, /* in single mode each is a request, and a crash sends the batch again */
    .batch_bytes_max = WEBHOOK_BATCH_BYTES,
    .open = webhook_open,
    .deliver = webhook_deliver,
    .probe = webhook_probe,
    .close = webhook_close,
};
