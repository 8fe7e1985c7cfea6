/* endpoint.c - see endpoint.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/endpoint.h"

#include "base/num.h"
#include "net/openssl.h"
#include "outputs/kit/verdict.h"
#include "settings/option.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define ANSWER_MAX ((size_t)64 << 10)
#define PATIENCE 4 /* alerts in a row that are put off before it must be the receiver's trouble and not theirs */

/* ---- opening ------------------------------------------------------------------------------------ */

int endpoint_open(struct endpoint *e, const char *url, const char *output_name, const struct services *sv,
                  struct error *err)
{
    bool is_plain = strncasecmp(url, "http://", 7) == 0;

    e->sv = sv;
    if (!is_plain && strncasecmp(url, "https://", 8) != 0)
        return error_set(err, ERR_CONFIG, "output '%s': the URL must begin with https://", output_name);
    if (strpbrk(url, " \t\r\n"))
        return error_set(err, ERR_CONFIG, "output '%s': blanks or line ends in the URL", output_name);
    if (is_plain && !e->allow_plain_http && !http_url_is_local(url))
        return error_set(err, ERR_CONFIG, "output '%s': plain http to another host would show alerts and credential "
                         "to the network: use https, or set allow_plain_http", output_name);
    return 0;
}

/* ---- sending ------------------------------------------------------------------------------------ */

bool endpoint_read_again(struct secret *s, const char *reference)
{
    struct secret fresh = SECRET_INIT;
    struct error ignored = { 0 }; /* the old one stays, and its refusal is told */
    bool is_new = false;

    if (reference && secret_ref_resolve(slice_of(reference), &fresh, &ignored) == 0)
        is_new = !slice_eq(slice_make(secret_reveal(&fresh), fresh.len), slice_make(secret_reveal(s), s->len));
    if (is_new)
        secret_move(s, &fresh);
    secret_release(&fresh);
    return is_new;
}

int endpoint_send(const struct endpoint *e, struct http_request *req, struct http_answer *ret, struct error *err)
{
    req->timeout_ms = e->timeout_ms;
    if (req->answer_max == 0)
        req->answer_max = ANSWER_MAX;
    if (connection_perform(&e->connection, e->sv->http, req, ret, err) < 0) {
        if (ret->failure == HTTP_FAILED_SIZE) /* of the answer; ERR_LIMIT would say it of the alerts, and park them */
            err->code = ERR_SERVER;
        return -1;
    }
    if (ret->body.len > 0)
        secrets_hide(ret->body.at, ret->body.len);
    return 0;
}

static int call_once(const struct endpoint *e, const struct endpoint_user *u, struct http_request *req,
                     struct http_answer *ret, struct error *err)
{
    if ((u->prepare && u->prepare(u->self, req, err) < 0) || endpoint_send(e, req, ret, err) < 0)
        return -1;
    return 0;
}

int endpoint_call(const struct endpoint *e, const struct endpoint_user *u, struct http_request *req,
                  struct http_answer *ret, struct error *err)
{
    if (call_once(e, u, req, ret, err) < 0)
        return -1;
    if (ret->status != 401 || !u->read_again || !u->read_again(u->self))
        return 0;
    http_answer_release(ret);
    *ret = (struct http_answer){ 0 };
    return call_once(e, u, req, ret, err);
}

/* ---- credentials -------------------------------------------------------------------------------- */

static void add_basic(struct buf *out, const char *user, const struct secret *password)
{
    size_t len = strlen(user) + 1 + password->len, room = (len + 2) / 3 * 4 + 1;
    unsigned char *plain = malloc(len + 1), *coded = malloc(room);

    if (plain && coded) {
        memcpy(plain, user, strlen(user));
        plain[strlen(user)] = ':';
        memcpy(plain + strlen(user) + 1, secret_reveal(password), password->len);
        (void)EVP_EncodeBlock(coded, plain, (int)len);
        buf_addf(out, "Basic %s", (const char *)coded);
    } else {
        out->failed = true;
    }
    if (plain)
        wipe(plain, len);
    if (coded)
        wipe(coded, room);
    free(plain);
    free(coded);
}

int authorization_open(struct authorization *a, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_PRIVATE(16384);
    bool is_set;

    if (a->user)
        add_basic(&text, a->user, a->secret);
    else if (!secret_empty(a->secret))
        buf_addf(&text, "%s %s", a->scheme, secret_reveal(a->secret));
    is_set = !text.failed && secret_set(&a->line, buf_slice(&text));
    return is_set ? 0 : error_set(err, ERR_NOMEM, "credential");
}

void authorization_close(struct authorization *a)
{
    secret_release(&a->line);
}

static bool read_authorization_again(void *self)
{
    struct authorization *a = self;
    struct error ignored = { 0 }; /* without memory the old one stays, and its refusal is told */

    return endpoint_read_again(a->secret, a->reference) && authorization_open(a, &ignored) == 0;
}

static int add_authorization(void *self, struct http_request *req, struct error *err UNUSED)
{
    struct authorization *a = self;

    a->header = (struct http_header){ .name = "Authorization",
                                      .value = { .at = secret_reveal(&a->line), .len = a->line.len } };
    req->headers = &a->header;
    req->headers_len = secret_empty(&a->line) ? 0 : 1;
    return 0;
}

struct endpoint_user authorization_user(struct authorization *a)
{
    return (struct endpoint_user){ .self = a, .read_again = read_authorization_again, .prepare = add_authorization };
}

/* ---- verdicts ----------------------------------------------------------------------------------- */

void verdict_all(struct delivery_result *ret_each, size_t n, enum delivery_verdict verdict, int64_t retry_after_ms,
                 const char *reason)
{
    struct slice cut = slice_cut(slice_of(reason), sizeof(ret_each->reason) - 1);

    for (size_t i = 0; i < n; i++) {
        ret_each[i] = (struct delivery_result){ .verdict = verdict, .retry_after_ms = retry_after_ms };
        memcpy(ret_each[i].reason, cut.at, cut.len);
    }
}

/* How much one that is put off counts; PATIENCE is the end. A refusal counts more: credentials may be locked after a few. */
static int weight_of(const struct delivery_result *r)
{
    return r->retry_after_ms > 0 ? PATIENCE : r->verdict == DELIVERY_HOLD ? PATIENCE / 2 : 1;
}

int deliver_each(const struct output_item *items, size_t n, struct delivery_result *ret_each,
                 int (*one)(void *self, const struct output_item *item, struct delivery_result *ret, struct error *err),
                 void *self, struct error *err)
{
    int put_off = 0;

    for (size_t i = 0; i < n; i++) {
        struct error why = { 0 };
        bool is_answered = true;

        if (one(self, &items[i], &ret_each[i], &why) < 0) {
            if (i == 0) { /* nothing was judged: the error says more than a verdict could */
                *err = why;
                return -1;
            }
            verdict_all(&ret_each[i], 1, DELIVERY_RETRY, why.retry_after_ms, why.msg);
            is_answered = false;
        }
        if (ret_each[i].verdict == DELIVERY_ACCEPTED || ret_each[i].verdict == DELIVERY_REFUSED) {
            put_off = 0;
            continue;
        }
        put_off += weight_of(&ret_each[i]);
        if (is_answered && put_off < PATIENCE)
            continue;
        for (size_t j = i + 1; j < n; j++) {
            ret_each[j] = ret_each[i];
            ret_each[j].verdict = DELIVERY_RETRY;
        }
        return 0;
    }
    return 0;
}

int endpoint_add_url(struct buf *out, const char *base, const char *path, struct error *err)
{
    struct slice b = slice_of(base);

    while (b.len > 0 && b.at[b.len - 1] == '/')
        b.len--;
    buf_add_slice(out, b);
    buf_add_str(out, path);
    return buf_check(out, err);
}

int endpoint_post(const struct endpoint *e, const struct endpoint_user *u, const char *url, struct slice body,
                  struct delivery_result *ret_each, size_t n, struct error *err)
{
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    struct http_request req = { .method = "POST", .url = url, .body = body, .content_type = "application/json" };

    if (endpoint_call(e, u, &req, &answer, err) < 0)
        return -1;
    return verdict_from_answer(&answer, ret_each, n, err);
}

int endpoint_probe(const struct endpoint *e, const struct endpoint_user *u, const char *url, struct buf *said,
                   struct error *err)
{
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    struct http_request req = { .method = "HEAD", .url = url };

    if (endpoint_call(e, u, &req, &answer, err) < 0)
        return -1;
    if (answer.status == 401 || answer.status == 403)
        return error_set(err, answer.status == 401 ? ERR_AUTH : ERR_DENIED, "the receiver answers HTTP %d",
                         answer.status);
    buf_addf(said, "the receiver answers HTTP %d to HEAD", answer.status);
    return 0;
}
