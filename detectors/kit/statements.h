/* statements.h - where detectors have statements judged: in a reader's process (apart/apart.h), or here when there is none.
 *
 * Why apart: the text of a statement is what an attacker writes, and it is read with five grammars. A mistake in one of them
 * must not hand over the process that holds tokens, keys and the store. What comes back are numbers, and places in the text.
 *
 * A text that was read lately and says nothing against itself is not read again: reading it would find the same, so this
 * changes no verdict. What one observation was judged to be is judged once, however many detectors ask.
 *
 * Threads: the flow thread.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_STATEMENTS_H
#define COSMOWATCH_KIT_STATEMENTS_H

#include "detectors/kit/query_case.h"

struct apart;
struct statements;

/* reader: borrowed; NULL: here. */
MUST_CHECK int statements_new(struct apart *reader, struct statements **ret, struct error *err);
void statements_free(struct statements *s);

/* Who is to be told of a text that cannot be read, and why. */
typedef void statements_unread(void *self, struct slice text, const char *reason);
void statements_tell_unread(struct statements *s, statements_unread *fn, void *self);

/* Another observation begins. */
void statements_next(struct statements *s);

/* Judge `text` as sent by `c` with that result. A text that ends the reader whenever it is read is as good as not there
 * (ordinary, known, teaches nothing); that is logged, counted (apart_look()) and told. Slices in *ret live until the next
 * call, and as long as text. ERR_NOMEM, ERR_IO: there is no reader, and why. */
MUST_CHECK int statements_judge(struct statements *s, enum api api, const struct query_client *c, struct slice text,
                                enum query_run run, struct query_case *ret, struct error *err);
/* The shape of a text, for people; *ret of statements_judge() stays. */
MUST_CHECK int statements_print_shape(struct statements *s, enum api api, struct slice text, struct buf *out,
                                      struct error *err);

#endif
