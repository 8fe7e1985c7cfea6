/* mass_deletion - data destroyed through the data plane: many documents, everything in a container, a container, a database.
 *
 * Why:     whoever holds a key or a role of the data plane can delete what is in an account without Azure Resource
 *          Manager ever hearing of it: out of spite, or to ask for money. Backups bring it back for a while only.
 * Reads:   data-plane rows: Delete on documents, partition keys, containers and databases. The own tables of Mongo,
 *          Cassandra, Gremlin and Table API: words with delete, drop, truncate; statements that delete everything
 *          (kit/destruction.h: TRUNCATE, a delete with an empty filter, g.V().drop()), which need full-text logging.
 * Judges:  documents: a reader (kit/reader.h) and container by the UTC day, against nine weeks of closed days
 *          (kit/days.h): far above the usual day, above twice what two days had, and above a floor, three times as
 *          high for a client and principal that were seen before. So retention jobs, weekly resets and bursts of
 *          erasures fall silent. The same for its client (key or principal, and program) from all networks together,
 *          which is what applications on many hosts, and jobs that moved, are held against.
 *          Containers, databases and everything at once: told from the first, unless the reader did the same kind in
 *          the last 200 days, or others turn up with it all the time (a test account, pipelines on hosts that change).
 *          Ransom: the same reader writes into a container or database with a note's name (README, HOW_TO_RECOVER) that
 *          the account did not have, within a day of either.
 * Severity: Medium; High when the client (program and network) or principal was not seen on the account in 60 days, when
 *          a database goes, or three containers on one day. Ransom is High.
 * Keeps:   mass_deletion.days, 200 bytes a reader that deletes and container, and one for each such client;
 *          mass_deletion.habit, 100 a reader that deletes containers; sums of open days (kit/bin.h).
 * Trust:   a principal spares its own deletions, which teach its days. No address: who sits there can still destroy.
 * Blind:   below the floor; stored procedures and batches that delete, which say only that they ran; expiry (TTL) makes
 *          no rows; who uses the program and key of a job and deletes no more than it does; many readers that stay small.
 *          How many documents a statement or a partition-key delete took no row says.
 * Source:  Azure Cosmos DB monitoring data reference (OperationName, RequestResourceType); ATT&CK T1485, T1486, T1657.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/access.h"
#include "detectors/kit/bin.h"
#include "detectors/kit/days.h"
#include "detectors/kit/destruction.h"
#include "detectors/kit/habit.h"
#include "detectors/kit/known.h"
#include "detectors/kit/request.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/usual.h"
#include "enrich/caller.h"
#include "enrich/enrich.h"
#include "settings/option.h"

#define DAY_SAMPLES 14
#define KNOWN_FLOORS 3 /* of a known client a clean-up is more likely than an attack */
#define CONTAINERS_HIGH 3
#define WHOLE ", containers and databases"

/* Marks of a bin. */
#define MARK_NEW UINT64_C(1)      /* the client or principal was not seen before */
#define MARK_DATABASE UINT64_C(2) /* a database is among it */

struct mass_deletion {
    int sensitivity;
    int64_t floor;
    struct band_rule rule;
    int64_t swept_ns;
    struct reader_memo memo;
    struct agent_memo agents;
};

static const struct option_spec mass_deletion_options[] = {
    { .key = "min_deletes", .type = OPT_INT, .at = offsetof(struct mass_deletion, floor), .preset = "1000",
      .min = 10, .max = 1000000000,
      .help = "documents that one reader deletes from a container in a day below which nothing alerts; of a client that "
              "was seen before three times as many" },
    SENSITIVITY_OPTION(struct mass_deletion, "low: twice min_deletes, and 5 robust deviations beyond the usual day; "
                       "high: half of it, and 2 (normal 3)"),
    { 0 },
};

/* ---- memories ------------------------------------------------------------------------------------------- */

static const struct baseline_memory days_memory = {
    .name = "mass_deletion.days",
    .version = 1,
    .size = sizeof(struct days),
    .max_keys = 200000,
};

static const struct baseline_memory habit_memory = {
    .name = "mass_deletion.habit",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 50000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

static const struct baseline_memory name_memory = { /* containers with a note's name */
    .name = "mass_deletion.name",
    .version = 1,
    .size = sizeof(struct known),
    .max_keys = 20000,
    .confirm = known_confirm,
};

/* What a reader was told to have destroyed on a day, or which notes it wrote. */
struct trace {
    int64_t first_ns, last_ns, count;
    uint32_t is_told, padding;
    struct few names, addresses;
};

static const struct baseline_memory trace_memory = {
    .name = "mass_deletion.trace",
    .version = 1,
    .size = sizeof(struct trace),
    .max_keys = 2000,
};

/* ---- one row ---------------------------------------------------------------------------------------------- */

struct deed {
    struct mass_deletion *d;
    const struct observation *obs;
    const struct detector_context *ctx;
    const struct reader *reader;
    enum destruction what;
    uint64_t marks;
    bool is_quiet;   /* learning, backfill or trusted: it teaches, no more */
    bool is_trusted;
    bool is_counted; /* no other table has this request too */
};

/* Of a principal, or of a program from a network, the account has not heard in 60 days. */
static uint64_t mark_of_client(const struct deed *e)
{
    const struct observation *obs = e->obs;
    struct caller own;
    const struct caller *c = e->ctx->caller;
    char room[CLIENT_KEY_MAX];
    struct usual_view client, principal = { .active_days = 1 };

    if (!c) {
        own = caller_of(&e->d->agents, obs);
        c = &own;
    }
    client = usual_touch(e->ctx->baseline, obs->text[F_ACCOUNT], USUAL_CLIENT, client_key(&c->agent, &c->near, room),
                         obs->minute_ns);
    if (!slice_empty(obs->text[F_PRINCIPAL]))
        principal = usual_touch(e->ctx->baseline, obs->text[F_ACCOUNT], USUAL_PRINCIPAL, obs->text[F_PRINCIPAL],
                                obs->minute_ns);
    return usual_is_unseen(&client) || usual_is_unseen(&principal) ? MARK_NEW : 0;
}

static int64_t day_of(const struct deed *e)
{
    return time_floor(e->obs->minute_ns, NS_PER_DAY);
}

static void add_new_client(struct fact_list *f, uint64_t marks)
{
    if (marks & MARK_NEW)
        facts_add_set(f, "reason",
                      SL("its program and network, or its principal, were not seen on the account in 60 days"));
}

/* ---- ransom ----------------------------------------------------------------------------------------------- */

enum trace_kind { TRACE_GONE = 'g', TRACE_NOTE = 'n' };

struct trace_key {
    uint64_t kind, reader;
    int64_t day_ns;
};

static struct slice trace_text(const struct trace_key *key)
{
    return slice_make((const char *)key, sizeof(*key));
}

/* Borrowed from the baseline: until something is put. */
static const struct trace *find_trace(const struct deed *e, enum trace_kind kind, int64_t day_ns)
{
    struct trace_key key = { .kind = (uint64_t)kind, .reader = e->reader->hash, .day_ns = day_ns };

    return baseline_get(e->ctx->baseline, &trace_memory, e->obs->text[F_ACCOUNT], trace_text(&key));
}

static struct trace *put_trace(const struct deed *e, enum trace_kind kind, int64_t day_ns)
{
    struct trace_key key = { .kind = (uint64_t)kind, .reader = e->reader->hash, .day_ns = day_ns };

    return baseline_put(e->ctx->baseline, &trace_memory, e->obs->text[F_ACCOUNT], trace_text(&key), reader_name(e->reader),
                        e->obs->minute_ns, NULL);
}

static void trace_add(struct trace *t, int64_t first_ns, int64_t last_ns, int64_t count, struct slice name)
{
    t->first_ns = t->last_ns == 0 || first_ns < t->first_ns ? first_ns : t->first_ns;
    t->last_ns = last_ns > t->last_ns ? last_ns : t->last_ns;
    t->count += count;
    few_add(&t->names, name);
}

static int tell_ransom(const struct deed *e, int64_t note_day_ns, const struct trace *gone, int64_t count, struct error *err)
{
    const struct observation *obs = e->obs;
    struct fact_list f = { .len = 0 };
    const struct trace *note = find_trace(e, TRACE_NOTE, note_day_ns);
    const char *key_name = "";

    (void)key_kind_parse(obs->text[F_KEY_KIND], &key_name);
    facts_add_set(&f, "reader", reader_name(e->reader));
    facts_add_set(&f, "principal", obs->text[F_PRINCIPAL]);
    facts_add_set(&f, "keyKind", slice_empty(obs->text[F_PRINCIPAL]) ? slice_of(key_name) : SL(""));
    facts_add_set(&f, "userAgent", reader_agent(e->reader));
    facts_add_set(&f, "network", reader_network(e->reader));
    facts_add_few(&f, "address", &note->addresses);
    facts_add_few(&f, "note", &note->names);
    facts_add_few(&f, "destroyed", &gone->names);
    facts_add_number(&f, "destroyedFrom", FACT_MIN, gone->first_ns);
    return alert_emit(e->ctx->sink, &(struct alert_draft){
        .detector = "mass_deletion", .state_version = 1, .type = "CosmosDBX_Ransom", .severity = SEVERITY_HIGH,
        .confidence = 80, .api = obs->api, .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID],
        .subject = reader_name(e->reader), .bucket_ns = note_day_ns,
        .first_ns = note->first_ns < gone->first_ns ? note->first_ns : gone->first_ns,
        .last_ns = note->last_ns > gone->last_ns ? note->last_ns : gone->last_ns, .count = count, .is_aside = count == 0,
        .facts = f.at, .facts_len = f.len }, err);
}

/* The reader destroyed something, which was told: did it leave a note, on this day or on one beside it? */
static int after_destruction(const struct deed *e, int64_t first_ns, int64_t last_ns, struct slice name, struct error *err)
{
    struct trace *t = put_trace(e, TRACE_GONE, day_of(e)), gone;

    if (!t)
        return 0;
    trace_add(t, first_ns, last_ns, 0, name);
    gone = *t;
    for (int64_t day = day_of(e) - NS_PER_DAY; day <= day_of(e) + NS_PER_DAY; day += NS_PER_DAY) {
        struct trace *note = find_trace(e, TRACE_NOTE, day) ? put_trace(e, TRACE_NOTE, day) : NULL;
        int64_t count = note && !note->is_told ? note->count : 0;

        if (!note)
            continue;
        note->is_told = 1;
        if (tell_ransom(e, day, &gone, count, err) < 0)
            return -1;
    }
    return 0;
}

/* A write into what has a note's name. */
static int see_note(const struct deed *e, struct error *err)
{
    const struct observation *obs = e->obs;
    char room[READER_LABEL_MAX];
    struct slice name = reader_container(obs, room);
    int64_t days = known_touch(&(struct known_ask){ .baseline = e->ctx->baseline, .memory = &name_memory,
                                                    .account = obs->text[F_ACCOUNT], .key = name, .label = name,
                                                    .time_ns = obs->minute_ns,
                                                    .len_hours = slots_len(baseline_cfg(e->ctx->baseline)) });
    int64_t count = e->is_counted ? obs->count : 0;
    struct trace *note;

    if (days >= 0 || e->is_quiet)
        return 0;
    note = put_trace(e, TRACE_NOTE, day_of(e));
    if (!note)
        return 0;
    trace_add(note, obs->first_ns, obs->last_ns, count, name);
    few_add(&note->addresses, obs->text[F_ADDRESS]);
    for (int64_t day = day_of(e) - NS_PER_DAY; day <= day_of(e) + NS_PER_DAY; day += NS_PER_DAY) {
        const struct trace *found = find_trace(e, TRACE_GONE, day);
        struct trace gone;

        if (!found)
            continue;
        gone = *found;
        note = put_trace(e, TRACE_NOTE, day_of(e));
        if (!note)
            return 0;
        if (!note->is_told)
            count = note->count;
        note->is_told = 1;
        if (tell_ransom(e, day_of(e), &gone, count, err) < 0)
            return -1;
        count = 0;
    }
    return 0;
}

/* ---- documents -------------------------------------------------------------------------------------------- */

struct judgement {
    struct band_view usual;
    int64_t limit;
    bool is_by_client;
};

static int tell_documents(const struct deed *e, struct bin *b, const struct bin_key *key, const struct judgement *j,
                          struct error *err)
{
    const struct observation *obs = e->obs;
    struct bin_facts f = { .f.len = 0 };
    char label[READER_LABEL_MAX], container[READER_LABEL_MAX];
    uint64_t marks = b->marks;
    int64_t total = b->requests;
    struct bin room;
    const struct bin *part = bin_tell(b, obs, obs->bytes_out, e->marks, e->reader, &room);
    int64_t first_ns = part->first_ns, last_ns = part->last_ns;

    bin_facts_reader(&f.f, obs, e->reader);
    bin_facts_addresses(&f, e->ctx, obs, part, key);
    facts_add_number(&f.f, "requests", FACT_SUM, part->requests);
    facts_add_number(&f.f, "ruMilli", FACT_SUM, part->ru_milli);
    facts_add_sample(&f.f, slice_of(part->sample), 0);
    facts_add_number(&f.f, "dayDeletes", FACT_MAX, total);
    facts_add_number(&f.f, "limitDay", FACT_MAX, j->limit);
    if (j->usual.samples) {
        facts_add_number(&f.f, "usualDay", FACT_MAX, j->usual.median);
        facts_add_number(&f.f, "usualDayMost", FACT_MAX, j->usual.p99);
    }
    if (j->usual.history_days)
        facts_add_number(&f.f, "historyDays", FACT_MAX, j->usual.history_days);
    facts_add_set(&f.f, "comparedWith", j->is_by_client ? SL("the same client from all networks") : SL("itself"));
    add_new_client(&f.f, marks);
    if (alert_emit(e->ctx->sink, &(struct alert_draft){
            .detector = "mass_deletion", .state_version = 1, .type = "CosmosDBX_MassDelete.Documents",
            .variant = ".Documents",
            .severity = marks & MARK_NEW ? SEVERITY_HIGH : SEVERITY_MEDIUM, .confidence = marks & MARK_NEW ? 75 : 60,
            .api = obs->api, .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID],
            .subject = reader_label(e->reader, obs, label), .bucket_ns = day_of(e), .first_ns = first_ns, .last_ns = last_ns,
            .count = part->requests, .facts = f.f.at, .facts_len = f.f.len }, err) < 0)
        return -1;
    return after_destruction(e, first_ns, last_ns, reader_container(obs, container), err);
}

/* The largest sum that two days reached. */
static int64_t of_two_days(const struct days *days, int32_t today)
{
    int64_t most[2] = { 0 };

    for (int32_t gap = 2; gap < DAYS_LOOKED; gap++) {
        int64_t amount = days_amount(days, today - gap);

        for (size_t i = 0; i < ARRAY_LEN(most); i++) {
            if (amount > most[i]) {
                int64_t smaller = most[i];

                most[i] = amount;
                amount = smaller;
            }
        }
    }
    return most[1];
}

static int64_t twice(int64_t amount)
{
    return amount > INT64_MAX / 2 ? INT64_MAX : 2 * amount;
}

/* The largest day counts for nothing by itself: it may have been the first attack. */
static int64_t usual_limit(const struct mass_deletion *d, const struct days *days, int32_t today, struct band_view *ret)
{
    int64_t limit, again = of_two_days(days, today);

    days_look(days, today, DAY_SAMPLES, ret);
    limit = ret->samples ? band_ordinary(ret, &d->rule) : d->rule.floor_bytes;
    ret->p99 = ret->samples && ret->p99 > again ? again : ret->p99;
    return twice(again) > limit ? twice(again) : limit;
}

static struct days *put_days(const struct deed *e, uint64_t subject, struct slice label, enum slot_age *ret_age)
{
    struct days *days = baseline_put(e->ctx->baseline, &days_memory, e->obs->text[F_ACCOUNT],
                                     slice_make((const char *)&subject, sizeof(subject)), label, e->obs->minute_ns, NULL);

    *ret_age = days ? days_enter(days, e->obs->minute_ns, NULL, NULL) : SLOT_LATE;
    return *ret_age == SLOT_LATE ? NULL : days;
}

static void judge_day(const struct deed *e, const struct days *own, const struct days *all, struct judgement *ret)
{
    int32_t today = days_last_over(e->obs->minute_ns) + 2;
    struct band_view together;
    int64_t limit;

    *ret = (struct judgement){ .is_by_client = false };
    ret->limit = usual_limit(e->d, own, today, &ret->usual);
    if (!all)
        return;
    limit = usual_limit(e->d, all, today, &together);
    if (limit <= ret->limit)
        return;
    *ret = (struct judgement){ .usual = together, .limit = limit, .is_by_client = true };
}

static int see_documents(const struct deed *e, struct error *err)
{
    const struct observation *obs = e->obs;
    uint64_t subject = reader_container_hash(obs, e->reader->hash);
    uint64_t client = reader_container_hash(obs, e->reader->client_hash + 1);
    struct bin_key key = { .tag = "massdel", .subject = subject, .start_ns = day_of(e) };
    char label[READER_LABEL_MAX];
    struct judgement j;
    struct days own, *days;
    enum slot_age age;
    struct bin *b;

    if (!e->is_counted || slice_empty(obs->text[F_CONTAINER]))
        return 0;
    days = put_days(e, subject, reader_label(e->reader, obs, label), &age);
    if (!days)
        return 0;
    days_add(days, age, obs->count);
    own = *days;
    days = e->is_trusted ? NULL : put_days(e, client, reader_client(e->reader), &age);
    if (days)
        days_add(days, age, obs->count);
    if (e->is_quiet)
        return 0;
    b = bin_put(e->ctx, obs, &key);
    if (!b)
        return 0;
    bin_add(b, obs, obs->bytes_out, e->marks);
    bin_add_address(b, e->ctx, obs, &key, e->reader);
    if (LIKELY(b->requests <= e->d->rule.floor_bytes))
        return 0;
    judge_day(e, &own, days, &j);
    if (!(b->marks & MARK_NEW) && j.limit < KNOWN_FLOORS * e->d->rule.floor_bytes)
        j.limit = KNOWN_FLOORS * e->d->rule.floor_bytes;
    return b->requests > j.limit ? tell_documents(e, b, &key, &j, err) : 0;
}

/* ---- containers, databases, and everything at once ----------------------------------------------------------- */

/* Is it what this reader, or one or the other on this account, does anyway? Remembers it, in any case. */
static bool is_habit(const struct deed *e)
{
    const struct observation *obs = e->obs;
    uint64_t who = e->reader->hash + (uint64_t)e->what;
    struct habit_view v;

    habit_note_long(e->ctx->baseline, &habit_memory, obs->text[F_ACCOUNT], slice_make((const char *)&who, sizeof(who)),
                    reader_name(e->reader), obs->minute_ns, &v);
    if (v.is_known)
        return true;
    if (!e->is_trusted)
        usual_note_new(e->ctx->baseline, obs->text[F_ACCOUNT], USUAL_DESTROYER, obs->minute_ns);
    return usual_is_restless(e->ctx->baseline, obs->text[F_ACCOUNT], USUAL_DESTROYER, obs->minute_ns);
}

static int see_whole(const struct deed *e, struct error *err)
{
    const struct observation *obs = e->obs;
    struct bin_key key = { .tag = "massdrp", .subject = e->reader->hash, .start_ns = day_of(e) };
    char name[READER_LABEL_MAX], label[READER_NAME_MAX + sizeof(WHOLE)];
    struct slice container = e->what == DESTRUCTION_DATABASE ? obs->text[F_DATABASE] : reader_container(obs, name);
    struct slice who = reader_name(e->reader);
    int64_t count = e->is_counted ? obs->count : 0;
    struct bin_facts f = { .f.len = 0 };
    bool is_high, is_usual;
    struct bin *b;

    is_usual = is_habit(e);
    if (e->is_quiet)
        return 0;
    if (is_usual) /* no news, but a note is */
        return after_destruction(e, obs->first_ns, obs->last_ns, container, err);
    b = bin_put(e->ctx, obs, &key);
    if (!b)
        return 0;
    b->marks |= e->marks | (e->what == DESTRUCTION_DATABASE ? MARK_DATABASE : 0);
    b->requests += count;
    is_high = b->marks || b->requests >= CONTAINERS_HIGH;
    memcpy(label, who.at, who.len);
    memcpy(label + who.len, WHOLE, sizeof(WHOLE));
    bin_facts_reader(&f.f, obs, e->reader);
    facts_add_set(&f.f, "address", obs->text[F_ADDRESS]);
    facts_add_set(&f.f, "destroyed", container);
    facts_add_set(&f.f, "how", slice_of(destruction_words(e->what)));
    if (e->is_counted)
        facts_add_number(&f.f, "requests", FACT_SUM, count);
    facts_add_sample(&f.f, obs->sample, obs->key);
    add_new_client(&f.f, b->marks);
    facts_add_set(&f.f, "reason", SL("it did not do so in the 200 days before"));
    if (alert_emit(e->ctx->sink, &(struct alert_draft){
            .detector = "mass_deletion", .state_version = 1, .type = "CosmosDBX_MassDelete.Documents",
            .variant = ".Containers",
            .severity = is_high ? SEVERITY_HIGH : SEVERITY_MEDIUM, .confidence = is_high ? 75 : 60, .api = obs->api,
            .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID],
            .subject = slice_make(label, who.len + sizeof(WHOLE) - 1), .bucket_ns = day_of(e), .first_ns = obs->first_ns,
            .last_ns = obs->last_ns, .count = count, .is_aside = count == 0, .facts = f.f.at,
            .facts_len = f.f.len }, err) < 0)
        return -1;
    return after_destruction(e, obs->first_ns, obs->last_ns, container, err);
}

/* ---- the observation -------------------------------------------------------------------------------------------- */

static int see(struct mass_deletion *d, const struct observation *obs, const struct detector_context *ctx,
               enum destruction what, struct error *err)
{
    struct deed e = { .d = d, .obs = obs, .ctx = ctx, .what = what };

    if (obs->status < 200 || obs->status > 299 || slice_empty(obs->text[F_ACCOUNT]) ||
        caller_is_service(obs->text[F_KEY_KIND]))
        return 0;
    e.reader = reader_of(&d->memo, obs);
    e.is_trusted = reader_is_trusted(ctx->enrich, obs);
    e.is_quiet = ctx->is_backfill || ctx->is_learning || e.is_trusted;
    e.is_counted = !ctx->is_counted_elsewhere;
    if (e.what == DESTRUCTION_NONE)
        return see_note(&e, err);
    e.marks = mark_of_client(&e);
    return e.what == DESTRUCTION_DOCUMENTS ? see_documents(&e, err) : see_whole(&e, err);
}

static int mass_deletion_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                 struct error *err)
{
    struct mass_deletion *d = self;
    enum destruction what = obs->kind == OBS_TEXT ? destruction_of_text(obs) : destruction_of_request(obs);

    bin_sweep(&d->swept_ns, ctx);
    return LIKELY(what == DESTRUCTION_NONE && !destruction_is_note(obs)) ? 0 : see(d, obs, ctx, what, err);
}

static int mass_deletion_open(void *self, struct error *err)
{
    struct mass_deletion *d = self;

    (void)err;
    d->rule = (struct band_rule){ .z10 = sensitivity_z10(d->sensitivity), .samples = 1, .is_of_days = true,
                                  .floor_bytes = sensitivity_count(d->sensitivity, d->floor, 5) };
    return 0;
}

static const char *const mass_deletion_types[] = { "CosmosDBX_MassDelete.Documents", "CosmosDBX_Ransom", NULL };
static const struct baseline_memory *const mass_deletion_memories[] = {
    &days_memory, &habit_memory, &name_memory, &trace_memory, &bin_memory, &bin_addresses_memory, USUAL_MEMORIES, NULL,
};

const struct detector_ops detector_mass_deletion = {
    .name = "mass_deletion",
    .summary = "documents, containers or databases destroyed through the data plane",
    .reads = OBS_REQUEST | OBS_TEXT,
    .types = mass_deletion_types,
    .options = mass_deletion_options,
    .size = sizeof(struct mass_deletion),
    .memories = mass_deletion_memories,
    .open = mass_deletion_open,
    .observe = mass_deletion_observe,
};
