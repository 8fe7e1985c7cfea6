/* fuzz.h - what the entry points share.
 *
 * A target is fuzz_NAME.c with FUZZ_TARGET(NAME) { ... return 0; }: it gets any bytes, and ends the process when a promise
 * does not hold. `make fuzz` runs it under libFuzzer, replay.c gives it the files of corpus/NAME once (`make fuzz-corpus`,
 * a part of `make test`). A target keeps no state from input to input that changes what the next one does.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FUZZ_H
#define COSMOWATCH_FUZZ_H

#include "base/base.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/slice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef COSMOWATCH_LIBFUZZER
#define FUZZ_TARGET(name)                                                                          \
    int fuzz_##name(const uint8_t *data, size_t size);                                             \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);                                  \
    int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)                                   \
    {                                                                                              \
        return fuzz_##name(data, size);                                                            \
    }                                                                                              \
    int fuzz_##name(const uint8_t *data, size_t size)
#else
#define FUZZ_TARGET(name)                                                                          \
    int fuzz_##name(const uint8_t *data, size_t size);                                             \
    int fuzz_##name(const uint8_t *data, size_t size)
#endif

/* A promise; unlike assert() also without debugging. */
#define PROMISE(claim)                                                                             \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #claim);                    \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The bytes in memory of exactly their size and `padding`, so that a sanitizer sees a byte too far; the caller frees. */
static inline char *fuzz_padded(struct slice s, size_t padding)
{
    char *at = malloc(s.len + padding + !(s.len + padding));

    PROMISE(at);
    if (s.len)
        memcpy(at, s.at, s.len);
    memset(at + s.len, 0, padding);
    return at;
}

/* The first byte chooses one of n; the rest stays. */
static inline unsigned fuzz_choose(struct slice *rest, unsigned n)
{
    unsigned char c = 0;

    if (rest->len == 0)
        return 0;
    c = (unsigned char)rest->at[0];
    *rest = slice_make(rest->at + 1, rest->len - 1);
    return c % n;
}

/* It did what it was asked, or it says why not. */
static inline void fuzz_done_or_told(int rc, const struct error *err)
{
    PROMISE(rc == 0 || (rc == -1 && err->code != ERR_NONE && err->msg[0]));
}

/* Every byte is there to be read. */
static inline void fuzz_touch(struct slice s)
{
    static volatile unsigned char seen;

    for (size_t i = 0; i < s.len; i++)
        seen = (unsigned char)(seen ^ (unsigned char)s.at[i]);
}

/* s lies within whole, or is empty. */
static inline bool fuzz_is_within(struct slice s, struct slice whole)
{
    return s.len == 0 || (s.at >= whole.at && s.at + s.len <= whole.at + whole.len);
}

/* A folder of this process, made at the first call and removed at the end; in memory where /dev/shm is. (fuzz.c) */
const char *fuzz_folder(void);
/* FOLDER/name, written anew with these bytes. Valid until the next call. */
const char *fuzz_file(const char *name, struct slice bytes);

#endif
