/* fixed_clock.h - it is always the same moment by the wall, for programs whose words must not hang on when they are
 * run. One file of a program may include it. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_FIXED_CLOCK_H
#define COSMOWATCH_TEST_FIXED_CLOCK_H

#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FIXED_CLOCK_S 1787220000 /* 2026-08-20T10:00:00Z */

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *ret)
{
    if (id != CLOCK_REALTIME)
        return (int)syscall(SYS_clock_gettime, id, ret);
    *ret = (struct timespec) { .tv_sec = FIXED_CLOCK_S };
    return 0;
}

#endif
