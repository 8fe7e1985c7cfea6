/* sink.c - see sink.h. Test code: what cannot go wrong here ends the test run when it does.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/sink.h"

#include "base/buf.h"
#include "base/num.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 64
#define STREAM_MAX ((size_t)64 << 20)

struct client { int fd; struct buf in; };

struct sink {
    sink_fn fn;
    void *self;
    bool is_udp;
    int fd, port, stop_pipe[2];
    pthread_t thread;
    struct client clients[CLIENTS_MAX];
    size_t clients_len;
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    (void)fprintf(stderr, "sink: %s failed\n", what);
    abort();
}

/* "LENGTH SP MESSAGE", again and again. */
static void take_frames(struct sink *s, struct buf *in)
{
    struct slice rest = buf_slice(in);

    for (;;) {
        struct slice after = rest, digits;
        int64_t len;

        if (!memchr(rest.at, ' ', rest.len < 12 ? rest.len : 12) || !slice_split(&after, ' ', &digits))
            break;
        must(parse_i64(digits, 1, 1 << 20, &len), "octet count");
        if (after.len < (size_t)len)
            break;
        s->fn(s->self, slice_make(after.at, (size_t)len));
        rest = slice_make(after.at + len, after.len - (size_t)len);
    }
    memmove(in->at, rest.at, rest.len);
    in->len = rest.len;
}

/* False: the client has left. */
static bool read_client(struct sink *s, struct client *c)
{
    static char chunk[1 << 20]; /* one thread */
    ssize_t n = recv(c->fd, chunk, sizeof chunk, 0);

    if (n <= 0)
        return false;
    buf_add(&c->in, chunk, (size_t)n);
    must(!c->in.failed, "memory");
    take_frames(s, &c->in);
    return true;
}

static void read_datagram(struct sink *s)
{
    static char message[65536];
    ssize_t n = recv(s->fd, message, sizeof message, 0);

    if (n > 0)
        s->fn(s->self, slice_make(message, (size_t)n));
}

static void *sink_main(void *self)
{
    struct sink *s = self;

    for (;;) {
        struct pollfd fds[CLIENTS_MAX + 2] = { { .fd = s->stop_pipe[0], .events = POLLIN },
                                               { .fd = s->fd, .events = POLLIN } };
        size_t n = s->clients_len;

        for (size_t i = 0; i < n; i++)
            fds[i + 2] = (struct pollfd){ .fd = s->clients[i].fd, .events = POLLIN };
        (void)poll(fds, n + 2, -1);
        if (fds[0].revents)
            return NULL;
        for (size_t i = n; i-- > 0;) {
            if (!fds[i + 2].revents || read_client(s, &s->clients[i]))
                continue;
            (void)close(s->clients[i].fd);
            buf_release(&s->clients[i].in);
            s->clients[i] = s->clients[--s->clients_len];
        }
        if (!fds[1].revents)
            continue;
        if (s->is_udp) {
            read_datagram(s);
            continue;
        }
        must(s->clients_len < CLIENTS_MAX, "too many clients");
        s->clients[s->clients_len] = (struct client){ .fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC),
                                                      .in = BUF_INIT(STREAM_MAX) };
        s->clients_len += s->clients[s->clients_len].fd >= 0;
    }
}

struct sink *sink_start(bool is_udp, int port, sink_fn fn, void *self)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sink *s = calloc(1, sizeof *s);
    socklen_t len = sizeof a;
    int room = 8 << 20, one = 1;

    must(s != NULL, "calloc");
    *s = (struct sink){ .fn = fn, .self = self, .is_udp = is_udp };
    s->fd = socket(AF_INET, (is_udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
    must(s->fd >= 0 && setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
             bind(s->fd, (struct sockaddr *)&a, len) == 0 && getsockname(s->fd, (struct sockaddr *)&a, &len) == 0, "bind");
    must(is_udp || listen(s->fd, 64) == 0, "listen");
    (void)setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room); /* as much as the system allows */
    s->port = ntohs(a.sin_port);
    must(pipe(s->stop_pipe) == 0 && pthread_create(&s->thread, NULL, sink_main, s) == 0, "thread");
    return s;
}

int sink_port(const struct sink *s)
{
    return s->port;
}

void sink_stop(struct sink *s)
{
    if (!s)
        return;
    must(write(s->stop_pipe[1], "x", 1) == 1, "stop");
    (void)pthread_join(s->thread, NULL);
    for (size_t i = 0; i < s->clients_len; i++) {
        (void)close(s->clients[i].fd);
        buf_release(&s->clients[i].in);
    }
    (void)close(s->fd);
    (void)close(s->stop_pipe[0]);
    (void)close(s->stop_pipe[1]);
    free(s);
}
