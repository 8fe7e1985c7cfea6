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
