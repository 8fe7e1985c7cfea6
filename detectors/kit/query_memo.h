/* query_memo.h - texts that were read lately and say nothing against themselves, with their shape.
 *
 * A pure memo, no memory of the detector's: reading such a text again would find the same, so it changes no verdict.
 * What an application sends again word by word (most of its texts, when values are bound) then costs two hashes.
 * Keyed by 128 bits; a text takes the place of another one.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_QUERY_MEMO_H
#define COSMOWATCH_QUERY_MEMO_H

#include "base/map.h"

#define QUERY_MEMO_SLOTS 2048u

struct query_memo_key { uint64_t id[2]; };

struct query_memo { /* zeroed to begin with */
    struct query_memo_entry {
        struct query_memo_key key; /* 0,0: free */
        uint64_t shape;
    } at[QUERY_MEMO_SLOTS];
};

static inline struct query_memo_key query_memo_key(struct slice text)
{
    return (struct query_memo_key){ { hash64(text.at, text.len, 0x6d656d31), hash64(text.at, text.len, 0x6d656d32) | 1 } };
}

static inline bool query_memo_find(const struct query_memo *m, struct query_memo_key k, uint64_t *ret_shape)
{
    const struct query_memo_entry *e = &m->at[k.id[0] % QUERY_MEMO_SLOTS];

    if (e->key.id[0] != k.id[0] || e->key.id[1] != k.id[1])
        return false;
    *ret_shape = e->shape;
    return true;
}

static inline void query_memo_keep(struct query_memo *m, struct query_memo_key k, uint64_t shape)
{
    m->at[k.id[0] % QUERY_MEMO_SLOTS] = (struct query_memo_entry){ .key = k, .shape = shape };
}

#endif
