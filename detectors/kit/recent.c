/* recent.c - see recent.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/recent.h"

#include <string.h>

static int64_t time_at(const void *each, size_t size, size_t i)
{
    int64_t ns;

    memcpy(&ns, (const char *)each + i * size, sizeof ns);
    return ns;
}

size_t recent_place(const void *each, size_t size, uint32_t *len, size_t max, int64_t ns)
{
    size_t oldest = 0;

    if (*len < max)
        return (*len)++;
    for (size_t i = 1; i < max; i++)
        if (time_at(each, size, i) < time_at(each, size, oldest))
            oldest = i;
    return ns > time_at(each, size, oldest) ? oldest : SIZE_MAX;
}
