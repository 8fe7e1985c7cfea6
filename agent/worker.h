/* worker.h - one source's worker: plans a window, makes it durable as pending, reads it completely, hands it to the
 * flow thread, waits for the verdict. Keeps the unfinished part of the ledger in memory.
 * Threads: each worker has its own; what it shares with the flow thread is guarded by the board's lock.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_WORKER_H
#define COSMOWATCH_WORKER_H

#include "base/outage.h"
#include "base/services.h"
#include "net/backoff.h"
#include "source/source.h"
#include "source/window.h"
#include "status.h"
#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

/* Where workers and the flow thread meet. */
struct board {
    const struct services *sv;
    struct store *store;
    int64_t horizon_ns;
    pthread_mutex_t lock;
    pthread_cond_t job_ready, job_done;
    atomic_bool is_stopping;
    _Atomic(const char *) full_output; /* whose queue is full, so that reading waits; NULL: none */
};

struct worker_source {
    const char *name;               /* of the configured source; borrowed */
    const struct source_ops *ops;
    void *self;                     /* options filled in; opened by the caller */
};

/* One read window on its way to the flow thread. Lives in its worker. */
struct job {
    struct window window;
    struct source_batch batch;
    bool is_recheck, is_gap;
    struct error why;       /* of JOB_FAILED: why it could not be judged and kept */
    enum { JOB_NONE, JOB_READY, JOB_DONE, JOB_FAILED } state; /* guarded */
};

struct worker {
    struct board *board;
    struct worker_source source;
    struct window_timing timing;
    pthread_t thread;
    bool is_started;
    struct fold *fold;
    struct window *ledger; /* unfinished windows and the newest one, in order */
    size_t ledger_len, ledger_cap;
    bool is_recheck_put_off; /* one failed: what can be read is read before it is tried again */
    bool is_ledger_stale;  /* a commit failed and the store could not be asked since: nothing is planned by it */
    struct job job;
    struct backoff backoff;
    struct outage outage;  /* failing to read, or to keep what was read */
    struct source_status status; /* guarded */
    int64_t bad_rows;
};

MUST_CHECK int worker_init(struct worker *w, struct board *board, const struct worker_source *source,
                           struct error *err);
void worker_release(struct worker *w);
void *worker_main(void *arg); /* the thread: a struct worker */

/* The source's own time; our wall clock's as long as the source has not answered. */
int64_t worker_now_ns(const struct worker *w);
static inline bool board_is_stopping(struct board *b)
{
    return atomic_load(&b->is_stopping);
}
/* Wait on cond for at most ms; the board's lock is held. */
void board_wait_ms(struct board *b, pthread_cond_t *cond, int64_t ms);

#endif
