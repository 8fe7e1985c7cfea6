/* odata_judge.c - what an OData filter says about its author.
 *
 * As in the NoSQL judge, injected text came in through a value, so what counts is what stands directly behind
 * a literal: ('all' eq 'all' or City eq 'x') has its constant in front and is how optional filters look.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "detectors/kit/alternative.h"
#include "detectors/kit/mongo_score.h"
#include "detectors/kit/odata_tree.h"
#include "detectors/kit/sql_words.h"

static const struct query_node *node(const struct query_reading *r, uint32_t i)
{
    return &r->nodes[i];
}

static bool is_constant(const struct query_node *n)
{
    return n->kind == O_LITERAL || n->kind == O_BOOL;
}

static bool is_empty_text(const struct query_reading *r, const struct query_node *n)
{
    return r->tokens[n->last].kind == QUERY_STRING && query_string_inside(&r->lex, n->last).len == 0;
}

static bool same_compare(const struct query_reading *r, const struct query_node *a,
                         const struct query_node *b)
{
    if (a->kind != O_COMPARE || b->kind != O_COMPARE || a->last - a->first != b->last - b->first)
        return false;
    for (uint32_t i = 0; i <= a->last - a->first; i++)
        if (!slice_eq(query_token_text(&r->lex, a->first + i), query_token_text(&r->lex, b->first + i)))
            return false;
    return true;
}

/* The bracket that closes what `open` opens; the end when none does. */
static size_t closing(const struct query_reading *r, size_t open)
{
    size_t depth = 0, i = open;

    for (; i < r->lex.len; i++) {
        depth += query_is_op(&r->lex, i, '(');
        depth -= query_is_op(&r->lex, i, ')');
        if (depth == 0)
            break;
    }
    return i;
}

#define BRACKETS_MAX 8u

/* Is it `(a and b)`, in brackets of its own? Those of its first condition, ((a) and (b)), stand further in. */
static bool is_bracketed(const struct query_reading *r, const struct query_node *n)
{
    for (size_t open = n->first, k = 0; open > 0 && k < BRACKETS_MAX && query_is_op(&r->lex, open - 1, '('); k++) {
        size_t end = closing(r, --open), last = n->last + 1;

        while (last < end && query_is_op(&r->lex, last, ')'))
            last++;
        if (end > n->last && last == end)
            return true;
    }
    return false;
}

struct place {
    bool is_behind_value, is_empty, is_bracketed,
        is_grouped; /* grouped: in brackets beside other conditions */
    bool asks_same; /* the alternative in front is about the same property */
    bool is_behind_call;
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
    if (ret.is_empty && i > 0 && !query_is_word(&r->lex, i - 1, "eq"))
        ret.is_behind_value = false; /* Phone ne '' or Mail ne '': nobody gave that value */
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

/* A time before or after which there is no entity: datetime'1601-01-01...', datetime'2999-12-31...'. The
 * service itself sets Timestamp, and is not older than 2008; people may be born in 1990. */
static bool is_beyond_time(struct slice text, bool before, bool is_system)
{
    if (text.len < 8 || text.at[4] != '-')
        return false;
    return before ? slice_cmp(slice_make(text.at, 4), is_system ? SL("2008") : SL("1971")) < 0
                  : slice_cmp(slice_make(text.at, 4), SL("2100")) >= 0;
}

/* 99999999: above whatever there is */
static bool is_nines(struct slice digits)
{
    bool ret = digits.len >= 6;

    for (size_t i = 0; i < digits.len; i++)
        ret &= digits.at[i] == '9' || (i + 1 == digits.len && digits.at[i] == 'L');
    return ret;
}

#define WIDE 60

/* LastError, Remark: there or not, which people ask. */
static bool is_remark(struct slice property)
{
    static const char *const words[] = { "error", "message", "remark", "reason", "note", "comment", "description" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (slice_find_nocase(property, slice_of(words[i])) != SIZE_MAX)
            return true;
    return false;
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
        return is_system ? 74 : is_text && text.len <= 1 ? is_remark(query_token_text(&r->lex, name->last)) ? 45 : 66 : 25;
    if (above && is_text)
        return text.len <= 1 || is_beyond_time(text, true, is_system) ? is_system ? 82 : 66 : 0;
    if (above)
        return 25;
    if (below && is_nines(query_token_text(&r->lex, value->last)))
        return 62;
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

    struct slice digits = query_token_text(&r->lex, n->last);

    if (slice_ends_nocase(digits, SL("L"))) /* 64 bits */
        digits.len--;
    if (r->tokens[n->last].kind != QUERY_NUMBER || !parse_real(digits, ret))
        return false;
    *ret = is_negative ? -*ret : *ret;
    return true;
}

static bool compare_op_of(const struct query_reading *r, size_t tok, enum compare_op *ret)
{
    static const char *const words[] = { [COMPARE_EQ] = "eq", [COMPARE_NE] = "ne", [COMPARE_LT] = "lt",
                                         [COMPARE_LE] = "le", [COMPARE_GT] = "gt", [COMPARE_GE] = "ge" };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (query_is_word(&r->lex, tok, words[i])) {
            *ret = (enum compare_op)i;
            return true;
        }
    return false;
}

/* A property, an operator, a value; false for anything else. */
static bool alternative_of(const struct query_reading *r, const struct query_node *n, struct alternative *ret)
{
    const struct query_node *name = node(r, n->child), *value = node(r, name->next);

    if (n->kind != O_COMPARE || name->kind != O_NAME || !is_constant(value) ||
        !compare_op_of(r, name->last + 1, &ret->op))
        return false;
    ret->kind = value->kind == O_BOOL                             ? COMPARE_FLAG
                : number_of(r, value, &ret->number)               ? COMPARE_NUMBER
                : r->tokens[value->last].kind == QUERY_STRING     ? COMPARE_TEXT
                                                                  : COMPARE_OTHER;
    ret->text = ret->kind == COMPARE_TEXT ? query_string_inside(&r->lex, value->last)
                                          : query_token_text(&r->lex, value->last);
    return true;
}

/* Both of one property? */
static bool are_alternatives(const struct query_reading *r, const struct query_node *n, const struct query_node *again,
                             struct alternative *a, struct alternative *b)
{
    return alternative_of(r, n, a) && alternative_of(r, again, b) && same_text(r, node(r, n->child), node(r, again->child));
}

static bool is_the_rest_of(const struct query_reading *r, const struct query_node *n, const struct query_node *again)
{
    struct alternative a = { 0 }, b = { 0 };

    return are_alternatives(r, n, again, &a, &b) && alternatives_leave_nothing_out(&a, &b);
}

static bool is_wider(const struct query_reading *r, const struct query_node *n, const struct query_node *again)
{
    struct alternative a = { 0 }, b = { 0 };

    return are_alternatives(r, n, again, &a, &b) && alternative_is_wider(&a, &b);
}

static bool is_self_compare(const struct query_reading *r, const struct query_node *n)
{
    const struct query_node *a = node(r, n->child), *b = node(r, a->next);

    return n->kind == O_COMPARE && a->kind == O_NAME && b->kind == O_NAME && same_text(r, a, b);
}

static void judge_alternative(struct query_reading *r, const struct query_node *n, const struct place *at);

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

static const struct query_node *compared_name(const struct query_reading *r, const struct query_node *n);

/* RowKey ge 'm' and RowKey lt 'n': from here to there. */
static bool is_range(const struct query_reading *r, const struct query_node *a, const struct query_node *b)
{
    const struct query_node *name = compared_name(r, a), *again = compared_name(r, b);

    return name && again && same_text(r, name, again) && is_above(r, name->last + 1) &&
           is_below(r, again->last + 1) && !is_empty_text(r, a);
}

/* or startswith(Name,''): the service knows no functions; with nothing to look for it would be true of all.
 * People try functions too, one after the other. */
static void judge_call(struct query_reading *r, const struct query_node *n, const struct query_node *call,
                       const struct place *at)
{
    bool looks_for_nothing = false;

    for (uint32_t i = call->child; i; i = node(r, i)->next)
        looks_for_nothing |= node(r, i)->kind == O_LITERAL && is_empty_text(r, node(r, i));
    if (!at->is_behind_call)
        query_found(r, Q_FOREIGN_WORD, looks_for_nothing ? 66 : 45, n->first - 1, n->last);
}

static void judge_alternative(struct query_reading *r, const struct query_node *n, const struct place *at)
{
    const struct query_node *a = node(r, n->child), *b = node(r, a->next);

    switch (n->kind) {
    case O_AND:
        if (!is_range(r, a, b))
            judge_alternative(r, a, at);
        else if (wide_score(r, a) >= WIDE && wide_score(r, b) >= WIDE &&
                 slice_cmp(query_string_inside(&r->lex, a->last), SL("b")) < 0) /* from 'a' to 'z' */
            query_found(r, Q_OR_ALWAYS, 64, n->first - 1, n->last);
        for (uint32_t i = a->next; i && !is_bracketed(r, n); i = node(r, i)->next)
            if (node(r, i)->kind == O_COMPARE && wide_score(r, node(r, i)) >= 70 &&
                is_empty_text(r, node(r, i))) /* and RowKey ne '' */
                query_found(r, Q_OR_ALWAYS, 62, n->first - 1, n->last);
        return; /* or '1' eq '1' and the rest of the filter */
    case O_CALL:
        judge_call(r, n, n, at);
        return;
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
    if (a->kind == O_CALL || b->kind == O_CALL)
        judge_call(r, n, a->kind == O_CALL ? a : b, at);
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

static bool is_equal(const struct query_reading *r, const struct query_node *n, const char *property)
{
    const struct query_node *name = compared_name(r, n);

    return name && query_is_word(&r->lex, name->last, property) && query_is_word(&r->lex, name->last + 1, "eq");
}

/* ... or RowKey eq '': an alternative that closes the quote which the filter opens last, on another property
 * than the one in front. */
static void judge_last_alternative(struct query_reading *r, const struct query_node *before,
                                   const struct query_node *n, bool is_third)
{
    const struct query_node *in = n->kind == O_AND ? node(r, n->child) : n;
    const struct query_node *name = compared_name(r, in), *other = compared_name(r, before);
    bool is_empty =
        name && r->tokens[in->last].kind == QUERY_STRING && query_string_inside(&r->lex, in->last).len == 0;

    if (is_empty && is_system_property(r, name) && query_is_word(&r->lex, name->last + 1, "eq") &&
        !(other && same_text(r, other, name)))
        query_found(r, Q_SANDWICH, is_third ? 62 : 48, in->first - 1, in->last);
}

static const struct query_node *last_of(const struct query_reading *r, const struct query_node *list)
{
    const struct query_node *n = node(r, list->child);

    while (n->next)
        n = node(r, n->next);
    return n;
}

/* PartitionKey eq 'x' or Admin eq true or Name eq '': behind one partition something of all, and what closes the quote. */
static void judge_stub(struct query_reading *r, const struct query_node *list, const struct query_node *n)
{
    const struct query_node *one = node(r, list->child), *second = node(r, one->next);
    const struct query_node *in = n->kind == O_AND ? node(r, n->child) : n, *name = compared_name(r, in);

    if (n != one && n != second && is_equal(r, one, "PartitionKey") && !is_empty_text(r, one) && !is_bracketed(r, one) &&
        name && !is_system_property(r, name) && query_is_word(&r->lex, name->last + 1, "eq") && is_empty_text(r, in))
        query_found(r, Q_SANDWICH, 62, in->first - 1, in->last);
}

/* State eq 'a' or (State eq 'b' and Since lt 5) or ...: in brackets, an alternative of the same property with more to it. */
static bool is_one_of_its(const struct query_reading *r, const struct query_node *name, const struct query_node *between)
{
    const struct query_node *first = compared_name(r, node(r, between->child));

    return between->kind == O_AND && is_bracketed(r, between) && first && same_text(r, name, first);
}

/* x eq 'a' or <something else> or x eq 'b': people keep the alternatives of one property together. */
static void judge_sandwich(struct query_reading *r, const struct query_node *list)
{
    const struct query_node *a = node(r, list->child);

    for (uint32_t i = a->next; i; i = node(r, i)->next) {
        const struct query_node *between = node(r, i), *end = between->next ? node(r, between->next) : NULL;
        bool is_mixed = end && (end->kind == O_AND || a->kind == O_AND);
        const struct query_node *again = end && end->kind == O_AND ? node(r, end->child) : end;
        const struct query_node *name = compared_name(r, a->kind == O_AND ? last_of(r, a) : a),
                                *once_more = again ? compared_name(r, again) : NULL,
                                *other = compared_name(r, between);
        bool keeps_to_it = (other && name && same_text(r, name, other)) || (name && is_one_of_its(r, name, between));

        if (name && once_more && same_text(r, name, once_more) && !keeps_to_it)
            query_found(r, Q_SANDWICH,
                        is_mixed || same_compare(r, a->kind == O_AND ? last_of(r, a) : a, again) ||
                                between->kind == O_CALL || node(r, between->child)->kind == O_CALL ||
                                is_empty_text(r, again)
                            ? 62
                            : 40,
                        again->first - 1, again->last); /* (the service knows no functions) */
        judge_last_alternative(r, a, between, a != node(r, list->child));
        judge_stub(r, list, between);
        if (a->kind == O_AND && is_the_rest_of(r, last_of(r, a), between))
            query_found(r, Q_OR_SELF, 64, a->first, between->last);
        a = between;
    }
}

/* ---- alternatives against each other ------------------------------------------------------------- */

#define ALTERNATIVES_MAX                                                                                     \
    12u /* of a longer list the first: what was put in stands by the values of a few conditions */

/* (PartitionKey eq 'a') and (Name eq 'b'): a library's; it has brackets around both together, too. */
static bool all_bracketed(const struct query_reading *r, const struct query_node *list)
{
    for (uint32_t i = list->child; i; i = node(r, i)->next)
        if (!is_bracketed(r, node(r, i)))
            return false;
    return true;
}

/* eq 'x' in ge 'a' and le 'z' */
static bool lies_within(const struct query_reading *r, const struct query_node *one, const struct query_node *all)
{
    bool is_within = true;

    for (uint32_t i = all->child; i; i = node(r, i)->next)
        is_within &= is_wider(r, one, node(r, i));
    return is_within;
}

/* A, and B which is A and something else: the something else does not count any more. */
static void judge_beside_and(struct query_reading *r, const struct query_node *one,
                             const struct query_node *all)
{
    const struct query_node *name = compared_name(r, one);
    bool repeats = false, asks_same = false, is_secret = false, denies = false;

    for (uint32_t i = all->child; i; i = node(r, i)->next) {
        const struct query_node *other = compared_name(r, node(r, i));

        repeats |= same_compare(r, one, node(r, i));
        denies |= node(r, i)->kind == O_NOT && same_compare(r, one, node(r, node(r, i)->child));
        asks_same |= name && other && same_text(r, name, other);
        is_secret |= other && mongo_is_secret(query_token_text(&r->lex, other->last));
    }
    bool knows_it = name && mongo_is_secret(query_token_text(&r->lex, name->last));
    size_t first = one->first < all->first ? one->first : all->first,
           last = one->last > all->last ? one->last : all->last;

    if (repeats || lies_within(r, one, all))
        query_found(r, Q_NEEDLESS, is_secret ? 74 : 66, first, last);
    else if (denies || is_the_rest_of(r, one, node(r, all->child)))
        query_found(r, Q_OR_SELF, is_bracketed(r, all) ? 40 : 64, first, last); /* ne 'x' or (eq 'x' and Ok eq true) */
    else if (asks_same && !is_bracketed(r, all))
        query_found(r, Q_MIXED, is_secret && !knows_it                              ? 66
                                : is_bracketed(r, one) && all_bracketed(r, all)     ? 64
                                : is_equal(r, one, "PartitionKey")                     ? 64
                                                                                    : 40,
                    first, last);
}

/* Email eq 'x' and Pay gt 9 or Email eq '' and Active eq true: the filter's own beginning once more, for
 * nobody. */
static void judge_again_for_nobody(struct query_reading *r, const struct query_node *a,
                                   const struct query_node *b)
{
    const struct query_node *one = node(r, a->child), *again = b->kind == O_AND ? node(r, b->child) : b;
    const struct query_node *name = compared_name(r, one), *once_more = compared_name(r, again);

    if (name && once_more && same_text(r, name, once_more) && !is_bracketed(r, a) &&
        is_empty_text(r, again) && !is_empty_text(r, one) &&
        query_is_word(&r->lex, once_more->last + 1, "eq"))
        query_found(r, Q_SANDWICH, 62, again->first - 1, again->last);
}

/* (IsDeleted eq false or IsDeleted eq true): a form where both were ticked */
static bool asks_flag(const struct query_reading *r, const struct query_node *n)
{
    const struct query_node *name = compared_name(r, n);

    return name && name->next && node(r, name->next)->kind == O_BOOL;
}

/* State eq 'open' or State ne 'closed': clumsy, and people's. */
static bool excludes_a_state(const struct query_reading *r, const struct query_node *n)
{
    const struct query_node *name = compared_name(r, n);

    return query_is_word(&r->lex, name->last + 1, "ne") && !is_system_property(r, name) &&
           query_token_text(&r->lex, n->last).at[0] == '\'' && query_string_inside(&r->lex, n->last).len > 2;
}

static bool names(const struct query_reading *r, const struct query_node *n, const struct query_node *property)
{
    const struct query_node *name = n->kind == O_NOT ? compared_name(r, node(r, n->child)) : compared_name(r, n);

    return name && same_text(r, name, property);
}

/* Does one of the conditions of `a` ask for a property that `b` asks for too? */
static bool share_a_property(const struct query_reading *r, const struct query_node *a, const struct query_node *b)
{
    for (uint32_t i = a->kind == O_AND ? a->child : 0; i; i = node(r, i)->next)
        if (share_a_property(r, node(r, i), b))
            return true;
    const struct query_node *name = compared_name(r, a->kind == O_NOT ? node(r, a->child) : a);

    for (uint32_t i = name && b->kind == O_AND ? b->child : 0; i; i = node(r, i)->next)
        if (names(r, node(r, i), name))
            return true;
    return name && names(r, b, name);
}

static bool pins_partition(const struct query_reading *r, const struct query_node *n)
{
    for (uint32_t i = n->kind == O_AND ? n->child : 0; i; i = node(r, i)->next)
        if (is_equal(r, node(r, i), "PartitionKey"))
            return true;
    return false;
}

/* datetime'2026-01-01T00:00:00Z' */
static bool is_date(const struct query_reading *r, size_t tok)
{
    return slice_starts_nocase(query_token_text(&r->lex, tok), SL("datetime'"));
}

/* What people put beside the conditions of one partition, and mean it: what is in brackets, and what is new. */
static bool is_apart(const struct query_reading *r, const struct query_node *n)
{
    const struct query_node *one = n->kind == O_NOT ? node(r, n->child) : n, *name = compared_name(r, one);

    return one->kind == O_AND ? is_bracketed(r, one) : !name || is_date(r, one->last);
}

/* PartitionKey eq 'a' and Email eq 'x' or Admin eq true: what was to be sought in one partition is sought in all. Who
 * wants that puts brackets. Of other properties a person who knows that `and` binds closer may write it. */
static void judge_mixed(struct query_reading *r, const struct query_node *a, const struct query_node *b)
{
    const struct query_node *chain = a->kind == O_AND ? a : b, *other = a->kind == O_AND ? b : a;

    if (chain->kind == O_AND && !is_bracketed(r, chain) && !is_apart(r, other) && !share_a_property(r, chain, other))
        query_found(r, Q_MIXED, pins_partition(r, chain) || pins_partition(r, other) ? 62 : 40, a->first, b->last);
}

/* Since eq datetime'1601-01-01T00:00:00Z' or Since lt ...: what has no date yet. */
static bool asks_for_no_date(const struct query_reading *r, const struct query_node *n)
{
    return query_is_word(&r->lex, compared_name(r, n)->last + 1, "eq") &&
           is_beyond_time(query_string_inside(&r->lex, n->last), true, false);
}

static void judge_pair(struct query_reading *r, const struct query_node *a, const struct query_node *b,
                       bool is_grouped)
{
    if (a->kind == O_AND && b->kind != O_AND)
        judge_beside_and(r, b, a);
    if (b->kind == O_AND && a->kind != O_AND)
        judge_beside_and(r, a, b);
    if (a->kind == O_AND)
        judge_again_for_nobody(r, a, b);
    judge_mixed(r, a, b);
    if (a->kind == O_AND && b->kind == O_AND && lies_within(r, last_of(r, a), b))
        query_found(r, Q_NEEDLESS, 64, a->first, b->last);
    if (b->kind == O_NOT && same_compare(r, a->kind == O_AND ? last_of(r, a) : a, node(r, b->child)))
        query_found(r, Q_OR_SELF, 66, a->first, b->last);
    else if (is_the_rest_of(r, a, b))
        query_found(r, Q_OR_SELF, is_grouped && asks_flag(r, a) ? 45 : 64, a->first, b->last);
    else if (is_wider(r, a, b))
        query_found(r, Q_NEEDLESS,
                    excludes_a_state(r, b) || asks_for_no_date(r, a) ? 45
                    : is_grouped                                     ? 64
                                                                     : 66,
                    a->first, b->last);
}

/* Who writes alternatives writes different ones: none that another one makes needless. */
static void judge_pairs(struct query_reading *r, const struct query_node *list)
{
    const struct query_node *at[ALTERNATIVES_MAX];
    bool is_grouped = list->first > 0 && query_is_op(&r->lex, list->first - 1, '(');
    size_t n = 0;

    for (uint32_t i = list->child; i && n < ALTERNATIVES_MAX; i = node(r, i)->next)
        at[n++] = node(r, i);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++)
            judge_pair(r, at[i], at[j], is_grouped);
}

/* Pin ge '5' and Pin eq '1': who knows the value asks for no range. */
static bool is_range_beside_value(const struct query_reading *r, const struct query_node *a, const struct query_node *b)
{
    size_t first = compared_name(r, a)->last + 1, second = compared_name(r, b)->last + 1;
    bool is_first = query_is_word(&r->lex, first, "eq"), is_second = query_is_word(&r->lex, second, "eq");

    return (is_first && (is_above(r, second) || is_below(r, second))) ||
           (is_second && (is_above(r, first) || is_below(r, first)));
}

/* PartitionKey gt 'x' beside (PartitionKey eq 'x' and RowKey gt 'y'): what comes behind the page before. */
static bool is_next_page(const struct query_reading *r, const struct query_node *list, const struct query_node *n)
{
    const struct query_node *name = compared_name(r, n);

    for (uint32_t i = name && is_above(r, name->last + 1) ? list->child : 0; i; i = node(r, i)->next)
        for (uint32_t k = node(r, i)->kind == O_AND ? node(r, i)->child : 0; k; k = node(r, k)->next) {
            const struct query_node *other = compared_name(r, node(r, k));

            if (other && same_text(r, name, other) && query_is_word(&r->lex, other->last + 1, "eq") &&
                !is_empty_text(r, n) &&
                slice_eq(query_token_text(&r->lex, n->last), query_token_text(&r->lex, node(r, k)->last)))
                return true;
        }
    return false;
}

/* 4471 eq 4471 */
static bool is_made_up(const struct query_reading *r, const struct query_node *a, const struct query_node *b)
{
    return r->tokens[a->last].kind == QUERY_NUMBER && r->tokens[b->last].kind == QUERY_NUMBER &&
           numbers_are_made_up(query_token_text(&r->lex, a->last), query_token_text(&r->lex, b->last));
}

static void judge_list(struct query_reading *r, const struct query_node *list)
{
    bool chain_hole = false;

    if (list->kind == O_OR) {
        judge_sandwich(r, list);
        judge_pairs(r, list);
    }
    const struct query_node *before = node(r, list->child);

    for (uint32_t i = before->next; i; i = node(r, i)->next) {
        const struct query_node *n = node(r, i);
        struct place at = place_of(r, n, list);
        const struct query_node *name = compared_name(r, n), *other = compared_name(r, before);

        at.asks_same = name && other && same_text(r, name, other);
        if (list->kind == O_AND && at.asks_same && is_range_beside_value(r, before, n))
            query_found(r, Q_SANDWICH, 62, before->first, n->last);
        at.is_behind_call = before->kind == O_CALL || node(r, before->child)->kind == O_CALL;
        before = n;
        const struct query_node *a = node(r, n->child), *b = node(r, a->next);
        bool texts = n->kind == O_COMPARE && is_constant(a) && is_constant(b) &&
                     r->tokens[a->first].kind == QUERY_STRING;

        if (!at.is_behind_value && chain_hole && texts)
            query_found(r, Q_CONSTANT_ANSWER, 72, n->first - 1, n->last);
        chain_hole |= at.is_behind_value;
        if (!at.is_behind_value)
            continue;
        if (list->kind == O_OR && !is_next_page(r, list, n))
            judge_alternative(r, n, &at);
        else if (n->kind == O_COMPARE && is_constant(a) && is_constant(b))
            query_found(r, Q_CONSTANT_ANSWER,
                        (texts                  ? 72
                         : is_made_up(r, a, b) ? 66
                                               : 45) +
                            (at.is_empty ? 10 : 0),
                        n->first - 1, n->last);
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
        query_found(r, Q_SECRET_OPERATOR,
                    query_is_word(&r->lex, name->last + 1, "ne") && is_empty_text(r, n) ? 45 /* who has one at all */
                                                                                        : 66,
                    n->first, n->last);
}

void odata_judge(struct query_reading *r)
{
    for (uint32_t i = 1; i < r->nodes_len; i++) {
        const struct query_node *n = &r->nodes[i];
        int foreign = n->kind == O_CALL ? sql_foreign_score(query_token_text(&r->lex, n->first), SL("(")) : 0;

        if (foreign >= 60)
            query_found(r, Q_FOREIGN_WORD, foreign, n->first, n->last);
        judge_secret(r, n);
    }
    for (uint32_t i = 1; i < r->nodes_len; i++)
        if (r->nodes[i].kind == O_OR || r->nodes[i].kind == O_AND)
            judge_list(r, &r->nodes[i]);
}
