/* What the JSON formats promise: the same bytes for the same alert (golden files), valid JSON whatever the
 * texts hold, one alert id everywhere and a record id for each update, limits kept with the cuts counted.
 * With ENCODE_DUMP_DIR set, all documents are also written there for tests/conformance/formats.
 * SPDX-License-Identifier: Apache-2.0 */
#include "encode_kit.h"

#include "outputs/kit/attack.h"
#include "outputs/kit/severity.h"

static const struct {
    const char *name;
    const char *alert_id, *record_id, *severity, *cuts; /* where they are; cuts: NULL when elsewhere or absent */
    const char *high, *low;
    size_t max_bytes;
} formats[] = {
    { .name = "defender", .alert_id = "/SystemAlertId", .record_id = "/ExtendedProperties/Record Id",
      .severity = "/Severity", .cuts = "/ExtendedProperties/Cut fields", .high = "High", .low = "Low", .max_bytes = 32768 },
    { .name = "asim", .alert_id = "/AlertId", .record_id = "/EventUid", .severity = "/EventSeverity",
      .cuts = "/AdditionalFields/FieldsCut", .high = "High", .low = "Low", .max_bytes = 65535 },
    { .name = "sentinel", .alert_id = "/SystemAlertId", .record_id = "/RecordId", .severity = "/AlertSeverity",
      .cuts = "/FieldsCut", .high = "High", .low = "Low", .max_bytes = 65535 },
    { .name = "common_security_log", .alert_id = "/ExtID", .record_id = "/FlexString1", .severity = "/LogSeverity",
      .cuts = "/FieldDeviceCustomNumber3", .high = "8", .low = "3", .max_bytes = 65535 },
    { .name = "ocsf", .alert_id = "/finding_info/uid", .record_id = "/metadata/uid", .severity = "/severity_id",
      .cuts = "/unmapped/fields_cut", .high = "4", .low = "2", .max_bytes = 250000 },
    { .name = "ecs", .alert_id = "/azure_cosmos/alert_id", .record_id = "/event/id", .severity = "/event/severity",
      .cuts = "/azure_cosmos/fields_cut", .high = "73", .low = "21", .max_bytes = 250000 },
    { .name = "cloudevents", .alert_id = "/subject", .record_id = "/id", .severity = "/data/severity",
      .high = "High", .low = "Low", .max_bytes = (size_t)1 << 24 },
};

#define OUT_MAX ((size_t)1 << 24)

START_TEST(documents_are_written_as_in_the_golden_files)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct alert *a = kit_tor_alert(), *b = kit_bare_alert();
        CLEANUP(buf_release) struct buf tor = BUF_INIT(OUT_MAX), bare = BUF_INIT(OUT_MAX);
        char name[48];

        kit_encode(encoder_find(formats[i].name), a, &tor);
        (void)snprintf(name, sizeof name, "tor.%s.json", formats[i].name);
        kit_compare_golden(name, &tor);
        kit_encode(encoder_find(formats[i].name), b, &bare);
        (void)snprintf(name, sizeof name, "bare.%s.json", formats[i].name);
        kit_compare_golden(name, &bare);
        alert_free(a);
        alert_free(b);
    }
}
END_TEST

START_TEST(an_update_keeps_the_alert_id_and_has_a_record_id_of_its_own)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct alert *a = kit_tor_alert();
        char first[64];

        (void)snprintf(first, sizeof first, "%s", a->record_id);
        for (int n = 0; n < 2; n++) {
            CLEANUP(buf_release) struct buf line = BUF_INIT(OUT_MAX);
            struct json_object *o;

            if (n > 0)
                kit_make_update(a, n);
            kit_encode(encoder_find(formats[i].name), a, &line);
            o = kit_parse(&line);
            ck_assert_str_eq(kit_at(o, formats[i].alert_id), a->id);
            ck_assert_str_eq(kit_at(o, formats[i].record_id), a->record_id);
            json_object_put(o);
        }
        ck_assert_str_ne(first, a->record_id);
        alert_free(a);
    }
}
END_TEST

START_TEST(severity_comes_from_the_one_table)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        struct alert *a = kit_tor_alert();

        for (int n = 0; n < 2; n++) {
            CLEANUP(buf_release) struct buf line = BUF_INIT(OUT_MAX);
            struct json_object *o;

            a->severity = n == 0 ? SEVERITY_HIGH : SEVERITY_LOW;
            kit_encode(encoder_find(formats[i].name), a, &line);
            o = kit_parse(&line);
            ck_assert_str_eq(kit_at(o, formats[i].severity), n == 0 ? formats[i].high : formats[i].low);
            json_object_put(o);
        }
        alert_free(a);
    }
    for (int s = SEVERITY_INFORMATIONAL; s < SEVERITY_HIGH; s++) {
        const struct severity_scale *low = severity_scale((enum severity)s), *high = severity_scale((enum severity)(s + 1));

        ck_assert_int_lt(low->cef, high->cef);
        ck_assert_int_lt(low->ocsf, high->ocsf);
        ck_assert_int_gt(low->syslog, high->syslog);
        ck_assert_int_le(low->ecs, high->ecs);
        ck_assert_int_gt(low->servicenow, high->servicenow);
    }
}
END_TEST

START_TEST(members_stand_where_content_looks_for_them)
{
    static const struct { const char *format, *path, *wanted; } cases[] = {
        { "defender", "/VendorName", "cosmowatch" },
        { "defender", "/AlertType", "CosmosDB_TorAnomaly" },
        { "defender", "/StartTimeUtc", "2026-03-03T09:10:00.0000000Z" },
        { "defender", "/AzureResourceId", ARM_PUBLISHED },
        { "defender", "/AzureResourceSubscriptionId", "11111111-2222-4333-8444-555555555555" },
        { "defender", "/CompromisedEntity", "shop-prod" },
        { "defender", "/Entities/0/$id", "2" },
        { "defender", "/Entities/0/Type", "azure-resource" },
        { "defender", "/Entities/1/$id", "3" },
        { "defender", "/Entities/1/Address", "203.0.113.66" },
        { "defender", "/Entities/1/Location/CountryName", "Germany" },
        { "defender", "/Entities/1/ThreatIntelligence/0/Confidence", "0.95" },
        { "defender", "/Entities/3/UPNSuffix", "contoso.example" },
        { "defender", "/ResourceIdentifiers/0/$id", "7" },
        { "defender", "/ExtendedProperties/Client IP address", "203.0.113.66" },
        { "defender", "/ExtendedProperties/Update", "0" },
        { "defender", "/ConfidenceScore", "0.95" },
        { "asim", "/DvcIpAddr", "203.0.113.66" },
        { "asim", "/AttackTechniques", "Cloud Accounts (T1078.004), Valid Accounts (T1078), Multi-hop Proxy (T1090.003)" },
        { "asim", "/AttackTactics", "Initial Access" },
        { "asim", "/DetectionMethod", "Threat Intelligence" },
        { "asim", "/EventCount", "214" },
        { "asim", "/EventResult", "Success" },
        { "asim", "/AdditionalFields/Facts/operations/0/value", "Query" },
        { "sentinel", "/ClientIpAddress", "203.0.113.66" },
        { "sentinel", "/AlertResourceId", ARM_PUBLISHED },
        { "sentinel", "/Evidence/operations/0/count", "198" },
        { "sentinel", "/StatusCode", "200" },
        { "common_security_log", "/SourceIP", "203.0.113.66" },
        { "common_security_log", "/DestinationHostName", "shop-prod" },
        { "common_security_log", "/DeviceCustomString1", ARM_PUBLISHED },
        { "common_security_log", "/SentBytes", "48234496" },
        { "common_security_log", "/EventCount", "214" },
        { "common_security_log", "/DeviceCustomFloatingPoint1", "1234.567" },
        { "common_security_log", "/DeviceCustomNumber2", "200" },
        { "ocsf", "/type_uid", "200401" },
        { "ocsf", "/time", "1772529262123" },
        { "ocsf", "/evidences/0/src_endpoint/ip", "203.0.113.66" },
        { "ocsf", "/evidences/0/api/operation", "Query" },
        { "ocsf", "/evidences/0/api/response/code", "200" },
        { "ocsf", "/finding_info/attacks/0/sub_technique/name", "Cloud Accounts" },
        { "ocsf", "/osint/0/name", "tor" },
        { "ocsf", "/metadata/is_truncated", "false" },
        { "ecs", "/source/ip", "203.0.113.66" },
        { "ecs", "/event/kind", "alert" },
        { "ecs", "/event/duration", "262123456700" },
        { "ecs", "/threat/technique/id/1", "T1090" },
        { "ecs", "/threat/technique/subtechnique/name/1", "Multi-hop Proxy" },
        { "ecs", "/source/geo/location/lon", "8.6821" },
        { "ecs", "/destination/bytes", "48234496" },
        { "ecs", "/azure_cosmos/facts/operations/0", "Query=198" },
        { "cloudevents", "/source", ARM_PUBLISHED },
        { "cloudevents", "/type", "io.cosmowatch.alert.v1" },
        { "cloudevents", "/data/alertType", "CosmosDB_TorAnomaly" },
    };
    struct alert *a = kit_tor_alert();

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(OUT_MAX);
        struct json_object *o;

        kit_encode(encoder_find(cases[i].format), a, &line);
        o = kit_parse(&line);
        ck_assert_msg(strcmp(kit_at(o, cases[i].path), cases[i].wanted) == 0, "%s %s is %s", cases[i].format,
                      cases[i].path, kit_at(o, cases[i].path));
        json_object_put(o);
    }
    alert_free(a);
}
END_TEST

START_TEST(hostile_texts_stay_texts)
{
    for (size_t i = 0; i < ARRAY_LEN(kit_hostile); i++) {
        struct alert *a = kit_alert_of(kit_hostile[i]);

        for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
            CLEANUP(buf_release) struct buf line = BUF_INIT(OUT_MAX);
            struct json_object *o;

            kit_encode(encoder_find(formats[f].name), a, &line);
            for (size_t j = 0; j < line.len; j++)
                ck_assert_msg((unsigned char)line.at[j] >= 0x20 && line.at[j] != 0x7f, "control byte, case %zu", i);
            o = kit_parse(&line);
            ck_assert_str_eq(kit_at(o, formats[f].alert_id), a->id);
            ck_assert_str_eq(kit_at(o, formats[f].record_id), a->record_id);
            json_object_put(o);
        }
        alert_free(a);
    }
}
END_TEST

static struct slice big(char *room, size_t len, const char *unit)
{
    size_t n = strlen(unit), at = 0;

    for (; at + n <= len; at += n)
        memcpy(room + at, unit, n);
    return slice_make(room, at);
}

/* Twenty long texts in every set: more than any limit. */
static struct alert *huge_alert(char *room, const char *unit, size_t about_max)
{
    static const char *const names[] = { "address", "principal", "userAgent", "database", "container", "query",
                                         "queryShape", "region", "appId", "feed", "observedValue" };
    struct alert *a = kit_alert_with(big(room, 1 << 20, unit), about_max);

    for (size_t i = about_max == SIZE_MAX ? 0 : 1; i < ARRAY_LEN(names); i++) { /* the native format must hold it too */
        for (int n = 0; n < 25; n++) {
            struct fact_value f = { .name = names[i], .kind = FACT_SET };

            (void)snprintf(room, 8, "%07d", n);
            room[7] = unit[0];
            f.text = slice_make(room, 1 << 20);
            MUST(alert_merge(a, &(struct alert_draft){ .detector = "bad_address", .state_version = 1,
                                                       .type = "CosmosDB_TorAnomaly", .severity = SEVERITY_LOW,
                                                       .first_ns = a->first_ns, .last_ns = a->last_ns, .facts = &f, .facts_len = 1 }, err));
        }
    }
    a->type = &kit_type;
    return a;
}

START_TEST(a_document_fits_its_receiver_stays_valid_and_counts_what_was_cut)
{
    static const char *const units[] = { "a", "\xf0\x9f\x92\xa3", "\x01", "\"", "\xff" };
    char *room = malloc((1 << 20) + 8);

    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        struct alert *a = huge_alert(room, units[i], SIZE_MAX);

        for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
            CLEANUP(buf_release) struct buf line = BUF_INIT((size_t)1 << 26);
            struct json_object *o;

            if (!formats[f].cuts)
                continue;
            kit_encode(encoder_find(formats[f].name), a, &line);
            ck_assert_uint_le(line.len, formats[f].max_bytes);
            o = kit_parse(&line);
            ck_assert_str_eq(kit_at(o, formats[f].alert_id), a->id);
            ck_assert_str_ne(kit_at(o, formats[f].cuts), "0");
            json_object_put(o);
        }
        alert_free(a);
    }
    free(room);
}
END_TEST

START_TEST(a_document_that_does_not_fit_its_buffer_is_cut_or_an_error_never_half)
{
    struct alert *a = kit_tor_alert();

    for (size_t f = 0; f < ARRAY_LEN(formats); f++)
        for (size_t max = 0; max < 8000; max += 97) {
            CLEANUP(buf_release) struct buf line = BUF_INIT(max);
            struct error why = { 0 };

            if (encoder_find(formats[f].name)->encode(a, &line, &why) == 0)
                json_object_put(kit_parse(&line));
            else
                ck_assert_int_eq(why.code, ERR_LIMIT);
        }
    alert_free(a);
}
END_TEST

START_TEST(a_document_is_appended_to_what_is_there)
{
    struct alert *a = kit_tor_alert();

    for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(OUT_MAX);

        buf_add_str(&line, "[");
        kit_encode(encoder_find(formats[f].name), a, &line);
        buf_add_char(&line, ',');
        kit_encode(encoder_find(formats[f].name), a, &line);
        buf_add_char(&line, ']');
        json_object_put(kit_parse(&line));
    }
    alert_free(a);
}
END_TEST

START_TEST(every_technique_and_tactic_of_the_catalogue_has_a_name)
{
    for (size_t n = 0; alert_type_at(n); n++) {
        const struct alert_type *t = alert_type_at(n);

        ck_assert_msg(attack_tactic(t->intent), "%s: tactic %s", t->id, t->intent);
        for (size_t i = 0; i < TECHNIQUES_MAX && t->techniques[i]; i++) {
            ck_assert_msg(attack_technique(t->techniques[i], strlen(t->techniques[i])), "%s: %s", t->id, t->techniques[i]);
            ck_assert_msg(attack_technique(t->techniques[i], strcspn(t->techniques[i], ".")), "%s: %s", t->id,
                          t->techniques[i]);
        }
    }
}
END_TEST

/* ---- for the checks that others wrote -------------------------------------------------------------- */

static void dump(const char *dir, const char *name, const struct alert *a)
{
    for (size_t i = 0; encoders_all[i]; i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT((size_t)1 << 26);
        char path[400];
        FILE *f;

        kit_encode(encoders_all[i], a, &out);
        (void)snprintf(path, sizeof path, "%s/%s.%s", dir, name, encoders_all[i]->name);
        f = fopen(path, "w");
        ck_assert_msg(f, "cannot write %s", path);
        ck_assert_uint_eq(fwrite(out.at, 1, out.len, f), out.len);
        ck_assert_int_eq(fclose(f), 0);
    }
}

START_TEST(all_documents_can_be_written_for_the_conformance_checks)
{
    const char *dir = getenv("ENCODE_DUMP_DIR");
    char name[64], *room;
    struct alert *a;

    if (!dir)
        return;
    for (size_t i = 0; i < ARRAY_LEN(kit_hostile); i++) {
        (void)snprintf(name, sizeof name, "hostile-%02zu", i);
        dump(dir, name, a = kit_alert_of(kit_hostile[i]));
        alert_free(a);
    }
    for (size_t n = 0; alert_type_at(n); n++) {
        (void)snprintf(name, sizeof name, "type-%02zu", n);
        a = kit_tor_alert();
        a->type = alert_type_at(n);
        kit_make_update(a, (int)n);
        dump(dir, name, a);
        alert_free(a);
    }
    dump(dir, "tor", a = kit_tor_alert());
    alert_free(a);
    dump(dir, "bare", a = kit_bare_alert());
    alert_free(a);
    room = malloc((1 << 20) + 8);
    dump(dir, "long", a = kit_alert_with(big(room, 1 << 20, "SELECT * FROM c WHERE c.a = 1 OR \\ | ^ \xc3\xbc "), 8000));
    alert_free(a);
    dump(dir, "huge", a = huge_alert(room, "\xe5\xb1\xb1", 8000));
    alert_free(a);
    free(room);
}
END_TEST

KIT_MAIN("encode documents", documents_are_written_as_in_the_golden_files,
         an_update_keeps_the_alert_id_and_has_a_record_id_of_its_own, severity_comes_from_the_one_table,
         members_stand_where_content_looks_for_them, hostile_texts_stay_texts,
         a_document_fits_its_receiver_stays_valid_and_counts_what_was_cut,
         a_document_that_does_not_fit_its_buffer_is_cut_or_an_error_never_half,
         a_document_is_appended_to_what_is_there, every_technique_and_tactic_of_the_catalogue_has_a_name,
         all_documents_can_be_written_for_the_conformance_checks)
