/* kql_quote.h - values inside KQL text. A name from a row or from the configuration must not be able to
 * end its literal and go on as query text.
 * Source: Kusto query language reference, "The string data type", "datetime" (read 2026-08).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KQL_QUOTE_H
#define COSMOWATCH_KQL_QUOTE_H

#include "base/buf.h"

/* "text" with a backslash before quote and backslash. Control bytes are refused (ERR_INPUT): use for
 * names we send. */
MUST_CHECK int kql_quote_string(struct buf *out, struct slice s, struct error *err);
/* The same for text that is only shown to people: control bytes become \uXXXX and never fail. */
void kql_quote_shown(struct buf *out, struct slice s);
/* datetime(2026-08-20T10:00:00.0000000Z) */
void kql_add_datetime(struct buf *out, int64_t ns);

#endif
