/* baseline.c - keyed, bounded, persistent memory for detectors.
 *
 * One table per memory: dense entries of one fixed size in chunks (so that a million subjects grow
 * without one big copy) and an open-addressing index of entry numbers. An entry is a 128-bit hash of
 * (memory, account, key), the minute it was last seen, and the detector's struct: 24 bytes beside the
 * struct, and 6 to 11 for the index. The texts of a key are needed once, when the store writes the
 * row; they are kept from the first change until the commit (`unsaved`) and then forgotten.
 *
 * Surprises:
 *   - a collision of the hash would merge two subjects. 128 bits make that a matter of 2^64 keys.
 *   - eviction takes a sixteenth of the table at once: choosing the oldest one costs a walk, and a flood
 *     of new keys must not pay for that walk each time. It is a function of the table's content alone.
 *   - an entry moves when another one of its table leaves (the last one fills the hole).
 * SPDX-License-Identifier: Apache-2.0 */
#include "baseline/baseline.h"

#include "base/map.h"
#include "base/num.h"
#include "baseline/slots.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_ENTRIES 512
#define MEMORIES_MAX 128
#define TABLE_PLACES 256 /* four for each memory: most are found at once */
#define ACCOUNTS_MAX 100000
#define EVICT_SHARE 16 /* one sixteenth leaves when the table is full */

struct entry {
    uint8_t id[16];
    uint32_t seen_minute; /* since 1970: order of eviction needs no finer clock */
    uint32_t unsaved;     /* 1 + index into `unsaved`; 0: as in the store */
    /* the detector's struct follows */
};

_Static_assert(sizeof(struct entry) % 8 == 0, "the struct behind it may hold int64_t");

struct table {
    const struct baseline_memory *memory;
    uint64_t seed[2];      /* of the two halves of the hash: of the memory's name */
    char hashed[64];       /* the account that was hashed last; none when too long to keep */
    size_t hashed_len;
    uint64_t hash[2];      /* its halves */
    size_t stride;
    char **chunks;
    size_t chunks_len, len; /* entries in use: 0..len-1 */
    uint32_t *index;       /* 1 + entry number; 0 free */
    size_t index_len;      /* power of two, or 0 */
};

struct unsaved { /* a row the store has to write */
    uint8_t id[16];
    uint16_t table;
    bool is_deleted;
    uint32_t account_len, key_len, label_len;
    size_t texts_at;
};

struct baseline {
    struct baseline_config cfg;
    struct table tables[MEMORIES_MAX];
    size_t tables_len;
    uint8_t places[TABLE_PLACES]; /* 1 + number of a table, by its memory's address; 0 free */
    struct unsaved *unsaved;
    size_t unsaved_len, unsaved_cap;
    char *texts;           /* account, key and label of unsaved rows, back to back */
    size_t texts_len, texts_cap;
    int64_t evicted, late;
};

/* ---- accounts: the baseline's own memory ------------------------------------------------------- */

struct account_seen {
    int32_t newest;
    int32_t first;          /* first slot with a row */
    int32_t last_day;       /* the day that days[] counted last */
    uint16_t days[2];       /* active days taught by slots up to newest-2, newest-3 */
    uint8_t is_active[2];   /* any row in newest, newest-1 */
    uint8_t padding[2];
};

static const struct baseline_memory accounts_memory = {
    .name = "baseline.account",
    .version = 1,
    .size = sizeof(struct account_seen),
    .max_keys = ACCOUNTS_MAX,
};

/* ---- hash and index ---------------------------------------------------------------------------- */

/* Detectors ask for one account many times in a row: its part of the hash is made once. */
static void hash_account(struct table *t, struct slice account)
{
    for (size_t half = 0; half < 2; half++)
        t->hash[half] = hash64(account.at, account.len, t->seed[half]);
    t->hashed_len = 0;
    if (account.len == 0 || account.len > sizeof t->hashed)
        return;
    memcpy(t->hashed, account.at, account.len);
    t->hashed_len = account.len;
}

static void table_hash(struct table *t, struct slice account, struct slice key, uint8_t ret_id[16])
{
    if (t->hashed_len == 0 || !slice_eq(account, slice_make(t->hashed, t->hashed_len)))
        hash_account(t, account);
    for (size_t half = 0; half < 2; half++) {
        uint64_t h = hash64(key.at, key.len, t->hash[half]);

        memcpy(ret_id + 8 * half, &h, 8);
    }
}

static struct entry *table_at(const struct table *t, size_t n)
{
    return (struct entry *)(void *)(t->chunks[n / CHUNK_ENTRIES] + (n % CHUNK_ENTRIES) * t->stride);
}

static uint32_t to_minute(int64_t ns)
{
    return ns < 0 ? 0 : ns / NS_PER_MIN > UINT32_MAX ? UINT32_MAX : (uint32_t)(ns / NS_PER_MIN);
}

static void *entry_value(struct entry *e)
{
    return e + 1;
}

static size_t index_start(const struct table *t, const uint8_t id[16])
{
    uint64_t h;

    memcpy(&h, id, 8);
    return (size_t)h & (t->index_len - 1);
}

/* Where the id stands in the index, or the free place where it would; the index is not empty. */
static size_t index_find(const struct table *t, const uint8_t id[16])
{
    size_t i = index_start(t, id);

    while (t->index[i] && memcmp(table_at(t, t->index[i] - 1)->id, id, 16) != 0)
        i = (i + 1) & (t->index_len - 1);
    return i;
}

static struct entry *table_find(const struct table *t, const uint8_t id[16])
{
    size_t i;

    if (!t->index_len)
        return NULL;
    i = index_find(t, id);
    return t->index[i] ? table_at(t, t->index[i] - 1) : NULL;
}

static bool index_resize(struct table *t, size_t index_len)
{
    uint32_t *fresh = calloc(index_len, sizeof(*fresh));

    if (!fresh)
        return false;
    free(t->index);
    t->index = fresh;
    t->index_len = index_len;
    for (size_t n = 0; n < t->len; n++)
        t->index[index_find(t, table_at(t, n)->id)] = (uint32_t)n + 1;
    return true;
}

static bool table_grow(struct table *t)
{
    if (4 * (t->len + 1) > 3 * t->index_len && !index_resize(t, t->index_len ? 2 * t->index_len : 64))
        return false;
    if (t->len == t->chunks_len * CHUNK_ENTRIES) {
        char **chunks = realloc(t->chunks, (t->chunks_len + 1) * sizeof(*chunks));

        if (!chunks)
            return false;
        t->chunks = chunks;
        chunks[t->chunks_len] = malloc(CHUNK_ENTRIES * t->stride);
        if (!chunks[t->chunks_len])
            return false;
        t->chunks_len++;
    }
    return true;
}

/* A new zeroed entry; the id is not in the table yet. */
static struct entry *table_add(struct table *t, const uint8_t id[16])
{
    struct entry *e;

    if (!table_grow(t))
        return NULL;
    t->index[index_find(t, id)] = (uint32_t)t->len + 1;
    e = table_at(t, t->len++);
    memset(e, 0, t->stride);
    memcpy(e->id, id, 16);
    return e;
}

/* Take index place i out and close the gap, so that later probes still find what was put past it. */
static void index_remove(struct table *t, size_t i)
{
    size_t mask = t->index_len - 1;

    for (size_t j = (i + 1) & mask; t->index[j]; j = (j + 1) & mask) {
        size_t home = index_start(t, table_at(t, t->index[j] - 1)->id);

        if (((j - home) & mask) >= ((j - i) & mask)) {
            t->index[i] = t->index[j];
            i = j;
        }
    }
    t->index[i] = 0;
}

static void table_remove(struct table *t, struct entry *e)
{
    size_t place = index_find(t, e->id);
    size_t hole = t->index[place] - 1, last = t->len - 1;

    index_remove(t, place);
    if (hole != last) {
        struct entry *mover = table_at(t, last);

        t->index[index_find(t, mover->id)] = (uint32_t)hole + 1;
        memcpy(table_at(t, hole), mover, t->stride);
    }
    t->len = last;
    if (t->chunks_len * CHUNK_ENTRIES >= t->len + 2 * CHUNK_ENTRIES) /* one spare chunk stays */
        free(t->chunks[--t->chunks_len]);
}

static void table_clear(struct table *t)
{
    for (size_t i = 0; i < t->chunks_len; i++)
        free(t->chunks[i]);
    free(t->chunks);
    free(t->index);
    t->chunks = NULL;
    t->index = NULL;
    t->chunks_len = t->len = t->index_len = 0;
}

/* ---- rows that the store has to write ---------------------------------------------------------- */

static bool texts_add(struct baseline *b, struct slice s)
{
    if (b->texts_len + s.len > b->texts_cap) {
        size_t cap = 2 * (b->texts_len + s.len) + 4096;
        char *texts = realloc(b->texts, cap);

        if (!texts)
            return false;
        b->texts = texts;
        b->texts_cap = cap;
    }
    if (s.len)
        memcpy(b->texts + b->texts_len, s.at, s.len);
    b->texts_len += s.len;
    return true;
}

static struct unsaved *unsaved_add(struct baseline *b, const struct table *t, const uint8_t id[16])
{
    struct unsaved *u;

    if (b->unsaved_len == b->unsaved_cap) {
        size_t cap = b->unsaved_cap ? 2 * b->unsaved_cap : 256;
        struct unsaved *fresh = realloc(b->unsaved, cap * sizeof(*fresh));

        if (!fresh)
            return NULL;
        b->unsaved = fresh;
        b->unsaved_cap = cap;
    }
    u = &b->unsaved[b->unsaved_len++];
    *u = (struct unsaved){ .table = (uint16_t)(t - b->tables), .texts_at = b->texts_len };
    memcpy(u->id, id, 16);
    return u;
}

static bool mark_changed(struct baseline *b, const struct table *t, struct entry *e,
                         struct slice account, struct slice key, struct slice label)
{
    struct unsaved *u;
    size_t texts_before = b->texts_len;

    if (e->unsaved)
        return true;
    u = unsaved_add(b, t, e->id);
    if (!u)
        return false;
    account = slice_cut(account, UINT16_MAX);
    key = key.len > UINT16_MAX ? slice_make(key.at, UINT16_MAX) : key;
    label = slice_cut(label, UINT16_MAX);
    if (!texts_add(b, account) || !texts_add(b, key) || !texts_add(b, label)) {
        b->unsaved_len--;
        b->texts_len = texts_before;
        return false;
    }
    u->account_len = (uint32_t)account.len;
    u->key_len = (uint32_t)key.len;
    u->label_len = (uint32_t)label.len;
    e->unsaved = (uint32_t)b->unsaved_len;
    return true;
}

/* Forget an entry, and let the store know. False without memory: then the entry stays. */
static bool forget(struct baseline *b, struct table *t, struct entry *e)
{
    struct unsaved *u = e->unsaved ? &b->unsaved[e->unsaved - 1] : unsaved_add(b, t, e->id);

    if (!u)
        return false;
    u->is_deleted = true;
    table_remove(t, e);
    return true;
}

/* ---- eviction ---------------------------------------------------------------------------------- */

struct age {
    uint8_t id[16];
    uint32_t seen_minute;
};

static int age_cmp(const void *a, const void *b)
{
    const struct age *x = a, *y = b;

    if (x->seen_minute != y->seen_minute)
        return x->seen_minute < y->seen_minute ? -1 : 1;
    return memcmp(x->id, y->id, 16);
}

static bool evict(struct baseline *b, struct table *t)
{
    size_t n = t->len, leave = n / EVICT_SHARE + 1;
    struct age *ages = malloc(n * sizeof(*ages));

    if (!ages)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct entry *e = table_at(t, i);

        ages[i].seen_minute = e->seen_minute;
        memcpy(ages[i].id, e->id, 16);
    }
    qsort(ages, n, sizeof(*ages), age_cmp);
    for (size_t i = 0; i < leave; i++) {
        struct entry *e = table_find(t, ages[i].id);

        if (!e || !forget(b, t, e))
            break;
        b->evicted++;
    }
    free(ages);
    return true;
}

/* ---- the public functions ---------------------------------------------------------------------- */

struct baseline *baseline_new(const struct baseline_config *cfg)
{
    struct baseline *b = calloc(1, sizeof(*b));
    struct error err = { 0 };

    if (!b)
        return NULL;
    b->cfg = *cfg;
    if (baseline_declare(b, &accounts_memory, &err) < 0) {
        baseline_free(b);
        return NULL;
    }
    return b;
}

void baseline_free(struct baseline *b)
{
    if (!b)
        return;
    for (size_t i = 0; i < b->tables_len; i++)
        table_clear(&b->tables[i]);
    free(b->unsaved);
    free(b->texts);
    free(b);
}

void baseline_freep(struct baseline **b)
{
    baseline_free(*b);
    *b = NULL;
}

const struct baseline_config *baseline_cfg(const struct baseline *b)
{
    return &b->cfg;
}

static struct table *find_table_named(struct baseline *b, const char *name)
{
    for (size_t i = 0; i < b->tables_len; i++) {
        if (strcmp(b->tables[i].memory->name, name) == 0)
            return &b->tables[i];
    }
    return NULL;
}

/* Where a memory stands in `places`, or the free place where it would. Every question to the baseline comes by here,
 * dozens for each observation. */
static size_t table_place(const struct baseline *b, const struct baseline_memory *m)
{
    size_t i = (size_t)(((uint64_t)(uintptr_t)m * UINT64_C(0x9e3779b97f4a7c15)) >> 56);

    while (b->places[i] && b->tables[b->places[i] - 1].memory != m)
        i = (i + 1) % TABLE_PLACES;
    return i;
}
_Static_assert(TABLE_PLACES == 256 && MEMORIES_MAX < TABLE_PLACES, "table_place() takes eight bits and needs a free place");

int baseline_declare(struct baseline *b, const struct baseline_memory *m, struct error *err)
{
    struct table *t = find_table_named(b, m->name);

    if (t && t->memory == m)
        return 0; /* two detectors share it */
    if (t)
        return error_set(err, ERR_BUG, "memory '%s' is declared twice", m->name);
    if (b->tables_len == MEMORIES_MAX)
        return error_set(err, ERR_BUG, "more than %d memories", MEMORIES_MAX);
    if (m->max_keys < 1 || m->max_keys > UINT32_MAX - 1)
        return error_set(err, ERR_BUG, "memory '%s' has no sensible ceiling", m->name);
    t = &b->tables[b->tables_len];
    b->places[table_place(b, m)] = (uint8_t)++b->tables_len;
    *t = (struct table){ .memory = m, .stride = sizeof(struct entry) + ((m->size + 7U) & ~7U) };
    t->seed[0] = hash64(m->name, strlen(m->name), 0x636f736d6f776174u);
    t->seed[1] = hash64(m->name, strlen(m->name), 0x6d656d6f72792e31u);
    return 0;
}

static struct table *find_table(struct baseline *b, const struct baseline_memory *m)
{
    size_t number = b->places[table_place(b, m)];

    assert(number && "memory was not declared");
    return number ? &b->tables[number - 1] : NULL;
}

void *baseline_put(struct baseline *b, const struct baseline_memory *m, struct slice account,
                   struct slice key, struct slice label, int64_t seen_ns, bool *ret_new)
{
    struct table *t = find_table(b, m);
    struct entry *e;
    uint8_t id[16];
    bool is_new;

    if (!t)
        return NULL;
    table_hash(t, account, key, id);
    e = table_find(t, id);
    is_new = !e;
    if (is_new) {
        if ((int64_t)t->len >= m->max_keys && !evict(b, t))
            return NULL;
        e = table_add(t, id);
        if (!e)
            return NULL;
        e->seen_minute = to_minute(seen_ns);
    }
    if (!mark_changed(b, t, e, account, key, label)) {
        if (is_new)
            table_remove(t, e);
        return NULL;
    }
    if (to_minute(seen_ns) > e->seen_minute)
        e->seen_minute = to_minute(seen_ns);
    if (ret_new)
        *ret_new = is_new;
    return entry_value(e);
}

const void *baseline_get(struct baseline *b, const struct baseline_memory *m, struct slice account,
                         struct slice key)
{
    struct table *t = find_table(b, m);
    struct entry *e;
    uint8_t id[16];

    if (!t)
        return NULL;
    table_hash(t, account, key, id);
    e = table_find(t, id);
    return e ? entry_value(e) : NULL;
}

void baseline_expire(struct baseline *b, const struct baseline_memory *m, int64_t before_ns)
{
    struct table *t = find_table(b, m);

    /* From the end: what fills a hole was looked at already. */
    for (size_t n = t ? t->len : 0; n > 0; n--) {
        struct entry *e = table_at(t, n - 1);

        if (e->seen_minute < to_minute(before_ns) && !forget(b, t, e))
            return; /* without memory: the next time */
    }
}

void baseline_each(struct baseline *b, const struct baseline_memory *m, void (*fn)(void *self, const void *value),
                   void *self)
{
    const struct table *t = find_table(b, m);

    for (size_t i = 0; t && i < t->len; i++)
        fn(self, entry_value(table_at(t, i)));
}

/* ---- accounts ---------------------------------------------------------------------------------- */

struct account_step {
    struct account_seen *seen;
};

static void account_step(void *self, int32_t closed, int32_t next)
{
    struct account_seen *a = ((struct account_step *)self)->seen;

    (void)next;
    a->days[1] = a->days[0];
    if (a->is_active[1] && slots_day(closed) != a->last_day) {
        a->last_day = slots_day(closed);
        if (a->days[0] < UINT16_MAX)
            a->days[0]++;
    }
    a->is_active[1] = a->is_active[0];
    a->is_active[0] = 0;
}

void baseline_saw_account(struct baseline *b, struct slice account, int64_t minute_ns)
{
    bool is_new = false;
    struct account_seen *a;
    int32_t len = slots_len(&b->cfg), slot = slots_of(minute_ns, len);
    enum slot_age age;

    /* Every observation comes by here: most find their account as it already is. */
    const struct account_seen *known = baseline_get(b, &accounts_memory, account, SL(""));

    if (known && known->newest == slot && known->is_active[0])
        return;
    a = baseline_put(b, &accounts_memory, account, SL(""), account, minute_ns, &is_new);
    if (!a)
        return; /* without memory the account goes on learning, which errs on the silent side */
    if (is_new) {
        a->first = slot;
        a->last_day = -1;
    }
    age = slots_advance(&a->newest, slot, len, account_step, &(struct account_step){ .seen = a });
    if (age == SLOT_LATE) {
        b->late++;
        return;
    }
    a->is_active[age] = 1;
    if (slot < a->first)
        a->first = slot;
}

static bool is_learning(const struct baseline *b, const struct account_seen *known, int32_t slot)
{
    struct account_seen a = *known;
    int64_t half_days = b->cfg.learn_ns / (2 * NS_PER_DAY);
    enum slot_age age = slots_advance(&a.newest, slot, slots_len(&b->cfg), account_step,
                                      &(struct account_step){ .seen = &a });

    if (slots_start_ns(slot) - slots_start_ns(a.first) < b->cfg.learn_ns)
        return true;
    return a.days[age == SLOT_NOW ? 0 : 1] < half_days;
}

bool baseline_is_learning(struct baseline *b, struct slice account, int64_t minute_ns)
{
    const struct account_seen *known = baseline_get(b, &accounts_memory, account, SL(""));

    return !known || is_learning(b, known, slots_of(minute_ns, slots_len(&b->cfg)));
}

/* Accounts that were still learning when they were last seen. */
static int64_t count_learning(const struct baseline *b, const struct table *t)
{
    int64_t n = 0;

    for (size_t i = 0; i < t->len; i++) {
        const struct account_seen *a = entry_value(table_at(t, i));

        n += is_learning(b, a, a->newest);
    }
    return n;
}

/* ---- persistence ------------------------------------------------------------------------------- */

int baseline_each_changed(struct baseline *b, int (*fn)(void *self, const struct baseline_row *row,
                          struct error *err), void *self, struct error *err)
{
    for (size_t i = 0; i < b->unsaved_len; i++) {
        const struct unsaved *u = &b->unsaved[i];
        const struct table *t = &b->tables[u->table];
        struct baseline_row row = { .memory = t->memory->name, .version = t->memory->version,
                                    .is_deleted = u->is_deleted };

        memcpy(row.id, u->id, 16);
        if (!u->is_deleted) {
            struct entry *e = table_find(t, u->id);
            const char *at = b->texts + u->texts_at;

            assert(e);
            row.account = slice_make(at, u->account_len);
            row.key = slice_make(at + u->account_len, u->key_len);
            row.label = slice_make(at + u->account_len + u->key_len, u->label_len);
            row.value = slice_make(entry_value(e), t->memory->size);
            row.seen_ns = e->seen_minute * NS_PER_MIN;
        }
        if (fn(self, &row, err) < 0)
            return -1;
    }
    return 0;
}

void baseline_mark_clean(struct baseline *b)
{
    for (size_t i = 0; i < b->unsaved_len; i++) {
        struct entry *e = table_find(&b->tables[b->unsaved[i].table], b->unsaved[i].id);

        if (e)
            e->unsaved = 0;
    }
    b->unsaved_len = 0;
    b->texts_len = 0;
    if (b->texts_cap > (1U << 20)) { /* a backfill's window is larger than the ones after it */
        free(b->texts);
        b->texts = NULL;
        b->texts_cap = 0;
    }
}

static int load_value(const struct table *t, const struct baseline_row *row, void *value,
                      bool *ret_keep, struct error *err)
{
    const struct baseline_memory *m = t->memory;

    *ret_keep = true;
    if (row->version > m->version)
        return error_set(err, ERR_STATE, "memory '%s' is of version %u, this program knows %u", m->name,
                         row->version, m->version);
    if (row->version < m->version) {
        *ret_keep = m->migrate && m->migrate(row->version, row->value.at, row->value.len, value);
        return 0;
    }
    if (row->value.len != m->size)
        return error_set(err, ERR_STATE, "memory '%s' has a row of %zu bytes instead of %u", m->name,
                         row->value.len, m->size);
    memcpy(value, row->value.at, m->size);
    return 0;
}

int baseline_load_row(struct baseline *b, const struct baseline_row *row, struct error *err)
{
    struct table *t = find_table_named(b, row->memory);
    struct entry *e;
    bool keep = true;

    if (!t)
        return 0;
    e = table_find(t, row->id);
    if (row->is_deleted) {
        if (e)
            table_remove(t, e);
        return 0;
    }
    /* A ceiling that was lowered since: evict rather than refuse to start. */
    if (!e && (int64_t)t->len >= t->memory->max_keys && !evict(b, t))
        return error_set(err, ERR_NOMEM, "memory '%s'", t->memory->name);
    if (!e)
        e = table_add(t, row->id);
    if (!e)
        return error_set(err, ERR_NOMEM, "memory '%s'", t->memory->name);
    if (load_value(t, row, entry_value(e), &keep, err) < 0) {
        table_remove(t, e);
        return -1;
    }
    if (!keep) {
        table_remove(t, e);
        return 0;
    }
    e->seen_minute = to_minute(row->seen_ns);
    return 0;
}

void baseline_forget_all(struct baseline *b)
{
    for (size_t i = 0; i < b->tables_len; i++)
        table_clear(&b->tables[i]);
    b->unsaved_len = 0;
    b->texts_len = 0;
}

void baseline_get_stats(const struct baseline *b, struct baseline_stats *ret)
{
    size_t bytes = sizeof(*b) + b->unsaved_cap * sizeof(*b->unsaved) + b->texts_cap;

    *ret = (struct baseline_stats){ .evicted = b->evicted, .late = b->late };
    for (size_t i = 0; i < b->tables_len; i++) {
        const struct table *t = &b->tables[i];

        bytes += t->chunks_len * (CHUNK_ENTRIES * t->stride + sizeof(*t->chunks)) +
                 t->index_len * sizeof(*t->index);
        if (t->memory != &accounts_memory) {
            ret->keys += (int64_t)t->len;
            continue;
        }
        ret->accounts = (int64_t)t->len;
        ret->learning = count_learning(b, t);
    }
    ret->bytes = (int64_t)bytes;
}

/* ---- the operator ------------------------------------------------------------------------------ */

static const struct baseline_memory *memory_named(const struct baseline *b, const char *name)
{
    for (size_t i = 0; i < b->tables_len; i++)
        if (strcmp(b->tables[i].memory->name, name) == 0)
            return b->tables[i].memory;
    return NULL;
}

/* The memory of a row, when it is of the version that we know, and the row's value as its detector knows it: in the
 * store's answer the bytes may lie anywhere. */
#define VALUE_WORDS 1024
static const struct baseline_memory *align_value(const struct baseline *b, const struct baseline_row *row,
                                                 uint64_t aligned[VALUE_WORDS])
{
    const struct baseline_memory *m = memory_named(b, row->memory);

    if (!m || row->version != m->version || row->value.len != m->size || m->size > VALUE_WORDS * sizeof *aligned)
        return NULL;
    memcpy(aligned, row->value.at, m->size);
    return m;
}

bool baseline_describe_row(const struct baseline *b, const struct baseline_row *row, struct buf *out)
{
    uint64_t aligned[VALUE_WORDS];
    const struct baseline_memory *m = align_value(b, row, aligned);

    if (!m || !m->describe)
        return false;
    m->describe(aligned, out);
    return true;
}

bool baseline_hours_row(const struct baseline *b, const struct baseline_row *row, struct baseline_hours *ret)
{
    uint64_t aligned[VALUE_WORDS];
    const struct baseline_memory *m = align_value(b, row, aligned);

    *ret = (struct baseline_hours){ 0 };
    return m && m->hours && m->hours(aligned, slots_len(&b->cfg), ret);
}

bool baseline_place_row(const struct baseline *b, const struct baseline_row *row, struct baseline_place *ret)
{
    uint64_t aligned[VALUE_WORDS];
    const struct baseline_memory *m = align_value(b, row, aligned);

    *ret = (struct baseline_place){ .lat = (double)NAN, .lon = (double)NAN };
    return m && m->place && m->place(row->key, aligned, ret);
}

bool baseline_drop_row(struct baseline *b, const struct baseline_row *row)
{
    struct table *t = find_table_named(b, row->memory);
    struct entry *e = t ? table_find(t, row->id) : NULL;

    return e && forget(b, t, e);
}

bool baseline_confirm_row(struct baseline *b, const struct baseline_row *row, int64_t time_ns)
{
    struct table *t = find_table_named(b, row->memory);
    struct entry *e = t ? table_find(t, row->id) : NULL;

    if (!e || !t->memory->confirm || !mark_changed(b, t, e, row->account, row->key, row->label))
        return false;
    t->memory->confirm(entry_value(e), slots_of(time_ns, slots_len(&b->cfg)));
    if (to_minute(time_ns) > e->seen_minute)
        e->seen_minute = to_minute(time_ns);
    return true;
}

bool baseline_can_confirm(const struct baseline *b, const char *memory)
{
    const struct baseline_memory *m = memory_named(b, memory);

    return m && m->confirm;
}
