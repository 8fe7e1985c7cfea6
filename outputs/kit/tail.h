/* tail.h - what was sent lately and may still be lost, for receivers that acknowledge nothing.
 *
 * A TCP receiver that dies takes along what its kernel held and what it had read but not kept. So bytes that
 * were handed over stay here for a while; when the connection breaks, those young enough are owed and go out
 * again on the next connection (same record ids). Bounded: the oldest leave first.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTPUT_TAIL_H
#define COSMOWATCH_OUTPUT_TAIL_H

#include "base/slice.h"

#define TAIL_MAX_BYTES ((size_t)8 << 20) /* a receiver's kernel holds 6 MB by default (tcp_rmem) */
#define TAIL_RESENDS_MAX 5               /* a receiver that breaks each time does not get it for ever */

struct tail_piece {
    struct tail_piece *next;
    int64_t sent_ms;   /* monotonic */
    size_t alerts, len;
    int resends;
    bool is_owed;      /* sent on a connection that broke soon after */
    char bytes[];
};

struct tail {          /* zeroed: empty */
    struct tail_piece *first, *last;
    size_t bytes;
};

/* Copies. Without memory nothing is kept: the alerts were delivered all the same. */
void tail_add(struct tail *t, struct slice bytes, size_t alerts, int64_t now_ms);
/* The connection broke: what is younger than keep_ms is owed, the rest leaves. Returns alerts given up
 * because they were sent too often. */
size_t tail_break(struct tail *t, int64_t now_ms, int64_t keep_ms);
/* An owed piece that is to be sent again, or NULL. */
struct tail_piece *tail_owed(struct tail *t);
void tail_sent(struct tail_piece *p, int64_t now_ms);
void tail_expire(struct tail *t, int64_t now_ms, int64_t keep_ms);
void tail_release(struct tail *t);

#endif
