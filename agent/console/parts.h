/* parts.h - sources with what of their time was read, outputs with their queues, feeds, judgement.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CONSOLE_PARTS_H
#define COSMOWATCH_CONSOLE_PARTS_H

#include "base/error.h"

struct view;

/* Nothing when the agent has not said anything of itself yet. */
MUST_CHECK int parts_add(struct view *v, int64_t now_ns, struct error *err);

#endif
