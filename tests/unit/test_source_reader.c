/* Reading a window whole: what counts as an answer, how a window is cut, and what is a limit.
 *
 * The service is a list of rows, each with a time of arrival. It reads the bounds out of the query text,
 * as little as that takes, and answers as the real one does, or as it is told to.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "base/timeutil.h"
#include "source/reader.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 512

enum trouble { FINE, PARTIAL_OVER /* more than `most` rows */, LIMIT_OVER, CAPPED /* silently cut */, ALWAYS_PARTIAL,
               ALWAYS_LIMIT, DAMAGED, NO_STATUS, NOT_AN_ANSWER, REFUSED, DAMAGED_ONCE,
               UNREACHABLE, TOO_LARGE_OVER /* not even an answer */, LIMIT_OR_PARTIAL /* by turns, over `most` */,
               NO_TIMES, FAT /* of megabytes, when over `most` */, TWO_TABLES,
               STRANGERS /* capped, and every other row is of a table that nobody knows */ };

struct service {
    enum trouble trouble;
    size_t most;
    int64_t arrived_ns[ROWS];
    size_t rows;
    size_t asked, longest_wait_s, bad_rows;
    size_t sums; /* of how many requests each row is a summary; 0: one */
    bool is_hourly; /* the last question was for hours */
};

static int64_t bound_after(struct slice query, const char *mark)
{
    size_t at = slice_find(query, slice_of(mark));
    struct slice rest;
    int64_t ns = 0;

    ck_assert_msg(at != SIZE_MAX, "%s", mark);
    rest = slice_make(query.at + at + strlen(mark), query.len - at - strlen(mark));
    ck_assert(slice_starts(rest, SL("datetime(")));
    ck_assert(time_parse_iso(slice_make(rest.at + 9, 28), &ns));
    return ns;
}

static unsigned part_after(struct slice query, const char *mark, unsigned absent)
{
    size_t at = slice_find(query, slice_of(mark));
    unsigned n = 0;

    if (at == SIZE_MAX)
        return absent;
    for (const char *p = query.at + at + strlen(mark); *p >= '0' && *p <= '9'; p++)
        n = n * 10 + (unsigned)(*p - '0');
    return n;
}

static void add_row(struct buf *b, size_t i, const struct service *s)
{
    buf_add_str(b, s->trouble == STRANGERS && i % 2 ? "[\"CDBTomorrow\"," : "[\"CDBDataPlaneRequests\",");
    if (s->trouble == NO_TIMES)
        buf_add_str(b, "null");
    else
        buf_addf(b, "\"2026-08-20T09:%02zu:00Z\"", i % 60);
    buf_addf(b, ",\"acc\",\"Read\",%s\"192.0.2.1\",\"id-%zu\",%zu]", s->trouble == NO_STATUS ? "" : "200,", i,
             s->sums ? s->sums : 1);
}

static void add_spaces(struct buf *b, size_t n)
{
    ck_assert(buf_reserve(b, n));
    memset(b->at + b->len, ' ', n);
    b->len += n;
}

static void add_answer(struct buf *b, const struct service *s, struct slice query)
{
    int64_t from = bound_after(query, "ingestion_time() >= "), to = bound_after(query, "ingestion_time() < ");
    unsigned low = part_after(query, ", 64) >= ", 0), high = part_after(query, ", 64) < ", 64);
    bool has_status = s->trouble != NO_STATUS, is_partial = s->trouble == ALWAYS_PARTIAL;
    size_t n = 0;

    buf_addf(b, "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[{\"name\":\"Type\",\"type\":\"string\"},"
                "{\"name\":\"TimeGenerated\",\"type\":\"datetime\"},{\"name\":\"AccountName\",\"type\":\"string\"},"
                "{\"name\":\"OperationName\",\"type\":\"string\"},%s{\"name\":\"ClientIpAddress\",\"type\":\"string\"},"
                "{\"name\":\"SampleActivityId\",\"type\":\"string\"},{\"name\":\"RowCount\",\"type\":\"long\"}],\"rows\":[",
             has_status ? "{\"name\":\"StatusCode\",\"type\":\"int\"}," : "");
    for (size_t i = 0; i < s->rows; i++) {
        if (s->arrived_ns[i] < from || s->arrived_ns[i] >= to || i % 64 < low || i % 64 >= high)
            continue;
        if (s->trouble == PARTIAL_OVER && n == s->most) {
            is_partial = true;
            break;
        }
        if ((s->trouble == CAPPED || s->trouble == STRANGERS) && n == s->most)
            break;
        if (n++ > 0)
            buf_add_char(b, ',');
        add_row(b, i, s);
    }
    buf_add_str(b, "]}");
    if (s->trouble == TWO_TABLES)
        buf_add_str(b, ",{\"name\":\"Statistics\",\"columns\":[{\"name\":\"x\",\"type\":\"int\"}],\"rows\":[]}");
    buf_add_char(b, ']');
    if (s->trouble == FAT && n > s->most)
        add_spaces(b, READER_BYTES_NEAR);
    if (is_partial)
        buf_add_str(b, ",\"error\":{\"code\":\"PartialError\",\"message\":\"E_QUERY_RESULT_SET_TOO_LARGE\"}");
    buf_add_char(b, '}');
}

static size_t rows_in(const struct service *s, struct slice query)
{
    int64_t from = bound_after(query, "ingestion_time() >= "), to = bound_after(query, "ingestion_time() < ");
    unsigned low = part_after(query, ", 64) >= ", 0), high = part_after(query, ", 64) < ", 64);
    size_t n = 0;

    for (size_t i = 0; i < s->rows; i++)
        n += s->arrived_ns[i] >= from && s->arrived_ns[i] < to && i % 64 >= low && i % 64 < high;
    return n;
}

static int ask(void *self, struct slice query, int64_t wait_s, struct http_answer *ret, struct error *err)
{
    struct service *s = self;
    struct buf b = BUF_INIT(128u << 20);

    s->asked++;
    s->is_hourly = slice_find(query, SL("bin(TimeGenerated, 3600s)")) != SIZE_MAX;
    s->longest_wait_s = (size_t)wait_s > s->longest_wait_s ? (size_t)wait_s : s->longest_wait_s;
    ck_assert_msg(s->asked < 5000, "it does not end");
    if (s->trouble == ALWAYS_LIMIT || (s->trouble == LIMIT_OVER && rows_in(s, query) > s->most))
        return error_set(err, ERR_LIMIT, "time-out");
    if (s->trouble == TOO_LARGE_OVER && rows_in(s, query) > s->most)
        return error_set(err, ERR_PARTIAL, "too large");
    if (s->trouble == LIMIT_OR_PARTIAL && rows_in(s, query) > s->most)
        return error_set(err, s->asked % 2 ? ERR_LIMIT : ERR_PARTIAL, "too much");
    if (s->trouble == UNREACHABLE)
        return error_set(err, ERR_NET, "connection refused");
    if (s->trouble == REFUSED) {
        (void)error_set(err, ERR_BUSY, "slow down");
        err->retry_after_ms = 7000;
        return -1;
    }
    if (s->trouble == NOT_AN_ANSWER)
        buf_add_str(&b, "{\"hello\":1}");
    else
        add_answer(&b, s, query);
    if (s->trouble == DAMAGED || (s->trouble == DAMAGED_ONCE && s->asked == 1))
        b.len /= 2;
    ck_assert(buf_reserve(&b, 64));
    memset(b.at + b.len, 0, 64);
    *ret = (struct http_answer){ .status = 200, .body = b };
    return 0;
}

static void count_bad(void *self, struct slice raw, const char *reason)
{
    struct service *s = self;

    (void)raw;
    (void)reason;
    s->bad_rows++;
}

struct bench {
    struct service service;
    struct reader reader;
    struct source_batch batch;
    struct source_request req;
    struct error err;
};

static int64_t start_ns(void)
{
    int64_t ns = 0;

    ck_assert(time_parse_iso(SL("2026-08-20T10:00:00Z"), &ns));
    return ns;
}

/* One stream only, so that a query is a query. */
static struct bench *bench_open(size_t rows, int64_t step_ns, enum trouble trouble, size_t most)
{
    struct bench *b = calloc(1, sizeof *b);

    ck_assert_ptr_nonnull(b);
    b->req = (struct source_request){ .from_ns = start_ns(), .to_ns = start_ns() + 5 * NS_PER_MIN };
    b->service = (struct service){ .trouble = trouble, .most = most, .rows = rows };
    for (size_t i = 0; i < rows; i++)
        b->service.arrived_ns[i] = start_ns() + (int64_t)i * step_ns;
    b->reader = (struct reader){ .ask = ask, .self = &b->service, .decoder = decoder_new(), .wait_s = 60,
                                 .scope = { .bin_ns = NS_PER_MIN, .tables = KQL_TABLE(TABLE_DATA_PLANE_5M),
                                            .row_cap = 1000, .text_wait_ns = NS_PER_HOUR } };
    b->batch = (struct source_batch){ .fold = fold_new(1 << 26), .bad_self = &b->service, .on_bad = count_bad };
    ck_assert_ptr_nonnull(b->reader.decoder);
    ck_assert_ptr_nonnull(b->batch.fold);
    return b;
}

static void bench_free(struct bench *b)
{
    decoder_free(b->reader.decoder);
    fold_free(b->batch.fold);
    free(b);
}

static int read_it(struct bench *b)
{
    b->err = (struct error){ 0 };
    b->batch.records = b->batch.queries = b->batch.splits = b->batch.partials = 0;
    b->service.asked = 0;
    fold_reset(b->batch.fold);
    return reader_read(&b->reader, &b->req, &b->batch, &b->err);
}

static int64_t rows_kept(struct bench *b)
{
    const struct observation *o = fold_sorted(b->batch.fold);
    int64_t n = 0;

    for (size_t i = 0; i < fold_len(b->batch.fold); i++)
        n += o[i].count;
    return n;
}

START_TEST(an_answer_that_fits_is_one_query)
{
    struct bench *b = bench_open(100, NS_PER_S, FINE, 0);

    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(b->batch.queries, 1);
    ck_assert_int_eq(b->batch.records, 100);
    ck_assert_int_eq(rows_kept(b), 100);
    ck_assert(b->batch.bytes > 0);
    bench_free(b);
}
END_TEST

START_TEST(an_empty_window_is_read_all_the_same)
{
    struct bench *b = bench_open(0, 0, FINE, 0);

    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(b->batch.queries, 1);
    ck_assert_int_eq(rows_kept(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_partial_answer_counts_for_nothing_and_its_halves_for_everything)
{
    static const size_t most[] = { 1, 2, 7, 50, 99 };

    for (size_t i = 0; i < ARRAY_LEN(most); i++) {
        struct bench *b = bench_open(100, NS_PER_S, PARTIAL_OVER, most[i]);

        ck_assert_msg(read_it(b) == 0, "most %zu: %s", most[i], b->err.msg);
        ck_assert_int_eq(rows_kept(b), 100);
        ck_assert_int_eq(b->batch.records, 100);
        ck_assert_int_eq(b->batch.partials, b->batch.splits);
        ck_assert_int_eq(b->batch.queries, 2 * b->batch.splits + 1);
        bench_free(b);
    }
}
END_TEST

START_TEST(as_many_rows_as_the_cap_are_too_many_even_without_a_word)
{
    struct bench *b = bench_open(100, NS_PER_S, CAPPED, 10);

    b->reader.scope.row_cap = 10;
    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(rows_kept(b), 100);
    bench_free(b);
}
END_TEST

START_TEST(rows_that_cannot_be_read_count_towards_the_cap_and_are_kept_aside)
{
    struct bench *b = bench_open(100, NS_PER_S, NO_TIMES, 0);

    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(b->batch.records, 100); /* a re-check counts them, too */
    ck_assert_uint_eq(b->service.bad_rows, 100);
    ck_assert_int_eq(rows_kept(b), 0);
    bench_free(b);
    b = bench_open(100, NS_PER_S, STRANGERS, 10);
    b->reader.scope.row_cap = 10;
    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(rows_kept(b), 50);
    bench_free(b);
}
END_TEST

START_TEST(a_summary_counts_as_the_rows_it_is_of)
{
    struct bench *b = bench_open(20, NS_PER_S, FINE, 0);

    b->service.sums = 3;
    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(b->batch.records, 60); /* what a re-check will count */
    ck_assert_int_eq(rows_kept(b), 60);
    ck_assert(!b->service.is_hourly);
    b->req.is_backfill = true;
    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert(b->service.is_hourly);
    bench_free(b);
}
END_TEST

START_TEST(an_answer_near_the_size_that_the_service_cuts_at_is_too_much)
{
    struct bench *b = bench_open(20, NS_PER_S, FAT, 10);

    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(rows_kept(b), 20);
    ck_assert_int_ge(b->batch.partials, 1);
    bench_free(b);
}
END_TEST

START_TEST(an_answer_too_large_to_be_one_is_cut)
{
    struct bench *b = bench_open(100, NS_PER_S, TOO_LARGE_OVER, 20);

    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(rows_kept(b), 100);
    ck_assert_int_eq(b->batch.partials, b->batch.splits);
    bench_free(b);
}
END_TEST

START_TEST(what_stands_behind_the_first_table_needs_no_columns)
{
    struct bench *b = bench_open(3, NS_PER_S, TWO_TABLES, 0);

    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(rows_kept(b), 3);
    bench_free(b);
}
END_TEST

START_TEST(one_tick_is_cut_by_hash)
{
    struct bench *b = bench_open(512, 0, PARTIAL_OVER, 20);

    b->reader.scope.row_cap = 400;
    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(rows_kept(b), 512);
    bench_free(b);
}
END_TEST

START_TEST(a_tick_that_no_cut_makes_small_enough_is_a_limit)
{
    struct bench *b = bench_open(512, 0, PARTIAL_OVER, 7); /* 512 rows in 64 parts are 8 each */

    ck_assert_int_eq(read_it(b), -1);
    ck_assert_int_eq(b->err.code, ERR_LIMIT);
    bench_free(b);
}
END_TEST

START_TEST(a_service_that_is_always_partial_is_given_up_soon)
{
    struct bench *b = bench_open(10, NS_PER_S, ALWAYS_PARTIAL, 0);

    ck_assert_int_eq(read_it(b), -1);
    ck_assert_int_eq(b->err.code, ERR_LIMIT);
    ck_assert(b->service.asked < 64);
    bench_free(b);
}
END_TEST

START_TEST(time_outs_halve_and_ask_for_more_patience)
{
    struct bench *b = bench_open(100, 3 * NS_PER_S, LIMIT_OVER, 20);

    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(rows_kept(b), 100);
    ck_assert_uint_gt(b->service.longest_wait_s, 60);
    ck_assert_uint_le(b->service.longest_wait_s, 600);
    bench_free(b);
}
END_TEST

START_TEST(a_service_that_only_times_out_makes_no_gap)
{
    struct bench *b = bench_open(100, NS_PER_S, ALWAYS_LIMIT, 0);

    ck_assert_int_eq(read_it(b), -1);
    ck_assert_int_eq(b->err.code, ERR_SERVER);
    ck_assert_uint_lt(b->service.asked, 10);
    ck_assert_int_eq(read_it(b), -1); /* begins smaller, still ends soon */
    ck_assert_int_eq(b->err.code, ERR_SERVER);
    ck_assert_uint_lt(b->service.asked, 10);
    b->service.trouble = FINE;
    ck_assert_int_eq(read_it(b), 0);
    ck_assert_int_eq(rows_kept(b), 100);
    bench_free(b);
}
END_TEST

/* The last part of the last tick is asked for in vain: that is no limit, and the next attempt does not begin so small. */
START_TEST(time_outs_down_to_the_last_part_make_no_gap_either)
{
    struct bench *b = bench_open(64, 0, LIMIT_OVER, 0);

    for (size_t i = 0; i < 63; i++)
        b->service.arrived_ns[i] = start_ns() - NS_PER_DAY; /* the one that is left is in the last part of all */
    b->service.arrived_ns[63] = b->req.to_ns - KQL_TICK_NS;
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(read_it(b), -1);
        ck_assert_msg(b->err.code == ERR_SERVER, "%s", error_code_name(b->err.code));
    }
    bench_free(b);
}
END_TEST

START_TEST(a_service_that_says_too_much_is_not_down)
{
    struct bench *b = bench_open(512, KQL_TICK_NS, LIMIT_OR_PARTIAL, 1);

    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(rows_kept(b), 512);
    bench_free(b);
}
END_TEST

START_TEST(a_window_much_too_heavy_gets_read_over_several_attempts)
{
    struct bench *b = bench_open(500, NS_PER_S / 2, LIMIT_OVER, 1); /* 500 rows need pieces of half a second */
    int attempts = 1;

    while (read_it(b) < 0) {
        ck_assert_int_eq(b->err.code, ERR_SERVER);
        ck_assert_int_lt(++attempts, 10);
    }
    ck_assert_int_eq(rows_kept(b), 500);
    bench_free(b);
}
END_TEST

START_TEST(answers_that_are_none_are_tried_again_and_then_smaller)
{
    static const enum trouble troubles[] = { DAMAGED, NOT_AN_ANSWER };

    for (size_t i = 0; i < ARRAY_LEN(troubles); i++) {
        struct bench *b = bench_open(100, NS_PER_S, troubles[i], 0);

        for (int n = 0; n < 3; n++) {
            ck_assert_int_eq(read_it(b), -1);
            ck_assert_msg(b->err.code == ERR_SERVER, "%s: %s", error_code_name(b->err.code), b->err.msg);
            ck_assert_int_eq(b->batch.queries, 1);
        }
        b->service.trouble = FINE;
        ck_assert_int_eq(read_it(b), 0);
        ck_assert_int_eq(b->batch.queries, 2); /* halves, since three in a row were broken */
        ck_assert_int_eq(rows_kept(b), 100);
        ck_assert_int_eq(read_it(b), 0);
        ck_assert_int_eq(b->batch.queries, 1);
        bench_free(b);
    }
}
END_TEST

START_TEST(an_outage_of_hours_leaves_no_thousands_of_questions)
{
    struct bench *b = bench_open(60, 5 * NS_PER_S, UNREACHABLE, 0);

    for (int i = 0; i < 100; i++)
        ck_assert_int_lt(read_it(b), 0);
    b->service.trouble = FINE;
    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_int_eq(rows_kept(b), 60);
    ck_assert_uint_eq(b->service.asked, 64);
    ck_assert_int_eq(read_it(b), 0);
    ck_assert_uint_eq(b->service.asked, 1);
    bench_free(b);
}
END_TEST

START_TEST(a_service_that_asks_to_wait_is_not_asked_more_afterwards)
{
    struct bench *b = bench_open(60, 5 * NS_PER_S, REFUSED, 0);

    for (int i = 0; i < 10; i++)
        ck_assert_int_lt(read_it(b), 0);
    b->service.trouble = FINE;
    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_uint_eq(b->service.asked, 1);
    bench_free(b);
}
END_TEST

START_TEST(what_one_window_taught_is_not_another_ones)
{
    struct bench *b = bench_open(60, 5 * NS_PER_S, UNREACHABLE, 0);

    for (int i = 0; i < 10; i++)
        ck_assert_int_lt(read_it(b), 0);
    b->service.trouble = FINE;
    b->req.from_ns += NS_PER_MIN;
    ck_assert_msg(read_it(b) == 0, "%s", b->err.msg);
    ck_assert_uint_eq(b->service.asked, 1);
    bench_free(b);
}
END_TEST

START_TEST(a_column_that_is_gone_alarms)
{
    struct bench *b = bench_open(3, NS_PER_S, NO_STATUS, 0);

    ck_assert_int_eq(read_it(b), -1);
    ck_assert_int_eq(b->err.code, ERR_STATE);
    ck_assert_msg(strstr(b->err.msg, "StatusCode") != NULL, "%s", b->err.msg);
    ck_assert_int_eq(rows_kept(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(being_asked_to_wait_goes_up_as_it_is)
{
    struct bench *b = bench_open(3, NS_PER_S, REFUSED, 0);

    ck_assert_int_eq(read_it(b), -1);
    ck_assert_int_eq(b->err.code, ERR_BUSY);
    ck_assert_int_eq(b->err.retry_after_ms, 7000);
    ck_assert_int_eq(b->batch.queries, 1);
    bench_free(b);
}
END_TEST

/* ---- counting -------------------------------------------------------------------------------- */

struct counter {
    size_t asked, most; /* intervals in one query */
    int64_t length_most_ns;
    bool is_partial;
    const char *rows; /* given instead; NULL: counts */
    bool is_busy, is_cut /* the answer says that rows are missing */;
};

static int answer_count(void *self, struct slice query, int64_t wait_s, struct http_answer *ret, struct error *err)
{
    struct counter *c = self;
    struct buf b = BUF_INIT(1 << 20);
    int64_t from = bound_after(query, "ingestion_time() >= "), to = bound_after(query, "ingestion_time() < ");
    size_t n = 1;
    struct slice rest = query;

    (void)wait_s;
    c->asked++;
    for (size_t at; (at = slice_find(rest, SL("At < datetime"))) != SIZE_MAX; n++)
        rest = slice_make(rest.at + at + 1, rest.len - at - 1);
    if (c->is_busy) {
        (void)error_set(err, ERR_BUSY, "slow down");
        err->retry_after_ms = 7000;
        return -1;
    }
    if ((c->most > 0 && n > c->most) || (c->length_most_ns > 0 && to - from > c->length_most_ns))
        return error_set(err, c->is_partial ? ERR_PARTIAL : ERR_LIMIT, "too much");
    buf_add_str(&b, "{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[{\"name\":\"W\",\"type\":\"int\"},{\"name\":\"N\","
                    "\"type\":\"long\"}],\"rows\":[");
    if (c->rows)
        buf_add_str(&b, c->rows);
    for (size_t i = 0; i < n && !c->rows; i++)
        buf_addf(&b, "%s[%zu,%lld]", i ? "," : "", i, (long long)((to - from) / (int64_t)n / NS_PER_S));
    buf_add_str(&b, c->is_cut ? "]}],\"error\":{\"code\":\"PartialError\"}}" : "]}]}");
    *ret = (struct http_answer){ .status = 200, .body = b };
    return 0;
}

static struct reader counting_with(struct counter *c)
{
    return (struct reader){ .ask = answer_count, .self = c,
                            .scope = { .tables = KQL_TABLE(TABLE_ACTIVITY), .row_cap = 10 } };
}

START_TEST(counts_come_per_interval_whatever_the_cutting)
{
    static const struct { size_t n, most; int64_t length_most_ns; } cases[] = {
        { .n = 1 }, { .n = 5 }, { .n = 48 }, { .n = 49 }, { .n = 200 },
        { .n = 5, .most = 2 }, { .n = 3, .length_most_ns = 20 * NS_PER_S },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct counter c = { .most = cases[i].most, .length_most_ns = cases[i].length_most_ns };
        struct reader r = counting_with(&c);
        struct error err = { 0 };
        int64_t edges[201], counts[200];

        for (size_t e = 0; e <= cases[i].n; e++)
            edges[e] = start_ns() + (int64_t)e * NS_PER_MIN;
        memset(counts, 1, sizeof counts); /* whatever stood there before */
        ck_assert_msg(reader_count(&r, edges, cases[i].n, counts, &err) == 0, "case %zu: %s", i, err.msg);
        for (size_t k = 0; k < cases[i].n; k++)
            ck_assert_msg(counts[k] == 60, "case %zu, interval %zu: %lld", i, k, (long long)counts[k]);
    }
}
END_TEST

START_TEST(a_count_that_cannot_be_had_is_an_error)
{
    struct counter c = { .length_most_ns = 1, .is_partial = true };
    struct reader r = counting_with(&c);
    struct error err = { 0 };
    const int64_t edges[2] = { start_ns(), start_ns() + NS_PER_MIN };
    int64_t count = 0;

    ck_assert_int_eq(reader_count(&r, edges, 1, &count, &err), -1);
    ck_assert_int_eq(err.code, ERR_PARTIAL);
    ck_assert_uint_lt(c.asked, 20);
    c = (struct counter){ .is_cut = true };
    ck_assert_int_eq(reader_count(&r, edges, 1, &count, &err), -1); /* a count too low would hide late rows */
    ck_assert_int_eq(err.code, ERR_PARTIAL);
}
END_TEST

START_TEST(a_count_of_something_else_is_none)
{
    static const char *const rows[] = { "[1,5]", "[-1,5]", "[0,-5]", "[null,5]", "[0,null]", "[99999999999,5]" };
    const int64_t edges[2] = { start_ns(), start_ns() + NS_PER_MIN };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct counter c = { .rows = rows[i] };
        struct reader r = counting_with(&c);
        struct error err = { 0 };
        int64_t counts[2] = { 0, 77 };

        ck_assert_msg(reader_count(&r, edges, 1, counts, &err) == -1, "%s", rows[i]);
        ck_assert_int_eq(err.code, ERR_SERVER);
        ck_assert_int_eq(counts[1], 77);
    }
}
END_TEST

START_TEST(a_count_that_is_asked_to_wait_asks_no_more)
{
    struct counter c = { .is_busy = true };
    struct reader r = counting_with(&c);
    struct error err = { 0 };
    const int64_t edges[3] = { start_ns(), start_ns() + NS_PER_MIN, start_ns() + 2 * NS_PER_MIN };
    int64_t counts[2] = { 0 };

    ck_assert_int_eq(reader_count(&r, edges, 2, counts, &err), -1);
    ck_assert_int_eq(err.code, ERR_BUSY);
    ck_assert_int_eq(err.retry_after_ms, 7000);
    ck_assert_uint_eq(c.asked, 1);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        an_answer_that_fits_is_one_query,
        an_empty_window_is_read_all_the_same,
        a_partial_answer_counts_for_nothing_and_its_halves_for_everything,
        as_many_rows_as_the_cap_are_too_many_even_without_a_word,
        rows_that_cannot_be_read_count_towards_the_cap_and_are_kept_aside,
        a_summary_counts_as_the_rows_it_is_of,
        an_answer_near_the_size_that_the_service_cuts_at_is_too_much,
        an_answer_too_large_to_be_one_is_cut,
        what_stands_behind_the_first_table_needs_no_columns,
        one_tick_is_cut_by_hash,
        a_tick_that_no_cut_makes_small_enough_is_a_limit,
        a_service_that_is_always_partial_is_given_up_soon,
        time_outs_halve_and_ask_for_more_patience,
        a_service_that_only_times_out_makes_no_gap,
        time_outs_down_to_the_last_part_make_no_gap_either,
        a_service_that_says_too_much_is_not_down,
        a_window_much_too_heavy_gets_read_over_several_attempts,
        answers_that_are_none_are_tried_again_and_then_smaller,
        an_outage_of_hours_leaves_no_thousands_of_questions,
        a_service_that_asks_to_wait_is_not_asked_more_afterwards,
        what_one_window_taught_is_not_another_ones,
        a_column_that_is_gone_alarms,
        being_asked_to_wait_goes_up_as_it_is,
        counts_come_per_interval_whatever_the_cutting,
        a_count_that_cannot_be_had_is_an_error,
        a_count_of_something_else_is_none,
        a_count_that_is_asked_to_wait_asks_no_more,
    };
    return run_tests("source_reader", tests, ARRAY_LEN(tests));
}
