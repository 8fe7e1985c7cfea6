/* What detectors/mongo_injection.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dialect_kit.h"

extern const struct detector_ops detector_mongo_injection;

/* What the client always asks, with something else for the colour. */
#define GOODS(colour)                                                                              \
    "{\"find\":\"goods\",\"filter\":{\"colour\":" colour ",\"size\":{\"$gte\":4},"                    \
    "\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}"
#define USUAL GOODS("\"red\"")

const struct dialect_promise promise = {
    .ops = &detector_mongo_injection,
    .api = API_MONGODB,
    .statements = "tests/detectors/mongo_injection/statements.txt",
    .at_least = 40,
    .usual = USUAL,
    .inserted = {
        { GOODS("{\"$exists\":true}"), "CosmosDBX_MongoInjection.Operator" },
        { GOODS("{\"$ne\":null}"), "CosmosDBX_MongoInjection.Operator" },
        { GOODS("{\"$type\":2}"), "CosmosDBX_MongoInjection.Operator" },
        { GOODS("{\"$regex\":\"^a\"}"), "CosmosDBX_MongoInjection.RegexBlind" },
        { "{\"aggregate\":\"goods\",\"pipeline\":[{\"$match\":{\"colour\":\"red\"}},"
          "{\"$lookup\":{\"from\":\"staff\",\"as\":\"x\"}}]}",
          "CosmosDBX_MongoInjection.Pipeline" },
        { "{\"find\":\"goods\",\"filter\":{\"$where\":\"this.a\"}}", "CosmosDBX_MongoInjection.JavaScript" },
    },
    .silent = {
        USUAL,
        GOODS("\"{$ne:1}\""),
        "{\"find\":\"goods\",\"filter\":{\"colour\":\"red\",\"size\":{\"$gte\":77},"
        "\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":9}",
        "{\"find\":\"goods\",\"filter\":{\"colour\":\"red\",\"stock\":{\"$gt\":0}},\"limit\":9}",
        GOODS("{\"$in\":[\"red\",\"blue\"]}"),
    },
    .mixed = {
        GOODS("{\"$ne\":\"x#\"}"),
        "{\"find\":\"goods\",\"filter\":{\"login\":\"k#\",\"password\":{\"$ne\":#}}}",
        "{\"find\":\"goods\",\"filter\":{\"code\":{\"$regex\":\"^q##\"}}}",
        "{\"find\":\"goods\",\"filter\":{\"colour\":{\"$exists\":true},\"size\":{\"$gte\":4},"
        "\"$or\":[{\"shop\":\"a\"},{\"shop\":\"b\"}]},\"limit\":##}",
    },
    .huge_head = "{\"find\":\"x\",\"filter\":",
    .huge = { "{", "[", "(", "{\"a\":", "[{\"$and\":", "{\"a\":{\"$ne\":1}},", "\"", "\\", "/", "{\"$or\":[{}]," },
};

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

START_TEST(a_series_of_guesses_about_one_field_alerts)
{
    struct bench *b = bench_open(&detector_mongo_injection, "");

    for (int i = 0; i < 12; i++) {
        char text[120];

        (void)snprintf(text, sizeof text, "{\"find\":\"goods\",\"filter\":{\"code\":{\"$regex\":\"^m%.*s\"}}}", i,
                       "d5f00d5f00d5f00");
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
        ask(b, (struct ask){ .api = API_MONGODB, .minute_ns = day(d),
                             .text = "{\"find\":\"goods\",\"filter\":{\"colour\":{\"$gt\":\"\"}}}" });
    alerts = bench_alerts(b);
    ck_assert_uint_eq(alerts, 14);
    bench_free(b);
}
END_TEST

int main(void)
{
    TCase *t = promised_tests();

    tcase_add_test(t, the_first_code_of_a_client_alerts_and_what_it_always_sends_does_not);
    tcase_add_test(t, a_series_of_guesses_about_one_field_alerts);
    tcase_add_test(t, code_that_ran_is_high);
    tcase_add_test(t, a_doubtful_form_becomes_usual_after_two_weeks);
    return run_suite("mongo_injection", t);
}
