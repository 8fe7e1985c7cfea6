/* slots.h - event time cut into slots, so that learning does not depend on the order of rows.
 *
 * Rows arrive late and out of order, but not later than the horizon H (baseline_config.horizon_ns). A
 * detector that compared a row with "what was learned so far" would judge differently after a restart,
 * a re-check or a different batch size. Hence: a slot is as long as H, and a row of slot t is judged
 * with what slots up to t-2 taught. A row of slot t-2 is at most H late, so it was seen before
 * the first row of slot t could be: what t-2 taught can no longer change when t is judged.
 *
 * State that follows this remembers the newest slot it has seen (s) and keeps
 *     what slots up to s-2 taught (to judge s),  what slots up to s-3 taught (to judge s-1),
 *     the open sums of s,                        the open sums of s-1,
 * and shifts them when s grows. slots_advance() says when and how often; it works on one int32_t in
 * the state. Learning must be a sum, a maximum or another thing that does not mind order *within* a
 * slot; slots are folded in ascending order, whatever the order of rows was.
 *
 * A slot is named by its first hour: hours since 1969-12-31T00 UTC, a multiple of the slot length. It is
 * a time, not a running number, so that a changed horizon does not turn kept state into nonsense. 0 is
 * "never", which is what a zeroed new struct says.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BASELINE_SLOTS_H
#define COSMOWATCH_BASELINE_SLOTS_H

#include "base/base.h"

struct baseline_config;

#define SLOT_NEVER 0

enum slot_age {
    SLOT_NOW = 0,    /* the newest slot s: judge with "up to s-2", add to the open sums of s */
    SLOT_BEFORE = 1, /* s-1: judge with "up to s-3", add to the open sums of s-1 */
    SLOT_LATE = 2,   /* older: judge with "up to s-3", do not learn (the baseline counts it) */
};

int32_t slots_len(const struct baseline_config *cfg);  /* hours in a slot: 1..24 */
int32_t slots_of(int64_t time_ns, int32_t len_hours);  /* slot that holds the time; > SLOT_NEVER */
int64_t slots_start_ns(int32_t slot);
/* Days since 1970 of a slot: a slot never spans two UTC days. */
int32_t slots_day(int32_t slot);

/* Make room for a row of `slot`: advance *newest to it when it is newer, and say where the row belongs.
 *
 * step(self, closed, next) is called once for each shift, in ascending order: slot `closed` can no longer
 * change (its open sums, those of "s-1", are to be folded into what was learned), `next` becomes the newest.
 * A pause of any length is at most three steps: after that every version says the same and every
 * sum is empty. `next` of the last step is `slot`. A new state (*newest SLOT_NEVER) takes no step. */
enum slot_age slots_advance(int32_t *newest, int32_t slot, int32_t len_hours,
                            void (*step)(void *self, int32_t closed, int32_t next), void *self);

#endif
