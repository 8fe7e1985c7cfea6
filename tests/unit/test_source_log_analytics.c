/* Options of the Log Analytics source: what they say to the planner, what is refused, and that every
 * query it can send is told.
 * SPDX-License-Identifier: Apache-2.0 */
#include "settings/errors.h"
#include "settings/option.h"
#include "settings/yaml_node.h"
#include "source/gate.h"
#include "source/source.h"
#include "source/window.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "workspace: 00000000-0000-0000-0000-000000000001\n"

struct made {
    struct yaml_tree *tree;
    void *self;
    struct settings_errors errors;
    int result;
};

static const struct source_ops *ops(void)
{
    ck_assert_str_eq(sources_all[0]->name, "log_analytics");
    return sources_all[0];
}

static struct made make(const char *yaml)
{
    struct made m = { 0 };

    ck_assert_int_eq(yaml_tree_parse(slice_of(yaml), "x.yaml", &m.tree, &m.errors), 0);
    m.self = calloc(1, ops()->size);
    ck_assert_ptr_nonnull(m.self);
    m.result = settings_table_apply(ops()->options, yaml_tree_root(m.tree), m.self, &m.errors);
    return m;
}

static void made_release(struct made *m)
{
    settings_table_release(ops()->options, m->self);
    free(m->self);
    yaml_tree_free(m->tree);
    settings_errors_release(&m->errors);
}

START_TEST(presets_are_the_timing_of_the_manual)
{
    struct made m = make(ID);
    struct window_timing t;

    ck_assert_int_eq(m.result, 0);
    ops()->timing(m.self, &t);
    ck_assert_int_eq(t.window_ns, 5 * NS_PER_MIN);
    ck_assert_int_eq(t.settle_ns, 2 * NS_PER_MIN);
    ck_assert_int_eq(t.catch_up_ns, NS_PER_HOUR);
    ck_assert_int_eq(t.lookback_ns, NS_PER_DAY);
    ck_assert_int_eq(t.backfill_ns, 14 * NS_PER_DAY);
    ck_assert_int_eq(t.backfill_window_ns, 6 * NS_PER_HOUR);
    ck_assert_int_eq(t.retention_ns, 30 * NS_PER_DAY);
    ck_assert_int_eq(t.recheck_ns[0], 15 * NS_PER_MIN);
    ck_assert_int_eq(t.recheck_ns[3], NS_PER_DAY);
    made_release(&m);
    m = make(ID "recheck: [30m]\n");
    ops()->timing(m.self, &t);
    ck_assert_int_eq(t.recheck_ns[0], 30 * NS_PER_MIN);
    ck_assert_int_eq(t.recheck_ns[1], 0);
    made_release(&m);
}
END_TEST

START_TEST(wrong_options_are_refused_with_a_hint)
{
    static const struct { const char *yaml, *says; } cases[] = {
        { "{}\n", "workspace" },
        { "workspace: my-workspace\n", "GUID" },
        { ID "tables: [CDBDataPlanRequests]\n", "CDBDataPlaneRequests" },
        { ID "tables: [ThreatIntelIndicators]\n", "no table" },
        { ID "shard: 2/2\n", "i/n" },
        { ID "shard: one\n", "i/n" },
        { ID "shard: 1\n", "i/n" },
        { ID "recheck: [1h, 15m]\n", "growing" },
        { ID "recheck: [1m, 2m, 3m, 4m, 5m]\n", "recheck" },
        { ID "concurrency: 6\n", "concurrency" },
        { ID "mode: row\n", "rows" },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct made m = make(cases[i].yaml);
        CLEANUP(buf_release) struct buf said = BUF_INIT(1 << 16);

        settings_errors_print(&m.errors, &said);
        ck_assert_msg(m.result == -1 && strstr(buf_cstr(&said), cases[i].says), "case %zu: %s", i, buf_cstr(&said));
        made_release(&m);
    }
}
END_TEST

struct told {
    size_t n, most;
    char names[32][48];
};

static int tell(void *self, const char *name, struct slice text, struct error *err)
{
    struct told *t = self;

    (void)err;
    ck_assert_uint_lt(t->n, ARRAY_LEN(t->names));
    for (size_t i = 0; i < t->n; i++)
        ck_assert_str_ne(t->names[i], name);
    (void)snprintf(t->names[t->n], sizeof t->names[0], "%s", name);
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] < 0x20 && text.at[i] != '\n') /* an assertion is a write, and texts are long */
            ck_abort_msg("%s: a control byte", name);
    t->most = text.len > t->most ? text.len : t->most;
    t->n++;
    return 0;
}

static bool is_told(const struct told *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->names[i], name) == 0)
            return true;
    return false;
}

START_TEST(every_query_is_told_without_being_open)
{
    static const struct { const char *yaml; bool requests, texts, control; } cases[] = {
        { .yaml = ID, .requests = true, .texts = true, .control = true },
        { .yaml = ID "mode: rows\n", .requests = true, .texts = true, .control = true },
        { .yaml = ID "tables: [AzureActivity]\n", .control = true },
        { .yaml = ID "tables: [CDBDataPlaneRequests5M]\n", .requests = true },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct made m = make(cases[i].yaml);
        struct told t = { 0 };
        struct error err = { 0 };

        ck_assert_int_eq(m.result, 0);
        ck_assert_msg(ops()->each_query(m.self, tell, &t, &err) == 0, "%s", err.msg);
        ck_assert_msg(is_told(&t, "requests") == cases[i].requests, "case %zu", i);
        ck_assert_msg(is_told(&t, "texts-backfill") == cases[i].texts, "case %zu", i);
        ck_assert_msg(is_told(&t, "control-cut-by-hash") == cases[i].control, "case %zu", i);
        ck_assert(is_told(&t, "count") && is_told(&t, "probe") && is_told(&t, "probe-accounts") && is_told(&t, "probe-usage") &&
                  is_told(&t, "probe-places") && is_told(&t, "probe-aggregate") && is_told(&t, "threat-intelligence"));
        ck_assert_uint_lt(t.most, 100000);
        made_release(&m);
    }
}
END_TEST

static atomic_int inside, most;

static void *pass_the_gate(void *gate)
{
    for (int i = 0; i < 200; i++) {
        int now;

        gate_enter(gate);
        now = atomic_fetch_add(&inside, 1) + 1;
        if (now > atomic_load(&most))
            atomic_store(&most, now);
        sched_yield();
        atomic_fetch_sub(&inside, 1);
        gate_leave(gate);
    }
    return NULL;
}

START_TEST(a_gate_lets_in_as_many_as_its_narrowest_user_allows_and_all_in_the_end)
{
    struct gate *wide = NULL, *narrow = NULL, *other = NULL;
    pthread_t threads[4];
    struct error err = { 0 };

    ck_assert_int_eq(gate_open("a", 5, &wide, &err), 0);
    ck_assert_int_eq(gate_open("a", 1, &narrow, &err), 0);
    ck_assert_int_eq(gate_open("b", 0, &other, &err), 0); /* at least one */
    ck_assert_ptr_eq(wide, narrow);
    ck_assert_ptr_ne(wide, other);
    for (int round = 0; round < 2; round++) { /* the narrow one stays when the other comes again */
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
            ck_assert_int_eq(pthread_create(&threads[i], NULL, pass_the_gate, round ? wide : other), 0);
        for (size_t i = 0; i < ARRAY_LEN(threads); i++)
            ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        ck_assert_int_eq(atomic_load(&most), 1);
        gate_close(wide);
        ck_assert_int_eq(gate_open("a", 5, &wide, &err), 0);
    }
    gate_close(wide);
    gate_close(narrow);
    gate_close(other);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        presets_are_the_timing_of_the_manual,
        wrong_options_are_refused_with_a_hint,
        every_query_is_told_without_being_open,
        a_gate_lets_in_as_many_as_its_narrowest_user_allows_and_all_in_the_end,
    };

    return run_tests("source_log_analytics", tests, ARRAY_LEN(tests));
}
