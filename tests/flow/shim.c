/* shim.c - between the agent and its libc, for the system tests: clocks, names, disk, memory and threads that fail on
 * demand. Preloaded (LD_PRELOAD); flow/shim.py builds it and writes the orders into a file that both have mapped, so
 * an order holds from one call to the next. Without COSMOWATCH_SHIM it changes nothing.
 *
 * Disk faults meet regular files only, and neither standard output nor standard error, where the agent's log goes.
 * SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* The order of shim.py's NAMES. All are 64 bits wide; 0 means: as it is. */
struct orders {
    _Atomic int64_t wall_offset_ns, boot_offset_ns;
    _Atomic int64_t wall_stands_at_ns;                 /* the wall clock says this for ever */
    _Atomic int64_t dns_error, dns_delay_ms, dns_ipv4, dns_dead_first, dns_asked;
    _Atomic int64_t disk_ops, disk_errno, disk_skip, disk_count, disk_hits; /* count -1: for ever */
    _Atomic int64_t disk_one_in, disk_dice;            /* by chance instead: one call in so many */
    _Atomic int64_t sync_delay_ms, write_most;         /* write_most: bytes of one write() or read() */
    _Atomic int64_t memory_skip, memory_count, memory_hits, memory_of_all;
    _Atomic int64_t thread_count, thread_hits;
    _Atomic int64_t hurry, hurry_from_wall_ns, hurry_from_boot_ns; /* both clocks so many times faster from there on */
};

enum { OP_WRITE = 1, OP_SYNC = 2, OP_READ = 4, OP_OPEN = 8, OP_NAME = 16, OP_CUT = 32, OP_SYNC_FOLDER = 64 };

static struct orders none, *orders = &none;

/* Where the program's own code lies: what libraries make of refused memory (json-c and simdjson end the process) is no
 * matter of ours. */
static uintptr_t own_from, own_to;

static int note_program(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size;
    (void)arg;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X)) {
            own_from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            own_to = own_from + info->dlpi_phdr[i].p_memsz;
        }
    return 1; /* the first one is the program */
}

__attribute__((constructor)) static void map_orders(void)
{
    const char *path = getenv("COSMOWATCH_SHIM");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (fd >= 0)
        (void)close(fd);
    (void)dl_iterate_phdr(note_program, NULL);
    if (at != MAP_FAILED)
        orders = at;
    else if (path)
        abort(); /* a fault that silently never happens is a test that cannot fail */
}

#define REAL(name) static __typeof__(name) *real; if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static void sleep_ms(int64_t ms)
{
    if (ms > 0)
        (void)poll(NULL, 0, (int)ms);
}

/* ---- clocks ------------------------------------------------------------------------------------------------ */

static int64_t hurried(int64_t ns, int64_t from_ns)
{
    return orders->hurry > 1 && ns > from_ns ? ns + (ns - from_ns) * (orders->hurry - 1) : ns;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    REAL(clock_gettime);
    int rc = real(id, t);
    int64_t ns = 0;

    if (rc != 0 || (id != CLOCK_REALTIME && id != CLOCK_BOOTTIME))
        return rc;
    ns = (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
    if (id == CLOCK_BOOTTIME)
        ns = hurried(ns, orders->hurry_from_boot_ns) + orders->boot_offset_ns;
    else
        ns = orders->wall_stands_at_ns ? orders->wall_stands_at_ns
                                       : hurried(ns, orders->hurry_from_wall_ns) + orders->wall_offset_ns;
    t->tv_sec = (time_t)(ns / 1000000000);
    t->tv_nsec = (long)(ns % 1000000000);
    return 0;
}

time_t time(time_t *ret)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_REALTIME, &t);
    if (ret)
        *ret = t.tv_sec;
    return t.tv_sec;
}

/* Waits are as much shorter. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until)
{
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    struct timespec t = *until;

    if (!real)
        *(void **)&real = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2"); /* plain dlsym finds a grave */
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "pthread_cond_timedwait");
    if (orders->hurry > 1) {
        int64_t ns, now;

        (void)clock_gettime(CLOCK_MONOTONIC, &t);
        now = (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
        ns = now + ((int64_t)until->tv_sec * 1000000000 + until->tv_nsec - now) / orders->hurry;
        t = (struct timespec){ .tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000) };
    }
    return real(cond, lock, &t);
}

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    REAL(poll);
    return real(fds, n, timeout_ms > 0 && orders->hurry > 1 ? (int)(timeout_ms / orders->hurry) + 1 : timeout_ms);
}

/* ---- names ------------------------------------------------------------------------------------------------- */

static bool is_number(const char *node)
{
    struct in6_addr a;

    return inet_pton(AF_INET, node, &a) == 1 || inet_pton(AF_INET6, node, &a) == 1;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
    REAL(getaddrinfo);
    char text[INET_ADDRSTRLEN];
    struct in_addr a = { .s_addr = htonl((uint32_t)orders->dns_ipv4) };
    struct addrinfo *dead = NULL;
    int rc;

    if (!node || is_number(node))
        return real(node, service, hints, ret);
    orders->dns_asked++;
    sleep_ms(orders->dns_delay_ms);
    if (orders->dns_error)
        return (int)orders->dns_error;
    if (!orders->dns_ipv4)
        return real(node, service, hints, ret);
    rc = real(inet_ntop(AF_INET, &a, text, sizeof text), service, hints, ret);
    if (rc == 0 && orders->dns_dead_first && real("::1", service, hints, &dead) == 0) {
        struct addrinfo *last = dead;

        while (last->ai_next)
            last = last->ai_next;
        last->ai_next = *ret; /* freeaddrinfo of glibc frees one by one */
        *ret = dead;
    }
    return rc;
}

/* ---- disk -------------------------------------------------------------------------------------------------- */

static bool is_meant(int fd)
{
    struct stat st;

    return fd > 2 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

/* The errno to fail with, or 0. */
static int disk_fails(int64_t op)
{
    if (!(orders->disk_ops & op) || !orders->disk_errno)
        return 0;
    if (orders->disk_one_in > 0) {
        uint64_t dice = (uint64_t)(orders->disk_dice = (int64_t)((uint64_t)orders->disk_dice * 6364136223846793005u + 1442695040888963407u));

        if ((dice >> 33) % (uint64_t)orders->disk_one_in != 0)
            return 0;
    } else {
        if (orders->disk_count == 0)
            return 0;
        if (orders->disk_skip > 0) {
            orders->disk_skip--;
            return 0;
        }
        if (orders->disk_count > 0)
            orders->disk_count--;
    }
    orders->disk_hits++;
    return (int)orders->disk_errno;
}

#define FAIL_ON(fd, op)                                       \
    do {                                                      \
        int why_ = orders != &none && (orders->disk_ops & (op)) && is_meant(fd) ? disk_fails(op) : 0; \
                                                              \
        if (why_) {                                           \
            errno = why_;                                     \
            return -1;                                        \
        }                                                     \
    } while (0)

static size_t at_most(int fd, size_t len)
{
    return orders->write_most > 0 && len > (size_t)orders->write_most && is_meant(fd) ? (size_t)orders->write_most : len;
}

ssize_t write(int fd, const void *at, size_t len)
{
    REAL(write);
    FAIL_ON(fd, OP_WRITE);
    return real(fd, at, at_most(fd, len));
}

ssize_t pwrite64(int fd, const void *at, size_t len, off64_t where)
{
    REAL(pwrite64);
    FAIL_ON(fd, OP_WRITE);
    return real(fd, at, at_most(fd, len), where);
}

ssize_t pwrite(int fd, const void *at, size_t len, off_t where)
{
    REAL(pwrite);
    FAIL_ON(fd, OP_WRITE);
    return real(fd, at, at_most(fd, len), where);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    REAL(writev);
    FAIL_ON(fd, OP_WRITE);
    return real(fd, v, n);
}

ssize_t pread64(int fd, void *at, size_t len, off64_t where)
{
    REAL(pread64);
    FAIL_ON(fd, OP_READ);
    return real(fd, at, at_most(fd, len), where);
}

ssize_t pread(int fd, void *at, size_t len, off_t where)
{
    REAL(pread);
    FAIL_ON(fd, OP_READ);
    return real(fd, at, at_most(fd, len), where);
}

static bool is_folder(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

#define SYNC(fd)                                                        \
    do {                                                                \
        if (orders != &none && is_folder(fd)) {                         \
            int why_ = disk_fails(OP_SYNC_FOLDER);                      \
                                                                        \
            if (why_) {                                                 \
                errno = why_;                                           \
                return -1;                                              \
            }                                                           \
        }                                                               \
        sleep_ms(orders->sync_delay_ms);                                \
        FAIL_ON(fd, OP_SYNC);                                           \
    } while (0)

int fsync(int fd)
{
    REAL(fsync);
    SYNC(fd);
    return real(fd);
}

int fdatasync(int fd)
{
    REAL(fdatasync);
    SYNC(fd);
    return real(fd);
}

int ftruncate64(int fd, off64_t len)
{
    REAL(ftruncate64);
    FAIL_ON(fd, OP_CUT);
    return real(fd, len);
}

int rename(const char *from, const char *to)
{
    REAL(rename);
    int why = disk_fails(OP_NAME);

    if (why) {
        errno = why;
        return -1;
    }
    return real(from, to);
}

static int open_fails(int flags)
{
    return (flags & (O_WRONLY | O_RDWR | O_CREAT)) ? disk_fails(OP_OPEN) : 0;
}

#define OPEN(name)                                              \
    int name(const char *path, int flags, ...)                  \
    {                                                           \
        REAL(name);                                             \
        mode_t mode = 0;                                        \
        int why = open_fails(flags);                            \
                                                                \
        if (flags & (O_CREAT | __O_TMPFILE)) {                  \
            va_list more;                                       \
                                                                \
            va_start(more, flags);                              \
            mode = va_arg(more, mode_t);                        \
            va_end(more);                                       \
        }                                                       \
        if (why) {                                              \
            errno = why;                                        \
            return -1;                                          \
        }                                                       \
        return real(path, flags, mode);                         \
    }

OPEN(open)
OPEN(open64)

/* ---- memory and threads ------------------------------------------------------------------------------------ */

void *__libc_malloc(size_t len);
void *__libc_calloc(size_t n, size_t len);
void *__libc_realloc(void *at, size_t len);

static bool memory_fails(const void *caller)
{
    if (orders->memory_count == 0 ||
        (orders->memory_of_all == 0 && ((uintptr_t)caller < own_from || (uintptr_t)caller >= own_to)))
        return false;
    if (orders->memory_skip > 0) {
        orders->memory_skip--;
        return false;
    }
    if (orders->memory_count > 0)
        orders->memory_count--;
    orders->memory_hits++;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t len)
{
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_malloc(len);
}

void *calloc(size_t n, size_t len)
{
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, len);
}

void *realloc(void *at, size_t len)
{
    return memory_fails(__builtin_return_address(0)) ? NULL : __libc_realloc(at, len);
}

int pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
    REAL(pthread_create);
    if (orders->thread_count != 0) {
        if (orders->thread_count > 0)
            orders->thread_count--;
        orders->thread_hits++;
        return EAGAIN;
    }
    return real(ret, attr, fn, arg);
}
