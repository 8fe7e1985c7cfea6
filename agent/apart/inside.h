/* inside.h - the reader's own side: a loop that takes bytes, has a service read them, and gives back batches.
 *
 * A service is one function; it knows nothing of processes. It runs where no file can be opened and no memory be made
 * executable, and may die at any byte: it marks the row it is at.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_APART_INSIDE_H
#define COSMOWATCH_APART_INSIDE_H

#include "base/slice.h"

#define APART_SLOT_BYTES ((size_t)1 << 20)
#define APART_BATCH_BYTES ((size_t)256 << 10) /* what is full enough to be sent */
#define APART_NO_ROW UINT64_MAX

enum apart_stage { APART_IDLE, APART_TAKING, APART_BEFORE_ROWS, APART_IN_ROWS, APART_STAGES };

/* A row to be stepped over. The smallest piece that can be is tried first; whole: the document that it stands in. */
struct apart_left_out {
    uint64_t row;
    uint64_t whole; /* bool */
};

struct apart_inside; /* what a service is called with */

typedef void apart_service(struct apart_inside *in);

/* Is this process one that was started to be a reader? */
bool apart_is_asked(int argc, char **argv);
/* Be one, until the agent goes; the exit code. services[n]: by the number in struct apart_work. */
int apart_serve(apart_service *const *services, size_t n);

/* ---- for services ---- */
struct slice apart_body(const struct apart_inside *in); /* APART_PADDING readable bytes behind it */
uint64_t apart_param(const struct apart_inside *in);
/* Room for `need` bytes in the batch being made; NULL: the agent wants no more, or it can never fit. */
void *apart_room(struct apart_inside *in, size_t need);
bool apart_is_stopped(const struct apart_inside *in);
/* What was written into the room, at most what was asked for; now and then a batch goes off. */
void apart_wrote(struct apart_inside *in, size_t len);
/* A question that the agent answers at once (struct apart_work, answer); 0 when it wants no more. Not while a batch is being
 * made: what was written before goes off first. */
uint64_t apart_ask(struct apart_inside *in, const void *at, size_t len);
/* Offset of the room in its batch. */
size_t apart_at(const struct apart_inside *in);
/* Where to keep the number of the row being read: the decoder writes it. */
_Atomic uint64_t *apart_row_mark(struct apart_inside *in);
const struct apart_left_out *apart_left_out_list(const struct apart_inside *in, size_t *ret_n);
/* The last word: what is left in the batch goes first. */
void apart_end(struct apart_inside *in, const void *at, size_t len);

#endif
