/* gate.c - see gate.h. Test code: what cannot go wrong here ends the test run when it does.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/gate.h"

#include "net/openssl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 4096
#define CHUNK 65536

struct passage {
    struct gate *g;
    pthread_t thread;
    int client, server; /* server -1: not connected */
    SSL *ssl;
    enum gate_mode mode;
    bool is_known, is_done;
};

struct gate {
    struct gate_config cfg;
    SSL_CTX *tls;
    int port, listener;         /* the port stays ours while it is shut */
    int wake[2];                /* a byte: look at the listener again, or end */
    enum gate_mode mode;
    bool is_known, is_shut, is_stopping;
    pthread_t thread;
    pthread_mutex_t lock;
    struct passage *passages[CONNECTIONS_MAX];
    size_t len;
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "gate: %s: %s\n", what, strerror(errno));
    abort();
}

/* ---- bytes ------------------------------------------------------------------------------------------ */

static ssize_t read_client(struct passage *p, char *at, size_t size)
{
    return p->ssl ? SSL_read(p->ssl, at, (int)size) : recv(p->client, at, size, 0);
}

static bool write_client(struct passage *p, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = p->ssl ? SSL_write(p->ssl, at, (int)len) : send(p->client, at, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool write_server(struct passage *p, const char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = send(p->server, at, len, MSG_NOSIGNAL);

        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static bool read_exactly(struct passage *p, bool from_server, char *at, size_t len)
{
    while (len > 0) {
        ssize_t n = from_server ? recv(p->server, at, len, 0) : read_client(p, at, len);

        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static void reset_at_close(int fd)
{
    static const struct linger now = { .l_onoff = 1, .l_linger = 0 };

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

/* ---- Kafka: whose address, and who is there (Kafka protocol guide) ------------------------------------ */

static void put_number(char *at, int bytes, uint32_t value)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (char)(value >> (8 * (bytes - 1 - i)));
}

static uint32_t get_number(const char *at, int bytes)
{
    uint32_t value = 0;

    for (int i = 0; i < bytes; i++)
        value = value << 8 | (unsigned char)at[i];
    return value;
}

/* Host and port stand behind each other in every answer that names a broker. */
static void rename_broker(const struct gate *g, char *at, size_t len)
{
    char theirs[13] = "127.0.0.1";

    put_number(theirs + 9, 4, (uint32_t)g->cfg.port);
    for (char *found = at; (found = memmem(found, len - (size_t)(found - at), theirs, 13)) != NULL; found += 13)
        put_number(found + 9, 4, (uint32_t)g->port);
}

/* A frame: size, then a correlation id, then the answer. */
static bool answer_frame(struct passage *p, const char *correlation, const char *body, size_t len)
{
    char head[8];

    put_number(head, 4, (uint32_t)len + 4);
    memcpy(head + 4, correlation, 4);
    return write_client(p, head, sizeof head) && write_client(p, body, len);
}

/* What the broker can, and SASL too. */
static bool answer_versions(struct passage *p, const char *request, size_t len)
{
    static const char sasl[12] = { 0, 17, 0, 0, 0, 1, 0, 36, 0, 0, 0, 1 };
    char size[4], answer[CHUNK];
    size_t n;

    put_number(size, 4, (uint32_t)len);
    if (!write_server(p, size, 4) || !write_server(p, request, len) || !read_exactly(p, true, size, 4))
        return false;
    n = get_number(size, 4);
    if (n < 10 || n + sizeof sasl > sizeof answer || !read_exactly(p, true, answer, n))
        return false;
    put_number(answer + 6, 4, get_number(answer + 6, 4) + 2);
    memcpy(answer + n, sasl, sizeof sasl);
    return answer_frame(p, request + 4, answer + 4, n - 4 + sizeof sasl);
}

/* True: let in. Requests: api key, version, correlation id, client id, body. */
static bool ask_who_is_there(struct passage *p)
{
    static const char only_version_0[12] = { 0, 35, 0, 0, 0, 1, 0, 18 };
    static const char plain[] = { 0, 0, 0, 0, 0, 1, 0, 5, 'P', 'L', 'A', 'I', 'N' };
    static const char good[16] = { 0, 0, -1, -1 }, bad[18] = { 0, 58, 0, 2, 'n', 'o' };
    char size[4], request[CHUNK];

    while (read_exactly(p, false, size, 4)) {
        size_t len = get_number(size, 4);
        uint32_t key, version;
        bool ok;

        if (len < 10 || len > sizeof request || !read_exactly(p, false, request, len))
            return false;
        key = get_number(request, 2);
        version = get_number(request + 2, 2);
        if (key == 18 && version > 0)
            ok = answer_frame(p, request + 4, only_version_0, sizeof only_version_0);
        else if (key == 18)
            ok = answer_versions(p, request, len);
        else if (key == 17)
            ok = answer_frame(p, request + 4, plain, sizeof plain);
        else if (key == 36) /* version 1 ends in the session's lifetime */
            return (p->is_known ? answer_frame(p, request + 4, good, version > 0 ? 16 : 8)
                                : answer_frame(p, request + 4, bad, version > 0 ? 18 : 10)) && p->is_known;
        else
            return false;
        if (!ok)
            return false;
    }
    return false;
}

/* ---- one connection ----------------------------------------------------------------------------------- */

/* False: this connection ends. */
static bool pass_request(struct passage *p, char *bytes)
{
    ssize_t n = read_client(p, bytes, CHUNK);

    if (n <= 0)
        return false;
    switch (p->mode) {
    case GATE_SILENT:
        return true;
    case GATE_GARBAGE:
        (void)write_client(p, "\x80\x02garbage, as of another protocol\r\n\r\n\xff", 38);
        return false;
    case GATE_RESET:
        (void)write_server(p, bytes, (size_t)n / 2);
        reset_at_close(p->client);
        return false;
    case GATE_PASS:
    case GATE_REFUSE:
    case GATE_HALF:
        break;
    }
    return write_server(p, bytes, (size_t)n);
}

static bool pass_answer(struct passage *p, char *bytes)
{
    ssize_t n = recv(p->server, bytes, CHUNK, 0);

    if (n <= 0)
        return false;
    if (p->g->cfg.is_kafka)
        rename_broker(p->g, bytes, (size_t)n);
    if (p->mode == GATE_HALF) {
        (void)write_client(p, bytes, (size_t)n / 2);
        return false;
    }
    return write_client(p, bytes, (size_t)n);
}

static void pass_all(struct passage *p)
{
    char *bytes = malloc(CHUNK);
    bool go_on = true;

    must(bytes != NULL, "malloc");
    while (go_on) {
        struct pollfd fds[2] = { { .fd = p->client, .events = POLLIN }, { .fd = p->server, .events = POLLIN } };

        if (!(p->ssl && SSL_pending(p->ssl) > 0))
            (void)poll(fds, 2, -1);
        if (fds[1].revents)
            go_on = pass_answer(p, bytes);
        if (go_on && (fds[0].revents || (p->ssl && SSL_pending(p->ssl) > 0)))
            go_on = pass_request(p, bytes);
    }
    free(bytes);
}

static int connect_server(int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static void *passage_main(void *self)
{
    struct passage *p = self;
    struct gate *g = p->g;
    bool ok = p->server >= 0;

    if (p->ssl)
        ok = ok && SSL_accept(p->ssl) == 1;
    if (ok && g->cfg.is_sasl && p->mode != GATE_GARBAGE && p->mode != GATE_SILENT)
        ok = ask_who_is_there(p);
    if (ok)
        pass_all(p);
    if (p->ssl && ok)
        (void)SSL_shutdown(p->ssl);
    (void)pthread_mutex_lock(&g->lock);
    SSL_free(p->ssl);
    (void)close(p->client);
    if (p->server >= 0)
        (void)close(p->server);
    p->is_done = true;
    (void)pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* ---- the gate ----------------------------------------------------------------------------------------- */

static int bind_to(int port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
             bind(fd, (struct sockaddr *)&a, sizeof a) == 0, "bind");
    return fd;
}

/* A socket keeps its port after shutdown() only when it asked for this one by number; so one that did not finds it. */
static void open_listener(struct gate *g)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    int finder = bind_to(0);

    must(getsockname(finder, (struct sockaddr *)&a, &len) == 0, "getsockname");
    g->port = ntohs(a.sin_port);
    g->listener = bind_to(g->port);
    (void)close(finder);
    must(listen(g->listener, 64) == 0, "listen");
}

static void accept_one(struct gate *g)
{
    int fd = accept4(g->listener, NULL, NULL, SOCK_CLOEXEC);
    struct passage *p;

    if (fd < 0)
        return;
    p = calloc(1, sizeof *p);
    must(p && g->len < CONNECTIONS_MAX, "too many connections");
    *p = (struct passage){ .g = g, .client = fd, .server = connect_server(g->cfg.port), .mode = g->mode,
                           .is_known = g->is_known };
    if (g->tls) {
        p->ssl = SSL_new(g->tls);
        must(p->ssl && SSL_set_fd(p->ssl, fd) == 1, "SSL_new");
    }
    g->passages[g->len++] = p;
    must(pthread_create(&p->thread, NULL, passage_main, p) == 0, "thread");
}

static void *gate_main(void *self)
{
    struct gate *g = self;

    for (;;) {
        struct pollfd fds[2] = { { .fd = g->wake[0], .events = POLLIN } };
        char ignored;

        (void)pthread_mutex_lock(&g->lock);
        fds[1] = (struct pollfd){ .fd = g->is_shut ? -1 : g->listener, .events = POLLIN };
        (void)pthread_mutex_unlock(&g->lock);
        (void)poll(fds, 2, -1);
        (void)pthread_mutex_lock(&g->lock);
        if (fds[0].revents)
            must(read(g->wake[0], &ignored, 1) == 1, "wake");
        if (g->is_stopping)
            break;
        if (fds[1].revents && !g->is_shut)
            accept_one(g);
        (void)pthread_mutex_unlock(&g->lock);
    }
    (void)pthread_mutex_unlock(&g->lock);
    return NULL;
}

/* With the lock. */
static void reset_all(struct gate *g)
{
    for (size_t i = 0; i < g->len; i++) {
        struct passage *p = g->passages[i];

        if (p->is_done)
            continue;
        reset_at_close(p->client);
        (void)shutdown(p->client, SHUT_RD); /* its thread ends, and the close is a reset */
        if (p->server >= 0)
            (void)shutdown(p->server, SHUT_RDWR);
    }
}

static void change(struct gate *g)
{
    reset_all(g);
    if (g->mode == GATE_REFUSE && !g->is_shut)
        must(shutdown(g->listener, SHUT_RDWR) == 0, "shutdown");
    else if (g->mode != GATE_REFUSE && g->is_shut)
        must(listen(g->listener, 64) == 0, "listen again");
    g->is_shut = g->mode == GATE_REFUSE;
    must(write(g->wake[1], "x", 1) == 1, "wake");
}

void gate_set(struct gate *g, enum gate_mode mode)
{
    (void)pthread_mutex_lock(&g->lock);
    g->mode = mode;
    change(g);
    (void)pthread_mutex_unlock(&g->lock);
}

static SSL_CTX *tls_of(const char *pem_file)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    must(ctx && SSL_CTX_use_certificate_chain_file(ctx, pem_file) == 1 &&
             SSL_CTX_use_PrivateKey_file(ctx, pem_file, SSL_FILETYPE_PEM) == 1, "certificate");
    return ctx;
}

void gate_set_certificate(struct gate *g, const char *pem_file)
{
    (void)pthread_mutex_lock(&g->lock);
    SSL_CTX_free(g->tls); /* connections that stand hold their own reference */
    g->tls = tls_of(pem_file);
    change(g);
    (void)pthread_mutex_unlock(&g->lock);
}

void gate_set_known(struct gate *g, bool is_known)
{
    (void)pthread_mutex_lock(&g->lock);
    g->is_known = is_known;
    change(g);
    (void)pthread_mutex_unlock(&g->lock);
}

struct gate *gate_start(const struct gate_config *cfg)
{
    struct gate *g = calloc(1, sizeof *g);

    must(g != NULL, "calloc");
    (void)signal(SIGPIPE, SIG_IGN);
    g->cfg = *cfg;
    g->is_known = true;
    g->tls = cfg->pem_file ? tls_of(cfg->pem_file) : NULL;
    (void)pthread_mutex_init(&g->lock, NULL);
    must(pipe(g->wake) == 0, "pipe");
    open_listener(g);
    must(pthread_create(&g->thread, NULL, gate_main, g) == 0, "thread");
    return g;
}

int gate_port(const struct gate *g)
{
    return g->port;
}

int gate_connections(struct gate *g)
{
    int n;

    (void)pthread_mutex_lock(&g->lock);
    n = (int)g->len;
    (void)pthread_mutex_unlock(&g->lock);
    return n;
}

void gate_stop(struct gate *g)
{
    if (!g)
        return;
    (void)pthread_mutex_lock(&g->lock);
    g->is_stopping = true;
    reset_all(g);
    must(write(g->wake[1], "x", 1) == 1, "wake");
    (void)pthread_mutex_unlock(&g->lock);
    (void)pthread_join(g->thread, NULL);
    for (size_t i = 0; i < g->len; i++) {
        (void)pthread_join(g->passages[i]->thread, NULL);
        free(g->passages[i]);
    }
    (void)close(g->listener);
    SSL_CTX_free(g->tls);
    (void)close(g->wake[0]);
    (void)close(g->wake[1]);
    (void)pthread_mutex_destroy(&g->lock);
    free(g);
}
