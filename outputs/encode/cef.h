/* cef.h - pieces of the CEF encoder for tests and for the syslog output.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ENCODE_CEF_H
#define COSMOWATCH_ENCODE_CEF_H

#include "outputs/encode/line.h"

struct alert;

extern const struct line_format cef_format;

/* "CEF:0|vendor|product|version|id|name|severity|" */
void cef_add_header(struct buf *out, struct slice vendor, struct slice product, struct slice version,
                    struct slice id, struct slice name, int severity);

struct cef_options {
    size_t max_bytes;  /* of the line; a datagram or an old receiver wants less than LINE_MAX_BYTES */
    bool src_takes_v6; /* Sentinel's SourceIP is text and its entity mapping looks there; ArcSight's src is IPv4 */
};
MUST_CHECK int cef_encode_with(const struct alert *a, const struct cef_options *options, struct buf *out,
                               struct error *err);

#endif
