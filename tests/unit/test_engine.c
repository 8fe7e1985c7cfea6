/* The promise the whole road stands on: the same rows end in the same alerts with the same ids, however
 * they are cut into windows, in whatever order and however late (inside the horizon) they arrive.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/buf.h"
#include "base/map.h"
#include "detectors/detector.h"
#include "engine.h"
#include "enrich/enrich.h"
#include "enrich/feeds.h"
#include "fold/fold.h"
#include "outputs/output.h"
#include "settings/option.h"
#include "tests/kit/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_MAX 12000
#define HORIZON (2 * NS_PER_HOUR)
#define DAYS 5

static struct error err;

struct row {
    struct record rec;
    int64_t visible_ns;
    bool is_text;
    char id[40]; /* its ActivityId; put into the record when it is judged, for rows move */
};

static struct row rows[ROWS_MAX];
static size_t rows_len;
static unsigned seed;

static unsigned dice(unsigned n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static void add_row(int64_t t, const char *account, const char *op, const char *address, int32_t status, int64_t bytes,
                    const char *text)
{
    struct row *r = &rows[rows_len++];

    ck_assert_uint_lt(rows_len, ROWS_MAX);
    record_clear(&r->rec);
    r->rec.table = TABLE_DATA_PLANE;
    r->rec.api = API_NOSQL;
    r->rec.time_ns = r->rec.first_ns = r->rec.last_ns = t;
    r->rec.status = status;
    r->rec.count = 1;
    r->rec.ru_milli = 2830;
    r->rec.bytes_in = 100 + dice(40);
    r->rec.bytes_out = bytes;
    r->rec.duration_us = 4000;
    r->rec.text[F_ACCOUNT] = slice_of(account);
    r->rec.text[F_DATABASE] = SL("shop");
    r->rec.text[F_CONTAINER] = SL("orders");
    r->rec.text[F_OPERATION] = slice_of(op);
    r->rec.text[F_RESOURCE_TYPE] = SL("DocumentFeed");
    r->rec.text[F_ADDRESS] = slice_of(address);
    r->rec.text[F_USER_AGENT] = dice(3) ? SL("cosmos-netstandard-sdk/3.47.0|1|X64|Ubuntu 22.04.4 LTS|.NET 8.0.4|N|")
                                        : SL("azsdk-java-cosmos/4.60.0 Linux/5.15.0 JRE/17.0.10");
    r->rec.text[F_KEY_KIND] = SL("PrimaryMasterKey");
    /* Of an export the first request has the smallest: whether it is the one shown must not hang on what crossed a limit. */
    (void)snprintf(r->id, sizeof r->id, "%08x-0000-4000-8000-%012x",
                   bytes < 40000000 ? dice(1u << 24) : (unsigned)(t % NS_PER_DAY / NS_PER_S), (unsigned)rows_len);
    r->is_text = text != NULL;
    if (text)
        r->rec.text[F_QUERY_TEXT] = slice_of(text);
    r->visible_ns = t + (int64_t)dice(1000) * (HORIZON / 1001);
}

/* Five days: everyday life, then refusals, Tor, a listed address, injections, a burst, a big export. */
static void make_rows(unsigned s)
{
    static const char *const injected[] = { "SELECT c.id FROM c WHERE c.customer = '' OR 1=1 --'",
                                            "SELECT c.id FROM c WHERE c.customer = 'x' UNION SELECT * FROM users" };
    int64_t start = 20000 * NS_PER_DAY;

    seed = s * 7919u + 1;
    rows_len = 0;
    for (int64_t h = 0; h < DAYS * 24; h++)
        for (int i = 0; i < 40; i++) {
            int64_t t = start + h * NS_PER_HOUR + dice(3600) * NS_PER_S;

            if (dice(3) == 0)
                add_row(t, "orders", "Query", "192.0.2.10", 200, 3000 + dice(90000),
                        "SELECT c.id FROM c WHERE c.customer = 'abc'");
            add_row(t, dice(4) ? "orders" : "payroll", dice(2) ? "Query" : "Read", "192.0.2.10", 200,
                    5000 + dice(4000000), NULL);
        }
    for (int i = 0; i < 150; i++) {
        int64_t t = start + (DAYS - 1) * NS_PER_DAY + 5 * NS_PER_HOUR + dice(7200) * NS_PER_S;

        add_row(t, "orders", "ReadFeed", dice(2) ? "198.51.100.23" : "203.0.113.66", dice(5) ? 200 : 403, 90000, NULL);
        add_row(t, "orders", "Query", "192.0.2.10", 400, 300, NULL);
        add_row(t, "orders", "Query", "192.0.2.10", 200, 400000, injected[dice(2)]);
        add_row(t + 6 * NS_PER_HOUR, "payroll", "ReadFeed", "192.0.2.10", 200, 40000000 + dice(9), NULL);
    }
}

static struct enrich *make_enrich(void)
{
    struct enrich *e = enrich_new();
    struct feed_table *tor = NULL, *bad = NULL;
    struct feed_report report = { 0 };
    struct feed_options o = FEED_OPTIONS_INIT;

    o.category = FEED_TOR;
    ck_assert_int_eq(feed_parse(SL("198.51.100.23\n"), &o, 0, &tor, &report, &err), 0);
    o.category = FEED_BOTNET;
    o.is_own = true;
    ck_assert_int_eq(feed_parse(SL("203.0.113.66\n"), &o, 0, &bad, &report, &err), 0);
    ck_assert_int_eq(enrich_set_feed(e, "tor", tor, &err), 0);
    ck_assert_int_eq(enrich_set_feed(e, "bad", bad, &err), 0);
    return e;
}

static struct engine *make_engine(const struct enrich *enrich, struct engine_detector *detectors, size_t *ret_n)
{
    struct engine_config cfg = { .detectors = detectors, .enrich = enrich,
                                 .baseline = { .horizon_ns = HORIZON, .learn_ns = 2 * NS_PER_DAY } };
    struct engine *e = NULL;

    for (*ret_n = 0; detectors_all[*ret_n]; (*ret_n)++) {
        const struct detector_ops *ops = detectors_all[*ret_n];
        void *self = calloc(1, ops->size + 1);

        if (ops->options)
            ck_assert_int_eq(settings_table_presets(ops->options, self, &err), 0);
        detectors[*ret_n] = (struct engine_detector){ .ops = ops, .self = self };
    }
    cfg.detectors_len = *ret_n;
    ck_assert_msg(engine_new(&cfg, &e, &err) == 0, "%s", err.msg);
    return e;
}

static int save_one(void *self, const struct alert *a, struct error *e)
{
    struct alert copy = *a;

    copy.update = copy.told_count = 0;   /* when it was told is not what it says */
    copy.is_final = false;
    (void)snprintf(copy.record_id, sizeof copy.record_id, "-");
    if (alert_save(&copy, self, e) < 0 || encoder_find("json")->encode(&copy, self, e) < 0)
        return -1;
    buf_add_char(self, '\n');
    return 0;
}

/* Sort everything, so that told order plays no part. */
static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sorted_lines(struct buf *text)
{
    char *lines[4096];
    size_t n = 0;
    struct slice rest = buf_slice(text), line = { 0 };
    CLEANUP(buf_release) struct buf out = BUF_INIT(64u << 20);

    while (slice_split(&rest, '\n', &line))
        if (line.len > 0) {
            ck_assert_uint_lt(n, 4096);
            lines[n++] = strndup(line.at, line.len);
        }
    qsort(lines, n, sizeof lines[0], by_text);
    for (size_t i = 0; i < n; i++) {
        buf_addf(&out, "%s\n", lines[i]);
        free(lines[i]);
    }
    buf_clear(text);
    buf_add_slice(text, buf_slice(&out));
}

static int by_visible(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return x->visible_ns < y->visible_ns ? -1 : x->visible_ns > y->visible_ns;
}

static int collect(void *self, const struct alert *a, bool is_told, struct error *e)
{
    (void)is_told;
    return a->is_final ? save_one(self, a, e) : 0;
}

/* Judge all rows, cut into windows of random length over the time they became visible. window_ns 0: one. */
static void judge(int64_t window_ns, bool shuffle, struct buf *out)
{
    struct enrich *enrich = make_enrich();
    struct engine_detector detectors[64];
    size_t n = 0;
    struct engine *e = make_engine(enrich, detectors, &n);
    struct fold *fold = fold_new(256u << 20);

    int64_t read_to = 0; /* before the window at hand, as the flow has it */

    qsort(rows, rows_len, sizeof rows[0], by_visible);
    for (size_t i = 0; i < rows_len;) {
        int64_t end = window_ns ? rows[i].visible_ns + 1 + (int64_t)dice(1000) * (window_ns / 1000) : INT64_MAX;
        size_t first = i;

        fold_reset(fold);
        while (i < rows_len && rows[i].visible_ns < end)
            i++;
        for (size_t k = i - 1; shuffle && k > first; k--) {
            size_t j = first + dice((unsigned)(k - first + 1));
            struct row t = rows[k];

            rows[k] = rows[j];
            rows[j] = t;
        }
        for (size_t k = first; k < i; k++) {
            rows[k].rec.text[F_ACTIVITY_ID] = slice_of(rows[k].id);
            ck_assert_int_eq(rows[k].is_text ? fold_add_text(fold, &rows[k].rec, &err) : fold_add(fold, &rows[k].rec, &err), 0);
        }
        ck_assert_msg(engine_judge(e, fold_sorted(fold), fold_len(fold), false, read_to, NULL, &err) == 0, "%s", err.msg);
        ck_assert_int_eq(stage_settle(engine_stage(e), read_to, collect, out, &err), 0);
        read_to = window_ns ? end : 0;
        stage_commit(engine_stage(e));
    }
    ck_assert_int_eq(stage_settle(engine_stage(e), INT64_MAX, collect, out, &err), 0);
    sorted_lines(out);
    fold_free(fold);
    engine_free(e);
    for (size_t i = 0; i < n; i++) {
        if (detectors[i].ops->options)
            settings_table_release(detectors[i].ops->options, detectors[i].self);
        free(detectors[i].self);
    }
    enrich_free(enrich);
}

/* First line in which the two differ, for the message. */
static const char *difference(const char *a, const char *b)
{
    const char *line = a;

    for (; *a && *a == *b; a++, b++)
        if (*a == '\n')
            line = a + 1;
    return line;
}

START_TEST(any_split_order_and_lateness_give_the_same_alerts)
{
    static const int64_t windows[] = { 60 * NS_PER_S, 20 * NS_PER_MIN, 5 * NS_PER_HOUR, 2 * NS_PER_DAY };

    for (unsigned s = 1; s <= 8; s++) {
        CLEANUP(buf_release) struct buf want = BUF_INIT(64u << 20);

        make_rows(s);
        judge(0, false, &want);
        ck_assert_msg(strstr(buf_cstr(&want), "CosmosDB_TorAnomaly") != NULL, "no Tor alert: the test tests nothing");
        ck_assert_msg(strstr(buf_cstr(&want), "CosmosDB_DataExfiltrationAnomaly") != NULL, "no volume alert");
        ck_assert_msg(strstr(buf_cstr(&want), "CosmosDB_SqlInjection") != NULL, "no injection alert");
        for (size_t w = 0; w < ARRAY_LEN(windows); w++) {
            CLEANUP(buf_release) struct buf got = BUF_INIT(64u << 20);

            judge(windows[w], true, &got);
            ck_assert_msg(strcmp(buf_cstr(&want), buf_cstr(&got)) == 0,
                          "seed %u, windows of %lld s\nwant %.1500s\n got %.1500s", s, (long long)(windows[w] / NS_PER_S),
                          difference(buf_cstr(&want), buf_cstr(&got)), difference(buf_cstr(&got), buf_cstr(&want)));
        }
    }
}
END_TEST

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STRANGERS 600000 /* ten times as slow; above the ceilings all the same */
#else
#define STRANGERS 1000000
#endif

/* ---- floods ------------------------------------------------------------------------------------------ */

static int count_alert(void *self, const struct alert *a, bool is_told, struct error *e)
{
    (void)is_told;
    (void)e;
    *(int *)self += strcmp(a->type->id, "CosmosDB_TorAnomaly") == 0;
    return 0;
}

/* The k-th of a million: principal, address, client all its own, within one hour. */
static void add_stranger(struct fold *fold, int k)
{
    char principal[40], address[24], agent[32];
    struct record r;

    (void)snprintf(principal, sizeof principal, "%08x-0000-4000-8000-00000000000a", (unsigned)k);
    (void)snprintf(address, sizeof address, "%d.%d.%d.7", 11 + k / 65536, k / 256 % 256, k % 256);
    (void)snprintf(agent, sizeof agent, "client-%d/1.0", k);
    record_clear(&r);
    r.table = TABLE_DATA_PLANE;
    r.api = API_NOSQL;
    r.time_ns = r.first_ns = r.last_ns = 20000 * NS_PER_DAY + (k / 17000) * NS_PER_MIN;
    r.status = 200;
    r.count = 1;
    r.text[F_ACCOUNT] = SL("orders");
    r.text[F_OPERATION] = SL("Query");
    r.text[F_RESOURCE_TYPE] = SL("Document");
    r.text[F_PRINCIPAL] = slice_of(principal);
    r.text[F_ADDRESS] = slice_of(address);
    r.text[F_USER_AGENT] = slice_of(agent);
    ck_assert_int_eq(fold_add(fold, &r, &err), 0);
}

START_TEST(a_million_principals_in_an_hour_stay_within_the_ceilings_and_the_next_attack_is_seen)
{
    struct enrich *enrich = make_enrich();
    struct engine_detector detectors[64];
    struct baseline_stats stats;
    size_t n = 0;
    struct engine *e = make_engine(enrich, detectors, &n);
    struct fold *fold = fold_new(256u << 20);
    int64_t ceiling = 0;
    int alerts = 0;

    for (int k = 0; k < STRANGERS;) {
        fold_reset(fold);
        for (int end = k + 50000; k < end; k++)
            add_stranger(fold, k);
        ck_assert_msg(engine_judge(e, fold_sorted(fold), fold_len(fold), false, 1, NULL, &err) == 0, "%s", err.msg);
        ck_assert_int_eq(stage_settle(engine_stage(e), 1, count_alert, &alerts, &err), 0);
        stage_commit(engine_stage(e));
        ck_assert_uint_lt(stage_len(engine_stage(e)), 10000); /* strangers of an unknown account are no alarm each */
        baseline_mark_clean(engine_baseline(e));
    }
    for (size_t i = 0; i < n; i++)
        for (const struct baseline_memory *const *m = detectors[i].ops->memories; m && *m; m++)
            ceiling += (*m)->max_keys; /* shared ones more than once: a ceiling all the same */
    baseline_get_stats(engine_baseline(e), &stats);
    (void)printf("%d principals: %lld keys of at most %lld, %lld left, %lld bytes\n", STRANGERS, (long long)stats.keys,
                 (long long)ceiling, (long long)stats.evicted, (long long)stats.bytes);
    ck_assert_int_gt(stats.evicted, 0);
    ck_assert_int_le(stats.keys, ceiling);
    ck_assert_int_lt(stats.bytes, INT64_C(1) << 30);
    ck_assert_int_eq(alerts, 0);
    fold_reset(fold);
    rows_len = 0;
    add_row(20000 * NS_PER_DAY + NS_PER_HOUR, "orders", "ReadFeed", "198.51.100.23", 200, 90000, NULL);
    ck_assert_int_eq(fold_add(fold, &rows[0].rec, &err), 0);
    ck_assert_int_eq(engine_judge(e, fold_sorted(fold), fold_len(fold), false, 1, NULL, &err), 0);
    ck_assert_int_eq(stage_settle(engine_stage(e), 1, count_alert, &alerts, &err), 0);
    ck_assert_int_eq(alerts, 1);
    fold_free(fold);
    engine_free(e);
    for (size_t i = 0; i < n; i++) {
        if (detectors[i].ops->options)
            settings_table_release(detectors[i].ops->options, detectors[i].self);
        free(detectors[i].self);
    }
    enrich_free(enrich);
}
END_TEST

int main(void)
{
    TCase *t = tcase_create("order");

    tcase_set_timeout(t, 1200);
    tcase_add_test(t, any_split_order_and_lateness_give_the_same_alerts);
    tcase_add_test(t, a_million_principals_in_an_hour_stay_within_the_ceilings_and_the_next_attack_is_seen);
    return run_group("engine", t);
}
