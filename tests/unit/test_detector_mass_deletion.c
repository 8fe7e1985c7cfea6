/* What mass_deletion promises: what is deleted beyond the usual is told, what comes back is not, and a note makes it ransom.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/key_kit.h"

#include "detectors/kit/destruction.h"

extern const struct detector_ops detector_mass_deletion;

#define DOCUMENTS "CosmosDBX_MassDelete.Documents"
#define RANSOM "CosmosDBX_Ransom"
#define THIEF "203.0.113.9"
#define WHO "99999999-1111-4222-8333-000000000009"

struct del {
    int day, hour;
    const char *operation, *type, *address, *agent, *container, *database, *principal, *text, *key;
    int64_t count;
    int32_t status;
    enum table table;
    enum api api;
};

static struct observation as_observation(const struct del *r)
{
    struct observation o = { .minute_ns = key_day(r->day, r->hour, 10), .table = r->table, .api = r->api,
                             .status = r->status,
                             .count = r->count ? r->count : 1, .kind = r->text ? OBS_TEXT : OBS_REQUEST };

    o.first_ns = o.minute_ns;
    o.last_ns = o.minute_ns + NS_PER_S;
    o.text[F_ACCOUNT] = SL("shop-prod");
    o.text[F_OPERATION] = slice_of(r->operation ? r->operation : "Delete");
    o.text[F_RESOURCE_TYPE] = slice_of(r->type ? r->type : r->table ? NULL : "Document");
    o.text[F_USER_AGENT] = slice_of(r->agent ? r->agent : JAVA);
    o.text[F_ADDRESS] = slice_of(r->address ? r->address : "192.0.2.10");
    o.text[F_KEY_KIND] = slice_of(r->key ? r->key : "PrimaryMasterKey");
    o.text[F_PRINCIPAL] = slice_of(r->principal);
    o.text[F_DATABASE] = slice_of(r->database ? r->database : "shop");
    o.text[F_CONTAINER] = slice_of(r->container ? r->container : "orders");
    o.text[F_QUERY_TEXT] = slice_of(r->text);
    o.sample = SL("0a0a0a0a-0000-4000-8000-000000000001");
    return o;
}

static void feed(struct bench *b, struct del r)
{
    struct observation o = as_observation(&r);

    bench_feed(b, &o);
}

/* Twenty days in which the application deletes some, so that learning is over. */
static struct bench *open_learned(const char *yaml)
{
    struct bench *b = bench_open(&detector_mass_deletion, yaml);

    for (int day = 0; day < 20; day++)
        for (int hour = 0; hour < 24; hour += 6)
            feed(b, (struct del){ .day = day, .hour = hour, .count = 30 });
    return b;
}

START_TEST(many_documents_beyond_the_usual_alert)
{
    struct bench *b = open_learned("");
    const struct alert *a;

    feed(b, (struct del){ .day = 20, .hour = 3, .count = 3000 });
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, (struct del){ .day = 20, .hour = 4, .count = 1 });
    a = bench_only(b, DOCUMENTS);
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    ck_assert_int_eq(a->count, 3001);
    ck_assert_str_eq(a->variant, ".Documents");
    ck_assert_str_eq(a->subject, "account key / azsdk-java-cosmos / 192.0.2.0/24 -> shop/orders");
    ck_assert_int_eq(alert_number(a, "dayDeletes", 0), 3001);
    ck_assert_int_eq(alert_number(a, "limitDay", 0), 3000);
    ck_assert_int_ge(alert_number(a, "usualDay", 0), 119);
    ck_assert_int_le(alert_number(a, "usualDay", 0), 121);
    feed(b, (struct del){ .day = 20, .hour = 5, .count = 500 });
    ck_assert_int_eq(bench_only(b, DOCUMENTS)->count, 3501);
    bench_free(b);
}
END_TEST

START_TEST(a_client_or_principal_never_seen_makes_it_high)
{
    static const struct del cases[] = {
        { .address = THIEF }, { .agent = PYTHON }, { .principal = WHO, .key = "AadToken" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = open_learned("");
        struct del r = cases[i];

        r.day = 20;
        r.count = 1001;
        feed(b, r);
        ck_assert_msg(bench_only(b, DOCUMENTS)->severity == SEVERITY_HIGH, "case %zu", i);
        bench_free(b);
    }
}
END_TEST

/* By the evening it is known: what it did before belongs to the same day. */
START_TEST(a_client_that_was_new_in_the_morning_makes_the_day_high)
{
    struct bench *b = open_learned("");

    feed(b, (struct del){ .day = 20, .hour = 1, .count = 600, .address = THIEF });
    feed(b, (struct del){ .day = 20, .hour = 20, .count = 600, .address = THIEF });
    ck_assert_int_eq(bench_only(b, DOCUMENTS)->severity, SEVERITY_HIGH);
    bench_free(b);
}
END_TEST

START_TEST(nightly_retention_and_twice_of_it_are_usual)
{
    struct bench *b = bench_open(&detector_mass_deletion, "");

    for (int day = 0; day < 20; day++)
        feed(b, (struct del){ .day = day, .hour = 2, .count = 40000 + 3000 * (day % 4) });
    feed(b, (struct del){ .day = 20, .hour = 14, .count = 80000 }); /* another time of the day */
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, (struct del){ .day = 21, .hour = 2, .count = 900000 });
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

/* Days of the month on which somebody erases much, on other weekdays each. */
START_TEST(bursts_are_told_until_two_days_had_them)
{
    static const int days[] = { 21, 26, 34, 45 };
    struct bench *b = open_learned("");

    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        for (int day = i ? days[i - 1] + 1 : 20; day < days[i]; day++)
            feed(b, (struct del){ .day = day, .count = 30 });
        bench_forget_alerts(b);
        feed(b, (struct del){ .day = days[i], .count = 20000 + 1000 * (int64_t)i });
        ck_assert_msg(bench_alerts(b) == (i < 2), "burst %zu", i);
    }
    bench_free(b);
}
END_TEST

START_TEST(weekly_resets_are_told_twice_and_then_usual)
{
    struct bench *b = open_learned("");
    size_t told = 0;

    for (int day = 20; day < 62; day++) {
        feed(b, (struct del){ .day = day, .count = day % 7 ? 30 : 15000 });
        told += bench_alerts(b);
        bench_forget_alerts(b);
    }
    ck_assert_uint_eq(told, 2);
    bench_free(b);
}
END_TEST

START_TEST(a_job_that_moved_to_other_hosts_is_held_against_its_client)
{
    struct bench *b = bench_open(&detector_mass_deletion, "");

    for (int day = 0; day < 20; day++)
        feed(b, (struct del){ .day = day, .hour = 2, .count = 40000 });
    feed(b, (struct del){ .day = 20, .hour = 2, .count = 41000, .address = "198.51.100.7" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, (struct del){ .day = 20, .hour = 3, .count = 400000, .address = "198.51.100.7" });
    ck_assert_uint_eq(alert_fact(bench_only(b, DOCUMENTS), "comparedWith")->len, 1);
    ck_assert_str_eq(alert_text(bench_only(b, DOCUMENTS), "comparedWith"), "the same client from all networks");
    bench_free(b);
}
END_TEST

START_TEST(what_deletes_no_data_is_silent)
{
    static const struct del cases[] = {
        { .status = 404 }, { .status = 403 }, { .status = 429 }, { .operation = "Create" }, { .operation = "Replace" },
        { .operation = "Execute", .type = "StoredProcedure" }, { .type = "StoredProcedure" }, { .type = "Permission" },
        { .key = "SystemAll" }, { .type = "Collection", .status = 404 }, { .type = "Database", .key = "SystemReadWrite" },
        { .table = TABLE_MONGO, .api = API_MONGODB, .operation = "dropIndexes" },
        { .table = TABLE_MONGO, .api = API_MONGODB, .operation = "find" },
        { .table = TABLE_CASSANDRA, .api = API_CASSANDRA, .operation = "QuerySelect" },
    };
    struct bench *b = open_learned("");

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct del r = cases[i];

        r.day = 20;
        r.count = 5000;
        r.address = THIEF;
        feed(b, r);
        ck_assert_msg(bench_alerts(b) == 0, "case %zu", i);
    }
    bench_free(b);
}
END_TEST

START_TEST(containers_and_databases_are_told_from_the_first)
{
    static const struct { struct del row; enum severity severity; const char *how; } cases[] = {
        { { .type = "Collection" }, SEVERITY_MEDIUM, "container deleted" },
        { { .type = "Collection", .address = THIEF }, SEVERITY_HIGH, "container deleted" },
        { { .type = "Database" }, SEVERITY_HIGH, "database deleted" },
        { { .type = "PartitionKey" }, SEVERITY_MEDIUM, "everything in a container or partition deleted by one request" },
        { { .type = "Collection", .count = 3 }, SEVERITY_HIGH, "container deleted" },
        { { .table = TABLE_MONGO, .api = API_MONGODB, .operation = "dropDatabase" }, SEVERITY_HIGH, "database deleted" },
        { { .table = TABLE_MONGO, .api = API_MONGODB, .operation = "drop" }, SEVERITY_MEDIUM, "container deleted" },
        { { .table = TABLE_TABLE_API, .api = API_TABLE, .operation = "DeleteTable" }, SEVERITY_MEDIUM, "container deleted" },
        { { .table = TABLE_CASSANDRA, .api = API_CASSANDRA, .operation = "Query", .text = " TRUNCATE shop.orders" },
          SEVERITY_MEDIUM, "everything in a container or partition deleted by one request" },
        { { .table = TABLE_CASSANDRA, .api = API_CASSANDRA, .operation = "Query", .text = "drop keyspace shop" },
          SEVERITY_HIGH, "database deleted" },
        { { .table = TABLE_GREMLIN, .api = API_GREMLIN, .operation = "eval", .text = "g.V().drop()" },
          SEVERITY_MEDIUM, "everything in a container or partition deleted by one request" },
        { { .table = TABLE_MONGO, .api = API_MONGODB, .operation = "delete",
            .text = "{\"delete\":\"orders\",\"deletes\":[{\"q\":{},\"limit\":0}]}" },
          SEVERITY_MEDIUM, "everything in a container or partition deleted by one request" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = open_learned("");
        struct del r = cases[i].row;
        const struct alert *a;

        r.day = 20;
        feed(b, r);
        a = bench_only(b, DOCUMENTS);
        ck_assert_msg(a->severity == cases[i].severity, "case %zu", i);
        ck_assert_str_eq(alert_text(a, "how"), cases[i].how);
        ck_assert_str_eq(a->variant, ".Containers");
        bench_free(b);
    }
}
END_TEST

START_TEST(who_deletes_containers_by_habit_is_silent_but_no_other_and_nothing_else)
{
    struct bench *b = open_learned("");

    for (int day = 12; day < 40; day += 7) /* the first while learning */
        feed(b, (struct del){ .day = day, .type = "Collection", .container = "test-run" });
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, (struct del){ .day = 41, .type = "Collection", .address = THIEF });
    ck_assert_uint_eq(bench_alerts(b), 1);
    feed(b, (struct del){ .day = 41, .type = "Database" });
    ck_assert_uint_eq(bench_alerts(b), 2);
    bench_free(b);
}
END_TEST

START_TEST(where_ever_new_hosts_delete_containers_one_more_is_no_news)
{
    struct bench *b = open_learned("");
    size_t told = 0;

    for (int day = 20; day < 40; day++) {
        char address[32];

        (void)snprintf(address, sizeof(address), "20.%d.3.4", day);
        feed(b, (struct del){ .day = day, .count = 30 });
        bench_forget_alerts(b);
        feed(b, (struct del){ .day = day, .hour = 4, .type = "Collection", .address = address });
        told += bench_alerts(b);
    }
    ck_assert_uint_ge(told, 2);
    ck_assert_uint_le(told, 12);
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

static void note(struct bench *b, int day, const char *container, const char *address)
{
    feed(b, (struct del){ .day = day, .hour = 5, .operation = "Create", .type = "DocumentFeed", .container = container,
                          .address = address, .status = 201, .count = 2 });
}

START_TEST(a_note_of_who_destroyed_is_ransom_whichever_came_first)
{
    for (int order = 0; order < 4; order++) {
        struct bench *b = open_learned("");
        const struct alert *a;

        if (order == 1)
            note(b, 20, "READ__ME_TO_RECOVER", THIEF);
        if (order == 3) /* on the day before */
            note(b, 19, "READ__ME_TO_RECOVER", THIEF);
        if (order < 2)
            feed(b, (struct del){ .day = 20, .hour = 3, .count = 1500, .address = THIEF });
        else
            feed(b, (struct del){ .day = 20, .hour = 3, .type = "Collection", .address = THIEF });
        if (order == 0)
            note(b, 20, "READ__ME_TO_RECOVER", THIEF);
        if (order == 2) /* on the day after */
            note(b, 21, "READ__ME_TO_RECOVER", THIEF);
        ck_assert_uint_eq(bench_alerts(b), 2);
        a = bench_only(b, RANSOM);
        ck_assert_int_eq(a->severity, SEVERITY_HIGH);
        ck_assert_int_eq(a->count, 2);
        ck_assert_str_eq(alert_text(a, "note"), "shop/READ__ME_TO_RECOVER");
        ck_assert_str_eq(alert_text(a, "destroyed"), "shop/orders");
        ck_assert_str_eq(alert_text(a, "address"), THIEF);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_note_alone_of_another_or_known_before_is_no_ransom)
{
    for (int c = 0; c < 5; c++) {
        struct bench *b = bench_open(&detector_mass_deletion, "");

        for (int day = 0; day < 20; day++) {
            feed(b, (struct del){ .day = day, .count = 30 });
            if (c == 0)
                note(b, day, "readme", NULL);
        }
        if (c != 1)
            feed(b, (struct del){ .day = 20, .hour = 3, .count = c == 2 ? 1000 : 1500, .address = THIEF });
        note(b, c == 4 ? 22 : 20, c == 3 ? "warnings" : "readme", THIEF);
        ck_assert_msg(bench_alerts(b) == (c != 1 && c != 2), "case %d", c);
        bench_free(b);
    }
}
END_TEST

START_TEST(names_of_notes)
{
    static const char *const notes[] = { "README", "READ_ME_TO_RECOVER_YOUR_DATA", "how-to-recover", "WARNING",
                                         "Bitcoin_here",
                                         "recover_your_data", "DECRYPT" };
    static const char *const names[] = { "", "orders", "warnings", "recovery-codes", "early-warning", "read", "me",
                                         "recoverycodes",
                                         "payments", "users" };

    for (size_t i = 0; i < ARRAY_LEN(notes); i++)
        ck_assert_msg(destruction_is_note_name(slice_of(notes[i])), "%s", notes[i]);
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        ck_assert_msg(!destruction_is_note_name(slice_of(names[i])), "%s", names[i]);
}
END_TEST

START_TEST(statements_that_delete_everything_are_told_from_those_that_do_not)
{
    static const struct { enum api api; const char *operation, *text; enum destruction want; } cases[] = {
        { API_CASSANDRA, "QueryTruncate", "TRUNCATE shop.orders", DESTRUCTION_NONE }, /* the request says it */
        { API_CASSANDRA, "Query", "\n\tDROP  TABLE shop.orders", DESTRUCTION_CONTAINER },
        { API_CASSANDRA, "Query", "DROP INDEX shop.i", DESTRUCTION_NONE },
        { API_CASSANDRA, "Query", "SELECT * FROM drops", DESTRUCTION_NONE },
        { API_CASSANDRA, "Query", "DROP", DESTRUCTION_NONE },
        { API_CASSANDRA, "Query", "", DESTRUCTION_NONE },
        { API_MONGODB, "command", "{ \"dropDatabase\" : 1 }", DESTRUCTION_DATABASE },
        { API_MONGODB, "command", "{drop: 'orders'}", DESTRUCTION_CONTAINER },
        { API_MONGODB, "drop", "{drop: 'orders'}", DESTRUCTION_NONE },
        { API_MONGODB, "command", "{dropIndexes: 'orders'}", DESTRUCTION_NONE },
        { API_MONGODB, "find", "{\"find\":\"orders\",\"filter\":{\"q\":{}}}", DESTRUCTION_NONE },
        { API_MONGODB, "delete", "{\"delete\":\"o\",\"deletes\":[{\"q\":{ },\"limit\":0}]}", DESTRUCTION_ALL },
        { API_MONGODB, "delete", "{\"delete\":\"o\",\"deletes\":[{\"q\":{},\"limit\":1}]}", DESTRUCTION_NONE },
        { API_MONGODB, "delete", "{\"delete\":\"o\",\"deletes\":[{\"q\":{},\"limit\":1},{\"q\":{},\"limit\":0}]}",
          DESTRUCTION_ALL },
        { API_MONGODB, "delete", "{\"delete\":\"q\",\"deletes\":[{\"q\":{\"a\":1},\"limit\":0}]}", DESTRUCTION_NONE },
        { API_MONGODB, "delete", "{\"delete\":\"o\",\"deletes\":[{\"q\":", DESTRUCTION_NONE },
        { API_MONGODB, "delete", "{\"delete\":\"o\",\"deletes\":[{\"q\":{}", DESTRUCTION_ALL },
        { API_GREMLIN, "eval", "g.E().drop()", DESTRUCTION_ALL },
        { API_GREMLIN, "eval", "g.V().hasLabel('x').drop()", DESTRUCTION_NONE },
        { API_GREMLIN, "eval", "g.V('x').drop()", DESTRUCTION_NONE },
        { API_GREMLIN, "eval", "g.V().properties('p').drop()", DESTRUCTION_NONE },
        { API_GREMLIN, "eval", "g.V()", DESTRUCTION_NONE },
        { API_NOSQL, "Query", "TRUNCATE x", DESTRUCTION_NONE },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct observation o = { .kind = OBS_TEXT, .table = TABLE_MONGO, .api = cases[i].api };

        o.text[F_OPERATION] = slice_of(cases[i].operation);
        o.text[F_QUERY_TEXT] = slice_of(cases[i].text);
        ck_assert_msg(destruction_of_text(&o) == cases[i].want, "%s", cases[i].text);
    }
}
END_TEST

START_TEST(what_is_in_two_tables_counts_once)
{
    struct bench *b = bench_open(&detector_mass_deletion, "");
    struct del native = { .table = TABLE_MONGO, .api = API_MONGODB, .operation = "delete", .count = 1600 };
    struct del plane = { .api = API_MONGODB, .count = 1600 };

    for (int day = 0; day < 20; day++)
        for (int hour = 0; hour < 24; hour += 6)
            feed(b, (struct del){ .day = day, .hour = hour, .api = API_MONGODB, .count = 30 });
    native.day = plane.day = 20;
    feed(b, native);
    feed(b, plane);
    ck_assert_uint_eq(bench_alerts(b), 0);
    plane.hour = 1;
    feed(b, plane);
    ck_assert_int_eq(bench_only(b, DOCUMENTS)->count, 3200);
    bench_forget_alerts(b);
    feed(b, (struct del){ .day = 20, .table = TABLE_MONGO, .api = API_MONGODB, .operation = "drop" });
    feed(b, (struct del){ .day = 20, .api = API_MONGODB, .type = "Collection" });
    ck_assert_int_eq(bench_only(b, DOCUMENTS)->count, 1);
    ck_assert_int_eq(alert_number(bench_only(b, DOCUMENTS), "requests", 0), 1);
    bench_free(b);
}
END_TEST

START_TEST(nothing_is_told_while_learning_or_from_history)
{
    struct bench *b = bench_open(&detector_mass_deletion, "");

    for (int day = 0; day < 13; day++)
        feed(b, (struct del){ .day = day });
    feed(b, (struct del){ .day = 13, .count = 90000 });
    feed(b, (struct del){ .day = 13, .type = "Database" });
    note(b, 13, "README", NULL);
    bench_set_backfill(b, true);
    feed(b, (struct del){ .day = 20, .count = 900000 });
    feed(b, (struct del){ .day = 20, .type = "Collection", .address = THIEF });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_set_backfill(b, false);
    feed(b, (struct del){ .day = 22, .type = "Collection", .address = "198.51.100.1" });
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

START_TEST(sensitivity_moves_the_floor)
{
    static const struct { const char *yaml; int64_t floor; } cases[] = {
        { "sensitivity: low\n", 6000 }, { "", 3000 }, { "sensitivity: high\n", 1500 }, { "min_deletes: 50\n", 150 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = open_learned(cases[i].yaml);

        bench_forget_alerts(b);
        feed(b, (struct del){ .day = 20, .count = cases[i].floor, .container = "other" });
        ck_assert_uint_eq(bench_alerts(b), 0);
        feed(b, (struct del){ .day = 20, .count = 1, .container = "other" });
        ck_assert_uint_eq(bench_alerts(b), 1);
        bench_free(b);
    }
}
END_TEST

static void add(struct del r)
{
    struct key_row *row = key_row_new(key_day(r.day, r.hour, 0));
    struct observation o = as_observation(&r);

    o.minute_ns = row->obs.minute_ns + (int64_t)key_dice(3000) * NS_PER_S;
    o.minute_ns -= o.minute_ns % NS_PER_MIN;
    o.first_ns = o.last_ns = o.minute_ns;
    row->obs = o;
}

static void mixed(unsigned seed)
{
    static const char *const addresses[] = { NULL, THIEF, "198.51.100.7", "10.2.3.4" };
    static const char *const containers[] = { "orders", "items", "READ_ME" };
    static const char *const types[] = { "Document", "Document", "Document", "Collection", "Database" };

    key_seed = seed;
    for (int day = 0; day < 16; day++)
        for (int hour = 0; hour < 24; hour += 8)
            add((struct del){ .day = day, .hour = hour, .count = 30 });
    for (int i = 0; i < 250; i++) {
        bool is_note = key_dice(8) == 0;
        int day = 14 + (int)key_dice(8);

        add((struct del){ .day = day, .hour = (int)key_dice(24), .count = 1 + key_dice(700),
                          .operation = is_note ? "Create" : "Delete", .type = types[is_note ? 0 : key_dice(5)],
                          .address = addresses[key_dice(4)], .container = containers[is_note ? 2 : key_dice(2)] });
    }
}

START_TEST(order_lateness_and_restarts_do_not_change_the_alerts)
{
    key_same_in_any_order(&detector_mass_deletion, "", mixed);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        many_documents_beyond_the_usual_alert,
        a_client_or_principal_never_seen_makes_it_high,
        a_client_that_was_new_in_the_morning_makes_the_day_high,
        nightly_retention_and_twice_of_it_are_usual,
        bursts_are_told_until_two_days_had_them,
        weekly_resets_are_told_twice_and_then_usual,
        a_job_that_moved_to_other_hosts_is_held_against_its_client,
        what_deletes_no_data_is_silent,
        containers_and_databases_are_told_from_the_first,
        who_deletes_containers_by_habit_is_silent_but_no_other_and_nothing_else,
        where_ever_new_hosts_delete_containers_one_more_is_no_news,
        a_note_of_who_destroyed_is_ransom_whichever_came_first,
        a_note_alone_of_another_or_known_before_is_no_ransom,
        names_of_notes,
        statements_that_delete_everything_are_told_from_those_that_do_not,
        what_is_in_two_tables_counts_once,
        nothing_is_told_while_learning_or_from_history,
        sensitivity_moves_the_floor,
        order_lateness_and_restarts_do_not_change_the_alerts,
        NULL,
    };

    return key_run("detectors/mass_deletion", tests);
}
