/* network_state.h - who an account lets in, as a row of the control plane says it, and what one state opens beyond another.
 *
 * Every row about the account carries the whole state after the change, not the change: two of them tell what was opened.
 * An empty list of addresses without the filter for virtual networks lets everybody in; 0.0.0.0 lets in whatever runs in
 * Azure, of any tenant. Single addresses are no news, the portal's own among them, so they are not kept.
 * Sources: table reference of CDBControlPlaneRequests; "configure an IP firewall" of the Cosmos DB documentation.
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_NETWORK_STATE_H
#define COSMOWATCH_KIT_NETWORK_STATE_H

#include "detectors/kit/few.h"
#include "fold/observation.h"

#define NETWORK_WIDE_BITS 16 /* a range with fewer is wide */
#define NETWORK_RANGES 12
#define NETWORK_RANGE_TEXT 20
#define NETWORK_ORIGINS 8

struct network_state { /* plain data; texts sorted; the same state is the same bytes */
    uint32_t flags, ranges, origins, unused;
    char range[NETWORK_RANGES][NETWORK_RANGE_TEXT]; /* the wide ones */
    char origin[NETWORK_ORIGINS][FEW_TEXT];         /* of CORS */
};

/* False: the row does not say who is let in. */
bool network_state_read(const struct observation *obs, struct network_state *ret);

enum network_opening {
    OPENED_ALL = 1,           /* all networks */
    OPENED_WHOLE_AZURE = 2,   /* whatever runs in Azure */
    OPENED_WIDE = 4,          /* a wide range of addresses */
    OPENED_VNET = 8,          /* the filter for virtual networks is off */
    OPENED_PRIVATE = 16,      /* no private endpoint any more */
    OPENED_CORS_ALL = 32,     /* web pages of any origin */
    OPENED_CORS = 64,         /* web pages of a new origin */
};
#define OPENED_NETWORK (OPENED_ALL | OPENED_WHOLE_AZURE | OPENED_WIDE | OPENED_VNET | OPENED_PRIVATE)
#define OPENED_ORIGINS (OPENED_CORS_ALL | OPENED_CORS)

/* What `to` lets in that `from` did not. New ranges and origins are added to the two, which may be NULL. */
uint32_t network_opened(const struct network_state *from, const struct network_state *to, struct few *ranges,
                        struct few *origins);

/* How many addresses are in first..last, of IPv4; 0 when that cannot be said. */
int64_t network_span(struct slice first, struct slice last);

#endif
