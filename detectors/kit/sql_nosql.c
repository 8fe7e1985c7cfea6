/* sql_nosql.c - statement -> tree, by precedence climbing. See sql_nosql.h.
 *
 * Chains of AND and OR are flat lists, however long and however bracketed, because the judge asks about
 * branches and because a chain of thousands must not become thousands of levels.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sql_nosql.h"

struct parser {
    struct sql_scratch *s;
    uint32_t pos;
    uint32_t depth;
    enum sql_outcome outcome;
};

static uint32_t parse_expr(struct parser *p, int min_power);
static uint32_t parse_select(struct parser *p);

/* ---- tokens ------------------------------------------------------------------------------------ */

static const struct sql_token *peek(const struct parser *p)
{
    return &p->s->tokens[p->pos];
}

static const struct sql_token *peek_at(const struct parser *p, uint32_t ahead)
{
    size_t i = (size_t)p->pos + ahead;

    return &p->s->tokens[i < p->s->lex.len ? i : p->s->lex.len - 1];
}

static void advance(struct parser *p)
{
    if (peek(p)->kind != TOK_END)
        p->pos++;
}

static bool is_op(const struct parser *p, enum sql_op op)
{
    return sql_token_is(peek(p), TOK_OP, (int)op);
}

static bool is_word(const struct parser *p, enum sql_word w)
{
    return sql_token_is(peek(p), TOK_NAME, (int)w);
}

static bool take_op(struct parser *p, enum sql_op op)
{
    if (!is_op(p, op))
        return false;
    p->pos++;
    return true;
}

static bool take_word(struct parser *p, enum sql_word w)
{
    if (!is_word(p, w))
        return false;
    p->pos++;
    return true;
}

static uint32_t fail(struct parser *p)
{
    if (p->outcome == SQL_OK)
        p->outcome = SQL_SYNTAX;
    return 0;
}

static uint32_t too_large(struct parser *p)
{
    p->outcome = SQL_TOO_LARGE;
    return 0;
}

/* ---- nodes ------------------------------------------------------------------------------------- */

static struct sql_node *node_at(const struct parser *p, uint32_t i)
{
    return &p->s->nodes[i];
}

static uint32_t node_new(struct parser *p, enum sql_node_kind kind, uint32_t tok)
{
    if (p->outcome != SQL_OK)
        return 0;
    if (p->s->nodes_len >= SQL_NODES_MAX)
        return too_large(p);
    p->s->nodes[p->s->nodes_len] = (struct sql_node){
        .kind = (uint8_t)kind, .tok = tok, .first = tok, .last = tok, .depth = 1 };
    return (uint32_t)p->s->nodes_len++;
}

/* Hang child under parent; 0 on either side is a failure that was reported before. */
static bool node_add(struct parser *p, uint32_t parent, uint32_t child)
{
    if (parent == 0 || child == 0)
        return false;
    struct sql_node *up = node_at(p, parent), *down = node_at(p, child);

    if (down->depth >= SQL_DEPTH_MAX)
        return too_large(p) != 0;
    if (up->depth <= down->depth)
        up->depth = (uint16_t)(down->depth + 1);
    up->refs |= down->refs;
    if (up->children < UINT16_MAX)
        up->children++;
    if (up->last_child)
        node_at(p, up->last_child)->next = child;
    else
        up->child = child;
    up->last_child = child;
    if (down->first < up->first)
        up->first = down->first;
    if (down->last > up->last)
        up->last = down->last;
    return true;
}

static uint32_t finish(struct parser *p, uint32_t node)
{
    if (p->outcome != SQL_OK || node == 0)
        return 0;
    if (p->pos > 0 && p->pos - 1 > node_at(p, node)->last)
        node_at(p, node)->last = p->pos - 1;
    return node;
}

static uint32_t leaf(struct parser *p, enum sql_node_kind kind, unsigned refs)
{
    uint32_t n = node_new(p, kind, p->pos);

    if (n)
        node_at(p, n)->refs = (uint8_t)refs;
    advance(p);
    return n;
}

/* Enter one level of recursion; false when there are too many. */
static bool enter(struct parser *p)
{
    if (p->outcome != SQL_OK)
        return false;
    if (p->depth >= SQL_DEPTH_MAX) {
        p->outcome = SQL_TOO_LARGE;
        return false;
    }
    p->depth++;
    return true;
}

/* ---- expressions ------------------------------------------------------------------------------- */

/* Expressions separated by commas up to `close`, which is eaten. */
static void parse_list(struct parser *p, uint32_t parent, enum sql_op close)
{
    if (take_op(p, close))
        return;
    do {
        uint32_t item = is_word(p, WORD_SELECT) ? parse_select(p) : parse_expr(p, 0);

        if (!node_add(p, parent, item))
            return;
    } while (take_op(p, OP_COMMA));
    if (!take_op(p, close))
        (void)fail(p); /* remembered in p->outcome */
}

static uint32_t parse_object(struct parser *p)
{
    uint32_t n = node_new(p, NODE_OBJECT, p->pos);

    advance(p);
    if (take_op(p, OP_CLOSE_OBJECT))
        return finish(p, n);
    do {
        const struct sql_token *key = peek(p);

        if (key->kind != TOK_STRING && key->kind != TOK_NAME && key->kind != TOK_NUMBER)
            return fail(p);
        advance(p);
        if (!take_op(p, OP_COLON))
            return fail(p);
        if (!node_add(p, n, parse_expr(p, 0)))
            return 0;
    } while (take_op(p, OP_COMMA));
    return take_op(p, OP_CLOSE_OBJECT) ? finish(p, n) : fail(p);
}

#define OWN_NAMES_MAX 8u
#define OWN_TOKENS_MAX 256u

/* A sub-query that reads nothing but what it made itself, EXISTS(SELECT VALUE x FROM x IN (SELECT VALUE [1])), is a
 * constant: all its names are those that its FROM gives to constants. */
static bool reads_only_its_own(const struct parser *p, uint32_t select)
{
    uint32_t own[OWN_NAMES_MAX]; /* tokens of its aliases */
    size_t own_len = 0;

    for (uint32_t i = node_at(p, select)->child; i; i = node_at(p, i)->next) {
        const struct sql_node *clause = node_at(p, i);

        for (uint32_t k = clause->code == WORD_FROM ? clause->child : 0; k; k = node_at(p, k)->next) {
            const struct sql_node *n = node_at(p, k);
            bool is_name = n->kind == NODE_NAME && sql_token_is(&p->s->tokens[n->last + 1], TOK_NAME, WORD_IN);

            if (!is_name && (n->refs & (REFS_FIELD | REFS_PARAM | REFS_UDF)))
                return false;
            if (is_name && own_len == OWN_NAMES_MAX)
                return false;
            if (is_name)
                own[own_len++] = n->tok;
        }
    }
    const struct sql_node *whole = node_at(p, select);

    if (own_len == 0 || whole->last - whole->first > OWN_TOKENS_MAX)
        return false;
    for (uint32_t i = select; i < p->s->nodes_len; i++) { /* all nodes made since are its own */
        bool is_own = node_at(p, i)->kind != NODE_NAME;

        for (size_t k = 0; k < own_len && !is_own; k++)
            is_own = slice_eq(sql_token_text(&p->s->lex, &p->s->tokens[node_at(p, i)->tok]),
                              sql_token_text(&p->s->lex, &p->s->tokens[own[k]]));
        if (!is_own)
            return false;
    }
    return true;
}

static uint32_t parse_subquery(struct parser *p, uint8_t word, uint32_t tok)
{
    uint32_t n = node_new(p, NODE_SUBQUERY, tok);

    if (!n)
        return 0;
    node_at(p, n)->code = word;
    node_at(p, n)->refs = REFS_SUBQUERY;
    uint32_t select = parse_select(p);

    if (!node_add(p, n, select))
        return 0;
    if (reads_only_its_own(p, select))
        node_at(p, n)->refs &= (uint8_t)~REFS_FIELD;
    return take_op(p, OP_CLOSE) ? finish(p, n) : fail(p);
}

static uint32_t parse_call(struct parser *p, uint32_t tok, unsigned refs)
{
    uint32_t n = node_new(p, NODE_CALL, tok);

    if (!n)
        return 0;
    node_at(p, n)->refs = (uint8_t)(refs | REFS_CALL);
    if (refs & REFS_UDF)
        node_at(p, n)->first = tok - 2; /* udf. */
    advance(p); /* the parenthesis */
    parse_list(p, n, OP_CLOSE);
    return finish(p, n);
}

static uint32_t parse_name(struct parser *p)
{
    const struct sql_token *t = peek(p);
    bool is_call = sql_token_is(peek_at(p, 1), TOK_OP, OP_OPEN);

    switch (t->code) {
    case WORD_TRUE: return leaf(p, NODE_TRUE, 0);
    case WORD_FALSE: return leaf(p, NODE_FALSE, 0);
    case WORD_NULL: return leaf(p, NODE_NULL, 0);
    case WORD_UNDEFINED: return leaf(p, NODE_UNDEFINED, 0);
    case WORD_INFINITY: case WORD_NAN: return leaf(p, NODE_NUMBER, 0);
    case WORD_EXISTS: case WORD_ARRAY:
        if (is_call && sql_token_is(peek_at(p, 2), TOK_NAME, WORD_SELECT)) {
            uint32_t tok = p->pos;

            p->pos += 2;
            return parse_subquery(p, t->code, tok);
        }
        break;
    case WORD_UDF:
        if (sql_token_is(peek_at(p, 1), TOK_OP, OP_DOT) && peek_at(p, 2)->kind == TOK_NAME &&
            sql_token_is(peek_at(p, 3), TOK_OP, OP_OPEN)) {
            p->pos += 3;
            return parse_call(p, p->pos - 1, REFS_UDF);
        }
        break;
    /* Words that can only continue a statement, never begin a value. */
    case WORD_SELECT: case WORD_FROM: case WORD_WHERE: case WORD_AND: case WORD_OR: case WORD_BY:
    case WORD_IN: case WORD_LIKE: case WORD_BETWEEN: case WORD_AS: case WORD_JOIN: case WORD_ORDER:
    case WORD_GROUP: case WORD_ASC: case WORD_DESC: case WORD_ESCAPE: case WORD_DISTINCT:
        if (!is_call || t->code == WORD_SELECT || t->code == WORD_AND || t->code == WORD_OR ||
            t->code == WORD_IN || t->code == WORD_WHERE)
            return fail(p);
        break;
    default: break;
    }
    if (is_call) {
        uint32_t tok = p->pos++;

        return parse_call(p, tok, 0);
    }
    return leaf(p, NODE_NAME, REFS_FIELD);
}

static uint32_t parse_parens(struct parser *p)
{
    uint32_t open = p->pos;

    advance(p);
    if (is_word(p, WORD_SELECT))
        return parse_subquery(p, WORD_NONE, open);
    uint32_t n = parse_expr(p, 0);

    return take_op(p, OP_CLOSE) ? n : fail(p);
}

static uint32_t parse_postfix(struct parser *p, uint32_t base)
{
    while (base && (is_op(p, OP_DOT) || is_op(p, OP_OPEN_INDEX))) {
        bool is_dot = is_op(p, OP_DOT);
        uint32_t n = 0;

        advance(p);
        if (is_dot) {
            if (peek(p)->kind != TOK_NAME)
                return fail(p);
            n = leaf(p, NODE_FIELD, 0); /* of {"a": 1}.a nothing depends on the item */
            if (!node_add(p, n, base))
                return 0;
        } else if (peek(p)->kind == TOK_STRING && sql_token_is(peek_at(p, 1), TOK_OP, OP_CLOSE_INDEX)) {
            n = leaf(p, NODE_FIELD, 0);
            advance(p);
            if (!node_add(p, n, base))
                return 0;
        } else {
            n = node_new(p, NODE_INDEX, p->pos);
            if (!node_add(p, n, base) || !node_add(p, n, parse_expr(p, 0)))
                return 0;
            if (!take_op(p, OP_CLOSE_INDEX))
                return fail(p);
        }
        base = finish(p, n);
    }
    return base;
}

static uint32_t parse_prefix(struct parser *p, enum sql_node_kind kind, int power)
{
    uint32_t n = node_new(p, kind, p->pos);

    advance(p);
    if (!node_add(p, n, parse_expr(p, power)))
        return 0;
    return finish(p, n);
}

enum power {
    POWER_TERNARY = 1, POWER_COALESCE, POWER_OR, POWER_AND, POWER_NOT, POWER_COMPARE, POWER_CONCAT,
    POWER_BIT_OR, POWER_BIT_XOR, POWER_BIT_AND, POWER_SHIFT, POWER_ADD, POWER_MULTIPLY, POWER_UNARY
};

static uint32_t parse_value(struct parser *p)
{
    uint32_t n = 0;

    switch ((enum sql_token_kind)peek(p)->kind) {
    case TOK_STRING: n = leaf(p, NODE_STRING, 0); break;
    case TOK_NUMBER: n = leaf(p, NODE_NUMBER, 0); break;
    case TOK_PARAM: n = leaf(p, NODE_PARAM, REFS_PARAM); break;
    case TOK_NAME:
        if (is_word(p, WORD_NOT))
            return parse_prefix(p, NODE_NOT, POWER_NOT);
        n = parse_name(p);
        break;
    case TOK_OP:
        switch (peek(p)->code) {
        case OP_MINUS: return parse_prefix(p, NODE_NEGATE, POWER_UNARY);
        case OP_PLUS: return parse_prefix(p, NODE_PLUS, POWER_UNARY);
        case OP_BIT_NOT: return parse_prefix(p, NODE_BIT_NOT, POWER_UNARY);
        case OP_OPEN: n = parse_parens(p); break;
        case OP_OPEN_OBJECT: n = parse_object(p); break;
        case OP_OPEN_INDEX:
            n = node_new(p, NODE_ARRAY, p->pos);
            advance(p);
            if (n)
                parse_list(p, n, OP_CLOSE_INDEX);
            n = finish(p, n);
            break;
        default: return fail(p);
        }
        break;
    case TOK_END: case TOK_BAD: default: return fail(p);
    }
    return parse_postfix(p, n);
}

static int binary_power(const struct sql_token *t)
{
    if (t->kind == TOK_NAME)
        switch (t->code) {
        case WORD_OR: return POWER_OR;
        case WORD_AND: return POWER_AND;
        case WORD_IN: case WORD_LIKE: case WORD_BETWEEN: case WORD_NOT: return POWER_COMPARE;
        default: return 0;
        }
    if (t->kind != TOK_OP)
        return 0;
    switch (t->code) {
    case OP_QUESTION: return POWER_TERNARY;
    case OP_COALESCE: return POWER_COALESCE;
    case OP_EQ: case OP_NE: case OP_LT: case OP_LE: case OP_GT: case OP_GE: return POWER_COMPARE;
    case OP_CONCAT: return POWER_CONCAT;
    case OP_BIT_OR: return POWER_BIT_OR;
    case OP_BIT_XOR: return POWER_BIT_XOR;
    case OP_BIT_AND: return POWER_BIT_AND;
    case OP_SHIFT_LEFT: case OP_SHIFT_RIGHT: case OP_SHIFT_RIGHT_ZERO: return POWER_SHIFT;
    case OP_PLUS: case OP_MINUS: return POWER_ADD;
    case OP_STAR: case OP_SLASH: case OP_PERCENT: return POWER_MULTIPLY;
    default: return 0;
    }
}

/* AND and OR: into the list on the left when there is one. */
static uint32_t join_chain(struct parser *p, enum sql_node_kind kind, uint32_t left, uint32_t right)
{
    uint32_t n = left;

    if (left == 0 || right == 0)
        return 0;
    if (node_at(p, left)->kind != kind) {
        n = node_new(p, kind, node_at(p, left)->first);
        if (!node_add(p, n, left))
            return 0;
    }
    return node_add(p, n, right) ? n : 0;
}

/* IN, LIKE, BETWEEN, with an optional NOT in front. */
static uint32_t parse_word_operator(struct parser *p, uint32_t left)
{
    bool is_negated = take_word(p, WORD_NOT);
    uint8_t word = peek(p)->kind == TOK_NAME ? peek(p)->code : WORD_NONE;
    enum sql_node_kind kind = word == WORD_IN     ? NODE_IN
                              : word == WORD_LIKE ? NODE_LIKE
                              : word == WORD_BETWEEN ? NODE_BETWEEN : NODE_NONE;
    uint32_t n = kind == NODE_NONE ? fail(p) : node_new(p, kind, p->pos);

    advance(p);
    if (!node_add(p, n, left))
        return 0;
    node_at(p, n)->is_negated = is_negated;
    if (kind == NODE_IN) {
        if (!take_op(p, OP_OPEN) || is_op(p, OP_CLOSE)) /* IN () is refused by the service */
            return fail(p);
        parse_list(p, n, OP_CLOSE);
        return finish(p, n);
    }
    if (!node_add(p, n, parse_expr(p, POWER_COMPARE + 1)))
        return 0;
    if (kind == NODE_BETWEEN &&
        (!take_word(p, WORD_AND) || !node_add(p, n, parse_expr(p, POWER_COMPARE + 1))))
        return fail(p);
    if (kind == NODE_LIKE && take_word(p, WORD_ESCAPE) && !node_add(p, n, parse_value(p)))
        return 0;
    return finish(p, n);
}

static uint32_t parse_ternary(struct parser *p, uint32_t left)
{
    uint32_t n = node_new(p, NODE_TERNARY, p->pos);

    advance(p);
    if (!node_add(p, n, left) || !node_add(p, n, parse_expr(p, POWER_TERNARY)))
        return 0;
    if (!take_op(p, OP_COLON))
        return fail(p);
    return node_add(p, n, parse_expr(p, POWER_TERNARY)) ? finish(p, n) : 0;
}

static uint32_t parse_binary(struct parser *p, uint32_t left, int power)
{
    uint32_t tok = p->pos;
    uint8_t code = peek(p)->code;

    if (power == POWER_TERNARY)
        return parse_ternary(p, left);
    if (power == POWER_COMPARE && peek(p)->kind == TOK_NAME)
        return parse_word_operator(p, left);
    advance(p);
    uint32_t right = parse_expr(p, power + 1);

    if (power == POWER_OR || power == POWER_AND)
        return finish(p, join_chain(p, power == POWER_OR ? NODE_OR : NODE_AND, left, right));
    uint32_t n = node_new(p, NODE_BINARY, tok);

    if (!node_add(p, n, left) || !node_add(p, n, right))
        return 0;
    node_at(p, n)->code = code;
    return n;
}

static uint32_t parse_expr(struct parser *p, int min_power)
{
    if (!enter(p))
        return 0;
    uint32_t left = parse_value(p);

    while (left && p->outcome == SQL_OK) {
        int power = binary_power(peek(p));

        if (power == 0 || power < min_power)
            break;
        left = parse_binary(p, left, power);
    }
    p->depth--;
    return p->outcome == SQL_OK ? left : 0;
}

/* ---- statements -------------------------------------------------------------------------------- */

static uint32_t clause_new(struct parser *p, enum sql_word word)
{
    uint32_t n = node_new(p, NODE_CLAUSE, p->pos);

    if (n)
        node_at(p, n)->code = (uint8_t)word;
    return n;
}

/* [AS] name, where a name may follow. */
static void take_alias(struct parser *p)
{
    if (take_word(p, WORD_AS)) {
        if (peek(p)->kind == TOK_NAME)
            advance(p);
        else
            (void)fail(p);
    } else if (is_word(p, WORD_NONE) || (is_word(p, WORD_RANK) && !sql_token_is(peek_at(p, 1), TOK_OP, OP_OPEN))) {
        advance(p);
    }
}

static bool parse_projection(struct parser *p, uint32_t select)
{
    (void)take_word(p, WORD_DISTINCT);
    if (is_word(p, WORD_TOP)) {
        uint32_t top = clause_new(p, WORD_TOP);

        advance(p);
        if (!node_add(p, top, parse_value(p)) || !node_add(p, select, finish(p, top)))
            return false;
    }
    uint32_t n = clause_new(p, WORD_SELECT);

    if (is_op(p, OP_STAR))
        return node_add(p, n, leaf(p, NODE_STAR, 0)) && node_add(p, select, finish(p, n));
    if (is_word(p, WORD_VALUE) && !sql_token_is(peek_at(p, 1), TOK_OP, OP_DOT))
        advance(p);
    do {
        if (!node_add(p, n, parse_expr(p, 0)))
            return false;
        take_alias(p);
    } while (take_op(p, OP_COMMA));
    return node_add(p, select, finish(p, n));
}

static uint32_t parse_source(struct parser *p)
{
    if (is_op(p, OP_OPEN))
        return parse_postfix(p, parse_parens(p));
    if (peek(p)->kind != TOK_NAME && peek(p)->kind != TOK_PARAM)
        return fail(p);
    if (peek(p)->kind == TOK_NAME && peek(p)->code != WORD_NONE && binary_power(peek(p)) != 0)
        return fail(p);
    return parse_postfix(p, leaf(p, NODE_NAME, REFS_FIELD));
}

static bool parse_from(struct parser *p, uint32_t select)
{
    uint32_t n = clause_new(p, WORD_FROM);

    advance(p);
    do {
        if (!node_add(p, n, parse_source(p)))
            return false;
        take_alias(p);
        if (take_word(p, WORD_IN) && !node_add(p, n, parse_source(p)))
            return false;
    } while (take_word(p, WORD_JOIN));
    return node_add(p, select, finish(p, n));
}

static bool parse_order(struct parser *p, uint32_t select)
{
    uint32_t n = clause_new(p, WORD_ORDER);

    advance(p);
    if (!take_word(p, WORD_BY))
        return fail(p) != 0;
    if (is_word(p, WORD_RANK) && peek_at(p, 1)->kind == TOK_NAME)
        advance(p);
    do {
        if (!node_add(p, n, parse_expr(p, 0)))
            return false;
        if (!take_word(p, WORD_ASC))
            (void)take_word(p, WORD_DESC);
    } while (take_op(p, OP_COMMA));
    return node_add(p, select, finish(p, n));
}

static bool parse_simple_clause(struct parser *p, uint32_t select, enum sql_word word)
{
    uint32_t n = clause_new(p, word);

    advance(p);
    if (word == WORD_GROUP && !take_word(p, WORD_BY))
        return fail(p) != 0;
    do {
        if (!node_add(p, n, word == WORD_OFFSET ? parse_value(p) : parse_expr(p, 0)))
            return false;
    } while (word == WORD_GROUP && take_op(p, OP_COMMA));
    if (word == WORD_OFFSET && (!take_word(p, WORD_LIMIT) || !node_add(p, n, parse_value(p))))
        return fail(p) != 0;
    return node_add(p, select, finish(p, n));
}

static uint32_t parse_select(struct parser *p)
{
    if (!enter(p))
        return 0;
    uint32_t n = node_new(p, NODE_SELECT, p->pos);
    bool ok = take_word(p, WORD_SELECT) ? parse_projection(p, n) : fail(p) != 0;

    if (ok && is_word(p, WORD_FROM))
        ok = parse_from(p, n);
    if (ok && is_word(p, WORD_WHERE))
        ok = parse_simple_clause(p, n, WORD_WHERE);
    if (ok && is_word(p, WORD_GROUP))
        ok = parse_simple_clause(p, n, WORD_GROUP);
    if (ok && is_word(p, WORD_ORDER))
        ok = parse_order(p, n);
    if (ok && is_word(p, WORD_OFFSET))
        ok = parse_simple_clause(p, n, WORD_OFFSET);
    p->depth--;
    return ok ? finish(p, n) : 0;
}

struct sql_tree sql_parse(struct sql_scratch *s)
{
    struct parser p = { .s = s };

    s->nodes[0] = (struct sql_node){ 0 };
    s->nodes_len = 1;
    uint32_t root = parse_select(&p);

    if (p.outcome == SQL_OK && peek(&p)->kind != TOK_END)
        (void)fail(&p);
    if (s->lex.is_cut && p.outcome == SQL_SYNTAX && p.pos + 1 >= s->lex.len)
        p.outcome = SQL_TOO_LARGE;
    return (struct sql_tree){ .outcome = p.outcome, .root = root, .error_tok = p.pos };
}
