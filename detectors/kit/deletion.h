/* deletion.h - which resource did a row delete through Azure Resource Manager?
 *
 * A deletion leaves rows in AzureActivity, which names who did it, and one or two in CDBControlPlaneRequests, which
 * does not. Both name the resource by the same path below the account ("sqldatabases/shop/containers/orders").
 * Sources: Azure RBAC permissions reference (names of operations); "audit control plane operations" of the Cosmos DB
 * documentation (operation names, ResourceUri).
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef COSMOWATCH_KIT_DELETION_H
#define COSMOWATCH_KIT_DELETION_H

#include "detectors/kit/change.h"

#define DELETION_ID_MAX 400

struct deletion {
    const char *kind;    /* "accounts", "databases", "containers" ... */
    bool is_whole;       /* an account or a cluster, with everything in it */
    struct slice id;     /* of the resource, lower case; view into the room */
    struct slice shown;  /* for people: the account's name and what follows it; view into `id` */
    char room[DELETION_ID_MAX];
};

/* What a change deletes; false: nothing that holds data. Its outcome is the change's. */
bool deletion_of_change(const struct change *c, struct deletion *ret);
/* What a row of the control-plane table says was deleted; false also for what failed. */
bool deletion_of_control(const struct observation *obs, struct deletion *ret);
/* The database, container ... that a row of that table is about, whatever was done to it; false: none. */
bool deletion_target(const struct observation *obs, struct deletion *ret);
/* The same from an id that one of these gave, of something in an account, or the account itself. */
bool deletion_of_id(struct slice id, struct deletion *ret);

/* What a resource belongs to, and itself, as far as locks are put on it. */
#define DELETION_SCOPES 5
size_t deletion_scopes(struct slice id, struct slice ret[DELETION_SCOPES]);

#endif
