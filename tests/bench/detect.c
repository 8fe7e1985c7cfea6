/* detect.c - the agent's own judging part behind the benchmark's hook: all detectors with their presets.
 * SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include "base/timeutil.h"
#include "detectors/detector.h"
#include "engine.h"
#include "enrich/enrich.h"
#include "enrich/feeds.h"
#include "fold/fold.h"
#include "settings/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DETECTORS_MAX 64

static struct engine *engine;

/* A threat list of everyday size, so that looking an address up costs what it costs. */
static struct enrich *make_enrich(struct error *err)
{
    struct enrich *e = enrich_new();
    struct feed_options o = FEED_OPTIONS_INIT;
    struct feed_report report = { 0 };
    struct feed_table *table = NULL;
    char *text = malloc(50000 * 20);
    size_t len = 0;

    for (unsigned i = 0; text && i < 50000; i++)
        len += (size_t)snprintf(text + len, 20, "%u.%u.%u.%u\n", 100 + i % 20, i / 256 % 256, i % 256, i % 251);
    if (!e || !text || feed_parse(slice_make(text, len), &o, 0, &table, &report, err) < 0 ||
        enrich_set_feed(e, "list", table, err) < 0) {
        (void)fprintf(stderr, "bench: %s\n", err->msg);
        exit(1);
    }
    free(text);
    return e;
}

static struct engine *make_engine(void)
{
    static struct engine_detector detectors[DETECTORS_MAX];
    struct error err = { 0 };
    struct engine_config cfg = { .detectors = detectors, .baseline = { .horizon_ns = 12 * NS_PER_HOUR,
                                                                       .learn_ns = 14 * NS_PER_DAY } };
    struct engine *e = NULL;

    cfg.enrich = make_enrich(&err);
    for (size_t i = 0; detectors_all[i] && i < DETECTORS_MAX; i++) {
        void *self = calloc(1, detectors_all[i]->size + 1);

        if (!self || (detectors_all[i]->options && settings_table_presets(detectors_all[i]->options, self, &err) < 0))
            exit(1);
        detectors[cfg.detectors_len++] = (struct engine_detector){ .ops = detectors_all[i], .self = self };
    }
    if (engine_new(&cfg, &e, &err) < 0) {
        (void)fprintf(stderr, "bench: %s\n", err.msg);
        exit(1);
    }
    return e;
}

int bench_detect(struct fold *f)
{
    struct error err = { 0 };

    if (!engine)
        engine = make_engine();
    return engine_judge(engine, fold_sorted(f), fold_len(f), false, INT64_MAX, NULL, &err);
}

static int64_t resident_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long long size = 0, resident = 0;

    if (f && fscanf(f, "%lld %lld", &size, &resident) != 2)
        resident = 0;
    if (f)
        (void)fclose(f);
    return resident * sysconf(_SC_PAGESIZE);
}

double bench_bytes_per_subject(void)
{
    enum { SUBJECTS = 100000 };
    struct engine *e = make_engine();
    struct fold *fold = fold_new((size_t)1 << 30);
    struct baseline_stats before = { 0 }, after = { 0 };
    struct error err = { 0 };
    int64_t resident = 0;

    for (int round = 0; fold && round < 2; round++) {
        for (int i = 0; i < SUBJECTS; i++) {
            struct record r;
            char address[32], principal[40];

            (void)snprintf(address, sizeof address, "%d.%d.%d.7", 20 + i / 65536, i / 256 % 256, i % 256);
            (void)snprintf(principal, sizeof principal, "0a0a0a0a-1111-4222-8333-%012d", i);
            record_clear(&r);
            r.table = TABLE_DATA_PLANE;
            r.api = API_NOSQL;
            r.time_ns = r.first_ns = r.last_ns = 20000 * NS_PER_DAY + round * 40 * NS_PER_DAY;
            r.status = 200;
            r.count = 1;
            r.bytes_out = 4096;
            r.text[F_ACCOUNT] = SL("orders");
            r.text[F_DATABASE] = SL("shop");
            r.text[F_CONTAINER] = SL("orders");
            r.text[F_OPERATION] = SL("Query");
            r.text[F_ADDRESS] = slice_of(address);
            r.text[F_PRINCIPAL] = slice_of(principal);
            r.text[F_KEY_KIND] = SL("AadToken");
            if (fold_add(fold, &r, &err) < 0)
                return -1;
            if (i % 10000 == 9999) { /* window by window, as it comes */
                if (round == 1 && engine_judge(e, fold_sorted(fold), fold_len(fold), true, 0, NULL, &err) < 0)
                    return -1;
                fold_reset(fold);
            }
        }
        /* The first round only warmed the fold's own memory. */
        if (round == 0) {
            baseline_get_stats(engine_baseline(e), &before);
            resident = resident_bytes();
        }
        baseline_mark_clean(engine_baseline(e)); /* as after a commit */
    }
    baseline_get_stats(engine_baseline(e), &after);
    resident = resident_bytes() - resident;
    fold_free(fold);
    return after.keys > before.keys ? (double)resident / (double)(after.keys - before.keys) : -1;
}
