/* What certificates.h promises: the end of a certificate of ours is told 30, 7 and 1 days before and when it is there, once
 * each; a replaced one is seen. SPDX-License-Identifier: Apache-2.0 */
#include "certificates.h"
#include "log_kit.h"
#include "store_kit.h"

#include "assemble.h"
#include "base/timeutil.h"
#include "net/peers.h"
#include "settings/errors.h"
#include "settings/settings.h"
#include "tests/kit/certs.h"
#include "tests/kit/fake_services.h"
#include "tests/kit/suite.h"

#define DAY_S 86400

static struct folder folder;
static struct fake_services fake;
static struct settings *settings;
static struct certificates *certificates;
static struct peers *peers;
static char cert[200], pfx[200], trust[200], password[200];

static void make(const char *file, int64_t days)
{
    cert_make(file, &(struct cert_wish){ .cn = "ours", .from_s = -DAY_S, .to_s = days * DAY_S });
}

static void set_up(void)
{
    struct settings_errors errors = { 0 };
    struct error err = { 0 };
    char text[2000];
    FILE *f = NULL;

    folder = folder_new();
    log_to(folder.path);
    fake_services_init(&fake, false);
    (void)snprintf(cert, sizeof cert, "%s/ours.pem", folder.path);
    (void)snprintf(pfx, sizeof pfx, "%s/app.pfx", folder.path);
    (void)snprintf(trust, sizeof trust, "%s/trust.pem", folder.path);
    (void)snprintf(password, sizeof password, "%s/password", folder.path);
    make(cert, 40);
    make(trust, 3);
    cert_to_pfx(trust, pfx, "open");
    f = fopen(password, "w");
    ck_assert_ptr_nonnull(f);
    (void)fputs("open\n", f);
    (void)fclose(f);
    (void)chmod(password, 0600);
    (void)snprintf(text, sizeof text,
                   "sources:\n- { name: prod, type: log_analytics, workspace: 33333333-3333-3333-3333-333333333333,\n"
                   "    auth: { type: certificate, certificate: %s, certificate_password: '${file:%s}' } }\n"
                   "outputs:\n- { name: soc, type: webhook, url: 'https://soc.example.net/', tls: { ca: %s, cert: %s } }\n"
                   "- { name: gone, type: syslog, address: siem.example.net, tls: { cert: /nowhere/x.pem } }\n",
                   pfx, password, trust, cert);
    ck_assert_int_eq(settings_parse_text(slice_of(text), "f", assemble_registry(), &settings, &errors), 0);
    peers = peers_new();
    ck_assert_ptr_nonnull(peers);
    ck_assert_int_eq(certificates_new(settings, peers, &certificates, &err), 0);
}

static void tear_down(void)
{
    certificates_free(certificates);
    peers_free(peers);
    settings_free(settings);
    fake_services_release(&fake);
    folder_remove(&folder);
}

static const struct certificate *named(const char *where)
{
    const struct certificate *c = NULL;

    for (size_t i = 0; (c = certificates_at(certificates, i)) != NULL; i++)
        if (strcmp(c->where, where) == 0)
            return c;
    ck_abort_msg("no %s", where);
    return NULL;
}

static int64_t days_left(const char *where)
{
    return (named(where)->not_after_ns - sv_wall_ns(&fake.sv)) / NS_PER_S / DAY_S;
}

START_TEST(every_file_that_options_name_is_read)
{
    ck_assert_int_eq(days_left("outputs.soc.tls.cert"), 39);
    ck_assert_int_eq(days_left("sources.prod.auth.certificate"), 2); /* PFX, with its password */
    ck_assert_int_eq(days_left("outputs.soc.tls.ca"), 2);
    ck_assert(named("outputs.soc.tls.ca")->is_trust);
    ck_assert_uint_eq(named("outputs.soc.tls.ca")->count, 1);
    ck_assert_int_eq(named("outputs.gone.tls.cert")->not_after_ns, 0);
}
END_TEST

static void pass_days(int64_t days)
{
    fake_services_pass(&fake, days * DAY_S * 1000);
    certificates_watch(certificates, &fake.sv);
    certificates_watch(certificates, &fake.sv); /* within the hour: nothing new */
}

START_TEST(each_notice_is_given_once)
{
    static const struct {
        int64_t days;
        int said; /* up to then, of that one */
    } steps[] = { { 0, 0 }, { 9, 0 }, { 1, 1 }, { 1, 1 }, { 21, 1 }, { 1, 2 }, { 5, 2 }, { 1, 3 }, { 1, 4 }, { 9, 4 } };

    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        pass_days(steps[i].days);
        ck_assert_msg(lines_with("our certificate outputs.soc.tls.cert e") == steps[i].said, "step %zu: %d", i,
                      lines_with("our certificate outputs.soc.tls.cert e"));
    }
    ck_assert_int_eq(lines_with("our certificate outputs.soc.tls.ca"), 0); /* not ours: a bundle has many old ones */
    ck_assert_int_gt(lines_with("level=error component=tls msg=\"our certificate outputs.soc.tls.cert ended at "), 0);
}
END_TEST

START_TEST(a_replaced_certificate_begins_anew)
{
    pass_days(35);
    ck_assert_int_eq(lines_with("our certificate outputs.soc.tls.cert e"), 1);
    make(cert, 400);
    pass_days(1);
    ck_assert_int_eq(days_left("outputs.soc.tls.cert"), 363);
    pass_days(350);
    ck_assert_int_eq(lines_with("our certificate outputs.soc.tls.cert e"), 2);
}
END_TEST

static void note(const char *place, int64_t from_days, int64_t to_days)
{
    int64_t now_ns = sv_wall_ns(&fake.sv);

    peers_note(peers, place, &(struct peer_chain){ .from_ns = now_ns + from_days * DAY_S * NS_PER_S,
                                                   .to_ns = now_ns + to_days * DAY_S * NS_PER_S, .subject = "theirs" });
}

START_TEST(each_notice_about_a_peer_is_given_once)
{
    static const struct {
        int64_t days;
        int said;
    } steps[] = { { 0, 0 }, { 25, 0 }, { 1, 1 }, { 10, 1 }, { 1, 2 }, { 2, 3 }, { 1, 4 }, { 9, 4 } };

    note("siem.example.net:6514", -300, 40);
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        pass_days(steps[i].days);
        ck_assert_msg(lines_with("certificate of siem.example.net:6514 e") == steps[i].said, "step %zu: %d", i,
                      lines_with("certificate of siem.example.net:6514 e"));
    }
    ck_assert_int_eq(lines_with("level=error component=tls msg=\"certificate of"), 0); /* who is refused says so */
    note("siem.example.net:6514", 0, 365);
    pass_days(350);
    ck_assert_int_eq(lines_with("certificate of siem.example.net:6514 e"), 4);
    pass_days(2);
    ck_assert_int_eq(lines_with("certificate of siem.example.net:6514 e"), 5);
}
END_TEST

START_TEST(a_peer_that_is_renewed_late_is_told_late)
{
    note("renewed.example.net", -1, 6); /* lives for a week */
    pass_days(4);
    ck_assert_int_eq(lines_with("certificate of renewed.example.net"), 0);
    pass_days(1);
    ck_assert_int_eq(lines_with("certificate of renewed.example.net ends in"), 1);
    note("renewed.example.net", -1, 6);
    pass_days(0);
    ck_assert_int_eq(lines_with("certificate of renewed.example.net ends in"), 1);
}
END_TEST

START_TEST(peers_are_bounded_and_what_they_are_called_is_no_label)
{
    struct peer p = { 0 };
    char place[40];
    size_t n = 0;

    peers_note(NULL, "nobody", &(struct peer_chain){ .to_ns = 1 });
    peers_note(peers, "resumed.example.net", &(struct peer_chain){ 0 });
    ck_assert(!certificates_peer(certificates, 0, &p));
    note("a\"}\n1", -1, 9);
    ck_assert(certificates_peer(certificates, 0, &p));
    ck_assert_str_eq(p.place, "a???1");
    for (size_t i = 0; i < PEERS_MAX; i++) {
        (void)snprintf(place, sizeof place, "[2001:db8::%zx]:443", i);
        note(place, -1, 9);
    }
    while (certificates_peer(certificates, n, &p))
        n++;
    ck_assert_uint_eq(n, PEERS_MAX);
    ck_assert(certificates_peer(certificates, 0, &p)); /* the one not seen for longest made room */
    ck_assert_str_eq(p.place, place);
}
END_TEST

START_TEST(the_end_is_told_in_words)
{
    const struct certificate c = { .not_after_ns = INT64_C(1787220000) * NS_PER_S };
    CLEANUP(buf_release) struct buf out = BUF_INIT(1024);

    ck_assert_int_eq(certificate_says(&c, c.not_after_ns - 31 * DAY_S * NS_PER_S, &out), CERTIFICATE_FINE);
    ck_assert_str_eq(buf_cstr(&out), "");
    ck_assert_int_eq(certificate_says(&c, c.not_after_ns - 6 * DAY_S * NS_PER_S, &out), CERTIFICATE_SOON);
    ck_assert_str_eq(buf_cstr(&out), "ends in 6d, at 2026-08-20T10:00:00Z");
    buf_clear(&out);
    ck_assert_int_eq(certificate_says(&c, c.not_after_ns, &out), CERTIFICATE_ENDED);
    ck_assert_str_eq(buf_cstr(&out), "ended at 2026-08-20T10:00:00Z");
    buf_clear(&out);
    ck_assert_int_eq(certificate_says(&(struct certificate){ 0 }, c.not_after_ns, &out), CERTIFICATE_FINE);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { every_file_that_options_name_is_read, each_notice_is_given_once,
                                   a_replaced_certificate_begins_anew, the_end_is_told_in_words,
                                   each_notice_about_a_peer_is_given_once, a_peer_that_is_renewed_late_is_told_late,
                                   peers_are_bounded_and_what_they_are_called_is_no_label };
    TCase *group = tcase_create("certificates");

    tcase_set_timeout(group, 60);
    tcase_add_checked_fixture(group, set_up, tear_down);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++)
        tcase_add_test(group, tests[i]);
    return run_group("certificates", group);
}
