/* What detectors/table_injection.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/injection_kit.h"

extern const struct detector_ops detector_table_injection;

START_TEST(a_text_is_judged_by_its_form)
{
    check_statements(&detector_table_injection, API_TABLE, "tests/detectors/table_injection/statements.txt", 25);
}
END_TEST

static struct bench *open_learned(void)
{
    struct bench *b = bench_open(&detector_table_injection, "");

    for (int i = 0; i < 50; i++)
        ask(b, (struct ask){ .api = API_TABLE, .text = "PartitionKey eq 'p' and Name eq 'kim' and Age gt 5", .minute_ns = day(0) + i * 5 * NS_PER_HOUR });
    ck_assert_uint_eq(bench_drafts(b), 0);
    return b;
}

START_TEST(what_was_put_into_the_usual_text_alerts)
{
    static const struct { const char *text, *type; } cases[] = {
        { "PartitionKey eq 'p' and Name eq 'x' or Salary gt 0 and Age gt 5", "CosmosDBX_TableInjection.ODataFilter" },
        { "PartitionKey eq 'p' and Name eq 'x' or 'a' eq 'a' and Age gt 5", "CosmosDBX_TableInjection.ODataFilter" },
        { "PartitionKey eq 'p' and Name eq 'x' or Name ge '' and Age gt 5", "CosmosDBX_TableInjection.ODataFilter" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = open_learned();

        ask(b, (struct ask){ .api = API_TABLE, .text = cases[i].text, .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 1, "%s", cases[i].text);
        ck_assert_msg(strcmp(bench_alert(b, 0)->type->id, cases[i].type) == 0, "%s: %s", bench_alert(b, 0)->type->id, cases[i].text);
        bench_free(b);
    }
}
END_TEST

START_TEST(the_usual_text_and_harmless_news_are_silent)
{
    static const char *const texts[] = {
        "PartitionKey eq 'p' and Name eq 'kim' and Age gt 5",
        "PartitionKey eq 'p' and Name eq 'or true' and Age gt 9",
        "PartitionKey eq 'p' and Name eq 'x' and Zip eq 5 and Age gt 5",
        "(PartitionKey eq 'p') and (Name eq 'kim') and (Age gt 5)",
    };
    struct bench *b = open_learned();

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ask(b, (struct ask){ .api = API_TABLE, .text = texts[i], .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 0, "%s", texts[i]);
    }
    bench_free(b);
}
END_TEST

START_TEST(order_and_split_of_the_rows_do_not_show)
{
    static const char *const texts[] = {
        "PartitionKey eq 'p' and Name eq 'x##' or 'a' eq 'a' and Age gt 5",
        "PartitionKey eq '#' UNION SELECT #",
        "f## eq",
    };

    check_order(&detector_table_injection, API_TABLE, "PartitionKey eq 'p' and Name eq 'kim' and Age gt 5", texts, ARRAY_LEN(texts));
}
END_TEST

START_TEST(huge_and_deep_text_ends_in_bounded_work)
{
    static const char *const units[] = { "(", "''", "'", "a eq 1 or ", "not ", "a(", "or ", "-", "datetime'", "%27" };

    check_huge(&detector_table_injection, API_TABLE, "PartitionKey eq ", units, ARRAY_LEN(units));
}
END_TEST

START_TEST(other_apis_are_none_of_its_business)
{
    struct bench *b = bench_open(&detector_table_injection, "");

    for (int api = 0; api < API_COUNT; api++)
        if (api != API_TABLE)
            ask(b, (struct ask){ .api = (enum api)api, .text = "PartitionKey eq 'p' and Name eq 'x' or Salary gt 0 and Age gt 5" });
    ck_assert_uint_eq(bench_alerts(b), 0);
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
    return run_suite("table_injection", t);
}
