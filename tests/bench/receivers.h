/* receivers.h - how fast alerts get from the durable store to an accepting receiver.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BENCH_RECEIVERS_H
#define COSMOWATCH_BENCH_RECEIVERS_H

/* The real delivery worker and a store on disk (folder: where it may live for the while), receivers on loopback. Wall
 * time from the start of the worker to the last alert noted as accepted, and the processor time of all of it (what other
 * programs on the machine take falls on the first alone). Beside it the receiver's own sender for the same
 * bytes, where it is installed. */
void bench_receivers(const char *folder, void (*fn)(void *self, const char *name, double value, const char *unit), void *self);

#endif
