/* What detectors/gremlin_injection.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/dialect_kit.h"

extern const struct detector_ops detector_gremlin_injection;

#define USUAL "g.V().has('city','name','Basel').out('road').values('name')"

const struct dialect_promise promise = {
    .ops = &detector_gremlin_injection,
    .api = API_GREMLIN,
    .statements = "tests/detectors/gremlin_injection/statements.txt",
    .at_least = 20,
    .usual = USUAL,
    .inserted = {
        { "g.V().has('city','name','x').union(both(),in()).out('road').values('name')", "CosmosDBX_GremlinInjection" },
        { "g.V().has('city','name','x').property('role','admin').out('road').values('name')", "CosmosDBX_GremlinInjection" },
        { "g.V().has('city','name','x').V().out('road').values('name')", "CosmosDBX_GremlinInjection" },
        { "g.V().has('city','name','x').or().has('zip', 5).out('road').values('name')", "CosmosDBX_GremlinInjection" },
        { "g.V().has('city','name','x').values('wifiPassword').is('1').out('road').values('name')", "CosmosDBX_GremlinInjection" },
    },
    .silent = {
        USUAL,
        "g.V().has('city','name','x.V().drop()').out('road').values('name')",
        "g.V().has('city','name','x').has('zip', 5).out('road').values('name')",
        "g.V('a').count()",
        "g.V('a').values('wifiPassword')",
        "g.V().has('city','name','x').not(has('gone', true)).out('road').values('name')",
        "g.V().has('city','name','x').or(has('zip', 5), has('zip', 7)).out('road').values('name')",
        "g.V().has('city','name','x').values('height').is('1').out('road').values('name')",
    },
    .mixed = {
        "g.V().has('city','name','x##').V().out('road').values('name')",
        "g.V('#' OR '1'='#').out('road')",
        "g.V(.f##",
    },
    .huge_head = "g.V().has(",
    .huge = { "(", "[", "{", "g.V(", "a(", ".a()", "'", "/*", "//", "[[:]", "-" },
};

START_TEST(dropping_what_the_client_never_dropped_is_high)
{
    struct bench *b = open_learned();

    ask(b, (struct ask){ .api = API_GREMLIN, .minute_ns = day(12),
                         .text = "g.V().has('city','name','x').drop().V('y').out('road').values('name')" });
    ck_assert_int_eq(bench_only(b, "CosmosDBX_GremlinInjection")->severity, SEVERITY_HIGH);
    bench_free(b);
}
END_TEST

/* The application writes, and so does what was put in: each counts where it stands. */
START_TEST(what_the_application_does_itself_hides_nothing)
{
    static const char usual[] = "g.addV('note').property('pk','n').property('stars',4).property('text','fine')";
    static const char other[] = "g.addV('note').property('pk','n').property('stars',4).property('text','x').as('r')"
                                ".V('u-1').addE('owns').to('r').property('k','')";
    struct bench *b = bench_open(&detector_gremlin_injection, "");

    for (int i = 0; i < 50; i++)
        ask(b, (struct ask){ .api = API_GREMLIN, .text = usual, .minute_ns = day(0) + i * 5 * NS_PER_HOUR });
    ck_assert_uint_eq(bench_alerts(b), 0);
    ask(b, (struct ask){ .api = API_GREMLIN, .text = other, .minute_ns = day(12) });
    ck_assert_uint_eq(bench_alerts(b), 1);
    ck_assert_ptr_nonnull(strstr(alert_text(bench_alert(b, 0), "reason"), "writes"));
    bench_free(b);
}
END_TEST

/* A number that came from a form can bring a predicate. An application that begins to ask for ranges is another matter. */
START_TEST(a_predicate_for_nearly_everything_where_a_value_always_stood_alerts)
{
    static const struct { const char *text; bool is_attack; } cases[] = {
        { "g.V().has('bus','line',neq(0)).out('stops')", true },
        { "g.V().has('bus','line',without(-1)).out('stops')", true },
        { "g.V().has('bus','line',gt(-1)).out('stops')", true },
        { "g.V().has('bus','line',inside(-1, 99999999)).out('stops')", true },
        { "g.V().has('bus','line',lt(2147483647)).out('stops')", true },
        { "g.V().has('bus','line',inside(3, 99999999)).out('stops')", false },
        { "g.V().has('bus','line',between(0, 999)).out('stops')", false },
        { "g.V().has('bus','line',gt(40)).out('stops')", false },
        { "g.V().has('bus','line',7).out('stops')", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench_open(&detector_gremlin_injection, "");

        for (int k = 0; k < 50; k++)
            ask(b, (struct ask){ .api = API_GREMLIN, .text = "g.V().has('bus','line',4).out('stops')",
                                 .minute_ns = day(0) + k * 5 * NS_PER_HOUR });
        ask(b, (struct ask){ .api = API_GREMLIN, .text = cases[i].text, .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == cases[i].is_attack, "%s", cases[i].text);
        bench_free(b);
    }
}
END_TEST

/* Optional properties come and go. What gives rights does not, nor does an update of what nobody ever wrote. */
START_TEST(one_more_property_is_a_builder_s_unless_it_gives_rights_or_was_never_written)
{
    static const char *const usual[] = {
        "g.addV('user').property('id','a').property('pk','p').property('town','Bern')",
        "g.addV('user').property('id','a').property('pk','p').property('street','x')",
        "g.V('a').property('town','Bern').property('seen',5)",
    };
    static const struct { const char *text; bool is_attack; } cases[] = {
        { "g.addV('user').property('id','a').property('pk','p').property('town','Bern').property('street','x')", false },
        { "g.addV('user').property('id','a').property('pk','p').property('town','Bern').property('floor',3)", false },
        { "g.addV('user').property('id','a').property('pk','p').property('town','x').property('role','admin')", true },
        { "g.addV('user').property('id','a').property('pk','p').property('town','x').property('password','y')", true },
        { "g.V('a').property('town','Bern').property('street','x').property('seen',5)", false },
        { "g.V('a').property('town','x').property('credit',900).property('seen',5)", true },
        { "g.V('a').property('town','x').property('isAdmin',true).property('seen',5)", true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench_open(&detector_gremlin_injection, "");

        for (int k = 0; k < 48; k++)
            ask(b, (struct ask){ .api = API_GREMLIN, .text = usual[k % 3], .minute_ns = day(0) + k * 5 * NS_PER_HOUR });
        ask(b, (struct ask){ .api = API_GREMLIN, .text = cases[i].text, .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == cases[i].is_attack, "%s", cases[i].text);
        bench_free(b);
    }
}
END_TEST

int main(void)
{
    TCase *t = promised_tests();

    tcase_add_test(t, dropping_what_the_client_never_dropped_is_high);
    tcase_add_test(t, what_the_application_does_itself_hides_nothing);
    tcase_add_test(t, a_predicate_for_nearly_everything_where_a_value_always_stood_alerts);
    tcase_add_test(t, one_more_property_is_a_builder_s_unless_it_gives_rights_or_was_never_written);
    tcase_set_timeout(t, 60);
    return run_group("gremlin_injection", t);
}
