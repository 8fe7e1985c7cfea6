/* network_list.c - see network_list.h. SPDX-License-Identifier: Apache-2.0 */
#include "enrich/network_list.h"

#include "base/timeutil.h"
#include "settings/option.h"
#include "settings/yaml_node.h"

#include <math.h>
#include <stddef.h>

struct item {
    char *file, *cidr, *name, *country, *city, *org, *until;
    double lat, lon;
    int64_t asn;
    bool is_trusted;
};

static const struct option_spec item_options[] = {
    { .key = "file", .type = OPT_STRING, .at = offsetof(struct item, file),
      .help = "CSV file with the header cidr,name,country,city,lat,lon,asn,org[,trusted,until]" },
    { .key = "cidr", .type = OPT_STRING, .at = offsetof(struct item, cidr), .help = "an address or a range" },
    { .key = "name", .type = OPT_STRING, .at = offsetof(struct item, name), .help = "what people call it" },
    { .key = "country", .type = OPT_STRING, .at = offsetof(struct item, country), .help = "name or ISO code" },
    { .key = "city", .type = OPT_STRING, .at = offsetof(struct item, city), .help = "city" },
    { .key = "lat", .type = OPT_REAL, .at = offsetof(struct item, lat), .min = -90, .max = 90, .help = "degrees" },
    { .key = "lon", .type = OPT_REAL, .at = offsetof(struct item, lon), .min = -180, .max = 180, .help = "degrees" },
    { .key = "asn", .type = OPT_INT, .at = offsetof(struct item, asn), .min = 0, .max = UINT32_MAX,
      .help = "number of the autonomous system" },
    { .key = "org", .type = OPT_STRING, .at = offsetof(struct item, org), .help = "who runs it" },
    { .key = "trusted", .type = OPT_BOOL, .at = offsetof(struct item, is_trusted), .help = "yours: never an alert by itself" },
    { .key = "until", .type = OPT_STRING, .at = offsetof(struct item, until), .help = "a date or time in UTC" },
    { 0 },
};

static void add_inline(const struct item *in, const struct yaml_node *node, struct network_table *t,
                       struct settings_errors *errors)
{
    struct network n = { .name = in->name, .country = in->country, .city = in->city, .org = in->org, .asn = in->asn,
                         .lat = yaml_node_get(node, "lat") ? in->lat : (double)NAN,
                         .lon = yaml_node_get(node, "lon") ? in->lon : (double)NAN,
                         .until_ns = INT64_MAX, .is_trusted = in->is_trusted };
    struct error err = { 0 };

    if (in->until && !time_parse_iso(slice_of(in->until), &n.until_ns))
        settings_errors_add(errors, yaml_node_get(node, "until"),
                            "a date or a time in UTC is expected, as in 2026-12-31");
    else if (network_table_add(t, slice_of(in->cidr), &n, &err) < 0)
        settings_errors_add(errors, yaml_node_get(node, "cidr"), "%s", err.msg);
}

static void add_item(const struct yaml_node *node, const struct network_files *files, struct network_table *t,
                     struct settings_errors *errors)
{
    struct item in = { 0 };
    struct error err = { 0 };

    if (settings_table_apply(item_options, node, &in, errors) < 0)
        ; /* told */
    else if (!in.file == !in.cidr)
        settings_errors_add(errors, node, "a network needs either 'cidr' or 'file'");
    else if (in.cidr)
        add_inline(&in, node, t, errors);
    else if (files->read(files->self, in.file, t, &err) < 0)
        settings_errors_add(errors, yaml_node_get(node, "file"), "%s", err.msg);
    settings_table_release(item_options, &in);
}

int network_list_read(const struct yaml_node *list, const struct network_files *files, struct network_table **ret,
                      struct settings_errors *errors)
{
    CLEANUP(network_table_freep) struct network_table *t = network_table_new();
    size_t before = errors->len + errors->omitted;

    if (!t) {
        settings_errors_add(errors, list, "no memory for networks");
        return -1;
    }
    if (list && yaml_node_is_null(list))
        list = NULL;
    if (list && list->kind != YAML_NODE_LIST)
        settings_errors_add(errors, list, "networks: a list (- cidr: ...) is expected here, not %s",
                            yaml_node_kind_name(list));
    else
        for (const struct yaml_node *n = list ? list->first : NULL; n; n = n->next)
            add_item(n, files, t, errors);
    if (errors->len + errors->omitted > before)
        return -1;
    *ret = TAKE(t);
    return 0;
}
