/* progress.h - how far a long piece of work is, for whoever waits: on a terminal one line that is drawn over, with the
 * rate and the time left; elsewhere (a log, a pipe) a plain line now and then. Always on standard error: standard
 * output is for data.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_PROGRESS_H
#define COSMOWATCH_PROGRESS_H

#include "base/buf.h"

struct services;

struct progress {
    const struct services *sv;   /* the clock */
    const char *what, *unit;     /* "importing", "rows"; static texts */
    int64_t total;               /* 0: not known */
    bool is_terminal;
    int64_t begun_ms, drawn_ms;
    bool is_drawn;
};

/* fd: standard error, to see whether it is a terminal. */
void progress_begin(struct progress *p, const struct services *sv, int fd, const char *what, const char *unit, int64_t total);
/* As often as wanted: it looks at the clock and draws four times a second, or a line every 30 s. */
void progress_at(struct progress *p, int64_t done);
void progress_end(struct progress *p); /* takes the line away */
/* The line itself: "importing [#####.....] 50 %, 1,000 rows/s, 3s left". */
void progress_add(struct buf *out, const struct progress *p, int64_t done, int64_t now_ms);

#endif
