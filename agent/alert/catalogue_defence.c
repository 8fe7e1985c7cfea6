/* catalogue_defence.c - types about a weakened defence: an opened network, and what logs or raises alarms put out of work.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"

const struct alert_type alert_types_defence[] = {
    { .id = NULL },
};
