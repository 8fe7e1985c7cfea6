/* credential_certificate.c - proving possession of a certificate's key: a JWT signed with PS256 that names
 * the certificate by its SHA-256 thumbprint.
 * Source: "Microsoft identity platform application authentication certificate credentials" (read
 * 2026-08), RFC 7518 (PS256: RSASSA-PSS, SHA-256, MGF1 with SHA-256, salt of 32 bytes).
 * SPDX-License-Identifier: Apache-2.0 */
#include "azure/credential.h"

#include "base/json_out.h"
#include "base/log.h"
#include "base/timeutil.h"
#include "base/uuid.h"
#include "net/openssl.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FILE_MAX_BYTES (256u << 10)
#define LIFETIME_S 600

struct signing_key {
    EVP_PKEY *key;
    unsigned char thumbprint[32];
    int64_t not_after_ns;
};

void signing_key_free(struct signing_key *k)
{
    if (!k)
        return;
    EVP_PKEY_free(k->key);
    free(k);
}

/* ---- reading the file ------------------------------------------------------------------------------------ */

static int give_password(char *at, int size, int writing UNUSED, void *arg)
{
    const struct secret *password = arg;

    if (secret_empty(password) || password->len > (size_t)size)
        return -1; /* never ask on the terminal */
    memcpy(at, secret_reveal(password), password->len);
    return (int)password->len;
}

/* Key first, then the certificate among all in the file that belongs to it: chains come in any order. */
static void read_pem(struct slice bytes, const struct secret *password, EVP_PKEY **ret_key, X509 **ret_cert)
{
    BIO *bio = BIO_new_mem_buf(bytes.at, (int)bytes.len);
    struct secret copy = *password; /* OpenSSL's callback wants it writable */
    X509 *cert;

    *ret_key = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_password, &copy) : NULL;
    BIO_free(bio);
    bio = *ret_key ? BIO_new_mem_buf(bytes.at, (int)bytes.len) : NULL;
    while (bio && !*ret_cert && (cert = PEM_read_bio_X509(bio, NULL, give_password, &copy))) {
        if (X509_check_private_key(cert, *ret_key) == 1)
            *ret_cert = cert;
        else
            X509_free(cert);
    }
    BIO_free(bio);
}

static void read_pfx(struct slice bytes, const struct secret *password, EVP_PKEY **ret_key, X509 **ret_cert)
{
    const unsigned char *at = (const unsigned char *)bytes.at;
    PKCS12 *pfx = d2i_PKCS12(NULL, &at, (long)bytes.len);

    if (pfx)
        (void)PKCS12_parse(pfx, secret_reveal(password), ret_key, ret_cert, NULL);
    PKCS12_free(pfx);
}

static int64_t not_after_ns(const X509 *cert)
{
    struct tm tm = { 0 };

    return ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1 ? (int64_t)timegm(&tm) * NS_PER_S : 0;
}

static struct signing_key *signing_key_make(const char *path, EVP_PKEY *key, const X509 *cert,
                                            struct error *err)
{
    struct signing_key *k;
    unsigned len = 0;

    if ((!key || !cert) && openssl_was_refused()) {
        (void)error_set(err, ERR_NOMEM, "no memory to read '%s'", path);
        return NULL;
    }
    if (!key || !cert) {
        (void)error_set(err, ERR_CONFIG, "'%s' holds no %s (PEM or PFX; is the password right?)", path,
                        key ? "certificate for its key" : "private key");
        return NULL;
    }
    if (EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
        (void)error_set(err, ERR_CONFIG, "'%s' has a key that is not RSA; Entra takes RSA only", path);
        return NULL;
    }
    k = calloc(1, sizeof *k);
    if (!k || X509_digest(cert, EVP_sha256(), k->thumbprint, &len) != 1 || EVP_PKEY_up_ref(key) != 1) {
        free(k);
        (void)error_set(err, ERR_NOMEM, "no memory for a certificate");
        return NULL;
    }
    k->key = key;
    k->not_after_ns = not_after_ns(cert);
    return k;
}

static struct signing_key *signing_key_read(const char *path, const struct secret *password,
                                            struct error *err)
{
    CLEANUP(secret_release) struct secret file = SECRET_INIT;
    struct signing_key *k;
    EVP_PKEY *key = NULL;
    X509 *cert = NULL;
    struct slice bytes;

    if (credential_read_file(path, FILE_MAX_BYTES, &file, err) < 0)
        return NULL;
    bytes = slice_make(secret_reveal(&file), file.len);
    ERR_clear_error();
    if (slice_find(bytes, SL("-----BEGIN ")) != SIZE_MAX)
        read_pem(bytes, password, &key, &cert);
    else
        read_pfx(bytes, password, &key, &cert);
    k = signing_key_make(path, key, cert, err);
    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return k;
}

/* ---- the assertion ----------------------------------------------------------------------------------------- */

/* RFC 4648 section 5, without padding. */
static void add_base64url(struct buf *out, const void *at, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *p = at;

    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i < 3 ? len - i : 3;
        unsigned bits = (unsigned)p[i] << 16 | (have > 1 ? (unsigned)p[i + 1] << 8 : 0) |
                        (have > 2 ? (unsigned)p[i + 2] : 0);

        for (size_t k = 0; k <= have; k++)
            buf_add_char(out, digits[bits >> (18 - 6 * k) & 63]);
    }
}

static void add_header(struct buf *out, const struct signing_key *k)
{
    CLEANUP(buf_release) struct buf json = BUF_HERE(512), thumbprint = BUF_HERE(64);

    add_base64url(&thumbprint, k->thumbprint, sizeof(k->thumbprint));
    buf_add_char(&json, '{');
    json_add_key(&json, "alg");
    json_add_str(&json, "PS256");
    json_add_key(&json, "typ");
    json_add_str(&json, "JWT");
    json_add_key(&json, "x5t#S256");
    json_add_string(&json, buf_slice(&thumbprint));
    buf_add_char(&json, '}');
    add_base64url(out, json.at, json.len);
}

static void add_claims(struct buf *out, const struct azure_credential *c, const char *aud)
{
    CLEANUP(buf_release) struct buf json = BUF_INIT(8192);
    int64_t now_s = sv_wall_ns(c->sv) / NS_PER_S;
    char jti[37];

    uuid_v4(c->sv, jti);
    buf_add_char(&json, '{');
    json_add_key(&json, "aud");
    json_add_str(&json, aud);
    json_add_key(&json, "iss");
    json_add_str(&json, c->client_id);
    json_add_key(&json, "sub");
    json_add_str(&json, c->client_id);
    json_add_key(&json, "jti");
    json_add_str(&json, jti);
    json_add_key(&json, "nbf");
    json_add_i64(&json, now_s);
    json_add_key(&json, "exp");
    json_add_i64(&json, now_s + LIFETIME_S);
    buf_add_char(&json, '}');
    buf_take_refusal(out, &json);
    add_base64url(out, json.at, json.len);
}

static int add_signature(struct buf *out, EVP_PKEY *key, struct error *err)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *how = NULL;
    unsigned char signature[1024]; /* RSA 8192 */
    size_t len = sizeof(signature);
    int ok;

    ERR_clear_error();
    ok = md && EVP_DigestSignInit(md, &how, EVP_sha256(), NULL, key) == 1 &&
             EVP_PKEY_CTX_set_rsa_padding(how, RSA_PKCS1_PSS_PADDING) == 1 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(how, RSA_PSS_SALTLEN_DIGEST) == 1 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md(how, EVP_sha256()) == 1 &&
             EVP_DigestSign(md, signature, &len, (const unsigned char *)out->at, out->len) == 1;

    EVP_MD_CTX_free(md);
    if (!ok && openssl_was_refused())
        return error_set(err, ERR_NOMEM, "no memory to sign with the certificate's key");
    if (!ok) {
        ERR_clear_error();
        return error_set(err, ERR_CONFIG, "the certificate's key cannot sign (RSA of 2048 to 8192 bits is needed)");
    }
    buf_add_char(out, '.');
    add_base64url(out, signature, len);
    return 0;
}

int certificate_assertion(struct azure_credential *c, const char *aud, struct buf *ret, struct error *err)
{
    struct error e = { 0 };
    struct signing_key *fresh = signing_key_read(c->certificate, &c->certificate_password, &e);

    if (fresh) {
        signing_key_free(c->key);
        c->key = fresh;
    } else if (c->key) {
        log_event(LOG_LEVEL_WARN, "azure", "certificate not read again, the last one stays", "reason", e.msg, NULL);
    } else {
        *err = e;
        return error_wrap(err, "certificate");
    }
    add_header(ret, c->key);
    buf_add_char(ret, '.');
    add_claims(ret, c, aud);
    if (buf_check(ret, err) < 0 || add_signature(ret, c->key->key, err) < 0)
        return -1;
    return buf_check(ret, err);
}

void certificate_explain(const struct azure_credential *c, struct error *err)
{
    CLEANUP(buf_release) struct buf date = BUF_HERE(64);

    if (!c->key || err->code != ERR_AUTH || sv_wall_ns(c->sv) < c->key->not_after_ns)
        return;
    time_add_iso(&date, c->key->not_after_ns, 0);
    (void)error_wrap(err, "certificate expired at %s", buf_cstr(&date));
}
