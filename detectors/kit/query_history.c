/* query_history.c - see query_history.h. Everything kept is a smallest slot, a union of bits or a sum per
 * slot: none minds the order of rows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/query_history.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/num.h"
#include "detectors/kit/query_asker.h"
#include "detectors/kit/slots.h"

#define REGULAR_SHAPES_MAX 24
#define FILTER_BITS_MAX 3500 /* of 4096, two for each shape */

struct shape_bits { uint64_t bits[4]; }; /* distinct shapes, counted by hashed bits: enough to tell few from many */

struct client_state { /* which shapes it may know; since when it is known at all */
    int32_t first_slot, newest;
    struct query_shape_filter filter;
    struct shape_bits learned[2], open[2]; /* ordinary shapes, by slots: how many there are */
};

struct shape_learned { int64_t requests, bytes; };

struct shape_state {
    int32_t ordinary_slot; /* first slot with an ordinary use; 0 never */
    int32_t unusual_slot;  /* first slot with a use graded unusual */
    int32_t newest, unused;
    struct shape_learned learned[2], open[2];
};

struct word_state { /* property names; surroundings of a condition use all four, for enum query_reach */
    int32_t first_slot[4];
};

static void describe_shape(const void *value, struct buf *out)
{
    const struct shape_state *s = value;

    buf_addf(out, "%s, %lld requests", s->ordinary_slot ? "ordinary" : "suspicious",
             (long long)s->learned[0].requests);
}

const struct baseline_memory query_memory_client = {
    .name = "query.client", .version = 1, .size = sizeof(struct client_state), .max_keys = 20000 };
const struct baseline_memory query_memory_shape = {
    .name = "query.shape", .version = 1, .size = sizeof(struct shape_state), .max_keys = 200000,
    .describe = describe_shape };
const struct baseline_memory query_memory_word = {
    .name = "query.word", .version = 1, .size = sizeof(struct word_state), .max_keys = 400000 };

/* ---- keys ---------------------------------------------------------------------------------------- */

struct key { uint64_t client, what; };

static const void *look(const struct query_client *c, const struct baseline_memory *m, uint64_t what)
{
    struct key k = { .client = c->hash, .what = what };

    return baseline_get(c->baseline, m, c->account, slice_make((const char *)&k, sizeof(k)));
}

static void *put(const struct query_client *c, const struct baseline_memory *m, uint64_t what)
{
    struct key k = { .client = c->hash, .what = what };

    return baseline_put(c->baseline, m, c->account, slice_make((const char *)&k, sizeof(k)), c->label,
                        c->seen_ns, NULL);
}

/* Was it first seen in a slot that is closed for this row's slot, `behind` hours back or more? */
static bool is_closed(const struct query_client *c, int32_t first_slot, int32_t behind)
{
    return first_slot != SLOT_NEVER && first_slot <= c->slot - behind;
}

static bool lower_to(int32_t *first, int32_t slot)
{
    if (*first != SLOT_NEVER && *first <= slot)
        return false;
    *first = slot;
    return true;
}

/* ---- the filter ---------------------------------------------------------------------------------- */

bool query_shape_filter_may_know(const struct query_shape_filter *f, uint64_t shape)
{
    uint64_t a = shape & 4095, b = shape >> 20 & 4095;

    return (f->bits[a / 64] >> (a % 64) & 1u) && (f->bits[b / 64] >> (b % 64) & 1u);
}

static void filter_add(struct query_shape_filter *f, uint64_t shape)
{
    uint64_t a = shape & 4095, b = shape >> 20 & 4095;

    f->bits[a / 64] |= UINT64_C(1) << (a % 64);
    f->bits[b / 64] |= UINT64_C(1) << (b % 64);
}

/* Some 4,000 shapes: of a client that makes a new one for every request nothing is to be learned, and what it sends
 * must not push out what others are known for. */
static bool filter_is_full(const struct query_shape_filter *f)
{
    int bits = 0;

    for (size_t i = 0; i < ARRAY_LEN(f->bits); i++)
        bits += __builtin_popcountll(f->bits[i]);
    return bits > FILTER_BITS_MAX;
}

void query_shape_filter_load(const struct query_client *c, struct query_shape_filter *ret)
{
    const struct client_state *s = c->asker ? NULL : look(c, &query_memory_client, 0);

    if (c->asker)
        *ret = c->asker->facts.filter;
    else
        *ret = s ? s->filter : (struct query_shape_filter){ 0 };
}

/* ---- asking another process ---------------------------------------------------------------------- */

static void ask_open(struct query_asker *a)
{
    uint64_t first = a->has_hit || a->open_len == 0 ? 0 : a->ask(a->self, a->later, a->open, a->open_len);

    if (first > 0 && first <= a->open_len) {
        a->has_hit = true;
        a->hit = a->open[first - 1];
    }
    a->open_len = 0;
}

static uint64_t ask(struct query_asker *a, enum query_question q, uint64_t what)
{
    if (!a->is_later || a->later != q)
        return a->ask(a->self, q, &what, 1);
    if (a->has_hit)
        return what == a->hit;
    a->open[a->open_len++] = what;
    if (a->open_len == ARRAY_LEN(a->open))
        ask_open(a);
    return 0;
}

static bool is_told(const struct query_facts *f, uint64_t shape)
{
    for (size_t i = 0; i < ARRAY_LEN(f->known); i++)
        if (f->known[i] == shape && shape != 0)
            return true;
    return false;
}

void query_ask_later(const struct query_client *c, enum query_question q)
{
    struct query_asker *a = c->asker;

    if (!a)
        return;
    a->is_later = true;
    a->has_hit = false;
    a->later = q;
    a->open_len = 0;
}

bool query_ask_now(const struct query_client *c)
{
    if (!c->asker)
        return false;
    ask_open(c->asker);
    return c->asker->has_hit;
}

void query_ask_at_once(const struct query_client *c)
{
    if (c->asker)
        c->asker->is_later = false;
}

struct query_insertion query_client_search(const struct query_client *c, query_find *find, const struct query_shape *sh,
                                           const struct query_insertion_ask *ask)
{
    struct query_insertion in;

    query_ask_later(c, QUERY_SHAPE_KNOWN);
    in = find(sh, ask);
    if (query_ask_now(c))
        in = find(sh, ask);
    query_ask_at_once(c);
    return in;
}

void query_facts_of(const struct query_client *c, struct query_facts *ret)
{
    *ret = (struct query_facts){ .slot = c->slot, .len = c->len, .first_slot = query_client_first_slot(c),
                                 .is_known = query_client_is_known(c), .shapes = query_client_shapes(c) };
    query_shape_filter_load(c, &ret->filter);
}

uint64_t query_history_answer(const struct query_client *c, enum query_question q, const uint64_t *what, size_t n)
{
    if (q == QUERY_REACH_KNOWN)
        return n == 1 ? query_reach_known(c, what[0]) : 0;
    for (size_t i = 0; i < n; i++)
        if (q == QUERY_SHAPE_KNOWN ? query_shape_is_known(c, what[i]) : query_word_is_known(c, what[i]))
            return i + 1;
    return 0;
}

/* ---- asking -------------------------------------------------------------------------------------- */

bool query_client_is_known(const struct query_client *c)
{
    if (c->asker)
        return c->asker->facts.is_known;
    const struct client_state *s = look(c, &query_memory_client, 0);

    return s && is_closed(c, s->first_slot, 2 * c->len);
}

bool query_shape_is_known(const struct query_client *c, uint64_t shape)
{
    if (c->asker)
        return is_told(&c->asker->facts, shape) || ask(c->asker, QUERY_SHAPE_KNOWN, shape) > 0;
    const struct shape_state *s = look(c, &query_memory_shape, shape);

    return s && (is_closed(c, s->ordinary_slot, 2 * c->len) ||
                 is_closed(c, s->unusual_slot, SHAPE_ADOPTION_DAYS * 24));
}

bool query_shape_is_settled(const struct query_client *c, uint64_t shape)
{
    const struct shape_state *s = look(c, &query_memory_shape, shape);

    return s && is_closed(c, s->ordinary_slot, 2 * c->len);
}

int64_t query_shape_usual_bytes(const struct query_client *c, uint64_t shape)
{
    const struct shape_state *s = look(c, &query_memory_shape, shape);

    if (!s)
        return 0;
    /* As slots_enter() would shift it, without writing: beyond two slots everything is closed. */
    struct shape_learned sum = s->learned[0];
    int32_t gap = c->slot - s->newest;

    if (gap < 0)
        sum = s->learned[1];
    if (gap >= c->len)
        sum = (struct shape_learned){ i64_add_sat(sum.requests, s->open[1].requests),
                                      i64_add_sat(sum.bytes, s->open[1].bytes) };
    if (gap >= 2 * c->len)
        sum = (struct shape_learned){ i64_add_sat(sum.requests, s->open[0].requests),
                                      i64_add_sat(sum.bytes, s->open[0].bytes) };
    return sum.requests > 0 ? sum.bytes / sum.requests : 0;
}

bool query_word_is_known(const struct query_client *c, uint64_t word)
{
    if (c->asker)
        return ask(c->asker, QUERY_WORD_KNOWN, word) > 0;
    const struct word_state *s = look(c, &query_memory_word, word);

    return s && is_closed(c, s->first_slot[0], 2 * c->len);
}

static void fold_bits(void *learned, const void *open, int32_t slot)
{
    struct shape_bits *to = learned;
    const struct shape_bits *add = open;

    (void)slot;
    for (size_t i = 0; i < ARRAY_LEN(to->bits); i++)
        to->bits[i] |= add->bits[i];
}

static const struct slots_kind bits_slots = { .learned_size = sizeof(struct shape_bits),
                                              .open_size = sizeof(struct shape_bits), .fold = fold_bits };

int64_t query_client_shapes(const struct query_client *c)
{
    if (c->asker)
        return c->asker->facts.shapes;
    const struct client_state *s = look(c, &query_memory_client, 0);
    int64_t n = 0;

    if (!s)
        return 0;
    /* As in query_shape_usual_bytes(): what slots_enter() would shift, without writing. */
    int32_t gap = c->slot - s->newest;
    struct shape_bits bits = s->learned[gap < 0];

    if (gap >= c->len)
        fold_bits(&bits, &s->open[1], 0);
    if (gap >= 2 * c->len)
        fold_bits(&bits, &s->open[0], 0);
    for (size_t i = 0; i < ARRAY_LEN(bits.bits); i++)
        n += __builtin_popcountll(bits.bits[i]);
    return n;
}

bool query_client_is_regular(const struct query_client *c)
{
    int64_t n = query_client_shapes(c);

    return n > 0 && n <= REGULAR_SHAPES_MAX;
}

int32_t query_client_first_slot(const struct query_client *c)
{
    if (c->asker)
        return c->asker->facts.first_slot;
    const struct client_state *s = look(c, &query_memory_client, 0);

    return s ? s->first_slot : SLOT_NEVER;
}

unsigned query_reach_known(const struct query_client *c, uint64_t surroundings)
{
    if (c->asker)
        return surroundings ? (unsigned)ask(c->asker, QUERY_REACH_KNOWN, surroundings) & 15u : 0;
    const struct word_state *s = surroundings ? look(c, &query_memory_word, surroundings) : NULL;
    unsigned known = 0;

    for (unsigned i = 0; s && i < 4; i++)
        if (is_closed(c, s->first_slot[i], 2 * c->len))
            known |= 1u << i;
    return known;
}

/* ---- learning ------------------------------------------------------------------------------------ */

static void fold_shape(void *learned, const void *open, int32_t slot)
{
    struct shape_learned *to = learned;
    const struct shape_learned *add = open;

    (void)slot;
    to->requests = i64_add_sat(to->requests, add->requests);
    to->bytes = i64_add_sat(to->bytes, add->bytes);
}

static const struct slots_kind shape_slots = { .learned_size = sizeof(struct shape_learned),
                                               .open_size = sizeof(struct shape_learned),
                                               .fold = fold_shape };

static bool learn_words(const struct query_client *c, const uint64_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct word_state *known = look(c, &query_memory_word, words[i]);

        if (known && known->first_slot[0] != SLOT_NEVER && known->first_slot[0] <= c->slot)
            continue;
        struct word_state *s = put(c, &query_memory_word, words[i]);

        if (!s)
            return false;
        (void)lower_to(&s->first_slot[0], c->slot);
    }
    return true;
}

static bool learn_reach(const struct query_client *c, uint64_t surroundings, unsigned reach)
{
    struct word_state *s = surroundings ? put(c, &query_memory_word, surroundings) : NULL;

    if (!s)
        return surroundings == 0;
    for (unsigned i = 0; i < 4; i++)
        if (reach >> i & 1u)
            (void)lower_to(&s->first_slot[i], c->slot);
    return true;
}

static bool learn_client(const struct query_client *c, uint64_t shape, enum query_grade grade)
{
    struct client_state *s = put(c, &query_memory_client, 0);

    if (!s)
        return false;
    (void)lower_to(&s->first_slot, c->slot);
    filter_add(&s->filter, shape);
    if (grade != GRADE_ORDINARY)
        return true;
    enum slot_age age = slots_enter(&s->newest, c->slot, c->len, &bits_slots, s->learned, s->open);
    struct shape_bits *open = slots_open(&bits_slots, s->open, age);

    if (open)
        open->bits[shape >> 40 & 3] |= UINT64_C(1) << (shape >> 42 & 63);
    return true;
}

bool query_history_learn(const struct query_client *c, const struct query_lesson *l)
{
    if (l->grade == GRADE_ATTACK)
        return true;
    if (!look(c, &query_memory_shape, l->shape)) {
        const struct client_state *client = look(c, &query_memory_client, 0);

        if (client && filter_is_full(&client->filter))
            return true;
    }
    struct shape_state *s = put(c, &query_memory_shape, l->shape);

    if (!s)
        return false;
    bool is_new = lower_to(l->grade == GRADE_ORDINARY ? &s->ordinary_slot : &s->unusual_slot, c->slot);
    enum slot_age age = slots_enter(&s->newest, c->slot, c->len, &shape_slots, s->learned, s->open);
    struct shape_learned *sums = slots_open(&shape_slots, s->open, age);

    if (sums) {
        sums->requests = i64_add_sat(sums->requests, l->requests);
        sums->bytes = i64_add_sat(sums->bytes, l->bytes);
    }
    if (!is_new)
        return true;
    return learn_client(c, l->shape, l->grade) &&
           (l->grade != GRADE_ORDINARY ||
            (learn_words(c, l->words, l->words_len) && learn_reach(c, l->middle, l->reach) &&
             learn_reach(c, l->with_list, l->reach)));
}
