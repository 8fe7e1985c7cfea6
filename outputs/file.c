/* file - one alert a line into a file, or to standard output.
 *
 * Why:     the simplest receiver: `tail -f`, a log shipper, an archive.
 * Accepted: written and, unless `sync: never`, on the disk.
 * A batch is one write on a descriptor with O_APPEND, so that lines of two writers do not mix. A write
 * that was cut (full disk, crash) leaves half a line: before the next batch a newline ends it. The
 * batch is then written again from its start: the cut line is no JSON, the others may come twice with
 * the same record id.
 * Rotation by somebody else (logrotate with `create`, or a file that was removed) is noticed before
 * each batch: the path then names another file, or none, and is opened anew. Our own rotation (`rotate`) is
 * kit/rotation.c; when it fails, alerts go on into the file as it is, and the log says why.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/services.h"
#include "outputs/kit/endpoint.h"
#include "outputs/kit/rotation.h"
#include "outputs/output.h"
#include "settings/option.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BATCH_BYTES ((size_t)4 << 20)
#define PIPE_WAIT_MS 1000 /* for a reader of a pipe that is behind; then it is a retry */

enum file_sync { FILE_SYNC_ALERT, FILE_SYNC_BATCH, FILE_SYNC_NEVER };

struct file {
    char *path;      /* "-": standard output */
    int sync;        /* enum file_sync */
    struct rotation rotate;

    const struct services *sv;
    char component[80];
    int fd;          /* -1: closed; never that of standard output when closed */
    bool is_open;
    bool is_regular; /* can be synced, rotated, and looked at for half a line */
    bool is_named;   /* its folder was synced since it was opened */
    bool is_cut;     /* a pipe or the like was given half a line */
};

static const char *const syncs[] = { "alert", "batch", "never", NULL };

static const struct option_spec file_options[] = {
    { .key = "path", .type = OPT_STRING, .at = offsetof(struct file, path), .required = true, .min = 1,
      .max = 4000, .example = "/var/log/cosmowatch/alerts.json",
      .help = "where to write, one alert a line; - is standard output" },
    { .key = "sync", .type = OPT_ENUM, .at = offsetof(struct file, sync), .values = syncs, .preset = "batch",
      .help = "when an alert counts as delivered: when it is on the disk, alone or with its batch; or as soon as it is written" },
    { .key = "rotate", .type = OPT_MAP, .at = offsetof(struct file, rotate), .sub = rotation_options,
      .help = "set the file aside by size or age; not needed where logrotate does it" },
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

    const char *remedy = errnum == ENOSPC || errnum == EDQUOT   ? "; make room there"
                         : errnum == EROFS                      ? "; is it mounted read-only?"
                         : errnum == ENXIO                      ? "; a pipe that nobody reads"
                         : errnum == EACCES || errnum == EPERM  ? "; let the agent's user write there"
                         : errnum == ENOENT || errnum == ENOTDIR ? "; make the folder or correct 'path'"
                                                                 : "";

    (void)error_errno(err, code, errnum, "%s '%s'", what, is_stdout(f) ? "standard output" : f->path);
    return error_set(err, code, "%s%s", err->msg, remedy);
}

static void free_text(char **text)
{
    free(*text);
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
                         : open(f->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (f->fd < 0)
        return file_error(f, errno, "cannot open", err);
    f->is_open = true;
    if (fstat(f->fd, &st) < 0)
        return file_error(f, errno, "cannot look at", err);
    f->is_regular = S_ISREG(st.st_mode);
    f->is_named = false;
    return 0;
}

/* ---- rotation ----------------------------------------------------------------------------------- */

static void tidy(const struct file *f)
{
    struct error why = { 0 };

    if (rotation_tidy(&f->rotate, f->path, &why) < 0)
        log_event(LOG_LEVEL_WARN, f->component, "files set aside are not as they should be; tried again at the next rotation",
                  "reason", why.msg, NULL);
}

/* On the disk before it gets its new name, whatever `sync` says: what is compressed is read from there. */
static int set_aside(struct file *f, struct error *err)
{
    CLEANUP(free_text) char *real = realpath(f->path, NULL); /* a link stays, what it names is set aside */

    if (!real || fdatasync(f->fd) < 0)
        return error_errno(err, ERR_IO, errno, "'%s'", f->path);
    return rotation_set_aside(real, sv_wall_ns(f->sv), err);
}

/* Failing to rotate fails no alert: they go on into the file as it is. */
static void rotate_if_due(struct file *f, size_t more)
{
    struct error why = { 0 };
    struct stat st;

    if (!f->is_regular || is_stdout(f) || !f->sv || fstat(f->fd, &st) < 0 ||
        !rotation_is_due(&f->rotate, &st, more, sv_wall_ns(f->sv)))
        return;
    if (set_aside(f, &why) < 0) {
        log_event(LOG_LEVEL_WARN, f->component, "the file cannot be rotated and grows on", "reason", why.msg, NULL);
        return;
    }
    file_close(f);
    tidy(f);
}

static int file_open(void *self, const char *name, const struct services *sv, struct error *err)
{
    struct file *f = self;

    f->sv = sv;
    (void)snprintf(f->component, sizeof f->component, "output.%s", name);
    if (open_file(f, err) < 0)
        return -1;
    if (f->is_regular && (f->rotate.size > 0 || f->rotate.age_ms > 0))
        tidy(f); /* what a crash left half done */
    return 0;
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

/* A pipe takes PIPE_BUF bytes whenever it says that it can be written; more would wait for its reader in a call that
 * nothing ends. */
static int write_all(struct file *f, struct slice rest, struct error *err)
{
    while (rest.len > 0) {
        struct pollfd p = { .fd = f->fd, .events = POLLOUT };
        ssize_t n;

        if (!f->is_regular && poll(&p, 1, PIPE_WAIT_MS) == 0)
            return error_set(err, ERR_BUSY, "nobody reads '%s'", is_stdout(f) ? "standard output" : f->path);
        n = write(f->fd, rest.at, f->is_regular || rest.len < PIPE_BUF ? rest.len : PIPE_BUF);
        if (n > 0) {
            rest = slice_make(rest.at + n, rest.len - (size_t)n);
            f->is_cut = !f->is_regular && rest.len > 0;
        } else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
            return file_error(f, n < 0 ? errno : EIO, "cannot write to", err);
        }
    }
    return 0;
}

/* Open, the right one, and with a whole line at its end. */
static int make_ready(struct file *f, size_t more, struct buf *lines, struct error *err)
{
    if (is_rotated(f))
        file_close(f);
    if (f->is_open)
        rotate_if_due(f, more);
    if (!f->is_open && open_file(f, err) < 0)
        return -1;
    if (f->is_cut || ends_in_half_a_line(f))
        buf_add_char(lines, '\n');
    return 0;
}

/* What was written is on the disk under its name only when the folder is. One that we may not read, or that cannot be
 * synced, is somebody's choice; a path that was taken away is noticed before the next batch. */
static int sync_name(struct file *f, struct error *err)
{
    CLEANUP(free_text) char *real = f->is_named ? NULL : realpath(f->path, NULL);
    char *slash = real ? strrchr(real, '/') : NULL;
    int fd = -1, errnum;

    if (f->is_named)
        return 0;
    if (slash) {
        slash[slash == real] = '\0';
        fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    errnum = fd < 0 || fsync(fd) < 0 ? errno : 0;
    if (fd >= 0)
        (void)close(fd);
    f->is_named = errnum == 0 || errnum == EINVAL || errnum == EACCES || errnum == EPERM || errnum == ENOENT;
    return f->is_named ? 0 : file_error(f, errnum, "cannot sync the folder of", err);
}

static int sync_file(struct file *f, struct error *err)
{
    int errnum;

    if (f->sync == FILE_SYNC_NEVER || !f->is_regular)
        return 0;
    if (fdatasync(f->fd) == 0)
        return sync_name(f, err);
    errnum = errno;
    file_close(f); /* a failed sync is final for a descriptor: the next one is told the truth again */
    return file_error(f, errnum, "cannot sync", err);
}

static int deliver_lines(struct file *f, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                         struct error *err)
{
    CLEANUP(buf_release) struct buf lines = BUF_INIT(FILE_BATCH_BYTES + (64 << 10));
    size_t more = 0;

    for (size_t i = 0; i < n; i++)
        more += items[i].payload.len + 1;
    if (make_ready(f, more, &lines, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        buf_add_slice(&lines, items[i].payload);
        buf_add_char(&lines, '\n');
    }
    if (buf_check(&lines, err) < 0)
        return error_wrap(err, "batch for '%s'", f->path);
    if (write_all(f, buf_slice(&lines), err) < 0 || sync_file(f, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        ret_each[i] = (struct delivery_result){ .verdict = DELIVERY_ACCEPTED };
    return 0;
}

static int deliver_one(void *self, const struct output_item *item, struct delivery_result *ret, struct error *err)
{
    return deliver_lines(self, item, 1, ret, err);
}

static int file_deliver(void *self, const struct output_item *items, size_t n, struct delivery_result *ret_each,
                        struct error *err)
{
    struct file *f = self;

    return f->sync == FILE_SYNC_ALERT ? deliver_each(items, n, ret_each, deliver_one, f, err)
                                      : deliver_lines(f, items, n, ret_each, err);
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
