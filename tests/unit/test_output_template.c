/* What the template output promises: the operator's JSON stays JSON whatever an alert holds, and what cannot work is
 * said at the start. SPDX-License-Identifier: Apache-2.0 */
#include "output_kit.h"

extern const struct output_ops output_template;

#define WITH(body) "url: '%s/t'\nbody: '" body "'\n"

static struct delivery_result each[100];

static struct json_object *sent(int i)
{
    return kit_parse(&got(i)->body);
}

START_TEST(placeholders_stand_for_values_and_inside_strings_for_parts)
{
    struct json_object *o;

    output_open(&output_template,
                WITH("{\"a\": {{ accountName }}, \"b\": \"on {{accountName}}: {{ count }} ({{ reasons.0 }})\", "
                     "\"c\": {{count}}, \"d\": {{ evidence.bytesOut }}, \"e\": {{ variant }}, \"f\": \"[{{ variant }}]\", "
                     "\"g\": {{ entities.0.type }}, \"h\": {{ entities.99.type }}, \"i\": {{ tables }}, "
                     "\"j\": \"\\\\{{ severity }}\", \"m\": \"say \\\"{{ severity }}\\\" {{ api }}\", \"k\": {{ alert }}, \"l\": \"{{ entities }}\" }")
                "token: '${env:TEST_SECRET}'\nheader: X-Key\nheader_value: '${env:TEST_SECRET}'\nmethod: PUT\n");
    OK(output_deliver(2, each, err));
    all_are(each, 2, DELIVERY_ACCEPTED);
    ck_assert_int_eq(receiver.n, 2);
    o = sent(1);
    ck_assert_str_eq(kit_at(o, "/a"), "contoso-orders");
    ck_assert(strncmp(kit_at(o, "/b"), "on contoso-orders: 2 (", 22) == 0);
    ck_assert_str_eq(kit_at(o, "/c"), "2");
    ck_assert_str_eq(kit_at(o, "/d"), "1001");
    ck_assert_str_eq(kit_at(o, "/e"), "null");
    ck_assert_str_eq(kit_at(o, "/f"), "[]");
    ck_assert_str_eq(kit_at(o, "/g"), "azure-resource");
    ck_assert_str_eq(kit_at(o, "/h"), "null");
    ck_assert_str_eq(kit_at(o, "/j"), "\\Low");
    ck_assert_str_eq(kit_at(o, "/m"), "say \"Low\" NoSQL");
    ck_assert_str_eq(kit_at(o, "/k/accountName"), "contoso-orders");
    ck_assert(kit_at(o, "/l")[0] == '[');
    json_object_put(o);
    ck_assert_str_eq(got(0)->method, "PUT");
    got_header(0, "Authorization: Bearer s3cret-value");
    got_header(0, "X-Key: s3cret-value");
    got_header(0, "webhook-id: ");
    ck_assert(strcmp(strstr(got(0)->headers, "webhook-id"), strstr(got(1)->headers, "webhook-id")) != 0);
}
END_TEST

START_TEST(hostile_texts_stay_inside_their_values)
{
    output_open(&output_template, WITH("{\"a\": {{ subject }}, \"b\": \"x{{ subject }}y\", \"c\": [{{ alert }}]}"));
    for (size_t i = 0; i < ARRAY_LEN(kit_hostile); i++) {
        CLEANUP(buf_release) struct buf payload = BUF_INIT(1 << 20);
        struct alert *a = kit_alert_with(kit_hostile[i], 200);
        struct output_item item = { .alert = a };
        struct json_object *o;

        kit_encode(encoder_find("json"), a, &payload);
        item.payload = buf_slice(&payload);
        receiver_forget();
        OK(output_template.deliver(output, &item, 1, each, err));
        o = sent(receiver.n - 1);
        ck_assert_int_eq(json_object_object_length(o), 3);
        ck_assert_str_eq(kit_at(o, "/a"), kit_at(o, "/c/0/subject"));
        json_object_put(o);
        alert_free(a);
    }
}
END_TEST

START_TEST(what_cannot_work_is_said_at_the_start)
{
    static const struct { const char *yaml, *says; } cases[] = {
        { WITH("{\"a\": {{ acountName }}}"), "did you mean accountName?" },
        { WITH("{\"a\": {{ nothing.like.it }}}"), "no member" },
        { WITH("{\"a\": {{ }}}"), "no member" },
        { WITH("{\"a\": {{ accountName }"), "without" },
        { WITH("{\"a\": {{ accountName }}"), "not JSON" },
        { WITH("{\"a\": x{{ accountName }}}"), "not JSON" },
        { WITH("{\"a\": {{ accountName }} {{ subject }}}"), "not JSON" },
        { WITH("{{{ accountName }}: 1}"), "no member" },
        { WITH("{\"a\": \"{{ accountName }}}"), "not JSON" },
        { WITH("{\"a\": \"\\{{ accountName }}\"}"), "not JSON" },
        { WITH("a={{ accountName }}"), "not JSON" },
        { WITH(""), "body" },
        { "url: '%s'\n", "body" },
        { "url: '%s'\nbody: '{}'\ncontent_type: ''\n", "content_type" },
        { WITH("{}") "header: 'a b'\n", "cannot be set as a header" },
        { WITH("{}") "header: Content-Length\n", "cannot be set as a header" },
        { WITH("{}") "header: Host\n", "cannot be set as a header" },
        { WITH("{}") "header: transfer-encoding\n", "cannot be set as a header" },
        { WITH("{}") "header: content-type\n", "cannot be set as a header" },
        { "url: http://example.net/\nbody: '{}'\n", "plain http" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        has_text(output_refuses(&output_template, cases[i].yaml), cases[i].says);
}
END_TEST

START_TEST(every_member_of_the_schema_is_known)
{
    struct json_object *schema = json_object_from_file("config/alert.schema.json"), *properties = NULL;

    ck_assert_msg(schema, "cannot read config/alert.schema.json: run from the root of the tree");
    ck_assert(json_object_object_get_ex(schema, "properties", &properties));
    json_object_object_foreach(properties, name, ignored)
    {
        char yaml[300];

        (void)ignored;
        (void)snprintf(yaml, sizeof yaml, "url: '%%s'\nbody: '{\"a\": {{ %s }}}'\n", name);
        output_open(&output_template, yaml);
    }
    json_object_put(schema);
}
END_TEST

START_TEST(other_bodies_are_possible_and_values_stay_encoded)
{
    output_open(&output_template, "url: '%s'\ncontent_type: text/plain\nbody: 'alert {{ accountName }}'\n");
    OK(output_deliver(1, each, err));
    ck_assert(slice_eq(buf_slice(&got(0)->body), SL("alert \"contoso-orders\"")));
    got_header(0, "Content-Type: text/plain");
}
END_TEST

START_TEST(those_behind_a_failure_wait_for_their_turn)
{
    output_open(&output_template, WITH("{}"));
    receiver_says("/t", 400, "", "bad", 1);
    receiver_says("/t", 200, "", "", 1);
    receiver_says("/t", 503, "Retry-After: 9\r\n", "", 1);
    OK(output_deliver(5, each, err));
    ck_assert_int_eq(receiver.n, 3);
    all_are(each, 1, DELIVERY_REFUSED);
    all_are(each + 1, 1, DELIVERY_ACCEPTED);
    all_are(each + 2, 3, DELIVERY_RETRY);
    ck_assert_int_eq(each[4].retry_after_ms, 9000);
}
END_TEST

OUTPUT_MAIN("output_template", placeholders_stand_for_values_and_inside_strings_for_parts,
            hostile_texts_stay_inside_their_values, what_cannot_work_is_said_at_the_start,
            every_member_of_the_schema_is_known, other_bodies_are_possible_and_values_stay_encoded,
            those_behind_a_failure_wait_for_their_turn)
