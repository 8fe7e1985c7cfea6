/* What the syslog output promises: frames as the RFCs have them, alerts that count only when the receiver's host
 * has them and still stands, what was sent before a break sent again. The receiver is a thread on loopback.
 * SPDX-License-Identifier: Apache-2.0 */
#include "store_kit.h"

#include "alert/catalogue.h"
#include "base/buf.h"
#include "outputs/kit/syslog_frame.h"
#include "outputs/kit/tail.h"
#include "outputs/output.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"
#include "tests/kit/fake_services.h"
#include "tests/kit/suite.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

extern const struct output_ops output_syslog;

#define NOON_NS (INT64_C(1767225660) * NS_PER_S + 123 * NS_PER_MS) /* 2026-01-01T00:01:00.123Z */

static struct alert *alerts[3];
static struct fake_services world;

/* ---- frames -------------------------------------------------------------------------------------------- */

static const struct syslog_format plain = { .facility = 16, .hostname = "agent01", .app_name = "cosmo-watch", .pid = 4242,
                                            .message_max = 8000 };

static void frames_as(struct syslog_format f, const char *text, const char *wanted)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(10000);

    OK(syslog_frame_add(&out, &f, alerts[0], slice_of(text), NOON_NS, err));
    ck_assert_str_eq(buf_cstr(&out), wanted);
}

/* RFC 6587, section 3.4.2: receivers end a frame at it. */
static void frame_has_no_nul(const struct syslog_format *f)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(1000);

    OK(syslog_frame_add(&out, f, alerts[0], SL("a\0b"), NOON_NS, err));
    ck_assert(memchr(out.at, '\0', out.len) == NULL && slice_ends_nocase(buf_slice(&out), SL("a b\n")));
}

START_TEST(frames_are_those_of_the_rfcs)
{
    struct syslog_format f = plain;

    alerts[0]->severity = SEVERITY_HIGH;
    frames_as(f, "CEF:0|x", "<131>1 2026-01-01T00:01:00.123Z agent01 cosmo-watch 4242 CosmosDB_TorAnomaly - CEF:0|x");
    f.framing = SYSLOG_COUNTED;
    frames_as(f, "hi", "81 <131>1 2026-01-01T00:01:00.123Z agent01 cosmo-watch 4242 CosmosDB_TorAnomaly - hi");
    f.framing = SYSLOG_NEWLINE;
    f.hostname = "";
    frames_as(f, "a\nb\r\nc", "<131>1 2026-01-01T00:01:00.123Z - cosmo-watch 4242 CosmosDB_TorAnomaly - a b  c\n");
    frame_has_no_nul(&f);
    f.header = SYSLOG_RFC3164_ISO;
    f.framing = SYSLOG_BARE;
    f.hostname = "agent01";
    frames_as(f, "CEF:0|x", "<131>2026-01-01T00:01:00.123Z agent01 CEF:0|x");
    frames_as(f, "LEEF:2.0|x", "<131>2026-01-01T00:01:00.123Z agent01 LEEF:2.0|x");
    frames_as(f, "{}", "<131>2026-01-01T00:01:00.123Z agent01 cosmo-watch[4242]: {}");
    f.header = SYSLOG_RFC3164;
    frames_as(f, "CEF:0|x", "<131>Jan  1 00:01:00 agent01 CEF:0|x");
    f.facility = 20;
    alerts[0]->severity = SEVERITY_INFORMATIONAL;
    frames_as(f, "CEF:0|x", "<166>Jan  1 00:01:00 agent01 CEF:0|x");
}
END_TEST

START_TEST(structured_data_escapes_exactly_three)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(10000);
    struct syslog_format f = plain;

    f.sd_id = "alert@32473";
    free(alerts[0]->account);
    alerts[0]->account = strdup("a\"b\\c]d\n=e");
    OK(syslog_frame_add(&out, &f, alerts[0], SL("x"), NOON_NS, err));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), " [alert@32473 id=\""));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), " account=\"a\\\"b\\\\c\\]d =e\" subject=\"198.51.0.0\"] x"));
}
END_TEST

START_TEST(every_type_has_a_msgid_of_its_own)
{
    CLEANUP(buf_release) struct buf all = BUF_INIT(1 << 20);
    CLEANUP(buf_release) struct buf one = BUF_INIT(1000);

    for (size_t i = 0; alert_type_at(i); i++) {
        buf_clear(&one);
        buf_add_char(&one, '\n');
        syslog_add_msgid(&one, alert_type_at(i)->id);
        ck_assert_msg(one.len >= 2 && one.len <= 33, "%s: %s", alert_type_at(i)->id, buf_cstr(&one));
        buf_add_char(&one, '\n');
        ck_assert_msg(!all.at || !strstr(buf_cstr(&all), buf_cstr(&one)), "twice:%s", buf_cstr(&one));
        buf_add_slice(&all, buf_slice(&one));
    }
}
END_TEST

START_TEST(names_hold_what_the_rfc_lets_them)
{
    static const struct { const char *text, *wanted; size_t max; } cases[] = {
        { "", "-", 5 }, { " \t\n", "-", 5 }, { "a b\nc", "abc", 5 }, { "abcdef", "abcde", 5 }, { "z\xc3\xb6n", "zn", 5 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT(100);

        syslog_add_word(&out, slice_of(cases[i].text), cases[i].max);
        ck_assert_str_eq(buf_cstr(&out), cases[i].wanted);
    }
}
END_TEST

START_TEST(a_message_at_the_limit_fits_and_one_byte_more_does_not)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(10000);
    struct syslog_format f = plain;
    size_t head;

    f.framing = SYSLOG_COUNTED;
    OK(syslog_frame_add(&out, &f, alerts[0], SL(""), NOON_NS, err));
    head = out.len - 3; /* "nn " */
    f.message_max = head + 4;
    buf_clear(&out);
    OK(syslog_frame_add(&out, &f, alerts[0], SL("1234"), NOON_NS, err));
    FAILS(syslog_frame_add(&out, &f, alerts[0], SL("12345"), NOON_NS, err), ERR_LIMIT);
    ck_assert_uint_eq(out.len, head + 4 + 3);
}
END_TEST

/* ---- the tail ------------------------------------------------------------------------------------------ */

START_TEST(what_is_young_at_the_break_is_owed_in_its_order)
{
    struct tail t = { 0 };

    tail_add(&t, SL("old"), 1, 0);
    tail_add(&t, SL("a"), 2, 1000);
    tail_add(&t, SL("b"), 3, 2000);
    ck_assert_ptr_null(tail_owed(&t));
    ck_assert_uint_eq(tail_break(&t, 2500, 2000), 0);
    ck_assert_uint_eq(t.bytes, 2);
    tail_expire(&t, 1000000, 2000); /* what is owed does not grow old */
    ck_assert_int_eq(tail_owed(&t)->bytes[0], 'a');
    tail_sent(tail_owed(&t), 1000000);
    ck_assert_int_eq(tail_owed(&t)->bytes[0], 'b');
    tail_sent(tail_owed(&t), 1000000);
    ck_assert_ptr_null(tail_owed(&t));
    tail_expire(&t, 1003000, 2000);
    ck_assert_ptr_null(t.first);
    ck_assert_ptr_null(t.last);
    tail_add(&t, SL("c"), 1, 0);
    ck_assert_ptr_eq(t.first, t.last);
    tail_release(&t);
}
END_TEST

static void tail_is(const struct tail *t, const char *wanted)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(100);

    for (const struct tail_piece *p = t->first; p; p = p->next)
        buf_addf(&text, "%.1s%s", p->bytes, p->is_owed ? "! " : " ");
    ck_assert_str_eq(buf_cstr(&text), wanted);
}

START_TEST(what_is_owed_outlives_further_breaks_and_what_was_sent_again_is_young_again)
{
    struct tail t = { 0 };

    tail_add(&t, SL("a"), 1, 0);
    tail_add(&t, SL("b"), 1, 0);
    ck_assert_uint_eq(tail_break(&t, 1000, 2000), 0);
    tail_is(&t, "a! b! ");
    ck_assert_uint_eq(tail_break(&t, 900000, 2000), 0); /* nobody could be reached in between */
    tail_is(&t, "a! b! ");
    tail_sent(tail_owed(&t), 900000);
    tail_sent(tail_owed(&t), 900000);
    tail_add(&t, SL("c"), 1, 901000); /* behind the last of those that stayed */
    tail_is(&t, "a b c ");
    ck_assert_uint_eq(tail_break(&t, 902000, 2000), 0);
    tail_is(&t, "a! b! c! ");
    tail_release(&t);
}
END_TEST

START_TEST(the_tail_is_bounded_in_bytes_and_in_patience)
{
    static char bytes[TAIL_MAX_BYTES / 2], all[TAIL_MAX_BYTES + 1];
    struct tail t = { 0 };

    tail_add(&t, SL("a"), 1, 0);
    tail_add(&t, slice_make(all, sizeof all), 1, 0); /* more than is kept of all */
    tail_is(&t, "a ");
    for (int i = 0; i < 2; i++) { /* leaves no room for another */
        tail_add(&t, slice_make(all, sizeof all - 1), 1, 0);
        ck_assert(t.first && t.first == t.last && t.bytes == TAIL_MAX_BYTES);
    }
    tail_release(&t);

    for (int i = 0; i < 5; i++)
        tail_add(&t, slice_make(bytes, sizeof bytes), 1, i);
    ck_assert_uint_eq(t.bytes, TAIL_MAX_BYTES);
    tail_release(&t);
    tail_add(&t, SL("x"), 7, 0);
    for (int i = 0; i < TAIL_RESENDS_MAX; i++) {
        ck_assert_uint_eq(tail_break(&t, 0, 1000), 0);
        tail_sent(tail_owed(&t), 0);
    }
    ck_assert_uint_eq(tail_break(&t, 0, 1000), 7);
    ck_assert_ptr_null(t.first);
}
END_TEST

/* ---- a receiver ---------------------------------------------------------------------------------------- */

static struct {
    int fd, port, events[2]; /* events: 'c' connected, 'd' data, 'e' ended */
    pthread_t thread;
    pthread_mutex_t lock;
    char text[1 << 20];      /* of all connections */
    size_t len;
    int connections, open_fd;
    bool closes_at_once, reads_once; /* how the next connection is treated */
} siem;

static void tell(char what)
{
    (void)!write(siem.events[1], &what, 1);
}

static void await(char wanted)
{
    struct pollfd p = { .fd = siem.events[0], .events = POLLIN };
    char got = 0;

    while (got != wanted) {
        ck_assert_msg(poll(&p, 1, 60000) == 1, "waited in vain for '%c'", wanted);
        ck_assert_int_eq(read(siem.events[0], &got, 1), 1);
    }
}

static void *siem_main(void *arg UNUSED)
{
    for (;;) {
        int fd = accept(siem.fd, NULL, NULL);
        bool closes, once;
        char bytes[65536];
        ssize_t n = 1;

        if (fd < 0)
            return NULL;
        (void)pthread_mutex_lock(&siem.lock);
        siem.connections++;
        siem.open_fd = fd;
        closes = siem.closes_at_once;
        once = siem.reads_once;
        siem.closes_at_once = siem.reads_once = false;
        (void)pthread_mutex_unlock(&siem.lock);
        tell('c');
        while (!closes && (n = recv(fd, bytes, sizeof bytes, 0)) > 0) {
            (void)pthread_mutex_lock(&siem.lock);
            if (siem.len + (size_t)n < sizeof siem.text) {
                memcpy(siem.text + siem.len, bytes, (size_t)n);
                siem.len += (size_t)n;
            }
            (void)pthread_mutex_unlock(&siem.lock);
            tell('d');
            if (once) {
                (void)poll(NULL, 0, 200); /* so long rsyslog took to refuse a client after TLS 1.3's handshake */
                break;
            }
        }
        (void)pthread_mutex_lock(&siem.lock);
        siem.open_fd = -1;
        (void)close(fd);
        (void)pthread_mutex_unlock(&siem.lock);
        tell('e');
    }
}

static void siem_start(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof at;

    (void)pthread_mutex_init(&siem.lock, NULL);
    siem.open_fd = -1;
    ck_assert_int_eq(pipe(siem.events), 0);
    siem.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(siem.fd, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(listen(siem.fd, 16), 0);
    ck_assert_int_eq(getsockname(siem.fd, (struct sockaddr *)&at, &len), 0);
    siem.port = ntohs(at.sin_port);
    ck_assert_int_eq(pthread_create(&siem.thread, NULL, siem_main, NULL), 0);
}

/* The receiver goes away, hard: what it read is forgotten. */
static void siem_break(void)
{
    static const struct linger hard = { .l_onoff = 1, .l_linger = 0 };

    (void)pthread_mutex_lock(&siem.lock);
    siem.len = 0;
    if (siem.open_fd >= 0) {
        (void)setsockopt(siem.open_fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        (void)shutdown(siem.open_fd, SHUT_RDWR);
    }
    (void)pthread_mutex_unlock(&siem.lock);
}

static size_t count_in_text(const char *what);

/* Until it has read so far: what lies in its kernel would be read after a break. */
static void await_text(const char *what)
{
    while (count_in_text(what) == 0)
        await('d');
}

static size_t count_in_text(const char *what)
{
    size_t n = 0;

    (void)pthread_mutex_lock(&siem.lock);
    siem.text[siem.len] = '\0';
    for (const char *p = siem.text; (p = strstr(p, what)) != NULL; p++)
        n++;
    (void)pthread_mutex_unlock(&siem.lock);
    return n;
}

/* ---- the output ------------------------------------------------------------------------------------------ */

static struct yaml_tree *tree;
static struct settings_errors errors;
static void *self;

static void set_up(void)
{
    (void)signal(SIGPIPE, SIG_IGN);
    fake_services_init(&world, false);
    for (int i = 0; i < 3; i++)
        alerts[i] = alert_nth(i);
    siem_start();
}

static void close_output(void)
{
    if (self) {
        output_syslog.close(self);
        settings_table_release(output_syslog.options, self);
        free(self);
    }
    yaml_tree_free(tree);
    settings_errors_release(&errors);
    self = NULL;
    tree = NULL;
}

static void tear_down(void)
{
    close_output();
    (void)shutdown(siem.fd, SHUT_RDWR);
    (void)pthread_join(siem.thread, NULL);
    (void)close(siem.fd);
    (void)close(siem.events[0]);
    (void)close(siem.events[1]);
    for (int i = 0; i < 3; i++)
        alert_free(alerts[i]);
    fake_services_release(&world);
}

static int try_open(const char *yaml, struct error *err)
{
    self = calloc(1, output_syslog.size);
    ck_assert_ptr_nonnull(self);
    if (yaml_tree_parse(slice_of(yaml), "test.yaml", &tree, &errors) < 0 ||
        settings_table_apply(output_syslog.options, yaml_tree_root(tree), self, &errors) < 0)
        return settings_errors_first(&errors, err);
    return output_syslog.open(self, "soc", &world.sv, err);
}

static void open_with(const char *more)
{
    char yaml[1000];

    (void)snprintf(yaml, sizeof yaml, "address: 127.0.0.1:%d\ntransport: tcp\ntimeout: 20s\n%s", siem.port, more);
    OK(try_open(yaml, err));
}

static const char long_text[9000] = { [0 ... 8998] = 'x' };

static int deliver(struct delivery_result *results, struct error *err)
{
    struct output_item items[3] = {
        { .alert = alerts[0], .payload = SL("first") },
        { .alert = alerts[1], .payload = SL("second") },
        { .alert = alerts[2], .payload = SL("third") },
    };

    return output_syslog.deliver(self, items, 3, results, err);
}

START_TEST(a_batch_is_accepted_when_the_receiver_has_it_and_stands)
{
    struct delivery_result results[3];

    open_with("");
    OK(deliver(results, err));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(results[i].verdict, DELIVERY_ACCEPTED);
    OK(deliver(results, err));
    close_output(); /* waits for the receiver's end */
    ck_assert_uint_eq(count_in_text("second"), 2);
    ck_assert_int_eq(siem.connections, 1);
}
END_TEST

START_TEST(a_message_that_is_too_long_is_refused_alone)
{
    struct output_item items[2] = { { .alert = alerts[0], .payload = slice_of(long_text) },
                                    { .alert = alerts[1], .payload = SL("short") } };
    struct delivery_result results[2];

    open_with("");
    OK(output_syslog.deliver(self, items, 2, results, err));
    ck_assert_int_eq(results[0].verdict, DELIVERY_REFUSED);
    ck_assert_ptr_nonnull(strstr(results[0].reason, "max_message is 8000"));
    ck_assert_int_eq(results[1].verdict, DELIVERY_ACCEPTED);
}
END_TEST

START_TEST(a_receiver_that_closes_a_new_connection_has_taken_nothing)
{
    struct delivery_result results[3];

    struct error why = { 0 };
    int rc = 0;

    for (int tries = 10; rc == 0 && tries > 0; tries--) { /* a busy machine may close later than anybody listens */
        close_output();
        (void)pthread_mutex_lock(&siem.lock);
        siem.closes_at_once = _i == 0;
        siem.reads_once = _i == 1; /* as a receiver does that refuses us after the handshake */
        (void)pthread_mutex_unlock(&siem.lock);
        open_with("");
        rc = deliver(results, &why);
    }
    ck_assert_int_eq(rc, -1);
    ck_assert_int_eq(why.code, ERR_NET);
    OK(deliver(results, err));
    close_output();
    ck_assert_uint_ge(count_in_text("first"), 1);
}
END_TEST

START_TEST(after_a_break_the_watcher_sends_the_tail_again)
{
    struct delivery_result results[3];

    open_with("");
    OK(deliver(results, err));
    await('c');
    await_text("third");
    siem_break();
    await('e');
    await('c');
    await('d');
    close_output();
    ck_assert_uint_eq(count_in_text("first"), 1);
    ck_assert_uint_eq(count_in_text("third"), 1);
    ck_assert_int_eq(siem.connections, 2);
}
END_TEST

START_TEST(what_is_older_than_the_resend_time_is_not_sent_again)
{
    struct delivery_result results[3];

    open_with("resend: 0\n");
    OK(deliver(results, err));
    await('c');
    await_text("third");
    fake_services_pass(&world, 1000);
    siem_break();
    await('e');
    OK(deliver(results, err)); /* on a new connection */
    close_output();
    ck_assert_uint_eq(count_in_text("first"), 1);
}
END_TEST

START_TEST(nobody_there_judges_nobody)
{
    struct delivery_result results[3];

    OK(try_open("address: 127.0.0.1:1\ntransport: tcp\n", err));
    FAILS(deliver(results, err), ERR_NET);
}
END_TEST

START_TEST(a_datagram_holds_one_message)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof at;
    struct delivery_result results[3];
    char yaml[200], text[2000];
    ssize_t n;

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    (void)snprintf(yaml, sizeof yaml, "address: 127.0.0.1:%d\ntransport: udp\nbest_effort: true\n", ntohs(at.sin_port));
    OK(try_open(yaml, err));
    OK(deliver(results, err));
    ck_assert_int_eq(results[2].verdict, DELIVERY_ACCEPTED);
    for (int i = 0; i < 3; i++) {
        n = recv(fd, text, sizeof text - 1, 0);
        ck_assert_int_gt(n, 0);
        text[n] = '\0';
        ck_assert_int_eq(text[0], '<');
        ck_assert_msg(i != 2 || strcmp(text + n - 5, "third") == 0, "%s", text);
    }
    (void)close(fd);
    FAILS(deliver(results, err), ERR_NET); /* the kernel of the other side says so */
}
END_TEST

START_TEST(bad_settings_are_refused_in_words)
{
    static const struct { const char *yaml, *said; } cases[] = {
        { "transport: tcp\n", "address" },
        { "address: siem:0\ntransport: tcp\n", "port" },
        { "address: siem\ntransport: udp\n", "best_effort" },
        { "address: siem\ntransport: quic\n", "tls, tcp, udp" },
        { "address: siem\ntransport: tcp\nfacility: local9\n", "facility" },
        { "address: siem\ntransport: tcp\nstructured_data: alert\n", "enterprise-number" },
        { "address: siem\ntransport: tcp\nstructured_data: \"a b@1\"\n", "printable" },
        { "address: siem\ntls: { ca: /nonexistent/ca.pem }\n", "/nonexistent/ca.pem" },
        { "address: siem\ntls: { fingerprints: [\"sha-256:00\"] }\n", "is no fingerprint" },
        { "address: siem\ntransport: tcp\nmax_message: 100\n", "max_message" },
    };
    struct error why = { 0 };

    ck_assert_msg(try_open(cases[_i].yaml, &why) == -1, "accepted: %s", cases[_i].yaml);
    ck_assert_int_eq(why.code, ERR_CONFIG);
    ck_assert_msg(strstr(why.msg, cases[_i].said), "%s: %s", cases[_i].yaml, why.msg);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("syslog");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, frames_are_those_of_the_rfcs);
    tcase_add_test(t, structured_data_escapes_exactly_three);
    tcase_add_test(t, every_type_has_a_msgid_of_its_own);
    tcase_add_test(t, names_hold_what_the_rfc_lets_them);
    tcase_add_test(t, a_message_at_the_limit_fits_and_one_byte_more_does_not);
    tcase_add_test(t, what_is_young_at_the_break_is_owed_in_its_order);
    tcase_add_test(t, what_is_owed_outlives_further_breaks_and_what_was_sent_again_is_young_again);
    tcase_add_test(t, the_tail_is_bounded_in_bytes_and_in_patience);
    tcase_add_test(t, a_batch_is_accepted_when_the_receiver_has_it_and_stands);
    tcase_add_test(t, a_message_that_is_too_long_is_refused_alone);
    tcase_add_loop_test(t, a_receiver_that_closes_a_new_connection_has_taken_nothing, 0, 2);
    tcase_add_test(t, after_a_break_the_watcher_sends_the_tail_again);
    tcase_add_test(t, what_is_older_than_the_resend_time_is_not_sent_again);
    tcase_add_test(t, nobody_there_judges_nobody);
    tcase_add_test(t, a_datagram_holds_one_message);
    tcase_add_loop_test(t, bad_settings_are_refused_in_words, 0, 10);
    return run_group("output syslog", t);
}
