/* cage.h - what the reader takes from itself before it sees the first foreign byte. It cannot be undone.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_APART_CAGE_H
#define COSMOWATCH_APART_CAGE_H

#include "base/error.h"

/* All or nothing: without it there is no reader. */
MUST_CHECK int cage_enter(struct error *err);

#endif
