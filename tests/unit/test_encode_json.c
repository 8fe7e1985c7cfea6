/* What the native format promises: the same bytes for the same alert (golden files), one line of valid
 * JSON whatever the texts hold, every fact in it.
 * UPDATE_GOLDEN=1 writes the golden files anew: look at the diff before you commit it.
 * SPDX-License-Identifier: Apache-2.0 */
#include "encode_kit.h"

static void encode(const struct alert *a, struct buf *line)
{
    kit_encode(encoder_find("json"), a, line);
    ck_assert_ptr_null(memchr(line->at, '\n', line->len));
}

static struct json_object *get(struct json_object *o, const char *path)
{
    struct json_object *found = NULL;

    ck_assert_msg(json_pointer_get(o, path, &found) == 0, "no %s", path);
    return found;
}

/* ---- golden ------------------------------------------------------------------------------------- */

static void check_golden(struct alert *a, const char *name)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);

    encode(a, &line);
    kit_compare_golden(name, &line);
    alert_free(a);
}

START_TEST(an_alert_with_everything_is_written_as_in_the_golden_file)
{
    check_golden(kit_tor_alert(), "tor.json");
}
END_TEST

START_TEST(an_alert_with_nothing_is_written_as_in_the_golden_file)
{
    check_golden(kit_bare_alert(), "bare.json");
}
END_TEST

/* ---- meaning ------------------------------------------------------------------------------------ */

START_TEST(the_members_say_what_the_table_says)
{
    CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
    struct alert *a = kit_tor_alert();
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
        { "/compromisedEntity", ARM_LOWER },
        { "/resourceIdentifiers/0/azureResourceId", ARM_LOWER },
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

    encode(a, &line);
    o = kit_parse(&line);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        ck_assert_msg(strcmp(kit_at(o, cases[i].path), cases[i].wanted) == 0, "%s is %s", cases[i].path,
                      kit_at(o, cases[i].path));
    ck_assert_str_eq(kit_at(o, "/recordId"), a->record_id);
    ck_assert_str_eq(kit_at(o, "/systemAlertId"), a->id);
    ck_assert_ptr_nonnull(strstr(kit_at(o, "/query"), "203.0.113.66"));
    ck_assert_ptr_nonnull(strstr(kit_at(o, "/reasons/0"), "214"));
    json_object_put(o);
    alert_free(a);
}
END_TEST

START_TEST(every_type_of_the_catalogue_can_be_written)
{
    size_t n = 0;

    for (; alert_type_at(n); n++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
        struct alert *a = kit_tor_alert();
        struct json_object *o;

        a->type = alert_type_at(n);
        encode(a, &line);
        o = kit_parse(&line);
        ck_assert_str_eq(kit_at(o, "/alertType"), a->type->id);
        json_object_put(o);
        alert_free(a);
    }
    ck_assert_uint_gt(n, 1);
}
END_TEST

/* ---- hostile texts ------------------------------------------------------------------------------ */

START_TEST(hostile_texts_stay_texts)
{
    for (size_t i = 0; i < ARRAY_LEN(kit_hostile); i++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(1 << 20);
        static const char *const names[] = { "address", "principal", "userAgent", "database", "container",
                                             "keyKind", "feed", "query", "place", "activityId", "appId" };
        struct fact_value facts[ARRAY_LEN(names) + 1];
        struct alert *a = NULL;
        struct json_object *o;

        for (size_t j = 0; j < ARRAY_LEN(names); j++)
            facts[j] = (struct fact_value){ .name = names[j], .kind = FACT_SET, .text = kit_hostile[i] };
        facts[ARRAY_LEN(names)] = (struct fact_value){ .name = "operations", .kind = FACT_MAP, .text = kit_hostile[i],
                                                       .number = INT64_MAX };
        MUST(alert_from_draft(&(struct alert_draft){
               .detector = "bad_address", .state_version = 1, .type = "CosmosDB_TorAnomaly", .variant = ".Write",
               .severity = SEVERITY_HIGH, .account = kit_hostile[i], .resource_id = kit_hostile[i], .subject = kit_hostile[i],
               .bucket_ns = INT64_MIN, .first_ns = INT64_MIN, .last_ns = INT64_MAX - NS_PER_HOUR, .count = INT64_MAX,
               .facts = facts, .facts_len = ARRAY_LEN(facts) }, &a, err));
        encode(a, &line);
        for (size_t j = 0; j < line.len; j++)
            ck_assert_msg((unsigned char)line.at[j] >= 0x20 && line.at[j] != 0x7f, "control byte, case %zu", i);
        o = kit_parse(&line);
        ck_assert_str_eq(kit_at(o, "/severity"), "High");
        ck_assert_str_eq(kit_at(o, "/systemAlertId"), a->id);
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
    MUST(alert_from_draft(&(struct alert_draft){ .detector = "x", .type = "CosmosDB_SuspiciousIp", .account = SL("a"),
                                               .subject = SL("s"), .facts = facts, .facts_len = 60 }, &a, err));
    encode(a, &line);
    o = kit_parse(&line);
    ck_assert_str_eq(kit_at(o, "/evidenceCut/0"), "address");
    ck_assert_uint_eq(json_object_array_length(get(o, "/evidence/address")), FACT_SET_MAX);
    ck_assert_uint_eq(json_object_array_length(get(o, "/entities")), FACT_SET_MAX);
    ck_assert_ptr_nonnull(strstr(kit_at(o, "/extendedProperties/Client IP address"), "198.51.100."));
    json_object_put(o);
    alert_free(a);
}
END_TEST

START_TEST(an_alert_that_does_not_fit_is_an_error_not_half_an_object)
{
    struct alert *a = kit_tor_alert();

    for (size_t max = 0; max < 6000; max += 97) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(max);
        struct error why = { 0 };

        if (encoder_find("json")->encode(a, &line, &why) == 0)
            json_object_put(kit_parse(&line));
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
    struct alert_type verbose = kit_type;
    struct alert *a = kit_tor_alert();

    memset(endless, 'x', sizeof endless - 1);
    verbose.description = endless;
    a->type = &verbose;
    FAILS(encoder_find("json")->encode(a, &line, err), ERR_LIMIT);
    alert_free(a);
}
END_TEST

KIT_MAIN("encode json",
         an_alert_with_everything_is_written_as_in_the_golden_file,
         an_alert_with_nothing_is_written_as_in_the_golden_file,
         the_members_say_what_the_table_says,
         every_type_of_the_catalogue_can_be_written,
         hostile_texts_stay_texts,
         facts_that_were_cut_are_named,
         an_alert_that_does_not_fit_is_an_error_not_half_an_object,
         a_text_that_does_not_fit_is_an_error_not_an_empty_text)
