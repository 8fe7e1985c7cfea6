/* dialect_kit.h - what every injection detector promises, shown by texts of its own dialect. A program defines `promise`,
 * begins with promised_tests() and adds what only its dialect knows.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_DIALECT_KIT_H
#define COSMOWATCH_TEST_DIALECT_KIT_H

#include "tests/unit/injection_kit.h"

struct dialect_promise {
    const struct detector_ops *ops;
    enum api api;
    const char *statements; /* file of check_statements() */
    int at_least;           /* lines in it */
    const char *usual;      /* what the client has always sent */
    struct { const char *text, *type; } inserted[10]; /* into the usual text: each is one alert of that type */
    const char *silent[10]; /* the usual text, others like it, harmless news */
    const char *mixed[6];   /* for check_order(): '#' is a number */
    const char *huge_head, *huge[16];
};

extern const struct dialect_promise promise;

static inline size_t count_texts(const char *const *texts, size_t most)
{
    size_t n = 0;

    while (n < most && texts[n])
        n++;
    return n;
}

static inline struct bench *open_learned(void)
{
    struct bench *b = bench_open(promise.ops, "");

    for (int i = 0; i < 50; i++)
        ask(b, (struct ask){ .api = promise.api, .text = promise.usual, .minute_ns = day(0) + i * 5 * NS_PER_HOUR });
    ck_assert_uint_eq(bench_drafts(b), 0);
    return b;
}

START_TEST(a_text_is_judged_by_its_form)
{
    check_statements(promise.ops, promise.api, promise.statements, promise.at_least);
}
END_TEST

START_TEST(what_was_put_into_the_usual_text_alerts)
{
    for (size_t i = 0; i < ARRAY_LEN(promise.inserted) && promise.inserted[i].text; i++) {
        const char *text = promise.inserted[i].text, *type = promise.inserted[i].type;
        struct bench *b = open_learned();

        ask(b, (struct ask){ .api = promise.api, .text = text, .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 1, "%s", text);
        ck_assert_msg(strcmp(bench_alert(b, 0)->type->id, type) == 0, "%s: %s", bench_alert(b, 0)->type->id, text);
        bench_free(b);
    }
}
END_TEST

START_TEST(the_usual_text_and_harmless_news_are_silent)
{
    struct bench *b = open_learned();

    for (size_t i = 0; i < count_texts(promise.silent, ARRAY_LEN(promise.silent)); i++) {
        ask(b, (struct ask){ .api = promise.api, .text = promise.silent[i], .minute_ns = day(12) });
        ck_assert_msg(bench_alerts(b) == 0, "%s", promise.silent[i]);
    }
    bench_free(b);
}
END_TEST

START_TEST(order_and_split_of_the_rows_do_not_show)
{
    check_order(promise.ops, promise.api, promise.usual, promise.mixed, count_texts(promise.mixed, ARRAY_LEN(promise.mixed)));
}
END_TEST

START_TEST(huge_and_deep_text_ends_in_bounded_work)
{
    check_huge(promise.ops, promise.api, promise.huge_head, promise.huge, count_texts(promise.huge, ARRAY_LEN(promise.huge)));
}
END_TEST

START_TEST(other_apis_are_none_of_its_business)
{
    struct bench *b = bench_open(promise.ops, "");

    for (int api = 0; api < API_COUNT; api++)
        if ((enum api)api != promise.api)
            ask(b, (struct ask){ .api = (enum api)api, .text = promise.inserted[0].text });
    ck_assert_uint_eq(bench_alerts(b), 0);
    bench_free(b);
}
END_TEST

static inline TCase *promised_tests(void)
{
    TCase *t = tcase_create("detector");

    tcase_add_test(t, a_text_is_judged_by_its_form);
    tcase_add_test(t, what_was_put_into_the_usual_text_alerts);
    tcase_add_test(t, the_usual_text_and_harmless_news_are_silent);
    tcase_add_test(t, order_and_split_of_the_rows_do_not_show);
    tcase_add_test(t, huge_and_deep_text_ends_in_bounded_work);
    tcase_add_test(t, other_apis_are_none_of_its_business);
    return t;
}

#endif
