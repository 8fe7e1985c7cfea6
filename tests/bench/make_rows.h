/* make_rows.h - made-up query answers of data-plane rows, as many bytes as asked for, from a seed.
 *
 * The shape of CDBDataPlaneRequests: thirty columns, several accounts, a few hundred distinct
 * (client, operation, container) a minute, ActivityId and item path new in every row.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_MAKE_ROWS_H
#define COSMOWATCH_MAKE_ROWS_H

#include "base/buf.h"

struct made_rows {
    size_t rows, cells;
};

/* Appends one whole answer of about `bytes` bytes; pads with DECODE_PADDING zero bytes that are not
 * counted in out->len. Same seed, same bytes. */
struct made_rows make_answer(struct buf *out, size_t bytes, uint64_t seed);

#endif
