/* network_opened - the network around an account was opened: to all, to Azure, to a wide range, to web pages.
 *
 * Why:     a stolen key is worth nothing while the firewall is shut. Who has rights on the account opens it first.
 * Reads:   CDBControlPlaneRequests: AccountUpdate, AccountCreate, VirtualNetworkDelete, which carry the state after the
 *          change and no caller. AzureActivity: databaseAccounts/write says who (its clientRequestId is their ActivityId;
 *          else whoever wrote the account in the same minutes), and mongoClusters/firewallRules/write.
 * Judges:  a state that lets in what an earlier one did not: the one that closed intervals taught, or one of the hours
 *          before. .All High from a caller who never wrote an account before, else Medium; .WholeAzure, .VnetRemoved,
 *          .PrivateEndpointRemoved Medium; .WideRange (wider than /16) Low. CORS: `*` Medium, a new origin Low.
 *          A cluster's rule, when the row carries its addresses: half of all High, wider than /16 and 0.0.0.0 Medium; when
 *          it does not, Low from a caller who never wrote one, unless he is known and others write them here.
 *          Silent: what was so on three days of the last 60 (opened each night by a job); single addresses; young accounts,
 *          for nothing says yet that there is data in them; the first state ever seen, for it may always have been so.
 * Trust:   a principal for rules of clusters. The state of an account names nobody, and is bad whoever did it.
 * Keeps:   states and writers of some hours (at most 16 each per account and interval, the first ones, and of writers first
 *          those who never wrote before), the state that closed intervals taught. Texts begin with a time, so that the
 *          first writer is the first whatever came first.
 * Blind:   publicNetworkAccess and the bypass for Azure services have no column: a list that is emptied while public access
 *          is switched off looks like an opening. An account that changed for the first time. A change that was accepted and
 *          then failed is told, and said to have failed when its end is seen.
 * Source:  "audit control plane operations" and "configure an IP firewall" of the Cosmos DB documentation; table reference
 *          of CDBControlPlaneRequests; ATT&CK T1562.007.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/map.h"
#include "base/timeutil.h"
#include "baseline/slots.h"
#include "detectors/detector.h"
#include "detectors/kit/change.h"
#include "detectors/kit/network_state.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "settings/option.h"

#include <stdio.h>
#include <string.h>

#define TYPE "CosmosDBX_NetworkOpened"
#define TYPE_CORS "CosmosDBX_CorsOpened"
#define TYPE_CLUSTER "CosmosDBX_ClusterFirewall"
#define ROWS_MAX 16
#define WRITERS_MAX 16
#define NEAR_NS (15 * NS_PER_MIN)
#define ID_TEXT 48
#define WIDE_SPAN ((int64_t)1 << (32 - NETWORK_WIDE_BITS))

struct network_opened {
    int sensitivity;
    int64_t swept_ns; /* saves work, judges nothing */
};

static const struct option_spec network_opened_options[] = {
    SENSITIVITY_OPTION(struct network_opened, "low: silent about wide ranges and new origins of CORS, and about what "
                       "happened once before; high: silent only about what happened on ten days before"),
    { 0 },
};

/* ---- memories ---------------------------------------------------------------------------------------------------- */

enum row_flag { ROW_FAILED = 1, ROW_CREATED = 2, ROW_OLD = 4 /* of a backfill: not told */,
                ROW_COUNTED = 8, ROW_COUNTED_CORS = 16 };

struct row { /* of the control plane */
    int64_t time_ns;
    uint64_t activity;     /* 0: unsaid */
    uint64_t told[2];      /* what was told last, of the network and of CORS */
    uint32_t flags, api;
    char id[ID_TEXT];
    struct network_state state;
};

struct rows { uint32_t len, unused; struct row each[ROWS_MAX]; }; /* of an account in an interval, by time */

static const struct baseline_memory row_memory = {
    .name = "network_opened.row",
    .version = 1,
    .size = sizeof(struct rows),
    .max_keys = 2000,
};

struct writer { /* of the account, by the activity log */
    int64_t time_ns;
    uint64_t request;      /* 0: unsaid */
    uint32_t is_new, unused;
    char caller[CALLER_MAX], address[ID_TEXT], app_id[ID_TEXT], tool[ID_TEXT], correlation[ID_TEXT];
};

struct writers { uint32_t len, unused; struct writer each[WRITERS_MAX]; };

static const struct baseline_memory writer_memory = {
    .name = "network_opened.writer",
    .version = 1,
    .size = sizeof(struct writers),
    .max_keys = 5000,
};

struct known { /* by closed intervals */
    int64_t first_ns, time_ns; /* 0: nothing */
    struct network_state state;
};

struct states {
    int32_t newest, unused;
    struct known learned[2], open[2];
};

static const struct baseline_memory state_memory = {
    .name = "network_opened.state",
    .version = 1,
    .size = sizeof(struct states),
    .max_keys = 20000,
};

static const struct baseline_memory habit_memory = {
    .name = "network_opened.habit",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 100000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

static void known_add(struct known *to, int64_t first_ns, int64_t time_ns, const struct network_state *state)
{
    if (!to->first_ns || first_ns < to->first_ns)
        to->first_ns = first_ns;
    if (time_ns > to->time_ns || (time_ns == to->time_ns && memcmp(state, &to->state, sizeof *state) > 0)) {
        to->time_ns = time_ns;
        to->state = *state;
    }
}

static void known_fold(void *learned, const void *open, int32_t slot UNUSED)
{
    const struct known *o = open;

    if (o->time_ns)
        known_add(learned, o->first_ns, o->time_ns, &o->state);
}

static const struct slots_kind known_kind = { .learned_size = sizeof(struct known), .open_size = sizeof(struct known),
                                              .fold = known_fold };

static int32_t slot_at(struct baseline *b, int64_t time_ns)
{
    return slots_of(time_ns, slots_len(baseline_cfg(b)));
}

static void known_note(struct baseline *b, struct slice account, const struct row *r)
{
    int32_t len = slots_len(baseline_cfg(b));
    struct states *s = baseline_put(b, &state_memory, account, SL(""), account, r->time_ns, NULL);
    struct known *open;

    if (!s)
        return;
    open = slots_open(&known_kind, s->open,
                      slots_enter(&s->newest, slots_of(r->time_ns, len), len, &known_kind, s->learned, s->open));
    if (open)
        known_add(open, r->time_ns, r->time_ns, &r->state);
}

static struct known known_look(struct baseline *b, struct slice account, int64_t time_ns)
{
    int32_t len = slots_len(baseline_cfg(b));
    const struct states *known = baseline_get(b, &state_memory, account, SL(""));
    const struct known *learned;
    struct states s;

    if (!known)
        return (struct known){ .time_ns = 0 };
    s = *known;
    learned = slots_learned(&known_kind, s.learned,
                            slots_enter(&s.newest, slots_of(time_ns, len), len, &known_kind, s.learned, s.open));
    return *learned;
}

static struct slice slot_key(int32_t slot, char room[16])
{
    int n = snprintf(room, 16, "%" PRId32, slot);

    return slice_make(room, (size_t)n);
}

static const struct rows *rows_at(struct baseline *b, struct slice account, int32_t slot)
{
    char room[16];

    return baseline_get(b, &row_memory, account, slot_key(slot, room));
}

static uint64_t id_hash(struct slice id)
{
    char room[ID_TEXT];

    id = slice_lower(id, room, sizeof room);
    return id.len ? hash64(id.at, id.len, 0) | 1 : 0;
}

static bool is_before(const struct row *a, const struct row *b)
{
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns;
    if (a->activity != b->activity)
        return a->activity < b->activity;
    if ((a->flags ^ b->flags) & ROW_FAILED)
        return !(a->flags & ROW_FAILED);
    return memcmp(&a->state, &b->state, sizeof a->state) < 0;
}

static bool is_same_row(const struct row *a, const struct row *b)
{
    return !is_before(a, b) && !is_before(b, a);
}

/* The newest row that says what an earlier one says leaves first, so that repeated writes do not push out a change. */
static void rows_make_room(struct rows *rs)
{
    uint32_t drop = ROWS_MAX - 1;

    for (uint32_t i = ROWS_MAX - 1; i > 0 && drop == ROWS_MAX - 1; i--)
        for (uint32_t k = 0; k < i; k++)
            if (memcmp(&rs->each[k].state, &rs->each[i].state, sizeof rs->each[i].state) == 0 &&
                !((rs->each[k].flags ^ rs->each[i].flags) & ROW_FAILED)) {
                drop = i;
                break;
            }
    memmove(&rs->each[drop], &rs->each[drop + 1], (ROWS_MAX - 1 - drop) * sizeof rs->each[0]);
    rs->len--;
}

static void rows_note(struct baseline *b, struct slice account, const struct row *r)
{
    char room[16];
    struct slice key = slot_key(slot_at(b, r->time_ns), room);
    struct rows *rs = baseline_put(b, &row_memory, account, key, SL(""), r->time_ns, NULL);
    uint32_t at = 0;

    if (!rs)
        return;
    for (; at < rs->len && !is_before(r, &rs->each[at]); at++)
        if (is_same_row(r, &rs->each[at]))
            return;
    if (rs->len == ROWS_MAX) {
        rows_make_room(rs);
        for (at = 0; at < rs->len && !is_before(r, &rs->each[at]); at++)
            ;
    }
    memmove(&rs->each[at + 1], &rs->each[at], (rs->len - at) * sizeof rs->each[0]);
    rs->each[at] = *r;
    rs->len++;
}

/* ---- what one row opened ----------------------------------------------------------------------------------------- */

#define MATCHES_MAX 12

struct finding {
    uint32_t opened;
    struct few ranges, origins;
    int64_t put_back_ns;   /* INT64_MAX: not seen */
    int64_t known_days;    /* the state of this account was seen for so long before */
    bool has_failed, has_new_writer;
    size_t writers, near;
    const struct writer *writer[MATCHES_MAX], *near_by[MATCHES_MAX];
};

/* Days on which it happened before, from which on it is no news. */
static int64_t habit_days(const struct network_opened *d)
{
    return d->sensitivity == SENSITIVITY_LOW ? 1 : d->sensitivity == SENSITIVITY_HIGH ? 10 : 3;
}

/* All states before it, the one that was learned first. */
static void look_before(struct baseline *b, struct slice account, const struct row *o, struct finding *f)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slot_at(b, o->time_ns);
    struct known known = known_look(b, account, o->time_ns);
    int64_t from_ns = 0; /* an account made anew has no state before */

    if (o->flags & (ROW_FAILED | ROW_CREATED))
        return;
    for (int32_t s = slot - len; s <= slot; s += len) {
        const struct rows *rs = rows_at(b, account, s);

        for (uint32_t i = 0; rs && i < rs->len; i++)
            if ((rs->each[i].flags & (ROW_CREATED | ROW_FAILED)) == ROW_CREATED && rs->each[i].time_ns <= o->time_ns)
                from_ns = rs->each[i].time_ns;
    }
    if (known.time_ns && !from_ns) {
        f->opened |= network_opened(&known.state, &o->state, &f->ranges, &f->origins);
        f->known_days = (o->time_ns - known.first_ns) / NS_PER_DAY;
    }
    for (int32_t s = slot - len; s <= slot; s += len) {
        const struct rows *rs = rows_at(b, account, s);

        for (uint32_t i = 0; rs && i < rs->len; i++)
            if (!(rs->each[i].flags & ROW_FAILED) && rs->each[i].time_ns < o->time_ns && rs->each[i].time_ns >= from_ns)
                f->opened |= network_opened(&rs->each[i].state, &o->state, &f->ranges, &f->origins);
    }
}

static struct slice opening_key(uint32_t bit, char room[4])
{
    room[0] = 'o';
    room[1] = '0';
    for (uint32_t n = bit; n > 1; n >>= 1)
        room[1]++;
    return slice_make(room, 2);
}

/* What happens to the account again and again is no news. */
static void leave_out_habits(struct baseline *b, struct slice account, const struct row *o, int64_t days, struct finding *f)
{
    for (uint32_t bit = 1; bit <= OPENED_CORS; bit <<= 1) {
        struct habit_view v;
        char room[4];

        if (!(f->opened & bit))
            continue;
        habit_note(b, &habit_memory, account, opening_key(bit, room), account, o->time_ns, &v);
        if (v.is_known && v.days >= days)
            f->opened &= ~bit;
    }
}

static bool is_young(struct baseline *b, struct slice account, const struct row *o, const struct finding *f)
{
    return baseline_is_learning(b, account, o->time_ns) && f->known_days * NS_PER_DAY < baseline_cfg(b)->learn_ns;
}

static void look_after(struct baseline *b, struct slice account, const struct row *o, struct finding *f)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slot_at(b, o->time_ns);

    f->put_back_ns = INT64_MAX;
    for (int32_t s = slot - len; s <= slot + len; s += len) {
        const struct rows *rs = rows_at(b, account, s);

        for (uint32_t i = 0; rs && i < rs->len; i++) {
            const struct row *c = &rs->each[i];

            if (c->flags & ROW_FAILED) {
                f->has_failed = f->has_failed || (o->activity && c->activity == o->activity);
                continue;
            }
            if (c->time_ns > o->time_ns && c->time_ns < f->put_back_ns &&
                (network_opened(&c->state, &o->state, NULL, NULL) & f->opened))
                f->put_back_ns = c->time_ns;
        }
    }
}

static void add_writer(const struct writer **list, size_t *len, const struct writer *w)
{
    for (size_t i = 0; i < *len; i++)
        if (list[i] == w)
            return;
    if (*len < MATCHES_MAX)
        list[(*len)++] = w;
}

static void look_who_wrote(struct baseline *b, struct slice account, const struct row *o, struct finding *f)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slot_at(b, o->time_ns);

    for (int32_t s = slot - len; s <= slot + len; s += len) {
        char room[16];
        const struct writers *ws = baseline_get(b, &writer_memory, account, slot_key(s, room));

        for (uint32_t i = 0; ws && i < ws->len; i++) {
            const struct writer *w = &ws->each[i];
            bool is_it = o->activity && w->request == o->activity;
            int64_t apart = w->time_ns > o->time_ns ? w->time_ns - o->time_ns : o->time_ns - w->time_ns;

            if (!is_it && apart > NEAR_NS)
                continue;
            f->has_new_writer = f->has_new_writer || w->is_new;
            if (is_it)
                add_writer(f->writer, &f->writers, w);
            else
                add_writer(f->near_by, &f->near, w);
        }
    }
}

/* Whoever writes the same state after midnight opened nothing: those who wrote it before him are named too, and first. */
static void look_who(struct baseline *b, struct slice account, const struct row *o, struct finding *f)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slot_at(b, o->time_ns);

    look_who_wrote(b, account, o, f);
    for (int32_t s = slot - len; s <= slot; s += len) {
        const struct rows *rs = rows_at(b, account, s);

        for (uint32_t i = 0; rs && i < rs->len; i++)
            if (!(rs->each[i].flags & ROW_FAILED) && rs->each[i].time_ns < o->time_ns &&
                !(network_opened(&rs->each[i].state, &o->state, NULL, NULL) & f->opened))
                look_who_wrote(b, account, &rs->each[i], f);
    }
}

/* ---- telling ------------------------------------------------------------------------------------------------------ */

static const struct { uint32_t bit; const char *variant, *reason; enum severity severity; } openings[] = {
    /* gravest first */
    { .bit = OPENED_ALL, .variant = ".All", .severity = SEVERITY_MEDIUM, .reason = "all networks may come in" },
    { .bit = OPENED_WHOLE_AZURE, .variant = ".WholeAzure", .severity = SEVERITY_MEDIUM,
      .reason = "0.0.0.0 lets in whatever runs in Azure, of any tenant" },
    { .bit = OPENED_PRIVATE, .variant = ".PrivateEndpointRemoved", .severity = SEVERITY_MEDIUM,
      .reason = "there is no private endpoint any more" },
    { .bit = OPENED_VNET, .variant = ".VnetRemoved", .severity = SEVERITY_MEDIUM,
      .reason = "the filter for virtual networks was switched off" },
    { .bit = OPENED_WIDE, .variant = ".WideRange", .severity = SEVERITY_LOW,
      .reason = "a wide range of addresses was let in" },
    { .bit = OPENED_CORS_ALL, .severity = SEVERITY_MEDIUM, .reason = "web pages of any origin may ask" },
    { .bit = OPENED_CORS, .severity = SEVERITY_LOW, .reason = "web pages of a new origin may ask" },
};

static void writer_text(const struct writer *w, struct buf *out)
{
    time_add_iso(out, time_floor(w->time_ns, NS_PER_S), 0);
    buf_addf(out, " %s", w->caller);
    if (w->address[0])
        buf_addf(out, " from %s", w->address);
    if (w->tool[0])
        buf_addf(out, " with %s", w->tool);
}

static uint64_t facts_hash(const struct fact_list *f, enum severity severity)
{
    uint64_t h = hash64(&severity, sizeof severity, 1);

    for (size_t i = 0; i < f->len; i++) {
        h = hash64(f->at[i].name, strlen(f->at[i].name), h);
        h = hash64(&f->at[i].number, sizeof f->at[i].number, h);
        h = f->at[i].text.len ? hash64(f->at[i].text.at, f->at[i].text.len, h) : h;
    }
    return h;
}

static const struct telling {
    const char *type;
    uint32_t about, counted;
    size_t told; /* of a row */
} tellings[] = {
    { .type = TYPE, .about = OPENED_NETWORK, .counted = ROW_COUNTED, .told = 0 },
    { .type = TYPE_CORS, .about = OPENED_ORIGINS, .counted = ROW_COUNTED_CORS, .told = 1 },
};

/* One operation is two rows and counts once. */
static bool is_counted(struct baseline *b, struct slice account, const struct row *o, uint32_t flag)
{
    int32_t len = slots_len(baseline_cfg(b)), slot = slot_at(b, o->time_ns);

    if (o->flags & flag)
        return true;
    for (int32_t s = slot - len; o->activity && s <= slot + len; s += len) {
        const struct rows *rs = rows_at(b, account, s);

        for (uint32_t i = 0; rs && i < rs->len; i++)
            if ((rs->each[i].flags & flag) && rs->each[i].activity == o->activity &&
                time_floor(rs->each[i].time_ns, NS_PER_DAY) == time_floor(o->time_ns, NS_PER_DAY))
                return true;
    }
    return false;
}

static int tell(const struct observation *obs, struct row *o, const struct finding *found, const struct telling *t,
                const struct detector_context *ctx, struct error *err)
{
    CLEANUP(buf_release) struct buf texts = BUF_HERE((size_t)MATCHES_MAX * 2 * 320);
    struct fact_list f = { .len = 0 };
    const char *variant = NULL;
    enum severity severity = SEVERITY_LOW;
    uint32_t opened = found->opened & t->about;
    bool is_more;
    uint64_t hash;

    for (size_t i = 0; i < ARRAY_LEN(openings); i++) {
        if (!(opened & openings[i].bit))
            continue;
        facts_add_set(&f, "reason", slice_of(openings[i].reason));
        variant = variant ? variant : openings[i].variant;
        severity = openings[i].severity > severity ? openings[i].severity : severity;
    }
    if ((opened & OPENED_ALL) && found->has_new_writer) {
        severity = SEVERITY_HIGH;
        facts_add_set(&f, "reason", SL("who wrote it wrote no account in 60 days"));
    }
    if (found->has_failed)
        facts_add_set(&f, "reason", SL("the change was accepted and failed later"));
    if (opened & OPENED_WIDE)
        facts_add_few(&f, "addedRange", &found->ranges);
    if (opened & OPENED_CORS)
        facts_add_few(&f, "addedOrigin", &found->origins);
    for (size_t i = 0; i < found->writers + found->near; i++) {
        bool is_it = i < found->writers;
        const struct writer *w = is_it ? found->writer[i] : found->near_by[i - found->writers];
        size_t from = buf_slice(&texts).len;
        struct slice who;

        writer_text(w, &texts);
        who = slice_make(buf_slice(&texts).at + from, buf_slice(&texts).len - from);
        facts_add_set(&f, is_it ? "writtenBy" : "writtenNearby", who);
        if (!is_it)
            continue;
        facts_add_set(&f, "principal", slice_of(w->caller));
        facts_add_set(&f, "address", slice_of(w->address));
        facts_add_set(&f, "appId", slice_of(w->app_id));
        facts_add_set(&f, "application", slice_of(w->tool));
        facts_add_set(&f, "correlationId", slice_of(w->correlation));
    }
    if (found->put_back_ns != INT64_MAX)
        facts_add_number(&f, "putBackAt", FACT_MIN, found->put_back_ns);
    facts_add_number(&f, "seenOpenAt", FACT_MAX, o->time_ns);
    if (found->known_days)
        facts_add_number(&f, "historyDays", FACT_MAX, found->known_days);
    facts_add_sample(&f, slice_of(o->id), 0);
    hash = facts_hash(&f, severity);
    if (o->told[t->told] == hash)
        return 0;
    o->told[t->told] = hash;
    is_more = is_counted(ctx->baseline, obs->text[F_ACCOUNT], o, t->counted);
    o->flags |= t->counted;
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "network_opened", .state_version = 1, .type = t->type, .variant = variant, .severity = severity,
        .confidence = severity == SEVERITY_LOW ? 50 : 75, .api = (enum api)o->api, .account = obs->text[F_ACCOUNT],
        .resource_id = obs->text[F_RESOURCE_ID], .subject = obs->text[F_ACCOUNT],
        .bucket_ns = time_floor(o->time_ns, NS_PER_DAY), .first_ns = o->time_ns, .last_ns = o->time_ns,
        .count = is_more ? 0 : 1, .is_aside = is_more, .facts = f.at, .facts_len = f.len }, err);
}

static int judge_row(const struct network_opened *d, const struct observation *obs, struct row *o,
                     const struct detector_context *ctx, struct error *err)
{
    struct slice account = obs->text[F_ACCOUNT];
    struct finding f = { .opened = 0 };

    look_before(ctx->baseline, account, o, &f);
    leave_out_habits(ctx->baseline, account, o, habit_days(d), &f);
    if (d->sensitivity == SENSITIVITY_LOW)
        f.opened &= ~(uint32_t)(OPENED_CORS | OPENED_WIDE);
    if (!f.opened || ctx->is_backfill || (o->flags & ROW_OLD) || is_young(ctx->baseline, account, o, &f))
        return 0;
    look_after(ctx->baseline, account, o, &f);
    look_who(ctx->baseline, account, o, &f);
    for (size_t i = 0; i < ARRAY_LEN(tellings); i++)
        if ((f.opened & tellings[i].about) && tell(obs, o, &f, &tellings[i], ctx, err) < 0)
            return -1;
    return 0;
}

/* A row at this time may say more of those of its own interval and of the two beside it. */
static int judge_around(const struct network_opened *d, const struct observation *obs, const struct detector_context *ctx,
                        struct error *err)
{
    struct baseline *b = ctx->baseline;
    struct slice account = obs->text[F_ACCOUNT];
    int32_t len = slots_len(baseline_cfg(b)), slot = slot_at(b, obs->minute_ns);

    for (int32_t s = slot - len; s <= slot + len; s += len) {
        const struct rows *known = rows_at(b, account, s);
        char room[16];
        struct rows *rs;

        if (!known || !known->len)
            continue;
        rs = baseline_put(b, &row_memory, account, slot_key(s, room), SL(""), known->each[0].time_ns, NULL);
        for (uint32_t i = 0; rs && i < rs->len; i++)
            if (judge_row(d, obs, &rs->each[i], ctx, err) < 0)
                return -1;
    }
    return 0;
}

static int judge_control(const struct network_opened *d, const struct observation *obs, const struct detector_context *ctx,
                         struct error *err)
{
    struct slice op = obs->text[F_OPERATION], account = obs->text[F_ACCOUNT];
    struct slice id = obs_extra(obs, F_ACTIVITY_ID);
    struct row r = { .time_ns = obs->first_ns, .activity = id_hash(id), .api = (uint32_t)obs->api };
    bool is_state = network_state_read(obs, &r.state), is_failed = obs->status >= 400;

    if (slice_empty(account) || (!is_state && !(is_failed && r.activity)))
        return 0;
    slice_keep(slice_trim(id), r.id, sizeof r.id);
    if (slice_starts_nocase(op, SL("AccountCreate")))
        r.flags |= ROW_CREATED;
    if (ctx->is_backfill)
        r.flags |= ROW_OLD;
    if (is_failed) {
        r.flags |= ROW_FAILED;
        memset(&r.state, 0, sizeof r.state);
    } else {
        known_note(ctx->baseline, account, &r);
    }
    rows_note(ctx->baseline, account, &r);
    return judge_around(d, obs, ctx, err);
}

/* ---- who wrote ----------------------------------------------------------------------------------------------------- */

/* Who is new comes first: where deployments write all day he is the one to remember. */
static int writer_order(const struct writer *a, const struct writer *b)
{
    if (a->is_new != b->is_new)
        return a->is_new ? -1 : 1;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return memcmp(a, b, sizeof *a);
}

static void writers_note(struct baseline *b, const struct change *c, bool is_new)
{
    const struct observation *obs = c->by.obs;
    char room[16];
    struct writers *ws = baseline_put(b, &writer_memory, c->by.account, slot_key(slot_at(b, obs->minute_ns), room), SL(""),
                                      obs->minute_ns, NULL);
    struct writer w;
    uint32_t at = 0;

    if (!ws)
        return;
    memset(&w, 0, sizeof w);
    w.time_ns = obs->first_ns;
    w.request = id_hash(obs_extra(obs, F_CLIENT_REQUEST_ID));
    w.is_new = is_new;
    memcpy(w.caller, c->by.caller.at, c->by.caller.len);
    slice_keep(slice_trim(obs->text[F_ADDRESS]), w.address, sizeof w.address);
    slice_keep(slice_trim(c->by.app_id), w.app_id, sizeof w.app_id);
    slice_keep(slice_trim(slice_of(c->by.tool_name)), w.tool, sizeof w.tool);
    slice_keep(slice_trim(obs_extra(obs, F_CORRELATED_ID)), w.correlation, sizeof w.correlation);
    for (; at < ws->len; at++) {
        int order = writer_order(&ws->each[at], &w);

        if (order == 0)
            return;
        if (order > 0)
            break;
    }
    if (at == WRITERS_MAX)
        return;
    if (ws->len == WRITERS_MAX)
        ws->len--;
    memmove(&ws->each[at + 1], &ws->each[at], (ws->len - at) * sizeof w);
    ws->each[at] = w;
    ws->len++;
}

/* ---- rules of clusters --------------------------------------------------------------------------------------------- */

static int judge_rule(const struct network_opened *d, const struct change *c, const struct detector_context *ctx,
                      struct error *err)
{
    struct slice first = change_says(c, "startIpAddress"), last = change_says(c, "endIpAddress");
    int64_t span = network_span(first, last);
    bool is_said, is_azure = span == 1 && slice_eq(first, SL("0.0.0.0"));
    char kind = span >= (int64_t)1 << 31 ? 'a' : is_azure ? 'z' : span > WIDE_SPAN ? 'w' : span ? 'n' : 'u';
    struct change_usual usual;
    struct fact_list f = { .len = 0 };
    CLEANUP(buf_release) struct buf range = BUF_HERE(128);
    struct change_alert a = { .detector = "network_opened", .type = TYPE_CLUSTER, .subject = c->by.caller,
                              .severity = kind == 'a' ? SEVERITY_HIGH : kind == 'u' ? SEVERITY_LOW : SEVERITY_MEDIUM,
                              .confidence = kind == 'u' ? 50 : 75 };

    change_note(ctx->baseline, &habit_memory, kind, c, &usual);
    a.is_counted = !change_is_repeat(ctx->baseline, c, 'N');
    is_said = kind != 'u' || d->sensitivity == SENSITIVITY_HIGH ||
              (d->sensitivity != SENSITIVITY_LOW && !usual.caller.is_known &&
               !(usual.here.is_known && usual.by.active.is_known)); /* one more of those who administer it */
    if (c->outcome != KEY_DONE || kind == 'n' || usual.is_young || usual.caller_here.is_known || !is_said ||
        ctx->is_backfill || change_is_trusted(ctx, c))
        return 0;
    if (span) {
        buf_addf(&range, "%.*s-%.*s", SLF(slice_cut(first, 40)), SLF(slice_cut(last, 40)));
        facts_add_set(&f, "addedRange", buf_slice(&range));
    }
    facts_add_set(&f, "reason", kind == 'a'   ? SL("the rule lets in all networks, or half of them")
                                : kind == 'z' ? SL("0.0.0.0 lets in whatever runs in Azure, of any tenant")
                                : kind == 'w' ? SL("the rule lets in a wide range of addresses")
                                              : SL("the row does not say which addresses the rule lets in"));
    return change_emit(&a, c, &f, ctx, err);
}

/* ---- the observation ----------------------------------------------------------------------------------------------- */

static const struct baseline_memory *const short_memories[] = { &row_memory, &writer_memory, &key_operations_memory, NULL };

static int judge_activity(const struct network_opened *d, const struct observation *obs, const struct detector_context *ctx,
                          struct error *err)
{
    struct change c;
    struct change_usual usual;

    if (change_read(obs, &c)) {
        if (change_is(&c, "microsoft.documentdb/mongoclusters/firewallrules/write"))
            return judge_rule(d, &c, ctx, err);
        if (change_is(&c, "microsoft.documentdb/databaseaccounts/write") && c.outcome == KEY_DONE &&
            !slice_empty(c.by.account)) {
            change_note(ctx->baseline, &habit_memory, 'W', &c, &usual);
            writers_note(ctx->baseline, &c, !usual.is_young && !usual.caller.is_known);
            return judge_around(d, obs, ctx, err);
        }
    }
    key_event_note(ctx->baseline, &c.by, &usual.by);
    return 0;
}

static int network_opened_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                  struct error *err)
{
    struct network_opened *d = self;

    key_sweep(ctx, NS_PER_DAY, short_memories, &d->swept_ns);
    return obs->kind == OBS_CONTROL ? judge_control(d, obs, ctx, err) : judge_activity(d, obs, ctx, err);
}

static const char *const network_opened_types[] = { TYPE, TYPE_CORS, TYPE_CLUSTER, NULL };
static const struct baseline_memory *const network_opened_memories[] = {
    &row_memory,        &writer_memory,      &state_memory,          &habit_memory,
    &key_habits_memory, &key_readers_memory, &key_operations_memory, NULL,
};

const struct detector_ops detector_network_opened = {
    .name = "network_opened",
    .summary = "the network around an account was opened, or its web pages' rules, or a cluster's firewall",
    .reads = OBS_CONTROL | OBS_ACTIVITY,
    .types = network_opened_types,
    .options = network_opened_options,
    .size = sizeof(struct network_opened),
    .memories = network_opened_memories,
    .observe = network_opened_observe,
};
