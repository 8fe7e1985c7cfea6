/* What record/tables.h promises: names in any case, the legacy suffixes, statuses of native codes.
 * SPDX-License-Identifier: Apache-2.0 */
#include "record/tables.h"
#include "test_record_kit.h"

START_TEST(columns_are_sorted_by_name)
{
    size_t n;
    const struct column *c = columns_all(&n);

    for (size_t i = 1; i < n; i++)
        ck_assert_msg(strcmp(c[i - 1].name, c[i].name) <= 0, "%s before %s", c[i - 1].name, c[i].name);
    for (size_t i = 0; i < n; i++) {
        for (const char *p = c[i].name; *p; p++)
            ck_assert_msg(*p < 'A' || *p > 'Z', "%s is not lower case", c[i].name);
    }
}
END_TEST

START_TEST(columns_are_found_in_any_case_and_with_legacy_suffixes)
{
    static const struct {
        const char *name;
        enum table table;
        enum column_form form;
        bool found;
        enum field field;
        enum means means;
    } cases[] = {
        { "ClientIpAddress", TABLE_DATA_PLANE, FORM_TABLE, true, F_ADDRESS, MEANS_ADDRESS },
        { "clientipaddress", TABLE_DATA_PLANE, FORM_TABLE, true, F_ADDRESS, MEANS_ADDRESS },
        { "clientIpAddress_s", TABLE_DATA_PLANE, FORM_RAW, true, F_ADDRESS, MEANS_ADDRESS },
        { "clientIpAddress_s", TABLE_DATA_PLANE, FORM_TABLE, false, 0, 0 },
        { "clientIpAddress_x", TABLE_DATA_PLANE, FORM_RAW, false, 0, 0 },
        { "activityId_g", TABLE_DATA_PLANE, FORM_RAW, true, F_ACTIVITY_ID, MEANS_TEXT },
        { "duration_d", TABLE_DATA_PLANE, FORM_RAW, true, 0, MEANS_DURATION_MS },
        { "requestCharge_s", TABLE_MONGO, FORM_RAW, true, 0, MEANS_RU },
        { "Claims_d", TABLE_ACTIVITY, FORM_TABLE, true, 0, MEANS_CLAIMS },
        { "UserAgent", TABLE_QUERY_STATS, FORM_TABLE, true, F_USER_AGENT, MEANS_TEXT },
        { "useragent", TABLE_QUERY_STATS, FORM_RAW, false, 0, 0 },
        { "useragent_s", TABLE_QUERY_STATS, FORM_RAW, false, 0, 0 },
        { "partialipaddress", TABLE_QUERY_STATS, FORM_RAW, false, 0, 0 },
        { "TotalRequestCharge", TABLE_DATA_PLANE_5M, FORM_TABLE, true, 0, MEANS_RU },
        { "TotalRequestCharge", TABLE_DATA_PLANE, FORM_TABLE, false, 0, 0 },
        { "SampleCount", TABLE_DATA_PLANE_15M, FORM_TABLE, true, 0, MEANS_COUNT },
        { "RowCount", TABLE_DATA_PLANE, FORM_TABLE, true, 0, MEANS_COUNT },
        { "Caller", TABLE_DATA_PLANE, FORM_TABLE, false, 0, 0 },
        { "", TABLE_DATA_PLANE, FORM_RAW, false, 0, 0 },
        { "_s", TABLE_DATA_PLANE, FORM_RAW, false, 0, 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct column *c =
            column_find(slice_of(cases[i].name), cases[i].table, cases[i].form);

        ck_assert_msg((c != NULL) == cases[i].found, "case %zu: %s", i, cases[i].name);
        if (c) {
            ck_assert_msg(c->means == cases[i].means, "case %zu: %s", i, cases[i].name);
            ck_assert_msg(c->field == cases[i].field, "case %zu: %s", i, cases[i].name);
        }
    }
}
END_TEST

START_TEST(tables_have_names_and_categories)
{
    for (int t = 1; t < TABLE_COUNT; t++)
        ck_assert_int_eq(table_from_name(slice_of(table_name((enum table)t))), t);
    ck_assert_int_eq(table_from_name(SL("cdbdataplanerequests5m")), TABLE_DATA_PLANE_5M);
    ck_assert_int_eq(table_from_name(SL("AzureDiagnostics")), TABLE_NONE);
    ck_assert_int_eq(table_from_name(SL("")), TABLE_NONE);
    ck_assert_int_eq(table_from_category(SL("dataPLANErequests")), TABLE_DATA_PLANE);
    ck_assert_int_eq(table_from_category(SL("MongoRequests")), TABLE_MONGO);
    ck_assert_int_eq(table_from_category(SL("PartitionKeyStatistics")), TABLE_NONE);
    ck_assert_int_eq(table_from_category(SL("")), TABLE_NONE);
    ck_assert_str_eq(api_name(API_NOSQL), "NoSQL");
    ck_assert_str_eq(api_name((enum api)99), "Unknown");
}
END_TEST

START_TEST(native_error_codes_become_statuses)
{
    static const struct {
        enum table table;
        const char *code;
        int32_t want;
    } cases[] = {
        { TABLE_MONGO, "0", 200 },        { TABLE_MONGO, "16500", 429 },  { TABLE_MONGO, "429", 429 },
        { TABLE_MONGO, "50", 400 },       { TABLE_MONGO, "18", 401 },     { TABLE_MONGO, "13", 401 },
        { TABLE_CASSANDRA, "-1", 200 },   { TABLE_CASSANDRA, "0", 400 },  { TABLE_CASSANDRA, "8448", 401 },
        { TABLE_CASSANDRA, "256", 401 },  { TABLE_CASSANDRA, "4097", 429 }, { TABLE_CASSANDRA, "8704", 400 },
        { TABLE_GREMLIN, "0", 200 },      { TABLE_GREMLIN, "401", 401 },  { TABLE_GREMLIN, "429", 429 },
        { TABLE_GREMLIN, "500", 400 },    { TABLE_TABLE_API, "0", 200 },  { TABLE_TABLE_API, "403", 401 },
        { TABLE_TABLE_API, "409", 400 },  { TABLE_TABLE_API, "wrong", 400 }, { TABLE_MONGO, "", -1 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(status_from_error_code(cases[i].table, slice_of(cases[i].code)) == cases[i].want,
                      "%s of %s", cases[i].code, table_name(cases[i].table));
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        columns_are_sorted_by_name,
        columns_are_found_in_any_case_and_with_legacy_suffixes,
        tables_have_names_and_categories,
        native_error_codes_become_statuses,
    };

    return run_tests("tables", tests, ARRAY_LEN(tests));
}
