/* rotation.c - see rotation.h. SPDX-License-Identifier: Apache-2.0 */
#include "outputs/kit/rotation.h"

#include "base/buf.h"
#include "base/fault.h"
#include "base/num.h"
#include "base/timeutil.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#define PATH_MAX_BYTES 5000
#define STAMP_LEN 16 /* 20260801T120000Z */
#define SAME_SECOND_MAX 99
#define PIECE_BYTES ((size_t)256 << 10)

#define AT(field) offsetof(struct rotation, field)
const struct option_spec rotation_options[] = {
    { .key = "size", .type = OPT_BYTES, .at = AT(size), .preset = "0", .min = 0, .example = "100MiB",
      .help = "set the file aside before it grows beyond this; 0: never" },
    { .key = "age", .type = OPT_DURATION, .at = AT(age_ms), .preset = "0", .min = 0, .max = 31536000000, .example = "24h",
      .help = "and when a new span of this length begins (24h: each day, UTC); 0: never" },
    { .key = "keep", .type = OPT_INT, .at = AT(keep), .preset = "30", .min = 1, .max = 10000,
      .help = "files set aside that stay; older ones are removed" },
    { .key = "gzip", .type = OPT_BOOL, .at = AT(gzip), .preset = "true", .help = "compress what is set aside" },
    { 0 },
};

/* ---- when --------------------------------------------------------------------------------------- */

bool rotation_is_due(const struct rotation *r, const struct stat *st, size_t more, int64_t now_ns)
{
    int64_t span_ns = 0, written_ns = (int64_t)st->st_mtim.tv_sec * NS_PER_S + st->st_mtim.tv_nsec;

    if (st->st_size == 0)
        return false;
    if (r->size > 0 && i64_add_sat((int64_t)st->st_size, (int64_t)more) > r->size)
        return true;
    if (r->age_ms <= 0 || !i64_mul(r->age_ms, NS_PER_MS, &span_ns))
        return false;
    return time_floor(now_ns, span_ns) > time_floor(written_ns, span_ns);
}

/* ---- setting aside ------------------------------------------------------------------------------ */

static void split(const char *path, struct slice *ret_folder, const char **ret_base)
{
    const char *slash = strrchr(path, '/');

    *ret_base = slash ? slash + 1 : path;
    *ret_folder = !slash ? SL(".") : slash == path ? SL("/") : slice_make(path, (size_t)(slash - path));
}

static int open_folder(const char *path, struct error *err)
{
    CLEANUP(buf_release) struct buf name = BUF_HERE(PATH_MAX_BYTES);
    struct slice folder;
    const char *base;
    int fd;

    split(path, &folder, &base);
    buf_add_slice(&name, folder);
    if (buf_check(&name, err) < 0)
        return -1;
    fd = open(buf_cstr(&name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fd : error_errno(err, ERR_IO, errno, "folder '%s'", buf_cstr(&name));
}

static int sync_folder(const char *path, struct error *err)
{
    int fd = open_folder(path, err), rc = 0;

    if (fd < 0)
        return -1;
    if (fsync(fd) < 0)
        rc = error_errno(err, ERR_IO, errno, "folder of '%s'", path);
    (void)close(fd);
    return rc;
}

static void add_stamp(struct buf *out, int64_t now_ns)
{
    time_t now = (time_t)(time_floor(now_ns, NS_PER_S) / NS_PER_S);
    struct tm tm = { 0 };
    char text[STAMP_LEN + 1] = "";

    if (gmtime_r(&now, &tm) && strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &tm) == STAMP_LEN)
        buf_add_str(out, text);
    else
        buf_add_str(out, "00000000T000000Z");
}

/* A name that stands for nothing yet, neither plain nor compressed. Nobody else makes such names here. */
static int free_name(const char *path, int64_t now_ns, struct buf *out, struct error *err)
{
    for (int n = 0; n <= SAME_SECOND_MAX; n++) {
        CLEANUP(buf_release) struct buf zipped = BUF_HERE(PATH_MAX_BYTES);

        buf_clear(out);
        buf_addf(out, "%s-", path);
        add_stamp(out, now_ns);
        if (n > 0)
            buf_addf(out, "-%02d", n);
        buf_addf(&zipped, "%s.gz", buf_cstr(out));
        if (buf_check(out, err) < 0 || buf_check(&zipped, err) < 0)
            return -1;
        if (access(buf_cstr(out), F_OK) < 0 && access(buf_cstr(&zipped), F_OK) < 0)
            return 0;
    }
    return error_set(err, ERR_BUSY, "'%s' was set aside a hundred times in this second", path);
}

int rotation_set_aside(const char *path, int64_t now_ns, struct error *err)
{
    CLEANUP(buf_release) struct buf aside = BUF_HERE(PATH_MAX_BYTES);

    if (free_name(path, now_ns, &aside, err) < 0)
        return -1;
    if (rename(path, buf_cstr(&aside)) < 0)
        return error_errno(err, ERR_IO, errno, "cannot set '%s' aside", path);
    FAULT_POINT("file.set_aside");
    return sync_folder(path, err);
}

/* ---- tidying ------------------------------------------------------------------------------------ */

/* What was set aside: the part behind "base-", and which forms of it there are. */
struct aside {
    char stamp[STAMP_LEN + 4];
    bool has_plain, has_zipped, has_unfinished;
};

struct asides {
    int folder;
    const char *base;
    struct aside *at;
    size_t len;
};

static void asides_release(struct asides *a)
{
    if (a->folder >= 0)
        (void)close(a->folder);
    free(a->at);
}

/* "20260801T120000Z", "20260801T120000Z-07". 0: something else, which is none of ours. */
static size_t stamp_len(const char *text)
{
    static const char shape[] = "ddddddddTddddddZ";
    size_t i;

    for (i = 0; i < STAMP_LEN; i++)
        if (shape[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return 0;
    if (text[i] == '-' && strspn(text + i + 1, "0123456789") == 2)
        i += 3;
    return i;
}

static struct aside *find(struct asides *a, struct slice stamp, struct error *err)
{
    struct aside *more;

    for (size_t i = 0; i < a->len; i++)
        if (slice_eq(slice_of(a->at[i].stamp), stamp))
            return &a->at[i];
    more = reallocarray(a->at, a->len + 1, sizeof *a->at);
    if (!more) {
        (void)error_set(err, ERR_NOMEM, "no memory for the files set aside");
        return NULL;
    }
    a->at = more;
    a->at[a->len] = (struct aside){ 0 };
    memcpy(a->at[a->len].stamp, stamp.at, stamp.len);
    return &a->at[a->len++];
}

static int note_file(struct asides *a, const char *name, struct error *err)
{
    size_t base = strlen(a->base), stamp;
    const char *behind;
    struct aside *one;

    if (strncmp(name, a->base, base) != 0 || name[base] != '-' || (stamp = stamp_len(name + base + 1)) == 0)
        return 0;
    behind = name + base + 1 + stamp;
    if (behind[0] != '\0' && strcmp(behind, ".gz") != 0 && strcmp(behind, ".gz.new") != 0)
        return 0;
    one = find(a, slice_make(name + base + 1, stamp), err);
    if (!one)
        return -1;
    one->has_plain |= behind[0] == '\0';
    one->has_zipped |= strcmp(behind, ".gz") == 0;
    one->has_unfinished |= strcmp(behind, ".gz.new") == 0;
    return 0;
}

static int by_stamp(const void *a, const void *b)
{
    return strcmp(((const struct aside *)a)->stamp, ((const struct aside *)b)->stamp);
}

static int list(struct asides *a, struct error *err)
{
    int fd = dup(a->folder), rc = 0;
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *e;

    if (!d) {
        if (fd >= 0)
            (void)close(fd);
        return error_errno(err, ERR_IO, errno, "folder of '%s'", a->base);
    }
    while (rc == 0 && (e = readdir(d)) != NULL)
        rc = note_file(a, e->d_name, err);
    (void)closedir(d);
    if (a->len > 0)
        qsort(a->at, a->len, sizeof *a->at, by_stamp);
    return rc;
}

static int copy_zipped(int in, int out, struct error *err)
{
    int fd = dup(out), rc = 0; /* gzclose closes what it was given, and a sync comes after it */
    gzFile z = fd >= 0 ? gzdopen(fd, "wb6") : NULL;
    char *piece = malloc(PIECE_BYTES);
    ssize_t n = 0;

    if (!z && fd >= 0)
        (void)close(fd);
    if (!z || !piece)
        rc = error_set(err, ERR_NOMEM, "no memory for compression");
    while (rc == 0 && (n = read(in, piece, PIECE_BYTES)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        errno = n < 0 ? errno : EIO;
        if (n < 0 || gzwrite(z, piece, (unsigned)n) != (int)n)
            rc = error_errno(err, ERR_IO, errno, n < 0 ? "cannot read it" : "cannot write the compressed copy");
    }
    errno = EIO;
    if (z && gzclose(z) != Z_OK && rc == 0)
        rc = error_errno(err, ERR_IO, errno, "cannot write the compressed copy");
    if (rc == 0 && fsync(out) < 0)
        rc = error_errno(err, ERR_IO, errno, "cannot sync the compressed copy");
    free(piece);
    return rc;
}

static int zip(int folder, const char *plain, const char *unfinished, const char *zipped, struct error *err)
{
    int in = openat(folder, plain, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), out = -1, rc = 0;
    struct stat st;

    if (in < 0 || fstat(in, &st) < 0)
        rc = error_errno(err, ERR_IO, errno, "cannot read it");
    if (rc == 0 && (out = openat(folder, unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
                                 st.st_mode & 0777)) < 0)
        rc = error_errno(err, ERR_IO, errno, "cannot make the compressed copy");
    if (rc == 0)
        rc = copy_zipped(in, out, err);
    FAULT_POINT("file.zip.written");
    if (rc == 0 && renameat(folder, unfinished, folder, zipped) < 0)
        rc = error_errno(err, ERR_IO, errno, "cannot name the compressed copy");
    FAULT_POINT("file.zip.named");
    if (rc == 0 && fsync(folder) < 0) /* before the plain one goes */
        rc = error_errno(err, ERR_IO, errno, "cannot sync the folder");
    if (rc < 0 && out >= 0)
        (void)unlinkat(folder, unfinished, 0); /* space for others; else the next tidying finds it */
    if (in >= 0)
        (void)close(in);
    if (out >= 0)
        (void)close(out);
    return rc;
}

static int tidy_one(const struct asides *a, const struct aside *one, bool is_old, bool is_zipping, struct error *err)
{
    CLEANUP(buf_release) struct buf plain = BUF_HERE(PATH_MAX_BYTES), zipped = BUF_HERE(PATH_MAX_BYTES),
                                    unfinished = BUF_HERE(PATH_MAX_BYTES);
    bool has_zipped = one->has_zipped;

    buf_addf(&plain, "%s-%s", a->base, one->stamp);
    buf_addf(&zipped, "%s.gz", buf_cstr(&plain));
    buf_addf(&unfinished, "%s.new", buf_cstr(&zipped));
    if (buf_check(&plain, err) < 0 || buf_check(&zipped, err) < 0 || buf_check(&unfinished, err) < 0)
        return -1;
    if (one->has_unfinished && unlinkat(a->folder, buf_cstr(&unfinished), 0) < 0)
        return error_errno(err, ERR_IO, errno, "cannot remove '%s'", buf_cstr(&unfinished));
    if (one->has_plain && !has_zipped && is_zipping && !is_old) {
        if (zip(a->folder, buf_cstr(&plain), buf_cstr(&unfinished), buf_cstr(&zipped), err) < 0)
            return error_wrap(err, "compress '%s'", buf_cstr(&plain));
        has_zipped = true;
    }
    if (one->has_plain && (has_zipped || is_old) && unlinkat(a->folder, buf_cstr(&plain), 0) < 0)
        return error_errno(err, ERR_IO, errno, "cannot remove '%s'", buf_cstr(&plain));
    if (has_zipped && is_old && unlinkat(a->folder, buf_cstr(&zipped), 0) < 0)
        return error_errno(err, ERR_IO, errno, "cannot remove '%s'", buf_cstr(&zipped));
    return 0;
}

int rotation_tidy(const struct rotation *r, const char *path, struct error *err)
{
    CLEANUP(asides_release) struct asides a = { .folder = open_folder(path, err) };
    struct slice folder;
    int rc = 0;

    split(path, &folder, &a.base);
    if (a.folder < 0 || list(&a, err) < 0)
        return -1;
    /* The oldest first: where the disk is full, removing makes room for compressing. One failure does not stop the
     * others; the first is told. */
    for (size_t i = 0; i < a.len; i++) {
        struct error why = { 0 };

        if (tidy_one(&a, &a.at[i], a.len - i > (size_t)r->keep, r->gzip, &why) == 0)
            continue;
        if (rc == 0)
            *err = why;
        rc = -1;
    }
    return rc;
}
