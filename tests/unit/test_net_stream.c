/* What stream.h promises: addresses, time-outs, a peer that is gone found before and after a write, TLS that
 * trusts only whom it should and says why not. The peer is a thread of ours on loopback.
 * SPDX-License-Identifier: Apache-2.0 */
#include "net/stream.h"

#include "net/openssl.h"
#include "net/stream_tls.h"
#include "tests/kit/certs.h"
#include "tests/kit/fake_services.h"
#include "tests/kit/suite.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <ftw.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct fake_services world;
static struct error err;
static struct stream *stream;
static struct stream_tls *tls;
static char dir[64];

/* ---- the peer ----------------------------------------------------------------------------------------- */

enum manner { READS, CLOSES_AT_ONCE, NEVER_READS, RESETS, CLOSES_AFTER_ONE_READ };

static struct {
    int fd, port;
    enum manner manner;
    SSL_CTX *ctx;            /* NULL: plain */
    pthread_t thread;
    int held;                /* a connection that is kept open */
    atomic_int connections;
    atomic_long bytes;
    int done[2];             /* a byte for each connection that ended */
} peer = { .fd = -1, .held = -1 };

static void serve(int fd)
{
    static const struct linger hard = { .l_onoff = 1, .l_linger = 0 };
    SSL *ssl = peer.ctx ? SSL_new(peer.ctx) : NULL;
    char bytes[4096];
    long n = 1;

    if (ssl && (SSL_set_fd(ssl, fd) != 1 || SSL_accept(ssl) != 1))
        n = 0;
    if (peer.manner == NEVER_READS) {
        peer.held = fd;
        SSL_free(ssl);
        return;
    }
    for (; n > 0 && peer.manner != CLOSES_AT_ONCE; atomic_fetch_add(&peer.bytes, n)) {
        n = ssl ? SSL_read(ssl, bytes, sizeof bytes) : recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0 || peer.manner == CLOSES_AFTER_ONE_READ || peer.manner == RESETS)
            break;
    }
    if (ssl && n > 0)
        (void)SSL_shutdown(ssl);
    SSL_free(ssl);
    if (peer.manner == RESETS)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    (void)close(fd);
    (void)!write(peer.done[1], "", 1);
}

static void *peer_main(void *arg UNUSED)
{
    for (;;) {
        int fd = accept(peer.fd, NULL, NULL);

        if (fd < 0)
            return NULL;
        atomic_fetch_add(&peer.connections, 1);
        serve(fd);
    }
}

static void listen_on(enum manner manner)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof at;
    const int small = 4096;

    peer.manner = manner;
    peer.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(peer.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    ck_assert_int_eq(bind(peer.fd, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(listen(peer.fd, 16), 0);
    ck_assert_int_eq(getsockname(peer.fd, (struct sockaddr *)&at, &len), 0);
    ck_assert_int_eq(pipe(peer.done), 0);
    peer.port = ntohs(at.sin_port);
    ck_assert_int_eq(pthread_create(&peer.thread, NULL, peer_main, NULL), 0);
}

/* Until a connection has ended at the peer's side. */
static void await_end(void)
{
    char one;

    ck_assert_int_eq(read(peer.done[0], &one, 1), 1);
}

static const char *in_dir(const char *name)
{
    static char paths[64][128];
    static size_t n;
    char *p = paths[n++ % ARRAY_LEN(paths)];

    (void)snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
    return p;
}

static int remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *where UNUSED)
{
    return remove(path);
}

static void make_server(const char *names, int64_t from_s, int64_t to_s)
{
    cert_make(in_dir("server.pem"), &(struct cert_wish){ .cn = "server", .alt_names = names, .from_s = from_s, .to_s = to_s,
                                                         .issuer_file = in_dir("ca.pem") });
}

static void with_tls(const char *client_ca)
{
    peer.ctx = SSL_CTX_new(TLS_server_method());
    ck_assert_ptr_nonnull(peer.ctx);
    ck_assert_int_eq(SSL_CTX_use_certificate_chain_file(peer.ctx, in_dir("server.pem")), 1);
    ck_assert_int_eq(SSL_CTX_use_PrivateKey_file(peer.ctx, in_dir("server.pem"), SSL_FILETYPE_PEM), 1);
    if (!client_ca)
        return;
    ck_assert_int_eq(SSL_CTX_load_verify_file(peer.ctx, in_dir(client_ca)), 1);
    SSL_CTX_set_verify(peer.ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
}

static void setup(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(dir, sizeof dir, "/tmp/cosmowatch-stream-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    fake_services_init(&world, false);
    err = (struct error){ 0 };
    cert_make(in_dir("ca.pem"), &(struct cert_wish){ .cn = "test CA", .is_ca = true });
    make_server("DNS:localhost,IP:127.0.0.1", 0, 0);
}

static void teardown(void)
{
    stream_free(stream);
    stream_tls_free(tls);
    if (peer.fd >= 0) {
        (void)shutdown(peer.fd, SHUT_RDWR);
        (void)pthread_join(peer.thread, NULL);
        (void)close(peer.fd);
    }
    if (peer.held >= 0)
        (void)close(peer.held);
    SSL_CTX_free(peer.ctx);
    fake_services_release(&world);
    (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static int connect_to(const char *host, int port)
{
    return stream_connect(&(struct stream_config){ .host = host, .port = port, .tls = tls, .connect_timeout_ms = 20000 },
                          &world.sv, &stream, &err);
}

static void connected(void)
{
    ck_assert_msg(connect_to("127.0.0.1", peer.port) == 0, "%s", err.msg);
}

static void fails(int rc, enum error_code code, const char *says)
{
    ck_assert_msg(rc == -1, "did not fail although: %s", says);
    ck_assert_msg(err.code == code && strstr(err.msg, says), "%s: %s", error_code_name(err.code), err.msg);
}

/* ---- addresses ------------------------------------------------------------------------------------------ */

START_TEST(addresses_are_host_port_or_bracketed)
{
    static const struct { const char *text, *host; int port; } good[] = {
        { "siem", "siem", 514 }, { "siem:6514", "siem", 6514 }, { " siem:1 ", "siem", 1 }, { "192.0.2.1", "192.0.2.1", 514 },
        { "192.0.2.1:65535", "192.0.2.1", 65535 }, { "[2001:db8::1]:1514", "2001:db8::1", 1514 },
        { "[2001:db8::1]", "2001:db8::1", 514 }, { "2001:db8::1", "2001:db8::1", 514 }, { "::1", "::1", 514 },
    };
    static const char *const bad[] = { "", ":", ":514", "siem:", "siem:0", "siem:65536", "siem:x", "[::1", "[::1]x", "[]:5",
                                       "siem:-1", "http://siem:5", "a b", "siem: 5" };
    char host[64];
    int port;

    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        ck_assert_msg(stream_parse_address(slice_of(good[i].text), 514, host, sizeof host, &port, &err) == 0, "%s: %s",
                      good[i].text, err.msg);
        ck_assert_str_eq(host, good[i].host);
        ck_assert_int_eq(port, good[i].port);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(stream_parse_address(slice_of(bad[i]), 514, host, sizeof host, &port, &err) == -1, "'%s'", bad[i]);
        ck_assert_int_eq(err.code, ERR_CONFIG);
    }
}
END_TEST

START_TEST(a_name_whose_first_address_refuses_is_reached_by_the_next)
{
    listen_on(READS); /* on 127.0.0.1 alone; localhost has ::1 too on most hosts */
    ck_assert_msg(connect_to("localhost", peer.port) == 0, "%s", err.msg);
    ck_assert_str_eq(stream_describe(stream), "TCP");
}
END_TEST

START_TEST(nobody_there_is_told_with_the_place)
{
    fails(connect_to("127.0.0.1", 1), ERR_NET, "127.0.0.1:1: connect: Connection refused");
    fails(connect_to("name.invalid", 1), ERR_NET, "name.invalid:1: name cannot be resolved");
}
END_TEST

static bool always(void *self UNUSED)
{
    return true;
}

START_TEST(a_full_backlog_ends_in_a_time_out_and_a_cancel_ends_it_at_once)
{
    struct stream_config cfg = { .host = "127.0.0.1", .connect_timeout_ms = 300 };
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[8];

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(listen(fd, 0), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    for (size_t i = 0; i < ARRAY_LEN(fill); i++) { /* the kernel answers no more after the first ones */
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fill[i], (struct sockaddr *)&at, sizeof at);
    }
    cfg.port = ntohs(at.sin_port);
    fails(stream_connect(&cfg, &world.sv, &stream, &err), ERR_NET, "no connection within 300ms");
    cfg.connect_timeout_ms = 600000;
    cfg.is_cancelled = always;
    fails(stream_connect(&cfg, &world.sv, &stream, &err), ERR_CANCELLED, "asked to stop");
    for (size_t i = 0; i < ARRAY_LEN(fill); i++)
        (void)close(fill[i]);
    (void)close(fd);
}
END_TEST

/* ---- is it there? ----------------------------------------------------------------------------------------- */

START_TEST(everything_written_arrives_and_the_end_is_awaited)
{
    static char bytes[3 << 20];

    listen_on(READS);
    connected();
    ck_assert_msg(stream_write(stream, slice_make(bytes, sizeof bytes), 60000, &err) == 0, "%s", err.msg);
    ck_assert_msg(stream_wait_acknowledged(stream, 60000, &err) == 0, "%s", err.msg);
    ck_assert_msg(stream_check(stream, &err) == 0, "%s", err.msg);
    ck_assert_msg(stream_finish(stream, 60000, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(atomic_load(&peer.bytes), sizeof bytes);
}
END_TEST

START_TEST(a_peer_that_closed_is_found_before_the_write)
{
    listen_on(CLOSES_AT_ONCE);
    connected();
    await_end();
    fails(stream_listen(stream, 20000, &err), ERR_NET, "closed by the receiver");
    fails(stream_write(stream, SL("x"), 1000, &err), ERR_NET, "connection broken");
}
END_TEST

START_TEST(a_peer_that_closed_after_the_write_is_found_before_it_is_believed)
{
    listen_on(CLOSES_AFTER_ONE_READ);
    connected();
    ck_assert_int_eq(stream_write(stream, SL("x"), 20000, &err), 0);
    await_end();
    fails(stream_listen(stream, 20000, &err), ERR_NET, "closed by the receiver");
}
END_TEST

START_TEST(a_reset_is_told_as_one)
{
    listen_on(RESETS);
    connected();
    ck_assert_int_eq(stream_write(stream, SL("x"), 20000, &err), 0);
    await_end();
    fails(stream_listen(stream, 20000, &err), ERR_NET, "Connection reset by peer");
}
END_TEST

START_TEST(a_peer_that_never_reads_is_not_waited_for)
{
    static char bytes[32 << 20];

    listen_on(NEVER_READS);
    connected();
    fails(stream_write(stream, slice_make(bytes, sizeof bytes), 300, &err), ERR_LIMIT, "did not take everything within 300ms");
    fails(stream_write(stream, SL("x"), 300, &err), ERR_NET, "connection broken");
}
END_TEST

START_TEST(bytes_that_are_not_acknowledged_are_not_believed)
{
    static char bytes[64 << 10];

    listen_on(NEVER_READS);
    connected();
    /* More than the peer's small buffer, less than ours. */
    ck_assert_msg(stream_write(stream, slice_make(bytes, sizeof bytes), 20000, &err) == 0, "%s", err.msg);
    fails(stream_wait_acknowledged(stream, 300, &err), ERR_NET, "did not acknowledge");
    fails(stream_check(stream, &err), ERR_NET, "connection broken");
}
END_TEST

START_TEST(an_end_that_does_not_come_is_told)
{
    listen_on(NEVER_READS);
    connected();
    fails(stream_finish(stream, 200, &err), ERR_NET, "did not close within 200ms");
}
END_TEST

/* ---- TLS ---------------------------------------------------------------------------------------------------- */

static void trust(const struct stream_tls_config *cfg)
{
    ck_assert_msg(stream_tls_new(cfg, &tls, &err) == 0, "%s", err.msg);
}

START_TEST(tls_carries_and_describes_itself)
{
    trust(&(struct stream_tls_config){ .ca_file = in_dir("ca.pem") });
    with_tls(NULL);
    listen_on(READS);
    connected();
    ck_assert_ptr_nonnull(strstr(stream_describe(stream), "TLSv1.3, certificate of 'server' issued by 'test CA'"));
    ck_assert_int_eq(stream_write(stream, SL("hello"), 20000, &err), 0);
    ck_assert_int_eq(stream_wait_acknowledged(stream, 20000, &err), 0);
    ck_assert_msg(stream_finish(stream, 20000, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(atomic_load(&peer.bytes), 5);
}
END_TEST

START_TEST(the_session_tickets_of_tls_1_3_do_not_hide_the_end)
{
    trust(&(struct stream_tls_config){ .ca_file = in_dir("ca.pem") });
    with_tls(NULL);
    listen_on(CLOSES_AT_ONCE);
    connected();
    await_end();
    fails(stream_listen(stream, 20000, &err), ERR_NET, "closed by the receiver");
}
END_TEST

static void set_old(SSL_CTX *ctx)
{
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION), 1);
    SSL_CTX_set_security_level(ctx, 0);
}

START_TEST(old_versions_are_refused)
{
    trust(&(struct stream_tls_config){ .ca_file = in_dir("ca.pem") });
    with_tls(NULL);
    set_old(peer.ctx);
    listen_on(READS);
    fails(connect_to("127.0.0.1", peer.port), ERR_NET, "during the handshake");
}
END_TEST

/* An operator who says TLSv1.3 gets no less. */
START_TEST(the_oldest_version_is_the_one_that_was_set)
{
    trust(&(struct stream_tls_config){ .ca_file = in_dir("ca.pem"), .is_tls13_only = _i == 1 });
    with_tls(NULL);
    ck_assert_int_eq(SSL_CTX_set_max_proto_version(peer.ctx, TLS1_2_VERSION), 1);
    listen_on(READS);
    if (_i == 1)
        fails(connect_to("127.0.0.1", peer.port), ERR_NET, "during the handshake");
    else
        connected();
}
END_TEST

START_TEST(whom_not_to_trust_is_said_with_names_and_dates)
{
    static const struct { const char *names, *says; int64_t from_s, to_s; bool stranger; const char *sni; } cases[] = {
        { "IP:127.0.0.1", "expired at 20", -7200, -3600, false, NULL },
        { "IP:127.0.0.1", "is valid from 20", 3600, 7200, false, NULL },
        { "IP:192.0.2.1,DNS:other.example", "certificate is for 192.0.2.1, other.example", 0, 0, false, NULL },
        { "DNS:siem.example", "certificate is for siem.example", 0, 0, false, "other.example" },
        { "DNS:a*.soc.example", "certificate is for a*.soc.example", 0, 0, false, "abc.soc.example" },
        { "IP:127.0.0.1", "issued by 'test CA', is not trusted", 0, 0, true, NULL },
    };

    make_server(cases[_i].names, cases[_i].from_s, cases[_i].to_s);
    cert_make(in_dir("stranger.pem"), &(struct cert_wish){ .cn = "stranger", .is_ca = true });
    trust(&(struct stream_tls_config){ .ca_file = in_dir(cases[_i].stranger ? "stranger.pem" : "ca.pem"),
                                       .server_name = cases[_i].sni });
    with_tls(NULL);
    listen_on(READS);
    fails(connect_to("127.0.0.1", peer.port), ERR_CONFIG, cases[_i].says);
}
END_TEST

START_TEST(a_given_server_name_is_verified_in_place_of_the_address)
{
    make_server("DNS:*.soc.example", 0, 0);
    trust(&(struct stream_tls_config){ .ca_file = in_dir("ca.pem"), .server_name = "siem.soc.example" });
    with_tls(NULL);
    listen_on(READS);
    connected();
}
END_TEST

static void sha256_of(const char *file, char *ret, size_t size)
{
    FILE *in = fopen(file, "re");
    X509 *cert = PEM_read_X509(in, NULL, NULL, NULL);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    size_t used = (size_t)snprintf(ret, size, "sha-256");

    ck_assert_int_eq(X509_digest(cert, EVP_sha256(), digest, &len), 1);
    for (unsigned i = 0; i < len; i++)
        used += (size_t)snprintf(ret + used, size - used, ":%02x", digest[i]);
    X509_free(cert);
    (void)fclose(in);
}

START_TEST(a_fingerprint_alone_decides)
{
    char print[200];
    const char *const prints[] = { "sha-1:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33", print };

    cert_make(in_dir("server.pem"), &(struct cert_wish){ .cn = "self", .alt_names = "DNS:elsewhere" });
    sha256_of(in_dir("server.pem"), print, sizeof print);
    trust(&(struct stream_tls_config){ .fingerprints = prints, .fingerprints_len = 2 });
    with_tls(NULL);
    listen_on(READS);
    connected();
    stream_free(stream);
    stream = NULL;
    stream_tls_free(tls);
    tls = NULL;
    print[8] = print[8] == '0' ? '1' : '0';
    trust(&(struct stream_tls_config){ .ca_file = in_dir("ca.pem"), .fingerprints = prints, .fingerprints_len = 2 });
    fails(connect_to("127.0.0.1", peer.port), ERR_CONFIG, "has another fingerprint: sha-256:");
}
END_TEST

START_TEST(what_is_no_fingerprint_is_refused)
{
    static const char *const bad[] = { "", "sha-256", "sha-256:", "sha-256:AB", "md5:00", "sha-1:0", "sha-1:zz" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        fails(stream_tls_new(&(struct stream_tls_config){ .fingerprints = &bad[i], .fingerprints_len = 1 }, &tls, &err),
              ERR_CONFIG, "is no fingerprint");
}
END_TEST

START_TEST(a_refused_client_certificate_is_noticed_although_tls_1_3_tells_it_late)
{
    cert_make(in_dir("client.pem"), &(struct cert_wish){ .cn = "client" }); /* nobody's */
    trust(&(struct stream_tls_config){ .ca_file = in_dir("ca.pem"), .cert_file = _i == 0 ? NULL : in_dir("client.pem") });
    with_tls("ca.pem");
    listen_on(READS);
    connected();
    fails(stream_listen(stream, 20000, &err), ERR_AUTH, _i == 0 ? "without a client certificate" : "refuses our certificate");
}
END_TEST

START_TEST(replaced_files_are_used_by_the_next_connection_and_broken_ones_are_not)
{
    FILE *f;

    cert_make(in_dir("client.pem"), &(struct cert_wish){ .cn = "client" });
    trust(&(struct stream_tls_config){ .ca_file = in_dir("ca.pem"), .cert_file = in_dir("client.pem") });
    with_tls("ca.pem");
    listen_on(READS);
    connected();
    ck_assert(!stream_is_outdated(stream));
    cert_make(in_dir("client.new"), &(struct cert_wish){ .cn = "client", .issuer_file = in_dir("ca.pem") });
    ck_assert_int_eq(rename(in_dir("client.new"), in_dir("client.pem")), 0);
    ck_assert(stream_is_outdated(stream));
    stream_free(stream);
    stream = NULL;
    connected();
    ck_assert_msg(stream_listen(stream, 200, &err) == 0, "%s", err.msg);
    f = fopen(in_dir("client.pem"), "we");
    (void)fputs("half a fi", f);
    (void)fclose(f);
    ck_assert(!stream_is_outdated(stream));
    stream_free(stream);
    stream = NULL;
    connected();
    ck_assert_msg(stream_listen(stream, 200, &err) == 0, "%s", err.msg);
}
END_TEST

START_TEST(files_that_never_were_good_are_named)
{
    fails(stream_tls_new(&(struct stream_tls_config){ .ca_file = in_dir("none.pem") }, &tls, &err), ERR_CONFIG, "none.pem");
    fails(stream_tls_new(&(struct stream_tls_config){ .cert_file = in_dir("none.pem") }, &tls, &err), ERR_CONFIG,
          "client certificate");
    cert_split(in_dir("server.pem"), in_dir("cert"), NULL);
    fails(stream_tls_new(&(struct stream_tls_config){ .cert_file = in_dir("cert") }, &tls, &err), ERR_CONFIG, "key '");
    fails(stream_tls_new(&(struct stream_tls_config){ .cert_file = in_dir("cert"), .key_file = in_dir("ca.pem") }, &tls, &err),
          ERR_CONFIG, "key '");
}
END_TEST

/* ---- datagrams ------------------------------------------------------------------------------------------------ */

START_TEST(a_datagram_socket_is_connected)
{
    int fd = -1;

    ck_assert_int_eq(stream_open_udp("127.0.0.1", 9, &fd, &err), 0);
    ck_assert_int_ge(fd, 0);
    (void)close(fd);
    fails(stream_open_udp("name.invalid", 9, &fd, &err), ERR_NET, "name.invalid:9");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("stream");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, addresses_are_host_port_or_bracketed);
    tcase_add_test(t, a_name_whose_first_address_refuses_is_reached_by_the_next);
    tcase_add_test(t, nobody_there_is_told_with_the_place);
    tcase_add_test(t, a_full_backlog_ends_in_a_time_out_and_a_cancel_ends_it_at_once);
    tcase_add_test(t, everything_written_arrives_and_the_end_is_awaited);
    tcase_add_test(t, a_peer_that_closed_is_found_before_the_write);
    tcase_add_test(t, a_peer_that_closed_after_the_write_is_found_before_it_is_believed);
    tcase_add_test(t, a_reset_is_told_as_one);
    tcase_add_test(t, a_peer_that_never_reads_is_not_waited_for);
    tcase_add_test(t, bytes_that_are_not_acknowledged_are_not_believed);
    tcase_add_test(t, an_end_that_does_not_come_is_told);
    tcase_add_test(t, tls_carries_and_describes_itself);
    tcase_add_test(t, the_session_tickets_of_tls_1_3_do_not_hide_the_end);
    tcase_add_test(t, old_versions_are_refused);
    tcase_add_loop_test(t, the_oldest_version_is_the_one_that_was_set, 0, 2);
    tcase_add_loop_test(t, whom_not_to_trust_is_said_with_names_and_dates, 0, 6);
    tcase_add_test(t, a_given_server_name_is_verified_in_place_of_the_address);
    tcase_add_test(t, a_fingerprint_alone_decides);
    tcase_add_test(t, what_is_no_fingerprint_is_refused);
    tcase_add_loop_test(t, a_refused_client_certificate_is_noticed_although_tls_1_3_tells_it_late, 0, 2);
    tcase_add_test(t, replaced_files_are_used_by_the_next_connection_and_broken_ones_are_not);
    tcase_add_test(t, files_that_never_were_good_are_named);
    tcase_add_test(t, a_datagram_socket_is_connected);
    return run_group("net stream", t);
}
