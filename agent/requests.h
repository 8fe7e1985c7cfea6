/* requests.h - what the operator asks to be forgotten or taken as usual (`cosmowatch baseline`).
 *
 * A request is written into the store and carried out by the agent between two windows, or at its next start when
 * none runs. So there is one writer of what was learned, always in step with its memory, and a request that was
 * accepted survives everything. It counts for the windows judged after it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_REQUESTS_H
#define COSMOWATCH_REQUESTS_H

#include "base/error.h"

struct baseline;
struct store;

enum request_what { REQUEST_FORGET, REQUEST_CONFIRM };

struct request {
    enum request_what what;
    const char *account;      /* as stored; "" for what is known across accounts */
    const char *memory;       /* NULL: all of the account */
    const char *label;        /* NULL: all of the memory */
};

/* Durable on return. */
MUST_CHECK int requests_add(struct store *s, const struct request *r, struct error *err);
/* Carry out what waits, in a transaction of its own. time_ns: event time from which a confirmed value counts.
 * *ret_n: entries forgotten or confirmed; 0 most of the time. After -1 reload the baseline. */
MUST_CHECK int requests_apply(struct store *s, struct baseline *b, int64_t time_ns, int64_t *ret_n, struct error *err);

#endif
