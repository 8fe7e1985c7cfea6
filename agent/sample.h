/* sample.h - sample alerts: marked, from documentation addresses, never stored or learned.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SAMPLE_H
#define COSMOWATCH_SAMPLE_H

#include "alert/alert.h"

/* A sample of a catalogue type. ERR_NOT_FOUND for an unknown one. */
MUST_CHECK int sample_alert(const char *type, int64_t now_ns, struct alert **ret, struct error *err);

#endif
