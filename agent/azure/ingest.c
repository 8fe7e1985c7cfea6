/* ingest.c - the Logs Ingestion API: a JSON array of rows to one stream of a data collection rule.
 *
 * 204 means that the rows arrived at the rule; what a transformation drops behind it is not told.
 * Source: Azure Monitor "Logs Ingestion API overview", "service limits" (read 2026-08).
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/call.h"
#include "azure/refusal.h"

#include "base/uuid.h"

#define CALL_MAX_BYTES (1u << 20) /* compressed and not */

/* Rule and stream become parts of the path. */
static bool is_name(const char *text)
{
    for (const char *p = text ? text : ""; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              *p == '-' || *p == '_'))
            return false;
    return text && text[0] != '\0';
}

static int make_url(const struct azure_ingest *q, struct buf *ret, struct error *err)
{
    struct slice base = slice_of(q->endpoint);

    if (slice_empty(base))
        return error_set(err, ERR_CONFIG, "no endpoint of a data collection rule is set");
    if (!is_name(q->rule))
        return error_set(err, ERR_CONFIG, "'%.60s' is not the immutable id of a data collection rule (dcr-...)",
                         q->rule ? q->rule : "");
    if (!is_name(q->stream))
        return error_set(err, ERR_CONFIG, "'%.60s' is not a stream of a data collection rule",
                         q->stream ? q->stream : "");
    while (base.len > 0 && base.at[base.len - 1] == '/')
        base.len--;
    buf_add_slice(ret, base);
    buf_addf(ret, "/dataCollectionRules/%s/streams/%s?api-version=2023-01-01", q->rule, q->stream);
    return buf_check(ret, err);
}

/* Which 400s are about the rule or about our way of sending, not about the rows. */
static bool is_setup_fault(const char *code)
{
    static const char *const codes[] = { "InvalidStream", "InvalidTransformOutput", "InvalidContentEncoding",
                                         "InvalidApiVersion", "InvalidDcrId" };

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (strcmp(code, codes[i]) == 0)
            return true;
    return false;
}

static int fail_status(const struct http_answer *a, const char *id, struct error *err)
{
    struct refusal r;

    refusal_read(buf_slice(&a->body), &r);
    switch (a->status) {
    case 400:
        return azure_call_refused(a, is_setup_fault(r.inner_code[0] ? r.inner_code : r.code) ? ERR_CONFIG : ERR_INPUT,
                                  "", id, err);
    case 401:
        return azure_call_refused(a, ERR_AUTH, "a new token is refused too", id, err);
    case 403:
        return azure_call_refused(a, ERR_DENIED, "grant 'Monitoring Metrics Publisher' on the rule (works after half an "
                                                 "hour)", id, err);
    case 404:
        return azure_call_refused(a, ERR_NOT_FOUND, "check `rule`; endpoint, rule and workspace must be of one region", id,
                                  err);
    case 413:
        return azure_call_refused(a, ERR_LIMIT, "", id, err);
    case 408:
    case 425:
    case 429:
    case 503:
        return azure_call_refused(a, ERR_BUSY, "asks us to slow down", id, err);
    default:
        break;
    }
    if (a->status >= 300 && a->status < 400)
        return azure_call_refused(a, ERR_CONFIG, "redirect not followed: the token must not travel; check `endpoint`",
                                  id, err);
    return azure_call_refused(a, ERR_SERVER, "", id, err);
}

int azure_ingest_run(struct azure_credential *c, const struct azure_cloud *cloud, const struct services *sv,
                     const struct azure_ingest *q, int *ret_status, struct error *err)
{
    CLEANUP(buf_release) struct buf url = BUF_HERE(4096);
    struct http_answer answer = { 0 };
    char id[37];
    int result = 0;

    *ret_status = 0;
    if (q->body.len == 0) /* the service answers 500 to that */
        return error_set(err, ERR_BUG, "ingestion: nothing to send");
    if (q->body.len > CALL_MAX_BYTES)
        return error_set(err, ERR_LIMIT, "ingestion: %zu bytes are more than one call takes", q->body.len);
    if (make_url(q, &url, err) < 0)
        return error_wrap(err, "ingestion");
    uuid_v4(sv, id);
    const struct http_header headers[] = {
        { .name = "Accept", .value = SL("application/json") },
        { .name = "x-ms-client-request-id", .value = slice_of(id) },
    };
    struct http_request req = {
        .method = "POST", .url = buf_cstr(&url), .headers = headers, .headers_len = ARRAY_LEN(headers),
        .body = q->body, .content_type = "application/json", .gzip_body = true,
    };

    if (azure_call(c, sv, cloud->ingest_scope, &req, &answer, err) < 0) {
        if (err->code == ERR_LIMIT) /* an answer's length, of the service or of where tokens come from: not the rows' */
            err->code = ERR_SERVER;
        return error_wrap(err, "ingestion");
    }
    *ret_status = answer.status;
    if (answer.status != 204) {
        (void)fail_status(&answer, id, err);
        result = error_wrap(err, "ingestion");
    }
    http_answer_release(&answer);
    return result;
}
