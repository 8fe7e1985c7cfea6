/* secret.c - see secret.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define SECURE_HEAP_BYTES (1u << 20) /* a power of two; tokens are a few KiB, secrets less */
#define SECURE_HEAP_LEAST 64

void wipe(void *at, size_t len)
{
    if (len > 0)
        explicit_bzero(at, len);
}

/* ---- one secret --------------------------------------------------------------------------------- */

bool secret_set(struct secret *s, struct slice value)
{
    char *at = NULL;

    if (value.len < SIZE_MAX)
        at = OPENSSL_secure_malloc(value.len + 1);
    if (!at && value.len < SIZE_MAX)
        at = OPENSSL_malloc(value.len + 1); /* the secure heap is full */
    if (!at)
        return false;
    if (value.len > 0)
        memcpy(at, value.at, value.len);
    at[value.len] = '\0';
    secret_release(s); /* after the copy: value may be the old content */
    s->at = at;
    s->len = value.len;
    return true;
}

void secret_release(struct secret *s)
{
    if (!s)
        return;
    OPENSSL_secure_clear_free(s->at, s->len); /* knows which of the two heaps it came from */
    *s = SECRET_INIT;
}

void secret_move(struct secret *to, struct secret *from)
{
    if (to == from)
        return;
    secret_release(to);
    *to = *from;
    *from = SECRET_INIT;
}

/* ---- the environment ---------------------------------------------------------------------------- */

/* The environment is the process's, and so is what was taken out of it: state at file scope, for want of an owner. */
struct taken {
    char *name;
    struct secret value;
    struct taken *next;
};
static struct taken *taken;
static pthread_mutex_t taken_lock = PTHREAD_MUTEX_INITIALIZER;

static struct taken *taken_find(const char *name)
{
    struct taken *t = taken;

    while (t && strcmp(t->name, name) != 0)
        t = t->next;
    return t;
}

static struct taken *taken_add(const char *name)
{
    struct taken *t = calloc(1, sizeof *t);

    if (t)
        t->name = strdup(name);
    if (!t || !t->name) {
        free(t);
        return NULL;
    }
    t->next = taken;
    taken = t;
    return t;
}

/* A variable that was emptied by us is answered from what was taken; one that has a value has a new one. */
static enum secret_env take(const char *name, const struct secret **ret)
{
    static const struct secret empty = SECRET_INIT;
    char *value = getenv(name);
    struct taken *t = taken_find(name);

    *ret = &empty;
    if (!value)
        return SECRET_ENV_UNSET;
    if (value[0]) {
        if (!t)
            t = taken_add(name);
        if (!t || !secret_set(&t->value, slice_of(value)))
            return SECRET_ENV_NOMEM;
        wipe(value, strlen(value));
    }
    if (t)
        *ret = &t->value;
    return SECRET_ENV_FOUND;
}

enum secret_env secret_from_env(const char *name, struct secret *ret)
{
    const struct secret *value = NULL;
    enum secret_env found;

    (void)pthread_mutex_lock(&taken_lock);
    found = take(name, &value);
    if (found == SECRET_ENV_FOUND && !secret_set(ret, slice_make(secret_reveal(value), value->len)))
        found = SECRET_ENV_NOMEM;
    (void)pthread_mutex_unlock(&taken_lock);
    return found;
}

bool secret_env_is_set(const char *name)
{
    const char *value = getenv(name);
    const struct taken *t = NULL;

    if (!value || value[0])
        return value;
    (void)pthread_mutex_lock(&taken_lock);
    t = taken_find(name);
    (void)pthread_mutex_unlock(&taken_lock);
    return t;
}

/* ---- the process -------------------------------------------------------------------------------- */

void wiping_free(void *at)
{
    if (at)
        wipe(at, malloc_usable_size(at));
    free(at);
}

void *wiping_realloc(void *at, size_t size)
{
    size_t old = at ? malloc_usable_size(at) : 0;
    void *fresh;

    if (size > 0 && size <= old)
        return at;
    fresh = size > 0 ? malloc(size) : NULL;
    if (fresh && at)
        memcpy(fresh, at, old);
    if (fresh || size == 0)
        wiping_free(at);
    return fresh;
}

static void *for_openssl_malloc(size_t size, const char *file UNUSED, int line UNUSED)
{
    return malloc(size);
}

static void *for_openssl_realloc(void *at, size_t size, const char *file UNUSED, int line UNUSED)
{
    return wiping_realloc(at, size);
}

static void for_openssl_free(void *at, const char *file UNUSED, int line UNUSED)
{
    wiping_free(at);
}

void secrets_guard(void)
{
    const struct rlimit no_core = { 0, 0 };

    /* Each alone may be refused (a container's filter, a limit): the others hold all the same. */
    (void)setrlimit(RLIMIT_CORE, &no_core);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    (void)CRYPTO_set_mem_functions(for_openssl_malloc, for_openssl_realloc, for_openssl_free);
    (void)CRYPTO_secure_malloc_init(SECURE_HEAP_BYTES, SECURE_HEAP_LEAST);
}
