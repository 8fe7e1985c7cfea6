/* What the splunk_hec output promises: events that Enterprise Security finds, codes that decide where a status would
 * mislead, and with acknowledgement nothing accepted before the indexer has it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "output_kit.h"

extern const struct output_ops output_splunk_hec;

#define MINIMAL "url: '%s/'\ntoken: '${env:TEST_SECRET}'\n"
#define CODE(n, text) "{\"text\":\"" text "\",\"code\":" #n "}"
#define GUID_HEADER "X-Splunk-Request-Channel: "

static struct delivery_result each[100];

static struct json_object *first_event(const struct received *r)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
    const char *end = memchr(r->body.at, '\n', r->body.len);

    ck_assert_ptr_nonnull(end);
    buf_add(&line, r->body.at, (size_t)(end - r->body.at));
    return kit_parse(&line);
}

START_TEST(an_event_has_the_common_names_at_the_top_and_the_whole_alert_inside)
{
    static const struct { const char *path, *wanted; } cases[] = {
        { "/source", "cosmowatch" }, { "/sourcetype", "cosmowatch:alert" }, { "/index", "security" }, { "/host", "h" },
        { "/event/app", "cosmowatch" }, { "/event/signature_id", "CosmosDB_TorAnomaly" },
        { "/event/severity", "informational" }, { "/event/src", "198.51.0.0" }, { "/event/dest", "contoso-orders" },
        { "/event/type", "alert" }, { "/event/alert/severity", "Informational" },
    };
    struct json_object *event;
    double time;

    output_open(&output_splunk_hec, MINIMAL "index: security\nhost: h\n");
    receiver_says("/services", 200, "", CODE(0, "Success"), 1);
    OK(output_deliver(3, each, err));
    all_are(each, 3, DELIVERY_ACCEPTED);
    ck_assert_str_eq(got(0)->target, "/services/collector/event");
    got_header(0, "Authorization: Splunk s3cret-value");
    ck_assert(!strcasestr(got(0)->headers, GUID_HEADER));
    event = first_event(got(0));
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_str_eq(kit_at(event, cases[i].path), cases[i].wanted);
    ck_assert_str_eq(kit_at(event, "/fields/record_id"), kit_at(event, "/event/alert/recordId"));
    time = strtod(kit_at(event, "/time"), NULL);
    ck_assert(time > 1.7279e9 && time < 1.7281e9); /* seconds, not milliseconds */
    json_object_put(event);
}
END_TEST

START_TEST(codes_decide_and_say_what_to_do)
{
    static const struct { int status; const char *body; enum delivery_verdict wanted; const char *says; } cases[] = {
        { 200, CODE(0, "Success"), DELIVERY_ACCEPTED, "" },
        { 403, CODE(1, "Token disabled"), DELIVERY_HOLD, "Token disabled" },
        { 400, CODE(22, "Token disabled"), DELIVERY_HOLD, "Token disabled" },
        { 401, CODE(2, "Token is required"), DELIVERY_HOLD, "Token is required" },
        { 401, CODE(3, "Invalid authorization"), DELIVERY_HOLD, "Invalid authorization" },
        { 403, CODE(4, "Invalid token"), DELIVERY_HOLD, "Invalid token" },
        { 400, CODE(21, "Invalid token"), DELIVERY_HOLD, "Invalid token" },
        { 400, CODE(7, "Incorrect index"), DELIVERY_HOLD, "may not write to it" },
        { 400, CODE(10, "Data channel is missing"), DELIVERY_HOLD, "set acknowledge" },
        { 400, CODE(14, "ACK is disabled"), DELIVERY_HOLD, "unset acknowledge" },
        { 400, CODE(6, "Invalid data format"), DELIVERY_REFUSED, "Invalid data format" },
        { 400, CODE(12, "Event field is required"), DELIVERY_REFUSED, "Event field" },
        { 400, CODE(15, "Error in handling indexed fields"), DELIVERY_REFUSED, "indexed fields" },
        { 500, CODE(8, "Internal server error"), DELIVERY_RETRY, "Internal" },
        { 503, CODE(9, "Server is busy"), DELIVERY_RETRY, "busy" },
        { 429, "", DELIVERY_RETRY, "429" },
        { 404, "<html>", DELIVERY_HOLD, "404" },
        { 200, "<html>a login page</html>", DELIVERY_RETRY, "is this a HEC" },
        { 200, "", DELIVERY_RETRY, "is this a HEC" },
    };

    for (size_t k = 0; k < 2 * ARRAY_LEN(cases); k++) {
        size_t i = k / 2;

        if (k % 2 == 1 && cases[i].wanted == DELIVERY_ACCEPTED) /* there only the indexer's yes is */
            continue;
        output_open(&output_splunk_hec, k % 2 == 0 ? MINIMAL : MINIMAL "acknowledge: true\n");
        receiver.says_len = 0;
        receiver_says("/services", cases[i].status, "", cases[i].body, 1);
        OK(output_deliver(2, each, err));
        all_are(each, 2, cases[i].wanted);
        has_text(each[1].reason, cases[i].says);
        has_no_secret(each[1].reason);
    }
    receiver.says_len = 0;
    receiver_says("/services", 413, "", "", 1);
    FAILS(output_deliver(2, each, err), ERR_LIMIT);
}
END_TEST

START_TEST(with_acknowledgement_only_the_indexers_yes_is_accepted)
{
    output_open(&output_splunk_hec, MINIMAL "acknowledge: true\n");
    receiver_says("/collector/event", 200, "", "{\"text\":\"Success\",\"code\":0,\"ackId\":7}", 1);
    receiver_says("/collector/ack?channel=", 200, "", "{\"acks\":{\"7\":false}}", 1);
    receiver_says("/collector/ack?channel=", 503, "", "", 1);
    receiver_says("/collector/ack?channel=", 200, "", "{\"acks\":{\"7\":true}}", 1);
    OK(output_deliver(2, each, err));
    all_are(each, 2, DELIVERY_ACCEPTED);
    ck_assert_int_eq(receiver.n, 4);
    got_header(0, GUID_HEADER);
    has_text(got(3)->target, "channel=");
    ck_assert(strstr(got(0)->headers, strstr(got(3)->target, "channel=") + 8)); /* the same channel */
    ck_assert(slice_eq(buf_slice(&got(1)->body), SL("{\"acks\":[7]}")));
}
END_TEST

START_TEST(what_is_not_acknowledged_goes_again_over_a_new_channel)
{
    char first[37];

    output_open(&output_splunk_hec, MINIMAL "acknowledge: true\nack_timeout: 1s\n");
    receiver_says("/collector/event", 200, "", "{\"text\":\"Success\",\"code\":0,\"ackId\":0}", 2);
    receiver_says("/collector/ack", 200, "", "{\"acks\":{\"0\":false}}", -1);
    OK(output_deliver(1, each, err));
    all_are(each, 1, DELIVERY_RETRY);
    has_text(each[0].reason, "not acknowledged");
    (void)snprintf(first, sizeof first, "%.36s", strstr(got(0)->headers, GUID_HEADER) + strlen(GUID_HEADER));
    OK(output_deliver(1, each, err));
    for (int i = 1; i < receiver.n; i++)
        if (strcmp(got(i)->target, "/services/collector/event") == 0)
            ck_assert(!strstr(got(i)->headers, first));
}
END_TEST

START_TEST(a_token_without_acknowledgement_is_an_operators_matter)
{
    output_open(&output_splunk_hec, MINIMAL "acknowledge: true\n");
    receiver_says("/collector/event", 200, "", CODE(0, "Success"), 1);
    OK(output_deliver(1, each, err));
    all_are(each, 1, DELIVERY_HOLD);
    has_text(each[0].reason, "unset acknowledge");
}
END_TEST

START_TEST(a_rotated_token_is_read_again)
{
    output_open(&output_splunk_hec, MINIMAL);
    (void)setenv("TEST_SECRET", "rotated", 1);
    receiver_says("/services", 401, "", CODE(3, "Invalid authorization"), 1);
    receiver_says("/services", 200, "", CODE(0, "Success"), 1);
    OK(output_deliver(1, each, err));
    all_are(each, 1, DELIVERY_ACCEPTED);
    got_header(1, "Authorization: Splunk rotated");
}
END_TEST

START_TEST(the_probe_asks_for_the_collectors_health)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(1000);

    output_open(&output_splunk_hec, MINIMAL);
    receiver_says("/health", 200, "", CODE(17, "HEC is healthy"), 1);
    OK(output_splunk_hec.probe(output, &said, err));
    ck_assert_str_eq(got(0)->method, "GET");
    receiver_says("/health", 503, "", CODE(18, "queues full"), 1);
    FAILS(output_splunk_hec.probe(output, &said, err), ERR_BUSY);
}
END_TEST

START_TEST(settings_that_cannot_work_are_refused_at_the_start)
{
    has_text(output_refuses(&output_splunk_hec, "url: http://splunk.example:8088\ntoken: '${env:TEST_SECRET}'\n"), "plain http");
    has_text(output_refuses(&output_splunk_hec, "url: '%s'\n"), "token");
    has_text(output_refuses(&output_splunk_hec, "url: '%s'\ntoken: in-the-open\n"), "reference");
}
END_TEST

OUTPUT_MAIN("output_splunk_hec", an_event_has_the_common_names_at_the_top_and_the_whole_alert_inside,
            codes_decide_and_say_what_to_do, with_acknowledgement_only_the_indexers_yes_is_accepted,
            what_is_not_acknowledged_goes_again_over_a_new_channel,
            a_token_without_acknowledgement_is_an_operators_matter, a_rotated_token_is_read_again,
            the_probe_asks_for_the_collectors_health, settings_that_cannot_work_are_refused_at_the_start)
