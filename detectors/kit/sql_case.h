/* sql_case.h - one statement of one client: what it says by itself, held against what the client is
 * known for. Everything but the emitting of alerts.
 *
 * What a text says by itself does not change, so it is worked out once and kept in a small cache (a
 * pure memo, no memory of the detector's: it changes no verdict). The cache is keyed by 128 bits.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SQL_CASE_H
#define COSMOWATCH_SQL_CASE_H

#include "detectors/kit/sql_history.h"
#include "detectors/kit/sql_judge.h"

enum sql_verdict {
    VERDICT_ORDINARY,
    VERDICT_BROKEN,   /* does not parse and was refused: counts, alone it says nothing */
    VERDICT_PROBE,    /* an attack that cannot succeed or did not */
    VERDICT_ATTACK,   /* an attack whose form can succeed, and that ran */
    VERDICT_WIDENED,  /* an ordinary statement that asks for more than this client ever did */
};

enum sql_run { RUN_OK, RUN_REFUSED, RUN_UNKNOWN }; /* by the request's status */

struct sql_reading { /* of a text alone */
    uint64_t id[2];       /* hashes of the raw text; 0,0 = free slot of the cache */
    uint64_t shape;
    uint64_t middle;      /* FROM ... ORDER BY without its limit; 0: no condition with a value */
    uint64_t with_list;   /* the same with the list of properties */
    uint8_t reach;        /* enum sql_reach */
    uint8_t outcome;      /* enum sql_outcome */
    uint8_t score, probe_score; /* all findings; those that can only be probes */
    bool is_masked, is_name_break;
};

struct sql_finding_text {
    enum sql_rule rule;
    struct slice text;     /* of the statement */
};

struct sql_case {
    struct sql_reading reading;
    enum sql_verdict verdict;
    enum sql_grade grade;      /* for learning */
    int confidence;            /* 0..100 */
    const char *variant;       /* ".Tautology" ... */
    uint64_t base_shape;       /* the usual shape underneath, 0 unknown */
    bool is_extension;         /* a known shape with something put in */
    bool cuts_tail;            /* and the rest of it made a comment */
    struct slice inserted;     /* what was put in; empty unless is_extension */
    struct slice statement;    /* unwrapped */
    struct sql_finding_text findings[SQL_FINDINGS_MAX];
    size_t findings_len;
    const char *note;          /* a reason without a quoted text, or NULL */
    const uint64_t *words;     /* property names, for learning; NULL when the shape was known */
    size_t words_len;
};

struct sql_bench; /* scratch memory and the cache; about 1.5 MB, made once */
struct sql_bench *sql_bench_new(void); /* NULL without memory */
void sql_bench_free(struct sql_bench *b);

/* Judge `raw` as sent by `c` with that result. Slices in *ret live until the next call. */
void sql_case_judge(struct sql_bench *b, const struct sql_client *c, struct slice raw, enum sql_run run,
                    struct sql_case *ret);

/* The shape of the statement judged last, for people. */
struct buf;
void sql_case_print_shape(struct sql_bench *b, struct buf *out);

#endif
