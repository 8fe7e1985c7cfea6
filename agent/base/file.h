/* file.h - a whole file into a buf. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FILE_H
#define COSMOWATCH_FILE_H

#include "base/buf.h"

#include <stdio.h>
#include <sys/stat.h>

/* Appends what is left of an open file. ERR_IO when it cannot be read to its end (a folder cannot); ERR_LIMIT,
 * ERR_NOMEM as the buf. `name` stands in the message. */
MUST_CHECK int file_add(struct buf *out, FILE *in, const char *name, struct error *err);
/* The file of a path; ERR_IO too when it cannot be opened. */
MUST_CHECK int file_read(struct buf *out, const char *path, struct error *err);
/* All of the text into an open descriptor, in as many pieces as it takes. False: errno says why, and some may be written. */
MUST_CHECK bool file_write(int fd, struct slice text);

int64_t file_count(const char *folder); /* its entries; -1: it cannot be looked into */

/* Whoever can write a file that we believe decides for us. True when that is root and ourselves alone; otherwise `ret_why`
 * says who and what to do, after the path: "writable by everybody (mode 0666); run chmod go-w on it". */
enum file_owner { FILE_OWNER_US, FILE_OWNER_ANY /* somebody keeps it for us */ };
bool file_is_trusted(const struct stat *st, enum file_owner owner, char *ret_why, size_t size);

#endif
