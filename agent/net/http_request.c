/* http_request.c - from the caller's request to a curl handle that is ready to go.
 *
 * Every option is set anew for every transfer, so that nothing of one request is in the next. Lines with
 * secrets are wiped afterwards (http_slot_wipe_lines).
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/http_slot.h"
#include "net/tls_files.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>

#define CONNECT_TIMEOUT_MS 10000
#define TIMEOUT_MS 60000
#define STALL_TIMEOUT_MS 30000
#define ANSWER_MAX (1u << 20)
#define PRIVATE_MAX (16u << 20) /* larger answers are rows: to wipe what they leave would cost more than it keeps */
#define CONNECTION_MAX_AGE_S 600L

/* ---- where to ------------------------------------------------------------------------------------------ */

/* This very host: nothing leaves it, so a secret may go in clear. Not by the first letters alone: a name like
 * 127.example.net is anybody's. */
static bool is_loopback(const char *host)
{
    struct in_addr v4;

    if (strcasecmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

int http_target_read(const char *url, struct http_target *ret, struct error *err)
{
    CURLU *u = curl_url();
    CURLUcode rc;
    char *scheme = NULL, *host = NULL, *port = NULL;
    int result = 0;

    if (!u)
        return error_set(err, ERR_NOMEM, "no memory for a URL");
    if ((rc = curl_url_set(u, CURLUPART_URL, url, 0)) != CURLUE_OK ||
        (rc = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0)) != CURLUE_OK ||
        (rc = curl_url_get(u, CURLUPART_HOST, &host, 0)) != CURLUE_OK) {
        result = rc == CURLUE_OUT_OF_MEMORY ? error_set(err, ERR_NOMEM, "no memory for a URL")
                                            : error_set(err, ERR_CONFIG, "not a URL that can be asked");
    } else if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0) {
        result = error_set(err, ERR_CONFIG, "'%.100s': URLs of kind '%.20s' are not used, only https", host,
                           scheme);
    } else {
        (void)curl_url_get(u, CURLUPART_PORT, &port, 0); /* absent: the usual one */
        (void)snprintf(ret->host, sizeof(ret->host), "%.120s%s%.8s", host, port ? ":" : "",
                       port ? port : "");
        ret->is_https = strcmp(scheme, "https") == 0;
        ret->is_local = is_loopback(host);
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return result;
}

bool http_url_is_local(const char *url)
{
    struct http_target to = { 0 };
    struct error ignored = { 0 }; /* not a URL: not this host */

    return http_target_read(url, &to, &ignored) == 0 && to.is_local;
}

/* Straight, whatever the environment says: what this host says to itself is nobody else's business. */
static bool goes_straight(const struct http_request *req, const struct http_target *to)
{
    return req->no_proxy || to->is_local || (req->proxy && req->proxy->url && strcmp(req->proxy->url, "none") == 0);
}

/* As curl does: HTTP_PROXY in capitals would be a header of a CGI program. */
static const char *proxy_of_environment(bool is_https)
{
    static const char *const https[] = { "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
    static const char *const http[] = { "http_proxy", "all_proxy", "ALL_PROXY" };
    const char *const *names = is_https ? https : http;

    for (size_t i = 0; i < (is_https ? ARRAY_LEN(https) : ARRAY_LEN(http)); i++) {
        const char *value = getenv(names[i]);

        if (value && value[0])
            return value;
    }
    return NULL;
}

/* For messages: without user and password. */
static void name_proxy(struct http_slot *s, const struct http_request *req, const struct http_target *to)
{
    const char *url = req->proxy && req->proxy->url ? req->proxy->url : proxy_of_environment(to->is_https);
    char *scheme = NULL, *host = NULL, *port = NULL;
    CURLU *u;

    s->proxy[0] = '\0';
    s->is_proxy_tls = false;
    if (goes_straight(req, to) || !url || !(u = curl_url()))
        return;
    if (curl_url_set(u, CURLUPART_URL, url, CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
        (void)curl_url_get(u, CURLUPART_PORT, &port, 0); /* absent: curl's own for proxies */
        (void)snprintf(s->proxy, sizeof(s->proxy), "%.120s%s%.8s", host, port ? ":" : "", port ? port : "");
        (void)curl_url_get(u, CURLUPART_SCHEME, &scheme, 0); /* guessed: http */
        s->is_proxy_tls = scheme && strcmp(scheme, "https") == 0;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
}

/* ---- header lines ------------------------------------------------------------------------------------- */

static bool has_control_byte(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7f)
            return true;
    return false;
}

static void wipe_release(struct buf *b)
{
    if (b->at)
        wipe(b->at, b->cap);
    buf_release(b);
}

static int add_line(struct http_slot *s, const char *name, const char *between, struct slice value,
                    struct error *err)
{
    CLEANUP(wipe_release) struct buf line = BUF_PRIVATE(HTTP_HEADERS_MAX_BYTES);
    struct curl_slist *lines;

    if (has_control_byte(slice_of(name)) || has_control_byte(value))
        return error_set(err, ERR_INPUT, "header '%.60s' has a control byte in it", name);
    if (!buf_reserve(&line, strlen(name) + value.len + 16)) /* at once: growing would leave copies */
        return line.is_full ? error_set(err, ERR_INPUT, "header '%.60s' is too long", name)
                            : error_set(err, ERR_NOMEM, "no memory for header '%.60s'", name);
    buf_add_str(&line, name);
    /* curl's spelling: "Name:" removes a header, "Name;" sends an empty one. */
    buf_add_str(&line, value.len > 0 ? between : ";");
    buf_add_slice(&line, value);
    lines = buf_check(&line, err) < 0 ? NULL : curl_slist_append(s->lines, buf_cstr(&line));
    if (!lines)
        return error_set(err, ERR_NOMEM, "no memory for a header");
    s->lines = lines;
    return 0;
}

/* Not sent although curl would by itself. */
static int drop_line(struct http_slot *s, const char *name_colon, struct error *err)
{
    struct curl_slist *lines = curl_slist_append(s->lines, name_colon);

    if (!lines)
        return error_set(err, ERR_NOMEM, "no memory for a header");
    s->lines = lines;
    return 0;
}

static int lay_out_headers(struct http_slot *s, const struct http_request *req, struct error *err)
{
    if (drop_line(s, "Expect:", err) < 0) /* a second lost per large body where it is not understood */
        return -1;
    if (req->content_type ? add_line(s, "Content-Type", ": ", slice_of(req->content_type), err)
                          : drop_line(s, "Content-Type:", err))
        return -1;
    if (s->zipped.len > 0 && add_line(s, "Content-Encoding", ": ", SL("gzip"), err) < 0)
        return -1;
    for (size_t i = 0; i < req->headers_len; i++)
        if (add_line(s, req->headers[i].name, ": ", req->headers[i].value, err) < 0)
            return -1;
    if (!req->bearer)
        return 0;
    return add_line(s, "Authorization", ": Bearer ",
                    slice_make(secret_reveal(req->bearer), req->bearer->len), err);
}

/* curl_slist copies every line; the ones with secrets must not stay behind in freed memory. */
void http_slot_wipe_lines(struct http_slot *s)
{
    for (struct curl_slist *line = s->lines; line; line = line->next)
        wipe(line->data, strlen(line->data));
    curl_slist_free_all(s->lines);
    s->lines = NULL;
}

/* ---- body --------------------------------------------------------------------------------------------- */

static int zip_body(struct http_slot *s, struct slice body, struct error *err)
{
    z_stream z = { 0 };
    size_t bound;
    int rc;

    if (body.len > UINT32_MAX / 2)
        return error_set(err, ERR_LIMIT, "%s: body of %zu bytes is too large to send", s->host, body.len);
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16 /* gzip */, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return error_set(err, ERR_NOMEM, "no memory for compression");
    bound = deflateBound(&z, (uLong)body.len);
    s->zipped = BUF_INIT(bound);
    if (!buf_reserve(&s->zipped, bound)) {
        (void)deflateEnd(&z);
        return error_set(err, ERR_NOMEM, "no memory for compression");
    }
    z.next_in = (z_const Bytef *)(uintptr_t)body.at; /* read only; zlib's type predates const */
    z.avail_in = (uInt)body.len;
    z.next_out = (Bytef *)s->zipped.at;
    z.avail_out = (uInt)bound;
    rc = deflate(&z, Z_FINISH);
    s->zipped.len = bound - z.avail_out;
    (void)deflateEnd(&z);
    return rc == Z_STREAM_END ? 0 : error_set(err, ERR_BUG, "compression ended early (%d)", rc);
}

static int lay_out_body(struct http_slot *s, const struct http_request *req, struct slice *ret_body,
                        struct error *err)
{
    *ret_body = req->body;
    if (!req->gzip_body || req->body.len == 0)
        return 0;
    if (zip_body(s, req->body, err) < 0)
        return -1;
    *ret_body = buf_slice(&s->zipped);
    return 0;
}

/* ---- options ------------------------------------------------------------------------------------------ */

static CURLcode set_proxy(CURL *e, const struct http_request *req, const struct http_target *to, long tls_version)
{
    const struct http_proxy *p = req->proxy;
    CURLcode rc = CURLE_OK;

#define SET(option, value) (rc = rc != CURLE_OK ? rc : curl_easy_setopt(e, option, value))
    if (goes_straight(req, to)) {
        SET(CURLOPT_NOPROXY, "*");
        return rc;
    }
    SET(CURLOPT_PROXY_SSLVERSION, tls_version);
    if (!p)
        return rc;
    if (p->url)
        SET(CURLOPT_PROXY, p->url);
    if (p->except)
        SET(CURLOPT_NOPROXY, p->except);
    if (p->user) {
        SET(CURLOPT_PROXYUSERNAME, p->user);
        SET(CURLOPT_PROXYPASSWORD, p->password ? secret_reveal(p->password) : "");
    }
#undef SET
    return rc;
}

/* Every option is set: the handle is new. */
static int set_options(const struct http_defaults *d, struct http_slot *s, const struct http_request *req,
                       const struct http_target *to, const struct http_tls *tls, struct slice body,
                       struct error *err)
{
    long tls_version = tls->min_version == HTTP_TLS_1_3 ? (long)CURL_SSLVERSION_TLSv1_3 : (long)CURL_SSLVERSION_TLSv1_2;
    bool is_post = body.len > 0 || strcmp(req->method, "POST") == 0;
    CURL *e = s->easy;
    CURLcode rc = CURLE_OK;

#define SET(option, value) (rc = rc != CURLE_OK ? rc : curl_easy_setopt(e, option, value))
    SET(CURLOPT_URL, req->url);
#if LIBCURL_VERSION_NUM >= 0x075500
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
#else
    SET(CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* one request a connection at a time */
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_ERRORBUFFER, s->curl_says);
    SET(CURLOPT_USERAGENT, d->user_agent);
    SET(CURLOPT_HTTPHEADER, s->lines);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    if (is_post) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDS, body.len > 0 ? body.at : "");
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    }
    if (strcmp(req->method, is_post ? "POST" : "GET") != 0)
        SET(CURLOPT_CUSTOMREQUEST, req->method);
    if (strcmp(req->method, "HEAD") == 0)
        SET(CURLOPT_NOBODY, 1L);

    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)s->connect_timeout_ms);
    SET(CURLOPT_DNS_CACHE_TIMEOUT, 0L);
#if LIBCURL_VERSION_NUM >= 0x075000
    SET(CURLOPT_MAXLIFETIME_CONN, CONNECTION_MAX_AGE_S);
#else
    SET(CURLOPT_MAXAGE_CONN, CONNECTION_MAX_AGE_S); /* of an idle one, all that an older curl can tell */
#endif
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, 60L);
    SET(CURLOPT_TCP_KEEPINTVL, 15L);
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(CURLOPT_QUICK_EXIT, 1L); /* a cancel does not wait for a resolver that hangs */
#endif
    SET(CURLOPT_SSLVERSION, tls_version);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, tls->pin_sha1 ? 0L : 2L);
    if (tls->pin_sha1) { /* neither a connection nor a session of another trust */
        SET(CURLOPT_FRESH_CONNECT, 1L);
        SET(CURLOPT_FORBID_REUSE, 1L);
        SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
        SET(CURLOPT_CAINFO, NULL); /* no authority is asked: a host without a bundle of them does as well */
        SET(CURLOPT_CAPATH, NULL);
    }
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(CURLOPT_CA_CACHE_TIMEOUT, 0L); /* a replaced system trust is used at once */
#endif
#undef SET
    if (rc == CURLE_OK)
        rc = set_proxy(e, req, to, tls_version);
    if (rc != CURLE_OK)
        return error_set(err, rc == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_BUG,
                         "%s: curl refuses an option: %s", s->host, curl_easy_strerror(rc));
    return tls_files_apply(d->files, e, tls, err) < 0 ? error_wrap(err, "%s", s->host) : 0;
}

static int64_t or_preset(int64_t asked, int64_t preset)
{
    return asked > 0 ? asked : preset;
}

int http_slot_lay_out(struct http_slot *s, const struct http_defaults *d, const struct http_request *req,
                      const struct http_target *to, struct error *err)
{
    const struct http_tls *tls = req->tls ? req->tls : &d->tls;
    struct slice body;

    (void)snprintf(s->host, sizeof(s->host), "%s", to->host);
    s->is_https = to->is_https;
    name_proxy(s, req, to);
    s->answer_max = req->answer_max ? req->answer_max : ANSWER_MAX;
    s->body = BUF_INIT(s->answer_max + HTTP_SPARE_BYTES);
    s->body.is_private = s->answer_max <= PRIVATE_MAX; /* tokens, and refusals that repeat what was sent; rows are many */
    s->zipped = BUF_INIT(0);
    s->header_bytes = 0;
    s->has_answer = s->has_all_headers = s->is_too_large = s->is_header_flood = false;
    s->curl_says[0] = '\0';
    s->connect_timeout_ms = or_preset(req->connect_timeout_ms, CONNECT_TIMEOUT_MS);
    s->timeout_ms = or_preset(req->timeout_ms, TIMEOUT_MS);
    s->stall_timeout_ms = or_preset(req->stall_timeout_ms, STALL_TIMEOUT_MS);
    tls_peer_reset(&s->peer, tls->pin_sha1);
    answer_heads_reset(&s->heads);
    /* A new one each time, connections are the multi handle's: until 8.1.1 (curl issue 11101) one that is used again keeps a
     * pointer to a freed header, and an answer that begins with a folded line writes through it. */
    curl_easy_cleanup(s->easy);
    s->easy = curl_easy_init();
    if (!s->easy)
        return error_set(err, ERR_NOMEM, "%s: no memory for a transfer", s->host);
    if (lay_out_body(s, req, &body, err) < 0 || lay_out_headers(s, req, err) < 0)
        return -1;
    return set_options(d, s, req, to, tls, body, err);
}
