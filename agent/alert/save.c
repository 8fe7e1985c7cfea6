/* save.c - the durable form of an alert: JSON for the store alone, not for receivers. Unknown members
 * are ignored and missing ones default, so that neighbouring releases read each other's rows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/buf.h"
#include "base/json_in.h"
#include "base/json_out.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const fact_kind_names[] = { "sum", "max", "min", "set", "map", "sample" };

/* Bytes that are no UTF-8 stay what they are: an alert that was loaded goes on as the one that was saved. */
static void add_bytes(struct buf *out, struct slice s)
{
    buf_add_char(out, '"');
    for (size_t i = 0, run; i < s.len; i = run + 1) {
        for (run = i; run < s.len && (unsigned char)s.at[run] >= 0x20 && s.at[run] != '"' && s.at[run] != '\\'; run++)
            ;
        buf_add(out, s.at + i, run - i);
        if (run < s.len && (unsigned char)s.at[run] >= 0x20)
            buf_addf(out, "\\%c", s.at[run]);
        else if (run < s.len)
            buf_addf(out, "\\u%04x", (unsigned)(unsigned char)s.at[run]);
    }
    buf_add_char(out, '"');
}

static void add_text(struct buf *out, const char *key, const char *value)
{
    json_add_key(out, key);
    add_bytes(out, slice_of(value));
}

static void add_entries(struct buf *out, const struct fact *f)
{
    json_add_key(out, "texts");
    buf_add_char(out, '[');
    for (size_t i = 0; i < f->len; i++) {
        json_add_comma(out);
        add_bytes(out, slice_of(f->entries[i].text));
    }
    buf_add_char(out, ']');
    json_add_key(out, "numbers");
    buf_add_char(out, '[');
    for (size_t i = 0; i < f->len; i++) {
        json_add_comma(out);
        json_add_i64(out, f->entries[i].number);
    }
    buf_add_char(out, ']');
    json_add_member_bool(out, "more", f->more);
}

static void add_fact(struct buf *out, const struct fact *f)
{
    json_add_comma(out);
    buf_add_char(out, '{');
    add_text(out, "name", f->name);
    add_text(out, "kind", fact_kind_names[f->kind]);
    if (fact_is_list(f))
        add_entries(out, f);
    else
        json_add_member_i64(out, "number", f->number);
    buf_add_char(out, '}');
}

static void add_identity(struct buf *out, const struct alert *a)
{
    add_text(out, "id", a->id);
    add_text(out, "recordId", a->record_id);
    json_add_member_i64(out, "update", a->update);
    json_add_member_i64(out, "toldCount", a->told_count);
    json_add_member_bool(out, "final", a->is_final);
    json_add_member_bool(out, "sample", a->is_sample);
    json_add_member_bool(out, "suppressed", a->is_suppressed);
    add_text(out, "type", a->type->id);
    add_text(out, "detector", a->detector);
    add_text(out, "variant", a->variant);
}

static void add_content(struct buf *out, const struct alert *a)
{
    add_text(out, "account", a->account);
    add_text(out, "resourceId", a->resource_id);
    add_text(out, "subject", a->subject);
    json_add_member_i64(out, "severity", (int64_t)a->severity);
    json_add_member_i64(out, "confidence", a->confidence);
    json_add_member_i64(out, "api", (int64_t)a->api);
    json_add_member_i64(out, "bucket", a->bucket_ns);
    json_add_member_i64(out, "first", a->first_ns);
    json_add_member_i64(out, "last", a->last_ns);
    json_add_member_i64(out, "count", a->count);
}

int alert_save(const struct alert *a, struct buf *out, struct error *err)
{
    buf_add_char(out, '{');
    json_add_member_i64(out, "v", 1);
    add_identity(out, a);
    add_content(out, a);
    json_add_key(out, "facts");
    buf_add_char(out, '[');
    for (size_t i = 0; i < a->facts_len; i++)
        add_fact(out, &a->facts[i]);
    buf_add_str(out, "]}");
    return buf_check(out, err);
}

/* Names of facts are ours, and members of documents are called by them: anything else is a damaged alert. */
static bool is_fact_name(const char *name)
{
    return name[0] && name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
}

static bool load_fact(struct fact *f, struct json_object *o)
{
    const char *kind = json_text(o, "kind", "");
    struct json_object *texts = NULL, *numbers = NULL;
    size_t n = 0;

    f->name = strdup(json_text(o, "name", ""));
    f->kind = FACT_SUM;
    for (size_t i = 0; i < ARRAY_LEN(fact_kind_names); i++)
        if (strcmp(kind, fact_kind_names[i]) == 0)
            f->kind = (enum fact_kind)i;
    f->number = json_number(o, "number");
    f->more = json_number(o, "more") != 0;
    if (!f->name)
        return false;
    if (!json_object_object_get_ex(o, "texts", &texts) || !json_object_is_type(texts, json_type_array))
        return true;
    (void)json_object_object_get_ex(o, "numbers", &numbers);
    n = json_object_array_length(texts);
    if (n > FACT_SET_MAX)
        n = FACT_SET_MAX;
    f->entries = n ? calloc(n, sizeof *f->entries) : NULL;
    if (n && !f->entries)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct json_object *t = json_object_array_get_idx(texts, i);
        const char *s = t && json_object_is_type(t, json_type_string) ? json_object_get_string(t) : "";

        f->entries[i].text = strdup(s);
        f->entries[i].number = numbers && json_object_is_type(numbers, json_type_array)
                                   ? json_object_get_int64(json_object_array_get_idx(numbers, i))
                                   : 0;
        if (!f->entries[i].text)
            return false;
        f->len++;
    }
    return true;
}

static int load_object(struct json_object *o, struct alert *a, struct error *err)
{
    struct json_object *facts = NULL;
    size_t n = 0;

    a->type = alert_type_find(json_text(o, "type", ""));
    if (!a->type)
        return error_set(err, ERR_STATE, "stored alert of the unknown type '%s'", json_text(o, "type", ""));
    (void)snprintf(a->id, sizeof a->id, "%s", json_text(o, "id", ""));
    (void)snprintf(a->record_id, sizeof a->record_id, "%s", json_text(o, "recordId", ""));
    a->update = json_number(o, "update");
    a->told_count = json_number(o, "toldCount");
    a->is_final = json_number(o, "final") != 0;
    a->is_sample = json_number(o, "sample") != 0;
    a->is_suppressed = json_number(o, "suppressed") != 0;
    a->detector = strdup(json_text(o, "detector", ""));
    a->variant = strdup(json_text(o, "variant", ""));
    a->account = strdup(json_text(o, "account", ""));
    a->resource_id = strdup(json_text(o, "resourceId", ""));
    a->subject = strdup(json_text(o, "subject", ""));
    a->severity = (enum severity)(json_number(o, "severity") & 3);
    a->confidence = (int)json_number(o, "confidence");
    a->api = (enum api)json_number(o, "api");
    if ((int)a->api < 0 || a->api >= API_COUNT)
        a->api = API_UNKNOWN;
    a->bucket_ns = json_number(o, "bucket");
    a->first_ns = json_number(o, "first");
    a->last_ns = json_number(o, "last");
    a->count = json_number(o, "count");
    if (!a->detector || !a->variant || !a->account || !a->resource_id || !a->subject)
        return error_set(err, ERR_NOMEM, "no memory to load an alert");
    if (!json_object_object_get_ex(o, "facts", &facts) || !json_object_is_type(facts, json_type_array))
        return 0;
    n = json_object_array_length(facts);
    a->facts = n ? calloc(n, sizeof *a->facts) : NULL;
    if (n && !a->facts)
        return error_set(err, ERR_NOMEM, "no memory to load an alert");
    for (size_t i = 0; i < n; i++) {
        a->facts_len++; /* a half-read one is freed as well */
        if (!load_fact(&a->facts[i], json_object_array_get_idx(facts, i)))
            return error_set(err, ERR_NOMEM, "no memory to load an alert");
        if (!is_fact_name(a->facts[i].name))
            return error_set(err, ERR_STATE, "stored alert with a fact that is named '%.40s'", a->facts[i].name);
    }
    return 0;
}

int alert_load(struct slice json, struct alert **ret, struct error *err)
{
    struct json_object *o = NULL;
    CLEANUP(alert_freep) struct alert *a = NULL;
    int rc = json_read(json, &o, err);

    if (rc < 0 && err->code == ERR_NOMEM)
        return error_wrap(err, "stored alert");
    a = alert_new();
    if (rc < 0 || !json_object_is_type(o, json_type_object))
        rc = error_set(err, ERR_STATE, "a stored alert is not readable JSON");
    else
        rc = a ? load_object(o, a, err) : error_set(err, ERR_NOMEM, "no memory to load an alert");
    if (rc == 0)
        *ret = TAKE(a);
    json_object_put(o);
    return rc;
}
