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

/* Thirty texts of one form, refused within half a minute: what is told of them, or nothing. */
static void refuse_thirty(const char *form, bool is_broken)
{
    struct bench *b = bench_open(&detector_cql_injection, "");

    for (int i = 0; i < 30; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT(400);

        buf_addf(&text, "SELECT f%d ", i);
        buf_add_slice(&text, slice_of(form));
        ask(b, (struct ask){ .api = API_CASSANDRA, .text = buf_cstr(&text), .status = 400,
                             .minute_ns = day(1) + i * NS_PER_S });
    }
    if (is_broken)
        ck_assert_msg(bench_alerts(b) == 1 && strcmp(bench_only(b, "CosmosDBX_CqlInjection")->variant, ".SyntaxErrors") == 0,
                      "broken, and taken for whole: %s", form);
    else
        ck_assert_msg(bench_alerts(b) == 0, "whole, and taken for broken: %s", form);
    bench_free(b);
}

/* An application whose well-formed statements are refused (a table that is gone) tries no injection. */
START_TEST(what_the_grammar_allows_is_no_broken_text)
{
    static const char *const forms[] = {
        "FROM t WHERE a = -b.c[1].d * 2 - f(x)[3] % 4",
        "FROM t WHERE tags CONTAINS KEY 'a' AND name LIKE 'b%' AND c IS NOT NULL",
        "FROM t WHERE a IN ? AND b IN (1, 2) AND (c, d) > (1, {'x': [1, 2]})",
        "FROM t WHERE a[1] = 2 ORDER BY a ASC, b DESC LIMIT 3",
        "FROM t WHERE a = 1 GROUP BY a, b PER PARTITION LIMIT 2 ALLOW FILTERING",
        "FROM t ORDER BY v ANN OF [0.1, 0.2] LIMIT 3;",
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        refuse_thirty(forms[i], false);
}
END_TEST

START_TEST(what_the_grammar_has_no_place_for_is_a_broken_text)
{
    static const char *const forms[] = {
        "WHERE a = 1",
        "FROM t WHERE a = (1]",
        "FROM t WHERE a = f(1; 2)",
        "FROM t WHERE a = b.5",
        "FROM t WHERE 1 = 1",
        "FROM t WHERE ? = 1",
        "FROM t WHERE a IN 5",
        "FROM t WHERE a IS NULL",
        "FROM t PER PARTITION 5",
        "FROM t WHERE a = 1 IF NOT 5",
        "FROM t WHERE a = ",
        "] FROM t",
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        refuse_thirty(forms[i], true);
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
    tcase_add_test(t, what_the_grammar_allows_is_no_broken_text);
    tcase_add_test(t, what_the_grammar_has_no_place_for_is_a_broken_text);
    tcase_add_test(t, broken_texts_alert_when_many_different_ones_come_at_once);
    tcase_set_timeout(t, 60);
    return run_group("cql_injection", t);
}
