/* judge.h - what judging one query text costs. SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BENCH_JUDGE_H
#define COSMOWATCH_BENCH_JUDGE_H

/* For each dialect a statement of about 500 bytes: the first time a client sends it, the first time that its values
 * change, and again. Told as instructions (perf_event_open, user mode only), or, where the kernel does not let us
 * count, as nanoseconds of processor time: `unit` says which. */
void bench_judge(void (*fn)(void *self, const char *name, double value, const char *unit), void *self);

#endif
