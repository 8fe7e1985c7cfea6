/* kafka_token.c - see kafka_client.h. The library of the distribution is built without OIDC of its own, so
 * the client credentials grant (RFC 6749 section 4.4, with HTTP Basic as section 2.3.1 demands of every
 * server) is done here with our HTTP client.
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/token.h"
#include "base/buf.h"
#include "net/http.h"
#include "net/openssl.h"
#include "outputs/kit/kafka_client.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>

#define IDENTITY_LIFETIME_MS 300000 /* azure.h: a token is good for five more minutes at least */
#define PRINCIPAL "cosmowatch"      /* must be there; brokers take the token's own */

struct kafka_tokens {
    const struct services *sv;
    const struct kafka_oidc *oidc;         /* NULL: our Azure identity */
    struct azure_credential *credential;
    char scope[320];
};

void kafka_tokens_free(struct kafka_tokens *t)
{
    if (!t)
        return;
    azure_credential_free(t->credential);
    free(t);
}

int kafka_tokens_new(const struct kafka_settings *s, const struct kafka_place *p, const struct services *sv,
                     struct kafka_tokens **ret, struct error *err)
{
    struct azure_auth_config auth;
    struct kafka_tokens *t = calloc(1, sizeof *t);

    if (!t)
        return error_set(err, ERR_NOMEM, "tokens");
    t->sv = sv;
    (void)snprintf(t->scope, sizeof t->scope, "https://%s/.default", p->host);
    azure_auth_config_from(&s->auth, &auth);
    if (!s->is_event_hubs)
        t->oidc = &s->sasl.oidc;
    else if (azure_credential_new(&auth, azure_cloud_find(kafka_clouds[s->cloud]), sv, &t->credential, err) < 0) {
        kafka_tokens_free(t);
        return error_wrap(err, "auth");
    }
    *ret = t;
    return 0;
}

void kafka_tokens_forget(struct kafka_tokens *t)
{
    if (t && t->credential)
        azure_credential_forget(t->credential, t->scope);
}

/* ---- OIDC ------------------------------------------------------------------------------------------ */

static void wipe_release(struct buf *b)
{
    if (b->at)
        wipe(b->at, b->cap);
    buf_release(b);
}

static void add_encoded(struct buf *out, struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || strchr("-._~", c);

        if (is_plain && c != '\0')
            buf_add_char(out, (char)c);
        else
            buf_addf(out, "%%%02X", c);
    }
}

/* "Basic base64(id:secret)", both url-encoded first. */
static int add_basic(struct buf *out, const struct kafka_oidc *o, struct error *err)
{
    CLEANUP(wipe_release) struct buf pair = BUF_PRIVATE(16384);
    struct secret fresh = SECRET_INIT;
    int rc = 0;

    if (o->client_secret_reference)
        rc = secret_ref_resolve(slice_of(o->client_secret_reference), &fresh, err);
    add_encoded(&pair, slice_of(o->client_id));
    buf_add_char(&pair, ':');
    add_encoded(&pair, o->client_secret_reference ? slice_make(secret_reveal(&fresh), fresh.len)
                                                  : slice_make(secret_reveal(&o->client_secret), o->client_secret.len));
    secret_release(&fresh);
    if (rc < 0 || buf_check(&pair, err) < 0)
        return -1;
    buf_add_str(out, "Basic ");
    if (!buf_reserve(out, (pair.len + 2) / 3 * 4 + 1))
        return buf_check(out, err);
    out->len += (size_t)EVP_EncodeBlock((unsigned char *)out->at + out->len, (const unsigned char *)pair.at, (int)pair.len);
    return 0;
}

static int ask_oidc(const struct kafka_tokens *t, struct token *ret, struct error *err)
{
    const struct kafka_oidc *o = t->oidc;
    const struct http_tls tls = { .ca_file = o->ca };
    CLEANUP(wipe_release) struct buf basic = BUF_PRIVATE(32768);
    CLEANUP(buf_release) struct buf form = BUF_INIT(8192);
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    struct http_header header = { .name = "Authorization" };

    if (add_basic(&basic, o, err) < 0)
        return -1;
    header.value = buf_slice(&basic);
    http_form_add(&form, "grant_type", SL("client_credentials"));
    if (o->scope)
        http_form_add(&form, "scope", slice_of(o->scope));
    if (buf_check(&form, err) < 0 ||
        http_perform(t->sv->http, &(struct http_request){
            .method = "POST", .url = o->token_url, .headers = &header, .headers_len = 1, .body = buf_slice(&form),
            .content_type = "application/x-www-form-urlencoded", .answer_max = 64 << 10, .tls = &tls }, &answer, err) < 0)
        return -1;
    if (answer.status != 200)
        return error_set(err, answer.status >= 500 ? ERR_SERVER : ERR_AUTH, "HTTP %d: %.*s", answer.status,
                         SLF(slice_cut(buf_slice(&answer.body), 100)));
    return token_parse(buf_slice(&answer.body), sv_wall_ns(t->sv), ret, err);
}

/* ---- for librdkafka -------------------------------------------------------------------------------- */

static int ask(struct kafka_tokens *t, struct token *ret, struct error *err)
{
    if (t->oidc)
        return ask_oidc(t, ret, err) < 0 ? error_wrap(err, "token endpoint") : 0;
    ret->lifetime_ms = IDENTITY_LIFETIME_MS;
    return azure_credential_token(t->credential, t->scope, &ret->access, err);
}

void kafka_tokens_refresh(struct kafka_tokens *t, void *rk)
{
    struct token token = { 0 };
    struct error err = { 0 };
    char why[300];

    if (ask(t, &token, &err) < 0) {
        (void)rd_kafka_oauthbearer_set_token_failure(rk, err.msg);
        return;
    }
    if (rd_kafka_oauthbearer_set_token(rk, secret_reveal(&token.access),
                                       sv_wall_ns(t->sv) / NS_PER_MS + token.lifetime_ms, PRINCIPAL, NULL, 0, why,
                                       sizeof why) != RD_KAFKA_RESP_ERR_NO_ERROR)
        (void)rd_kafka_oauthbearer_set_token_failure(rk, "the token that was issued cannot be sent: it is no bearer token");
    secret_release(&token.access);
}
