/* judges.h - one judge for each dialect, by the API that a statement was sent to.
 *
 * Pure: no I/O, no clock; what the client is known for comes from query_history.h. Whoever holds judges reads foreign
 * text with them: in the agent that is the reader's process (statements.h).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_JUDGES_H
#define COSMOWATCH_KIT_JUDGES_H

#include "detectors/kit/query_case.h"

struct judges; /* scratch memory of the dialects that were met, some 0.5 to 1.5 MB each */

struct judges *judges_new(void); /* NULL without memory */
void judges_free(struct judges *j);

/* Judge `text`, a QueryText as logged, as sent by `c` with that result. False without memory. Slices in *ret live until the
 * next call. */
MUST_CHECK bool judges_judge(struct judges *j, enum api api, const struct query_client *c, struct slice text,
                             enum query_run run, struct query_case *ret);
/* The shape of a text, for people. False without memory for it. */
MUST_CHECK bool judges_print_shape(struct judges *j, enum api api, struct slice text, struct buf *out);
/* What the case's id is, without reading the text. Of the Table API only where it is no web address. */
uint64_t judges_text_id(enum api api, struct slice text);

#endif
