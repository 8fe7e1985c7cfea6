/* statements_apart.h - statements judged as a service of the reader (apart/apart.h): its number, and both ends of it.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_STATEMENTS_APART_H
#define COSMOWATCH_KIT_STATEMENTS_APART_H

#include "apart/inside.h"
#include "base/buf.h"
#include "detectors/kit/query_asker.h"
#include "detectors/kit/query_case.h"

struct apart;

#define STATEMENT_SERVICE 2 /* in the table for apart_serve() */

/* The reader's end. */
void statements_serve(struct apart_inside *in);

/* ---- the agent's end ---- */

#define STATEMENT_CLIENTS 256u
#define STATEMENT_DEADLY 64u

struct statement_room { /* what an answer holds that is not in the text; owned */
    struct buf statement;
    char unread[120]; /* why the text is left out; "" when it was read */
    bool is_told;     /* it is left out as many before it were: nobody needs to hear of each */
    uint64_t words[QUERY_FIELDS_MAX];
    struct statement_recent { /* of a client: known shapes of its last texts, which the next one is likely to have */
        uint64_t client, shapes[QUERY_FACTS_KNOWN];
        size_t next;
    } recent[STATEMENT_CLIENTS];
    struct statement_deadly { /* texts that ended the reader: the last of them; id 0,0: none */
        uint64_t id[2], account;
        int64_t times; /* that it came */
        char reason[120];
    } deadly[STATEMENT_DEADLY];
    size_t deadly_len, deadly_next;
};

void statement_room_init(struct statement_room *r);
void statement_room_release(struct statement_room *r);

struct statement_text { /* a text and what it is known by */
    enum api api;
    struct slice at;
    uint64_t id[2];
};

/* As statements_judge() and statements_print_shape(). */
MUST_CHECK int statement_judge_apart(struct apart *a, const struct query_client *c, const struct statement_text *text,
                                     enum query_run run, struct statement_room *room, struct query_case *ret,
                                     struct error *err);
MUST_CHECK int statement_print_apart(struct apart *a, const struct statement_text *text, struct statement_room *room,
                                     struct buf *out, struct error *err);

#endif
