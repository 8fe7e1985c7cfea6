/* service_tags.c - see service_tags.h. Some three megabytes a week: json-c will do.
 * SPDX-License-Identifier: Apache-2.0 */
#include "enrich/service_tags.h"

#include "base/num.h"

#include <json-c/json.h>
#include <math.h>
#include <string.h>

#define DEPTH_MAX 8

struct tag {
    char name[SERVICE_TAG_TEXT_MAX + 1];
    char region[SERVICE_TAG_TEXT_MAX + 1]; /* "Azure westeurope"; "" for all regions */
    bool is_service;                       /* not of what customers rent */
    struct json_object *prefixes;
};

static struct json_object *member(struct json_object *o, const char *key, enum json_type type)
{
    struct json_object *v = NULL;

    return json_object_is_type(o, json_type_object) && json_object_object_get_ex(o, key, &v) &&
                   json_object_is_type(v, type)
               ? v : NULL;
}

static struct slice text(struct json_object *o, const char *key)
{
    struct json_object *v = member(o, key, json_type_string);

    return v ? slice_make(json_object_get_string(v), (size_t)json_object_get_string_len(v)) : SL("");
}

static bool is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

bool service_tag_text_is_sound(struct slice s)
{
    size_t i = 0;

    while (i < s.len && !is_control(s.at[i]))
        i++;
    return i == s.len && s.len <= SERVICE_TAG_TEXT_MAX;
}

/* It is shown to people: no control bytes, and an end. */
static void keep_text(char ret[SERVICE_TAG_TEXT_MAX + 1], const char *before, struct slice s)
{
    size_t len = strlen(before);

    s = slice_cut(s, SERVICE_TAG_TEXT_MAX - len);
    memcpy(ret, before, len);
    for (size_t i = 0; i < s.len; i++)
        ret[len++] = is_control(s.at[i]) ? ' ' : s.at[i];
    ret[len] = '\0';
}

static bool read_tag(struct json_object *value, struct tag *ret)
{
    struct json_object *properties = member(value, "properties", json_type_object);
    struct slice region = text(properties, "region");

    *ret = (struct tag){ .is_service = !slice_empty(text(properties, "systemService")),
                         .prefixes = member(properties, "addressPrefixes", json_type_array) };
    keep_text(ret->name, "", text(value, "name"));
    if (!slice_empty(region))
        keep_text(ret->region, "Azure ", region);
    return ret->name[0] && ret->prefixes;
}

enum { RANKS = 4 };

static int rank_of(const struct tag *t)
{
    return (t->is_service ? 0 : 2) + (t->region[0] ? 0 : 1);
}

static int add_tag(struct network_table *table, const struct tag *t, int64_t number, struct feed_report *report,
                   struct error *err)
{
    const struct network n = { .name = t->name, .region = t->region, .lat = NAN, .lon = NAN, .until_ns = INT64_MAX,
                               .is_azure = true, .is_azure_service = t->is_service };

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

/* NULL: it is no JSON, or memory is missing to read it: then err is set. */
static struct json_object *parse(struct slice bytes, struct error *err)
{
    struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX);
    struct json_object *top = NULL;
    bool is_refused = !tok;

    if (tok && bytes.len <= INT32_MAX) {
        top = json_tokener_parse_ex(tok, bytes.at, (int)bytes.len);
        /* A refusal has no code of its own, and "null" is no object either. */
        is_refused = !top && json_tokener_get_error(tok) == json_tokener_success &&
                     !slice_starts_nocase(slice_trim(bytes), SL("null"));
    }
    if (tok)
        json_tokener_free(tok);
    if (is_refused)
        error_set(err, ERR_NOMEM, "no memory to read the service tags");
    else if (!top)
        error_set(err, ERR_INPUT, "no JSON, or not all of it: Microsoft's ServiceTags_*.json is expected");
    return top;
}

static void put_object(struct json_object **o)
{
    json_object_put(*o);
}

int service_tags_parse(struct slice bytes, struct network_table **ret, struct feed_report *report, struct error *err)
{
    CLEANUP(network_table_freep) struct network_table *table = network_table_new();
    CLEANUP(put_object) struct json_object *top = NULL;
    struct json_object *values = NULL;

    *report = (struct feed_report){ 0 };
    if (!table)
        return error_set(err, ERR_NOMEM, "no memory to read the service tags");
    if (slice_starts(bytes, SL("\xef\xbb\xbf")))
        bytes = slice_make(bytes.at + 3, bytes.len - 3);
    top = parse(bytes, err);
    if (!top)
        return -1;
    values = member(top, "values", json_type_array);
    if (!values)
        return error_set(err, ERR_INPUT, "has no list `values`: Microsoft's ServiceTags_*.json is expected");
    if (add_values(table, values, report, err) < 0)
        return -1;
    if (report->entries == 0)
        return error_set(err, ERR_INPUT, "holds no address range: Microsoft's ServiceTags_*.json is expected");
    *ret = TAKE(table);
    return 0;
}
