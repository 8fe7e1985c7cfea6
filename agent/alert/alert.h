/* alert.h - an alert is a mergeable heap of facts; words are rendered from the facts.
 *
 * A detector emits drafts. Drafts with the same identity (type, account, subject, bucket) merge:
 * counts and sums add, times and severity widen, sets unite. Merging is commutative and associative,
 * so the same rows end in the same alert whatever the batching, order, mode or restarts.
 *
 * Identity: uuid v5 of "detector/state_version/type/account/subject/bucket". Never clock, host, chance.
 * The record id of an update is "<alert id>-<n>"; n grows with the alert.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ALERT_H
#define COSMOWATCH_ALERT_H

#include "base/error.h"
#include "base/slice.h"
#include "record/record.h"

enum severity { SEVERITY_INFORMATIONAL, SEVERITY_LOW, SEVERITY_MEDIUM, SEVERITY_HIGH };
const char *severity_name(enum severity s); /* "Informational" "Low" "Medium" "High" */

/* How two values of one fact merge. */
enum fact_kind {
    FACT_SUM,  /* int64: adds */
    FACT_MAX,  /* int64 */
    FACT_MIN,  /* int64 */
    FACT_SET,  /* texts: union; the FACT_SET_MAX smallest are kept, and whether there were more */
    FACT_MAP,  /* text -> int64, values add; the FACT_SET_MAX smallest keys are kept, and "more" */
    FACT_SAMPLE, /* a few of very many texts, see below */
};
#define FACT_SET_MAX 20
/* One observation knows the smallest ActivityId of its rows only. The twenty smallest of those would hang on how the
 * rows were split into observations; the smallest of a fixed share of them does not. `number` says which share: a
 * hash of what rows have in common that come to one observation whatever the split, or 0. FACT_SAMPLES shares. */
#define FACT_SAMPLES 8
#define FACT_TEXT_MAX 4096 /* bytes kept of one text, cut on a UTF-8 boundary */
/* Bytes of alert_save(): more than any alert has. All of the texts may be an attacker's, and of bytes that take six each. An alert
 * that could not be kept would keep its window from ever being done. */
#define ALERT_SAVED_MAX (64U << 20)

struct fact_value { /* one contribution, by the detector; all borrowed */
    const char *name; /* a name of facts.c, e.g. "address", "bytesOut"; static text */
    enum fact_kind kind;
    int64_t number;   /* SUM MAX MIN, the value of a MAP entry, the share of a SAMPLE */
    struct slice text;/* SET SAMPLE, and the key of a MAP entry */
};

struct alert_draft {
    const char *detector;      /* module name, part of the identity */
    int state_version;         /* part of the identity; bump when the same rows would judge otherwise */
    const char *id;            /* another product's alert, passed on: its own id (a uuid) is kept; else NULL */
    const char *type;          /* catalogue id, "CosmosDB_TorAnomaly" */
    const char *variant;       /* ".FirstSeen" or NULL; the highest-severity variant is shown */
    enum severity severity;    /* merges by maximum */
    int confidence;            /* 0..100, merges by maximum */
    enum api api;
    struct slice account;      /* lower-case account name */
    struct slice resource_id;  /* full ARM id where known */
    struct slice subject;      /* what the alert is about, e.g. the address; part of the identity */
    int64_t bucket_ns;         /* part of the identity: usually the UTC day of the event */
    int64_t first_ns, last_ns, count;
    bool is_aside;             /* adds no request to an alert that was told before: of what it leaves out it says nothing */
    const struct fact_value *facts;
    size_t facts_len;
};

/* Where detectors put drafts. */
struct alert_sink {
    void *self;
    int (*emit)(void *self, const struct alert_draft *draft, struct error *err);
};

static inline int alert_emit(const struct alert_sink *s, const struct alert_draft *d, struct error *err)
{
    return s->emit(s->self, d, err);
}

/* ---- the merged alert ------------------------------------------------------------------------- */

struct fact { /* owned by its alert */
    char *name;
    enum fact_kind kind;
    int64_t number;
    struct fact_entry { char *text; int64_t number; } *entries; /* sorted by text */
    size_t len;
    bool more; /* there were more than FACT_SET_MAX */
};

static inline bool fact_is_list(const struct fact *f)
{
    return f->kind == FACT_SET || f->kind == FACT_MAP || f->kind == FACT_SAMPLE;
}

struct alert_type; /* catalogue.h */

struct alert {
    char id[37];           /* uuid, lower case */
    char record_id[64];    /* id "-" n */
    int64_t update;        /* n; 0 at first */
    int64_t told_count;    /* count in the last update that went out; 0: none did */
    bool is_final;         /* the bucket is over: no more rows are expected */
    bool is_sample;        /* made by `cosmowatch sample` */
    bool is_suppressed;
    const struct alert_type *type; /* never NULL after alert_from_* */
    char *detector, *variant, *account, *resource_id, *subject; /* never NULL, may be "" */
    enum severity severity;
    int confidence;
    enum api api;
    int64_t bucket_ns, first_ns, last_ns, count;
    struct fact *facts;    /* sorted by name */
    size_t facts_len;
};

struct alert *alert_new(void);
void alert_free(struct alert *a);
void alert_freep(struct alert **a);
MUST_CHECK int alert_from_draft(const struct alert_draft *d, struct alert **ret, struct error *err);
MUST_CHECK int alert_merge(struct alert *a, const struct alert_draft *d, struct error *err);
const struct fact *alert_fact(const struct alert *a, const char *name); /* or NULL */
int64_t alert_number(const struct alert *a, const char *name, int64_t otherwise);
/* First (smallest) text of a SET, MAP or SAMPLE, or "". */
const char *alert_text(const struct alert *a, const char *name);
/* Is the account its own, or one of those that an alert over several names? Case does not count. */
bool alert_is_about(const struct alert *a, const char *account);

/* Durable form (JSON; the store's, not a receiver's). */
struct buf;
MUST_CHECK int alert_save(const struct alert *a, struct buf *out, struct error *err);
MUST_CHECK int alert_load(struct slice json, struct alert **ret, struct error *err);

/* Words, rendered from facts and catalogue. All append to out. */
void alert_title(const struct alert *a, struct buf *out);       /* display name */
void alert_why(const struct alert *a, struct buf *out);         /* one sentence with the numbers */
void alert_description(const struct alert *a, struct buf *out);
/* Who did what from where: a line each, nothing when nobody knows. */
void alert_accounts(const struct alert *a, struct buf *out);    /* its account, or those that it names */
void alert_what(const struct alert *a, struct buf *out);        /* these and the scope */
void alert_scope(const struct alert *a, struct buf *out);       /* "(NoSQL), database shop, container orders" */
void alert_who(const struct alert *a, struct buf *out);
void alert_where(const struct alert *a, struct buf *out);
void alert_count(const struct alert *a, struct buf *out);       /* "12 requests", "1 alert" */
void alert_kql(const struct alert *a, struct buf *out);         /* ready query that shows the rows */
void alert_fact_words(const struct alert *a, const struct fact *f, struct buf *out); /* one fact as people read it */
void alert_portal_link(const struct alert *a, struct buf *out); /* "" when the resource id is unknown */

#endif
