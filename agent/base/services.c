/* services.c - the real clock and the real dice. See services.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/services.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t read_clock_ns(clockid_t id)
{
    struct timespec now = { 0 };

    (void)clock_gettime(id, &now); /* cannot fail for these two clocks */
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t system_wall_ns(void *self UNUSED)
{
    return read_clock_ns(CLOCK_REALTIME);
}

/* BOOTTIME, not MONOTONIC: a deadline passes while the host sleeps. */
static int64_t system_mono_ms(void *self UNUSED)
{
    return read_clock_ns(CLOCK_BOOTTIME) / NS_PER_MS;
}

static void system_random_bytes(void *self UNUSED, void *at, size_t len)
{
    char *p = at;

    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) { /* no such system call: nothing secret or unique can be made */
            (void)fprintf(stderr, "cosmowatch: the kernel has no getrandom(2)\n");
            abort();
        }
        p += n;
        len -= (size_t)n;
    }
}

const struct clock_ops clock_system = {
    .wall_ns = system_wall_ns,
    .mono_ms = system_mono_ms,
};

const struct random_ops random_system = {
    .bytes = system_random_bytes,
};
