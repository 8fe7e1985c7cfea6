/* engine.h - observations in, merged alerts out: baseline, detectors, stage and incidents put together. The same
 * engine serves `run`, `replay`, the benchmark and the property tests.
 * Threads: the flow thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ENGINE_H
#define COSMOWATCH_ENGINE_H

#include "alert/stage.h"
#include "baseline/baseline.h"
#include "detectors/detector.h"

struct engine;

struct engine_detector {
    const struct detector_ops *ops;
    void *self; /* options filled in; opened and closed by the engine; freed by the caller */
};

struct engine_config {
    const struct engine_detector *detectors; /* copied */
    size_t detectors_len;
    struct baseline_config baseline;
    const struct enrich *enrich; /* borrowed */
    const struct suppress *suppress; /* borrowed; NULL: nothing is suppressed */
    const struct accounts *accounts; /* borrowed; NULL: nothing is known of them */
    struct apart *statement_reader; /* borrowed; where texts are read; NULL: here */
};

MUST_CHECK int engine_new(const struct engine_config *cfg, struct engine **ret, struct error *err);
void engine_free(struct engine *e);
void engine_freep(struct engine **e);

/* Judge observations in the order of fold_sorted(). Backfill teaches and says nothing. watermark_ns: what
 * had been read before these (INT64_MAX: all there is, replay). After -1 the
 * baseline and stage are no longer in step with the store: reload both. */
MUST_CHECK int engine_judge(struct engine *e, const struct observation *obs, size_t n, bool is_backfill,
                            int64_t watermark_ns, const struct stage_loader *load, struct error *err);
/* A draft of the agent's own (a gap, a silent source). */
MUST_CHECK int engine_emit(struct engine *e, const struct alert_draft *d, const struct stage_loader *load,
                           struct error *err);
/* Whom to tell of a statement that no reader survives (kit/statements.h). */
void engine_tell_unread(struct engine *e, void (*fn)(void *self, struct slice text, const char *reason), void *self);
/* Rows up to here may be missing because they could not be read: nobody was silent (pulse.h). */
void engine_excuse(struct engine *e, int64_t until_ns);
struct baseline *engine_baseline(struct engine *e);
struct stage *engine_stage(struct engine *e);
/* After a failed commit: memory is no longer what the store has. Then load baselines and open alerts. */
void engine_forget(struct engine *e);
const struct enrich *engine_enrich(const struct engine *e);
/* Sentences why a detector cannot judge, NULL-terminated walk: i = 0, 1, ...; NULL at the end.
 * *ret_name is the detector. Detectors that can judge are passed over. */
const char *engine_blind(struct engine *e, size_t *i, const char **ret_name);

#endif
