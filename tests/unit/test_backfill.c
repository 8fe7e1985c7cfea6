/* What back-fills and queue bounds promise: earlier alerts go once, under their own ids, to an output that asked, also
 * when the agent dies on the way; a full queue parks its oldest or makes reading wait; outputs that left and alerts that
 * were dropped are said once. SPDX-License-Identifier: Apache-2.0 */
#include "log_kit.h"
#include "store_kit.h"

#include "backfill.h"
#include "base/log.h"
#include "delivery/delivery.h"
#include "delivery/route.h"
#include "queues.h"
#include "settings/errors.h"
#include "settings/settings.h"
#include "tests/kit/suite.h"

#define ALERTS 450 /* more than two steps */

static struct folder folder;
static struct store *store;
static struct services services;
static struct delivery_output_config outputs[2];
static struct settings_route settings[2];
static struct route *routes[2];

/* Told ones; every tenth is suppressed, one was never told. */
static void put_alert(int n)
{
    struct alert *a = alert_nth(n);

    a->told_count = n == 1 ? 0 : a->count;
    a->is_suppressed = n % 10 == 9;
    OK(store_put_alert(store, a, err));
    alert_free(a);
}

static void set_up(void)
{
    folder = folder_new();
    store = store_at(folder.path, STORE_RUN);
    services = (struct services){ .clock = &clock_system, .random = &random_system };
    for (size_t i = 0; i < ARRAY_LEN(outputs); i++) {
        struct settings_errors errors = { 0 };
        struct error err = { 0 };

        outputs[i] = (struct delivery_output_config){ .name = i == 0 ? "soc" : "siem" };
        settings[i] = (struct settings_route){ 0 };
        ck_assert_int_eq(settings_table_presets(settings_route_options, &settings[i], &err), 0);
        settings[i].min_severity = i == 0 ? SEVERITY_INFORMATIONAL : SEVERITY_HIGH;
        ck_assert_int_eq(route_read(&settings[i], NULL, NULL, &routes[i], &errors), 0);
    }
    OK(store_begin(store, err));
    for (int n = 0; n < ALERTS; n++)
        put_alert(n);
    OK(store_commit(store, err));
    log_to(folder.path);
}

static void tear_down(void)
{
    for (size_t i = 0; i < ARRAY_LEN(outputs); i++) {
        route_free(routes[i]);
        settings_table_release(settings_route_options, &settings[i]);
    }
    store_close(store);
    folder_remove(&folder);
}

static struct backfill *agent(void)
{
    const struct backfill_config cfg = { .sv = &services, .store = store, .outputs = outputs, .routes = routes,
                                         .outputs_len = ARRAY_LEN(outputs) };
    struct backfill *b = NULL;

    OK(backfill_new(&cfg, &b, err));
    return b;
}

/* An agent that runs until there is nothing left to hand over, or for so many steps; then it is gone. */
static void run_agent(int steps)
{
    struct backfill *b = agent();

    for (backfill_look(b); steps > 0 && !backfill_is_idle(b); steps--) {
        (void)backfill_step(b);
        if (backfill_is_idle(b))
            backfill_look(b);
    }
    backfill_free(b);
}

static struct output_counts counts(const char *output)
{
    struct output_counts c = { 0 };

    OK(store_count_output(store, output, &c, err));
    return c;
}

/* Told and not suppressed, as many as alert_nth makes of the severity. */
static int64_t wanted(int from, int min_severity)
{
    int64_t n = 0;

    for (int i = from; i < ALERTS; i++)
        n += i != 1 && i % 10 != 9 && i % 4 >= min_severity;
    return n;
}

static int64_t time_of(int n)
{
    return NS_PER_DAY * 20000 + n * NS_PER_MIN;
}

START_TEST(a_new_output_gets_nothing_old_unless_asked)
{
    run_agent(100);
    ck_assert_int_eq(counts("soc").pending, 0);
    OK(backfill_ask(store, "soc", time_of(100), err));
    run_agent(100);
    ck_assert_int_eq(counts("soc").pending, wanted(100, 0));
    ck_assert_int_eq(counts("siem").pending, 0);
    ck_assert_int_eq(lines_with("earlier alerts were handed to an output"), 1);
}
END_TEST

START_TEST(what_was_handed_over_is_counted_over_all_steps_and_what_is_forgotten_meanwhile_is_passed_over)
{
    struct backfill_state st = { 0 };
    struct backfill *b;

    OK(backfill_ask(store, "soc", 0, err));
    b = agent();
    backfill_look(b);
    (void)backfill_step(b);
    ck_assert_int_gt(counts("soc").pending, 0);
    OK(store_forget_alerts(store, time_of(ALERTS - 10), err)); /* those that nobody owes */
    while (!backfill_is_idle(b))
        (void)backfill_step(b);
    OK(backfill_get(store, "soc", &st, err));
    ck_assert(!st.is_waiting && st.alerts == counts("soc").pending && st.alerts < wanted(0, 0));
    ck_assert_int_eq(lines_with("could not go on"), 0);
    backfill_free(b);
}
END_TEST

START_TEST(the_route_decides_and_ids_are_what_they_were)
{
    struct alert *a = alert_nth(3);
    struct delivery_row row;
    size_t n = 0;

    OK(backfill_ask(store, "siem", 0, err));
    run_agent(100);
    ck_assert_int_eq(counts("siem").pending, wanted(0, SEVERITY_HIGH));
    OK(store_take(store, "siem", 1, &row, &n, err));
    ck_assert_uint_eq(n, 1);
    ck_assert_str_eq(row.record_id, a->record_id); /* the oldest of that severity comes first */
    delivery_row_release(&row);
    alert_free(a);
}
END_TEST

START_TEST(what_an_output_had_before_it_does_not_get_again)
{
    struct settlement done = { .what = SETTLE_ACCEPTED, .now_ns = 1 };
    struct backfill_state st = { 0 };

    put_nth(store, "soc", 5);
    done.seq = 1;
    OK(store_settle(store, &done, 1, err));
    for (int i = 0; i < 3; i++) {
        OK(backfill_ask(store, "soc", 0, err));
        run_agent(100);
    }
    ck_assert_int_eq(counts("soc").accepted, 1);
    ck_assert_int_eq(counts("soc").pending, wanted(0, 0) - 1);
    OK(backfill_get(store, "soc", &st, err));
    ck_assert(!st.is_waiting);
    ck_assert_int_eq(st.alerts, 0); /* the last one found nothing new */
}
END_TEST

START_TEST(an_agent_that_dies_on_the_way_starts_over_and_sends_none_twice)
{
    OK(backfill_ask(store, "soc", 0, err));
    for (int i = 0; i < 5; i++) {
        run_agent(1); /* dies after the first 200 */
        ck_assert_int_gt(counts("soc").pending, 0);
        ck_assert_int_lt(counts("soc").pending, wanted(0, 0));
    }
    run_agent(100);
    ck_assert_int_eq(counts("soc").pending, wanted(0, 0));
}
END_TEST

START_TEST(the_option_asks_once_and_a_restart_does_not_ask_again)
{
    int64_t age_ms = (sv_wall_ns(&services) - time_of(100)) / NS_PER_MS;
    struct backfill_state st = { 0 };

    outputs[0].backfill_ms = age_ms;
    backfill_free(agent()); /* asked, and killed before anything was done */
    OK(backfill_get(store, "soc", &st, err));
    ck_assert(st.is_waiting);
    run_agent(100);
    ck_assert_int_ge(counts("soc").pending, wanted(101, 0));
    ck_assert_int_le(counts("soc").pending, wanted(99, 0));
    outputs[0].backfill_ms = age_ms * 2;
    run_agent(100);
    ck_assert_int_le(counts("soc").pending, wanted(99, 0));
}
END_TEST

START_TEST(more_that_is_asked_for_meanwhile_is_done_after)
{
    struct backfill *b = agent();

    OK(backfill_ask(store, "soc", time_of(100), err));
    backfill_look(b);
    (void)backfill_step(b);
    OK(backfill_ask(store, "soc", time_of(50), err));
    OK(backfill_ask(store, "soc", time_of(200), err)); /* the earlier one counts */
    while (!backfill_is_idle(b)) {
        (void)backfill_step(b);
        if (backfill_is_idle(b))
            backfill_look(b);
    }
    ck_assert_int_eq(counts("soc").pending, wanted(50, 0));
    backfill_free(b);
}
END_TEST

/* ---- queues ---------------------------------------------------------------------------------------------- */

static struct queues *queues(void)
{
    const struct queues_config cfg = { .sv = &services, .store = store, .outputs = outputs,
                                       .outputs_len = ARRAY_LEN(outputs) };
    struct queues *q = NULL;

    OK(queues_new(&cfg, &q, err));
    return q;
}

static int reason_fn(void *self, const struct delivery_row *r, struct error *err UNUSED)
{
    ck_assert_ptr_nonnull(strstr(r->reason, "queue was full"));
    ck_assert_int_gt(r->last_try_ns, 0);
    (void)snprintf(self, 64, "%s", r->record_id); /* in order: the newest of the parked ones stays */
    return 0;
}

START_TEST(a_full_queue_that_parks_sets_the_oldest_aside)
{
    struct queues *q = queues();
    struct alert *last = alert_nth(4);
    char parked[64] = "";
    int64_t n = 0;

    for (int i = 0; i < 15; i++)
        put_nth(store, "soc", i);
    outputs[0].queue_max = 10;
    outputs[0].parks_when_full = true;
    OK(queues_bound(q, err));
    ck_assert_int_eq(counts("soc").pending, 10);
    ck_assert_int_eq(counts("soc").parked, 5);
    OK(store_each_parked(store, "soc", reason_fn, parked, err));
    ck_assert_str_eq(parked, last->record_id);
    ck_assert_int_eq(lines_with("full, the oldest alerts are parked"), 1);
    ck_assert_ptr_null(queues_full(q)); /* it asks nobody to wait */
    OK(queues_bound(q, err));
    ck_assert_int_eq(counts("soc").parked, 5);
    OK(store_retry_parked(store, "soc", NULL, &n, err));
    ck_assert_int_eq(counts("soc").pending, 15);
    alert_free(last);
    queues_free(q);
}
END_TEST

START_TEST(a_full_queue_that_holds_makes_reading_wait_and_keeps_all)
{
    struct queues *q = queues();

    outputs[1].queue_max = 3;
    put_nth(store, "siem", 0);
    put_nth(store, "siem", 1);
    ck_assert_ptr_null(queues_full(q));
    put_nth(store, "siem", 2);
    ck_assert_str_eq(queues_full(q), "siem");
    put_nth(store, "siem", 3);
    OK(queues_bound(q, err));
    ck_assert_int_eq(counts("siem").pending, 4);
    ck_assert_int_eq(counts("siem").parked, 0);
    queues_free(q);
}
END_TEST

START_TEST(an_output_that_left_and_has_only_parked_alerts_is_said_as_well)
{
    struct settlement no = { .what = SETTLE_PARKED, .now_ns = 1, .reason = "400" };
    struct queues *q = queues();
    struct delivery_row row;
    size_t n = 0;

    put_nth(store, "old", 0);
    OK(store_take(store, "old", 1, &row, &n, err));
    no.seq = row.seq;
    OK(store_settle(store, &no, 1, err));
    delivery_row_release(&row);
    queues_look(q);
    ck_assert_int_eq(lines_with("output=old pending=0 parked=1"), 1);
    queues_free(q);
}
END_TEST

START_TEST(an_output_that_left_and_owes_is_said_once_and_can_be_given_up)
{
    struct queues *q = queues();
    int64_t n = 0;

    put_nth(store, "old", 0);
    put_nth(store, "old", 1);
    put_nth(store, "soc", 2);
    queues_look(q);
    queues_look(q);
    ck_assert_int_eq(lines_with("no longer configured"), 1);
    ck_assert_int_eq(lines_with("output=old pending=2"), 1);
    OK(store_drop_output(store, "old", &n, err));
    ck_assert_int_eq(n, 2);
    ck_assert_int_eq(counts("old").pending, 0);
    ck_assert_int_eq(counts("old").dropped, 2);
    ck_assert_int_eq(counts("soc").pending, 1);
    queues_look(q);
    queues_look(q);
    ck_assert_int_eq(lines_with("the operator dropped alerts"), 1);
    queues_free(q);
    q = queues();
    queues_look(q); /* a restart does not say it again */
    ck_assert_int_eq(lines_with("the operator dropped alerts"), 1);
    ck_assert_int_eq(lines_with("no longer configured"), 1);
    queues_free(q);
    put_nth(store, "old", 3);
    OK(store_drop_output(store, "old", &n, err)); /* while no agent runs */
    q = queues();
    queues_look(q);
    ck_assert_int_eq(lines_with("the operator dropped alerts"), 2);
    queues_free(q);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("backfill");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, a_new_output_gets_nothing_old_unless_asked);
    tcase_add_test(t, what_was_handed_over_is_counted_over_all_steps_and_what_is_forgotten_meanwhile_is_passed_over);
    tcase_add_test(t, the_route_decides_and_ids_are_what_they_were);
    tcase_add_test(t, what_an_output_had_before_it_does_not_get_again);
    tcase_add_test(t, an_agent_that_dies_on_the_way_starts_over_and_sends_none_twice);
    tcase_add_test(t, the_option_asks_once_and_a_restart_does_not_ask_again);
    tcase_add_test(t, more_that_is_asked_for_meanwhile_is_done_after);
    tcase_add_test(t, a_full_queue_that_parks_sets_the_oldest_aside);
    tcase_add_test(t, a_full_queue_that_holds_makes_reading_wait_and_keeps_all);
    tcase_add_test(t, an_output_that_left_and_has_only_parked_alerts_is_said_as_well);
    tcase_add_test(t, an_output_that_left_and_owes_is_said_once_and_can_be_given_up);
    return run_group("backfill", t);
}
