/* Rows of tests/detectors/key_*, stolen_key: read as `replay` reads them, judged by all detectors with their presets, and
 * held against NAME.expected: "type variant severity account [subject] count", one alert a line, sorted. Alerts of
 * detectors that are not about keys are left out.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"
#include "base/buf.h"
#include "detectors/detector.h"
#include "engine.h"
#include "enrich/enrich.h"
#include "settings/option.h"
#include "source/replay.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 200

static struct error err;

static const char *const files[] = {
    "key_listing/hit",   "key_listing/near_miss", "key_listing/noise",    "key_reader/hit",
    "key_reader/near_miss", "key_reader/noise",   "stolen_key/hit",       "stolen_key/unread",
    "stolen_key/near_miss", "stolen_key/noise",   "key_regenerated/hit",  "key_regenerated/near_miss",
    "key_regenerated/noise",
};

struct lines {
    char *at[LINES_MAX];
    size_t len;
};

static bool is_about_keys(const struct alert *a)
{
    return strncmp(a->detector, "key_", 4) == 0 || strcmp(a->detector, "stolen_key") == 0;
}

static int collect(void *self, const struct alert *a, struct error *e)
{
    struct lines *all = self;
    char line[600];

    (void)e;
    if (!is_about_keys(a))
        return 0;
    (void)snprintf(line, sizeof line, "%s %s %s %s [%s] %lld", a->type->id, a->variant[0] ? a->variant : "-",
                   severity_name(a->severity), a->account[0] ? a->account : "-", a->subject, (long long)a->count);
    ck_assert_uint_lt(all->len, LINES_MAX);
    all->at[all->len++] = strdup(line);
    return 0;
}

static int settled(void *self, const struct alert *a, bool is_told, struct error *e)
{
    (void)self;
    (void)a;
    (void)is_told;
    (void)e;
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The alerts of a file of rows, one a line. */
static void judge(const char *path, struct buf *ret)
{
    const struct replay_config reading = { 0 };
    struct engine_detector detectors[64];
    struct engine_config cfg = { .detectors = detectors, .enrich = enrich_new(),
                                 .baseline = { .horizon_ns = 12 * NS_PER_HOUR, .learn_ns = 14 * NS_PER_DAY } };
    struct engine *e = NULL;
    struct replay *r = NULL;
    struct lines lines = { .len = 0 };
    size_t n = 0, obs_len = 0;
    const struct observation *obs;

    for (; detectors_all[n]; n++) {
        const struct detector_ops *ops = detectors_all[n];
        void *self = calloc(1, ops->size + 1);

        if (ops->options)
            ck_assert_int_eq(settings_table_presets(ops->options, self, &err), 0);
        detectors[n] = (struct engine_detector){ .ops = ops, .self = self };
    }
    cfg.detectors_len = n;
    ck_assert_msg(engine_new(&cfg, &e, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(replay_new(&reading, &r, &err), 0);
    ck_assert_msg(replay_add_file(r, path, &err) == 0 && replay_finish(r, &err) == 0, "%s: %s", path, err.msg);
    ck_assert_msg(replay_counts(r)->records > 20 && replay_counts(r)->bad == 0, "%s: rows", path);
    obs = replay_observations(r, &obs_len);
    ck_assert_msg(engine_judge(e, obs, obs_len, false, INT64_MAX, NULL, &err) == 0, "%s", err.msg);
    ck_assert_int_eq(stage_settle(engine_stage(e), INT64_MAX, settled, NULL, &err), 0);
    ck_assert_int_eq(stage_each(engine_stage(e), collect, &lines, &err), 0);
    qsort(lines.at, lines.len, sizeof lines.at[0], by_text);
    for (size_t i = 0; i < lines.len; i++) {
        buf_addf(ret, "%s\n", lines.at[i]);
        free(lines.at[i]);
    }
    replay_free(r);
    engine_free(e);
    for (size_t i = 0; i < n; i++) {
        if (detectors[i].ops->options)
            settings_table_release(detectors[i].ops->options, detectors[i].self);
        free(detectors[i].self);
    }
    enrich_free((struct enrich *)(uintptr_t)cfg.enrich);
}

static void read_file(const char *path, struct buf *out)
{
    char part[4096];
    FILE *f = fopen(path, "r");
    size_t n;

    ck_assert_msg(f != NULL, "%s", path);
    while ((n = fread(part, 1, sizeof part, f)) > 0)
        buf_add(out, part, n);
    (void)fclose(f);
}

START_TEST(rows_of_each_kind_give_the_expected_alerts)
{
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        CLEANUP(buf_release) struct buf want = BUF_INIT(1u << 20), got = BUF_INIT(1u << 20);
        char path[200];

        (void)snprintf(path, sizeof path, "tests/detectors/%s.ndjson", files[i]);
        judge(path, &got);
        (void)snprintf(path, sizeof path, "tests/detectors/%s.expected", files[i]);
        read_file(path, &want);
        ck_assert_msg(strcmp(buf_cstr(&want), buf_cstr(&got)) == 0, "%s\nwant\n%s got\n%s", files[i], buf_cstr(&want),
                      buf_cstr(&got));
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("rows about keys");
    TCase *t = tcase_create("rows");
    SRunner *r;
    int failed;

    tcase_set_timeout(t, 120);
    tcase_add_test(t, rows_of_each_kind_give_the_expected_alerts);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
