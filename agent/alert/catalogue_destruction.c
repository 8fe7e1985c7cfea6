/* catalogue_destruction.c - data destroyed: through the data plane by who holds a key or a role there, and resources through
 * Azure Resource Manager.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue_parts.h"

const struct alert_type alert_types_destruction[] = {
    /* ---- documents, and containers through the data plane: mass_deletion ---- */
    /* ---- resources: resource_deletion ---- */
    { .id = NULL },
};
