/* syslog - alerts as syslog messages over TLS, TCP or UDP.
 *
 * No receiver of syslog acknowledges anything. Accepted over TCP and TLS means: the peer's kernel has
 * acknowledged every byte, and the connection still stood afterwards. What a dying receiver takes along
 * all the same (its socket buffer, its own queue) is sent again: everything handed over within
 * `resend` before a break goes out on the next connection, with the same record ids. A thread of its own
 * watches the idle connection for the peer's end, because the next alert may be a day away.
 *
 * A new connection is read from for a moment before its first batch counts: TLS 1.3 reports a refused
 * client certificate only then (rsyslog after the first bytes), and proxies accept before they know whether
 * anybody is behind them. The moment grows while connections die young.
 * UDP is best effort and says so: `best_effort` has to be set for it.
 * RELP, which does acknowledge, is left out: librelp tells its caller neither which message was
 * acknowledged nor why one was refused, so no verdict could be given.
 *
 * There is no way by a proxy: syslog has none of its own, and the proxies for HTTP rarely let its ports through.
 *
 * Default CEF over RFC 5424 with octet counting. For Microsoft Sentinel's collector: header rfc3164_iso.
 * Sources: RFC 5424, 5425, 5426, 6587, 9662; behaviour of rsyslog 8.2302 and syslog-ng 3.38 (read and seen
 * 2026). Threads: the worker and the watcher share everything below `lock`.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "net/backoff.h"
#include "net/connection.h"
#include "net/http.h"
#include "net/stream.h"
#include "net/stream_tls.h"
#include "outputs/kit/syslog_frame.h"
#include "outputs/kit/tail.h"
#include "outputs/output.h"
#include "settings/option.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define BATCH_BYTES ((size_t)1 << 20)
#define BATCH_ALERTS 500
#define FRESH_LISTEN_MS 500   /* a refusal came 0.2 s after the handshake when it was measured */
#define FRESH_LISTEN_MOST_MS 8000
#define YOUNG_MS 15000        /* a connection that broke before was perhaps refused, not lost */
#define FINISH_MS 2000
#define UDP_RENEW_MS 60000    /* the name is resolved again */
#define UDP_MAX 65507

enum transport { TRANSPORT_TLS, TRANSPORT_TCP, TRANSPORT_UDP };

struct syslog {
    char *address, *hostname, *app_name, *sd_id;
    int transport, header, framing, facility;
    int64_t timeout_ms, connect_timeout_ms, resend_ms, message_max;
    bool best_effort;
    struct syslog_tls {
        char *ca, *ca_dir, *cert, *key, *server_name;
        struct string_list fingerprints;
        int min_version; /* enum http_tls_version */
    } tls;

    const struct services *sv;
    char component[80], host[256], own_name[HOST_NAME_MAX + 1];
    int port;
    struct syslog_format format;
    bool has_lock, has_watcher;
    pthread_t watcher;
    int wake_fd;
    atomic_bool is_closing;

    pthread_mutex_t lock;
    struct stream_tls *trust;
    struct stream *stream;       /* NULL: not connected */
    bool is_fresh;               /* nothing was believed on this connection yet */
    int64_t fresh_ms;            /* how long the first batch is doubted; doubles while connections die young */
    int64_t opened_ms;
    struct tail tail;
    int udp_fd;                  /* -1: closed */
    int64_t udp_since_ms;
};

static const char *const transports[] = { "tls", "tcp", "udp", NULL };
static const char *const headers[] = { "rfc5424", "rfc3164", "rfc3164_iso", NULL };
static const char *const framings[] = { "octet_counting", "newline", NULL };

#define TLS_AT(field) offsetof(struct syslog_tls, field)
static const struct option_spec syslog_tls_options[] = {
    { .key = "ca", .type = OPT_STRING, .at = TLS_AT(ca), .file = OPTION_FILE_TRUST,
      .example = "/etc/ssl/certs/ca-certificates.crt",
      .help = "PEM file with the authorities to trust instead of the system's" },
    { .key = "ca_dir", .type = OPT_STRING, .at = TLS_AT(ca_dir), .example = "/etc/ssl/certs",
      .help = "folder with hashed certificates of authorities to trust" },
    { .key = "cert", .type = OPT_STRING, .at = TLS_AT(cert), .file = OPTION_FILE_CERTIFICATE,
      .example = "/etc/cosmowatch/client.pem",
      .help = "PEM file with our certificate for the receiver, read again when it is replaced" },
    { .key = "key", .type = OPT_STRING, .at = TLS_AT(key), .file = OPTION_FILE_KEY, .example = "/etc/cosmowatch/client.key",
      .help = "PEM file with its key; needless when it stands in cert" },
    { .key = "server_name", .type = OPT_STRING, .at = TLS_AT(server_name), .min = 1, .max = 255,
      .example = "siem.example.net", .help = "name sent (SNI) and verified, when it differs from the address" },
    { .key = "fingerprints", .type = OPT_STRING_LIST, .at = TLS_AT(fingerprints), .min = 0, .max = 32,
      .example = "[\"sha-256:AB:CD:...\"]",
      .help = "trust only a receiver whose certificate has one of these; chain and name are then not asked" },
    { .key = "min_version", .type = OPT_ENUM, .at = TLS_AT(min_version), .values = connection_tls_versions,
      .preset = "TLSv1.2", .help = "oldest TLS that is spoken" },
    { 0 },
};

#define AT(field) offsetof(struct syslog, field)
static const struct option_spec syslog_options[] = {
    { .key = "address", .type = OPT_STRING, .at = AT(address), .required = true, .min = 1, .max = 300,
      .example = "siem.example.net:6514", .help = "receiver; the port is 6514 for tls and 514 otherwise when left out" },
    { .key = "transport", .type = OPT_ENUM, .at = AT(transport), .values = transports, .preset = "tls",
      .help = "tls, tcp (readable on the network), or udp (best effort: what is lost is not noticed)" },
    { .key = "best_effort", .type = OPT_BOOL, .at = AT(best_effort), .preset = "false",
      .help = "needed for udp: alerts may be lost without notice, have another output beside it" },
    { .key = "header", .type = OPT_ENUM, .at = AT(header), .values = headers, .preset = "rfc5424",
      .help = "rfc3164_iso for Microsoft Sentinel's collector; times are UTC" },
    { .key = "framing", .type = OPT_ENUM, .at = AT(framing), .values = framings, .preset = "octet_counting",
      .help = "how messages are told apart on tls and tcp" },
    { .key = "facility", .type = OPT_ENUM, .at = AT(facility), .values = syslog_facilities, .preset = "local4",
      .help = "one that nothing else uses, or a collector takes each alert twice" },
    { .key = "hostname", .type = OPT_STRING, .at = AT(hostname), .min = 1, .max = 255, .example = "collector.example.net",
      .help = "name of this host in each message; unset: the system's" },
    { .key = "app_name", .type = OPT_STRING, .at = AT(app_name), .preset = "cosmowatch", .min = 1, .max = 48,
      .help = "name of the program in each message" },
    { .key = "structured_data", .type = OPT_STRING, .at = AT(sd_id), .min = 1, .max = 32, .example = "alert@32473",
      .help = "rfc5424: id under which id, type, severity and account are repeated; name@your-enterprise-number" },
    { .key = "max_message", .type = OPT_BYTES, .at = AT(message_max), .preset = "8000", .min = 480, .max = 1000000,
      .help = "longer messages are parked; receivers cut at 8 KiB unless told otherwise" },
    { .key = "timeout", .type = OPT_DURATION, .at = AT(timeout_ms), .preset = "30s", .min = 1000, .max = 600000,
      .help = "for a batch to be taken and acknowledged by the receiver's host" },
    { .key = "connect_timeout", .type = OPT_DURATION, .at = AT(connect_timeout_ms), .preset = "10s", .min = 500,
      .max = 120000, .help = "for connection and handshake" },
    { .key = "resend", .type = OPT_DURATION, .at = AT(resend_ms), .preset = "30s", .min = 0, .max = 3600000,
      .help = "when a connection breaks, what was sent in this time before is sent again" },
    { .key = "tls", .type = OPT_MAP, .at = AT(tls), .sub = syslog_tls_options, .help = "trust and our own certificate" },
    { 0 },
};

/* ---- the connection (with the lock) -------------------------------------------------------------- */

static bool is_cancelled(void *self)
{
    const struct syslog *s = self;

    return !atomic_load(&s->is_closing) && http_is_cancelled(s->sv->http);
}

/* The watcher is to look at the connection as it is now. */
static void wake_watcher(struct syslog *s)
{
    const uint64_t one = 1;

    if (s->wake_fd >= 0 && write(s->wake_fd, &one, sizeof one) < 0)
        return; /* full: it is awake */
}

static void drop_stream(struct syslog *s)
{
    stream_free(s->stream);
    s->stream = NULL;
    wake_watcher(s);
}

static void note_break(struct syslog *s)
{
    char number[24];
    int64_t now = sv_mono_ms(s->sv);
    size_t given_up = tail_break(&s->tail, now, s->resend_ms);

    s->fresh_ms = now - s->opened_ms > YOUNG_MS ? FRESH_LISTEN_MS
                  : s->fresh_ms < FRESH_LISTEN_MOST_MS / 2 ? 2 * s->fresh_ms : FRESH_LISTEN_MOST_MS;
    drop_stream(s);
    if (given_up == 0)
        return;
    (void)snprintf(number, sizeof number, "%zu", given_up);
    log_event(LOG_LEVEL_WARN, s->component, "alerts may be lost: the receiver broke the connection after each sending",
              "alerts", number, "remedy", "compare the receiver with 'cosmowatch alerts list'", NULL);
}

static int write_proven(struct syslog *s, struct slice bytes, struct error *err)
{
    if (stream_write(s->stream, bytes, s->timeout_ms, err) < 0 ||
        stream_wait_acknowledged(s->stream, s->timeout_ms, err) < 0)
        return -1;
    if (s->is_fresh && stream_listen(s->stream, s->fresh_ms, err) < 0)
        return -1;
    s->is_fresh = false;
    return stream_check(s->stream, err);
}

static int send_owed(struct syslog *s, struct error *err)
{
    struct tail_piece *p;
    size_t alerts = 0;
    char number[24];

    while ((p = tail_owed(&s->tail)) != NULL) {
        if (write_proven(s, slice_make(p->bytes, p->len), err) < 0)
            return -1;
        tail_sent(p, sv_mono_ms(s->sv));
        alerts += p->alerts;
    }
    if (alerts == 0)
        return 0;
    (void)snprintf(number, sizeof number, "%zu", alerts);
    log_event(LOG_LEVEL_INFO, s->component, "connection was broken, the last alerts were sent again", "alerts", number, NULL);
    return 0;
}

/* The old one if it still stands, else a new one on which everything owed has been sent. */
static int have_stream(struct syslog *s, struct error *err)
{
    const struct stream_config cfg = { .host = s->host, .port = s->port, .tls = s->trust,
                                       .connect_timeout_ms = s->connect_timeout_ms, .user_timeout_ms = s->timeout_ms,
                                       .is_cancelled = is_cancelled, .cancel_self = s };
    struct error why = { 0 };

    tail_expire(&s->tail, sv_mono_ms(s->sv), s->resend_ms);
    if (s->stream && stream_check(s->stream, &why) < 0)
        note_break(s);
    if (s->stream && stream_is_outdated(s->stream)) {
        if (stream_finish(s->stream, FINISH_MS, &why) < 0)
            note_break(s);
        else
            drop_stream(s);
    }
    if (!s->stream) {
        if (stream_connect(&cfg, s->sv, &s->stream, err) < 0)
            return -1;
        s->is_fresh = true;
        s->opened_ms = sv_mono_ms(s->sv);
        wake_watcher(s);
    }
    if (send_owed(s, err) == 0)
        return 0;
    note_break(s);
    return -1;
}

static int send_bytes(struct syslog *s, struct slice bytes, size_t alerts, struct error *err)
{
    int rc = have_stream(s, err);

    if (rc == 0 && write_proven(s, bytes, err) < 0) {
        note_break(s);
        if (err->code == ERR_LIMIT && alerts == 1)
            err->code = ERR_NET; /* slow, not too large */
        rc = -1;
    }
    if (rc == 0)
        tail_add(&s->tail, bytes, alerts, sv_mono_ms(s->sv));
    return rc;
}

/* ---- the watcher ------------------------------------------------------------------------------------ */

/* Waits for the peer's end, for a change of the connection, or (after a failure) for the next try. */
static void wait_for_trouble(struct syslog *s, int fd, int64_t ms)
{
    struct pollfd p[2] = { { .fd = s->wake_fd, .events = POLLIN }, { .fd = fd, .events = POLLRDHUP } };
    uint64_t ignored;

    (void)poll(p, 2, ms < 0 ? -1 : (int)ms);
    if (p[0].revents != 0 && read(s->wake_fd, &ignored, sizeof ignored) < 0)
        return; /* somebody else's wake: nothing to reset */
}

/* True: something is owed and could not be sent. */
static bool look_after(struct syslog *s)
{
    struct error why = { 0 };

    if (atomic_load(&s->is_closing) || http_is_cancelled(s->sv->http))
        return false;
    tail_expire(&s->tail, sv_mono_ms(s->sv), s->resend_ms);
    if (s->stream && stream_check(s->stream, &why) < 0)
        note_break(s);
    if (s->stream || !tail_owed(&s->tail))
        return false;
    return have_stream(s, &why) < 0 && tail_owed(&s->tail); /* the next delivery tells why, if it fails too */
}

static void *watch_main(void *arg)
{
    struct syslog *s = arg;
    struct backoff again = { .base_ms = 1000, .cap_ms = 60000 };
    int64_t wait_ms = -1;

    while (!atomic_load(&s->is_closing)) {
        int fd;

        (void)pthread_mutex_lock(&s->lock);
        fd = s->stream ? stream_fd(s->stream) : -1;
        (void)pthread_mutex_unlock(&s->lock);
        wait_for_trouble(s, fd, wait_ms);
        (void)pthread_mutex_lock(&s->lock);
        wait_ms = look_after(s) ? backoff_next(&again, 1000, s->sv) : -1;
        (void)pthread_mutex_unlock(&s->lock);
        if (wait_ms < 0)
            backoff_reset(&again);
    }
    return NULL;
}

static int start_watcher(struct syslog *s, struct error *err)
{
    sigset_t all, before;
    int rc;

    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (s->wake_fd < 0)
        return error_errno(err, ERR_IO, errno, "event descriptor");
    (void)sigfillset(&all); /* signals are the main thread's */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    rc = pthread_create(&s->watcher, NULL, watch_main, s);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return error_errno(err, ERR_NOMEM, rc, "no thread for the connection: raise the limit of tasks or processes");
    s->has_watcher = true;
    (void)pthread_setname_np(s->watcher, "syslog-watch");
    return 0;
}

/* ---- datagrams --------------------------------------------------------------------------------------- */

static void close_udp(struct syslog *s)
{
    if (s->udp_fd >= 0)
        (void)close(s->udp_fd);
    s->udp_fd = -1;
}

static int have_udp(struct syslog *s, struct error *err)
{
    int64_t now = sv_mono_ms(s->sv);

    if (s->udp_fd >= 0 && now - s->udp_since_ms > UDP_RENEW_MS)
        close_udp(s);
    if (s->udp_fd >= 0)
        return 0;
    s->udp_since_ms = now;
    return stream_open_udp(s->host, s->port, &s->udp_fd, err);
}

/* 0: gone. 1: too large. -1: nobody there. */
static int send_datagram(struct syslog *s, struct slice message, struct error *err)
{
    for (;;) {
        struct pollfd p = { .fd = s->udp_fd, .events = POLLOUT };

        if (send(s->udp_fd, message.at, message.len, MSG_NOSIGNAL) >= 0)
            return 0;
        if (errno == EMSGSIZE)
            return 1;
        if ((errno == EAGAIN || errno == ENOBUFS) && poll(&p, 1, (int)s->timeout_ms) > 0)
            continue;
        if (errno == EINTR)
            continue;
        return error_errno(err, ERR_NET, errno, "%.200s:%d", s->host, s->port);
    }
}

/* What the peer's kernel answered to what was sent just now: "nobody listens". */
static int udp_refusal(struct syslog *s, struct error *err)
{
    int errnum = 0;
    socklen_t size = sizeof errnum;

    if (getsockopt(s->udp_fd, SOL_SOCKET, SO_ERROR, &errnum, &size) == 0 && errnum != 0)
        return error_errno(err, ERR_NET, errnum, "%.200s:%d: nobody listens", s->host, s->port);
    return 0;
}

static void refuse(struct delivery_result *r, const char *why)
{
    struct slice cut = slice_cut(slice_of(why), sizeof r->reason - 1);

    *r = (struct delivery_result){ .verdict = DELIVERY_REFUSED };
    memcpy(r->reason, cut.at, cut.len);
}

static int deliver_udp(struct syslog *s, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                       struct error *err)
{
    CLEANUP(buf_release) struct buf message = BUF_INIT(UDP_MAX);

    if (have_udp(s, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct error why = { 0 };
        int rc;

        buf_clear(&message);
        if (syslog_frame_add(&message, &s->format, items[i].alert, items[i].payload, sv_wall_ns(s->sv), &why) < 0) {
            if (why.code == ERR_NOMEM) { /* not the alert's fault */
                *err = why;
                return -1;
            }
            refuse(&ret_each[i], why.msg);
            continue;
        }
        rc = send_datagram(s, buf_slice(&message), err);
        if (rc < 0) {
            close_udp(s);
            return -1;
        }
        ret_each[i] = (struct delivery_result){ .verdict = DELIVERY_ACCEPTED };
        if (rc == 1)
            refuse(&ret_each[i], "the datagram is larger than the network takes; lower max_message");
    }
    if (udp_refusal(s, err) == 0)
        return 0;
    close_udp(s);
    return -1;
}

/* ---- delivering ----------------------------------------------------------------------------------------- */

static int deliver_stream(struct syslog *s, const struct output_item *items, size_t n,
                          struct delivery_result *ret_each, struct error *err)
{
    CLEANUP(buf_release) struct buf frames = BUF_INIT(2 * BATCH_BYTES);
    int64_t now_ns = sv_wall_ns(s->sv);
    size_t alerts = 0;

    for (size_t i = 0; i < n; i++) {
        struct error why = { 0 };

        ret_each[i] = (struct delivery_result){ .verdict = DELIVERY_ACCEPTED };
        if (syslog_frame_add(&frames, &s->format, items[i].alert, items[i].payload, now_ns, &why) == 0) {
            alerts++;
        } else if (why.code == ERR_LIMIT && !frames.failed) {
            refuse(&ret_each[i], why.msg);
        } else {
            *err = why;
            return -1;
        }
    }
    return alerts == 0 ? 0 : send_bytes(s, buf_slice(&frames), alerts, err);
}

static int syslog_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                          struct error *err)
{
    struct syslog *s = self;
    int rc;

    if (http_is_cancelled(s->sv->http))
        return error_set(err, ERR_CANCELLED, "asked to stop");
    (void)pthread_mutex_lock(&s->lock);
    rc = s->transport == TRANSPORT_UDP ? deliver_udp(s, items, n, ret_each, err)
                                       : deliver_stream(s, items, n, ret_each, err);
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

static int syslog_probe(void *self, struct buf *said, struct error *err)
{
    struct syslog *s = self;
    int rc;

    (void)pthread_mutex_lock(&s->lock);
    if (s->transport == TRANSPORT_UDP) {
        rc = have_udp(s, err);
        if (rc == 0)
            buf_add_str(said, "udp tells nothing of the receiver");
    } else {
        rc = have_stream(s, err);
        if (rc == 0 && stream_listen(s->stream, FRESH_LISTEN_MS, err) < 0) {
            note_break(s);
            rc = -1;
        }
        if (rc == 0)
            buf_addf(said, "%s; syslog has no acknowledgement, the connection stood", stream_describe(s->stream));
    }
    (void)pthread_mutex_unlock(&s->lock);
    return rc;
}

/* ---- opening and closing -------------------------------------------------------------------------------- */

static int check_settings(struct syslog *s, struct error *err)
{
    bool is_datagram = s->transport == TRANSPORT_UDP;

    if (is_datagram && !s->best_effort)
        return error_set(err, ERR_CONFIG, "transport udp loses alerts without notice: use tls or tcp, or set best_effort "
                                          "and have another output beside it");
    for (const char *p = s->sd_id ? s->sd_id : ""; *p; p++)
        if (*p <= 0x20 || *p >= 0x7f || strchr("=]\"", *p))
            return error_set(err, ERR_CONFIG, "structured_data '%s' must be printable without blank, =, ] and \"", s->sd_id);
    if (s->sd_id && !strchr(s->sd_id, '@'))
        return error_set(err, ERR_CONFIG, "structured_data '%s' must be name@enterprise-number: names without are IANA's",
                         s->sd_id);
    return stream_parse_address(slice_of(s->address), s->transport == TRANSPORT_TLS ? 6514 : 514, s->host, sizeof s->host,
                                &s->port, err);
}

static void fill_format(struct syslog *s)
{
    if (gethostname(s->own_name, sizeof s->own_name - 1) < 0)
        s->own_name[0] = '\0'; /* "-" in the message */
    s->format = (struct syslog_format){
        .header = (enum syslog_header)s->header,
        .framing = s->transport == TRANSPORT_UDP ? SYSLOG_BARE : s->framing == 0 ? SYSLOG_COUNTED : SYSLOG_NEWLINE,
        .facility = s->facility, .hostname = s->hostname ? s->hostname : s->own_name, .app_name = s->app_name,
        .sd_id = s->sd_id, .pid = getpid(), .message_max = (size_t)s->message_max };
}

static int load_trust(struct syslog *s, struct error *err)
{
    const struct stream_tls_config cfg = {
        .ca_file = s->tls.ca, .ca_dir = s->tls.ca_dir, .cert_file = s->tls.cert, .key_file = s->tls.key,
        .server_name = s->tls.server_name, .fingerprints = (const char *const *)s->tls.fingerprints.at,
        .fingerprints_len = s->tls.fingerprints.len, .is_tls13_only = s->tls.min_version == HTTP_TLS_1_3 };

    return s->transport == TRANSPORT_TLS ? stream_tls_new(&cfg, &s->trust, err) : 0;
}

static int syslog_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct syslog *s = self;

    s->sv = sv;
    s->stream = NULL;
    s->trust = NULL;
    s->tail = (struct tail){ 0 };
    s->fresh_ms = FRESH_LISTEN_MS;
    s->wake_fd = s->udp_fd = -1;
    atomic_store(&s->is_closing, false);
    (void)snprintf(s->component, sizeof s->component, "output.%.60s", name);
    if (check_settings(s, err) < 0)
        return error_wrap(err, "output '%s'", name);
    fill_format(s);
    s->has_lock = pthread_mutex_init(&s->lock, NULL) == 0;
    if (!s->has_lock)
        return error_set(err, ERR_NOMEM, "output '%s'", name);
    if (load_trust(s, err) < 0)
        return error_wrap(err, "output '%s'", name);
    return s->transport == TRANSPORT_UDP ? 0 : start_watcher(s, err);
}

/* The last words: a receiver that closes after our end has read everything. One that broke gets what it may
 * have lost once more, as long as that takes no time worth speaking of. */
static void say_goodbye(struct syslog *s)
{
    struct error why = { 0 };
    char number[24];
    size_t alerts = 0;

    if (s->stream && stream_check(s->stream, &why) == 0 && stream_finish(s->stream, FINISH_MS, &why) == 0)
        tail_release(&s->tail);
    else if (s->stream)
        note_break(s);
    if (!tail_owed(&s->tail))
        return;
    s->connect_timeout_ms = s->connect_timeout_ms < FINISH_MS ? s->connect_timeout_ms : FINISH_MS;
    s->timeout_ms = s->timeout_ms < FINISH_MS ? s->timeout_ms : FINISH_MS;
    if (have_stream(s, &why) == 0)
        return;
    for (const struct tail_piece *p = s->tail.first; p; p = p->next)
        alerts += p->alerts;
    (void)snprintf(number, sizeof number, "%zu", alerts);
    log_event(LOG_LEVEL_WARN, s->component, "alerts may be lost: the receiver broke the connection and could not be reached "
              "again before the end", "alerts", number, "cause", why.msg, NULL);
}

static void syslog_close(void *self)
{
    struct syslog *s = self;

    if (!s->has_lock) /* never opened, or closed already */
        return;
    atomic_store(&s->is_closing, true);
    if (s->has_watcher) {
        wake_watcher(s);
        (void)pthread_join(s->watcher, NULL);
    }
    s->has_watcher = false;
    if (s->transport != TRANSPORT_UDP)
        say_goodbye(s);
    stream_free(s->stream);
    s->stream = NULL;
    stream_tls_free(s->trust);
    s->trust = NULL;
    tail_release(&s->tail);
    if (s->wake_fd >= 0)
        (void)close(s->wake_fd);
    s->wake_fd = -1;
    close_udp(s);
    (void)pthread_mutex_destroy(&s->lock);
    s->has_lock = false;
}

const struct output_ops output_syslog = {
    .name = "syslog",
    .summary = "alerts as syslog messages over TLS, TCP or UDP",
    .options = syslog_options,
    .size = sizeof(struct syslog),
    .default_format = "cef",
    .batch_max = BATCH_ALERTS,
    .batch_bytes_max = BATCH_BYTES,
    .open = syslog_open,
    .deliver = syslog_deliver,
    .probe = syslog_probe,
    .close = syslog_close,
};
