/* all.c - the detectors there are, in the order in which `cosmowatch` lists them.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/detector.h"

extern const struct detector_ops detector_bad_address, detector_sql_injection, detector_volume, detector_defender;

const struct detector_ops *const detectors_all[] = {
    &detector_bad_address,
    &detector_sql_injection,
    &detector_volume,
    &detector_defender,
    NULL,
};
