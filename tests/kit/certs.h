/* certs.h - certificates for tests, made while the test runs: nothing secret or expired is kept in the tree.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_CERTS_H
#define COSMOWATCH_TEST_CERTS_H

#include "base/base.h"

struct cert_wish {
    const char *cn;
    const char *alt_names;      /* "DNS:localhost,IP:127.0.0.1"; NULL: none */
    int64_t from_s, to_s;       /* relative to now; both 0: an hour ago to tomorrow */
    bool is_ca;
    bool is_rsa;                /* RSA 2048, else P-256, which is made faster */
    const char *issuer_file;    /* PEM with certificate and key of the CA; NULL: self-signed */
    const char *key_password;   /* NULL: not encrypted */
};

/* Write key and certificate into one PEM file. */
void cert_make(const char *file, const struct cert_wish *wish);
/* The same content as PFX. */
void cert_to_pfx(const char *pem_file, const char *pfx_file, const char *password);
/* Only the certificate of a file, or only its key. */
void cert_split(const char *pem_file, const char *cert_file, const char *key_file);

/* SHA-1 of the certificate, in hex. */
void cert_sha1(const char *pem_file, char ret[41]);

#endif
