/* encode.c - see encode.h. SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/encode.h"

#include "base/buf.h"
#include "outputs/output.h"

#include <time.h>

/* Of this core: what else the machine does is not measured. */
static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void bench_encode(const struct alert *a, double seconds,
                  void (*fn)(void *self, const char *format, double per_second, unsigned long bytes), void *self)
{
    for (size_t i = 0; encoders_all[i]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)1 << 20);
        struct error err = { 0 };
        double start = now_s(), spent = 0;
        long n = 0;

        for (; spent < seconds; spent = now_s() - start)
            for (int j = 0; j < 100; j++, n++) {
                buf_clear(&out);
                if (encoders_all[i]->encode(a, &out, &err) < 0)
                    return;
            }
        fn(self, encoders_all[i]->name, (double)n / spent, (unsigned long)out.len);
    }
}
