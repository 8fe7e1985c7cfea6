/* certs.c - see certs.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/certs.h"

#include "net/openssl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MUST(x)                                                                                    \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            (void)fprintf(stderr, "certs: %s failed\n", #x);                                       \
            ERR_print_errors_fp(stderr);                                                           \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void read_pair(const char *file, X509 **ret_cert, EVP_PKEY **ret_key)
{
    BIO *bio = BIO_new_file(file, "r");

    MUST(bio);
    *ret_key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    MUST(*ret_key);
    BIO_free(bio);
    bio = BIO_new_file(file, "r");
    *ret_cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    MUST(*ret_cert);
    BIO_free(bio);
}

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    MUST(ext && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
}

static X509 *make_cert(const struct cert_wish *w, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_NAME_new();
    bool is_plain = w->from_s == 0 && w->to_s == 0;
    unsigned serial = 0;

    MUST(cert && name && RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1);
    MUST(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)w->cn, -1, -1, 0) == 1);
    MUST(X509_set_version(cert, X509_VERSION_3) == 1 && X509_set_pubkey(cert, key) == 1);
    MUST(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial) == 1);
    MUST(X509_gmtime_adj(X509_getm_notBefore(cert), (long)(is_plain ? -3600 : w->from_s)));
    MUST(X509_gmtime_adj(X509_getm_notAfter(cert), (long)(is_plain ? 86400 : w->to_s)));
    MUST(X509_set_subject_name(cert, name) == 1);
    MUST(X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : name) == 1);
    if (w->is_ca)
        add_extension(cert, issuer ? issuer : cert, NID_basic_constraints, "critical,CA:TRUE");
    if (w->alt_names)
        add_extension(cert, issuer ? issuer : cert, NID_subject_alt_name, w->alt_names);
    MUST(X509_sign(cert, issuer_key ? issuer_key : key, EVP_sha256()) > 0);
    X509_NAME_free(name);
    return cert;
}

void cert_make(const char *file, const struct cert_wish *wish)
{
    EVP_PKEY *key = wish->is_rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), *issuer_key = NULL;
    X509 *issuer = NULL, *cert;
    BIO *bio = BIO_new_file(file, "w");

    MUST(key && bio);
    if (wish->issuer_file)
        read_pair(wish->issuer_file, &issuer, &issuer_key);
    cert = make_cert(wish, key, issuer, issuer_key);
    MUST(PEM_write_bio_PrivateKey(bio, key, wish->key_password ? EVP_aes_256_cbc() : NULL,
                                  (const unsigned char *)wish->key_password,
                                  wish->key_password ? (int)strlen(wish->key_password) : 0, NULL, NULL) == 1);
    MUST(PEM_write_bio_X509(bio, cert) == 1);
    BIO_free(bio);
    X509_free(cert);
    X509_free(issuer);
    EVP_PKEY_free(key);
    EVP_PKEY_free(issuer_key);
}

void cert_to_pfx(const char *pem_file, const char *pfx_file, const char *password)
{
    EVP_PKEY *key;
    X509 *cert;
    PKCS12 *pfx;
    BIO *bio = BIO_new_file(pfx_file, "w");

    read_pair(pem_file, &cert, &key);
    pfx = PKCS12_create(password, "test", key, cert, NULL, 0, 0, 0, 0, 0);
    MUST(pfx && bio && i2d_PKCS12_bio(bio, pfx) == 1);
    BIO_free(bio);
    PKCS12_free(pfx);
    X509_free(cert);
    EVP_PKEY_free(key);
}

void cert_split(const char *pem_file, const char *cert_file, const char *key_file)
{
    EVP_PKEY *key;
    X509 *cert;
    BIO *bio;

    read_pair(pem_file, &cert, &key);
    if (cert_file) {
        bio = BIO_new_file(cert_file, "w");
        MUST(bio && PEM_write_bio_X509(bio, cert) == 1);
        BIO_free(bio);
    }
    if (key_file) {
        bio = BIO_new_file(key_file, "w");
        MUST(bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
        BIO_free(bio);
    }
    X509_free(cert);
    EVP_PKEY_free(key);
}

void cert_sha1(const char *pem_file, char ret[41])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_PKEY *key;
    X509 *cert;

    read_pair(pem_file, &cert, &key);
    MUST(X509_digest(cert, EVP_sha1(), digest, &len) == 1 && len == 20);
    for (unsigned i = 0; i < len; i++)
        (void)snprintf(ret + 2 * i, 3, "%02X", digest[i]);
    X509_free(cert);
    EVP_PKEY_free(key);
}
