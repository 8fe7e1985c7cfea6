/* resource_deletion - accounts, databases, containers deleted by somebody who does not do that, and locks removed before.
 *
 * Why:     the end of an extortion, and of an angry administrator, is to delete what holds the data. Pipelines delete
 *          too, every day: whose habit it is, and how much at once, tells them apart.
 * Reads:   AzureActivity: deletions and locks/delete. CDBControlPlaneRequests: deletions, where the activity log of the
 *          subscription is not read, or did not bring the same deletion until no late row can; then nobody is named.
 * Judges:  MassDelete.Resources, High: `deletions` within an hour by a caller who deleted nothing of the kind (whole
 *          accounts and clusters, or what is in them) in 60 days; or one, with a lock removed on it within the day
 *          before. Medium: one account or cluster by such a caller; by one who deletes by habit twice `deletions`, and more
 *          than twice as many within an hour as ever in an interval. LockRemoved, Medium: by a caller who removed none in
 *          60 days, on an account, on what holds one, or on a workspace; High when somebody who does not delete by habit
 *          deletes something under it within a day.
 * Trust:   a principal: neither its deletions nor its locks are told.
 * Severity: a single account is Medium: a clean-up looks the same.
 * Keeps:   15-minute bins of deletions of a caller, locks and deletions of a scope while rows may still come; who deletes.
 * Blind:   what lies in an account younger than the learning time; a caller within twice of what it usually deletes. A
 *          lock on a group whose accounts nobody administered in 60 days counts only once something in it is deleted.
 * Source:  ATT&CK T1485, T1562.001, T1490; Elastic's rules for deleted storage, Panther's for removed locks.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/map.h"
#include "base/timeutil.h"
#include "detectors/kit/deletion.h"
#include "detectors/kit/recent.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "detectors/kit/unnamed.h"
#include "settings/option.h"

#include <stdio.h>
#include <string.h>

#define TYPE "CosmosDBX_MassDelete.Resources"
#define TYPE_LOCK "CosmosDBX_LockRemoved"
#define BIN_NS (15 * NS_PER_MIN)
#define BINS 4 /* in a row: an hour */
#define LOCK_REACH_NS NS_PER_DAY
#define ID_KEPT 256
#define TEXT_KEPT 64
#define GONE_MAX 32
#define KNOWN_LIMITS 2 /* who deletes by habit may delete that many times as much as a stranger, whatever is usual */
#define HABIT_AGE_DAYS 2 /* what somebody began yesterday is no habit */
#define LOG_IDLE_DAYS 2 /* an activity log that said nothing for longer may have ended */

struct resource_deletion {
    int sensitivity;
    int64_t deletions;
    int64_t swept_ns; /* saves work, judges nothing */
};

static const struct option_spec resource_deletion_options[] = {
    { .key = "deletions", .type = OPT_INT, .at = offsetof(struct resource_deletion, deletions), .preset = "3", .min = 2,
      .max = GONE_MAX, .help = "accounts, databases, containers that one caller deletes within an hour" },
    SENSITIVITY_OPTION(struct resource_deletion, "low: twice as many deletions, and a single account is not told; high: "
                       "half as many, and a known caller's when they are more than ever"),
    { 0 },
};

/* ---- memories ------------------------------------------------------------------------------------ */

enum gone_flag {
    GONE_COUNTS = 1, GONE_NEW = 2 /* the caller deletes no such thing */, GONE_WHOLE = 4, GONE_LOCKED = 8,
    TOLD_NEW = 16, TOLD_MORE = 32, TOLD_ALONE = 64, TOLD_LOCKED = 128,
};
#define TOLD (TOLD_NEW | TOLD_MORE | TOLD_ALONE | TOLD_LOCKED)

struct gone { /* a resource that was deleted in a bin */
    uint64_t resource, details; /* hashes: the same resource may be deleted in several ways */
    int64_t first_ns, last_ns, usual, told_of;
    uint32_t flags, shown_at;
    char id[ID_KEPT], kind[24], account[TEXT_KEPT], address[TEXT_KEPT], app_id[TEXT_KEPT], tool[TEXT_KEPT],
        correlation[TEXT_KEPT];
};

struct bin { /* of a caller; of an account where the caller is unknown */
    uint32_t len, more, more_new, unused; /* more: that count and have no room, of them GONE_NEW */
    struct gone each[GONE_MAX];
};

static const struct baseline_memory bin_memory = {
    .name = "resource_deletion.bin", .version = 1, .size = sizeof(struct bin), .max_keys = 1000,
};

#define LOCKS_MAX 6

struct lock {
    int64_t ns;
    char account[TEXT_KEPT], id[ID_KEPT];
    struct change_by by;
};

struct deleter { int64_t ns; char caller[CALLER_MAX], account[TEXT_KEPT]; };

struct scope { /* a subscription, a group, an account ...: the newest that happened to it, or in it */
    uint32_t locks_len, gone_len;
    struct lock locks[LOCKS_MAX];
    struct deleter gone[GONE_MAX];
};

static const struct baseline_memory scope_memory = {
    .name = "resource_deletion.scope", .version = 1, .size = sizeof(struct scope), .max_keys = 2000,
};

struct mark { int64_t ns; };

static const struct baseline_memory mark_memory = { /* counted in an alert */
    .name = "resource_deletion.mark", .version = 1, .size = sizeof(struct mark), .max_keys = 100000,
};

static const struct baseline_memory who_memory = {
    .name = "resource_deletion.who", .version = 1, .size = sizeof(struct habit), .max_keys = 50000,
    .describe = habit_describe, .confirm = habit_confirm,
};

static const struct baseline_memory place_memory = { /* logs that are read; groups and subscriptions with accounts */
    .name = "resource_deletion.place", .version = 1, .size = sizeof(struct habit), .max_keys = 50000,
};

struct most_learned { int64_t most; int32_t day, unused; };
struct most { int32_t newest, unused; struct most_learned learned[2]; int64_t open[2]; };

static const struct baseline_memory most_memory = { /* the most that a caller deleted in an interval */
    .name = "resource_deletion.most", .version = 1, .size = sizeof(struct most), .max_keys = 50000,
};

static void most_fold(void *learned, const void *open, int32_t slot)
{
    struct most_learned *l = learned;
    int64_t n = *(const int64_t *)open;

    if (n > 0 && (n >= l->most || slots_day(slot) - l->day > HABIT_DAYS))
        *l = (struct most_learned){ .most = n, .day = slots_day(slot) };
}

static const struct slots_kind most_kind = { .learned_size = sizeof(struct most_learned), .open_size = sizeof(int64_t),
                                             .fold = most_fold };

/* Was it noted before? Notes it. */
static bool is_marked(struct baseline *b, char what, struct slice who, int64_t period, uint64_t id, int64_t ns)
{
    char room[CALLER_MAX + 64];
    int n = snprintf(room, sizeof room, "%c%" PRId64 "\x1f%016" PRIx64 "\x1f%.*s", what, period, id,
                     SLF(slice_cut(who, CALLER_MAX)));
    struct mark *m = baseline_put(b, &mark_memory, SL(""), slice_make(room, (size_t)n), SL(""), ns, NULL);
    bool is_old = m && m->ns;

    if (m && !is_old)
        m->ns = ns;
    return is_old;
}

static bool is_habit(const struct habit_view *v)
{
    return v->is_known && v->age_days >= HABIT_AGE_DAYS;
}

/* ---- telling ------------------------------------------------------------------------------------- */

struct grounds { uint32_t told; int64_t in_hour; }; /* why a deletion is told: TOLD_ bits */

static const char *tell_why(uint32_t told)
{
    switch (told) {
    case TOLD_NEW: return "several resources within an hour, by a caller who deleted none of the kind in the 60 days before";
    case TOLD_MORE: return "more than twice as many within an hour as the caller ever deleted in an interval";
    case TOLD_ALONE: return "a whole account or cluster, by a caller who deleted none in the 60 days before";
    default: return "a lock on it was removed within the day before";
    }
}

static int tell(const struct gone *g, struct slice caller, const struct grounds *why, const struct detector_context *ctx,
                struct error *err)
{
    struct fact_list f = { .len = 0 };
    struct slice id = slice_of(g->id), account = slice_of(g->account);
    bool is_unknown = slice_empty(caller), is_high = why->told & (TOLD_NEW | TOLD_LOCKED);
    struct slice subject = is_unknown ? account : caller;
    int64_t day = time_floor(g->first_ns, NS_PER_DAY);
    bool is_counted = !is_marked(ctx->baseline, is_unknown ? 'U' : 'C', subject, day / NS_PER_DAY, g->resource, g->first_ns);

    if (is_unknown)
        facts_add_set(&f, "callerUnknown", SL("the activity log does not have it"));
    facts_add_set(&f, "principal", caller);
    facts_add_set(&f, "accounts", account);
    facts_add_set(&f, "resources", slice_make(id.at + g->shown_at, id.len - g->shown_at));
    facts_add_set(&f, "appId", slice_of(g->app_id));
    facts_add_set(&f, "application", slice_of(g->tool));
    facts_add_set(&f, "address", slice_of(g->address));
    facts_add_set(&f, "correlationId", slice_of(g->correlation));
    for (uint32_t bit = TOLD_NEW; bit <= TOLD_LOCKED; bit <<= 1)
        if (why->told & bit)
            facts_add_set(&f, "reason", slice_of(tell_why(bit)));
    if (why->told & (TOLD_NEW | TOLD_MORE))
        facts_add_number(&f, "inAnHour", FACT_MAX, why->in_hour);
    if ((why->told & TOLD_MORE) && g->usual)
        facts_add_number(&f, "usualMost", FACT_MAX, g->usual);
    if (is_counted) {
        facts_add_map(&f, "deleted", slice_of(g->kind), 1);
        facts_add_number(&f, "requests", FACT_SUM, 1);
    }
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "resource_deletion", .state_version = 1, .type = TYPE,
        .severity = is_high ? SEVERITY_HIGH : SEVERITY_MEDIUM, .confidence = is_high ? 80 : 60,
        .account = is_unknown ? account : SL(""), .resource_id = id, .subject = subject, .bucket_ns = day,
        .first_ns = g->first_ns, .last_ns = g->last_ns, .count = is_counted, .is_aside = !is_counted, .facts = f.at,
        .facts_len = f.len }, err);
}

static int tell_lock(const struct lock *l, const struct deleter *after, const struct detector_context *ctx,
                     struct error *err)
{
    struct fact_list f = { .len = 0 };
    struct slice id = slice_of(l->id), caller = slice_of(l->by.caller);
    int64_t day = time_floor(l->ns, NS_PER_DAY);
    bool is_counted = !is_marked(ctx->baseline, 'L', caller, day / NS_PER_DAY, hash64(id.at, id.len, 0), l->ns);

    change_add(&f, &l->by);
    facts_add_set(&f, "changed", id);
    facts_add_set(&f, "reason", SL("the caller removed no lock in the 60 days before"));
    if (after) {
        facts_add_set(&f, "reason", SL("a deletion followed within a day"));
        facts_add_set(&f, "deletedBy", *after->caller ? slice_of(after->caller) : SL("somebody unknown"));
    }
    if (is_counted)
        facts_add_number(&f, "requests", FACT_SUM, 1);
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "resource_deletion", .state_version = 1, .type = TYPE_LOCK,
        .severity = after ? SEVERITY_HIGH : SEVERITY_MEDIUM, .confidence = after ? 85 : 60, .account = slice_of(l->account),
        .resource_id = id, .subject = caller, .bucket_ns = day, .first_ns = l->ns, .last_ns = l->ns, .count = is_counted,
        .is_aside = !is_counted, .facts = f.at, .facts_len = f.len }, err);
}

/* ---- judging ------------------------------------------------------------------------------------- */

struct who { struct slice caller, account; }; /* account: only where the caller is unknown */

static struct slice bin_key(const struct who *w, int64_t bin, char room[CALLER_MAX + 32])
{
    int n = snprintf(room, CALLER_MAX + 32, "%" PRId64 "\x1f%.*s", bin, SLF(slice_cut(w->caller, CALLER_MAX)));

    return slice_make(room, (size_t)n);
}

/* May be changed: what is told of it. NULL: nothing was deleted in it. */
static struct bin *bin_at(struct baseline *b, const struct who *w, int64_t bin)
{
    char room[CALLER_MAX + 32];
    struct slice key = bin_key(w, bin, room);

    return baseline_get(b, &bin_memory, w->account, key)
               ? baseline_put(b, &bin_memory, w->account, key, SL(""), bin * BIN_NS, NULL)
               : NULL;
}

struct hour { int64_t all, fresh, usual; };

/* Distinct resources of the bins from `first` on. */
static void count_hour(struct baseline *b, const struct who *w, int64_t first, struct hour *ret)
{
    uint64_t seen[BINS * GONE_MAX];
    size_t len = 0;

    *ret = (struct hour){ .all = 0 };
    for (int64_t n = first; n < first + BINS; n++) {
        char room[CALLER_MAX + 32];
        const struct bin *bin = baseline_get(b, &bin_memory, w->account, bin_key(w, n, room));

        ret->all += bin ? bin->more : 0;
        ret->fresh += bin ? bin->more_new : 0;
        for (uint32_t i = 0; bin && i < bin->len; i++) {
            const struct gone *g = &bin->each[i];
            bool is_new = g->flags & GONE_COUNTS;

            for (size_t k = 0; k < len && is_new; k++)
                is_new = seen[k] != g->resource;
            if (!is_new)
                continue;
            seen[len++] = g->resource;
            ret->all++;
            ret->fresh += g->flags & GONE_NEW ? 1 : 0;
            ret->usual = g->usual > ret->usual ? g->usual : ret->usual;
        }
    }
}

static uint32_t grounds_of(const struct resource_deletion *d, const struct gone *g, const struct hour *h)
{
    int64_t limit = sensitivity_count(d->sensitivity, d->deletions, 2);
    int64_t times = d->sensitivity == SENSITIVITY_HIGH ? 1 : 2;
    uint32_t ret = 0;

    if (!(g->flags & GONE_COUNTS))
        return 0;
    if ((g->flags & GONE_NEW) && h->fresh >= limit)
        ret |= TOLD_NEW;
    if (h->usual > 0 && h->all >= KNOWN_LIMITS * limit && h->all > times * h->usual)
        ret |= TOLD_MORE;
    if ((g->flags & GONE_NEW) && (g->flags & GONE_WHOLE) && d->sensitivity != SENSITIVITY_LOW)
        ret |= TOLD_ALONE;
    if ((g->flags & GONE_NEW) && (g->flags & GONE_LOCKED))
        ret |= TOLD_LOCKED;
    return ret;
}

/* `told_day`: of the last one that said how many it were in this hour: one of each alert is enough to say it. */
static int tell_if(const struct resource_deletion *d, struct gone *g, const struct who *w, const struct hour *h,
                   int64_t *told_day, const struct detector_context *ctx, struct error *err)
{
    struct grounds why = { .told = grounds_of(d, g, h), .in_hour = h->all };
    bool is_larger = (why.told & (TOLD_NEW | TOLD_MORE)) && h->all > g->told_of;
    bool is_news = why.told & ~(g->flags & TOLD);
    int64_t day = time_floor(g->first_ns, NS_PER_DAY);

    g->flags |= why.told;
    g->told_of = is_larger ? h->all : g->told_of;
    if (!is_news && (!is_larger || day == *told_day))
        return 0;
    *told_day = day;
    return tell(g, w->caller, &why, ctx, err);
}

/* All hours that hold the bin. An hour over midnight belongs to two alerts: each is to know how many it were. `more`: a
 * deletion of the bin that had no room in it, or NULL. */
static int judge(const struct resource_deletion *d, const struct who *w, int64_t bin, struct gone *more,
                 const struct detector_context *ctx, struct error *err)
{
    if (ctx->is_backfill)
        return 0;
    for (int64_t first = bin - BINS + 1; first <= bin; first++) {
        int64_t told_day = INT64_MIN;
        struct hour h;

        count_hour(ctx->baseline, w, first, &h);
        for (int64_t n = first; n < first + BINS; n++) {
            struct bin *at = bin_at(ctx->baseline, w, n);

            for (uint32_t i = 0; at && i < at->len; i++)
                if (tell_if(d, &at->each[i], w, &h, &told_day, ctx, err) < 0)
                    return -1;
        }
        if (more && tell_if(d, more, w, &h, &told_day, ctx, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- locks and deletions in reach of each other -------------------------------------------------- */

static struct scope *scope_at(struct baseline *b, struct slice id, int64_t ns)
{
    return baseline_put(b, &scope_memory, SL(""), slice_cut(id, DELETION_ID_MAX), SL(""), ns, NULL);
}

static bool is_before(const struct lock *l, int64_t ns)
{
    return ns >= l->ns && ns - l->ns <= LOCK_REACH_NS;
}

/* A deletion by somebody who does not delete: was a lock on it, or on what it is in, removed? */
static int meet_locks(struct gone *g, const struct who *w, const struct detector_context *ctx, struct error *err)
{
    struct slice scopes[DELETION_SCOPES];
    size_t n = deletion_scopes(slice_of(g->id), scopes);
    struct deleter me = { .ns = g->first_ns };

    slice_keep(w->caller, me.caller, sizeof me.caller);
    slice_keep(w->account, me.account, sizeof me.account);
    for (size_t i = 0; i < n; i++) {
        struct scope *s = scope_at(ctx->baseline, scopes[i], g->first_ns);

        if (!s)
            continue;
        for (uint32_t k = 0; k < s->locks_len; k++)
            if (is_before(&s->locks[k], g->first_ns)) {
                g->flags |= GONE_LOCKED;
                if (!ctx->is_backfill && tell_lock(&s->locks[k], &me, ctx, err) < 0)
                    return -1;
            }
        recent_add(s->gone, sizeof s->gone[0], &s->gone_len, GONE_MAX, &me);
    }
    return 0;
}

/* A lock was removed: was something under it deleted since? */
static int meet_deletions(const struct resource_deletion *d, const struct lock *l, struct slice scope, const struct scope *s,
                          const struct detector_context *ctx, struct error *err)
{
    for (uint32_t i = 0; i < s->gone_len; i++) {
        const struct deleter *by = &s->gone[i];
        struct who w = { .caller = slice_of(by->caller), .account = slice_of(by->account) };
        int64_t n = time_floor(by->ns, BIN_NS) / BIN_NS;
        struct bin *bin;

        if (!is_before(l, by->ns))
            continue;
        if (tell_lock(l, by, ctx, err) < 0)
            return -1;
        bin = bin_at(ctx->baseline, &w, n);
        for (uint32_t k = 0; bin && k < bin->len; k++) {
            struct gone *g = &bin->each[k];

            if (slice_starts(slice_of(g->id), scope) && is_before(l, g->first_ns))
                g->flags |= GONE_LOCKED;
        }
        if (judge(d, &w, n, NULL, ctx, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- one deletion -------------------------------------------------------------------------------- */

static int64_t usual_most(struct baseline *b, const struct who *w, int64_t ns, bool is_new)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slots_of(ns, len);
    struct most *m = baseline_put(b, &most_memory, w->account, w->caller, w->caller, ns, NULL);
    const struct most_learned *l;
    enum slot_age age;
    int64_t *open;

    if (!m)
        return 0;
    age = slots_enter(&m->newest, slot, len, &most_kind, m->learned, m->open);
    l = slots_learned(&most_kind, m->learned, age);
    open = slots_open(&most_kind, m->open, age);
    if (open && is_new)
        (*open)++;
    return slots_day(slot) - l->day <= HABIT_DAYS ? l->most : 0;
}

/* A flood: what has no room is counted and told, not kept. */
static int add_to_full(const struct resource_deletion *d, const struct who *w, struct bin *bin, bool is_new,
                       const struct gone *gone, const struct detector_context *ctx, struct error *err)
{
    int64_t n = time_floor(gone->first_ns, BIN_NS) / BIN_NS;
    struct slice whose = slice_empty(w->caller) ? w->account : w->caller;
    struct gone more = *gone;

    is_new = is_new && !is_marked(ctx->baseline, 'B', whose, n, more.resource, more.first_ns);
    bin->more += is_new && (more.flags & GONE_COUNTS) ? 1 : 0;
    bin->more_new += is_new && (more.flags & GONE_NEW) ? 1 : 0;
    more.usual = usual_most(ctx->baseline, w, more.first_ns, is_new);
    if ((more.flags & GONE_NEW) && meet_locks(&more, w, ctx, err) < 0)
        return -1;
    return judge(d, w, n, &more, ctx, err);
}

static int add_deletion(const struct resource_deletion *d, const struct who *w, const struct gone *more,
                        const struct detector_context *ctx, struct error *err)
{
    int64_t n = time_floor(more->first_ns, BIN_NS) / BIN_NS;
    char room[CALLER_MAX + 32];
    struct slice key = bin_key(w, n, room);
    struct bin *bin = baseline_put(ctx->baseline, &bin_memory, w->account, key, SL(""), more->first_ns, NULL);
    struct gone *g = NULL;
    bool is_new = true;

    for (uint32_t i = 0; bin && i < bin->len; i++) {
        is_new = is_new && bin->each[i].resource != more->resource;
        if (bin->each[i].resource == more->resource && bin->each[i].details == more->details)
            g = &bin->each[i];
    }
    if (!bin)
        return 0;
    if (!g && bin->len == GONE_MAX)
        return add_to_full(d, w, bin, is_new, more, ctx, err);
    if (g) { /* its other row */
        bool is_told = g->flags & TOLD;

        g->first_ns = more->first_ns < g->first_ns ? more->first_ns : g->first_ns;
        g->last_ns = more->last_ns > g->last_ns ? more->last_ns : g->last_ns;
        if (is_told && !ctx->is_backfill &&
            tell(g, w->caller, &(struct grounds){ .told = g->flags & TOLD, .in_hour = g->told_of }, ctx, err) < 0)
            return -1;
    } else {
        g = &bin->each[bin->len++];
        *g = *more;
    }
    g->usual = usual_most(ctx->baseline, w, more->first_ns, is_new);
    if ((g->flags & GONE_NEW) && meet_locks(g, w, ctx, err) < 0)
        return -1;
    return judge(d, w, n, NULL, ctx, err);
}

static void name_gone(struct gone *g, const struct deletion *del, struct slice account)
{
    g->resource = hash64(del->id.at, del->id.len, 0);
    slice_keep(del->id, g->id, sizeof g->id);
    g->shown_at = (uint32_t)(del->shown.at - del->id.at);
    g->shown_at = g->shown_at < ID_KEPT ? g->shown_at : 0;
    slice_keep(slice_of(del->kind), g->kind, sizeof g->kind);
    slice_keep(account, g->account, sizeof g->account);
}

static int judge_change(const struct resource_deletion *d, const struct change *c, const struct deletion *del,
                        const struct detector_context *ctx, struct error *err)
{
    const struct observation *obs = c->by.obs;
    struct gone g = { .first_ns = obs->first_ns, .last_ns = obs->last_ns };
    struct change_usual usual;
    struct who w = { .caller = c->by.caller, .account = SL("") };
    bool is_stranger;

    name_gone(&g, del, c->by.account);
    slice_keep(obs->text[F_ADDRESS], g.address, sizeof g.address);
    slice_keep(c->by.app_id, g.app_id, sizeof g.app_id);
    slice_keep(slice_of(c->by.tool_name), g.tool, sizeof g.tool);
    slice_keep(obs_extra(obs, F_CORRELATED_ID), g.correlation, sizeof g.correlation);
    g.details = hash64(g.address, sizeof g.address, hash64(g.app_id, sizeof g.app_id,
                                                           hash64(g.correlation, sizeof g.correlation, 0)));
    change_note(ctx->baseline, &who_memory, del->is_whole ? 'a' : 'i', c, &usual);
    /* An account of which no row came before, in a log that is long read, is older than the log, or of today. */
    is_stranger = usual.is_young && usual.by.is_logged && del->is_whole &&
                  key_log_days(ctx->baseline, c->by.account, SL(""), obs->minute_ns) == 0;
    if ((!usual.is_young || is_stranger) && !change_is_trusted(ctx, c))
        g.flags |= GONE_COUNTS | (is_habit(&usual.caller) ? 0 : GONE_NEW) |
                   (del->is_whole && !usual.is_young ? GONE_WHOLE : 0);
    return add_deletion(d, &w, &g, ctx, err);
}

/* Nobody is named: what is usual is the account's. */
static int judge_unnamed(const struct resource_deletion *d, const struct deletion *del, struct slice account,
                         int64_t first_ns, int64_t last_ns, const struct detector_context *ctx, struct error *err)
{
    struct gone g = { .first_ns = first_ns, .last_ns = last_ns };
    struct who w = { .caller = SL(""), .account = account };
    struct habit_view usual;

    name_gone(&g, del, account);
    habit_note(ctx->baseline, &who_memory, account, del->is_whole ? SL("?a") : SL("?i"), account, first_ns, &usual);
    if (!baseline_is_learning(ctx->baseline, account, first_ns))
        g.flags |= GONE_COUNTS | (is_habit(&usual) ? 0 : GONE_NEW) | (del->is_whole ? GONE_WHOLE : 0);
    return add_deletion(d, &w, &g, ctx, err);
}

/* ---- deletions that only the control-plane table has --------------------------------------------- */

/* The activity log would have named it by now, had it seen it. */
static int tell_unnamed(void *self, const struct unnamed *u, const struct detector_context *ctx, struct error *err)
{
    struct deletion del;

    return deletion_of_id(slice_of(u->id), &del)
               ? judge_unnamed(self, &del, slice_of(u->account), u->first_ns, u->last_ns, ctx, err) : 0;
}

static int observe_control(const struct resource_deletion *d, const struct observation *obs,
                           const struct detector_context *ctx, struct error *err)
{
    char room[DELETION_ID_MAX + 1];
    struct habit_view log;
    struct key_event by;
    struct deletion del;

    if (!deletion_of_control(obs, &del))
        return 0;
    (void)key_event_read(obs, &by); /* for the subscription */
    habit_look(ctx->baseline, &place_memory, SL(""), habit_key('l', by.subscription, room, sizeof room), obs->minute_ns, &log);
    if (log.is_known && log.idle_days <= LOG_IDLE_DAYS && (ctx->is_backfill || unnamed_wait(ctx->baseline, obs, &del)))
        return 0;
    return judge_unnamed(d, &del, obs->text[F_ACCOUNT], obs->first_ns, obs->last_ns, ctx, err);
}

/* ---- the activity log ---------------------------------------------------------------------------- */

static void note_places(const struct observation *obs, const struct key_event *by, struct baseline *b)
{
    struct slice scopes[DELETION_SCOPES];
    char room[DELETION_ID_MAX + 1];
    size_t n;

    if (obs->kind == OBS_ACTIVITY)
        habit_note(b, &place_memory, SL(""), habit_key('l', by->subscription, room, sizeof room), SL(""), obs->minute_ns, NULL);
    if (slice_empty(obs->text[F_ACCOUNT]))
        return;
    n = deletion_scopes(obs->text[F_RESOURCE_ID], scopes);
    for (size_t i = 0; i < n && i < 2; i++) /* the subscription and the group */
        habit_note(b, &place_memory, SL(""), habit_key('g', scopes[i], room, sizeof room), SL(""), obs->minute_ns, NULL);
}

/* Does the lock's scope hold something of ours? */
static bool is_ours(const struct change *c, struct slice scope, struct baseline *b)
{
    char room[DELETION_ID_MAX + 1];
    struct habit_view known;

    if (slice_find(scope, SL("/microsoft.documentdb/")) != SIZE_MAX ||
        slice_find(scope, SL("/microsoft.operationalinsights/workspaces/")) != SIZE_MAX)
        return true;
    habit_look(b, &place_memory, SL(""), habit_key('g', scope, room, sizeof room), c->by.obs->minute_ns, &known);
    return known.is_known;
}

static int judge_lock(const struct resource_deletion *d, const struct change *c, const struct detector_context *ctx,
                      struct error *err)
{
    const struct observation *obs = c->by.obs;
    struct lock l = { .ns = obs->minute_ns };
    size_t at = slice_find(c->resource, SL("/providers/microsoft.authorization/locks/"));
    struct slice scope = slice_make(c->resource.at, at);
    struct change_usual usual;
    struct scope *s;

    if (at == SIZE_MAX)
        return 0;
    change_note(ctx->baseline, &who_memory, 'l', c, &usual);
    if (usual.is_young || is_habit(&usual.caller) || change_is_trusted(ctx, c) || change_is_repeat(ctx->baseline, c, 'L'))
        return 0;
    change_keep(&l.by, c);
    slice_keep(c->by.account, l.account, sizeof l.account);
    slice_keep(c->resource, l.id, sizeof l.id);
    s = scope_at(ctx->baseline, scope, obs->minute_ns);
    if (!s)
        return 0;
    recent_add(s->locks, sizeof s->locks[0], &s->locks_len, LOCKS_MAX, &l);
    if (ctx->is_backfill)
        return 0;
    if (is_ours(c, scope, ctx->baseline) && tell_lock(&l, NULL, ctx, err) < 0)
        return -1;
    return meet_deletions(d, &l, scope, s, ctx, err);
}

static int observe_activity(const struct resource_deletion *d, const struct observation *obs,
                            const struct detector_context *ctx, struct error *err)
{
    struct key_usual unused;
    struct key_event by;
    struct deletion del;
    struct change c;
    bool is_change = change_read(obs, &c), is_deletion = c.outcome == KEY_DONE && deletion_of_change(&c, &del);

    (void)key_event_read(obs, &by);
    key_event_note(ctx->baseline, &by, &unused);
    note_places(obs, &by, ctx->baseline);
    if (is_deletion)
        unnamed_is_named(ctx->baseline, del.id, obs->minute_ns);
    if (!is_change || c.outcome != KEY_DONE)
        return 0;
    if (is_deletion)
        return judge_change(d, &c, &del, ctx, err);
    return change_is(&c, "microsoft.authorization/locks/delete") ? judge_lock(d, &c, ctx, err) : 0;
}

static const struct baseline_memory *const short_memories[] = { &bin_memory, &scope_memory, &mark_memory,
                                                                &unnamed_known_memory, &key_operations_memory, NULL };

static int resource_deletion_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                     struct error *err)
{
    struct resource_deletion *d = self;

    key_sweep(ctx, 2 * NS_PER_DAY, short_memories, &d->swept_ns);
    if (unnamed_settle(ctx, obs->minute_ns, tell_unnamed, d, err) < 0)
        return -1;
    if (obs->kind == OBS_ACTIVITY)
        return observe_activity(d, obs, ctx, err);
    return obs->kind == OBS_CONTROL ? observe_control(d, obs, ctx, err) : 0;
}

/* Where everything was deleted no further row may come. Without a watermark this is the end. */
static int resource_deletion_settle(void *self, const struct detector_context *ctx, struct error *err)
{
    return unnamed_settle(ctx, INT64_MAX, tell_unnamed, self, err);
}

static const char *const resource_deletion_types[] = { TYPE, TYPE_LOCK, NULL };
static const struct baseline_memory *const resource_deletion_memories[] = {
    &bin_memory, &scope_memory, &mark_memory, &unnamed_waiting_memory, &unnamed_queue_memory, &unnamed_known_memory,
    &who_memory, &place_memory, &most_memory, &key_habits_memory, &key_readers_memory, &key_operations_memory, NULL,
};

const struct detector_ops detector_resource_deletion = {
    .name = "resource_deletion",
    .summary = "accounts, databases, containers deleted by a stranger to it, and locks removed before",
    .reads = OBS_ACTIVITY | OBS_CONTROL,
    .types = resource_deletion_types,
    .options = resource_deletion_options,
    .size = sizeof(struct resource_deletion),
    .memories = resource_deletion_memories,
    .observe = resource_deletion_observe,
    .settle = resource_deletion_settle,
};
