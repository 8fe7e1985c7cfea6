/* role_granted - somebody who never did gives a right that opens the data: a data-plane role, a user of MongoDB, an Azure
 * role that reads keys; or takes the right to give them all.
 *
 * Why:     a right is the backdoor that outlives the key: it survives a rotation, and its holder reads with a token of
 *          his own. Who gives rights by habit (Terraform, onboarding, activations on demand) is known soon.
 * Reads:   AzureActivity: sqlRoleAssignments, sqlRoleDefinitions, mongodbUserDefinitions and mongodbRoleDefinitions written,
 *          Microsoft.Authorization/roleAssignments written, elevateAccess; CDBControlPlaneRequests: what a data-plane
 *          role allows, where, and to whom; data-plane requests with Entra ID: does the grantee read at once?
 * Judges:  a caller who gave no right of that kind in 60 days. Data roles: Medium (.AccountScope: the whole account;
 *          .Wildcard: a definition that allows all of a kind; .Assignment), Low for a definition that is no more than
 *          that; High when the caller gave it to itself, or when the grantee, who did not read this account before, reads
 *          within an hour. Azure roles: those of a list that read keys, restore, or give roles, on an account or on
 *          what is above one that we know: Medium, to oneself High. elevateAccess: High, also in a young log: it is
 *          rare and opens every subscription. The same assignment again is no news, unless it is now another's.
 * Trust:   a principal that gives rights, for everything here.
 * Keeps:   who gives what; assignments that were seen; for hours what the rows of one operation say, and who reads.
 * Blind:   the grantee of a data role without CDBControlPlaneRequests, and the caller without AzureActivity (then only
 *          what is wide is told, where the account never saw it); custom Azure roles, whose actions stand nowhere; a
 *          role that a group gets; a password of a cluster's administrator set anew; what a habitual caller gives.
 *          A young account or log: all but elevateAccess.
 * Source:  ATT&CK T1098.003, T1136.003, T1548.005; HackTricks, Azure Cosmos DB privilege escalation; Azure built-in roles
 *          reference; table references of AzureActivity and CDBControlPlaneRequests.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/map.h"
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/change.h"
#include "detectors/kit/recent.h"
#include "detectors/kit/role_grant.h"
#include "detectors/kit/sensitivity.h"
#include "enrich/caller.h"
#include "settings/option.h"

#include <stdio.h>
#include <string.h>

#define TYPE_DATA "CosmosDBX_DataRole"
#define TYPE_MONGO "CosmosDBX_MongoUserBackdoor"
#define TYPE_AZURE "CosmosDBX_AzureRoleGrant"
#define TYPE_ELEVATED "CosmosDBX_ElevatedAccess"
#define AT_ONCE_MIN 60
#define KEEP_NS NS_PER_DAY
#define KEY_MAX 96
#define ID_MAX 48

struct role_granted {
    int sensitivity;
    int64_t swept_ns; /* saves work, judges nothing */
};

static const struct option_spec role_granted_options[] = {
    SENSITIVITY_OPTION(struct role_granted, "low: only rights given to oneself or used at once, and elevated access; high: "
                       "who gives rights elsewhere is new to this account too"),
    { 0 },
};

/* ---- what is kept ------------------------------------------------------------------------------- */

enum kind { /* letters of memories: they stay */
    KIND_NONE, KIND_ASSIGNMENT = 'a', KIND_DEFINITION = 'd', KIND_MONGO = 'm', KIND_AZURE = 'z', KIND_ELEVATED = 'e',
};

enum flag {
    FLAG_DONE = 1, FLAG_UNUSUAL = 2, FLAG_TOLD = 4, FLAG_SEEN = 8 /* this assignment was there before */,
    FLAG_MOVED = 16 /* ... and was another's */, FLAG_WIDE = 32, FLAG_WILDCARD = 64, FLAG_SELF = 128, FLAG_AT_ONCE = 256,
    FLAG_NAMELESS = 512, /* no activity log says who */
};

struct given { /* one right, as the rows of its operation tell; empty texts are not known */
    int64_t first_ns, last_ns, day_ns;
    uint32_t flags, kind;
    struct change_by by;
    char object_id[ID_MAX], operation[CHANGE_OPERATION_MAX], changed[CHANGE_RESOURCE_MAX], resource[256];
    char grantee[ID_MAX], grantee_type[24], role[FEW_TEXT], scope[GRANT_SCOPE_MAX];
};

struct said { /* by a row of the control plane */
    int64_t at_ns;
    uint32_t flags, unused;
    char grantee[ID_MAX], grantee_type[24], role[FEW_TEXT], scope[GRANT_SCOPE_MAX];
};

#define WATCHED_MAX 8

struct watched { /* what somebody got in an account */
    uint32_t len, unused;
    struct watched_right { int64_t at_ns; char key[KEY_MAX]; } each[WATCHED_MAX];
};

static const struct baseline_memory habits_memory = {
    .name = "role_granted.habits",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 200000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

static const struct baseline_memory readers_memory = { /* principals that read an account */
    .name = "role_granted.readers",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 100000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

static const struct baseline_memory given_memory = {
    .name = "role_granted.given",
    .version = 1,
    .size = sizeof(struct given),
    .max_keys = 5000,
};

static const struct baseline_memory said_memory = {
    .name = "role_granted.said",
    .version = 1,
    .size = sizeof(struct said),
    .max_keys = 20000,
};

static const struct baseline_memory watched_memory = {
    .name = "role_granted.watched",
    .version = 1,
    .size = sizeof(struct watched),
    .max_keys = 10000,
};

static const struct baseline_memory reads_memory = { /* of one principal in an hour: a bit a minute */
    .name = "role_granted.reads",
    .version = 1,
    .size = sizeof(uint64_t),
    .max_keys = 50000,
};

static void lower(char *to, struct slice s, size_t max)
{
    to[slice_lower(s, to, max - 1).len] = '\0';
}

static struct slice key_of(char letter, struct slice text, char room[KEY_MAX])
{
    room[0] = letter;
    lower(room + 1, text, KEY_MAX - 1);
    return slice_of(room);
}

/* ---- what gives away what ------------------------------------------------------------------------ */

static enum kind kind_of(const struct change *c)
{
    if (change_is(c, "microsoft.documentdb/databaseaccounts/sqlroleassignments/write"))
        return KIND_ASSIGNMENT;
    if (change_is(c, "microsoft.documentdb/databaseaccounts/sqlroledefinitions/write"))
        return KIND_DEFINITION;
    if (change_is(c, "microsoft.documentdb/databaseaccounts/mongodbuserdefinitions/write") ||
        change_is(c, "microsoft.documentdb/databaseaccounts/mongodbroledefinitions/write"))
        return KIND_MONGO;
    if (change_is(c, "microsoft.authorization/elevateaccess/action"))
        return KIND_ELEVATED;
    return role_grant_is(c) ? KIND_AZURE : KIND_NONE;
}

/* Azure roles that read keys, restore into a new account, or give roles. Not Cosmos DB Operator: it is made not to. */
static const struct { const char *id, *name; } azure_roles[] = {
    { .id = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", .name = "Owner" },
    { .id = "b24988ac-6180-42a0-ab88-20f7382dd24c", .name = "Contributor" },
    { .id = "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", .name = "User Access Administrator" },
    { .id = "f58310d9-a9f6-439a-9e8d-f62e7b41a168", .name = "Role Based Access Control Administrator" },
    { .id = "5bd9cd88-fe45-4216-938b-f97437e15450", .name = "DocumentDB Account Contributor" },
    { .id = "fbdf93bf-df7d-467e-a4d2-9458aa1360c8", .name = "Cosmos DB Account Reader" },
    { .id = "5432c526-bc82-444a-b7ba-57c5b0b5b34f", .name = "CosmosRestoreOperator" },
};

static const char *azure_role(const char *id)
{
    for (size_t i = 0; i < ARRAY_LEN(azure_roles); i++)
        if (strcmp(id, azure_roles[i].id) == 0)
            return azure_roles[i].name;
    return NULL;
}

static struct slice data_role(struct slice id)
{
    if (slice_eq(id, SL("00000000-0000-0000-0000-000000000001")))
        return SL("Cosmos DB Built-in Data Reader");
    return slice_eq(id, SL("00000000-0000-0000-0000-000000000002")) ? SL("Cosmos DB Built-in Data Contributor") : id;
}

/* A star among the actions that are allowed; those that are taken out of them do not count. */
static bool has_wildcard(struct slice permissions)
{
    while (!slice_empty(permissions)) {
        size_t out = slice_find_nocase(permissions, SL("notdataactions")), end;
        struct slice allowed = slice_make(permissions.at, out == SIZE_MAX ? permissions.len : out);

        if (slice_find(allowed, SL("*")) != SIZE_MAX)
            return true;
        if (out == SIZE_MAX)
            return false;
        permissions = slice_make(permissions.at + out, permissions.len - out);
        end = slice_find(permissions, SL("]"));
        if (end == SIZE_MAX)
            return false;
        permissions = slice_make(permissions.at + end, permissions.len - end);
    }
    return false;
}

/* "/", "/dbs", or the account's whole id with nothing behind it. */
static bool is_whole_account(struct slice scope)
{
    size_t at = slice_find_nocase(scope, SL("/databaseaccounts/"));

    if (at != SIZE_MAX) {
        size_t name = at + strlen("/databaseaccounts/");
        size_t end = slice_find(slice_make(scope.at + name, scope.len - name), SL("/"));

        scope = end == SIZE_MAX ? SL("/") : slice_make(scope.at + name + end, scope.len - name - end);
    }
    while (scope.len > 1 && scope.at[scope.len - 1] == '/')
        scope.len--;
    return slice_eq(scope, SL("/")) || slice_eq_nocase(scope, SL("/dbs"));
}

/* ---- where accounts are -------------------------------------------------------------------------- */

/* False: it was noted in this hour, and what is above it with it. */
static bool note_place(struct baseline *b, struct slice place, int64_t time_ns)
{
    char room[KEY_MAX + GRANT_SCOPE_MAX];
    struct habit_view unused;

    room[0] = 'g';
    lower(room + 1, place, sizeof room - 1);
    if (habit_is_noted(b, &habits_memory, SL(""), slice_of(room), time_ns, &unused))
        return false;
    habit_note(b, &habits_memory, SL(""), slice_of(room), place, time_ns, NULL);
    return true;
}

/* The resource group and the subscription of an account: a role there opens the account. */
static void note_places(struct baseline *b, const struct observation *obs)
{
    struct slice id = obs->text[F_RESOURCE_ID], mark = SL("/resourcegroups/");
    size_t group = slice_find_nocase(id, SL("/providers/microsoft.documentdb/")), subscription;

    if (slice_empty(obs->text[F_ACCOUNT]) || group == SIZE_MAX || group >= GRANT_SCOPE_MAX)
        return;
    id = slice_make(id.at, group);
    if (!note_place(b, id, obs->minute_ns))
        return;
    subscription = slice_find_nocase(id, mark);
    if (subscription != SIZE_MAX)
        (void)note_place(b, slice_make(id.at, subscription), obs->minute_ns);
}

/* Is it an account, or above one that was seen before? A management group and the root are above all. */
static bool is_over_accounts(struct baseline *b, const char *scope, int64_t time_ns)
{
    struct slice s = slice_of(scope);
    char room[KEY_MAX + GRANT_SCOPE_MAX];
    struct habit_view v;

    if (slice_eq(s, SL("/")) || slice_starts(s, SL("/providers/microsoft.management/managementgroups/")) ||
        slice_find(s, SL("/microsoft.documentdb/")) != SIZE_MAX)
        return true;
    (void)snprintf(room, sizeof room, "g%s", scope);
    habit_look(b, &habits_memory, SL(""), slice_of(room), time_ns, &v);
    return v.is_known;
}

/* ---- telling ------------------------------------------------------------------------------------- */

static enum severity severity_of(const struct given *g)
{
    if (g->kind == KIND_ELEVATED || (g->flags & (FLAG_SELF | FLAG_AT_ONCE)))
        return SEVERITY_HIGH;
    return g->kind == KIND_DEFINITION && !(g->flags & FLAG_WILDCARD) ? SEVERITY_LOW : SEVERITY_MEDIUM;
}

static bool is_to_tell(const struct role_granted *d, const struct given *g)
{
    bool is_news = !(g->flags & FLAG_SEEN) || (g->flags & FLAG_MOVED);

    if (!(g->flags & FLAG_DONE) || !(g->flags & FLAG_UNUSUAL) || !is_news)
        return false;
    if ((g->flags & FLAG_NAMELESS) && !(g->flags & (FLAG_WIDE | FLAG_WILDCARD)))
        return false;
    return d->sensitivity != SENSITIVITY_LOW || severity_of(g) == SEVERITY_HIGH;
}

static const char *type_of(const struct given *g)
{
    switch (g->kind) {
    case KIND_MONGO: return TYPE_MONGO;
    case KIND_AZURE: return TYPE_AZURE;
    case KIND_ELEVATED: return TYPE_ELEVATED;
    default: return TYPE_DATA;
    }
}

static const char *variant_of(const struct given *g)
{
    if (g->kind == KIND_DEFINITION)
        return g->flags & FLAG_WILDCARD ? ".Wildcard" : ".Definition";
    if (g->kind == KIND_ASSIGNMENT)
        return g->flags & FLAG_WIDE ? ".AccountScope" : ".Assignment";
    return NULL;
}

static void add_reasons(struct fact_list *f, const struct given *g)
{
    static const struct { uint32_t flag; const char *reason; } reasons[] = {
        { .flag = FLAG_SELF, .reason = "the caller gave it to itself" },
        { .flag = FLAG_AT_ONCE, .reason = "the grantee, who did not use this account before, used it within an hour" },
        { .flag = FLAG_WIDE, .reason = "it holds for the whole account" },
        { .flag = FLAG_WILDCARD, .reason = "the definition allows every action of a kind" },
        { .flag = FLAG_MOVED, .reason = "the assignment was there and is another's now" },
    };

    if (g->kind == KIND_ELEVATED)
        facts_add_set(f, "reason", SL("it gives the right to give roles in every subscription"));
    facts_add_set(f, "reason", g->flags & FLAG_NAMELESS   ? SL("this account saw no such right given in 60 days")
                               : g->kind == KIND_ELEVATED ? SL("the caller is not known to do so")
                                                          : SL("the caller gave no such right in the 60 days before"));
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
        if (g->flags & reasons[i].flag)
            facts_add_set(f, "reason", slice_of(reasons[i].reason));
}

/* All that is known, each time more is: what the alert ends with does not hang on which row came first. */
static int tell(const struct role_granted *d, struct slice account, struct given *g, const struct detector_context *ctx,
                struct error *err)
{
    bool is_first = !(g->flags & FLAG_TOLD);
    enum severity severity = severity_of(g);
    struct fact_list f = { .len = 0 };
    struct slice subject = slice_of(g->by.caller[0] ? g->by.caller : g->grantee[0] ? g->grantee : g->role);

    if (ctx->is_backfill || !is_to_tell(d, g))
        return 0;
    g->flags |= FLAG_TOLD;
    change_add(&f, &g->by);
    facts_add_set(&f, "changed", slice_of(g->changed));
    facts_add_set(&f, "grantee", slice_of(g->grantee));
    facts_add_set(&f, "granteeType", slice_of(g->grantee_type));
    facts_add_set(&f, "grantedRole", slice_of(g->role));
    facts_add_set(&f, "grantedScope", slice_of(g->scope));
    add_reasons(&f, g);
    if (is_first) {
        facts_add_map(&f, "operations", slice_of(g->operation), 1);
        facts_add_number(&f, "requests", FACT_SUM, 1);
    }
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "role_granted", .state_version = 1, .type = type_of(g), .variant = variant_of(g), .severity = severity,
        .confidence = severity == SEVERITY_HIGH ? 80 : severity == SEVERITY_MEDIUM ? 60 : 50,
        .api = g->kind == KIND_MONGO                                        ? API_MONGODB
               : g->kind == KIND_ASSIGNMENT || g->kind == KIND_DEFINITION ? API_NOSQL
                                                                            : API_UNKNOWN,
        .account = account, .resource_id = slice_of(g->resource), .subject = subject,
        .bucket_ns = g->day_ns, .first_ns = g->first_ns, .last_ns = g->last_ns,
        .count = is_first ? 1 : 0, .is_aside = !is_first, .facts = f.at, .facts_len = f.len }, err);
}

/* ---- does the grantee read at once? --------------------------------------------------------------- */

static struct slice reads_key(struct slice who, int64_t hour, char room[KEY_MAX])
{
    int n = snprintf(room, KEY_MAX, "%.*s\x1f%" PRId64, SLF(slice_cut(who, ID_MAX)), hour);

    return slice_make(room, (size_t)n);
}

/* By the time of the grant: what was learned until then does not change any more. */
static bool is_reader_by_habit(struct baseline *b, struct slice account, struct slice who, int64_t at_ns)
{
    struct habit_view v;

    habit_look(b, &readers_memory, account, who, at_ns, &v);
    return v.is_known;
}

static bool has_read(struct baseline *b, struct slice account, struct slice who, int64_t at_ns)
{
    int64_t first = time_floor(at_ns, NS_PER_MIN) / NS_PER_MIN;

    for (int64_t minute = first; minute <= first + AT_ONCE_MIN; minute++) {
        char room[KEY_MAX];
        const uint64_t *minutes = baseline_get(b, &reads_memory, account, reads_key(who, minute / 60, room));

        if (!minutes)
            minute += 59 - minute % 60;
        else if (*minutes & (uint64_t)1 << minute % 60)
            return true;
    }
    return false;
}

static void watch(struct baseline *b, struct slice account, const struct said *s, struct slice key)
{
    struct watched *w = baseline_put(b, &watched_memory, account, slice_of(s->grantee), SL(""), s->at_ns, NULL);
    struct watched_right one = { .at_ns = s->at_ns };

    if (!w)
        return;
    for (size_t i = 0; i < w->len; i++)
        if (slice_eq(slice_of(w->each[i].key), key))
            return;
    lower(one.key, key, KEY_MAX);
    recent_add(w->each, sizeof w->each[0], &w->len, WATCHED_MAX, &one);
}

static int observe_request(const struct role_granted *d, const struct observation *obs, const struct detector_context *ctx,
                           struct error *err)
{
    struct baseline *b = ctx->baseline;
    struct slice account = obs->text[F_ACCOUNT], who;
    int64_t minute = time_floor(obs->minute_ns, NS_PER_MIN) / NS_PER_MIN;
    const struct watched *known;
    struct watched w;
    char room[ID_MAX], key[KEY_MAX];
    const uint64_t *seen;
    uint64_t *minutes, bit = (uint64_t)1 << minute % 60;

    if (ctx->is_counted_elsewhere || !obs_ok(obs) || slice_empty(obs->text[F_PRINCIPAL]) ||
        key_kind_parse(obs->text[F_KEY_KIND], NULL) != KEY_ENTRA)
        return 0;
    lower(room, obs->text[F_PRINCIPAL], sizeof room);
    who = slice_of(room);
    seen = baseline_get(b, &reads_memory, account, reads_key(who, minute / 60, key));
    if (seen && (*seen & bit))
        return 0; /* a right that came since has looked for it */
    habit_note(b, &readers_memory, account, who, who, obs->minute_ns, NULL);
    minutes = baseline_put(b, &reads_memory, account, reads_key(who, minute / 60, key), SL(""), obs->minute_ns, NULL);
    if (minutes)
        *minutes |= bit;
    known = baseline_get(b, &watched_memory, account, who);
    if (!known)
        return 0;
    w = *known;
    for (size_t i = 0; i < w.len; i++) {
        int64_t first = time_floor(w.each[i].at_ns, NS_PER_MIN) / NS_PER_MIN;
        struct given *g;

        if (minute < first || minute > first + AT_ONCE_MIN || is_reader_by_habit(b, account, who, w.each[i].at_ns))
            continue;
        if (!baseline_get(b, &given_memory, account, slice_of(w.each[i].key)))
            continue;
        g = baseline_put(b, &given_memory, account, slice_of(w.each[i].key), SL(""), obs->minute_ns, NULL);
        if (!g || (g->flags & FLAG_AT_ONCE))
            continue;
        g->flags |= FLAG_AT_ONCE;
        if (tell(d, account, g, ctx, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- who gave it: the activity log ----------------------------------------------------------------- */

/* What is above subscriptions is in no subscription's log: then any log that is old enough will do. */
static bool is_young(struct baseline *b, const struct change *c, const struct change_usual *u)
{
    return slice_empty(c->by.subscription) && slice_empty(c->by.account)
               ? key_log_days(b, SL(""), SL(""), c->by.obs->minute_ns) * NS_PER_DAY < baseline_cfg(b)->learn_ns
               : u->is_young;
}

static bool is_unusual(const struct role_granted *d, enum kind kind, const struct change *c,
                       const struct change_usual *u, const struct detector_context *ctx)
{
    bool is_here = d->sensitivity == SENSITIVITY_HIGH && !slice_empty(c->by.account);

    if (change_is_trusted(ctx, c) || (is_here ? u->caller_here : u->caller).is_known)
        return false;
    return kind == KIND_ELEVATED || !is_young(ctx->baseline, c, u);
}

static void add_caller(struct given *g, const struct change *c)
{
    const struct observation *obs = c->by.obs;

    if (!g->kind || obs->first_ns < g->first_ns)
        g->first_ns = obs->first_ns;
    if (!g->kind || obs->last_ns > g->last_ns)
        g->last_ns = obs->last_ns;
    change_keep(&g->by, c);
    change_keep_text(g->object_id, c->by.object_id, sizeof g->object_id);
    change_keep_text(g->operation, c->operation, sizeof g->operation);
    change_keep_text(g->changed, c->resource, sizeof g->changed);
    change_keep_text(g->resource, obs->text[F_RESOURCE_ID], sizeof g->resource);
}

static void add_said(struct given *g, const struct said *s)
{
    if (!g->kind || s->at_ns < g->first_ns)
        g->first_ns = s->at_ns;
    if (!g->kind || s->at_ns > g->last_ns)
        g->last_ns = s->at_ns;
    g->flags |= s->flags | FLAG_DONE;
    change_keep_text(g->grantee, slice_of(s->grantee), sizeof g->grantee);
    change_keep_text(g->grantee_type, slice_of(s->grantee_type), sizeof g->grantee_type);
    change_keep_text(g->role, slice_of(s->role), sizeof g->role);
    change_keep_text(g->scope, slice_of(s->scope), sizeof g->scope);
    if (g->grantee[0] && strcmp(g->grantee, g->object_id) == 0)
        g->flags |= FLAG_SELF;
}

/* Both halves of a data role are there. */
static void join(struct baseline *b, struct slice account, struct slice key, struct given *g, const struct said *s)
{
    struct slice who = slice_of(s->grantee);

    add_said(g, s);
    if (slice_empty(who))
        return;
    watch(b, account, s, key);
    if (!is_reader_by_habit(b, account, who, s->at_ns) && has_read(b, account, who, s->at_ns))
        g->flags |= FLAG_AT_ONCE;
}

/* The assignment's or definition's own id, where the row has it. */
static struct slice own_id(const struct change *c, const char *folder)
{
    size_t at = slice_find_nocase(c->resource, slice_of(folder));

    return at == SIZE_MAX ? SL("") : change_last_part(c->resource);
}

static struct slice id_of(enum kind kind, const struct change *c)
{
    return kind == KIND_ASSIGNMENT   ? own_id(c, "/sqlroleassignments/")
           : kind == KIND_DEFINITION ? own_id(c, "/sqlroledefinitions/")
           : kind == KIND_AZURE      ? own_id(c, "/roleassignments/")
                                     : SL("");
}

/* A control-plane row is found by the request it answers, or by the id of what it made. */
static struct slice operation_key(struct baseline *b, enum kind kind, const struct change *c, struct slice id,
                                  char room[KEY_MAX])
{
    struct slice request = obs_extra(c->by.obs, F_CLIENT_REQUEST_ID), correlation = obs_extra(c->by.obs, F_CORRELATED_ID);
    bool is_data = kind == KIND_ASSIGNMENT || kind == KIND_DEFINITION;
    int n;

    if (is_data && !slice_empty(slice_empty(request) ? id : request)) {
        struct slice key = slice_empty(request) ? key_of((char)kind, id, room) : key_of('r', request, room);
        const struct given *g = baseline_get(b, &given_memory, c->by.account, key);

        if (!g || slice_eq(slice_of(g->by.caller), c->by.caller)) /* the caller chose it: it may be somebody else's */
            return key;
    }
    if (slice_empty(correlation))
        correlation = obs_extra(c->by.obs, F_ACTIVITY_ID);
    n = snprintf(room, KEY_MAX, "c%c%016" PRIx64 "%.*s", (char)kind, hash64(c->resource.at, c->resource.len, 0),
                 SLF(slice_cut(correlation, 64)));
    return slice_make(room, (size_t)n);
}

/* Is this assignment there already? The same write again changes nothing. */
static bool was_seen(struct baseline *b, struct slice account, struct slice id, int64_t time_ns)
{
    char room[KEY_MAX];
    struct habit_view v;

    if (slice_empty(id))
        return false;
    habit_note(b, &habits_memory, account, key_of('i', id, room), id, time_ns, &v);
    return v.is_known;
}

/* The row of a right that was given; `grant`: an Azure role, else NULL. */
static int judge(const struct role_granted *d, enum kind kind, const struct change *c, const struct role_grant *grant,
                 const struct detector_context *ctx, struct error *err)
{
    struct baseline *b = ctx->baseline;
    struct slice account = c->by.account, id = id_of(kind, c), key;
    int64_t t = c->by.obs->minute_ns;
    const struct said *s;
    struct change_usual u;
    char room[KEY_MAX];
    bool is_seen = kind != KIND_DEFINITION && was_seen(b, account, id, t);
    struct given *g;

    change_note(b, &habits_memory, (char)kind, c, &u);
    key = operation_key(b, kind, c, id, room);
    g = baseline_put(b, &given_memory, account, key, SL(""), t, NULL);
    if (!g)
        return 0;
    g->day_ns = g->kind ? g->day_ns : time_floor(t, NS_PER_DAY);
    add_caller(g, c);
    g->kind = kind;
    g->flags |= is_unusual(d, kind, c, &u, ctx) ? FLAG_UNUSUAL : 0;
    g->flags |= is_seen ? FLAG_SEEN : 0;
    if (grant) {
        const char *name = azure_role(grant->role);
        struct said all = { .at_ns = grant->done_ns };

        change_keep_text(all.grantee, slice_of(grant->grantee), sizeof all.grantee);
        change_keep_text(all.grantee_type, slice_of(grant->grantee_type), sizeof all.grantee_type);
        change_keep_text(all.role, slice_of(name ? name : grant->role), sizeof all.role);
        change_keep_text(all.scope, slice_of(grant->scope), sizeof all.scope);
        add_said(g, &all);
    } else if (kind == KIND_ASSIGNMENT || kind == KIND_DEFINITION) {
        g->flags |= c->by.outcome == KEY_DONE ? FLAG_DONE : 0; /* of what was accepted the control plane says the end */
        s = baseline_get(b, &said_memory, account, key);
        if (s)
            join(b, account, key, g, s);
    } else {
        g->flags |= FLAG_DONE;
        change_keep_text(g->grantee, own_id(c, "/mongodbuserdefinitions/"), sizeof g->grantee);
        change_keep_text(g->role, own_id(c, "/mongodbroledefinitions/"), sizeof g->role);
    }
    return tell(d, account, g, ctx, err);
}

static int observe_azure(const struct role_granted *d, const struct change *c, const struct detector_context *ctx,
                         struct error *err)
{
    struct role_grant grant;
    struct observation whole = *c->by.obs;
    struct change granted = *c;

    if (!role_grant_add(ctx->baseline, c, &grant) || !azure_role(grant.role) ||
        !is_over_accounts(ctx->baseline, grant.scope, grant.done_ns))
        return 0;
    whole.minute_ns = grant.done_ns;
    whole.first_ns = grant.first_ns;
    whole.last_ns = grant.last_ns;
    granted.by.obs = &whole;
    granted.outcome = KEY_DONE;
    return judge(d, KIND_AZURE, &granted, &grant, ctx, err);
}

static int observe_activity(const struct role_granted *d, const struct observation *obs, const struct detector_context *ctx,
                            struct error *err)
{
    struct key_usual usual;
    struct change c;
    enum kind kind;

    (void)change_read(obs, &c); /* false of a Start, which says to whom a role is given */
    key_event_note(ctx->baseline, &c.by, &usual);
    kind = kind_of(&c);
    if (kind == KIND_NONE || slice_empty(c.by.caller) || c.by.tool == KEY_TOOL_MICROSOFT || c.outcome == KEY_REFUSED)
        return 0;
    if (kind == KIND_AZURE)
        return observe_azure(d, &c, ctx, err);
    return c.outcome == KEY_DONE ? judge(d, kind, &c, NULL, ctx, err) : 0;
}

/* ---- what was given: the control plane -------------------------------------------------------------- */

static enum kind kind_said(const struct observation *obs)
{
    struct slice op = obs->text[F_OPERATION];

    if (obs->status >= 400)
        return KIND_NONE;
    return slice_eq_nocase(op, SL("SqlRoleAssignmentCreateComplete"))   ? KIND_ASSIGNMENT
           : slice_eq_nocase(op, SL("SqlRoleDefinitionCreateComplete")) ? KIND_DEFINITION
                                                                        : KIND_NONE;
}

/* It was there, and with this role of this grantee it was not. */
static bool is_moved(struct baseline *b, struct slice account, struct slice id, const struct said *s)
{
    char room[KEY_MAX];
    struct habit_view any, this;

    habit_note(b, &habits_memory, account, key_of('s', id, room), id, s->at_ns, &any);
    (void)snprintf(room, sizeof room, "p%016" PRIx64 "%016" PRIx64 "%.*s", hash64(s->grantee, strlen(s->grantee), 0),
                   hash64(s->role, strlen(s->role), 0), SLF(slice_cut(id, ID_MAX)));
    habit_note(b, &habits_memory, account, slice_of(room), id, s->at_ns, &this);
    return any.is_known && !this.is_known;
}

/* Nobody's activity log is read for this account: what it never saw is told without a name. */
static int judge_nameless(const struct role_granted *d, enum kind kind, const struct observation *obs, struct slice key,
                          const struct said *s, const struct detector_context *ctx, struct error *err)
{
    struct baseline *b = ctx->baseline;
    struct slice account = obs->text[F_ACCOUNT];
    char letters[2] = { (char)kind, '-' }, room[KEY_MAX];
    struct habit_view here;
    struct given *g;

    habit_note(b, &habits_memory, account, slice_make(letters, 2), account, s->at_ns, &here);
    if (here.is_known || baseline_is_learning(b, account, s->at_ns) ||
        key_log_days(b, account, obs->text[F_RESOURCE_ID], s->at_ns) > 0)
        return 0;
    key = key_of('n', key, room); /* apart from what the activity log may say some day */
    g = baseline_put(b, &given_memory, account, key, SL(""), s->at_ns, NULL);
    if (!g)
        return 0;
    join(b, account, key, g, s);
    g->kind = kind;
    g->day_ns = time_floor(s->at_ns, NS_PER_DAY);
    g->flags |= FLAG_NAMELESS | FLAG_UNUSUAL;
    change_keep_text(g->operation, obs->text[F_OPERATION], sizeof g->operation);
    change_keep_text(g->resource, obs->text[F_RESOURCE_ID], sizeof g->resource);
    return tell(d, account, g, ctx, err);
}

static int observe_control(const struct role_granted *d, const struct observation *obs, const struct detector_context *ctx,
                           struct error *err)
{
    struct baseline *b = ctx->baseline;
    enum kind kind = kind_said(obs);
    struct slice account = obs->text[F_ACCOUNT], definition = change_last_part(obs_extra(obs, F_ROLE_DEFINITION_ID)), id;
    struct said s = { .at_ns = obs->minute_ns };
    char rooms[2][KEY_MAX], role[ID_MAX];
    struct slice keys[2] = { { 0 }, { 0 } };

    if (kind == KIND_NONE)
        return 0;
    lower(role, definition, sizeof role);
    id = kind == KIND_ASSIGNMENT ? change_last_part(obs_extra(obs, F_ROLE_ASSIGNMENT)) : slice_of(role);
    if (kind == KIND_ASSIGNMENT) {
        lower(s.grantee, obs_extra(obs, F_ROLE_ASSIGN_PRINCIPAL), sizeof s.grantee);
        change_keep_text(s.grantee_type, obs_extra(obs, F_ROLE_ASSIGN_PRINCIPAL_TYPE), sizeof s.grantee_type);
        change_keep_text(s.role, data_role(slice_of(role)), sizeof s.role);
        change_keep_text(s.scope, obs_extra(obs, F_ROLE_ASSIGN_SCOPE), sizeof s.scope);
        s.flags |= is_whole_account(slice_of(s.scope)) ? FLAG_WIDE : 0;
        s.flags |= !slice_empty(id) && is_moved(b, account, id, &s) ? FLAG_MOVED : 0;
    } else {
        change_keep_text(s.role, obs_extra(obs, F_ROLE_DEFINITION_NAME), sizeof s.role);
        change_keep_text(s.role, slice_of(role), sizeof s.role);
        s.flags |= has_wildcard(obs_extra(obs, F_ROLE_DEFINITION_PERMISSIONS)) ? FLAG_WILDCARD : 0;
    }
    if (!slice_empty(obs_extra(obs, F_ACTIVITY_ID)))
        keys[0] = key_of('r', obs_extra(obs, F_ACTIVITY_ID), rooms[0]);
    if (!slice_empty(id))
        keys[1] = key_of((char)kind, id, rooms[1]);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        struct said *kept = slice_empty(keys[i]) ? NULL
                                                 : baseline_put(b, &said_memory, account, keys[i], SL(""), s.at_ns, NULL);
        struct given *g;

        if (!kept)
            continue;
        *kept = s;
        if (!baseline_get(b, &given_memory, account, keys[i]))
            continue;
        g = baseline_put(b, &given_memory, account, keys[i], SL(""), s.at_ns, NULL);
        if (!g)
            continue;
        join(b, account, keys[i], g, &s);
        if (tell(d, account, g, ctx, err) < 0)
            return -1;
    }
    return slice_empty(keys[0]) && slice_empty(keys[1])
               ? 0
               : judge_nameless(d, kind, obs, slice_empty(keys[0]) ? keys[1] : keys[0], &s, ctx, err);
}

/* ---- the observation -------------------------------------------------------------------------------- */

static const struct baseline_memory *const short_memories[] = { &given_memory, &said_memory, &watched_memory, &reads_memory,
                                                                &role_grants_memory, NULL };

static int role_granted_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                struct error *err)
{
    struct role_granted *d = self;

    key_sweep(ctx, KEEP_NS, short_memories, &d->swept_ns);
    note_places(ctx->baseline, obs);
    if (obs->kind == OBS_REQUEST)
        return observe_request(d, obs, ctx, err);
    return obs->kind == OBS_CONTROL ? observe_control(d, obs, ctx, err) : observe_activity(d, obs, ctx, err);
}

static const char *const role_granted_types[] = { TYPE_DATA, TYPE_MONGO, TYPE_AZURE, TYPE_ELEVATED, NULL };
static const struct baseline_memory *const role_granted_memories[] = {
    &habits_memory, &readers_memory,     &given_memory,      &said_memory,        &watched_memory,
    &reads_memory,  &role_grants_memory, &key_habits_memory, &key_readers_memory, NULL,
};

const struct detector_ops detector_role_granted = {
    .name = "role_granted",
    .summary = "a right that opens the data, given by somebody who gives none",
    .reads = OBS_ACTIVITY | OBS_CONTROL | OBS_REQUEST,
    .types = role_granted_types,
    .options = role_granted_options,
    .size = sizeof(struct role_granted),
    .memories = role_granted_memories,
    .observe = role_granted_observe,
};
