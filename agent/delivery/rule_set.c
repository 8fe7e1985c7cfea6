/* rule_set.c - see rule_set.h. Operators and what they apply to: Microsoft.Security automations, REST reference and
 * AutomationTriggeringRuleOperator of the .NET client, read 2026-08. Paths are the part of JSONPath that exports use:
 * names, ['names with blanks'], [0] and [*].
 * SPDX-License-Identifier: Apache-2.0 */
#include "delivery/rule_set.h"

#include "alert/alert.h"
#include "base/buf.h"
#include "base/num.h"
#include "outputs/output.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"

#include <json-c/json.h>
#include <stdlib.h>

#define SETS_MAX 100
#define RULES_MAX 50
#define STEPS_MAX 8
#define MEMBERS_MAX 64

enum operand { OF_STRING, OF_INTEGER, OF_NUMBER, OF_BOOLEAN };
enum operator { EQUALS, GREATER, GREATER_OR_EQUAL, LESSER, LESSER_OR_EQUAL, NOT_EQUALS, CONTAINS, STARTS, ENDS };

static const char *const operands[] = { "String", "Integer", "Number", "Boolean", NULL };
static const char *const operators[] = { "Equals", "GreaterThan", "GreaterThanOrEqualTo", "LesserThan",
                                         "LesserThanOrEqualTo", "NotEquals", "Contains", "StartsWith", "EndsWith", NULL };

struct step { /* of a path: a member, an item, or every item */
    char name[128];
    size_t index;
    enum { STEP_MEMBER, STEP_ITEM, STEP_EACH } kind;
};

struct rule {
    char *path, *expected, *type_word, *operator_word;
    int operand, operator;
    double number;
    bool is_true;
    struct step steps[STEPS_MAX];
    size_t steps_len;
};

struct rule_set {
    const struct yaml_node *list;
    struct rule *rules;
    size_t len;
};

struct rule_sets {
    const struct encoder *encoder;
    struct rule_set *sets;
    size_t len;
};

static const struct option_spec rule_options[] = {
    { .key = "propertyJPath", .type = OPT_STRING, .at = offsetof(struct rule, path), .required = true, .min = 1,
      .max = 500, .help = "a member of the exported alert" },
    { .key = "propertyType", .type = OPT_STRING, .at = offsetof(struct rule, type_word), .preset = "String",
      .help = "how both sides are compared" },
    { .key = "expectedValue", .type = OPT_STRING, .at = offsetof(struct rule, expected), .required = true, .max = 1000,
      .help = "the other side" },
    { .key = "operator", .type = OPT_STRING, .at = offsetof(struct rule, operator_word), .required = true,
      .help = "what has to be true" },
    { 0 },
};

static const struct option_spec set_options[] = {
    { .key = "rules", .type = OPT_NODE, .at = offsetof(struct rule_set, list), .required = true,
      .help = "all of them have to hold" },
    { 0 },
};

/* ---- paths -------------------------------------------------------------------------------------------- */

/* "['Client IP address']" "[0]" "[*]": what is between the brackets, or false. */
static bool read_bracket(struct slice *at, struct step *ret)
{
    struct slice in = { 0 };
    int64_t n = 0;
    size_t end = 1;

    while (end < at->len && at->at[end] != ']')
        end++;
    if (end == at->len)
        return false;
    in = slice_make(at->at + 1, end - 1);
    *at = slice_make(at->at + end + 1, at->len - end - 1);
    if (slice_eq(in, SL("*"))) {
        ret->kind = STEP_EACH;
        return true;
    }
    if (parse_i64(in, 0, 10000, &n)) {
        ret->kind = STEP_ITEM;
        ret->index = (size_t)n;
        return true;
    }
    if (in.len < 3 || in.at[0] != in.at[in.len - 1] || (in.at[0] != '\'' && in.at[0] != '"') ||
        in.len - 2 >= sizeof ret->name)
        return false;
    memcpy(ret->name, in.at + 1, in.len - 2);
    return true;
}

static bool read_name(struct slice *at, struct step *ret)
{
    size_t len = 0;

    while (len < at->len && at->at[len] != '.' && at->at[len] != '[')
        len++;
    if (len == 0 || len >= sizeof ret->name)
        return false;
    memcpy(ret->name, at->at, len);
    *at = slice_make(at->at + len, at->len - len);
    return true;
}

static bool read_path(struct rule *r)
{
    struct slice at = slice_of(r->path);

    if (slice_starts(at, SL("$")))
        at = slice_make(at.at + 1, at.len - 1);
    while (at.len > 0 && r->steps_len < STEPS_MAX) {
        struct step *s = &r->steps[r->steps_len++];

        if (at.at[0] == '.')
            at = slice_make(at.at + 1, at.len - 1);
        if (at.len == 0 || !(at.at[0] == '[' ? read_bracket(&at, s) : read_name(&at, s)))
            return false;
    }
    return at.len == 0 && r->steps_len > 0 && r->steps[0].kind == STEP_MEMBER;
}

/* ---- the alert as it is exported -------------------------------------------------------------------------- */

/* Caller puts the object. */
static int export(const struct encoder *encoder, const struct alert *a, struct json_object **ret, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(1u << 20);

    if (encoder->encode(a, &text, err) < 0 || buf_check(&text, err) < 0)
        return error_wrap(err, "rule sets look at the alert as '%s'", encoder->name);
    *ret = json_tokener_parse(buf_cstr(&text));
    return *ret ? 0 : error_set(err, ERR_BUG, "rule sets: the alert as '%s' is no JSON", encoder->name);
}

/* Members are the same for every alert: what is unknown is null. NULL without memory. */
static struct json_object *model(const struct encoder *encoder)
{
    CLEANUP(alert_freep) struct alert *a = NULL;
    struct json_object *o = NULL;
    struct error err = { 0 };

    if (alert_from_draft(&(struct alert_draft){ .detector = "route", .type = "CosmosDB_TorAnomaly" }, &a, &err) < 0 ||
        export(encoder, a, &o, &err) < 0)
        return NULL;
    return o;
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

static void check_member(const struct rule *r, const struct yaml_node *item, struct json_object *known,
                         struct settings_errors *errors)
{
    const struct yaml_node *at = yaml_node_get(item, "propertyJPath");
    const char *names[MEMBERS_MAX + 1] = { 0 }, *near = NULL;
    size_t n = 0;

    if (json_object_object_get_ex(known, r->steps[0].name, NULL))
        return;
    json_object_object_foreach(known, key, value)
    {
        (void)value;
        if (n < MEMBERS_MAX)
            names[n++] = key;
    }
    near = settings_nearest(slice_of(r->steps[0].name), names);
    settings_errors_add(errors, at, "'%.60s' is no member of an exported alert%s%s%s", r->steps[0].name,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* Templates write these words in any case. */
static bool read_word(const char *word, const char *const *words, const struct yaml_node *item, const char *key,
                      int *ret, struct settings_errors *errors)
{
    const char *near = NULL;

    for (int i = 0; words[i]; i++)
        if (slice_eq_nocase(slice_of(word), slice_of(words[i]))) {
            *ret = i;
            return true;
        }
    near = settings_nearest(slice_of(word), words);
    settings_errors_add(errors, yaml_node_get(item, key), "'%.60s' is no %s%s%s%s", word, key,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return false;
}

static bool is_ordering(int operator)
{
    return operator >= GREATER && operator <= LESSER_OR_EQUAL;
}

static bool is_about_text(int operator)
{
    return operator >= CONTAINS;
}

/* What a table cannot say: operator, type and value have to fit. */
static void check_operands(struct rule *r, const struct yaml_node *item, struct settings_errors *errors)
{
    struct slice value = slice_of(r->expected);
    bool is_number = r->operand == OF_INTEGER || r->operand == OF_NUMBER;
    int64_t whole = 0;

    if (is_ordering(r->operator) && !is_number)
        settings_errors_add(errors, yaml_node_get(item, "operator"), "operator %s compares numbers: propertyType has to "
                            "be Integer or Number", operators[r->operator]);
    if (is_about_text(r->operator) && r->operand != OF_STRING)
        settings_errors_add(errors, yaml_node_get(item, "operator"), "operator %s compares texts: propertyType has to be "
                            "String", operators[r->operator]);
    r->is_true = slice_eq_nocase(value, SL("true"));
    if ((r->operand == OF_BOOLEAN && !r->is_true && !slice_eq_nocase(value, SL("false"))) ||
        (is_number && !parse_real(value, &r->number)) ||
        (r->operand == OF_INTEGER && !parse_i64(value, INT64_MIN, INT64_MAX, &whole)))
        settings_errors_add(errors, yaml_node_get(item, "expectedValue"), "'%.60s' is no %s", r->expected,
                            operands[r->operand]);
}

static void read_rule(struct rule *r, const struct yaml_node *item, struct json_object *known,
                      struct settings_errors *errors)
{
    if (settings_table_apply(rule_options, item, r, errors) < 0)
        return;
    if (read_word(r->type_word, operands, item, "propertyType", &r->operand, errors) &&
        read_word(r->operator_word, operators, item, "operator", &r->operator, errors))
        check_operands(r, item, errors);
    if (read_path(r))
        check_member(r, item, known, errors);
    else
        settings_errors_add(errors, yaml_node_get(item, "propertyJPath"), "'%.60s' is no path that is understood: names, "
                            "['names'], [0] and [*] are, as in ExtendedProperties['Client IP address']", r->path);
}

static bool is_list(const struct yaml_node *node, size_t max, const char *what, struct settings_errors *errors)
{
    if (node->kind == YAML_NODE_LIST && node->len > 0 && node->len <= max)
        return true;
    settings_errors_add(errors, node, "%s: a list of 1 to %zu is expected here", what, max);
    return false;
}

static void read_set(struct rule_set *s, const struct yaml_node *item, struct json_object *known,
                     struct settings_errors *errors)
{
    if (settings_table_apply(set_options, item, s, errors) < 0 || !is_list(s->list, RULES_MAX, "rules", errors))
        return;
    s->rules = calloc(s->list->len, sizeof *s->rules);
    if (!s->rules) {
        settings_errors_add(errors, item, "no memory for rules");
        return;
    }
    for (const struct yaml_node *c = s->list->first; c; c = c->next)
        read_rule(&s->rules[s->len++], c, known, errors);
}

int rule_sets_read(const struct yaml_node *node, struct rule_sets **ret, struct settings_errors *errors)
{
    struct rule_sets *s = NULL;
    struct json_object *known = NULL;
    size_t before = errors->len + errors->omitted;

    if (!is_list(node, SETS_MAX, "rule_sets", errors))
        return -1;
    s = calloc(1, sizeof *s);
    if (s) {
        s->encoder = encoder_find("defender");
        s->sets = calloc(node->len, sizeof *s->sets);
        known = model(s->encoder);
    }
    if (!s || !s->sets || !known)
        settings_errors_add(errors, node, "no memory for rule sets");
    for (const struct yaml_node *c = known && s->sets ? node->first : NULL; c; c = c->next)
        read_set(&s->sets[s->len++], c, known, errors);
    json_object_put(known);
    if (errors->len + errors->omitted > before) {
        rule_sets_free(s);
        return -1;
    }
    *ret = s;
    return 0;
}

void rule_sets_free(struct rule_sets *s)
{
    if (!s)
        return;
    for (size_t i = 0; s->sets && i < s->len; i++) {
        for (size_t r = 0; r < s->sets[i].len; r++)
            settings_table_release(rule_options, &s->sets[i].rules[r]);
        free(s->sets[i].rules);
        settings_table_release(set_options, &s->sets[i]);
    }
    free(s->sets);
    free(s);
}

/* ---- judging -------------------------------------------------------------------------------------------------- */

static bool compare_numbers(int operator, double a, double b)
{
    switch (operator) {
    case GREATER: return a > b;
    case GREATER_OR_EQUAL: return a >= b;
    case LESSER: return a < b;
    case LESSER_OR_EQUAL: return a <= b;
    default: return a >= b && a <= b;
    }
}

static bool compare_texts(int operator, struct slice a, struct slice b)
{
    switch (operator) {
    case CONTAINS: return slice_find_nocase(a, b) != SIZE_MAX;
    case STARTS: return slice_starts_nocase(a, b);
    case ENDS: return slice_ends_nocase(a, b);
    default: return slice_eq_nocase(a, b);
    }
}

/* Of one value. Properties are texts in the export, also where they are numbers. NotEquals is asked as Equals. */
static bool holds_for(const struct rule *r, struct json_object *v)
{
    const char *text = v ? json_object_get_string(v) : NULL;
    double number = 0;

    if (!text)
        return false;
    if (r->operand == OF_STRING)
        return compare_texts(r->operator, slice_of(text), slice_of(r->expected));
    if (r->operand == OF_BOOLEAN)
        return compare_texts(r->operator, slice_of(text), r->is_true ? SL("true") : SL("false"));
    return parse_real(slice_of(text), &number) && compare_numbers(r->operator, number, r->number);
}

/* Depth is at most STEPS_MAX. [*] holds when it holds for one of them. */
static bool holds_from(const struct rule *r, size_t step, struct json_object *v)
{
    const struct step *s = &r->steps[step];
    size_t n = json_object_is_type(v, json_type_array) ? json_object_array_length(v) : 0;
    struct json_object *next = NULL;

    if (step == r->steps_len)
        return holds_for(r, v);
    switch (s->kind) {
    case STEP_MEMBER:
        return json_object_is_type(v, json_type_object) && json_object_object_get_ex(v, s->name, &next) &&
               holds_from(r, step + 1, next);
    case STEP_ITEM: return s->index < n && holds_from(r, step + 1, json_object_array_get_idx(v, s->index));
    case STEP_EACH:
        for (size_t i = 0; i < n; i++)
            if (holds_from(r, step + 1, json_object_array_get_idx(v, i)))
                return true;
        return false;
    }
    return false;
}

static bool set_holds(const struct rule_set *s, struct json_object *alert)
{
    for (size_t i = 0; i < s->len; i++)
        if (holds_from(&s->rules[i], 0, alert) == (s->rules[i].operator == NOT_EQUALS))
            return false;
    return true;
}

int rule_sets_judge(const struct rule_sets *s, const struct alert *a, bool *ret, struct error *err)
{
    struct json_object *o = NULL;

    if (export(s->encoder, a, &o, err) < 0)
        return -1;
    *ret = false;
    for (size_t i = 0; !*ret && i < s->len; i++)
        *ret = set_holds(&s->sets[i], o);
    json_object_put(o);
    return 0;
}
