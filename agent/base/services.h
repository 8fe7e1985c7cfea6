/* services.h - the outside world, handed in. Tests pass fakes; nothing is replaced by macro or linker.
 *
 * Detectors get none of this: they know event time only. Deadlines use mono_ms, cursors use the
 * source's time, wall_ns is for labels, token assertions and skew.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SERVICES_H
#define COSMOWATCH_SERVICES_H

#include "base/base.h"

struct clock_ops {
    int64_t (*wall_ns)(void *self);  /* since 1970 UTC */
    int64_t (*mono_ms)(void *self);  /* monotonic */
};

struct random_ops {
    void (*bytes)(void *self, void *at, size_t len);
};

struct http_client; /* net/http.h */
struct apart;       /* apart/apart.h */
struct peers;       /* net/peers.h */

struct services {
    const struct clock_ops *clock;
    void *clock_self;
    const struct random_ops *random;
    void *random_self;
    struct http_client *http; /* thread-safe factory of transfers */
    struct apart *reader;     /* where foreign rows are parsed, thread-safe; NULL: at home */
    struct apart *statement_reader; /* and where the statements in them are; two, so that one need not wait for the other */
    struct peers *peers;      /* who answered over TLS, thread-safe; NULL: nobody keeps it */
};

static inline int64_t sv_wall_ns(const struct services *sv) { return sv->clock->wall_ns(sv->clock_self); }
static inline int64_t sv_mono_ms(const struct services *sv) { return sv->clock->mono_ms(sv->clock_self); }
static inline void sv_random(const struct services *sv, void *at, size_t len)
{
    sv->random->bytes(sv->random_self, at, len);
}

extern const struct clock_ops clock_system;   /* self unused */
extern const struct random_ops random_system; /* getrandom(2); self unused */

#endif
