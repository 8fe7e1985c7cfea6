/* gremlin_story.c - see gremlin_story.h. Source: Apache TinkerPop reference, the steps (read 2026); Azure
 * Cosmos DB for Apache Gremlin, supported steps. SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/gremlin_story.h"

#include "base/num.h"
#include "detectors/kit/word_list.h"

#define ENDLESS_TIMES 10 /* both() so often comes by every element of a connected graph, many times */

bool gremlin_is_predicate(struct slice name)
{
    return WORD_IN(name, "neq", "gt", "gte", "lt", "lte", "inside", "outside", "between", "without",
                   "startingWith", "endingWith", "containing", "notStartingWith", "notEndingWith",
                   "notContaining");
}

/* ---- steps --------------------------------------------------------------------------------------- */

static bool asks(const struct gremlin_step *s)
{
    return WORD_IN(s->name, "has", "hasId", "hasNot", "hasLabel", "hasKey", "hasValue");
}

/* The elements behind it are those in front of it, or some of them. */
static bool stays(const struct gremlin_step *s)
{
    return asks(s) || WORD_IN(s->name, "where", "not", "and", "or", "filter", "as", "dedup", "limit", "range",
                              "tail", "skip", "order", "by", "sideEffect", "property", "store", "aggregate",
                              "barrier", "identity", "simplePath", "sample", "optional");
}

/* From an element to others. */
static bool moves(const struct gremlin_step *s)
{
    return WORD_IN(s->name, "out", "in", "both", "outE", "inE", "bothE", "outV", "inV", "bothV", "otherV",
                   "repeat");
}

/* From an edge, which may have been changed, to its ends. */
static bool leaves_edge(const struct gremlin_step *s)
{
    return WORD_IN(s->name, "inV", "outV", "otherV");
}

static bool writes(const struct gremlin_step *s)
{
    return s->drops || s->changes || WORD_IN(s->name, "property", "addV", "addE", "mergeV", "mergeE", "drop");
}

/* People who build filters seldom need it between two of them. */
static bool is_odd(const struct gremlin_step *s)
{
    return WORD_IN(s->name, "or", "filter", "where", "union", "coalesce", "optional", "choose", "flatMap",
                   "map", "local", "repeat", "inject", "constant", "fold", "sideEffect", "property", "emit",
                   "times", "as", "store");
}

/* ---- what is asked for --------------------------------------------------------------------------- */

struct asked { /* has('name','x'), has('person','name','x'), hasId('x'), V('x') */
    struct slice key;
    size_t value; /* token; 0 none */
};

static bool is_string(const struct query_reading *r, size_t i)
{
    return r->tokens[i].kind == QUERY_STRING;
}

static struct asked asked_by(const struct query_reading *r, const struct gremlin_step *s)
{
    struct asked ret = { .key = slice_make(NULL, 0) };
    size_t first = s->tok + 2; /* behind the bracket */

    if (s->args == 0)
        return ret;
    if (WORD_IN(s->name, "hasId", "V", "E")) {
        ret = (struct asked) { .key = SL("id"), .value = first };
    } else if (WORD_IN(s->name, "has") && s->args == 2 && is_string(r, first)) {
        ret = (struct asked) { .key = query_string_inside(&r->lex, first), .value = first + 2 };
    } else if (WORD_IN(s->name, "has") && s->args == 3 && is_string(r, first + 2)) {
        ret = (struct asked) { .key = query_string_inside(&r->lex, first + 2), .value = first + 4 };
    } else if (WORD_IN(s->name, "hasNot") && is_string(r, first)) {
        ret.key = query_string_inside(&r->lex, first);
    }
    return ret;
}

static bool is_empty_string(const struct query_reading *r, size_t i)
{
    return is_string(r, i) && query_string_inside(&r->lex, i).len == 0;
}

/* ---- the same property again --------------------------------------------------------------------- */

/* V('x').has('id', neq('y')): one element, and it has to have another key. */
static bool stands_alone(const struct gremlin_step *one, const struct gremlin_step *again)
{
    return one->args == 1 && WORD_IN(one->name, "V", "E", "hasId") && WORD_IN(again->name, "has", "hasId");
}

/* has('iban','x').or(...).has('iban',neq('')): the second is the rest of the application's own filter. Ranges
 * have two bounds, and a list may be asked for two of its values, one right behind the other. */
static void judge_asked_again(struct query_reading *r, const struct gremlin_step *s, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++) {
        struct asked first = asked_by(r, &s[i]);
        bool is_odd_between = false, is_infix = false; /* has(...).or().has(...): two alternatives */

        bool is_first_value = query_is_literal(&r->lex, first.value);

        if (!first.value)
            continue;
        for (size_t j = i + 1; j < n && stays(&s[j]); j++) {
            struct asked again = asked_by(r, &s[j]);
            bool is_value = query_is_literal(&r->lex, again.value) || s[j].denies;

            bool is_the_one =
                is_first_value && WORD_IN(s[i].name, "V", "E", "hasId") && again.value && s[i].args == 1 &&
                slice_eq(query_token_text(&r->lex, first.value), query_token_text(&r->lex, again.value));

            if ((is_odd_between || is_the_one || (s[j].denies && stands_alone(&s[i], &s[j]))) &&
                (!is_infix || s[j].denies) && again.value && slice_eq(first.key, again.key))
                query_found(r, Q_SANDWICH, is_value && is_first_value ? 63 : 40, s[j].tok, s[j].last);
            is_odd_between |= is_odd(&s[j]);
            is_infix |= s[j].args == 0 && WORD_IN(s[j].name, "or", "and");
        }
    }
}

/* ---- a name for nothing -------------------------------------------------------------------------- */

/* z, zz, foo: it has to be something, and nobody shall have it. */
static bool is_throwaway(struct slice key)
{
    for (size_t i = 1; i < key.len; i++)
        if (key.at[i] != key.at[0])
            return WORD_IN_NOCASE(key, "foo", "bar", "baz", "qux", "abc", "xyz", "asd", "qwe");
    return key.len <= 4;
}

static int throwaway_score(const struct query_reading *r, const struct gremlin_step *s, const struct asked *a,
                           bool is_behind_odd)
{
    if (WORD_IN(s->name, "hasNot"))
        return is_behind_odd ? 64 : 45;
    if (a->value && is_empty_string(r, a->value))
        return is_behind_odd ? 68 : 55;
    if (a->value && query_is_literal(&r->lex, a->value))
        return is_behind_odd ? 45 : 20;
    return s->denies && is_behind_odd ? 50 : 0;
}

/* .hasNot('z'), .has('a',''): closes the quote and the bracket that the application opens last. */
static void judge_throwaway(struct query_reading *r, const struct gremlin_step *s, size_t n)
{
    bool is_behind_odd = false;

    for (size_t i = 1; i < n; i++) {
        struct asked a = asked_by(r, &s[i]);

        if (s[i].is_behind_value && a.key.at && WORD_IN(s[i].name, "has", "hasNot") && is_throwaway(a.key))
            query_found(r, Q_SANDWICH, throwaway_score(r, &s[i], &a, is_behind_odd), s[i].tok, s[i].last);
        is_behind_odd |= s[i].is_behind_value && is_odd(&s[i]);
    }
}

/* ---- another beginning --------------------------------------------------------------------------- */

/* ('b'), (['pk','b']); not (x) or (out().id()), which application and traversal bring along themselves. */
static bool names_others(const struct query_reading *r, const struct gremlin_step *s)
{
    size_t i = s->tok + 2;

    while (query_is_op(&r->lex, i, '['))
        i++;
    return s->args > 0 && query_is_literal(&r->lex, i);
}

/* g.V('a').V('b').out(): what was found first is for nothing, unless it was given a name or gets an edge. */
static void judge_second_start(struct query_reading *r, const struct gremlin_step *s, size_t n)
{
    bool is_kept = false;

    for (size_t i = 0; i < n; i++)
        is_kept |=
            WORD_IN(s[i].name, "as", "store", "aggregate", "addE", "addV", "fold", "inject") || s[i].changes;
    for (size_t i = 1; i < n && !is_kept; i++)
        if (s[i].is_behind_value && WORD_IN(s[i].name, "V", "E") && names_others(r, &s[i]))
            query_found(r, Q_FRESH_START, 63, s[i].tok, s[i].last);
}

/* ---- changes on the way -------------------------------------------------------------------------- */

/* property('role','admin') and then the search of the application: an update ends with what it wrote. What
 * was made is looked at, but not looked for. */
static void judge_change_on_the_way(struct query_reading *r, const struct gremlin_step *s, size_t n)
{
    bool makes = false;
    size_t last = n;

    for (size_t i = 0; i < n; i++) {
        makes |= WORD_IN(s[i].name, "addV", "addE", "mergeV", "mergeE");
        if (writes(&s[i]))
            last = i;
    }
    if (last == n || !s[last].is_behind_value || !(makes || WORD_IN(s[last].name, "property")))
        return;
    for (size_t j = last + 1; j < n; j++)
        if (asks(&s[j]) || (moves(&s[j]) && !makes && !leaves_edge(&s[j])))
            query_found(r, Q_CHANGE_ON_WAY, 63, s[last].tok, s[j].last);
}

/* The name of the property that a step sets, quotes included; property(list,'phone','1') adds one. */
static struct slice property_set(const struct query_reading *r, const struct gremlin_step *s)
{
    return WORD_IN(s->name, "property") && s->args == 2 && is_string(r, s->tok + 2)
               ? query_token_text(&r->lex, s->tok + 2)
               : slice_make(NULL, 0);
}

bool gremlin_gives_rights(struct slice property)
{
    return WORD_IN_NOCASE(property, "role", "roles", "admin", "isadmin", "is_admin", "superuser", "permission",
                          "permissions", "scope", "privilege", "privileges", "owner", "verified", "approved");
}

static bool gives_rights(struct slice quoted)
{
    return quoted.len > 2 && gremlin_gives_rights(slice_make(quoted.at + 1, quoted.len - 2));
}

/* has('mail','x').property('role','admin').values('name') reads what it did not write; property('role','admin')
 * .property('z','1') has a last one for the quote that the application closes. */
static void judge_rights(struct query_reading *r, const struct gremlin_step *s, size_t n)
{
    for (size_t i = 1; i + 1 < n; i++) {
        struct slice next = property_set(r, &s[i + 1]);
        bool reads = WORD_IN(s[i + 1].name, "values") && is_string(r, s[i + 1].tok + 2) && i + 2 == n &&
                     !slice_eq(query_token_text(&r->lex, s[i + 1].tok + 2), property_set(r, &s[i]));
        bool closes = next.len > 2 && is_throwaway(slice_make(next.at + 1, next.len - 2)) && is_string(r, s[i + 1].tok + 4);

        if (s[i].is_behind_value && gives_rights(property_set(r, &s[i])) && (reads || closes))
            query_found(r, reads ? Q_CHANGE_ON_WAY : Q_SANDWICH, 63, s[i].tok, s[i + 1].last);
    }
}

/* property('stars',4).property('text','x').property('stars',5): the last is not the application's, which would not set it
 * twice; who gives a property several values gives them one after the other. */
static void judge_written_twice(struct query_reading *r, const struct gremlin_step *s, size_t n)
{
    for (size_t i = 0; i + 2 < n; i++) {
        struct slice name = property_set(r, &s[i]);
        bool is_apart = false;

        for (size_t j = i + 1; name.at && j < n && stays(&s[j]); j++) {
            bool again = slice_eq(property_set(r, &s[j]), name);

            if (again && is_apart)
                query_found(r, Q_WRITTEN_TWICE, 63, s[i].tok, s[j].last);
            is_apart |= !again;
        }
    }
}

/* Asks about an element, and leaves it as it is. */
static bool is_condition(const struct gremlin_step *s)
{
    return WORD_IN(s->name, "where", "filter", "not");
}

/* sideEffect(drop()).out('road'): aside of a search. Who tidies up goes on to write, or counts. */
static void judge_change_aside(struct query_reading *r, const struct gremlin_step *s, size_t n)
{
    for (size_t i = 1; i + 1 < n; i++) {
        bool goes_on = false, writes_again = false;

        if (s[i].is_behind_value && s[i].drops && is_condition(&s[i]))
            query_found(r, Q_DROP_INSIDE, 72, s[i].tok, s[i].last);
        if (s[i].is_behind_value && s[i].changes && is_condition(&s[i]))
            query_found(r, Q_CHANGE_ON_WAY, 63, s[i].tok, s[i].last);
        if (!s[i].is_behind_value || (!s[i].drops && !s[i].changes) ||
            !WORD_IN(s[i].name, "sideEffect", "local", "map", "flatMap", "where", "filter", "union"))
            continue;
        for (size_t j = i + 1; j < n; j++) {
            goes_on |= asks(&s[j]) || moves(&s[j]);
            writes_again |= writes(&s[j]);
        }
        if (goes_on && !writes_again)
            query_found(r, s[i].drops ? Q_DROP_INSIDE : Q_CHANGE_ON_WAY, s[i].drops ? 72 : 63, s[i].tok,
                        s[i].last);
    }
}

/* ---- without end --------------------------------------------------------------------------------- */

static bool has_step_inside(const struct query_reading *r, const struct gremlin_step *s, const char *name)
{
    for (size_t i = s->tok + 1; i < s->last; i++)
        if (r->tokens[i].kind == QUERY_NAME && slice_eq(query_token_text(&r->lex, i), slice_of(name)))
            return true;
    return false;
}

/* repeat(both()).times(20): each round multiplies what the one before found. */
static void judge_endless(struct query_reading *r, const struct gremlin_step *s, size_t n)
{
    for (size_t i = 1; i + 1 < n; i++) {
        bool is_wild = s[i].is_behind_value && WORD_IN(s[i].name, "repeat") &&
                       has_step_inside(r, &s[i], "both") && !has_step_inside(r, &s[i], "simplePath") &&
                       !has_step_inside(r, &s[i], "dedup");

        for (size_t j = i + 1; is_wild && j < n && j < i + 3; j++) {
            double times = 0;

            if (WORD_IN(s[j].name, "times") && parse_real(query_token_text(&r->lex, s[j].tok + 2), &times) &&
                times >= ENDLESS_TIMES)
                query_found(r, Q_ENDLESS, 64, s[i].tok, s[j].last);
        }
    }
}

void gremlin_judge_story(struct query_reading *r, const struct gremlin_step *steps, size_t n)
{
    judge_asked_again(r, steps, n);
    judge_throwaway(r, steps, n);
    judge_second_start(r, steps, n);
    judge_change_on_the_way(r, steps, n);
    judge_written_twice(r, steps, n);
    judge_rights(r, steps, n);
    judge_change_aside(r, steps, n);
    judge_endless(r, steps, n);
}
