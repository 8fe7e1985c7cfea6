/* What decode_export promises: every form of exported rows, found out from the bytes; a bad line costs
 * itself only.
 * SPDX-License-Identifier: Apache-2.0 */
#include "test_record_kit.h"

#include <stdio.h>

#define ROW(name) "{\"Type\":\"CDBDataPlaneRequests\",\"UserAgent\":\"" name "\"}"
#define RAW(name)                                                                                  \
    "{\"time\":\"2026-05-04T10:00:00Z\",\"resourceId\":\"/S/DATABASEACCOUNTS/ACC\","               \
    "\"category\":\"DataPlaneRequests\",\"operationName\":\"Read\",\"properties\":{\"userAgent\":\"" name \
    "\",\"statusCode\":\"201\"}}"
#define ANSWER                                                                                     \
    "{\"tables\":[{\"columns\":[{\"name\":\"Type\"},{\"name\":\"UserAgent\"}],\"rows\":"           \
    "[[\"CDBDataPlaneRequests\",\"one\"],[\"CDBDataPlaneRequests\",\"two\"]]}]}"

START_TEST(every_form_gives_its_rows)
{
    static const struct {
        const char *form, *text;
        int64_t records;
    } cases[] = {
        { "nothing", "", 0 },
        { "blank", " \n\t\r\n", 0 },
        { "query answer", ANSWER, 2 },
        { "pretty query answer",
          "{\n  \"name\": 1,\n  \"tables\": [ { \"columns\":\n [{\"name\":\"Type\"},{\"name\":\"UserAgent\"}],\n"
          "\"rows\": [\n [\"CDBDataPlaneRequests\",\"one\"],\n [\"CDBDataPlaneRequests\",\"two\"] ] } ]\n}\n", 2 },
        { "answers, one a line", ANSWER "\n" ANSWER "\n", 4 },
        { "list of answers", "[" ANSWER "," ANSWER "]", 4 },
        { "one row", ROW("one"), 1 },
        { "one row with byte order mark", "\xEF\xBB\xBF" ROW("one"), 1 },
        { "pretty row", "{\n \"Type\": \"CDBDataPlaneRequests\",\n \"UserAgent\": \"one\"\n}\n", 1 },
        { "pretty rows", "{\n \"Type\": \"CDBDataPlaneRequests\",\n \"UserAgent\": \"one\"\n}\n"
                         "{\n \"Type\": \"CDBDataPlaneRequests\",\n \"UserAgent\": \"two\"\n}\n", 2 },
        { "list", "[" ROW("one") "," ROW("two") "]", 2 },
        { "list over lines", "[\n" ROW("one") ",\n" ROW("two") "\n]\n", 2 },
        { "empty list", "[]", 0 },
        { "lists, one a line", "[" ROW("one") "]\n[" ROW("two") "]\n", 2 },
        { "lines", ROW("one") "\n" ROW("two") "\n", 2 },
        { "lines of Windows", ROW("one") "\r\n\r\n" ROW("two"), 2 },
        { "concatenated", ROW("one") ROW("two") " " ROW("one"), 3 },
        { "concatenated in lines", ROW("one") ROW("two") "\n" ROW("one"), 3 },
        { "envelope", "{\"records\":[" RAW("one") "," RAW("two") "]}", 2 },
        { "empty envelope", "{\"records\":[]}", 0 },
        { "envelopes, one a line", "{\"records\":[" RAW("one") "]}\n{\"records\":[" RAW("two") "]}\n", 2 },
        { "envelopes concatenated", "{\"records\":[" RAW("one") "]}{\"records\":[" RAW("two") "]}", 2 },
        { "list of envelopes", "[{\"records\":[" RAW("one") "]},{\"records\":[" RAW("two") "]}]", 2 },
        { "envelope over lines", "{\n\"records\": [\n" RAW("one") ",\n" RAW("two") "\n]\n}", 2 },
        { "blob lines", RAW("one") "\n" RAW("two") "\n", 2 },
        { "old blob", "[\n" RAW("one") ",\n" RAW("two") "\n]", 2 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kit k = kit_export(slice_of(cases[i].text));

        ck_assert_msg(k.rc == 0, "%s: %s", cases[i].form, k.err.msg);
        ck_assert_msg(k.result.records == cases[i].records && k.result.bad == 0,
                      "%s: %lld records, %lld bad: %s", cases[i].form, (long long)k.result.records,
                      (long long)k.result.bad, buf_cstr(&k.bad));
        if (cases[i].records)
            ck_assert_msg(kit_has(&k.records, "user_agent=one"), "%s", cases[i].form);
        if (cases[i].records > 1)
            ck_assert_msg(kit_has(&k.records, "user_agent=two"), "%s", cases[i].form);
        kit_release(&k);
    }
}
END_TEST

START_TEST(a_bad_line_costs_itself_only)
{
    static const char *const lines[] = {
        "garbage", "{", "}", "{\"Type\":", "{\"Type\":\"CDBDataPlaneRequests\",\"UserAgent\":\"x",
        "{'Type':'CDBDataPlaneRequests'}", "{\"a\":1}}", "7", "\"text\"", "null", "{\"a\":1} x", "\x01\x02",
        "[1,2", "{\"Type\":\"CDBDataPlaneRequests\",\"UserAgent\":[[1]]}", "{\"records\":[7]}",
        "{\"records\":[{\"category\":\"DataPlaneRequests\",\"properties\":{\"a\":nul}}]}",
        "{\"UserAgent\":\"x\"}", "{}", "<b>",
    };

    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        for (int at = 0; at < 3; at++) {
            struct buf text = BUF_INIT(65536);
            struct kit k;

            for (int n = 0; n < 3; n++) {
                if (n == at)
                    buf_addf(&text, "%s\n", lines[i]);
                buf_add_str(&text, ROW("good") "\n");
            }
            k = kit_export(buf_slice(&text));
            ck_assert_msg(k.rc == 0, "'%s' as line %d: %s", lines[i], at, k.err.msg);
            ck_assert_msg(k.result.records == 3, "'%s' as line %d: %lld records", lines[i], at,
                          (long long)k.result.records);
            ck_assert_msg(k.result.bad >= 1, "'%s' as line %d passed", lines[i], at);
            kit_release(&k);
            buf_release(&text);
        }
    }
}
END_TEST

START_TEST(invalid_utf8_in_one_line_is_replaced)
{
    struct kit k = kit_export(SL(ROW("good") "\n" ROW("b\xff" "d") "\n" ROW("good")));

    ck_assert_int_eq(k.result.records, 3);
    ck_assert(kit_has(&k.records, "user_agent=b\xEF\xBF\xBD" "d"));
    kit_release(&k);

    k = kit_export(SL("[" ROW("good") "," ROW("b\xff" "d") "]"));
    ck_assert_int_eq(k.result.records, 2);
    ck_assert(kit_has(&k.records, "user_agent=b\xEF\xBF\xBD" "d"));
    kit_release(&k);
}
END_TEST

START_TEST(the_table_is_named_by_type_then_category_then_hint)
{
    static const struct {
        const char *text;
        enum table hint;
        const char *want; /* NULL: bad; "": skipped */
    } cases[] = {
        { "{\"Type\":\"CDBMongoRequests\",\"Category\":\"DataPlaneRequests\"}", TABLE_ACTIVITY,
          "CDBMongoRequests" },
        { "{\"type\":\"cdbmongorequests\"}", TABLE_NONE, "CDBMongoRequests" },
        { "{\"Type\":\"\",\"CATEGORY\":\"dataplanerequests\"}", TABLE_ACTIVITY, "CDBDataPlaneRequests" },
        { "{\"Type\":\"AzureDiagnostics\",\"Category\":\"MongoRequests\"}", TABLE_NONE,
          "CDBMongoRequests" },
        { "{\"Caller\":\"x\"}", TABLE_ACTIVITY, "AzureActivity" },
        { "{\"Caller\":\"x\"}", TABLE_NONE, NULL },
        { "{\"Type\":\"Heartbeat\"}", TABLE_ACTIVITY, "" },
        { "{\"category\":\"AuditEvent\"}", TABLE_ACTIVITY, "" },
        { "{\"Type\":\"AzureDiagnostics\",\"Category\":\"AuditEvent\"}", TABLE_NONE, "" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kit k = kit_decode(slice_of(cases[i].text), true, cases[i].hint);

        ck_assert_int_eq(k.rc, 0);
        if (!cases[i].want) {
            ck_assert_int_eq(k.result.bad, 1);
            ck_assert(kit_has(&k.bad, "no table named"));
        } else if (!*cases[i].want) {
            ck_assert_msg(k.result.skipped == 1, "%s", cases[i].text);
        } else {
            ck_assert_msg(slice_starts(buf_slice(&k.records), slice_of(cases[i].want)), "%s: %s",
                          cases[i].text, buf_cstr(&k.records));
        }
        kit_release(&k);
    }
}
END_TEST

START_TEST(names_come_in_any_case_and_any_order)
{
    struct kit k = kit_export(
        SL("{\"STATUSCODE\":\"404\",\"useragent\":\"a\",\"tYPE\":\"CDBDataPlaneRequests\"}\n"
           "{\"UserAgent\":\"b\",\"Type\":\"CDBDataPlaneRequests\",\"StatusCode\":404}\n"
           "{\"Type\":\"CDBDataPlaneRequests\",\"StatusCode\":404,\"UserAg\\u0065nt\":\"c\"}\n"));

    ck_assert_str_eq(buf_cstr(&k.records),
                     "CDBDataPlaneRequests NoSQL no time status 404 count 1\n  user_agent=a\n"
                     "CDBDataPlaneRequests NoSQL no time status 404 count 1\n  user_agent=b\n"
                     "CDBDataPlaneRequests NoSQL no time status 404 count 1\n  user_agent=c\n");
    kit_release(&k);
}
END_TEST

START_TEST(a_name_that_comes_twice_has_its_last_value)
{
    struct kit k = kit_export(SL("{\"Type\":\"CDBDataPlaneRequests\",\"UserAgent\":\"a\",\"UserAgent\":\"b\"}"));

    ck_assert(kit_has(&k.records, "user_agent=b\n"));
    kit_release(&k);
}
END_TEST

START_TEST(an_account_is_named_by_the_resource_of_a_row_of_the_activity_log)
{
    static const struct { const char *id, *account; } cases[] = {
        { "microsoft.documentdb/databaseaccounts/orders/sqldatabases/shop", "orders" },
        { "Microsoft.DocumentDB/mongoClusters/carts/firewallRules/home", "carts" },
        { "microsoft.documentdb/garnetclusters/cache", "cache" },
        { "microsoft.documentdb/locations/westeurope/restorabledatabaseaccounts/0a0a0a0a-1111-4222-8333-444444444444", NULL },
        { "microsoft.storage/storageaccounts/blobs", NULL },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char row[512], want[64];
        int n = snprintf(row, sizeof row, "{\"Type\":\"AzureActivity\",\"OperationNameValue\":\"microsoft.documentdb/a/write\","
                         "\"_ResourceId\":\"/subscriptions/1/resourcegroups/rg/providers/%s\"}", cases[i].id);
        struct kit k = kit_export(slice_make(row, (size_t)n));

        (void)snprintf(want, sizeof want, " account=%s\n", cases[i].account ? cases[i].account : "");
        ck_assert_msg(kit_has(&k.records, want) == (cases[i].account != NULL), "%s: %s", cases[i].id, buf_cstr(&k.records));
        ck_assert_msg(kit_has(&k.records, " account=") == (cases[i].account != NULL), "%s", cases[i].id);
        kit_release(&k);
    }
}
END_TEST

START_TEST(changing_shapes_do_not_mix)
{
    struct buf text = BUF_INIT(1 << 20);
    struct kit k;

    /* More shapes than are remembered, one after the other and again. */
    for (int round = 0; round < 3; round++) {
        for (int n = 0; n < 20; n++) {
            buf_add_str(&text, "{\"Type\":\"CDBDataPlaneRequests\"");
            for (int i = 0; i < n; i++)
                buf_addf(&text, ",\"x%d\":%d", i, i);
            buf_addf(&text, ",\"UserAgent\":\"agent-%d\"%s}\n", n, n % 2 ? ",\"StatusCode\":200" : "");
        }
    }
    k = kit_export(buf_slice(&text));
    ck_assert_int_eq(k.result.records, 60);
    buf_clear(&text);
    for (int round = 0; round < 3; round++) {
        for (int n = 0; n < 20; n++)
            buf_addf(&text, "CDBDataPlaneRequests NoSQL no time status %d count 1\n  user_agent=agent-%d\n",
                     n % 2 ? 200 : -1, n);
    }
    ck_assert_str_eq(buf_cstr(&k.records), buf_cstr(&text));
    kit_release(&k);
    buf_release(&text);
}
END_TEST

START_TEST(a_cut_document_is_an_error_and_delivers_nothing_wrong)
{
    static const char *const texts[] = {
        "[" ROW("one") "," ROW("two\\n") "]",
        "{\"records\":[" RAW("one") "," RAW("tw\xC3\xB6") "]}",
        "{\n\"records\": [\n" RAW("one") ",\n" RAW("two") "\n]\n}",
        ANSWER,
    };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct slice whole = slice_of(texts[i]);
        struct kit full = kit_export(whole);

        for (size_t n = 1; n < whole.len; n++) {
            struct kit k = kit_export(slice_make(whole.at, n));

            ck_assert_msg(k.rc == -1 || k.result.bad > 0, "text %zu cut at %zu passed", i, n);
            ck_assert_msg(slice_starts(buf_slice(&full.records), buf_slice(&k.records)) ||
                              kit_has(&full.records, buf_cstr(&k.records)),
                          "text %zu cut at %zu: %s", i, n, buf_cstr(&k.records));
            kit_release(&k);
        }
        kit_release(&full);
    }
}
END_TEST

START_TEST(the_last_line_may_be_cut)
{
    struct kit k = kit_export(SL(ROW("one") "\n" ROW("two") "\n{\"Type\":\"CDBDataPlane"));

    ck_assert_int_eq(k.rc, 0);
    ck_assert_int_eq(k.result.records, 2);
    ck_assert_int_eq(k.result.bad, 1);
    kit_release(&k);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        every_form_gives_its_rows,
        a_bad_line_costs_itself_only,
        invalid_utf8_in_one_line_is_replaced,
        the_table_is_named_by_type_then_category_then_hint,
        names_come_in_any_case_and_any_order,
        a_name_that_comes_twice_has_its_last_value,
        an_account_is_named_by_the_resource_of_a_row_of_the_activity_log,
        changing_shapes_do_not_mix,
        a_cut_document_is_an_error_and_delivers_nothing_wrong,
        the_last_line_may_be_cut,
    };

    return run_tests("exports", tests, ARRAY_LEN(tests));
}
