/* all.c - the catalogue of formats: one line each. The name is what stands under `format:`.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outputs/output.h"

#include <string.h>

extern const struct encoder encoder_json;
extern const struct encoder encoder_defender;
extern const struct encoder encoder_asim;
extern const struct encoder encoder_sentinel;
extern const struct encoder encoder_common_security_log;
extern const struct encoder encoder_cef;
extern const struct encoder encoder_leef;
extern const struct encoder encoder_ocsf;
extern const struct encoder encoder_ecs;
extern const struct encoder encoder_cloudevents;

const struct encoder *const encoders_all[] = {
    &encoder_json,
    &encoder_defender,
    &encoder_asim,
    &encoder_sentinel,
    &encoder_common_security_log,
    &encoder_cef,
    &encoder_leef,
    &encoder_ocsf,
    &encoder_ecs,
    &encoder_cloudevents,
    NULL,
};

const struct encoder *encoder_find(const char *name)
{
    for (size_t i = 0; encoders_all[i]; i++)
        if (strcmp(encoders_all[i]->name, name) == 0)
            return encoders_all[i];
    return NULL;
}
