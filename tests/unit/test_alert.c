/* What alerts promise: merging is order-free, ids are stable, texts cannot break out, updates are
 * numbered by how far the alert has come. SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "alert/stage.h"
#include "base/buf.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct error err;

static struct alert_draft draft(const char *subject, int64_t count, enum severity severity, const char *variant,
                                const struct fact_value *facts, size_t n)
{
    return (struct alert_draft){
        .detector = "bad_address", .state_version = 1, .type = "CosmosDB_TorAnomaly", .variant = variant,
        .severity = severity, .confidence = 80, .api = API_NOSQL, .account = SL("contoso-orders"),
        .subject = slice_of(subject), .bucket_ns = NS_PER_DAY * 20000, .first_ns = NS_PER_DAY * 20000 + count,
        .last_ns = NS_PER_DAY * 20000 + count * 2, .count = count, .facts = facts, .facts_len = n,
    };
}

static void saved(const struct alert *a, struct buf *out)
{
    buf_clear(out);
    ck_assert_int_eq(alert_save(a, out, &err), 0);
}

START_TEST(merging_in_any_order_ends_in_the_same_alert)
{
    enum { N = 60 };
    char texts[N][16];
    struct fact_value facts[N][4];
    struct alert_draft drafts[N];
    CLEANUP(buf_release) struct buf first = BUF_INIT(1 << 20), other = BUF_INIT(1 << 20);

    for (int i = 0; i < N; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "10.0.0.%d", (i * 37) % 50);
        facts[i][0] = (struct fact_value){ .name = "address", .kind = FACT_SET, .text = slice_of(texts[i]) };
        facts[i][1] = (struct fact_value){ .name = "bytesOut", .kind = FACT_SUM, .number = i };
        facts[i][2] = (struct fact_value){ .name = "statusCodes", .kind = FACT_MAP, .number = 1,
                                           .text = slice_of(texts[i]) };
        facts[i][3] = (struct fact_value){ .name = "activityId", .kind = FACT_SAMPLE, .number = i % 11,
                                           .text = slice_of(texts[i]) };
        drafts[i] = draft("203.0.113.9", i + 1, (enum severity)(i % 4), i % 3 ? ".FirstSeen" : i % 2 ? NULL : ".Write",
                          facts[i], 4);
    }
    for (unsigned round = 0; round < 20; round++) {
        CLEANUP(alert_freep) struct alert *a = NULL;
        int order[N];

        srand(round);
        for (int i = 0; i < N; i++)
            order[i] = i;
        for (int i = N - 1; round > 0 && i > 0; i--) {
            int j = rand() % (i + 1), t = order[i];
            order[i] = order[j];
            order[j] = t;
        }
        ck_assert_int_eq(alert_from_draft(&drafts[order[0]], &a, &err), 0);
        for (int i = 1; i < N; i++)
            ck_assert_int_eq(alert_merge(a, &drafts[order[i]], &err), 0);
        saved(a, round == 0 ? &first : &other);
        if (round > 0)
            ck_assert_str_eq(buf_cstr(&first), buf_cstr(&other));
    }
}
END_TEST

START_TEST(of_samples_each_share_keeps_its_smallest_also_from_the_store)
{
    static const struct { const char *text; int64_t share; } given[] = {
        { "c", 1 }, { "b", 1 }, { "d", 9 }, { "b", 2 }, { "a", 3 }, { "e", 3 }, { "z", -1 }, { "", 4 },
    };
    CLEANUP(alert_freep) struct alert *a = NULL, *again = NULL;
    CLEANUP(buf_release) struct buf text = BUF_INIT(1 << 20), loaded = BUF_INIT(1 << 20);
    const struct fact *f = NULL;

    for (size_t i = 0; i < ARRAY_LEN(given); i++) {
        struct fact_value v = { .name = "activityId", .kind = FACT_SAMPLE, .number = given[i].share,
                                .text = slice_of(given[i].text) };
        struct alert_draft d = draft("203.0.113.9", 1, SEVERITY_LOW, NULL, &v, 1);

        ck_assert_int_eq(a ? alert_merge(a, &d, &err) : alert_from_draft(&d, &a, &err), 0);
    }
    f = alert_fact(a, "activityId");
    ck_assert(f != NULL && !f->more);
    ck_assert_uint_eq(f->len, 4);
    ck_assert_str_eq(f->entries[0].text, "a");
    ck_assert_str_eq(f->entries[1].text, "b");
    ck_assert_str_eq(f->entries[2].text, "b");
    ck_assert_str_eq(f->entries[3].text, "z");
    saved(a, &text);
    ck_assert_int_eq(alert_load(buf_slice(&text), &again, &err), 0);
    saved(again, &loaded);
    ck_assert_str_eq(buf_cstr(&text), buf_cstr(&loaded));
}
END_TEST

START_TEST(a_set_keeps_its_twenty_smallest_and_says_there_were_more)
{
    CLEANUP(alert_freep) struct alert *a = NULL;
    struct alert_draft d = draft("s", 1, SEVERITY_LOW, NULL, NULL, 0);
    const struct fact *f = NULL;

    ck_assert_int_eq(alert_from_draft(&d, &a, &err), 0);
    for (int i = 29; i >= 0; i--) {
        char text[8];
        struct fact_value v = { .name = "address", .kind = FACT_SET };

        (void)snprintf(text, sizeof text, "%02d", i);
        v.text = slice_of(text);
        d = draft("s", 1, SEVERITY_LOW, NULL, &v, 1);
        ck_assert_int_eq(alert_merge(a, &d, &err), 0);
    }
    f = alert_fact(a, "address");
    ck_assert_uint_eq(f->len, FACT_SET_MAX);
    ck_assert(f->more);
    ck_assert_str_eq(f->entries[0].text, "00");
    ck_assert_str_eq(f->entries[19].text, "19");
}
END_TEST

START_TEST(the_id_depends_on_meaning_only)
{
    CLEANUP(alert_freep) struct alert *a = NULL, *b = NULL, *c = NULL;
    struct alert_draft d = draft("203.0.113.9", 1, SEVERITY_LOW, NULL, NULL, 0);

    ck_assert_int_eq(alert_from_draft(&d, &a, &err), 0);
    d.count = 99;
    d.severity = SEVERITY_HIGH;
    ck_assert_int_eq(alert_from_draft(&d, &b, &err), 0);
    d.subject = SL("203.0.113.10");
    ck_assert_int_eq(alert_from_draft(&d, &c, &err), 0);
    ck_assert_str_eq(a->id, b->id);
    ck_assert_str_ne(a->id, c->id);
    ck_assert_uint_eq(strlen(a->id), 36);
    ck_assert_int_eq(a->id[14], '5');
}
END_TEST

START_TEST(saved_and_loaded_is_the_same)
{
    CLEANUP(alert_freep) struct alert *a = NULL, *b = NULL;
    CLEANUP(buf_release) struct buf one = BUF_INIT(1 << 20), two = BUF_INIT(1 << 20);
    const struct fact_value v[] = {
        { .name = "query", .kind = FACT_SET, .text = SL("quote \" back \\ line\n tab\t \xe2\x80\xae end") },
        { .name = "listedSince", .kind = FACT_MIN, .number = -5 },
        { .name = "operations", .kind = FACT_MAP, .text = SL("Query"), .number = INT64_MAX },
    };
    struct alert_draft d = draft("x\0y", 7, SEVERITY_HIGH, ".Write", v, ARRAY_LEN(v));

    d.subject = slice_make("x\0y", 3);
    ck_assert_int_eq(alert_from_draft(&d, &a, &err), 0);
    saved(a, &one);
    ck_assert_int_eq(alert_load(buf_slice(&one), &b, &err), 0);
    saved(b, &two);
    ck_assert_str_eq(buf_cstr(&one), buf_cstr(&two));
    ck_assert_str_eq(b->subject, "x?y");
}
END_TEST

START_TEST(damaged_stored_text_is_an_error_not_a_crash)
{
    static const char *const texts[] = { "", "{", "[]", "null", "{\"type\":\"nope\"}", "{\"type\":5}",
                                         "{\"type\":\"CosmosDB_TorAnomaly\",\"facts\":[1,2,{}]}" };

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        CLEANUP(alert_freep) struct alert *a = NULL;

        err = (struct error){ 0 };
        if (alert_load(slice_of(texts[i]), &a, &err) < 0)
            ck_assert_int_ne(err.code, ERR_NONE);
    }
}
END_TEST

static int told, settled;

static int count_settled(void *self, const struct alert *a, bool is_told, struct error *e)
{
    (void)self, (void)a, (void)e;
    settled++;
    told += is_told;
    return 0;
}

START_TEST(an_update_is_told_at_each_power_of_ten_and_once_at_the_end)
{
    CLEANUP(stage_freep) struct stage *s = stage_new(12 * NS_PER_HOUR);
    int64_t now = NS_PER_DAY * 20000;
    int after_first = 0;

    told = settled = 0;
    for (int i = 0; i < 150; i++) {
        struct alert_draft d = draft("203.0.113.9", 1, SEVERITY_MEDIUM, NULL, NULL, 0);

        ck_assert_int_eq(stage_emit(s, &d, NULL, &err), 0);
        ck_assert_int_eq(stage_settle(s, now, count_settled, NULL, &err), 0);
        stage_commit(s);
        if (i == 0)
            after_first = told;
    }
    ck_assert_int_eq(after_first, 1);
    ck_assert_int_eq(told, 3); /* 1, 10, 100 */
    ck_assert_int_eq(settled, 150);
    ck_assert_int_eq(stage_settle(s, now + 2 * NS_PER_DAY, count_settled, NULL, &err), 0);
    ck_assert_int_eq(told, 4);
    stage_commit(s);
    ck_assert_uint_eq(stage_len(s), 0);
}
END_TEST

START_TEST(the_end_is_not_told_when_it_says_nothing_new)
{
    CLEANUP(stage_freep) struct stage *s = stage_new(12 * NS_PER_HOUR);
    struct alert_draft d = draft("203.0.113.9", 1, SEVERITY_MEDIUM, NULL, NULL, 0);

    told = settled = 0;
    ck_assert_int_eq(stage_emit(s, &d, NULL, &err), 0);
    ck_assert_int_eq(stage_settle(s, d.bucket_ns, count_settled, NULL, &err), 0);
    ck_assert_int_eq(stage_settle(s, INT64_MAX, count_settled, NULL, &err), 0);
    ck_assert_int_eq(told, 1);
    ck_assert_int_eq(settled, 2);
}
END_TEST

START_TEST(words_expand_and_leave_out_what_is_missing)
{
    CLEANUP(alert_freep) struct alert *a = NULL;
    CLEANUP(buf_release) struct buf out = BUF_INIT(65536);
    const struct fact_value v[] = {
        { .name = "bytesOut", .kind = FACT_SUM, .number = 7400000000 },
        { .name = "address", .kind = FACT_SET, .text = SL("\"x\\") },
    };
    struct alert_draft d = draft("s", 1234, SEVERITY_HIGH, NULL, v, ARRAY_LEN(v));

    ck_assert_int_eq(alert_from_draft(&d, &a, &err), 0);
    alert_expand(a, "{count} rows, {bytesOut:bytes}[[, by {principal}]][[, from {address:kqlset}]] {nope} {", &out);
    ck_assert_str_eq(buf_cstr(&out), "1,234 rows, 7.4 GB, from (\"\\\"x\\\\\") {nope} {");
    buf_clear(&out);
    alert_expand(a, "a[[ b {count}[[ c {nope}]][[ d {subject}]]]] e[[ f {nope}[[ g]]]]", &out);
    ck_assert_str_eq(buf_cstr(&out), "a b 1,234 d s e");
}
END_TEST

START_TEST(keys_are_switched_off_only_where_an_account_can_be_used_without)
{
    size_t found = 0;

    for (size_t i = 0; alert_type_at(i); i++) {
        const struct alert_type *t = alert_type_at(i);

        for (size_t k = 0; k < ARRAY_LEN(t->remediate); k++)
            if (t->remediate[k] && strstr(t->remediate[k], "disableLocalAuth"))
                ck_assert_msg(++found && strstr(t->remediate[k], "API for NoSQL"), "%s: %s", t->id, t->remediate[k]);
        for (size_t k = 0; k < ARRAY_LEN(t->prevent); k++)
            if (t->prevent[k] && strstr(t->prevent[k], "disableLocalAuth"))
                ck_assert_msg(++found && strstr(t->prevent[k], "API for NoSQL"), "%s: %s", t->id, t->prevent[k]);
    }
    ck_assert_uint_gt(found, 10);
}
END_TEST

START_TEST(who_did_what_from_where_says_what_is_known)
{
    const struct fact_value facts[] = {
        { .name = "accounts", .kind = FACT_SET, .text = SL("contoso-payroll") },
        { .name = "accounts", .kind = FACT_SET, .text = SL("contoso-catalog") },
        { .name = "address", .kind = FACT_SET, .text = SL("203.0.113.9") },
        { .name = "keyKind", .kind = FACT_SET, .text = SL("PrimaryMasterKey") },
    };
    static const char *const wanted[] = {
        "contoso-catalog, contoso-payroll (NoSQL)", "holder of PrimaryMasterKey", "203.0.113.9", "4 alerts",
        "contoso-orders (NoSQL)", "", "", "1 event",
    };
    void (*const words[])(const struct alert *, struct buf *) = { alert_what, alert_who, alert_where, alert_count };

    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        bool is_incident = i < ARRAY_LEN(words);
        struct alert_draft d = draft("203.0.113.9", is_incident ? 4 : 1, SEVERITY_HIGH, NULL, facts,
                                     is_incident ? ARRAY_LEN(facts) : 0);
        CLEANUP(alert_freep) struct alert *a = NULL;
        CLEANUP(buf_release) struct buf text = BUF_INIT(1000);

        if (is_incident) {
            d.type = "CosmosDBX_Incident.SameActor";
            d.account = SL("");
        }
        ck_assert_int_eq(alert_from_draft(&d, &a, &err), 0);
        words[i % ARRAY_LEN(words)](a, &text);
        ck_assert_str_eq(buf_cstr(&text), wanted[i]);
    }
}
END_TEST

START_TEST(facts_are_written_in_their_units)
{
    static const struct { struct fact_value fact; const char *wanted; } cases[] = {
        { { .name = "bytesOut", .kind = FACT_SUM, .number = 2900000000 }, "2.9 GB" },
        { { .name = "usualP99Bytes", .kind = FACT_MAX, .number = 512 }, "512 B" },
        { { .name = "ruMilli", .kind = FACT_SUM, .number = 358920400 }, "358,920 RU" },
        { { .name = "zScore10", .kind = FACT_MAX, .number = 45 }, "4.5" },
        { { .name = "listedSince", .kind = FACT_MIN, .number = 1780315200 * NS_PER_S }, "2026-06-01T12:00:00Z" },
        { { .name = "requests", .kind = FACT_SUM, .number = 1234 }, "1,234" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct alert_draft d = draft("203.0.113.9", 1, SEVERITY_LOW, NULL, &cases[i].fact, 1);
        CLEANUP(alert_freep) struct alert *a = NULL;
        CLEANUP(buf_release) struct buf text = BUF_INIT(100);

        ck_assert_int_eq(alert_from_draft(&d, &a, &err), 0);
        alert_fact_words(a, &a->facts[0], &text);
        ck_assert_str_eq(buf_cstr(&text), cases[i].wanted);
    }
}
END_TEST

START_TEST(every_type_has_words_and_a_query)
{
    for (size_t i = 0; alert_type_at(i); i++) {
        const struct alert_type *t = alert_type_at(i);

        ck_assert_msg(t->why && t->description && t->kql && t->investigate[0] && t->remediate[0] && t->prevent[0] &&
                          t->techniques[0] && t->intent && t->tables[0],
                      "%s lacks words", t->id);
        ck_assert_ptr_eq(alert_type_find(t->id), t);
    }
}
END_TEST

static char told_ids[8][37];

static int remember_told(void *self, const struct alert *a, bool is_told, struct error *e)
{
    (void)self, (void)e;
    if (is_told)
        (void)snprintf(told_ids[told++ % 8], 37, "%s", a->id);
    return 0;
}

START_TEST(defenders_alert_and_ours_of_the_same_story_are_told_once_with_both_ids)
{
    static const char theirs[] = "0F0F0F0F-1111-4222-8333-444444444444";

    for (int ours_first = 0; ours_first < 2; ours_first++) {
        CLEANUP(stage_freep) struct stage *s = stage_new(12 * NS_PER_HOUR);
        struct alert_draft own = draft("203.0.113.9", 5, SEVERITY_HIGH, NULL, NULL, 0);
        struct alert_draft passed_on = own;

        passed_on.detector = "defender";
        passed_on.id = theirs;
        passed_on.subject = slice_of(theirs);
        told = 0;
        ck_assert_int_eq(stage_emit(s, ours_first ? &own : &passed_on, NULL, &err), 0);
        ck_assert_int_eq(stage_emit(s, ours_first ? &passed_on : &own, NULL, &err), 0);
        ck_assert_int_eq(stage_settle(s, 0, remember_told, NULL, &err), 0);
        ck_assert_int_eq(told, 1);
        ck_assert_str_ne(told_ids[0], "0f0f0f0f-1111-4222-8333-444444444444");
        ck_assert_uint_eq(stage_len(s), 2);
    }
}
END_TEST

START_TEST(an_alert_passed_on_alone_keeps_its_own_id)
{
    CLEANUP(stage_freep) struct stage *s = stage_new(12 * NS_PER_HOUR);
    struct alert_draft d = draft("x", 1, SEVERITY_HIGH, NULL, NULL, 0);

    d.detector = "defender";
    d.id = "0F0F0F0F-1111-4222-8333-444444444444";
    told = 0;
    ck_assert_int_eq(stage_emit(s, &d, NULL, &err), 0);
    ck_assert_int_eq(stage_settle(s, 0, remember_told, NULL, &err), 0);
    ck_assert_int_eq(told, 1);
    ck_assert_str_eq(told_ids[0], "0f0f0f0f-1111-4222-8333-444444444444");
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("alert");

    tcase_add_test(t, merging_in_any_order_ends_in_the_same_alert);
    tcase_add_test(t, of_samples_each_share_keeps_its_smallest_also_from_the_store);
    tcase_add_test(t, a_set_keeps_its_twenty_smallest_and_says_there_were_more);
    tcase_add_test(t, the_id_depends_on_meaning_only);
    tcase_add_test(t, saved_and_loaded_is_the_same);
    tcase_add_test(t, damaged_stored_text_is_an_error_not_a_crash);
    tcase_add_test(t, an_update_is_told_at_each_power_of_ten_and_once_at_the_end);
    tcase_add_test(t, the_end_is_not_told_when_it_says_nothing_new);
    tcase_add_test(t, defenders_alert_and_ours_of_the_same_story_are_told_once_with_both_ids);
    tcase_add_test(t, an_alert_passed_on_alone_keeps_its_own_id);
    tcase_add_test(t, words_expand_and_leave_out_what_is_missing);
    tcase_add_test(t, who_did_what_from_where_says_what_is_known);
    tcase_add_test(t, keys_are_switched_off_only_where_an_account_can_be_used_without);
    tcase_add_test(t, facts_are_written_in_their_units);
    tcase_add_test(t, every_type_has_words_and_a_query);
    return run_group("alert", t);
}
