/* tls_files.h - CA and client certificate files, as they were when last good.
 *
 * Certificates are renewed under a running program: by rename, by symlink, in place, certificate and key
 * one after the other. The files are looked at (stat) for every transfer and read again only when they
 * changed. A file that is broken or half written is reported once and the last good content stays in use.
 * Any thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TLS_FILES_H
#define COSMOWATCH_TLS_FILES_H

#include "net/http.h"

struct tls_files;

struct tls_files *tls_files_new(void); /* NULL without memory */
void tls_files_free(struct tls_files *f);
/* Give the trust and the client certificate to a curl easy handle. ERR_CONFIG names the file; it can
 * only happen while a file has never been good. */
MUST_CHECK int tls_files_apply(struct tls_files *f, void *easy, const struct http_tls *tls,
                               struct error *err);

#endif
