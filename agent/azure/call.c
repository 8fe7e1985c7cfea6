/* call.c - see call.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/call.h"
#include "azure/credential.h"
#include "azure/refusal.h"

static int call_once(struct azure_credential *c, const struct services *sv, const char *scope,
                     struct http_request *req, struct http_answer *ret, struct error *err)
{
    CLEANUP(secret_release) struct secret token = SECRET_INIT;
    int result;

    if (azure_credential_token(c, scope, &token, err) < 0)
        return -1;
    req->bearer = &token;
    result = http_perform(sv->http, req, ret, err);
    req->bearer = NULL;
    if (result == 0 && ret->status == 401)
        credential_refuse(c, scope, &token);
    return result;
}

int azure_call(struct azure_credential *c, const struct services *sv, const char *scope,
               struct http_request *req, struct http_answer *ret, struct error *err)
{
    if (call_once(c, sv, scope, req, ret, err) < 0)
        return -1;
    if (ret->status != 401)
        return 0;
    http_answer_release(ret); /* over or revoked before its time: a new one, once */
    return call_once(c, sv, scope, req, ret, err);
}

int azure_call_refused(const struct http_answer *a, enum error_code code, const char *hint,
                       const char *request_id, struct error *err)
{
    struct refusal r;
    const char *inner;

    refusal_read(buf_slice(&a->body), &r);
    inner = r.inner_code[0] ? r.inner_code : r.code;
    if (r.message[0] && !hint[0])
        (void)error_set(err, code, "HTTP %d%s%s: '%.110s' (request %s)", a->status, inner[0] ? " " : "", inner,
                        r.message, request_id);
    else
        (void)error_set(err, code, "HTTP %d%s%s: %s (request %s)", a->status, inner[0] ? " " : "", inner,
                        hint[0] ? hint : "no reason given", request_id);
    err->retry_after_ms = a->retry_after_ms;
    return -1;
}
