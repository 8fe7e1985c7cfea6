/* Query texts: bounds, escaping, tables that may be missing, and streams that depend on the tables.
 * That Microsoft's parser and an engine understand them is tests/conformance and tests/sim.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "source/concern.h"
#include "source/kql.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t at(const char *iso)
{
    int64_t ns = 0;

    ck_assert_msg(time_parse_iso(slice_of(iso), &ns), "%s", iso);
    return ns;
}

static struct kql_scope scope(uint32_t tables)
{
    return (struct kql_scope){ .from_ns = at("2026-08-20T10:00:00.1234567Z"), .to_ns = at("2026-08-20T10:05:00Z"),
                               .bin_ns = NS_PER_MIN, .tables = tables, .text_wait_ns = NS_PER_HOUR, .row_cap = 1000 };
}

static struct buf text_of(enum kql_stream s, const struct kql_scope *sc)
{
    struct buf b = BUF_INIT(1 << 20);
    struct error err = { 0 };

    ck_assert_msg(kql_add_stream(&b, s, sc, &err) == 0, "%s", err.msg);
    return b;
}

static bool has(struct buf *b, const char *part)
{
    return strstr(buf_cstr(b), part) != NULL;
}

START_TEST(both_clocks_bound_every_table_half_open)
{
    struct kql_scope sc = scope(KQL_TABLE(TABLE_DATA_PLANE));
    CLEANUP(buf_release) struct buf b = text_of(KQL_REQUESTS, &sc);

    ck_assert(has(&b, "| where TimeGenerated >= datetime(2026-08-17T10:00:00.1234567Z) and TimeGenerated < "
                      "datetime(2026-08-22T10:05:00.0000000Z)"));
    ck_assert(has(&b, "| where ingestion_time() >= datetime(2026-08-20T10:00:00.1234567Z) and ingestion_time() < "
                      "datetime(2026-08-20T10:05:00.0000000Z)"));
    ck_assert(has(&b, "| take 1000\n"));
    ck_assert(strstr(buf_cstr(&b), "TimeGenerated >=") < strstr(buf_cstr(&b), "ingestion_time()"));
}
END_TEST

START_TEST(missing_tables_are_empty_and_needed_columns_are_named_directly)
{
    struct kql_scope sc = scope(KQL_TABLE(TABLE_DATA_PLANE));
    CLEANUP(buf_release) struct buf b = text_of(KQL_REQUESTS, &sc);

    ck_assert(has(&b, "union isfuzzy=true"));
    ck_assert(has(&b, "(datatable(Type:string, TimeGenerated:datetime"));
    ck_assert(has(&b, "StatusCode = toint(StatusCode)"));
    ck_assert(has(&b, "ClientIpAddress = tostring(ClientIpAddress)"));
    ck_assert(has(&b, "UserAgent = tostring(column_ifexists(\"UserAgent\", \"\"))"));
}
END_TEST

START_TEST(only_the_wanted_tables_are_asked)
{
    static const struct { uint32_t tables; const char *yes, *no; bool requests, texts, control; } cases[] = {
        { .tables = KQL_TABLE(TABLE_DATA_PLANE_5M), .yes = "(CDBDataPlaneRequests5M\n", .no = "(CDBDataPlaneRequests\n", .requests = true },
        { .tables = KQL_TABLE(TABLE_MONGO), .yes = "(CDBMongoRequests\n", .no = "AzureDiagnostics", .requests = true, .texts = true },
        { .tables = KQL_LEGACY, .yes = "(AzureDiagnostics\n", .no = "(CDB", .requests = true, .texts = true, .control = true },
        { .tables = KQL_TABLE(TABLE_QUERY_STATS), .texts = true },
        { .tables = KQL_TABLE(TABLE_ACTIVITY), .control = true },
        { .tables = 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kql_scope sc = scope(cases[i].tables);

        ck_assert_msg(kql_has_stream(&sc, KQL_REQUESTS) == cases[i].requests, "case %zu", i);
        ck_assert_msg(kql_has_stream(&sc, KQL_TEXTS) == cases[i].texts, "case %zu", i);
        ck_assert_msg(kql_has_stream(&sc, KQL_CONTROL) == cases[i].control, "case %zu", i);
        if (cases[i].requests) {
            CLEANUP(buf_release) struct buf b = text_of(KQL_REQUESTS, &sc);

            ck_assert_msg(has(&b, cases[i].yes) && !has(&b, cases[i].no), "case %zu: %s", i, buf_cstr(&b));
        }
    }
}
END_TEST

static size_t times(struct buf *b, const char *part)
{
    size_t n = 0;

    for (const char *p = buf_cstr(b); (p = strstr(p, part)); p++)
        n++;
    return n;
}

/* What is read but not counted would have no re-check; what is counted but not read would have one for ever. */
START_TEST(every_table_is_read_in_its_streams_and_counted_as_often)
{
    static const struct { enum table table; enum kql_stream in; bool has_texts; } cases[] = {
        { .table = TABLE_DATA_PLANE, .in = KQL_REQUESTS },       { .table = TABLE_DATA_PLANE_5M, .in = KQL_REQUESTS },
        { .table = TABLE_DATA_PLANE_15M, .in = KQL_REQUESTS },
        { .table = TABLE_MONGO, .in = KQL_REQUESTS, .has_texts = true },
        { .table = TABLE_CASSANDRA, .in = KQL_REQUESTS, .has_texts = true },
        { .table = TABLE_GREMLIN, .in = KQL_REQUESTS, .has_texts = true },
        { .table = TABLE_TABLE_API, .in = KQL_REQUESTS, .has_texts = true },
        { .table = TABLE_QUERY_STATS, .in = KQL_TEXTS },         { .table = TABLE_CONTROL_PLANE, .in = KQL_CONTROL },
        { .table = TABLE_ACTIVITY, .in = KQL_CONTROL },          { .table = TABLE_SECURITY_ALERT, .in = KQL_CONTROL },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kql_scope sc = scope(KQL_TABLE(cases[i].table));
        const int64_t edges[3] = { sc.from_ns, sc.from_ns + NS_PER_MIN, sc.to_ns };
        char leg[64], type[64];
        size_t read = 0, alone;
        struct error err = { 0 };
        CLEANUP(buf_release) struct buf count = BUF_INIT(1 << 20);

        (void)snprintf(leg, sizeof leg, "(%s\n", table_name(cases[i].table));
        for (unsigned k = 0; k < KQL_STREAM_COUNT; k++)
            if (kql_has_stream(&sc, (enum kql_stream)k)) {
                CLEANUP(buf_release) struct buf b = text_of((enum kql_stream)k, &sc);

                alone = times(&b, leg);
                ck_assert_msg(alone == (k == cases[i].in || (k == KQL_TEXTS && cases[i].has_texts)), "%s %u", leg, k);
                read += alone;
                (void)snprintf(type, sizeof type, "project Type = \"%s\"", table_name(cases[i].table));
                ck_assert_msg(alone == 0 || has(&b, type), "%s", type);
            }
        ck_assert_int_eq(kql_add_count(&count, &sc, edges, 2, &err), 0);
        ck_assert_msg(read > 0 && times(&count, leg) == read, "%s: read %zu, counted %zu", leg, read, times(&count, leg));
        ck_assert(has(&count, "ingestion_time() < datetime(2026-08-20T10:05:00.0000000Z)")); /* to the last edge */
    }
}
END_TEST

START_TEST(a_text_is_sought_as_long_as_its_request_may_be_away)
{
    struct kql_scope sc = scope(KQL_TABLE(TABLE_DATA_PLANE) | KQL_TABLE(TABLE_QUERY_STATS));
    const int64_t edges[2] = { sc.from_ns, sc.to_ns };
    struct error err = { 0 };
    CLEANUP(buf_release) struct buf count = BUF_INIT(1 << 20);

    sc.part_to = 32;
    {
        CLEANUP(buf_release) struct buf b = text_of(KQL_TEXTS, &sc);

        /* Both as far back as twice that. */
        ck_assert_uint_eq(times(&b, "ingestion_time() >= datetime(2026-08-20T08:00:00.1234567Z)"), 2);
        ck_assert_uint_eq(times(&b, "Seen >= datetime(2026-08-20T09:00:00.1234567Z) and "
                                    "Seen < datetime(2026-08-20T09:05:00.0000000Z)"), 2);
        ck_assert(has(&b, "Asked > Seen - 3600s and Asked < Seen + 3600s"));
        ck_assert(has(&b, "(Pairs | where Asked >= datetime(2026-08-20T10:00:00.1234567Z) or "
                          "Seen >= datetime(2026-08-20T10:00:00.1234567Z)"));
        ck_assert(has(&b, "kind=leftanti (Pairs) on ActivityId, Account"));
        ck_assert(has(&b, "(Asks) on ActivityId) on ActivityId, Account"));
        ck_assert(has(&b, "QueryText = min(QueryText), Seen = min(Seen)"));
        ck_assert(has(&b, "where hash(ActivityId, 64) >= 0 and hash(ActivityId, 64) < 32"));
    }
    ck_assert_int_eq(kql_add_count(&count, &sc, edges, 1, &err), 0);
    ck_assert(has(&count, "project At = max_of(Asked, Seen)") && has(&count, "project At = Seen + 3600s"));
    sc = scope(KQL_TABLE(TABLE_QUERY_STATS)); /* no request will come: no text waits for one */
    {
        CLEANUP(buf_release) struct buf b = text_of(KQL_TEXTS, &sc);

        ck_assert(has(&b, "Seen >= datetime(2026-08-20T10:00:00.1234567Z) and "
                          "Seen < datetime(2026-08-20T10:05:00.0000000Z)"));
    }
}
END_TEST

START_TEST(parts_accounts_and_old_categories_reach_every_leg)
{
    char account[] = "orders", *names[1] = { account };
    struct kql_scope sc =
        scope(KQL_TABLE(TABLE_MONGO) | KQL_TABLE(TABLE_ACTIVITY) | KQL_TABLE(TABLE_CONTROL_PLANE) | KQL_LEGACY);

    sc.part_from = 8;
    sc.part_to = 16;
    sc.accounts = sc.workspaces = names;
    sc.accounts_len = sc.workspaces_len = 1;
    sc.shards = 2;
    for (unsigned k = 0; k < KQL_STREAM_COUNT; k++) {
        CLEANUP(buf_release) struct buf b = text_of((enum kql_stream)k, &sc);
        size_t legs = times(&b, "ingestion_time() >= ");
        size_t pairs = k == KQL_TEXTS ? 4 : 0; /* those are cut by their activity */

        ck_assert_msg(times(&b, ", 64) < 16\n") == (pairs ? legs - pairs + 1 : legs), "stream %u", k);
        ck_assert_uint_eq(times(&b, "in~ (\"orders\")"), legs);
        ck_assert_uint_eq(times(&b, ", 2) == 0\n"), legs);
        ck_assert_uint_eq(times(&b, "(workspace(\"orders\")."), legs / 2); /* and our own */
        if (k == KQL_CONTROL) {
            ck_assert(has(&b, " == \"\" or ")); /* a row about no account is everybody's */
            ck_assert(has(&b, "project Type = \"CDBControlPlaneRequests\""));
        }
        if (k == KQL_REQUESTS) {
            ck_assert(has(&b, "project Type = \"CDBDataPlaneRequests\""));
            ck_assert(has(&b, "project Type = case(Category =~ \"MongoRequests\", \"CDBMongoRequests\""));
        }
    }
}
END_TEST

/* Outside its literals the text must not depend on what stands in them. */
static void without_literals(const char *text, struct buf *out)
{
    bool inside = false;

    for (const char *p = text; *p; p++) {
        if (inside && *p == '\\') {
            ck_assert(p[1] != '\0');
            p++;
        } else if (*p == '"') {
            inside = !inside;
            buf_add_char(out, '"');
        } else if (!inside) {
            buf_add_char(out, *p);
        }
    }
    ck_assert_msg(!inside, "a literal does not end");
}

START_TEST(hostile_names_cannot_leave_their_literal)
{
    static const char *const hostile[] = {
        "\"", "\\", "\\\"", "\"; drop", "a\" or \"\" == \"", "x\\", "'", "```", "// \"", "\"\"\"", "\xc3\xbc", "{}[]()",
    };
    char plain[] = "plain", *names[1] = { plain };
    struct kql_scope sc = scope(KQL_TABLE(TABLE_DATA_PLANE) | KQL_TABLE(TABLE_ACTIVITY) | KQL_TABLE(TABLE_QUERY_STATS) | KQL_LEGACY);

    for (unsigned s = 0; s < KQL_STREAM_COUNT; s++) {
        CLEANUP(buf_release) struct buf tame = BUF_INIT(1 << 20);

        sc.accounts = sc.workspaces = names;
        sc.accounts_len = sc.workspaces_len = 1;
        names[0] = plain;
        {
            CLEANUP(buf_release) struct buf b = text_of((enum kql_stream)s, &sc);

            without_literals(buf_cstr(&b), &tame);
        }
        for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
            CLEANUP(buf_release) struct buf b = BUF_INIT(1 << 20), bare = BUF_INIT(1 << 20);
            struct error err = { 0 };
            char *copy = strdup(hostile[i]);

            names[0] = copy;
            ck_assert_msg(kql_add_stream(&b, (enum kql_stream)s, &sc, &err) == 0, "%s", err.msg);
            without_literals(buf_cstr(&b), &bare);
            ck_assert_msg(strcmp(buf_cstr(&bare), buf_cstr(&tame)) == 0, "name %zu changes the query", i);
            free(copy);
        }
    }
}
END_TEST

START_TEST(control_bytes_in_a_name_are_refused)
{
    char bad[] = "a\nb", *names[1] = { bad };
    struct kql_scope sc = scope(KQL_TABLE(TABLE_DATA_PLANE));
    CLEANUP(buf_release) struct buf b = BUF_INIT(1 << 20);
    struct error err = { 0 };

    sc.accounts = names;
    sc.accounts_len = 1;
    ck_assert_int_eq(kql_add_stream(&b, KQL_REQUESTS, &sc, &err), -1);
    ck_assert_int_eq(err.code, ERR_CONFIG);
    ck_assert(strstr(err.msg, "accounts") != NULL);
}
END_TEST

START_TEST(rows_are_not_summarised_and_summaries_round_like_single_rows)
{
    struct kql_scope sc = scope(KQL_TABLE(TABLE_DATA_PLANE));
    CLEANUP(buf_release) struct buf sums = text_of(KQL_REQUESTS, &sc);

    ck_assert(has(&sums, "sum(tolong(RequestCharge * 1000 + 0.5))"));
    ck_assert(has(&sums, "by Type, TimeGenerated = bin(TimeGenerated, 60s)"));
    sc.is_rows = true;
    {
        CLEANUP(buf_release) struct buf rows = text_of(KQL_REQUESTS, &sc);

        ck_assert(!has(&rows, "summarize"));
    }
    sc.is_rows = false;
    sc.bin_ns = NS_PER_HOUR;
    {
        CLEANUP(buf_release) struct buf coarse = text_of(KQL_REQUESTS, &sc);

        ck_assert(has(&coarse, "bin(TimeGenerated, 3600s)"));
    }
}
END_TEST

START_TEST(control_rows_are_never_summarised)
{
    struct kql_scope sc = scope(KQL_TABLE(TABLE_CONTROL_PLANE) | KQL_TABLE(TABLE_ACTIVITY) | KQL_TABLE(TABLE_SECURITY_ALERT) | KQL_LEGACY);
    CLEANUP(buf_release) struct buf b = text_of(KQL_CONTROL, &sc);

    ck_assert(!has(&b, "summarize"));
    ck_assert(has(&b, "\"listkeys\""));
}
END_TEST

START_TEST(cutting_by_hash_shards_and_places_are_asked_for)
{
    struct kql_scope sc = scope(KQL_TABLE(TABLE_DATA_PLANE));

    sc.part_from = 16;
    sc.part_to = 32;
    sc.shard = 1;
    sc.shards = 3;
    sc.has_places = true;
    {
        CLEANUP(buf_release) struct buf b = text_of(KQL_REQUESTS, &sc);

        ck_assert(has(&b, ", 64) >= 16 and hash("));
        ck_assert(has(&b, ", 64) < 32\n"));
        ck_assert(has(&b, "hash(tolower(tostring(AccountName)), 3) == 1"));
        ck_assert(has(&b, "geo_info_from_ip_address("));
    }
    sc.part_to = 0;
    sc.shards = 0;
    sc.has_places = false;
    {
        CLEANUP(buf_release) struct buf b = text_of(KQL_REQUESTS, &sc);

        ck_assert(!has(&b, "hash("));
        ck_assert(!has(&b, "geo_info"));
    }
}
END_TEST

START_TEST(counting_knows_its_intervals)
{
    struct kql_scope sc = scope(KQL_TABLE(TABLE_DATA_PLANE));
    const int64_t e[3] = { sc.from_ns, sc.from_ns + NS_PER_MIN, sc.from_ns + 2 * NS_PER_MIN };
    CLEANUP(buf_release) struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20), none = BUF_INIT(1 << 20);
    struct error err = { 0 };

    ck_assert_int_eq(kql_add_count(&one, &sc, e, 1, &err), 0);
    ck_assert(has(&one, "by W = toint(0)"));
    ck_assert_int_eq(kql_add_count(&two, &sc, e, 2, &err), 0);
    ck_assert(has(&two, "by W = case(At < datetime(2026-08-20T10:01:00.1234567Z), 0, 1)"));
    ck_assert_int_eq(kql_add_count(&none, &sc, e, 0, &err), -1);
    ck_assert_int_eq(err.code, ERR_BUG);
}
END_TEST

START_TEST(activity_rows_concern_us_or_not)
{
    static const struct { const char *operation, *resource; bool want; } cases[] = {
        { "MICROSOFT.DOCUMENTDB/DATABASEACCOUNTS/LISTKEYS/ACTION", "", true },
        { "Microsoft.Storage/storageAccounts/listKeys/action", "/subscriptions/1", true },
        { "MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE", "/subscriptions/1", false },
        { "MICROSOFT.INSIGHTS/DIAGNOSTICSETTINGS/DELETE", "", true },
        { "microsoft.network/privateendpoints/write",
          "/subscriptions/1/resourcegroups/r/providers/microsoft.documentdb/databaseaccounts/a", true },
        { "MICROSOFT.SECURITYINSIGHTS/ALERTRULES/DELETE", "", true },
        { "MICROSOFT.SECURITYINSIGHTS/ALERTRULES/READ", "", false },
        { "MICROSOFT.X/NOTLISTKEYS/ACTION", "", false }, /* a word, not a part of one */
        { "MICROSOFT.X/NOTLISTKEYS/LISTKEYS/ACTION", "", true }, /* though one stands before it that is none */
        { "MICROSOFT.X/LISTKEYSTO/ACTION", "", false },
        { "MICROSOFT.X/\xc3\xa9LISTKEYS/ACTION", "", false },
        { "", "", false },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct record rec;

        record_clear(&rec);
        rec.table = TABLE_ACTIVITY;
        rec.text[F_OPERATION] = slice_of(cases[i].operation);
        rec.text[F_RESOURCE_ID] = slice_of(cases[i].resource);
        ck_assert_msg(concern_has(&rec) == cases[i].want, "%s", cases[i].operation);
        rec.table = TABLE_CONTROL_PLANE;
        ck_assert(concern_has(&rec));
        rec.table = TABLE_SECURITY_ALERT; /* by its type, or by what it is about */
        ck_assert(concern_has(&rec) == (slice_find_nocase(rec.text[F_RESOURCE_ID], SL("documentdb")) != SIZE_MAX));
        rec.text[F_OPERATION] = SL("CosmosDB_SqlInjection");
        ck_assert(concern_has(&rec));
    }
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        both_clocks_bound_every_table_half_open,
        missing_tables_are_empty_and_needed_columns_are_named_directly,
        only_the_wanted_tables_are_asked,
        every_table_is_read_in_its_streams_and_counted_as_often,
        a_text_is_sought_as_long_as_its_request_may_be_away,
        parts_accounts_and_old_categories_reach_every_leg,
        hostile_names_cannot_leave_their_literal,
        control_bytes_in_a_name_are_refused,
        rows_are_not_summarised_and_summaries_round_like_single_rows,
        control_rows_are_never_summarised,
        cutting_by_hash_shards_and_places_are_asked_for,
        counting_knows_its_intervals,
        activity_rows_concern_us_or_not,
    };

    return run_tests("source_kql", tests, ARRAY_LEN(tests));
}
