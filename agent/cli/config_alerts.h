/* config_alerts.h - the alert types and options of detectors, for the manual.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CLI_CONFIG_ALERTS_H
#define COSMOWATCH_CLI_CONFIG_ALERTS_H

#include "base/buf.h"
#include "base/error.h"

/* Markdown of one detector, of "incidents" or of "agent"; who == NULL: of all of them. */
MUST_CHECK int config_alerts(struct buf *out, const char *who, struct error *err);

#endif
