/* What detectors/cql_injection.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dialect_kit.h"

extern const struct detector_ops detector_cql_injection;

#define USUAL "SELECT a, b FROM t WHERE id = 'k' AND area = 'north'"

const struct dialect_promise promise = {
    .ops = &detector_cql_injection,
    .api = API_CASSANDRA,
    .statements = "tests/detectors/cql_injection/statements.txt",
    .at_least = 25,
    .usual = USUAL,
    .inserted = {
        { "SELECT a, b FROM t WHERE id = 'k'--' AND area = 'north'", "CosmosDBX_CqlInjection" },
        { "SELECT a, b FROM t WHERE id = 'k' AND area = 'north' ALLOW FILTERING", "CosmosDBX_CqlInjection" },
        { "SELECT a, b FROM t WHERE id = 'k' AND c > '' AND area = 'north'", "CosmosDBX_CqlInjection" },
    },
    .silent = {
        USUAL,
        "SELECT a, b FROM t WHERE id = 'O''Hara -- x' AND area = ''",
        "SELECT a, b FROM t WHERE id = 'k' AND area = 'north' AND zip = 5 LIMIT 3",
        "SELECT a FROM u WHERE x = 1",
    },
    .mixed = {
        "SELECT a, b FROM t WHERE id = 'k##'--' AND area = 'north'",
        "SELECT a, b FROM t WHERE id = 'k#' UNION SELECT #",
        "SELECT f## FROM t WHERE x = ''",
    },
    .huge_head = "SELECT * FROM t WHERE a = ",
    .huge = { "(", "[", "{", "''", "'", "a=1 AND ", "/*", "--", "x,", "OR 1=1 ", "$$" },
};

START_TEST(a_nul_byte_is_seen)
{
    static const char text[] = "SELECT * FROM t WHERE id = 'k'\0 AND area = 'x'";
    struct bench *b = bench_open(&detector_cql_injection, "");

    ask_slice(b, (struct ask){ .api = API_CASSANDRA, .status = 400 }, slice_make(text, sizeof text - 1));
    ck_assert_int_eq(bench_only(b, "CosmosDBX_CqlInjection")->severity, SEVERITY_LOW);
    bench_free(b);
}
END_TEST

START_TEST(broken_texts_alert_when_many_different_ones_come_at_once)
{
    struct bench *b = bench_open(&detector_cql_injection, "");

    for (int i = 0; i < 30; i++) {
        char text[80];

        (void)snprintf(text, sizeof text, "SELECT f%d FROM t WHERE", i);
        ask(b, (struct ask){ .api = API_CASSANDRA, .text = text, .status = 400, .minute_ns = day(1) + i * NS_PER_S });
        if (i == 5)
            ck_assert_uint_eq(bench_alerts(b), 0);
    }
    ck_assert_str_eq(bench_only(b, "CosmosDBX_CqlInjection")->variant, ".SyntaxErrors");
    bench_free(b);
}
END_TEST

int main(void)
{
    TCase *t = promised_tests();

    tcase_add_test(t, a_nul_byte_is_seen);
    tcase_add_test(t, broken_texts_alert_when_many_different_ones_come_at_once);
    return run_suite("cql_injection", t);
}
