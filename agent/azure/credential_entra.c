/* credential_entra.c - the token endpoint of Microsoft Entra ID: client credentials proved by a secret,
 * by a certificate's key or by a federated token.
 * Source: "OAuth 2.0 client credentials flow", "Workload identity federation" (read 2026-08).
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/credential.h"
#include "azure/refusal.h"

#include "base/log.h"

#include <stdlib.h>

#define FORM_MAX_BYTES (256u << 10)
#define ANSWER_MAX_BYTES (256u << 10)
#define FEDERATED_MAX_BYTES (64u << 10)
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static int endpoint_url(const struct azure_credential *c, struct buf *ret, struct error *err)
{
    buf_addf(ret, "%s/%s/oauth2/v2.0/token", c->authority, c->tenant);
    return buf_check(ret, err);
}

/* What is common to all three; the proof comes last. The room is taken at once, so that growing leaves no
 * copy of a secret behind. */
static int form_begin(const struct azure_credential *c, const char *scope, struct buf *form,
                      struct error *err)
{
    if (!buf_reserve(form, FORM_MAX_BYTES))
        return error_set(err, ERR_NOMEM, "no memory for a token request");
    http_form_add(form, "grant_type", SL("client_credentials"));
    http_form_add(form, "client_id", slice_of(c->client_id));
    http_form_add(form, "scope", slice_of(scope));
    return 0;
}

/* Their clock minus ours, 0 unknown. */
static int64_t skew_of(const struct azure_credential *c, const struct http_answer *a)
{
    return a->server_date_ns ? a->server_date_ns - sv_wall_ns(c->sv) : 0;
}

static int exchange(struct azure_credential *c, const struct buf *form, struct token *ret, struct error *err)
{
    const struct http_header headers[] = { { .name = "Accept", .value = SL("application/json") } };
    CLEANUP(buf_release) struct buf url = BUF_HERE(4096);
    struct http_answer answer = { 0 };
    int result;

    if (buf_check(form, err) < 0 || endpoint_url(c, &url, err) < 0)
        return -1;
    const struct http_request req = {
        .method = "POST", .url = buf_cstr(&url), .headers = headers, .headers_len = ARRAY_LEN(headers),
        .body = buf_slice(form), .content_type = "application/x-www-form-urlencoded",
        .timeout_ms = 30000, .answer_max = ANSWER_MAX_BYTES,
    };

    if (connection_perform(c->connection, c->sv->http, &req, &answer, err) < 0)
        return error_wrap(err, "token endpoint");
    if (answer.status == 200)
        result = token_parse(buf_slice(&answer.body), sv_wall_ns(c->sv) + skew_of(c, &answer), ret, err);
    else
        result = refusal_of_token(&answer, skew_of(c, &answer), err);
    if (result < 0)
        (void)error_wrap(err, "token endpoint, app %.40s", c->client_id);
    if (answer.body.at)
        wipe(answer.body.at, answer.body.len);
    http_answer_release(&answer);
    return result;
}

/* ---- secret ------------------------------------------------------------------------------------------- */

/* The secret of now. A file that cannot be read just now does not take away the one read last. */
static int add_secret(struct azure_credential *c, struct buf *form, struct error *err)
{
    struct secret fresh = { 0 };
    struct error e = { 0 };
    int result = 0;

    (void)pthread_mutex_lock(&c->proof_lock);
    if (c->secret_reference) {
        if (secret_ref_resolve(slice_of(c->secret_reference), &fresh, &e) == 0) {
            secret_move(&c->client_secret, &fresh);
        } else if (secret_empty(&c->client_secret)) {
            *err = e;
            result = error_wrap(err, "client secret");
        } else {
            log_event(LOG_LEVEL_WARN, "azure", "client secret not read again, the last one stays", "reason",
                      e.msg, NULL);
        }
    }
    if (result == 0)
        http_form_add(form, "client_secret",
                      slice_make(secret_reveal(&c->client_secret), c->client_secret.len));
    (void)pthread_mutex_unlock(&c->proof_lock);
    return result;
}

int credential_fetch_secret(struct azure_credential *c, const char *scope, struct token *ret, struct error *err)
{
    CLEANUP(buf_wipe_release) struct buf form = BUF_PRIVATE(FORM_MAX_BYTES);

    if (form_begin(c, scope, &form, err) < 0 || add_secret(c, &form, err) < 0)
        return -1;
    return exchange(c, &form, ret, err);
}

/* ---- assertions --------------------------------------------------------------------------------------- */

static void add_assertion(struct buf *form, struct slice assertion)
{
    http_form_add(form, "client_assertion_type", SL(ASSERTION_TYPE));
    http_form_add(form, "client_assertion", assertion);
}

int credential_fetch_certificate(struct azure_credential *c, const char *scope, struct token *ret,
                                 struct error *err)
{
    CLEANUP(buf_wipe_release) struct buf form = BUF_PRIVATE(FORM_MAX_BYTES);
    CLEANUP(buf_wipe_release) struct buf assertion = BUF_PRIVATE(FEDERATED_MAX_BYTES);
    CLEANUP(buf_release) struct buf aud = BUF_HERE(4096);
    int result;

    if (endpoint_url(c, &aud, err) < 0)
        return -1;
    (void)pthread_mutex_lock(&c->proof_lock);
    result = certificate_assertion(c, buf_cstr(&aud), &assertion, err);
    (void)pthread_mutex_unlock(&c->proof_lock);
    if (result < 0 || form_begin(c, scope, &form, err) < 0)
        return -1;
    add_assertion(&form, buf_slice(&assertion));
    if (exchange(c, &form, ret, err) == 0)
        return 0;
    (void)pthread_mutex_lock(&c->proof_lock);
    certificate_explain(c, err);
    (void)pthread_mutex_unlock(&c->proof_lock);
    return -1;
}

/* The projected token is rotated by Kubernetes, hence read every time. */
int credential_fetch_workload(struct azure_credential *c, const char *scope, struct token *ret, struct error *err)
{
    CLEANUP(buf_wipe_release) struct buf form = BUF_PRIVATE(FORM_MAX_BYTES);
    CLEANUP(secret_release) struct secret federated = SECRET_INIT;

    if (credential_read_file(c->token_file, FEDERATED_MAX_BYTES, &federated, err) < 0)
        return error_wrap(err, "federated token");
    if (form_begin(c, scope, &form, err) < 0)
        return -1;
    add_assertion(&form, slice_trim(slice_make(secret_reveal(&federated), federated.len)));
    return exchange(c, &form, ret, err);
}
