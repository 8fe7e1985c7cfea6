/* role_grant.c - see role_grant.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/role_grant.h"

#include "base/map.h"

#include <stdio.h>
#include <string.h>

#define ASSIGNMENTS "/providers/microsoft.authorization/roleassignments/"

const struct baseline_memory role_grants_memory = {
    .name = "rights.grants",
    .version = 1,
    .size = sizeof(struct role_grant),
    .max_keys = 20000,
};

/* 8-4-4-4-12 digits, at the end of the text: an id, or a path that ends with it. In lower case. */
static bool read_guid(struct slice text, char ret[GUID_TEXT])
{
    char room[GUID_TEXT];

    if (text.len < GUID_TEXT - 1)
        return false;
    for (size_t i = 0; i < GUID_TEXT - 1; i++) {
        bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = text.at[text.len - (GUID_TEXT - 1) + i];

        c = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
        if (is_dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        room[i] = c;
    }
    room[GUID_TEXT - 1] = '\0';
    memcpy(ret, room, GUID_TEXT);
    return true;
}

static void read_body(const struct change *c, struct role_grant *g)
{
    struct slice type = change_says(c, "principalType");

    if (!read_guid(change_says(c, "principalId"), g->grantee))
        return;
    (void)read_guid(change_says(c, "roleDefinitionId"), g->role); /* else it stays unsaid */
    if (type.len < sizeof g->grantee_type && !(type.len && memchr(type.at, '\0', type.len)))
        (void)snprintf(g->grantee_type, sizeof g->grantee_type, "%.*s", SLF(type));
}

/* ---- rows of one assignment --------------------------------------------------------------------- */

bool role_grant_is(const struct change *c)
{
    return change_is(c, "microsoft.authorization/roleassignments/write");
}

/* What stands before the assignment's own part of its id; the id itself where it has none. */
static void scope_of(struct slice resource, char ret[GRANT_SCOPE_MAX])
{
    size_t at = slice_find_nocase(resource, SL(ASSIGNMENTS));

    resource = at == SIZE_MAX ? resource : at == 0 ? SL("/") : slice_make(resource.at, at);
    ret[slice_lower(resource, ret, GRANT_SCOPE_MAX - 1).len] = '\0';
}

bool role_grant_add(struct baseline *b, const struct change *c, struct role_grant *ret)
{
    const struct observation *obs = c->by.obs;
    struct slice correlation = obs_extra(obs, F_CORRELATED_ID);
    char room[96];
    struct role_grant *g;
    int n;
    bool is_new = false;

    if (c->by.outcome == KEY_REFUSED)
        return false;
    if (slice_empty(correlation))
        correlation = obs_extra(obs, F_ACTIVITY_ID);
    n = snprintf(room, sizeof room, "%.*s\x1f%016" PRIx64, SLF(slice_cut(correlation, 64)),
                 hash64(c->resource.at, c->resource.len, 0));
    g = baseline_put(b, &role_grants_memory, SL(""), slice_make(room, (size_t)n), SL(""), obs->minute_ns, &is_new);
    if (!g)
        return false;
    if (is_new || obs->first_ns < g->first_ns)
        g->first_ns = obs->first_ns;
    if (is_new || obs->last_ns > g->last_ns)
        g->last_ns = obs->last_ns;
    if (!g->grantee[0])
        read_body(c, g);
    if (!g->scope[0])
        scope_of(c->resource, g->scope);
    if (c->by.outcome == KEY_DONE && (!g->done_ns || obs->minute_ns < g->done_ns))
        g->done_ns = obs->minute_ns;
    *ret = *g;
    return g->done_ns && g->grantee[0];
}
