/* What detectors/table_injection.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dialect_kit.h"

extern const struct detector_ops detector_table_injection;

#define USUAL "PartitionKey eq 'p' and Name eq 'kim' and Age gt 5"

const struct dialect_promise promise = {
    .ops = &detector_table_injection,
    .api = API_TABLE,
    .statements = "tests/detectors/table_injection/statements.txt",
    .at_least = 25,
    .usual = USUAL,
    .inserted = {
        { "PartitionKey eq 'p' and Name eq 'x' or Salary gt 0 and Age gt 5", "CosmosDBX_TableInjection.ODataFilter" },
        { "PartitionKey eq 'p' and Name eq 'x' or 'a' eq 'a' and Age gt 5", "CosmosDBX_TableInjection.ODataFilter" },
        { "PartitionKey eq 'p' and Name eq 'x' or Name ge '' and Age gt 5", "CosmosDBX_TableInjection.ODataFilter" },
    },
    .silent = {
        USUAL,
        "PartitionKey eq 'p' and Name eq 'or true' and Age gt 9",
        "PartitionKey eq 'p' and Name eq 'x' and Zip eq 5 and Age gt 5",
        "(PartitionKey eq 'p') and (Name eq 'kim') and (Age gt 5)",
    },
    .mixed = {
        "PartitionKey eq 'p' and Name eq 'x##' or 'a' eq 'a' and Age gt 5",
        "PartitionKey eq '#' UNION SELECT #",
        "f## eq",
    },
    .huge_head = "PartitionKey eq ",
    .huge = { "(", "''", "'", "a eq 1 or ", "not ", "a(", "or ", "-", "datetime'", "%27" },
};

/* Alternatives on one property are one word of a shape: that the second takes away what the filter was for must show. */
START_TEST(an_alternative_that_makes_another_needless_is_no_usual_text)
{
    static const char usual[] = "UserName eq 'kim' and Password eq 'x'";
    static const char other[] = "UserName eq 'kim' or UserName eq 'kim' and Password eq 'x'";
    static const char list[] = "Town eq 'x' or Town eq 'y'", wide[] = "Town eq 'x' or Town ge 'a'";
    struct bench *b = bench_open(&detector_table_injection, "");

    for (int i = 0; i < 50; i++) {
        ask(b, (struct ask){ .api = API_TABLE, .text = usual, .minute_ns = day(0) + i * 5 * NS_PER_HOUR });
        ask(b, (struct ask){ .api = API_TABLE, .text = list, .minute_ns = day(0) + i * 5 * NS_PER_HOUR, .container = "towns" });
    }
    ask(b, (struct ask){ .api = API_TABLE, .text = "Town eq 'v' or Town eq 'w'", .minute_ns = day(12), .container = "towns" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    ask(b, (struct ask){ .api = API_TABLE, .text = other, .minute_ns = day(12) });
    ck_assert_uint_eq(bench_alerts(b), 1);
    ask(b, (struct ask){ .api = API_TABLE, .text = wide, .minute_ns = day(12), .container = "towns" });
    ck_assert_uint_eq(bench_alerts(b), 2);
    bench_free(b);
}
END_TEST

/* Who searches for one value in two properties says so more often than who breaks out of a value. */
START_TEST(the_same_value_elsewhere_is_no_attack)
{
    static const struct { const char *text; bool is_attack; } cases[] = {
        { "Mail eq 'kim@x.org' or OtherMail eq 'kim@x.org'", false },
        { "Mail eq 'kim@x.org' or OtherMail eq 'lee@x.org'", true },
        { "Mail eq 'kim@x.org' or OtherMail ne 'kim@x.org'", true },
        { "Mail eq 'kim@x.org' or Boss eq 'lee@x.org' or OtherMail eq 'kim@x.org'", true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench_open(&detector_table_injection, "");

        for (int d = 0; d < 10; d++)
            ask(b, (struct ask){ .api = API_TABLE, .text = "Mail eq 'lou@x.org'", .minute_ns = day(d) });
        ask(b, (struct ask){ .api = API_TABLE, .text = cases[i].text, .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == cases[i].is_attack, "%s", cases[i].text);
        bench_free(b);
    }
}
END_TEST

int main(void)
{
    TCase *t = promised_tests();

    tcase_add_test(t, an_alternative_that_makes_another_needless_is_no_usual_text);
    tcase_add_test(t, the_same_value_elsewhere_is_no_attack);
    tcase_set_timeout(t, 60);
    return run_group("table_injection", t);
}
