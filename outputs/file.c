/* file - one alert a line into a file, or to standard output.
 *
 * Why:     the simplest receiver: `tail -f`, a log shipper, an archive.
 * Accepted: written and, unless `sync: false`, on the disk.
 * A batch is one write on a descriptor with O_APPEND, so that lines of two writers do not mix. A write
 * that was cut (full disk, crash) leaves half a line: before the next batch a newline ends it. The
 * batch is then written again from its start: the cut line is no JSON, the others may come twice with
 * the same record id.
 * Rotation by somebody else (logrotate with `create`, or a file that was removed) is noticed before
 * each batch: the path then names another file, or none, and is opened anew.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/error.h"
#include "outputs/output.h"
#include "settings/option.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BATCH_BYTES ((size_t)4 << 20)
#define PIPE_WAIT_MS 1000 /* for a reader of standard output that is behind; then it is a retry */

struct file {
    char *path;      /* "-": standard output */
    bool sync;
    int fd;          /* -1: closed; never that of standard output when closed */
    bool is_open;
    bool is_regular; /* can be synced, rotated, and looked at for half a line */
};

static const struct option_spec file_options[] = {
    { .key = "path", .type = OPT_STRING, .at = offsetof(struct file, path), .required = true, .min = 1,
      .max = 4000, .example = "/var/log/cosmowatch/alerts.json",
      .help = "where to write, one alert a line; - is standard output" },
    { .key = "sync", .type = OPT_BOOL, .at = offsetof(struct file, sync), .preset = "true",
      .help = "wait for the disk before an alert counts as delivered" },
    { 0 },
};

static bool is_stdout(const struct file *f)
{
    return strcmp(f->path, "-") == 0;
}

static int file_error(const struct file *f, int errnum, const char *what, struct error *err)
{
    /* Permissions and names need an operator; a full disk needs space: that may come by itself. */
    enum error_code code = errnum == EACCES || errnum == EPERM || errnum == EROFS ? ERR_DENIED
                           : errnum == ENOENT || errnum == ENOTDIR || errnum == EISDIR ? ERR_NOT_FOUND
                                                                                      : ERR_IO;

    return error_errno(err, code, errnum, "%s '%s'", what, is_stdout(f) ? "standard output" : f->path);
}

static void file_close(void *self)
{
    struct file *f = self;

    if (f->is_open && !is_stdout(f))
        (void)close(f->fd); /* what counts was synced */
    f->is_open = false;
    f->fd = -1;
}

static int open_file(struct file *f, struct error *err)
{
    struct stat st;

    f->fd = is_stdout(f) ? STDOUT_FILENO
                         : open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    if (f->fd < 0)
        return file_error(f, errno, "cannot open", err);
    f->is_open = true;
    if (fstat(f->fd, &st) < 0)
        return file_error(f, errno, "cannot look at", err);
    f->is_regular = S_ISREG(st.st_mode);
    return 0;
}

static int file_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct file *f = self;

    (void)name;
    (void)sv;
    return open_file(f, err);
}

/* Does the path still name what is open? */
static bool is_rotated(const struct file *f)
{
    struct stat open_one, named;

    if (is_stdout(f) || !f->is_regular)
        return false;
    return fstat(f->fd, &open_one) < 0 || stat(f->path, &named) < 0 || open_one.st_dev != named.st_dev ||
           open_one.st_ino != named.st_ino;
}

/* Half a line at the end, by us or by whoever wrote before: end it. Needs a descriptor of its own, as
 * ours cannot read. A file that we may write but not read is taken as whole. */
static bool ends_in_half_a_line(const struct file *f)
{
    struct stat st;
    char last = '\n';
    int fd;

    if (!f->is_regular || is_stdout(f) || fstat(f->fd, &st) < 0 || st.st_size == 0)
        return false;
    fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return false;
    if (pread(fd, &last, 1, st.st_size - 1) != 1)
        last = '\n';
    (void)close(fd);
    return last != '\n';
}

static int write_all(const struct file *f, struct slice rest, struct error *err)
{
    while (rest.len > 0) {
        ssize_t n = write(f->fd, rest.at, rest.len);

        if (n > 0) {
            rest = slice_make(rest.at + n, rest.len - (size_t)n);
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            struct pollfd p = { .fd = f->fd, .events = POLLOUT };

            if (poll(&p, 1, PIPE_WAIT_MS) > 0)
                continue;
            return error_set(err, ERR_BUSY, "nobody reads '%s'", is_stdout(f) ? "standard output" : f->path);
        }
        return file_error(f, n < 0 ? errno : EIO, "cannot write to", err);
    }
    return 0;
}

static int file_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                        struct error *err)
{
    struct file *f = self;
    CLEANUP(buf_release) struct buf lines = BUF_INIT(FILE_BATCH_BYTES + (64 << 10));

    if (is_rotated(f))
        file_close(f);
    if (!f->is_open && open_file(f, err) < 0)
        return -1;
    if (ends_in_half_a_line(f))
        buf_add_char(&lines, '\n');
    for (size_t i = 0; i < n; i++) {
        buf_add_slice(&lines, items[i].payload);
        buf_add_char(&lines, '\n');
    }
    if (buf_check(&lines, err) < 0)
        return error_wrap(err, "batch for '%s'", f->path);
    if (write_all(f, buf_slice(&lines), err) < 0)
        return -1;
    if (f->sync && f->is_regular && fdatasync(f->fd) < 0) {
        int errnum = errno;

        file_close(f); /* a failed sync is final for a descriptor: the next one is told the truth again */
        return file_error(f, errnum, "cannot sync", err);
    }
    for (size_t i = 0; i < n; i++)
        ret_each[i] = (struct delivery_result){ .verdict = DELIVERY_ACCEPTED };
    return 0;
}

static int file_probe(void *self, struct buf *said, struct error *err)
{
    struct file *f = self;

    if (is_rotated(f))
        file_close(f);
    if (!f->is_open && open_file(f, err) < 0)
        return -1;
    buf_addf(said, "%s can be written", is_stdout(f) ? "standard output" : f->path);
    return 0;
}

const struct output_ops output_file = {
    .name = "file",
    .summary = "one alert a line into a file or to standard output",
    .options = file_options,
    .size = sizeof(struct file),
    .default_format = "json",
    .batch_max = 500,
    .batch_bytes_max = FILE_BATCH_BYTES,
    .open = file_open,
    .deliver = file_deliver,
    .probe = file_probe,
    .close = file_close,
};
