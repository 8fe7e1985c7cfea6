/* fold.c - rows of one event-time minute that agree in every grouping field become one observation.
 *
 * How: every distinct text is kept once and has a number; a row is then sixteen numbers, a minute, a
 * status, and finding its observation is one look into a table of those. Most rows repeat a row a little
 * before them, so a guess comes first: is this the observation where the last row like it went? Then only
 * its texts are compared. A small memo per field does the same for single texts.
 * Why not by hash alone: two rows are the same observation only when their texts are equal, not when
 * their hashes are. The key (hash64 of the contents) is made once per observation and does not depend
 * on numbers given here, so it is the same in every run and for every order of rows.
 * Surprises: fold_sorted() sorts in place and drops the lookup table; the next fold_add() makes it anew.
 * SPDX-License-Identifier: Apache-2.0 */
#include "fold/fold.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "fold/seen.h"

#include <stdlib.h>

#define MEMO_PLACES 256    /* per field; a power of two */
#define RECENT_PLACES 8192 /* a power of two; many times what is about in a minute, or two share a place */
#define SAMPLE_ROOM 40  /* an ActivityId is a GUID: 36 bytes */
#define EXTRA_COUNT (F_COUNT - F_GROUP_COUNT)

struct text {
    uint64_t hash;
    const char *at;
    size_t len;
};

struct memo {
    const char *at;
    uint32_t len, id;
};

/* What a folded row is looked up by. All bytes count: no padding. */
struct group_key {
    uint32_t text[F_GROUP_COUNT];
    int64_t minute_ns;
    uint32_t kind_table; /* kind << 16 | table */
    int32_t status;
};
_Static_assert(sizeof(struct group_key) == F_GROUP_COUNT * 4 + 16, "no padding in a group key");

struct group {
    struct group_key key;
    char *sample;        /* in the arena */
    uint32_t sample_room;
};

struct fold {
    size_t max_bytes;
    struct arena strings;

    struct text *texts;      /* by id; 0 is the empty text */
    size_t texts_len, texts_cap;
    uint32_t *text_slots;    /* id or 0 */
    size_t text_slots_len;

    struct observation *obs;
    struct group *groups;    /* beside obs */
    size_t len, cap;
    uint32_t *slots;         /* place + 1, or 0 */
    size_t slots_len;
    bool is_indexed;

    struct sort_item *sorting; /* as large as obs, so that sorting cannot fail */
    bool is_sorted;

    struct seen seen;        /* of fold_surplus */
    int64_t minute_ns;       /* of the last row */
    uint32_t recent[RECENT_PLACES]; /* place of an observation like a recent row; a guess */
    struct memo memo[F_GROUP_COUNT][MEMO_PLACES];
};

struct sort_item {
    int64_t minute_ns;
    uint64_t key;
    uint32_t kind;
    uint32_t at;
    const struct observation *o;
};

/* ---- life ------------------------------------------------------------------------------------- */

struct fold *fold_new(size_t max_bytes)
{
    struct fold *f = calloc(1, sizeof *f);

    if (!f)
        return NULL;
    f->max_bytes = max_bytes;
    f->strings = ARENA_INIT(0);
    f->texts_len = 1;
    f->is_indexed = true;
    return f;
}

void fold_free(struct fold *f)
{
    if (!f)
        return;
    arena_release(&f->strings);
    free(f->texts);
    free(f->text_slots);
    free(f->obs);
    free(f->groups);
    free(f->slots);
    free(f->sorting);
    seen_release(&f->seen);
    free(f);
}

void fold_reset(struct fold *f)
{
    arena_reset(&f->strings);
    f->texts_len = 1;
    f->len = 0;
    if (f->text_slots)
        memset(f->text_slots, 0, f->text_slots_len * sizeof *f->text_slots);
    if (f->slots)
        memset(f->slots, 0, f->slots_len * sizeof *f->slots);
    memset(f->memo, 0, sizeof f->memo);
    f->is_indexed = true;
    f->is_sorted = false;
    seen_release(&f->seen);
}

size_t fold_len(const struct fold *f)
{
    return f->len;
}

/* What the fold holds now, with `more` on top. */
static bool has_room(const struct fold *f, size_t more)
{
    size_t used = sizeof *f + f->strings.used + f->texts_cap * sizeof *f->texts +
                  f->text_slots_len * sizeof *f->text_slots +
                  f->cap * (sizeof *f->obs + sizeof *f->groups + sizeof *f->sorting) +
                  f->slots_len * sizeof *f->slots + f->seen.cap * sizeof *f->seen.at;

    return used <= f->max_bytes && more <= f->max_bytes - used;
}

static int full(const struct fold *f, struct error *err)
{
    return error_set(err, ERR_LIMIT, "more distinct observations than %zu bytes hold", f->max_bytes);
}

static int no_memory(struct error *err)
{
    return error_set(err, ERR_NOMEM, "folding rows");
}

/* ---- texts ------------------------------------------------------------------------------------ */

static int texts_grow(struct fold *f, struct error *err)
{
    size_t cap = f->texts_cap ? f->texts_cap * 2 : 1024, slots = cap * 2;
    struct text *texts;
    uint32_t *table;

    if (cap > UINT32_MAX / 2 || !has_room(f, (cap - f->texts_cap) * sizeof *texts +
                                                 (slots - f->text_slots_len) * sizeof *table))
        return full(f, err);
    texts = realloc(f->texts, cap * sizeof *texts);
    if (!texts)
        return no_memory(err);
    if (!f->texts)
        texts[0] = (struct text){ .at = "" };
    f->texts = texts;
    table = calloc(slots, sizeof *table);
    if (!table)
        return no_memory(err);
    for (size_t id = 1; id < f->texts_len; id++) {
        size_t at = (size_t)f->texts[id].hash & (slots - 1);

        while (table[at])
            at = (at + 1) & (slots - 1);
        table[at] = (uint32_t)id;
    }
    free(f->text_slots);
    f->text_slots = table;
    f->text_slots_len = slots;
    f->texts_cap = cap; /* not before: a table half as large would never end a search */
    return 0;
}

/* The number of a text, given on first sight. */
static int text_number(struct fold *f, struct slice s, uint32_t *ret, struct error *err)
{
    uint64_t hash = hash64(s.at, s.len, (uint64_t)(uintptr_t)f);
    struct slice kept;
    size_t at;

    if (f->texts_len >= f->texts_cap && texts_grow(f, err) < 0)
        return -1;
    for (at = (size_t)hash & (f->text_slots_len - 1); f->text_slots[at];
         at = (at + 1) & (f->text_slots_len - 1)) {
        const struct text *t = &f->texts[f->text_slots[at]];

        if (t->hash == hash && t->len == s.len && memcmp(t->at, s.at, s.len) == 0) {
            *ret = f->text_slots[at];
            return 0;
        }
    }
    if (!has_room(f, s.len + 32))
        return full(f, err);
    if (!arena_copy(&f->strings, s, &kept))
        return no_memory(err);
    *ret = f->text_slots[at] = (uint32_t)f->texts_len;
    f->texts[f->texts_len++] = (struct text){ .hash = hash, .at = kept.at, .len = kept.len };
    return 0;
}

static inline uint64_t load8(const char *at)
{
    uint64_t v;

    memcpy(&v, at, sizeof v);
    return v;
}

/* Equality of two texts of one length: most are shorter than a call of memcmp is worth. */
static inline bool same_bytes(const char *a, const char *b, size_t len)
{
    uint32_t x, y;

    if (len > 64)
        return memcmp(a, b, len) == 0;
    for (; len > 16; len -= 16, a += 16, b += 16) {
        if ((load8(a) ^ load8(b)) | (load8(a + 8) ^ load8(b + 8)))
            return false;
    }
    if (len >= 8)
        return ((load8(a) ^ load8(b)) | (load8(a + len - 8) ^ load8(b + len - 8))) == 0;
    if (len < 4)
        return a[0] == b[0] && a[len / 2] == b[len / 2] && a[len - 1] == b[len - 1];
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (x != y)
        return false;
    memcpy(&x, a + len - 4, sizeof x);
    memcpy(&y, b + len - 4, sizeof y);
    return x == y;
}

/* Where in the memo a text would be: a few of its bytes are enough, equality is checked. */
static inline size_t memo_place(struct slice s)
{
    uint64_t v;

    if (s.len >= 8) {
        v = load8(s.at) ^ load8(s.at + s.len - 8) * 5 ^ load8(s.at + (s.len - 8) / 2) * 7;
        if (s.len > 24)
            v ^= load8(s.at + (s.len - 8) / 4) * 11 ^ load8(s.at + (s.len - 8) / 4 * 3) * 13;
    } else {
        v = 0;
        memcpy(&v, s.at, s.len < 4 ? s.len : 4);
        if (s.len > 4) {
            uint32_t end;

            memcpy(&end, s.at + s.len - 4, sizeof end);
            v |= (uint64_t)end << 32;
        }
    }
    v = (v + s.len) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(v >> 56) & (MEMO_PLACES - 1);
}

static inline int text_id(struct fold *f, unsigned field, struct slice s, uint32_t *ret,
                          struct error *err)
{
    struct memo *m;

    if (s.len == 0) {
        *ret = 0;
        return 0;
    }
    m = &f->memo[field][memo_place(s)];
    if (LIKELY(m->len == s.len && same_bytes(m->at, s.at, s.len))) {
        *ret = m->id;
        return 0;
    }
    if (s.len > UINT32_MAX)
        return error_set(err, ERR_INPUT, "a text of %zu bytes", s.len);
    if (text_number(f, s, ret, err) < 0)
        return -1;
    *m = (struct memo){ .at = f->texts[*ret].at, .len = (uint32_t)s.len, .id = *ret };
    return 0;
}

/* ---- observations ----------------------------------------------------------------------------- */

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 m = (unsigned __int128)a * b;

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* Where a group is looked for: over small numbers that we gave ourselves, no foreign bytes. */
static inline uint64_t group_place(const struct group_key *k)
{
    uint64_t w[sizeof *k / 8], h = UINT64_C(0x9e3779b97f4a7c15), g = UINT64_C(0xd1b54a32d192ed03);

    memcpy(w, k, sizeof w);
    for (size_t i = 0; i + 3 < ARRAY_LEN(w); i += 4) {
        h = mix(w[i] ^ h, w[i + 1] ^ UINT64_C(0x8cb92ba72f3d8dd7));
        g = mix(w[i + 2] ^ g, w[i + 3] ^ UINT64_C(0xe7037ed1a0b428db));
    }
    return mix(h ^ w[8], g ^ w[9]);
}
_Static_assert(sizeof(struct group_key) == 80, "group_place() counts on ten words");

static void index_add(uint32_t *slots, size_t n, const struct group_key *k, size_t place)
{
    size_t at = (size_t)group_place(k) & (n - 1);

    while (slots[at])
        at = (at + 1) & (n - 1);
    slots[at] = (uint32_t)(place + 1);
}

static bool is_folded(const struct observation *o)
{
    return (o->kind & (OBS_REQUEST | OBS_TEXT)) != 0;
}

static void index_build(struct fold *f)
{
    if (f->slots)
        memset(f->slots, 0, f->slots_len * sizeof *f->slots);
    for (size_t i = 0; i < f->len; i++) {
        if (is_folded(&f->obs[i]))
            index_add(f->slots, f->slots_len, &f->groups[i].key, i);
    }
    f->is_indexed = true;
}

static int groups_grow(struct fold *f, struct error *err)
{
    size_t cap = f->cap ? f->cap * 2 : 256, slots = cap * 2;
    struct observation *obs;
    struct group *groups;
    struct sort_item *sorting;
    uint32_t *table;

    if (cap > UINT32_MAX / 2 ||
        !has_room(f, (cap - f->cap) * (sizeof *obs + sizeof *groups + sizeof *sorting) +
                         (slots - f->slots_len) * sizeof *table))
        return full(f, err);
    obs = realloc(f->obs, cap * sizeof *obs);
    if (!obs)
        return no_memory(err);
    f->obs = obs;
    groups = realloc(f->groups, cap * sizeof *groups);
    if (!groups)
        return no_memory(err);
    f->groups = groups;
    sorting = realloc(f->sorting, cap * sizeof *sorting);
    if (!sorting)
        return no_memory(err);
    f->sorting = sorting;
    table = calloc(slots, sizeof *table);
    if (!table)
        return no_memory(err);
    free(f->slots);
    f->slots = table;
    f->slots_len = slots;
    f->cap = cap;
    index_build(f);
    return 0;
}

static void put64(unsigned char *at, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        at[i] = (unsigned char)(v >> (8 * i));
}

/* Independent of machine, run and order: little-endian numbers, lengths before texts. */
static uint64_t observation_key(const struct observation *o)
{
    unsigned char head[8 * (4 + F_COUNT)];
    size_t n = 0;
    size_t extra = o->extra ? EXTRA_COUNT : 0;
    uint64_t h;

    put64(&head[8 * n++], (uint64_t)o->kind);
    put64(&head[8 * n++], (uint64_t)o->table);
    put64(&head[8 * n++], (uint64_t)o->minute_ns);
    put64(&head[8 * n++], (uint64_t)(int64_t)o->status);
    for (size_t i = 0; i < F_GROUP_COUNT; i++)
        put64(&head[8 * n++], o->text[i].len);
    for (size_t i = 0; i < extra; i++)
        put64(&head[8 * n++], o->extra[i].len);
    h = hash64(head, 8 * n, 0);
    for (size_t i = 0; i < F_GROUP_COUNT; i++) {
        if (o->text[i].len)
            h = hash64(o->text[i].at, o->text[i].len, h);
    }
    for (size_t i = 0; i < extra; i++) {
        if (o->extra[i].len)
            h = hash64(o->extra[i].at, o->extra[i].len, h);
    }
    return h;
}

static inline int64_t amount(int64_t v)
{
    return v > 0 ? v : 0; /* absent is negative */
}

static inline void sum(int64_t *to, int64_t v)
{
    if (UNLIKELY(__builtin_add_overflow(*to, amount(v), to)))
        *to = INT64_MAX;
}

/* Bytewise, then the shorter one first: as the workspace's min() of texts has it. */
static inline bool is_smaller(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = memcmp(a.at, b.at, n);

    return c < 0 || (c == 0 && a.len < b.len);
}

static int keep_sample(struct fold *f, size_t place, struct slice s, struct error *err)
{
    struct group *g = &f->groups[place];

    if (s.len > g->sample_room || !g->sample) {
        size_t room = s.len > SAMPLE_ROOM ? s.len : SAMPLE_ROOM;

        if (!has_room(f, room + 32))
            return full(f, err);
        if (room > UINT32_MAX)
            return error_set(err, ERR_INPUT, "an ActivityId of %zu bytes", s.len);
        g->sample = arena_alloc(&f->strings, room);
        if (!g->sample) {
            g->sample_room = 0;
            return no_memory(err);
        }
        g->sample_room = (uint32_t)room;
    }
    memcpy(g->sample, s.at, s.len);
    f->obs[place].sample = slice_make(g->sample, s.len);
    return 0;
}

/* A new observation at the end; its sums are empty. */
static int group_new(struct fold *f, const struct group_key *k, enum api api, size_t *ret,
                     struct error *err)
{
    struct observation *o;

    if (f->len == f->cap && groups_grow(f, err) < 0)
        return -1;
    o = &f->obs[f->len];
    *o = (struct observation){
        .kind = (enum observation_kind)(k->kind_table >> 16),
        .table = (enum table)(k->kind_table & 0xffff),
        .api = api,
        .minute_ns = k->minute_ns,
        .first_ns = INT64_MAX,
        .last_ns = INT64_MIN,
        .status = k->status,
    };
    for (size_t i = 0; i < F_GROUP_COUNT; i++) {
        if (k->text[i])
            o->text[i] = slice_make(f->texts[k->text[i]].at, f->texts[k->text[i]].len);
    }
    f->groups[f->len] = (struct group){ .key = *k };
    *ret = f->len++;
    return 0;
}

static inline int group_find(struct fold *f, const struct group_key *k, enum api api, size_t *ret,
                             struct error *err)
{
    size_t at;

    if (UNLIKELY(!f->slots_len) && groups_grow(f, err) < 0)
        return -1;
    for (at = (size_t)group_place(k) & (f->slots_len - 1); f->slots[at];
         at = (at + 1) & (f->slots_len - 1)) {
        size_t place = f->slots[at] - 1;

        if (LIKELY(memcmp(&f->groups[place].key, k, sizeof *k) == 0)) {
            *ret = place;
            return 0;
        }
    }
    if (group_new(f, k, api, ret, err) < 0)
        return -1;
    f->obs[*ret].key = observation_key(&f->obs[*ret]);
    index_add(f->slots, f->slots_len, k, *ret); /* the table may have grown */
    return 0;
}

static inline int add_to(struct fold *f, size_t place, const struct record *r, struct error *err)
{
    struct observation *o = &f->obs[place];
    struct slice id = r->text[F_ACTIVITY_ID];
    int64_t first = r->first_ns == NUM_ABSENT ? r->time_ns : r->first_ns;
    int64_t last = r->last_ns == NUM_ABSENT ? r->time_ns : r->last_ns;

    if (id.len && (!o->sample.len || is_smaller(id, o->sample)) && keep_sample(f, place, id, err) < 0)
        return -1;
    if (first < o->first_ns)
        o->first_ns = first;
    if (last > o->last_ns)
        o->last_ns = last;
    sum(&o->count, r->count);
    sum(&o->ru_milli, r->ru_milli);
    sum(&o->bytes_in, r->bytes_in);
    sum(&o->bytes_out, r->bytes_out);
    sum(&o->duration_us, r->duration_us);
    sum(&o->rows, r->rows);
    return 0;
}

static inline uint64_t tail8(struct slice s)
{
    uint32_t v = 0;

    if (s.len >= 8)
        return load8(s.at + s.len - 8);
    if (s.len >= 4)
        memcpy(&v, s.at + s.len - 4, sizeof v);
    else if (s.len)
        v = (uint32_t)(unsigned char)s.at[0] << 8 | (unsigned char)s.at[s.len - 1];
    return v;
}

/* A guess at who a row is like, from the fields that differ most; equality is checked. */
static inline uint32_t *recent_place(struct fold *f, const struct record *r)
{
    uint64_t v = mix(tail8(r->text[F_ADDRESS]) ^ UINT64_C(0x9e3779b97f4a7c15),
                     tail8(r->text[F_OPERATION]) ^ UINT64_C(0xd1b54a32d192ed03)),
             w = mix(tail8(r->text[F_CONTAINER]) ^ UINT64_C(0x8cb92ba72f3d8dd7),
                     tail8(r->text[F_ACCOUNT]) ^ UINT64_C(0xe7037ed1a0b428db));

    v += r->text[F_USER_AGENT].len * 31 + r->text[F_RESOURCE_TYPE].len * 7 + (uint64_t)r->status * 1021;
    w ^= tail8(r->text[F_PRINCIPAL]);
    return &f->recent[mix(v, w | 1) % RECENT_PLACES];
}

static inline bool is_like(const struct fold *f, size_t place, const struct record *r,
                           int64_t minute_ns, enum observation_kind kind, enum table table)
{
    const struct observation *o;

    if (UNLIKELY(place >= f->len))
        return false;
    o = &f->obs[place]; /* says all that its group says, and is needed next */
    if (o->minute_ns != minute_ns || o->kind != kind || o->table != table || o->status != r->status)
        return false;
    for (unsigned i = 0; i < F_QUERY_TEXT; i++) {
        if (o->text[i].len != r->text[i].len)
            return false;
    }
    for (unsigned i = 0; i < F_QUERY_TEXT; i++) {
        if (r->text[i].len && !same_bytes(o->text[i].at, r->text[i].at, r->text[i].len))
            return false;
    }
    return true;
}

static inline int64_t minute_of(struct fold *f, int64_t time_ns)
{
    if (UNLIKELY((uint64_t)time_ns - (uint64_t)f->minute_ns >= (uint64_t)NS_PER_MIN))
        f->minute_ns = time_floor(time_ns, NS_PER_MIN);
    return f->minute_ns;
}

static inline int add_folded(struct fold *f, const struct record *r, enum observation_kind kind,
                             enum table table, struct error *err)
{
    const int64_t minute_ns = minute_of(f, r->time_ns);
    uint32_t *recent = NULL;
    struct group_key k;
    size_t place;

    if (LIKELY(kind == OBS_REQUEST)) {
        recent = recent_place(f, r);
        if (is_like(f, *recent, r, minute_ns, kind, table))
            return add_to(f, *recent, r, err);
    }
    for (unsigned i = 0; i < F_QUERY_TEXT; i++) {
        if (text_id(f, i, r->text[i], &k.text[i], err) < 0)
            return -1;
    }
    k.text[F_QUERY_TEXT] = 0;
    if (kind == OBS_TEXT &&
        text_id(f, F_QUERY_TEXT, r->text[F_QUERY_TEXT], &k.text[F_QUERY_TEXT], err) < 0)
        return -1;
    k.minute_ns = minute_ns;
    k.kind_table = (uint32_t)kind << 16 | (uint32_t)table;
    k.status = r->status;
    if (group_find(f, &k, r->api, &place, err) < 0)
        return -1;
    if (recent)
        *recent = (uint32_t)place;
    return add_to(f, place, r, err);
}
_Static_assert(F_QUERY_TEXT == F_GROUP_COUNT - 1, "the query text is the last grouping field");

/* Rows that stay alone: exact time, every field. */
static int add_single(struct fold *f, const struct record *r, enum observation_kind kind,
                      struct error *err)
{
    struct group_key k = { .minute_ns = r->time_ns, .status = r->status,
                           .kind_table = (uint32_t)kind << 16 | (uint32_t)r->table };
    size_t need = 0, place;
    struct slice *extra;

    for (unsigned i = 0; i < F_GROUP_COUNT; i++) {
        if (text_id(f, i, r->text[i], &k.text[i], err) < 0)
            return -1;
    }
    for (size_t i = 0; i < EXTRA_COUNT; i++)
        need += r->text[F_GROUP_COUNT + i].len + 32;
    if (!has_room(f, need + EXTRA_COUNT * sizeof *extra))
        return full(f, err);
    extra = arena_alloc(&f->strings, EXTRA_COUNT * sizeof *extra);
    if (!extra)
        return no_memory(err);
    for (size_t i = 0; i < EXTRA_COUNT; i++) {
        struct slice s = r->text[F_GROUP_COUNT + i];

        if (s.len && !arena_copy(&f->strings, s, &extra[i]))
            return no_memory(err);
    }
    if (group_new(f, &k, r->api, &place, err) < 0)
        return -1;
    f->obs[place].extra = extra;
    f->obs[place].key = observation_key(&f->obs[place]);
    return add_to(f, place, r, err);
}

static int before_add(struct fold *f, const struct record *r, struct error *err)
{
    if (UNLIKELY(r->time_ns == NUM_ABSENT))
        return error_set(err, ERR_INPUT, "a row of %s without a time", table_name(r->table));
    if (UNLIKELY(!f->is_indexed))
        index_build(f);
    f->is_sorted = false;
    return 0;
}

int fold_add(struct fold *f, const struct record *rec, struct error *err)
{
    if (rec->count <= 0)
        return 0;
    if (before_add(f, rec, err) < 0)
        return -1;
    switch (rec->table) {
    case TABLE_DATA_PLANE:
    case TABLE_DATA_PLANE_5M:
    case TABLE_DATA_PLANE_15M:
        return add_folded(f, rec, OBS_REQUEST, TABLE_DATA_PLANE, err);
    case TABLE_MONGO:
    case TABLE_CASSANDRA:
    case TABLE_GREMLIN:
    case TABLE_TABLE_API:
        if (add_folded(f, rec, OBS_REQUEST, rec->table, err) < 0)
            return -1;
        return rec->text[F_QUERY_TEXT].len ? add_folded(f, rec, OBS_TEXT, rec->table, err) : 0;
    case TABLE_CONTROL_PLANE:
        return add_single(f, rec, OBS_CONTROL, err);
    case TABLE_ACTIVITY:
        return add_single(f, rec, OBS_ACTIVITY, err);
    case TABLE_SECURITY_ALERT:
        return add_single(f, rec, OBS_DEFENDER, err);
    case TABLE_QUERY_STATS:
    case TABLE_THREAT_INTEL:
    case TABLE_NONE:
    case TABLE_COUNT:
        break;
    }
    return 0;
}

int fold_add_text(struct fold *f, const struct record *rec, struct error *err)
{
    enum table table = rec->table;

    if (rec->count <= 0 || !rec->text[F_QUERY_TEXT].len)
        return 0;
    if (before_add(f, rec, err) < 0)
        return -1;
    if (table == TABLE_DATA_PLANE || table == TABLE_DATA_PLANE_5M || table == TABLE_DATA_PLANE_15M ||
        table == TABLE_NONE)
        table = TABLE_QUERY_STATS;
    return add_folded(f, rec, OBS_TEXT, table, err);
}

/* ---- order ------------------------------------------------------------------------------------ */

static int compare_i64(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

/* Every content, so that the order is a function of the set alone. */
static int compare_contents(const struct observation *a, const struct observation *b)
{
    const int64_t na[] = { a->table, a->api, a->first_ns, a->last_ns, a->status, a->count,
                           a->ru_milli, a->bytes_in, a->bytes_out, a->duration_us, a->rows };
    const int64_t nb[] = { b->table, b->api, b->first_ns, b->last_ns, b->status, b->count,
                           b->ru_milli, b->bytes_in, b->bytes_out, b->duration_us, b->rows };
    int c = 0;

    for (size_t i = 0; !c && i < ARRAY_LEN(na); i++)
        c = compare_i64(na[i], nb[i]);
    for (size_t i = 0; !c && i < F_GROUP_COUNT; i++)
        c = slice_cmp(a->text[i], b->text[i]);
    for (size_t i = F_GROUP_COUNT; !c && i < F_COUNT; i++)
        c = slice_cmp(obs_extra(a, (enum field)i), obs_extra(b, (enum field)i));
    return c ? c : slice_cmp(a->sample, b->sample);
}

static int compare_items(const void *a, const void *b)
{
    const struct sort_item *x = a, *y = b;
    int c = compare_i64(x->minute_ns, y->minute_ns);

    if (!c)
        c = compare_i64(x->kind, y->kind);
    if (!c)
        c = x->key < y->key ? -1 : x->key > y->key;
    return c ? c : compare_contents(x->o, y->o);
}

const struct observation *fold_sorted(struct fold *f)
{
    if (f->is_sorted || f->len == 0)
        return f->obs;
    for (size_t i = 0; i < f->len; i++) {
        f->sorting[i] = (struct sort_item){ .minute_ns = f->obs[i].minute_ns, .key = f->obs[i].key,
                                            .kind = (uint32_t)f->obs[i].kind, .at = (uint32_t)i,
                                            .o = &f->obs[i] };
    }
    qsort(f->sorting, f->len, sizeof *f->sorting, compare_items);

    /* Each cycle of the permutation moves once: a second copy of all would be the largest thing here. */
    for (size_t i = 0; i < f->len; i++) {
        struct observation o;
        struct group g;
        size_t to = i;

        if (f->sorting[i].at == i)
            continue;
        o = f->obs[i];
        g = f->groups[i];
        for (;;) {
            size_t from = f->sorting[to].at;

            f->sorting[to].at = (uint32_t)to;
            if (from == i)
                break;
            f->obs[to] = f->obs[from];
            f->groups[to] = f->groups[from];
            to = from;
        }
        f->obs[to] = o;
        f->groups[to] = g;
    }
    f->is_sorted = true;
    f->is_indexed = false;
    return f->obs;
}

/* ---- what was seen ---------------------------------------------------------------------------- */

static struct seen_entry entry_of(const struct observation *o)
{
    return (struct seen_entry){
        .key = o->key,
        .sums = { [SEEN_COUNT] = o->count, [SEEN_RU] = o->ru_milli, [SEEN_IN] = o->bytes_in,
                  [SEEN_OUT] = o->bytes_out, [SEEN_DURATION] = o->duration_us, [SEEN_ROWS] = o->rows },
    };
}

void fold_seen(struct fold *f, struct buf *out)
{
    struct seen all = { 0 };

    for (size_t i = 0; i < f->seen.len; i++)
        seen_add(&all, &f->seen.at[i]);
    for (size_t i = 0; i < f->len; i++) {
        struct seen_entry e = entry_of(&f->obs[i]);

        seen_add(&all, &e);
    }
    seen_pack(&all, out);
    seen_release(&all);
}

int fold_surplus(struct fold *f, struct slice packed, struct error *err)
{
    struct seen rest = { 0 };
    size_t kept = 0;

    if (seen_unpack(&f->seen, packed, f->max_bytes, err) < 0)
        return -1;
    if (!seen_copy(&rest, &f->seen))
        return no_memory(err);
    for (size_t i = 0; i < f->len; i++) {
        struct observation *o = &f->obs[i];
        struct seen_entry *s = seen_find(&rest, o->key);

        if (s) {
            int64_t *sums[SEEN_SUMS] = {
                [SEEN_COUNT] = &o->count, [SEEN_RU] = &o->ru_milli, [SEEN_IN] = &o->bytes_in,
                [SEEN_OUT] = &o->bytes_out, [SEEN_DURATION] = &o->duration_us, [SEEN_ROWS] = &o->rows
            };

            for (size_t k = 0; k < SEEN_SUMS; k++) {
                int64_t both = *sums[k] < s->sums[k] ? *sums[k] : s->sums[k];

                *sums[k] -= both;
                s->sums[k] -= both;
            }
            if (o->count == 0)
                continue; /* all of its rows were seen */
        }
        if (kept != i) {
            f->obs[kept] = *o;
            f->groups[kept] = f->groups[i];
        }
        kept++;
    }
    seen_release(&rest);
    f->len = kept;
    f->is_indexed = f->is_sorted = false;
    return 0;
}
