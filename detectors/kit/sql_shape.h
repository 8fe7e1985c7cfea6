/* sql_shape.h - what stays of a statement when its values are taken out.
 *
 * Two statements that an application builds from one template have one shape: literals, parameters
 * values, list lengths, chains of the same comparison, grouping parentheses, letter case of keywords
 * and functions, quoting style of property names, blanks and comments do not count. The service's
 * masked form (identifiers and literals replaced, brackets written out) has a shape of its own.
 *
 * What an injection does to a shape is exactly "known shape + one inserted run of words" (the text came
 * in through a value), sometimes with the tail of the statement turned into a comment. The prefix
 * hashes kept here make the search for such a run cheap: see sql_shape_find_insertion().
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SQL_SHAPE_H
#define COSMOWATCH_SQL_SHAPE_H

#include "detectors/kit/sql_lex.h"

#define SQL_SHAPE_MAX 1024u /* words kept; the rest is folded into the last hash */
#define SQL_FIELDS_MAX 64u  /* distinct property names kept */

struct sql_shape {
    uint64_t hash;
    size_t len;
    uint64_t word[SQL_SHAPE_MAX];       /* hash of each word */
    uint32_t tok[SQL_SHAPE_MAX];        /* the token it came from */
    uint64_t prefix[SQL_SHAPE_MAX + 1]; /* rolling hash of the first n words */
    uint64_t power[SQL_SHAPE_MAX + 1];  /* prefilled by sql_shape_init() */
    bool is_cut;                        /* longer than SQL_SHAPE_MAX */
    bool fold_names;                    /* made from masked text */
    uint64_t fields[SQL_FIELDS_MAX];    /* hashes of the property names, in order of first use */
    uint32_t fields_tok[SQL_FIELDS_MAX];
    size_t fields_len;
};

void sql_shape_init(struct sql_shape *sh);

/* The shape of lex; fold_names: masked text, where names mean nothing. */
void sql_shape_make(struct sql_shape *sh, const struct sql_lex *lex, bool fold_names);

struct sql_insertion {
    bool found;
    size_t from, to;     /* words [from, to) of the shape are what was put in; may be empty */
    uint64_t base_hash;  /* the known shape underneath */
};

/* Is sh a known shape with one run of words put in (or the same run at several places, when one value
 * is used twice)? The shortest run wins. is_known is asked for whole-shape hashes. */
struct sql_insertion sql_shape_find_insertion(const struct sql_shape *sh, const struct sql_lex *lex,
                                              bool (*is_known)(void *self, uint64_t hash), void *self);

struct buf;
/* The shape as people read it: SELECT * FROM c WHERE c.name = ? OR ? = ? */
void sql_shape_print(const struct sql_shape *sh, const struct sql_lex *lex, struct buf *out);

#endif
