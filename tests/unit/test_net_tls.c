/* What http.h promises about TLS: whom it refuses, how exactly it says so, and that files replaced on disk
 * are found. SPDX-License-Identifier: Apache-2.0 */
#include "net/http.h"

#include "tests/kit/certs.h"
#include "tests/kit/fake_services.h"
#include "tests/kit/httpd.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <curl/curl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct fake_services world;
static struct error err;
static struct http_answer answer;
static char dir[64];

static const char *in_dir(const char *name)
{
    static char paths[64][128]; /* enough for one test */
    static size_t n;
    char *p = paths[n++ % ARRAY_LEN(paths)];

    (void)snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
    return p;
}

static int remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *where UNUSED)
{
    return remove(path);
}

static void setup(void)
{
    (void)snprintf(dir, sizeof(dir), "/tmp/cosmowatch-tls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    fake_services_init(&world, false);
    fake_services_add_http(&world);
    err = (struct error){ 0 };
    answer = (struct http_answer){ 0 };
    cert_make(in_dir("ca.pem"), &(struct cert_wish){ .cn = "test CA", .is_ca = true });
}

static void teardown(void)
{
    http_answer_release(&answer);
    fake_services_release(&world);
    (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void yes(void *self UNUSED, const struct httpd_request *rq UNUSED, struct httpd_reply *say)
{
    httpd_say(say, 200, "", "yes");
}

static struct httpd *serve(const char *cert, const char *client_ca)
{
    return httpd_start(yes, NULL, &(struct httpd_tls){ .cert_file = in_dir(cert), .key_file = in_dir(cert),
                                                       .client_ca_file = client_ca ? in_dir(client_ca) : NULL });
}

/* A server certificate signed by the test CA. */
static void make_server(const char *file, const char *alt_names, int64_t from_s, int64_t to_s)
{
    cert_make(in_dir(file), &(struct cert_wish){ .cn = "server", .alt_names = alt_names, .from_s = from_s,
                                                 .to_s = to_s, .issuer_file = in_dir("ca.pem") });
}

static int ask(struct httpd *h, const struct http_tls *tls)
{
    http_answer_release(&answer);
    return http_perform(world.sv.http, &(struct http_request){ .method = "GET", .url = httpd_url(h), .tls = tls },
                        &answer, &err);
}

static void refused(struct httpd *h, const struct http_tls *tls, const char *says)
{
    ck_assert_msg(ask(h, tls) == -1, "believed although: %s", says);
    ck_assert_int_eq(err.code, ERR_NET);
    ck_assert_msg(answer.failure == HTTP_FAILED_TLS, "%d: %s", (int)answer.failure, err.msg);
    ck_assert_msg(strncmp(err.msg, httpd_url(h) + strlen("https://"), strlen("127.0.0.1:")) == 0, "%s", err.msg);
    ck_assert_msg(strstr(err.msg, says) != NULL, "wanted '%s' in: %s", says, err.msg);
}

START_TEST(a_good_certificate_is_accepted)
{
    struct http_tls tls = { .ca_file = in_dir("ca.pem") };
    struct httpd *h;

    make_server("server.pem", "DNS:localhost,IP:127.0.0.1", 0, 0);
    h = serve("server.pem", NULL);
    ck_assert_msg(ask(h, &tls) == 0, "%s", err.msg);
    ck_assert_str_eq(answer.body.at, "yes");
    httpd_stop(h);
}
END_TEST

START_TEST(an_unknown_issuer_is_named)
{
    struct httpd *h;

    make_server("server.pem", "IP:127.0.0.1", 0, 0);
    h = serve("server.pem", NULL);
    refused(h, NULL, "TLS: certificate of 'server', issued by 'test CA', is not trusted");
    httpd_stop(h);
}
END_TEST

START_TEST(a_given_ca_replaces_the_systems_trust)
{
    struct http_tls tls = { .ca_file = in_dir("other.pem") };
    struct httpd *h;

    cert_make(in_dir("other.pem"), &(struct cert_wish){ .cn = "other CA", .is_ca = true });
    make_server("server.pem", "IP:127.0.0.1", 0, 0);
    h = serve("server.pem", NULL);
    refused(h, &tls, "issued by 'test CA', is not trusted");
    httpd_stop(h);
}
END_TEST

START_TEST(an_expired_certificate_is_told_with_its_date_and_our_clock)
{
    struct http_tls tls = { .ca_file = in_dir("ca.pem") };
    struct httpd *h;

    make_server("server.pem", "IP:127.0.0.1", -7200, -3600);
    h = serve("server.pem", NULL);
    refused(h, &tls, "TLS: certificate of 'server' expired at 20");
    ck_assert_ptr_nonnull(strstr(err.msg, "Z (our clock says 20"));
    httpd_stop(h);
}
END_TEST

START_TEST(a_certificate_of_the_future_is_told)
{
    struct http_tls tls = { .ca_file = in_dir("ca.pem") };
    struct httpd *h;

    make_server("server.pem", "IP:127.0.0.1", 3600, 7200);
    h = serve("server.pem", NULL);
    refused(h, &tls, "TLS: certificate of 'server' is valid from 20");
    httpd_stop(h);
}
END_TEST

START_TEST(a_certificate_for_another_name_tells_for_which)
{
    struct http_tls tls = { .ca_file = in_dir("ca.pem") };
    struct httpd *h;

    make_server("server.pem", "DNS:api.example.net,DNS:*.example.org,IP:192.0.2.7", 0, 0);
    h = serve("server.pem", NULL);
    refused(h, &tls, "TLS: certificate is for api.example.net, *.example.org, 192.0.2.7, not for this name");
    httpd_stop(h);
}
END_TEST

START_TEST(a_client_certificate_is_shown_when_demanded)
{
    struct http_tls without = { .ca_file = in_dir("ca.pem") }, with;
    struct httpd *h;

    make_server("server.pem", "IP:127.0.0.1", 0, 0);
    cert_make(in_dir("both.pem"), &(struct cert_wish){ .cn = "agent", .issuer_file = in_dir("ca.pem") });
    cert_split(in_dir("both.pem"), in_dir("client.pem"), in_dir("client.key"));
    h = serve("server.pem", "ca.pem");
    with = (struct http_tls){ .ca_file = without.ca_file, .client_cert = in_dir("client.pem"),
                              .client_key = in_dir("client.key") };
    ck_assert_int_eq(ask(h, &without), -1);
    ck_assert_int_eq(err.code, ERR_NET);
    ck_assert_msg(ask(h, &with) == 0, "%s", err.msg);
    with = (struct http_tls){ .ca_file = without.ca_file, .client_cert = in_dir("both.pem") };
    ck_assert_msg(ask(h, &with) == 0, "%s", err.msg);
    /* and the connection of the good certificate is not lent to who has none */
    ck_assert_int_eq(ask(h, &without), -1);
    httpd_stop(h);
}
END_TEST

START_TEST(files_that_cannot_serve_are_named)
{
    char client[128], key[128], empty[128];
    struct httpd *h;

    make_server("server.pem", "IP:127.0.0.1", 0, 0);
    make_server("second.pem", "IP:127.0.0.1", 0, 0);
    cert_make(in_dir("locked.pem"), &(struct cert_wish){ .cn = "agent", .key_password = "hush" });
    cert_split(in_dir("server.pem"), in_dir("client.pem"), NULL);
    cert_split(in_dir("second.pem"), NULL, in_dir("wrong.key"));
    (void)snprintf(client, sizeof(client), "%s", in_dir("client.pem"));
    (void)snprintf(key, sizeof(key), "%s", in_dir("wrong.key"));
    (void)snprintf(empty, sizeof(empty), "%s", in_dir("empty.pem"));
    ck_assert_int_eq(fclose(fopen(empty, "w")), 0);
    h = serve("server.pem", NULL);
    const struct {
        struct http_tls tls;
        const char *says;
    } cases[] = {
        { { .ca_file = "/nonexistent/ca.pem" }, "CA file: '/nonexistent/ca.pem': No such file" },
        { { .ca_file = empty }, "holds no certificate in PEM form" },
        { { .client_cert = client, .client_key = key }, "private key does not belong to the certificate" },
        { { .client_cert = client }, "holds no private key" },
        { { .client_cert = in_dir("locked.pem") }, "without password" },
        { { .ca_file = dir }, "Is a directory" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_int_eq(ask(h, &cases[i].tls), -1);
        ck_assert_msg(err.code == ERR_CONFIG, "%s", err.msg);
        ck_assert_msg(strstr(err.msg, cases[i].says) != NULL, "wanted '%s' in: %s", cases[i].says, err.msg);
    }
    ck_assert_int_eq(httpd_connections(h), 0);
    httpd_stop(h);
}
END_TEST

START_TEST(a_replaced_ca_is_used_at_once_and_a_broken_one_keeps_the_last_good)
{
    struct http_tls tls = { .ca_file = in_dir("trust.pem") };
    struct httpd *h, *h2;
    FILE *f;

    cert_make(in_dir("ca2.pem"), &(struct cert_wish){ .cn = "second CA", .is_ca = true });
    make_server("server.pem", "IP:127.0.0.1", 0, 0);
    cert_make(in_dir("server2.pem"), &(struct cert_wish){ .cn = "server two", .alt_names = "IP:127.0.0.1",
                                                          .issuer_file = in_dir("ca2.pem") });
    cert_split(in_dir("ca.pem"), tls.ca_file, NULL);
    h = serve("server.pem", NULL);
    h2 = serve("server2.pem", NULL);
    ck_assert_msg(ask(h, &tls) == 0, "%s", err.msg);
    refused(h2, &tls, "issued by 'second CA'");

    cert_split(in_dir("ca2.pem"), in_dir("trust.new"), NULL);
    ck_assert_int_eq(rename(in_dir("trust.new"), tls.ca_file), 0);
    ck_assert_msg(ask(h2, &tls) == 0, "%s", err.msg);
    refused(h, &tls, "issued by 'test CA'"); /* not even over the connection from before */

    if (LIBCURL_VERSION_NUM >= 0x074d00) { /* an older curl reads the file itself */
        f = fopen(tls.ca_file, "w");
        ck_assert(f && fputs("-----BEGIN CERTIFICATE-----\nhalf wr", f) >= 0 && fclose(f) == 0);
        ck_assert_msg(ask(h2, &tls) == 0, "%s", err.msg);
    }
    httpd_stop(h);
    httpd_stop(h2);
}
END_TEST

START_TEST(a_pinned_certificate_needs_no_issuer_and_no_name_and_another_is_refused)
{
    struct http_tls wrong = { .pin_sha1 = "0123456789012345678901234567890123456789" }, right;
    char sha1[41];
    struct httpd *h;

    cert_make(in_dir("fabric.pem"), &(struct cert_wish){ .cn = "fabric" });
    cert_sha1(in_dir("fabric.pem"), sha1);
    right = (struct http_tls){ .pin_sha1 = sha1 };
    h = serve("fabric.pem", NULL);
    ck_assert_msg(ask(h, &right) == 0, "%s", err.msg);
    refused(h, &wrong, "certificate of 'fabric' has another thumbprint");
    httpd_stop(h);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("tls");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_good_certificate_is_accepted);
    tcase_add_test(t, an_unknown_issuer_is_named);
    tcase_add_test(t, a_given_ca_replaces_the_systems_trust);
    tcase_add_test(t, an_expired_certificate_is_told_with_its_date_and_our_clock);
    tcase_add_test(t, a_certificate_of_the_future_is_told);
    tcase_add_test(t, a_certificate_for_another_name_tells_for_which);
    tcase_add_test(t, a_client_certificate_is_shown_when_demanded);
    tcase_add_test(t, files_that_cannot_serve_are_named);
    tcase_add_test(t, a_replaced_ca_is_used_at_once_and_a_broken_one_keeps_the_last_good);
    tcase_add_test(t, a_pinned_certificate_needs_no_issuer_and_no_name_and_another_is_refused);
    return run_group("net_tls", t);
}
