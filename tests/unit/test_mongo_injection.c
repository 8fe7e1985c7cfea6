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

/* Is it told of a client that asked for days for nothing but `usual`? */
static void hold_against(const char *usual, const char *text, bool is_attack)
{
    struct bench *b = bench_open(&detector_mongo_injection, "");

    for (int d = 0; d < 10; d++)
        ask(b, (struct ask){ .api = API_MONGODB, .text = usual, .minute_ns = day(d) });
    ck_assert_uint_eq(bench_alerts(b), 0);
    ask(b, (struct ask){ .api = API_MONGODB, .text = text, .minute_ns = day(12) });
    ck_assert_msg(bench_alerts(b) == is_attack, "%s", text);
    bench_free(b);
}

#define BILLS(filter, rest) "{\"find\":\"bills\",\"filter\":{" filter "}" rest "}"

/* What belongs to somebody or is found by a number is given whole. Searches that a release adds have pages or do not mind
 * the case, and ask for what people search by. */
START_TEST(a_part_of_what_was_always_given_whole_alerts)
{
    static const char *const usual = BILLS("\"owner\":\"kim\",\"billNumber\":\"b-7\",\"town\":\"Basel\",\"_id\":7", "");
    static const struct { const char *text; bool is_attack; } cases[] = {
        { BILLS("\"owner\":{\"$regex\":\"o\"}", ""), true },
        { BILLS("\"owner\":\"kim\",\"billNumber\":{\"$regex\":\"^b.*\"}", ""), true },
        { BILLS("\"owner\":{\"$regex\":\"im\"}", ",\"limit\":1,\"singleBatch\":true"), true },
        { BILLS("\"owner\":{\"$ne\":1},\"town\":\"Basel\"", ""), true },
        { BILLS("\"owner\":{\"$gt\":0},\"town\":\"Basel\"", ""), true },
        { BILLS("\"owner\":{\"$regex\":\"^kim$\"}", ""), false },
        { BILLS("\"owner\":{\"$regex\":\"im\"}", ",\"limit\":20"), false },
        { BILLS("\"billNumber\":{\"$regex\":\"b-7\",\"$options\":\"i\"}", ""), false },
        { BILLS("\"town\":{\"$regex\":\"asel\"}", ""), false },
        { BILLS("\"owner\":{\"$ne\":\"kim\"},\"town\":\"Basel\"", ""), false },
        { BILLS("\"owner\":\"kim\",\"billNumber\":{\"$gt\":500}", ""), false },
        { BILLS("\"_id\":{\"$gt\":2}", ",\"limit\":50"), false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        hold_against(usual, cases[i].text, cases[i].is_attack);
}
END_TEST

/* Whom to write to: a newcomer that asks so is told, and becomes usual; a login is neither. */
START_TEST(a_list_of_mail_addresses_becomes_usual)
{
    static const char *const text = "{\"find\":\"people\",\"filter\":{\"%s\":{\"$ne\":\"\"}}%s}";
    static const struct { const char *field, *rest; bool becomes_usual; } cases[] = {
        { "email", "", true }, { "email", ",\"limit\":1,\"singleBatch\":true", false }, { "login", "", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench_open(&detector_mongo_injection, "");
        char query[200];
        size_t told;

        (void)snprintf(query, sizeof query, text, cases[i].field, cases[i].rest);
        for (int d = 0; d < 30; d++)
            ask(b, (struct ask){ .api = API_MONGODB, .text = query, .minute_ns = day(d) });
        told = bench_alerts(b);
        ck_assert_uint_gt(told, 0);
        for (int d = 30; d < 40; d++)
            ask(b, (struct ask){ .api = API_MONGODB, .text = query, .minute_ns = day(d) });
        ck_assert_msg((bench_alerts(b) == told) == cases[i].becomes_usual, "%s", query);
        bench_free(b);
    }
}
END_TEST

int main(void)
{
    TCase *t = promised_tests();

    tcase_add_test(t, the_first_code_of_a_client_alerts_and_what_it_always_sends_does_not);
    tcase_add_test(t, a_series_of_guesses_about_one_field_alerts);
    tcase_add_test(t, code_that_ran_is_high);
    tcase_add_test(t, a_doubtful_form_becomes_usual_after_two_weeks);
    tcase_add_test(t, a_part_of_what_was_always_given_whole_alerts);
    tcase_add_test(t, a_list_of_mail_addresses_becomes_usual);
    tcase_set_timeout(t, 60);
    return run_group("mongo_injection", t);
}
