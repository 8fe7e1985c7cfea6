/* save.c - the durable form of an alert: JSON for the store alone, not for receivers. Unknown members
 * are ignored and missing ones default, so that neighbouring releases read each other's rows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/alert.h"
#include "alert/catalogue.h"
#include "base/buf.h"
#include "base/json_in.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const fact_kind_names[] = { "sum", "max", "min", "set", "map", "sample" };

static struct json_object *fact_json(const struct fact *f)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "name", json_object_new_string(f->name));
    json_object_object_add(o, "kind", json_object_new_string(fact_kind_names[f->kind]));
    if (!fact_is_list(f)) {
        json_object_object_add(o, "number", json_object_new_int64(f->number));
        return o;
    }
    struct json_object *texts = json_object_new_array();
    struct json_object *numbers = json_object_new_array();

    for (size_t i = 0; i < f->len; i++) {
        json_object_array_add(texts, json_object_new_string(f->entries[i].text));
        json_object_array_add(numbers, json_object_new_int64(f->entries[i].number));
    }
    json_object_object_add(o, "texts", texts);
    json_object_object_add(o, "numbers", numbers);
    json_object_object_add(o, "more", json_object_new_boolean(f->more));
    return o;
}

int alert_save(const struct alert *a, struct buf *out, struct error *err)
{
    struct json_object *o = json_object_new_object();
    struct json_object *facts = json_object_new_array();
    size_t len = 0;
    const char *text = NULL;
    int rc = -1;

    if (!o || !facts) {
        error_set(err, ERR_NOMEM, "no memory to save an alert");
        goto out;
    }
    json_object_object_add(o, "v", json_object_new_int(1));
    json_object_object_add(o, "id", json_object_new_string(a->id));
    json_object_object_add(o, "recordId", json_object_new_string(a->record_id));
    json_object_object_add(o, "update", json_object_new_int64(a->update));
    json_object_object_add(o, "toldCount", json_object_new_int64(a->told_count));
    json_object_object_add(o, "final", json_object_new_boolean(a->is_final));
    json_object_object_add(o, "sample", json_object_new_boolean(a->is_sample));
    json_object_object_add(o, "suppressed", json_object_new_boolean(a->is_suppressed));
    json_object_object_add(o, "type", json_object_new_string(a->type->id));
    json_object_object_add(o, "detector", json_object_new_string(a->detector));
    json_object_object_add(o, "variant", json_object_new_string(a->variant));
    json_object_object_add(o, "account", json_object_new_string(a->account));
    json_object_object_add(o, "resourceId", json_object_new_string(a->resource_id));
    json_object_object_add(o, "subject", json_object_new_string(a->subject));
    json_object_object_add(o, "severity", json_object_new_int((int)a->severity));
    json_object_object_add(o, "confidence", json_object_new_int(a->confidence));
    json_object_object_add(o, "api", json_object_new_int((int)a->api));
    json_object_object_add(o, "bucket", json_object_new_int64(a->bucket_ns));
    json_object_object_add(o, "first", json_object_new_int64(a->first_ns));
    json_object_object_add(o, "last", json_object_new_int64(a->last_ns));
    json_object_object_add(o, "count", json_object_new_int64(a->count));
    for (size_t i = 0; i < a->facts_len; i++)
        json_object_array_add(facts, fact_json(&a->facts[i]));
    json_object_object_add(o, "facts", json_object_get(facts));
    text = json_object_to_json_string_length(o, JSON_C_TO_STRING_PLAIN, &len);
    if (!text) {
        error_set(err, ERR_NOMEM, "no memory to save an alert");
        goto out;
    }
    buf_add(out, text, len);
    rc = buf_check(out, err);
out:
    json_object_put(facts);
    json_object_put(o);
    return rc;
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
    struct json_tokener *tok = json_tokener_new();
    struct json_object *o = NULL;
    CLEANUP(alert_freep) struct alert *a = alert_new();
    int rc = -1;

    if (!tok || !a) {
        error_set(err, ERR_NOMEM, "no memory to load an alert");
        goto out;
    }
    if (json.len > INT32_MAX)
        goto bad;
    o = json_tokener_parse_ex(tok, json.at, (int)json.len);
    if (!o || !json_object_is_type(o, json_type_object))
        goto bad;
    rc = load_object(o, a, err);
    if (rc == 0)
        *ret = TAKE(a);
    goto out;
bad:
    error_set(err, ERR_STATE, "a stored alert is not readable JSON");
out:
    json_object_put(o);
    if (tok)
        json_tokener_free(tok);
    return rc;
}
