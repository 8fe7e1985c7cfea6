/* http_slot.h - one reusable set of curl handles and the state of the transfer that runs in it. Only for
 * the http*.c files.
 *
 * A slot has a multi handle of its own, because only a multi handle can be woken from another thread;
 * the connections live in it. A slot serves one transfer at a time, in the caller's thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_HTTP_SLOT_H
#define COSMOWATCH_HTTP_SLOT_H

#include "net/answer_heads.h"
#include "net/http.h"
#include "net/tls_peer.h"

#include <curl/curl.h>

#define HTTP_SPARE_BYTES 64                /* simdjson reads past the end */
#define HTTP_HEADERS_MAX_BYTES (64u << 10) /* of one transfer, interim answers included */

struct http_slot {
    CURLM *multi;
    CURL *easy;
    struct http_slot *next;
    bool is_busy; /* guarded by the client's lock */

    /* The transfer under way, or the last one. */
    char host[136]; /* "name" or "name:port", for messages and for finding the slot again */
    struct curl_slist *lines; /* request header lines */
    struct buf zipped;        /* compressed request body */
    char proxy[136];          /* "name:port" when one is set, by option or environment; "": none */
    bool is_https, is_proxy_tls;
    struct tls_peer peer;
    struct answer_heads heads;
    struct buf body;
    size_t answer_max, header_bytes;
    bool has_answer;     /* a status line came */
    bool has_all_headers; /* and the empty line after the last header: curl does not insist on it */
    bool is_too_large, is_header_flood;
    int64_t connect_timeout_ms, timeout_ms, stall_timeout_ms;
    char curl_says[CURL_ERROR_SIZE];
};

/* What a request does not say. */
struct http_defaults {
    const char *user_agent;
    struct http_tls tls;
    struct tls_files *files;
};

/* The parts of a URL that decide things. */
struct http_target {
    char host[sizeof(((struct http_slot *)0)->host)];
    bool is_https, is_local;
};

MUST_CHECK int http_target_read(const char *url, struct http_target *ret, struct error *err);
/* Everything but where to put what arrives. */
MUST_CHECK int http_slot_lay_out(struct http_slot *s, const struct http_defaults *d,
                                 const struct http_request *req, const struct http_target *to,
                                 struct error *err);
void http_slot_wipe_lines(struct http_slot *s);

/* The sentence for a failed transfer: always -1. Never has a URL's query string or a header in it. */
int http_slot_fail(const struct http_slot *s, CURLcode rc, const struct services *sv,
                   enum http_failure *ret_failure, struct error *err);
/* -1 when it was a proxy that answered in the receiver's place. */
int http_slot_check_proxy(const struct http_slot *s, enum http_failure *ret_failure, struct error *err);
/* Our own time-outs: no byte for too long, or too long altogether. */
int http_slot_fail_late(const struct http_slot *s, bool is_stall, enum http_failure *ret_failure,
                        struct error *err);

#endif
