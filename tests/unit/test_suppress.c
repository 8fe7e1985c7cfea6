/* What suppression promises: a rule hides only what it names, all of it, and only while it holds; mistakes in the
 * list are told with their place. SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "alert/stage.h"
#include "alert/suppress.h"
#include "base/buf.h"
#include "enrich/trusted.h"
#include "sample.h"
#include "settings/errors.h"
#include "settings/yaml_node.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define DAY (20000 * NS_PER_DAY) /* 2024-10-04 */

static struct error err;

static struct suppress *rules_of(const char *text, char *ret_errors, size_t size)
{
    struct settings_errors errors = { 0 };
    struct yaml_tree *tree = NULL;
    struct suppress *s = NULL;
    CLEANUP(buf_release) struct buf said = BUF_INIT(65536);
    int rc = -1;

    ck_assert_int_eq(yaml_tree_parse(slice_of(text), "t", &tree, &errors), 0);
    rc = suppress_read(yaml_tree_root(tree), &s, &errors);
    settings_errors_print(&errors, &said);
    if (ret_errors)
        (void)snprintf(ret_errors, size, "%s", buf_cstr(&said));
    else
        ck_assert_msg(rc == 0, "%s", buf_cstr(&said));
    ck_assert_ptr_eq(rc == 0 ? NULL : s, NULL);
    yaml_tree_free(tree);
    settings_errors_release(&errors);
    return s;
}

static struct alert_draft draft(const struct fact_value *facts, size_t n)
{
    return (struct alert_draft){ .detector = "test", .state_version = 1, .type = "CosmosDB_TorAnomaly",
                                 .severity = SEVERITY_MEDIUM, .confidence = 50, .api = API_NOSQL, .account = SL("orders"),
                                 .subject = SL("203.0.113.9"), .bucket_ns = DAY, .first_ns = DAY + NS_PER_HOUR,
                                 .last_ns = DAY + 2 * NS_PER_HOUR, .count = 3, .facts = facts, .facts_len = n };
}

static const struct fact_value usual[] = {
    { .name = "address", .kind = FACT_SET, .text = SL("203.0.113.9") },
    { .name = "address", .kind = FACT_SET, .text = SL("203.0.113.10") },
    { .name = "principal", .kind = FACT_SET, .text = SL("Anna@contoso.example") },
    { .name = "userAgent", .kind = FACT_SET, .text = SL("contoso-backup/2.1") },
    { .name = "container", .kind = FACT_SET, .text = SL("cards") },
};

static const struct { const char *rule; bool is_covered; } cases[] = {
    { "types: [CosmosDB_TorAnomaly]", true },
    { "types: [CosmosDB_SuspiciousIp]", false },
    { "types: [CosmosDB_*]", true },
    { "types: [CosmosDBX_*]", false },
    { "accounts: [ORDERS]", true },
    { "accounts: [order]", false },
    { "addresses: [203.0.113.0/24]", true },
    { "addresses: [203.0.113.9]", false },
    { "addresses: [203.0.113.9, 203.0.113.10]", true },
    { "addresses: ['::ffff:203.0.113.9', '203.0.113.10/32']", true },
    { "addresses: [10.0.0.0/8]", false },
    { "principals: [anna@contoso.example]", true },
    { "principals: [anna]", false },
    { "user_agents: [contoso-backup/*]", true },
    { "user_agents: [contoso-backup]", false },
    { "containers: [cards], databases: [shop]", false }, /* it has no database at all */
    { "containers: [cards, orders]", true },
    { "subjects: [203.0.113.*]", true },
    { "types: [CosmosDB_TorAnomaly], max_severity: low", false },
    { "types: [CosmosDB_TorAnomaly], max_severity: medium", true },
    { "types: [CosmosDB_TorAnomaly], expires: 2024-10-05", true },
    { "types: [CosmosDB_TorAnomaly], expires: 2024-10-04T02:00:00Z", false },
    { "types: [CosmosDB_TorAnomaly], begins: 2024-10-04T01:00:00Z", true },
    { "types: [CosmosDB_TorAnomaly], begins: 2024-10-04T01:00:01Z", false },
    { "types: [CosmosDB_TorAnomaly], addresses: [10.0.0.0/8]", false },
};

START_TEST(a_rule_covers_what_it_names_and_all_of_it)
{
    struct alert_draft d = draft(usual, ARRAY_LEN(usual));
    CLEANUP(alert_freep) struct alert *a = NULL;

    ck_assert_int_eq(alert_from_draft(&d, &a, &err), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        CLEANUP(suppress_freep) struct suppress *s = NULL;

        (void)snprintf(text, sizeof text, "- { name: r, reason: why, %s }\n", cases[i].rule);
        s = rules_of(text, NULL, 0);
        ck_assert_msg((suppress_find(s, a) != NULL) == cases[i].is_covered, "%s", cases[i].rule);
    }
    ck_assert_ptr_null(suppress_find(NULL, a));
}
END_TEST

START_TEST(a_range_that_an_alert_names_is_covered_when_all_of_it_is)
{
    static const struct { const char *rule; bool is_covered; } ranges[] = {
        { "'2001:db8:77::/48'", true }, { "'2001:db8:77:1::/64'", true }, { "'2001:db8:77:1::/65'", false },
        { "'2001:db8:77:1::1'", false }, { "'2001:db8:78::/48'", false },
    };
    const struct fact_value network = { .name = "address", .kind = FACT_SET, .text = SL("2001:db8:77:1::/64") };
    struct alert_draft d = draft(&network, 1);
    CLEANUP(alert_freep) struct alert *a = NULL;

    ck_assert_int_eq(alert_from_draft(&d, &a, &err), 0);
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
        char text[128];
        CLEANUP(suppress_freep) struct suppress *s = NULL;

        (void)snprintf(text, sizeof text, "- { name: r, reason: w, addresses: [%s] }\n", ranges[i].rule);
        s = rules_of(text, NULL, 0);
        ck_assert_msg((suppress_find(s, a) != NULL) == ranges[i].is_covered, "%s", ranges[i].rule);
    }
}
END_TEST

START_TEST(a_set_with_more_than_can_be_seen_is_not_covered)
{
    struct alert_draft d = draft(NULL, 0);
    CLEANUP(alert_freep) struct alert *a = NULL;
    CLEANUP(suppress_freep) struct suppress *s = rules_of("- { name: r, reason: w, addresses: [203.0.113.0/24] }\n", NULL, 0);

    ck_assert_int_eq(alert_from_draft(&d, &a, &err), 0);
    for (int i = 0; i <= FACT_SET_MAX; i++) {
        char text[32];
        struct fact_value v = { .name = "address", .kind = FACT_SET };

        (void)snprintf(text, sizeof text, "203.0.113.%d", i + 10);
        v.text = slice_of(text);
        d = draft(&v, 1);
        ck_assert_int_eq(alert_merge(a, &d, &err), 0);
        ck_assert_int_eq(suppress_find(s, a) != NULL, i < FACT_SET_MAX);
    }
}
END_TEST

static const struct { const char *text, *said; } mistakes[] = {
    { "name: x\n", "a list" },
    { "- { reason: w, types: [CosmosDB_TorAnomaly] }\n", "name" },
    { "- { name: a, types: [CosmosDB_TorAnomaly] }\n", "reason" },
    { "- { name: a, reason: w }\n", "every alert" },
    { "- { name: a, reason: w, types: [CosmosDB_TorAnomly] }\n", "did you mean 'CosmosDB_TorAnomaly'" },
    { "- { name: a, reason: w, types: [Foo*] }\n", "is no alert type" },
    { "- { name: a, reason: w, addresses: [10.0.0.0/33] }\n", "t:1:" },
    { "- { name: a, reason: w, adresses: [10.0.0.0/8] }\n", "did you mean 'addresses'" },
    { "- { name: a, reason: w, types: [CosmosDB_*], expires: soon }\n", "2027-01-31" },
    { "- { name: a, reason: w, types: [CosmosDB_*] }\n- { name: a, reason: w, types: [CosmosDB_*] }\n", "t:2:" },
};

START_TEST(mistakes_are_told_with_their_place)
{
    for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
        char said[4096];

        ck_assert_msg(rules_of(mistakes[i].text, said, sizeof said) == NULL, "%s is fine?", mistakes[i].text);
        ck_assert_msg(strstr(said, mistakes[i].said) != NULL, "%s: %s", mistakes[i].text, said);
    }
}
END_TEST

static int told;

static int count_told(void *self, const struct alert *a, bool is_told, struct error *e)
{
    (void)self;
    (void)a;
    (void)e;
    told += is_told;
    return 0;
}

START_TEST(a_suppressed_alert_is_told_as_soon_as_somebody_else_stands_in_it)
{
    CLEANUP(suppress_freep) struct suppress *s = rules_of("- { name: r, reason: w, addresses: [203.0.113.9] }\n", NULL, 0);
    CLEANUP(stage_freep) struct stage *stage = stage_new(NS_PER_HOUR);
    const struct fact_value other = { .name = "address", .kind = FACT_SET, .text = SL("198.51.100.1") };
    struct alert_draft known = draft(usual, 1), stranger = draft(&other, 1);

    stage_set_suppress(stage, s);
    told = 0;
    ck_assert_int_eq(stage_emit(stage, &known, NULL, &err), 0);
    ck_assert_int_eq(stage_settle(stage, 0, count_told, NULL, &err), 0);
    ck_assert_int_eq(told, 0);
    ck_assert_int_eq(stage_emit(stage, &stranger, NULL, &err), 0);
    ck_assert_int_eq(stage_settle(stage, 0, count_told, NULL, &err), 0);
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(stage_emit(stage, &known, NULL, &err), 0);
    ck_assert_int_eq(stage_settle(stage, 0, count_told, NULL, &err), 0);
    ck_assert_int_eq(stage_settle(stage, INT64_MAX, count_told, NULL, &err), 0);
    ck_assert_int_eq(told, 2); /* its end says more than it did at first */
}
END_TEST

START_TEST(what_only_adds_a_word_to_a_suppressed_alert_leaves_it_suppressed_unless_the_word_is_not_covered)
{
    static const struct { const char *rule; int told; } rules[] = {
        { "addresses: [203.0.113.9]", 0 },
        { "addresses: [203.0.113.9], principals: [eve@contoso.example]", 0 },
        { "addresses: [203.0.113.9], principals: [anna@contoso.example]", 1 },
    };
    const struct fact_value eve = { .name = "principal", .kind = FACT_SET, .text = SL("eve@contoso.example") };
    const struct fact_value both[] = { usual[0], eve };

    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        char text[256];
        CLEANUP(stage_freep) struct stage *stage = stage_new(NS_PER_HOUR);
        CLEANUP(suppress_freep) struct suppress *s = NULL;
        struct alert_draft first = draft(both, ARRAY_LEN(both)), more = draft(&eve, 1);

        (void)snprintf(text, sizeof text, "- { name: r, reason: w, %s }\n", rules[i].rule);
        s = rules_of(text, NULL, 0);
        stage_set_suppress(stage, s);
        more.count = 0;
        more.is_aside = true;
        told = 0;
        ck_assert_int_eq(stage_emit(stage, &first, NULL, &err), 0);
        ck_assert_int_eq(stage_emit(stage, &more, NULL, &err), 0);
        ck_assert_int_eq(stage_settle(stage, 0, count_told, NULL, &err), 0);
        ck_assert_int_eq(told, rules[i].told);
    }
}
END_TEST

static void note_warning(void *self, const char *name, const char *what)
{
    buf_addf(self, "%s %s\n", name, what);
}

START_TEST(a_rule_that_ends_is_warned_of_in_time)
{
    CLEANUP(suppress_freep) struct suppress *s = rules_of(
        "- { name: never, reason: w, types: [CosmosDB_*] }\n"
        "- { name: soon, reason: w, types: [CosmosDB_*], expires: 2024-10-08, warn_before: 5d }\n"
        "- { name: late, reason: w, types: [CosmosDB_*], expires: 2024-10-08, warn_before: 2d }\n"
        "- { name: over, reason: w, types: [CosmosDB_*], expires: 2024-10-01 }\n", NULL, 0);
    CLEANUP(buf_release) struct buf said = BUF_INIT(4096);

    suppress_warn(s, DAY, note_warning, &said);
    ck_assert_str_eq(buf_cstr(&said),
                     "soon ends on 2024-10-08T00:00:00Z; from then on its alerts are told again\n"
                     "over ended on 2024-10-01T00:00:00Z; its alerts are told again, take it out or renew it\n");
}
END_TEST

/* ---- trust -------------------------------------------------------------------------------------------------- */

START_TEST(trust_is_of_one_kind_for_named_accounts_and_until_its_day)
{
    static const char text[] = "- { address: 203.0.113.0/24, note: office, until: 2024-10-05 }\n"
                               "- { principal: Anna@contoso.example, accounts: [orders] }\n"
                               "- { key_reader: terraform }\n"
                               "- { agent: contoso-backup/* }\n";
    static const struct { enum trusted_kind kind; const char *account, *value; int64_t time_ns; bool is; } asks[] = {
        { TRUSTED_ADDRESS, "orders", "203.0.113.200", DAY, true },
        { TRUSTED_ADDRESS, "orders", "203.0.113.200", DAY + NS_PER_DAY, false },
        { TRUSTED_ADDRESS, "orders", "203.0.114.1", DAY, false },
        { TRUSTED_ADDRESS, "orders", "garbage", DAY, false },
        { TRUSTED_ADDRESS, "orders", "", DAY, false },
        { TRUSTED_PRINCIPAL, "Orders", "anna@CONTOSO.example", DAY, true },
        { TRUSTED_PRINCIPAL, "payroll", "anna@contoso.example", DAY, false },
        { TRUSTED_KEY_READER, "orders", "anna@contoso.example", DAY, false },
        { TRUSTED_KEY_READER, "any", "terraform", DAY, true },
        { TRUSTED_AGENT, "any", "contoso-backup/2.1", DAY, true },
        { TRUSTED_AGENT, "any", "contoso", DAY, false },
    };
    struct settings_errors errors = { 0 };
    struct yaml_tree *tree = NULL;
    struct trusted *t = NULL;

    ck_assert_int_eq(yaml_tree_parse(slice_of(text), "t", &tree, &errors), 0);
    ck_assert_int_eq(trusted_read(yaml_tree_root(tree), &t, &errors), 0);
    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        ck_assert_msg(trusted_has(t, asks[i].kind, slice_of(asks[i].account), slice_of(asks[i].value), asks[i].time_ns) ==
                          asks[i].is, "case %zu", i);
    ck_assert(!trusted_has(NULL, TRUSTED_AGENT, SL("a"), SL("b"), 0));
    trusted_free(t);
    yaml_tree_free(tree);
}
END_TEST

static struct trusted *trusted_of(const char *text)
{
    struct settings_errors errors = { 0 };
    struct yaml_tree *tree = NULL;
    struct trusted *t = NULL;

    ck_assert_int_eq(yaml_tree_parse(slice_of(text), "t", &tree, &errors), 0);
    ck_assert_int_eq(trusted_read(yaml_tree_root(tree), &t, &errors), 0);
    yaml_tree_free(tree);
    return t;
}

START_TEST(a_trusted_system_is_no_trusted_address)
{
    struct trusted *t = trusted_of("- { asn: AS64500, accounts: [orders], until: 2024-10-05 }\n- { asn: 64501 }\n");
    struct { const char *account; int64_t asn, time_ns; bool is; } asks[] = {
        { "ORDERS", 64500, DAY, true },   { "orders", 64500, DAY + NS_PER_DAY, false }, { "payroll", 64500, DAY, false },
        { "payroll", 64501, DAY, true },  { "payroll", 0, DAY, false },                 { "payroll", 64502, DAY, false },
    };

    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        ck_assert_msg(trusted_has_asn(t, slice_of(asks[i].account), asks[i].asn, asks[i].time_ns) == asks[i].is, "case %zu", i);
    ck_assert(!trusted_has(t, TRUSTED_ADDRESS, SL("payroll"), SL("64501"), DAY));
    ck_assert(!trusted_has_asn(NULL, SL("payroll"), 64501, DAY));
    trusted_free(t);
}
END_TEST

START_TEST(trust_that_ends_is_warned_of_in_time)
{
    struct trusted *t = trusted_of("- { address: 203.0.113.0/24, until: 2024-10-08, warn_before: 5d, note: office }\n"
                                   "- { agent: never }\n"
                                   "- { agent: late, until: 2024-10-08, warn_before: 2d }\n"
                                   "- { asn: AS64500, until: 2024-10-01 }\n");
    CLEANUP(buf_release) struct buf said = BUF_INIT(4096);

    trusted_warn(t, DAY, note_warning, &said);
    ck_assert_str_eq(buf_cstr(&said),
                     "address 203.0.113.0/24 (office) ends on 2024-10-08T00:00:00Z; from then on its alerts are told again\n"
                     "asn AS64500 ended on 2024-10-01T00:00:00Z; its alerts are told again, take it out or renew it\n");
    trusted_free(t);
}
END_TEST

START_TEST(mistakes_in_the_trusted_list_are_told)
{
    static const char *const bad[] = { "- { address: 1.2.3 }\n", "- { note: nobody }\n", "- { address: 1.2.3.4, agent: x }\n",
                                       "- { agent: x, until: never }\n", "- { asn: telecom }\n", "- { asn: 0 }\n", "- { adress: 1.2.3.4 }\n", "x: y\n" };

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct settings_errors errors = { 0 };
        struct yaml_tree *tree = NULL;
        struct trusted *t = NULL;

        ck_assert_int_eq(yaml_tree_parse(slice_of(bad[i]), "t", &tree, &errors), 0);
        ck_assert_msg(trusted_read(yaml_tree_root(tree), &t, &errors) < 0 && errors.len > 0, "%s", bad[i]);
        yaml_tree_free(tree);
        settings_errors_release(&errors);
    }
}
END_TEST

/* ---- samples -------------------------------------------------------------------------------------------------- */

START_TEST(every_type_has_a_sample_that_is_marked_and_whose_sentences_are_whole)
{
    for (size_t i = 0; alert_type_at(i); i++) {
        const struct alert_type *t = alert_type_at(i);
        CLEANUP(alert_freep) struct alert *a = NULL;
        CLEANUP(buf_release) struct buf text = BUF_INIT(1u << 20);

        ck_assert_msg(sample_alert(t->id, DAY, &a, &err) == 0, "%s", err.msg);
        ck_assert(a->is_sample);
        alert_title(a, &text);
        ck_assert_msg(strncmp(buf_cstr(&text), "[SAMPLE ALERT] ", 15) == 0, "%s", t->id);
        buf_clear(&text);
        alert_description(a, &text);
        ck_assert_msg(strncmp(buf_cstr(&text), "THIS IS A SAMPLE ALERT: ", 24) == 0, "%s", t->id);
        alert_why(a, &text);
        alert_kql(a, &text);
        for (size_t k = 0; k < STEPS_MAX; k++) {
            alert_expand(a, t->investigate[k], &text);
            alert_expand(a, t->remediate[k], &text);
            alert_expand(a, t->prevent[k], &text);
        }
        ck_assert_msg(strchr(buf_cstr(&text), '{') == NULL, "%s: a sentence names a fact that its sample lacks "
                      "(agent/sample.c): %.300s", t->id, strchr(buf_cstr(&text), '{'));
    }
    struct alert *none = NULL;

    ck_assert_int_eq(sample_alert("CosmosDB_Nothing", DAY, &none, &err), -1);
    ck_assert_int_eq(err.code, ERR_NOT_FOUND);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("suppress");

    tcase_add_test(t, a_rule_covers_what_it_names_and_all_of_it);
    tcase_add_test(t, a_set_with_more_than_can_be_seen_is_not_covered);
    tcase_add_test(t, a_range_that_an_alert_names_is_covered_when_all_of_it_is);
    tcase_add_test(t, mistakes_are_told_with_their_place);
    tcase_add_test(t, a_suppressed_alert_is_told_as_soon_as_somebody_else_stands_in_it);
    tcase_add_test(t, what_only_adds_a_word_to_a_suppressed_alert_leaves_it_suppressed_unless_the_word_is_not_covered);
    tcase_add_test(t, a_rule_that_ends_is_warned_of_in_time);
    tcase_add_test(t, trust_is_of_one_kind_for_named_accounts_and_until_its_day);
    tcase_add_test(t, a_trusted_system_is_no_trusted_address);
    tcase_add_test(t, trust_that_ends_is_warned_of_in_time);
    tcase_add_test(t, mistakes_in_the_trusted_list_are_told);
    tcase_add_test(t, every_type_has_a_sample_that_is_marked_and_whose_sentences_are_whole);
    return run_group("suppress", t);
}
