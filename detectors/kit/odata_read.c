/* odata_read.c - see odata_read.h.
 *
 * As in the NoSQL judge, injected text came in through a value, so what counts is what stands directly behind
 * a literal: ('all' eq 'all' or City eq 'x') has its constant in front and is how optional filters look.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/odata_read.h"

#include "base/buf.h"
#include "base/num.h"
#include "detectors/kit/mongo_score.h"
#include "detectors/kit/sql_words.h"
#include "detectors/kit/word_list.h"

#define DEPTH_MAX 200u

enum { O_OR = 1, O_AND, O_NOT, O_COMPARE, O_LITERAL, O_BOOL, O_NAME, O_CALL };

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

/* ---- what it says -------------------------------------------------------------------------------- */

static const struct query_node *node(const struct query_reading *r, uint32_t i)
{
    return &r->nodes[i];
}

static bool is_constant(const struct query_node *n)
{
    return n->kind == O_LITERAL || n->kind == O_BOOL;
}

struct place {
    bool is_behind_value, is_empty, is_bracketed,
        is_grouped; /* grouped: in brackets beside other conditions */
    bool asks_same; /* the alternative in front is about the same property */
    size_t value_tok;
};

static struct place place_of(const struct query_reading *r, const struct query_node *n,
                             const struct query_node *list)
{
    struct place ret = { .is_bracketed = list->first > 0 && query_is_op(&r->lex, list->first - 1, '(') };
    size_t i = n->first;

    ret.is_grouped =
        ret.is_bracketed && ((list->first > 1 && query_is_word(&r->lex, list->first - 2, "and")) ||
                             query_is_word(&r->lex, list->last + 2, "and"));
    while (i > 0 && (query_is_op(&r->lex, i - 1, '(') || query_is_word(&r->lex, i - 1, "not")))
        i--;
    if (i < 2)
        return ret;
    i -= 2; /* the connector */
    while (i > 0 && query_is_op(&r->lex, i, ')'))
        i--;
    ret.value_tok = i;
    ret.is_behind_value = query_is_literal(&r->lex, i) || query_is_word(&r->lex, i, "true") ||
                          query_is_word(&r->lex, i, "false");
    ret.is_empty = r->tokens[i].kind == QUERY_STRING && query_string_inside(&r->lex, i).len == 0;
    return ret;
}

static bool same_text(const struct query_reading *r, const struct query_node *a, const struct query_node *b)
{
    return a->first == a->last && b->first == b->last &&
           slice_eq(query_token_text(&r->lex, a->first), query_token_text(&r->lex, b->first));
}

static bool is_system_property(const struct query_reading *r, const struct query_node *n)
{
    struct slice name = query_token_text(&r->lex, n->first);

    return slice_eq_nocase(name, SL("PartitionKey")) || slice_eq_nocase(name, SL("RowKey")) ||
           slice_eq_nocase(name, SL("Timestamp"));
}

/* A time before or after which there is no entity: datetime'1601-01-01...', datetime'2999-12-31...'. The service itself
 * sets Timestamp, and is not older than 2008; people may be born in 1990. */
static bool is_beyond_time(struct slice text, bool before, bool is_system)
{
    if (text.len < 8 || text.at[4] != '-')
        return false;
    return before ? slice_cmp(slice_make(text.at, 4), is_system ? SL("2008") : SL("1971")) < 0
                  : text.at[0] > '2' || text.at[1] > '0';
}

/* Property compared with something that nearly every value passes: score, 0 when not. */
static int wide_score(const struct query_reading *r, const struct query_node *n)
{
    const struct query_node *a = node(r, n->child), *b = node(r, a->next);
    const struct query_node *name = a->kind == O_NAME ? a : b, *value = a->kind == O_NAME ? b : a;
    size_t compare = a->last + 1;
    bool not_equal = query_is_word(&r->lex, compare, "ne");

    if (a->kind == O_NAME && b->kind == O_NAME)
        return not_equal && is_system_property(r, a) && is_system_property(r, b) ? 74 : 0;
    if (name->kind != O_NAME || value->kind != O_LITERAL)
        return 0;
    struct slice text = query_string_inside(&r->lex, value->last);
    bool is_text = r->tokens[value->last].kind == QUERY_STRING, is_system = is_system_property(r, name);
    bool above = query_is_word(&r->lex, compare, "ge") || query_is_word(&r->lex, compare, "gt");
    bool below = query_is_word(&r->lex, compare, "le") || query_is_word(&r->lex, compare, "lt");

    if (not_equal)
        return is_system ? 74 : is_text && text.len <= 1 ? 66 : 25;
    if (above && is_text)
        return text.len <= 1 || is_beyond_time(text, true, is_system) ? is_system ? 82 : 66 : 0;
    if (above)
        return 25;
    return below && is_text && text.len >= 1 && (text.at[0] >= 'z' || is_beyond_time(text, false, is_system))
               ? is_system ? 74 : 60
               : 0;
}

/* not not x is x; *ret_negated whether one is left. */
static const struct query_node *without_nots(const struct query_reading *r, const struct query_node *n,
                                             bool *ret_negated)
{
    *ret_negated = false;
    for (; n->kind == O_NOT; n = node(r, n->child))
        *ret_negated = !*ret_negated;
    return n;
}

static bool is_above(const struct query_reading *r, size_t tok)
{
    return query_is_word(&r->lex, tok, "gt") || query_is_word(&r->lex, tok, "ge");
}

static bool is_below(const struct query_reading *r, size_t tok)
{
    return query_is_word(&r->lex, tok, "lt") || query_is_word(&r->lex, tok, "le");
}

/* -12, 3.5; false for what is no number */
static bool number_of(const struct query_reading *r, const struct query_node *n, double *ret)
{
    bool is_negative = query_is_op(&r->lex, n->first, '-');

    if (r->tokens[n->last].kind != QUERY_NUMBER || !parse_real(query_token_text(&r->lex, n->last), ret))
        return false;
    *ret = is_negative ? -*ret : *ret;
    return true;
}

/* Age gt -1 or Age le 200: below, above and between. (Level lt 3 or Level gt 9 leaves out what lies between.) */
static bool overlap(const struct query_reading *r, const struct query_node *a, const struct query_node *b)
{
    double low = 0, high = 0;

    return is_above(r, a->last + 1) && is_below(r, b->last + 1) && number_of(r, node(r, a->next), &low) &&
           number_of(r, node(r, b->next), &high) && low < high;
}

/* Level eq 1 or Level ne 1: between them nothing is left out. */
static bool is_the_rest_of(const struct query_reading *r, const struct query_node *n, const struct query_node *again)
{
    static const char *const rest[][2] = { { "eq", "ne" }, { "lt", "ge" }, { "le", "gt" } };

    if (n->kind != O_COMPARE || again->kind != O_COMPARE)
        return false;
    const struct query_node *a = node(r, n->child), *b = node(r, again->child);

    if (a->kind != O_NAME || b->kind != O_NAME || !same_text(r, a, b))
        return false;
    if (overlap(r, a, b) || overlap(r, b, a))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(rest) && same_text(r, node(r, a->next), node(r, b->next)); i++)
        if ((query_is_word(&r->lex, a->last + 1, rest[i][0]) && query_is_word(&r->lex, b->last + 1, rest[i][1])) ||
            (query_is_word(&r->lex, a->last + 1, rest[i][1]) && query_is_word(&r->lex, b->last + 1, rest[i][0])))
            return true;
    return false;
}

static bool is_self_compare(const struct query_reading *r, const struct query_node *n)
{
    const struct query_node *a = node(r, n->child), *b = node(r, a->next);

    return n->kind == O_COMPARE && a->kind == O_NAME && b->kind == O_NAME && same_text(r, a, b);
}

static void judge_alternative(struct query_reading *r, const struct query_node *n, const struct place *at);

static bool is_empty_text(const struct query_reading *r, const struct query_node *n)
{
    return r->tokens[n->last].kind == QUERY_STRING && query_string_inside(&r->lex, n->last).len == 0;
}

/* or not x */
static void judge_negation(struct query_reading *r, const struct query_node *n, const struct place *at)
{
    bool is_negated = false;
    const struct query_node *in = without_nots(r, n, &is_negated), *a = node(r, in->child),
                            *b = node(r, a->next);

    if (is_constant(in) || (in->kind == O_COMPARE && is_constant(a) && is_constant(b)))
        query_found(r, Q_OR_CONSTANT, 80, n->first - 1, n->last);
    else if (!is_negated)
        judge_alternative(r, in, at);
    else if (is_self_compare(r, in))
        query_found(r, Q_OR_SELF, 82, n->first - 1, n->last);
    else if (in->kind == O_COMPARE)
        query_found(r, Q_OR_ALWAYS,
                    is_system_property(r, a) ? 72
                    : b->kind == O_LITERAL   ? at->is_empty || is_empty_text(r, b) ? 62 : 45
                                             : 9,
                    n->first - 1, n->last);
}

static void judge_alternative(struct query_reading *r, const struct query_node *n, const struct place *at)
{
    const struct query_node *a = node(r, n->child), *b = node(r, a->next);

    switch (n->kind) {
    case O_AND:
        judge_alternative(r, a, at);
        return; /* or '1' eq '1' and the rest of the filter */
    case O_BOOL:
        query_found(r, Q_OR_CONSTANT,
                    query_is_word(&r->lex, n->first, "true")
                        ? (at->is_grouped ? 45 : 78) + (at->is_empty ? 18 : 0)
                        : 20,
                    n->first - 1, n->last);
        return;
    case O_LITERAL:
        query_found(r, Q_BARE_LITERAL, 65, n->first - 1, n->last);
        return;
    case O_OR:
        for (uint32_t i = n->child; i; i = node(r, i)->next)
            judge_alternative(r, node(r, i), at);
        return;
    case O_NOT:
        judge_negation(r, n, at);
        return;
    case O_COMPARE:
        break;
    default:
        return;
    }
    if (is_constant(a) && is_constant(b)) {
        bool is_text = r->tokens[a->first].kind == QUERY_STRING || r->tokens[b->first].kind == QUERY_STRING;
        struct slice value = query_token_text(&r->lex, at->value_tok);
        bool repeats = at->is_bracketed && value.len >= 4 &&
                       (slice_eq(value, query_token_text(&r->lex, a->first)) ||
                        slice_eq(value, query_token_text(&r->lex, b->first)));

        query_found(r, Q_OR_CONSTANT,
                    repeats          ? 9
                    : is_text        ? 86
                    : at->is_grouped ? 62
                                     : 80,
                    n->first - 1, n->last);
        return;
    }
    if (is_self_compare(r, n)) {
        query_found(r, Q_OR_SELF, 82, n->first - 1, n->last);
        return;
    }
    int score = wide_score(r, n);

    if (score > 30)
        score += at->is_empty ? 12 : at->is_grouped && !at->asks_same ? -8 : 0;
    query_found(r, Q_OR_ALWAYS, score, n->first - 1, n->last);
}

static const struct query_node *compared_name(const struct query_reading *r, const struct query_node *n)
{
    const struct query_node *a = node(r, n->child), *b = node(r, a->next);

    return n->kind != O_COMPARE                  ? NULL
           : a->kind == O_NAME && is_constant(b) ? a
           : b->kind == O_NAME && is_constant(a) ? b
                                                 : NULL;
}

/* ... or RowKey eq '': an alternative that closes the quote which the filter opens last, on another property
 * than the one in front. */
static void judge_last_alternative(struct query_reading *r, const struct query_node *before,
                                   const struct query_node *n)
{
    const struct query_node *in = n->kind == O_AND ? node(r, n->child) : n;
    const struct query_node *name = compared_name(r, in), *other = compared_name(r, before);
    bool is_empty =
        name && r->tokens[in->last].kind == QUERY_STRING && query_string_inside(&r->lex, in->last).len == 0;

    if (is_empty && is_system_property(r, name) && query_is_word(&r->lex, name->last + 1, "eq") &&
        !(other && same_text(r, other, name)))
        query_found(r, Q_SANDWICH, 48, in->first - 1, in->last);
}

static const struct query_node *last_of(const struct query_reading *r, const struct query_node *list)
{
    const struct query_node *n = node(r, list->child);

    while (n->next)
        n = node(r, n->next);
    return n;
}

/* x eq 'a' or <something else> or x eq 'b': people keep the alternatives of one property together. */
static void judge_sandwich(struct query_reading *r, const struct query_node *list)
{
    const struct query_node *a = node(r, list->child);

    for (uint32_t i = a->next; i; i = node(r, i)->next) {
        const struct query_node *between = node(r, i), *end = between->next ? node(r, between->next) : NULL;
        bool is_mixed = end && (end->kind == O_AND || a->kind == O_AND);
        const struct query_node *again = end && end->kind == O_AND ? node(r, end->child) : end;
        const struct query_node *name = compared_name(r, a),
                                *once_more = again ? compared_name(r, again) : NULL,
                                *other = compared_name(r, between);

        if (name && once_more && same_text(r, name, once_more) && !(other && same_text(r, name, other)))
            query_found(r, Q_SANDWICH,
                        is_mixed || between->kind == O_CALL || node(r, between->child)->kind == O_CALL ||
                                is_empty_text(r, again)
                            ? 62
                            : 40,
                        again->first - 1, again->last); /* (the service knows no functions) */
        judge_last_alternative(r, a, between);
        if (is_the_rest_of(r, a->kind == O_AND ? last_of(r, a) : a, between))
            query_found(r, Q_OR_SELF, 64, a->first, between->last);
        a = between;
    }
}

static void judge_list(struct query_reading *r, const struct query_node *list)
{
    bool chain_hole = false;

    if (list->kind == O_OR)
        judge_sandwich(r, list);
    const struct query_node *before = node(r, list->child);

    for (uint32_t i = before->next; i; i = node(r, i)->next) {
        const struct query_node *n = node(r, i);
        struct place at = place_of(r, n, list);
        const struct query_node *name = compared_name(r, n), *other = compared_name(r, before);

        at.asks_same = name && other && same_text(r, name, other);
        before = n;
        const struct query_node *a = node(r, n->child), *b = node(r, a->next);
        bool texts = n->kind == O_COMPARE && is_constant(a) && is_constant(b) &&
                     r->tokens[a->first].kind == QUERY_STRING;

        if (!at.is_behind_value && chain_hole && texts)
            query_found(r, Q_CONSTANT_ANSWER, 72, n->first - 1, n->last);
        chain_hole |= at.is_behind_value;
        if (!at.is_behind_value)
            continue;
        if (list->kind == O_OR)
            judge_alternative(r, n, &at);
        else if (n->kind == O_COMPARE && is_constant(a) && is_constant(b))
            query_found(r, Q_CONSTANT_ANSWER, (texts ? 72 : 45) + (at.is_empty ? 10 : 0), n->first - 1,
                        n->last);
        else if (n->kind == O_LITERAL)
            query_found(r, Q_BARE_LITERAL, 60, n->first - 1, n->last);
        else if (is_self_compare(r, n))
            query_found(r, Q_OR_SELF, 55, n->first - 1, n->last);
    }
}

/* PasswordHash ge '$2': a secret is looked up, not sorted. */
static void judge_secret(struct query_reading *r, const struct query_node *n)
{
    const struct query_node *name = compared_name(r, n);

    if (name && r->tokens[n->last].kind == QUERY_STRING && !query_is_word(&r->lex, name->last + 1, "eq") &&
        mongo_is_secret(query_token_text(&r->lex, name->last)))
        query_found(r, Q_SECRET_OPERATOR, 66, n->first, n->last);
}

static void odata_read(struct query_reading *r)
{
    struct parser p = { .r = r };
    uint32_t root = r->lex.len > 1 ? take_or(&p) : 0;

    (void)root;
    if (!p.failed && p.i + 1 < r->lex.len)
        (void)fail(&p);
    r->is_broken = p.failed;
    for (uint32_t i = 1; i < r->nodes_len && !p.failed; i++) {
        const struct query_node *n = &r->nodes[i];
        int foreign = n->kind == O_CALL ? sql_foreign_score(query_token_text(&r->lex, n->first), SL("(")) : 0;

        if (foreign >= 60)
            query_found(r, Q_FOREIGN_WORD, foreign, n->first, n->last);
        judge_secret(r, n);
    }
    for (uint32_t i = 1; i < r->nodes_len && !p.failed; i++)
        if (r->nodes[i].kind == O_OR || r->nodes[i].kind == O_AND)
            judge_list(r, &r->nodes[i]);
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
