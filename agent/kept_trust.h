/* kept_trust.h - on which days entries of `trusted:` vouched for somebody, from one start to the next: in the store, with the
 * window that used them: rows that are judged again after a crash have then not been counted, or do not count.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KEPT_TRUST_H
#define COSMOWATCH_KEPT_TRUST_H

#include "base/error.h"

struct store;
struct trusted;

/* In the place of what the list knows; what was never kept is nothing. NULL: no list. */
MUST_CHECK int kept_trust_load(struct store *store, const struct trusted *t, struct error *err);
/* Nothing, when there is no news. Kept once the transaction is: trusted_mark_saved(). */
MUST_CHECK int kept_trust_save(struct store *store, const struct trusted *t, struct error *err);

#endif
