/* httpd.c - see httpd.h. Test code: what cannot go wrong here ends the test run when it does.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/httpd.h"

#include "base/num.h"
#include "net/openssl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define CONNECTIONS_MAX 256
#define HEAD_MAX (64u << 10)
#define BODY_MAX (16u << 20)

struct connection {
    struct httpd *h;
    pthread_t thread;
    int fd, number;
    bool is_done, is_busy;
    SSL *ssl;
};

struct httpd {
    httpd_fn fn;
    void *self;
    SSL_CTX *tls;
    int listener, port, stop_pipe[2];
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct connection *connections[CONNECTIONS_MAX];
    int connections_len, accepted, requests, busy; /* busy: requests that are being answered */
    bool is_stopping;
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "httpd: %s: %s\n", what, strerror(errno));
    abort();
}

/* ---- bytes in and out ------------------------------------------------------------------------------ */

static void pause_ms(struct httpd *h, int ms)
{
    struct pollfd p = { .fd = h->stop_pipe[0], .events = POLLIN };

    (void)poll(&p, 1, ms); /* returns early when the server stops */
}

static bool send_bytes(struct connection *c, const char *at, size_t len)
{
    while (len > 0) {
        int want = len > 1 << 20 ? 1 << 20 : (int)len;
        ssize_t n = c->ssl ? SSL_write(c->ssl, at, want) : send(c->fd, at, (size_t)want, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool receive_some(struct connection *c, struct buf *in)
{
    char chunk[16384];
    ssize_t n = c->ssl ? SSL_read(c->ssl, chunk, (int)sizeof(chunk)) : recv(c->fd, chunk, sizeof(chunk), 0);

    if (n <= 0)
        return false;
    buf_add(in, chunk, (size_t)n);
    return !in->failed;
}

static void send_reply(struct connection *c, const struct httpd_reply *say)
{
    size_t piece = say->piece > 0 ? (size_t)say->piece : say->bytes.len;

    if (say->wait_ms > 0)
        pause_ms(c->h, say->wait_ms);
    for (size_t i = 0; i < say->bytes.len; i += piece) {
        size_t left = say->bytes.len - i;

        if (i > 0 && say->piece_wait_ms > 0)
            pause_ms(c->h, say->piece_wait_ms);
        if (!send_bytes(c, say->bytes.at + i, left < piece ? left : piece))
            return;
    }
}

static void hang(struct connection *c)
{
    struct pollfd p[2] = { { .fd = c->h->stop_pipe[0], .events = POLLIN },
                           { .fd = c->fd, .events = POLLIN | POLLRDHUP } };

    (void)poll(p, 2, -1);
}

/* ---- one connection -------------------------------------------------------------------------------- */

bool httpd_header(const struct httpd_request *rq, const char *name, char *ret, size_t size)
{
    struct slice rest = slice_of(rq->headers), line, key;

    ret[0] = '\0';
    while (slice_split(&rest, '\n', &line)) {
        struct slice value = line;

        if (slice_split(&value, ':', &key) && value.at && slice_eq_nocase(key, slice_of(name))) {
            value = slice_trim(value);
            (void)snprintf(ret, size, "%.*s", SLF(value));
            return true;
        }
    }
    return false;
}

static size_t body_length(const struct httpd_request *rq)
{
    char text[32];
    int64_t n = 0;

    if (httpd_header(rq, "Content-Length", text, sizeof(text)))
        must(parse_i64(slice_of(text), 0, BODY_MAX, &n), "content length");
    return (size_t)n;
}

/* Read one request; its head is copied to `head`, its body stays in `in`, *ret_used bytes of which are
 * then this request's. */
static bool read_request(struct connection *c, struct buf *in, struct buf *head,
                         struct httpd_request *rq, size_t *ret_used)
{
    struct slice line, method, rest;
    size_t end, body;

    while ((end = slice_find(buf_slice(in), SL("\r\n\r\n"))) == SIZE_MAX)
        if (!receive_some(c, in))
            return false;
    end += 4;
    buf_clear(head);
    buf_add(head, in->at, end);
    rest = buf_slice(head);
    (void)slice_split(&rest, '\n', &line);
    rq->headers = rest.at;
    (void)slice_split(&line, ' ', &method);
    (void)snprintf(rq->method, sizeof(rq->method), "%.*s", SLF(method));
    (void)slice_split(&line, ' ', &method);
    (void)snprintf(rq->target, sizeof(rq->target), "%.*s", SLF(method));
    body = body_length(rq);
    while (in->len < end + body)
        if (!receive_some(c, in))
            return false;
    rq->body = slice_make(in->at + end, body);
    *ret_used = end + body;
    return true;
}

static void rest(struct connection *c)
{
    (void)pthread_mutex_lock(&c->h->lock);
    c->h->busy -= c->is_busy;
    c->is_busy = false;
    (void)pthread_cond_broadcast(&c->h->news);
    (void)pthread_mutex_unlock(&c->h->lock);
}

/* True when the connection may carry another request. */
static bool serve_one(struct connection *c, struct buf *in, struct buf *head, int nth)
{
    struct httpd_reply say = { .bytes = BUF_INIT(256u << 20) };
    struct httpd_request rq = { .connection = c->number, .on_connection = nth };
    struct httpd *h = c->h;
    size_t used = 0;
    bool keep;

    if (!read_request(c, in, head, &rq, &used))
        return false;
    (void)pthread_mutex_lock(&h->lock);
    rq.number = ++h->requests;
    c->is_busy = true;
    h->busy++;
    (void)pthread_cond_broadcast(&h->news);
    h->fn(h->self, &rq, &say);
    (void)pthread_mutex_unlock(&h->lock);
    must(!say.bytes.failed, "answer too large");
    memmove(in->at, in->at + used, in->len - used);
    in->len -= used;
    in->at[in->len] = '\0';
    send_reply(c, &say);
    if (say.hang)
        hang(c);
    if (say.reset) {
        struct linger now = { .l_onoff = 1, .l_linger = 0 };

        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    keep = say.bytes.len > 0 && !say.close && !say.hang && !say.reset;
    buf_release(&say.bytes);
    if (keep)
        rest(c);
    return keep;
}

static void *serve(void *self)
{
    struct connection *c = self;
    struct buf in = BUF_INIT(HEAD_MAX + BODY_MAX), head = BUF_INIT(HEAD_MAX);
    bool ok = true;

    if (c->h->tls) {
        c->ssl = SSL_new(c->h->tls);
        must(c->ssl && SSL_set_fd(c->ssl, c->fd) == 1, "SSL_new");
        ok = SSL_accept(c->ssl) == 1;
    }
    for (int nth = 1; ok && serve_one(c, &in, &head, nth); nth++)
        ;
    if (c->ssl && ok)
        (void)SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    buf_release(&in);
    buf_release(&head);
    rest(c);
    (void)pthread_mutex_lock(&c->h->lock);
    (void)close(c->fd);
    c->is_done = true;
    (void)pthread_mutex_unlock(&c->h->lock);
    return NULL;
}

/* ---- the server ------------------------------------------------------------------------------------ */

/* Where the next one goes; with the lock held. Who has ended makes room. */
static struct connection **find_place(struct httpd *h)
{
    for (int i = 0; i < h->connections_len; i++)
        if (h->connections[i]->is_done) {
            (void)pthread_join(h->connections[i]->thread, NULL); /* at its return */
            free(h->connections[i]);
            return &h->connections[i];
        }
    must(h->connections_len < CONNECTIONS_MAX, "too many connections");
    return &h->connections[h->connections_len++];
}

static void accept_one(struct httpd *h)
{
    struct connection *c;
    int fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC);

    if (fd < 0)
        return;
    c = calloc(1, sizeof *c);
    must(c != NULL, "calloc");
    (void)pthread_mutex_lock(&h->lock);
    *c = (struct connection){ .h = h, .fd = fd, .number = ++h->accepted };
    *find_place(h) = c;
    must(pthread_create(&c->thread, NULL, serve, c) == 0, "pthread_create");
    (void)pthread_mutex_unlock(&h->lock);
}

static void *accept_loop(void *self)
{
    struct httpd *h = self;
    struct pollfd p[2] = { { .fd = h->listener, .events = POLLIN },
                           { .fd = h->stop_pipe[0], .events = POLLIN } };

    while (poll(p, 2, -1) >= 0 && p[1].revents == 0)
        if (p[0].revents & POLLIN)
            accept_one(h);
    return NULL;
}

static SSL_CTX *tls_of(const struct httpd_tls *tls)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    must(ctx && SSL_CTX_use_certificate_chain_file(ctx, tls->cert_file) == 1 &&
             SSL_CTX_use_PrivateKey_file(ctx, tls->key_file, SSL_FILETYPE_PEM) == 1, "certificate");
    if (tls->client_ca_file) {
        must(SSL_CTX_load_verify_locations(ctx, tls->client_ca_file, NULL) == 1, "client CA");
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return ctx;
}

static int bind_loopback(int *ret_port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0 && bind(fd, (struct sockaddr *)&a, len) == 0 &&
             getsockname(fd, (struct sockaddr *)&a, &len) == 0, "bind");
    *ret_port = ntohs(a.sin_port);
    return fd;
}

struct httpd *httpd_start(httpd_fn fn, void *self, const struct httpd_tls *tls)
{
    struct httpd *h = calloc(1, sizeof *h);

    must(h != NULL, "calloc");
    (void)signal(SIGPIPE, SIG_IGN);
    h->fn = fn;
    h->self = self;
    h->tls = tls ? tls_of(tls) : NULL;
    h->listener = bind_loopback(&h->port);
    must(listen(h->listener, 64) == 0 && pipe(h->stop_pipe) == 0, "listen");
    (void)snprintf(h->url, sizeof(h->url), "%s://127.0.0.1:%d", tls ? "https" : "http", h->port);
    (void)pthread_mutex_init(&h->lock, NULL);
    (void)pthread_cond_init(&h->news, NULL);
    must(pthread_create(&h->thread, NULL, accept_loop, h) == 0, "pthread_create");
    return h;
}

void httpd_stop(struct httpd *h)
{
    if (!h)
        return;
    (void)pthread_mutex_lock(&h->lock);
    h->is_stopping = true;
    (void)pthread_mutex_unlock(&h->lock);
    (void)!write(h->stop_pipe[1], "x", 1); /* stays readable: everybody wakes */
    (void)pthread_join(h->thread, NULL);
    (void)pthread_mutex_lock(&h->lock);
    for (int i = 0; i < h->connections_len; i++)
        if (!h->connections[i]->is_done)
            (void)shutdown(h->connections[i]->fd, SHUT_RDWR);
    (void)pthread_mutex_unlock(&h->lock);
    for (int i = 0; i < h->connections_len; i++) {
        (void)pthread_join(h->connections[i]->thread, NULL);
        free(h->connections[i]);
    }
    SSL_CTX_free(h->tls);
    (void)close(h->listener);
    (void)close(h->stop_pipe[0]);
    (void)close(h->stop_pipe[1]);
    (void)pthread_cond_destroy(&h->news);
    (void)pthread_mutex_destroy(&h->lock);
    free(h);
}

const char *httpd_url(const struct httpd *h)
{
    return h->url;
}

int httpd_port(const struct httpd *h)
{
    return h->port;
}

int httpd_requests(struct httpd *h)
{
    int n;

    (void)pthread_mutex_lock(&h->lock);
    n = h->requests;
    (void)pthread_mutex_unlock(&h->lock);
    return n;
}

int httpd_connections(struct httpd *h)
{
    int n;

    (void)pthread_mutex_lock(&h->lock);
    n = h->accepted;
    (void)pthread_mutex_unlock(&h->lock);
    return n;
}

static bool have_come(const struct httpd *h, int n)
{
    return h->requests >= n;
}

static bool is_idle(const struct httpd *h, int n)
{
    return h->busy == n;
}

static bool wait_for(struct httpd *h, bool (*is_so)(const struct httpd *h, int n), int n)
{
    struct timespec end;
    bool came;
    int rc = 0;

    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 50;
    (void)pthread_mutex_lock(&h->lock);
    while (!is_so(h, n) && rc == 0)
        rc = pthread_cond_timedwait(&h->news, &h->lock, &end);
    came = is_so(h, n);
    (void)pthread_mutex_unlock(&h->lock);
    return came;
}

bool httpd_wait_requests(struct httpd *h, int n)
{
    return wait_for(h, have_come, n);
}

bool httpd_wait_idle(struct httpd *h)
{
    return wait_for(h, is_idle, 0);
}

int httpd_dead_port(void)
{
    int port;

    (void)bind_loopback(&port); /* nobody listens, and while the test runs nobody else can */
    return port;
}

/* ---- answers ---------------------------------------------------------------------------------------- */

void httpd_say_bytes(struct httpd_reply *say, int status, const char *headers, struct slice body)
{
    buf_addf(&say->bytes, "HTTP/1.1 %d Status\r\n%sContent-Length: %zu\r\n\r\n", status, headers, body.len);
    buf_add_slice(&say->bytes, body);
}

void httpd_say(struct httpd_reply *say, int status, const char *headers, const char *body)
{
    httpd_say_bytes(say, status, headers, slice_of(body));
}

static void zlib_all(struct slice in, struct buf *ret, bool inflating)
{
    z_stream z = { .next_in = (Bytef *)(uintptr_t)in.at, .avail_in = (uInt)in.len };
    unsigned char chunk[16384];
    int rc = inflating ? inflateInit2(&z, 15 + 16)
                       : deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);

    *ret = BUF_INIT(256u << 20);
    must(rc == Z_OK, "zlib");
    while (rc == Z_OK) {
        z.next_out = chunk;
        z.avail_out = sizeof(chunk);
        rc = inflating ? inflate(&z, Z_NO_FLUSH) : deflate(&z, Z_FINISH);
        buf_add(ret, chunk, sizeof(chunk) - z.avail_out);
    }
    must(rc == Z_STREAM_END, "zlib stream");
    (void)(inflating ? inflateEnd(&z) : deflateEnd(&z));
}

void httpd_gzip(struct slice plain, struct buf *ret)
{
    zlib_all(plain, ret, false);
}

void httpd_gunzip(struct slice zipped, struct buf *ret)
{
    zlib_all(zipped, ret, true);
}
