/* service_tags_apart.h - service tags read by the reader (apart/apart.h), as one of the feeds it reads (feed_apart.h).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SERVICE_TAGS_APART_H
#define COSMOWATCH_SERVICE_TAGS_APART_H

#include "enrich/service_tags.h"

struct apart;
struct apart_inside;

void service_tags_serve(struct apart_inside *in); /* the reader's end */

/* As service_tags_parse(); beyond that ERR_IO: there is no reader, ERR_PARTIAL: the bytes end it. */
MUST_CHECK int service_tags_parse_apart(struct apart *a, struct slice bytes, struct network_table **ret,
                                        struct feed_report *report, struct error *err);

#endif
