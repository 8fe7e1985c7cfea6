/* What the outputs for people and tickets promise: PagerDuty, Slack, Teams, ServiceNow, Opsgenie, Jira. Bodies as their
 * receivers want them within their limits, hostile texts harmless, one key for all updates of an alert, no secret in a message.
 * SPDX-License-Identifier: Apache-2.0 */
#include "output_kit.h"

extern const struct output_ops output_pagerduty, output_slack, output_teams, output_servicenow, output_opsgenie, output_jira;

static struct delivery_result each[100];

static const struct people {
    const struct output_ops *ops;
    const char *yaml;
    const char *ok;         /* body of a good answer */
    int ok_status;
    const char *key;        /* where the alert id stands; NULL: it is looked for as text */
    size_t max_bytes;
} people[] = {
    { .ops = &output_pagerduty, .yaml = "url: '%s/enqueue'\nrouting_key: '${env:TEST_SECRET}'\n", .ok = "{}",
      .ok_status = 202, .key = "/dedup_key", .max_bytes = 512 << 10 },
    { .ops = &output_slack, .yaml = "url: '${env:TEST_URL}'\n", .ok = "ok", .ok_status = 200, .max_bytes = 40000 },
    { .ops = &output_teams, .yaml = "url: '${env:TEST_URL}'\n", .ok = "", .ok_status = 202, .max_bytes = 28 << 10 },
    { .ops = &output_servicenow, .yaml = "url: '%s'\nusername: u\npassword: '${env:TEST_SECRET}'\n", .ok = "{}",
      .ok_status = 200, .key = "/records/0/message_key", .max_bytes = 1 << 20 },
    { .ops = &output_opsgenie, .yaml = "url: '%s'\napi_key: '${env:TEST_SECRET}'\n", .ok = "{}", .ok_status = 202,
      .key = "/alias", .max_bytes = 128 << 10 },
    { .ops = &output_jira, .yaml = "url: '%s'\nusername: a@b\ntoken: '${env:TEST_SECRET}'\nproject: SEC\n",
      .ok = "{\"issues\":[]}", .ok_status = 200, .max_bytes = 256 << 10 },
};

static void open_nth(size_t i)
{
    char url[200];

    (void)snprintf(url, sizeof url, "%s/hook/s3cret-value", httpd_url(receiver.h));
    (void)setenv("TEST_URL", url, 1);
    output_open(people[i].ops, people[i].yaml);
    receiver_forget();
}

static int deliver_alert(const struct alert *a, struct error *err)
{
    CLEANUP(buf_release) struct buf payload = BUF_INIT(1 << 20);
    struct output_item item = { .alert = a };

    kit_encode(encoder_find("json"), a, &payload);
    item.payload = buf_slice(&payload);
    return opened->deliver(output, &item, 1, each, err);
}

/* The request that carried the alert. */
static const struct received *carried(void)
{
    return got(receiver.n - 1);
}

START_TEST(bodies_are_what_the_receivers_want)
{
    static const struct { size_t i; const char *path, *wanted; } cases[] = {
        { 0, "/event_action", "trigger" }, { 0, "/payload/severity", "error" },
        { 0, "/payload/summary", "High: Access from a Tor exit node (shop-prod)" }, { 0, "/payload/source", "shop-prod" },
        { 0, "/payload/class", "CosmosDB_TorAnomaly" }, { 0, "/payload/timestamp", "2026-03-03T09:14:22.123Z" },
        { 0, "/payload/custom_details/accountName", "shop-prod" }, { 0, "/routing_key", "s3cret-value" },
        { 1, "/blocks/0/type", "header" }, { 1, "/blocks/0/text/type", "plain_text" }, { 1, "/blocks/1/text/type", "mrkdwn" },
        { 1, "/blocks/1/fields/0/text", "*Account*\nshop-prod" },
        { 1, "/blocks/1/fields/1/text", "*Client address*\n203.0.113.66 (Frankfurt am Main, Germany)" },
        { 1, "/blocks/2/type", "actions" },
        { 2, "/type", "message" }, { 2, "/attachments/0/contentType", "application/vnd.microsoft.card.adaptive" },
        { 2, "/attachments/0/content/type", "AdaptiveCard" }, { 2, "/attachments/0/content/body/0/color", "Attention" },
        { 2, "/attachments/0/content/body/2/facts/0/value", "shop-prod" },
        { 3, "/records/0/severity", "2" }, { 3, "/records/0/node", "shop-prod" },
        { 3, "/records/0/time_of_event", "2026-03-03 09:14:22" }, { 3, "/records/0/resolution_state", "New" },
        { 4, "/priority", "P2" }, { 4, "/entity", "shop-prod" }, { 4, "/message", "High: Access from a Tor exit node (shop-prod)" },
        { 4, "/details/Account", "shop-prod" }, { 4, "/tags/0", "CosmosDB_TorAnomaly" },
        { 5, "/fields/project/key", "SEC" }, { 5, "/fields/issuetype/name", "Task" },
        { 5, "/fields/description/type", "doc" }, { 5, "/fields/description/content/0/type", "paragraph" },
        { 5, "/fields/labels/0", "cosmowatch" },
    };
    struct alert *a = kit_tor_alert();

    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        struct json_object *o;

        open_nth(i);
        receiver_says("/", people[i].ok_status, "", people[i].ok, -1);
        OK(deliver_alert(a, err));
        all_are(each, 1, DELIVERY_ACCEPTED);
        o = kit_parse(&carried()->body);
        for (size_t c = 0; c < ARRAY_LEN(cases); c++)
            if (cases[c].i == i)
                ck_assert_msg(strcmp(kit_at(o, cases[c].path), cases[c].wanted) == 0, "%s %s is %s", people[i].ops->name,
                              cases[c].path, kit_at(o, cases[c].path));
        if (people[i].key)
            ck_assert_str_eq(kit_at(o, people[i].key), a->id);
        has_text(carried()->body.at, a->id);
        json_object_put(o);
    }
    alert_free(a);
}
END_TEST

START_TEST(credentials_go_where_they_belong)
{
    static const char *const headers[] = { NULL, NULL, NULL, "Authorization: Basic dTpzM2NyZXQtdmFsdWU=",
                                           "Authorization: GenieKey s3cret-value",
                                           "Authorization: Basic YUBiOnMzY3JldC12YWx1ZQ==" };
    static const char *const targets[] = { "/enqueue", "/hook/s3cret-value", "/hook/s3cret-value", "/api/global/em/jsonv2",
                                           "/v2/alerts", "/rest/api/3/issue" };

    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        open_nth(i);
        receiver_says("/", people[i].ok_status, "", people[i].ok, -1);
        OK(output_deliver(1, each, err));
        ck_assert_str_eq(carried()->target, targets[i]);
        if (headers[i])
            got_header(receiver.n - 1, headers[i]);
        else
            ck_assert(!strcasestr(carried()->headers, "Authorization"));
    }
}
END_TEST

START_TEST(refusals_hold_and_show_no_secret)
{
    static const struct { int status; enum delivery_verdict wanted; } cases[] = {
        { 400, DELIVERY_REFUSED }, { 401, DELIVERY_HOLD }, { 403, DELIVERY_HOLD }, { 404, DELIVERY_HOLD },
        { 410, DELIVERY_HOLD }, { 429, DELIVERY_RETRY }, { 500, DELIVERY_RETRY }, { 503, DELIVERY_RETRY },
        { 302, DELIVERY_HOLD },
    };

    for (size_t i = 0; i < ARRAY_LEN(people); i++)
        for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
            bool is_search = people[i].ops == &output_jira && cases[c].wanted == DELIVERY_REFUSED;

            open_nth(i);
            receiver_says("/", cases[c].status, "Retry-After: 11\r\n", "no_service", 1);
            OK(output_deliver(1, each, err));
            ck_assert_msg(each[0].verdict == (is_search ? DELIVERY_HOLD : cases[c].wanted), "%s %d: %d %s",
                          people[i].ops->name, cases[c].status, (int)each[0].verdict, each[0].reason);
            has_text(each[0].reason, "no_service");
            has_no_secret(each[0].reason);
            ck_assert_int_eq(each[0].retry_after_ms, 11000);
        }
}
END_TEST

START_TEST(a_dead_receiver_is_an_error_without_the_url)
{
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        struct error failure = { 0 };
        char yaml[500], url[100];

        (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/hook/s3cret-value", httpd_dead_port());
        (void)setenv("TEST_URL", url, 1);
        (void)snprintf(yaml, sizeof yaml, "%s", people[i].yaml);
        open_nth(i);
        (void)setenv("TEST_URL", url, 1);
        (void)snprintf(yaml, sizeof yaml, "%s%s", strstr(people[i].yaml, "%s") ? "url: 'http://127.0.0.1:1'\n" : "",
                       strstr(people[i].yaml, "%s") ? strchr(people[i].yaml, '\n') + 1 : people[i].yaml);
        output_open(people[i].ops, yaml);
        ck_assert_int_eq(output_deliver(1, each, &failure), -1);
        ck_assert_int_eq(failure.code, ERR_NET);
        has_no_secret(failure.msg);
    }
}
END_TEST

START_TEST(hostile_texts_stay_texts_and_bodies_small)
{
    for (size_t i = 0; i < ARRAY_LEN(people); i++)
        for (size_t h = 0; h < ARRAY_LEN(kit_hostile); h++) {
            struct alert *a = kit_alert_of(kit_hostile[h]);
            struct json_object *o;

            open_nth(i);
            receiver_says("/", people[i].ok_status, "", people[i].ok, -1);
            OK(deliver_alert(a, err));
            o = kit_parse(&carried()->body);
            ck_assert_uint_le(carried()->body.len, people[i].max_bytes);
            json_object_put(o);
            alert_free(a);
        }
}
END_TEST

START_TEST(long_texts_are_cut_to_the_receivers_limits)
{
    static char big[200000];
    struct alert_type wordy = kit_type;

    wordy.id = "AzureCosmosDB_SuspiciousListKeys.SuspiciousPrincipal";
    wordy.why = "{userAgent} {principal} {network} {region} {database}";
    for (size_t i = 0; i < ARRAY_LEN(people); i++)
        for (int kind = 0; kind < 3; kind++) {
            struct alert *a;
            struct json_object *o;

            memset(big, kind == 0 ? 'x' : kind == 1 ? '&' : '[', sizeof big - 1);
            a = kit_alert_with(slice_of(big), 200);
            a->type = &wordy;
            open_nth(i);
            receiver_says("/", people[i].ok_status, "", people[i].ok, -1);
            OK(deliver_alert(a, err));
            ck_assert_msg(carried()->body.len <= people[i].max_bytes, "%s: %zu bytes", people[i].ops->name,
                          carried()->body.len);
            o = kit_parse(&carried()->body);
            if (people[i].ops == &output_slack) {
                ck_assert_uint_le(strlen(kit_at(o, "/blocks/0/text/text")), 150);
                ck_assert_uint_le(strlen(kit_at(o, "/blocks/1/text/text")), 3000);
            }
            if (people[i].ops == &output_servicenow)
                ck_assert_uint_le(strlen(kit_at(o, "/records/0/description")), 4000);
            if (people[i].ops == &output_opsgenie) {
                ck_assert_uint_le(strlen(kit_at(o, "/message")), 130);
                ck_assert_uint_le(strlen(kit_at(o, "/tags/0")), 50);
            }
            if (people[i].ops == &output_jira)
                ck_assert_uint_le(strlen(kit_at(o, "/fields/summary")), 255);
            json_object_put(o);
            alert_free(a);
        }
}
END_TEST

static struct alert *alert_with_user_agent(const char *text)
{
    struct alert *a = kit_tor_alert();
    struct fact *f;

    for (size_t i = 0; i < a->facts_len; i++) {
        f = &a->facts[i];
        if (strcmp(f->name, "userAgent") != 0)
            continue;
        free(f->entries[0].text);
        f->entries[0].text = strdup(text);
    }
    return a;
}

START_TEST(markup_of_an_attacker_is_disarmed)
{
    struct alert *a = alert_with_user_agent("<!channel> <https://evil.example|login> & [x](https://evil.example) *b*");
    struct json_object *o;

    open_nth(1);
    receiver_says("/", 200, "", "ok", 1);
    OK(deliver_alert(a, err));
    o = kit_parse(&carried()->body);
    has_text(kit_at(o, "/blocks/1/fields/3/text"), "&lt;!channel&gt; &lt;https://evil.example|login&gt; &amp;");
    json_object_put(o);
    open_nth(2);
    OK(deliver_alert(a, err));
    o = kit_parse(&carried()->body);
    has_text(kit_at(o, "/attachments/0/content/body/2/facts/3/value"), "[x] (https://evil.example)");
    json_object_put(o);
    alert_free(a);
}
END_TEST

START_TEST(slack_says_ok_or_it_is_not_slack)
{
    open_nth(1);
    receiver_says("/", 200, "", "<html>", 1);
    OK(output_deliver(1, each, err));
    all_are(each, 1, DELIVERY_RETRY);
    has_text(each[0].reason, "is this a Slack webhook");
}
END_TEST

START_TEST(pagerduty_waits_half_a_minute_when_no_time_is_named_and_holds_a_wrong_key)
{
    open_nth(0);
    receiver_says("/", 429, "", "", 1);
    OK(output_deliver(1, each, err));
    ck_assert_int_eq(each[0].retry_after_ms, 30000);
    receiver_says("/", 400, "", "{\"status\":\"invalid event\",\"errors\":[\"Invalid routing key\"]}", 1);
    OK(output_deliver(1, each, err));
    all_are(each, 1, DELIVERY_HOLD);
}
END_TEST

/* Its JSON does not go into an event any more: what people read does. */
START_TEST(an_alert_that_is_larger_than_an_event_reaches_pagerduty_in_short)
{
    static char json[600000];
    struct alert *a = kit_tor_alert();
    struct output_item item = { .alert = a };
    struct json_object *o;

    (void)snprintf(json, sizeof json, "{\"x\":\"%0*d\"}", (int)sizeof json - 20, 0);
    item.payload = slice_of(json);
    open_nth(0);
    OK(output_pagerduty.deliver(output, &item, 1, each, err));
    all_are(each, 1, DELIVERY_ACCEPTED);
    o = kit_parse(&got(0)->body);
    has_text(kit_at(o, "/payload/custom_details/Account"), a->account);
    ck_assert_uint_gt(strlen(kit_at(o, "/payload/custom_details/why")), 10);
    json_object_put(o);
    alert_free(a);
}
END_TEST

/* The secret is the URL itself, or in the body: no 401 asks for it, so each hold does. */
START_TEST(a_rotated_url_or_key_is_used_by_the_next_try)
{
    static const struct { const struct output_ops *ops; const char *yaml; } cases[] = {
        { &output_slack, "url: '${env:TEST_ROTATED}'\n" }, { &output_teams, "url: '${env:TEST_ROTATED}'\n" },
        { &output_pagerduty, "url: '%s'\nrouting_key: '${env:TEST_ROTATED}'\n" },
    };
    char url[200];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        receiver_forget();
        (void)snprintf(url, sizeof url, "%s/old", httpd_url(receiver.h));
        (void)setenv("TEST_ROTATED", url, 1);
        output_open(cases[i].ops, cases[i].yaml);
        (void)snprintf(url, sizeof url, "%s/new", httpd_url(receiver.h));
        (void)setenv("TEST_ROTATED", url, 1);
        receiver_says("/", 403, "", "", 1);
        receiver_says("/", 200, "", "ok", -1);
        OK(output_deliver(1, each, err));
        all_are(each, 1, DELIVERY_HOLD);
        OK(output_deliver(1, each, err));
        all_are(each, 1, DELIVERY_ACCEPTED);
        ck_assert(strcmp(got(1)->target, "/new") == 0 || strstr(buf_cstr(&receiver.got[1].body), "/new\""));
    }
}
END_TEST

START_TEST(jira_makes_one_issue_for_an_alert)
{
    open_nth(5);
    receiver_says("/search/jql", 200, "", "{\"issues\":[{\"key\":\"SEC-1\"}]}", 1);
    OK(output_deliver(1, each, err));
    all_are(each, 1, DELIVERY_ACCEPTED);
    ck_assert_int_eq(receiver.n, 1);
    has_text(got(0)->target, "labels%20%3D%20%22cosmowatch-");
    receiver_says("/search/jql", 200, "", "<html>", 1);
    FAILS(output_deliver(1, each, err), ERR_SERVER);
    receiver_says("/search/jql", 200, "", "{\"issues\":[]}", 1);
    receiver_says("/rest/api/3/issue", 400, "", "{\"errors\":{\"issuetype\":\"is not valid\"}}", 1);
    OK(output_deliver(1, each, err));
    has_text(each[0].reason, "issuetype");
}
END_TEST

START_TEST(jira_holds_what_is_no_alerts_fault)
{
    static const struct { const char *body; enum delivery_verdict wanted; } cases[] = {
        { "{\"errorMessages\":[],\"errors\":{\"issuetype\":\"Specify a valid issue type\"}}", DELIVERY_HOLD },
        { "{\"errors\":{\"customfield_10010\":\"Team is required.\"}}", DELIVERY_HOLD },
        { "{\"errors\":{\"labels\":\"Field 'labels' cannot be set. It is not on the appropriate screen, or unknown.\"}}", DELIVERY_HOLD },
        { "{\"errors\":{\"labels\":\"cannot be set\",\"summary\":\"is too long\"}}", DELIVERY_REFUSED },
        { "{\"errors\":{\"description\":\"is too long\"}}", DELIVERY_REFUSED },
        { "{\"errorMessages\":[\"no\"],\"errors\":{}}", DELIVERY_REFUSED },
        { "{\"errors\":[1]}", DELIVERY_REFUSED },
        { "<html>", DELIVERY_REFUSED },
    };

    open_nth(5);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        receiver.says_len = 0;
        receiver_says("/search/jql", 200, "", "{\"issues\":[]}", 1);
        receiver_says("/rest/api/3/issue", 400, "", cases[i].body, 1);
        OK(output_deliver(1, each, err));
        ck_assert_msg(each[0].verdict == cases[i].wanted, "%s is %d", cases[i].body, (int)each[0].verdict);
        has_text(each[0].reason, "HTTP 400");
    }
}
END_TEST

START_TEST(settings_that_cannot_work_are_refused_at_the_start)
{
    (void)setenv("TEST_URL", "http://hooks.example.net/x/s3cret-value", 1);
    has_text(output_refuses(&output_slack, "url: '${env:TEST_URL}'\n"), "plain http");
    has_no_secret(output_refuses(&output_teams, "url: '${env:TEST_URL}'\n"));
    (void)setenv("TEST_URL", "hooks.example.net/x", 1);
    has_text(output_refuses(&output_teams, "url: '${env:TEST_URL}'\n"), "https://");
    has_text(output_refuses(&output_slack, "url: https://hooks.example.net/x\n"), "reference");
    has_text(output_refuses(&output_servicenow, "url: '%s'\n"), "either");
    has_text(output_refuses(&output_servicenow, "url: '%s'\nusername: u\npassword: '${env:TEST_SECRET}'\n"
                                                "token: '${env:TEST_SECRET}'\n"), "either");
    has_text(output_refuses(&output_jira, "url: '%s'\nusername: a\ntoken: '${env:TEST_SECRET}'\nproject: 'my \"x\"'\n"), "key");
    has_text(output_refuses(&output_pagerduty, "{}\n"), "routing_key");
    has_text(output_refuses(&output_opsgenie, "{}\n"), "api_key");
}
END_TEST

OUTPUT_MAIN("output_people", bodies_are_what_the_receivers_want, credentials_go_where_they_belong,
            refusals_hold_and_show_no_secret, a_dead_receiver_is_an_error_without_the_url,
            hostile_texts_stay_texts_and_bodies_small, long_texts_are_cut_to_the_receivers_limits,
            markup_of_an_attacker_is_disarmed, slack_says_ok_or_it_is_not_slack,
            pagerduty_waits_half_a_minute_when_no_time_is_named_and_holds_a_wrong_key, an_alert_that_is_larger_than_an_event_reaches_pagerduty_in_short, a_rotated_url_or_key_is_used_by_the_next_try,
            jira_makes_one_issue_for_an_alert,
            jira_holds_what_is_no_alerts_fault,
            settings_that_cannot_work_are_refused_at_the_start)
