/* Every kind of row, as the documentation shows them, decodes to what stands beside it.
 *
 * tests/golden/rows/NAME.json is a row as an export file holds it; NAME.expected the record. The same row is
 * also put into a query answer and must come out the same. GOLDEN_UPDATE=1 writes the expectations:
 * read the difference before keeping it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test_record_kit.h"

#include <dirent.h>
#include <json-c/json.h>
#include <stdio.h>

#define GOLDEN "tests/golden/rows"

static bool read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    char part[4096];
    size_t n;

    if (!f)
        return false;
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_add(out, part, n);
    fclose(f);
    return !out->failed;
}

static void write_file(const char *path, struct slice s)
{
    FILE *f = fopen(path, "we");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(s.at, 1, s.len, f), s.len);
    fclose(f);
}

static int is_json(const struct dirent *e)
{
    return slice_ends_nocase(slice_of(e->d_name), SL(".json"));
}

/* The row object as a query answer of one row; false for what is no row object. */
static bool as_answer(const char *text, struct buf *out)
{
    struct json_object *row = json_tokener_parse(text), *columns, *cells, *answer, *table, *rows,
                       *tables;
    bool is_row = json_object_is_type(row, json_type_object) &&
                  json_object_object_get_ex(row, "Type", NULL);

    if (is_row) {
        columns = json_object_new_array();
        cells = json_object_new_array();
        json_object_object_foreach(row, key, value)
        {
            struct json_object *column = json_object_new_object();

            json_object_object_add(column, "name", json_object_new_string(key));
            json_object_array_add(columns, column);
            json_object_array_add(cells, json_object_get(value));
        }
        rows = json_object_new_array();
        json_object_array_add(rows, cells);
        table = json_object_new_object();
        json_object_object_add(table, "columns", columns);
        json_object_object_add(table, "rows", rows);
        tables = json_object_new_array();
        json_object_array_add(tables, table);
        answer = json_object_new_object();
        json_object_object_add(answer, "tables", tables);
        buf_add_str(out, json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PRETTY));
        json_object_put(answer);
    }
    json_object_put(row);
    return is_row;
}

START_TEST(every_golden_row_becomes_the_record_beside_it)
{
    struct dirent **names;
    int n = scandir(GOLDEN, &names, is_json, alphasort);
    int rows = 0;

    ck_assert_msg(n >= 35, "%d files in " GOLDEN " (run from the top of the tree)", n);
    for (int i = 0; i < n; i++) {
        struct buf path = BUF_INIT(4096), text = BUF_INIT(KIT_TEXT_MAX), want = BUF_INIT(KIT_TEXT_MAX),
                   answer = BUF_INIT(KIT_TEXT_MAX), got = BUF_INIT(KIT_TEXT_MAX);
        struct kit k, again;

        buf_addf(&path, GOLDEN "/%s", names[i]->d_name);
        ck_assert(read_file(buf_cstr(&path), &text));
        k = kit_export(buf_slice(&text));
        ck_assert_msg(k.rc == 0, "%s: %s", names[i]->d_name, k.err.msg);
        buf_addf(&got, "records %lld bad %lld skipped %lld\n", (long long)k.result.records,
                 (long long)k.result.bad, (long long)k.result.skipped);
        buf_add_slice(&got, buf_slice(&k.records));
        buf_add_slice(&got, buf_slice(&k.bad));

        path.len -= sizeof "json" - 1;
        buf_add_str(&path, "expected");
        if (getenv("GOLDEN_UPDATE"))
            write_file(buf_cstr(&path), buf_slice(&got));
        ck_assert_msg(read_file(buf_cstr(&path), &want), "%s is missing", buf_cstr(&path));
        ck_assert_msg(slice_eq(buf_slice(&got), buf_slice(&want)), "%s: got\n%s", buf_cstr(&path),
                      buf_cstr(&got));

        if (as_answer(buf_cstr(&text), &answer)) {
            again = kit_answer(buf_slice(&answer), TABLE_NONE);
            ck_assert_msg(again.rc == 0, "%s: %s", names[i]->d_name, again.err.msg);
            ck_assert_msg(slice_eq(buf_slice(&again.records), buf_slice(&k.records)),
                          "%s as a query answer: got\n%s", names[i]->d_name, buf_cstr(&again.records));
            rows++;
            kit_release(&again);
        }
        kit_release(&k);
        buf_release(&path);
        buf_release(&text);
        buf_release(&want);
        buf_release(&answer);
        buf_release(&got);
        free(names[i]);
    }
    free(names);
    ck_assert_int_ge(rows, 32);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = { every_golden_row_becomes_the_record_beside_it };

    return run_tests("golden rows", tests, ARRAY_LEN(tests));
}
