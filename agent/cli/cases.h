/* cases.h - cases of detectors as files: rows, and what they must raise. `cosmowatch rules test` runs them; the form is
 * described in tests/detectors/README.md.
 *
 *   CASE.ndjson           rows; short forms: {"include": ...}, {"defaults": ...}, "repeat" (cases_rows.c)
 *   CASE.expected.json    {"about": alert type, "why": sentence, "alerts": [what each native alert must say]}
 *   cosmowatch.yaml       configuration of all cases of the folder; CASE.yaml: of one
 *
 * A case is a hit, a near miss or a noise case by its name: hit, hit_first_seen, near_miss_19, noise.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CASES_H
#define COSMOWATCH_CASES_H

#include "base/buf.h"
#include "base/error.h"

struct json_object;

enum case_kind { CASE_HIT, CASE_NEAR_MISS, CASE_NOISE };
#define CASE_KINDS 3
const char *case_kind_name(enum case_kind k); /* "hit" */

struct rule_case {
    char *name;   /* path without ".expected.json" */
    char *rows;   /* path */
    char *config; /* path, or NULL: none of its own */
    enum case_kind kind;
    struct json_object *expected; /* the document; what follows is inside it */
    const char *about, *why;
    struct json_object *alerts;
};

struct rule_cases {
    struct rule_case *at; /* by name */
    size_t len;
};

/* The cases in a folder and in the folders directly in it. Files that cannot be a case are errors. */
MUST_CHECK int cases_find(const char *dir, struct rule_cases *cases, struct error *err);
void cases_release(struct rule_cases *cases);
/* NDJSON written out, padded as the decoder wants it. Only for rows that cases_is_shorthand(). */
MUST_CHECK int cases_rows(const struct rule_case *c, struct buf *out, struct error *err);
bool cases_is_shorthand(const struct rule_case *c);

/* Compare what was raised with what is expected: one sentence a difference, a line each. True: nothing differs. Around a
 * hit alerts of types that it does not name are left aside: an attack is seen by more than one detector. */
bool cases_compare(struct json_object *alerts, const struct rule_case *c, struct buf *out);
/* Does the one say all that the other asks for? Objects: every key; lists: every element, in any order; texts: '*' in
 * the expected one stands for anything; null: absent. */
bool cases_says(struct json_object *have, struct json_object *want);

#endif
