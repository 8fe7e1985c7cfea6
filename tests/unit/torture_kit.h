/* torture_kit.h - scenes that are played again and again, each time with another request for memory refused.
 *
 * A scene does all its work from nothing to nothing and says what came out. It must end in one of two ways:
 * with the same words as an undisturbed one, or with -1 and a sentence. Played once more with all memory
 * there is, it must come out right. On the way nothing may crash, hang or leak.
 *
 * Each request of a scene has its turn when there are few; of many every k-th, so that COSMOWATCH_TORTURE
 * tries remain (preset 16; 0: all); k is printed. COSMOWATCH_SCENE=NAME plays one scene, COSMOWATCH_NTH=N
 * refuses only that request, and says where it was made. After memory come calls of the system that hand out
 * descriptors and maps, in the same way (COSMOWATCH_WHAT=memory or calls: one of them). Each scene has a process of its own; a server that
 * it asks stands in another (tests/kit/outsider.h), where nothing is refused. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_TORTURE_KIT_H
#define COSMOWATCH_TEST_TORTURE_KIT_H

#include "refusing_calls.h"

#include "base/buf.h"
#include "base/log.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID_MAX ((size_t)16 << 20)
#define SCENE_HANGS_S 120
#define FINDINGS_MAX 200

struct scene {
    const char *name;
    void (*before)(void); /* what a scene begins with; nothing is refused here */
    int (*play)(struct buf *said, struct error *err);
    void (*after)(const struct buf *said); /* nothing is refused here either; said: NULL after a failure */
    const void *with;                      /* for scenes of one function */
    int dear;                              /* so many times fewer tries; 0: 1 */
};

/* Between the process of a scene and the one that watches it. */
static struct playing {
    long total, nth, tried, told, same;
    bool is_for_good, is_over, is_of_calls;
    char what[1000];
} * playing;

static const struct scene *scene_now;
static void (*torture_start)(void); /* called within the first test, where Check takes assertions */

#ifdef COSMOWATCH_COVERAGE
void __gcov_dump(void);
#define COUNT_WHAT_WAS_REACHED() __gcov_dump() /* _exit() does not */
#else
#define COUNT_WHAT_WAS_REACHED() ((void)0)
#endif

static UNUSED __attribute__((noreturn)) PRINTF_LIKE(1, 2) void scene_fail(const char *fmt, ...)
{
    va_list ap;

    memory_obey();
    va_start(ap, fmt);
    (void)vsnprintf(playing->what, sizeof playing->what, fmt, ap);
    va_end(ap);
    if (!scene_now) /* before the first scene */
        (void)fprintf(stderr, "torture: %s\n", playing->what);
    COUNT_WHAT_WAS_REACHED();
    _exit(3);
}

#define SCENE_NEEDS(claim)                                                                                   \
    do {                                                                                                     \
        if (!(claim))                                                                                        \
            scene_fail("%s:%d: %s", __FILE__, __LINE__, #claim);                                             \
    } while (0)

/* Looks of the test itself in the middle of a scene. */
static UNUSED bool scene_pause(void)
{
    bool was = memory.is_counting;

    memory.is_counting = false;
    return was;
}

static UNUSED void scene_go_on(bool was)
{
    memory.is_counting = was;
}

/* Descriptors that are open. */
static long count_files(void)
{
    long n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static int play_once(const struct scene *s, long nth, bool is_for_good, struct buf *said, struct error *err,
                     long *ret_left)
{
    long before = memory.live, files = count_files();
    int rc;

    if (s->before)
        s->before();
    buf_clear(said);
    *err = (struct error) { 0 };
    (void)alarm(SCENE_HANGS_S);
    memory_refuse(nth, is_for_good);
    rc = s->play(said, err);
    memory_obey();
    (void)alarm(0);
    if (s->after)
        s->after(rc == 0 ? said : NULL);
    *ret_left = memory.live - before;
    files = count_files() - files;
    if (files > 0)
        *ret_left = files + (*ret_left > 0 ? *ret_left : 0);
    return rc;
}

/* Where two texts part, for whoever reads about it. */
static void scene_differs(const struct buf *want, const struct buf *got, const char *when)
{
    size_t n = 0;

    while (n < want->len && n < got->len && want->at[n] == got->at[n])
        n++;
    n = n > 80 ? n - 80 : 0;
    scene_fail("%s it says something else, from byte %zu on:\n   wanted ...%.200s\n   got    ...%.200s", when,
               n, want->len > n ? want->at + n : "", got->len > n ? got->at + n : "");
}

static bool is_same(const struct buf *a, const struct buf *b)
{
    return slice_eq(buf_slice(a), buf_slice(b));
}

/* What a library makes once and keeps is not made again by the next try; a leak is. */
static void scene_leak(const struct scene *s, long nth, bool is_for_good, struct buf *said)
{
    struct error err = { 0 };
    long left = 0;

    for (int i = 0; i < 3; i++) {
        (void)play_once(s, nth, is_for_good, said, &err, &left);
        if (left <= 0)
            return;
    }
    (void)MEMORY_LEAKS(); /* says where */
    scene_fail("%ld pieces of memory, or descriptors, left behind, each time", left);
}

static void try_nth(const struct scene *s, long nth, bool is_for_good, const struct buf *want,
                    struct buf *said)
{
    struct error err = { 0 };
    long left = 0;

    playing->nth = nth;
    playing->is_for_good = is_for_good;
    if (play_once(s, nth, is_for_good, said, &err, &left) < 0) {
        if (err.code == ERR_NONE || !err.msg[0])
            scene_fail("failed without a word (code %d, '%s')", (int)err.code, err.msg);
        if (memory.is_tracing)
            (void)fprintf(stderr, "told: %s: %s\n", error_code_name(err.code), err.msg);
        playing->told++;
    } else {
        if (!is_same(want, said))
            scene_differs(want, said, "claims to be fine, but");
        playing->same++;
    }
    playing->tried++;
    if (left > 0)
        scene_leak(s, nth, is_for_good, said);
    if (play_once(s, -1, false, said, &err, &left) < 0)
        scene_fail("then, with memory again: %s", err.msg);
    if (!is_same(want, said))
        scene_differs(want, said, "then, with memory again,");
}

static long from_env(const char *name, long preset)
{
    const char *text = getenv(name);

    return text ? strtol(text, NULL, 10) : preset;
}

static long stride_of(const struct scene *s, long total)
{
    /* Each alone, and with all after it; of calls half as many: they are few, and of few kinds. */
    long wanted = from_env("COSMOWATCH_TORTURE", 16) / (playing->is_of_calls ? 4 : 2);
    long tries = s->dear > 1 && wanted > 0 ? (wanted + s->dear - 1) / s->dear : wanted;

    return tries <= 0 || total <= tries ? 1 : (total + tries - 1) / tries;
}

/* In a process of its own, from a place on: tries that came before ended it. */
static void play_all(const struct scene *s, long from, bool from_for_good)
{
    struct buf want = BUF_INIT(SAID_MAX), said = BUF_INIT(SAID_MAX);
    struct error err = { 0 };
    long only = from_env("COSMOWATCH_NTH", -1), left = 0;

    SCENE_NEEDS(buf_reserve(&want, SAID_MAX / 4) &&
                buf_reserve(&said, SAID_MAX / 4)); /* no requests of the test's own */
    scene_now = s;
    memory.is_tracing = only >= 0;
    memory.is_of_calls = playing->is_of_calls;
    for (int warm = 0; warm < 3; warm++) /* what is made once is made now */
        if (play_once(s, -1, false, warm ? &said : &want, &err, &left) < 0)
            scene_fail("undisturbed: %s", err.msg);
        else if (warm && !is_same(&want, &said))
            scene_differs(&want, &said, "undisturbed, a second time,");
    if (playing->total == 0) /* threads make it differ a little from process to process */
        playing->total = memory.asked;
    if (left != 0)
        scene_leak(s, -1, false, &said);
    for (long n = only >= 0 ? only : from; n < playing->total; n += stride_of(s, playing->total)) {
        if (!(n == from && from_for_good))
            try_nth(s, n, false, &want, &said);
        try_nth(s, n, true, &want, &said);
        if (only >= 0)
            break;
    }
    playing->is_over = true;
    buf_release(&want);
    buf_release(&said);
    COUNT_WHAT_WAS_REACHED();
    _exit(0);
}

static void describe_end(int status, char *ret, size_t size)
{
    if (WIFSIGNALED(status))
        (void)snprintf(ret, size, WTERMSIG(status) == SIGALRM ? "hangs" : "ended by signal %d",
                       WTERMSIG(status));
    else
        (void)snprintf(ret, size, "%s",
                       playing->what[0] ? playing->what : "ended by the sanitizer, see above");
}

static UNUSED bool torture_wants(const struct scene *s)
{
    const char *only = getenv("COSMOWATCH_SCENE");

    return REFUSES_MEMORY && (!only || strcmp(only, s->name) == 0);
}

/* What is made once for all scenes. */
static UNUSED void torture_begin(void)
{
    if (torture_start)
        torture_start();
    torture_start = NULL;
}

/* How many findings; each is printed. */
static int torture_with(const struct scene *s, bool is_of_calls)
{
    const char *what = is_of_calls ? "call" : "request";
    int findings = 0;

    *playing = (struct playing) { .is_of_calls = is_of_calls };
    while (findings < FINDINGS_MAX) {
        long from = playing->nth;
        bool from_for_good = playing->is_for_good;
        char how[1100];
        int status = 0;
        pid_t child = fork();

        ck_assert_int_ge(child, 0);
        if (child == 0)
            play_all(s, from, from_for_good);
        ck_assert_int_eq(waitpid(child, &status, 0), child);
        if (playing->is_over)
            break;
        describe_end(status, how, sizeof how);
        printf("torture: %s, %s %ld of %ld%s: %s\n", s->name, what, playing->nth, playing->total,
               playing->is_for_good ? " and all after it" : "", how);
        findings++;
        if (playing->total == 0 || getenv("COSMOWATCH_NTH")) /* it does not even work undisturbed */
            break;
        playing->what[0] = '\0';
        if (playing->is_for_good) {
            playing->nth += stride_of(s, playing->total);
            playing->is_for_good = false;
        } else {
            playing->is_for_good = true;
        }
    }
    printf("torture: %-28s %6ld %ss, every %ld%s: %ld told, %ld right all the same, %d wrong\n", s->name,
           playing->total, what, stride_of(s, playing->total), stride_of(s, playing->total) == 1 ? "st" : "th",
           playing->told, playing->same, findings);
    (void)fflush(stdout);
    return findings;
}

/* Memory, then descriptors and maps. COSMOWATCH_WHAT=memory or calls: only these. */
static UNUSED int scene_torture(const struct scene *s)
{
    const char *only = getenv("COSMOWATCH_WHAT");
    int findings = 0;

    if (!torture_wants(s))
        return 0;
    torture_begin();
    if (!only || strcmp(only, "memory") == 0)
        findings += torture_with(s, false);
    if (!only || strcmp(only, "calls") == 0)
        findings += torture_with(s, true);
    return findings;
}

static UNUSED int torture_main(const char *name, const TTest *test, int scenes, void (*start)(void),
                               void (*stop)(void))
{
    Suite *suite = suite_create(name);
    TCase *t = tcase_create(name);
    SRunner *r = srunner_create(suite);
    int failed;

    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    playing = mmap(NULL, sizeof *playing, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (playing == MAP_FAILED)
        return 1;
    (void)signal(SIGPIPE, SIG_IGN);
    torture_start = start;
    tcase_add_loop_test(t, test, 0, scenes);
    suite_add_tcase(suite, t);
    srunner_set_fork_status(r, CK_NOFORK); /* each scene forks by itself */
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    if (!torture_start)
        stop();
    return failed != 0;
}

#endif
