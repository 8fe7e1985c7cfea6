/* role_grant.h - an Azure role given to somebody: what its rows say, put together.
 *
 * Microsoft.Authorization/roleAssignments/write leaves rows of one CorrelationId about one assignment: that of the Start
 * has the request's body, in which the role and the grantee stand; that it was granted is said by the Success alone. Either
 * may come first, and an assignment may fail and be tried again (a principal that is too young to be found), so it is
 * granted when there is a Success, whatever failed besides.
 * Sources: table reference of AzureActivity; Azure built-in roles reference (ids of roles).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_ROLE_GRANT_H
#define COSMOWATCH_KIT_ROLE_GRANT_H

#include "detectors/kit/change.h"

#define GUID_TEXT 37
#define GRANT_SCOPE_MAX 256

struct role_grant {
    int64_t first_ns, last_ns; /* of its rows so far, those that failed left out */
    int64_t done_ns;           /* of the first success */
    char grantee[GUID_TEXT];   /* object id, lower case */
    char role[GUID_TEXT];      /* role definition, lower case; "" when unsaid */
    char grantee_type[24];     /* "User", "ServicePrincipal", "Group"; "" when unsaid */
    char scope[GRANT_SCOPE_MAX]; /* lower case: "/", a management group, a subscription, what is in it */
};

extern const struct baseline_memory role_grants_memory; /* to be swept with the detector's short ones (key_sweep) */

/* Is it such an operation? For rows of any outcome. */
bool role_grant_is(const struct change *c);
/* Add a row, its Start too. True: it was granted and to whom is known, now or before; `ret` says what all rows do. */
bool role_grant_add(struct baseline *b, const struct change *c, struct role_grant *ret);

#endif
