/* What detectors/query_anomaly.c promises. It asks what the injection detectors learned, so they stand beside it on the
 * bench, one memory for all.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/option.h"
#include "tests/unit/injection_kit.h"

extern const struct detector_ops detector_query_anomaly, detector_sql_injection, detector_mongo_injection, detector_cql_injection,
    detector_gremlin_injection, detector_table_injection;

static const struct detector_ops *const members[] = {
    &detector_sql_injection, &detector_mongo_injection, &detector_cql_injection, &detector_gremlin_injection,
    &detector_table_injection, &detector_query_anomaly };

struct together { void *self[ARRAY_LEN(members)]; };

static int together_open(void *self, struct error *err)
{
    struct together *t = self;

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        t->self[i] = calloc(1, members[i]->size);
        if (!t->self[i] || settings_table_presets(members[i]->options, t->self[i], err) < 0)
            return -1;
    }
    return 0;
}

static int together_observe(void *self, const struct observation *o, const struct detector_context *ctx, struct error *err)
{
    struct together *t = self;

    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        if (members[i]->observe(t->self[i], o, ctx, err) < 0)
            return -1;
    return 0;
}

static void together_close(void *self)
{
    struct together *t = self;

    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        settings_table_release(members[i]->options, t->self[i]);
        free(t->self[i]);
    }
}

static struct detector_ops ops;

static void setup(void)
{
    ops = (struct detector_ops){ .name = "together", .summary = "", .reads = OBS_TEXT, .types = detector_query_anomaly.types,
                                 .size = sizeof(struct together), .memories = detector_sql_injection.memories,
                                 .open = together_open, .observe = together_observe, .close = together_close };
}

static const struct { enum api api; const char *usual[3], *fresh, *attack; } worlds[] = {
    { API_NOSQL, { "SELECT c.id FROM c WHERE c.a = 'x'", "SELECT c.b FROM c WHERE c.c > 5", "SELECT VALUE COUNT(1) FROM c" },
      "SELECT c.salary FROM c WHERE c.dept = 'x' ORDER BY c.salary", "SELECT c.id FROM c WHERE c.a = 'x' OR 'a'='a'" },
    { API_MONGODB, { "{\"find\":\"a\",\"filter\":{\"b\":\"x\"}}", "{\"count\":\"a\",\"query\":{\"c\":5}}", "{\"find\":\"a\",\"filter\":{}}" },
      "{\"find\":\"a\",\"filter\":{\"dept\":\"x\"},\"sort\":{\"salary\":1}}", "{\"find\":\"a\",\"filter\":{\"b\":{\"$ne\":\"\"}}}" },
    { API_CASSANDRA, { "SELECT a FROM t WHERE k = 'x'", "SELECT b FROM t WHERE k = 'x' LIMIT 3", "UPDATE t SET a = 1 WHERE k = 'x'" },
      "SELECT salary FROM t", "SELECT a FROM t WHERE k = 'x'--'" },
    { API_GREMLIN, { "g.V('a').out('b')", "g.V().has('c','x').count()", "g.V('a').valueMap()" }, "g.V().hasLabel('staff').values('salary')",
      "g.V('x').V().drop() //').out('b')" },
    { API_TABLE, { "PartitionKey eq 'p' and RowKey eq 'r'", "PartitionKey eq 'p'", "Age gt 5" }, "Salary gt 100", "PartitionKey eq 'p' or true" },
};

static struct bench *open_learned(size_t w)
{
    struct bench *b = bench_open(&ops, "");

    for (int i = 0; i < 100; i++)
        ask(b, (struct ask){ .api = worlds[w].api, .text = worlds[w].usual[i % 3], .minute_ns = day(0) + i * 5 * NS_PER_HOUR });
    ck_assert_uint_eq(bench_drafts(b), 0);
    return b;
}

START_TEST(a_form_that_the_client_never_sent_alerts_in_every_api)
{
    for (size_t w = 0; w < ARRAY_LEN(worlds); w++) {
        struct bench *b = open_learned(w);

        ask(b, (struct ask){ .api = worlds[w].api, .text = worlds[w].usual[1], .minute_ns = day(21) });
        ck_assert_uint_eq(bench_alerts(b), 0);
        ask(b, (struct ask){ .api = worlds[w].api, .text = worlds[w].fresh, .minute_ns = day(21) });
        const struct alert *a = bench_only(b, "CosmosDBX_QueryAnomaly");

        ck_assert_int_eq(a->severity, SEVERITY_LOW);
        ck_assert_int_eq(alert_number(a, "knownShapes", 0), 3);
        ck_assert_int_ge(alert_number(a, "historyDays", 0), 20);
        ck_assert_str_eq(alert_text(a, "query"), worlds[w].fresh);
        ck_assert_msg(alert_text(a, "queryShape")[0] != '\0' && alert_text(a, "reason")[0] != '\0', "%s", worlds[w].fresh);
        bench_free(b);
    }
}
END_TEST

START_TEST(what_the_injection_detectors_tell_is_not_told_twice)
{
    for (size_t w = 0; w < ARRAY_LEN(worlds); w++) {
        struct bench *b = open_learned(w);

        ask(b, (struct ask){ .api = worlds[w].api, .text = worlds[w].attack, .minute_ns = day(21) });
        ck_assert_msg(bench_alerts(b) == 1, "%s", worlds[w].attack);
        ck_assert_msg(strcmp(bench_alert(b, 0)->type->id, "CosmosDBX_QueryAnomaly") != 0, "%s", worlds[w].attack);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_release_is_one_alert_and_then_usual)
{
    struct bench *b = open_learned(0);

    for (int d = 21; d < 30; d++)
        for (int i = 0; i < 8; i++) {
            char text[80];

            (void)snprintf(text, sizeof text, "SELECT c.new%d FROM c WHERE c.x = %d", i, d);
            ask(b, (struct ask){ .text = text, .api = API_NOSQL, .minute_ns = day(d) + i * NS_PER_MIN });
        }
    ck_assert_int_eq(bench_only(b, "CosmosDBX_QueryAnomaly")->count, 8);
    bench_free(b);
}
END_TEST

START_TEST(much_data_under_a_new_form_is_medium)
{
    struct bench *b = open_learned(0);

    for (int i = 0; i < 4; i++)
        ask(b, (struct ask){ .api = API_NOSQL, .text = worlds[0].fresh, .minute_ns = day(21) + i * NS_PER_MIN, .bytes = 300 << 10 });
    ck_assert_int_eq(bench_only(b, "CosmosDBX_QueryAnomaly")->severity, SEVERITY_MEDIUM);
    bench_free(b);
}
END_TEST

START_TEST(clients_of_many_forms_new_clients_and_refusals_are_silent)
{
    struct bench *b = bench_open(&ops, "");

    for (int i = 0; i < 200; i++) {
        char text[80];

        (void)snprintf(text, sizeof text, "SELECT c.f%d FROM c", i);
        ask(b, (struct ask){ .api = API_NOSQL, .text = text, .minute_ns = day(0) + i * 3 * NS_PER_HOUR });
    }
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
    b = open_learned(0);
    ask(b, (struct ask){ .api = API_NOSQL, .text = worlds[0].fresh, .minute_ns = day(21), .container = "elsewhere" });
    ask(b, (struct ask){ .api = API_NOSQL, .text = worlds[0].fresh, .minute_ns = day(21), .status = 429 });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(order_and_split_of_the_rows_do_not_show)
{
    static const char *const texts[] = { "SELECT c.n# FROM c WHERE c.x = #", "SELECT c.k FROM c WHERE c.a = 'x#' OR '#'='1'", "SELECT c.z# FROM c WHERE c.x#" };

    check_order(&ops, API_NOSQL, worlds[0].usual[0], texts, ARRAY_LEN(texts));
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("detector");

    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, a_form_that_the_client_never_sent_alerts_in_every_api);
    tcase_add_test(t, what_the_injection_detectors_tell_is_not_told_twice);
    tcase_add_test(t, a_release_is_one_alert_and_then_usual);
    tcase_add_test(t, much_data_under_a_new_form_is_medium);
    tcase_add_test(t, clients_of_many_forms_new_clients_and_refusals_are_silent);
    tcase_add_test(t, order_and_split_of_the_rows_do_not_show);
    tcase_set_timeout(t, 60);
    return run_group("query_anomaly", t);
}
