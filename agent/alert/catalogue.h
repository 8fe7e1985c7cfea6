/* catalogue.h - every alert type there is, as data in one table (catalogue.c).
 *
 * Types that Microsoft Defender for Azure Cosmos DB has keep its type ids and display names
 * (alerts reference, state June 2026); ours begin with CosmosDBX_. Techniques are ATT&CK v16 numbers.
 * Texts may hold {placeholders}: names of facts, and account, subject, count, first, last, duration.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CATALOGUE_H
#define COSMOWATCH_CATALOGUE_H

#include "alert/alert.h"

#define STEPS_MAX 8
#define TECHNIQUES_MAX 6

struct alert_type {
    const char *id, *display_name;
    enum severity severity;                 /* as the vendor's table says; a draft may differ */
    const char *intent;                     /* tactic as Defender spells it: "InitialAccess" */
    const char *techniques[TECHNIQUES_MAX]; /* NULL-terminated unless full */
    const char *description;
    const char *why;                        /* sentence template */
    const char *investigate[STEPS_MAX], *remediate[STEPS_MAX], *prevent[STEPS_MAX];
    const char *tables[6];                  /* which tables prove it */
    const char *kql;                        /* template of the evidence query */
    bool is_incident;                       /* its members are alerts (incident.h) */
    int open_days;                          /* from its bucket on rows may still belong to it; 0: the usual 1 */
};

const struct alert_type *alert_type_find(const char *id); /* old misspellings too; NULL: unknown */
const struct alert_type *alert_type_at(size_t i);         /* NULL after the last */
/* Expand {placeholders} of a catalogue text with the alert's facts. Unknown ones stay as written. */
struct buf;
void alert_expand(const struct alert *a, const char *template_text, struct buf *out);

#endif
