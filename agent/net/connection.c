/* connection.c - see connection.h. SPDX-License-Identifier: Apache-2.0 */
#include "net/connection.h"

#include "settings/errors.h"
#include "settings/yaml_node.h"

#include <stddef.h>
#include <strings.h>

/* ---- options ------------------------------------------------------------------------------------ */

/* host:port and nothing behind it. */
static bool is_authority(struct slice s)
{
    size_t colon = SIZE_MAX;

    if (slice_ends_nocase(s, SL("/")))
        s.len--;
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.at[i] <= ' ' || strchr("/?#@\"\\", s.at[i]))
            return false;
        if (s.at[i] == ':')
            colon = i;
    }
    if (colon == SIZE_MAX || colon == 0 || colon + 1 == s.len)
        return false;
    return strspn(s.at + colon + 1, "0123456789") >= s.len - colon - 1;
}

static void check_proxy(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    const char *proxy = ((const struct connection *)self)->proxy;
    size_t scheme = strncasecmp(proxy, "http://", 7) == 0 ? 7 : strncasecmp(proxy, "https://", 8) == 0 ? 8 : 0;

    if (strcmp(proxy, "none") == 0)
        return;
    if (strchr(proxy, '@'))
        settings_errors_add(errors, value, "user and password do not belong into the proxy's URL: set proxy_user and "
                                           "proxy_password");
    else if (scheme == 0 || !is_authority(slice_of(proxy + scheme)))
        settings_errors_add(errors, value, "a proxy is http://host:port, https://host:port, or none");
}

const char *const connection_tls_versions[] = { [HTTP_TLS_1_2] = "TLSv1.2", [HTTP_TLS_1_3] = "TLSv1.3", NULL };

#define AT(field) offsetof(struct connection, field)
const struct option_spec connection_options[] = {
    { .key = "proxy", .type = OPT_STRING, .at = AT(proxy), .example = "http://proxy.example.net:3128", .check = check_proxy,
      .help = "http or https proxy that tunnels (CONNECT); none: straight; unset: the environment's (https_proxy ...)" },
    { .key = "proxy_user", .type = OPT_STRING, .at = AT(proxy_user), .min = 1, .max = 255, .example = "cosmowatch",
      .help = "user at the proxy (Basic)" },
    { .key = "proxy_password", .type = OPT_SECRET, .at = AT(proxy_password),
      .reference_at = AT(proxy_password_reference), .example = "\"${file:/etc/cosmowatch/proxy-password}\"",
      .help = "reference to the password at the proxy, read again for each request" },
    { .key = "no_proxy", .type = OPT_STRING_LIST, .at = AT(no_proxy), .min = 0, .max = 100,
      .example = "[.internal.example.net, 10.0.0.0/8]",
      .help = "hosts, domains and networks that are asked straight; unset: the environment's NO_PROXY" },
    { .key = "connect_timeout", .type = OPT_DURATION, .at = AT(connect_timeout_ms), .preset = "10s", .min = 500,
      .max = 120000, .help = "for name, connection, proxy and handshake" },
    { 0 },
};

#define TLS_AT(field) offsetof(struct connection_tls, field)
const struct option_spec connection_tls_options[] = {
    { .key = "ca", .type = OPT_STRING, .at = TLS_AT(ca), .file = OPTION_FILE_TRUST,
      .example = "/etc/ssl/certs/ca-certificates.crt",
      .help = "PEM file with the authorities to trust instead of the system's" },
    { .key = "ca_dir", .type = OPT_STRING, .at = TLS_AT(ca_dir), .example = "/etc/ssl/certs",
      .help = "folder with hashed certificates of authorities to trust instead of the system's" },
    { .key = "cert", .type = OPT_STRING, .at = TLS_AT(cert), .file = OPTION_FILE_CERTIFICATE,
      .example = "/etc/cosmowatch/client.pem",
      .help = "PEM file with our certificate for the receiver" },
    { .key = "key", .type = OPT_STRING, .at = TLS_AT(key), .file = OPTION_FILE_KEY, .example = "/etc/cosmowatch/client.key",
      .help = "PEM file with its key; needless when it stands in cert" },
    { .key = "min_version", .type = OPT_ENUM, .at = TLS_AT(min_version), .values = connection_tls_versions,
      .preset = "TLSv1.2", .help = "oldest TLS that is spoken" },
    { 0 },
};

/* ---- sending ------------------------------------------------------------------------------------ */

static void join(const struct string_list *list, struct buf *out)
{
    for (size_t i = 0; i < list->len; i++)
        buf_addf(out, "%s%s", i > 0 ? "," : "", list->at[i]);
}

int connection_perform(const struct connection *c, struct http_client *http, const struct http_request *req,
                       struct http_answer *ret, struct error *err)
{
    CLEANUP(secret_release) struct secret password = SECRET_INIT;
    CLEANUP(buf_release) struct buf except = BUF_INIT(32768);
    struct error ignored = { 0 }; /* what was read last is used, and its refusal is told */
    struct http_request way = *req;
    bool is_fresh;

    if (!c)
        return http_perform(http, req, ret, err);
    is_fresh = c->proxy_password_reference &&
               secret_ref_resolve(slice_of(c->proxy_password_reference), &password, &ignored) == 0;
    join(&c->no_proxy, &except);
    if (buf_check(&except, err) < 0)
        return error_wrap(err, "no_proxy");
    const struct http_proxy proxy = { .url = c->proxy, .user = c->proxy_user,
                                      .password = is_fresh ? &password : &c->proxy_password,
                                      .except = c->no_proxy.len > 0 ? buf_cstr(&except) : NULL };
    const struct http_tls tls = { .min_version = (enum http_tls_version)c->tls.min_version, .ca_file = c->tls.ca,
                                  .ca_dir = c->tls.ca_dir, .client_cert = c->tls.cert, .client_key = c->tls.key };

    if (!way.proxy)
        way.proxy = &proxy;
    if (!way.tls)
        way.tls = &tls;
    if (way.connect_timeout_ms == 0)
        way.connect_timeout_ms = c->connect_timeout_ms;
    return http_perform(http, &way, ret, err);
}
