/* archive.c - see archive.h. SPDX-License-Identifier: Apache-2.0 */
#include "support/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define BLOCK 512

struct archive {
    gzFile gz;
    int fd;     /* the same file, for the sync */
    char *path; /* NULL: finished */
};

struct header { /* octal numbers, ended by NUL */
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], kind, link[100], magic[6],
        version[2], owner[32], group[32], device[16], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

int archive_create(const char *path, struct archive **ret, struct error *err)
{
    struct archive *a = calloc(1, sizeof *a);
    int fd = -1;

    if (!a)
        return error_set(err, ERR_NOMEM, "no memory for an archive");
    a->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (a->fd < 0) {
        int e = errno;

        free(a);
        return error_errno(err, ERR_IO, e, "cannot make '%s'", path);
    }
    a->path = strdup(path);
    fd = a->path ? dup(a->fd) : -1;
    a->gz = fd >= 0 ? gzdopen(fd, "wb9") : NULL;
    if (a->gz) {
        *ret = a;
        return 0;
    }
    if (fd >= 0)
        (void)close(fd);
    if (!a->path)
        (void)unlink(path);
    archive_freep(&a);
    return error_set(err, ERR_NOMEM, "no memory for an archive");
}

static int put(struct archive *a, const void *at, size_t len, struct error *err)
{
    if (len == 0 || gzwrite(a->gz, at, (unsigned)len) == (int)len)
        return 0;
    return error_errno(err, ERR_IO, errno, "cannot write '%s'", a->path);
}

int archive_add(struct archive *a, const char *name, struct slice content, int64_t mtime_s, struct error *err)
{
    static const char zeros[BLOCK];
    struct header h = { .mode = "0000644",
                        .uid = "0000000",
                        .gid = "0000000",
                        .kind = '0',
                        .magic = "ustar",
                        .version = { '0', '0' } };
    unsigned sum = 0;

    if (strlen(name) >= sizeof h.name || content.len > INT32_MAX)
        return error_set(err, ERR_BUG, "'%s' does not fit into an archive", name);
    memcpy(h.name, name, strlen(name));
    (void)snprintf(h.size, sizeof h.size, "%011zo", content.len);
    (void)snprintf(h.mtime, sizeof h.mtime, "%011llo", (unsigned long long)mtime_s & 077777777777);
    memset(h.checksum, ' ', sizeof h.checksum); /* it is summed as blanks */
    for (size_t i = 0; i < sizeof h; i++)
        sum += ((const unsigned char *)&h)[i];
    (void)snprintf(h.checksum, sizeof h.checksum, "%06o", sum);
    if (put(a, &h, sizeof h, err) < 0 || put(a, content.at, content.len, err) < 0)
        return -1;
    return put(a, zeros, (BLOCK - content.len % BLOCK) % BLOCK, err);
}

int archive_finish(struct archive *a, struct error *err)
{
    static const char end[2 * BLOCK];
    int rc = put(a, end, sizeof end, err), closed = gzclose(a->gz);

    a->gz = NULL;
    if (rc == 0 && (closed != Z_OK || fsync(a->fd) < 0))
        rc = error_errno(err, ERR_IO, errno, "cannot write '%s'", a->path);
    if (rc == 0) {
        free(a->path);
        a->path = NULL;
    }
    return rc;
}

void archive_freep(struct archive **p)
{
    struct archive *a = *p;

    *p = NULL;
    if (!a)
        return;
    if (a->gz)
        (void)gzclose(a->gz);
    (void)close(a->fd);
    if (a->path)
        (void)unlink(a->path);
    free(a->path);
    free(a);
}
