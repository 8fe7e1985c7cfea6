/* What azure.h promises about tokens. SPDX-License-Identifier: Apache-2.0 */
#include "azure/credential.h"

#include "base/log.h"
#include "base/num.h"
#include "net/openssl.h"
#include "tests/kit/certs.h"
#include "tests/kit/fake_services.h"
#include "tests/kit/httpd.h"
#include "tests/kit/suite.h"

#include <arpa/inet.h>
#include <check.h>
#include <curl/curl.h>
#include <ftw.h>
#include <json-c/json.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define TENANT "11111111-1111-1111-1111-111111111111"
#define APP "22222222-2222-2222-2222-222222222222"
#define SCOPE "https://api.loganalytics.io/.default"
#define OTHER_SCOPE "https://monitor.azure.com/.default"

static struct fake_services world;
static struct azure_credential *cred;
static struct secret token;
static struct error err;
static char dir[64];

static const char *in_dir(const char *name)
{
    static char paths[64][256];
    static size_t n;
    char *p = paths[n++ % ARRAY_LEN(paths)];

    (void)snprintf(p, sizeof(paths[0]), "%s/%s", dir, name);
    return p;
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    ck_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static int remove_one(const char *path, const struct stat *st UNUSED, int kind UNUSED, struct FTW *where UNUSED)
{
    return remove(path);
}

static void setup(void)
{
    static const char *const names[] = {
        "AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH",
        "AZURE_CLIENT_CERTIFICATE_PASSWORD", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST",
        "IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT",
        "MSI_SECRET", "AZURE_POD_IDENTITY_AUTHORITY_HOST" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)unsetenv(names[i]);
    (void)snprintf(dir, sizeof(dir), "/tmp/cosmowatch-cred-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    fake_services_init(&world, false);
    fake_services_add_http(&world);
    log_set_fd(-1);
    cred = NULL;
    token = SECRET_INIT;
    err = (struct error){ 0 };
}

static void teardown(void)
{
    azure_credential_free(cred);
    secret_release(&token);
    fake_services_release(&world);
    (void)nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- an authority that hands out tok-1, tok-2, ... ------------------------------------------------------------ */

struct entra {
    struct httpd *h;
    int status;             /* of all answers, 0: 200 */
    const char *headers;
    const char *body;       /* NULL: a token */
    const char *expires_in; /* as JSON, default 3599 */
    int wait_ms;
    int tokens;             /* handed out */
    char target[1024];
    char form[8192];
    char headers_seen[1024];
};

static void hand_out(void *self, const struct httpd_request *rq, struct httpd_reply *say)
{
    struct entra *e = self;
    char body[256];

    (void)snprintf(e->target, sizeof(e->target), "%s", rq->target);
    (void)snprintf(e->form, sizeof(e->form), "%.*s", SLF(rq->body));
    (void)snprintf(e->headers_seen, sizeof(e->headers_seen), "%s", rq->headers);
    say->wait_ms = e->wait_ms;
    if (e->body) {
        httpd_say(say, e->status ? e->status : 200, e->headers ? e->headers : "", e->body);
        return;
    }
    (void)snprintf(body, sizeof(body), "{\"token_type\":\"Bearer\",\"expires_in\":%s,\"access_token\":\"tok-%d\"}",
                   e->expires_in ? e->expires_in : "3599", ++e->tokens);
    httpd_say(say, e->status ? e->status : 200, e->headers ? e->headers : "Content-Type: application/json\r\n", body);
}

static void entra_start(struct entra *e)
{
    e->h = httpd_start(hand_out, e, NULL);
}

static int make(const struct azure_auth_config *cfg)
{
    azure_credential_free(cred);
    cred = NULL;
    return azure_credential_new(cfg, azure_cloud_find("public"), &world.sv, &cred, &err);
}

static void make_secret(const struct entra *e)
{
    static struct secret s;

    ck_assert(secret_set(&s, SL("s3cr~t&=+")));
    ck_assert_msg(make(&(struct azure_auth_config){ .type = AZURE_AUTH_CLIENT_SECRET, .tenant = TENANT, .client_id = APP,
                                                    .client_secret = &s, .authority = httpd_url(e->h) }) == 0,
                  "%s", err.msg);
    secret_release(&s);
}

static void want_token(const char *value)
{
    ck_assert_msg(azure_credential_token(cred, SCOPE, &token, &err) == 0, "%s", err.msg);
    ck_assert_str_eq(secret_reveal(&token), value);
}

static void want_failure(enum error_code code, const char *says)
{
    ck_assert_msg(azure_credential_token(cred, SCOPE, &token, &err) == -1, "a token came");
    ck_assert_msg(err.code == code, "%s: %s", error_code_name(err.code), err.msg);
    ck_assert_msg(strstr(err.msg, says) != NULL, "wanted '%s' in: %s", says, err.msg);
    ck_assert_msg(strstr(err.msg, "s3cr") == NULL, "%s", err.msg);
}

/* ---- the cache ---------------------------------------------------------------------------------------------------- */

START_TEST(a_secret_is_exchanged_for_a_token_once)
{
    struct entra e = { 0 };

    entra_start(&e);
    make_secret(&e);
    want_token("tok-1");
    want_token("tok-1");
    ck_assert_str_eq(e.target, "/" TENANT "/oauth2/v2.0/token");
    ck_assert_str_eq(e.form, "grant_type=client_credentials&client_id=" APP
                             "&scope=https%3A%2F%2Fapi.loganalytics.io%2F.default&client_secret=s3cr~t%26%3D%2B");
    ck_assert_int_eq(httpd_requests(e.h), 1);
    ck_assert_str_eq(azure_credential_describe(cred), "client secret of app " APP " in tenant " TENANT);
    httpd_stop(e.h);
}
END_TEST

START_TEST(scopes_have_tokens_of_their_own)
{
    struct entra e = { 0 };

    entra_start(&e);
    make_secret(&e);
    want_token("tok-1");
    ck_assert_int_eq(azure_credential_token(cred, OTHER_SCOPE, &token, &err), 0);
    ck_assert_str_eq(secret_reveal(&token), "tok-2");
    want_token("tok-1");
    httpd_stop(e.h);
}
END_TEST

START_TEST(a_token_is_renewed_five_minutes_before_its_end_and_not_much_earlier)
{
    struct entra e = { .expires_in = "3600" };

    entra_start(&e);
    make_secret(&e);
    want_token("tok-1");
    fake_services_pass(&world, (3600 - 300 - 31) * 1000); /* jitter takes up to 30 s */
    want_token("tok-1");
    fake_services_pass(&world, 31 * 1000);
    want_token("tok-2");
    httpd_stop(e.h);
}
END_TEST

START_TEST(a_long_lived_token_is_renewed_at_half_its_life)
{
    struct entra e = { .expires_in = "86400" };

    entra_start(&e);
    make_secret(&e);
    want_token("tok-1");
    fake_services_pass(&world, (43200 - 31) * 1000);
    want_token("tok-1");
    fake_services_pass(&world, 31 * 1000);
    want_token("tok-2");
    httpd_stop(e.h);
}
END_TEST

START_TEST(the_wall_clock_does_not_matter)
{
    struct entra e = { 0 };

    entra_start(&e);
    make_secret(&e);
    want_token("tok-1");
    (void)atomic_fetch_add(&world.wall_offset_ns, NS_PER_DAY * 365);
    want_token("tok-1");
    (void)atomic_fetch_add(&world.wall_offset_ns, -NS_PER_DAY * 3650);
    want_token("tok-1");
    httpd_stop(e.h);
}
END_TEST

START_TEST(a_forgotten_token_is_asked_for_anew)
{
    struct entra e = { 0 };

    entra_start(&e);
    make_secret(&e);
    azure_credential_forget(cred, SCOPE); /* nothing there yet */
    want_token("tok-1");
    azure_credential_forget(cred, SCOPE);
    want_token("tok-2");
    httpd_stop(e.h);
}
END_TEST

START_TEST(a_late_refusal_does_not_throw_away_a_newer_token)
{
    struct secret old = SECRET_INIT;
    struct entra e = { 0 };

    entra_start(&e);
    make_secret(&e);
    want_token("tok-1");
    ck_assert(secret_set(&old, SL("tok-1")));
    credential_refuse(cred, SCOPE, &old);
    want_token("tok-2");
    credential_refuse(cred, SCOPE, &old);
    want_token("tok-2");
    secret_release(&old);
    httpd_stop(e.h);
}
END_TEST

START_TEST(the_old_token_does_while_renewal_fails_for_passing_reasons)
{
    struct entra e = { .expires_in = "3600" };

    entra_start(&e);
    make_secret(&e);
    want_token("tok-1");
    fake_services_pass(&world, 3400 * 1000);
    e.status = 503;
    e.body = "busy";
    want_token("tok-1");
    want_token("tok-1"); /* held: the endpoint is not asked at once again */
    ck_assert_int_eq(httpd_requests(e.h), 2);
    fake_services_pass(&world, 100 * 1000);
    want_token("tok-1");
    ck_assert_int_eq(httpd_requests(e.h), 3);
    fake_services_pass(&world, 100 * 1000); /* really over */
    want_failure(ERR_BUSY, "503");
    e.status = 0;
    e.body = NULL;
    fake_services_pass(&world, 5000);
    want_token("tok-2");
    httpd_stop(e.h);
}
END_TEST

START_TEST(a_refusal_is_told_even_while_the_old_token_lives)
{
    struct entra e = { .expires_in = "3600" };

    entra_start(&e);
    make_secret(&e);
    want_token("tok-1");
    fake_services_pass(&world, 3400 * 1000);
    e.status = 401;
    e.body = "{\"error\":\"invalid_client\",\"error_codes\":[7000222]}";
    want_failure(ERR_AUTH, "AADSTS7000222: the client secret has expired");
    httpd_stop(e.h);
}
END_TEST

START_TEST(a_failure_is_remembered_for_a_moment_and_then_tried_anew)
{
    struct entra e = { .status = 400, .body = "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}" };

    entra_start(&e);
    make_secret(&e);
    for (int i = 0; i < 5; i++)
        want_failure(ERR_AUTH, "AADSTS7000215");
    ck_assert_int_eq(httpd_requests(e.h), 1);
    e.status = 0;
    e.body = NULL;
    fake_services_pass(&world, 16000);
    want_token("tok-1");
    httpd_stop(e.h);
}
END_TEST

START_TEST(the_endpoints_retry_after_is_kept)
{
    struct entra e = { .status = 429, .headers = "Retry-After: 40\r\n", .body = "" };

    entra_start(&e);
    make_secret(&e);
    want_failure(ERR_BUSY, "429");
    ck_assert(err.retry_after_ms > 39000 && err.retry_after_ms <= 40000);
    fake_services_pass(&world, 30000);
    want_failure(ERR_BUSY, "429");
    ck_assert(err.retry_after_ms > 8000 && err.retry_after_ms <= 10000);
    ck_assert_int_eq(httpd_requests(e.h), 1);
    e.status = 0;
    e.body = e.headers = NULL;
    fake_services_pass(&world, 11000);
    want_token("tok-1");
    httpd_stop(e.h);
}
END_TEST

static void *take_token(void *self UNUSED)
{
    struct secret mine = SECRET_INIT;
    struct error e = { 0 };
    int rc = azure_credential_token(cred, SCOPE, &mine, &e);

    if (rc == 0 && strcmp(secret_reveal(&mine), "tok-1") != 0)
        rc = -2;
    secret_release(&mine);
    return (void *)(intptr_t)rc;
}

static void with_eight_threads(intptr_t want)
{
    pthread_t threads[8];

    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, take_token, NULL), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        void *rc = NULL;

        (void)pthread_join(threads[i], &rc);
        ck_assert_int_eq((intptr_t)rc, want);
    }
}

START_TEST(eight_threads_make_one_request)
{
    struct entra e = { .wait_ms = 200 };

    entra_start(&e);
    make_secret(&e);
    with_eight_threads(0);
    ck_assert_int_eq(httpd_requests(e.h), 1);
    httpd_stop(e.h);
}
END_TEST

START_TEST(eight_threads_make_one_request_that_fails)
{
    struct entra e = { .wait_ms = 200, .status = 500, .body = "", .headers = "Retry-After: 600\r\n" }; /* one may come late */

    entra_start(&e);
    make_secret(&e);
    with_eight_threads(-1);
    ck_assert_int_eq(httpd_requests(e.h), 1);
    httpd_stop(e.h);
}
END_TEST

static bool is_renewing(void)
{
    bool ret;

    (void)pthread_mutex_lock(&cred->lock);
    ret = cred->scopes[0].is_renewing;
    (void)pthread_mutex_unlock(&cred->lock);
    return ret;
}

START_TEST(nobody_waits_for_a_renewal_while_the_old_token_is_good)
{
    struct entra e = { .expires_in = "3600" };
    pthread_t slow;
    void *rc = NULL;

    entra_start(&e);
    make_secret(&e);
    want_token("tok-1");
    fake_services_pass(&world, 3400 * 1000);
    e.wait_ms = 600000; /* the server stops waiting when it is stopped */
    e.status = 503;
    e.body = "";
    ck_assert_int_eq(pthread_create(&slow, NULL, take_token, NULL), 0);
    ck_assert(httpd_wait_requests(e.h, 2));
    want_token("tok-1");
    ck_assert(is_renewing()); /* we did not wait for its end */
    httpd_stop(e.h);
    (void)pthread_join(slow, &rc);
    ck_assert_int_eq((intptr_t)rc, 0);
}
END_TEST

/* ---- answers of all kinds -------------------------------------------------------------------------------------------- */

START_TEST(lifetimes_are_read_in_every_spelling)
{
    static const struct {
        const char *members;
        int64_t want_s; /* -1: refused */
    } cases[] = {
        { "\"expires_in\":3599", 3599 },
        { "\"expires_in\":\"3599\"", 3599 },
        { "\"expires_in\":3599.0", 3599 },
        { "\"expires_in\":\"86399\",\"expires_on\":\"1\"", 86399 },
        { "\"expires_on\":\"1787223600\"", 3600 },
        { "\"expires_on\":1787223600", 3600 },
        { "\"expires_on\":\"2026-08-20T11:00:00Z\"", 3600 },
        { "\"expires_on\":\"2026-08-20T11:00:00.1234567+00:00\"", 3600 },
        { "\"expires_on\":\"08/20/2026 11:00:00\"", 3600 },
        { "\"expires_on\":\"8/20/2026 11:00:00 AM +00:00\"", 3600 },
        { "\"expires_on\":\"8/20/2026 1:00:00 PM +00:00\"", 10800 },
        { "\"expires_on\":\"8/20/2026 12:30:00 PM\"", 9000 },
        { "\"expires_on\":\"someday\"", 300 },
        { "\"x\":1", 300 },
        { "\"expires_in\":0", -1 },
        { "\"expires_in\":-5", -1 },
        { "\"expires_in\":\"\"", 300 },
        { "\"expires_in\":null", 300 },
        { "\"expires_in\":{}", 300 },
        { "\"expires_on\":\"1787219000\"", -1 },
        { "\"expires_in\":1e300", 172800 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct token t = { 0 };
        char json[256];
        int rc;

        (void)snprintf(json, sizeof(json), "{\"access_token\":\"a.b\",%s}", cases[i].members);
        rc = token_parse(slice_of(json), FAKE_WALL_START_NS, &t, &err);
        if (cases[i].want_s < 0) {
            ck_assert_msg(rc == -1 && err.code == ERR_SERVER, "%s", json);
            continue;
        }
        ck_assert_msg(rc == 0, "%s: %s", json, err.msg);
        ck_assert_msg(t.lifetime_ms == cases[i].want_s * 1000, "%s: %" PRId64, json, t.lifetime_ms);
        ck_assert(t.renew_after_ms > 0 && t.renew_after_ms < t.lifetime_ms);
        secret_release(&t.access);
    }
}
END_TEST

START_TEST(refresh_in_brings_renewal_forward)
{
    struct token t = { 0 };

    ck_assert_int_eq(token_parse(SL("{\"access_token\":\"a\",\"expires_in\":3600,\"refresh_in\":1800}"), 0, &t, &err), 0);
    ck_assert(t.renew_after_ms == 1800000);
    secret_release(&t.access);
}
END_TEST

START_TEST(what_is_no_token_is_not_taken_for_one)
{
    static const char *const bodies[] = {
        "", "null", "[]", "{}", "<html>login</html>", "{\"access_token\":", "{\"access_token\":\"\",\"expires_in\":1}",
        "{\"access_token\":null,\"expires_in\":3600}", "{\"access_token\":7,\"expires_in\":3600}",
        "{\"access_token\":\"a\\r\\nX: y\",\"expires_in\":3600}", "{\"access_token\":\"a b\",\"expires_in\":3600}",
        "{\"access_token\":\"\\u00e9\",\"expires_in\":3600}", "{\"a\":[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]}" };

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct token t = { 0 };

        ck_assert_msg(token_parse(slice_of(bodies[i]), 0, &t, &err) == -1, "%s", bodies[i]);
        ck_assert_msg(err.code == ERR_SERVER, "%s: %s", bodies[i], err.msg);
        ck_assert_ptr_null(t.access.at);
    }
}
END_TEST

START_TEST(refusals_come_with_their_remedy_and_class)
{
    static const struct {
        int status;
        const char *headers, *body;
        enum error_code code;
        const char *says;
    } cases[] = {
        { 401, "", "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid\",\"error_codes\":[7000215]}",
          ERR_AUTH, "AADSTS7000215: the client secret is wrong" },
        { 400, "", "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000222: The provided client secret keys\"}",
          ERR_AUTH, "AADSTS7000222: the client secret has expired" },
        { 400, "", "{\"error\":\"unauthorized_client\",\"error_codes\":[700016]}", ERR_CONFIG, "check `client_id`" },
        { 400, "", "{\"error\":\"invalid_request\",\"error_codes\":[90002]}", ERR_CONFIG, "tenant does not exist" },
        { 400, "", "{\"error\":\"invalid_resource\",\"error_codes\":[500011]}", ERR_CONFIG, "check `cloud`" },
        { 401, "", "{\"error\":\"invalid_client\",\"error_codes\":[700027]}", ERR_AUTH, "certificate" },
        { 400, "", "{\"error\":\"invalid_grant\",\"error_codes\":[53003]}", ERR_AUTH, "conditional access" },
        { 400, "", "{\"error\":\"temporarily_unavailable\",\"error_codes\":[90033]}", ERR_SERVER, "passing" },
        { 400, "", "{\"error\":\"temporarily_unavailable\"}", ERR_SERVER, "temporarily_unavailable" },
        { 400, "", "{\"error\":\"invalid_grant\",\"error_codes\":[50196]}", ERR_BUSY, "asked too often" },
        { 400, "", "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS99999999: Something new.\"}", ERR_AUTH,
          "'AADSTS99999999: Something new.'" },
        { 400, "", "{\"error\":\"invalid_scope\",\"error_description\":\"no\"}", ERR_CONFIG, "invalid_scope: 'no'" },
        { 400, "", "{\"error\":7,\"error_codes\":\"x\"}", ERR_CONFIG, "HTTP 400" },
        { 400, "", "{\"error\":\"invalid_client\",\"error_description\":\"AADSTS\"}", ERR_AUTH, "AADSTS" },
        { 401, "", "<html>sign in</html>", ERR_SERVER, "without JSON" },
        { 404, "", "", ERR_SERVER, "HTTP 404" },
        { 302, "Location: https://evil.example/\r\n", "", ERR_SERVER, "HTTP 302" },
        { 429, "", "", ERR_BUSY, "slow down" },
        { 503, "", "{\"error\":\"invalid_client\",\"error_codes\":[7000215]}", ERR_BUSY, "slow down" },
        { 500, "", "", ERR_SERVER, "HTTP 500" },
        { 200, "", "<html>portal</html>", ERR_SERVER, "not JSON" },
        { 200, "", "{\"expires_in\":3599}", ERR_SERVER, "no access_token" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct entra e = { .status = cases[i].status, .headers = cases[i].headers, .body = cases[i].body };

        entra_start(&e);
        make_secret(&e);
        want_failure(cases[i].code, cases[i].says);
        ck_assert_msg(strncmp(err.msg, "token endpoint, app 22222222", 28) == 0, "%s", err.msg);
        ck_assert_int_eq(httpd_requests(e.h), 1);
        httpd_stop(e.h);
    }
}
END_TEST

START_TEST(a_wrong_clock_is_told_when_the_assertion_is_untimely)
{
    struct entra e = { .status = 401, .headers = "Date: Thu, 20 Aug 2099 10:00:00 GMT\r\n",
                       .body = "{\"error\":\"invalid_client\",\"error_codes\":[700024]}" };

    entra_start(&e);
    make_secret(&e);
    want_failure(ERR_AUTH, "check this host's clock: it is ");
    ck_assert_ptr_nonnull(strstr(err.msg, "s behind"));
    httpd_stop(e.h);
}
END_TEST

/* ---- other proofs -------------------------------------------------------------------------------------------------------- */

START_TEST(a_rotated_secret_file_is_read_again_and_a_lost_one_keeps_the_last)
{
    struct entra e = { .expires_in = "3600" };
    char reference[128];

    write_file(in_dir("secret"), "first\n");
    (void)snprintf(reference, sizeof(reference), "${file:%s}", in_dir("secret"));
    entra_start(&e);
    ck_assert_msg(make(&(struct azure_auth_config){ .tenant = TENANT, .client_id = APP, .authority = httpd_url(e.h),
                                                    .client_secret_reference = reference }) == 0, "%s", err.msg);
    want_token("tok-1");
    ck_assert_ptr_nonnull(strstr(e.form, "client_secret=first"));
    write_file(in_dir("secret"), "second part\n");
    azure_credential_forget(cred, SCOPE);
    want_token("tok-2");
    ck_assert_ptr_nonnull(strstr(e.form, "client_secret=second%20part"));
    (void)unlink(in_dir("secret"));
    azure_credential_forget(cred, SCOPE);
    want_token("tok-3");
    ck_assert_ptr_nonnull(strstr(e.form, "client_secret=second%20part"));
    httpd_stop(e.h);
}
END_TEST

START_TEST(a_federated_token_file_is_read_for_every_request)
{
    struct entra e = { 0 };

    entra_start(&e);
    ck_assert_int_eq(make(&(struct azure_auth_config){ .type = AZURE_AUTH_WORKLOAD_IDENTITY, .tenant = TENANT,
                                                       .client_id = APP, .authority = httpd_url(e.h),
                                                       .token_file = in_dir("fed") }), 0);
    want_failure(ERR_CONFIG, "federated token: '");
    write_file(in_dir("fed"), " FED.ONE\n");
    fake_services_pass(&world, 20000);
    want_token("tok-1");
    ck_assert_ptr_nonnull(strstr(e.form, "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3A"
                                         "jwt-bearer&client_assertion=FED.ONE"));
    write_file(in_dir("fed"), "FED.TWO");
    azure_credential_forget(cred, SCOPE);
    want_token("tok-2");
    ck_assert_ptr_nonnull(strstr(e.form, "client_assertion=FED.TWO"));
    write_file(in_dir("fed"), " \n");
    azure_credential_forget(cred, SCOPE);
    want_failure(ERR_CONFIG, "is empty");
    httpd_stop(e.h);
}
END_TEST

static size_t from_base64url(const char *text, size_t len, unsigned char *ret)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned bits = 0, have = 0;
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        const char *d = strchr(digits, text[i]);

        ck_assert(d && *d);
        bits = bits << 6 | (unsigned)(d - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            ret[n++] = (unsigned char)(bits >> have & 0xff);
        }
    }
    ret[n] = '\0';
    return n;
}

static const char *member(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    ck_assert_msg(json_object_object_get_ex(o, key, &v), "no %s", key);
    return json_object_get_string(v);
}

/* Check a JWT against the certificate, as Entra would. */
static void check_jwt(const char *jwt, const char *pem, const char *aud)
{
    const char *dot = strchr(jwt, '.'), *dot2 = strchr(dot + 1, '.');
    size_t jwt_len = strspn(jwt, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.");
    unsigned char head[1024], claims[4096], sig[2048], thumb[64], seen[64];
    size_t sig_len;
    unsigned len = 0;
    struct json_object *o;
    BIO *bio = BIO_new_file(pem, "r");
    X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *how = NULL;
    int64_t now_s = sv_wall_ns(&world.sv) / NS_PER_S, nbf = 0, exp = 0;

    (void)from_base64url(jwt, (size_t)(dot - jwt), head);
    (void)from_base64url(dot + 1, (size_t)(dot2 - dot - 1), claims);
    sig_len = from_base64url(dot2 + 1, jwt_len - (size_t)(dot2 + 1 - jwt), sig);
    ck_assert(X509_digest(cert, EVP_sha256(), thumb, &len) == 1);
    o = json_tokener_parse((const char *)head);
    ck_assert_str_eq(member(o, "alg"), "PS256");
    ck_assert_str_eq(member(o, "typ"), "JWT");
    ck_assert_uint_eq(strlen(member(o, "x5t#S256")), 43);
    ck_assert_uint_eq(from_base64url(member(o, "x5t#S256"), 43, seen), 32);
    ck_assert_mem_eq(seen, thumb, 32);
    json_object_put(o);
    o = json_tokener_parse((const char *)claims);
    ck_assert_str_eq(member(o, "aud"), aud);
    ck_assert_str_eq(member(o, "iss"), APP);
    ck_assert_str_eq(member(o, "sub"), APP);
    ck_assert_uint_eq(strlen(member(o, "jti")), 36);
    ck_assert(parse_i64(slice_of(member(o, "nbf")), now_s - 5, now_s, &nbf));
    ck_assert(parse_i64(slice_of(member(o, "exp")), nbf + 600, nbf + 600, &exp));
    json_object_put(o);
    ck_assert(EVP_DigestVerifyInit(md, &how, EVP_sha256(), NULL, X509_get0_pubkey(cert)) == 1);
    ck_assert(EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1);
    ck_assert(EVP_PKEY_CTX_set_rsa_pss_saltlen(how, 32) == 1);
    ck_assert(EVP_DigestVerify(md, sig, sig_len, (const unsigned char *)jwt, (size_t)(dot2 - jwt)) == 1);
    EVP_MD_CTX_free(md);
    X509_free(cert);
    BIO_free(bio);
}

START_TEST(a_certificate_signs_a_ps256_assertion_from_pem_pfx_and_encrypted_pem)
{
    struct secret password = SECRET_INIT;
    struct entra e = { 0 };
    char aud[160];

    ck_assert(secret_set(&password, SL("p w")));
    cert_make(in_dir("app.pem"), &(struct cert_wish){ .cn = "app", .is_rsa = true });
    cert_to_pfx(in_dir("app.pem"), in_dir("app.pfx"), "p w");
    cert_make(in_dir("locked.pem"), &(struct cert_wish){ .cn = "app", .is_rsa = true, .key_password = "p w" });
    entra_start(&e);
    (void)snprintf(aud, sizeof(aud), "%s/" TENANT "/oauth2/v2.0/token", httpd_url(e.h));
    const struct {
        const char *file, *pem;
        const struct secret *password;
    } cases[] = {
        { in_dir("app.pem"), in_dir("app.pem"), NULL },
        { in_dir("app.pfx"), in_dir("app.pem"), &password },
        { in_dir("locked.pem"), in_dir("locked.pem"), &password },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *jwt;

        ck_assert_msg(make(&(struct azure_auth_config){
                          .type = AZURE_AUTH_CERTIFICATE, .tenant = TENANT, .client_id = APP, .certificate = cases[i].file,
                          .certificate_password = cases[i].password, .authority = httpd_url(e.h) }) == 0, "%s", err.msg);
        ck_assert_msg(azure_credential_token(cred, SCOPE, &token, &err) == 0, "%s", err.msg);
        jwt = strstr(e.form, "client_assertion=");
        ck_assert_ptr_nonnull(jwt);
        check_jwt(jwt + strlen("client_assertion="), cases[i].pem, aud);
    }
    secret_release(&password);
    httpd_stop(e.h);
}
END_TEST

START_TEST(every_assertion_has_an_id_of_its_own)
{
    struct entra e = { 0 };
    char first[8192];

    cert_make(in_dir("app.pem"), &(struct cert_wish){ .cn = "app", .is_rsa = true });
    entra_start(&e);
    ck_assert_int_eq(make(&(struct azure_auth_config){ .type = AZURE_AUTH_CERTIFICATE, .tenant = TENANT, .client_id = APP,
                                                       .certificate = in_dir("app.pem"), .authority = httpd_url(e.h) }), 0);
    want_token("tok-1");
    memcpy(first, e.form, sizeof(first));
    azure_credential_forget(cred, SCOPE);
    want_token("tok-2");
    ck_assert_str_ne(first, e.form);
    httpd_stop(e.h);
}
END_TEST

START_TEST(certificates_that_cannot_sign_are_told_without_their_content)
{
    struct secret wrong = SECRET_INIT;

    ck_assert(secret_set(&wrong, SL("wrong")));
    cert_make(in_dir("app.pem"), &(struct cert_wish){ .cn = "app", .is_rsa = true });
    cert_to_pfx(in_dir("app.pem"), in_dir("app.pfx"), "right");
    cert_split(in_dir("app.pem"), in_dir("cert.pem"), in_dir("key.pem"));
    cert_make(in_dir("ec.pem"), &(struct cert_wish){ .cn = "app" });
    cert_make(in_dir("locked.pem"), &(struct cert_wish){ .cn = "app", .is_rsa = true, .key_password = "right" });
    write_file(in_dir("junk"), "0junk");
    const struct {
        const char *file;
        const struct secret *password;
        const char *says;
    } cases[] = {
        { "/nonexistent", NULL, "No such file" }, { in_dir("junk"), NULL, "no private key" },
        { in_dir("app.pfx"), &wrong, "is the password right" }, { in_dir("cert.pem"), NULL, "no private key" },
        { in_dir("key.pem"), NULL, "no certificate for its key" }, { in_dir("ec.pem"), NULL, "RSA only" },
        { in_dir("locked.pem"), NULL, "no private key" }, { in_dir("locked.pem"), &wrong, "no private key" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_int_eq(make(&(struct azure_auth_config){
                             .type = AZURE_AUTH_CERTIFICATE, .tenant = TENANT, .client_id = APP,
                             .certificate = cases[i].file, .certificate_password = cases[i].password,
                             .authority = "http://127.0.0.1:1" }), 0);
        want_failure(ERR_CONFIG, cases[i].says);
    }
    secret_release(&wrong);
}
END_TEST

START_TEST(an_expired_certificate_is_told_after_a_refusal)
{
    struct entra e = { .status = 401, .body = "{\"error\":\"invalid_client\",\"error_codes\":[700027]}" };

    cert_make(in_dir("app.pem"), &(struct cert_wish){ .cn = "app", .is_rsa = true, .from_s = -7200, .to_s = -3600 });
    entra_start(&e);
    ck_assert_int_eq(make(&(struct azure_auth_config){ .type = AZURE_AUTH_CERTIFICATE, .tenant = TENANT, .client_id = APP,
                                                       .certificate = in_dir("app.pem"), .authority = httpd_url(e.h) }), 0);
    want_failure(ERR_AUTH, "certificate expired at 20");
    httpd_stop(e.h);
}
END_TEST

/* ---- managed identities ------------------------------------------------------------------------------------------------------ */

struct host {
    struct httpd *h;
    int fail_times, fail_status; /* the first answers */
    const char *challenge;       /* Arc: WWW-Authenticate until the key comes */
    char target[1024], metadata[16], header[64], secret[64], authorization[128];
    const char *answer;
};

static void host_answer(void *self, const struct httpd_request *rq, struct httpd_reply *say)
{
    struct host *m = self;
    char headers[256];

    (void)snprintf(m->target, sizeof(m->target), "%s", rq->target);
    (void)httpd_header(rq, "Metadata", m->metadata, sizeof(m->metadata));
    (void)httpd_header(rq, "X-IDENTITY-HEADER", m->header, sizeof(m->header));
    (void)httpd_header(rq, "Secret", m->secret, sizeof(m->secret));
    (void)httpd_header(rq, "Authorization", m->authorization, sizeof(m->authorization));
    if (m->challenge && !m->authorization[0]) {
        (void)snprintf(headers, sizeof(headers), "WWW-Authenticate: %s\r\n", m->challenge);
        httpd_say(say, 401, headers, "{}");
        return;
    }
    if (m->fail_times > 0) {
        m->fail_times--;
        httpd_say(say, m->fail_status, "", m->answer ? m->answer : "{\"error\":\"x\"}");
        return;
    }
    httpd_say(say, 200, "Content-Type: application/json\r\n",
              "{\"access_token\":\"mi-tok\",\"client_id\":\"c\",\"expires_in\":\"86399\",\"expires_on\":\"9999999999\","
              "\"resource\":\"r\",\"token_type\":\"Bearer\"}");
}

static void make_managed(const struct azure_auth_config *cfg)
{
    struct azure_auth_config mine = *cfg;

    mine.type = AZURE_AUTH_MANAGED_IDENTITY;
    ck_assert_msg(make(&mine) == 0, "%s", err.msg);
    cred->managed.retry_ms = 1;
    cred->managed.arc_key_dir = dir;
}

START_TEST(a_virtual_machine_is_asked_without_the_default_suffix)
{
    struct host m = { 0 };

    m.h = httpd_start(host_answer, &m, NULL);
    make_managed(&(struct azure_auth_config){ .imds_endpoint = httpd_url(m.h) });
    want_token("mi-tok");
    ck_assert_str_eq(m.target, "/metadata/identity/oauth2/token?api-version=2018-02-01&resource="
                               "https%3A%2F%2Fapi.loganalytics.io");
    ck_assert_str_eq(m.metadata, "true");
    ck_assert_str_eq(azure_credential_describe(cred), "managed identity (virtual machine)");
    httpd_stop(m.h);
}
END_TEST

START_TEST(a_user_assigned_identity_is_chosen_by_one_of_three_ids)
{
    struct host m = { 0 };

    m.h = httpd_start(host_answer, &m, NULL);
    make_managed(&(struct azure_auth_config){ .imds_endpoint = httpd_url(m.h), .client_id = APP });
    want_token("mi-tok");
    ck_assert_ptr_nonnull(strstr(m.target, "&client_id=" APP));
    make_managed(&(struct azure_auth_config){ .imds_endpoint = httpd_url(m.h), .object_id = "o-1" });
    want_token("mi-tok");
    ck_assert_ptr_nonnull(strstr(m.target, "&object_id=o-1"));
    make_managed(&(struct azure_auth_config){ .imds_endpoint = httpd_url(m.h), .msi_resource_id = "/subscriptions/s" });
    want_token("mi-tok");
    ck_assert_ptr_nonnull(strstr(m.target, "&msi_res_id=%2Fsubscriptions%2Fs"));
    ck_assert_ptr_null(strstr(m.target, "client_id="));
    httpd_stop(m.h);
}
END_TEST

START_TEST(a_host_that_is_not_ready_is_asked_again)
{
    static const int statuses[] = { 404, 410, 429, 500, 503 };

    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct host m = { .fail_times = 4, .fail_status = statuses[i] };

        m.h = httpd_start(host_answer, &m, NULL);
        make_managed(&(struct azure_auth_config){ .imds_endpoint = httpd_url(m.h) });
        want_token("mi-tok");
        ck_assert_int_eq(httpd_requests(m.h), 5);
        httpd_stop(m.h);
    }
}
END_TEST

START_TEST(a_host_that_stays_unready_is_given_up_for_now)
{
    struct host m = { .fail_times = 100, .fail_status = 410 };

    m.h = httpd_start(host_answer, &m, NULL);
    make_managed(&(struct azure_auth_config){ .imds_endpoint = httpd_url(m.h) });
    want_failure(ERR_BUSY, "managed identity (virtual machine): not ready (HTTP 410)");
    ck_assert_int_eq(httpd_requests(m.h), 5);
    httpd_stop(m.h);
}
END_TEST

START_TEST(a_missing_identity_is_told_at_once)
{
    struct host m = { .fail_times = 1, .fail_status = 400,
                      .answer = "{\"error\":\"invalid_request\",\"error_description\":\"Identity not found\"}" };

    m.h = httpd_start(host_answer, &m, NULL);
    make_managed(&(struct azure_auth_config){ .imds_endpoint = httpd_url(m.h) });
    want_failure(ERR_CONFIG, "'Identity not found'");
    ck_assert_int_eq(httpd_requests(m.h), 1);
    httpd_stop(m.h);
}
END_TEST

START_TEST(no_metadata_service_is_told)
{
    char url[64];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d", httpd_dead_port());
    make_managed(&(struct azure_auth_config){ .imds_endpoint = url });
    want_failure(ERR_NET, "is this an Azure host?");
}
END_TEST

static void *cancel_after_first(void *self)
{
    if (httpd_wait_requests(self, 1))
        http_client_cancel(world.sv.http);
    return NULL;
}

START_TEST(waiting_for_a_host_ends_with_the_program)
{
    struct host m = { .fail_times = 100, .fail_status = 410 };
    pthread_t thread;

    m.h = httpd_start(host_answer, &m, NULL);
    make_managed(&(struct azure_auth_config){ .imds_endpoint = httpd_url(m.h) });
    cred->managed.retry_ms = 20000;
    ck_assert_int_eq(pthread_create(&thread, NULL, cancel_after_first, m.h), 0);
    want_failure(ERR_CANCELLED, "interrupted");
    (void)pthread_join(thread, NULL);
    httpd_stop(m.h);
}
END_TEST

START_TEST(app_service_ml_and_service_fabric_are_told_apart)
{
    struct host m = { 0 };
    char url[128];

    m.h = httpd_start(host_answer, &m, NULL);
    (void)snprintf(url, sizeof(url), "%s/msi/token", httpd_url(m.h));
    (void)setenv("MSI_ENDPOINT", url, 1);
    (void)setenv("MSI_SECRET", "ml-secret", 1);
    make_managed(&(struct azure_auth_config){ .client_id = APP });
    want_token("mi-tok");
    ck_assert_str_eq(m.target, "/msi/token?api-version=2017-09-01&resource=https%3A%2F%2Fapi.loganalytics.io&clientid=" APP);
    ck_assert_str_eq(m.secret, "ml-secret");

    (void)setenv("IDENTITY_ENDPOINT", url, 1);
    (void)setenv("IDENTITY_HEADER", "app-secret", 1);
    make_managed(&(struct azure_auth_config){ .msi_resource_id = "/r" });
    want_token("mi-tok");
    ck_assert_str_eq(m.target, "/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fapi.loganalytics.io&mi_res_id=%2Fr");
    ck_assert_str_eq(m.header, "app-secret");
    ck_assert_str_eq(m.metadata, "");
    ck_assert_str_eq(azure_credential_describe(cred), "managed identity '/r' (App Service)");

    (void)setenv("IDENTITY_SERVER_THUMBPRINT", "00", 1);
    ck_assert_int_eq(make(&(struct azure_auth_config){ .type = AZURE_AUTH_MANAGED_IDENTITY, .client_id = APP }), -1);
    ck_assert_int_eq(err.code, ERR_CONFIG);
    httpd_stop(m.h);
}
END_TEST

/* A host of Service Fabric that is known by its certificate, for the process's environment. */
static void be_on_service_fabric(struct host *m)
{
    char url[128], sha1[41];

    cert_make(in_dir("fabric.pem"), &(struct cert_wish){ .cn = "fabric" });
    m->h = httpd_start(host_answer, m, &(struct httpd_tls){ .cert_file = in_dir("fabric.pem"),
                                                            .key_file = in_dir("fabric.pem") });
    (void)snprintf(url, sizeof(url), "%s/metadata/identity/oauth2/token", httpd_url(m->h));
    (void)setenv("IDENTITY_ENDPOINT", url, 1);
    (void)setenv("IDENTITY_HEADER", "sf-secret", 1);
    cert_sha1(in_dir("fabric.pem"), sha1);
    (void)setenv("IDENTITY_SERVER_THUMBPRINT", sha1, 1);
}

START_TEST(service_fabric_is_known_by_its_certificate_alone)
{
    struct host m = { 0 };
    char sha1[41];

    be_on_service_fabric(&m);
    cert_make(in_dir("other.pem"), &(struct cert_wish){ .cn = "other" });
    make_managed(&(struct azure_auth_config){ 0 });
    want_token("mi-tok");
    ck_assert_str_eq(m.secret, "sf-secret");
    ck_assert_ptr_nonnull(strstr(m.target, "api-version=2019-07-01-preview"));

    cert_sha1(in_dir("other.pem"), sha1);
    (void)setenv("IDENTITY_SERVER_THUMBPRINT", sha1, 1);
    make_managed(&(struct azure_auth_config){ 0 });
    want_failure(ERR_NET, "another thumbprint");
    ck_assert_int_eq(httpd_requests(m.h), 1); /* the secret did not travel */
    httpd_stop(m.h);
}
END_TEST

/* From here on this process, a test's own, finds no authority where curl looks for them. False: it may not do that here. */
static bool authorities_are_gone(void)
{
    const char *bundle = curl_version_info(CURLVERSION_NOW)->cainfo;

    return bundle && access(bundle, F_OK) == 0 &&
           (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
           mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 && mount("/dev/null", bundle, NULL, MS_BIND, NULL) == 0;
}

START_TEST(service_fabric_needs_no_authority_on_its_host)
{
    struct host m = { 0 };

    if (!authorities_are_gone()) {
        (void)puts("SKIPPED: no file system of its own to take the authorities out of");
        return;
    }
    be_on_service_fabric(&m);
    make_managed(&(struct azure_auth_config){ 0 });
    want_token("mi-tok");
    httpd_stop(m.h);
}
END_TEST

/* A host that has no time for connections: its queue is full, so that the kernel lets a caller knock again. */
struct busy {
    int fd, waiting; /* who listens; who fills its queue */
    in_port_t port;
    char url[64];
    pthread_t thread;
};

/* How often has somebody knocked again? */
static int knocks(const struct busy *b)
{
    FILE *f = fopen("/proc/net/tcp", "re");
    char line[256];
    int found = 0;

    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof(line), f)) {
        unsigned port = 0, state = 0, again = 0;

        if (sscanf(line, "%*s %*x:%*x %*x:%x %x %*x:%*x %*x:%*x %x", &port, &state, &again) == 3 &&
            port == ntohs(b->port) && state == 2)
            found = (int)again;
    }
    (void)fclose(f);
    return found;
}

/* It has time after the second knock, and that comes later than an address is tried behind which there may be nobody. */
static void *have_time_later(void *self)
{
    static const char says[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 42\r\n\r\n"
                               "{\"access_token\":\"late\",\"expires_in\":\"999\"}";
    struct busy *b = self;
    char request[4096];

    while (knocks(b) < 2)
        (void)usleep(1000);
    (void)close(b->waiting);
    for (;;) {
        int fd = accept4(b->fd, NULL, NULL, SOCK_CLOEXEC);
        ssize_t n = recv(fd, request, sizeof(request), 0);

        if (n > 0)
            (void)send(fd, says, sizeof(says) - 1, MSG_NOSIGNAL);
        (void)close(fd);
        if (n > 0)
            return NULL;
    }
}

static void busy_start(struct busy *b)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(at);

    b->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(b->fd, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert_int_eq(listen(b->fd, 0), 0);
    ck_assert_int_eq(getsockname(b->fd, (struct sockaddr *)&at, &len), 0);
    b->port = at.sin_port;
    (void)snprintf(b->url, sizeof(b->url), "http://127.0.0.1:%d/msi/token", ntohs(b->port));
    b->waiting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(connect(b->waiting, (struct sockaddr *)&at, sizeof(at)), 0); /* the one there is room for */
}

START_TEST(a_host_that_is_busy_is_waited_for_and_an_address_with_nobody_is_not)
{
    struct busy b = { 0 };

    busy_start(&b);
    make_managed(&(struct azure_auth_config){ .imds_endpoint = b.url });
    want_failure(ERR_NET, "no connection within 2s");
    (void)setenv("IDENTITY_ENDPOINT", b.url, 1);
    (void)setenv("IDENTITY_HEADER", "app-secret", 1);
    make_managed(&(struct azure_auth_config){ 0 });
    ck_assert_int_eq(pthread_create(&b.thread, NULL, have_time_later, &b), 0);
    want_token("late");
    ck_assert_int_eq(pthread_join(b.thread, NULL), 0);
    (void)close(b.fd);
}
END_TEST

static void make_arc(struct host *m)
{
    char url[128];

    m->h = httpd_start(host_answer, m, NULL);
    (void)snprintf(url, sizeof(url), "%s/metadata/identity/oauth2/token", httpd_url(m->h));
    (void)setenv("IDENTITY_ENDPOINT", url, 1);
    (void)setenv("IMDS_ENDPOINT", httpd_url(m->h), 1);
    make_managed(&(struct azure_auth_config){ 0 });
}

START_TEST(arcs_challenge_is_answered_with_the_keys_content)
{
    char challenge[128];
    struct host m = { .challenge = challenge };

    (void)snprintf(challenge, sizeof(challenge), "Basic realm=%s", in_dir("0f.key"));
    write_file(in_dir("0f.key"), "KEY+CONTENT=\n");
    make_arc(&m);
    want_token("mi-tok");
    ck_assert_str_eq(m.authorization, "Basic KEY+CONTENT=");
    ck_assert_str_eq(m.metadata, "true");
    ck_assert_ptr_nonnull(strstr(m.target, "api-version=2020-06-01"));
    ck_assert_str_eq(azure_credential_describe(cred), "managed identity (Azure Arc)");
    ck_assert_int_eq(httpd_requests(m.h), 2);
    httpd_stop(m.h);
}
END_TEST

START_TEST(arcs_challenge_cannot_make_us_read_another_file)
{
    char outside[128], challenge[256], big[6000];
    static const struct {
        const char *realm; /* %s: the folder */
        enum error_code code;
        const char *says;
    } cases[] = {
        { "Basic realm=/etc/passwd", ERR_DENIED, "not a key of Azure Arc" },
        { "Basic realm=%s/../../etc/shadow.key", ERR_DENIED, "not a key of Azure Arc" },
        { "Basic realm=%s/sub/a.key", ERR_DENIED, "not a key of Azure Arc" },
        { "Basic realm=%s/plain.txt", ERR_DENIED, "not a key of Azure Arc" },
        { "Basic realm=%s/.key", ERR_DENIED, "not a key of Azure Arc" },
        { "Basic realm=%sx/a.key", ERR_DENIED, "not a key of Azure Arc" },
        { "Basic realm=a.key", ERR_DENIED, "not a key of Azure Arc" },
        { "Basic realm=%s/link.key", ERR_CONFIG, "link.key" },
        { "Basic realm=%s/folder.key", ERR_DENIED, "not a file of at most 4096 bytes" },
        { "Basic realm=%s/big.key", ERR_DENIED, "not a file of at most 4096 bytes" },
        { "Basic realm=%s/empty.key", ERR_CONFIG, "is empty" },
        { "Basic realm=%s/missing.key", ERR_CONFIG, "No such file" },
        { "Basic realm=", ERR_SERVER, "names no key file" },
        { "Bearer realm=x", ERR_SERVER, "names no key file" },
        { "", ERR_SERVER, "names no key file" },
    };

    (void)snprintf(outside, sizeof(outside), "%s.outside", dir);
    write_file(outside, "private");
    write_file(in_dir("plain.txt"), "private");
    write_file(in_dir("empty.key"), "\n");
    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    write_file(in_dir("big.key"), big);
    ck_assert_int_eq(symlink(outside, in_dir("link.key")), 0);
    ck_assert_int_eq(mkdir(in_dir("folder.key"), 0700), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct host m = { .challenge = challenge };
        const char *mark = strstr(cases[i].realm, "%s");

        if (mark)
            (void)snprintf(challenge, sizeof(challenge), "%.*s%s%s", (int)(mark - cases[i].realm), cases[i].realm, dir,
                           mark + 2);
        else
            (void)snprintf(challenge, sizeof(challenge), "%s", cases[i].realm);
        make_arc(&m);
        want_failure(cases[i].code, cases[i].says);
        ck_assert_str_eq(m.authorization, "");
        ck_assert_int_eq(httpd_requests(m.h), 1);
        httpd_stop(m.h);
    }
    (void)unlink(outside);
}
END_TEST

/* ---- choosing ---------------------------------------------------------------------------------------------------------------- */

START_TEST(default_takes_environment_then_workload_then_managed)
{
    static const struct azure_auth_config nothing = { .type = AZURE_AUTH_DEFAULT };

    ck_assert_int_eq(make(&nothing), 0);
    ck_assert_str_eq(azure_credential_describe(cred), "managed identity (virtual machine)");
    (void)setenv("AZURE_TENANT_ID", TENANT, 1);
    (void)setenv("AZURE_CLIENT_ID", APP, 1);
    ck_assert_int_eq(make(&nothing), 0);
    ck_assert_str_eq(azure_credential_describe(cred), "managed identity '" APP "' (virtual machine)");
    (void)setenv("AZURE_FEDERATED_TOKEN_FILE", "/x", 1);
    ck_assert_int_eq(make(&nothing), 0);
    ck_assert(strncmp(azure_credential_describe(cred), "workload identity of app", 24) == 0);
    (void)setenv("AZURE_CLIENT_CERTIFICATE_PATH", "/x", 1);
    ck_assert_int_eq(make(&nothing), 0);
    ck_assert(strncmp(azure_credential_describe(cred), "certificate of app", 18) == 0);
    (void)setenv("AZURE_CLIENT_SECRET", "s", 1);
    ck_assert_int_eq(make(&nothing), 0);
    ck_assert(strncmp(azure_credential_describe(cred), "client secret of app", 20) == 0);
}
END_TEST

START_TEST(what_is_missing_or_unsafe_is_told)
{
    static const struct {
        struct azure_auth_config cfg;
        const char *says;
    } cases[] = {
        { { .type = AZURE_AUTH_CLIENT_SECRET, .client_id = APP }, "`tenant` (or AZURE_TENANT_ID)" },
        { { .type = AZURE_AUTH_CLIENT_SECRET, .tenant = TENANT }, "`client_id` (or AZURE_CLIENT_ID)" },
        { { .type = AZURE_AUTH_CLIENT_SECRET, .tenant = TENANT, .client_id = APP }, "`client_secret`" },
        { { .type = AZURE_AUTH_CERTIFICATE, .tenant = TENANT, .client_id = APP }, "`certificate`" },
        { { .type = AZURE_AUTH_WORKLOAD_IDENTITY, .tenant = TENANT, .client_id = APP }, "`token_file`" },
        { { .type = AZURE_AUTH_ENVIRONMENT }, "none of AZURE_CLIENT_SECRET" },
        { { .type = AZURE_AUTH_CERTIFICATE, .tenant = "a/../b", .client_id = APP }, "neither an id nor a domain" },
        { { .type = AZURE_AUTH_CERTIFICATE, .tenant = "..", .client_id = APP }, "neither an id nor a domain" },
        { { .type = AZURE_AUTH_CERTIFICATE, .tenant = TENANT, .client_id = "a&b" }, "is not an id" },
        { { .type = AZURE_AUTH_CERTIFICATE, .tenant = TENANT, .client_id = APP, .authority = "http://login.example/" },
          "not https" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_msg(make(&cases[i].cfg) == -1, "%s", cases[i].says);
        ck_assert_msg(err.code == ERR_CONFIG && strstr(err.msg, cases[i].says), "wanted '%s' in: %s", cases[i].says, err.msg);
    }
}
END_TEST

START_TEST(clouds_have_their_own_hosts_and_no_other)
{
    size_t n = 0;

    for (const struct azure_cloud *c; (c = azure_cloud_at(n)); n++) {
        ck_assert_ptr_eq(azure_cloud_find(c->name), c);
        ck_assert(strncmp(c->authority, "https://login.", 14) == 0);
        ck_assert(strncmp(c->query_host, "https://api.loganalytics.", 25) == 0);
        ck_assert(slice_ends_nocase(slice_of(c->query_scope), SL("/.default")));
        ck_assert(slice_ends_nocase(slice_of(c->ingest_scope), SL("/.default")));
    }
    ck_assert_uint_eq(n, 3);
    ck_assert_ptr_null(azure_cloud_find("moon"));
    ck_assert_ptr_null(azure_cloud_find(NULL));
    ck_assert_str_eq(azure_cloud_find("us_government")->query_scope, "https://api.loganalytics.us/.default");
}
END_TEST

START_TEST(the_option_table_fills_a_configuration)
{
    struct azure_auth_options o = { 0 };
    struct azure_auth_config cfg;

    ck_assert_msg(settings_table_presets(azure_auth_option_specs, &o, &err) == 0, "%s", err.msg);
    azure_auth_config_from(&o, &cfg);
    ck_assert_int_eq(cfg.type, AZURE_AUTH_DEFAULT);
    ck_assert_ptr_null(cfg.client_secret);
    ck_assert(secret_set(&o.client_secret, SL("x")));
    azure_auth_config_from(&o, &cfg);
    ck_assert_ptr_eq(cfg.client_secret, &o.client_secret);
    settings_table_release(azure_auth_option_specs, &o);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("credential");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_secret_is_exchanged_for_a_token_once);
    tcase_add_test(t, scopes_have_tokens_of_their_own);
    tcase_add_test(t, a_token_is_renewed_five_minutes_before_its_end_and_not_much_earlier);
    tcase_add_test(t, a_long_lived_token_is_renewed_at_half_its_life);
    tcase_add_test(t, the_wall_clock_does_not_matter);
    tcase_add_test(t, a_forgotten_token_is_asked_for_anew);
    tcase_add_test(t, a_late_refusal_does_not_throw_away_a_newer_token);
    tcase_add_test(t, the_old_token_does_while_renewal_fails_for_passing_reasons);
    tcase_add_test(t, a_refusal_is_told_even_while_the_old_token_lives);
    tcase_add_test(t, a_failure_is_remembered_for_a_moment_and_then_tried_anew);
    tcase_add_test(t, the_endpoints_retry_after_is_kept);
    tcase_add_test(t, eight_threads_make_one_request);
    tcase_add_test(t, eight_threads_make_one_request_that_fails);
    tcase_add_test(t, nobody_waits_for_a_renewal_while_the_old_token_is_good);
    tcase_add_test(t, lifetimes_are_read_in_every_spelling);
    tcase_add_test(t, refresh_in_brings_renewal_forward);
    tcase_add_test(t, what_is_no_token_is_not_taken_for_one);
    tcase_add_test(t, refusals_come_with_their_remedy_and_class);
    tcase_add_test(t, a_wrong_clock_is_told_when_the_assertion_is_untimely);
    tcase_add_test(t, a_rotated_secret_file_is_read_again_and_a_lost_one_keeps_the_last);
    tcase_add_test(t, a_federated_token_file_is_read_for_every_request);
    tcase_add_test(t, a_certificate_signs_a_ps256_assertion_from_pem_pfx_and_encrypted_pem);
    tcase_add_test(t, every_assertion_has_an_id_of_its_own);
    tcase_add_test(t, certificates_that_cannot_sign_are_told_without_their_content);
    tcase_add_test(t, an_expired_certificate_is_told_after_a_refusal);
    tcase_add_test(t, a_virtual_machine_is_asked_without_the_default_suffix);
    tcase_add_test(t, a_user_assigned_identity_is_chosen_by_one_of_three_ids);
    tcase_add_test(t, a_host_that_is_not_ready_is_asked_again);
    tcase_add_test(t, a_host_that_stays_unready_is_given_up_for_now);
    tcase_add_test(t, a_missing_identity_is_told_at_once);
    tcase_add_test(t, no_metadata_service_is_told);
    tcase_add_test(t, waiting_for_a_host_ends_with_the_program);
    tcase_add_test(t, app_service_ml_and_service_fabric_are_told_apart);
    tcase_add_test(t, service_fabric_is_known_by_its_certificate_alone);
    tcase_add_test(t, service_fabric_needs_no_authority_on_its_host);
    tcase_add_test(t, a_host_that_is_busy_is_waited_for_and_an_address_with_nobody_is_not);
    tcase_add_test(t, arcs_challenge_is_answered_with_the_keys_content);
    tcase_add_test(t, arcs_challenge_cannot_make_us_read_another_file);
    tcase_add_test(t, default_takes_environment_then_workload_then_managed);
    tcase_add_test(t, what_is_missing_or_unsafe_is_told);
    tcase_add_test(t, clouds_have_their_own_hosts_and_no_other);
    tcase_add_test(t, the_option_table_fills_a_configuration);
    return run_group("azure_credential", t);
}
