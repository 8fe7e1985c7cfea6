/* stream_tls.c - see stream_tls.h. SPDX-License-Identifier: Apache-2.0 */
#include "net/stream_tls.h"

#include "base/log.h"
#include "base/slice.h"
#include "net/openssl.h"
#include "net/tls_peer.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FINGERPRINTS_MAX 32

struct fingerprint {
    const EVP_MD *md;
    const char *name; /* "sha-256" */
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t len;
};

struct stream_tls {
    struct stream_tls_config cfg;
    struct fingerprint prints[FINGERPRINTS_MAX];
    size_t prints_len;
    SSL_CTX *ctx;         /* last good */
    uint64_t stamp;       /* of the files when last looked at, good or bad */
    bool is_doubtful;     /* a handshake failed: OpenSSL keeps what it could not read for want of memory as unreadable */
    uint64_t generation;
    struct tls_peer peer; /* of the last handshake */
    char seen_print[160]; /* of a peer that is none of the given ones */
};

/* ---- files -------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        hash = (hash ^ ((value >> (8 * i)) & 0xff)) * UINT64_C(1099511628211); /* FNV-1a */
    return hash;
}

uint64_t stream_files_stamp(const char *const *paths, size_t n)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < n; i++) {
        struct stat st;

        if (!paths[i])
            continue;
        if (stat(paths[i], &st) < 0) { /* absent is a state too */
            hash = mix(hash, 1);
            continue;
        }
        hash = mix(mix(mix(hash, (uint64_t)st.st_dev), (uint64_t)st.st_ino), (uint64_t)st.st_size);
        hash = mix(mix(hash, (uint64_t)st.st_mtim.tv_sec), (uint64_t)st.st_mtim.tv_nsec);
        hash = mix(mix(hash, (uint64_t)st.st_ctim.tv_sec), (uint64_t)st.st_ctim.tv_nsec);
    }
    return hash;
}

static uint64_t own_stamp(const struct stream_tls *t)
{
    const char *const paths[] = { t->cfg.ca_file, t->cfg.ca_dir, t->cfg.cert_file, t->cfg.key_file };

    return stream_files_stamp(paths, ARRAY_LEN(paths));
}

/* The first error in the queue is the cause; those behind it say which layers it passed. */
static const char *openssl_reason(void)
{
    unsigned long code = ERR_peek_error();
    const char *reason = ERR_SYSTEM_ERROR(code) ? strerrordesc_np(ERR_GET_REASON(code)) : ERR_reason_error_string(code);

    return reason ? reason : "unknown reason";
}

/* Never ask on the terminal for a key's password. */
static int no_password(char *at UNUSED, int size UNUSED, int writing UNUSED, void *arg UNUSED)
{
    return -1;
}

static int load_trust(const struct stream_tls *t, SSL_CTX *ctx, struct error *err)
{
    if (t->cfg.ca_file && SSL_CTX_load_verify_file(ctx, t->cfg.ca_file) != 1)
        return error_set(err, ERR_CONFIG, "CA file '%s': %s", t->cfg.ca_file, openssl_reason());
    if (t->cfg.ca_dir && SSL_CTX_load_verify_dir(ctx, t->cfg.ca_dir) != 1)
        return error_set(err, ERR_CONFIG, "CA folder '%s': %s", t->cfg.ca_dir, openssl_reason());
    if (!t->cfg.ca_file && !t->cfg.ca_dir && SSL_CTX_set_default_verify_paths(ctx) != 1)
        return error_set(err, ERR_CONFIG, "the system's CA certificates: %s", openssl_reason());
    return 0;
}

static int load_identity(const struct stream_tls *t, SSL_CTX *ctx, struct error *err)
{
    const char *key = t->cfg.key_file ? t->cfg.key_file : t->cfg.cert_file;

    if (!t->cfg.cert_file)
        return 0;
    if (SSL_CTX_use_certificate_chain_file(ctx, t->cfg.cert_file) != 1)
        return error_set(err, ERR_CONFIG, "client certificate '%s': %s", t->cfg.cert_file, openssl_reason());
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        return error_set(err, ERR_CONFIG, "key '%s' of the client certificate: %s", key, openssl_reason());
    return 0;
}

static int verify_peer(X509_STORE_CTX *chain, void *arg);

static SSL_CTX *load(struct stream_tls *t, struct error *err)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    bool is_good = ctx != NULL;

    ERR_clear_error();
    if (!ctx || SSL_CTX_set_min_proto_version(ctx, t->cfg.is_tls13_only ? TLS1_3_VERSION : TLS1_2_VERSION) != 1) {
        (void)error_set(err, ERR_NOMEM, "no TLS context");
        is_good = false;
    } else {
        (void)SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_default_passwd_cb(ctx, no_password);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
        (void)tls_peer_watch(ctx, &t->peer);
        if (t->prints_len > 0)
            SSL_CTX_set_cert_verify_callback(ctx, verify_peer, t);
        is_good = load_trust(t, ctx, err) == 0 && load_identity(t, ctx, err) == 0;
    }
    ERR_clear_error();
    if (is_good)
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

uint64_t stream_tls_refresh(struct stream_tls *t)
{
    uint64_t stamp = own_stamp(t);
    bool is_new = stamp != t->stamp;
    struct error why = { 0 };
    SSL_CTX *fresh;

    if (!is_new && !t->is_doubtful)
        return t->generation;
    t->stamp = stamp;
    fresh = load(t, &why);
    if (!fresh && !is_new) /* for want of memory, then: again the next time */
        return t->generation;
    t->is_doubtful = false;
    if (!fresh) {
        log_event(LOG_LEVEL_WARN, "tls", "replaced certificate file is not usable, the last good one stays", "reason",
                  why.msg, NULL);
        return t->generation;
    }
    SSL_CTX_free(t->ctx);
    t->ctx = fresh;
    t->generation += is_new;
    return t->generation;
}

/* ---- fingerprints ------------------------------------------------------------------------------- */

static const struct { const char *name, *openssl; } digests[] = {
    { "sha-256", "SHA256" }, { "sha-1", "SHA1" }, { "sha-384", "SHA384" }, { "sha-512", "SHA512" },
};

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "AB:CD:EF" with or without colons. */
static bool parse_hex(struct slice s, unsigned char *at, size_t max, size_t *ret_len)
{
    size_t n = 0;

    for (size_t i = 0; i < s.len; n++) {
        int high, low;

        if (i > 0 && s.at[i] == ':')
            i++;
        if (n == max || i + 1 >= s.len)
            return false;
        high = hex_digit(s.at[i]);
        low = hex_digit(s.at[i + 1]);
        if (high < 0 || low < 0)
            return false;
        at[n] = (unsigned char)(high << 4 | low);
        i += 2;
    }
    *ret_len = n;
    return true;
}

static int parse_fingerprint(struct fingerprint *f, const char *text, struct error *err)
{
    struct slice rest = slice_of(text), name = { 0 };

    (void)slice_split(&rest, ':', &name);
    for (size_t i = 0; i < ARRAY_LEN(digests); i++) {
        if (!slice_eq_nocase(name, slice_of(digests[i].name)))
            continue;
        f->name = digests[i].name;
        f->md = EVP_get_digestbyname(digests[i].openssl);
        if (f->md && parse_hex(rest, f->digest, sizeof f->digest, &f->len) && f->len == (size_t)EVP_MD_get_size(f->md))
            return 0;
    }
    return error_set(err, ERR_CONFIG, "'%.100s' is no fingerprint such as sha-256:AB:CD:... (openssl x509 -fingerprint "
                                      "-sha256)", text);
}

static void keep_seen_print(struct stream_tls *t, const struct fingerprint *f, const unsigned char *digest, unsigned len)
{
    size_t used = (size_t)snprintf(t->seen_print, sizeof t->seen_print, "%s", f->name);

    for (unsigned i = 0; i < len && used + 4 < sizeof t->seen_print; i++)
        used += (size_t)snprintf(t->seen_print + used, sizeof t->seen_print - used, ":%02X", digest[i]);
}

/* Called in the place of X509_verify_cert when fingerprints are given. */
static int verify_peer(X509_STORE_CTX *chain, void *arg)
{
    struct stream_tls *t = arg;
    const X509 *leaf = X509_STORE_CTX_get0_cert(chain);

    t->seen_print[0] = '\0';
    for (size_t i = 0; leaf && i < t->prints_len; i++) {
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned len = 0;

        if (X509_digest(leaf, t->prints[i].md, digest, &len) != 1)
            continue;
        if (len == t->prints[i].len && CRYPTO_memcmp(digest, t->prints[i].digest, len) == 0) {
            X509_STORE_CTX_set_error(chain, X509_V_OK);
            t->seen_print[0] = '\0';
            return 1;
        }
        keep_seen_print(t, &t->prints[i], digest, len);
    }
    X509_STORE_CTX_set_error(chain, X509_V_ERR_CERT_REJECTED);
    return 0;
}

/* ---- life --------------------------------------------------------------------------------------- */

int stream_tls_new(const struct stream_tls_config *cfg, struct stream_tls **ret, struct error *err)
{
    struct stream_tls *t = calloc(1, sizeof *t);

    if (!t)
        return error_set(err, ERR_NOMEM, "TLS");
    t->cfg = *cfg;
    tls_peer_reset(&t->peer, NULL);
    if (cfg->fingerprints_len > FINGERPRINTS_MAX) {
        stream_tls_free(t);
        return error_set(err, ERR_CONFIG, "at most %d fingerprints", FINGERPRINTS_MAX);
    }
    for (; t->prints_len < cfg->fingerprints_len; t->prints_len++)
        if (parse_fingerprint(&t->prints[t->prints_len], cfg->fingerprints[t->prints_len], err) < 0) {
            stream_tls_free(t);
            return -1;
        }
    t->stamp = own_stamp(t);
    t->ctx = load(t, err);
    if (!t->ctx) {
        stream_tls_free(t);
        return -1;
    }
    *ret = t;
    return 0;
}

void stream_tls_free(struct stream_tls *t)
{
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    free(t);
}

/* ---- a connection ------------------------------------------------------------------------------- */

static bool is_address(const char *host)
{
    unsigned char ignored[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, ignored) == 1 || inet_pton(AF_INET6, host, ignored) == 1;
}

static bool set_name(SSL *ssl, const char *name)
{
    if (is_address(name)) /* SNI holds names only (RFC 6066) */
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

void *stream_tls_connection(struct stream_tls *t, const char *host, int fd, struct error *err)
{
    SSL *ssl;

    (void)stream_tls_refresh(t);
    tls_peer_reset(&t->peer, NULL);
    t->seen_print[0] = '\0';
    ERR_clear_error();
    ssl = SSL_new(t->ctx);
    if (ssl && SSL_set_fd(ssl, fd) == 1 && set_name(ssl, t->cfg.server_name ? t->cfg.server_name : host))
        return ssl;
    SSL_free(ssl);
    (void)error_set(err, ERR_CONFIG, "TLS cannot be set up for '%.100s': %s", host, openssl_reason());
    return NULL;
}

const struct peer_chain *stream_tls_chain(const struct stream_tls *t)
{
    return &t->peer.chain;
}

void stream_tls_describe(const struct stream_tls *t, const void *ssl, char *ret, size_t size)
{
    if (t->prints_len > 0)
        (void)snprintf(ret, size, "%s, certificate known by its fingerprint", SSL_get_version(ssl));
    else
        (void)snprintf(ret, size, "%s, certificate of '%s' issued by '%s'", SSL_get_version(ssl), t->peer.subject,
                       t->peer.issuer);
}

/* ---- what went wrong ------------------------------------------------------------------------------ */

static int explain_certificate(const struct stream_tls *t, const struct services *sv, struct error *err)
{
    char why[200];

    if (t->seen_print[0])
        return error_set(err, ERR_CONFIG, "TLS: the receiver's certificate has another fingerprint: %s", t->seen_print);
    if (tls_peer_lacked_memory(&t->peer))
        return error_set(err, ERR_NOMEM, "TLS: no memory to verify the receiver's certificate");
    if (tls_peer_says(&t->peer, sv_wall_ns(sv), why, sizeof why))
        return error_set(err, ERR_CONFIG, "TLS: %s", why);
    return error_set(err, ERR_CONFIG, "TLS: the receiver's certificate is not trusted");
}

/* Alerts that speak of our certificate: RFC 8446 section 6.2. */
static bool is_about_our_certificate(int alert)
{
    switch (alert) {
    case SSL_AD_BAD_CERTIFICATE: case SSL_AD_UNSUPPORTED_CERTIFICATE: case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED: case SSL_AD_CERTIFICATE_UNKNOWN: case SSL_AD_UNKNOWN_CA: case SSL_AD_ACCESS_DENIED:
    case SSL_AD_CERTIFICATE_REQUIRED:
        return true;
    default:
        return false;
    }
}

int stream_tls_explain(struct stream_tls *t, int ssl_error, int errnum, const struct services *sv,
                       struct error *err)
{
    unsigned long code = ERR_peek_error();
    int reason = ERR_GET_REASON(code);
    char text[120];

    (void)snprintf(text, sizeof text, "%s", code ? openssl_reason() : "");
    ERR_clear_error();
    if (ssl_error == SSL_ERROR_ZERO_RETURN)
        return error_set(err, ERR_NET, "closed by the receiver");
    if (ssl_error == SSL_ERROR_SYSCALL && errnum != 0)
        return error_errno(err, ERR_NET, errnum, "connection broken");
    if (ssl_error == SSL_ERROR_SYSCALL || reason == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return error_set(err, ERR_NET, "closed by the receiver without a TLS close");
    t->is_doubtful = true;
    if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return explain_certificate(t, sv, err);
    if (reason > SSL_AD_REASON_OFFSET && is_about_our_certificate(reason - SSL_AD_REASON_OFFSET))
        return error_set(err, ERR_AUTH, "the receiver refuses %s: TLS alert: %s",
                         t->cfg.cert_file ? "our certificate" : "us without a client certificate", text);
    return error_set(err, ERR_NET, "TLS: %s", text[0] ? text : "protocol error");
}
