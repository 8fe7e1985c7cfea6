/* fuzz_config - any bytes as the configuration, with every module's options. Secrets are not read.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/accounts.h"
#include "alert/suppress.h"
#include "assemble.h"
#include "delivery/route.h"
#include "enrich/network_list.h"
#include "enrich/networks.h"
#include "enrich/trusted.h"
#include "settings/errors.h"
#include "settings/settings.h"
#include "settings/yaml_node.h"
#include "tests/fuzz/fuzz.h"

static int read_no_file(void *self UNUSED, const char *path, struct network_table *t UNUSED, struct error *err)
{
    return error_set(err, ERR_CONFIG, "'%.80s' is not here", path);
}

/* The lists that modules read themselves. */
static void read_lists(const struct settings *s, struct settings_errors *errors)
{
    const struct network_files files = { .read = read_no_file };
    struct network_table *networks = NULL;
    struct trusted *trusted = NULL;
    struct suppress *suppress = NULL;
    struct accounts *accounts = NULL;
    bool is_fine = true;

    is_fine = accounts_read(s->accounts, &accounts, errors) == 0 && is_fine;
    is_fine = network_list_read(s->networks, &files, &networks, errors) == 0 && is_fine;
    is_fine = trusted_read(s->trusted, &trusted, errors) == 0 && is_fine;
    is_fine = suppress_read(s->suppressions, &suppress, errors) == 0 && is_fine;
    for (size_t i = 0; i < s->outputs.len; i++) {
        const struct settings_entry *o = &s->outputs.at[i];
        struct route *route = NULL;

        if (route_read(&o->route, yaml_node_get(o->node, "route"), accounts, &route, errors) == 0)
            route_free(route);
        else
            is_fine = false;
    }
    PROMISE(is_fine != settings_errors_any(errors));
    suppress_free(suppress);
    trusted_free(trusted);
    network_table_free(networks);
    accounts_free(accounts);
}

FUZZ_TARGET(config)
{
    char *exact = fuzz_padded(slice_make((const char *)data, size), 0);
    struct settings_errors errors = { .ignore_secrets = true };
    struct settings *s = NULL;
    struct buf said = BUF_INIT((size_t)1 << 20);

    if (settings_parse_text(slice_make(exact, size), "fuzz.yaml", assemble_registry(), &s, &errors) == 0) {
        PROMISE(s && !settings_errors_any(&errors));
        read_lists(s, &errors);
    } else {
        PROMISE(!s && settings_errors_any(&errors));
    }
    settings_errors_print(&errors, &said);
    for (size_t i = 0; i < said.len; i++) /* told on a terminal: nothing but lines */
        PROMISE((unsigned char)said.at[i] >= 0x20 || said.at[i] == '\n');
    for (size_t i = 0; i < errors.len; i++)
        PROMISE(!strchr(errors.at[i].text, '\n'));
    buf_release(&said);
    settings_errors_release(&errors);
    settings_free(s);
    free(exact);
    return 0;
}
