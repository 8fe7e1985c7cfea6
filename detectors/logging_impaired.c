/* logging_impaired - somebody switches off what watches an account: its logs, or the alarms about it.
 *
 * Why:     who does not want to be seen takes away the diagnostic setting first. cosmowatch reads nothing else, so this is
 *          the last row there is of that account's requests.
 * Reads:   AzureActivity: diagnosticSettings deleted or written, Log Analytics workspaces and their tables, plans of
 *          Defender, suppression rules, exports, alert rules, action groups, Microsoft Sentinel. CDBControlPlaneRequests:
 *          Enable...RequestsTrace and SqlQueryTextTraceType, the state after a change. Deletions of accounts, of both.
 * Judges:  LoggingImpaired.DiagnosticDeleted, of an account or of the subscription's activity log: Medium. .CategoryOff and
 *          .FullTextOff: a column that was true says false: Medium; of what was off before, when it was true for a week.
 *          .WorkspaceDeleted: Medium; .TableTrimmed: a table deleted, a plan that cannot be searched, a daily cap: Medium;
 *          a table written without saying what: Low.
 *          AlertingImpaired: by what was switched off Medium or Low, see the table. One step more by a caller who did
 *          nothing that this log shows in 60 days. Who did the same before, in 200 days, is silent.
 *          What an account loses is held back for 15 minutes: not told when the account itself was deleted within them,
 *          Low when another setting was written, and a category not at all when it is on again, or when a usual writer
 *          of settings was at work.
 * Trust:   a principal.
 * Keeps:   who did what, what was on and off (habits); what was done to an account's settings lately; what is held back.
 * Blind:   which categories a deleted or written setting has; which workspace is the one that is read; retention. A category
 *          that was on only within the last interval. An account that is young, or whose activity log is. What explains
 *          it and is read later than it was held back comes too late: the alert is out.
 * Source:  ATT&CK T1562.008, T1562.001; Azure RBAC permissions reference; table reference of CDBControlPlaneRequests.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/change.h"
#include "detectors/kit/recent.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "settings/option.h"

#include <stdio.h>
#include <string.h>

#define NAME "logging_impaired"
#define LOGGING "CosmosDBX_LoggingImpaired"
#define ALERTING "CosmosDBX_AlertingImpaired"
#define NEAR_NS (15 * NS_PER_MIN) /* one piece of work */
#define ON_DAYS 7                 /* of what was off before; less is somebody's way of working */
#define HABIT_AT_HIGH 3           /* days that make a habit for who wants to hear more */
#define WAITING_MAX 24
#define MARKS_MAX 12

struct logging_impaired {
    int sensitivity;
    int64_t swept_ns; /* saves work, judges nothing */
};

static const struct option_spec logging_impaired_options[] = {
    SENSITIVITY_OPTION(struct logging_impaired, "low: Low findings are not told; high: also callers who did the same on "
                       "fewer than three days"),
    { 0 },
};

/* ---- memories ---------------------------------------------------------------------------------------------- */

static const struct baseline_memory who_memory = {
    .name = "logging_impaired.who",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 50000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

static const struct baseline_memory state_memory = { /* what was on, and off */
    .name = "logging_impaired.state",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 100000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

enum mark_kind {
    MARK_DELETED = 1,      /* the account's deletion was begun, accepted or done */
    MARK_NOT_DELETED,      /* it failed */
    MARK_WRITTEN,          /* a setting was written */
    MARK_USUAL,            /* a setting was written or deleted by a caller who does, or may */
    MARK_ON,               /* columns say true: bits from here on */
};

struct mark {
    int64_t time_ns;
    uint32_t kind, unused;
    char caller[CALLER_MAX];
    char address[48];
};

struct marks { /* of an account in an hour; when there are more, the latest */
    uint32_t len, unused;
    struct mark each[MARKS_MAX];
};

static const struct baseline_memory mark_memory = {
    .name = "logging_impaired.mark",
    .version = 1,
    .size = sizeof(struct marks),
    .max_keys = 10000,
};

enum what { WHAT_SETTING, WHAT_CATEGORY, WHAT_FULL_TEXT };

struct waiting { /* a row, as far as it is told */
    int64_t time_ns, first_ns, last_ns;
    uint32_t what, column, is_counted, is_stranger;
    char account[64], resource_id[320], changed[512], operation[CHANGE_OPERATION_MAX], item[128];
    struct change_by by;
};

struct waitings {
    uint32_t len, unused;
    struct waiting each[WAITING_MAX];
};

static const struct baseline_memory waiting_memory = {
    .name = "logging_impaired.waiting",
    .version = 1,
    .size = sizeof(struct waitings),
    .max_keys = 1,
};

/* ---- what is said of an account's settings -------------------------------------------------------------------- */

static struct slice hour_key(int64_t time_ns, char room[32])
{
    int n = snprintf(room, 32, "%" PRId64, time_floor(time_ns, NS_PER_HOUR) / NS_PER_HOUR);

    return slice_make(room, (size_t)n);
}

static void mark(struct baseline *b, struct slice account, enum mark_kind kind, int64_t time_ns, struct slice caller,
                 struct slice address)
{
    char key[32];
    struct marks *m = slice_empty(account)
                          ? NULL : baseline_put(b, &mark_memory, account, hour_key(time_ns, key), SL(""), time_ns, NULL);
    struct mark one = { .time_ns = time_ns, .kind = (uint32_t)kind };

    if (!m)
        return;
    slice_keep(caller, one.caller, sizeof one.caller);
    slice_keep(address, one.address, sizeof one.address);
    for (uint32_t i = 0; i < m->len; i++)
        if (memcmp(&m->each[i], &one, sizeof one) == 0)
            return;
    recent_add(m->each, sizeof one, &m->len, MARKS_MAX, &one);
}

static bool is_near(int64_t a, int64_t b)
{
    return a - b <= NEAR_NS && b - a <= NEAR_NS;
}

/* The marks near the time, and how many; the rooms are looked at, not copied. */
#define NEAR_MAX (3 * MARKS_MAX)
struct near {
    size_t len;
    const struct mark *each[NEAR_MAX];
};

static void look_near(struct baseline *b, struct slice account, int64_t time_ns, struct near *ret)
{
    ret->len = 0;
    for (int hour = -1; hour <= 1; hour++) {
        char key[32];
        const struct marks *m = baseline_get(b, &mark_memory, account, hour_key(time_ns + hour * NS_PER_HOUR, key));

        for (size_t i = 0; m && i < m->len; i++)
            if (is_near(m->each[i].time_ns, time_ns))
                ret->each[ret->len++] = &m->each[i];
    }
}

static bool has_mark(const struct near *n, uint32_t kind)
{
    for (size_t i = 0; i < n->len; i++)
        if (n->each[i]->kind == kind)
            return true;
    return false;
}

/* ---- categories ------------------------------------------------------------------------------------------------ */

static const struct column {
    enum field field;
    enum what what;
    const char *words;
} columns[] = {
    { .field = F_DATA_PLANE_TRACE, .what = WHAT_CATEGORY, .words = "DataPlaneRequests" },
    { .field = F_CONTROL_PLANE_TRACE, .what = WHAT_CATEGORY, .words = "ControlPlaneRequests" },
    { .field = F_MONGO_TRACE, .what = WHAT_CATEGORY, .words = "MongoRequests" },
    { .field = F_CASSANDRA_TRACE, .what = WHAT_CATEGORY, .words = "CassandraRequests" },
    { .field = F_GREMLIN_TRACE, .what = WHAT_CATEGORY, .words = "GremlinRequests" },
    { .field = F_FULL_TEXT, .what = WHAT_FULL_TEXT, .words = "full text of queries" },
};

enum state { STATE_UNSAID, STATE_OFF, STATE_ON };

static enum state state_of(struct slice text)
{
    text = slice_trim(text);
    if (slice_eq_nocase(text, SL("true")))
        return STATE_ON;
    return slice_eq_nocase(text, SL("false")) || slice_eq_nocase(text, SL("none")) ? STATE_OFF : STATE_UNSAID;
}

static void note_state(struct baseline *b, struct slice account, size_t column, bool is_on, int64_t time_ns, bool is_noted,
                       struct habit_view *ret)
{
    const char key[3] = { is_on ? '1' : '0', (char)('a' + column), 0 };

    if (is_noted)
        habit_note_long(b, &state_memory, account, slice_of(key), slice_of(columns[column].words), time_ns, ret);
    else
        habit_look_long(b, &state_memory, account, slice_of(key), time_ns, ret);
}

/* ---- telling --------------------------------------------------------------------------------------------------- */

static enum severity one_more(enum severity s, bool is_more)
{
    return is_more && s < SEVERITY_HIGH ? s + 1 : s;
}

struct grounds {
    const struct logging_impaired *d;
    const struct detector_context *ctx;
    const char *type, *variant;
    struct slice subject;
    enum severity severity;
    bool is_counted, is_stranger;
};

static int tell(const struct grounds *g, const struct change *c, struct fact_list *f, struct error *err)
{
    struct change_alert a = { .detector = NAME, .type = g->type, .variant = g->variant, .severity = g->severity,
                              .confidence = change_confidence(g->severity), .subject = g->subject, .is_counted = g->is_counted };

    if (!sensitivity_wants(g->d->sensitivity, a.confidence))
        return 0;
    if (g->is_stranger)
        facts_add_set(f, "reason", SL("the caller changed nothing that this log shows in 60 days"));
    return change_emit(&a, c, f, g->ctx, err);
}

/* ---- held back --------------------------------------------------------------------------------------------------- */

#define KEEP(room, text) slice_keep(text, room, sizeof(room))

static int tell_waiting(const struct logging_impaired *d, const struct waiting *w, const struct detector_context *ctx,
                        struct error *err)
{
    struct slice extra[F_COUNT - F_GROUP_COUNT] = { { .at = NULL } };
    struct observation obs = { .kind = OBS_ACTIVITY, .minute_ns = w->time_ns, .first_ns = w->first_ns, .last_ns = w->last_ns,
                               .extra = extra };
    struct change c = { .by = { .obs = &obs, .account = slice_of(w->account), .caller = slice_of(w->by.caller),
                                .app_id = slice_of(w->by.app_id), .tool_name = w->by.tool },
                        .operation = slice_of(w->operation), .resource = slice_of(w->changed), .outcome = KEY_DONE };
    struct grounds g = { .d = d, .ctx = ctx, .type = LOGGING, .subject = SL("diagnostic logs"),
                         .is_counted = w->is_counted, .is_stranger = w->is_stranger };
    struct fact_list f = { .len = 0 };
    struct near n;
    bool is_replaced;

    look_near(ctx->baseline, slice_of(w->account), w->time_ns, &n);
    is_replaced = has_mark(&n, MARK_WRITTEN);
    if (has_mark(&n, MARK_DELETED) && !has_mark(&n, MARK_NOT_DELETED))
        return 0;
    obs.text[F_ACCOUNT] = slice_of(w->account);
    obs.text[F_RESOURCE_ID] = slice_of(w->resource_id);
    obs.text[F_ADDRESS] = slice_of(w->by.address);
    obs.text[F_PLACE] = slice_of(w->by.place);
    extra[F_CALLER_NAME - F_GROUP_COUNT] = slice_of(w->by.caller_name);
    extra[F_ROLE - F_GROUP_COUNT] = slice_of(w->by.role);
    if (w->what == WHAT_SETTING) {
        extra[F_CORRELATED_ID - F_GROUP_COUNT] = slice_of(w->by.correlation);
        g.variant = ".DiagnosticDeleted";
        g.severity = is_replaced ? SEVERITY_LOW : one_more(SEVERITY_MEDIUM, w->is_stranger);
        if (is_replaced)
            facts_add_set(&f, "reason", SL("another setting of the account was written within 15 minutes; the rows do not "
                                           "say whether it carries the same"));
        facts_add_set(&f, "item", slice_of(w->item));
        facts_add_set(&f, "unseen", SL("what that setting carried, unless another one carries it too"));
        return tell(&g, &c, &f, err);
    }
    if (has_mark(&n, MARK_ON + w->column) || (w->what == WHAT_CATEGORY && has_mark(&n, MARK_USUAL)))
        return 0;
    g.variant = w->what == WHAT_CATEGORY ? ".CategoryOff" : ".FullTextOff";
    g.severity = SEVERITY_MEDIUM;
    c.resource = slice_of(w->resource_id);
    facts_add_set(&f, "unseen", slice_of(columns[w->column].words));
    facts_add_set(&f, "operationId", slice_of(w->by.correlation));
    for (size_t i = 0; w->what == WHAT_CATEGORY && i < n.len; i++)
        if (n.each[i]->kind == MARK_WRITTEN) {
            facts_add_set(&f, "principal", slice_of(n.each[i]->caller));
            facts_add_set(&f, "address", slice_of(n.each[i]->address));
        }
    return tell(&g, &c, &f, err);
}

static int settle_until(const struct logging_impaired *d, struct waitings *all, int64_t until_ns,
                        const struct detector_context *ctx, struct error *err)
{
    size_t kept = 0;

    for (size_t i = 0; i < all->len; i++) {
        if (all->each[i].time_ns <= until_ns) {
            if (tell_waiting(d, &all->each[i], ctx, err) < 0)
                return -1;
            continue;
        }
        if (kept < i)
            all->each[kept] = all->each[i];
        kept++;
    }
    memset(&all->each[kept], 0, (all->len - kept) * sizeof all->each[0]);
    all->len = (uint32_t)kept;
    return 0;
}

/* When too many wait, those go whose time was up before this row: rows of a batch come in the order of time. Without room
 * it is told at once. */
static int hold(const struct logging_impaired *d, const struct waiting *w, const struct detector_context *ctx,
                struct error *err)
{
    struct waitings *all = baseline_put(ctx->baseline, &waiting_memory, SL(""), SL("all"), SL(""), w->time_ns, NULL);

    if (all && all->len == WAITING_MAX && settle_until(d, all, w->time_ns - NEAR_NS - 1, ctx, err) < 0)
        return -1;
    if (!all || all->len == WAITING_MAX)
        return tell_waiting(d, w, ctx, err);
    all->each[all->len++] = *w;
    return 0;
}

static int logging_impaired_settle(void *self, const struct detector_context *ctx, struct error *err)
{
    const struct waitings *known = baseline_get(ctx->baseline, &waiting_memory, SL(""), SL("all"));
    struct waitings *all;

    if (!known || known->len == 0)
        return 0;
    all = baseline_put(ctx->baseline, &waiting_memory, SL(""), SL("all"), SL(""), known->each[0].time_ns, NULL);
    return !all ? 0
                : settle_until(self, all, ctx->watermark_ns == INT64_MAX ? INT64_MAX : ctx->watermark_ns - NEAR_NS, ctx,
                               err);
}

/* ---- diagnostic settings ---------------------------------------------------------------------------------------- */

struct judged {
    struct change_usual usual;
    bool is_repeat, is_stranger, is_habit, may_tell;
};

static void look(const struct logging_impaired *d, const struct change *c, char kind, const struct detector_context *ctx,
                 struct judged *ret)
{
    *ret = (struct judged){ .is_repeat = false };
    change_note_long(ctx->baseline, &who_memory, kind, c, &ret->usual);
    ret->is_repeat = change_is_repeat(ctx->baseline, c, 'i');
    ret->is_stranger = !ret->usual.by.active.is_known;
    ret->is_habit = ret->usual.caller.is_known &&
                    (d->sensitivity != SENSITIVITY_HIGH || ret->usual.caller.days >= HABIT_AT_HIGH);
    ret->is_habit = ret->is_habit || change_is_trusted(ctx, c);
    ret->may_tell = c->outcome == KEY_DONE && !ctx->is_backfill && !ret->usual.is_young && !ret->is_habit;
}

static void keep_change(const struct change *c, const struct judged *j, struct waiting *ret)
{
    const struct observation *obs = c->by.obs;

    memset(ret, 0, sizeof *ret);
    ret->time_ns = obs->minute_ns;
    ret->first_ns = obs->first_ns;
    ret->last_ns = obs->last_ns;
    ret->is_counted = !j->is_repeat;
    ret->is_stranger = j->is_stranger;
    KEEP(ret->account, c->by.account);
    KEEP(ret->resource_id, obs->text[F_RESOURCE_ID]);
    KEEP(ret->changed, c->resource);
    KEEP(ret->operation, c->operation);
    change_keep(&ret->by, c);
    KEEP(ret->item, change_last_part(c->resource));
}

/* "/subscriptions/x", or a setting of it: where the activity log itself goes to. */
static bool is_of_subscription(struct slice id)
{
    return slice_starts_nocase(id, SL("/subscriptions/")) && slice_find_nocase(id, SL("/resourcegroups/")) == SIZE_MAX;
}

static int judge_setting(const struct logging_impaired *d, const struct change *c, const struct detector_context *ctx,
                         struct error *err)
{
    bool is_deleted = change_is(c, "microsoft.insights/diagnosticsettings/delete");
    struct slice account = c->by.account;
    struct fact_list f = { .len = 0 };
    struct waiting w;
    struct judged j;

    look(d, c, is_deleted ? 'd' : 'w', ctx, &j);
    if (c->outcome == KEY_DONE && j.is_habit)
        mark(ctx->baseline, account, MARK_USUAL, c->by.obs->minute_ns, SL(""), SL(""));
    if (c->outcome == KEY_DONE && !is_deleted)
        mark(ctx->baseline, account, MARK_WRITTEN, c->by.obs->minute_ns, c->by.caller, c->by.obs->text[F_ADDRESS]);
    if (!is_deleted || !j.may_tell)
        return 0;
    if (!slice_empty(account)) {
        keep_change(c, &j, &w);
        return hold(d, &w, ctx, err);
    }
    if (!is_of_subscription(c->resource))
        return 0; /* of something else */
    facts_add_set(&f, "item", change_last_part(c->resource));
    facts_add_set(&f, "unseen", SL("changes in the subscription, where that setting carried them"));
    return tell(&(struct grounds){ .d = d, .ctx = ctx, .type = LOGGING, .variant = ".DiagnosticDeleted",
                                   .subject = SL("activity log"), .severity = one_more(SEVERITY_MEDIUM, j.is_stranger),
                                   .is_counted = !j.is_repeat, .is_stranger = j.is_stranger }, c, &f, err);
}

static int judge_column(const struct logging_impaired *d, const struct observation *obs, size_t i,
                        const struct detector_context *ctx, struct error *err)
{
    enum state state = state_of(obs_extra(obs, columns[i].field));
    struct slice account = obs->text[F_ACCOUNT];
    struct baseline *b = ctx->baseline;
    int64_t t = obs->minute_ns;
    struct habit_view on, off;
    struct waiting w = { .time_ns = t, .first_ns = obs->first_ns, .last_ns = obs->last_ns, .what = (uint32_t)columns[i].what,
                         .column = (uint32_t)i };

    if (state == STATE_UNSAID)
        return 0;
    note_state(b, account, i, true, t, state == STATE_ON, &on);
    note_state(b, account, i, false, t, state == STATE_OFF, &off);
    if (state == STATE_ON) {
        mark(b, account, MARK_ON + (enum mark_kind)i, t, SL(""), SL(""));
        return 0;
    }
    /* News when it was on later than off, and for a week: the full text of queries is switched on for a day, and off. */
    if (!on.is_known || ctx->is_backfill || (off.is_known && off.idle_days <= on.idle_days) ||
        (off.is_known && (off.idle_days < ON_DAYS || on.age_days < ON_DAYS)) ||
        (ctx->is_learning && on.age_days * NS_PER_DAY < baseline_cfg(b)->learn_ns))
        return 0;
    /* Begun and complete are two rows of one operation, and which of them carries the state is not promised. */
    w.is_counted = key_row_is_first(b, obs, (const char[]){ 'i', (char)('a' + i), '\0' });
    KEEP(w.account, account);
    KEEP(w.resource_id, obs->text[F_RESOURCE_ID]);
    KEEP(w.operation, obs->text[F_OPERATION]);
    KEEP(w.by.correlation, obs_extra(obs, F_ACTIVITY_ID));
    return hold(d, &w, ctx, err);
}

static int judge_control(const struct logging_impaired *d, const struct observation *obs, const struct detector_context *ctx,
                         struct error *err)
{
    bool is_done = obs->status < 0 || obs_ok(obs);

    if (slice_empty(obs->text[F_ACCOUNT]))
        return 0;
    if (slice_starts_nocase(obs->text[F_OPERATION], SL("AccountDelete")))
        mark(ctx->baseline, obs->text[F_ACCOUNT], is_done ? MARK_DELETED : MARK_NOT_DELETED, obs->minute_ns, SL(""), SL(""));
    for (size_t i = 0; is_done && i < ARRAY_LEN(columns); i++)
        if (judge_column(d, obs, i, ctx, err) < 0)
            return -1;
    return 0;
}

/* ---- workspaces and their tables ----------------------------------------------------------------------------------- */

/* A number or a word without quotes that the request's body has under the name; empty when unsaid. */
static struct slice says_bare(const struct change *c, const char *name)
{
    struct slice text = obs_extra(c->by.obs, F_PROPERTIES), word = slice_of(name);
    size_t at = slice_find_nocase(text, word), end;

    if (at == SIZE_MAX || at == 0 || text.at[at - 1] != '"')
        return SL("");
    for (at += word.len; at < text.len && strchr("\\\": ", text.at[at]) != NULL && text.at[at] != '\0';)
        at++;
    for (end = at; end < text.len && (text.at[end] == '-' || text.at[end] == '.' ||
                                      (text.at[end] >= '0' && text.at[end] <= '9') ||
                                      (text.at[end] >= 'a' && text.at[end] <= 'z'));)
        end++;
    return slice_cut(slice_make(text.at + at, end - at), 24);
}

/* Does the row say what was already so before it (by closed slots)? */
static bool is_state_known(struct baseline *b, const struct change *c, char what, struct slice value)
{
    char room[24 + 20];
    struct habit_view v;
    int n = snprintf(room, sizeof room, "%c%016" PRIx64 "%.*s", what, hash64(c->resource.at, c->resource.len, 0),
                     SLF(slice_cut(value, 24)));

    habit_note_long(b, &state_memory, SL(""), slice_make(room, (size_t)n), c->resource, c->by.obs->minute_ns, &v);
    return v.is_known;
}

static bool is_table_of_ours(struct slice table)
{
    return slice_starts_nocase(table, SL("CDB")) || slice_eq_nocase(table, SL("VCoreMongoRequests")) ||
           slice_eq_nocase(table, SL("AzureActivity")) || slice_eq_nocase(table, SL("AzureDiagnostics")) ||
           slice_eq_nocase(table, SL("SecurityAlert"));
}

static struct slice workspace_of(struct slice id)
{
    struct slice mark_ = SL("/workspaces/"), name = { 0 };
    size_t at = slice_find_nocase(id, mark_);

    if (at == SIZE_MAX)
        return change_last_part(id);
    id = slice_make(id.at + at + mark_.len, id.len - at - mark_.len);
    (void)slice_split(&id, '/', &name); /* false: nothing behind the mark */
    return slice_cut(name, 96);
}

static int tell_workspace(const struct logging_impaired *d, const struct change *c, const struct judged *j,
                          const char *variant, enum severity severity, struct slice reason,
                          const struct detector_context *ctx, struct error *err)
{
    struct fact_list f = { .len = 0 };

    facts_add_set(&f, "item", change_last_part(c->resource));
    facts_add_set(&f, "reason", reason);
    return tell(&(struct grounds){ .d = d, .ctx = ctx, .type = LOGGING, .variant = variant,
                                   .subject = workspace_of(c->resource), .severity = one_more(severity, j->is_stranger),
                                   .is_counted = !j->is_repeat, .is_stranger = j->is_stranger }, c, &f, err);
}

static int judge_workspace_deleted(const struct logging_impaired *d, const struct change *c,
                                   const struct detector_context *ctx, struct error *err)
{
    struct judged j;

    look(d, c, 'x', ctx, &j);
    return j.may_tell ? tell_workspace(d, c, &j, ".WorkspaceDeleted", SEVERITY_MEDIUM,
                                       SL("a Log Analytics workspace was deleted; the row does not say whose logs it held"),
                                       ctx, err) : 0;
}

static int judge_table(const struct logging_impaired *d, const struct change *c, const struct detector_context *ctx,
                       struct error *err)
{
    bool is_deleted = change_is(c, "microsoft.operationalinsights/workspaces/tables/delete");
    struct slice plan = change_says(c, "plan");
    bool is_poor = slice_eq_nocase(plan, SL("Basic")) || slice_eq_nocase(plan, SL("Auxiliary"));
    bool is_same;
    struct judged j;

    if (!is_table_of_ours(change_last_part(c->resource)))
        return 0;
    look(d, c, is_deleted ? 'y' : 't', ctx, &j);
    if (c->outcome != KEY_DONE)
        return 0;
    is_same = !slice_empty(plan) && is_state_known(ctx->baseline, c, 'p', plan);
    if (!j.may_tell || (is_poor && is_same) || slice_eq_nocase(plan, SL("Analytics")))
        return 0;
    if (is_deleted)
        return tell_workspace(d, c, &j, ".TableTrimmed", SEVERITY_MEDIUM, SL("the table was deleted"), ctx, err);
    return is_poor ? tell_workspace(d, c, &j, ".TableTrimmed", SEVERITY_MEDIUM,
                                    SL("its plan is one that cosmowatch, and alert rules, cannot query"), ctx, err)
                   : tell_workspace(d, c, &j, ".TableTrimmed", SEVERITY_LOW,
                                    SL("plan or retention was written; the row does not say what it is now"), ctx, err);
}

static int judge_cap(const struct logging_impaired *d, const struct change *c, const struct detector_context *ctx,
                     struct error *err)
{
    struct slice cap = says_bare(c, "dailyQuotaGb");
    bool is_cap = !slice_empty(cap) && cap.at[0] != '-', is_same;
    char reason[120];
    struct judged j;

    if (!is_cap || c->outcome != KEY_DONE) {
        struct key_usual unused;

        key_event_note(ctx->baseline, &c->by, &unused);
        return 0;
    }
    look(d, c, 'q', ctx, &j);
    is_same = is_state_known(ctx->baseline, c, 'q', cap);
    if (!j.may_tell || is_same)
        return 0;
    (void)snprintf(reason, sizeof reason, "a daily cap of %.*s GB: what comes after it on a day is not kept", SLF(cap));
    return tell_workspace(d, c, &j, ".TableTrimmed", SEVERITY_MEDIUM, slice_of(reason), ctx, err);
}

/* ---- what raises alarms ------------------------------------------------------------------------------------------- */

static const struct alarm {
    const char *operation;
    char kind;
    enum severity severity;
    const char *words;
} alarms[] = {
    { .operation = "microsoft.security/pricings/write", .kind = 'f', .severity = SEVERITY_LOW,
      .words = "the plan of Defender for Azure Cosmos DB was written; the row does not say to what" },
    { .operation = "microsoft.security/alertssuppressionrules/write", .kind = 's', .severity = SEVERITY_LOW,
      .words = "a rule that suppresses alerts of Defender for Cloud was written" },
    { .operation = "microsoft.security/automations/delete", .kind = 'e', .severity = SEVERITY_MEDIUM,
      .words = "an export or a workflow of Defender for Cloud was deleted" },
    { .operation = "microsoft.insights/actiongroups/delete", .kind = 'g', .severity = SEVERITY_LOW,
      .words = "an action group was deleted: who it told is told no more" },
    { .operation = "microsoft.insights/scheduledqueryrules/delete", .kind = 'r', .severity = SEVERITY_LOW,
      .words = "a rule that searches logs was deleted" },
    { .operation = "microsoft.insights/activitylogalerts/delete", .kind = 'a', .severity = SEVERITY_LOW,
      .words = "a rule over the activity log was deleted" },
    { .operation = "microsoft.securityinsights/alertrules/delete", .kind = 'n', .severity = SEVERITY_MEDIUM,
      .words = "an analytics rule of Microsoft Sentinel was deleted" },
    { .operation = "microsoft.securityinsights/dataconnectors/delete", .kind = 'c', .severity = SEVERITY_MEDIUM,
      .words = "a data connector of Microsoft Sentinel was deleted" },
    { .operation = "microsoft.securityinsights/automationrules/delete", .kind = 'u', .severity = SEVERITY_LOW,
      .words = "an automation rule of Microsoft Sentinel was deleted" },
    { .operation = "microsoft.securityinsights/alertrules/write", .kind = 'n', .severity = SEVERITY_MEDIUM,
      .words = "an analytics rule of Microsoft Sentinel was switched off" },
};

static int judge_alarm(const struct logging_impaired *d, const struct alarm *a, const struct change *row,
                       const struct detector_context *ctx, struct error *err)
{
    bool is_plan = a->kind == 'f', is_free;
    struct slice tier = is_plan ? change_says(row, "pricingTier") : SL("");
    enum severity severity = a->severity;
    struct slice words = slice_of(a->words);
    struct change c = *row;
    struct fact_list f = { .len = 0 };
    struct key_usual unused;
    struct judged j;

    is_free = slice_eq_nocase(tier, SL("Free"));
    if ((is_plan && (!slice_eq_nocase(change_last_part(c.resource), SL("CosmosDbs")) || (!slice_empty(tier) && !is_free))) ||
        (change_is(&c, "microsoft.securityinsights/alertrules/write") && !slice_eq(says_bare(&c, "enabled"), SL("false")))) {
        key_event_note(ctx->baseline, &c.by, &unused);
        return 0;
    }
    look(d, &c, a->kind, ctx, &j);
    if (!j.may_tell)
        return 0;
    if (is_free) {
        severity = SEVERITY_MEDIUM;
        words = SL("the plan of Defender for Azure Cosmos DB was set to Free: it raises no alerts any more");
    }
    facts_add_set(&f, "item", change_last_part(c.resource));
    facts_add_set(&f, "unseen", words);
    return tell(&(struct grounds){ .d = d, .ctx = ctx, .type = ALERTING, .subject = c.by.caller,
                                   .severity = one_more(severity, j.is_stranger), .is_counted = !j.is_repeat,
                                   .is_stranger = j.is_stranger }, &c, &f, err);
}

/* ---- the observation ----------------------------------------------------------------------------------------------- */

static int judge_change(const struct logging_impaired *d, const struct change *c, const struct detector_context *ctx,
                        struct error *err)
{
    struct key_usual unused;

    if (change_is(c, "microsoft.insights/diagnosticsettings/delete") ||
        change_is(c, "microsoft.insights/diagnosticsettings/write"))
        return judge_setting(d, c, ctx, err);
    if (change_is(c, "microsoft.operationalinsights/workspaces/delete"))
        return judge_workspace_deleted(d, c, ctx, err);
    if (change_is(c, "microsoft.operationalinsights/workspaces/write"))
        return judge_cap(d, c, ctx, err);
    if ((change_is(c, "microsoft.operationalinsights/workspaces/tables/write") ||
         change_is(c, "microsoft.operationalinsights/workspaces/tables/delete")) &&
        is_table_of_ours(change_last_part(c->resource)))
        return judge_table(d, c, ctx, err);
    for (size_t i = 0; i < ARRAY_LEN(alarms); i++)
        if (change_is(c, alarms[i].operation))
            return judge_alarm(d, &alarms[i], c, ctx, err);
    key_event_note(ctx->baseline, &c->by, &unused);
    return 0;
}

/* A deletion takes minutes: its beginning says enough, but for one that fails. */
static void note_deletion(const struct change *c, const struct observation *obs, const struct detector_context *ctx)
{
    if (slice_eq_nocase(obs->text[F_OPERATION], SL("microsoft.documentdb/databaseaccounts/delete")) &&
        slice_empty(obs_extra(obs, F_RESOURCE_URI)))
        mark(ctx->baseline, obs->text[F_ACCOUNT], c->outcome == KEY_REFUSED ? MARK_NOT_DELETED : MARK_DELETED,
             obs->minute_ns, SL(""), SL(""));
}

static const struct baseline_memory *const short_memories[] = { &key_operations_memory, &mark_memory, NULL };

static int logging_impaired_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                    struct error *err)
{
    struct logging_impaired *d = self;
    struct key_usual unused;
    struct key_event e;
    struct change c;
    bool is_change;

    key_sweep(ctx, NS_PER_DAY, short_memories, &d->swept_ns);
    if (obs->kind == OBS_CONTROL)
        return judge_control(d, obs, ctx, err);
    is_change = change_read(obs, &c);
    note_deletion(&c, obs, ctx);
    if (is_change)
        return judge_change(d, &c, ctx, err);
    (void)key_event_read(obs, &e); /* whatever it is: that the log is read is learned */
    key_event_note(ctx->baseline, &e, &unused);
    return 0;
}

static const char *const logging_impaired_types[] = { LOGGING, ALERTING, NULL };
static const struct baseline_memory *const logging_impaired_memories[] = {
    &who_memory, &state_memory, &mark_memory, &waiting_memory, &key_habits_memory, &key_readers_memory,
    &key_operations_memory, NULL,
};

const struct detector_ops detector_logging_impaired = {
    .name = NAME,
    .summary = "logs of an account, or the alarms about it, switched off",
    .reads = OBS_ACTIVITY | OBS_CONTROL,
    .types = logging_impaired_types,
    .options = logging_impaired_options,
    .size = sizeof(struct logging_impaired),
    .memories = logging_impaired_memories,
    .observe = logging_impaired_observe,
    .settle = logging_impaired_settle,
};
