/* requests.c - see requests.h. A JSON array in one named value; read and emptied in one transaction.
 * SPDX-License-Identifier: Apache-2.0 */
#include "requests.h"

#include "base/buf.h"
#include "base/json_in.h"
#include "base/log.h"
#include "baseline/baseline.h"
#include "store/store.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOB "operator/requests"
#define WAITING_MAX 10000

static const char *const words[] = { [REQUEST_FORGET] = "forget", [REQUEST_CONFIRM] = "confirm" };

/* The waiting requests as an array; the caller puts it. Damage counts as nothing waiting. */
static int waiting(struct store *s, struct json_object **ret, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(16u << 20);
    struct json_object *list = NULL;
    bool is_found = false;

    if (store_get_blob(s, BLOB, &text, &is_found, err) < 0)
        return -1;
    if (is_found && text.len > 0 && json_read(buf_slice(&text), &list, err) < 0 && err->code == ERR_NOMEM)
        return error_wrap(err, "requests that wait");
    if (!json_object_is_type(list, json_type_array)) {
        json_object_put(list);
        list = json_object_new_array();
    }
    *ret = list;
    return list ? 0 : error_set(err, ERR_NOMEM, "no memory for requests");
}

static int add_to_blob(struct store *s, const struct request *r, struct error *err)
{
    struct json_object *list = NULL, *o = NULL;
    const char *text = NULL;
    int rc = -1;

    if (waiting(s, &list, err) < 0)
        return -1;
    o = json_object_new_object();
    if (json_object_array_length(list) >= WAITING_MAX) {
        error_set(err, ERR_LIMIT, "%d requests wait already: start the agent, it carries them out", WAITING_MAX);
        json_object_put(o);
    } else if (o) {
        json_object_object_add(o, "do", json_object_new_string(words[r->what]));
        json_object_object_add(o, "account", json_object_new_string(r->account));
        json_object_object_add(o, "memory", r->memory ? json_object_new_string(r->memory) : NULL);
        json_object_object_add(o, "label", r->label ? json_object_new_string(r->label) : NULL);
        json_object_array_add(list, o);
        text = json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN);
        rc = text ? store_put_blob(s, BLOB, slice_of(text), err) : error_set(err, ERR_NOMEM, "no memory for requests");
    }
    json_object_put(list);
    return rc;
}

int requests_add(struct store *s, const struct request *r, struct error *err)
{
    if (store_begin(s, err) < 0)
        return -1;
    if (add_to_blob(s, r, err) < 0 || store_commit(s, err) < 0) {
        store_rollback(s);
        return -1;
    }
    return 0;
}

/* ---- carrying out ---------------------------------------------------------------------------------------- */

struct applying {
    struct store *store;
    struct baseline *baseline;
    struct request request;
    int64_t time_ns, n;
};

static int apply_to_row(void *self, const struct baseline_row *row, struct error *err)
{
    struct applying *a = self;
    struct baseline_row gone = *row;

    if (a->request.label && !slice_eq(row->label, slice_of(a->request.label)))
        return 0;
    if (a->request.what == REQUEST_CONFIRM) {
        a->n += baseline_confirm_row(a->baseline, row, a->time_ns);
        return 0;
    }
    a->n++;
    baseline_drop_row(a->baseline, row);
    gone.is_deleted = true; /* also a row of a detector that is switched off */
    return store_put_baseline(a->store, &gone, err);
}

static int write_row(void *self, const struct baseline_row *row, struct error *err)
{
    return store_put_baseline(self, row, err);
}

static int apply_all(struct applying *a, struct json_object *list, struct error *err)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *o = json_object_array_get_idx(list, i);
        const char *what = json_text(o, "do", NULL), *account = json_text(o, "account", NULL);

        a->request = (struct request){ .what = what && strcmp(what, words[REQUEST_CONFIRM]) == 0 ? REQUEST_CONFIRM
                                                                                                : REQUEST_FORGET,
                                       .account = account, .memory = json_text(o, "memory", NULL), .label = json_text(o, "label", NULL) };
        if (what && account &&
            store_each_baseline(a->store, account, a->request.memory, apply_to_row, a, err) < 0)
            return -1;
    }
    if (baseline_each_changed(a->baseline, write_row, a->store, err) < 0)
        return -1;
    return store_put_blob(a->store, BLOB, SL(""), err);
}

int requests_apply(struct store *s, struct baseline *b, int64_t time_ns, int64_t *ret_n, struct error *err)
{
    struct applying a = { .store = s, .baseline = b, .time_ns = time_ns };
    struct json_object *list = NULL;
    int rc = 0;

    *ret_n = 0;
    if (waiting(s, &list, err) < 0)
        return -1;
    rc = (int)json_object_array_length(list);
    json_object_put(list);
    list = NULL;
    if (rc == 0)
        return 0;
    if (store_begin(s, err) < 0)
        return -1;
    rc = waiting(s, &list, err); /* again: more may have come */
    if (rc == 0)
        rc = apply_all(&a, list, err);
    json_object_put(list);
    if (rc < 0 || store_commit(s, err) < 0) {
        store_rollback(s);
        return -1;
    }
    baseline_mark_clean(b);
    *ret_n = a.n;
    return 0;
}
