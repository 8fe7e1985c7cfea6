/* stream.c - see stream.h. Sockets never block; waiting is poll(2) in slices, so that a cancel and a turned
 * clock are noticed.
 *
 * SIOCOUTQ (bytes that the peer's kernel has not acknowledged) has no event of its own: it is looked at in
 * growing steps, between which poll wakes for whatever the peer sends.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/stream.h"

#include "base/buf.h"
#include "base/num.h"
#include "net/openssl.h"
#include "net/peers.h"
#include "net/stream_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define CONNECT_TIMEOUT_MS 10000
#define USER_TIMEOUT_MS 30000
#define SLICE_MS 200
#define ATTEMPT_DELAY_MS 250  /* RFC 8305 section 5 */
#define ADDRESSES_MAX 16
#define KEEPALIVE_IDLE_S 30
#define KEEPALIVE_STEP_S 10
#define KEEPALIVE_TRIES 3
#define DRAIN_MAX (1u << 20)  /* a peer that talks for ever is not listened to for ever */
#define HOST_SHOWN 200

struct stream {
    struct stream_config cfg;
    const struct services *sv;
    int fd;
    SSL *ssl;              /* NULL: plain */
    uint64_t generation;   /* of cfg.tls when opened */
    char describe[240];
    bool is_broken;
};

/* ---- waiting ------------------------------------------------------------------------------------ */

static bool is_cancelled(const struct stream_config *cfg)
{
    return cfg->is_cancelled && cfg->is_cancelled(cfg->cancel_self);
}

static int slice_until(const struct services *sv, int64_t deadline_ms, int most_ms)
{
    int64_t left = deadline_ms - sv_mono_ms(sv);

    return left <= 0 ? 0 : left < most_ms ? (int)left : most_ms;
}

/* 1: an event; 0: the deadline passed; -1: ERR_CANCELLED. */
static int wait_fd(const struct stream *s, short events, int64_t deadline_ms, struct error *err)
{
    for (;;) {
        struct pollfd p = { .fd = s->fd, .events = events };
        int ms = slice_until(s->sv, deadline_ms, SLICE_MS), n = poll(&p, 1, ms);

        if (n > 0)
            return 1;
        if (is_cancelled(&s->cfg))
            return error_set(err, ERR_CANCELLED, "asked to stop");
        if (ms == 0)
            return 0;
    }
}

static int with_place(const struct stream_config *cfg, struct error *err)
{
    return error_wrap(err, strchr(cfg->host, ':') ? "[%.*s]:%d" : "%.*s:%d", HOST_SHOWN, cfg->host, cfg->port);
}

static int say_timeout(struct error *err, enum error_code code, const char *what, int64_t ms)
{
    CLEANUP(buf_release) struct buf text = BUF_HERE(64);

    fmt_duration_ms(&text, ms);
    return error_set(err, code, "%s within %s", what, buf_cstr(&text));
}

/* ---- addresses ---------------------------------------------------------------------------------- */

int stream_parse_address(struct slice text, int default_port, char *ret_host, size_t size, int *ret_port,
                         struct error *err)
{
    struct slice host = slice_trim(text), port = { 0 };
    int64_t number = default_port;
    size_t colon = slice_find(host, SL(":"));

    if (slice_starts(host, SL("["))) {
        size_t end = slice_find(host, SL("]"));

        if (end == SIZE_MAX || (end + 1 < host.len && host.at[end + 1] != ':'))
            return error_set(err, ERR_CONFIG, "'%.*s' is no address: a ']' is missing or misplaced", SLF(text));
        if (end + 1 < host.len)
            port = slice_make(host.at + end + 2, host.len - end - 2);
        colon = end + 1 < host.len ? end + 1 : SIZE_MAX;
        host = slice_make(host.at + 1, end - 1);
    } else if (colon != SIZE_MAX && !memchr(host.at + colon + 1, ':', host.len - colon - 1)) {
        port = slice_make(host.at + colon + 1, host.len - colon - 1);
        host = slice_make(host.at, colon);
    } else {
        colon = SIZE_MAX; /* a bare name, or a bare IPv6 address */
    }
    if (colon != SIZE_MAX && !parse_i64(port, 1, 65535, &number))
        return error_set(err, ERR_CONFIG, "'%.*s': the port is a number from 1 to 65535", SLF(slice_cut(text, 120)));
    if (host.len == 0 || host.len >= size || memchr(host.at, '\0', host.len) || slice_find(host, SL(" ")) != SIZE_MAX ||
        slice_find(host, SL("/")) != SIZE_MAX)
        return error_set(err, ERR_CONFIG, "'%.*s' is no address: host, host:port or [IPv6]:port", SLF(slice_cut(text, 120)));
    memcpy(ret_host, host.at, host.len);
    ret_host[host.len] = '\0';
    *ret_port = (int)number;
    return 0;
}

static int resolve(const char *host, int port, int type, struct addrinfo **ret, struct error *err)
{
    const struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_NUMERICSERV };
    char service[12];
    int rc;

    (void)snprintf(service, sizeof service, "%d", port);
    rc = getaddrinfo(host, service, &hints, ret);
    if (rc == 0)
        return 0;
    return error_set(err, ERR_NET, "name cannot be resolved: %s", rc == EAI_SYSTEM ? "system error" : gai_strerror(rc));
}

/* Families alternate, beginning with that of the resolver's first choice (RFC 8305 section 4). */
static size_t in_order(const struct addrinfo *all, const struct addrinfo *ret[ADDRESSES_MAX])
{
    const struct addrinfo *same[ADDRESSES_MAX], *other[ADDRESSES_MAX];
    size_t n_same = 0, n_other = 0, n = 0;

    for (const struct addrinfo *a = all; a; a = a->ai_next) {
        if (a->ai_family == all->ai_family && n_same < ADDRESSES_MAX)
            same[n_same++] = a;
        else if (a->ai_family != all->ai_family && n_other < ADDRESSES_MAX)
            other[n_other++] = a;
    }
    for (size_t i = 0; n < ADDRESSES_MAX && (i < n_same || i < n_other); i++) {
        if (i < n_same)
            ret[n++] = same[i];
        if (i < n_other && n < ADDRESSES_MAX)
            ret[n++] = other[i];
    }
    return n;
}

/* ---- connecting --------------------------------------------------------------------------------- */

struct race {
    const struct stream_config *cfg;
    const struct services *sv;
    const struct addrinfo *addresses[ADDRESSES_MAX];
    size_t len, started;
    struct pollfd fds[ADDRESSES_MAX]; /* fd -1: not started or lost */
    int errnum;                       /* of the last that lost */
};

static void lose(struct race *r, size_t i, int errnum)
{
    r->errnum = errnum;
    if (r->fds[i].fd >= 0)
        (void)close(r->fds[i].fd);
    r->fds[i].fd = -1;
}

/* True: connected at once. */
static bool start_next(struct race *r)
{
    size_t i = r->started++;
    const struct addrinfo *a = r->addresses[i];

    r->fds[i].events = POLLOUT;
    r->fds[i].fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
    if (r->fds[i].fd >= 0 && connect(r->fds[i].fd, a->ai_addr, a->ai_addrlen) == 0)
        return true;
    if (r->fds[i].fd < 0 || errno != EINPROGRESS)
        lose(r, i, errno);
    return false;
}

/* The index of a winner, or len. */
static size_t find_winner(struct race *r)
{
    for (size_t i = 0; i < r->started; i++) {
        int errnum = 0;
        socklen_t size = sizeof errnum;

        if (r->fds[i].fd < 0 || r->fds[i].revents == 0)
            continue;
        if (getsockopt(r->fds[i].fd, SOL_SOCKET, SO_ERROR, &errnum, &size) == 0 && errnum == 0)
            return i;
        lose(r, i, errnum ? errnum : EIO);
    }
    return r->len;
}

static bool is_running(const struct race *r)
{
    for (size_t i = 0; i < r->started; i++)
        if (r->fds[i].fd >= 0)
            return true;
    return false;
}

static int run_race(struct race *r, int64_t deadline_ms, int64_t timeout_ms, int *ret_fd, struct error *err)
{
    int64_t next_ms = sv_mono_ms(r->sv);
    size_t winner = r->len;

    while (winner == r->len) {
        int64_t now = sv_mono_ms(r->sv);
        int ms;

        if (is_cancelled(r->cfg))
            return error_set(err, ERR_CANCELLED, "asked to stop");
        if (now >= deadline_ms)
            return say_timeout(err, ERR_NET, "no connection", timeout_ms);
        if (r->started < r->len && (now >= next_ms || !is_running(r))) {
            next_ms = now + ATTEMPT_DELAY_MS;
            if (start_next(r)) {
                winner = r->started - 1;
                break;
            }
            continue;
        }
        if (!is_running(r))
            return error_errno(err, ERR_NET, r->errnum, "connect");
        ms = slice_until(r->sv, r->started < r->len && next_ms < deadline_ms ? next_ms : deadline_ms, SLICE_MS);
        if (poll(r->fds, r->started, ms) > 0)
            winner = find_winner(r);
    }
    *ret_fd = r->fds[winner].fd;
    r->fds[winner].fd = -1;
    return 0;
}

static int connect_tcp(const struct stream_config *cfg, const struct services *sv, int64_t deadline_ms,
                       int64_t timeout_ms, int *ret_fd, struct error *err)
{
    struct race r = { .cfg = cfg, .sv = sv, .errnum = EADDRNOTAVAIL };
    struct addrinfo *all = NULL;
    int rc;

    if (resolve(cfg->host, cfg->port, SOCK_STREAM, &all, err) < 0)
        return -1;
    r.len = in_order(all, r.addresses);
    for (size_t i = 0; i < ADDRESSES_MAX; i++)
        r.fds[i].fd = -1;
    rc = run_race(&r, deadline_ms, timeout_ms, ret_fd, err);
    for (size_t i = 0; i < ADDRESSES_MAX; i++)
        if (r.fds[i].fd >= 0)
            (void)close(r.fds[i].fd);
    freeaddrinfo(all);
    return rc;
}

/* None of these failing is a reason not to send. */
static void set_options(int fd, int64_t user_timeout_ms)
{
    const int on = 1, idle = KEEPALIVE_IDLE_S, step = KEEPALIVE_STEP_S, tries = KEEPALIVE_TRIES;
    const unsigned user = (unsigned)(user_timeout_ms < INT_MAX ? user_timeout_ms : INT_MAX);

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &step, sizeof step);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &tries, sizeof tries);
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user, sizeof user);
}

/* errno is looked at only for a failed system call below TLS. */
static int tls_failure(struct stream *s, int rc, struct error *err)
{
    int errnum = errno, ssl_error = SSL_get_error(s->ssl, rc);

    s->is_broken = true;
    return stream_tls_explain(s->cfg.tls, ssl_error, errnum, s->sv, err);
}

static int shake_hands(struct stream *s, int64_t deadline_ms, int64_t timeout_ms, struct error *err)
{
    s->ssl = stream_tls_connection(s->cfg.tls, s->cfg.host, s->fd, err);
    if (!s->ssl)
        return -1;
    for (;;) {
        int rc, kind, ready;

        ERR_clear_error();
        errno = 0;
        rc = SSL_connect(s->ssl);
        if (rc == 1)
            return 0;
        kind = SSL_get_error(s->ssl, rc);
        if (kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE) {
            (void)tls_failure(s, rc, err);
            return error_wrap(err, "during the handshake");
        }
        ready = wait_fd(s, kind == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline_ms, err);
        if (ready < 0)
            return -1;
        if (ready == 0)
            return say_timeout(err, ERR_NET, "TLS: no handshake", timeout_ms);
    }
}

static void note_peer(const struct stream *s)
{
    char place[sizeof(((struct peer *)0)->place)];

    (void)snprintf(place, sizeof place, strchr(s->cfg.host, ':') ? "[%.120s]:%d" : "%.120s:%d", s->cfg.host, s->cfg.port);
    peers_note(s->sv->peers, place, stream_tls_chain(s->cfg.tls));
}

int stream_connect(const struct stream_config *cfg, const struct services *sv, struct stream **ret, struct error *err)
{
    struct stream *s = calloc(1, sizeof *s);
    int64_t timeout_ms = cfg->connect_timeout_ms > 0 ? cfg->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    int64_t deadline_ms = sv_mono_ms(sv) + timeout_ms;

    if (!s)
        return error_set(err, ERR_NOMEM, "connection");
    *s = (struct stream){ .cfg = *cfg, .sv = sv, .fd = -1 };
    if (connect_tcp(cfg, sv, deadline_ms, timeout_ms, &s->fd, err) < 0)
        goto failed;
    set_options(s->fd, cfg->user_timeout_ms > 0 ? cfg->user_timeout_ms : USER_TIMEOUT_MS);
    (void)snprintf(s->describe, sizeof s->describe, "TCP");
    if (cfg->tls) {
        if (shake_hands(s, deadline_ms, timeout_ms, err) < 0)
            goto failed;
        s->generation = stream_tls_refresh(cfg->tls);
        note_peer(s);
        stream_tls_describe(cfg->tls, s->ssl, s->describe, sizeof s->describe);
    }
    *ret = s;
    return 0;
failed:
    stream_free(s);
    return with_place(cfg, err);
}

void stream_free(struct stream *s)
{
    if (!s)
        return;
    SSL_free(s->ssl);
    if (s->fd >= 0)
        (void)close(s->fd);
    free(s);
}

int stream_fd(const struct stream *s)
{
    return s->fd;
}

const char *stream_describe(const struct stream *s)
{
    return s->describe;
}

bool stream_is_outdated(const struct stream *s)
{
    return s->cfg.tls && stream_tls_refresh(s->cfg.tls) != s->generation;
}

/* ---- is it still there? --------------------------------------------------------------------------- */

/* Bytes read, 0: nothing there now, -1: gone. */
static ssize_t read_some(struct stream *s, char *at, size_t size, struct error *err)
{
    ssize_t n;
    int rc, kind;

    if (s->is_broken)
        return error_set(err, ERR_NET, "connection broken");
    errno = 0;
    if (s->ssl) {
        ERR_clear_error();
        rc = SSL_read(s->ssl, at, (int)size);
        if (rc > 0)
            return rc;
        kind = SSL_get_error(s->ssl, rc);
        if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
            return 0;
        return tls_failure(s, rc, err);
    }
    do
        n = recv(s->fd, at, size, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0)
        return n;
    if (n < 0 && errno == EAGAIN)
        return 0;
    s->is_broken = true;
    return n == 0 ? error_set(err, ERR_NET, "closed by the receiver")
                  : error_errno(err, ERR_NET, errno, "connection broken");
}

static int drain(struct stream *s, struct error *err)
{
    char ignored[4096];
    ssize_t n = 1;

    for (size_t all = 0; n > 0 && all < DRAIN_MAX; all += (size_t)n) {
        n = read_some(s, ignored, sizeof ignored, err);
        if (n < 0)
            return -1;
    }
    return 0;
}

int stream_check(struct stream *s, struct error *err)
{
    return drain(s, err) < 0 ? with_place(&s->cfg, err) : 0;
}

int stream_listen(struct stream *s, int64_t ms, struct error *err)
{
    int64_t deadline_ms = sv_mono_ms(s->sv) + ms;

    for (;;) {
        int ready;

        if (drain(s, err) < 0)
            return with_place(&s->cfg, err);
        ready = wait_fd(s, POLLIN, deadline_ms, err);
        if (ready <= 0)
            return ready < 0 ? with_place(&s->cfg, err) : 0;
    }
}

/* ---- writing ------------------------------------------------------------------------------------ */

/* Bytes taken, 0: none now (wait for *ret_events), -1: broken. */
static ssize_t write_some(struct stream *s, struct slice bytes, short *ret_events, struct error *err)
{
    int rc, kind;
    ssize_t n;

    *ret_events = POLLOUT;
    errno = 0;
    if (s->ssl) {
        ERR_clear_error();
        rc = SSL_write(s->ssl, bytes.at, bytes.len < INT_MAX ? (int)bytes.len : INT_MAX);
        if (rc > 0)
            return rc;
        kind = SSL_get_error(s->ssl, rc);
        if (kind == SSL_ERROR_WANT_READ)
            *ret_events = POLLIN;
        return kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE ? 0 : tls_failure(s, rc, err);
    }
    do
        n = send(s->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n >= 0)
        return n;
    if (errno == EAGAIN)
        return 0;
    s->is_broken = true;
    return error_errno(err, ERR_NET, errno, "connection broken");
}

static int write_all(struct stream *s, struct slice rest, int64_t timeout_ms, struct error *err)
{
    int64_t deadline_ms = sv_mono_ms(s->sv) + timeout_ms;
    size_t all = rest.len;

    while (rest.len > 0) {
        short events;
        ssize_t n = write_some(s, rest, &events, err);
        int ready;

        if (n < 0)
            return -1;
        if (n > 0) {
            rest = slice_make(rest.at + n, rest.len - (size_t)n);
            continue;
        }
        ready = wait_fd(s, events, deadline_ms, err);
        if (ready < 0)
            return -1;
        if (ready == 0) {
            s->is_broken = true; /* half a frame is on the way */
            return say_timeout(err, rest.len < all ? ERR_LIMIT : ERR_NET,
                               rest.len < all ? "the receiver did not take everything" : "the receiver took nothing",
                               timeout_ms);
        }
    }
    return 0;
}

int stream_write(struct stream *s, struct slice bytes, int64_t timeout_ms, struct error *err)
{
    struct error why = { 0 };

    if (s->is_broken) {
        (void)error_set(err, ERR_NET, "connection broken");
        return with_place(&s->cfg, err);
    }
    if (write_all(s, bytes, timeout_ms, &why) == 0)
        return 0;
    /* A peer that closed with a reason (a TLS alert) has said it on the way in. */
    if (why.code == ERR_NET && s->ssl) {
        struct error said = { 0 };

        s->is_broken = false;
        if (drain(s, &said) < 0 && said.code == ERR_AUTH)
            why = said;
        s->is_broken = true;
    }
    *err = why;
    return with_place(&s->cfg, err);
}

int stream_wait_acknowledged(struct stream *s, int64_t timeout_ms, struct error *err)
{
    int64_t deadline_ms = sv_mono_ms(s->sv) + timeout_ms;

    for (int step_ms = 1;; step_ms = step_ms < SLICE_MS / 4 ? step_ms * 2 : SLICE_MS / 4) {
        struct pollfd p = { .fd = s->fd, .events = POLLIN };
        int left = 0;

        if (drain(s, err) < 0)
            return with_place(&s->cfg, err);
        if (ioctl(s->fd, SIOCOUTQ, &left) < 0 || left == 0)
            return 0;
        if (is_cancelled(&s->cfg))
            return error_set(err, ERR_CANCELLED, "asked to stop");
        if (sv_mono_ms(s->sv) >= deadline_ms) {
            s->is_broken = true;
            (void)say_timeout(err, ERR_NET, "the receiver did not acknowledge what was sent", timeout_ms);
            return with_place(&s->cfg, err);
        }
        (void)poll(&p, 1, slice_until(s->sv, deadline_ms, step_ms));
    }
}

/* ---- the end ------------------------------------------------------------------------------------ */

int stream_finish(struct stream *s, int64_t timeout_ms, struct error *err)
{
    int64_t deadline_ms = sv_mono_ms(s->sv) + timeout_ms;
    char ignored[4096];

    if (s->ssl && !s->is_broken) {
        ERR_clear_error();
        (void)SSL_shutdown(s->ssl); /* our close_notify; the peer's is not awaited, its end is */
        ERR_clear_error();
    }
    (void)shutdown(s->fd, SHUT_WR);
    for (;;) {
        ssize_t n = recv(s->fd, ignored, sizeof ignored, MSG_DONTWAIT);
        int ready;

        if (n == 0)
            return 0;
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            (void)error_errno(err, ERR_NET, errno, "connection broken at its end");
            return with_place(&s->cfg, err);
        }
        if (n > 0)
            continue;
        ready = wait_fd(s, POLLIN, deadline_ms, err);
        if (ready == 0)
            (void)say_timeout(err, ERR_NET, "the receiver did not close", timeout_ms);
        if (ready <= 0)
            return with_place(&s->cfg, err);
    }
}

/* ---- datagrams ---------------------------------------------------------------------------------- */

int stream_open_udp(const char *host, int port, int *ret_fd, struct error *err)
{
    const struct stream_config place = { .host = host, .port = port };
    struct addrinfo *all = NULL;
    int fd = -1, errnum = EADDRNOTAVAIL;

    if (resolve(host, port, SOCK_DGRAM, &all, err) < 0)
        return with_place(&place, err);
    for (const struct addrinfo *a = all; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) == 0)
            break;
        errnum = errno;
        if (fd >= 0)
            (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(all);
    if (fd < 0) {
        (void)error_errno(err, ERR_NET, errnum, "connect");
        return with_place(&place, err);
    }
    *ret_fd = fd;
    return 0;
}
