/* What the native format promises: the same bytes for the same alert (golden files), one line of valid
 * JSON whatever the texts hold, every fact in it.
 * UPDATE_GOLDEN=1 writes the golden files anew: look at the diff before you commit it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "store_kit.h"

#include "alert/catalogue.h"
#include "base/buf.h"
#include "outputs/output.h"

#include <json-c/json.h>

static const struct encoder *json;

static void set_up(void)
{
    json = encoder_find("json");
    ck_assert_ptr_nonnull(json);
}

#define RESOURCE                                                                                   \
    "/subscriptions/11111111-2222-4333-8444-555555555555/resourcegroups/rg-shop/providers/"        \
    "microsoft.documentdb/databaseaccounts/shop-prod"

/* Words of our own: golden files are about the format, the catalogue's words may change. */
static const struct alert_type golden_type = {
    .id = "CosmosDB_TorAnomaly", .display_name = "Access from a Tor exit node", .severity = SEVERITY_HIGH,
    .intent = "InitialAccess", .techniques = { "T1078.004", "T1078", "T1090.003" },
    .description = "The account {account} was used from {subject}.",
    .why = "{subject} made {count} request(s)[[ with {keyKind}]].",
    .investigate = { "Look at {subject}." }, .remediate = { "Close the door of {account}.", "Change the keys." },
    .prevent = { "Keep it closed." }, .tables = { "CDBDataPlaneRequests", "CDBMongoRequests" },
    .kql = "CDBDataPlaneRequests\n| where AccountName =~ {account:kql}[[ and ClientIpAddress in {address:kqlset}]]",
};

static struct alert *tor_alert(void)
{
    struct alert *a = NULL;
    const struct fact_value facts[] = {
        { .name = "address", .kind = FACT_SET, .text = SL("203.0.113.66") },
        { .name = "place", .kind = FACT_SET,
          .text = SL("{\"country\":\"Germany\",\"state\":\"Hesse\",\"city\":\"Frankfurt am Main\",\"latitude\":50.1109,"
                     "\"longitude\":8.6821}") },
        { .name = "keyKind", .kind = FACT_SET, .text = SL("PrimaryMasterKey") },
        { .name = "principal", .kind = FACT_SET, .text = SL("anna@contoso.example") },
        { .name = "principal", .kind = FACT_SET, .text = SL("22222222-3333-4444-8555-666666666666") },
        { .name = "userAgent", .kind = FACT_SET, .text = SL("python-requests/2.32") },
        { .name = "database", .kind = FACT_SET, .text = SL("orders") },
        { .name = "container", .kind = FACT_SET, .text = SL("customers") },
        { .name = "container", .kind = FACT_SET, .text = SL("cards") },
        { .name = "region", .kind = FACT_SET, .text = SL("West Europe") },
        { .name = "operations", .kind = FACT_MAP, .text = SL("Query"), .number = 198 },
        { .name = "operations", .kind = FACT_MAP, .text = SL("ReadFeed"), .number = 16 },
        { .name = "statusCodes", .kind = FACT_MAP, .text = SL("200"), .number = 214 },
        { .name = "requests", .kind = FACT_SUM, .number = 214 },
        { .name = "bytesOut", .kind = FACT_SUM, .number = 48234496 },
        { .name = "ruMilli", .kind = FACT_SUM, .number = 1234567 },
        { .name = "feed", .kind = FACT_SET, .text = SL("tor") },
        { .name = "category", .kind = FACT_SET, .text = SL("tor") },
        { .name = "listingConfidence", .kind = FACT_MAX, .number = 95 },
        { .name = "listedSince", .kind = FACT_MIN, .number = INT64_C(1772485200) * NS_PER_S },
        { .name = "activityId", .kind = FACT_SET, .text = SL("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee") },
    };

    OK(alert_from_draft(&(struct alert_draft){
           .detector = "bad_address", .state_version = 1, .type = "CosmosDB_TorAnomaly", .variant = ".FirstSeen",
           .severity = SEVERITY_HIGH, .confidence = 95, .api = API_NOSQL, .account = SL("shop-prod"),
           .resource_id = SL(RESOURCE), .subject = SL("203.0.113.66"), .bucket_ns = INT64_C(1772496000) * NS_PER_S,
           .first_ns = INT64_C(1772529000) * NS_PER_S, .last_ns = INT64_C(1772529262123456700), .count = 214,
           .facts = facts, .facts_len = ARRAY_LEN(facts) }, &a, err));
    return a;
}

/* As little as an alert can have. */
static struct alert *bare_alert(void)
{
    struct alert *a = NULL;

    OK(alert_from_draft(&(struct alert_draft){
           .detector = "volume", .state_version = 1, .type = "CosmosDB_SuspiciousIp", .severity = SEVERITY_LOW,
           .account = SL("a"), .subject = SL("") , .count = 1 }, &a, err));
    a->is_sample = true;
    return a;
}

static struct json_object *parse(const struct buf *line)
{
    struct json_tokener *tok = json_tokener_new();
    struct json_object *o;

    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    o = json_tokener_parse_ex(tok, line->at, (int)line->len + 1); /* with the NUL: the text must end there */
    ck_assert_msg(o, "%s at %zu of: %s", json_tokener_error_desc(json_tokener_get_error(tok)),
                  json_tokener_get_parse_end(tok), line->at);
    ck_assert_uint_eq(json_tokener_get_parse_end(tok), line->len);
    json_tokener_free(tok);
    return o;
}

static void encode(const struct alert *a, struct buf *line)
{
    OK(json->encode(a, line, err));
    ck_assert_ptr_null(memchr(line->at, '\n', line->len));
}

static struct json_object *get(struct json_object *o, const char *path)
{
    struct json_object *found = NULL;

    ck_assert_msg(json_pointer_get(o, path, &found) == 0, "no %s", path);
    return found;
}

static const char *text_at(struct json_object *o, const char *path)
{
    return json_object_get_string(get(o, path));
}

/* ---- golden ------------------------------------------------------------------------------------- */

static void golden_path(char ret[300], const char *name)
{
    const char *root = getenv("GOLDEN_DIR");

    (void)snprintf(ret, 300, "%s/%s", root ? root : "tests/golden/encode", name);
}

static void compare_golden(const char *name, const struct buf *line)
{
    CLEANUP(buf_release) struct buf wanted = BUF_INIT(1 << 20);
    char path[300], part[4096];
    size_t n;
    FILE *f;

    golden_path(path, name);
    if (getenv("UPDATE_GOLDEN")) {
        f = fopen(path, "w");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(line->at, 1, line->len, f), line->len);
        ck_assert_int_eq(fputc('\n', f), '\n');
        ck_assert_int_eq(fclose(f), 0);
    }
    f = fopen(path, "r");
    ck_assert_msg(f, "cannot read %s: run from the root of the tree, or set GOLDEN_DIR", path);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_add(&wanted, part, n);
    (void)fclose(f);
    if (wanted.len == line->len + 1 && memcmp(wanted.at, line->at, line->len) == 0)
        return;
    for (n = 0; n < line->len && n < wanted.len && wanted.at[n] == line->at[n]; n++)
        continue;
    n = n > 60 ? n - 60 : 0;
    ck_abort_msg("%s differs\n wanted ...%.160s\n got    ...%.160s", name, wanted.at + n, line->at + n);
}

START_TEST(an_alert_with_everything_is_written_as_in_the_golden_file)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
    struct alert *a = tor_alert();

    a->type = &golden_type;
    encode(a, &line);
    compare_golden("tor.json", &line);
    alert_free(a);
}
END_TEST

START_TEST(an_alert_with_nothing_is_written_as_in_the_golden_file)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
    struct alert *a = bare_alert();

    a->type = &golden_type;
    encode(a, &line);
    compare_golden("bare.json", &line);
    alert_free(a);
}
END_TEST

/* ---- meaning ------------------------------------------------------------------------------------ */

START_TEST(the_members_say_what_the_table_says)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
    struct alert *a = tor_alert();
    static const struct { const char *path, *wanted; } cases[] = {
        { "/schemaVersion", "1.0" },
        { "/alertType", "CosmosDB_TorAnomaly" },
        { "/variant", "FirstSeen" },
        { "/severity", "High" },
        { "/intent", "InitialAccess" },
        { "/techniques/0", "T1078" },
        { "/subTechniques/0", "T1078.004" },
        { "/startTimeUtc", "2026-03-03T09:10:00.0000000Z" },
        { "/endTimeUtc", "2026-03-03T09:14:22.1234567Z" },
        { "/count", "214" },
        { "/compromisedEntity", RESOURCE },
        { "/resourceIdentifiers/0/azureResourceId", RESOURCE },
        { "/entities/0/type", "azure-resource" },
        { "/entities/1/type", "ip" },
        { "/entities/1/address", "203.0.113.66" },
        { "/entities/1/location/countryName", "Germany" },
        { "/entities/1/location/longitude", "8.6821" },
        { "/entities/1/threatIntelligence/0/providerName", "tor" },
        { "/entities/1/threatIntelligence/0/confidence", "0.95" },
        { "/entities/1/threatIntelligence/0/firstSeenUtc", "2026-03-02T21:00:00.0000000Z" },
        { "/entities/2/aadUserId", "22222222-3333-4444-8555-666666666666" },
        { "/entities/3/name", "anna" },
        { "/entities/3/upnSuffix", "contoso.example" },
        { "/evidence/bytesOut", "48234496" },
        { "/evidence/operations/Query", "198" },
        { "/evidence/container/0", "cards" },
        { "/evidence/listedSince", "2026-03-02T21:00:00.0000000Z" },
        { "/extendedProperties/resourceType", "Azure Cosmos DB" },
        { "/extendedProperties/Client IP address", "203.0.113.66" },
        { "/extendedProperties/Client IP location", "Frankfurt am Main, Germany" },
        { "/extendedProperties/Authentication type", "Master key" },
        { "/extendedProperties/Operations", "Query=198, ReadFeed=16" },
        { "/extendedProperties/Request charge", "1234.567" },
        { "/extendedProperties/Container name", "cards, customers" },
        { "/sample/activityId", "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee" },
    };
    struct json_object *o;

    a->type = &golden_type;
    encode(a, &line);
    o = parse(&line);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(strcmp(text_at(o, cases[i].path), cases[i].wanted) == 0, "%s is %s", cases[i].path,
                      text_at(o, cases[i].path));
    ck_assert_str_eq(text_at(o, "/recordId"), a->record_id);
    ck_assert_str_eq(text_at(o, "/systemAlertId"), a->id);
    ck_assert_ptr_nonnull(strstr(text_at(o, "/query"), "203.0.113.66"));
    ck_assert_ptr_nonnull(strstr(text_at(o, "/reasons/0"), "214"));
    json_object_put(o);
    alert_free(a);
}
END_TEST

START_TEST(every_type_of_the_catalogue_can_be_written)
{
    size_t n = 0;

    for (; alert_type_at(n); n++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
        struct alert *a = tor_alert();
        struct json_object *o;

        a->type = alert_type_at(n);
        encode(a, &line);
        o = parse(&line);
        ck_assert_str_eq(text_at(o, "/alertType"), a->type->id);
        json_object_put(o);
        alert_free(a);
    }
    ck_assert_uint_gt(n, 1);
}
END_TEST

/* ---- hostile texts ------------------------------------------------------------------------------ */

static const struct slice hostile[] = {
    SL("\n{\"systemAlertId\":\"forged\"}\n"),
    SL("\",\"severity\":\"Informational\",\"x\":\""),
    SL("\\\",\\"),
    SL("\xff\xfe\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80"),
    SL("\x1b[2J\x1b]0;title\x07"),
    SL("\x7f\x01\x1f\xc2\x85\xc2\x9b"),
    SL("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xae right to left"),
    SL("{subject}{count:bytes}[[x]]{address:kqlset}"),
    SL("'; drop table alert; --"),
    SL("\xf0\x9f\x92\xa3 \xc3\xbc"),
    SL("<script>alert(1)</script>${jndi:ldap://x}"),
};

START_TEST(hostile_texts_stay_texts)
{
    for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
        static const char *const names[] = { "address", "principal", "userAgent", "database", "container",
                                             "keyKind", "feed", "query", "place", "activityId", "appId" };
        struct fact_value facts[ARRAY_LEN(names) + 1];
        struct alert *a = NULL;
        struct json_object *o;

        for (size_t j = 0; j < ARRAY_LEN(names); j++)
            facts[j] = (struct fact_value){ .name = names[j], .kind = FACT_SET, .text = hostile[i] };
        facts[ARRAY_LEN(names)] = (struct fact_value){ .name = "operations", .kind = FACT_MAP, .text = hostile[i],
                                                       .number = INT64_MAX };
        OK(alert_from_draft(&(struct alert_draft){
               .detector = "bad_address", .state_version = 1, .type = "CosmosDB_TorAnomaly", .variant = ".Write",
               .severity = SEVERITY_HIGH, .account = hostile[i], .resource_id = hostile[i], .subject = hostile[i],
               .bucket_ns = INT64_MIN, .first_ns = INT64_MIN, .last_ns = INT64_MAX - NS_PER_HOUR, .count = INT64_MAX,
               .facts = facts, .facts_len = ARRAY_LEN(facts) }, &a, err));
        encode(a, &line);
        for (size_t j = 0; j < line.len; j++)
            ck_assert_msg((unsigned char)line.at[j] >= 0x20 && line.at[j] != 0x7f, "control byte, case %zu", i);
        o = parse(&line);
        ck_assert_str_eq(text_at(o, "/severity"), "High");
        ck_assert_str_eq(text_at(o, "/systemAlertId"), a->id);
        ck_assert_int_eq(json_object_get_int64(get(o, "/count")), INT64_MAX);
        json_object_put(o);
        alert_free(a);
    }
}
END_TEST

START_TEST(facts_that_were_cut_are_named)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
    struct fact_value facts[60];
    char texts[60][32];
    struct alert *a = NULL;
    struct json_object *o;

    for (int i = 0; i < 60; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "198.51.100.%d", i);
        facts[i] = (struct fact_value){ .name = "address", .kind = FACT_SET, .text = slice_of(texts[i]) };
    }
    OK(alert_from_draft(&(struct alert_draft){ .detector = "x", .type = "CosmosDB_SuspiciousIp", .account = SL("a"),
                                               .subject = SL("s"), .facts = facts, .facts_len = 60 }, &a, err));
    encode(a, &line);
    o = parse(&line);
    ck_assert_str_eq(text_at(o, "/evidenceCut/0"), "address");
    ck_assert_uint_eq(json_object_array_length(get(o, "/evidence/address")), FACT_SET_MAX);
    ck_assert_uint_eq(json_object_array_length(get(o, "/entities")), FACT_SET_MAX);
    ck_assert_ptr_nonnull(strstr(text_at(o, "/extendedProperties/Client IP address"), "198.51.100."));
    json_object_put(o);
    alert_free(a);
}
END_TEST

START_TEST(an_alert_that_does_not_fit_is_an_error_not_half_an_object)
{
    struct alert *a = tor_alert();

    for (size_t max = 0; max < 6000; max += 97) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(max);
        struct error why = { 0 };

        if (json->encode(a, &line, &why) == 0)
            json_object_put(parse(&line));
        else
            ck_assert_int_eq(why.code, ERR_LIMIT);
    }
    alert_free(a);
}
END_TEST

START_TEST(a_text_that_does_not_fit_is_an_error_not_an_empty_text)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
    static char endless[70000];
    struct alert_type verbose = golden_type;
    struct alert *a = tor_alert();

    memset(endless, 'x', sizeof endless - 1);
    verbose.description = endless;
    a->type = &verbose;
    FAILS(json->encode(a, &line, err), ERR_LIMIT);
    alert_free(a);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("encode json");
    TCase *t = tcase_create("json");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, an_alert_with_everything_is_written_as_in_the_golden_file);
    tcase_add_test(t, an_alert_with_nothing_is_written_as_in_the_golden_file);
    tcase_add_test(t, the_members_say_what_the_table_says);
    tcase_add_test(t, every_type_of_the_catalogue_can_be_written);
    tcase_add_test(t, hostile_texts_stay_texts);
    tcase_add_test(t, facts_that_were_cut_are_named);
    tcase_add_test(t, an_alert_that_does_not_fit_is_an_error_not_half_an_object);
    tcase_add_test(t, a_text_that_does_not_fit_is_an_error_not_an_empty_text);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
