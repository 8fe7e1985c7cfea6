/* wire.h - what the agent and its reader have in common: pages and messages. Internal to agent/apart.
 *
 * Messages go through a SOCK_SEQPACKET pair (each whole or not at all), with the descriptor of the body's memory
 * attached when that is another than before. Nothing but sizes and names of slots is in them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_APART_WIRE_H
#define COSMOWATCH_APART_WIRE_H

#include "apart/apart.h"
#include "apart/inside.h"

#include <stdatomic.h>

#define APART_NAME "cosmowatch: reader" /* argv[0], as `ps` shows it; main() knows by it what it is to be */
#define APART_SOCKET 0
#define APART_PAGES 3 /* descriptor of the shared pages, in the reader */
#define APART_SLOTS 2

/* Shared. Each part is written by one side only; the agent believes none of the reader's. */
struct apart_pages {
    struct {
        _Atomic uint64_t row;   /* APART_NO_ROW: before the first */
        _Atomic uint32_t stage; /* enum apart_stage */
        _Atomic uint32_t beat;  /* changes with every batch: rows that are only counted move `row` */
    } mark;                     /* the reader's */
    uint64_t left_out_len;      /* the agent's */
    struct apart_left_out left_out[APART_LEFT_OUT_MAX];
    _Alignas(64) char slots[APART_SLOTS][APART_SLOT_BYTES]; /* the reader's */
};

struct apart_ask {
    enum { ASK_WORK, ASK_GO_ON /* a slot is free again */, ASK_STOP /* no more batches */, ASK_ANSWER } what;
    unsigned service;
    uint64_t param, body_len; /* param of an answer: the answer */
    uint64_t area_len; /* of the memory that the body stands in: attached when it is another than before */
};

struct apart_told {
    enum { TOLD_READY, TOLD_BATCH, TOLD_QUESTION /* waits for ASK_ANSWER */, TOLD_END } what;
    uint32_t slot;
    uint64_t len;
};

#endif
