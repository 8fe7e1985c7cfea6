/* deliver.h - how fast an output is served, alone and beside one that is dead.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BENCH_DELIVER_H
#define COSMOWATCH_BENCH_DELIVER_H

/* Pairs of runs, one right after the other on the same machine, in turns of who is first. fn gets the alerts per second
 * of each kind and the ratios beside / alone of the rate and of the processor time for the same alerts (medians). -1: it could not be measured. */
int bench_deliver(int pairs, void (*fn)(void *self, const char *name, double value, const char *unit), void *self);

#endif
