/* key_listing - one caller reads the keys of account after account, as scripts that collect secrets do.
 *
 * Why:     MicroBurst's Get-AzPasswords and its like walk through a subscription: keys of each Cosmos DB account,
 *          then storage, registries, service bus. In the activity log that is a run of listKeys on different
 *          accounts, seconds apart, by one caller.
 * Reads:   AzureActivity: operation, outcome, caller, address, application, account; key listing at other providers.
 * Judges:  five-minute bins of one caller, three in a row: the keys of `accounts` accounts (or of two, with two
 *          other services in the same run, or where the subscription is known to have no more than two). Silent
 *          when the caller did such a run within 60 days on two days or within 14 days at all, or reads the keys
 *          of each of these accounts with the same application by habit: Terraform at each refresh, rotation jobs. A person in the portal reads
 *          one account at a time: ten of them in 15 minutes count.
 *          An application of its own (service principal) is not judged before the activity log is known as long as
 *          `learn`; a person's PowerShell or CLI is, from the first row.
 * Trust:   a key_reader, unless its address is listed; an address or network spares its listing.
 * Severity: Medium; High when the caller never read keys before, its address is listed as a threat, or three
 *          other services were emptied as well. Runs in which every call was refused are Low (.Refused), apart.
 * Keeps:   bins while rows may still come (5 KB each); who does such runs (keys.habits).
 * Blind:   a slow thief: fewer than three accounts in fifteen minutes (key_reader tells of new readers one by one).
 * Source:  Defender's alert of this id; NetSPI/MicroBurst Get-AzPasswords.ps1; ATT&CK T1552, T1555.006.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/key_event.h"
#include "detectors/kit/sensitivity.h"
#include "enrich/enrich.h"
#include "settings/option.h"

#include <stdio.h>
#include <string.h>

#define TYPE "CosmosDB_SuspiciousListKeys.MaliciousScript"
#define BIN_NS (5 * NS_PER_MIN)
#define BINS 3 /* in a row: 15 minutes */
#define FEWER_ACCOUNTS 2
#define OTHER_SERVICES 2
#define MANY_SERVICES 3
#define PORTAL_ACCOUNTS 10
#define NOVELTY_DAYS 14
#define LISTINGS_MAX 8

struct key_listing {
    int sensitivity;
    int64_t accounts;
    int64_t swept_ns; /* saves work, judges nothing */
};

static const struct option_spec key_listing_options[] = {
    { .key = "accounts", .type = OPT_INT, .at = offsetof(struct key_listing, accounts), .preset = "3",
      .min = 2, .max = FACT_SET_MAX, .help = "accounts whose keys one caller reads within 15 minutes" },
    SENSITIVITY_OPTION(struct key_listing, "low: twice as many accounts, 20 in the portal; high: half as many, but 2, and 5"),
    { 0 },
};

/* ---- bins -------------------------------------------------------------------------------------- */

enum bin_flag {
    BIN_TOLD = 1,
    BIN_NEW_ACCOUNT = 2, /* an account whose keys the caller does not read in this way by habit */
    BIN_UNUSUAL = 4,     /* the caller does not do such runs by habit */
    BIN_JUDGED = 8,      /* not learning, or a person's script */
    BIN_NEW_CALLER = 16, /* it never read keys before, and we would know */
    BIN_BAD_ADDRESS = 32,
    BIN_SMALL = 64,      /* the subscription is known for at most two accounts */
};

struct bin {
    int64_t count, first_ns, last_ns;
    int64_t lists, readonly, elsewhere; /* operations */
    uint32_t flags, tools;              /* tools: bit of each enum key_tool */
    struct few accounts, services, addresses, applications, names, subscriptions;
};

static const struct baseline_memory bin_memory = {
    .name = "key_listing.bin",
    .version = 1,
    .size = sizeof(struct bin),
    .max_keys = 10000,
};

static void bin_add(struct bin *to, const struct bin *more)
{
    if (!to->count || more->first_ns < to->first_ns)
        to->first_ns = more->first_ns;
    if (!to->count || more->last_ns > to->last_ns)
        to->last_ns = more->last_ns;
    to->count += more->count;
    to->lists += more->lists;
    to->readonly += more->readonly;
    to->elsewhere += more->elsewhere;
    to->flags |= more->flags & ~(uint32_t)BIN_TOLD;
    to->tools |= more->tools;
    few_unite(&to->accounts, &more->accounts);
    few_unite(&to->services, &more->services);
    few_unite(&to->addresses, &more->addresses);
    few_unite(&to->applications, &more->applications);
    few_unite(&to->names, &more->names);
    few_unite(&to->subscriptions, &more->subscriptions);
}

static struct bin bin_of(const struct key_event *e, uint32_t flags)
{
    struct bin b = { .count = 1, .first_ns = e->obs->first_ns, .last_ns = e->obs->last_ns, .flags = flags,
                     .tools = 1u << e->tool };

    b.lists = e->action == KEY_ACTION_LIST;
    b.readonly = e->action == KEY_ACTION_LIST_READONLY;
    b.elsewhere = e->action == KEY_ACTION_ELSEWHERE;
    few_add(&b.accounts, e->account);
    if (e->action == KEY_ACTION_ELSEWHERE)
        few_add(&b.services, e->provider);
    few_add(&b.addresses, e->obs->text[F_ADDRESS]);
    few_add(&b.applications, e->app_id);
    few_add(&b.names, slice_of(e->tool_name));
    few_add(&b.subscriptions, e->subscription);
    return b;
}

/* ---- one caller -------------------------------------------------------------------------------- */

/* Done and refused calls, script and portal are counted apart. */
static char run_kind(const struct key_event *e)
{
    if (e->tool == KEY_TOOL_PORTAL)
        return e->outcome == KEY_DONE ? 'p' : 'q';
    return e->outcome == KEY_DONE ? 'd' : 'r';
}

static struct slice run_key(const struct key_event *e, const int64_t *bin, char room[CALLER_MAX + 32])
{
    size_t n = 0;

    room[n++] = run_kind(e);
    memcpy(room + n, e->caller.at, e->caller.len);
    n += e->caller.len;
    if (bin)
        n += (size_t)snprintf(room + n, 24, "\x1f%" PRId64, *bin);
    return slice_make(room, n);
}

static const struct baseline_memory run_memory = { /* who does such runs */
    .name = "key_listing.runs",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 50000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

static const struct baseline_memory account_memory = { /* accounts of a subscription, as the activity log shows */
    .name = "key_listing.accounts",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 100000,
};

static struct slice place_key(struct slice subscription, int place, char room[FEW_TEXT + 8])
{
    int n = snprintf(room, FEW_TEXT + 8, "%.*s/%d", SLF(subscription), place);

    return slice_make(room, (size_t)n);
}

#define PLACES 256

/* Has the subscription at most two accounts? Each account has one of its places; more than two places taken are
 * more than two accounts. (Two of three share a place in one case of eighty: then two accounts are told as all.) */
static bool is_small(struct baseline *b, const struct key_event *e)
{
    char room[FEW_TEXT + 8];
    uint32_t hash = 2166136261u, taken = 0;

    for (size_t i = 0; i < e->account.len; i++)
        hash = (hash ^ (uint8_t)e->account.at[i]) * 16777619u;
    if (!slice_empty(e->account))
        habit_note(b, &account_memory, SL(""), place_key(e->subscription, (int)(hash % PLACES), room), SL(""),
                   e->obs->minute_ns, NULL);
    for (int i = 0; i < PLACES && taken <= FEWER_ACCOUNTS; i++) {
        struct habit_view v;

        habit_look(b, &account_memory, SL(""), place_key(e->subscription, i, room), e->obs->minute_ns, &v);
        taken += v.is_known;
    }
    return taken > 0 && taken <= FEWER_ACCOUNTS;
}

static bool is_listed(const struct detector_context *ctx, const struct key_event *e)
{
    struct slice address = e->obs->text[F_ADDRESS];
    int64_t t = e->obs->minute_ns;
    struct listing each[LISTINGS_MAX];
    size_t n = enrich_trusts(ctx->enrich, TRUSTED_ADDRESS, e->account, address, t)
                   ? 0
                   : enrich_listings(ctx->enrich, address, t, each, LISTINGS_MAX);

    for (size_t i = 0; i < n; i++)
        if (each[i].category != FEED_SCANNER && each[i].category != FEED_PROXY)
            return true;
    return false;
}

/* A job that comes once a month has been seen once when it comes again. */
static bool is_by_calendar(const struct key_event *e, const struct key_usual *usual)
{
    return !e->is_person && e->tool != KEY_TOOL_CLI && e->tool != KEY_TOOL_POWERSHELL &&
           usual->reads_here_so.idle_days >= NOVELTY_DAYS;
}

static uint32_t flags_of(const struct key_event *e, const struct key_usual *usual, const struct habit_view *runs,
                         const struct detector_context *ctx)
{
    uint32_t flags = 0;
    bool is_script = e->tool == KEY_TOOL_CLI || e->tool == KEY_TOOL_POWERSHELL;

    if (!slice_empty(e->account) && usual->reads_here_so.days < (is_by_calendar(e, usual) ? 1 : 2))
        flags |= BIN_NEW_ACCOUNT;
    if (!runs->is_known || (runs->days < 2 && runs->idle_days > NOVELTY_DAYS))
        flags |= BIN_UNUSUAL;
    if (is_script || usual->is_logged)
        flags |= BIN_JUDGED;
    if (usual->is_logged && !usual->reads.is_known)
        flags |= BIN_NEW_CALLER;
    if (is_listed(ctx, e))
        flags |= BIN_BAD_ADDRESS;
    else if (key_event_is_trusted(ctx->enrich, e))
        flags &= ~(uint32_t)(BIN_NEW_ACCOUNT | BIN_UNUSUAL); /* no run of such calls alone is told */
    if (is_small(ctx->baseline, e) && usual->is_logged)
        flags |= BIN_SMALL;
    return flags;
}

/* ---- telling ----------------------------------------------------------------------------------- */

static const char *variant_of(const struct bin *window, bool is_refused)
{
    /* The more an alert knows, the smaller the name: ".MicroBurst" < ".PowerShell", as alerts merge. */
    if (is_refused)
        return ".Refused";
    if (window->tools & (1u << KEY_TOOL_CLI))
        return ".Cli";
    if (window->tools & (1u << KEY_TOOL_POWERSHELL))
        return window->services.len ? ".MicroBurst" : ".PowerShell";
    return ".Rest";
}

static bool is_grave(const struct bin *window)
{
    return (window->flags & (BIN_NEW_CALLER | BIN_BAD_ADDRESS)) || window->services.len >= MANY_SERVICES;
}

static void add_reasons(struct fact_list *f, const struct bin *window)
{
    facts_add_set(f, "reason", SL("the keys of several accounts were read within 15 minutes"));
    if (window->flags & BIN_NEW_CALLER)
        facts_add_set(f, "reason", SL("the caller was not seen to read keys in the 60 days before"));
    else if (window->flags & BIN_UNUSUAL)
        facts_add_set(f, "reason", SL("the caller was not seen to do this in the 14 days before"));
    if (window->flags & BIN_BAD_ADDRESS)
        facts_add_set(f, "reason", SL("its address is listed as a threat"));
    if (window->services.len >= MANY_SERVICES)
        facts_add_set(f, "reason", SL("secrets of three or more other services were read in the same run"));
    else if (window->services.len >= OTHER_SERVICES)
        facts_add_set(f, "reason", SL("secrets of two other services were read in the same run"));
}

struct telling {
    const struct key_event *event;
    const struct bin *window;
    const struct detector_context *ctx;
};

static int tell(const struct telling *t, const struct bin *part, struct error *err)
{
    const struct key_event *e = t->event;
    bool is_refused = e->outcome == KEY_REFUSED;
    CLEANUP(buf_release) struct buf subject = BUF_HERE(512), resource = BUF_HERE(256);
    struct fact_list f = { .len = 0 };
    struct few readers = { .len = 0 };

    /* Texts of the catalogue's sentences are about all accounts of the run: the alert has no account of its own. */
    buf_addf(&subject, "%.*s%s", SLF(e->caller), is_refused ? " (refused)" : "");
    for (size_t i = 0; i < part->accounts.len; i++)
        key_readers_look(t->ctx->baseline, slice_of(part->accounts.text[i]), part->first_ns, &readers);
    facts_add_set(&f, "principal", e->caller);
    facts_add_few(&f, "appId", &part->applications);
    facts_add_few(&f, "application", &part->names);
    facts_add_few(&f, "address", &part->addresses);
    facts_add_few(&f, "accounts", &part->accounts);
    facts_add_few(&f, "otherServices", &part->services);
    facts_add_few(&f, "subscription", &part->subscriptions);
    facts_add_few(&f, "usualReaders", &readers);
    facts_add_map(&f, "operations", SL("listKeys"), part->lists);
    facts_add_map(&f, "operations", SL("readonlykeys"), part->readonly);
    facts_add_map(&f, "operations", SL("of other services"), part->elsewhere);
    facts_add_number(&f, "distinctAccounts", FACT_MAX, t->window->accounts.len);
    if (t->window->services.len)
        facts_add_number(&f, "distinctServices", FACT_MAX, t->window->services.len);
    facts_add_number(&f, is_refused ? "failedRequests" : "requests", FACT_SUM, part->count);
    add_reasons(&f, t->window);
    if (part->subscriptions.len)
        buf_addf(&resource, "/subscriptions/%s", part->subscriptions.text[0]);

    return alert_emit(t->ctx->sink, &(struct alert_draft){
        .detector = "key_listing", .state_version = 1, .type = TYPE, .variant = variant_of(t->window, is_refused),
        .severity = is_refused ? SEVERITY_LOW : is_grave(t->window) ? SEVERITY_HIGH : SEVERITY_MEDIUM,
        .confidence = is_refused ? 50 : is_grave(t->window) ? 85 : 70,
        .resource_id = buf_slice(&resource), .subject = buf_slice(&subject),
        .bucket_ns = time_floor(part->first_ns, NS_PER_DAY), .first_ns = part->first_ns, .last_ns = part->last_ns,
        .count = part->count, .is_aside = part->count == 0, .facts = f.at, .facts_len = f.len }, err);
}

/* ---- judging ----------------------------------------------------------------------------------- */

static bool is_run(const struct key_listing *d, int sensitivity, const struct bin *w, bool is_portal)
{
    int64_t accounts = sensitivity_count(sensitivity, is_portal ? PORTAL_ACCOUNTS : d->accounts, FEWER_ACCOUNTS);

    accounts = accounts > FACT_SET_MAX ? FACT_SET_MAX : accounts; /* more are not told apart */
    if (is_portal)
        return w->accounts.len >= accounts;
    return w->accounts.len >= accounts ||
           (w->accounts.len >= FEWER_ACCOUNTS && (w->services.len >= OTHER_SERVICES || (w->flags & BIN_SMALL)));
}

#define ALERTS (BIN_NEW_ACCOUNT | BIN_UNUSUAL | BIN_JUDGED)

/* What of a bin of the window goes into a draft: all of it when none was told; of the bin at hand what was added;
 * else nothing but that it belongs to this window, whose gravity may be news to the alert of that day. */
static bool part_of(const struct bin *b, bool is_this, const struct bin *added, bool *is_added_told, int64_t this_ns,
                    struct bin *ret)
{
    if (!(b->flags & BIN_TOLD)) {
        *ret = *b;
    } else if (is_this && !*is_added_told) {
        *ret = *added;
    } else {
        *ret = (struct bin){ .first_ns = b->first_ns, .last_ns = b->last_ns };
        return is_this || time_floor(b->first_ns, NS_PER_DAY) != time_floor(this_ns, NS_PER_DAY);
    }
    *is_added_told = *is_added_told || is_this;
    return true;
}

/* The three bins from `first_bin` on. When they are a run, remember that the caller does that; when it is an unusual
 * one, tell what was not told. */
static int judge_window(const struct key_listing *d, const struct key_event *e, int64_t first_bin, int64_t this_bin,
                        const struct bin *added, bool *is_added_told, const struct detector_context *ctx,
                        struct error *err)
{
    struct bin window = { .count = 0 };
    struct telling t = { .event = e, .window = &window, .ctx = ctx };
    char room[CALLER_MAX + 32];
    bool is_habit;

    for (int64_t n = first_bin; n < first_bin + BINS; n++) {
        const struct bin *b = baseline_get(ctx->baseline, &bin_memory, SL(""), run_key(e, &n, room));

        if (b)
            bin_add(&window, b);
    }
    /* A habit is what normal calls a run, so that sensitivity changes no history. */
    is_habit = is_run(d, SENSITIVITY_NORMAL, &window, e->tool == KEY_TOOL_PORTAL);
    for (int64_t n = first_bin; is_habit && n < first_bin + BINS; n++)
        if (baseline_get(ctx->baseline, &bin_memory, SL(""), run_key(e, &n, room)))
            habit_note(ctx->baseline, &run_memory, SL(""), run_key(e, NULL, room), e->caller, n * BIN_NS, NULL);
    if (ctx->is_backfill || (window.flags & ALERTS) != ALERTS ||
        !is_run(d, d->sensitivity, &window, e->tool == KEY_TOOL_PORTAL))
        return 0;
    for (int64_t n = first_bin; n < first_bin + BINS; n++) {
        struct slice key = run_key(e, &n, room);
        const struct bin *known = baseline_get(ctx->baseline, &bin_memory, SL(""), key);
        struct bin *b, part;

        if (!known || !part_of(known, n == this_bin, added, is_added_told, this_bin * BIN_NS, &part))
            continue;
        b = baseline_put(ctx->baseline, &bin_memory, SL(""), key, e->caller, n * BIN_NS, NULL);
        if (!b)
            continue;
        b->flags |= BIN_TOLD;
        if (tell(&t, &part, err) < 0)
            return -1;
    }
    return 0;
}

static const struct baseline_memory *const short_memories[] = { &bin_memory, &key_operations_memory, NULL };

static int key_listing_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                               struct error *err)
{
    struct key_listing *d = self;
    struct key_event e;
    struct key_usual usual;
    struct habit_view runs;
    struct bin *b, added;
    char room[CALLER_MAX + 32];
    bool is_key = key_event_read(obs, &e), is_added_told = false;
    int64_t bin = time_floor(obs->minute_ns, BIN_NS) / BIN_NS;

    key_sweep(ctx, 0, short_memories, &d->swept_ns);
    key_event_note(ctx->baseline, &e, &usual);
    if (!is_key || e.action == KEY_ACTION_REGENERATE || key_event_is_repeat(ctx->baseline, &e, 'l'))
        return 0;
    habit_look(ctx->baseline, &run_memory, SL(""), run_key(&e, NULL, room), obs->minute_ns, &runs);
    added = bin_of(&e, flags_of(&e, &usual, &runs, ctx));
    b = baseline_put(ctx->baseline, &bin_memory, SL(""), run_key(&e, &bin, room), e.caller, obs->minute_ns, NULL);
    if (!b)
        return 0;
    bin_add(b, &added);
    for (int64_t first = bin - BINS + 1; first <= bin; first++)
        if (judge_window(d, &e, first, bin, &added, &is_added_told, ctx, err) < 0)
            return -1;
    return 0;
}

static const char *const key_listing_types[] = { TYPE, NULL };
static const struct baseline_memory *const key_listing_memories[] = {
    &bin_memory, &run_memory, &account_memory, &key_habits_memory, &key_readers_memory, &key_operations_memory, NULL,
};

const struct detector_ops detector_key_listing = {
    .name = "key_listing",
    .summary = "a script reads the keys of account after account",
    .reads = OBS_ACTIVITY,
    .types = key_listing_types,
    .options = key_listing_options,
    .size = sizeof(struct key_listing),
    .memories = key_listing_memories,
    .observe = key_listing_observe,
};
