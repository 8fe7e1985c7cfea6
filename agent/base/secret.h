/* secret.h - a value that must not leave: no printf route, wiped on release.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_SECRET_H
#define COSMOWATCH_SECRET_H

#include "base/slice.h"

struct secret {
    char *at; /* NUL-terminated; reach it through secret_reveal only */
    size_t len;
};

#define SECRET_INIT ((struct secret){ 0 })

bool secret_set(struct secret *s, struct slice value); /* copies; false without memory */
void secret_release(struct secret *s);                 /* wipes, frees, empties */
void secret_move(struct secret *to, struct secret *from);
static inline bool secret_empty(const struct secret *s) { return s->len == 0; }
/* The plain value, for the one call that sends it. Never log, store or copy it elsewhere. */
static inline const char *secret_reveal(const struct secret *s) { return s->at ? s->at : ""; }
void wipe(void *at, size_t len); /* memset the compiler keeps */

#endif
