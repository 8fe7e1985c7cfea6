/* What the webhook output promises: the verdict table, the id header, bodies as configured, signatures that
 * receivers can check, no credential over plain networks. The receiver is a thread of ours on loopback.
 * SPDX-License-Identifier: Apache-2.0 */
#include "store_kit.h"

#include "base/buf.h"
#include "net/http.h"
#include "outputs/kit/verdict.h"
#include "outputs/output.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"
#include "tests/kit/suite.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <strings.h>
#include <sys/socket.h>

extern const struct output_ops output_webhook;

/* ---- receiver ----------------------------------------------------------------------------------- */

static struct {
    pthread_t thread;
    int fd, port;
    pthread_mutex_t lock;
    char requests[8][20000]; /* head and body as received */
    int n;
    int statuses[8];         /* by request; 0: 200, -1: no answer */
    const char *extra;       /* header lines of every answer */
} receiver;

static bool is_whole(const char *text, size_t len)
{
    const char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\ncontent-length:");

    if (!end)
        return false;
    return !length || len >= (size_t)(end + 4 - text) + (size_t)strtoul(length + 17, NULL, 10);
}

static void receive_one(int fd)
{
    static char text[20000];
    char answer[500];
    size_t len = 0;
    ssize_t n;
    int status;

    while (len < sizeof text - 1 && (n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0) {
        len += (size_t)n;
        text[len] = '\0';
        if (!is_whole(text, len))
            continue;
        pthread_mutex_lock(&receiver.lock);
        status = receiver.n < 8 && receiver.statuses[receiver.n] ? receiver.statuses[receiver.n] : 200;
        if (receiver.n < 8)
            memcpy(receiver.requests[receiver.n++], text, len + 1);
        pthread_mutex_unlock(&receiver.lock);
        if (status < 0)
            return;
        n = snprintf(answer, sizeof answer, "HTTP/1.1 %d X\r\nContent-Length: 15\r\nConnection: close\r\n%s\r\n"
                     "because\nI \x1b[2J!", status, receiver.extra ? receiver.extra : "");
        (void)send(fd, answer, (size_t)n, MSG_NOSIGNAL);
        return;
    }
}

static void *receiver_main(void *arg)
{
    (void)arg;
    for (;;) {
        int fd = accept(receiver.fd, NULL, NULL);

        if (fd < 0)
            return NULL;
        receive_one(fd);
        (void)shutdown(fd, SHUT_WR);
        (void)close(fd);
    }
}

static void receiver_start(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof at;

    pthread_mutex_init(&receiver.lock, NULL);
    receiver.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(receiver.fd, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(listen(receiver.fd, 16), 0);
    ck_assert_int_eq(getsockname(receiver.fd, (struct sockaddr *)&at, &len), 0);
    receiver.port = ntohs(at.sin_port);
    ck_assert_int_eq(pthread_create(&receiver.thread, NULL, receiver_main, NULL), 0);
}

static void receiver_stop(void)
{
    (void)shutdown(receiver.fd, SHUT_RDWR);
    (void)pthread_join(receiver.thread, NULL);
    (void)close(receiver.fd);
}

static int received(void)
{
    int n;

    pthread_mutex_lock(&receiver.lock);
    n = receiver.n;
    pthread_mutex_unlock(&receiver.lock);
    return n;
}

/* ---- scene -------------------------------------------------------------------------------------- */

static int64_t fixed_wall(void *self)
{
    (void)self;
    return INT64_C(1767225600) * NS_PER_S;
}

static int64_t real_mono(void *self)
{
    return clock_system.mono_ms(self);
}

static const struct clock_ops fixed_clock = { .wall_ns = fixed_wall, .mono_ms = real_mono };
static struct services services;
static struct yaml_tree *tree;
static struct settings_errors errors;
static void *self;
static struct alert *alerts[6];

static void set_up(void)
{
    receiver_start();
    services = (struct services){ .clock = &fixed_clock, .random = &random_system };
    services.http = http_client_new(&(struct http_client_config){ .user_agent = "test" }, &services);
    ck_assert_ptr_nonnull(services.http);
    for (int i = 0; i < (int)ARRAY_LEN(alerts); i++)
        alerts[i] = alert_nth(i);
}

static void tear_down(void)
{
    if (self) {
        output_webhook.close(self);
        settings_table_release(output_webhook.options, self);
        free(self);
    }
    yaml_tree_free(tree);
    settings_errors_release(&errors);
    http_client_free(services.http);
    receiver_stop();
    for (int i = 0; i < (int)ARRAY_LEN(alerts); i++)
        alert_free(alerts[i]);
}

static int try_open(const char *yaml, struct error *err)
{
    self = calloc(1, output_webhook.size);
    ck_assert_ptr_nonnull(self);
    if (yaml_tree_parse(slice_of(yaml), "test.yaml", &tree, &errors) < 0 ||
        settings_table_apply(output_webhook.options, yaml_tree_root(tree), self, &errors) < 0)
        return settings_errors_first(&errors, err);
    return output_webhook.open(self, "hook", &services, err);
}

static void open_with(const char *more)
{
    char yaml[1000];

    (void)snprintf(yaml, sizeof yaml, "url: http://127.0.0.1:%d/hook\n%s", receiver.port, more);
    OK(try_open(yaml, err));
}

static const char *const plain[] = { "{\"n\":0}", "{\"n\":1}", "{\"n\":2}" };
static const char *const events[] = { "{\"specversion\":0}", "{\"specversion\":1}", "{\"specversion\":2}" };
static const char *const *payloads = plain;

static int deliver(size_t n, struct delivery_result *results, struct error *err)
{
    struct output_item items[ARRAY_LEN(alerts)];

    for (size_t i = 0; i < n; i++)
        items[i] = (struct output_item){ .alert = alerts[i], .payload = slice_of(payloads[i % 3]) };
    return output_webhook.deliver(self, items, n, results, err);
}

static const char *request(int i)
{
    ck_assert_int_lt(i, received());
    return receiver.requests[i];
}

static const char *body(int i)
{
    return strstr(request(i), "\r\n\r\n") + 4;
}

static void has_header(int i, const char *name, const char *value)
{
    char line[500];

    (void)snprintf(line, sizeof line, "\r\n%s: %s\r\n", name, value);
    ck_assert_msg(strcasestr(request(i), line), "no '%s: %s' in:\n%s", name, value, request(i));
}

/* ---- tests -------------------------------------------------------------------------------------- */

START_TEST(answers_mean_what_the_table_says)
{
    static const struct { int status; enum delivery_verdict wanted; } cases[] = {
        { 200, DELIVERY_ACCEPTED }, { 201, DELIVERY_ACCEPTED }, { 204, DELIVERY_ACCEPTED },
        { 299, DELIVERY_ACCEPTED }, { 301, DELIVERY_HOLD },     { 307, DELIVERY_HOLD },
        { 400, DELIVERY_REFUSED },  { 401, DELIVERY_HOLD },     { 403, DELIVERY_HOLD },
        { 404, DELIVERY_HOLD },     { 405, DELIVERY_HOLD },     { 407, DELIVERY_HOLD },
        { 408, DELIVERY_RETRY },    { 409, DELIVERY_REFUSED },  { 410, DELIVERY_HOLD },
        { 413, DELIVERY_REFUSED },  { 415, DELIVERY_REFUSED },  { 422, DELIVERY_REFUSED },
        { 425, DELIVERY_RETRY },    { 429, DELIVERY_RETRY },    { 495, DELIVERY_HOLD },
        { 500, DELIVERY_RETRY },    { 502, DELIVERY_RETRY },    { 503, DELIVERY_RETRY },
        { 504, DELIVERY_RETRY },    { 599, DELIVERY_RETRY },    { 100, DELIVERY_RETRY },
        { 0, DELIVERY_RETRY },      { 999, DELIVERY_RETRY },    { -1, DELIVERY_RETRY },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(delivery_from_http(cases[i].status) == cases[i].wanted, "status %d", cases[i].status);
}
END_TEST

START_TEST(single_sends_one_request_each_with_its_record_id)
{
    struct delivery_result results[3];

    open_with("token: ${env:HOOK_TOKEN}\nheaders: { X-Team: soc, X-Key: \"${env:HOOK_KEY}\" }\n");
    OK(deliver(3, results, err));
    ck_assert_int_eq(received(), 3);
    for (int i = 0; i < 3; i++) {
        char wanted[32];

        ck_assert_int_eq(results[i].verdict, DELIVERY_ACCEPTED);
        (void)snprintf(wanted, sizeof wanted, "{\"n\":%d}", i);
        ck_assert_str_eq(body(i), wanted);
        has_header(i, "webhook-id", alerts[i]->record_id);
        has_header(i, "Content-Type", "application/json");
        has_header(i, "Authorization", "Bearer t0ken");
        has_header(i, "X-Team", "soc");
        has_header(i, "X-Key", "k3y");
        ck_assert_ptr_eq(strstr(request(i), "POST /hook HTTP/1.1\r\n"), request(i));
    }
}
END_TEST

START_TEST(batches_are_framed_as_configured)
{
    static const struct { const char *batch, *type, *wanted; } cases[] = {
        { "array", "application/json", "[{\"n\":0},{\"n\":1},{\"n\":2}]" },
        { "ndjson", "application/x-ndjson", "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n" },
    };
    char more[64];
    struct delivery_result results[3];

    (void)snprintf(more, sizeof more, "batch: %s\nmethod: PUT\n", cases[_i].batch);
    open_with(more);
    OK(deliver(3, results, err));
    ck_assert_int_eq(received(), 1);
    ck_assert_str_eq(body(0), cases[_i].wanted);
    has_header(0, "Content-Type", cases[_i].type);
    ck_assert_ptr_eq(strstr(request(0), "PUT "), request(0));
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(results[i].verdict, DELIVERY_ACCEPTED);
}
END_TEST

START_TEST(cloud_events_say_that_they_are)
{
    static const struct { const char *batch, *type; } cases[] = {
        { "single", "application/cloudevents+json; charset=utf-8" },
        { "array", "application/cloudevents-batch+json; charset=utf-8" },
        { "ndjson", "application/x-ndjson" },
    };
    char more[64];
    struct delivery_result results[3];

    (void)snprintf(more, sizeof more, "batch: %s\n", cases[_i].batch);
    open_with(more);
    payloads = events;
    OK(deliver(3, results, err));
    has_header(0, "Content-Type", cases[_i].type);
}
END_TEST

START_TEST(a_refusal_carries_the_receivers_words_made_harmless)
{
    struct delivery_result results[3];

    receiver.statuses[0] = 422;
    open_with("batch: array\n");
    OK(deliver(3, results, err));
    ck_assert_int_eq(results[2].verdict, DELIVERY_REFUSED);
    ck_assert_str_eq(results[2].reason, "HTTP 422: because?I ?[2J!");
}
END_TEST

START_TEST(retry_after_is_passed_on)
{
    struct delivery_result results[1];

    receiver.statuses[0] = 429;
    receiver.extra = "Retry-After: 77\r\n";
    open_with("");
    OK(deliver(1, results, err));
    ck_assert_int_eq(results[0].verdict, DELIVERY_RETRY);
    ck_assert_int_eq(results[0].retry_after_ms, 77000);
}
END_TEST

START_TEST(too_large_asks_for_a_smaller_batch)
{
    struct delivery_result results[3];

    receiver.statuses[0] = 413;
    open_with("batch: ndjson\n");
    FAILS(deliver(3, results, err), ERR_LIMIT);
}
END_TEST

START_TEST(single_stops_when_a_time_to_wait_is_named)
{
    struct delivery_result results[3];

    receiver.statuses[0] = 400;
    receiver.statuses[1] = 503;
    receiver.extra = "Retry-After: 7\r\n";
    open_with("");
    OK(deliver(3, results, err));
    ck_assert_int_eq(received(), 2);
    ck_assert_int_eq(results[0].verdict, DELIVERY_REFUSED);
    ck_assert_int_eq(results[1].verdict, DELIVERY_RETRY);
    ck_assert_int_eq(results[2].verdict, DELIVERY_RETRY);
}
END_TEST

/* A receiver that fails on one alert alone, or something before it that will not let one through. */
START_TEST(single_goes_on_behind_one_that_is_put_off)
{
    static const struct { int status; enum delivery_verdict wanted; } cases[] = {
        { 500, DELIVERY_RETRY }, { 502, DELIVERY_RETRY }, { 403, DELIVERY_HOLD },
    };
    struct delivery_result results[3];

    receiver.statuses[0] = cases[_i].status;
    open_with("");
    OK(deliver(3, results, err));
    ck_assert_int_eq(received(), 3);
    ck_assert_int_eq(results[0].verdict, cases[_i].wanted);
    ck_assert_int_eq(results[1].verdict, DELIVERY_ACCEPTED);
    ck_assert_int_eq(results[2].verdict, DELIVERY_ACCEPTED);
}
END_TEST

START_TEST(single_gives_up_after_a_few_that_are_put_off)
{
    static const struct { int status, requests; enum delivery_verdict first, last; } cases[] = {
        { 500, 4, DELIVERY_RETRY, DELIVERY_RETRY }, { 401, 2, DELIVERY_HOLD, DELIVERY_RETRY },
    };
    struct delivery_result results[6];

    for (int i = 0; i < 6; i++)
        receiver.statuses[i] = cases[_i].status;
    open_with("");
    OK(deliver(6, results, err));
    ck_assert_int_eq(received(), cases[_i].requests);
    ck_assert_int_eq(results[0].verdict, cases[_i].first);
    ck_assert_int_eq(results[5].verdict, cases[_i].last);
}
END_TEST

/* In a row: what is taken in between says that it is not the receiver. */
START_TEST(single_has_new_patience_after_each_that_is_taken)
{
    struct delivery_result results[6];

    receiver.statuses[0] = receiver.statuses[1] = receiver.statuses[2] = receiver.statuses[4] = 500;
    open_with("");
    OK(deliver(6, results, err));
    ck_assert_int_eq(received(), 6);
    ck_assert_int_eq(results[5].verdict, DELIVERY_ACCEPTED);
}
END_TEST

START_TEST(single_stops_where_the_connection_breaks_and_keeps_what_was_judged)
{
    struct delivery_result results[3];

    receiver.statuses[1] = -1;
    open_with("");
    OK(deliver(3, results, err));
    ck_assert_int_eq(received(), 2);
    ck_assert_int_eq(results[0].verdict, DELIVERY_ACCEPTED);
    ck_assert_int_eq(results[1].verdict, DELIVERY_RETRY);
    ck_assert_int_eq(results[2].verdict, DELIVERY_RETRY);
    ck_assert_ptr_nonnull(strstr(results[2].reason, "closed without an answer"));
}
END_TEST

/* nginx says what is wrong with TLS in a page of its own, under status 400. */
START_TEST(pages_of_nginx_that_are_no_refusal_hold)
{
    static const struct { int status; const char *page; enum delivery_verdict wanted; } cases[] = {
        { 400, "<html>\r\n<head><title>400 The SSL certificate error</title></head>", DELIVERY_HOLD },
        { 400, "<html>\r\n<head><title>400 No required SSL certificate was sent</title></head>", DELIVERY_HOLD },
        { 400, "<html>\r\n<head><title>400 The plain HTTP request was sent to HTTPS port</title></head>", DELIVERY_HOLD },
        { 400, "<html>\r\n<head><title>400 Bad Request</title></head>", DELIVERY_REFUSED },
        { 200, "<title>400 The SSL certificate error</title>, says the alert that was repeated", DELIVERY_ACCEPTED },
    };
    struct http_answer answer = { .status = cases[_i].status, .body = BUF_INIT(1000) };
    struct delivery_result result;

    buf_add_str(&answer.body, cases[_i].page);
    OK(verdict_from_answer(&answer, &result, 1, err));
    ck_assert_int_eq(result.verdict, cases[_i].wanted);
    buf_release(&answer.body);
}
END_TEST

START_TEST(a_redirect_is_not_followed)
{
    struct delivery_result results[1];

    receiver.statuses[0] = 307;
    receiver.extra = "Location: http://127.0.0.1:1/\r\n";
    open_with("token: ${env:HOOK_TOKEN}\n");
    OK(deliver(1, results, err));
    ck_assert_int_eq(received(), 1);
    ck_assert_int_eq(results[0].verdict, DELIVERY_HOLD);
    ck_assert_ptr_nonnull(strstr(results[0].reason, "redirect"));
}
END_TEST

START_TEST(a_rotated_secret_is_read_again_after_401)
{
    struct delivery_result results[2];

    receiver.statuses[0] = receiver.statuses[2] = 401;
    open_with("token: ${env:HOOK_TOKEN}\n");
    ck_assert_int_eq(setenv("HOOK_TOKEN", "fresh", 1), 0);
    OK(deliver(1, results, err));
    ck_assert_int_eq(results[0].verdict, DELIVERY_ACCEPTED);
    has_header(0, "Authorization", "Bearer t0ken");
    has_header(1, "Authorization", "Bearer fresh");
    OK(deliver(1, results, err)); /* not rotated: no second try */
    ck_assert_int_eq(received(), 3);
    ck_assert_int_eq(results[0].verdict, DELIVERY_HOLD);
}
END_TEST

/* Whoever accepted has it: a second request would be a second alert. */
START_TEST(a_rotated_secret_is_no_reason_to_ask_again_but_after_401)
{
    struct delivery_result results[1];

    receiver.statuses[1] = 403;
    open_with("token: ${env:HOOK_TOKEN}\n");
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(setenv("HOOK_TOKEN", i == 0 ? "fresh" : "fresher", 1), 0);
        OK(deliver(1, results, err));
        ck_assert_int_eq(received(), i + 1);
    }
}
END_TEST

START_TEST(the_time_for_a_request_is_the_one_that_was_set)
{
    struct delivery_result results[1];
    struct error why = { 0 };
    char yaml[100];
    int deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof at;

    ck_assert(bind(deaf, (struct sockaddr *)&at, sizeof at) == 0 && listen(deaf, 4) == 0);
    ck_assert_int_eq(getsockname(deaf, (struct sockaddr *)&at, &len), 0);
    (void)snprintf(yaml, sizeof yaml, "url: http://127.0.0.1:%d/\ntimeout: 1s\n", ntohs(at.sin_port));
    OK(try_open(yaml, err));
    ck_assert_int_eq(deliver(1, results, &why), -1);
    ck_assert_msg(why.code == ERR_NET && strstr(why.msg, "within 1s"), "%s", why.msg);
    (void)close(deaf);
}
END_TEST

/* The vector that npm standardwebhooks accepts: the id there is not ours, so ours is put in its place. */
START_TEST(signatures_are_those_of_standard_webhooks)
{
    struct output_item it = { .alert = alerts[0],
        .payload = SL("{\"type\":\"alert.created\",\"data\":{\"id\":\"6f1c2b7e-0a4d-4c39-9b51-8e2f7f4d1a10\"}}") };
    struct delivery_result result;

    (void)snprintf(alerts[0]->record_id, sizeof alerts[0]->record_id, "6f1c2b7e-0a4d-4c39-9b51-8e2f7f4d1a10");
    ck_assert_int_eq(setenv("HOOK_SIGN", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", 1), 0);
    open_with("signing_secret: ${env:HOOK_SIGN}\n");
    OK(output_webhook.deliver(self, &it, 1, &result, err));
    has_header(0, "webhook-timestamp", "1767225600");
    has_header(0, "webhook-signature", "v1,eaC365O5YtpLgij/gwY92KXMjaKD2ojyIewWvlq7XHQ=");
}
END_TEST

START_TEST(bad_settings_are_refused)
{
    static const struct { const char *yaml, *said; } cases[] = {
        { "url: http://soc.example.net/hook\n", "plain http" },
        { "url: http://127.0.0.1.example.net/\n", "plain http" },
        { "url: http://128.0.0.1/\n", "plain http" },
        { "url: http://localhost.example.net/\n", "plain http" },
        { "url: http://[::1].example.net/\n", "" },
        { "url: ftp://example.net/\n", "" },
        { "batch: array\n", "url" },
        { "url: https://example.net/\nheaders: { Host: x }\n", "'Host' cannot be set" },
        { "url: https://example.net/\nheaders: { webhook-id: x }\n", "cannot be set" },
        { "url: https://example.net/\nheaders: { \"a b\": x }\n", "cannot be set" },
        { "url: https://example.net/\nheaders: { A: \"x\\r\\nB: y\" }\n", "'A' cannot be set" },
        { "url: https://example.net/\nheaders: { A: [x] }\n", "a header must be a text" },
        { "url: https://example.net/\nheaders: [x]\n", "headers must be a map" },
        { "url: https://example.net/\nheaders: { A: \"${env:CW_NOT_SET}\" }\n", "CW_NOT_SET" },
        { "url: https://example.net/\nsigning_secret: ${env:HOOK_TOKEN}\n", "whsec_" },
        { "url: https://example.net/\ngzip: true\nsigning_secret: ${env:HOOK_SIGN}\n", "excludes" },
        { "url: https://example.net/\ngzip: true\nhmac_secret: ${env:HOOK_TOKEN}\n", "excludes" },
        { "url: https://example.net/\nusername: u\n", "belong together" },
        { "url: https://example.net/\npassword: ${env:HOOK_TOKEN}\n", "belong together" },
        { "url: https://example.net/\nusername: u\npassword: ${env:HOOK_TOKEN}\ntoken: ${env:HOOK_TOKEN}\n", "exclude each" },
        { "url: https://example.net/\nhmac_header: webhook-id\n", "cannot be set" },
    };
    struct error why = { 0 };

    ck_assert_int_eq(setenv("HOOK_SIGN", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", 1), 0);
    ck_assert_msg(try_open(cases[_i].yaml, &why) == -1, "accepted: %s", cases[_i].yaml);
    ck_assert_int_eq(why.code, ERR_CONFIG);
    ck_assert_msg(strstr(why.msg, cases[_i].said), "%s: %s", cases[_i].yaml, why.msg);
    ck_assert_ptr_null(strstr(why.msg, "t0ken"));
}
END_TEST

START_TEST(loopback_may_be_plain)
{
    static const char *const good[] = { "http://127.9.9.9/x", "http://localhost:80/", "http://LOCALHOST", "http://[::1]:8/",
                                        "https://example.net/" };
    char yaml[100];

    (void)snprintf(yaml, sizeof yaml, "url: \"%s\"\n", good[_i]);
    OK(try_open(yaml, err));
}
END_TEST

START_TEST(nobody_there_is_a_network_error)
{
    struct delivery_result results[1];

    OK(try_open("url: http://127.0.0.1:1/\n", err));
    FAILS(deliver(1, results, err), ERR_NET);
}
END_TEST

START_TEST(the_probe_sends_no_alert)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(1000);

    receiver.statuses[0] = 405;
    open_with("headers: { X-Key: \"${env:HOOK_KEY}\" }\n"); /* may be what the receiver knows us by */
    OK(output_webhook.probe(self, &said, err));
    ck_assert_ptr_nonnull(strstr(buf_cstr(&said), "405"));
    ck_assert_str_eq(body(0), "");
    has_header(0, "X-Key", "k3y");
}
END_TEST

START_TEST(a_probe_that_is_refused_says_so)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(1000);
    static const struct { int status; enum error_code code; } cases[] = { { 401, ERR_AUTH }, { 403, ERR_DENIED } };

    receiver.statuses[0] = cases[_i].status;
    open_with("");
    FAILS(output_webhook.probe(self, &said, err), cases[_i].code);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("webhook");

    (void)setenv("HOOK_TOKEN", "t0ken", 1);
    (void)setenv("HOOK_KEY", "k3y", 1);
    (void)unsetenv("http_proxy");
    (void)unsetenv("https_proxy");
    (void)unsetenv("ALL_PROXY");
    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, answers_mean_what_the_table_says);
    tcase_add_test(t, single_sends_one_request_each_with_its_record_id);
    tcase_add_loop_test(t, batches_are_framed_as_configured, 0, 2);
    tcase_add_loop_test(t, cloud_events_say_that_they_are, 0, 3);
    tcase_add_test(t, a_refusal_carries_the_receivers_words_made_harmless);
    tcase_add_test(t, retry_after_is_passed_on);
    tcase_add_test(t, too_large_asks_for_a_smaller_batch);
    tcase_add_test(t, single_stops_when_a_time_to_wait_is_named);
    tcase_add_loop_test(t, single_goes_on_behind_one_that_is_put_off, 0, 3);
    tcase_add_loop_test(t, single_gives_up_after_a_few_that_are_put_off, 0, 2);
    tcase_add_test(t, single_has_new_patience_after_each_that_is_taken);
    tcase_add_test(t, single_stops_where_the_connection_breaks_and_keeps_what_was_judged);
    tcase_add_loop_test(t, pages_of_nginx_that_are_no_refusal_hold, 0, 5);
    tcase_add_test(t, a_redirect_is_not_followed);
    tcase_add_test(t, a_rotated_secret_is_read_again_after_401);
    tcase_add_test(t, a_rotated_secret_is_no_reason_to_ask_again_but_after_401);
    tcase_add_test(t, the_time_for_a_request_is_the_one_that_was_set);
    tcase_add_test(t, signatures_are_those_of_standard_webhooks);
    tcase_add_loop_test(t, bad_settings_are_refused, 0, 21);
    tcase_add_loop_test(t, loopback_may_be_plain, 0, 5);
    tcase_add_test(t, nobody_there_is_a_network_error);
    tcase_add_test(t, the_probe_sends_no_alert);
    tcase_add_loop_test(t, a_probe_that_is_refused_says_so, 0, 2);
    return run_group("output webhook", t);
}
