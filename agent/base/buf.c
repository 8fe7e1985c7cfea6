/* buf.c - see buf.h. An add happens whole or not at all, so that a failed buf never ends in half an
 * escape or half a number.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#define BUF_FIRST_CAP 64

void buf_release(struct buf *b)
{
    if (!b)
        return;
    if (b->is_private && b->at)
        explicit_bzero(b->at, b->cap);
    if (!b->is_here)
        free(b->at);
    *b = (struct buf){ .max = b->max, .is_private = b->is_private };
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    b->is_full = false;
    if (b->at)
        b->at[0] = '\0';
}

/* realloc that leaves no copy. */
static char *move_private(struct buf *b, size_t cap)
{
    char *at = malloc(cap);

    if (at && b->at) {
        memcpy(at, b->at, b->len);
        explicit_bzero(b->at, b->cap);
        free(b->at);
    }
    return at;
}

bool buf_reserve(struct buf *b, size_t more)
{
    size_t need, cap;
    char *at;

    if (b->failed)
        return false;
    if (b->len > b->max || more > b->max - b->len || b->max == SIZE_MAX) {
        b->failed = b->is_full = true;
        return false;
    }
    need = b->len + more + 1; /* the NUL is not counted by the ceiling */
    if (need <= b->cap)
        return true;
    cap = b->cap > SIZE_MAX / 2 ? need : b->cap * 2;
    if (cap < BUF_FIRST_CAP)
        cap = BUF_FIRST_CAP;
    if (cap > b->max + 1)
        cap = b->max + 1;
    if (cap < need)
        cap = need;
    /* Never of a BUF_HERE: its ceiling is its room. */
    at = b->is_private ? move_private(b, cap) : realloc(b->at, cap);
    if (!at) {
        b->failed = true;
        return false;
    }
    b->at = at;
    b->cap = cap;
    b->at[b->len] = '\0';
    return true;
}

void buf_add(struct buf *b, const void *at, size_t len)
{
    if (len == 0 || !buf_reserve(b, len))
        return;
    memcpy(b->at + b->len, at, len);
    b->len += len;
    b->at[b->len] = '\0';
}

void buf_add_str(struct buf *b, const char *cstr)
{
    if (cstr)
        buf_add(b, cstr, strlen(cstr));
}

void buf_add_slice(struct buf *b, struct slice s)
{
    buf_add(b, s.at, s.len);
}

void buf_take_refusal(struct buf *b, const struct buf *part)
{
    if (part->failed && !part->is_full)
        b->failed = true;
}

void buf_add_buf(struct buf *b, const struct buf *part)
{
    buf_take_refusal(b, part);
    buf_add_slice(b, buf_slice(part));
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_vaddf(b, fmt, ap);
    va_end(ap);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
    va_list again;
    int n;

    if (!buf_reserve(b, 0))
        return;
    va_copy(again, ap);
    n = vsnprintf(b->at + b->len, b->cap - b->len, fmt, again);
    va_end(again);
    b->at[b->len] = '\0';
    if (n < 0) {
        b->failed = true; /* only memory, for the formats we use */
        return;
    }
    if (!buf_reserve(b, (size_t)n))
        return;
    (void)vsnprintf(b->at + b->len, b->cap - b->len, fmt, ap);
    b->len += (size_t)n;
}

void buf_add_i64(struct buf *b, int64_t v)
{
    char text[20];
    size_t i = sizeof(text);
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

    do {
        text[--i] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0)
        text[--i] = '-';
    buf_add(b, text + i, sizeof(text) - i);
}

int buf_check(const struct buf *b, struct error *err)
{
    if (!b->failed)
        return 0;
    if (b->is_full)
        return error_set(err, ERR_LIMIT, "text is longer than %zu bytes", b->max);
    return error_set(err, ERR_NOMEM, "no memory for a text of %zu bytes", b->len);
}

const char *buf_cstr(struct buf *b)
{
    return b->at ? b->at : "";
}

char *buf_take(struct buf *b)
{
    char *at;

    if (b->failed)
        return NULL;
    at = b->is_here ? strndup(b->at, b->len) : b->at ? b->at : strdup("");
    *b = BUF_INIT(b->max);
    return at;
}
