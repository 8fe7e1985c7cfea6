/* service_tags.c - see service_tags.h. Some three megabytes a week: json-c will do.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/service_tags.h"

#include "base/num.h"

#include <json-c/json.h>
#include <math.h>
#include <stdio.h>

#define DEPTH_MAX 8

struct tag {
    const char *name, *service; /* as written; service "" for what customers rent */
    char region[96];            /* "Azure westeurope"; "" for all regions */
    struct json_object *prefixes;
};

static struct json_object *member(struct json_object *o, const char *key, enum json_type type)
{
    struct json_object *v = NULL;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &v) &&
                   json_object_is_type(v, type)
               ? v : NULL;
}

static const char *text(struct json_object *o, const char *key)
{
    struct json_object *v = member(o, key, json_type_string);

    return v ? json_object_get_string(v) : "";
}

static bool read_tag(struct json_object *value, struct tag *ret)
{
    struct json_object *properties = member(value, "properties", json_type_object);
    const char *region = text(properties, "region");

    *ret = (struct tag){ .name = text(value, "name"), .service = text(properties, "systemService"),
                         .prefixes = member(properties, "addressPrefixes", json_type_array) };
    if (region[0])
        (void)snprintf(ret->region, sizeof ret->region, "Azure %s", region);
    return ret->name[0] && ret->prefixes;
}

enum { RANKS = 4 };

static int rank_of(const struct tag *t)
{
    return (t->service[0] ? 0 : 2) + (t->region[0] ? 0 : 1);
}

static int add_tag(struct network_table *table, const struct tag *t, int64_t number, struct feed_report *report,
                   struct error *err)
{
    const struct network n = { .name = t->name, .region = t->region, .lat = NAN, .lon = NAN, .until_ns = INT64_MAX,
                               .is_azure = true, .is_azure_service = t->service[0] != '\0' };

    for (size_t i = 0; i < json_object_array_length(t->prefixes); i++) {
        struct json_object *p = json_object_array_get_idx(t->prefixes, i);
        struct error e = { 0 };
        struct slice range = json_object_is_type(p, json_type_string) ? slice_of(json_object_get_string(p)) : SL("");

        report->lines++;
        if (network_table_add(table, range, &n, &e) == 0) {
            report->entries++;
        } else if (e.code == ERR_CONFIG) {
            feed_report_bad(report, number, "%s: %.60s", t->name, e.msg);
        } else {
            *err = e;
            return -1;
        }
    }
    return 0;
}

/* A pass for each rank: equal ranges keep their order. */
static int add_values(struct network_table *table, struct json_object *values, struct feed_report *report,
                      struct error *err)
{
    for (int rank = 0; rank < RANKS; rank++)
        for (size_t i = 0; i < json_object_array_length(values); i++) {
            struct tag t;

            if (read_tag(json_object_array_get_idx(values, i), &t) && rank_of(&t) == rank &&
                add_tag(table, &t, (int64_t)i + 1, report, err) < 0)
                return -1;
        }
    return 0;
}

int service_tags_parse(struct slice bytes, struct network_table **ret, struct feed_report *report, struct error *err)
{
    CLEANUP(network_table_freep) struct network_table *table = network_table_new();
    struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX);
    struct json_object *top = NULL, *values = NULL;
    int rc = -1;

    *report = (struct feed_report){ 0 };
    if (slice_starts(bytes, SL("\xef\xbb\xbf")))
        bytes = slice_make(bytes.at + 3, bytes.len - 3);
    if (tok && bytes.len <= INT32_MAX)
        top = json_tokener_parse_ex(tok, bytes.at, (int)bytes.len);
    values = member(top, "values", json_type_array);
    if (!table || !tok)
        error_set(err, ERR_NOMEM, "service tags");
    else if (!top)
        error_set(err, ERR_INPUT, "no JSON, or not all of it: Microsoft's ServiceTags_*.json is expected");
    else if (!values)
        error_set(err, ERR_INPUT, "has no list `values`: Microsoft's ServiceTags_*.json is expected");
    else
        rc = add_values(table, values, report, err);
    if (rc == 0 && report->entries == 0)
        rc = error_set(err, ERR_INPUT, "holds no address range: Microsoft's ServiceTags_*.json is expected");
    json_object_put(top);
    if (tok)
        json_tokener_free(tok);
    if (rc == 0)
        *ret = TAKE(table);
    return rc;
}
