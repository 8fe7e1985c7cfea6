/* connection.h - the options of how a receiver or a service is reached over HTTP: proxy, trust, time. One table for
 * all that speak HTTP, so that what is learned about one holds for the others.
 *
 * The proxy's password is read from its reference for each request: a rotated one is used by the next connection.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONNECTION_H
#define COSMOWATCH_CONNECTION_H

#include "base/secret.h"
#include "net/http.h"
#include "settings/option.h"

struct connection {
    char *proxy, *proxy_user, *proxy_password_reference;
    struct secret proxy_password;
    struct string_list no_proxy;
    int64_t connect_timeout_ms;
    struct connection_tls {
        char *ca, *ca_dir, *cert, *key;
        int min_version; /* enum http_tls_version */
    } tls;
};

extern const struct option_spec connection_options[], connection_tls_options[];
extern const char *const connection_tls_versions[]; /* by enum http_tls_version */

/* The options, for a struct connection at `offset`. */
#define CONNECTION_OPTIONS(offset)                                                                                     \
    { .key = "connection", .type = OPT_MAP, .at = (offset), .sub = connection_options,                                 \
      .help = "proxy and time to connect" },                                                                           \
    { .key = "tls", .type = OPT_MAP, .at = (offset) + offsetof(struct connection, tls), .sub = connection_tls_options, \
      .help = "trust and our own certificate" }

/* http_perform by way of `c` (NULL: none of its options). A proxy or trust that the request has already stays. */
MUST_CHECK int connection_perform(const struct connection *c, struct http_client *http, const struct http_request *req,
                                  struct http_answer *ret, struct error *err);

#endif
