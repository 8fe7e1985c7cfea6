/* map.c - see map.h.
 *
 * Two arrays, as in CPython's dict: `slots` is the hash table and holds places in `entries`, which is
 * kept in insertion order. An entry is one allocation (header, value, key), so a value never moves.
 * Keys are chosen by whoever sends requests to the watched accounts, so each map hashes with a seed of
 * its own: nobody outside can pick keys that collide.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include <endian.h>
#include <stdalign.h>
#include <stdlib.h>
#include <sys/random.h>

#define MAP_SLOTS_MIN 16
#define MAP_ENTRIES_MAX (UINT32_MAX / 4)

struct map_entry {
    uint64_t hash;
    size_t key_len;
    alignas(16) char bytes[]; /* value, then key, then NUL */
};

struct map_slot {
    uint32_t tag;   /* low half of the hash: home is tag & mask */
    uint32_t place; /* in entries, plus one; 0 is free */
};

struct map {
    struct map_slot *slots;
    size_t slots_len; /* a power of two, at least 4/3 of the live entries */
    struct map_entry **entries;
    size_t entries_len, entries_cap; /* len counts holes too */
    size_t live;
    size_t value_size;
    uint64_t seed;
};

/* ---- hash ----------------------------------------------------------------------------------- */

static inline uint64_t load64(const unsigned char *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return le64toh(v);
}

static inline uint64_t load32(const unsigned char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

/* Full product folded into 64 bits: every input bit reaches every output bit. */
static inline uint64_t fold_multiply(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The seed goes into both factors: with a fixed constant on one side, a key equal to that constant
 * would make every product zero, whatever the seed. */
uint64_t hash64(const void *at, size_t len, uint64_t seed)
{
    const uint64_t k0 = UINT64_C(0x9e3779b97f4a7c15), k1 = UINT64_C(0xd1b54a32d192ed03),
                   k2 = UINT64_C(0x8cb92ba72f3d8dd7);
    const unsigned char *p = at;
    uint64_t other = fold_multiply(seed ^ k0, k1 ^ (uint64_t)len), a, b;
    size_t rest = len;

    seed ^= other;
    for (; rest > 16; rest -= 16, p += 16)
        seed = fold_multiply(load64(p) ^ other, load64(p + 8) ^ seed);
    if (rest >= 8) { /* the two loads overlap, so every length has two words */
        a = load64(p);
        b = load64(p + rest - 8);
    } else if (rest >= 4) {
        a = load32(p);
        b = load32(p + rest - 4);
    } else if (rest > 0) {
        a = (uint64_t)p[0] << 16 | (uint64_t)p[rest / 2] << 8 | p[rest - 1];
        b = 0;
    } else {
        a = b = 0;
    }
    return fold_multiply(fold_multiply(a ^ other ^ k1, b ^ seed ^ k2) ^ other, k2 ^ (uint64_t)len);
}

/* ---- map ------------------------------------------------------------------------------------ */

struct map *map_new(size_t value_size)
{
    struct map *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->value_size = value_size;
    /* Without entropy (early boot) the map still works, only guessable. */
    if (getrandom(&m->seed, sizeof(m->seed), GRND_NONBLOCK) != (ssize_t)sizeof(m->seed))
        m->seed = (uint64_t)(uintptr_t)m;
    return m;
}

void map_clear(struct map *m)
{
    for (size_t i = 0; i < m->entries_len; i++)
        free(m->entries[i]);
    m->entries_len = m->live = 0;
    if (m->slots)
        memset(m->slots, 0, m->slots_len * sizeof(*m->slots));
}

void map_free(struct map *m)
{
    if (!m)
        return;
    map_clear(m);
    free(m->slots);
    free(m->entries);
    free(m);
}

void map_freep(struct map **m)
{
    map_free(*m);
    *m = NULL;
}

size_t map_len(const struct map *m)
{
    return m->live;
}

static struct slice entry_key(const struct map *m, const struct map_entry *e)
{
    return slice_make(e->bytes + m->value_size, e->key_len);
}

/* Slot of key, or SIZE_MAX. */
static size_t map_find(const struct map *m, struct slice key, uint64_t hash)
{
    size_t mask = m->slots_len - 1;

    if (m->live == 0)
        return SIZE_MAX;
    for (size_t i = (uint32_t)hash & mask; m->slots[i].place != 0; i = (i + 1) & mask) {
        const struct map_entry *e;

        if (m->slots[i].tag != (uint32_t)hash)
            continue;
        e = m->entries[m->slots[i].place - 1];
        if (e->hash == hash && slice_eq(entry_key(m, e), key))
            return i;
    }
    return SIZE_MAX;
}

static void slot_fill(struct map *m, uint64_t hash, size_t place)
{
    size_t mask = m->slots_len - 1, i = (uint32_t)hash & mask;

    while (m->slots[i].place != 0)
        i = (i + 1) & mask;
    m->slots[i] = (struct map_slot){ .tag = (uint32_t)hash, .place = (uint32_t)place + 1 };
}

/* Close the holes and build the slots anew, slots_len of them. */
static bool map_rebuild(struct map *m, size_t slots_len)
{
    struct map_slot *slots = calloc(slots_len, sizeof(*slots));
    size_t live = 0;

    if (!slots)
        return false;
    free(m->slots);
    m->slots = slots;
    m->slots_len = slots_len;
    for (size_t i = 0; i < m->entries_len; i++) {
        if (!m->entries[i])
            continue;
        m->entries[live] = m->entries[i];
        slot_fill(m, m->entries[live]->hash, live);
        live++;
    }
    m->entries_len = live;
    return true;
}

/* Room for one more entry in both arrays. */
static bool map_make_room(struct map *m)
{
    if (m->entries_len == m->entries_cap) {
        bool is_half_holes = m->live <= m->entries_len / 2;
        size_t cap = m->entries_cap == 0 ? MAP_SLOTS_MIN : m->entries_cap * 2;
        struct map_entry **entries;

        if (m->entries_len > 0 && is_half_holes)
            return map_rebuild(m, m->slots_len);
        if (cap > MAP_ENTRIES_MAX)
            return false;
        entries = realloc(m->entries, cap * sizeof(struct map_entry *));
        if (!entries)
            return false;
        m->entries = entries;
        m->entries_cap = cap;
    }
    if ((m->live + 1) * 4 > m->slots_len * 3)
        return map_rebuild(m, m->slots_len == 0 ? MAP_SLOTS_MIN : m->slots_len * 2);
    return true;
}

static struct map_entry *entry_new(const struct map *m, struct slice key, uint64_t hash)
{
    struct map_entry *e;
    size_t size = sizeof(*e);

    if (__builtin_add_overflow(size, m->value_size, &size) ||
        __builtin_add_overflow(size, key.len, &size) || __builtin_add_overflow(size, 1, &size))
        return NULL;
    e = malloc(size);
    if (!e)
        return NULL;
    e->hash = hash;
    e->key_len = key.len;
    memset(e->bytes, 0, m->value_size);
    if (key.len > 0)
        memcpy(e->bytes + m->value_size, key.at, key.len);
    e->bytes[m->value_size + key.len] = '\0';
    return e;
}

void *map_get(const struct map *m, struct slice key)
{
    size_t slot = map_find(m, key, hash64(key.at, key.len, m->seed));

    return slot == SIZE_MAX ? NULL : m->entries[m->slots[slot].place - 1]->bytes;
}

void *map_put(struct map *m, struct slice key, bool *ret_new)
{
    uint64_t hash = hash64(key.at, key.len, m->seed);
    size_t slot = map_find(m, key, hash);
    struct map_entry *e;

    if (slot != SIZE_MAX) {
        if (ret_new)
            *ret_new = false;
        return m->entries[m->slots[slot].place - 1]->bytes;
    }
    e = entry_new(m, key, hash);
    if (!e || !map_make_room(m)) {
        free(e);
        return NULL;
    }
    slot_fill(m, hash, m->entries_len);
    m->entries[m->entries_len++] = e;
    m->live++;
    if (ret_new)
        *ret_new = true;
    return e->bytes;
}

/* Free a slot and move later ones of the same run back, so that no search stops early. */
static void slot_free(struct map *m, size_t hole)
{
    size_t mask = m->slots_len - 1;

    for (size_t i = (hole + 1) & mask; m->slots[i].place != 0; i = (i + 1) & mask) {
        size_t home = m->slots[i].tag & mask;

        if (((i - home) & mask) < ((i - hole) & mask))
            continue; /* it would land before its home */
        m->slots[hole] = m->slots[i];
        hole = i;
    }
    m->slots[hole] = (struct map_slot){ 0 };
}

bool map_del(struct map *m, struct slice key)
{
    size_t slot = map_find(m, key, hash64(key.at, key.len, m->seed)), place;

    if (slot == SIZE_MAX)
        return false;
    place = m->slots[slot].place - 1;
    slot_free(m, slot);
    free(m->entries[place]); /* key may point into it: not used below */
    m->entries[place] = NULL;
    m->live--;
    return true;
}

bool map_next(const struct map *m, size_t *it, struct slice *ret_key, void **ret_value)
{
    while (*it < m->entries_len) {
        struct map_entry *e = m->entries[(*it)++];

        if (!e)
            continue;
        if (ret_key)
            *ret_key = entry_key(m, e);
        if (ret_value)
            *ret_value = e->bytes;
        return true;
    }
    return false;
}
