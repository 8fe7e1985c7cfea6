/* encode.h - how fast alerts are encoded. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BENCH_ENCODE_H
#define COSMOWATCH_BENCH_ENCODE_H

struct alert;

/* Encode the alert with every format for about `seconds` each, on this core, and tell the rate and the size
 * of one document. */
void bench_encode(const struct alert *a, double seconds,
                  void (*fn)(void *self, const char *format, double per_second, unsigned long bytes), void *self);

#endif
