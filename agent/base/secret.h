/* secret.h - a value that must not leave: no printf route, wiped on release.
 *
 * In the agent (secrets_guard) secrets lie in OpenSSL's secure heap: locked where the limit of locked memory allows,
 * left out of core dumps, between pages that nothing may touch. Without it, as in unit tests, or when it is full, they
 * lie in ordinary memory, wiped all the same.
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

/* Stars over every secret of the process that foreign text repeats, as it is or in base64, hexadecimal, percent or JSON
 * spelling, whole or a long part between / ? & ; = . and blank: answers are quoted in reasons and logs, and some receivers
 * quote what they were sent. Shorter ones are found in any text, and guessed as well. */
#define SECRET_HIDDEN_MIN 8
void secrets_hide(char *at, size_t len);

/* The variable's value, kept here from now on and wiped where the process got it, so that /proc/PID/environ and children
 * do not have it. Asked again, as after a reload, it is still there. Any thread. */
enum secret_env { SECRET_ENV_FOUND, SECRET_ENV_UNSET, SECRET_ENV_NOMEM };
enum secret_env secret_from_env(const char *name, struct secret *ret); /* found: perhaps empty */
bool secret_env_is_set(const char *name);                              /* and not empty */

/* First thing in main, before any library: no core dump, no debugger but root's, a locked place for secrets, and what
 * OpenSSL frees (keys, what went over TLS) is wiped. What cannot be had is done without. */
void secrets_guard(void);
/* free and realloc that leave nothing behind: for libraries that copy what we send. */
void wiping_free(void *at);
void *wiping_realloc(void *at, size_t size);

#endif
