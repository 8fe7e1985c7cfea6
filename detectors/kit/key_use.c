/* key_use.c - see key_use.h. SPDX-License-Identifier: Apache-2.0 */
#include "detectors/kit/key_use.h"

#include "base/map.h"
#include "detectors/kit/habit.h"
#include "detectors/kit/request.h"
#include "detectors/kit/usual.h"
#include "enrich/caller.h"
#include "enrich/enrich.h"

#include <stdio.h>
#include <string.h>

#define AGENT_DAYS 2 /* a program seen on one day may be that of the thief's first visit */

const char *const key_use_kinds[KEY_USE_KINDS] = { "PrimaryMasterKey", "SecondaryMasterKey", "PrimaryReadonlyMasterKey",
                                                    "SecondaryReadonlyMasterKey" };

const struct baseline_memory key_places_memory = {
    .name = "stolen_key.places",
    .version = 1,
    .size = sizeof(struct habit),
    .max_keys = 1000000,
    .describe = habit_describe,
    .confirm = habit_confirm,
};

/* ---- together ---------------------------------------------------------------------------------- */

void key_use_add(struct key_use *to, const struct key_use *more)
{
    if (!to->count || more->first_ns < to->first_ns)
        to->first_ns = more->first_ns;
    if (!to->count || more->last_ns > to->last_ns)
        to->last_ns = more->last_ns;
    if (!to->sample[0] || (more->sample[0] && strcmp(more->sample, to->sample) < 0))
        memcpy(to->sample, more->sample, sizeof to->sample);
    to->count += more->count;
    to->bytes_out += more->bytes_out;
    to->bytes_in += more->bytes_in;
    to->ru_milli += more->ru_milli;
    to->reads += more->reads;
    to->writes += more->writes;
    to->others += more->others;
    to->log_days = more->log_days > to->log_days ? more->log_days : to->log_days;
    to->api = more->api > to->api ? more->api : to->api;
    few_unite(&to->addresses, &more->addresses);
    few_unite(&to->agents, &more->agents);
    few_unite(&to->containers, &more->containers);
    few_unite(&to->networks, &more->networks);
}

void key_use_facts(struct fact_list *f, const struct key_use *u, size_t kind)
{
    facts_add_set(f, "keyKind", slice_of(key_use_kinds[kind]));
    facts_add_few(f, "address", &u->addresses);
    facts_add_few(f, "network", &u->networks);
    facts_add_few(f, "userAgent", &u->agents);
    facts_add_few(f, "container", &u->containers);
    facts_add_sample(f, slice_of(u->sample), 0);
    facts_add_map(f, "operations", SL("reads"), u->reads);
    facts_add_map(f, "operations", SL("writes"), u->writes);
    facts_add_map(f, "operations", SL("other"), u->others);
    facts_add_number(f, "requests", FACT_SUM, u->count);
    facts_add_number(f, "bytesOut", FACT_SUM, u->bytes_out);
    facts_add_number(f, "bytesIn", FACT_SUM, u->bytes_in);
    facts_add_number(f, "ruMilli", FACT_SUM, u->ru_milli);
}

struct slice key_slot(int32_t slot, size_t place, char room[32])
{
    int n = place == SIZE_MAX ? snprintf(room, 32, "%d", slot) : snprintf(room, 32, "%d/%zu", slot, place);

    return slice_make(room, (size_t)n);
}

/* ---- one request ------------------------------------------------------------------------------- */

static bool kind_of(struct slice word, size_t *ret)
{
    const char *name = "";

    (void)key_kind_parse(word, &name); /* the name says more than the class */
    for (size_t i = 0; i < KEY_USE_KINDS; i++)
        if (strcmp(name, key_use_kinds[i]) == 0) {
            *ret = i;
            return true;
        }
    return false;
}

bool key_use_is_readonly(size_t kind)
{
    return kind >= 2;
}

uint8_t key_use_bucket(const struct network_of *net)
{
    return (uint8_t)((net->is_v4 ? 128 : 0) | (hash64(net->wide, strlen(net->wide), 0) & 127));
}

/* On how many days closed slots saw it. */
static int64_t note_known(const struct key_request *r, char what, struct slice name)
{
    struct baseline *b = r->ctx->baseline;
    char room[91];
    struct slice key = habit_key(what, name, room, sizeof room), account = r->obs->text[F_ACCOUNT];
    struct habit_view v;

    if (!habit_is_noted(b, &key_places_memory, account, key, r->obs->minute_ns, &v))
        habit_note(b, &key_places_memory, account, key, name, r->obs->minute_ns, &v);
    return v.days;
}

static bool is_ours(const struct key_request *r)
{
    const struct network *net = enrich_network(r->ctx->enrich, r->obs->text[F_ADDRESS], r->obs->minute_ns);

    return (net && net->is_microsoft) || enrich_trusts(r->ctx->enrich, TRUSTED_ADDRESS, r->obs->text[F_ACCOUNT],
                                                       r->obs->text[F_ADDRESS], r->obs->minute_ns);
}

/* False: not a public address. */
static bool read_network(struct key_request *r)
{
    struct slice text = r->obs->text[F_ADDRESS];
    size_t at = hash64(text.at, text.len, 0) % ARRAY_LEN(r->memo->networks);

    if (text.len == 0 || text.len > sizeof r->memo->networks[at].text)
        return network_of(text, &r->net);
    if (!slice_eq(slice_make(r->memo->networks[at].text, r->memo->networks[at].len), text)) {
        memcpy(r->memo->networks[at].text, text.at, text.len);
        r->memo->networks[at].len = (uint32_t)text.len;
        r->memo->networks[at].is_public = network_of(text, &r->memo->networks[at].net);
    }
    r->net = r->memo->networks[at].net;
    return r->memo->networks[at].is_public;
}

bool key_request_read(struct key_request *r)
{
    const struct observation *obs = r->obs;
    bool is_known, is_known_wide;

    if (!obs_ok(obs) || !kind_of(obs->text[F_KEY_KIND], &r->kind))
        return false;
    r->agent = r->ctx->caller->agent;
    r->product = slice_empty(r->agent.product) ? SL("no agent") : r->agent.product;
    r->is_new_agent = note_known(r, 'a', r->product) < AGENT_DAYS;
    if (!read_network(r) || is_ours(r))
        return true;
    is_known = note_known(r, 'n', slice_of(r->net.near)) > 0;
    is_known_wide = note_known(r, 'w', slice_of(r->net.wide)) > 0;
    r->is_new_wide = !is_known_wide && !is_known;
    r->is_elsewhere = !is_known && (!is_known_wide || r->is_new_agent);
    if (r->is_new_wide)
        usual_note_new(r->ctx->baseline, obs->text[F_ACCOUNT], USUAL_WIDE_OF_KEY, obs->minute_ns);
    return true;
}

struct key_use key_use_of(const struct key_request *r)
{
    const struct observation *obs = r->obs;
    struct key_use u = { .count = obs->count, .bytes_out = obs->bytes_out, .bytes_in = obs->bytes_in,
                         .ru_milli = obs->ru_milli, .first_ns = obs->first_ns, .last_ns = obs->last_ns,
                         .api = (int32_t)obs->api };
    enum request_effect effect = request_effect(obs);
    struct slice sample = slice_cut(obs->sample, FEW_TEXT - 1);

    u.reads = effect == REQUEST_READ ? obs->count : 0;
    u.writes = effect == REQUEST_WRITE ? obs->count : 0;
    u.others = obs->count - u.reads - u.writes;
    u.log_days = key_log_days(r->ctx->baseline, obs->text[F_ACCOUNT], obs->text[F_RESOURCE_ID], obs->minute_ns);
    if (sample.len)
        memcpy(u.sample, sample.at, sample.len);
    few_add(&u.addresses, obs->text[F_ADDRESS]);
    few_add(&u.agents, r->product);
    few_add(&u.containers, obs->text[F_CONTAINER]);
    few_add(&u.networks, slice_of(r->net.near));
    return u;
}
