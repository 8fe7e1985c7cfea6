/* encode_kit.h - what the tests of the formats share: alerts, hostile texts, golden files, strict JSON.
 *
 * UPDATE_GOLDEN=1 writes the golden files anew: look at the diff before you commit it. The agent's version
 * stands in them as @VERSION@.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_ENCODE_KIT_H
#define COSMOWATCH_TEST_ENCODE_KIT_H

#include "store_kit.h"

#include "alert/catalogue.h"
#include "base/buf.h"
#include "base/json_in.h"
#include "outputs/output.h"
#include "tests/kit/suite.h"

#include <json-c/json.h>

#define ARM_LOWER                                                                                  \
    "/subscriptions/11111111-2222-4333-8444-555555555555/resourcegroups/rg-shop/providers/"        \
    "microsoft.documentdb/databaseaccounts/shop-prod"
#define ARM_PUBLISHED                                                                              \
    "/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/rg-shop/providers/"        \
    "Microsoft.DocumentDB/databaseAccounts/shop-prod"

#define MUST(call)                                                                                 \
    do {                                                                                           \
        struct error must_err = { 0 };                                                             \
        struct error *err = &must_err;                                                             \
        ck_assert_msg((call) == 0, "%s: %s", #call, must_err.msg);                                 \
    } while (0)

/* Words of our own: golden files are about the format, the catalogue's words may change. */
static const struct alert_type kit_type UNUSED = {
    .id = "CosmosDB_TorAnomaly", .display_name = "Access from a Tor exit node", .severity = SEVERITY_HIGH,
    .intent = "InitialAccess", .techniques = { "T1078.004", "T1078", "T1090.003" },
    .description = "The account {account} was used from {subject}.",
    .why = "{subject} made {count} request(s)[[ with {keyKind}]].",
    .investigate = { "Look at {subject}." }, .remediate = { "Close the door of {account}.", "Change the keys." },
    .prevent = { "Keep it closed." }, .tables = { "CDBDataPlaneRequests", "CDBMongoRequests" },
    .kql = "CDBDataPlaneRequests\n| where AccountName =~ {account:kql}[[ and ClientIpAddress in {address:kqlset}]]",
};

static UNUSED struct alert *kit_tor_alert(void)
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
        { .name = "appId", .kind = FACT_SET, .text = SL("33333333-4444-4555-8666-777777777777") },
        { .name = "userAgent", .kind = FACT_SET, .text = SL("python-requests/2.32 (a=b|c)") },
        { .name = "database", .kind = FACT_SET, .text = SL("orders") },
        { .name = "container", .kind = FACT_SET, .text = SL("customers") },
        { .name = "container", .kind = FACT_SET, .text = SL("cards") },
        { .name = "region", .kind = FACT_SET, .text = SL("West Europe") },
        { .name = "operations", .kind = FACT_MAP, .text = SL("Query"), .number = 198 },
        { .name = "operations", .kind = FACT_MAP, .text = SL("ReadFeed"), .number = 16 },
        { .name = "statusCodes", .kind = FACT_MAP, .text = SL("200"), .number = 214 },
        { .name = "requests", .kind = FACT_SUM, .number = 214 },
        { .name = "bytesOut", .kind = FACT_SUM, .number = 48234496 },
        { .name = "bytesIn", .kind = FACT_SUM, .number = 9001 },
        { .name = "ruMilli", .kind = FACT_SUM, .number = 1234567 },
        { .name = "feed", .kind = FACT_SET, .text = SL("tor") },
        { .name = "category", .kind = FACT_SET, .text = SL("tor") },
        { .name = "listingConfidence", .kind = FACT_MAX, .number = 95 },
        { .name = "listedSince", .kind = FACT_MIN, .number = INT64_C(1772485200) * NS_PER_S },
        { .name = "activityId", .kind = FACT_SET, .text = SL("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee") },
    };

    MUST(alert_from_draft(&(struct alert_draft){
             .detector = "bad_address", .state_version = 1, .type = "CosmosDB_TorAnomaly", .variant = ".FirstSeen",
             .severity = SEVERITY_HIGH, .confidence = 95, .api = API_NOSQL, .account = SL("shop-prod"),
             .resource_id = SL(ARM_LOWER), .subject = SL("203.0.113.66"), .bucket_ns = INT64_C(1772496000) * NS_PER_S,
             .first_ns = INT64_C(1772529000) * NS_PER_S, .last_ns = INT64_C(1772529262123456700), .count = 214,
             .facts = facts, .facts_len = ARRAY_LEN(facts) }, &a, err));
    a->type = &kit_type;
    return a;
}

/* As little as an alert can have. */
static UNUSED struct alert *kit_bare_alert(void)
{
    struct alert *a = NULL;

    MUST(alert_from_draft(&(struct alert_draft){
             .detector = "volume", .state_version = 1, .type = "CosmosDB_SuspiciousIp", .severity = SEVERITY_LOW,
             .account = SL("a"), .subject = SL(""), .count = 1, .bucket_ns = INT64_C(1772496000) * NS_PER_S,
             .first_ns = INT64_C(1772529000) * NS_PER_S, .last_ns = INT64_C(1772529000) * NS_PER_S }, &a, err));
    a->type = &kit_type;
    a->is_sample = true;
    return a;
}

/* The same alert, told again. */
static UNUSED void kit_make_update(struct alert *a, int n)
{
    a->update = n;
    (void)snprintf(a->record_id, sizeof a->record_id, "%s-%d", a->id, n);
}

/* An alert that has `text` in every place that a row can write to; what it is about gets no more than
 * about_max bytes. */
static UNUSED struct alert *kit_alert_with(struct slice text, size_t about_max)
{
    struct slice about = slice_cut(text, about_max);
    static const char *const names[] = { "principal", "userAgent", "database", "container", "keyKind", "feed",
                                         "category", "query", "place", "activityId", "appId", "region", "network" };
    struct fact_value facts[ARRAY_LEN(names) + 3];
    struct alert *a = NULL;
    size_t n = 0;

    for (; n < ARRAY_LEN(names); n++)
        facts[n] = (struct fact_value){ .name = names[n], .kind = FACT_SET, .text = text };
    facts[n++] = (struct fact_value){ .name = "address", .kind = FACT_SET, .text = text };
    facts[n++] = (struct fact_value){ .name = "address", .kind = FACT_SET, .text = SL("2001:db8::66") };
    facts[n++] = (struct fact_value){ .name = "operations", .kind = FACT_MAP, .text = text, .number = INT64_MAX };
    MUST(alert_from_draft(&(struct alert_draft){
             .detector = "bad_address", .state_version = 1, .type = "CosmosDB_TorAnomaly", .variant = ".Write",
             .severity = SEVERITY_MEDIUM, .confidence = 50, .account = about, .resource_id = about, .subject = about,
             .bucket_ns = INT64_C(1772496000) * NS_PER_S, .first_ns = INT64_C(1772529000) * NS_PER_S,
             .last_ns = INT64_C(1772529000) * NS_PER_S + 999999999, .count = INT64_MAX, .facts = facts,
             .facts_len = n }, &a, err));
    a->type = &kit_type;
    kit_make_update(a, 3);
    return a;
}

static UNUSED struct alert *kit_alert_of(struct slice text)
{
    return kit_alert_with(text, SIZE_MAX);
}

static const struct slice kit_hostile[] UNUSED = {
    SL(""), SL(" "), SL("   "), SL("\t"), SL("\n"), SL("\r\n"), SL("\r"), SL("|"), SL("||"), SL("="), SL("=="),
    SL("\\"), SL("\\\\"), SL("\\n"), SL("\\="), SL("a\\=b"), SL("\\|"), SL("ends with \\"), SL("^"), SL("a^b\tc|d"), SL("\\\",\\"),
    SL("  padded  "), SL("\n lines \r\n of \r text \n"), SL("nul\0inside"), SL("\x1b[2J\x1b]0;title\x07"),
    SL("\x7f\x01\x1f"), SL("\xc2\x85\xc2\x9b[31m"), SL("\xe2\x80\xa8line\xe2\x80\xa9para"),
    SL("\xe2\x80\xae" "gnp.exe\xe2\x80\xac"), SL("\xe2\x81\xa6isolate\xe2\x81\xa9"), SL("\xef\xbb\xbf" "bom"),
    SL("\xff\xfe\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80"), SL("cut\xe2\x82"), SL("\xf0\x9f\x92\xa3 \xc3\xbc \xe5\xb1\xb1"),
    SL("x CEF:0|x|y|z|1|forged|10|src=10.0.0.1"), SL("hello src=10.0.0.1 act=allow externalId=1"),
    SL("\nCEF:0|a|b|c|d|e|10|"), SL("LEEF:2.0|a|b|c|d|^|sev=1^sev=10"), SL("a^sev=10^cosmosAlertId=1"),
    SL("\",\"severity\":\"Informational\",\"x\":\""), SL("\n{\"systemAlertId\":\"forged\"}\n"), SL("\"}]}"),
    SL("{\"country\":\"x\",\"latitude\":1e999,\"longitude\":\"y\"}"), SL("{\"country\":null,\"city\":[1]}"),
    SL("{\"city\":\"c\",\"latitude\":-90.5,\"longitude\":181}"), SL("$ref"), SL("__proto__"),
    SL("{subject}{count:bytes}[[x]]{address:kqlset}"), SL("'; drop table alert; --"),
    SL("<script>alert(1)</script>${jndi:ldap://x}"), SL("203.0.113.7"), SL("fe80::1%eth0"), SL("203.0.113.7:443"),
    SL("/subscriptions/x/resourceGroups/../providers/a/b"), SL("user@@domain@"), SL("@"),
    SL("/subscriptions/11111111-2222-4333-8444-555555555555/resourceGroups/r\n g/providers/Microsoft.DocumentDB/databaseAccounts/a"),
};

static UNUSED void kit_encode(const struct encoder *e, const struct alert *a, struct buf *out)
{
    MUST(e->encode(a, out, err));
}

static UNUSED void kit_compare_golden(const char *name, const struct buf *line)
{
    CLEANUP(buf_release) struct buf wanted = BUF_INIT(1 << 20), got = BUF_INIT(1 << 20);
    const char *root = getenv("GOLDEN_DIR");
    struct slice rest = buf_slice(line), version = SL(COSMOWATCH_VERSION);
    char path[300], part[4096];
    size_t n;
    FILE *f;

    for (size_t at; (at = slice_find(rest, version)) != SIZE_MAX; rest = slice_make(rest.at + at, rest.len - at)) {
        buf_add(&got, rest.at, at);
        buf_add_str(&got, "@VERSION@");
        at += version.len;
    }
    buf_add_slice(&got, rest);
    buf_add_char(&got, '\n');
    (void)snprintf(path, sizeof path, "%s/%s", root ? root : "tests/golden/encode", name);
    if (getenv("UPDATE_GOLDEN")) {
        f = fopen(path, "w");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(got.at, 1, got.len, f), got.len);
        ck_assert_int_eq(fclose(f), 0);
    }
    f = fopen(path, "r");
    ck_assert_msg(f, "cannot read %s: run from the root of the tree, or set GOLDEN_DIR", path);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_add(&wanted, part, n);
    (void)fclose(f);
    if (slice_eq(buf_slice(&wanted), buf_slice(&got)))
        return;
    for (n = 0; n < got.len && n < wanted.len && wanted.at[n] == got.at[n]; n++)
        continue;
    n = n > 60 ? n - 60 : 0;
    ck_abort_msg("%s differs\n wanted ...%.160s\n got    ...%.160s", name, wanted.at + n, got.at + n);
}

static UNUSED struct json_object *kit_parse(const struct buf *line)
{
    struct json_object *o = NULL;

    ck_assert_msg(json_parse_strict(buf_slice(line), &o) && o, "no JSON: %s", line->at);
    return o;
}

static UNUSED const char *kit_at(struct json_object *o, const char *path)
{
    struct json_object *found = NULL;

    ck_assert_msg(json_pointer_get(o, path, &found) == 0, "no %s", path);
    return found ? json_object_get_string(found) : "null";
}

#define KIT_MAIN(name, ...)                                                                        \
    int main(void)                                                                                 \
    {                                                                                              \
        const TTest *const tests[] = { __VA_ARGS__ };                                             \
        return run_tests(name, tests, ARRAY_LEN(tests));                                           \
    }

#endif
