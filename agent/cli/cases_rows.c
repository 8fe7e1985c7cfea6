/* cases_rows.c - see cases.h: a case's rows written out.
 *
 * Weeks of ordinary life are a line, and in a near miss the one thing that decides stands alone:
 *   {"include": "../defaults.ndjson"}     the lines of another file, its path seen from this one
 *   {"defaults": {"Type": "T", ...}}      columns of the rows of T that do not say otherwise; null takes one away
 *   {"TimeGenerated": ..., "repeat": {"times": 336, "every": "1h"}}
 *   ... "repeat": [{"times": 20, "every": "1d"}, {"times": 8, "every": "30m"}]      each of the first, so often
 * {n} in a repeated row's texts is its number, from 0. A row without Type is of the table of the one before. Rows as they
 * were exported need none of this and are left as they are.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"
#include "base/json_in.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "cli/cases.h"
#include "record/decode.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)256 << 20)
#define ROWS_MAX 2000000
#define LEVELS_MAX 3
#define INCLUDES_MAX 4

struct expanding {
    struct buf *out;
    struct json_object *defaults; /* Type -> columns */
    char type[64];
    int64_t rows;
    int depth;      /* of includes */
    bool is_placed; /* the error says its file and line */
};

struct repetition {
    struct {
        int64_t times, every_ms;
    } level[LEVELS_MAX];
    size_t len;
    int64_t total;
};

/* ---- repeat -------------------------------------------------------------------------------------- */

static int add_level(struct repetition *r, struct json_object *o, struct error *err)
{
    struct json_object *times = NULL, *every = NULL;
    int64_t n = 0, ms = 0;

    if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, "times", &times) ||
        !json_object_object_get_ex(o, "every", &every))
        return error_set(err, ERR_CONFIG, "'repeat' has to be like {\"times\": 24, \"every\": \"1h\"}");
    n = json_object_get_int64(times);
    if (n < 1 || n > ROWS_MAX / r->total)
        return error_set(err, ERR_CONFIG, "'times' has to be from 1 to %d rows in all", ROWS_MAX);
    if (!parse_duration_ms(slice_of(json_object_get_string(every)), &ms))
        return error_set(err, ERR_CONFIG, "'every' has to be a duration, like 30s, 5m, 1h or 1d");
    if (r->len == LEVELS_MAX)
        return error_set(err, ERR_CONFIG, "'repeat' goes at most %d deep", LEVELS_MAX);
    r->level[r->len].times = n;
    r->level[r->len++].every_ms = ms;
    r->total *= n;
    return 0;
}

static int read_repetition(struct json_object *o, struct repetition *r, struct error *err)
{
    *r = (struct repetition){ .total = 1 };
    if (!o)
        return 0;
    if (!json_object_is_type(o, json_type_array))
        return add_level(r, o, err);
    for (size_t i = 0; i < json_object_array_length(o); i++)
        if (add_level(r, json_object_array_get_idx(o, i), err) < 0)
            return -1;
    return 0;
}

static int64_t offset_ms(const struct repetition *r, int64_t n)
{
    int64_t sum = 0;

    for (size_t i = r->len; i-- > 0; n /= r->level[i].times)
        sum += n % r->level[i].times * r->level[i].every_ms;
    return sum;
}

/* ---- rows ---------------------------------------------------------------------------------------- */

static struct json_object *member(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    return json_object_object_get_ex(o, key, &v) ? v : NULL;
}

static void take_columns(struct json_object *to, struct json_object *from)
{
    json_object_object_foreach(from, key, value)
    {
        if (value)
            (void)json_object_object_add(to, key, json_object_get(value));
        else
            json_object_object_del(to, key);
    }
}

/* The table that a row, or defaults, are about. */
static int settle_type(struct expanding *x, struct json_object *columns, struct error *err)
{
    struct json_object *type = member(columns, "Type");

    if (type)
        (void)snprintf(x->type, sizeof x->type, "%s", json_object_get_string(type));
    if (x->type[0] == '\0')
        return error_set(err, ERR_CONFIG, "the first row has to name its table: \"Type\": \"CDBDataPlaneRequests\"");
    return 0;
}

static int note_defaults(struct expanding *x, struct json_object *columns, struct error *err)
{
    struct json_object *known = NULL;

    if (!json_object_is_type(columns, json_type_object) || !member(columns, "Type"))
        return error_set(err, ERR_CONFIG, "'defaults' have to be columns, with the Type they are for");
    if (settle_type(x, columns, err) < 0)
        return -1;
    known = member(x->defaults, x->type);
    if (!known) {
        known = json_object_new_object();
        (void)json_object_object_add(x->defaults, x->type, known);
    }
    take_columns(known, columns);
    return 0;
}

/* The row as a line; {n} stands nowhere but in texts, for it is no JSON. */
static void add_text(struct buf *out, const char *json, int64_t n)
{
    const char *mark = NULL;

    for (; (mark = strstr(json, "{n}")) != NULL; json = mark + 3) {
        buf_add(out, json, (size_t)(mark - json));
        buf_add_i64(out, n);
    }
    buf_add_str(out, json);
    buf_add_char(out, '\n');
}

static int add_repeated(struct expanding *x, struct json_object *row, const struct repetition *r, struct error *err)
{
    struct json_object *time = member(row, "TimeGenerated");
    int64_t first_ns = 0;

    if (!time || !time_parse_iso(slice_of(json_object_get_string(time)), &first_ns))
        return error_set(err, ERR_CONFIG, "a repeated row needs a TimeGenerated like 2026-03-02T10:00:00Z");
    for (int64_t n = 0; n < r->total; n++) {
        CLEANUP(buf_release) struct buf text = BUF_HERE(64);

        time_add_iso(&text, first_ns + offset_ms(r, n) * NS_PER_MS, 7);
        (void)json_object_object_add(row, "TimeGenerated", json_object_new_string(buf_cstr(&text)));
        add_text(x->out, json_object_to_json_string_ext(row, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE), n);
    }
    return 0;
}

static int add_row(struct expanding *x, struct json_object *given, struct error *err)
{
    struct json_object *row = NULL, *defaults = NULL;
    struct repetition r;
    int rc = 0;

    if (settle_type(x, given, err) < 0 || read_repetition(member(given, "repeat"), &r, err) < 0)
        return -1;
    x->rows += r.total;
    if (x->rows > ROWS_MAX)
        return error_set(err, ERR_CONFIG, "these are more than %d rows", ROWS_MAX);
    row = json_object_new_object();
    (void)json_object_object_add(row, "Type", json_object_new_string(x->type));
    defaults = member(x->defaults, x->type);
    if (defaults)
        take_columns(row, defaults);
    take_columns(row, given);
    json_object_object_del(row, "repeat");
    if (r.len)
        rc = add_repeated(x, row, &r, err);
    else
        add_text(x->out, json_object_to_json_string_ext(row, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE), 0);
    json_object_put(row);
    return rc;
}

static int add_file(struct expanding *x, const char *path, struct error *err);

static int include(struct expanding *x, const char *from, struct json_object *name, struct error *err)
{
    CLEANUP(buf_release) struct buf path = BUF_INIT(8192);
    const char *slash = strrchr(from, '/');
    int rc = 0;

    if (!json_object_is_type(name, json_type_string))
        return error_set(err, ERR_CONFIG, "'include' has to be the path of a file");
    if (x->depth == INCLUDES_MAX)
        return error_set(err, ERR_CONFIG, "files are included more than %d deep", INCLUDES_MAX);
    if (slash)
        buf_add(&path, from, (size_t)(slash - from) + 1);
    buf_add_str(&path, json_object_get_string(name));
    if (buf_check(&path, err) < 0)
        return -1;
    x->depth++;
    rc = add_file(x, buf_cstr(&path), err);
    x->depth--;
    return rc;
}

static int add_line(struct expanding *x, const char *path, struct slice line, struct error *err)
{
    struct json_object *o = NULL, *inner = NULL;
    int rc = 0;

    if (!json_parse_strict(line, &o) || !json_object_is_type(o, json_type_object))
        rc = error_set(err, ERR_CONFIG, "this is no JSON object on one line");
    else if ((inner = member(o, "include")) != NULL)
        rc = include(x, path, inner, err);
    else if ((inner = member(o, "defaults")) != NULL)
        rc = note_defaults(x, inner, err);
    else
        rc = add_row(x, o, err);
    json_object_put(o);
    return rc;
}

/* ---- files --------------------------------------------------------------------------------------- */

static int add_file(struct expanding *x, const char *path, struct error *err)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(FILE_MAX);
    struct slice rest, line;
    int number = 0;

    if (file_read(&text, path, err) < 0) {
        err->code = ERR_CONFIG;
        return -1;
    }
    rest = buf_slice(&text);
    while (slice_split(&rest, '\n', &line)) {
        number++;
        if (slice_empty(slice_trim(line)) || add_line(x, path, line, err) == 0)
            continue;
        if (!x->is_placed)
            (void)error_wrap(err, "%s:%d", path, number);
        x->is_placed = true;
        return -1;
    }
    return 0;
}

int cases_rows(const struct rule_case *c, struct buf *out, struct error *err)
{
    struct expanding x = { .out = out, .defaults = json_object_new_object() };
    int rc = 0;

    rc = add_file(&x, c->rows, err);
    json_object_put(x.defaults);
    if (buf_reserve(out, DECODE_PADDING))
        memset(out->at + out->len, 0, DECODE_PADDING);
    return rc < 0 ? -1 : buf_check(out, err);
}
