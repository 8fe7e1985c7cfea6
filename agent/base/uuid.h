/* uuid.h - names for things. Version 5 is computed from a name: the same name, the same uuid, on every
 * host and at any time. Version 4 is by chance.
 * Source: RFC 9562, sections 5.4 and 5.5.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_UUID_H
#define COSMOWATCH_UUID_H

#include "base/slice.h"

struct services;

/* Lower case, with dashes and NUL: 37 bytes. False when memory is refused (or OpenSSL has no SHA-1): `out` is as it was,
 * and nobody may go on without a name, for another one would be another thing. */
MUST_CHECK bool uuid_v5(const uint8_t ns[16], struct slice name, char out[37]);
void uuid_v4(const struct services *sv, char out[37]);
/* Eight-four-four-four-twelve hex digits, any case. */
bool uuid_is_valid(struct slice s);

#endif
