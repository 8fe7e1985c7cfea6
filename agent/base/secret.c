/* secret.c - see secret.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/secret.h"

#include <stdlib.h>

void wipe(void *at, size_t len)
{
    if (len > 0)
        explicit_bzero(at, len);
}

bool secret_set(struct secret *s, struct slice value)
{
    char *at = value.len < SIZE_MAX ? malloc(value.len + 1) : NULL;

    if (!at)
        return false;
    if (value.len > 0)
        memcpy(at, value.at, value.len);
    at[value.len] = '\0';
    secret_release(s); /* after the copy: value may be the old content */
    s->at = at;
    s->len = value.len;
    return true;
}

void secret_release(struct secret *s)
{
    if (!s)
        return;
    if (s->at)
        wipe(s->at, s->len);
    free(s->at);
    *s = SECRET_INIT;
}

void secret_move(struct secret *to, struct secret *from)
{
    if (to == from)
        return;
    secret_release(to);
    *to = *from;
    *from = SECRET_INIT;
}
