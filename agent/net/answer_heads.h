/* answer_heads.h - what we want to know of an answer's header lines. Pure: no curl, no socket.
 *
 * Sources: RFC 9110 (Retry-After, Date, Age); Azure REST guidelines for retry-after-ms and
 * x-ms-retry-after-ms, which are finer and win over Retry-After.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ANSWER_HEADS_H
#define COSMOWATCH_ANSWER_HEADS_H

#include "base/slice.h"

#define RETRY_AFTER_MAX_MS INT64_C(3600000)

struct answer_heads {
    int64_t retry_after_ms;    /* asked in milliseconds, -1 not */
    int64_t retry_after_s_ms;  /* Retry-After as a number of seconds, -1 not */
    int64_t retry_after_at_ns; /* Retry-After as a date, 0 not */
    int64_t date_ns;           /* 0 absent */
    int64_t age_s;             /* -1 absent */
    char content_type[80];
    char www_authenticate[512]; /* several are joined with ", " */
    char request_id[80];
    char etag[200];
};

void answer_heads_reset(struct answer_heads *h);
/* One line as it came, with or without its line end. A status line resets everything: what counts is
 * the last answer, not a "100 Continue" before it. */
void answer_heads_note(struct answer_heads *h, struct slice line);
/* How long to wait, 0 unsaid, at most an hour. A date is held against the server's own clock when it
 * told the time, else against ours. */
int64_t answer_heads_retry_after_ms(const struct answer_heads *h, int64_t our_wall_ns);

#endif
