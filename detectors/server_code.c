/* server_code - JavaScript in the database, written by somebody who never wrote any there.
 *
 * Why:     a stored procedure, a trigger or a function stays when keys are changed, and runs with all rights over its
 *          container: what others write can be altered, or handed out, by code that no application's repository knows.
 *          Deployments write code as well, but they are the same few.
 * Reads:   data plane: RequestResourceType StoredProcedure, Trigger, UserDefinedFunction (or ...Feed), created or replaced.
 *          AzureActivity: storedProcedures/write, triggers/write, userDefinedFunctions/write.
 * Judges:  .StoredProcedure, .Trigger, .Udf: who wrote no code on this account in 200 days. Who it is: a principal, unless
 *          program and neighbourhood (kit/access.h) both are unknown to the account; else a program from a
 *          neighbourhood, or the program alone where the account knows both; through Azure Resource Manager the caller,
 *          the same principal where the row has its object id.
 *          Medium when the account had no code written in that time, or when the program, its neighbourhood or the
 *          caller is unknown as well; else Low. Both tables show one alert: its subject is where the code is. Silent
 *          while the account is young.
 * Trust:   a principal; an agent.
 * Keeps:   who wrote code (habits).
 * Blind:   what the code does, and whether a trigger is one before all operations: no row has it. Code that is run.
 *          Whoever works from the deployment's own hosts with its program.
 * Source:  ATT&CK T1505.001, T1059.007; table reference of CDBDataPlaneRequests; Azure RBAC permissions reference.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/access.h"
#include "detectors/kit/change.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "settings/option.h"

#include <string.h>

#define NAME "server_code"
#define TYPE "CosmosDBX_ServerSideCode"
#define CONTAINERS "microsoft.documentdb/databaseaccounts/sqldatabases/containers/"
#define HABIT_AT_HIGH 3 /* days that make a habit for who wants to hear more */
#define SUBJECT_MAX 200

struct server_code {
    int sensitivity;
    int64_t swept_ns; /* saves work, judges nothing */
};

static const struct option_spec server_code_options[] = {
    SENSITIVITY_OPTION(struct server_code, "low: not where code is written by others and the writer is otherwise known; "
                       "high: also who wrote code on fewer than three days"),
    { 0 },
};

static const struct baseline_memory who_memory = {
    .name = "server_code.who",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 50000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

/* ---- what was written -------------------------------------------------------------------------------------- */

static const struct code {
    struct slice type;         /* RequestResourceType */
    const char *words, *variant, *operation;
} codes[] = {
    { .type = { .at = "StoredProcedure", .len = 15 }, .words = "stored procedures", .variant = ".StoredProcedure",
      .operation = CONTAINERS "storedprocedures/write" },
    { .type = { .at = "Trigger", .len = 7 }, .words = "triggers", .variant = ".Trigger",
      .operation = CONTAINERS "triggers/write" },
    { .type = { .at = "UserDefinedFunction", .len = 19 }, .words = "functions", .variant = ".Udf",
      .operation = CONTAINERS "userdefinedfunctions/write" },
};

/* Nearly every request is about a Document: its first letter is all that most rows are asked for. The three are S, T, U. */
static bool may_be_code(struct slice type)
{
    return type.len > 0 && (unsigned)((type.at[0] | 0x20) - 's') <= 2;
}

static bool is_of_type(struct slice type, struct slice wanted)
{
    return slice_starts_nocase(type, wanted) &&
           (type.len == wanted.len || slice_eq_nocase(slice_make(type.at + wanted.len, type.len - wanted.len), SL("Feed")));
}

static const struct code *code_of_request(const struct observation *obs)
{
    static const char *const writes[] = { "Create", "Replace", "Upsert", "Update" };

    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (is_of_type(obs->text[F_RESOURCE_TYPE], codes[i].type))
            for (size_t k = 0; k < ARRAY_LEN(writes); k++)
                if (slice_eq_nocase(obs->text[F_OPERATION], slice_of(writes[k])))
                    return &codes[i];
    return NULL;
}

static const struct code *code_of_change(const struct change *c)
{
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        if (change_is(c, codes[i].operation))
            return &codes[i];
    return NULL;
}

struct where { /* "sqldatabases/shop/containers/orders/storedprocedures/total" */
    struct slice database, container, name;
};

static struct where where_of(struct slice path)
{
    struct where w = { .database = SL("") };
    struct slice word = { 0 };

    (void)slice_split(&path, '/', &word);
    (void)slice_split(&path, '/', &w.database);
    (void)slice_split(&path, '/', &word);
    (void)slice_split(&path, '/', &w.container);
    (void)slice_split(&path, '/', &word);
    w.name = path; /* what is missing stays empty */
    return w;
}

/* "stored procedures of shop/orders": Azure Resource Manager's ids come in lower case, so both do. */
static struct slice subject_of(const struct code *code, struct slice database, struct slice container,
                               char room[SUBJECT_MAX])
{
    CLEANUP(buf_release) struct buf b = BUF_HERE(SUBJECT_MAX);
    struct slice s;

    buf_add_str(&b, code->words);
    if (!slice_empty(container)) {
        buf_add_str(&b, " of ");
        buf_add_slice(&b, slice_cut(database, 80));
        buf_add_char(&b, '/');
        buf_add_slice(&b, slice_cut(container, 80));
    }
    s = buf_slice(&b);
    for (size_t i = 0; i < s.len; i++)
        room[i] = s.at[i] >= 'A' && s.at[i] <= 'Z' ? (char)(s.at[i] - 'A' + 'a') : s.at[i];
    return slice_make(room, s.len);
}

/* ---- who wrote it ------------------------------------------------------------------------------------------- */

struct writers {
    struct habit_view this_one, anybody;
};

enum who { WHO_WRITER = 'p', WHO_PROGRAM = 'f', WHO_ANYBODY = '*' };

static void note_who(struct baseline *b, struct slice account, enum who what, struct slice who, int64_t time_ns,
                     struct habit_view *ret)
{
    char room[CLIENT_KEY_MAX + 1];

    who = slice_cut(who, CLIENT_KEY_MAX);
    room[0] = (char)what;
    if (who.len)
        memcpy(room + 1, who.at, who.len);
    habit_note_long(b, &who_memory, account, slice_make(room, who.len + 1), what == WHO_ANYBODY ? account : who, time_ns, ret);
}

static void note_writer(struct baseline *b, struct slice account, struct slice who, int64_t time_ns, struct writers *ret)
{
    note_who(b, account, WHO_WRITER, who, time_ns, &ret->this_one);
    note_who(b, account, WHO_ANYBODY, SL(""), time_ns, &ret->anybody);
}

/* An application's hosts lie about in a region: where the account knows program and neighbourhood, the program is who. */
static void note_program(struct baseline *b, struct slice account, struct slice program, int64_t time_ns, bool is_stranger,
                         struct writers *w)
{
    struct habit_view v;

    if (slice_empty(program))
        return;
    note_who(b, account, WHO_PROGRAM, program, time_ns, &v);
    if (!is_stranger && v.days > w->this_one.days)
        w->this_one = v;
}

static bool is_habit(const struct server_code *d, const struct writers *w)
{
    return w->this_one.is_known && (d->sensitivity != SENSITIVITY_HIGH || w->this_one.days >= HABIT_AT_HIGH);
}

static struct slice reason_of(bool is_stranger, bool is_first)
{
    if (is_stranger)
        return is_first ? SL("the writer is new to the account, and nobody wrote code on it in 200 days")
                        : SL("the writer is new to the account");
    return is_first ? SL("nobody wrote code on this account in 200 days") : SL("others write the code of this account");
}

static int judge_request(const struct server_code *d, const struct code *code, const struct observation *obs,
                         const struct detector_context *ctx, struct error *err)
{
    struct baseline *b = ctx->baseline;
    struct slice account = obs->text[F_ACCOUNT], principal = obs->text[F_PRINCIPAL];
    struct agent agent = ctx->caller->agent;
    struct usual_view family = usual_look(b, account, USUAL_FAMILY, agent.name, obs->minute_ns);
    struct usual_view near = usual_look(b, account, USUAL_NETWORK, neighbourhood_slice(&ctx->caller->near), obs->minute_ns);
    char room[CLIENT_KEY_MAX], subject[SUBJECT_MAX];
    struct access_facts f = { .len = 0 };
    struct access_alert a = { .detector = NAME, .type = TYPE, .variant = code->variant,
                              .is_counted = !ctx->is_counted_elsewhere, .is_daily = true };
    bool is_other_program = !slice_empty(agent.name) && usual_is_unseen(&family);
    bool is_stranger = usual_is_unseen(&near) || is_other_program, is_elsewhere = usual_is_unseen(&near) && is_other_program;
    struct writers w;
    struct place place;

    note_writer(b, account, slice_empty(principal) ? client_key(&agent, &ctx->caller->near, room) : principal,
                obs->minute_ns, &w);
    if (slice_empty(principal))
        note_program(b, account, agent.name, obs->minute_ns, is_stranger, &w);
    else if (is_elsewhere)
        w.this_one = (struct habit_view){ .is_known = false }; /* a token can be stolen too */
    a.severity = is_stranger || !w.anybody.is_known ? SEVERITY_MEDIUM : SEVERITY_LOW;
    a.confidence = a.severity == SEVERITY_MEDIUM ? 60 : 40;
    a.subject = subject_of(code, obs->text[F_DATABASE], obs->text[F_CONTAINER], subject);
    if (ctx->is_backfill || ctx->is_learning || is_habit(d, &w) || !sensitivity_wants(d->sensitivity, a.confidence) ||
        access_trusts(ctx, obs, TRUSTED_PRINCIPAL, principal) ||
        access_trusts(ctx, obs, TRUSTED_AGENT, obs->text[F_USER_AGENT]))
        return 0;
    enrich_place(ctx->enrich, obs->text[F_ADDRESS], obs->text[F_PLACE], obs->minute_ns, &place);
    access_add_request(&f, obs, &place, a.is_counted);
    access_add_set(&f, "reason", reason_of(is_stranger, !w.anybody.is_known));
    return access_emit(&a, obs, &f, ctx, err);
}

static int judge_change(const struct server_code *d, const struct code *code, const struct change *c,
                        const struct detector_context *ctx, struct error *err)
{
    struct baseline *b = ctx->baseline;
    const struct observation *obs = c->by.obs;
    struct where where = where_of(obs_extra(obs, F_RESOURCE_URI));
    struct slice who = slice_empty(c->by.object_id) ? c->by.caller : c->by.object_id;
    struct change_alert a = { .detector = NAME, .type = TYPE, .variant = code->variant };
    struct fact_list f = { .len = 0 };
    struct key_usual usual;
    struct writers w;
    bool is_stranger;
    char subject[SUBJECT_MAX];

    key_event_note(b, &c->by, &usual);
    a.is_counted = !change_is_repeat(b, c, 'j');
    if (c->outcome != KEY_DONE)
        return 0;
    note_writer(b, c->by.account, who, obs->minute_ns, &w);
    is_stranger = !usual.active.is_known;
    a.severity = is_stranger || !w.anybody.is_known ? SEVERITY_MEDIUM : SEVERITY_LOW;
    a.confidence = a.severity == SEVERITY_MEDIUM ? 60 : 40;
    a.subject = subject_of(code, where.database, where.container, subject);
    if (ctx->is_backfill || key_event_is_learning(b, &c->by, &usual) || is_habit(d, &w) ||
        !sensitivity_wants(d->sensitivity, a.confidence) || change_is_trusted(ctx, c))
        return 0;
    facts_add_set(&f, "database", where.database);
    facts_add_set(&f, "container", where.container);
    facts_add_set(&f, "item", where.name);
    facts_add_set(&f, "reason", reason_of(is_stranger, !w.anybody.is_known));
    return change_emit(&a, c, &f, ctx, err);
}

/* ---- the observation ----------------------------------------------------------------------------------------- */

static const struct baseline_memory *const short_memories[] = { &key_operations_memory, NULL };

static int observe_change(struct server_code *d, const struct observation *obs, const struct detector_context *ctx,
                          struct error *err)
{
    const struct code *code;
    struct key_usual unused;
    struct key_event e;
    struct change c;

    key_sweep(ctx, NS_PER_DAY, short_memories, &d->swept_ns);
    if (change_read(obs, &c) && !slice_empty(c.by.account) && (code = code_of_change(&c)))
        return judge_change(d, code, &c, ctx, err);
    (void)key_event_read(obs, &e); /* whatever it is: that the log is read is learned */
    key_event_note(ctx->baseline, &e, &unused);
    return 0;
}

/* Apart from its caller, so that a row about a document does not pay for what this one needs on the stack. */
__attribute__((noinline)) static int observe_code(struct server_code *d, const struct observation *obs,
                                                  const struct detector_context *ctx, struct error *err)
{
    const struct code *code = code_of_request(obs);

    return code && obs_ok(obs) && access_is_customers(obs) ? judge_request(d, code, obs, ctx, err) : 0;
}

static int server_code_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                               struct error *err)
{
    if (obs->kind != OBS_REQUEST)
        return observe_change(self, obs, ctx, err);
    return LIKELY(!may_be_code(obs->text[F_RESOURCE_TYPE])) ? 0 : observe_code(self, obs, ctx, err);
}

static const char *const server_code_types[] = { TYPE, NULL };
static const struct baseline_memory *const server_code_memories[] = {
    &who_memory, USUAL_MEMORIES, &key_habits_memory, &key_readers_memory, &key_operations_memory, NULL,
};

const struct detector_ops detector_server_code = {
    .name = NAME,
    .summary = "code in the database, written by somebody who never wrote any there",
    .reads = OBS_REQUEST | OBS_ACTIVITY,
    .types = server_code_types,
    .options = server_code_options,
    .size = sizeof(struct server_code),
    .memories = server_code_memories,
    .observe = server_code_observe,
};
