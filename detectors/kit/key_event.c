/* key_event.c - see key_event.h.
 * SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/key_event.h"

#include "base/buf.h"
#include "base/timeutil.h"
#include "detectors/kit/slots.h"
#include "enrich/enrich.h"
#include "enrich/prefix.h"
#include "record/secret_words.h"

#include <stdio.h>
#include <string.h>

/* ---- reading a row ----------------------------------------------------------------------------- */

static struct slice lower(struct slice s, char *room, size_t max)
{
    return slice_lower(slice_trim(s), room, max);
}

static bool has(struct slice s, struct slice part)
{
    return slice_find_nocase(s, part) != SIZE_MAX;
}

#define COSMOS SL("microsoft.documentdb/")

static const char *const secret_words[] = { SECRET_WORDS_ARRAY };

static enum key_action action_of(struct slice op)
{
    if (slice_starts_nocase(op, COSMOS)) {
        if (has(op, SL("/regeneratekey")))
            return KEY_ACTION_REGENERATE;
        if (has(op, SL("/readonlykeys")))
            return KEY_ACTION_LIST_READONLY;
        if (has(op, SL("/listkeys")) || has(op, SL("/listconnectionstrings")))
            return KEY_ACTION_LIST;
        return KEY_ACTION_NONE;
    }
    for (size_t i = 0; i < ARRAY_LEN(secret_words); i++)
        if (has(op, slice_of(secret_words[i])))
            return KEY_ACTION_ELSEWHERE;
    return KEY_ACTION_NONE;
}

/* "Start", "Success", "Failure" in newer rows; "Started", "Succeeded", "Failed" in older ones. "Accept" is how
 * the row of a long operation may end. */
static enum key_outcome outcome_of(const struct observation *obs, enum key_action action)
{
    struct slice status = obs_extra(obs, F_ACTIVITY_STATUS), sub = obs_extra(obs, F_ACTIVITY_SUBSTATUS);

    if (slice_empty(status))
        status = slice_eq_nocase(sub, SL("OK")) ? SL("Success") : sub;
    if (slice_starts_nocase(status, SL("Succe")))
        return KEY_DONE;
    if (slice_starts_nocase(status, SL("Fail")))
        return KEY_REFUSED;
    return action == KEY_ACTION_REGENERATE && slice_starts_nocase(status, SL("Accept")) ? KEY_DONE : KEY_PENDING;
}

static const struct {
    const char *id, *name;
    enum key_tool tool;
} tools[] = {
    { .id = "1950a258-227b-4e31-a9cf-717495945fc2", .name = "Azure PowerShell", .tool = KEY_TOOL_POWERSHELL },
    { .id = "04b07795-8ddb-461a-bbee-02f9e1bf7b46", .name = "Azure CLI", .tool = KEY_TOOL_CLI },
    { .id = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c", .name = "Azure portal", .tool = KEY_TOOL_PORTAL },
    { .id = "203f1145-856a-4232-83d4-a43568fba23d", .name = "Cosmos DB Explorer", .tool = KEY_TOOL_PORTAL },
    { .id = "4f8d3fcc-c1ad-411c-8421-c7a41b65ff5f", .name = "Cosmos DB in the portal", .tool = KEY_TOOL_PORTAL },
    { .id = "5b3b270a-b9ad-46e7-9bbb-a866897c4dc7", .name = "Azure portal", .tool = KEY_TOOL_PORTAL },
    { .id = "aebc6443-996d-45c2-90f0-388ff96faa56", .name = "Visual Studio Code", .tool = KEY_TOOL_PORTAL },
    { .id = "a232010e-820c-4083-83bb-3ace5fc29d0b", .name = "Azure Cosmos DB", .tool = KEY_TOOL_MICROSOFT },
    { .id = "57506a73-e302-42a9-b869-6f12d9ec29e9", .name = "Azure Cosmos DB", .tool = KEY_TOOL_MICROSOFT },
    { .id = "509e4652-da8d-478d-a730-e9d4a1996ca4", .name = "Azure Resource Graph", .tool = KEY_TOOL_MICROSOFT },
    { .id = "1d78a85d-813d-46f0-b496-dd72f50a3ec0", .name = "Azure Policy", .tool = KEY_TOOL_MICROSOFT },
    { .id = "6b5b3617-ba00-46f6-8770-1849282a189a", .name = "Defender for Cloud", .tool = KEY_TOOL_MICROSOFT },
    { .id = "bceea168-88ac-4736-95dc-4ce488ffe324", .name = "Defender for Cloud", .tool = KEY_TOOL_MICROSOFT },
    { .id = "73c2949e-da2d-457a-9607-fcc665198967", .name = "Microsoft Purview", .tool = KEY_TOOL_MICROSOFT },
    { .id = "e933bd07-d2ee-4f1d-933c-3752b819567b", .name = "Azure Monitor", .tool = KEY_TOOL_MICROSOFT },
    { .id = "11c174dc-1945-4a9a-a36b-c79a0f246b9b", .name = "Azure Monitor", .tool = KEY_TOOL_MICROSOFT },
    { .id = "c39c9bac-9d1f-4dfb-aa29-27f6365e5cb7", .name = "Azure Advisor", .tool = KEY_TOOL_MICROSOFT },
};

static void read_tool(struct key_event *e)
{
    e->tool = KEY_TOOL_OTHER;
    e->tool_name = "";
    for (size_t i = 0; i < ARRAY_LEN(tools); i++)
        if (slice_eq(e->app_id, slice_of(tools[i].id))) {
            e->tool = tools[i].tool;
            e->tool_name = tools[i].name;
        }
}

static struct slice subscription_of(struct slice named, struct slice resource_id, char room[FEW_TEXT])
{
    struct slice mark = SL("/subscriptions/"), rest = resource_id;

    if (slice_empty(named) && slice_starts_nocase(resource_id, mark)) {
        rest = slice_make(resource_id.at + mark.len, resource_id.len - mark.len);
        (void)slice_split(&rest, '/', &named); /* false: nothing behind the mark */
    }
    return lower(named, room, FEW_TEXT - 1);
}

bool key_event_read(const struct observation *obs, struct key_event *ret)
{
    struct slice op = obs->text[F_OPERATION], rest = op, provider = { 0 };
    struct slice caller = obs->text[F_PRINCIPAL];

    *ret = (struct key_event){ .obs = obs, .account = obs->text[F_ACCOUNT] };
    if (slice_empty(caller))
        caller = obs_extra(obs, F_OBJECT_ID);
    if (slice_empty(caller))
        caller = obs_extra(obs, F_APP_ID);
    (void)slice_split(&rest, '/', &provider); /* an empty operation has no provider */
    ret->caller = lower(caller, ret->caller_room, CALLER_MAX - 1);
    ret->app_id = lower(obs_extra(obs, F_APP_ID), ret->app_room, FEW_TEXT - 1);
    ret->object_id = lower(obs_extra(obs, F_OBJECT_ID), ret->object_room, FEW_TEXT - 1);
    ret->provider = lower(provider, ret->provider_room, FEW_TEXT - 1);
    ret->subscription = subscription_of(obs_extra(obs, F_SUBSCRIPTION_ID), obs->text[F_RESOURCE_ID],
                                        ret->subscription_room);
    ret->is_person = slice_find(ret->caller, SL("@")) != SIZE_MAX;
    ret->is_guest = has(ret->caller, SL("#ext#")) || slice_starts(ret->caller, SL("live.com#"));
    read_tool(ret);
    ret->action = action_of(op);
    ret->outcome = outcome_of(obs, ret->action);
    if (ret->action == KEY_ACTION_ELSEWHERE)
        ret->account = SL("");
    return ret->action != KEY_ACTION_NONE && ret->outcome != KEY_PENDING && !slice_empty(ret->caller) &&
           ret->tool != KEY_TOOL_MICROSOFT &&
           (ret->action == KEY_ACTION_ELSEWHERE || !slice_empty(ret->account));
}

struct slice key_event_operation(const struct key_event *e)
{
    struct slice op = e->obs->text[F_OPERATION];

    switch (e->action) {
    case KEY_ACTION_LIST: return has(op, SL("/listkeys")) ? SL("listKeys") : SL("listConnectionStrings");
    case KEY_ACTION_LIST_READONLY: return SL("readonlykeys");
    case KEY_ACTION_REGENERATE: return SL("regenerateKey");
    case KEY_ACTION_ELSEWHERE: return slice_cut(op, 160);
    case KEY_ACTION_NONE: break;
    }
    return slice_cut(op, 160);
}

/* ---- memories ---------------------------------------------------------------------------------- */

const struct baseline_memory key_habits_memory = {
    .name = "keys.habits",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 200000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

struct operation_seen { /* rows of regenerations */
    uint32_t accepted, done;
};

const struct baseline_memory key_operations_memory = {
    .name = "keys.operations",
    .version = 1,
    .size = sizeof(struct operation_seen),
    .max_keys = 200000,
};

#define READERS_MAX 8

struct readers_learned { /* the last ones, no order */
    struct { int32_t last; char caller[FEW_TEXT]; } each[READERS_MAX];
};

struct readers_open { /* the smallest ones of a slot */
    uint32_t len;
    char caller[READERS_MAX][FEW_TEXT];
};

struct readers {
    int32_t newest;
    struct readers_learned learned[2];
    struct readers_open open[2];
};

const struct baseline_memory key_readers_memory = {
    .name = "keys.readers",
    .version = 1,
    .size = sizeof(struct readers),
    .max_keys = 20000,
};

static void readers_fold(void *learned, const void *open, int32_t slot)
{
    struct readers_learned *l = learned;
    const struct readers_open *o = open;

    for (uint32_t i = 0; i < o->len; i++) {
        size_t at = 0;

        /* The same one, or the one longest ago. */
        for (size_t k = 0; k < READERS_MAX; k++) {
            if (strcmp(l->each[k].caller, o->caller[i]) == 0) {
                at = k;
                break;
            }
            if (l->each[k].last < l->each[at].last)
                at = k;
        }
        l->each[at].last = slot;
        memcpy(l->each[at].caller, o->caller[i], FEW_TEXT);
    }
}

static const struct slots_kind readers_kind = { .learned_size = sizeof(struct readers_learned),
                                                .open_size = sizeof(struct readers_open), .fold = readers_fold };

static void readers_note(struct baseline *b, const struct key_event *e)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(e->obs->minute_ns, len);
    struct readers *r = baseline_put(b, &key_readers_memory, e->account, SL(""), e->account, e->obs->minute_ns, NULL);
    struct few few = { 0 };
    struct readers_open *o;

    if (!r)
        return;
    o = slots_open(&readers_kind, r->open, slots_enter(&r->newest, slot, len, &readers_kind, r->learned, r->open));
    if (!o)
        return;
    for (uint32_t i = 0; i < o->len; i++)
        few_add(&few, slice_of(o->caller[i]));
    few_add(&few, e->caller);
    o->len = few.len < READERS_MAX ? few.len : READERS_MAX;
    for (uint32_t i = 0; i < o->len; i++)
        memcpy(o->caller[i], few.text[i], FEW_TEXT);
}

void key_readers_look(struct baseline *b, struct slice account, int64_t time_ns, struct few *ret)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(time_ns, len);
    const struct readers *known = baseline_get(b, &key_readers_memory, account, SL(""));
    const struct readers_learned *l;
    struct readers r;

    if (!known)
        return;
    r = *known;
    l = slots_learned(&readers_kind, r.learned,
                      slots_enter(&r.newest, slot, len, &readers_kind, r.learned, r.open));
    for (size_t i = 0; i < READERS_MAX; i++)
        if (l->each[i].last != SLOT_NEVER && slots_day(slot) - slots_day(l->each[i].last) <= HABIT_DAYS)
            few_add(ret, slice_of(l->each[i].caller));
}

/* ---- noting ------------------------------------------------------------------------------------ */

/* A letter for the kind of habit, then its parts, each with a byte between that no name holds. */
static struct slice pair_key(char kind, struct slice a, struct slice b, char room[2 * CALLER_MAX + 8])
{
    size_t n = 0;

    a = slice_cut(a, CALLER_MAX);
    b = slice_cut(b, CALLER_MAX);
    room[n++] = kind;
    if (a.len)
        memcpy(room + n, a.at, a.len);
    n += a.len;
    room[n++] = '\x1f';
    if (b.len)
        memcpy(room + n, b.at, b.len);
    return slice_make(room, n + b.len);
}

enum { HABIT_ACTIVE = 'c', HABIT_READS = 'k', HABIT_READS_HERE = 'r', HABIT_APPLICATION = 'q', HABIT_LOG = 'l' };

static void note(struct baseline *b, struct slice account, char kind, struct slice a, struct slice c, int64_t time_ns,
                 bool is_done, struct habit_view *ret)
{
    char room[2 * CALLER_MAX + 8];
    struct slice key = pair_key(kind, a, c, room);

    if (is_done)
        habit_note(b, &key_habits_memory, account, key, a, time_ns, ret);
    else
        habit_look(b, &key_habits_memory, account, key, time_ns, ret);
}

static bool is_old_enough(struct baseline *b, const struct habit_view *v)
{
    return v->is_known && v->age_days * NS_PER_DAY >= baseline_cfg(b)->learn_ns;
}

void key_event_note(struct baseline *b, const struct key_event *e, struct key_usual *ret)
{
    int64_t t = e->obs->minute_ns;
    bool is_read = (e->action == KEY_ACTION_LIST || e->action == KEY_ACTION_LIST_READONLY) &&
                   e->outcome == KEY_DONE;
    struct habit_view everywhere, here = { .is_known = false };

    *ret = (struct key_usual){ .is_logged = false };
    note(b, SL(""), HABIT_LOG, e->subscription, SL(""), t, true, &ret->log);
    note(b, SL(""), HABIT_LOG, SL("*"), SL("*"), t, true, &everywhere);
    if (!slice_empty(e->account))
        note(b, e->account, HABIT_LOG, SL("*"), SL("*"), t, true, &here);
    /* A quiet subscription may leave no row in weeks. Then it helps that another one's log is read for long,
     * if this account itself is no newcomer. */
    ret->is_logged = is_old_enough(b, &ret->log) ||
                     (is_old_enough(b, &everywhere) && !slice_empty(e->account) &&
                      !baseline_is_learning(b, e->account, t));
    if (!ret->log.is_known)
        ret->log = everywhere;
    if (slice_empty(e->caller))
        return;
    note(b, SL(""), HABIT_ACTIVE, e->caller, SL(""), t, e->outcome == KEY_DONE, &ret->active);
    if (!slice_empty(e->app_id))
        note(b, SL(""), HABIT_APPLICATION, e->caller, e->app_id, t, e->outcome == KEY_DONE, &ret->application);
    note(b, SL(""), HABIT_READS, e->caller, SL(""), t, is_read, &ret->reads);
    if (slice_empty(e->account))
        return;
    note(b, e->account, HABIT_READS_HERE, e->caller, SL(""), t, is_read, &ret->reads_here);
    note(b, e->account, HABIT_READS_HERE, e->caller, slice_empty(e->app_id) ? SL("-") : e->app_id, t, is_read,
         &ret->reads_here_so);
    if (is_read)
        readers_note(b, e);
}

bool key_event_is_learning(struct baseline *b, const struct key_event *e, const struct key_usual *usual)
{
    char room[2 * CALLER_MAX + 8];
    struct habit_view here;

    if (!usual->is_logged)
        return true;
    if (!baseline_is_learning(b, e->account, e->obs->minute_ns))
        return false;
    /* An account whose requests are not logged is seen only when somebody administers it, on too few days to
     * count as active. Its activity log being old enough is enough. */
    habit_look(b, &key_habits_memory, e->account, pair_key(HABIT_LOG, SL("*"), SL("*"), room), e->obs->minute_ns,
               &here);
    return !is_old_enough(b, &here);
}

int64_t key_log_days(struct baseline *b, struct slice account, struct slice resource_id, int64_t time_ns)
{
    char room[2 * CALLER_MAX + 8], subscription[FEW_TEXT];
    struct slice s = subscription_of(SL(""), resource_id, subscription);
    struct habit_view v, here;

    habit_look(b, &key_habits_memory, account, pair_key(HABIT_LOG, SL("*"), SL("*"), room), time_ns, &here);
    if (slice_empty(s))
        return here.age_days;
    habit_look(b, &key_habits_memory, SL(""), pair_key(HABIT_LOG, s, SL(""), room), time_ns, &v);
    return v.age_days > here.age_days ? v.age_days : here.age_days;
}

/* The caller chooses the correlation id, and some tools have one for all they do: regenerations are counted by their
 * rows. Of one operation there may be a row that it was accepted and one that it is done. */
static bool is_same_regeneration(struct operation_seen *seen, const struct key_event *e)
{
    uint32_t before = seen->accepted > seen->done ? seen->accepted : seen->done;
    bool is_accepted = slice_starts_nocase(obs_extra(e->obs, F_ACTIVITY_STATUS), SL("Accept"));
    uint32_t now = is_accepted ? ++seen->accepted : ++seen->done;

    return now <= before;
}

bool key_row_is_first(struct baseline *b, const struct observation *obs, const char *who)
{
    struct slice id = slice_cut(obs_extra(obs, F_ACTIVITY_ID), 64);
    char room[80];
    int n = snprintf(room, sizeof room, "%.4s\x1f%.*s", who, SLF(id));
    bool is_new = true;

    if (id.len)
        (void)baseline_put(b, &key_operations_memory, SL(""), slice_make(room, (size_t)n), SL(""), obs->minute_ns, &is_new);
    return is_new;
}

bool key_event_is_repeat(struct baseline *b, const struct key_event *e, char who)
{
    char room[512];
    struct slice correlation = obs_extra(e->obs, F_CORRELATED_ID), op = slice_cut(e->obs->text[F_OPERATION], 160);
    struct slice target = slice_empty(e->account) ? e->obs->text[F_RESOURCE_ID] : e->account;
    struct operation_seen *seen;
    int n;
    bool is_new = false;

    if (e->action == KEY_ACTION_REGENERATE && !key_row_is_first(b, e->obs, (const char[]){ who, '\0' }))
        return true;
    if (slice_empty(correlation))
        correlation = obs_extra(e->obs, F_ACTIVITY_ID);
    if (slice_empty(correlation))
        return false;
    target = slice_cut(target, 200);
    n = snprintf(room, sizeof room, "%c%d\x1f%.*s\x1f%.*s\x1f", who, (int)e->outcome, SLF(slice_cut(correlation, 64)),
                 SLF(target));
    if (n < 0 || (size_t)n + op.len > sizeof room)
        return false;
    op = lower(op, room + n, op.len);
    seen = baseline_put(b, &key_operations_memory, SL(""), slice_make(room, (size_t)n + op.len), SL(""), e->obs->minute_ns,
                        &is_new);
    if (!seen)
        return false;
    return e->action == KEY_ACTION_REGENERATE ? is_same_regeneration(seen, e) : !is_new;
}

bool key_event_is_trusted(const struct enrich *enrich, const struct key_event *e)
{
    const struct slice names[] = { e->caller, e->app_id };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (!slice_empty(names[i]) &&
            enrich_trusts(enrich, TRUSTED_KEY_READER, e->account, names[i], e->obs->minute_ns))
            return true;
    return false;
}

/* ---- tidying up -------------------------------------------------------------------------------- */

void key_sweep(const struct detector_context *ctx, int64_t keep_ns, const struct baseline_memory *const *memories,
               int64_t *swept_ns)
{
    int64_t horizon_ns = slots_len(baseline_cfg(ctx->baseline)) * NS_PER_HOUR;

    /* A backfill reads what lies far behind the watermark: it is not over. */
    if (ctx->is_backfill || ctx->watermark_ns == INT64_MAX || ctx->watermark_ns < *swept_ns + horizon_ns)
        return;
    *swept_ns = ctx->watermark_ns;
    for (; *memories; memories++)
        baseline_expire(ctx->baseline, *memories, ctx->watermark_ns - keep_ns - 3 * horizon_ns);
}

/* ---- networks ---------------------------------------------------------------------------------- */

bool network_of(struct slice text, struct network_of *ret)
{
    struct address a;
    struct prefix p;

    if (!address_parse(text, &a) || enrich_is_private_address(&a))
        return false;
    ret->is_v4 = address_is_v4(&a);
    p = prefix_of(&a, ret->is_v4 ? 96 + 24 : 64);
    prefix_format(&p, ret->near);
    p = prefix_of(&a, ret->is_v4 ? 96 + 16 : 40);
    prefix_format(&p, ret->wide);
    return true;
}
