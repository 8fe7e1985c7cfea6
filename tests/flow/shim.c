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
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* The order of shim.py's NAMES. All are 64 bits wide; 0 means: as it is. */
struct orders {
    _Atomic int64_t wall_offset_ns, boot_offset_ns;
    _Atomic int64_t wall_stands_at_ns;                 /* the wall clock says this for ever */
    _Atomic int64_t dns_error, dns_delay_ms, dns_ipv4, dns_dead_first, dns_asked;
    _Atomic int64_t dns_astray, dns_port;              /* another's address; faults meet look-ups for this port alone */
    _Atomic int64_t disk_ops, disk_errno, disk_skip, disk_count, disk_hits; /* count -1: for ever */
    _Atomic int64_t disk_one_in, disk_dice;            /* by chance instead: one call in so many */
    _Atomic int64_t sync_delay_ms, write_most;         /* write_most: bytes of one write() or read() */
    _Atomic int64_t memory_skip, memory_count, memory_hits, memory_of_all;
    _Atomic int64_t thread_count, thread_hits;
    _Atomic int64_t hurry, hurry_from_wall_ns, hurry_from_boot_ns; /* both clocks so many times faster from there on */
    _Atomic int64_t leap_until_ns, leap_quantum_ns, leaped_ns, stall_ns; /* virtual time: see "leaps" below */
    _Atomic int64_t skip_syncs;
};

enum { OP_WRITE = 1, OP_SYNC = 2, OP_READ = 4, OP_OPEN = 8, OP_NAME = 16, OP_CUT = 32, OP_SYNC_FOLDER = 64 };

static struct orders none, *orders = &none, *pace = &none; /* pace: whose hurry and leaps hold here */

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

static struct orders *map_file(const char *path, struct orders *otherwise)
{
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (fd >= 0)
        (void)close(fd);
    if (at != MAP_FAILED)
        return at;
    if (path)
        abort(); /* a fault that silently never happens is a test that cannot fail */
    return otherwise;
}

/* COSMOWATCH_SHIM: this process's orders. COSMOWATCH_SHIM_PACE: another file, whose time several processes share. */
__attribute__((constructor)) static void map_orders(void)
{
    (void)dl_iterate_phdr(note_program, NULL);
    orders = map_file(getenv("COSMOWATCH_SHIM"), &none);
    pace = map_file(getenv("COSMOWATCH_SHIM_PACE"), orders);
}

static bool is_own(const void *code)
{
    return (uintptr_t)code >= own_from && (uintptr_t)code < own_to;
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
    return (pace->hurry > 1 && ns > from_ns ? ns + (ns - from_ns) * (pace->hurry - 1) : ns) + pace->leaped_ns;
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
        ns = hurried(ns, pace->hurry_from_boot_ns) + orders->boot_offset_ns;
    else
        ns = orders->wall_stands_at_ns ? orders->wall_stands_at_ns
                                       : hurried(ns, pace->hurry_from_wall_ns) + orders->wall_offset_ns;
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

/* ---- leaps: virtual time ----------------------------------------------------------------------------------- */

/* With leap_quantum_ns set, time leaps whenever every thread of the program waits on a condition: to the next moment for
 * which one of them waits, by a quantum at least, never beyond leap_until_ns of the wall clock. So a week of waiting costs
 * seconds, and the program sees each of its moments. Whoever waits for an answer is busy, unless stall_ns is set and
 * nothing has come for so long: then it waits in vain, and its timeout may be leapt to as well. Threads of libraries do
 * not count. */
#define SLICE_NS 20000000 /* a waker that was missed is seen after so long, and so is a moved leap_until_ns */
#define FOR_EVER INT64_MAX

struct sleeper {
    pthread_cond_t *cond; /* NULL: in poll() */
    int64_t until_ns;
    bool is_called;       /* somebody signals: on its way */
    struct sleeper *next;
};

static pthread_mutex_t sleepers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sleeper *sleepers;
static int sleepers_len, threads_len = 1;
static __thread int64_t idle_since_ns; /* of the real clock: since when this thread's polls bring nothing */
static __thread bool is_counted;       /* one of the program's threads, not of a library */

static int (*real_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
static int (*real_wait)(pthread_cond_t *, pthread_mutex_t *);
static int (*real_signal)(pthread_cond_t *);
static int (*real_broadcast)(pthread_cond_t *);
static int (*real_clock)(clockid_t, struct timespec *);

static void *find(const char *name)
{
    void *at = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2"); /* plain dlsym finds a grave */

    return at ? at : dlsym(RTLD_NEXT, name);
}

__attribute__((constructor)) static void find_waits(void)
{
    is_counted = true;
    *(void **)&real_timedwait = find("pthread_cond_timedwait");
    *(void **)&real_wait = find("pthread_cond_wait");
    *(void **)&real_signal = find("pthread_cond_signal");
    *(void **)&real_broadcast = find("pthread_cond_broadcast");
    *(void **)&real_clock = dlsym(RTLD_NEXT, "clock_gettime");
}

static int64_t to_ns(const struct timespec *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static int64_t real_ns(clockid_t id)
{
    struct timespec t = { 0 };

    (void)real_clock(id, &t);
    return to_ns(&t);
}

static int64_t virtual_ns(void)
{
    return hurried(real_ns(CLOCK_BOOTTIME), pace->hurry_from_boot_ns);
}

/* Does a wait for which `code` asks count? */
static bool is_leaping(const void *code)
{
    return pace->leap_quantum_ns > 0 && is_counted && is_own(code);
}

/* What is real time for so much virtual time. */
static int64_t in_real_ns(int64_t ns)
{
    return pace->hurry > 1 ? ns / pace->hurry : ns;
}

static void leap(void)
{
    int64_t now = virtual_ns(), to = FOR_EVER, most;

    for (const struct sleeper *s = sleepers; s; s = s->next) {
        if (s->is_called)
            return;
        to = s->until_ns < to ? s->until_ns : to;
    }
    to = to < now + pace->leap_quantum_ns ? now + pace->leap_quantum_ns : to;
    most = pace->leap_until_ns - hurried(real_ns(CLOCK_REALTIME), pace->hurry_from_wall_ns);
    to = to - now > most ? now + most : to;
    if (to <= now)
        return;
    pace->leaped_ns += to - now;
    for (struct sleeper *s = sleepers; s; s = s->next)
        if (s->until_ns <= to && s->cond) {
            s->is_called = true;
            (void)real_broadcast(s->cond);
        }
}

static void fall_asleep(struct sleeper *s)
{
    (void)pthread_mutex_lock(&sleepers_lock);
    s->is_called = false;
    s->next = sleepers;
    sleepers = s;
    if (++sleepers_len >= threads_len)
        leap();
    (void)pthread_mutex_unlock(&sleepers_lock);
}

static void get_up(struct sleeper *s)
{
    struct sleeper **at = &sleepers;

    (void)pthread_mutex_lock(&sleepers_lock);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    sleepers_len--;
    (void)pthread_mutex_unlock(&sleepers_lock);
}

static void call_sleepers(const pthread_cond_t *cond)
{
    (void)pthread_mutex_lock(&sleepers_lock);
    for (struct sleeper *s = sleepers; s; s = s->next)
        s->is_called |= s->cond == cond;
    (void)pthread_mutex_unlock(&sleepers_lock);
}

static struct timespec mono_after(int64_t ns)
{
    int64_t t = real_ns(CLOCK_MONOTONIC) + ns;

    return (struct timespec){ .tv_sec = (time_t)(t / 1000000000), .tv_nsec = (long)(t % 1000000000) };
}

static int wait_leaping(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ns)
{
    struct sleeper s = { .cond = cond, .until_ns = until_ns };

    idle_since_ns = 0;
    for (;;) {
        int rc = ETIMEDOUT;

        fall_asleep(&s);
        if (virtual_ns() < until_ns) {
            int64_t left = in_real_ns(until_ns - virtual_ns());
            struct timespec t = mono_after(left < SLICE_NS ? left : SLICE_NS);

            rc = real_timedwait(cond, lock, &t);
        }
        get_up(&s);
        if (rc != ETIMEDOUT)
            return rc;
        if (virtual_ns() >= until_ns)
            return ETIMEDOUT;
    }
}

/* Waits are as much shorter. They are all of the monotonic clock. */
int pthread_cond_timedwait(pthread_cond_t *cond, pthread_mutex_t *lock, const struct timespec *until)
{
    int64_t left = to_ns(until) - real_ns(CLOCK_MONOTONIC);
    struct timespec t = *until;

    if (is_leaping(__builtin_return_address(0)))
        return wait_leaping(cond, lock, virtual_ns() + left);
    if (pace->hurry > 1)
        t = mono_after(in_real_ns(left));
    return real_timedwait(cond, lock, &t);
}

/* Its waiters may be called by a leap as well, of which they make nothing: their conditions are not met. */
int pthread_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock)
{
    struct sleeper s = { .cond = cond, .until_ns = FOR_EVER };
    int rc;

    if (!is_leaping(__builtin_return_address(0)))
        return real_wait(cond, lock);
    idle_since_ns = 0;
    fall_asleep(&s);
    rc = real_wait(cond, lock);
    get_up(&s);
    return rc;
}

int pthread_cond_signal(pthread_cond_t *cond)
{
    if (pace->leap_quantum_ns > 0)
        call_sleepers(cond);
    return real_signal(cond);
}

int pthread_cond_broadcast(pthread_cond_t *cond)
{
    if (pace->leap_quantum_ns > 0)
        call_sleepers(cond);
    return real_broadcast(cond);
}

static bool has_stalled(int64_t now)
{
    return pace->stall_ns > 0 && idle_since_ns != 0 && now - idle_since_ns > pace->stall_ns;
}

static void note_idle(bool has_come_to_nothing, int64_t now)
{
    if (!has_come_to_nothing)
        idle_since_ns = 0;
    else if (idle_since_ns == 0)
        idle_since_ns = now;
}

/* As librdkafka waits for its brokers, on the wall clock, which glibc asks within itself: with somebody silent, what a
 * poll() for an answer is. It waits again and again, and makes nothing of a wait that ends early. */
int cnd_timedwait(cnd_t *cond, mtx_t *lock, const struct timespec *until)
{
    REAL(cnd_timedwait);
    int64_t left = to_ns(until) - real_ns(CLOCK_REALTIME), now = real_ns(CLOCK_MONOTONIC), end;
    struct sleeper s = { .until_ns = virtual_ns() + left };
    bool is_asleep = has_stalled(now);
    struct timespec t;
    int rc;

    if (pace->stall_ns == 0 || pace->leap_quantum_ns == 0 || !is_counted)
        return real(cond, lock, until);
    if (is_asleep)
        fall_asleep(&s);
    end = real_ns(CLOCK_REALTIME) + in_real_ns(left);
    t = (struct timespec){ .tv_sec = (time_t)(end / 1000000000), .tv_nsec = (long)(end % 1000000000) };
    rc = real(cond, lock, &t);
    if (is_asleep)
        get_up(&s);
    note_idle(rc == thrd_timedout, now);
    return rc;
}

static int poll_leaping(struct pollfd *fds, nfds_t n, int64_t timeout_ns, bool is_idle)
{
    REAL(poll);
    int64_t until = timeout_ns < 0 ? FOR_EVER : virtual_ns() + timeout_ns;
    struct sleeper s = { .until_ns = until };

    for (;;) {
        int64_t left = until == FOR_EVER ? SLICE_NS : in_real_ns(until - virtual_ns()), now = real_ns(CLOCK_MONOTONIC);
        bool is_asleep = is_idle || has_stalled(now);
        int rc;

        if (is_asleep)
            fall_asleep(&s);
        left = virtual_ns() >= until || left < 0 ? 0 : left < SLICE_NS ? left : SLICE_NS;
        rc = real(fds, n, (int)((left + 999999) / 1000000));
        if (is_asleep)
            get_up(&s);
        note_idle(rc == 0 && timeout_ns != 0, now);
        if (rc != 0 || virtual_ns() >= until)
            return rc;
    }
}

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
    REAL(poll);
    if (pace->leap_quantum_ns > 0 && is_counted && timeout_ms != 0)
        return poll_leaping(fds, n, timeout_ms < 0 ? -1 : (int64_t)timeout_ms * 1000000,
                            is_own(__builtin_return_address(0)) && n > 1); /* for news, not for an answer of one */
    return real(fds, n, timeout_ms > 0 && pace->hurry > 1 ? (int)(timeout_ms / pace->hurry) + 1 : timeout_ms);
}

/* Threads of the program are counted: time leaps when all of them wait. */
struct start {
    void *(*fn)(void *);
    void *arg;
};

static void count_threads(int more)
{
    (void)pthread_mutex_lock(&sleepers_lock);
    threads_len += more;
    if (threads_len > 0 && sleepers_len >= threads_len && pace->leap_quantum_ns > 0)
        leap();
    (void)pthread_mutex_unlock(&sleepers_lock);
}

static void *counted(void *arg)
{
    struct start s = *(struct start *)arg;
    void *ret;

    free(arg);
    is_counted = true;
    ret = s.fn(s.arg);
    count_threads(-1);
    return ret;
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
    bool is_hit = orders->dns_port == 0 || (service && atoi(service) == orders->dns_port);
    int64_t ipv4 = is_hit && orders->dns_astray ? orders->dns_astray : orders->dns_ipv4;
    struct in_addr a = { .s_addr = htonl((uint32_t)ipv4) };
    struct addrinfo *dead = NULL;
    int rc;

    if (!node || is_number(node))
        return real(node, service, hints, ret);
    orders->dns_asked++;
    sleep_ms(is_hit ? orders->dns_delay_ms : 0);
    if (is_hit && orders->dns_error)
        return (int)orders->dns_error;
    if (!ipv4)
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
        if (orders->skip_syncs) /* a kill loses nothing that a sync would have saved */ \
            return 0;                                                   \
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
    if (orders->memory_count == 0 || (orders->memory_of_all == 0 && !is_own(caller)))
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
    if (pace != &none && is_own((void *)(uintptr_t)fn)) {
        struct start *s = __libc_malloc(sizeof *s);
        int rc;

        if (!s)
            return EAGAIN;
        *s = (struct start){ fn, arg };
        count_threads(1);
        rc = real(ret, attr, counted, s);
        if (rc == 0)
            return 0;
        count_threads(-1);
        free(s);
        return rc;
    }
    return real(ret, attr, fn, arg);
}
