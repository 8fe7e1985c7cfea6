/* query_lex.h - the words of a CQL, Gremlin or OData text. One lexer, because the three differ in little:
 * which quotes there are, how a quote is written inside, which comments exist (struct query_lex_rules).
 *
 * Text is hostile: any bytes, any length. Nothing is allocated, nothing fails, nothing behind QUERY_TEXT_MAX
 * is looked at; what has no meaning becomes QUERY_BYTE and reading goes on, because the shape of broken text
 * is evidence too.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_QUERY_LEX_H
#define COSMOWATCH_QUERY_LEX_H

#include "base/slice.h"

#define QUERY_TEXT_MAX (512u * 1024u)
#define QUERY_ENDS 12u /* so far a judge may look ahead */
#define QUERY_TOKENS_MAX 16384u
#define QUERY_COMMENTS_MAX 16u

enum query_token_kind {
    QUERY_END,
    QUERY_NAME,        /* identifier or keyword; quoted ones too */
    QUERY_STRING,      /* with quotes, and with the type in front: datetime'2024-...' */
    QUERY_NUMBER,      /* also uuid, blob, duration */
    QUERY_PARAM,       /* ? or :name */
    QUERY_OP,          /* op: the character, or first | second << 8 */
    QUERY_OPEN_STRING, /* a quote that nothing closes; spans to the end */
    QUERY_BYTE,        /* a byte without meaning, NUL among them */
};

#define QUERY_OP2(a, b) ((uint16_t)((a) | (b) << 8))

struct query_token {
    uint8_t kind, unused;
    uint16_t op;
    uint32_t at, len;
};

struct query_comment {
    uint32_t at, len; /* with its marks */
    uint32_t before;  /* index of the token that follows it */
    bool is_open;     /* a block comment that nothing closes */
};

struct query_lex_rules {
    const char *quotes;     /* of strings */
    char name_quote;        /* of identifiers, 0 none */
    bool doubles, escapes;  /* '' or \' inside a string */
    bool types_strings;     /* a name touching a string is its type */
    bool dollar_strings;    /* $$...$$ */
    bool dash_comments, slash_comments, block_comments;
    bool params;            /* ? and :name */
};

struct query_lex {
    struct slice text;
    struct query_token *tokens; /* [tokens_max], QUERY_END is the last */
    size_t tokens_max, len;     /* len counts one QUERY_END; behind it stand QUERY_ENDS - 1 more */
    struct query_comment comments[QUERY_COMMENTS_MAX];
    size_t comments_len;
    bool is_cut;                /* the tail was not looked at */
};

/* Cut `text` into lex->tokens (tokens and tokens_max set by the caller, tokens_max > QUERY_ENDS). */
void query_lex_run(struct query_lex *lex, const struct query_lex_rules *rules, struct slice text);

static inline struct slice query_token_text(const struct query_lex *lex, size_t i)
{
    return slice_make(lex->text.at + lex->tokens[i].at, lex->tokens[i].len);
}

/* The inside of a string token, escapes and doubled quotes as written. */
struct slice query_string_inside(const struct query_lex *lex, size_t i);

static inline bool query_is_op(const struct query_lex *lex, size_t i, unsigned op)
{
    return i < lex->len && lex->tokens[i].kind == QUERY_OP && lex->tokens[i].op == op;
}

static inline bool query_is_word(const struct query_lex *lex, size_t i, const char *word) /* any case */
{
    return i < lex->len && lex->tokens[i].kind == QUERY_NAME && slice_eq_nocase(query_token_text(lex, i), slice_of(word));
}

static inline bool query_is_literal(const struct query_lex *lex, size_t i)
{
    return i < lex->len && (lex->tokens[i].kind == QUERY_STRING || lex->tokens[i].kind == QUERY_NUMBER);
}

#endif
