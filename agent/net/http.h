/* http.h - HTTP over libcurl. Knows nothing of alerts or Azure.
 *
 * TLS 1.2 or newer, verification always on. Redirects are never followed to another host (none are
 * followed at all): a 3xx is an answer like any other. Bodies have ceilings. Proxy, NO_PROXY and CA
 * from options or curl's environment; this very host is never asked through a proxy. Any thread; each
 * transfer runs in the caller's thread.
 *
 * A proxy that does not let us through is a failure (HTTP_FAILED_PROXY) that names the proxy, whether it
 * refuses a tunnel or, for plain http, answers 407 in the receiver's place: ERR_AUTH for 407, ERR_DENIED
 * for 403, else ERR_NET.
 *
 * Names are resolved anew for every connection, and no connection lives longer than ten minutes, so a
 * changed address is found. CA and client certificate files are looked at for every transfer: a
 * replaced file is used by the next connection, a broken one is reported and the last good one kept.
 * A bearer token travels over TLS or to this very host, never in clear over a network (ERR_CONFIG).
 * Time-outs run on the services' monotonic clock, except the connect time-out, which is curl's.
 * The process ignores SIGPIPE (main.c): OpenSSL writes to sockets without MSG_NOSIGNAL.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_HTTP_H
#define COSMOWATCH_HTTP_H

#include "base/buf.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/services.h"

enum http_tls_version { HTTP_TLS_1_2, HTTP_TLS_1_3 };

struct http_tls { /* all optional */
    enum http_tls_version min_version;
    const char *ca_file, *ca_dir;         /* replace the system's trust */
    const char *client_cert, *client_key; /* PEM; without a key it stands in client_cert too */
    const char *pin_sha1; /* hex; the peer's certificate must have this SHA-1 and nothing else is
                             asked of it: Service Fabric, whose endpoint is known by that alone */
};

struct http_proxy { /* all optional */
    const char *url;                      /* "http://host:port", also https; "none": straight; NULL: the environment's */
    const char *user;
    const struct secret *password;
    const char *except;                   /* hosts asked straight, as in NO_PROXY: "a.example,.b.example,10.0.0.0/8";
                                             NULL: the environment's NO_PROXY */
};

struct http_header { const char *name; struct slice value; };

struct http_request {
    const char *method;           /* "GET", "POST" */
    const char *url;
    const struct http_header *headers;
    size_t headers_len;
    const struct secret *bearer;  /* adds Authorization: Bearer; NULL: none */
    struct slice body;
    const char *content_type;     /* NULL: none */
    bool gzip_body;               /* compress the body, Content-Encoding: gzip */
    bool no_proxy;                /* IMDS */
    int64_t connect_timeout_ms;   /* 0: 10 s */
    int64_t timeout_ms;           /* whole transfer, 0: 60 s */
    int64_t stall_timeout_ms;     /* no byte for so long ends it, 0: 30 s */
    size_t answer_max;            /* bytes after decompression, 0: 1 MiB; more of a 2xx is ERR_LIMIT */
    const struct http_tls *tls;   /* NULL: system trust */
    const struct http_proxy *proxy; /* NULL: environment */
};

enum http_failure { HTTP_FAILED_NOT, HTTP_FAILED_RESOLVE, HTTP_FAILED_CONNECT, HTTP_FAILED_TLS,
    HTTP_FAILED_PROXY,
    HTTP_FAILED_SILENT, /* sent, and no answer began within the stall or total limit */
    HTTP_FAILED_SLOW,   /* an answer began and ran into the total limit */
    HTTP_FAILED_STALL,  /* an answer began and stopped coming */
    HTTP_FAILED_CUT,    /* an answer began and is damaged: short, bad framing, bad compression */
    HTTP_FAILED_SIZE,   /* larger than answer_max */
    HTTP_FAILED_OTHER };

struct http_answer {
    int status;                  /* HTTP status */
    enum http_failure failure;   /* the one field that is also written when http_perform fails */
    struct buf body;             /* decompressed; has at least 64 spare readable bytes after len */
    int64_t retry_after_ms;      /* Retry-After (delta or date) or retry-after-ms; 0 unsaid; cap 1 h */
    int64_t server_date_ns;      /* Date header, 0 when absent: for clock skew */
    int64_t age_s;               /* Age header, -1 absent */
    char content_type[80];
    char www_authenticate[512];
    char request_id[80];         /* x-ms-request-id */
    char etag[200];
};

struct http_client;

struct http_client_config { const char *user_agent; struct http_tls tls; };
struct http_client *http_client_new(const struct http_client_config *cfg, const struct services *sv);
void http_client_free(struct http_client *c);
/* Interrupt every transfer under way and to come (shutdown). Any thread. */
void http_client_cancel(struct http_client *c);
bool http_is_cancelled(struct http_client *c); /* NULL: nobody can */
/* Wait between two tries: true after ms, false at once when cancelled. */
bool http_client_wait(struct http_client *c, int64_t ms);

/* 0: an answer with some status arrived completely (also 4xx, 5xx; of those no more than the first
 * answer_max bytes). -1: ERR_NET (what failed, which host, TLS details), ERR_LIMIT, ERR_CANCELLED;
 * ERR_CONFIG and ERR_INPUT for a request that cannot be sent as it is. The answer is the caller's: http_answer_release. */
MUST_CHECK int http_perform(struct http_client *c, const struct http_request *req,
                            struct http_answer *ret, struct error *err);
void http_answer_release(struct http_answer *a);
/* Does the URL name this very host (127.0.0.0/8, [::1], localhost)? Nothing that is sent there is seen by others. */
bool http_url_is_local(const char *url);
void http_form_add(struct buf *form, const char *name, struct slice value); /* urlencoded pair */

#endif
