/* stream.h - byte streams to a receiver: TCP, and TLS over it. For protocols that are not HTTP.
 *
 * What it is careful about: a write that succeeds only says that our kernel has the bytes. So there are
 * ways to ask whether the peer is still there (stream_check, before and after a write), whether its kernel
 * has acknowledged everything (stream_wait_acknowledged), and whether it read everything and closed
 * (stream_finish). A broken stream stays broken: free it, connect a new one, send again what is not proven.
 *
 * Names are resolved for every connection; addresses are tried in the order of RFC 8305 (families
 * alternate, the next one starts when the last failed or after 250 ms). Keep-alive probes find a peer that
 * vanished while idle, TCP_USER_TIMEOUT one that vanished under load.
 * TLS is 1.2 or newer. The peer is always verified: its chain and its name, or, where fingerprints are
 * given, that its certificate is one of these (RFC 5425 section 5.2) and nothing else. TLS 1.3 reports a
 * refused client certificate only after the handshake: read for a moment (stream_listen) before believing.
 *
 * Errors: ERR_NET for what may pass by itself; ERR_CONFIG when the peer's certificate is not trusted;
 * ERR_AUTH when the peer refuses ours; ERR_CANCELLED. Messages begin with host:port.
 * Threads: a stream and its stream_tls belong to one thread at a time. SIGPIPE must be ignored.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_STREAM_H
#define COSMOWATCH_STREAM_H

#include "base/error.h"
#include "base/services.h"
#include "base/slice.h"

struct stream;
struct stream_tls; /* stream_tls.h */

struct stream_config { /* pointers are borrowed for the stream's life */
    const char *host;
    int port;
    struct stream_tls *tls;          /* NULL: plain TCP */
    int64_t connect_timeout_ms;      /* resolved to connected and shaken hands; 0: 10 s */
    int64_t user_timeout_ms;         /* sent bytes unacknowledged for so long break the stream; 0: 30 s */
    bool (*is_cancelled)(void *self);/* looked at while waiting, five times a second; NULL: never */
    void *cancel_self;
};

MUST_CHECK int stream_connect(const struct stream_config *cfg, const struct services *sv, struct stream **ret,
                              struct error *err);
void stream_free(struct stream *s); /* without ceremony; see stream_finish */

int stream_fd(const struct stream *s); /* for poll(2) alone */
/* "TLSv1.3, certificate of 'siem' issued by 'our CA'", "TCP". Lives as long as the stream. */
const char *stream_describe(const struct stream *s);
/* The files behind its TLS have been replaced since it was opened. */
bool stream_is_outdated(const struct stream *s);

/* All bytes, or an error: ERR_NET, or ERR_LIMIT when the time ran out although some were taken (less at
 * once may fit). After an error any part of them may have been sent. */
MUST_CHECK int stream_write(struct stream *s, struct slice bytes, int64_t timeout_ms, struct error *err);
/* Reads and throws away what came in. -1: the peer has closed or the connection is broken. */
MUST_CHECK int stream_check(struct stream *s, struct error *err);
/* stream_check over a span of time: 0 when the peer was still there at its end. */
MUST_CHECK int stream_listen(struct stream *s, int64_t ms, struct error *err);
/* Until the peer's kernel has everything that was written, and the peer is still there. */
MUST_CHECK int stream_wait_acknowledged(struct stream *s, int64_t timeout_ms, struct error *err);
/* Says that no more comes and waits for the peer's end: 0 means that it has read everything. */
MUST_CHECK int stream_finish(struct stream *s, int64_t timeout_ms, struct error *err);

/* "host", "host:port", "192.0.2.1:514", "[2001:db8::1]:514", "2001:db8::1". ERR_CONFIG. */
MUST_CHECK int stream_parse_address(struct slice text, int default_port, char *ret_host, size_t size, int *ret_port,
                                    struct error *err);
/* A connected datagram socket (UDP tells refusals of the peer's kernel only on connected ones); the
 * caller closes it. */
MUST_CHECK int stream_open_udp(const char *host, int port, int *ret_fd, struct error *err);

#endif
