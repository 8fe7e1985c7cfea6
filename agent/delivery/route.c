/* route.c - see route.h. The words stand in settings/route_options.c.
 * SPDX-License-Identifier: Apache-2.0 */
#include "delivery/route.h"

#include "alert/accounts.h"
#include "alert/catalogue.h"
#include "base/buf.h"
#include "delivery/rule_set.h"
#include "enrich/prefix.h"
#include "settings/errors.h"
#include "settings/settings.h"
#include "settings/yaml_node.h"

#include <stdlib.h>

#define DEPTH_MAX 5
#define WORDS_MAX 512

struct route {
    const struct settings_route *s; /* own, or the settings' */
    struct settings_route own;      /* of any_of and not */
    struct prefix *ranges;          /* of addresses */
    char **tagged;                  /* accounts with one of the tags; texts are theirs */
    size_t tagged_len;
    struct route **any_of, **none_of;
    size_t any_of_len, none_of_len;
    struct rule_sets *rule_sets;
};

/* ---- reading --------------------------------------------------------------------------------------------- */

static bool matches(const char *pattern, struct slice text)
{
    size_t len = strlen(pattern);

    if (len > 0 && pattern[len - 1] == '*')
        return slice_starts_nocase(text, slice_make(pattern, len - 1));
    return slice_eq_nocase(slice_make(pattern, len), text);
}

static bool is_among(const char *word, const char *const *words)
{
    for (size_t i = 0; words[i]; i++)
        if (matches(word, slice_of(words[i])))
            return true;
    return false;
}

/* Word number i of the list, or the list when it was said as one bare text. */
static const struct yaml_node *word_node(const struct yaml_node *map, const char *key, size_t i)
{
    const struct yaml_node *list = yaml_node_get(map, key), *c = list ? list->first : NULL;

    while (c && i-- > 0)
        c = c->next;
    return c ? c : list;
}

/* The word stands for one of the known ones; one that does not would silently match nothing. */
static void check_word(const char *word, const struct yaml_node *at, const char *what, const char *const *known,
                       struct settings_errors *errors)
{
    const char *near = NULL;

    if (is_among(word, known))
        return;
    near = settings_nearest(slice_of(word), known);
    settings_errors_add(errors, at, "'%.80s' is no %s%s%s%s", word, what, near ? "; did you mean '" : "",
                        near ? near : "", near ? "'?" : "");
}

static void check_words(const struct string_list *list, const struct yaml_node *map, const char *key, const char *what,
                        const char *const *known, struct settings_errors *errors)
{
    for (size_t i = 0; i < list->len; i++)
        check_word(list->at[i], word_node(map, key, i), what, known, errors);
}

/* An old or misspelt id of Defender's is one too: rules written for it are carried over. */
static void check_types(const struct settings_route *s, const struct yaml_node *map, struct settings_errors *errors)
{
    const char *ids[WORDS_MAX + 1] = { 0 };

    for (size_t i = 0; i < WORDS_MAX && alert_type_at(i); i++)
        ids[i] = alert_type_at(i)->id;
    for (size_t i = 0; i < s->types.len; i++)
        if (!alert_type_find(s->types.at[i]))
            check_word(s->types.at[i], word_node(map, "types", i), "alert type", ids, errors);
}

static void check_tactics(const struct settings_route *s, const struct yaml_node *map, struct settings_errors *errors)
{
    const char *words[WORDS_MAX + 1] = { 0 };

    for (size_t i = 0; i < WORDS_MAX && alert_type_at(i); i++)
        words[i] = alert_type_at(i)->intent;
    check_words(&s->tactics, map, "tactics", "tactic of an alert type", words, errors);
}

static void check_apis(const struct settings_route *s, const struct yaml_node *map, struct settings_errors *errors)
{
    const char *words[API_COUNT] = { 0 };

    for (size_t i = 1; i < API_COUNT; i++) /* the first is unknown */
        words[i - 1] = api_name((enum api)i);
    check_words(&s->apis, map, "apis", "API of Azure Cosmos DB", words, errors);
}

static void check_addresses(struct route *r, const struct yaml_node *map, struct settings_errors *errors)
{
    r->ranges = calloc(r->s->addresses.len + 1, sizeof *r->ranges);
    for (size_t i = 0; r->ranges && i < r->s->addresses.len; i++)
        if (!prefix_parse(slice_of(r->s->addresses.at[i]), &r->ranges[i]))
            settings_errors_add(errors, word_node(map, "addresses", i), "'%.60s' is neither an address nor a range",
                                r->s->addresses.at[i]);
    if (!r->ranges)
        settings_errors_add_at(errors, "", 0, 0, "no memory for a route");
}

static bool has_one_of(const struct accounts *accounts, size_t i, const struct string_list *tags)
{
    for (size_t t = 0; t < tags->len; t++)
        if (accounts_has_tag(accounts, i, tags->at[t]))
            return true;
    return false;
}

static void find_tagged(struct route *r, const struct yaml_node *map, const struct accounts *accounts,
                        struct settings_errors *errors)
{
    const char *words[WORDS_MAX + 1] = { 0 };
    size_t n = 0;

    for (const char *tag = NULL; n < WORDS_MAX && (tag = accounts_tag_at(accounts, n)) != NULL;)
        words[n++] = tag;
    if (n < WORDS_MAX) /* with more of them only what they match can be told */
        check_words(&r->s->tags, map, "tags", "tag of any account (see `accounts`)", words, errors);
    r->tagged = calloc(accounts_len(accounts) + 1, sizeof *r->tagged);
    if (!r->tagged)
        settings_errors_add_at(errors, "", 0, 0, "no memory for a route");
    for (size_t i = 0; r->tagged && i < accounts_len(accounts); i++)
        if (has_one_of(accounts, i, &r->s->tags))
            r->tagged[r->tagged_len++] = (char *)(uintptr_t)accounts_name(accounts, i);
}

static struct route *read_route(const struct settings_route *s, const struct yaml_node *map,
                                const struct accounts *accounts, int depth, struct settings_errors *errors);

static struct route *read_branch(const struct yaml_node *map, const struct accounts *accounts, int depth,
                                 struct settings_errors *errors)
{
    struct settings_route own = { 0 };
    struct route *r = NULL;

    if (map->kind == YAML_NODE_MAP && map->len == 0) {
        settings_errors_add(errors, map, "an empty map says nothing: it would hold for every alert");
        return NULL;
    }
    if (settings_table_apply(settings_route_options, map, &own, errors) == 0)
        r = read_route(&own, map, accounts, depth, errors);
    if (!r) {
        settings_table_release(settings_route_options, &own);
        return NULL;
    }
    r->own = own;
    r->s = &r->own;
    return r;
}

/* A list of maps, or one map. */
static void read_branches(const struct yaml_node *node, const char *key, const struct accounts *accounts, int depth,
                          struct route ***ret, size_t *ret_len, struct settings_errors *errors)
{
    bool is_list = node && node->kind == YAML_NODE_LIST;

    if (!node)
        return;
    if (depth >= DEPTH_MAX || (is_list ? node->len == 0 : node->kind != YAML_NODE_MAP)) {
        settings_errors_add(errors, node, depth >= DEPTH_MAX ? "%s: more than %d levels deep"
                                                             : "%s: a list of maps is expected here", key, DEPTH_MAX);
        return;
    }
    *ret = calloc(is_list ? node->len : 1, sizeof(struct route *));
    if (!*ret) {
        settings_errors_add(errors, node, "no memory for a route");
        return;
    }
    for (const struct yaml_node *c = is_list ? node->first : node; c; c = is_list ? c->next : NULL) {
        struct route *branch = read_branch(c, accounts, depth + 1, errors);

        if (branch)
            (*ret)[(*ret_len)++] = branch;
    }
}

/* NULL: without memory, told. Other mistakes are in errors, and the caller looks there. */
static struct route *read_route(const struct settings_route *s, const struct yaml_node *map,
                                const struct accounts *accounts, int depth, struct settings_errors *errors)
{
    static const char *const raised_by[] = { "own", "defender", NULL };
    struct route *r = calloc(1, sizeof *r);

    if (!r) {
        settings_errors_add_at(errors, "", 0, 0, "no memory for a route");
        return NULL;
    }
    r->s = s;
    if (s->min_severity > s->max_severity)
        settings_errors_add(errors, map, "min_severity is above max_severity: no alert would do");
    check_types(s, map, errors);
    check_tactics(s, map, errors);
    check_apis(s, map, errors);
    check_words(&s->raised_by, map, "raised_by", "source of alerts", raised_by, errors);
    check_addresses(r, map, errors);
    if (s->tags.len > 0)
        find_tagged(r, map, accounts, errors);
    read_branches(s->any_of, "any_of", accounts, depth, &r->any_of, &r->any_of_len, errors);
    read_branches(s->none_of, "not", accounts, depth, &r->none_of, &r->none_of_len, errors);
    if (s->rule_sets && rule_sets_read(s->rule_sets, &r->rule_sets, errors) < 0)
        r->rule_sets = NULL; /* told */
    return r;
}

int route_read(const struct settings_route *s, const struct yaml_node *node, const struct accounts *accounts,
               struct route **ret, struct settings_errors *errors)
{
    size_t before = errors->len + errors->omitted;
    struct route *r = read_route(s, node, accounts, 0, errors);

    if (errors->len + errors->omitted > before) {
        route_free(r);
        return -1;
    }
    *ret = r;
    return 0;
}

void route_free(struct route *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->any_of_len; i++)
        route_free(r->any_of[i]);
    for (size_t i = 0; i < r->none_of_len; i++)
        route_free(r->none_of[i]);
    free(r->any_of);
    free(r->none_of);
    rule_sets_free(r->rule_sets);
    free(r->ranges);
    free(r->tagged);
    settings_table_release(settings_route_options, &r->own);
    free(r);
}

/* ---- judging ----------------------------------------------------------------------------------------------- */

static bool is_listed(const struct string_list *list, const char *text)
{
    for (size_t i = 0; i < list->len; i++)
        if (matches(list->at[i], slice_of(text)))
            return true;
    return false;
}

static bool has_type(const struct string_list *types, const struct alert *a)
{
    for (size_t i = 0; i < types->len; i++)
        if (matches(types->at[i], slice_of(a->type->id)) || alert_type_find(types->at[i]) == a->type)
            return true;
    return false;
}

static bool is_about_one_of(const struct alert *a, char *const *accounts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (alert_is_about(a, accounts[i]))
            return true;
    return false;
}

/* Has the alert a value under one of these names that is listed? */
static bool has_entity(const struct alert *a, const char *const *names, const struct string_list *list)
{
    for (size_t n = 0; names[n]; n++) {
        const struct fact *f = alert_fact(a, names[n]);

        for (size_t i = 0; f && i < f->len; i++)
            if (is_listed(list, f->entries[i].text))
                return true;
    }
    return false;
}

static bool has_address(const struct route *r, const struct alert *a)
{
    static const char *const names[] = { "address", "readerAddress" };

    for (size_t n = 0; n < ARRAY_LEN(names); n++) {
        const struct fact *f = alert_fact(a, names[n]);
        struct address address;

        for (size_t i = 0; f && i < f->len; i++)
            for (size_t k = 0; address_parse(slice_of(f->entries[i].text), &address) && k < r->s->addresses.len; k++)
                if (prefix_holds(&r->ranges[k], &address))
                    return true;
    }
    return false;
}

/* The first condition of the table that does not hold, or NULL. */
static const char *first_miss(const struct route *r, const struct alert *a)
{
    static const char *const principals[] = { "principal", "callerName", "appId", NULL };
    static const char *const user_agents[] = { "userAgent", NULL };
    static const char *const databases[] = { "database", NULL };
    static const char *const containers[] = { "container", NULL };
    const struct settings_route *s = r->s;
    const char *by = strcmp(a->detector, "defender") == 0 ? "defender" : "own";
    const struct { const char *key; const struct string_list *list; bool holds; } conditions[] = {
        { "types", &s->types, has_type(&s->types, a) },
        { "accounts", &s->accounts, is_about_one_of(a, s->accounts.at, s->accounts.len) },
        { "tags", &s->tags, is_about_one_of(a, r->tagged, r->tagged_len) },
        { "apis", &s->apis, is_listed(&s->apis, api_name(a->api)) },
        { "addresses", &s->addresses, has_address(r, a) },
        { "principals", &s->principals, has_entity(a, principals, &s->principals) },
        { "user_agents", &s->user_agents, has_entity(a, user_agents, &s->user_agents) },
        { "databases", &s->databases, has_entity(a, databases, &s->databases) },
        { "containers", &s->containers, has_entity(a, containers, &s->containers) },
        { "raised_by", &s->raised_by, is_listed(&s->raised_by, by) },
        { "tactics", &s->tactics, is_listed(&s->tactics, a->type->intent) },
    };

    if ((int)a->severity < s->min_severity)
        return "min_severity";
    if ((int)a->severity > s->max_severity)
        return "max_severity";
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++)
        if (conditions[i].list->len > 0 && !conditions[i].holds)
            return conditions[i].key;
    return NULL;
}

/* *ret: how many of the branches hold; asks no further than the first. */
static int count_holding(struct route *const *branches, size_t n, const struct alert *a, size_t *ret, size_t *ret_which,
                         struct error *err)
{
    *ret = 0;
    for (size_t i = 0; i < n && *ret == 0; i++) {
        bool holds = false;

        if (route_judge(branches[i], a, &holds, NULL, err) < 0)
            return -1;
        *ret += holds;
        *ret_which = i;
    }
    return 0;
}

static void add_why(struct buf *why, const struct alert *a, const char *miss)
{
    bool is_severity = strstr(miss, "severity") != NULL;

    if (why)
        buf_addf(why, "%s does not hold%s%s", miss, is_severity ? ": the alert's is " : "",
                 is_severity ? severity_name(a->severity) : "");
}

int route_judge(const struct route *r, const struct alert *a, bool *ret_wanted, struct buf *why, struct error *err)
{
    const char *miss = first_miss(r, a);
    size_t held = 0, which = 0;
    bool has_set = true;

    *ret_wanted = false;
    if (!miss && r->any_of_len > 0) {
        if (count_holding(r->any_of, r->any_of_len, a, &held, &which, err) < 0)
            return -1;
        miss = held == 0 ? "any_of" : NULL;
    }
    if (!miss && r->rule_sets) {
        if (rule_sets_judge(r->rule_sets, a, &has_set, err) < 0)
            return -1;
        miss = has_set ? NULL : "rule_sets";
    }
    if (miss) {
        add_why(why, a, miss);
        return 0;
    }
    if (count_holding(r->none_of, r->none_of_len, a, &held, &which, err) < 0)
        return -1;
    *ret_wanted = held == 0;
    if (held > 0 && why)
        buf_addf(why, "not: number %zu holds", which + 1);
    return 0;
}
