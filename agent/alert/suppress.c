/* suppress.c - see suppress.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/suppress.h"

#include "alert/catalogue.h"
#include "base/expiry.h"
#include "base/timeutil.h"
#include "enrich/prefix.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"

#include <stdio.h>
#include <stdlib.h>

#define RULES_MAX 1000

struct rule {
    char *name, *reason, *comment, *begins, *expires;
    struct string_list types, accounts, addresses, principals, user_agents, databases, containers, key_kinds, subjects;
    int max_severity;
    int64_t warn_before_ms;
    int64_t begins_ns, expires_ns;
    struct prefix *ranges; /* of addresses */
};

struct suppress {
    struct rule *rules;
    size_t len;
};

static const char *const severities[] = { "informational", "low", "medium", "high", NULL };

#define LIST(name, what)                                                                           \
    { .key = #name, .type = OPT_STRING_LIST, .at = offsetof(struct rule, name), .help = what }

static const struct option_spec rule_options[] = {
    { .key = "name", .type = OPT_STRING, .at = offsetof(struct rule, name), .required = true, .min = 1, .max = 100,
      .help = "what messages call it" },
    { .key = "reason", .type = OPT_STRING, .at = offsetof(struct rule, reason), .required = true, .min = 1, .max = 200,
      .help = "why these alerts are not wanted" },
    { .key = "comment", .type = OPT_STRING, .at = offsetof(struct rule, comment), .max = 1000,
      .help = "for whoever finds it next year" },
    LIST(types, "alert types; * at the end stands for any rest; none: all types"),
    LIST(accounts, "every account of the alert is one of these"),
    LIST(addresses, "every client address of the alert is one of these or in one of these ranges"),
    LIST(principals, "every principal of the alert is one of these"),
    LIST(user_agents, "every user agent of the alert is one of these; * at the end stands for any rest; a caller chooses "
                      "its own agent, so name an address or a principal as well"),
    LIST(databases, "every database of the alert is one of these"),
    LIST(containers, "every container of the alert is one of these"),
    LIST(key_kinds, "every kind of key of the alert is one of these"),
    LIST(subjects, "what the alert is about is one of these; * at the end stands for any rest"),
    { .key = "max_severity", .type = OPT_ENUM, .at = offsetof(struct rule, max_severity), .preset = "high",
      .values = severities, .help = "graver alerts are told all the same" },
    { .key = "begins", .type = OPT_STRING, .at = offsetof(struct rule, begins),
      .help = "from this time of events on, UTC" },
    { .key = "expires", .type = OPT_STRING, .at = offsetof(struct rule, expires),
      .help = "until this time of events, UTC; a date alone is its first moment; unsaid: for ever" },
    { .key = "warn_before", .type = OPT_DURATION, .at = offsetof(struct rule, warn_before_ms), .preset = "7d",
      .min = 0, .max = INT64_C(366) * 86400000, .help = "the log warns this long before it expires" },
    { 0 },
};

/* ---- reading --------------------------------------------------------------------------------------- */

static void check_when(const char *text, const struct yaml_node *item, const char *key, int64_t *ret_ns,
                       struct settings_errors *errors)
{
    if (text && !time_parse_iso(slice_of(text), ret_ns))
        settings_errors_add(errors, yaml_node_get(item, key),
                            "%s: a date or a time in UTC is expected, as in 2027-01-31 or 2027-01-31T06:00:00Z", key);
}

static void check_addresses(struct rule *r, const struct yaml_node *item, struct settings_errors *errors)
{
    r->ranges = calloc(r->addresses.len + 1, sizeof *r->ranges);
    for (size_t i = 0; r->ranges && i < r->addresses.len; i++)
        if (!prefix_parse(slice_of(r->addresses.at[i]), &r->ranges[i]))
            settings_errors_add(errors, yaml_node_get(item, "addresses"), "'%.60s' is neither an address nor a range",
                                r->addresses.at[i]);
    if (!r->ranges)
        settings_errors_add(errors, item, "no memory");
}

static bool matches(const char *pattern, struct slice text)
{
    size_t len = strlen(pattern);

    if (len > 0 && pattern[len - 1] == '*') {
        struct slice head = slice_make(text.at, text.len < len - 1 ? text.len : len - 1);

        return slice_eq_nocase(head, slice_make(pattern, len - 1));
    }
    return slice_eq_nocase(slice_make(pattern, len), text);
}

/* A misspelt type would silently suppress nothing. */
static void check_types(const struct rule *r, const struct yaml_node *item, struct settings_errors *errors)
{
    const char *known[256];
    size_t n = 0;

    for (; n + 1 < ARRAY_LEN(known) && alert_type_at(n); n++)
        known[n] = alert_type_at(n)->id;
    known[n] = NULL;
    for (size_t i = 0; i < r->types.len; i++) {
        bool is_known = alert_type_find(r->types.at[i]) != NULL;

        for (size_t k = 0; !is_known && k < n; k++)
            is_known = matches(r->types.at[i], slice_of(known[k]));
        if (is_known)
            continue;
        const char *near = settings_nearest(slice_of(r->types.at[i]), known);

        settings_errors_add(errors, yaml_node_get(item, "types"), "'%.80s' is no alert type%s%s%s", r->types.at[i],
                            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
}

static bool names_nothing(const struct rule *r)
{
    return r->types.len + r->accounts.len + r->addresses.len + r->principals.len + r->user_agents.len +
               r->databases.len + r->containers.len + r->key_kinds.len + r->subjects.len == 0;
}

static void read_rule(struct suppress *s, const struct yaml_node *item, struct settings_errors *errors)
{
    struct rule *r = &s->rules[s->len++];

    r->begins_ns = INT64_MIN;
    r->expires_ns = INT64_MAX;
    if (settings_table_apply(rule_options, item, r, errors) < 0)
        return;
    check_when(r->begins, item, "begins", &r->begins_ns, errors);
    check_when(r->expires, item, "expires", &r->expires_ns, errors);
    check_addresses(r, item, errors);
    check_types(r, item, errors);
    if (names_nothing(r))
        settings_errors_add(errors, item, "suppression '%.60s' names neither a type nor anything else: it would cover "
                                          "every alert", r->name);
    for (size_t i = 0; i + 1 < s->len; i++)
        if (s->rules[i].name && strcmp(s->rules[i].name, r->name) == 0)
            settings_errors_add(errors, yaml_node_get(item, "name"), "name '%.60s' is already used", r->name);
}

int suppress_read(const struct yaml_node *list, struct suppress **ret, struct settings_errors *errors)
{
    CLEANUP(suppress_freep) struct suppress *s = calloc(1, sizeof *s);
    size_t before = errors->len + errors->omitted;

    if (list && yaml_node_is_null(list))
        list = NULL;
    if (list && list->kind != YAML_NODE_LIST) {
        settings_errors_add(errors, list, "suppressions: a list (- name: ...) is expected here, not %s",
                            yaml_node_kind_name(list));
        return -1;
    }
    if (list && list->len > RULES_MAX) {
        settings_errors_add(errors, list, "suppressions: more than %d", RULES_MAX);
        return -1;
    }
    if (s)
        s->rules = calloc(list ? list->len + 1 : 1, sizeof *s->rules);
    if (!s || !s->rules) {
        settings_errors_add_at(errors, list ? list->file : "", 0, 0, "no memory for suppressions");
        return -1;
    }
    for (const struct yaml_node *c = list ? list->first : NULL; c; c = c->next)
        read_rule(s, c, errors);
    if (errors->len + errors->omitted > before)
        return -1;
    *ret = TAKE(s);
    return 0;
}

void suppress_free(struct suppress *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->len; i++) {
        settings_table_release(rule_options, &s->rules[i]);
        free(s->rules[i].ranges);
    }
    free(s->rules);
    free(s);
}

void suppress_freep(struct suppress **s)
{
    suppress_free(*s);
    *s = NULL;
}

/* ---- judging ---------------------------------------------------------------------------------------- */

static bool is_listed(const struct string_list *list, struct slice text)
{
    for (size_t i = 0; i < list->len; i++)
        if (matches(list->at[i], text))
            return true;
    return false;
}

/* Exact words: an account's name is not a pattern. */
static bool is_one_of(const struct string_list *list, struct slice text)
{
    for (size_t i = 0; i < list->len; i++)
        if (slice_eq_nocase(slice_of(list->at[i]), text))
            return true;
    return false;
}

/* An alert may name a range itself ("2001:db8:1:2::/64"): all of it must be covered. */
static bool is_in_range(const struct rule *r, struct slice text)
{
    struct prefix p;

    if (!prefix_parse(text, &p))
        return false;
    for (size_t i = 0; i < r->addresses.len; i++)
        if (r->ranges[i].bits <= p.bits && prefix_holds(&r->ranges[i], &p.first))
            return true;
    return false;
}

/* Does the fact have values, are they all there, and are all of them covered? */
static bool covers(const struct rule *r, const struct alert *a, bool is_aside, const char *name,
                   const struct string_list *list)
{
    const struct fact *f = alert_fact(a, name);

    if (list->len == 0)
        return true;
    if (!f || f->len == 0)
        return is_aside;
    if (f->more)
        return false;
    for (size_t i = 0; i < f->len; i++) {
        struct slice text = slice_of(f->entries[i].text);

        if (list == &r->addresses ? !is_in_range(r, text)
            : list == &r->user_agents ? !is_listed(list, text) : !is_one_of(list, text))
            return false;
    }
    return true;
}

static bool covers_accounts(const struct rule *r, const struct alert *a, bool is_aside)
{
    if (r->accounts.len == 0)
        return true;
    if (a->account[0] == '\0')
        return covers(r, a, is_aside, "accounts", &r->accounts);
    return is_one_of(&r->accounts, slice_of(a->account));
}

static bool rule_covers(const struct rule *r, const struct alert *a, bool is_aside)
{
    return (int)a->severity <= r->max_severity && a->first_ns >= r->begins_ns && a->last_ns < r->expires_ns &&
           (r->types.len == 0 || is_listed(&r->types, slice_of(a->type->id))) &&
           (r->subjects.len == 0 || is_listed(&r->subjects, slice_of(a->subject))) && covers_accounts(r, a, is_aside) &&
           covers(r, a, is_aside, "address", &r->addresses) && covers(r, a, is_aside, "principal", &r->principals) &&
           covers(r, a, is_aside, "userAgent", &r->user_agents) && covers(r, a, is_aside, "database", &r->databases) &&
           covers(r, a, is_aside, "container", &r->containers) && covers(r, a, is_aside, "keyKind", &r->key_kinds);
}

void suppress_add_conditions(const struct suppress *s, size_t i, struct buf *out)
{
    const struct rule *r = &s->rules[i];
    size_t lists = 0;

    for (const struct option_spec *spec = rule_options; spec->key; spec++) {
        const struct string_list *list = (const void *)((const char *)r + spec->at);

        if (spec->type != OPT_STRING_LIST || list->len == 0)
            continue;
        buf_addf(out, "%s%s: ", lists++ > 0 ? "; " : "", spec->key);
        for (size_t k = 0; k < list->len; k++)
            buf_addf(out, "%s%s", k > 0 ? ", " : "", list->at[k]);
    }
    if (r->max_severity < SEVERITY_HIGH)
        buf_addf(out, "; up to severity %s", severities[r->max_severity]);
}

static const char *find_rule(const struct suppress *s, const struct alert *a, bool is_aside)
{
    for (size_t i = 0; s && i < s->len; i++)
        if (rule_covers(&s->rules[i], a, is_aside))
            return s->rules[i].name;
    return NULL;
}

const char *suppress_find(const struct suppress *s, const struct alert *a)
{
    return find_rule(s, a, false);
}

bool suppress_covers_aside(const struct suppress *s, const struct alert *a)
{
    return find_rule(s, a, true) != NULL;
}

/* ---- telling ------------------------------------------------------------------------------------------ */

size_t suppress_len(const struct suppress *s)
{
    return s ? s->len : 0;
}

void suppress_look(const struct suppress *s, size_t i, struct suppress_view *ret)
{
    const struct rule *r = &s->rules[i];

    *ret = (struct suppress_view){ .name = r->name, .reason = r->reason, .comment = r->comment ? r->comment : "",
                                   .expires_ns = r->expires_ns, .warn_before_ns = r->warn_before_ms * NS_PER_MS };
}

void suppress_warn(const struct suppress *s, int64_t now_ns, void (*fn)(void *self, const char *name, const char *what),
                   void *self)
{
    for (size_t i = 0; i < suppress_len(s); i++) {
        CLEANUP(buf_release) struct buf what = BUF_HERE(256);
        struct suppress_view v;

        suppress_look(s, i, &v);
        if (expiry_say(&what, v.expires_ns, v.warn_before_ns, now_ns))
            fn(self, v.name, buf_cstr(&what));
    }
}
