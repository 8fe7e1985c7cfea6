/* verdict.c - see verdict.h. The classes are those that every careful sender uses; RFC 9110, section 15,
 * says what the statuses mean, not what to do about them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/verdict.h"

#include "base/buf.h"
#include "net/http.h"

#include <stdio.h>

#define SAID_MAX 120 /* of the answer's body */

enum delivery_verdict delivery_from_http(int status)
{
    if (status >= 200 && status < 300)
        return DELIVERY_ACCEPTED;
    switch (status) {
    case 400: case 409: case 413: case 415: case 422:
        return DELIVERY_REFUSED; /* the content; a batch is bisected until the guilty are alone */
    case 408: case 425: case 429:
        return DELIVERY_RETRY;
    default:
        break;
    }
    /* 3xx: never followed, the credential must not travel. 401, 403, 404, 405, 407, 410, 495 and the
     * like: somebody has to correct something, here or there. */
    if (status >= 300 && status < 500)
        return DELIVERY_HOLD;
    return DELIVERY_RETRY;
}

/* What somebody has to do, where waiting does not help. The receiver's own words come first: they know more. */
static const char *remedy_of(int status)
{
    if (status >= 300 && status < 400)
        return "set the address that it redirects to, if you trust it";
    switch (status) {
    case 401:
        return "correct the credential";
    case 403:
        return "let this credential write there";
    case 404: case 410:
        return "correct the address, or make there what it names";
    case 405: case 406: case 411: case 426:
        return "is this the receiver's address for alerts?";
    case 402:
        return "see to the plan or quota there";
    case 495: case 496:
        return "correct tls.cert, our certificate";
    case 497:
        return "the address must begin with https://";
    default:
        return delivery_from_http(status) == DELIVERY_HOLD ? "correct address, credential or receiver" : NULL;
    }
}

/* nginx says its own statuses for TLS in front of a receiver (495 to 497) as 400, with a page of its own, and so would have
 * alerts parked for a certificate that has run out. */
static int status_meant(const struct http_answer *answer)
{
    static const struct { const char *page; int status; } pages[] = {
        { .page = "<title>400 The SSL certificate error</title>", .status = 495 },
        { .page = "<title>400 No required SSL certificate was sent</title>", .status = 496 },
        { .page = "<title>400 The plain HTTP request was sent to HTTPS port</title>", .status = 497 },
    };

    for (size_t i = 0; answer->status == 400 && i < ARRAY_LEN(pages); i++)
        if (slice_find(slice_cut(buf_slice(&answer->body), 500), slice_of(pages[i].page)) != SIZE_MAX)
            return pages[i].status;
    return answer->status;
}

/* One line of the answer, control bytes and all else that is not plain made harmless by error_set. */
static void add_said(const struct http_answer *answer, struct buf *out)
{
    struct slice said = slice_cut(slice_trim(buf_slice(&answer->body)), SAID_MAX);

    buf_addf(out, "HTTP %d", answer->status);
    if (answer->status >= 300 && answer->status < 400)
        buf_add_str(out, " (a redirect, not followed)");
    if (!slice_empty(said)) {
        buf_add_str(out, ": ");
        buf_add_slice(out, said);
    }
    if (remedy_of(status_meant(answer)))
        buf_addf(out, "; %s", remedy_of(status_meant(answer)));
}

int verdict_from_answer(const struct http_answer *answer, struct delivery_result *ret_each, size_t n,
                        struct error *err)
{
    CLEANUP(buf_release) struct buf said = BUF_HERE(256);
    struct error clean = { 0 };

    add_said(answer, &said);
    (void)error_set(&clean, ERR_NONE, "%s", buf_cstr(&said));
    if (answer->status == 413)
        return error_set(err, ERR_LIMIT, "%s", clean.msg);
    for (size_t i = 0; i < n; i++) {
        struct slice reason = slice_cut(slice_of(clean.msg), sizeof(ret_each[i].reason) - 1);

        ret_each[i] = (struct delivery_result){ .verdict = delivery_from_http(status_meant(answer)),
                                                .retry_after_ms = answer->retry_after_ms };
        if (ret_each[i].verdict != DELIVERY_ACCEPTED)
            memcpy(ret_each[i].reason, reason.at, reason.len);
    }
    return 0;
}
