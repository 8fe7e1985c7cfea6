/* What the console says of health: no progress is no health, whatever stands in its way.
 * SPDX-License-Identifier: Apache-2.0 */
#include "console/health.h"
#include "console/view.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>

#define NOW_NS (INT64_C(1780315200) * NS_PER_S) /* 2026-06-01T12:00:00Z */
#define FRESH "\"writtenAt\":\"2026-06-01T11:59:58Z\""

static int64_t wall(void *self UNUSED)
{
    return NOW_NS;
}

static const struct clock_ops clock_at_noon = { .wall_ns = wall };

struct said {
    int n[HEALTH_NOTE + 1];
    char last[400];
};

static void note(void *self, enum health_problem_kind kind, const char *name, const char *what)
{
    struct said *s = self;

    s->n[kind]++;
    (void)snprintf(s->last, sizeof s->last, "%s %s", name, what);
}

static const struct {
    const char *status;
    enum health_problem_kind kind;
    size_t problems;
    const char *says;
} cases[] = {
    { "{" FRESH ",\"sources\":[{\"name\":\"a\",\"state\":\"up to date\"}],\"outputs\":[{\"name\":\"b\",\"state\":\"idle\"}]}",
      HEALTH_AGENT, 0, "" },
    { "{\"writtenAt\":\"2026-06-01T11:58:00Z\"}", HEALTH_AGENT, 1, "agent has said nothing" },
    { "{" FRESH ",\"sources\":[{\"name\":\"a\",\"state\":\"failing\",\"reason\":\"HTTP 403\"}]}", HEALTH_SOURCE, 1, "a HTTP 403" },
    { "{" FRESH ",\"sources\":[{\"name\":\"a\",\"state\":\"paused\",\"reason\":\"the store is full\"}]}", HEALTH_SOURCE, 1,
      "a the store is full" },
    { "{" FRESH ",\"sources\":[{\"name\":\"a\",\"state\":\"reading\",\"lagSeconds\":7201}]}", HEALTH_SOURCE, 1, "a is 2h" },
    { "{" FRESH ",\"sources\":[{\"name\":\"a\",\"state\":\"reading\",\"lagSeconds\":7201,\"backfilling\":true}]}", HEALTH_SOURCE,
      0, "" },
    { "{" FRESH ",\"outputs\":[{\"name\":\"b\",\"state\":\"held\"}]}", HEALTH_OUTPUT, 1, "b does not take" },
    { "{" FRESH ",\"outputs\":[{\"name\":\"b\",\"state\":\"waiting\",\"reason\":\"refused\"}]}", HEALTH_OUTPUT, 1, "b refused" },
    { "{" FRESH ",\"outputs\":[{\"name\":\"b\",\"state\":\"waiting\"}]}", HEALTH_OUTPUT, 0, "" },
    { "{" FRESH ",\"statementReader\":{\"leftOut\":3}}", HEALTH_NOTE, 0, "reader 3 statement(s) ended the reader" },
    { "{" FRESH ",\"statementReader\":{\"leftOut\":3,\"passedOver\":2}}", HEALTH_NOTE, 0,
      "set aside, 2 of them unread, for others in their account ended it too often: `cosmowatch" },
    /* Patience with what worked before, for a quarter of an hour. */
    { "{" FRESH ",\"sources\":[{\"name\":\"a\",\"state\":\"failing\",\"reason\":\"HTTP 503\",\"lastSuccess\":\"x\",\"brokenForSeconds\":900}]}",
      HEALTH_NOTE, 0, "a HTTP 503" },
    { "{" FRESH ",\"sources\":[{\"name\":\"a\",\"state\":\"failing\",\"reason\":\"HTTP 503\",\"lastSuccess\":\"x\",\"brokenForSeconds\":901}]}",
      HEALTH_SOURCE, 1, "a HTTP 503" },
    { "{" FRESH ",\"outputs\":[{\"name\":\"b\",\"state\":\"held\",\"reason\":\"401\",\"lastAccepted\":\"x\",\"brokenForSeconds\":1}]}",
      HEALTH_NOTE, 0, "b 401" },
    { "{" FRESH ",\"outputs\":[{\"name\":\"b\",\"state\":\"held\",\"reason\":\"401\",\"lastAccepted\":\"x\",\"brokenForSeconds\":901}]}",
      HEALTH_OUTPUT, 1, "b 401" },
    { "{" FRESH ",\"outputs\":[{\"name\":\"b\",\"state\":\"held\",\"reason\":\"401\",\"brokenForSeconds\":1}]}", HEALTH_OUTPUT, 1,
      "b 401" },
    { "{" FRESH ",\"outputs\":[{\"name\":\"b\",\"state\":\"idle\",\"parked\":2}]}", HEALTH_NOTE, 0, "b refused 2 alert(s)" },
};

START_TEST(what_does_not_go_on_is_said_with_its_reason)
{
    struct json_object *status = json_tokener_parse(cases[_i].status);
    struct said said = { 0 };

    ck_assert_ptr_nonnull(status);
    ck_assert_uint_eq(health_judge(status, NOW_NS, note, &said), cases[_i].problems);
    ck_assert_int_eq(said.n[cases[_i].kind], cases[_i].says[0] != '\0');
    ck_assert_ptr_nonnull(strstr(said.last, cases[_i].says));
    json_object_put(status);
}
END_TEST

START_TEST(metrics_and_health_agree)
{
    struct json_object *status = json_tokener_parse(cases[_i].status);
    CLEANUP(buf_release) struct buf out = BUF_INIT(1 << 20);
    const struct services sv = { .clock = &clock_at_noon };
    struct view v = { .sv = &sv, .status = status, .out = &out };
    struct error err = { 0 };
    char healthy[40];

    ck_assert_int_eq(metrics_page(&v, &err), 200);
    (void)snprintf(healthy, sizeof healthy, "cosmowatch_healthy %d\n", cases[_i].problems == 0);
    ck_assert_ptr_nonnull(strstr(buf_cstr(&out), healthy));
    if (strstr(cases[_i].status, "paused") || strstr(cases[_i].status, "failing"))
        ck_assert_ptr_nonnull(strstr(buf_cstr(&out), "cosmowatch_source_up{source=\"a\"} 0\n"));
    json_object_put(status);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("health");

    tcase_add_loop_test(t, what_does_not_go_on_is_said_with_its_reason, 0, (int)ARRAY_LEN(cases));
    tcase_add_loop_test(t, metrics_and_health_agree, 0, (int)ARRAY_LEN(cases));
    return run_group("console/health", t);
}
