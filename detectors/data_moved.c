/* data_moved - data carried away by the service itself: restored elsewhere, copied, reached over a stranger's private line.
 *
 * Why:     who may administer an account needs no key and no query to take what is in it: a backup becomes an account of
 *          his own, a job copies a container, a private endpoint of another subscription is let in. No row of a request
 *          shows it.
 * Reads:   AzureActivity: restore, databaseAccounts/write with the body of a restore, dataTransferJobs, copyJobs, services,
 *          privateEndpointConnections, notebookWorkspaces. CDBControlPlaneRequests: PrivateEndpointConnections.
 * Judges:  RestoreElsewhere: High when the caller did nothing in this log in 60 days, or the row says that the copy goes
 *          into another subscription or a group in which nothing was administered in 200 days; else Low.
 *          CopyJob: a job, or the service for such jobs. Medium; Low where jobs are usual on the account; High when
 *          caller and jobs are new. Another service: Low, of a new caller alone.
 *          PartnerPrivateEndpoint: a subscription never seen, in the list of an account whose list was seen before or in
 *          the body of an approval: Medium; High when a new caller approves. Any approval by a new caller: Low.
 *          NotebookWorkspace: any use of what was withdrawn, from the first row on: Medium; refused: Low.
 *          Who did the same before is silent: in 200 days, for exercises come by calendar. Into another subscription, once
 *          for each of them. Subscriptions that are let in on three days or more are a habit of the account.
 * Trust:   a principal.
 * Keeps:   who did what (habits), groups and subscriptions that are administered or let in; bodies for a day.
 * Blind:   without the request's body (it stands in the row with which an operation begins, cut to BODY_MAX): where a
 *          restore goes, what a job copies, whose endpoint was approved. A region added: the row names no place that
 *          data goes to, nor who asked. Analytical store, Synapse Link and mirroring switched on by an account's update.
 * Source:  ATT&CK T1537, T1578, T1213.006, T1020, T1133, T1648; Azure RBAC permissions reference; resource reference of
 *          dataTransferJobs (source, destination, remoteAccountName, endpointUrl) and of services (serviceType).
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/change.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "settings/option.h"

#include <stdio.h>
#include <string.h>

#define NAME "data_moved"
#define RESTORE "CosmosDBX_RestoreElsewhere"
#define COPY "CosmosDBX_CopyJob"
#define ENDPOINT "CosmosDBX_PartnerPrivateEndpoint"
#define NOTEBOOK "CosmosDBX_NotebookWorkspace"
#define ACCOUNTS "microsoft.documentdb/databaseaccounts"
#define ENDPOINTS SL("private endpoints") /* subject: who decides on them and whose they are is one alert of an account */
#define HABIT_AT_HIGH 3  /* days that make a habit for who wants to hear more */
#define PARTNER_DAYS 3   /* days with new subscriptions that make them a habit of the account */
#define ENDPOINTS_MAX 32 /* of one list */

struct data_moved {
    int sensitivity;
    int64_t swept_ns; /* saves work, judges nothing */
};

static const struct option_spec data_moved_options[] = {
    SENSITIVITY_OPTION(struct data_moved, "low: Low findings are not told; high: also callers who did the same on fewer "
                       "than three days, and subscriptions let in where new ones are usual"),
    { 0 },
};

/* ---- memories ---------------------------------------------------------------------------------------------- */

enum kind { KIND_RESTORE = 'r', KIND_COPY = 'c', KIND_SERVICE = 's', KIND_APPROVAL = 'e', KIND_NOTEBOOK = 'n' };

static const struct baseline_memory who_memory = {
    .name = "data_moved.who",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 50000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

enum place { /* what a key of the memory of places names */
    PLACE_GROUP = 'g',        /* subscription/group in which something is administered */
    PLACE_SUBSCRIPTION = 'u', /* the same of a subscription */
    PLACE_RESTORED = 't',     /* a subscription that was restored into */
    PLACE_PARTNER = 'p',      /* a subscription whose private endpoint an account has */
    PLACE_LIST = 'l',         /* of an account: its list of private endpoints was seen */
    PLACE_TRIES = 'b',        /* of an account: a caller who was refused a notebook */
    PLACE_NEWS = 'n',         /* of an account: a subscription was let in that was not known */
};

static const struct baseline_memory place_memory = {
    .name = "data_moved.place",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 50000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

#define PLACE_MAX 160

static void note_place(struct baseline *b, struct slice account, enum place what, struct slice name, int64_t time_ns,
                       struct habit_view *ret)
{
    char room[PLACE_MAX];

    habit_note_long(b, &place_memory, account, habit_key((char)what, name, room, sizeof room),
                    slice_cut(name, PLACE_MAX - 1), time_ns, ret);
}

static bool is_known_place(struct baseline *b, enum place what, struct slice name, int64_t time_ns)
{
    struct habit_view v;
    char room[PLACE_MAX];

    habit_look_long(b, &place_memory, SL(""), habit_key((char)what, name, room, sizeof room), time_ns, &v);
    return v.is_known;
}

/* ---- names in a row ---------------------------------------------------------------------------------------- */

#define PART_MAX 128

/* The part of an id behind "/mark/", in lower case; empty when it has none. */
static struct slice part_of(struct slice id, const char *mark, char room[PART_MAX])
{
    struct slice m = slice_of(mark), part = { 0 };
    size_t at = slice_find_nocase(id, m);

    if (at == SIZE_MAX)
        return SL("");
    id = slice_make(id.at + at + m.len, id.len - at - m.len);
    (void)slice_split(&id, '/', &part); /* false: nothing behind the mark */
    part = slice_cut(part, PART_MAX);
    for (size_t i = 0; i < part.len; i++)
        room[i] = part.at[i] >= 'A' && part.at[i] <= 'Z' ? (char)(part.at[i] - 'A' + 'a') : part.at[i];
    return slice_make(room, part.len);
}

static struct slice subscription_of(struct slice id, char room[PART_MAX])
{
    return part_of(id, "/subscriptions/", room);
}

/* "subscription/group" of an id; empty when it names no group. */
static struct slice group_of(struct slice id, char room[2 * PART_MAX + 2])
{
    char subscription[PART_MAX], group[PART_MAX];
    struct slice s = subscription_of(id, subscription), g = part_of(id, "/resourcegroups/", group);
    int n = snprintf(room, 2 * PART_MAX + 2, "%.*s/%.*s", SLF(s), SLF(g));

    return slice_empty(g) ? SL("") : slice_make(room, (size_t)n);
}

/* What is in the account, as far as the row says: "datatransferjobs/nightly". */
static struct slice item_of(const struct change *c)
{
    return slice_cut(obs_extra(c->by.obs, F_RESOURCE_URI), 160);
}

/* ---- grounds ----------------------------------------------------------------------------------------------- */

struct grounds {
    const struct data_moved *d;
    const struct change *c;
    const struct detector_context *ctx;
    struct change_usual usual;
    bool is_repeat, is_stranger; /* stranger: the caller did nothing in this log for 60 days */
};

static bool is_habit(const struct grounds *g, const struct habit_view *v)
{
    return v->is_known && (g->d->sensitivity != SENSITIVITY_HIGH || v->days >= HABIT_AT_HIGH);
}

/* `who`: a letter for change_is_repeat(), of the row or of what its rows say together. */
static void look(const struct data_moved *d, const struct change *c, enum kind kind, char who,
                 const struct detector_context *ctx, struct grounds *ret)
{
    *ret = (struct grounds){ .d = d, .c = c, .ctx = ctx };
    change_note_long(ctx->baseline, &who_memory, (char)kind, c, &ret->usual);
    ret->is_repeat = change_is_repeat(ctx->baseline, c, who);
    ret->is_stranger = !ret->usual.by.active.is_known;
}

static bool may_tell(const struct grounds *g)
{
    return !g->ctx->is_backfill && !change_is_trusted(g->ctx, g->c);
}

static int tell(const struct grounds *g, const char *type, enum severity severity, struct slice subject, struct fact_list *f,
                struct error *err)
{
    struct change_alert a = { .detector = NAME, .type = type, .severity = severity, .confidence = change_confidence(severity),
                              .subject = subject, .is_counted = !g->is_repeat };

    if (!sensitivity_wants(g->d->sensitivity, a.confidence))
        return 0;
    facts_add_set(f, "item", item_of(g->c));
    if (g->is_stranger)
        facts_add_set(f, "reason", SL("the caller changed nothing that this log shows in 60 days"));
    return change_emit(&a, g->c, f, g->ctx, err);
}

/* ---- restored elsewhere ------------------------------------------------------------------------------------ */

struct restore { /* what the row says of it; empty: unsaid */
    struct slice source, source_subscription, source_region, target, target_subscription, target_group, target_region;
    char source_room[PART_MAX], source_subscription_room[PART_MAX], source_region_room[PART_MAX],
         target_subscription_room[PART_MAX], target_group_room[2 * PART_MAX + 2];
};

static bool restore_read(const struct change *c, struct restore *ret)
{
    bool is_write = change_is(c, ACCOUNTS "/write");
    struct slice from;

    if (!is_write && !change_is(c, "microsoft.documentdb/locations/restorabledatabaseaccounts/restore/action") &&
        !change_is(c, ACCOUNTS "/restore/action"))
        return false;
    if (is_write && !slice_eq_nocase(change_says(c, "createMode"), SL("Restore")))
        return false;
    *ret = (struct restore){ .target = SL("") };
    from = is_write ? change_says(c, "restoreSource") : c->resource;
    ret->source = part_of(from, "/restorabledatabaseaccounts/", ret->source_room);
    if (slice_empty(ret->source))
        ret->source = part_of(from, "/databaseaccounts/", ret->source_room);
    ret->source_subscription = subscription_of(from, ret->source_subscription_room);
    ret->source_region = part_of(from, "/locations/", ret->source_region_room);
    if (!is_write)
        return true;
    ret->target = c->by.account;
    ret->target_subscription = subscription_of(c->resource, ret->target_subscription_room);
    ret->target_group = group_of(c->resource, ret->target_group_room);
    ret->target_region = change_says(c, "location");
    return true;
}

/* "West Europe" and "westeurope" are one. */
static bool is_same_region(struct slice a, struct slice b)
{
    size_t i = 0, k = 0;

    for (;; i++, k++) {
        while (i < a.len && a.at[i] == ' ')
            i++;
        while (k < b.len && b.at[k] == ' ')
            k++;
        if (i == a.len || k == b.len)
            return i == a.len && k == b.len;
        if (!slice_eq_nocase(slice_make(a.at + i, 1), slice_make(b.at + k, 1)))
            return false;
    }
}

static int judge_restore(const struct data_moved *d, const struct change *row, const struct detector_context *ctx,
                         struct error *err)
{
    struct baseline *b = ctx->baseline;
    struct restore said, *r = &said;
    int64_t t = row->by.obs->minute_ns;
    struct change c = *row;
    struct habit_view into = { .is_known = false };
    struct fact_list f = { .len = 0 };
    struct grounds g;
    bool is_abroad, is_new_group;

    if (!restore_read(row, r))
        return 0;
    is_abroad = !slice_empty(r->target_subscription) && !slice_empty(r->source_subscription) &&
                !slice_eq(r->target_subscription, r->source_subscription);
    is_new_group = !slice_empty(r->target_group) && !is_known_place(b, PLACE_GROUP, r->target_group, t);
    c.by.account = SL(""); /* the copy is an account that nobody knows, the original has a number for a name */
    look(d, &c, KIND_RESTORE, slice_empty(r->target) ? 'm' : 'M', ctx, &g);
    if (c.outcome != KEY_DONE)
        return 0;
    if (is_abroad)
        note_place(b, SL(""), PLACE_RESTORED, r->target_subscription, t, &into);
    /* The log as a whole must be old enough; that of the subscription of the copy may be as new as the copy. */
    if (!may_tell(&g) || key_log_days(b, SL(""), SL(""), t) * NS_PER_DAY < baseline_cfg(b)->learn_ns)
        return 0;
    is_abroad = is_abroad && !is_habit(&g, &into);
    if (is_habit(&g, &g.usual.caller) && !is_abroad)
        return 0;
    facts_add_set(&f, "target", r->target);
    facts_add_set(&f, "targetGroup", r->target_group);
    facts_add_set(&f, "targetRegion", r->target_region);
    facts_add_set(&f, "source", r->source);
    facts_add_set(&f, "sourceRegion", r->source_region);
    if (is_abroad)
        facts_add_set(&f, "reason", SL("the copy is in another subscription than the original"));
    if (is_new_group)
        facts_add_set(&f, "reason", SL("nothing was administered in the copy's resource group in 200 days"));
    if (!slice_empty(r->target_region) && !slice_empty(r->source_region) &&
        !is_same_region(r->target_region, r->source_region))
        facts_add_set(&f, "reason", SL("the copy is in another region than the original"));
    return tell(&g, RESTORE, g.is_stranger || is_abroad || is_new_group ? SEVERITY_HIGH : SEVERITY_LOW, c.by.caller, &f,
                err);
}

/* ---- copied by a job, or by a service ----------------------------------------------------------------------- */

static int tell_copy(const struct data_moved *d, const struct change *c, bool is_said, const struct detector_context *ctx,
                     struct error *err)
{
    struct slice account = change_says(c, "remoteAccountName"), blob = change_says(c, "endpointUrl");
    bool is_within = !slice_empty(change_says(c, "component")) && slice_empty(account) && slice_empty(blob);
    struct fact_list f = { .len = 0 };
    enum severity severity;
    struct grounds g;

    look(d, c, KIND_COPY, is_said ? 'M' : 'm', ctx, &g);
    g.is_repeat = g.is_repeat || is_said; /* its row counts */
    if (c->outcome != KEY_DONE || !may_tell(&g) || g.usual.is_young || is_habit(&g, &g.usual.caller))
        return 0;
    if (g.is_stranger)
        severity = g.usual.here.is_known ? SEVERITY_MEDIUM : SEVERITY_HIGH;
    else
        severity = g.usual.here.is_known ? SEVERITY_LOW : SEVERITY_MEDIUM;
    if (is_said)
        facts_add_set(&f, "destination", slice_cut(slice_empty(account) ? blob : account, 160));
    if (is_said && is_within)
        facts_add_set(&f, "reason", SL("the job copies within the account, as the request says"));
    if (!g.usual.here.is_known)
        facts_add_set(&f, "reason", SL("no such job ran on this account in 200 days"));
    return tell(&g, COPY, severity, c->by.caller, &f, err);
}

static int judge_copy(const struct data_moved *d, const struct change *c, const struct detector_context *ctx,
                      struct error *err)
{
    return tell_copy(d, c, false, ctx, err);
}

static int judge_destination(const struct data_moved *d, const struct change *c, const struct detector_context *ctx,
                             struct error *err)
{
    return tell_copy(d, c, true, ctx, err);
}

static int judge_service(const struct data_moved *d, const struct change *c, const struct detector_context *ctx,
                         struct error *err)
{
    struct fact_list f = { .len = 0 };
    struct grounds g;

    if (slice_eq_nocase(item_of(c), SL("services/DataTransfer"))) /* the name of a service is its type */
        return judge_copy(d, c, ctx, err);
    look(d, c, KIND_SERVICE, 'm', ctx, &g);
    if (c->outcome != KEY_DONE || !may_tell(&g) || g.usual.is_young || !g.is_stranger || is_habit(&g, &g.usual.caller))
        return 0;
    facts_add_set(&f, "reason", SL("a service with a door of its own to the data was made, not one that copies them"));
    return tell(&g, COPY, SEVERITY_LOW, c->by.caller, &f, err);
}

/* ---- whose private endpoint --------------------------------------------------------------------------------- */

struct endpoints {
    struct slice rest, id;
    size_t left;
};

static bool is_end_of_id(char c)
{
    return c == '"' || c == '\\' || c == ',' || c == ';' || c == ' ' || c == ']' || c == '}' || c == '\'';
}

/* The next id of a private endpoint in a text that holds some, however it is written: a list, JSON, text in text. */
static bool endpoints_next(struct endpoints *e)
{
    size_t at;

    while (e->left > 0 && (at = slice_find_nocase(e->rest, SL("/subscriptions/"))) != SIZE_MAX) {
        size_t end = at;

        e->left--;
        while (end < e->rest.len && !is_end_of_id(e->rest.at[end]))
            end++;
        e->id = slice_make(e->rest.at + at, end - at);
        e->rest = slice_make(e->rest.at + end, e->rest.len - end);
        if (slice_find_nocase(e->id, SL("/privateendpoints/")) != SIZE_MAX)
            return true;
    }
    return false;
}

/* Is the subscription one that neither administers anything that the log shows nor has an endpoint of this account? It has
 * now; and where such news is a habit of the account it is none. */
static bool is_partner_new(const struct data_moved *d, struct baseline *b, struct slice account, struct slice subscription,
                           int64_t time_ns)
{
    struct habit_view here, news;

    note_place(b, account, PLACE_PARTNER, subscription, time_ns, &here);
    if (here.is_known || is_known_place(b, PLACE_SUBSCRIPTION, subscription, time_ns))
        return false;
    note_place(b, account, PLACE_NEWS, SL(""), time_ns, &news);
    return d->sensitivity == SENSITIVITY_HIGH || news.days < PARTNER_DAYS;
}

/* Somebody decides on an endpoint, whoever's it is: only a stranger is told, and little of him. */
static int judge_approval(const struct data_moved *d, const struct change *c, const struct detector_context *ctx,
                          struct error *err)
{
    struct fact_list f = { .len = 0 };
    struct grounds g;

    look(d, c, KIND_APPROVAL, 'm', ctx, &g);
    if (c->outcome != KEY_DONE || !may_tell(&g) || g.usual.is_young || !g.is_stranger || is_habit(&g, &g.usual.caller))
        return 0;
    return tell(&g, ENDPOINT, SEVERITY_LOW, ENDPOINTS, &f, err);
}

static int judge_partner(const struct data_moved *d, const struct change *c, const struct detector_context *ctx,
                         struct error *err)
{
    struct endpoints e = { .rest = obs_extra(c->by.obs, F_PROPERTIES), .left = ENDPOINTS_MAX };
    char own_room[PART_MAX], room[PART_MAX];
    struct slice own = subscription_of(c->resource, own_room), state = change_says(c, "status");
    struct grounds g;

    look(d, c, KIND_APPROVAL, 'M', ctx, &g);
    /* Where judge_approval() tells of the row it counts it as well. */
    g.is_repeat = g.is_repeat || (g.is_stranger && !is_habit(&g, &g.usual.caller) &&
                                  sensitivity_wants(d->sensitivity, change_confidence(SEVERITY_LOW)));
    if (slice_eq_nocase(state, SL("Rejected")) || slice_eq_nocase(state, SL("Disconnected")))
        return 0;
    while (endpoints_next(&e)) {
        struct slice whose = subscription_of(e.id, room);
        struct fact_list f = { .len = 0 };

        if (slice_empty(whose) || slice_eq(whose, own) ||
            !is_partner_new(d, ctx->baseline, c->by.account, whose, c->by.obs->minute_ns) || !may_tell(&g) ||
            g.usual.is_young)
            continue;
        facts_add_set(&f, "partner", whose);
        facts_add_set(&f, "endpoint", slice_cut(e.id, 200));
        if (tell(&g, ENDPOINT, g.is_stranger ? SEVERITY_HIGH : SEVERITY_MEDIUM, ENDPOINTS, &f, err) < 0)
            return -1;
        g.is_repeat = true; /* one row, one request, whomever it lets in */
    }
    return 0;
}

static int tell_list(const struct observation *obs, struct slice whose, struct slice endpoint, bool is_counted,
                     const struct detector_context *ctx, struct error *err)
{
    struct fact_list f = { .len = 0 };

    facts_add_set(&f, "partner", whose);
    facts_add_set(&f, "endpoint", slice_cut(endpoint, 200));
    facts_add_set(&f, "reason", SL("the account's list of private endpoints names a subscription that it never named"));
    facts_add_set(&f, "operationId", obs_extra(obs, F_ACTIVITY_ID));
    if (is_counted)
        facts_add_number(&f, "requests", FACT_SUM, 1);
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = NAME, .state_version = 1, .type = ENDPOINT, .severity = SEVERITY_MEDIUM, .confidence = 60,
        .api = obs->api, .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID], .subject = ENDPOINTS,
        .bucket_ns = time_floor(obs->minute_ns, NS_PER_DAY), .first_ns = obs->first_ns, .last_ns = obs->last_ns,
        .count = is_counted ? 1 : 0, .is_aside = !is_counted, .facts = f.at, .facts_len = f.len }, err);
}

/* The list is the account's state after an update, so it repeats; the first one that is seen says nothing. */
static int judge_list(const struct data_moved *d, const struct observation *obs, const struct detector_context *ctx,
                      struct error *err)
{
    struct slice account = obs->text[F_ACCOUNT], list = obs_extra(obs, F_PRIVATE_ENDPOINTS);
    struct endpoints e = { .rest = list, .left = ENDPOINTS_MAX };
    struct baseline *b = ctx->baseline;
    char own_room[PART_MAX], room[PART_MAX];
    struct slice own = subscription_of(obs->text[F_RESOURCE_ID], own_room);
    struct habit_view seen;
    bool is_young, is_first;

    if (slice_empty(account) || (obs->status >= 0 && !obs_ok(obs)) || slice_empty(own) ||
        (slice_empty(list) && !slice_starts_nocase(obs->text[F_OPERATION], SL("Account"))))
        return 0;
    note_place(b, account, PLACE_LIST, SL(""), obs->minute_ns, &seen);
    is_young = !seen.is_known || (ctx->is_learning && seen.age_days * NS_PER_DAY < baseline_cfg(b)->learn_ns);
    is_first = key_row_is_first(b, obs, "m"); /* begun and complete are two rows of one operation: either may carry the list */
    while (endpoints_next(&e)) {
        struct slice whose = subscription_of(e.id, room);

        if (slice_empty(whose) || slice_eq(whose, own) || !is_partner_new(d, b, account, whose, obs->minute_ns) ||
            is_young || ctx->is_backfill)
            continue;
        if (tell_list(obs, whose, e.id, is_first, ctx, err) < 0)
            return -1;
        is_first = false; /* one row, one request, however many it lets in */
    }
    return 0;
}

/* ---- notebooks ---------------------------------------------------------------------------------------------- */

static int judge_notebook(const struct data_moved *d, const struct change *c, const struct detector_context *ctx,
                          struct error *err)
{
    struct fact_list f = { .len = 0 };
    struct habit_view tries = { .is_known = false };
    struct grounds g;

    if (change_is(c, ACCOUNTS "/notebookworkspaces/delete"))
        return 0; /* tidying up */
    look(d, c, KIND_NOTEBOOK, 'm', ctx, &g);
    g.is_stranger = g.is_stranger && g.usual.by.is_logged;
    if (c->outcome != KEY_DONE) { /* who is refused each day is no news either */
        note_place(ctx->baseline, c->by.account, PLACE_TRIES, c->by.caller, c->by.obs->minute_ns, &tries);
        facts_add_set(&f, "reason", SL("it was refused"));
    }
    if (!may_tell(&g) || is_habit(&g, c->outcome == KEY_DONE ? &g.usual.caller_here : &tries))
        return 0;
    return tell(&g, NOTEBOOK, c->outcome == KEY_DONE ? SEVERITY_MEDIUM : SEVERITY_LOW, c->by.caller, &f, err);
}

/* ---- the observation ---------------------------------------------------------------------------------------- */

typedef int judge_fn(const struct data_moved *d, const struct change *c, const struct detector_context *ctx,
                     struct error *err);

static judge_fn *judge_of(const struct change *c)
{
    static const struct {
        const char *operation;
        judge_fn *judge;
    } judges[] = {
        { .operation = ACCOUNTS "/datatransferjobs/write", .judge = judge_copy },
        { .operation = ACCOUNTS "/copyjobs/write", .judge = judge_copy },
        { .operation = ACCOUNTS "/restore/action", .judge = judge_restore },
        { .operation = ACCOUNTS "/services/write", .judge = judge_service },
        { .operation = ACCOUNTS "/privateendpointconnections/write", .judge = judge_approval },
        { .operation = ACCOUNTS "/privateendpointconnectionsapproval/action", .judge = judge_approval },
    };

    for (size_t i = 0; i < ARRAY_LEN(judges); i++)
        if (change_is(c, judges[i].operation))
            return judges[i].judge;
    if (change_is(c, "microsoft.documentdb/locations/restorabledatabaseaccounts/restore/action"))
        return judge_restore;
    return change_is_under(c, ACCOUNTS "/notebookworkspaces") ? judge_notebook : NULL;
}

/* ---- what its rows say together ------------------------------------------------------------------------------- */

#define BODY_MAX 2000

/* The request's body stands in the row with which an operation begins; that it was done is said by another. Either may come
 * first. What the body adds is told beside what is told without it, and never takes anything back. */
struct body {
    int64_t first_ns, last_ns, done_ns;
    uint32_t len, unused;
    char text[BODY_MAX];
};

static const struct baseline_memory body_memory = {
    .name = "data_moved.body",
    .version = 1,
    .size = sizeof(struct body),
    .max_keys = 4000,
};

static judge_fn *judge_of_said(const struct change *c)
{
    if (slice_empty(c->by.account) || slice_empty(c->by.caller) || c->by.tool == KEY_TOOL_MICROSOFT)
        return NULL;
    if (change_is(c, ACCOUNTS "/write"))
        return judge_restore;
    if (change_is(c, ACCOUNTS "/datatransferjobs/write") || change_is(c, ACCOUNTS "/copyjobs/write"))
        return judge_destination;
    return change_is_under(c, ACCOUNTS "/privateendpointconnections") ||
                   change_is_under(c, ACCOUNTS "/privateendpointconnectionsapproval")
               ? judge_partner : NULL;
}

static bool has_body(const struct change *c)
{
    struct slice text = obs_extra(c->by.obs, F_PROPERTIES);

    return change_is(c, ACCOUNTS "/write") ? slice_eq_nocase(change_says(c, "createMode"), SL("Restore"))
                                           : slice_find_nocase(text, SL("requestbody")) != SIZE_MAX;
}

/* Add a row. True: it was done, now or before, and the body is known. */
static bool add_body(struct baseline *b, const struct change *c, struct body *ret)
{
    const struct observation *obs = c->by.obs;
    struct slice text = slice_cut(obs_extra(obs, F_PROPERTIES), BODY_MAX), correlation = obs_extra(obs, F_CORRELATED_ID);
    bool is_new = false;
    struct body *body;
    char room[96];
    int n = snprintf(room, sizeof room, "%.*s\x1f%016" PRIx64, SLF(slice_cut(correlation, 64)),
                     hash64(c->resource.at, c->resource.len, 0));

    if (c->outcome == KEY_REFUSED || (slice_empty(correlation) && c->outcome != KEY_DONE))
        return false;
    body = baseline_put(b, &body_memory, SL(""), slice_make(room, (size_t)n), SL(""), obs->minute_ns, &is_new);
    if (!body)
        return false;
    if (is_new || obs->first_ns < body->first_ns)
        body->first_ns = obs->first_ns;
    if (is_new || obs->last_ns > body->last_ns)
        body->last_ns = obs->last_ns;
    if (c->outcome == KEY_DONE && (!body->done_ns || obs->minute_ns < body->done_ns))
        body->done_ns = obs->minute_ns;
    if (!body->len && has_body(c)) {
        memcpy(body->text, text.at, text.len);
        body->len = (uint32_t)text.len;
    }
    *ret = *body;
    return body->done_ns && body->len;
}

static int judge_said(const struct data_moved *d, const struct change *row, const struct detector_context *ctx,
                      struct error *err)
{
    judge_fn *judge = judge_of_said(row);
    struct slice extra[F_COUNT - F_GROUP_COUNT];
    struct observation obs = *row->by.obs;
    struct change said = *row;
    struct body body;

    if (!judge || !obs.extra || !add_body(ctx->baseline, row, &body))
        return 0;
    memcpy(extra, obs.extra, sizeof extra);
    extra[F_PROPERTIES - F_GROUP_COUNT] = slice_make(body.text, body.len);
    obs.extra = extra;
    obs.minute_ns = body.done_ns;
    obs.first_ns = body.first_ns;
    obs.last_ns = body.last_ns;
    said.by.obs = &obs;
    said.outcome = KEY_DONE;
    return judge(d, &said, ctx, err);
}

/* ---- the observation ------------------------------------------------------------------------------------------ */

static int judge_change(const struct data_moved *d, const struct change *c, const struct detector_context *ctx,
                        struct error *err)
{
    char group_room[2 * PART_MAX + 2], room[PART_MAX];
    struct slice group = group_of(c->resource, group_room), subscription = subscription_of(c->resource, room);
    judge_fn *judge = judge_of(c);
    int64_t t = c->by.obs->minute_ns;
    struct key_usual unused;

    if (c->outcome == KEY_DONE && !slice_empty(group))
        note_place(ctx->baseline, SL(""), PLACE_GROUP, group, t, NULL);
    if (c->outcome == KEY_DONE && !slice_empty(subscription))
        note_place(ctx->baseline, SL(""), PLACE_SUBSCRIPTION, subscription, t, NULL);
    if (judge && (judge == judge_restore || !slice_empty(c->by.account)))
        return judge(d, c, ctx, err);
    key_event_note(ctx->baseline, &c->by, &unused);
    return 0;
}

static const struct baseline_memory *const short_memories[] = { &key_operations_memory, &body_memory, NULL };

static int data_moved_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                              struct error *err)
{
    struct data_moved *d = self;
    struct key_usual unused;
    struct key_event e;
    struct change c;

    key_sweep(ctx, NS_PER_DAY, short_memories, &d->swept_ns);
    if (obs->kind == OBS_CONTROL)
        return judge_list(d, obs, ctx, err);
    if (change_read(obs, &c)) {
        if (judge_change(d, &c, ctx, err) < 0)
            return -1;
        return judge_said(d, &c, ctx, err);
    }
    if (obs->kind == OBS_ACTIVITY && judge_said(d, &c, ctx, err) < 0)
        return -1;
    (void)key_event_read(obs, &e); /* whatever it is: that the log is read is learned */
    key_event_note(ctx->baseline, &e, &unused);
    return 0;
}

static const char *const data_moved_types[] = { RESTORE, COPY, ENDPOINT, NOTEBOOK, NULL };
static const struct baseline_memory *const data_moved_memories[] = {
    &who_memory, &place_memory, &body_memory, &key_habits_memory, &key_readers_memory, &key_operations_memory, NULL,
};

const struct detector_ops detector_data_moved = {
    .name = NAME,
    .summary = "data carried away by the service itself: restored, copied, let out over a private endpoint",
    .reads = OBS_ACTIVITY | OBS_CONTROL,
    .types = data_moved_types,
    .options = data_moved_options,
    .size = sizeof(struct data_moved),
    .memories = data_moved_memories,
    .observe = data_moved_observe,
};
