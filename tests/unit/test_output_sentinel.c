/* What the sentinel output promises: one JSON array of the table's rows, gzip, under a megabyte; only 204 is accepted;
 * each refusal of the service ends as the verdict that keeps the alerts and says what to do.
 * SPDX-License-Identifier: Apache-2.0 */
#include "output_kit.h"

extern const struct output_ops output_sentinel;

#define RULE "dcr-0123456789abcdef0123456789abcdef"
#define AUTH                                                                                       \
    "auth: { type: client_secret, tenant: 11111111-1111-1111-1111-111111111111, "                  \
    "client_id: 22222222-2222-2222-2222-222222222222, client_secret: '${env:TEST_SECRET}', authority: '%s' }\n"
#define MINIMAL "endpoint: '%s'\nrule: " RULE "\n" AUTH
#define REFUSAL(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}"

static struct delivery_result each[1000];

START_TEST(rows_go_as_one_compressed_array_to_the_stream_of_the_rule)
{
    struct json_object *rows;

    output_open(&output_sentinel, MINIMAL);
    receiver_says("/dataCollectionRules", 204, "", "", 1);
    OK(output_deliver(3, each, err));
    all_are(each, 3, DELIVERY_ACCEPTED);
    ck_assert_str_eq(got(0)->method, "POST");
    ck_assert_str_eq(got(0)->target,
                     "/dataCollectionRules/" RULE "/streams/Custom-CosmosWatchAlerts?api-version=2023-01-01");
    got_header(0, "Authorization: Bearer t0ken-one");
    got_header(0, "Content-Type: application/json");
    got_header(0, "x-ms-client-request-id: ");
    ck_assert(got(0)->was_gzip);
    rows = kit_parse(&got(0)->body);
    ck_assert_uint_eq(json_object_array_length(rows), 3);
    ck_assert_uint_eq(strlen(kit_at(rows, "/2/SystemAlertId")), 36);
    ck_assert_str_eq(kit_at(rows, "/2/ClientIpAddress"), "198.51.0.2");
    json_object_put(rows);
}
END_TEST

START_TEST(the_table_decides_the_columns)
{
    static const struct { const char *table, *column; } cases[] = {
        { "custom", "/0/SystemAlertId" }, { "asim", "/0/EventUid" }, { "common_security_log", "/0/DeviceEventClassID" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct json_object *rows;
        char yaml[1000];

        (void)snprintf(yaml, sizeof yaml, "%stable: %s\nstream: Custom-Other\n", MINIMAL, cases[i].table);
        output_open(&output_sentinel, yaml);
        receiver_says("/streams/Custom-Other", 204, "", "", 1);
        OK(output_deliver(1, each, err));
        rows = kit_parse(&got((int)i)->body);
        (void)kit_at(rows, cases[i].column);
        json_object_put(rows);
    }
}
END_TEST

START_TEST(a_full_batch_stays_under_the_limit)
{
    struct output_item items[500];
    static char row[2000];
    struct alert *a = alert_nth(0);
    struct error failure = { 0 };
    size_t per = output_sentinel.batch_bytes_max / output_sentinel.batch_max;

    ck_assert_uint_eq(output_sentinel.batch_max, ARRAY_LEN(items));
    ck_assert_uint_lt(per, sizeof row);
    memset(row, 'x', sizeof row);
    (void)snprintf(row, sizeof row, "{\"A\":\"%0*d\"}", (int)per - 8, 0);
    for (size_t i = 0; i < ARRAY_LEN(items); i++)
        items[i] = (struct output_item){ .alert = a, .payload = slice_of(row) };
    output_open(&output_sentinel, MINIMAL);
    receiver_says("/dataCollectionRules", 204, "", "", 1);
    ck_assert_int_eq(output_sentinel.deliver(output, items, ARRAY_LEN(items), each, &failure), 0);
    ck_assert_uint_le(got(0)->body.len, 1000000);
    ck_assert_uint_gt(got(0)->body.len, 990000);
    alert_free(a);
}
END_TEST

START_TEST(only_204_is_accepted)
{
    static const int statuses[] = { 200, 201, 202, 206, 299 };

    output_open(&output_sentinel, MINIMAL);
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        receiver_says("/dataCollectionRules", statuses[i], "", "{}", 1);
        FAILS(output_deliver(1, each, err), ERR_SERVER);
    }
}
END_TEST

START_TEST(refusals_keep_the_alerts_and_say_what_to_do)
{
    static const struct { int status; const char *body; enum error_code code; const char *says; } cases[] = {
        { 400, REFUSAL("InvalidStream", "The stream Custom-X was not configured in rule"), ERR_CONFIG, "Custom-X" },
        { 400, REFUSAL("InvalidTransformOutput", "columns"), ERR_CONFIG, "columns" },
        { 400, REFUSAL("InvalidContentEncoding", "gzip"), ERR_CONFIG, "gzip" },
        { 400, REFUSAL("InvalidApiVersion", "version"), ERR_CONFIG, "version" },
        { 400, REFUSAL("InvalidDcrId", "rule"), ERR_CONFIG, "rule" },
        { 401, REFUSAL("InvalidToken", "no"), ERR_AUTH, "new token" },
        { 403, REFUSAL("OperationFailed", "does not have access"), ERR_DENIED, "half an hour" },
        { 404, REFUSAL("NotFound", "rule not found"), ERR_NOT_FOUND, "one region" },
        { 307, "", ERR_CONFIG, "endpoint" },
        { 413, REFUSAL("ContentLengthLimitExceeded", "1 MB"), ERR_LIMIT, "1 MB" },
        { 429, REFUSAL("TooManyRequests", "slow"), ERR_BUSY, "slow down" },
        { 503, "", ERR_BUSY, "503" },
        { 500, "<html>", ERR_SERVER, "500" },
    };

    output_open(&output_sentinel, MINIMAL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct error failure = { 0 };

        receiver_says("/dataCollectionRules", cases[i].status, "Retry-After: 7\r\n", cases[i].body,
                      cases[i].status == 401 ? 2 : 1);
        ck_assert_msg(output_deliver(2, each, &failure) == -1, "status %d is accepted", cases[i].status);
        ck_assert_msg(failure.code == cases[i].code, "status %d: %s: %s", cases[i].status,
                      error_code_name(failure.code), failure.msg);
        has_text(failure.msg, cases[i].says);
        has_no_secret(failure.msg);
        ck_assert_int_eq(failure.retry_after_ms, 7000);
    }
}
END_TEST

START_TEST(a_bad_row_refuses_the_batch_for_the_queue_to_halve)
{
    output_open(&output_sentinel, MINIMAL);
    receiver_says("/dataCollectionRules", 400, "", REFUSAL("InvalidPayload", "row 1 is no row"), 1);
    OK(output_deliver(2, each, err));
    all_are(each, 2, DELIVERY_REFUSED);
    has_text(each[1].reason, "row 1 is no row");
}
END_TEST

START_TEST(a_role_that_is_denied_for_long_is_not_merely_new)
{
    struct error failure = { 0 };

    output_open(&output_sentinel, MINIMAL);
    receiver_says("/dataCollectionRules", 403, "", REFUSAL("OperationFailed", "no access"), 2);
    receiver_says("/dataCollectionRules", 204, "", "", 1);
    receiver_says("/dataCollectionRules", 403, "", REFUSAL("OperationFailed", "no access"), 1);
    ck_assert_int_eq(output_deliver(1, each, &failure), -1);
    ck_assert(!strstr(failure.msg, "longer than"));
    fake_services_pass(&world, 31 * 60 * 1000);
    ck_assert_int_eq(output_deliver(1, each, &failure), -1);
    has_text(failure.msg, "denied for 31m");
    has_text(failure.msg, "Monitoring Metrics Publisher");
    OK(output_deliver(1, each, err)); /* granted: the run is over */
    failure = (struct error){ 0 };
    ck_assert_int_eq(output_deliver(1, each, &failure), -1);
    ck_assert(!strstr(failure.msg, "longer than"));
}
END_TEST

START_TEST(the_probe_passes_token_role_rule_and_stream_and_stores_nothing)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(1000);

    output_open(&output_sentinel, MINIMAL);
    receiver_says("/dataCollectionRules", 204, "", "", 1);
    OK(output_sentinel.probe(output, &said, err));
    ck_assert(slice_eq(buf_slice(&got(0)->body), SL("[]")));
    has_text(buf_cstr(&said), RULE);
    has_no_secret(buf_cstr(&said));
    receiver_says("/dataCollectionRules", 400, "", REFUSAL("InvalidPayload", "empty"), 1);
    OK(output_sentinel.probe(output, &said, err));
    receiver_says("/dataCollectionRules", 500, "", "", 1);
    OK(output_sentinel.probe(output, &said, err));
    receiver_says("/dataCollectionRules", 403, "", REFUSAL("OperationFailed", "no"), 1);
    FAILS(output_sentinel.probe(output, &said, err), ERR_DENIED);
    receiver_says("/dataCollectionRules", 400, "", REFUSAL("InvalidStream", "no"), 1);
    FAILS(output_sentinel.probe(output, &said, err), ERR_CONFIG);
}
END_TEST

START_TEST(settings_that_cannot_work_are_refused_at_the_start)
{
    has_text(output_refuses(&output_sentinel, "endpoint: '%s'\nrule: my-rule\n"), "immutable id");
    has_text(output_refuses(&output_sentinel, "endpoint: '%s'\nrule: dcr-0123456789abcdef0123456789abcdeg\n"), "immutable id");
    has_text(output_refuses(&output_sentinel, "endpoint: '%s'\nrule: ''\n"), "rule");
    has_text(output_refuses(&output_sentinel, MINIMAL "stream: ''\n"), "stream");
    has_text(output_refuses(&output_sentinel, "rule: " RULE "\n"), "endpoint");
    has_text(output_refuses(&output_sentinel, MINIMAL "stream: CosmosWatchAlerts_CL\n"), "Custom-");
    has_text(output_refuses(&output_sentinel, MINIMAL "table: SecurityAlert\n"), "common_security_log");
}
END_TEST

OUTPUT_MAIN("output_sentinel", rows_go_as_one_compressed_array_to_the_stream_of_the_rule, the_table_decides_the_columns,
            a_full_batch_stays_under_the_limit, only_204_is_accepted, refusals_keep_the_alerts_and_say_what_to_do,
            a_bad_row_refuses_the_batch_for_the_queue_to_halve, a_role_that_is_denied_for_long_is_not_merely_new,
            the_probe_passes_token_role_rule_and_stream_and_stores_nothing,
            settings_that_cannot_work_are_refused_at_the_start)
