/* openssl.h - OpenSSL's headers, in one place because both sides have a name ERR_STATE: theirs is a type
 * that nobody uses any more, ours an error code (base/error.h).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OPENSSL_H
#define COSMOWATCH_OPENSSL_H

#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

/* A call failed: for want of memory? It says so among its errors, or had none left to say anything. Empties the queue. */
static inline bool openssl_was_refused(void)
{
    unsigned long code = ERR_get_error();
    bool was = code == 0;

    for (; code != 0; code = ERR_get_error())
        was |= ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    return was;
}

#endif
