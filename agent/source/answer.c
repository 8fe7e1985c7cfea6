/* answer.c - see answer.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/answer.h"

#include "base/secret.h"

#include <json-c/json.h>
#include <limits.h>

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

static struct slice text_of(struct json_object *o)
{
    if (!json_object_is_type(o, json_type_string))
        return slice_make("", 0);
    return slice_cut(slice_make(json_object_get_string(o), (size_t)json_object_get_string_len(o)), ANSWER_TEXT_MAX);
}

static struct slice column_name(struct json_object *columns, size_t i)
{
    struct json_object *name = NULL;

    if (!json_object_object_get_ex(json_object_array_get_idx(columns, i), "name", &name))
        (void)json_object_object_get_ex(json_object_array_get_idx(columns, i), "ColumnName", &name);
    return text_of(name);
}

static struct answer_cell cell_of(struct json_object *o)
{
    if (json_object_is_type(o, json_type_string))
        return (struct answer_cell){ .kind = ANSWER_TEXT, .number = json_object_get_int64(o), .text = text_of(o) };
    if (json_object_is_type(o, json_type_int) || json_object_is_type(o, json_type_double))
        return (struct answer_cell){ .kind = ANSWER_NUMBER, .number = json_object_get_int64(o) };
    return (struct answer_cell){ .kind = ANSWER_ABSENT };
}

static struct answer_cell cell(const struct answer_row *r, const char *column)
{
    for (size_t i = 0; i < r->len; i++)
        if (slice_eq_nocase(r->columns[i], slice_of(column)))
            return r->cells[i];
    return (struct answer_cell){ .kind = ANSWER_ABSENT };
}

struct slice answer_text(const struct answer_row *r, const char *column)
{
    struct answer_cell c = cell(r, column);

    return c.kind == ANSWER_TEXT ? c.text : slice_make("", 0);
}

int64_t answer_int(const struct answer_row *r, const char *column, int64_t absent)
{
    struct answer_cell c = cell(r, column);

    return c.kind == ANSWER_ABSENT ? absent : c.number;
}

static int each_row(struct json_object *table, int (*fn)(void *, const struct answer_row *, struct error *),
                    void *self, struct error *err)
{
    struct slice names[ANSWER_COLUMNS_MAX];
    struct answer_cell cells[ANSWER_COLUMNS_MAX];
    struct json_object *columns = NULL, *rows = NULL;
    struct answer_row row = { .columns = names, .cells = cells };

    if (!json_object_object_get_ex(table, "columns", &columns) ||
        !json_object_is_type(columns, json_type_array) || !json_object_object_get_ex(table, "rows", &rows) ||
        !json_object_is_type(rows, json_type_array) || json_object_array_length(columns) > ANSWER_COLUMNS_MAX)
        return error_set(err, ERR_SERVER, "the answer has no table");
    row.len = json_object_array_length(columns);
    for (size_t i = 0; i < row.len; i++)
        names[i] = column_name(columns, i);
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *r = json_object_array_get_idx(rows, i);

        if (!json_object_is_type(r, json_type_array))
            return error_set(err, ERR_SERVER, "a row of the answer is no array");
        for (size_t c = 0; c < row.len; c++)
            cells[c] = cell_of(json_object_array_get_idx(r, c));
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
