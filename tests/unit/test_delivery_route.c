/* What a route promises: it wants what it names and nothing else, says what did not hold, takes the rule sets of a
 * Defender export as they are, and tells every mistake with its place. SPDX-License-Identifier: Apache-2.0 */
#include "alert/accounts.h"
#include "alert/alert.h"
#include "base/buf.h"
#include "base/timeutil.h"
#include "delivery/route.h"
#include "settings/errors.h"
#include "settings/settings.h"
#include "settings/yaml_node.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY (20000 * NS_PER_DAY)

static struct error err;

static const char accounts_text[] = "[{ name: Orders, tags: [prod, pci], owner: pay@contoso.example },"
                                    " { name: lab, tags: [test] }]";

/* A route with everything it borrows. */
struct scene {
    struct yaml_tree *tree, *accounts_tree;
    struct accounts *accounts;
    struct settings_route settings;
    struct route *route;
    struct settings_errors errors;
    char said[8192];
};

static void scene_open(struct scene *sc, const char *text)
{
    CLEANUP(buf_release) struct buf said = BUF_INIT(65536);
    const struct yaml_node *root = NULL;

    *sc = (struct scene){ 0 };
    ck_assert_int_eq(yaml_tree_parse(slice_of(accounts_text), "accounts", &sc->accounts_tree, &sc->errors), 0);
    ck_assert_int_eq(accounts_read(yaml_tree_root(sc->accounts_tree), &sc->accounts, &sc->errors), 0);
    ck_assert_int_eq(yaml_tree_parse(slice_of(text), "t", &sc->tree, &sc->errors), 0);
    root = yaml_tree_root(sc->tree);
    if (settings_table_apply(settings_route_options, root, &sc->settings, &sc->errors) == 0 &&
        route_read(&sc->settings, root, sc->accounts, &sc->route, &sc->errors) < 0)
        ck_assert_ptr_null(sc->route);
    settings_errors_print(&sc->errors, &said);
    (void)snprintf(sc->said, sizeof sc->said, "%s", buf_cstr(&said));
}

static void scene_close(struct scene *sc)
{
    route_free(sc->route);
    settings_table_release(settings_route_options, &sc->settings);
    accounts_free(sc->accounts);
    settings_errors_release(&sc->errors);
    yaml_tree_free(sc->tree);
    yaml_tree_free(sc->accounts_tree);
}

static const struct fact_value facts[] = {
    { .name = "address", .kind = FACT_SET, .text = SL("203.0.113.9") },
    { .name = "address", .kind = FACT_SET, .text = SL("198.51.100.7") },
    { .name = "principal", .kind = FACT_SET, .text = SL("Anna@contoso.example") },
    { .name = "callerName", .kind = FACT_SET, .text = SL("bob@contoso.example") },
    { .name = "readerAddress", .kind = FACT_SET, .text = SL("192.0.2.77") },
    { .name = "userAgent", .kind = FACT_SET, .text = SL("python-requests/2.31") },
    { .name = "database", .kind = FACT_SET, .text = SL("shop") },
    { .name = "container", .kind = FACT_SET, .text = SL("cards") },
};

static struct alert *tor_alert(const char *detector)
{
    struct alert *a = NULL;

    ck_assert_int_eq(alert_from_draft(&(struct alert_draft){
        .detector = detector, .state_version = 1, .type = "CosmosDB_TorAnomaly", .severity = SEVERITY_MEDIUM,
        .confidence = 90, .api = API_MONGODB, .account = SL("orders"), .subject = SL("203.0.113.9"), .bucket_ns = DAY,
        .first_ns = DAY, .last_ns = DAY, .count = 3, .facts = facts, .facts_len = ARRAY_LEN(facts) }, &a, &err), 0);
    return a;
}

static void judge(const char *text, bool wanted, const char *why)
{
    CLEANUP(alert_freep) struct alert *a = tor_alert("bad_address");
    CLEANUP(buf_release) struct buf said = BUF_INIT(1000);
    struct scene sc;
    bool is_wanted = !wanted;

    scene_open(&sc, text);
    ck_assert_msg(sc.route, "%s: %s", text, sc.said);
    ck_assert_int_eq(route_judge(sc.route, a, &is_wanted, &said, &err), 0);
    ck_assert_msg(is_wanted == wanted, "%s: %s", text, is_wanted ? "wanted" : buf_cstr(&said));
    ck_assert_msg(!why || strcmp(buf_cstr(&said), why) == 0, "%s: '%s'", text, buf_cstr(&said));
    scene_close(&sc);
}

/* The alert: medium, CosmosDB_TorAnomaly of account orders (prod, pci), MongoDB, InitialAccess. */
static const struct { const char *route; bool is_wanted; const char *why; } cases[] = {
    { "", true, "" },
    { "min_severity: medium", true, "" },
    { "min_severity: high", false, "min_severity does not hold: the alert's is Medium" },
    { "max_severity: medium", true, "" },
    { "max_severity: low", false, "max_severity does not hold: the alert's is Medium" },
    { "types: [CosmosDB_TorAnomaly]", true, NULL },
    { "types: CosmosDB_*", true, NULL },
    { "types: [CosmosDBX_*]", false, "types does not hold" },
    { "types: [CosmosDB_SusiciousListKeys.MaliciousScript]", false, NULL },
    { "accounts: [ORDERS, other]", true, NULL },
    { "accounts: [order]", false, "accounts does not hold" },
    { "tags: [PCI]", true, NULL },
    { "tags: [test]", false, "tags does not hold" },
    { "tags: [test, prod]", true, NULL },
    { "apis: [nosql, mongodb]", true, NULL },
    { "apis: [NoSQL]", false, "apis does not hold" },
    { "addresses: [198.51.100.0/24]", true, NULL }, /* one of them is enough: unlike a suppression */
    { "addresses: ['::ffff:203.0.113.9']", true, NULL },
    { "addresses: [10.0.0.0/8, '2001:db8::/32']", false, "addresses does not hold" },
    { "addresses: [192.0.2.0/24]", true, NULL }, /* who read the key */
    { "principals: [anna@*]", true, NULL },
    { "principals: [bob@*]", true, NULL }, /* who listed it */
    { "principals: [anna]", false, NULL },
    { "user_agents: ['Python-Requests/*']", true, NULL },
    { "user_agents: [curl/*]", false, NULL },
    { "databases: [shop], containers: [cards]", true, NULL },
    { "databases: [shop], containers: [orders]", false, "containers does not hold" },
    { "raised_by: own", true, NULL },
    { "raised_by: defender", false, "raised_by does not hold" },
    { "tactics: [initialaccess]", true, NULL },
    { "tactics: [Exfiltration]", false, NULL },
    { "any_of: [{ min_severity: high }, { tags: [pci] }]", true, NULL },
    { "any_of: [{ min_severity: high }, { tags: [test] }]", false, "any_of does not hold" },
    { "any_of: [{ any_of: [{ apis: [Table] }, { not: { tags: [test] } }] }]", true, NULL },
    { "not: { addresses: [203.0.113.0/24] }", false, "not: number 1 holds" },
    { "not: [{ accounts: [lab] }, { accounts: [orders] }]", false, "not: number 2 holds" },
    { "not: [{ accounts: [lab], tags: [pci] }]", true, NULL }, /* both would have to hold */
    { "min_severity: low, not: { raised_by: defender }", true, NULL },
};

START_TEST(a_route_wants_what_it_names_and_says_what_does_not_hold)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(1000);

    buf_addf(&text, cases[_i].route[0] ? "{ %s }" : "%s", cases[_i].route);
    judge(buf_cstr(&text), cases[_i].is_wanted, cases[_i].why);
}
END_TEST

#define RULE(path, type, value, op)                                                                                    \
    "{ propertyJPath: \"" path "\", propertyType: " type ", expectedValue: \"" value "\", operator: " op " }"
#define SET(rules) "{ rule_sets: [ { rules: [ " rules " ] } ] }"

static const struct { const char *route; bool is_wanted; } rules[] = {
    { SET(RULE("Severity", "String", "medium", "Equals")), true },
    { SET(RULE("Severity", "string", "High", "Equals")), false }, /* templates write the type in any case */
    { SET(RULE("Severity", "String", "High", "NotEquals")), true },
    { SET(RULE("AlertType", "String", "torano", "Contains")), true },
    { SET(RULE("AlertType", "String", "cosmosdb_", "StartsWith")), true },
    { SET(RULE("AlertType", "String", "anomaly", "EndsWith")), true },
    { SET(RULE("AlertType", "String", "Tor", "EndsWith")), false },
    { SET(RULE("ConfidenceScore", "Number", "0.5", "GreaterThan")), true },
    { SET(RULE("ConfidenceScore", "Number", "0.9", "GreaterThan")), false },
    { SET(RULE("ConfidenceScore", "Number", "0.9", "GreaterThanOrEqualTo")), true },
    { SET(RULE("ExtendedProperties.Count", "Integer", "4", "LesserThan")), true },
    { SET(RULE("$.ExtendedProperties['Count']", "Integer", "3", "LesserThan")), false },
    { SET(RULE("ExtendedProperties['Count']", "Integer", "3", "LesserThanOrEqualTo")), true },
    { SET(RULE("ExtendedProperties['Count']", "Integer", "3", "Equals")), true },
    { SET(RULE("ExtendedProperties['Count']", "Integer", "3", "NotEquals")), false },
    { SET(RULE("IsIncident", "Boolean", "false", "Equals")), true },
    { SET(RULE("IsIncident", "Boolean", "true", "Equals")), false },
    { SET(RULE("Entities[*].Address", "String", "198.51.100.7", "Equals")), true },
    { SET(RULE("Entities[*].Address", "String", "198.51.100.7", "NotEquals")), false },
    { SET(RULE("Entities[0].Address", "String", "198.51.100.7", "Equals")), true },
    { SET(RULE("Entities[9].Address", "String", "198.51.100.7", "Equals")), false },
    { SET(RULE("ExtendedProperties['no such']", "String", "", "Equals")), false },
    { SET(RULE("ExtendedProperties['no such']", "String", "x", "NotEquals")), true },
    { SET(RULE("Severity", "String", "Medium", "Equals") ", " RULE("AlertType", "String", "Geo", "Contains")), false },
    { "{ rule_sets: [ { rules: [ " RULE("Severity", "String", "High", "Equals") " ] }, { rules: [ "
      RULE("Severity", "String", "Medium", "Equals") " ] } ] }", true },
    { "{ accounts: [lab], rule_sets: [ { rules: [ " RULE("Severity", "String", "Medium", "Equals") " ] } ] }", false },
};

START_TEST(rule_sets_of_a_defender_export_are_taken_as_they_are)
{
    judge(rules[_i].route, rules[_i].is_wanted, NULL);
}
END_TEST

static const struct { const char *route, *said; } mistakes[] = {
    { "types: [CosmosDB_GeoAnomaly, CosmosDB_TorAnomly]",
      "t:1:32: 'CosmosDB_TorAnomly' is no alert type; did you mean 'CosmosDB_TorAnomaly'?\n" },
    { "types: CosmosDC_*", "t:1:10: 'CosmosDC_*' is no alert type\n" },
    { "tags: [pcy]", "t:1:10: 'pcy' is no tag of any account (see `accounts`); did you mean 'pci'?\n" },
    { "apis: [Mongo]", "t:1:10: 'Mongo' is no API of Azure Cosmos DB; did you mean 'MongoDB'?\n" },
    { "tactics: [Exfiltraton]",
      "t:1:13: 'Exfiltraton' is no tactic of an alert type; did you mean 'Exfiltration'?\n" },
    { "raised_by: [defendr]", "t:1:15: 'defendr' is no source of alerts; did you mean 'defender'?\n" },
    { "addresses: [10.0.0.0/8, 10.0.0.0/33]", "t:1:27: '10.0.0.0/33' is neither an address nor a range\n" },
    { "min_severity: high, max_severity: low", "t:1:1: min_severity is above max_severity: no alert would do\n" },
    { "any_of: [{ tag: [pci] }]", "t:1:14: unknown key 'tag' under any_of[0]; did you mean 'tags'?\n" },
    { "any_of: pci", "t:1:11: any_of: a list of maps is expected here\n" },
    { "not: {}", "t:1:8: an empty map says nothing: it would hold for every alert\n" },
    { "any_of: [{ not: { any_of: [{ any_of: [{ not: { not: { apis: [Table] } } }] }] } }]",
      "t:1:55: not: more than 5 levels deep\n" },
    { "rule_sets: []", "t:1:14: rule_sets: a list of 1 to 100 is expected here\n" },
    { "rule_sets: [{ rules: [" RULE("Severty", "String", "High", "Equals") "] }]",
      "t:1:42: 'Severty' is no member of an exported alert; did you mean 'Severity'?\n" },
    { "rule_sets: [{ rules: [" RULE("Severity[", "String", "High", "Equals") "] }]",
      "t:1:42: 'Severity[' is no path that is understood: names, ['names'], [0] and [*] are, as in "
      "ExtendedProperties['Client IP address']\n" },
    { "rule_sets: [{ rules: [" RULE("Severity", "String", "High", "GreaterThen") "] }]",
      "t:1:109: 'GreaterThen' is no operator; did you mean 'GreaterThan'?\n" },
    { "rule_sets: [{ rules: [" RULE("Severity", "String", "High", "GreaterThan") "] }]",
      "t:1:109: operator GreaterThan compares numbers: propertyType has to be Integer or Number\n" },
    { "rule_sets: [{ rules: [" RULE("ConfidenceScore", "Number", "1", "Contains") "] }]",
      "t:1:113: operator Contains compares texts: propertyType has to be String\n" },
    { "rule_sets: [{ rules: [" RULE("ConfidenceScore", "Integer", "0.5", "Equals") "] }]",
      "t:1:99: '0.5' is no Integer\n" },
    { "rule_sets: [{ rules: [" RULE("IsIncident", "Boolean", "maybe", "Equals") "] }]",
      "t:1:94: 'maybe' is no Boolean\n" },
};

START_TEST(every_mistake_is_told_with_its_place)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(1000);
    struct scene sc;

    buf_addf(&text, "{ %s }", mistakes[_i].route);
    scene_open(&sc, buf_cstr(&text));
    ck_assert_str_eq(sc.said, mistakes[_i].said);
    ck_assert_ptr_null(sc.route);
    scene_close(&sc);
}
END_TEST

START_TEST(what_defender_raised_is_told_from_our_own)
{
    CLEANUP(alert_freep) struct alert *a = tor_alert("defender");
    struct scene sc;
    bool is_wanted = false;

    scene_open(&sc, "{ raised_by: [defender] }");
    ck_assert_int_eq(route_judge(sc.route, a, &is_wanted, NULL, &err), 0);
    ck_assert(is_wanted);
    scene_close(&sc);
}
END_TEST

START_TEST(an_alert_about_several_accounts_has_the_tags_and_owners_of_all)
{
    CLEANUP(alert_freep) struct alert *a = tor_alert("x");
    const struct fact_value v = { .name = "accounts", .kind = FACT_SET, .text = SL("LAB") };
    const struct fact *tags = NULL;
    struct scene sc;

    scene_open(&sc, "{}");
    ck_assert_int_eq(alert_merge(a, &(struct alert_draft){ .first_ns = DAY, .last_ns = DAY, .facts = &v,
                                                           .facts_len = 1 }, &err), 0);
    ck_assert_int_eq(accounts_label(sc.accounts, a, &err), 0);
    ck_assert_int_eq(accounts_label(sc.accounts, a, &err), 0); /* twice is once */
    tags = alert_fact(a, "accountTags");
    ck_assert_ptr_nonnull(tags);
    ck_assert_uint_eq(tags->len, 3);
    ck_assert_str_eq(tags->entries[0].text, "pci");
    ck_assert_str_eq(tags->entries[1].text, "prod");
    ck_assert_str_eq(tags->entries[2].text, "test");
    ck_assert_str_eq(alert_text(a, "accountOwner"), "pay@contoso.example");
    ck_assert_int_eq(a->count, 3);
    scene_close(&sc);
}
END_TEST

START_TEST(an_account_is_described_once)
{
    static const char text[] = "[{ name: a, tags: [x] }, { name: A }]";
    CLEANUP(buf_release) struct buf said = BUF_INIT(1000);
    struct settings_errors errors = { 0 };
    struct yaml_tree *tree = NULL;
    struct accounts *accounts = NULL;

    ck_assert_int_eq(yaml_tree_parse(slice_of(text), "t", &tree, &errors), 0);
    ck_assert_int_eq(accounts_read(yaml_tree_root(tree), &accounts, &errors), -1);
    settings_errors_print(&errors, &said);
    ck_assert_str_eq(buf_cstr(&said), "t:1:34: account 'A' is already described\n");
    settings_errors_release(&errors);
    yaml_tree_free(tree);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("route");

    tcase_add_loop_test(t, a_route_wants_what_it_names_and_says_what_does_not_hold, 0, (int)ARRAY_LEN(cases));
    tcase_add_loop_test(t, rule_sets_of_a_defender_export_are_taken_as_they_are, 0, (int)ARRAY_LEN(rules));
    tcase_add_loop_test(t, every_mistake_is_told_with_its_place, 0, (int)ARRAY_LEN(mistakes));
    tcase_add_test(t, what_defender_raised_is_told_from_our_own);
    tcase_add_test(t, an_alert_about_several_accounts_has_the_tags_and_owners_of_all);
    tcase_add_test(t, an_account_is_described_once);
    return run_group("route", t);
}
