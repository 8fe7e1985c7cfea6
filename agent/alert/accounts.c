/* accounts.c - see accounts.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/accounts.h"

#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"

#include <stdlib.h>

#define ACCOUNTS_MAX 10000
#define TAGS_MAX 20 /* of one account: as many as a fact keeps */

struct account {
    char *name, *owner;
    struct string_list tags;
};

struct accounts {
    struct account *at; /* sorted by name */
    size_t len;
};

static const struct option_spec account_options[] = {
    { .key = "name", .type = OPT_STRING, .at = offsetof(struct account, name), .required = true, .min = 1, .max = 50,
      .help = "of the database account" },
    { .key = "tags", .type = OPT_STRING_LIST, .at = offsetof(struct account, tags), .max = TAGS_MAX,
      .help = "words of your own, for routes" },
    { .key = "owner", .type = OPT_STRING, .at = offsetof(struct account, owner), .min = 1, .max = 200,
      .help = "whom to call" },
    { 0 },
};

static int by_name(const void *a, const void *b)
{
    return strcasecmp(((const struct account *)a)->name, ((const struct account *)b)->name);
}

static void read_account(struct accounts *a, const struct yaml_node *item, struct settings_errors *errors)
{
    struct account *x = &a->at[a->len++];

    if (settings_table_apply(account_options, item, x, errors) < 0)
        return;
    for (size_t i = 0; i + 1 < a->len; i++)
        if (a->at[i].name && by_name(&a->at[i], x) == 0)
            settings_errors_add(errors, yaml_node_get(item, "name"), "account '%.60s' is already described", x->name);
}

int accounts_read(const struct yaml_node *list, struct accounts **ret, struct settings_errors *errors)
{
    struct accounts *a = NULL;
    size_t before = errors->len + errors->omitted;

    if (!list || yaml_node_is_null(list))
        return 0; /* *ret stays NULL */
    if (list->kind != YAML_NODE_LIST || list->len > ACCOUNTS_MAX) {
        settings_errors_add(errors, list, "accounts: a list (- name: ...) of at most %d is expected here, not %s",
                            ACCOUNTS_MAX, yaml_node_kind_name(list));
        return -1;
    }
    a = calloc(1, sizeof *a);
    if (a)
        a->at = calloc(list->len + 1, sizeof *a->at);
    if (!a || !a->at) {
        settings_errors_add(errors, list, "no memory for accounts");
        accounts_free(a);
        return -1;
    }
    for (const struct yaml_node *c = list->first; c; c = c->next)
        read_account(a, c, errors);
    if (errors->len + errors->omitted > before) {
        accounts_free(a);
        return -1;
    }
    qsort(a->at, a->len, sizeof *a->at, by_name);
    *ret = a;
    return 0;
}

void accounts_free(struct accounts *a)
{
    if (!a)
        return;
    for (size_t i = 0; a->at && i < a->len; i++)
        settings_table_release(account_options, &a->at[i]);
    free(a->at);
    free(a);
}

size_t accounts_len(const struct accounts *a)
{
    return a ? a->len : 0;
}

const char *accounts_name(const struct accounts *a, size_t i)
{
    return a->at[i].name;
}

bool accounts_has_tag(const struct accounts *a, size_t i, const char *tag)
{
    for (size_t t = 0; t < a->at[i].tags.len; t++)
        if (strcasecmp(a->at[i].tags.at[t], tag) == 0)
            return true;
    return false;
}

const char *accounts_tag_at(const struct accounts *a, size_t n)
{
    for (size_t i = 0; i < accounts_len(a); i++) {
        if (n < a->at[i].tags.len)
            return a->at[i].tags.at[n];
        n -= a->at[i].tags.len;
    }
    return NULL;
}

/* ---- on the alert ------------------------------------------------------------------------------------ */

static int is_name(const void *name, const void *account)
{
    return strcasecmp(name, ((const struct account *)account)->name);
}

static int label_one(const struct accounts *a, const char *name, struct alert *alert, struct error *err)
{
    const struct account *x = bsearch(name, a->at, a->len, sizeof *a->at, is_name);
    struct fact_value facts[TAGS_MAX + 1];
    size_t n = 0;

    if (!x)
        return 0;
    for (; n < x->tags.len && n < TAGS_MAX; n++)
        facts[n] = (struct fact_value){ .name = "accountTags", .kind = FACT_SET, .text = slice_of(x->tags.at[n]) };
    if (x->owner)
        facts[n++] = (struct fact_value){ .name = "accountOwner", .kind = FACT_SET, .text = slice_of(x->owner) };
    return alert_merge(alert, &(struct alert_draft){ .severity = alert->severity, .first_ns = alert->first_ns,
                                                     .last_ns = alert->last_ns, .facts = facts, .facts_len = n }, err);
}

int accounts_label(const struct accounts *a, struct alert *alert, struct error *err)
{
    const struct fact *names = NULL;

    if (!a)
        return 0;
    if (label_one(a, alert->account, alert, err) < 0)
        return -1;
    names = alert_fact(alert, "accounts");
    if (!names)
        return 0;
    for (size_t i = 0, n = names->len; i < n; i++) {
        /* Asked again each time: merging may move the facts. */
        names = alert_fact(alert, "accounts");
        if (label_one(a, names->entries[i].text, alert, err) < 0)
            return -1;
    }
    return 0;
}
