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

#endif
