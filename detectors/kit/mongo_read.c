/* mongo_read.c - see mongo_read.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/mongo_read.h"

#include "detectors/kit/mongo_score.h"
#include "detectors/kit/mongo_script.h"
#include "detectors/kit/word_list.h"

#include <json-c/json.h>

#define MONGO_SUSPICIOUS 60

static const struct query_lex_rules mongo_rules = { .quotes = "\"'", .escapes = true };

enum { WORD_KEY = 1, WORD_VALUE, WORD_OP, WORD_FORM, WORD_STAGE, WORD_HABIT };

bool mongo_reading_init(struct mongo_reading *r)
{
    r->lex.tokens = r->tokens;
    r->lex.tokens_max = QUERY_TOKENS_MAX;
    r->key = BUF_INIT(512);
    query_shape_init(&r->shape);
    r->tokener = json_tokener_new_ex(4);
    return r->tokener != NULL;
}

void mongo_reading_release(struct mongo_reading *r)
{
    if (r->tokener)
        json_tokener_free(r->tokener);
    r->tokener = NULL;
    buf_release(&r->key);
}

/* ---- words --------------------------------------------------------------------------------------- */

struct walker {
    struct mongo_reading *r;
    size_t i, depth;
    size_t looked_again; /* each goes through all of the text */
};

#define LOOK_AGAIN_MAX 8u

static bool op(const struct walker *w, unsigned o)
{
    return query_is_op(&w->r->lex, w->i, o);
}
static bool at_end(const struct walker *w)
{
    return w->i + 1 >= w->r->lex.len;
}

static void push_op(struct walker *w, char c)
{
    query_shape_push(&w->r->shape, query_word_of_code(WORD_OP, (unsigned)c), (uint32_t)w->i);
}

static void push_value(struct walker *w, size_t tok)
{
    query_shape_push(&w->r->shape, query_word_of_code(WORD_VALUE, 0), (uint32_t)tok);
}

/* The key at the walker, decoded; valid until the next one. */
static struct slice key_text(struct walker *w)
{
    struct mongo_reading *r = w->r;
    const struct query_token *t = &r->tokens[w->i];
    struct slice raw = query_token_text(&r->lex, w->i);

    if (t->kind != QUERY_STRING)
        return raw;
    struct slice inside = query_string_inside(&r->lex, w->i);

    if (slice_find(inside, SL("\\")) == SIZE_MAX || raw.at[0] != '"' || raw.len > 512)
        return inside;
    json_tokener_reset(r->tokener);
    struct json_object *o = json_tokener_parse_ex(r->tokener, raw.at, (int)raw.len);

    buf_clear(&r->key);
    if (o && json_object_is_type(o, json_type_string))
        buf_add(&r->key, json_object_get_string(o), (size_t)json_object_get_string_len(o));
    else
        buf_add_slice(&r->key, inside);
    json_object_put(o);
    return buf_slice(&r->key);
}

/* Past one value of any kind; nothing inside is looked at. */
static void skip_value(struct walker *w)
{
    size_t depth = 0;

    while (!at_end(w)) {
        if (op(w, '{') || op(w, '[') || op(w, '(')) {
            depth++;
        } else if (op(w, '}') || op(w, ']') || op(w, ')')) {
            if (depth == 0)
                return;
            if (--depth == 0) {
                w->i++;
                return;
            }
        } else if (depth == 0 && op(w, ',')) {
            return;
        }
        w->i++;
    }
}

static void add_use(struct walker *w, const struct mongo_use *u)
{
    if (w->r->uses_len < MONGO_USES_MAX)
        w->r->uses[w->r->uses_len++] = *u;
}

static void found(struct walker *w, enum query_rule rule, int score, size_t first, size_t last)
{
    const struct query_token *a = &w->r->tokens[first], *b = &w->r->tokens[last];

    if (score > 0)
        add_use(w, &(struct mongo_use) {
                       .rule = rule, .score = score, .at = a->at, .len = b->at + b->len - a->at });
}

/* What one client does every day and another never: its own code. */
static void found_habit(struct walker *w, enum query_rule rule, int score, size_t first, size_t last)
{
    const struct query_token *a = &w->r->tokens[first], *b = &w->r->tokens[last];
    uint64_t habit = query_word_of_code(WORD_HABIT, rule);

    query_shape_note_field(&w->r->shape, habit, (uint32_t)first);
    add_use(
        w,
        &(struct mongo_use) {
            .rule = rule, .score = score, .at = a->at, .len = b->at + b->len - a->at, .as_operator = habit });
}

/* ---- values of a filter -------------------------------------------------------------------------- */

static bool is_typed_value(struct slice key)
{
    return WORD_IN(key, "$oid", "$date", "$numberLong", "$numberInt", "$numberDouble", "$numberDecimal",
                   "$binary", "$uuid", "$timestamp", "$regularExpression", "$undefined", "$minKey", "$maxKey",
                   "$symbol", "$ref", "$id");
}

/* What stands at the walker, for the scores. */
static struct mongo_value value_at(struct walker *w)
{
    const struct query_lex *lex = &w->r->lex;
    const struct query_token *t = &w->r->tokens[w->i];
    struct mongo_value v = { .kind = MONGO_OTHER };

    switch ((enum query_token_kind)t->kind) {
    case QUERY_STRING:
    case QUERY_OPEN_STRING:
        v.kind = MONGO_TEXT;
        v.text = t->kind == QUERY_STRING ? query_string_inside(lex, w->i) : query_token_text(lex, w->i);
        break;
    case QUERY_NUMBER:
        v.kind = MONGO_NUMBER;
        v.text = query_token_text(lex, w->i);
        break;
    case QUERY_NAME:
        if (query_is_word(lex, w->i, "true"))
            v.kind = MONGO_TRUE;
        else if (query_is_word(lex, w->i, "false"))
            v.kind = MONGO_FALSE;
        else if (query_is_word(lex, w->i, "null") || query_is_word(lex, w->i, "undefined"))
            v.kind = MONGO_NULL;
        break;
    case QUERY_OP:
        if (t->op == '-')
            v.kind = MONGO_NUMBER;
        else if (t->op == '[')
            v.kind = query_is_op(lex, w->i + 1, ']') ? MONGO_EMPTY_LIST : MONGO_LIST;
        else if (t->op == '{')
            v.kind = query_is_op(lex, w->i + 1, '}') ? MONGO_EMPTY_OBJECT : MONGO_OBJECT;
        break;
    case QUERY_PARAM:
    case QUERY_BYTE:
    case QUERY_END:
    default:
        break;
    }
    if (v.kind == MONGO_OBJECT) {
        struct walker peek = { .r = w->r, .i = w->i + 1 };
        struct slice key = key_text(&peek);

        if (WORD_IN(key, "$undefined", "$minKey", "$maxKey"))
            v.kind = MONGO_NULL; /* nothing is below, nothing above */
        else if (is_typed_value(key))
            v.kind = MONGO_OTHER;
    }
    return v;
}

/* ["admin", "root"]: two or more names that everybody guesses. ["toto"]: nothing but what stands for nothing.
 */
static void look_at_list(const struct walker *w, struct mongo_question *q)
{
    size_t guesses = 0, texts = 0, junk = 0;

    for (size_t i = w->i + 1; i + 1 < w->r->lex.len && i < w->i + 64 && !query_is_op(&w->r->lex, i, ']'); i++)
        if (w->r->tokens[i].kind == QUERY_STRING) {
            struct slice name = query_string_inside(&w->r->lex, i);
            size_t at = slice_find(name, SL("@")); /* admin@example.org */

            texts++;
            guesses += mongo_is_guessed_name(at == SIZE_MAX ? name : slice_make(name.at, at));
            junk += mongo_is_placeholder(query_string_inside(&w->r->lex, i));
        }
    for (size_t i = w->i + 1; i < w->i + 4 && i + 1 < w->r->lex.len && !query_is_op(&w->r->lex, i, ']'); i++)
        q->has_null |= query_is_word(&w->r->lex, i, "null");
    q->is_guess_list = guesses >= 2;
    q->is_junk_list = texts > 0 && junk == texts && texts <= 2;
}

/* A field under operators. */
struct asked_field {
    struct slice name; /* last part of the path */
    uint64_t path;     /* hash of the whole */
    size_t tok;
    bool ignores_case, beside_value, beside_secret, is_search, is_only, is_filled_in; /* struct mongo_question */
};

static uint64_t form_of(const struct asked_field *f, struct slice operator)
{
    return query_word_of_text(operator, WORD_FORM, false) ^ f->path;
}

static void walk_filter(struct walker *w, uint64_t path);
static void walk_list(struct walker *w, void (*walk)(struct walker *w, uint64_t path), uint64_t path);
static void walk_any(struct walker *w);

static void note_form(struct walker *w, uint64_t word, size_t tok)
{
    query_shape_note_field(&w->r->shape, word, (uint32_t)tok);
}

static void walk_operators(struct walker *w, const struct asked_field *f, bool is_negated);

/* "sort": {"name": 1}, "$group": {"_id": "$city"}, "distinct": "users", "key": "city" */
static bool is_used_again(const struct walker *w, struct slice name)
{
    const struct query_lex *lex = &w->r->lex;

    for (size_t i = 3; i + 1 < lex->len; i++) {
        if (w->r->tokens[i].kind != QUERY_STRING || w->r->tokens[i - 2].kind != QUERY_STRING)
            continue;
        struct slice s = query_string_inside(lex, i), key = query_string_inside(lex, i - 2);

        if (slice_starts(s, SL("$")) && s.len > name.len && slice_ends_nocase(s, name) && !query_is_op(lex, i + 1, ':') &&
            (s.len == name.len + 1 || s.at[s.len - name.len - 1] == '.'))
            return true;
        if (query_is_op(lex, i - 1, ':') && slice_eq(key, SL("key")) && slice_eq(s, name))
            return true;
    }
    for (size_t i = 0; i + 4 < lex->len; i++)
        if (w->r->tokens[i].kind == QUERY_STRING && WORD_IN(query_string_inside(lex, i), "sort", "$sort") &&
            query_is_op(lex, i + 1, ':') && query_is_op(lex, i + 2, '{') && w->r->tokens[i + 3].kind == QUERY_STRING &&
            slice_eq(query_string_inside(lex, i + 3), name))
            return true;
    return false;
}

/* Keys of the object at the walker, once: {"$regex": ..., "$options": "i"} belong together. */
static bool has_option_i(const struct walker *w)
{
    size_t depth = 0;

    for (size_t i = w->i; i + 2 < w->r->lex.len && i < w->i + 200; i++) {
        depth += query_is_op(&w->r->lex, i, '{');
        depth -= query_is_op(&w->r->lex, i, '}');
        if (depth == 0)
            return false;
        if (depth == 1 && w->r->tokens[i].kind == QUERY_STRING &&
            slice_eq(query_string_inside(&w->r->lex, i), SL("$options")) &&
            w->r->tokens[i + 2].kind == QUERY_STRING)
            return slice_find(query_string_inside(&w->r->lex, i + 2), SL("i")) != SIZE_MAX;
    }
    return false;
}

/* {"$regex": {"$regex": "kim", "$options": "i"}}: a driver's pattern, which always has its options, is that pattern under
 * the operator too. */
static void look_at_pattern(const struct walker *w, struct mongo_question *q)
{
    struct walker peek = { .r = w->r, .i = w->i + 1 }, options = { .r = w->r, .i = w->i + 5 };

    if (w->i + 8 < w->r->lex.len && slice_eq(key_text(&peek), SL("$regex")) &&
        w->r->tokens[w->i + 3].kind == QUERY_STRING && slice_eq(key_text(&options), SL("$options"))) {
        q->value = (struct mongo_value) { .kind = MONGO_TEXT, .text = query_string_inside(&w->r->lex, w->i + 3) };
        q->ignores_case = has_option_i(w);
    }
}

static void take_operator(struct walker *w, const struct asked_field *f, struct slice name, bool is_negated)
{
    char copy[32]; /* the key's memory is reused */
    struct slice operator= slice_make(copy, name.len < sizeof copy ? name.len : sizeof copy);

    memcpy(copy, name.at, operator.len);
    struct mongo_value v = value_at(w);
    struct mongo_question q = { .field = f->name,
                                .operator= operator,
                                .value = v,
                                .ignores_case = f->ignores_case,
                                .has_limit = w->r->has_limit,
                                .is_negated = is_negated,
                                .picks_one = w->r->picks_one,
                                .is_of_a_log = w->r->on_happenings && !w->r->picks_one && (w->r->has_limit || !f->is_only),
                                .is_search = f->is_search,
                                .is_only = f->is_only,
                                .is_filled_in = f->is_filled_in,
                                .is_counted = w->r->counts,
                                .changes_one = w->r->changes_one,
                                .beside_value = f->beside_value,
                                .beside_secret = f->beside_secret };

    if (v.kind == MONGO_LIST)
        look_at_list(w, &q);
    if (v.kind == MONGO_OBJECT && slice_eq(operator, SL("$regex")))
        look_at_pattern(w, &q);
    q.is_whole_modulus = v.kind == MONGO_LIST && slice_eq(query_token_text(&w->r->lex, w->i + 1), SL("1")) &&
                         slice_eq(query_token_text(&w->r->lex, w->i + 3), SL("0"));
    struct mongo_score s = mongo_score_operator(&q);

    if (s.score >= MONGO_SUSPICIOUS && w->looked_again++ < LOOK_AGAIN_MAX) {
        q.is_used_again = is_used_again(w, f->name);
        s = mongo_score_operator(&q);
    }
    size_t value_tok = w->i;
    /* A value that makes an attack of it is a form of its own: {"$regex": "blue"} excuses no {"$regex":
     * ".*"}. */
    uint64_t form = form_of(f, operator) + (s.score >= MONGO_SUSPICIOUS);

    note_form(w, form, f->tok);
    if (s.score >= MONGO_SUSPICIOUS)
        query_shape_push(&w->r->shape, query_word_of_code(WORD_FORM, 1), (uint32_t)w->i);
    if (slice_eq(operator, SL("$elemMatch")) && v.kind == MONGO_OBJECT) {
        walk_filter(w, f->path);
    } else if (slice_eq(operator, SL("$not")) && v.kind == MONGO_OBJECT) {
        walk_operators(w, f, true);
        return;
    } else {
        push_value(w, w->i);
        skip_value(w);
    }
    if (s.score <= 0)
        return;
    size_t last = w->i > value_tok ? w->i - 1 : value_tok;
    const struct query_token *a = &w->r->tokens[f->tok], *b = &w->r->tokens[last];

    add_use(w, &(struct mongo_use) { .rule = s.rule,
                                     .score = s.score,
                                     .at = a->at,
                                     .len = b->at + b->len - a->at,
                                     .as_value = form_of(f, SL("=")),
                                     .as_operator = form,
                                     .is_odd = s.is_odd,
                                     .is_guess = s.is_guess });
}

/* {"$exists": true, "$ne": ...}, in either order. */
static bool asks_twice_if_there(const struct walker *w)
{
    const struct query_lex *lex = &w->r->lex;
    bool exists = false, differs = false;

    for (size_t i = w->i + 1; i < w->i + 6 && i + 2 < lex->len; i += 4) {
        struct slice key = w->r->tokens[i].kind == QUERY_STRING ? query_string_inside(lex, i) : slice_make(NULL, 0);

        exists |= key.at && slice_eq(key, SL("$exists")) && query_is_word(lex, i + 2, "true");
        differs |= key.at && slice_eq(key, SL("$ne"));
    }
    return exists && differs;
}

/* [{"mail": {"$exists": true}}, {"mail": {...}}] of $and: the same, in two objects. */
static bool stands_behind_exists(const struct walker *w, size_t tok)
{
    const struct query_lex *lex = &w->r->lex;

    return tok > 11 && query_is_op(lex, tok - 2, ',') && query_is_op(lex, tok - 3, '}') &&
           query_is_word(lex, tok - 5, "true") && w->r->tokens[tok - 7].kind == QUERY_STRING &&
           slice_eq(query_string_inside(lex, tok - 7), SL("$exists")) &&
           slice_eq(query_token_text(lex, tok - 10), query_token_text(lex, tok));
}

/* One key and its colon; false at the end of the object (walker behind its brace). */
static bool next_key(struct walker *w, bool *first)
{
    if (*first)
        w->i++; /* the opening brace */
    *first = false;
    for (;;) {
        if (at_end(w))
            return false;
        if (op(w, '}')) {
            push_op(w, '}');
            w->i++;
            return false;
        }
        const struct query_token *t = &w->r->tokens[w->i];

        if ((t->kind == QUERY_STRING || t->kind == QUERY_NAME || t->kind == QUERY_NUMBER) &&
            query_is_op(&w->r->lex, w->i + 1, ':'))
            return true;
        if (op(w, ']') || op(w, ')'))
            return false; /* out of step: the caller goes on */
        w->i++;
    }
}

static bool enter(struct walker *w)
{
    if (w->depth >= MONGO_DEPTH_MAX) {
        w->r->is_beyond = true;
        push_value(w, w->i);
        skip_value(w);
        return false;
    }
    w->depth++;
    push_op(w, '{');
    return true;
}

static void walk_operators(struct walker *w, const struct asked_field *f, bool is_negated)
{
    struct asked_field field = *f;
    bool first = true;

    field.ignores_case = has_option_i(w);
    field.is_filled_in = asks_twice_if_there(w) || stands_behind_exists(w, f->tok);
    if (!enter(w))
        return;
    while (next_key(w, &first)) {
        struct slice name = key_text(w);

        query_shape_push(&w->r->shape, query_word_of_text(name, WORD_KEY, false), (uint32_t)w->i);
        w->i += 2;
        take_operator(w, &field, name, is_negated);
    }
    w->depth--;
}

/* field: value */
static void take_field(struct walker *w, const struct asked_field *f)
{
    struct mongo_value v = value_at(w);
    struct walker peek = { .r = w->r, .i = w->i + 1 };

    if (v.kind == MONGO_EMPTY_OBJECT) {
        bool is_secret = mongo_is_secret(f->name);

        note_form(w, form_of(f, SL("{}")), f->tok);
        add_use(w, &(struct mongo_use) { .rule = Q_EMPTY_OBJECT,
                                         .score = is_secret ? 86 : 72,
                                         .at = w->r->tokens[f->tok].at,
                                         .len = w->r->tokens[w->i + 1].at + 1 - w->r->tokens[f->tok].at,
                                         .as_value = form_of(f, SL("=")),
                                         .as_operator = form_of(f, SL("{}")) });
        push_op(w, '{');
        push_op(w, '}');
        skip_value(w);
    } else if (v.kind == MONGO_OBJECT) {
        struct slice key = key_text(&peek);

        if (key.len > 0 && key.at[0] == '$' && !is_typed_value(key))
            walk_operators(w, f, false);
        else
            walk_filter(w, f->path);
    } else if (op(w, '/')) {
        note_form(w, form_of(f, SL("$regex")), f->tok); /* /pattern/ of the shell */
        push_value(w, w->i);
        skip_value(w);
    } else {
        note_form(w, form_of(f, SL("=")), f->tok);
        push_value(w, w->i);
        skip_value(w);
    }
}

static void take_where(struct walker *w, size_t key_tok, bool in_field)
{
    struct mongo_value v = value_at(w);
    size_t value_tok = w->i;
    bool hostile = v.kind == MONGO_TEXT && mongo_script_is_hostile(v.text, true);

    push_value(w, w->i);
    skip_value(w);
    if (in_field || hostile)
        found(w, in_field ? Q_SCRIPT_IN_FIELD : Q_SCRIPT_HOSTILE, in_field ? 92 : 88, key_tok,
              w->i > value_tok ? w->i - 1 : value_tok);
    else
        found_habit(w, Q_SCRIPT, v.kind == MONGO_TEXT ? 35 : 62, key_tok,
                    w->i > value_tok ? w->i - 1 : value_tok);
}

static struct slice last_part(struct slice path)
{
    for (size_t k = path.len; k > 0; k--)
        if (path.at[k - 1] == '.')
            return slice_make(path.at + k, path.len - k);
    return path;
}

/* {"$gte": ["$price", "$price"]}, {"$ne": ["$_id", null]}, {"$or": [..., true]}: the same of every document.
 */
static bool is_same_for_all(const struct walker *w, size_t i)
{
    const struct query_lex *lex = &w->r->lex;
    struct slice key = query_string_inside(lex, i), left;

    if (!query_is_op(lex, i + 1, ':') || !query_is_op(lex, i + 2, '['))
        return false;
    if (slice_eq(key, SL("$or"))) {
        size_t depth = 0;

        for (size_t k = i + 2; k < w->i; k++) {
            depth += query_is_op(lex, k, '[') || query_is_op(lex, k, '{');
            depth -= query_is_op(lex, k, ']') || query_is_op(lex, k, '}');
            if (depth == 0)
                return false;
            if (depth == 1 && (query_is_word(lex, k, "true") ||
                               (w->r->tokens[k].kind == QUERY_NUMBER && !query_is_op(lex, k - 1, '-'))))
                return true;
        }
        return false;
    }
    if (slice_eq(key, SL("$eq")) && w->r->tokens[i + 3].kind == QUERY_NUMBER &&
        query_is_op(lex, i + 4, ',') && query_is_op(lex, i + 6, ']') &&
        slice_eq(query_token_text(lex, i + 3), query_token_text(lex, i + 5)))
        return true;
    if (!WORD_IN(key, "$eq", "$gte", "$lte", "$ne", "$gt") || w->r->tokens[i + 3].kind != QUERY_STRING ||
        !query_is_op(lex, i + 4, ',') || !query_is_op(lex, i + 6, ']'))
        return false;
    left = query_string_inside(lex, i + 3);
    if (WORD_IN(key, "$ne", "$gt"))
        return slice_eq(left, SL("$_id")) && query_is_word(lex, i + 5, "null");
    return slice_starts(left, SL("$")) && w->r->tokens[i + 5].kind == QUERY_STRING &&
           slice_eq(left, query_string_inside(lex, i + 5));
}

/* {"$eq": [1, 1]}: nothing of the document in it. */
static void take_expression(struct walker *w, size_t key_tok)
{
    const struct query_lex *lex = &w->r->lex;
    size_t from = w->i;
    struct mongo_value v = value_at(w);
    bool has_path = false, compares = false, infers = false, is_secret = false, is_same = false, differs = false;

    walk_any(w);
    for (size_t i = from; i < w->i; i++) {
        struct slice s =
            w->r->tokens[i].kind == QUERY_STRING ? query_string_inside(&w->r->lex, i) : slice_make(NULL, 0);
        bool is_key = query_is_op(&w->r->lex, i + 1, ':');

        bool is_path = !is_key && slice_starts(s, SL("$"));

        has_path |= is_path;
        is_same |= is_key && s.at && is_same_for_all(w, i);
        is_secret |= is_path && mongo_is_secret(last_part(slice_make(s.at + 1, s.len - 1)));
        compares |= (is_key && WORD_IN(s, "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$isNumber", "$literal",
                                       "$toBool")) ||
                    query_is_word(lex, i, "true") || query_is_word(lex, i, "false") ||
                    (is_key && slice_eq(s, SL("$in")));
        differs |= is_key && WORD_IN(s, "$ne", "$gt", "$gte", "$lt", "$lte");
        infers |= is_key && WORD_IN(s, "$strLenCP", "$strLenBytes", "$substr", "$substrCP", "$substrBytes",
                                    "$indexOfCP", "$indexOfBytes", "$regexMatch", "$regexFind",
                                    "$regexFindAll", "$strcasecmp", "$toLower", "$toUpper", "$split");
    }
    if (w->i <= from)
        return;
    bool is_constant = v.kind == MONGO_TRUE || v.kind == MONGO_NUMBER ||
                       (v.kind == MONGO_TEXT && !slice_starts(v.text, SL("$")));

    if (is_constant || is_same || (compares && !has_path))
        found(w, Q_ALWAYS_OPERATOR, 74, key_tok, w->i - 1);
    else if ((infers || differs) && is_secret)
        found(w, Q_SECRET_OPERATOR, infers ? 76 : 70, key_tok, w->i - 1);
}

/* What else the object at the walker compares with plain values; of a long one only the beginning. */
static void look_beside(const struct walker *w, struct asked_field *ret)
{
    const struct query_lex *lex = &w->r->lex;
    size_t depth = 0, keys = 0;

    for (size_t i = w->i; i + 2 < lex->len && i < w->i + 200; i++) {
        if (query_is_op(lex, i, '{') || query_is_op(lex, i, '['))
            depth++;
        else if (query_is_op(lex, i, '}') || query_is_op(lex, i, ']'))
            depth -= depth > 0;
        if (depth == 0)
            return;
        keys += depth == 1 && query_is_op(lex, i + 1, ':');
        ret->is_search = keys >= 3;
        ret->is_only = keys == 1;
        bool is_typed = query_is_op(lex, i + 2, '{') && w->r->tokens[i + 3].kind == QUERY_STRING &&
                        is_typed_value(query_string_inside(lex, i + 3));

        if (depth != 1 || !query_is_op(lex, i + 1, ':') || (!query_is_literal(lex, i + 2) && !is_typed))
            continue;
        struct slice key =
            w->r->tokens[i].kind == QUERY_STRING ? query_string_inside(lex, i) : query_token_text(lex, i);

        ret->beside_value |= !slice_starts(key, SL("$"));
        ret->beside_secret |= mongo_is_secret(key);
    }
}

/* [{"_id": null}], [{"_id": "x"}] behind $nor: not the one that nobody is. */
static bool is_nobody(const struct walker *w, size_t from)
{
    const struct query_lex *lex = &w->r->lex;
    struct slice key = w->r->tokens[from + 2].kind == QUERY_STRING ? query_string_inside(lex, from + 2)
                                                                   : slice_make(NULL, 0);
    bool is_key =
        key.at && WORD_IN(key, "_id", "zzz", "xxx", "foo", "a", "1"); /* the last ones name no field at all */

    return w->i == from + 7 && query_is_op(lex, from, '[') && query_is_op(lex, from + 1, '{') && is_key &&
           query_is_op(lex, from + 3, ':') &&
           (query_is_word(lex, from + 4, "null") || query_is_literal(lex, from + 4));
}

/* [{"password": "x"}] behind $nor: not the one with that password. */
static bool excludes_a_secret(const struct walker *w, size_t from)
{
    const struct query_lex *lex = &w->r->lex;

    for (size_t i = from; i + 2 < w->i; i++)
        if (w->r->tokens[i].kind == QUERY_STRING && query_is_op(lex, i + 1, ':') && query_is_literal(lex, i + 2) &&
            mongo_is_secret(query_string_inside(lex, i)))
            return true;
    return false;
}

static bool is_number_name(struct slice key)
{
    for (size_t i = 0; i < key.len; i++)
        if (key.at[i] < '0' || key.at[i] > '9')
            return false;
    return key.len > 0;
}

/* {"owner": "kim"}, {"owner": {"$ne": "kim"}}; {"a": 1}, {"_id": {"$exists": true}}: together that is
 * everything. {"1": "1"}: names of nothing. `i` is at the alternatives of $or; what stands in a list within one of them,
 * {"$and": [{"owner": {"$ne": "kim"}}, {"shared": true}]}, is no alternative by itself. */
static bool is_everything(const struct walker *w, size_t i)
{
    const struct query_lex *lex = &w->r->lex;
    struct slice plain = slice_make(NULL, 0);
    size_t depth = 0;

    for (; i + 6 < w->i; i++) {
        depth += query_is_op(lex, i, '[');
        depth -= query_is_op(lex, i, ']');
        if (depth != 1)
            continue;
        if ((!query_is_op(lex, i, '[') && !query_is_op(lex, i, ',')) || !query_is_op(lex, i + 1, '{') ||
            w->r->tokens[i + 2].kind != QUERY_STRING || !query_is_op(lex, i + 3, ':'))
            continue;
        struct slice key = query_string_inside(lex, i + 2);

        if (query_is_op(lex, i + 5, '}')) { /* one plain value */
            struct slice value = w->r->tokens[i + 4].kind == QUERY_STRING ? query_string_inside(lex, i + 4)
                                                                          : slice_make(NULL, 0);

            if (value.at && slice_eq(key, value) && key.len > 0)
                return true;
            if (query_is_literal(lex, i + 4))
                plain = key;
            continue;
        }
        if (!query_is_op(lex, i + 4, '{') || w->r->tokens[i + 5].kind != QUERY_STRING ||
            !query_is_op(lex, i + 8, '}') || !query_is_op(lex, i + 9, '}'))
            continue;
        struct slice operator= query_string_inside(lex, i + 5);
        bool is_there = (slice_eq(operator, SL("$ne")) &&
                         (query_is_word(lex, i + 7, "null") || query_is_literal(lex, i + 7))) ||
                        (slice_eq(operator, SL("$exists")) && query_is_word(lex, i + 7, "true"));

        if (slice_eq(operator, SL("$exists")) && query_is_word(lex, i + 7, "false") && is_number_name(key))
            return true; /* no document has a property "1" */
        if (is_there && (slice_eq(key, SL("_id")) || (plain.at && slice_eq(key, plain))))
            return true;
    }
    return false;
}

/* "$nor": [{"login": "x"}] is {"login": {"$ne": "x"}}. */
static void judge_nor_one(struct walker *w, size_t from, size_t tok)
{
    const struct query_lex *lex = &w->r->lex;
    struct walker at = { .r = w->r, .i = from + 4 };

    if (w->i != from + 7 || !query_is_op(lex, from, '[') || !query_is_op(lex, from + 1, '{') ||
        w->r->tokens[from + 2].kind != QUERY_STRING || !query_is_op(lex, from + 3, ':'))
        return;
    struct mongo_score s = mongo_score_operator(&(struct mongo_question){
        .field = query_string_inside(lex, from + 2), .operator = SL("$ne"), .value = value_at(&at),
        .has_limit = w->r->has_limit, .picks_one = w->r->picks_one, .is_counted = w->r->counts, .changes_one = w->r->changes_one });

    if (s.score >= MONGO_SUSPICIOUS)
        found(w, s.rule, s.score, tok, w->i - 1);
}

static void walk_filter(struct walker *w, uint64_t path)
{
    struct asked_field beside = { 0 };
    uint64_t seen[24];
    size_t seen_len = 0;
    bool first = true;

    if (!op(w, '{')) {
        push_value(w, w->i);
        skip_value(w);
        return;
    }
    look_beside(w, &beside);
    if (!enter(w))
        return;
    while (next_key(w, &first)) {
        struct slice name = key_text(w);
        size_t tok = w->i;
        uint64_t word = query_word_of_text(name, WORD_KEY, false);

        for (size_t k = 0; k < seen_len; k++)
            if (seen[k] == word)
                found(w, Q_DUPLICATE_KEY, 76, tok, tok);
        if (seen_len < ARRAY_LEN(seen))
            seen[seen_len++] = word;
        query_shape_push(&w->r->shape, word, (uint32_t)tok);
        w->i += 2;
        if (name.len == 0 || name.at[0] != '$') {
            char copy[64]; /* the key's memory is reused */
            struct asked_field f = { .name = slice_cut(last_part(name), sizeof copy),
                                     .path = path * 31 + word,
                                     .tok = tok,
                                     .beside_value = beside.beside_value,
                                     .beside_secret = beside.beside_secret,
                                     .is_search = beside.is_search,
                                     .is_only = beside.is_only };

            memcpy(copy, f.name.at, f.name.len);
            f.name.at = copy;
            take_field(w, &f);
        } else if (WORD_IN(name, "$and", "$or", "$nor")) {
            bool is_or = slice_eq(name, SL("$or")), is_nor = slice_eq(name, SL("$nor"));
            size_t from = w->i;

            walk_list(w, walk_filter, path);
            for (size_t i = from; is_or && i + 2 < w->i; i++)
                if ((query_is_op(&w->r->lex, i, '[') || query_is_op(&w->r->lex, i, ',')) &&
                    query_is_op(&w->r->lex, i + 1, '{') && query_is_op(&w->r->lex, i + 2, '}'))
                    found(w, Q_ALWAYS_OPERATOR, 62, tok, i + 2); /* an alternative without a condition */
            if (is_or && is_everything(w, from))
                found(w, Q_ALWAYS_OPERATOR, 64, tok, w->i > from ? w->i - 1 : from);
            if (is_nor && excludes_a_secret(w, from))
                found(w, Q_SECRET_OPERATOR, 80, tok, w->i > from ? w->i - 1 : from);
            if (is_nor)
                judge_nor_one(w, from, tok);
            if (is_nor && is_nobody(w, from))
                found(w, Q_ALWAYS_OPERATOR, 68, tok, w->i > from ? w->i - 1 : from);
        } else if (slice_eq(name, SL("$jsonSchema"))) {
            size_t from = w->i;
            bool asks = false, is_secret = false;

            skip_value(w);
            for (size_t i = from; i < w->i; i++)
                if (w->r->tokens[i].kind == QUERY_STRING) {
                    struct slice s = query_string_inside(&w->r->lex, i);

                    asks |= query_is_op(&w->r->lex, i + 1, ':') && !WORD_IN(s, "bsonType", "type", "title");
                    is_secret |= mongo_is_secret(s);
                }
            push_value(w, from);
            if ((!asks || is_secret) && w->i > from)
                found(w, Q_ALWAYS_OPERATOR, 66, tok, w->i - 1); /* any object will do */
        } else if (slice_eq(name, SL("$where"))) {
            take_where(w, tok, path != 0);
        } else if (slice_eq(name, SL("$expr"))) {
            take_expression(w, tok);
        } else {
            push_value(w, w->i);
            skip_value(w);
        }
    }
    w->depth--;
}

static void walk_list(struct walker *w, void (*walk)(struct walker *w, uint64_t path), uint64_t path)
{
    if (!op(w, '[')) {
        walk(w, path);
        return;
    }
    push_op(w, '[');
    w->i++;
    for (size_t n = 0; !at_end(w) && !op(w, ']'); n++) {
        size_t before = w->i;

        if (op(w, ',')) {
            w->i++;
            push_op(w, ',');
            continue;
        }
        walk(w, path);
        w->i += w->i == before; /* always on */
    }
    push_op(w, ']');
    w->i += !at_end(w);
}

/* ---- stages, expressions, the rest --------------------------------------------------------------- */

static void walk_stage(struct walker *w, uint64_t path);

static void take_script(struct walker *w, size_t key_tok)
{
    size_t from = w->i;
    bool hostile = false;

    walk_any(w);
    for (size_t i = from; i < w->i; i++)
        hostile |= w->r->tokens[i].kind == QUERY_STRING &&
                   mongo_script_is_hostile(query_string_inside(&w->r->lex, i), false);
    found(w, hostile ? Q_SCRIPT_HOSTILE : Q_SCRIPT, hostile ? 88 : 64, key_tok,
          w->i > from ? w->i - 1 : from);
}

/* Anything that is no filter: keys count, values do not, code is looked for. */
static void walk_any(struct walker *w)
{
    bool first = true;

    if (op(w, '[')) {
        if (w->depth >= MONGO_DEPTH_MAX) {
            w->r->is_beyond = true;
            skip_value(w);
            return;
        }
        w->depth++;
        w->i++;
        while (!at_end(w) && !op(w, ']')) {
            size_t before = w->i;

            walk_any(w);
            w->i += w->i == before || op(w, ',');
        }
        w->i += !at_end(w);
        w->depth--;
        return;
    }
    if (!op(w, '{')) {
        push_value(w, w->i);
        skip_value(w);
        return;
    }
    if (!enter(w))
        return;
    while (next_key(w, &first)) {
        struct slice name = key_text(w);
        size_t tok = w->i;
        bool is_script = WORD_IN(name, "$function", "$accumulator", "$where"),
             is_pipeline = slice_eq(name, SL("pipeline"));

        query_shape_push(&w->r->shape, query_word_of_text(name, WORD_KEY, false), (uint32_t)tok);
        w->i += 2;
        if (is_script)
            take_script(w, tok);
        else if (is_pipeline) /* of $lookup, $unionWith */
            walk_list(w, walk_stage, 0);
        else
            walk_any(w);
    }
    w->depth--;
}

/* {"prices": [stages], "brands": [stages]} */
static void walk_facet(struct walker *w)
{
    bool first = true;

    if (!op(w, '{')) {
        skip_value(w);
        return;
    }
    if (!enter(w))
        return;
    while (next_key(w, &first)) {
        w->i += 2;
        walk_list(w, walk_stage, 0);
    }
    w->depth--;
}

static bool is_bound_name(struct slice s)
{
    return slice_starts(s, SL("$$")) &&
           !WORD_IN(s, "$$ROOT", "$$CURRENT", "$$NOW", "$$REMOVE", "$$KEEP", "$$PRUNE", "$$DESCEND");
}

/* A $lookup that joins nothing and has no stages, $unionWith without any: all of the other collection. Of
 * such a union, and of stages that ask nothing of the document outside, the name must speak for itself;
 * reports add the years of one kind. */
static bool takes_everything(const struct walker *w, struct slice stage, size_t from)
{
    const struct query_lex *lex = &w->r->lex;
    bool joins = false, has_stages = false, holds_people = false, is_people = false, names_next = false,
         is_dummy = false;

    for (size_t i = from; i < w->i; i++) {
        struct slice s =
            w->r->tokens[i].kind == QUERY_STRING ? query_string_inside(lex, i) : slice_make(NULL, 0);
        bool is_key = query_is_op(lex, i + 1, ':');
        bool is_field = !is_key && i >= from + 2 && w->r->tokens[i - 2].kind == QUERY_STRING &&
                        WORD_IN(query_string_inside(lex, i - 2), "localField", "foreignField", "connectFromField",
                                "connectToField");

        joins |= is_key ? WORD_IN(s, "localField", "connectFromField", "startWith", "connectToField")
                        : is_bound_name(s);
        is_dummy |= is_field && s.at && mongo_is_placeholder(s) && !WORD_IN(s, "user", "username", "admin", "password");
        has_stages |= is_key && slice_eq(s, SL("pipeline")) && query_is_op(lex, i + 2, '[') &&
                      !query_is_op(lex, i + 3, ']');
        if (!is_key && s.at && (names_next || i == from)) {
            holds_people |= mongo_holds_people(s);
            is_people |= mongo_is_people(s);
        }
        names_next = is_key ? WORD_IN(s, "from", "coll", "into") : names_next && !s.at;
    }
    if (slice_eq(stage, SL("$lookup")))
        return joins ? is_dummy && holds_people : !has_stages || is_people;
    if (slice_eq(stage, SL("$graphLookup")))
        return is_dummy && holds_people;
    if (slice_eq(stage, SL("$unionWith")))
        return has_stages ? is_people && !w->r->on_people : holds_people;
    return slice_eq(stage, SL("$out")) && is_people && !w->r->on_people;
}

static void take_stage(struct walker *w, struct slice name, size_t tok)
{
    bool is_match = slice_eq(name, SL("$match")), is_facet = slice_eq(name, SL("$facet"));
    bool reaches = WORD_IN(name, "$lookup", "$unionWith", "$graphLookup", "$out", "$merge");
    uint64_t word = query_word_of_text(name, WORD_STAGE, false);
    size_t from = w->i;

    if (reaches)
        note_form(w, word, tok);
    if (is_match)
        walk_filter(w, 0);
    else if (is_facet)
        walk_facet(w);
    else
        walk_any(w);
    if (!reaches || w->i <= from)
        return;
    if (takes_everything(w, name, from)) {
        found(w, Q_WIDE_STAGE, 66, tok, w->i - 1);
        return;
    }
    const struct query_token *a = &w->r->tokens[tok], *b = &w->r->tokens[w->i - 1];

    add_use(w, &(struct mongo_use) { .rule = Q_OTHER_COLLECTION,
                                     .score = 15,
                                     .at = a->at,
                                     .len = b->at + b->len - a->at,
                                     .as_operator = word });
}

static void walk_stage(struct walker *w, uint64_t path)
{
    bool first = true;

    (void)path;
    if (!op(w, '{')) {
        push_value(w, w->i);
        skip_value(w);
        return;
    }
    if (!enter(w))
        return;
    while (next_key(w, &first)) {
        struct slice name = key_text(w);
        size_t tok = w->i;

        query_shape_push(&w->r->shape, query_word_of_text(name, WORD_KEY, false), (uint32_t)tok);
        w->i += 2;
        if (WORD_IN(name, "$listSessions", "$listLocalSessions"))
            found(w, Q_WIDE_STAGE, 64, tok, tok);
        take_stage(w, name, tok);
    }
    w->depth--;
}

/* ---- commands ------------------------------------------------------------------------------------ */

static bool is_command(struct slice key)
{
    return WORD_IN(key, "find", "aggregate", "count", "distinct", "findAndModify", "findandmodify", "update",
                   "delete", "insert", "mapReduce", "mapreduce", "group", "getMore", "explain", "filter",
                   "pipeline", "deletes", "updates", "documents", "$query", "query", "q", "create", "drop",
                   "listCollections", "hello", "isMaster", "ping", "eval", "$eval");
}

/* Of the connection, the session or the page: no part of what is asked. */
static bool is_noise(struct slice key)
{
    return WORD_IN(key, "lsid", "$clusterTime", "txnNumber", "$readPreference", "readConcern", "writeConcern",
                   "cursor", "maxTimeMS", "$db", "comment", "apiVersion", "autocommit", "startTransaction",
                   "singleBatch", "batchSize", "ordered", "$audit", "$client", "allowDiskUse",
                   "noCursorTimeout", "collation", "mayBypassWriteBlocking");
}

static void walk_command(struct walker *w, uint64_t path)
{
    bool first = true;

    if (!op(w, '{')) {
        push_value(w, w->i);
        skip_value(w);
        return;
    }
    if (!enter(w))
        return;
    while (next_key(w, &first)) {
        struct slice name = key_text(w);
        size_t tok = w->i;

        if (is_noise(name)) {
            w->i += 2;
            skip_value(w);
            continue;
        }
        query_shape_push(&w->r->shape, query_word_of_text(name, WORD_KEY, false), (uint32_t)tok);
        w->i += 2;
        bool is_text = w->r->tokens[w->i].kind == QUERY_STRING;

        if (WORD_IN(name, "filter", "query", "q", "$query", "restrictSearchWithMatch"))
            walk_filter(w, 0);
        else if (slice_eq(name, SL("pipeline")))
            walk_list(w, walk_stage, 0);
        else if (WORD_IN(name, "deletes", "updates", "explain"))
            walk_list(w, walk_command, path);
        else if (WORD_IN(name, "documents", "u", "arrayFilters", "c") ||
                 (slice_eq(name, SL("update")) && !is_text))
            skip_value(w); /* data */
        else if (WORD_IN(name, "map", "reduce", "finalize", "$reduce", "eval", "$eval"))
            take_script(w, tok);
        else if (is_text && path == 0 && is_command(name)) {
            query_shape_push(&w->r->shape,
                             query_word_of_text(query_string_inside(&w->r->lex, w->i), WORD_KEY, false),
                             (uint32_t)w->i);
            skip_value(w);
        } else
            walk_any(w);
    }
    w->depth--;
}

/* "updates": [{"q": ..., "u": ..., "multi": true}], "deletes": [{"q": ..., "limit": 0}] */
static bool changes_many(const struct walker *w)
{
    size_t depth = 0;

    for (size_t i = w->i; i + 2 < w->r->lex.len; i++) {
        depth += query_is_op(&w->r->lex, i, '[') || query_is_op(&w->r->lex, i, '{');
        depth -= depth > 0 && (query_is_op(&w->r->lex, i, ']') || query_is_op(&w->r->lex, i, '}'));
        if (depth == 0)
            return false;
        if (depth == 2 && query_is_op(&w->r->lex, i + 1, ':') && w->r->tokens[i].kind == QUERY_STRING &&
            ((slice_eq(query_string_inside(&w->r->lex, i), SL("multi")) &&
              query_is_word(&w->r->lex, i + 2, "true")) ||
             (slice_eq(query_string_inside(&w->r->lex, i), SL("limit")) &&
              slice_eq(query_token_text(&w->r->lex, i + 2), SL("0")))))
            return true;
    }
    return false;
}

/* Which keys does the outermost object have? */
static bool looks_like_a_command(struct mongo_reading *r, size_t from)
{
    struct walker w = { .r = r, .i = from };
    bool first = true, is = false;

    while (next_key(&w, &first)) {
        struct slice key = key_text(&w);

        is |= is_command(key);
        w.i += 2;
        r->counts |= slice_eq(key, SL("count"));
        r->changes_one |= WORD_IN(key, "updates", "deletes") && !changes_many(&w);
        r->has_limit |= slice_eq(key, SL("findAndModify")) ||
                        (slice_eq(key, SL("limit")) && !slice_eq(query_token_text(&r->lex, w.i), SL("1")));
        r->on_people |= slice_eq(key, SL("aggregate")) && mongo_holds_people(query_token_text(&r->lex, w.i));
        r->on_happenings |= is_command(key) && mongo_holds_happenings(query_string_inside(&r->lex, w.i));
        r->picks_one |= r->changes_one || WORD_IN(key, "findAndModify", "findandmodify") ||
                        (slice_eq(key, SL("limit")) && slice_eq(query_token_text(&r->lex, w.i), SL("1")));
        skip_value(&w);
    }
    return is;
}

void mongo_read(struct mongo_reading *r, struct slice text)
{
    struct walker w = { .r = r };
    bool is_aggregate = false;

    query_lex_run(&r->lex, &mongo_rules, text);
    r->uses_len = 0;
    r->has_limit = r->picks_one = r->changes_one = r->counts = r->on_people = r->on_happenings = false;
    r->is_beyond = r->lex.is_cut;
    query_shape_start(&r->shape, false);
    while (!at_end(&w) && !op(&w, '{') && !op(&w, '[')) { /* db.users.find( */
        is_aggregate |= query_is_word(&r->lex, w.i, "aggregate");
        r->on_people |= mongo_holds_people(query_token_text(&r->lex, w.i));
        if (r->tokens[w.i].kind == QUERY_NAME)
            query_shape_push(&r->shape, query_word_of_text(query_token_text(&r->lex, w.i), WORD_KEY, false),
                             (uint32_t)w.i);
        w.i++;
    }
    if (at_end(&w)) {
        query_shape_end(&r->shape);
        return;
    }
    size_t words = r->shape.len;
    bool is_shell = w.i > 0, is_command_text = !is_shell && op(&w, '{') && looks_like_a_command(r, 0);

    r->shape.len = words; /* next_key() pushed while looking */
    if (is_command_text)
        walk_command(&w, 0);
    else if (op(&w, '['))
        walk_list(&w, walk_stage, 0);
    else if (is_aggregate)
        walk_stage(&w, 0);
    else
        walk_filter(&w, 0);
    while (!at_end(&w)) { /* sort, projection of the shell; the rest of text that is out of step */
        size_t before = w.i;

        if (op(&w, '{'))
            walk_any(&w);
        w.i += w.i == before;
    }
    query_shape_end(&r->shape);
}

void mongo_print_shape(struct mongo_reading *r, struct buf *out)
{
    uint64_t value = query_word_of_code(WORD_VALUE, 0);


    for (size_t i = 0; i < r->shape.len; i++) {
        const struct query_token *t = &r->tokens[r->shape.tok[i]];

        if (i)
            buf_add_char(out, ' ');
        if (r->shape.word[i] == value)
            buf_add_char(out, '?');
        else if (t->kind == QUERY_STRING)
            buf_add_slice(out, slice_cut(query_string_inside(&r->lex, r->shape.tok[i]), 64));
        else
            buf_add_slice(out, slice_cut(query_token_text(&r->lex, r->shape.tok[i]), 64));
    }
}
