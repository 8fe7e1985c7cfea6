/* secret.c - see secret.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <malloc.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define SECURE_HEAP_BYTES (1u << 20) /* a power of two; tokens are a few KiB, secrets less */
#define SECURE_HEAP_LEAST 64
#define SECRET_PART_MIN 16 /* bytes of a part that is one by itself */
#define SECRET_MAX_BYTES (1u << 24) /* a file of certificates at most */

void wipe(void *at, size_t len)
{
    if (len > 0)
        explicit_bzero(at, len);
}

/* ---- one secret --------------------------------------------------------------------------------- */

/* What stands in front of each value: all that are alive know of each other, so that foreign text can be searched for
 * them (secrets_hide). At file scope because a secret that somebody forgot to hand over would be the one that leaves. */
struct alive {
    struct alive *next, **link;
    size_t len;
    char value[];
};
static struct alive *alive;
static pthread_mutex_t alive_lock = PTHREAD_MUTEX_INITIALIZER;

static struct alive *alive_new(struct slice value)
{
    size_t size = sizeof(struct alive) + value.len + 1;
    struct alive *a = value.len < SECRET_MAX_BYTES ? OPENSSL_secure_malloc(size) : NULL;

    if (!a && value.len < SECRET_MAX_BYTES)
        a = OPENSSL_malloc(size); /* the secure heap is full */
    if (!a)
        return NULL;
    if (value.len > 0)
        memcpy(a->value, value.at, value.len);
    a->value[value.len] = '\0';
    a->len = value.len;
    (void)pthread_mutex_lock(&alive_lock);
    a->next = alive;
    a->link = &alive;
    if (alive)
        alive->link = &a->next;
    alive = a;
    (void)pthread_mutex_unlock(&alive_lock);
    return a;
}

bool secret_set(struct secret *s, struct slice value)
{
    struct alive *a = alive_new(value);

    if (!a)
        return false;
    secret_release(s); /* after the copy: value may be the old content */
    s->at = a->value;
    s->len = value.len;
    return true;
}

void secret_release(struct secret *s)
{
    struct alive *a;

    if (!s)
        return;
    if (s->at) {
        a = (void *)(s->at - offsetof(struct alive, value));
        (void)pthread_mutex_lock(&alive_lock);
        *a->link = a->next;
        if (a->next)
            a->next->link = a->link;
        (void)pthread_mutex_unlock(&alive_lock);
        OPENSSL_secure_clear_free(a, sizeof *a + a->len); /* knows which of the two heaps it came from */
    }
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

/* ---- foreign text that may repeat one ------------------------------------------------------------ */

/* The text may have been cut within what is looked for. */
static void cover_end(struct slice what, char *at, size_t len)
{
    for (size_t n = what.len < len ? what.len : len; n >= SECRET_HIDDEN_MIN; n--)
        if (memcmp(at + len - n, what.at, n) == 0) {
            memset(at + len - n, '*', n);
            return;
        }
}

static void cover(struct slice what, char *at, size_t len)
{
    size_t from = 0, found = 0;

    if (what.len < SECRET_HIDDEN_MIN)
        return;
    while ((found = slice_find(slice_make(at + from, len - from), what)) != SIZE_MAX) {
        memset(at + from + found, '*', what.len);
        from += found + what.len;
    }
    cover_end(what, at, len);
}

/* Base64 of a longer text with the secret in it, such as "user:password": what the digits are hangs on how many bytes stand
 * before it, modulo three. Digits that hold bits of the neighbours are left out. */
static void cover_base64(struct slice secret, char *at, size_t len)
{
    char *coded = malloc(4 * (secret.len / 3 + 2) + 1), *padded = malloc(secret.len + 2);

    for (size_t before = 0; coded && padded && before < 3; before++) {
        size_t first = before == 0 ? 0 : before + 1, bits = 8 * (before + secret.len);

        memset(padded, 0, before);
        memcpy(padded + before, secret.at, secret.len);
        (void)EVP_EncodeBlock((unsigned char *)coded, (const unsigned char *)padded, (int)(before + secret.len));
        cover(slice_make(coded + first, bits / 6 - first), at, len);
        for (char *p = coded; *p; p++) /* RFC 4648 section 5 */
            *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
        cover(slice_make(coded + first, bits / 6 - first), at, len);
    }
    if (coded)
        wipe(coded, 4 * (secret.len / 3 + 2) + 1);
    if (padded)
        wipe(padded, secret.len + 2);
    free(coded);
    free(padded);
}

/* `encode`: writes up to three characters for a byte. */
static void cover_encoded(struct slice secret, size_t (*encode)(unsigned char c, char *out), char *at, size_t len)
{
    char *coded = malloc(3 * secret.len + 1);
    size_t n = 0;

    if (!coded)
        return;
    for (size_t i = 0; i < secret.len; i++)
        n += encode((unsigned char)secret.at[i], coded + n);
    cover(slice_make(coded, n), at, len);
    wipe(coded, n);
    free(coded);
}

static size_t put_hex(unsigned char c, const char *digits, char *out)
{
    out[0] = digits[c >> 4];
    out[1] = digits[c & 15];
    return 2;
}

static size_t as_hex(unsigned char c, char *out) { return put_hex(c, "0123456789abcdef", out); }
static size_t as_capital_hex(unsigned char c, char *out) { return put_hex(c, "0123456789ABCDEF", out); }

static size_t put_percent(unsigned char c, const char *digits, char *out)
{
    bool is_plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c && strchr("-._~", c));

    out[0] = is_plain ? (char)c : '%';
    return is_plain ? 1 : 1 + put_hex(c, digits, out + 1);
}

static size_t as_percent(unsigned char c, char *out) { return put_percent(c, "0123456789ABCDEF", out); }
static size_t as_small_percent(unsigned char c, char *out) { return put_percent(c, "0123456789abcdef", out); }

static size_t as_json(unsigned char c, char *out)
{
    size_t n = c == '"' || c == '\\' || c == '/' ? 1 : 0;

    out[0] = '\\';
    out[n] = (char)c;
    return n + 1;
}

static void cover_spellings(struct slice secret, char *at, size_t len)
{
    static size_t (*const spellings[])(unsigned char c, char *out) = { as_percent, as_small_percent, as_json, as_hex,
                                                                       as_capital_hex };

    cover(secret, at, len);
    cover_base64(secret, at, len);
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++)
        cover_encoded(secret, spellings[i], at, len);
}

/* A page about an unknown path repeats the path of a webhook's URL and not the URL; the key of a connection string may
 * come alone. */
static void cover_parts(struct slice secret, char *at, size_t len)
{
    for (size_t from = 0, i = 0; i <= secret.len; i++) {
        if (i < secret.len && !strchr("/?&;=. ", secret.at[i]))
            continue;
        if (i - from >= SECRET_PART_MIN && i - from < secret.len)
            cover_spellings(slice_make(secret.at + from, i - from), at, len);
        from = i + 1;
    }
}

void secrets_hide(char *at, size_t len)
{
    (void)pthread_mutex_lock(&alive_lock);
    for (const struct alive *a = alive; a && len >= SECRET_HIDDEN_MIN; a = a->next) {
        struct slice secret = slice_make(a->value, a->len);

        if (a->len < SECRET_HIDDEN_MIN)
            continue;
        cover_spellings(secret, at, len);
        cover_parts(secret, at, len);
    }
    (void)pthread_mutex_unlock(&alive_lock);
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
