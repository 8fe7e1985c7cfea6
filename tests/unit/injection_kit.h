/* injection_kit.h - what the tests of the injection detectors share: statements fed to a bench, a table of them read
 * from tests/detectors/NAME/statements.txt, the same rows in any order.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_INJECTION_KIT_H
#define COSMOWATCH_TEST_INJECTION_KIT_H

#include "alert/catalogue.h"
#include "base/buf.h"
#include "tests/kit/bench.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ask { /* one text of one client */
    enum api api;
    const char *text;
    int64_t minute_ns, bytes, count;
    int32_t status;
    const char *container, *address;
};

static inline int64_t day(int n)
{
    return bench_time(BENCH_DAY0) + n * NS_PER_DAY;
}

static inline void ask_slice(struct bench *b, struct ask a, struct slice text)
{
    static const enum table tables[API_COUNT] = { [API_NOSQL] = TABLE_QUERY_STATS, [API_MONGODB] = TABLE_MONGO,
        [API_CASSANDRA] = TABLE_CASSANDRA, [API_GREMLIN] = TABLE_GREMLIN, [API_TABLE] = TABLE_TABLE_API };
    struct observation o = { .kind = OBS_TEXT, .table = tables[a.api], .api = a.api, .minute_ns = a.minute_ns ? a.minute_ns : day(1),
                             .status = a.status ? a.status : 200, .count = a.count ? a.count : 1,
                             .bytes_out = a.bytes ? a.bytes : 2000, .ru_milli = 3000 };

    if (a.api != API_TABLE)
        o.text[F_DATABASE] = SL("shop");
    o.text[F_CONTAINER] = slice_of(a.container ? a.container : "things");
    o.text[F_USER_AGENT] = SL("PyMongo/4.6.0");
    o.text[F_ADDRESS] = slice_of(a.address ? a.address : "10.1.2.3");
    o.text[F_QUERY_TEXT] = text;
    o.sample = SL("0a0a0a0a-0000-4000-8000-000000000001");
    bench_feed(b, &o);
}

static inline void ask(struct bench *b, struct ask a)
{
    ask_slice(b, a, slice_of(a.text));
}

/* A line: verdict, status, text; separated by tabs. verdict: attack (ran, Medium or more), probe (Low), quiet. */
static inline void check_statements(const struct detector_ops *ops, enum api api, const char *path, int at_least)
{
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t cap = 0;
    int cases = 0;

    ck_assert_msg(f != NULL, "%s: run from the top of the tree", path);
    while (getline(&line, &cap, f) > 0) {
        struct slice rest = slice_of(line), verdict, status, text = { 0 };
        struct bench *b = bench_open(ops, "");
        struct buf statement = BUF_INIT(8192);

        if (rest.len > 0 && rest.at[rest.len - 1] == '\n')
            rest.len--;
        ck_assert(slice_split(&rest, '\t', &verdict) && slice_split(&rest, '\t', &status));
        (void)slice_split(&rest, '\t', &text);
        for (size_t i = 0; i < text.len; i++)
            if (text.at[i] == '\\' && i + 1 < text.len && text.at[i + 1] == 'n') {
                buf_add_char(&statement, '\n');
                i++;
            } else {
                buf_add_char(&statement, text.at[i]);
            }
        ask_slice(b, (struct ask){ .api = api, .status = slice_eq(status, SL("-")) ? -1 : slice_eq(status, SL("400")) ? 400 : 200 },
                  buf_slice(&statement));
        const struct alert *a = bench_alerts(b) ? bench_alert(b, 0) : NULL;
        const char *got = !a ? "quiet" : a->severity >= SEVERITY_MEDIUM ? "attack" : "probe";

        ck_assert_msg(slice_eq(verdict, slice_of(got)) && bench_alerts(b) <= 1, "%s: %s", got, line);
        if (a) {
            ck_assert_msg(alert_text(a, "reason")[0] != '\0' && alert_text(a, "query")[0] != '\0' &&
                              strcmp(alert_text(a, "literalsVisible"), "yes") == 0 && strlen(alert_text(a, "query")) <= 1024,
                          "no reason: %s", line);
            ck_assert_int_eq(a->api, api);
        }
        buf_release(&statement);
        bench_free(b);
        cases++;
    }
    ck_assert_int_gt(cases, at_least);
    free(line);
    (void)fclose(f);
}

/* The text with its # replaced, one after the other. */
static inline struct buf fill(const char *text, int64_t a, int64_t b)
{
    struct buf out = BUF_INIT(4096);

    for (; *text; text++)
        if (*text == '#') {
            buf_add_i64(&out, a);
            a = b;
        } else {
            buf_add_char(&out, *text);
        }
    return out;
}

/* The same rows in twelve orders, whole or in two parts, with restarts between: the same alerts. */
static inline void check_order(const struct detector_ops *ops, enum api api, const char *usual, const char *const *texts, size_t n)
{
    char *first = NULL;

    for (uint32_t seed = 0; seed < 12; seed++) {
        struct bench *b = bench_open(ops, "");
        size_t order[160];
        uint32_t dice = seed;

        for (int i = 0; i < 50; i++)
            ask(b, (struct ask){ .api = api, .text = usual, .minute_ns = day(0) + i * 5 * NS_PER_HOUR });
        for (size_t i = 0; i < ARRAY_LEN(order); i++)
            order[i] = i;
        for (size_t i = ARRAY_LEN(order); seed && i > 1; i--) {
            dice = dice * 1664525u + 1013904223u;
            size_t k = (dice >> 8) % i, keep = order[i - 1];

            order[i - 1] = order[k];
            order[k] = keep;
        }
        for (size_t p = 0; p < ARRAY_LEN(order); p++) {
            size_t i = order[p];
            CLEANUP(buf_release) struct buf text = fill(texts[i % n], (int64_t)i % 17, (int64_t)i % 5);
            struct ask a = { .api = api, .text = buf_cstr(&text), .minute_ns = day(12) + (int64_t)(i % 9) * NS_PER_MIN,
                             .status = i % 3 == 1 ? 400 : 200 };

            for (int part = 0; part <= (int)(seed % 2); part++) {
                a.count = seed % 2 ? 1 + part : 3;
                a.bytes = seed % 2 ? (part ? 900 * (int64_t)(i + 1) : 100 * (int64_t)(i + 1)) : 1000 * (int64_t)(i + 1);
                ask(b, a);
            }
            if (i % 40 == 7)
                bench_restart(b);
        }
        char *all = bench_text(b, "ru"); /* the two parts are given one price each */

        ck_assert_uint_gt(bench_alerts(b), 0);
        if (!first)
            first = strdup(all);
        ck_assert_msg(strcmp(first, all) == 0, "seed %u:\n%s\n---\n%s", seed, first, all);
        free(all);
        bench_free(b);
    }
    free(first);
}

/* 256 KB of one thing: ends, and soon. */
static inline void check_huge(const struct detector_ops *ops, enum api api, const char *head, const char *const *units, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct bench *b = bench_open(ops, "");
        struct buf text = BUF_INIT(1u << 20);

        buf_add_str(&text, head);
        while (text.len < 256u * 1024u)
            buf_add_str(&text, units[i]);
        for (int k = 0; k < 20; k++)
            ask_slice(b, (struct ask){ .api = api, .status = k % 2 ? 400 : 200 }, buf_slice(&text));
        buf_release(&text);
        bench_free(b);
    }
}

#endif
