/* answer.c - see answer.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/answer.h"

#include "base/secret.h"

#include <json-c/json.h>
#include <limits.h>
#include <strings.h>

#define COLUMNS_MAX 512
#define DEPTH_MAX 32

static void put_object(struct json_object **o)
{
    json_object_put(*o);
}

static void free_tokener(struct json_tokener **t)
{
    if (*t)
        json_tokener_free(*t);
}

/* NULL: it is no JSON, or memory is missing to read it, which `ret_is_refused` (may be NULL) tells. */
static struct json_object *parse_value(struct slice text, bool *ret_is_refused)
{
    CLEANUP(free_tokener) struct json_tokener *t = json_tokener_new_ex(DEPTH_MAX);
    struct json_object *o;

    if (ret_is_refused)
        *ret_is_refused = !t;
    if (!t || text.len == 0 || text.len > INT_MAX)
        return NULL;
    o = json_tokener_parse_ex(t, text.at, (int)text.len);
    if (!o && ret_is_refused) /* a refusal has no code of its own */
        *ret_is_refused = json_tokener_get_error(t) == json_tokener_success && !slice_eq(slice_trim(text), SL("null"));
    return o;
}

static const char *column_name(struct json_object *columns, size_t i)
{
    struct json_object *name = NULL;

    if (!json_object_object_get_ex(json_object_array_get_idx(columns, i), "name", &name) &&
        !json_object_object_get_ex(json_object_array_get_idx(columns, i), "ColumnName", &name))
        return "";
    return json_object_is_type(name, json_type_string) ? json_object_get_string(name) : "";
}

static struct json_object *cell(const struct answer_row *r, const char *column)
{
    for (size_t i = 0; i < r->columns_len; i++)
        if (strcasecmp(r->columns[i], column) == 0)
            return json_object_array_get_idx(r->cells, i);
    return NULL;
}

struct slice answer_text(const struct answer_row *r, const char *column)
{
    struct json_object *c = cell(r, column);

    if (!json_object_is_type(c, json_type_string))
        return slice_make("", 0);
    return slice_make(json_object_get_string(c), (size_t)json_object_get_string_len(c));
}

int64_t answer_int(const struct answer_row *r, const char *column, int64_t absent)
{
    struct json_object *c = cell(r, column);

    if (json_object_is_type(c, json_type_int) || json_object_is_type(c, json_type_double) ||
        json_object_is_type(c, json_type_string))
        return json_object_get_int64(c);
    return absent;
}

static int each_row(struct json_object *table, int (*fn)(void *, const struct answer_row *, struct error *),
                    void *self, struct error *err)
{
    const char *names[COLUMNS_MAX];
    struct json_object *columns = NULL, *rows = NULL;
    struct answer_row row = { .columns = names };

    if (!json_object_object_get_ex(table, "columns", &columns) ||
        !json_object_is_type(columns, json_type_array) || !json_object_object_get_ex(table, "rows", &rows) ||
        !json_object_is_type(rows, json_type_array) || json_object_array_length(columns) > COLUMNS_MAX)
        return error_set(err, ERR_SERVER, "the answer has no table");
    row.columns_len = json_object_array_length(columns);
    for (size_t i = 0; i < row.columns_len; i++)
        names[i] = column_name(columns, i);
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        row.cells = json_object_array_get_idx(rows, i);
        if (!json_object_is_type(row.cells, json_type_array))
            return error_set(err, ERR_SERVER, "a row of the answer is no array");
        if (fn(self, &row, err) < 0)
            return -1;
    }
    return 0;
}

int answer_each_row(struct slice body, int (*fn)(void *self, const struct answer_row *r, struct error *err),
                    void *self, struct error *err)
{
    bool is_refused = false;
    CLEANUP(put_object) struct json_object *root = parse_value(body, &is_refused);
    struct json_object *tables = NULL, *wrong = NULL;

    if (is_refused)
        return error_set(err, ERR_NOMEM, "no memory to read the answer");
    if (!json_object_is_type(root, json_type_object))
        return error_set(err, ERR_SERVER, "the answer is not JSON");
    if (json_object_object_get_ex(root, "error", &wrong) && wrong) {
        (void)error_set(err, ERR_PARTIAL, "the answer is partial: %s", json_object_get_string(wrong));
        secrets_hide(err->msg, strlen(err->msg));
        return -1;
    }
    if (!json_object_object_get_ex(root, "tables", &tables) ||
        !json_object_is_type(tables, json_type_array) || json_object_array_length(tables) == 0)
        return error_set(err, ERR_SERVER, "the answer has no table");
    return each_row(json_object_array_get_idx(tables, 0), fn, self, err);
}
