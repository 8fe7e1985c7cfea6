/* decode_apart.h - decoding as a service of the reader (apart/apart.h): its number, and the reader's end of it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_DECODE_APART_H
#define COSMOWATCH_DECODE_APART_H

#include "apart/inside.h"

struct record;

#define DECODE_SERVICE 0 /* in the table for apart_serve() */

void decode_serve(struct apart_inside *in);
/* The same; `before` is shown each record before it is packed: where tests let a reader die. */
void decode_serve_with(struct apart_inside *in, void (*before)(struct apart_inside *in, const struct record *rec));

#endif
