/* leef.h - pieces of the LEEF encoder for tests and for the syslog output.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ENCODE_LEEF_H
#define COSMOWATCH_ENCODE_LEEF_H

#include "outputs/encode/line.h"

struct alert;

extern const struct line_format leef_format;

/* "LEEF:2.0|vendor|product|version|id|^|" */
void leef_add_header(struct buf *out, struct slice vendor, struct slice product, struct slice version,
                     struct slice id);
MUST_CHECK int leef_encode_within(const struct alert *a, size_t max_bytes, struct buf *out, struct error *err);

#endif
