/* apart_kit.h - what programs that are their own reader share: bytes that say how the reader is to fail, and what it then
 * died of. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_APART_KIT_H
#define COSMOWATCH_TEST_APART_KIT_H

#include "apart/apart.h"
#include "apart/wire.h"

#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct fault { const char *name, *reason; void (*happen)(struct apart_inside *in); };

static inline void be_killed(struct apart_inside *in UNUSED)
{
    abort();
}

static inline void make_a_socket(struct apart_inside *in UNUSED)
{
    (void)socket(AF_INET, SOCK_STREAM, 0);
}

/* Of the table, the one that has this name; does it happen? */
static inline bool fault_happens(struct apart_inside *in, const struct fault *table, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(name, slice_of(table[i].name))) {
            table[i].happen(in);
            return true;
        }
    return false;
}

/* Has another reader sent a batch before? */
static inline bool somebody_was_there(struct apart_inside *in)
{
    const struct apart_pages *pages;
    _Atomic uint64_t *mark = apart_row_mark(in); /* their first member */

    memcpy(&pages, &mark, sizeof pages);
    return atomic_load(&pages->mark.beat) != 0;
}

static inline struct apart *new_apart(int64_t stall_ms)
{
    struct apart *a = NULL;
    struct error err = { 0 };

    ck_assert_msg(apart_new(&(struct apart_config){ .stall_ms = stall_ms }, &a, &err) == 0, "%s", err.msg);
    return a;
}

/* How many ended; the last one of `why`. */
static inline int64_t readers_ended(struct apart *a, const char *why)
{
    struct apart_status st;

    apart_look(a, &st);
    ck_assert_msg(strstr(st.last_end, why) != NULL, "%s", st.last_end);
    return st.ended;
}

#endif
