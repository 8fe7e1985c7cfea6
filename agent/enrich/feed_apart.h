/* feed_apart.h - feeds read by the reader (apart/apart.h): they come from outside, and grammars are long.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FEED_APART_H
#define COSMOWATCH_FEED_APART_H

#include "apart/apart.h"
#include "apart/inside.h"
#include "enrich/feeds.h"

#define FEED_SERVICE 1 /* in the table for apart_serve() */
enum { FEED_OF_LISTINGS, FEED_OF_SERVICE_TAGS }; /* what its bytes are: the work's param */

/* The reader's end. */
void feed_serve(struct apart_inside *in);

/* As feed_parse(); beyond that ERR_IO: there is no reader, ERR_PARTIAL: the bytes end it. */
MUST_CHECK int feed_parse_apart(struct apart *a, struct slice bytes, const struct feed_options *opt, int64_t now_ns,
                                struct feed_table **ret, struct feed_report *report, struct error *err);

/* ---- for service_tags_apart.c: the last word is the same ------------------------------------------------------------ */
void feed_tell_end(struct apart_inside *in, int rc, const struct feed_report *report, const struct error *err);
enum apart_verdict feed_take_end(struct slice text, struct feed_report *report, struct error *err);
enum apart_verdict feed_no_memory(struct error *err);

#endif
