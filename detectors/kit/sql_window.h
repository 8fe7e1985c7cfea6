/* sql_window.h - failing statements of one sender, ten minutes at a time; and what one attack took in
 * a slot. Everything is a sum, a union of bits, a smallest or a largest, so the order of rows and their split
 * into observations do not matter; thresholds are only ever crossed upwards.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SQL_WINDOW_H
#define COSMOWATCH_SQL_WINDOW_H

#include "detectors/kit/sql_history.h"

#define SQL_WINDOW_NS (10 * NS_PER_MIN)

extern const struct baseline_memory sql_memory_window, sql_memory_failing, sql_memory_take;

struct sql_bits { uint64_t bits[4]; }; /* distinct things, counted by hashed bits: 1..~200 */
int64_t sql_bits_count(const struct sql_bits *b);

struct sql_tally { /* what a window adds up to */
    int64_t requests, ru_milli, bytes_out, first_ns, last_ns;
};

struct sql_window { /* of one sender: client, address, agent, principal, key kind */
    struct sql_bits all, strong; /* distinct failing shapes */
    struct sql_tally weak;       /* rows that no alert mentioned before the window crossed */
    int64_t failed;              /* rows of OBS_REQUEST with status 400 */
    int64_t minute_count[10], minute_bytes[10];
    bool is_over, unused[7];
};

struct sql_take { /* what the attacks on one usual shape took in one slot (what is usual is one figure there) */
    struct sql_bits texts;
    int64_t bytes_out;
};

struct sql_window *sql_window_put(const struct sql_client *c, uint64_t sender, int64_t minute_ns);
struct sql_take *sql_take_put(const struct sql_client *c, uint64_t base_shape);
void sql_bits_add(struct sql_bits *b, uint64_t hash);
void sql_tally_add(struct sql_tally *t, const struct sql_tally *more);
/* Lengths of the failing requests are not all the same: not one statement failing over and over. */
bool sql_window_lengths_differ(const struct sql_window *w);

/* Learn how many requests of this sender fail in ten minutes (largest window of a slot, fading), and
 * tell what was usual up to t-2. False without memory. */
bool sql_failing_learn(const struct sql_client *c, uint64_t sender, int64_t failed, int64_t *ret_usual);

#endif
