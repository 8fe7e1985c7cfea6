/* sql_nosql.h - the tree of one Cosmos DB NoSQL statement.
 *
 * Pure: no I/O, no clock, no allocation. Everything lives in a `struct sql_scratch` that is made once
 * and used for one statement after the other; a statement larger than the scratch, or nested deeper
 * than SQL_DEPTH_MAX, ends as SQL_TOO_LARGE and never costs more than one pass over its bytes.
 *
 * The grammar is the published one (learn.microsoft.com, Azure Cosmos DB NoSQL query reference, read
 * August 2026): SELECT [DISTINCT] [TOP n] [VALUE] ..., FROM with IN, JOIN and sub-queries, WHERE, GROUP
 * BY, ORDER BY [RANK], OFFSET LIMIT, scalar sub-queries, EXISTS, ARRAY, BETWEEN, IN, LIKE ... ESCAPE,
 * ??, ?:, bit operators, ||, function and udf calls, object and array literals. It is read leniently:
 * what the service refuses for other reasons than its form (unknown function, wrong argument) parses.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SQL_NOSQL_H
#define COSMOWATCH_SQL_NOSQL_H

#include "detectors/kit/sql_lex.h"

#define SQL_NODES_MAX 16384u
#define SQL_DEPTH_MAX 400u /* of the tree and of the parser's recursion */

enum sql_node_kind {
    NODE_NONE,
    NODE_STRING, NODE_NUMBER, NODE_TRUE, NODE_FALSE, NODE_NULL, NODE_UNDEFINED, NODE_PARAM,
    NODE_NAME,      /* an alias or the container */
    NODE_FIELD,     /* child: base; tok: the name or the string in the brackets */
    NODE_INDEX,     /* children: base, index */
    NODE_CALL,      /* tok: the function's name; children: arguments */
    NODE_NEGATE, NODE_PLUS, NODE_BIT_NOT, NODE_NOT,
    NODE_BINARY,    /* code: enum sql_op; two children; comparisons too */
    NODE_AND, NODE_OR, /* two or more children; nested ones of the same kind are folded in */
    NODE_TERNARY, NODE_BETWEEN, NODE_IN, NODE_LIKE,
    NODE_ARRAY, NODE_OBJECT,
    NODE_SUBQUERY,  /* child: NODE_SELECT; code: WORD_EXISTS, WORD_ARRAY or WORD_NONE */
    NODE_SELECT,    /* children: clauses in the order of the text */
    NODE_CLAUSE,    /* code: WORD_TOP, _SELECT (projection), _FROM, _WHERE, _GROUP, _ORDER, _OFFSET */
    NODE_STAR,
};

enum sql_refs { /* what lies somewhere below a node */
    REFS_FIELD = 1, REFS_PARAM = 2, REFS_SUBQUERY = 4, REFS_UDF = 8, REFS_CALL = 16,
};

struct sql_node {
    uint8_t kind, code, refs;
    bool is_negated;              /* NOT IN, NOT LIKE, NOT BETWEEN */
    uint16_t depth;
    uint16_t children;            /* sticks at UINT16_MAX */
    uint32_t tok;                 /* the token that names the node */
    uint32_t first, last;         /* tokens it spans, its own parentheses left out */
    uint32_t child, last_child, next; /* node indexes, 0 = none */
};

enum sql_outcome { SQL_OK, SQL_SYNTAX, SQL_TOO_LARGE };

struct sql_scratch {
    struct sql_lex lex;
    struct sql_token tokens[SQL_TOKENS_MAX];
    struct sql_node nodes[SQL_NODES_MAX]; /* [0] is NODE_NONE */
    size_t nodes_len;
};

struct sql_tree {
    enum sql_outcome outcome;
    uint32_t root;       /* NODE_SELECT when SQL_OK */
    uint32_t error_tok;  /* where reading stopped when SQL_SYNTAX */
};

/* Read s->lex (already run) into s->nodes. */
struct sql_tree sql_parse(struct sql_scratch *s);

#endif
