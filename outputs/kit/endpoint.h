/* endpoint.h - the receiver of an output over HTTP: where it is, how it is trusted, what we prove ourselves with.
 *
 * Redirects are not followed (the credential must not travel). Plain http is for this host only, unless the operator says
 * that the network is trusted. A credential that is refused with 401 is read again, as a rotated file may hold the
 * new one, and tried once more; only then it is an alarm. Some receivers are known by a URL alone that is a secret: it is
 * never part of a message. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTPUT_ENDPOINT_H
#define COSMOWATCH_OUTPUT_ENDPOINT_H

#include "base/secret.h"
#include "net/connection.h"
#include "net/http.h"
#include "outputs/output.h"
#include "settings/option.h"

struct endpoint {
    int64_t timeout_ms;
    bool allow_plain_http;
    struct connection connection;

    const struct services *sv; /* from endpoint_open() on */
};

/* The options, for a struct endpoint at `offset`. */
#define ENDPOINT_OPTIONS(offset)                                                                                       \
    { .key = "timeout", .type = OPT_DURATION, .at = (offset) + offsetof(struct endpoint, timeout_ms), .preset = "30s", \
      .min = 1000, .max = 600000, .help = "for a whole request" },                                                     \
    CONNECTION_OPTIONS((offset) + offsetof(struct endpoint, connection)),                                              \
    { .key = "allow_plain_http", .type = OPT_BOOL, .at = (offset) + offsetof(struct endpoint, allow_plain_http),       \
      .preset = "false", .help = "send unprotected over a network that you trust" }

/* ERR_CONFIG for a URL that is none, or that shows alerts and credential to a network. */
MUST_CHECK int endpoint_open(struct endpoint *e, const char *url, const char *output_name, const struct services *sv,
                             struct error *err);

/* Anew what stands behind "${...}": true when it is another value now. */
bool endpoint_read_again(struct secret *s, const char *reference);

/* Fill in what an endpoint knows and send. 0 with any answer; where it repeats a secret of ours there are stars. */
MUST_CHECK int endpoint_send(const struct endpoint *e, struct http_request *req, struct http_answer *ret,
                             struct error *err);
/* The same; after a 401 read_again(self) is asked whether a credential is new now, prepare() makes the request anew. */
struct endpoint_user {
    void *self;
    bool (*read_again)(void *self);                            /* NULL: nothing to read again */
    int (*prepare)(void *self, struct http_request *req, struct error *err); /* headers, bearer, URL */
};
MUST_CHECK int endpoint_call(const struct endpoint *e, const struct endpoint_user *u, struct http_request *req,
                             struct http_answer *ret, struct error *err);

/* An Authorization header: "scheme secret", or Basic with a user. The secret and its reference stay the options'. */
struct authorization {
    const char *scheme, *user; /* user: Basic */
    struct secret *secret;     /* read again after a 401 */
    const char *reference;

    struct secret line;        /* the header's value */
    struct http_header header; /* of the request under way */
};
MUST_CHECK int authorization_open(struct authorization *a, struct error *err); /* no secret and no user: no header */
void authorization_close(struct authorization *a);
struct endpoint_user authorization_user(struct authorization *a);

/* Receivers that take one alert a request. One that is put off (its handler fails on this alert alone, a firewall before it
 * stops this text) holds back none behind it; a few in a row do, and so does a time to wait or a broken connection.
 * `one` judges an item, or returns -1 and judges none. */
MUST_CHECK int deliver_each(const struct output_item *items, size_t n, struct delivery_result *ret_each,
                            int (*one)(void *self, const struct output_item *item, struct delivery_result *ret,
                                       struct error *err),
                            void *self, struct error *err);

/* The same verdict and reason for all. */
void verdict_all(struct delivery_result *ret_each, size_t n, enum delivery_verdict verdict, int64_t retry_after_ms,
                 const char *reason);

/* base "/" path, with exactly one slash in between. */
MUST_CHECK int endpoint_add_url(struct buf *out, const char *base, const char *path, struct error *err);

/* POST one JSON document; the answer by the common table of verdicts (kit/verdict.h). */
MUST_CHECK int endpoint_post(const struct endpoint *e, const struct endpoint_user *u, const char *url, struct slice body,
                             struct delivery_result *ret_each, size_t n, struct error *err);

/* Is there an answer at all to HEAD? 401 and 403 are failures, 405 and the like are not. For receivers with no better way. */
MUST_CHECK int endpoint_probe(const struct endpoint *e, const struct endpoint_user *u, const char *url, struct buf *said,
                              struct error *err);

#endif
