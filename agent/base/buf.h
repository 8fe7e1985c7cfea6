/* buf.h - text being built. Has a ceiling from birth and remembers its first failure, so a builder
 * checks once at the end (buf_check). Always NUL-terminated when anything was added.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BUF_H
#define COSMOWATCH_BUF_H

#include "base/error.h"
#include "base/slice.h"

#include <stdarg.h>

struct buf {
    char *at;
    size_t len, cap, max; /* max: ceiling in bytes, without the NUL; 0 holds nothing */
    bool failed;          /* memory or ceiling; later adds do nothing, what was added stays */
    bool is_full;         /* the failure was the ceiling */
    bool is_here;         /* the room is the caller's: BUF_HERE */
    bool is_private;      /* a secret may be in it: what it leaves, growing or going, is wiped */
};

#define BUF_INIT(max_bytes) ((struct buf){ .max = (max_bytes) })
/* Small texts: room on the stack, so that memory cannot be refused. For locals, which end with their block; not for
 * buf_take() of more than a copy. */
#define BUF_HERE(max_bytes)                                                                        \
    ((struct buf){ .at = (char[(max_bytes) + 1]){ "" }, .cap = (max_bytes) + 1, .max = (max_bytes), .is_here = true })
#define BUF_PRIVATE(max_bytes) ((struct buf){ .max = (max_bytes), .is_private = true })

void buf_release(struct buf *b); /* frees, leaves an empty buf with the same ceiling */
void buf_clear(struct buf *b);   /* keeps memory, forgets content and failure */
void buf_add(struct buf *b, const void *at, size_t len);
void buf_add_str(struct buf *b, const char *cstr);
void buf_add_slice(struct buf *b, struct slice s);
/* When memory was refused to a part, what is made of it is not whole either. A part that reached its ceiling is cut, and
 * may be: whoever wants it whole asks buf_check(). */
void buf_take_refusal(struct buf *b, const struct buf *part);
void buf_add_buf(struct buf *b, const struct buf *part); /* its text, and its refusal */
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_vaddf(struct buf *b, const char *fmt, va_list ap) PRINTF_LIKE(2, 0);
void buf_add_i64(struct buf *b, int64_t v);
bool buf_reserve(struct buf *b, size_t more); /* room for `more` bytes; false is a failure */

/* In the header: encoders add single characters by the thousand. */
static inline void buf_add_char(struct buf *b, char c)
{
    if ((b->failed || b->len + 2 > b->cap || b->len >= b->max) && !buf_reserve(b, 1))
        return;
    b->at[b->len++] = c;
    b->at[b->len] = '\0';
}

/* 0, or -1 with ERR_NOMEM / ERR_LIMIT when anything could not be added. */
MUST_CHECK int buf_check(const struct buf *b, struct error *err);
/* The text so far; valid until the next add. Never NULL. */
const char *buf_cstr(struct buf *b);
char *buf_take(struct buf *b); /* caller frees; NULL after a failure */

static inline struct slice buf_slice(const struct buf *b)
{
    return slice_make(b->at, b->len);
}

#endif
