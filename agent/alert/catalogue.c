/* catalogue.c - every alert type there is: the tables of catalogue_*.c, found by id.
 * SPDX-License-Identifier: Apache-2.0 */
#include "alert/catalogue.h"

#include "alert/catalogue_parts.h"

static const struct alert_type *const parts[] = {
    alert_types_defender,
    alert_types_agent,
    alert_types_access,
    alert_types_keys,
    alert_types_rights,
    alert_types_injection,
    alert_types_data,
    alert_types_defence,
    alert_types_destruction,
    alert_types_moves,
    alert_types_incident,
};

/* Spellings that were published once and may stand in old exports and rules. */
static const struct {
    const char *old_id, *id;
} renamed[] = {
    { "CosmosDB_SusiciousListKeys.MaliciousScript", "CosmosDB_SuspiciousListKeys.MaliciousScript" },
    { "CosmosDB_SuspiciousListKeys.SuspiciousPrincipal",
      "AzureCosmosDB_SuspiciousListKeys.SuspiciousPrincipal" },
};

const struct alert_type *alert_type_find(const char *id)
{
    for (size_t i = 0; i < ARRAY_LEN(renamed); i++)
        if (strcmp(id, renamed[i].old_id) == 0)
            id = renamed[i].id;
    for (size_t p = 0; p < ARRAY_LEN(parts); p++)
        for (const struct alert_type *t = parts[p]; t->id; t++)
            if (strcmp(id, t->id) == 0)
                return t;
    return NULL;
}

const struct alert_type *alert_type_at(size_t i)
{
    for (size_t p = 0; p < ARRAY_LEN(parts); p++)
        for (const struct alert_type *t = parts[p]; t->id; t++)
            if (i-- == 0)
                return t;
    return NULL;
}
