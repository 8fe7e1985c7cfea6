/* query_shape.c - see query_shape.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/query_shape.h"

#define MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)
#define INSERTION_SPAN 192u    /* of a longer shape only the last words are tried: bounded work */
#define INSERTION_COPY_MAX 24u /* words of a run that is looked for twice */
#define COPY_SEARCH_MAX (QUERY_SEARCH_MAX - INSERTION_SPAN * QUERY_SHAPE_MAX)

/* FNV-1a with a final mix: short names, no table, the same on every machine. */
static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return h ^ (h >> 32);
}

uint64_t query_word_of_text(struct slice s, unsigned kind, bool lower)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ kind;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if (lower && c >= 'A' && c <= 'Z')
            c |= 0x20;
        h = (h ^ c) * UINT64_C(0x100000001b3);
    }
    return mix(h);
}

uint64_t query_word_of_code(unsigned kind, unsigned code)
{
    return mix(((uint64_t)kind << 8 | code) * MULTIPLIER);
}

void query_shape_init(struct query_shape *sh)
{
    sh->power[0] = 1;
    for (size_t i = 0; i < QUERY_SHAPE_MAX; i++)
        sh->power[i + 1] = sh->power[i] * MULTIPLIER;
    sh->prefix[0] = 0;
    sh->len = 0;
    sh->fields_len = 0;
    sh->is_cut = false;
    sh->hash = 0;
}

uint64_t query_shape_run_hash(const struct query_shape *sh, size_t from, size_t to)
{
    return sh->prefix[to] - sh->prefix[from] * sh->power[to - from];
}

/* A masked text never has the same shape as a plain one. */
static uint64_t whole_hash(const struct query_shape *sh, uint64_t prefix, size_t len)
{
    return mix(prefix ^ (sh->fold_names ? MULTIPLIER : 0) ^ ((uint64_t)len << 48));
}

void query_shape_push(struct query_shape *sh, uint64_t word, uint32_t tok)
{
    size_t n = sh->len;

    if (n >= QUERY_SHAPE_MAX) { /* all further words still count in the hash */
        sh->is_cut = true;
        sh->prefix[n] = sh->prefix[n] * MULTIPLIER + word;
        return;
    }
    sh->word[n] = word;
    sh->tok[n] = tok;
    sh->prefix[n + 1] = sh->prefix[n] * MULTIPLIER + word;
    sh->len = n + 1;
}

void query_shape_start(struct query_shape *sh, bool fold_names)
{
    sh->len = 0;
    sh->fields_len = 0;
    sh->is_cut = false;
    sh->fold_names = fold_names;
}

void query_shape_end(struct query_shape *sh)
{
    sh->hash = whole_hash(sh, sh->prefix[sh->len], sh->len);
}

void query_shape_note_field(struct query_shape *sh, uint64_t name, uint32_t tok)
{
    for (size_t i = 0; i < sh->fields_len; i++)
        if (sh->fields[i] == name)
            return;
    if (sh->fields_len < QUERY_FIELDS_MAX) {
        sh->fields_tok[sh->fields_len] = tok;
        sh->fields[sh->fields_len++] = name;
    }
}

/* ---- what was put in ---------------------------------------------------------------------------- */

static uint64_t spliced(const struct query_shape *sh, size_t from, size_t to)
{
    size_t tail = sh->len - to;

    return sh->prefix[from] * sh->power[tail] + query_shape_run_hash(sh, to, sh->len);
}

/* The shape without each copy of the run [from, to); *ret_len its length. */
static uint64_t without_copies(const struct query_shape *sh, size_t from, size_t to, size_t *ret_len)
{
    size_t run = to - from, len = 0;
    uint64_t run_h = query_shape_run_hash(sh, from, to), h = 0;

    for (size_t i = 0; i < sh->len;) {
        if (i + run <= sh->len && query_shape_run_hash(sh, i, i + run) == run_h) {
            i += run;
            continue;
        }
        h = h * MULTIPLIER + sh->word[i++];
        len++;
    }
    *ret_len = len;
    return h;
}

static bool has_second_copy(const struct query_shape *sh, size_t from, size_t to)
{
    uint64_t h = query_shape_run_hash(sh, from, to);
    size_t run = to - from;

    for (size_t i = to; i + run <= sh->len; i++)
        if (sh->word[i] == sh->word[from] && query_shape_run_hash(sh, i, i + run) == h)
            return true;
    return false;
}

struct search {
    const struct query_shape *sh;
    const struct query_insertion_ask *ask;
    size_t looked_at;
};

/* Looking for copies walks the whole shape each time, so of long shapes only the shortest runs get that far. */
static bool may_look_for_copies(struct search *s, size_t run)
{
    if (run < 2 || run > INSERTION_COPY_MAX || s->looked_at + 2 * s->sh->len > COPY_SEARCH_MAX)
        return false;
    s->looked_at += 2 * s->sh->len;
    return true;
}

static bool try_run(struct search *s, size_t from, size_t to, struct query_insertion *ret)
{
    const struct query_shape *sh = s->sh;
    size_t run = to - from, len = 0;
    uint64_t h = whole_hash(sh, spliced(sh, from, to), sh->len - run);

    s->looked_at++;
    if (!s->ask->is_known(s->ask->self, h)) {
        if (!may_look_for_copies(s, run) || !has_second_copy(sh, from, to))
            return false;
        h = without_copies(sh, from, to, &len);
        h = whole_hash(sh, h, len);
        if (!s->ask->is_known(s->ask->self, h))
            return false;
    }
    *ret = (struct query_insertion){ .found = true, .from = from, .to = to, .base_hash = h };
    return true;
}

struct query_insertion query_shape_find_insertion(const struct query_shape *sh, const struct query_insertion_ask *ask)
{
    struct search s = { .sh = sh, .ask = ask };
    struct query_insertion ret = { 0 };
    uint16_t starts[INSERTION_SPAN];
    size_t starts_len = 0, first = sh->len > INSERTION_SPAN ? sh->len - INSERTION_SPAN : 2;
    bool found = false;

    if (sh->is_cut || sh->len < 4)
        return ret;
    /* OR first, then AND: `= '' OR 1` is as long as `OR 1=1`, and says less. */
    for (int rank = 1; rank <= 3; rank++)
        for (size_t i = first; i < sh->len; i++)
            if (ask->start_rank(ask->self, i) == rank)
                starts[starts_len++] = (uint16_t)i;
    for (size_t run = 1; run < sh->len && !found; run++)
        for (size_t k = 0; k < starts_len && !found; k++)
            found = starts[k] + run <= sh->len && try_run(&s, starts[k], starts[k] + run, &ret);
    ret.looked_at = s.looked_at;
    return ret;
}

#define REPLACEMENT_MAX 24u /* words of a run that stands for a value */

static uint64_t replaced(const struct query_shape *sh, size_t from, size_t to, uint64_t value)
{
    size_t tail = sh->len - to;
    uint64_t head = sh->prefix[from] * MULTIPLIER + value;

    return whole_hash(sh, head * sh->power[tail] + query_shape_run_hash(sh, to, sh->len), from + 1 + tail);
}

struct query_insertion query_shape_find_replacement(const struct query_shape *sh, const struct query_insertion_ask *ask)
{
    struct query_insertion ret = { 0 };
    size_t first = sh->len > INSERTION_SPAN ? sh->len - INSERTION_SPAN : 2;

    for (size_t run = 2; run <= REPLACEMENT_MAX && !sh->is_cut && !ret.found; run++)
        for (size_t i = first; i + run <= sh->len && !ret.found; i++)
            for (size_t v = 0; v < ask->values_len && !ret.found; v++) {
                if (!ask->takes_value(ask->self, i))
                    break;
                uint64_t h = replaced(sh, i, i + run, ask->values[v]);

                ret.looked_at++;
                if (ask->is_known(ask->self, h))
                    ret = (struct query_insertion){ .found = true, .is_replaced = true, .from = i, .to = i + run, .base_hash = h,
                                                    .looked_at = ret.looked_at };
            }
    return ret;
}
