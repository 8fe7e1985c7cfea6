/* kql_texts.h - the part of a query that brings query texts (CDBQueryRuntimeStatistics) and the requests
 * they belong to together in the workspace.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KQL_TEXTS_H
#define COSMOWATCH_KQL_TEXTS_H

#include "source/leg.h"

/* Are there request rows that a text can be joined with? */
bool texts_has_requests(const struct kql_scope *sc);
bool texts_has_statistics(const struct kql_scope *sc);
/* How long a text is waited with: 0 when there is nothing to wait for. */
int64_t texts_wait(const struct kql_scope *sc);

/* The let statements; after them the two legs can be begun: pairs that belong to the window (with the
 * request's columns, QueryText, Asked, Seen) and texts that stay alone (TextTime, TextAccount,
 * TextResource, TextDatabase, TextContainer, QueryText, ActivityId, Seen). Neither is closed. */
MUST_CHECK int texts_add_lets(struct buf *out, const struct kql_scope *sc, struct error *err);
void texts_add_now(struct buf *out, const struct kql_scope *sc);
void texts_add_alone(struct buf *out, const struct kql_scope *sc);

#endif
