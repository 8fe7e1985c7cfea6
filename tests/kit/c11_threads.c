/* c11_threads.c - C11 threads on POSIX ones, under the thread sanitizer only.
 *
 * librdkafka uses <threads.h>, which the sanitizer of gcc 12 does not know: a thread that it did not see being
 * born crashes in the first callback, and locks that it did not see give false races. These definitions take
 * the place of the C library's for everything in the process. glibc's mtx_t, cnd_t and thrd_t are the POSIX
 * types under another name. SPDX-License-Identifier: Apache-2.0 */
#ifdef __SANITIZE_THREAD__

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

#define SHOWN __attribute__((visibility("default")))

struct start { thrd_start_t fn; void *arg; };

static void *run(void *arg)
{
    struct start s = *(struct start *)arg;

    free(arg);
    return (void *)(intptr_t)s.fn(s.arg);
}

static int result(int rc)
{
    return rc == 0 ? thrd_success : rc == EBUSY ? thrd_busy : rc == ETIMEDOUT ? thrd_timedout : rc == ENOMEM ? thrd_nomem : thrd_error;
}

SHOWN int thrd_create(thrd_t *t, thrd_start_t fn, void *arg)
{
    struct start *s = malloc(sizeof *s);

    if (!s)
        return thrd_nomem;
    *s = (struct start){ .fn = fn, .arg = arg };
    return result(pthread_create((pthread_t *)t, NULL, run, s));
}

SHOWN int thrd_join(thrd_t t, int *ret)
{
    void *value = NULL;
    int rc = pthread_join((pthread_t)t, &value);

    if (ret)
        *ret = (int)(intptr_t)value;
    return result(rc);
}

SHOWN int thrd_detach(thrd_t t) { return result(pthread_detach((pthread_t)t)); }

SHOWN int mtx_init(mtx_t *m, int type)
{
    pthread_mutexattr_t a;
    int rc;

    (void)pthread_mutexattr_init(&a);
    if (type & mtx_recursive)
        (void)pthread_mutexattr_settype(&a, PTHREAD_MUTEX_RECURSIVE);
    rc = pthread_mutex_init((pthread_mutex_t *)(void *)m, &a);
    (void)pthread_mutexattr_destroy(&a);
    return result(rc);
}

SHOWN void mtx_destroy(mtx_t *m) { (void)pthread_mutex_destroy((pthread_mutex_t *)(void *)m); }
SHOWN int mtx_lock(mtx_t *m) { return result(pthread_mutex_lock((pthread_mutex_t *)(void *)m)); }
SHOWN int mtx_trylock(mtx_t *m) { return result(pthread_mutex_trylock((pthread_mutex_t *)(void *)m)); }
SHOWN int mtx_unlock(mtx_t *m) { return result(pthread_mutex_unlock((pthread_mutex_t *)(void *)m)); }
SHOWN int cnd_init(cnd_t *c) { return result(pthread_cond_init((pthread_cond_t *)(void *)c, NULL)); }
SHOWN void cnd_destroy(cnd_t *c) { (void)pthread_cond_destroy((pthread_cond_t *)(void *)c); }
SHOWN int cnd_signal(cnd_t *c) { return result(pthread_cond_signal((pthread_cond_t *)(void *)c)); }
SHOWN int cnd_broadcast(cnd_t *c) { return result(pthread_cond_broadcast((pthread_cond_t *)(void *)c)); }

SHOWN int cnd_wait(cnd_t *c, mtx_t *m)
{
    return result(pthread_cond_wait((pthread_cond_t *)(void *)c, (pthread_mutex_t *)(void *)m));
}

SHOWN int cnd_timedwait(cnd_t *c, mtx_t *m, const struct timespec *until)
{
    return result(pthread_cond_timedwait((pthread_cond_t *)(void *)c, (pthread_mutex_t *)(void *)m, until));
}

#else
typedef int no_empty_translation_unit;
#endif
