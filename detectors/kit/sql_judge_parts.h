/* sql_judge_parts.h - what the parts of the judge share: sql_judge.c (findings), sql_judge_tree.c (what a
 * statement that parses says), sql_judge_text.c (comments, other dialects, broken text), sql_truth.c and
 * sql_hold.c (conditions that are true anyway). For these files only.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SQL_JUDGE_PARTS_H
#define COSMOWATCH_SQL_JUDGE_PARTS_H

#include "detectors/kit/sql_judge.h"

struct judge {
    struct sql_scratch *s;
    struct sql_judgement *j;
};

/* A rule fired on these tokens. One finding of each rule is kept: the strongest. */
void sql_found(struct judge *g, enum sql_rule rule, int score, uint32_t first, uint32_t last);

void sql_judge_tree(struct judge *g);
void sql_judge_comments(struct judge *g);
void sql_judge_foreign_words(struct judge *g);
void sql_judge_broken(struct judge *g, const struct sql_tree *tree); /* text that does not parse */

/* Truth of a constant condition. Calls of functions on constants are not worked out. */
enum truth { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN };
enum truth sql_truth_of(const struct judge *g, const struct sql_node *n);
double sql_number_of(const struct judge *g, const struct sql_node *n); /* of a number token; 0 when it is none */

/* For how many items does a condition hold, whatever they contain? */
enum sql_hold_reach { HOLDS_SOME, HOLDS_ALL, HOLDS_NONE };
struct sql_hold {
    enum sql_hold_reach reach;
    const struct sql_node *core; /* the field it is about; NULL: none */
    bool is_self;                /* a field against itself */
    bool is_everywhere;          /* that field is in every item; else reach is of the items that have it */
};
struct sql_hold sql_hold_of(const struct judge *g, const struct sql_node *n);
/* id, a system property, or an alias: there in every item. */
bool sql_is_always_there(const struct judge *g, const struct sql_node *n);
/* Are both made of the same one field, as far as they depend on the item? LOWER(c.id), c["id"] */
bool sql_same_value(const struct judge *g, const struct sql_node *a, const struct sql_node *b);
/* Are both written with the same words? */
bool sql_same_tokens(const struct judge *g, const struct sql_node *a, const struct sql_node *b);
/* The expression a call or field is about: LENGTH(c.id) -> c.id. */
const struct sql_node *sql_core_of(const struct judge *g, const struct sql_node *n);
bool sql_is_call_of(const struct judge *g, const struct sql_node *n, const char *const *names, size_t len);

#define IS_CALL_OF(g, n, ...)                                                                      \
    sql_is_call_of(g, n, (const char *const[]){ __VA_ARGS__ },                                     \
                   sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

/* ---- nodes and tokens -------------------------------------------------------------------------- */

static inline const struct sql_node *node(const struct judge *g, uint32_t i) { return &g->s->nodes[i]; }
static inline const struct sql_token *token(const struct judge *g, uint32_t i) { return &g->s->tokens[i]; }

static inline struct slice token_text(const struct judge *g, uint32_t i)
{
    return sql_token_text(&g->s->lex, token(g, i));
}

static inline struct slice string_of(const struct judge *g, const struct sql_node *n)
{
    return n->kind == NODE_STRING ? sql_string_inside(&g->s->lex, token(g, n->tok)) : slice_make(NULL, 0);
}

static inline struct slice field_name(const struct judge *g, const struct sql_node *n)
{
    const struct sql_token *t = token(g, n->tok);

    return t->kind == TOK_STRING ? sql_string_inside(&g->s->lex, t) : sql_token_text(&g->s->lex, t);
}

static inline const struct sql_node *first_child(const struct judge *g, const struct sql_node *n)
{
    return node(g, n->child);
}

static inline const struct sql_node *second_child(const struct judge *g, const struct sql_node *n)
{
    return node(g, node(g, n->child)->next);
}

static inline bool is_literal(const struct sql_node *n)
{
    return n->kind == NODE_STRING || n->kind == NODE_NUMBER;
}

static inline bool is_compare(const struct sql_node *n)
{
    return n->kind == NODE_BINARY && n->code >= OP_EQ && n->code <= OP_GE;
}

/* Nothing below depends on the item or a parameter. */
static inline bool is_constant(const struct sql_node *n)
{
    return (n->refs & (REFS_FIELD | REFS_PARAM | REFS_UDF)) == 0; /* (SELECT VALUE 1) is constant too */
}

#endif
