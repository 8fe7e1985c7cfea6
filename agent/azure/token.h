/* token.h - an access token and the two ways Azure writes one down.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_TOKEN_H
#define COSMOWATCH_TOKEN_H

#include "base/error.h"
#include "base/secret.h"

struct token {
    struct secret access;
    int64_t lifetime_ms;    /* from the moment it was asked for */
    int64_t renew_after_ms; /* ask for the next one then */
};

/* The answer of the token endpoint or of a managed identity endpoint: JSON with access_token, and
 * expires_in and expires_on as numbers or texts, or one of them, or (then five minutes are assumed)
 * neither. wall_ns: our clock, or better the server's, against which expires_on is held. ERR_SERVER when
 * it is not such an answer; the message holds nothing of it. */
MUST_CHECK int token_parse(struct slice json, int64_t wall_ns, struct token *ret, struct error *err);

#endif
