/* provider.h - whose network a system number (ASN) is, where it is one from which anybody can rent a host.
 *
 * Source: the numbers' registrations and PeeringDB, as known in 2026; a provider that is not listed is
 * still told apart by its number, and by words in its name.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_PROVIDER_H
#define COSMOWATCH_KIT_PROVIDER_H

#include "base/slice.h"

enum provider_kind {
    PROVIDER_OTHER,       /* a carrier, a company, or nobody we know */
    PROVIDER_CLOUD,       /* a public cloud */
    PROVIDER_HOSTING,     /* rented servers, anonymous by the hour */
    PROVIDER_DATA_CENTER, /* by its name a data centre */
};

struct provider {
    const char *name; /* "Amazon Web Services"; "" when only the organisation is known */
    enum provider_kind kind;
    uint32_t id;      /* the same for all numbers of one provider */
};

/* org: as the place source writes it, may be empty. */
struct provider provider_find(int64_t asn, struct slice org);

#endif
