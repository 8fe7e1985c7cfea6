/* archive.h - small files as one .tar.gz: the ustar interchange format of POSIX.1-2008 (pax, "ustar Interchange Format"),
 * compressed by zlib. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ARCHIVE_H
#define COSMOWATCH_ARCHIVE_H

#include "base/error.h"
#include "base/slice.h"

struct archive;

/* The file must not be there yet and is its owner's alone (0600). ERR_IO says why not. */
MUST_CHECK int archive_create(const char *path, struct archive **ret, struct error *err);
/* name: up to 99 bytes. */
MUST_CHECK int archive_add(struct archive *a, const char *name, struct slice content, int64_t mtime_s, struct error *err);
/* Whole and on the disk. */
MUST_CHECK int archive_finish(struct archive *a, struct error *err);
void archive_freep(struct archive **a); /* one that was not finished is taken away */

#endif
