/* query_window.h - failing statements of one sender, ten minutes at a time; and what one attack took in
 * a slot. Everything is a sum, a union of bits, a smallest or a largest, so the order of rows and their split
 * into observations do not matter; thresholds are only ever crossed upwards.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_QUERY_WINDOW_H
#define COSMOWATCH_QUERY_WINDOW_H

#include "detectors/kit/query_history.h"

#define QUERY_WINDOW_NS (10 * NS_PER_MIN)

extern const struct baseline_memory query_memory_window, query_memory_failing, query_memory_take;

struct query_bits { uint64_t bits[4]; }; /* distinct things, counted by hashed bits: 1..~200 */
int64_t query_bits_count(const struct query_bits *b);

struct query_tally { /* what a window adds up to */
    int64_t requests, ru_milli, bytes_out, first_ns, last_ns;
};

struct query_window { /* of one sender: client, address, agent, principal, key kind */
    struct query_bits all, strong; /* distinct failing shapes */
    struct query_tally weak;       /* rows that no alert mentioned before the window crossed */
    int64_t failed;              /* rows of OBS_REQUEST with status 400 */
    int64_t minute_count[10], minute_bytes[10];
    bool is_over, unused[7];
};

struct query_take { /* what the attacks on one usual shape took in one slot (what is usual is one figure there) */
    struct query_bits texts;
    int64_t bytes_out;
};

struct query_window *query_window_put(const struct query_client *c, uint64_t sender, int64_t minute_ns);
struct query_take *query_take_put(const struct query_client *c, uint64_t base_shape);
void query_bits_add(struct query_bits *b, uint64_t hash);
void query_tally_add(struct query_tally *t, const struct query_tally *more);
/* Lengths of the failing requests are not all the same: not one statement failing over and over. */
bool query_window_lengths_differ(const struct query_window *w);

/* Learn how many requests of this sender fail in ten minutes (largest window of a slot, fading), and
 * tell what was usual up to t-2. False without memory. */
bool query_failing_learn(const struct query_client *c, uint64_t sender, int64_t failed, int64_t *ret_usual);

#endif
