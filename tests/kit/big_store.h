/* big_store.h - a store of any size, made by the store's own code, left behind as by a kill.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_BIG_STORE_H
#define COSMOWATCH_TEST_BIG_STORE_H

#include "base/error.h"

struct store;

/* Subjects that were learned (500 bytes each), closed windows of one source, alerts of some 12 KB that are
 * over, and alerts that are still open. */
struct big_store {
    int64_t subjects, windows, alerts, open_alerts;
};

/* In a process of its own that ends without closing anything. */
int big_store_make(const char *dir, const struct big_store *what, struct error *err);

/* What a start reads before the first query: the store's opening, what was learned, open alerts, the ledger.
 * How many of each were there must be as they were made. Returns 0 and the seconds it took. */
int big_store_start(const char *dir, const struct big_store *what, double *ret_s, struct error *err);

/* Bytes that this process has asked the kernel for so far, from wherever they came. */
int64_t bytes_read_so_far(void);

#endif
