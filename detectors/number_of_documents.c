/* number_of_documents - far more documents read one by one than history makes likely, or ids that are guessed.
 *
 * Why:     who can read any document by its id but cannot query walks through the ids. The walk shows as point
 *          reads in unusual numbers, and, where ids are guessed, as answers of 404.
 * Reads:   data-plane rows: Read on documents, 200, 304 and 404. Which ids were read is not part of an
 *          observation (the alert's query shows them).
 * Judges:  a reader (kit/reader.h) and container by the hour, reads and misses each against a band of its own
 *          (kit/band.h) that knows the hour of the day: robust z and distance from P99, at least 20 active hours, a
 *          floor. A reader too young for a band is held against five times the floor.
 * Keeps:   number_of_documents.band, 300 bytes a reader and container, twice where there are misses; sums of open
 *          hours (kit/bin.h).
 * Trust:   a principal spares its own reads, which teach its band.
 * Blind:   walks below the floors; Mongo, Cassandra, Gremlin and Table where they log no data-plane rows.
 * Source:  ATT&CK T1119, T1213.006.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/num.h"
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/band.h"
#include "detectors/kit/bin.h"
#include "detectors/kit/request.h"
#include "detectors/kit/sensitivity.h"
#include "enrich/caller.h"
#include "enrich/enrich.h"
#include "settings/option.h"

#define YOUNG_TIMES 5
#define MATURE_DAYS 7
#define MISSES_SUFFIX ", ids that do not exist"
#define COUNT_SHIFT 14 /* a band's lowest bin is 16 KiB: one read is as much */

enum measure { READS, MISSES, MEASURES };

struct number_of_documents {
    int sensitivity;
    int64_t floors[MEASURES];
    struct band_rule rules[MEASURES];
    int64_t swept_ns;
    struct reader_memo memo;
};

static const struct option_spec number_of_documents_options[] = {
    { .key = "min_reads", .type = OPT_INT, .at = offsetof(struct number_of_documents, floors[READS]), .preset = "20000",
      .min = 10, .max = 1000000000, .help = "point reads of one reader and container in an hour below which nothing alerts" },
    { .key = "min_misses", .type = OPT_INT, .at = offsetof(struct number_of_documents, floors[MISSES]), .preset = "500",
      .min = 10, .max = 1000000000, .help = "answers of 404 in an hour below which nothing alerts for them" },
    SENSITIVITY_OPTION(struct number_of_documents, "how far outside the usual: low 5, normal 3, high 2 robust standard "
                       "deviations; readers too young for that: ten, five, two times the least"),
    { 0 },
};

static const struct baseline_memory read_band_memory = {
    .name = "number_of_documents.band",
    .version = BAND_VERSION,
    .size = sizeof(struct band),
    .max_keys = 500000,
    .migrate = band_migrate,
};

static bool is_point_read(const struct observation *obs)
{
    return request_is_data_plane(obs) && (obs->status == 200 || obs->status == 304 || obs->status == 404) &&
           slice_eq_nocase(obs->text[F_OPERATION], SL("Read")) &&
           slice_eq_nocase(obs->text[F_RESOURCE_TYPE], SL("Document")) && !slice_empty(obs->text[F_CONTAINER]) &&
           !caller_is_service(obs->text[F_KEY_KIND]);
}

static int64_t as_amount(int64_t reads)
{
    return reads > INT64_MAX >> COUNT_SHIFT ? INT64_MAX : reads << COUNT_SHIFT;
}

static int64_t as_reads(int64_t amount)
{
    return amount >> COUNT_SHIFT;
}

struct walk {
    const struct number_of_documents *d;
    const struct observation *obs;
    const struct detector_context *ctx;
    const struct reader *reader;
    enum measure measure;
    int32_t len, slot, hour; /* slot length; slot; hour within it */
    struct bin_key key;
    struct band_view usual;
    int64_t limit; /* reads */
    bool is_young, is_trusted;
};

static int tell(const struct walk *w, struct bin *b, struct error *err)
{
    const struct observation *obs = w->obs;
    struct bin_facts f = { .f.len = 0 };
    char room_for_label[READER_LABEL_MAX + sizeof(MISSES_SUFFIX)];
    struct slice label = reader_label(w->reader, obs, room_for_label);
    struct bin room;
    int64_t total = b->requests;
    const struct bin *part = bin_tell(b, obs, obs->bytes_out, 0, w->reader, &room);

    if (w->measure == MISSES) { /* an alert of its own: its requests are among the reads as well */
        memcpy(room_for_label + label.len, MISSES_SUFFIX, sizeof(MISSES_SUFFIX) - 1);
        label.len += sizeof(MISSES_SUFFIX) - 1;
    }
    bin_facts_reader(&f.f, obs, w->reader);
    bin_facts_hour(&f, obs);
    bin_facts_sums(&f.f, part);
    bin_facts_addresses(&f, w->ctx, obs, part, &w->key);
    facts_add_sample(&f.f, slice_of(part->sample), 0);
    if (w->measure == MISSES)
        facts_add_number(&f.f, "absent", FACT_SUM, part->absent);
    facts_add_set(&f.f, "reason", w->measure == MISSES ? SL("ids that do not exist are asked for, as by somebody who guesses them")
                                                   : SL("documents are fetched one by one in unusual numbers"));
    facts_add_number(&f.f, "largestHour", FACT_MAX, total);
    facts_add_number(&f.f, "limitHour", FACT_MAX, w->limit);
    if (w->usual.samples) {
        facts_add_number(&f.f, "usualHour", FACT_MAX, as_reads(w->usual.median));
        facts_add_number(&f.f, "usualP99Hour", FACT_MAX, as_reads(w->usual.p99));
        facts_add_set(&f.f, "usualOf", w->usual.is_of_hour ? SL("this hour of such days") : SL("all hours"));
    }
    if (w->usual.history_days)
        facts_add_number(&f.f, "historyDays", FACT_MAX, w->usual.history_days);
    return alert_emit(w->ctx->sink, &(struct alert_draft){
        .detector = "number_of_documents", .state_version = 2, .type = "CosmosDBX_NumberOfDocuments",
        .variant = w->measure == MISSES ? ".Misses" : ".Reads", .severity = SEVERITY_MEDIUM,
        .confidence = w->is_young ? 50 : 65, .api = obs->api, .account = obs->text[F_ACCOUNT],
        .resource_id = obs->text[F_RESOURCE_ID], .subject = label,
        .bucket_ns = time_floor(obs->minute_ns, NS_PER_DAY), .first_ns = part->first_ns, .last_ns = part->last_ns,
        .count = part->requests, .facts = f.f.at, .facts_len = f.f.len }, err);
}

static void set_limit(struct walk *w, const struct band *band, enum slot_age age)
{
    int64_t floor = w->d->floors[w->measure], peak;

    band_look(band, age, w->slot, w->hour, w->len, &w->usual);
    w->is_young = w->usual.history_days < MATURE_DAYS || w->usual.samples < w->d->rules[w->measure].samples;
    w->limit = w->is_young ? floor * sensitivity_count(w->d->sensitivity, YOUNG_TIMES, 2) : as_reads(band_limit(&w->usual, &w->d->rules[w->measure]));
    peak = 2 * as_reads(w->usual.peak);
    w->limit = peak > w->limit ? peak : w->limit;
}

/* One measure of one observation. */
static int judge(struct walk *w, struct error *err)
{
    static const char tags[MEASURES][8] = { [READS] = "reads", [MISSES] = "misses" };
    const struct observation *obs = w->obs;
    uint64_t subject = reader_container_hash(obs, w->reader->hash) + w->measure;
    char label[READER_LABEL_MAX];
    struct band *band = baseline_put(w->ctx->baseline, &read_band_memory, obs->text[F_ACCOUNT],
                                     slice_make((const char *)&subject, sizeof(subject)),
                                     reader_label(w->reader, obs, label), obs->minute_ns, NULL);
    enum slot_age age = band ? band_enter(band, w->slot, w->len, &w->d->rules[w->measure]) : SLOT_LATE;
    struct bin *b;

    w->key = (struct bin_key){ .subject = subject, .start_ns = time_floor(obs->minute_ns, NS_PER_HOUR) };
    memcpy(w->key.tag, tags[w->measure], sizeof(w->key.tag));
    w->key.tag[7] = w->is_trusted ? 't' : '\0'; /* apart: trust may end within the hour */
    b = age == SLOT_LATE ? NULL : bin_put(w->ctx, obs, &w->key);
    if (!b)
        return 0;
    bin_add(b, obs, obs->bytes_out, 0);
    bin_add_address(b, w->ctx, obs, &w->key, w->reader);
    band_note(band, age, w->hour, as_amount(b->requests));
    if (LIKELY(b->requests <= w->d->floors[w->measure]) || w->ctx->is_backfill || w->is_trusted || w->ctx->is_learning)
        return 0;
    set_limit(w, band, age);
    return b->requests > w->limit ? tell(w, b, err) : 0;
}

static int number_of_documents_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                       struct error *err)
{
    struct number_of_documents *d = self;
    struct walk w = { .d = d, .obs = obs, .ctx = ctx };

    bin_sweep(&d->swept_ns, ctx);
    if (!is_point_read(obs))
        return 0;
    w.is_trusted = reader_is_trusted(ctx->enrich, obs);
    w.reader = reader_of(&d->memo, obs);
    w.len = slots_len(baseline_cfg(ctx->baseline));
    w.slot = slots_of(obs->minute_ns, w.len);
    w.hour = (int32_t)((obs->minute_ns - slots_start_ns(w.slot)) / NS_PER_HOUR);
    if (judge(&w, err) < 0)
        return -1;
    w.measure = MISSES;
    return obs->status == 404 ? judge(&w, err) : 0;
}

static int number_of_documents_open(void *self, struct error *err)
{
    struct number_of_documents *d = self;

    (void)err;
    for (size_t m = 0; m < MEASURES; m++)
        d->rules[m] = (struct band_rule){ .z10 = sensitivity_z10(d->sensitivity), .q = sensitivity_q(d->sensitivity),
                                          .floor_bytes = as_amount(d->floors[m]), .samples = 20 };
    return 0;
}

static const char *const number_of_documents_types[] = { "CosmosDBX_NumberOfDocuments", NULL };
static const struct baseline_memory *const number_of_documents_memories[] = { &read_band_memory, &bin_memory,
                                                                              &bin_addresses_memory, NULL };

const struct detector_ops detector_number_of_documents = {
    .name = "number_of_documents",
    .summary = "far more documents read one by one than history makes likely",
    .reads = OBS_REQUEST,
    .types = number_of_documents_types,
    .options = number_of_documents_options,
    .size = sizeof(struct number_of_documents),
    .memories = number_of_documents_memories,
    .open = number_of_documents_open,
    .observe = number_of_documents_observe,
};
