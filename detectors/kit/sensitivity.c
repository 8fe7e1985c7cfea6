/* sensitivity.c - see sensitivity.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/sensitivity.h"

#define SURE 50

const char *const sensitivity_words[] = { "low", "normal", "high", "medium", NULL };

int64_t sensitivity_count(int sensitivity, int64_t count, int64_t least)
{
    if (sensitivity == SENSITIVITY_LOW)
        return count > INT64_MAX / 2 ? INT64_MAX : 2 * count;
    if (sensitivity != SENSITIVITY_HIGH || count <= least)
        return count;
    return count / 2 > least ? count / 2 : least;
}

int64_t sensitivity_confidence(int sensitivity, int64_t confidence)
{
    if (sensitivity == SENSITIVITY_LOW)
        return confidence + (100 - confidence) / 2;
    return sensitivity == SENSITIVITY_HIGH ? confidence / 2 : confidence;
}

int32_t sensitivity_z10(int sensitivity)
{
    return sensitivity == SENSITIVITY_LOW ? 50 : sensitivity == SENSITIVITY_HIGH ? 20 : 30;
}

int32_t sensitivity_q(int sensitivity)
{
    return sensitivity == SENSITIVITY_LOW ? 5 : sensitivity == SENSITIVITY_HIGH ? 2 : 3;
}

bool sensitivity_wants(int sensitivity, int confidence)
{
    return sensitivity != SENSITIVITY_LOW || confidence >= SURE;
}
