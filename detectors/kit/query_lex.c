/* query_lex.c - see query_lex.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/query_lex.h"

static bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }

static bool is_hex(unsigned char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_name_byte(unsigned char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || is_digit(c) || c == '_' || c == '$' || c >= 0x80;
}

static unsigned char at(struct slice s, size_t i)
{
    return i < s.len ? (unsigned char)s.at[i] : 0;
}

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static size_t blank_len(struct slice s, size_t i)
{
    unsigned char c = at(s, i);

    if (c == ' ' || (c >= '\t' && c <= '\r'))
        return 1;
    return c == 0xc2 && at(s, i + 1) == 0xa0 ? 2 : 0; /* no-break space */
}

/* End of the string that begins at i; *ret_closed whether it ends at all. */
static size_t scan_string(const struct query_lex_rules *r, struct slice s, size_t i, bool *ret_closed)
{
    char quote = s.at[i++];

    *ret_closed = true;
    for (; i < s.len; i++) {
        if (r->escapes && s.at[i] == '\\' && i + 1 < s.len) {
            i++;
            continue;
        }
        if (s.at[i] != quote)
            continue;
        if (!r->doubles || i + 1 >= s.len || s.at[i + 1] != quote)
            return i + 1;
        i++;
    }
    *ret_closed = false;
    return s.len;
}

/* 8-4-4-4-12, as CQL writes a uuid without quotes. */
static bool is_uuid(struct slice s, size_t i)
{
    if (s.len - i < 36)
        return false;
    for (size_t k = 0; k < 36; k++)
        if (k == 8 || k == 13 || k == 18 || k == 23 ? s.at[i + k] != '-' : !is_hex((unsigned char)s.at[i + k]))
            return false;
    return !is_name_byte(at(s, i + 36));
}

static size_t scan_number(struct slice s, size_t i)
{
    for (; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];

        if ((c == '-' || c == '+') && (at(s, i - 1) | 0x20) == 'e' && is_digit(at(s, i + 1)))
            continue;
        if (c == '.' && is_digit(at(s, i + 1)))
            continue;
        if (!is_name_byte(c) || c >= 0x80)
            break;
    }
    return i;
}

static size_t scan_name(struct slice s, size_t i)
{
    while (i < s.len && is_name_byte((unsigned char)s.at[i]))
        i++;
    return i;
}

static size_t find_text(struct slice s, size_t i, const char *what, bool *ret_found)
{
    size_t at_byte = slice_find(slice_make(s.at + i, s.len - i), slice_of(what));

    *ret_found = at_byte != SIZE_MAX;
    return *ret_found ? i + at_byte + strlen(what) : s.len;
}

static size_t scan_op(struct slice s, size_t i, struct query_token *t)
{
    static const char pairs[] = "<= >= == != <> || && -> :: ..";
    unsigned char c = at(s, i), next = at(s, i + 1);

    if (c < 0x20 || c == 0x7f) {
        t->kind = QUERY_BYTE;
        return i + 1;
    }
    t->kind = QUERY_OP;
    for (size_t k = 0; k + 1 < sizeof(pairs) - 1; k += 3)
        if (next != 0 && pairs[k] == (char)c && pairs[k + 1] == (char)next) {
            t->op = QUERY_OP2(c, next);
            return i + 2;
        }
    t->op = c;
    return i + 1;
}

/* One token that starts at i (no blank, no comment); returns its end. */
static size_t scan_token(const struct query_lex_rules *r, struct slice s, size_t i, struct query_token *t)
{
    unsigned char c = at(s, i);
    bool closed = false;
    size_t end;

    if (is_one_of((char)c, r->quotes) || (r->name_quote && c == (unsigned char)r->name_quote)) {
        end = scan_string(r, s, i, &closed);
        t->kind = !closed ? QUERY_OPEN_STRING : is_one_of((char)c, r->quotes) ? QUERY_STRING : QUERY_NAME;
        return end;
    }
    if (r->dollar_strings && c == '$' && at(s, i + 1) == '$') {
        end = find_text(s, i + 2, "$$", &closed);
        t->kind = closed ? QUERY_STRING : QUERY_OPEN_STRING;
        return end;
    }
    if (is_hex(c) && is_uuid(s, i)) {
        t->kind = QUERY_NUMBER;
        return i + 36;
    }
    if (is_digit(c) || (c == '.' && is_digit(at(s, i + 1)) && i > 0 && !is_name_byte(at(s, i - 1)))) {
        t->kind = QUERY_NUMBER;
        return scan_number(s, i + 1);
    }
    if (is_name_byte(c)) {
        end = scan_name(s, i);
        t->kind = QUERY_NAME;
        if (r->types_strings && end < s.len && s.at[end] == '\'' && end - i <= 16) {
            end = scan_string(r, s, end, &closed);
            t->kind = closed ? QUERY_STRING : QUERY_OPEN_STRING;
        }
        return end;
    }
    if (r->params && (c == '?' || (c == ':' && is_name_byte(at(s, i + 1))))) {
        t->kind = QUERY_PARAM;
        return scan_name(s, i + 1);
    }
    return scan_op(s, i, t);
}

/* End of the comment that begins at i, or i. */
static size_t comment_end(const struct query_lex_rules *r, struct slice s, size_t i, bool *ret_open)
{
    unsigned char c = at(s, i), next = at(s, i + 1);
    bool found = false;

    *ret_open = false;
    if ((r->dash_comments && c == '-' && next == '-') || (r->slash_comments && c == '/' && next == '/')) {
        while (i < s.len && s.at[i] != '\n')
            i++;
        return i;
    }
    if (r->block_comments && c == '/' && next == '*') {
        i = find_text(s, i + 2, "*/", &found);
        *ret_open = !found;
    }
    return i;
}

void query_lex_run(struct query_lex *lex, const struct query_lex_rules *rules, struct slice text)
{
    struct slice s = slice_make(text.at, text.len > QUERY_TEXT_MAX ? QUERY_TEXT_MAX : text.len);
    bool is_open = false;

    lex->text = s;
    lex->len = lex->comments_len = 0;
    lex->is_cut = text.len > QUERY_TEXT_MAX;
    for (size_t i = 0, end; i < s.len; i = end) {
        end = i + blank_len(s, i);
        if (end > i)
            continue;
        end = comment_end(rules, s, i, &is_open);
        if (end > i) {
            if (lex->comments_len < QUERY_COMMENTS_MAX)
                lex->comments[lex->comments_len++] = (struct query_comment){
                    .at = (uint32_t)i, .len = (uint32_t)(end - i), .before = (uint32_t)lex->len, .is_open = is_open };
            continue;
        }
        if (lex->len + 1 + QUERY_ENDS >= lex->tokens_max) {
            lex->is_cut = true;
            break;
        }
        struct query_token *t = &lex->tokens[lex->len++];

        *t = (struct query_token){ .at = (uint32_t)i };
        end = scan_token(rules, s, i, t);
        t->len = (uint32_t)(end - i);
    }
    for (size_t i = 0; i < QUERY_ENDS; i++) /* a look ahead sees no token of the text before */
        lex->tokens[lex->len + i] = (struct query_token){ .kind = QUERY_END, .at = (uint32_t)s.len };
    lex->len++;
}

struct slice query_string_inside(const struct query_lex *lex, size_t i)
{
    struct slice t = query_token_text(lex, i);
    size_t from = 0;

    while (from < t.len && t.at[from] != '\'' && t.at[from] != '"' && t.at[from] != '$')
        from++;
    if (t.len - from >= 4 && t.at[from] == '$')
        return slice_make(t.at + from + 2, t.len - from - 4);
    return t.len - from < 2 ? slice_make(NULL, 0) : slice_make(t.at + from + 1, t.len - from - 2);
}
