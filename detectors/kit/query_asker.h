/* query_asker.h - the history of a client, asked for from the process in which statements are judged.
 *
 * Most judgements need the same few facts: they come along with the statement. What else is to be known is asked, one
 * message for one question, or for all that a search would like to know (query_ask_later()).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_QUERY_ASKER_H
#define COSMOWATCH_QUERY_ASKER_H

#include "detectors/kit/query_history.h"

#define QUERY_QUESTIONS_MAX 4096u /* in one message */

#define QUERY_FACTS_KNOWN 8u

struct query_facts { /* of a client, at the slot of the statement */
    int32_t slot, len, first_slot;
    uint32_t is_known; /* bool */
    int64_t shapes;
    struct query_shape_filter filter;
    uint64_t known[QUERY_FACTS_KNOWN]; /* shapes that are known: likely to be asked for; 0: none */
};

struct query_asker {
    struct query_facts facts;
    void *self;
    /* The answer to query_history_answer(), wherever it is. */
    uint64_t (*ask)(void *self, enum query_question q, const uint64_t *what, size_t n);
    /* The search that goes on. */
    bool is_later, has_hit;
    enum query_question later;
    uint64_t hit;
    size_t open_len;
    uint64_t open[QUERY_QUESTIONS_MAX];
};

/* Where the baseline is. */
void query_facts_of(const struct query_client *c, struct query_facts *ret);
/* One more than the first of the shapes or words that is known, 0: none is. Of QUERY_REACH_KNOWN, n = 1: the set. */
uint64_t query_history_answer(const struct query_client *c, enum query_question q, const uint64_t *what, size_t n);

#endif
