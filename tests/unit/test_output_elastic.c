/* What the elastic output promises: create with the record id, a verdict for each document, and no answer that is not
 * a bulk answer taken for one. SPDX-License-Identifier: Apache-2.0 */
#include "output_kit.h"

extern const struct output_ops output_elastic;

#define MINIMAL "url: '%s'\napi_key: '${env:TEST_SECRET}'\n"
#define ITEM(status, more) "{\"create\":{\"status\":" #status more "}}"
#define ERROR(type, reason) ",\"error\":{\"type\":\"" type "\",\"reason\":\"" reason "\"}"

static struct delivery_result each[100];

START_TEST(documents_are_created_under_their_record_ids)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(65536);
    struct json_object *action, *document;
    const char *at, *end;

    output_open(&output_elastic, MINIMAL "pipeline: 'a&b'\n");
    receiver_says("/_bulk", 200, "", "{\"errors\":false}", 1);
    OK(output_deliver(2, each, err));
    all_are(each, 2, DELIVERY_ACCEPTED);
    has_text(got(0)->target, "/_bulk?filter_path=errors,items.*.status");
    has_text(got(0)->target, "&require_data_stream=true&pipeline=a%26b");
    got_header(0, "Authorization: ApiKey s3cret-value");
    got_header(0, "Content-Type: application/x-ndjson");
    ck_assert_int_eq(got(0)->body.at[got(0)->body.len - 1], '\n');
    at = got(0)->body.at;
    end = strchr(at, '\n');
    buf_add(&line, at, (size_t)(end - at));
    action = kit_parse(&line);
    buf_clear(&line);
    at = end + 1;
    end = strchr(at, '\n');
    buf_add(&line, at, (size_t)(end - at));
    document = kit_parse(&line);
    ck_assert_str_eq(kit_at(action, "/create/_index"), "logs-cosmowatch.alert-default");
    ck_assert_str_eq(kit_at(action, "/create/_id"), kit_at(document, "/event/id"));
    (void)kit_at(document, "/@timestamp");
    json_object_put(action);
    json_object_put(document);
}
END_TEST

START_TEST(each_document_has_its_own_verdict)
{
    static const struct { const char *item; enum delivery_verdict wanted; const char *says; } cases[] = {
        { ITEM(201, ""), DELIVERY_ACCEPTED, "" },
        { ITEM(409, ERROR("version_conflict_engine_exception", "document already exists")), DELIVERY_ACCEPTED, "" },
        { ITEM(429, ERROR("es_rejected_execution_exception", "queue")), DELIVERY_RETRY, "es_rejected" },
        { ITEM(503, ERROR("unavailable_shards_exception", "no shard")), DELIVERY_RETRY, "no shard" },
        { ITEM(400, ERROR("document_parsing_exception", "field [x]")), DELIVERY_REFUSED, "field [x]" },
        { ITEM(400, ERROR("document_parsing_exception", "pipeline with id [x]")), DELIVERY_REFUSED, "pipeline" },
        { ITEM(400, ERROR("illegal_argument_exception", "cannot parse 'pipeline with id [x]', as an attacker wrote it")),
          DELIVERY_REFUSED, "cannot parse" },
        { ITEM(400, ERROR("validation_exception", "Validation Failed: 1: this action would add [2] shards, but this cluster "
                          "currently has [1000]/[1000] maximum normal shards open;")), DELIVERY_HOLD, "shards" },
        { ITEM(400, ERROR("illegal_argument_exception", "Validation Failed: 1: this action would add [2] total shards, but this "
                          "cluster currently has [3000]/[3000] maximum shards open;")), DELIVERY_HOLD, "shards" },
        { ITEM(400, ERROR("illegal_argument_exception", "pipeline with id [x] does not exist")), DELIVERY_HOLD, "pipeline" },
        { ITEM(400, ERROR("illegal_argument_exception", "no write index is defined for alias [x].")), DELIVERY_HOLD, "alias" },
        { ITEM(400, ERROR("index_closed_exception", "closed")), DELIVERY_HOLD, "closed" },
        { ITEM(403, ERROR("security_exception", "no privilege")), DELIVERY_HOLD, "no privilege" },
        { ITEM(404, ERROR("index_not_found_exception", "no such index")), DELIVERY_HOLD, "no such index" },
        { ITEM(201, ",\"failure_store\":\"used\""), DELIVERY_ACCEPTED, "" },
        { "{}", DELIVERY_RETRY, "says nothing" },
        { "{\"create\":7}", DELIVERY_RETRY, "says nothing" },
        { "null", DELIVERY_RETRY, "says nothing" },
    };
    CLEANUP(buf_release) struct buf body = BUF_INIT(65536);

    buf_add_str(&body, "{\"errors\":true,\"items\":[");
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_add_str(&body, i > 0 ? "," : "");
        buf_add_str(&body, cases[i].item);
    }
    buf_add_str(&body, "]}");
    output_open(&output_elastic, MINIMAL);
    receiver_says("/_bulk", 200, "", buf_cstr(&body), 1);
    OK(output_deliver(ARRAY_LEN(cases), each, err));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        ck_assert_msg(each[i].verdict == cases[i].wanted, "%s is %d", cases[i].item, (int)each[i].verdict);
        has_text(each[i].reason, cases[i].says);
    }
}
END_TEST

START_TEST(a_good_answer_that_is_none_of_a_bulk_request_accepts_nothing)
{
    static const char *const bodies[] = { "", "<html>", "[]", "{}", "{\"errors\":true}", "{\"errors\":true,\"items\":[]}", "7",
                                          "{\"errors\":false,\"items\":[{\"create\":{\"status\":201}}]}",
                                          "{\"errors\":false,\"items\":[{\"create\":{\"status\":201}},"
                                          "{\"create\":{\"status\":201}},{\"create\":{\"status\":201}}]}",
                                          "{\"errors\":false,\"items\":7", "null" };
    static const int statuses[] = { 200, 202, 204 }; /* of whatever stands before the cluster, too */

    output_open(&output_elastic, MINIMAL);
    for (size_t i = 0; i < ARRAY_LEN(bodies) * ARRAY_LEN(statuses); i++) {
        int status = statuses[i % ARRAY_LEN(statuses)];
        const char *body = bodies[i / ARRAY_LEN(statuses)];
        struct error failure = { 0 };

        receiver.says_len = 0;
        receiver_says("/_bulk", status, "", status == 204 ? "" : body, 1);
        ck_assert_msg(output_deliver(2, each, &failure) == -1 && failure.code == ERR_SERVER, "accepted: %s", body);
        has_text(failure.msg, "is this the cluster");
    }
}
END_TEST

START_TEST(whole_requests_follow_the_common_table)
{
    static const struct { int status; enum delivery_verdict wanted; } cases[] = {
        { 401, DELIVERY_HOLD }, { 403, DELIVERY_HOLD }, { 404, DELIVERY_HOLD }, { 429, DELIVERY_RETRY },
        { 503, DELIVERY_RETRY }, { 400, DELIVERY_REFUSED }, { 302, DELIVERY_HOLD },
    };

    output_open(&output_elastic, MINIMAL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        receiver.says_len = 0;
        receiver_says("/_bulk", cases[i].status, "Retry-After: 3\r\n", "because", 1);
        OK(output_deliver(2, each, err));
        all_are(each, 2, cases[i].wanted);
        has_text(each[0].reason, "because");
        ck_assert_int_eq(each[0].retry_after_ms, 3000);
    }
    receiver.says_len = 0;
    receiver_says("/_bulk", 400, "", "{\"error\":{\"type\":\"illegal_argument_exception\",\"reason\":\"request [/_bulk] contains "
                                     "unrecognized parameter: [require_data_stream]\"},\"status\":400}", 1);
    OK(output_deliver(2, each, err));
    all_are(each, 2, DELIVERY_HOLD);
    has_text(each[0].reason, "require_data_stream: false");
    receiver.says_len = 0;
    receiver_says("/_bulk", 413, "", "", 1);
    FAILS(output_deliver(2, each, err), ERR_LIMIT);
}
END_TEST

START_TEST(user_and_password_are_another_way_and_a_rotated_one_is_read_again)
{
    output_open(&output_elastic, "url: '%s'\nusername: elastic\npassword: '${env:TEST_SECRET}'\nrequire_data_stream: false\n");
    (void)setenv("TEST_SECRET", "rotated", 1);
    receiver_says("/_bulk", 401, "", "{}", 1);
    receiver_says("/_bulk", 200, "", "{\"errors\":false}", 1);
    OK(output_deliver(1, each, err));
    all_are(each, 1, DELIVERY_ACCEPTED);
    got_header(0, "Authorization: Basic ZWxhc3RpYzpzM2NyZXQtdmFsdWU=");
    got_header(1, "Authorization: Basic ZWxhc3RpYzpyb3RhdGVk");
    ck_assert(!strstr(got(0)->target, "require_data_stream"));
}
END_TEST

START_TEST(settings_that_cannot_work_are_refused_at_the_start)
{
    has_text(output_refuses(&output_elastic, MINIMAL "index: Logs-Alerts\n"), "lower case");
    has_text(output_refuses(&output_elastic, MINIMAL "index: ''\n"), "index");
    has_text(output_refuses(&output_elastic, MINIMAL "index: _alerts\n"), "must not begin");
    has_text(output_refuses(&output_elastic, MINIMAL "index: 'a,b'\n"), "lower case");
    has_text(output_refuses(&output_elastic, MINIMAL "username: u\npassword: '${env:TEST_SECRET}'\n"), "exclude");
    has_text(output_refuses(&output_elastic, "url: http://elastic.example:9200\n"), "plain http");
}
END_TEST

OUTPUT_MAIN("output_elastic", documents_are_created_under_their_record_ids, each_document_has_its_own_verdict,
            a_good_answer_that_is_none_of_a_bulk_request_accepts_nothing, whole_requests_follow_the_common_table,
            user_and_password_are_another_way_and_a_rotated_one_is_read_again,
            settings_that_cannot_work_are_refused_at_the_start)
