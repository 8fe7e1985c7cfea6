/* http.c - see http.h. One transfer from the caller's request to an answer or a reason.
 *
 * curl does HTTP, TLS, proxies and happy eyeballs; what is added here is what an agent needs that runs
 * for months: ceilings on everything that arrives, time-outs on a clock that tests can turn, a cancel
 * that works at once, and reasons in words. The way through the file: a slot is taken from the pool
 * (slot_take), the request is laid out in it (lay_out), driven (drive), and judged (finish).
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/http_slot.h"
#include "net/tls_files.h"

#include "base/num.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zlib.h>

#define CONNECT_TIMEOUT_MS 10000
#define TIMEOUT_MS 60000
#define STALL_TIMEOUT_MS 30000
#define ANSWER_MAX (1u << 20)
#define SPARE_BYTES 64               /* simdjson reads past the end */
#define HEADERS_MAX_BYTES (64u << 10) /* of one transfer, interim answers included */
#define POLL_MAX_MS 1000             /* how late a turned clock is noticed */
#define CONNECTION_MAX_AGE_S 600L

struct http_client {
    const struct services *sv;
    char *user_agent, *proxy, *ca_file, *ca_dir, *client_cert, *client_key;
    struct http_tls tls; /* views into the above */
    struct tls_files *files;
    pthread_mutex_t lock; /* the list of slots and their is_busy */
    pthread_cond_t cancelled;
    struct http_slot *slots;
    atomic_bool is_cancelled;
};

/* ---- the client ------------------------------------------------------------------------------------- */

static void slot_free(struct http_slot *s)
{
    if (!s)
        return;
    curl_easy_cleanup(s->easy);
    (void)curl_multi_cleanup(s->multi); /* no handle is left in it */
    buf_release(&s->body);
    buf_release(&s->zipped);
    free(s);
}

static bool copy_text(char **ret, const char *text)
{
    *ret = text ? strdup(text) : NULL;
    return *ret || !text;
}

static bool client_fill(struct http_client *c, const struct http_client_config *cfg)
{
    c->files = tls_files_new();
    if (!c->files || !copy_text(&c->user_agent, cfg->user_agent) || !copy_text(&c->proxy, cfg->proxy) ||
        !copy_text(&c->ca_file, cfg->tls.ca_file) || !copy_text(&c->ca_dir, cfg->tls.ca_dir) ||
        !copy_text(&c->client_cert, cfg->tls.client_cert) ||
        !copy_text(&c->client_key, cfg->tls.client_key))
        return false;
    c->tls = (struct http_tls){ .ca_file = c->ca_file, .ca_dir = c->ca_dir,
                                .client_cert = c->client_cert, .client_key = c->client_key };
    return true;
}

struct http_client *http_client_new(const struct http_client_config *cfg, const struct services *sv)
{
    struct http_client *c;
    pthread_condattr_t attr;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counted by curl */
        return NULL;
    c = calloc(1, sizeof *c);
    if (!c) {
        curl_global_cleanup();
        return NULL;
    }
    c->sv = sv;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&c->cancelled, &attr);
    (void)pthread_condattr_destroy(&attr);
    if (!client_fill(c, cfg)) {
        http_client_free(c);
        return NULL;
    }
    return c;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    while (c->slots) {
        struct http_slot *next = c->slots->next;

        slot_free(c->slots);
        c->slots = next;
    }
    tls_files_free(c->files);
    (void)pthread_cond_destroy(&c->cancelled);
    (void)pthread_mutex_destroy(&c->lock);
    if (c->proxy)
        wipe(c->proxy, strlen(c->proxy)); /* may hold a password */
    free(c->user_agent);
    free(c->proxy);
    free(c->ca_file);
    free(c->ca_dir);
    free(c->client_cert);
    free(c->client_key);
    free(c);
    curl_global_cleanup();
}

void http_client_cancel(struct http_client *c)
{
    atomic_store(&c->is_cancelled, true);
    (void)pthread_mutex_lock(&c->lock);
    for (struct http_slot *s = c->slots; s; s = s->next)
        (void)curl_multi_wakeup(s->multi); /* remembered when it comes before the poll */
    (void)pthread_cond_broadcast(&c->cancelled);
    (void)pthread_mutex_unlock(&c->lock);
}

bool http_client_wait(struct http_client *c, int64_t ms)
{
    struct timespec end;
    int rc = 0;

    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)(ms / 1000);
    end.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (end.tv_nsec >= 1000000000L) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000L;
    }
    (void)pthread_mutex_lock(&c->lock);
    while (!atomic_load(&c->is_cancelled) && rc != ETIMEDOUT)
        rc = pthread_cond_timedwait(&c->cancelled, &c->lock, &end);
    (void)pthread_mutex_unlock(&c->lock);
    return !atomic_load(&c->is_cancelled);
}

/* ---- the pool of slots -------------------------------------------------------------------------------- */

static struct http_slot *slot_new(void)
{
    struct http_slot *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->multi = curl_multi_init();
    s->easy = curl_easy_init();
    if (!s->multi || !s->easy || curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, 8L) != CURLM_OK) {
        slot_free(s);
        return NULL;
    }
    return s;
}

/* An idle slot that talked to this host last has a connection open: better than any other idle one. */
static struct http_slot *slot_take(struct http_client *c, const char *host)
{
    struct http_slot *idle = NULL;

    (void)pthread_mutex_lock(&c->lock);
    for (struct http_slot *s = c->slots; s; s = s->next) {
        if (s->is_busy)
            continue;
        if (!idle || strcmp(s->host, host) == 0)
            idle = s;
        if (strcmp(s->host, host) == 0)
            break;
    }
    if (!idle) {
        idle = slot_new();
        if (idle) {
            idle->next = c->slots;
            c->slots = idle;
        }
    }
    if (idle)
        idle->is_busy = true;
    (void)pthread_mutex_unlock(&c->lock);
    return idle;
}

/* curl_slist copies every line; the ones with secrets must not stay behind in freed memory. */
static void wipe_lines(struct http_slot *s)
{
    for (struct curl_slist *line = s->lines; line; line = line->next)
        wipe(line->data, strlen(line->data));
    curl_slist_free_all(s->lines);
    s->lines = NULL;
}

static void slot_put_back(struct http_client *c, struct http_slot *s)
{
    wipe_lines(s);
    buf_release(&s->body);
    buf_release(&s->zipped);
    (void)pthread_mutex_lock(&c->lock);
    s->is_busy = false;
    (void)pthread_mutex_unlock(&c->lock);
}

/* ---- what arrives --------------------------------------------------------------------------------------- */

static size_t take_header(char *at, size_t size, size_t n, void *self)
{
    struct http_slot *s = self;
    size_t len = size * n;
    struct slice line = slice_make(at, len);

    s->header_bytes += len;
    if (s->header_bytes > HEADERS_MAX_BYTES) {
        s->is_header_flood = true;
        return 0;
    }
    s->has_answer = true;
    if (slice_starts_nocase(line, SL("HTTP/")))
        s->has_all_headers = false; /* the one before was an interim answer */
    else if (slice_empty(slice_trim(line)))
        s->has_all_headers = true;  /* trailers may still follow the body */
    answer_heads_note(&s->heads, line);
    return len;
}

static size_t take_body(char *at, size_t size, size_t n, void *self)
{
    struct http_slot *s = self;
    size_t len = size * n;

    if (len > s->answer_max - s->body.len) {
        s->is_too_large = true;
        return 0;
    }
    buf_add(&s->body, at, len);
    return s->body.failed ? 0 : len;
}

static CURLcode watch_peer(CURL *easy UNUSED, void *ssl_ctx, void *self)
{
    struct http_slot *s = self;

    (void)tls_peer_watch(ssl_ctx, &s->peer);
    return CURLE_OK;
}

/* ---- laying out the request ------------------------------------------------------------------------------ */

/* The parts of a URL that decide things. */
struct target {
    char host[sizeof(((struct http_slot *)0)->host)];
    bool is_https, is_local;
};

/* This very host: nothing leaves it, so a secret may go in clear. */
static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

static int target_read(const char *url, struct target *ret, struct error *err)
{
    CURLU *u = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    int result = 0;

    if (!u)
        return error_set(err, ERR_NOMEM, "no memory for a URL");
    if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(u, CURLUPART_HOST, &host, 0) != CURLUE_OK) {
        result = error_set(err, ERR_CONFIG, "not a URL that can be asked");
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
    CLEANUP(wipe_release) struct buf line = BUF_INIT(HEADERS_MAX_BYTES);
    struct curl_slist *lines;

    if (has_control_byte(slice_of(name)) || has_control_byte(value))
        return error_set(err, ERR_INPUT, "header '%.60s' has a control byte in it", name);
    if (!buf_reserve(&line, strlen(name) + value.len + 16)) /* at once: growing would leave copies */
        return error_set(err, ERR_INPUT, "header '%.60s' is too long", name);
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

/* Every option is set anew: curl_easy_reset forgot all but the connections and TLS sessions. */
static int set_options(struct http_client *c, struct http_slot *s, const struct http_request *req,
                       const struct http_tls *tls, struct slice body, struct error *err)
{
    const char *proxy = req->proxy ? req->proxy : c->proxy;
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
    SET(CURLOPT_USERAGENT, c->user_agent);
    SET(CURLOPT_HTTPHEADER, s->lines);
    SET(CURLOPT_ACCEPT_ENCODING, "gzip");
    SET(CURLOPT_HEADERFUNCTION, take_header);
    SET(CURLOPT_HEADERDATA, s);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_WRITEFUNCTION, take_body);
    SET(CURLOPT_WRITEDATA, s);
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
    SET(CURLOPT_MAXLIFETIME_CONN, CONNECTION_MAX_AGE_S);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, 60L);
    SET(CURLOPT_TCP_KEEPINTVL, 15L);
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(CURLOPT_QUICK_EXIT, 1L); /* a cancel does not wait for a resolver that hangs */
#endif
    if (req->no_proxy)
        SET(CURLOPT_NOPROXY, "*");
    else if (proxy)
        SET(CURLOPT_PROXY, proxy);

    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, tls->pin_sha1 ? 0L : 2L);
    if (tls->pin_sha1) { /* neither a connection nor a session of another trust */
        SET(CURLOPT_FRESH_CONNECT, 1L);
        SET(CURLOPT_FORBID_REUSE, 1L);
        SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    }
    SET(CURLOPT_SSL_CTX_FUNCTION, watch_peer);
    SET(CURLOPT_SSL_CTX_DATA, s);
#if LIBCURL_VERSION_NUM >= 0x075700
    SET(CURLOPT_CA_CACHE_TIMEOUT, 0L); /* a replaced system trust is used at once */
#endif
#undef SET
    if (rc != CURLE_OK)
        return error_set(err, rc == CURLE_OUT_OF_MEMORY ? ERR_NOMEM : ERR_BUG,
                         "%s: curl refuses an option: %s", s->host, curl_easy_strerror(rc));
    return tls_files_apply(c->files, e, tls, err) < 0 ? error_wrap(err, "%s", s->host) : 0;
}

static int64_t or_preset(int64_t asked, int64_t preset)
{
    return asked > 0 ? asked : preset;
}

static int lay_out(struct http_client *c, struct http_slot *s, const struct http_request *req,
                   const struct target *to, struct error *err)
{
    const struct http_tls *tls = req->tls ? req->tls : &c->tls;
    struct slice body;

    (void)snprintf(s->host, sizeof(s->host), "%s", to->host);
    s->answer_max = req->answer_max ? req->answer_max : ANSWER_MAX;
    s->body = BUF_INIT(s->answer_max + SPARE_BYTES);
    s->zipped = BUF_INIT(0);
    s->header_bytes = 0;
    s->has_answer = s->has_all_headers = s->is_too_large = s->is_header_flood = false;
    s->curl_says[0] = '\0';
    s->connect_timeout_ms = or_preset(req->connect_timeout_ms, CONNECT_TIMEOUT_MS);
    s->timeout_ms = or_preset(req->timeout_ms, TIMEOUT_MS);
    s->stall_timeout_ms = or_preset(req->stall_timeout_ms, STALL_TIMEOUT_MS);
    tls_peer_reset(&s->peer, tls->pin_sha1);
    answer_heads_reset(&s->heads);
    curl_easy_reset(s->easy);
    if (lay_out_body(s, req, &body, err) < 0 || lay_out_headers(s, req, err) < 0)
        return -1;
    return set_options(c, s, req, tls, body, err);
}

/* ---- driving it ---------------------------------------------------------------------------------------- */

/* Bytes that crossed the wire so far; negative while there is no connection: then only curl's connect
 * time-out and the total one count. */
static int64_t bytes_moved(const struct http_slot *s)
{
    curl_off_t us = 0, down = 0, up = 0;

    (void)curl_easy_getinfo(s->easy, CURLINFO_PRETRANSFER_TIME_T, &us);
    if (us <= 0)
        return -1;
    (void)curl_easy_getinfo(s->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    (void)curl_easy_getinfo(s->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    return (int64_t)down + (int64_t)up + (int64_t)s->header_bytes;
}

/* curl's verdict when the transfer ended by itself. */
static bool is_done(struct http_slot *s, CURLcode *ret)
{
    int left = 0;
    const CURLMsg *msg;

    while ((msg = curl_multi_info_read(s->multi, &left)))
        if (msg->msg == CURLMSG_DONE) {
            *ret = msg->data.result;
            return true;
        }
    return false;
}

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* 0: ended by itself with *ret_rc. -1: cancelled or out of time. */
static int drive(struct http_client *c, struct http_slot *s, CURLcode *ret_rc,
                 enum http_failure *ret_failure, struct error *err)
{
    int64_t started = sv_mono_ms(c->sv), last_moved = started, moved = -1;

    for (;;) {
        int running = 0;
        int64_t now, now_moved, left;

        if (atomic_load(&c->is_cancelled)) {
            *ret_failure = HTTP_FAILED_OTHER;
            return error_set(err, ERR_CANCELLED, "%s: interrupted", s->host);
        }
        if (curl_multi_perform(s->multi, &running) != CURLM_OK)
            return error_set(err, ERR_BUG, "%s: curl cannot go on", s->host);
        if (is_done(s, ret_rc))
            return 0;
        now = sv_mono_ms(c->sv);
        now_moved = bytes_moved(s);
        if (now_moved != moved || now_moved < 0) {
            moved = now_moved;
            last_moved = now;
        }
        if (now - started >= s->timeout_ms || now - last_moved >= s->stall_timeout_ms)
            return http_slot_fail_late(s, now - started < s->timeout_ms, ret_failure, err);
        left = min_i64(started + s->timeout_ms, last_moved + s->stall_timeout_ms) - now;
        if (curl_multi_poll(s->multi, NULL, 0, (int)min_i64(left, POLL_MAX_MS), NULL) != CURLM_OK)
            return error_set(err, ERR_BUG, "%s: curl cannot wait", s->host);
    }
}

static int finish(struct http_client *c, struct http_slot *s, struct http_answer *ret, struct error *err)
{
    long status = 0;

    if (!buf_reserve(&s->body, SPARE_BYTES))
        return error_set(err, ERR_NOMEM, "%s: no memory for the answer", s->host);
    memset(s->body.at + s->body.len, 0, SPARE_BYTES);
    (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    *ret = (struct http_answer){
        .status = (int)status,
        .body = s->body,
        .retry_after_ms = answer_heads_retry_after_ms(&s->heads, sv_wall_ns(c->sv)),
        .server_date_ns = s->heads.date_ns,
        .age_s = s->heads.age_s,
    };
    s->body = BUF_INIT(0); /* handed over */
    memcpy(ret->content_type, s->heads.content_type, sizeof(ret->content_type));
    memcpy(ret->www_authenticate, s->heads.www_authenticate, sizeof(ret->www_authenticate));
    memcpy(ret->request_id, s->heads.request_id, sizeof(ret->request_id));
    return 0;
}

static int transfer(struct http_client *c, struct http_slot *s, struct http_answer *ret,
                    enum http_failure *ret_failure, struct error *err)
{
    CURLcode rc = CURLE_OK;
    int result;

    if (curl_multi_add_handle(s->multi, s->easy) != CURLM_OK)
        return error_set(err, ERR_NOMEM, "%s: no memory for a transfer", s->host);
    result = drive(c, s, &rc, ret_failure, err);
    if (rc == CURLE_OK && !s->has_all_headers)
        rc = CURLE_PARTIAL_FILE;
    if (result == 0 && rc != CURLE_OK)
        result = http_slot_fail(s, rc, c->sv, ret_failure, err);
    if (result == 0)
        result = finish(c, s, ret, err);
    /* Ends a transfer that is still under way, with its connection. */
    (void)curl_multi_remove_handle(s->multi, s->easy);
    return result;
}

int http_perform(struct http_client *c, const struct http_request *req, struct http_answer *ret,
                 struct error *err)
{
    enum http_failure failure = HTTP_FAILED_OTHER;
    struct target to = { 0 };
    struct http_slot *s;
    int result;

    ret->failure = failure;
    if (target_read(req->url, &to, err) < 0)
        return -1;
    if (req->bearer && !to.is_https && !to.is_local)
        return error_set(err, ERR_CONFIG, "%s: a token is not sent over http, only over https", to.host);
    if (atomic_load(&c->is_cancelled))
        return error_set(err, ERR_CANCELLED, "%s: interrupted", to.host);
    s = slot_take(c, to.host);
    if (!s)
        return error_set(err, ERR_NOMEM, "%s: no memory for a transfer", to.host);
    result = lay_out(c, s, req, &to, err);
    if (result == 0)
        result = transfer(c, s, ret, &failure, err);
    slot_put_back(c, s);
    ret->failure = result == 0 ? HTTP_FAILED_NOT : failure;
    return result;
}

void http_answer_release(struct http_answer *a)
{
    if (!a)
        return;
    buf_release(&a->body);
    *a = (struct http_answer){ .age_s = -1 };
}

void http_form_add(struct buf *form, const char *name, struct slice value)
{
    static const char hex[] = "0123456789ABCDEF";

    if (form->len > 0)
        buf_add_char(form, '&');
    buf_add_str(form, name);
    buf_add_char(form, '=');
    for (size_t i = 0; i < value.len; i++) {
        unsigned char b = (unsigned char)value.at[i];

        if ((b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '-' ||
            b == '.' || b == '_' || b == '~') {
            buf_add_char(form, (char)b);
        } else {
            buf_add_char(form, '%');
            buf_add_char(form, hex[b >> 4]);
            buf_add_char(form, hex[b & 15]);
        }
    }
}
