/* What hostile query texts cost: counted, never timed. A text of any length and depth asks the allocator for as much
 * as a short one; looking for what was put into a statement has a limit; a client that makes up a new statement for
 * every request neither grows the memory without end nor pushes out what others are known for.
 * Counts by standing in front of the C library's allocator; under a sanitizer allocations are not counted.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/injection_kit.h"

#include "detectors/kit/query_history.h"
#include "detectors/kit/query_shape.h"
#include "tests/unit/allocation_count.h"

extern const struct detector_ops detector_sql_injection, detector_mongo_injection, detector_cql_injection,
    detector_gremlin_injection, detector_table_injection;

static const struct { enum api api; const struct detector_ops *ops; const char *head, *ordinary; } dialects[] = {
    { .api = API_NOSQL, .ops = &detector_sql_injection, .head = "SELECT * FROM c WHERE c.a = ",
      .ordinary = "SELECT * FROM c WHERE c.a = 'x' AND c.b = 2" },
    { .api = API_MONGODB, .ops = &detector_mongo_injection, .head = "{\"find\":\"t\",\"filter\":{\"a\":",
      .ordinary = "{\"find\":\"t\",\"filter\":{\"a\":\"x\",\"b\":2}}" },
    { .api = API_CASSANDRA, .ops = &detector_cql_injection, .head = "SELECT * FROM t WHERE a = ", .ordinary = "SELECT * FROM t WHERE a = 'x' AND b = 2" },
    { .api = API_GREMLIN, .ops = &detector_gremlin_injection, .head = "g.V().has('a', ", .ordinary = "g.V().has('a', 'x').out('b')" },
    { .api = API_TABLE, .ops = &detector_table_injection, .head = "A eq 'x' and ", .ordinary = "A eq 'x' and B eq 2" },
};

static const char *const units[] = { "(", "[", "{", ")", "]", "}", "([{", "f(", "c[", "{\"a\":", "(1=1 OR ", "NOT (", "not (", "(SELECT VALUE x FROM x IN ", "IIF(",
                                     "c.a.", "''", "' OR '", "\"", "--\n", "/*" };

/* Allocations of judging the text once more, when its like was judged before. */
static long count_judging(size_t d, const char *unit, size_t bytes, int32_t status)
{
    struct bench *b = bench_open(dialects[d].ops, "");
    struct buf text = BUF_INIT(1u << 20);
    struct ask a = { .api = dialects[d].api, .status = status };

    buf_add_str(&text, dialects[d].head);
    while (text.len < bytes)
        buf_add_str(&text, unit);
    for (int i = 0; i < 2; i++) {
        ask_slice(b, a, buf_slice(&text));
        text.at[text.len - 1] = ' '; /* another text, so that nothing is remembered whole */
    }
    long before = allocations;

    ask_slice(b, a, buf_slice(&text));
    long n = allocations - before;

    buf_release(&text);
    bench_free(b);
    return n;
}

#ifdef COSMOWATCH_COVERAGE
#define SHORT_BYTES ((size_t)16 << 10) /* the same lines, by a compiler that optimizes nothing */
#else
#define SHORT_BYTES ((size_t)64 << 10)
#endif

START_TEST(a_text_of_brackets_allocates_no_more_when_it_is_longer)
{
    for (size_t d = 0; d < ARRAY_LEN(dialects); d++)
        for (size_t u = 0; u < ARRAY_LEN(units); u++)
            for (int32_t status = 200; status <= 400; status += 200) {
                long small = count_judging(d, units[u], SHORT_BYTES, status);
                long large = count_judging(d, units[u], 4 * SHORT_BYTES, status);

                ck_assert_msg(!COUNTED || large <= small + 8, "%s '%s' %d: %ld, %ld", dialects[d].ops->name, units[u], (int)status, small, large);
            }
}
END_TEST

START_TEST(what_a_client_sends_again_allocates_nothing)
{
    for (size_t d = 0; d < ARRAY_LEN(dialects); d++) {
        struct bench *b = bench_open(dialects[d].ops, "");

        for (int day_n = 0; day_n < 8; day_n++)
            ask(b, (struct ask){ .api = dialects[d].api, .text = dialects[d].ordinary, .minute_ns = day(day_n) });
        long before = allocations;

        for (int i = 0; i < 1000; i++)
            ask(b, (struct ask){ .api = dialects[d].api, .text = dialects[d].ordinary, .minute_ns = day(7) });
        /* the label of the client is built for each row */
        ck_assert_msg(!COUNTED || allocations - before <= 2 * 1000, "%s: %ld", dialects[d].ops->name, allocations - before);
        bench_free(b);
    }
}
END_TEST

static bool never_known(void *self, uint64_t hash)
{
    (void)hash;
    ++*(size_t *)self;
    return false;
}

static int any_start(void *self, size_t i)
{
    (void)self;
    return 1 + (int)(i & 1);
}

START_TEST(looking_for_what_was_put_in_has_a_limit)
{
    static struct query_shape sh;

    query_shape_init(&sh);
    for (size_t period = 1; period <= 512; period *= 2)
        for (size_t words = 8; words <= QUERY_SHAPE_MAX; words *= 2) {
            size_t asked = 0;

            query_shape_start(&sh, false);
            for (uint32_t i = 0; i < words; i++)
                query_shape_push(&sh, query_word_of_code(1, i % (unsigned)period), i);
            query_shape_end(&sh);
            struct query_insertion in = query_shape_find_insertion(&sh, &(struct query_insertion_ask){
                .self = &asked, .is_known = never_known, .start_rank = any_start });

            ck_assert(!in.found && in.looked_at > 0);
            ck_assert_uint_le(in.looked_at, QUERY_SEARCH_MAX);
            ck_assert_uint_le(asked, 2 * in.looked_at);
        }
}
END_TEST

/* Every second one has a name that was never there before; all have shapes of their own. */
static void flood(struct bench *b, size_t d, int n)
{
    static const char *const forms[ARRAY_LEN(dialects)] = { "SELECT * FROM c WHERE c.p# = 'x'", "{\"find\":\"t\",\"filter\":{\"p#\":\"x\"}}",
                                                            "SELECT * FROM t WHERE p# = 'x'", "g.V().has('p#', 'x')", "P# eq 'x'" };
    size_t before = strcspn(forms[d], "#");
    char text[128];

    (void)snprintf(text, sizeof text, "%.*s%d%s", (int)before, forms[d], n, forms[d] + before + 1);
    ask(b, (struct ask){ .api = dialects[d].api, .text = text, .minute_ns = day(9), .container = "flooded" });
}

START_TEST(a_flood_of_new_statements_is_bounded_and_harms_no_other_client)
{
    for (size_t d = 0; d < ARRAY_LEN(dialects); d++) {
        struct bench *b = bench_open(dialects[d].ops, "");
        struct baseline_stats half = { 0 }, all = { 0 };

        for (int day_n = 0; day_n < 8; day_n++)
            ask(b, (struct ask){ .api = dialects[d].api, .text = dialects[d].ordinary, .minute_ns = day(day_n) });
        for (int i = 0; i < 100000; i++) {
            flood(b, d, i);
            if (i == 50000)
                baseline_get_stats(bench_baseline(b), &half);
        }
        baseline_get_stats(bench_baseline(b), &all);
        ck_assert_int_le(all.keys, 16000); /* two for each of some thousand shapes */
        ck_assert_int_eq(all.keys, half.keys);
        ck_assert_int_eq(all.bytes, half.bytes);
        ck_assert_int_eq(all.evicted, 0);
        ck_assert_uint_eq(bench_alerts(b), 0);
        bench_free(b);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("cost");

    tcase_add_test(t, a_text_of_brackets_allocates_no_more_when_it_is_longer);
    tcase_add_test(t, what_a_client_sends_again_allocates_nothing);
    tcase_add_test(t, looking_for_what_was_put_in_has_a_limit);
    tcase_add_test(t, a_flood_of_new_statements_is_bounded_and_harms_no_other_client);
    tcase_set_timeout(t, 60);
    return run_group("judge_cost", t);
}
