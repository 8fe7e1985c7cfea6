/* change_feed - somebody new follows the change feed of a container.
 *
 * Why:     the change feed read from its start gives every document, and then every change for as long as nobody
 *          looks. It needs no query and few requests, so neither volume nor query shapes need show it.
 * Reads:   data-plane rows: ReadFeed on documents. A 304 ("nothing new") is what tells a follower from somebody who
 *          lists documents. Mongo: a command with $changeStream (full-text logging).
 * Judges:  a reader (kit/reader.h) that no closed day saw follow this container: in a UTC day at least `min_requests`
 *          feed reads, some with data and some with nothing new. What an account does while it is learning
 *          (function triggers, connectors, backups) is known afterwards. A client (who and agent) that follows this
 *          container from ever new networks is silent (reader_roams): functions and jobs are put where there is room.
 * Keeps:   change_feed.known, 8 bytes a follower; sums of the open days of new ones (kit/bin.h); usual.value: clients
 *          that roam.
 * Tells:   on a follower's first two days; then it is known.
 * Trust:   a principal spares what it follows itself. No address: it may still carry everything away.
 * Blind:   a thief on the network of a follower with its key and agent; followers that are never told "nothing new".
 *          That a lease container was created is told by the control plane, not here.
 * Source:  ATT&CK T1213.006, T1119; change feed over REST: a ReadFeed with A-IM.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/timeutil.h"
#include "detectors/detector.h"
#include "detectors/kit/bin.h"
#include "detectors/kit/known.h"
#include "detectors/kit/request.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "detectors/kit/usual.h"
#include "enrich/caller.h"
#include "enrich/enrich.h"
#include "settings/option.h"

#define DAY_HOURS 24
#define MARK_STREAM 1u /* a change stream was opened */
#define MARK_FEED 2u

struct change_feed {
    int sensitivity;
    int64_t requests;
    int64_t swept_ns;
    struct reader_memo memo;
};

static const struct option_spec change_feed_options[] = {
    { .key = "min_requests", .type = OPT_INT, .at = offsetof(struct change_feed, requests), .preset = "5",
      .min = 2, .max = 1000000, .help = "feed reads of a new follower in a day before it is told" },
    SENSITIVITY_OPTION(struct change_feed, "low: twice min_requests; high: half of it"),
    { 0 },
};

static const struct baseline_memory follower_memory = {
    .name = "change_feed.known",
    .version = 1,
    .size = sizeof(struct known),
    .max_keys = 200000,
    .confirm = known_confirm,
};

static bool is_stream(const struct observation *obs)
{
    return obs->kind == OBS_TEXT && obs->api == API_MONGODB && obs_ok(obs) &&
           slice_find_nocase(obs->text[F_QUERY_TEXT], SL("$changeStream")) != SIZE_MAX;
}

static bool is_feed_read(const struct observation *obs)
{
    return obs->kind == OBS_REQUEST && request_is_data_plane(obs) &&
           slice_eq_nocase(obs->text[F_OPERATION], SL("ReadFeed")) &&
           slice_starts_nocase(obs->text[F_RESOURCE_TYPE], SL("Document")) &&
           (obs->status == 200 || obs->status == 206 || obs->status == 304);
}

/* Lists of documents teach nothing: only a "nothing new" or a stream makes a follower. */
static bool is_following(const struct observation *obs)
{
    return obs->kind == OBS_TEXT || obs->status == 304;
}

/* Did closed days see it follow? An observation that shows no follower only asks. */
static bool is_known(const struct observation *obs, const struct detector_context *ctx, const struct reader *r,
                     uint64_t subject)
{
    char label[READER_LABEL_MAX];
    struct slice key = slice_make((const char *)&subject, sizeof(subject));
    const struct known *seen;

    if (is_following(obs))
        return known_touch(&(struct known_ask){ .baseline = ctx->baseline, .memory = &follower_memory,
                                                .account = obs->text[F_ACCOUNT], .key = key,
                                                .label = reader_label(r, obs, label), .time_ns = obs->minute_ns,
                                                .len_hours = DAY_HOURS }) >= 0;
    seen = baseline_get(ctx->baseline, &follower_memory, obs->text[F_ACCOUNT], key);
    return seen && seen->first <= slots_of(obs->minute_ns, DAY_HOURS) - 2 * DAY_HOURS;
}

static uint64_t mark_of(const struct observation *obs)
{
    return obs->kind == OBS_TEXT ? MARK_STREAM : MARK_FEED;
}

static bool is_crossed(const struct change_feed *d, const struct bin *b)
{
    return b->marks & MARK_STREAM || (b->requests >= sensitivity_count(d->sensitivity, d->requests, 2) && b->not_modified > 0 && b->bytes > 0);
}

static int tell(const struct observation *obs, const struct detector_context *ctx, const struct reader *r,
                struct bin *b, const struct bin_key *key, struct error *err)
{
    struct bin_facts f = { .f.len = 0 };
    char label[READER_LABEL_MAX];
    struct bin room;
    const struct bin *part = bin_tell(b, obs, obs->bytes_out, mark_of(obs), r, &room);

    bin_facts_reader(&f.f, obs, r);
    bin_facts_sums(&f.f, part);
    bin_facts_addresses(&f, ctx, obs, part, key);
    facts_add_number(&f.f, "firstSeen", FACT_MIN, part->first_ns);
    if (part->marks & MARK_STREAM)
        facts_add_set(&f.f, "reason", SL("a $changeStream was opened"));
    if (part->marks & MARK_FEED)
        facts_add_set(&f.f, "reason", SL("ReadFeed on documents, answered with \"nothing new\" in between"));
    facts_add_sample(&f.f, slice_of(part->sample), 0);
    return alert_emit(ctx->sink, &(struct alert_draft){
        .detector = "change_feed", .state_version = 1, .type = "CosmosDBX_ChangeFeedTap", .severity = SEVERITY_MEDIUM,
        .confidence = 60, .api = obs->api, .account = obs->text[F_ACCOUNT], .resource_id = obs->text[F_RESOURCE_ID],
        .subject = reader_label(r, obs, label), .bucket_ns = time_floor(obs->minute_ns, NS_PER_DAY),
        .first_ns = part->first_ns, .last_ns = part->last_ns, .count = part->requests,
        .facts = f.f.at, .facts_len = f.f.len }, err);
}

static int change_feed_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                               struct error *err)
{
    struct change_feed *d = self;
    const struct reader *r;
    struct bin_key key;
    struct bin *b;

    bin_sweep(&d->swept_ns, ctx);
    if (!(obs->kind == OBS_TEXT ? is_stream(obs) : is_feed_read(obs)) || slice_empty(obs->text[F_CONTAINER]) ||
        caller_is_service(obs->text[F_KEY_KIND]))
        return 0;
    r = reader_of(&d->memo, obs);
    key = (struct bin_key){ .tag = "feed", .subject = reader_container_hash(obs, r->hash),
                            .start_ns = time_floor(obs->minute_ns, NS_PER_DAY) };
    if (is_known(obs, ctx, r, key.subject))
        return 0;
    if (is_following(obs))
        reader_note_roaming(ctx->baseline, obs, r, ROAMING_FEED);
    if (ctx->is_backfill || reader_is_trusted(ctx->enrich, obs) || ctx->is_learning ||
        reader_roams(ctx->baseline, obs, r, ROAMING_FEED))
        return 0;
    b = bin_put(ctx, obs, &key);
    if (!b)
        return 0;
    bin_add(b, obs, obs->bytes_out, mark_of(obs));
    bin_add_address(b, ctx, obs, &key, r);
    return is_crossed(d, b) ? tell(obs, ctx, r, b, &key, err) : 0;
}

static const char *const change_feed_types[] = { "CosmosDBX_ChangeFeedTap", NULL };
static const struct baseline_memory *const change_feed_memories[] = { &follower_memory, &bin_memory,
                                                                      &bin_addresses_memory, USUAL_MEMORIES, NULL };

const struct detector_ops detector_change_feed = {
    .name = "change_feed",
    .summary = "somebody new follows the change feed of a container",
    .reads = OBS_REQUEST | OBS_TEXT,
    .types = change_feed_types,
    .options = change_feed_options,
    .size = sizeof(struct change_feed),
    .memories = change_feed_memories,
    .observe = change_feed_observe,
};
