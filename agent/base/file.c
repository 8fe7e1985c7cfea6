/* file.c - see file.h. SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

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

bool file_write(int fd, struct slice text)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.at, text.len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text = slice_make(text.at + n, text.len - (size_t)n);
    }
    return true;
}

int64_t file_count(const char *folder)
{
    DIR *d = opendir(folder);
    int64_t n = 0;

    if (!d)
        return -1;
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n - 2; /* without "." and ".." */
}

bool file_is_trusted(const struct stat *st, enum file_owner owner, char *ret_why, size_t size)
{
    if (owner == FILE_OWNER_US && st->st_uid != 0 && st->st_uid != geteuid()) {
        (void)snprintf(ret_why, size,
                       "owned by user %u; it has to belong to root or to the user that runs cosmowatch (chown root)",
                       (unsigned)st->st_uid);
        return false;
    }
    if ((st->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        (void)snprintf(ret_why, size, "writable by %s (mode %04o); run chmod go-w on it",
                       (st->st_mode & S_IWOTH) != 0 ? "everybody" : "its group", (unsigned)(st->st_mode & 07777));
        return false;
    }
    return true;
}
