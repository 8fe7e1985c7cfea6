/* What azure.h promises about the query API and the ingestion API: what is sent, and one verdict for every
 * answer. SPDX-License-Identifier: Apache-2.0 */
#include "azure/azure.h"

#include "azure/refusal.h"
#include "base/log.h"
#include "tests/kit/fake_services.h"
#include "tests/kit/httpd.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define TENANT "11111111-1111-1111-1111-111111111111"
#define APP "22222222-2222-2222-2222-222222222222"
#define WORKSPACE "33333333-3333-3333-3333-333333333333"

static struct fake_services world;
static struct azure_credential *cred;
static struct azure_cloud cloud;
static struct error err;
static struct http_answer answer;
static struct secret app_secret;

/* Token endpoint and API in one. */
static struct api {
    struct httpd *h;
    int status;
    const char *headers, *body; /* of the API */
    const char *raw;            /* in the place of both */
    int wait_ms;
    bool hang;
    int token_status;           /* 0: 200 */
    int refuse_below;           /* tokens up to this number get 401 */
    int tokens, calls;
    char target[1024], prefer[64], id[64], cache[64], accept[64], type[64], encoding[64], token[64], body_seen[1024];
} api;

static void answer_token(struct httpd_reply *say)
{
    char body[128];

    (void)snprintf(body, sizeof(body), "{\"expires_in\":3599,\"access_token\":\"tok-%d\"}", ++api.tokens);
    httpd_say(say, api.token_status ? api.token_status : 200, "", api.token_status ? "" : body);
}

static void answer_api(const struct httpd_request *rq, struct httpd_reply *say)
{
    struct buf plain = BUF_INIT(0);
    char text[80];

    api.calls++;
    (void)snprintf(api.target, sizeof(api.target), "%s", rq->target);
    (void)httpd_header(rq, "Prefer", api.prefer, sizeof(api.prefer));
    (void)httpd_header(rq, "x-ms-client-request-id", api.id, sizeof(api.id));
    (void)httpd_header(rq, "Cache-Control", api.cache, sizeof(api.cache));
    (void)httpd_header(rq, "Accept", api.accept, sizeof(api.accept));
    (void)httpd_header(rq, "Content-Type", api.type, sizeof(api.type));
    (void)httpd_header(rq, "Authorization", api.token, sizeof(api.token));
    if (httpd_header(rq, "Content-Encoding", api.encoding, sizeof(api.encoding)))
        httpd_gunzip(rq->body, &plain);
    (void)snprintf(api.body_seen, sizeof(api.body_seen), "%.*s", SLF(plain.at ? buf_slice(&plain) : rq->body));
    buf_release(&plain);
    say->wait_ms = api.wait_ms;
    say->hang = api.hang;
    for (int i = 1; i <= api.refuse_below; i++) {
        (void)snprintf(text, sizeof(text), "Bearer tok-%d", i);
        if (strcmp(text, api.token) == 0) {
            httpd_say(say, 401, "", "{\"error\":{\"code\":\"InvalidTokenError\",\"message\":\"no\"}}");
            return;
        }
    }
    if (api.raw) {
        buf_add_str(&say->bytes, api.raw);
        say->close = true;
    } else {
        httpd_say(say, api.status, api.headers, api.body);
    }
}

static void serve(void *self UNUSED, const struct httpd_request *rq, struct httpd_reply *say)
{
    if (slice_ends_nocase(slice_of(rq->target), SL("/oauth2/v2.0/token")))
        answer_token(say);
    else
        answer_api(rq, say);
}

#define JSON "Content-Type: application/json; charset=utf-8\r\n"
#define GOOD "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[],\"rows\":[]}]}"

static void setup(void)
{
    log_set_fd(-1);
    fake_services_init(&world, false);
    fake_services_add_http(&world);
    api = (struct api){ .status = 200, .headers = JSON, .body = GOOD };
    api.h = httpd_start(serve, NULL, NULL);
    cloud = *azure_cloud_find("public");
    cloud.authority = cloud.query_host = httpd_url(api.h);
    err = (struct error){ 0 };
    answer = (struct http_answer){ 0 };
    (void)unsetenv("AZURE_AUTHORITY_HOST");
    ck_assert(secret_set(&app_secret, SL("s")));
    ck_assert_int_eq(azure_credential_new(&(struct azure_auth_config){ .type = AZURE_AUTH_CLIENT_SECRET, .tenant = TENANT,
                                                                       .client_id = APP, .client_secret = &app_secret },
                                          &cloud, &world.sv, &cred, &err), 0);
}

static void teardown(void)
{
    http_answer_release(&answer);
    azure_credential_free(cred);
    fake_services_release(&world);
    httpd_stop(api.h);
    secret_release(&app_secret);
}

static int run(const struct azure_query *q)
{
    struct azure_query mine = *q;

    if (!mine.workspace)
        mine.workspace = WORKSPACE;
    if (!mine.query.at)
        mine.query = SL("T | take 1");
    http_answer_release(&answer);
    return azure_query_run(cred, &cloud, &world.sv, &mine, &answer, &err);
}

/* ---- what is sent ---------------------------------------------------------------------------------------------------- */

START_TEST(a_query_goes_out_as_the_api_wants_it)
{
    ck_assert_msg(run(&(struct azure_query){ .query = SL("T | where a == \"b\"\n| take 1") }) == 0, "%s", err.msg);
    ck_assert_str_eq(api.target, "/v1/workspaces/" WORKSPACE "/query");
    ck_assert_str_eq(api.prefer, "wait=180");
    ck_assert_uint_eq(strlen(api.id), 36);
    ck_assert_str_eq(api.cache, "");
    ck_assert_str_eq(api.accept, "application/json");
    ck_assert_str_eq(api.type, "application/json");
    ck_assert_str_eq(api.token, "Bearer tok-1");
    ck_assert_str_eq(api.body_seen, "{\"query\":\"T | where a == \\\"b\\\"\\n| take 1\"}");
    ck_assert_str_eq(answer.body.at, GOOD);
}
END_TEST

START_TEST(options_of_a_query_are_kept_within_limits)
{
    char endpoint[128];

    ck_assert_int_eq(run(&(struct azure_query){ .wait_s = 6000, .no_cache = true }), 0);
    ck_assert_str_eq(api.prefer, "wait=600");
    ck_assert_str_eq(api.cache, "no-cache");
    ck_assert_int_eq(run(&(struct azure_query){ .wait_s = -1 }), 0);
    ck_assert_str_eq(api.prefer, "wait=180");
    (void)snprintf(endpoint, sizeof(endpoint), "%s/v1/", httpd_url(api.h));
    ck_assert_int_eq(run(&(struct azure_query){ .endpoint = endpoint, .wait_s = 1 }), 0);
    ck_assert_str_eq(api.target, "/v1/workspaces/" WORKSPACE "/query");
    ck_assert_str_eq(api.prefer, "wait=1");
}
END_TEST

START_TEST(a_workspace_must_be_a_guid)
{
    static const char *const bad[] = { "", "x", WORKSPACE "/../../x", "name", "33333333-3333-3333-3333-33333333333z" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_int_eq(run(&(struct azure_query){ .workspace = bad[i] }), -1);
        ck_assert_int_eq(err.code, ERR_CONFIG);
    }
    ck_assert_int_eq(httpd_requests(api.h), 0);
}
END_TEST

START_TEST(every_query_has_an_id_of_its_own)
{
    char first[64];

    ck_assert_int_eq(run(&(struct azure_query){ 0 }), 0);
    memcpy(first, api.id, sizeof(first));
    ck_assert_int_eq(run(&(struct azure_query){ 0 }), 0);
    ck_assert_str_ne(first, api.id);
}
END_TEST

/* ---- verdicts ---------------------------------------------------------------------------------------------------------- */

#define E(code, inner) "{\"error\":{\"message\":\"outer\",\"code\":\"" code "\",\"innererror\":" inner "}}"
#define LONG "a good many words and more words " "a good many words and more words"
#define IN(code, message) "{\"code\":\"" code "\",\"message\":\"" message "\"}"

START_TEST(every_answer_gets_the_verdict_of_the_table)
{
    static const struct {
        int status;
        const char *headers, *body;
        enum error_code code;
        int64_t retry_ms;
        const char *says;
    } cases[] = {
        { 400, JSON, E("BadArgumentError", "{\"code\":\"SyntaxError\",\"message\":\"A syntax error\",\"innererror\":"
                       IN("SYN0002", "Query could not be parsed at '|'") "}"), ERR_CONFIG, 0,
          "query: HTTP 400 SYN0002: 'Query could not be parsed at '|''" },
        { 400, JSON, E("BadArgumentError", "{\"code\":\"SemanticError\",\"message\":\"x\",\"innererror\":"
                       IN("SEM0100", "'where' operator: Failed to resolve table or column expression named 'CDBMongoRequests'")
                       "}"), ERR_NOT_FOUND, 0, "SEM0100: ''where' operator: Failed to resolve table" },
        { 400, JSON, E("BadArgumentError", IN("SEM0100", "Failed to resolve scalar expression named 'x'")), ERR_CONFIG, 0,
          "SEM0100" },
        { 400, JSON, E("BadArgumentError", IN("FailedToResolveResource", "Failed to resolve workspace 'x'")), ERR_NOT_FOUND,
          0, "FailedToResolveResource" },
        { 400, JSON, E("BadArgumentError", IN("x", "... (E_RUNAWAY_QUERY, 0x1)")), ERR_LIMIT, 0, "E_RUNAWAY_QUERY" },
        { 400, "", "nonsense", ERR_CONFIG, 0, "HTTP 400" },
        { 403, JSON, E("InsufficientAccessError", IN("AuthorizationFailedError", "no")), ERR_DENIED, 0,
          "AuthorizationFailedError: 'no'; grant 'Log Analytics Reader'" },
        { 401, JSON, E("AuthenticationFailed", IN("TokenExpired", "The token has expired.")), ERR_AUTH, 0,
          "TokenExpired: 'The token has expired.'; a new token is refused too" },
        { 404, JSON, E("WorkspaceNotFoundError", "{\"message\":\"" LONG LONG "\"}"), ERR_NOT_FOUND, 0,
          "many w'; check `workspace` and `endpoint` (request " },
        { 403, JSON, E("InvalidAuthenticationTokenAudience", "null"), ERR_DENIED, 0, "not for this cloud" },
        { 403, JSON, E("InvalidTokenError", IN("SignatureVerificationFailed", "no")), ERR_DENIED, 0, "not for this cloud" },
        { 404, JSON, E("PathNotFoundError", "null"), ERR_NOT_FOUND, 0, "PathNotFoundError: 'outer'" },
        { 404, "", "", ERR_NOT_FOUND, 0, "HTTP 404: check `workspace`" },
        { 413, "", "", ERR_LIMIT, 0, "HTTP 413" },
        { 429, "Retry-After: 7\r\n", "", ERR_BUSY, 7000, "slow down" },
        { 429, "", "", ERR_BUSY, 0, "slow down" },
        { 503, "retry-after-ms: 1500\r\n", "", ERR_BUSY, 1500, "slow down" },
        { 504, JSON, E("GatewayTimeout", "null"), ERR_LIMIT, 0, "time limit" },
        { 500, JSON, E("InternalError", "null"), ERR_SERVER, 0, "HTTP 500 InternalError: 'outer'" },
        { 500, "", "E_QUERY_RESULT_SET_TOO_LARGE", ERR_LIMIT, 0, "HTTP 500" },
        { 502, "Content-Type: text/html\r\n", "<html>bad gateway</html>", ERR_SERVER, 0,
          "HTTP 502: no reason given (request " },
        { 408, "", "", ERR_SERVER, 0, "HTTP 408" },
        { 302, "Location: https://evil.example/\r\n", "", ERR_CONFIG, 0, "redirect not followed" },
        { 307, "Location: /v1/other\r\n", "", ERR_CONFIG, 0, "redirect not followed" },
        { 407, "", "", ERR_NET, 0, "proxy" },
        { 418, "", "", ERR_CONFIG, 0, "HTTP 418" },
        { 202, "", "", ERR_SERVER, 0, "HTTP 202" },
        { 204, "", "", ERR_NOT_FOUND, 0, "never received data" },
        { 200, JSON, "", ERR_SERVER, 0, "empty body" },
        { 200, JSON, " \r\n ", ERR_SERVER, 0, "empty body" },
        { 200, "Content-Type: text/html\r\n", "<html>sign in</html>", ERR_SERVER, 0, "'text/html' in the place of JSON" },
        { 200, JSON, "{\"tables\":[", ERR_SERVER, 0, "cut or damaged" },
        { 200, JSON, "[]", ERR_SERVER, 0, "cut or damaged" },
        { 200, JSON, "}{", ERR_SERVER, 0, "cut or damaged" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int before = api.calls;

        api.status = cases[i].status;
        api.headers = cases[i].headers;
        api.body = cases[i].body;
        ck_assert_msg(run(&(struct azure_query){ 0 }) == -1, "%d %s", cases[i].status, cases[i].body);
        ck_assert_msg(err.code == cases[i].code, "%d %s: %s: %s", cases[i].status, cases[i].body, error_code_name(err.code),
                      err.msg);
        ck_assert_msg(strstr(err.msg, cases[i].says) != NULL, "wanted '%s' in: %s", cases[i].says, err.msg);
        ck_assert_msg(strncmp(err.msg, "query: HTTP ", 12) == 0, "%s", err.msg);
        ck_assert_msg(strstr(err.msg, api.id) != NULL, "no request id: %s", err.msg);
        ck_assert_msg(err.retry_after_ms == cases[i].retry_ms, "%d: %" PRId64, cases[i].status, err.retry_after_ms);
        ck_assert_int_eq(api.calls, before + (cases[i].status == 401 ? 2 : 1)); /* once more with a new token */ /* repeating is the caller's business */
        ck_assert_ptr_null(answer.body.at);
    }
}
END_TEST

START_TEST(a_partial_answer_is_not_judged_here)
{
    api.body = "{\"tables\":[],\"error\":{\"code\":\"PartialError\"}}";
    ck_assert_int_eq(run(&(struct azure_query){ 0 }), 0);
    ck_assert_str_eq(answer.body.at, api.body);
}
END_TEST

START_TEST(an_answer_without_content_type_is_judged_by_its_body)
{
    api.headers = "";
    ck_assert_int_eq(run(&(struct azure_query){ 0 }), 0);
}
END_TEST

START_TEST(a_cut_body_is_the_servers_trouble_and_a_large_one_a_limit)
{
    api.raw = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"tables\":[";
    ck_assert_int_eq(run(&(struct azure_query){ 0 }), -1);
    ck_assert_msg(err.code == ERR_SERVER && strstr(err.msg, "cut after 11 bytes"), "%s", err.msg);
    api.raw = NULL;
    ck_assert_int_eq(run(&(struct azure_query){ .answer_max = 10 }), -1);
    ck_assert_int_eq(err.code, ERR_LIMIT);
}
END_TEST

static void *turn_the_clock(void *self UNUSED)
{
    if (httpd_wait_requests(api.h, 2))
        fake_services_pass(&world, 60 * 1000);
    return NULL;
}

START_TEST(a_server_that_keeps_silent_beyond_its_own_limit_was_asked_too_much)
{
    pthread_t thread;

    api.hang = true;
    api.raw = "";
    ck_assert_int_eq(pthread_create(&thread, NULL, turn_the_clock, NULL), 0);
    ck_assert_int_eq(run(&(struct azure_query){ .wait_s = 10 }), -1);
    ck_assert_msg(err.code == ERR_LIMIT, "%s: %s", error_code_name(err.code), err.msg);
    (void)pthread_join(thread, NULL);
}
END_TEST

START_TEST(nobody_there_is_a_network_error)
{
    char endpoint[64];

    (void)snprintf(endpoint, sizeof(endpoint), "http://127.0.0.1:%d", httpd_dead_port());
    ck_assert_int_eq(run(&(struct azure_query){ .endpoint = endpoint }), -1);
    ck_assert_int_eq(err.code, ERR_NET);
}
END_TEST

/* ---- the token ------------------------------------------------------------------------------------------------------------ */

START_TEST(a_refused_token_is_renewed_once)
{
    api.refuse_below = 1;
    ck_assert_msg(run(&(struct azure_query){ 0 }) == 0, "%s", err.msg);
    ck_assert_str_eq(api.token, "Bearer tok-2");
    ck_assert_int_eq(api.tokens, 2);
    ck_assert_int_eq(run(&(struct azure_query){ 0 }), 0); /* and then kept */
    ck_assert_int_eq(api.tokens, 2);
}
END_TEST

START_TEST(a_second_refusal_is_the_credentials_fault)
{
    api.refuse_below = 100;
    ck_assert_int_eq(run(&(struct azure_query){ 0 }), -1);
    ck_assert_int_eq(err.code, ERR_AUTH);
    ck_assert_int_eq(api.tokens, 2);
    ck_assert_int_eq(api.calls, 2);
}
END_TEST

START_TEST(without_a_token_nothing_is_asked)
{
    api.token_status = 503;
    ck_assert_int_eq(run(&(struct azure_query){ 0 }), -1);
    ck_assert_int_eq(err.code, ERR_BUSY);
    ck_assert_int_eq(api.calls, 0);
}
END_TEST

/* ---- ingestion --------------------------------------------------------------------------------------------------------------- */

static int post(const char *rule, const char *stream, struct slice body, int *status)
{
    struct azure_ingest q = { .endpoint = httpd_url(api.h), .rule = rule, .stream = stream, .body = body };

    return azure_ingest_run(cred, &cloud, &world.sv, &q, status, &err);
}

START_TEST(rows_go_out_zipped_and_204_is_success)
{
    int status = 0;

    api.status = 204;
    api.body = api.headers = "";
    ck_assert_msg(post("dcr-0a", "Custom-X_CL", SL("[{\"a\":1}]"), &status) == 0, "%s", err.msg);
    ck_assert_int_eq(status, 204);
    ck_assert_str_eq(api.target, "/dataCollectionRules/dcr-0a/streams/Custom-X_CL?api-version=2023-01-01");
    ck_assert_str_eq(api.encoding, "gzip");
    ck_assert_str_eq(api.type, "application/json");
    ck_assert_str_eq(api.body_seen, "[{\"a\":1}]");
    ck_assert_uint_eq(strlen(api.id), 36);
}
END_TEST

START_TEST(every_refusal_of_rows_gets_its_verdict)
{
    static const struct {
        int status;
        const char *headers, *body;
        enum error_code code;
        const char *says;
    } cases[] = {
        { 400, JSON, "{\"error\":{\"code\":\"InvalidPayload\",\"message\":\"rows\"}}", ERR_INPUT, "InvalidPayload: 'rows'" },
        { 400, JSON, "{\"error\":{\"code\":\"InvalidStream\",\"message\":\"x\"}}", ERR_CONFIG, "InvalidStream" },
        { 403, JSON, "{\"error\":{\"code\":\"OperationFailed\",\"message\":\"x\"}}", ERR_DENIED, "Monitoring Metrics Publisher" },
        { 404, "", "", ERR_NOT_FOUND, "region" },
        { 413, JSON, "{\"error\":{\"code\":\"ContentLengthLimitExceeded\",\"message\":\"Maximum\"}}", ERR_LIMIT, "Maximum" },
        { 429, "Retry-After: 3\r\n", "", ERR_BUSY, "slow down" },
        { 503, "Retry-After: 3\r\n", "", ERR_BUSY, "slow down" },
        { 500, "", "", ERR_SERVER, "HTTP 500" },
        { 200, "", "", ERR_SERVER, "HTTP 200" },
        { 301, "Location: /x\r\n", "", ERR_CONFIG, "redirect" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int status = 0;

        api.status = cases[i].status;
        api.headers = cases[i].headers;
        api.body = cases[i].body;
        ck_assert_int_eq(post("dcr-0a", "S", SL("[]"), &status), -1);
        ck_assert_int_eq(status, cases[i].status);
        ck_assert_msg(err.code == cases[i].code, "%d: %s: %s", cases[i].status, error_code_name(err.code), err.msg);
        ck_assert_msg(strstr(err.msg, cases[i].says) != NULL, "wanted '%s' in: %s", cases[i].says, err.msg);
        ck_assert(err.retry_after_ms == (cases[i].code == ERR_BUSY ? 3000 : 0));
    }
}
END_TEST

START_TEST(what_cannot_be_posted_is_not)
{
    static char big[(1 << 20) + 1];
    int status = -1;

    memset(big, ' ', sizeof(big));
    ck_assert_int_eq(post("dcr-0a", "S", slice_make(big, sizeof(big)), &status), -1);
    ck_assert_int_eq(err.code, ERR_LIMIT);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(post("dcr/../x", "S", SL("[]"), &status), -1);
    ck_assert_int_eq(err.code, ERR_CONFIG);
    ck_assert_int_eq(post("dcr-0a", "S?x=y", SL("[]"), &status), -1);
    ck_assert_int_eq(err.code, ERR_CONFIG);
    ck_assert_int_eq(post("dcr-0a", "S", SL(""), &status), -1);
    ck_assert_int_eq(err.code, ERR_BUG);
    ck_assert_int_eq(httpd_requests(api.h), 0);
    api.status = 204;
    api.body = api.headers = "";
    ck_assert_int_eq(post("dcr-0a", "S", slice_make(big, 1 << 20), &status), 0);
}
END_TEST

/* ---- error bodies -------------------------------------------------------------------------------------------------------------- */

START_TEST(error_bodies_of_any_shape_are_read_without_harm)
{
    struct refusal r;
    struct buf deep = BUF_INIT(100000);

    refusal_read(SL("{\"error\":{\"code\":\"A\",\"message\":\"a\",\"innererror\":{\"code\":\"B\",\"innererror\":{\"message\":\"c\"}}}}"),
                 &r);
    ck_assert_str_eq(r.code, "A");
    ck_assert_str_eq(r.inner_code, "B");
    ck_assert_str_eq(r.message, "c");
    refusal_read(SL("{\"code\":\"A\",\"message\":\"a\"}"), &r); /* without the envelope */
    ck_assert_str_eq(r.code, "A");
    refusal_read(SL("{\"error\":\"text\"}"), &r);
    ck_assert(r.is_json && r.code[0] == '\0');
    refusal_read(SL("{\"error\":{\"code\":1,\"message\":[],\"innererror\":\"x\"}}"), &r);
    ck_assert_str_eq(r.message, "");
    refusal_read(SL(""), &r);
    ck_assert(!r.is_json);
    for (int i = 0; i < 1000; i++)
        buf_add_str(&deep, "{\"innererror\":");
    refusal_read(buf_slice(&deep), &r);
    ck_assert(!r.is_json);
    buf_release(&deep);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("query");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_query_goes_out_as_the_api_wants_it);
    tcase_add_test(t, options_of_a_query_are_kept_within_limits);
    tcase_add_test(t, a_workspace_must_be_a_guid);
    tcase_add_test(t, every_query_has_an_id_of_its_own);
    tcase_add_test(t, every_answer_gets_the_verdict_of_the_table);
    tcase_add_test(t, a_partial_answer_is_not_judged_here);
    tcase_add_test(t, an_answer_without_content_type_is_judged_by_its_body);
    tcase_add_test(t, a_cut_body_is_the_servers_trouble_and_a_large_one_a_limit);
    tcase_add_test(t, a_server_that_keeps_silent_beyond_its_own_limit_was_asked_too_much);
    tcase_add_test(t, nobody_there_is_a_network_error);
    tcase_add_test(t, a_refused_token_is_renewed_once);
    tcase_add_test(t, a_second_refusal_is_the_credentials_fault);
    tcase_add_test(t, without_a_token_nothing_is_asked);
    tcase_add_test(t, rows_go_out_zipped_and_204_is_success);
    tcase_add_test(t, every_refusal_of_rows_gets_its_verdict);
    tcase_add_test(t, what_cannot_be_posted_is_not);
    tcase_add_test(t, error_bodies_of_any_shape_are_read_without_harm);
    return run_group("azure_query", t);
}
