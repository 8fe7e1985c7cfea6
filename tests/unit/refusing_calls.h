/* refusing_calls.h - calls of the system in front of the C library's that refuse on demand, as refusing_memory.h does
 * with memory: descriptors (EMFILE), and maps (ENOMEM; not under a sanitizer, which lives in them). Of our code
 * and of the libraries below it, in any thread; what the C library asks for itself is not seen.
 *
 * One file of a program may include it. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_REFUSING_CALLS_H
#define COSMOWATCH_TEST_REFUSING_CALLS_H

#include "refusing_memory.h"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#define CALL_EXPORT __attribute__((visibility("default")))

/* A call that ends in a descriptor: `fails` is what it says without one. */
#define CALL_OF_DESCRIPTOR(type, name, fails, params, args)                                                  \
    typedef type call_##name params;                                                                         \
    CALL_EXPORT type name params                                                                             \
    {                                                                                                        \
        static call_##name *_Atomic real;                                                                    \
        call_##name *next = real;                                                                            \
                                                                                                             \
        if (!next)                                                                                           \
            real = next = (call_##name *)memory_next(#name);                                                 \
        return calls_refuse(__builtin_return_address(0), EMFILE) ? (fails) : next args;                      \
    }

/* The next one of the name: the sanitizer's, or the C library's. */
static UNUSED void *memory_next(const char *name)
{
    bool was_excused = memory_is_excused;
    void *next;

    memory_is_excused = true;
    next = dlsym(RTLD_NEXT, name);
    memory_is_excused = was_excused;
    return next;
}

static UNUSED bool calls_refuse(const void *caller, int why)
{
    if (!memory.is_of_calls || !memory_is_its_turn(caller))
        return false;
    errno = why;
    return true;
}

CALL_OF_DESCRIPTOR(int, socket, -1, (int domain, int type, int protocol), (domain, type, protocol))
CALL_OF_DESCRIPTOR(int, socketpair, -1, (int domain, int type, int protocol, int ret[2]), (domain, type, protocol, ret))
CALL_OF_DESCRIPTOR(int, accept4, -1, (int fd, struct sockaddr *at, socklen_t *len, int flags), (fd, at, len, flags))
CALL_OF_DESCRIPTOR(int, pipe, -1, (int ret[2]), (ret))
CALL_OF_DESCRIPTOR(int, pipe2, -1, (int ret[2], int flags), (ret, flags))
CALL_OF_DESCRIPTOR(int, eventfd, -1, (unsigned value, int flags), (value, flags))
CALL_OF_DESCRIPTOR(int, epoll_create1, -1, (int flags), (flags))
CALL_OF_DESCRIPTOR(int, memfd_create, -1, (const char *name, unsigned flags), (name, flags))
CALL_OF_DESCRIPTOR(int, dup, -1, (int fd), (fd))
CALL_OF_DESCRIPTOR(FILE *, fopen, NULL, (const char *path, const char *mode), (path, mode))
CALL_OF_DESCRIPTOR(FILE *, fopen64, NULL, (const char *path, const char *mode), (path, mode))
CALL_OF_DESCRIPTOR(DIR *, opendir, NULL, (const char *path), (path))

/* The mode is there when it is needed. */
#define CALL_OF_OPEN(name)                                                                                   \
    CALL_EXPORT int name(const char *path, int flags, ...)                                                   \
    {                                                                                                        \
        static int (*_Atomic real)(const char *, int, ...);                                                  \
        mode_t mode = 0;                                                                                     \
        va_list ap;                                                                                          \
                                                                                                             \
        if (!real)                                                                                           \
            real = (int (*)(const char *, int, ...))memory_next(#name);                                      \
        va_start(ap, flags);                                                                                 \
        if (flags & (O_CREAT | __O_TMPFILE))                                                                 \
            mode = (mode_t)va_arg(ap, unsigned);                                                             \
        va_end(ap);                                                                                          \
        return calls_refuse(__builtin_return_address(0), EMFILE) ? -1 : real(path, flags, mode);             \
    }

CALL_OF_OPEN(open)
CALL_OF_OPEN(open64)

#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
CALL_EXPORT void *mmap(void *at, size_t len, int prot, int flags, int fd, off_t from)
{
    static void *(*_Atomic real)(void *, size_t, int, int, int, off_t);

    if (!real)
        real = (void *(*)(void *, size_t, int, int, int, off_t))memory_next("mmap");
    return calls_refuse(__builtin_return_address(0), ENOMEM) ? MAP_FAILED : real(at, len, prot, flags, fd, from);
}
#endif

#endif
