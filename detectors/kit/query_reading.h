/* query_reading.h - one CQL, Gremlin or OData text, read: words, shape, and what its form alone says.
 *
 * Pure: no I/O, no clock, no allocation. One reading is made once and used for one text after the other; no
 * text costs more than a few passes over its first QUERY_TEXT_MAX bytes and QUERY_TOKENS_MAX words.
 * A dialect (cql_read.c, gremlin_read.c, odata_read.c) parses, says where a text stops to make sense, and adds
 * what can succeed in it; what can be told without its grammar (comments, other dialects, values closed
 * early) stands here.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_QUERY_READING_H
#define COSMOWATCH_QUERY_READING_H

#include "detectors/kit/query_case.h"
#include "detectors/kit/query_lex.h"
#include "detectors/kit/query_rules.h"
#include "detectors/kit/query_shape.h"

#define QUERY_RAW_TOKENS_MAX 4096u
#define QUERY_NODES_MAX 4096u

struct query_finding {
    enum query_rule rule;
    int score;
    uint32_t at, len; /* bytes of the text */
};

struct query_node { /* of the dialects that need a tree */
    uint8_t kind, unused[3];
    uint32_t first, last;        /* tokens */
    uint32_t child, next;        /* node indexes, 0 none */
};

struct query_reading {
    struct query_lex lex;
    struct query_token tokens[QUERY_TOKENS_MAX];
    struct query_lex raw; /* the same text with quotes as blanks: only for what does not parse */
    struct query_token raw_tokens[QUERY_RAW_TOKENS_MAX];
    struct query_node nodes[QUERY_NODES_MAX]; /* [0] is none */
    size_t nodes_len;
    struct query_shape shape;
    bool is_broken;       /* does not parse */
    bool is_beyond;       /* too long or too deep to tell */
    bool is_name_break;   /* broken by an apostrophe inside a word: O'Neill */
    uint32_t error_tok;   /* where reading stopped when is_broken */
    struct query_finding findings[QUERY_FINDINGS_MAX];
    size_t findings_len;
    uint32_t run_from, run_to; /* bytes that were put into a known statement; both 0: not known yet */
};

struct query_dialect {
    struct query_lex_rules lex;
    /* Parse r->lex; set is_broken, error_tok, is_beyond; add findings. */
    void (*read)(struct query_reading *r);
    /* For the shape: is this string a name (has('city', ...)), this parenthesis a mere group? May be NULL. */
    bool (*is_key_string)(const struct query_reading *r, size_t tok);
    bool (*is_group)(const struct query_reading *r, size_t open_tok);
    bool (*is_keyword)(struct slice name);
    bool (*may_insert)(const struct query_reading *r, size_t tok); /* may injected words begin here? */
    bool (*takes_value)(const struct query_reading *r, size_t tok); /* may they stand for a value? NULL: never */
};

uint64_t query_value_word(void); /* of the shape: stands for any value */

void query_reading_init(struct query_reading *r);
void query_read(struct query_reading *r, const struct query_dialect *d, struct slice text);

/* The text read last once more, now that it is known what was put in: what the application does itself must not hide it. */
void query_read_run(struct query_reading *r, const struct query_dialect *d, uint32_t from, uint32_t to);

/* A rule fired on tokens [first, last]. One finding of each rule is kept: the strongest. */
void query_found(struct query_reading *r, enum query_rule rule, int score, size_t first, size_t last);

/* All findings together; probes or the others. */
int query_score(const struct query_reading *r, bool probes);

struct buf;
void query_reading_print(const struct query_reading *r, struct buf *out); /* the shape, for people */

#endif
