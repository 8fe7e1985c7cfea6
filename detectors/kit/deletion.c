/* deletion.c - see deletion.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/deletion.h"

#include <string.h>

#define ACCOUNTS "microsoft.documentdb/databaseaccounts"

static const struct {
    const char *types; /* below the account or cluster; "" for itself */
    const char *kind;
} inside[] = {
    { .types = "/sqldatabases", .kind = "databases" },
    { .types = "/sqldatabases/containers", .kind = "containers" },
    { .types = "/mongodbdatabases", .kind = "databases" },
    { .types = "/mongodbdatabases/collections", .kind = "collections" },
    { .types = "/cassandrakeyspaces", .kind = "keyspaces" },
    { .types = "/cassandrakeyspaces/tables", .kind = "tables" },
    { .types = "/gremlindatabases", .kind = "databases" },
    { .types = "/gremlindatabases/graphs", .kind = "graphs" },
    { .types = "/tables", .kind = "tables" },
};

static const struct {
    const char *operation, *kind;
} whole[] = {
    { .operation = ACCOUNTS "/delete", .kind = "accounts" },
    { .operation = "microsoft.documentdb/mongoclusters/delete", .kind = "vCore clusters" },
    { .operation = "microsoft.documentdb/cassandraclusters/delete", .kind = "Cassandra clusters" },
};

static const char *kind_inside(struct slice types)
{
    for (size_t i = 0; i < ARRAY_LEN(inside); i++)
        if (slice_eq(types, slice_of(inside[i].types)))
            return inside[i].kind;
    return NULL;
}

static size_t add(char *room, size_t len, struct slice s)
{
    for (size_t i = 0; i < s.len && len < DELETION_ID_MAX; i++) {
        char c = s.at[i];

        room[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return len;
}

static void name(struct deletion *d, size_t len)
{
    static const char *const marks[] = { "/databaseaccounts/", "/mongoclusters/", "/cassandraclusters/" };

    while (len > 0 && d->room[len - 1] == '/')
        len--;
    d->id = d->shown = slice_make(d->room, len);
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        size_t at = slice_find(d->id, slice_of(marks[i]));

        if (at != SIZE_MAX) {
            at += strlen(marks[i]);
            d->shown = slice_make(d->room + at, len - at);
            return;
        }
    }
}

bool deletion_of_change(const struct change *c, struct deletion *ret)
{
    struct slice prefix = SL(ACCOUNTS), end = SL("/delete");

    *ret = (struct deletion){ .kind = NULL };
    for (size_t i = 0; i < ARRAY_LEN(whole); i++)
        if (change_is(c, whole[i].operation)) {
            ret->kind = whole[i].kind;
            ret->is_whole = true;
        }
    if (!ret->kind && slice_starts(c->operation, prefix) && slice_ends_nocase(c->operation, end) &&
        c->operation.len > prefix.len + end.len)
        ret->kind = kind_inside(slice_make(c->operation.at + prefix.len, c->operation.len - prefix.len - end.len));
    if (!ret->kind || slice_empty(c->by.account))
        return false;
    name(ret, add(ret->room, 0, c->resource));
    return ret->id.len > 0;
}

/* "sqldatabases/shop/containers/orders" -> "/sqldatabases/containers" */
static const char *kind_of_path(struct slice path)
{
    char types[DELETION_ID_MAX];
    struct slice rest = path, part;
    size_t len = 0;

    for (size_t n = 0; slice_split(&rest, '/', &part); n++) {
        if (n % 2)
            continue;
        len = add(types, len, SL("/"));
        len = add(types, len, part);
    }
    return kind_inside(slice_make(types, len));
}

static bool is_about_account(const struct observation *obs)
{
    return obs->kind == OBS_CONTROL && !slice_empty(obs->text[F_ACCOUNT]) && !slice_empty(obs->text[F_RESOURCE_ID]);
}

bool deletion_target(const struct observation *obs, struct deletion *ret)
{
    struct slice uri = obs_extra(obs, F_RESOURCE_URI);
    size_t len, from;

    *ret = (struct deletion){ .kind = NULL };
    if (!is_about_account(obs))
        return false;
    while (uri.len && uri.at[0] == '/')
        uri = slice_make(uri.at + 1, uri.len - 1);
    from = add(ret->room, add(ret->room, 0, obs->text[F_RESOURCE_ID]), SL("/"));
    len = add(ret->room, from, uri);
    ret->kind = kind_of_path(slice_make(ret->room + from, len - from));
    name(ret, len);
    return ret->kind != NULL;
}

bool deletion_of_control(const struct observation *obs, struct deletion *ret)
{
    *ret = (struct deletion){ .kind = NULL };
    if (!is_about_account(obs) || (obs->status != -1 && !obs_ok(obs)))
        return false;
    if (!slice_starts_nocase(obs->text[F_OPERATION], SL("AccountDelete")))
        return slice_eq_nocase(obs_extra(obs, F_OPERATION_TYPE), SL("Delete")) && deletion_target(obs, ret);
    ret->kind = "accounts";
    ret->is_whole = true;
    name(ret, add(ret->room, 0, obs->text[F_RESOURCE_ID]));
    return true;
}

bool deletion_of_id(struct slice id, struct deletion *ret)
{
    struct slice rest, account;

    *ret = (struct deletion){ .kind = NULL };
    name(ret, add(ret->room, 0, id));
    rest = ret->shown;
    (void)slice_split(&rest, '/', &account);
    ret->is_whole = slice_empty(rest);
    ret->kind = ret->is_whole ? "accounts" : kind_of_path(rest);
    return ret->kind != NULL;
}

/* The id up to and with the part behind the mark; the id itself when it goes no further. */
static struct slice up_to(struct slice id, struct slice mark)
{
    size_t at = slice_find(id, mark);

    if (at == SIZE_MAX)
        return SL("");
    for (at += mark.len; at < id.len && id.at[at] != '/'; at++)
        ;
    return slice_make(id.at, at);
}

static struct slice parent_of(struct slice id)
{
    for (int i = 0; i < 2; i++) {
        size_t n = id.len;

        while (n > 0 && id.at[n - 1] != '/')
            n--;
        id = slice_make(id.at, n > 0 ? n - 1 : 0);
    }
    return id;
}

size_t deletion_scopes(struct slice id, struct slice ret[DELETION_SCOPES])
{
    struct slice account = up_to(id, SL("/databaseaccounts/"));
    const struct slice each[DELETION_SCOPES] = {
        up_to(id, SL("/subscriptions/")), up_to(id, SL("/resourcegroups/")), account, parent_of(id), id,
    };
    size_t n = 0;

    for (size_t i = 0; i < DELETION_SCOPES; i++) {
        bool is_known = slice_empty(each[i]) || (i == 3 && each[3].len < account.len);

        for (size_t k = 0; k < n && !is_known; k++)
            is_known = slice_eq(ret[k], each[i]);
        if (!is_known)
            ret[n++] = each[i];
    }
    return n;
}
