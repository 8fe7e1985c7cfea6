/* call.c - see call.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/call.h"
#include "azure/credential.h"
#include "azure/refusal.h"

#define SAID_MAX 180 /* of everything before the request id */
#define SAID_MIN 20  /* less says nothing */

static int call_once(struct azure_credential *c, const struct services *sv, const char *scope,
                     struct http_request *req, struct http_answer *ret, struct error *err)
{
    CLEANUP(secret_release) struct secret token = SECRET_INIT;
    int result;

    if (azure_credential_token(c, scope, &token, err) < 0)
        return -1;
    req->bearer = &token;
    result = connection_perform(c->connection, sv->http, req, ret, err);
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

/* Their words and ours, and the request id for Microsoft's support last: where a caller keeps less of it, the rest is
 * still whole. Of long words only so much that what to do about it is not cut off. */
int azure_call_refused(const struct http_answer *a, enum error_code code, const char *hint,
                       const char *request_id, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(1024);
    struct refusal r;
    const char *inner;
    size_t room;

    refusal_read(buf_slice(&a->body), &r);
    inner = r.inner_code[0] ? r.inner_code : r.code;
    buf_addf(&text, "HTTP %d%s%s: ", a->status, inner[0] ? " " : "", inner);
    room = text.len + strlen(hint) + 4 < SAID_MAX ? SAID_MAX - text.len - strlen(hint) - 4 : 0;
    if (r.message[0] && room >= SAID_MIN)
        buf_addf(&text, "'%.*s'%s", (int)slice_cut(slice_of(r.message), room).len, r.message, hint[0] ? "; " : "");
    buf_add_str(&text, hint[0] || r.message[0] ? hint : "no reason given");
    (void)error_set(err, code, "%s (request %s)", buf_cstr(&text), request_id);
    err->retry_after_ms = a->retry_after_ms;
    return -1;
}
