/* fake_services.h - clocks that the test turns, and dice that always fall alike.
 *
 * Both clocks begin at a fixed moment and then run with the real one, so that time-outs fire; a test
 * moves them on with fake_services_pass. Any thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_FAKE_SERVICES_H
#define COSMOWATCH_TEST_FAKE_SERVICES_H

#include "base/services.h"

#include <stdatomic.h>

#define FAKE_WALL_START_NS (INT64_C(1787220000) * NS_PER_S) /* 2026-08-20T10:00:00Z */

struct fake_services {
    struct services sv;
    atomic_int_fast64_t wall_offset_ns, mono_offset_ms;
    atomic_uint_fast64_t dice; /* next byte: counts up from here */
    atomic_uint_fast64_t looks; /* at the monotonic clock: whoever waits looks when he is woken */
};

/* Real clocks with an offset; wall starts at FAKE_WALL_START_NS when is_fixed, else it is today's. */
void fake_services_init(struct fake_services *f, bool is_fixed);
void fake_services_pass(struct fake_services *f, int64_t ms);
/* With an HTTP client of its own in f->sv.http; ended by fake_services_release. */
void fake_services_add_http(struct fake_services *f);
void fake_services_release(struct fake_services *f);

#endif
