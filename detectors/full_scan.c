/* full_scan - a reader goes through a whole container without any condition.
 *
 * Why:     an application asks for what it needs; who wants the data asks for all of it. Unlike a volume, a scan is
 *          telling from the first megabytes.
 * Reads:   documents listed by ReadFeed (data-plane rows); statements that ask for everything (scan_text.h):
 *          NoSQL without WHERE, Mongo find({}) or aggregate without $match, CQL without WHERE or with ALLOW
 *          FILTERING or a token range, Gremlin g.V(), Table queries without filter. Those of Mongo, Cassandra, Gremlin
 *          and Table need full-text logging.
 * Judges:  bytes that a reader (kit/reader.h) so takes from a container in a UTC day, against what closed days
 *          taught (kit/band.h with days for hours): a scan that came back on three days, or on two weeks or
 *          a month apart, is usual up to twice its size, so backups, exports and Spark jobs fall silent. A reader that is
 *          new is silent when its client (who and agent) scans this container from ever new networks (reader_roams).
 * Keeps:   full_scan.band, 300 bytes a reader and container that scans; sums of open days (kit/bin.h); usual.value:
 *          clients that roam.
 * Trust:   a principal spares its own scans. No address: who sits there can still carry the data away.
 * Blind:   scans below the floor; Mongo, Cassandra, Gremlin and Table without text; how large the container is
 *          (no table that is read says so). Physical partitions are not part of an observation.
 * Source:  ATT&CK T1213.006, T1119.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/band.h"
#include "detectors/kit/bin.h"
#include "detectors/kit/request.h"
#include "detectors/kit/scan_text.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/usual.h"
#include "enrich/caller.h"
#include "enrich/enrich.h"
#include "settings/option.h"

#define DAY_HOURS 24

struct full_scan {
    int sensitivity;
    int64_t floor_bytes, pages;
    struct band_rule rule;
    int64_t swept_ns;
    struct reader_memo memo;
};

static const struct option_spec full_scan_options[] = {
    { .key = "floor", .type = OPT_BYTES, .at = offsetof(struct full_scan, floor_bytes), .preset = "10MiB",
      .min = 1024, .max = INT64_MAX, .help = "a day's scans of one reader and container below this never alert" },
    { .key = "min_pages", .type = OPT_INT, .at = offsetof(struct full_scan, pages), .preset = "5",
      .min = 1, .max = 1000000, .help = "and those of fewer pages" },
    SENSITIVITY_OPTION(struct full_scan, "low: twice floor and min_pages, and 5 robust deviations beyond the usual day; high: "
                       "half of them, and 2"),
    { 0 },
};

static const struct baseline_memory scan_band_memory = {
    .name = "full_scan.band",
    .version = BAND_VERSION,
    .size = sizeof(struct band),
    .max_keys = 200000,
    .migrate = band_migrate,
};

#define MARK_FEED 1u /* documents listed by ReadFeed; other bits: 1 << enum scan_form */

/* The bit of how this is a part of a scan; 0: it is none. */
static uint64_t scan_mark(const struct observation *obs)
{
    enum scan_form form;

    if (obs->status < 200 || obs->status > 299 || obs->bytes_out <= 0 || slice_empty(obs->text[F_CONTAINER]) ||
        caller_is_service(obs->text[F_KEY_KIND]))
        return 0;
    if (obs->kind == OBS_TEXT) {
        form = scan_text_form(obs);
        return form == SCAN_NONE ? 0 : UINT64_C(1) << form;
    }
    return request_is_data_plane(obs) && slice_eq_nocase(obs->text[F_OPERATION], SL("ReadFeed")) &&
           slice_starts_nocase(obs->text[F_RESOURCE_TYPE], SL("Document")) ? MARK_FEED : 0;
}

static void add_reasons(struct fact_list *f, uint64_t marks)
{
    if (marks & MARK_FEED)
        facts_add_set(f, "reason", SL("documents listed page by page (ReadFeed)"));
    for (int form = SCAN_NONE + 1; form < SCAN_FORMS; form++)
        if (marks & UINT64_C(1) << form)
            facts_add_set(f, "reason", slice_of(scan_form_words((enum scan_form)form)));
}

struct scan {
    const struct observation *obs;
    const struct reader *reader;
    uint64_t mark;
    struct bin_key key;
    struct band_view usual;
    int64_t limit;
};

static int tell(const struct scan *s, const struct detector_context *ctx, struct bin *b, struct error *err)
{
    const struct observation *obs = s->obs;
    struct bin_facts f = { .f.len = 0 };
    char label[READER_LABEL_MAX];
    struct bin room;
    const struct bin *part = bin_tell(b, obs, obs->bytes_out, s->mark, s->reader, &room);

    bin_facts_reader(&f.f, obs, s->reader);
    bin_facts_sums(&f.f, part);
    bin_facts_addresses(&f, ctx, obs, part, &s->key);
    add_reasons(&f.f, part->marks);
    facts_add_sample(&f.f, slice_of(part->sample), 0);
    if (s->usual.peak > 0)
        facts_add_number(&f.f, "usualBytes", FACT_MAX, s->usual.peak);
    if (s->usual.history_days == 0)
        facts_add_set(&f.f, "newReader", SL("yes"));
    facts_add_number(&f.f, "limitBytes", FACT_MAX, s->limit);
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "full_scan", .state_version = 2, .type = "CosmosDBX_FullScan", .severity = SEVERITY_MEDIUM,
        .confidence = s->usual.history_days == 0 ? 70 : 60, .api = obs->api, .account = obs->text[F_ACCOUNT],
        .resource_id = obs->text[F_RESOURCE_ID], .subject = reader_label(s->reader, obs, label),
        .bucket_ns = time_floor(obs->minute_ns, NS_PER_DAY), .first_ns = part->first_ns, .last_ns = part->last_ns,
        .count = part->requests, .facts = f.f.at, .facts_len = f.f.len }, err);
}

/* How much a day may scan: the floor, or what came back, or what most days have. */
static int64_t limit_of(const struct full_scan *d, const struct band_view *v)
{
    int64_t limit = band_limit(v, &d->rule), floor = d->rule.floor_bytes, peak = v->peak > INT64_MAX / 2 ? INT64_MAX : 2 * v->peak;

    limit = limit > floor ? limit : floor;
    return limit > peak ? limit : peak;
}

static int full_scan_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                             struct error *err)
{
    struct full_scan *d = self;
    struct scan s = { .obs = obs, .mark = scan_mark(obs) };
    bool is_quiet, is_new;
    int32_t slot = slots_of(obs->minute_ns, DAY_HOURS);
    char label[READER_LABEL_MAX];
    enum slot_age age;
    struct band *band;
    struct bin *b;

    bin_sweep(&d->swept_ns, ctx);
    if (!s.mark)
        return 0;
    s.reader = reader_of(&d->memo, obs);
    is_quiet = ctx->is_backfill || ctx->is_learning || reader_is_trusted(ctx->enrich, obs);
    s.key = (struct bin_key){ .tag = "scan", .subject = reader_container_hash(obs, s.reader->hash),
                              .start_ns = time_floor(obs->minute_ns, NS_PER_DAY) };
    if (is_quiet)
        s.key.tag[7] = 'L';
    band = baseline_put(ctx->baseline, &scan_band_memory, obs->text[F_ACCOUNT],
                        slice_make((const char *)&s.key.subject, sizeof(s.key.subject)),
                        reader_label(s.reader, obs, label), obs->minute_ns, NULL);
    if (!band)
        return 0;
    age = band_enter(band, slot, DAY_HOURS, &d->rule);
    b = age == SLOT_LATE ? NULL : bin_put(ctx, obs, &s.key);
    if (!b)
        return 0;
    bin_add(b, obs, obs->bytes_out, s.mark);
    bin_add_address(b, ctx, obs, &s.key, s.reader);
    band_note(band, age, 0, b->bytes);
    is_new = band->first > slot - 2 * DAY_HOURS;
    if (is_new)
        reader_note_roaming(ctx->baseline, obs, s.reader, ROAMING_SCAN);
    if (is_quiet || b->bytes <= d->rule.floor_bytes || b->requests < sensitivity_count(d->sensitivity, d->pages, 1))
        return 0;
    band_look(band, age, slot, 0, DAY_HOURS, &s.usual);
    if (is_new && reader_roams(ctx->baseline, obs, s.reader, ROAMING_SCAN))
        return 0;
    s.limit = limit_of(d, &s.usual);
    return b->bytes > s.limit ? tell(&s, ctx, b, err) : 0;
}

static int full_scan_open(void *self, struct error *err)
{
    struct full_scan *d = self;

    (void)err;
    d->rule = (struct band_rule){ .z10 = sensitivity_z10(d->sensitivity), .q = sensitivity_q(d->sensitivity),
                                  .samples = 20, .is_of_days = true,
                                  .floor_bytes = sensitivity_count(d->sensitivity, d->floor_bytes, 1024) };
    return 0;
}

static const char *const full_scan_types[] = { "CosmosDBX_FullScan", NULL };
static const struct baseline_memory *const full_scan_memories[] = { &scan_band_memory, &bin_memory,
                                                                    &bin_addresses_memory, USUAL_MEMORIES, NULL };

const struct detector_ops detector_full_scan = {
    .name = "full_scan",
    .summary = "a reader goes through a whole container without any condition",
    .reads = OBS_REQUEST | OBS_TEXT,
    .types = full_scan_types,
    .options = full_scan_options,
    .size = sizeof(struct full_scan),
    .memories = full_scan_memories,
    .open = full_scan_open,
    .observe = full_scan_observe,
};
