/* bench.h - one detector on a bench: options as YAML, observations in, merged alerts out.
 *
 * The bench plays the flow: it feeds baseline_saw_account() before each observation, lets drafts merge as
 * the agent would (alert_merge), and can be stopped and taken up again from what the store would hold.
 * Any failure ends the test (ck_abort): a bench has no errors to hand on.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TEST_BENCH_H
#define COSMOWATCH_TEST_BENCH_H

#include "alert/alert.h"
#include "baseline/baseline.h"
#include "detectors/detector.h"
#include "enrich/enrich.h"

struct bench;

/* yaml: the detector's options, "" for presets. Horizon 4 h, learning 14 days, no feeds. */
struct bench *bench_open(const struct detector_ops *ops, const char *yaml);
struct bench *bench_open_with(const struct detector_ops *ops, const char *yaml,
                              const struct baseline_config *cfg);
void bench_free(struct bench *b);

struct enrich *bench_enrich(struct bench *b);     /* the bench's own; fill it as the test likes */
struct baseline *bench_baseline(struct bench *b);
/* Plain list of addresses as a feed. */
void bench_add_feed(struct bench *b, const char *name, enum feed_category category, int confidence,
                    const char *list);

/* Defaults are filled in where the observation says nothing: kind OBS_REQUEST, table data plane, status 200,
 * count 1, account "shop-prod" (but for OBS_ACTIVITY), first_ns and last_ns from minute_ns. A status of -1 stays absent. */
void bench_feed(struct bench *b, const struct observation *obs);
/* What the detector held back, as after a batch; INT64_MAX: nothing more comes. */
void bench_settle(struct bench *b, int64_t watermark_ns);
void bench_set_backfill(struct bench *b, bool is_backfill);
/* Save all, forget all, load all, as a restart (or a failed commit) does. */
void bench_restart(struct bench *b);

size_t bench_alerts(const struct bench *b);            /* merged ones */
size_t bench_drafts(const struct bench *b);            /* as emitted */
const struct alert *bench_alert(const struct bench *b, size_t i); /* in the order of their ids */
/* The only alert of the type; the test fails when there is none or more than one. */
const struct alert *bench_only(const struct bench *b, const char *type);
void bench_forget_alerts(struct bench *b);
/* Everything an alert says except `without` (a fact's name or NULL), one alert after the other: equal texts
 * mean equal alerts. The caller frees. */
char *bench_text(const struct bench *b, const char *without);

int64_t bench_time(const char *iso); /* "2026-03-01T10:00" */
#define BENCH_DAY0 "2026-03-01"

#endif
