/* refusing_memory.h - an allocator in front of the C library's (or the sanitizer's) that refuses on demand:
 * the n-th request, alone or with all after it, of our code and of the libraries below it, in any thread.
 *
 * One file of a program may include it. Not under ThreadSanitizer, which brings an allocator that cannot be
 * stood in front of: REFUSES_MEMORY is false there and nothing is ever refused. SPDX-License-Identifier:
 * Apache-2.0 */
#ifndef COSMOWATCH_TEST_REFUSING_MEMORY_H
#define COSMOWATCH_TEST_REFUSING_MEMORY_H

#include "base/base.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <link.h>
#include <locale.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Libraries that end the process or lose something when memory is refused, and that nobody above can keep
 * from it: these are served whatever is asked for. */
static const struct {
    const char *library, *why;
} memory_excused[] = {
    { "ld-linux", "a thread's variables, made at first use: nobody could be told" },
    { "librdkafka", "ends the process by an assertion of its own at every refusal" },
    { "libmaxminddb", "1.7 does not free what it read of a file's description when it must give up" },
    { "libgnutls", "3.7 reads through a certificate that it could not make" },
    { "libp11-kit", "of libgnutls" },
    { "libtasn1", "of libgnutls" },
    { "libgmp", "of libgnutls; ends the process" },
    { "libjson-c", "0.16 reads through the name it could not copy, and leaves members out of what it reads, "
                   "without a word" },
};

static struct {
    _Atomic bool is_counting;
    _Atomic long asked; /* since memory_refuse() */
    _Atomic long refused;
    _Atomic long live; /* handed out and not given back */
    long nth;          /* counted from 0; -1: none */
    bool is_for_good;  /* and all after it */
    bool is_of_calls;  /* calls of the system instead: refusing_calls.h */
    bool is_tracing;   /* say where it is refused, in offsets for addr2line */
    int trace_fd;      /* there; 0: standard error */
    struct {
        uintptr_t from, to;
    } excused[16];
    size_t excused_len;
} memory = { .nth = -1 };

static _Thread_local bool memory_is_excused UNUSED; /* in a function that an excused library calls */

static int memory_note_excused(struct dl_phdr_info *info, size_t size UNUSED, void *arg UNUSED)
{
    for (size_t e = 0; e < ARRAY_LEN(memory_excused); e++)
        for (int i = 0; strstr(info->dlpi_name, memory_excused[e].library) && i < info->dlpi_phnum; i++)
            if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X) &&
                memory.excused_len < ARRAY_LEN(memory.excused)) {
                memory.excused[memory.excused_len].from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
                memory.excused[memory.excused_len++].to =
                    info->dlpi_addr + info->dlpi_phdr[i].p_vaddr + info->dlpi_phdr[i].p_memsz;
            }
    return 0;
}

/* From now on, until memory_obey(): the n-th request is refused; -1: none, they are only counted. */
static UNUSED void memory_refuse(long nth, bool is_for_good)
{
    if (memory.excused_len == 0)
        (void)dl_iterate_phdr(memory_note_excused, NULL);
    memory.nth = nth;
    memory.is_for_good = is_for_good;
    memory.asked = 0;
    memory.refused = 0;
    memory.is_counting = true;
}

static UNUSED void memory_obey(void)
{
    memory.is_counting = false;
}

static UNUSED void memory_trace(void)
{
    void *frames[20];

    memory_is_excused = true;
    backtrace_symbols_fd(frames, backtrace(frames, ARRAY_LEN(frames)),
                         memory.trace_fd ? memory.trace_fd : STDERR_FILENO);
    memory_is_excused = false;
}

/* The first requests come before a sanitizer stands. */
#define MEMORY_PLAIN __attribute__((no_sanitize("address", "undefined")))

/* Is what is asked for now the one to be refused? */
static UNUSED MEMORY_PLAIN bool memory_is_its_turn(const void *caller)
{
    long n = 0;

    if (!memory.is_counting || memory_is_excused)
        return false;
    for (size_t i = 0; i < memory.excused_len; i++)
        if ((uintptr_t)caller >= memory.excused[i].from && (uintptr_t)caller < memory.excused[i].to)
            return false;
    n = memory.asked++;
    if (memory.nth < 0 || (memory.is_for_good ? n < memory.nth : n != memory.nth))
        return false;
    memory.refused++;
    if (memory.is_tracing)
        memory_trace();
    return true;
}

static UNUSED MEMORY_PLAIN bool memory_refuses(const void *caller)
{
    if (memory.is_of_calls || !memory_is_its_turn(caller))
        return false;
    errno = ENOMEM;
    return true;
}

#ifdef __SANITIZE_THREAD__
#define REFUSES_MEMORY false
#else
#define REFUSES_MEMORY true

#ifdef __SANITIZE_ADDRESS__
#define MEMORY_REAL(name) __interceptor_##name
extern int __lsan_do_recoverable_leak_check(void);
#define MEMORY_LEAKS() (__lsan_do_recoverable_leak_check() != 0)
#else
#define MEMORY_REAL(name) __libc_##name
#define MEMORY_LEAKS() false
#endif
extern void *MEMORY_REAL(malloc)(size_t);
extern void *MEMORY_REAL(calloc)(size_t, size_t);
extern void *MEMORY_REAL(realloc)(void *, size_t);
extern void MEMORY_REAL(free)(void *);

#define MEMORY_EXPORT MEMORY_PLAIN __attribute__((visibility("default")))

static inline MEMORY_PLAIN void *memory_note(void *at)
{
    memory.live += at != NULL;
    return at;
}

MEMORY_EXPORT void *malloc(size_t n)
{
    return memory_refuses(__builtin_return_address(0)) ? NULL : memory_note(MEMORY_REAL(malloc)(n));
}

MEMORY_EXPORT void *calloc(size_t n, size_t size)
{
    return memory_refuses(__builtin_return_address(0)) ? NULL : memory_note(MEMORY_REAL(calloc)(n, size));
}

MEMORY_EXPORT void *realloc(void *at, size_t n)
{
    void *grown;

    if (memory_refuses(__builtin_return_address(0)))
        return NULL;
    grown = MEMORY_REAL(realloc)(at, n);
    memory.live += !at && grown;
    memory.live -= at && !grown; /* of no size: given back */
    return grown;
}

MEMORY_EXPORT void *reallocarray(void *at, size_t n, size_t size)
{
    if (size > 0 && n > SIZE_MAX / size) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(at, n * size);
}

MEMORY_EXPORT void free(void *at)
{
    memory.live -= at != NULL;
    MEMORY_REAL(free)(at);
}

/* The sanitizer has these from its own allocator, the C library from its malloc(), where the caller is no
 * longer seen. */
MEMORY_EXPORT char *strdup(const char *s)
{
    size_t len = strlen(s) + 1;
    char *copy = memory_refuses(__builtin_return_address(0)) ? NULL : memory_note(MEMORY_REAL(malloc)(len));

    return copy ? memcpy(copy, s, len) : NULL;
}

MEMORY_EXPORT char *strndup(const char *s, size_t max)
{
    size_t len = strnlen(s, max);
    char *copy =
        memory_refuses(__builtin_return_address(0)) ? NULL : memory_note(MEMORY_REAL(malloc)(len + 1));

    if (!copy)
        return NULL;
    copy[len] = '\0';
    return memcpy(copy, s, len);
}

#ifdef __SANITIZE_ADDRESS__
/* Locales are made by json-c alone, once a document. */
extern locale_t __newlocale(int, const char *, locale_t);
extern locale_t __duplocale(locale_t);

MEMORY_EXPORT locale_t newlocale(int mask, const char *name, locale_t base)
{
    locale_t made;

    memory_is_excused = true;
    made = __newlocale(mask, name, base);
    memory_is_excused = false;
    return made;
}

MEMORY_EXPORT locale_t duplocale(locale_t from)
{
    locale_t made;

    memory_is_excused = true;
    made = __duplocale(from);
    memory_is_excused = false;
    return made;
}

/* The sanitizer's own question at the start of each thread, which it takes no refusal of. */
MEMORY_EXPORT int pthread_getattr_np(pthread_t thread, pthread_attr_t *ret)
{
    static int (*_Atomic real)(pthread_t, pthread_attr_t *);
    int rc;

    memory_is_excused = true;
    if (!real)
        real = (int (*)(pthread_t, pthread_attr_t *))dlsym(RTLD_NEXT, "pthread_getattr_np");
    rc = real(thread, ret);
    memory_is_excused = false;
    return rc;
}

/* new and delete of C++, by their names in object files. */
extern void memory_throw(void) __asm__("_ZSt17__throw_bad_allocv") __attribute__((noreturn));
void *memory_new(size_t n) __asm__("_Znwm");
void *memory_new_array(size_t n) __asm__("_Znam");
void *memory_new_nothrow(size_t n, const void *tag) __asm__("_ZnwmRKSt9nothrow_t");
void *memory_new_array_nothrow(size_t n, const void *tag) __asm__("_ZnamRKSt9nothrow_t");
void memory_delete(void *at) __asm__("_ZdlPv");
void memory_delete_array(void *at) __asm__("_ZdaPv");
void memory_delete_sized(void *at, size_t n) __asm__("_ZdlPvm");
void memory_delete_array_sized(void *at, size_t n) __asm__("_ZdaPvm");

MEMORY_EXPORT void *memory_new(size_t n)
{
    void *at = malloc(n + !n);

    if (!at)
        memory_throw();
    return at;
}

MEMORY_EXPORT void *memory_new_array(size_t n)
{
    return memory_new(n);
}

MEMORY_EXPORT void *memory_new_nothrow(size_t n, const void *tag UNUSED)
{
    return malloc(n + !n);
}

MEMORY_EXPORT void *memory_new_array_nothrow(size_t n, const void *tag UNUSED)
{
    return malloc(n + !n);
}

MEMORY_EXPORT void memory_delete(void *at)
{
    free(at);
}

MEMORY_EXPORT void memory_delete_array(void *at)
{
    free(at);
}

MEMORY_EXPORT void memory_delete_sized(void *at, size_t n UNUSED)
{
    free(at);
}

MEMORY_EXPORT void memory_delete_array_sized(void *at, size_t n UNUSED)
{
    free(at);
}
#endif
#endif

#endif
