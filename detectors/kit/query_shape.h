/* query_shape.h - what stays of a statement when its values are taken out, as a row of hashed words.
 *
 * Two statements that an application builds from one template have one shape. Each dialect says what its
 * words are (sql_shape.c, query_reading.c, mongo_read.c); what is done with them is the same for all.
 *
 * What an injection does to a shape is exactly "known shape + one inserted run of words" (the text came in
 * through a value). Words are hashed one by one and a shape's hash is their polynomial sum (mod 2^64, odd
 * multiplier, words well mixed), so that the hash of "prefix + suffix" comes from two table look-ups and
 * the search for such a run is cheap.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_QUERY_SHAPE_H
#define COSMOWATCH_QUERY_SHAPE_H

#include "base/slice.h"

#define QUERY_SHAPE_MAX 1024u /* words kept; the rest is folded into the last hash */
#define QUERY_FIELDS_MAX 64u  /* distinct property names kept */
#define QUERY_SEARCH_MAX 1000000u

struct query_shape {
    uint64_t hash;
    size_t len;
    uint64_t word[QUERY_SHAPE_MAX];       /* hash of each word */
    uint32_t tok[QUERY_SHAPE_MAX];        /* the token it came from */
    uint64_t prefix[QUERY_SHAPE_MAX + 1]; /* rolling hash of the first n words */
    uint64_t power[QUERY_SHAPE_MAX + 1];  /* prefilled by query_shape_init() */
    bool is_cut;                          /* longer than QUERY_SHAPE_MAX */
    bool fold_names;                      /* made from masked text */
    uint64_t fields[QUERY_FIELDS_MAX];    /* hashes of the property names, in order of first use */
    uint32_t fields_tok[QUERY_FIELDS_MAX];
    size_t fields_len;
};

void query_shape_init(struct query_shape *sh);

/* Making one: start, push words and note names, end. */
void query_shape_start(struct query_shape *sh, bool fold_names);
void query_shape_push(struct query_shape *sh, uint64_t word, uint32_t tok);
void query_shape_note_field(struct query_shape *sh, uint64_t name, uint32_t tok);
void query_shape_end(struct query_shape *sh);

/* Words. `kind` and `code` are the dialect's own numbers. */
uint64_t query_word_of_text(struct slice s, unsigned kind, bool lower);
uint64_t query_word_of_code(unsigned kind, unsigned code);
uint64_t query_shape_run_hash(const struct query_shape *sh, size_t from, size_t to);

struct query_insertion {
    bool found;
    size_t from, to;     /* words [from, to) of the shape are what was put in; may be empty */
    bool is_replaced;    /* they stand where the known shape has a value */
    uint64_t base_hash;  /* the known shape underneath */
    size_t looked_at;    /* words and runs: what the search cost; at most QUERY_SEARCH_MAX */
};

struct query_insertion_ask {
    void *self;
    bool (*is_known)(void *self, uint64_t hash);  /* of a whole shape */
    int (*start_rank)(void *self, size_t i);      /* may a run begin at word i? 0 no, 1 try first, 2, 3 */
    bool (*takes_value)(void *self, size_t i);    /* does a value belong at word i? NULL: values are not replaced */
    const uint64_t *values;                       /* words that a value is [values_len] */
    size_t values_len;
};

/* Is sh a known shape with one run of words put in (or the same run at several places, when one value
 * is used twice)? The shortest run wins. Work is bounded: of a long shape only the last words are tried. */
struct query_insertion query_shape_find_insertion(const struct query_shape *sh, const struct query_insertion_ask *ask);
/* Is it a known shape with one value replaced by a run of words (price <= 5 by price <= c.price)? The shortest wins. */
struct query_insertion query_shape_find_replacement(const struct query_shape *sh, const struct query_insertion_ask *ask);

#endif
