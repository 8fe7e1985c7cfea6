/* caller.h - what the key column says about a caller.
 *
 * KeyType (direct mode) and AuthTokenType (gateway mode) share one set of words (azure-cosmosdb-java
 * AuthorizationTokenType.java); spelling varies ("ReadOnly" and "Readonly"), so compare without case.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_CALLER_H
#define COSMOWATCH_CALLER_H

#include "base/slice.h"

enum key_kind {
    KEY_UNSAID,         /* empty or "Invalid" */
    KEY_READ_WRITE,     /* account key, full rights */
    KEY_READ_ONLY,
    KEY_ENTRA,          /* AadToken: then the row names a principal */
    KEY_RESOURCE_TOKEN,
    KEY_SERVICE,        /* System...: the service talking to itself, not a customer's credential */
    KEY_OTHER,          /* a word we do not know */
};

/* *ret_name (may be NULL): the word in one spelling, static; "" when unsaid or unknown. */
enum key_kind key_kind_parse(struct slice word, const char **ret_name);

/* The service's own traffic: never learned, never alerted on. Only the key column can say so; the
 * user agent (Microsoft.Azure.Documents.Common) is the caller's word, and a thief can use it too. */
static inline bool caller_is_service(struct slice key_kind)
{
    return key_kind_parse(key_kind, NULL) == KEY_SERVICE;
}

#endif
