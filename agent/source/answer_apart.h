/* answer_apart.h - whole small answers (answer.h) read by the reader (apart/apart.h).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_ANSWER_APART_H
#define COSMOWATCH_ANSWER_APART_H

#include "source/answer.h"

struct apart;
struct apart_inside;

#define ANSWER_SERVICE 3 /* in the table for apart_serve() */

void answer_serve(struct apart_inside *in); /* the reader's end */

/* As answer_each_row(), which it is without a reader (NULL). With one fn sees no row of an answer that is not whole; beyond
 * that ERR_IO: there is no reader, ERR_PARTIAL: the bytes end it, ERR_LIMIT: more rows than a small answer has. */
MUST_CHECK int answer_each_row_apart(struct apart *a, struct slice body,
                                     int (*fn)(void *self, const struct answer_row *r, struct error *err),
                                     void *self, struct error *err);

#endif
