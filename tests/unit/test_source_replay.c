/* Replaying files: every form, any order, packed or not, given twice, damaged, too large for memory.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/timeutil.h"
#include "source/chunks.h"
#include "source/replay.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static char folder[] = "/tmp/cosmowatch-replay-XXXXXX";

/* A file of the folder; its path lives until the next call but three. */
static const char *file_of(const char *name, const char *text, size_t len, bool is_packed)
{
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];

    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    if (is_packed) {
        gzFile f = gzopen(path, "wb1");

        ck_assert_ptr_nonnull(f);
        ck_assert(len == 0 || gzwrite(f, text, (unsigned)len) == (int)len);
        ck_assert_int_eq(gzclose(f), Z_OK);
    } else {
        FILE *f = fopen(path, "wb");

        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(text, 1, len, f), len);
        ck_assert_int_eq(fclose(f), 0);
    }
    return path;
}

static const char *text_file(const char *name, const char *text)
{
    return file_of(name, text, strlen(text), false);
}

static struct replay *replay_open(size_t max_bytes)
{
    struct replay_config cfg = { .max_bytes = max_bytes };
    struct replay *r = NULL;
    struct error err = { 0 };

    ck_assert_msg(replay_new(&cfg, &r, &err) == 0, "%s", err.msg);
    return r;
}

static void add(struct replay *r, const char *path)
{
    struct error err = { 0 };

    ck_assert_msg(replay_add_file(r, path, &err) == 0, "%s", err.msg);
}

static const struct observation *finish(struct replay *r, size_t *n)
{
    struct error err = { 0 };

    ck_assert_msg(replay_finish(r, &err) == 0, "%s", err.msg);
    return replay_observations(r, n);
}

#define ASK(activity, bytes)                                                                               \
    "{\"Type\":\"CDBDataPlaneRequests\",\"TimeGenerated\":\"2026-08-20T10:00:02.5Z\",\"AccountName\":\"ACC\","     \
    "\"ActivityId\":\"" activity "\",\"OperationName\":\"Query\",\"StatusCode\":200,\"ClientIpAddress\":\"192.0.2.11\"," \
    "\"RequestCharge\":8.36,\"ResponseLength\":" bytes ".0}\n"
#define TEXT(activity, text)                                                                               \
    "{\"Type\":\"CDBQueryRuntimeStatistics\",\"TimeGenerated\":\"2026-08-20T10:00:02.4Z\",\"AccountName\":\"acc\","      \
    "\"ActivityId\":\"" activity "\",\"DatabaseName\":\"d\",\"CollectionName\":\"c\",\"QueryText\":\"" text "\"}\n"
#define READ_ROW(item)                                                                                     \
    "{\"Type\":\"CDBDataPlaneRequests\",\"_ItemId\":\"" item "\",\"TimeGenerated\":\"2026-08-20T10:00:01Z\","            \
    "\"AccountName\":\"acc\",\"ActivityId\":\"r\",\"OperationName\":\"Read\",\"StatusCode\":200,\"ClientIpAddress\":\"192.0.2.1\"}\n"

static const struct observation *find(const struct observation *o, size_t n, enum observation_kind kind)
{
    for (size_t i = 0; i < n; i++)
        if (o[i].kind == kind)
            return &o[i];
    return NULL;
}

START_TEST(text_and_request_meet_in_any_order_and_file)
{
    static const char *const orders[][2] = {
        { ASK("a", "100"), TEXT("a", "SELECT 1") },
        { TEXT("a", "SELECT 1"), ASK("a", "100") },
        { TEXT("a", "SELECT 1") ASK("a", "100"), "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
        struct replay *r = replay_open(0);
        const struct observation *o, *t;
        size_t n;

        add(r, text_file("one", orders[i][0]));
        add(r, text_file("two", orders[i][1]));
        o = finish(r, &n);
        ck_assert_uint_eq(n, 2);
        t = find(o, n, OBS_TEXT);
        ck_assert_ptr_nonnull(t);
        ck_assert(slice_eq(t->text[F_QUERY_TEXT], SL("SELECT 1")));
        ck_assert(slice_eq(t->text[F_ADDRESS], SL("192.0.2.11")));
        ck_assert(slice_eq(t->text[F_ACCOUNT], SL("acc")));
        ck_assert_int_eq(t->table, TABLE_QUERY_STATS);
        ck_assert_int_eq(t->status, 200);
        ck_assert_int_eq(t->bytes_out, 100);
        ck_assert_int_eq(t->ru_milli, 8360);
        ck_assert_int_eq(find(o, n, OBS_REQUEST)->count, 1);
        ck_assert_int_eq(replay_counts(r)->texts_joined, 1);
        ck_assert_int_eq(replay_counts(r)->texts_alone, 0);
        replay_free(r);
    }
}
END_TEST

START_TEST(a_text_is_judged_once_per_request_and_a_lonely_one_alone)
{
    struct replay *r = replay_open(0);
    const struct observation *t;
    size_t n;

    add(r, text_file("x", TEXT("a", "SELECT 2") ASK("a", "1") ASK("a", "2") TEXT("a", "SELECT 1")
                          TEXT("b", "SELECT 3") ASK("c", "9")));
    t = finish(r, &n);
    ck_assert_int_eq(replay_counts(r)->texts_joined, 2);
    ck_assert_int_eq(replay_counts(r)->texts_alone, 1);
    for (size_t i = 0; i < n; i++) {
        if (t[i].kind != OBS_TEXT)
            continue;
        if (t[i].status == 200) {
            ck_assert_int_eq(t[i].count, 2);
            ck_assert(slice_eq(t[i].text[F_QUERY_TEXT], SL("SELECT 1"))); /* the smallest of the parts */
        } else {
            ck_assert_int_eq(t[i].status, -1);
            ck_assert(slice_eq(t[i].text[F_QUERY_TEXT], SL("SELECT 3")));
            ck_assert(slice_eq(t[i].text[F_CONTAINER], SL("c")));
        }
    }
    replay_free(r);
}
END_TEST

START_TEST(rows_returned_are_counted_for_one_pair_only)
{
    struct replay *r = replay_open(0);
    const struct observation *o;
    size_t n;

    add(r, text_file("x", ASK("a", "1") ASK("a", "2")
        "{\"time\":\"2026-08-20T10:00:02Z\",\"resourceId\":\"/SUBSCRIPTIONS/1/PROVIDERS/MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/ACC\","
        "\"category\":\"QueryRuntimeStatistics\",\"properties\":{\"activityId\":\"a\",\"databasename\":\"d\","
        "\"numberofrowsreturned\":\"120\",\"querytext\":\"SELECT 1\"}}\n"));
    o = finish(r, &n);
    ck_assert_ptr_nonnull(find(o, n, OBS_TEXT));
    ck_assert_int_eq(find(o, n, OBS_TEXT)->count, 2);
    ck_assert_int_eq(find(o, n, OBS_TEXT)->rows, 120);
    replay_free(r);
}
END_TEST

/* A request of `second` and `address`, with numbers that tell it from its neighbours. */
#define ASK_AT(second, address)                                                                            \
    "{\"Type\":\"CDBDataPlaneRequests\",\"TimeGenerated\":\"2026-08-20T10:00:" second "Z\",\"AccountName\":\"acc\","      \
    "\"ActivityId\":\"a\",\"OperationName\":\"Query\",\"StatusCode\":200,\"ClientIpAddress\":\"" address "\","          \
    "\"RequestCharge\":1.5,\"RequestLength\":7.0,\"ResponseLength\":9.0,\"DurationMs\":2.5}\n"
/* A part of a text, with how many rows it brought. */
#define PART(time, activity, rows, text)                                                                   \
    "{\"time\":\"2026-08-20T10:00:" time "Z\","                                                              \
    "\"resourceId\":\"/SUBSCRIPTIONS/1/PROVIDERS/MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/ACC\","            \
    "\"category\":\"QueryRuntimeStatistics\",\"properties\":{\"activityId\":\"" activity "\",\"databasename\":\"d\","   \
    "\"numberofrowsreturned\":\"" rows "\",\"querytext\":\"" text "\"}}\n"

START_TEST(a_pair_has_all_that_its_request_says_in_any_order)
{
    static const char *const files[] = { ASK_AT("01", "192.0.2.1") ASK_AT("02", "192.0.2.2"),
                                         ASK_AT("02", "192.0.2.2") ASK_AT("01", "192.0.2.1") };

    for (size_t f = 0; f < ARRAY_LEN(files); f++) {
        struct replay *r = replay_open(0);
        const struct observation *o;
        int64_t rows = 0;
        size_t n;

        add(r, text_file("x", files[f]));
        add(r, text_file("y", PART("03", "a", "120", "SELECT 1") PART("04", "a", "30", "SELECT 1")));
        o = finish(r, &n);
        ck_assert_int_eq(replay_counts(r)->texts_joined, 2);
        for (size_t i = 0; i < n; i++) {
            bool is_first = slice_eq(o[i].text[F_ADDRESS], SL("192.0.2.1"));

            if (o[i].kind != OBS_TEXT)
                continue;
            ck_assert_int_eq(o[i].api, API_NOSQL);
            ck_assert_int_eq(o[i].count, 1);
            ck_assert_int_eq(o[i].bytes_in, 7);
            ck_assert_int_eq(o[i].bytes_out, 9);
            ck_assert_int_eq(o[i].ru_milli, 1500);
            ck_assert_int_eq(o[i].duration_us, 2500);
            ck_assert_int_eq(o[i].first_ns % NS_PER_MIN, is_first ? NS_PER_S : 2 * NS_PER_S);
            ck_assert_int_eq(o[i].first_ns, o[i].last_ns);
            ck_assert(slice_eq(o[i].sample, SL("a")));
            ck_assert_int_eq(o[i].rows, is_first ? 150 : 0); /* the earliest has them */
            rows += o[i].rows;
        }
        ck_assert_int_eq(rows, 150);
        replay_free(r);
    }
}
END_TEST

START_TEST(a_lonely_text_has_all_that_its_parts_say)
{
    struct replay *r = replay_open(0);
    const struct observation *o;
    size_t n;

    add(r, text_file("x", PART("05", "a", "20", "SELECT 1") PART("03", "a", "30", "SELECT 1")
        "{\"Type\":\"CDBDataPlaneRequests\",\"TimeGenerated\":\"2026-08-20T10:00:01Z\",\"AccountName\":\"acc\","
        "\"ActivityId\":\"a\",\"OperationName\":\"Read\",\"StatusCode\":200}\n")); /* no query: not its request */
    add(r, text_file("y", ASK("", "100") TEXT("", "SELECT 2"))); /* who is nobody belongs to nobody */
    o = finish(r, &n);
    ck_assert_int_eq(replay_counts(r)->texts_joined, 0);
    ck_assert_int_eq(replay_counts(r)->texts_alone, 2);
    for (; o->kind != OBS_TEXT || !slice_eq(o->text[F_QUERY_TEXT], SL("SELECT 1")); o++)
        ck_assert_uint_gt(n--, 1);
    ck_assert_int_eq(o->rows, 50);
    ck_assert_int_eq(o->api, API_NOSQL);
    ck_assert_int_eq(o->first_ns % NS_PER_MIN, 3 * NS_PER_S);
    ck_assert(slice_eq(o->sample, SL("a")));
    replay_free(r);
}
END_TEST

START_TEST(texts_of_other_accounts_do_not_meet)
{
    struct replay *r = replay_open(0);
    size_t n;

    add(r, text_file("x", ASK("a", "1")
        "{\"Type\":\"CDBQueryRuntimeStatistics\",\"TimeGenerated\":\"2026-08-20T10:00:02Z\",\"AccountName\":\"other\","
        "\"ActivityId\":\"a\",\"QueryText\":\"SELECT 1\"}\n"));
    (void)finish(r, &n);
    ck_assert_int_eq(replay_counts(r)->texts_joined, 0);
    ck_assert_int_eq(replay_counts(r)->texts_alone, 1);
    replay_free(r);
}
END_TEST

START_TEST(a_row_given_twice_counts_once_when_it_has_an_id)
{
    struct replay *r = replay_open(0);
    const struct observation *o;
    size_t n;

    add(r, text_file("x", READ_ROW("i1") READ_ROW("i2") READ_ROW("i1")));
    add(r, text_file("y", READ_ROW("i2") READ_ROW("i3")));
    o = finish(r, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(o[0].count, 3);
    ck_assert_int_eq(replay_counts(r)->repeated_rows, 2);
    replay_free(r);
    r = replay_open(0);
    add(r, text_file("x", ASK("a", "1") ASK("a", "1"))); /* without ids, two equal rows are two */
    o = finish(r, &n);
    ck_assert_int_eq(o[0].count, 2);
    replay_free(r);
}
END_TEST

START_TEST(many_ids_are_kept_apart)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(32 << 20);
    struct replay *r = replay_open(0);
    const struct observation *o;
    size_t n;

    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 20000; i++)
            buf_addf(&b, "{\"Type\":\"CDBDataPlaneRequests\",\"_ItemId\":\"%d\",\"TimeGenerated\":\"2026-08-20T10:00:01Z\","
                         "\"AccountName\":\"a\",\"OperationName\":\"Read\",\"StatusCode\":200}\n", i);
    add(r, file_of("x", b.at, b.len, false));
    o = finish(r, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(o[0].count, 20000);
    replay_free(r);
}
END_TEST

START_TEST(a_file_given_twice_counts_once_packed_or_not)
{
    struct replay *r = replay_open(0);
    const char *text = ASK("a", "1") ASK("b", "1");
    const struct observation *o;
    size_t n;

    add(r, text_file("x", text));
    add(r, text_file("copy", text));
    add(r, file_of("x.gz", text, strlen(text), true));
    add(r, file_of("packed-without-saying", text, strlen(text), true));
    o = finish(r, &n);
    ck_assert_int_eq(o[0].count, 2);
    ck_assert_int_eq(replay_counts(r)->files, 1);
    ck_assert_int_eq(replay_counts(r)->repeated_files, 3);
    replay_free(r);
}
END_TEST

START_TEST(a_query_answer_gets_its_table_from_the_name_of_the_file)
{
    struct replay *r = replay_open(0);
    size_t n;

    add(r, text_file("CDBDataPlaneRequests.2026-08-20.json",
                     "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[{\"name\":\"TimeGenerated\",\"type\":\"datetime\"},"
                     "{\"name\":\"AccountName\",\"type\":\"string\"},{\"name\":\"StatusCode\",\"type\":\"int\"}],\n"
                     "\"rows\":[[\"2026-08-20T10:00:00Z\",\"A\",403]]}]}"));
    ck_assert_int_eq(finish(r, &n)[0].status, 403);
    replay_free(r);
}
END_TEST

START_TEST(forms_of_files_are_told_apart)
{
    static const struct { const char *text; int64_t rows; } cases[] = {
        { .text = "", .rows = 0 },
        { .text = "\n\n", .rows = 0 },
        { .text = ASK("a", "1"), .rows = 1 },
        { .text = "\xEF\xBB\xBF" ASK("a", "1") ASK("b", "1"), .rows = 2 },
        { .text = "[" "{\"Type\":\"CDBDataPlaneRequests\",\"TimeGenerated\":\"2026-08-20T10:00:01Z\",\"AccountName\":\"a\"},\n"
                  "{\"Type\":\"CDBDataPlaneRequests\",\"TimeGenerated\":\"2026-08-20T10:00:01Z\",\"AccountName\":\"a\"}]", .rows = 2 },
        { .text = "{\n  \"Type\": \"CDBDataPlaneRequests\",\n  \"TimeGenerated\": \"2026-08-20T10:00:01Z\",\n  \"AccountName\": \"a\"\n}\n", .rows = 1 },
        { .text = "{\"records\":[{\"time\":\"2026-08-20T10:00:01Z\",\"category\":\"DataPlaneRequests\",\"operationName\":\"Read\","
                  "\"properties\":{\"statusCode\":\"200\"}}]}{\"records\":[{\"time\":\"2026-08-20T10:00:01Z\",\"category\":\"DataPlaneRequests\","
                  "\"properties\":{\"statusCode\":\"200\"}}]}", .rows = 2 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct replay *r = replay_open(0);
        size_t n;

        add(r, text_file("x", cases[i].text));
        (void)finish(r, &n);
        ck_assert_msg(replay_counts(r)->records == cases[i].rows, "case %zu: %lld", i, (long long)replay_counts(r)->records);
        replay_free(r);
    }
}
END_TEST

START_TEST(a_damaged_line_costs_only_itself)
{
    struct replay *r = replay_open(0);
    size_t n;

    add(r, text_file("x", ASK("a", "1") "{\"Type\":\"CDBDataPlaneRequests\",\"Quer \n" ASK("b", "1") "\xff\xfe{]\n" ASK("c", "1")));
    (void)finish(r, &n);
    ck_assert_int_eq(replay_counts(r)->records, 3);
    replay_free(r);
}
END_TEST

START_TEST(what_cannot_be_read_says_why)
{
    static const struct { const char *name; enum error_code want; const char *says; } cases[] = {
        { .name = "not-there", .want = ERR_NOT_FOUND, .says = "not-there" },
        { .name = "", .want = ERR_INPUT, .says = "directory" },
        { .name = "cut.gz", .want = ERR_INPUT, .says = "cut" },
        { .name = "cut.json", .want = ERR_INPUT, .says = "cut.json" },
        { .name = "partial.json", .want = ERR_PARTIAL, .says = "partial" },
    };
    CLEANUP(buf_release) struct buf b = BUF_INIT(1 << 20);
    const char *packed;

    for (int i = 0; i < 2000; i++)
        buf_add_str(&b, ASK("a", "1"));
    packed = file_of("cut.gz", b.at, b.len, true);
    {
        struct stat st;

        ck_assert_int_eq(stat(packed, &st), 0);
        ck_assert_int_eq(truncate(packed, st.st_size - 9), 0);
    }
    (void)text_file("cut.json", "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[{\"name\":\"Ty");
    (void)text_file("partial.json", "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[{\"name\":\"Type\",\"type\":\"string\"}],\"rows\":[]}],"
                                    "\"error\":{\"code\":\"PartialError\"}}");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct replay *r = replay_open(0);
        struct error err = { 0 };
        char path[256];

        (void)snprintf(path, sizeof path, "%s/%s", folder, cases[i].name);
        ck_assert_msg(replay_add_file(r, path, &err) == -1, "%s", cases[i].name);
        ck_assert_msg(err.code == cases[i].want && strstr(err.msg, cases[i].says), "%s: %s %s", cases[i].name,
                      error_code_name(err.code), err.msg);
        replay_free(r);
    }
}
END_TEST

START_TEST(memory_has_a_ceiling_and_says_so)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(64 << 20);
    struct replay *r = replay_open(4 << 20);
    struct error err = { 0 };
    const char *path;

    for (int i = 0; i < 50000; i++)
        buf_addf(&b, "{\"Type\":\"CDBDataPlaneRequests\",\"TimeGenerated\":\"2026-08-20T10:00:01Z\",\"AccountName\":\"a\","
                     "\"OperationName\":\"Query\",\"ActivityId\":\"%d\",\"StatusCode\":200}\n", i);
    path = file_of("big", b.at, b.len, false);
    ck_assert_int_eq(replay_add_file(r, path, &err), -1);
    ck_assert_int_eq(err.code, ERR_LIMIT);
    ck_assert_msg(strstr(err.msg, "memory") != NULL, "%s", err.msg);
    replay_free(r);
}
END_TEST

START_TEST(many_long_texts_end_at_the_ceiling_too)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(16 << 20);
    struct replay *r = replay_open(4 << 20); /* of which texts may have a quarter */
    struct error err = { 0 };

    for (int i = 0; i < 300; i++) {
        buf_addf(&b, "{\"Type\":\"CDBQueryRuntimeStatistics\",\"TimeGenerated\":\"2026-08-20T10:00:02.4Z\","
                     "\"AccountName\":\"acc\",\"ActivityId\":\"%d\",\"QueryText\":\"", i);
        for (int k = 0; k < 4096; k++)
            buf_add_char(&b, 'x');
        buf_add_str(&b, "\"}\n");
    }
    ck_assert_int_eq(replay_add_file(r, file_of("texts", b.at, b.len, false), &err), -1);
    ck_assert_int_eq(err.code, ERR_LIMIT);
    replay_free(r);
}
END_TEST

START_TEST(large_files_pass_in_pieces_of_whole_documents)
{
    static const struct { const char *row, *name; } forms[] = {
        { .name = "lines", .row = "{\"n\":\"]}\\\"[{\",\"x\":[1,{\"y\":2}]}\n" },
        { .name = "glued", .row = "{\"n\":\"]}\\\"[{\",\"x\":[1,{\"y\":2}]}" },
        { .name = "spread", .row = "\n{\n\"n\":\"]}\\\"[{\",\"x\":[1,{\"y\":2}]}" },
    };

    for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(128 << 20);
        CLEANUP(chunks_closep) struct chunks *c = NULL;
        struct error err = { 0 };
        struct slice piece;
        size_t pieces = 0, total = 0;

        while (b.len < (size_t)40 << 20)
            buf_add_str(&b, forms[f].row);
        ck_assert_int_eq(chunks_open(file_of(forms[f].name, b.at, b.len, false), &c, &err), 0);
        for (;;) {
            ck_assert_msg(chunks_next(c, &piece, &err) == 0, "%s", err.msg);
            if (slice_empty(piece))
                break;
            ck_assert_uint_lt(piece.len, (size_t)20 << 20);
            ck_assert_msg(piece.len % strlen(forms[f].row) == 0, "%s: a piece of %zu bytes", forms[f].name, piece.len);
            ck_assert(memcmp(piece.at, b.at + total, piece.len) == 0);
            total += piece.len;
            pieces++;
        }
        ck_assert_uint_eq(total, b.len);
        ck_assert_uint_ge(pieces, 2);
        ck_assert_int_eq(chunks_bytes(c), (int64_t)b.len);
    }
}
END_TEST

/* Behind small ones; as PowerShell writes it, with a mark in front. */
START_TEST(a_document_larger_than_a_piece_stays_whole)
{
    static const char *const marks[] = { "", "\xEF\xBB\xBF" };

    for (size_t m = 0; m < ARRAY_LEN(marks); m++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(128 << 20);
        CLEANUP(chunks_closep) struct chunks *c = NULL;
        struct error err = { 0 };
        struct slice piece;
        size_t total = 0;

        buf_add_str(&b, marks[m]);
        for (int i = 0; i < 3; i++)
            buf_add_str(&b, "{\n\"a\":1}\n");
        for (int i = 0; i < 2; i++) {
            buf_add_str(&b, "[");
            for (size_t end = b.len + ((size_t)20 << 20); b.len < end;)
                buf_add_str(&b, "\n{\"n\":\"]}\\\"[{\"},");
            buf_add_str(&b, "\n0]\n");
        }
        ck_assert_int_eq(chunks_open(file_of("large", b.at, b.len, false), &c, &err), 0);
        for (;;) {
            ck_assert_msg(chunks_next(c, &piece, &err) == 0, "%s", err.msg);
            if (slice_empty(piece))
                break;
            total += piece.len;
            piece = slice_trim(piece);
            ck_assert_msg(piece.len == 0 || slice_ends_nocase(piece, SL("\n\"a\":1}")) ||
                          slice_ends_nocase(piece, SL("\n0]")), "cut within a document");
        }
        ck_assert_uint_eq(total, b.len);
    }
}
END_TEST

START_TEST(standard_input_is_read_and_not_twice)
{
    struct replay *r = replay_open(0);
    const char *path = text_file("x", ASK("a", "1"));
    struct error err = { 0 };
    int old = dup(STDIN_FILENO), fd = open(path, O_RDONLY);
    size_t n;

    ck_assert(fd >= 0 && dup2(fd, STDIN_FILENO) >= 0);
    add(r, "-");
    add(r, path); /* the same content: left out */
    ck_assert_int_eq(finish(r, &n)[0].count, 1);
    replay_free(r);
    r = replay_open(0);
    add(r, path);
    ck_assert_int_eq((int)lseek(STDIN_FILENO, 0, SEEK_SET), 0);
    ck_assert_int_eq(replay_add_file(r, "-", &err), -1); /* too late to leave it out */
    ck_assert_int_eq(err.code, ERR_INPUT);
    replay_free(r);
    (void)dup2(old, STDIN_FILENO);
    (void)close(fd);
    (void)close(old);
}
END_TEST

START_TEST(activity_about_other_things_is_left_out_as_the_live_source_does)
{
    struct replay *r = replay_open(0);
    size_t n;

    add(r, text_file("x", "{\"Type\":\"AzureActivity\",\"TimeGenerated\":\"2026-08-20T10:00:01Z\",\"OperationNameValue\":\"MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE\"}\n"
                          "{\"Type\":\"AzureActivity\",\"TimeGenerated\":\"2026-08-20T10:00:01Z\",\"OperationNameValue\":\"MICROSOFT.STORAGE/STORAGEACCOUNTS/LISTKEYS/ACTION\"}\n"));
    (void)finish(r, &n);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(replay_counts(r)->skipped, 1);
    replay_free(r);
}
END_TEST

static void remove_folder(void)
{
    DIR *d = opendir(folder);

    for (struct dirent *e; d && (e = readdir(d));)
        (void)unlinkat(dirfd(d), e->d_name, 0); /* "." and ".." stay, as they should */
    if (d)
        (void)closedir(d);
    (void)rmdir(folder);
}

int main(void)
{
    const TTest *const tests[] = {
        text_and_request_meet_in_any_order_and_file,
        a_text_is_judged_once_per_request_and_a_lonely_one_alone,
        rows_returned_are_counted_for_one_pair_only,
        a_pair_has_all_that_its_request_says_in_any_order,
        a_lonely_text_has_all_that_its_parts_say,
        texts_of_other_accounts_do_not_meet,
        a_row_given_twice_counts_once_when_it_has_an_id,
        many_ids_are_kept_apart,
        a_file_given_twice_counts_once_packed_or_not,
        a_query_answer_gets_its_table_from_the_name_of_the_file,
        forms_of_files_are_told_apart,
        a_damaged_line_costs_only_itself,
        what_cannot_be_read_says_why,
        memory_has_a_ceiling_and_says_so,
        many_long_texts_end_at_the_ceiling_too,
        large_files_pass_in_pieces_of_whole_documents,
        a_document_larger_than_a_piece_stays_whole,
        standard_input_is_read_and_not_twice,
        activity_about_other_things_is_left_out_as_the_live_source_does,
    };
    TCase *group = tcase_create("replay");
    int failed;

    if (!mkdtemp(folder))
        return 1;
    tcase_set_timeout(group, 120);
    for (size_t i = 0; i < ARRAY_LEN(tests); i++)
        tcase_add_test(group, tests[i]);
    failed = run_group("source_replay", group);
    remove_folder();
    return failed;
}
