/* bench.h - the hook by which the agent's detectors join the benchmark.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_BENCH_H
#define COSMOWATCH_BENCH_H

struct fold;

/* Judge one window's observations as the agent would; -1 on failure. Defined elsewhere when detectors
 * are linked in (weak here: without it, detect equals fold). */
int bench_detect(struct fold *f);

#endif
