/* http_failure.c - why a transfer failed, for the program (enum http_failure) and for the operator.
 *
 * curl's own texts are used only where they cannot hold anything private.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/http_slot.h"

#include "base/num.h"

#include <stdio.h>
#include <string.h>

static void say_ms(char *ret, size_t size, int64_t ms)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(64);

    fmt_duration_ms(&text, ms);
    (void)snprintf(ret, size, "%s", buf_cstr(&text));
}

static bool is_connected(const struct http_slot *s)
{
    curl_off_t us = 0;

    (void)curl_easy_getinfo(s->easy, CURLINFO_PRETRANSFER_TIME_T, &us);
    return us > 0;
}

/* " (proxy: name:port)" when one is set: what failed may be its fault or the receiver's. */
static const char *and_proxy(const struct http_slot *s, char *ret, size_t size)
{
    (void)snprintf(ret, size, s->proxy[0] ? " (proxy: %s)" : "%s", s->proxy);
    return ret;
}

/* curl names the one that it could not connect to. */
static bool is_proxy_unreachable(const struct http_slot *s)
{
    const char *port = strrchr(s->proxy, ':');
    char said[200];

    if (!port)
        return false;
    (void)snprintf(said, sizeof(said), "connect to %.*s port %s ", (int)(port - s->proxy), s->proxy, port + 1);
    return strstr(s->curl_says, said) != NULL;
}

static int fail_proxy(const struct http_slot *s, long status, struct error *err)
{
    enum error_code code = status == 407 ? ERR_AUTH : status == 403 ? ERR_DENIED : ERR_NET;

    return error_set(err, code, "%s: the proxy %s refuses with HTTP %ld%s", s->host, s->proxy, status,
                     status == 407   ? ": its user or password is missing or wrong"
                     : status == 403 ? ": it does not let us through to this host and port"
                                     : "");
}

int http_slot_check_proxy(const struct http_slot *s, enum http_failure *ret_failure, struct error *err)
{
    long status = 0;

    (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status != 407 || !s->proxy[0])
        return 0;
    *ret_failure = HTTP_FAILED_PROXY;
    return fail_proxy(s, status, err);
}

static int fail_connect(const struct http_slot *s, CURLcode rc, struct error *err)
{
    char why[128], proxy[160];
    long errnum = 0;

    if (rc == CURLE_OPERATION_TIMEDOUT) {
        say_ms(why, sizeof(why), s->connect_timeout_ms);
        return error_set(err, ERR_NET, "%s: no connection within %s%s", s->host, why,
                         and_proxy(s, proxy, sizeof(proxy)));
    }
    (void)curl_easy_getinfo(s->easy, CURLINFO_OS_ERRNO, &errnum);
    if (is_proxy_unreachable(s))
        return error_set(err, ERR_NET, "%s: the proxy %s cannot be reached: %s", s->host, s->proxy,
                         errnum > 0 ? strerror_r((int)errnum, why, sizeof(why)) : "no connection");
    return error_set(err, ERR_NET, "%s: connect: %s", s->host,
                     errnum > 0 ? strerror_r((int)errnum, why, sizeof(why))
                                : "none of its addresses can be reached");
}

static int fail_tls(const struct http_slot *s, CURLcode rc, const struct services *sv, struct error *err)
{
    char why[200];

    if (tls_peer_lacked_memory(&s->peer))
        return error_set(err, ERR_NOMEM, "%s: TLS: no memory to verify the certificate", s->host);
    if (tls_peer_says(&s->peer, sv_wall_ns(sv), why, sizeof(why)))
        return error_set(err, ERR_NET, "%s: TLS: %s; correct the certificate there, or whom we trust", s->host, why);
    /* Verified, and yet refused: what is left of verification is the name. */
    if (rc == CURLE_PEER_FAILED_VERIFICATION) {
        tls_peer_says_names(&s->peer, why, sizeof(why));
        return error_set(err, ERR_NET, "%s: TLS: %s; correct the address, or the certificate there", s->host, why);
    }
    return error_set(err, ERR_NET, "%s: TLS: %.150s", s->host,
                     s->curl_says[0] ? s->curl_says : curl_easy_strerror(rc));
}

/* A proxy that refuses the tunnel looks like a broken connection to curl. */
static bool fail_tunnel(const struct http_slot *s, struct error *err)
{
    long status = 0;

    (void)curl_easy_getinfo(s->easy, CURLINFO_HTTP_CONNECTCODE, &status);
    if (status < 300)
        return false;
    (void)fail_proxy(s, status, err);
    return true;
}

static int fail_broken(const struct http_slot *s, CURLcode rc, struct error *err)
{
    /* "Recv failure: Connection reset by peer", "Illegal ... in chunked-encoding": nothing private. */
    const char *why = s->curl_says[0] ? s->curl_says : curl_easy_strerror(rc);

    if (rc == CURLE_GOT_NOTHING)
        return error_set(err, ERR_NET, "%s: connection closed without an answer", s->host);
    if (!s->has_answer)
        return error_set(err, ERR_NET, "%s: connection broken: %.120s", s->host, why);
    return error_set(err, ERR_NET, "%s: answer cut after %zu bytes: %.120s", s->host, s->body.len, why);
}

static int fail_write(const struct http_slot *s, enum http_failure *ret_failure, struct error *err)
{
    if (s->is_too_large) {
        *ret_failure = HTTP_FAILED_SIZE;
        return error_set(err, ERR_LIMIT, "%s: answer is larger than %zu bytes", s->host, s->answer_max);
    }
    *ret_failure = HTTP_FAILED_CUT;
    if (s->is_header_flood)
        return error_set(err, ERR_NET, "%s: answer has endless headers", s->host);
    return error_set(err, ERR_NOMEM, "%s: no memory for the answer", s->host);
}

int http_slot_fail(const struct http_slot *s, CURLcode rc, const struct services *sv,
                   enum http_failure *ret_failure, struct error *err)
{
    *ret_failure = HTTP_FAILED_PROXY;
    if (fail_tunnel(s, err))
        return -1;
    *ret_failure = HTTP_FAILED_OTHER;
    switch ((int)rc) {
    case CURLE_COULDNT_RESOLVE_HOST:
        *ret_failure = HTTP_FAILED_RESOLVE;
        return error_set(err, ERR_NET, "%s: name cannot be resolved: correct the address, or the resolver", s->host);
    case CURLE_COULDNT_RESOLVE_PROXY:
        *ret_failure = HTTP_FAILED_PROXY;
        return error_set(err, ERR_NET, "%s: the name of the proxy %s cannot be resolved", s->host, s->proxy);
    case CURLE_PROXY:
        *ret_failure = HTTP_FAILED_PROXY;
        return error_set(err, ERR_NET, "%s: the proxy %s refuses: %.120s", s->host, s->proxy, s->curl_says);
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT: /* the others are ours, see http_slot_fail_late */
        *ret_failure = is_proxy_unreachable(s) ? HTTP_FAILED_PROXY : HTTP_FAILED_CONNECT;
        return fail_connect(s, rc, err);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        *ret_failure = HTTP_FAILED_TLS;
        return fail_tls(s, rc, sv, err);
    case CURLE_WRITE_ERROR:
        return fail_write(s, ret_failure, err);
    case CURLE_OUT_OF_MEMORY:
        return error_set(err, ERR_NOMEM, "%s: no memory for a transfer", s->host);
    case CURLE_BAD_CONTENT_ENCODING:
        *ret_failure = HTTP_FAILED_CUT;
        return error_set(err, ERR_NET, "%s: answer's compression is damaged", s->host);
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        *ret_failure = HTTP_FAILED_CUT;
        return error_set(err, ERR_NET, "%s: does not answer in HTTP", s->host);
    default: /* GOT_NOTHING, RECV_ERROR, SEND_ERROR, PARTIAL_FILE and what may still come */
        if (s->has_answer)
            *ret_failure = HTTP_FAILED_CUT;
        else if (!is_connected(s))
            *ret_failure = HTTP_FAILED_CONNECT;
        return fail_broken(s, rc, err);
    }
}

int http_slot_fail_late(const struct http_slot *s, bool is_stall, enum http_failure *ret_failure,
                        struct error *err)
{
    char limit[64], proxy[160];

    say_ms(limit, sizeof(limit), is_stall ? s->stall_timeout_ms : s->timeout_ms);
    if (!is_connected(s)) {
        *ret_failure = HTTP_FAILED_CONNECT;
        return error_set(err, ERR_NET, "%s: no connection within %s%s", s->host, limit,
                         and_proxy(s, proxy, sizeof(proxy)));
    }
    if (!s->has_answer) {
        *ret_failure = HTTP_FAILED_SILENT;
        return error_set(err, ERR_NET, "%s: no answer within %s", s->host, limit);
    }
    *ret_failure = is_stall ? HTTP_FAILED_STALL : HTTP_FAILED_SLOW;
    return error_set(err, ERR_NET, is_stall ? "%s: answer stalled for %s after %zu bytes"
                                            : "%s: answer not complete within %s, %zu bytes came",
                     s->host, limit, s->body.len);
}
