/* What agent/source/answer.h and answer_apart.h promise: small answers read here and by the reader alike, and a reader that
 * lies or dies. This program is its own reader, and the bytes that it is given may say how it is to fail.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/answer_apart.h"

#include "base/buf.h"
#include "tests/kit/suite.h"
#include "tests/unit/apart_kit.h"

#include <check.h>
#include <stddef.h>
#include <stdlib.h>

#define TEXT_MAX ((size_t)64 << 20)
#define ANSWER(columns, rows) "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[" columns "],\"rows\":[" rows "]}]}"
#define TYPE_AND_ROWS "{\"name\":\"Type\",\"type\":\"string\"},{\"name\":\"Rows\",\"type\":\"long\"}"

static struct error err;

/* ---- the reader: what it does when the bytes say so ---------------------------------------------------------------- */

/* A row of one cell as the wire has it, and the last word; answer_apart.c alone knows the forms. */
struct bogus {
    uint32_t size, cells;
    int64_t number;
    uint32_t len, kind;
    char text[8];
};

struct last_word {
    int32_t is_failure, code;
    uint64_t rows;
    char msg[240];
};

static struct bogus good(void)
{
    return (struct bogus){ .size = sizeof(struct bogus), .cells = 1, .len = 8, .kind = ANSWER_TEXT, .text = "Columns" };
}

static void put(struct apart_inside *in, struct bogus b)
{
    memcpy(apart_room(in, sizeof b), &b, sizeof b);
    apart_wrote(in, sizeof b);
}

static void end_with(struct apart_inside *in, struct last_word w)
{
    apart_end(in, &w, sizeof w);
}

static void tell(struct apart_inside *in, struct bogus second)
{
    put(in, good());
    put(in, second);
    end_with(in, (struct last_word){ .rows = 2 });
}

static void be_right(struct apart_inside *in) { tell(in, good()); }
static void lie_about_a_size(struct apart_inside *in) { struct bogus b = good(); b.size = UINT32_MAX; tell(in, b); }
static void have_no_size(struct apart_inside *in) { struct bogus b = good(); b.size = 0; tell(in, b); }
static void be_too_short(struct apart_inside *in) { struct bogus b = good(); b.size -= 8; tell(in, b); }
static void lie_about_a_text(struct apart_inside *in) { struct bogus b = good(); b.len = UINT32_MAX; tell(in, b); }
static void leave_some_over(struct apart_inside *in) { struct bogus b = good(); b.len = 3; tell(in, b); }
static void be_of_no_kind(struct apart_inside *in)
{
    struct bogus b = good();

    b.size -= b.len;
    b.len = 0;
    b.kind = ANSWER_KINDS;
    tell(in, b);
}
static void be_a_long_number(struct apart_inside *in) { struct bogus b = good(); b.kind = ANSWER_NUMBER; tell(in, b); }
static void have_more_cells(struct apart_inside *in) { struct bogus b = good(); b.cells = 2; tell(in, b); }
static void have_no_cells(struct apart_inside *in) { struct bogus b = good(); b.cells = 0; tell(in, b); }
static void have_endless_cells(struct apart_inside *in)
{
    struct bogus b = good();

    b.cells = UINT32_MAX;
    put(in, b);
    end_with(in, (struct last_word){ .rows = 1 });
}
static void name_a_column_by_number(struct apart_inside *in)
{
    struct bogus b = good();

    b.kind = ANSWER_NUMBER;
    b.len = 0;
    put(in, b);
    end_with(in, (struct last_word){ .rows = 1 });
}
static void hide_a_row(struct apart_inside *in) { put(in, good()); end_with(in, (struct last_word){ .rows = 2 }); }
static void fail_without_a_word(struct apart_inside *in) { end_with(in, (struct last_word){ .is_failure = 1 }); }
static void end_early(struct apart_inside *in) { apart_end(in, "x", 1); }

static const struct fault faults[] = { /* no reason: it is none */
    { "right", NULL, be_right },
    { "size", "a size", lie_about_a_size },
    { "no-size", "a size", have_no_size },
    { "short", "a size", be_too_short },
    { "text", "a size", lie_about_a_text },
    { "over", "a size", leave_some_over },
    { "number", "a size", be_a_long_number },
    { "kind", "a cell", be_of_no_kind },
    { "column", "a cell", name_a_column_by_number },
    { "more", "a number of cells", have_more_cells },
    { "none", "a number of cells", have_no_cells },
    { "endless", "a number of cells", have_endless_cells },
    { "hidden", "a number of rows", hide_a_row },
    { "no-word", "a failure without a word", fail_without_a_word },
    { "end", "a last word", end_early },
    { "abort", "SIGABRT", be_killed },
    { "call", "SIGSYS", make_a_socket },
};

/* Batches of rows, then its end; the next one, which sees that somebody was there, is right. */
static void die_once(struct apart_inside *in)
{
    if (!somebody_was_there(in)) {
        for (size_t i = 0; i < 2 * APART_BATCH_BYTES / sizeof(struct bogus); i++)
            put(in, good());
        abort();
    }
    answer_serve(in);
}

static void serve(struct apart_inside *in)
{
    if (slice_find(apart_body(in), SL("dies once")) != SIZE_MAX) {
        die_once(in);
        return;
    }
    if (!fault_happens(in, faults, ARRAY_LEN(faults), apart_body(in)))
        answer_serve(in);
}

/* ---- what comes of it ---------------------------------------------------------------------------------------------- */

static int write_row(void *self, const struct answer_row *r, struct error *e UNUSED)
{
    struct buf *out = self;

    for (size_t i = 0; i < r->len; i++) {
        buf_add_slice(out, r->columns[i]);
        buf_addf(out, "=%d,%lld,", (int)r->cells[i].kind, (long long)r->cells[i].number);
        buf_add_slice(out, r->cells[i].text);
        buf_add_char(out, ';');
    }
    buf_addf(out, " Rows=%lld Type=", (long long)answer_int(r, "rOWS", -7));
    buf_add_slice(out, answer_text(r, "type"));
    buf_add_char(out, '\n');
    return 0;
}

/* How many bytes of rows; -1: both failed. */
static int64_t same_rows(struct apart *a, struct slice body, const char *name)
{
    struct buf home = BUF_INIT(TEXT_MAX), apart = BUF_INIT(TEXT_MAX);
    struct error ex = { 0 }, ey = { 0 };
    int rc = answer_each_row(body, write_row, &home, &ex);
    int64_t len = rc < 0 ? -1 : (int64_t)home.len;

    ck_assert_msg(answer_each_row_apart(a, body, write_row, &apart, &ey) == rc, "%s: %s | %s", name, ex.msg, ey.msg);
    ck_assert_str_eq(ex.msg, ey.msg);
    ck_assert_int_eq(ex.code, ey.code);
    ck_assert_msg(rc < 0 ? apart.len == 0 : slice_eq(buf_slice(&home), buf_slice(&apart)), "%s:\n%s\n%s", name,
                  buf_cstr(&home), buf_cstr(&apart));
    buf_release(&home);
    buf_release(&apart);
    return len;
}

START_TEST(the_reader_says_what_reading_at_home_says)
{
    static const char *const answers[] = {
        ANSWER(TYPE_AND_ROWS, "[\"A\",7],[\"B\",null],[null,\"12 of them\"],[7,2.9],[true,{}],[\"C\"],[\"D\",1,2],[]"),
        ANSWER("{\"ColumnName\":\"Type\"},{},7,{\"name\":9}", "[\"a\\u0000b\\n\",1,2,3]"),
        ANSWER("", "[],[1]"), ANSWER(TYPE_AND_ROWS, ""), ANSWER(TYPE_AND_ROWS, "[\"A\",1],{}"),
        ANSWER(TYPE_AND_ROWS, "[\"A\",9223372036854775807],[\"A\",-1],[\"A\",1e300],[\"A\",\"99999999999999999999\"]"),
        "", "null", "[]", "{}", "{\"tables\":[]}", "{\"tables\":[7]}", "{\"tables\":[{\"columns\":[],\"rows\":7}]}",
        "<html>",
        "{\"tables\":[],\"error\":{\"code\":\"Partial\",\"message\":\"a\\u001bb\"}}",
    };
    struct apart *a = new_apart(20000);

    ck_assert_int_gt(same_rows(a, slice_of(answers[0]), "first"), 0);
    for (size_t i = 0; i < ARRAY_LEN(answers); i++)
        (void)same_rows(a, slice_of(answers[i]), answers[i]);
    for (size_t n = 0; n < strlen(answers[0]); n += 5)
        ck_assert_int_eq(same_rows(a, slice_make(answers[0], n), "half an answer"), -1);
    ck_assert_int_eq(readers_ended(a, ""), 0);
    apart_free(a);
}
END_TEST

START_TEST(what_is_wide_or_long_is_cut_or_refused)
{
    struct apart *a = new_apart(20000);

    for (size_t columns = ANSWER_COLUMNS_MAX; columns <= ANSWER_COLUMNS_MAX + 1; columns++) {
        struct buf text = BUF_INIT(TEXT_MAX);

        buf_add_str(&text, "{\"tables\":[{\"columns\":[");
        for (size_t i = 0; i < columns; i++)
            buf_addf(&text, "%s{\"name\":\"c%zu\"}", i ? "," : "", i);
        buf_add_str(&text, "],\"rows\":[[");
        for (size_t i = 0; i < columns; i++)
            buf_addf(&text, "%s\"%01500d\"", i ? "," : "", (int)i);
        buf_add_str(&text, "]]}]}");
        ck_assert_int_eq(same_rows(a, buf_slice(&text), "wide") > 0, columns <= ANSWER_COLUMNS_MAX);
        buf_release(&text);
    }
    ck_assert_int_eq(readers_ended(a, ""), 0);
    apart_free(a);
}
END_TEST

static void make_large(struct buf *out, size_t rows)
{
    buf_add_str(out, "{\"tables\":[{\"columns\":[" TYPE_AND_ROWS "],\"rows\":[");
    for (size_t i = 0; i < rows; i++)
        buf_addf(out, "%s[\"Table%zu\",%zu]", i ? "," : "", i, i);
    buf_add_str(out, "]}]}");
}

static int count_row(void *self, const struct answer_row *r UNUSED, struct error *e UNUSED)
{
    ++*(int64_t *)self;
    return 0;
}

START_TEST(many_rows_come_in_order_and_too_many_not_at_all)
{
    static const struct { size_t rows; int rc; } cases[] = { { 30000, 0 }, { 100000, 0 }, { 100001, -1 } };
    struct apart *a = new_apart(20000);

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf text = BUF_INIT(TEXT_MAX);
        int64_t seen = 0;

        make_large(&text, cases[i].rows);
        if (i == 0)
            ck_assert_int_gt(same_rows(a, buf_slice(&text), "large"), 0);
        ck_assert_int_eq(answer_each_row_apart(a, buf_slice(&text), count_row, &seen, &err), cases[i].rc);
        ck_assert_int_eq(seen, cases[i].rc == 0 ? (int64_t)cases[i].rows : 0);
        buf_release(&text);
    }
    ck_assert_int_eq(err.code, ERR_LIMIT);
    ck_assert_int_eq(readers_ended(a, ""), 0);
    apart_free(a);
}
END_TEST

START_TEST(what_the_reader_answers_is_not_believed)
{
    const struct fault *f = &faults[_i];
    struct apart *a = new_apart(20000);
    int64_t seen = 0;
    int rc = answer_each_row_apart(a, slice_of(f->name), count_row, &seen, &err);

    ck_assert_msg(rc == (f->reason ? -1 : 0) && seen == (f->reason ? 0 : 1), "%s: %s", f->name, err.msg);
    if (f->reason) {
        ck_assert_msg(err.code == ERR_PARTIAL && strstr(err.msg, f->reason) != NULL, "%s: %s", f->name, err.msg);
        ck_assert_int_eq(readers_ended(a, f->reason), 2);
    }
    ck_assert_int_gt(same_rows(a, SL(ANSWER(TYPE_AND_ROWS, "[\"A\",7]")), "afterwards"), 0);
    apart_free(a);
}
END_TEST

START_TEST(a_reader_that_dies_halfway_says_no_row_twice)
{
    struct apart *a = new_apart(20000);

    ck_assert_int_gt(same_rows(a, SL(ANSWER(TYPE_AND_ROWS, "[\"dies once\",1],[\"B\",2]")), "once"), 0);
    ck_assert_int_eq(readers_ended(a, "SIGABRT"), 1);
    apart_free(a);
}
END_TEST

int main(int argc, char **argv)
{
    static apart_service *const services[] = { [ANSWER_SERVICE] = serve };
    TCase *t = tcase_create("all");

    if (apart_is_asked(argc, argv))
        return apart_serve(services, ARRAY_LEN(services));
    tcase_set_timeout(t, 120);
    tcase_add_test(t, the_reader_says_what_reading_at_home_says);
    tcase_add_test(t, what_is_wide_or_long_is_cut_or_refused);
    tcase_add_test(t, many_rows_come_in_order_and_too_many_not_at_all);
    tcase_add_loop_test(t, what_the_reader_answers_is_not_believed, 0, (int)ARRAY_LEN(faults));
    tcase_add_test(t, a_reader_that_dies_halfway_says_no_row_twice);
    return run_group("source/answer", t);
}
