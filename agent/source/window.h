/* window.h - which window to read next: pure decisions over the ledger, no I/O.
 *
 * Windows of a source are contiguous half-open intervals of ingestion time. They are read in order:
 * order is what makes learning deterministic (baseline.h). A re-check that is due comes before the next
 * new window. Far behind, windows grow to catch_up so that a week of outage costs few queries.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_WINDOW_H
#define COSMOWATCH_WINDOW_H

#include "store/store.h"

struct window_timing {
    int64_t window_ns;      /* ordinary length, 5m */
    int64_t settle_ns;      /* leave this much behind the source's now unread, 2m */
    int64_t catch_up_ns;    /* longest window when behind, 1h */
    int64_t backfill_ns;    /* how far before lookback to learn, 14d; 0: none */
    int64_t backfill_window_ns; /* 6h */
    int64_t lookback_ns;    /* at first start, raise alerts on rows this old, 24h */
    int64_t recheck_ns[4];  /* ages at which a closed window is counted again, ascending; 0 ends:
                               15m 1h 4h and the horizon */
    int64_t retention_ns;   /* what is older than this cannot be read any more: gap. 0: unknown (30d) */
};

enum window_task { WINDOW_TASK_NONE, WINDOW_TASK_READ, WINDOW_TASK_RECHECK, WINDOW_TASK_GAP };

struct window_plan {
    enum window_task task;
    struct window window;   /* READ: state PENDING; RECHECK: the closed window; GAP: what is lost */
    int64_t wait_ms;        /* NONE: nothing before this long */
};

/* Decide. `ledger`: this source's windows in order (may be empty at first start), now_ns: the source's
 * time (server date), or our wall clock when unknown. Never plans beyond now - settle. */
void window_next(const struct window_timing *t, const char *source, const struct window *ledger, size_t n,
                 int64_t now_ns, struct window_plan *ret);

/* Has the window had all its re-checks (so that it is final)? Backfill windows need none. */
bool window_is_rechecked(const struct window_timing *t, const struct window *w);

#endif
