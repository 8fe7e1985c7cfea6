/* What detectors/mongo_injection.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/injection_kit.h"

extern const struct detector_ops detector_mongo_injection;

START_TEST(a_text_is_judged_by_its_form)
{
    check_statements(&detector_mongo_injection, API_MONGODB, "tests/detectors/mongo_injection/statements.txt", 40);
}
END_TEST

static struct bench *open_learned(void)
{
    struct bench *b = bench_open(&detector_mongo_injection, "");

    for (int i = 0; i < 50; i++)
        ask(b, (struct ask){ .api = API_MONGODB, .text = "{\"find\":\"goods\",\"filter\":{\"colour\":\"red\",\"size\":{\"$gte\":4},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}", .minute_ns = day(0) + i * 5 * NS_PER_HOUR });
    ck_assert_uint_eq(bench_drafts(b), 0);
    return b;
}

START_TEST(what_was_put_into_the_usual_text_alerts)
{
    static const struct { const char *text, *type; } cases[] = {
        { "{\"find\":\"goods\",\"filter\":{\"colour\":{\"$exists\":true},\"size\":{\"$gte\":4},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}", "CosmosDBX_MongoInjection.Operator" },
        { "{\"find\":\"goods\",\"filter\":{\"colour\":{\"$ne\":null},\"size\":{\"$gte\":4},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}", "CosmosDBX_MongoInjection.Operator" },
        { "{\"find\":\"goods\",\"filter\":{\"colour\":{\"$type\":2},\"size\":{\"$gte\":4},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}", "CosmosDBX_MongoInjection.Operator" },
        { "{\"find\":\"goods\",\"filter\":{\"colour\":{\"$regex\":\"^a\"},\"size\":{\"$gte\":4},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}", "CosmosDBX_MongoInjection.RegexBlind" },
        { "{\"aggregate\":\"goods\",\"pipeline\":[{\"$match\":{\"colour\":\"red\"}},{\"$lookup\":{\"from\":\"staff\",\"as\":\"x\"}}]}", "CosmosDBX_MongoInjection.Pipeline" },
        { "{\"find\":\"goods\",\"filter\":{\"$where\":\"this.a\"}}", "CosmosDBX_MongoInjection.JavaScript" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = open_learned();

        ask(b, (struct ask){ .api = API_MONGODB, .text = cases[i].text, .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 1, "%s", cases[i].text);
        ck_assert_msg(strcmp(bench_alert(b, 0)->type->id, cases[i].type) == 0, "%s: %s", bench_alert(b, 0)->type->id, cases[i].text);
        bench_free(b);
    }
}
END_TEST

START_TEST(the_first_code_of_a_client_alerts_and_what_it_always_sends_does_not)
{
    static const char *const code = "{\"find\":\"goods\",\"filter\":{\"$where\":\"this.seats > this.taken\"}}";
    struct bench *b = open_learned();

    ask(b, (struct ask){ .api = API_MONGODB, .text = code, .minute_ns = day(12) });
    ck_assert_str_eq(bench_only(b, "CosmosDBX_MongoInjection.JavaScript")->variant, ".Script");
    bench_free(b);

    b = bench_open(&detector_mongo_injection, "");
    for (int d = 0; d < 12; d++)
        ask(b, (struct ask){ .api = API_MONGODB, .text = code, .minute_ns = day(d) });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(the_usual_text_and_harmless_news_are_silent)
{
    static const char *const texts[] = {
        "{\"find\":\"goods\",\"filter\":{\"colour\":\"red\",\"size\":{\"$gte\":4},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}",
        "{\"find\":\"goods\",\"filter\":{\"colour\":\"{$ne:1}\",\"size\":{\"$gte\":4},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}",
        "{\"find\":\"goods\",\"filter\":{\"colour\":\"red\",\"size\":{\"$gte\":77},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}",
        "{\"find\":\"goods\",\"filter\":{\"colour\":\"red\",\"stock\":{\"$gt\":0}},\"limit\":9}",
        "{\"find\":\"goods\",\"filter\":{\"colour\":{\"$in\":[\"red\",\"blue\"]},\"size\":{\"$gte\":4},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}",
    };
    struct bench *b = open_learned();

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ask(b, (struct ask){ .api = API_MONGODB, .text = texts[i], .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 0, "%s", texts[i]);
    }
    bench_free(b);
}
END_TEST

START_TEST(order_and_split_of_the_rows_do_not_show)
{
    static const char *const texts[] = {
        "{\"find\":\"goods\",\"filter\":{\"colour\":{\"$ne\":\"x#\"},\"size\":{\"$gte\":4},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}",
        "{\"find\":\"goods\",\"filter\":{\"login\":\"k#\",\"password\":{\"$ne\":#}}}",
        "{\"find\":\"goods\",\"filter\":{\"code\":{\"$regex\":\"^q##\"}}}",
        "{\"find\":\"goods\",\"filter\":{\"colour\":{\"$exists\":true},\"size\":{\"$gte\":4},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":##}",
    };

    check_order(&detector_mongo_injection, API_MONGODB, "{\"find\":\"goods\",\"filter\":{\"colour\":\"red\",\"size\":{\"$gte\":4},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}", texts, ARRAY_LEN(texts));
}
END_TEST

START_TEST(huge_and_deep_text_ends_in_bounded_work)
{
    static const char *const units[] = { "{", "[", "(", "{\"a\":", "[{\"$and\":", "{\"a\":{\"$ne\":1}},", "\"", "\\", "/", "{\"$or\":[{}]," };

    check_huge(&detector_mongo_injection, API_MONGODB, "{\"find\":\"x\",\"filter\":", units, ARRAY_LEN(units));
}
END_TEST

START_TEST(other_apis_are_none_of_its_business)
{
    struct bench *b = bench_open(&detector_mongo_injection, "");

    for (int api = 0; api < API_COUNT; api++)
        if (api != API_MONGODB)
            ask(b, (struct ask){ .api = (enum api)api, .text = "{\"find\":\"goods\",\"filter\":{\"colour\":{\"$exists\":true},\"size\":{\"$gte\":4},\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_series_of_guesses_about_one_field_alerts)
{
    struct bench *b = bench_open(&detector_mongo_injection, "");

    for (int i = 0; i < 12; i++) {
        char text[120];

        (void)snprintf(text, sizeof text, "{\"find\":\"goods\",\"filter\":{\"code\":{\"$regex\":\"^m%.*s\"}}}", i, "d5f00d5f00d5f00");
        ask(b, (struct ask){ .api = API_MONGODB, .text = text, .minute_ns = day(1) + i * NS_PER_S });
        if (i == 3)
            ck_assert_uint_eq(bench_alerts(b), 0);
    }
    ck_assert_str_eq(bench_only(b, "CosmosDBX_MongoInjection.RegexBlind")->variant, ".Series");
    bench_free(b);
}
END_TEST

START_TEST(code_that_ran_is_high)
{
    struct bench *b = bench_open(&detector_mongo_injection, "");

    ask(b, (struct ask){ .api = API_MONGODB, .text = "{\"find\":\"goods\",\"filter\":{\"$where\":\"sleep(1)\"}}" });
    ck_assert_int_eq(bench_only(b, "CosmosDBX_MongoInjection.JavaScript")->severity, SEVERITY_HIGH);
    bench_free(b);
}
END_TEST

START_TEST(a_doubtful_form_becomes_usual_after_two_weeks)
{
    struct bench *b = bench_open(&detector_mongo_injection, "");
    size_t alerts;

    for (int d = 0; d < 40; d++)
        ask(b, (struct ask){ .api = API_MONGODB, .text = "{\"find\":\"goods\",\"filter\":{\"colour\":{\"$gt\":\"\"}}}", .minute_ns = day(d) });
    alerts = bench_alerts(b);
    ck_assert_uint_eq(alerts, 14);
    bench_free(b);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("detector");

    tcase_add_test(t, a_text_is_judged_by_its_form);
    tcase_add_test(t, what_was_put_into_the_usual_text_alerts);
    tcase_add_test(t, the_first_code_of_a_client_alerts_and_what_it_always_sends_does_not);
    tcase_add_test(t, the_usual_text_and_harmless_news_are_silent);
    tcase_add_test(t, order_and_split_of_the_rows_do_not_show);
    tcase_add_test(t, huge_and_deep_text_ends_in_bounded_work);
    tcase_add_test(t, other_apis_are_none_of_its_business);
    tcase_add_test(t, a_series_of_guesses_about_one_field_alerts);
    tcase_add_test(t, code_that_ran_is_high);
    tcase_add_test(t, a_doubtful_form_becomes_usual_after_two_weeks);
    return run_suite("mongo_injection", t);
}
