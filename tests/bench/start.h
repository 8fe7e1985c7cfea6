/* start.h - how long a start takes after a kill, with a store of a gigabyte.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BENCH_START_H
#define COSMOWATCH_BENCH_START_H

/* fn gets the seconds from the start to the moment when the first query can be asked, the bytes that were
 * read for it and the store's size. -1: it could not be measured. */
int bench_start(const char *folder, void (*fn)(void *self, const char *name, double value, const char *unit),
                void *self);

#endif
