/* backup_weakened - backups of an account made worse, or an expiry set on what a container holds.
 *
 * Why:     who wants to be paid takes the way back first: fewer backups, kept shorter, in one place. An expiry of some
 *          seconds deletes everything without one request to delete, and no log shows it.
 * Reads:   CDBControlPlaneRequests: backup columns of account operations (the state after the change), ResourceDetails of
 *          containers, graphs and tables. AzureActivity: who it was, where ClientRequestId is the row's ActivityId;
 *          deletions.
 * Judges:  against what closed intervals taught, only for the worse. BackupWeakened, Medium: a longer interval, a shorter
 *          retention, Geo to Zone to Local, a shorter tier of continuous backup; High when something in the account is
 *          deleted within a day after it. MassDelete.Ttl: a default time to live set, or cut; High below a day, else Medium;
 *          Medium also when it is below a minute, which is no cache's, and what it was before is not known.
 * Trust:   nobody: the row names no caller, and what it says is bad whoever did it.
 * Keeps:   the last state of accounts and containers, by closed intervals, and how often it fell; callers while rows may
 *          come.
 * Blind:   what was weak from the beginning. Young accounts, and containers whose creation was seen in the last two weeks.
 *          An account that went to and fro twice before. Expiry set with a key (data plane) leaves no such row.
 * Source:  "audit control plane operations" of the Cosmos DB documentation (the text of ResourceDetails, its query for
 *          changes of the time to live); ATT&CK T1490, T1485.001.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/map.h"
#include "base/num.h"
#include "base/timeutil.h"
#include "detectors/kit/deletion.h"
#include "detectors/kit/recent.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "settings/option.h"

#include <stdio.h>
#include <string.h>

#define TYPE "CosmosDBX_BackupWeakened"
#define TYPE_TTL "CosmosDBX_MassDelete.Ttl"
#define TEXT_KEPT 64
#define ID_KEPT 256
#define NEVER INT64_MAX /* items do not expire */
#define SHORT_S (24 * 3600)
#define SUDDEN_S 60
#define NEW_DAYS 14
#define HABIT_FALLS 2

struct backup_weakened {
    int sensitivity;
    int64_t swept_ns; /* saves work, judges nothing */
};

static const struct option_spec backup_weakened_options[] = {
    SENSITIVITY_OPTION(struct backup_weakened, "low: no longer intervals between backups, no time to live of a day and "
                       "more, none without a known state before; high: also what went to and fro before, and without a "
                       "known state already below a day"),
    { 0 },
};

/* ---- what is known: levels, of which more is better ---------------------------------------------- */

enum { LEVEL_INTERVAL, LEVEL_RETENTION, LEVEL_REDUNDANCY, LEVEL_TIER, LEVELS };
#define TTL 0 /* the only level of a container */

struct seen { int64_t ns, value; }; /* the last one of a slot; ns 0: none */
struct known { int64_t value, worst; int32_t is_known, fell_day; uint32_t falls, unused; };
struct opened { struct seen each[LEVELS]; int64_t born_ns; };
struct taught { struct known each[LEVELS]; int32_t born_day, unused; };
struct state { int32_t newest, unused; struct taught learned[2]; struct opened open[2]; };

static const struct baseline_memory state_memory = {
    .name = "backup_weakened.state", .version = 1, .size = sizeof(struct state), .max_keys = 100000,
};

static void fold_level(struct known *k, const struct seen *s, int32_t slot)
{
    if (!s->ns)
        return;
    if (k->is_known && slots_day(slot) - k->fell_day > HABIT_DAYS)
        k->falls = 0;
    if (k->is_known && s->value < k->value) {
        k->worst = k->falls == 0 || s->value < k->worst ? s->value : k->worst;
        k->falls++;
        k->fell_day = slots_day(slot);
    }
    k->value = s->value;
    k->is_known = 1;
}

static void fold(void *learned, const void *open, int32_t slot)
{
    struct taught *t = learned;
    const struct opened *o = open;

    for (size_t i = 0; i < LEVELS; i++)
        fold_level(&t->each[i], &o->each[i], slot);
    if (o->born_ns)
        t->born_day = slots_day(slot);
}

static const struct slots_kind state_kind = { .learned_size = sizeof(struct taught), .open_size = sizeof(struct opened),
                                              .fold = fold };

struct entered { struct taught learned; struct opened *open; int32_t day; }; /* open: NULL when late */

static bool enter(struct baseline *b, struct slice account, struct slice key, int64_t ns, struct entered *ret)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(ns, len);
    struct state *s = baseline_put(b, &state_memory, account, key, slice_empty(key) ? account : key, ns, NULL);
    enum slot_age age;

    if (!s)
        return false;
    age = slots_enter(&s->newest, slot, len, &state_kind, s->learned, s->open);
    memcpy(&ret->learned, slots_learned(&state_kind, s->learned, age), sizeof ret->learned);
    ret->open = slots_open(&state_kind, s->open, age);
    ret->day = slots_day(slot);
    return true;
}

static void see(struct entered *at, size_t level, int64_t ns, int64_t value)
{
    struct seen *s = at->open ? &at->open->each[level] : NULL;

    if (s && (ns > s->ns || (ns == s->ns && value < s->value)))
        *s = (struct seen){ .ns = ns, .value = value };
}

/* Worse than what was known, and not what it came back to twice before. */
static bool is_worse(const struct backup_weakened *d, const struct entered *at, size_t level, int64_t value)
{
    const struct known *k = &at->learned.each[level];
    bool is_habit = k->falls >= HABIT_FALLS && at->day - k->fell_day <= HABIT_DAYS && value >= k->worst;

    return k->is_known && value < k->value && (!is_habit || d->sensitivity == SENSITIVITY_HIGH);
}

/* ---- who it was ---------------------------------------------------------------------------------- */

static const struct baseline_memory call_memory = { /* of AzureActivity, by its clientRequestId */
    .name = "backup_weakened.call", .version = 1, .size = sizeof(struct change_by), .max_keys = 20000,
};

struct told { /* by the ActivityId of its rows */
    int64_t first_ns, last_ns;
    int32_t severity, confidence, api, is_ttl;
    char account[TEXT_KEPT], resource_id[ID_KEPT], subject[ID_KEPT];
};

static const struct baseline_memory told_memory = {
    .name = "backup_weakened.told", .version = 1, .size = sizeof(struct told), .max_keys = 20000,
};

#define KEPT_MAX 8
#define DELETION_REACH_NS NS_PER_DAY

struct near { /* of an account: what was told, and when something was deleted; the newest */
    uint32_t told_len, gone_len;
    struct told told[KEPT_MAX];
    int64_t gone[KEPT_MAX * 4];
};

static const struct baseline_memory near_memory = {
    .name = "backup_weakened.near", .version = 1, .size = sizeof(struct near), .max_keys = 2000,
};

static int emit(const struct told *t, struct fact_list *f, bool is_counted, const struct detector_context *ctx,
                struct error *err)
{
    if (is_counted)
        facts_add_number(f, "requests", FACT_SUM, 1);
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "backup_weakened", .state_version = 1, .type = t->is_ttl ? TYPE_TTL : TYPE,
        .severity = (enum severity)t->severity, .confidence = t->confidence, .api = (enum api)t->api,
        .account = slice_of(t->account), .resource_id = slice_of(t->resource_id), .subject = slice_of(t->subject),
        .bucket_ns = time_floor(t->first_ns, NS_PER_DAY), .first_ns = t->first_ns, .last_ns = t->last_ns,
        .count = is_counted, .is_aside = !is_counted, .facts = f->at, .facts_len = f->len }, err);
}

static bool is_followed(const struct told *t, int64_t gone_ns)
{
    return gone_ns >= t->first_ns && gone_ns - t->first_ns <= DELETION_REACH_NS;
}

static int tell_followed(const struct told *t, const struct detector_context *ctx, struct error *err)
{
    struct told graver = *t;
    struct fact_list f = { .len = 0 };

    graver.severity = SEVERITY_HIGH;
    graver.confidence = 85;
    facts_add_set(&f, "reason", SL("something in the account was deleted within a day after it"));
    return emit(&graver, &f, false, ctx, err);
}

/* Something in the account was deleted, by whomever. */
static int observe_deletion(const struct observation *obs, const struct detector_context *ctx, struct error *err)
{
    struct near *n = baseline_put(ctx->baseline, &near_memory, obs->text[F_ACCOUNT], SL(""), SL(""), obs->minute_ns, NULL);

    if (!n || ctx->is_backfill)
        return 0;
    recent_add(n->gone, sizeof n->gone[0], &n->gone_len, ARRAY_LEN(n->gone), &obs->minute_ns);
    for (uint32_t i = 0; i < n->told_len; i++)
        if (is_followed(&n->told[i], obs->minute_ns) && tell_followed(&n->told[i], ctx, err) < 0)
            return -1;
    return 0;
}

/* The other way round: the deletion's row came first. */
static int look_at_deletions(const struct told *t, const struct detector_context *ctx, struct error *err)
{
    struct near *n = baseline_put(ctx->baseline, &near_memory, slice_of(t->account), SL(""), SL(""), t->first_ns, NULL);
    bool is_one = false;

    if (!n)
        return 0;
    recent_add(n->told, sizeof n->told[0], &n->told_len, KEPT_MAX, t);
    for (uint32_t i = 0; i < n->gone_len; i++)
        is_one = is_one || is_followed(t, n->gone[i]);
    return is_one ? tell_followed(t, ctx, err) : 0;
}

/* One operation is two rows, Start and Complete, of one ActivityId. `f`: what it says. */
static int tell(const struct observation *obs, struct told *t, struct fact_list *f, const struct detector_context *ctx,
                struct error *err)
{
    struct slice id = slice_cut(obs_extra(obs, F_ACTIVITY_ID), TEXT_KEPT);
    const struct change_by *by = slice_empty(id) ? NULL : baseline_get(ctx->baseline, &call_memory, SL(""), id);
    struct told *known = NULL;
    bool is_new = true;

    t->first_ns = obs->first_ns;
    t->last_ns = obs->last_ns;
    t->api = (int32_t)obs->api;
    slice_keep(obs->text[F_ACCOUNT], t->account, sizeof t->account);
    slice_keep(obs->text[F_RESOURCE_ID], t->resource_id, sizeof t->resource_id);
    if (!slice_empty(id))
        known = baseline_put(ctx->baseline, &told_memory, obs->text[F_ACCOUNT], id, SL(""), obs->minute_ns, &is_new);
    if (known && is_new)
        *known = *t;
    facts_add_set(f, "activityId", id);
    if (by)
        change_add(f, by);
    if (emit(t, f, is_new, ctx, err) < 0)
        return -1;
    return look_at_deletions(t, ctx, err);
}

static int observe_activity(const struct observation *obs, const struct detector_context *ctx, struct error *err)
{
    struct slice id = slice_cut(obs_extra(obs, F_CLIENT_REQUEST_ID), TEXT_KEPT);
    struct fact_list f = { .len = 0 };
    const struct told *told;
    struct key_usual unused;
    struct key_event by;
    struct deletion del;
    struct change c;
    struct change_by *call;
    bool is_change = change_read(obs, &c);

    (void)key_event_read(obs, &by);
    key_event_note(ctx->baseline, &by, &unused);
    if (is_change && c.outcome == KEY_DONE && deletion_of_change(&c, &del))
        return observe_deletion(obs, ctx, err);
    if (slice_empty(id) || !is_change || c.outcome != KEY_DONE ||
        !change_is_under(&c, "microsoft.documentdb/databaseaccounts") || !slice_ends_nocase(c.operation, SL("/write")))
        return 0;
    call = baseline_put(ctx->baseline, &call_memory, SL(""), id, SL(""), obs->minute_ns, NULL);
    if (!call)
        return 0;
    *call = (struct change_by){ .caller = "" };
    change_keep(call, &c);
    told = baseline_get(ctx->baseline, &told_memory, c.by.account, id);
    if (!told || ctx->is_backfill)
        return 0;
    change_add(&f, call);
    return emit(told, &f, false, ctx, err);
}

/* ---- backups ------------------------------------------------------------------------------------- */

static bool is_young(const struct observation *obs, struct baseline *b)
{
    struct slice account = obs->text[F_ACCOUNT];

    return baseline_is_learning(b, account, obs->minute_ns) &&
           key_log_days(b, account, SL(""), obs->minute_ns) * NS_PER_DAY < baseline_cfg(b)->learn_ns;
}

static bool level_of(const struct observation *obs, size_t level, int64_t *ret)
{
    static const struct { const char *word; int64_t value; } words[] = {
        { .word = "Geo", .value = 3 }, { .word = "Zone", .value = 2 }, { .word = "Local", .value = 1 },
        { .word = "Continuous30Days", .value = 30 }, { .word = "Continuous7Days", .value = 7 },
    };
    static const enum field fields[LEVELS] = { [LEVEL_INTERVAL] = F_BACKUP_INTERVAL, [LEVEL_RETENTION] = F_BACKUP_RETENTION,
                                               [LEVEL_REDUNDANCY] = F_BACKUP_REDUNDANCY, [LEVEL_TIER] = F_BACKUP_TIER };
    struct slice text = slice_trim(obs_extra(obs, fields[level]));
    int64_t n = 0;

    if (level == LEVEL_INTERVAL || level == LEVEL_RETENTION) {
        if (!parse_i64(text, 1, 1000000, &n))
            return false;
        *ret = level == LEVEL_INTERVAL ? -n : n; /* the longer the worse */
        return true;
    }
    for (size_t i = level == LEVEL_TIER ? 3 : 0; i < ARRAY_LEN(words); i++)
        if (slice_eq_nocase(text, slice_of(words[i].word))) {
            *ret = words[i].value;
            return true;
        }
    return false;
}

static void name_level(struct buf *out, size_t level, int64_t value)
{
    static const char *const redundancies[] = { "?", "Local", "Zone", "Geo" };

    switch (level) {
    case LEVEL_INTERVAL: buf_addf(out, "%" PRId64 " min", -value); break;
    case LEVEL_RETENTION: buf_addf(out, "%" PRId64 " h", value); break;
    case LEVEL_REDUNDANCY: buf_add_str(out, redundancies[value & 3]); break;
    default: buf_addf(out, "%" PRId64 " days", value); break;
    }
}

static int judge_backup(const struct backup_weakened *d, const struct observation *obs, const struct detector_context *ctx,
                        struct error *err)
{
    static const char *const names[LEVELS] = { "interval", "retention", "redundancy", "continuous backup" };
    CLEANUP(buf_release) struct buf text = BUF_HERE(512);
    size_t starts[LEVELS + 1] = { 0 }, changes = 0;
    struct told t = { .severity = SEVERITY_MEDIUM, .confidence = 70 };
    struct fact_list f = { .len = 0 };
    struct entered at;

    if (!enter(ctx->baseline, obs->text[F_ACCOUNT], SL(""), obs->minute_ns, &at))
        return 0;
    for (size_t i = 0; i < LEVELS; i++) {
        int64_t value;

        if (!level_of(obs, i, &value))
            continue;
        see(&at, i, obs->minute_ns, value);
        if (!is_worse(d, &at, i, value) || (i == LEVEL_INTERVAL && d->sensitivity == SENSITIVITY_LOW))
            continue;
        buf_addf(&text, "%s from ", names[i]);
        name_level(&text, i, at.learned.each[i].value);
        buf_add_str(&text, " to ");
        name_level(&text, i, value);
        starts[++changes] = buf_slice(&text).len;
    }
    if (!changes || ctx->is_backfill || is_young(obs, ctx->baseline))
        return 0;
    for (size_t i = 0; i < changes; i++)
        facts_add_set(&f, "weakened", slice_make(buf_slice(&text).at + starts[i], starts[i + 1] - starts[i]));
    slice_keep(SL("backup"), t.subject, sizeof t.subject);
    return tell(obs, &t, &f, ctx, err);
}

/* ---- time to live -------------------------------------------------------------------------------- */

/* "{id:orders,partitionKey:{paths:[/pk]},defaultTtl:3600,...}": of the outermost braces. False: it is no such text. */
static bool ttl_of(struct slice text, int64_t *ret)
{
    struct slice word = SL("defaultTtl:");
    int depth = 0;

    *ret = NEVER;
    if (text.len < 2 || text.at[0] != '{')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        struct slice rest = slice_make(text.at + i, text.len - i), value;

        if (text.at[i] == '{' || text.at[i] == '[')
            depth++;
        else if (text.at[i] == '}' || text.at[i] == ']')
            depth--;
        else if (depth == 1 && (text.at[i - 1] == '{' || text.at[i - 1] == ',') && slice_starts_nocase(rest, word)) {
            size_t n = word.len;

            while (n < rest.len && rest.at[n] != ',' && rest.at[n] != '}')
                n++;
            value = slice_make(rest.at + word.len, n - word.len);
            if (!parse_i64(value, 1, INT32_MAX, ret))
                *ret = NEVER; /* -1, null, nothing: on, but nothing expires by itself */
        }
    }
    return depth == 0;
}

static void add_seconds(struct buf *out, int64_t s)
{
    if (s == NEVER)
        buf_add_str(out, "never");
    else if (s >= SHORT_S)
        buf_addf(out, "%" PRId64 " s (%" PRId64 " days)", s, s / SHORT_S);
    else
        buf_addf(out, "%" PRId64 " s", s);
}

static int judge_ttl(const struct backup_weakened *d, const struct observation *obs, const struct deletion *of,
                     bool is_creation, const struct detector_context *ctx, struct error *err)
{
    CLEANUP(buf_release) struct buf before = BUF_HERE(64), after = BUF_HERE(64);
    struct slice path = of->shown, account;
    struct told t = { .is_ttl = 1 };
    struct fact_list f = { .len = 0 };
    struct entered at;
    bool is_unknown;
    int64_t ttl, short_s;

    (void)slice_split(&path, '/', &account); /* what follows the account */
    if (!ttl_of(slice_trim(obs_extra(obs, F_RESOURCE_DETAILS)), &ttl) ||
        !enter(ctx->baseline, obs->text[F_ACCOUNT], path, obs->minute_ns, &at))
        return 0;
    see(&at, TTL, obs->minute_ns, ttl);
    if (is_creation) {
        if (at.open)
            at.open->born_ns = obs->minute_ns;
        return 0;
    }
    is_unknown = !at.learned.each[TTL].is_known;
    short_s = d->sensitivity == SENSITIVITY_HIGH ? SHORT_S : SUDDEN_S;
    if (ctx->is_backfill || ttl == NEVER || (at.learned.born_day && at.day - at.learned.born_day < NEW_DAYS) ||
        is_young(obs, ctx->baseline))
        return 0;
    if (is_unknown ? ttl >= short_s : !is_worse(d, &at, TTL, ttl))
        return 0;
    if (d->sensitivity == SENSITIVITY_LOW && (is_unknown || ttl >= SHORT_S))
        return 0;
    t.severity = ttl < SHORT_S && !is_unknown ? SEVERITY_HIGH : SEVERITY_MEDIUM;
    t.confidence = is_unknown ? 40 : 75;
    add_seconds(&after, ttl);
    facts_add_set(&f, "timeToLive", buf_slice(&after));
    if (!is_unknown) {
        add_seconds(&before, at.learned.each[TTL].value);
        facts_add_set(&f, "usualTimeToLive", buf_slice(&before));
    }
    facts_add_set(&f, "resources", of->shown);
    facts_add_set(&f, "reason", is_unknown ? SL("what it was before is not known: no earlier row says it")
                                           : SL("a default time to live was set or cut"));
    slice_keep(path, t.subject, sizeof t.subject);
    return tell(obs, &t, &f, ctx, err);
}

/* ---- the observation ----------------------------------------------------------------------------- */

static int observe_control(const struct backup_weakened *d, const struct observation *obs,
                           const struct detector_context *ctx, struct error *err)
{
    struct slice type = obs_extra(obs, F_OPERATION_TYPE);
    bool is_creation = slice_eq_nocase(type, SL("Create"));
    struct deletion of;

    if (slice_empty(obs->text[F_ACCOUNT]) || (obs->status != -1 && !obs_ok(obs)))
        return 0;
    if (deletion_of_control(obs, &of))
        return observe_deletion(obs, ctx, err);
    if (slice_starts_nocase(obs->text[F_OPERATION], SL("Account")))
        return judge_backup(d, obs, ctx, err);
    if ((!is_creation && !slice_eq_nocase(type, SL("Update"))) ||
        slice_find_nocase(obs->text[F_OPERATION], SL("Throughput")) != SIZE_MAX || !deletion_target(obs, &of))
        return 0;
    return judge_ttl(d, obs, &of, is_creation, ctx, err);
}

static const struct baseline_memory *const short_memories[] = { &call_memory, &told_memory, &near_memory,
                                                                &key_operations_memory, NULL };

static int backup_weakened_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                   struct error *err)
{
    struct backup_weakened *d = self;

    key_sweep(ctx, NS_PER_DAY, short_memories, &d->swept_ns);
    return obs->kind == OBS_ACTIVITY ? observe_activity(obs, ctx, err)
         : obs->kind == OBS_CONTROL  ? observe_control(d, obs, ctx, err) : 0;
}

static const char *const backup_weakened_types[] = { TYPE, TYPE_TTL, NULL };
static const struct baseline_memory *const backup_weakened_memories[] = {
    &state_memory, &call_memory, &told_memory, &near_memory, &key_habits_memory, &key_readers_memory,
    &key_operations_memory, NULL,
};

const struct detector_ops detector_backup_weakened = {
    .name = "backup_weakened",
    .summary = "backups made worse, or an expiry set that deletes what a container holds",
    .reads = OBS_ACTIVITY | OBS_CONTROL,
    .types = backup_weakened_types,
    .options = backup_weakened_options,
    .size = sizeof(struct backup_weakened),
    .memories = backup_weakened_memories,
    .observe = backup_weakened_observe,
};
