/* query_history.h - which statement shapes a client is known for.
 *
 * A client is a family of user agents on one container. For each of its shapes the baseline keeps
 * since when it was sent as an ordinary statement; for slot t a shape is known when that was in a slot
 * up to t-2 (baseline/slots.h: those are closed, so the order of rows does not matter). A shape that was
 * graded as an attack is noted but not learned: an attacker must not teach. One that was only unusual
 * (new for the client, harmless by itself) becomes ordinary after SHAPE_ADOPTION_DAYS. A client of thousands of
 * shapes learns no more of them.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_QUERY_HISTORY_H
#define COSMOWATCH_QUERY_HISTORY_H

#include "baseline/baseline.h"
#include "detectors/kit/query_shape.h"

#define SHAPE_ADOPTION_DAYS 14

extern const struct baseline_memory query_memory_client, query_memory_shape, query_memory_word;

struct query_asker; /* query_asker.h */

struct query_client {
    struct baseline *baseline;
    struct query_asker *asker; /* where judging goes on in a process that has no baseline; else NULL */
    struct slice account;
    uint64_t hash;        /* of database, container and agent family */
    int32_t slot, len;    /* the row's slot and the slot length, hours */
    int64_t seen_ns;
    struct slice label;   /* "azsdk-java-cosmos on shop/orders" */
};

/* How a statement was graded, for learning. */
enum query_grade { GRADE_ORDINARY, GRADE_UNUSUAL, GRADE_ATTACK };

/* Does the client have any known shape for this slot? */
bool query_client_is_known(const struct query_client *c);
bool query_shape_is_known(const struct query_client *c, uint64_t shape);
/* Known, and nothing more is learned of it but how often and how much: its words are all in. */
bool query_shape_is_settled(const struct query_client *c, uint64_t shape);
/* Mean response bytes of one request of a known shape, closed slots only; 0 unknown. */
int64_t query_shape_usual_bytes(const struct query_client *c, uint64_t shape);
/* A property name or function this client used in ordinary statements. */
bool query_word_is_known(const struct query_client *c, uint64_t word);

/* A cheap "surely not known" in front of query_shape_is_known(): a copy of the client's filter. */
struct query_shape_filter { uint64_t bits[64]; };
void query_shape_filter_load(const struct query_client *c, struct query_shape_filter *ret);
bool query_shape_filter_may_know(const struct query_shape_filter *f, uint64_t shape);

/* What surrounds the condition: the same FROM, WHERE and ORDER BY asked for less before. */
enum query_reach { REACH_NARROW = 1, REACH_WIDE = 2, REACH_LIMITED = 4, REACH_UNLIMITED = 8 };
unsigned query_reach_known(const struct query_client *c, uint64_t surroundings); /* set of enum query_reach */
/* Does it live from few fixed shapes? Of people at a console and of query builders nothing is usual. */
bool query_client_is_regular(const struct query_client *c);
/* About how many ordinary shapes it has, by closed slots (up to some 200), and since when. */
int64_t query_client_shapes(const struct query_client *c);
int32_t query_client_first_slot(const struct query_client *c);

/* A search for something known in which only the first hit counts: from query_ask_later() on what is asked of this kind is
 * unknown; query_ask_now() finds out, and when there is a hit (true) the search is made once more, and now finds it, and
 * nothing else, until query_ask_at_once(). Where the baseline is at hand they do nothing: the first search has it all. */
enum query_question { QUERY_SHAPE_KNOWN, QUERY_WORD_KNOWN, QUERY_REACH_KNOWN, QUERY_QUESTIONS };

void query_ask_later(const struct query_client *c, enum query_question q);
bool query_ask_now(const struct query_client *c);
void query_ask_at_once(const struct query_client *c);

/* One of query_shape_find_*(), in this way. */
typedef struct query_insertion query_find(const struct query_shape *sh, const struct query_insertion_ask *ask);
struct query_insertion query_client_search(const struct query_client *c, query_find *find, const struct query_shape *sh,
                                           const struct query_insertion_ask *ask);

struct query_lesson {
    uint64_t shape, middle, with_list; /* middle 0: no condition to speak of */
    unsigned reach;
    enum query_grade grade;
    int64_t requests, bytes;
    const uint64_t *words;    /* to learn when the shape is new; may be NULL */
    size_t words_len;
};
/* False without memory. */
bool query_history_learn(const struct query_client *c, const struct query_lesson *l);

#endif
