/* What detectors/gremlin_injection.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/injection_kit.h"

extern const struct detector_ops detector_gremlin_injection;

START_TEST(a_text_is_judged_by_its_form)
{
    check_statements(&detector_gremlin_injection, API_GREMLIN, "tests/detectors/gremlin_injection/statements.txt", 20);
}
END_TEST

static struct bench *open_learned(void)
{
    struct bench *b = bench_open(&detector_gremlin_injection, "");

    for (int i = 0; i < 50; i++)
        ask(b, (struct ask){ .api = API_GREMLIN, .text = "g.V().has('city','name','Basel').out('road').values('name')", .minute_ns = day(0) + i * 5 * NS_PER_HOUR });
    ck_assert_uint_eq(bench_drafts(b), 0);
    return b;
}

START_TEST(what_was_put_into_the_usual_text_alerts)
{
    static const struct { const char *text, *type; } cases[] = {
        { "g.V().has('city','name','x').union(both(),in()).out('road').values('name')", "CosmosDBX_GremlinInjection" },
        { "g.V().has('city','name','x').property('role','admin').out('road').values('name')", "CosmosDBX_GremlinInjection" },
        { "g.V().has('city','name','x').V().out('road').values('name')", "CosmosDBX_GremlinInjection" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = open_learned();

        ask(b, (struct ask){ .api = API_GREMLIN, .text = cases[i].text, .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 1, "%s", cases[i].text);
        ck_assert_msg(strcmp(bench_alert(b, 0)->type->id, cases[i].type) == 0, "%s: %s", bench_alert(b, 0)->type->id, cases[i].text);
        bench_free(b);
    }
}
END_TEST

START_TEST(the_usual_text_and_harmless_news_are_silent)
{
    static const char *const texts[] = {
        "g.V().has('city','name','Basel').out('road').values('name')",
        "g.V().has('city','name','x.V().drop()').out('road').values('name')",
        "g.V().has('city','name','x').has('zip', 5).out('road').values('name')",
        "g.V('a').count()",
    };
    struct bench *b = open_learned();

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        ask(b, (struct ask){ .api = API_GREMLIN, .text = texts[i], .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 0, "%s", texts[i]);
    }
    bench_free(b);
}
END_TEST

START_TEST(order_and_split_of_the_rows_do_not_show)
{
    static const char *const texts[] = {
        "g.V().has('city','name','x##').V().out('road').values('name')",
        "g.V('#' OR '1'='#').out('road')",
        "g.V(.f##",
    };

    check_order(&detector_gremlin_injection, API_GREMLIN, "g.V().has('city','name','Basel').out('road').values('name')", texts, ARRAY_LEN(texts));
}
END_TEST

START_TEST(huge_and_deep_text_ends_in_bounded_work)
{
    static const char *const units[] = { "(", "[", "{", "g.V(", "a(", ".a()", "'", "/*", "//", "[[:]", "-" };

    check_huge(&detector_gremlin_injection, API_GREMLIN, "g.V().has(", units, ARRAY_LEN(units));
}
END_TEST

START_TEST(other_apis_are_none_of_its_business)
{
    struct bench *b = bench_open(&detector_gremlin_injection, "");

    for (int api = 0; api < API_COUNT; api++)
        if (api != API_GREMLIN)
            ask(b, (struct ask){ .api = (enum api)api, .text = "g.V().has('city','name','x').union(both(),in()).out('road').values('name')" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(dropping_what_the_client_never_dropped_is_high)
{
    struct bench *b = open_learned();

    ask(b, (struct ask){ .api = API_GREMLIN, .text = "g.V().has('city','name','x').drop().V('y').out('road').values('name')", .minute_ns = day(12) });
    ck_assert_int_eq(bench_only(b, "CosmosDBX_GremlinInjection")->severity, SEVERITY_HIGH);
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
    tcase_add_test(t, dropping_what_the_client_never_dropped_is_high);
    return run_suite("gremlin_injection", t);
}
