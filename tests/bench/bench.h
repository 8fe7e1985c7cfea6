/* bench.h - the hook by which the agent's detectors join the benchmark.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BENCH_H
#define COSMOWATCH_BENCH_H

struct fold;

/* Judge one window's observations as the agent would; -1 on failure. Defined elsewhere when detectors
 * are linked in (weak here: without it, detect equals fold). */
int bench_detect(struct fold *f);

/* Resident bytes that 100,000 distinct subjects (readers of a container) add to the baselines, divided by the
 * entries they make. */
double bench_bytes_per_subject(void);

#endif
