/* What detectors/cql_injection.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/injection_kit.h"

extern const struct detector_ops detector_cql_injection;

START_TEST(a_text_is_judged_by_its_form)
{
    check_statements(&detector_cql_injection, API_CASSANDRA, "tests/detectors/cql_injection/statements.txt", 25);
}
END_TEST

static struct bench *open_learned(void)
{
    struct bench *b = bench_open(&detector_cql_injection, "");

    for (int i = 0; i < 50; i++)
        ask(b, (struct ask){ .api = API_CASSANDRA, .text = "SELECT a, b FROM t WHERE id = 'k' AND area = 'north'", .minute_ns = day(0) + i * 5 * NS_PER_HOUR });
    ck_assert_uint_eq(bench_drafts(b), 0);
    return b;
}

START_TEST(what_was_put_into_the_usual_text_alerts)
{
    static const struct { const char *text, *type; } cases[] = {
        { "SELECT a, b FROM t WHERE id = 'k'--' AND area = 'north'", "CosmosDBX_CqlInjection" },
        { "SELECT a, b FROM t WHERE id = 'k' AND area = 'north' ALLOW FILTERING", "CosmosDBX_CqlInjection" },
        { "SELECT a, b FROM t WHERE id = 'k' AND c > '' AND area = 'north'", "CosmosDBX_CqlInjection" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = open_learned();

        ask(b, (struct ask){ .api = API_CASSANDRA, .text = cases[i].text, .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 1, "%s", cases[i].text);
        ck_assert_msg(strcmp(bench_alert(b, 0)->type->id, cases[i].type) == 0, "%s: %s", bench_alert(b, 0)->type->id, cases[i].text);
        bench_free(b);
    }
}
END_TEST

START_TEST(the_usual_text_and_harmless_news_are_silent)
{
    static const char *const texts[] = {
        "SELECT a, b FROM t WHERE id = 'k' AND area = 'north'",
        "SELECT a, b FROM t WHERE id = 'O''Hara -- x' AND area = ''",
        "SELECT a, b FROM t WHERE id = 'k' AND area = 'north' AND zip = 5 LIMIT 3",
        "SELECT a FROM u WHERE x = 1",
    };
    struct bench *b = open_learned();

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ask(b, (struct ask){ .api = API_CASSANDRA, .text = texts[i], .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 0, "%s", texts[i]);
    }
    bench_free(b);
}
END_TEST

START_TEST(order_and_split_of_the_rows_do_not_show)
{
    static const char *const texts[] = {
        "SELECT a, b FROM t WHERE id = 'k##'--' AND area = 'north'",
        "SELECT a, b FROM t WHERE id = 'k#' UNION SELECT #",
        "SELECT f## FROM t WHERE x = ''",
    };

    check_order(&detector_cql_injection, API_CASSANDRA, "SELECT a, b FROM t WHERE id = 'k' AND area = 'north'", texts, ARRAY_LEN(texts));
}
END_TEST

START_TEST(huge_and_deep_text_ends_in_bounded_work)
{
    static const char *const units[] = { "(", "[", "{", "''", "'", "a=1 AND ", "/*", "--", "x,", "OR 1=1 ", "$$" };

    check_huge(&detector_cql_injection, API_CASSANDRA, "SELECT * FROM t WHERE a = ", units, ARRAY_LEN(units));
}
END_TEST

START_TEST(other_apis_are_none_of_its_business)
{
    struct bench *b = bench_open(&detector_cql_injection, "");

    for (int api = 0; api < API_COUNT; api++)
        if (api != API_CASSANDRA)
            ask(b, (struct ask){ .api = (enum api)api, .text = "SELECT a, b FROM t WHERE id = 'k'--' AND area = 'north'" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

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
    TCase *t = tcase_create("detector");

    tcase_add_test(t, a_text_is_judged_by_its_form);
    tcase_add_test(t, what_was_put_into_the_usual_text_alerts);
    tcase_add_test(t, the_usual_text_and_harmless_news_are_silent);
    tcase_add_test(t, order_and_split_of_the_rows_do_not_show);
    tcase_add_test(t, huge_and_deep_text_ends_in_bounded_work);
    tcase_add_test(t, other_apis_are_none_of_its_business);
    tcase_add_test(t, a_nul_byte_is_seen);
    tcase_add_test(t, broken_texts_alert_when_many_different_ones_come_at_once);
    return run_suite("cql_injection", t);
}
