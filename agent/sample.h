/* sample.h - sample alerts of every type: marked as such in title and description, from addresses that are kept for
 * documentation, about an account `sample-cosmos`; never stored, learned from or counted.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SAMPLE_H
#define COSMOWATCH_SAMPLE_H

#include "alert/alert.h"

/* A sample of a catalogue type, with the facts its detector would give. ERR_NOT_FOUND for an unknown one. */
MUST_CHECK int sample_alert(const char *type, int64_t now_ns, struct alert **ret, struct error *err);

#endif
