/* What enumeration, full_scan, change_feed and number_of_documents promise.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/kit/bench.h"
#include "tests/kit/suite.h"

#include "base/buf.h"
#include "base/timeutil.h"
#include "detectors/kit/reader.h"
#include "detectors/kit/scan_text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct detector_ops detector_enumeration, detector_full_scan, detector_change_feed,
    detector_number_of_documents;

#define JAVA "azsdk-java-cosmos/4.60.0 Linux/5.15.0-1059-azure JRE/17.0.11"
#define PORTAL "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36"
#define STUDIO "studio-3t/2024.1"
#define SCRIPT "python-requests/2.31.0"
#define THIEF "203.0.113.9"

struct row {
    int day, hour;
    const char *operation, *type, *agent, *address, *key, *container, *database, *text;
    enum table table;
    enum api api;
    int32_t status;
    int64_t count, bytes;
};

static int64_t time_of(int day, int hour)
{
    return bench_time(BENCH_DAY0) + day * NS_PER_DAY + hour * NS_PER_HOUR;
}

static struct observation as_observation(const struct row *r)
{
    struct observation o = { .minute_ns = time_of(r->day, r->hour), .table = r->table, .api = r->api, .status = r->status,
                             .count = r->count ? r->count : 1, .bytes_out = r->bytes };

    o.kind = r->text ? OBS_TEXT : OBS_REQUEST;
    if (r->text && !r->table)
        o.table = TABLE_QUERY_STATS;
    o.text[F_OPERATION] = slice_of(r->operation ? r->operation : "Query");
    o.text[F_RESOURCE_TYPE] = slice_of(r->type ? r->type : "Document");
    o.text[F_USER_AGENT] = slice_of(r->agent ? r->agent : JAVA);
    o.text[F_ADDRESS] = slice_of(r->address ? r->address : "10.1.2.3");
    o.text[F_KEY_KIND] = slice_of(r->key ? r->key : "PrimaryMasterKey");
    o.text[F_DATABASE] = slice_of(r->database ? r->database : "shop");
    o.text[F_CONTAINER] = slice_of(r->container ? r->container : "orders");
    o.text[F_QUERY_TEXT] = slice_of(r->text);
    o.sample = SL("0a0a0a0a-0000-4000-8000-000000000001");
    return o;
}

static void feed(struct bench *b, struct row r)
{
    struct observation o = as_observation(&r);

    bench_feed(b, &o);
}

/* Twenty days of everyday requests, so that learning is over. */
static struct bench *open_learned(const struct detector_ops *ops)
{
    struct bench *b = bench_open(ops, "");

    for (int day = 0; day < 20; day++)
        for (int hour = 0; hour < 24; hour += 6)
            feed(b, (struct row){ .day = day, .hour = hour, .operation = "Read", .bytes = 2000 });
    return b;
}

/* ---- enumeration ------------------------------------------------------------------------------- */

static void list_all(struct bench *b, int day, const char *agent, const char *address)
{
    static const char *const types[] = { "DatabaseFeed", "CollectionFeed", "OfferFeed", "StoredProcedureFeed" };

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        feed(b, (struct row){ .day = day, .hour = 3, .operation = i == 2 ? "Query" : "ReadFeed", .type = types[i],
                              .agent = agent, .address = address, .bytes = 700, .count = 2 });
}

START_TEST(a_new_client_that_lists_all_from_a_new_address_is_medium)
{
    struct bench *b = open_learned(&detector_enumeration);
    const struct alert *a;

    list_all(b, 20, SCRIPT, THIEF);
    a = bench_only(b, "CosmosDBX_Enumeration");
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    ck_assert_str_eq(a->subject, "account key / python-requests / 203.0.113.0/24");
    ck_assert_uint_eq(alert_fact(a, "listed")->len, 4);
    ck_assert_int_eq(a->count, 8);
    ck_assert_int_eq(alert_number(a, "requests", 0), 8);
    ck_assert_str_eq(alert_text(a, "address"), THIEF);
    ck_assert_ptr_null(alert_fact(a, "container"));
    bench_free(b);
}
END_TEST

START_TEST(a_new_client_from_a_known_address_is_low_and_usual_after_two_days)
{
    struct bench *b = open_learned(&detector_enumeration);

    list_all(b, 20, STUDIO, "10.1.2.3");
    ck_assert_int_eq(bench_only(b, "CosmosDBX_Enumeration")->severity, SEVERITY_LOW);
    for (int day = 21; day < 30; day++)
        list_all(b, day, STUDIO, "10.1.2.3");
    ck_assert_uint_eq(bench_alerts(b), 2);
    bench_forget_alerts(b);
    list_all(b, 30, STUDIO, "198.51.100.4"); /* the same kind of client at home */
    ck_assert_uint_eq(bench_alerts(b), 0);
    list_all(b, 30, SCRIPT, "10.1.2.3");
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

START_TEST(what_the_portal_lists_for_everybody_is_no_map_but_users_and_scripts_are)
{
    struct bench *b = open_learned(&detector_enumeration);

    list_all(b, 20, PORTAL, THIEF);
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, (struct row){ .day = 20, .hour = 4, .operation = "ReadFeed", .type = "UserFeed", .agent = PORTAL, .address = THIEF });
    ck_assert_uint_eq(alert_fact(bench_only(b, "CosmosDBX_Enumeration"), "listed")->len, 2);
    bench_free(b);
}
END_TEST

START_TEST(a_list_is_known_by_its_operation_where_its_type_does_not_say_so)
{
    struct bench *b = open_learned(&detector_enumeration);

    feed(b, (struct row){ .day = 20, .operation = "ReadFeed", .type = "Database", .agent = SCRIPT, .address = THIEF });
    feed(b, (struct row){ .day = 20, .operation = "ReadFeed", .type = "User", .agent = SCRIPT, .address = THIEF });
    feed(b, (struct row){ .day = 20, .operation = "SqlQuery", .type = "Offer", .agent = SCRIPT, .address = THIEF });
    ck_assert_uint_eq(alert_fact(bench_only(b, "CosmosDBX_Enumeration"), "listed")->len, 3);
    bench_free(b);
}
END_TEST

START_TEST(what_sdks_read_when_they_start_is_no_list)
{
    static const struct row rows[] = {
        { .operation = "Read", .type = "DatabaseAccount" },         { .operation = "Read", .type = "Database" },
        { .operation = "Read", .type = "Collection" },              { .operation = "ReadFeed", .type = "PartitionKeyRangeFeed" },
        { .operation = "ReadFeed", .type = "PartitionKeyRange" },   { .operation = "Execute", .type = "StoredProcedure" },
        { .operation = "Replace", .type = "Offer" },                { .operation = "Read", .type = "User" },
        { .operation = "ReadFeed", .type = "DocumentFeed" },        { .operation = "Create", .type = "DatabaseFeed" },
        { .operation = "Create", .type = "CollectionFeed" },        { .operation = "ReadFeed", .type = "DatabaseFeed", .status = 403 },
        { .operation = "ReadFeed", .type = "CollectionFeed", .key = "SystemReadOnly" },
        { .operation = "Query", .type = "OfferFeed" }, /* one kind alone */
    };
    struct bench *b = open_learned(&detector_enumeration);

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct row r = rows[i];

        r.day = 20;
        r.agent = SCRIPT;
        feed(b, r);
    }
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(containers_of_many_databases_are_a_map_too)
{
    static const char *const databases[] = { "shop", "hr", "crm" };
    struct bench *b = open_learned(&detector_enumeration);

    for (size_t i = 0; i < ARRAY_LEN(databases); i++) {
        ck_assert_uint_eq(bench_alerts(b), 0);
        feed(b, (struct row){ .day = 20, .operation = "ReadFeed", .type = "CollectionFeed", .agent = SCRIPT,
                              .database = databases[i] });
    }
    ck_assert_str_eq(alert_text(bench_only(b, "CosmosDBX_Enumeration"), "places"), "containers of 3 databases or more");
    bench_free(b);
}
END_TEST

START_TEST(other_apis_list_in_their_own_words)
{
    static const struct { const char *name; struct row rows[3]; size_t alerts; } cases[] = {
        { "mongo", { { .table = TABLE_MONGO, .api = API_MONGODB, .operation = "listDatabases" },
                     { .table = TABLE_MONGO, .api = API_MONGODB, .operation = "listcollections" } }, 1 },
        { "mongo users", { { .table = TABLE_MONGO, .api = API_MONGODB, .operation = "usersInfo" },
                           { .table = TABLE_MONGO, .api = API_MONGODB, .operation = "find" } }, 0 },
        { "cql", { { .table = TABLE_CASSANDRA, .api = API_CASSANDRA, .operation = "QuerySelect", .database = "ks",
                     .text = "SELECT * FROM system_schema.keyspaces" },
                   { .table = TABLE_CASSANDRA, .api = API_CASSANDRA, .operation = "QuerySelect", .database = "ks",
                     .text = "select * from system_schema.columns" } }, 1 },
        { "cql without text", { { .table = TABLE_CASSANDRA, .api = API_CASSANDRA, .operation = "QuerySelect",
                                  .database = "system_schema", .container = "keyspaces" },
                                { .table = TABLE_CASSANDRA, .api = API_CASSANDRA, .operation = "QuerySelect",
                                  .database = "system_schema", .container = "tables" } }, 1 },
        { "a driver that connects", { { .table = TABLE_CASSANDRA, .api = API_CASSANDRA, .database = "system_schema",
                                        .container = "keyspaces", .agent = "DataStax Java driver for Apache Cassandra(R)/4.17.0" },
                                      { .table = TABLE_CASSANDRA, .api = API_CASSANDRA, .database = "system_schema",
                                        .container = "tables", .agent = "DataStax Java driver for Apache Cassandra(R)/4.17.0" } }, 0 },
        { "gremlin", { { .table = TABLE_GREMLIN, .api = API_GREMLIN, .text = "g.V().label().dedup()" },
                       { .table = TABLE_GREMLIN, .api = API_GREMLIN, .text = "g.V().properties().key().dedup()" } }, 1 },
        { "table", { { .table = TABLE_TABLE_API, .api = API_TABLE, .operation = "QueryTables" } }, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = open_learned(&detector_enumeration);

        for (size_t k = 0; k < ARRAY_LEN(cases[i].rows) && cases[i].rows[k].table; k++) {
            struct row r = cases[i].rows[k];

            r.day = 20;
            r.agent = r.agent ? r.agent : SCRIPT;
            feed(b, r);
        }
        ck_assert_msg(bench_alerts(b) == cases[i].alerts, "%s: %zu", cases[i].name, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

START_TEST(a_request_with_rows_in_two_tables_counts_once)
{
    struct bench *b = bench_open(&detector_enumeration, "");
    const struct alert *a;

    for (int day = 0; day < 20; day++) /* data-plane rows of the Mongo API: listings, so that it is known */
        feed(b, (struct row){ .day = day, .operation = "ReadFeed", .type = "CollectionFeed", .api = API_MONGODB });
    for (int i = 0; i < 2; i++) {
        feed(b, (struct row){ .day = 20, .operation = "ReadFeed", .type = i ? "CollectionFeed" : "DatabaseFeed",
                              .api = API_MONGODB, .agent = SCRIPT });
        feed(b, (struct row){ .day = 20, .operation = i ? "listCollections" : "listDatabases", .table = TABLE_MONGO,
                              .api = API_MONGODB, .agent = SCRIPT });
    }
    a = bench_only(b, "CosmosDBX_Enumeration");
    ck_assert_int_eq(alert_number(a, "requests", 0), 2);
    ck_assert_int_eq(a->count, 2);
    bench_free(b);
}
END_TEST

START_TEST(nothing_is_told_while_learning)
{
    struct bench *b = bench_open(&detector_enumeration, "");

    list_all(b, 0, SCRIPT, THIEF);
    list_all(b, 10, PORTAL, THIEF);
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

/* ---- full scan --------------------------------------------------------------------------------- */

#define MIB (INT64_C(1) << 20)

static void scan(struct bench *b, int day, const char *agent, int64_t mib)
{
    for (int page = 0; page < 10; page++)
        feed(b, (struct row){ .day = day, .hour = page, .operation = "ReadFeed", .type = "DocumentFeed", .agent = agent,
                              .count = 5, .bytes = mib * MIB / 10 });
}

START_TEST(a_container_read_page_by_page_alerts_with_what_was_read)
{
    struct bench *b = open_learned(&detector_full_scan);
    const struct alert *a;

    scan(b, 20, SCRIPT, 200);
    a = bench_only(b, "CosmosDBX_FullScan");
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    ck_assert_str_eq(a->subject, "account key / python-requests / private -> shop/orders");
    ck_assert_int_eq(alert_number(a, "bytesOut", 0), 200 * MIB);
    ck_assert_int_eq(a->count, 50);
    ck_assert_str_eq(alert_text(a, "newReader"), "yes");
    bench_free(b);
}
END_TEST

START_TEST(backups_that_come_back_are_usual_and_grow_in_peace)
{
    struct bench *b = open_learned(&detector_full_scan);

    for (int day = 20; day < 40; day++)
        scan(b, day, "backup-agent/2.0", 200 + 5 * (day - 20));
    ck_assert_uint_ge(bench_alerts(b), 3);
    ck_assert_uint_le(bench_alerts(b), 4); /* usual on the third day that is over */
    bench_forget_alerts(b);
    scan(b, 40, "backup-agent/2.0", 2000);
    ck_assert_int_eq(alert_number(bench_only(b, "CosmosDBX_FullScan"), "bytesOut", 0), 2000 * MIB);
    ck_assert_int_gt(alert_number(bench_only(b, "CosmosDBX_FullScan"), "usualBytes", 0), 250 * MIB);
    bench_free(b);
}
END_TEST

START_TEST(weekly_and_monthly_scans_are_learned)
{
    for (int gap = 7; gap <= 30; gap += 23) {
        struct bench *b = open_learned(&detector_full_scan);

        for (int i = 0; i < 5; i++) {
            for (int day = 20 + i * gap; day < 20 + (i + 1) * gap; day++) /* the account is in use */
                feed(b, (struct row){ .day = day, .hour = 1, .operation = "Read", .bytes = 2000 });
            scan(b, 20 + (i + 1) * gap, SCRIPT, 300);
        }
        ck_assert_msg(bench_alerts(b) == 2, "every %d days: %zu", gap, bench_alerts(b));
        bench_free(b);
    }
}
END_TEST

START_TEST(small_refused_and_narrow_reads_are_no_scans)
{
    static const struct row rows[] = {
        { .operation = "ReadFeed", .type = "DocumentFeed", .count = 50, .bytes = 9 * MIB },      /* below the floor */
        { .operation = "ReadFeed", .type = "DocumentFeed", .count = 2, .bytes = 90 * MIB },      /* two pages */
        { .operation = "ReadFeed", .type = "DocumentFeed", .count = 50, .bytes = 90 * MIB, .status = 429 },
        { .operation = "ReadFeed", .type = "DocumentFeed", .count = 50, .bytes = 90 * MIB, .key = "SystemReadOnly" },
        { .operation = "Query", .type = "DocumentFeed", .count = 50, .bytes = 90 * MIB },        /* no text: unknown */
        { .text = "{\"query\":\"SELECT * FROM c WHERE c.id = @id\"}", .count = 50, .bytes = 90 * MIB },
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench *b = open_learned(&detector_full_scan);
        struct row r = rows[i];

        r.day = 20;
        feed(b, r);
        ck_assert_msg(bench_alerts(b) == 0, "row %zu", i);
        bench_free(b);
    }
}
END_TEST

START_TEST(statements_without_a_condition_are_told_apart)
{
    static const struct { enum api api; const char *text; enum scan_form form; } cases[] = {
        { API_NOSQL, "{\"query\":\"SELECT * FROM c\",\"parameters\":[]}", SCAN_SQL },
        { API_NOSQL, "{\"query\":\"select c.id, c.name\\nfrom c\\norder by c.ts\"}", SCAN_SQL },
        { API_NOSQL, "{\"query\":\"SELECT * FROM c\\nWHERE c.a = 1\"}", SCAN_NONE },
        { API_NOSQL, "SELECT TOP 10 * FROM c", SCAN_NONE },
        { API_NOSQL, "SELECT * FROM c OFFSET 0 LIMIT 10", SCAN_NONE },
        { API_NOSQL, "SELECT c.somewhere FROM c", SCAN_SQL },
        { API_NOSQL, "SELECT 1", SCAN_NONE },
        { API_MONGODB, "{\"find\":\"users\",\"filter\":{ },\"$db\":\"shop\"}", SCAN_MONGO_FIND },
        { API_MONGODB, "{\"find\":\"users\",\"filter\":{\"a\":1}}", SCAN_NONE },
        { API_MONGODB, "{\"find\":\"users\"}", SCAN_MONGO_FIND },
        { API_MONGODB, "{\"find\":\"users\",\"limit\":10}", SCAN_NONE },
        { API_MONGODB, "{\"aggregate\":\"users\",\"pipeline\":[{\"$project\":{\"a\":1}}]}", SCAN_MONGO_AGGREGATE },
        { API_MONGODB, "{\"aggregate\":\"users\",\"pipeline\":[{\"$out\":\"copy\"}]}", SCAN_MONGO_COPY },
        { API_MONGODB, "{\"aggregate\":\"users\",\"pipeline\":[{\"$match\":{\"a\":1}}]}", SCAN_NONE },
        { API_MONGODB, "{\"insert\":\"users\"}", SCAN_NONE },
        { API_CASSANDRA, "SELECT * FROM shop.users", SCAN_CQL },
        { API_CASSANDRA, "SELECT * FROM shop.users WHERE age > 5 ALLOW FILTERING", SCAN_CQL_FILTERING },
        { API_CASSANDRA, "SELECT * FROM shop.users WHERE token(id) > ? AND token(id) <= ?", SCAN_CQL_TOKENS },
        { API_CASSANDRA, "SELECT * FROM shop.users WHERE id = 5", SCAN_NONE },
        { API_CASSANDRA, "SELECT * FROM system.local", SCAN_NONE },
        { API_GREMLIN, "g.V()", SCAN_GREMLIN },
        { API_GREMLIN, "g.V().valueMap(true)", SCAN_GREMLIN },
        { API_GREMLIN, "g.V().has('id', 'a')", SCAN_NONE },
        { API_GREMLIN, "g.V('a').out()", SCAN_NONE },
        { API_TABLE, "GET /orders()", SCAN_TABLE },
        { API_TABLE, "GET /orders()?$filter=Total gt 5", SCAN_NONE },
        { API_NOSQL, "", SCAN_NONE },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct observation o = { .kind = OBS_TEXT, .api = cases[i].api };

        o.table = cases[i].api == API_TABLE ? TABLE_TABLE_API : TABLE_QUERY_STATS;
        o.text[F_QUERY_TEXT] = slice_of(cases[i].text);
        ck_assert_msg(scan_text_form(&o) == cases[i].form, "%s: %d", cases[i].text, (int)scan_text_form(&o));
    }
}
END_TEST

START_TEST(a_statement_that_asks_for_everything_is_told_with_its_form)
{
    struct bench *b = open_learned(&detector_full_scan);

    for (int page = 0; page < 10; page++)
        feed(b, (struct row){ .day = 20, .hour = page, .text = "{\"find\":\"orders\",\"filter\":{}}", .table = TABLE_MONGO,
                              .api = API_MONGODB, .agent = SCRIPT, .bytes = 4 * MIB, .operation = "find" });
    ck_assert_str_eq(alert_text(bench_only(b, "CosmosDBX_FullScan"), "reason"), "find without a filter");
    ck_assert_int_eq(bench_alert(b, 0)->count, 10);
    bench_free(b);
}
END_TEST

/* ---- change feed ------------------------------------------------------------------------------- */

static void follow(struct bench *b, int day, const char *agent, const char *address)
{
    for (int i = 0; i < 6; i++)
        feed(b, (struct row){ .day = day, .hour = i, .operation = "ReadFeed", .type = "DocumentFeed", .agent = agent,
                              .address = address, .status = i % 2 ? 304 : 200, .bytes = i % 2 ? 0 : 500000, .count = 4 });
}

START_TEST(a_new_follower_of_the_change_feed_is_told_on_two_days)
{
    struct bench *b = open_learned(&detector_change_feed);
    const struct alert *a;

    follow(b, 20, SCRIPT, THIEF);
    a = bench_only(b, "CosmosDBX_ChangeFeedTap");
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    ck_assert_int_eq(a->count, 24);
    ck_assert_int_eq(alert_number(a, "bytesOut", 0), 1500000);
    ck_assert_int_eq(alert_number(a, "firstSeen", 0), time_of(20, 0));
    for (int day = 21; day < 30; day++)
        follow(b, day, SCRIPT, THIEF);
    ck_assert_uint_eq(bench_alerts(b), 2);
    bench_free(b);
}
END_TEST

START_TEST(followers_of_old_lists_and_few_reads_are_silent)
{
    struct bench *b = bench_open(&detector_change_feed, "");

    for (int day = 0; day < 25; day++)
        follow(b, day, "cosmos-netstandard-sdk/3.34.0|1|X64|Linux|.NET 6|N| CosmosDBTriggerFunctions", "10.1.2.3");
    for (int i = 0; i < 50; i++) /* lists documents, is never told "nothing new" */
        feed(b, (struct row){ .day = 24, .operation = "ReadFeed", .type = "DocumentFeed", .agent = SCRIPT, .bytes = 9000 });
    feed(b, (struct row){ .day = 24, .operation = "ReadFeed", .type = "DocumentFeed", .agent = PORTAL, .status = 304 });
    feed(b, (struct row){ .day = 24, .operation = "ReadFeed", .type = "DatabaseFeed", .agent = PORTAL, .status = 304, .count = 90 });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_change_stream_of_mongo_is_a_follower)
{
    struct bench *b = open_learned(&detector_change_feed);

    feed(b, (struct row){ .day = 20, .text = "{\"aggregate\":\"orders\",\"pipeline\":[{\"$changeStream\":{}}]}", .agent = SCRIPT,
                          .table = TABLE_MONGO, .api = API_MONGODB, .operation = "aggregate" });
    ck_assert_str_eq(alert_text(bench_only(b, "CosmosDBX_ChangeFeedTap"), "reason"), "a $changeStream was opened");
    bench_free(b);
}
END_TEST

/* ---- number of documents ----------------------------------------------------------------------- */

static struct bench *open_readers(void)
{
    struct bench *b = bench_open(&detector_number_of_documents, "");

    for (int day = 0; day < 20; day++)
        for (int hour = 0; hour < 24; hour++) {
            feed(b, (struct row){ .day = day, .hour = hour, .operation = "Read", .count = 8000 + 500 * (hour % 5), .bytes = 1000 });
            feed(b, (struct row){ .day = day, .hour = hour, .operation = "Read", .count = 40, .status = 404 });
        }
    return b;
}

START_TEST(far_more_point_reads_than_usual_alert)
{
    struct bench *b = open_readers();
    const struct alert *a;

    for (int i = 0; i < 10; i++)
        feed(b, (struct row){ .day = 20, .hour = 3, .operation = "Read", .count = 20000, .bytes = 5000 });
    a = bench_only(b, "CosmosDBX_NumberOfDocuments");
    ck_assert_int_eq(a->severity, SEVERITY_MEDIUM);
    ck_assert_str_eq(a->variant, ".Reads");
    ck_assert_int_eq(a->count, 200000);
    ck_assert_int_eq(alert_number(a, "largestHour", 0), 200000);
    ck_assert_msg(alert_number(a, "usualHour", 0) > 7000 && alert_number(a, "usualHour", 0) < 13000, "%d",
                  (int)alert_number(a, "usualHour", 0));
    bench_forget_alerts(b);
    feed(b, (struct row){ .day = 20, .hour = 5, .operation = "Read", .count = 19000, .bytes = 5000 });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_weekly_warm_up_of_a_cache_is_told_twice_and_then_usual)
{
    struct bench *b = open_readers();

    for (int week = 0; week < 5; week++) {
        for (int hour = 0; hour < 7 * 24; hour++) /* the account is in use */
            feed(b, (struct row){ .day = 20 + week * 7, .hour = hour, .operation = "Read", .count = 9000, .bytes = 1000 });
        feed(b, (struct row){ .day = 26 + week * 7, .hour = 23, .operation = "Read", .count = 300000, .bytes = 9000 });
    }
    ck_assert_uint_eq(bench_alerts(b), 2);
    bench_free(b);
}
END_TEST

START_TEST(ids_that_do_not_exist_alert_by_themselves)
{
    struct bench *b = open_readers();
    const struct alert *a;

    feed(b, (struct row){ .day = 20, .hour = 3, .operation = "Read", .count = 3000, .status = 404 });
    a = bench_only(b, "CosmosDBX_NumberOfDocuments");
    ck_assert_str_eq(a->variant, ".Misses");
    ck_assert_int_eq(alert_number(a, "absent", 0), 3000);
    ck_assert_str_eq(a->subject, "account key / azsdk-java-cosmos / private -> shop/orders, ids that do not exist");
    bench_free(b);
}
END_TEST

START_TEST(a_new_reader_may_read_five_times_the_floor)
{
    struct bench *b = open_readers();

    feed(b, (struct row){ .day = 20, .hour = 3, .operation = "Read", .count = 100000, .bytes = 1, .agent = SCRIPT });
    ck_assert_uint_eq(bench_alerts(b), 0);
    feed(b, (struct row){ .day = 20, .hour = 3, .operation = "Read", .count = 1, .bytes = 1, .agent = SCRIPT });
    ck_assert_int_eq(bench_only(b, "CosmosDBX_NumberOfDocuments")->count, 100001);
    bench_free(b);
}
END_TEST

/* ---- the reader's name ------------------------------------------------------------------------- */

START_TEST(readers_are_named_by_credential_agent_and_network)
{
    static const struct { const char *key, *agent, *address, *name; } cases[] = {
        { "PrimaryMasterKey", JAVA, "203.0.113.9", "account key / azsdk-java-cosmos / 203.0.113.0/24" },
        { "SecondaryMasterKey", JAVA, "203.0.113.10", "account key / azsdk-java-cosmos / 203.0.113.0/24" }, /* rotated */
        { "SecondaryReadonlyMasterKey", JAVA, "10.0.0.1", "read-only key / azsdk-java-cosmos / private" },
        { "primarymasterkey", JAVA, "10.0.0.1", "account key / azsdk-java-cosmos / private" },
        { "", "", "", "unknown credential / no agent / private" },
        { "Odd", "x y", "nonsense", "Odd / x / unknown network" },
        { "AadToken", JAVA, "2001:db8:1:2:3::4", "AadToken / azsdk-java-cosmos / 2001:db8:1:2::/64" },
    };
    struct reader_memo *memo = calloc(1, sizeof(*memo));

    for (int again = 0; again < 2; again++)
        for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
            struct observation o = { 0 };
            const struct reader *r;

            o.text[F_KEY_KIND] = slice_of(cases[i].key);
            o.text[F_USER_AGENT] = slice_of(cases[i].agent);
            o.text[F_ADDRESS] = slice_of(cases[i].address);
            r = reader_of(memo, &o);
            ck_assert_msg(slice_eq(reader_name(r), slice_of(cases[i].name)), "%.*s", SLF(reader_name(r)));
        }
    free(memo);
}
END_TEST

/* ---- the same rows, the same alerts ------------------------------------------------------------ */

static uint64_t seed_state;

static int chance(int below)
{
    seed_state = seed_state * 6364136223846793005u + 1442695040888963407u;
    return (int)((seed_state >> 33) % (unsigned)below);
}

#define ROWS 3000
#define DAYS 12

static struct row random_row(void)
{
    static const char *const agents[] = { SCRIPT, JAVA, PORTAL };
    static const char *const addresses[] = { "10.1.2.3", THIEF, "203.0.113.77", "198.51.100.4" };
    static const char *const types[] = { "Document", "Document", "DocumentFeed", "DocumentFeed", "DatabaseFeed", "CollectionFeed", "OfferFeed" };
    static const char *const operations[] = { "Read", "ReadFeed", "Query" };
    static const char *const texts[] = { "{\"aggregate\":\"o\",\"pipeline\":[]}", "{\"find\":\"orders\",\"filter\":{}}",
                                         "{\"aggregate\":\"o\",\"pipeline\":[{\"$changeStream\":{}}]}" };
    static const int32_t statuses[] = { 200, 200, 200, 304, 404, 206 };
    struct row r = { .day = 1 + chance(DAYS - 1), .hour = chance(24), .agent = agents[chance(3)], .address = addresses[chance(4)],
                     .type = types[chance(7)], .operation = operations[chance(3)], .status = statuses[chance(6)],
                     .count = 2 + chance(300), .bytes = chance(3000000), .container = chance(3) ? "orders" : "customers", .api = API_MONGODB };
    int kind = chance(6);

    if (r.day < 6 && strstr(r.type, "Feed") && strcmp(r.type, "DocumentFeed") != 0)
        r.type = "Document"; /* listing begins late, so that it is news */
    if (kind < 3) {
        r.text = kind < 1 ? texts[chance(3)] : NULL;
        r.table = kind < 1 ? TABLE_MONGO : TABLE_NONE;
    }
    if (kind == 5 && r.day > 5)
        r = (struct row){ .day = r.day, .hour = r.hour, .agent = r.agent, .address = r.address, .table = TABLE_MONGO,
                          .api = API_MONGODB, .operation = chance(2) ? "listDatabases" : "listCollections", .count = r.count };
    return r;
}

struct arrival { int64_t at_ns; struct observation obs; };

static int by_arrival(const void *a, const void *b)
{
    const struct arrival *x = a, *y = b;

    return x->at_ns < y->at_ns ? -1 : x->at_ns > y->at_ns;
}

static char *run_shuffled(const struct detector_ops *ops, const char *yaml, uint64_t seed, int64_t horizon_ns, bool plain)
{
    struct baseline_config cfg = { .horizon_ns = horizon_ns, .learn_ns = 2 * NS_PER_DAY };
    struct bench *b = bench_open_with(ops, yaml, &cfg);
    struct arrival *all = calloc((size_t)ROWS * 2, sizeof(*all));
    size_t n = 0;
    char *text;

    seed_state = seed;
    for (int i = 0; i < ROWS; i++) {
        struct row r = random_row();

        if (i == 0) { /* so that learning begins for all orders alike, and ends within a day */
            r.day = 0;
            r.hour = 13;
        }
        all[n++].obs = as_observation(&r);
    }
    seed_state += plain ? 0 : 99991; /* the same rows, another order */
    for (size_t i = 0, len = n; i < len; i++) {
        all[i].at_ns = all[i].obs.minute_ns;
        if (plain)
            continue;
        all[i].at_ns += chance(1000) * (horizon_ns / 1001);
        if (chance(3) == 0) {
            all[n] = all[i];
            all[n].obs.bytes_out = all[i].obs.bytes_out / 3;
            all[n].obs.count = 1;
            all[i].obs.bytes_out -= all[n].obs.bytes_out;
            all[i].obs.count -= 1;
            all[n].at_ns = all[n].obs.minute_ns + chance(1000) * (horizon_ns / 1001);
            n++;
        }
    }
    qsort(all, n, sizeof(*all), by_arrival);
    for (size_t i = 0; i < n; i++) {
        bench_feed(b, &all[i].obs);
        if (!plain && chance(800) == 0)
            bench_restart(b);
    }
    text = bench_text(b, "activityId");
    bench_free(b);
    free(all);
    return text;
}

START_TEST(order_lateness_splits_and_restarts_do_not_change_the_alerts)
{
    static const struct { const struct detector_ops *ops; const char *yaml; } cases[] = {
        { &detector_enumeration, "" },
        { &detector_full_scan, "floor: 3MiB\n" },
        { &detector_change_feed, "" },
        { &detector_number_of_documents, "min_reads: 100\nmin_misses: 50\n" },
    };
    static const int64_t hours[] = { 1, 4, 12, 24 };

    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        size_t alerts = 0;

        for (uint64_t seed = 1; seed <= 16; seed++) {
            int64_t horizon = hours[seed % ARRAY_LEN(hours)] * NS_PER_HOUR;
            char *plain = run_shuffled(cases[c].ops, cases[c].yaml, seed, horizon, true);
            char *shuffled = run_shuffled(cases[c].ops, cases[c].yaml, seed, horizon, false);
            size_t at = 0;

            while (plain[at] && plain[at] == shuffled[at])
                at++;
            at = at > 300 ? at - 300 : 0;
            ck_assert_msg(strcmp(plain, shuffled) == 0, "%s, seed %d:\n...%.700s\nbut shuffled\n...%.700s", cases[c].ops->name,
                          (int)seed, plain + at, shuffled + at);
            for (const char *p = plain; (p = strstr(p, "CosmosDBX_")); p++)
                alerts++;
            free(plain);
            free(shuffled);
        }
        ck_assert_msg(alerts > 10, "%s: %zu alerts: the test tests nothing", cases[c].ops->name, alerts);
    }
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("all");

    tcase_set_timeout(t, 120);
    tcase_add_test(t, a_new_client_that_lists_all_from_a_new_address_is_medium);
    tcase_add_test(t, a_new_client_from_a_known_address_is_low_and_usual_after_two_days);
    tcase_add_test(t, what_the_portal_lists_for_everybody_is_no_map_but_users_and_scripts_are);
    tcase_add_test(t, what_sdks_read_when_they_start_is_no_list);
    tcase_add_test(t, a_list_is_known_by_its_operation_where_its_type_does_not_say_so);
    tcase_add_test(t, containers_of_many_databases_are_a_map_too);
    tcase_add_test(t, other_apis_list_in_their_own_words);
    tcase_add_test(t, a_request_with_rows_in_two_tables_counts_once);
    tcase_add_test(t, nothing_is_told_while_learning);
    tcase_add_test(t, a_container_read_page_by_page_alerts_with_what_was_read);
    tcase_add_test(t, backups_that_come_back_are_usual_and_grow_in_peace);
    tcase_add_test(t, weekly_and_monthly_scans_are_learned);
    tcase_add_test(t, small_refused_and_narrow_reads_are_no_scans);
    tcase_add_test(t, statements_without_a_condition_are_told_apart);
    tcase_add_test(t, a_statement_that_asks_for_everything_is_told_with_its_form);
    tcase_add_test(t, a_new_follower_of_the_change_feed_is_told_on_two_days);
    tcase_add_test(t, followers_of_old_lists_and_few_reads_are_silent);
    tcase_add_test(t, a_change_stream_of_mongo_is_a_follower);
    tcase_add_test(t, far_more_point_reads_than_usual_alert);
    tcase_add_test(t, a_weekly_warm_up_of_a_cache_is_told_twice_and_then_usual);
    tcase_add_test(t, ids_that_do_not_exist_alert_by_themselves);
    tcase_add_test(t, a_new_reader_may_read_five_times_the_floor);
    tcase_add_test(t, readers_are_named_by_credential_agent_and_network);
    tcase_add_test(t, order_lateness_splits_and_restarts_do_not_change_the_alerts);
    return run_group("detectors/data", t);
}
