/* enumeration - somebody who never did so lists what an account holds.
 *
 * Why:     whoever finds a credential looks around first: which databases, containers, throughput, scripts, users.
 *          Applications know where their data is.
 * Reads:   data-plane rows that address a list other than to create in it (DatabaseFeed, CollectionFeed, OfferFeed, ...;
 *          older rows say Database, and that it is a list by ReadFeed or Query); Mongo's listDatabases, listCollections,
 *          usersInfo ...; CQL of system_schema by anything but a driver (drivers read it when they connect); Gremlin that
 *          asks for labels or keys; Table API operations on the list of tables. What SDKs read when they start (account,
 *          one database, one container, partition key ranges) are no lists of names.
 * Judges:  a client (principal or key kind, agent family, network) on a UTC day: at least `min_kinds` kinds of things
 *          listed, where containers listed in three or more databases count as one more, and one of the kinds new for
 *          the same principal and agent family from anywhere. So a portal user at home is the one at work.
 * Severity: Low; Medium when the address never touched the account before.
 * Keeps:   enumeration.usual, 20 bytes a principal and agent family; enumeration.address, 8 bytes an address of an
 *          account; sums of open days (kit/bin.h).
 * Tells:   on the first two days; then the kinds are usual.
 * Trust:   a principal, and an address (lists say where things are, and hold no data).
 * Blind:   a listing that a known client of the same agent family makes every day. Refused listings. Databases,
 *          containers and throughput listed in a browser: the Data Explorer does so for everybody who opens it (where
 *          he sits is unusual_place's question).
 * Source:  Storage.Blob_DataExplorationAnomaly; ATT&CK T1580, T1526, T1619.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/bin.h"
#include "detectors/kit/known.h"
#include "detectors/kit/request.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "enrich/caller.h"
#include "enrich/enrich.h"
#include "settings/option.h"

#include <stdio.h>

#define DAY_HOURS 24
#define MANY_PLACES 3

/* Bits of a bin's marks: kinds low, then a hashed set of the databases whose containers were listed. */
enum { DATABASES, CONTAINERS, OFFERS, SCRIPTS, USERS, INDEXES, SERVER, KINDS };
#define MARK_NEW_ADDRESS (UINT64_C(1) << 15)
#define PLACE_BITS 48
#define PLACE_SHIFT 16

static const char *const kind_words[KINDS] = {
    [DATABASES] = "databases", [CONTAINERS] = "containers", [OFFERS] = "throughput", [SCRIPTS] = "scripts",
    [USERS] = "users and roles", [INDEXES] = "indexes and keys", [SERVER] = "the server itself",
};

struct enumeration {
    int sensitivity;
    int64_t kinds;
    int64_t swept_ns;
    struct reader_memo memo;
};

static const struct option_spec enumeration_options[] = {
    { .key = "min_kinds", .type = OPT_INT, .at = offsetof(struct enumeration, kinds), .preset = "2",
      .min = 1, .max = 7, .help = "kinds of things listed in a day (databases, containers, throughput, scripts ...) that alert" },
    SENSITIVITY_OPTION(struct enumeration, "low: twice min_kinds; high: half of it"),
    { 0 },
};

/* ---- what is listed ---------------------------------------------------------------------------- */

struct word { const char *text; int kind; };

static const struct word resource_words[] = { /* RequestResourceType without "Feed" */
    { .text = "Database", .kind = DATABASES },      { .text = "Collection", .kind = CONTAINERS },
    { .text = "DocumentCollection", .kind = CONTAINERS }, { .text = "Offer", .kind = OFFERS },
    { .text = "StoredProcedure", .kind = SCRIPTS }, { .text = "Trigger", .kind = SCRIPTS },
    { .text = "UserDefinedFunction", .kind = SCRIPTS }, { .text = "User", .kind = USERS },
    { .text = "Permission", .kind = USERS },        { .text = "UserDefinedType", .kind = SCRIPTS },
};

static const struct word mongo_words[] = {
    { .text = "listDatabases", .kind = DATABASES },     { .text = "listCollections", .kind = CONTAINERS },
    { .text = "listIndexes", .kind = INDEXES },         { .text = "usersInfo", .kind = USERS },
    { .text = "rolesInfo", .kind = USERS },             { .text = "listCommands", .kind = SERVER },
    { .text = "hostInfo", .kind = SERVER },             { .text = "getParameter", .kind = SERVER },
    { .text = "dbStats", .kind = SERVER },              { .text = "collStats", .kind = SERVER },
};

static const struct word schema_words[] = { /* tables of system_schema */
    { .text = "keyspaces", .kind = DATABASES }, { .text = "tables", .kind = CONTAINERS },
    { .text = "columns", .kind = INDEXES },     { .text = "indexes", .kind = INDEXES },
    { .text = "views", .kind = CONTAINERS },    { .text = "functions", .kind = SCRIPTS },
    { .text = "aggregates", .kind = SCRIPTS },  { .text = "triggers", .kind = SCRIPTS },
    { .text = "types", .kind = SCRIPTS },       { .text = "roles", .kind = USERS },
};

static const struct word gremlin_words[] = {
    { .text = ".label().dedup", .kind = CONTAINERS }, { .text = "groupCount().by(label", .kind = CONTAINERS },
    { .text = "group().by(label", .kind = CONTAINERS }, { .text = "groupCount().by(T.label", .kind = CONTAINERS },
    { .text = ".properties().key()", .kind = INDEXES }, { .text = ".propertyMap()", .kind = INDEXES },
};

static uint64_t bit(int kind)
{
    return UINT64_C(1) << kind;
}

static uint64_t kind_equal(const struct word *words, size_t n, struct slice text)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq_nocase(text, slice_of(words[i].text)))
            return bit(words[i].kind);
    return 0;
}

static uint64_t kinds_inside(const struct word *words, size_t n, struct slice text)
{
    uint64_t kinds = 0;

    for (size_t i = 0; i < n; i++)
        if (slice_find_nocase(text, slice_of(words[i].text)) != SIZE_MAX)
            kinds |= bit(words[i].kind);
    return kinds;
}

static uint64_t kinds_of_data_plane(const struct observation *obs)
{
    static const struct slice feed = { .at = "Feed", .len = 4 };
    struct slice type = obs->text[F_RESOURCE_TYPE], operation = obs->text[F_OPERATION];

    /* Nearly all rows are of documents. */
    if (slice_eq(type, SL("DocumentFeed")) || slice_eq(type, SL("Document")) || request_effect(obs) != REQUEST_READ)
        return 0;
    if (slice_ends_nocase(type, feed))
        type.len -= feed.len;
    else if (!slice_ends_nocase(operation, feed) && !slice_ends_nocase(operation, SL("Query")))
        return 0;
    return kind_equal(resource_words, ARRAY_LEN(resource_words), type);
}

static uint64_t kinds_of_schema(const struct observation *obs, const struct reader *r)
{
    struct slice text = obs->text[F_QUERY_TEXT];

    if (r->kind == AGENT_DRIVER)
        return 0;
    if (slice_eq_nocase(obs->text[F_DATABASE], SL("system_schema")))
        return obs->kind == OBS_REQUEST ? kind_equal(schema_words, ARRAY_LEN(schema_words), obs->text[F_CONTAINER]) : 0;
    if (obs->kind != OBS_TEXT || slice_find_nocase(text, SL("system_schema.")) == SIZE_MAX)
        return 0;
    return kinds_inside(schema_words, ARRAY_LEN(schema_words), text);
}

/* Table operations on the list of tables ("QueryTables", "ListTables"); the words are not published. */
static uint64_t kinds_of_tables(const struct observation *obs)
{
    struct slice operation = obs->text[F_OPERATION];

    return obs->kind == OBS_REQUEST && slice_ends_nocase(operation, SL("Tables")) ? bit(CONTAINERS) : 0;
}

static uint64_t kinds_listed(const struct observation *obs, const struct reader *r)
{
    if (obs->kind == OBS_REQUEST && request_is_data_plane(obs))
        return kinds_of_data_plane(obs);
    switch (obs->table) {
    case TABLE_MONGO:
        return obs->kind == OBS_REQUEST ? kind_equal(mongo_words, ARRAY_LEN(mongo_words), obs->text[F_OPERATION]) : 0;
    case TABLE_CASSANDRA:
        return kinds_of_schema(obs, r);
    case TABLE_GREMLIN:
        return obs->kind == OBS_TEXT ? kinds_inside(gremlin_words, ARRAY_LEN(gremlin_words), obs->text[F_QUERY_TEXT]) : 0;
    case TABLE_TABLE_API:
        return kinds_of_tables(obs);
    default:
        return 0;
    }
}

/* The portal's Data Explorer lists these whenever somebody opens it: of a browser they say that it is the portal. */
static uint64_t beyond_portal(const struct reader *r, uint64_t kinds)
{
    return r->kind == AGENT_BROWSER ? kinds & ~(bit(DATABASES) | bit(CONTAINERS) | bit(OFFERS)) : kinds;
}

static uint64_t place_mark(const struct observation *obs, uint64_t kinds)
{
    struct slice database = obs->text[F_DATABASE];

    if (!(kinds & bit(CONTAINERS)) || slice_empty(database))
        return 0;
    return UINT64_C(1) << (PLACE_SHIFT + hash64(database.at, database.len, 0) % PLACE_BITS);
}

static int64_t places_in(uint64_t marks)
{
    return __builtin_popcountll(marks >> PLACE_SHIFT);
}

/* ---- memories ---------------------------------------------------------------------------------- */

struct usual { /* of a principal or key kind and agent family */
    int32_t newest;
    uint32_t learned[2]; /* kinds that closed days saw */
    uint32_t open[2];
};

static const struct baseline_memory usual_memory = {
    .name = "enumeration.usual",
    .version = 1,
    .size = sizeof(struct usual),
    .max_keys = 100000,
};

static const struct baseline_memory address_memory = {
    .name = "enumeration.address",
    .version = 1,
    .size = sizeof(struct known),
    .max_keys = 1000000,
    .confirm = known_confirm,
};

static void fold_kinds(void *learned, const void *open, int32_t slot)
{
    (void)slot;
    *(uint32_t *)learned |= *(const uint32_t *)open;
}

static const struct slots_kind usual_slots = { .learned_size = sizeof(uint32_t), .open_size = sizeof(uint32_t),
                                               .fold = fold_kinds };

/* Every successful request passes here: an address that lists today was here last week. */
static bool is_new_address(const struct observation *obs, const struct detector_context *ctx)
{
    return known_touch(&(struct known_ask){ .baseline = ctx->baseline, .memory = &address_memory,
                                            .account = obs->text[F_ACCOUNT], .key = obs->text[F_ADDRESS],
                                            .label = obs->text[F_ADDRESS], .time_ns = obs->minute_ns,
                                            .len_hours = DAY_HOURS }) < 0;
}

/* Learn the kinds; what was usual before. False: beyond the horizon, or no memory. */
static bool learn(const struct observation *obs, const struct detector_context *ctx, const struct reader *r,
                  uint64_t kinds, uint32_t *ret_usual)
{
    struct usual *u = baseline_put(ctx->baseline, &usual_memory, obs->text[F_ACCOUNT],
                                   slice_make((const char *)&r->client_hash, sizeof(r->client_hash)),
                                   reader_client(r), obs->minute_ns, NULL);
    enum slot_age age;

    if (!u)
        return false;
    age = slots_enter(&u->newest, slots_of(obs->minute_ns, DAY_HOURS), DAY_HOURS, &usual_slots, u->learned, u->open);
    if (age == SLOT_LATE)
        return false;
    *(uint32_t *)slots_open(&usual_slots, u->open, age) |= (uint32_t)kinds;
    *ret_usual = *(const uint32_t *)slots_learned(&usual_slots, u->learned, age);
    return true;
}

/* ---- judging ----------------------------------------------------------------------------------- */

static bool is_crossed(const struct enumeration *d, const struct bin *b, uint32_t usual)
{
    uint32_t kinds = (uint32_t)(b->marks & (bit(KINDS) - 1));
    int64_t score = __builtin_popcount(kinds) + (places_in(b->marks) >= MANY_PLACES ? 1 : 0);

    return score >= sensitivity_count(d->sensitivity, d->kinds, 1) && (kinds & ~usual) != 0;
}

static void add_kinds(struct fact_list *f, const char *name, uint64_t kinds)
{
    for (int k = 0; k < KINDS; k++)
        if (kinds & bit(k))
            facts_add_set(f, name, slice_of(kind_words[k]));
}

struct finding {
    const struct observation *obs, *counted; /* counted: with nothing where another row counts it */
    const struct reader *reader;
    struct bin *bin;
    struct bin_key key;
    uint64_t marks;
    uint32_t usual;
    bool is_new_address;
};

static int tell(const struct finding *in, const struct detector_context *ctx, struct error *err)
{
    const struct observation *obs = in->obs;
    struct bin_facts f = { .f.len = 0 };
    struct bin room;
    int64_t places = places_in(in->bin->marks);
    const struct bin *part = bin_tell(in->bin, in->counted, in->counted->bytes_out, in->marks, in->reader, &room);
    bool is_new = part->marks & MARK_NEW_ADDRESS;
    struct observation where = *obs;
    char places_text[64];

    where.text[F_CONTAINER] = where.text[F_DATABASE] = SL(""); /* lists are of the account, not of one container */
    bin_facts_reader(&f.f, &where, in->reader);
    bin_facts_sums(&f.f, part);
    bin_facts_addresses(&f, ctx, obs, part, &in->key);
    add_kinds(&f.f, "listed", part->marks);
    add_kinds(&f.f, "usualListed", in->usual);
    facts_add_sample(&f.f, slice_of(part->sample), 0);
    if (places >= MANY_PLACES) {
        (void)snprintf(places_text, sizeof(places_text), "containers of %d databases or more", MANY_PLACES);
        facts_add_set(&f.f, "places", slice_of(places_text));
    }
    if (in->usual == 0)
        facts_add_set(&f.f, "reason", SL("this principal or key and kind of application listed nothing here before"));
    if (is_new)
        facts_add_set(&f.f, "reason", SL("the address had never touched this account before"));
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "enumeration", .state_version = 1, .type = "CosmosDBX_Enumeration",
        .severity = is_new ? SEVERITY_MEDIUM : SEVERITY_LOW, .confidence = is_new ? 60 : 40,
        .api = obs->api, .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID],
        .subject = reader_name(in->reader), .bucket_ns = time_floor(obs->minute_ns, NS_PER_DAY),
        .first_ns = part->first_ns, .last_ns = part->last_ns, .count = part->requests,
        .facts = f.f.at, .facts_len = f.f.len }, err);
}

static bool is_trusted(const struct observation *obs, const struct detector_context *ctx)
{
    return reader_is_trusted(ctx->enrich, obs) ||
           enrich_trusts(ctx->enrich, TRUSTED_ADDRESS, obs->text[F_ACCOUNT], obs->text[F_ADDRESS], obs->minute_ns);
}

static int enumeration_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                               struct error *err)
{
    struct enumeration *d = self;
    struct observation counted;
    struct finding in = { .obs = obs, .counted = &counted };
    uint64_t kinds;

    bin_sweep(&d->swept_ns, ctx);
    if (!obs_ok(obs) || caller_is_service(obs->text[F_KEY_KIND]))
        return 0;
    in.is_new_address = !slice_empty(obs->text[F_ADDRESS]) && is_new_address(obs, ctx);
    if (request_is_data_plane(obs)) { /* nearly all rows: no need to know who */
        kinds = obs->kind == OBS_REQUEST ? kinds_of_data_plane(obs) : 0;
        if (LIKELY(!kinds))
            return 0;
    }
    in.reader = reader_of(&d->memo, obs);
    kinds = beyond_portal(in.reader, kinds_listed(obs, in.reader));
    counted = *obs;
    /* A Mongo or Table request may also stand in a data-plane row: it counts there, and tells what was listed here. */
    if (kinds && obs->kind == OBS_REQUEST && ctx->is_counted_elsewhere)
        counted.count = counted.ru_milli = counted.bytes_out = 0;
    if (!kinds || !learn(obs, ctx, in.reader, kinds, &in.usual) || ctx->is_backfill || is_trusted(obs, ctx) ||
        ctx->is_learning)
        return 0;
    in.marks = kinds | place_mark(obs, kinds) | (in.is_new_address ? MARK_NEW_ADDRESS : 0);
    in.key = (struct bin_key){ .tag = "listed", .subject = in.reader->hash,
                               .start_ns = time_floor(obs->minute_ns, NS_PER_DAY) };
    in.bin = bin_put(ctx, obs, &in.key);
    if (!in.bin)
        return 0;
    bin_add(in.bin, &counted, counted.bytes_out, in.marks);
    bin_add_address(in.bin, ctx, obs, &in.key, in.reader);
    return is_crossed(d, in.bin, in.usual) ? tell(&in, ctx, err) : 0;
}

static const char *const enumeration_types[] = { "CosmosDBX_Enumeration", NULL };
static const struct baseline_memory *const enumeration_memories[] = { &usual_memory, &address_memory, &bin_memory,
                                                                      &bin_addresses_memory, NULL };

const struct detector_ops detector_enumeration = {
    .name = "enumeration",
    .summary = "somebody who never did so lists what an account holds",
    .reads = OBS_REQUEST | OBS_TEXT,
    .types = enumeration_types,
    .options = enumeration_options,
    .size = sizeof(struct enumeration),
    .memories = enumeration_memories,
    .observe = enumeration_observe,
};
