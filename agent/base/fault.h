/* fault.h - named places where the world is allowed to break, for tests.
 *
 * Built with -DCOSMOWATCH_FAULTS each place consults COSMOWATCH_FAULT, a list of "name:hit:action"
 * separated by ';'. hit is a number (the n-th time only), "n+" (from then on) or "*" (always).
 * action: kill (SIGKILL to ourselves), abort, error=ERRNO (a number or ENOSPC, EIO, ...), delay=ms.
 * COSMOWATCH_FAULT_LOG names a file that receives the name of each point when it is first reached, so
 * that a test can demand that every point is reached by some test.
 * Without it the places compile to nothing: not even their names are in the program.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_FAULT_H
#define COSMOWATCH_FAULT_H

#ifdef COSMOWATCH_FAULTS

/* 0, or the errno that this place is to behave as if it had met. Any thread. */
int fault_hit(const char *name);
/* Read the environment again and forget all counts (between two tests of one process). */
void fault_reset(void);

#define FAULT_POINT(name) ((void)fault_hit(name))
#define FAULT_ERRNO(name) fault_hit(name)

#else

#define FAULT_POINT(name) ((void)0)
#define FAULT_ERRNO(name) 0

#endif
#endif
