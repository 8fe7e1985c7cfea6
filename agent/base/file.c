/* file.c - see file.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <errno.h>

int file_add(struct buf *out, FILE *in, const char *name, struct error *err)
{
    char piece[16384];
    size_t n = 0;

    while ((n = fread(piece, 1, sizeof piece, in)) > 0)
        buf_add(out, piece, n);
    if (ferror(in))
        return error_set(err, ERR_IO, "%s cannot be read to its end", name);
    return buf_check(out, err);
}

int file_read(struct buf *out, const char *path, struct error *err)
{
    FILE *in = fopen(path, "re");
    int rc = 0;

    if (!in)
        return error_errno(err, ERR_IO, errno, "%s cannot be opened", path);
    rc = file_add(out, in, path, err);
    (void)fclose(in);
    return rc;
}
