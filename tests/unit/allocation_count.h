/* allocation_count.h - counts what a test program asks the C library's allocator for, by standing in front of it. A
 * sanitizer brings an allocator of its own: there COUNTED is false and the count stays 0. One file of a program may include it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_ALLOCATION_COUNT_H
#define COSMOWATCH_TEST_ALLOCATION_COUNT_H

#include <stdbool.h>
#include <stddef.h>

static long allocations;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define COUNTED false
#else
#define COUNTED true

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

__attribute__((visibility("default"))) void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}

__attribute__((visibility("default"))) void *calloc(size_t n, size_t size)
{
    allocations++;
    return __libc_calloc(n, size);
}

__attribute__((visibility("default"))) void *realloc(void *at, size_t n)
{
    allocations++;
    return __libc_realloc(at, n);
}
#endif

#endif
