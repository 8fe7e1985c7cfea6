/* webhook - alerts as the body of an HTTP request, to whatever receives such.
 *
 * Accepted: a complete 2xx answer. Redirects are not followed: the credential must not travel.
 * batch:    single sends one alert a request with its record id in the header `webhook-id`, which stays
 *           the same over retries, so that a receiver can drop a second copy without reading the body
 *           (Standard Webhooks 1.0). array and ndjson send many; the ids are in the body.
 * Signing:  with `signing_secret` the headers webhook-timestamp and webhook-signature of Standard
 *           Webhooks (HMAC-SHA256 over id.timestamp.body) prove who sent it. The id of a batch is that
 *           of its first record. Signed bodies are not compressed: what is signed is what arrives.
 * Secrets:  read again after a 401, as a rotated file may hold the new one; only then an alarm.
 * Plain http is for loopback only, unless `allow_plain_http` says that the network is trusted.
 * Source:   standard-webhooks/standard-webhooks spec, read August 2026.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/num.h"
#include "base/secret.h"
#include "net/http.h"
#include "net/openssl.h"
#include "outputs/kit/verdict.h"
#include "outputs/output.h"
#include "settings/option.h"
#include "settings/yaml_node.h"

#include "alert/alert.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define WEBHOOK_BATCH_BYTES ((size_t)1 << 20)
#define HEADERS_MAX 32        /* of the operator */
#define OWN_HEADERS 3         /* id, timestamp, signature */
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
    struct secret token, signing_secret;
    char *token_reference, *signing_reference;
    int64_t timeout_ms;
    bool gzip, allow_plain_http;
    struct webhook_tls {
        char *ca, *cert, *key;
    } tls;

    const struct services *sv;
    struct webhook_header headers[HEADERS_MAX];
    size_t headers_len;
};

static const char *const webhook_methods[] = { "POST", "PUT", NULL };
static const char *const webhook_batches[] = { "single", "array", "ndjson", NULL };

static const struct option_spec webhook_tls_options[] = {
    { .key = "ca", .type = OPT_STRING, .at = offsetof(struct webhook_tls, ca),
      .example = "/etc/ssl/certs/ca-certificates.crt",
      .help = "PEM file with the authorities to trust instead of the system's" },
    { .key = "cert", .type = OPT_STRING, .at = offsetof(struct webhook_tls, cert),
      .example = "/etc/cosmowatch/client.pem", .help = "PEM file with our certificate for the receiver" },
    { .key = "key", .type = OPT_STRING, .at = offsetof(struct webhook_tls, key),
      .example = "/etc/cosmowatch/client.key", .help = "PEM file with its key; needless when it stands in cert" },
    { 0 },
};

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
    { .key = "timeout", .type = OPT_DURATION, .at = offsetof(struct webhook, timeout_ms), .preset = "30s",
      .min = 1000, .max = 600000, .help = "for a whole request" },
    { .key = "gzip", .type = OPT_BOOL, .at = offsetof(struct webhook, gzip), .preset = "false",
      .help = "compress the body; not together with signing_secret" },
    { .key = "tls", .type = OPT_MAP, .at = offsetof(struct webhook, tls), .sub = webhook_tls_options,
      .help = "trust and our own certificate" },
    { .key = "allow_plain_http", .type = OPT_BOOL, .at = offsetof(struct webhook, allow_plain_http),
      .preset = "false", .help = "send unprotected over a network that you trust" },
    { 0 },
};

/* ---- opening ------------------------------------------------------------------------------------ */

/* Host of an http URL that goes nowhere: 127.0.0.0/8, [::1], localhost. */
static bool is_loopback(const char *url)
{
    struct slice rest = slice_of(url), host, name = { 0 };
    char text[64];
    struct in_addr v4;

    rest = slice_make(rest.at + strlen("http://"), rest.len - strlen("http://"));
    host = slice_make(rest.at, strcspn(rest.at, "/?#"));
    if (slice_starts(host, SL("[::1]")))
        return host.len == 5 || host.at[5] == ':';
    (void)slice_split(&host, ':', &name);
    if (slice_eq_nocase(name, SL("localhost")))
        return true;
    if (slice_empty(name) || name.len >= sizeof(text))
        return false;
    memcpy(text, name.at, name.len);
    text[name.len] = '\0';
    return inet_pton(AF_INET, text, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

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

static int webhook_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct webhook *w = self;
    unsigned char key[SIGNING_KEY_MAX + 4];
    bool is_signed = !secret_empty(&w->signing_secret);
    bool is_good_key = !is_signed || signing_key(w, key) >= 24;

    wipe(key, sizeof(key));
    w->sv = sv;
    if (strncasecmp(w->url, "http://", 7) == 0 && !w->allow_plain_http && !is_loopback(w->url))
        return error_set(err, ERR_CONFIG, "output '%s': plain http to another host would show alerts and credential "
                         "to the network: use https, or set allow_plain_http", name);
    if (!is_good_key)
        return error_set(err, ERR_CONFIG, "output '%s': signing_secret must be whsec_ and 24 to 64 bytes in base64",
                         name);
    if (is_signed && w->gzip)
        return error_set(err, ERR_CONFIG, "output '%s': gzip and signing_secret exclude each other", name);
    return read_headers(w, err);
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

static int send_once(struct webhook *w, const char *id, struct slice body, struct http_answer *ret, struct error *err)
{
    static const char *const types[] = { [WEBHOOK_SINGLE] = "application/json", [WEBHOOK_ARRAY] = "application/json",
                                         [WEBHOOK_NDJSON] = "application/x-ndjson" };
    struct http_header headers[HEADERS_MAX + OWN_HEADERS];
    struct http_tls tls = { .ca_file = w->tls.ca, .client_cert = w->tls.cert, .client_key = w->tls.key };
    char timestamp[24], signature[64];
    size_t n = 0;

    for (; n < w->headers_len; n++)
        headers[n] = (struct http_header){ .name = w->headers[n].name, .is_secret = true,
                                           .value = { .at = secret_reveal(&w->headers[n].value),
                                                      .len = w->headers[n].value.len } };
    headers[n++] = (struct http_header){ .name = "webhook-id", .value = slice_of(id) };
    if (!secret_empty(&w->signing_secret)) {
        (void)snprintf(timestamp, sizeof(timestamp), "%lld", (long long)(sv_wall_ns(w->sv) / NS_PER_S));
        if (sign(w, id, timestamp, body, signature, err) < 0)
            return -1;
        headers[n++] = (struct http_header){ .name = "webhook-timestamp", .value = slice_of(timestamp) };
        headers[n++] = (struct http_header){ .name = "webhook-signature", .value = slice_of(signature) };
    }
    return http_perform(w->sv->http, &(struct http_request){
        .method = webhook_methods[w->method], .url = w->url, .headers = headers, .headers_len = n,
        .bearer = secret_empty(&w->token) ? NULL : &w->token, .body = body, .content_type = types[w->batch],
        .gzip_body = w->gzip, .timeout_ms = w->timeout_ms, .answer_max = 64 << 10, .tls = &tls }, ret, err);
}

static bool read_again(struct secret *s, const char *reference)
{
    struct secret fresh = SECRET_INIT;
    struct error ignored = { 0 }; /* the old one stays, and its refusal is told */
    bool is_new = false;

    if (reference && secret_ref_resolve(slice_of(reference), &fresh, &ignored) == 0)
        is_new = !slice_eq(slice_make(secret_reveal(&fresh), fresh.len), slice_make(secret_reveal(s), s->len));
    if (is_new)
        secret_move(s, &fresh);
    secret_release(&fresh);
    return is_new;
}

/* True when one of them was rotated: worth one more try. */
static bool read_secrets_again(struct webhook *w)
{
    bool is_new = read_again(&w->token, w->token_reference);

    is_new |= read_again(&w->signing_secret, w->signing_reference);
    for (size_t i = 0; i < w->headers_len; i++)
        is_new |= read_again(&w->headers[i].value, w->headers[i].reference);
    return is_new;
}

/* One request with n alerts; its answer is the verdict of all. */
static int deliver_request(struct webhook *w, const struct output_item *items, size_t n,
                           struct delivery_result *ret_each, struct error *err)
{
    CLEANUP(buf_release) struct buf body = BUF_INIT(WEBHOOK_BATCH_BYTES + (16 << 10));
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };

    add_body(w, items, n, &body);
    if (buf_check(&body, err) < 0 || send_once(w, items[0].alert->record_id, buf_slice(&body), &answer, err) < 0)
        return -1;
    if (answer.status == 401 && read_secrets_again(w)) {
        http_answer_release(&answer);
        answer = (struct http_answer){ 0 };
        if (send_once(w, items[0].alert->record_id, buf_slice(&body), &answer, err) < 0)
            return -1;
    }
    return verdict_from_answer(&answer, ret_each, n, err);
}

/* One alert a request, until one is neither taken nor refused: those behind it wait for their turn. */
static int deliver_singly(struct webhook *w, const struct output_item *items, size_t n,
                          struct delivery_result *ret_each, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        struct error why = { 0 };

        if (deliver_request(w, &items[i], 1, &ret_each[i], &why) < 0) {
            if (i == 0) { /* nothing was judged: the error says more than a verdict could */
                *err = why;
                return -1;
            }
            ret_each[i] = (struct delivery_result){ .verdict = DELIVERY_RETRY, .retry_after_ms = why.retry_after_ms };
            (void)snprintf(ret_each[i].reason, sizeof(ret_each[i].reason), "%.199s", why.msg);
        }
        if (ret_each[i].verdict == DELIVERY_ACCEPTED || ret_each[i].verdict == DELIVERY_REFUSED)
            continue;
        for (size_t j = i + 1; j < n; j++) {
            ret_each[j] = ret_each[i];
            ret_each[j].verdict = DELIVERY_RETRY;
        }
        return 0;
    }
    return 0;
}

static int webhook_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                           struct error *err)
{
    struct webhook *w = self;

    return w->batch == WEBHOOK_SINGLE ? deliver_singly(w, items, n, ret_each, err)
                                      : deliver_request(w, items, n, ret_each, err);
}

/* HEAD asks for nothing and shows nothing to a person; many receivers answer it with 405, which still
 * says that they are there and that TLS and name are right. */
static int webhook_probe(void *self, struct buf *said, struct error *err)
{
    struct webhook *w = self;
    struct http_tls tls = { .ca_file = w->tls.ca, .client_cert = w->tls.cert, .client_key = w->tls.key };
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };

    if (http_perform(w->sv->http, &(struct http_request){
            .method = "HEAD", .url = w->url, .bearer = secret_empty(&w->token) ? NULL : &w->token,
            .timeout_ms = w->timeout_ms, .tls = &tls }, &answer, err) < 0)
        return -1;
    if (answer.status == 401 || answer.status == 403)
        return error_set(err, answer.status == 401 ? ERR_AUTH : ERR_DENIED, "the receiver answers HTTP %d",
                         answer.status);
    buf_addf(said, "the receiver answers HTTP %d to HEAD", answer.status);
    return 0;
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
