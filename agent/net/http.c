/* http.c - see http.h. One transfer from the caller's request to an answer or a reason.
 *
 * curl does HTTP, TLS, proxies and happy eyeballs; what is added here is what an agent needs that runs
 * for months: ceilings on everything that arrives, time-outs on a clock that tests can turn, a cancel
 * that works at once, and reasons in words. The way through the file: a slot is taken from the pool
 * (slot_take), the request is laid out in it (http_request.c), driven (drive), and judged (finish).
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

#define POLL_MAX_MS 1000 /* how late a turned clock is noticed */

struct http_client {
    const struct services *sv;
    char *user_agent, *ca_file, *ca_dir, *client_cert, *client_key;
    struct http_defaults defaults; /* views into the above */
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
    c->defaults.files = tls_files_new();
    if (!c->defaults.files || !copy_text(&c->user_agent, cfg->user_agent) ||
        !copy_text(&c->ca_file, cfg->tls.ca_file) || !copy_text(&c->ca_dir, cfg->tls.ca_dir) ||
        !copy_text(&c->client_cert, cfg->tls.client_cert) ||
        !copy_text(&c->client_key, cfg->tls.client_key))
        return false;
    c->defaults.user_agent = c->user_agent;
    c->defaults.tls = (struct http_tls){ .min_version = cfg->tls.min_version, .ca_file = c->ca_file,
                                         .ca_dir = c->ca_dir, .client_cert = c->client_cert, .client_key = c->client_key };
    return true;
}

struct http_client *http_client_new(const struct http_client_config *cfg, const struct services *sv)
{
    struct http_client *c;
    pthread_condattr_t attr;

    /* Counted by curl. Its copies of headers, URLs and passwords are wiped when it is done with them. */
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, malloc, wiping_free, wiping_realloc, strdup, calloc) != CURLE_OK)
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
    tls_files_free(c->defaults.files);
    (void)pthread_cond_destroy(&c->cancelled);
    (void)pthread_mutex_destroy(&c->lock);
    free(c->user_agent);
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

bool http_is_cancelled(struct http_client *c)
{
    return c && atomic_load(&c->is_cancelled);
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
    if (!s->multi || curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, 8L) != CURLM_OK) {
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

static void slot_put_back(struct http_client *c, struct http_slot *s)
{
    http_slot_wipe_lines(s);
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
    if (s->header_bytes > HTTP_HEADERS_MAX_BYTES) {
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
        buf_add(&s->body, at, s->answer_max - s->body.len);
        return 0;
    }
    buf_add(&s->body, at, len);
    return s->body.failed ? 0 : len;
}

/* What refuses is only quoted: however long an error page is, its beginning does, and its status is not lost. */
static bool is_long_refusal(const struct http_slot *s)
{
    long status = 0;

    (void)curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &status);
    return s->is_too_large && !s->body.failed && (status < 200 || status > 299);
}

static CURLcode watch_peer(CURL *easy UNUSED, void *ssl_ctx, void *self)
{
    struct http_slot *s = self;

    (void)tls_peer_watch(ssl_ctx, &s->peer);
    return CURLE_OK;
}

/* Where curl puts what arrives. */
static int listen_to(struct http_slot *s, struct error *err)
{
    CURL *e = s->easy;

    /* Without OpenSSL behind curl there is no watching, only fewer words in a refusal. */
    if (curl_easy_setopt(e, CURLOPT_SSL_CTX_FUNCTION, watch_peer) == CURLE_OK)
        (void)curl_easy_setopt(e, CURLOPT_SSL_CTX_DATA, s);
    else if (s->peer.pin_sha1)
        return error_set(err, ERR_CONFIG, "%s: this curl cannot hold a server to its thumbprint", s->host);
    if (curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header) != CURLE_OK ||
        curl_easy_setopt(e, CURLOPT_HEADERDATA, s) != CURLE_OK ||
        curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body) != CURLE_OK ||
        curl_easy_setopt(e, CURLOPT_WRITEDATA, s) != CURLE_OK)
        return error_set(err, ERR_BUG, "%s: curl refuses an option", s->host);
    return 0;
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

    if (!buf_reserve(&s->body, HTTP_SPARE_BYTES))
        return error_set(err, ERR_NOMEM, "%s: no memory for the answer", s->host);
    memset(s->body.at + s->body.len, 0, HTTP_SPARE_BYTES);
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
    memcpy(ret->etag, s->heads.etag, sizeof(ret->etag));
    if (status < 200 || status > 299) { /* what refuses is quoted */
        secrets_hide(ret->body.at, ret->body.len);
        secrets_hide(ret->www_authenticate, strlen(ret->www_authenticate));
        secrets_hide(ret->request_id, strlen(ret->request_id));
    }
    return 0;
}

/* A proxy that speaks TLS itself shakes hands too: whose chain it was is not known then. */
static void note_peer(struct http_client *c, const struct http_slot *s)
{
    if (s->is_https && !s->is_proxy_tls)
        peers_note(c->sv->peers, s->host, &s->peer.chain);
}

static int transfer(struct http_client *c, struct http_slot *s, struct http_answer *ret,
                    enum http_failure *ret_failure, struct error *err)
{
    CURLcode rc = CURLE_OK;
    int result;

    if (curl_multi_add_handle(s->multi, s->easy) != CURLM_OK)
        return error_set(err, ERR_NOMEM, "%s: no memory for a transfer", s->host);
    result = drive(c, s, &rc, ret_failure, err);
    if (is_long_refusal(s))
        rc = CURLE_OK;
    if (rc == CURLE_OK && !s->has_all_headers)
        rc = CURLE_PARTIAL_FILE;
    if (result == 0 && rc != CURLE_OK)
        result = http_slot_fail(s, rc, c->sv, ret_failure, err);
    else if (result == 0)
        result = http_slot_check_proxy(s, ret_failure, err);
    if (result == 0) {
        note_peer(c, s);
        result = finish(c, s, ret, err);
    }
    /* Ends a transfer that is still under way, with its connection. */
    (void)curl_multi_remove_handle(s->multi, s->easy);
    return result;
}

int http_perform(struct http_client *c, const struct http_request *req, struct http_answer *ret,
                 struct error *err)
{
    enum http_failure failure = HTTP_FAILED_OTHER;
    struct http_target to = { 0 };
    struct http_slot *s;
    int result;

    ret->failure = failure;
    if (http_target_read(req->url, &to, err) < 0)
        return -1;
    if (req->bearer && !to.is_https && !to.is_local)
        return error_set(err, ERR_CONFIG, "%s: a token is not sent over http, only over https", to.host);
    if (atomic_load(&c->is_cancelled))
        return error_set(err, ERR_CANCELLED, "%s: interrupted", to.host);
    s = slot_take(c, to.host);
    if (!s)
        return error_set(err, ERR_NOMEM, "%s: no memory for a transfer", to.host);
    result = http_slot_lay_out(s, &c->defaults, req, &to, err);
    if (result == 0)
        result = listen_to(s, err);
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
