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

void recent_add(void *each, size_t size, uint32_t *len, size_t max, const void *one)
{
    size_t at = 0;

    if (*len < max) {
        at = (*len)++;
    } else {
        for (size_t i = 1; i < max; i++)
            if (time_at(each, size, i) < time_at(each, size, at))
                at = i;
        if (time_at(one, size, 0) <= time_at(each, size, at))
            return;
    }
    memcpy((char *)each + at * size, one, size);
}
