/* sql_lex.h - the words of one statement, as Cosmos DB for NoSQL cuts them.
 *
 * Text is hostile: any bytes, any length. The lexer never allocates, never fails and never looks behind
 * SQL_TEXT_MAX; what it cannot read becomes TOK_BAD and reading goes on, because the shape of broken
 * text is evidence too. Sources: "Constants", "Keywords" and "Identifiers" of the Azure Cosmos DB NoSQL
 * query reference (learn.microsoft.com, read August 2026): strings in ' or " with backslash escapes (a
 * doubled quote is *not* an escape), `--` comments to the end of the line, no block comments.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SQL_LEX_H
#define COSMOWATCH_SQL_LEX_H

#include "base/slice.h"

#define SQL_TEXT_MAX (512u * 1024u) /* the service refuses longer statements */
#define SQL_TOKENS_MAX 16384u
#define SQL_COMMENTS_MAX 16u

enum sql_token_kind {
    TOK_END,
    TOK_NAME,   /* identifier or keyword; code is enum sql_word, WORD_NONE for a plain name */
    TOK_STRING, /* with its quotes */
    TOK_NUMBER,
    TOK_PARAM,  /* @name */
    TOK_OP,     /* code is enum sql_op */
    TOK_BAD,    /* code is enum sql_bad */
};

enum sql_word {
    WORD_NONE, WORD_SELECT, WORD_DISTINCT, WORD_TOP, WORD_VALUE, WORD_AS, WORD_FROM, WORD_IN, WORD_JOIN,
    WORD_WHERE, WORD_AND, WORD_OR, WORD_NOT, WORD_BETWEEN, WORD_LIKE, WORD_ESCAPE, WORD_EXISTS, WORD_ARRAY,
    WORD_GROUP, WORD_BY, WORD_ORDER, WORD_RANK, WORD_ASC, WORD_DESC, WORD_OFFSET, WORD_LIMIT, WORD_TRUE,
    WORD_FALSE, WORD_NULL, WORD_UNDEFINED, WORD_INFINITY, WORD_NAN, WORD_UDF, WORD_COUNT
};

enum sql_op {
    OP_NONE, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_PLUS, OP_MINUS, OP_STAR, OP_SLASH, OP_PERCENT,
    OP_BIT_AND, OP_BIT_OR, OP_BIT_XOR, OP_BIT_NOT, OP_SHIFT_LEFT, OP_SHIFT_RIGHT, OP_SHIFT_RIGHT_ZERO,
    OP_CONCAT, OP_COALESCE, OP_QUESTION, OP_COLON, OP_COMMA, OP_DOT, OP_OPEN, OP_CLOSE, OP_OPEN_INDEX,
    OP_CLOSE_INDEX, OP_OPEN_OBJECT, OP_CLOSE_OBJECT
};

enum sql_bad {
    BAD_BYTE,         /* a byte the dialect has no use for */
    BAD_UNTERMINATED, /* string without its closing quote; spans to the end of the text */
    BAD_SEMICOLON, BAD_HASH, BAD_BACKTICK, BAD_BLOCK_COMMENT, BAD_DOUBLE_AT, BAD_HEX_NUMBER
};

#define TOK_FLAG_GLUED 1u /* a letter or digit touches the token on its left: 'O'Neill' */

struct sql_token {
    uint8_t kind, code, flags, unused;
    uint32_t at, len;
};

struct sql_comment {
    uint32_t at, len; /* with its dashes, without the newline */
    uint32_t before;  /* index of the token that follows it */
};

#define SQL_ENDS 6u /* so far a judge may look ahead */

struct sql_lex {
    struct slice text;             /* as judged: at most SQL_TEXT_MAX */
    struct sql_token *tokens;      /* [tokens_max], TOK_END is the last */
    size_t tokens_max, len;        /* len counts one TOK_END; behind it stand SQL_ENDS - 1 more */
    struct sql_comment comments[SQL_COMMENTS_MAX];
    size_t comments_len;
    bool is_cut;                   /* more tokens than tokens_max: the tail was not looked at */
};

/* Cut `text` into lex->tokens (tokens and tokens_max are set by the caller, tokens_max > SQL_ENDS). */
void sql_lex_run(struct sql_lex *lex, struct slice text);

static inline struct slice sql_token_text(const struct sql_lex *lex, const struct sql_token *t)
{
    return slice_make(lex->text.at + t->at, t->len);
}

/* The inside of a string token, escapes left as written. */
static inline struct slice sql_string_inside(const struct sql_lex *lex, const struct sql_token *t)
{
    return t->len < 2 ? slice_make(NULL, 0) : slice_make(lex->text.at + t->at + 1, t->len - 2u);
}

static inline bool sql_token_is(const struct sql_token *t, enum sql_token_kind kind, int code)
{
    return t->kind == kind && t->code == code;
}

#endif
