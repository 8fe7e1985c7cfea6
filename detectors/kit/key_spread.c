/* key_spread.c - see key_spread.h. SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/key_spread.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/timeutil.h"
#include "baseline/slots.h"
#include "detectors/kit/habit.h"
#include "detectors/kit/slots.h"
#include "enrich/enrich.h"
#include "enrich/places.h"

#include <string.h>

#define WIDE_BITS 1024

struct wide { /* distinct wide networks, counted by hashed bits */
    uint8_t bits[WIDE_BITS / 8];
};

static int64_t wide_count(const struct wide *w)
{
    int64_t n = 0;

    for (size_t i = 0; i < sizeof w->bits; i++)
        n += __builtin_popcount(w->bits[i]);
    return n;
}

static void wide_add(struct wide *w, const char *name)
{
    uint64_t bit = hash64(name, strlen(name), 1) % WIDE_BITS;

    w->bits[bit / 8] |= (uint8_t)(1u << bit % 8);
}

struct day { /* new networks of one key kind in a day, while rows may come */
    struct wide wide;
    struct key_use use;
    uint8_t has_new_agent, padding[7];
};

const struct baseline_memory key_spread_day_memory = {
    .name = "stolen_key.day",
    .version = 1,
    .size = sizeof(struct day),
    .max_keys = 5000,
};

struct spread_learned { /* how many new networks a day brings */
    struct wide wide;   /* of `day` so far */
    int32_t day;        /* 0: none */
    struct { int32_t day; int32_t n; } over[2], most; /* the two days before `day`; the largest of those before */
};

struct spread {
    int32_t newest;
    struct spread_learned learned[2];
    struct wide open[2];
};

const struct baseline_memory key_spread_memory = {
    .name = "stolen_key.spread",
    .version = 1,
    .size = sizeof(struct spread),
    .max_keys = 20000,
};

static void spread_fold(void *learned, const void *open, int32_t slot)
{
    struct spread_learned *l = learned;
    const struct wide *o = open;

    if (slots_day(slot) != l->day) {
        if (l->over[1].n >= l->most.n || l->over[1].day - l->most.day > HABIT_DAYS) {
            l->most.day = l->over[1].day;
            l->most.n = l->over[1].n;
        }
        l->over[1] = l->over[0];
        l->over[0].day = l->day;
        l->over[0].n = (int32_t)wide_count(&l->wide);
        l->wide = (struct wide){ .bits = { 0 } };
        l->day = slots_day(slot);
    }
    for (size_t i = 0; i < sizeof o->bits; i++)
        l->wide.bits[i] |= o->bits[i];
}

static const struct slots_kind spread_kind = { .learned_size = sizeof(struct spread_learned),
                                               .open_size = sizeof(struct wide), .fold = spread_fold };

/* The most that a day brought up to the day before yesterday: all slots of today agree on that. */
static int64_t usual_most(const struct spread_learned *l, int32_t today)
{
    int64_t most = today - l->most.day <= HABIT_DAYS ? l->most.n : 0;

    for (size_t i = 0; i < 2; i++)
        if (l->over[i].day <= today - 2 && today - l->over[i].day <= HABIT_DAYS && l->over[i].n > most)
            most = l->over[i].n;
    if (l->day && l->day <= today - 2 && today - l->day <= HABIT_DAYS && wide_count(&l->wide) > most)
        most = wide_count(&l->wide);
    return most;
}

/* Whose network it is, as far as unrelated ones are counted: what scales out in a region of Azure comes from dozens of
 * /16, and they are one place. */
static const char *whose(const struct key_request *r)
{
    const struct observation *obs = r->obs;
    struct place place;

    enrich_place(r->ctx->enrich, obs->text[F_ADDRESS], obs->text[F_PLACE], obs->minute_ns, &place);
    if (!place.is_azure)
        return r->net.wide;
    return place.region[0] ? place.region : "Azure";
}

static int tell_leaked(const struct key_request *r, const struct day *day, const struct key_use *part, int64_t usual,
                       const struct key_spread_limits *limits, struct error *err)
{
    int64_t n = wide_count(&day->wide);
    bool is_grave = day->has_new_agent || n >= 2 * limits->networks;
    CLEANUP(buf_release) struct buf many = BUF_HERE(256);
    struct fact_list f = { .len = 0 };

    key_use_facts(&f, part, r->kind);
    facts_add_number(&f, "newNetworks", FACT_MAX, n);
    facts_add_number(&f, "usualNewNetworks", FACT_MAX, usual);
    buf_addf(&many, "%s was used from %" PRId64 " or more networks in a day that never used a key of this account; the "
             "most on a day before was %" PRId64, key_use_kinds[r->kind], limits->networks, usual);
    facts_add_set(&f, "reason", buf_slice(&many));
    if (day->has_new_agent)
        facts_add_set(&f, "reason", SL("client programs that did not use a key of the account before are among them"));
    return alert_emit(r->ctx->sink, &(struct alert_draft){
        .detector = "stolen_key", .state_version = 1, .type = KEY_SPREAD_TYPE,
        .severity = is_grave ? SEVERITY_HIGH : SEVERITY_MEDIUM, .confidence = is_grave ? 85 : 60,
        .api = (enum api)part->api, .account = r->obs->text[F_ACCOUNT], .resource_id = r->obs->text[F_RESOURCE_ID],
        .subject = slice_of(key_use_kinds[r->kind]), .bucket_ns = time_floor(part->first_ns, NS_PER_DAY),
        .first_ns = part->first_ns, .last_ns = part->last_ns, .count = part->count, .facts = f.at,
        .facts_len = f.len }, err);
}

int key_spread_judge(const struct key_spread_limits *limits, const struct key_request *r,
                     const struct key_use *added, struct error *err)
{
    struct baseline *b = r->ctx->baseline;
    struct slice account = r->obs->text[F_ACCOUNT], kind = slice_of(key_use_kinds[r->kind]);
    struct spread *s = baseline_put(b, &key_spread_memory, account, kind, kind, r->obs->minute_ns, NULL);
    char room[32];
    int32_t today = slots_day(r->slot);
    enum slot_age age;
    struct wide *open;
    struct day *day;
    struct key_use part;
    const char *network = NULL;
    int64_t n, usual;

    if (!s)
        return 0;
    age = slots_enter(&s->newest, r->slot, r->len, &spread_kind, s->learned, s->open);
    open = slots_open(&spread_kind, s->open, age);
    usual = usual_most(slots_learned(&spread_kind, s->learned, age), today);
    if (!open)
        return 0;
    network = whose(r);
    wide_add(open, network);
    day = baseline_put(b, &key_spread_day_memory, account, key_slot(today, r->kind, room), SL(""), r->obs->minute_ns, NULL);
    if (!day)
        return 0;
    wide_add(&day->wide, network);
    key_use_add(&day->use, added);
    day->has_new_agent |= r->is_new_agent;
    n = wide_count(&day->wide);
    if (r->ctx->is_backfill || n < limits->networks || n <= 2 * usual)
        return 0;
    part = day->use.is_told ? *added : day->use;
    day->use.is_told = 1;
    return tell_leaked(r, day, &part, usual, limits, err);
}
