/* fuzz_rules - any YAML as one of the lists of rules (the first byte chooses), and what they make of alerts: whom the operator
 * trusts, what is suppressed, accounts, networks, routes with Defender's rule sets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/accounts.h"
#include "alert/suppress.h"
#include "delivery/route.h"
#include "enrich/network_list.h"
#include "enrich/networks.h"
#include "enrich/trusted.h"
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/settings.h"
#include "settings/yaml_node.h"
#include "tests/fuzz/fuzz_alert.h"

enum list { LIST_TRUSTED, LIST_SUPPRESSIONS, LIST_ACCOUNTS, LIST_NETWORKS, LIST_ROUTE, LIST_COUNT };

static void say_nothing(void *self UNUSED, const char *name, const char *what)
{
    PROMISE(name && what);
}

static void ask_trusted(const struct yaml_node *root, struct settings_errors *errors)
{
    struct trusted *t = NULL;

    if (trusted_read(root, &t, errors) < 0)
        return;
    for (int kind = 0; kind < TRUSTED_KIND_COUNT; kind++)
        (void)trusted_has(t, (enum trusted_kind)kind, SL("shop-prod"), SL("203.0.113.66"), FUZZ_NOW_NS);
    (void)trusted_has_asn(t, SL("shop-prod"), 64500, FUZZ_NOW_NS);
    trusted_warn(t, FUZZ_NOW_NS, say_nothing, NULL);
    trusted_free(t);
}

static void ask_suppress(const struct yaml_node *root, const struct alert *a, struct settings_errors *errors)
{
    struct suppress *s = NULL;
    struct suppress_view view;

    if (suppress_read(root, &s, errors) < 0)
        return;
    (void)suppress_find(s, a);
    for (size_t i = 0; i < suppress_len(s); i++)
        suppress_look(s, i, &view);
    suppress_warn(s, FUZZ_NOW_NS, say_nothing, NULL);
    suppress_free(s);
}

static void label(const struct yaml_node *root, struct alert *a, struct settings_errors *errors)
{
    struct accounts *accounts = NULL;
    struct error err = { 0 };

    if (accounts_read(root, &accounts, errors) < 0)
        return;
    PROMISE(accounts_label(accounts, a, &err) == 0);
    accounts_free(accounts);
}

static int read_no_file(void *self UNUSED, const char *path, struct network_table *t UNUSED, struct error *err)
{
    return error_set(err, ERR_CONFIG, "'%.80s' is not here", path);
}

static void read_networks(const struct yaml_node *root, struct settings_errors *errors)
{
    const struct network_files files = { .read = read_no_file };
    struct network_table *networks = NULL;

    if (network_list_read(root, &files, &networks, errors) == 0)
        network_table_free(networks);
}

static void ask_route(const struct yaml_node *root, const struct alert *a, struct settings_errors *errors)
{
    struct settings_route settings = { 0 };
    struct route *route = NULL;
    struct buf why = BUF_INIT(4096);
    struct error err = { 0 };
    bool is_wanted = false;

    if (settings_table_apply(settings_route_options, root, &settings, errors) == 0 &&
        route_read(&settings, root, NULL, &route, errors) == 0) {
        PROMISE(route_judge(route, a, &is_wanted, &why, &err) == 0);
        PROMISE(is_wanted || why.len > 0);
        route_free(route);
    }
    buf_release(&why);
    settings_table_release(settings_route_options, &settings);
}

FUZZ_TARGET(rules)
{
    struct slice rest = slice_make((const char *)data, size);
    unsigned list = fuzz_choose(&rest, LIST_COUNT);
    struct settings_errors errors = { 0 };
    struct yaml_tree *tree = NULL;
    struct alert *a = fuzz_alert_with(SL("203.0.113.66"));

    if (yaml_tree_parse(rest, "fuzz.yaml", &tree, &errors) == 0) {
        const struct yaml_node *root = yaml_tree_root(tree);

        switch ((enum list)list) {
        case LIST_TRUSTED: ask_trusted(root, &errors); break;
        case LIST_SUPPRESSIONS: ask_suppress(root, a, &errors); break;
        case LIST_ACCOUNTS: label(root, a, &errors); break;
        case LIST_NETWORKS: read_networks(root, &errors); break;
        case LIST_ROUTE: case LIST_COUNT: ask_route(root, a, &errors); break;
        }
    }
    alert_free(a);
    settings_errors_release(&errors);
    yaml_tree_free(tree);
    return 0;
}
