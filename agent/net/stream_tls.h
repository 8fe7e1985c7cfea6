/* stream_tls.h - trust and our own certificate for the streams of one output.
 *
 * The files are looked at (stat) before each connection, and whenever asked; replaced ones are read again.
 * A file that is broken or half written is reported once, and what was read last stays in use.
 * Not for several threads at once: the verification of a handshake leaves its findings here.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_STREAM_TLS_H
#define COSMOWATCH_STREAM_TLS_H

#include "base/error.h"
#include "base/services.h"

#include <stdint.h>

struct peer_chain; /* peers.h */
struct stream_tls;

struct stream_tls_config { /* all optional; borrowed for the life of the stream_tls */
    const char *ca_file, *ca_dir;         /* PEM; replace the system's trust */
    const char *cert_file, *key_file;     /* PEM; without key_file the key stands in cert_file too */
    const char *server_name;              /* sent as SNI and verified instead of the host */
    const char *const *fingerprints;      /* "sha-256:AB:CD:...", also sha-1, sha-384, sha-512 */
    size_t fingerprints_len;
    bool is_tls13_only;                   /* else TLS 1.2 too */
};

/* Reads the files: ERR_CONFIG names the file, or the fingerprint that is none. */
MUST_CHECK int stream_tls_new(const struct stream_tls_config *cfg, struct stream_tls **ret, struct error *err);
void stream_tls_free(struct stream_tls *t);

/* Look at the files now. The generation grows when they were replaced by good ones. */
uint64_t stream_tls_refresh(struct stream_tls *t);

/* For stream.c: an SSL for a connection to host (the caller's), and what to say when its handshake or a
 * later read failed. `ssl_error` is what SSL_get_error gave. */
void *stream_tls_connection(struct stream_tls *t, const char *host, int fd, struct error *err);
int stream_tls_explain(struct stream_tls *t, int ssl_error, int errnum, const struct services *sv,
                       struct error *err);
/* Of the last handshake, once it was believed. */
const struct peer_chain *stream_tls_chain(const struct stream_tls *t);
void stream_tls_describe(const struct stream_tls *t, const void *ssl, char *ret, size_t size);

/* Changes when one of the files is replaced, in whatever way. NULL paths are skipped. */
uint64_t stream_files_stamp(const char *const *paths, size_t n);

#endif
