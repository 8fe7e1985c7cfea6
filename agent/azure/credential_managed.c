/* credential_managed.c - identities that Azure gives to a host: a small HTTP endpoint beside the program
 * hands out tokens. There are five of them, told apart by the environment; each wants another header and
 * spells the parameters in its own way.
 *
 * Azure Arc is the odd one: it answers 401 and names a file that only root and the group himds can read;
 * its content is the password for a second request. A forged answer could name any file, so only a .key
 * file directly in Arc's own folder is read.
 * Source: "How to use managed identities for Azure resources on an Azure VM to acquire an access token",
 * "Authenticate against Azure resources with Azure Arc-enabled servers" (read 2026-08), MSAL Go
 * apps/managedidentity.
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/credential.h"
#include "azure/refusal.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define IMDS "http://169.254.169.254"
#define ARC "http://127.0.0.1:40342/metadata/identity/oauth2/token"
#define ARC_PROGRAM "/opt/azcmagent/bin/himds"
#define ARC_KEY_DIR "/var/opt/azcmagent/tokens"
#define ARC_KEY_MAX_BYTES 4096
#define IMDS_CONNECT_MS 2000 /* there may be none; the others are there when the environment names them, and may be busy */
#define TRIES 5
#define RETRY_MS 2000 /* then 4, 8, 16 s: half a minute; a host that boots may need it */
#define RETRY_MAX_MS 30000
#define ANSWER_MAX_BYTES (256u << 10)

static const struct managed_kind {
    const char *name, *api_version, *header; /* header: gets the secret, or "true" */
    const char *client_id, *object_id, *resource_id; /* parameter names; NULL: cannot be chosen */
} kinds[] = {
    [MANAGED_IMDS] = { .name = "virtual machine", .api_version = "2018-02-01", .header = "Metadata",
                       .client_id = "client_id", .object_id = "object_id", .resource_id = "msi_res_id" },
    [MANAGED_APP_SERVICE] = { .name = "App Service", .api_version = "2019-08-01",
                              .header = "X-IDENTITY-HEADER", .client_id = "client_id",
                              .object_id = "object_id", .resource_id = "mi_res_id" },
    [MANAGED_SERVICE_FABRIC] = { .name = "Service Fabric", .api_version = "2019-07-01-preview",
                                 .header = "Secret" },
    [MANAGED_ML] = { .name = "Machine Learning", .api_version = "2017-09-01", .header = "secret",
                     .client_id = "clientid" },
    [MANAGED_ARC] = { .name = "Azure Arc", .api_version = "2020-06-01", .header = "Metadata" },
};

const char *managed_host_name(enum managed_host host)
{
    return kinds[host].name;
}

void managed_release(struct managed *m)
{
    free(m->endpoint);
    free(m->thumbprint);
    free(m->client_id);
    free(m->object_id);
    free(m->resource_id);
    secret_release(&m->header);
}

/* ---- which one is it -------------------------------------------------------------------------------------- */

static const char *env(const char *name)
{
    const char *value = getenv(name);

    return value && value[0] ? value : NULL;
}

static int set_endpoint(struct managed *m, enum managed_host host, const char *base, const char *path,
                        const char *secret, struct error *err)
{
    size_t len = strlen(base);

    while (len > 0 && path[0] && base[len - 1] == '/')
        len--;
    m->host = host;
    m->arc_key_dir = ARC_KEY_DIR;
    m->retry_ms = RETRY_MS;
    if (asprintf(&m->endpoint, "%.*s%s", (int)len, base, path) < 0) {
        m->endpoint = NULL;
        return error_set(err, ERR_NOMEM, "no memory for a credential");
    }
    if (secret && !secret_set(&m->header, slice_of(secret)))
        return error_set(err, ERR_NOMEM, "no memory for a credential");
    return 0;
}

int managed_detect(struct managed *m, const char *imds_endpoint, struct error *err)
{
    const char *identity = env("IDENTITY_ENDPOINT"), *header = env("IDENTITY_HEADER");
    const char *thumbprint = env("IDENTITY_SERVER_THUMBPRINT"), *pod = env("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    static const char path[] = "/metadata/identity/oauth2/token";

    if (imds_endpoint)
        return set_endpoint(m, MANAGED_IMDS, imds_endpoint, path, NULL, err);
    if (identity && header && thumbprint) {
        m->thumbprint = strdup(thumbprint);
        if (!m->thumbprint)
            return error_set(err, ERR_NOMEM, "no memory for a credential");
        return set_endpoint(m, MANAGED_SERVICE_FABRIC, identity, "", header, err);
    }
    if (identity && header)
        return set_endpoint(m, MANAGED_APP_SERVICE, identity, "", header, err);
    if (env("MSI_ENDPOINT") && env("MSI_SECRET"))
        return set_endpoint(m, MANAGED_ML, env("MSI_ENDPOINT"), "", env("MSI_SECRET"), err);
    if (identity && env("IMDS_ENDPOINT"))
        return set_endpoint(m, MANAGED_ARC, identity, "", NULL, err);
    if (access(ARC_PROGRAM, F_OK) == 0)
        return set_endpoint(m, MANAGED_ARC, ARC, "", NULL, err);
    return set_endpoint(m, MANAGED_IMDS, pod ? pod : IMDS, path, NULL, err);
}

/* ---- one request --------------------------------------------------------------------------------------------- */

static void add_identity(struct buf *query, const char *name, const char *value)
{
    if (name && value)
        http_form_add(query, name, slice_of(value));
}

static int make_url(const struct managed *m, const char *scope, struct buf *ret, struct error *err)
{
    const struct managed_kind *k = &kinds[m->host];
    CLEANUP(buf_release) struct buf query = BUF_HERE(4096);
    struct slice resource = slice_of(scope);

    if (slice_ends_nocase(resource, SL("/.default")))
        resource.len -= sizeof("/.default") - 1;
    http_form_add(&query, "api-version", slice_of(k->api_version));
    http_form_add(&query, "resource", resource);
    add_identity(&query, k->client_id, m->client_id);
    add_identity(&query, k->object_id, m->object_id);
    add_identity(&query, k->resource_id, m->resource_id);
    if (buf_check(&query, err) < 0)
        return -1;
    buf_addf(ret, "%s%c%s", m->endpoint, strchr(m->endpoint, '?') ? '&' : '?', buf_cstr(&query));
    return buf_check(ret, err);
}

static int ask(struct azure_credential *c, const char *url, const struct secret *basic,
               struct http_answer *ret, struct error *err)
{
    const struct managed *m = &c->managed;
    CLEANUP(buf_wipe_release) struct buf authorization = BUF_PRIVATE(ARC_KEY_MAX_BYTES + 16);
    const struct http_tls pinned = { .pin_sha1 = m->thumbprint };
    bool has_secret = !secret_empty(&m->header);
    struct http_header headers[2] = {
        { .name = kinds[m->host].header,
          .value = has_secret ? slice_make(secret_reveal(&m->header), m->header.len) : SL("true") },
    };
    struct http_request req = {
        .method = "GET", .url = url, .headers = headers, .headers_len = 1, .no_proxy = true,
        .connect_timeout_ms = m->host == MANAGED_IMDS ? IMDS_CONNECT_MS : 0, .timeout_ms = 30000, .answer_max = ANSWER_MAX_BYTES,
        .tls = m->thumbprint ? &pinned : NULL,
    };

    if (basic) {
        buf_addf(&authorization, "Basic ");
        buf_add(&authorization, secret_reveal(basic), basic->len);
        if (buf_check(&authorization, err) < 0)
            return -1;
        headers[req.headers_len++] = (struct http_header){
            .name = "Authorization", .value = buf_slice(&authorization) };
    }
    return http_perform(c->sv->http, &req, ret, err);
}

/* 401 is Arc's challenge, whose file only its group can read: there is an identity all the same. */
enum managed_state managed_look(struct azure_credential *c, const char *scope)
{
    CLEANUP(buf_wipe_release) struct buf url = BUF_INIT(8192);
    CLEANUP(http_answer_release) struct http_answer answer = { 0 };
    enum managed_state state = MANAGED_ABSENT;
    struct error err = { 0 };

    if (managed_detect(&c->managed, NULL, &err) == 0 && make_url(&c->managed, scope, &url, &err) == 0 &&
        ask(c, buf_cstr(&url), NULL, &answer, &err) == 0)
        state = answer.status == 200 || answer.status == 401 ? MANAGED_GIVES : MANAGED_REFUSES;
    buf_wipe_release(&answer.body); /* a token */
    return state;
}

/* ---- Azure Arc's challenge -------------------------------------------------------------------------------------- */

/* Basic realm=/var/opt/azcmagent/tokens/<name>.key */
static bool realm_of(const char *challenge, char *ret, size_t size)
{
    struct slice text = slice_of(challenge);
    size_t at = slice_find_nocase(text, SL("basic realm="));
    struct slice path;

    if (at == SIZE_MAX)
        return false;
    at += sizeof("basic realm=") - 1;
    path = slice_trim(slice_make(text.at + at, text.len - at));
    if (path.len >= 2 && path.at[0] == '"' && path.at[path.len - 1] == '"')
        path = slice_make(path.at + 1, path.len - 2);
    if (path.len == 0 || path.len >= size)
        return false;
    (void)snprintf(ret, size, "%.*s", SLF(path));
    return true;
}

/* Directly in Arc's folder, by that name and no other way. */
static bool is_arc_key(const char *path, const char *dir)
{
    size_t dir_len = strlen(dir);
    const char *name = path + dir_len + 1;

    return strncmp(path, dir, dir_len) == 0 && path[dir_len] == '/' && name[0] != '.' &&
           !strchr(name, '/') && slice_ends_nocase(slice_of(name), SL(".key"));
}

static int read_arc_key(const char *path, struct secret *ret, struct error *err)
{
    char text[ARC_KEY_MAX_BYTES + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct slice key;
    struct stat st;
    ssize_t n = -1;

    if (fd < 0)
        return error_errno(err, ERR_CONFIG, errno, "key '%.100s'%s", path,
                           errno == EACCES ? " (the agent's user must be in group himds)" : "");
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= ARC_KEY_MAX_BYTES)
        n = read(fd, text, sizeof(text));
    (void)close(fd); /* nothing was written */
    if (n < 0 || n > ARC_KEY_MAX_BYTES)
        return error_set(err, ERR_DENIED, "key '%.100s' is not a file of at most %d bytes", path, ARC_KEY_MAX_BYTES);
    key = slice_trim(slice_make(text, (size_t)n));
    if (slice_empty(key))
        return error_set(err, ERR_CONFIG, "key '%.100s' is empty", path);
    if (!secret_set(ret, key))
        return error_set(err, ERR_NOMEM, "no memory for a key");
    wipe(text, sizeof(text));
    return 0;
}

static int answer_challenge(struct azure_credential *c, const char *url, struct http_answer *io, struct error *err)
{
    CLEANUP(secret_release) struct secret key = SECRET_INIT;
    char path[sizeof(io->www_authenticate)];

    if (!realm_of(io->www_authenticate, path, sizeof(path)))
        return error_set(err, ERR_SERVER, "challenge names no key file");
    if (!is_arc_key(path, c->managed.arc_key_dir))
        return error_set(err, ERR_DENIED, "challenge names '%.100s', which is not a key of Azure Arc", path);
    if (read_arc_key(path, &key, err) < 0)
        return -1;
    http_answer_release(io);
    return ask(c, url, &key, io, err);
}

/* ---- judging ------------------------------------------------------------------------------------------------------ */

static bool is_worth_another_try(int status)
{
    return status == 404 || status == 410 || status == 429 || status >= 500;
}

/* {"error": "...", "error_description": "..."} or, from App Service, {"message": "..."}. */
static void describe_refusal(struct slice body, char *ret, size_t size)
{
    struct json_tokener *tok = json_tokener_new_ex(8);
    struct json_object *o = tok && body.len > 0 && body.len < INT32_MAX
                                ? json_tokener_parse_ex(tok, body.at, (int)body.len)
                                : NULL;
    static const char *const keys[] = { "error_description", "message", "Message", "error" };
    struct json_object *v = NULL;

    (void)snprintf(ret, size, "no reason given");
    for (size_t i = 0; json_object_is_type(o, json_type_object) && i < ARRAY_LEN(keys); i++)
        if (json_object_object_get_ex(o, keys[i], &v) && json_object_is_type(v, json_type_string)) {
            (void)snprintf(ret, size, "'%.*s'", (int)size - 3, json_object_get_string(v));
            break;
        }
    json_object_put(o);
    if (tok)
        json_tokener_free(tok);
}

static int judge(struct azure_credential *c, struct http_answer *a, struct token *ret, struct error *err)
{
    int64_t wall_ns = a->server_date_ns ? a->server_date_ns : sv_wall_ns(c->sv);
    char why[130];

    if (a->status == 200)
        return token_parse(buf_slice(&a->body), wall_ns, ret, err);
    if (is_worth_another_try(a->status)) {
        (void)error_set(err, a->status >= 500 && a->status != 503 ? ERR_SERVER : ERR_BUSY,
                        "not ready (HTTP %d)", a->status);
        err->retry_after_ms = a->retry_after_ms;
        return -1;
    }
    describe_refusal(buf_slice(&a->body), why, sizeof(why));
    return error_set(err, a->status == 401 || a->status == 403 ? ERR_AUTH : ERR_CONFIG,
                     "HTTP %d, %s; does this host have the identity?", a->status, why);
}

static bool is_pause_over(struct azure_credential *c, int nth, const struct error *e)
{
    int64_t ms = c->managed.retry_ms << nth;

    if (e->retry_after_ms > ms)
        ms = e->retry_after_ms;
    return http_client_wait(c->sv->http, ms > RETRY_MAX_MS ? RETRY_MAX_MS : ms);
}

/* One try: ERR_NET before anything was said ends it, everything else that passes is worth another. */
static int try_once(struct azure_credential *c, const char *url, struct token *ret, bool *ret_again,
                    struct error *err)
{
    struct http_answer a = { 0 };
    int result;

    *ret_again = false;
    result = ask(c, url, NULL, &a, err);
    if (result < 0 && a.failure == HTTP_FAILED_CONNECT && c->managed.host == MANAGED_IMDS)
        return error_wrap(err, "no metadata service; is this an Azure host?");
    if (result == 0 && a.status == 401 && c->managed.host == MANAGED_ARC)
        result = answer_challenge(c, url, &a, err);
    if (result < 0) {
        *ret_again = a.failure == HTTP_FAILED_SILENT || a.failure == HTTP_FAILED_CUT;
    } else {
        *ret_again = is_worth_another_try(a.status);
        result = judge(c, &a, ret, err);
    }
    if (a.body.at)
        wipe(a.body.at, a.body.len);
    http_answer_release(&a);
    return result;
}

int credential_fetch_managed(struct azure_credential *c, const char *scope, struct token *ret, struct error *err)
{
    CLEANUP(buf_release) struct buf url = BUF_INIT(8192);
    bool again = true;

    if (make_url(&c->managed, scope, &url, err) < 0)
        return -1;
    for (int nth = 0; nth < TRIES; nth++) {
        struct error e = { 0 };

        if (try_once(c, buf_cstr(&url), ret, &again, &e) == 0)
            return 0;
        *err = e;
        if (!again || nth + 1 == TRIES)
            break;
        if (!is_pause_over(c, nth, &e)) {
            (void)error_set(err, ERR_CANCELLED, "interrupted");
            break;
        }
    }
    return error_wrap(err, "%s", c->describe);
}
