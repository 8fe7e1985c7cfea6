/* tls_peer.h - who answered the TLS handshake, so that a refusal can name names and dates.
 *
 * curl says that a certificate was refused; the operator needs to know which, since when and by whom it
 * was issued. OpenSSL tells it only while it verifies, hence a verify callback.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TLS_PEER_H
#define COSMOWATCH_TLS_PEER_H

#include "base/error.h"
#include "base/slice.h"
#include "net/peers.h"

struct tls_peer {
    const char *pin_sha1; /* borrowed; NULL: verify the chain */
    bool is_seen;         /* a handshake took place and the fields below are its */
    bool is_pin_wrong;
    int verify_error;     /* X509_V_OK or what OpenSSL found, of the certificate described here */
    char subject[80], issuer[80], names[120]; /* common names; DNS and IP names, "a, b" */
    int64_t not_before_ns, not_after_ns;
    struct peer_chain chain; /* when it was verified as one */
    int depth;               /* of the certificate that tls_peer_show() was shown last */
};

void tls_peer_reset(struct tls_peer *p, const char *pin_sha1);
/* For CURLOPT_SSL_CTX_DATA / FUNCTION; `ssl_ctx` is an SSL_CTX, p must outlive its connections. */
int tls_peer_watch(void *ssl_ctx, struct tls_peer *p);
/* Where a library verifies by itself and shows one certificate (DER) after the other, from the root (the largest depth) to
 * the leaf (0), each with what OpenSSL found. Once the leaf was shown without an error `chain` is that of them all. */
void tls_peer_show(struct tls_peer *p, int depth, struct slice der, int verify_error);
/* Its certificate could not be verified for want of memory, which is no word against it. */
bool tls_peer_lacked_memory(const struct tls_peer *p);
/* Why the peer was refused: "certificate of 'x' expired at ..., our clock says ...". False when the
 * certificate was not the reason (nothing written). */
bool tls_peer_says(const struct tls_peer *p, int64_t wall_ns, char *ret, size_t size);
/* After a name mismatch: "certificate is for a, b". */
void tls_peer_says_names(const struct tls_peer *p, char *ret, size_t size);

#endif
