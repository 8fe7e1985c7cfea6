/* mmdb.c - see mmdb.h. SPDX-License-Identifier: Apache-2.0 */
#include "enrich/mmdb.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKER "\xab\xcd\xefMaxMind.com"
#define MARKER_LEN (sizeof MARKER - 1)
#define DESCRIPTION_MAX ((size_t)16 << 10) /* ordinary ones have some hundred bytes */
#define DESCRIPTION_MIN 3                  /* of a number's length */
#define VALUE_MAX ((uint32_t)64 << 10)     /* what one address is told, without what pointers lead to */
#define DEPTH_MAX 16
#define COPIES "/var/tmp"
#define SEPARATOR 16                       /* between the tree and the data */

/* ---- what stands at an offset -------------------------------------------------- */

struct section {
    const uint8_t *at;
    uint32_t len;
};

struct head {
    int type;
    uint32_t size;   /* of the pairs of a map, the members of an array, the bytes of others */
    uint32_t target; /* of a pointer */
    uint32_t next;   /* what comes behind: what a container holds, too */
};

static bool is_container(int type)
{
    return type == MMDB_DATA_TYPE_MAP || type == MMDB_DATA_TYPE_ARRAY;
}

/* The number in the next n bytes. */
static bool take(const struct section *s, uint32_t *at, unsigned n, uint32_t *ret)
{
    *ret = 0;
    if (*at > s->len || n > s->len - *at)
        return false;
    for (unsigned i = 0; i < n; i++)
        *ret = *ret << 8 | s->at[(*at)++];
    return true;
}

static bool read_pointer(const struct section *s, uint32_t control, struct head *ret)
{
    static const uint32_t from[] = { 0, 2048, 526336, 0 };
    unsigned form = control >> 3 & 3;

    if (!take(s, &ret->next, form + 1, &ret->target))
        return false;
    if (form < 3)
        ret->target = ((control & 7) << 8 * (form + 1) | ret->target) + from[form];
    return ret->target < s->len;
}

static bool read_size(const struct section *s, uint32_t control, struct head *ret)
{
    static const uint32_t from[] = { 29, 285, 65821 };
    uint32_t size = control & 31;

    if (size < 29) {
        ret->size = size;
        return true;
    }
    if (!take(s, &ret->next, size - 28, &ret->size))
        return false;
    ret->size += from[size - 29];
    return true;
}

static bool read_head(const struct section *s, uint32_t at, struct head *ret)
{
    uint32_t control, more;

    *ret = (struct head){ .next = at };
    if (!take(s, &ret->next, 1, &control))
        return false;
    ret->type = (int)(control >> 5);
    if (ret->type == MMDB_DATA_TYPE_EXTENDED) {
        if (!take(s, &ret->next, 1, &more))
            return false;
        ret->type = 7 + (int)more;
    }
    if (ret->type == MMDB_DATA_TYPE_POINTER)
        return read_pointer(s, control, ret);
    if (!read_size(s, control, ret))
        return false;
    if (is_container(ret->type) || ret->type == MMDB_DATA_TYPE_BOOLEAN)
        return true;
    if (ret->size > s->len - ret->next)
        return false;
    ret->next += ret->size;
    return true;
}

static bool leads_to_container(const struct section *s, uint32_t target)
{
    struct head h;

    return !read_head(s, target, &h) || h.type == MMDB_DATA_TYPE_POINTER || is_container(h.type);
}

/* Can the value be stepped over: does it end within its bounds, and stand as deep as values do? */
static bool is_sound(const struct section *s, uint32_t at, bool may_lead_on)
{
    uint32_t left[DEPTH_MAX] = { 1 }, first = at;
    size_t depth = 1;
    struct head h;

    while (depth > 0) {
        if (left[depth - 1]-- == 0) {
            depth--;
            continue;
        }
        if (!read_head(s, at, &h) || h.next - first > VALUE_MAX)
            return false;
        if (h.type == MMDB_DATA_TYPE_POINTER && !may_lead_on && leads_to_container(s, h.target))
            return false;
        if (is_container(h.type)) {
            if (depth == DEPTH_MAX)
                return false;
            left[depth++] = h.type == MMDB_DATA_TYPE_MAP ? 2 * h.size : h.size;
        }
        at = h.next;
    }
    return true;
}

/* ---- values -------------------------------------------------- */

static bool is_sound_from(const MMDB_entry_s *e)
{
    const struct section s = { .at = e->mmdb->data_section, .len = e->mmdb->data_section_size };
    struct head h;

    if (!read_head(&s, e->offset, &h))
        return false;
    return is_sound(&s, h.type == MMDB_DATA_TYPE_POINTER ? h.target : e->offset, true);
}

bool mmdb_value(const MMDB_entry_s *from, const char *const *path, MMDB_entry_data_s *ret)
{
    MMDB_entry_s e = *from;

    *ret = (MMDB_entry_data_s){ 0 };
    for (size_t i = 0; path[i]; i++) {
        const char *const step[] = { path[i], NULL };

        if (!is_sound_from(&e) || MMDB_aget_value(&e, ret, step) != MMDB_SUCCESS || !ret->has_data)
            return false;
        e.offset = ret->offset;
    }
    return ret->has_data;
}

/* ---- a file -------------------------------------------------- */

static int no_database(const char *path, const char *why, struct error *err)
{
    return error_set(err, ERR_INPUT, "'%s' is no .mmdb that can be read: %s", path, why);
}

/* What the file says of itself: behind the last marker. */
static bool find_description(const uint8_t *tail, size_t len, struct section *ret)
{
    const uint8_t *at = tail, *found, *last = NULL;

    while ((found = memmem(at, len - (size_t)(at - tail), MARKER, MARKER_LEN)) != NULL)
        at = last = found + MARKER_LEN;
    if (!last)
        return false;
    *ret = (struct section){ .at = last, .len = (uint32_t)(len - (size_t)(last - tail)) };
    return true;
}

static uint64_t number_at(const struct section *s, const char *key)
{
    const MMDB_s described = { .data_section = s->at, .data_section_size = s->len };
    const MMDB_entry_s from = { .mmdb = &described };
    const char *const path[] = { key, NULL };
    MMDB_entry_data_s data;

    if (!mmdb_value(&from, path, &data))
        return 0;
    return data.type == MMDB_DATA_TYPE_UINT32 ? data.uint32 : data.type == MMDB_DATA_TYPE_UINT16 ? data.uint16 : 0;
}

/* NULL: nothing; what is missing or of another type is for the library to say. */
static const char *what_is_wrong(const struct section *description, uint64_t file_size)
{
    uint64_t tree;

    if (description->len < DESCRIPTION_MIN || !is_sound(description, 0, false))
        return "what it says of itself is damaged";
    tree = number_at(description, "node_count") * (number_at(description, "record_size") / 4);
    if (tree + SEPARATOR + MARKER_LEN + description->len > file_size)
        return "it says that it is longer than it is";
    return NULL;
}

static int look_at(int fd, size_t size, const char *path, struct error *err)
{
    uint8_t tail[DESCRIPTION_MAX + MARKER_LEN];
    size_t len = size < sizeof tail ? size : sizeof tail;
    struct section description;
    const char *why;

    if (pread(fd, tail, len, (off_t)(size - len)) != (ssize_t)len)
        return error_set(err, ERR_IO, "'%s' cannot be read to its end", path);
    if (!find_description(tail, len, &description))
        return no_database(path, "there is nothing at its end that says what it holds", err);
    why = what_is_wrong(&description, size);
    return why ? no_database(path, why, err) : 0;
}

/* From the beginning of one to the end of the other. */
static bool copy(int from, int to)
{
    char piece[65536];
    ssize_t n;

    if (lseek(from, 0, SEEK_SET) < 0)
        return false;
    while ((n = read(from, piece, sizeof piece)) > 0)
        if (!file_write(to, slice_make(piece, (size_t)n)))
            return false;
    return n == 0;
}

/* A file without a name, on the disk if there is room: what stands in memory stays there. -1: errno says why. */
static int copy_apart(int fd)
{
    for (int i = 0; i < 2; i++) {
        int to = i == 0 ? open(COPIES, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)
                        : memfd_create("cosmowatch-places", MFD_CLOEXEC);
        int why;

        if (to >= 0 && copy(fd, to))
            return to;
        why = errno;
        if (to >= 0)
            (void)close(to);
        errno = why;
    }
    return -1;
}

static int open_copy(int fd, const char *path, MMDB_s *ret, struct error *err)
{
    char same[40];
    int rc;

    (void)snprintf(same, sizeof same, "/proc/self/fd/%d", fd);
    rc = MMDB_open(same, MMDB_MODE_MMAP, ret);
    if (rc == MMDB_SUCCESS)
        return 0;
    if (rc == MMDB_OUT_OF_MEMORY_ERROR || rc == MMDB_FILE_OPEN_ERROR || rc == MMDB_IO_ERROR) /* it was just written */
        return error_set(err, ERR_NOMEM, "'%s': %s", path, MMDB_strerror(rc));
    return no_database(path, MMDB_strerror(rc), err);
}

static int open_file(int fd, const char *path, MMDB_s *ret, struct error *err)
{
    struct stat st;
    int apart, rc;

    if (fstat(fd, &st) < 0)
        return error_errno(err, ERR_IO, errno, "'%s'", path);
    if (!S_ISREG(st.st_mode) || st.st_size > UINT32_MAX)
        return no_database(path, S_ISREG(st.st_mode) ? "it has more than 4 GiB" : "it is no file", err);
    apart = copy_apart(fd);
    if (apart < 0)
        return error_errno(err, ERR_NOMEM, errno, "'%s': a copy of it", path);
    rc = fstat(apart, &st) < 0 ? error_errno(err, ERR_IO, errno, "'%s'", path)
                               : look_at(apart, (size_t)st.st_size, path, err);
    if (rc == 0)
        rc = open_copy(apart, path, ret, err);
    (void)close(apart);
    return rc;
}

int mmdb_open(const char *path, MMDB_s *ret, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc; /* a pipe is not waited for */

    if (fd < 0)
        return error_errno(err, errno == ENOENT || errno == EACCES ? ERR_IO : ERR_NOMEM, errno, "'%s'", path);
    rc = open_file(fd, path, ret, err);
    (void)close(fd);
    return rc;
}
