/* gremlin_read.c - see gremlin_read.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/gremlin_read.h"

#include "base/num.h"
#include "detectors/kit/gremlin_story.h"
#include "detectors/kit/mongo_score.h"
#include "detectors/kit/word_list.h"

#define DEPTH_MAX 128u
#define MARK_KEY 1u /* struct query_token.unused: this string is a name, not a value */

static bool is_keyword(struct slice name)
{
    return WORD_IN(name, "g", "__", "T", "P", "TextP", "Order", "Scope", "id", "label", "asc", "desc", "decr", "incr",
                   "local", "global");
}

struct parser {
    struct query_reading *r;
    size_t i, depth;
    struct slice inside; /* name of the step whose arguments are read */
    bool seen_value;     /* a literal that may be a user's: what was put in stands behind one */
    size_t odd_tok;      /* a step behind a predicate: neq('x').valueMap(); 0 none */
    size_t drops, changes; /* steps that remove or change elements, so far, within arguments */
    struct gremlin_step *steps; /* [GREMLIN_STEPS_MAX], of the outermost traversal */
    size_t steps_len;
    bool failed;
};

static bool op(const struct parser *p, unsigned o) { return query_is_op(&p->r->lex, p->i, o); }

static void fail(struct parser *p)
{
    if (!p->failed)
        p->r->error_tok = (uint32_t)p->i;
    p->failed = true;
}

struct step {
    struct slice name;
    size_t tok, args, last;   /* last token of it */
    bool has_id;              /* an argument that is no traversal */
    bool denies;              /* hasNot('q'), neq('z') in its arguments */
    bool is_equal;            /* the last argument is a plain value */
    bool was_behind_value;
    size_t drops, changes;    /* of the parser when it began */
};

static void take_expr(struct parser *p);

/* has('password', startingWith('s')): a secret is looked up with its value. */
static void judge_secret(struct parser *p, const struct step *s, size_t open, size_t last_arg)
{
    const struct query_lex *lex = &p->r->lex;
    size_t key = s->args == 3 ? open + 3 : open + 1, predicate = last_arg;

    if (!WORD_IN(s->name, "has") || s->args < 2 || p->r->tokens[key].kind != QUERY_STRING)
        return;
    if (query_is_op(lex, predicate + 1, '.')) /* P.gt(3) */
        predicate += 2;
    if (query_is_op(lex, predicate + 1, '(') && gremlin_is_predicate(query_token_text(lex, predicate)) &&
        mongo_is_secret(query_string_inside(lex, key)))
        query_found(p->r, Q_SECRET_OPERATOR, 66, key, last_arg);
}

/* ( expr, expr ): marks strings that are names. */
static void take_args(struct parser *p, struct step *s)
{
    bool all_values = WORD_IN(s->name, "V", "E", "hasId", "hasValue", "is", "eq", "neq", "gt", "gte", "lt", "lte",
                              "inside", "outside", "between", "within", "without", "startingWith", "endingWith",
                              "containing", "notStartingWith", "notEndingWith", "notContaining", "constant", "inject",
                              "limit", "range", "tail", "skip");
    bool last_value = WORD_IN(s->name, "has", "property", "hasNot");
    struct slice outer = p->inside;
    size_t last_arg = 0, open = p->i;

    p->inside = s->name;
    p->i++;
    while (!p->failed && !op(p, ')')) {
        if (s->args > 0) {
            if (!op(p, ',')) {
                fail(p);
                return;
            }
            p->i++;
        }
        last_arg = p->i;
        struct query_token *t = &p->r->tokens[p->i];

        if (t->kind == QUERY_STRING)
            t->unused = (uint8_t)(all_values ? 0 : MARK_KEY);
        for (size_t i = p->i; i < p->i + 12 && i + 1 < p->r->lex.len; i++)
            s->denies |= WORD_IN(query_token_text(&p->r->lex, i), "hasNot", "neq", "without");
        s->has_id |= query_is_literal(&p->r->lex, p->i) || t->kind == QUERY_NAME || op(p, '[');
        take_expr(p);
        s->args++;
    }
    p->inside = outer;
    if (last_value && s->args >= 2 && p->r->tokens[last_arg].kind == QUERY_STRING)
        p->r->tokens[last_arg].unused = 0;
    bool is_list = s->args > 0 && query_is_op(&p->r->lex, last_arg, '[');
    size_t value = last_arg + is_list; /* V(['pk','id']) */

    p->seen_value |= s->args > 0 && query_is_literal(&p->r->lex, value) && p->r->tokens[value].unused == 0 &&
                     !WORD_IN(s->name, "limit", "range", "tail", "skip", "times", "constant", "inject");
    s->is_equal = s->args > 0 && (query_is_literal(&p->r->lex, last_arg) || p->r->tokens[last_arg].kind == QUERY_PARAM);
    judge_secret(p, s, open, last_arg);
    if (!p->failed)
        p->i++;
}

static void judge_name(const struct parser *p, size_t tok)
{
    struct slice name = query_token_text(&p->r->lex, tok);

    if (WORD_IN(name, "System", "Runtime", "Class", "Thread", "ProcessBuilder", "GroovyShell", "Eval", "java",
                "javax", "groovy", "getClass", "forName", "getRuntime", "classLoader", "newInstance"))
        query_found(p->r, Q_JAVA, 85, tok, tok);
}

/* { ... }, [ ... ] with anything that balances. */
static void take_bracket(struct parser *p, unsigned open, unsigned close)
{
    size_t depth = 0;

    do {
        const struct query_token *t = &p->r->tokens[p->i];

        if (t->kind == QUERY_END || t->kind == QUERY_OPEN_STRING) {
            fail(p);
            return;
        }
        if (t->kind == QUERY_NAME)
            judge_name(p, p->i);
        depth += op(p, open);
        depth -= op(p, close);
        p->i++;
    } while (depth > 0);
}

struct chain { /* of the outermost traversal */
    size_t steps, writes;
    bool is_outer, is_predicate;
    size_t fresh_tok, fresh_last, write_tok, predicate_tok;
    bool has_fresh, has_drop, adds_edge, was_as, has_name;
    bool makes;   /* an element was made, and is given its properties */
    bool is_kept; /* what was found before the fresh start has a name, or was made */
    bool reads_secret;            /* values('pin') was the last step */
    bool starts_anew, picks, has_label; /* an inner one: from all elements; takes some by their values; of a kind */
    struct step drop;
};

static bool is_filter(struct slice name)
{
    return WORD_IN(name, "has", "hasId", "hasLabel", "hasNot", "where", "is", "V", "E", "not", "and", "or");
}

/* .as('a') ... select('a') */
static bool is_named_again(const struct parser *p, const struct step *s)
{
    const struct query_lex *lex = &p->r->lex;

    for (size_t i = s->last + 1; i + 1 < lex->len && s->last >= s->tok + 2; i++)
        if (p->r->tokens[i].kind == QUERY_STRING && slice_eq(query_token_text(lex, i), query_token_text(lex, s->tok + 2)))
            return true;
    return false;
}

static void keep_step(struct parser *p, const struct step *s)
{
    if (p->steps_len < GREMLIN_STEPS_MAX)
        p->steps[p->steps_len++] = (struct gremlin_step){
            .name = s->name, .tok = (uint32_t)s->tok, .last = (uint32_t)s->last,
            .args = (uint8_t)(s->args < 9 ? s->args : 9), .denies = s->denies, .drops = p->drops > s->drops,
            .changes = p->changes > s->changes, .is_behind_value = s->was_behind_value };
}

static bool number_in(const struct query_reading *r, size_t predicate, double *ret)
{
    size_t i = predicate + 2; /* gt(-1) */
    bool is_negative = query_is_op(&r->lex, i, '-');

    if (!parse_real(query_token_text(&r->lex, i + is_negative), ret))
        return false;
    *ret = is_negative ? -*ret : *ret;
    return true;
}

#define NINES_MIN 6u

/* 99999999, or the greatest whole number there is: no value of somebody's. */
static bool is_greatest(struct slice number)
{
    size_t nines = 0;

    while (nines < number.len && number.at[nines] == '9')
        nines++;
    return (nines == number.len && nines >= NINES_MIN) || WORD_IN(number, "2147483647", "9223372036854775807");
}

/* gt(-1), gte(0), lt(99999999), between(0, 99999999) */
static bool is_any_number(const struct query_reading *r, const struct step *s)
{
    bool is_below = WORD_IN(s->name, "lt", "lte"), is_both = WORD_IN(s->name, "inside", "between");
    double low = 0;

    if ((is_below || is_both) && !(s->last >= s->tok + 2 && is_greatest(query_token_text(&r->lex, s->last - 1))))
        return false;
    return is_below || ((is_both || WORD_IN(s->name, "gt", "gte")) && number_in(r, s->tok, &low) && low <= 0);
}

#define HARDLY 5 /* nothing that is told, in a run that was put in neither */

/* Of what is written together the optional properties come and go: one that was never written says something of an
 * update, not of a new element. What gives rights says it anywhere. */
static void judge_write(struct parser *p, const struct chain *c, const struct step *s)
{
    bool is_property = WORD_IN(s->name, "property") && s->args == 2 && p->r->tokens[s->tok + 2].kind == QUERY_STRING;
    struct slice name = is_property ? query_string_inside(&p->r->lex, s->tok + 2) : slice_make(NULL, 0);

    if (is_property && (c->writes || c->makes) && !gremlin_gives_rights(name) && !mongo_is_secret(name))
        query_found(p->r, Q_WRITE_MORE, c->makes ? HARDLY : 15, s->tok, s->last);
    else
        query_found(p->r, Q_WRITE_STEP, 15, s->tok, s->last);
}

static void judge_step(struct parser *p, struct chain *c, const struct step *s)
{
    struct query_reading *r = p->r;
    bool makes = WORD_IN(s->name, "addE", "addV", "mergeV", "mergeE");

    if (WORD_IN(s->name, "drop"))
        query_found(r, Q_DROP, 15, s->tok, s->last);
    if (makes || WORD_IN(s->name, "property"))
        judge_write(p, c, s);
    c->makes = makes || (c->makes && WORD_IN(s->name, "property"));
    if (WORD_IN(s->name, "union", "coalesce", "optional", "sideEffect", "map", "flatMap", "repeat", "choose", "inject",
                "both", "bothE", "valueMap", "properties", "fold", "unfold", "local"))
        query_found(r, Q_WIDE_STEP, 12, s->tok, s->last);
    if (WORD_IN(s->name, "or") && s->args < 2) /* .or(has('a',1), has('b',2)) takes some of what is there, as .not() does */
        query_found(r, Q_WIDE_STEP, 12, s->tok, s->last);
    if (WORD_IN(s->name, "neq", "without") || is_any_number(r, s))
        query_found(r, Q_NOT_EQUAL, 15, s->tok, s->last);
    if (c->is_outer && WORD_IN(s->name, "or") && s->args == 1 && p->seen_value) /* there is no alternative to one */
        query_found(r, Q_WIDE_STEP, s->denies ? 62 : 45, s->tok, s->last);
    bool has_args = s->last >= s->tok + 2;

    if (has_args && c->reads_secret && WORD_IN(s->name, "is") && gremlin_is_predicate(query_token_text(&r->lex, s->tok + 2)))
        query_found(r, Q_SECRET_OPERATOR, 66, s->tok, s->last);
    if (!(c->reads_secret && WORD_IN(s->name, "value"))) /* properties('pin').value() */
        c->reads_secret = has_args && WORD_IN(s->name, "values", "properties", "by") &&
                          r->tokens[s->tok + 2].kind == QUERY_STRING &&
                          mongo_is_secret(query_string_inside(&r->lex, s->tok + 2));
    if (c->reads_secret && !WORD_IN(s->name, "value"))
        query_found(r, Q_READS_SECRET, 15, s->tok, s->last);
    if (!c->is_outer) {
        bool drops = WORD_IN(s->name, "drop"), changes = WORD_IN(s->name, "property", "addE", "addV");

        c->picks |= s->is_equal && !s->denies && WORD_IN(s->name, "has", "hasId");
        c->has_label |= WORD_IN(s->name, "hasLabel");
        if (c->steps > 0 && WORD_IN(s->name, "V", "E") && !s->has_id && p->seen_value &&
            WORD_IN(p->inside, "where", "filter", "not"))
            query_found(r, Q_FRESH_START, 66, s->tok, s->last); /* a condition is about what was found */
        p->drops += drops;
        p->changes += changes;
        c->writes += drops || changes;
        c->starts_anew |= c->steps++ == 0 && WORD_IN(s->name, "V", "E") && !s->has_id;
        c->fresh_last = s->last;
        return;
    }
    keep_step(p, s);
    if (c->has_drop && !WORD_IN(s->name, "iterate", "next", "toList", "none")) { /* which only run it */
        query_found(r, Q_DROP_INSIDE, 90, c->drop.tok, s->last);
        c->has_drop = false;
    }
    if (c->writes && is_filter(s->name))
        query_found(r, Q_CHANGE_ON_WAY, 62, c->write_tok, s->last);
    if (WORD_IN(s->name, "drop")) {
        c->has_drop = true;
        c->drop = *s;
    }
    bool had_made = c->adds_edge;

    c->adds_edge |= makes;
    c->has_name |= WORD_IN(s->name, "as", "store", "aggregate");
    c->writes = WORD_IN(s->name, "property");
    if (c->writes)
        c->write_tok = s->tok;
    if (slice_starts(s->name, SL("with")) && c->steps == 0)
        return; /* g.withSideEffect(...).V(): still the source */
    if (c->steps > 0 && WORD_IN(s->name, "V", "E") && !s->has_id && !c->has_fresh && !c->was_as) {
        c->has_fresh = true;
        c->is_kept = c->has_name || had_made;
        c->fresh_tok = s->tok;
        c->fresh_last = s->last;
    }
    c->was_as = WORD_IN(s->name, "as") && is_named_again(p, s); /* .as('a').V(): the other one of a pair */
    if (c->steps == 0 && WORD_IN(s->name, "inject"))
        return; /* g.inject(1, 2).V(): still the source */
    c->steps++;
}

static struct step step_at(const struct parser *p)
{
    return (struct step){ .name = query_token_text(&p->r->lex, p->i), .tok = p->i, .was_behind_value = p->seen_value,
                          .drops = p->drops, .changes = p->changes };
}

/* gt(-1).or(lt(1000)): below, above and between. */
static bool covers_all(const struct query_reading *r, size_t a, size_t b)
{
    struct slice first = query_token_text(&r->lex, a), second = query_token_text(&r->lex, b);
    double low = 0, high = 0;

    return WORD_IN(first, "gt", "gte") && WORD_IN(second, "lt", "lte") && number_in(r, a, &low) &&
           number_in(r, b, &high) && low < high;
}

/* within('a').or(without('b')): who asks for one value does not ask for all others too. */
static void judge_predicates(struct parser *p, const struct chain *c, const struct step *s)
{
    const struct query_reading *r = p->r;
    size_t second = s->tok + 2, first = c->predicate_tok;

    if (!WORD_IN(s->name, "or"))
        return;
    if (query_is_op(&r->lex, first + 1, '.')) /* P.gt(3), TextP.containing('a') */
        first += 2;
    if (query_is_op(&r->lex, second + 1, '.'))
        second += 2;
    if (WORD_IN(query_token_text(&r->lex, second), "neq", "without", "notStartingWith", "notEndingWith", "notContaining") ||
        covers_all(r, first, second) || covers_all(r, second, first))
        query_found(p->r, Q_NOT_EQUAL, 64, s->tok, p->i - 1);
}

static void take_chain(struct parser *p, struct chain *c)
{
    while (!p->failed && (op(p, '.') || op(p, '['))) {
        if (op(p, '[')) {
            take_bracket(p, '[', ']');
            continue;
        }
        p->i++;
        if (p->r->tokens[p->i].kind != QUERY_NAME) {
            fail(p);
            return;
        }
        struct step s = step_at(p);
        bool was_predicate = c->is_predicate;

        c->is_predicate |= gremlin_is_predicate(s.name); /* TextP.startingWith('a') */
        if (was_predicate && p->odd_tok == 0 && !WORD_IN(s.name, "and", "or", "negate") && !gremlin_is_predicate(s.name))
            p->odd_tok = p->i;
        judge_name(p, p->i);
        p->i++;
        if (op(p, '('))
            take_args(p, &s);
        if (!p->failed)
            judge_predicates(p, c, &s);
        if (!p->failed && op(p, '{')) {
            query_found(p->r, Q_LAMBDA, p->seen_value ? 64 : 55, p->i, p->i);
            take_bracket(p, '{', '}');
        }
        s.last = p->i - 1;
        if (!p->failed)
            judge_step(p, c, &s);
    }
}

/* [a, b], [a:1, b:2], [:] */
static void take_list(struct parser *p)
{
    p->i++;
    while (!p->failed && !op(p, ']')) {
        if (!op(p, ':'))
            take_expr(p);
        if (!p->failed && (op(p, ',') || op(p, ':')))
            p->i++;
        else if (!p->failed && !op(p, ']'))
            fail(p);
    }
    p->i += !p->failed;
}

static void take_primary(struct parser *p)
{
    const struct query_token *t = &p->r->tokens[p->i];
    struct chain c = { .is_outer = p->depth == 1 };
    size_t first = p->i;
    bool was_behind_value = p->seen_value;

    if (op(p, '-'))
        t = &p->r->tokens[++p->i];
    if (t->kind == QUERY_STRING || t->kind == QUERY_NUMBER || t->kind == QUERY_PARAM) {
        p->i++;
    } else if (t->kind == QUERY_NAME) {
        struct step s = step_at(p);

        c.predicate_tok = p->i;
        c.is_predicate = gremlin_is_predicate(s.name);
        judge_name(p, p->i);
        p->i++;
        if (op(p, '('))
            take_args(p, &s);
        s.last = p->i - 1;
        if (!p->failed && s.last > s.tok)
            judge_step(p, &c, &s);
    } else if (op(p, '[')) {
        take_list(p);
    } else if (op(p, '{')) {
        query_found(p->r, Q_LAMBDA, 55, p->i, p->i);
        take_bracket(p, '{', '}');
    } else if (op(p, '(')) {
        p->i++;
        take_expr(p);
        if (!p->failed && !op(p, ')'))
            fail(p);
        p->i += !p->failed;
    } else {
        fail(p);
    }
    if (!p->failed)
        take_chain(p, &c);
    bool is_narrow = c.picks || (c.has_label && WORD_IN(p->inside, "sideEffect")); /* which gives nothing back */

    if (c.starts_anew && was_behind_value && !WORD_IN(p->inside, "to", "from"))
        query_found(p->r, Q_FRESH_START, is_narrow && !c.writes ? 20 : 66, first,
                    c.fresh_last); /* or it changes what it finds */
    if (c.has_fresh) /* .V() for the other end of a new edge is ordinary, when the first one was given a name */
        query_found(p->r, Q_FRESH_START, c.adds_edge && c.is_kept ? 15 : 66, c.fresh_tok, c.fresh_last);
}

static void take_expr(struct parser *p)
{
    if (p->depth >= DEPTH_MAX) {
        p->r->is_beyond = true;
        fail(p);
        return;
    }
    p->depth++;
    take_primary(p);
    p->depth--;
}

/* has('name', neq('x').valueMap(): what followed the value stands in brackets that were opened behind it. (One bracket
 * forgotten looks the same, but asks for what is wanted.) */
static void judge_left_open(const struct parser *p)
{
    bool widens = false;

    for (size_t i = 0; i < p->r->findings_len; i++)
        widens |= p->r->findings[i].rule == Q_WIDE_STEP || p->r->findings[i].rule == Q_NOT_EQUAL ||
                  p->r->findings[i].rule == Q_FRESH_START;
    for (size_t i = 1; i < p->odd_tok && !widens; i++)
        widens = p->r->tokens[i].kind == QUERY_STRING && query_is_op(&p->r->lex, i + 1, ',') &&
                 mongo_is_secret(query_string_inside(&p->r->lex, i));
    if (p->failed && p->odd_tok > 0 && p->i + 1 >= p->r->lex.len && widens)
        query_found(p->r, Q_BROKEN_OUT, 62, p->odd_tok, p->odd_tok);
}

static void take_traversal(struct parser *p)
{
    p->steps_len = 0;
    take_expr(p);
    if (!p->failed)
        gremlin_judge_story(p->r, p->steps, p->steps_len);
}

/* What stands behind the place where the text stops to make sense: '+System.getenv('PATH')+', .execute() */
static void judge_rest(const struct parser *p)
{
    for (size_t i = p->r->error_tok; p->failed && i + 1 < p->r->lex.len; i++)
        if (p->r->tokens[i].kind == QUERY_NAME &&
            (query_is_op(&p->r->lex, i + 1, '.') || query_is_op(&p->r->lex, i + 1, '(')))
            judge_name(p, i);
}

static void gremlin_read(struct query_reading *r)
{
    struct gremlin_step steps[GREMLIN_STEPS_MAX];
    struct parser p = { .r = r, .steps = steps };

    for (size_t i = 0; i < r->lex.comments_len; i++)
        if (r->lex.comments[i].is_open) {
            r->error_tok = r->lex.comments[i].before;
            r->is_broken = true;
            return;
        }
    take_traversal(&p);
    while (!p.failed && op(&p, ';')) {
        p.i++;
        if (p.i + 1 < r->lex.len) {
            bool is_silence = op(&p, '[') && query_is_op(&r->lex, p.i + 1, ']'); /* ;[] keeps a console from printing */

            query_found(r, Q_SECOND_STATEMENT, is_silence ? 0 : 80, p.i - 1, p.i);
            take_traversal(&p);
        }
    }
    if (!p.failed && p.i + 1 < r->lex.len)
        fail(&p);
    judge_left_open(&p);
    judge_rest(&p);
    r->is_broken = p.failed;
}

static bool is_key_string(const struct query_reading *r, size_t tok)
{
    return r->tokens[tok].unused == MARK_KEY;
}

static bool may_insert(const struct query_reading *r, size_t tok)
{
    size_t i = tok;

    while (i > 0 && (query_is_op(&r->lex, i - 1, ')') || query_is_op(&r->lex, i - 1, ']')))
        i--;
    return i > 0 && query_is_literal(&r->lex, i - 1);
}

/* neq('x') where the application gives a value: has('line', 4) */
static bool takes_value(const struct query_reading *r, size_t tok)
{
    struct slice name = query_token_text(&r->lex, tok);

    return tok > 1 && (query_is_op(&r->lex, tok - 1, ',') || query_is_op(&r->lex, tok - 1, '(')) &&
           (gremlin_is_predicate(name) || WORD_IN(name, "P", "TextP"));
}

const struct query_dialect gremlin_dialect = {
    .lex = { .quotes = "'\"", .escapes = true, .slash_comments = true, .block_comments = true },
    .read = gremlin_read, .is_key_string = is_key_string, .is_keyword = is_keyword, .may_insert = may_insert,
    .takes_value = takes_value,
};
