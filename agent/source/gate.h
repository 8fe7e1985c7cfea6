/* gate.h - at most so many queries at a time for one credential.
 *
 * The service lets one principal run five queries at once, over all workspaces together; further ones
 * wait in its queue and count against us. Sources that share a principal share a gate, by its name.
 * Source: Azure Monitor "Log query limits" (read 2026-08). Threads: any.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_GATE_H
#define COSMOWATCH_GATE_H

#include "base/error.h"

struct gate;

/* The gate of that name, made when it is the first; the narrowest `width` of its users holds. */
MUST_CHECK int gate_open(const char *name, int64_t width, struct gate **ret, struct error *err);
void gate_close(struct gate *g); /* fine with NULL */
void gate_enter(struct gate *g); /* waits */
void gate_leave(struct gate *g);

#endif
