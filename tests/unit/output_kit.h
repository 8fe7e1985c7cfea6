/* output_kit.h - what the tests of outputs over HTTP share: an output opened from YAML, a receiver that says what it is told
 * and keeps what it got.
 *
 *     receiver_says("/services/collector", 503, "Retry-After: 7\r\n", "{}", 1);   first match with tries left wins
 *     output_open(&output_splunk_hec, "url: %s\ntoken: ...");                     %s: the receiver's URL
 *
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_OUTPUT_KIT_H
#define COSMOWATCH_TEST_OUTPUT_KIT_H

#include "encode_kit.h"

#include "net/http.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"
#include "tests/kit/fake_services.h"
#include "tests/kit/httpd.h"
#include "tests/kit/suite.h"

#include <pthread.h>

#define RECEIVED_MAX 64
#define TOKEN_JSON "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"t0ken-one\"}"

struct received {
    char method[16], target[1024];
    char *headers;   /* owned */
    struct buf body; /* decompressed */
    bool was_gzip;
};

struct saying { const char *path, *headers, *body; int status, left; };

static struct {
    struct httpd *h;
    pthread_mutex_t lock;
    struct received got[RECEIVED_MAX]; /* without the token endpoint's */
    int n;
    struct saying says[16];
    int says_len;
} receiver;

static struct fake_services world;
static struct yaml_tree *option_tree;
static struct settings_errors option_errors;
static const struct output_ops *opened;
static void *output;

static UNUSED void receiver_says(const char *path, int status, const char *headers, const char *body, int times)
{
    ck_assert_int_lt(receiver.says_len, (int)ARRAY_LEN(receiver.says));
    receiver.says[receiver.says_len++] = (struct saying){ .path = path, .status = status, .headers = headers,
                                                          .body = body, .left = times };
}

static void receiver_answer(void *self UNUSED, const struct httpd_request *rq, struct httpd_reply *say)
{
    char encoding[40] = "";
    struct received *r;

    if (strstr(rq->target, "/oauth2/")) {
        httpd_say(say, 200, "Content-Type: application/json\r\n", TOKEN_JSON);
        return;
    }
    (void)pthread_mutex_lock(&receiver.lock);
    if (receiver.n < RECEIVED_MAX) {
        r = &receiver.got[receiver.n++];
        *r = (struct received){ .body = BUF_INIT((size_t)4 << 20) };
        (void)snprintf(r->method, sizeof r->method, "%s", rq->method);
        (void)snprintf(r->target, sizeof r->target, "%s", rq->target);
        r->headers = strdup(rq->headers);
        r->was_gzip = httpd_header(rq, "Content-Encoding", encoding, sizeof encoding) && strcmp(encoding, "gzip") == 0;
        if (r->was_gzip)
            httpd_gunzip(rq->body, &r->body);
        else
            buf_add_slice(&r->body, rq->body);
    }
    for (int i = 0; i < receiver.says_len; i++) {
        struct saying *s = &receiver.says[i];

        if (s->left == 0 || !strstr(rq->target, s->path))
            continue;
        s->left--;
        (void)pthread_mutex_unlock(&receiver.lock);
        httpd_say(say, s->status, s->headers, s->body);
        return;
    }
    (void)pthread_mutex_unlock(&receiver.lock);
    httpd_say(say, 200, "Content-Type: application/json\r\n", "{}");
}

static UNUSED void receiver_start(void)
{
    (void)pthread_mutex_init(&receiver.lock, NULL);
    receiver.h = httpd_start(receiver_answer, NULL, NULL);
    fake_services_init(&world, true);
    fake_services_add_http(&world);
    (void)setenv("TEST_SECRET", "s3cret-value", 1);
}

static UNUSED void output_close(void)
{
    if (output) {
        opened->close(output);
        settings_table_release(opened->options, output);
        free(output);
        output = NULL;
    }
    yaml_tree_free(option_tree);
    option_tree = NULL;
    settings_errors_release(&option_errors);
    option_errors = (struct settings_errors){ 0 };
}

/* Back to the start: nothing received, nothing to say. */
static UNUSED void receiver_forget(void)
{
    for (int i = 0; i < receiver.n; i++) {
        free(receiver.got[i].headers);
        buf_release(&receiver.got[i].body);
    }
    receiver.n = 0;
    receiver.says_len = 0;
}

static UNUSED void receiver_stop(void)
{
    output_close();
    fake_services_release(&world);
    httpd_stop(receiver.h);
    receiver_forget();
}

static UNUSED int output_try_open(const struct output_ops *ops, const char *yaml, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(65536);
    const char *at;

    output_close();
    for (; (at = strstr(yaml, "%s")) != NULL; yaml = at + 2) {
        buf_add(&text, yaml, (size_t)(at - yaml));
        buf_add_str(&text, httpd_url(receiver.h));
    }
    buf_add_str(&text, yaml);
    opened = ops;
    output = calloc(1, ops->size);
    ck_assert_ptr_nonnull(output);
    if (yaml_tree_parse(buf_slice(&text), "test.yaml", &option_tree, &option_errors) < 0 ||
        settings_table_apply(ops->options, yaml_tree_root(option_tree), output, &option_errors) < 0)
        return settings_errors_first(&option_errors, err);
    return ops->open(output, "out", &world.sv, err);
}

static UNUSED void output_open(const struct output_ops *ops, const char *yaml)
{
    OK(output_try_open(ops, yaml, err));
}

/* Why it does not open. */
static UNUSED const char *output_refuses(const struct output_ops *ops, const char *yaml)
{
    static struct error why;

    why = (struct error){ 0 };
    ck_assert_msg(output_try_open(ops, yaml, &why) == -1, "opens: %s", yaml);
    ck_assert_msg(why.code == ERR_CONFIG, "%s: %s", error_code_name(why.code), why.msg);
    return why.msg;
}

/* n alerts of a series, encoded by the output's own format, in one call. */
static UNUSED int output_deliver(size_t n, struct delivery_result *ret, struct error *err)
{
    static struct output_item items[1000];
    static struct buf payloads[1000];
    static struct alert *alerts[1000];
    const char *fixed = opened->fixed_format ? opened->fixed_format(output) : NULL;
    const struct encoder *e = encoder_find(fixed ? fixed : opened->default_format);
    int rc;

    ck_assert_ptr_nonnull(e);
    for (size_t i = 0; i < n; i++) {
        alerts[i] = alert_nth((int)i);
        payloads[i] = BUF_INIT((size_t)1 << 20);
        kit_encode(e, alerts[i], &payloads[i]);
        items[i] = (struct output_item){ .alert = alerts[i], .payload = buf_slice(&payloads[i]) };
        ret[i] = (struct delivery_result){ .verdict = DELIVERY_RETRY };
    }
    rc = opened->deliver(output, items, n, ret, err);
    for (size_t i = 0; i < n; i++) {
        alert_free(alerts[i]);
        buf_release(&payloads[i]);
    }
    return rc;
}

static UNUSED const struct received *got(int i)
{
    ck_assert_msg(i < receiver.n, "request %d of %d", i, receiver.n);
    return &receiver.got[i];
}

static UNUSED void got_header(int i, const char *line)
{
    ck_assert_msg(strcasestr(got(i)->headers, line), "no '%s' in:\n%s", line, got(i)->headers);
}

static UNUSED void has_text(const char *text, const char *part)
{
    ck_assert_msg(strstr(text, part), "no '%s' in: %s", part, text);
}

static UNUSED void has_no_secret(const char *text)
{
    ck_assert_msg(!strstr(text, "s3cret-value") && !strstr(text, "t0ken-one"), "a secret in: %s", text);
}

static UNUSED void all_are(const struct delivery_result *each, size_t n, enum delivery_verdict wanted)
{
    for (size_t i = 0; i < n; i++)
        ck_assert_msg(each[i].verdict == wanted, "item %zu is %d: %s", i, (int)each[i].verdict, each[i].reason);
}

static UNUSED int output_run(const char *name, const TTest *const *tests, size_t n)
{
    TCase *t = tcase_create(name);

    tcase_add_checked_fixture(t, receiver_start, receiver_stop);
    tcase_set_timeout(t, 120);
    for (size_t i = 0; i < n; i++)
        tcase_add_test(t, tests[i]);
    return run_group(name, t);
}

#define OUTPUT_MAIN(name, ...)                                                                     \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = { __VA_ARGS__ };                                             \
        return output_run(name, tests, ARRAY_LEN(tests));                                          \
    }

#endif
