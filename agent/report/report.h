/* report.h - a span of time counted: what was told, about what, how much of the time was read, who received it, what was
 * kept quiet, which controls that serves, and the same span before it to compare with.
 *
 * One pass over the alerts of both spans. Memory does not grow with their number: of what is counted by name at most
 * REPORT_NAMES names are kept, newest first, and what fell to further ones is a number of its own.
 * Threads: none.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_REPORT_H
#define COSMOWATCH_REPORT_H

#include "alert/suppress.h"
#include "enrich/trusted.h"
#include "base/buf.h"
#include "base/map.h"
#include "engine.h"
#include "store/store.h"

struct control_part; /* detectors/controls.h */
struct services;

#define REPORT_NAMES 10000
#define REPORT_BARS 62
#define REPORT_WORST 8
#define REPORT_SOURCES 64
#define REPORT_OUTPUTS 64

enum report_by { BY_ACCOUNT, BY_TYPE, BY_TACTIC, BY_PLACE, BY_SUBJECT, BY_DETECTOR, BY_SUPPRESSION, REPORT_TALLIES };

struct report_row { int64_t total, before, n[SEVERITY_HIGH + 1]; };
struct report_line { struct slice name; const struct report_row *row; };

struct report_tally {
    struct map *rows;           /* of struct report_row */
    struct report_line *lines;  /* after collecting: those of this span, most first */
    size_t len;
    int64_t others;             /* alerts under names beyond REPORT_NAMES */
};

struct report_sums { int64_t alerts, incidents, suppressed, requests, n[SEVERITY_HIGH + 1]; };

struct report_source {
    char name[64];
    int64_t read_ns, learned_ns, gap_ns, open_ns, read_before_ns;
    char reason[200]; /* of the newest gap */
};

struct report_output { char name[64]; bool is_configured; struct output_counts n; };

struct report_bar { int64_t from_ns, n[SEVERITY_HIGH + 1]; };

/* The alert to talk about first: most severe, then incidents, then the surest, then the newest. */
struct report_worst {
    enum severity severity;
    bool is_incident;
    int confidence;
    int64_t last_ns;
    char id[37], *title, *account, *why;
};

struct report {
    int64_t from_ns, to_ns, made_ns;
    int64_t forgotten_ns;       /* alerts from before are no longer kept */
    struct report_sums now, before;
    struct report_tally by[REPORT_TALLIES];
    struct report_bar bars[REPORT_BARS];
    size_t bars_len;
    int64_t bar_ns;
    struct report_worst worst[REPORT_WORST];
    size_t worst_len;
    struct report_source sources[REPORT_SOURCES];
    size_t sources_len;
    struct report_output outputs[REPORT_OUTPUTS];
    size_t outputs_len;
    int64_t *of_rule;           /* as many as suppressions */
    /* borrowed */
    const struct suppress *suppress;
    const struct trusted *trusted;   /* report_collect() reads its use; may be NULL */
    const struct engine_detector *detectors; /* those that are switched on */
    size_t detectors_len;
    const struct services *sv;
};

/* Wants from, to, made, forgotten and what is borrowed; outputs that are configured may stand in `outputs`. Tells a
 * terminal how far it is. */
MUST_CHECK int report_collect(struct report *r, struct store *store, struct error *err);
void report_release(struct report *r);

/* Nanoseconds of the span in which nothing was read: neither read, learned from, lost nor waiting. */
int64_t report_unseen(const struct report *r, const struct report_source *s);
int64_t report_before_ns(const struct report *r); /* where the span before begins */
int64_t report_alerts_of(const struct report *r, const char *detector);
/* A detector that is switched on, a source that was read, an output that is configured. */
bool report_part_is_on(const struct report *r, const struct control_part *p);

/* Rows of each list that JSON and page show; how many more there are stands beside them. */
MUST_CHECK int report_add_json(const struct report *r, struct buf *out, struct error *err);
MUST_CHECK int report_add_page(const struct report *r, struct buf *out, struct error *err);

#endif
