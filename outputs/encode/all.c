/* all.c - the catalogue of formats: one line each. The name is what stands under `format:`.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outputs/output.h"

#include <string.h>

extern const struct encoder encoder_json;

const struct encoder *const encoders_all[] = {
    &encoder_json,
    NULL,
};

const struct encoder *encoder_find(const char *name)
{
    for (size_t i = 0; encoders_all[i]; i++)
        if (strcmp(encoders_all[i]->name, name) == 0)
            return encoders_all[i];
    return NULL;
}
