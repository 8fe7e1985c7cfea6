/* console.c - see console.h. SPDX-License-Identifier: Apache-2.0 */
#include "console/console.h"

#include "base/file.h"
#include "base/json_in.h"
#include "base/log.h"
#include "console/assets.h"
#include "console/view.h"
#include "net/openssl.h"
#include "net/stream.h"
#include "settings/errors.h"
#include "status.h"
#include "store/store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <json-c/json.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define PAGE_MAX (16u << 20)
#define FILE_MAX_BYTES (1u << 20)
#define CONNECTIONS_MAX 64
#define IDLE_S 15
#define REQUEST_MEMORY 32768 /* bytes of a request's line and headers */

static void check_listen(const void *self, const struct yaml_node *value, struct settings_errors *errors);

const struct option_spec console_options[] = {
    { .key = "listen", .type = OPT_STRING, .at = offsetof(struct console_settings, listen), .check = check_listen,
      .example = "127.0.0.1:9797", .help = "address and port, or unix:/PATH; unset: no console" },
    { .key = "token", .type = OPT_SECRET, .at = offsetof(struct console_settings, token),
      .reference_at = offsetof(struct console_settings, token_ref),
      .example = "${file:/etc/cosmowatch/console-token}",
      .help = "who looks must send it, as bearer token or as password of any user; needed beyond loopback" },
    { .key = "hosts", .type = OPT_STRING_LIST, .at = offsetof(struct console_settings, hosts),
      .example = "[soc.example.net]", .help = "names by which it may be asked, beside localhost and its own address" },
    { .key = "cert", .type = OPT_STRING, .at = offsetof(struct console_settings, cert), .file = OPTION_FILE_CERTIFICATE,
      .example = "/etc/cosmowatch/console.pem", .help = "PEM file with the certificate; then it speaks HTTPS" },
    { .key = "key", .type = OPT_STRING, .at = offsetof(struct console_settings, key), .file = OPTION_FILE_KEY,
      .example = "/etc/cosmowatch/console.key", .help = "PEM file with its key" },
    { .key = "allow_plain_http", .type = OPT_BOOL, .at = offsetof(struct console_settings, allow_plain_http),
      .preset = "false", .help = "listen beyond loopback without TLS, behind a proxy that has it" },
    { 0 },
};

struct address {
    struct sockaddr_storage at;
    socklen_t len;
    bool is_local; /* loopback or Unix */
};

struct console {
    struct console_config cfg;
    struct store *store;
    struct MHD_Daemon *daemon;
    const char *unix_path; /* of the settings; once it is there */
    char own_host[INET6_ADDRSTRLEN + 2];
    struct buf cert, key;
};

/* ---- where it listens --------------------------------------------------------------------------------------------- */

static bool parse_unix(const char *path, struct address *ret)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&ret->at;

    if (path[0] != '/' || strlen(path) >= sizeof un->sun_path)
        return false;
    un->sun_family = AF_UNIX;
    (void)snprintf(un->sun_path, sizeof un->sun_path, "%s", path);
    ret->len = sizeof *un;
    ret->is_local = true;
    return true;
}

/* "127.0.0.1:9797", "[::1]:9797", "unix:/run/cosmowatch/console.sock" */
static bool parse_address(const char *text, struct address *ret)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)&ret->at;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ret->at;
    char host[INET6_ADDRSTRLEN];
    struct error err = { 0 };
    int port = 0;

    *ret = (struct address){ 0 };
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, ret);
    if (strpbrk(text, " \t") || stream_parse_address(slice_of(text), 0, host, sizeof host, &port, &err) < 0 || port == 0)
        return false;
    if (text[0] == '[' && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        ret->len = sizeof *v6;
        ret->is_local = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
        return true;
    }
    if (text[0] == '[' || inet_pton(AF_INET, host, &v4->sin_addr) != 1)
        return false;
    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    ret->len = sizeof *v4;
    ret->is_local = (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    return true;
}

static void check_listen(const void *self, const struct yaml_node *value, struct settings_errors *errors)
{
    const struct console_settings *s = self;
    struct address a;

    if (s->listen && !parse_address(s->listen, &a))
        settings_errors_add(errors, value, "'%.80s' is no address to listen on: 127.0.0.1:9797, [::1]:9797 or unix:/PATH",
                            s->listen);
}

int console_check(const struct console_settings *s, struct error *err)
{
    struct address a;

    if (!s->listen)
        return 0;
    if (!parse_address(s->listen, &a))
        return error_set(err, ERR_CONFIG, "console: '%.80s' is no address", s->listen);
    if (a.is_local)
        return 0;
    if (!s->token_ref)
        return error_set(err, ERR_CONFIG, "console: %s is beyond this machine: give it a `token`, or listen on 127.0.0.1",
                         s->listen);
    if (!s->cert && !s->allow_plain_http)
        return error_set(err, ERR_CONFIG, "console: %s is beyond this machine: give it `cert` and `key`, or say "
                                          "allow_plain_http where a proxy has them", s->listen);
    return 0;
}

/* A socket file that nobody listens on any more is in the way. */
static int clear_unix(const char *path, const struct address *a, struct error *err)
{
    struct stat st;
    int fd = -1, rc = 0;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : error_errno(err, ERR_IO, errno, "console: %s", path);
    if (!S_ISSOCK(st.st_mode))
        return error_set(err, ERR_CONFIG, "console: %s is there and is no socket", path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    rc = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&a->at, a->len);
    if (fd >= 0)
        (void)close(fd);
    if (rc == 0)
        return error_set(err, ERR_CONFIG, "console: somebody listens on %s already", path);
    return unlink(path) == 0 ? 0 : error_errno(err, ERR_IO, errno, "console: %s", path);
}

static int listen_on(struct console *c, const struct address *a, int *ret_fd, struct error *err)
{
    const char *where = c->cfg.settings->listen;
    bool is_unix = a->at.ss_family == AF_UNIX;
    const int on = 1;
    int fd = -1;

    if (is_unix && clear_unix(where + 5, a, err) < 0)
        return -1;
    fd = socket(a->at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return error_errno(err, ERR_IO, errno, "console: no socket");
    if (!is_unix)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)&a->at, a->len) < 0 || listen(fd, CONNECTIONS_MAX) < 0) {
        error_errno(err, ERR_IO, errno, "console: cannot listen on %s", where);
        (void)close(fd);
        return -1;
    }
    if (is_unix) {
        (void)chmod(where + 5, 0660);
        c->unix_path = where + 5;
    }
    *ret_fd = fd;
    return 0;
}

static void name_own_host(struct console *c, const struct address *a)
{
    const char *where = c->cfg.settings->listen, *colon = strrchr(where, ':');

    if (a->at.ss_family != AF_UNIX)
        (void)snprintf(c->own_host, sizeof c->own_host, "%.*s", (int)(colon - where), where);
}

/* ---- who may look ------------------------------------------------------------------------------------------------- */

static bool is_our_name(const struct console *c, const char *host)
{
    static const char *const local[] = { "localhost", "127.0.0.1", "[::1]" };
    const struct string_list *hosts = &c->cfg.settings->hosts;
    const char *colon = host ? strrchr(host, ':') : NULL;
    struct slice name = slice_of(host ? host : "");

    if (c->unix_path)
        return true; /* no web page reaches a Unix socket */
    if (colon && !strchr(colon, ']'))
        name = slice_make(host, (size_t)(colon - host));
    for (size_t i = 0; i < ARRAY_LEN(local); i++)
        if (slice_eq_nocase(name, slice_of(local[i])))
            return true;
    for (size_t i = 0; i < hosts->len; i++)
        if (slice_eq_nocase(name, slice_of(hosts->at[i])))
            return true;
    return slice_eq_nocase(name, slice_of(c->own_host));
}

static bool is_token(const struct console *c, const char *given)
{
    const struct secret *token = &c->cfg.settings->token;

    return given && strlen(given) == token->len && CRYPTO_memcmp(given, secret_reveal(token), token->len) == 0;
}

/* "user:password" in base64, of any user. Without asking for memory: a right password is never a wrong one. */
static bool is_password(const struct console *c, const char *coded)
{
    unsigned char plain[REQUEST_MEMORY + 1] = "";
    size_t len = strlen(coded);
    const char *colon = NULL;
    bool is_right = false;
    int n = len < sizeof plain ? EVP_DecodeBlock(plain, (const unsigned char *)coded, (int)len) : -1;

    if (n > 0) {
        plain[n] = '\0'; /* padding was decoded to NUL bytes */
        colon = strchr((const char *)plain, ':');
        is_right = colon && is_token(c, colon + 1);
    }
    wipe(plain, sizeof plain);
    return is_right;
}

static bool may_look(const struct console *c, struct MHD_Connection *conn)
{
    const char *header = NULL;

    if (secret_empty(&c->cfg.settings->token))
        return true;
    header = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    if (header && strncasecmp(header, "Bearer ", 7) == 0)
        return is_token(c, header + 7);
    return header && strncasecmp(header, "Basic ", 6) == 0 && is_password(c, header + 6);
}

/* ---- answers ------------------------------------------------------------------------------------------------------ */

struct page {
    const char *path;  /* a trailing slash: and what is below it */
    const char *type;
    int (*show)(struct view *v, struct error *err);
};

#define OPENMETRICS "application/openmetrics-text"
#define HTML "text/html; charset=utf-8"
static const struct page pages[] = {
    { "/", HTML, overview_page },
    { "/alerts", HTML, alerts_page },
    { "/alerts/", HTML, alert_page },
    { "/accounts", HTML, accounts_page },
    { "/accounts/", HTML, account_page },
    { "/rules", HTML, rules_page },
    { "/metrics", "text/plain; version=0.0.4; charset=utf-8", metrics_page },
    { "/healthz", "application/json", healthz_page },
    { "/readyz", "application/json", readyz_page },
};

static const struct page *find_page(const char *path, const char **ret_rest)
{
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        size_t len = strlen(pages[i].path);
        bool has_more = len > 1 && pages[i].path[len - 1] == '/';

        *ret_rest = path + len;
        if (has_more ? strncmp(path, pages[i].path, len) == 0 && path[len] : strcmp(path, pages[i].path) == 0)
            return &pages[i];
    }
    return NULL;
}

static const char *query_value(void *self, const char *key)
{
    const char *value = MHD_lookup_connection_value(self, MHD_GET_ARGUMENT_KIND, key);

    return value && value[0] ? value : NULL;
}

/* All of them: a page without what keeps a browser from harm is none. */
static bool add_headers(struct MHD_Response *r, int status, const char *type)
{
    static const char *const headers[][2] = {
        { "Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
                                     "form-action 'self'; base-uri 'none'; frame-ancestors 'none'" },
        { "X-Content-Type-Options", "nosniff" },
        { "X-Frame-Options", "DENY" },
        { "Referrer-Policy", "no-referrer" },
        { "Cross-Origin-Resource-Policy", "same-origin" },
        { "Cross-Origin-Opener-Policy", "same-origin" },
        { "Cache-Control", "no-store" },
    };

    bool is_good = MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES;

    for (size_t i = 0; i < ARRAY_LEN(headers) && is_good; i++)
        is_good = MHD_add_response_header(r, headers[i][0], headers[i][1]) == MHD_YES;
    if (is_good && status == MHD_HTTP_UNAUTHORIZED)
        is_good = MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE,
                                          "Basic realm=\"cosmowatch\", charset=\"UTF-8\"") == MHD_YES;
    if (is_good && status == MHD_HTTP_METHOD_NOT_ALLOWED)
        is_good = MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES;
    return is_good;
}

/* Copies the body: a page is small and its builder goes out of scope. */
static enum MHD_Result send_body(struct MHD_Connection *conn, int status, const char *type, struct slice body)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.at, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result rc = MHD_NO;

    if (!r)
        return MHD_NO;
    if (add_headers(r, status, type))
        rc = MHD_queue_response(conn, (unsigned)status, r);
    MHD_destroy_response(r);
    return rc;
}

static enum MHD_Result send_sentence(struct MHD_Connection *conn, int status, const char *sentence)
{
    return send_body(conn, status, "text/plain; charset=utf-8", slice_of(sentence));
}

static enum MHD_Result show(struct console *c, struct MHD_Connection *conn, const struct page *p, const char *path,
                            const char *rest)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(PAGE_MAX), text = BUF_INIT(STATUS_MAX_BYTES);
    struct view v = { .sv = c->cfg.sv, .store = c->store, .baseline = c->cfg.baseline, .suppress = c->cfg.suppress,
                      .trusted = c->cfg.trusted, .detectors = c->cfg.detectors, .detectors_len = c->cfg.detectors_len,
                      .path = path, .rest = rest, .query = query_value, .query_self = conn, .out = &out };
    const char *accept = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT), *type = p->type;
    struct error err = { 0 };
    int status = 0;

    v.wants_openmetrics = p->show == metrics_page && accept && strstr(accept, OPENMETRICS);
    if (v.wants_openmetrics)
        type = OPENMETRICS "; version=1.0.0; charset=utf-8";
    status = status_read(c->store, &text, &v.status, &err) < 0 ? -1 : p->show(&v, &err);
    json_object_put(v.status);
    if (status >= 0 && buf_check(&out, &err) == 0)
        return send_body(conn, status, type, buf_slice(&out));
    log_event(LOG_LEVEL_WARN, "console", "a page could not be shown", "path", path, "cause", err.msg, NULL);
    return send_sentence(conn, err.code == ERR_NOT_FOUND ? 404 : err.code == ERR_INPUT || err.code == ERR_CONFIG ? 400 : 500,
                         err.msg);
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *conn, const char *path, const char *method,
                                  const char *version UNUSED, const char *upload UNUSED, size_t *upload_len, void **seen)
{
    struct console *c = self;
    const struct asset *asset = assets_find(path);
    const struct page *page = NULL;
    const char *rest = "";

    /* At once: in the middle of a body no answer is taken. */
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return send_sentence(conn, MHD_HTTP_METHOD_NOT_ALLOWED, "the console only shows\n");
    if (!*seen || *upload_len > 0) { /* headers are there, a body is not wanted */
        *seen = c;
        *upload_len = 0;
        return MHD_YES;
    }
    if (!is_our_name(c, MHD_lookup_connection_value(conn, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST)))
        return send_sentence(conn, MHD_HTTP_MISDIRECTED_REQUEST,
                             "not a name of this console: add it to `console: hosts:` if it should be\n");
    if (!may_look(c, conn))
        return send_sentence(conn, MHD_HTTP_UNAUTHORIZED, "send the console's token, as bearer token or as password\n");
    if (asset)
        return send_body(conn, 200, asset->type, asset->bytes);
    page = find_page(path, &rest);
    return page ? show(c, conn, page, path, rest) : send_sentence(conn, 404, "there is no such page\n");
}

/* ---- start and end ------------------------------------------------------------------------------------------------ */

static int read_pem(const char *path, struct buf *ret, struct error *err)
{
    if (file_read(ret, path, err) == 0)
        return 0;
    err->code = ERR_CONFIG;
    return error_wrap(err, "console");
}

static int start_daemon(struct console *c, int fd, struct error *err)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO;
    struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, NULL },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, NULL },
        { MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" },
        { MHD_OPTION_END, 0, NULL },
    };

    if (c->cfg.settings->cert) {
        flags |= MHD_USE_TLS;
        tls[0].ptr_value = (void *)(uintptr_t)buf_cstr(&c->cert);
        tls[1].ptr_value = (void *)(uintptr_t)buf_cstr(&c->key);
    }
    c->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, c, MHD_OPTION_LISTEN_SOCKET, fd,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_MEMORY,
                                 MHD_OPTION_ARRAY, c->cfg.settings->cert ? tls : &tls[3], MHD_OPTION_END);
    if (c->daemon)
        return 0;
    (void)close(fd);
    return error_set(err, ERR_CONFIG, "console: cannot serve on %s%s", c->cfg.settings->listen,
                     c->cfg.settings->cert ? ": do certificate and key belong together?" : "");
}

int console_start(const struct console_config *cfg, struct console **ret, struct error *err)
{
    const struct console_settings *s = cfg->settings;
    struct console *c = NULL;
    struct address a;
    int fd = -1;

    *ret = NULL;
    if (!s->listen)
        return 0;
    if (console_check(s, err) < 0 || !parse_address(s->listen, &a))
        return -1;
    c = calloc(1, sizeof *c);
    if (!c)
        return error_set(err, ERR_NOMEM, "no memory for the console");
    c->cfg = *cfg;
    c->cert = c->key = BUF_INIT(FILE_MAX_BYTES);
    name_own_host(c, &a);
    if ((s->cert && (read_pem(s->cert, &c->cert, err) < 0 || read_pem(s->key ? s->key : s->cert, &c->key, err) < 0)) ||
        store_open(cfg->store, STORE_READ, &c->store, err) < 0 || listen_on(c, &a, &fd, err) < 0 ||
        start_daemon(c, fd, err) < 0) {
        console_stop(c);
        return -1;
    }
    log_event(LOG_LEVEL_INFO, "console", "listens", "on", s->listen, NULL);
    *ret = c;
    return 0;
}

void console_stop(struct console *c)
{
    if (!c)
        return;
    if (c->daemon)
        MHD_stop_daemon(c->daemon);
    if (c->unix_path)
        (void)unlink(c->unix_path);
    store_close(c->store);
    if (c->key.at)
        wipe(c->key.at, c->key.len);
    buf_release(&c->cert);
    buf_release(&c->key);
    free(c);
}
