/* leg.h - one table's part of a query: the table, its time bounds, the filters, a projection onto common
 * names, and a summary. Shared by kql.c and kql_texts.c; nobody else needs it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_LEG_H
#define COSMOWATCH_LEG_H

#include "source/kql.h"

enum leg_kind { LEG_DATA, LEG_AGGREGATED, LEG_API, LEG_TEXT, LEG_CONTROL, LEG_ACTIVITY, LEG_ALERT };

struct leg {
    enum leg_kind kind;
    enum table table;       /* TABLE_NONE: AzureDiagnostics */
    const char *categories; /* of a legacy leg */
    const char *workspace;  /* NULL: the one that is asked */
    int64_t from_ns, to_ns; /* of ingestion_time() */
};

bool leg_is_legacy(const struct leg *l);
/* KQL for the account that a row is about, in lower case; empty when it is about none. */
const char *leg_account(const struct leg *l);
/* KQL for what tells two rows of one tick apart. */
const char *leg_identity(const struct leg *l);

/* Building; all go on from "(" on. */
MUST_CHECK int leg_add_table(struct buf *out, const struct leg *l, struct error *err);
MUST_CHECK int leg_add_head(struct buf *out, const struct kql_scope *sc, const struct leg *l,
                            struct error *err);
void leg_add_part(struct buf *out, const struct kql_scope *sc, const char *identity);
void leg_add_projection(struct buf *out, const struct leg *l);
void leg_add_command_text(struct buf *out, const struct leg *l); /* PIICommandText */
void leg_add_summary(struct buf *out, const struct kql_scope *sc, enum leg_kind kind, bool has_text);
void leg_add_legacy_text(struct buf *out, const char *const *props); /* two, the second may be NULL */
void leg_add_names(struct buf *out, enum leg_kind kind);               /* ", A, B" of its text columns */
void leg_add_schema(struct buf *out, enum leg_kind kind, size_t skip); /* ", A:string", but for the first */
void kql_add_seconds(struct buf *out, int64_t ns);

bool scope_wants(const struct kql_scope *sc, enum table t);
bool scope_wants_legacy(const struct kql_scope *sc);
bool scope_wants_api(const struct kql_scope *sc); /* any of Mongo, Cassandra, Gremlin, Table */

/* fn for the leg of each wanted table of a kind, here and in every further workspace. */
typedef int leg_fn(struct buf *out, const struct kql_scope *sc, const struct leg *l, struct error *err);
MUST_CHECK int kql_each_leg(struct buf *out, const struct kql_scope *sc, enum leg_kind kind, int64_t from_ns,
                            int64_t to_ns, leg_fn *fn, struct error *err);

#endif
