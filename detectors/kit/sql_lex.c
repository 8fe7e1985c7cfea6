/* sql_lex.c - see sql_lex.h. One pass, one table of byte classes, no look-ahead beyond two bytes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sql_lex.h"

static const struct { const char *text; uint8_t len, word; } words[] = {
    { "as", 2, WORD_AS },           { "in", 2, WORD_IN },         { "or", 2, WORD_OR },
    { "by", 2, WORD_BY },           { "and", 3, WORD_AND },       { "not", 3, WORD_NOT },
    { "top", 3, WORD_TOP },         { "asc", 3, WORD_ASC },       { "nan", 3, WORD_NAN },
    { "udf", 3, WORD_UDF },         { "from", 4, WORD_FROM },     { "join", 4, WORD_JOIN },
    { "like", 4, WORD_LIKE },       { "null", 4, WORD_NULL },     { "true", 4, WORD_TRUE },
    { "desc", 4, WORD_DESC },       { "rank", 4, WORD_RANK },     { "where", 5, WORD_WHERE },
    { "value", 5, WORD_VALUE },     { "false", 5, WORD_FALSE },   { "order", 5, WORD_ORDER },
    { "group", 5, WORD_GROUP },     { "limit", 5, WORD_LIMIT },   { "array", 5, WORD_ARRAY },
    { "select", 6, WORD_SELECT },   { "exists", 6, WORD_EXISTS }, { "escape", 6, WORD_ESCAPE },
    { "offset", 6, WORD_OFFSET },   { "between", 7, WORD_BETWEEN }, { "distinct", 8, WORD_DISTINCT },
    { "infinity", 8, WORD_INFINITY }, { "undefined", 9, WORD_UNDEFINED },
};

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

/* Bytes above ASCII are parts of names: the service takes any Unicode letter there. */
static bool is_name_byte(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' || c >= 0x80 ||
           is_digit(c);
}

/* Length of the blank at i: ASCII blanks, the no-break space and the byte order mark that editors and
 * web forms leave in statements; 0 when there is none. */
static size_t blank_len(struct slice s, size_t i)
{
    unsigned char c = (unsigned char)s.at[i];

    if (c == ' ' || (c >= '\t' && c <= '\r'))
        return 1;
    if (c == 0xc2 && s.len - i >= 2 && (unsigned char)s.at[i + 1] == 0xa0)
        return 2;
    if (c == 0xef && s.len - i >= 3 && memcmp(s.at + i, "\xef\xbb\xbf", 3) == 0)
        return 3;
    return 0;
}

static uint8_t word_of(const char *at, size_t len)
{
    char low[10];

    if (len < 2 || len > 9)
        return WORD_NONE;
    for (size_t i = 0; i < len; i++)
        low[i] = (char)(at[i] | 0x20);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i].len == len && words[i].text[0] == low[0] && memcmp(words[i].text, low, len) == 0)
            return words[i].word;
    return WORD_NONE;
}

static size_t scan_name(struct slice s, size_t i)
{
    while (i < s.len && is_name_byte((unsigned char)s.at[i]))
        i++;
    return i;
}

/* Returns the end of the string that opens at i; *ret_closed tells whether its quote was found. */
static size_t scan_string(struct slice s, size_t i, bool *ret_closed)
{
    char quote = s.at[i++];

    while (i < s.len && s.at[i] != quote)
        i += s.at[i] == '\\' && i + 1 < s.len ? 2 : 1;
    *ret_closed = i < s.len;
    return i < s.len ? i + 1 : s.len;
}

static size_t scan_number(struct slice s, size_t i, uint8_t *kind, uint8_t *code)
{
    if (s.at[i] == '0' && i + 2 < s.len && (s.at[i + 1] | 0x20) == 'x') {
        *kind = TOK_BAD;
        *code = BAD_HEX_NUMBER;
        return scan_name(s, i + 2);
    }
    while (i < s.len && is_digit((unsigned char)s.at[i]))
        i++;
    if (i < s.len && s.at[i] == '.')
        i++;
    while (i < s.len && is_digit((unsigned char)s.at[i]))
        i++;
    if (i + 1 < s.len && (s.at[i] | 0x20) == 'e') {
        size_t j = i + 1;

        if (j < s.len && (s.at[j] == '+' || s.at[j] == '-'))
            j++;
        if (j < s.len && is_digit((unsigned char)s.at[j]))
            for (i = j; i < s.len && is_digit((unsigned char)s.at[i]); i++)
                ;
    }
    return i;
}

static size_t scan_op(struct slice s, size_t i, uint8_t *code)
{
    static const struct { char text[4]; uint8_t len, op; } many[] = {
        { ">>>", 3, OP_SHIFT_RIGHT_ZERO }, { ">>", 2, OP_SHIFT_RIGHT }, { "<<", 2, OP_SHIFT_LEFT },
        { "<=", 2, OP_LE }, { ">=", 2, OP_GE }, { "<>", 2, OP_NE }, { "!=", 2, OP_NE },
        { "||", 2, OP_CONCAT }, { "??", 2, OP_COALESCE },
    };
    static const struct { char c; uint8_t op; } one[] = {
        { '=', OP_EQ }, { '<', OP_LT }, { '>', OP_GT }, { '+', OP_PLUS }, { '-', OP_MINUS },
        { '*', OP_STAR }, { '/', OP_SLASH }, { '%', OP_PERCENT }, { '&', OP_BIT_AND },
        { '|', OP_BIT_OR }, { '^', OP_BIT_XOR }, { '~', OP_BIT_NOT }, { '?', OP_QUESTION },
        { ':', OP_COLON }, { ',', OP_COMMA }, { '.', OP_DOT }, { '(', OP_OPEN }, { ')', OP_CLOSE },
        { '[', OP_OPEN_INDEX }, { ']', OP_CLOSE_INDEX }, { '{', OP_OPEN_OBJECT },
        { '}', OP_CLOSE_OBJECT },
    };

    for (size_t k = 0; k < ARRAY_LEN(many); k++)
        if (s.at[i] == many[k].text[0] && s.len - i >= many[k].len &&
            memcmp(s.at + i, many[k].text, many[k].len) == 0) {
            *code = many[k].op;
            return i + many[k].len;
        }
    for (size_t k = 0; k < ARRAY_LEN(one); k++)
        if (s.at[i] == one[k].c) {
            *code = one[k].op;
            return i + 1;
        }
    *code = OP_NONE;
    return i + 1;
}

static size_t scan_bad(struct slice s, size_t i, uint8_t *code)
{
    switch (s.at[i]) {
    case ';': *code = BAD_SEMICOLON; return i + 1;
    case '#': *code = BAD_HASH; return i + 1;
    case '`': *code = BAD_BACKTICK; return i + 1;
    default: break;
    }
    if (s.len - i >= 2 && s.at[i] == '/' && s.at[i + 1] == '*') {
        *code = BAD_BLOCK_COMMENT;
        return i + 2;
    }
    if (s.len - i >= 2 && s.at[i] == '@' && s.at[i + 1] == '@') {
        *code = BAD_DOUBLE_AT;
        return scan_name(s, i + 2);
    }
    *code = BAD_BYTE;
    return i + 1;
}

/* One token that starts at i (no blank, no comment); returns its end. */
static size_t scan_token(struct slice s, size_t i, uint8_t *kind, uint8_t *code)
{
    unsigned char c = (unsigned char)s.at[i];
    unsigned char next = i + 1 < s.len ? (unsigned char)s.at[i + 1] : 0;

    *code = 0;
    if (c == '\'' || c == '"') {
        bool closed = false;
        size_t end = scan_string(s, i, &closed);

        *kind = closed ? TOK_STRING : TOK_BAD;
        *code = closed ? 0 : BAD_UNTERMINATED;
        return end;
    }
    if (is_digit(c) || (c == '.' && is_digit(next))) {
        *kind = TOK_NUMBER;
        return scan_number(s, i, kind, code);
    }
    if (is_name_byte(c)) {
        size_t end = scan_name(s, i);

        *kind = TOK_NAME;
        *code = word_of(s.at + i, end - i);
        return end;
    }
    if (c == '@' && is_name_byte(next)) {
        *kind = TOK_PARAM;
        return scan_name(s, i + 1);
    }
    if (c == '/' && next == '*') {
        *kind = TOK_BAD;
        return scan_bad(s, i, code);
    }
    *kind = TOK_OP;
    size_t end = scan_op(s, i, code);

    if (*code != OP_NONE)
        return end;
    *kind = TOK_BAD;
    return scan_bad(s, i, code);
}

static size_t skip_comment(struct sql_lex *lex, struct slice s, size_t i)
{
    size_t start = i;

    while (i < s.len && s.at[i] != '\n')
        i++;
    if (lex->comments_len < SQL_COMMENTS_MAX)
        lex->comments[lex->comments_len++] = (struct sql_comment){
            .at = (uint32_t)start, .len = (uint32_t)(i - start), .before = (uint32_t)lex->len };
    return i;
}

void sql_lex_run(struct sql_lex *lex, struct slice text)
{
    struct slice s = slice_make(text.at, text.len > SQL_TEXT_MAX ? SQL_TEXT_MAX : text.len);
    size_t i = 0;

    lex->text = s;
    lex->len = 0;
    lex->comments_len = 0;
    lex->is_cut = text.len > SQL_TEXT_MAX;
    while (i < s.len) {
        size_t blank = blank_len(s, i);

        if (blank) {
            i += blank;
            continue;
        }
        if (s.at[i] == '-' && i + 1 < s.len && s.at[i + 1] == '-') {
            i = skip_comment(lex, s, i);
            continue;
        }
        if (lex->len + 1 + SQL_ENDS >= lex->tokens_max) {
            lex->is_cut = true;
            break;
        }
        struct sql_token *t = &lex->tokens[lex->len++];
        size_t end = scan_token(s, i, &t->kind, &t->code);

        t->flags = i > 0 && is_name_byte((unsigned char)s.at[i - 1]) ? TOK_FLAG_GLUED : 0;
        t->unused = 0;
        t->at = (uint32_t)i;
        t->len = (uint32_t)(end - i);
        i = end;
    }
    for (size_t k = 0; k < SQL_ENDS; k++) /* a look ahead sees no token of the text before */
        lex->tokens[lex->len + k] = (struct sql_token){ .kind = TOK_END, .at = (uint32_t)i };
    lex->len++;
}
