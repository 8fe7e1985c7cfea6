/* injection.h - from a judged statement (query_case.h) to alerts, learning and counting: what every
 * injection detector does the same way, whatever its dialect.
 *
 * A case that ran and can succeed is one alert per client, type and UTC day; a failing one too. Statements
 * that merely do not parse are counted per sender and ten minutes and told when many different ones come.
 * All thresholds are crossed upwards on sums and unions, so no order of rows shows (detector.h).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_INJECTION_H
#define COSMOWATCH_KIT_INJECTION_H

#include "base/buf.h"
#include "detectors/detector.h"
#include "detectors/kit/query_case.h"
#include "detectors/kit/query_window.h"
#include "detectors/kit/sensitivity.h"

struct injection_limits { /* embedded in the detector; INJECTION_OPTIONS fills it */
    int sensitivity;
    int64_t burst_shapes;   /* distinct broken statements in ten minutes that alert */
    int64_t fuzzing_medium; /* distinct failing shapes in ten minutes that make Medium */
    int64_t high_bytes;     /* at least this much taken in a slot before severity High */
};

#define INJECTION_OPTIONS(owner, member)                                                           \
    { .key = "burst_shapes", .type = OPT_INT, .at = offsetof(owner, member.burst_shapes),           \
      .preset = "12", .min = 2, .max = 200,                                                        \
      .help = "distinct broken statements of one sender in ten minutes that alert" },              \
    { .key = "fuzzing_medium", .type = OPT_INT, .at = offsetof(owner, member.fuzzing_medium),       \
      .preset = "20", .min = 2, .max = 200,                                                        \
      .help = "distinct failing statements in ten minutes that raise fuzzing to Medium" },         \
    { .key = "high_bytes", .type = OPT_BYTES, .at = offsetof(owner, member.high_bytes),             \
      .preset = "256KiB", .min = 1,                                                                \
      .help = "taken in a slot, and ten times the usual answer, to raise an injection to High" },      \
    { .key = "sensitivity", .type = OPT_ENUM, .at = offsetof(owner, member.sensitivity), .preset = "normal", \
      .values = sensitivity_words,                                                                 \
      .help = "low: no statement with a confidence below 50, and bursts and series of twice as many; high: of half as " \
              "many" }

struct injection_kind { /* a dialect as its detector knows it; static */
    const char *detector;
    int state_version;
    enum api api;
    const char *attack_type, *probe_type, *burst_type; /* may be the same */
    const char *operation; /* what the row is called when it does not say */
};

struct injection_scene { /* one observation on its way to a draft */
    const struct injection_kind *kind;
    const struct injection_limits *limits;
    const struct observation *obs;
    const struct detector_context *ctx;
    struct query_client client;
    struct buf label;     /* owned; the subject */
    char status[16];
};

MUST_CHECK int injection_scene_open(struct injection_scene *s, struct error *err);
/* The observation's text, judged as its client's (statements.h). */
MUST_CHECK int injection_judge(struct injection_scene *s, struct query_case *ret, struct error *err);
void injection_scene_release(struct injection_scene *s);
enum query_run injection_run(const struct observation *o);

/* An OBS_TEXT of this detector's API, whole: judged, and concluded. */
MUST_CHECK int injection_observe(const struct injection_kind *kind, const struct injection_limits *limits,
                                 const struct observation *obs, const struct detector_context *ctx, struct error *err);

/* Tell, count and learn what was judged. The tool marks of user agents are added here. */
MUST_CHECK int injection_conclude(struct injection_scene *s, struct query_case *k, struct error *err);

/* Tell a case as it stands, no counting and no learning. */
MUST_CHECK int injection_tell(struct injection_scene *s, const struct query_case *k, struct error *err);

/* Rows of a burst: facts are the same for every row of it. */
struct injection_burst {
    const char *type, *variant, *rule, *reason;
    enum severity severity;
    int confidence;
    int64_t distinct; /* 0: not said */
    bool has_failed;
};
MUST_CHECK int injection_emit_burst(struct injection_scene *s, const struct query_tally *t,
                                    const struct injection_burst *b, struct error *err);

/* Same sender: nothing of a burst is told from another address's. */
uint64_t injection_sender(const struct observation *o);
struct query_tally injection_tally(const struct observation *o);

#endif
