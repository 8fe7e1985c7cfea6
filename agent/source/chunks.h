/* chunks.h - a file of rows, plain or gzip, in pieces that each hold whole documents.
 *
 * A file whose first line is a document (NDJSON, storage blobs) is cut at line ends, so that a damaged
 * line costs only itself and gigabytes pass through a few megabytes. Others are cut where a document
 * ends; a single large one (a query answer) is read whole, up to CHUNK_DOCUMENT_MAX.
 * gzip is told by its first bytes, not by its name. "-" is standard input.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CHUNKS_H
#define COSMOWATCH_CHUNKS_H

#include "base/error.h"
#include "base/slice.h"

#define CHUNK_DOCUMENT_MAX ((size_t)2 << 30)

struct chunks;

MUST_CHECK int chunks_open(const char *path, struct chunks **ret, struct error *err);
void chunks_close(struct chunks *c);
void chunks_closep(struct chunks **c);
/* The next piece; empty at the end. It is followed by 64 readable bytes and lives until the next call. */
MUST_CHECK int chunks_next(struct chunks *c, struct slice *ret, struct error *err);
/* Bytes (unpacked) read so far. */
int64_t chunks_bytes(const struct chunks *c);
/* After the end: SHA-256 of all (unpacked) bytes. */
void chunks_digest(struct chunks *c, unsigned char ret[32]);

#endif
