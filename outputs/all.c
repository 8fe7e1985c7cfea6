/* all.c - the catalogue of outputs: one line each. The name is what stands under `type:`.
 * SPDX-License-Identifier: Apache-2.0 */
#include "outputs/output.h"

extern const struct output_ops output_file;
extern const struct output_ops output_webhook;

const struct output_ops *const outputs_all[] = {
    &output_file,
    &output_webhook,
    NULL,
};
