/* odata_read.c - see odata_read.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/odata_read.h"

#include "base/buf.h"
#include "detectors/kit/odata_tree.h"
#include "detectors/kit/word_list.h"

#define DEPTH_MAX 200u

static bool is_keyword(struct slice name)
{
    static const char *const words[] = { "and", "or", "not", "eq",   "ne",    "gt",
                                         "ge",  "lt", "le",  "true", "false", "null" };

    return word_in_nocase(name, words, ARRAY_LEN(words));
}

/* ---- the tree ------------------------------------------------------------------------------------ */

struct parser {
    struct query_reading *r;
    size_t i, depth;
    bool failed;
};

static bool word(const struct parser *p, const char *w)
{
    return query_is_word(&p->r->lex, p->i, w);
}
static bool op(const struct parser *p, unsigned o)
{
    return query_is_op(&p->r->lex, p->i, o);
}

static uint32_t fail(struct parser *p)
{
    if (!p->failed)
        p->r->error_tok = (uint32_t)p->i;
    p->failed = true;
    return 0;
}

static uint32_t new_node(struct parser *p, int kind, size_t first)
{
    struct query_reading *r = p->r;

    if (r->nodes_len >= QUERY_NODES_MAX) {
        r->is_beyond = true;
        return fail(p);
    }
    r->nodes[r->nodes_len] =
        (struct query_node) { .kind = (uint8_t)kind, .first = (uint32_t)first, .last = (uint32_t)first };
    return (uint32_t)r->nodes_len++;
}

/* Behind the last child, which *ret_last holds. */
static void adopt(struct parser *p, uint32_t parent, uint32_t child, uint32_t *last)
{
    struct query_node *nodes = p->r->nodes;

    if (*last)
        nodes[*last].next = child;
    else
        nodes[parent].child = child;
    *last = child;
    nodes[parent].last = nodes[child].last;
}

static uint32_t take_or(struct parser *p);

static uint32_t take_operand(struct parser *p)
{
    const struct query_token *t = &p->r->tokens[p->i];
    size_t first = p->i;
    uint32_t n, last = 0;

    if (op(p, '-'))
        t = &p->r->tokens[++p->i];
    if (t->kind == QUERY_STRING || t->kind == QUERY_NUMBER) {
        n = new_node(p, O_LITERAL, first);
        p->i++;
    } else if (word(p, "true") || word(p, "false")) {
        n = new_node(p, O_BOOL, first);
        p->i++;
    } else if (t->kind == QUERY_NAME &&
               (!is_keyword(query_token_text(&p->r->lex, p->i)) || word(p, "null"))) {
        n = new_node(p, O_NAME, first);
        p->i++;
        while (op(p, '/') && p->r->tokens[p->i + 1].kind == QUERY_NAME)
            p->i += 2;
        if (op(p, '(') && !p->failed) {
            p->r->nodes[n].kind = O_CALL;
            p->i++;
            while (!p->failed && !op(p, ')')) {
                uint32_t child = take_or(p);

                if (p->failed)
                    return 0;
                adopt(p, n, child, &last);
                if (op(p, ','))
                    p->i++;
                else if (!op(p, ')'))
                    return fail(p);
            }
            p->i++;
        }
    } else {
        return fail(p);
    }
    if (p->failed)
        return 0;
    p->r->nodes[n].last = (uint32_t)(p->i - 1);
    return n;
}

static bool at_compare(const struct parser *p)
{
    static const char *const words[] = { "eq", "ne", "gt", "ge", "lt", "le" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (word(p, words[i]))
            return true;
    return false;
}

static uint32_t take_unary(struct parser *p)
{
    size_t first = p->i;
    uint32_t n = 0, last = 0;

    if (p->depth >= DEPTH_MAX) {
        p->r->is_beyond = true;
        return fail(p);
    }
    p->depth++;
    if (word(p, "not")) {
        p->i++;
        uint32_t child = take_unary(p);

        n = p->failed ? 0 : new_node(p, O_NOT, first);
        if (!p->failed)
            adopt(p, n, child, &last);
    } else if (op(p, '(')) {
        p->i++;
        n = take_or(p);
        if (!p->failed && !op(p, ')'))
            (void)fail(p);
        p->i += !p->failed;
    } else {
        n = take_operand(p);
    }
    if (!p->failed && at_compare(p)) {
        uint32_t left = n;

        p->i++;
        n = new_node(p, O_COMPARE, p->r->nodes[left].first);
        if (!p->failed)
            adopt(p, n, left, &last);
        uint32_t right = p->failed ? 0 : take_operand(p);

        if (!p->failed)
            adopt(p, n, right, &last);
    }
    p->depth--;
    return p->failed ? 0 : n;
}

static uint32_t take_list(struct parser *p, int kind, const char *connector,
                          uint32_t (*take)(struct parser *p))
{
    size_t first = p->i;
    uint32_t n = take(p), list = 0, last = 0;

    while (!p->failed && word(p, connector)) {
        if (!list) {
            list = new_node(p, kind, first);
            if (p->failed)
                return 0;
            adopt(p, list, n, &last);
        }
        p->i++;
        n = take(p);
        if (!p->failed)
            adopt(p, list, n, &last);
    }
    return p->failed ? 0 : list ? list : n;
}

static uint32_t take_and(struct parser *p)
{
    return take_list(p, O_AND, "and", take_unary);
}
static uint32_t take_or(struct parser *p)
{
    return take_list(p, O_OR, "or", take_and);
}

static void odata_read(struct query_reading *r)
{
    struct parser p = { .r = r };
    uint32_t root = r->lex.len > 1 ? take_or(&p) : 0;

    (void)root;
    if (!p.failed && p.i + 1 < r->lex.len)
        (void)fail(&p);
    r->is_broken = p.failed;
    if (!p.failed)
        odata_judge(r);
}

/* Brackets behind a name that is no connector are a call's; the rest only groups. */
static bool is_group(const struct query_reading *r, size_t open_tok)
{
    return open_tok == 0 || r->tokens[open_tok - 1].kind != QUERY_NAME ||
           is_keyword(query_token_text(&r->lex, open_tok - 1));
}

static bool may_insert(const struct query_reading *r, size_t tok)
{
    size_t i = tok;

    while (i > 0 && query_is_op(&r->lex, i - 1, ')'))
        i--;
    return i > 0 && (query_is_literal(&r->lex, i - 1) || query_is_word(&r->lex, i - 1, "true") ||
                     query_is_word(&r->lex, i - 1, "false"));
}

const struct query_dialect odata_dialect = {
    .lex = { .quotes = "'", .doubles = true, .types_strings = true },
    .read = odata_read,
    .is_group = is_group,
    .is_keyword = is_keyword,
    .may_insert = may_insert,
};

/* ---- web addresses ------------------------------------------------------------------------------- */

static int hex_of(char c)
{
    return c >= '0' && c <= '9'                     ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

struct slice odata_filter_of(struct slice raw, struct buf *out)
{
    size_t at = slice_find_nocase(raw, SL("$filter=")), skip = 8;

    if (at == SIZE_MAX) {
        at = slice_find_nocase(raw, SL("%24filter="));
        skip = 10;
    }
    if (at == SIZE_MAX)
        return raw;
    buf_clear(out);
    for (size_t i = at + skip; i < raw.len && raw.at[i] != '&'; i++) {
        int high = raw.at[i] == '%' && i + 2 < raw.len ? hex_of(raw.at[i + 1]) : -1;
        int low = high >= 0 ? hex_of(raw.at[i + 2]) : -1;

        buf_add_char(out, low >= 0 ? (char)(high * 16 + low) : raw.at[i] == '+' ? ' ' : raw.at[i]);
        i += low >= 0 ? 2 : 0;
    }
    return buf_slice(out);
}
