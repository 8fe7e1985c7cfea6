/* gist.h - what several formats want of an alert and what is not a fact by itself: rendered words, the
 * outcome, the one operation or status that stands for all, how it was found.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_OUTPUT_GIST_H
#define COSMOWATCH_OUTPUT_GIST_H

#include "alert/alert.h"
#include "base/buf.h"
#include "outputs/kit/fit.h"
#include "outputs/kit/parts.h"

#define GIST_VENDOR "cosmowatch" /* never the cloud's own name: an alert must not claim to come from it */

enum gist_outcome { GIST_UNKNOWN, GIST_SUCCESS, GIST_FAILURE };
enum gist_method {
    GIST_LISTED,    /* threat intelligence names the address */
    GIST_BEHAVIOUR, /* unlike what is usual */
    GIST_STATEMENT, /* the text of a statement */
    GIST_RULE,      /* anything else */
};

#define GIST_ENTITIES_MAX (1 + 3 * FACT_SET_MAX) /* the resource; addresses, principals, applications */

struct gist {
    const struct alert *alert;       /* borrowed */
    struct buf title, description;   /* description: the title when there is none */
    struct buf why;                  /* the title when there is none */
    struct buf query, link, resource;/* may be empty; resource in published case where it is an ARM id */
    struct arm_id arm;               /* parts of alert->resource_id */
    bool has_arm;
    struct entity entities[GIST_ENTITIES_MAX]; /* as parts_each_entity() gives them, read once */
    size_t entities_len;
    struct entity_place place;
    struct entity_threat threats[FACT_SET_MAX];
    struct buf place_text;
    struct slice address;            /* the first that is one, or empty */
    enum fit_family family;
    struct slice principal, application, user_agent, operation, region; /* the first; empty when unknown */
    int64_t status;                  /* when there was one only; else -1 */
    enum gist_outcome outcome;
    enum gist_method method;
};

/* Read the alert once. A line has no room for description and query: without all_words they stay empty.
 * Points into itself: must not be copied. Fails with ERR_NOMEM or ERR_LIMIT. Release in any case. */
MUST_CHECK int gist_init(struct gist *g, const struct alert *a, bool all_words, struct error *err);
void gist_release(struct gist *g);
void gist_each_entity(const struct gist *g, void (*fn)(void *self, const struct entity *e), void *self);

/* "account|subject": the same for all alerts of one story. */
void gist_add_correlation(struct buf *out, const struct alert *a);
/* "T1078.004,T1090.003" */
void gist_add_techniques(struct buf *out, const struct alert *a);
/* "Cloud Accounts (T1078.004), ..." */
void gist_add_technique_names(struct buf *out, const struct alert *a);
/* "PrimaryMasterKey, ..."; nothing where no key was used. */
void gist_add_key_kinds(struct buf *out, const struct alert *a);
/* "shop/orders", "orders, shop/..." as far as known. */
void gist_add_container(struct buf *out, const struct alert *a);
/* Milli units as "1234.567". */
void gist_add_milli(struct buf *out, int64_t milli);

#endif
