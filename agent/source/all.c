/* all.c - every kind of source. Add a line to add one.
 * SPDX-License-Identifier: Apache-2.0 */
#include "source/source.h"

extern const struct source_ops source_log_analytics;

const struct source_ops *const sources_all[] = {
    &source_log_analytics,
    NULL,
};
