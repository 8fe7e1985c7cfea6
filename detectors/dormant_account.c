/* dormant_account - an account, or a kind of key, that nobody used for long is used again.
 *
 * Why:     forgotten accounts keep their data and their keys; nobody watches them, and nobody will miss a key.
 * Reads:   all data-plane tables: successful requests, key kind, bytes of reads.
 * Judges:  no successful request for `days`, then one. Low; Medium when more than `bulk` is read within one
 *          slot (slots.h). A key kind only when a client (program and neighbourhood) holds it that is unknown: a
 *          rotation wakes the other key every quarter, in the hands of those who are always there. Silent when
 *          the pause is no longer than one there was before, and a quarter more: then it is a habit.
 * Keeps:   dormant_account.life: last active day and longest pause by closed slots.
 * Trust:   a principal, and an address: the quarterly job runs somewhere.
 * Blind:   without 7 active days in its history an account is still learning. Logs that were switched off look
 *          like a pause.
 * Source:  ATT&CK T1078.004, T1213.006.
 * SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "base/num.h"
#include "detectors/detector.h"
#include "detectors/kit/access.h"
#include "detectors/kit/request.h"
#include "detectors/kit/sensitivity.h"
#include "detectors/kit/slots.h"
#include "settings/option.h"

#define TYPE "CosmosDBX_DormantAccountUsed"

struct dormant_account {
    int sensitivity;
    int64_t days, bulk_bytes;
};

static const struct option_spec dormant_account_options[] = {
    { .key = "days", .type = OPT_INT, .at = offsetof(struct dormant_account, days), .preset = "30", .min = 7,
      .max = 3650, .help = "days without a successful request after which a use is told" },
    { .key = "bulk", .type = OPT_BYTES, .at = offsetof(struct dormant_account, bulk_bytes), .preset = "50MiB",
      .min = 1024, .max = INT64_MAX, .help = "bytes read after the pause that make it Medium" },
    SENSITIVITY_OPTION(struct dormant_account, "low: twice as many days; high: half as many, but 7"),
    { 0 },
};

/* ---- memory ----------------------------------------------------------------------------------------------- */

struct past {
    int32_t last_day;   /* since 1970; 0: never */
    int32_t pause_days; /* the longest one */
};

struct life {
    int32_t newest;
    uint8_t is_active[2], padding[2];
    struct past past[2];
    int64_t bytes_read[2]; /* of open slots */
};

static void life_describe(const void *value, struct buf *out)
{
    const struct life *l = value;

    buf_addf(out, "longest pause %d days", (int)l->past[0].pause_days);
}

static const struct baseline_memory life_memory = {
    .name = "dormant_account.life", .version = 1, .size = sizeof(struct life), .max_keys = 500000,
    .describe = life_describe,
};

static void life_step(void *self, int32_t closed, int32_t next)
{
    struct life *l = self;
    struct past *p = &l->past[0];
    int32_t day = slots_day(closed);

    (void)next;
    l->past[1] = *p;
    if (l->is_active[1]) {
        if (p->last_day && day - p->last_day > p->pause_days)
            p->pause_days = day - p->last_day;
        p->last_day = day;
    }
    l->is_active[1] = l->is_active[0];
    l->bytes_read[1] = l->bytes_read[0];
    l->is_active[0] = 0;
    l->bytes_read[0] = 0;
}

struct met {
    int32_t pause_days;    /* 0: none to speak of */
    int64_t bytes_read;    /* in this slot, so far */
    struct past past;
};

/* Days of a pause that is over with this row: 0 while it is shorter than `days`, or a habit. */
static int32_t pause_of(const struct dormant_account *d, const struct past *p, int32_t day)
{
    int32_t pause = p->last_day ? day - p->last_day : 0;

    return pause >= sensitivity_count(d->sensitivity, d->days, 7) && (int64_t)pause * 4 > (int64_t)p->pause_days * 5 ? pause : 0;
}

/* Asleep or not, every row passes here; nearly all of them leave at the first lookup. */
static struct met meet(const struct dormant_account *d, const struct observation *obs,
                       const struct detector_context *ctx, struct slice key, int64_t bytes)
{
    int32_t len = slots_len(baseline_cfg(ctx->baseline)), slot = slots_of(obs->minute_ns, len);
    const struct life *known = baseline_get(ctx->baseline, &life_memory, obs->text[F_ACCOUNT], key);
    struct met ret = { .pause_days = 0 };
    struct life *l;
    enum slot_age age;

    if (known && known->newest == slot && known->is_active[0] && !pause_of(d, &known->past[0], slots_day(slot)))
        return ret;
    l = baseline_put(ctx->baseline, &life_memory, obs->text[F_ACCOUNT], key, key, obs->minute_ns, NULL);
    if (!l)
        return ret;
    age = slots_advance(&l->newest, slot, len, life_step, l);
    ret.past = l->past[age == SLOT_NOW ? 0 : 1];
    if (age == SLOT_LATE)
        return ret;
    l->is_active[age] = 1;
    l->bytes_read[age] = i64_add_sat(l->bytes_read[age], bytes);
    ret.bytes_read = l->bytes_read[age];
    ret.pause_days = pause_of(d, &ret.past, slots_day(slot));
    return ret;
}

/* ---- telling ------------------------------------------------------------------------------------------------ */

static int tell(const struct dormant_account *d, const struct observation *obs, const struct detector_context *ctx,
                const struct met *m, const char *key, bool is_counted, struct error *err)
{
    bool is_bulk = m->bytes_read >= d->bulk_bytes;
    struct access_alert alert = {
        .detector = "dormant_account", .type = TYPE, .variant = *key ? ".Key" : NULL,
        .severity = is_bulk ? SEVERITY_MEDIUM : SEVERITY_LOW, .confidence = is_bulk ? 60 : 40,
        .subject = *key ? slice_of(key) : obs->text[F_ACCOUNT], .is_counted = is_counted };
    struct access_facts f = { .len = 0 };
    struct place place;

    enrich_place(ctx->enrich, obs->text[F_ADDRESS], obs->text[F_PLACE], obs->minute_ns, &place);
    access_add_request(&f, obs, &place, is_counted);
    access_add_number(&f, "pauseDays", FACT_MAX, m->pause_days);
    if (m->past.pause_days > 1)
        access_add_number(&f, "usualPauseDays", FACT_MAX, m->past.pause_days);
    access_add_set(&f, "reason", *key ? SL("a key that nobody used for long, in the hands of an unknown client")
                                      : SL("an account that nobody used for long"));
    if (is_bulk)
        access_add_set(&f, "reason", SL("much is read after a long pause"));
    return access_emit(&alert, obs, &f, ctx, err);
}

static int dormant_account_observe(void *self, const struct observation *obs, const struct detector_context *ctx,
                                   struct error *err)
{
    struct dormant_account *d = self;
    bool is_counted = !ctx->is_counted_elsewhere;
    int64_t bytes = is_counted && request_effect(obs) == REQUEST_READ ? obs->bytes_out : 0;
    const char *key = "";
    char room[CLIENT_KEY_MAX];
    struct usual_view client;
    struct met account, by_key;

    if (!obs_ok(obs) || !access_is_customers(obs))
        return 0;
    (void)key_kind_parse(obs->text[F_KEY_KIND], &key); /* only the name is wanted here */
    client = usual_touch(ctx->baseline, obs->text[F_ACCOUNT], USUAL_CLIENT,
                         client_key(&ctx->caller->agent, &ctx->caller->near, room), obs->minute_ns);
    account = meet(d, obs, ctx, SL(""), bytes);
    by_key = *key ? meet(d, obs, ctx, slice_of(key), bytes) : (struct met){ .pause_days = 0 };
    if ((!account.pause_days && !by_key.pause_days) || ctx->is_backfill || ctx->is_learning ||
        access_trusts(ctx, obs, TRUSTED_PRINCIPAL, obs->text[F_PRINCIPAL]) ||
        access_trusts(ctx, obs, TRUSTED_ADDRESS, obs->text[F_ADDRESS]))
        return 0;
    if (account.pause_days)
        return tell(d, obs, ctx, &account, "", is_counted, err);
    return usual_is_unseen(&client) ? tell(d, obs, ctx, &by_key, key, is_counted, err) : 0;
}

static const char *const dormant_account_types[] = { TYPE, NULL };
static const struct baseline_memory *const dormant_account_memories[] = { USUAL_MEMORIES, &life_memory, NULL };

const struct detector_ops detector_dormant_account = {
    .name = "dormant_account",
    .summary = "an account, or a kind of key, that nobody used for long is used again",
    .reads = OBS_REQUEST,
    .types = dormant_account_types,
    .options = dormant_account_options,
    .size = sizeof(struct dormant_account),
    .memories = dormant_account_memories,
    .observe = dormant_account_observe,
};
