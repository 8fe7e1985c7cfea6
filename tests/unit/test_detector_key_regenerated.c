/* What detectors/key_regenerated.c promises.
 * SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/key_kit.h"

extern const struct detector_ops detector_key_regenerated;

#define TYPE "CosmosDBX_KeyRegenerated"
#define EVE "eve@contoso.example"

static struct bench *judged(void)
{
    struct bench *b = bench_open(&detector_key_regenerated, "");

    key_feed(b, 0);
    key_forget();
    return b;
}

static void regenerate(int64_t at, const char *caller, const char *key)
{
    struct act a = { .at = at, .op = REGENERATE, .caller = caller, .properties = key, .status = "Start" };

    key_act(a);
    a.status = "Success";
    key_act(a);
}

START_TEST(a_stranger_s_regeneration_is_low)
{
    struct bench *b;
    const struct alert *a;

    key_usual("shop-prod", 0, 20, true);
    regenerate(key_day(20, 3, 0), EVE, "{\"requestbody\":\"{\\\"keyKind\\\":\\\"secondary\\\"}\"}");
    b = judged();
    a = bench_only(b, TYPE);
    ck_assert_int_eq(a->severity, SEVERITY_LOW);
    ck_assert_str_eq(a->variant, ".Unexpected");
    ck_assert_str_eq(a->subject, EVE);
    ck_assert_str_eq(alert_text(a, "keyKind"), "SecondaryMasterKey");
    ck_assert_int_eq(a->count, 1);
    bench_free(b);
}
END_TEST

START_TEST(a_monthly_rotation_alerts_once)
{
    struct bench *b;

    key_usual("shop-prod", 0, 130, true);
    for (int d = 20; d < 130; d += 30) {
        regenerate(key_day(d, 2, 0), "rotator", "\"keyKind\":\"primary\"");
        regenerate(key_day(d + 7, 2, 0), "rotator", "\"keyKind\":\"secondary\"");
    }
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 1);
    bench_free(b);
}
END_TEST

START_TEST(all_keys_within_an_hour_are_high)
{
    static const struct {
        const char *name, *keys[4];
        int n;
        const char *variant;
    } cases[] = {
        { .name = "four, unsaid", .n = 4, .variant = ".AllKeys" },
        { .name = "both read-write keys", .n = 2, .variant = ".AllKeys",
          .keys = { "\"keyKind\":\"primary\"", "\"keyKind\":\"secondary\"" } },
        { .name = "three, unsaid", .n = 3, .variant = ".Unexpected" },
        { .name = "two, unsaid", .n = 2, .variant = ".Unexpected" },
        { .name = "both read-only keys", .n = 2, .variant = ".Unexpected",
          .keys = { "\"keyKind\":\"primaryReadonly\"", "\"keyKind\":\"secondaryReadonly\"" } },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;
        const struct alert *a;

        key_usual("shop-prod", 0, 20, true);
        for (int k = 0; k < cases[i].n; k++)
            regenerate(key_day(20, 3, 5 + 14 * k), EVE, cases[i].keys[k]);
        b = judged();
        a = bench_only(b, TYPE);
        ck_assert_msg(strcmp(a->variant, cases[i].variant) == 0, "%s: %s", cases[i].name, a->variant);
        ck_assert_msg(a->severity == (cases[i].variant[1] == 'A' ? SEVERITY_HIGH : SEVERITY_LOW), "%s", cases[i].name);
        ck_assert_msg(a->count == cases[i].n, "%s", cases[i].name);
        bench_free(b);
    }
}
END_TEST

START_TEST(a_job_that_renews_all_keys_by_habit_is_silent)
{
    struct bench *b = bench_open(&detector_key_regenerated, "");

    key_usual("shop-prod", 0, 60, true);
    for (int d = 1; d < 60; d += 28)
        for (int k = 0; k < 4; k++)
            regenerate(key_day(d, 2, k), "rotator", NULL);
    bench_set_backfill(b, false);
    key_feed(b, 0);
    key_forget();
    ck_assert_uint_eq(bench_alerts(b), 0); /* the first time was in the weeks of learning */
    bench_free(b);
}
END_TEST

START_TEST(a_lock_out_is_high_after_a_stranger_and_medium_after_a_rotation)
{
    static const struct {
        const char *name, *caller;
        int64_t refused;
        int minutes;
        enum severity severity;
        size_t alerts;
    } cases[] = {
        { .name = "stranger", .caller = EVE, .refused = 60, .minutes = 10, .severity = SEVERITY_HIGH, .alerts = 1 },
        { .name = "rotation", .caller = "rotator", .refused = 60, .minutes = 10, .severity = SEVERITY_MEDIUM, .alerts = 1 },
        { .name = "rotation, few", .caller = "rotator", .refused = 40, .minutes = 10, .alerts = 0 },
        { .name = "rotation, hours later", .caller = "rotator", .refused = 60, .minutes = 150, .alerts = 0 },
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b;

        key_usual("shop-prod", 0, 20, true);
        regenerate(key_day(3, 3, 0), "rotator", NULL);
        regenerate(key_day(20, 3, 0), cases[i].caller, NULL);
        for (int k = 0; k < 5; k++)
            key_req((struct req){ .at = key_day(20, 3, cases[i].minutes + k), .status = 401, .key = "",
                                  .count = cases[i].refused / 5 });
        b = judged();
        ck_assert_msg(bench_alerts(b) == cases[i].alerts, "%s: %zu", cases[i].name, bench_alerts(b));
        if (cases[i].alerts) {
            ck_assert_msg(bench_only(b, TYPE)->severity == cases[i].severity, "%s", cases[i].name);
            ck_assert_str_eq(bench_only(b, TYPE)->variant, ".Lockout");
            ck_assert_int_eq(alert_number(bench_only(b, TYPE), "refusedAfter", 0), cases[i].refused);
        }
        bench_free(b);
    }
}
END_TEST

START_TEST(refusals_that_are_usual_are_no_lock_out)
{
    struct bench *b;

    key_usual("shop-prod", 0, 20, true);
    for (int d = 0; d < 20; d++)
        key_req((struct req){ .at = key_day(d, 5, 0), .status = 401, .count = 300 });
    regenerate(key_day(3, 3, 0), "rotator", NULL);
    regenerate(key_day(20, 3, 0), "rotator", NULL);
    key_req((struct req){ .at = key_day(20, 3, 20), .status = 401, .count = 200 });
    b = judged();
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

static void any_order_rows(unsigned seed)
{
    static const char *const callers[] = { EVE, "rotator", "mallory" };
    static const char *const keys[] = { NULL, "\"keyKind\":\"primary\"", "\"keyKind\":\"secondary\"" };

    key_seed = seed;
    key_usual("shop-prod", 0, 21, true);
    regenerate(key_day(4, 3, 0), "rotator", NULL);
    for (int i = 0; i < 25; i++)
        regenerate(key_day(18, 20, 0) + (int64_t)key_dice(8 * 3600) * NS_PER_S, callers[key_dice(3)], keys[key_dice(3)]);
    for (int i = 0; i < 60; i++)
        key_req((struct req){ .at = key_day(18, 20, 0) + (int64_t)key_dice(9 * 60) * NS_PER_MIN, .status = 401,
                              .count = 1 + key_dice(20) });
}

START_TEST(any_order_gives_the_same_alerts)
{
    key_same_in_any_order(&detector_key_regenerated, "", any_order_rows);
}
END_TEST

int main(void)
{
    const TTest *const tests[] = {
        a_stranger_s_regeneration_is_low,
        a_monthly_rotation_alerts_once,
        all_keys_within_an_hour_are_high,
        a_job_that_renews_all_keys_by_habit_is_silent,
        a_lock_out_is_high_after_a_stranger_and_medium_after_a_rotation,
        refusals_that_are_usual_are_no_lock_out,
        any_order_gives_the_same_alerts,
        NULL,
    };

    return key_run("key_regenerated", tests);
}
