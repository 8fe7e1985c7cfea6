/* disk_kit.h - a disk that remembers. What this program writes, syncs, renames and removes in one folder is recorded, and
 * of any moment the states that a loss of power may leave there can be made: what was synced is there, of what was not any
 * part in units of a sector; names are there for sure only after their folder was synced.
 *
 * The calls of the C library are defined here, for SQLite's and for our own: include it in one file of a program.
 * Side files that SQLite makes anew (-shm) are not recorded.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_DISK_KIT_H
#define COSMOWATCH_TEST_DISK_KIT_H

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECTOR 512
#define DISK_FDS 1024
#define DISK_NAMES 64
#define DISK_INODES 256
#define PUBLIC __attribute__((visibility("default")))

enum disk_what { DISK_WRITE, DISK_CUT, DISK_SYNC, DISK_NAME, DISK_RENAME, DISK_REMOVE, DISK_SYNC_FOLDER, DISK_NOTE };

struct disk_event {
    enum disk_what what;
    int inode;
    int64_t at;      /* offset, length after the cut, or the note */
    size_t len;
    char *bytes;     /* of a write */
    char name[48], to[48];
};

static struct disk {
    pthread_mutex_t lock;
    const char *folder;     /* NULL: nothing is recorded */
    bool is_lying;          /* syncs do nothing */
    int inode_of[DISK_FDS]; /* 0: not ours; -1: the folder itself */
    struct { char name[48]; int inode; } names[DISK_NAMES];
    int inodes;
    struct disk_event *events;
    size_t len, cap;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- recording -------------------------------------------------------------------------------------------- */

static struct disk_event *disk_add(enum disk_what what, int inode)
{
    if (disk.len == disk.cap) {
        disk.cap = disk.cap ? disk.cap * 2 : 4096;
        disk.events = realloc(disk.events, disk.cap * sizeof *disk.events);
    }
    disk.events[disk.len] = (struct disk_event){ .what = what, .inode = inode };
    return &disk.events[disk.len++];
}

/* The name within the folder, or NULL. */
static const char *disk_name(const char *path)
{
    size_t n = disk.folder ? strlen(disk.folder) : 0;

    if (n == 0 || strncmp(path, disk.folder, n) != 0 || path[n] != '/' || strstr(path, "-shm"))
        return NULL;
    return path + n + 1;
}

static int *disk_inode(const char *name)
{
    for (int i = 0; i < DISK_NAMES; i++)
        if (disk.names[i].inode && strcmp(disk.names[i].name, name) == 0)
            return &disk.names[i].inode;
    return NULL;
}

static int disk_make(const char *name)
{
    for (int i = 0; i < DISK_NAMES; i++)
        if (!disk.names[i].inode) {
            struct disk_event *e = disk_add(DISK_NAME, ++disk.inodes);

            ck_assert_int_lt(disk.inodes, DISK_INODES);
            (void)snprintf(e->name, sizeof e->name, "%s", name);
            (void)snprintf(disk.names[i].name, sizeof disk.names[i].name, "%s", name);
            return disk.names[i].inode = disk.inodes;
        }
    ck_abort_msg("too many names");
    return 0;
}

/* The next write or sync fails; nothing can be opened for writing. */
static atomic_bool disk_fails_once, disk_opens_nothing;

static bool disk_refuses(bool is_so)
{
    if (is_so)
        errno = EIO;
    return is_so;
}

static int disk_open(int folder_fd, const char *path, int flags, unsigned mode)
{
    const char *name = NULL;
    int fd;

    if (disk_refuses((flags & (O_WRONLY | O_RDWR)) && atomic_load(&disk_opens_nothing)))
        return -1;
    pthread_mutex_lock(&disk.lock);
    fd = (int)syscall(SYS_openat, folder_fd, path, flags, mode);
    if (fd >= 0 && fd < DISK_FDS) {
        name = disk_name(path);
        disk.inode_of[fd] = disk.folder && strcmp(path, disk.folder) == 0 ? -1 : 0;
        if (name) {
            int *inode = disk_inode(name);

            disk.inode_of[fd] = inode ? *inode : disk_make(name);
            if (flags & O_TRUNC)
                (void)disk_add(DISK_CUT, disk.inode_of[fd]);
        }
    }
    pthread_mutex_unlock(&disk.lock);
    return fd;
}

PUBLIC int open(const char *path, int flags, ...)
{
    va_list ap;
    unsigned mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, unsigned) : 0;
    va_end(ap);
    return disk_open(AT_FDCWD, path, flags, mode);
}

PUBLIC int open64(const char *path, int flags, ...)
{
    va_list ap;
    unsigned mode;

    va_start(ap, flags);
    mode = flags & O_CREAT ? va_arg(ap, unsigned) : 0;
    va_end(ap);
    return disk_open(AT_FDCWD, path, flags, mode);
}

PUBLIC int close(int fd)
{
    pthread_mutex_lock(&disk.lock);
    if (fd >= 0 && fd < DISK_FDS)
        disk.inode_of[fd] = 0;
    pthread_mutex_unlock(&disk.lock);
    return (int)syscall(SYS_close, fd);
}

static int disk_of(int fd)
{
    return disk.folder && fd >= 0 && fd < DISK_FDS ? disk.inode_of[fd] : 0;
}

static ssize_t disk_write(int fd, const void *at, size_t len, off_t offset)
{
    ssize_t n;

    if (disk_refuses(atomic_exchange(&disk_fails_once, false)))
        return -1;
    pthread_mutex_lock(&disk.lock);
    n = syscall(SYS_pwrite64, fd, at, len, offset);
    if (n > 0 && disk_of(fd) > 0) {
        struct disk_event *e = disk_add(DISK_WRITE, disk_of(fd));

        e->at = offset;
        e->len = (size_t)n;
        e->bytes = malloc((size_t)n);
        memcpy(e->bytes, at, (size_t)n);
    }
    pthread_mutex_unlock(&disk.lock);
    return n;
}

PUBLIC ssize_t pwrite64(int fd, const void *at, size_t len, off_t offset)
{
    return disk_write(fd, at, len, offset);
}

PUBLIC ssize_t pwrite(int fd, const void *at, size_t len, off_t offset)
{
    return disk_write(fd, at, len, offset);
}

PUBLIC ssize_t write(int fd, const void *at, size_t len)
{
    if (disk_of(fd) > 0) {
        off_t offset = lseek(fd, 0, SEEK_CUR);
        ssize_t n = disk_write(fd, at, len, offset);

        if (n > 0)
            (void)lseek(fd, n, SEEK_CUR);
        return n;
    }
    return syscall(SYS_write, fd, at, len);
}

static int disk_cut(int fd, off_t size)
{
    int rc;

    pthread_mutex_lock(&disk.lock);
    rc = (int)syscall(SYS_ftruncate, fd, size);
    if (rc == 0 && disk_of(fd) > 0)
        disk_add(DISK_CUT, disk_of(fd))->at = size;
    pthread_mutex_unlock(&disk.lock);
    return rc;
}

PUBLIC int ftruncate(int fd, off_t size)
{
    return disk_cut(fd, size);
}

PUBLIC int ftruncate64(int fd, off_t size)
{
    return disk_cut(fd, size);
}

/* Nothing of these tests outlives them: the disk of the machine is spared. */
static int disk_sync(int fd)
{
    if (disk_refuses(atomic_exchange(&disk_fails_once, false)))
        return -1;
    pthread_mutex_lock(&disk.lock);
    if (disk_of(fd) != 0 && !disk.is_lying)
        (void)disk_add(disk_of(fd) < 0 ? DISK_SYNC_FOLDER : DISK_SYNC, disk_of(fd));
    pthread_mutex_unlock(&disk.lock);
    return 0;
}

PUBLIC int fsync(int fd)
{
    return disk_sync(fd);
}

PUBLIC int fdatasync(int fd)
{
    return disk_sync(fd);
}

PUBLIC int unlink(const char *path)
{
    const char *name = disk_name(path);
    int rc;

    pthread_mutex_lock(&disk.lock);
    rc = (int)syscall(SYS_unlink, path);
    if (rc == 0 && name) {
        int *inode = disk_inode(name);
        struct disk_event *e = disk_add(DISK_REMOVE, inode ? *inode : 0);

        (void)snprintf(e->name, sizeof e->name, "%s", name);
        if (inode)
            *inode = 0;
    }
    pthread_mutex_unlock(&disk.lock);
    return rc;
}

PUBLIC int rename(const char *from, const char *to)
{
    const char *old = disk_name(from), *new = disk_name(to);
    int rc;

    pthread_mutex_lock(&disk.lock);
    rc = (int)syscall(SYS_rename, from, to);
    if (rc == 0 && old && new) {
        int *inode = disk_inode(old), *over = disk_inode(new);
        struct disk_event *e = disk_add(DISK_RENAME, inode ? *inode : 0);

        (void)snprintf(e->name, sizeof e->name, "%s", old);
        (void)snprintf(e->to, sizeof e->to, "%s", new);
        if (over)
            *over = 0;
        for (int i = 0; i < DISK_NAMES; i++)
            if (disk.names[i].inode && strcmp(disk.names[i].name, old) == 0)
                (void)snprintf(disk.names[i].name, sizeof disk.names[i].name, "%s", new);
    }
    pthread_mutex_unlock(&disk.lock);
    return rc;
}

/* Something that the world outside saw, at this place of the record. */
static void disk_note(int64_t what)
{
    pthread_mutex_lock(&disk.lock);
    if (disk.folder)
        disk_add(DISK_NOTE, 0)->at = what;
    pthread_mutex_unlock(&disk.lock);
}

static void disk_forget(void)
{
    for (size_t i = 0; i < disk.len; i++)
        free(disk.events[i].bytes);
    disk.len = 0;
    disk.inodes = 0;
    memset(disk.names, 0, sizeof disk.names);
}

/* Record from now on, in a folder that is empty. */
static void disk_begin(const char *folder, bool is_lying)
{
    disk_forget();
    disk.is_lying = is_lying;
    disk.folder = folder;
}

static void disk_end(void)
{
    disk.folder = NULL;
}

/* ---- the state after a loss of power ------------------------------------------------------------------------- */

struct disk_file {
    char *bytes;
    size_t len, cap;
};

enum disk_luck { LUCK_NONE /* only what was synced */, LUCK_ALL, LUCK_WRITES /* some, in any order */, LUCK_SECTORS };

static unsigned disk_seed;

static bool disk_coin(void)
{
    disk_seed = disk_seed * 1664525u + 1013904223u;
    return disk_seed >> 16 & 1;
}

static void disk_put(struct disk_file *f, int64_t at, const char *bytes, size_t len)
{
    size_t end = (size_t)at + len;

    if (end > f->cap) {
        f->cap = end * 2;
        f->bytes = realloc(f->bytes, f->cap);
    }
    if (end > f->len) {
        memset(f->bytes + f->len, 0, end - f->len);
        f->len = end;
    }
    memcpy(f->bytes + at, bytes, len);
}

static void disk_put_part(struct disk_file *f, const struct disk_event *e)
{
    for (size_t i = 0; i < e->len;) {
        size_t part = SECTOR - ((size_t)e->at + i) % SECTOR;

        part = part < e->len - i ? part : e->len - i;
        if (disk_coin())
            disk_put(f, e->at + (int64_t)i, e->bytes + i, part);
        i += part;
    }
}

static void disk_change(struct disk_file *f, const struct disk_event *e, bool is_synced, enum disk_luck luck)
{
    bool is_whole = is_synced || luck == LUCK_ALL || (luck == LUCK_WRITES && disk_coin());

    if (e->what == DISK_WRITE && !is_whole && luck == LUCK_SECTORS) {
        disk_put_part(f, e);
    } else if (e->what == DISK_WRITE && is_whole) {
        disk_put(f, e->at, e->bytes, e->len);
    } else if (e->what == DISK_CUT && (is_whole || (luck == LUCK_SECTORS && disk_coin()))) {
        if ((size_t)e->at < f->len)
            f->len = (size_t)e->at;
    }
}

struct disk_state {
    struct disk_file files[DISK_INODES];
    struct { char name[48]; int inode; } names[DISK_NAMES];
};

static int *state_inode(struct disk_state *s, const char *name)
{
    for (int i = 0; i < DISK_NAMES; i++)
        if (s->names[i].inode && strcmp(s->names[i].name, name) == 0)
            return &s->names[i].inode;
    return NULL;
}

static void state_link(struct disk_state *s, const char *name, int inode)
{
    int *there = state_inode(s, name);

    for (int i = 0; i < DISK_NAMES && !there; i++)
        if (!s->names[i].inode) {
            (void)snprintf(s->names[i].name, sizeof s->names[i].name, "%s", name);
            there = &s->names[i].inode;
        }
    if (there)
        *there = inode;
}

static void state_name(struct disk_state *s, const struct disk_event *e)
{
    int *there = state_inode(s, e->name);

    if (e->what == DISK_NAME)
        state_link(s, e->name, e->inode);
    else if (e->what == DISK_REMOVE && there && *there == e->inode)
        *there = 0;
    else if (e->what == DISK_RENAME && there && *there == e->inode)
        *there = 0, state_link(s, e->to, e->inode);
}

/* What may be on the disk when power goes before event `end`. */
static void disk_state_at(struct disk_state *s, size_t end, enum disk_luck luck)
{
    size_t synced[DISK_INODES] = { 0 }, folder_synced = 0;

    for (size_t i = 0; i < end; i++) {
        if (disk.events[i].what == DISK_SYNC)
            synced[disk.events[i].inode] = i;
        else if (disk.events[i].what == DISK_SYNC_FOLDER)
            folder_synced = i;
    }
    for (int i = 0; i < DISK_INODES; i++)
        s->files[i].len = 0;
    memset(s->names, 0, sizeof s->names);
    for (size_t i = 0; i < end; i++) {
        const struct disk_event *e = &disk.events[i];

        if (e->what == DISK_WRITE || e->what == DISK_CUT)
            disk_change(&s->files[e->inode], e, i < synced[e->inode], luck);
        else if (e->what == DISK_NAME || e->what == DISK_RENAME || e->what == DISK_REMOVE)
            if (i < folder_synced || luck == LUCK_ALL || (luck != LUCK_NONE && disk_coin()))
                state_name(s, e);
    }
}

static uint64_t disk_state_hash(const struct disk_state *s)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (int i = 0; i < DISK_NAMES; i++) {
        const struct disk_file *f = &s->files[s->names[i].inode];

        if (!s->names[i].inode)
            continue;
        for (const char *c = s->names[i].name; *c; c++)
            h = (h ^ (unsigned char)*c) * 0x100000001b3u;
        for (size_t k = 0; k < f->len; k++)
            h = (h ^ (unsigned char)f->bytes[k]) * 0x100000001b3u;
    }
    return h;
}

static void disk_state_write(const struct disk_state *s, const char *folder)
{
    for (int i = 0; i < DISK_NAMES; i++) {
        const struct disk_file *f = &s->files[s->names[i].inode];
        char path[256];
        int fd;

        if (!s->names[i].inode)
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", folder, s->names[i].name);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(f->len == 0 ? 0 : write(fd, f->bytes, f->len), (ssize_t)f->len);
        (void)close(fd);
    }
}

#endif
