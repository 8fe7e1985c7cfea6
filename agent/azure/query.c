/* query.c - the Log Analytics query API: one query, one verdict.
 *
 * The verdicts are what the reader of windows lives by: ERR_LIMIT makes it ask for less at a time,
 * ERR_CONFIG and ERR_NOT_FOUND alarm somebody, the rest is tried again.
 * Source: Azure Monitor "Log Analytics API" pages: request format, errors, timeouts, prefer options,
 * cache (read 2026-08).
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/call.h"
#include "azure/refusal.h"

#include "base/json_out.h"
#include "base/uuid.h"

#include <stdio.h>

#define WAIT_S 180
#define WAIT_MAX_S 600
#define ANSWER_MAX_BYTES ((size_t)128 << 20)
#define QUERY_MAX_BYTES ((size_t)8 << 20)
#define SILENCE_MS 30000    /* beyond the server's own limit */
#define TRANSFER_MS 120000  /* for the answer itself, beyond the server's limit */

/* ---- asking ---------------------------------------------------------------------------------------------- */

static int make_url(const struct azure_query *q, const struct azure_cloud *cloud, struct buf *ret,
                    struct error *err)
{
    struct slice base = slice_of(q->endpoint ? q->endpoint : cloud->query_host);

    if (!q->workspace || !uuid_is_valid(slice_of(q->workspace)))
        return error_set(err, ERR_CONFIG, "workspace '%.60s' is not a workspace id (a GUID)",
                         q->workspace ? q->workspace : "");
    while (base.len > 0 && base.at[base.len - 1] == '/')
        base.len--;
    if (slice_ends_nocase(base, SL("/v1"))) /* some of Microsoft's clients want it so */
        base.len -= 3;
    buf_add_slice(ret, base);
    buf_addf(ret, "/v1/workspaces/%s/query", q->workspace);
    return buf_check(ret, err);
}

static int make_body(const struct azure_query *q, struct buf *ret, struct error *err)
{
    buf_add_char(ret, '{');
    json_add_key(ret, "query");
    json_add_string(ret, q->query);
    buf_add_char(ret, '}');
    return buf_check(ret, err);
}

static int64_t wait_s_of(const struct azure_query *q)
{
    return q->wait_s <= 0 ? WAIT_S : q->wait_s > WAIT_MAX_S ? WAIT_MAX_S : q->wait_s;
}

/* ---- judging --------------------------------------------------------------------------------------------- */

static int fail_transfer(enum http_failure failure, struct error *err)
{
    switch ((int)failure) {
    case HTTP_FAILED_SILENT:
    case HTTP_FAILED_SLOW: /* asked for too much at once, for this server or this line */
        err->code = ERR_LIMIT;
        break;
    case HTTP_FAILED_CUT:
        if (err->code == ERR_NET)
            err->code = ERR_SERVER;
        break;
    default:
        break;
    }
    return error_wrap(err, "query");
}

/* Texts of the engine for "too much", whatever the status they come with. */
static bool is_too_much(struct slice body)
{
    static const struct slice signs[] = { SL("E_QUERY_RESULT_SET_TOO_LARGE"), SL("E_RUNAWAY_QUERY"),
                                          SL("E_QUERY_TIMEOUT"), SL("ResponsePayloadTooLarge"),
                                          SL("ResponseSizeError") };
    struct slice head = slice_make(body.at, body.len > 65536 ? 65536 : body.len);

    for (size_t i = 0; i < ARRAY_LEN(signs); i++)
        if (slice_find(head, signs[i]) != SIZE_MAX)
            return true;
    return false;
}

static bool is_unknown_thing(const struct refusal *r)
{
    struct slice text = slice_of(r->message);

    return slice_find_nocase(text, SL("failed to resolve table")) != SIZE_MAX ||
           strcmp(r->code, "FailedToResolveResource") == 0 ||
           strcmp(r->inner_code, "FailedToResolveResource") == 0 ||
           strcmp(r->code, "PathNotFoundError") == 0 || strcmp(r->inner_code, "PathNotFoundError") == 0 ||
           slice_find_nocase(text, SL("failed to resolve workspace")) != SIZE_MAX;
}

static const char *hint_of_denial(const struct refusal *r)
{
    if (slice_starts(slice_of(r->code), SL("InvalidAuthenticationToken")) ||
        slice_starts(slice_of(r->code), SL("InvalidToken")))
        return "the token is not for this cloud; check `cloud` and `authority`";
    return "grant 'Log Analytics Reader' on the workspace (works after up to an hour)";
}

static int fail_status(const struct http_answer *a, const char *id, struct error *err)
{
    struct refusal r;

    refusal_read(buf_slice(&a->body), &r);
    switch (a->status) {
    case 400:
        if (is_too_much(buf_slice(&a->body)))
            return azure_call_refused(a, ERR_LIMIT, "", id, err);
        return azure_call_refused(a, is_unknown_thing(&r) ? ERR_NOT_FOUND : ERR_CONFIG, "", id, err);
    case 401:
        return azure_call_refused(a, ERR_AUTH, "a new token is refused too", id, err);
    case 403:
        return azure_call_refused(a, ERR_DENIED, hint_of_denial(&r), id, err);
    case 204:
        return azure_call_refused(a, ERR_NOT_FOUND, "the workspace has never received data", id, err);
    case 404:
        return azure_call_refused(a, ERR_NOT_FOUND, "check `workspace` and `endpoint`", id, err);
    case 413:
        return azure_call_refused(a, ERR_LIMIT, "", id, err);
    case 504:
        return azure_call_refused(a, ERR_LIMIT, "the query ran into its time limit", id, err);
    case 429:
    case 503:
        return azure_call_refused(a, ERR_BUSY, "asks us to slow down", id, err);
    case 407:
        return azure_call_refused(a, ERR_NET, "the proxy wants a user and a password", id, err);
    default:
        break;
    }
    if (a->status >= 300 && a->status < 400)
        return azure_call_refused(a, ERR_CONFIG, "redirect not followed: the token must not travel; check `endpoint`",
                                  id, err);
    if (a->status >= 500 && is_too_much(buf_slice(&a->body)))
        return azure_call_refused(a, ERR_LIMIT, "", id, err);
    if (a->status >= 500 || a->status < 300 || a->status == 408)
        return azure_call_refused(a, ERR_SERVER, "", id, err);
    return azure_call_refused(a, ERR_CONFIG, "", id, err);
}

/* Cheap: an answer of 100 MB is parsed once, by its decoder. A cut one has no end. */
static int check_shape(const struct http_answer *a, const char *id, struct error *err)
{
    struct slice body = slice_trim(buf_slice(&a->body));

    if (slice_empty(body))
        return error_set(err, ERR_SERVER, "HTTP 200 with an empty body (request %s)", id);
    if (a->content_type[0] && slice_find_nocase(slice_of(a->content_type), SL("json")) == SIZE_MAX)
        return error_set(err, ERR_SERVER, "HTTP 200 with '%s' in the place of JSON; is something in between? (request %s)",
                         a->content_type, id);
    if (body.at[0] != '{' || body.at[body.len - 1] != '}')
        return error_set(err, ERR_SERVER, "HTTP 200 with a cut or damaged body of %zu bytes (request %s)",
                         body.len, id);
    return 0;
}

int azure_query_run(struct azure_credential *c, const struct azure_cloud *cloud, const struct services *sv,
                    const struct azure_query *q, struct http_answer *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf url = BUF_HERE(4096), body = BUF_INIT(QUERY_MAX_BYTES);
    int64_t wait_s = wait_s_of(q);
    struct http_answer answer = { 0 };
    char id[37], prefer[32];
    int result;

    if (make_url(q, cloud, &url, err) < 0 || make_body(q, &body, err) < 0)
        return error_wrap(err, "query");
    uuid_v4(sv, id);
    (void)snprintf(prefer, sizeof(prefer), "wait=%" PRId64, wait_s);
    const struct http_header headers[] = {
        { .name = "Accept", .value = SL("application/json") },
        { .name = "Prefer", .value = slice_of(prefer) },
        { .name = "x-ms-client-request-id", .value = slice_of(id) },
        { .name = "Cache-Control", .value = SL("no-cache") }, /* last: left out unless asked for */
    };
    struct http_request req = {
        .method = "POST", .url = buf_cstr(&url), .headers = headers,
        .headers_len = ARRAY_LEN(headers) - (q->no_cache ? 0 : 1),
        .body = buf_slice(&body), .content_type = "application/json",
        .timeout_ms = wait_s * 1000 + TRANSFER_MS, .stall_timeout_ms = wait_s * 1000 + SILENCE_MS,
        .answer_max = q->answer_max ? q->answer_max : ANSWER_MAX_BYTES,
    };

    if (azure_call(c, sv, cloud->query_scope, &req, &answer, err) < 0)
        return fail_transfer(answer.failure, err);
    result = answer.status == 200 ? check_shape(&answer, id, err) : fail_status(&answer, id, err);
    if (result < 0) {
        http_answer_release(&answer);
        return error_wrap(err, "query");
    }
    *ret = answer;
    return 0;
}
