/* arena.c - see arena.h. Blocks double in size up to a bound; something larger than half a block gets
 * a block of its own, so that the current one keeps its room.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define ARENA_ALIGN ((size_t)16)
#define ARENA_BLOCK_FIRST ((size_t)64 * 1024)
#define ARENA_BLOCK_MAX ((size_t)4 * 1024 * 1024)

struct arena_block {
    struct arena_block *older; /* NULL in the first one */
    size_t used, cap;
    alignas(16) char bytes[];
};

static struct arena_block *block_new(size_t cap)
{
    struct arena_block *b = malloc(sizeof(*b) + cap);

    if (!b)
        return NULL;
    b->older = NULL;
    b->used = 0;
    b->cap = cap;
    return b;
}

/* A block with room for len bytes; NULL without memory. */
static struct arena_block *arena_block_for(struct arena *a, size_t len)
{
    struct arena_block *head = a->head, *b;
    size_t cap = head ? head->cap * 2 : ARENA_BLOCK_FIRST;

    if (head && head->cap - head->used >= len)
        return head;
    if (cap > ARENA_BLOCK_MAX)
        cap = ARENA_BLOCK_MAX;
    if (len > cap / 2 && head) { /* behind the head */
        b = block_new(len);
        if (!b)
            return NULL;
        b->older = head->older;
        head->older = b;
        return b;
    }
    b = block_new(len > cap ? len : cap);
    if (!b)
        return NULL;
    b->older = head;
    a->head = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t len)
{
    struct arena_block *b;
    size_t size;
    char *at;

    if (len > SIZE_MAX / 2)
        return NULL;
    size = len == 0 ? ARENA_ALIGN : (len + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    if (a->max > 0 && (a->used > a->max || size > a->max - a->used))
        return NULL;
    b = arena_block_for(a, size);
    if (!b)
        return NULL;
    at = b->bytes + b->used;
    b->used += size;
    a->used += size;
    memset(at, 0, size);
    return at;
}

bool arena_copy(struct arena *a, struct slice s, struct slice *ret)
{
    char *at = s.len < SIZE_MAX ? arena_alloc(a, s.len + 1) : NULL;

    if (!at)
        return false;
    if (s.len > 0)
        memcpy(at, s.at, s.len);
    *ret = slice_make(at, s.len);
    return true;
}

void arena_reset(struct arena *a)
{
    while (a->head && a->head->older) {
        struct arena_block *b = a->head;

        a->head = b->older;
        free(b);
    }
    if (a->head)
        a->head->used = 0;
    a->used = 0;
}

void arena_release(struct arena *a)
{
    if (!a)
        return;
    arena_reset(a);
    free(a->head);
    a->head = NULL;
}
